/* Tests of the routes that take and give entries and acknowledgements, and what the end of a right lets in. */
#include "tests/unit/route_team.h"

#include "sync/ack.h"

/* ---- entries ---- */

static void
an_entry_is_stored_once_and_reaches_who_may_read(void **state)
{
    struct hosted_feed feed = new_feed(family.file);
    struct buf cipher = BUF_EMPTY(65536);
    struct wire_run_page page;

    (void)state;
    struct entry entry = hosted_seal(&hosted, &hosted.first, &feed, 3, &cipher);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_HAD, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_HAD, WIRE_REASON_NONE);
    assert_int_equal(hosted_pull(&hosted, &hosted.first, "after=0", &page, &answer), 200);
    assert_int_equal(page.runs.count, 1);
    assert_int_equal(page.next, hosted.server->first_number);
    assert_false(page.more);
    assert_memory_equal(page.runs.items[0].hash, entry.hash, sizeof entry.hash);
    assert_memory_equal(page.runs.items[0].signature, entry.signature, sizeof entry.signature);
    assert_memory_equal(page.runs.items[0].ciphertext, cipher.data, cipher.len);
    assert_int_equal(page.runs.items[0].arrived_ms, hosted.now_ms);
    wire_run_page_wipe(&page);
    assert_int_equal(hosted_pull(&hosted, &fatma, "after=0", &page, &answer), 200);
    assert_int_equal(page.runs.count, 0);
    assert_int_equal(page.next, hosted.server->first_number); /* passed over, not asked for again */
    wire_run_page_wipe(&page);
    buf_wipe(&cipher);
}

