/* One lawful example of everything that travels, made by a team. */
#include "tests/support/wires.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/ack.h"
#include "core/version.h"
#include "sync/bundle.h"
#include "sync/entry.h"
#include "sync/pack.h"
#include "sync/wire_run.h"
#include "sync/writer.h"
#include "tests/support/story.h"

enum { CEILING = 16 * 1024 * 1024, ENTRIES = 3, CARRIED = 4 };

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/support/wires: %s: %s\n", what, rc_sentence());
    abort();
}

#define NEED(expression) need((expression) == RC_OK, #expression)

const char *
wires_name(enum wires_kind kind)
{
    static const char *const NAMES[WIRES_COUNT] = {
        "line",         "operation",  "submission",  "creation", "ledger_answer", "box_list",
        "heads",        "push",       "push_answer", "page",     "hello",         "joins",
        "join_request", "invitation", "ack",         "ack_list", "bundle",        "bundle_content",
        "entry_header", "packed",     "history",     "bundle_full", "bundle_carried",
    };

    return NAMES[kind];
}

/* The server's word on the newest line. */
static void
state(const struct team *team, struct wire_statement *statement)
{
    memcpy(statement->team, ledger_team(team->ledger), CRYPTO_HASH_BYTES);
    statement->position = ledger_position(team->ledger);
    memcpy(statement->line_hash, ledger_hash_at(team->ledger, statement->position),
           CRYPTO_HASH_BYTES);
    statement->time_ms = team->now_ms;
    NEED(wire_statement_sign(statement, &team->server_secret));
}

static void
make_ledger_bodies(struct wires *wires)
{
    struct team *team = &wires->team;
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;

    NEED(buf_put(&wires->bytes[WIRES_LINE], team->last_line.data, team->last_line.len));
    NEED(buf_put(&wires->bytes[WIRES_OPERATION], team->last_op.data, team->last_op.len));
    submission.operation = (struct wire_bytes){team->last_op.data, team->last_op.len};
    submission.boxes = team->boxes;
    NEED(wire_submission_encode(&submission, false, &wires->bytes[WIRES_SUBMISSION]));
    (void)snprintf(submission.code, sizeof submission.code, "ABCDE-FGHJK-MNPQR-STVWX");
    NEED(wire_submission_encode(&submission, true, &wires->bytes[WIRES_CREATION]));

    NEED(wire_blocks_add(&answer.lines, team->last_line.data, team->last_line.len));
    state(team, &answer.statement);
    NEED(wire_ledger_answer_encode(&answer, &wires->bytes[WIRES_LEDGER_ANSWER]));
    wire_ledger_answer_wipe(&answer);
}

static void
make_entries(struct wires *wires)
{
    struct team *team = &wires->team;
    struct secret key = SECRET_EMPTY;
    struct buf ciphertexts[ENTRIES];
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct entry entry = {
        .stream = ledger_team_stream(team->ledger), .incarnation = 77, .epoch = 1, .position = 1};
    uint8_t header[ENTRY_HEADER_BYTES];

    memcpy(entry.position_hash, ledger_hash_at(team->ledger, 1), CRYPTO_HASH_BYTES);
    NEED(keyring_get(team->keys, entry.stream, 1, &key));
    for (uint32_t i = 0; i < ENTRIES; i++) {
        ciphertexts[i] = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
        buf_clear(&wires->body);
        for (unsigned k = 0; k < 10 * i; k++)
            NEED(buf_printf(&wires->body, "saved at the kitchen table %u; ", k * i));
        entry.first = 2 * i + 1;
        entry.last = entry.first + 1;
        NEED(entry_seal(&entry, &team->members[0].identity, &key, &wires->body, &ciphertexts[i]));
        NEED(wire_run_add(&page.runs, &entry));
        memcpy(entry.previous, entry.hash, sizeof entry.previous);
    }
    entry_header(&page.runs.items[ENTRIES - 1], header);
    NEED(buf_put(&wires->bytes[WIRES_ENTRY_HEADER], header, sizeof header));
    need(page.runs.run_count == 1, "a feed's entries are one run");
    NEED(wire_run_push_encode(&page.runs, &wires->bytes[WIRES_PUSH]));
    page.runs.items[0].ciphertext = NULL; /* lawfully gone */
    page.runs.items[1].arrived_ms = team->now_ms;
    page.next = 3;
    page.position = 1;
    NEED(wire_run_page_encode(&page, &wires->bytes[WIRES_PAGE]));
    NEED(pack_put(wires->body.data, wires->body.len, CHANGE_BODY_BYTES,
                  &wires->bytes[WIRES_PACKED]));
    wire_run_page_wipe(&page);
    secret_wipe(&key);
    for (unsigned i = 0; i < ENTRIES; i++)
        buf_wipe(&ciphertexts[i]);
}

