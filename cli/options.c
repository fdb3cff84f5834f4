/* The table of options, and the parser that walks a command line once. */
#include "cli/options.h"

#include "core/i18n.h"

#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    const char *value; /* the word for the value in help; NULL for a flag */
    bool is_repeatable;
    const char *help;
} table[OPT_COUNT] = {
    [OPT_HELP] = {"help", NULL, false, N_("show this help")},
    [OPT_JSON] = {"json", NULL, false, N_("write one JSON object instead of text")},
    [OPT_NO_INPUT] = {"no-input", NULL, false, N_("never ask anything")},
    [OPT_QUIET] = {"quiet", NULL, false, N_("no progress and no remarks")},
    [OPT_STORE] = {"store", "DIR", false, N_("directory of the store")},
    [OPT_PASSPHRASE_FILE] = {"passphrase-file", "FILE", false,
                             N_("read the passphrase from a file")},
    [OPT_PASSPHRASE_COMMAND] = {"passphrase-command", "COMMAND", false,
                                N_("read the passphrase from what a command prints")},
    [OPT_ACCEPT] = {"accept", NULL, false,
                    N_("you looked whether your last visits are there: notices about them and about old key slots end, and kept copies "
                       "of the log are deleted")},
    [OPT_ADDRESS] = {"address", "TEXT", false, N_("address")},
    [OPT_ALL] = {"all", NULL, false, N_("also what is done, closed, withdrawn, deleted or dismissed")},
    [OPT_AT] = {"at", "PERSON", false, N_("of this colleague's devices only")},
    [OPT_BIRTH_DATE] = {"birth-date", "DATE", false,
                        N_("date of birth; in the future: an expected child")},
    [OPT_CLOSED] = {"closed", "DATE", false, N_("date on which the help ended")},
    [OPT_CARRY] = {"carry", NULL, false, N_("without the server: bundles between the two take it along")},
    [OPT_CODE_FILE] = {"code-file", "FILE", false, N_("file with the one-time code of the server")},
    [OPT_CODE_NAME] = {"code-name", "NAME", false, N_("what the caseload calls the family")},
    [OPT_DATE] = {"date", "DATE", false, N_("date, as 2026-11-30; today when left out")},
    [OPT_DAYS] = {"days", "NUMBER", false, N_("valid for so many days")},
    [OPT_DEADLINE] = {"deadline", "DATE", false, N_("date by which the goal should be reached")},
    [OPT_DEVICE] = {"device", "LABEL", false, N_("name of a device, for people")},
    [OPT_DIGITS_FILE] = {"digits-file", "FILE", false,
                         N_("file with the digits that were read out")},
    [OPT_DUE] = {"due", "DATE", false, N_("date by which it is done")},
    [OPT_FAMILY] = {"family", "FAMILY", false, N_("code name or id of a family")},
    [OPT_FOR] = {"for", "DEVICE", false, N_("device that may open it")},
    [OPT_FROM] = {"from", "DATE", false, N_("first day")},
    [OPT_FUNCTION] = {"function", "WORD", false, N_("owner, coach or released")},
    [OPT_GIVEN_NAME] = {"given-name", "NAME", false, N_("given name")},
    [OPT_HOLDER] = {"holder", "TEXT", false, N_("who works on the goal")},
    [OPT_HOW] = {"how", "TEXT", false, N_("how it was done")},
    [OPT_KIND] = {"kind", "WORD", false,
                  N_("visit: visit, call, message, meeting; agreement: advised, agreed, prescribed; "
                     "absence: leave, ill, other")},
    [OPT_LEVEL] = {"level", "WORD", false, N_("level of the goal: hoofddoel (main goal), subdoel (sub-goal) or werkdoel (working goal)")},
    [OPT_LIMIT] = {"limit", "NUMBER", false, N_("at most so many lines")},
    [OPT_LIVES] = {"lives", "TEXT", false, N_("where the person lives")},
    [OPT_LOOK] = {"look", NULL, false,
                  N_("only look: nothing is written, also beside a command that works or where nothing can be written")},
    [OPT_MEASURE] = {"measure", "TEXT", false, N_("how one sees that the goal is reached")},
    [OPT_MINUTES] = {"minutes", "NUMBER", false, N_("how long it took")},
    [OPT_NAME] = {"name", "NAME", false, N_("name of the person")},
    [OPT_NEXT] = {"next", "DATE", false, N_("date of the next appointment")},
    [OPT_NOTE_FILE] = {"note-file", "FILE", false,
                       N_("read the text from a file; - is standard input")},
    [OPT_OF] = {"of", "RECORD", false, N_("who can see this record: a visit, a goal, ...")},
    [OPT_OUTPUT] = {"output", "FILE", false, N_("file to write, which must not exist yet")},
    [OPT_OWNER] = {"owner", "PERSON", false, N_("coach who is responsible")},
    [OPT_PERSON] = {"person", "PERSON", false, N_("name or id of a colleague")},
    [OPT_PHASE] = {"phase", "WORD", false, N_("phase of the help")},
    [OPT_PHONE] = {"phone", "TEXT", false, N_("telephone number")},
    [OPT_REACH] = {"reach", "TEXT", false, N_("how and when to reach whom")},
    [OPT_READ_ONLY] = {"read-only", NULL, false, N_("the colleague may read and not write")},
    [OPT_REASON] = {"reason", "TEXT", false, N_("why")},
    [OPT_RECOVERY] = {"recovery", NULL, false, N_("open with the recovery sheet, whose groups are asked for")},
    [OPT_RECOVERY_FILE] = {"recovery-file", "FILE", false,
                           N_("open with the recovery sheet: its groups are in a file")},
    [OPT_RELATION] = {"relation", "WORD", false, N_("mother, father, child, other")},
    [OPT_REPLACE] = {"replace", NULL, false,
                     N_("the store that is there makes way; it is kept beside it")},
    [OPT_RESCUE] = {"rescue", "DIR", false, N_("bring what can be read of a damaged store into a new one there")},
    [OPT_ROLES] = {"roles", "LIST", false,
                   N_("administrator, coordinator, coach, scientist, duty, intake; with commas")},
    [OPT_SERVER] = {"server", "ADDRESS", false, N_("address of the team's server")},
    [OPT_SHARED_WITH] = {"shared-with", "TEXT", false, N_("with whom it was shared")},
    [OPT_STATUS] = {"status", "WORD", false, N_("open, reached, dropped")},
    [OPT_SURNAME] = {"surname", "NAME", false, N_("surname")},
    [OPT_TAKE] = {"take", "WHAT", false,
                  N_("resolve: number of a version, `both`, `new` with a new text, or `proposal`; undo: mark of a version")},
    [OPT_TEXT] = {"text", "TEXT", false, N_("the text, when it is short")},
    [OPT_TIME] = {"time", "HH:MM", false, N_("time of day")},
    [OPT_TIMEOUT] = {"timeout", "MINUTES", false, N_("lock again after so many minutes: 60 when left out, 720 at most")},
    [OPT_TOKEN] = {"token", "TOKEN", false, N_("which versions were on the screen")},
    [OPT_UNDO] = {"undo", NULL, false, N_("take it back: it asks for a look after all")},
    [OPT_UNSAFE] = {"unsafe", "TEXT", false, N_("what is unsafe on a visit")},
    [OPT_UNTIL] = {"until", "DATE", false, N_("last day")},
    [OPT_WAIT] = {"wait", "SECONDS", false, N_("when the server is not reached, try again for so long: a day at most")},
    [OPT_WHO] = {"who", "TEXT", false, N_("who does it")},
    [OPT_WHOLE] = {"whole", NULL, false, N_("all that the device may have, also what it is known to have and what it wrote itself")},
    [OPT_WITH] = {"with", "TEXT", true, N_("somebody who was there; may be repeated")},
};

