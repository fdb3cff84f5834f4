/* POST /v1/teams/T/entries: each entry judged on its own, all that hold stored in one transaction. */
#include "server/ask.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/ledger.h"
#include "sync/wire_run.h"

enum {
    TRIES = 3,               /* the ledger may move between entering the team and the transaction */
    INCARNATIONS = 64,       /* of a feed, per device and stream */
    HAND_IN_BYTES = 10 << 20 /* by a revoked device, in all */
};

/* How many feeds a device has, in all streams: counted once a push. */
struct lives {
    struct id device;
    size_t count;
};

struct push {
    struct wire_run_list list;
    struct wire_push_answer answer;
    size_t stored;
    size_t refused;
    struct lives *lives; /* grown by doubling; of this try */
    size_t lives_count;
    size_t lives_room;
};

static void
refuse(struct wire_push_item *item, enum wire_push_reason reason)
{
    *item = (struct wire_push_item){WIRE_PUSH_REFUSED, (uint8_t)reason};
}

/* ---- what needs no transaction: the signature and the right ---- */

static enum wire_push_reason
judge_right(const struct ledger *ledger, const struct entry *entry)
{
    const struct ledger_entry_facts facts = ledger_facts_of(entry);
    switch (ledger_entry_counts(ledger, &facts, NULL)) {
    case LEDGER_UNKNOWN_POSITION:
        return WIRE_REASON_POSITION;
    case LEDGER_OTHER_HASH:
        return WIRE_REASON_OTHER_HASH;
    case LEDGER_NO_RIGHT:
        return WIRE_REASON_NO_RIGHT;
    case LEDGER_COUNTS:
    case LEDGER_LATE: /* held by the devices, so it must reach them */
        break;
    }
    if (entry->epoch != ledger_epoch_at(ledger, entry->stream, entry->position))
        return WIRE_REASON_EPOCH;
    return WIRE_REASON_NONE;
}

static enum wire_push_reason
judge_entry(const struct ledger *ledger, const struct entry *entry)
{
    const struct ledger_stream *stream = ledger_stream(ledger, entry->stream);

    if (stream == NULL || stream->kind == STREAM_RESERVE)
        return WIRE_REASON_UNKNOWN;
    if (entry->ciphertext == NULL || entry->incarnation == 0 || !entry_body_fits(entry))
        return WIRE_REASON_MALFORMED; /* nothing makes a body lawfully gone on its first way */
    if (entry->ciphertext_len > ENTRY_CIPHERTEXT_MAX_BYTES)
        return WIRE_REASON_TOO_LARGE;
    return judge_right(ledger, entry);
}

static void
judge_run(const struct ledger *ledger, const struct entry *entries, size_t count,
          struct wire_push_item *items)
{
    const struct ledger_device *device = ledger_device(ledger, entries[0].device);
    size_t signed_count = 0;

    /* Each on its own, not the last for all: pages cut a feed elsewhere, and then any of them is a last one. */
    while (device != NULL && signed_count < count &&
           entry_verify(&entries[signed_count], device->sign_public))
        signed_count++;
    for (size_t i = 0; i < count; i++) {
        enum wire_push_reason reason = WIRE_REASON_NONE;
        if (device == NULL)
            reason = WIRE_REASON_UNKNOWN;
        else if (i == signed_count)
            reason = WIRE_REASON_SIGNATURE;
        else if (i > signed_count)
            reason = WIRE_REASON_GAP;
        else
            reason = judge_entry(ledger, &entries[i]);
        items[i] = (struct wire_push_item){WIRE_PUSH_STORED, WIRE_REASON_NONE};
        if (reason != WIRE_REASON_NONE)
            refuse(&items[i], reason);
    }
}

static void
judge(const struct ask *ask, struct push *push)
{
    for (size_t run = 0; run < push->list.run_count; run++) {
        size_t count;
        const struct entry *entries = wire_run_at(&push->list, run, &count);
        struct wire_push_item *items = &push->answer.items[entries - push->list.items];
        judge_run(ask->team->ledger, entries, count, items);
        for (size_t i = 0; ask->is_revoked && i < count; i++)
            if (!id_equal(entries[i].device, ask->device))
                refuse(&items[i], WIRE_REASON_NO_RIGHT);
    }
}

/* ---- within the transaction: the chain ---- */

/* The end of the feed that is being stored, so that a run asks the depot once. */
struct feed_end {
    struct depot_feed feed;
    uint32_t last;
    uint8_t hash[CRYPTO_HASH_BYTES]; /* zeros before save 1 */
};

