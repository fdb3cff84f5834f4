/* Registers in memory: the current versions of a record, changed, and asked what is shown. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/broken.h"

enum { PACKED_BYTES = 512 * 1024 * 1024 }; /* SQLite's own ceiling is 1e9 */

enum rc
register_new(struct record **record)
{
    *record = calloc(1, sizeof **record);
    if (*record == NULL)
        return rc_nomem();
    (*record)->packed = BUF_EMPTY(PACKED_BYTES);
    (*record)->held_values = BUF_EMPTY(PACKED_BYTES);
    return RC_OK;
}

void
register_free(struct record *record)
{
    if (record == NULL)
        return;
    buf_wipe(&record->packed);
    buf_wipe(&record->held_values);
    free(record->held);
    free(record->heads);
    free(record->firsts);
    free(record);
}

static enum rc
reserve(void **array, size_t *room, size_t count, size_t size)
{
    if (count <= *room)
        return RC_OK;
    size_t more = *room < 8 ? 8 : *room * 2;
    if (more < count)
        more = count;
    void *grown = realloc(*array, more * size);
    if (grown == NULL)
        return rc_nomem();
    *array = grown;
    *room = more;
    return RC_OK;
}

enum rc
register_reserve_heads(struct record *r, size_t count)
{
    void *heads = r->heads;
    enum rc rc = reserve(&heads, &r->head_room, count, sizeof *r->heads);

    r->heads = heads;
    return rc;
}

enum rc
register_reserve_firsts(struct record *r, size_t count)
{
    void *firsts = r->firsts;
    enum rc rc = reserve(&firsts, &r->first_room, count, sizeof *r->firsts);

    r->firsts = firsts;
    return rc;
}

/* ---- changing ------------------------------------------------------------------------------- */

static int
compare_heads(const struct head *a, const struct head *b)
{
    if (a->unit != b->unit)
        return a->unit < b->unit ? -1 : 1;
    return version_compare(&a->version, &b->version);
}

