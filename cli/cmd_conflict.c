/* Two versions: shown side by side with their common base, and resolved by a person.
 *
 * A conflict is called RECORD.UNIT. Its token names the versions that were on the screen, five characters
 * each, in their order there: what arrived meanwhile is not in it, so it is never superseded unseen. */
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/words.h"
#include "core/crypto.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    VERSIONS = 16,
    CONFLICTS = 4096,
    MARK_CHARS = 5,
    TOKEN_BYTES = VERSIONS * (MARK_CHARS + 1) + 1
};

/* The current versions of one unit, in the order of their marks. */
struct versions {
    size_t count;
    struct side {
        struct version version;
        char mark[MARK_CHARS + 1];
        struct id person;
        uint64_t hlc;
        bool is_shown;
        struct buf value;
    } sides[VERSIONS];
};

static void
versions_wipe(struct versions *versions)
{
    for (size_t i = 0; i < versions->count; i++)
        buf_wipe(&versions->sides[i].value);
    versions->count = 0;
}

/* Five characters of a hash over the version's identity. */
static enum rc
mark_of(const struct version *version, char mark[MARK_CHARS + 1])
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
    memcpy(mark, text + ID_TEXT_CHARS - MARK_CHARS, MARK_CHARS + 1);
out:
    buf_wipe(&bytes);
    return rc;
}

static enum rc
take_version(void *context, const struct current *current)
{
    struct versions *versions = context;

    if (versions->count == VERSIONS)
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

static enum rc
versions_load(struct call *call, const struct conflict *conflict, struct versions *versions)
{
    enum rc rc = journal_current(call->journal, conflict->stream, conflict->entity,
                                 conflict->record, conflict->unit, take_version, versions);

    if (rc == RC_OK)
        qsort(versions->sides, versions->count, sizeof versions->sides[0], compare_sides);
    return rc;
}

static const char *
unit_name(const struct conflict *conflict, char number[16])
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const struct schema_unit *unit = entity == NULL ? NULL : schema_unit(entity, conflict->unit);

    if (conflict->unit == UNIT_DELETED)
        return "deleted";
    (void)snprintf(number, 16, "%u", (unsigned)conflict->unit);
    return unit == NULL ? number : unit->name;
}

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

/* Every conflict, copied: the callbacks of the journal lend, and what shows one asks the journal again. */
struct conflicts {
    struct conflict *items;
    size_t count;
};

static enum rc
take_conflict(void *context, const struct conflict *conflict)
{
    struct conflicts *conflicts = context;

    if (conflicts->count < CONFLICTS)
        conflicts->items[conflicts->count++] = *conflict;
    return RC_OK;
}

static enum rc
conflicts_load(struct call *call, struct conflicts *conflicts)
{
    conflicts->count = 0;
    conflicts->items = calloc(CONFLICTS, sizeof conflicts->items[0]);
    if (conflicts->items == NULL)
        return rc_fail(RC_NOMEM, _("memory ran out"));
    return journal_conflicts(call->journal, take_conflict, conflicts);
}

/* Whether `text` (RECORD or RECORD.UNIT) means this conflict. */
static bool
is_meant(const struct conflict *conflict, const char *text)
{
    char number[16], record[ID_TEXT_CHARS + 1];
    size_t len = strcspn(text, ".");

    if (len > ID_TEXT_CHARS)
        return false;
    memcpy(record, text, len);
    record[len] = '\0';
    return id_matches(conflict->record, record) &&
           (text[len] == '\0' || strcmp(text + len + 1, unit_name(conflict, number)) == 0);
}

static enum rc
fail_single(struct call *call, const char *text)
{
    call->ending.advice = _("`baken conflicts` lists what has");
    return rc_fail(RC_ABSENT, _("nothing called `%s` has two versions"), text);
}

static enum rc
conflict_find(struct call *call, const char *text, struct conflict *found)
{
    struct conflicts all;
    char names[200] = "";
    size_t count = 0;
    enum rc rc = conflicts_load(call, &all);

    for (size_t i = 0; rc == RC_OK && i < all.count; i++) {
        char number[16], brief[ID_TEXT_CHARS + 1];
        if (!is_meant(&all.items[i], text))
            continue;
        size_t len = strlen(names);
        out_short_id(all.items[i].record, brief);
        (void)snprintf(names + len, sizeof names - len, "%s%s.%s", count == 0 ? "" : ", ", brief,
                       unit_name(&all.items[i], number));
        *found = all.items[i];
        count++;
    }
    free(all.items);
    if (rc == RC_OK && count == 0)
        return fail_single(call, text);
    if (rc == RC_OK && count > 1)
        return rc_fail(RC_AMBIGUOUS, _("more than one answers to `%s`: %s"), text, names);
    return rc;
}

