/* Finds what has two versions, and loads the versions in the order in which they are shown. */
#include "cli/conflict.h"

#include "core/array.h"
#include "core/crypto.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
conflict_versions_wipe(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        buf_wipe(&versions->sides[i].value);
    versions->count = 0;
}

enum rc
conflict_mark(const struct version *version, char mark[CONFLICT_MARK_CHARS + 1])
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

struct taking {
    struct versions *versions;
    const char *token; /* NULL: the first so many */
};

static enum rc
take_version(void *context, const struct current *current)
{
    const struct taking *taking = context;
    struct versions *versions = taking->versions;
    char mark[CONFLICT_MARK_CHARS + 1];
    enum rc rc = conflict_mark(&current->version, mark);

    if (rc != RC_OK)
        return rc;
    if (versions->count == CONFLICT_VERSIONS ||
        (taking->token != NULL && strstr(taking->token, mark) == NULL)) {
        versions->left_out++;
        return RC_OK;
    }
    struct side *side = &versions->sides[versions->count++];
    side->version = current->version;
    side->person = current->person;
    side->hlc = current->hlc;
    side->is_shown = current->is_shown;
    side->value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    memcpy(side->mark, mark, sizeof mark);
    return buf_put(&side->value, current->value, current->value_len);
}

static int
compare_sides(const void *a, const void *b)
{
    const struct side *left = a, *right = b;

    if (left->hlc != right->hlc)
        return left->hlc < right->hlc ? -1 : 1;
    return version_compare(&left->version, &right->version);
}

static enum rc
load(struct call *call, const struct conflict *conflict, const char *token,
     struct versions *versions)
{
    struct taking taking = {versions, token};
    enum rc rc = journal_current(call->journal, conflict->stream, conflict->entity,
                                 conflict->record, conflict->unit, take_version, &taking);

    if (rc == RC_OK)
        qsort(versions->sides, versions->count, sizeof versions->sides[0], compare_sides);
    return rc;
}

enum rc
conflict_versions(struct call *call, const struct conflict *conflict, struct versions *versions)
{
    return load(call, conflict, NULL, versions);
}

void
conflict_token(const struct versions *versions, char token[CONFLICT_TOKEN_BYTES])
{
    token[0] = '\0';
    for (size_t i = 0; i < versions->count; i++) {
        size_t len = strlen(token);
        (void)snprintf(token + len, CONFLICT_TOKEN_BYTES - len, "%s%s", i == 0 ? "" : "-",
                       versions->sides[i].mark);
    }
}

enum rc
conflict_named(struct call *call, const struct conflict *conflict, const char *token,
               struct versions *versions)
{
    size_t len = strlen(token), placed = 0;

    if (len % (CONFLICT_MARK_CHARS + 1) != CONFLICT_MARK_CHARS || len >= CONFLICT_TOKEN_BYTES)
        return rc_fail(RC_INVALID, _("`%s` is not a token that `baken conflicts` or `baken history` shows"), token);
    enum rc rc = load(call, conflict, token, versions);
    for (size_t at = 0; rc == RC_OK && at < len; at += CONFLICT_MARK_CHARS + 1) {
        size_t i = placed;
        while (i < versions->count &&
               memcmp(versions->sides[i].mark, token + at, CONFLICT_MARK_CHARS) != 0)
            i++;
        if (i == versions->count) {
            call->ending.advice = _("look again with `baken conflicts` or `baken history`, and use the token that stands there now");
            return rc_fail(RC_STALE, _("`%.*s` of the token is no version that holds now: it was replaced meanwhile, or mistyped"),
                           CONFLICT_MARK_CHARS, token + at);
        }
        struct side named = versions->sides[i];
        versions->sides[i] = versions->sides[placed];
        versions->sides[placed++] = named;
    }
    if (rc == RC_OK && placed < versions->count)
        rc = rc_fail(RC_AMBIGUOUS, _("more than one thing answers to `%s`"), token);
    return rc;
}

static enum rc
may_replace(struct call *call, const struct conflict *conflict, const struct version *versions,
            size_t count, const uint8_t *value, size_t len)
{
    struct author self = replica_self_in(call->replica, conflict->stream);
    struct replacing replacing = {
        .stream = conflict->stream,
        .entity = conflict->entity,
        .unit = conflict->unit,
        .record = conflict->record,
        .value = value,
        .value_len = len,
        .versions = versions,
        .count = count,
    };

    enum rc rc = journal_may_resolve(call->journal, &self, &replacing);
    if (rc == RC_DENIED)
        call->ending.advice = _("ask who may, or say what you think in a note of your own");
    return rc;
}

