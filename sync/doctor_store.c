/* The doctor below the replica: pages, tables that cannot be read, ledger lines and keys that keep the replica from opening. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/store.h"
#include "sync/doctor_inside.h"

/* ---- tables ---------------------------------------------------------------------------------------- */

enum { DETAILS_BYTES = 64 * 1024, TABLE_NAME_BYTES = 64, TABLES_MOST = 256, TABLE_SQL_BYTES = 64 * 1024 };

/* Names of all tables, for the statement that lists them must end before each is read. */
struct table_names {
    char at[TABLES_MOST][TABLE_NAME_BYTES];
    size_t count;
};

static enum rc
list_tables(struct db *db, struct table_names *names)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(
        db, "SELECT name FROM sqlite_schema WHERE type = 'table' AND rootpage > 0 ORDER BY name", &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && row && names->count < TABLES_MOST) {
        rc = stmt_step(stmt, &row);
        const char *name = rc == RC_OK && row ? stmt_get_text(stmt, 0) : NULL;
        if (name != NULL && strlen(name) < TABLE_NAME_BYTES)
            snprintf(names->at[names->count++], TABLE_NAME_BYTES, "%s", name);
    }
    stmt_done(stmt);
    return rc;
}

/* Reads every column of every row. */
static enum rc
read_table(struct db *db, const char *name)
{
    struct buf sql = BUF_EMPTY(TABLE_SQL_BYTES);
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(db, "SELECT name FROM pragma_table_info(?1)", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, name);
    rc = buf_printf(&sql, "SELECT sum(0");
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc == RC_OK && row)
            rc = buf_printf(&sql, " + length(hex(\"%s\"))", stmt_get_text(stmt, 0));
    }
    stmt_done(stmt);
    if (rc == RC_OK)
        rc = buf_printf(&sql, ") FROM \"%s\" NOT INDEXED", name);
    if (rc == RC_OK)
        rc = buf_text(&sql) == NULL ? rc_nomem() : db_run(db, buf_text(&sql));
    buf_wipe(&sql);
    return rc;
}

/* What is safe of a table, by what it holds. */
static void
say_table(const char *name, char *sentence, size_t room)
{
    static const char *const OWN[] = {"meta", "sync_state", "sync_outbox", "sync_feed"};
    bool is_own = false;

    for (size_t i = 0; i < sizeof OWN / sizeof OWN[0]; i++)
        is_own = is_own || strcmp(name, OWN[i]) == 0;
    bool is_log = strncmp(name, "sync_", 5) == 0;
    snprintf(sentence, room,
             is_own ? _("damaged: table %s, of which nobody else has a copy: what was not sent yet, or this device's own "
                        "keys. Keep the directory as it is")
             : is_log ? _("damaged: table %s. What the server has of it is safe, and so is what is shown of it")
                      : _("damaged: table %s. It is made from the log of entries: nothing is lost by it"),
             name);
}

static enum rc
name_tables(struct doctor *doctor, struct db *db)
{
    struct table_names *names = calloc(1, sizeof *names);
    enum rc rc = names == NULL ? rc_nomem() : list_tables(db, names);

    for (size_t i = 0; rc == RC_OK && i < names->count; i++) {
        char sentence[200];
        rc = read_table(db, names->at[i]);
        if (rc != RC_CORRUPT)
            continue;
        say_table(names->at[i], sentence, sizeof sentence);
        rc = doctor_find(doctor, "table", (struct id){{0}}, sentence);
    }
    free(names);
    return rc == RC_CORRUPT ? RC_OK : rc; /* not even the list: that was said */
}

/* ---- pages ------------------------------------------------------------------------------------------ */

enum rc
doctor_structure(struct doctor *doctor, struct db *db, bool *is_whole)
{
    struct buf details = BUF_EMPTY(DETAILS_BYTES);
    struct doctor_finding finding = {.what = "structure"};
    enum rc rc = db_find_damage(db, &details);

    *is_whole = rc == RC_OK;
    if (rc == RC_CORRUPT) {
        snprintf(finding.sentence, sizeof finding.sentence, "%s",
                 _("parts of the store do not fit together, or cannot be read. What was sent is at the server; `baken doctor "
                   "--rescue DIR` brings what can be read, also what was not sent yet, into a new store"));
        const char *words = details.len > 0 ? buf_text(&details) : NULL;
        snprintf(finding.details, sizeof finding.details, "%s", words == NULL ? "" : words);
        doctor->has_found = true;
        doctor->is_sound = false;
        rc = doctor->visit(doctor->context, &finding);
    }
    buf_wipe(&details);
    return rc;
}

/* Every page of the file. The structure was looked at before, so each page in use was read then: where that held, only
 * free pages can be damaged. */
enum rc
doctor_pages(struct doctor *doctor, struct store *store, bool is_whole)
{
    struct vfs_verdict verdict;
    char sentence[500];

    enum rc rc = is_whole ? RC_OK : name_tables(doctor, store_db(store));
    if (rc == RC_OK)
        rc = store_verify(store, &verdict);
    if (rc == RC_CORRUPT || (rc == RC_OK && verdict.bad == 0))
        return RC_OK; /* a log that cannot be emptied into the file: its tables were named */
    if (rc == RC_STALE)
        return doctor_find(doctor, "pages", (struct id){{0}}, rc_sentence());
    if (rc != RC_OK)
        return rc;
    snprintf(sentence, sizeof sentence,
             is_whole
                 ? _("damaged pages of the store: %llu (the first is %llu). None is in use: nothing written "
                     "is lost, but the disk may be failing")
                 : _("damaged pages of the store: %llu (the first is %llu). What the server has is safe. Keep the directory as it is; "
                     "beside a rescue, a backup helps (`baken restore FILE --replace`), or joining the team again as a further "
                     "device"),
             (unsigned long long)verdict.bad, (unsigned long long)verdict.first_bad);
    return doctor_find(doctor, "pages", (struct id){{0}}, sentence);
}

