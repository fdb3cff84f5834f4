/* How SQLite itself is set, once. */
#include "core/db_start.h"

#include <pthread.h>
#include <sqlite3.h>

#include "core/db_cache.h"

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void
start(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
    db_cache_put();
}

void
db_start(void)
{
    (void)pthread_once(&once, start);
}
