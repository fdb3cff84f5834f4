/* Bodies of entries: saves of one feed as bytes (docs/PROTOCOL.md section 5). */
#include "core/body_inside.h"

#include <stdlib.h>

#include "core/i18n.h"

/* Of two struct feed_seen. */
static int
compare_feeds_void(const void *a, const void *b)
{
    const struct feed_seen *x = a;
    const struct feed_seen *y = b;

    return feed_compare(&x->feed, &y->feed);
}

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
                if (feed_compare(&operation->supersedes[v].feed, &w->own) != 0)
                    w->feeds[n++] = (struct feed_seen){
                        operation->supersedes[v].feed, operation->supersedes[v].save, {0}};
        }
    }
    if (n > 0)
        qsort(w->feeds, n, sizeof *w->feeds, compare_feeds_void);
    for (size_t i = 0; i < n; i++) {
        struct feed_seen *last = w->feed_count == 0 ? NULL : &w->feeds[w->feed_count - 1];
        if (last == NULL || feed_compare(&last->feed, &w->feeds[i].feed) != 0)
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
        if (feed_compare(&v->feed, &w->own) == 0) {
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
        qsort(list, n, sizeof *list, body_compare_written);
    enum rc rc = buf_put_varint(w->out, n);
    for (size_t i = 0; rc == RC_OK && i < n; i++) {
        if (list[i].save == 0 || list[i].index >= CHANGE_OPERATIONS ||
            (i > 0 && body_compare_written(&list[i - 1], &list[i]) == 0))
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
