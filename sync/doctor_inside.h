/* What the files of the doctor share: what it looks at, and where it tells what it found. */
#ifndef SYNC_DOCTOR_INSIDE_H
#define SYNC_DOCTOR_INSIDE_H

#include "sync/replica_own.h"

struct doctor {
    struct replica *replica;
    replica_finding_fn visit;
    void *context;
    struct elog_row row;
    bool is_sound;   /* the log, as far as it was looked at */
    bool lacks_keys; /* some that lie here are damaged: no rebuild can open everything */
    bool lacks_saves; /* one that waits is damaged, and could not be saved anew */
    bool has_found;  /* anything, since that was set to false */
    struct buf torn; /* ids of streams whose feeds do not hold */
};

/* Tells of one finding. All but "tables" and "search", which are made from the log, say that the log is not sound. */
enum rc doctor_find(struct doctor *doctor, const char *what, struct id stream,
                    const char *sentence) MUST_CHECK;

/* ---- doctor_store.c ---- */
/* Whether pages and tables fit together. */
enum rc doctor_structure(struct doctor *doctor, struct db *db, bool *is_whole) MUST_CHECK;
/* Every page of the file; where the structure is not whole, the tables that cannot be read. */
enum rc doctor_pages(struct doctor *doctor, struct store *store, bool is_whole) MUST_CHECK;

/* ---- doctor_mend.c ---- */
/* Keys that do not open are forgotten; the next session asks for them again. */
enum rc doctor_keys(struct doctor *doctor) MUST_CHECK;
/* What is kept of own feeds, against the log and what waits; what is behind these is set right. A feed whose last entries are missing
 * is torn. Not while continuity is in doubt: a session compares them then. */
enum rc doctor_own_feeds(struct doctor *doctor) MUST_CHECK;
/* Has doctor_entries called for the stream. */
enum rc doctor_tear(struct doctor *doctor, struct id stream) MUST_CHECK;
/* Saves that wait and are damaged. Where the tables still show them, they are saved anew from there. */
enum rc doctor_outbox(struct doctor *doctor) MUST_CHECK;
/* Entries of a stream that do not hold and that the server has are dropped, and the stream is fetched again with the next session.
 * What only this device has stays, and is named. */
enum rc doctor_entries(struct doctor *doctor, struct id stream) MUST_CHECK;

#endif
