/* Two versions: shown side by side with their common base. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One field of a value, by its type. */
static void
out_field(struct out *out, const struct schema_field *known, const struct field *field)
{
    char name[24];
    const char *key = name, *heading = name;
    struct buf text = BUF_EMPTY(CHANGE_VALUE_BYTES);

    (void)snprintf(name, sizeof name, "field_%u", (unsigned)field->number);
    if (known != NULL) {
        key = known->name;
        heading = words_say(known->name);
    }
    switch (field->type) {
    case FIELD_INT:
        out_int(out, key, heading, field->integer);
        break;
    case FIELD_DATE:
        out_date(out, key, heading, (uint32_t)field->integer);
        break;
    case FIELD_ID:
        out_id(out, key, heading, field->id);
        break;
    case FIELD_TEXT:
        if (buf_put(&text, field->bytes, field->len) == RC_OK && buf_text(&text) != NULL)
            out_word(out, key, heading, buf_text(&text),
                     known != NULL && (known->flags & SCHEMA_SLUG) != 0 ? words_say(buf_text(&text))
                                                                        : buf_text(&text));
        break;
    case FIELD_BYTES:
    case FIELD_VERSIONS:
        out_int(out, key, heading, (int64_t)field->len);
        break;
    }
    buf_wipe(&text);
}

static enum rc
out_value(struct call *call, const struct conflict *conflict, const uint8_t *value, size_t len)
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const struct schema_unit *unit = entity == NULL ? NULL : schema_unit(entity, conflict->unit);
    struct field fields[CHANGE_FIELDS];
    size_t count = 0;
    enum rc rc = value_read(value, len, fields, &count);

    if (rc != RC_OK)
        return rc;
    json_key(&call->out.writer, "value");
    json_object_start(&call->out.writer);
    for (size_t i = 0; i < count; i++)
        out_field(&call->out, unit == NULL ? NULL : schema_field(unit, fields[i].number),
                  &fields[i]);
    json_object_end(&call->out.writer);
    if (count == 0)
        out_text(&call->out, NULL, _("Text"), _("(empty)"));
    return RC_OK;
}

static enum rc
out_sides(struct call *call, const struct conflict *conflict, const struct versions *versions)
{
    enum rc rc = RC_OK;

    out_list(&call->out, "versions", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < versions->count; i++) {
        const struct side *side = &versions->sides[i];
        struct texts texts = TEXTS_EMPTY;
        const char *label = NULL;
        out_row(&call->out);
        out_int(&call->out, "number", _("Version"), (int64_t)i + 1);
        rc = call_out_person(call, "person", _("Who"), side->person);
        if (rc == RC_OK)
            rc = call_device_label(call, &texts, side->version.feed.device, &label);
        out_id(&call->out, "device_id", NULL, side->version.feed.device);
        out_text(&call->out, "device", _("On device"), label);
        out_time(&call->out, "at", _("When"), hlc_ms(side->hlc));
        out_bool(&call->out, "is_shown", NULL, side->is_shown);
        if (rc == RC_OK)
            rc = out_value(call, conflict, side->value.data, side->value.len);
        out_row_end(&call->out);
        texts_wipe(&texts);
    }
    out_list_end(&call->out, NULL);
    return rc;
}

/* What all versions descend from; null where there is no such version or its entry is not here. */
static enum rc
out_base(struct call *call, const struct conflict *conflict)
{
    struct past base = {.value = NULL};
    enum rc rc = journal_base(call->journal, replica_saves(call->replica), conflict->stream,
                              conflict->entity, conflict->record, conflict->unit, &base);

    if (rc == RC_ABSENT) {
        json_key(&call->out.writer, "base");
        json_null(&call->out.writer);
        return RC_OK;
    }
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "base");
    out_line(&call->out, "%s", _("Before, both had:"));
    out_time(&call->out, "at", _("When"), hlc_ms(base.hlc));
    rc = out_value(call, conflict, base.value, base.value_len);
    out_object_end(&call->out);
    journal_past_wipe(&base);
    return rc;
}

static enum rc
show_conflict(struct call *call, const struct conflict *conflict)
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const char *policy = schema_policy_name(schema_policy(conflict->entity, conflict->unit));
    struct versions versions = {.count = 0};
    char number[16], brief[ID_TEXT_CHARS + 1], name[64], token[CONFLICT_TOKEN_BYTES] = "";
    enum rc rc = conflict_versions(call, conflict, &versions);

    for (size_t i = 0; i < versions.count; i++) {
        size_t len = strlen(token);
        (void)snprintf(token + len, sizeof token - len, "%s%s", i == 0 ? "" : "-",
                       versions.sides[i].mark);
    }
    out_short_id(conflict->record, brief);
    (void)snprintf(name, sizeof name, "%s.%s", brief, conflict_unit_name(conflict, number));
    out_row(&call->out);
    out_text(&call->out, "id", _("Two versions"), name);
    out_id(&call->out, "record", NULL, conflict->record);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), conflict->family);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             entity == NULL ? "?" : words_say(entity->name));
    out_word(&call->out, "unit", _("Part"), conflict_unit_name(conflict, number),
             words_say(conflict_unit_name(conflict, number)));
    out_text(&call->out, "policy", NULL, policy);
    out_text(&call->out, "token", _("Token"), token);
    if (rc == RC_OK)
        rc = out_base(call, conflict);
    if (rc == RC_OK)
        rc = out_sides(call, conflict, &versions);
    out_line(&call->out, "baken resolve %s --token %s --take 1|2|both|new", name, token);
    out_row_end(&call->out);
    conflict_versions_wipe(&versions);
    return rc;
}

enum rc
cmd_conflicts(struct call *call)
{
    struct conflicts all = {.items = NULL};
    size_t shown = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = conflict_list(call, &all);
    if (rc == RC_OK)
        out_list(&call->out, "conflicts", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < all.count; i++) {
        if (call->word_count > 0 && !conflict_is_meant(&all.items[i], call->words[0]))
            continue;
        rc = show_conflict(call, &all.items[i]);
        shown++;
    }
    free(all.items);
    if (rc != RC_OK)
        return rc;
    if (call->word_count > 0 && shown == 0)
        return conflict_fail_single(call, call->words[0]);
    out_list_end(&call->out, _("Nothing has two versions."));
    return RC_OK;
}
