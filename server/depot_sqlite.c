/* The SQLite back end: opening, transactions, teams, lines, boxes, joins, codes. */
#include "server/depot.h"

#include <stdlib.h>

#include "core/crypto.h"
#include "core/i18n.h"
#include "server/depot_sqlite.h"

extern const char embedded_server_schema_001_depot_sql[];
extern const char embedded_server_schema_002_skipped_sql[];

enum { SCHEMA_VERSION = 2, BUSY_MS = 10000 };

enum rc
depot_done(struct stmt *stmt, enum rc rc)
{
    stmt_done(stmt);
    return rc;
}

/* Two processes may open a new depot at once: the version is read again under the lock. */
static enum rc
make_schema(struct depot *depot)
{
    int64_t version = 0;
    enum rc rc = db_begin(depot->db);

    if (rc != RC_OK)
        return rc;
    rc = db_get_int(depot->db, "PRAGMA user_version", &version);
    if (rc == RC_OK && version == 0)
        rc = db_run(depot->db, embedded_server_schema_001_depot_sql);
    if (rc == RC_OK && version < SCHEMA_VERSION)
        rc = db_run(depot->db, embedded_server_schema_002_skipped_sql);
    if (rc == RC_OK && version > SCHEMA_VERSION)
        rc = rc_fail(RC_UNSUPPORTED, _("a newer program made this depot"));
    return db_end(depot->db, rc);
}

enum rc
depot_open(const char *path, bool may_create, struct depot **out)
{
    struct db_options options = {
        .must_exist = !may_create, .busy_ms = BUSY_MS, .synchronous_full = true};
    int64_t version = 0;
    enum rc rc;

    *out = NULL;
    struct depot *depot = calloc(1, sizeof *depot);
    if (depot == NULL)
        return rc_nomem();
    rc = db_open(path, &options, &depot->db);
    if (rc == RC_OK) /* several handles share a small machine */
        rc = db_run(depot->db, "PRAGMA cache_size=-4096; PRAGMA foreign_keys=ON;");
    if (rc == RC_OK)
        rc = db_get_int(depot->db, "PRAGMA user_version", &version);
    if (rc == RC_OK && version != SCHEMA_VERSION)
        rc = make_schema(depot);
    if (rc != RC_OK) {
        depot_close(depot);
        return rc_while(rc, _("opening the depot"));
    }
    *out = depot;
    return RC_OK;
}

void
depot_close(struct depot *depot)
{
    if (depot == NULL)
        return;
    db_close(depot->db);
    free(depot);
}

enum rc
depot_check(struct depot *depot)
{
    return db_check_structure(depot->db);
}

enum rc
depot_begin(struct depot *depot)
{
    return db_begin(depot->db);
}

enum rc
depot_commit(struct depot *depot)
{
    return db_commit(depot->db);
}

void
depot_rollback(struct depot *depot)
{
    db_rollback(depot->db);
}

/* ---- teams and lines ---- */

enum rc
depot_find_team(struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES], struct depot_team *team)
{
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc =
        db_stmt(depot->db, "SELECT team, ledger, arrival, ack, box FROM teams WHERE id = ?1", &stmt);

    *team = (struct depot_team){0};
    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, id, CRYPTO_HASH_BYTES);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && !row)
        rc = rc_fail(RC_ABSENT, _("there is no such team"));
    if (rc == RC_OK)
        *team = (struct depot_team){stmt_get_int(stmt, 0), (uint64_t)stmt_get_int(stmt, 1),
                                    (uint64_t)stmt_get_int(stmt, 2), (uint64_t)stmt_get_int(stmt, 3),
                                    (uint64_t)stmt_get_int(stmt, 4)};
    return depot_done(stmt, rc);
}

enum rc
depot_put_team(struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES], struct depot_team *team)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db, "INSERT INTO teams (id) VALUES (?1)", &stmt);

    *team = (struct depot_team){0};
    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, id, CRYPTO_HASH_BYTES);
    rc = stmt_run(stmt);
    if (rc == RC_OK)
        team->key = db_last_rowid(depot->db);
    return depot_done(stmt, rc);
}