/* The option whose name is the first `len` characters of `text`; OPT_COUNT for none. */
static enum option
find(const char *text, size_t len)
{
    for (enum option option = OPT_HELP; option < OPT_COUNT; option++)
        if (strlen(table[option].name) == len && memcmp(table[option].name, text, len) == 0)
            return option;
    return OPT_COUNT;
}

static enum rc
add_option(struct options *options, enum option option, const char *value)
{
    if (!table[option].is_repeatable && options_get(options, option) != NULL)
        return rc_fail(RC_INVALID, _("--%s stands there twice"), table[option].name);
    if (options->given_count == OPTIONS_GIVEN)
        return rc_fail(RC_INVALID, _("there are too many options"));
    options->given[options->given_count].option = option;
    options->given[options->given_count].value = value;
    options->given_count++;
    return RC_OK;
}

static enum rc
add_word(struct options *options, const char *word)
{
    if (options->word_count == OPTIONS_WORDS)
        return rc_fail(RC_INVALID, _("there are too many words"));
    options->words[options->word_count++] = word;
    return RC_OK;
}

/* One "--name", "--name=value" or short form; `next` is the word after it, NULL at the end. */
static enum rc
parse_option(struct options *options, const char *word, const char *next, bool *took_next)
{
    *took_next = false;
    if (strcmp(word, "-h") == 0)
        word = "--help";
    if (strcmp(word, "-q") == 0)
        word = "--quiet";
    if (strncmp(word, "--", 2) != 0)
        return rc_fail(RC_INVALID, _("the option %s is unknown"), word);

    const char *equals = strchr(word, '=');
    size_t len = equals == NULL ? strlen(word) - 2 : (size_t)(equals - word) - 2;
    enum option option = find(word + 2, len);

    if (option == OPT_COUNT)
        return rc_fail(RC_INVALID, _("the option --%.*s is unknown"), (int)(len < 40 ? len : 40),
                       word + 2);
    if (table[option].value == NULL) {
        if (equals != NULL)
            return rc_fail(RC_INVALID, _("--%s takes no value"), table[option].name);
        return add_option(options, option, "");
    }
    if (equals != NULL)
        return add_option(options, option, equals + 1);
    if (next == NULL || (strncmp(next, "--", 2) == 0))
        return rc_fail(RC_INVALID, _("--%s needs a value"), table[option].name);
    *took_next = true;
    return add_option(options, option, next);
}