static void
make_answers(struct wires *wires)
{
    struct team *team = &wires->team;
    struct wire_push_item items[] = {
        {WIRE_PUSH_STORED, 0}, {WIRE_PUSH_HAD, 0}, {WIRE_PUSH_REFUSED, 5}};
    struct wire_push_answer answer = {.time_ms = 5, .position = 1, .items = items, .count = 3};
    struct wire_hello hello = {
        .time_ms = 5, .entry_bytes = 6, .body_bytes = 7, .has_team = true, .position = 1};
    struct ledger_head head = {
        ledger_team_stream(team->ledger), team->members[0].identity.device, 77, 6, {1}};
    struct ledger_heads heads = {&head, 1, 1};
    const struct buf *push = &wires->bytes[WIRES_PUSH];

    crypto_hash_plain(push->data, push->len, answer.request);
    NEED(wire_push_answer_encode(&answer, &team->server_secret, &wires->bytes[WIRES_PUSH_ANSWER]));
    memcpy(hello.server_public, team->server_public, CRYPTO_PUBLIC_BYTES);
    memcpy(hello.team, ledger_team(team->ledger), CRYPTO_HASH_BYTES);
    memcpy(hello.line_hash, ledger_hash_at(team->ledger, 1), CRYPTO_HASH_BYTES);
    (void)snprintf(hello.version, sizeof hello.version, "0.1.0");
    NEED(wire_hello_encode(&hello, &team->server_secret, &wires->bytes[WIRES_HELLO]));
    NEED(ledger_heads_encode(&heads, &wires->bytes[WIRES_HEADS]));
}

static void
make_joining(struct wires *wires)
{
    struct team *team = &wires->team;
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct joining_request request;
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    uint8_t bytes[JOINING_REQUEST_BYTES];
    uint8_t unused[CRYPTO_PUBLIC_BYTES];

    NEED(joining_invite_key(&invitation.seed, unused));
    (void)snprintf(invitation.address, sizeof invitation.address, "https://baken.example.org");
    memcpy(invitation.server_public, team->server_public, CRYPTO_PUBLIC_BYTES);
    memcpy(invitation.team, ledger_team(team->ledger), CRYPTO_HASH_BYTES);
    invitation.position = 1;
    memcpy(invitation.line_hash, ledger_hash_at(team->ledger, 1), CRYPTO_HASH_BYTES);
    memcpy(invitation.inviter_sign, team->members[0].identity.sign_public, CRYPTO_PUBLIC_BYTES);
    NEED(joining_invitation_encode(&invitation, &wires->bytes[WIRES_INVITATION]));
    NEED(joining_request_make(&invitation, &wires->reader, team->now_ms, &request));
    joining_request_encode(&request, bytes);
    NEED(buf_put(&wires->bytes[WIRES_JOIN_REQUEST], bytes, sizeof bytes));
    NEED(wire_blocks_add(&joins, bytes, sizeof bytes));
    NEED(wire_joins_encode(&joins, &wires->bytes[WIRES_JOINS]));
    wire_blocks_wipe(&joins);
    joining_invitation_wipe(&invitation);
}

/* All lines of the story, and all boxes that came with them. */
static void
make_history(struct wires *wires)
{
    struct team *team = &wires->team;
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    struct writer writer = writer_of(&wires->lines);

    story_play(team);
    writer_varint(&writer, ledger_position(team->ledger));
    writer_bytes(&writer, team->lines.data, team->lines.len);
    NEED(writer_finish(&writer));
    struct reader reader = reader_of(wires->lines.data, wires->lines.len);
    NEED(wire_blocks_get(&reader, WIRE_LINE_BYTES, &answer.lines));
    state(team, &answer.statement);
    NEED(wire_ledger_answer_encode(&answer, &wires->bytes[WIRES_HISTORY]));

    list.boxes = team->boxes;
    list.next = team->boxes.count;
    list.numbers = calloc(list.next, sizeof *list.numbers);
    need(list.numbers != NULL, "memory");
    for (size_t i = 0; i < list.next; i++)
        list.numbers[i] = i + 1;
    NEED(wire_box_list_encode(&list, &wires->bytes[WIRES_BOX_LIST]));
    free(list.numbers);
    wire_ledger_answer_wipe(&answer);
}

