/* Team, devices and colleagues: made, invited, let in, shut out. */
#include "cli/commands.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/text.h"
#include "sync/joining.h"
#include "sync/ledger.h"
#include "sync/ledger_op.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { LINE_BYTES = 8192, NAME_BYTES = 200, JOINING_DIGITS = 20 };

/* A line that is asked for on the terminal, or read from standard input when that is no terminal. */
static enum rc
read_line(struct call *call, const char *question, struct buf *line)
{
    if (isatty(STDIN_FILENO) == 1) {
        if (call_has(call, OPT_NO_INPUT))
            return rc_fail(RC_INVALID,
                           _("there is nothing to read, and --no-input forbids to ask"));
        char typed[LINE_BYTES];
        progress_step(&call->out.progress, NULL);
        (void)fprintf(stderr, "%s ", question);
        (void)fflush(stderr);
        if (fgets(typed, sizeof typed, stdin) == NULL)
            return rc_fail(RC_INVALID, _("nothing was typed"));
        enum rc rc = buf_put(line, typed, strlen(typed));
        wipe(typed, sizeof typed);
        return rc;
    }
    return input_read(call, "-", LINE_BYTES, _("standard input"), line);
}

/* The text of a file, or of read_line, without blanks at its ends and with a NUL. */
static enum rc
read_secret_text(struct call *call, const char *file, const char *question, struct buf *buf,
                 const char **text)
{
    enum rc rc = file != NULL ? input_read(call, file, LINE_BYTES, file, buf)
                              : read_line(call, question, buf);

    if (rc != RC_OK)
        return rc;
    rc = text_check(buf->data, buf->len, LINE_BYTES, _("the text"));
    if (rc != RC_OK)
        return rc;
    input_trim(buf);
    *text = buf_text(buf);
    if (*text == NULL)
        return rc_nomem();
    return (*text)[0] == '\0' ? rc_fail(RC_INVALID, _("%s nothing was given"), question) : RC_OK;
}

/* What `bakend` printed may be kept as it stood there: the code comes after the colon of its first line. */
static enum rc
cut_code(struct buf *code, const char **text)
{
    const char *colon = strstr(*text, ": ");
    const char *start = colon == NULL ? *text : colon + 2;
    struct buf cut = BUF_EMPTY(LINE_BYTES);
    enum rc rc = buf_put(&cut, start, strcspn(start, "\r\n"));

    buf_wipe(code);
    *code = cut;
    *text = rc == RC_OK ? buf_text(code) : NULL;
    return rc == RC_OK && *text == NULL ? rc_nomem() : rc;
}

/* One store, one team: who works for two employers has two stores. */
static enum rc
refuse_second_team(struct call *call)
{
    if (!replica_in_team(call->replica))
        return RC_OK;
    call->ending.advice = _("another team takes another directory: name it with --store or BAKEN_HOME");
    return rc_fail(RC_EXISTS, _("this store is in a team already"));
}

/* A name or a label, as it will stand on the ledger for ever: checked before a store or a line is made. */
static enum rc
name_option(struct call *call, enum option option, struct texts *texts, const char **name)
{
    enum rc rc = call_text(call, option, texts, name);

    if (rc != RC_OK || *name == NULL)
        return rc;
    if ((*name)[0] == '\0')
        return rc_fail(RC_INVALID, _("--%s is empty"), option_name(option));
    return text_check(*name, strlen(*name), LEDGER_TEXT_BYTES, option_name(option));
}

/* To whoever just chose a passphrase. */
static void
tell_of_sheet(struct call *call)
{
    out_line(&call->out, "%s",
             _("Without the passphrase nobody opens this store: `baken recovery print` makes a sheet that does, for when it is "
               "forgotten."));
}

