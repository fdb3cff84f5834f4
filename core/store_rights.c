/* Whether the files of a store are files, and whether this user may read and write them. */
#include "core/store_rights.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "core/durable.h"
#include "core/i18n.h"

static enum rc
fail_right(const char *path, int right, bool is_directory)
{
    if (errno == EROFS)
        return rc_fail(RC_IO, _("the disk on which %s lies may only be read"), path);
    if (!is_directory)
        return right == R_OK ? rc_fail(RC_IO, _("you have no right to read the file %s"), path)
                             : rc_fail(RC_IO, _("you have no right to write to the file %s"), path);
    return right == X_OK   ? rc_fail(RC_IO, _("you have no right to enter the directory %s"), path)
           : right == R_OK ? rc_fail(RC_IO, _("you have no right to read the directory %s"), path)
                           : rc_fail(RC_IO, _("you have no right to write in the directory %s"), path);
}

/* Asks for each right by itself, for the sentence names one. */
static enum rc
check(const char *path, int wanted, bool is_directory)
{
    static const int RIGHTS[] = {X_OK, R_OK, W_OK};

    for (size_t i = 0; i < sizeof RIGHTS / sizeof RIGHTS[0]; i++)
        if ((wanted & RIGHTS[i]) != 0 && faccessat(AT_FDCWD, path, RIGHTS[i], AT_EACCESS) != 0 &&
            (errno == EACCES || errno == EROFS))
            return fail_right(path, RIGHTS[i], is_directory);
    return RC_OK;
}

/* The files of a store, and what they are opened for. */
static const struct {
    const char *name;
    int wanted;
} FILES[] = {{"keyslots.json", R_OK}, /* a change of passphrase puts another in its place */
             {"lock", R_OK | W_OK},
             {"store.db", R_OK | W_OK},
             {"store.db-wal", R_OK | W_OK},
             {"store.db-journal", R_OK | W_OK}};

enum { FILE_COUNT = sizeof FILES / sizeof FILES[0] };

/* False when the path is too long, which opening tells. */
static bool
put_path(char path[PATH_MAX], const char *directory, const char *name)
{
    int len = snprintf(path, PATH_MAX, "%s/%s", directory, name);

    return len > 0 && len < PATH_MAX;
}

enum rc
store_rights_check(const char *directory)
{
    char path[PATH_MAX];
    enum rc rc = check(directory, R_OK | W_OK | X_OK, true);

    for (size_t i = 0; rc == RC_OK && i < FILE_COUNT && put_path(path, directory, FILES[i].name); i++)
        rc = check(path, FILES[i].wanted, false);
    return rc;
}

enum rc
store_rights_check_kinds(const char *directory)
{
    char path[PATH_MAX];
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < FILE_COUNT && put_path(path, directory, FILES[i].name); i++)
        rc = durable_check_kind(path);
    return rc;
}
