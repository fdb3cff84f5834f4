/* What sealing costs: the same work on plain SQLite and in our VFS, and in SQLite3 Multiple Ciphers' schemes where the
 * SQLite that this is linked with has them (`make bench-peers`). Interleaved line by line; medians of RUNS repetitions
 * (default 7), wall and CPU; the derivation of keys is never timed. ROWS in the environment makes it smaller. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "core/crypto_page.h"
#include "core/secret.h"
#include "core/vfs.h"
#include "tests/bench/median.h"
#include "tests/support/scratch.h"

enum { RUNS_MOST = 101, SMALL = 2000, LOOKUPS = 20000, SIDES_MOST = 8, PAGES = 4000 };

#define RAW_KEY "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"

/* Those of docs/STORE.md; every side keeps the file for several processes. */
static const char SETTINGS[] =
    "PRAGMA page_size=4096; PRAGMA cache_size=-65536;"
    "PRAGMA cache_spill=OFF; PRAGMA temp_store=MEMORY; PRAGMA mmap_size=0; PRAGMA secure_delete=ON;"
    "PRAGMA synchronous=NORMAL; PRAGMA wal_autocheckpoint=4000;";

enum line { BULK, INDEX, NORMAL, FULL, SCAN, LOOKUP, LINES };

static const char *const line_names[LINES] = {
    "bulk", "index", "small_normal", "small_full", "scan", "lookups",
};

struct span {
    double wall_ms;
    double cpu_ms;
};

/* One way to keep a file. */
struct side {
    const char *name;
    const char *cipher; /* SQLite3 Multiple Ciphers' pragmas; NULL: none */
    bool is_ours;
    char path[200];
    struct vfs *vfs;
    sqlite3 *db;
    struct span spans[LINES][RUNS_MOST];
};

static struct side sides[SIDES_MOST] = {
    {.name = "plain"},
    {.name = "baken", .is_ours = true},
    {.name = "sqlcipher4",
     .cipher = "PRAGMA cipher='sqlcipher'; PRAGMA legacy=4; PRAGMA key='raw:" RAW_KEY "';"},
    {.name = "chacha20", .cipher = "PRAGMA cipher='chacha20'; PRAGMA key='raw:" RAW_KEY "';"},
    {.name = "aegis", .cipher = "PRAGMA cipher='aegis'; PRAGMA key='raw:" RAW_KEY "';"},
};

struct bench {
    struct scratch scratch;
    struct secret key;
    size_t sides;
    size_t runs;
    int rows;
};

static void
demand(bool condition, const char *what, sqlite3 *db)
{
    if (condition)
        return;
    fprintf(stderr, "bench_store: %s: %s\n", what, db == NULL ? "" : sqlite3_errmsg(db));
    exit(1);
}

static struct span
now(void)
{
    struct timespec wall;
    struct rusage used;

    (void)clock_gettime(CLOCK_MONOTONIC, &wall);
    (void)getrusage(RUSAGE_SELF, &used);
    return (struct span){
        (double)wall.tv_sec * 1e3 + (double)wall.tv_nsec / 1e6,
        (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e3 +
            (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e3,
    };
}

static struct span
since(struct span start)
{
    struct span end = now();

    return (struct span){end.wall_ms - start.wall_ms, end.cpu_ms - start.cpu_ms};
}

static void
run(sqlite3 *db, const char *sql)
{
    demand(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK, sql, db);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt;

    demand(sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) == SQLITE_OK, sql, db);
    return stmt;
}

/* ---- opening -------------------------------------------------------------------------------- */

static void
put_file_name(struct side *side, const char *suffix, char name[220])
{
    snprintf(name, 220, "%s%s", side->path, suffix);
}

static void
forget_file(struct side *side)
{
    static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
    char name[220];

    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        put_file_name(side, suffixes[i], name);
        (void)unlink(name);
    }
}

