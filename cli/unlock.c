/* Reads a passphrase into guarded memory, from the least surprising place that has one. */
#include "cli/unlock.h"

#include "cli/interrupt.h"
#include "cli/passphrase.h"
#include "core/i18n.h"
#include "core/keyslot.h"
#include "core/sheet.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

enum { CONTROL_D = 4, BACKSPACE = 8, RUBOUT = 127 };
enum { NEW_ASKED_TIMES = 3 };

/* Bytes arrive here one read at a time; `typed` has SECRET_MAX_BYTES. */
struct typing {
    struct secret typed;
    size_t len;
};

enum rc
unlock_file(struct call *call, const char *path, struct secret *passphrase)
{
    enum rc rc = passphrase_read_file(path, passphrase);

    if (rc == RC_ABSENT || rc == RC_IO)
        call->ending.advice = _("look at the name and the rights of the file and do it again");
    if (rc == RC_TOO_LARGE) { /* no text of a person's stays anywhere */
        call->ending.safe = _("nothing was changed");
        call->ending.advice = _("look at the name of the file and do it again");
    }
    return rc;
}

/* A file that is not there is no passphrase given: scripts would take RC_ABSENT for what they asked after. */
static enum rc
key_from_file(struct call *call, const char *path, struct secret *passphrase)
{
    enum rc rc = unlock_file(call, path, passphrase);

    return rc == RC_ABSENT ? RC_LOCKED : rc;
}

static enum rc
read_command(const char *command, struct secret *passphrase)
{
    int ends[2];
    int status = 0;

    if (pipe(ends) != 0)
        return rc_fail(RC_IO, _("the passphrase command cannot be started: %s"), strerror(errno));
    pid_t child = fork();
    if (child < 0) {
        (void)close(ends[0]);
        (void)close(ends[1]);
        return rc_fail(RC_IO, _("the passphrase command cannot be started: %s"), strerror(errno));
    }
    if (child == 0) {
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)close(ends[0]);
        (void)close(ends[1]);
        (void)execl("/bin/sh", "sh", "-c", command, (char *)NULL);
        _exit(127);
    }
    (void)close(ends[1]);
    enum rc rc = passphrase_read(ends[0], passphrase);
    (void)close(ends[0]);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        secret_wipe(passphrase);
        return rc_fail(RC_LOCKED, _("the passphrase command failed"));
    }
    return rc;
}

static void
say(int terminal, const char *text)
{
    if (write(terminal, text, strlen(text)) < 0)
        return; /* the terminal is gone: the read that follows tells */
}

/* Reads one line. What would end the program is held while nothing is echoed, so that the terminal is always
 * put right before. */
static enum rc
read_line(int terminal, struct typing *typing)
{
    for (;;) {
        uint8_t byte = 0;
        if (!interrupt_wait(terminal))
            return rc_fail(RC_LOCKED, _("no passphrase was typed"));
        ssize_t got = read(terminal, &byte, 1);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0 || (byte == CONTROL_D && typing->len == 0))
            return rc_fail(RC_LOCKED, _("no passphrase was typed"));
        if (byte == '\n' || byte == '\r' || byte == CONTROL_D)
            return RC_OK;
        if (byte == BACKSPACE || byte == RUBOUT) {
            /* One character, which may be several bytes of UTF-8. */
            while (typing->len > 0 && (typing->typed.bytes[typing->len - 1] & 0xC0) == 0x80)
                typing->len--;
            typing->len -= typing->len > 0;
        } else if (typing->len + 1 < SECRET_MAX_BYTES) {
            typing->typed.bytes[typing->len++] = byte;
        }
    }
}

/* What is `shown` is edited by the terminal itself. */
static enum rc
ask(int terminal, const char *question, bool is_shown, struct secret *passphrase)
{
    struct typing typing = {.typed = SECRET_EMPTY};
    struct termios before, silent;
    sigset_t signals;
    enum rc rc = secret_make(&typing.typed, SECRET_MAX_BYTES);

    if (rc != RC_OK)
        return rc;
    if (tcgetattr(terminal, &before) != 0) {
        secret_wipe(&typing.typed);
        return rc_fail(RC_LOCKED, _("the terminal cannot be asked"));
    }
    silent = before;
    if (!is_shown)
        silent.c_lflag &= (tcflag_t) ~(ECHO | ICANON);
    silent.c_cc[VSUSP] = _POSIX_VDISABLE; /* who comes back later would type it in the open */
    silent.c_cc[VMIN] = 1;
    silent.c_cc[VTIME] = 0;
    /* Silent first: what is typed at once is neither shown nor thrown away. */
    interrupt_hold(&signals);
    (void)tcsetattr(terminal, TCSAFLUSH, &silent);
    say(terminal, question);
    rc = read_line(terminal, &typing);
    (void)tcsetattr(terminal, TCSAFLUSH, &before);
    interrupt_release(&signals); /* here the program ends, if that is wanted */
    if (!is_shown)
        say(terminal, "\n");
    if (rc == RC_OK)
        rc = passphrase_take(&typing.typed, typing.len, passphrase);
    secret_wipe(&typing.typed);
    return rc;
}

