/* What an exchange brought that a person should know, told once it has ended. */
#ifndef CLI_NEWS_H
#define CLI_NEWS_H

#include "cli/command.h"
#include "core/rules.h"

struct news {
    struct rules_known before;
};

/* Before the exchange: what is known already. */
enum rc news_start(struct call *call, struct news *news) MUST_CHECK;
/* After it, and the end of `news` whatever `rc` says: it is given back. */
enum rc news_tell(struct call *call, struct news *news, enum rc rc) MUST_CHECK;

#endif
