/* HTTP for the routes on libmicrohttpd: the guard at the door, a deadline for each request, polls that
 * hold no thread. tests/e2e/http_hostile.sh tries what the library does not do by itself. */
#include "server/http.h"

#include <errno.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/log.h"
#include "server/guard.h"
#include "server/listen.h"
#include "server/route.h"
#include "server/server.h"
#include "sync/wire.h"

enum {
    WORKERS = 4,
    CONNECTION_MEMORY_BYTES = 32 * 1024,
    BODIES_BYTES = 256 * 1024 * 1024, /* of all requests that are being read */
    PEER_CHARS = 64,
    POLLS_EACH = 64, /* of one device at a time: connections are for all */
    TICK_MS = 500,
    GATHER_MS = 20, /* what moves in so short a time wakes the pollers once */
    SECOND_MS = 1000,
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

static int64_t
mono_ms(const struct http *http)
{
    return clock_mono_ms(&http->server->clock);
}

/* ---- connections and their deadline ---- */

static void
on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
              enum MHD_ConnectionNotificationCode code)
{
    struct http *http = context;
    struct line *line = *socket_context;

    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        const union MHD_ConnectionInfo *info =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
        line = calloc(1, sizeof *line);
        *socket_context = line;
        if (line == NULL || info == NULL)
            return; /* the request is refused for want of a line */
        line->fd = info->connect_fd;
        line->since_ms = mono_ms(http);
        pthread_mutex_lock(&http->mutex);
        line->next = http->lines;
        if (line->next != NULL)
            line->next->previous = line;
        http->lines = line;
        pthread_mutex_unlock(&http->mutex);
    } else if (line != NULL) {
        /* The library closes the descriptor after this: under the mutex nobody shuts down another's. */
        pthread_mutex_lock(&http->mutex);
        if (line->previous != NULL)
            line->previous->next = line->next;
        else if (http->lines == line)
            http->lines = line->next;
        if (line->next != NULL)
            line->next->previous = line->previous;
        pthread_mutex_unlock(&http->mutex);
        free(line);
        *socket_context = NULL;
    }
}

/* Under the mutex. */
static void
shut_overdue(struct http *http, int64_t now_ms)
{
    for (struct line *line = http->lines; line != NULL; line = line->next)
        if (!line->is_waiting && now_ms - line->since_ms > http->deadline_ms) {
            (void)shutdown(line->fd, SHUT_RDWR);
            line->since_ms = now_ms;
        }
}

/* Under the mutex: takes those out of the list who waited long enough, or have something to see. */
static struct exchange *
take_ready(struct http *http, int64_t now_ms)
{
    struct exchange *ready = NULL, **at = &http->waiting;

    while (*at != NULL) {
        struct exchange *exchange = *at;
        if (!http->is_stopping && !exchange->has_moved && now_ms < exchange->wait.until_mono_ms) {
            at = &exchange->next;
            continue;
        }
        *at = exchange->next;
        exchange->next = ready;
        exchange->line->is_waiting = false;
        exchange->line->since_ms = now_ms;
        ready = exchange;
    }
    return ready;
}

static void
resume(struct exchange *ready)
{
    while (ready != NULL) {
        struct exchange *next = ready->next; /* the exchange may be gone once it is resumed */
        MHD_resume_connection(ready->connection);
        ready = next;
    }
}

/* Under the mutex. */
static void
sleep_until_change(struct http *http, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / SECOND_MS;
    until.tv_nsec += (ms % SECOND_MS) * 1000 * 1000;
    if (until.tv_nsec >= 1000L * 1000 * 1000) {
        until.tv_sec++;
        until.tv_nsec -= 1000L * 1000 * 1000;
    }
    (void)pthread_cond_timedwait(&http->changed, &http->mutex, &until);
}

static void *
watch(void *context)
{
    struct http *http = context;

    pthread_mutex_lock(&http->mutex);
    while (!http->is_done) {
        int64_t now_ms = mono_ms(http);
        shut_overdue(http, now_ms);
        http->has_moved = false;
        struct exchange *ready = take_ready(http, now_ms);
        pthread_mutex_unlock(&http->mutex);
        resume(ready);
        pthread_mutex_lock(&http->mutex);
        if (!http->has_moved && !http->is_done)
            sleep_until_change(http, TICK_MS);
        if (http->has_moved && !http->is_stopping) {
            pthread_mutex_unlock(&http->mutex);
            (void)nanosleep(&(struct timespec){0, GATHER_MS * 1000 * 1000}, NULL);
            pthread_mutex_lock(&http->mutex);
        }
    }
    pthread_mutex_unlock(&http->mutex);
    return NULL;
}

