/* Bundles out of a store: ledger tail, keys, entries and acknowledgements to one device, without a server. */
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/ack.h"
#include "sync/bundle.h"
#include "sync/carried.h"
#include "sync/outbox.h"
#include "sync/status.h"
#include "sync/wire_run.h"

/* Blocks whose bytes move while more are added: lent only when all are there. */
struct pieces {
    struct buf bytes;
    size_t *ends;
    size_t count, room;
};

static enum rc
add_piece(struct pieces *pieces, const void *data, size_t len)
{
    size_t *grown = array_grow(pieces->ends, &pieces->room, pieces->count + 1, sizeof *grown);

    if (grown == NULL)
        return RC_NOMEM;
    pieces->ends = grown;
    enum rc rc = buf_put(&pieces->bytes, data, len);
    if (rc == RC_OK)
        grown[pieces->count++] = pieces->bytes.len;
    return rc;
}

static enum rc
lend_pieces(const struct pieces *pieces, struct wire_blocks *blocks)
{
    size_t at = 0;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < pieces->count; i++) {
        rc = wire_blocks_add(blocks, pieces->bytes.data + at, pieces->ends[i] - at);
        at = pieces->ends[i];
    }
    return rc;
}

static void
wipe_pieces(struct pieces *pieces)
{
    free(pieces->ends);
    buf_wipe(&pieces->bytes);
}

/* What is on its way into one bundle. Rows hold the ciphertexts, pieces the bytes, that the wire structs lend. */
struct packing {
    struct replica *replica;
    struct id device;
    bool is_whole; /* whatever the device is known to have */
    struct wire_run_bundle content;
    struct elog_row *rows;
    size_t count;
    size_t room;
    struct pieces lines, acks, newer;
    struct buf carried; /* operations */
};

static void
packing_wipe(struct packing *packing)
{
    for (size_t i = 0; i < packing->count; i++)
        elog_row_wipe(&packing->rows[i]);
    free(packing->rows);
    wire_run_bundle_wipe(&packing->content);
    wipe_pieces(&packing->lines);
    wipe_pieces(&packing->acks);
    wipe_pieces(&packing->newer);
    buf_wipe(&packing->carried);
}

/* ---- lines ------------------------------------------------------------------------------------ */

/* How far the device has read the ledger, by what it acknowledged; 0 when it never did. */
static enum rc
find_read(const struct packing *packing, int64_t *position)
{
    struct stmt *stmt;
    enum rc rc;

    *position = 0;
    if (packing->is_whole)
        return RC_OK;
    rc = db_stmt(packing->replica->db,
                 "SELECT coalesce(max(position), 0) FROM sync_ack WHERE device = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, packing->device);
    return stmt_finish_int(stmt, position);
}

static enum rc
pack_lines(struct packing *packing)
{
    struct stmt *stmt;
    int64_t read;
    bool found = true;
    enum rc rc = find_read(packing, &read);

    if (rc == RC_OK)
        rc = db_stmt(packing->replica->db,
                     "SELECT line FROM sync_line WHERE position > ?1 ORDER BY position", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, read);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        rc = add_piece(&packing->lines, line, len);
    }
    stmt_done(stmt);
    packing->content.first_position = (uint64_t)read + 1;
    return rc == RC_OK ? lend_pieces(&packing->lines, &packing->content.lines) : rc;
}

/* ---- keys ------------------------------------------------------------------------------------- */

/* The key of an epoch, sealed to the device, where it may hold it and it is here. While a grant is due there, no line says that the device has
 * it: were its right to end now, nobody would owe a rotation, and it could open what is written later. */
static enum rc
add_box(struct packing *packing, struct id stream, uint32_t epoch)
{
    struct replica *replica = packing->replica;
    const struct ledger_device *to = ledger_device(replica->ledger, packing->device);
    struct keyring_recipient recipient = {packing->device, to->box_public};
    struct keyring_epoch shared = {stream, epoch, &recipient, 1, NULL};
    struct ledger_op unused = LEDGER_OP_EMPTY;
    struct wire_boxes *boxes = &packing->content.boxes;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);

    if (!keyring_has(replica->keys, stream, epoch) ||
        !ledger_may_hold(replica->ledger, packing->device, stream, now_ms) ||
        ledger_grant_is_due(replica->ledger, stream, packing->device, now_ms))
        return RC_OK;
    enum rc rc = keyring_share(replica->keys, &shared, &unused, boxes);
    ledger_op_wipe(&unused);
    return rc;
}

