/* What the tests of strict units share: four devices of persons with different functions, and what each of them shows. */
#ifndef TESTS_UNIT_STRICT_WORLD_H
#define TESTS_UNIT_STRICT_WORLD_H

#include "tests/unit/unit.h"

#include <string.h>

#include "core/journal.h"
#include "tests/support/devices.h"

enum { STANDING = ENTITY_STANDING, CONSENT = 1, VISIBILITY = 3, SAFETY = 4 };

static struct devices world;

/* Device 0 is a coach's, 1 a behavioural scientist's, 2 a colleague's who covers, 3 another coach's. */
static inline int
set_up(void **state)
{
    static const unsigned functions[] = {FUNCTION_COACH | FUNCTION_OWNER, FUNCTION_SCIENTIST, 0, FUNCTION_COACH};

    (void)state;
    devices_make(&world, 4);
    for (size_t d = 0; d < 4; d++)
        world.device[d].self.functions = functions[d];
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    devices_remove(&world);
    return 0;
}

static inline struct version
version(size_t device, uint32_t save)
{
    return (struct version){world.device[device].self.feed, save, 0};
}

/* `over` NULL: as a plain edit. NULL as text: the empty value. */
static inline void
put(size_t device, uint32_t unit, const char *text, const struct version *over, size_t count)
{
    struct change change = CHANGE_EMPTY(world.file);
    struct buf value = BUF_EMPTY(1000);

    assert_ok(value_put_text(&value, 1, text));
    if (over == NULL)
        assert_ok(change_put(&change, STANDING, world.family, unit, &value));
    else
        assert_ok(change_put_over(&change, STANDING, world.family, unit, &value, over, count));
    buf_wipe(&value);
    devices_save(&world, device, &change);
}

static inline void
put_plain(size_t device, uint32_t unit, const char *text)
{
    put(device, unit, text, NULL, 0);
}

struct seen {
    size_t count;
    char shown[50]; /* "" when nothing that was asked for is shown */
};

static inline enum rc
see(void *context, const struct current *current)
{
    struct seen *seen = context;
    struct field fields[CHANGE_FIELDS];
    size_t count;

    seen->count++;
    assert_ok(value_read(current->value, current->value_len, fields, &count));
    if (current->is_shown)
        snprintf(seen->shown, sizeof seen->shown, "%.*s", count == 0 ? 4 : (int)fields[0].len,
                 count == 0 ? "none" : (const char *)fields[0].bytes);
    return RC_OK;
}

static inline struct seen
look(size_t device, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_current(world.device[device].journal, world.file, STANDING, world.family, unit, see, &seen));
    return seen;
}

static inline struct seen
look_held(size_t device, uint32_t unit)
{
    struct seen seen = {.count = 0};

    assert_ok(journal_held(world.device[device].journal, world.file, STANDING, world.family, unit, see, &seen));
    return seen;
}

static inline void
assert_shown(uint32_t unit, const char *text, size_t count)
{
    for (size_t d = 0; d < world.count; d++) {
        assert_string_equal(look(d, unit).shown, text);
        assert_int_equal(look(d, unit).count, count);
    }
}

static inline enum rc
count_conflict(void *context, const struct conflict *conflict)
{
    size_t *count = context;

    (void)conflict;
    ++*count;
    return RC_OK;
}

static inline size_t
conflicts(size_t device)
{
    size_t count = 0;

    assert_ok(journal_conflicts(world.device[device].journal, count_conflict, &count));
    return count;
}

/* The column of the family's row: what every screen is made from. NULL when it is not filled in. */
static inline void
assert_row(size_t device, const char *sql, const char *text)
{
    struct stmt *stmt;
    bool row;

    assert_ok(db_stmt(journal_db(world.device[device].journal), sql, &stmt));
    assert_ok(stmt_step(stmt, &row));
    assert_true(row);
    assert_string_equal(stmt_get_text(stmt, 0), text);
    stmt_done(stmt);
}

static inline void
assert_same(size_t a, size_t b)
{
    char *x = devices_dump(&world, a, world.file);
    char *y = devices_dump(&world, b, world.file);

    assert_string_equal(x, y);
    free(x);
    free(y);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
