/* Messages for people: gettext, domain "baken". */
#ifndef CORE_I18N_H
#define CORE_I18N_H

#include <libintl.h>

#define _(text) dgettext("baken", text)
#define N_(text) text
/* What is said of a count: of one, and of none or more. */
#define P_(one, more, count) dngettext("baken", one, more, count)

/* Chooses the language and finds the messages; call once, before any thread. The first of BAKEN_LANG,
 * LANGUAGE, LC_ALL, LC_MESSAGES and LANG that names a language decides; C and POSIX name none; when
 * none does, it is Dutch. Works without any locale but C.UTF-8. Without this call, and for languages
 * that we lack, messages are English. Numbers stay in the C locale. */
void i18n_start(void);

#endif
