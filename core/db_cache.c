/* SQLite's page cache, asked to drop the pages beyond the end of a file only where it has some. */
#include "core/db_cache.h"

#include <sqlite3.h>
#include <stdlib.h>

/* What SQLite is handed as one of its caches. */
struct cache {
    sqlite3_pcache *own;
    unsigned highest; /* no page above it is in the cache, but for */
    unsigned parked;  /* one that was given this number, for a moment as it turns out; 0: none */
};

/* SQLite's own cache: written once, before SQLite runs. */
static sqlite3_pcache_methods2 own;

static struct cache *
cache_of(sqlite3_pcache *opaque)
{
    return (struct cache *)opaque;
}

static int
cache_init(void *context)
{
    (void)context;
    return own.xInit(own.pArg);
}

static void
cache_shutdown(void *context)
{
    (void)context;
    own.xShutdown(own.pArg);
}

static sqlite3_pcache *
cache_create(int page_bytes, int extra_bytes, int may_drop)
{
    struct cache *cache = calloc(1, sizeof *cache);

    if (cache == NULL)
        return NULL;
    cache->own = own.xCreate(page_bytes, extra_bytes, may_drop);
    if (cache->own == NULL) {
        free(cache);
        return NULL;
    }
    return (sqlite3_pcache *)cache;
}

static void
cache_size(sqlite3_pcache *opaque, int pages)
{
    own.xCachesize(cache_of(opaque)->own, pages);
}

static int
cache_count(sqlite3_pcache *opaque)
{
    return own.xPagecount(cache_of(opaque)->own);
}

static sqlite3_pcache_page *
cache_fetch(sqlite3_pcache *opaque, unsigned number, int may_create)
{
    struct cache *cache = cache_of(opaque);

    if (may_create != 0 && number > cache->highest)
        cache->highest = number;
    return own.xFetch(cache->own, number, may_create);
}

static void
cache_unpin(sqlite3_pcache *opaque, sqlite3_pcache_page *page, int drops)
{
    own.xUnpin(cache_of(opaque)->own, page, drops);
}

static void
cache_rekey(sqlite3_pcache *opaque, sqlite3_pcache_page *page, unsigned before, unsigned after)
{
    struct cache *cache = cache_of(opaque);

    if (before == cache->parked)
        cache->parked = 0;
    if (after > cache->highest && cache->parked == 0)
        cache->parked = after;
    else if (after > cache->highest)
        cache->highest = after;
    own.xRekey(cache->own, page, before, after);
}

static void
cache_truncate(sqlite3_pcache *opaque, unsigned limit)
{
    struct cache *cache = cache_of(opaque);

    if (limit > cache->highest && limit > cache->parked)
        return;
    own.xTruncate(cache->own, limit);
    if (cache->highest >= limit)
        cache->highest = limit - 1; /* SQLite's least limit is 1 */
    if (cache->parked >= limit)
        cache->parked = 0;
}

static void
cache_destroy(sqlite3_pcache *opaque)
{
    own.xDestroy(cache_of(opaque)->own);
    free(opaque);
}

static void
cache_shrink(sqlite3_pcache *opaque)
{
    own.xShrink(cache_of(opaque)->own);
}

static const sqlite3_pcache_methods2 methods = {
    .iVersion = 1,
    .xInit = cache_init,
    .xShutdown = cache_shutdown,
    .xCreate = cache_create,
    .xCachesize = cache_size,
    .xPagecount = cache_count,
    .xFetch = cache_fetch,
    .xUnpin = cache_unpin,
    .xRekey = cache_rekey,
    .xTruncate = cache_truncate,
    .xDestroy = cache_destroy,
    .xShrink = cache_shrink,
};

void
db_cache_put(void)
{
    if (sqlite3_config(SQLITE_CONFIG_GETPCACHE2, &own) == SQLITE_OK)
        (void)sqlite3_config(SQLITE_CONFIG_PCACHE2, &methods);
}