enum rc
conflict_may_choose(struct call *call, const struct conflict *conflict,
                    const struct versions *versions)
{
    const struct side *shown = &versions->sides[0];
    struct version seen[CONFLICT_VERSIONS];

    for (size_t i = 0; i < versions->count; i++) {
        seen[i] = versions->sides[i].version;
        if (versions->sides[i].is_shown)
            shown = &versions->sides[i];
    }
    enum rc rc = may_replace(call, conflict, seen, versions->count, shown->value.data, shown->value.len);
    call->ending.advice = NULL;
    return rc;
}

enum rc
conflict_need_token(struct call *call, const char *advice, const char **token)
{
    enum rc rc = call_need(call, OPT_TOKEN, token);

    if (rc != RC_OK)
        call->ending.advice = advice;
    return rc;
}

enum rc
conflict_save(struct call *call, const struct conflict *conflict, const struct versions *versions,
              const struct buf *value)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct version seen[CONFLICT_VERSIONS];

    for (size_t i = 0; i < versions->count; i++)
        seen[i] = versions->sides[i].version;
    /* The list goes out in ascending order, whatever the screen's was. */
    version_sort(seen, versions->count);
    enum rc rc = may_replace(call, conflict, seen, versions->count, value->data, value->len);
    if (rc == RC_OK)
        rc = change_set_put(call->journal, &set, conflict->family, conflict->entity,
                            conflict->record, conflict->unit, value, seen, versions->count);
    if (rc == RC_OK)
        rc = replica_save(call->replica, set.changes, set.count);
    change_set_wipe(&set);
    return rc;
}

_Static_assert((int)CONFLICT_VERSIONS <= (int)MERGE3_SIDES, "all that is on the screen can be merged");

struct merge3
conflict_merge(const struct versions *versions, const struct schema_unit *unit,
               const struct buf *base)
{
    struct merge3 merge = {
        .unit = unit, .base = base, .count = versions->count, .texts = MERGE3_LINES};

    for (size_t i = 0; i < versions->count; i++)
        merge.sides[i] = &versions->sides[i].value;
    return merge;
}

enum rc
conflict_proposal(const struct versions *versions, const struct schema_unit *unit,
                  const struct buf *base, struct buf *value, bool *has_proposal)
{
    struct merge3 merge = conflict_merge(versions, unit, base);
    uint32_t field = 0;

    *has_proposal = false;
    if (base == NULL)
        return RC_OK;
    enum rc rc = merge3_values(&merge, value, &field);
    *has_proposal = rc == RC_OK && field == 0;
    return rc;
}

enum rc
conflict_texts(const struct versions *versions, const struct schema_unit *unit, const struct buf *base, struct conflict_ways *ways)
{
    struct merge3 merge = conflict_merge(versions, unit, base);
    struct buf both = BUF_EMPTY(CHANGE_VALUE_BYTES), new = BUF_EMPTY(CHANGE_VALUE_BYTES);
    uint32_t field_of_both = 0, field_of_new = 0;

    ways->has_text = ways->needs_version = false;
    if (unit == NULL)
        return RC_OK;
    merge.texts = MERGE3_BELOW;
    enum rc rc = merge3_values(&merge, &both, &field_of_both);
    if (rc == RC_OK || rc == RC_TOO_LARGE) {
        merge.texts = MERGE3_LINES;
        merge.text = "-";
        rc = merge3_values(&merge, &new, &field_of_new);
    }
    ways->has_text = rc == RC_OK;
    ways->needs_version = field_of_both != 0 || field_of_new != 0;
    buf_wipe(&both);
    buf_wipe(&new);
    return rc == RC_INVALID ? RC_OK : rc;
}

enum rc
conflict_base(struct call *call, const struct conflict *conflict, struct buf *base, uint64_t *hlc,
              bool *has_base)
{
    struct past past = {.value = NULL};
    enum rc rc = journal_base(call->journal, replica_saves(call->replica), conflict->stream,
                              conflict->entity, conflict->record, conflict->unit, &past);

    *has_base = rc == RC_OK;
    if (rc == RC_OK) {
        *hlc = past.hlc;
        rc = buf_put(base, past.value, past.value_len);
    }
    journal_past_wipe(&past);
    return rc == RC_ABSENT ? RC_OK : rc;
}

void
conflict_name(const struct conflict *conflict, char name[64])
{
    char number[16], brief[ID_TEXT_CHARS + 1];

    out_short_id(conflict->record, brief);
    (void)snprintf(name, 64, "%s.%s", brief, conflict_unit_name(conflict, number));
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

    struct conflict *grown = array_grow(conflicts->items, &conflicts->room, conflicts->count + 1, sizeof *grown);
    if (grown == NULL)
        return rc_nomem();
    conflicts->items = grown;
    conflicts->items[conflicts->count++] = *conflict;
    return RC_OK;
}

enum rc
conflict_list(struct call *call, struct conflicts *conflicts)
{
    *conflicts = (struct conflicts){.items = NULL};
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
