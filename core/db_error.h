/* What SQLite's result codes mean for the caller. Private to core/db. */
#ifndef CORE_DB_ERROR_H
#define CORE_DB_ERROR_H

#include "core/rc.h"

/* `code` is an extended result code of SQLite, or one of core/vfs. */
enum rc db_rc_of(int code) MUST_CHECK;

#endif