/* Two that differ, or an empty one, are asked again: what was typed before, such as a sheet, is not lost by it. */
static enum rc
ask_twice(int terminal, struct secret *passphrase)
{
    struct secret again = SECRET_EMPTY;
    enum rc rc = RC_INVALID;

    for (int i = 0; rc == RC_INVALID && i < NEW_ASKED_TIMES; i++) {
        if (i > 0) {
            say(terminal, rc_sentence());
            say(terminal, "\n");
        }
        rc = ask(terminal, _("New passphrase: "), false, passphrase);
        if (rc == RC_OK)
            rc = ask(terminal, _("The same once more: "), false, &again);
        if (rc == RC_OK && !secret_equal(passphrase, &again))
            rc = rc_fail(RC_INVALID, _("the two passphrases differ"));
    }
    secret_wipe(&again);
    return rc;
}

/* `advice` is for who has no terminal. */
static enum rc
ask_terminal(struct call *call, bool is_new, const char *advice, struct secret *passphrase)
{
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);

    if (terminal < 0) {
        call->ending.advice = advice;
        return rc_fail(RC_LOCKED, _("there is no passphrase and no terminal to ask it on"));
    }
    enum rc rc = is_new ? ask_twice(terminal, passphrase) : ask(terminal, _("Passphrase: "), false, passphrase);
    (void)close(terminal);
    return rc;
}

enum rc
unlock_ask_new(struct call *call, struct secret *passphrase)
{
    const char *advice = _("write the new one into a file and name that: `baken passphrase change FILE`");

    progress_step(&call->out.progress, NULL);
    if (call_has(call, OPT_NO_INPUT)) {
        call->ending.advice = advice;
        return rc_fail(RC_LOCKED, _("the new passphrase is in no file, and --no-input forbids to ask"));
    }
    return ask_terminal(call, true, advice, passphrase);
}

enum rc
unlock_passphrase(struct call *call, bool is_new, struct secret *passphrase)
{
    progress_step(&call->out.progress, NULL); /* a question, or a command that may ask one */
    const char *file = call_option(call, OPT_PASSPHRASE_FILE);
    const char *command = call_option(call, OPT_PASSPHRASE_COMMAND);

    if (file != NULL && command != NULL)
        return rc_fail(RC_INVALID,
                       _("--passphrase-file and --passphrase-command do not go together"));
    if (command != NULL)
        return read_command(command, passphrase);
    if (file == NULL)
        file = getenv("BAKEN_PASSPHRASE_FILE");
    if (file != NULL && file[0] != '\0')
        return key_from_file(call, file, passphrase);
    const char *advice = _("write it into a file and name that with --passphrase-file, or do it on a terminal");
    if (call_has(call, OPT_NO_INPUT)) {
        call->ending.advice = advice;
        return rc_fail(RC_LOCKED, _("the store is locked and --no-input forbids to ask for the passphrase"));
    }
    return ask_terminal(call, is_new, advice, passphrase);
}

/* ---- the recovery sheet ---- */

/* Home, then the screen, then what scrolled off it: how many rows were typed is not known here, for a tab takes several columns and
 * what was rubbed out took some too. */
static const char CLEAR[] = "\033[H\033[2J\033[3J";

/* Asks one group until its check fits, and takes it off the screen. */
static enum rc
ask_group(int terminal, unsigned number, struct secret *group)
{
    char question[80];

    (void)snprintf(question, sizeof question, _("Group %u of %d: "), number, SHEET_GROUPS);
    for (;;) {
        enum rc rc = ask(terminal, question, true, group);
        if (rc != RC_OK && rc != RC_INVALID)
            return rc;
        size_t len = rc == RC_OK ? group->len : 0; /* an empty line is no empty passphrase here */
        say(terminal, CLEAR);
        if (sheet_check_group(number, group->bytes, len) == RC_OK)
            return RC_OK;
        say(terminal, rc_sentence());
        say(terminal, "\n");
    }
}

static const char *
advice_on_asking(void)
{
    return _("write its groups into a file and name that with --recovery-file");
}

static enum rc
ask_sheet(struct call *call, struct secret *sheet)
{
    struct secret text = SECRET_EMPTY, group = SECRET_EMPTY;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
    enum rc rc = secret_make(&text, SHEET_GROUPS * SHEET_GROUP_CHARS);

    if (terminal < 0) {
        call->ending.advice = advice_on_asking();
        rc = rc_fail(RC_LOCKED, _("there is no terminal to ask for the recovery sheet on"));
    }
    for (unsigned i = 0; rc == RC_OK && i < SHEET_GROUPS; i++) {
        rc = ask_group(terminal, i + 1, &group);
        if (rc == RC_OK)
            memcpy(text.bytes + (size_t)i * SHEET_GROUP_CHARS, group.bytes, SHEET_GROUP_CHARS);
    }
    if (rc == RC_OK)
        rc = sheet_from_text(text.bytes, text.len, sheet);
    if (terminal >= 0)
        (void)close(terminal);
    secret_wipe(&group);
    secret_wipe(&text);
    return rc;
}

