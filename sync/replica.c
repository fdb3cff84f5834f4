/* The facade: opens what the store holds, and keeps identity, ledger, keys and time together. */
#include "sync/replica_own.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/inbox.h"

static enum rc
load_identity(struct replica *replica)
{
    struct secret saved = SECRET_EMPTY;
    int64_t incarnation;

    enum rc rc = own_secret_get(replica->db, &replica->sealing, STATE_IDENTITY, &saved);
    if (rc == RC_ABSENT) {
        rc = RC_OK;
        goto out;
    }
    if (rc == RC_OK)
        rc = identity_load(&saved, &replica->identity);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_INCARNATION, &incarnation);
    if (rc != RC_OK)
        goto out;
    replica->incarnation = (uint64_t)incarnation;
    replica->has_identity = true;
out:
    secret_wipe(&saved);
    return rc;
}

enum rc
replica_need_identity(struct replica *replica)
{
    struct secret saved = SECRET_EMPTY;
    struct secret random = SECRET_EMPTY;

    if (replica->has_identity)
        return RC_OK;
    enum rc rc = identity_make(&replica->identity);
    if (rc == RC_OK)
        rc = identity_save(&replica->identity, &saved);
    if (rc == RC_OK)
        rc = secret_random(&random, sizeof replica->incarnation);
    if (rc != RC_OK)
        goto out;
    memcpy(&replica->incarnation, random.bytes, sizeof replica->incarnation);
    replica->incarnation |= 1; /* never 0 */
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    rc = own_secret_put(replica->db, &replica->sealing, STATE_IDENTITY, &saved);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_INCARNATION, (int64_t)replica->incarnation);
    rc = db_end(replica->db, rc);
    replica->has_identity = rc == RC_OK;
out:
    secret_wipe(&random);
    secret_wipe(&saved);
    return rc;
}

enum rc
replica_load_invitation(struct replica *replica, struct joining_invitation *invitation)
{
    struct secret bytes = SECRET_EMPTY;

    enum rc rc = own_secret_get(replica->db, &replica->sealing, STATE_INVITATION, &bytes);
    if (rc == RC_OK)
        rc = joining_invitation_decode(bytes.bytes, bytes.len, invitation);
    if (rc == RC_OK && !replica->has_team) {
        memcpy(replica->team, invitation->team, sizeof replica->team);
        replica->has_team = true;
    }
    secret_wipe(&bytes);
    return rc;
}

static enum rc
load_keys(struct replica *replica)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    struct stmt *stmt;
    bool found = true;

    enum rc rc = keyring_new_under(&replica->sealing, &replica->keys);
    if (rc == RC_OK)
        rc = db_stmt(replica->db, "SELECT stream, epoch, sealed FROM sync_key ORDER BY stream, epoch",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && found) {
        struct id stream;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        rc = stmt_get_id(stmt, 0, &stream);
        if (rc == RC_OK)
            rc = stmt_get_fixed(stmt, 2, sealed, sizeof sealed);
        if (rc == RC_OK)
            rc = keyring_put_sealed(replica->keys, stream, (uint32_t)stmt_get_int(stmt, 1), sealed);
    }
    stmt_done(stmt);
    return rc;
}

static bool
may_keep(struct replica *replica, struct id stream)
{
    return !replica->is_in_team || ledger_may_hold(replica->ledger, replica->identity.device, stream,
                                                   (uint64_t)replica_now_ms(replica));
}

enum rc
replica_store_keys_of(struct replica *replica, struct id stream)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    size_t first, count = keyring_find(replica->keys, stream, &first);
    enum rc rc = RC_OK;

    if (!may_keep(replica, stream)) { /* not yet: a line may still come */
        replica->has_loose_keys = replica->has_loose_keys || count > 0;
        return RC_OK;
    }
    for (size_t i = first; rc == RC_OK && i < first + count; i++) {
        uint32_t epoch;
        struct stmt *stmt;
        keyring_sealed_at(replica->keys, i, &stream, &epoch, sealed);
        rc = db_stmt(replica->db,
                     "INSERT OR IGNORE INTO sync_key (stream, epoch, sealed) VALUES (?1, ?2, ?3)",
                     &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        stmt_int(stmt, 2, epoch);
        stmt_blob(stmt, 3, sealed, sizeof sealed);
        rc = stmt_finish(stmt);
    }
    return rc;
}

/* The stream of the key at `*index`, which moves behind that stream's last. */
static struct id
step_over_stream(const struct keyring *keys, size_t *index)
{
    uint8_t sealed[KEYRING_SEALED_BYTES];
    struct id stream;
    uint32_t epoch;
    size_t first;

    keyring_sealed_at(keys, *index, &stream, &epoch, sealed);
    size_t count = keyring_find(keys, stream, &first);
    *index = first + count;
    return stream;
}

static enum rc
count_stored(struct replica *replica, struct id stream, int64_t *count)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT count(*) FROM sync_key WHERE stream = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    return stmt_finish_int(stmt, count);
}

