/* Changes in memory: operations gathered for one stream. */
#include "core/change.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/secret.h"

bool
feed_equal(struct feed_ref a, struct feed_ref b)
{
    return a.incarnation == b.incarnation && id_equal(a.device, b.device);
}

int
version_compare(const struct version *a, const struct version *b)
{
    int order = id_compare(a->feed.device, b->feed.device);

    if (order != 0)
        return order;
    if (a->feed.incarnation != b->feed.incarnation)
        return a->feed.incarnation < b->feed.incarnation ? -1 : 1;
    if (a->save != b->save)
        return a->save < b->save ? -1 : 1;
    return (a->index > b->index) - (a->index < b->index);
}

static int
compare_versions(const void *a, const void *b)
{
    return version_compare(a, b);
}

void
version_sort(struct version *versions, size_t count)
{
    if (count > 1)
        qsort(versions, count, sizeof *versions, compare_versions);
}

static enum rc
make_room(struct change *change)
{
    size_t room = change->room == 0 ? 8 : change->room * 2;

    if (change->count >= CHANGE_OPERATIONS)
        return rc_fail(RC_TOO_LARGE, _("more than %d changes in one save"), CHANGE_OPERATIONS);
    if (change->count < change->room)
        return RC_OK;
    struct operation *operations = realloc(change->operations, room * sizeof *operations);
    if (operations == NULL)
        return rc_nomem();
    change->operations = operations;
    change->room = room;
    return RC_OK;
}

static void
wipe_operation(struct operation *operation)
{
    if (operation->value != NULL)
        wipe(operation->value, operation->value_len);
    free(operation->value);
    free(operation->supersedes);
    *operation = (struct operation){0};
}

static enum rc
check_value(const uint8_t *value, size_t len)
{
    struct field fields[CHANGE_FIELDS];
    size_t count;

    if (len > CHANGE_VALUE_BYTES)
        return rc_fail(RC_TOO_LARGE, _("more than %d bytes in one field"), CHANGE_VALUE_BYTES);
    enum rc rc = value_read(value, len, fields, &count);
    return rc == RC_CORRUPT ? RC_INVALID : rc;
}

/* With copies of `value` and of model->supersedes_count versions; `supersedes` NULL: of no list, not of an empty one. */
static enum rc
put(struct change *change, const struct operation *model, const struct version *supersedes, const struct buf *value)
{
    static const uint8_t empty[1] = {0};
    const uint8_t *bytes = value->len == 0 ? empty : value->data;
    size_t len = value->len == 0 ? sizeof empty : value->len;
    struct operation copy = *model;
    enum rc rc = check_value(bytes, len);

    if (rc == RC_OK)
        rc = make_room(change);
    if (rc != RC_OK)
        return rc;
    copy.value = malloc(len);
    copy.value_len = len;
    if (supersedes != NULL) /* one more, so that an empty list is not NULL */
        copy.supersedes = malloc((copy.supersedes_count + 1) * sizeof *copy.supersedes);
    if (copy.value == NULL || (supersedes != NULL && copy.supersedes == NULL)) {
        free(copy.value);
        free(copy.supersedes);
        return rc_nomem();
    }
    memcpy(copy.value, bytes, len);
    if (copy.supersedes_count > 0)
        memcpy(copy.supersedes, supersedes, copy.supersedes_count * sizeof *copy.supersedes);
    change->operations[change->count++] = copy;
    return RC_OK;
}

enum rc
change_put(struct change *change, uint32_t entity, struct id record, uint32_t unit,
           const struct buf *value)
{
    struct operation model = {.entity = entity, .record = record, .unit = unit};

    return put(change, &model, NULL, value);
}

enum rc
change_put_over(struct change *change, uint32_t entity, struct id record, uint32_t unit,
                const struct buf *value, const struct version *supersedes, size_t count)
{
    static const struct version none;
    const struct operation model = {.entity = entity, .record = record, .unit = unit, .supersedes_count = count};

    if (count > CHANGE_SUPERSEDES)
        return rc_fail(RC_TOO_LARGE, _("more than %d versions at once"), CHANGE_SUPERSEDES);
    return put(change, &model, count > 0 ? supersedes : &none, value);
}

void
change_wipe(struct change *change)
{
    for (size_t i = 0; i < change->count; i++)
        wipe_operation(&change->operations[i]);
    free(change->operations);
    *change = CHANGE_EMPTY(change->stream);
}
