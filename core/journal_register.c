/* Registers: the current versions of a record's units, loaded, changed in memory, packed again. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

enum { PACKED_BYTES = 512 * 1024 * 1024 }; /* SQLite's own ceiling is 1e9 */

/* A record's packed heads, in journal_record.heads (local, never sent):
 *
 *   n x (id device, u64 incarnation, id person)                           the feeds named below
 *   n x (varint unit, varint feed, varint save, varint index, u64 hlc, u8 is_root)      firsts
 *   n x (varint unit, varint feed, varint save, varint index, u64 hlc, block value)     heads
 */
struct feed_person {
    struct feed_ref feed;
    struct id person;
};

enum rc
register_new(struct record **record)
{
    *record = calloc(1, sizeof **record);
    if (*record == NULL)
        return rc_nomem();
    (*record)->packed = BUF_EMPTY(PACKED_BYTES);
    return RC_OK;
}

void
register_free(struct record *record)
{
    if (record == NULL)
        return;
    buf_wipe(&record->packed);
    free(record->heads);
    free(record->firsts);
    free(record);
}

/* ---- packing -------------------------------------------------------------------------------- */

static size_t
intern(struct feed_person *feeds, size_t *count, const struct version *version, struct id person)
{
    for (size_t i = 0; i < *count; i++)
        if (id_equal(feeds[i].feed.device, version->feed.device) &&
            feeds[i].feed.incarnation == version->feed.incarnation &&
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
register_pack(const struct record *r, struct buf *out)
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
            rc = buf_put_block(out, h->value, h->value_len);
    }
    free(feeds);
    return rc;
}

static enum rc
reserve(void **array, size_t *room, size_t count, size_t size)
{
    if (count <= *room)
        return RC_OK;
    size_t more = *room < 8 ? 8 : *room * 2;
    if (more < count)
        more = count;
    void *grown = realloc(*array, more * size);
    if (grown == NULL)
        return rc_nomem();
    *array = grown;
    *room = more;
    return RC_OK;
}

static enum rc
reserve_heads(struct record *r, size_t count)
{
    void *heads = r->heads;
    enum rc rc = reserve(&heads, &r->head_room, count, sizeof *r->heads);

    r->heads = heads;
    return rc;
}

static enum rc
reserve_firsts(struct record *r, size_t count)
{
    void *firsts = r->firsts;
    enum rc rc = reserve(&firsts, &r->first_room, count, sizeof *r->firsts);

    r->firsts = firsts;
    return rc;
}

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

static enum rc
unpack(struct record *r)
{
    struct reader in = reader_of(r->packed.data, r->packed.len);
    size_t feed_count = (size_t)reader_count(&in, r->packed.len);
    const uint8_t *feeds = reader_bytes(&in, feed_count * (ID_BYTES + 8 + ID_BYTES));
    size_t n = (size_t)reader_count(&in, r->packed.len);
    enum rc rc = reserve_firsts(r, n);

    for (size_t i = 0; rc == RC_OK && i < n && !in.failed; i++) {
        struct head h = {0};
        unpack_version(&in, feeds, feed_count, &h.unit, &h);
        bool is_root = reader_u8(&in) != 0;
        r->firsts[i] = (struct first){h.unit, is_root, h.version, h.person, h.hlc};
    }
    r->first_count = n;
    n = (size_t)reader_count(&in, r->packed.len);
    if (rc == RC_OK)
        rc = reserve_heads(r, n);
    for (size_t i = 0; rc == RC_OK && i < n && !in.failed; i++) {
        struct head h = {0};
        unpack_version(&in, feeds, feed_count, &h.unit, &h);
        h.value = reader_block(&in, CHANGE_VALUE_BYTES, &h.value_len);
        r->heads[i] = h;
    }
    r->head_count = n;
    return rc == RC_OK ? reader_finish(&in, N_("a record")) : rc;
}