/* Entries come stream by stream and, in a feed, with rising epochs: what was boxed already is found at the end of the list. */
static enum rc
pack_box(struct packing *packing, struct id stream, uint32_t epoch)
{
    const struct wire_boxes *boxes = &packing->content.boxes;

    for (size_t i = boxes->count; i > 0 && id_equal(boxes->items[i - 1].stream, stream); i--)
        if (boxes->items[i - 1].epoch == epoch)
            return RC_OK;
    return add_box(packing, stream, epoch);
}

static enum rc
pack_newest_box(struct packing *packing, struct id stream)
{
    const struct wire_boxes *boxes = &packing->content.boxes;
    uint32_t epoch = ledger_stream(packing->replica->ledger, stream)->epoch;

    for (size_t i = 0; i < boxes->count; i++)
        if (boxes->items[i].epoch == epoch && id_equal(boxes->items[i].stream, stream))
            return RC_OK;
    return add_box(packing, stream, epoch);
}

/* Of a carried cover the newest keys too, whatever is sent under them: they are what its colleague writes under. */
static enum rc
pack_cover_keys(struct packing *packing)
{
    const struct ledger *ledger = packing->replica->ledger;
    struct id person = ledger_device(ledger, packing->device)->person;
    const struct ledger_cover *cover;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (cover = ledger_cover_at(ledger, i)) != NULL; i++) {
        if (!cover->is_carried || !id_equal(cover->person, person))
            continue;
        for (size_t k = 0; rc == RC_OK && k < cover->family_count; k++) {
            const struct ledger_family *family = ledger_family(ledger, cover->families[k]);
            rc = pack_newest_box(packing, family->index);
            if (rc == RC_OK)
                rc = pack_newest_box(packing, family->file);
        }
    }
    return rc;
}

/* ---- entries ---------------------------------------------------------------------------------- */

/* What does not verify would have the other side refuse all of it: also where the signature of one that follows vouched for it here. */
static bool
is_worth_packing(const struct replica *replica, const struct elog_row *row)
{
    const struct ledger_device *device = ledger_device(replica->ledger, row->entry.device);

    return row->entry.ciphertext != NULL && (device == NULL || entry_verify(&row->entry, device->sign_public)) &&
           !(row->state == ELOG_PARKED &&
             (row->reason == ELOG_DAMAGED || row->reason == ELOG_LEDGER || row->reason == ELOG_PAST ||
              row->reason == ELOG_FORK));
}