/* What was judged sound joins its feed, or was there, or does not fit. */
static enum rc
place(struct ask *ask, const struct entry *entry, const struct feed_end *end,
      struct wire_push_item *item)
{
    uint8_t stored[CRYPTO_HASH_BYTES];
    bool found = false;
    enum rc rc = RC_OK;

    if (entry->first <= end->last) {
        rc = depot_find_entry(ask->depot, ask->team->key, &end->feed, entry->last, &found, stored);
        if (found && memcmp(stored, entry->hash, sizeof stored) == 0)
            *item = (struct wire_push_item){WIRE_PUSH_HAD, WIRE_REASON_NONE};
        else
            refuse(item, WIRE_REASON_FORK);
    } else if (entry->first > end->last + 1) {
        refuse(item, WIRE_REASON_GAP);
    } else if (memcmp(entry->previous, end->hash, sizeof end->hash) != 0) {
        refuse(item, WIRE_REASON_FORK);
    }
    return rc;
}

static enum rc
store_entry(struct ask *ask, const struct entry *entry, struct feed_end *end)
{
    uint8_t header[ENTRY_HEADER_BYTES];
    struct depot_entry row = {.feed = end->feed,
                              .first = entry->first,
                              .last = entry->last,
                              .arrived_ms = (int64_t)ask->now_ms,
                              .header = header,
                              .header_hash = entry->hash,
                              .signature = entry->signature,
                              .ciphertext = entry->ciphertext,
                              .ciphertext_len = entry->ciphertext_len};

    entry_header(entry, header);
    enum rc rc = depot_put_entry(ask->depot, ask->team->key, &row);
    if (rc == RC_OK) {
        end->last = entry->last;
        memcpy(end->hash, entry->hash, sizeof end->hash);
    }
    return rc;
}

static enum rc
count_incarnation(void *context, const struct depot_feed_end *end, bool *stop)
{
    size_t *count = context;

    (void)end;
    (void)stop;
    ++*count;
    return RC_OK;
}

/* Of a device's feeds there are never more than a line can name as heads: else nothing could end its rights. */
static enum rc
find_lives(struct ask *ask, struct push *push, struct id device, struct lives **lives)
{
    for (size_t i = 0; i < push->lives_count; i++)
        if (id_equal(push->lives[i].device, device)) {
            *lives = &push->lives[i];
            return RC_OK;
        }
    struct lives *grown = array_grow(push->lives, &push->lives_room, push->lives_count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    push->lives = grown;
    *lives = &grown[push->lives_count++];
    **lives = (struct lives){.device = device};
    return depot_list_feeds(ask->depot, ask->team->key, device, NULL, count_incarnation, &(*lives)->count);
}

/* The end of the run's feed. A new incarnation beyond a ceiling is refused whole; where it may begin, *lives counts it. */
static enum rc
find_end(struct ask *ask, struct push *push, const struct entry *first, struct feed_end *end,
         struct wire_push_item *item, struct lives **lives)
{
    size_t incarnations = 0;
    enum rc rc;

    *lives = NULL;

    end->feed = (struct depot_feed){first->stream, first->device, first->incarnation};
    rc = depot_feed_head(ask->depot, ask->team->key, &end->feed, &end->last, end->hash);
    if (rc != RC_OK || end->last > 0 || item->result != WIRE_PUSH_STORED)
        return rc;
    rc = depot_list_feeds(ask->depot, ask->team->key, first->device, &first->stream,
                          count_incarnation, &incarnations);
    if (rc == RC_OK && incarnations < INCARNATIONS)
        rc = find_lives(ask, push, first->device, lives);
    if (rc == RC_OK && (*lives == NULL || (*lives)->count >= LEDGER_MAX_HEADS))
        refuse(item, WIRE_REASON_TOO_LARGE);
    return rc;
}

static enum rc
store_run(struct ask *ask, struct push *push, const struct entry *entries, size_t count, struct wire_push_item *items)
{
    struct feed_end end = {.last = 0};
    struct lives *lives;
    bool is_stopped = false;
    enum rc rc = find_end(ask, push, &entries[0], &end, &items[0], &lives);

    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        if (items[i].result == WIRE_PUSH_STORED)
            rc = place(ask, &entries[i], &end, &items[i]);
        if (rc == RC_OK && items[i].result == WIRE_PUSH_STORED && is_stopped)
            refuse(&items[i], WIRE_REASON_GAP);
        if (rc == RC_OK && items[i].result == WIRE_PUSH_STORED)
            rc = store_entry(ask, &entries[i], &end);
        is_stopped = is_stopped || items[i].result == WIRE_PUSH_REFUSED;
    }
    if (lives != NULL && end.last > 0)
        lives->count++;
    return rc;
}

