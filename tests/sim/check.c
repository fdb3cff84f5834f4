/* What must hold at every step and after every crash. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/adapter.h"
#include "tests/sim/check.h"
#include "tests/sim/claims.h"
#include "tests/sim/copies.h"
#include "tests/sim/opens.h"
#include "tests/sim/sights.h"
#include "tests/sim/world.h"

enum { CONFLICTS_MOST = 128 };
enum { CLOCK_MOST_MS = 11 * WORLD_MINUTE_MS };

/* By a jump of the clock: no row of the journal stays, and all else does. */
static bool
is_hidden(struct device *device, int stream)
{
    return adapter_ask(
               device,
               "SELECT count(*) FROM sync_stream WHERE stream = ?1 AND hidden_ms IS NOT NULL",
               &device->world->names.streams[stream]) > 0;
}

bool
check_is_there(const struct world *world, int stream)
{
    return !id_is_zero(world->names.streams[stream]);
}

/* ---- one stream against a view of the model ---- */

struct comparing {
    struct device *device;
    struct model_view view;
    int stream;
    struct listed listed[CONFLICTS_MOST];
    size_t listed_count, conflicts, unsettled;
};

static bool
is_listed(const struct comparing *comparing, const char *record, const char *unit)
{
    for (size_t i = 0; i < comparing->listed_count; i++)
        if (strcmp(comparing->listed[i].record, record) == 0 &&
            strcmp(comparing->listed[i].unit, unit) == 0)
            return true;
    return false;
}

/* A mark of moving hides the record while it is held, too; whether one stands that somebody takes back is certain when that entry is sealed. */
static bool
may_have_moved(const struct comparing *comparing, const char *record, bool is_hidden)
{
    return !model_is_settled(&comparing->view, comparing->stream, record, "goal.moved") ||
           (!is_hidden && model_is_held(&comparing->view, comparing->stream, record, "goal.moved"));
}

static void
compare_unit(void *context, const char *record, const char *unit, bool is_shown)
{
    struct comparing *comparing = context;

    /* With which functions somebody protects less is certain when the entry is sealed. */
    if (comparing->device->world->has_failed ||
        (unit_kind(unit)->is_strict && !model_is_settled(&comparing->view, comparing->stream, record, unit))) {
        comparing->unsettled += !comparing->device->world->has_failed && is_listed(comparing, record, unit);
        return;
    }
    bool is_hidden = model_is_hidden(&comparing->view, comparing->stream, record);
    bool may_be_either = may_have_moved(comparing, record, is_hidden);
    if (!may_be_either && is_hidden != adapter_hides(comparing->device, comparing->stream, record, unit_kind(unit)) &&
        !adapter_lacks_names(comparing->device, comparing->stream))
        world_fail(comparing->device->world, "device %d, stream %d: record %s should be %s", comparing->device->index,
                   comparing->stream, record, is_hidden ? "hidden" : "shown");
    if (may_be_either)
        comparing->unsettled += is_listed(comparing, record, unit);
    else if (!is_hidden && is_shown && model_in_conflict(&comparing->view, comparing->stream, record, unit)) {
        comparing->conflicts++;
        if (!is_listed(comparing, record, unit))
            world_fail(comparing->device->world,
                       "device %d, stream %d: does not list the conflict of record %s, %s",
                       comparing->device->index, comparing->stream, record, unit);
    }
    adapter_compare(comparing->device, &comparing->view, comparing->stream, record, unit);
}

void
check_against(struct device *device, int view_of, int stream)
{
    struct world *world = device->world;
    struct comparing comparing = {.device = device, .view = {world->model, view_of}, .stream = stream};

    comparing.listed_count = adapter_conflicts(device, stream, comparing.listed, CONFLICTS_MOST);
    if (comparing.listed_count > CONFLICTS_MOST)
        world_fail(world, "device %d, stream %d: too many conflicts to compare", device->index, stream);
    if (!world->has_failed)
        model_units(world->model, stream, compare_unit, &comparing);
    size_t wanted = comparing.conflicts + comparing.unsettled;
    if (!world->has_failed && comparing.listed_count != wanted &&
        !(comparing.listed_count > wanted && adapter_lacks_names(device, stream)))
        world_fail(world, "device %d, stream %d: lists %zu conflicts, there are %zu", device->index,
                   stream, comparing.listed_count, comparing.conflicts);
}

/* ---- the cursor ---- */

