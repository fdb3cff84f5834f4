/* What was received and does not count: late work that is held, and what waits, with its author and its words. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/value.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <inttypes.h>

struct listing {
    struct call *call;
    struct id family; /* zero: all */
};

static enum rc
row_received(void *context, const struct received_item *item)
{
    struct listing *listing = context;
    struct call *call = listing->call;
    const struct schema_entity *entity = schema_entity(item->entity);
    struct conflict unit = {.entity = item->entity, .unit = item->unit, .record = item->record};
    char number[16], name[64], mark[CONFLICT_MARK_CHARS + 1];

    if (!id_is_zero(listing->family) && !id_equal(item->family, listing->family))
        return RC_OK;
    enum rc rc = conflict_mark(&item->version, mark);
    conflict_name(&unit, name);
    out_row(&call->out);
    out_text(&call->out, "id", _("Part"), name);
    out_id(&call->out, "record", NULL, item->record);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), item->family);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             entity == NULL ? "?" : words_say(entity->name));
    out_text(&call->out, "unit", NULL, conflict_unit_name(&unit, number));
    out_text(&call->out, "mark", NULL, rc == RC_OK ? mark : NULL);
    out_bool(&call->out, "is_held", NULL, item->state == HISTORY_HELD);
    out_word(&call->out, "reason", _("Waits for"), item->reason, words_say_reason(item->reason));
    if (rc == RC_OK)
        rc = call_out_written(call, item->person, item->version.feed.device, item->hlc);
    out_time(&call->out, "arrived_at", _("At the server"), item->arrived_ms);
    if (rc == RC_OK)
        rc = value_out_of(call, item->entity, item->unit, item->value, item->value_len);
    out_row_end(&call->out);
    return rc;
}

enum rc
cmd_late(struct call *call)
{
    struct listing listing = {.call = call};
    uint64_t unreadable = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK && call->word_count > 0)
        rc = call_family(call, call->words[0], &listing.family);
    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "received", OUT_BLOCKS);
    rc = replica_received(call->replica, row_received, &listing, &unreadable);
    out_list_end(&call->out, _("Nothing came too late, and nothing waits."));
    out_int(&call->out, "unreadable", NULL, (int64_t)unreadable);
    if (rc == RC_OK && unreadable > 0)
        out_notice(&call->out, "unreadable",
                   _("%" PRIu64 " sealed packets more cannot be read here yet: `baken status` says what each waits for."),
                   unreadable);
    return rc;
}
