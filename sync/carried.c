/* Operations that travel without the server: kept, made here, passed on by bundles. */
#include "sync/carried.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/carried_inside.h"
#include "sync/cover.h"
#include "sync/writer.h"

/*
 * As kept, by STATE_CARRIED, a give before its acceptance:
 *
 *    u8 1, n x (u8 flags, block operation)
 */
enum { KEPT_FORMAT = 1, KEPT_BYTES = 4 << 20 };

void
carried_kept_free(struct carried_kept *kept)
{
    if (kept != NULL)
        buf_wipe(&kept->bytes);
    free(kept);
}

enum rc
carried_kept_read(struct replica *replica, struct carried_kept **out)
{
    struct carried_kept *kept = calloc(1, sizeof *kept);

    *out = kept;
    if (kept == NULL)
        return rc_nomem();
    kept->bytes = BUF_EMPTY(KEPT_BYTES);
    enum rc rc = state_get_bytes(replica->db, STATE_CARRIED, &kept->bytes);
    if (rc != RC_OK)
        return rc == RC_ABSENT ? RC_OK : rc;
    struct reader reader = reader_of(kept->bytes.data, kept->bytes.len);
    if (reader_u8(&reader) != KEPT_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("what is carried was kept by a newer program"));
    size_t count = (size_t)reader_count(&reader, CARRIED_MOST);
    for (size_t i = 0; i < count && !reader.failed; i++) {
        struct carried_item *item = &kept->items[i];
        item->flags = reader_u8(&reader);
        item->op = reader_block(&reader, WIRE_OPERATION_BYTES, &item->len);
    }
    rc = reader_finish(&reader, _("what is carried"));
    kept->count = rc == RC_OK ? count : 0;
    return rc;
}

enum rc
carried_kept_write(struct replica *replica, const struct carried_kept *kept)
{
    struct buf bytes = BUF_EMPTY(KEPT_BYTES);
    struct writer writer = writer_of(&bytes);
    size_t count = 0;

    for (size_t i = 0; i < kept->count; i++)
        count += !kept->items[i].is_dropped;
    writer_u8(&writer, KEPT_FORMAT);
    writer_varint(&writer, count);
    for (size_t i = 0; i < kept->count; i++) {
        if (kept->items[i].is_dropped)
            continue;
        writer_u8(&writer, kept->items[i].flags);
        writer_block(&writer, kept->items[i].op, kept->items[i].len);
    }
    enum rc rc = writer_finish(&writer);
    if (rc == RC_OK)
        rc = count == 0 ? state_drop(replica->db, STATE_CARRIED)
                        : state_put_bytes(replica->db, STATE_CARRIED, bytes.data, bytes.len);
    buf_wipe(&bytes);
    return rc;
}

static bool
has_room(const struct carried_kept *kept)
{
    for (size_t i = 0; i < kept->count; i++)
        if ((kept->items[i].flags & CARRIED_IS_REFUSED) != 0)
            return true;
    return kept->count < CARRIED_MOST;
}

/* Kept, or a line by now: each bundle of a colleague brings again what is carried there. */
static bool
is_there(const struct replica *replica, const struct carried_kept *kept, const struct wire_bytes *bytes)
{
    uint8_t hash[CRYPTO_HASH_BYTES];

    for (size_t i = 0; i < kept->count; i++)
        if (kept->items[i].len == bytes->len && memcmp(kept->items[i].op, bytes->data, bytes->len) == 0)
            return true;
    ledger_op_hash(bytes->data, bytes->len, hash);
    return ledger_find_op(replica->ledger, hash) != 0;
}

/* Lends `op`. Where there is no room, the oldest that came to nothing goes. */
static enum rc
kept_add(struct carried_kept *kept, const void *op, size_t len)
{
    if (kept->count == CARRIED_MOST) {
        size_t at = 0;
        while (at < CARRIED_MOST && (kept->items[at].flags & CARRIED_IS_REFUSED) == 0)
            at++;
        if (at == CARRIED_MOST)
            return rc_fail(RC_TOO_LARGE, _("more than %d covers wait for the server"), CARRIED_MOST / 2);
        memmove(&kept->items[at], &kept->items[at + 1], (CARRIED_MOST - at - 1) * sizeof kept->items[0]);
        kept->count--;
    }
    kept->items[kept->count++] = (struct carried_item){.op = op, .len = len};
    return RC_OK;
}

