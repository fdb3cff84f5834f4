/* Who may read, hold and write what, now and at every line before; what is owed and due. */
#include <stdlib.h>
#include <string.h>

#include "sync/ledger_inside.h"
#include "sync/writer.h"

/* A point in the ledger's history; with `next`, the state after that operation were it the next line. */
struct view {
    const struct ledger *ledger;
    uint64_t position;
    const struct ledger_op *next;
};

static struct view
view_now(const struct ledger *ledger)
{
    return (struct view){ledger, ledger->lines_count, NULL};
}

struct inside_epoch *
ledger_inside_current(const struct inside_stream *stream)
{
    return stream->facts.epoch == 0 ? NULL : &stream->epochs[stream->facts.epoch - 1];
}

bool
ledger_inside_covers(const struct inside_cover *cover, struct id family)
{
    for (size_t i = 0; i < cover->facts.family_count; i++)
        if (id_equal(cover->families[i], family))
            return true;
    return false;
}

static uint32_t
roles_in(const struct view *view, const struct inside_device *device)
{
    const struct inside_person *person = &view->ledger->persons[device->person];

    if (view->next != NULL && view->next->kind == LEDGER_ROLE &&
        id_equal(view->next->as.role.person, person->facts.id))
        return view->next->as.role.roles;
    for (size_t i = person->role_count; i > 0; i--)
        if (person->roles[i - 1].position <= view->position)
            return person->roles[i - 1].roles;
    return 0;
}

/* The device's person's roles; 0 while the device is not active. */
static uint32_t
active_roles(const struct view *view, const struct inside_device *device)
{
    const struct ledger_device *facts = &device->facts;

    if (facts->since > view->position || (facts->revoked != 0 && facts->revoked <= view->position))
        return 0;
    if (view->next != NULL && view->next->kind == LEDGER_REVOKE_DEVICE &&
        id_equal(view->next->as.revoke_device, facts->id))
        return 0;
    return roles_in(view, device);
}

static enum ledger_function
function_in(const struct view *view, const struct inside_family *family, struct id person)
{
    const struct ledger_op *next = view->next;

    if (next != NULL && next->kind == LEDGER_ASSIGN &&
        id_equal(next->as.assign.family, family->facts.id) &&
        id_equal(next->as.assign.person, person))
        return (enum ledger_function)next->as.assign.function;
    for (size_t i = family->assigned_count; i > 0; i--)
        if (family->assigned[i - 1].position <= view->position &&
            id_equal(family->assigned[i - 1].person, person))
            return (enum ledger_function)family->assigned[i - 1].function;
    return LEDGER_RELEASED;
}

static bool
has_owner(const struct view *view, const struct inside_family *family)
{
    const struct ledger_op *next = view->next;

    if (next != NULL && next->kind == LEDGER_ASSIGN &&
        id_equal(next->as.assign.family, family->facts.id) &&
        next->as.assign.function == LEDGER_OWNER)
        return true;
    return family->owned != 0 && family->owned <= view->position;
}

static bool
writes_by_cover(const struct view *view, const struct inside_family *family, struct id person)
{
    for (size_t i = 0; i < family->cover_count; i++) {
        const struct ledger_cover *cover = &view->ledger->covers[family->covers[i]].facts;
        bool ends_next = view->next != NULL && view->next->kind == LEDGER_COVER_END &&
                         id_equal(view->next->as.cover_end.cover, cover->id);
        if (cover->scope == LEDGER_SCOPE_WRITE && id_equal(cover->person, person) &&
            cover->accepted != 0 && cover->accepted <= view->position &&
            (cover->ended == 0 || view->position < cover->ended) && !ends_next)
            return true;
    }
    return false;
}

/* By lines alone, never by a clock. */
static bool
writes(const struct view *view, const struct inside_device *device,
       const struct inside_stream *stream)
{
    uint32_t roles = active_roles(view, device);

    if (roles == 0)
        return false;
    if (stream->facts.kind == LEDGER_STREAM_TEAM)
        return true;
    if (stream->facts.kind != LEDGER_STREAM_INDEX && stream->facts.kind != LEDGER_STREAM_FILE)
        return false;
    const struct inside_family *family = &view->ledger->families[stream->family];
    if (family->facts.since > view->position)
        return false;
    if ((roles & LEDGER_ROLE_SCIENTIST) != 0 ||
        ((roles & LEDGER_ROLE_COORDINATOR) != 0 && stream->facts.kind == LEDGER_STREAM_INDEX) ||
        ((roles & LEDGER_ROLE_INTAKE) != 0 && !has_owner(view, family)))
        return true;
    if ((roles & LEDGER_ROLE_COACH) != 0 &&
        function_in(view, family, device->facts.person) != LEDGER_RELEASED)
        return true;
    return writes_by_cover(view, family, device->facts.person);
}

