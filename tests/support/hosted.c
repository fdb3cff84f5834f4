/* A real server in a scratch directory, asked in process. */
#include "tests/support/hosted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sync/httpsig.h"
#include "sync/joining.h"

enum { ROLES = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR | LEDGER_ROLE_COACH };

/* Linked into fuzzers and the simulator too, so it does not lean on cmocka. */
static void
need(bool holds, int line)
{
    if (holds)
        return;
    fprintf(stderr, "hosted.c:%d: %s\n", line, rc_sentence());
    abort();
}
#define NEED(claim) need((claim), __LINE__)

static int64_t
hosted_now(void *context)
{
    return ((struct hosted *)context)->now_ms;
}

static void
no_sleep(void *context, int64_t ms)
{
    ((struct hosted *)context)->now_ms += ms;
}

void
hosted_start(struct hosted *hosted)
{
    bool made;

    memset(hosted, 0, sizeof *hosted);
    scratch_make(&hosted->scratch);
    hosted->now_ms = INT64_C(1790000000000);
    hosted->clock = (struct clock){hosted_now, hosted_now, no_sleep, hosted};
    NEED(server_setup(scratch_path(&hosted->scratch, "server"), &made) == RC_OK);
    NEED(made);
    NEED(server_open(scratch_path(&hosted->scratch, "server"), &hosted->clock, &hosted->server) ==
         RC_OK);
    NEED(server_new_code(hosted->server, hosted->code) == RC_OK);
    NEED(ledger_new(&hosted->ledger) == RC_OK);
    NEED(keyring_new(&hosted->keys) == RC_OK);
    hosted->first.identity = IDENTITY_EMPTY;
    NEED(identity_make(&hosted->first.identity) == RC_OK);
    hosted->first.person = id_random();
    hosted->team_stream = id_random();
}

void
hosted_restart(struct hosted *hosted)
{
    server_close(hosted->server);
    NEED(server_open(scratch_path(&hosted->scratch, "server"), &hosted->clock, &hosted->server) ==
         RC_OK);
}

void
hosted_stop(struct hosted *hosted)
{
    server_close(hosted->server);
    ledger_free(hosted->ledger);
    keyring_free(hosted->keys);
    identity_wipe(&hosted->first.identity);
    scratch_remove(&hosted->scratch);
}

void
hosted_ask(struct hosted *hosted, const struct hosted_device *device, const char *method,
           const char *path, const char *query, const struct buf *body, struct reply *reply)
{
    struct httpsig_request to_sign = {.method = method,
                                      .path = path,
                                      .query = query,
                                      .body = body != NULL ? body->data : NULL,
                                      .body_len = body != NULL ? body->len : 0};
    struct request request = {.method = method, .path = path, .query = query, .peer = "test"};
    struct httpsig_headers headers;

    if (body != NULL) {
        request.body = body->data;
        request.body_len = body->len;
        request.content_type = "application/vnd.baken";
    }
    if (device != NULL) {
        NEED(httpsig_sign(&to_sign, device->identity.device, &device->identity.sign,
                          hosted->now_ms / 1000, &headers) == RC_OK);
        request.signature = headers.signature;
        request.signature_input = headers.input;
        request.content_digest = headers.content_digest[0] != '\0' ? headers.content_digest : NULL;
    }
    *reply = REPLY_EMPTY;
    route_handle(hosted->server, &request, reply);
}

static int
ask_team(struct hosted *hosted, const struct hosted_device *device, const char *method,
         const char *route, const char *query, const struct buf *body, struct buf *answer)
{
    struct reply reply;
    char path[128];

    (void)snprintf(path, sizeof path, "%s%s", hosted->path, route);
    hosted_ask(hosted, device, method, path, query, body, &reply);
    int status = reply.status;
    if (answer != NULL) {
        buf_clear(answer);
        NEED(buf_put(answer, reply.body.data, reply.body.len) == RC_OK);
    }
    reply_wipe(&reply);
    return status;
}

int
hosted_get(struct hosted *hosted, const struct hosted_device *device, const char *route,
           const char *query, struct buf *body)
{
    return ask_team(hosted, device, "GET", route, query, NULL, body);
}

