/* Exchange: with the server, or by a sealed file. */
#include "cli/commands.h"
#include "cli/news.h"
#include "cli/status_waits.h"
#include "core/i18n.h"
#include "core/secret.h"
#include "sync/backoff.h"
#include "sync/bundle.h"

#include <inttypes.h>
#include <string.h>

enum { WAIT_MOST_S = 24 * 60 * 60 };

/* What a person reads for a step of the session. */
static const char *
say_step(const char *step)
{
    static const struct {
        const char *step, *said;
    } steps[] = {
        {"ledger", N_("the team's rules")},
        {"push", N_("sending")},
        {"pull", N_("receiving")},
        {"fill", N_("receiving families that are new here")},
        {"apply", N_("taking in")},
    };

    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        if (strcmp(step, steps[i].step) == 0)
            return _(steps[i].said);
    return step;
}

static void
progress(void *context, const char *step, uint64_t done, uint64_t of)
{
    struct call *call = context;

    progress_count(&call->out.progress, say_step(step), done, of);
}

/* Before an exchange and after it, in changes as `status` counts them. */
struct counted {
    bool is_unknown;  /* what was sent: this store does not know what the server had, or it cannot be counted */
    uint64_t here;    /* own changes that are only here */
    uint64_t carried; /* packets of colleagues that a bundle brought */
};

/* No failure: what cannot be counted does not keep anything from being exchanged. */
static void
count(struct call *call, struct counted *counted)
{
    const char *reason;
    struct waiting waiting;
    enum rc rc = replica_waiting(call->replica, &waiting);

    *counted = (struct counted){.is_unknown = !store_is_continuous(call->store, &reason)};
    if (rc == RC_OK)
        rc = status_changes(call->replica, &waiting, &counted->here);
    if (rc == RC_OK)
        counted->carried = waiting.entries_carried;
    counted->is_unknown = counted->is_unknown || rc != RC_OK;
}

/* One or more sessions, until one was not cut off: what went to the server; what was held before the first, and is after the last. */
struct exchange {
    unsigned sessions;
    bool is_unknown;
    uint64_t changes, carried;
    struct received_marks marks;
    struct received_sum late;
};
#define EXCHANGE_EMPTY ((struct exchange){.marks = RECEIVED_MARKS_EMPTY})

/* Likewise no failure. */
static void
mark_late(struct call *call, struct exchange *exchange)
{
    if (!exchange->marks.is_taken && status_mark_received(call, &exchange->marks) != RC_OK)
        status_marks_wipe(&exchange->marks);
}

static void
sum_late(struct call *call, struct exchange *exchange)
{
    if (status_sum_since(call, &exchange->marks, &exchange->late) != RC_OK)
        exchange->late = (struct received_sum){.held = 0};
    status_marks_wipe(&exchange->marks);
}

static void
add_session(struct call *call, struct exchange *exchange, const struct counted *before)
{
    struct counted after;

    count(call, &after);
    exchange->sessions++;
    exchange->is_unknown = exchange->is_unknown || before->is_unknown || after.is_unknown;
    exchange->changes += before->here > after.here ? before->here - after.here : 0;
    exchange->carried += before->carried > after.carried ? before->carried - after.carried : 0;
}

/* In changes, as `status` had them before; where that is not known, in packets, under that name. */
static void
say_sent(struct out *out, const struct sync_report *report, const struct exchange *exchange)
{
    if (exchange->sessions == 0)
        return; /* a bundle was taken in */
    if (exchange->is_unknown)
        out_int(out, NULL, _("Sent (sealed packets)"), (int64_t)report->pushed);
    else
        out_int(out, NULL, _("Sent"), report->pushed == 0 ? 0 : (int64_t)exchange->changes);
    if (!exchange->is_unknown && exchange->carried > 0)
        out_int(out, NULL, _("Passed on of colleagues (sealed packets)"), (int64_t)exchange->carried);
}

