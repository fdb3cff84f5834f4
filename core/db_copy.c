/* Copies a database into a file or into memory, as it is at one moment, while others write to it. */
#include "core/db_inside.h"

#include <sqlite3.h>
#include <string.h>
#include <unistd.h>

#include "core/db_error.h"
#include "core/i18n.h"
#include "core/vfs.h"

enum { STEP_PAGES = 1024, BUSY_MS = 5000 };

/* The copy needs no journal: who is cut short throws it away. */
static int
open_copy(const char *path, const char *vfs, sqlite3 **copy)
{
    int code = sqlite3_open_v2(path, copy, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_EXRESCODE, vfs);

    if (code == SQLITE_OK)
        code = sqlite3_exec(*copy,
                            "PRAGMA locking_mode=EXCLUSIVE; PRAGMA journal_mode=MEMORY; PRAGMA synchronous=OFF;"
                            "PRAGMA cache_size=-4096; PRAGMA temp_store=MEMORY",
                            NULL, NULL, NULL);
    return code;
}

static int
copy_pages(sqlite3 *from, sqlite3 *to)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");
    int code;

    if (backup == NULL)
        return sqlite3_extended_errcode(to);
    do
        code = sqlite3_backup_step(backup, STEP_PAGES);
    while (code == SQLITE_OK);
    int ended = sqlite3_backup_finish(backup);
    return code == SQLITE_DONE ? ended : code;
}

/* A transaction of ours around the steps: what others commit meanwhile neither shows nor makes it begin anew. */
static int
copy_moment(sqlite3 *from, sqlite3 *to)
{
    int code;

    sqlite3_busy_timeout(from, BUSY_MS);
    code = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = copy_pages(from, to);
    if (sqlite3_get_autocommit(from) == 0)
        sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
    return code;
}

static enum rc
fail_copy(int code, int error)
{
    enum rc rc = db_rc_of(code);

    if (rc == RC_NOMEM)
        return rc_nomem();
    if (rc == RC_CORRUPT)
        return rc_fail(rc, _("a page of the store is damaged, foreign or cut (SQLite %d)"), code);
    if (rc == RC_IO && error != 0)
        return rc_fail(rc, "%s (SQLite %d): %s", sqlite3_errstr(code), code, strerror(error));
    return rc == RC_FULL ? rc_fail(rc, _("the disk is full")) : rc_fail(rc, "%s (SQLite %d)", sqlite3_errstr(code), code);
}

enum rc
db_copy(struct db *db, const char *path, const char *vfs)
{
    sqlite3 *to = NULL;
    int code = open_copy(path, vfs, &to);

    if (code == SQLITE_OK)
        code = copy_moment(db_handle(db), to);
    int error = to == NULL ? 0 : sqlite3_system_errno(to);
    int closed = sqlite3_close(to);
    if (code == SQLITE_OK)
        code = closed;
    return code == SQLITE_OK ? RC_OK : fail_copy(code, error);
}

/* Linux takes what is asked for and ends a program later that uses it: so it is asked before. */
static enum rc
check_memory(struct db *db)
{
    int64_t pages, memory = (int64_t)sysconf(_SC_PHYS_PAGES), bytes = (int64_t)sysconf(_SC_PAGESIZE);
    enum rc rc = db_get_int(db, "PRAGMA page_count", &pages);

    if (rc == RC_OK && (memory <= 0 || bytes <= 0 || pages > memory / 4 * (bytes / VFS_PAGE_BYTES)))
        rc = rc_fail(RC_TOO_LARGE, _("the store is larger than a quarter of this computer's memory"));
    return rc;
}

enum rc
db_copy_to_memory(struct db *db, struct db **copy)
{
    struct db_options options = {.in_memory = true};
    enum rc rc = check_memory(db);

    *copy = NULL;
    if (rc == RC_OK)
        rc = db_open(":memory:", &options, copy);
    if (rc != RC_OK)
        return rc;
    int code = copy_moment(db_handle(db), db_handle(*copy));
    if (code == SQLITE_OK)
        return RC_OK;
    db_close(*copy);
    *copy = NULL;
    return fail_copy(code, 0);
}