/* The place of (unit, version), or where it would stand. */
static size_t
place(const struct record *r, const struct head *key)
{
    size_t low = 0;
    size_t high = r->head_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_heads(&r->heads[middle], key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

struct head *
register_head(const struct record *r, uint32_t unit, const struct version *version)
{
    struct head key = {.unit = unit, .version = *version};
    size_t at = place(r, &key);

    if (at < r->head_count && compare_heads(&r->heads[at], &key) == 0)
        return &r->heads[at];
    return NULL;
}

static size_t
weight_of(const struct head *head)
{
    return head->value_len + RECORD_HEAD_BYTES;
}

static bool
is_part(const struct record *r, const struct head *head)
{
    return r->part.is_known && id_equal(r->part.person, head->person);
}

void
register_weigh(struct record *r)
{
    r->part.is_known = r->held_part.is_known = false;
    r->weight = 0;
    for (size_t i = 0; i < r->head_count; i++)
        r->weight += weight_of(&r->heads[i]);
}

bool
register_is_full(struct record *r, const struct head *head)
{
    if (r->weight + weight_of(head) <= RECORD_PART_BYTES)
        return false;
    if (!is_part(r, head)) {
        r->part.is_known = true;
        r->part.person = head->person;
        r->part.weight = 0;
        for (size_t i = 0; i < r->head_count; i++)
            if (is_part(r, &r->heads[i]))
                r->part.weight += weight_of(&r->heads[i]);
    }
    return r->part.weight + weight_of(head) > RECORD_PART_BYTES;
}

void
register_drop(struct record *r, struct head *head)
{
    size_t at = (size_t)(head - r->heads);

    r->weight -= weight_of(head);
    if (is_part(r, head))
        r->part.weight -= weight_of(head);
    memmove(head, head + 1, (r->head_count - at - 1) * sizeof *head);
    r->head_count--;
}

enum rc
register_add(struct record *r, const struct head *head)
{
    enum rc rc = register_reserve_heads(r, r->head_count + 1);
    if (rc != RC_OK)
        return rc;
    size_t at = place(r, head);
    bool has_other = (at > 0 && r->heads[at - 1].unit == head->unit) ||
                     (at < r->head_count && r->heads[at].unit == head->unit);
    if (has_other && broken_is_in(BROKEN_REBUILD))
        return RC_OK;
    memmove(&r->heads[at + 1], &r->heads[at], (r->head_count - at) * sizeof *head);
    r->heads[at] = *head;
    r->head_count++;
    r->weight += weight_of(head);
    if (is_part(r, head))
        r->part.weight += weight_of(head);
    return RC_OK;
}

/* In a strict unit nobody relaxes by writing much: there what protects less does not count against it. */
static bool
ages(const struct record *r, enum policy policy, const struct head *head, const struct head *made)
{
    return policy != POLICY_STRICT || policy_rank(r->entity, made->unit, made->value, made->value_len) >=
                                          policy_rank(r->entity, made->unit, head->value, head->value_len);
}

/* A function of the feed alone, whatever came in between: the count of a version is of what its feed wrote after it. */
bool
register_age(struct record *r, enum policy policy, const struct head *made)
{
    struct head low = {.unit = made->unit, .version.feed = made->version.feed};
    size_t at = place(r, &low);
    bool went = false;

    while (at < r->head_count && r->heads[at].unit == low.unit &&
           feed_equal(r->heads[at].version.feed, low.version.feed)) {
        if (ages(r, policy, &r->heads[at], made))
            r->heads[at].later++;
        if (r->heads[at].later < UNIT_VERSIONS) {
            at++;
            continue;
        }
        register_drop(r, &r->heads[at]);
        went = true;
    }
    return went;
}

/* A root comes before what superseded something: else a revision from a slow clock would be "first". */
static bool
is_earlier(const struct first *a, const struct first *b)
{
    if (a->is_root != b->is_root)
        return a->is_root;
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc;
    return version_compare(&a->version, &b->version) < 0;
}

enum rc
register_note_first(struct record *r, const struct head *made, bool is_root)
{
    struct first now = {made->unit, is_root, made->version, made->person, made->hlc};
    size_t at = 0;

    while (at < r->first_count && r->firsts[at].unit < made->unit)
        at++;
    if (at < r->first_count && r->firsts[at].unit == made->unit) {
        if (is_earlier(&now, &r->firsts[at]))
            r->firsts[at] = now;
        return RC_OK;
    }
    enum rc rc = register_reserve_firsts(r, r->first_count + 1);
    if (rc != RC_OK)
        return rc;
    memmove(&r->firsts[at + 1], &r->firsts[at], (r->first_count - at) * sizeof now);
    r->firsts[at] = now;
    r->first_count++;
    return RC_OK;
}

/* ---- asking --------------------------------------------------------------------------------- */

void
register_range(const struct record *r, uint32_t unit, size_t *from, size_t *until)
{
    struct head low = {.unit = unit};

    *from = place(r, &low); /* a version of zeros stands before all others */
    *until = *from;
    while (*until < r->head_count && r->heads[*until].unit == unit)
        (*until)++;
}

const struct first *
register_first(const struct record *r, uint32_t unit)
{
    for (size_t i = 0; i < r->first_count; i++)
        if (r->firsts[i].unit == unit)
            return &r->firsts[i];
    return NULL;
}

int
head_compare_stamp(const struct head *a, const struct head *b)
{
    if (a->hlc != b->hlc)
        return a->hlc < b->hlc ? -1 : 1;
    return version_compare(&a->version, &b->version);
}

bool
head_equal_value(const struct head *a, const struct head *b)
{
    return a->value_len == b->value_len && memcmp(a->value, b->value, a->value_len) == 0;
}

/* A fault that is built in: the number by which this store alone knows the feed. */
static int64_t
number_here(const struct record *r, const struct head *head)
{
    int64_t f = 0;
#ifdef BAKEN_TEST_BROKEN
    uint32_t frontier;
    if (r->journal != NULL && feed_find(r->journal, r->s, head->version.feed, &f, &frontier) != RC_OK)
        f = 0;
#else
    (void)r;
    (void)head;
#endif
    return f;
}

const struct head *
register_choose(const struct record *r, const struct head *a, const struct head *b)
{
    const struct first *first = a == NULL || b == NULL ? NULL : register_first(r, a->unit);

    if (a == NULL || b == NULL)
        return a == NULL ? b : a;
    bool a_is_author = first != NULL && id_equal(a->person, first->person);
    bool b_is_author = first != NULL && id_equal(b->person, first->person);
    if (a_is_author != b_is_author)
        return a_is_author ? a : b;
    unsigned a_rank = policy_rank(r->entity, a->unit, a->value, a->value_len);
    unsigned b_rank = policy_rank(r->entity, b->unit, b->value, b->value_len);
    if (a_rank != b_rank)
        return a_rank > b_rank ? a : b;
    if (a->hlc == b->hlc && broken_is(BROKEN_TIE))
        return number_here(r, a) < number_here(r, b) ? b : a;
    return head_compare_stamp(a, b) < 0 ? b : a;
}

const struct head *
register_shown(const struct record *r, uint32_t unit)
{
    const struct head *best = NULL;
    size_t from, until;

    register_range(r, unit, &from, &until);
    for (size_t i = from; i < until; i++)
        best = register_choose(r, best, &r->heads[i]);
    return best;
}

static int
compare_listed(const void *a, const void *b)
{
    return version_compare(a, b);
}

/* Whether the list of a deletion names every current version of the other units. It rises: value_read refuses another. */
static bool
covers(const struct record *r, const struct head *deletion)
{
    struct field fields[CHANGE_FIELDS];
    struct version *listed;
    size_t count, listed_count;
    bool all = true;

    if (value_read(deletion->value, deletion->value_len, fields, &count) != RC_OK)
        return false;
    const struct field *list = value_find(fields, count, 1);
    if (list == NULL || list->type != FIELD_VERSIONS ||
        value_read_versions(list, &listed, &listed_count) != RC_OK)
        return false;
    for (size_t i = 0; all && i < r->head_count; i++) {
        if (r->heads[i].unit == UNIT_DELETED)
            continue;
        all = listed_count > 0 &&
              bsearch(&r->heads[i].version, listed, listed_count, sizeof *listed, compare_listed) != NULL;
    }
    free(listed);
    return all;
}

enum register_degree
register_hidden(const struct record *r)
{
    const struct schema_entity *entity = schema_entity(r->entity);
    const struct head *moved = register_protective(r, UNIT_MOVED);
    size_t from, until;

    if (moved != NULL && !value_is_empty(moved->value, moved->value_len))
        return REGISTER_MOVED;
    if (entity != NULL && entity->is_lasting)
        return REGISTER_SHOWN;
    register_range(r, UNIT_DELETED, &from, &until);
    for (size_t i = from; i < until; i++)
        if (covers(r, &r->heads[i]))
            return REGISTER_DELETED;
    return REGISTER_SHOWN;
}

uint32_t
register_conflict(const struct record *r, uint32_t unit)
{
    enum policy policy = schema_policy(r->entity, unit);
    const struct first *first = policy == POLICY_ONCE ? register_first(r, unit) : NULL;
    const struct head *one = NULL;
    size_t from, until;
    uint32_t count = 0;
    bool differ = false;

    if (policy != POLICY_KEEP && policy != POLICY_ONCE && policy != POLICY_STRICT &&
        policy != POLICY_HUMAN)
        return 0;
    register_range(r, unit, &from, &until);
    for (size_t i = from; i < until; i++) {
        const struct head *h = &r->heads[i];
        if (first != NULL && !id_equal(h->person, first->person))
            continue;
        if (one == NULL)
            one = h;
        else if (!head_equal_value(one, h) || broken_is(BROKEN_EQUAL))
            differ = true;
        count++;
    }
    return differ ? count : 0;
}
