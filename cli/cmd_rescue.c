/* `baken doctor --rescue`: what can be read of a damaged store, in a new one. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/unlock.h"
#include "core/i18n.h"
#include "core/store_lock.h"
#include "sync/rescue.h"

#include <inttypes.h>
#include <limits.h>
#include <string.h>

static enum rc
lost_row(void *context, const struct rescue_lost *lost)
{
    struct call *call = context;

    out_row(&call->out);
    out_text(&call->out, "family", _("Family"), lost->code_name);
    out_id(&call->out, "stream", NULL, lost->stream);
    out_int(&call->out, "saves", _("Saves that could not be read"), (int64_t)lost->last - lost->first + 1);
    out_time(&call->out, "before", _("Written before"), lost->before_ms);
    out_row_end(&call->out);
    return RC_OK;
}

static void
tell(struct call *call, const struct rescue *rescue, const char *directory)
{
    out_text(&call->out, "directory", NULL, directory);
    out_int(&call->out, "unsent", NULL, (int64_t)rescue->unsent);
    out_int(&call->out, "remade", NULL, (int64_t)rescue->remade);
    out_int(&call->out, "replaced", NULL, (int64_t)rescue->replaced);
    out_int(&call->out, "lost", NULL, (int64_t)rescue->lost);
    out_line(&call->out,
             P_("What could be read is in %s. Not sent yet, and brought along: %" PRIu64 " save or sealed packet.",
                "What could be read is in %s. Not sent yet, and brought along: %" PRIu64 " saves or sealed packets.", rescue->unsent),
             directory, rescue->unsent);
    if (rescue->remade > 0)
        out_notice(&call->out, "remade",
                   P_("%" PRIu64 " save of this device could not be read and was made good from what the tables show of it: look "
                      "whether your last notes are complete.",
                      "%" PRIu64 " saves of this device could not be read and were made good from what the tables show of them: look "
                      "whether your last notes are complete.",
                      rescue->remade),
                   rescue->remade);
    if (rescue->replaced > 0)
        out_notice(&call->out, "replaced",
                   P_("%" PRIu64 " earlier save of this device could not be read; all of it was replaced since, and what replaced it is "
                      "there.",
                      "%" PRIu64 " earlier saves of this device could not be read; all of it was replaced since, and what replaced it is "
                      "there.",
                      rescue->replaced),
                   rescue->replaced);
    if (rescue->lost > 0) {
        call->exit = EXIT_PARTLY;
        out_notice(&call->out, "unsent_lost",
                   P_("%" PRIu64 " save of this device could not be read, and the server is not known to have it: write it again, "
                      "unless `baken sync` brings it.",
                      "%" PRIu64 " saves of this device could not be read, and the server is not known to have them: write them again, "
                      "unless `baken sync` brings them.",
                      rescue->lost),
                   rescue->lost);
    }
    out_notice(&call->out, "rescued", "%s",
               _("The old directory is as it was: keep it. Run `baken sync` with --store and the new directory: it brings what the "
                 "server has, and only then is anything sent; then `baken doctor` there. Write in the new one from now on: what is written in "
                 "the old one goes nowhere."));
}

static void
tell_of_leftovers(struct call *call, const char *directory, unsigned count)
{
    if (count > 0)
        out_notice(&call->out, "half_rescued",
                   _("Beside it lie half-made stores of a rescue that was cut short, called %s.rescuing-...: %u. The old directory has "
                     "all that is in them: delete them."),
                   directory, count);
}

static enum rc
rescue_to(struct call *call, const char *old, const char *directory)
{
    struct secret key = SECRET_EMPTY;
    struct store_options options = {.directory = old, .clock = call->clock, .key = &key, .is_checkup = true};
    struct rescue rescue = {.is_damaged = false};
    struct id id;
    sigset_t before;
    int turn = -1;
    unsigned leftovers = 0;
    enum rc rc = unlock_key(call, old, &id, &key);

    if (rc == RC_ABSENT)
        rc = call_no_store(call, old);
    if (rc == RC_OK) /* where it may not be written, nobody writes */
        rc = store_lock_take(old, &call->clock, &turn);
    if (rc == RC_IO)
        rc = RC_OK;
    if (rc == RC_OK)
        rc = store_open_to_read(&options, &call->store);
    if (rc == RC_OK)
        rc = rescue_leftovers(directory, &leftovers);
    options.directory = directory;
    progress_step(&call->out.progress, _("reading what can be read"));
    interrupt_hold(&before);
    out_list(&call->out, "lost_saves", OUT_TABLE);
    if (rc == RC_OK)
        rc = rescue_into(call->store, &options, lost_row, call, &rescue);
    out_list_end(&call->out, NULL);
    tell_of_leftovers(call, directory, leftovers);
    interrupt_release(&before);
    store_lock_release(turn);
    secret_wipe(&key);
    if (rc == RC_OK)
        tell(call, &rescue, directory);
    return rc;
}

/* The new directory without a slash at its end, behind which no name could be made; not in the old one, which stays as it is. */
static enum rc
take_directory(struct call *call, const char *old, struct buf *path, const char **directory)
{
    const char *typed = call_option(call, OPT_RESCUE);
    size_t len = strlen(typed);

    while (len > 1 && typed[len - 1] == '/')
        len--;
    enum rc rc = buf_put(path, typed, len);
    if (rc != RC_OK)
        return rc;
    *directory = buf_text(path);
    if (*directory == NULL)
        return rc_nomem();
    if (len == 0 || call_lies_in(*directory, old))
        return rc_fail(RC_INVALID, _("`%s` is empty or lies in the old directory: name a new one beside it"), *directory);
    return RC_OK;
}

enum rc
cmd_doctor_rescue(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_MAX), fresh = BUF_EMPTY(PATH_MAX);
    const char *old = NULL, *directory = NULL;
    enum rc rc = call_has(call, OPT_ACCEPT) || call_has(call, OPT_LOOK)
                     ? rc_fail(RC_INVALID, _("--rescue is given without --accept and --look"))
                     : call_directory(call, &path, &old);

    call->ending.safe = _("the old directory is as it was");
    if (rc == RC_OK)
        rc = take_directory(call, old, &fresh, &directory);
    if (rc == RC_OK)
        rc = rescue_to(call, old, directory);
    if (rc == RC_CORRUPT && call->ending.advice == NULL)
        call->ending.advice = _("put a backup back with `baken restore FILE --replace`, or join the team again as a further device, "
                                "which fetches all that was sent");
    if (rc == RC_EXISTS)
        call->ending.advice = _("name a directory that does not exist yet, or is empty");
    if (rc == RC_UNTRUSTED)
        call->ending.advice = _("change the passphrase first, with `baken passphrase change`");
    buf_wipe(&fresh);
    buf_wipe(&path);
    return rc;
}
