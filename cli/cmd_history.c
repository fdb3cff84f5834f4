/* What was ever written of a record: every version with its author, also those that were put away; and an old one again. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/value.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* RECORD or RECORD.UNIT. */
struct named {
    struct subject of;
    const char *unit; /* NULL: all of it */
};

/* A unit's name, or the number of one that this program does not know. */
static bool
is_unit(const struct conflict *unit, const char *name)
{
    char number[16];

    return strcmp(conflict_unit_name(unit, number), name) == 0;
}

static enum rc
find_named(struct call *call, const char *text, struct named *named)
{
    char record[ID_TEXT_CHARS + 1];
    size_t len = strcspn(text, ".");

    named->unit = text[len] == '.' ? text + len + 1 : NULL;
    if (len > ID_TEXT_CHARS)
        return rc_fail(RC_INVALID, _("`%s` is not an id"), text);
    memcpy(record, text, len);
    record[len] = '\0';
    enum rc rc = call_subject(call, record, &named->of);
    return rc == RC_OK && named->of.count == 0 ? call_received(call, record, &named->of) : rc;
}

/* ---- showing ------------------------------------------------------------------------------------------ */

static const struct history_item *
find_version(const struct history *history, const struct version *version)
{
    for (size_t i = 0; i < history->count; i++)
        if (version_compare(&history->items[i].version, version) == 0)
            return &history->items[i];
    return NULL;
}

/* By whom and when it was replaced. */
static enum rc
out_replaced(struct call *call, const struct history *history, const struct history_item *item)
{
    char mark[CONFLICT_MARK_CHARS + 1];
    const struct history_item *by = item->is_replaced ? find_version(history, &item->by) : NULL;
    enum rc rc = by == NULL ? RC_OK : conflict_mark(&by->version, mark);

    out_text(&call->out, "replaced_by", by == NULL ? NULL : _("Replaced by"), by == NULL ? NULL : mark);
    return rc;
}

static enum rc
out_item(struct call *call, const struct history *history, const struct history_item *item)
{
    char mark[CONFLICT_MARK_CHARS + 1];
    enum rc rc = conflict_mark(&item->version, mark);

    out_row(&call->out);
    out_text(&call->out, "mark", _("Version"), rc == RC_OK ? mark : NULL);
    out_word(&call->out, "state", _("State"), history_state_name(item->state),
             words_say(history_state_name(item->state)));
    if (rc == RC_OK)
        rc = out_replaced(call, history, item);
    out_bool(&call->out, "is_shown", NULL, item->is_shown);
    if (rc == RC_OK)
        rc = call_out_written(call, item->person, item->version.feed.device, item->hlc);
    out_time(&call->out, "arrived_at", _("At the server"), item->arrived_ms);
    if (rc == RC_OK)
        rc = value_out_of(call, item->entity, item->unit, item->value, item->value_len);
    out_row_end(&call->out);
    return rc;
}

/* The versions of one unit: items [from, until). */
static enum rc
out_unit(struct call *call, const struct conflict *unit, const struct history *history, size_t from,
         size_t until)
{
    const struct schema_entity *entity = schema_entity(unit->entity);
    enum policy policy = schema_policy(unit->entity, unit->unit);
    struct versions versions = {.count = 0};
    char number[16], name[64], token[CONFLICT_TOKEN_BYTES] = "";
    bool has_token = unit->unit != UNIT_DELETED && policy != POLICY_SET;
    enum rc rc = has_token ? conflict_versions(call, unit, &versions) : RC_OK;

    conflict_token(&versions, token);
    conflict_name(unit, name);
    out_row(&call->out);
    out_text(&call->out, "id", _("Part"), name);
    out_word(&call->out, "entity", _("What"), entity->name, words_entity(entity->name));
    out_text(&call->out, "unit", NULL, conflict_unit_name(unit, number));
    out_text(&call->out, "policy", NULL, schema_policy_name(policy));
    out_text(&call->out, "token", _("Token"), has_token ? token : NULL);
    out_list(&call->out, "versions", OUT_BLOCKS);
    for (size_t i = from; rc == RC_OK && i < until; i++)
        rc = out_item(call, history, &history->items[i]);
    out_list_end(&call->out, NULL);
    if (unit->unit != UNIT_DELETED && until - from > 1)
        out_line(&call->out, "baken undo %s%s%s --take %s", name, has_token ? " --token " : "", token,
                 _("VERSION"));
    out_row_end(&call->out);
    conflict_versions_wipe(&versions);
    return rc;
}

