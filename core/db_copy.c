/* Copies a database into a file, as it is at one moment, while others write to it. */
#include "core/db_inside.h"

#include <sqlite3.h>

#include "core/db_error.h"
#include "core/i18n.h"

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

enum rc
db_copy(struct db *db, const char *path, const char *vfs)
{
    sqlite3 *from = db_handle(db), *to = NULL;
    int code = open_copy(path, vfs, &to);

    sqlite3_busy_timeout(from, BUSY_MS);
    /* A transaction of ours around the steps: what others commit meanwhile neither shows nor makes it begin anew. */
    if (code == SQLITE_OK)
        code = sqlite3_exec(from, "BEGIN; SELECT count(*) FROM sqlite_schema", NULL, NULL, NULL);
    if (code == SQLITE_OK)
        code = copy_pages(from, to);
    if (sqlite3_get_autocommit(from) == 0)
        sqlite3_exec(from, "ROLLBACK", NULL, NULL, NULL);
    int closed = sqlite3_close(to);
    if (code == SQLITE_OK)
        code = closed;
    if (code == SQLITE_OK)
        return RC_OK;
    enum rc rc = db_rc_of(code);
    return rc == RC_FULL ? rc_fail(rc, _("the disk is full")) : rc_fail(rc, "%s (SQLite %d)", sqlite3_errstr(code), code);
}
