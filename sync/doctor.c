/* Looks whether what is stored holds together: structure, chains, signatures, digests, tables against a rebuild. */
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/ack.h"
#include "sync/doctor_inside.h"
#include "sync/inbox.h"
#include "sync/status.h"

/* The last applied save of each feed of a stream, in the order of the log's feeds. */
struct frontiers {
    struct replica *replica;
    struct buf saves;
};

enum rc
doctor_find(struct doctor *doctor, const char *what, struct id stream, const char *sentence)
{
    struct doctor_finding finding = {.what = what, .stream = stream};

    snprintf(finding.sentence, sizeof finding.sentence, "%s", sentence);
    doctor->has_found = true;
    doctor->is_sound =
        doctor->is_sound && (strcmp(what, "tables") == 0 || strcmp(what, "search") == 0);
    return doctor->visit(doctor->context, &finding);
}

/* Failures that speak of stored bytes: an index that lost its list of segments, say, has rows that exist already. */
static bool
is_damage(enum rc rc)
{
    return rc == RC_CORRUPT || rc == RC_EXISTS || rc == RC_INVALID || rc == RC_UNSUPPORTED;
}

/* ---- chains and signatures ---------------------------------------------------------------------- */

static enum rc
check_entry(struct doctor *doctor, const struct elog_feed *feed, uint32_t save,
            const uint8_t *previous)
{
    const struct entry *entry = &doctor->row.entry;
    const struct ledger_device *device = ledger_device(doctor->replica->ledger, entry->device);
    char sentence[200];
    const char *what = NULL;

    if (entry->first != save)
        what = "gap";
    else if (memcmp(entry->previous, previous, CRYPTO_HASH_BYTES) != 0)
        what = "chain";
    else if (!entry_body_fits(entry))
        what = "body";
    else if (device == NULL ? doctor->row.reason != ELOG_LEDGER
                            : !entry_verify(entry, device->sign_public))
        what = "signature";
    if (what == NULL)
        return RC_OK;
    snprintf(sentence, sizeof sentence, _("save %u of a feed does not hold: %s"),
             (unsigned)entry->first, what);
    return doctor_find(doctor, what, feed->stream, sentence);
}

static enum rc
check_feed(void *context, const struct elog_feed *feed)
{
    struct doctor *doctor = context;
    uint8_t previous[CRYPTO_HASH_BYTES] = {0};
    uint32_t stored, applied, save = 1;
    bool is_here, is_filling;

    elog_row_wipe(&doctor->row); /* that of the feed before says nothing of this one */
    enum rc rc = streams_have(doctor->replica, feed->stream, &is_here, &is_filling);
    if (rc == RC_OK && is_here && !is_filling)
        rc = elog_last(doctor->replica->db, feed->key, &stored, &applied);
    if (rc != RC_OK || !is_here || is_filling)
        return rc;
    while (rc == RC_OK && save <= stored) {
        rc = elog_find(doctor->replica->db, feed->key, save, &doctor->row);
        if (rc == RC_ABSENT)
            return doctor->row.state == ELOG_PARKED
                       ? RC_OK
                       : doctor_find(doctor, "gap", feed->stream, _("entries of a feed are missing"));
        if (is_damage(rc))
            return doctor_find(doctor, "header", feed->stream, _("an entry of a feed cannot be read"));
        if (rc == RC_OK)
            rc = check_entry(doctor, feed, save, previous);
        memcpy(previous, doctor->row.entry.hash, sizeof previous);
        save = doctor->row.entry.last + 1;
    }
    return rc;
}

/* ---- digests of others ------------------------------------------------------------------------------ */

static enum rc
check_acks(struct doctor *doctor)
{
    struct replica *replica = doctor->replica;
    struct buf vector = BUF_EMPTY(ACK_MAX_BYTES);
    struct id device = {{0}}, stream = {{0}};
    bool found = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && found) {
        struct stmt *stmt;
        uint8_t theirs[CRYPTO_HASH_BYTES], ours[CRYPTO_HASH_BYTES];
        bool is_known;
        rc = db_stmt(
            replica->db,
            "SELECT device, stream, digest, vector FROM sync_ack WHERE (device, stream) > (?1, ?2)"
            " ORDER BY device, stream LIMIT 1",
            &stmt);
        if (rc != RC_OK)
            break;
        stmt_id(stmt, 1, device);
        stmt_id(stmt, 2, stream);
        rc = stmt_step(stmt, &found);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 0, &device);
        if (rc == RC_OK && found)
            rc = stmt_get_id(stmt, 1, &stream);
        if (rc == RC_OK && found)
            rc = stmt_get_fixed(stmt, 2, theirs, sizeof theirs);
        buf_clear(&vector);
        if (rc == RC_OK && found) {
            size_t len;
            const uint8_t *bytes = stmt_get_blob(stmt, 3, &len);
            rc = buf_put(&vector, bytes, len);
        }
        stmt_done(stmt);
        if (rc != RC_OK || !found)
            break;
        rc = status_digest(replica, stream, vector.data, vector.len, ours, &is_known);
        if (is_damage(rc)) { /* told of where the feeds are looked at */
            is_known = false;
            rc = RC_OK;
        }
        if (rc == RC_OK && is_known && memcmp(ours, theirs, sizeof ours) != 0)
            rc = doctor_find(doctor, "digest", stream,
                      _("a colleague's device has another past of this stream"));
    }
    buf_wipe(&vector);
    return rc;
}