static enum rc
out_units(struct call *call, const struct named *named, size_t part,
          const struct history *history, size_t *shown)
{
    enum rc rc = RC_OK;

    for (size_t from = 0, until; rc == RC_OK && from < history->count; from = until) {
        struct conflict unit = {.stream = named->of.parts[part].stream,
                                .family = named->of.family,
                                .record = named->of.record,
                                .entity = history->items[from].entity,
                                .unit = history->items[from].unit};
        for (until = from; until < history->count && history->items[until].unit == unit.unit;)
            until++;
        if (named->unit != NULL && !is_unit(&unit, named->unit))
            continue;
        rc = out_unit(call, &unit, history, from, until);
        ++*shown;
    }
    return rc;
}

enum rc
cmd_history(struct call *call)
{
    struct named named;
    size_t shown = 0;
    uint64_t unreadable = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = find_named(call, call->words[0], &named);
    if (rc != RC_OK)
        return rc;
    out_id(&call->out, "record", NULL, named.of.record);
    rc = call_out_family(call, "family", _("Family"), named.of.family);
    out_list(&call->out, "units", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < named.of.count; i++) {
        struct history history;
        rc = replica_history(call->replica, named.of.parts[i].stream, named.of.parts[i].entity->number,
                             named.of.record, &history);
        if (rc == RC_OK)
            rc = out_units(call, &named, i, &history, &shown);
        unreadable += history.unreadable;
        replica_history_wipe(&history);
    }
    out_list_end(&call->out, NULL);
    if (rc == RC_OK && shown == 0 && named.unit != NULL)
        call->ending.advice = _("without its part `baken history` shows all of them");
    if (rc == RC_OK && shown == 0)
        return rc_fail(RC_ABSENT, _("nothing called `%s` was ever written"), call->words[0]);
    out_int(&call->out, "unreadable", NULL, (int64_t)unreadable);
    if (unreadable > 0)
        out_notice(&call->out, "unreadable", "%s",
                   _("Some of what was written cannot be read here: its key has not come, or it was erased."));
    return rc;
}

/* ---- an old version again ------------------------------------------------------------------------------- */

/* The version of that unit with this mark; *item NULL when there is none. RC_AMBIGUOUS. */
static enum rc
find_mark(const struct history *history, uint32_t unit, const char *mark, const struct history_item **item)
{
    char own[CONFLICT_MARK_CHARS + 1];

    *item = NULL;
    for (size_t i = 0; i < history->count; i++) {
        if (history->items[i].unit != unit)
            continue;
        enum rc rc = conflict_mark(&history->items[i].version, own);
        if (rc != RC_OK)
            return rc;
        if (strcmp(own, mark) != 0)
            continue;
        if (*item != NULL)
            return rc_fail(RC_AMBIGUOUS, _("more than one thing answers to `%s`"), mark);
        *item = &history->items[i];
    }
    return RC_OK;
}

/* RC_INVALID with the parts that there are. */
static enum rc
fail_partless(const struct named *named, const char *text)
{
    char names[400] = "", name[64];

    for (size_t i = 0; i < named->of.count; i++)
        for (size_t u = 0; u < named->of.parts[i].entity->unit_count; u++) {
            const struct schema_entity *entity = named->of.parts[i].entity;
            struct conflict unit = {.record = named->of.record, .entity = entity->number, .unit = entity->units[u].number};
            size_t len = strlen(names);
            conflict_name(&unit, name);
            (void)snprintf(names + len, sizeof names - len, "%s%s", len == 0 ? "" : ", ", name);
        }
    return rc_fail(RC_INVALID, _("`%s` names no part; there are: %s"), text, names);
}

