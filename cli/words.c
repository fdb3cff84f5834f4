/* The table of stable words and their translations. */
#include "cli/words.h"

#include "core/goal.h"
#include "core/i18n.h"
#include "core/text.h"
#include "sync/ledger_op.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const known[] = {
    /* contacts */ N_("visit"), N_("call"), N_("message"), N_("meeting"),
    /* goals */ N_("open"), N_("reached"), N_("dropped"),
    /* agreements */ N_("advised"), N_("agreed"), N_("prescribed"),
    /* safety */ N_("safe"), N_("worry"), N_("unsafe"),
    /* members */ N_("mother"), N_("father"), N_("child"), N_("other"),
    /* absences */ N_("leave"), N_("ill"),
    /* covers */ N_("accepted"), N_("ended"), N_("expired"), N_("declined"),
    N_("read"), N_("write"),
    /* assent */ N_("yes"), N_("no"), N_("veto"),
    /* standings */ N_("standing"), N_("consent"), N_("visibility"), N_("given"), N_("limited"), N_("lifted"), N_("stands"),
    N_("coaches"), N_("named"),
    /* roles */ N_("administrator"), N_("coordinator"), N_("coach"), N_("scientist"), N_("duty"),
    N_("intake"), N_("owner"), N_("released"),
    /* findings of doctor about entries */ N_("key"), N_("ledger"), N_("gap"), N_("late"), N_("refused"),
    N_("signature"), N_("newer"), N_("damaged"),
    /* entities and units */ N_("family"), N_("profile"), N_("member"), N_("contact"), N_("goal"),
    N_("agreement"), N_("safety"), N_("absence"), N_("assent"), N_("deleted"), N_("name"),
    N_("names"), N_("phase"), N_("report"), N_("note"), N_("participants"), N_("text"),
    N_("measure"), N_("deadline"), N_("holder"), N_("status"), N_("level"), N_("kind"), N_("who"),
    N_("due"), N_("done"), N_("address"), N_("reach"), N_("phone"), N_("birth"), N_("relation"),
    N_("surname"), N_("given name"), N_("birth date"), N_("lives where"), N_("code name"),
    N_("since"), N_("opened"), N_("closed"), N_("date"), N_("time"), N_("minutes"), N_("next"),
    N_("reason"), N_("ground"), N_("shared with"), N_("person"), N_("from"), N_("until"),
    N_("done on"), N_("done how"), N_("is done"), N_("lives"), N_("dates"), N_("withdrawn"),
    N_("judgement"), N_("period"), N_("from date"), N_("until date"), N_("cover"), N_("answer"),
    N_("dismissal"), N_("rule"), N_("dismissed"), N_("dismissal reason"), N_("consent date"),
    N_("consent note"), N_("veto date"), N_("veto note"), N_("visibility date"), N_("visibility note"),
    N_("safety date"), N_("safety note"),
    /* what doctor looks at */ N_("directory"), N_("disk"), N_("memory"), N_("keyring"),
    N_("key slots"), N_("saves"), N_("continuity"), N_("clock"), N_("sync"), N_("parked"),
    N_("structure"), N_("pages"), N_("chain"), N_("body"), N_("digest"), N_("tables"),
    N_("journal"), N_("log"), N_("header"), N_("search"), N_("outbox"), N_("fetch"), N_("unsent"),
    N_("table"), N_("replica"), N_("index"), N_("feed"),
    /* what became of a version */ N_("current"), N_("replaced"), N_("past"), N_("held"),
    /* today */ N_("appointment"), N_("birthday"), N_("expected"),
};

/* given_name is said as "given name". */
static bool
is_known_as(const char *said, const char *word)
{
    while (*word != '\0' && *said == (*word == '_' ? ' ' : *word)) {
        said++;
        word++;
    }
    return *word == '\0' && *said == '\0';
}

const char *
words_say(const char *word)
{
    if (word == NULL)
        return "";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (is_known_as(known[i], word))
            return _(known[i]);
    return word;
}

/* The words that people type, in Dutch: taken on an English screen too, where no catalogue has them. tests/unit/test_words.c holds them
 * against the catalogue. */
