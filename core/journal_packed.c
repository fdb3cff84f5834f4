/* Registers as they are stored: a record's heads in one packed value, loaded and written again. */
#include "core/journal_inside.h"

#include <stdlib.h>

#include "core/i18n.h"

/* A record's packed heads, in journal_record.heads (local, never sent):
 *
 *   n x (id device, u64 incarnation, id person)                           the feeds named below
 *   n x (varint unit, varint feed, varint save, varint index, u64 hlc, u8 is_root)      firsts
 *   n x (varint unit, varint feed, varint save, varint index, u64 hlc, varint since, block value)     heads
 *
 * since = 2 * later + 1 where somebody named the version to relax it, and then (u8 functions, id person); else 2 * later.
 */
struct feed_person {
    struct feed_ref feed;
    struct id person;
};

/* ---- writing -------------------------------------------------------------------------------- */

static size_t
intern(struct feed_person *feeds, size_t *count, const struct version *version, struct id person)
{
    for (size_t i = 0; i < *count; i++)
        if (feed_equal(feeds[i].feed, version->feed) &&
            id_equal(feeds[i].person, person))
            return i;
    feeds[*count] = (struct feed_person){version->feed, person};
    return (*count)++;
}

static enum rc
pack_version(struct buf *out, uint32_t unit, size_t feed, const struct version *version,
             uint64_t hlc)
{
    enum rc rc = buf_put_varint(out, unit);

    if (rc == RC_OK)
        rc = buf_put_varint(out, feed);
    if (rc == RC_OK)
        rc = buf_put_varint(out, version->save);
    if (rc == RC_OK)
        rc = buf_put_varint(out, version->index);
    return rc == RC_OK ? buf_put_u64(out, hlc) : rc;
}

static enum rc
pack_since(const struct head *h, struct buf *out)
{
    bool is_relaxed = h->relaxed.functions != 0;
    enum rc rc = buf_put_varint(out, (uint64_t)h->later << 1 | is_relaxed);

    if (rc == RC_OK && is_relaxed)
        rc = buf_put_u8(out, (uint8_t)h->relaxed.functions);
    return rc == RC_OK && is_relaxed ? buf_put(out, h->relaxed.person.bytes, ID_BYTES) : rc;
}

static enum rc
pack_feeds(const struct record *r, struct feed_person *feeds, size_t *count, struct buf *out)
{
    *count = 0;
    for (size_t i = 0; i < r->first_count; i++)
        (void)intern(feeds, count, &r->firsts[i].version, r->firsts[i].person);
    for (size_t i = 0; i < r->head_count; i++)
        (void)intern(feeds, count, &r->heads[i].version, r->heads[i].person);
    enum rc rc = buf_put_varint(out, *count);
    for (size_t i = 0; rc == RC_OK && i < *count; i++) {
        rc = buf_put(out, feeds[i].feed.device.bytes, ID_BYTES);
        if (rc == RC_OK)
            rc = buf_put_u64(out, feeds[i].feed.incarnation);
        if (rc == RC_OK)
            rc = buf_put(out, feeds[i].person.bytes, ID_BYTES);
    }
    return rc;
}

enum rc
packed_write(const struct record *r, struct buf *out)
{
    struct feed_person *feeds = malloc((r->first_count + r->head_count + 1) * sizeof *feeds);
    size_t count;
    enum rc rc;

    buf_clear(out);
    if (feeds == NULL)
        return rc_nomem();
    rc = pack_feeds(r, feeds, &count, out);
    if (rc == RC_OK)
        rc = buf_put_varint(out, r->first_count);
    for (size_t i = 0; rc == RC_OK && i < r->first_count; i++) {
        const struct first *f = &r->firsts[i];
        size_t feed = intern(feeds, &count, &f->version, f->person);
        rc = pack_version(out, f->unit, feed, &f->version, f->hlc);
        if (rc == RC_OK)
            rc = buf_put_u8(out, f->is_root);
    }
    if (rc == RC_OK)
        rc = buf_put_varint(out, r->head_count);
    for (size_t i = 0; rc == RC_OK && i < r->head_count; i++) {
        const struct head *h = &r->heads[i];
        size_t feed = intern(feeds, &count, &h->version, h->person);
        rc = pack_version(out, h->unit, feed, &h->version, h->hlc);
        if (rc == RC_OK)
            rc = pack_since(h, out);
        if (rc == RC_OK)
            rc = buf_put_block(out, h->value, h->value_len);
    }
    free(feeds);
    return rc;
}

/* ---- loading -------------------------------------------------------------------------------- */

static void
unpack_version(struct reader *in, const uint8_t *feeds, size_t feed_count, uint32_t *unit,
               struct head *h)
{
    *unit = (uint32_t)reader_count(in, UINT32_MAX);
    size_t feed = (size_t)reader_varint(in);
    h->version.save = (uint32_t)reader_count(in, UINT32_MAX);
    h->version.index = (uint32_t)reader_count(in, CHANGE_OPERATIONS);
    h->hlc = reader_u64(in);
    if (feed >= feed_count)
        in->failed = true;
    if (in->failed)
        return;
    struct reader at = reader_of(feeds + feed * (ID_BYTES + 8 + ID_BYTES), ID_BYTES + 8 + ID_BYTES);
    reader_copy(&at, h->version.feed.device.bytes, ID_BYTES);
    h->version.feed.incarnation = reader_u64(&at);
    reader_copy(&at, h->person.bytes, ID_BYTES);
}

