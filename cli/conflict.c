/* Finds what has two versions, and loads the versions in the order in which they are shown. */
#include "cli/conflict.h"

#include "core/crypto.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CONFLICTS = 4096 };

void
conflict_versions_wipe(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        buf_wipe(&versions->sides[i].value);
    versions->count = 0;
}

/* Five characters of a hash over the version's identity. */
static enum rc
mark_of(const struct version *version, char mark[CONFLICT_MARK_CHARS + 1])
{
    struct buf bytes = BUF_EMPTY(64);
    uint8_t hash[CRYPTO_HASH_BYTES];
    char text[ID_TEXT_CHARS + 1];
    struct id id;
    enum rc rc = buf_put(&bytes, version->feed.device.bytes, ID_BYTES);

    if (rc == RC_OK)
        rc = buf_put_u64(&bytes, version->feed.incarnation);
    if (rc == RC_OK)
        rc = buf_put_u32(&bytes, version->save);
    if (rc == RC_OK)
        rc = buf_put_u32(&bytes, version->index);
    if (rc != RC_OK)
        goto out;
    crypto_hash_once("baken mark 1", bytes.data, bytes.len, hash);
    memcpy(id.bytes, hash, ID_BYTES);
    id_to_text(id, text);
    memcpy(mark, text + ID_TEXT_CHARS - CONFLICT_MARK_CHARS, CONFLICT_MARK_CHARS + 1);
out:
    buf_wipe(&bytes);
    return rc;
}

static enum rc
take_version(void *context, const struct current *current)
{
    struct versions *versions = context;

    if (versions->count == CONFLICT_VERSIONS)
        return RC_OK; /* the rest comes once these are resolved */
    struct side *side = &versions->sides[versions->count++];
    side->version = current->version;
    side->person = current->person;
    side->hlc = current->hlc;
    side->is_shown = current->is_shown;
    side->value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    enum rc rc = buf_put(&side->value, current->value, current->value_len);
    return rc == RC_OK ? mark_of(&current->version, side->mark) : rc;
}

static int
compare_sides(const void *a, const void *b)
{
    const struct side *left = a, *right = b;

    if (left->hlc != right->hlc)
        return left->hlc < right->hlc ? -1 : 1;
    return version_compare(&left->version, &right->version);
}

enum rc
conflict_versions(struct call *call, const struct conflict *conflict, struct versions *versions)
{
    enum rc rc = journal_current(call->journal, conflict->stream, conflict->entity,
                                 conflict->record, conflict->unit, take_version, versions);

    if (rc == RC_OK)
        qsort(versions->sides, versions->count, sizeof versions->sides[0], compare_sides);
    return rc;
}

const char *
conflict_unit_name(const struct conflict *conflict, char number[16])
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const struct schema_unit *unit = entity == NULL ? NULL : schema_unit(entity, conflict->unit);

    if (conflict->unit == UNIT_DELETED)
        return "deleted";
    (void)snprintf(number, 16, "%u", (unsigned)conflict->unit);
    return unit == NULL ? number : unit->name;
}

static enum rc
take_conflict(void *context, const struct conflict *conflict)
{
    struct conflicts *conflicts = context;

    if (conflicts->count < CONFLICTS)
        conflicts->items[conflicts->count++] = *conflict;
    return RC_OK;
}

enum rc
conflict_list(struct call *call, struct conflicts *conflicts)
{
    conflicts->count = 0;
    conflicts->items = calloc(CONFLICTS, sizeof conflicts->items[0]);
    if (conflicts->items == NULL)
        return rc_nomem();
    return journal_conflicts(call->journal, take_conflict, conflicts);
}

bool
conflict_is_meant(const struct conflict *conflict, const char *text)
{
    char number[16], record[ID_TEXT_CHARS + 1];
    size_t len = strcspn(text, ".");

    if (len > ID_TEXT_CHARS)
        return false;
    memcpy(record, text, len);
    record[len] = '\0';
    return id_matches(conflict->record, record) &&
           (text[len] == '\0' || strcmp(text + len + 1, conflict_unit_name(conflict, number)) == 0);
}

enum rc
conflict_fail_single(struct call *call, const char *text)
{
    call->ending.advice = _("`baken conflicts` lists what has");
    return rc_fail(RC_ABSENT, _("nothing called `%s` has two versions"), text);
}

enum rc
conflict_find(struct call *call, const char *text, struct conflict *found)
{
    struct conflicts all;
    char names[200] = "";
    size_t count = 0;
    enum rc rc = conflict_list(call, &all);

    for (size_t i = 0; rc == RC_OK && i < all.count; i++) {
        char number[16], brief[ID_TEXT_CHARS + 1];
        if (!conflict_is_meant(&all.items[i], text))
            continue;
        size_t len = strlen(names);
        out_short_id(all.items[i].record, brief);
        (void)snprintf(names + len, sizeof names - len, "%s%s.%s", count == 0 ? "" : ", ", brief,
                       conflict_unit_name(&all.items[i], number));
        *found = all.items[i];
        count++;
    }
    free(all.items);
    if (rc == RC_OK && count == 0)
        return conflict_fail_single(call, text);
    if (rc == RC_OK && count > 1)
        return rc_fail(RC_AMBIGUOUS, _("more than one answers to `%s`: %s"), text, names);
    return rc;
}