static void
open_side(struct bench *bench, struct side *side)
{
    const char *vfs = "unix";

    if (side->is_ours) {
        demand(vfs_register(NULL, &bench->key, NULL, &side->vfs) == RC_OK, "vfs_register", NULL);
        vfs = vfs_name(side->vfs);
    }
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    demand(sqlite3_open_v2(side->path, &side->db, flags, side->cipher == NULL ? vfs : NULL) ==
               SQLITE_OK,
           "open", side->db);
    if (side->cipher != NULL)
        run(side->db, side->cipher);
    run(side->db, SETTINGS);
    run(side->db, "PRAGMA journal_mode=MEMORY; PRAGMA journal_mode=WAL;");
    run(side->db, "SELECT * FROM sqlite_schema;"); /* proves the key, reads the schema */
}

static void
close_side(struct side *side)
{
    if (side->db == NULL)
        return;
    demand(sqlite3_close(side->db) == SQLITE_OK, "close", side->db);
    side->db = NULL;
    vfs_unregister(side->vfs);
    side->vfs = NULL;
}

/* A connection that has read nothing; the system's cache stays warm for all. */
static void
open_anew(struct bench *bench, struct side *side)
{
    close_side(side);
    open_side(bench, side);
}

/* ---- the work ------------------------------------------------------------------------------- */

static unsigned
next_random(unsigned *seed)
{
    *seed = *seed * 1103515245u + 12345u;
    return *seed >> 8;
}

static void
bind_row(sqlite3_stmt *stmt, unsigned *seed)
{
    static const char words[] = "moeder vader school rustig vandaag samen huis eten slapen boos "
                                "fiets vrijdag bellen oma praten kind werk buiten goed moeilijk ";
    unsigned at = next_random(seed) % (sizeof words - 90);

    sqlite3_bind_int64(stmt, 1, next_random(seed));
    sqlite3_bind_text(stmt, 2, words + at, 80, SQLITE_STATIC);
}

static void
step(struct side *side, sqlite3_stmt *stmt)
{
    demand(sqlite3_step(stmt) == SQLITE_DONE, "step", side->db);
    sqlite3_reset(stmt);
}

static struct span
time_bulk(struct bench *bench, struct side *side)
{
    unsigned seed = 1;

    run(side->db,
        "CREATE TABLE t (id INTEGER PRIMARY KEY, k INTEGER NOT NULL, body TEXT NOT NULL)");
    sqlite3_stmt *stmt = prepare(side->db, "INSERT INTO t (k, body) VALUES (?1, ?2)");
    struct span start = now();
    run(side->db, "BEGIN IMMEDIATE");
    for (int i = 0; i < bench->rows; i++) {
        bind_row(stmt, &seed);
        step(side, stmt);
    }
    run(side->db, "COMMIT");
    struct span took = since(start);
    sqlite3_finalize(stmt);
    return took;
}

static struct span
time_index(struct bench *bench, struct side *side)
{
    open_anew(bench, side);
    struct span start = now();

    run(side->db, "CREATE INDEX t_by_k ON t (k)");
    return since(start);
}

