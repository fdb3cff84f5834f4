/* Seeded random merges on several devices against a small model of its own, which keeps every operation
 * for ever and works out what is current from the definition in docs/MERGE.md. SEED=n replays a run. */
#include "tests/unit/unit.h"

#include <string.h>

#include "core/journal.h"
#include "tests/support/devices.h"

enum { ROUNDS = 40, SAVES = 40, DEVICES_HERE = 4, RECORDS = 2, MODEL_OPS = 400, LISTED = 60 };

/* The units that are tried: (entity, unit) of every policy, and an unknown one. */
static const uint32_t kinds[][2] = {{5, 1}, {5, 2}, {4, 1}, {4, 2}, {1, 2}, {88, 3}, {10, 1}, {10, 4}, {5, UNIT_MOVED}, {5, UNIT_DELETED}};
enum { KINDS = sizeof kinds / sizeof *kinds, KEEP = 0, LAST, ONCE, SET, HUMAN, UNKNOWN, STRICT, OF_TWO, MOVED, DELETED };
/* What values a, b and c are called in the strict ones, from open to protective. */
static const char *const words[2][3] = {{"given", "limited", "refused"}, {"safe", "worry", "unsafe"}};
/* Functions, as bits; the last is a colleague's who covers. */
enum { COACH = 1, SCIENTIST = 4 };
static const unsigned functions[] = {COACH, SCIENTIST, COACH | SCIENTIST, 0};

struct model_op {
    size_t device, sent; /* who, and which of the saves sent */
    uint32_t save, index;
    size_t kind, record;
    char value; /* 0: empty */
    unsigned functions;
    size_t names[8];
    size_t name_count;
    size_t lists[LISTED]; /* of a deletion: what its author saw of the record's other units, or not all of that */
    size_t list_count;
    uint64_t hlc;
};

struct model {
    struct model_op ops[MODEL_OPS];
    size_t count;
    bool applied[DEVICES_HERE][DEVICES_SAVES];
    bool held[DEVICES_HERE][DEVICES_SAVES];
    size_t person[DEVICES_HERE];
};

static struct devices world;
static struct model model;

static bool
is_here(size_t at, const struct model_op *op)
{
    return model.applied[at][op->sent];
}

/* Only an operation on the same unit of the same record supersedes. */
static bool
names(const struct model_op *by, size_t which)
{
    if (by->kind != model.ops[which].kind || by->record != model.ops[which].record)
        return false;
    for (size_t n = 0; n < by->name_count; n++)
        if (by->names[n] == which)
            return true;
    return false;
}

/* Two that name it are of two persons, and one has a function that the other does not do the same by. */
static bool
are_two(const struct model_op *a, const struct model_op *b)
{
    if (model.person[a->device] == model.person[b->device])
        return false;
    for (unsigned f = COACH; f <= SCIENTIST; f *= 4)
        for (unsigned g = COACH; g <= SCIENTIST; g *= 4)
            if (f != g && (a->functions & f) != 0 && (b->functions & g) != 0)
                return true;
    return false;
}

static bool
is_strict(size_t kind)
{
    return kind == STRICT || kind == OF_TWO || kind == MOVED;
}

/* Values rise with what they protect; the empty one is 0. All marks of moving are one word. */
static int
protection(const struct model_op *op)
{
    return op->kind == MOVED ? op->value != 0 : op->value;
}

static bool
is_strict_dead(size_t at, size_t which)
{
    const struct model_op *op = &model.ops[which];

    for (size_t i = 0; i < model.count; i++) {
        const struct model_op *by = &model.ops[i];
        if (!is_here(at, by) || !names(by, which))
            continue;
        if (protection(by) >= protection(op) || (op->kind != OF_TWO && (by->functions & COACH) != 0))
            return true;
        for (size_t k = 0; op->kind == OF_TWO && k < i; k++)
            if (is_here(at, &model.ops[k]) && names(&model.ops[k], which) && are_two(by, &model.ops[k]))
                return true;
    }
    return false;
}