static bool
opens_by_cover(const struct ledger *ledger, const struct inside_family *family, struct id person,
               uint64_t at_ms, bool also_given)
{
    for (size_t i = 0; i < family->cover_count; i++) {
        const struct ledger_cover *cover = &ledger->covers[family->covers[i]].facts;
        bool stands = cover->state == LEDGER_COVER_ACCEPTED ||
                      (also_given && cover->state == LEDGER_COVER_GIVEN);
        if (stands && id_equal(cover->person, person) && at_ms < cover->until_ms)
            return true;
    }
    return false;
}

/* Reading, and with `also_given` holding: at the head and a time. */
static bool
opens(const struct ledger *ledger, const struct inside_device *device,
      const struct inside_stream *stream, uint64_t at_ms, bool also_given)
{
    struct view view = view_now(ledger);
    uint32_t roles = active_roles(&view, device);

    if (roles == 0)
        return false;
    switch (stream->facts.kind) {
    case LEDGER_STREAM_TEAM:
        return true;
    case LEDGER_STREAM_RESERVE:
        return (roles & (LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_DUTY)) != 0;
    case LEDGER_STREAM_INDEX:
        if ((roles & LEDGER_ROLE_COORDINATOR) != 0)
            return true;
        break;
    case LEDGER_STREAM_FILE:
        break;
    case LEDGER_STREAM_LOG:
    case LEDGER_STREAM_SHIELDED:
        return false;
    }
    const struct inside_family *family = &ledger->families[stream->family];
    if ((roles & LEDGER_ROLE_SCIENTIST) != 0 ||
        ((roles & LEDGER_ROLE_INTAKE) != 0 && !has_owner(&view, family)))
        return true;
    if ((roles & LEDGER_ROLE_COACH) != 0 &&
        function_in(&view, family, device->facts.person) != LEDGER_RELEASED)
        return true;
    return opens_by_cover(ledger, family, device->facts.person, at_ms, also_given);
}

bool
ledger_inside_may_hold(const struct ledger *ledger, const struct inside_device *device,
                       const struct inside_stream *stream, uint64_t at_ms)
{
    return opens(ledger, device, stream, at_ms, true);
}

bool
ledger_inside_is_active(const struct ledger *ledger, const struct inside_device *device)
{
    struct view view = view_now(ledger);

    return active_roles(&view, device) != 0;
}

enum ledger_function
ledger_inside_function(const struct inside_family *family, struct id person)
{
    struct view view = {NULL, UINT64_MAX, NULL};

    return function_in(&view, family, person);
}

/* ---- asked from outside ---- */

bool
ledger_device_is_active(const struct ledger *ledger, struct id device)
{
    const struct inside_device *found = ledger_inside_device(ledger, device);

    return found != NULL && ledger_inside_is_active(ledger, found);
}

bool
ledger_person_is_active(const struct ledger *ledger, struct id person)
{
    for (size_t i = 0; i < ledger->devices_count; i++)
        if (id_equal(ledger->devices[i].facts.person, person) &&
            ledger_inside_is_active(ledger, &ledger->devices[i]))
            return true;
    return false;
}

enum ledger_function
ledger_function(const struct ledger *ledger, struct id family, struct id person)
{
    const struct inside_family *found = ledger_inside_family(ledger, family);

    return found == NULL ? LEDGER_RELEASED : ledger_inside_function(found, person);
}

bool
ledger_is_coach(const struct ledger *ledger, struct id family, struct id person)
{
    const struct inside_person *found = ledger_inside_person(ledger, person);

    return found != NULL && (found->facts.roles & LEDGER_ROLE_COACH) != 0 &&
           ledger_function(ledger, family, person) != LEDGER_RELEASED;
}

bool
ledger_may_read(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL && opens(ledger, who, what, at_ms, false);
}

bool
ledger_may_hold(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL && opens(ledger, who, what, at_ms, true);
}

bool
ledger_may_write_at(const struct ledger *ledger, struct id device, struct id stream,
                    uint64_t position)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    struct view view = {ledger, position, NULL};

    return who != NULL && what != NULL && position <= ledger->lines_count &&
           writes(&view, who, what);
}

bool
ledger_may_write(const struct ledger *ledger, struct id device, struct id stream)
{
    return ledger_may_write_at(ledger, device, stream, ledger->lines_count);
}

/* ---- owed and due ---- */