static enum rc
load_row(struct stmt *stmt, struct record *r)
{
    bool row;
    enum rc rc = stmt_step(stmt, &row);

    buf_clear(&r->packed);
    r->rid = 0;
    r->conflicts = 0;
    r->is_hidden = false;
    r->set_touched = false;
    r->head_count = 0;
    r->first_count = 0;
    if (rc != RC_OK || !row)
        return rc;
    r->rid = stmt_get_int(stmt, 0);
    r->s = stmt_get_int(stmt, 1);
    r->entity = (uint32_t)stmt_get_int(stmt, 2);
    rc = stmt_get_id(stmt, 3, &r->id);
    r->is_hidden = stmt_get_int(stmt, 4) != 0;
    r->conflicts = (uint32_t)stmt_get_int(stmt, 5);
    if (rc == RC_OK)
        rc = stmt_get_buf(stmt, 6, &r->packed);
    if (rc == RC_OK)
        rc = unpack(r);
    r->kind = (enum stream_kind)stmt_get_int(stmt, 7);
    return rc;
}

enum rc
register_load(struct journal *journal, const struct stream_row *stream, uint32_t entity,
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
    rc = load_row(stmt, r);
    stmt_done(stmt);
    r->s = stream->s;
    r->kind = stream->kind;
    r->entity = entity;
    r->id = id;
    return rc;
}

enum rc
register_load_rid(struct journal *journal, int64_t rid, struct record *r)
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
    rc = load_row(stmt, r);
    stmt_done(stmt);
    if (rc == RC_OK && r->rid == 0)
        rc = rc_fail(RC_ABSENT, _("no such record"));
    return rc;
}

/* ---- changing ------------------------------------------------------------------------------- */

static int
compare_heads(const struct head *a, const struct head *b)
{
    if (a->unit != b->unit)
        return a->unit < b->unit ? -1 : 1;
    return version_compare(&a->version, &b->version);
}