/* Adds what the owner wrote to the file: two entries on one ledger line, one on a later, one under the next epoch. */
static void
add_file_entries(const struct team *team, struct wire_run_list *runs, struct buf ciphertexts[])
{
    static const uint64_t POSITIONS[CARRIED] = {9, 9, 12, 17};
    struct secret key = SECRET_EMPTY;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct entry entry = {.stream = story_file(team), .incarnation = UINT64_C(0x8000000000000001)};

    NEED(buf_printf(&body, "sealed once more, for the one who covers"));
    for (uint32_t i = 0; i < CARRIED; i++) {
        ciphertexts[i] = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
        entry.position = POSITIONS[i];
        entry.epoch = ledger_epoch_at(team->ledger, entry.stream, entry.position);
        memcpy(entry.position_hash, ledger_hash_at(team->ledger, entry.position),
               CRYPTO_HASH_BYTES);
        entry.first = entry.last + 1;
        entry.last = entry.first + i;
        NEED(keyring_get(team->keys, entry.stream, entry.epoch, &key));
        NEED(
            entry_seal(&entry, &team->members[STORY_OWNER].identity, &key, &body, &ciphertexts[i]));
        NEED(wire_run_add(runs, &entry));
        memcpy(entry.previous, entry.hash, sizeof entry.previous);
        secret_wipe(&key);
    }
    need(runs->run_count == 3, "another feed is another run, and so is another epoch");
    buf_wipe(&body);
}

/* What a bundle held at first: all lines, the server's word, runs. */
static void
make_bundle_content(struct wires *wires)
{
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf ciphertexts[CARRIED];
    const struct buf *push = &wires->bytes[WIRES_PUSH];
    struct reader reader = reader_of(wires->lines.data, wires->lines.len);

    content.first_position = 1;
    NEED(wire_blocks_get(&reader, WIRE_LINE_BYTES, &content.lines));
    content.has_statement = true;
    state(&wires->team, &content.statement);
    NEED(wire_run_push_decode(push->data, push->len, &content.runs));
    add_file_entries(&wires->team, &content.runs, ciphertexts);
    NEED(wire_run_bundle_encode(&content, &wires->bytes[WIRES_BUNDLE_CONTENT]));
    for (unsigned i = 0; i < CARRIED; i++)
        buf_wipe(&ciphertexts[i]);
    wire_run_bundle_wipe(&content);
}

static void
make_ack_and_bundle(struct wires *wires)
{
    struct team *team = &wires->team;
    const struct identity *author = &team->members[0].identity;
    struct ack ack = ACK_EMPTY;
    struct wire_ack_list list = {.next = 4};
    struct bundle_head head = {
        .from = author->device, .to = wires->reader.device, .created_ms = team->now_ms};
    uint8_t digest[CRYPTO_HASH_BYTES] = {9};

    memcpy(ack.team, ledger_team(team->ledger), CRYPTO_HASH_BYTES);
    memcpy(head.team, ack.team, sizeof head.team);
    ack.device = author->device;
    ack.incarnation = 77;
    ack.number = 3;
    ack.position = 1;
    memcpy(ack.line_hash, ledger_hash_at(team->ledger, 1), CRYPTO_HASH_BYTES);
    NEED(ack_add_stream(&ack, ledger_team_stream(team->ledger), digest));
    NEED(ack_add_feed(&ack, (struct ack_feed){author->device, 77, 6}));
    NEED(ack_encode(&ack, author, &wires->bytes[WIRES_ACK]));
    NEED(wire_blocks_add(&list.acks, wires->bytes[WIRES_ACK].data, wires->bytes[WIRES_ACK].len));
    NEED(wire_ack_list_encode(&list, &wires->bytes[WIRES_ACK_LIST]));
    NEED(bundle_seal(&head, author, wires->reader.box_public, &wires->bytes[WIRES_BUNDLE_CONTENT],
                     &wires->bytes[WIRES_BUNDLE]));
    wire_ack_list_wipe(&list);
    ack_wipe(&ack);
}