enum rc
cmd_team_create(struct call *call)
{
    struct team_new team = {.roles = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR};
    struct texts texts = TEXTS_EMPTY;
    struct buf code = BUF_EMPTY(LINE_BYTES);
    const char *roles = call_option(call, OPT_ROLES);
    const char *given = NULL;
    enum rc rc = call_need(call, OPT_SERVER, &team.server_address);

    if (rc == RC_OK)
        rc = call_need(call, OPT_NAME, &given);
    if (rc == RC_OK)
        rc = name_option(call, OPT_NAME, &texts, &team.person_name);
    if (rc == RC_OK)
        rc = name_option(call, OPT_DEVICE, &texts, &team.device_label);
    if (rc == RC_OK && roles != NULL)
        rc = input_roles(roles, &team.roles);
    if (rc == RC_OK)
        rc = read_secret_text(call, call_option(call, OPT_CODE_FILE),
                              _("One-time code of the server:"), &code, &team.code);
    if (rc == RC_OK)
        rc = cut_code(&code, &team.code);
    if (rc != RC_OK)
        goto out;
    if (team.device_label == NULL)
        team.device_label = team.person_name;
    rc = call_connect(call, team.server_address); /* no store is made for an address that is none */
    if (rc == RC_OK)
        rc = call_open_or_make(call);
    if (rc == RC_OK)
        rc = refuse_second_team(call);
    if (rc != RC_OK)
        goto out;
    rc = replica_create_team(call->replica, &call->transport, &team);
    if (rc == RC_INVALID || rc == RC_DENIED) { /* the store was made before the code was looked at */
        call->ending.safe = _("this device is in no team yet, and its passphrase is the one that was given now");
        call->ending.advice = _("correct it, or ask who manages the server for another code: `bakend code` makes one");
    }
    if (rc != RC_OK)
        goto out;
    out_object(&call->out, "team");
    out_text(&call->out, "server", _("Server"), team.server_address);
    out_id(&call->out, "person", NULL, replica_self(call->replica).person);
    rc = call_out_person(call, NULL, _("You"), replica_self(call->replica).person);
    out_id(&call->out, "device", _("This device"), replica_self(call->replica).feed.device);
    out_object_end(&call->out);
    out_line(&call->out, "%s", _("The team is made. `baken team invite` lets colleagues in."));
    tell_of_sheet(call);
out:
    buf_wipe(&code);
    texts_wipe(&texts);
    return rc;
}

/* Its line is on the ledger by now, and nobody can make this text again: where no file takes it, the answer does. */
static enum rc
out_invitation(struct call *call, const char *output, struct buf *invitation)
{
    const char *text = buf_text(invitation);
    struct buf line = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES * 2 + 1);
    enum rc rc = text == NULL ? rc_nomem() : RC_OK;

    if (rc == RC_OK && output != NULL) {
        enum rc written = buf_printf(&line, "%s\n", text);
        if (written == RC_OK)
            written = output_new_file(call, output, &line);
        if (written == RC_OK) {
            out_text(&call->out, "file", _("Invitation in"), output);
            goto out;
        }
        out_notice(&call->out, "no_file", "%s", rc_sentence());
        call->exit = EXIT_PARTLY;
    }
    out_text(&call->out, "invitation", NULL, text);
    out_line(&call->out, "%s", text == NULL ? "" : text);
out:
    buf_wipe(&line);
    return rc;
}

/* Who is in the team has a name and roles: whoever gives others would believe that they hold. */
static enum rc
refuse_beside_person(const struct call *call)
{
    static const enum option others[] = {OPT_NAME, OPT_ROLES};

    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
        if (call_has(call, OPT_PERSON) && call_has(call, others[i]))
            return rc_fail(RC_INVALID, _("--person and --%s do not go together"), option_name(others[i]));
    return RC_OK;
}

/* Two persons may share a name; whoever means the one who is there already would make a second. */
static enum rc
tell_same_name(struct call *call, const char *name)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_person *at = NULL;
    struct texts texts = TEXTS_EMPTY;
    bool is_known = false;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && !is_known && (at = ledger_person_at(ledger, i)) != NULL; i++) {
        const char *other = NULL;
        rc = call_person_name(call, &texts, at->id, &other);
        is_known = rc == RC_OK && text_equal_folded(other, name);
    }
    if (is_known)
        out_notice(&call->out, "same_name",
                   _("There is a %s in the team already. If it is the same person, with another device: throw this invitation away, and make one "
                     "with --person."),
                   name);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_team_invite(struct call *call)
{
    struct buf invitation = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES * 2);
    struct texts texts = TEXTS_EMPTY;
    const char *known = call_option(call, OPT_PERSON);
    const char *output = call_option(call, OPT_OUTPUT);
    const char *name = NULL, *list = NULL;
    struct id person = {{0}};
    uint32_t roles = 0, days = 7;
    enum rc rc = call_number(call, OPT_DAYS, 1, LEDGER_INVITE_MAX_DAYS, 7, &days);

    if (rc == RC_OK)
        rc = refuse_beside_person(call);
    if (rc == RC_OK && known == NULL)
        rc = call_need(call, OPT_NAME, &name);
    if (rc == RC_OK && known == NULL)
        rc = name_option(call, OPT_NAME, &texts, &name);
    if (rc == RC_OK && known == NULL)
        rc = call_need(call, OPT_ROLES, &list);
    if (rc == RC_OK && list != NULL)
        rc = input_roles(list, &roles);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK && known != NULL)
        rc = call_person(call, known, &person);
    if (rc == RC_OK && known != NULL) {
        const struct ledger_person *found = ledger_person(replica_ledger(call->replica), person);
        roles = found == NULL ? 0 : found->roles;
        rc = call_person_name(call, &texts, person, &name);
    }
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK && output != NULL)
        rc = output_try(call, output);
    if (rc == RC_OK)
        rc = replica_invite(call->replica, &call->transport, person, name, roles,
                            days * DAY_MS, &invitation);
    if (rc == RC_OK && known == NULL)
        rc = tell_same_name(call, name);
    if (rc != RC_OK)
        goto out;
    rc = out_invitation(call, output, &invitation);
    out_int(&call->out, "valid_days", NULL, days);
    out_notice(&call->out, "secret", "%s",
               _("The invitation is a secret: whoever has it may ask to join. Give it by hand or "
                 "by a safe way."));
