/* Saves on their way to the engine, and what the model is told of them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/schema.h"
#include "tests/sim/adapter.h"
#include "tests/sim/copies.h"

enum { FUTURE_ENTITY = 99, STANDING_MOST = 64, VALUE_BYTES = 16 * 1024 };

const struct unit_kind unit_kinds[UNIT_KINDS] = {
    {"goal.goal", ENTITY_GOAL, 1, 1, MODEL_FILE, .is_shown = true},
    {"goal.level", ENTITY_GOAL, 2, 1, MODEL_FILE, .is_last = true},
    {"goal.deleted", ENTITY_GOAL, UNIT_DELETED, 1, MODEL_FILE, .is_set = true},
    {"goal.moved", ENTITY_GOAL, UNIT_MOVED, 1, MODEL_FILE, .is_strict = true, .moves = true},
    {"member.name", ENTITY_MEMBER, 1, 1, MODEL_FILE, .is_shown = true},
    {"member.phone", ENTITY_MEMBER, 5, 1, MODEL_FILE, .is_last = true},
    {"contact.report", ENTITY_CONTACT, 1, 4, MODEL_FILE, .is_shown = true, .is_once = true},
    {"contact.participants", ENTITY_CONTACT, 2, 2, MODEL_FILE, .is_set = true},
    {"standing.consent", ENTITY_STANDING, 1, 1, MODEL_FILE, .is_shown = true, .is_strict = true},
    {"standing.safety", ENTITY_STANDING, 4, 1, MODEL_FILE, .is_shown = true, .is_strict = true, .needs_two = true},
    {"future.thing", FUTURE_ENTITY, 1, 1, MODEL_FILE, .is_set = false},
    {"family.name", ENTITY_FAMILY, 1, 1, MODEL_INDEX, .is_shown = true},
    {"family.phase", ENTITY_FAMILY, 2, 1, MODEL_INDEX, .is_shown = true},
    {"absence.period", ENTITY_ABSENCE, 1, 5, MODEL_TEAM, .is_shown = true},
};

const struct unit_kind *
unit_kind(const char *name)
{
    for (size_t i = 0; i < UNIT_KINDS; i++)
        if (strcmp(unit_kinds[i].name, name) == 0)
            return &unit_kinds[i];
    abort();
}

const char *
strict_word(const struct unit_kind *kind, unsigned place)
{
    static const char *const consents[STRICT_WORDS] = {"given", "limited", "refused"};
    static const char *const levels[STRICT_WORDS] = {"safe", "worry", "unsafe"};

    return kind->needs_two ? levels[place] : consents[place];
}

/* ---- questions under the bonnet ---- */

int64_t
adapter_ask(struct device *device, const char *sql, const struct id *id)
{
    struct stmt *stmt = NULL;
    int64_t answer = 0;
    bool row = false;
    enum rc rc = db_stmt(store_db(device->store), sql, &stmt);

    if (rc == RC_OK && id != NULL)
        stmt_id(stmt, 1, *id);
    if (rc == RC_OK)
        rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        answer = stmt_get_int(stmt, 0);
    stmt_done(stmt);
    if (rc != RC_OK && !device_is_dead(device))
        world_fail(device->world, "device %d: %s: %s", device->index, sql, rc_sentence());
    return answer;
}

bool
adapter_has_stream(struct device *device, int stream)
{
    return adapter_ask(device,
                       "SELECT count(*) FROM sync_stream WHERE stream = ?1 AND hidden_ms IS NULL",
                       &device->world->names.streams[stream]) > 0;
}

bool
adapter_is_filling(struct device *device, int stream)
{
    /* Also what came while all is read again from the first entry, until the last: its news begins after that. */
    return adapter_ask(device,
                       "SELECT is_filling OR (news_floor IS NULL AND EXISTS (SELECT 1 FROM sync_state WHERE name = 'pull_open'"
                       " AND value <> 0)) FROM sync_stream WHERE stream = ?1",
                       &device->world->names.streams[stream]) != 0;
}

