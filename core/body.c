/* Bodies of entries: saves of one feed as bytes and back (docs/PROTOCOL.md section 5). */
#include "core/change.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/secret.h"

enum {
    OPERATION_LEAST_BYTES = 1 + 1 + 1 + 1 + 2, /* entity, record, unit, no versions, empty value */
};

static int
compare_feeds(const struct feed_ref *a, const struct feed_ref *b)
{
    int order = id_compare(a->device, b->device);

    if (order != 0)
        return order;
    return (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

/* Of two struct feed_seen. */
static int
compare_feeds_void(const void *a, const void *b)
{
    const struct feed_seen *x = a;
    const struct feed_seen *y = b;

    return compare_feeds(&x->feed, &y->feed);
}

static int
compare_ids_void(const void *a, const void *b)
{
    const struct id *x = a;
    const struct id *y = b;

    return id_compare(*x, *y);
}

/* ---- writing -------------------------------------------------------------------------------- */

/* A map from record to its number in the body: open addressing, never full. */
struct slot {
    struct id id;
    uint32_t number; /* 0: empty */
};

struct writer {
    struct feed_ref own;
    struct feed_seen *feeds;
    size_t feed_count;
    struct slot *slots;
    size_t slot_mask;
    uint32_t records;
    struct buf *out;
};

static size_t
hash_id(struct id id)
{
    uint64_t hash = 0;

    for (size_t i = 0; i < ID_BYTES; i++)
        hash = (hash ^ id.bytes[i]) * UINT64_C(0x100000001b3);
    return (size_t)(hash ^ hash >> 29);
}

/* The foreign feeds that the saves name, ascending, each with the highest save named. */
static enum rc
collect_feeds(struct writer *w, const struct change *saves, size_t count)
{
    size_t room = 0;
    size_t n = 0;

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < saves[i].count; k++)
            room += saves[i].operations[k].supersedes_count;
    if (room == 0)
        return RC_OK;
    w->feeds = calloc(room, sizeof *w->feeds);
    if (w->feeds == NULL)
        return rc_nomem();
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < saves[i].count; k++) {
            const struct operation *operation = &saves[i].operations[k];
            for (size_t v = 0; v < operation->supersedes_count; v++)
                if (compare_feeds(&operation->supersedes[v].feed, &w->own) != 0)
                    w->feeds[n++] = (struct feed_seen){
                        operation->supersedes[v].feed, operation->supersedes[v].save, {0}};
        }
    }
    if (n > 0)
        qsort(w->feeds, n, sizeof *w->feeds, compare_feeds_void);
    for (size_t i = 0; i < n; i++) {
        struct feed_seen *last = w->feed_count == 0 ? NULL : &w->feeds[w->feed_count - 1];
        if (last == NULL || compare_feeds(&last->feed, &w->feeds[i].feed) != 0)
            w->feeds[w->feed_count++] = w->feeds[i];
        else if (last->last < w->feeds[i].last)
            last->last = w->feeds[i].last;
    }
    if (w->feed_count > CHANGE_FEEDS)
        return rc_fail(RC_TOO_LARGE, _("more than %d devices named"), CHANGE_FEEDS);
    return RC_OK;
}

static enum rc
take_seen(struct writer *w, const struct feed_seen *seen, size_t seen_count)
{
    for (size_t i = 0; seen != NULL && i < w->feed_count; i++) {
        const struct feed_seen *found =
            bsearch(&w->feeds[i], seen, seen_count, sizeof *seen, compare_feeds_void);
        if (found == NULL || found->last < w->feeds[i].last)
            return rc_fail(RC_INVALID, _("a change supersedes what was not seen"));
        w->feeds[i] = *found;
    }
    return RC_OK;
}

static enum rc
write_feeds(struct writer *w)
{
    enum rc rc = buf_put_varint(w->out, w->feed_count);

    for (size_t i = 0; rc == RC_OK && i < w->feed_count; i++) {
        rc = buf_put(w->out, w->feeds[i].feed.device.bytes, ID_BYTES);
        if (rc == RC_OK)
            rc = buf_put_u64(w->out, w->feeds[i].feed.incarnation);
        if (rc == RC_OK)
            rc = buf_put_u32(w->out, w->feeds[i].last);
        if (rc == RC_OK)
            rc = buf_put(w->out, w->feeds[i].header, CHANGE_SEEN_BYTES);
    }
    return rc;
}

static enum rc
make_slots(struct writer *w, const struct change *saves, size_t count)
{
    size_t operations = 0;
    size_t room = 8;

    for (size_t i = 0; i < count; i++)
        operations += saves[i].count;
    while (room < 2 * operations)
        room *= 2;
    w->slots = calloc(room, sizeof *w->slots);
    if (w->slots == NULL)
        return rc_nomem();
    w->slot_mask = room - 1;
    return RC_OK;
}

