/* What waits, saved again under new numbers: every reference to it follows. */
#include "sync/recover_inside.h"

#include <stdlib.h>
#include <string.h>

#include "sync/outbox.h"

/* Whether an own save is nowhere: neither sealed here nor at the server, nor waiting. The store was rescued from damage. */
static enum rc
is_nowhere(struct replica *replica, struct id stream, const struct version *version, bool *nowhere)
{
    struct elog_feed feed;
    struct entry entry;
    enum streams_place place;
    bool is_unproven;

    *nowhere = false;
    if (!id_equal(version->feed.device, replica->identity.device))
        return RC_OK;
    enum rc rc = streams_find(replica, stream, &place);
    if (rc != RC_OK || place != STREAMS_SHOWN)
        return rc;
    rc = elog_feed_find(replica->db, stream, version->feed, &feed);
    if (rc == RC_OK)
        rc = elog_header_at(replica->db, feed.key, version->save, &entry, &is_unproven);
    *nowhere = rc == RC_ABSENT;
    return *nowhere ? RC_OK : rc;
}

static int
compare_saves(const void *a, const void *b)
{
    const struct leftover *left = a, *right = b;
    int order = id_compare(left->stream, right->stream);

    if (order == 0)
        order = feed_compare(&left->old, &right->old);
    return order != 0 ? order : (left->save > right->save) - (left->save < right->save);
}

/* The new number of the save that a version names, if it has one. */
static bool
follow(const struct leftovers *list, struct id stream, struct version *version)
{
    const struct leftover named = {.stream = stream, .old = version->feed, .save = version->save};
    const struct leftover *found =
        list->count == 0 ? NULL : bsearch(&named, list->items, list->count, sizeof named, compare_saves);

    if (found == NULL || found->new_save == 0)
        return false;
    version->feed = replica_feed(list->replica);
    version->save = found->new_save;
    return true;
}

/* A deletion names in its value what it saw: that follows too, or the record would be shown again. The list keeps its length, and so the
 * value, which lies in the block of its change. */
static enum rc
renumber_list(const struct leftovers *list, struct id stream, struct operation *operation)
{
    struct field fields[CHANGE_FIELDS];
    struct version *versions = NULL;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    size_t field_count, count = 0;
    enum rc rc = value_read(operation->value, operation->value_len, fields, &field_count);

    for (size_t i = 0; rc == RC_OK && i < field_count; i++) {
        if (fields[i].type != FIELD_VERSIONS) {
            rc = value_put_field(&value, &fields[i]);
            continue;
        }
        rc = value_read_versions(&fields[i], &versions, &count);
        for (size_t k = 0; rc == RC_OK && k < count; k++)
            (void)follow(list, stream, &versions[k]);
        if (rc == RC_OK)
            version_sort(versions, count);
        if (rc == RC_OK)
            rc = value_put_versions(&value, fields[i].number, versions, count);
        free(versions);
        versions = NULL;
    }
    if (rc == RC_OK && value.len == operation->value_len)
        memcpy(operation->value, value.data, value.len);
    buf_wipe(&value);
    return rc == RC_NOMEM ? rc : RC_OK; /* a value of a newer program stays as it is */
}

enum rc
recover_renumber(const struct leftovers *list, struct change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        struct operation *operation = &change->operations[i];
        size_t kept = 0;
        enum rc rc = operation->unit == UNIT_DELETED ? renumber_list(list, change->stream, operation) : RC_OK;
        for (size_t j = 0; rc == RC_OK && j < operation->supersedes_count; j++) {
            struct version version = operation->supersedes[j];
            bool nowhere = false;
            if (!follow(list, change->stream, &version) && list->drops_lost)
                rc = is_nowhere(list->replica, change->stream, &version, &nowhere);
            if (rc == RC_OK && !nowhere)
                operation->supersedes[kept++] = version;
        }
        if (rc != RC_OK)
            return rc;
        operation->supersedes_count = kept;
    }
    return RC_OK;
}

/* An empty list stays an explicit one. */
static enum rc
make_explicit(struct change *change)
{
    for (size_t i = 0; i < change->count; i++) {
        struct operation *operation = &change->operations[i];
        if (operation->supersedes == NULL)
            operation->supersedes = calloc(1, sizeof *operation->supersedes);
        if (operation->supersedes == NULL)
            return rc_nomem();
    }
    return RC_OK;
}

/* What the tables do not show, for the right is over, only gets its number: it goes out as late work. */
static enum rc
save_item(struct replica *replica, struct leftover *item, const struct elog_feed *feed,
          struct buf *body)
{
    struct author self = replica_self_in(replica, item->stream);
    enum streams_place place;

    enum rc rc = streams_find(replica, item->stream, &place);
    if (rc != RC_OK || place == STREAMS_SHOWN)
        return rc == RC_OK
                   ? journal_save_again(replica->journal, &self, item->change, body, &item->new_save)
                   : rc;
    item->new_save = feed->saved + 1;
    return body_write(feed->feed, item->new_save, item->change, 1, NULL, 0, body);
}

enum rc
recover_save_again(struct replica *replica, struct leftovers *list)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct author self = replica_self(replica);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < list->count; i++) {
        struct leftover *item = &list->items[i];
        struct elog_feed feed;
        rc = recover_renumber(list, item->change);
        if (rc == RC_OK)
            rc = make_explicit(item->change);
        if (rc == RC_OK)
            rc = elog_feed_open(replica->db, item->stream, self.feed, true, &feed);
        buf_clear(&body);
        if (rc == RC_OK)
            rc = save_item(replica, item, &feed, &body);
        if (rc == RC_OK)
            rc = outbox_put(replica->db, feed.key, item->new_save, &body);
        feed.saved = item->new_save;
        if (rc == RC_OK)
            rc = elog_feed_put(replica->db, &feed);
    }
    buf_wipe(&body);
    return rc;
}
