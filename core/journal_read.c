/* Reading registers: current versions, conflicts, and the canonical dump. */
#include "core/journal_inside.h"

#include <stdlib.h>

/* A record as it is, gathered or stored, until close_record. */
static enum rc
open_record(struct journal *journal, struct id stream, uint32_t entity, struct id id, struct record **own,
            struct record **record)
{
    struct stream_row row;
    enum rc rc = batch_stream(journal, stream, &row);

    *record = *own = NULL;
    if (rc == RC_OK)
        *record = batch_peek(journal, &row, entity, id);
    if (rc == RC_OK && *record == NULL) {
        rc = packed_open(journal, &row, entity, id, own);
        *record = *own;
    }
    return rc;
}

static void
close_record(struct journal *journal, struct record *own)
{
    register_free(own);
    if (!batch_is_open(journal)) /* what it knows of streams and held work ends with the question */
        batch_forget(journal);
}

enum rc
journal_current(struct journal *journal, struct id stream, uint32_t entity, struct id record,
                uint32_t unit, journal_current_fn visit, void *context)
{
    struct record *r, *own;
    size_t from, until;
    enum rc rc = open_record(journal, stream, entity, record, &own, &r);

    if (rc == RC_OK)
        rc = held_load(journal, r);
    if (rc != RC_OK)
        goto out;
    const struct head *shown = register_protective(r, unit);
    register_range(r, unit, &from, &until);
    for (size_t i = from; rc == RC_OK && i < until; i++) {
        const struct head *h = &r->heads[i];
        struct current current = {h->version, h->person, h->hlc,
                                  h == shown, h->value,  h->value_len};
        rc = visit(context, &current);
    }
out:
    close_record(journal, own);
    return rc;
}

enum rc
journal_versions(struct journal *journal, struct id stream, uint32_t entity, struct id record,
                 struct version **versions, size_t *count)
{
    struct record *r, *own;
    enum rc rc = open_record(journal, stream, entity, record, &own, &r);

    *versions = NULL;
    *count = 0;
    if (rc == RC_OK && r->rid == 0 && r->head_count == 0)
        rc = rc_fail(RC_ABSENT, "record");
    if (rc == RC_OK)
        *versions = malloc((r->head_count + 1) * sizeof **versions);
    if (rc == RC_OK && *versions == NULL)
        rc = rc_nomem();
    for (size_t i = 0; rc == RC_OK && i < r->head_count; i++)
        if (r->heads[i].unit != UNIT_DELETED)
            (*versions)[(*count)++] = r->heads[i].version;
    close_record(journal, own);
    return rc;
}

enum rc
journal_may_resolve(struct journal *journal, const struct author *self, const struct replacing *replacing)
{
    struct policy_asker asker = {.functions = self->functions, .is_author = true};
    struct record *r, *own;
    enum rc rc = open_record(journal, replacing->stream, replacing->entity, replacing->record, &own, &r);

    if (rc != RC_OK)
        goto out;
    const struct first *first = register_first(r, replacing->unit);
    asker.is_author = first == NULL || id_equal(first->person, self->person);
    for (size_t i = 0; i < replacing->count; i++) {
        const struct head *h = register_head(r, replacing->unit, &replacing->versions[i]);
        asker.relaxes |= h != NULL && policy_relaxes(replacing->entity, replacing->unit, replacing->value,
                                                     replacing->value_len, h->value, h->value_len);
    }
    rc = policy_may_resolve(replacing->entity, replacing->unit, &asker);
out:
    close_record(journal, own);
    return rc;
}

static enum rc
read_conflict(struct stmt *stmt, struct conflict *conflict)
{
    enum rc rc = stmt_get_id(stmt, 0, &conflict->stream);

    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 1, &conflict->family);
    if (rc == RC_OK)
        rc = stmt_get_id(stmt, 2, &conflict->record);
    conflict->entity = (uint32_t)stmt_get_int(stmt, 3);
    conflict->unit = (uint32_t)stmt_get_int(stmt, 4);
    conflict->versions = (uint32_t)stmt_get_int(stmt, 5);
    return rc;
}

enum rc
journal_conflicts(struct journal *journal, journal_conflict_fn visit, void *context)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = batch_flush(journal);

    if (rc != RC_OK)
        return rc;
    rc = db_stmt(journal->db,
                 "SELECT t.id, t.family, r.id, r.entity, c.unit, c.versions "
                 "FROM journal_conflict AS c JOIN journal_record AS r ON r.rid = c.rid "
                 "JOIN journal_stream AS t ON t.s = r.s "
                 "WHERE NOT r.hidden ORDER BY t.family, r.id, r.entity, c.unit",
                 &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row) {
        struct conflict conflict;
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = read_conflict(stmt, &conflict);
        if (rc == RC_OK && row)
            rc = visit(context, &conflict);
    }
    stmt_done(stmt);
    return rc;
}

/* ---- the dump ------------------------------------------------------------------------------- */

static enum rc
put_hex(struct buf *out, const uint8_t *bytes, size_t len)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < len; i++)
        rc = buf_printf(out, "%02x", bytes[i]);
    return rc;
}

