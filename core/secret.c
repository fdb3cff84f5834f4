/* One guarded arena for key bytes: locked, never dumped, wiped on fork, zeroed slot by slot.
 *
 *   guard | page 0 | page 1 | ... | guard      a page holds slots of one size; which are taken
 *                                              stands outside, so a fork's zeros break nothing */
#include "core/secret.h"

#include <assert.h>
#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "core/i18n.h"

enum {
    PAGE_BYTES = 4096,
    PAGES = 512,
    GUARD_BYTES = 65536, /* a whole number of pages wherever a page is at most this */
    SLOT_LEAST = 32,
    SLOTS_MOST = PAGE_BYTES / SLOT_LEAST,
};

static struct {
    pthread_mutex_t mutex;
    uint8_t *base; /* NULL before secret_start */
    size_t locked_pages;      /* the first ones, as many as RLIMIT_MEMLOCK lets */
    uint16_t slot_bytes[PAGES]; /* 0: the page is free */
    uint8_t taken[PAGES][SLOTS_MOST];
} arena = {.mutex = PTHREAD_MUTEX_INITIALIZER};

enum rc
secret_start(void)
{
    const size_t len = (size_t)PAGES * PAGE_BYTES;
    enum rc rc = RC_OK;

    if (sodium_init() < 0)
        return rc_fail(RC_IO, _("the machine gives no random bytes"));
    (void)pthread_mutex_lock(&arena.mutex);
    if (arena.base != NULL)
        goto out;
    uint8_t *map = mmap(NULL, len + 2 * GUARD_BYTES, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (map == MAP_FAILED) {
        rc = rc_nomem();
        goto out;
    }
    uint8_t *base = map + GUARD_BYTES;
    if (mprotect(base, len, PROT_READ | PROT_WRITE) != 0 ||
        madvise(base, len, MADV_DONTDUMP) != 0 || madvise(base, len, MADV_WIPEONFORK) != 0) {
        (void)munmap(map, len + 2 * GUARD_BYTES);
        rc = rc_nomem();
        goto out;
    }
    size_t pages = PAGES;
    while (pages > 0 && mlock(base, pages * PAGE_BYTES) != 0)
        pages /= 2;
    arena.locked_pages = pages;
    arena.base = base;
out:
    (void)pthread_mutex_unlock(&arena.mutex);
    return rc;
}

bool
secret_is_locked(void)
{
    bool is_locked = arena.locked_pages > 0;

    (void)pthread_mutex_lock(&arena.mutex);
    for (size_t page = arena.locked_pages; page < PAGES; page++)
        is_locked = is_locked && arena.slot_bytes[page] == 0;
    (void)pthread_mutex_unlock(&arena.mutex);
    return is_locked;
}

void
secret_harden_process(void)
{
    const struct rlimit none = {0, 0};

    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
}

static size_t
slot_size(size_t len)
{
    size_t size = SLOT_LEAST;

    while (size < len)
        size *= 2;
    return size;
}

/* Takes a free slot of one page; NULL when the page is full or holds another size. */
static uint8_t *
take_from(size_t page, size_t size)
{
    if (arena.slot_bytes[page] != 0 && arena.slot_bytes[page] != size)
        return NULL;
    uint8_t *slot = memchr(arena.taken[page], 0, PAGE_BYTES / size);
    if (slot == NULL)
        return NULL;
    *slot = 1;
    arena.slot_bytes[page] = (uint16_t)size;
    return arena.base + page * PAGE_BYTES + (size_t)(slot - arena.taken[page]) * size;
}

enum rc
secret_make(struct secret *secret, size_t len)
{
    assert(arena.base != NULL);
    secret_wipe(secret);
    if (len > SECRET_MAX_BYTES)
        return rc_fail(RC_TOO_LARGE, _("a secret of more than %d bytes"), SECRET_MAX_BYTES);

    size_t size = slot_size(len);
    uint8_t *bytes = NULL;
    (void)pthread_mutex_lock(&arena.mutex);
    for (size_t page = 0; page < PAGES && bytes == NULL; page++)
        bytes = take_from(page, size);
    (void)pthread_mutex_unlock(&arena.mutex);
    if (bytes == NULL)
        return rc_fail(RC_NOMEM, _("no guarded memory is left for keys"));
    *secret = (struct secret){bytes, len};
    return RC_OK;
}

void
secret_wipe(struct secret *secret)
{
    if (secret->bytes == NULL)
        return;
    size_t offset = (size_t)(secret->bytes - arena.base);
    size_t page = offset / PAGE_BYTES;

    assert(page < PAGES);
    (void)pthread_mutex_lock(&arena.mutex);
    size_t size = arena.slot_bytes[page];
    assert(size != 0);
    size_t slot = offset % PAGE_BYTES / size;
    assert(arena.taken[page][slot] == 1);
    sodium_memzero(secret->bytes, size);
    arena.taken[page][slot] = 0;
    if (memchr(arena.taken[page], 1, PAGE_BYTES / size) == NULL)
        arena.slot_bytes[page] = 0;
    (void)pthread_mutex_unlock(&arena.mutex);
    *secret = SECRET_EMPTY;
}

enum rc
secret_copy(struct secret *secret, const void *bytes, size_t len)
{
    struct secret made = SECRET_EMPTY;
    enum rc rc = secret_make(&made, len); /* `bytes` may lie in what is about to be wiped */

    if (rc != RC_OK)
        return rc;
    if (len > 0)
        memcpy(made.bytes, bytes, len);
    secret_wipe(secret);
    *secret = made;
    return RC_OK;
}

enum rc
secret_random(struct secret *secret, size_t len)
{
    enum rc rc = secret_make(secret, len);

    if (rc == RC_OK)
        randombytes_buf(secret->bytes, len);
    return rc;
}

bool
secret_equal(const struct secret *a, const struct secret *b)
{
    if (a->len != b->len)
        return false;
    return a->len == 0 || sodium_memcmp(a->bytes, b->bytes, a->len) == 0;
}

void
random_fill(void *out, size_t len)
{
    randombytes_buf(out, len);
}

uint64_t
random_u64(void)
{
    uint64_t value;

    randombytes_buf(&value, sizeof value);
    return value;
}

void
wipe(void *bytes, size_t len)
{
    sodium_memzero(bytes, len);
}
