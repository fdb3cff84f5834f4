/* Keeps the sentence behind the latest failure of each thread. */
#include "core/rc.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"

enum { SENTENCE_BYTES = 1024 };

static _Thread_local char sentence[SENTENCE_BYTES];

/* Names of files stand in sentences, and terminals obey control characters: ASCII's, and U+0080 to U+009F. */
static void
disarm(char *text)
{
    for (unsigned char *at = (unsigned char *)text; *at != '\0'; at++) {
        if (at[0] == 0xC2 && at[1] >= 0x80 && at[1] <= 0x9F)
            at[0] = at[1] = '?';
        if (at[0] < ' ' || at[0] == 0x7F)
            at[0] = '?';
    }
}

enum rc
rc_fail(enum rc code, const char *format, ...)
{
    /* The arguments may quote the sentence that is about to be replaced. */
    char fresh[SENTENCE_BYTES];
    va_list args;

    va_start(args, format);
    if (vsnprintf(fresh, sizeof fresh, format, args) < 0)
        fresh[0] = '\0';
    va_end(args);
    disarm(fresh);
    memcpy(sentence, fresh, sizeof fresh);
    return code;
}

enum rc
rc_nomem(void)
{
    return rc_fail(RC_NOMEM, _("memory ran out"));
}

enum rc
rc_while(enum rc code, const char *format, ...)
{
    char doing[SENTENCE_BYTES];
    char old[SENTENCE_BYTES];
    va_list args;

    va_start(args, format);
    int len = vsnprintf(doing, sizeof doing, format, args);
    va_end(args);
    if (len < 0)
        return code;
    disarm(doing);
    memcpy(old, sentence, sizeof old);
    if (old[0] == '\0')
        memcpy(sentence, doing, sizeof sentence);
    else if (snprintf(sentence, sizeof sentence, "%s: %s", doing, old) < 0)
        memcpy(sentence, old, sizeof sentence);
    return code;
}

const char *
rc_sentence(void)
{
    return sentence;
}

const char *
rc_name(enum rc code)
{
    static const char *const names[RC_COUNT] = {
        [RC_OK] = "ok",
        [RC_NOMEM] = "nomem",
        [RC_IO] = "io",
        [RC_FULL] = "full",
        [RC_CORRUPT] = "corrupt",
        [RC_INVALID] = "invalid",
        [RC_TOO_LARGE] = "too_large",
        [RC_ABSENT] = "absent",
        [RC_AMBIGUOUS] = "ambiguous",
        [RC_EXISTS] = "exists",
        [RC_LOCKED] = "locked",
        [RC_BUSY] = "busy",
        [RC_DENIED] = "denied",
        [RC_STALE] = "stale",
        [RC_OFFLINE] = "offline",
        [RC_UNTRUSTED] = "untrusted",
        [RC_UNSUPPORTED] = "unsupported",
    };

    return (unsigned)code < RC_COUNT ? names[code] : "unknown";
}
