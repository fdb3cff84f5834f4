/* What the tests of the routes share: a hosted team of two, and what they push and pull. */
#ifndef TESTS_UNIT_ROUTE_TEAM_H
#define TESTS_UNIT_ROUTE_TEAM_H

#include "tests/unit/unit.h"

#include <string.h>

#include "core/secret.h"
#include "server/check.h"
#include "tests/support/hosted.h"

static struct hosted hosted;
static struct hosted_device fatma; /* coach of nothing yet */
static struct ledger_family family; /* of hosted.first */
static struct buf answer;

static inline int
set_up(void **state)
{
    (void)state;
    hosted_start(&hosted);
    hosted_make_team(&hosted);
    hosted_join(&hosted, LEDGER_ROLE_COACH, &fatma);
    family = hosted_family(&hosted, &hosted.first);
    answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    return 0;
}

static inline int
tear_down(void **state)
{
    struct check_counts counts;

    (void)state;
    assert_int_equal(check_depot(hosted.server, &counts), RC_OK);
    buf_wipe(&answer);
    hosted_device_wipe(&fatma);
    hosted_stop(&hosted);
    return 0;
}

static inline void
assert_error(const char *code)
{
    char wanted[64];

    (void)snprintf(wanted, sizeof wanted, "{\"error\": \"%s\", \"message\": \"", code);
    assert_non_null(buf_text(&answer));
    assert_memory_equal(buf_text(&answer), wanted, strlen(wanted));
}

static inline struct hosted_feed
new_feed(struct id stream)
{
    return (struct hosted_feed){.stream = stream, .incarnation = 77};
}

static inline void
assert_item(struct wire_push_item item, enum wire_push_result result, enum wire_push_reason reason)
{
    assert_int_equal(item.result, result);
    assert_int_equal(item.reason, reason);
}

/* Pushes `count` entries of one save; the feed moves on. */
static inline void
push_some(const struct hosted_device *author, struct hosted_feed *feed, int count)
{
    struct buf cipher = BUF_EMPTY(65536);

    for (int i = 0; i < count; i++) {
        struct entry entry = hosted_seal(&hosted, author, feed, 1, &cipher);
        assert_item(hosted_push(&hosted, author, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    }
    buf_wipe(&cipher);
}

/* How many entries a device gets from the beginning. */
static inline size_t
pulled(const struct hosted_device *device, const char *query)
{
    struct wire_run_page page;

    assert_int_equal(hosted_pull(&hosted, device, query, &page, &answer), 200);
    size_t count = page.runs.count;
    wire_run_page_wipe(&page);
    return count;
}

static inline int
assign(struct id person, enum ledger_function was, enum ledger_function function,
       const struct ledger_head *head)
{
    struct ledger_op op = hosted_op(&hosted, LEDGER_ASSIGN);

    op.as.assign = (struct ledger_assign){family.id, person, (uint8_t)was, (uint8_t)function};
    if (head != NULL)
        assert_int_equal(ledger_op_add_head(&op, head), RC_OK);
    return hosted_submit(&hosted, &hosted.first, &op, NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
