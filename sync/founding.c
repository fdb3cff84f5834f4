/* Making a team: one submission, stored with its keys, sent until the server has answered it. */
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/submit.h"

static enum rc
fill_team(struct replica *replica, const struct team_new *team, const uint8_t *server_public,
          struct draft *draft)
{
    struct ledger_create_team *create = &draft->op.as.create_team;
    struct keyring_recipient self = {replica->identity.device, replica->identity.box_public};
    struct keyring_epoch reserve = {ledger_reserve(), 1, &self, 1, NULL};
    struct keyring_epoch epoch = {id_random(), 1, &self, 1, NULL};

    draft->op.kind = LEDGER_CREATE_TEAM;
    create->person = id_random();
    create->roles = team->roles | LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR;
    create->team_stream = epoch.stream;
    memcpy(create->sign_public, replica->identity.sign_public, sizeof create->sign_public);
    memcpy(create->box_public, replica->identity.box_public, sizeof create->box_public);
    memcpy(create->server_public, server_public, sizeof create->server_public);
    if (strlen(team->server_address) >= sizeof create->address)
        return rc_fail(RC_TOO_LARGE, _("the server's address is too long"));
    snprintf(create->address, sizeof create->address, "%s", team->server_address);
    enum rc rc = keyring_make_epoch(replica->keys, &epoch, draft->fresh, &draft->op, &draft->boxes);
    if (rc == RC_OK)
        rc = keyring_make_reserve(&reserve, draft->fresh, &draft->op, &draft->boxes,
                                  create->reserve_public);
    if (rc == RC_OK)
        rc = replica_seal_name(draft->fresh, epoch.stream, 1, create->person, team->person_name,
                               &create->name);
    if (rc == RC_OK)
        rc = replica_seal_name(draft->fresh, epoch.stream, 1, replica->identity.device,
                               team->device_label, &create->label);
    return rc;
}

/* The submission is stored with its keys before it is sent: asked again, the same operation goes out. */
static enum rc
make_submission(struct replica *replica, const struct team_new *team, const uint8_t *server_public,
                struct buf *bytes)
{
    struct draft draft = {.op = LEDGER_OP_EMPTY, .boxes = WIRE_BOXES_EMPTY, .fresh = NULL};
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES);

    enum rc rc = keyring_new(&draft.fresh);
    if (rc == RC_OK)
        rc = fill_team(replica, team, server_public, &draft);
    draft.op.created_ms = (uint64_t)replica_now_ms(replica);
    if (rc == RC_OK)
        rc = ledger_op_sign(&draft.op, &replica->identity, &draft.boxes, &op);
    submission.operation = (struct wire_bytes){op.data, op.len};
    submission.boxes = draft.boxes; /* lent for the call */
    if (rc == RC_OK)
        rc = wire_submission_encode(&submission, false, bytes);
    if (rc == RC_OK)
        rc = keyring_merge(replica->keys, draft.fresh);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc == RC_OK) {
        rc = replica_store_keys(replica);
        if (rc == RC_OK)
            rc = state_put_bytes(replica->db, STATE_CREATING, bytes->data, bytes->len);
        rc = db_end(replica->db, rc);
    }
    buf_wipe(&op);
    keyring_free(draft.fresh);
    wire_boxes_wipe(&draft.boxes);
    ledger_op_wipe(&draft.op);
    return rc;
}

/* Hello without a team: it tells the server's key, which the founder's operation then names for all. */
static enum rc
ask_server_key(struct session *session, uint8_t key[CRYPTO_PUBLIC_BYTES])
{
    struct request_call call = {.method = "GET", .is_unsigned = true};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_hello hello;
    struct id nonce = id_random();
    char text[2 * ID_BYTES + 1];

    request_hex(nonce.bytes, sizeof nonce.bytes, text);
    snprintf(call.target, sizeof call.target, "/v1/hello?nonce=%s", text);
    enum rc rc = request_send(session->replica, session->transport, &call, &answer, NULL);
    if (rc == RC_OK)
        rc = wire_hello_decode(answer.data, answer.len, &hello);
    if (rc == RC_OK && memcmp(hello.nonce, nonce.bytes, sizeof hello.nonce) != 0)
        rc = rc_fail(RC_UNTRUSTED, _("the server's greeting is an old one"));
    if (rc == RC_OK) {
        memcpy(key, hello.server_public, CRYPTO_PUBLIC_BYTES);
        rc = replica_learn_time(session->replica, (int64_t)hello.time_ms);
    }
    buf_wipe(&answer);
    return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("the server's greeting")) : rc;
}

/* `refused`: what the server answered instead of making the team; WIRE_ERROR_NONE when it made it, did not answer, or asks
 * to come back later. */