/* What one may hold: a tail of the lines, keys, carried operations and acknowledgements too. */
static void
make_full_bundle(struct wires *wires)
{
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct wire_blocks all = WIRE_BLOCKS_EMPTY;
    const struct team *team = &wires->team;
    const struct buf *push = &wires->bytes[WIRES_PUSH];
    struct reader reader = reader_of(wires->lines.data, wires->lines.len);

    NEED(wire_blocks_get(&reader, WIRE_LINE_BYTES, &all));
    content.first_position = all.count - 1;
    for (size_t i = all.count - 2; i < all.count; i++)
        NEED(wire_blocks_add(&content.lines, all.items[i].data, all.items[i].len));
    content.has_statement = true;
    state(team, &content.statement);
    NEED(wire_run_push_decode(push->data, push->len, &content.runs));
    for (size_t i = 0; i < team->boxes.count; i++)
        NEED(wire_boxes_add(&content.boxes, &team->boxes.items[i]));
    wire_boxes_sort(&content.boxes);
    NEED(wire_blocks_add(&content.carried, team->last_op.data, team->last_op.len));
    NEED(wire_blocks_add(&content.acks, wires->bytes[WIRES_ACK].data, wires->bytes[WIRES_ACK].len));
    NEED(wire_run_bundle_encode(&content, &wires->bytes[WIRES_BUNDLE_FULL]));
    wire_blocks_wipe(&all);
    wire_run_bundle_wipe(&content);
}

/* An operation of a member that no line has. */
static void
carry(struct team *team, size_t author, struct ledger_op *op, struct buf *bytes)
{
    *bytes = BUF_EMPTY(WIRE_OPERATION_BYTES);
    op->created_ms = team->now_ms;
    op->not_after_ms = team->now_ms + 30 * (uint64_t)TEAM_DAY_MS;
    ledger_address(team->ledger, op);
    NEED(ledger_op_sign(op, &team->members[author].identity, NULL, bytes));
    NEED(ledger_carry(team->ledger, bytes->data, bytes->len, team->now_ms));
    ledger_op_wipe(op);
}

/* A cover that its owner gave and a colleague accepted without the server, and a run that only a newer program reads. */
static void
make_carried_bundle(struct wires *wires)
{
    static const uint8_t newer[] = {ENTRY_FORMAT + 1, 0, 0, 0, 3, 'n', 'e', 'w'};
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct team *team = &wires->team;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct id cover = id_random();
    struct buf give, accept;

    op.kind = LEDGER_COVER_GIVE;
    op.as.cover_give = (struct ledger_cover_give){cover, team->members[STORY_COACH].person, team->now_ms,
                                                  team->now_ms + 14 * (uint64_t)TEAM_DAY_MS, LEDGER_SCOPE_WRITE};
    NEED(ledger_op_add_family(&op, ledger_family_at(team->ledger, 0)->id));
    carry(team, STORY_OWNER, &op, &give);
    op = LEDGER_OP_EMPTY;
    op.kind = LEDGER_COVER_ACCEPT;
    op.as.cover_accept = cover;
    carry(team, STORY_COACH, &op, &accept);
    need(ledger_may_read(team->ledger, team->members[STORY_COACH].identity.device, story_file(team), team->now_ms),
         "it counts at once");
    ledger_carry_nothing(team->ledger);
    content.first_position = ledger_position(team->ledger) + 1;
    content.has_statement = true;
    state(team, &content.statement);
    NEED(wire_blocks_add(&content.runs.unknown, newer, sizeof newer));
    NEED(wire_blocks_add(&content.carried, give.data, give.len));
    NEED(wire_blocks_add(&content.carried, accept.data, accept.len));
    NEED(wire_run_bundle_encode(&content, &wires->bytes[WIRES_BUNDLE_CARRIED]));
    wire_run_bundle_wipe(&content);
    buf_wipe(&give);
    buf_wipe(&accept);
}

void
wires_start(struct wires *wires)
{
    memset(wires, 0, sizeof *wires);
    for (unsigned i = 0; i < WIRES_COUNT; i++)
        wires->bytes[i] = BUF_EMPTY(CEILING);
    wires->body = BUF_EMPTY(CHANGE_BODY_BYTES);
    wires->lines = BUF_EMPTY(CEILING);
    team_start(&wires->team);
    NEED(identity_make(&wires->reader));
    make_ledger_bodies(wires);
    make_entries(wires);
    make_answers(wires);
    make_joining(wires);
    make_history(wires);
    make_bundle_content(wires);
    make_ack_and_bundle(wires);
    make_full_bundle(wires);
    make_carried_bundle(wires);
}

void
wires_end(struct wires *wires)
{
    for (unsigned i = 0; i < WIRES_COUNT; i++)
        buf_wipe(&wires->bytes[i]);
    buf_wipe(&wires->body);
    buf_wipe(&wires->lines);
    identity_wipe(&wires->reader);
    team_end(&wires->team);
}