static enum rc
show_conflict(struct call *call, const struct conflict *conflict)
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const char *policy = schema_policy_name(schema_policy(conflict->entity, conflict->unit));
    struct versions versions = {.count = 0};
    char number[16], brief[ID_TEXT_CHARS + 1], name[64], token[TOKEN_BYTES] = "";
    enum rc rc = versions_load(call, conflict, &versions);

    for (size_t i = 0; i < versions.count; i++) {
        size_t len = strlen(token);
        (void)snprintf(token + len, sizeof token - len, "%s%s", i == 0 ? "" : "-",
                       versions.sides[i].mark);
    }
    out_short_id(conflict->record, brief);
    (void)snprintf(name, sizeof name, "%s.%s", brief, unit_name(conflict, number));
    out_row(&call->out);
    out_text(&call->out, "id", _("Two versions"), name);
    out_id(&call->out, "record", NULL, conflict->record);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), conflict->family);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             entity == NULL ? "?" : words_say(entity->name));
    out_word(&call->out, "unit", _("Part"), unit_name(conflict, number),
             words_say(unit_name(conflict, number)));
    out_text(&call->out, "policy", NULL, policy);
    out_text(&call->out, "token", _("Token"), token);
    if (rc == RC_OK)
        rc = out_base(call, conflict);
    if (rc == RC_OK)
        rc = out_sides(call, conflict, &versions);
    out_line(&call->out, "baken resolve %s --token %s --take 1|2|both|new", name, token);
    out_row_end(&call->out);
    versions_wipe(&versions);
    return rc;
}

enum rc
cmd_conflicts(struct call *call)
{
    struct conflicts all = {.items = NULL};
    size_t shown = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = conflicts_load(call, &all);
    if (rc == RC_OK)
        out_list(&call->out, "conflicts", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < all.count; i++) {
        if (call->word_count > 0 && !is_meant(&all.items[i], call->words[0]))
            continue;
        rc = show_conflict(call, &all.items[i]);
        shown++;
    }
    free(all.items);
    if (rc != RC_OK)
        return rc;
    if (call->word_count > 0 && shown == 0)
        return fail_single(call, call->words[0]);
    out_list_end(&call->out, _("Nothing has two versions."));
    return RC_OK;
}

/* Keeps the versions that the token names, in its order. RC_STALE when one is not current any more. */
static enum rc
keep_named(struct versions *versions, const char *token)
{
    struct versions named = {.count = 0};
    size_t len = strlen(token);

    if (len % (MARK_CHARS + 1) != MARK_CHARS || len >= TOKEN_BYTES)
        return rc_fail(RC_INVALID, _("`%s` is not a token of `baken conflicts`"), token);
    for (size_t at = 0; at < len; at += MARK_CHARS + 1) {
        size_t i = 0;
        while (i < versions->count && memcmp(versions->sides[i].mark, token + at, MARK_CHARS) != 0)
            i++;
        if (i == versions->count)
            return rc_fail(RC_STALE,
                           _("a version that was on the screen has been replaced meanwhile"));
        named.sides[named.count++] = versions->sides[i];
        versions->sides[i] = versions->sides[--versions->count];
    }
    versions_wipe(versions);
    *versions = named;
    return RC_OK;
}

/* Writes a field as it was. */
static enum rc
put_field(struct buf *value, const struct field *field)
{
    struct buf text = BUF_EMPTY(CHANGE_VALUE_BYTES);
    enum rc rc = RC_OK;

    switch (field->type) {
    case FIELD_INT:
        return value_put_int(value, field->number, field->integer);
    case FIELD_DATE:
        return value_put_date(value, field->number, (uint32_t)field->integer);
    case FIELD_ID:
        return value_put_id(value, field->number, field->id);
    case FIELD_TEXT:
        rc = buf_put(&text, field->bytes, field->len);
        if (rc == RC_OK)
            rc = value_put_text(value, field->number, buf_text(&text));
        buf_wipe(&text);
        return rc;
    case FIELD_BYTES:
    case FIELD_VERSIONS:
        break;
    }
    return rc_fail(RC_UNSUPPORTED, _("a part of this version was made by a newer program"));
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

/* --take as the number of a version (from 0), all texts, or a new one. */
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
    else if (take[0] >= '1' && take[0] <= '9' && take[1] == '\0')
        *chosen = (size_t)(take[0] - '1');
    else
        return rc_fail(RC_INVALID, _("--take is the number of a version, `both` or `new`"));
    return RC_OK;
}

static enum rc
resolve(struct call *call, const struct conflict *conflict, const struct versions *versions,
        const struct buf *value)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct version seen[VERSIONS];
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
    bool joins = false, is_new = false, is_given = false;
    enum rc rc = read_choice(call, &chosen, &joins, &is_new);

    if (rc == RC_OK)
        rc = call_need(call, OPT_TOKEN, &token);
    if (rc == RC_OK)
        rc = call_note(call, is_new, &note, &is_given);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = conflict_find(call, call->words[0], &conflict);
    if (rc == RC_OK)
        rc = versions_load(call, &conflict, &versions);
    if (rc == RC_OK)
        rc = keep_named(&versions, token);
    if (rc == RC_OK && chosen >= versions.count)
        rc = rc_fail(RC_INVALID, _("there is no version %zu; there are %zu"), chosen + 1,
                     versions.count);
    if (rc == RC_OK)
        rc = build_value(&conflict, &versions, chosen, joins, is_given ? buf_text(&note) : NULL,
                         &value);
    if (rc == RC_OK)
        rc = resolve(call, &conflict, &versions, &value);
    if (rc == RC_OK) {
        char number[16];
        out_object(&call->out, "resolved");
        out_id(&call->out, "record", _("Resolved"), conflict.record);
        out_text(&call->out, "unit", NULL, unit_name(&conflict, number));
        out_int(&call->out, "versions", _("Versions replaced"), (int64_t)versions.count);
        out_object_end(&call->out);
        show_where_saved(call);
    }
    versions_wipe(&versions);
    buf_wipe(&note);
    buf_wipe(&value);
    return rc;
}
