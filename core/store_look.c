/* A store that is only looked at: its pages authenticated, and a copy in memory in which the doctor may try what he would do. */
#include "core/store_inside.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "core/i18n.h"

enum { READ_TRIES = 3 }; /* beside a writer a page may be read while it is written */

enum rc
store_go_on_in_memory(struct store *store)
{
    struct db *copy;

    assert(store->is_readonly && store->disk == NULL);
    enum rc rc = db_copy_to_memory(store->db, &copy);
    if (rc != RC_OK)
        return rc_while(rc, _("copying the store into memory"));
    store->disk = store->db;
    store->db = copy;
    return RC_OK;
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