/* People read what a person wrote in changes, and all else by its name; programs the entries of the report. */
static void
out_report(struct call *call, const struct sync_report *report, const struct exchange *exchange)
{
    const struct received_sum *late = &exchange->late;
    struct out *out = &call->out;

    out_object(out, "report");
    out_int(out, "ledger_lines", NULL, (int64_t)report->lines);
    out_int(out, "pushed", NULL, (int64_t)report->pushed);
    say_sent(out, report, exchange);
    out_int(out, "pulled", _("Received (sealed packets)"), (int64_t)report->pulled);
    out_int(out, "applied", _("Applied (sealed packets)"), (int64_t)report->applied);
    out_int(out, "parked", NULL, (int64_t)report->parked);
    out_int(out, NULL, late->parked > 0 ? _("Waiting") : NULL, (int64_t)late->parked);
    out_int(out, "held", NULL, (int64_t)report->held);
    out_int(out, NULL, late->held > 0 ? _("Too late, held") : NULL, (int64_t)late->held);
    out_int(out, "refused", report->refused > 0 ? _("Refused by the server (sealed packets)") : NULL,
            (int64_t)report->refused);
    out_int(out, "new_conflicts", report->new_conflicts > 0 ? _("Two versions") : NULL,
            (int64_t)report->new_conflicts);
    out_int(out, "rotations_paid", NULL, (int64_t)report->rotations);
    out_int(out, "grants_paid", NULL, (int64_t)report->grants);
    out_int(out, "rotations_owed", NULL, (int64_t)report->rotations_owed);
    out_int(out, "grants_due", NULL, (int64_t)report->grants_due);
    out_int(out, "forged_boxes", NULL, (int64_t)report->forged_boxes);
    out_int(out, "carried_ordered", NULL, (int64_t)report->carried_ordered);
    out_int(out, "carried_refused", NULL, (int64_t)report->carried_refused);
    out_int(out, "lines_returned", NULL, (int64_t)report->lines_returned);
    out_int(out, "clock_off_ms", NULL, report->clock_off_ms);
    out_bool(out, "is_complete", NULL, report->is_complete);
    out_object_end(out);
}

static enum rc
count_keyless(void *context, const struct parked_group *group)
{
    uint64_t *count = context;

    *count += strcmp(group->reason, "key") == 0 ? group->entries : 0;
    return RC_OK;
}

/* Why what came in is not shown yet. */
static enum rc
remark_parked(struct call *call, const struct sync_report *report)
{
    uint64_t keyless = 0;
    enum rc rc = report->parked == 0 ? RC_OK
                                     : replica_parked_groups(call->replica, count_keyless, &keyless);

    if (rc == RC_OK && keyless > 0)
        out_notice(&call->out, "waits_for_key",
                   P_("%" PRIu64 " sealed packet waits for a key that is not on this device yet: `baken sync` "
                      "fetches it, once a colleague's device has passed it on.",
                      "%" PRIu64 " sealed packets wait for keys that are not on this device yet: `baken sync` "
                      "fetches them, once a colleague's device has passed them on.",
                      keyless),
                   keyless);
    if (rc == RC_OK && report->parked > keyless)
        out_notice(&call->out, "waits",
                   P_("%" PRIu64 " sealed packet waits for something else; see `baken status`.",
                      "%" PRIu64 " sealed packets wait for something else; see `baken status`.", report->parked - keyless),
                   report->parked - keyless);
    return rc;
}

/* What came after the right to write it had ended, and what becomes of it: told once, when it came. */
static void
remark_late(struct call *call, const struct exchange *exchange)
{
    const struct received_sum *late = &exchange->late;
    struct out *out = &call->out;

    if (late->own_came)
        out_notice(out, "held_after_cover", "%s",
                   _("The cover had ended before what you wrote was at the server. It was handed in, and need not be written again: "
                     "it counts once a coach of the family runs `baken sync`. Only if part of it changed what stood there, that "
                     "coach reads it with `baken late` and decides."));
    if (late->else_came)
        out_notice(out, "held_after_cover", "%s",
                   _("Some work came in after its cover had ended: it counts once a coach of the family runs `baken sync`; see "
                     "`baken status`."));
    if (late->held_came)
        out_notice(out, "held", "%s",
                   _("Some work came too late to count; it is kept: read it with `baken late`."));
    if (late->gone_came)
        out_notice(out, "held", "%s",
                   _("Some work came too late to count, of a family that is no longer on this device. It is kept: a coach of the "
                     "family reads it with `baken late`, and writes again what should count. Tell them."));
}

/* What a person must know of a session that went well. */
static void
remark(struct call *call, const struct sync_report *report)
{
    struct out *out = &call->out;

    if (report->new_conflicts > 0)
        out_notice(out, "conflicts", "%s",
                   _("Something has two versions now: see `baken conflicts`."));
    call_tell_clock(call, report->clock_off_ms);
    if (report->lines_returned > 0)
        out_notice(out, "ledger_handed_back",
                   _("The server had been put back from an older backup. This device gave back the rules of the team that it lacked: %" PRIu64 "."),
                   report->lines_returned);
    if (report->was_handed_back)
        out_notice(out, "handed_back", "%s",
                   _("The server had lost entries; it was given what is on this device."));
    if (report->carried_ordered > 0)
        out_notice(out, "cover_ordered", "%s",
                   _("What was agreed by bundle on a cover is written down for the team now."));
    if (report->carried_refused > 0)
        out_notice(out, "cover_refused", "%s",
                   _("A cover that was given by bundle does not hold by the rules of the team; what was written under it is kept, and "
                     "counts as too late."));
    if (report->has_ledger_gap)
        out_notice(out, "ledger_gap", "%s",
                   _("The bundle goes on from rules of the team that are not here yet: run `baken sync`, or ask for it "
                     "with --whole."));
    if (report->forged_boxes > 0)
        out_notice(out, "forged", "%s",
                   _("The server gave a key that is not right; tell who manages it."));
    if (report->refused > 0)
        out_notice(out, "refused", "%s",
                   _("The server refused something; it is kept here. See `baken status`."));
    if (report->refused > 0 || report->forged_boxes > 0)
        call->exit = EXIT_PARTLY;
}

