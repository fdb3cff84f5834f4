/* The peer sqlite-sync (`make bench-peers`): the extension in plain SQLite, writing the same visits with prepared statements. */
#include "tests/bench/cloudsync.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/visits.h"

#define ENTRY_POINT "sqlite3_cloudsync_init"
/* What the design asks of each side, and nothing else: docs/BENCHMARKS.md. */
static const char SETTINGS[] = "PRAGMA page_size=4096; PRAGMA journal_mode=WAL; PRAGMA cache_size=-65536;"
                               "PRAGMA temp_store=MEMORY; PRAGMA wal_autocheckpoint=4000;";
static const char INIT[] = "SELECT cloudsync_init('visit');";
/* Our record knows its author from the signer; the table has to say so. */
static const char TABLE[] =
    "CREATE TABLE visit (id TEXT PRIMARY KEY NOT NULL, family TEXT NOT NULL DEFAULT '',"
    " author TEXT NOT NULL DEFAULT '', kind TEXT NOT NULL DEFAULT '', day INTEGER NOT NULL DEFAULT 0,"
    " time INTEGER NOT NULL DEFAULT 0, minutes INTEGER NOT NULL DEFAULT 0,"
    " next INTEGER NOT NULL DEFAULT 0, note TEXT NOT NULL DEFAULT '');";

bool
cloudsync_is_there(void)
{
    return access(CLOUDSYNC_EXTENSION ".so", R_OK) == 0;
}

static void
fail(const char *what, const char *why)
{
    fprintf(stderr, "sqlite-sync: %s: %s\n", what, why);
    exit(1);
}

static void
run_sql(sqlite3 *db, const char *sql)
{
    char *message = NULL;

    if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
        fail(sql, message);
}

static sqlite3_stmt *
prepare(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *stmt = NULL;

    if (sqlite3_prepare_v2(db, sql, -1, &stmt, NULL) != SQLITE_OK)
        fail(sql, sqlite3_errmsg(db));
    return stmt;
}

static void
step(sqlite3_stmt *stmt)
{
    if (sqlite3_step(stmt) == SQLITE_ERROR || sqlite3_reset(stmt) != SQLITE_OK)
        fail(sqlite3_sql(stmt), sqlite3_errmsg(sqlite3_db_handle(stmt)));
}

void
cloudsync_open(struct cloudsync *peer, const char *path)
{
    char *message = NULL;

    if (sqlite3_open(path, &peer->db) != SQLITE_OK ||
        sqlite3_db_config(peer->db, SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 1, NULL) != SQLITE_OK ||
        sqlite3_load_extension(peer->db, CLOUDSYNC_EXTENSION, ENTRY_POINT, &message) != SQLITE_OK)
        fail(path, message != NULL ? message : "cannot be opened");
    run_sql(peer->db, SETTINGS);
    run_sql(peer->db, TABLE);
    run_sql(peer->db, INIT);
    run_sql(peer->db, "CREATE VIRTUAL TABLE visit_search USING fts5 (note, content='visit', content_rowid='rowid',"
                      " tokenize='unicode61 remove_diacritics 2');");
    peer->begin = prepare(peer->db, "BEGIN IMMEDIATE");
    peer->commit = prepare(peer->db, "COMMIT");
    peer->insert =
        prepare(peer->db, "INSERT INTO visit VALUES (cloudsync_uuid(), '01a202daad5b739da210dcf0bb1728ac',"
                          " '01a202daad5b739da210dcf0bb1728ad', 'visit', ?1, 600, 45, 20250101, ?2)");
    peer->index = prepare(peer->db, "INSERT INTO visit_search (rowid, note) VALUES (?1, ?2)");
}

void
cloudsync_close(struct cloudsync *peer)
{
    sqlite3_finalize(peer->begin);
    sqlite3_finalize(peer->insert);
    sqlite3_finalize(peer->index);
    sqlite3_finalize(peer->commit);
    run_sql(peer->db, "SELECT cloudsync_terminate();");
    sqlite3_close_v2(peer->db);
}