static bool
is_current(size_t at, size_t which)
{
    const struct model_op *op = &model.ops[which];

    if (!is_here(at, op) || (op->kind == SET && op->value == 0))
        return false;
    if (is_strict(op->kind))
        return !is_strict_dead(at, which);
    for (size_t i = 0; i < model.count; i++) {
        const struct model_op *by = &model.ops[i];
        if (op->kind == ONCE && model.person[by->device] != model.person[op->device])
            continue;
        if (is_here(at, by) && names(by, which))
            return false;
    }
    return true;
}

/* Later of two: by clock, then device, save, index (all devices have one incarnation here). */
static bool
is_later(const struct model_op *a, const struct model_op *b)
{
    if (a->hlc != b->hlc)
        return a->hlc > b->hlc;
    if (a->device != b->device)
        return a->device > b->device;
    if (a->save != b->save)
        return a->save > b->save;
    return a->index > b->index;
}

/* The person whose `once` unit it is, or DEVICES_HERE. */
static size_t
owner(size_t at, size_t kind, size_t record)
{
    const struct model_op *first = NULL;

    for (size_t i = 0; i < model.count; i++) {
        const struct model_op *op = &model.ops[i];
        if (!is_here(at, op) || op->kind != kind || op->record != record)
            continue;
        bool is_root = op->name_count == 0;
        bool first_is_root = first != NULL && first->name_count == 0;
        if (first == NULL || (is_root && !first_is_root) ||
            (is_root == first_is_root && is_later(first, op)))
            first = op;
    }
    return first == NULL || kind != ONCE ? DEVICES_HERE : model.person[first->device];
}

/* Whether `a` is shown rather than `b`, both of one kind and, in a `once` unit, of equal claim. */
static bool
is_shown_over(const struct model_op *a, const struct model_op *b)
{
    if (is_strict(a->kind) && protection(a) != protection(b))
        return protection(a) > protection(b);
    return is_later(a, b);
}

struct expected {
    size_t current[MODEL_OPS];
    size_t count, met;
    const struct model_op *shown;
    size_t conflicting;
};

static struct expected
expect(size_t at, size_t kind, size_t record)
{
    struct expected e = {.count = 0};
    size_t person = owner(at, kind, record);
    bool differ = false;
    const struct model_op *one = NULL;
    size_t counted = 0;

    for (size_t i = 0; i < model.count; i++) {
        const struct model_op *op = &model.ops[i];
        if (op->kind != kind || op->record != record || !is_current(at, i))
            continue;
        e.current[e.count++] = i;
        bool owns = model.person[op->device] == person;
        bool shown_owns = e.shown != NULL && model.person[e.shown->device] == person;
        if (e.shown == NULL || (owns && !shown_owns) ||
            (owns == shown_owns && is_shown_over(op, e.shown)))
            e.shown = op;
        if (person != DEVICES_HERE && !owns)
            continue;
        differ = differ || (one != NULL && one->value != op->value);
        one = one == NULL ? op : one;
        counted++;
    }
    /* What is held in a strict unit, as far as nothing that is here replaces it, may be shown instead; it is never current. */
    for (size_t i = 0; is_strict(kind) && i < model.count; i++) {
        const struct model_op *op = &model.ops[i];
        if (op->kind == kind && op->record == record && !is_here(at, op) && model.held[at][op->sent] &&
            !is_strict_dead(at, i) && (e.shown == NULL || is_shown_over(op, e.shown)))
            e.shown = op;
    }
    bool is_listed = kind == KEEP || kind == ONCE || kind == HUMAN || kind == STRICT || kind == OF_TWO;
    e.conflicting = differ && is_listed ? counted : 0;
    return e;
}

/* Of the units of the one entity that has both marks. */
static bool
is_listable(const struct model_op *op, size_t record)
{
    return op->record == record && op->kind != DELETED && kinds[op->kind][0] == kinds[DELETED][0];
}

static bool
covers_all(size_t at, const struct model_op *deletion)
{
    for (size_t i = 0; i < model.count; i++) {
        bool is_listed = !is_listable(&model.ops[i], deletion->record) || !is_current(at, i);
        for (size_t k = 0; k < deletion->list_count && !is_listed; k++)
            is_listed = deletion->lists[k] == i;
        if (!is_listed)
            return false;
    }
    return true;
}

