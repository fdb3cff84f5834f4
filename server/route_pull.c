/* GET /v1/teams/T/entries: a page of what this device may read, regrouped by feed; or a long poll. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "server/lies.h"
#include "server/pile.h"
#include "sync/ledger.h"
#include "sync/wire_run.h"

enum { SECOND_MS = 1000 };

struct pull {
    const struct ask *ask;
    uint64_t after;
    uint64_t boxes; /* the asker's cursor of boxes: whether it is of a lost life is told on this way */
    uint64_t wait_s;
    struct id stream;
    bool one_stream;

    struct pile pile; /* ciphertexts */
    struct entry *entries;
    size_t count;
    size_t room;
    size_t looked_at; /* of others' streams too */
    uint64_t next;
    bool is_full; /* the page ended before the window did */
    struct id last_stream; /* the stream asked about last, and the answer: entries come in bursts */
    bool last_may;
};

static bool
may_read(struct pull *pull, struct id stream)
{
    const struct ask *ask = pull->ask;

    if (id_is_zero(pull->last_stream) || !id_equal(stream, pull->last_stream)) {
        pull->last_stream = stream;
        pull->last_may = ledger_may_read(ask->team->ledger, ask->device, stream, ask->now_ms);
    }
    return pull->last_may;
}

static enum rc
pick_entry(void *context, struct depot_entry *row, struct depot_body *body, bool *stop)
{
    struct pull *pull = context;

    if (pull->pile.bytes > WIRE_PAGE_BYTES || pull->looked_at == DEPOT_WINDOW) {
        pull->is_full = true;
        *stop = true;
        return RC_OK;
    }
    pull->looked_at++;
    pull->next = row->arrival;
    if (!may_read(pull, row->feed.stream))
        return RC_OK;
    struct entry *entries = array_grow(pull->entries, &pull->room, pull->count + 1, sizeof *entries);
    if (entries == NULL)
        return RC_NOMEM;
    pull->entries = entries;
    struct entry *entry = &entries[pull->count];
    memset(entry, 0, sizeof *entry);
    enum rc rc = entry_header_decode(row->header, ENTRY_HEADER_BYTES, entry);
    if (rc == RC_OK)
        rc = depot_body(body, row);
    if (rc == RC_OK && row->ciphertext != NULL)
        rc = pile_keep(&pull->pile, row->ciphertext, row->ciphertext_len, &entry->ciphertext);
    if (rc != RC_OK)
        return rc;
    memcpy(entry->signature, row->signature, sizeof entry->signature);
    entry->arrived_ms = (uint64_t)row->arrived_ms;
    pull->count++;
    return RC_OK;
}

static int
by_feed(const void *a, const void *b)
{
    const struct entry *one = a, *other = b;
    int order = id_compare(one->stream, other->stream);

    if (order == 0)
        order = id_compare(one->device, other->device);
    if (order == 0)
        order = (one->incarnation > other->incarnation) - (one->incarnation < other->incarnation);
    return order != 0 ? order : (one->first > other->first) - (one->first < other->first);
}

static enum rc
encode(struct ask *ask, struct pull *pull, uint64_t arrival)
{
    struct wire_run_page page = {.after = pull->after,
                                 .next = pull->next,
                                 .more = pull->next < arrival,
                                 .time_ms = ask->now_ms,
                                 .position = lies_last_line(ledger_position(ask->team->ledger)),
                                 .runs = WIRE_RUN_LIST_EMPTY};
    struct buf altered = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    enum rc rc = RC_OK;

    if (pull->count > 1)
        qsort(pull->entries, pull->count, sizeof *pull->entries, by_feed);
    lies_entries(pull->entries, &pull->count, &altered);
    for (size_t i = 0; rc == RC_OK && i < pull->count; i++)
        rc = wire_run_add(&page.runs, &pull->entries[i]);
    if (rc == RC_OK)
        rc = wire_run_page_encode(&page, &ask->reply->body);
    atomic_fetch_add(&ask->server->counts.entries_sent, rc == RC_OK ? pull->count : 0);
    wire_run_page_wipe(&page);
    buf_wipe(&altered);
    return rc;
}

/* Nothing for this device: may it wait on? Then the reply says until when. */
static bool
must_wait(struct ask *ask, const struct pull *pull, uint64_t arrival)
{
    const struct route_wait *waited = ask->request->waited;
    uint64_t position = ledger_position(ask->team->ledger);
    int64_t now_ms = clock_mono_ms(&ask->server->clock);

    if (pull->count > 0 || pull->next < arrival || pull->wait_s == 0 ||
        atomic_load(&ask->server->stopping))
        return false;
    if (waited != NULL && (position > waited->position || now_ms >= waited->until_mono_ms))
        return false;
    ask->reply->status = ROUTE_WAITS;
    ask->reply->wait = (struct route_wait){
        .device = ask->device,
        .position = waited != NULL ? waited->position : position,
        .until_mono_ms = waited != NULL ? waited->until_mono_ms
                                        : now_ms + (int64_t)pull->wait_s * SECOND_MS};
    memcpy(ask->reply->wait.team, ask->team_id, sizeof ask->team_id);
    return true;
}

static void
answer(struct ask *ask, struct pull *pull)
{
    struct depot_team row;

    if (!ask_cursor(ask, DEPOT_ARRIVALS, pull->after, &row) || !ask_cursor(ask, DEPOT_BOXES, pull->boxes, NULL))
        return;
    struct depot_window window = {.stream = pull->one_stream ? &pull->stream : NULL,
                                  .after = pull->after,
                                  .upto = row.arrival};
    pull->next = pull->after;
    enum rc rc = depot_list_entries(ask->depot, ask->team->key, &window, pick_entry, pull);
    if (rc == RC_OK && !pull->is_full)
        pull->next = window.upto;
    if (rc == RC_OK && must_wait(ask, pull, row.arrival))
        return;
    if (rc == RC_OK)
        rc = encode(ask, pull, row.arrival);
    ask_answer(ask, rc);
}

void
route_get_entries(struct ask *ask)
{
    struct pull pull = {.ask = ask, .pile = PILE_EMPTY};

    if (!ask_number(ask, "after", &pull.after) || !ask_number(ask, "wait", &pull.wait_s) || !ask_number(ask, "boxes", &pull.boxes) ||
        !ask_hex(ask, "stream", pull.stream.bytes, sizeof pull.stream.bytes, &pull.one_stream))
        return;
    if (pull.wait_s > WIRE_WAIT_MAX_S)
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "A poll waits for 60 seconds at most.");
    else if (pull.one_stream && !may_read(&pull, pull.stream))
        ask_refuse(ask, WIRE_ERROR_DENIED, "This device may not read that stream.");
    else
        answer(ask, &pull);
    free(pull.entries);
    pile_wipe(&pull.pile);
}