void
cloudsync_set_full(struct cloudsync *peer, bool is_full)
{
    run_sql(peer->db, is_full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

static void
put_visit(struct cloudsync *peer, int number, unsigned *seed, bool is_indexed)
{
    char note[VISITS_NOTE];

    visits_note(note, seed);
    sqlite3_bind_int64(peer->insert, 1, visits_day(number));
    sqlite3_bind_text(peer->insert, 2, note, -1, SQLITE_STATIC);
    step(peer->insert);
    if (!is_indexed)
        return;
    sqlite3_bind_int64(peer->index, 1, sqlite3_last_insert_rowid(peer->db));
    sqlite3_bind_text(peer->index, 2, note, -1, SQLITE_STATIC);
    step(peer->index);
}

void
cloudsync_put_visits(struct cloudsync *peer, int from, int count, int per_commit, unsigned *seed)
{
    for (int i = 0; i < count; i++) {
        if (i % per_commit == 0)
            step(peer->begin);
        put_visit(peer, from + i, seed, per_commit == 1);
        if (i % per_commit == per_commit - 1 || i == count - 1)
            step(peer->commit);
    }
}

void
cloudsync_index(struct cloudsync *peer, int indexed)
{
    char sql[200];

    snprintf(sql, sizeof sql,
             "INSERT INTO visit_search (rowid, note) SELECT rowid, note FROM visit WHERE rowid > %d ORDER BY rowid", indexed);
    run_sql(peer->db, sql);
}

int64_t
cloudsync_ask(struct cloudsync *peer, const char *sql)
{
    sqlite3_stmt *stmt = prepare(peer->db, sql);

    if (sqlite3_step(stmt) != SQLITE_ROW)
        fail(sql, sqlite3_errmsg(peer->db));
    int64_t value = sqlite3_column_int64(stmt, 0);
    sqlite3_finalize(stmt);
    return value;
}

void
cloudsync_print_settings(struct cloudsync *peer, const char *what)
{
    sqlite3_stmt *stmt = prepare(peer->db, "SELECT sqlite_version(), cloudsync_version(), (SELECT journal_mode FROM"
                                           " pragma_journal_mode)");

    if (sqlite3_step(stmt) != SQLITE_ROW)
        fail("settings", sqlite3_errmsg(peer->db));
    printf("{\"settings\":\"sqlite-sync %s\",\"for\":\"%s\","
           "\"loaded\":\"%s.so by sqlite3_load_extension (%s) into SQLite %s, the library of this program\","
           "\"journal_mode\":\"%s\","
           "\"synchronous\":%lld,\"page_size\":%lld,\"cache_size\":%lld,\"wal_autocheckpoint\":%lld}\n",
           sqlite3_column_text(stmt, 1), what, CLOUDSYNC_EXTENSION, ENTRY_POINT, sqlite3_column_text(stmt, 0),
           sqlite3_column_text(stmt, 2),
           (long long)cloudsync_ask(peer, "PRAGMA synchronous"), (long long)cloudsync_ask(peer, "PRAGMA page_size"),
           (long long)cloudsync_ask(peer, "PRAGMA cache_size"),
           (long long)cloudsync_ask(peer, "PRAGMA wal_autocheckpoint"));
    sqlite3_finalize(stmt);
}

/* What the shell answers of its settings: a JSON line like that of cloudsync_print_settings. */
static const char TELLING[] =
    "SELECT '{\"settings\":\"sqlite-sync ' || cloudsync_version() || '\",\"for\":\"merging\",\"loaded\":\"" CLOUDSYNC_EXTENSION
    " by .load (" ENTRY_POINT ") into the stock shell, sqlite3 -batch -bail, SQLite ' || sqlite_version() ||"
    " '\",\"journal_mode\":\"' || journal_mode || '\",\"synchronous\":' || synchronous || ',\"page_size\":' || page_size ||"
    " ',\"cache_size\":' || cache_size || '}'"
    " FROM pragma_journal_mode, pragma_synchronous, pragma_page_size, pragma_cache_size;";

/* The same as cloudsync_open, and then the one statement that is measured. */
static void
write_script(const char *path, const char *payload)
{
    FILE *script = fopen(path, "w");

    if (script == NULL ||
        fprintf(script,
                ".load " CLOUDSYNC_EXTENSION " " ENTRY_POINT "\n%s\nPRAGMA synchronous=NORMAL;\n%s\n%s\n%s\n"
                ".timer on\nSELECT cloudsync_payload_load('%s');\n.timer off\n"
                "SELECT 'visits', count(*) FROM visit;\nSELECT cloudsync_terminate();\n",
                SETTINGS, TABLE, INIT, TELLING, payload) < 0 ||
        fclose(script) != 0)
        fail(path, "cannot be written");
}

struct span
cloudsync_load_in_shell(const char *path, const char *payload, int visits, bool tells_settings)
{
    char script[200], command[600], line[600];
    double wall, user, kernel;
    struct span span = {0, 0};
    int found = 0;

    snprintf(script, sizeof script, "%s.sql", path);
    write_script(script, payload);
    snprintf(command, sizeof command, "sqlite3 -batch -bail '%s' <'%s'", path, script);
    fflush(stdout);
    FILE *shell = popen(command, "r");
    if (shell == NULL)
        fail(command, "cannot be run");
    while (fgets(line, sizeof line, shell) != NULL) {
        if (sscanf(line, "Run Time: real %lf user %lf sys %lf", &wall, &user, &kernel) == 3)
            span = (struct span){wall, user + kernel};
        (void)sscanf(line, "visits|%d", &found);
        if (tells_settings && line[0] == '{')
            fputs(line, stdout);
    }
    if (pclose(shell) != 0 || span.wall_s <= 0 || found != visits)
        fail(command, "did not merge all");
    return span;
}