static bool
has_entry(struct device *device, const struct stored *stored)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    bool row = false;
    enum rc rc =
        db_stmt(store_db(device->store),
                "SELECT 1 FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1 AND "
                "device = ?2 AND incarnation = ?3 AND first = ?4 AND last = ?5",
                &stmt);

    if (rc != RC_OK) {
        world_fail(world, "device %d: %s", device->index, rc_sentence());
        return true;
    }
    stmt_id(stmt, 1, world->names.streams[stored->stream]);
    stmt_id(stmt, 2, world->names.writers[stored->writer].device);
    stmt_int(stmt, 3, (int64_t)world->names.writers[stored->writer].incarnation);
    stmt_int(stmt, 4, stored->first);
    stmt_int(stmt, 5, stored->last);
    rc = stmt_step(stmt, &row);
    stmt_done(stmt);
    return rc == RC_OK && row;
}

static bool
is_lacking(struct device *device, const struct stored *stored)
{
    return (stored->withheld >> device->index & 1) != 0 && !has_entry(device, stored);
}

/* What a liar withheld is missed when a later entry, its author or a ledger line names it. Late work of a device that is in the team no
 * more, or reads that stream no more, and which nothing follows but what is kept back too, nobody ever names. */
static bool
is_revealed_by_none(struct device *device, const struct stored *stored)
{
    const struct world *world = device->world;
    const struct model *model = world->model;
    const struct device *author = &world->devices[model_device(model, stored->writer)];

    if (model_is_active(model, author->index) &&
        model_may_read(model, author->index, stored->stream, author->refreshed_ms))
        return false;
    for (size_t i = 0; i < world->stored_count; i++) {
        const struct stored *other = &world->stored[i];
        if (other->stream == stored->stream && other->writer == stored->writer && other->first >= stored->first &&
            (!is_lacking(device, other) ||
             model_save_counts(model, other->stream, other->writer, other->last) == MODEL_COUNTS))
            return false;
    }
    return true;
}

bool
check_is_withheld_for_good(struct device *device, int stream)
{
    const struct world *world = device->world;

    for (size_t i = 0; i < world->stored_count; i++) {
        const struct stored *stored = &world->stored[i];
        if (stored->stream == stream && is_lacking(device, stored) && is_revealed_by_none(device, stored))
            return true;
    }
    return false;
}

/* By a line that it has not read its right to that stream ended: a page left that out. With the line it drops the stream, or fills it anew where a later
 * one gives the right again. */
static bool
is_over(const struct device *device, int stream)
{
    const struct model *model = device->world->model;

    if (device->world->is_ending)
        return false;
    for (uint64_t at = ledger_position(replica_ledger(device->replica)) + 1; at <= model_position(model); at++)
        if (!model_may_read_at(model, device->index, stream, at, device->refreshed_ms))
            return true;
    return false;
}

/* Everything at the server below the cursor, of streams that are here and whole, is in the log. */
void
check_cursor(struct device *device)
{
    struct world *world = device->world;
    uint64_t cursor =
        (uint64_t)adapter_ask(device, "SELECT value FROM sync_state WHERE name = 'cursor'", NULL);
    bool is_whole[MODEL_STREAMS];

    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        is_whole[stream] =
            check_is_there(world, stream) && adapter_has_stream(device, stream) && !adapter_is_filling(device, stream);
    if (world->was_server_restored && !model_is_active(world->model, device->index))
        return; /* until all is well, when what was withheld must have come */
    for (size_t i = 0; i < world->stored_count && world->stored[i].arrival <= cursor; i++) {
        const struct stored *stored = &world->stored[i];
        bool is_withheld = (stored->withheld >> device->index & 1) != 0 &&
                           (!world->is_ending || !model_is_active(world->model, device->index) ||
                            is_revealed_by_none(device, stored));
        bool is_others = stored->writer == device->life && copies_is_shadowed(device, stored->stream);
        if (is_whole[stored->stream] && !is_others && !is_withheld && !has_entry(device, stored) &&
            !is_over(device, stored->stream)) {
            world_fail(
                world, "device %d: cursor %llu passed arrival %llu (stream %d, writer %d, save %u)",
                device->index, (unsigned long long)cursor, (unsigned long long)stored->arrival,
                stored->stream, stored->writer, stored->first);
            return;
        }
    }
}

