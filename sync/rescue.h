/* What can be read of a store with damaged pages, brought into a new one: above all what was not sent. */
#ifndef SYNC_RESCUE_H
#define SYNC_RESCUE_H

#include "core/store.h"
#include "sync/replica.h"

/* Own saves of one stream that could not be read and that the server is not known to hold. */
struct rescue_lost {
    struct id stream; /* zero: not even that could be read */
    const char *code_name; /* of its family, lent; NULL: it is not one of a family, or not known here */
    uint32_t first, last;
    int64_t before_ms; /* when the next save that was read there was written; 0: there is none */
};
typedef enum rc (*rescue_lost_fn)(void *context, const struct rescue_lost *lost);

struct rescue {
    uint64_t unsent;      /* saves and entries of this device that came along and that the server does not have */
    uint64_t remade;      /* of these, made good from what the tables show of them: they may lack what was replaced since */
    uint64_t replaced;    /* own saves that could not be read, of which all was replaced since: only history is lost by them */
    uint64_t lost;        /* own saves that could not be read, which the server is not known to hold */
    bool is_damaged;      /* some row of the log, of keys or of what is kept of the ledger could not be read: it is fetched again */
};

/*
 * Copies, row by row and past pages that do not authenticate, what only this device has and what can be read of the rest; never by an
 * index. Own saves that were not sent and cannot be read are made good from the old tables. Tables are made anew from it, and every stream is marked to be fetched again by the next session, which then compares own
 * feeds with the server's, for `to` is a copy (sync/recover.h). `from` was opened to be read and is left as it is; `to` is
 * store_create_after's, without a replica.
 *
 * fails  RC_CORRUPT the device's own keys or the first line of the ledger cannot be read: nothing can go on from here. RC_ABSENT this
 *        store belongs to no team yet. RC_FULL, RC_IO, RC_NOMEM
 */
enum rc rescue_copy(struct store *from, struct store *to, rescue_lost_fn visit, void *context,
                    struct rescue *rescue) MUST_CHECK;

/* The same into a store that is made in `options->directory`, which is absent or empty, by the other options; it gets that name last
 * of all. Also fails with RC_EXISTS; RC_UNTRUSTED: the key slots are old or altered ones, and would look new. */
enum rc rescue_into(struct store *from, const struct store_options *options, rescue_lost_fn visit, void *context,
                    struct rescue *rescue) MUST_CHECK;

/* How many half-made stores lie beside `directory` under the name of a rescue into it: of ones that were cut short, for a rescue that
 * fails by itself removes its own. They hold nothing that the old store does not, and no run takes one up again. RC_IO, RC_NOMEM */
enum rc rescue_leftovers(const char *directory, unsigned *count) MUST_CHECK;

#endif