static bool
is_sealed_to_reserve(const struct inside_stream *stream)
{
    return stream->facts.kind == LEDGER_STREAM_INDEX || stream->facts.kind == LEDGER_STREAM_FILE;
}

static bool
rotation_is_owed(const struct ledger *ledger, const struct inside_stream *stream, uint64_t at_ms)
{
    const struct inside_epoch *epoch = ledger_inside_current(stream);

    if (epoch == NULL)
        return false;
    if (is_sealed_to_reserve(stream) &&
        epoch->reserve_epoch != ledger_inside_stream(ledger, ledger_reserve())->facts.epoch)
        return true;
    for (size_t i = 0; i < epoch->given_count; i++) {
        const struct inside_device *device = ledger_inside_device(ledger, epoch->given[i]);
        if (device != NULL && !opens(ledger, device, stream, at_ms, true))
            return true;
    }
    return false;
}

static bool
was_given(const struct inside_epoch *epoch, struct id device)
{
    size_t low = 0;
    size_t high = epoch->given_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = id_compare(epoch->given[middle], device);
        if (order == 0)
            return epoch->lapsed[middle] == 0;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return false;
}

static bool
grant_is_due(const struct ledger *ledger, const struct inside_stream *stream,
             const struct inside_device *device, uint64_t at_ms)
{
    const struct inside_epoch *epoch = ledger_inside_current(stream);

    return epoch != NULL && opens(ledger, device, stream, at_ms, true) &&
           !was_given(epoch, device->facts.id);
}

bool
ledger_rotation_is_owed(const struct ledger *ledger, struct id stream, uint64_t at_ms)
{
    const struct inside_stream *found = ledger_inside_stream(ledger, stream);

    return found != NULL && rotation_is_owed(ledger, found, at_ms);
}

bool
ledger_may_fetch(const struct ledger *ledger, struct id device, struct id stream,
                 struct id recipient, uint64_t at_ms)
{
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    if (what == NULL)
        return false;
    if (id_equal(recipient, device) || id_is_zero(recipient))
        return ledger_may_read(ledger, device, stream, at_ms);
    if (!id_equal(recipient, ledger_reserve()) ||
        !ledger_may_read(ledger, device, ledger_reserve(), at_ms))
        return false;
    if (what->facts.kind != LEDGER_STREAM_FILE)
        return true;
    for (size_t i = 0; i < ledger->devices_count; i++)
        if (grant_is_due(ledger, what, &ledger->devices[i], at_ms))
            return true;
    return rotation_is_owed(ledger, what, at_ms);
}

void
ledger_ids_wipe(struct ledger_ids *ids)
{
    free(ids->items);
    *ids = LEDGER_IDS_EMPTY;
}

void
ledger_pairs_wipe(struct ledger_pairs *pairs)
{
    free(pairs->items);
    *pairs = LEDGER_PAIRS_EMPTY;
}