enum rc
carried_load(struct replica *replica)
{
    struct carried_kept *kept;

    ledger_carry_nothing(replica->ledger);
    enum rc rc = carried_kept_read(replica, &kept);
    for (size_t i = 0; rc == RC_OK && i < kept->count; i++) {
        const struct carried_item *item = &kept->items[i];
        rc = ledger_carry_known(replica->ledger, item->op, item->len, (item->flags & CARRIED_IS_REFUSED) != 0);
        if (rc == RC_ABSENT || rc == RC_INVALID || rc == RC_UNSUPPORTED || rc == RC_CORRUPT)
            rc = RC_OK; /* the ledger is shorter than it was, or the row is damaged: it counts for nothing */
    }
    carried_kept_free(kept);
    return rc;
}

/* ---- by bundle ----------------------------------------------------------------------------------- */

static bool
is_about(const struct ledger_cover *cover, struct id person)
{
    return cover != NULL && (id_equal(cover->person, person) || id_equal(cover->given_by, person));
}

/* Gives or covers that person by this operation? */
static bool
concerns(const struct ledger *ledger, const struct ledger_op *op, struct id person)
{
    const struct ledger_device *author = ledger_device(ledger, op->author);

    if (op->kind == LEDGER_COVER_ACCEPT)
        return is_about(ledger_cover(ledger, op->as.cover_accept), person);
    return op->kind == LEDGER_COVER_GIVE &&
           (id_equal(op->as.cover_give.person, person) || (author != NULL && id_equal(author->person, person)));
}

static enum rc
take_one(struct replica *replica, struct carried_kept *kept, const struct wire_bytes *bytes, struct sync_report *report)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    enum rc rc = ledger_op_decode(bytes->data, bytes->len, &op);
    bool is_ours = rc == RC_OK && concerns(replica->ledger, &op, replica_self(replica).person);
    ledger_op_wipe(&op);
    if (rc == RC_NOMEM || (rc == RC_OK && !is_ours))
        return rc;
    if (rc == RC_OK && !has_room(kept)) /* whoever gave so many holds up nothing else that bundles bring */
        rc = is_there(replica, kept, bytes) ? RC_EXISTS : RC_TOO_LARGE;
    if (rc == RC_OK)
        rc = ledger_carry(replica->ledger, bytes->data, bytes->len, (uint64_t)replica_now_ms(replica));
    if (rc == RC_OK) {
        report->carried_taken++;
        return kept_add(kept, bytes->data, bytes->len);
    }
    if (rc == RC_EXISTS || rc == RC_NOMEM)
        return rc == RC_EXISTS ? RC_OK : rc;
    report->carried_refused++;
    return RC_OK;
}

enum rc
carried_take(struct replica *replica, const struct wire_blocks *ops, struct sync_report *report)
{
    struct carried_kept *kept = NULL;

    if (ops->count == 0)
        return RC_OK;
    enum rc rc = carried_kept_read(replica, &kept);
    for (size_t i = 0; rc == RC_OK && i < ops->count; i++)
        rc = take_one(replica, kept, &ops->items[i], report);
    if (rc == RC_OK && report->carried_taken > 0)
        rc = carried_kept_write(replica, kept);
    carried_kept_free(kept);
    return rc;
}

enum rc
carried_pack(struct replica *replica, struct id device, struct buf *bytes, struct wire_blocks *ops)
{
    struct id person = ledger_device(replica->ledger, device)->person;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct carried_kept *kept;
    size_t ends[CARRIED_MOST], count = 0, at = 0;

    enum rc rc = carried_kept_read(replica, &kept);
    for (size_t i = 0; rc == RC_OK && i < kept->count; i++) {
        const struct carried_item *item = &kept->items[i];
        uint8_t hash[CRYPTO_HASH_BYTES];
        ledger_op_hash(item->op, item->len, hash);
        if ((item->flags & CARRIED_IS_REFUSED) != 0 || ledger_find_op(replica->ledger, hash) != 0)
            continue;
        ledger_op_wipe(&op);
        rc = ledger_op_decode(item->op, item->len, &op);
        if (rc != RC_OK || !concerns(replica->ledger, &op, person))
            continue;
        rc = buf_put(bytes, item->op, item->len);
        ends[count++] = bytes->len;
    }
    for (size_t i = 0; rc == RC_OK && i < count; at = ends[i++])
        rc = wire_blocks_add(ops, bytes->data + at, ends[i] - at);
    ledger_op_wipe(&op);
    carried_kept_free(kept);
    return rc;
}

/* ---- made here ------------------------------------------------------------------------------------ */

