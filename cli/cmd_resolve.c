/* Two versions resolved by a person: one of them, all texts, or a new one. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <string.h>

/* Keeps the versions that the token names, in its order. RC_STALE when one is not current any more. */
static enum rc
keep_named(struct versions *versions, const char *token)
{
    struct versions named = {.count = 0};
    size_t len = strlen(token);

    if (len % (CONFLICT_MARK_CHARS + 1) != CONFLICT_MARK_CHARS || len >= CONFLICT_TOKEN_BYTES)
        return rc_fail(RC_INVALID, _("`%s` is not a token of `baken conflicts`"), token);
    for (size_t at = 0; at < len; at += CONFLICT_MARK_CHARS + 1) {
        size_t i = 0;
        while (i < versions->count &&
               memcmp(versions->sides[i].mark, token + at, CONFLICT_MARK_CHARS) != 0)
            i++;
        if (i == versions->count) {
            conflict_versions_wipe(&named);
            return rc_fail(RC_STALE,
                           _("a version that was on the screen has been replaced meanwhile"));
        }
        named.sides[named.count++] = versions->sides[i];
        versions->sides[i] = versions->sides[--versions->count];
    }
    conflict_versions_wipe(versions);
    *versions = named;
    return RC_OK;
}

/* Writes a field as it was; a kind that no unit of this program has, it cannot judge. */
static enum rc
put_field(struct buf *value, const struct field *field)
{
    if (field->type == FIELD_BYTES || field->type >= FIELD_VERSIONS)
        return rc_fail(RC_UNSUPPORTED, _("a part of this version was made by a newer program"));
    return value_put_field(value, field);
}

static bool
is_free_text(const struct schema_unit *unit, const struct field *field)
{
    const struct schema_field *known = unit == NULL ? NULL : schema_field(unit, field->number);

    return field->type == FIELD_TEXT && known != NULL && (known->flags & SCHEMA_SLUG) == 0;
}

/* The texts of one field in all versions, each once, below each other. */
static enum rc
join_texts(const struct versions *versions, uint32_t number, struct buf *joined)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < versions->count; i++) {
        struct field fields[CHANGE_FIELDS];
        size_t count = 0;
        const struct side *side = &versions->sides[i];
        rc = value_read(side->value.data, side->value.len, fields, &count);
        const struct field *field = rc == RC_OK ? value_find(fields, count, number) : NULL;
        if (field == NULL || field->type != FIELD_TEXT || field->len == 0)
            continue;
        if (joined->len == field->len && memcmp(joined->data, field->bytes, field->len) == 0)
            continue;
        if (joined->len > 0)
            rc = buf_put(joined, "\n\n", 2);
        if (rc == RC_OK)
            rc = buf_put(joined, field->bytes, field->len);
    }
    return rc;
}

/* The value that is to hold: the chosen version's, with `text` in its first free text, or with all texts. */
static enum rc
build_value(const struct conflict *conflict, const struct versions *versions, size_t chosen,
            bool joins, const char *text, struct buf *value)
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const struct schema_unit *unit = entity == NULL ? NULL : schema_unit(entity, conflict->unit);
    struct field fields[CHANGE_FIELDS];
    size_t count = 0;
    bool is_placed = text == NULL;
    const struct side *side = &versions->sides[chosen];
    enum rc rc = value_read(side->value.data, side->value.len, fields, &count);

    if (rc == RC_OK && !joins && text == NULL)
        return buf_put(value, side->value.data, side->value.len);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        struct buf joined = BUF_EMPTY(CHANGE_NOTE_BYTES);
        if (!is_free_text(unit, &fields[i])) {
            rc = put_field(value, &fields[i]);
        } else if (!is_placed) {
            rc = value_put_text(value, fields[i].number, text);
            is_placed = true;
        } else if (joins) {
            rc = join_texts(versions, fields[i].number, &joined);
            if (rc == RC_OK)
                rc = value_put_text(value, fields[i].number, buf_text(&joined));
        } else {
            rc = put_field(value, &fields[i]);
        }
        buf_wipe(&joined);
    }
    if (rc == RC_OK && !is_placed)
        rc = rc_fail(RC_INVALID, _("this has no text to replace; take one of the versions"));
    return rc;
}

