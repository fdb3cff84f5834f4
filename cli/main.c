/* `baken`: the table of commands. Every command starts here. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "core/i18n.h"
#include "core/store.h"
#include "core/version.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define O(name) OPT_BIT(OPT_##name)
#define NOTE (O(TEXT) | O(NOTE_FILE))
#define PROFILE (O(SURNAME) | O(ADDRESS) | O(REACH) | O(UNSAFE))
#define MEMBER (O(GIVEN_NAME) | O(SURNAME) | O(BIRTH_DATE) | O(RELATION) | O(LIVES) | O(PHONE))
#define VISIT (NOTE | O(DATE) | O(TIME) | O(KIND) | O(MINUTES) | O(NEXT))
#define GOAL (NOTE | O(MEASURE) | O(DEADLINE) | O(HOLDER) | O(LEVEL))
#define SHEET (O(RECOVERY) | O(RECOVERY_FILE))
#define LISTING (O(FROM) | O(UNTIL) | O(LIMIT) | O(ALL))

static const struct command commands[] = {
    {"status", NULL, "", 0, 0, cmd_status, O(OF) | O(AT),
     N_("what waits here, what the server has, and who has what you wrote")},
    {"sync", NULL, "", 0, 0, cmd_sync, O(WAIT), N_("exchange changes with the team's server")},
    {"today", NULL, "", 0, 0, cmd_today, O(ALL), N_("what asks for attention today")},
    {"dismiss", NULL, "FINDING --reason TEXT", 1, 1, cmd_dismiss, O(REASON) | O(UNDO),
     N_("say of what `today` finds that it is as it should be")},
    {"caseload", NULL, "", 0, 0, cmd_caseload, O(ALL), N_("the families of the team in one table")},
    {"search", NULL, "WORD ...", 1, OPTIONS_WORDS, cmd_search, O(FAMILY) | O(LIMIT),
     N_("find words in notes, goals, agreements and names")},
    {"conflicts", NULL, "[ID]", 0, 1, cmd_conflicts, 0,
     N_("show what has two versions, side by side")},
    {"resolve", NULL, "ID --take WHAT --token TOKEN", 1, 1, cmd_resolve, NOTE | O(TAKE) | O(TOKEN),
     N_("choose between the versions that were on the screen")},
    {"history", NULL, "ID", 1, 1, cmd_history, 0,
     N_("every version of one thing with its author, also those that were put away")},
    {"late", NULL, "[FAMILY]", 0, 1, cmd_late, 0,
     N_("what came too late, or waits: who wrote it, when, and its words")},
    {"undo", NULL, "ID.PART --token TOKEN --take VERSION", 1, 1, cmd_undo, O(TAKE) | O(TOKEN) | O(REASON),
     N_("take an old version again")},
    {"unlock", NULL, "", 0, 0, cmd_unlock, O(TIMEOUT) | SHEET,
     N_("open the store and keep it open for a while")},
    {"lock", NULL, "", 0, 0, cmd_lock, 0, N_("close the store: the passphrase is needed again")},
    {"doctor", NULL, "", 0, 0, cmd_doctor, O(ACCEPT) | O(LOOK) | O(RESCUE), N_("check everything on this device")},
    {"backup", NULL, "FILE", 1, 1, cmd_backup, 0, N_("write the store to one sealed file, and prove it")},
    {"restore", NULL, "FILE", 1, 1, cmd_restore, O(REPLACE) | SHEET,
     N_("make the store anew from a backup")},
    {"passphrase", "change", "[NEW-PASSPHRASE-FILE]", 0, 1, cmd_passphrase_change, SHEET,
     N_("choose another passphrase")},
    {"recovery", "print", "", 0, 0, cmd_recovery_print, O(OUTPUT) | SHEET,
     N_("make a recovery sheet, for when the passphrase is forgotten; it ends the one before")},
    {"team", "create", "--server ADDRESS --name NAME", 0, 0, cmd_team_create,
     O(SERVER) | O(CODE_FILE) | O(NAME) | O(DEVICE) | O(ROLES),
     N_("make a team on a server, with this device as its first")},
    {"team", "invite", "--name NAME --roles LIST | --person PERSON", 0, 0, cmd_team_invite,
     O(NAME) | O(PERSON) | O(ROLES) | O(DAYS) | O(OUTPUT),
     N_("invite a colleague, or a further device of one")},
    {"team", "join", "[INVITATION-FILE]", 0, 1, cmd_team_join, 0,
     N_("ask to join with an invitation, from a file or standard input")},
    {"device", "list", "", 0, 0, cmd_device_list, O(ALL), N_("the devices of the team")},
    {"device", "approve", "[DIGITS ...]", 0, OPTIONS_WORDS, cmd_device_approve,
     O(DIGITS_FILE) | O(DEVICE), N_("let the device in whose digits were read out to you")},
    {"device", "revoke", "DEVICE", 1, 1, cmd_device_revoke, 0, N_("shut a lost device out")},
    {"person", "list", "", 0, 0, cmd_person_list, O(ALL), N_("the colleagues in the team")},
    {"person", "roles", "PERSON --roles LIST", 1, 1, cmd_person_roles, O(ROLES),
     N_("give a colleague other roles")},
    {"family", "add", "CODE-NAME", 1, 1, cmd_family_add, O(OWNER) | O(PHASE) | PROFILE,
     N_("register a family")},
    {"family", "edit", "FAMILY", 1, 1, cmd_family_edit,
     O(CODE_NAME) | O(PHASE) | O(CLOSED) | PROFILE, N_("change what is known of a family")},
    {"family", "list", "", 0, 0, cmd_family_list, O(ALL), N_("the families on this device")},
    {"family", "show", "FAMILY", 1, 1, cmd_family_show, 0, N_("one family with its plan")},
    {"family", "assign", "FAMILY PERSON", 2, 2, cmd_family_assign, O(FUNCTION),
     N_("make somebody owner or coach of a family, or release them")},
    {"member", "add", "FAMILY", 1, 1, cmd_member_add, MEMBER, N_("add a member of a family")},
    {"member", "list", "FAMILY", 1, 1, cmd_member_list, O(ALL), N_("the members of a family")},
    {"member", "delete", "MEMBER", 1, 1, cmd_delete, 0, N_("delete a member of a family")},
    {"member", "restore", "MEMBER", 1, 1, cmd_undelete, 0, N_("have a deleted member back")},
    {"visit", "add", "FAMILY", 1, 1, cmd_visit_add, VISIT | O(WITH),
     N_("write down a visit or another contact; the note comes from standard input")},
    {"visit", "list", "[FAMILY]", 0, 1, cmd_visit_list, LISTING, N_("visits and other contacts")},
    {"visit", "show", "VISIT", 1, 1, cmd_visit_show, 0, N_("one visit with its note")},
    {"visit", "amend", "VISIT --reason TEXT", 1, 1, cmd_visit_amend, VISIT | O(REASON),
     N_("correct a visit of your own, with a reason")},
    {"visit", "withdraw", "VISIT --reason TEXT", 1, 1, cmd_visit_withdraw, O(REASON),
     N_("withdraw a visit of your own, with a reason")},
    {"goal", "add", "FAMILY", 1, 1, cmd_goal_add, GOAL, N_("add a goal to the plan")},
    {"goal", "edit", "GOAL", 1, 1, cmd_goal_edit, GOAL | O(STATUS), N_("change a goal")},
    {"goal", "delete", "GOAL", 1, 1, cmd_delete, 0, N_("delete a goal")},
    {"goal", "restore", "GOAL", 1, 1, cmd_undelete, 0, N_("have a deleted goal back")},
    {"goal", "list", "[FAMILY]", 0, 1, cmd_goal_list, LISTING, N_("goals")},
    {"agreement", "add", "FAMILY", 1, 1, cmd_agreement_add, NOTE | O(KIND) | O(WHO) | O(DUE),
     N_("write down who does what by when")},
    {"agreement", "done", "AGREEMENT", 1, 1, cmd_agreement_done, O(DATE) | O(HOW),
     N_("an agreement was kept")},
    {"agreement", "delete", "AGREEMENT", 1, 1, cmd_delete, 0, N_("delete an agreement")},
    {"agreement", "restore", "AGREEMENT", 1, 1, cmd_undelete, 0, N_("have a deleted agreement back")},
    {"agreement", "list", "[FAMILY]", 0, 1, cmd_agreement_list, LISTING, N_("agreements")},
    {"safety", "set", "FAMILY LEVEL", 2, 2, cmd_safety_set, NOTE | O(DATE) | O(SHARED_WITH),
     N_("write down a judgement of safety (safe, worry, unsafe) with its ground")},
    {"safety", "list", "FAMILY", 1, 1, cmd_safety_list, LISTING, N_("judgements of safety")},
    {"standing", "set", "FAMILY WHAT WORD", 3, 3, cmd_standing_set, NOTE | O(DATE),
     N_("write down a family's consent, veto, visibility or level of safety: what protects most holds at once")},
    {"standing", "list", "FAMILY", 1, 1, cmd_standing_list, 0, N_("what protects a family")},
    {"absence", "add", "--from DATE --until DATE", 0, 0, cmd_absence_add, NOTE | O(PERSON) | O(FROM) | O(UNTIL) | O(KIND),
     N_("tell the team that somebody is away")},
    {"absence", "list", "", 0, 0, cmd_absence_list, LISTING, N_("who is away")},
    {"cover", "start", "FAMILY ... --person PERSON --until DATE", 1, OPTIONS_WORDS, cmd_cover_start,
     O(PERSON) | O(FROM) | O(UNTIL) | O(READ_ONLY) | O(CARRY),
     N_("let a colleague cover for families for a while")},
    {"cover", "accept", "[COVER]", 0, 1, cmd_cover_accept, O(CARRY),
     N_("accept a cover that was asked of you")},
    {"cover", "assent", "COVER FAMILY ANSWER", 3, 3, cmd_cover_assent, O(DATE),
     N_("write down what a family said to a cover: yes, no, veto")},
    {"cover", "list", "", 0, 0, cmd_cover_list, O(ALL), N_("who covers for whom")},
    {"cover", "end", "COVER", 1, 1, cmd_cover_end, 0, N_("end or decline a cover")},
    {"cover", "card", "FAMILY", 1, 1, cmd_cover_card, 0,
     N_("the hand-over card: one page on a family")},
    {"cover", "summary", "[FAMILY]", 0, 1, cmd_cover_summary, O(FROM) | O(UNTIL),
     N_("what happened while you were away")},
    {"bundle", "export", "--for DEVICE --output FILE", 0, 0, cmd_bundle_export, O(FOR) | O(OUTPUT) | O(WHOLE),
     N_("write a sealed file for one device, to carry without a server")},
    {"bundle", "import", "FILE", 1, 1, cmd_bundle_import, 0, N_("take in a sealed file")},
};

enum { COMMANDS = sizeof commands / sizeof commands[0] };

static void
put_name(const struct command *command, char name[64])
{
    (void)snprintf(name, 64, "%s%s%s", command->noun, command->verb == NULL ? "" : " ",
                   command->verb == NULL ? "" : command->verb);
}

/* What a command cannot do without stands among its words. After a bar stands what may come instead. */
static bool
is_needed(const struct command *command, enum option option)
{
    char text[64];

    (void)snprintf(text, sizeof text, "--%s ", option_name(option));
    return strchr(command->words, '|') == NULL && option_value_word(option) != NULL &&
           strstr(command->words, text) != NULL;
}