/* Moved, also by what is held; or deleted by one who saw all. */
static bool
is_hidden(size_t at, size_t record)
{
    struct expected mark = expect(at, MOVED, record), deletions = expect(at, DELETED, record);
    bool hides = mark.shown != NULL && mark.shown->value != 0;

    for (size_t i = 0; i < deletions.count && !hides; i++)
        hides = covers_all(at, &model.ops[deletions.current[i]]);
    return hides;
}

static struct id
record_id(size_t record)
{
    return devices_id(9, (unsigned)record);
}

static struct version
version_of(const struct model_op *op)
{
    return (struct version){world.device[op->device].self.feed, op->save, op->index};
}

static enum rc
check_one(void *context, const struct current *current)
{
    struct expected *e = context;

    for (size_t i = 0; i < e->count; i++) {
        const struct model_op *op = &model.ops[e->current[i]];
        struct version version = version_of(op);
        if (version_compare(&version, &current->version) != 0)
            continue;
        e->met++;
        assert_int_equal(current->is_shown, op == e->shown);
        assert_int_equal(current->hlc, op->hlc);
        return RC_OK;
    }
    fail_msg("a version is current that should not be");
    return RC_OK;
}

static enum rc
count_conflicts(void *context, const struct conflict *conflict)
{
    size_t *versions = context;

    *versions += conflict->versions;
    return RC_OK;
}

static void
check_hidden(size_t at, size_t record)
{
    struct stmt *stmt;
    int64_t hidden;

    assert_ok(db_stmt(world.device[at].db,
                      "SELECT coalesce(max(hidden), 0) FROM journal_record JOIN journal_stream USING (s) "
                      "WHERE journal_stream.id = ?1 AND entity = ?2 AND journal_record.id = ?3",
                      &stmt));
    stmt_id(stmt, 1, world.file);
    stmt_int(stmt, 2, kinds[DELETED][0]);
    stmt_id(stmt, 3, record_id(record));
    assert_ok(stmt_finish_int(stmt, &hidden));
    assert_int_equal(hidden != 0, is_hidden(at, record));
}

static void
check(size_t at)
{
    size_t expected = 0;
    size_t found = 0;

    for (size_t kind = 0; kind < KINDS; kind++) {
        for (size_t record = 0; record < RECORDS; record++) {
            struct id stream = kind == HUMAN ? world.index : world.file;
            struct expected e = expect(at, kind, record);
            assert_ok(journal_current(world.device[at].journal, stream, kinds[kind][0],
                                      record_id(record), kinds[kind][1], check_one, &e));
            assert_int_equal(e.met, e.count);
            if (kinds[kind][0] != kinds[DELETED][0] || !is_hidden(at, record))
                expected += e.conflicting;
        }
    }
    assert_ok(journal_conflicts(world.device[at].journal, count_conflicts, &found));
    assert_int_equal(found, expected);
    for (size_t record = 0; record < RECORDS; record++)
        check_hidden(at, record);
}

static void
put_list(size_t at, struct model_op *op, struct dice *dice, struct buf *value)
{
    struct version versions[LISTED];

    for (size_t i = 0; i < model.count && op->list_count < LISTED; i++)
        if (is_listable(&model.ops[i], op->record) && dice_below(dice, 12) != 0 && is_current(at, i)) {
            size_t k = op->list_count;
            struct version version = version_of(&model.ops[i]);
            for (; k > 0 && version_compare(&version, &versions[k - 1]) < 0; k--)
                versions[k] = versions[k - 1];
            versions[k] = version;
            op->lists[op->list_count++] = i;
        }
    assert_ok(value_put_versions(value, 1, versions, op->list_count));
}