/* Each transaction adds a row and its index entry, and changes an older row. */
static struct span
time_small(struct bench *bench, struct side *side, bool is_full)
{
    unsigned seed = 2;
    sqlite3_stmt *stmts[] = {
        prepare(side->db, "BEGIN IMMEDIATE"),
        prepare(side->db, "INSERT INTO t (k, body) VALUES (?1, ?2)"),
        prepare(side->db, "UPDATE t SET body = ?2 WHERE id = ?1"),
        prepare(side->db, "COMMIT"),
    };

    run(side->db, is_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
    struct span start = now();
    for (int i = 0; i < SMALL; i++) {
        step(side, stmts[0]);
        bind_row(stmts[1], &seed);
        step(side, stmts[1]);
        bind_row(stmts[2], &seed);
        sqlite3_bind_int64(stmts[2], 1, 1 + next_random(&seed) % (unsigned)bench->rows);
        step(side, stmts[2]);
        step(side, stmts[3]);
    }
    struct span took = since(start);
    for (size_t i = 0; i < sizeof stmts / sizeof *stmts; i++)
        sqlite3_finalize(stmts[i]);
    return took;
}

static struct span
time_scan(struct bench *bench, struct side *side)
{
    open_anew(bench, side);
    sqlite3_stmt *stmt = prepare(side->db, "SELECT count(*), sum(length(body)) FROM t NOT INDEXED");
    struct span start = now();
    demand(sqlite3_step(stmt) == SQLITE_ROW, "scan", side->db);
    struct span took = since(start);
    demand(sqlite3_column_int64(stmt, 0) == bench->rows + 2 * SMALL, "all rows", NULL);
    sqlite3_finalize(stmt);
    return took;
}

static struct span
time_lookups(struct bench *bench, struct side *side)
{
    unsigned seed = 3;

    open_anew(bench, side);
    run(side->db, "PRAGMA cache_size=-200");
    sqlite3_stmt *stmt = prepare(side->db, "SELECT body FROM t WHERE id = ?1");
    struct span start = now();
    for (int i = 0; i < LOOKUPS; i++) {
        sqlite3_bind_int64(stmt, 1, 1 + next_random(&seed) % (unsigned)bench->rows);
        demand(sqlite3_step(stmt) == SQLITE_ROW, "lookup", side->db);
        sqlite3_reset(stmt);
    }
    struct span took = since(start);
    sqlite3_finalize(stmt);
    return took;
}

static struct span
time_line(struct bench *bench, struct side *side, enum line line)
{
    switch (line) {
    case BULK:
        forget_file(side);
        open_anew(bench, side);
        return time_bulk(bench, side);
    case INDEX:
        return time_index(bench, side);
    case NORMAL:
    case FULL:
        return time_small(bench, side, line == FULL);
    case SCAN:
        return time_scan(bench, side);
    case LOOKUP:
    case LINES:
        break;
    }
    return time_lookups(bench, side);
}

/* ---- telling -------------------------------------------------------------------------------- */

static struct span
median_span(const struct span *spans, size_t count)
{
    double wall[RUNS_MOST], cpu[RUNS_MOST];

    for (size_t i = 0; i < count; i++) {
        wall[i] = spans[i].wall_ms;
        cpu[i] = spans[i].cpu_ms;
    }
    return (struct span){median(wall, count), median(cpu, count)};
}

static void
tell(const struct bench *bench, const struct side *side, enum line line)
{
    struct span own = median_span(side->spans[line], bench->runs);
    struct span plain = median_span(sides[0].spans[line], bench->runs);

    printf(
        "{\"figure\":\"store_%s_%s\",\"value\":%.2f,\"unit\":\"ms\",\"peer\":%.2f,\"ratio\":%.2f,"
        "\"cpu\":%.2f,\"cpu_peer\":%.2f,\"cpu_ratio\":%.2f,\"sqlite\":\"%s\",\"runs\":%zu}\n",
        line_names[line], side->name, own.wall_ms, plain.wall_ms, own.wall_ms / plain.wall_ms,
        own.cpu_ms, plain.cpu_ms, own.cpu_ms / plain.cpu_ms, sqlite3_libversion(), bench->runs);
}

static void
tell_settings(const struct bench *bench)
{
    printf("{\"settings\":\"%s journal_mode=WAL; lookups: cache_size=-200; small_full: "
           "synchronous=FULL\",\"rows\":%d,\"small\":%d,\"lookups\":%d,\"runs\":%zu,"
           "\"sqlite\":\"%s\",\"source\":\"%s\"}\n",
           SETTINGS, bench->rows, SMALL, LOOKUPS, bench->runs, sqlite3_libversion(),
           sqlite3_sourceid());
}

static void
tell_page_line(const char *name, double *own, double *peer, size_t runs)
{
    double own_us = median(own, runs), peer_us = median(peer, runs);

    printf("{\"figure\":\"%s\",\"value\":%.2f,\"unit\":\"us\",\"peer\":%.2f,\"ratio\":%.2f,"
           "\"runs\":%zu}\n",
           name, own_us, peer_us, own_us / peer_us, runs);
}

/* One page, sealed and opened, without SQLite and the disk: CPU time; libsodium is the peer. */
static void
tell_page(const struct bench *bench)
{
    static uint8_t plain[VFS_PAGE_BYTES], sealed[VFS_PAGE_BYTES];
    static const uint8_t nonce[CRYPTO_NONCE_BYTES], ad[32];
    const uint8_t *key = bench->key.bytes;
    uint8_t tag[CRYPTO_TAG_BYTES];
    double took[4][RUNS_MOST];
    struct crypto_page *page;
    bool is_open = true;

    demand(crypto_page_new(&page) == RC_OK, "crypto_page_new", NULL);
    for (int i = 0; i < 600; i++) /* libcrypto starts after the first 512 */
        crypto_page_seal(page, key, nonce, ad, sizeof ad, plain, 4056, sealed, tag);
    for (size_t run = 0; run < bench->runs; run++)
        for (int way = 0; way < 4; way++) {
            struct span start = now();
            for (int i = 0; i < PAGES; i++)
                if (way == 0)
                    crypto_page_seal(page, key, nonce, ad, sizeof ad, plain, 4056, sealed, tag);
                else if (way == 1)
                    crypto_seal_apart(key, nonce, ad, sizeof ad, plain, 4056, sealed, tag);
                else if (way == 2)
                    is_open &=
                        crypto_page_open(page, key, nonce, ad, sizeof ad, sealed, 4056, tag, plain);
                else
                    is_open &=
                        crypto_open_apart(key, nonce, ad, sizeof ad, sealed, 4056, tag, plain);
            took[way][run] = since(start).cpu_ms * 1e3 / PAGES;
        }
    demand(is_open, "open", NULL);
    crypto_page_free(page);
    tell_page_line("page_seal", took[0], took[1], bench->runs);
    tell_page_line("page_open", took[2], took[3], bench->runs);
}

/* Whether this SQLite is SQLite3 Multiple Ciphers: others answer nothing to its pragma. */
static bool
has_ciphers(void)
{
    sqlite3 *db;
    bool has = false;

    demand(sqlite3_open(":memory:", &db) == SQLITE_OK, "open", db);
    sqlite3_stmt *stmt = prepare(db, "PRAGMA cipher");
    has = stmt != NULL && sqlite3_step(stmt) == SQLITE_ROW;
    sqlite3_finalize(stmt);
    sqlite3_close(db);
    return has;
}

static size_t
number(const char *name, size_t otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (size_t)strtoul(text, NULL, 10) : otherwise;
}

int
main(void)
{
    static struct bench bench;

    bench.key = SECRET_EMPTY;
    bench.sides = has_ciphers() ? 5 : 2;
    bench.runs = number("RUNS", 7);
    bench.rows = (int)number("ROWS", 200000);
    demand(bench.runs > 0 && bench.runs <= RUNS_MOST, "RUNS", NULL);
    demand(secret_start() == RC_OK && secret_random(&bench.key, CRYPTO_KEY_BYTES) == RC_OK, "key",
           NULL);
    scratch_make(&bench.scratch);
    for (size_t s = 0; s < bench.sides; s++)
        snprintf(sides[s].path, sizeof sides[s].path, "%s",
                 scratch_path(&bench.scratch, sides[s].name));
    tell_settings(&bench);
    tell_page(&bench);
    for (size_t run = 0; run < bench.runs; run++)
        for (enum line line = 0; line < LINES; line++)
            for (size_t i = 0; i < bench.sides; i++) {
                struct side *side = &sides[(i + run) % bench.sides];
                side->spans[line][run] = time_line(&bench, side, line);
            }
    for (size_t s = 0; s < bench.sides; s++) {
        close_side(&sides[s]);
        for (enum line line = 0; s > 0 && line < LINES; line++)
            tell(&bench, &sides[s], line);
    }
    secret_wipe(&bench.key);
    scratch_remove(&bench.scratch);
    return 0;
}
