/* What protects a family: consent, veto, visibility, level of safety. */
#include "cli/commands.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "core/standing.h"

#include <stdio.h>
#include <string.h>

/* What was asked for, among what stands. */
struct asked {
    const struct standing *standing;
    bool holds;
};

enum { LIST_CHARS = 160 };

static void
list_word(char list[LIST_CHARS], const char *word)
{
    size_t len = strlen(list);

    (void)snprintf(list + len, LIST_CHARS - len, "%s%s", len == 0 ? "" : ", ", words_say(word));
}

/* What was typed, in the words of the schema; refused with the words of the screen. */
static enum rc
typed(const struct call *call, struct standing *standing)
{
    const struct schema_entity *entity = schema_entity(ENTITY_STANDING);
    char list[LIST_CHARS] = "";

    for (size_t u = 0; u < entity->unit_count; u++) {
        const struct schema_unit *unit = &entity->units[u];
        if (words_meant(call->words[1], (const char *const[]){unit->name, NULL}) == NULL) {
            list_word(list, unit->name);
            continue;
        }
        standing->what = unit->name;
        standing->word = words_meant(call->words[2], unit->protection);
        if (standing->word != NULL)
            return RC_OK;
        list[0] = '\0';
        for (size_t w = 0; unit->protection[w] != NULL; w++)
            list_word(list, unit->protection[w]);
        return rc_fail(RC_INVALID, _("of %s one says one of: %s"), words_say(unit->name), list);
    }
    return rc_fail(RC_INVALID, _("what stands of a family is one of: %s"), list);
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
