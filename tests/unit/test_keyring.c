/* Tests of keys, their boxes and links, and of what carries them: identities, bundles. */
#include "sync/keyring.h"

#include "tests/unit/unit.h"

#include <string.h>

#include "sync/bundle.h"

static struct identity mine;
static struct identity other;
static struct keyring *keys;
static struct keyring *fresh;

static int
set_up(void **state)
{
    (void)state;
    assert_ok(secret_start());
    assert_ok(identity_make(&mine));
    assert_ok(identity_make(&other));
    assert_ok(keyring_new(&keys));
    assert_ok(keyring_new(&fresh));
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    identity_wipe(&mine);
    identity_wipe(&other);
    keyring_free(keys);
    keyring_free(fresh);
    return 0;
}

static void
keys_are_kept_by_stream_and_epoch(void **state)
{
    (void)state;
    struct secret key = SECRET_EMPTY;
    struct secret back = SECRET_EMPTY;
    struct id stream = id_random();
    struct id seen;
    uint32_t epoch;

    assert_int_equal(keyring_newest(keys, stream), 0);
    assert_int_equal(keyring_get(keys, stream, 1, &back), RC_LOCKED);
    for (uint32_t i = 1; i <= 40; i++) {
        assert_ok(secret_random(&key, CRYPTO_KEY_BYTES));
        assert_ok(keyring_put(keys, stream, i, &key));
        assert_ok(keyring_put(keys, id_random(), i, &key));
        assert_ok(keyring_put(keys, stream, i, &key)); /* the same again */
        assert_ok(keyring_get(keys, stream, i, &back));
        assert_true(secret_equal(&key, &back));
    }
    assert_int_equal(keyring_newest(keys, stream), 40);
    assert_int_equal(keyring_count(keys), 80);
    assert_int_equal(keyring_put(keys, stream, 39, &key), RC_EXISTS);
    assert_ok(keyring_at(keys, 0, &seen, &epoch, &back));
    assert_int_equal(keyring_at(keys, 80, &seen, &epoch, &back), RC_ABSENT);
    assert_ok(keyring_merge(fresh, keys));
    assert_int_equal(keyring_count(fresh), 80);
    keyring_drop(keys, stream);
    assert_int_equal(keyring_count(keys), 40);
    assert_false(keyring_has(keys, stream, 1));
    secret_wipe(&key);
    secret_wipe(&back);
}

/* Epochs 1 and 2 of one stream, made by one device for another and for the reserve. */
struct made {
    struct ledger_op op;
    struct wire_boxes boxes;
    struct id stream;
    uint8_t reserve_public[32];
};

static void
make(struct made *made)
{
    const struct keyring_recipient to = {other.device, other.box_public};

    *made = (struct made){.op = LEDGER_OP_EMPTY, .stream = id_random()};
    struct keyring_epoch epoch = {made->stream, 1, &to, 1, NULL};
    assert_ok(keyring_make_reserve(&epoch, keys, &made->op, &made->boxes, made->reserve_public));
    epoch.reserve_public = made->reserve_public;
    assert_ok(keyring_make_epoch(keys, &epoch, keys, &made->op, &made->boxes));
    epoch.epoch = 2;
    assert_ok(keyring_make_epoch(keys, &epoch, keys, &made->op, &made->boxes));
    wire_boxes_sort(&made->boxes);
}

static void
unmake(struct made *made)
{
    ledger_op_wipe(&made->op);
    wire_boxes_wipe(&made->boxes);
}

static struct wire_box *
box_for(const struct made *made, struct id stream, uint32_t epoch, struct id recipient)
{
    for (size_t i = 0; i < made->boxes.count; i++) {
        struct wire_box *box = &made->boxes.items[i];
        if (id_equal(box->stream, stream) && box->epoch == epoch &&
            id_equal(box->recipient, recipient))
            return box;
    }
    fail();
    return NULL;
}

