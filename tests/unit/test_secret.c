/* Tests of core/secret and core/clock: what belongs to the process. */
#include "core/secret.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/clock.h"

static void
a_secret_is_made_of_zeros_and_wiped_to_zeros(void **state)
{
    struct secret secret = SECRET_EMPTY;

    (void)state;
    assert_ok(secret_copy(&secret, "key bytes", 9));
    assert_memory_equal(secret.bytes, "key bytes", 9);
    const uint8_t *slot = secret.bytes;
    secret_wipe(&secret);
    assert_null(secret.bytes);
    assert_int_equal(secret.len, 0);
    assert_memory_equal(slot, "\0\0\0\0\0\0\0\0\0", 9);
    secret_wipe(&secret); /* an empty one is no trouble */
    assert_ok(secret_make(&secret, 9));
    assert_memory_equal(secret.bytes, "\0\0\0\0\0\0\0\0\0", 9);
    secret_wipe(&secret);
}

static void
secrets_of_all_sizes_never_overlap(void **state)
{
    enum { COUNT = 500 };
    static struct secret secrets[COUNT];
    static uint8_t marks[COUNT];
    struct dice dice = dice_start();

    (void)state;
    for (int i = 0; i < 20000; i++) {
        size_t at = dice_below(&dice, COUNT);
        for (size_t b = 0; b < secrets[at].len; b++)
            assert_int_equal(secrets[at].bytes[b], marks[at]);
        if (dice_below(&dice, 3) == 0) {
            secret_wipe(&secrets[at]);
            continue;
        }
        marks[at] = (uint8_t)dice_next(&dice);
        assert_ok(secret_make(&secrets[at], dice_below(&dice, SECRET_MAX_BYTES + 1)));
        if (secrets[at].len > 0)
            memset(secrets[at].bytes, marks[at], secrets[at].len);
    }
    for (size_t at = 0; at < COUNT; at++)
        secret_wipe(&secrets[at]);
}

static void
too_much_is_refused_and_room_comes_back(void **state)
{
    enum { MOST = 2048 };
    static struct secret secrets[MOST + 1];
    struct secret large = SECRET_EMPTY;
    size_t made = 0;

    (void)state;
    assert_int_equal(secret_make(&large, SECRET_MAX_BYTES + 1), RC_TOO_LARGE);
    while (made <= MOST && secret_make(&secrets[made], SECRET_MAX_BYTES) == RC_OK)
        made++;
    assert_int_equal(made, MOST);
    assert_int_equal(secret_make(&large, 1), RC_NOMEM);
    secret_wipe(&secrets[7]);
    assert_ok(secret_make(&large, SECRET_MAX_BYTES));
    secret_wipe(&large);
    for (size_t i = 0; i < made; i++)
        secret_wipe(&secrets[i]);
}

static void
a_copy_of_itself_and_equality_hold(void **state)
{
    struct secret a = SECRET_EMPTY;
    struct secret b = SECRET_EMPTY;

    (void)state;
    assert_true(secret_equal(&a, &b));
    assert_ok(secret_random(&a, 32));
    assert_ok(secret_copy(&b, a.bytes, a.len));
    assert_true(secret_equal(&a, &b));
    assert_ok(secret_copy(&a, a.bytes, a.len));
    assert_true(secret_equal(&a, &b));
    b.bytes[31] ^= 1;
    assert_false(secret_equal(&a, &b));
    assert_ok(secret_copy(&b, a.bytes, 31));
    assert_false(secret_equal(&a, &b));
    secret_wipe(&a);
    secret_wipe(&b);
}

/* Runs `look` in a forked child; the status that it ended with. */
static int
in_a_child(int (*look)(const struct secret *secret), const struct secret *secret)
{
    int status = -1;
    (void)fflush(stdout);
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        (void)dup2(nowhere, STDERR_FILENO);
        _exit(look(secret));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    return status;
}

static int
sees_only_zeros(const struct secret *secret)
{
    for (size_t i = 0; i < secret->len; i++) {
        if (secret->bytes[i] != 0)
            return 1;
    }
    return 0;
}

static int
reads_before_the_arena(const struct secret *secret)
{
    const volatile uint8_t *first = secret->bytes;
    uintptr_t before = (uintptr_t)first - 1;

    volatile uint8_t kept = *(const volatile uint8_t *)before; /* valgrind drops an unused load */
    (void)kept;
    return 0;
}

static void
a_forked_child_finds_no_keys_and_the_edges_are_guarded(void **state)
{
    struct secret secret = SECRET_EMPTY;

    (void)state;
    assert_ok(secret_copy(&secret, "not for children", 16));
    assert_int_equal(in_a_child(sees_only_zeros, &secret), 0);
    assert_memory_equal(secret.bytes, "not for children", 16);
    /* With all else wiped this one lies at the arena's start. */
    assert_int_not_equal(in_a_child(reads_before_the_arena, &secret), 0);
    secret_wipe(&secret);
}

static void
random_bytes_are_not_the_same_twice(void **state)
{
    uint8_t a[32] = {0};
    uint8_t b[32] = {0};

    (void)state;
    random_fill(a, sizeof a);
    random_fill(b, sizeof b);
    assert_memory_not_equal(a, b, sizeof a);
    assert_true(random_u64() != random_u64());
    wipe(a, sizeof a);
    memset(b, 0, sizeof b);
    assert_memory_equal(a, b, sizeof a);
}

static void
the_clock_runs_and_a_test_may_shift_its_wall(void **state)
{
    struct clock clock = clock_system();

    (void)state;
    int64_t wall = clock_wall_ms(&clock);
    int64_t mono = clock_mono_ms(&clock);
    assert_true(wall > INT64_C(1700000000000));
    clock_sleep_ms(&clock, 5);
    assert_true(clock_mono_ms(&clock) >= mono + 5);
    assert_ok(setenv("BAKEN_TEST_CLOCK_OFFSET_MS", "-86400000", 1));
    assert_true(clock_wall_ms(&clock) < wall - 80000000);
    assert_ok(unsetenv("BAKEN_TEST_CLOCK_OFFSET_MS"));
}

static int
start(void **state)
{
    (void)state;
    return (int)secret_start();
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_secret_is_made_of_zeros_and_wiped_to_zeros),
        cmocka_unit_test(secrets_of_all_sizes_never_overlap),
        cmocka_unit_test(too_much_is_refused_and_room_comes_back),
        cmocka_unit_test(a_copy_of_itself_and_equality_hold),
        cmocka_unit_test(a_forked_child_finds_no_keys_and_the_edges_are_guarded),
        cmocka_unit_test(random_bytes_are_not_the_same_twice),
        cmocka_unit_test(the_clock_runs_and_a_test_may_shift_its_wall),
    };

    return cmocka_run_group_tests(tests, start, NULL);
}
