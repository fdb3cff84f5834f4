/* Repairs that the doctor makes: what the server has is fetched again, what waits is saved anew from the tables. */
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/journal_salvage.h"
#include "sync/doctor_inside.h"
#include "sync/outbox.h"

/* ---- keys --------------------------------------------------------------------------------------- */

static enum rc
forget_key(struct replica *replica, struct id stream, uint32_t epoch)
{
    struct stmt *stmt;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = db_stmt(replica->db, "DELETE FROM sync_key WHERE stream = ?1 AND epoch = ?2", &stmt);
    if (rc == RC_OK) {
        stmt_id(stmt, 1, stream);
        stmt_int(stmt, 2, epoch);
        rc = stmt_finish(stmt);
    }
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_BOXES_AFTER, 0);
    return db_end(replica->db, rc);
}

enum rc
doctor_keys(struct doctor *doctor)
{
    struct replica *replica = doctor->replica;
    struct secret key = SECRET_EMPTY;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < keyring_count(replica->keys);) {
        uint8_t sealed[KEYRING_SEALED_BYTES];
        struct id stream;
        uint32_t epoch;
        keyring_sealed_at(replica->keys, i, &stream, &epoch, sealed);
        rc = keyring_get(replica->keys, stream, epoch, &key);
        if (rc != RC_CORRUPT) {
            i++;
            continue;
        }
        rc = forget_key(replica, stream, epoch);
        keyring_drop(replica->keys, stream); /* until the next opening; what is whole of it lies in its rows */
        doctor->lacks_keys = true;
        i = 0;
        if (rc == RC_OK)
            rc = doctor_find(doctor, "key", stream,
                             _("a key is damaged. What was read with it is still there; `baken sync` fetches the "
                               "key again"));
    }
    secret_wipe(&key);
    return rc;
}

/* ---- own feeds ------------------------------------------------------------------------------------ */

/* What an own feed should say of itself, by log and outbox. */
static enum rc
reckon(struct replica *replica, const struct elog_feed *feed, struct elog_feed *should)
{
    uint32_t stored, applied, first, last;
    enum rc rc = elog_last(replica->db, feed->key, &stored, &applied);

    *should = *feed;
    if (rc == RC_OK && feed->sealed <= stored && stored > 0) {
        should->sealed = stored;
        rc = elog_head_at(replica->db, feed->key, stored, should->head);
    }
    if (rc == RC_OK)
        rc = outbox_range(replica->db, feed->key, &first, &last);
    if (rc != RC_OK)
        return rc;
    if (should->saved < should->sealed)
        should->saved = should->sealed;
    if (should->saved < last)
        should->saved = last;
    if (should->on_server > should->saved)
        should->on_server = should->saved;
    return RC_OK;
}

/* Saves that wait although they were sealed. */
static enum rc
count_sealed(struct replica *replica, const struct elog_feed *feed, int64_t *sealed)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT count(*) FROM sync_outbox WHERE feed = ?1 AND save <= ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed->key);
    stmt_int(stmt, 2, feed->sealed);
    return stmt_finish_int(stmt, sealed);
}

/* A save that is missing gets a row that does not hold: doctor_outbox makes it good from the tables, or names it. */
static enum rc
put_placeholder(struct replica *replica, const struct elog_feed *feed)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    enum rc rc = RC_OK;

    for (uint32_t save = feed->sealed + 1; rc == RC_OK && save <= feed->saved; save++) {
        rc = outbox_get(replica->db, feed->key, save, &body);
        if (rc == RC_ABSENT) {
            buf_clear(&body);
            rc = outbox_put(replica->db, feed->key, save, &body);
        }
        if (rc == RC_CORRUPT)
            rc = RC_OK;
    }
    buf_wipe(&body);
    return rc;
}

