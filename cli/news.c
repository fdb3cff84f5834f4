/* What is new after an exchange: findings of the rules. */
#include "cli/news.h"

#include "core/i18n.h"

enum rc
news_start(struct call *call, struct news *news)
{
    return rules_know(call->journal, call_today(call), &news->before);
}

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
                   _("%zu things ask for a look, which nobody made alone: see `baken today`."), count);
    rules_known_free(&now);
    return RC_OK;
}

enum rc
news_tell(struct call *call, struct news *news, enum rc rc)
{
    if (rc == RC_OK)
        rc = tell_findings(call, news);
    rules_known_free(&news->before);
    return rc;
}