int
hosted_post(struct hosted *hosted, const struct hosted_device *device, const char *route,
            const struct buf *body, struct buf *answer)
{
    return ask_team(hosted, device, "POST", route, "", body, answer);
}

/* ---- operations ---- */

struct ledger_op
hosted_op(const struct hosted *hosted, enum ledger_kind kind)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    op.kind = kind;
    op.created_ms = (uint64_t)hosted->now_ms;
    return op;
}

void
hosted_submission(struct hosted *hosted, const struct hosted_device *author, struct ledger_op *op,
                  struct wire_boxes *boxes, struct buf *body)
{
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct buf bytes = BUF_EMPTY(WIRE_OPERATION_BYTES);

    ledger_address(hosted->ledger, op);
    NEED(ledger_op_sign(op, &author->identity, boxes, &bytes) == RC_OK);
    submission.operation = (struct wire_bytes){bytes.data, bytes.len};
    if (boxes != NULL)
        submission.boxes = *boxes;
    NEED(wire_submission_encode(&submission, false, body) == RC_OK);
    buf_wipe(&bytes);
}

static void
take_lines(struct hosted *hosted, const struct buf *body)
{
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;

    NEED(wire_ledger_answer_decode(body->data, body->len, &answer) == RC_OK);
    NEED(wire_statement_verify(&answer.statement, hosted->server->public_key));
    for (size_t i = 0; i < answer.lines.count; i++)
        NEED(ledger_append(hosted->ledger, answer.lines.items[i].data, answer.lines.items[i].len) ==
             RC_OK);
    NEED(answer.statement.position == ledger_position(hosted->ledger));
    NEED(memcmp(answer.statement.line_hash,
                ledger_hash_at(hosted->ledger, answer.statement.position), CRYPTO_HASH_BYTES) == 0);
    wire_ledger_answer_wipe(&answer);
}

int
hosted_submit(struct hosted *hosted, const struct hosted_device *author, struct ledger_op *op,
              struct wire_boxes *boxes)
{
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    hosted_submission(hosted, author, op, boxes, &body);
    int status = hosted_post(hosted, author, "/ledger", &body, &answer);
    if (status == 200)
        take_lines(hosted, &answer);
    buf_wipe(&body);
    buf_wipe(&answer);
    ledger_op_wipe(op);
    if (boxes != NULL)
        wire_boxes_wipe(boxes);
    return status;
}

static struct ledger_text
seal_text(struct hosted *hosted, struct id subject, const char *text)
{
    struct secret key = SECRET_EMPTY;
    struct ledger_text sealed;

    NEED(keyring_get(hosted->keys, hosted->team_stream, 1, &key) == RC_OK);
    NEED(ledger_text_seal(&key, 1, subject, text, &sealed) == RC_OK);
    secret_wipe(&key);
    return sealed;
}

void
hosted_team_body(struct hosted *hosted, const char *code, struct buf *body)
{
    const struct identity *author = &hosted->first.identity;
    const struct keyring_recipient self = {author->device, author->box_public};
    const struct keyring_epoch team = {hosted->team_stream, 1, &self, 1, NULL};
    const struct keyring_epoch reserve = {ledger_reserve(), 1, &self, 1, NULL};
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct buf bytes = BUF_EMPTY(WIRE_OPERATION_BYTES);
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_op op = hosted_op(hosted, LEDGER_CREATE_TEAM);
    struct ledger_create_team *create = &op.as.create_team;

    create->person = hosted->first.person;
    create->roles = ROLES;
    memcpy(create->sign_public, author->sign_public, sizeof create->sign_public);
    memcpy(create->box_public, author->box_public, sizeof create->box_public);
    memcpy(create->server_public, hosted->server->public_key, sizeof create->server_public);
    create->team_stream = hosted->team_stream;
    (void)snprintf(create->address, sizeof create->address, "https://test.example");
    NEED(keyring_make_epoch(hosted->keys, &team, hosted->keys, &op, &boxes) == RC_OK);
    NEED(keyring_make_reserve(&reserve, hosted->keys, &op, &boxes, create->reserve_public) ==
         RC_OK);
    create->name = seal_text(hosted, create->person, "Anna");
    create->label = seal_text(hosted, author->device, "laptop");
    NEED(ledger_op_sign(&op, author, &boxes, &bytes) == RC_OK);
    (void)snprintf(submission.code, sizeof submission.code, "%s", code);
    submission.operation = (struct wire_bytes){bytes.data, bytes.len};
    submission.boxes = boxes;
    NEED(wire_submission_encode(&submission, true, body) == RC_OK);
    ledger_op_hash(bytes.data, bytes.len, hosted->team);
    buf_wipe(&bytes);
    wire_boxes_wipe(&boxes);
    ledger_op_wipe(&op);
}

