/* The journal: the one way in for saves, own and others': worked out in memory, then written. */
#include "core/journal.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/journal_inside.h"

/* A version that an operation supersedes and that is not current here: dead, or not here yet. */
struct missing {
    size_t operation;
    struct version version;
};

/* A version of the save being applied that was superseded before it came. */
struct dead {
    uint32_t index;
    uint32_t entity;
    struct id record;
    uint32_t unit;
    struct id person;
};

struct saving {
    struct journal *journal;
    const struct author *author;
    struct stream_row stream;
    int64_t f;
    uint32_t save;
    bool is_local;
    struct change *change; /* local only: supersedes are filled in */
    struct missing *missing;
    size_t missing_count, missing_room;
    struct dead *dead;
    size_t dead_count;
};

static enum rc
get_record(struct saving *s, const struct operation *operation, struct record **record)
{
    struct journal *journal = s->journal;
    enum rc rc = RC_OK;

    for (size_t i = 0; i < journal->record_count; i++) {
        *record = journal->records[i];
        if ((*record)->entity == operation->entity && id_equal((*record)->id, operation->record))
            return RC_OK;
    }
    if (journal->record_count == journal->record_room) {
        size_t room = journal->record_room == 0 ? 4 : journal->record_room * 2;
        struct record **grown = realloc(journal->records, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        memset(grown + journal->record_room, 0, (room - journal->record_room) * sizeof *grown);
        journal->records = grown;
        journal->record_room = room;
    }
    if (journal->records[journal->record_count] == NULL)
        rc = register_new(&journal->records[journal->record_count]);
    if (rc != RC_OK)
        return rc;
    *record = journal->records[journal->record_count];
    rc = register_load(journal, &s->stream, operation->entity, operation->record, *record);
    if (rc == RC_OK)
        journal->record_count++;
    return rc;
}

static enum rc
load_dead(struct saving *s)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(s->journal->db,
                         "SELECT idx, entity, record, unit, person FROM journal_pend "
                         "WHERE f = ?1 AND save = ?2",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, s->f);
    stmt_int(stmt, 2, s->save);
    while (rc == RC_OK && row) {
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        struct dead *grown = realloc(s->dead, (s->dead_count + 1) * sizeof *grown);
        if (grown == NULL) {
            rc = rc_nomem();
            break;
        }
        s->dead = grown;
        struct dead *dead = &s->dead[s->dead_count++];
        dead->index = (uint32_t)stmt_get_int(stmt, 0);
        dead->entity = (uint32_t)stmt_get_int(stmt, 1);
        rc = stmt_get_id(stmt, 2, &dead->record);
        dead->unit = (uint32_t)stmt_get_int(stmt, 3);
        if (rc == RC_OK)
            rc = stmt_get_id(stmt, 4, &dead->person);
    }
    stmt_done(stmt);
    return rc;
}

/* Under `once` only a version of the same person supersedes. */
static bool
is_dead(const struct saving *s, uint32_t index, const struct operation *operation, bool is_once)
{
    for (size_t i = 0; i < s->dead_count; i++) {
        const struct dead *dead = &s->dead[i];
        if (dead->index == index && dead->entity == operation->entity &&
            dead->unit == operation->unit && id_equal(dead->record, operation->record) &&
            (!is_once || id_equal(dead->person, s->author->person)))
            return true;
    }
    return false;
}

static enum rc
remember_missing(struct saving *s, size_t operation, const struct version *version)
{
    if (s->missing_count == s->missing_room) {
        size_t room = s->missing_room == 0 ? 16 : s->missing_room * 2;
        struct missing *grown = realloc(s->missing, room * sizeof *grown);
        if (grown == NULL)
            return rc_nomem();
        s->missing = grown;
        s->missing_room = room;
    }
    s->missing[s->missing_count++] = (struct missing){operation, *version};
    return RC_OK;
}

static enum rc
supersede(struct saving *s, struct record *record, size_t index, const struct operation *operation,
          bool is_once)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < operation->supersedes_count; i++) {
        const struct version *version = &operation->supersedes[i];
        bool is_own = id_equal(version->feed.device, s->author->feed.device) &&
                      version->feed.incarnation == s->author->feed.incarnation;
        if (is_own &&
            (version->save > s->save || (version->save == s->save && version->index >= index)))
            return rc_fail(RC_INVALID, _("a change supersedes what comes after it"));
        struct head *head = register_head(record, operation->unit, version);
        if (head == NULL && !is_own) /* of the own feed everything earlier was applied */
            rc = remember_missing(s, index, version);
        else if (head != NULL && (!is_once || id_equal(head->person, s->author->person)))
            register_drop(record, head);
    }
    return rc;
}