static enum rc
check_own(void *context, const struct elog_feed *feed)
{
    struct doctor *doctor = context;
    struct replica *replica = doctor->replica;
    struct feed_ref own = replica_feed(replica);
    struct elog_feed should;
    uint32_t stored, applied;
    int64_t sealed = 0, missing = 0;

    if (!feed->is_own || feed->feed.incarnation != own.incarnation)
        return RC_OK;
    enum rc rc = elog_last(replica->db, feed->key, &stored, &applied);
    bool is_here, is_filling;
    if (rc == RC_OK)
        rc = streams_have(replica, feed->stream, &is_here, &is_filling);
    if (rc != RC_OK || !is_here || is_filling)
        return rc; /* own entries of a stream that was purged are not kept */
    if (feed->sealed > stored)
        return doctor_tear(doctor, feed->stream);
    rc = reckon(replica, feed, &should);
    if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED)
        return RC_OK; /* its last entry: that is found with the entries */
    bool is_same = rc != RC_OK || (should.saved == feed->saved && should.sealed == feed->sealed &&
                                   should.on_server == feed->on_server &&
                                   memcmp(should.head, feed->head, sizeof should.head) == 0);
    if (rc == RC_OK && !is_same)
        rc = elog_feed_put(replica->db, &should);
    if (rc == RC_OK)
        rc = count_sealed(replica, &should, &sealed);
    if (rc == RC_OK)
        rc = outbox_missing(replica->db, &should, &missing);
    if (rc == RC_OK && sealed > 0)
        rc = outbox_drop(replica->db, feed->key, 0, should.sealed);
    if (rc == RC_OK && (!is_same || sealed > 0)) {
        bool was_sound = doctor->is_sound;
        rc = doctor_find(doctor, "feed", feed->stream,
                         _("what is kept of own saves was older than the log, and was set right by it"));
        doctor->is_sound = was_sound;
    }
    if (rc == RC_OK && missing == 1)
        return put_placeholder(replica, &should);
    if (rc == RC_OK && missing > 0) {
        doctor->lacks_saves = true;
        rc = doctor_find(doctor, "outbox", feed->stream,
                         _("something that was not sent yet is missing. What this device shows of it is all that there "
                           "is: copy it, and write it down again"));
    }
    return rc;
}

enum rc
doctor_own_feeds(struct doctor *doctor)
{
    struct replica *replica = doctor->replica;

    if (replica->must_recover)
        return RC_OK;
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    return db_end(replica->db, elog_feeds(replica->db, (struct id){{0}}, check_own, doctor));
}

/* ---- what waits ----------------------------------------------------------------------------------- */

/* A save that waits and does not hold. */
struct broken {
    struct elog_feed feed;
    uint32_t save;
};

/* Whether a waiting save can be read, is what was written, and is one that a stream can have. */
static enum rc
try_save(struct replica *replica, const struct elog_feed *feed, uint32_t save)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *changes = NULL;

    enum rc rc = outbox_get(replica->db, feed->key, save, &body);
    if (rc == RC_OK)
        rc = body_read(feed->stream, feed->feed, save, save, body.data, body.len, &changes);
    if (changes != NULL)
        body_free(changes, 1);
    buf_wipe(&body);
    return rc;
}

/* The first save in line that is not whole, after (feed, save). */
static enum rc
next_broken(struct replica *replica, int64_t *feed, int64_t *save, struct broken *broken, bool *found)
{
    struct stmt *stmt;
    enum rc rc = RC_OK;

    for (*found = true; rc == RC_OK && *found;) {
        rc = db_stmt(replica->db,
                     "SELECT feed, save FROM sync_outbox WHERE (feed, save) > (?1, ?2)"
                     " ORDER BY feed, save LIMIT 1",
                     &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, *feed);
        stmt_int(stmt, 2, *save);
        rc = stmt_step(stmt, found);
        if (rc == RC_OK && *found) {
            *feed = stmt_get_int(stmt, 0);
            *save = stmt_get_int(stmt, 1);
        }
        stmt_done(stmt);
        if (rc != RC_OK || !*found)
            return rc;
        rc = elog_feed_get(replica->db, *feed, &broken->feed);
        broken->save = (uint32_t)*save;
        if (rc == RC_OK)
            rc = try_save(replica, &broken->feed, broken->save);
        if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED)
            return RC_OK;
    }
    return rc;
}

