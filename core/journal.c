/* The journal: the one way in for saves, own and others': worked out in memory, then written (journal_batch.c). */
#include "core/journal.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"
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
    struct naming by;
};

struct saving {
    struct journal *journal;
    const struct author *author;
    struct stream_row stream;
    int64_t f;
    uint32_t save;
    bool is_local; /* made here now: a ceiling refuses it */
    struct change *change; /* of an own save: supersedes are filled in */
    struct missing *missing;
    size_t missing_count, missing_room;
    struct dead *dead;
    size_t dead_count;
};

static enum rc
load_dead(struct saving *s)
{
    struct stmt *stmt;
    bool row = true;
    bool has_pend;
    enum rc rc = batch_has_pend(s->journal, &has_pend);

    if (rc != RC_OK || !has_pend)
        return rc;
    rc = db_stmt(s->journal->db,
                 "SELECT idx, entity, record, unit, person, rank, functions FROM journal_pend "
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
            rc = stmt_get_id(stmt, 4, &dead->by.person);
        dead->by.rank = (unsigned)stmt_get_int(stmt, 5);
        dead->by.functions = (unsigned)stmt_get_int(stmt, 6);
    }
    stmt_done(stmt);
    return rc;
}

/* Whether a version dies once `by` names it; in a strict unit it may only be remembered. */
static bool
is_killed(enum policy policy, const struct operation *operation, struct head *head, const struct naming *by)
{
    if (policy == POLICY_ONCE)
        return id_equal(head->person, by->person);
    if (policy != POLICY_STRICT)
        return true;
    return strict_names(operation->entity, operation->unit,
                        policy_rank(operation->entity, operation->unit, head->value, head->value_len), by,
                        &head->relaxed);
}