void
adapter_tell(struct device *device, const char *sql)
{
    enum rc rc = db_run(store_db(device->store), sql);

    if (rc != RC_OK)
        world_fail(device->world, "device %d: %s: %s", device->index, sql, rc_sentence());
}

/* ---- looking ---- */

static enum rc
take_held(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
          const char *reason)
{
    struct device *device = context;
    struct world *world = device->world;
    int writer = adapter_writer(world, feed);

    if (strcmp(reason, "late") != 0 || writer == MODEL_NONE)
        return RC_OK;
    for (int i = 0; i < MODEL_STREAMS; i++)
        if (id_equal(world->names.streams[i], stream) && !id_is_zero(stream))
            model_holds(world->model, device->index, i, writer, first, last);
    return RC_OK;
}

/* The model is told the clock of a save as the log has it. */
static void
tell_clock(struct device *device, int stream, uint32_t save)
{
    const struct save_source *saves = replica_saves(device->replica);
    struct world *world = device->world;
    struct change *change = NULL;
    int writer = copies_writer(device, stream);
    enum rc rc = saves->get(saves->context, world->names.streams[stream],
                            copies_feed(device, stream, writer), save + copies_base(device, stream, writer),
                            &change);

    if (rc == RC_OK)
        model_stamp(world->model, stream, writer, save, change->hlc);
    body_free(change, rc == RC_OK ? 1 : 0);
}

/* The last save that the store says it gave there, in that life. */
int64_t
adapter_saved(struct device *device, int stream, int writer)
{
    struct world *world = device->world;
    struct stmt *stmt = NULL;
    int64_t saved = 0;
    enum rc rc = db_stmt(store_db(device->store),
                         "SELECT coalesce(max(saved), 0) FROM sync_feed WHERE stream = ?1 AND is_own = 1"
                         " AND incarnation = ?2",
                         &stmt);

    if (rc == RC_OK) {
        stmt_id(stmt, 1, world->names.streams[stream]);
        stmt_int(stmt, 2, (int64_t)copies_feed(device, stream, writer).incarnation);
        rc = stmt_finish_int(stmt, &saved);
    }
    int64_t base = copies_base(device, stream, writer);
    saved = saved > base ? saved - base : 0;
    if (rc != RC_OK && !device_is_dead(device))
        world_fail(world, "device %d: %s", device->index, rc_sentence());
    return saved;
}

/* How far a colleague's log has a feed: that comes back to a server that was put back. */
static uint32_t
logged_elsewhere(const struct device *device, int stream, int writer)
{
    struct world *world = device->world;
    int64_t most = 0;

    for (int i = 0; i < WORLD_DEVICES; i = world_next(world, i)) {
        int64_t logged = i == device->index ? 0 : life_logged(&world->devices[i], stream, writer);
        most = logged > most ? logged : most;
    }
    return (uint32_t)most;
}

/* What waits and was not handed in gets numbers of the new life. What was handed in by a life that is lost gets some too where
 * the server shows the device nothing any more, for nobody can tell one from the other: the right is over, or it lost that too. */
static void
renumber(struct device *device, int stream, int old, int new)
{
    struct model *model = device->world->model;
    uint32_t known = (uint32_t)adapter_saved(device, stream, old), stored = model_stored(model, stream, old);
    uint32_t elsewhere = device->was_returned && device->world->was_server_restored ? logged_elsewhere(device, stream, old) : 0;
    uint32_t given = adapter_has_stream(device, stream) ? elsewhere : elsewhere > stored ? elsewhere : stored;
    uint32_t kept = known > stored ? known : stored, last = model_last(model, stream, old);
    kept = kept > elsewhere ? kept : elsewhere;
    uint32_t before = model_last(model, stream, new), moved = last > kept ? last - kept : 0;
    int64_t repeated = adapter_saved(device, stream, new) - before - moved;
    bool repeats = device->was_returned && repeated > 0 && known + repeated <= given;

    if (repeats) {
        world_happened(device->world, HAPPENED_GIVEN_TWICE);
        model_repeat(model, stream, old, known, (uint32_t)repeated, new);
    }
    model_renumber(model, device->index, stream, old, kept, new);
    if (repeats)
        model_follow_repeated(model, stream, old, known, new, before);
}