/* The command's own; without one, those of every command. */
static void
help_options(const struct command *command)
{
    for (enum option option = OPT_HELP; option < OPT_COUNT; option++) {
        char text[64 + OPTIONS_SAID_BYTES], said[OPTIONS_SAID_BYTES];
        const char *value = option_value_word(option);
        if (command == NULL ? !option_is_global(option)
                            : option_is_global(option) || (command->options & OPT_BIT(option)) == 0)
            continue;
        (void)snprintf(text, sizeof text, "--%s%s%s", option_name(option), value == NULL ? "" : " ",
                       value == NULL ? "" : options_say(value, said));
        (void)printf("  %-28s %s%s%s\n", text, option_help(option),
                     command != NULL && is_needed(command, option) ? "; " : "",
                     command != NULL && is_needed(command, option) ? _("REQUIRED") : "");
    }
}

static void
help_all(void)
{
    (void)printf("%s\n\n",
                 _("baken: the caseload of a team of family coaches, also without a network"));
    (void)printf("  %s\n\n", _("baken COMMAND [WORDS] [OPTIONS]     baken COMMAND --help"));
    for (size_t i = 0; i < COMMANDS; i++) {
        char name[64];
        put_name(&commands[i], name);
        (void)printf("  %-18s %s\n", name, _(commands[i].help));
    }
    (void)printf("\n%s\n", _("Options of every command:"));
    help_options(NULL);
    (void)printf("  %-28s %s\n", "--version", _("the version of this program, without a command"));
}