/* Under the same number, which nobody else has seen: the tables are made as they were before that save, it is put in line as they
 * showed it, and what came after it follows. */
static enum rc
replace(struct replica *replica, const struct broken *broken, struct salvage *item)
{
    enum rc rc = outbox_drop(replica->db, broken->feed.key, broken->save, broken->save);

    if (rc == RC_OK)
        rc = replica_rebuild(replica, broken->feed.stream);
    if (rc == RC_OK)
        rc = outbox_put_again(replica, &broken->feed, item);
    return rc == RC_OK ? outbox_reapply(replica, broken->feed.stream) : rc;
}

/* All in one transaction: half of it would lose the text. */
static enum rc
save_anew(struct replica *replica, const struct broken *broken)
{
    struct salvage item = SALVAGE_EMPTY(broken->feed.stream, broken->save);
    struct feed_ref own = replica_feed(replica);
    uint64_t unread;

    if (own.incarnation != broken->feed.feed.incarnation || broken->save <= broken->feed.sealed)
        return RC_STALE;
    enum rc rc = salvage_read(replica->db, own, &item, 1, &unread);
    if (rc == RC_OK && (unread > 0 || item.change.count == 0))
        rc = rc_fail(RC_ABSENT, _("nothing is shown of the save any more"));
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc == RC_OK)
        rc = store_end_saves(replica->store, replace(replica, broken, &item));
    source_forget(replica);
    salvage_wipe(&item);
    return rc;
}

enum rc
doctor_outbox(struct doctor *doctor)
{
    struct replica *replica = doctor->replica;
    struct broken broken;
    int64_t feed = 0, save = 0;
    bool found;
    enum rc rc = next_broken(replica, &feed, &save, &broken, &found);

    while (rc == RC_OK && found) {
        enum rc mended =
            doctor->is_sound && !doctor->lacks_keys ? save_anew(replica, &broken) : RC_STALE;
        bool was_sound = doctor->is_sound;
        doctor->lacks_saves = doctor->lacks_saves || mended != RC_OK;
        rc = doctor_find(doctor, "outbox", broken.feed.stream,
                         mended == RC_OK
                             ? _("something that was not sent yet was damaged. What this device shows of it was "
                                 "saved anew: look whether your last notes are complete")
                             : _("something that was not sent yet is damaged. What this device shows of it is all "
                                 "that there is: copy it, and write it down again"));
        doctor->is_sound = was_sound && mended == RC_OK;
        if (rc == RC_OK)
            rc = next_broken(replica, &feed, &save, &broken, &found);
    }
    return rc;
}

/* ---- entries --------------------------------------------------------------------------------------- */

/* One stored entry, beside what its row says of it. */
struct looked_at {
    int64_t key;
    int64_t first, last;
    bool is_sent;
    bool lacks_body; /* that alone: header and signature hold */
};

static enum rc
next_entry(struct replica *replica, struct id stream, int64_t after, struct looked_at *entry,
           bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db,
                         "SELECT entry, first, last, is_sent FROM sync_entry JOIN sync_feed USING (feed)"
                         " WHERE stream = ?1 AND entry > ?2 ORDER BY entry LIMIT 1",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, after);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found)
        *entry = (struct looked_at){.key = stmt_get_int(stmt, 0),
                                    .first = stmt_get_int(stmt, 1),
                                    .last = stmt_get_int(stmt, 2),
                                    .is_sent = stmt_get_int(stmt, 3) != 0};
    stmt_done(stmt);
    return rc;
}

