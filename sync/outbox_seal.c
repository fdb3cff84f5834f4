/* Sealing what waits into entries. */
#include "sync/outbox.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/recover.h"
#include "sync/replica_own.h"

enum { SEAL_SAVES = 4096 };

/* What goes into one entry. */
struct batch {
    struct change *changes[SEAL_SAVES]; /* each of one save, from body_read */
    struct change flat[SEAL_SAVES];     /* the same, side by side for body_write; lent */
    size_t count;
    size_t bytes;
    struct feed_seen *seen;
    size_t seen_count;
    size_t seen_room;
};

static void
batch_wipe(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        body_free(batch->changes[i], 1);
    free(batch->seen);
    batch->count = batch->bytes = 0;
    batch->seen = NULL;
    batch->seen_count = batch->seen_room = 0;
}

/* Where the feed stands, or belongs, among those seen. */
static size_t
place_of(const struct batch *batch, const struct feed_ref *feed, bool *is_there)
{
    size_t low = 0, high = batch->seen_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (feed_compare(&batch->seen[middle].feed, feed) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *is_there = low < batch->seen_count && feed_compare(&batch->seen[low].feed, feed) == 0;
    return low;
}

/* What we have applied of a feed, and had applied when we saved: lines read since may hold some of it as late work. */
static enum rc
seen_of(struct db *db, struct id stream, const struct feed_seen *named, uint32_t *last,
        uint8_t hash[CRYPTO_HASH_BYTES])
{
    struct elog_feed feed;
    struct elog_row row = ELOG_ROW_EMPTY;
    uint32_t stored;

    enum rc rc = elog_feed_find(db, stream, named->feed, &feed);
    if (rc == RC_OK)
        rc = elog_last(db, feed.key, &stored, last);
    if (rc == RC_OK && *last < named->last) {
        rc = elog_find(db, feed.key, named->last, &row);
        *last = row.entry.last;
    }
    if (rc == RC_OK)
        rc = elog_head_at(db, feed.key, *last, hash);
    elog_row_wipe(&row);
    return rc;
}

/* Notes what we have applied of a feed that a save names. */
static enum rc
see(struct replica *replica, struct batch *batch, struct id stream, const struct feed_seen *named)
{
    bool is_there;
    uint32_t last;
    uint8_t hash[CRYPTO_HASH_BYTES];
    size_t at = place_of(batch, &named->feed, &is_there);

    if (is_there && batch->seen[at].last >= named->last)
        return RC_OK;
    enum rc rc = seen_of(replica->db, stream, named, &last, hash);
    if (rc != RC_OK)
        return rc == RC_ABSENT
                   ? rc_fail(RC_CORRUPT, _("a change builds on an entry that is not in the log"))
                   : rc;
    if (!is_there && batch->seen_count == batch->seen_room) {
        size_t room = batch->seen_room == 0 ? 8 : 2 * batch->seen_room;
        struct feed_seen *grown = realloc(batch->seen, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        batch->seen = grown;
        batch->seen_room = room;
    }
    if (!is_there) {
        memmove(&batch->seen[at + 1], &batch->seen[at],
                (batch->seen_count - at) * sizeof *batch->seen);
        batch->seen_count++;
    }
    batch->seen[at] = (struct feed_seen){.feed = named->feed, .last = last};
    memcpy(batch->seen[at].header, hash, CHANGE_SEEN_BYTES);
    return RC_OK;
}

/* RC_ABSENT: together with what is there it names more feeds than one body may, and goes into the next. */
static enum rc
batch_add(struct replica *replica, struct batch *batch, const struct elog_feed *feed, uint32_t save,
          const struct buf *body)
{
    struct feed_seen *named = NULL;
    size_t named_count = 0;
    struct change *change = NULL;

    enum rc rc = body_read(feed->stream, feed->feed, save, save, body->data, body->len, &change);
    if (rc == RC_OK)
        rc = body_seen(body->data, body->len, &named, &named_count);
    for (size_t i = 0; rc == RC_OK && i < named_count; i++)
        rc = see(replica, batch, feed->stream, &named[i]);
    free(named);
    if (rc == RC_OK && batch->count > 0 && batch->seen_count > CHANGE_FEEDS)
        rc = RC_ABSENT;
    if (rc != RC_OK) {
        if (change != NULL)
            body_free(change, 1);
        return rc;
    }
    batch->changes[batch->count] = change;
    batch->flat[batch->count++] = change[0];
    batch->bytes += body->len;
    return RC_OK;
}

/* As many saves as one entry takes. */
static enum rc
collect(struct replica *replica, const struct elog_feed *feed, struct batch *batch)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = RC_OK;

    while (rc == RC_OK && batch->count < SEAL_SAVES) {
        uint32_t save = feed->sealed + 1 + (uint32_t)batch->count;
        rc = outbox_get(replica->db, feed->key, save, &body);
        if (rc == RC_OK && batch->count > 0 && batch->bytes + body.len > CHANGE_BODY_BYTES)
            break;
        if (rc == RC_OK)
            rc = batch_add(replica, batch, feed, save, &body);
    }
    buf_wipe(&body);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* What an entry sealed on that line would be. */
static struct ledger_judgement
judged(const struct replica *replica, struct id stream, uint64_t position)
{
    const struct ledger_entry_facts facts = {.device = replica->identity.device,
                                             .stream = stream,
                                             .incarnation = replica->incarnation,
                                             .last = UINT32_MAX,
                                             .position = position,
                                             .position_hash = ledger_hash_at(replica->ledger, position)};
    struct ledger_judgement judgement;

    (void)ledger_entry_counts(replica->ledger, &facts, &judgement);
    return judgement;
}

/* By what is carried alone: would it count once the lines of the cover stand, or be late work now that they never will? */
static bool
is_carried(const struct replica *replica, struct id stream, uint64_t position)
{
    return judged(replica, stream, position).by_carried;
}

static bool
has_key_at(const struct replica *replica, struct id stream, uint64_t position)
{
    return keyring_has(replica->keys, stream, ledger_epoch_at(replica->ledger, stream, position));
}

/* The newest position that was read and at which we may write; false when there is none. */
static bool
position_for(struct replica *replica, struct id stream, uint64_t *position)
{
    const struct ledger *ledger = replica->ledger;
    struct id device = replica->identity.device;
    bool is_open = ledger_may_read(ledger, device, stream, (uint64_t)replica_settled_ms(replica));

    *position = ledger_position(ledger);
    if (is_open && ledger_may_write_at(ledger, device, stream, *position))
        return true;
    if (is_carried(replica, stream, *position)) {
        while (!is_open && *position > 1 && !has_key_at(replica, stream, *position))
            --*position;
        return is_carried(replica, stream, *position);
    }
    /* Where a right ended before, what is sealed ahead of the lines would be late work for ever: it waits here for them. To a revoked
     * device they never come. */
    if (is_open && ledger_may_write(ledger, device, stream))
        return replica->is_revoked;
    /* The right is over, by a line or by time: also the keys of epochs that were made since will never come. */
    while (*position > 0 && (!ledger_may_write_at(ledger, device, stream, *position) ||
                             !has_key_at(replica, stream, *position)))
        --*position;
    if (*position > 0)
        return true;
    /* No key of then is here, only those that came with a carried cover since: it is late work under these too. */
    *position = ledger_position(ledger);
    while (*position > 0 && !has_key_at(replica, stream, *position))
        --*position;
    return *position > 0 && judged(replica, stream, *position).counts == LEDGER_LATE;
}

/* Than those by which it was applied when it was saved. */
static bool
has_other_functions(const struct replica *replica, const struct entry *entry)
{
    return ledger_functions_at(replica->ledger, entry->device, entry->stream, entry->position) !=
           replica_self_in(replica, entry->stream).functions;
}

static enum rc
seal_batch(struct replica *replica, struct elog_feed *feed, const struct batch *batch,
           const struct secret *key, struct entry *entry)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct buf ciphertext = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);

    enum rc rc = body_write(feed->feed, entry->first, batch->flat, batch->count, batch->seen,
                            batch->seen_count, &body);
    if (rc == RC_OK)
        rc = entry_seal(entry, &replica->identity, key, &body, &ciphertext);
    if (rc == RC_OK) { /* sealed after the right ended, it is late work here as everywhere */
        struct inbox_verdict verdict;
        inbox_chain_forget(replica);
        rc = inbox_verdict(replica, entry, &verdict);
        if (rc == RC_OK)
            rc = elog_put(replica->db, feed, entry, verdict.state, verdict.reason, false);
        if (rc == RC_OK && (verdict.state != ELOG_APPLIED || has_other_functions(replica, entry)))
            rc = inbox_mark_rebuild(replica, feed->stream);
    }
    if (rc == RC_OK)
        rc = outbox_drop(replica->db, feed->key, entry->first, entry->last);
    if (rc == RC_OK) {
        feed->sealed = entry->last;
        memcpy(feed->head, entry->hash, sizeof feed->head);
        rc = elog_feed_put(replica->db, feed);
    }
    if (rc == RC_OK)
        rc = streams_touch(replica, feed->stream);
    buf_wipe(&ciphertext);
    buf_wipe(&body);
    return rc;
}

