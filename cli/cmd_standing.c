/* What protects a family: consent, veto, visibility, level of safety. */
#include "cli/commands.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "core/standing.h"

#include <string.h>

/* What was asked for, among what stands. */
struct asked {
    const struct standing *standing;
    bool holds;
};

enum { STANDINGS = 8 };

/* The unit of what stands that a person typed, in the words of the schema; refused with the words of the screen. */
static enum rc
find_standing(const char *text, const struct schema_unit **unit)
{
    const struct schema_entity *entity = schema_entity(ENTITY_STANDING);
    const char *names[STANDINGS + 1] = {NULL};
    char list[WORDS_LIST_BYTES];

    for (size_t u = 0; u < entity->unit_count && u < STANDINGS; u++)
        names[u] = entity->units[u].name;
    const char *name = words_meant(text, names);
    for (size_t u = 0; name != NULL && u < entity->unit_count; u++)
        if (name == entity->units[u].name) {
            *unit = &entity->units[u];
            return RC_OK;
        }
    return rc_fail(RC_INVALID, _("what stands of a family is one of: %s"), words_list(names, list));
}

static enum rc
typed(const struct call *call, struct standing *standing)
{
    const struct schema_unit *unit = NULL;
    char list[WORDS_LIST_BYTES];
    enum rc rc = find_standing(call->words[1], &unit);

    if (rc != RC_OK)
        return rc;
    standing->what = unit->name;
    standing->word = words_meant(call->words[2], unit->protection);
    if (standing->word == NULL)
        return rc_fail(RC_INVALID, _("of %s one says one of: %s"), words_say(unit->name), words_list(unit->protection, list));
    return RC_OK;
}

static enum rc
compare(void *context, const struct standing *standing)
{
    struct asked *asked = context;

    if (strcmp(standing->what, asked->standing->what) == 0)
        asked->holds = standing->word != NULL && strcmp(standing->word, asked->standing->word) == 0;
    return RC_OK;
}

/* Something stricter that stands beside it holds on. */
static enum rc
tell_whether_it_holds(struct call *call, struct id family, const struct standing *standing)
{
    struct asked asked = {.standing = standing};
    enum rc rc = standing_list(call->journal, family, compare, &asked);

    if (rc == RC_OK && !asked.holds)
        out_notice(&call->out, "stricter_holds",
                   _("What protects more holds on, until somebody of another function says the same, or late work is decided upon: "
                     "`baken standing list`, `baken conflicts`."));
    return rc;
}

enum rc
cmd_standing_set(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct standing standing = {.date = 0};
    struct id family, file;
    enum rc rc = typed(call, &standing);

    if (rc == RC_OK)
        rc = call_date(call, OPT_DATE, call_today(call), &standing.date);
    if (rc == RC_OK)
        rc = call_note(call, NOTE_IF_NAMED, &texts, &standing.note);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &family);
    if (rc == RC_OK)
        rc = journal_find_stream(call->journal, family, STREAM_FILE, &file);
    if (rc != RC_OK)
        goto out;
    const struct author self = replica_self_in(call->replica, file);
    rc = standing_put(call->journal, &set, &self, family, &standing);
    if (rc == RC_OK)
        rc = call_save(call, &set, "standing", family);
    if (rc == RC_OK)
        rc = tell_whether_it_holds(call, family, &standing);
out:
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

static enum rc
row(void *context, const struct standing *standing)
{
    struct call *call = context;

    out_row(&call->out);
    out_word(&call->out, "what", _("What"), standing->what, words_say(standing->what));
    out_word(&call->out, "word", _("Holds"), standing->word, words_say(standing->word));
    out_date(&call->out, "date", _("Date"), standing->date);
    out_text(&call->out, "note", _("Note"), standing->note);
    out_bool(&call->out, "is_held", _("By late work"), standing->is_held);
    out_bool(&call->out, "is_conflict", _("Two versions"), standing->is_conflict);
    out_row_end(&call->out);
    return RC_OK;
}

enum rc
cmd_standing_list(struct call *call)
{
    struct id family;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &family);
    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "standings", OUT_TABLE);
    rc = standing_list(call->journal, family, row, call);
    out_list_end(&call->out, NULL);
    return rc;
}