static void
help_one(const struct command *command)
{
    char name[64], said[OPTIONS_SAID_BYTES];

    put_name(command, name);
    (void)printf("baken %s%s%s\n\n  %s\n\n", name, command->words[0] == '\0' ? "" : " ",
                 options_say(command->words, said), _(command->help));
    help_options(command);
    (void)printf("%s%s\n", command->options == 0 ? "" : "\n", _("Options of every command:"));
    help_options(NULL);
}

/* The command that the words name; the sentence of a failure says what there is instead. */
static enum rc
find_command(const struct options *options, const struct command **found, size_t *own_words)
{
    const char *noun = options->words[0];
    const char *verb = options->word_count > 1 ? options->words[1] : NULL;
    char verbs[200] = "";

    for (size_t i = 0; i < COMMANDS; i++) {
        const struct command *command = &commands[i];
        if (strcmp(command->noun, noun) != 0)
            continue;
        *own_words = command->verb == NULL ? 1 : 2;
        *found = command;
        if (command->verb == NULL || (verb != NULL && strcmp(command->verb, verb) == 0))
            return RC_OK;
        size_t len = strlen(verbs);
        (void)snprintf(verbs + len, sizeof verbs - len, "%s%s", len == 0 ? "" : ", ",
                       command->verb);
    }
    *found = NULL;
    if (verbs[0] == '\0')
        return rc_fail(RC_INVALID, _("there is no command `%s`"), noun);
    return rc_fail(RC_INVALID, _("after `baken %s` comes one of: %s"), noun, verbs);
}

