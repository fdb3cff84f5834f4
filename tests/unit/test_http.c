/* Tests of server/http over real sockets: polls, waking, stopping. Hostile requests are in
 * tests/e2e/http_hostile.sh. */
#include "server/http.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/secret.h"
#include "sync/httpsig.h"
#include "tests/support/hosted.h"

/* Far beyond what a slow machine needs, and below the polls' own 30 s: who is not woken is found out. */
enum { REPLY_BYTES = 65536, POLLERS = 40, POLLS_EACH = 64, CEILING_MS = 20 * 1000 };

static struct hosted hosted;
static struct http *http;

/* The server runs on the machine's clock here; what the test makes carries the same time. */
static int
set_up_for(int deadline_s)
{
    char listen[256];

    hosted_start(&hosted);
    hosted.now_ms = (int64_t)time(NULL) * 1000;
    assert_int_equal(server_new_code(hosted.server, hosted.code), RC_OK);
    hosted_make_team(&hosted);
    hosted.server->clock = clock_system();
    (void)snprintf(listen, sizeof listen, "unix:%s", scratch_path(&hosted.scratch, "sock"));
    const struct http_options options = {.listen = listen, .deadline_s = deadline_s};
    assert_int_equal(http_start(hosted.server, &options, &http), RC_OK);
    return 0;
}

static int
set_up(void **state)
{
    (void)state;
    return set_up_for(0);
}

static int
set_up_with_a_short_deadline(void **state)
{
    (void)state;
    return set_up_for(1);
}

static int
tear_down(void **state)
{
    (void)state;
    http_stop(http, 5);
    http = NULL;
    hosted_stop(&hosted);
    return 0;
}

static int
dial(void)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const struct timeval patience = {.tv_sec = CEILING_MS / 1000};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    assert_true(fd >= 0);
    (void)snprintf(address.sun_path, sizeof address.sun_path, "%s",
                   scratch_path(&hosted.scratch, "sock"));
    assert_int_equal(connect(fd, (const struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience), 0);
    return fd;
}

/* Sends a signed GET of the team's entries. */
static int
start_poll(const char *query)
{
    struct httpsig_headers headers;
    char path[128], request[1024];
    int fd = dial();

    (void)snprintf(path, sizeof path, "%s/entries", hosted.path);
    const struct httpsig_request to_sign = {"GET", path, query, NULL, 0};
    assert_int_equal(httpsig_sign(&to_sign, hosted.first.identity.device,
                                  &hosted.first.identity.sign, (int64_t)time(NULL), &headers),
                     RC_OK);
    int len = snprintf(request, sizeof request,
                       "GET %s?%s HTTP/1.1\r\nHost: a\r\nSignature-Input: %s\r\nSignature: %s\r\n\r\n",
                       path, query, headers.input, headers.signature);
    assert_int_equal(send(fd, request, (size_t)len, MSG_NOSIGNAL), len);
    return fd;
}

/* The status of the reply, 0 when the connection ended without one, -1 when none came in time. */
static int
read_status(int fd)
{
    static char reply[REPLY_BYTES];
    int status = 0;
    ssize_t len = recv(fd, reply, sizeof reply - 1, 0);

    if (len < 0)
        return -1;
    reply[len] = '\0';
    if (sscanf(reply, "HTTP/1.1 %d", &status) != 1)
        status = 0;
    (void)close(fd);
    return status;
}

static bool
is_silent(int fd)
{
    char byte;

    return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0;
}

static int64_t
now_ms(void)
{
    struct clock clock = clock_system();

    return clock_mono_ms(&clock);
}

static void
nap(long ms)
{
    (void)nanosleep(&(struct timespec){ms / 1000, ms % 1000 * 1000000}, NULL);
}

/* How many requests had their first turn: polls among them have begun to wait, or are about to. */
static uint64_t
asked(void)
{
    return atomic_load(&hosted.server->counts.requests);
}

static void
await_asked(uint64_t wanted)
{
    int64_t until = now_ms() + CEILING_MS;

    while (asked() < wanted && now_ms() < until)
        nap(5);
    assert_true(asked() >= wanted);
}

static bool
is_answered_within(int fd, int ms)
{
    return poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, ms) == 1;
}

static void
push_one(void)
{
    static uint64_t incarnation;
    struct hosted_feed feed = {.stream = hosted.team_stream, .incarnation = ++incarnation};
    struct buf cipher = BUF_EMPTY(65536);
    struct entry entry = hosted_seal(&hosted, &hosted.first, &feed, 1, &cipher);

    assert_int_equal(hosted_push(&hosted, &hosted.first, &entry).result, WIRE_PUSH_STORED);
    buf_wipe(&cipher);
}

static void
a_poll_is_answered_when_an_entry_comes(void **state)
{
    (void)state;
    uint64_t before = asked();
    int fd = start_poll("after=0&wait=30");
    await_asked(before + 1);
    nap(200);
    assert_true(is_silent(fd));
    push_one();
    assert_int_equal(read_status(fd), 200);
}

