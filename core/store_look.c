/* A store that is only looked at: its pages authenticated, and a copy in memory in which the doctor may try what he would do. */
#include "core/store_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/i18n.h"

enum { READ_TRIES = 3 }; /* beside a writer a page may be read while it is written */

/* The store counts before its token does: so the token is read before the copy is made, or one who writes meanwhile would
 * look like an older store. Who has none here (another user, another machine) is told nothing by that. */
enum rc
store_go_on_in_memory(struct store *store)
{
    struct store_token outside;
    struct db *copy;

    assert(store->is_readonly && store->disk == NULL);
    enum rc found = store_token_beside(store, &outside);
    enum rc rc = db_copy_to_memory(store->db, &copy);
    if (rc != RC_OK)
        return rc_while(rc, _("copying the store into memory"));
    store->disk = store->db;
    store->db = copy;
    return found == RC_ABSENT ? RC_OK : store_compare_with(store, found, &outside);
}

/* With a log beside it, pages of the file may be older or torn, and what counts is in the log. */
static bool
has_log(const struct store *store)
{
    char path[PATH_MAX + 8];
    struct stat info;
    int len = snprintf(path, sizeof path, "%s-wal", store->path);

    return len <= 0 || stat(path, &info) != 0 ? errno != ENOENT : info.st_size > 0;
}

enum rc
store_verify(struct store *store, struct vfs_verdict *verdict)
{
    unsigned tries = store->is_readonly ? READ_TRIES : 1;

    *verdict = (struct vfs_verdict){0, 0, 0};
    enum rc rc = store->is_readonly ? RC_OK : db_checkpoint(store->db, true);
    do
        rc = rc == RC_OK ? vfs_verify(store->vfs, store->path, verdict) : rc;
    while (rc == RC_OK && verdict->bad > 0 && --tries > 0);
    if (rc == RC_OK && verdict->bad > 0 && store->is_readonly && has_log(store))
        rc = rc_fail(RC_STALE, _("pages of the file do not authenticate, and a log lies beside it, which may hold them: `baken doctor` "
                                 "empties it into the file and looks again"));
    return rc;
}

enum rc
store_forget_kept(struct store *store)
{
    return store->is_readonly ? RC_OK : vfs_kept_forget(store->directory);
}
