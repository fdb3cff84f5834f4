/* Where a store lies when nobody says. */
#include "core/home.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"

enum rc
home_directory(const char *chosen, struct buf *path)
{
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (chosen == NULL)
        chosen = getenv("BAKEN_HOME");
    if (chosen != NULL && chosen[0] != '\0')
        return buf_put(path, chosen, strlen(chosen));
    /* The XDG rules: a relative path is as good as none. */
    if (data != NULL && data[0] == '/')
        return buf_printf(path, "%s/baken", data);
    if (home == NULL || home[0] == '\0')
        return rc_fail(RC_INVALID, _("there is no home directory: give --store"));
    return buf_printf(path, "%s/.local/share/baken", home);
}