static void
on_moved(void *context, const uint8_t team[CRYPTO_HASH_BYTES])
{
    struct http *http = context;

    pthread_mutex_lock(&http->mutex);
    http->moves++;
    for (struct exchange *at = http->waiting; at != NULL; at = at->next)
        if (memcmp(at->wait.team, team, sizeof at->wait.team) == 0)
            at->has_moved = http->has_moved = true;
    if (http->has_moved)
        pthread_cond_signal(&http->changed);
    pthread_mutex_unlock(&http->mutex);
}

/* ---- the guard ---- */

static enum MHD_Result
look_at_header(void *context, enum MHD_ValueKind kind, const char *name, size_t name_len,
               const char *value, size_t value_len)
{
    (void)kind;
    guard_header(context, name, name_len, value, value_len);
    return MHD_YES;
}

/* WIRE_ERROR_NONE when the request may go to the routes. */
static enum wire_error
look_at(struct MHD_Connection *connection, const char *method, uint64_t *length)
{
    struct guard guard = {0};

    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, look_at_header, &guard);
    *length = guard.length;
    return guard_verdict(&guard, method);
}

/* ---- answers ---- */

static enum MHD_Result
send_reply(struct MHD_Connection *connection, const struct reply *reply)
{
    char number[24];
    struct MHD_Response *response = MHD_create_response_from_buffer(
        reply->body.len, reply->body.len > 0 ? reply->body.data : (void *)number,
        MHD_RESPMEM_MUST_COPY);

    if (response == NULL)
        return MHD_NO;
    bool fits = MHD_add_response_header(response, "Cache-Control", "no-store") == MHD_YES;
    if (reply->content_type != NULL)
        fits = fits && MHD_add_response_header(response, "Content-Type", reply->content_type);
    if (reply->allow != NULL)
        fits = fits && MHD_add_response_header(response, "Allow", reply->allow);
    if (reply->baken_time_ms != ROUTE_NO_TIME) {
        (void)snprintf(number, sizeof number, "%lld", (long long)reply->baken_time_ms);
        fits = fits && MHD_add_response_header(response, "Baken-Time", number);
    }
    if (reply->retry_after_s > 0) {
        (void)snprintf(number, sizeof number, "%d", reply->retry_after_s);
        fits = fits && MHD_add_response_header(response, "Retry-After", number);
    }
    enum MHD_Result done =
        fits ? MHD_queue_response(connection, (unsigned)reply->status, response) : MHD_NO;
    MHD_destroy_response(response);
    return done;
}

/* What never came to the routes. */
static enum MHD_Result
send_error(struct MHD_Connection *connection, enum wire_error error, const char *sentence)
{
    struct reply reply = REPLY_EMPTY;
    enum MHD_Result done = MHD_NO;

    reply.status = wire_error_status(error);
    reply.content_type = "application/json";
    if (buf_printf(&reply.body, "{\"error\": \"%s\", \"message\": \"%s\"}\n",
                   wire_error_name(error), sentence) == RC_OK)
        done = send_reply(connection, &reply);
    log_info("http.refused", "status=%d code=%s", reply.status, wire_error_name(error));
    reply_wipe(&reply);
    return done;
}

static const char *
header(struct MHD_Connection *connection, const char *name)
{
    return MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name);
}

/* Hands the exchange to the watcher. The library's side comes first: nobody resumes what is not listed. */
static void
begin_waiting(struct http *http, struct exchange *exchange, uint64_t moves_before)
{
    MHD_suspend_connection(exchange->connection);
    pthread_mutex_lock(&http->mutex);
    exchange->has_moved = http->moves != moves_before;
    exchange->line->is_waiting = true;
    exchange->next = http->waiting;
    http->waiting = exchange;
    if (exchange->has_moved || http->is_stopping) {
        http->has_moved = true;
        pthread_cond_signal(&http->changed);
    }
    pthread_mutex_unlock(&http->mutex);
}

static bool
waits_too_often(struct http *http, struct id device)
{
    size_t count = 0;

    pthread_mutex_lock(&http->mutex);
    for (const struct exchange *at = http->waiting; at != NULL; at = at->next)
        count += id_equal(at->wait.device, device);
    pthread_mutex_unlock(&http->mutex);
    return count >= POLLS_EACH;
}