static enum rc
write_record(struct writer *w, struct id record)
{
    size_t at = hash_id(record) & w->slot_mask;

    while (w->slots[at].number != 0 && !id_equal(w->slots[at].id, record))
        at = (at + 1) & w->slot_mask;
    if (w->slots[at].number != 0)
        return buf_put_varint(w->out, w->slots[at].number);
    w->slots[at] = (struct slot){record, ++w->records};
    enum rc rc = buf_put_varint(w->out, 0);
    return rc == RC_OK ? buf_put(w->out, record.bytes, ID_BYTES) : rc;
}

/* A version as written: the feed's number in this body first. */
struct written {
    uint32_t feed, save, index;
};

static int
compare_written(const void *a, const void *b)
{
    const struct written *x = a;
    const struct written *y = b;

    if (x->feed != y->feed)
        return x->feed < y->feed ? -1 : 1;
    if (x->save != y->save)
        return x->save < y->save ? -1 : 1;
    return (x->index > y->index) - (x->index < y->index);
}

static enum rc
write_versions(struct writer *w, const struct operation *operation, uint32_t save, uint32_t index)
{
    struct written list[CHANGE_SUPERSEDES];
    size_t n = operation->supersedes_count;

    if (n > CHANGE_SUPERSEDES)
        return rc_fail(RC_TOO_LARGE, _("more than %d versions at once"), CHANGE_SUPERSEDES);
    for (size_t i = 0; i < n; i++) {
        const struct version *v = &operation->supersedes[i];
        list[i] = (struct written){0, v->save, v->index};
        if (compare_feeds(&v->feed, &w->own) == 0) {
            if (v->save > save || (v->save == save && v->index >= index))
                return rc_fail(RC_INVALID, _("a change supersedes what comes after it"));
            continue;
        }
        struct feed_seen key = {.feed = v->feed};
        const struct feed_seen *feed =
            bsearch(&key, w->feeds, w->feed_count, sizeof *w->feeds, compare_feeds_void);
        list[i].feed = (uint32_t)(feed - w->feeds) + 1;
    }
    if (n > 1)
        qsort(list, n, sizeof *list, compare_written);
    enum rc rc = buf_put_varint(w->out, n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        if (list[i].save == 0 || list[i].index >= CHANGE_OPERATIONS ||
            (i > 0 && compare_written(&list[i - 1], &list[i]) == 0))
            return rc_fail(RC_INVALID, _("a version is named twice or cannot be"));
        rc = buf_put_varint(w->out, list[i].feed);
        if (rc == RC_OK)
            rc = buf_put_varint(w->out, list[i].save);
        if (rc == RC_OK)
            rc = buf_put_varint(w->out, list[i].index);
    }
    return rc;
}

static enum rc
write_save(struct writer *w, const struct change *change, uint32_t save)
{
    if (change->count == 0 || change->count > CHANGE_OPERATIONS)
        return rc_fail(RC_INVALID, _("a save has 1 to %d changes"), CHANGE_OPERATIONS);
    enum rc rc = buf_put_u64(w->out, change->hlc);
    if (rc == RC_OK)
        rc = buf_put_varint(w->out, change->count);
    for (uint32_t i = 0; rc == RC_OK && i < change->count; i++) {
        const struct operation *operation = &change->operations[i];
        rc = buf_put_varint(w->out, operation->entity);
        if (rc == RC_OK)
            rc = write_record(w, operation->record);
        if (rc == RC_OK)
            rc = buf_put_varint(w->out, operation->unit);
        if (rc == RC_OK)
            rc = write_versions(w, operation, save, i);
        if (rc == RC_OK)
            rc = buf_put_block(w->out, operation->value, operation->value_len);
    }
    return rc;
}

enum rc
body_write(struct feed_ref own, uint32_t first, const struct change *saves, size_t count,
           const struct feed_seen *seen, size_t seen_count, struct buf *body)
{
    struct writer w = {.own = own, .out = body};
    size_t start = body->len;
    enum rc rc;

    if (first == 0 || count == 0 || count > CHANGE_SAVES || count - 1 > UINT32_MAX - first)
        return rc_fail(RC_INVALID, _("an entry has 1 to %d saves"), CHANGE_SAVES);
    rc = collect_feeds(&w, saves, count);
    if (rc == RC_OK)
        rc = take_seen(&w, seen, seen_count);
    if (rc == RC_OK)
        rc = make_slots(&w, saves, count);
    if (rc == RC_OK)
        rc = write_feeds(&w);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = write_save(&w, &saves[i], first + (uint32_t)i);
    if (rc == RC_OK && body->len - start > CHANGE_BODY_BYTES)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d bytes in one entry"), CHANGE_BODY_BYTES);
    free(w.feeds);
    free(w.slots);
    return rc;
}

