/* Several devices with a journal each, in a scratch directory, for tests: the saves go round by hand. */
#ifndef TESTS_SUPPORT_DEVICES_H
#define TESTS_SUPPORT_DEVICES_H

#include "core/change_set.h"
#include "core/journal.h"
#include "tests/support/scratch.h"

enum { DEVICES = 4, DEVICES_SAVES = 512 };

struct device {
    struct db *db;
    struct journal *journal;
    struct author self;
    int64_t now_ms; /* its own wall clock */
    struct clock clock;
};

/* One save as it went out. */
struct sent {
    struct author author;
    struct id stream;
    uint32_t save;
    uint64_t hlc;
    struct buf body;
};

struct devices {
    struct scratch scratch;
    struct device device[DEVICES];
    size_t count;
    struct id family, team, index, file;
    struct sent sent[DEVICES_SAVES];
    size_t sent_count;
};

/* `count` devices of different persons that hold one family's index and file, and the team stream.
 * Ids are fixed, so that runs are equal. */
void devices_make(struct devices *devices, size_t count);
void devices_remove(struct devices *devices);
/* Saves on one device, keeps the body in `sent`; empties the change or set. Aborts unless RC_OK. */
void devices_save(struct devices *devices, size_t device, struct change *change);
void devices_save_set(struct devices *devices, size_t device, struct change_set *set);
/* Applies one sent save on a device, through its bytes. */
enum rc devices_apply(struct devices *devices, size_t device, size_t sent);
/* Applies everything sent so far on one device, whose clock runs past each save's afterwards, as in a session. */
void devices_pull(struct devices *devices, size_t device);
/* Holds one sent save on a device, as late work. */
void devices_hold(struct devices *devices, size_t device, size_t sent);
/* Applies `count` of what was sent in one transaction, gathered (journal_gather); gaps are passed over. applied[i] tells of
 * the i-th. */
enum rc devices_apply_gathered(struct devices *devices, size_t device, const size_t *at,
                               size_t count, bool *applied);
/* Applies everything sent, everywhere, in the order sent, as often as gaps ask for. */
void devices_sync(struct devices *devices);
/* The dump of a stream as text, the caller's to free. */
char *devices_dump(struct devices *devices, size_t device, struct id stream);
struct id devices_id(unsigned kind, unsigned number); /* fixed ids for tests */
/* Aborts with the sentence unless RC_OK. */
void devices_demand(enum rc rc, const char *what);

#endif
