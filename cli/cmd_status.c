/* Status: what waits here, what the server has, and at whom one's own work has arrived. */
#include "cli/commands.h"
#include "cli/news.h"
#include "cli/status_arrivals.h"
#include "cli/status_waits.h"
#include "core/i18n.h"
#include "core/store.h"
#include "sync/ledger.h"

#include <inttypes.h>
#include <stdio.h>

/* People are told when nothing was ever heard. */
static void
said_time(struct out *out, const char *heading, int64_t ms)
{
    if (ms == 0)
        out_text(out, NULL, heading, _("not heard of"));
    else
        out_time(out, NULL, heading, ms);
}

/* Whole days; -1: it was never heard of. */
static void
out_silence(struct out *out, int64_t days)
{
    char said[48] = "-";

    if (days >= CALL_SILENT_DAYS)
        (void)snprintf(said, sizeof said, _("%lld days"), (long long)days);
    if (days >= 0)
        out_int(out, "silent_days", NULL, days);
    out_text(out, NULL, _("Silent for"), said);
}

/* How old each colleague's picture is, by what their devices last acknowledged. */
static enum rc
devices(struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *device = NULL;
    struct author self = replica_self(call->replica);
    enum rc rc = RC_OK;

    out_title(&call->out, _("How old each colleague's picture is"));
    out_list(&call->out, "devices", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && (device = ledger_device_at(ledger, i)) != NULL; i++) {
        int64_t heard_ms = 0;
        if (id_equal(device->id, self.feed.device) || !ledger_device_is_active(ledger, device->id))
            continue;
        rc = replica_heard_at(call->replica, device->id, &heard_ms);
        out_row(&call->out);
        if (rc == RC_OK)
            rc = call_out_person(call, "person", _("Colleague"), device->person);
        if (rc == RC_OK)
            rc = call_out_device(call, _("Device"), device->id);
        out_time(&call->out, "heard_at", NULL, heard_ms);
        said_time(&call->out, _("Picture of"), heard_ms);
        out_silence(&call->out, heard_ms == 0 ? -1 : (replica_now_ms(call->replica) - heard_ms) / DAY_MS);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("none"));
    return rc;
}

static enum rc
owed_and_families(struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    struct owed owed = {LEDGER_IDS_EMPTY, LEDGER_PAIRS_EMPTY};
    uint64_t now_ms = (uint64_t)replica_now_ms(call->replica);
    enum rc rc = ledger_rotations_owed(ledger, now_ms, &owed.rotations);

    if (rc == RC_OK)
        rc = ledger_grants_due(ledger, now_ms, &owed.grants);
    if (rc == RC_OK) {
        size_t rotations = owed.rotations.count, grants = owed.grants.count;
        out_int(&call->out, "rotations_owed", rotations > 0 ? _("Keys to renew") : NULL, (int64_t)rotations);
        out_int(&call->out, "grants_due", grants > 0 ? _("Keys to pass on") : NULL, (int64_t)grants);
        if (rotations + grants > 0)
            out_line(&call->out, "%s", _("`baken sync` renews keys and passes them on by itself, here or at a colleague's: nothing else is needed."));
        rc = status_families(call, &owed);
    }
    ledger_ids_wipe(&owed.rotations);
    ledger_pairs_wipe(&owed.grants);
    return rc;
}

/* The honest line: what is only here. Of a store in doubt that is known after a session, and "all" is said of a server
 * that was heard. */
static enum rc
summary_of_own(struct call *call, const struct waiting *waiting, bool is_proven)
{
    bool is_sent = waiting->saves_unsealed + waiting->entries_unsent == 0;
    bool is_known = is_proven && (!is_sent || waiting->last_sync_ms != 0);
    uint64_t changes = 0;
    enum rc rc = status_changes(call->replica, waiting, &changes);

    out_int(&call->out, "changes_here", NULL, (int64_t)changes);
    out_word(&call->out, "server_has", NULL, !is_known ? "unknown" : is_sent ? "all" : "not_all", "");
    if (!is_proven)
        out_line(&call->out, "%s",
                 _("Whether the server has everything that was saved here is known only after `baken sync`."));
    else if (is_known && is_sent)
        out_line(&call->out, "%s", _("The server has everything that was saved here."));
    if (!is_sent)
        out_line(&call->out,
                 is_proven ? P_("Only on this device: %" PRIu64 " change.", "Only on this device: %" PRIu64 " changes.", changes)
                           : P_("To send, as far as this store knows: %" PRIu64 " change.",
                                "To send, as far as this store knows: %" PRIu64 " changes.", changes),
                 changes);
    return rc;
}

