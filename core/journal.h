/* The journal: the one way in for changes, own and others'. Registers, conflicts, typed tables, search.
 *
 * A record is (entity, id, stream). The versions of a unit that nothing supersedes are *current*: a
 * multi-value register (docs/MERGE.md). Everything here is a cache: journal_reset and applying the
 * stream's saves again, in any order, gives the same rows. */
#ifndef CORE_JOURNAL_H
#define CORE_JOURNAL_H

#include "core/change.h"
#include "core/clock.h"
#include "core/db.h"
#include "core/hlc.h"
#include "core/policy.h"
#include "core/schema.h"

struct journal;

/* Who wrote a feed, as sync/ resolved it from the ledger. */
struct author {
    struct feed_ref feed;
    struct id person;
    unsigned functions; /* enum function, in the stream's family; of another's save at the position that its entry names */
};

/* `db` is lent and outlives the journal. The typed tables are made or rebuilt-from-empty by the schema table
 * when they differ from it: *needs_rebuild then tells that every stream must be reset and applied again. */
enum rc journal_open(struct db *db, const struct clock *clock, struct journal **journal,
                     bool *needs_rebuild) MUST_CHECK;
void journal_close(struct journal *journal);

/* Streams and their families, from the ledger; idempotent. Purge forgets all rows of the stream. */
enum rc journal_add_stream(struct journal *journal, struct id stream, enum stream_kind kind,
                           struct id family) MUST_CHECK;
enum rc journal_find_stream(struct journal *journal, struct id family, enum stream_kind kind,
                            struct id *stream) MUST_CHECK;
enum rc journal_purge_stream(struct journal *journal, struct id stream) MUST_CHECK;

/* Own saves: gives the next save number of (stream, self), stamps the clock, fills in supersedes where NULL,
 * applies it, and encodes the one save as a body (PROTOCOL section 5) for the outbox. Inside a transaction. RC_TOO_LARGE also
 * when self has written 256 times into a unit where its own first still waits for a choice: it would be overtaken. */
enum rc journal_save(struct journal *journal, const struct author *self, struct change *change,
                     struct buf *body, uint32_t *save) MUST_CHECK;
/* An own save of before under a new number: its clock stays, and so does when it was written. No ceiling of a unit refuses it: what would
 * be dead on arrival elsewhere is so here. RC_TOO_LARGE where it no longer fits a save. */
enum rc journal_save_again(struct journal *journal, const struct author *self, struct change *change,
                           struct buf *body, uint32_t *save) MUST_CHECK;
/* Applies one save of any feed; a save whose body was lawfully erased as a change without operations. A save at or below
 * the feed's frontier was applied before: RC_OK, nothing changes. RC_STALE when it is not the next (a gap: the caller parks
 * it); after it nothing was changed. Inside a transaction; after any other failure roll it back. */
enum rc journal_apply(struct journal *journal, const struct author *author, uint32_t save,
                      const struct change *change) MUST_CHECK;
/* A save that is held as late work: it is not applied, but what it writes into strict units protects at once. Again is fine,
 * and when it is applied after all, nothing of it stays held. Of one that is neither held nor applied any more, the stream is to
 * be reset and applied again. Inside a transaction, gathered or not; after a failure roll it back. */
enum rc journal_hold(struct journal *journal, const struct author *author, uint32_t save,
                     const struct change *change) MUST_CHECK;
/* What is applied between these two, in one transaction, is kept in memory (16 MiB, then it is written in between) and written
 * once, each record once, by rising row. journal_settle writes it when rc is RC_OK, else forgets it: the caller then rolls back,
 * as after any failure of journal_apply but RC_STALE; it returns the first failure. In between the database is not read for the
 * journal's tables but through this header. */
void journal_gather(struct journal *journal);
/* The same for own saves: RC_OK of each means "with the commit". Where it is no import, one save in some sixty also indexes
 * what those before it said. */
void journal_gather_own(struct journal *journal, bool is_import);
enum rc journal_settle(struct journal *journal, enum rc rc) MUST_CHECK;
/* Last applied save of a feed; 0 when unknown. */
enum rc journal_frontier(struct journal *journal, struct id stream, struct feed_ref feed,
                         uint32_t *save) MUST_CHECK;
/* The database it works on: for the domain's own queries. What is gathered is written first; where that fails, journal_settle
 * does. */