static void
gaps_forks_and_forgeries_are_told_apart(void **state)
{
    struct hosted_feed feed = new_feed(family.file), other;
    struct buf a = BUF_EMPTY(65536), b = BUF_EMPTY(65536), c = BUF_EMPTY(65536);

    (void)state;
    struct entry first = hosted_seal(&hosted, &hosted.first, &feed, 1, &a);
    other = feed;
    struct entry second = hosted_seal(&hosted, &hosted.first, &feed, 1, &b);
    assert_item(hosted_push(&hosted, &hosted.first, &second), WIRE_PUSH_REFUSED, WIRE_REASON_GAP);
    assert_item(hosted_push(&hosted, &hosted.first, &first), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_item(hosted_push(&hosted, &hosted.first, &second), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    struct entry forked = hosted_seal(&hosted, &hosted.first, &other, 1, &c);
    assert_item(hosted_push(&hosted, &hosted.first, &forked), WIRE_PUSH_REFUSED, WIRE_REASON_FORK);
    forked = hosted_seal(&hosted, &hosted.first, &other, 1, &c);
    assert_item(hosted_push(&hosted, &hosted.first, &forked), WIRE_PUSH_REFUSED, WIRE_REASON_FORK);
    struct entry third = hosted_seal(&hosted, &hosted.first, &feed, 1, &c);
    third.signature[5] ^= 1;
    assert_item(hosted_push(&hosted, &hosted.first, &third), WIRE_PUSH_REFUSED,
                WIRE_REASON_SIGNATURE);
    third.signature[5] ^= 1;
    assert_item(hosted_push(&hosted, &hosted.first, &third), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_int_equal(pulled(&hosted.first, "after=0"), 3);
    buf_wipe(&a);
    buf_wipe(&b);
    buf_wipe(&c);
}

/* The chain vouches for what stands before the last entry of a run; a page may cut the run before it. */
static void
each_signature_within_a_run_must_hold(void **state)
{
    struct buf ciphers[2] = {BUF_EMPTY(4096), BUF_EMPTY(4096)};
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), reply = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct wire_push_answer told = WIRE_PUSH_ANSWER_EMPTY;
    struct hosted_feed feed = new_feed(family.file);
    uint8_t hash[CRYPTO_HASH_BYTES];

    (void)state;
    for (int i = 0; i < 2; i++) {
        struct entry entry = hosted_seal(&hosted, &hosted.first, &feed, 1, &ciphers[i]);
        if (i == 0)
            entry.signature[0] ^= 1;
        assert_int_equal(wire_run_add(&list, &entry), RC_OK);
    }
    assert_int_equal(wire_run_push_encode(&list, &body), RC_OK);
    assert_int_equal(hosted_post(&hosted, &hosted.first, "/entries", &body, &reply), 200);
    crypto_hash_plain(body.data, body.len, hash);
    assert_int_equal(wire_push_answer_decode(reply.data, reply.len, hosted.server->public_key, hash,
                                             &told),
                     RC_OK);
    assert_int_equal(told.count, 2);
    assert_item(told.items[0], WIRE_PUSH_REFUSED, WIRE_REASON_SIGNATURE);
    assert_item(told.items[1], WIRE_PUSH_REFUSED, WIRE_REASON_GAP);
    assert_int_equal(pulled(&fatma, "after=0"), 0);
    wire_push_answer_wipe(&told);
    wire_run_list_wipe(&list);
    for (int i = 0; i < 2; i++)
        buf_wipe(&ciphers[i]);
    buf_wipe(&body);
    buf_wipe(&reply);
}

static void
who_has_no_right_stores_nothing(void **state)
{
    struct hosted_feed feed = new_feed(family.file);
    struct hosted_device stranger = {.identity = IDENTITY_EMPTY};
    struct buf cipher = BUF_EMPTY(65536);

    (void)state;
    struct entry entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_REFUSED, WIRE_REASON_NO_RIGHT);
    assert_int_equal(identity_make(&stranger.identity), RC_OK);
    feed = new_feed(family.file);
    entry = hosted_seal(&hosted, &stranger, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_REFUSED, WIRE_REASON_UNKNOWN);
    feed = new_feed(hosted.team_stream);
    entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    assert_item(hosted_push(&hosted, &hosted.first, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    hosted_device_wipe(&stranger);
    buf_wipe(&cipher);
}

static void
a_feed_has_a_bounded_number_of_incarnations(void **state)
{
    struct buf cipher = BUF_EMPTY(65536);

    (void)state;
    for (uint64_t i = 1; i <= 65; i++) {
        struct hosted_feed feed = {.stream = hosted.team_stream, .incarnation = i};
        struct entry entry = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
        assert_int_equal(hosted_push(&hosted, &fatma, &entry).result,
                         i <= 64 ? WIRE_PUSH_STORED : WIRE_PUSH_REFUSED);
    }
    buf_wipe(&cipher);
}

/* The query for what came after the n-th entry of this life of the server. */
static const char *
after(unsigned nth)
{
    static char query[40];

    (void)snprintf(query, sizeof query, "after=%llu", (unsigned long long)hosted.server->first_number + nth - 1);
    return query;
}

static void
a_stream_is_filled_from_zero_by_who_may_read_it(void **state)
{
    struct hosted_feed file = new_feed(family.file), team = new_feed(hosted.team_stream);
    char query[64];

    (void)state;
    push_some(&hosted.first, &file, 3);
    push_some(&hosted.first, &team, 2);
    push_some(&hosted.first, &file, 1);
    assert_int_equal(pulled(&fatma, "after=0"), 2);
    assert_int_equal(pulled(&hosted.first, "after=0"), 6);
    assert_int_equal(pulled(&hosted.first, after(5)), 1);
    int at = snprintf(query, sizeof query, "stream=");
    for (size_t i = 0; i < ID_BYTES; i++, at += 2)
        (void)snprintf(query + at, 3, "%02x", family.file.bytes[i]);
    assert_int_equal(pulled(&hosted.first, query), 4);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", query, &answer), 403);
    assert_error("denied");
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    assert_int_equal(pulled(&fatma, query), 4);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", after(7), &answer), 409);
    assert_error("stale");
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", "wait=61", &answer), 400);
}

static void
pages_end_at_four_mebibytes_and_together_hold_everything(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream);
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES), cipher = BUF_EMPTY(2000000);
    struct secret key = SECRET_EMPTY;
    struct wire_run_page page;
    uint64_t at = 0;
    size_t got = 0;
    int pages = 0;
    uint8_t *room;
    bool more;

    (void)state;
    assert_int_equal(keyring_get(hosted.keys, feed.stream, 1, &key), RC_OK);
    assert_int_equal(buf_extend(&body, 1000000, &room), RC_OK);
    random_fill(room, 1000000); /* so that it does not compress */
    for (uint32_t i = 1; i <= 7; i++) {
        struct entry entry;
        memset(&entry, 0, sizeof entry);
        entry.stream = feed.stream;
        entry.incarnation = feed.incarnation;
        entry.first = entry.last = i;
        memcpy(entry.previous, feed.hash, sizeof entry.previous);
        entry.epoch = 1;
        entry.position = ledger_position(hosted.ledger);
        memcpy(entry.position_hash, ledger_hash_at(hosted.ledger, entry.position), 32);
        buf_clear(&cipher);
        assert_int_equal(entry_seal(&entry, &fatma.identity, &key, &body, &cipher), RC_OK);
        memcpy(feed.hash, entry.hash, sizeof feed.hash);
        assert_item(hosted_push(&hosted, &fatma, &entry), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    }
    do {
        char query[40];
        (void)snprintf(query, sizeof query, "after=%llu", (unsigned long long)at);
        assert_int_equal(hosted_pull(&hosted, &fatma, query, &page, &answer), 200);
        assert_true(answer.len < WIRE_PAGE_BYTES + ENTRY_CIPHERTEXT_MAX_BYTES + 4096);
        got += page.runs.count;
        at = page.next;
        more = page.more;
        pages++;
        wire_run_page_wipe(&page);
    } while (more);
    assert_int_equal(got, 7);
    assert_int_equal(pages, 2);
    secret_wipe(&key);
    buf_wipe(&body);
    buf_wipe(&cipher);
}

/* ---- ends of rights ---- */

static struct ledger_head
head_of(const struct hosted_device *device, const struct hosted_feed *feed)
{
    struct ledger_head head = {feed->stream, device->identity.device, feed->incarnation,
                               feed->last, {0}};

    memcpy(head.hash, feed->hash, sizeof head.hash);
    return head;
}

static void
an_end_that_would_cut_off_what_is_stored_is_stale(void **state)
{
    struct hosted_feed feed = new_feed(family.file), early;
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    struct ledger_head head;
    char query[64];

    (void)state;
    assert_int_equal(assign(fatma.person, LEDGER_RELEASED, LEDGER_COACH, NULL), 200);
    push_some(&fatma, &feed, 1);
    early = feed;
    push_some(&fatma, &feed, 1);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, NULL), 409);
    head = head_of(&fatma, &early);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, &head), 409);

    int at = snprintf(query, sizeof query, "device=");
    for (size_t i = 0; i < ID_BYTES; i++, at += 2)
        (void)snprintf(query + at, 3, "%02x", fatma.identity.device.bytes[i]);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/heads", query, &answer), 200);
    assert_int_equal(ledger_heads_decode(answer.data, answer.len, &heads), RC_OK);
    assert_int_equal(heads.count, 1);
    assert_int_equal(heads.items[0].last, 2);
    assert_memory_equal(heads.items[0].hash, feed.hash, sizeof feed.hash);
    assert_int_equal(assign(fatma.person, LEDGER_COACH, LEDGER_RELEASED, &heads.items[0]), 200);
    ledger_heads_wipe(&heads);
    assert_int_equal(hosted_get(&hosted, &fatma, "/heads", "", &answer), 400);
}

