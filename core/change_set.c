/* What one act of a user changes, in the home stream and in the twin's. */
#include "core/change_set.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "core/schema.h"

void
change_set_wipe(struct change_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        change_wipe(&set->changes[i]);
    *set = CHANGE_SET_EMPTY;
}

static enum rc
change_for(struct journal *journal, struct change_set *set, struct id family, enum stream_kind kind,
           struct change **change)
{
    struct id stream;
    enum rc rc = journal_find_stream(journal, family, kind, &stream);

    *change = NULL;
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < set->count; i++)
        if (id_equal(set->changes[i].stream, stream))
            *change = &set->changes[i];
    if (*change != NULL)
        return RC_OK;
    if (set->count == CHANGE_SET_STREAMS)
        return rc_fail(RC_TOO_LARGE, _("too many families in one change"));
    *change = &set->changes[set->count++];
    **change = CHANGE_EMPTY(stream);
    return RC_OK;
}

/* The current versions of a unit, and the value of the one that is shown: empty when nothing is. */
struct unit_now {
    struct version *versions;
    size_t count;
    struct buf shown;
};
#define UNIT_NOW_EMPTY ((struct unit_now){.shown = BUF_EMPTY(CHANGE_VALUE_BYTES)})

static void
unit_now_wipe(struct unit_now *now)
{
    free(now->versions);
    buf_wipe(&now->shown);
}

static enum rc
take_current(void *context, const struct current *current)
{
    struct unit_now *now = context;
    struct version *grown = realloc(now->versions, (now->count + 1) * sizeof *grown);

    if (grown == NULL)
        return rc_nomem();
    now->versions = grown;
    now->versions[now->count++] = current->version;
    return current->is_shown ? buf_put(&now->shown, current->value, current->value_len) : RC_OK;
}

static bool
is_drawn(const struct change_set *set, struct id record)
{
    return id_equal(set->drawn, record) && !id_is_zero(record);
}

/* What was put last, where it is of that record. */
static void
mark_drawn(const struct change_set *set, struct change *change)
{
    struct operation *last = &change->operations[change->count - 1];

    last->is_new = is_drawn(set, last->record);
}

static enum rc
read_unit(struct journal *journal, const struct change_set *set, struct id family, enum stream_kind kind,
          uint32_t entity, struct id record, uint32_t unit, struct unit_now *now)
{
    struct id stream;

    if (is_drawn(set, record))
        return RC_OK;
    enum rc rc = journal_find_stream(journal, family, kind, &stream);
    if (rc == RC_OK)
        rc = journal_current(journal, stream, entity, record, unit, take_current, now);
    return rc;
}

/* An empty buf is the empty value, as a value without fields is. */
static bool
is_same(const struct buf *value, const struct buf *shown)
{
    bool is_cleared = shown->len == 0 || value_is_empty(shown->data, shown->len);

    if (value->len == 0 || is_cleared)
        return value->len == 0 && is_cleared;
    return value->len == shown->len && memcmp(value->data, shown->data, shown->len) == 0;
}

static enum rc
read_fields(const struct buf *value, struct field *fields, size_t *count)
{
    *count = 0;
    return value->len == 0 ? RC_OK : value_read(value->data, value->len, fields, count);
}

/* The twin's value, bytes as they are: the fields that the schema marks, and of those that a newer program put there what the
 * record says of them now. */
static enum rc
twin_value(const struct schema_unit *unit, const struct buf *value, const struct buf *shown,
           struct buf *twin)
{
    struct field fields[CHANGE_FIELDS], now[CHANGE_FIELDS];
    size_t count = 0, now_count = 0;
    enum rc rc = read_fields(value, fields, &count);

    if (rc == RC_OK)
        rc = read_fields(shown, now, &now_count);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        const struct schema_field *known = schema_field(unit, fields[i].number);
        bool is_twin = known != NULL ? (known->flags & SCHEMA_TWIN) != 0
                                     : value_find(now, now_count, fields[i].number) != NULL;
        if (is_twin)
            rc = value_put_field(twin, &fields[i]);
    }
    return rc;
}