static enum rc
apply_operation(struct saving *s, uint32_t index, const struct operation *operation)
{
    enum policy policy = schema_policy(operation->entity, operation->unit);
    bool is_once = policy == POLICY_ONCE;
    struct record *record;
    struct head made = {
        .unit = operation->unit,
        .version = {s->author->feed, s->save, index},
        .person = s->author->person,
        .hlc = s->change->hlc,
        .value = operation->value,
        .value_len = operation->value_len,
    };
    enum rc rc = get_record(s, operation, &record);

    if (rc == RC_OK && is_once)
        rc = register_note_first(record, &made, operation->supersedes_count == 0);
    if (rc == RC_OK)
        rc = supersede(s, record, index, operation, is_once);
    if (rc != RC_OK)
        return rc;
    if (policy == POLICY_SET)
        record->set_touched = true;
    /* A removal from a set has done its work; what is dead on arrival has too. */
    if (is_dead(s, index, operation, is_once) ||
        (policy == POLICY_SET && value_is_empty(made.value, made.value_len)))
        return RC_OK;
    return register_add(record, &made);
}

/* Whether a save that was built without a list supersedes this current version: see change_put. */
static bool
goes(enum policy policy, const struct operation *operation, const struct head *shown,
     const struct head *head)
{
    struct head made = {.value = operation->value, .value_len = operation->value_len};

    if (operation->unit == UNIT_DELETED)
        return false;
    if (policy == POLICY_LAST)
        return true;
    if (policy == POLICY_SET)
        return value_is_empty(made.value, made.value_len) || head_equal_value(&made, head);
    return head_equal_value(shown, head);
}

static enum rc
fill_in(struct saving *s, struct operation *operation)
{
    enum policy policy = schema_policy(operation->entity, operation->unit);
    struct record *record;
    size_t from, until;
    enum rc rc = get_record(s, operation, &record);

    if (rc != RC_OK || operation->supersedes != NULL)
        return rc;
    const struct head *shown = register_shown(record, operation->unit);
    register_range(record, operation->unit, &from, &until);
    operation->supersedes = malloc((until - from + 1) * sizeof *operation->supersedes);
    if (operation->supersedes == NULL)
        return rc_nomem();
    for (size_t i = from; i < until; i++)
        if (goes(policy, operation, shown, &record->heads[i]))
            operation->supersedes[operation->supersedes_count++] = record->heads[i].version;
    return RC_OK;
}

static uint32_t
count_conflicts(const struct record *r)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    uint32_t count = 0;

    if (entity == NULL || entity->home != r->kind) /* a twin's conflict is its record's */
        return 0;
    for (size_t u = 0; u < entity->unit_count; u++)
        count += register_conflict(r, entity->units[u].number) > 0;
    return count;
}

static enum rc
store_conflicts(struct journal *journal, const struct record *r, uint32_t conflicts)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    struct stmt *stmt;
    enum rc rc = RC_OK;

    if (r->conflicts > 0)
        rc = db_run_int(journal->db, "DELETE FROM journal_conflict WHERE rid = ?1", r->rid);
    for (size_t u = 0; rc == RC_OK && conflicts > 0 && u < entity->unit_count; u++) {
        uint32_t versions = register_conflict(r, entity->units[u].number);
        if (versions == 0)
            continue;
        rc = db_stmt(journal->db,
                     "INSERT INTO journal_conflict (rid, unit, versions) VALUES (?1, ?2, ?3)",
                     &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, r->rid);
        stmt_int(stmt, 2, entity->units[u].number);
        stmt_int(stmt, 3, versions);
        rc = stmt_finish(stmt);
    }
    return rc;
}

static enum rc
store_heads(struct journal *journal, struct record *r, bool is_hidden, uint32_t conflicts)
{
    struct stmt *stmt;
    enum rc rc;

    if (r->rid == 0)
        rc = db_stmt(journal->db,
                     "INSERT INTO journal_record (hidden, conflicts, heads, s, entity, id) "
                     "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
                     &stmt);
    else
        rc = db_stmt(journal->db,
                     "UPDATE journal_record SET hidden = ?1, conflicts = ?2, heads = ?3 "
                     "WHERE rid = ?4",
                     &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, is_hidden);
    stmt_int(stmt, 2, conflicts);
    stmt_blob(stmt, 3, journal->scratch.data, journal->scratch.len);
    if (r->rid == 0) {
        stmt_int(stmt, 4, r->s);
        stmt_int(stmt, 5, r->entity);
        stmt_id(stmt, 6, r->id);
    } else {
        stmt_int(stmt, 4, r->rid);
    }
    rc = stmt_finish(stmt);
    if (rc == RC_OK && r->rid == 0)
        r->rid = db_last_rowid(journal->db);
    return rc;
}