/* What is safe and what to do, when the server knows this device or its team no more. */
static enum rc
end_sync(struct call *call, enum rc rc)
{
    if (call->replica == NULL || (rc != RC_DENIED && rc != RC_ABSENT))
        return rc;
    if (rc == RC_ABSENT && call->ending.advice == NULL) {
        call->ending.safe = _("what you saved is on this device");
        call->ending.advice = _("ask who manages the server");
    }
    if (rc == RC_DENIED && !replica_in_team(call->replica))
        call->ending.advice = call_digits_advice();
    if (rc == RC_DENIED && replica_is_revoked(call->replica)) {
        call->ending.safe = _("what you saved is still on this device");
        call->ending.advice = _("tell the coordinator of your team what you wrote here: at your "
                                "colleagues it does not count");
    }
    return rc;
}

/* Lines too: they say what counts. */
static bool
has_brought(const struct sync_report *report)
{
    return report->lines + report->applied + report->held > 0;
}

/* With --wait a server that is not reached is asked again until the time is over; each time a longer while after. Meanwhile the store
 * is others' to use; who holds it when the time has come is waited for likewise. */
static enum rc
sync_until(struct call *call, uint32_t wait_s, struct sync_report *report, struct exchange *exchange, bool *brought)
{
    struct sync_options options = {.progress = progress, .context = call};
    int64_t end_ms = clock_mono_ms(&call->clock) + (int64_t)wait_s * 1000;
    unsigned failures = 0;
    uint64_t conflicts = 0, lines = 0; /* of sessions that were cut off */
    struct pause pause = PAUSE_EMPTY;
    struct counted before = {.here = 0};
    enum rc rc = RC_OFFLINE;

    for (;;) {
        if (call->replica != NULL) {
            count(call, &before);
            mark_late(call, exchange);
            rc = replica_sync(call->replica, &call->transport, &options, report);
            conflicts += rc == RC_OFFLINE ? report->new_conflicts : 0;
            lines += rc == RC_OFFLINE ? report->lines_returned : 0;
        }
        int64_t left_ms = end_ms - clock_mono_ms(&call->clock);
        int64_t ms = backoff_ms(++failures, random_u64());
        bool is_last = (rc != RC_OFFLINE && rc != RC_BUSY) || left_ms <= 0;
        if (call->replica != NULL && (rc == RC_OK || !is_last)) /* of a failure that is told the sentence stays */
            add_session(call, exchange, &before);
        if (is_last)
            break;
        progress_step(&call->out.progress, _("waiting for the network"));
        rc = call->replica == NULL ? RC_OK : call_pause(call, &pause);
        if (rc != RC_OK)
            break;
        clock_sleep_ms(&call->clock, ms < left_ms ? ms : left_ms);
        rc = call_go_on(call, &pause);
    }
    pause_wipe(&pause);
    report->new_conflicts += rc == RC_OFFLINE ? 0 : conflicts;
    *brought = failures > 1 || has_brought(report); /* of what a session before this one brought, this report does not tell */
    report->lines_returned += rc == RC_OFFLINE ? 0 : lines;
    return rc;
}

enum rc
cmd_sync(struct call *call)
{
    struct sync_report report = {0};
    struct exchange exchange = EXCHANGE_EMPTY;
    struct news news = NEWS_EMPTY;
    bool brought = false;
    uint32_t wait_s;
    enum rc rc = call_number(call, OPT_WAIT, 1, WAIT_MOST_S, 0, &wait_s);

    if (rc == RC_OK)
        rc = call_open(call);
    if (rc == RC_OK)
        rc = call_connect(call, NULL);
    if (rc == RC_OK)
        rc = news_start(call, &news);
    if (rc == RC_OK)
        rc = sync_until(call, wait_s, &report, &exchange, &brought);
    if (rc == RC_OK)
        sum_late(call, &exchange);
    status_marks_wipe(&exchange.marks);
    rc = news_tell(call, &news, brought, rc);
    if (rc != RC_OK)
        return end_sync(call, rc);
    out_report(call, &report, &exchange);
    out_bool(&call->out, "is_in_team", NULL, replica_in_team(call->replica));
    if (!replica_in_team(call->replica))
        call_tell_teamless(call);
    remark(call, &report);
    remark_late(call, &exchange);
    return remark_parked(call, &report);
}