/* Seals one entry, of *bytes of saves; *sealed false when nothing waits or nothing can be sealed. */
static enum rc
seal_next(struct replica *replica, struct elog_feed *feed, struct batch *batch, bool *sealed, size_t *bytes)
{
    struct secret key = SECRET_EMPTY;
    struct entry entry = {.stream = feed->stream, .incarnation = feed->feed.incarnation};

    *sealed = false;
    if (!position_for(replica, feed->stream, &entry.position))
        return RC_OK;
    entry.epoch = ledger_epoch_at(replica->ledger, feed->stream, entry.position);
    if (!keyring_has(replica->keys, feed->stream, entry.epoch))
        return RC_OK;
    enum rc rc = keyring_get(replica->keys, feed->stream, entry.epoch, &key);
    if (rc == RC_OK)
        rc = collect(replica, feed, batch);
    if (rc != RC_OK || batch->count == 0)
        goto out;
    entry.first = feed->sealed + 1;
    entry.last = feed->sealed + (uint32_t)batch->count;
    memcpy(entry.previous, feed->head, sizeof entry.previous);
    memcpy(entry.position_hash, ledger_hash_at(replica->ledger, entry.position),
           sizeof entry.position_hash);
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    rc = seal_batch(replica, feed, batch, &key, &entry);
    rc = db_end(replica->db, rc);
    *sealed = rc == RC_OK;
    *bytes = batch->bytes;
out:
    batch_wipe(batch);
    secret_wipe(&key);
    return rc;
}

