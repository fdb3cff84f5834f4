/* Stands between a client and a server on loopback and counts the bytes that pass. */
#include "tests/bench/relay.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct relay {
    int listener;
    uint16_t port, to;
    pthread_t thread;
    _Atomic uint64_t sent, received;
};

static void
demand(bool condition, const char *what)
{
    if (condition)
        return;
    perror(what);
    exit(1);
}

static struct sockaddr_in
loopback(uint16_t port)
{
    return (struct sockaddr_in){
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
}

/* Passes on what is there; whether the connection goes on. */
static bool
pass(int from, int to, _Atomic uint64_t *count)
{
    char bytes[65536];
    ssize_t len = read(from, bytes, sizeof bytes);

    for (ssize_t at = 0; at < len;) {
        ssize_t put = write(to, bytes + at, (size_t)(len - at));
        if (put <= 0)
            return false;
        at += put;
    }
    atomic_fetch_add(count, len > 0 ? (uint64_t)len : 0);
    return len > 0;
}

static void
carry(struct relay *relay, int client)
{
    struct sockaddr_in to = loopback(relay->to);
    int one = 1, server = socket(AF_INET, SOCK_STREAM, 0);

    demand(server >= 0 && connect(server, (struct sockaddr *)&to, sizeof to) == 0, "relay");
    setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    setsockopt(server, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct pollfd ends[] = {{.fd = client, .events = POLLIN}, {.fd = server, .events = POLLIN}};
    for (bool goes_on = true; goes_on && poll(ends, 2, -1) > 0;) {
        if (ends[0].revents != 0)
            goes_on = pass(client, server, &relay->sent);
        if (goes_on && ends[1].revents != 0)
            goes_on = pass(server, client, &relay->received);
    }
    close(server);
    close(client);
}

static void *
run(void *context)
{
    struct relay *relay = context;
    int client;

    while ((client = accept(relay->listener, NULL, NULL)) >= 0)
        carry(relay, client);
    return NULL;
}

struct relay *
relay_start(uint16_t port)
{
    struct relay *relay = calloc(1, sizeof *relay);
    struct sockaddr_in own = loopback(0);
    socklen_t len = sizeof own;

    demand(relay != NULL, "relay");
    relay->to = port;
    relay->listener = socket(AF_INET, SOCK_STREAM, 0);
    demand(relay->listener >= 0 && bind(relay->listener, (struct sockaddr *)&own, len) == 0 &&
               listen(relay->listener, 8) == 0 && getsockname(relay->listener, (struct sockaddr *)&own, &len) == 0,
           "relay");
    relay->port = ntohs(own.sin_port);
    demand(pthread_create(&relay->thread, NULL, run, relay) == 0, "relay");
    return relay;
}

uint16_t
relay_port(const struct relay *relay)
{
    return relay->port;
}

uint64_t
relay_sent(const struct relay *relay)
{
    return atomic_load(&relay->sent);
}

uint64_t
relay_received(const struct relay *relay)
{
    return atomic_load(&relay->received);
}

void
relay_stop(struct relay *relay)
{
    shutdown(relay->listener, SHUT_RDWR); /* ends accept */
    pthread_join(relay->thread, NULL);
    close(relay->listener);
    free(relay);
}
