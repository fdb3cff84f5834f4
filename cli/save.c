/* Saving what a command built, and the truth about where it is then. */
#include "cli/command.h"
#include "core/i18n.h"

void
call_where_saved(struct call *call)
{
    if (replica_is_revoked(call->replica))
        out_notice(&call->out, "revoked", "%s",
                   _("Saved on this device only: it was shut out of the team, so this does not count "
                     "at your colleagues. Tell the coordinator what you wrote."));
    else
        out_notice(&call->out, "saved_here", "%s",
                   _("Saved on this device; `baken sync` brings it to the team."));
}

enum rc
call_save(struct call *call, struct change_set *set, const char *key, struct id id)
{
    struct waiting waiting;
    bool is_changed = set->count > 0;
    enum rc rc =
        is_changed ? replica_save(call->replica, set->changes, set->count) : RC_OK;

    if (rc == RC_OK)
        rc = replica_waiting(call->replica, &waiting);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, key);
    out_id(&call->out, "id", is_changed ? _("Saved") : NULL, id);
    out_object_end(&call->out);
    out_int(&call->out, "waiting", NULL, (int64_t)waiting.saves_unsealed);
    if (is_changed)
        call_where_saved(call);
    else
        out_notice(&call->out, "unchanged", "%s",
                   _("Nothing differs from what is there: nothing was saved."));
    return RC_OK;
}