void
hosted_make_team(struct hosted *hosted)
{
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct reply reply;

    hosted_team_body(hosted, hosted->code, &body);
    hosted_ask(hosted, NULL, "POST", "/v1/teams", "", &body, &reply);
    NEED(reply.status == 200);
    take_lines(hosted, &reply.body);
    int at = snprintf(hosted->path, sizeof hosted->path, "/v1/teams/");
    for (size_t i = 0; i < sizeof hosted->team; i++, at += 2)
        (void)snprintf(hosted->path + at, 3, "%02x", hosted->team[i]);
    reply_wipe(&reply);
    buf_wipe(&body);
}

/* ---- devices and families ---- */

void
hosted_invite(struct hosted *hosted, uint32_t roles, const struct hosted_device *newcomer,
              struct joining_request *request)
{
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct ledger_op op = hosted_op(hosted, LEDGER_INVITE);

    NEED(joining_invite_key(&invitation.seed, op.as.invite.invite_public) == RC_OK);
    op.as.invite.person = newcomer->person;
    op.as.invite.roles = roles;
    op.as.invite.expires_ms = (uint64_t)hosted->now_ms + 86400000;
    op.as.invite.name = seal_text(hosted, newcomer->person, "Fatma");
    NEED(hosted_submit(hosted, &hosted->first, &op, NULL) == 200);
    memcpy(invitation.team, hosted->team, sizeof invitation.team);
    memcpy(invitation.server_public, hosted->server->public_key, CRYPTO_PUBLIC_BYTES);
    invitation.position = ledger_position(hosted->ledger);
    memcpy(invitation.line_hash, ledger_hash_at(hosted->ledger, invitation.position),
           sizeof invitation.line_hash);
    NEED(joining_request_make(&invitation, &newcomer->identity, (uint64_t)hosted->now_ms,
                              request) == RC_OK);
    joining_invitation_wipe(&invitation);
}

void
hosted_join(struct hosted *hosted, uint32_t roles, struct hosted_device *newcomer)
{
    struct buf body = BUF_EMPTY(4096);
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    uint8_t bytes[JOINING_REQUEST_BYTES];
    struct joining_request request;

    newcomer->identity = IDENTITY_EMPTY;
    newcomer->person = id_random();
    NEED(identity_make(&newcomer->identity) == RC_OK);
    hosted_invite(hosted, roles, newcomer, &request);
    joining_request_encode(&request, bytes);
    NEED(buf_put(&body, bytes, sizeof bytes) == RC_OK);
    NEED(hosted_post(hosted, NULL, "/joins", &body, NULL) == 204);

    const struct keyring_recipient recipient = {newcomer->identity.device,
                                                newcomer->identity.box_public};
    const struct keyring_epoch team = {hosted->team_stream, 1, &recipient, 1, NULL};
    struct ledger_op op = hosted_op(hosted, LEDGER_APPROVE);
    op.as.approve.request = request;
    op.as.approve.label = seal_text(hosted, newcomer->identity.device, "phone");
    NEED(keyring_share(hosted->keys, &team, &op, &boxes) == RC_OK);
    NEED(hosted_submit(hosted, &hosted->first, &op, &boxes) == 200);
    buf_wipe(&body);
}

void
hosted_device_wipe(struct hosted_device *device)
{
    identity_wipe(&device->identity);
}

static void
make_stream(struct hosted *hosted, enum stream_kind kind, struct id stream, struct id owner,
            struct ledger_op *op, struct wire_boxes *boxes)
{
    struct ledger_ids holders = LEDGER_IDS_EMPTY;
    struct ledger_epoch reserve;
    struct keyring_recipient recipients[16];

