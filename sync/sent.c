/* Key boxes of this device's own operations. */
#include "sync/sent.h"

#include <string.h>

#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/session.h"
#include "sync/writer.h"

/* ---- while the answer is awaited ------------------------------------------------------------------ */

/*
 * As kept, by STATE_SENT, the oldest first:
 *
 *    u8 1, n x (n x box_record)
 *
 * The operation of a set is the one that names its set hash.
 */
enum { SENT_FORMAT = 1 };

struct sent {
    struct wire_boxes sets[SENT_MOST];
    size_t count;
};

static void
remove_at(struct sent *sent, size_t at)
{
    wire_boxes_wipe(&sent->sets[at]);
    sent->count--;
    memmove(&sent->sets[at], &sent->sets[at + 1], (sent->count - at) * sizeof sent->sets[0]);
    sent->sets[sent->count] = WIRE_BOXES_EMPTY;
}

static void
wipe_sent(struct sent *sent)
{
    while (sent->count > 0)
        remove_at(sent, sent->count - 1);
}

static enum rc
decode(const struct buf *bytes, struct sent *sent)
{
    struct reader reader = reader_of(bytes->data, bytes->len);
    enum rc rc = RC_OK;

    if (reader_u8(&reader) != SENT_FORMAT)
        return RC_OK; /* a newer program's: of use to that one alone */
    size_t count = (size_t)reader_count(&reader, SENT_MOST);
    for (size_t i = 0; rc == RC_OK && i < count && !reader.failed; i++)
        rc = wire_boxes_get(&reader, &sent->sets[sent->count++]);
    return rc == RC_OK ? reader_finish(&reader, _("the key boxes")) : rc;
}

/* `sent` is empty before. */
static enum rc
load(struct replica *replica, struct sent *sent)
{
    struct buf bytes = BUF_EMPTY(WIRE_REQUEST_BYTES);
    enum rc rc = state_get_bytes(replica->db, STATE_SENT, &bytes);

    if (rc == RC_OK)
        rc = decode(&bytes, sent);
    buf_wipe(&bytes);
    if (rc == RC_CORRUPT) /* of no use, and no reason to read no line any more */
        wipe_sent(sent);
    return rc == RC_ABSENT || rc == RC_CORRUPT ? RC_OK : rc;
}

static enum rc
encode(const struct sent *sent, struct buf *bytes)
{
    struct writer writer = writer_of(bytes);

    writer_u8(&writer, SENT_FORMAT);
    writer_varint(&writer, sent->count);
    enum rc rc = writer_finish(&writer);
    for (size_t i = 0; rc == RC_OK && i < sent->count; i++)
        rc = wire_boxes_put(bytes, &sent->sets[i]);
    return rc;
}

/* What does not fit goes, from the oldest on: one set does, as it does into its request. */
static enum rc
save(struct replica *replica, struct sent *sent)
{
    struct buf bytes = BUF_EMPTY(WIRE_REQUEST_BYTES);
    enum rc rc = RC_TOO_LARGE;

    while (rc == RC_TOO_LARGE && sent->count > 0) {
        buf_clear(&bytes);
        rc = encode(sent, &bytes);
        if (rc == RC_TOO_LARGE)
            remove_at(sent, 0);
    }
    if (sent->count == 0)
        rc = state_drop(replica->db, STATE_SENT);
    else if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_SENT, bytes.data, bytes.len);
    buf_wipe(&bytes);
    return rc;
}

static enum rc
add(struct sent *sent, const struct wire_boxes *boxes)
{
    enum rc rc = RC_OK;

    if (sent->count == SENT_MOST)
        remove_at(sent, 0);
    struct wire_boxes *set = &sent->sets[sent->count++];
    for (size_t i = 0; rc == RC_OK && i < boxes->count; i++)
        rc = wire_boxes_add(set, &boxes->items[i]);
    return rc;
}

enum rc
sent_keep(struct replica *replica, const struct wire_boxes *boxes)
{
    struct sent sent = {.count = 0};

    if (boxes->count == 0)
        return RC_OK;
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = load(replica, &sent);
    if (rc == RC_OK)
        rc = add(&sent, boxes);
    if (rc == RC_OK)
        rc = save(replica, &sent);
    wipe_sent(&sent);
    return db_end(replica->db, rc);
}

/* SIZE_MAX: none has that set hash. */
static size_t
find_set(const struct sent *sent, const uint8_t wanted[CRYPTO_HASH_BYTES])
{
    for (size_t i = 0; i < sent->count; i++) {
        uint8_t hash[CRYPTO_HASH_BYTES];
        wire_boxes_hash(&sent->sets[i], hash);
        if (memcmp(hash, wanted, sizeof hash) == 0)
            return i;
    }
    return SIZE_MAX;
}

enum rc
sent_drop(struct replica *replica, const struct wire_boxes *boxes)
{
    struct sent sent = {.count = 0};
    uint8_t hash[CRYPTO_HASH_BYTES];

    if (boxes->count == 0)
        return RC_OK;
    wire_boxes_hash(boxes, hash);
    enum rc rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = load(replica, &sent);
    size_t at = rc == RC_OK ? find_set(&sent, hash) : SIZE_MAX;
    if (at != SIZE_MAX) {
        remove_at(&sent, at);
        rc = save(replica, &sent);
    }
    wipe_sent(&sent);
    return db_end(replica->db, rc);
}

