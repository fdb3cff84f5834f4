/* Tests of core/log: what a line looks like, and that no value can begin one of its own. */
#include "core/log.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <unistd.h>

/* Standard error as it was, and a file in its place. */
static int kept = -1;
static FILE *caught;

static void
catch_lines(void)
{
    caught = tmpfile();
    assert_non_null(caught);
    (void)fflush(stderr);
    kept = dup(STDERR_FILENO);
    assert_true(dup2(fileno(caught), STDERR_FILENO) >= 0);
}

static void
release_lines(char *out, size_t room)
{
    assert_true(dup2(kept, STDERR_FILENO) >= 0);
    (void)close(kept);
    rewind(caught);
    out[fread(out, 1, room - 1, caught)] = '\0';
    (void)fclose(caught);
}

static void
a_line_has_time_level_event_and_pairs(void **state)
{
    char line[2000];

    (void)state;
    catch_lines();
    log_info("http.answered", "bytes=%zu ms=%ld", (size_t)3, 41L);
    release_lines(line, sizeof line);
    assert_int_equal(strlen(line), 24 + strlen(" info http.answered bytes=3 ms=41\n"));
    assert_string_equal(line + 23, "Z info http.answered bytes=3 ms=41\n");
    assert_int_equal(line[10], 'T');
}

static void
a_value_cannot_begin_a_line_and_a_long_one_is_cut(void **state)
{
    char endless[3000];
    char line[4000];

    (void)state;
    catch_lines();
    log_info("http.refused", "code=%s", "a\n2026 info forged\x1b[0m");
    release_lines(line, sizeof line);
    assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
    assert_non_null(strstr(line, "code=a?2026 info forged?[0m\n"));
    memset(endless, 'x', sizeof endless - 1);
    endless[sizeof endless - 1] = '\0';
    catch_lines();
    log_info("http.refused", "code=%s", endless);
    release_lines(line, sizeof line);
    assert_int_equal(strlen(line), 1024);
    assert_int_equal(line[1023], '\n');
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_line_has_time_level_event_and_pairs),
        cmocka_unit_test(a_value_cannot_begin_a_line_and_a_long_one_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