/* Where a feed goes on after a gap; RC_ABSENT at its end. */
static enum rc
skip_gap(struct packing *packing, int64_t feed, uint32_t *save)
{
    struct stmt *stmt;
    int64_t first = 0;
    enum rc rc = db_stmt(packing->replica->db,
                         "SELECT coalesce(min(first), 0) FROM sync_entry WHERE feed = ?1 AND first > ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, *save);
    rc = stmt_finish_int(stmt, &first);
    *save = (uint32_t)first;
    return rc == RC_OK && first == 0 ? RC_ABSENT : rc;
}

static enum rc
pack_row(struct packing *packing, const struct elog_feed *feed, uint32_t *save)
{
    struct elog_row *grown = array_grow(packing->rows, &packing->room, packing->count + 1, sizeof *grown);

    if (grown == NULL)
        return RC_NOMEM;
    packing->rows = grown;
    struct elog_row *row = &grown[packing->count];
    *row = ELOG_ROW_EMPTY;
    enum rc rc = elog_find(packing->replica->db, feed->key, *save, row);
    if (rc != RC_OK) {
        elog_row_wipe(row); /* of one that is damaged it has bytes */
        return rc;
    }
    packing->count++;
    *save = row->entry.last + 1;
    struct entry sent = row->entry;
    sent.arrived_ms = 0;
    if (!is_worth_packing(packing->replica, row))
        return RC_OK;
    /* Noted before it is given away: what was in a bundle is never sealed anew. */
    rc = db_run_int(packing->replica->db, "UPDATE sync_entry SET is_bundled = 1 WHERE entry = ?1", row->key);
    if (rc == RC_OK)
        rc = pack_box(packing, sent.stream, sent.epoch);
    return rc == RC_OK ? wire_run_add(&packing->content.runs, &sent) : rc;
}

/* What the device is not known to have of one feed. Its own come back only in a whole bundle: after its store was put back. Of a
 * stream that went, own work that the server has not taken is still handed to who may hold it. */
static enum rc
pack_feed(void *context, const struct elog_feed *feed)
{
    struct packing *packing = context;
    struct replica *replica = packing->replica;
    struct ack_status known;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    bool is_here, is_filling;

    if ((id_equal(feed->feed.device, packing->device) && !packing->is_whole) ||
        !ledger_may_hold(replica->ledger, packing->device, feed->stream, now_ms))
        return RC_OK;
    enum rc rc = streams_have(replica, feed->stream, &is_here, &is_filling);
    if (rc != RC_OK || (!is_here && !feed->is_own))
        return rc;
    rc = replica_applied_at(replica, packing->device, feed->stream, feed->feed, &known);
    uint32_t save = packing->is_whole ? 1 : known.last + 1;
    while (rc == RC_OK && save != 0) { /* behind the last number that there is stands nothing */
        rc = pack_row(packing, feed, &save);
        if (rc == RC_ABSENT)
            rc = skip_gap(packing, feed->key, &save);
    }
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* ---- runs of a newer format ------------------------------------------------------------------- */

/* Nobody here can say of which stream they are: they go on only to who may hold all that this device holds. */
static enum rc
may_have_all(const struct packing *packing, bool *may)
{
    struct replica *replica = packing->replica;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    struct id stream;
    bool found;

    *may = true;
    enum rc rc = streams_next(replica, NULL, &stream, &found);
    while (rc == RC_OK && found && *may) {
        *may = ledger_may_hold(replica->ledger, packing->device, stream, now_ms);
        rc = streams_next(replica, &stream, &stream, &found);
    }
    return rc;
}

static enum rc
pack_newer(struct packing *packing)
{
    struct stmt *stmt;
    bool may, found = true;
    enum rc rc = may_have_all(packing, &may);

    if (rc != RC_OK || !may)
        return rc;
    rc = db_stmt(packing->replica->db, "SELECT run FROM sync_newer_run ORDER BY hash", &stmt);
    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        size_t len;
        const uint8_t *run = stmt_get_blob(stmt, 0, &len);
        rc = add_piece(&packing->newer, run, len);
    }
    stmt_done(stmt);
    return rc == RC_OK ? lend_pieces(&packing->newer, &packing->content.runs.unknown) : rc;
}

/* ---- acknowledgements ------------------------------------------------------------------------- */

/* Of one bundle: a colleague may keep 8 MiB in force at each of their devices, and for each stream. */
enum { ACKS_BYTES = 32 << 20 };

/* Others' newest, as signed, where one of their streams may be of use to the device; the shortest first, as far as there is room. */
static enum rc
pack_acks(struct packing *packing)
{
    struct replica *replica = packing->replica;
    uint64_t now_ms = (uint64_t)replica_now_ms(replica);
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(replica->db,
                         "SELECT ack FROM sync_ack_signed WHERE device NOT IN (?1, ?2)"
                         " ORDER BY length(ack), device, incarnation, number",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, packing->device);
    stmt_id(stmt, 2, replica->identity.device);
    while (rc == RC_OK && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        struct ack ack = ACK_EMPTY;
        bool is_of_use = false;
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 0, &len);
        if (packing->acks.bytes.len + len > ACKS_BYTES)
            break;
        rc = ack_decode(bytes, len, &ack);
        for (size_t i = 0; rc == RC_OK && !is_of_use && i < ack.stream_count; i++)
            is_of_use = ledger_may_hold(replica->ledger, packing->device, ack.streams[i].stream, now_ms);
        if (rc == RC_OK && is_of_use)
            rc = add_piece(&packing->acks, bytes, len);
        ack_wipe(&ack);
    }
    stmt_done(stmt);
    return rc == RC_OK ? lend_pieces(&packing->acks, &packing->content.acks) : rc;
}

