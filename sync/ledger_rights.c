/* Who may read, hold and write what, now and at every line before. */
#include <string.h>

#include "core/policy.h"
#include "sync/ledger_inside.h"

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
    if (stream->facts.kind == STREAM_TEAM)
        return true;
    if (stream->facts.kind != STREAM_INDEX && stream->facts.kind != STREAM_FILE)
        return false;
    const struct inside_family *family = &view->ledger->families[stream->family];
    if (family->facts.since > view->position)
        return false;
    if ((roles & LEDGER_ROLE_SCIENTIST) != 0 ||
        ((roles & LEDGER_ROLE_COORDINATOR) != 0 && stream->facts.kind == STREAM_INDEX) ||
        ((roles & LEDGER_ROLE_INTAKE) != 0 && !has_owner(view, family)))
        return true;
    if ((roles & LEDGER_ROLE_COACH) != 0 &&
        function_in(view, family, device->facts.person) != LEDGER_RELEASED)
        return true;
    return writes_by_cover(view, family, device->facts.person);
}

/* A cover of the person that is not over at that time; with `also_given` one that was not accepted yet. */
static bool
opens_by_cover(const struct view *view, const struct inside_family *family, struct id person,
               uint64_t at_ms, bool also_given)
{
    for (size_t i = 0; i < family->cover_count; i++) {
        const struct ledger_cover *cover = &view->ledger->covers[family->covers[i]].facts;
        uint64_t opened = also_given ? cover->given : cover->accepted;
        bool is_ended = cover->ended != 0 && cover->ended <= view->position;
        if (id_equal(cover->person, person) && opened != 0 && opened <= view->position &&
            !is_ended && at_ms < cover->until_ms)
            return true;
    }
    return false;
}

/* Reading, and with `also_given` holding: by the lines up to the view's position, and a time. */
static bool
opens(const struct view *view, const struct inside_device *device,
      const struct inside_stream *stream, uint64_t at_ms, bool also_given)
{
    uint32_t roles = active_roles(view, device);

    if (roles == 0)
        return false;
    switch (stream->facts.kind) {
    case STREAM_TEAM:
        return true;
    case STREAM_RESERVE:
        return (roles & (LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_DUTY)) != 0;
    case STREAM_INDEX:
        if ((roles & LEDGER_ROLE_COORDINATOR) != 0)
            return true;
        break;
    case STREAM_FILE:
        break;
    case STREAM_LOG:
    case STREAM_SHIELDED:
        return false;
    }
    const struct inside_family *family = &view->ledger->families[stream->family];
    if (family->facts.since > view->position)
        return false;
    if ((roles & LEDGER_ROLE_SCIENTIST) != 0 ||
        ((roles & LEDGER_ROLE_INTAKE) != 0 && !has_owner(view, family)))
        return true;
    if ((roles & LEDGER_ROLE_COACH) != 0 &&
        function_in(view, family, device->facts.person) != LEDGER_RELEASED)
        return true;
    return opens_by_cover(view, family, device->facts.person, at_ms, also_given);
}

/* The same after every line that is known. */
static bool
opens_now(const struct ledger *ledger, const struct inside_device *device,
          const struct inside_stream *stream, uint64_t at_ms, bool also_given)
{
    struct view view = view_now(ledger);

    return opens(&view, device, stream, at_ms, also_given);
}

bool
ledger_inside_may_read_at(const struct ledger *ledger, const struct inside_device *device,
                          const struct inside_stream *stream, uint64_t position, uint64_t at_ms)
{
    struct view view = {ledger, position, NULL};

    return opens(&view, device, stream, at_ms, false);
}

bool
ledger_inside_may_hold(const struct ledger *ledger, const struct inside_device *device,
                       const struct inside_stream *stream, uint64_t at_ms)
{
    return opens_now(ledger, device, stream, at_ms, true);
}

bool
ledger_inside_may_write_at(const struct ledger *ledger, const struct inside_device *device,
                           const struct inside_stream *stream, uint64_t position)
{
    struct view view = {ledger, position, NULL};

    return writes(&view, device, stream);
}

