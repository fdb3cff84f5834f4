/* What http.c and http_wait.c share; nobody else includes it. */
#ifndef SERVER_HTTP_INSIDE_H
#define SERVER_HTTP_INSIDE_H

#include "server/http.h"

#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>

#include "server/route.h"
#include "server/server.h"

enum {
    HTTP_SECOND_MS = 1000,
    HTTP_GATHER_MS = 20, /* what moves in so short a time wakes the pollers once */
};

/* One accepted connection. `since_ms` is when its present request, or its silence, began. */
struct line {
    struct line *next;
    struct line *previous;
    int fd;
    int64_t since_ms;
    bool is_waiting; /* a poll: no deadline runs */
};

/* One request from its first line to its answer. */
struct exchange {
    struct exchange *next; /* among those who wait */
    struct http *http;
    struct MHD_Connection *connection;
    struct line *line;
    char *target; /* path and query as received */
    char *query;  /* within target, after the question mark; "" when there is none */
    size_t counted; /* body bytes counted in http->bodies */
    struct buf body;
    struct route_wait wait;
    int64_t began_ms;
    bool is_running; /* past the guard */
    bool has_waited;
    bool has_moved;
    bool is_overloaded;
};

struct http {
    struct server *server;
    struct MHD_Daemon *daemon;
    pthread_t watcher;
    int fd;
    uint16_t port;
    int64_t deadline_ms;

    pthread_mutex_t mutex; /* guards what follows; never held while calling the library */
    pthread_cond_t changed;
    struct line *lines;
    struct exchange *waiting;
    uint64_t moves; /* counted, so that none is lost between looking and waiting */
    size_t bodies;
    unsigned running;
    bool has_moved;
    bool is_stopping;
    bool is_done; /* the watcher may end */
};

int64_t http_mono_ms(const struct http *http);
/* The library's callback: a connection has come, or is going. */
void http_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                        enum MHD_ConnectionNotificationCode code);
/* The server's callback: a team's streams or ledger have moved on. */
void http_on_moved(void *context, const uint8_t team[CRYPTO_HASH_BYTES]);
/* The watcher, a thread: shuts connections past their deadline, and lets those go who waited; until is_done. */
void *http_watch(void *context);
/* Hands the exchange to the watcher. `moves_before` is from before the route looked. */
void http_begin_waiting(struct http *http, struct exchange *exchange, uint64_t moves_before);
bool http_waits_too_often(struct http *http, struct id device);
/* Under the mutex, which it gives up meanwhile. */
void http_sleep_until_change(struct http *http, int64_t ms);

#endif