static void
log_reply(const struct exchange *exchange, const char *method, const struct reply *reply)
{
    long long ms = mono_ms(exchange->http) - exchange->began_ms;

    if (reply->status < 400 && strcmp(method, "GET") == 0)
        return; /* who asks often would fill the disk */
    log_info("http.answered", "method=%s route=%s status=%d code=%s bytes=%zu ms=%lld", method,
             reply->route != NULL ? reply->route : "-", reply->status,
             reply->error != NULL ? reply->error : "-", exchange->body.len, ms);
}

/* Runs the route. `length` is the body's, read or (too long) not. */
static enum MHD_Result
ask_route(struct exchange *exchange, const char *method, size_t length)
{
    struct http *http = exchange->http;
    struct MHD_Connection *connection = exchange->connection;
    const char *peer = header(connection, "X-Real-IP");
    struct request request = {
        .method = method,
        .path = exchange->target,
        .query = exchange->query,
        .signature = header(connection, "Signature"),
        .signature_input = header(connection, "Signature-Input"),
        .content_digest = header(connection, "Content-Digest"),
        .content_type = header(connection, "Content-Type"),
        .peer = peer != NULL && strlen(peer) <= PEER_CHARS ? peer : "",
        .body = exchange->body.data,
        .body_len = length,
        .waited = exchange->has_waited ? &exchange->wait : NULL,
    };
    struct reply reply = REPLY_EMPTY;
    enum MHD_Result done = MHD_YES;

    pthread_mutex_lock(&http->mutex);
    uint64_t moves_before = http->moves;
    pthread_mutex_unlock(&http->mutex);
    route_handle(http->server, &request, &reply);
    if (reply.status == ROUTE_WAITS && waits_too_often(http, reply.wait.device)) {
        done = send_error(connection, WIRE_ERROR_SLOW_DOWN, "This device waits often enough.");
    } else if (reply.status == ROUTE_WAITS) {
        exchange->has_waited = true;
        exchange->wait = reply.wait;
        begin_waiting(http, exchange, moves_before);
    } else {
        log_reply(exchange, method, &reply);
        done = send_reply(connection, &reply);
    }
    reply_wipe(&reply);
    return done;
}

/* ---- requests ---- */

/* The first that the library tells of a request: its target, before it is taken apart. */
static void *
on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct exchange *exchange = calloc(1, sizeof *exchange);

    (void)connection;
    if (exchange == NULL)
        return NULL;
    exchange->http = context;
    exchange->body = BUF_EMPTY(0);
    exchange->target = strdup(target);
    if (exchange->target == NULL) {
        free(exchange);
        return NULL;
    }
    char *mark = strchr(exchange->target, '?');
    exchange->query = mark != NULL ? mark + 1 : strchr(exchange->target, '\0');
    if (mark != NULL)
        *mark = '\0';
    return exchange;
}

static enum MHD_Result
on_head(struct exchange *exchange, const char *method)
{
    struct http *http = exchange->http;
    size_t ceiling = route_body_ceiling(method, exchange->target);
    uint64_t length;
    enum wire_error error = look_at(exchange->connection, method, &length);

    exchange->began_ms = mono_ms(http);
    pthread_mutex_lock(&http->mutex);
    exchange->is_running = true;
    http->running++;
    pthread_mutex_unlock(&http->mutex);
    if (error != WIRE_ERROR_NONE)
        return send_error(exchange->connection, error, "The head of the request was refused.");
    if (length > ceiling) /* answered unread: the library closes the connection */
        return ask_route(exchange, method, (size_t)length);
    exchange->body.ceiling_bytes = ceiling;
    return MHD_YES;
}

static void
on_body(struct exchange *exchange, const char *bytes, size_t len)
{
    struct http *http = exchange->http;

    pthread_mutex_lock(&http->mutex);
    if (http->bodies + len > BODIES_BYTES)
        exchange->is_overloaded = true;
    if (!exchange->is_overloaded) {
        http->bodies += len;
        exchange->counted += len;
    }
    pthread_mutex_unlock(&http->mutex);
    if (!exchange->is_overloaded && buf_put(&exchange->body, bytes, len) != RC_OK)
        exchange->is_overloaded = true;
}

static enum MHD_Result
on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
           const char *version, const char *upload, size_t *upload_len, void **request_context)
{
    struct exchange *exchange = *request_context;
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);

    (void)context;
    (void)url;
    (void)version;
    if (exchange == NULL || info == NULL || info->socket_context == NULL)
        return MHD_NO; /* memory ran out */
    if (!exchange->is_running) {
        exchange->connection = connection;
        exchange->line = info->socket_context;
        return on_head(exchange, method);
    }
    if (*upload_len > 0) {
        on_body(exchange, upload, *upload_len);
        *upload_len = 0;
        return MHD_YES;
    }
    if (exchange->is_overloaded)
        return send_error(connection, WIRE_ERROR_SLOW_DOWN, "The server is busy; try again soon.");
    return ask_route(exchange, method, exchange->body.len);
}