static enum rc
read_sheet(struct call *call, struct secret *sheet)
{
    const char *file = call_option(call, OPT_RECOVERY_FILE);
    struct secret text = SECRET_EMPTY;

    progress_step(&call->out.progress, NULL);
    if (file == NULL && call_has(call, OPT_NO_INPUT)) {
        call->ending.advice = advice_on_asking();
        return rc_fail(RC_LOCKED, _("--no-input forbids to ask for the recovery sheet"));
    }
    if (file == NULL)
        return ask_sheet(call, sheet);
    enum rc rc = key_from_file(call, file, &text);
    if (rc == RC_INVALID)
        rc = rc_fail(RC_INVALID, _("the file %s is empty"), file);
    if (rc == RC_TOO_LARGE) { /* such as the page that was printed */
        call->ending.advice = advice_on_asking();
        rc = rc_fail(RC_INVALID, _("the file %s holds more than the groups of a recovery sheet"), file);
    }
    if (rc == RC_OK)
        rc = sheet_from_text(text.bytes, text.len, sheet);
    secret_wipe(&text);
    return rc;
}

/* ---- the key ---- */

/* A slot from years ago is wrapped anew at the cost of today. Should that fail, the old one goes on. */
static void
raise_cost(struct call *call, const char *directory, const struct store_slots *slots,
           const struct secret *passphrase)
{
    struct store_key_cost cost = unlock_cost();
    bool raised;
    sigset_t before;

    if (!store_key_is_cheap(slots, &cost))
        return;
    progress_step(&call->out.progress, _("making the passphrase harder to guess"));
    interrupt_hold(&before);
    enum rc rc = store_key_raise(directory, &call->clock, passphrase, &cost, &raised);
    interrupt_release(&before);
    (void)rc;
}

/* What to do when neither fitted. Without a directory the slots are those of a backup. */
static const char *
advice_on_slots(const char *directory, const struct store_slots *slots, bool has_sheet)
{
    if (directory == NULL)
        return _("give the passphrase of when the backup was made, or the recovery sheet of that time with --recovery");
    if (!store_key_has_sheet(slots))
        return _("give the right passphrase: there is no recovery sheet for this store");
    return has_sheet ? _("compare what was typed with the newest recovery sheet")
                     : _("give the right passphrase; when it is forgotten, `baken unlock --recovery` takes the recovery sheet");
}

enum rc
unlock_slots(struct call *call, const char *directory, const struct store_slots *slots, struct secret *key)
{
    struct secret given = SECRET_EMPTY;
    bool has_sheet = call_has(call, OPT_RECOVERY) || call_has(call, OPT_RECOVERY_FILE);
    enum rc rc = has_sheet ? read_sheet(call, &given) : unlock_passphrase(call, false, &given);

    if (rc == RC_OK)
        progress_step(&call->out.progress, _("unlocking the store"));
    if (rc == RC_OK)
        rc = has_sheet ? store_key_open_sheet(slots, &given, key) : store_key_open(slots, &given, key);
    if (rc == RC_OK && !has_sheet && directory != NULL)
        raise_cost(call, directory, slots, &given);
    if (call->ending.advice == NULL && (rc == RC_LOCKED || (rc == RC_INVALID && has_sheet)))
        call->ending.advice = advice_on_slots(directory, slots, has_sheet);
    secret_wipe(&given);
    return rc;
}

enum rc
unlock_key(struct call *call, const char *directory, struct id *store, struct secret *key)
{
    struct store_slots slots;
    enum rc rc = store_key_read(directory, &slots);

    if (rc == RC_CORRUPT)
        call->ending.advice = call_lost_slots_advice();
    if (rc != RC_OK)
        return rc;
    *store = slots.store;
    rc = keyslot_fetch(slots.store, key);
    return rc == RC_ABSENT ? unlock_slots(call, directory, &slots, key) : rc;
}

enum rc
unlock_read_slots(struct call *call, struct buf *path, const char **directory,
                  struct store_slots *slots)
{
    enum rc rc = call_directory(call, path, directory);

    if (rc == RC_OK)
        rc = store_key_read(*directory, slots);
    if (rc == RC_CORRUPT)
        call->ending.advice = call_lost_slots_advice();
    return rc == RC_ABSENT ? call_no_store(call, *directory) : rc;
}

#ifdef BAKEN_TEST_CLOCK
struct store_key_cost
unlock_cost(void)
{
    const char *cheap = getenv("BAKEN_TEST_CHEAP_KDF");
    struct store_key_cost least = {STORE_KEY_MEMORY_KIB_LEAST, 1};

    return cheap != NULL && cheap[0] != '\0' ? least : STORE_KEY_COST;
}
#else
struct store_key_cost
unlock_cost(void)
{
    return STORE_KEY_COST;
}
#endif
