/* Draws what is being done, twice a second, from the second second on. */
#include "cli/progress.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AFTER_MS = 1000, EVERY_MS = 500, SECOND_MS = 1000 };

/* Below, `mutex` is held. */
static void
clear(struct progress *progress)
{
    if (progress->drew && !progress->is_dumb)
        (void)fprintf(stderr, "\r\033[K");
    progress->drew = false;
}

static void
draw(struct progress *progress, int64_t past_ms)
{
    const char *start = progress->is_dumb ? "" : "\r\033[K";
    const char *end = progress->is_dumb ? "\n" : "";

    if (progress->is_dumb && progress->written == progress->step)
        return;
    progress->written = progress->step;
    if (progress->of > 0)
        (void)fprintf(stderr, "%s%s: %" PRIu64 " / %" PRIu64 "%s", start, progress->step,
                      progress->done, progress->of, end);
    else if (progress->done > 0)
        (void)fprintf(stderr, "%s%s: %" PRIu64 "%s", start, progress->step, progress->done, end);
    else
        (void)fprintf(stderr, "%s%s (%" PRId64 " s)%s", start, progress->step, past_ms / SECOND_MS,
                      end);
    (void)fflush(stderr);
    progress->drew = true;
}

static void
wait_ms(struct progress *progress, int64_t ms)
{
    struct timespec until;

    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += (time_t)(ms / SECOND_MS);
    until.tv_nsec += (long)(ms % SECOND_MS) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    (void)pthread_cond_timedwait(&progress->changed, &progress->mutex, &until);
}

static void *
run(void *context)
{
    struct progress *progress = context;

    (void)pthread_mutex_lock(&progress->mutex);
    while (!progress->ends) {
        int64_t past_ms = clock_mono_ms(&progress->clock) - progress->since_ms;
        if (progress->step == NULL) {
            (void)pthread_cond_wait(&progress->changed, &progress->mutex);
        } else if (past_ms < AFTER_MS) {
            wait_ms(progress, AFTER_MS - past_ms);
        } else {
            draw(progress, past_ms);
            wait_ms(progress, EVERY_MS);
        }
    }
    (void)pthread_mutex_unlock(&progress->mutex);
    return NULL;
}

void
progress_start(struct progress *progress, bool shows)
{
    const char *terminal = getenv("TERM");
    pthread_condattr_t attributes;

    memset(progress, 0, sizeof *progress);
    progress->shows = shows;
    progress->is_dumb = terminal != NULL && strcmp(terminal, "dumb") == 0;
    progress->clock = clock_system();
    if (!shows)
        return;
    (void)pthread_mutex_init(&progress->mutex, NULL);
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&progress->changed, &attributes);
    (void)pthread_condattr_destroy(&attributes);
}

/* Signals are the main thread's: it may hold them back. */
static void
start_thread(struct progress *progress)
{
    sigset_t all, before;

    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    progress->runs = pthread_create(&progress->thread, NULL, run, progress) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
}

void
progress_count(struct progress *progress, const char *step, uint64_t done, uint64_t of)
{
    if (!progress->shows || progress->ends)
        return;
    if (!progress->runs && step != NULL)
        start_thread(progress);
    (void)pthread_mutex_lock(&progress->mutex);
    bool wakes = (progress->step == NULL) != (step == NULL);
    if (progress->step == NULL)
        progress->since_ms = clock_mono_ms(&progress->clock);
    if (step == NULL)
        clear(progress);
    progress->step = step;
    progress->done = done;
    progress->of = of;
    if (wakes)
        (void)pthread_cond_signal(&progress->changed);
    (void)pthread_mutex_unlock(&progress->mutex);
}

void
progress_step(struct progress *progress, const char *step)
{
    progress_count(progress, step, 0, 0);
}

void
progress_end(struct progress *progress)
{
    if (!progress->shows || progress->ends)
        return;
    (void)pthread_mutex_lock(&progress->mutex);
    clear(progress);
    progress->ends = true;
    (void)pthread_cond_signal(&progress->changed);
    (void)pthread_mutex_unlock(&progress->mutex);
    if (progress->runs)
        (void)pthread_join(progress->thread, NULL);
    (void)pthread_cond_destroy(&progress->changed);
    (void)pthread_mutex_destroy(&progress->mutex);
}