static const struct {
    const char *word, *dutch;
} typed_words[] = {
    {"visit", "bezoek"}, {"call", "telefoongesprek"}, {"message", "bericht"}, {"meeting", "overleg"},
    {"reached", "bereikt"}, {"dropped", "losgelaten"},
    {"advised", "geadviseerd"}, {"agreed", "afgesproken"}, {"prescribed", "opgelegd"},
    {"safe", "veilig"}, {"worry", "zorgen"}, {"unsafe", "onveilig"},
    {"mother", "moeder"}, {"father", "vader"}, {"child", "kind"}, {"other", "anders"},
    {"leave", "verlof"}, {"ill", "ziek"},
    {"yes", "ja"}, {"no", "nee"},
    {"consent", "toestemming"}, {"visibility", "zichtbaarheid"}, {"safety", "veiligheid"},
    {"given", "gegeven"}, {"limited", "beperkt"}, {"refused", "geweigerd"}, {"lifted", "ingetrokken"}, {"stands", "van kracht"},
    {"named", "met naam genoemden"},
    {"administrator", "beheerder"}, {"coordinator", "coördinator"}, {"scientist", "gedragswetenschapper"}, {"duty", "dienst"},
    {"intake", "aanmelding"}, {"owner", "eigenaar"}, {"released", "eraf"},
};

/* Levels of goals are Dutch by themselves, and have their words in core/goal.c. */
static bool
is_said(const char *typed, const char *word)
{
    const struct goal_level *level;

    if (text_equal_folded(word, typed) || text_equal_folded(words_say(word), typed))
        return true;
    for (size_t i = 0; i < sizeof typed_words / sizeof typed_words[0]; i++)
        if (strcmp(typed_words[i].word, word) == 0)
            return text_equal_folded(typed_words[i].dutch, typed);
    for (size_t i = 0; (level = goal_level_at(i)) != NULL; i++)
        if (strcmp(level->slug, word) == 0)
            return text_equal_folded(level->name, typed) || text_equal_folded(_(level->name), typed);
    return false;
}

const char *
words_meant(const char *typed, const char *const *among)
{
    for (size_t i = 0; among[i] != NULL; i++)
        if (is_said(typed, among[i]))
            return among[i];
    return NULL;
}

const char *
words_entity(const char *name)
{
    return name == NULL ? "?" : words_say(strcmp(name, "contact") == 0 ? "visit" : name);
}

const char *
words_say_reason(const char *reason)
{
    static const struct {
        const char *reason, *said;
    } reasons[] = {
        {"key", N_("a key")},
        {"ledger", N_("rules of the team")},
        {"gap", N_("what stands before it")},
        {"newer", N_("a newer program")},
        {"unknown", N_("a newer program")},
        {"full", N_("a choice between versions")},
        {"damaged", N_("a repair: it is damaged")},
        {"fork", N_("clarity: two stores wrote under one number")},
        {"past", N_("clarity: its writer shows another past of the team")},
        {"gone", N_("nothing: it was erased")},
        {"late", N_("a person: it came too late")},
        {"no_right", N_("a person: its writer had no right")},
    };

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].reason, reason) == 0)
            return _(reasons[i].said);
    return reason;
}

const char *
words_list(const char *const *among, char list[WORDS_LIST_BYTES])
{
    list[0] = '\0';
    for (size_t i = 0; among[i] != NULL; i++) {
        size_t len = strlen(list);
        (void)snprintf(list + len, WORDS_LIST_BYTES - len, "%s%s", i == 0 ? "" : ", ", words_say(among[i]));
    }
    return list;
}

_Static_assert(LEDGER_ROLE_ADMINISTRATOR == 1 << 0 && LEDGER_ROLE_COORDINATOR == 1 << 1 && LEDGER_ROLE_COACH == 1 << 2 &&
                   LEDGER_ROLE_SCIENTIST == 1 << 3 && LEDGER_ROLE_DUTY == 1 << 4 && LEDGER_ROLE_INTAKE == 1 << 5 &&
                   LEDGER_ROLES_ALL == (1 << 6) - 1,
               "the roles stand in the order of their bits");

const char *const *
words_roles(void)
{
    static const char *const roles[] = {"administrator", "coordinator", "coach", "scientist", "duty", "intake", NULL};

    return roles;
}

enum rc
words_put_roles(struct buf *out, uint32_t roles)
{
    const char *const *words = words_roles();
    bool is_first = true;

    for (unsigned bit = 0; words[bit] != NULL; bit++) {
        if ((roles & (UINT32_C(1) << bit)) == 0)
            continue;
        enum rc rc = buf_printf(out, "%s%s", is_first ? "" : ", ", words_say(words[bit]));
        if (rc != RC_OK)
            return rc;
        is_first = false;
    }
    return RC_OK;
}