static enum rc
check_words(struct call *call, size_t own_words, const char *name)
{
    char said[OPTIONS_SAID_BYTES];

    call->word_count = call->options.word_count - own_words;
    for (size_t i = 0; i < call->word_count; i++)
        call->words[i] = call->options.words[own_words + i];
    if (call->word_count < call->command->least || call->word_count > call->command->most)
        return rc_fail(RC_INVALID, _("the command is: baken %s%s%s"), name, call->command->words[0] == '\0' ? "" : " ",
                       options_say(call->command->words, said));
    return options_check(&call->options, call->command->options, name);
}

/* What is missing, and what brings it. */
static const char *
say_incomplete(const struct waiting *waiting)
{
    if (waiting->is_pull_open || waiting->filling != waiting->filling_covered)
        return _("Not everything that you may see has come in yet, so this answer may lack something: "
                 "`baken sync` goes on where it stopped.");
    if (waiting->is_cover_carried)
        return _("Of the families that you cover without the server this device may not have all, so this answer may lack "
                 "something: the next bundle of your colleague brings more (`baken bundle import`), `baken sync` brings all.");
    return _("The files of the families that you cover are not all here yet, so this answer may lack something: "
             "`baken sync` fetches them.");
}

static void
tell_hidden(struct call *call, const struct waiting *waiting)
{
    if (waiting->hidden > 0)
        out_notice(&call->out, "cover_hidden",
                   P_("The clock of this device jumped, and by it your cover is over. Hidden, not deleted: "
                      "%" PRIu64 " family, and what you wrote and have not sent. Run `baken sync`: the "
                      "server's time decides. Without it they are deleted here in seven days, all but "
                      "what was not sent.",
                      "The clock of this device jumped, and by it your cover is over. Hidden, not deleted: "
                      "%" PRIu64 " families, and what you wrote and have not sent. Run `baken sync`: the "
                      "server's time decides. Without it they are deleted here in seven days, all but "
                      "what was not sent.",
                      waiting->hidden),
                   waiting->hidden);
}

/* Every answer says so, for every answer lacks what is hidden, or did not come in yet. */
static enum rc
tell_hidden_and_missing(struct call *call)
{
    struct waiting waiting;
    enum rc rc = call->replica == NULL ? RC_ABSENT : replica_waiting(call->replica, &waiting);

    if (rc == RC_OK)
        tell_hidden(call, &waiting);
    if (rc == RC_OK && waiting.needs_upgrade)
        out_notice(&call->out, "upgrade_needed", "%s",
                   _("Your team uses a newer program than this one: upgrade it. Until then something that you may see is not "
                     "shown here, and what you write may have to wait on this device."));
    if (rc == RC_OK && waiting.is_incomplete)
        out_notice(&call->out, "incomplete", "%s", say_incomplete(&waiting));
    return rc == RC_ABSENT ? RC_OK : rc;
}

/* What a failure did not find may be what is hidden. */
static void
tell_hidden_of_failure(struct call *call, enum rc failure)
{
    struct waiting waiting;

    if (failure == RC_ABSENT && call->replica != NULL && replica_waiting(call->replica, &waiting) == RC_OK)
        tell_hidden(call, &waiting);
}

