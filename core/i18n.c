/* Finds the language and its catalogue, also on a Debian that has no locale but C.UTF-8. */
#include "core/i18n.h"

#include <locale.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096 };

#ifndef BAKEN_LOCALEDIR
#define BAKEN_LOCALEDIR "/usr/share/locale"
#endif

/* The value of a variable that names a language; NULL for unset, empty, C, C.UTF-8 and POSIX. */
static const char *
language_in(const char *variable)
{
    const char *value = getenv(variable);

    if (value == NULL || value[0] == '\0' || strcmp(value, "C") == 0 ||
        strncmp(value, "C.", 2) == 0 || strcmp(value, "POSIX") == 0)
        return NULL;
    return value;
}

static const char *
choose_language(void)
{
    static const char *const variables[] = {"BAKEN_LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG"};

    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = language_in(variables[i]);
        if (value != NULL)
            return value;
    }
    return "nl";
}

/* The catalogues beside the program, where it was built, or one directory up, wherever it was installed. */
static bool
beside_program(char path[PATH_BYTES])
{
    static const char *const names[] = {"/locale", "/../share/locale"};
    enum { NAME_BYTES = sizeof "/../share/locale" };
    ssize_t len = readlink("/proc/self/exe", path, PATH_BYTES - NAME_BYTES);

    if (len <= 0)
        return false;
    path[len] = '\0';
    char *slash = strrchr(path, '/');
    for (size_t i = 0; slash != NULL && i < sizeof names / sizeof names[0]; i++) {
        (void)snprintf(slash, NAME_BYTES, "%s", names[i]);
        if (access(path, R_OK | X_OK) == 0)
            return true;
    }
    return false;
}

void
i18n_start(void)
{
    char path[PATH_BYTES];
    const char *language = choose_language();

    /* gettext reads LANGUAGE, but not while the locale is "C" (glibc's guess_category_value). So where
     * the environment's locale does not exist, or is C, C.UTF-8 stands in: it always exists, and
     * glibc 2.36 heeds LANGUAGE under it. Checked by tests/unit/test_i18n.c. */
    (void)setenv("LANGUAGE", language, 1);
    if (setlocale(LC_CTYPE, "") == NULL || strcmp(setlocale(LC_CTYPE, NULL), "C") == 0)
        (void)setlocale(LC_CTYPE, "C.UTF-8");
    const char *messages = setlocale(LC_MESSAGES, "");
    if (messages == NULL || strcmp(messages, "C") == 0 || strcmp(messages, "POSIX") == 0)
        (void)setlocale(LC_MESSAGES, "C.UTF-8");

    (void)bindtextdomain("baken", beside_program(path) ? path : BAKEN_LOCALEDIR);
    (void)bind_textdomain_codeset("baken", "UTF-8");
}
