/* The facade: opens what the store holds, and keeps identity, ledger, keys and time together. */
#include "sync/replica_own.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/inbox.h"
#include "sync/recover.h"

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
    if (rc != RC_OK)
        return rc;
    if (waits != 0)
        rc = inbox_apply(replica, NULL, NULL);
    if (rc == RC_OK) /* what a session judged that was killed before this */
        rc = recover_blocked(replica);
    return rc == RC_CORRUPT ? RC_OK : rc;
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
        rc = replica_load_keys(replica);
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
    free(replica->forked);
    source_free(replica);
    free(replica->saving.feeds);
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
