/* What SQLite's result codes mean for the caller. */
#include "core/db_error.h"

#include <sqlite3.h>

#include "core/vfs.h"

enum rc
db_rc_of(int code)
{
    switch (code) {
    case SQLITE_IOERR_DATA:
    case SQLITE_IOERR_SHORT_READ:
    case SQLITE_IOERR_CORRUPTFS:
        return RC_CORRUPT;
    case SQLITE_IOERR_NOMEM:
        return RC_NOMEM;
    case SQLITE_CONSTRAINT_UNIQUE:
    case SQLITE_CONSTRAINT_PRIMARYKEY:
    case SQLITE_CONSTRAINT_ROWID:
        return RC_EXISTS;
    case VFS_WRONG_KEY:
        return RC_LOCKED;
    case VFS_NEWER:
        return RC_UNSUPPORTED;
    default:
        break;
    }
    switch (code & 0xff) {
    case SQLITE_OK:
    case SQLITE_ROW:
    case SQLITE_DONE:
        return RC_OK;
    case SQLITE_NOMEM:
        return RC_NOMEM;
    case SQLITE_FULL:
        return RC_FULL;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return RC_BUSY;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
    case SQLITE_FORMAT:
        return RC_CORRUPT;
    case SQLITE_TOOBIG:
        return RC_TOO_LARGE;
    case SQLITE_ERROR:
    case SQLITE_CONSTRAINT:
    case SQLITE_MISMATCH:
    case SQLITE_RANGE:
    case SQLITE_MISUSE:
    case SQLITE_AUTH:
        return RC_INVALID;
    default:
        return RC_IO;
    }
}
