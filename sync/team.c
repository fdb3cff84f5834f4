/* Inviting, asking to join, approving. */
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/submit.h"

/* ---- inviting --------------------------------------------------------------------------------- */

struct invite {
    struct id person;
    const char *name;
    uint32_t roles;
    uint64_t expires_ms;
    struct secret seed;
    uint8_t invite_public[CRYPTO_PUBLIC_BYTES];
};

static enum rc
build_invite(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct invite *invite = context;
    struct ledger_invite *payload = &draft->op.as.invite;
    const struct ledger_person *known = ledger_person(replica->ledger, invite->person);
    struct id stream = ledger_team_stream(replica->ledger);
    uint32_t epoch = keyring_newest(replica->keys, stream);

    draft->op.kind = LEDGER_INVITE;
    memcpy(payload->invite_public, invite->invite_public, sizeof payload->invite_public);
    payload->person = invite->person;
    payload->roles = known != NULL ? known->roles : invite->roles;
    payload->expires_ms = invite->expires_ms;
    if (known != NULL) {
        payload->name = known->name;
        return RC_OK;
    }
    return replica_seal_name(replica->keys, stream, epoch, invite->person, invite->name,
                             &payload->name);
}

static enum rc
write_invitation(struct replica *replica, const struct invite *invite, struct buf *out)
{
    struct joining_invitation text = JOINING_INVITATION_EMPTY;
    const struct ledger_invitation *line =
        ledger_invitation(replica->ledger, invite->invite_public);

    if (line == NULL)
        return rc_fail(RC_UNTRUSTED, _("the server's ledger lacks what it just took"));
    snprintf(text.address, sizeof text.address, "%s", ledger_server_address(replica->ledger));
    memcpy(text.server_public, ledger_server_public(replica->ledger), sizeof text.server_public);
    memcpy(text.team, replica->team, sizeof text.team);
    text.position = line->position;
    memcpy(text.line_hash, ledger_hash_at(replica->ledger, line->position), sizeof text.line_hash);
    memcpy(text.inviter_sign, replica->identity.sign_public, sizeof text.inviter_sign);
    enum rc rc = secret_copy(&text.seed, invite->seed.bytes, invite->seed.len);
    if (rc == RC_OK)
        rc = joining_invitation_to_text(&text, out);
    joining_invitation_wipe(&text);
    return rc;
}

enum rc
replica_invite(struct replica *replica, const struct transport *transport, struct id person,
               const char *person_name, uint32_t roles, int64_t valid_ms, struct buf *out)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct invite invite = {
        .person = person, .name = person_name, .roles = roles, .seed = SECRET_EMPTY};

    if (id_is_zero(person))
        invite.person = id_random();
    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = joining_invite_key(&invite.seed, invite.invite_public);
    int64_t server_ms = clock_wall_ms(replica->clock) + replica->clock_offset_ms;
    invite.expires_ms = (uint64_t)(server_ms + valid_ms);
    if (rc == RC_OK)
        rc = submit(&session, build_invite, &invite);
    if (rc == RC_OK)
        rc = write_invitation(replica, &invite, out);
    secret_wipe(&invite.seed);
    return rc;
}

/* ---- joining ---------------------------------------------------------------------------------- */

enum rc
replica_invitation_address(const char *text, struct buf *address)
{
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;

    buf_clear(address);
    enum rc rc = joining_invitation_from_text(text, strlen(text), &invitation);
    if (rc == RC_OK)
        rc = buf_put(address, invitation.address, strlen(invitation.address));
    joining_invitation_wipe(&invitation);
    return rc;
}

/* The request is made once and stored with its invitation. */
static enum rc
need_request(struct replica *replica, const struct joining_invitation *invitation,
             struct buf *request)
{
    struct joining_request made;
    uint8_t bytes[JOINING_REQUEST_BYTES];
    struct buf encoded = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES);
    struct secret stored = SECRET_EMPTY, kept = SECRET_EMPTY;

    enum rc rc = joining_invitation_encode(invitation, &encoded);
    if (rc == RC_OK)
        rc = secret_copy(&kept, encoded.data, encoded.len);
    if (rc == RC_OK)
        rc = own_secret_get(replica->db, &replica->sealing, STATE_INVITATION, &stored);
    bool is_same = rc == RC_OK && secret_equal(&stored, &kept);
    if (is_same)
        rc = state_get_bytes(replica->db, STATE_REQUEST, request);
    if (rc != RC_ABSENT && (is_same || rc != RC_OK))
        goto out;
    rc = joining_request_make(invitation, &replica->identity, (uint64_t)replica_now_ms(replica),
                              &made);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc != RC_OK)
        goto out;
    joining_request_encode(&made, bytes);
    buf_clear(request);
    rc = buf_put(request, bytes, sizeof bytes);
    if (rc == RC_OK)
        rc = own_secret_put(replica->db, &replica->sealing, STATE_INVITATION, &kept);
    if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_REQUEST, bytes, sizeof bytes);
    rc = db_end(replica->db, rc);
out:
    secret_wipe(&stored);
    secret_wipe(&kept);
    buf_wipe(&encoded);
    return rc;
}

