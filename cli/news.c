/* What is new after an exchange: what others changed, and what the rules find. */
#include "cli/news.h"

#include "cli/words.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <inttypes.h>
#include <stdlib.h>

enum rc
news_start(struct call *call, struct news *news)
{
    return rules_know(call->journal, call_today(call), &news->before);
}

/* ---- what others changed -------------------------------------------------------------------------------- */

struct beginnings {
    struct call *call;
    struct id stream;
    uint32_t unit;
    const struct news_item *item;
    bool is_new;
};

/* Whether the version can be one of those that the record began with, or came after. */
static enum rc
look_at_beginning(void *context, const struct current *current)
{
    struct beginnings *b = context;
    struct version_facts facts = {.hlc = 0};

    if (current->hlc < b->item->hlc || (b->unit == b->item->unit && current->hlc != b->item->hlc))
        b->is_new = false;
    if (!b->is_new)
        return RC_OK;
    enum rc rc = replica_version_facts(b->call->replica, b->stream, &current->version, &facts);
    b->is_new = rc == RC_OK && facts.seen_count == 0;
    free(facts.seen);
    return rc == RC_ABSENT || rc == RC_LOCKED ? RC_OK : rc;
}

/* Whether what is told is how the record began: nothing of it replaced anything, and nothing of it is older. What was changed again
 * before it came is told as changed. */
static enum rc
find_new(struct call *call, const struct news_item *item, bool *is_new)
{
    const struct schema_entity *entity = schema_entity(item->entity);
    struct beginnings b = {.call = call, .item = item, .is_new = schema_unit(entity, item->unit) != NULL};
    enum rc rc = item->kind == NEWS_TWO_VERSIONS
                     ? RC_ABSENT
                     : journal_find_stream(call->journal, item->family, entity->home, &b.stream);

    for (size_t i = 0; rc == RC_OK && b.is_new && i < entity->unit_count; i++) {
        b.unit = entity->units[i].number;
        rc = journal_current(call->journal, b.stream, item->entity, item->record, b.unit, look_at_beginning, &b);
    }
    *is_new = rc == RC_OK && b.is_new;
    return rc == RC_ABSENT ? RC_OK : rc;
}

static enum rc
row_news(void *context, const struct news_item *item)
{
    struct call *call = context;
    const struct schema_entity *entity = schema_entity(item->entity);
    struct conflict unit = {.entity = item->entity, .unit = item->unit};
    char number[16];
    bool is_choice = item->kind == NEWS_TWO_VERSIONS, is_new;
    enum rc rc = find_new(call, item, &is_new);

    if (rc != RC_OK)
        return rc;
    out_row(&call->out);
    out_word(&call->out, "kind", _("News"), is_choice ? "two_versions" : is_new ? "new" : "also_changed",
             is_choice ? _("two versions") : is_new ? _("new") : _("also changed"));
    rc = call_out_family(call, "family", _("Family"), item->family);
    out_word(&call->out, "entity", _("What"), entity->name, words_entity(entity->name));
    out_word(&call->out, "unit", _("Part"), conflict_unit_name(&unit, number),
             words_say(conflict_unit_name(&unit, number)));
    out_id(&call->out, "record", _("Id"), item->record);
    if (rc == RC_OK)
        rc = call_out_person(call, "person", _("By"), item->person);
    out_time(&call->out, "at", _("When"), hlc_ms(item->hlc));
    out_row_end(&call->out);
    return rc;
}

enum rc
news_list(struct call *call)
{
    uint64_t more = 0;

    out_list(&call->out, "news", OUT_TABLE);
    enum rc rc = replica_news(call->replica, row_news, call, &more);
    out_list_end(&call->out, NULL);
    if (rc == RC_OK && more > 0)
        out_notice(&call->out, "more_news",
                   P_("And %" PRIu64 " more sealed packet of others came in.",
                      "And %" PRIu64 " more sealed packets of others came in.", more),
                   more);
    return rc;
}

/* ---- findings ------------------------------------------------------------------------------------------- */

static enum rc
tell_findings(struct call *call, const struct news *news)
{
    struct rules_known now;
    enum rc rc = rules_know(call->journal, call_today(call), &now);

    if (rc != RC_OK)
        return rc;
    size_t count = rules_new(&news->before, &now);
    out_int(&call->out, "new_findings", NULL, (int64_t)count);
    if (count > 0)
        out_notice(&call->out, "findings",
                   P_("After this exchange %zu more thing asks for a look: see `baken today`.",
                      "After this exchange %zu more things ask for a look: see `baken today`.", count),
                   count);
    rules_known_free(&now);
    return RC_OK;
}

enum rc
news_tell(struct call *call, struct news *news, bool brought, enum rc rc)
{
    if (rc == RC_OK && !brought)
        out_int(&call->out, "new_findings", NULL, 0); /* the rules would find what they found before */
    else if (rc == RC_OK)
        rc = tell_findings(call, news);
    if (rc == RC_OK)
        rc = news_list(call);
    call->tells_news = rc == RC_OK;
    rules_known_free(&news->before);
    return rc;
}
