/* The golden files of the wire: from one seed the same bytes come out, for ever. WRITE_GOLDEN=1 writes them
 * anew: for a further example; a format that changes asks for a decision record, and after the first tag for a new
 * number. tests/decoders/wire.py reads them too. */
#include "tests/unit/unit.h"

#include <string.h>

/* libsodium's randomness from a seed, as the simulator has it; the simulator's objects are not linked here. */
#include "tests/sim/seeded.c"
#include "core/version.h"
#include "sync/httpsig.h"
#include "sync/wire_run.h"
#include "tests/support/story.h"
#include "tests/support/wires.h"

enum { SEED = 20260101, CEILING = 1 << 20 };

/* Which fuzz entry begins from a golden file too, in tests/fuzz/corpus. */
static const char *const CORPUS[WIRES_COUNT] = {
    [WIRES_LINE] = "ledger_line",
    [WIRES_OPERATION] = "ledger_line",
    [WIRES_SUBMISSION] = "ledger_line",
    [WIRES_CREATION] = "ledger_line",
    [WIRES_LEDGER_ANSWER] = "ledger_line",
    [WIRES_BOX_LIST] = "box",
    [WIRES_HEADS] = "ledger_line",
    [WIRES_PUSH] = "push",
    [WIRES_PUSH_ANSWER] = "push",
    [WIRES_PAGE] = "wire_page",
    [WIRES_HELLO] = "push",
    [WIRES_JOINS] = "ack",
    [WIRES_JOIN_REQUEST] = "invitation",
    [WIRES_INVITATION] = "invitation",
    [WIRES_ACK] = "ack",
    [WIRES_ACK_LIST] = "ack",
    [WIRES_BUNDLE] = "bundle",
    [WIRES_BUNDLE_CONTENT] = "push",
    [WIRES_ENTRY_HEADER] = "entry",
    [WIRES_PACKED] = "entry",
    [WIRES_HISTORY] = "ledger_line",
    [WIRES_BUNDLE_FULL] = "push",
    [WIRES_BUNDLE_CARRIED] = "push",
};