bool
ledger_inside_loses(const struct ledger *ledger, const struct inside_device *device,
                    const struct inside_stream *stream, const struct ledger_op *op)
{
    struct view before = view_now(ledger);
    struct view after = {ledger, ledger->lines_count, op};

    return writes(&before, device, stream) && !writes(&after, device, stream);
}

uint32_t
ledger_inside_roles(const struct ledger *ledger, const struct inside_device *device)
{
    struct view view = view_now(ledger);

    return active_roles(&view, device);
}

bool
ledger_inside_is_active(const struct ledger *ledger, const struct inside_device *device)
{
    return ledger_inside_roles(ledger, device) != 0;
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

    return who != NULL && what != NULL &&
           (opens_now(ledger, who, what, at_ms, false) ||
            ledger_inside_carried_opens(ledger, who, what, at_ms, false) != NULL);
}

bool
ledger_reads_by_lines(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL && opens_now(ledger, who, what, at_ms, false);
}

bool
ledger_may_hold(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL &&
           (opens_now(ledger, who, what, at_ms, true) ||
            ledger_inside_carried_opens(ledger, who, what, at_ms, true) != NULL);
}

bool
ledger_may_write_at(const struct ledger *ledger, struct id device, struct id stream,
                    uint64_t position)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL && position <= ledger->lines_count &&
           ledger_inside_may_write_at(ledger, who, what, position);
}

unsigned
ledger_functions_at(const struct ledger *ledger, struct id device, struct id stream, uint64_t position)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    struct view view = {ledger, position, NULL};
    unsigned functions = 0;

    if (who == NULL || what == NULL)
        return 0;
    uint32_t roles = active_roles(&view, who);
    if ((roles & LEDGER_ROLE_SCIENTIST) != 0)
        functions |= FUNCTION_SCIENTIST;
    if ((roles & LEDGER_ROLE_COORDINATOR) != 0)
        functions |= FUNCTION_COORDINATOR;
    if ((roles & LEDGER_ROLE_COACH) == 0 || what->family == INSIDE_NO_FAMILY)
        return functions;
    const struct inside_family *family = &ledger->families[what->family];
    enum ledger_function function = function_in(&view, family, who->facts.person);
    if (function != LEDGER_RELEASED)
        functions |= FUNCTION_COACH;
    if (function == LEDGER_OWNER)
        functions |= FUNCTION_OWNER;
    return functions;
}

bool
ledger_may_write(const struct ledger *ledger, struct id device, struct id stream)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);

    return who != NULL && what != NULL &&
           (ledger_inside_may_write_at(ledger, who, what, ledger->lines_count) ||
            ledger_inside_carried_writes(ledger, who, what));
}

/* ---- how long an answer holds ---- */

struct ledger_span
ledger_span(const struct ledger *ledger, uint64_t at_ms)
{
    struct ledger_span span = {.position = ledger->lines_count, .until_ms = UINT64_MAX};

    if (span.position > 0)
        memcpy(span.hash, ledger->lines[span.position - 1].hash, sizeof span.hash);
    for (size_t i = 0; i < ledger->covers_count; i++) {
        const struct ledger_cover *cover = &ledger->covers[i].facts;
        if (cover->state == LEDGER_COVER_ENDED)
            continue;
        if (cover->until_ms <= at_ms && cover->until_ms > span.from_ms)
            span.from_ms = cover->until_ms;
        if (cover->until_ms > at_ms && cover->until_ms < span.until_ms)
            span.until_ms = cover->until_ms;
    }
    ledger_inside_carried_span(ledger, at_ms, &span);
    return span;
}

bool
ledger_is_within(const struct ledger *ledger, const struct ledger_span *span, uint64_t at_ms)
{
    return span->position > 0 && span->position == ledger->lines_count &&
           span->carried == ledger->carried_changes &&
           memcmp(span->hash, ledger->lines[span->position - 1].hash, sizeof span->hash) == 0 &&
           span->from_ms <= at_ms && at_ms < span->until_ms;
}