static void
on_completed(void *context, struct MHD_Connection *connection, void **request_context,
             enum MHD_RequestTerminationCode code)
{
    struct http *http = context;
    struct exchange *exchange = *request_context;

    (void)connection;
    (void)code;
    if (exchange == NULL)
        return;
    pthread_mutex_lock(&http->mutex);
    http->bodies -= exchange->counted;
    if (exchange->line != NULL)
        exchange->line->since_ms = mono_ms(http);
    if (exchange->is_running && --http->running == 0)
        pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->mutex);
    buf_wipe(&exchange->body);
    free(exchange->target);
    free(exchange);
    *request_context = NULL;
}

/* ---- starting and stopping ---- */

static enum rc
start_daemon(struct http *http, const struct http_options *options)
{
    unsigned connections = options->connections > 0 ? options->connections : 4096;
    unsigned idle_s = (unsigned)(options->idle_s > 0 ? options->idle_s : 15);

    http->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
        MHD_OPTION_LISTEN_SOCKET, http->fd, MHD_OPTION_THREAD_POOL_SIZE, (unsigned)WORKERS,
        MHD_OPTION_CONNECTION_LIMIT, connections, MHD_OPTION_CONNECTION_TIMEOUT, idle_s,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY_BYTES,
        MHD_OPTION_STRICT_FOR_CLIENT, 1, MHD_OPTION_URI_LOG_CALLBACK, on_target, http,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, http, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, http, MHD_OPTION_END);
    return http->daemon != NULL ? RC_OK : rc_fail(RC_IO, _("the HTTP server does not start"));
}

enum rc
http_start(struct server *server, const struct http_options *options, struct http **out)
{
    pthread_condattr_t monotonic;
    enum rc rc;

    *out = NULL;
    struct http *http = calloc(1, sizeof *http);
    if (http == NULL)
        return rc_nomem();
    http->server = server;
    http->deadline_ms = (options->deadline_s > 0 ? options->deadline_s : 30) * (int64_t)SECOND_MS;
    pthread_mutex_init(&http->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rc = listen_open(options->listen, &http->fd, &http->port);
    if (rc == RC_OK) {
        server->moved = on_moved;
        server->moved_context = http;
        rc = start_daemon(http, options);
    }
    if (rc == RC_OK && pthread_create(&http->watcher, NULL, watch, http) != 0) {
        MHD_stop_daemon(http->daemon); /* closes the socket as well */
        http->fd = -1;
        rc = rc_fail(RC_NOMEM, _("no thread could be started"));
    }
    if (rc != RC_OK) {
        if (http->fd >= 0)
            (void)close(http->fd);
        pthread_cond_destroy(&http->changed);
        pthread_mutex_destroy(&http->mutex);
        free(http);
        return rc;
    }
    *out = http;
    return RC_OK;
}

uint16_t
http_port(const struct http *http)
{
    return http->port;
}

void
http_stop(struct http *http, int grace_s)
{
    if (http == NULL)
        return;
    int64_t until_ms = mono_ms(http) + grace_s * (int64_t)SECOND_MS;
    /* Whoever asks from here on hears that the server stops. The library's own way to stop accepting
     * (MHD_quiesce_daemon) races in 0.9.75 with a worker that sees it first, and aborts. */
    atomic_store(&http->server->stopping, true);
    pthread_mutex_lock(&http->mutex);
    http->is_stopping = true;
    pthread_cond_broadcast(&http->changed);
    /* The library must not be stopped with a suspended connection: those who wait are always let go. */
    while (http->waiting != NULL || (http->running > 0 && mono_ms(http) < until_ms))
        sleep_until_change(http, GATHER_MS);
    pthread_mutex_unlock(&http->mutex);
    MHD_stop_daemon(http->daemon);

    pthread_mutex_lock(&http->mutex);
    http->is_done = true;
    pthread_cond_broadcast(&http->changed);
    pthread_mutex_unlock(&http->mutex);
    (void)pthread_join(http->watcher, NULL);
    http->server->moved = NULL;
    pthread_cond_destroy(&http->changed);
    pthread_mutex_destroy(&http->mutex);
    free(http);
}
