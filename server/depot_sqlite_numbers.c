/* The SQLite back end: the numbers of boxes, arrivals and acknowledgements, which no other life of the server gave. */
#include "core/i18n.h"
#include "core/secret.h"
#include "server/depot_sqlite.h"
#include "sync/wire.h"

/* 65,536 numbers to a millisecond: what is given in one life stays below the first of a later start. They have 18 digits. */
#define LIFE_MOST_MS INT64_C(8000000000000)

enum rc
depot_new_life(struct depot *depot, int64_t now_ms, uint64_t *first)
{
    int64_t given = 0;
    uint8_t random[2];
    enum rc rc = db_get_int(depot->db, "SELECT coalesce(max(max(arrival, box, ack)), 0) FROM teams", &given);

    if (rc != RC_OK)
        return rc;
    /* A clock that stands, or was set back: two restores of one backup are told apart by chance. */
    random_fill(random, sizeof random);
    int64_t least = (given >> WIRE_LIFE_SHIFT) + 1;
    int64_t life = now_ms > least && now_ms < LIFE_MOST_MS ? now_ms : least + random[0] * 256 + random[1];
    *first = (uint64_t)life << WIRE_LIFE_SHIFT;
    depot_go_on_from(depot, *first);
    return RC_OK;
}

void
depot_go_on_from(struct depot *depot, uint64_t first)
{
    depot->first = first;
}

/* Devices have a cursor of each counter, and it could be of another life. */
static enum rc
note_skipped(struct depot *depot, int64_t team, enum depot_counter counter)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "INSERT INTO skipped (team, counter, upto, after)"
                         " SELECT team, ?2, ?3, CASE ?2 WHEN 0 THEN box WHEN 1 THEN arrival ELSE ack END FROM teams WHERE team = ?1",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, counter);
    stmt_int(stmt, 3, (int64_t)depot->first);
    return stmt_finish(stmt);
}

enum rc
depot_was_skipped(struct depot *depot, int64_t team, enum depot_counter counter, uint64_t number, bool *skipped)
{
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db,
                         "SELECT after FROM skipped WHERE team = ?1 AND counter = ?2 AND upto > ?3"
                         " ORDER BY upto LIMIT 1",
                         &stmt);

    *skipped = false;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, counter);
    stmt_int(stmt, 3, (int64_t)number);
    rc = stmt_step(stmt, skipped);
    if (rc == RC_OK && *skipped)
        *skipped = number > (uint64_t)stmt_get_int(stmt, 0);
    return depot_done(stmt, rc);
}

/* The number after the last one; none when that would be of an earlier life. */
static enum rc
count_on(struct depot *depot, enum depot_counter counter, int64_t team, bool *given, uint64_t *number)
{
    static const char *const sql[] = {
        [DEPOT_BOXES] = "UPDATE teams SET box = box + 1 WHERE team = ?1 AND box + 1 >= ?2 RETURNING box",
        [DEPOT_ARRIVALS] = "UPDATE teams SET arrival = arrival + 1 WHERE team = ?1 AND arrival + 1 >= ?2 RETURNING arrival",
        [DEPOT_ACKS] = "UPDATE teams SET ack = ack + 1 WHERE team = ?1 AND ack + 1 >= ?2 RETURNING ack",
    };
    struct stmt *stmt = NULL;
    enum rc rc = db_stmt(depot->db, sql[counter], &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)depot->first);
    rc = stmt_step(stmt, given);
    if (rc == RC_OK && *given)
        *number = (uint64_t)stmt_get_int(stmt, 0);
    return depot_done(stmt, rc);
}

static enum rc
begin_numbers(struct depot *depot, enum depot_counter counter, int64_t team)
{
    static const char *const sql[] = {
        [DEPOT_BOXES] = "UPDATE teams SET box = ?2 - 1 WHERE team = ?1",
        [DEPOT_ARRIVALS] = "UPDATE teams SET arrival = ?2 - 1 WHERE team = ?1",
        [DEPOT_ACKS] = "UPDATE teams SET ack = ?2 - 1 WHERE team = ?1",
    };
    struct stmt *stmt = NULL;
    enum rc rc = note_skipped(depot, team, counter);

    if (rc == RC_OK)
        rc = db_stmt(depot->db, sql[counter], &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, team);
    stmt_int(stmt, 2, (int64_t)depot->first);
    return stmt_finish(stmt);
}

enum rc
depot_next_number(struct depot *depot, enum depot_counter counter, int64_t team, uint64_t *number)
{
    bool given = false;
    enum rc rc;

    *number = 0;
    rc = count_on(depot, counter, team, &given, number);
    if (rc == RC_OK && !given)
        rc = begin_numbers(depot, counter, team);
    if (rc == RC_OK && !given)
        rc = count_on(depot, counter, team, &given, number);
    return rc == RC_OK && !given ? rc_fail(RC_ABSENT, _("there is no such team")) : rc;
}