/* ---- reading -------------------------------------------------------------------------------- */

/* What the first pass counts and the second fills: one block of memory holds it all. */
struct block {
    size_t size;
    struct change saves[];
};

struct decoder {
    struct reader in;
    struct id stream;
    struct feed_ref own;
    struct feed_seen *feeds;
    bool *is_used;
    size_t feed_count;
    struct id *ids;
    size_t id_count;
    uint32_t first;
    size_t save_count;
    size_t operations; /* counted in the first pass */
    size_t versions;
    size_t value_bytes;
    struct block *block; /* NULL in the first pass */
    struct operation *next_operation;
    struct version *next_version;
    uint8_t *next_value;
};

static struct id
read_record(struct decoder *d)
{
    uint64_t number = reader_count(&d->in, d->id_count);
    struct id id = {{0}};

    if (d->in.failed || number > 0)
        return d->in.failed ? id : d->ids[number - 1];
    reader_copy(&d->in, id.bytes, ID_BYTES);
    if (!d->in.failed)
        d->ids[d->id_count++] = id;
    return id;
}

static void
read_versions(struct decoder *d, uint32_t save, uint32_t index, struct operation *operation)
{
    size_t n = (size_t)reader_count(&d->in, CHANGE_SUPERSEDES);
    struct written last = {0};

    operation->supersedes_count = n;
    operation->supersedes = d->next_version;
    for (size_t i = 0; i < n && !d->in.failed; i++) {
        struct written now;
        now.feed = (uint32_t)reader_count(&d->in, d->feed_count);
        now.save = (uint32_t)reader_count(&d->in, UINT32_MAX);
        now.index = (uint32_t)reader_count(&d->in, CHANGE_OPERATIONS - 1);
        bool is_own = now.feed == 0;
        if (now.save == 0 || (i > 0 && compare_written(&last, &now) >= 0) ||
            (is_own && (now.save > save || (now.save == save && now.index >= index))))
            d->in.failed = true;
        if (d->in.failed)
            return;
        last = now;
        if (!is_own && now.save > d->feeds[now.feed - 1].last)
            d->in.failed = true;
        if (!is_own)
            d->is_used[now.feed - 1] = true;
        if (d->block != NULL)
            *d->next_version++ = (struct version){is_own ? d->own : d->feeds[now.feed - 1].feed,
                                                  now.save, now.index};
    }
    d->versions += n;
}

static void
read_operation(struct decoder *d, uint32_t save, uint32_t index)
{
    struct operation operation = {0};
    struct field fields[CHANGE_FIELDS];
    size_t count;

    operation.entity = (uint32_t)reader_count(&d->in, UINT32_MAX);
    operation.record = read_record(d);
    operation.unit = (uint32_t)reader_count(&d->in, UINT32_MAX);
    read_versions(d, save, index, &operation);
    const uint8_t *value = reader_block(&d->in, CHANGE_VALUE_BYTES, &operation.value_len);
    if (d->in.failed)
        return;
    d->operations++;
    d->value_bytes += operation.value_len;
    if (d->block == NULL) {
        if (operation.entity == 0 || operation.value_len == 0 ||
            value_read(value, operation.value_len, fields, &count) != RC_OK)
            d->in.failed = true;
        return;
    }
    memcpy(d->next_value, value, operation.value_len);
    operation.value = d->next_value;
    d->next_value += operation.value_len;
    *d->next_operation++ = operation;
}

static void
read_saves(struct decoder *d)
{
    for (size_t i = 0; i < d->save_count && !d->in.failed; i++) {
        uint64_t hlc = reader_u64(&d->in);
        size_t n = (size_t)reader_count(&d->in, CHANGE_OPERATIONS);
        if (n == 0 || n > reader_left(&d->in) / OPERATION_LEAST_BYTES)
            d->in.failed = true;
        if (d->block != NULL)
            d->block->saves[i] = (struct change){d->stream, hlc, d->next_operation, n, n};
        for (size_t k = 0; k < n && !d->in.failed; k++)
            read_operation(d, d->first + (uint32_t)i, (uint32_t)k);
    }
}