static void
a_revoked_device_hands_in_its_own_and_nothing_else(void **state)
{
    struct hosted_feed feed = new_feed(hosted.team_stream), others = new_feed(hosted.team_stream);
    struct buf cipher = BUF_EMPTY(65536), more = BUF_EMPTY(65536);
    struct ledger_op op;

    (void)state;
    struct entry late = hosted_seal(&hosted, &fatma, &feed, 1, &cipher);
    struct entry foreign = hosted_seal(&hosted, &hosted.first, &others, 1, &more);
    op = hosted_op(&hosted, LEDGER_REVOKE_DEVICE);
    op.as.revoke_device = fatma.identity.device;
    assert_int_equal(hosted_submit(&hosted, &hosted.first, &op, NULL), 200);
    assert_int_equal(hosted_get(&hosted, &fatma, "/entries", "", &answer), 403);
    assert_error("revoked");
    assert_int_equal(hosted_get(&hosted, &fatma, "/boxes", "", &answer), 403);
    assert_item(hosted_push(&hosted, &fatma, &foreign), WIRE_PUSH_REFUSED, WIRE_REASON_NO_RIGHT);
    assert_item(hosted_push(&hosted, &fatma, &late), WIRE_PUSH_STORED, WIRE_REASON_NONE);
    assert_int_equal(pulled(&hosted.first, "after=0"), 1);
    buf_wipe(&cipher);
    buf_wipe(&more);
}

