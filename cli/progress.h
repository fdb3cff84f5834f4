/* A line of progress on the terminal: what is being done, and how far or how long, once it takes more than a
 * second. A thread of its own draws it, so that also what never calls back is shown. */
#ifndef CLI_PROGRESS_H
#define CLI_PROGRESS_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/clock.h"

struct progress {
    bool shows;   /* fixed from the start: nothing is ever drawn when false */
    bool is_dumb; /* the terminal cannot clear a line: a step is written once */
    bool runs;    /* the thread was started */
    struct clock clock;
    pthread_mutex_t mutex; /* over what follows */
    pthread_cond_t changed;
    pthread_t thread;
    bool ends, drew;
    const char *step;
    const char *written; /* on a dumb terminal: the latest step that was */
    uint64_t done, of;
    int64_t since_ms; /* when the first of the steps in a row began */
};

/* Nothing is shown unless `shows`. The value may not be moved afterwards. */
void progress_start(struct progress *progress, bool shows);
/* What is being done from now on (lent until the next call; a whole phrase for people). NULL: nothing, or the
 * user is asked something: the line is gone when this returns, and the second counts anew. */
void progress_step(struct progress *progress, const char *step);
/* The same with how much is done; `of` 0: it is not known how much there is. */
void progress_count(struct progress *progress, const char *step, uint64_t done, uint64_t of);
/* Clears the line and ends the thread. May be called twice. */
void progress_end(struct progress *progress);

#endif