static void
write_file(const char *path, const void *bytes, size_t len)
{
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
assert_file_holds(const char *path, const void *bytes, size_t len)
{
    static uint8_t read[CEILING];
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    size_t got = fread(read, 1, sizeof read, file);
    assert_int_equal(fclose(file), 0);
    if (got != len || memcmp(read, bytes, len) != 0)
        fail_msg("%s differs", path);
}

/* What a reader needs: server's and author's public keys, the team stream's key, the reader's X25519 pair. */
static void
put_keys(const struct wires *wires, struct buf *keys)
{
    struct secret key = SECRET_EMPTY;

    assert_ok(buf_put(keys, wires->team.server_public, 32));
    assert_ok(buf_put(keys, wires->team.members[0].identity.sign_public, 32));
    assert_ok(keyring_get(wires->team.keys, ledger_team_stream(wires->team.ledger), 1, &key));
    assert_ok(buf_put(keys, key.bytes, key.len));
    assert_ok(buf_put(keys, wires->reader.box.bytes, 32));
    secret_wipe(&key);
}

/* The members' identities as a store keeps them, the reader's last: what opens their boxes. */
static void
put_identities(const struct wires *wires, struct buf *out)
{
    struct secret saved = SECRET_EMPTY;

    for (size_t i = 0; i <= wires->team.count; i++) {
        const struct identity *identity =
            i < wires->team.count ? &wires->team.members[i].identity : &wires->reader;
        assert_ok(identity_save(identity, &saved));
        assert_ok(buf_put(out, saved.bytes, saved.len));
        secret_wipe(&saved);
    }
}

/* Writes FOLDER/NAME.bin when asked to; then it holds exactly these bytes. */
static void
be_golden(const char *folder, const char *name, const struct buf *bytes)
{
    char path[200];

    (void)snprintf(path, sizeof path, "tests/%s/%s.bin", folder, name);
    if (getenv("WRITE_GOLDEN") != NULL)
        write_file(path, bytes->data, bytes->len);
    assert_file_holds(path, bytes->data, bytes->len);
}

static void
be_seed(const char *corpus, const char *name, const struct buf *bytes)
{
    char folder[100];

    (void)snprintf(folder, sizeof folder, "fuzz/corpus/%s", corpus);
    be_golden(folder, name, bytes);
}

static void
one_seed_gives_the_golden_bytes(void **state)
{
    const struct wires *wires = *state;
    struct buf keys = BUF_EMPTY(CEILING);
    struct buf identities = BUF_EMPTY(CEILING);

    put_keys(wires, &keys);
    put_identities(wires, &identities);
    for (unsigned kind = 0; kind < WIRES_COUNT; kind++)
        be_golden("golden/wire", wires_name(kind), &wires->bytes[kind]);
    be_golden("golden/wire", "keys", &keys);
    be_golden("golden/wire", "identities", &identities);
    buf_wipe(&keys);
    buf_wipe(&identities);
}

static void
every_golden_file_is_a_seed_of_a_fuzz_entry(void **state)
{
    const struct wires *wires = *state;

    for (unsigned kind = 0; kind < WIRES_COUNT; kind++) {
        assert_non_null(CORPUS[kind]);
        be_seed(CORPUS[kind], wires_name(kind), &wires->bytes[kind]);
    }
}

/* The list of boxes with what they hold in the place of each that a device opens: fuzz_box seals it again. */
static void
fuzzing_boxes_begins_from_what_they_hold(void **state)
{
    const struct wires *wires = *state;
    const struct buf *bytes = &wires->bytes[WIRES_BOX_LIST];
    const struct identity *first = &wires->team.members[0].identity;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    struct secret payload = SECRET_EMPTY;
    struct buf out = BUF_EMPTY(CEILING);
    size_t opened = 0;

    assert_ok(wire_box_list_decode(bytes->data, bytes->len, &list));
    for (size_t i = 0; i < list.boxes.count; i++) {
        struct wire_box *box = &list.boxes.items[i];
        if (!id_equal(box->recipient, first->device))
            continue;
        assert_ok(identity_open_box(first, box->bytes, box->len, &payload));
        memset(box->bytes, 0, box->len);
        memcpy(box->bytes, payload.bytes, payload.len);
        secret_wipe(&payload);
        opened++;
    }
    assert_in_range(opened, 5, list.boxes.count);
    assert_ok(wire_box_list_encode(&list, &out));
    be_seed("box", "payloads", &out);
    wire_box_list_wipe(&list);
    buf_wipe(&out);
}

/* A page of three runs, and one of a format that nobody knows yet. */
static void
fuzzing_pages_begins_from_several_runs(void **state)
{
    const struct wires *wires = *state;
    static const uint8_t NEWER[] = {ENTRY_FORMAT + 1, 0, 0, 0, 3, 'n', 'e', 'w'};
    const struct buf *bytes = &wires->bytes[WIRES_BUNDLE_CONTENT];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct wire_run_page page = {.next = 7, .more = true, .position = 23};
    struct buf out = BUF_EMPTY(CEILING);

    assert_ok(wire_run_bundle_decode(bytes->data, bytes->len, &content));
    assert_int_equal(content.runs.run_count, 3);
    page.runs = content.runs;
    assert_ok(wire_blocks_add(&page.runs.unknown, NEWER, sizeof NEWER));
    content.runs = WIRE_RUN_LIST_EMPTY; /* the page has them now */
    assert_ok(wire_run_page_encode(&page, &out));
    be_seed("wire_page", "runs", &out);
    wire_run_page_wipe(&page);
    wire_run_bundle_wipe(&content);
    buf_wipe(&out);
}

/* As fuzz_ledger_line plays them: behind every line, by the owner and by the colleague. */
static void
fuzzing_what_is_carried_begins_from_a_cover(void **state)
{
    const struct wires *wires = *state;
    const struct buf *bytes = &wires->bytes[WIRES_BUNDLE_CARRIED];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf out = BUF_EMPTY(CEILING);

    assert_ok(wire_run_bundle_decode(bytes->data, bytes->len, &content));
    assert_int_equal(content.carried.count, 2);
    assert_ok(buf_put_u8(&out, (uint8_t)ledger_position(wires->team.ledger)));
    for (size_t i = 0; i < 2; i++) {
        const struct wire_bytes *op = &content.carried.items[i];
        assert_ok(buf_put_u8(&out, i == 0 ? STORY_OWNER : STORY_COACH));
        assert_ok(buf_put_u8(&out, 0));
        assert_ok(buf_put_u8(&out, (uint8_t)(op->len >> 8)));
        assert_ok(buf_put_u8(&out, (uint8_t)op->len));
        assert_ok(buf_put(&out, op->data, op->len));
    }
    be_seed("ledger_line", "carried", &out);
    wire_run_bundle_wipe(&content);
    buf_wipe(&out);
}

/* Headers as fuzz_httpsig reads them, rightly signed for its two requests. */
static void
fuzzing_signatures_begins_from_right_ones(void **state)
{
    const struct wires *wires = *state;
    static const struct httpsig_request REQUESTS[] = {
        {"POST", "/v1/teams", "", "body", 4},
        {"GET", "/v1/teams/0/entries", "after=3&wait=60", NULL, 0},
    };
    const struct identity *first = &wires->team.members[0].identity;

    for (size_t i = 0; i < 2; i++) {
        struct httpsig_headers headers;
        struct buf out = BUF_EMPTY(CEILING);
        assert_ok(httpsig_sign(&REQUESTS[i], first->device, &first->sign, 1767225600, &headers));
        assert_ok(buf_printf(&out, "%s\n%s\n%s\n", headers.input, headers.signature,
                             headers.content_digest));
        be_seed("httpsig", i == 0 ? "post" : "get", &out);
        buf_wipe(&out);
    }
}

static int
set_up(void **state)
{
    static struct wires wires;

    seeded_start(SEED);
    wires_start(&wires);
    *state = &wires;
    return 0;
}

static int
tear_down(void **state)
{
    wires_end(*state);
    return 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(one_seed_gives_the_golden_bytes),
        TEST(every_golden_file_is_a_seed_of_a_fuzz_entry),
        TEST(fuzzing_boxes_begins_from_what_they_hold),
        TEST(fuzzing_pages_begins_from_several_runs),
        TEST(fuzzing_what_is_carried_begins_from_a_cover),
        TEST(fuzzing_signatures_begins_from_right_ones),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