bool
check_is_carried(struct device *device, int stream)
{
    const struct ledger *ledger = replica_ledger(device->replica);
    const struct ledger_stream *known = ledger_stream(ledger, device->world->names.streams[stream]);
    const struct ledger_cover *cover;

    for (size_t i = 0; known != NULL && (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        for (size_t k = 0; cover->is_carried && k < cover->family_count; k++)
            if (id_equal(cover->families[k], known->family))
                return true;
    return false;
}

/* ---- what may not be there ---- */

static void
check_none(struct device *device, int stream, const char *sql)
{
    if (adapter_ask(device, sql, &device->world->names.streams[stream]) != 0)
        world_fail(device->world, "device %d keeps what it may not have of stream %d: %s",
                   device->index, stream, sql);
}

static void
check_absence(struct device *device, int stream)
{
    struct world *world = device->world;

    check_none(device, stream,
               "SELECT count(*) FROM journal_record WHERE s IN (SELECT s FROM journal_stream WHERE "
               "id = ?1)");
    if (is_hidden(device, stream))
        return;
    check_none(device, stream, /* sealed, and without a key: until the server has shown that it has them */
               world->is_ending
                   ? "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1 "
                     "AND NOT (is_own = 1 AND is_sent = 0)"
                   : "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1 AND is_own = 0");
    if (model_may_hold(world->model, device->index, stream, device->refreshed_ms) || check_is_carried(device, stream))
        return;
    check_none(device, stream, "SELECT count(*) FROM sync_key WHERE stream = ?1");
    /* Those of the reserve and links are passed on, and gone when that is done. */
    check_none(device, stream,
               world->is_healing
                   ? "SELECT count(*) FROM sync_box WHERE stream = ?1"
                   : "SELECT count(*) FROM sync_box WHERE stream = ?1 AND hex(recipient) NOT IN "
                     "('00000000000000000000000000000000', 'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF')");
}

/* A device that has read every line holds nothing of streams that it may not read. */
void
check_rights(struct device *device)
{
    struct world *world = device->world;

    if (device->was_full || ledger_position(replica_ledger(device->replica)) != model_position(world->model))
        return;
    for (int stream = 0; stream < MODEL_STREAMS && !world->has_failed; stream++)
        if (check_is_there(world, stream) && !adapter_has_stream(device, stream) &&
            !model_may_read(world->model, device->index, stream, device->refreshed_ms))
            check_absence(device, stream);
}

/* ---- at every step ---- */

/* Of a stream that went and came back: it was not looked at yet, for the session was cut, or its key has not come. */
static bool
waits_to_be_read(struct device *device, int stream)
{
    return adapter_ask(device, /* ELOG_NEW; ELOG_PARKED for ELOG_KEY */
                       "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed)"
                       " WHERE stream = ?1 AND is_own AND (state = 0 OR (state = 2 AND reason = 1))",
                       &device->world->names.streams[stream]) > 0;
}

/* Decision 011: what waits behind late work where this device reads and may not write is handed in as late work by its next session. */
static bool
waits_to_be_late(struct device *device, int stream)
{
    const struct names *names = &device->world->names;

    return !device->world->is_ending && /* ELOG_HELD */
           !ledger_may_write(replica_ledger(device->replica), names->devices[device->index], names->streams[stream]) &&
           adapter_ask(device, "SELECT count(*) FROM sync_outbox JOIN sync_feed USING (feed) WHERE stream = ?1",
                       &names->streams[stream]) > 0 &&
           adapter_ask(device,
                       "SELECT count(*) FROM sync_entry JOIN sync_feed USING (feed) WHERE stream = ?1 AND is_own AND state = 3",
                       &names->streams[stream]) > 0;
}

bool
check_is_given_up(struct world *world, int stream, int writer, uint32_t save)
{
    if (!world->was_server_restored || world->told[stream][writer].purged < save)
        return false;
    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i))
        if (life_logged(&world->devices[i], stream, writer) >= (int64_t)save)
            return false;
    return true;
}

/* All that was acknowledged is applied here, or held as late work. */
static void
check_own_saves(struct device *device, int stream)
{
    struct world *world = device->world;
    int writer = copies_writer(device, stream);
    uint32_t saved = model_last(world->model, stream, writer);
    uint32_t lacking = model_lacks(world->model, device->index, stream, writer, saved);

    if (!device->is_returned && !adapter_is_filling(device, stream) && lacking != 0 && !waits_to_be_read(device, stream) &&
        !waits_to_be_late(device, stream) && !check_is_given_up(world, stream, writer, lacking))
        world_fail(world, "device %d neither applied nor holds its own save %u of %u in stream %d", device->index,
                   lacking, saved, stream);
}