/* ---- once its line is here ------------------------------------------------------------------------ */

enum rc
sent_keep_made(struct replica *replica, const struct wire_box *box)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "INSERT OR REPLACE INTO sync_made (stream, epoch, recipient, box) VALUES (?1, ?2, ?3, ?4)", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, box->stream);
    stmt_int(stmt, 2, box->epoch);
    stmt_id(stmt, 3, box->recipient);
    stmt_blob(stmt, 4, box->bytes, box->len);
    return stmt_finish(stmt);
}

/* By the box for this device its key is here as by the server's, whether or not that still has it; by no other can it be made again. */
static enum rc
take_box(struct replica *replica, const struct wire_box *box)
{
    const struct ledger_stream *stream = ledger_stream(replica->ledger, box->stream);
    bool is_forged;

    if (stream == NULL)
        return RC_OK;
    if (id_equal(box->recipient, replica->identity.device)) {
        enum rc rc = session_open_box(replica, box, &is_forged);
        return rc == RC_OK ? replica_store_keys_of(replica, box->stream) : rc;
    }
    bool is_held = ledger_may_hold(replica->ledger, replica->identity.device, box->stream, (uint64_t)replica_now_ms(replica));
    return stream->epoch == box->epoch && !is_held ? sent_keep_made(replica, box) : RC_OK;
}

static enum rc
take_set(struct replica *replica, const struct wire_boxes *set, bool is_answer)
{
    uint64_t before = keyring_changes(replica->keys);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < set->count; i++)
        rc = take_box(replica, &set->items[i]);
    return rc == RC_OK && !is_answer && keyring_changes(replica->keys) > before ? inbox_retry(replica) : rc;
}

/* An epoch is made once, and nothing is given of an older one. */
static bool
is_passed(const struct wire_boxes *set, const struct ledger_op *op)
{
    for (size_t i = 0; i < op->part_count; i++)
        for (size_t k = 0; op->parts[i].makes && k < set->count; k++)
            if (id_equal(set->items[k].stream, op->parts[i].stream) && set->items[k].epoch <= op->parts[i].epoch)
                return true;
    return false;
}

static enum rc
take_op(struct replica *replica, const struct ledger_op *op, struct sent *sent, bool is_answer)
{
    bool is_own = id_equal(op->author, replica->identity.device);
    size_t count = sent->count, at = is_own ? find_set(sent, op->boxes_hash) : SIZE_MAX;
    enum rc rc = RC_OK;

    if (at != SIZE_MAX) {
        rc = take_set(replica, &sent->sets[at], is_answer);
        remove_at(sent, at);
    }
    for (size_t i = sent->count; i > 0; i--)
        if (is_passed(&sent->sets[i - 1], op))
            remove_at(sent, i - 1);
    if (rc == RC_OK && sent->count < count)
        rc = save(replica, sent);
    if (rc == RC_OK && is_own && !is_answer)
        rc = state_put_int(replica->db, STATE_RETURN_BOXES, 1);
    return rc;
}

enum rc
sent_take_line(struct replica *replica, const struct ledger_line *line, bool is_answer)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct sent sent = {.count = 0};

    enum rc rc = ledger_op_decode(line->op, line->op_len, &op);
    if (rc == RC_OK && op.part_count > 0)
        rc = load(replica, &sent);
    if (rc == RC_OK && op.part_count > 0)
        rc = take_op(replica, &op, &sent, is_answer);
    wipe_sent(&sent);
    ledger_op_wipe(&op);
    return rc;
}

static enum rc
forget_before(struct replica *replica, struct id stream, uint32_t epoch)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "DELETE FROM sync_made WHERE stream = ?1 AND epoch < ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    stmt_int(stmt, 2, epoch);
    return stmt_finish(stmt);
}

enum rc
sent_forget_older(struct replica *replica)
{
    struct ledger_ids streams = LEDGER_IDS_EMPTY;
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT DISTINCT stream FROM sync_made", &stmt);

    if (rc == RC_OK)
        rc = streams_list(stmt, &streams);
    for (size_t i = 0; rc == RC_OK && i < streams.count; i++) {
        const struct ledger_stream *known = ledger_stream(replica->ledger, streams.items[i]);
        if (known != NULL)
            rc = forget_before(replica, known->id, known->epoch);
    }
    ledger_ids_wipe(&streams);
    return rc;
}

enum rc
sent_find(struct replica *replica, struct wire_box *box, bool *found)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(replica->db, "SELECT box FROM sync_made WHERE stream = ?1 AND epoch = ?2 AND recipient = ?3", &stmt);

    *found = false;
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, box->stream);
    stmt_int(stmt, 2, box->epoch);
    stmt_id(stmt, 3, box->recipient);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found) {
        size_t len;
        const uint8_t *bytes = stmt_get_blob(stmt, 0, &len);
        box->len = (uint16_t)(len <= sizeof box->bytes ? len : 0);
        memcpy(box->bytes, bytes, box->len);
    }
    stmt_done(stmt);
    return rc;
}
