/* What others changed since it was last told: read from the entries that came, so a kill before the telling loses none. */
#include <stdlib.h>

#include "core/i18n.h"
#include "sync/replica_own.h"
#include "sync/state.h"

enum { NEWS_MOST = 200 };

struct gather {
    struct replica *replica;
    struct author self;
    struct conflict *conflicts;
    size_t conflict_count, conflict_room;
    struct news_item items[NEWS_MOST];
    size_t count;
};

static enum rc
note_conflict(void *context, const struct conflict *conflict)
{
    struct gather *g = context;

    if (g->conflict_count == g->conflict_room) {
        size_t room = g->conflict_room == 0 ? 16 : g->conflict_room * 2;
        struct conflict *grown = realloc(g->conflicts, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        g->conflicts = grown;
        g->conflict_room = room;
    }
    g->conflicts[g->conflict_count++] = *conflict;
    return RC_OK;
}

static bool
is_in_conflict(const struct gather *g, const struct operation *operation)
{
    for (size_t i = 0; i < g->conflict_count; i++)
        if (g->conflicts[i].entity == operation->entity && g->conflicts[i].unit == operation->unit &&
            id_equal(g->conflicts[i].record, operation->record))
            return true;
    return false;
}

struct own {
    struct id person;
    bool is_found;
};

static enum rc
look_for_own(void *context, const struct current *current)
{
    struct own *own = context;

    own->is_found |= id_equal(current->person, own->person);
    return RC_OK;
}

/* Whether this person works on the record: as coach of its family, or because words of theirs stand there. */
static enum rc
concerns_self(const struct gather *g, const struct ledger_stream *stream,
              const struct operation *operation, bool *concerns)
{
    const struct schema_entity *entity = schema_entity(operation->entity);
    struct own own = {.person = g->self.person};
    enum rc rc = RC_OK;

    own.is_found = ledger_is_coach(g->replica->ledger, stream->family, g->self.person);
    for (size_t u = 0; rc == RC_OK && !own.is_found && u < entity->unit_count; u++)
        rc = journal_current(g->replica->journal, stream->id, operation->entity, operation->record,
                             entity->units[u].number, look_for_own, &own);
    *concerns = own.is_found;
    return rc;
}

/* One item for each unit: the latest. */
static enum rc
add_operation(struct gather *g, const struct ledger_stream *stream, struct id person, uint64_t hlc,
              const struct operation *operation)
{
    const struct schema_entity *entity = schema_entity(operation->entity);
    bool concerns;

    if (entity == NULL || entity->home != stream->kind) /* a newer program's, or a twin */
        return RC_OK;
    for (size_t i = 0; i < g->count; i++) {
        struct news_item *item = &g->items[i];
        if (item->entity != operation->entity || item->unit != operation->unit ||
            !id_equal(item->record, operation->record))
            continue;
        if (hlc > item->hlc) {
            item->hlc = hlc;
            item->person = person;
        }
        return RC_OK;
    }
    bool conflicts = is_in_conflict(g, operation);
    enum rc rc = concerns_self(g, stream, operation, &concerns);
    if (rc != RC_OK || (!conflicts && !concerns) || g->count == NEWS_MOST)
        return rc;
    g->items[g->count++] = (struct news_item){
        .kind = conflicts ? NEWS_TWO_VERSIONS : NEWS_ALSO_CHANGED,
        .family = stream->family,
        .record = operation->record,
        .entity = operation->entity,
        .unit = operation->unit,
        .person = person,
        .hlc = hlc,
    };
    return RC_OK;
}

static enum rc
read_row(struct gather *g, const struct elog_row *row)
{
    struct replica *replica = g->replica;
    const struct ledger_stream *stream = ledger_stream(replica->ledger, row->entry.stream);
    const struct ledger_device *device = ledger_device(replica->ledger, row->entry.device);
    struct feed_ref feed = {row->entry.device, row->entry.incarnation};
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct change *saves = NULL;
    size_t count = row->entry.last - row->entry.first + 1;

    if (stream == NULL || device == NULL || id_equal(device->person, g->self.person))
        return RC_OK;
    enum rc rc = source_open(replica, &row->entry, &body);
    if (rc == RC_OK)
        rc = body_read(row->entry.stream, feed, row->entry.first, row->entry.last, body.data, body.len,
                       &saves);
    bool is_read = rc == RC_OK;
    for (size_t s = 0; rc == RC_OK && s < count; s++)
        for (size_t i = 0; rc == RC_OK && i < saves[s].count; i++)
            rc = add_operation(g, stream, device->person, saves[s].hlc, &saves[s].operations[i]);
    if (is_read)
        body_free(saves, count);
    else if (rc == RC_LOCKED || rc == RC_ABSENT || rc == RC_CORRUPT || rc == RC_UNSUPPORTED)
        rc = RC_OK; /* what became of it, status tells */
    buf_wipe(&body);
    return rc;
}

/* The next applied entry after `key` that came since; 0 when there is none. */
static enum rc
next_entry(struct db *db, int64_t key, int64_t since_ms, int64_t *next)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "SELECT entry FROM sync_entry WHERE entry > ?1 AND state = 1 "
                         "AND (arrived_ms = 0 OR arrived_ms >= ?2) ORDER BY entry LIMIT 1",
                         &stmt);

    *next = 0;
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, key);
    stmt_int(stmt, 2, since_ms);
    return stmt_finish_int(stmt, next);
}

