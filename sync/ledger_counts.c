/* The history of one device in one stream: since when it reads; whether what it wrote counts, by the heads of lines. */
#include <string.h>

#include "core/broken.h"
#include "sync/entry.h"
#include "sync/ledger_inside.h"

static void
nearer(uint64_t *next, uint64_t after, uint64_t position)
{
    if (position > after && (*next == 0 || position < *next))
        *next = position;
}

/* The first line after `after` that may have changed whether the device may read or write the stream; 0 for none. */
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

uint64_t
ledger_reads_since(const struct ledger *ledger, struct id device, struct id stream, uint64_t at_ms)
{
    const struct inside_device *who = ledger_inside_device(ledger, device);
    const struct inside_stream *what = ledger_inside_stream(ledger, stream);
    uint64_t since = 0;

    if (who == NULL || what == NULL)
        return 0;
    for (uint64_t at = next_change(ledger, who, what, 0); at != 0;
         at = next_change(ledger, who, what, at)) {
        uint64_t time_ms = ledger->lines[at - 1].time_ms;
        /* Between two lines time alone takes a right, and gives none. */
        if (!ledger_inside_may_read_at(ledger, who, what, at - 1, time_ms) ||
            !ledger_inside_may_read_at(ledger, who, what, at, time_ms))
            since = 0;
        if (since == 0 && ledger_inside_may_read_at(ledger, who, what, at, time_ms))
            since = at;
    }
    if (ledger_reads_by_lines(ledger, device, stream, at_ms))
        return since;
    const struct inside_carried *carried = ledger_inside_carried_opens(ledger, who, what, at_ms, false);
    return carried != NULL ? carried->seen : 0;
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
    for (size_t i = ledger->admits_count; i > 0; i--) {
        const struct inside_heads *heads = &ledger->heads[ledger->admits[i - 1]];
        if (heads->position <= entry->position)
            break;
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

/* The cover of a family that line ended; NULL for none. */
static const struct ledger_cover *
cover_ended_at(const struct ledger *ledger, const struct inside_stream *stream, uint64_t ended)
{
    if (stream->family == INSIDE_NO_FAMILY)
        return NULL;
    const struct inside_family *family = &ledger->families[stream->family];
    for (size_t i = 0; i < family->cover_count; i++)
        if (ledger->covers[family->covers[i]].facts.ended == ended)
            return &ledger->covers[family->covers[i]].facts;
    return NULL;
}

/* The heads of the line at that position; NULL where it names none. */
static const struct inside_heads *
heads_at(const struct ledger *ledger, uint64_t position)
{
    size_t low = 0;
    size_t high = ledger->heads_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (ledger->heads[middle].position < position)
            low = middle + 1;
        else
            high = middle;
    }
    return low < ledger->heads_count && ledger->heads[low].position == position
               ? &ledger->heads[low]
               : NULL;
}

const struct ledger_head *
ledger_heads_at(const struct ledger *ledger, size_t index, uint64_t *position, size_t *count)
{
    if (index >= ledger->heads_count)
        return NULL;
    *position = ledger->heads[index].position;
    *count = ledger->heads[index].count;
    return ledger->heads[index].items;
}

/* A cover may be worked under from its acceptance on, be that before its first day. */
static uint64_t
begin_of(const struct ledger *ledger, const struct ledger_cover *cover)
{
    uint64_t accepted_ms = cover->accepted != 0 ? ledger->lines[cover->accepted - 1].time_ms : cover->from_ms;

    return accepted_ms < cover->from_ms ? accepted_ms : cover->from_ms;
}

/* Fills what is known of the line that ended the right, and judges by its heads. */
static enum ledger_counts
judge_ended(const struct ledger *ledger, const struct inside_stream *stream,
            const struct ledger_entry_facts *entry, uint64_t ended,
            struct ledger_judgement *judgement)
{
    judgement->ended = ended;
    judgement->kind = ledger->lines[ended - 1].kind;
    judgement->ended_ms = ledger->lines[ended - 1].time_ms;
    const struct ledger_cover *cover =
        judgement->kind == LEDGER_COVER_END ? cover_ended_at(ledger, stream, ended) : NULL;
    if (cover != NULL) {
        judgement->by_cover = true;
        judgement->cover = cover->id;
        judgement->why = cover->why;
        judgement->from_ms = begin_of(ledger, cover);
        judgement->until_ms = cover->until_ms;
    }
    const struct inside_heads *heads = heads_at(ledger, ended);
    const struct ledger_head *head = heads != NULL ? find_head(heads, entry) : NULL;
    if (head == NULL)
        return LEDGER_LATE;
    judgement->has_head = true;
    judgement->head = *head;
    if (head->last < entry->last)
        return LEDGER_LATE;
    judgement->is_unfounded = !agrees(entry, head);
    return judgement->is_unfounded ? LEDGER_LATE : LEDGER_COUNTS;
}

/* Walks the history of one device's writing in one stream, as section 9 of the protocol puts it. */
static enum ledger_counts
judge(const struct ledger *ledger, const struct ledger_entry_facts *entry,
      struct ledger_judgement *judgement)
{
    const struct inside_device *device = ledger_inside_device(ledger, entry->device);
    const struct inside_stream *stream = ledger_inside_stream(ledger, entry->stream);
    bool could = false;       /* at the last change */
    uint64_t lost_before = 0; /* the last line up to the entry's position that ended the right */

    if (device == NULL || stream == NULL)
        return LEDGER_NO_RIGHT;
    for (uint64_t at = next_change(ledger, device, stream, 0); at != 0;
         at = next_change(ledger, device, stream, at)) {
        bool can = ledger_inside_may_write_at(ledger, device, stream, at);
        if (at > entry->position && !could && lost_before != 0)
            break; /* not at the position, but before it */
        if (could && !can && at == device->facts.revoked && broken_is(BROKEN_REVOKED))
            continue;
        if (could && !can && at > entry->position)
            return judge_ended(ledger, stream, entry, at, judgement);
        if (could && !can)
            lost_before = at;
        could = can;
    }
    if (could)
        return LEDGER_COUNTS;
    if (lost_before == 0)
        return LEDGER_NO_RIGHT;
    (void)judge_ended(ledger, stream, entry, lost_before, judgement);
    judgement->is_unfounded = false; /* it is late whatever the head says */
    return LEDGER_LATE;
}

struct ledger_entry_facts
ledger_facts_of(const struct entry *entry)
{
    return (struct ledger_entry_facts){.device = entry->device,
                                       .stream = entry->stream,
                                       .incarnation = entry->incarnation,
                                       .last = entry->last,
                                       .position = entry->position,
                                       .position_hash = entry->position_hash};
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
    if (judgement->counts == LEDGER_NO_RIGHT) {
        judgement->counts = ledger_inside_carried_counts(ledger, entry);
        judgement->by_carried = judgement->counts != LEDGER_NO_RIGHT;
    }
    return judgement->counts;
}
