/* An owner of texts: the strings of the structs that `get` functions fill. */
#ifndef CORE_TEXTS_H
#define CORE_TEXTS_H

#include "core/rc.h"

#include <stddef.h>

struct texts_block;
struct texts {
    struct texts_block *blocks;
};
#define TEXTS_EMPTY ((struct texts){NULL})

/* A copy that lives until texts_wipe; NULL gives NULL. */
enum rc texts_copy(struct texts *texts, const char *text, const char **copy) MUST_CHECK;
void texts_wipe(struct texts *texts); /* zeroes and frees */

#endif
