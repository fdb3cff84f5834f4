/* Part of `baken status`: at whose devices the latest notes of a family have arrived, by what these told. */
#include "cli/status_arrivals.h"

#include "core/array.h"
#include "core/i18n.h"
#include "sync/ledger.h"

#include <stdlib.h>
#include <string.h>

enum { FEEDS = 512 };

/* The feeds of one stream. */
struct feeds {
    size_t count;
    bool is_cut;
    struct feed_status items[FEEDS];
};

static enum rc
take_feed(void *context, const struct feed_status *feed)
{
    struct feeds *feeds = context;

    if (feeds->count == FEEDS)
        feeds->is_cut = true;
    else
        feeds->items[feeds->count++] = *feed;
    return RC_OK;
}

/* Saves of a feed that are held here as late work: they count nowhere, and an acknowledgement passes them. */
struct span {
    struct id stream;
    struct feed_ref feed;
    uint32_t first, last;
};

struct held {
    struct span *items;
    size_t count, room;
};

static enum rc
take_held(void *context, struct id stream, struct feed_ref feed, uint32_t first, uint32_t last,
          const char *reason)
{
    struct held *held = context;

    if (strcmp(reason, "late") != 0)
        return RC_OK;
    struct span *items = array_grow(held->items, &held->room, held->count + 1, sizeof *items);
    if (items == NULL)
        return rc_nomem();
    held->items = items;
    held->items[held->count++] = (struct span){stream, feed, first, last};
    return RC_OK;
}

static uint64_t
count_held(const struct held *held, const struct feed_status *feed, uint32_t until)
{
    uint64_t count = 0;

    for (size_t i = 0; i < held->count; i++) {
        const struct span *span = &held->items[i];
        if (span->first <= until && id_equal(span->stream, feed->stream) && feed_equal(span->feed, feed->feed))
            count += (span->last < until ? span->last : until) - span->first + 1;
    }
    return count;
}

/* One family as one colleague's device has it. */
struct looking {
    struct call *call;
    const struct held *held;
    const struct ledger_device *reader;
    bool is_read; /* this device may read the file too, so it can tell what an acknowledgement proves */
};

/* Of one feed, what the device is not known to show. */
struct told {
    struct ack_status ack;
    uint64_t lacks, held;
    bool is_unknown; /* it told of another chain, or of what cannot be judged here */
    bool is_not_yet; /* it told before it could know that this counts */
};

/* From a save that was told of down to one that is shown there; *below: that one. Entry by entry: whoever was shut out may have filled
 * each with all the saves that it holds. */
static enum rc
look_back(const struct looking *looking, const struct feed_status *feed, uint32_t *below, struct told *told)
{
    enum rc rc = RC_OK;

    while (rc == RC_OK && *below > 0) {
        struct version version = {feed->feed, *below, 0};
        struct sight_status status;
        rc = replica_sees(looking->call->replica, looking->reader->id, feed->stream, &version, &status);
        if (rc != RC_OK || status.sight == SIGHT_APPLIED)
            break;
        bool is_dark = status.sight == SIGHT_UNKNOWN || status.sight == SIGHT_PARKED_HERE;
        uint32_t before = status.first == 0 ? *below - 1 : status.first - 1;
        if (status.sight == SIGHT_UNKNOWN)
            before = 0; /* nor is anything before it known */
        if (status.sight != SIGHT_HELD) { /* those are counted once, also those that nothing led to */
            told->is_unknown = told->is_unknown || is_dark;
            told->is_not_yet = told->is_not_yet || !is_dark;
            told->lacks += *below - before;
        }
        *below = before;
    }
    return rc;
}

/* The highest save under `below` that the heads of a line name which the device had not read; 0: none. That line may have admitted what
 * the device holds. */
static uint32_t
named_since(const struct ledger *ledger, const struct feed_status *feed, uint64_t position, uint32_t below)
{
    const struct ledger_head *heads;
    uint64_t at;
    size_t count;
    uint32_t highest = 0;

    for (size_t i = 0; (heads = ledger_heads_at(ledger, i, &at, &count)) != NULL; i++)
        for (size_t k = 0; at > position && k < count; k++)
            if (heads[k].last < below && heads[k].last > highest && heads[k].incarnation == feed->feed.incarnation &&
                id_equal(heads[k].device, feed->feed.device) && id_equal(heads[k].stream, feed->stream))
                highest = heads[k].last;
    return highest;
}

/* `is_asked`: somebody asks for the newest of it by name. */
static enum rc
look_at_feed(const struct looking *looking, const struct feed_status *feed, bool is_asked, struct told *told)
{
    const struct ledger *ledger = replica_ledger(looking->call->replica);
    bool is_own = id_equal(feed->feed.device, looking->reader->id);

    *told = (struct told){.lacks = 0};
    enum rc rc = replica_applied_at(looking->call->replica, looking->reader->id, feed->stream, feed->feed, &told->ack);
    if (rc != RC_OK)
        return rc;
    uint32_t last = told->ack.last < feed->written ? told->ack.last : feed->written;
    uint32_t below = is_asked ? last : named_since(ledger, feed, told->ack.position, last + 1);
    while (rc == RC_OK && looking->is_read && below > 0) {
        rc = look_back(looking, feed, &below, told);
        below = named_since(ledger, feed, told->ack.position, below);
    }
    told->held = count_held(looking->held, feed, is_own ? feed->written : last);
    told->lacks += told->held + (is_own ? 0 : feed->written - last);
    if (told->lacks > feed->written)
        told->lacks = feed->written;
    return rc;
}

/* Whether a device shows the last save of every feed that one person writes. */
struct arrival {
    bool is_asked; /* the person wrote something at all */
    bool has_all;  /* but for these: */
    bool is_held, is_unknown;
    int64_t acked_at_ms;
};