/* One save with one or two operations that name current, dead or unseen versions at random. */
static void
save(size_t at, struct dice *dice)
{
    bool human = dice_below(dice, KINDS) == 0;
    struct change change = CHANGE_EMPTY(human ? world.index : world.file);
    size_t operations = 1 + dice_below(dice, 2);
    size_t start = model.count;

    world.device[at].self.functions = functions[dice_below(dice, 4)];
    for (uint32_t index = 0; index < operations; index++) {
        struct model_op *op = &model.ops[model.count];
        struct version names[8];
        struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
        *op = (struct model_op){.device = at, .sent = world.sent_count, .index = index};
        op->kind = human ? HUMAN : dice_below(dice, KINDS);
        if (!human && op->kind == HUMAN)
            op->kind = KEEP;
        op->record = dice_below(dice, RECORDS);
        op->value = (char)(dice_below(dice, 4) == 0 ? 0 : 'a' + dice_below(dice, 3));
        for (size_t i = 0; i < start && op->name_count < 8; i++) {
            const struct model_op *other = &model.ops[i];
            bool same = other->kind == op->kind && other->record == op->record;
            if ((other->kind == HUMAN) != human || dice_below(dice, same ? 2 : 20) != 0)
                continue;
            if (!is_here(at, other) && dice_below(dice, 3) != 0)
                continue;
            names[op->name_count] = version_of(other);
            op->names[op->name_count++] = i;
        }
        op->functions = world.device[at].self.functions;
        char letter[2] = {op->value, 0};
        const char *text = letter;
        if (op->value != 0 && (op->kind == STRICT || op->kind == OF_TWO))
            text = words[op->kind - STRICT][op->value - 'a'];
        if (op->kind == DELETED)
            put_list(at, op, dice, &value);
        else
            assert_ok(value_put_text(&value, 1, text));
        assert_ok(change_put_over(&change, kinds[op->kind][0], record_id(op->record),
                                  kinds[op->kind][1], &value, names, op->name_count));
        buf_wipe(&value);
        model.count++;
    }
    model.applied[at][world.sent_count] = true;
    world.device[at].now_ms += (int64_t)dice_below(dice, 5) - 2;
    devices_save(&world, at, &change);
    const struct sent *sent = &world.sent[world.sent_count - 1];
    for (size_t i = start; i < model.count; i++) {
        model.ops[i].save = sent->save;
        model.ops[i].hlc = sent->hlc;
    }
}

static void
try_to_give(size_t at, size_t sent)
{
    enum rc rc = devices_apply(&world, at, sent);

    assert_true(rc == RC_OK || rc == RC_STALE);
    if (rc == RC_OK)
        model.applied[at][sent] = true;
}

static void
hold(size_t at, size_t sent)
{
    devices_hold(&world, at, sent);
    model.held[at][sent] = true;
}

/* A handful at once, as a pull does: with repetitions and gaps. */
static void
try_to_give_many(size_t at, struct dice *dice)
{
    size_t sent[12], count = dice_below(dice, 12);
    bool applied[12];

    for (size_t i = 0; i < count; i++)
        sent[i] = dice_below(dice, world.sent_count);
    assert_int_equal(devices_apply_gathered(&world, at, sent, count, applied), RC_OK);
    for (size_t i = 0; i < count; i++)
        if (applied[i])
            model.applied[at][sent[i]] = true;
}

static void
run(struct dice *dice)
{
    memset(&model, 0, sizeof model);
    devices_make(&world, DEVICES_HERE);
    for (size_t d = 0; d < DEVICES_HERE; d++) { /* devices 0 and 3 are one person's */
        model.person[d] = d % 3;
        world.device[d].self.person = devices_id(2, (unsigned)(d % 3));
    }
    for (size_t i = 0; i < SAVES; i++) {
        save(dice_below(dice, DEVICES_HERE), dice);
        for (size_t k = 0; k < 4; k++)
            try_to_give(dice_below(dice, DEVICES_HERE), dice_below(dice, world.sent_count));
        if (dice_below(dice, 3) == 0)
            hold(dice_below(dice, DEVICES_HERE), dice_below(dice, world.sent_count));
        if (dice_below(dice, 3) == 0)
            try_to_give_many(dice_below(dice, DEVICES_HERE), dice);
        check(dice_below(dice, DEVICES_HERE));
    }
    devices_sync(&world);
    memset(model.applied, true, sizeof model.applied);
    for (size_t d = 0; d < DEVICES_HERE; d++) {
        check(d);
        char *dump = devices_dump(&world, d, world.file);
        char *first = devices_dump(&world, 0, world.file);
        assert_string_equal(dump, first);
        free(dump);
        free(first);
    }
    devices_remove(&world);
}

static void
random_merges_equal_the_model_at_every_step(void **state)
{
    struct dice dice = dice_start();

    (void)state;
    for (size_t i = 0; i < ROUNDS; i++)
        run(&dice);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(random_merges_equal_the_model_at_every_step),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