void
adapter_follow_life(struct device *device)
{
    struct world *world = device->world;
    const struct feed_ref feed = replica_self(device->replica).feed;
    int old = device->writer;
    bool has_cause = model_has_covered(world->model, device->index);

    if (device->life != MODEL_NONE) {
        if (feed_equal(feed, world->names.writers[device->life]))
            return;
        copies_end(device, feed);
        device->is_returned = false;
        world_trace(world, "device %d begins another life, as writer %d", device->index, device->writer);
        return;
    }
    int new = adapter_own_writer(device);
    if (old == new || old == MODEL_NONE) {
        device->writer = new;
        return;
    }
    world_trace(world, "device %d begins another life, as writer %d", device->index, new);
    device->writer = new;
    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        if (id_is_zero(world->names.streams[stream]))
            continue;
        has_cause |= model_write_ended(world->model, device->index, stream);
        renumber(device, stream, old, new);
    }
    has_cause |= device->was_returned;
    device->is_returned = device->has_backup = false; /* that backup is of an earlier life */
    if (!has_cause)
        world_fail(world, "device %d began another life without cause", device->index);
}

/* A save whose call did not return RC_OK happened when the store says so after it was opened again. */
static void
decide_open(struct device *device, int stream)
{
    struct model *model = device->world->model;
    int writer = copies_writer(device, stream);

    if (!model_is_open(model, stream, writer))
        return;
    int64_t saved = adapter_saved(device, stream, writer);
    if (saved >= (int64_t)model_last(model, stream, writer)) {
        model_acknowledge(model, stream, writer);
        tell_clock(device, stream, model_last(model, stream, writer));
    } else
        model_forget(model, device->index, stream, writer);
}

void
adapter_look(struct device *device)
{
    struct world *world = device->world;
    struct journal *journal = replica_journal(device->replica);

    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        const struct id id = world->names.streams[stream];
        if (id_is_zero(id))
            continue;
        decide_open(device, stream);
        bool is_here = adapter_has_stream(device, stream);
        for (int writer = 0; writer < world->names.writer_count; writer++) {
            uint32_t upto = 0;
            bool is_asked = is_here && (world->is_thorough || model_last(world->model, stream, writer) > 0);
            enum rc rc = is_asked
                             ? journal_frontier(journal, id, copies_feed(device, stream, writer), &upto)
                             : RC_OK;
            upto = copies_seen(device, stream, writer, upto);
            if (rc != RC_OK)
                world_fail(world, "device %d, frontier: %s", device->index, rc_sentence());
            if (upto > model_last(world->model, stream, writer)) {
                world_fail(
                    world, "device %d applied save %u of writer %d in stream %d, which saved %u",
                    device->index, upto, writer, stream, model_last(world->model, stream, writer));
                upto = 0;
            }
            model_sees(world->model, device->index, stream, writer, upto);
        }
    }
    model_holds_none(world->model, device->index);
    enum rc rc = replica_parked(device->replica, take_held, device);
    if (rc != RC_OK)
        world_fail(world, "device %d, parked: %s", device->index, rc_sentence());
}

void
adapter_take_own_saves(struct device *device)
{
    struct world *world = device->world;

    for (int stream = 0; stream < MODEL_STREAMS; stream++) {
        const struct id id = world->names.streams[stream];
        if (id_is_zero(id))
            continue;
        int writer = copies_writer(device, stream);
        int64_t saved = adapter_saved(device, stream, writer);
        decide_open(device, stream);
        while ((int64_t)model_last(world->model, stream, writer) < saved) {
            struct model_save save = {.device = device->index, .stream = stream, .writer = writer};
            (void)model_begin(world->model, &save);
            model_acknowledge(world->model, stream, writer);
        }
    }
}

/* ---- saving ---- */

struct screen {
    const struct unit_kind *kind;
    char value[MODEL_TEXT];
};

struct versions {
    struct version *at;
    size_t count, room;
};

