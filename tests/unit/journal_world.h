/* What the tests of the journal share: three devices in memory, and what is put into one family's file on them. */
#ifndef TESTS_UNIT_JOURNAL_WORLD_H
#define TESTS_UNIT_JOURNAL_WORLD_H

#include "tests/unit/unit.h"

#include <string.h>

#include "core/goal.h"
#include "core/journal.h"
#include "tests/support/devices.h"

enum { GOAL = ENTITY_GOAL, UNKNOWN = 77 };

static struct devices world;

static inline int
set_up_three(void **state)
{
    (void)state;
    devices_make(&world, 3);
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    devices_remove(&world);
    return 0;
}

static inline struct id
record(unsigned number)
{
    return devices_id(9, number);
}

/* A change of one operation on the file. `over` NULL: filled in by the journal. */
static inline void
put(size_t device, uint32_t entity, unsigned number, uint32_t unit, const char *text,
    const struct version *over, size_t count)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(1000);

    assert_ok(value_put_text(&value, 1, text));
    if (over == NULL)
        assert_ok(change_put(&change, entity, record(number), unit, &value));
    else
        assert_ok(change_put_over(&change, entity, record(number), unit, &value, over, count));
    buf_wipe(&value);
    devices_save(&world, device, &change);
}

static inline void
put_plain(size_t device, unsigned number, const char *text)
{
    put(device, GOAL, number, 1, text, NULL, 0);
}

static inline struct version
version(size_t device, uint32_t save)
{
    return (struct version){world.device[device].self.feed, save, 0};
}

struct seen {
    size_t count;
    char shown[100];
    struct version versions[16];
    struct id shown_person;
};

static inline enum rc
see(void *context, const struct current *current)
{
    struct seen *seen = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    seen->versions[seen->count++] = current->version;
    assert_ok(value_read(current->value, current->value_len, fields, &count));
    if (current->is_shown) {
        snprintf(seen->shown, sizeof seen->shown, "%.*s", count == 0 ? 0 : (int)fields[0].len,
                 count == 0 ? "" : (const char *)fields[0].bytes);
        seen->shown_person = current->person;
    }
    return RC_OK;
}

static inline struct seen
look(size_t device, uint32_t entity, unsigned number, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_current(world.device[device].journal, world.file, entity, record(number),
                              unit, see, &seen));
    return seen;
}

static inline enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    size_t *count = context;

    (*count)++;
    assert_true(conflict->versions >= 2);
    assert_true(id_equal(conflict->family, world.family));
    return RC_OK;
}

static inline size_t
conflicts(size_t device)
{
    size_t count = 0;

    assert_ok(journal_conflicts(world.device[device].journal, count_conflict, &count));
    return count;
}

static inline void
assert_same(size_t a, size_t b, struct id stream)
{
    char *x = devices_dump(&world, a, stream);
    char *y = devices_dump(&world, b, stream);

    assert_string_equal(x, y);
    free(x);
    free(y);
}

static inline void
reset(size_t device)
{
    assert_ok(journal_reset(world.device[device].journal, world.file));
}

static inline void
give(size_t device, size_t sent)
{
    assert_ok(devices_apply(&world, device, sent));
}

static inline enum rc
count_goal(void *context, const struct goal *goal)
{
    size_t *count = context;

    (void)goal;
    ++*count;
    return RC_OK;
}

static inline size_t
goals(size_t device)
{
    struct record_filter all = {.family = world.family};
    size_t count = 0;

    assert_ok(goal_list(world.device[device].journal, &all, count_goal, &count));
    return count;
}

static inline void
delete_goal(size_t device, unsigned number)
{
    struct change_set set = CHANGE_SET_EMPTY;

    assert_ok(
        change_set_delete(world.device[device].journal, &set, world.family, GOAL, record(number)));
    devices_save_set(&world, device, &set);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_three, tear_down)

#endif