/* Covers that stand here by word of mouth between two devices: nobody else knows, and the server neither. */
static void
tell_carried_covers(struct call *call)
{
    const struct ledger *ledger = replica_in_team(call->replica) ? replica_ledger(call->replica) : NULL;
    const struct ledger_cover *cover;
    uint64_t count = 0;

    for (size_t i = 0; ledger != NULL && (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        count += cover->is_carried && (cover->state == LEDGER_COVER_GIVEN || cover->state == LEDGER_COVER_ACCEPTED);
    out_int(&call->out, "covers_carried", NULL, (int64_t)count);
    if (count > 0)
        out_line(&call->out,
                 P_("%" PRIu64 " cover stands by bundle alone as yet, and the server does not know it: `baken sync` tells it.",
                    "%" PRIu64 " covers stand by bundle alone as yet, and the server does not know them: `baken sync` tells it.", count),
                 count);
}

static enum rc
summary(struct call *call, const struct waiting *waiting)
{
    const char *reason = NULL;
    char doubt[CALL_DOUBT_BYTES];
    bool is_proven = store_is_continuous(call->store, &reason);

    enum rc rc = summary_of_own(call, waiting, is_proven);
    tell_carried_covers(call);
    if (waiting->entries_carried > 0)
        out_line(&call->out,
                 P_("Of colleagues, received by bundle: %" PRIu64
                    " sealed packet. `baken sync` passes it on if the server lacks it.",
                    "Of colleagues, received by bundle: %" PRIu64
                    " sealed packets. `baken sync` passes on what the server lacks of them.",
                    waiting->entries_carried),
                 waiting->entries_carried);
    if (waiting->last_sync_ms == 0)
        out_line(&call->out, "%s", _("No `baken sync` was completed on this device yet."));
    if (replica_is_revoked(call->replica))
        out_notice(&call->out, "revoked", "%s",
                   _("This device was shut out of the team: what is written on it does not count at "
                     "your colleagues. Ask the coordinator."));
    if (!is_proven) {
        call_doubt_sentence(reason, doubt, sizeof doubt);
        out_notice(&call->out, "continuity", "%s", doubt);
    }
    call_tell_clock(call, waiting->clock_off_ms);
    return rc;
}

enum rc
cmd_status(struct call *call)
{
    struct waiting waiting = {0};

    if (call_has(call, OPT_OF))
        return cmd_sees(call);
    if (call_has(call, OPT_AT))
        return rc_fail(RC_INVALID, _("--at asks about a record: give it with --of"));
    enum rc rc = call_open(call);
    if (rc == RC_OK)
        rc = replica_waiting(call->replica, &waiting);
    if (rc != RC_OK)
        return rc;
    out_bool(&call->out, "is_in_team", NULL, replica_in_team(call->replica));
    rc = summary(call, &waiting);
    if (rc != RC_OK)
        return rc;
    out_int(&call->out, "saves_unsealed", NULL, (int64_t)waiting.saves_unsealed);
    out_int(&call->out, "entries_unsent", NULL, (int64_t)waiting.entries_unsent);
    out_int(&call->out, "entries_carried", NULL, (int64_t)waiting.entries_carried);
    out_int(&call->out, "parked_count", NULL, (int64_t)waiting.parked);
    out_int(&call->out, "held_count", NULL, (int64_t)waiting.held);
    out_bool(&call->out, "is_complete", NULL, !waiting.is_incomplete);
    out_int(&call->out, "streams_filling", NULL, (int64_t)waiting.filling);
    out_int(&call->out, "clock_off_ms", NULL, waiting.clock_off_ms);
    out_time(&call->out, "last_sync_at", _("Last exchange"), waiting.last_sync_ms);
    if (!replica_in_team(call->replica)) {
        call_tell_teamless(call);
        return RC_OK;
    }
    rc = news_list(call); /* of an exchange that was cut off before it told them */
    if (rc == RC_OK)
        rc = owed_and_families(call);
    if (rc == RC_OK)
        rc = status_arrivals(call);
    if (rc == RC_OK)
        rc = devices(call);
    return rc == RC_OK ? status_received(call) : rc;
}