enum rc
options_parse(int argc, char *const *argv, struct options *options)
{
    bool is_ended = false;

    memset(options, 0, sizeof *options);
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        bool took_next = false;
        enum rc rc = RC_OK;

        if (is_ended || word[0] != '-' || word[1] == '\0')
            rc = add_word(options, word);
        else if (strcmp(word, "--") == 0)
            is_ended = true;
        else
            rc = parse_option(options, word, i + 1 < argc ? argv[i + 1] : NULL, &took_next);
        if (rc != RC_OK)
            return rc;
        i += took_next;
    }
    return RC_OK;
}

bool
option_is_global(enum option option)
{
    return option < OPT_EVERYWHERE;
}

enum rc
options_check(const struct options *options, uint64_t accepted, const char *command)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (!option_is_global(options->given[i].option) &&
            (accepted & OPT_BIT(options->given[i].option)) == 0)
            return rc_fail(RC_INVALID, _("`baken %s` has no option --%s"), command,
                           table[options->given[i].option].name);
    return RC_OK;
}

const char *
options_nth(const struct options *options, enum option option, size_t n)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (options->given[i].option == option && n-- == 0)
            return options->given[i].value;
    return NULL;
}

const char *
options_get(const struct options *options, enum option option)
{
    return options_nth(options, option, 0);
}

const char *
option_name(enum option option)
{
    return table[option].name;
}

const char *
option_value_word(enum option option)
{
    return table[option].value;
}

const char *
option_help(enum option option)
{
    return _(table[option].help);
}

static const char *const placeholders[] = {
    N_("ADDRESS"), N_("AGREEMENT"), N_("ANSWER"), N_("CODE-NAME"), N_("COMMAND"), N_("COVER"), N_("DATE"), N_("DEVICE"), N_("DIGITS"),
    N_("DIR"), N_("FAMILY"), N_("FILE"), N_("FINDING"), N_("GOAL"), N_("HH"), N_("ID"), N_("INVITATION-FILE"), N_("LABEL"), N_("LEVEL"), N_("LIST"),
    N_("MEMBER"), N_("MINUTES"), N_("NAME"), N_("NEW-PASSPHRASE-FILE"), N_("NUMBER"), N_("PART"), N_("PERSON"), N_("RECORD"), N_("SECONDS"),
    N_("TEXT"), N_("TOKEN"), N_("VERSION"), N_("VISIT"), N_("WHAT"), N_("WORD"),
};

static const char *
say_placeholder(const char *at, size_t len)
{
    for (size_t i = 0; i < sizeof placeholders / sizeof placeholders[0]; i++)
        if (strlen(placeholders[i]) == len && memcmp(placeholders[i], at, len) == 0)
            return _(placeholders[i]);
    return NULL;
}

const char *
options_say(const char *words, char said[OPTIONS_SAID_BYTES])
{
    static const char capitals[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ-";
    size_t out = 0;

    for (const char *at = words; *at != '\0' && out + 1 < OPTIONS_SAID_BYTES;) {
        size_t len = strspn(at, capitals);
        const char *own = say_placeholder(at, len);
        len += len == 0;
        int put = own == NULL ? snprintf(said + out, OPTIONS_SAID_BYTES - out, "%.*s", (int)len, at)
                              : snprintf(said + out, OPTIONS_SAID_BYTES - out, "%s", own);
        out += put > 0 ? (size_t)put : 0;
        at += len;
    }
    said[out < OPTIONS_SAID_BYTES ? out : OPTIONS_SAID_BYTES - 1] = '\0';
    return said;
}
