/* What a new incarnation takes along. For sync/recover*.c alone. */
#ifndef SYNC_RECOVER_INSIDE_H
#define SYNC_RECOVER_INSIDE_H

#include "sync/replica_own.h"

/* A save that waits under its old number. */
struct leftover {
    struct id stream;
    struct feed_ref old;
    uint32_t save;
    uint32_t new_save; /* once it has one */
    struct change *change;
};

/* The entry that was looked into last, decoded. */
struct sent {
    int64_t feed; /* 0: none */
    uint32_t first;
    uint32_t last;
    struct change *saves; /* NULL: its key is not here */
};

/* Ascending by stream, feed and save, as they were found. */
struct leftovers {
    struct replica *replica;
    struct leftover *items;
    size_t count;
    size_t room;
    bool drops_lost; /* everything was pulled: an own save that is nowhere is lost */
    struct sent sent;
};

/* References to saves that got new numbers follow them, and those to saves that are lost go. RC_NOMEM. */
enum rc recover_renumber(const struct leftovers *list, struct change *change) MUST_CHECK;
/* Saves each of them in the present incarnation, and puts it in line. Inside a transaction. */
enum rc recover_save_again(struct replica *replica, struct leftovers *list) MUST_CHECK;

#endif