/* By the lines that it has judged by, what it applied counts, and what it holds does not. */
static void
check_judged(struct device *device, int stream)
{
    struct world *world = device->world;
    uint64_t judged = (uint64_t)adapter_ask(
        device, "SELECT coalesce(max(value), 0) FROM sync_state WHERE name = 'judged'", NULL);

    for (int writer = 0; judged <= model_position(world->model) && writer < world->names.writer_count; writer++)
        for (uint32_t save = 1; save <= model_last(world->model, stream, writer) && !world->has_failed; save++) {
            enum model_counts counts = model_save_counts_at(world->model, stream, writer, save, judged);
            bool holds = model_is_held_by(world->model, device->index, stream, writer, save);
            bool is_applied = !holds && save <= model_seen(world->model, device->index, stream, writer);
            if ((holds && counts == MODEL_COUNTS) || (is_applied && counts == MODEL_LATE))
                world_fail(world, "device %d %s save %u of writer %d in stream %d, judged by line %llu", device->index,
                           holds ? "holds" : "applied", save, writer, stream, (unsigned long long)judged);
        }
}

/* Others move the own clock ten minutes beyond trusted time at most; how far that ever was, the device's clocks say. */
void
check_clock(struct device *device)
{
    struct world *world = device->world;
    int64_t wall_ms = device->clock.wall_ms(device->clock.context);
    int64_t offset_ms = adapter_ask(
        device, "SELECT value FROM sync_state WHERE name = 'clock_offset_ms'", NULL);
    int64_t trusted_ms = wall_ms + offset_ms;
    int64_t clock_ms = adapter_ask(
        device, "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE key = 'clock'", NULL) >> 16;

    if (wall_ms > device->clock_most_ms)
        device->clock_most_ms = wall_ms;
    if (trusted_ms > device->clock_most_ms)
        device->clock_most_ms = trusted_ms;
    if (world->now_ms > device->clock_most_ms)
        device->clock_most_ms = world->now_ms;
    if (clock_ms > device->clock_most_ms + CLOCK_MOST_MS)
        world_fail(world, "device %d: the clock of its journal is %lld ms before all that it ever saw",
                   device->index, (long long)(clock_ms - device->clock_most_ms));
}

/* Nothing counts that names a ledger line which the device has not read. */
static void
check_lines(struct device *device)
{
    struct world *world = device->world;
    uint64_t known = ledger_position(replica_ledger(device->replica));

    for (size_t i = 0; i < world->stored_count && !world->has_failed; i++) {
        const struct stored *stored = &world->stored[i];
        if (stored->position > known && stored->writer != device->writer && stored->writer != device->life &&
            model_seen(world->model, device->index, stored->stream, stored->writer) >= stored->last)
            world_fail(world, "device %d applied save %u of writer %d in stream %d, sealed on an unknown line",
                       device->index, stored->last, stored->writer, stored->stream);
    }
}

/* A line took the right from what is applied, and the session was cut before the stream was built anew: the next opening does that. */
static bool
is_to_be_rebuilt(struct device *device, int stream)
{
    return adapter_ask(device, "SELECT coalesce(max(needs_rebuild), 0) FROM sync_stream WHERE stream = ?1",
                       &device->world->names.streams[stream]) != 0;
}

static void
check_all(struct device *device)
{
    struct world *world = device->world;

    check_cursor(device);
    check_clock(device);
    claims_note_log(device);
    visit_check_twins(device);
    if (!world->has_failed)
        claims_check_acks(device, false);
    if (!world->has_failed)
        check_rights(device);
    for (int stream = 0; stream < MODEL_STREAMS && !world->has_failed; stream++)
        if (check_is_there(world, stream) && adapter_has_stream(device, stream) && !copies_is_torn(device, stream)) {
            check_own_saves(device, stream);
            check_judged(device, stream);
            if (!is_to_be_rebuilt(device, stream))
                check_against(device, device->index, stream);
        }
}

void
check_device(struct device *device)
{
    struct world *world = device->world;

    if (device->writer == MODEL_NONE)
        return;
    adapter_take_own_saves(device);
    adapter_look(device);
    opens_look(device);
    if (world->has_failed)
        return;
    check_lines(device);
    if (world_below(world, 4) == 0)
        check_all(device);
    else
        check_cursor(device);
    if (!world->has_failed)
        sights_check(device);
}

void
check_after_crash(struct device *device)
{
    adapter_take_own_saves(device);
    adapter_look(device);
    if (!device->world->has_failed)
        check_all(device);
}
