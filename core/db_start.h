/* How SQLite itself is set, for all connections of the process. */
#ifndef CORE_DB_START_H
#define CORE_DB_START_H

/*
 * To be called before anything else of SQLite is; where it runs already (a shell that loaded our VFS) it stays as it is, for what this
 * spares is time alone. From any thread, any number of times.
 *
 * The page cache: core/db_cache. Memory: SQLite counts none of it, for nobody asks, and to count takes a lock at each allocation
 * (https://www.sqlite.org/c3ref/c_config_covering_index_scan.html, SQLITE_CONFIG_MEMSTATUS); so its limits of the heap have no effect.
 * Measured: docs/BENCHMARKS.md.
 */
void db_start(void);

#endif
