/* status --of RECORD: can this colleague see what was written? */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/words.h"
#include "core/array.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "sync/ledger.h"

struct writing {
    struct id stream;
    struct version version;
};

struct writings {
    struct writing *items;
    size_t count, room;
};

/* All that has the id, a family's card, profile and standing alike, and the versions of it that stand. */
struct asked {
    struct subject of;
    struct writings counting;
    struct writings received; /* those that came too late, or wait, and that nothing newer replaces */
    uint64_t held;            /* of these, those that came too late */
};

static void
asked_wipe(struct asked *asked)
{
    free(asked->counting.items);
    free(asked->received.items);
}

static enum rc
add(struct writings *writings, struct id stream, const struct version *version)
{
    struct writing *grown = array_grow(writings->items, &writings->room, writings->count + 1, sizeof *grown);

    if (grown == NULL)
        return rc_nomem();
    writings->items = grown;
    writings->items[writings->count++] = (struct writing){stream, *version};
    return RC_OK;
}

static bool
counts(const struct history_item *item)
{
    return item->state != HISTORY_HELD && item->state != HISTORY_PARKED;
}

/* Was its part written again since, by what counts? Of a list that would be the same thing in it. */
static bool
is_outdone(const struct history *history, const struct history_item *item)
{
    bool is_of_list = schema_policy(item->entity, item->unit) == POLICY_SET;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_item *other = &history->items[i];
        if (counts(other) && other->unit == item->unit && other->hlc > item->hlc &&
            (!is_of_list || (other->value_len == item->value_len &&
                             memcmp(other->value, item->value, item->value_len) == 0)))
            return true;
    }
    return false;
}

static enum rc
add_received(struct asked *asked, struct id stream, const struct history *history)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < history->count; i++) {
        const struct history_item *item = &history->items[i];
        if (counts(item) || is_outdone(history, item))
            continue;
        rc = add(&asked->received, stream, &item->version);
        asked->held += item->state == HISTORY_HELD;
    }
    return rc;
}

/* History reads the whole file: only where something of the part was received that does not count. */
static enum rc
find_received(struct call *call, struct asked *asked)
{
    enum rc rc = call_received_of(call, &asked->of);

    for (size_t i = 0; rc == RC_OK && i < asked->of.count; i++) {
        const struct subject_part *part = &asked->of.parts[i];
        struct history history = {.count = 0};
        if (!part->is_received)
            continue;
        rc = replica_history(call->replica, part->stream, part->entity->number, asked->of.record, &history);
        if (rc == RC_OK)
            rc = add_received(asked, part->stream, &history);
        replica_history_wipe(&history);
    }
    return rc;
}

struct deleting {
    struct asked *asked;
    struct id stream;
};

static enum rc
take_deletion(void *context, const struct current *current)
{
    struct deleting *deleting = context;

    return add(&deleting->asked->counting, deleting->stream, &current->version);
}

/* Of one part, all that stands: also that it was deleted, or put back. */
static enum rc
find_counting(struct call *call, struct asked *asked, const struct subject_part *part)
{
    struct deleting deleting = {asked, part->stream};
    struct version *versions = NULL;
    size_t count = 0;
    enum rc rc = journal_versions(call->journal, part->stream, part->entity->number, asked->of.record, &versions, &count);

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = add(&asked->counting, part->stream, &versions[i]);
    free(versions);
    return rc == RC_OK ? journal_current(call->journal, part->stream, part->entity->number, asked->of.record,
                                         UNIT_DELETED, take_deletion, &deleting)
                       : rc;
}

static enum rc
find_record(struct call *call, const char *text, struct asked *asked)
{
    enum rc rc = call_subject(call, text, &asked->of);

    if (rc == RC_OK && asked->of.count == 0)
        rc = call_received(call, text, &asked->of);
    else
        for (size_t i = 0; rc == RC_OK && i < asked->of.count; i++)
            rc = find_counting(call, asked, &asked->of.parts[i]);
    return rc == RC_OK ? find_received(call, asked) : rc;
}

/* What a device sees of a record: all of it, and what of it counts. */
struct seen {
    struct sight_status all, counting;
    bool has, lacks; /* some of it; some of what it may see */
};

/* Many versions are seen where the least of them is: `all` is the least so far. */
static enum rc
see(struct call *call, const struct writings *writings, struct id device, struct seen *seen)
{
    struct sight_status *least = &seen->all;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < writings->count; i++) {
        const struct writing *writing = &writings->items[i];
        struct sight_status status;
        rc = replica_sees(call->replica, device, writing->stream, &writing->version, &status);
        if (status.sight < least->sight || (status.sight == least->sight && status.at_ms > least->at_ms))
            *least = status;
        seen->has = seen->has || status.sight == SIGHT_APPLIED;
        seen->lacks = seen->lacks || (status.sight != SIGHT_APPLIED && status.sight != SIGHT_NO_RIGHT);
    }
    return rc;
}

static enum rc
see_all(struct call *call, const struct asked *asked, struct id device, struct seen *seen)
{
    *seen = (struct seen){.all.sight = SIGHT_APPLIED};
    enum rc rc = see(call, &asked->counting, device, seen);
    seen->counting = seen->all;
    if (rc == RC_OK)
        rc = see(call, &asked->received, device, seen);
    if (asked->counting.count == 0)
        seen->counting.sight = SIGHT_UNKNOWN;
    if (asked->counting.count + asked->received.count == 0)
        seen->all.sight = SIGHT_UNKNOWN;
    return rc;
}

