/* Deleting goals, agreements and members, and having them back. */
#include "cli/commands.h"
#include "cli/show.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <string.h>

static const struct kind {
    const char *noun; /* of the command, the key of the answer and, translated, the word for people */
    uint32_t entity;
} kinds[] = {
    {N_("goal"), ENTITY_GOAL},
    {N_("agreement"), ENTITY_AGREEMENT},
    {N_("member"), ENTITY_MEMBER},
};

static const struct kind *
kind_of(const struct call *call)
{
    size_t i = 0;

    while (strcmp(kinds[i].noun, call->command->noun) != 0)
        i++;
    return &kinds[i];
}

enum rc
cmd_delete(struct call *call)
{
    const struct kind *kind = kind_of(call);
    struct change_set set = CHANGE_SET_EMPTY;
    struct facts facts;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_record(call, kind->entity, _(kind->noun), call->words[0], &facts);
    if (rc == RC_OK && facts.is_hidden)
        rc = rc_fail(RC_INVALID, _("this was deleted already"));
    if (rc == RC_OK)
        rc = change_set_delete(call->journal, &set, facts.family, kind->entity, facts.id);
    if (rc == RC_OK)
        rc = call_save(call, &set, kind->noun, facts.id);
    change_set_wipe(&set);
    return rc;
}

enum rc
cmd_undelete(struct call *call)
{
    const struct kind *kind = kind_of(call);
    struct change_set set = CHANGE_SET_EMPTY;
    struct facts facts;
    struct id by;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_record(call, kind->entity, _(kind->noun), call->words[0], &facts);
    if (rc == RC_OK)
        rc = show_deleted_by(call, kind->entity, &facts, &by);
    if (rc == RC_OK && id_is_zero(by))
        rc = rc_fail(RC_INVALID, _("this was not deleted"));
    if (rc == RC_OK)
        rc = change_set_restore(call->journal, &set, facts.family, kind->entity, facts.id);
    if (rc == RC_OK)
        rc = call_save(call, &set, kind->noun, facts.id);
    change_set_wipe(&set);
    return rc;
}