/* The unit that was named, with the stream that holds it. */
static enum rc
find_unit(const struct named *named, const char *text, struct conflict *unit)
{
    for (size_t i = 0; i < named->of.count; i++) {
        const struct schema_entity *entity = named->of.parts[i].entity;
        for (size_t u = 0; u < entity->unit_count; u++) {
            *unit = (struct conflict){.stream = named->of.parts[i].stream,
                                      .family = named->of.family,
                                      .record = named->of.record,
                                      .entity = entity->number,
                                      .unit = entity->units[u].number};
            if (named->unit != NULL && is_unit(unit, named->unit))
                return RC_OK;
        }
    }
    return fail_partless(named, text);
}

/* The old value, with the reason of now where the unit has a field for one. */
static enum rc
take_value(struct call *call, const struct schema_unit *unit, const struct history_item *item,
           struct buf *value)
{
    struct field fields[CHANGE_FIELDS];
    struct texts texts = TEXTS_EMPTY;
    const char *reason = NULL;
    size_t count = 0;
    uint32_t number = 0;
    bool is_put = false;

    for (size_t f = 0; unit->policy == POLICY_ONCE && f < unit->field_count; f++)
        if (strcmp(unit->fields[f].name, "reason") == 0)
            number = unit->fields[f].number;
    if (number == 0 && call_has(call, OPT_REASON))
        return rc_fail(RC_INVALID, _("--reason goes with a report only: nothing here would keep it"));
    if (number == 0)
        return buf_put(value, item->value, item->value_len);
    enum rc rc = call_need_text(call, OPT_REASON, &texts, &reason);
    if (rc == RC_OK)
        rc = value_read(item->value, item->value_len, fields, &count);
    for (size_t i = 0; rc == RC_OK && i <= count; i++) {
        if (!is_put && (i == count || fields[i].number >= number)) {
            rc = value_put_text(value, number, reason);
            is_put = true;
        }
        if (rc == RC_OK && i < count && fields[i].number != number)
            rc = value_put_field(value, &fields[i]);
    }
    texts_wipe(&texts);
    return rc;
}

/* Over what was on the screen. */
static enum rc
save_again(struct call *call, const struct conflict *unit, const struct history_item *item)
{
    const struct schema_unit *known = schema_unit(schema_entity(unit->entity), unit->unit);
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct versions versions = {.count = 0};
    const char *token = NULL;
    enum rc rc = conflict_need_token(call, _("`baken history` shows the versions and their token"), &token);

    if (rc == RC_OK)
        rc = take_value(call, known, item, &value);
    if (rc == RC_OK)
        rc = conflict_named(call, unit, token, &versions);
    if (rc == RC_OK)
        rc = conflict_save(call, unit, &versions, &value);
    conflict_versions_wipe(&versions);
    buf_wipe(&value);
    return rc;
}

static enum rc
undo(struct call *call, const struct conflict *unit, const struct history *history, const char *mark)
{
    const struct history_item *item;
    enum rc rc = find_mark(history, unit->unit, mark, &item);

    if (rc != RC_OK)
        return rc;
    if (schema_policy(unit->entity, unit->unit) == POLICY_SET)
        return rc_fail(RC_INVALID, _("this is a list: add to it, or take from it"));
    if (item == NULL) {
        call->ending.advice = _("`baken history` shows the versions");
        return rc_fail(RC_ABSENT, _("there is no version `%s`"), mark);
    }
    if (item->state == HISTORY_HELD || item->state == HISTORY_PARKED)
        return rc_fail(RC_DENIED, _("this version does not count yet: it came too late, or waits"));
    return save_again(call, unit, item);
}

enum rc
cmd_undo(struct call *call)
{
    struct named named;
    struct conflict unit;
    struct history history = {.count = 0};
    const char *mark = NULL;
    enum rc rc = call_need(call, OPT_TAKE, &mark);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = find_named(call, call->words[0], &named);
    if (rc == RC_OK)
        rc = find_unit(&named, call->words[0], &unit);
    if (rc == RC_OK)
        rc = replica_history(call->replica, unit.stream, unit.entity, unit.record, &history);
    if (rc == RC_OK)
        rc = undo(call, &unit, &history, mark);
    replica_history_wipe(&history);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "undone");
    out_id(&call->out, "record", _("Taken again"), unit.record);
    out_text(&call->out, "unit", NULL, named.unit);
    out_text(&call->out, "mark", _("Version"), mark);
    out_object_end(&call->out);
    call_where_saved(call);
    return RC_OK;
}
