/* What the files core/db*.c share. Private to them. */
#ifndef CORE_DB_INSIDE_H
#define CORE_DB_INSIDE_H

#include "core/db.h"

struct sqlite3; /* SQLite's connection */
struct sqlite3 *db_handle(const struct db *db);

#endif