static const char *
say_sight(enum sight sight)
{
    switch (sight) {
    case SIGHT_REVOKED:
        return _("no: shut out of the team");
    case SIGHT_NO_RIGHT:
        return _("no: may not see this");
    case SIGHT_HELD:
        return _("no: it came too late, and counts nowhere so far");
    case SIGHT_PARKED_HERE:
        return _("not known: it waits on this device");
    case SIGHT_HERE_ONLY:
        return _("not yet: only on this device");
    case SIGHT_SEALED:
        return _("not yet, as far as is known: not at the server");
    case SIGHT_KEY_DUE:
        return _("not yet: a key is still to be passed on");
    case SIGHT_ON_SERVER:
        return _("not yet: at the server, not fetched as far as is known");
    case SIGHT_APPLIED:
        return _("yes");
    default:
        return _("not known");
    }
}

/* Of a record that is seen but for what was received of it, that is said; what counts of it is not seen before the rest. */
static const char *
say_seen(const struct asked *asked, const struct seen *seen)
{
    if (seen->all.sight == SIGHT_NO_RIGHT && seen->has && !seen->lacks)
        return _("in part: may not see the rest");
    if (asked->counting.count == 0 || seen->counting.sight != SIGHT_APPLIED || seen->all.sight == SIGHT_APPLIED)
        return say_sight(asked->counting.count == 0 ? seen->all.sight : seen->counting.sight);
    return seen->all.sight == SIGHT_HELD ? _("in part: a later change came too late, and counts nowhere so far")
                                         : _("in part, as far as is known: a later change waits on this device");
}

static enum rc
row_sight(struct call *call, const struct asked *asked, const struct ledger_device *device,
          struct seen *most)
{
    struct seen seen;
    enum rc rc = see_all(call, asked, device->id, &seen);

    if (rc == RC_OK) {
        out_row(&call->out);
        rc = call_out_person(call, "person", _("Colleague"), device->person);
        if (rc == RC_OK)
            rc = call_out_device(call, _("Device"), device->id);
        out_word(&call->out, "state", _("Can see it"), sight_name(seen.all.sight), say_seen(asked, &seen));
        out_text(&call->out, "counting_state", NULL, asked->counting.count > 0 ? sight_name(seen.counting.sight) : NULL);
        out_time(&call->out, "at", _("By what it told at"), seen.all.at_ms);
        out_row_end(&call->out);
    }
    if (seen.all.sight > most->all.sight ||
        (seen.all.sight == most->all.sight && seen.counting.sight > most->counting.sight))
        *most = seen;
    return rc;
}

/* Any of it. */
static bool
may_read(const struct ledger *ledger, struct id device, const struct asked *asked, uint64_t now_ms)
{
    for (size_t i = 0; i < asked->of.count; i++)
        if (ledger_may_read(ledger, device, asked->of.parts[i].stream, now_ms))
            return true;
    return false;
}

/* Devices of one person, whatever they may; or of all who may read any of it. */
static enum rc
rows(struct call *call, const struct asked *asked, const struct id *person, struct seen *most)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *device;
    uint64_t now_ms = (uint64_t)replica_now_ms(call->replica);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (device = ledger_device_at(ledger, i)) != NULL; i++)
        if (person != NULL ? id_equal(device->person, *person) : may_read(ledger, device->id, asked, now_ms))
            rc = row_sight(call, asked, device, most);
    return rc;
}

/* The question as it was asked, answered for the device of the person that has most. */
static enum rc
answer(struct call *call, const struct asked *asked, struct id person, const struct seen *most)
{
    struct texts texts = TEXTS_EMPTY;
    const char *name = NULL;
    enum rc rc = call_person_name(call, &texts, person, &name);

    out_bool(&call->out, "is_seen", NULL, most->all.sight == SIGHT_APPLIED);
    if (rc == RC_OK)
        out_line(&call->out, _("Can %s see it? %s"), name, say_seen(asked, most));
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_sees(struct call *call)
{
    struct asked asked = {.held = 0};
    const char *at = call_option(call, OPT_AT);
    struct id person = {{0}};
    struct seen most = {.all.sight = SIGHT_UNKNOWN};
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = find_record(call, call_option(call, OPT_OF), &asked);
    if (rc == RC_OK && at != NULL)
        rc = call_person(call, at, &person);
    if (rc == RC_OK) {
        out_object(&call->out, "record");
        out_id(&call->out, "id", NULL, asked.of.record);
        out_word(&call->out, "entity", _("What"), asked.of.parts[0].entity->name, words_entity(asked.of.parts[0].entity->name));
        rc = id_is_zero(asked.of.family) ? RC_OK
                                            : call_out_family(call, "family", _("Family"), asked.of.family);
        out_object_end(&call->out);
    }
    if (rc == RC_OK) {
        out_int(&call->out, "held_count", NULL, (int64_t)asked.held);
        out_list(&call->out, "sights", OUT_TABLE);
        rc = rows(call, &asked, at != NULL ? &person : NULL, &most);
        out_list_end(&call->out, _("no device of theirs is in the team"));
    }
    if (rc == RC_OK && at != NULL)
        rc = answer(call, &asked, person, &most);
    if (rc == RC_OK && asked.held > 0)
        out_notice(&call->out, "held", "%s",
                   _("Something of it came too late: `baken late` shows it, and `baken status` says whether it counts by itself or is to be "
                     "written again."));
    asked_wipe(&asked);
    return rc;
}