enum rc
depot_list_teams(struct depot *depot,
                 enum rc (*visit)(void *context, const uint8_t id[CRYPTO_HASH_BYTES],
                                  const struct depot_team *team, bool *stop),
                 void *context)
{
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    enum rc rc =
        db_stmt(depot->db, "SELECT id, team, ledger, arrival, ack, box FROM teams ORDER BY team", &stmt);

    if (rc != RC_OK)
        return rc;
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        uint8_t id[CRYPTO_HASH_BYTES];
        struct depot_team team = {stmt_get_int(stmt, 1), (uint64_t)stmt_get_int(stmt, 2),
                                  (uint64_t)stmt_get_int(stmt, 3), (uint64_t)stmt_get_int(stmt, 4),
                                  (uint64_t)stmt_get_int(stmt, 5)};
        rc = stmt_get_fixed(stmt, 0, id, sizeof id);
        if (rc == RC_OK)
            rc = visit(context, id, &team, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}

enum rc
depot_list_lines(struct depot *depot, int64_t team, uint64_t from,
                 enum rc (*visit)(void *context, uint64_t position, const uint8_t *line, size_t len,
                                  bool *stop),
                 void *context)
{
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    enum rc rc = db_stmt(depot->db,
                         "SELECT position, line FROM lines WHERE team = ?1 AND position >= ?2"
                         " ORDER BY position",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)from);
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 1, &len);
        rc = visit(context, (uint64_t)stmt_get_int(stmt, 0), line, len, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}

enum rc
depot_put_line(struct depot *depot, int64_t team, uint64_t position,
               const uint8_t op_hash[CRYPTO_HASH_BYTES], const uint8_t *line, size_t len)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "INSERT INTO lines (team, position, op_hash, line) VALUES (?1, ?2, ?3, ?4)",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)position);
    stmt_blob(stmt, 3, op_hash, CRYPTO_HASH_BYTES);
    stmt_blob(stmt, 4, line, len);
    rc = stmt_finish(stmt);
    if (rc != RC_OK)
        return rc;
    rc = db_stmt(depot->db, "UPDATE teams SET ledger = ?2 WHERE team = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)position);
    return stmt_finish(stmt);
}

/* ---- boxes ---- */

enum rc
depot_put_box(struct depot *depot, int64_t team, const struct depot_box *box)
{
    struct stmt *stmt = NULL;
    uint64_t number;
    enum rc rc = depot_next_number(depot, DEPOT_BOXES, team, &number);

    if (rc == RC_OK)
        rc = db_stmt(depot->db,
                     "INSERT OR REPLACE INTO boxes (team, number, stream, epoch, recipient, box)"
                     " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)number);
    stmt_id(stmt, 3, box->stream);
    stmt_int(stmt, 4, box->epoch);
    stmt_id(stmt, 5, box->recipient);
    stmt_blob(stmt, 6, box->bytes, box->len);
    return stmt_finish(stmt);
}

enum rc
depot_list_boxes(struct depot *depot, int64_t team, const struct id *stream, uint64_t after,
                 enum rc (*visit)(void *context, const struct depot_box *box, bool *stop),
                 void *context)
{
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    const char *all = "SELECT number, stream, epoch, recipient, box FROM boxes"
                      " WHERE team = ?1 AND number > ?2 ORDER BY number";
    /* Left to itself SQLite takes the key, and reads all boxes of the team. */
    const char *one = "SELECT number, stream, epoch, recipient, box FROM boxes INDEXED BY boxes_by_name"
                      " WHERE team = ?1 AND number > ?2 AND stream = ?3 ORDER BY number";
    enum rc rc = db_stmt(depot->db, stream != NULL ? one : all, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)after);
    if (stream != NULL)
        stmt_id(stmt, 3, *stream);
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        struct depot_box box = {.number = (uint64_t)stmt_get_int(stmt, 0),
                                .epoch = (uint32_t)stmt_get_int(stmt, 2)};
        box.bytes = stmt_get_blob(stmt, 4, &box.len);
        rc = stmt_get_id(stmt, 1, &box.stream);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 3, &box.recipient);
        if (rc == RC_OK)
            rc = visit(context, &box, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}

