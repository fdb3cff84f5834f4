/* What the tests of records share: two devices of two persons that hold one family, new for every test. */
#ifndef TESTS_UNIT_TWO_DEVICES_H
#define TESTS_UNIT_TWO_DEVICES_H

#include "tests/support/devices.h"
#include "tests/unit/unit.h"

static struct devices world;
static struct change_set set; /* what a test builds and then saves */
static struct texts texts;    /* what `get` functions read into */

static inline int
set_up(void **state)
{
    (void)state;
    devices_make(&world, 2);
    set = CHANGE_SET_EMPTY;
    texts = TEXTS_EMPTY;
    return 0;
}

static inline int
tear_down(void **state)
{
    (void)state;
    change_set_wipe(&set);
    texts_wipe(&texts);
    devices_remove(&world);
    return 0;
}

static inline struct journal *
journal(size_t device)
{
    return world.device[device].journal;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
