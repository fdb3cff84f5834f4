/* Requests over HTTP against a socket that answers as told: what is refused, what is cut, what is not followed. */
#include "tests/unit/unit.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "sync/transport_http.h"

/* Answers one connection with fixed bytes, then closes it: not before all was read, or the reset could overtake them. */
struct stub {
    int socket;
    char address[64];
    const char *answer;
    bool is_silent; /* says no more after that, and does not close */
    unsigned slow_blocks; /* after that so many blocks, ten a second */
    char request[4096];
    pthread_t thread;
};

enum { SLOW_BLOCK_BYTES = 400 };

static void
write_slowly(int peer, unsigned blocks)
{
    static const char block[SLOW_BLOCK_BYTES] = "a line that is slow and alive";
    const struct timespec pause = {.tv_nsec = 100000000};

    for (unsigned i = 0; i < blocks; i++) {
        (void)nanosleep(&pause, NULL);
        assert_int_equal(write(peer, block, sizeof block), sizeof block);
    }
}

static void *
serve(void *context)
{
    struct stub *stub = context;
    int peer = accept(stub->socket, NULL, NULL);
    size_t len = 0;

    while (peer >= 0 && len < sizeof stub->request - 1) {
        ssize_t got = read(peer, stub->request + len, sizeof stub->request - 1 - len);
        if (got <= 0)
            break;
        len += (size_t)got;
        stub->request[len] = '\0';
        if (strstr(stub->request, "\r\n\r\n") != NULL)
            break;
    }
    if (peer >= 0 && stub->answer != NULL) {
        char rest[256];
        assert_true(stub->answer[0] == '\0' || write(peer, stub->answer, strlen(stub->answer)) > 0);
        write_slowly(peer, stub->slow_blocks);
        if (!stub->is_silent)
            shutdown(peer, SHUT_WR);
        while (read(peer, rest, sizeof rest) > 0)
            continue;
    }
    if (peer >= 0)
        close(peer);
    return NULL;
}

static void
stub_open(struct stub *stub, const char *answer, bool is_silent, unsigned slow_blocks)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof address;

    memset(stub, 0, sizeof *stub);
    stub->answer = answer;
    stub->is_silent = is_silent;
    stub->slow_blocks = slow_blocks;
    stub->socket = socket(AF_INET, SOCK_STREAM, 0);
    assert_true(stub->socket >= 0);
    assert_int_equal(bind(stub->socket, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(listen(stub->socket, 1), 0);
    assert_int_equal(getsockname(stub->socket, (struct sockaddr *)&address, &len), 0);
    snprintf(stub->address, sizeof stub->address, "http://127.0.0.1:%u",
             (unsigned)ntohs(address.sin_port));
    assert_int_equal(pthread_create(&stub->thread, NULL, serve, stub), 0);
}

static void
stub_close(struct stub *stub)
{
    shutdown(stub->socket, SHUT_RDWR);
    pthread_join(stub->thread, NULL);
    close(stub->socket);
}

/* One request; the reply is the caller's to wipe. */
static enum rc
ask_for(int64_t wait_ms, unsigned slow_blocks, const char *answer, size_t ceiling, struct transport_reply *reply, struct stub *stub)
{
    struct transport_http *http;
    struct transport_request request = {
        .method = "POST",
        .target = "/v1/x?y=1",
        .body = "body",
        .body_len = 4,
        .signature = "baken=:AA==:",
        .ceiling_bytes = ceiling,
        .wait_ms = wait_ms,
    };

    *reply = (struct transport_reply){.body = BUF_EMPTY(1 << 20)};
    stub_open(stub, answer, wait_ms != 0, slow_blocks);
    assert_ok(transport_http_open(stub->address, &http));
    struct transport transport = transport_http_transport(http);
    enum rc rc = transport.send(transport.context, &request, reply);
    transport_http_close(http);
    stub_close(stub);
    return rc;
}

static enum rc
ask(const char *answer, size_t ceiling, struct transport_reply *reply, struct stub *stub)
{
    return ask_for(0, 0, answer, ceiling, reply, stub);
}

static void
a_whole_reply_comes_with_its_type_and_time(void **state)
{
    (void)state;
    struct stub stub;
    struct transport_reply reply;

    assert_ok(ask(
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.baken\r\nBaken-Time: 1790000000123\r\n"
        "Content-Length: 5\r\n\r\nhello",
        1000, &reply, &stub));
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.content_type, "application/vnd.baken");
    assert_int_equal(reply.server_time_ms, INT64_C(1790000000123));
    assert_int_equal(reply.body.len, 5);
    assert_memory_equal(reply.body.data, "hello", 5);
    assert_non_null(strstr(stub.request, "POST /v1/x?y=1 HTTP/1.1\r\n"));
    assert_non_null(strstr(stub.request, "Signature: baken=:AA==:\r\n"));
    assert_null(strstr(stub.request, "Cookie"));
    buf_wipe(&reply.body);
}