static enum rc
put_version(struct buf *out, const char *word, uint32_t unit, const struct version *version,
            uint64_t hlc, struct id person)
{
    char device[ID_TEXT_CHARS + 1];
    char author[ID_TEXT_CHARS + 1];

    id_to_text(version->feed.device, device);
    id_to_text(person, author);
    return buf_printf(out, " %s %u %s %016llx %u %u %016llx %s", word, (unsigned)unit, device,
                      (unsigned long long)version->feed.incarnation, (unsigned)version->save,
                      (unsigned)version->index, (unsigned long long)hlc, author);
}

static enum rc
dump_record(struct journal *journal, int64_t rid, struct record *r, struct buf *out)
{
    char text[ID_TEXT_CHARS + 1];
    enum rc rc = packed_load_rid(journal, rid, r);

    if (rc != RC_OK)
        return rc;
    id_to_text(r->id, text);
    rc = buf_printf(out, "record %u %s %d %u\n", (unsigned)r->entity, text, (int)r->hidden,
                    (unsigned)r->conflicts);
    for (size_t i = 0; rc == RC_OK && i < r->first_count; i++) {
        const struct first *f = &r->firsts[i];
        rc = put_version(out, "first", f->unit, &f->version, f->hlc, f->person);
        if (rc == RC_OK)
            rc = buf_printf(out, "\n");
    }
    for (size_t i = 0; rc == RC_OK && i < r->head_count; i++) {
        const struct head *h = &r->heads[i];
        rc = put_version(out, h == register_shown(r, h->unit) ? "shown" : "other", h->unit,
                         &h->version, h->hlc, h->person);
        if (rc == RC_OK)
            rc = buf_printf(out, " ");
        if (rc == RC_OK)
            rc = put_hex(out, h->value, h->value_len);
        if (rc == RC_OK)
            rc = buf_printf(out, "\n");
    }
    return rc;
}

static enum rc
dump_records(struct journal *journal, int64_t s, struct buf *out)
{
    struct record *r = NULL;
    struct stmt *stmt;
    bool row = true;
    enum rc rc = register_new(&r);

    if (rc != RC_OK)
        return rc;
    rc = db_stmt(journal->db, "SELECT rid FROM journal_record WHERE s = ?1 ORDER BY entity, id",
                 &stmt);
    if (rc == RC_OK)
        stmt_int(stmt, 1, s);
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = dump_record(journal, stmt_get_int(stmt, 0), r, out);
    }
    stmt_done(stmt);
    register_free(r);
    return rc;
}

/* Feeds that were only named, not yet heard of, are left out: they are in the pend lines. */
static enum rc
dump_feeds(struct journal *journal, int64_t s, struct buf *out)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal->db,
                         "SELECT device, incarnation, frontier, 0 FROM journal_feed "
                         "WHERE s = ?1 AND frontier > 0 UNION ALL "
                         "SELECT f.device, f.incarnation, p.save, p.idx + 1 FROM journal_pend AS p "
                         "JOIN journal_feed AS f ON f.f = p.f WHERE f.s = ?1 ORDER BY 1, 2, 4, 3",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, s);
    while (rc == RC_OK && row) {
        struct id device;
        char text[ID_TEXT_CHARS + 1];
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = stmt_get_id(stmt, 0, &device);
        id_to_text(device, text);
        if (rc == RC_OK)
            rc = buf_printf(out, "feed %s %016llx %lld %lld\n", text,
                            (unsigned long long)stmt_get_int(stmt, 1),
                            (long long)stmt_get_int(stmt, 2), (long long)stmt_get_int(stmt, 3));
    }
    stmt_done(stmt);
    return rc;
}

/* What held saves write, apart: two devices with the same applied saves may hold different ones. */
static enum rc
dump_held(struct journal *journal, int64_t s, struct buf *out)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal->db,
                         "SELECT h.record, f.device, f.incarnation, h.save, h.idx, h.unit, h.person, h.hlc, h.value, "
                         "h.entity FROM journal_held AS h JOIN journal_feed AS f ON f.f = h.f WHERE f.s = ?1 "
                         "ORDER BY h.entity, h.record, h.unit, f.device, f.incarnation, h.save, h.idx",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, s);
    while (rc == RC_OK && row) {
        char text[ID_TEXT_CHARS + 1];
        struct head head = {0};
        struct id record = {{0}};
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        rc = held_read(stmt, &head);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 0, &record);
        id_to_text(record, text);
        if (rc == RC_OK)
            rc = buf_printf(out, "held %lld %s", (long long)stmt_get_int(stmt, 9), text);
        if (rc == RC_OK)
            rc = put_version(out, "unit", head.unit, &head.version, head.hlc, head.person);
        if (rc == RC_OK)
            rc = buf_printf(out, " ");
        if (rc == RC_OK)
            rc = put_hex(out, head.value, head.value_len);
        if (rc == RC_OK)
            rc = buf_printf(out, "\n");
    }
    stmt_done(stmt);
    return rc;
}

enum rc
journal_dump(struct journal *journal, struct id stream, struct buf *out)
{
    struct stream_row row;
    enum rc rc = batch_flush(journal);

    if (rc == RC_OK)
        rc = stream_get(journal, stream, &row);
    if (rc == RC_OK)
        rc = dump_feeds(journal, row.s, out);
    if (rc == RC_OK)
        rc = dump_held(journal, row.s, out);
    if (rc == RC_OK)
        rc = dump_records(journal, row.s, out);
    return rc == RC_OK ? table_dump(journal, row.s, out) : rc;
}