out:
    buf_wipe(&invitation);
    texts_wipe(&texts);
    return rc;
}

/* Of an invitation that is none. Gives `rc` back. */
static enum rc
advise_invited(struct call *call, enum rc rc)
{
    if (rc == RC_INVALID)
        call->ending.advice = _("copy the invitation again, or ask who invited you for another");
    return rc;
}

enum rc
cmd_team_join(struct call *call)
{
    struct buf typed = BUF_EMPTY(LINE_BYTES);
    struct buf address = BUF_EMPTY(LINE_BYTES);
    const char *invitation = NULL, *where = NULL;
    char digits[JOINING_DIGITS_CHARS + 1];
    enum rc rc = read_secret_text(call, call->word_count > 0 ? call->words[0] : NULL,
                                  _("Invitation:"), &typed, &invitation);

    if (rc == RC_OK)
        rc = advise_invited(call, replica_invitation_address(invitation, &address));
    if (rc != RC_OK)
        goto out;
    where = buf_text(&address);
    rc = where == NULL ? rc_nomem() : call_open_or_make(call);
    if (rc == RC_OK)
        rc = refuse_second_team(call);
    if (rc == RC_OK)
        rc = call_connect(call, where);
    if (rc == RC_OK)
        rc = advise_invited(call, replica_join(call->replica, &call->transport, invitation, digits));
    if (rc != RC_OK)
        goto out;
    out_text(&call->out, "digits", _("Digits"), digits);
    out_text(&call->out, "server", _("Server"), where);
    out_line(&call->out, "%s",
             _("Read the digits out to who invited you. Once you are let in, run `baken sync`."));
    tell_of_sheet(call);
out:
    buf_wipe(&typed);
    buf_wipe(&address);
    return rc;
}

enum rc
cmd_device_list(struct call *call)
{
    const struct ledger *ledger = NULL;
    const struct ledger_device *device = NULL;
    struct texts texts = TEXTS_EMPTY;
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    ledger = replica_ledger(call->replica);
    out_list(&call->out, "devices", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && (device = ledger_device_at(ledger, i)) != NULL; i++) {
        const char *label = NULL;
        bool is_active = ledger_device_is_active(ledger, device->id);
        if (!is_active && !call_has(call, OPT_ALL))
            continue;
        rc = call_device_label(call, &texts, device->id, &label);
        out_row(&call->out);
        out_id(&call->out, "id", _("Id"), device->id);
        out_text(&call->out, "label", _("Device"), label);
        if (rc == RC_OK)
            rc = call_out_person(call, "person", _("Colleague"), device->person);
        out_bool(&call->out, "is_active", _("Active"), is_active);
        out_bool(&call->out, "is_this", _("This one"),
                 id_equal(device->id, replica_self(call->replica).feed.device));
        out_time(&call->out, "revoked_at", NULL, (int64_t)device->revoked_ms);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, NULL);
    texts_wipe(&texts);
    return rc;
}

/* What cannot be anybody's digits is told as that: who lacks a group would have them read out again for nothing. */
static enum rc
check_digits(const char *typed)
{
    size_t count = 0;

    for (const char *at = typed; *at != '\0'; at++) {
        if (*at >= '0' && *at <= '9')
            count++;
        else if (strchr(" -\t\r\n", *at) == NULL)
            return rc_fail(RC_INVALID, _("what was read out are twenty digits, in five groups of four: there is something else among them"));
    }
    if (count != JOINING_DIGITS)
        return rc_fail(RC_INVALID,
                       P_("there are twenty digits, in five groups of four; %zu was typed",
                          "there are twenty digits, in five groups of four; %zu were typed", count),
                       count);
    return RC_OK;
}