/* Entries that share a commit, and so a flush; bytes of saves in them. */
enum { SEAL_ENTRIES = 256, SEAL_BYTES = 1 << 20 };

/* A walk over the streams with saves that wait. */
struct sealing {
    struct replica *replica;
    struct id only; /* zero: all that owe no rotation */
    uint64_t at_ms; /* at this time */
    struct batch *batch;
    bool is_apart; /* each entry a commit of its own */
    unsigned entries; /* in the commit that is open */
    size_t bytes;
    bool has_sealed;
};

/* The commit that is open is full: it is ended, and the next begun. */
static enum rc
sealed_one(struct sealing *sealing, size_t bytes)
{
    struct db *db = sealing->replica->db;

    sealing->has_sealed = true;
    sealing->bytes += bytes;
    if (sealing->is_apart || (++sealing->entries < SEAL_ENTRIES && sealing->bytes < SEAL_BYTES))
        return RC_OK;
    sealing->entries = 0;
    sealing->bytes = 0;
    enum rc rc = db_commit(db);
    enum rc begun = db_begin(db);
    return rc != RC_OK ? rc : begun;
}

static enum rc
seal_stream(struct sealing *sealing, struct id stream)
{
    struct replica *replica = sealing->replica;
    struct elog_feed feed;
    bool sealed = true;

    if (id_is_zero(sealing->only)
            ? ledger_rotation_is_owed(replica->ledger, stream, sealing->at_ms) && !broken_is(BROKEN_SEAL)
            : !id_equal(sealing->only, stream))
        return RC_OK;
    enum rc rc = elog_feed_find(replica->db, stream, replica_feed(replica), &feed);
    while (rc == RC_OK && sealed) {
        size_t bytes = 0;
        rc = seal_next(replica, &feed, sealing->batch, &sealed, &bytes);
        if (rc == RC_OK && sealed)
            rc = sealed_one(sealing, bytes);
    }
    return rc == RC_ABSENT ? RC_OK : rc; /* saves of an incarnation that ended: recovery renumbers them */
}

static enum rc
seal_streams(struct sealing *sealing)
{
    struct db *db = sealing->replica->db;
    struct id stream;
    int64_t feed = 0;
    bool found;

    enum rc rc = outbox_next_stream(db, &feed, &stream, &found);
    if (rc == RC_OK && found && !sealing->is_apart)
        rc = db_begin(db);
    if (rc != RC_OK || !found)
        return rc;
    sealing->entries = 0;
    sealing->bytes = 0;
    while (rc == RC_OK && found) {
        rc = seal_stream(sealing, stream);
        if (rc == RC_OK)
            rc = outbox_next_stream(db, &feed, &stream, &found);
    }
    return sealing->is_apart ? rc : db_end(db, rc);
}

static enum rc
seal(struct replica *replica, struct id only, uint64_t at_ms)
{
    struct sealing sealing = {.replica = replica, .only = only, .at_ms = at_ms};

    if (!replica->is_in_team || replica->must_recover || replica->is_ledger_short)
        return RC_OK;
    /* Nothing is sealed while a line is known that was not read; what is lost goes out as it was while the right was there. */
    if (replica->has_newer_line && id_is_zero(only))
        return RC_OK;
    enum rc rc = id_is_zero(only) ? recover_blocked(replica) : RC_OK;
    if (rc != RC_OK)
        return rc;
    sealing.batch = malloc(sizeof *sealing.batch);
    if (sealing.batch == NULL)
        return rc_nomem();
    sealing.batch->count = 0;
    sealing.batch->seen = NULL;
    batch_wipe(sealing.batch);
    rc = seal_streams(&sealing);
    if (rc != RC_OK && rc != RC_NOMEM) { /* one that cannot be sealed holds up none of those before it */
        sealing.is_apart = true;
        rc = seal_streams(&sealing);
    }
    free(sealing.batch);
    /* Nothing of it has left yet: a copy of this store from before will not pass for it. */
    if (rc == RC_OK && sealing.has_sealed)
        rc = store_count_on(replica->store);
    return rc;
}

enum rc
outbox_seal(struct replica *replica, struct id only)
{
    return seal(replica, only, replica_server_ms(replica));
}

enum rc
outbox_seal_alone(struct replica *replica)
{
    return seal(replica, (struct id){{0}}, (uint64_t)replica_now_ms(replica));
}