/* When the ledger that is here was the server's, as far as this device knows. */
static enum rc
heard_ms(struct replica *replica, int64_t *heard)
{
    struct wire_statement statement;

    enum rc rc = state_get_int(replica->db, STATE_LAST_SYNC_MS, heard);
    if (rc == RC_OK)
        rc = replica_kept_statement(replica, &statement);
    if (rc == RC_OK && (int64_t)statement.time_ms > *heard)
        *heard = (int64_t)statement.time_ms;
    return rc;
}

/* Signs, judges and keeps; counts at once. */
static enum rc
make(struct replica *replica, struct ledger_op *op)
{
    int64_t heard = 0, now_ms = replica_now_ms(replica);
    struct buf bytes = BUF_EMPTY(WIRE_OPERATION_BYTES);
    struct carried_kept *kept = NULL;

    enum rc rc = heard_ms(replica, &heard);
    heard = heard < now_ms ? heard : now_ms;
    if (rc == RC_OK && op->not_after_ms == 0 && heard + LEDGER_CARRIED_MS <= now_ms)
        rc = rc_fail(RC_STALE, _("this device has not heard the server for 30 days: it may know of decisions that are not here"));
    if (rc != RC_OK)
        return rc;
    if (op->not_after_ms == 0)
        op->not_after_ms = (uint64_t)(heard + LEDGER_CARRIED_MS);
    op->created_ms = (uint64_t)now_ms;
    ledger_address(replica->ledger, op);
    rc = ledger_op_sign(op, &replica->identity, NULL, &bytes);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    rc = ledger_carry(replica->ledger, bytes.data, bytes.len, (uint64_t)now_ms);
    if (rc == RC_OK)
        rc = carried_kept_read(replica, &kept);
    if (rc == RC_OK)
        rc = kept_add(kept, bytes.data, bytes.len);
    if (rc == RC_OK)
        rc = carried_kept_write(replica, kept);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK && rc != RC_EXISTS) { /* memory as the store is */
        enum rc again = carried_load(replica);
        rc = again == RC_OK ? rc : again;
    }
out:
    carried_kept_free(kept);
    buf_wipe(&bytes);
    return rc;
}

/* The keys go with the bundle: who has them not gives nothing. */
static enum rc
need_keys(const struct replica *replica, const struct cover_new *cover)
{
    for (size_t i = 0; i < cover->count; i++) {
        const struct ledger_family *family = ledger_family(replica->ledger, cover->families[i]);
        if (family == NULL)
            return rc_fail(RC_ABSENT, _("no such family"));
        const struct id streams[] = {family->index, family->file};
        for (size_t j = 0; j < 2; j++)
            if (!keyring_has(replica->keys, streams[j], ledger_stream(replica->ledger, streams[j])->epoch))
                return rc_fail(RC_LOCKED, _("the key of that family is not on this device"));
    }
    return RC_OK;
}

enum rc
replica_cover_carry(struct replica *replica, const struct cover_new *cover, struct id *id)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    enum rc rc = replica_need_team(replica);
    const struct ledger_cover *same = rc == RC_OK ? cover_find_same(replica->ledger, cover) : NULL;
    if (same != NULL) {
        *id = same->id;
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = need_keys(replica, cover);
    *id = id_random();
    op.kind = LEDGER_COVER_GIVE;
    op.as.cover_give = cover_payload(cover, *id);
    for (size_t i = 0; rc == RC_OK && i < cover->count; i++)
        rc = ledger_op_add_family(&op, cover->families[i]);
    if (rc == RC_OK)
        rc = make(replica, &op);
    ledger_op_wipe(&op);
    return rc;
}

enum rc
replica_cover_carry_acceptance(struct replica *replica, struct id id)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    enum rc rc = replica_need_team(replica);
    const struct ledger_cover *cover = rc == RC_OK ? ledger_cover(replica->ledger, id) : NULL;
    if (rc == RC_OK && cover == NULL)
        rc = rc_fail(RC_ABSENT, _("no such cover"));
    if (rc != RC_OK)
        return rc;
    op.kind = LEDGER_COVER_ACCEPT;
    op.as.cover_accept = id;
    if (cover->is_carried) /* its own end stands in the gift: by a clock that is ahead here, who gave it would refuse the answer */
        op.not_after_ms = cover->not_after_ms;
    rc = cover->state == LEDGER_COVER_ACCEPTED ? RC_OK : make(replica, &op);
    ledger_op_wipe(&op);
    if (rc == RC_EXISTS)
        rc = RC_OK;
    return rc == RC_OK ? streams_refresh(replica) : rc;
}
