/* What was received and does not count, read from the log itself: nothing of it is in the tables. */
#include "core/schema.h"
#include "sync/cover.h"
#include "sync/replica_own.h"

struct reading {
    struct replica *replica;
    replica_received_fn visit;
    void *context;
    struct elog_row row;
    struct received_item item; /* what all saves of the entry share is filled in */
    enum stream_kind kind;
};

static enum rc
visit_save(struct reading *reading, const struct change *save, uint32_t number)
{
    enum rc rc = RC_OK;

    for (uint32_t i = 0; rc == RC_OK && i < save->count; i++) {
        const struct operation *operation = &save->operations[i];
        const struct schema_entity *entity = schema_entity(operation->entity);
        if (entity != NULL && entity->home != reading->kind)
            continue;
        struct received_item item = reading->item;
        item.version = (struct version){item.version.feed, number, i};
        item.hlc = save->hlc;
        item.entity = operation->entity;
        item.unit = operation->unit;
        item.record = operation->record;
        item.value = operation->value;
        item.value_len = operation->value_len;
        rc = reading->visit(reading->context, &item);
    }
    return rc;
}

static enum rc
read_entry(struct reading *reading, uint64_t *unreadable)
{
    const struct entry *entry = &reading->row.entry;
    struct change *saves;
    size_t count;
    enum rc rc = source_read(reading->replica, entry, &saves, &count);

    if (source_is_unreadable(rc)) {
        ++*unreadable;
        rc = RC_OK;
    }
    for (size_t s = 0; rc == RC_OK && saves != NULL && s < count; s++)
        rc = visit_save(reading, &saves[s], entry->first + (uint32_t)s);
    if (saves != NULL)
        body_free(saves, count);
    return rc;
}

/* Of reading->row. Of a hidden stream nothing is shown, whatever became of it. */
static enum rc
look_at_entry(struct reading *reading, uint64_t *unreadable)
{
    struct replica *replica = reading->replica;
    const struct entry *entry = &reading->row.entry;
    enum streams_place place;
    enum rc rc = streams_find(replica, entry->stream, &place);

    const struct ledger_stream *stream = rc == RC_OK ? ledger_stream(replica->ledger, entry->stream) : NULL;
    if (rc != RC_OK || place != STREAMS_SHOWN || stream == NULL)
        return rc;
    const struct ledger_device *device = ledger_device(replica->ledger, entry->device);
    reading->kind = stream->kind;
    reading->item = (struct received_item){
        .stream = entry->stream,
        .family = stream->family,
        .version.feed = {entry->device, entry->incarnation},
        .state = reading->row.state == ELOG_HELD ? HISTORY_HELD : HISTORY_PARKED,
        .reason = elog_reason_name(reading->row.reason),
        .person = device == NULL ? (struct id){{0}} : device->person,
        .arrived_ms = (int64_t)entry->arrived_ms,
    };
    return read_entry(reading, unreadable);
}

enum rc
replica_received(struct replica *replica, replica_received_fn visit, void *context, uint64_t *unreadable)
{
    static const enum elog_state STATES[] = {ELOG_HELD, ELOG_PARKED};
    struct reading reading = {.replica = replica, .visit = visit, .context = context, .row = ELOG_ROW_EMPTY};
    enum rc rc = replica_need_team(replica);

    *unreadable = 0;
    for (size_t i = 0; rc == RC_OK && i < sizeof STATES / sizeof STATES[0]; i++) {
        struct elog_place place = {0, 0};
        bool found = true;
        while (rc == RC_OK && found) {
            rc = elog_next(replica->db, (struct id){{0}}, STATES[i], &place, &reading.row, &found);
            if (rc == RC_OK && found)
                rc = look_at_entry(&reading, unreadable);
        }
    }
    elog_row_wipe(&reading.row);
    return rc;
}

/* ---- what becomes of it ------------------------------------------------------------------------ */

/* A coach whose session may admit what was late in the family. */
static bool
has_coach(const struct ledger *ledger, struct id family)
{
    const struct ledger_person *person;

    for (size_t i = 0; (person = ledger_person_at(ledger, i)) != NULL; i++)
        if (ledger_is_coach(ledger, family, person->id) && ledger_person_is_active(ledger, person->id))
            return true;
    return false;
}

static bool
is_held_in(const struct elog_row *row, const struct parked_group *group)
{
    const struct parked_group own = {
        .feed = {row->entry.device, row->entry.incarnation}, .is_held = true, .reason = elog_reason_name(row->reason)};

    return replica_group_is_like(&own, group);
}

enum rc
replica_received_fate(struct replica *replica, const struct parked_group *group, enum received_fate *fate)
{
    const struct ledger_stream *known = replica->ledger == NULL ? NULL : ledger_stream(replica->ledger, group->stream);
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_place place = {0, 0};
    enum received_fate least = RECEIVED_COUNTS;
    bool found = true;
    enum rc rc = RC_OK;

    *fate = RECEIVED_WAITS;
    if (!group->is_held || known == NULL || id_is_zero(known->family) || !has_coach(replica->ledger, known->family))
        return RC_OK;
    while (rc == RC_OK && least != RECEIVED_WAITS) {
        enum received_fate one = RECEIVED_COUNTS;
        rc = elog_next(replica->db, group->stream, ELOG_HELD, &place, &row, &found);
        if (rc != RC_OK || !found)
            break;
        if (is_held_in(&row, group))
            rc = cover_fate(replica, &row, &one);
        least = one < least ? one : least;
    }
    elog_row_wipe(&row);
    if (rc == RC_OK)
        *fate = least;
    return rc;
}