enum rc
cmd_device_approve(struct call *call)
{
    struct buf digits = BUF_EMPTY(LINE_BYTES);
    struct texts texts = TEXTS_EMPTY;
    const char *label = NULL, *typed = NULL;
    struct id device;
    enum rc rc = name_option(call, OPT_DEVICE, &texts, &label);

    for (size_t i = 0; rc == RC_OK && i < call->word_count; i++)
        rc = buf_printf(&digits, "%s ", call->words[i]);
    if (rc == RC_OK && call->word_count == 0)
        rc = read_secret_text(call, call_option(call, OPT_DIGITS_FILE),
                              _("Digits that were read out to you:"), &digits, &typed);
    typed = rc == RC_OK ? buf_text(&digits) : NULL;
    if (rc == RC_OK && typed == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = check_digits(typed);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = replica_approve(call->replica, &call->transport, typed, label, &device);
    if (rc == RC_ABSENT && call->ending.advice == NULL)
        call->ending.advice = _("let the digits be read out once more, and type them again");
    if (rc == RC_OK)
        rc = call_device_label(call, &texts, device, &label);
    if (rc == RC_OK) {
        out_object(&call->out, "device");
        out_id(&call->out, "id", _("Let in"), device);
        out_text(&call->out, "label", _("Device"), label);
        out_object_end(&call->out);
    }
    buf_wipe(&digits);
    texts_wipe(&texts);
    return rc;
}

/* What the rules refuse of an administrator's own: nobody would be left. Gives `rc` back. */
static enum rc
advise_administrator(struct call *call, enum rc rc)
{
    if (rc == RC_INVALID)
        call->ending.advice = _("correct it; if no administrator would be left, make a colleague one first: `baken person roles`");
    return rc;
}

enum rc
cmd_device_revoke(struct call *call)
{
    struct id device;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_device(call, call->words[0], &device);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = advise_administrator(call, replica_revoke_device(call->replica, &call->transport, device));
    if (rc == RC_OK) {
        out_object(&call->out, "device");
        out_id(&call->out, "id", NULL, device);
        rc = call_tell_device(call, _("Shut out"), device);
        out_object_end(&call->out);
    }
    return rc;
}

static enum rc
out_roles(struct call *call, uint32_t roles)
{
    const char *const *words = words_roles();
    struct buf said = BUF_EMPTY(NAME_BYTES);
    enum rc rc = words_put_roles(&said, roles);

    json_key(&call->out.writer, "roles");
    json_array_start(&call->out.writer);
    for (unsigned bit = 0; words[bit] != NULL; bit++)
        if ((roles & (UINT32_C(1) << bit)) != 0)
            json_text(&call->out.writer, words[bit]);
    json_array_end(&call->out.writer);
    if (rc == RC_OK)
        out_text(&call->out, NULL, _("Roles"), buf_text(&said));
    buf_wipe(&said);
    return rc;
}

enum rc
cmd_person_list(struct call *call)
{
    const struct ledger *ledger = NULL;
    const struct ledger_person *person = NULL;
    struct texts texts = TEXTS_EMPTY;
    enum rc rc = call_open_team(call);

    if (rc != RC_OK)
        return rc;
    ledger = replica_ledger(call->replica);
    out_list(&call->out, "persons", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && (person = ledger_person_at(ledger, i)) != NULL; i++) {
        const char *name = NULL;
        if (person->roles == 0 && !call_has(call, OPT_ALL))
            continue;
        rc = call_person_name(call, &texts, person->id, &name);
        out_row(&call->out);
        out_id(&call->out, "id", _("Id"), person->id);
        out_text(&call->out, "name", _("Name"), name);
        if (rc == RC_OK)
            rc = out_roles(call, person->roles);
        out_bool(&call->out, "is_you", NULL,
                 id_equal(person->id, replica_self(call->replica).person));
        out_row_end(&call->out);
    }
    out_list_end(&call->out, NULL);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_person_roles(struct call *call)
{
    const char *list = NULL;
    struct id person;
    uint32_t roles = 0;
    enum rc rc = call_need(call, OPT_ROLES, &list);

    if (rc == RC_OK)
        rc = input_roles(list, &roles);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_person(call, call->words[0], &person);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = advise_administrator(call, replica_set_roles(call->replica, &call->transport, person, roles));
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "person");
    out_id(&call->out, "id", _("Id"), person);
    rc = out_roles(call, roles);
    out_object_end(&call->out);
    return rc;
}