/* What a newer program put into the shown value stays in the new one: an edit changes what its editor knows. */
static enum rc
carry_over(const struct schema_unit *unit, const struct buf *value, const struct buf *shown, struct buf *whole)
{
    struct field fields[CHANGE_FIELDS], now[CHANGE_FIELDS];
    size_t count, now_count, i = 0;
    enum rc rc = read_fields(value, fields, &count);

    if (rc == RC_OK)
        rc = read_fields(shown, now, &now_count);
    for (size_t k = 0; rc == RC_OK && k < now_count; k++) {
        if (schema_field(unit, now[k].number) != NULL)
            continue;
        for (; rc == RC_OK && i < count && fields[i].number < now[k].number; i++)
            rc = value_put_field(whole, &fields[i]);
        if (rc == RC_OK && (i == count || fields[i].number != now[k].number))
            rc = value_put_field(whole, &now[k]);
    }
    for (; rc == RC_OK && i < count; i++)
        rc = value_put_field(whole, &fields[i]);
    return rc;
}

static bool
has_twin(const struct schema_entity *entity, const struct schema_unit *unit)
{
    for (size_t f = 0; entity->has_twin && unit != NULL && f < unit->field_count; f++)
        if ((unit->fields[f].flags & SCHEMA_TWIN) != 0)
            return true;
    return false;
}

/* Another device may delete the record without having seen this edit: only a new version of the twin keeps that shown with the record. */
static bool
may_be_deleted(const struct schema_entity *entity, const struct unit_now *twin)
{
    return !entity->is_lasting && twin->count > 0;
}

/* A version over all that is current of its unit. */
static enum rc
put_over(struct change *change, uint32_t entity, struct id record, uint32_t unit, const struct buf *value,
         const struct unit_now *now)
{
    size_t count = now->count < CHANGE_SUPERSEDES ? now->count : CHANGE_SUPERSEDES;

    return change_put_over(change, entity, record, unit, value, now->versions, count);
}

/* The twin follows the file: it supersedes all that is current in it, so it never holds an open choice. */
static enum rc
put_twin(struct journal *journal, struct change_set *set, struct id family,
         const struct schema_entity *entity, struct id record, const struct schema_unit *unit,
         const struct buf *value)
{
    struct buf twin = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct unit_now now = UNIT_NOW_EMPTY;
    struct change *change;
    enum rc rc = read_unit(journal, set, family, STREAM_INDEX, entity->number, record, unit->number, &now);

    if (rc == RC_OK)
        rc = twin_value(unit, value, &now.shown, &twin);
    bool says_so = rc == RC_OK && now.count <= 1 && is_same(&twin, &now.shown) && !may_be_deleted(entity, &now);
    if (rc == RC_OK && !says_so)
        rc = change_for(journal, set, family, STREAM_INDEX, &change);
    if (rc == RC_OK && !says_so)
        rc = put_over(change, entity->number, record, unit->number, &twin, &now);
    if (rc == RC_OK && !says_so)
        mark_drawn(set, change);
    unit_now_wipe(&now);
    buf_wipe(&twin);
    return rc;
}

static bool
has_operation(const struct change *change, struct id record)
{
    for (size_t i = 0; i < change->count; i++)
        if (id_equal(change->operations[i].record, record))
            return true;
    return false;
}

static enum rc
is_in_index(struct journal *journal, const struct change_set *set, struct id family, const struct schema_entity *entity, struct id record,
            bool *is_there)
{
    enum rc rc = RC_OK;

    *is_there = false;
    for (size_t u = 0; rc == RC_OK && !*is_there && u < entity->unit_count; u++) {
        struct unit_now twin = UNIT_NOW_EMPTY;
        if (!has_twin(entity, &entity->units[u]))
            continue;
        rc = read_unit(journal, set, family, STREAM_INDEX, entity->number, record, entity->units[u].number, &twin);
        *is_there = rc == RC_OK && may_be_deleted(entity, &twin);
        unit_now_wipe(&twin);
    }
    return rc;
}

/* A unit of which the twin has nothing was edited: a version of it without a value tells so, and stands against nothing that another
 * writes into the twin meanwhile. */
static enum rc
touch_twin(struct journal *journal, struct change_set *set, struct id family, const struct schema_entity *entity, struct id record,
           uint32_t unit)
{
    struct buf none = BUF_EMPTY(1);
    struct unit_now now = UNIT_NOW_EMPTY;
    struct change *change = NULL;
    bool is_there;
    enum rc rc = is_in_index(journal, set, family, entity, record, &is_there);

    if (rc == RC_OK && is_there)
        rc = change_for(journal, set, family, STREAM_INDEX, &change);
    if (rc != RC_OK || !is_there || has_operation(change, record))
        return rc;
    rc = read_unit(journal, set, family, STREAM_INDEX, entity->number, record, unit, &now);
    if (rc == RC_OK)
        rc = put_over(change, entity->number, record, unit, &none, &now);
    unit_now_wipe(&now);
    return rc;
}