struct db *journal_db(struct journal *journal);
int64_t journal_now_ms(const struct journal *journal);
/* Empties all caches of the stream: registers, pend, frontiers, rows, search. The caller applies all again. */
enum rc journal_reset(struct journal *journal, struct id stream) MUST_CHECK;
/* Receivers limit only their own clock: trusted_ms is server time when known. */
enum rc journal_observe_clock(struct journal *journal, uint64_t remote_hlc,
                              int64_t trusted_ms) MUST_CHECK;
/* Brings the search index up to date with what was saved and merged; called after a pull and before each search. Several
 * processes may: what waits is noted in the store. */
enum rc journal_index(struct journal *journal) MUST_CHECK;

/* One current version of a unit. value is lent for the callback. */
struct current {
    struct version version;
    struct id person;
    uint64_t hlc;
    bool is_shown;
    const uint8_t *value;
    size_t value_len;
};
typedef enum rc (*journal_current_fn)(void *context, const struct current *current);
enum rc journal_current(struct journal *journal, struct id stream, uint32_t entity,
                        struct id record, uint32_t unit, journal_current_fn visit,
                        void *context) MUST_CHECK;

/* What held saves write into a strict unit, as far as nothing that was applied replaces it; is_shown when it protects more than
 * all that is current, and nothing current is shown then. It cannot be superseded: admitted, it becomes current. */
enum rc journal_held(struct journal *journal, struct id stream, uint32_t entity, struct id record,
                     uint32_t unit, journal_current_fn visit, void *context) MUST_CHECK;
/* Whether `self` may replace these versions of a unit by this value (core/policy.h): RC_DENIED with who may. */
struct replacing {
    struct id stream;
    uint32_t entity;
    uint32_t unit;
    struct id record;
    const uint8_t *value;
    size_t value_len;
    const struct version *versions;
    size_t count;
};
enum rc journal_may_resolve(struct journal *journal, const struct author *self,
                            const struct replacing *replacing) MUST_CHECK;

/* The current versions of all units of a record but `deleted`: what a deletion lists. Heap memory of the caller.
 * RC_ABSENT when there is no such record. */
enum rc journal_versions(struct journal *journal, struct id stream, uint32_t entity,
                         struct id record, struct version **versions, size_t *count) MUST_CHECK;

/* A unit with two or more current versions of different bytes whose policy shows it. */
struct conflict {
    struct id stream;
    struct id family; /* zero in the team stream */
    struct id record;
    uint32_t entity;
    uint32_t unit;
    uint32_t versions;
};
typedef enum rc (*journal_conflict_fn)(void *context, const struct conflict *conflict);
enum rc journal_conflicts(struct journal *journal, journal_conflict_fn visit,
                          void *context) MUST_CHECK;

/* Gives one save of the log or outbox back, decoded (free with body_free(saves, 1)); RC_ABSENT when not held. */
struct save_source {
    enum rc (*get)(void *context, struct id stream, struct feed_ref feed, uint32_t save,
                   struct change **change);
    void *context;
};
/* A version's own operation and what it superseded, read back from the log. */
struct past {
    struct version version;
    uint64_t hlc;
    uint8_t *value; /* heap, the caller's to wipe and free by journal_past_wipe */
    size_t value_len;
    struct version *supersedes;
    size_t supersedes_count;
};
/* The common base of a conflict: the one version that all current versions descend from and no other such version does; of several
 * of equal bytes the latest. RC_ABSENT when there is none, or several that differ, of all or of any two of the current versions; and of more
 * than eight current versions, whose pairs are not gone through. */
enum rc journal_base(struct journal *journal, const struct save_source *source, struct id stream,
                     uint32_t entity, struct id record, uint32_t unit,
                     struct past *base) MUST_CHECK;
void journal_past_wipe(struct past *past);

/* A canonical dump of a stream: every record, unit and current version, sorted, as text lines, and what is held apart ("held ...").
 * Two devices with the same applied and held saves give the same bytes. For doctor and the simulator. */
enum rc journal_dump(struct journal *journal, struct id stream, struct buf *out) MUST_CHECK;
/* The same for what is derived once more: the list of conflicts, and the words of the search index, brought up to date first.
 * For doctor. */
enum rc journal_dump_derived(struct journal *journal, struct id stream, struct buf *out) MUST_CHECK;
/* Whether the search index fits its words, in all streams: RC_CORRUPT when not. */
enum rc journal_check_search(struct journal *journal) MUST_CHECK;
/* Makes the search index anew from its words. */
enum rc journal_remake_search(struct journal *journal) MUST_CHECK;
/* Has the next journal_open drop all caches and make them anew, whatever state they are in: *needs_rebuild tells it. */
enum rc journal_remake_all(struct journal *journal) MUST_CHECK;

#endif
