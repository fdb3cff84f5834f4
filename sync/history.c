/* What was ever written of a record, read back from log and outbox: every version with its author, current or not. */
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/array.h"
#include "core/secret.h"
#include "sync/outbox.h"
#include "sync/replica_own.h"

const char *
history_state_name(enum history_state state)
{
    switch (state) {
    case HISTORY_CURRENT:
        return "current";
    case HISTORY_REPLACED:
        return "replaced";
    case HISTORY_PAST:
        return "past";
    case HISTORY_HELD:
        return "held";
    case HISTORY_PARKED:
        return "parked";
    }
    return NULL;
}

static struct id
person_of(const struct replica *replica, struct id device)
{
    const struct ledger_device *known =
        replica->ledger == NULL ? NULL : ledger_device(replica->ledger, device);

    return known == NULL ? (struct id){{0}} : known->person;
}

static enum rc
copy_versions(const struct operation *operation, struct version **copy)
{
    size_t bytes = operation->supersedes_count * sizeof **copy;

    *copy = malloc(bytes + 1);
    if (*copy == NULL)
        return rc_nomem();
    if (bytes > 0)
        memcpy(*copy, operation->supersedes, bytes);
    return RC_OK;
}

/* ---- one version ------------------------------------------------------------------------------------ */

/* Where the save is: in line, or in an entry that the server has taken or not. */
static enum rc
find_place(struct replica *replica, struct id stream, const struct version *version,
           struct version_facts *facts)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_feed feed;
    enum rc rc = elog_feed_find(replica->db, stream, version->feed, &feed);

    if (rc == RC_OK && feed.is_own && version->save > feed.sealed) {
        facts->is_waiting = true;
        return RC_OK;
    }
    if (rc == RC_OK)
        rc = elog_find(replica->db, feed.key, version->save, &row);
    if (rc == RC_OK)
        facts->arrived_ms = (int64_t)row.entry.arrived_ms;
    elog_row_wipe(&row);
    return rc;
}

enum rc
replica_version_facts(struct replica *replica, struct id stream, const struct version *version,
                      struct version_facts *facts)
{
    struct change *change = NULL;

    *facts = (struct version_facts){.person = person_of(replica, version->feed.device)};
    enum rc rc = replica->saves.get(replica->saves.context, stream, version->feed, version->save, &change);
    if (rc != RC_OK)
        return rc;
    if (version->index >= change->count)
        rc = rc_fail(RC_ABSENT, _("no such version"));
    if (rc == RC_OK)
        rc = copy_versions(&change->operations[version->index], &facts->seen);
    if (rc == RC_OK) {
        facts->hlc = change->hlc;
        facts->seen_count = change->operations[version->index].supersedes_count;
        rc = find_place(replica, stream, version, facts);
    }
    body_free(change, 1);
    if (rc != RC_OK) {
        free(facts->seen);
        facts->seen = NULL;
    }
    return rc;
}

/* ---- all of a record -------------------------------------------------------------------------------- */

struct gather {
    struct replica *replica;
    struct history *history;
    size_t room;
    uint32_t entity;
    struct id record;
    struct feed_ref feed; /* being read */
    int64_t arrived_ms;
    bool is_waiting;
    enum history_state state; /* HISTORY_PAST: applied */
};

