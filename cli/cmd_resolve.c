/* Two versions resolved by a person: one of them, all texts, a new one, or what each changed. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <string.h>

/* What a person chose: a version, or what is made of all. */
struct choice {
    enum { TAKE_VERSION, TAKE_BOTH, TAKE_NEW, TAKE_PROPOSAL } take;
    size_t version; /* from 0; with both and new the one whose other fields hold */
    bool has_version;
};

/* The name that people read for the field that only they can decide. */
static enum rc
fail_undecided(struct call *call, const struct schema_unit *unit, uint32_t number)
{
    const struct schema_field *known = schema_field(unit, number);

    call->ending.advice = _("say whose holds: `--take both:2` or `--take new:2` takes it from version 2");
    return rc_fail(RC_INVALID, _("the versions also differ in `%s`, which cannot be put together"),
                   known == NULL ? "?" : words_say(known->name));
}

/* The value that is to hold. */
static enum rc
build_value(struct call *call, const struct conflict *conflict, const struct versions *versions,
            const struct choice *choice, const char *text, struct buf *value)
{
    const struct schema_unit *unit = schema_unit(schema_entity(conflict->entity), conflict->unit);
    const struct buf *chosen = &versions->sides[choice->version].value;
    struct buf base = BUF_EMPTY(CHANGE_VALUE_BYTES);
    bool has_base;
    uint64_t hlc;
    uint32_t field = 0;

    if (choice->take == TAKE_VERSION)
        return buf_put(value, chosen->data, chosen->len);
    enum rc rc = conflict_base(call, conflict, &base, &hlc, &has_base);
    struct merge3 merge = conflict_merge(versions, unit, has_base ? &base : NULL);
    merge.texts = choice->take == TAKE_BOTH ? MERGE3_BELOW : MERGE3_LINES;
    merge.text = text;
    merge.other = choice->has_version ? chosen : NULL;
    if (rc == RC_OK)
        rc = merge3_values(&merge, value, &field);
    buf_wipe(&base);
    if (rc != RC_OK || field == 0)
        return rc;
    if (choice->take != TAKE_PROPOSAL)
        return fail_undecided(call, unit, field);
    call->ending.advice = _("take one of the versions, `both` or `new`");
    return rc_fail(RC_INVALID, _("there is no proposal: two versions changed the same, each otherwise"));
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

/* `both` and `new` may name the version whose other fields hold: both:2. */
static bool
is_word(const char *take, const char *word, struct choice *choice)
{
    size_t len = strlen(word);

    if (strncmp(take, word, len) != 0)
        return false;
    choice->has_version = take[len] == ':';
    return take[len] == '\0' || (take[len] == ':' && read_version(take + len + 1, &choice->version));
}

/* A text that would replace a version which was asked for is refused: only `new` has one. */
static enum rc
read_choice(struct call *call, struct choice *choice)
{
    const char *take = NULL;
    enum rc rc = call_need(call, OPT_TAKE, &take);

    *choice = (struct choice){.take = TAKE_VERSION};
    if (rc != RC_OK)
        return rc;
    if (is_word(take, "both", choice))
        choice->take = TAKE_BOTH;
    else if (is_word(take, "new", choice))
        choice->take = TAKE_NEW;
    else if (strcmp(take, "proposal") == 0)
        choice->take = TAKE_PROPOSAL;
    else if (!read_version(take, &choice->version))
        return rc_fail(RC_INVALID, _("--take is the number of a version, `both`, `new` or `proposal`"));
    if (choice->take != TAKE_NEW && (call_has(call, OPT_TEXT) || call_has(call, OPT_NOTE_FILE)))
        return rc_fail(RC_INVALID, _("a text goes with `--take new` only"));
    return RC_OK;
}

static void
say_resolved(struct call *call, const struct conflict *conflict, const struct versions *versions)
{
    char number[16];

    out_object(&call->out, "resolved");
    out_id(&call->out, "record", _("Resolved"), conflict->record);
    out_text(&call->out, "unit", NULL, conflict_unit_name(conflict, number));
    out_int(&call->out, "versions", _("Versions replaced"), (int64_t)versions->count);
    out_int(&call->out, "versions_left", NULL, (int64_t)versions->left_out);
    out_object_end(&call->out);
    if (versions->left_out > 0)
        out_notice(&call->out, "versions_left", "%s",
                   _("Another version was not on the screen: it was not replaced. See `baken conflicts`."));
    call_where_saved(call);
}

enum rc
cmd_resolve(struct call *call)
{
    struct texts texts = TEXTS_EMPTY;
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    struct versions versions = {.count = 0};
    struct conflict conflict;
    struct choice choice;
    const char *token = NULL, *text = NULL;
    enum rc rc = read_choice(call, &choice);

    if (rc == RC_OK)
        rc = conflict_need_token(call, _("`baken conflicts` shows the versions and their token"), &token);
    if (rc == RC_OK && choice.take == TAKE_NEW)
        rc = call_note(call, NOTE_NEEDED, &texts, &text);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = conflict_find(call, call->words[0], &conflict);
    if (rc == RC_OK)
        rc = conflict_named(call, &conflict, token, &versions);
    if (rc == RC_OK && choice.version >= versions.count)
        rc = rc_fail(RC_INVALID, _("there is no version %zu; there are %zu"), choice.version + 1,
                     versions.count);
    if (rc == RC_OK)
        rc = build_value(call, &conflict, &versions, &choice, text, &value);
    if (rc == RC_OK)
        rc = conflict_save(call, &conflict, &versions, &value);
    if (rc == RC_OK)
        say_resolved(call, &conflict, &versions);
    conflict_versions_wipe(&versions);
    texts_wipe(&texts);
    buf_wipe(&value);
    return rc;
}
