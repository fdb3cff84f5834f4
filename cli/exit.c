/* One table: result code, exit code, what is safe, what to do. */
#include "cli/exit.h"

#include "core/i18n.h"

static const struct {
    enum exit_code code;
    const char *safe;
    const char *advice;
} table[RC_COUNT] = {
    [RC_OK] = {EXIT_DONE, "", ""},
    [RC_NOMEM] = {EXIT_OTHER, N_("nothing was changed"), N_("close other programs and try again")},
    [RC_IO] = {EXIT_DISK, N_("what was saved before is still there"),
               N_("look at the disk and the rights on the directory, and run `baken doctor`")},
    [RC_FULL] = {EXIT_DISK_FULL, N_("what was saved before is still there"),
                 N_("make room on the disk and do it again")},
    [RC_CORRUPT] = {EXIT_DAMAGED, N_("nothing was changed"),
                    N_("run `baken doctor` and keep the directory as it is")},
    [RC_INVALID] = {EXIT_BAD_INPUT, N_("nothing was changed"), N_("correct it and do it again")},
    [RC_TOO_LARGE] = {EXIT_TOO_LARGE, N_("the text stays where it was and nothing was changed"),
                      N_("shorten it or spread it over more than one note")},
    [RC_ABSENT] = {EXIT_NOT_FOUND, N_("nothing was changed"),
                   N_("look whether it is right; `baken sync` fetches what was made elsewhere")},
    [RC_AMBIGUOUS] = {EXIT_AMBIGUOUS, N_("nothing was changed"), N_("type more characters")},
    [RC_EXISTS] = {EXIT_EXISTS, N_("what is there was not touched"),
                   N_("use what is there or choose another")},
    [RC_LOCKED] =
        {EXIT_LOCKED, N_("nothing was changed"),
         N_("give the right passphrase, or wait until a colleague's device passed the key on")},
    [RC_BUSY] = {EXIT_BUSY, N_("nothing was changed"),
                 N_("wait until the other command is ready and do it again")},
    [RC_DENIED] = {EXIT_DENIED, N_("nothing was changed"),
                   N_("ask the coordinator of your team, or who manages the server")},
    [RC_STALE] = {EXIT_STALE, N_("nothing was changed"),
                  N_("run `baken sync`, look again and repeat it")},
    [RC_OFFLINE] = {EXIT_OFFLINE, N_("what you saved before waits on this device"),
                    N_("try again when there is a connection; notes, goals and what else needs no server can be written "
                       "meanwhile")},
    [RC_UNTRUSTED] = {EXIT_UNTRUSTED,
                      N_("nothing of it was taken over and what you saved is on this device"),
                      N_("do not try again and tell who manages the server")},
    [RC_UNSUPPORTED] = {EXIT_UNSUPPORTED, N_("nothing was changed"),
                        N_("install the newest Baken")},
};

enum exit_code
exit_of(enum rc rc)
{
    return table[rc].code;
}

enum rc
exit_message(enum rc rc, const struct ending *ending, struct buf *out)
{
    const char *what = rc_sentence();
    const char *safe = ending->safe != NULL ? ending->safe : _(table[rc].safe);
    const char *advice = ending->advice != NULL ? ending->advice : _(table[rc].advice);

    if (what[0] == '\0')
        what = rc_name(rc);
    return buf_printf(out, "%s; %s; %s.", what, safe, advice);
}