static enum rc
read_feeds(struct reader *in, struct feed_seen **feeds, size_t *count)
{
    size_t n = (size_t)reader_count(in, CHANGE_FEEDS);

    *feeds = NULL;
    *count = 0;
    if (n > reader_left(in) / (ID_BYTES + 8 + 4 + CHANGE_SEEN_BYTES))
        in->failed = true;
    if (n == 0 || in->failed)
        return RC_OK;
    *feeds = calloc(n, sizeof **feeds);
    if (*feeds == NULL)
        return rc_nomem();
    for (size_t i = 0; i < n; i++) {
        struct feed_seen *feed = &(*feeds)[i];
        reader_copy(in, feed->feed.device.bytes, ID_BYTES);
        feed->feed.incarnation = reader_u64(in);
        feed->last = reader_u32(in);
        reader_copy(in, feed->header, CHANGE_SEEN_BYTES);
        if (i > 0 && compare_feeds(&feed[-1].feed, &feed->feed) >= 0)
            in->failed = true;
    }
    *count = n;
    return RC_OK;
}

enum rc
body_seen(const uint8_t *body, size_t len, struct feed_seen **seen, size_t *count)
{
    struct reader in = reader_of(body, len);
    enum rc rc = read_feeds(&in, seen, count);

    if (rc == RC_OK && in.failed)
        rc = rc_fail(RC_CORRUPT, _("the body of an entry is cut short or malformed"));
    return rc;
}

/* Reads the feeds of a whole body; none of them may be the entry's own. */
static enum rc
begin(struct decoder *d)
{
    enum rc rc = read_feeds(&d->in, &d->feeds, &d->feed_count);

    if (rc != RC_OK)
        return rc;
    d->is_used = calloc(d->feed_count + 1, sizeof *d->is_used);
    if (d->is_used == NULL)
        return rc_nomem();
    for (size_t i = 0; i < d->feed_count; i++)
        if (compare_feeds(&d->feeds[i].feed, &d->own) == 0)
            d->in.failed = true;
    return RC_OK;
}

/* The rules that hold for the whole: no feed unused, no record given twice. */
static enum rc
check_whole(struct decoder *d)
{
    enum rc rc = reader_finish(&d->in, N_("the body of an entry"));

    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < d->feed_count; i++)
        if (!d->is_used[i])
            return rc_fail(RC_CORRUPT, _("the body of an entry names a device without need"));
    struct id *sorted = malloc(d->id_count * sizeof *sorted);
    if (sorted == NULL)
        return rc_nomem();
    memcpy(sorted, d->ids, d->id_count * sizeof *sorted);
    qsort(sorted, d->id_count, sizeof *sorted, compare_ids_void);
    for (size_t i = 1; i < d->id_count; i++)
        if (id_equal(sorted[i - 1], sorted[i]))
            rc = rc_fail(RC_CORRUPT, _("the body of an entry gives a record's id twice"));
    free(sorted);
    return rc;
}

static enum rc
make_block(struct decoder *d)
{
    size_t size = sizeof(struct block) + d->save_count * sizeof(struct change) +
                  d->operations * sizeof(struct operation) +
                  (d->versions + 1) * sizeof(struct version) + d->value_bytes;

    d->block = malloc(size);
    if (d->block == NULL)
        return rc_nomem();
    d->block->size = size;
    /* Laid out by falling alignment: all but the value bytes are multiples of 8. */
    d->next_operation = (struct operation *)(void *)(d->block->saves + d->save_count);
    d->next_version = (struct version *)(void *)(d->next_operation + d->operations);
    d->next_value = (uint8_t *)(d->next_version + d->versions + 1);
    return RC_OK;
}

enum rc
body_read(struct id stream, struct feed_ref own, uint32_t first, uint32_t last, const uint8_t *body,
          size_t len, struct change **saves)
{
    struct decoder d = {.in = reader_of(body, len), .stream = stream, .own = own, .first = first};
    struct reader after_feeds;
    enum rc rc;

    *saves = NULL;
    if (len > CHANGE_BODY_BYTES || first == 0 || last < first || last - first >= CHANGE_SAVES ||
        last - first >= len)
        return rc_fail(RC_CORRUPT, _("an entry whose size cannot be"));
    d.save_count = (size_t)last - first + 1;
    d.ids = malloc((len / (OPERATION_LEAST_BYTES + ID_BYTES) + 1) * sizeof *d.ids);
    rc = d.ids == NULL ? rc_nomem() : begin(&d);
    if (rc != RC_OK)
        goto out;
    after_feeds = d.in;
    read_saves(&d);
    rc = check_whole(&d);
    if (rc == RC_OK)
        rc = make_block(&d);
    if (rc != RC_OK)
        goto out;
    d.in = after_feeds;
    d.id_count = 0;
    read_saves(&d);
    *saves = d.block->saves;
out:
    free(d.feeds);
    free(d.is_used);
    free(d.ids);
    return rc;
}

void
body_free(struct change *saves, size_t count)
{
    (void)count; /* one block holds all */
    if (saves == NULL)
        return;
    struct block *block =
        (struct block *)(void *)((uint8_t *)saves - offsetof(struct block, saves));
    wipe(block, block->size);
    free(block);
}
