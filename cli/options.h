/* The options of `baken`, and a strict parser for a command line. */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The first ones belong to every command; the others have one bit each in the set that a command accepts. */
enum option {
    OPT_HELP,
    OPT_JSON,
    OPT_NO_INPUT,
    OPT_QUIET,
    OPT_STORE,
    OPT_PASSPHRASE_FILE,
    OPT_PASSPHRASE_COMMAND,
    OPT_EVERYWHERE, /* not an option: the end of those */

    OPT_ACCEPT = OPT_EVERYWHERE,
    OPT_ADDRESS,
    OPT_ALL,
    OPT_AT,
    OPT_BIRTH_DATE,
    OPT_CARRY,
    OPT_CLOSED,
    OPT_CODE_FILE,
    OPT_CODE_NAME,
    OPT_DATE,
    OPT_DAYS,
    OPT_DEADLINE,
    OPT_DEVICE,
    OPT_DIGITS_FILE,
    OPT_DUE,
    OPT_FAMILY,
    OPT_FOR,
    OPT_FROM,
    OPT_FUNCTION,
    OPT_GIVEN_NAME,
    OPT_HOLDER,
    OPT_HOW,
    OPT_KIND,
    OPT_LEVEL,
    OPT_LIMIT,
    OPT_LIVES,
    OPT_LOOK,
    OPT_MEASURE,
    OPT_MINUTES,
    OPT_NAME,
    OPT_NEXT,
    OPT_NOTE_FILE,
    OPT_OF,
    OPT_OUTPUT,
    OPT_OWNER,
    OPT_PERSON,
    OPT_PHASE,
    OPT_PHONE,
    OPT_REACH,
    OPT_READ_ONLY,
    OPT_REASON,
    OPT_RECOVERY,
    OPT_RECOVERY_FILE,
    OPT_RELATION,
    OPT_REPLACE,
    OPT_RESCUE,
    OPT_ROLES,
    OPT_SERVER,
    OPT_SHARED_WITH,
    OPT_STATUS,
    OPT_SURNAME,
    OPT_TAKE,
    OPT_TEXT,
    OPT_TIME,
    OPT_TIMEOUT,
    OPT_TOKEN,
    OPT_UNDO,
    OPT_UNSAFE,
    OPT_UNTIL,
    OPT_WAIT,
    OPT_WHO,
    OPT_WHOLE,
    OPT_WITH,
    OPT_COUNT
};
_Static_assert(OPT_COUNT - OPT_EVERYWHERE <= 64, "a set of options is a uint64_t");
/* In the set of those that do not belong to every command. */
#define OPT_BIT(option) (UINT64_C(1) << ((option) - OPT_EVERYWHERE))
bool option_is_global(enum option option);

enum { OPTIONS_GIVEN = 64, OPTIONS_WORDS = 16 };

struct options {
    struct {
        enum option option;
        const char *value; /* "" for a flag; lent from argv */
    } given[OPTIONS_GIVEN];
    size_t given_count;
    const char *words[OPTIONS_WORDS]; /* what is not an option; lent from argv */
    size_t word_count;
};

/* Reads all of argv but its first. Options may stand anywhere, as --name VALUE or --name=VALUE; -- ends them.
 * RC_INVALID with a sentence for an unknown option, a value that is missing or too much, and an option
 * given twice that may be given once. */
enum rc options_parse(int argc, char *const *argv, struct options *options) MUST_CHECK;
/* RC_INVALID when an option was given that `accepted` (a set of bits) lacks. */
enum rc options_check(const struct options *options, uint64_t accepted,
                      const char *command) MUST_CHECK;
/* The value of an option, "" for a flag, NULL when it was not given. */
const char *options_get(const struct options *options, enum option option);
/* The n-th value, from 0, of an option that may be repeated; NULL beyond the last. */
const char *options_nth(const struct options *options, enum option option, size_t n);

const char *option_name(enum option option);
const char *option_value_word(enum option option); /* NULL for a flag */
/* The words of a command or an option with their placeholders (FAMILY, FILE) in the user's language. */
enum { OPTIONS_SAID_BYTES = 200 };
const char *options_say(const char *words, char said[OPTIONS_SAID_BYTES]);
const char *option_help(enum option option);       /* translated */

#endif