/* So does every answer and every failure, until a person has looked: what is not found may be what is missing. */
static void
tell_lack(struct call *call)
{
    if (call->store == NULL)
        return;
    const struct vfs_kept *kept = store_kept_log(call->store);
    if (store_may_lack_saves(call->store))
        out_notice(&call->out, "saves_may_be_missing", "%s", call_lack_sentence(kept->is_kept));
    else if (kept->is_cut)
        out_notice(&call->out, "log_cut", "%s", call_cut_sentence(kept));
}

/* Likewise, until the passphrase is changed: somebody may have put an old file back. */
static void
tell_slots(struct call *call)
{
    enum store_slots_state state = call->store == NULL ? STORE_SLOTS_FINE : store_slots_state(call->store);

    static const char *const CODES[] = {
        [STORE_SLOTS_OLD] = "old_key_slots",
        [STORE_SLOTS_ALTERED] = "altered_key_slots",
        [STORE_SLOTS_UNKNOWN] = "unknown_key_slots",
    };

    if (state != STORE_SLOTS_FINE)
        out_notice(&call->out, CODES[state], "%s", call_slots_sentence(state));
}

/* Runs the command and says how it ended. */
static int
run(struct call *call, const char *name)
{
    enum rc rc = RC_OK;
    int exit_code;

    out_start(&call->out, call_has(call, OPT_JSON), call_has(call, OPT_QUIET), name);
    call->clock = clock_system();
    rc = call->command->run(call);
    if (rc == RC_OK)
        rc = tell_hidden_and_missing(call);
    if (rc != RC_OK)
        out_forget_notices(&call->out);
    tell_hidden_of_failure(call, rc);
    tell_lack(call);
    tell_slots(call);
    if (rc == RC_OK)
        rc = out_finish(&call->out);
    if (rc == RC_OK && call->tells_news)
        rc = replica_news_told(call->replica);
    exit_code = (int)(call->exit != EXIT_DONE ? call->exit : exit_of(rc));
    if (rc == RC_OFFLINE)
        call_offline_ending(call);
    if (rc == RC_FULL)
        call_full_ending(call);
    if (rc != RC_OK)
        out_failure(&call->out, rc, exit_code, &call->ending);
    call_close(call);
    out_wipe(&call->out);
    return exit_code;
}

/* What was given before the trouble may hide --json: the words themselves are asked. */
static int
usage_failure(struct call *call, int argc, char *const *argv)
{
    bool is_json = false;

    for (int i = 1; i < argc; i++)
        is_json = is_json || strcmp(argv[i], "--json") == 0;
    out_start(&call->out, is_json, false, "");
    call->ending.advice = call->command != NULL
                              ? _("with --help after it, it shows its words and options")
                              : _("`baken --help` lists the commands, `baken COMMAND --help` the options of one");
    out_failure(&call->out, RC_INVALID, EXIT_USAGE, &call->ending);
    out_wipe(&call->out);
    return EXIT_USAGE;
}

/* Nothing that this program writes is for others to read. A reader that went away is a failed write, and so is a file that
 * would become larger than the system lets. */
static enum rc
start_process(void)
{
    i18n_start();
    (void)umask(077);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)signal(SIGXFSZ, SIG_IGN);
    interrupt_start(isatty(STDERR_FILENO) == 1);
    secret_harden_process();
    return secret_start();
}

int
main(int argc, char **argv)
{
    struct call call = {.exit = EXIT_DONE};
    char name[64];
    size_t own_words = 0;
    enum rc rc = start_process();

    if (rc != RC_OK) {
        (void)fprintf(stderr, "baken: %s\n", rc_sentence());
        return EXIT_OTHER;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        (void)printf("baken %s\n", BAKEN_VERSION);
        return EXIT_DONE;
    }
    if (options_parse(argc, argv, &call.options) != RC_OK)
        return usage_failure(&call, argc, argv);
    if (call.options.word_count == 0 && !call_has(&call, OPT_HELP)) {
        (void)rc_fail(RC_INVALID, _("there is no command on the line"));
        return usage_failure(&call, argc, argv);
    }
    if (call.options.word_count == 0 || strcmp(call.options.words[0], "help") == 0) {
        help_all();
        return EXIT_DONE;
    }
    if (find_command(&call.options, &call.command, &own_words) != RC_OK)
        return usage_failure(&call, argc, argv);
    if (call_has(&call, OPT_HELP)) {
        help_one(call.command);
        return EXIT_DONE;
    }
    put_name(call.command, name);
    if (check_words(&call, own_words, name) != RC_OK)
        return usage_failure(&call, argc, argv);
    return run(&call, name);
}
