/* What was received and does not count: late work that is held, and what waits, with its author and its words. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/status_waits.h"
#include "cli/value.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <inttypes.h>

struct listing {
    struct call *call;
    struct id family; /* zero: all */
    struct parked_group group; /* of the item before */
    enum received_fate fate;
};

/* What becomes of an item; those of one feed come one after the other, and share it. */
static enum rc
find_fate(struct listing *listing, const struct received_item *item)
{
    const struct parked_group *before = &listing->group;
    const struct parked_group group = {
        .stream = item->stream, .feed = item->version.feed, .is_held = item->state == HISTORY_HELD, .reason = item->reason};

    if (before->reason != NULL && id_equal(before->stream, group.stream) && replica_group_is_like(before, &group))
        return RC_OK;
    listing->group = group;
    return replica_received_fate(listing->call->replica, &group, &listing->fate);
}

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
             words_entity(entity == NULL ? NULL : entity->name));
    out_text(&call->out, "unit", NULL, conflict_unit_name(&unit, number));
    out_text(&call->out, "mark", NULL, rc == RC_OK ? mark : NULL);
    out_bool(&call->out, "is_held", NULL, item->state == HISTORY_HELD);
    if (rc == RC_OK)
        rc = find_fate(listing, item);
    out_word(&call->out, "reason", _("Waits for"), item->reason, status_say_reason(item->reason, listing->fate));
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
    const struct id *family = call->word_count > 0 ? &listing.family : NULL;
    struct received_sum sum = {.held = 0};
    uint64_t unreadable = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK && family != NULL)
        rc = call_family(call, call->words[0], &listing.family);
    if (rc == RC_OK)
        rc = status_sum_received(call, family, &sum);
    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "received", OUT_BLOCKS);
    rc = replica_received(call->replica, row_received, &listing, &unreadable);
    out_list_end(&call->out,
                 unreadable + sum.parked + sum.held == 0 ? _("Nothing came too late, and nothing waits.") : NULL);
    out_int(&call->out, "unreadable", NULL, (int64_t)unreadable);
    out_int(&call->out, "not_shown", NULL, (int64_t)sum.gone);
    if (rc == RC_OK && unreadable > 0)
        out_notice(&call->out, "unreadable",
                   P_("%" PRIu64 " sealed packet more cannot be read here yet: `baken status` says what it waits for.",
                      "%" PRIu64 " sealed packets more cannot be read here yet: `baken status` says what each waits for.", unreadable),
                   unreadable);
    if (rc == RC_OK && sum.gone > 0)
        out_notice(&call->out, "not_shown",
                   _("Of a family that you no longer cover, or work with, nothing is shown here any more; changes written there: %" PRIu64
                     ". `baken status` says what becomes of it."),
                   sum.gone);
    return rc;
}