static enum rc
add_item(struct gather *g, const struct operation *operation, uint64_t hlc, uint32_t save,
         uint32_t index)
{
    struct history *history = g->history;

    struct history_item *grown = array_grow(history->items, &g->room, history->count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    history->items = grown;
    struct history_item *item = &history->items[history->count];
    *item = (struct history_item){
        .version = {g->feed, save, index},
        .entity = operation->entity,
        .unit = operation->unit,
        .person = person_of(g->replica, g->feed.device),
        .hlc = hlc,
        .arrived_ms = g->arrived_ms,
        .is_waiting = g->is_waiting,
        .state = g->state,
        .seen_count = operation->supersedes_count,
        .value_len = operation->value_len,
    };
    item->value = malloc(operation->value_len + 1);
    enum rc rc = item->value == NULL ? rc_nomem() : copy_versions(operation, &item->seen);
    if (rc != RC_OK) {
        free(item->value);
        return rc;
    }
    memcpy(item->value, operation->value, operation->value_len);
    history->count++;
    return RC_OK;
}

static enum rc
add_saves(struct gather *g, const struct change *saves, size_t count, uint32_t first)
{
    enum rc rc = RC_OK;

    for (size_t s = 0; rc == RC_OK && s < count; s++)
        for (size_t i = 0; rc == RC_OK && i < saves[s].count; i++) {
            const struct operation *operation = &saves[s].operations[i];
            if (id_equal(operation->record, g->record) &&
                (g->entity == 0 || operation->entity == g->entity))
                rc = add_item(g, operation, saves[s].hlc, first + (uint32_t)s, (uint32_t)i);
        }
    return rc;
}

static enum rc
read_entry(struct gather *g, int64_t key, uint32_t *last)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    struct change *saves;
    size_t count;
    enum rc rc = elog_get(g->replica->db, key, &row);

    if (rc != RC_OK)
        goto out;
    *last = row.entry.last;
    g->arrived_ms = (int64_t)row.entry.arrived_ms;
    g->is_waiting = false;
    g->state = row.state == ELOG_APPLIED ? HISTORY_PAST
               : row.state == ELOG_HELD  ? HISTORY_HELD
                                         : HISTORY_PARKED;
    rc = source_read(g->replica, &row.entry, &saves, &count);
    if (rc == RC_OK) {
        rc = add_saves(g, saves, count, row.entry.first);
        body_free(saves, count);
    } else if (source_is_unreadable(rc)) {
        g->history->unreadable++;
        rc = RC_OK;
    }
out:
    elog_row_wipe(&row);
    return rc;
}

/* The entry of a feed that begins next after `last`; key 0 when there is none. */
static enum rc
next_entry(struct db *db, int64_t feed, uint32_t last, int64_t *key)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, "SELECT entry FROM sync_entry WHERE feed = ?1 AND first > ?2 ORDER BY first LIMIT 1",
                         &stmt);

    *key = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, feed);
    stmt_int(stmt, 2, last);
    return stmt_finish_int(stmt, key);
}

static enum rc
read_outbox(struct gather *g, const struct elog_feed *feed)
{
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    uint32_t first, last;
    enum rc rc = outbox_range(g->replica->db, feed->key, &first, &last);

    g->arrived_ms = 0;
    g->is_waiting = true;
    g->state = HISTORY_PAST;
    for (uint32_t save = first; rc == RC_OK && save != 0 && save <= last; save++) {
        struct change *change = NULL;
        rc = outbox_get(g->replica->db, feed->key, save, &body);
        if (rc == RC_OK)
            rc = body_read(feed->stream, feed->feed, save, save, body.data, body.len, &change);
        if (rc == RC_OK)
            rc = add_saves(g, change, 1, save);
        if (change != NULL)
            body_free(change, 1);
        if (source_is_unreadable(rc)) {
            g->history->unreadable += rc != RC_ABSENT;
            rc = RC_OK;
        }
    }
    buf_wipe(&body);
    return rc;
}

static enum rc
read_feed(void *context, const struct elog_feed *feed)
{
    struct gather *g = context;
    uint32_t last = 0;
    int64_t key = 0;
    enum rc rc;

    g->feed = feed->feed;
    while ((rc = next_entry(g->replica->db, feed->key, last, &key)) == RC_OK && key != 0) {
        rc = read_entry(g, key, &last);
        if (rc != RC_OK)
            return rc;
    }
    return rc == RC_OK && feed->is_own ? read_outbox(g, feed) : rc;
}

/* ---- what became of each ---------------------------------------------------------------------------- */

static int
compare_items(const void *a, const void *b)
{
    const struct history_item *x = a, *y = b;

    if (x->entity != y->entity)
        return x->entity < y->entity ? -1 : 1;
    if (x->unit != y->unit)
        return x->unit < y->unit ? -1 : 1;
    if (x->hlc != y->hlc)
        return x->hlc < y->hlc ? -1 : 1;
    return version_compare(&x->version, &y->version);
}