enum rc
replica_doctor_store(struct store *store, replica_finding_fn visit, void *context)
{
    struct doctor doctor = {.visit = visit, .context = context, .is_sound = true};
    bool is_whole;
    enum rc rc = doctor_structure(&doctor, store_db(store), &is_whole);

    return rc == RC_OK ? doctor_pages(&doctor, store, is_whole) : rc;
}

/* ---- what keeps the replica from opening ------------------------------------------------------------- */

/* The position of the first line that does not hold; 0 when all do. `count`: how many there are. */
static enum rc
first_bad_line(struct db *db, int64_t *bad, int64_t *count)
{
    struct ledger *ledger = NULL;
    struct stmt *stmt;
    bool row = true;
    enum rc rc = ledger_new(&ledger);

    *bad = *count = 0;
    if (rc == RC_OK)
        rc = db_stmt(db, "SELECT position, line FROM sync_line ORDER BY position", &stmt);
    if (rc != RC_OK) {
        ledger_free(ledger);
        return rc;
    }
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        *count = stmt_get_int(stmt, 0);
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 1, &len);
        if (*bad != 0)
            continue;
        enum rc taken = *count == (int64_t)ledger_position(ledger) + 1
                            ? ledger_append(ledger, line, len)
                            : RC_CORRUPT;
        if (taken == RC_NOMEM)
            rc = taken;
        else if (taken != RC_OK)
            *bad = (int64_t)ledger_position(ledger) + 1;
    }
    stmt_done(stmt);
    ledger_free(ledger);
    return rc;
}

static enum rc
drop_lines(struct db *db, int64_t from, int64_t count)
{
    int64_t before;
    enum rc rc = db_begin(db);

    if (rc != RC_OK)
        return rc;
    rc = state_get_int(db, STATE_LEDGER_LINES, &before);
    if (rc == RC_OK)
        rc = state_put_int(db, STATE_LEDGER_LINES, before > count ? before : count);
    if (rc == RC_OK)
        rc = db_run_int(db, "DELETE FROM sync_line WHERE position >= ?1", from);
    return db_end(db, rc);
}

static enum rc
mend_ledger(struct doctor *doctor, struct db *db)
{
    int64_t bad, count;
    char sentence[200];
    enum rc rc = first_bad_line(db, &bad, &count);

    if (rc != RC_OK || bad == 0)
        return rc;
    if (bad == 1) /* it names the team and its server */
        return doctor_find(doctor, "ledger", (struct id){{0}},
                           _("the first line of the ledger is damaged, which says whose team this is. Keep the directory as "
                             "it is; join again as a further device: what was sent comes with it"));
    rc = drop_lines(db, bad, count);
    if (rc != RC_OK)
        return rc;
    snprintf(sentence, sizeof sentence,
             _("line %lld of the ledger is damaged. `baken sync` fetches it and what follows again; nothing that you wrote is "
               "lost, and until then nothing is sent"),
             (long long)bad);
    return doctor_find(doctor, "ledger", (struct id){{0}}, sentence);
}

/* A key that is not even of a key's size; one of the right size is looked at by doctor_keys. */
static enum rc
mend_key_rows(struct doctor *doctor, struct db *db)
{
    enum rc rc = db_begin(db);

    if (rc != RC_OK)
        return rc;
    rc = db_run_int(db,
                    "DELETE FROM sync_key WHERE typeof(sealed) <> 'blob' OR length(sealed) <> ?1"
                    " OR length(stream) <> 16",
                    KEYRING_SEALED_BYTES);
    bool has_dropped = rc == RC_OK && db_changes(db) > 0;
    if (has_dropped)
        rc = state_put_int(db, STATE_BOXES_AFTER, 0);
    rc = db_end(db, rc);
    return rc == RC_OK && has_dropped
               ? doctor_find(doctor, "key", (struct id){{0}},
                             _("a key is damaged. What was read with it is still there; `baken sync` fetches the "
                               "key again"))
               : rc;
}

/* Indexes that do not fit their tables are made anew from these; what then differs from the log is found later. */
static enum rc
mend_indexes(struct doctor *doctor, struct db *db)
{
    enum rc rc = db_check_structure(db);

    if (rc == RC_CORRUPT)
        return RC_OK; /* more than indexes: replica_doctor says what */
    if (rc == RC_OK)
        rc = db_check_indexes(db);
    if (rc != RC_CORRUPT)
        return rc;
    rc = db_run(db, "REINDEX");
    bool is_mended = rc == RC_OK;
    if (rc == RC_CORRUPT || rc == RC_EXISTS)
        rc = RC_OK;
    if (rc != RC_OK)
        return rc;
    return doctor_find(doctor, "index", (struct id){{0}},
                       is_mended ? _("an index did not fit its table, as after an old page was put back, and was made anew")
                                 : _("an index does not fit its table, and rows stand there twice. Keep the directory as it is; put "
                                     "a backup back, or join again as a further device"));
}

enum rc
replica_mend(struct store *store, replica_finding_fn visit, void *context)
{
    struct doctor doctor = {.visit = visit, .context = context, .is_sound = true};
    int64_t waits; /* keys of an earlier program, which the first opening seals, have another size */
    enum rc rc = mend_indexes(&doctor, store_db(store));

    if (rc == RC_OK)
        rc = state_get_int(store_db(store), STATE_MUST_SEAL, &waits);
    if (rc == RC_OK)
        rc = mend_ledger(&doctor, store_db(store));
    return rc == RC_OK && waits == 0 ? mend_key_rows(&doctor, store_db(store)) : rc;
}