/* Whether the entry is what its author signed and its row says. */
static enum rc
judge(struct doctor *doctor, struct looked_at *at, bool *is_good, struct elog_feed *feed)
{
    struct replica *replica = doctor->replica;
    const struct entry *entry = &doctor->row.entry;

    *is_good = false;
    enum rc rc = elog_get(replica->db, at->key, &doctor->row);
    if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED) {
        int64_t number;
        struct stmt *stmt;
        rc = db_stmt(replica->db, "SELECT feed FROM sync_entry WHERE entry = ?1", &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, at->key);
        rc = stmt_finish_int(stmt, &number);
        return rc == RC_OK ? elog_feed_get(replica->db, number, feed) : rc;
    }
    if (rc == RC_OK)
        rc = elog_feed_get(replica->db, doctor->row.feed, feed);
    if (rc != RC_OK)
        return rc;
    const struct ledger_device *device = ledger_device(replica->ledger, entry->device);
    bool is_in_place = id_equal(entry->stream, feed->stream) &&
                       id_equal(entry->device, feed->feed.device) &&
                       entry->incarnation == feed->feed.incarnation && entry->first == at->first &&
                       entry->last == at->last;
    bool is_signed = device == NULL ? doctor->row.reason == ELOG_LEDGER
                                    : entry_verify(entry, device->sign_public);
    bool has_body = entry->ciphertext == NULL || entry_body_fits(entry);
    *is_good = is_in_place && is_signed && has_body;
    at->lacks_body = is_in_place && is_signed && !has_body;
    return RC_OK;
}

static enum rc
drop_entry(struct replica *replica, const struct looked_at *at)
{
    return at->lacks_body
               ? db_run_int(replica->db, "UPDATE sync_entry SET ciphertext = NULL WHERE entry = ?1",
                            at->key)
               : elog_drop(replica->db, at->key);
}

static enum rc
fill_again(struct replica *replica, struct id stream)
{
    enum rc rc = streams_fill_again(replica, stream);

    return rc == RC_OK ? db_run_id(replica->db, "UPDATE sync_stream SET news_floor = NULL WHERE stream = ?1", stream) : rc;
}

/* Drops what does not hold and the server has; counts what only this device has. */
static enum rc
sift(struct doctor *doctor, struct id stream, uint64_t *dropped, uint64_t *kept)
{
    struct looked_at at = {.key = 0};
    struct elog_feed feed;
    bool found = true, is_good = false;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        rc = next_entry(doctor->replica, stream, at.key, &at, &found);
        if (rc == RC_OK && found)
            rc = judge(doctor, &at, &is_good, &feed);
        if (rc != RC_OK || !found || is_good)
            continue;
        bool is_there = at.is_sent && (!feed.is_own || at.last <= (int64_t)feed.on_server);
        if (is_there)
            rc = drop_entry(doctor->replica, &at);
        *dropped += is_there;
        *kept += !is_there;
    }
    return rc;
}

enum rc
doctor_entries(struct doctor *doctor, struct id stream)
{
    struct replica *replica = doctor->replica;
    uint64_t dropped = 0, kept = 0;
    char sentence[200];

    if (replica_is_revoked(replica)) /* nothing comes from the server any more */
        return RC_OK;
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = sift(doctor, stream, &dropped, &kept);
    if (rc == RC_OK)
        rc = fill_again(replica, stream); /* also where entries are missing */
    rc = db_end(replica->db, rc);
    source_forget(replica);
    if (rc != RC_OK)
        return rc;
    if (kept == 0) {
        snprintf(sentence, sizeof sentence,
                 _("what is damaged or missing there is fetched again by `baken sync`; what you wrote stays. Damaged "
                   "entries: %llu"),
                 (unsigned long long)dropped);
        return doctor_find(doctor, "fetch", stream, sentence);
    }
    snprintf(sentence, sizeof sentence,
             _("damaged, and only on this device: %llu. What is shown of it is all that there is: copy it, keep the "
               "directory as it is, and tell who manages the team"),
             (unsigned long long)kept);
    return doctor_find(doctor, "unsent", stream, sentence);
}