/* Whether what came before names this version, and may. */
static bool
is_dead(const struct saving *s, const struct operation *operation, enum policy policy, struct head *made)
{
    for (size_t i = 0; i < s->dead_count; i++) {
        const struct dead *dead = &s->dead[i];
        if (dead->index == made->version.index && dead->entity == operation->entity &&
            dead->unit == operation->unit && id_equal(dead->record, operation->record) &&
            is_killed(policy, operation, made, &dead->by))
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

static struct naming
naming_of(const struct saving *s, const struct operation *operation)
{
    return (struct naming){
        policy_rank(operation->entity, operation->unit, operation->value, operation->value_len),
        s->author->person,
        s->author->functions,
    };
}

static enum rc
supersede(struct saving *s, struct record *record, size_t index, const struct operation *operation,
          enum policy policy)
{
    struct naming by = naming_of(s, operation);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < operation->supersedes_count; i++) {
        const struct version *version = &operation->supersedes[i];
        bool is_own = feed_equal(version->feed, s->author->feed);
        if (is_own &&
            (version->save > s->save || (version->save == s->save && version->index >= index)))
            return rc_fail(RC_INVALID, _("a change supersedes what comes after it"));
        struct head *head = register_head(record, operation->unit, version);
        if (head == NULL && !is_own) /* of the own feed everything earlier was applied */
            rc = remember_missing(s, index, version);
        else if (head != NULL && is_killed(policy, operation, head, &by))
            register_drop(record, head);
    }
    return rc;
}

static enum rc
apply_operation(struct saving *s, uint32_t index, const struct operation *operation)
{
    enum policy policy = schema_policy(operation->entity, operation->unit);
    struct record *record;
    struct head made = {
        .unit = operation->unit,
        .version = {s->author->feed, s->save, index},
        .person = s->author->person,
        .hlc = s->change->hlc,
        .value = operation->value,
        .value_len = operation->value_len,
    };
    enum rc rc = batch_record(s->journal, &s->stream, operation, &record);

    if (rc == RC_OK && is_dead(s, operation, policy, &made) && broken_is(BROKEN_DEAD))
        return RC_OK;
    if (rc == RC_OK && policy == POLICY_ONCE)
        rc = register_note_first(record, &made, operation->supersedes_count == 0);
    if (rc == RC_OK)
        rc = supersede(s, record, index, operation, policy);
    if (rc != RC_OK)
        return rc;
    if (policy == POLICY_SET)
        record->set_touched = true;
    if (register_age(record, policy, &made) && s->is_local) /* by its own hand alone */
        return rc_fail(RC_TOO_LARGE, _("more than %d versions of one thing wait for a choice"), UNIT_VERSIONS);
    /* A removal from a set has done its work; what is dead on arrival has too. */
    if (is_dead(s, operation, policy, &made) ||
        (policy == POLICY_SET && value_is_empty(made.value, made.value_len)))
        return RC_OK;
    if (register_is_full(record, &made)) /* else one record of a few bytes on the wire stops everybody */
        return s->is_local ? rc_fail(RC_TOO_LARGE, _("more than %d MiB of one thing wait for a choice"),
                                     RECORD_PART_BYTES >> 20)
                           : RC_OK;
    rc = batch_keep(s->journal, &made);
    return rc == RC_OK ? register_add(record, &made) : rc;
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
    enum rc rc = batch_record(s->journal, &s->stream, operation, &record);

    if (rc == RC_OK && operation->supersedes != NULL && broken_is(BROKEN_SCREEN)) {
        operation->supersedes = NULL;
        operation->supersedes_count = 0;
        policy = POLICY_LAST;
    }
    if (rc != RC_OK || operation->supersedes != NULL)
        return rc;
    const struct head *shown = register_shown(record, operation->unit);
    register_range(record, operation->unit, &from, &until);
    operation->supersedes = malloc((until - from + 1) * sizeof *operation->supersedes);
    if (operation->supersedes == NULL)
        return rc_nomem();
    for (size_t i = from; i < until && operation->supersedes_count < CHANGE_SUPERSEDES; i++)
        if (goes(policy, operation, shown, &record->heads[i]))
            operation->supersedes[operation->supersedes_count++] = record->heads[i].version;
    if (operation->supersedes_count > 0 && broken_is(BROKEN_SUPERSEDE))
        operation->supersedes_count--;
    return RC_OK;
}

/* What was not current and lies above its feed's frontier has not come yet: it will be dead on arrival. */
static enum rc
store_missing(struct saving *s, const struct missing *missing)
{
    const struct operation *operation = &s->change->operations[missing->operation];
    enum policy policy = schema_policy(operation->entity, operation->unit);
    bool is_strict = policy == POLICY_STRICT, is_once = policy == POLICY_ONCE;
    struct naming by = naming_of(s, operation);
    struct stmt *stmt;
    uint32_t frontier;
    int64_t f;
    enum rc rc = batch_feed(s->journal, s->stream.s, missing->version.feed, &f, &frontier);

    if (rc != RC_OK || missing->version.save <= frontier)
        return rc;
    batch_has_pend_now(s->journal);
    rc = db_stmt(s->journal->db,
                 "INSERT OR IGNORE INTO journal_pend "
                 "(f, save, idx, entity, record, unit, person, rank, functions) "
                 "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
                 &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, f);
    stmt_int(stmt, 2, missing->version.save);
    stmt_int(stmt, 3, missing->version.index);
    stmt_int(stmt, 4, operation->entity);
    stmt_id(stmt, 5, operation->record);
    stmt_int(stmt, 6, operation->unit);
    stmt_id(stmt, 7, is_once || is_strict ? by.person : (struct id){{0}});
    stmt_int(stmt, 8, is_strict ? by.rank : 0);
    stmt_int(stmt, 9, is_strict ? by.functions : 0);
    return stmt_finish(stmt);
}

/* The records and the frontier wait for the batch's end, if one is being gathered. */
static enum rc
store_all(struct saving *s)
{
    struct journal *journal = s->journal;
    struct stmt *stmt;
    enum rc rc = RC_OK;

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
    if (rc == RC_OK)
        rc = held_release(journal, s->f, s->save);
    if (rc == RC_OK)
        rc = batch_advance(journal, s->stream.s, s->author->feed, s->save);
    return rc == RC_OK && !batch_is_open(journal) ? batch_write(journal) : rc;
}

static void
finish(struct saving *s)
{
    if (!batch_is_open(s->journal))
        batch_forget(s->journal);
    free(s->missing);
    free(s->dead);
}

/* One save may be about thousands of records, which are not all kept until its end. */
static enum rc
make_room_within(struct saving *s)
{
    uint32_t frontier;
    enum rc rc = RC_OK;

    if (!batch_is_open(s->journal) || !batch_is_full(s->journal))
        return RC_OK;
    rc = batch_flush(s->journal);
    return rc == RC_OK ? batch_feed(s->journal, s->stream.s, s->author->feed, &s->f, &frontier) : rc;
}

enum rc
journal_apply(struct journal *journal, const struct author *author, uint32_t save,
              const struct change *change)
{
    struct change lent = *change; /* nothing of it is changed: only own saves fill in supersedes */
    struct saving s = {.journal = journal, .author = author, .save = save, .change = &lent};
    uint32_t frontier;
    enum rc rc = batch_make_room(journal);

    if (rc == RC_OK)
        rc = batch_stream(journal, change->stream, &s.stream);
    if (rc == RC_OK)
        rc = batch_feed(journal, s.stream.s, author->feed, &s.f, &frontier);
    if (rc == RC_OK && save > frontier + 1 && !broken_is(BROKEN_GAP))
        rc = rc_fail(RC_STALE, _("the changes before it have not come yet"));
    if (rc != RC_OK || save <= frontier) {
        finish(&s);
        return rc;
    }
    rc = load_dead(&s);
    for (uint32_t i = 0; rc == RC_OK && i < change->count; i++) {
        rc = make_room_within(&s);
        if (rc == RC_OK)
            rc = apply_operation(&s, i, &change->operations[i]);
    }
    if (rc == RC_OK)
        rc = store_all(&s);
    if (rc != RC_OK)
        batch_break(journal);
    finish(&s);
    return rc;
}

static enum rc
save_own(struct journal *journal, const struct author *self, struct change *change, bool is_again,
         struct buf *body, uint32_t *save)
{
    struct saving s = {.journal = journal, .author = self, .is_local = !is_again, .change = change};
    uint32_t frontier;
    size_t start = body->len;
    enum rc rc;

    *save = 0;
    rc = batch_make_room(journal);
    if (rc == RC_OK)
        rc = batch_stream(journal, change->stream, &s.stream);
    if (rc == RC_OK)
        rc = batch_feed(journal, s.stream.s, self->feed, &s.f, &frontier);
    if (rc == RC_OK && !is_again)
        rc = clock_stamp(journal, &change->hlc);
    if (rc == RC_OK) {
        s.save = frontier + 1;
        rc = load_dead(&s);
    }
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
    if (rc != RC_OK)
        batch_break(journal);
    finish(&s);
    if (rc == RC_OK)
        *save = s.save;
    return rc;
}

enum rc
journal_save(struct journal *journal, const struct author *self, struct change *change,
             struct buf *body, uint32_t *save)
{
    return save_own(journal, self, change, false, body, save);
}

enum rc
journal_save_again(struct journal *journal, const struct author *self, struct change *change,
                   struct buf *body, uint32_t *save)
{
    return save_own(journal, self, change, true, body, save);
}
