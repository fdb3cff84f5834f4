/* What an exchange brought that a person should know, told once it has ended. */
#ifndef CLI_NEWS_H
#define CLI_NEWS_H

#include "cli/conflict.h"
#include "core/rules.h"

struct news {
    struct rules_known before;
};
#define NEWS_EMPTY ((struct news){.before = {.count = 0}})

/* Before the exchange: what is known already. */
enum rc news_start(struct call *call, struct news *news) MUST_CHECK;
/* After it, when `rc` says that it went well: what others changed, and what the rules find since, where it `brought` anything. They
 * count as told once the answer is written. The end of `news` in any case; `rc` is given back. */
enum rc news_tell(struct call *call, struct news *news, bool brought, enum rc rc) MUST_CHECK;
/* What others changed and nobody was told yet. */
enum rc news_list(struct call *call) MUST_CHECK;

#endif