enum rc
replica_store_keys(struct replica *replica)
{
    enum rc rc = RC_OK;

    replica->has_loose_keys = false; /* but for those that may not be kept, and when it fails */
    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t from = i;
        struct id stream = step_over_stream(replica->keys, &i);
        int64_t stored;
        rc = count_stored(replica, stream, &stored);
        /* Every key in the table is in the ring too: equal numbers say that they hold the same. */
        if (rc == RC_OK && (size_t)stored < i - from)
            rc = replica_store_keys_of(replica, stream);
    }
    replica->has_loose_keys = replica->has_loose_keys || rc != RC_OK;
    return rc;
}

bool
replica_lacks_keys(const struct replica *replica, struct id stream)
{
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);
    size_t first;

    return known != NULL && keyring_find(replica->keys, stream, &first) < known->epoch;
}

/* Here by a key or box, and not to be: what is still one of our streams leaves by streams.c, which seals what waits first. */
static enum rc
is_lent(struct replica *replica, struct id stream, bool *is)
{
    enum streams_place place = STREAMS_SHOWN;
    enum rc rc = may_keep(replica, stream) ? RC_OK : streams_find(replica, stream, &place);

    *is = rc == RC_OK && place == STREAMS_ABSENT;
    return rc;
}

static enum rc
drop_lent_keys(struct replica *replica)
{
    bool is = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        size_t next = i;
        struct id stream = step_over_stream(replica->keys, &next);
        rc = is_lent(replica, stream, &is);
        if (is)
            keyring_drop(replica->keys, stream); /* the next stands here now */
        else
            i = next;
    }
    return rc;
}

/* Deletes what is stored of such streams; `next_sql` gives the table's next stream after ?1. */
static enum rc
delete_lent(struct replica *replica, const char *next_sql)
{
    struct id stream = {{0}};
    bool found = true, is = false;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        struct stmt *stmt;
        rc = db_stmt(replica->db, next_sql, &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, stream);
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 0, &stream);
        stmt_done(stmt);
        if (rc == RC_OK && found)
            rc = is_lent(replica, stream, &is);
        if (rc == RC_OK && found && is)
            rc = db_run_id(replica->db, "DELETE FROM sync_box WHERE stream = ?1", stream);
        if (rc == RC_OK && found && is)
            rc = db_run_id(replica->db, "DELETE FROM sync_key WHERE stream = ?1", stream);
    }
    return rc;
}

enum rc
replica_forget_lent(struct replica *replica)
{
    struct settled *settled = &replica->settled;

    if (replica->is_ledger_short || !replica->is_in_team)
        return RC_OK;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    if (settled->lent_keys == keyring_changes(replica->keys) &&
        settled->lent_boxes == replica->box_changes &&
        ledger_is_within(replica->ledger, &settled->lent, now_ms))
        return RC_OK;
    enum rc rc = drop_lent_keys(replica);
    if (rc == RC_OK && replica->has_loose_keys) /* opened to be passed on, and by now ours to keep */
        rc = replica_store_keys(replica);
    if (rc == RC_OK)
        rc = delete_lent(replica,
                         "SELECT stream FROM sync_box WHERE stream > ?1 ORDER BY stream LIMIT 1");
    if (rc == RC_OK)
        rc = delete_lent(replica,
                         "SELECT stream FROM sync_key WHERE stream > ?1 ORDER BY stream LIMIT 1");
    if (rc == RC_OK && !db_in_transaction(replica->db)) { /* which may yet fail */
        settled->lent = ledger_span(replica->ledger, now_ms);
        settled->lent_keys = keyring_changes(replica->keys);
        settled->lent_boxes = replica->box_changes;
    }
    return rc;
}

enum rc
replica_rebuild_all(struct replica *replica)
{
    struct id stream;
    bool found;

    enum rc rc = streams_next(replica, NULL, &stream, &found);
    while (rc == RC_OK && found) {
        rc = replica_rebuild(replica, stream);
        if (rc == RC_OK)
            rc = streams_next(replica, &stream, &stream, &found);
    }
    return rc;
}

/* Tables that were made anew are empty: that is marked with them, so that a kill before they are filled loses nothing. */
static enum rc
open_journal(struct replica *replica)
{
    bool needs_rebuild;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = journal_open(replica->db, replica->clock, &replica->journal, &needs_rebuild);
    if (rc == RC_OK && needs_rebuild)
        rc = db_run(replica->db, "UPDATE sync_stream SET needs_rebuild = 1, is_unacknowledged = 1");
    return db_end(replica->db, rc);
}

/* Another program than the last one may read what was parked as unknown or damaged. */
static enum rc
note_program(struct replica *replica)
{
    static const char program[] = BAKEN_VERSION;
    struct buf made_by = BUF_EMPTY(256);

    enum rc rc = state_get_bytes(replica->db, STATE_MADE_BY, &made_by);
    bool is_same = rc == RC_OK && made_by.len == sizeof program && memcmp(made_by.data, program, sizeof program) == 0;
    buf_wipe(&made_by);
    if (rc == RC_ABSENT)
        rc = RC_OK;
    if (rc == RC_OK && !is_same)
        rc = db_begin(replica->db);
    if (rc != RC_OK || is_same)
        return rc;
    rc = inbox_try_again(replica);
    if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_MADE_BY, program, sizeof program);
    return db_end(replica->db, rc);
}