/* The place of (unit, version), or where it would stand. */
static size_t
place(const struct record *r, const struct head *key)
{
    size_t low = 0;
    size_t high = r->head_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_heads(&r->heads[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct head *
register_head(const struct record *r, uint32_t unit, const struct version *version)
{
    struct head key = {.unit = unit, .version = *version};
    size_t at = place(r, &key);

    if (at < r->head_count && compare_heads(&r->heads[at], &key) == 0)
        return &r->heads[at];
    return NULL;
}

void
register_drop(struct record *r, struct head *head)
{
    size_t at = (size_t)(head - r->heads);

    memmove(head, head + 1, (r->head_count - at - 1) * sizeof *head);
    r->head_count--;
}

enum rc
register_add(struct record *r, const struct head *head)
{
    size_t from, until;

    register_range(r, head->unit, &from, &until);
    if (until - from >= UNIT_VERSIONS)
        return rc_fail(RC_TOO_LARGE, _("more than %d versions of one thing wait for a choice"),
                       UNIT_VERSIONS);
    enum rc rc = reserve_heads(r, r->head_count + 1);
    if (rc != RC_OK)
        return rc;
    size_t at = place(r, head);
    memmove(&r->heads[at + 1], &r->heads[at], (r->head_count - at) * sizeof *head);
    r->heads[at] = *head;
    r->head_count++;
    return RC_OK;
}

/* A root comes before what superseded something: else a revision from a slow clock would be "first". */
static bool
is_earlier(const struct first *a, const struct first *b)
{
    if (a->is_root != b->is_root)
        return a->is_root;
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc;
    return version_compare(&a->version, &b->version) < 0;
}

enum rc
register_note_first(struct record *r, const struct head *made, bool is_root)
{
    struct first now = {made->unit, is_root, made->version, made->person, made->hlc};
    size_t at = 0;

    while (at < r->first_count && r->firsts[at].unit < made->unit)
        at++;
    if (at < r->first_count && r->firsts[at].unit == made->unit) {
        if (is_earlier(&now, &r->firsts[at]))
            r->firsts[at] = now;
        return RC_OK;
    }
    enum rc rc = reserve_firsts(r, r->first_count + 1);
    if (rc != RC_OK)
        return rc;
    memmove(&r->firsts[at + 1], &r->firsts[at], (r->first_count - at) * sizeof now);
    r->firsts[at] = now;
    r->first_count++;
    return RC_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

void
register_range(const struct record *r, uint32_t unit, size_t *from, size_t *until)
{
    struct head low = {.unit = unit};

    *from = place(r, &low); /* a version of zeros stands before all others */
    *until = *from;
    while (*until < r->head_count && r->heads[*until].unit == unit)
        (*until)++;
}

const struct first *
register_first(const struct record *r, uint32_t unit)
{
    for (size_t i = 0; i < r->first_count; i++)
        if (r->firsts[i].unit == unit)
            return &r->firsts[i];
    return NULL;
}

int
head_compare_stamp(const struct head *a, const struct head *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    return version_compare(&a->version, &b->version);
}

bool
head_equal_value(const struct head *a, const struct head *b)
{
    return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
}

const struct head *
register_shown(const struct record *r, uint32_t unit)
{
    const struct first *first = register_first(r, unit);
    const struct head *best = NULL;
    bool best_is_author = false;
    size_t from, until;

    register_range(r, unit, &from, &until);
    for (size_t i = from; i < until; i++) {
        const struct head *h = &r->heads[i];
        bool is_author = first != NULL && id_equal(h->person, first->person);
        if (best == NULL || (is_author && !best_is_author) ||
            (is_author == best_is_author && head_compare_stamp(best, h) < 0)) {
            best = h;
            best_is_author = is_author;
        }
    }
    return best;
}

/* Whether the list of a deletion names every current version of the other units. */
static bool
covers(const struct record *r, const struct head *deletion)
{
    struct field fields[CHANGE_FIELDS];
    struct version *listed;
    size_t count, listed_count;
    bool all = true;

    if (value_read(deletion->value, deletion->value_len, fields, &count) != RC_OK)
        return false;
    const struct field *list = value_find(fields, count, 1);
    if (list == NULL || list->type != FIELD_VERSIONS ||
        value_read_versions(list, &listed, &listed_count) != RC_OK)
        return false;
    for (size_t i = 0; all && i < r->head_count; i++) {
        if (r->heads[i].unit == UNIT_DELETED)
            continue;
        all = false;
        for (size_t k = 0; !all && k < listed_count; k++)
            all = version_compare(&listed[k], &r->heads[i].version) == 0;
    }
    free(listed);
    return all;
}

bool
register_is_hidden(const struct record *r)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    size_t from, until;

    if (entity != NULL && entity->is_lasting)
        return false;
    register_range(r, UNIT_DELETED, &from, &until);
    for (size_t i = from; i < until; i++)
        if (covers(r, &r->heads[i]))
            return true;
    return false;
}

uint32_t
register_conflict(const struct record *r, uint32_t unit)
{
    enum policy policy = schema_policy(r->entity, unit);
    const struct first *first = policy == POLICY_ONCE ? register_first(r, unit) : NULL;
    const struct head *one = NULL;
    size_t from, until;
    uint32_t count = 0;
    bool differ = false;

    if (policy != POLICY_KEEP && policy != POLICY_ONCE && policy != POLICY_STRICT &&
        policy != POLICY_HUMAN)
        return 0;
    register_range(r, unit, &from, &until);
    for (size_t i = from; i < until; i++) {
        const struct head *h = &r->heads[i];
        if (first != NULL && !id_equal(h->person, first->person))
            continue;
        if (one == NULL)
            one = h;
        else if (!head_equal_value(one, h))
            differ = true;
        count++;
    }
    return differ ? count : 0;
}