static void
a_poll_ends_by_itself_when_its_time_is_over(void **state)
{
    int64_t began = now_ms();

    (void)state;
    assert_int_equal(read_status(start_poll("after=0&wait=1")), 200);
    assert_true(now_ms() - began >= 1000);
}

static void
a_poll_outlives_the_deadline_of_requests(void **state)
{
    static const char HALF[] = "GET /healthz HTTP/1.1\r\nHost: a\r\nX-Slow: ";
    int slow = dial();

    (void)state;
    int64_t began = now_ms();
    assert_int_equal(send(slow, HALF, sizeof HALF - 1, MSG_NOSIGNAL), sizeof HALF - 1);
    int timed = start_poll("after=0&wait=2");
    int woken = start_poll("after=0&wait=30");
    assert_int_equal(read_status(slow), 0); /* cut: the deadline of a second does run */
    assert_true(now_ms() - began >= 1000);
    assert_int_equal(read_status(timed), 200);
    assert_true(now_ms() - began >= 2000);
    assert_true(is_silent(woken));
    push_one();
    assert_int_equal(read_status(woken), 200);
}

static void
many_polls_hold_no_thread_and_all_are_woken(void **state)
{
    int fds[POLLERS];

    (void)state;
    uint64_t before = asked();
    for (int i = 0; i < POLLERS; i++)
        fds[i] = start_poll("after=0&wait=30");
    await_asked(before + POLLERS);
    assert_int_equal(read_status(start_poll("after=0")), 200); /* beside them */
    push_one();
    for (int i = 0; i < POLLERS; i++)
        assert_int_equal(read_status(fds[i]), 200);
}

static void
one_device_does_not_take_all_the_waiting_room(void **state)
{
    int fds[2 * POLLS_EACH], count = 0;

    (void)state;
    uint64_t before = asked();
    while (count < POLLS_EACH)
        fds[count++] = start_poll("after=0&wait=30");
    await_asked(before + POLLS_EACH);
    int last = start_poll("after=0&wait=30");
    /* One of the others may not have sat down yet, and this one took its place. */
    while (!is_answered_within(last, 500) && count < 2 * POLLS_EACH) {
        fds[count++] = last;
        last = start_poll("after=0&wait=30");
    }
    assert_int_equal(read_status(last), 429);
    assert_true(count < POLLS_EACH + 5); /* no more than there are threads */
    assert_int_equal(read_status(start_poll("after=0")), 200);
    while (count > 0)
        (void)close(fds[--count]);
}

static void
a_poll_whose_client_went_away_hurts_nobody(void **state)
{
    (void)state;
    int fds[POLLERS];
    uint64_t before = asked();
    for (int i = 0; i < POLLERS; i++)
        fds[i] = start_poll("after=0&wait=30");
    await_asked(before + POLLERS);
    for (int i = 0; i < POLLERS; i++)
        (void)close(fds[i]);
    push_one();
    assert_int_equal(read_status(start_poll("after=0")), 200);
}

static void
stopping_answers_who_waits_and_does_so_at_once(void **state)
{
    int fds[POLLERS];

    (void)state;
    uint64_t before = asked();
    for (int i = 0; i < POLLERS; i++)
        fds[i] = start_poll("after=0&wait=60");
    await_asked(before + POLLERS);
    int64_t began = now_ms();
    http_stop(http, 40);
    http = NULL;
    assert_true(now_ms() - began < CEILING_MS); /* neither the grace nor their own time was spent */
    for (int i = 0; i < POLLERS; i++)
        assert_int_equal(read_status(fds[i]), 200);
}

static void
entries_that_come_while_polls_begin_are_never_missed(void **state)
{
    (void)state;
    for (int i = 0; i < 30; i++) {
        char query[64];
        unsigned long long after = i == 0 ? 0 : hosted.server->first_number + (unsigned)i - 1;
        (void)snprintf(query, sizeof query, "after=%llu&wait=30", after);
        int fd = start_poll(query); /* begins to wait, or not yet: both must see the entry */
        push_one();
        assert_int_equal(read_status(fd), 200);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_poll_is_answered_when_an_entry_comes),
        TEST(a_poll_ends_by_itself_when_its_time_is_over),
        cmocka_unit_test_setup_teardown(a_poll_outlives_the_deadline_of_requests,
                                        set_up_with_a_short_deadline, tear_down),
        TEST(many_polls_hold_no_thread_and_all_are_woken),
        TEST(one_device_does_not_take_all_the_waiting_room),
        TEST(a_poll_whose_client_went_away_hurts_nobody),
        TEST(stopping_answers_who_waits_and_does_so_at_once),
        TEST(entries_that_come_while_polls_begin_are_never_missed),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