static enum rc
store(struct ask *ask, struct push *push)
{
    enum rc rc = RC_OK;

    for (size_t run = 0; rc == RC_OK && run < push->list.run_count; run++) {
        size_t count;
        const struct entry *entries = wire_run_at(&push->list, run, &count);
        rc = store_run(ask, push, entries, count, &push->answer.items[entries - push->list.items]);
    }
    for (size_t i = 0; rc == RC_OK && i < push->answer.count; i++) {
        push->stored += push->answer.items[i].result == WIRE_PUSH_STORED;
        push->refused += push->answer.items[i].result == WIRE_PUSH_REFUSED;
    }
    return rc;
}

/* What a revoked device hands in is counted in the same transaction. */
static enum rc
count_handed_in(struct ask *ask, const struct push *push)
{
    uint64_t bytes = 0, sum;

    for (size_t i = 0; i < push->answer.count; i++)
        if (push->answer.items[i].result == WIRE_PUSH_STORED)
            bytes += push->list.items[i].ciphertext_len;
    enum rc rc = depot_add_handed_in(ask->depot, ask->team->key, ask->device, bytes, &sum);
    if (rc == RC_OK && sum > HAND_IN_BYTES)
        rc = rc_fail(RC_DENIED, _("this device has handed in all that it may"));
    return rc;
}

/* One try. RC_STALE: the depot's ledger is ahead of what the entries were judged by. */
static enum rc
judge_and_store(struct ask *ask, struct push *push)
{
    struct depot_team row;
    enum rc rc;

    push->stored = push->refused = push->lives_count = 0;
    judge(ask, push);
    rc = server_begin(ask->server, ask->depot);
    if (rc != RC_OK)
        return rc;
    rc = depot_find_team(ask->depot, ask->team_id, &row);
    if (rc == RC_OK && row.ledger > ledger_position(ask->team->ledger))
        rc = rc_fail(RC_STALE, _("the ledger moved on"));
    if (rc == RC_OK)
        rc = store(ask, push);
    if (rc == RC_OK && ask->is_revoked)
        rc = count_handed_in(ask, push);
    if (rc == RC_OK && push->stored > 0)
        return server_commit(ask->server, ask->depot);
    server_rollback(ask->server, ask->depot); /* nothing new: nothing to flush */
    return rc;
}

static enum rc
take_in(struct ask *ask, struct push *push)
{
    enum rc rc = RC_OK;

    push->answer.count = push->list.count;
    push->answer.items = calloc(push->list.count + 1, sizeof *push->answer.items);
    if (push->answer.items == NULL)
        return rc_nomem();
    for (int i = 0; i < TRIES; i++) {
        rc = judge_and_store(ask, push);
        if (rc != RC_STALE)
            break;
        team_leave(ask->team);
        rc = team_enter(ask->server, ask->depot, ask->team_id, TEAM_READ, &ask->team);
        if (rc != RC_OK)
            break;
        rc = RC_BUSY;
    }
    return rc;
}

static void
answer(struct ask *ask, struct push *push)
{
    struct server *server = ask->server;

    crypto_hash_plain(ask->request->body, ask->request->body_len, push->answer.request);
    push->answer.time_ms = ask->now_ms;
    push->answer.position = ledger_position(ask->team->ledger);
    atomic_fetch_add(&server->counts.entries_stored, push->stored);
    atomic_fetch_add(&server->counts.entries_refused, push->refused);
    ask_answer(ask, wire_push_answer_encode(&push->answer, &server->secret_key, &ask->reply->body));
    if (push->stored > 0)
        server_moved(server, ask->team_id);
}

void
route_post_entries(struct ask *ask)
{
    struct push push = {.list = WIRE_RUN_LIST_EMPTY, .answer = WIRE_PUSH_ANSWER_EMPTY};
    enum rc rc = wire_run_push_decode(ask->request->body, ask->request->body_len, &push.list);

    if (rc == RC_CORRUPT || rc == RC_UNSUPPORTED || rc == RC_TOO_LARGE || rc == RC_INVALID) {
        ask_refuse(ask, WIRE_ERROR_MALFORMED, "The body is not a list of runs of entries.");
    } else {
        if (rc == RC_OK)
            rc = take_in(ask, &push);
        if (rc == RC_OK)
            answer(ask, &push);
        else if (rc == RC_DENIED)
            ask_refuse(ask, WIRE_ERROR_REVOKED, "This device has handed in all that it may.");
        else
            ask_fail(ask, rc);
    }
    free(push.lives);
    wire_push_answer_wipe(&push.answer);
    wire_run_list_wipe(&push.list);
}