static const uint8_t *
commitment_of(const struct made *made, struct id stream, uint32_t epoch)
{
    for (size_t i = 0; i < made->op.part_count; i++)
        if (id_equal(made->op.parts[i].stream, stream) && made->op.parts[i].epoch == epoch)
            return made->op.parts[i].commitment;
    fail();
    return NULL;
}

static void
a_box_gives_the_newest_key_and_the_links_give_the_past(void **state)
{
    (void)state;
    struct made made;
    struct secret ours = SECRET_EMPTY;
    struct secret theirs = SECRET_EMPTY;

    make(&made);
    assert_int_equal(made.boxes.count, 6);
    assert_ok(keyring_open_box(fresh, box_for(&made, made.stream, 2, other.device), &other,
                               commitment_of(&made, made.stream, 2)));
    assert_int_equal(keyring_newest(fresh, made.stream), 2);
    assert_ok(keyring_open_link(fresh, box_for(&made, made.stream, 2, ledger_link()),
                                commitment_of(&made, made.stream, 1)));
    for (uint32_t epoch = 1; epoch <= 2; epoch++) {
        assert_ok(keyring_get(keys, made.stream, epoch, &ours));
        assert_ok(keyring_get(fresh, made.stream, epoch, &theirs));
        assert_true(secret_equal(&ours, &theirs));
    }
    secret_wipe(&ours);
    secret_wipe(&theirs);
    unmake(&made);
}

static void
who_holds_the_reserve_opens_by_it(void **state)
{
    (void)state;
    struct made made;

    make(&made);
    struct wire_box *sealed = box_for(&made, made.stream, 1, ledger_reserve());
    const uint8_t *commitment = commitment_of(&made, made.stream, 1);
    assert_int_equal(keyring_open_reserve_box(fresh, sealed, 1, made.reserve_public, commitment),
                     RC_LOCKED);
    struct wire_box *secret = box_for(&made, ledger_reserve(), 1, other.device);
    const uint8_t *committed = commitment_of(&made, ledger_reserve(), 1);
    assert_int_equal(keyring_open_reserve_secret(fresh, secret, &other, committed, mine.box_public),
                     RC_UNTRUSTED);
    assert_ok(keyring_open_reserve_secret(fresh, secret, &other, committed, made.reserve_public));
    assert_ok(keyring_open_reserve_box(fresh, sealed, 1, made.reserve_public, commitment));
    assert_true(keyring_has(fresh, made.stream, 1));
    unmake(&made);
}

static void
forged_boxes_are_told_from_foreign_ones(void **state)
{
    (void)state;
    struct made made;

    make(&made);
    struct wire_box *box = box_for(&made, made.stream, 2, other.device);
    struct wire_box *link = box_for(&made, made.stream, 2, ledger_link());
    const uint8_t *commitment = commitment_of(&made, made.stream, 2);
    assert_int_equal(keyring_open_box(fresh, box, &mine, commitment), RC_LOCKED);
    assert_int_equal(keyring_open_box(fresh, box, &other, commitment_of(&made, made.stream, 1)),
                     RC_UNTRUSTED);
    box->epoch = 3; /* as if it were of another epoch */
    assert_int_equal(keyring_open_box(fresh, box, &other, commitment), RC_UNTRUSTED);
    box->epoch = 2;
    box->bytes[60] ^= 1;
    assert_int_equal(keyring_open_box(fresh, box, &other, commitment), RC_LOCKED);
    assert_int_equal(keyring_open_link(fresh, link, commitment), RC_LOCKED); /* no key above */
    assert_int_equal(keyring_open_link(keys, link, commitment), RC_UNTRUSTED);
    link->bytes[30] ^= 1;
    assert_int_equal(keyring_open_link(keys, link, commitment_of(&made, made.stream, 1)),
                     RC_UNTRUSTED);
    assert_int_equal(keyring_count(fresh), 0);
    unmake(&made);
}

