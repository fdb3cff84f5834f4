/* Copies what can be read of a damaged store: rows by their keys, stepping over pages that fail. */
#include "sync/rescue.h"

#include <dirent.h>
#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/backup.h"
#include "core/durable.h"
#include "core/i18n.h"
#include "sync/rescue_inside.h"

enum { PREFIXES = 65536 };

struct copy {
    struct db *from, *to;
    uint64_t bad; /* rows or stretches of the table that could not be read */
};

/* ---- tables with a number as key ------------------------------------------------------------------ */

/* `next` gives the first key above ?1, without touching what lies on further pages of the row; `read` the row; both go by the
 * table alone, NOT INDEXED. */
struct numbered {
    const char *name, *next, *read, *write;
    int columns;
};

static const struct numbered NUMBERED[] = {
    {"sync_line", "SELECT rowid FROM sync_line NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
     "SELECT position, line FROM sync_line NOT INDEXED WHERE rowid = ?1",
     "INSERT INTO sync_line (position, line) VALUES (?1, ?2)", 2},
    {"sync_feed", "SELECT rowid FROM sync_feed NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
     "SELECT feed, stream, device, incarnation, is_own, saved, sealed, head, on_server FROM sync_feed NOT INDEXED"
     " WHERE rowid = ?1",
     "INSERT INTO sync_feed (feed, stream, device, incarnation, is_own, saved, sealed, head, on_server)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
     9},
    {"sync_entry", "SELECT rowid FROM sync_entry NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
     "SELECT entry, feed, first, last, header, signature, ciphertext, arrived_ms, state, reason, is_sent, is_bundled"
     " FROM sync_entry NOT INDEXED WHERE rowid = ?1",
     "INSERT INTO sync_entry (entry, feed, first, last, header, signature, ciphertext, arrived_ms, state, reason, is_sent,"
     " is_bundled) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
     12},
    {"sync_outbox", "SELECT rowid FROM sync_outbox NOT INDEXED WHERE rowid > ?1 ORDER BY rowid LIMIT 1",
     "SELECT feed, save, body, hash FROM sync_outbox NOT INDEXED WHERE rowid = ?1",
     "INSERT INTO sync_outbox (feed, save, body, hash) VALUES (?1, ?2, ?3, ?4)", 4},
};

/* Writes a row that `stmt` stands on. A row that is there already is left. */
static enum rc
write_row(struct copy *copy, const char *sql, struct stmt *row, int columns)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(copy->to, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    for (int i = 0; i < columns; i++)
        stmt_copy(stmt, i + 1, row, i);
    rc = stmt_finish(stmt);
    return rc == RC_EXISTS ? RC_OK : rc;
}

