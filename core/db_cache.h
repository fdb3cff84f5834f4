/* SQLite's page cache, without a walk over all of it at each commit that moved pages. */
#ifndef CORE_DB_CACHE_H
#define CORE_DB_CACHE_H

/*
 * Puts itself before SQLite's own page cache, for all connections of the process. For db_start alone; where SQLite runs already (or
 * memory is short) this changes nothing, for what it spares is time alone.
 *
 * Source: SQLite 3.40.1, balance_nonroot in btree.c swaps two pages by way of page 262145 (PENDING_BYTE); pcache1.c takes that for the
 * highest page it has, so that the next commit, which drops what lies beyond the file's end, looks at each page in the cache: docs/decisions/025.
 */
void db_cache_put(void);

#endif