/* ---- tables ----------------------------------------------------------------------------------------- */

/* Appends the last applied save of a feed. */
static enum rc
put_frontier(void *context, const struct elog_feed *feed)
{
    struct frontiers *frontiers = context;
    uint32_t last;
    enum rc rc =
        journal_frontier(frontiers->replica->journal, feed->stream, feed->feed, &last);

    return rc == RC_OK ? buf_put(&frontiers->saves, &last, sizeof last) : rc;
}

/* Whether every feed came at least as far again: else log or outbox lacks what only the tables still have. */
static bool
has_reached(const struct buf *before, const struct buf *after)
{
    bool has = before->len == after->len;

    for (size_t at = 0; has && at < before->len; at += sizeof(uint32_t)) {
        uint32_t was, is;
        memcpy(&was, before->data + at, sizeof was);
        memcpy(&is, after->data + at, sizeof is);
        has = is >= was;
    }
    return has;
}

static enum rc
picture(struct doctor *doctor, struct id stream, struct buf *dump, struct frontiers *frontiers)
{
    enum rc rc = journal_dump(doctor->replica->journal, stream, dump);

    if (rc == RC_OK)
        rc = journal_dump_derived(doctor->replica->journal, stream, dump);
    return rc == RC_OK ? elog_feeds(doctor->replica->db, stream, put_frontier, frontiers) : rc;
}

/* Tables that cannot even be emptied are dropped and made anew by the next command that opens the store. */
static enum rc
remake(struct doctor *doctor, struct id stream)
{
    enum rc rc = doctor->is_sound ? journal_remake_all(doctor->replica->journal) : RC_OK;

    if (rc != RC_OK)
        return rc;
    return doctor_find(doctor, "tables", stream,
                       doctor->is_sound
                           ? _("the tables are damaged; the next command makes them anew from the log, with what was "
                               "not sent yet")
                           : _("the tables are damaged, and the log is as well: run `baken sync`, and this again"));
}

/* Rebuilds, and compares the dumps. The rebuild stays where it differs, for the log is the source of truth; but not
 * where the log was found damaged, or lacks something: what the tables have is then the best that there is. */
static enum rc
check_tables(struct doctor *doctor, struct id stream)
{
    struct replica *replica = doctor->replica;
    struct buf before = BUF_EMPTY((size_t)1 << 30);
    struct buf after = BUF_EMPTY((size_t)1 << 30);
    struct frontiers had = {replica, BUF_EMPTY((size_t)1 << 24)};
    struct frontiers has = {replica, BUF_EMPTY((size_t)1 << 24)};

    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = picture(doctor, stream, &before, &had);
    bool is_readable = !is_damage(rc);
    if (!is_readable) { /* whatever the log gives is better */
        buf_clear(&before);
        buf_clear(&had.saves);
        rc = RC_OK;
    }
    if (rc == RC_OK)
        rc = replica_rebuild(replica, stream);
    if (rc == RC_OK)
        rc = picture(doctor, stream, &after, &has);
    bool is_broken = is_damage(rc); /* not even emptying them works */
    bool is_same = is_readable && before.len == after.len &&
                   (before.len == 0 || memcmp(before.data, after.data, before.len) == 0);
    bool stays = rc == RC_OK && !is_same && doctor->is_sound &&
                 (!is_readable || has_reached(&had.saves, &has.saves));
    if (stays)
        rc = db_end(replica->db, rc);
    else
        db_rollback(replica->db);
    source_forget(replica);
    if (is_broken)
        rc = remake(doctor, stream);
    else if (rc == RC_OK && !is_same)
        rc = doctor_find(doctor, "tables", stream,
                         stays ? _("the tables differed from what the log says, and were made anew from it, with "
                                   "what was not sent yet")
                               : _("the tables differ from what the log says, and stay as they are, for the log "
                                   "is damaged or lacks something: run `baken sync`, and this again"));
    buf_wipe(&has.saves);
    buf_wipe(&had.saves);
    buf_wipe(&after);
    buf_wipe(&before);
    return rc;
}