static enum rc
take_version(void *context, const struct current *current)
{
    struct versions *versions = context;

    if (versions->count < versions->room)
        versions->at[versions->count++] = current->version;
    return RC_OK;
}

/* A deletion lists every version of the record's other units that the author sees. */
static enum rc
put_deletion(struct device *device, const struct unit_kind *kind, struct id stream,
             struct id record, struct buf *value)
{
    struct version room[STANDING_MOST];
    struct versions seen = {room, 0, STANDING_MOST};
    enum rc rc = RC_OK;

    for (size_t i = 0; i < UNIT_KINDS && rc == RC_OK; i++)
        if (unit_kinds[i].entity == kind->entity && unit_kinds[i].unit != UNIT_DELETED)
            rc = journal_current(replica_journal(device->replica), stream, kind->entity, record,
                                 unit_kinds[i].unit, take_version, &seen);
    for (size_t i = 1; i < seen.count; i++) /* ascending, as the encoder wants them */
        for (size_t k = i; k > 0 && version_compare(&room[k], &room[k - 1]) < 0; k--) {
            struct version kept = room[k];
            room[k] = room[k - 1];
            room[k - 1] = kept;
        }
    return rc == RC_OK ? value_put_versions(value, kind->field, room, seen.count) : rc;
}

/* ---- how an operation goes over what is there ---- */

static enum rc
take_screen(void *context, const struct current *current)
{
    struct field fields[CHANGE_FIELDS];
    struct screen *screen = context;
    size_t count = 0;

    if (!current->is_shown)
        return RC_OK;
    enum rc rc = value_read(current->value, current->value_len, fields, &count);
    if (rc != RC_OK)
        return rc;
    const struct field *field = value_find(fields, count, screen->kind->field);
    if (field != NULL)
        snprintf(screen->value, sizeof screen->value, "%.*s", (int)field->len,
                 (const char *)field->bytes);
    return RC_OK;
}

static bool
is_of_others(struct device *device, int stream, const struct model_op *op)
{
    struct model_standing standing[STANDING_MOST];
    struct model_view view = {device->world->model, device->index};
    size_t count =
        model_current(&view, stream, op->record, op->unit, standing, STANDING_MOST);

    for (size_t i = 0; i < count; i++)
        if (standing[i].version.writer != copies_writer(device, stream))
            return true;
    return false;
}

/* Who may not choose between phases edits what the screen shows. */
static bool
may_resolve(const struct device *device, int stream, const struct unit_kind *kind)
{
    struct author self = replica_self_in(device->replica, device->world->names.streams[stream]);

    return schema_policy(kind->entity, kind->unit) != POLICY_HUMAN ||
           (self.functions & (FUNCTION_OWNER | FUNCTION_COORDINATOR)) != 0;
}

/* Who may not protect less is refused a choice that does: as who covers for a coach. Over one version alone it stays beside it. */
static bool
relaxes_in_vain(const struct device *device, int stream, const struct unit_kind *kind, const struct model_op *op,
                const struct model_standing *standing, size_t count)
{
    struct author self = replica_self_in(device->replica, device->world->names.streams[stream]);
    unsigned enough = kind->needs_two ? FUNCTIONS_OF_TWO : FUNCTION_COACH;
    bool relaxes = false;

    for (size_t i = 0; kind->moves && op->protects == 0 && i < count; i++)
        relaxes |= standing[i].value[0] != '\0';
    for (size_t i = 0; kind->is_strict && !kind->moves && i < count; i++)
        for (unsigned place = op->protects; place < STRICT_WORDS; place++) /* its own word's is one less */
            relaxes |= strcmp(standing[i].value, strict_word(kind, place)) == 0;
    return relaxes && (self.functions & enough) == 0;
}