static enum rc
add_id(struct ledger_ids *ids, struct id id)
{
    struct id *items = array_grow(ids->items, &ids->room, ids->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    ids->items = items;
    items[ids->count++] = id;
    return RC_OK;
}

static enum rc
add_pair(struct ledger_pairs *pairs, const struct inside_stream *stream,
         const struct inside_device *device)
{
    struct ledger_pair *items =
        array_grow(pairs->items, &pairs->room, pairs->count + 1, sizeof *items);

    if (items == NULL)
        return RC_NOMEM;
    pairs->items = items;
    items[pairs->count++] =
        (struct ledger_pair){stream->facts.id, stream->facts.epoch, device->facts.id};
    return RC_OK;
}

/* The i-th device, or stream, in ascending order of ids. */
static const struct inside_device *
device_by_rank(const struct ledger *ledger, size_t rank)
{
    return &ledger->devices[ledger->devices_by_key.order[rank]];
}

static const struct inside_stream *
stream_by_rank(const struct ledger *ledger, size_t rank)
{
    return &ledger->streams[ledger->streams_by_key.order[rank]];
}

enum rc
ledger_holders(const struct ledger *ledger, struct id stream, uint64_t at_ms,
               struct ledger_ids *devices)
{
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    enum rc rc = RC_OK;

    devices->count = 0;
    for (size_t i = 0; i < ledger->devices_count && what != NULL && rc == RC_OK; i++) {
        const struct inside_device *device = device_by_rank(ledger, i);
        if (opens(ledger, device, what, at_ms, true))
            rc = add_id(devices, device->facts.id);
    }
    return rc;
}

enum rc
ledger_holders_new(const struct ledger *ledger, enum ledger_stream_kind kind, struct id owner,
                   struct ledger_ids *devices)
{
    struct view view = view_now(ledger);
    uint32_t by_role = LEDGER_ROLE_SCIENTIST;
    enum rc rc = RC_OK;

    if (kind == LEDGER_STREAM_INDEX)
        by_role |= LEDGER_ROLE_COORDINATOR;
    if (id_is_zero(owner))
        by_role |= LEDGER_ROLE_INTAKE;
    devices->count = 0;
    for (size_t i = 0; i < ledger->devices_count && rc == RC_OK; i++) {
        const struct inside_device *device = device_by_rank(ledger, i);
        uint32_t roles = active_roles(&view, device);
        if ((roles & by_role) != 0 ||
            ((roles & LEDGER_ROLE_COACH) != 0 && id_equal(device->facts.person, owner)))
            rc = add_id(devices, device->facts.id);
    }
    return rc;
}

enum rc
ledger_rotations_owed(const struct ledger *ledger, uint64_t at_ms, struct ledger_ids *streams)
{
    enum rc rc = RC_OK;

    streams->count = 0;
    for (size_t i = 0; i < ledger->streams_count && rc == RC_OK; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        if (rotation_is_owed(ledger, stream, at_ms))
            rc = add_id(streams, stream->facts.id);
    }
    return rc;
}

enum rc
ledger_grants_due(const struct ledger *ledger, uint64_t at_ms, struct ledger_pairs *grants)
{
    enum rc rc = RC_OK;

    grants->count = 0;
    for (size_t i = 0; i < ledger->streams_count; i++)
        for (size_t k = 0; k < ledger->devices_count && rc == RC_OK; k++)
            if (grant_is_due(ledger, stream_by_rank(ledger, i), device_by_rank(ledger, k), at_ms))
                rc = add_pair(grants, stream_by_rank(ledger, i), device_by_rank(ledger, k));
    return rc;
}

enum rc
ledger_heads_due(const struct ledger *ledger, const struct ledger_op *op,
                 struct ledger_pairs *feeds)
{
    struct view before = view_now(ledger);
    struct view after = {ledger, ledger->lines_count, op};
    enum rc rc = RC_OK;

    feeds->count = 0;
    if (op->kind != LEDGER_ROLE && op->kind != LEDGER_ASSIGN && op->kind != LEDGER_COVER_END &&
        op->kind != LEDGER_REVOKE_DEVICE)
        return RC_OK;
    for (size_t i = 0; i < ledger->streams_count; i++) {
        const struct inside_stream *stream = stream_by_rank(ledger, i);
        for (size_t k = 0; k < ledger->devices_count && rc == RC_OK; k++) {
            const struct inside_device *device = device_by_rank(ledger, k);
            if (writes(&before, device, stream) && !writes(&after, device, stream))
                rc = add_pair(feeds, stream, device);
        }
    }
    return rc;
}

/* ---- does an entry count ---- */

static void
nearer(uint64_t *next, uint64_t after, uint64_t position)
{
    if (position > after && (*next == 0 || position < *next))
        *next = position;
}

/* The first line after `after` that may have changed whether the device may write the stream; 0 for none. */
static uint64_t
next_change(const struct ledger *ledger, const struct inside_device *device,
            const struct inside_stream *stream, uint64_t after)
{
    const struct inside_person *person = &ledger->persons[device->person];
    uint64_t next = 0;

    nearer(&next, after, device->facts.since);
    nearer(&next, after, device->facts.revoked);
    for (size_t i = 0; i < person->role_count; i++)
        nearer(&next, after, person->roles[i].position);
    if (stream->family == INSIDE_NO_FAMILY)
        return next;

    const struct inside_family *family = &ledger->families[stream->family];
    nearer(&next, after, family->facts.since);
    nearer(&next, after, family->owned);
    for (size_t i = 0; i < family->assigned_count; i++)
        if (id_equal(family->assigned[i].person, person->facts.id))
            nearer(&next, after, family->assigned[i].position);
    for (size_t i = 0; i < family->cover_count; i++) {
        const struct ledger_cover *cover = &ledger->covers[family->covers[i]].facts;
        if (!id_equal(cover->person, person->facts.id))
            continue;
        nearer(&next, after, cover->accepted);
        nearer(&next, after, cover->ended);
    }
    return next;
}

/* What a line's heads say of a feed; NULL when nothing. */
static const struct ledger_head *
find_head(const struct inside_heads *heads, const struct ledger_entry_facts *entry)
{
    size_t low = 0;
    size_t high = heads->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        const struct ledger_head *head = &heads->items[middle];
        int order = id_compare(head->stream, entry->stream);
        if (order == 0)
            order = id_compare(head->device, entry->device);
        if (order == 0)
            order =
                (head->incarnation > entry->incarnation) - (head->incarnation < entry->incarnation);
        if (order == 0)
            return head;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static bool
agrees(const struct ledger_entry_facts *entry, const struct ledger_head *head)
{
    return entry->agrees == NULL || entry->agrees(entry->context, head);
}

static bool
is_admitted(const struct ledger *ledger, const struct ledger_entry_facts *entry,
            struct ledger_judgement *judgement)
{
    for (size_t i = ledger->heads_count; i > 0 && ledger->heads[i - 1].position > entry->position;
         i--) {
        const struct inside_heads *heads = &ledger->heads[i - 1];
        if (ledger->lines[heads->position - 1].kind != LEDGER_ADMIT)
            continue;
        const struct ledger_head *head = find_head(heads, entry);
        if (head == NULL || head->last < entry->last || !agrees(entry, head))
            continue;
        judgement->admitted = heads->position;
        judgement->has_head = true;
        judgement->head = *head;
        return true;
    }
    return false;
}

/* Fills what is known of the line that ended the right, and judges by its heads. */
static enum ledger_counts
judge_ended(const struct ledger *ledger, const struct ledger_entry_facts *entry, uint64_t ended,
            struct ledger_judgement *judgement)
{
    judgement->ended = ended;
    judgement->kind = ledger->lines[ended - 1].kind;
    judgement->ended_ms = ledger->lines[ended - 1].time_ms;
    for (size_t i = 0; judgement->kind == LEDGER_COVER_END && i < ledger->covers_count; i++) {
        const struct ledger_cover *cover = &ledger->covers[i].facts;
        if (cover->ended != ended)
            continue;
        judgement->by_cover = true;
        judgement->cover = cover->id;
        judgement->why = cover->why;
        judgement->from_ms = cover->from_ms;
        judgement->until_ms = cover->until_ms;
    }
    for (size_t i = 0; i < ledger->heads_count; i++) {
        const struct ledger_head *head =
            ledger->heads[i].position == ended ? find_head(&ledger->heads[i], entry) : NULL;
        if (head == NULL)
            continue;
        judgement->has_head = true;
        judgement->head = *head;
        if (head->last < entry->last)
            return LEDGER_LATE;
        judgement->is_unfounded = !agrees(entry, head);
        return judgement->is_unfounded ? LEDGER_LATE : LEDGER_COUNTS;
    }
    return LEDGER_LATE;
}

/* Walks the history of one device's writing in one stream, as section 9 of the protocol puts it. */
static enum ledger_counts
judge(const struct ledger *ledger, const struct ledger_entry_facts *entry,
      struct ledger_judgement *judgement)
{
    const struct inside_device *device = ledger_inside_device(ledger, entry->device);
    const struct inside_stream *stream = ledger_inside_stream(ledger, entry->stream);
    struct view view = {ledger, 0, NULL};
    bool could = false;       /* at the last change */
    uint64_t lost_before = 0; /* the last line up to the entry's position that ended the right */

    if (device == NULL || stream == NULL)
        return LEDGER_NO_RIGHT;
    for (uint64_t at = next_change(ledger, device, stream, 0); at != 0;
         at = next_change(ledger, device, stream, at)) {
        view.position = at;
        bool can = writes(&view, device, stream);
        if (at > entry->position && !could && lost_before != 0)
            break; /* not at the position, but before it */
        if (could && !can && at > entry->position)
            return judge_ended(ledger, entry, at, judgement);
        if (could && !can)
            lost_before = at;
        could = can;
    }
    if (could)
        return LEDGER_COUNTS;
    if (lost_before == 0)
        return LEDGER_NO_RIGHT;
    (void)judge_ended(ledger, entry, lost_before, judgement);
    judgement->is_unfounded = false; /* it is late whatever the head says */
    return LEDGER_LATE;
}

enum ledger_counts
ledger_entry_counts(const struct ledger *ledger, const struct ledger_entry_facts *entry,
                    struct ledger_judgement *judgement)
{
    struct ledger_judgement unused;

    if (judgement == NULL)
        judgement = &unused;
    *judgement = (struct ledger_judgement){.counts = LEDGER_COUNTS};
    if (entry->position == 0 || entry->position > ledger->lines_count)
        judgement->counts = LEDGER_UNKNOWN_POSITION;
    else if (memcmp(ledger->lines[entry->position - 1].hash, entry->position_hash,
                    CRYPTO_HASH_BYTES) != 0)
        judgement->counts = LEDGER_OTHER_HASH;
    else if (!is_admitted(ledger, entry, judgement))
        judgement->counts = judge(ledger, entry, judgement);
    return judgement->counts;
}