static enum rc
store_record(struct saving *s, struct record *r)
{
    struct journal *journal = s->journal;
    const struct table *table = table_of(journal, r->entity, r->kind);
    bool is_hidden = register_is_hidden(r);
    uint32_t conflicts = count_conflicts(r);
    enum rc rc = register_pack(r, &journal->scratch);

    if (rc == RC_OK)
        rc = store_heads(journal, r, is_hidden, conflicts);
    if (rc == RC_OK)
        rc = store_conflicts(journal, r, conflicts);
    if (rc == RC_OK)
        rc = table_write(journal, r, is_hidden, conflicts);
    if (rc != RC_OK || table == NULL || table->search == NULL)
        return rc;
    return s->is_local ? search_write(journal, r->rid, r->entity, r->kind)
                       : search_later(journal, r->rid);
}

/* What was not current and lies above its feed's frontier has not come yet: it will be dead on arrival. */
static enum rc
store_missing(struct saving *s, const struct missing *missing)
{
    const struct operation *operation = &s->change->operations[missing->operation];
    bool is_once = schema_policy(operation->entity, operation->unit) == POLICY_ONCE;
    struct stmt *stmt;
    uint32_t frontier;
    int64_t f;
    enum rc rc = feed_open(s->journal, s->stream.s, missing->version.feed, &f, &frontier);

    if (rc != RC_OK || missing->version.save <= frontier)
        return rc;
    rc = db_stmt(s->journal->db,
                 "INSERT OR IGNORE INTO journal_pend (f, save, idx, entity, record, unit, person) "
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, missing->version.save);
    stmt_int(stmt, 3, missing->version.index);
    stmt_int(stmt, 4, operation->entity);
    stmt_id(stmt, 5, operation->record);
    stmt_int(stmt, 6, operation->unit);
    stmt_id(stmt, 7, is_once ? s->author->person : (struct id){{0}});
    return stmt_finish(stmt);
}

static enum rc
store_all(struct saving *s)
{
    struct journal *journal = s->journal;
    struct stmt *stmt;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < journal->record_count; i++)
        rc = store_record(s, journal->records[i]);
    for (size_t i = 0; rc == RC_OK && i < s->missing_count; i++)
        rc = store_missing(s, &s->missing[i]);
    if (rc == RC_OK && s->dead_count > 0) {
        rc = db_stmt(journal->db, "DELETE FROM journal_pend WHERE f = ?1 AND save = ?2", &stmt);
        if (rc == RC_OK) {
            stmt_int(stmt, 1, s->f);
            stmt_int(stmt, 2, s->save);
            rc = stmt_finish(stmt);
        }
    }
    return rc == RC_OK ? feed_advance(journal, s->f, s->save) : rc;
}

static void
finish(struct saving *s)
{
    s->journal->record_count = 0;
    free(s->missing);
    free(s->dead);
}

enum rc
journal_apply(struct journal *journal, const struct author *author, uint32_t save,
              const struct change *change)
{
    struct change lent = *change; /* nothing of it is changed: only own saves fill in supersedes */
    struct saving s = {.journal = journal, .author = author, .save = save, .change = &lent};
    uint32_t frontier;
    enum rc rc = stream_get(journal, change->stream, &s.stream);

    if (rc == RC_OK)
        rc = feed_open(journal, s.stream.s, author->feed, &s.f, &frontier);
    if (rc != RC_OK || save <= frontier)
        return rc;
    if (save != frontier + 1)
        return rc_fail(RC_STALE, _("the changes before it have not come yet"));
    rc = load_dead(&s);
    for (uint32_t i = 0; rc == RC_OK && i < change->count; i++)
        rc = apply_operation(&s, i, &change->operations[i]);
    if (rc == RC_OK)
        rc = store_all(&s);
    finish(&s);
    return rc;
}

enum rc
journal_save(struct journal *journal, const struct author *self, struct change *change,
             struct buf *body, uint32_t *save)
{
    struct saving s = {.journal = journal, .author = self, .is_local = true, .change = change};
    uint32_t frontier;
    size_t start = body->len;
    enum rc rc = stream_get(journal, change->stream, &s.stream);

    *save = 0;
    if (rc == RC_OK)
        rc = feed_open(journal, s.stream.s, self->feed, &s.f, &frontier);
    if (rc == RC_OK)
        rc = clock_stamp(journal, &change->hlc);
    if (rc != RC_OK)
        return rc;
    s.save = frontier + 1;
    rc = load_dead(&s);
    for (uint32_t i = 0; rc == RC_OK && i < change->count; i++) {
        rc = fill_in(&s, &change->operations[i]);
        if (rc == RC_OK)
            rc = apply_operation(&s, i, &change->operations[i]);
    }
    if (rc == RC_OK)
        rc = body_write(self->feed, s.save, change, 1, NULL, 0, body);
    if (rc == RC_OK && body->len - start > CHANGE_SAVE_BYTES)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d bytes in one save"), CHANGE_SAVE_BYTES);
    if (rc == RC_OK)
        rc = store_all(&s);
    finish(&s);
    if (rc == RC_OK)
        *save = s.save;
    return rc;
}