static enum rc
read_all(struct gather *g, int64_t key, int64_t since_ms, uint64_t *more)
{
    enum rc rc;

    while ((rc = next_entry(g->replica->db, key, since_ms, &key)) == RC_OK && key != 0) {
        struct elog_row row = ELOG_ROW_EMPTY;
        if (g->count == NEWS_MOST) {
            ++*more;
            continue;
        }
        rc = elog_get(g->replica->db, key, &row);
        if (rc == RC_OK)
            rc = read_row(g, &row);
        elog_row_wipe(&row);
        if (rc != RC_OK)
            break;
    }
    return rc;
}

enum rc
replica_news(struct replica *replica, replica_news_fn visit, void *context, uint64_t *more)
{
    int64_t key, since_ms;

    *more = 0;
    enum rc rc = state_get_int(replica->db, STATE_NEWS_ENTRY, &key);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_NEWS_MS, &since_ms);
    if (rc != RC_OK || key == 0 || !replica->is_in_team)
        return rc;
    struct gather *g = calloc(1, sizeof *g);
    if (g == NULL)
        return rc_nomem();
    g->replica = replica;
    g->self = replica_self(replica);
    rc = journal_conflicts(replica->journal, note_conflict, g);
    if (rc == RC_OK)
        rc = read_all(g, key, since_ms, more);
    for (size_t i = 0; rc == RC_OK && i < g->count; i++)
        rc = visit(context, &g->items[i]);
    free(g->conflicts);
    free(g);
    return rc;
}

static enum rc
ask(struct db *db, const char *sql, int64_t after, int64_t *value)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, after);
    return stmt_finish_int(stmt, value);
}

/* In an empty log too, so that what comes first of a colleague's is news: 1 stands for none. */
enum rc
replica_news_told(struct replica *replica)
{
    int64_t key, told, latest_ms, since_ms;
    enum rc rc = ask(replica->db, "SELECT coalesce(max(entry), 1) FROM sync_entry WHERE ?1 = 0", 0, &key);

    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_NEWS_ENTRY, &told);
    if (rc != RC_OK || told == key) /* a session that brought nothing writes nothing */
        return rc;
    rc = state_get_int(replica->db, STATE_NEWS_MS, &since_ms);
    if (rc == RC_OK)
        rc = ask(replica->db, "SELECT coalesce(max(arrived_ms), 0) FROM sync_entry WHERE entry > ?1", told, &latest_ms);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    rc = state_put_int(replica->db, STATE_NEWS_ENTRY, key);
    if (rc == RC_OK && latest_ms > since_ms)
        rc = state_put_int(replica->db, STATE_NEWS_MS, latest_ms);
    return db_end(replica->db, rc);
}