/* What was received and not applied before the last session was cut off. A damaged store opens all the same, for the doctor. */
static enum rc
apply_rest(struct replica *replica)
{
    int64_t waits = 0;

    if (!replica->is_in_team)
        return RC_OK;
    enum rc rc = note_program(replica);
    if (rc == RC_OK)
        rc = db_get_int(replica->db,
                        "SELECT 1 FROM sync_entry AS e JOIN sync_feed AS f ON f.feed = e.feed"
                        " JOIN sync_stream AS s ON s.stream = f.stream"
                        " WHERE e.state = 0 AND e.state <> 1 AND s.hidden_ms IS NULL LIMIT 1",
                        &waits);
    if (rc == RC_OK && waits != 0) {
        rc = inbox_apply(replica, NULL, NULL);
        if (rc == RC_CORRUPT)
            rc = RC_OK;
    }
    return rc;
}

static enum rc
open_all(struct replica *replica)
{
    int64_t must_recover, is_revoked = 0;
    const char *reason;

    enum rc rc = store_sealing_key(replica->store, &replica->sealing);
    if (rc == RC_OK)
        rc = own_secret_seal_earlier(replica->db, &replica->sealing);
    if (rc == RC_OK)
        rc = load_identity(replica);
    if (rc == RC_OK)
        rc = replica_load_time(replica);
    if (rc == RC_OK)
        rc = load_keys(replica);
    if (rc == RC_OK)
        rc = replica_load_ledger(replica);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_MUST_RECOVER, &must_recover);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_REVOKED, &is_revoked);
    if (rc != RC_OK)
        return rc;
    replica->is_revoked = is_revoked != 0;
    replica->must_recover = must_recover != 0;
    if (replica->has_identity && !replica->must_recover &&
        !store_is_continuous(replica->store, &reason) && !broken_is(BROKEN_REUSE)) {
        replica->must_recover = true;
        rc = state_put_int(replica->db, STATE_MUST_RECOVER, 1);
    }
    if (rc == RC_OK)
        rc = open_journal(replica);
    if (rc == RC_OK)
        rc = source_make(replica);
    if (rc == RC_OK)
        rc = streams_refresh(replica);
    if (rc == RC_OK)
        rc = inbox_rebuild_marked(replica);
    return rc == RC_OK ? apply_rest(replica) : rc;
}

enum rc
replica_open(struct store *store, struct replica **out)
{
    struct replica *replica = calloc(1, sizeof *replica);

    *out = NULL;
    if (replica == NULL)
        return rc_nomem();
    replica->store = store;
    replica->db = store_db(store);
    replica->clock = store_clock(store);
    replica->identity = IDENTITY_EMPTY;
    enum rc rc = open_all(replica);
    if (rc != RC_OK) {
        replica_close(replica);
        return rc;
    }
    *out = replica;
    return RC_OK;
}

void
replica_close(struct replica *replica)
{
    if (replica == NULL)
        return;
    source_free(replica);
    journal_close(replica->journal);
    ledger_free(replica->ledger);
    keyring_free(replica->keys);
    identity_wipe(&replica->identity);
    secret_wipe(&replica->sealing);
    free(replica);
}

struct journal *
replica_journal(struct replica *replica)
{
    return replica->journal;
}

const struct ledger *
replica_ledger(const struct replica *replica)
{
    return replica->ledger;
}

bool
replica_in_team(const struct replica *replica)
{
    return replica->is_in_team;
}

bool
replica_is_revoked(const struct replica *replica)
{
    return replica->is_revoked ||
           (replica->is_in_team &&
            !ledger_device_is_active(replica->ledger, replica->identity.device));
}

struct feed_ref
replica_feed(const struct replica *replica)
{
    return (struct feed_ref){replica->identity.device, replica->incarnation};
}

struct author
replica_self(const struct replica *replica)
{
    struct author self = {.feed = replica_feed(replica)};

    if (replica->is_in_team)
        self.person = ledger_device(replica->ledger, replica->identity.device)->person;
    return self;
}

struct author
replica_self_in(const struct replica *replica, struct id stream)
{
    struct author self = replica_self(replica);

    if (replica->is_in_team)
        self.functions = ledger_functions_at(replica->ledger, self.feed.device, stream,
                                             ledger_position(replica->ledger));
    return self;
}

const struct save_source *
replica_saves(struct replica *replica)
{
    return &replica->saves;
}

enum rc
replica_need_team(const struct replica *replica)
{
    if (replica->is_in_team)
        return RC_OK;
    return rc_fail(RC_ABSENT, _("this store belongs to no team yet"));
}