/* Of one device: the owner's notes, mine, and how many saves of others it is not known to show. */
struct arrived {
    struct arrival of_owner, of_me;
    uint64_t lacks;
};

static void
add_arrival(struct arrival *arrival, const struct feed_status *feed, const struct told *told)
{
    arrival->is_asked = true;
    arrival->has_all = arrival->has_all && told->ack.last >= feed->written && !told->is_not_yet;
    arrival->is_held = arrival->is_held || told->held > 0;
    arrival->is_unknown = arrival->is_unknown || told->is_unknown;
    if (told->ack.acked_at_ms > arrival->acked_at_ms)
        arrival->acked_at_ms = told->ack.acked_at_ms;
}

/* A device has what it writes itself. */
static void
end_arrival(struct arrival *arrival, bool is_own)
{
    if (is_own && arrival->acked_at_ms == 0)
        arrival->has_all = arrival->has_all && !arrival->is_asked;
}

static enum rc
look_at_feeds(const struct looking *looking, const struct feeds *feeds, struct id owner, struct arrived *arrived)
{
    const struct ledger *ledger = replica_ledger(looking->call->replica);
    struct id self = replica_self(looking->call->replica).person;

    /* Of feeds that were not looked at, nothing is promised. */
    *arrived = (struct arrived){.of_owner.has_all = !feeds->is_cut, .of_me.has_all = !feeds->is_cut};
    for (size_t i = 0; i < feeds->count; i++) {
        const struct feed_status *feed = &feeds->items[i];
        const struct ledger_device *writer = ledger_device(ledger, feed->feed.device);
        struct told told;
        if (writer == NULL || feed->written == 0)
            continue;
        bool is_of_owner = id_equal(writer->person, owner), is_of_me = id_equal(writer->person, self);
        enum rc rc = look_at_feed(looking, feed, is_of_owner || is_of_me, &told);
        if (rc != RC_OK)
            return rc;
        if (is_of_owner)
            add_arrival(&arrived->of_owner, feed, &told);
        if (is_of_me)
            add_arrival(&arrived->of_me, feed, &told);
        arrived->lacks += told.lacks;
    }
    end_arrival(&arrived->of_owner, id_equal(looking->reader->person, owner));
    end_arrival(&arrived->of_me, id_equal(looking->reader->person, self));
    return RC_OK;
}

static void
out_arrival(struct out *out, const char *key, const char *heading, const struct arrival *arrival)
{
    const char *word, *said;

    if (!arrival->is_asked)
        word = "nothing_written", said = "-";
    else if (!arrival->has_all && arrival->acked_at_ms == 0)
        word = "unknown", said = _("not heard of");
    else if (!arrival->has_all)
        word = "no", said = _("not yet");
    else if (arrival->is_unknown)
        word = "unknown", said = _("not known");
    else if (arrival->is_held)
        word = "held", said = _("all but what came too late");
    else
        word = "yes", said = _("yes");
    out_word(out, key, heading, word, said);
}

/* One colleague's device and one family: has it the owner's last note, and mine? */
static enum rc
row_arrival(const struct looking *looking, const struct ledger_family *family, const struct feeds *feeds)
{
    struct call *call = looking->call;
    const struct ledger_device *device = looking->reader;
    struct arrived arrived;
    enum rc rc = look_at_feeds(looking, feeds, family->owner, &arrived);

    if (rc != RC_OK)
        return rc;
    int64_t of_owner_ms = arrived.of_owner.acked_at_ms, of_me_ms = arrived.of_me.acked_at_ms;
    out_row(&call->out);
    rc = call_out_family(call, "family", _("Family"), family->id);
    if (rc == RC_OK)
        rc = call_out_person(call, "person", _("Colleague"), device->person);
    if (rc == RC_OK)
        rc = call_out_device(call, _("Device"), device->id);
    out_arrival(&call->out, "has_note_of_owner", _("Has the owner's last note"), &arrived.of_owner);
    out_arrival(&call->out, "has_note_of_me", _("Has mine"), &arrived.of_me);
    out_int(&call->out, "saves_lacking", _("Saves not known there"), (int64_t)arrived.lacks);
    out_time(&call->out, "heard_at", _("Heard at"), of_owner_ms > of_me_ms ? of_owner_ms : of_me_ms);
    out_row_end(&call->out);
    return rc;
}

enum rc
status_arrivals(struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_family *family = NULL;
    const struct ledger_device *device = NULL;
    struct id self = replica_self(call->replica).feed.device;
    uint64_t now_ms = (uint64_t)replica_now_ms(call->replica);
    struct held held = {.count = 0};
    enum rc rc = replica_parked(call->replica, take_held, &held);

    out_title(&call->out, _("Where the latest notes are"));
    out_list(&call->out, "arrivals", OUT_TABLE);
    for (size_t i = 0; rc == RC_OK && (family = ledger_family_at(ledger, i)) != NULL; i++) {
        struct feeds feeds = {.count = 0};
        if (!ledger_may_read(ledger, self, family->index, now_ms))
            continue;
        rc = replica_feeds(call->replica, family->file, take_feed, &feeds);
        bool is_read = ledger_may_read(ledger, self, family->file, now_ms);
        for (size_t k = 0; rc == RC_OK && (device = ledger_device_at(ledger, k)) != NULL; k++)
            if (!id_equal(device->id, self) &&
                ledger_may_read(ledger, device->id, family->file, now_ms))
                rc = row_arrival(&(struct looking){call, &held, device, is_read}, family, &feeds);
    }
    out_list_end(&call->out, _("there is no colleague with a file yet"));
    free(held.items);
    return rc;
}