enum rc
cmd_bundle_export(struct call *call)
{
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    const char *device_text = NULL, *path = NULL;
    struct bundle_report report = {.lines = 0};
    struct id device;
    enum rc rc = call_need(call, OPT_FOR, &device_text);

    if (rc == RC_OK)
        rc = call_need(call, OPT_OUTPUT, &path);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_device(call, device_text, &device);
    if (rc == RC_OK) /* what goes into a bundle is sealed and counts as given away */
        rc = output_try(call, path);
    if (rc == RC_OK)
        progress_step(&call->out.progress, _("packing"));
    if (rc == RC_OK)
        rc = replica_bundle_pack(call->replica, device, call_has(call, OPT_WHOLE), &report, &bundle);
    if (rc == RC_OK)
        rc = output_new_file(call, path, &bundle);
    if (rc == RC_OK) {
        out_object(&call->out, "bundle");
        out_text(&call->out, "file", _("Written"), path);
        out_id(&call->out, "for", NULL, device);
        rc = call_tell_device(call, _("For device"), device);
        out_int(&call->out, "bytes", _("Bytes"), (int64_t)bundle.len);
        out_int(&call->out, "ledger_lines", NULL, (int64_t)report.lines);
        out_int(&call->out, "entries", _("Sealed packets"), (int64_t)report.entries);
        out_int(&call->out, "keys", NULL, (int64_t)report.boxes);
        out_int(&call->out, "acknowledgements", NULL, (int64_t)report.acks);
        out_int(&call->out, "covers_carried", NULL, (int64_t)report.carried);
        out_int(&call->out, "saves_left", NULL, (int64_t)report.saves_left);
        out_object_end(&call->out);
    }
    if (rc == RC_OK && report.entries == 0)
        out_notice(&call->out, "no_entries", "%s",
                   _("No work is in it: as far as this device knows, the other may have nothing that it lacks. What was "
                     "shared since the last `baken sync` here is not known here yet."));
    if (rc == RC_OK && report.saves_left > 0)
        out_notice(&call->out, "saves_left", "%s",
                   _("Not all that you wrote is in it: some of it needs a new key or the server's word first, and is still only "
                     "here. `baken sync` sends it."));
    buf_wipe(&bundle);
    return rc;
}

/* Does a cover that came by bundle wait for this person's answer? */
static bool
is_asked(const struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_cover *cover;

    for (size_t i = 0; (cover = ledger_cover_at(ledger, i)) != NULL; i++)
        if (cover->is_carried && cover->state == LEDGER_COVER_GIVEN &&
            id_equal(cover->person, replica_self(call->replica).person))
            return true;
    return false;
}

/* Of a bundle that cannot be taken in: what is wrong with it a bad stick does more often than a forger. Gives `rc` back. */
static enum rc
advise_writer(struct call *call, enum rc rc)
{
    if (rc == RC_TOO_LARGE)
        call->ending.safe = _("nothing was changed");
    if (call->ending.advice == NULL && (rc == RC_TOO_LARGE || rc == RC_INVALID || rc == RC_DENIED))
        call->ending.advice = _("ask who wrote it for a new one, for this device: `baken device list` shows its name");
    if (call->ending.advice == NULL && rc == RC_UNTRUSTED)
        call->ending.advice = _("copy it again, or ask who wrote it for a new one; if that is refused too, tell who manages the server");
    return rc;
}

enum rc
cmd_bundle_import(struct call *call)
{
    struct buf bundle = BUF_EMPTY((size_t)BUNDLE_MAX_BYTES + 1);
    struct sync_report report = {0};
    struct exchange exchange = EXCHANGE_EMPTY;
    struct news news = NEWS_EMPTY;
    enum rc rc = advise_writer(call, input_read(call, call->words[0], BUNDLE_MAX_BYTES, call->words[0], &bundle));

    if (rc == RC_OK)
        rc = call_open(call);
    if (rc == RC_OK)
        rc = news_start(call, &news);
    if (rc == RC_OK)
        progress_step(&call->out.progress, _("taking in"));
    if (rc == RC_OK)
        mark_late(call, &exchange);
    if (rc == RC_OK)
        rc = advise_writer(call, replica_bundle_import(call->replica, bundle.data, bundle.len, &report));
    if (rc == RC_OK)
        sum_late(call, &exchange);
    status_marks_wipe(&exchange.marks);
    rc = news_tell(call, &news, has_brought(&report), rc);
    buf_wipe(&bundle);
    if (rc != RC_OK)
        return rc;
    out_report(call, &report, &exchange);
    remark(call, &report);
    remark_late(call, &exchange);
    if (is_asked(call))
        out_notice(&call->out, "cover_waits", "%s",
                   _("A colleague asks you to cover: see `baken cover list`. After `baken cover accept`, import this file once more."));
    return remark_parked(call, &report);
}