enum rc
depot_delete_box(struct depot *depot, int64_t team, uint64_t number)
{
    struct stmt *stmt = NULL;
    enum rc rc =
        db_stmt(depot->db, "DELETE FROM boxes WHERE team = ?1 AND number = ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)number);
    return stmt_finish(stmt);
}

/* ---- requests to join ---- */

static enum rc
count_joins(struct depot *depot, int64_t team, const struct depot_join *join, const uint8_t *hash,
            bool *known, int64_t *others)
{
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc = db_stmt(depot->db,
                         "SELECT count(*), coalesce(sum(hash = ?3), 0) FROM joins"
                         " WHERE team = ?1 AND invite = ?2",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_blob(stmt, 2, join->invite, sizeof join->invite);
    stmt_blob(stmt, 3, hash, CRYPTO_HASH_BYTES);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK) {
        *others = stmt_get_int(stmt, 0);
        *known = stmt_get_int(stmt, 1) > 0;
    }
    return depot_done(stmt, rc);
}

enum rc
depot_put_join(struct depot *depot, int64_t team, const struct depot_join *join, int64_t ceiling)
{
    uint8_t hash[CRYPTO_HASH_BYTES];
    struct stmt *stmt = NULL;
    bool known = false;
    int64_t others = 0;
    enum rc rc;

    crypto_hash_plain(join->bytes, join->len, hash);
    rc = count_joins(depot, team, join, hash, &known, &others);
    if (rc != RC_OK || known)
        return rc;
    if (others >= ceiling)
        return rc_fail(RC_EXISTS, _("this invitation has requests already"));
    rc = db_stmt(depot->db,
                 "INSERT INTO joins (team, invite, hash, expires_ms, bytes)"
                 " VALUES (?1, ?2, ?3, ?4, ?5)",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_blob(stmt, 2, join->invite, sizeof join->invite);
    stmt_blob(stmt, 3, hash, sizeof hash);
    stmt_int(stmt, 4, join->expires_ms);
    stmt_blob(stmt, 5, join->bytes, join->len);
    return stmt_finish(stmt);
}

enum rc
depot_list_joins(struct depot *depot, int64_t team, int64_t now_ms,
                 enum rc (*visit)(void *context, const struct depot_join *join, bool *stop),
                 void *context)
{
    struct stmt *stmt = NULL;
    bool row = false, stop = false;
    enum rc rc = db_stmt(depot->db,
                         "SELECT invite, expires_ms, bytes FROM joins"
                         " WHERE team = ?1 AND expires_ms > ?2 ORDER BY invite, hash",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, now_ms);
    while (!stop && (rc = stmt_step(stmt, &row)) == RC_OK && row) {
        struct depot_join join = {.expires_ms = stmt_get_int(stmt, 1)};
        join.bytes = stmt_get_blob(stmt, 2, &join.len);
        rc = stmt_get_fixed(stmt, 0, join.invite, sizeof join.invite);
        if (rc == RC_OK)
            rc = visit(context, &join, &stop);
        if (rc != RC_OK)
            break;
    }
    return depot_done(stmt, rc);
}

enum rc
depot_delete_joins(struct depot *depot, int64_t team, const uint8_t invite[CRYPTO_PUBLIC_BYTES])
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db, "DELETE FROM joins WHERE team = ?1 AND invite = ?2", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_blob(stmt, 2, invite, CRYPTO_PUBLIC_BYTES);
    return stmt_finish(stmt);
}

enum rc
depot_expire_joins(struct depot *depot, int64_t now_ms)
{
    return db_run_int(depot->db, "DELETE FROM joins WHERE expires_ms <= ?1", now_ms);
}

/* ---- one-time codes ---- */

enum rc
depot_put_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES], int64_t expires_ms)
{
    struct stmt *stmt = NULL;
    enum rc rc =
        db_stmt(depot->db, "INSERT INTO codes (hash, expires_ms) VALUES (?1, ?2)", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    stmt_int(stmt, 2, expires_ms);
    return stmt_finish(stmt);
}

enum rc
depot_find_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES], bool *found,
                struct depot_code *code)
{
    struct stmt *stmt = NULL;
    enum rc rc =
        db_stmt(depot->db, "SELECT expires_ms, used_by FROM codes WHERE hash = ?1", &stmt);

    *found = false;
    *code = (struct depot_code){0};
    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    rc = stmt_step(stmt, found);
    if (rc == RC_OK && *found) {
        code->expires_ms = stmt_get_int(stmt, 0);
        code->used = !stmt_is_null(stmt, 1);
        if (code->used)
            rc = stmt_get_fixed(stmt, 1, code->used_by, sizeof code->used_by);
    }
    return depot_done(stmt, rc);
}

enum rc
depot_use_code(struct depot *depot, const uint8_t hash[CRYPTO_HASH_BYTES],
               const uint8_t team[CRYPTO_HASH_BYTES])
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db, "UPDATE codes SET used_by = ?2 WHERE hash = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_blob(stmt, 1, hash, CRYPTO_HASH_BYTES);
    stmt_blob(stmt, 2, team, CRYPTO_HASH_BYTES);
    return stmt_finish(stmt);
}