static void
boxes_are_checked_against_the_operation(void **state)
{
    (void)state;
    struct made made;
    struct buf bytes = BUF_EMPTY(1 << 20);

    make(&made);
    made.op.kind = LEDGER_GRANT;
    assert_ok(ledger_op_sign(&made.op, &mine, &made.boxes, &bytes));
    assert_ok(ledger_op_check_boxes(&made.op, &made.boxes));
    made.boxes.items[0].bytes[0] ^= 1;
    assert_int_equal(ledger_op_check_boxes(&made.op, &made.boxes), RC_INVALID);
    made.boxes.items[0].bytes[0] ^= 1;
    assert_ok(wire_boxes_add(&made.boxes, &made.boxes.items[0]));
    assert_ok(ledger_op_sign(&made.op, &mine, &made.boxes, &bytes));
    assert_int_equal(ledger_op_check_boxes(&made.op, &made.boxes), RC_INVALID);
    made.boxes.count -= 2;
    assert_ok(ledger_op_sign(&made.op, &mine, &made.boxes, &bytes));
    assert_int_equal(ledger_op_check_boxes(&made.op, &made.boxes), RC_INVALID);
    buf_wipe(&bytes);
    unmake(&made);
}

static void
an_identity_comes_back_from_the_store(void **state)
{
    (void)state;
    struct secret saved = SECRET_EMPTY;
    struct identity again = IDENTITY_EMPTY;
    uint8_t signature[64];

    assert_ok(identity_save(&mine, &saved));
    assert_ok(identity_load(&saved, &again));
    assert_true(id_equal(again.device, mine.device));
    assert_ok(identity_sign(&again, "baken entry 1", "x", 1, signature));
    assert_true(crypto_verify(mine.sign_public, "baken entry 1", "x", 1, signature));
    assert_false(crypto_verify(mine.sign_public, "baken ack 1", "x", 1, signature));
    saved.bytes[0] = 9;
    assert_int_equal(identity_load(&saved, &again), RC_CORRUPT);
    secret_wipe(&saved);
    identity_wipe(&again);
}

static void
a_bundle_opens_for_its_reader_alone(void **state)
{
    (void)state;
    struct buf content = BUF_EMPTY(100);
    struct buf sealed = BUF_EMPTY(1000);
    struct buf opened = BUF_EMPTY(1000);
    struct bundle_head head = {.from = mine.device, .to = other.device, .created_ms = 5};
    struct bundle_head peeked;

    assert_ok(buf_put(&content, "content", 7));
    assert_ok(bundle_seal(&head, &mine, other.box_public, &content, &sealed));
    assert_ok(bundle_peek(sealed.data, sealed.len, &peeked));
    assert_true(id_equal(peeked.from, mine.device) && peeked.created_ms == 5);
    assert_ok(bundle_open(sealed.data, sealed.len, &other, mine.sign_public, &opened));
    assert_memory_equal(opened.data, "content", 7);
    assert_int_equal(bundle_open(sealed.data, sealed.len, &mine, mine.sign_public, &opened),
                     RC_DENIED);
    assert_int_equal(bundle_open(sealed.data, sealed.len, &other, other.sign_public, &opened),
                     RC_UNTRUSTED);
    sealed.data[60] ^= 1;
    assert_int_equal(bundle_open(sealed.data, sealed.len, &other, mine.sign_public, &opened),
                     RC_UNTRUSTED);
    assert_int_equal(bundle_open("not a bundle", 12, &other, mine.sign_public, &opened),
                     RC_CORRUPT);
    assert_int_equal(bundle_seal(&head, &other, other.box_public, &content, &sealed), RC_INVALID);
    buf_wipe(&content);
    buf_wipe(&sealed);
    buf_wipe(&opened);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(keys_are_kept_by_stream_and_epoch),
        TEST(a_box_gives_the_newest_key_and_the_links_give_the_past),
        TEST(who_holds_the_reserve_opens_by_it),
        TEST(forged_boxes_are_told_from_foreign_ones),
        TEST(boxes_are_checked_against_the_operation),
        TEST(an_identity_comes_back_from_the_store),
        TEST(a_bundle_opens_for_its_reader_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
