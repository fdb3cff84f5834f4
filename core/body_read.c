/* Bodies of entries: bytes as saves of one feed (docs/PROTOCOL.md section 5). */
#include "core/body_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/secret.h"

enum {
    OPERATION_LEAST_BYTES = 1 + 1 + 1 + 1 + 2, /* entity, record, unit, no versions, empty value */
};

static int
compare_ids_void(const void *a, const void *b)
{
    const struct id *x = a;
    const struct id *y = b;

    return id_compare(*x, *y);
}

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
        if (now.save == 0 || (i > 0 && body_compare_written(&last, &now) >= 0) ||
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
        if (i > 0 && feed_compare(&feed[-1].feed, &feed->feed) >= 0)
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
        if (feed_compare(&d->feeds[i].feed, &d->own) == 0)
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