static enum rc
copy_row(struct copy *copy, const struct numbered *table, int64_t key)
{
    struct stmt *stmt;
    bool found;
    enum rc rc = db_stmt(copy->from, table->read, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    rc = stmt_step(stmt, &found);
    if (rc == RC_CORRUPT) {
        copy->bad++;
        rc = RC_OK;
    } else if (rc == RC_OK && found) {
        rc = write_row(copy, table->write, stmt, table->columns);
    }
    stmt_done(stmt);
    return rc;
}

static enum rc
copy_numbered(struct copy *copy, const struct numbered *table)
{
    int64_t key = 0;
    bool found = true;
    enum rc rc = RC_OK;

    copy->bad = 0;
    while (rc == RC_OK && found) {
        rc = db_next_past(copy->from, table->next, &key, &found, &copy->bad);
        if (rc == RC_OK && found)
            rc = copy_row(copy, table, key);
    }
    return rc == RC_OK ? RC_OK : rc_while(rc, "%s", table->name);
}

/* ---- tables with words or ids as key ---------------------------------------------------------------- */

/* `up` and `down` give all rows in the order of the key; `from` those whose first column is at least ?1, which is NULL in none. */
struct keyed {
    const char *name, *up, *down, *from, *write;
    int columns;
    bool is_text;
};

static const struct keyed KEYED[] = {
    {"sync_state", "SELECT name, value FROM sync_state ORDER BY name", "SELECT name, value FROM sync_state ORDER BY name DESC",
     "SELECT name, value FROM sync_state WHERE name >= ?1 ORDER BY name",
     "INSERT OR IGNORE INTO sync_state (name, value) VALUES (?1, ?2)", 2, true},
    {"sync_key", "SELECT stream, epoch, sealed FROM sync_key ORDER BY stream, epoch",
     "SELECT stream, epoch, sealed FROM sync_key ORDER BY stream DESC, epoch DESC",
     "SELECT stream, epoch, sealed FROM sync_key WHERE stream >= ?1 ORDER BY stream, epoch",
     "INSERT OR IGNORE INTO sync_key (stream, epoch, sealed) VALUES (?1, ?2, ?3)", 3, false},
    {"sync_box", "SELECT stream, epoch, recipient, box, is_forged, is_lent FROM sync_box ORDER BY stream, epoch, recipient",
     "SELECT stream, epoch, recipient, box, is_forged, is_lent FROM sync_box ORDER BY stream DESC, epoch DESC, recipient DESC",
     "SELECT stream, epoch, recipient, box, is_forged, is_lent FROM sync_box WHERE stream >= ?1 ORDER BY stream, epoch, recipient",
     "INSERT OR IGNORE INTO sync_box (stream, epoch, recipient, box, is_forged, is_lent) VALUES (?1, ?2, ?3, ?4, ?5, ?6)", 6, false},
    {"sync_ack",
     "SELECT device, stream, incarnation, number, created_ms, digest, vector, position FROM sync_ack ORDER BY device, stream",
     "SELECT device, stream, incarnation, number, created_ms, digest, vector, position FROM sync_ack"
     " ORDER BY device DESC, stream DESC",
     "SELECT device, stream, incarnation, number, created_ms, digest, vector, position FROM sync_ack WHERE device >= ?1"
     " ORDER BY device, stream",
     "INSERT OR IGNORE INTO sync_ack (device, stream, incarnation, number, created_ms, digest, vector, position)"
     " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
     8, false},
    {"sync_ack_signed",
     "SELECT device, incarnation, number, ack FROM sync_ack_signed ORDER BY device, incarnation, number",
     "SELECT device, incarnation, number, ack FROM sync_ack_signed ORDER BY device DESC, incarnation DESC, number DESC",
     "SELECT device, incarnation, number, ack FROM sync_ack_signed WHERE device >= ?1 ORDER BY device, incarnation, number",
     "INSERT OR IGNORE INTO sync_ack_signed (device, incarnation, number, ack) VALUES (?1, ?2, ?3, ?4)", 4, false},
    {"sync_newer_run", "SELECT hash, run FROM sync_newer_run ORDER BY hash", "SELECT hash, run FROM sync_newer_run ORDER BY hash DESC",
     "SELECT hash, run FROM sync_newer_run WHERE hash >= ?1 ORDER BY hash",
     "INSERT OR IGNORE INTO sync_newer_run (hash, run) VALUES (?1, ?2)", 2, false},
};

/* Copies rows until one cannot be read, or, where `prefix` is not NULL, until one begins otherwise. */
static enum rc
copy_run(struct copy *copy, const struct keyed *table, const char *sql, const uint8_t *prefix, size_t len)
{
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(copy->from, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    if (prefix != NULL && table->is_text)
        stmt_text_bytes(stmt, 1, prefix, len);
    else if (prefix != NULL)
        stmt_blob(stmt, 1, prefix, len);
    while (rc == RC_OK && found) {
        size_t key_len;
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        const uint8_t *key = stmt_get_blob(stmt, 0, &key_len);
        if (prefix != NULL && (key_len < len || memcmp(key, prefix, len) != 0))
            break;
        rc = write_row(copy, table->write, stmt, table->columns);
        if (rc == RC_CORRUPT) /* only what is read may be damaged */
            rc = RC_IO;
    }
    stmt_done(stmt);
    return rc;
}

/* From both ends up to what fails, and then what begins in each of all ways. */
static enum rc
copy_keyed(struct copy *copy, const struct keyed *table)
{
    copy->bad = 0;
    enum rc rc = copy_run(copy, table, table->up, NULL, 0);
    if (rc != RC_CORRUPT)
        return rc == RC_OK ? RC_OK : rc_while(rc, "%s", table->name);
    copy->bad = 1;
    rc = copy_run(copy, table, table->down, NULL, 0);
    for (unsigned i = 0; (rc == RC_OK || rc == RC_CORRUPT) && i < (table->is_text ? 256 : PREFIXES); i++) {
        uint8_t prefix[2] = {(uint8_t)(table->is_text ? i : i >> 8), (uint8_t)i};
        if (!table->is_text || (i >= 'a' && i <= 'z'))
            rc = copy_run(copy, table, table->from, prefix, table->is_text ? 1 : 2);
    }
    return rc == RC_CORRUPT ? RC_OK : rc;
}

/* ---- what must be there, and what is fetched again ---------------------------------------------------- */

/* The keys of feeds stand a second time in the index of that table: a feed of which only that can be read is known by it, and
 * what waits of an own feed with it. */
static enum rc
restore_feeds(struct copy *copy, struct id device)
{
    static const char READ[] = "SELECT feed, stream, device, incarnation, device = ?1 FROM sync_feed"
                               " INDEXED BY sqlite_autoindex_sync_feed_1 ORDER BY stream, device, incarnation";
    struct stmt *stmt;
    bool found = true;
    enum rc rc = db_stmt(copy->from, READ, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, device);
    while (rc == RC_OK && found) {
        rc = stmt_step(stmt, &found);
        if (rc != RC_OK || !found)
            break;
        rc = write_row(copy,
                       "INSERT OR IGNORE INTO sync_feed (feed, stream, device, incarnation, is_own) VALUES (?1, ?2, ?3, ?4, ?5)",
                       stmt, 5);
        if (rc == RC_CORRUPT)
            rc = RC_IO;
    }
    stmt_done(stmt);
    if (rc != RC_OK && rc != RC_CORRUPT)
        return rc;
    return db_run(copy->to, "UPDATE sync_feed SET saved = max(saved,"
                            "  (SELECT coalesce(max(save), 0) FROM sync_outbox o WHERE o.feed = sync_feed.feed),"
                            "  (SELECT coalesce(max(last), 0) FROM sync_entry e WHERE e.feed = sync_feed.feed))"
                            " WHERE is_own");
}

static enum rc
load_device(struct store *from, struct db *to, struct id *device)
{
    struct secret sealing = SECRET_EMPTY, saved = SECRET_EMPTY;
    struct identity identity = IDENTITY_EMPTY;
    enum rc rc = store_sealing_key(from, &sealing);

    if (rc == RC_OK)
        rc = own_secret_get(to, &sealing, STATE_IDENTITY, &saved);
    if (rc == RC_OK)
        rc = identity_load(&saved, &identity);
    *device = identity.device;
    identity_wipe(&identity);
    secret_wipe(&saved);
    secret_wipe(&sealing);
    return rc;
}

/* A page of lines that fails holds at least one: so there were more than could be read up to it. */
static enum rc
note_lines(struct copy *copy)
{
    int64_t first, last;
    enum rc rc = db_get_int(copy->to, "SELECT min(position) FROM sync_line", &first);

    if (rc == RC_OK)
        rc = db_get_int(copy->to, "SELECT max(position) FROM sync_line", &last);
    if (rc == RC_OK && copy->bad > 0 && first != 1)
        rc = rc_fail(RC_CORRUPT, _("the first line of the ledger, which says whose team this is, cannot be read"));
    if (rc == RC_OK && first != 1)
        rc = rc_fail(RC_ABSENT, _("this store belongs to no team yet"));
    return rc == RC_OK && copy->bad > 0 ? state_put_int(copy->to, STATE_LEDGER_LINES, last + 1) : rc;
}

static enum rc
copy_tables(struct copy *copy, struct store *from, struct rescue *rescue)
{
    struct id device;
    bool lacks_state = false; /* some of it: perhaps the keys */
    enum rc rc = db_run(copy->to, "DELETE FROM sync_state"); /* the migrations' own: the old store's count */

    for (size_t i = 0; rc == RC_OK && i < sizeof KEYED / sizeof KEYED[0]; i++) {
        rc = copy_keyed(copy, &KEYED[i]);
        rescue->is_damaged = rescue->is_damaged || copy->bad > 0;
        lacks_state = lacks_state || (i == 0 && copy->bad > 0);
        if (rc == RC_OK && i > 0 && copy->bad > 0)
            rc = state_put_int(copy->to, STATE_BOXES_AFTER, 0);
        if (rc == RC_OK && i > 0 && copy->bad > 0)
            rc = state_put_int(copy->to, STATE_ACKS_AFTER, 0);
    }
    if (rc == RC_OK) {
        rc = load_device(from, copy->to, &device);
        if (rc == RC_ABSENT)
            rc = lacks_state ? RC_CORRUPT : rc_fail(RC_ABSENT, _("this store belongs to no team yet"));
        if (rc == RC_CORRUPT)
            rc = rc_fail(RC_CORRUPT, _("this device's own keys cannot be read"));
    }
    for (size_t i = 0; rc == RC_OK && i < sizeof NUMBERED / sizeof NUMBERED[0]; i++) {
        rc = copy_numbered(copy, &NUMBERED[i]);
        rescue->is_damaged = rescue->is_damaged || copy->bad > 0;
        if (rc == RC_OK && i == 0)
            rc = note_lines(copy);
    }
    if (rc == RC_OK)
        rc = restore_feeds(copy, device);
    if (rc == RC_OK)
        rc = db_run(copy->to, "DELETE FROM sync_entry WHERE feed NOT IN (SELECT feed FROM sync_feed)");
    /* No such table: a page of the schema is lost, and what SQLite read of the rest does not name it. */
    return rc == RC_INVALID ? rc_fail(RC_CORRUPT, _("the list of the store's tables cannot be read whole")) : rc;
}

/* ---- all of it ---------------------------------------------------------------------------------------- */

static enum rc
ignore_finding(void *context, const struct doctor_finding *finding)
{
    (void)context;
    (void)finding;
    return RC_OK;
}

enum rc
rescue_copy(struct store *from, struct store *to, rescue_lost_fn visit, void *context, struct rescue *rescue)
{
    struct copy copy = {.from = store_db(from), .to = store_db(to)};
    struct replica *replica = NULL;
    struct waiting waiting;
    enum rc rc = db_begin(copy.to);

    *rescue = (struct rescue){.is_damaged = false};
    if (rc != RC_OK)
        return rc;
    rc = db_end(copy.to, copy_tables(&copy, from, rescue));
    if (rc == RC_OK)
        rc = replica_mend(to, ignore_finding, NULL);
    if (rc == RC_OK)
        rc = replica_open(to, &replica);
    if (rc == RC_OK)
        rc = rescue_waiting(replica, copy.from, visit, context, rescue);
    if (rc == RC_OK)
        rc = replica_waiting(replica, &waiting);
    if (rc == RC_OK)
        rescue->unsent = waiting.saves_unsealed + waiting.entries_unsent;
    replica_close(replica);
    return rc;
}

enum rc
rescue_leftovers(const char *directory, unsigned *count)
{
    static const char MARK[] = ".rescuing-";
    char *copy = strdup(directory), *parent = strdup(directory);
    DIR *list = copy == NULL || parent == NULL ? NULL : opendir(dirname(parent));
    enum rc rc = copy == NULL || parent == NULL ? rc_nomem() : RC_OK;

    *count = 0;
    if (rc == RC_OK && list == NULL)
        rc = rc_fail(RC_IO, "%s: %s", directory, strerror(errno));
    const char *name = rc == RC_OK ? basename(copy) : NULL;
    for (const struct dirent *entry; list != NULL && (entry = readdir(list)) != NULL;)
        *count += strncmp(entry->d_name, name, strlen(name)) == 0 &&
                  strncmp(entry->d_name + strlen(name), MARK, sizeof MARK - 1) == 0;
    if (list != NULL)
        closedir(list);
    free(parent);
    free(copy);
    return rc;
}

/* Made beside its place, and put there last of all: what is cut short has another name. */
static enum rc
put_in_place(const char *staged, const char *directory)
{
    char parent[PATH_MAX + 4];

    (void)snprintf(parent, sizeof parent, "%s/..", directory);
    if (rename(staged, directory) != 0)
        return rc_fail(errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? RC_EXISTS : RC_IO, "%s: %s", directory,
                       strerror(errno));
    return durable_sync_directory(parent);
}

enum rc
rescue_into(struct store *from, const struct store_options *options, rescue_lost_fn visit, void *context, struct rescue *rescue)
{
    char staged[PATH_MAX];
    struct store_options begun = *options;
    struct store *to = NULL;
    int len = snprintf(staged, sizeof staged, "%s.rescuing-XXXXXX", options->directory);

    if (len <= 0 || (size_t)len >= sizeof staged)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    enum store_slots_state slots = store_slots_state(from);
    if (slots == STORE_SLOTS_OLD || slots == STORE_SLOTS_ALTERED)
        return rc_fail(RC_UNTRUSTED, _("keyslots.json is an old or an altered one"));
    if (rmdir(options->directory) != 0 && errno != ENOENT)
        return rc_fail(errno == ENOTEMPTY || errno == EEXIST || errno == ENOTDIR ? RC_EXISTS : RC_IO, "%s: %s",
                       options->directory, strerror(errno));
    if (mkdtemp(staged) == NULL)
        return rc_fail(RC_IO, "%s: %s", staged, strerror(errno));
    begun.directory = staged;
    enum rc rc = store_create_after(&begun, from, &to);
    if (rc == RC_OK)
        rc = rescue_copy(from, to, visit, context, rescue);
    store_close(to);
    if (rc == RC_OK)
        rc = put_in_place(staged, options->directory);
    if (rc != RC_OK)
        backup_clear_stage(staged);
    return rc;
}