enum rc
replica_join(struct replica *replica, const struct transport *transport, const char *text,
             char digits[JOINING_DIGITS_CHARS + 1])
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct request_call call = {.method = "POST", .is_unsigned = true};
    struct buf request = BUF_EMPTY(JOINING_REQUEST_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);

    if (replica->is_in_team)
        return rc_fail(RC_EXISTS, _("this store belongs to a team already"));
    enum rc rc = joining_invitation_from_text(text, strlen(text), &invitation);
    if (rc == RC_OK)
        rc = replica_need_identity(replica);
    if (rc == RC_OK)
        rc = need_request(replica, &invitation, &request);
    if (rc != RC_OK)
        goto out;
    memcpy(replica->team, invitation.team, sizeof replica->team);
    replica->has_team = true;
    joining_digits(invitation.team, invitation.line_hash, replica->identity.sign_public,
                   replica->identity.box_public, invitation.inviter_sign, digits);
    rc = session_hello(&session);
    if (rc == RC_OK)
        rc = replica_store_time(replica);
    if (rc == RC_OK)
        rc = request_target(replica, &call, "/joins");
    call.body = &request;
    if (rc == RC_OK)
        rc = request_send(replica, transport, &call, &answer, NULL);
    if (rc == RC_OK) /* its reserve key would stand where that of the team comes */
        rc = founding_forget(replica);
    if (rc == RC_OK)
        rc = state_put_int(replica->db, STATE_PULL_OPEN, 1);
out:
    buf_wipe(&answer);
    buf_wipe(&request);
    joining_invitation_wipe(&invitation);
    return rc;
}

enum rc
replica_server_address(struct replica *replica, struct buf *address)
{
    const struct ledger *ledger = replica_ledger(replica);
    const char *known = ledger == NULL ? NULL : ledger_server_address(ledger);
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;

    if (known != NULL)
        return buf_put(address, known, strlen(known));
    enum rc rc = replica_load_invitation(replica, &invitation);
    if (rc == RC_OK)
        rc = buf_put(address, invitation.address, strlen(invitation.address));
    else if (rc == RC_ABSENT)
        rc = rc_fail(RC_ABSENT, _("this store knows no server yet"));
    joining_invitation_wipe(&invitation);
    return rc;
}

/* ---- approving -------------------------------------------------------------------------------- */

struct approval {
    const char *digits;
    const char *label; /* NULL: the name of the person who was invited */
    struct joining_request request;
    struct ledger_text name; /* of that person, sealed, and whose it is */
    struct id person;
    struct id device;
};

static enum rc
find_request(struct session *session, struct approval *approval)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "GET"};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    char digits[JOINING_DIGITS_CHARS + 1];
    bool is_found = false;

    enum rc rc = request_target(replica, &call, "/joins");
    if (rc == RC_OK)
        rc = request_send(replica, session->transport, &call, &answer, NULL);
    if (rc == RC_OK)
        rc = wire_joins_decode(answer.data, answer.len, &joins);
    for (size_t i = 0; rc == RC_OK && !is_found && i < joins.count; i++) {
        struct joining_request request;
        if (joining_request_decode(joins.items[i].data, joins.items[i].len, &request) != RC_OK ||
            !joining_request_verify(&request))
            continue;
        const struct ledger_invitation *line =
            ledger_invitation(replica->ledger, request.invite_public);
        if (line == NULL || !id_equal(line->device, replica->identity.device))
            continue;
        joining_digits(replica->team, ledger_hash_at(replica->ledger, line->position),
                       request.sign_public, request.box_public, replica->identity.sign_public,
                       digits);
        is_found = joining_digits_match(digits, approval->digits);
        approval->request = request;
        approval->name = line->name;
        approval->person = line->person;
    }
    if (rc == RC_CORRUPT)
        rc = rc_while(RC_UNTRUSTED, _("the server's answer"));
    if (rc == RC_OK && !is_found)
        rc = rc_fail(RC_ABSENT, _("nobody who waits has these digits"));
    approval->device =
        identity_device_id(approval->request.sign_public, approval->request.box_public);
    wire_blocks_wipe(&joins);
    buf_wipe(&answer);
    return rc;
}

static enum rc
build_approval(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct approval *approval = context;
    struct id stream = ledger_team_stream(replica->ledger);
    uint32_t newest = keyring_newest(replica->keys, stream);
    struct keyring_recipient newcomer = {approval->device, approval->request.box_public};
    struct keyring_epoch epoch = {stream, ledger_stream(replica->ledger, stream)->epoch, &newcomer,
                                  1, NULL};

    if (ledger_device(replica->ledger, approval->device) != NULL)
        return RC_EXISTS;
    draft->op.kind = LEDGER_APPROVE;
    draft->op.as.approve.request = approval->request;
    enum rc rc = replica_seal_name(replica->keys, stream, newest, approval->device,
                                   approval->label, &draft->op.as.approve.label);
    if (rc == RC_OK)
        rc = keyring_share(replica->keys, &epoch, &draft->op, &draft->boxes);
    return rc;
}

enum rc
replica_approve(struct replica *replica, const struct transport *transport, const char *digits,
                const char *device_label, struct id *device)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct approval approval = {.digits = digits, .label = device_label};
    struct buf name = BUF_EMPTY(LEDGER_TEXT_BYTES + 64);

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = find_request(&session, &approval);
    if (rc == RC_OK && approval.label == NULL) {
        rc = replica_open_name(replica, &approval.name, approval.person, &name);
        approval.label = buf_text(&name);
        if (rc == RC_OK && approval.label == NULL)
            rc = rc_nomem();
    }
    if (rc == RC_OK)
        rc = submit(&session, build_approval, &approval);
    if (rc == RC_OK)
        *device = approval.device;
    if (rc == RC_OK)
        rc = session_pay_after(&session); /* what the newcomer may hold by its person's rights */
    buf_wipe(&name);
    return rc;
}