/* Our own, made for this bundle: a store in doubt makes none, for it may have given that number away. */
static enum rc
make_own_ack(struct packing *packing)
{
    struct buf own = BUF_EMPTY(ACK_MAX_BYTES);
    enum rc rc = packing->replica->must_recover
                     ? RC_OK
                     : status_make_ack(packing->replica, packing->device, &own);

    if (rc == RC_OK && own.len > 0)
        rc = add_piece(&packing->acks, own.data, own.len);
    buf_wipe(&own);
    return rc;
}

/* ---- the whole -------------------------------------------------------------------------------- */

static enum rc
pack(struct packing *packing)
{
    struct replica *replica = packing->replica;
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = pack_lines(packing);
    if (rc == RC_OK)
        rc = replica_kept_statement(replica, &packing->content.statement);
    /* Without the word on the very head that we know, a bundle carries lines that nobody takes. */
    packing->content.has_statement =
        rc == RC_OK && packing->content.statement.position == ledger_position(replica->ledger);
    if (rc == RC_OK)
        rc = elog_feeds(replica->db, (struct id){{0}}, pack_feed, packing);
    if (rc == RC_OK)
        rc = pack_newer(packing);
    if (rc == RC_OK)
        rc = pack_cover_keys(packing);
    if (rc == RC_OK)
        rc = carried_pack(replica, packing->device, &packing->carried, &packing->content.carried);
    if (rc == RC_OK)
        rc = pack_acks(packing);
    wire_boxes_sort(&packing->content.boxes);
    return db_end(replica->db, rc);
}

/* What was packed, and what could not be: saves of streams where a rotation is owed are not sealed without the server. */
static enum rc
tell(const struct packing *packing, struct bundle_report *report)
{
    *report = (struct bundle_report){
        .lines = packing->content.lines.count,
        .entries = packing->content.runs.count,
        .boxes = packing->content.boxes.count,
        .acks = packing->content.acks.count,
        .carried = packing->content.carried.count,
    };
    return outbox_count(packing->replica->db, &report->saves_left);
}

enum rc
replica_bundle_pack(struct replica *replica, struct id device, bool is_whole,
                    struct bundle_report *report, struct buf *out)
{
    struct packing packing = {
        .replica = replica,
        .device = device,
        .is_whole = is_whole,
        .content = WIRE_RUN_BUNDLE_EMPTY,
        .lines.bytes = BUF_EMPTY(BUNDLE_MAX_BYTES),
        .acks.bytes = BUF_EMPTY(BUNDLE_MAX_BYTES),
        .newer.bytes = BUF_EMPTY(BUNDLE_MAX_BYTES),
        .carried = BUF_EMPTY(BUNDLE_MAX_BYTES),
    };
    struct buf content = BUF_EMPTY(BUNDLE_MAX_BYTES);

    enum rc rc = replica_need_team(replica);
    const struct ledger_device *to = rc == RC_OK ? ledger_device(replica->ledger, device) : NULL;
    if (rc == RC_OK && (to == NULL || !ledger_device_is_active(replica->ledger, device)))
        rc = rc_fail(RC_ABSENT, _("no such device in the team"));
    if (rc == RC_OK)
        rc = outbox_seal_alone(replica);
    if (rc == RC_OK) /* first: its number is given by a commit of its own */
        rc = make_own_ack(&packing);
    if (rc == RC_OK)
        rc = pack(&packing);
    if (rc == RC_OK)
        rc = wire_run_bundle_encode(&packing.content, &content);
    if (rc == RC_OK) {
        struct bundle_head head = {.from = replica->identity.device,
                                   .to = device,
                                   .created_ms = (uint64_t)replica_now_ms(replica)};
        memcpy(head.team, replica->team, sizeof head.team);
        rc = bundle_seal(&head, &replica->identity, to->box_public, &content, out);
    }
    if (rc == RC_OK)
        rc = tell(&packing, report);
    buf_wipe(&content);
    packing_wipe(&packing);
    return rc;
}