/* Where each version stands, by version: a colleague may have written thousands that name thousands. */
struct places {
    struct history *history;
    struct place {
        struct version version;
        size_t at;
    } *items;
};

static int
compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    int order = version_compare(&x->version, &y->version);

    return order != 0 ? order : (x->at > y->at) - (x->at < y->at);
}

static enum rc
make_places(struct history *history, struct places *places)
{
    *places = (struct places){history, malloc((history->count + 1) * sizeof *places->items)};
    if (places->items == NULL)
        return rc_nomem();
    for (size_t i = 0; i < history->count; i++)
        places->items[i] = (struct place){history->items[i].version, i};
    qsort(places->items, history->count, sizeof *places->items, compare_places);
    return RC_OK;
}

/* NULL: it is none of the record's. */
static struct history_item *
find_place_of(const struct places *places, const struct version *version)
{
    size_t low = 0, high = places->history->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (version_compare(&places->items[middle].version, version) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == places->history->count || version_compare(&places->items[low].version, version) != 0)
        return NULL;
    return &places->history->items[places->items[low].at];
}

static enum rc
note_current(void *context, const struct current *current)
{
    struct history_item *item = find_place_of(context, &current->version);

    if (item != NULL) {
        item->state = HISTORY_CURRENT;
        item->is_shown = current->is_shown;
    }
    return RC_OK;
}

/* Asks the journal once for each unit. */
static enum rc
note_all_current(struct journal *journal, struct id stream, struct id record, struct places *places)
{
    const struct history *history = places->history;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < history->count; i++) {
        const struct history_item *item = &history->items[i];
        if (i > 0 && item[-1].entity == item->entity && item[-1].unit == item->unit)
            continue;
        rc = journal_current(journal, stream, item->entity, record, item->unit, note_current, places);
    }
    return rc;
}

/* Of what is not current: which version that counts named it; the earliest, when several did. */
static void
note_replaced(const struct places *places)
{
    const struct history *history = places->history;

    for (size_t i = 0; i < history->count; i++) {
        const struct history_item *by = &history->items[i];
        bool counts = by->state != HISTORY_HELD && by->state != HISTORY_PARKED;
        for (size_t s = 0; counts && s < by->seen_count; s++) {
            struct history_item *item = find_place_of(places, &by->seen[s]);
            if (item == NULL || item->state != HISTORY_PAST || item->entity != by->entity || item->unit != by->unit)
                continue;
            item->state = HISTORY_REPLACED;
            item->is_replaced = true;
            item->by = by->version;
        }
    }
}

enum rc
replica_history(struct replica *replica, struct id stream, uint32_t entity, struct id record,
                struct history *history)
{
    struct gather g = {.replica = replica, .history = history, .entity = entity, .record = record};
    struct places places = {history, NULL};
    enum streams_place place;

    *history = (struct history){.count = 0};
    enum rc rc = streams_find(replica, stream, &place);
    if (rc == RC_OK && place != STREAMS_SHOWN)
        return rc_fail(RC_ABSENT, _("that part of the family's file is not on this device"));
    if (rc == RC_OK)
        rc = elog_feeds(replica->db, stream, read_feed, &g);
    if (rc == RC_OK && history->count > 1)
        qsort(history->items, history->count, sizeof *history->items, compare_items);
    if (rc == RC_OK)
        rc = make_places(history, &places);
    if (rc == RC_OK)
        rc = note_all_current(replica->journal, stream, record, &places);
    if (rc == RC_OK)
        note_replaced(&places);
    else
        replica_history_wipe(history);
    free(places.items);
    return rc;
}

void
replica_history_wipe(struct history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        struct history_item *item = &history->items[i];
        wipe(item->value, item->value_len);
        free(item->value);
        free(item->seen);
    }
    free(history->items);
    *history = (struct history){.count = 0};
}
