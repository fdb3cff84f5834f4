/* What a modified program can do. */
#include "tests/support/forger.h"

#include <string.h>

#include "sync/bundle.h"
#include "sync/session.h"
#include "sync/submit.h"
#include "tests/support/stores.h"

enum { INVITED_MS = 24 * 3600 * 1000 };

void
forger_pack(struct office *office, int from, int to, struct wire_run_bundle *content, struct buf *bundle)
{
    struct replica *sender = office->devices[from].replica, *reader = office->devices[to].replica;
    struct buf plain = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_head head = {
        .from = sender->identity.device, .to = reader->identity.device, .created_ms = (uint64_t)office->now_ms};

    *bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    memcpy(head.team, sender->team, sizeof head.team);
    content->first_position = 1;
    stores_demand(wire_run_bundle_encode(content, &plain), "wire_run_bundle_encode");
    stores_demand(bundle_seal(&head, &sender->identity, reader->identity.box_public, &plain, bundle), "bundle_seal");
    buf_wipe(&plain);
}

struct further {
    struct identity identity;
    struct joining_invitation invitation;
    uint8_t invite_public[CRYPTO_PUBLIC_BYTES];
    int64_t now_ms;
};

static enum rc
build_invite(struct session *session, void *context, struct draft *draft)
{
    const struct ledger *ledger = session->replica->ledger;
    const struct further *further = context;
    const struct ledger_person *person =
        ledger_person(ledger, ledger_device(ledger, session->replica->identity.device)->person);

    draft->op.kind = LEDGER_INVITE;
    draft->op.as.invite = (struct ledger_invite){.person = person->id,
                                                 .roles = person->roles,
                                                 .expires_ms = (uint64_t)(further->now_ms + INVITED_MS),
                                                 .name = person->name};
    memcpy(draft->op.as.invite.invite_public, further->invite_public, CRYPTO_PUBLIC_BYTES);
    return RC_OK;
}

static enum rc
build_approval(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct further *further = context;
    struct id team = ledger_team_stream(replica->ledger);
    struct keyring_recipient newcomer = {further->identity.device, further->identity.box_public};
    struct keyring_epoch epoch = {team, ledger_stream(replica->ledger, team)->epoch, &newcomer, 1, NULL};

    draft->op.kind = LEDGER_APPROVE;
    draft->op.as.approve.label = ledger_device(replica->ledger, replica->identity.device)->label;
    memcpy(further->invitation.team, replica->team, sizeof replica->team);
    stores_demand(joining_request_make(&further->invitation, &further->identity, (uint64_t)further->now_ms,
                                       &draft->op.as.approve.request),
                  "joining_request_make");
    return keyring_share(replica->keys, &epoch, &draft->op, &draft->boxes);
}

void
forger_add_device(struct office *office, int at, struct identity *identity)
{
    struct office_device *device = &office->devices[at];
    struct sync_report report = {0};
    struct session session = {.replica = device->replica, .transport = &device->transport, .report = &report};
    struct further further = {.identity = IDENTITY_EMPTY, .invitation = JOINING_INVITATION_EMPTY};

    office_pass(office, 200); /* no faster than a server takes requests */
    further.now_ms = office->now_ms;
    stores_demand(identity_make(&further.identity), "identity_make");
    stores_demand(joining_invite_key(&further.invitation.seed, further.invite_public), "joining_invite_key");
    stores_demand(submit(&session, build_invite, &further), "inviting");
    stores_demand(submit(&session, build_approval, &further), "approving");
    joining_invitation_wipe(&further.invitation);
    *identity = further.identity;
}