enum rc
change_set_put(struct journal *journal, struct change_set *set, struct id family, uint32_t entity,
               struct id record, uint32_t unit, const struct buf *value,
               const struct version *supersedes, size_t count)
{
    const struct schema_entity *known = schema_entity(entity);
    const struct schema_unit *known_unit = schema_unit(known, unit);
    struct change *change;

    if (known == NULL || known_unit == NULL)
        return rc_fail(RC_UNSUPPORTED, _("made by a newer program"));
    enum rc rc = change_for(journal, set, family, known->home, &change);
    if (rc == RC_OK && supersedes == NULL)
        rc = change_put(change, entity, record, unit, value);
    else if (rc == RC_OK)
        rc = change_put_over(change, entity, record, unit, value, supersedes, count);
    if (rc == RC_OK)
        mark_drawn(set, change);
    if (rc != RC_OK || !known->has_twin || broken_is(BROKEN_TWIN))
        return rc;
    return has_twin(known, known_unit) ? put_twin(journal, set, family, known, record, known_unit, value)
                                       : touch_twin(journal, set, family, known, record, unit);
}

enum rc
change_set_put_new(struct journal *journal, struct change_set *set, struct id family,
                   uint32_t entity, struct id record, uint32_t unit, const struct buf *value)
{
    const struct schema_entity *known = schema_entity(entity);
    const struct schema_unit *known_unit = schema_unit(known, unit);
    struct buf whole = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct unit_now now = UNIT_NOW_EMPTY;

    if (known == NULL || known_unit == NULL)
        return rc_fail(RC_UNSUPPORTED, _("made by a newer program"));
    enum rc rc = read_unit(journal, set, family, known->home, entity, record, unit, &now);
    if (rc == RC_OK)
        rc = carry_over(known_unit, value, &now.shown, &whole);
    if (rc == RC_OK && !is_same(&whole, &now.shown))
        rc = change_set_put(journal, set, family, entity, record, unit, &whole, NULL, 0);
    unit_now_wipe(&now);
    buf_wipe(&whole);
    return rc;
}

/* ---- deleting and restoring ----------------------------------------------------------------- */

struct deletions {
    struct journal *journal;
    struct id stream;
    bool takes_all;
    struct unit_now now;
};

/* Whether all that a deletion lists came here: else its author saw what is not to be seen here. */
static enum rc
has_come(struct deletions *deletions, const struct current *deletion, bool *all)
{
    struct field fields[CHANGE_FIELDS];
    struct version *listed = NULL;
    size_t count, listed_count = 0;
    enum rc rc = value_read(deletion->value, deletion->value_len, fields, &count);
    const struct field *list = rc == RC_OK ? value_find(fields, count, 1) : NULL;

    *all = true;
    if (list != NULL && list->type == FIELD_VERSIONS)
        rc = value_read_versions(list, &listed, &listed_count);
    for (size_t i = 0; rc == RC_OK && *all && i < listed_count; i++) {
        uint32_t last;
        rc = journal_frontier(deletions->journal, deletions->stream, listed[i].feed, &last);
        *all = rc == RC_OK && listed[i].save <= last;
    }
    free(listed);
    return rc;
}

static enum rc
take_deletion(void *context, const struct current *deletion)
{
    struct deletions *deletions = context;
    bool all = true;
    enum rc rc = deletions->takes_all ? RC_OK : has_come(deletions, deletion, &all);

    return rc == RC_OK && all ? take_current(&deletions->now, deletion) : rc;
}

/* Names the deletions that are seen here: whoever saw one speaks for it, but for what it lists and is still under way. A
 * restoring, the empty value, speaks for that too. */
static enum rc
put_deletion(struct journal *journal, struct change_set *set, struct id family, enum stream_kind kind,
             uint32_t entity, struct id record, const struct buf *value)
{
    struct deletions deletions = {.journal = journal, .takes_all = value->len == 0, .now = UNIT_NOW_EMPTY};
    struct change *change;
    enum rc rc = journal_find_stream(journal, family, kind, &deletions.stream);

    if (rc == RC_OK)
        rc = journal_current(journal, deletions.stream, entity, record, UNIT_DELETED, take_deletion, &deletions);
    if (rc == RC_OK)
        rc = change_for(journal, set, family, kind, &change);
    if (rc == RC_OK)
        rc = put_over(change, entity, record, UNIT_DELETED, value, &deletions.now);
    unit_now_wipe(&deletions.now);
    return rc;
}

