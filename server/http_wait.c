/* Connections with their deadline, and polls that hold no thread: one watcher ends the first and wakes the second. */
#include "server/http_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

enum {
    POLLS_EACH = 64, /* of one device at a time: connections are for all */
    TICK_MS = 500,
};

int64_t
http_mono_ms(const struct http *http)
{
    return clock_mono_ms(&http->server->clock);
}

/* ---- connections ---- */

void
http_on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
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
        line->since_ms = http_mono_ms(http);
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
void
http_sleep_until_change(struct http *http, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / HTTP_SECOND_MS;
    until.tv_nsec += (ms % HTTP_SECOND_MS) * 1000 * 1000;
    if (until.tv_nsec >= 1000L * 1000 * 1000) {
        until.tv_sec++;
        until.tv_nsec -= 1000L * 1000 * 1000;
    }
    (void)pthread_cond_timedwait(&http->changed, &http->mutex, &until);
}

void *
http_watch(void *context)
{
    struct http *http = context;

    pthread_mutex_lock(&http->mutex);
    while (!http->is_done) {
        int64_t now_ms = http_mono_ms(http);
        shut_overdue(http, now_ms);
        http->has_moved = false;
        struct exchange *ready = take_ready(http, now_ms);
        pthread_mutex_unlock(&http->mutex);
        resume(ready);
        pthread_mutex_lock(&http->mutex);
        if (!http->has_moved && !http->is_done)
            http_sleep_until_change(http, TICK_MS);
        if (http->has_moved && !http->is_stopping) {
            pthread_mutex_unlock(&http->mutex);
            (void)nanosleep(&(struct timespec){0, HTTP_GATHER_MS * 1000 * 1000}, NULL);
            pthread_mutex_lock(&http->mutex);
        }
    }
    pthread_mutex_unlock(&http->mutex);
    return NULL;
}

void
http_on_moved(void *context, const uint8_t team[CRYPTO_HASH_BYTES])
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

/* ---- those who wait ---- */

/* The library's side comes first: nobody resumes what is not listed. */
void
http_begin_waiting(struct http *http, struct exchange *exchange, uint64_t moves_before)
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

bool
http_waits_too_often(struct http *http, struct id device)
{
    size_t count = 0;

    pthread_mutex_lock(&http->mutex);
    for (const struct exchange *at = http->waiting; at != NULL; at = at->next)
        count += id_equal(at->wait.device, device);
    pthread_mutex_unlock(&http->mutex);
    return count >= POLLS_EACH;
}