/* The number of a version as it is on the screen, from 0; false when the text is none. */
static bool
read_version(const char *text, size_t *chosen)
{
    size_t number = 0;

    for (const char *at = text; *at != '\0'; at++) {
        if (*at < '0' || *at > '9' || number > CONFLICT_VERSIONS)
            return false;
        number = number * 10 + (size_t)(*at - '0');
    }
    *chosen = number - 1;
    return number > 0;
}

/* --take as the number of a version (from 0), all texts, or a new one. A text that would replace a version
 * which was asked for is refused: only `new` has one. */
static enum rc
read_choice(struct call *call, size_t *chosen, bool *joins, bool *is_new)
{
    const char *take = NULL;
    enum rc rc = call_need(call, OPT_TAKE, &take);

    *chosen = 0;
    *joins = *is_new = false;
    if (rc != RC_OK)
        return rc;
    if (strcmp(take, "both") == 0)
        *joins = true;
    else if (strcmp(take, "new") == 0)
        *is_new = true;
    else if (!read_version(take, chosen))
        return rc_fail(RC_INVALID, _("--take is the number of a version, `both` or `new`"));
    if (!*is_new && (call_has(call, OPT_TEXT) || call_has(call, OPT_NOTE_FILE)))
        return rc_fail(RC_INVALID, _("a text goes with `--take new` only; nothing was resolved"));
    return RC_OK;
}

static enum rc
resolve(struct call *call, const struct conflict *conflict, const struct versions *versions,
        const struct buf *value)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct version seen[CONFLICT_VERSIONS];
    enum rc rc = RC_OK;

    for (size_t i = 0; i < versions->count; i++)
        seen[i] = versions->sides[i].version;
    /* The list that is superseded goes out in ascending order, whatever the screen's was. */
    for (size_t i = 1; i < versions->count; i++)
        for (size_t k = i; k > 0 && version_compare(&seen[k - 1], &seen[k]) > 0; k--) {
            struct version swap = seen[k];
            seen[k] = seen[k - 1];
            seen[k - 1] = swap;
        }
    rc = change_set_put(call->journal, &set, conflict->family, conflict->entity, conflict->record,
                        conflict->unit, value, seen, versions->count);
    if (rc == RC_OK)
        rc = replica_save(call->replica, set.changes, set.count);
    change_set_wipe(&set);
    return rc;
}

enum rc
cmd_resolve(struct call *call)
{
    struct buf note = BUF_EMPTY(CHANGE_NOTE_BYTES + 1), value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct versions versions = {.count = 0};
    struct conflict conflict;
    const char *token = NULL;
    size_t chosen = 0;
    bool joins = false, is_new = false, has_text = false;
    enum rc rc = read_choice(call, &chosen, &joins, &is_new);

    if (rc == RC_OK)
        rc = call_need(call, OPT_TOKEN, &token);
    if (rc == RC_OK && is_new)
        rc = call_note(call, NOTE_NEEDED, &note, &has_text);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = conflict_find(call, call->words[0], &conflict);
    if (rc == RC_OK)
        rc = conflict_versions(call, &conflict, &versions);
    if (rc == RC_OK)
        rc = keep_named(&versions, token);
    if (rc == RC_OK && chosen >= versions.count)
        rc = rc_fail(RC_INVALID, _("there is no version %zu; there are %zu"), chosen + 1,
                     versions.count);
    if (rc == RC_OK)
        rc = build_value(&conflict, &versions, chosen, joins, has_text ? buf_text(&note) : NULL,
                         &value);
    if (rc == RC_OK)
        rc = resolve(call, &conflict, &versions, &value);
    if (rc == RC_OK) {
        char number[16];
        out_object(&call->out, "resolved");
        out_id(&call->out, "record", _("Resolved"), conflict.record);
        out_text(&call->out, "unit", NULL, conflict_unit_name(&conflict, number));
        out_int(&call->out, "versions", _("Versions replaced"), (int64_t)versions.count);
        out_object_end(&call->out);
        call_where_saved(call);
    }
    conflict_versions_wipe(&versions);
    buf_wipe(&note);
    buf_wipe(&value);
    return rc;
}