static enum rc
delete_in(struct journal *journal, struct change_set *set, struct id family, enum stream_kind kind,
          uint32_t entity, struct id record)
{
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct version *versions = NULL;
    struct id stream;
    size_t count;
    enum rc rc = journal_find_stream(journal, family, kind, &stream);

    if (rc == RC_OK)
        rc = journal_versions(journal, stream, entity, record, &versions, &count);
    if (rc == RC_OK) /* they come unit by unit */
        version_sort(versions, count);
    if (rc == RC_OK)
        rc = value_put_versions(&value, 1, versions, count);
    if (rc == RC_OK)
        rc = put_deletion(journal, set, family, kind, entity, record, &value);
    free(versions);
    buf_wipe(&value);
    return rc;
}

static enum rc
check_deletable(const struct schema_entity *known)
{
    if (known == NULL || known->is_lasting)
        return rc_fail(RC_INVALID, _("this is withdrawn with a reason, or erased; not deleted"));
    return RC_OK;
}

enum rc
change_set_delete(struct journal *journal, struct change_set *set, struct id family,
                  uint32_t entity, struct id record)
{
    const struct schema_entity *known = schema_entity(entity);
    enum rc rc = check_deletable(known);

    if (rc == RC_OK)
        rc = delete_in(journal, set, family, known->home, entity, record);
    if (rc != RC_OK || !known->has_twin)
        return rc;
    rc = delete_in(journal, set, family, STREAM_INDEX, entity, record);
    return rc == RC_ABSENT ? RC_OK : rc; /* a record need not have a twin yet */
}

/* One unit saved again as it is shown: no deletion has seen that version, also none that is still under way. */
static enum rc
restore_in(struct journal *journal, struct change_set *set, struct id family, enum stream_kind kind,
           const struct schema_entity *entity, struct id record)
{
    struct buf none = BUF_EMPTY(1);
    struct change *change;
    bool is_put = false;
    enum rc rc = RC_OK;

    for (size_t u = 0; rc == RC_OK && !is_put && u < entity->unit_count; u++) {
        struct unit_now now = UNIT_NOW_EMPTY;
        rc = read_unit(journal, set, family, kind, entity->number, record, entity->units[u].number, &now);
        is_put = rc == RC_OK && now.shown.len > 0;
        if (is_put)
            rc = change_for(journal, set, family, kind, &change);
        if (rc == RC_OK && is_put)
            rc = change_put(change, entity->number, record, entity->units[u].number, &now.shown);
        unit_now_wipe(&now);
    }
    if (rc == RC_OK && !is_put)
        rc = rc_fail(RC_ABSENT, _("nothing of it is here"));
    return rc == RC_OK ? put_deletion(journal, set, family, kind, entity->number, record, &none) : rc;
}

enum rc
change_set_restore(struct journal *journal, struct change_set *set, struct id family,
                   uint32_t entity, struct id record)
{
    const struct schema_entity *known = schema_entity(entity);
    enum rc rc = check_deletable(known);

    if (rc == RC_OK)
        rc = restore_in(journal, set, family, known->home, known, record);
    if (rc != RC_OK || !known->has_twin)
        return rc;
    rc = restore_in(journal, set, family, STREAM_INDEX, known, record);
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* ---- moving --------------------------------------------------------------------------------- */

static enum rc
move_in(struct journal *journal, struct change_set *set, struct id family, enum stream_kind kind,
        uint32_t entity, struct id record, const struct buf *value)
{
    struct version *versions = NULL;
    struct change *change;
    struct id stream;
    size_t count;
    enum rc rc = journal_find_stream(journal, family, kind, &stream);

    if (rc == RC_OK)
        rc = journal_versions(journal, stream, entity, record, &versions, &count); /* RC_ABSENT: no such record */
    free(versions);
    if (rc == RC_OK)
        rc = change_for(journal, set, family, kind, &change);
    return rc == RC_OK ? change_put(change, entity, record, UNIT_MOVED, value) : rc;
}

enum rc
change_set_move(struct journal *journal, struct change_set *set, struct id family, uint32_t entity,
                struct id record, struct id to)
{
    const struct schema_entity *known = schema_entity(entity);
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);

    if (known == NULL)
        return rc_fail(RC_UNSUPPORTED, _("made by a newer program"));
    enum rc rc = value_put_id(&value, 1, to);
    if (rc == RC_OK)
        rc = move_in(journal, set, family, known->home, entity, record, &value);
    if (rc == RC_OK && known->has_twin) {
        rc = move_in(journal, set, family, STREAM_INDEX, entity, record, &value);
        rc = rc == RC_ABSENT ? RC_OK : rc;
    }
    buf_wipe(&value);
    return rc;
}