static void
a_redirect_is_not_followed(void **state)
{
    (void)state;
    struct stub stub;
    struct transport_reply reply;

    assert_ok(
        ask("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n",
            1000, &reply, &stub));
    assert_int_equal(reply.status, 302);
    buf_wipe(&reply.body);
}

static void
a_cut_answer_is_no_answer(void **state)
{
    (void)state;
    struct stub stub;
    struct transport_reply reply;

    assert_int_equal(ask("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello", 1000, &reply, &stub),
                     RC_OFFLINE);
    buf_wipe(&reply.body);
    assert_int_equal(ask(NULL, 1000, &reply, &stub), RC_OFFLINE);
    buf_wipe(&reply.body);
}

/* A socket that is open on this side alone. Half a second in the place of the usual minute. */
static void
failure_15_a_server_that_falls_silent_is_given_up(void **state)
{
    static const char *const answers[] = {"", "HTTP/1.1 200 OK\r\nContent-Le",
                                          "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello"};
    struct stub stub;
    struct transport_reply reply;

    (void)state;
    for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
        assert_int_equal(ask_for(-59500, 0, answers[i], 1000, &reply, &stub), RC_OFFLINE);
        buf_wipe(&reply.body);
    }
}

/* Four seconds of an answer, where silence is given up after one: a large page over a poor line takes minutes. */
static void
failure_15_a_line_that_is_slow_and_alive_is_not_given_up(void **state)
{
    struct stub stub;
    struct transport_reply reply;

    (void)state;
    assert_ok(ask_for(-59500, 40, "HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n", 16000, &reply, &stub));
    assert_int_equal(reply.body.len, 16000);
    buf_wipe(&reply.body);
}

static void
an_answer_over_the_ceiling_is_not_read(void **state)
{
    (void)state;
    struct stub stub;
    struct transport_reply reply;

    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, hello", 4, &reply, &stub),
        RC_TOO_LARGE);
    buf_wipe(&reply.body);
    assert_int_equal(
        ask("HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello, hello", 4, &reply, &stub),
        RC_TOO_LARGE);
    assert_true(reply.body.len <= 4);
    buf_wipe(&reply.body);
}

static void
plain_http_is_for_this_machine_only(void **state)
{
    (void)state;
    static const char *const good[] = {"https://baken.example", "https://baken.example:8443/",
                                       "http://localhost:8080", "http://127.0.0.1:1",
                                       "http://[::1]:1",        "unix:/run/baken.sock"};
    static const char *const bad[] = {"http://baken.example",
                                      "http://127.0.0.1.example",
                                      "http://localhost@baken.example",
                                      "ftp://localhost",
                                      "file:///etc/passwd",
                                      "baken.example",
                                      "https://",
                                      "unix:relative",
                                      "https://user:secret@baken.example",
                                      "https://baken.example?x",
                                      ""};
    struct transport_http *http;

    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        assert_ok(transport_http_open(good[i], &http));
        transport_http_close(http);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(transport_http_open(bad[i], &http), RC_INVALID);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_reply_comes_with_its_type_and_time),
        cmocka_unit_test(a_redirect_is_not_followed),
        cmocka_unit_test(a_cut_answer_is_no_answer),
        cmocka_unit_test(failure_15_a_server_that_falls_silent_is_given_up),
        cmocka_unit_test(failure_15_a_line_that_is_slow_and_alive_is_not_given_up),
        cmocka_unit_test(an_answer_over_the_ceiling_is_not_read),
        cmocka_unit_test(plain_http_is_for_this_machine_only),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
