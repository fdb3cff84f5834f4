/* Messages for people: gettext, domain "baken". */
#ifndef CORE_I18N_H
#define CORE_I18N_H

#include <libintl.h>

#define _(text) dgettext("baken", text)
#define N_(text) text

#endif
