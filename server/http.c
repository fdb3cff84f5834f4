/* HTTP for the routes on libmicrohttpd: the guard at the door, requests, answers, starting and stopping.
 * tests/e2e/http_hostile.sh tries what the library does not do by itself. */
#include "server/http_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/log.h"
#include "server/guard.h"
#include "server/listen.h"
#include "sync/wire.h"

enum {
    WORKERS = 4,
    CONNECTION_MEMORY_BYTES = 32 * 1024,
    BODIES_BYTES = 256 * 1024 * 1024, /* of all requests that are being read */
    PEER_CHARS = 64,
};

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

static void
log_reply(const struct exchange *exchange, const char *method, const struct reply *reply)
{
    long long ms = http_mono_ms(exchange->http) - exchange->began_ms;

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
    if (reply.status == ROUTE_WAITS && http_waits_too_often(http, reply.wait.device)) {
        done = send_error(connection, WIRE_ERROR_SLOW_DOWN, "This device waits often enough.");
    } else if (reply.status == ROUTE_WAITS) {
        exchange->has_waited = true;
        exchange->wait = reply.wait;
        http_begin_waiting(http, exchange, moves_before);
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

    exchange->began_ms = http_mono_ms(http);
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
        exchange->line->since_ms = http_mono_ms(http);
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
        http_on_connection, http, MHD_OPTION_END);
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
    http->deadline_ms = (options->deadline_s > 0 ? options->deadline_s : 30) * (int64_t)HTTP_SECOND_MS;
    pthread_mutex_init(&http->mutex, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&http->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    rc = listen_open(options->listen, &http->fd, &http->port);
    if (rc == RC_OK) {
        server->moved = http_on_moved;
        server->moved_context = http;
        rc = start_daemon(http, options);
    }
    if (rc == RC_OK && pthread_create(&http->watcher, NULL, http_watch, http) != 0) {
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
    int64_t until_ms = http_mono_ms(http) + grace_s * (int64_t)HTTP_SECOND_MS;
    /* Whoever asks from here on hears that the server stops. The library's own way to stop accepting
     * (MHD_quiesce_daemon) races in 0.9.75 with a worker that sees it first, and aborts. */
    atomic_store(&http->server->stopping, true);
    pthread_mutex_lock(&http->mutex);
    http->is_stopping = true;
    pthread_cond_broadcast(&http->changed);
    /* The library must not be stopped with a suspended connection: those who wait are always let go. */
    while (http->waiting != NULL || (http->running > 0 && http_mono_ms(http) < until_ms))
        http_sleep_until_change(http, HTTP_GATHER_MS);
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