static void
unpack_since(struct reader *in, struct head *h)
{
    uint64_t since = reader_count(in, 2 * UNIT_VERSIONS + 1);

    h->later = (uint32_t)(since >> 1);
    if ((since & 1) == 0)
        return;
    h->relaxed.functions = reader_u8(in);
    reader_copy(in, h->relaxed.person.bytes, ID_BYTES);
}

static enum rc
unpack(struct record *r)
{
    struct reader in = reader_of(r->packed.data, r->packed.len);
    size_t feed_count = (size_t)reader_count(&in, r->packed.len);
    const uint8_t *feeds = reader_bytes(&in, feed_count * (ID_BYTES + 8 + ID_BYTES));
    size_t n = (size_t)reader_count(&in, r->packed.len);
    enum rc rc = register_reserve_firsts(r, n);

    for (size_t i = 0; rc == RC_OK && i < n && !in.failed; i++) {
        struct head h = {0};
        unpack_version(&in, feeds, feed_count, &h.unit, &h);
        bool is_root = reader_u8(&in) != 0;
        r->firsts[i] = (struct first){h.unit, is_root, h.version, h.person, h.hlc};
    }
    r->first_count = n;
    n = (size_t)reader_count(&in, r->packed.len);
    if (rc == RC_OK)
        rc = register_reserve_heads(r, n);
    for (size_t i = 0; rc == RC_OK && i < n && !in.failed; i++) {
        struct head h = {0};
        unpack_version(&in, feeds, feed_count, &h.unit, &h);
        unpack_since(&in, &h);
        h.value = reader_block(&in, CHANGE_VALUE_BYTES, &h.value_len);
        r->heads[i] = h;
    }
    r->head_count = n;
    if (rc == RC_OK)
        register_weigh(r);
    return rc == RC_OK ? reader_finish(&in, N_("a record")) : rc;
}

void
packed_empty(struct record *r)
{
    buf_clear(&r->packed);
    r->rid = 0;
    r->conflicts = 0;
    r->hidden = REGISTER_SHOWN;
    r->held_count = 0;
    r->set_touched = false;
    r->head_count = 0;
    r->first_count = 0;
    register_weigh(r);
}

enum rc
packed_load_row(struct stmt *stmt, struct record *r)
{
    bool row;
    enum rc rc = stmt_step(stmt, &row);

    packed_empty(r);
    if (rc != RC_OK || !row)
        return rc;
    r->rid = stmt_get_int(stmt, 0);
    r->s = stmt_get_int(stmt, 1);
    r->entity = (uint32_t)stmt_get_int(stmt, 2);
    rc = stmt_get_id(stmt, 3, &r->id);
    r->hidden = (enum register_degree)stmt_get_int(stmt, 4);
    r->conflicts = (uint32_t)stmt_get_int(stmt, 5);
    if (rc == RC_OK)
        rc = stmt_get_buf(stmt, 6, &r->packed);
    if (rc == RC_OK)
        rc = unpack(r);
    r->kind = (enum stream_kind)stmt_get_int(stmt, 7);
    return rc;
}

enum rc
packed_load(struct journal *journal, const struct stream_row *stream, uint32_t entity,
              struct id id, struct record *r)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(journal->db,
                         "SELECT rid, s, entity, id, hidden, conflicts, heads, 0 "
                         "FROM journal_record WHERE id = ?1 AND s = ?2 AND entity = ?3",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, id);
    stmt_int(stmt, 2, stream->s);
    stmt_int(stmt, 3, entity);
    rc = packed_load_row(stmt, r);
    stmt_done(stmt);
    record_note_journal(r, journal);
    r->s = stream->s;
    r->kind = stream->kind;
    r->entity = entity;
    r->id = id;
    return rc;
}

enum rc
packed_open(struct journal *journal, const struct stream_row *stream, uint32_t entity, struct id id,
            struct record **r)
{
    enum rc rc = register_new(r);

    return rc == RC_OK ? packed_load(journal, stream, entity, id, *r) : rc;
}

enum rc
packed_load_rid(struct journal *journal, int64_t rid, struct record *r)
{
    struct stmt *stmt;
    enum rc rc =
        db_stmt(journal->db,
                "SELECT r.rid, r.s, r.entity, r.id, r.hidden, r.conflicts, r.heads, t.kind "
                "FROM journal_record AS r JOIN journal_stream AS t ON t.s = r.s "
                "WHERE r.rid = ?1",
                &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, rid);
    rc = packed_load_row(stmt, r);
    record_note_journal(r, journal);
    stmt_done(stmt);
    if (rc == RC_OK && r->rid == 0)
        rc = rc_fail(RC_ABSENT, _("no such record"));
    return rc;
}
