/* status --of RECORD: can this colleague see what was written? */
#include <stdlib.h>
#include <string.h>

#include "cli/commands.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "sync/ledger.h"

/* A record, and the versions of it that stand. Of a family's records of one, which all have its id, the first is meant. */
struct asked {
    struct subject of;
    struct version *versions;
    size_t count;
};

static enum rc
find_record(struct call *call, const char *text, struct asked *asked)
{
    enum rc rc = call_subject(call, text, &asked->of);

    if (rc == RC_OK && asked->of.count == 0)
        return rc_fail(RC_ABSENT, _("nothing has an id that ends in %s"), text);
    return rc != RC_OK ? rc
                       : journal_versions(call->journal, asked->of.parts[0].stream, asked->of.parts[0].entity->number,
                                          asked->of.record, &asked->versions, &asked->count);
}

/* The whole record is seen where the least of its versions is. */
static enum rc
sees_all(struct call *call, const struct asked *asked, struct id device, struct sight_status *least)
{
    enum rc rc = RC_OK;

    *least = (struct sight_status){.sight = asked->count > 0 ? SIGHT_APPLIED : SIGHT_UNKNOWN};
    for (size_t i = 0; rc == RC_OK && i < asked->count; i++) {
        struct sight_status status;
        rc = replica_sees(call->replica, device, asked->of.parts[0].stream, &asked->versions[i], &status);
        if (status.sight < least->sight ||
            (status.sight == least->sight && status.at_ms > least->at_ms))
            *least = status;
    }
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
        return _("no: it came too late and waits for a decision");
    case SIGHT_PARKED_HERE:
        return _("not known: it waits on this device");
    case SIGHT_HERE_ONLY:
        return _("not yet: only on this device");
    case SIGHT_SEALED:
        return _("not yet: not at the server");
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

static enum rc
row_sight(struct call *call, const struct asked *asked, const struct ledger_device *device,
          enum sight *most)
{
    struct sight_status status = {.sight = SIGHT_UNKNOWN};
    enum rc rc = sees_all(call, asked, device->id, &status);

    if (rc == RC_OK) {
        out_row(&call->out);
        rc = call_out_person(call, "person", _("Colleague"), device->person);
        if (rc == RC_OK)
            rc = call_out_device(call, _("Device"), device->id);
        out_word(&call->out, "state", _("Can see it"), sight_name(status.sight), say_sight(status.sight));
        out_time(&call->out, "at", _("By what it told at"), status.at_ms);
        out_row_end(&call->out);
    }
    *most = status.sight > *most ? status.sight : *most;
    return rc;
}

/* Devices of one person, whatever they may; or of all who may read it. */
static enum rc
rows(struct call *call, const struct asked *asked, const struct id *person, enum sight *most)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *device;
    uint64_t now_ms = (uint64_t)replica_now_ms(call->replica);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (device = ledger_device_at(ledger, i)) != NULL; i++)
        if (person != NULL ? id_equal(device->person, *person)
                           : ledger_may_read(ledger, device->id, asked->of.parts[0].stream, now_ms))
            rc = row_sight(call, asked, device, most);
    return rc;
}

/* The question as it was asked, answered for the device of the person that has most. */
static enum rc
answer(struct call *call, struct id person, enum sight most)
{
    struct texts texts = TEXTS_EMPTY;
    const char *name = NULL;
    enum rc rc = call_person_name(call, &texts, person, &name);

    out_bool(&call->out, "is_seen", NULL, most == SIGHT_APPLIED);
    if (rc == RC_OK)
        out_line(&call->out, _("Can %s see it? %s"), name, say_sight(most));
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_sees(struct call *call)
{
    struct asked asked = {.count = 0};
    const char *at = call_option(call, OPT_AT);
    struct id person = {{0}};
    enum sight most = SIGHT_UNKNOWN;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = find_record(call, call_option(call, OPT_OF), &asked);
    if (rc == RC_OK && at != NULL)
        rc = call_person(call, at, &person);
    if (rc == RC_OK) {
        out_object(&call->out, "record");
        out_id(&call->out, "id", NULL, asked.of.record);
        out_word(&call->out, "entity", _("What"), asked.of.parts[0].entity->name, words_say(asked.of.parts[0].entity->name));
        rc = id_is_zero(asked.of.family) ? RC_OK
                                            : call_out_family(call, "family", _("Family"), asked.of.family);
        out_object_end(&call->out);
    }
    if (rc == RC_OK) {
        out_list(&call->out, "sights", OUT_TABLE);
        rc = rows(call, &asked, at != NULL ? &person : NULL, &most);
        out_list_end(&call->out, _("no device of theirs is in the team"));
    }
    if (rc == RC_OK && at != NULL)
        rc = answer(call, person, most);
    free(asked.versions);
    return rc;
}