static enum rc
post_team(struct session *session, const char *code, const struct buf *stored,
          enum wire_error *refused)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "POST", .target = "/v1/teams", .is_unsigned = true};
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct buf body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    bool more;

    *refused = WIRE_ERROR_NONE;
    enum rc rc = wire_submission_decode(stored->data, stored->len, false, &submission);
    if (rc == RC_OK) {
        snprintf(submission.code, sizeof submission.code, "%s", code);
        ledger_op_hash(submission.operation.data, submission.operation.len, replica->team);
        replica->has_team = true;
        rc = wire_submission_encode(&submission, true, &body);
    }
    call.body = &body;
    if (rc == RC_OK)
        rc = request_send(replica, session->transport, &call, &answer, refused);
    if (rc == RC_OFFLINE)
        *refused = WIRE_ERROR_NONE;
    if (rc == RC_DENIED)
        rc = rc_fail(rc, _("the server does not accept this one-time code"));
    if (rc == RC_OK)
        rc = session_take_lines(session, &answer, &more);
    wire_submission_wipe(&submission);
    buf_wipe(&answer);
    buf_wipe(&body);
    return rc;
}

/* Whether the server says that it has no such team. */
static bool
is_unknown(struct session *session)
{
    struct request_call call = {.method = "GET", .is_unsigned = true};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    enum wire_error error;
    char team[2 * CRYPTO_HASH_BYTES + 1];

    request_hex(session->replica->team, CRYPTO_HASH_BYTES, team);
    snprintf(call.target, sizeof call.target, "/v1/hello?team=%s", team);
    enum rc rc = request_send(session->replica, session->transport, &call, &answer, &error);
    buf_wipe(&answer);
    return rc != RC_OK && error == WIRE_ERROR_UNKNOWN_TEAM;
}

/* Its keys are all that there are. */
enum rc
founding_forget(struct replica *replica)
{
    struct keyring *keys = NULL;
    struct buf stored = BUF_EMPTY(WIRE_REQUEST_BYTES);

    enum rc rc = state_get_bytes(replica->db, STATE_CREATING, &stored);
    buf_wipe(&stored);
    if (rc != RC_OK)
        return rc == RC_ABSENT ? RC_OK : rc;
    rc = keyring_new_under(&replica->sealing, &keys);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    rc = db_run(replica->db, "DELETE FROM sync_key");
    if (rc == RC_OK)
        rc = state_drop(replica->db, STATE_CREATING);
    rc = db_end(replica->db, rc);
    if (rc != RC_OK)
        goto out;
    struct keyring *old = replica->keys;
    replica->keys = keys;
    keys = old;
out:
    keyring_free(keys);
    return rc;
}

/*
 * A refused team is forgotten, so that the next try may name everything otherwise. Not one that an earlier try sent as well,
 * unanswered, as long as the server may have made it then: this answer speaks of this try alone.
 */
static enum rc
after_refusal(struct session *session, enum rc refusal, bool was_sent_before)
{
    char said[200];

    snprintf(said, sizeof said, "%s", rc_sentence());
    if (was_sent_before && !is_unknown(session))
        return rc_fail(refusal, "%s", said);
    enum rc rc = founding_forget(session->replica);
    session->replica->has_team = session->replica->has_team && rc != RC_OK;
    return rc == RC_OK ? rc_fail(refusal, "%s", said) : rc;
}

enum rc
replica_create_team(struct replica *replica, const struct transport *transport,
                    const struct team_new *team)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct buf stored = BUF_EMPTY(WIRE_REQUEST_BYTES);
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    enum wire_error refused = WIRE_ERROR_NONE;

    if (replica->ledger != NULL)
        return rc_fail(RC_EXISTS, _("this store belongs to a team already"));
    if (strlen(team->code) > WIRE_CODE_CHARS)
        return rc_fail(RC_INVALID, _("that is no one-time code"));
    enum rc rc = replica_need_identity(replica);
    if (rc == RC_OK)
        rc = ask_server_key(&session, server_public);
    if (rc == RC_OK)
        rc = state_get_bytes(replica->db, STATE_CREATING, &stored);
    bool was_sent_before = rc == RC_OK;
    if (rc == RC_ABSENT)
        rc = make_submission(replica, team, server_public, &stored);
    if (rc == RC_OK)
        rc = post_team(&session, team->code, &stored, &refused);
    if (rc != RC_OK && refused != WIRE_ERROR_NONE)
        rc = after_refusal(&session, rc, was_sent_before);
    if (rc == RC_OK)
        rc = state_drop(replica->db, STATE_CREATING);
    if (rc == RC_OK)
        rc = streams_refresh(replica);
    buf_wipe(&stored);
    return rc;
}