    NEED(ledger_holders_new(hosted->ledger, kind, owner, &holders) == RC_OK);
    NEED(holders.count <= 16);
    for (size_t i = 0; i < holders.count; i++) {
        const struct ledger_device *device = ledger_device(hosted->ledger, holders.items[i]);
        recipients[i] = (struct keyring_recipient){device->id, device->box_public};
    }
    NEED(ledger_epoch(hosted->ledger, ledger_reserve(), 0, &reserve));
    const struct keyring_epoch epoch = {stream, 1, recipients, holders.count,
                                        reserve.reserve_public};
    NEED(keyring_make_epoch(hosted->keys, &epoch, hosted->keys, op, boxes) == RC_OK);
    ledger_ids_wipe(&holders);
}

struct ledger_family
hosted_family(struct hosted *hosted, const struct hosted_device *owner)
{
    struct ledger_op op = hosted_op(hosted, LEDGER_FAMILY);
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_family_new *family = &op.as.family;

    *family = (struct ledger_family_new){id_random(), id_random(), id_random(), id_random(),
                                         owner->person};
    struct id id = family->family;
    make_stream(hosted, STREAM_INDEX, family->index, owner->person, &op, &boxes);
    make_stream(hosted, STREAM_FILE, family->file, owner->person, &op, &boxes);
    NEED(hosted_submit(hosted, &hosted->first, &op, &boxes) == 200);
    return *ledger_family(hosted->ledger, id);
}

/* ---- entries ---- */

struct entry
hosted_seal(struct hosted *hosted, const struct hosted_device *author, struct hosted_feed *feed,
            uint32_t saves, struct buf *cipher)
{
    struct buf body = BUF_EMPTY(4096);
    struct secret key = SECRET_EMPTY;
    struct entry entry;

    memset(&entry, 0, sizeof entry);
    entry.stream = feed->stream;
    entry.incarnation = feed->incarnation;
    entry.first = feed->last + 1;
    entry.last = feed->last + saves;
    memcpy(entry.previous, feed->hash, sizeof entry.previous);
    entry.position = ledger_position(hosted->ledger);
    memcpy(entry.position_hash, ledger_hash_at(hosted->ledger, entry.position),
           sizeof entry.position_hash);
    entry.epoch = ledger_epoch_at(hosted->ledger, feed->stream, entry.position);
    NEED(keyring_get(hosted->keys, feed->stream, entry.epoch, &key) == RC_OK);
    NEED(buf_put(&body, "the body is not looked at here", 30) == RC_OK);
    buf_clear(cipher);
    NEED(entry_seal(&entry, &author->identity, &key, &body, cipher) == RC_OK);
    feed->last = entry.last;
    memcpy(feed->hash, entry.hash, sizeof feed->hash);
    secret_wipe(&key);
    buf_wipe(&body);
    return entry;
}

struct wire_push_item
hosted_push(struct hosted *hosted, const struct hosted_device *bringer, const struct entry *entry)
{
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES), reply = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    uint8_t hash[CRYPTO_HASH_BYTES];

    NEED(wire_run_add(&list, entry) == RC_OK);
    NEED(wire_run_push_encode(&list, &body) == RC_OK);
    int status = hosted_post(hosted, bringer, "/entries", &body, &reply);
    struct wire_push_item item = {255, (uint8_t)status};
    if (status == 200) {
        crypto_hash_plain(body.data, body.len, hash);
        NEED(wire_push_answer_decode(reply.data, reply.len, hosted->server->public_key, hash,
                                     &answer) == RC_OK);
        NEED(answer.count == 1);
        item = answer.items[0];
    }
    wire_push_answer_wipe(&answer);
    wire_run_list_wipe(&list);
    buf_wipe(&body);
    buf_wipe(&reply);
    return item;
}

int
hosted_pull(struct hosted *hosted, const struct hosted_device *device, const char *query,
            struct wire_run_page *page, struct buf *body)
{
    int status = hosted_get(hosted, device, "/entries", query, body);

    *page = WIRE_RUN_PAGE_EMPTY;
    if (status == 200)
        NEED(wire_run_page_decode(body->data, body->len, page) == RC_OK);
    return status;
}