/* What was saved last may not be in the search index yet, and an index that does not hold takes nothing more. The words of the index
 * are compared with the tables; the second is whether the index fits its words. */
static enum rc
check_search(struct doctor *doctor, enum rc (*check)(struct journal *journal), bool *is_lost)
{
    struct journal *journal = doctor->replica->journal;
    enum rc rc = check(journal);

    *is_lost = false;
    if (!is_damage(rc))
        return rc;
    rc = journal_remake_search(journal);
    if (rc == RC_OK)
        rc = journal_index(journal);
    *is_lost = is_damage(rc);
    if (*is_lost)
        rc = journal_remake_all(journal);
    return rc == RC_OK ? doctor_find(doctor, "search", (struct id){{0}},
                                     _("the search index did not fit the notes, and was made anew"))
                       : rc;
}

enum rc
doctor_tear(struct doctor *doctor, struct id stream)
{
    for (size_t at = 0; at < doctor->torn.len; at += ID_BYTES)
        if (memcmp(doctor->torn.data + at, stream.bytes, ID_BYTES) == 0)
            return RC_OK;
    return buf_put(&doctor->torn, stream.bytes, ID_BYTES);
}

/* A stream is torn when one of its feeds does not hold. */
static enum rc
visit_feed(void *context, const struct elog_feed *feed)
{
    struct doctor *doctor = context;
    bool had_found = doctor->has_found;

    doctor->has_found = false;
    enum rc rc = check_feed(doctor, feed);
    if (rc == RC_OK && doctor->has_found)
        rc = doctor_tear(doctor, feed->stream);
    doctor->has_found = doctor->has_found || had_found;
    return rc;
}

/* Keys and log, which the tables are made of; with what can be repaired of them. */
static enum rc
check_log(struct doctor *doctor)
{
    enum rc rc = doctor_keys(doctor);

    if (rc == RC_OK)
        rc = doctor_own_feeds(doctor);
    if (rc == RC_OK)
        rc = elog_feeds(doctor->replica->db, (struct id){{0}}, visit_feed, doctor);
    if (rc == RC_OK)
        rc = check_acks(doctor);
    for (size_t at = 0; rc == RC_OK && at < doctor->torn.len; at += ID_BYTES) {
        struct id stream;
        memcpy(stream.bytes, doctor->torn.data + at, ID_BYTES);
        rc = doctor_entries(doctor, stream);
    }
    return rc == RC_OK ? doctor_outbox(doctor) : rc;
}

/* What waits is applied first, or tables that are made anew would differ by it. */
static enum rc
apply_waiting(struct replica *replica)
{
    enum rc rc = inbox_try_again(replica);

    if (rc == RC_OK)
        rc = inbox_apply(replica, NULL, NULL);
    return is_damage(rc) ? RC_OK : rc; /* of tables, which are looked at next */
}

static enum rc
check_streams(struct doctor *doctor)
{
    struct replica *replica = doctor->replica;
    struct id stream;
    bool found, is_here, is_filling, is_lost = false;
    enum rc rc = apply_waiting(replica);

    if (rc == RC_OK)
        rc = check_search(doctor, journal_index, &is_lost);
    if (is_lost)
        return rc;
    if (rc == RC_OK)
        rc = streams_next(replica, NULL, &stream, &found);
    while (rc == RC_OK && found) {
        rc = streams_have(replica, stream, &is_here, &is_filling);
        if (rc == RC_OK && is_here && !is_filling)
            rc = check_tables(doctor, stream);
        if (rc == RC_OK)
            rc = streams_next(replica, &stream, &stream, &found);
    }
    return rc == RC_OK ? check_search(doctor, journal_check_search, &is_lost) : rc;
}

enum rc
replica_doctor(struct replica *replica, replica_finding_fn visit, void *context)
{
    struct doctor doctor = {
        .replica = replica,
        .visit = visit,
        .context = context,
        .row = ELOG_ROW_EMPTY,
        .is_sound = true,
        .torn = BUF_EMPTY((size_t)1 << 24),
    };
    bool is_whole;
    enum rc rc = doctor_structure(&doctor, replica->db, &is_whole);

    if (rc == RC_OK)
        rc = doctor_pages(&doctor, replica->store, is_whole);
    if (rc == RC_OK && is_whole && replica->is_in_team && !replica->is_ledger_short) {
        rc = check_log(&doctor);
        if (rc == RC_OK && !doctor.lacks_keys && !doctor.lacks_saves)
            rc = check_streams(&doctor);
    }
    elog_row_wipe(&doctor.row);
    buf_wipe(&doctor.torn);
    return rc;
}