/* In a conflict a person edits what the screen shows, or resolves it; else there is no difference. */
static enum rc
choose_way(struct device *device, int stream, struct model_op *op, bool *is_plain)
{
    struct world *world = device->world;
    const struct unit_kind *kind = unit_kind(op->unit);
    struct model_view view = {world->model, device->index};
    struct screen screen = {kind, ""};

    *is_plain = !op->supersedes_nothing && !op->supersedes_one;
    if (*is_plain && kind->is_strict) {
        *is_plain = false; /* whoever relaxes it says what he saw */
        return RC_OK;
    }
    if (*is_plain && kind->is_once && is_of_others(device, stream, op)) {
        *is_plain = false; /* it names all that is current: whose dies is for the journal to say */
        return RC_OK;
    }
    if (!*is_plain || kind->is_last || !model_in_conflict(&view, stream, op->record, op->unit))
        return RC_OK;
    *is_plain = world_falls(world, 400) || !may_resolve(device, stream, kind);
    if (!*is_plain)
        return RC_OK;
    enum rc rc = journal_current(replica_journal(device->replica), world->names.streams[stream],
                                 kind->entity, adapter_record(world, op->record), kind->unit,
                                 take_screen, &screen);
    memcpy(op->over, screen.value, sizeof op->over);
    return rc;
}

static enum rc
put_value(struct device *device, const struct unit_kind *kind, const struct model_op *op,
          struct change *change, struct buf *value)
{
    if (kind->unit == UNIT_DELETED)
        return put_deletion(device, kind, change->stream, adapter_record(device->world, op->record),
                            value);
    return value_put_text(value, kind->field, op->value);
}

static enum rc
put_op(struct device *device, struct model_save *save, size_t at, struct change *change)
{
    struct world *world = device->world;
    struct model_op *op = &save->ops[at];
    const struct unit_kind *kind = unit_kind(op->unit);
    struct model_standing standing[STANDING_MOST];
    struct model_view view = {world->model, device->index};
    struct version named[STANDING_MOST];
    struct buf value = BUF_EMPTY(VALUE_BYTES);
    size_t count = op->supersedes_nothing ? 0
                                          : model_current(&view, save->stream, op->record, op->unit,
                                                          standing, STANDING_MOST);
    bool is_plain;
    enum rc rc = choose_way(device, save->stream, op, &is_plain);

    if (rc == RC_OK)
        rc = put_value(device, kind, op, change, &value);
    op->supersedes_one |= count > 1 && relaxes_in_vain(device, save->stream, kind, op, standing, count);
    if (op->supersedes_one && count > 1)
        count = 1;
    for (size_t i = 0; i < count; i++)
        named[i] = adapter_version(device, save->stream, standing[i].version);
    struct id record = adapter_record(world, op->record);
    if (rc == RC_OK && is_plain)
        rc = change_put(change, kind->entity, record, kind->unit, &value);
    else if (rc == RC_OK)
        rc = change_put_over(change, kind->entity, record, kind->unit, &value, named, count);
    buf_wipe(&value);
    return rc;
}

enum rc
adapter_save(struct device *device, struct model_save *saves, size_t count)
{
    struct world *world = device->world;
    struct change changes[2];
    enum rc rc = RC_OK;

    for (size_t i = 0; i < count; i++) {
        saves[i].device = device->index;
        saves[i].position = ledger_position(replica_ledger(device->replica));
        saves[i].writer = copies_writer(device, saves[i].stream);
        changes[i] = CHANGE_EMPTY(world->names.streams[saves[i].stream]);
        for (size_t k = 0; k < saves[i].count && rc == RC_OK; k++)
            rc = put_op(device, &saves[i], k, &changes[i]);
    }
    for (size_t i = 0; i < count; i++)
        (void)model_begin(world->model, &saves[i]);
    if (rc == RC_OK)
        rc = replica_save(device->replica, changes, count);
    if (!device_is_dead(device))
        adapter_follow_life(device);
    for (size_t i = 0; i < count; i++) {
        if (rc == RC_OK) {
            int writer = copies_writer(device, saves[i].stream);
            model_acknowledge(world->model, saves[i].stream, writer);
            model_stamp(world->model, saves[i].stream, writer,
                        model_last(world->model, saves[i].stream, writer), changes[i].hlc);
        } else if (!device_is_dead(device))
            model_forget(world->model, device->index, saves[i].stream,
                         copies_writer(device, saves[i].stream));
        change_wipe(&changes[i]);
    }
    return rc;
}