/* ---- acknowledgements ---- */

static int
post_ack(const struct hosted_device *device, uint64_t number, struct id stream)
{
    const uint8_t digest[CRYPTO_HASH_BYTES] = {1};
    struct buf body = BUF_EMPTY(ACK_MAX_BYTES);
    struct ack ack = ACK_EMPTY;

    memcpy(ack.team, hosted.team, sizeof ack.team);
    ack.device = device->identity.device;
    ack.incarnation = 77;
    ack.number = number;
    ack.position = ledger_position(hosted.ledger);
    memcpy(ack.line_hash, ledger_hash_at(hosted.ledger, ack.position), sizeof ack.line_hash);
    assert_int_equal(ack_add_stream(&ack, stream, digest), RC_OK);
    assert_int_equal(ack_encode(&ack, &device->identity, &body), RC_OK);
    int status = hosted_post(&hosted, &fatma, "/acks", &body, &answer);
    ack_wipe(&ack);
    buf_wipe(&body);
    return status;
}

static void
acknowledgements_are_passed_on_while_they_say_something(void **state)
{
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;

    (void)state;
    assert_int_equal(post_ack(&fatma, 1, hosted.team_stream), 204);
    assert_int_equal(post_ack(&fatma, 1, hosted.team_stream), 204);
    assert_int_equal(post_ack(&fatma, 1, family.file), 409);
    assert_int_equal(post_ack(&fatma, 2, family.file), 204);
    assert_int_equal(post_ack(&hosted.first, 3, family.file), 403);
    assert_int_equal(post_ack(&fatma, 3, id_random()), 403);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/acks", "after=0", &answer), 200);
    assert_int_equal(wire_ack_list_decode(answer.data, answer.len, &list), RC_OK);
    assert_int_equal(list.acks.count, 2);
    assert_int_equal(list.next, hosted.server->first_number + 1);
    wire_ack_list_wipe(&list);
    assert_int_equal(post_ack(&fatma, 3, hosted.team_stream), 204);
    assert_int_equal(hosted_get(&hosted, &hosted.first, "/acks", "after=0", &answer), 200);
    assert_int_equal(wire_ack_list_decode(answer.data, answer.len, &list), RC_OK);
    assert_int_equal(list.acks.count, 2);
    assert_int_equal(list.next, hosted.server->first_number + 2);
    wire_ack_list_wipe(&list);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_entry_is_stored_once_and_reaches_who_may_read),
        TEST(gaps_forks_and_forgeries_are_told_apart),
        TEST(each_signature_within_a_run_must_hold),
        TEST(who_has_no_right_stores_nothing),
        TEST(a_feed_has_a_bounded_number_of_incarnations),
        TEST(a_stream_is_filled_from_zero_by_who_may_read_it),
        TEST(pages_end_at_four_mebibytes_and_together_hold_everything),
        TEST(an_end_that_would_cut_off_what_is_stored_is_stale),
        TEST(a_revoked_device_hands_in_its_own_and_nothing_else),
        TEST(acknowledgements_are_passed_on_while_they_say_something),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
