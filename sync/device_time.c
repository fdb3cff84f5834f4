/* Device time: what the clocks and the server say together, and how far a clock that jumped is believed. */
#include "core/i18n.h"
#include "sync/replica_own.h"

#define JUMP_MS DAY_MS
#define MOST_MS INT64_C(253402300799999) /* the end of the year 9999 */
#define KEEP_MS ((int64_t)60 * 1000)

static int64_t
distance(int64_t a, int64_t b)
{
    return a > b ? a - b : b - a;
}

/* The wall clock, corrected by the server's last word unless the clock was set right since. */
static int64_t
claimed_ms(const struct replica *replica, int64_t wall_ms)
{
    int64_t corrected_ms = wall_ms + replica->clock_offset_ms;
    int64_t settled_ms = replica->time.settled_ms;

    if (settled_ms == 0)
        return wall_ms;
    return distance(corrected_ms, settled_ms) <= distance(wall_ms, settled_ms) ? corrected_ms
                                                                               : wall_ms;
}

/*
 * Reads the clocks. Time that ran counts, suspended or not: since the last reading at least so much went by as the
 * monotonic clock grew, after a new start of the machine too. Of what else the wall clock says, a step of a day at most
 * is taken for the machine having been off; a longer one is a jump, and settles nothing.
 */
static void
look(struct replica *replica)
{
    struct device_time *time = &replica->time;
    int64_t wall_ms = clock_wall_ms(replica->clock);
    int64_t mono_ms = clock_mono_ms(replica->clock);
    int64_t claimed = claimed_ms(replica, wall_ms);
    int64_t ran = mono_ms > time->mono_ms ? mono_ms - time->mono_ms : 0;
    int64_t step = wall_ms - time->wall_ms - ran;

    if (time->wall_ms == 0) /* never read before */
        ran = step = 0;
    time->wall_ms = wall_ms;
    time->mono_ms = mono_ms;
    time->highest_ms += ran;
    if (time->settled_ms > 0) {
        int64_t room = claimed - time->settled_ms - ran;
        time->settled_ms += ran;
        if (step > 0 && step <= JUMP_MS && room > 0)
            time->settled_ms += step < room ? step : room;
    }
    if (claimed > time->highest_ms)
        time->highest_ms = claimed;
    if (time->settled_ms > time->highest_ms)
        time->highest_ms = time->settled_ms;
}

enum rc
replica_store_time(struct replica *replica)
{
    struct device_time *time = &replica->time;
    struct stmt *stmt;

    enum rc rc = db_stmt(replica->db,
                         "INSERT INTO sync_state (name, value) VALUES"
                         " ('" STATE_SETTLED_MS "', ?1), ('" STATE_HIGHEST_MS "', ?2),"
                         " ('" STATE_WALL_MS "', ?3), ('" STATE_MONO_MS "', ?4),"
                         " ('" STATE_CLOCK_OFFSET_MS "', ?5)"
                         " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                         &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, time->settled_ms);
    stmt_int(stmt, 2, time->highest_ms);
    stmt_int(stmt, 3, time->wall_ms);
    stmt_int(stmt, 4, time->mono_ms);
    stmt_int(stmt, 5, replica->clock_offset_ms);
    rc = stmt_finish(stmt);
    if (rc == RC_OK)
        time->kept_wall_ms = time->wall_ms;
    if (rc == RC_OK)
        replica->has_loose_time = false;
    return rc;
}

enum rc
replica_keep_time(struct replica *replica)
{
    look(replica);
    if (distance(replica->time.wall_ms, replica->time.kept_wall_ms) < KEEP_MS)
        return RC_OK;
    return replica_store_time(replica);
}

enum rc
replica_load_time(struct replica *replica)
{
    struct device_time *time = &replica->time;

    enum rc rc = state_get_int(replica->db, STATE_SETTLED_MS, &time->settled_ms);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_HIGHEST_MS, &time->highest_ms);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_WALL_MS, &time->wall_ms);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_MONO_MS, &time->mono_ms);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_CLOCK_OFFSET_MS, &replica->clock_offset_ms);
    if (rc != RC_OK)
        return rc;
    if (time->wall_ms == 0) /* a store of before these readings were kept: what it had seen, it had settled */
        time->settled_ms = time->highest_ms;
    time->kept_wall_ms = time->wall_ms;
    return replica_keep_time(replica);
}

int64_t
replica_now_ms(struct replica *replica)
{
    look(replica);
    return replica->time.highest_ms;
}

int64_t
replica_settled_ms(struct replica *replica)
{
    look(replica);
    return replica->time.settled_ms;
}

uint64_t
replica_server_ms(const struct replica *replica)
{
    int64_t now = clock_wall_ms(replica->clock) + replica->clock_offset_ms;

    return now > 0 ? (uint64_t)now : 0;
}

enum rc
replica_hear_time(struct replica *replica, int64_t server_ms)
{
    struct device_time *time = &replica->time;

    if (server_ms <= 0 || server_ms > MOST_MS)
        return rc_fail(RC_UNTRUSTED, _("the server's time is none that a calendar has"));
    look(replica);
    replica->clock_offset_ms = server_ms - time->wall_ms;
    if (server_ms > time->settled_ms)
        time->settled_ms = server_ms;
    time->highest_ms = time->settled_ms;
    replica->has_loose_time = true;
    return RC_OK;
}

enum rc
replica_learn_time(struct replica *replica, int64_t server_ms)
{
    enum rc rc = replica_hear_time(replica, server_ms);

    return rc == RC_OK ? replica_store_time(replica) : rc;
}
