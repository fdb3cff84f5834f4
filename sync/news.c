/* What others changed since it was last told: read from the entries that came, so a kill before the telling loses none. */
#include "sync/news.h"

#include <stdlib.h>

enum { NEWS_MOST = 200 };

struct gather {
    struct replica *replica;
    struct author self;
    struct news_conflicts conflicts;
    struct news_item items[NEWS_MOST];
    size_t count;
    struct id floor_of; /* the stream that was asked about last */
    int64_t floor;      /* -1: not all of it was told yet that was there when it was shared */
};

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
    bool conflicts =
        news_in_conflict(&g->conflicts, stream->id, operation->record, operation->entity, operation->unit);
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
    struct change *saves;
    size_t count;

    if (stream == NULL || device == NULL || id_equal(device->person, g->self.person))
        return RC_OK;
    enum rc rc = source_read(replica, &row->entry, &saves, &count);
    if (source_is_unreadable(rc))
        return RC_OK; /* what became of it, status tells */
    for (size_t s = 0; rc == RC_OK && s < count; s++)
        for (size_t i = 0; rc == RC_OK && i < saves[s].count; i++)
            rc = add_operation(g, stream, device->person, saves[s].hlc, &saves[s].operations[i]);
    if (saves != NULL)
        body_free(saves, count);
    return rc;
}

/* Up to which entry a stream was there when its news began: what a new device or a newly shared family brings is none. */
static enum rc
find_floor(struct gather *g, struct id stream)
{
    struct stmt *stmt;
    bool found;

    if (id_equal(g->floor_of, stream))
        return RC_OK;
    enum rc rc = db_stmt(g->replica->db, "SELECT news_floor FROM sync_stream WHERE stream = ?1", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, stream);
    rc = stmt_step(stmt, &found);
    g->floor_of = stream;
    g->floor = rc == RC_OK && found && !stmt_is_null(stmt, 0) ? stmt_get_int(stmt, 0) : -1;
    stmt_done(stmt);
    return rc;
}

static enum rc
look_at_entry(struct gather *g, int64_t key, uint64_t *more)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    enum rc rc = elog_get(g->replica->db, key, &row);

    if (rc == RC_OK)
        rc = find_floor(g, row.entry.stream);
    if (rc == RC_OK && g->floor >= 0 && key > g->floor) {
        if (g->count == NEWS_MOST)
            ++*more;
        else
            rc = read_row(g, &row);
    }
    elog_row_wipe(&row);
    return rc;
}

/* The applied entries that `sql` names one after the other, each after the key before it. */
static enum rc
look_at_all(struct gather *g, const char *sql, int64_t key, uint64_t *more)
{
    enum rc rc = RC_OK;

    while (rc == RC_OK) {
        struct stmt *stmt;
        rc = db_stmt(g->replica->db, sql, &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, key);
        key = 0;
        rc = stmt_finish_int(stmt, &key);
        if (rc != RC_OK || key == 0)
            return rc;
        rc = look_at_entry(g, key, more);
    }
    return rc;
}

/* What waited when news were told and is applied since, then what came since. */
static enum rc
look_at_untold(struct gather *g, int64_t told, uint64_t *more)
{
    enum rc rc = look_at_all(g,
                             "SELECT entry FROM sync_news_later JOIN sync_entry USING (entry) WHERE entry > ?1 AND state = 1"
                             " ORDER BY entry LIMIT 1",
                             0, more);

    if (rc == RC_OK)
        rc = look_at_all(g, "SELECT entry FROM sync_entry WHERE entry > ?1 AND state = 1 ORDER BY entry LIMIT 1", told,
                         more);
    return rc;
}

enum rc
replica_news(struct replica *replica, replica_news_fn visit, void *context, uint64_t *more)
{
    int64_t told;

    *more = 0;
    enum rc rc = state_get_int(replica->db, STATE_NEWS_ENTRY, &told);
    if (rc != RC_OK || told == 0 || !replica->is_in_team)
        return rc;
    struct gather *g = calloc(1, sizeof *g);
    if (g == NULL)
        return rc_nomem();
    g->replica = replica;
    g->self = replica_self(replica);
    rc = news_conflicts_know(replica->journal, false, &g->conflicts);
    if (rc == RC_OK)
        rc = look_at_untold(g, told, more);
    for (size_t i = 0; rc == RC_OK && i < g->count; i++)
        rc = visit(context, &g->items[i]);
    news_conflicts_wipe(&g->conflicts);
    free(g);
    return rc;
}

/* ---- told ----------------------------------------------------------------------------------------------- */

enum rc
news_begin(struct db *db)
{
    int64_t open;
    enum rc rc = db_get_int(db, "SELECT EXISTS (SELECT 1 FROM sync_stream WHERE news_floor IS NULL AND NOT is_filling)", &open);

    if (rc != RC_OK || open == 0)
        return rc;
    return db_run(db, "UPDATE sync_stream SET news_floor = (SELECT coalesce(max(entry), 0) FROM sync_entry)"
                      " WHERE news_floor IS NULL AND NOT is_filling");
}

/* What was applied is told; what waits or is held is told once it is applied. */
static enum rc
note_told(struct db *db, int64_t told, int64_t newest)
{
    struct stmt *stmt;
    enum rc rc = db_run(db, "DELETE FROM sync_news_later WHERE NOT EXISTS (SELECT 1 FROM sync_entry AS e"
                            " WHERE e.entry = sync_news_later.entry AND e.state <> 1)");

    if (rc == RC_OK)
        rc = db_stmt(db,
                     "INSERT OR IGNORE INTO sync_news_later (entry) SELECT entry FROM sync_entry"
                     " WHERE state IN (0, 2, 3) AND state <> 1 AND entry > ?1 AND entry <= ?2",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, told);
    stmt_int(stmt, 2, newest);
    rc = stmt_finish(stmt);
    return rc == RC_OK ? state_put_int(db, STATE_NEWS_ENTRY, newest) : rc;
}

enum rc
replica_news_told(struct replica *replica)
{
    int64_t newest, told, open;
    enum rc rc = db_get_int(replica->db, "SELECT coalesce(max(entry), -1) FROM sync_entry", &newest); /* -1: none */

    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_NEWS_ENTRY, &told);
    if (rc == RC_OK)
        rc = db_get_int(replica->db,
                        "SELECT EXISTS (SELECT 1 FROM sync_news_later JOIN sync_entry USING (entry) WHERE state = 1)", &open);
    if (rc == RC_OK)
        rc = news_begin(replica->db);
    if (rc != RC_OK || (told == newest && open == 0)) /* a session that brought nothing writes nothing */
        return rc;
    rc = db_begin(replica->db);
    if (rc != RC_OK)
        return rc;
    return db_end(replica->db, note_told(replica->db, told, newest));
}

enum rc
news_keys_freed(struct db *db)
{
    int64_t newest;
    enum rc rc = db_get_int(db, "SELECT coalesce(max(entry), -1) FROM sync_entry", &newest);

    if (rc == RC_OK)
        rc = db_run_int(db, "UPDATE sync_state SET value = ?1 WHERE name = '" STATE_NEWS_ENTRY "' AND value > ?1", newest);
    if (rc == RC_OK)
        rc = db_run_int(db, "UPDATE sync_stream SET news_floor = max(?1, 0) WHERE news_floor > max(?1, 0)", newest);
    return rc == RC_OK ? db_run_int(db, "DELETE FROM sync_news_later WHERE entry > ?1", newest) : rc;
}
