/* What people read for the stable words of programs: kinds, levels, statuses, roles. */
#ifndef CLI_WORDS_H
#define CLI_WORDS_H

#include "core/buf.h"

#include <stdint.h>

/* Why something received waits, after "waits for"; the word itself when it is none of the engine's. */
const char *words_say_reason(const char *reason);
/* The word in the user's language; `word` itself when it is not one of ours; "" for NULL. */
const char *words_say(const char *word);
/* What the commands call an entity; "?" for NULL. */
const char *words_entity(const char *name);
/* Which of `among` (ended by NULL) a person means who typed this: the word itself, or what people read for it, in Dutch, in English or
 * in the user's language; upper or lower case. NULL for none of them. */
const char *words_meant(const char *typed, const char *const *among);
/* The words of `among` as people read them, with commas; gives `list` back. What does not fit is cut off. */
enum { WORDS_LIST_BYTES = 256 };
const char *words_list(const char *const *among, char list[WORDS_LIST_BYTES]);
/* The words of the role bits, from bit 0 on, ended by NULL. */
const char *const *words_roles(void);
/* LEDGER_ROLE_* as words for people, with commas, appended. */
enum rc words_put_roles(struct buf *out, uint32_t roles) MUST_CHECK;

#endif
