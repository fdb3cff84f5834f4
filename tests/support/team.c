/* A team in memory: identities, one ledger, all keys in one ring. */
#include "tests/support/team.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_CEILING = 2 * 1024 * 1024, LINES_CEILING = 1 << 26, MOST_RECIPIENTS = 64 };

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/support/team: %s: %s\n", what, rc_sentence());
    abort();
}

#define NEED(expression) need((expression) == RC_OK, #expression)

static void
be_refused_as_a_line(struct team *team, enum rc expected)
{
    uint64_t before = ledger_position(team->ledger);
    struct buf line = BUF_EMPTY(LINE_CEILING);

    NEED(
        ledger_next_line(team->ledger, team->last_op.data, team->last_op.len, team->now_ms, &line));
    need(ledger_append(team->ledger, line.data, line.len) == expected, "a bad line is refused");
    need(ledger_position(team->ledger) == before, "a refused line changes nothing");
    buf_wipe(&line);
}

static void
remember(struct team *team, const struct wire_boxes *boxes)
{
    NEED(buf_put_block(&team->lines, team->last_line.data, team->last_line.len));
    for (size_t i = 0; boxes != NULL && i < boxes->count; i++)
        NEED(wire_boxes_add(&team->boxes, &boxes->items[i]));
}

enum rc
team_submit(struct team *team, size_t author, struct ledger_op *op, struct wire_boxes *boxes)
{
    struct ledger_verdict verdict;

    op->created_ms = team->now_ms;
    if (op->kind != LEDGER_CREATE_TEAM)
        ledger_address(team->ledger, op);
    NEED(ledger_op_sign(op, &team->members[author].identity, boxes, &team->last_op));
    if (boxes != NULL)
        NEED(ledger_op_check_boxes(op, boxes));
    enum rc rc =
        ledger_check(team->ledger, team->last_op.data, team->last_op.len, team->now_ms, &verdict);
    team->rule = verdict.rule;
    if (rc == RC_OK) {
        NEED(ledger_next_line(team->ledger, team->last_op.data, team->last_op.len, team->now_ms,
                              &team->last_line));
        NEED(ledger_append(team->ledger, team->last_line.data, team->last_line.len));
        remember(team, boxes);
    } else {
        be_refused_as_a_line(team, rc == RC_UNSUPPORTED ? RC_UNSUPPORTED : RC_UNTRUSTED);
    }
    if (rc == RC_OK)
        NEED(keyring_merge(team->keys, team->fresh));
    keyring_free(team->fresh);
    NEED(keyring_new(&team->fresh));
    ledger_op_wipe(op);
    if (boxes != NULL)
        wire_boxes_wipe(boxes);
    return rc;
}

static void
seal_text(struct team *team, struct id subject, const char *text, struct ledger_text *sealed)
{
    struct secret key = SECRET_EMPTY;
    struct id stream = ledger_team_stream(team->ledger);

    NEED(keyring_get(team->keys, stream, keyring_newest(team->keys, stream), &key));
    NEED(ledger_text_seal(&key, keyring_newest(team->keys, stream), subject, text, sealed));
    secret_wipe(&key);
}

/* The devices with these ids as recipients. */
static size_t
recipients_of(struct team *team, const struct ledger_ids *ids, struct keyring_recipient *out)
{
    need(ids->count <= MOST_RECIPIENTS, "few enough recipients");
    for (size_t i = 0; i < ids->count; i++)
        out[i] = (struct keyring_recipient){ids->items[i],
                                            ledger_device(team->ledger, ids->items[i])->box_public};
    return ids->count;
}

void
team_start(struct team *team)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct secret key = SECRET_EMPTY;

    NEED(secret_start());
    memset(team, 0, sizeof *team);
    team->last_line = BUF_EMPTY(LINE_CEILING);
    team->last_op = BUF_EMPTY(LINE_CEILING);
    team->lines = BUF_EMPTY(LINES_CEILING);
    team->now_ms = 1767225600000;
    NEED(ledger_new(&team->ledger));
    NEED(keyring_new(&team->keys));
    NEED(keyring_new(&team->fresh));
    NEED(crypto_sign_pair(team->server_public, &team->server_secret));
    struct identity *first = &team->members[0].identity;
    NEED(identity_make(first));
    team->members[0].person = id_random();
    team->count = 1;

    op.kind = LEDGER_CREATE_TEAM;
    struct ledger_create_team *create = &op.as.create_team;
    create->person = team->members[0].person;
    create->roles = LEDGER_ROLE_ADMINISTRATOR | LEDGER_ROLE_COORDINATOR;
    memcpy(create->sign_public, first->sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(create->box_public, first->box_public, CRYPTO_PUBLIC_BYTES);
    create->team_stream = id_random();
    memcpy(create->server_public, team->server_public, CRYPTO_PUBLIC_BYTES);
    (void)snprintf(create->address, sizeof create->address, "https://baken.example.org");
    struct keyring_recipient self = {first->device, first->box_public};
    struct keyring_epoch epoch = {create->team_stream, 1, &self, 1, NULL};
    NEED(keyring_make_epoch(team->keys, &epoch, team->fresh, &op, &boxes));
    NEED(keyring_make_reserve(&epoch, team->fresh, &op, &boxes, create->reserve_public));
    NEED(keyring_get(team->fresh, create->team_stream, 1, &key));
    NEED(ledger_text_seal(&key, 1, create->person, "Fatma", &create->name));
    NEED(ledger_text_seal(&key, 1, first->device, "laptop", &create->label));
    NEED(team_submit(team, 0, &op, &boxes));
    secret_wipe(&key);
}

void
team_end(struct team *team)
{
    for (size_t i = 0; i < team->count; i++)
        identity_wipe(&team->members[i].identity);
    ledger_free(team->ledger);
    keyring_free(team->keys);
    keyring_free(team->fresh);
    secret_wipe(&team->server_secret);
    buf_wipe(&team->last_line);
    buf_wipe(&team->last_op);
    buf_wipe(&team->lines);
    wire_boxes_wipe(&team->boxes);
}

size_t
team_join(struct team *team, uint32_t roles, int same_person)
{
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct id team_stream = ledger_team_stream(team->ledger);

    need(team->count < TEAM_MEMBERS, "room for a member");
    size_t at = team->count++;
    struct identity *newcomer = &team->members[at].identity;
    NEED(identity_make(newcomer));
    team->members[at].person = same_person < 0 ? id_random() : team->members[same_person].person;

    op.kind = LEDGER_INVITE;
    op.as.invite = (struct ledger_invite){.person = team->members[at].person,
                                          .roles = roles,
                                          .expires_ms = team->now_ms + TEAM_DAY_MS};
    NEED(joining_invite_key(&invitation.seed, op.as.invite.invite_public));
    seal_text(team, op.as.invite.person, "Bram", &op.as.invite.name);
    NEED(team_submit(team, 0, &op, NULL));

    memcpy(invitation.team, ledger_team(team->ledger), CRYPTO_HASH_BYTES);
    op.kind = LEDGER_APPROVE;
    NEED(joining_request_make(&invitation, newcomer, team->now_ms, &op.as.approve.request));
    seal_text(team, newcomer->device, "tablet", &op.as.approve.label);
    struct keyring_recipient to = {newcomer->device, newcomer->box_public};
    struct keyring_epoch epoch = {team_stream, ledger_stream(team->ledger, team_stream)->epoch, &to,
                                  1, NULL};
    NEED(keyring_share(team->keys, &epoch, &op, &boxes));
    NEED(team_submit(team, 0, &op, &boxes));
    joining_invitation_wipe(&invitation);
    return at;
}

static void
make_for_holders(struct team *team, struct id stream, uint32_t number, const struct ledger_ids *ids,
                 bool for_reserve, struct ledger_op *op, struct wire_boxes *boxes)
{
    struct keyring_recipient to[MOST_RECIPIENTS];
    struct ledger_epoch reserve;

    need(ledger_epoch(team->ledger, ledger_reserve(), 0, &reserve), "there is a reserve");
    struct keyring_epoch epoch = {stream, number, to, recipients_of(team, ids, to),
                                  for_reserve ? reserve.reserve_public : NULL};
    NEED(keyring_make_epoch(team->keys, &epoch, team->fresh, op, boxes));
}

enum rc
team_family(struct team *team, size_t author, int owner, struct id *family)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_ids ids = LEDGER_IDS_EMPTY;

    op.kind = LEDGER_FAMILY;
    op.as.family =
        (struct ledger_family_new){id_random(), id_random(), id_random(), id_random(), {{0}}};
    if (owner >= 0)
        op.as.family.owner = team->members[owner].person;
    *family = op.as.family.family;
    NEED(ledger_holders_new(team->ledger, STREAM_INDEX, op.as.family.owner, &ids));
    make_for_holders(team, op.as.family.index, 1, &ids, true, &op, &boxes);
    NEED(ledger_holders_new(team->ledger, STREAM_FILE, op.as.family.owner, &ids));
    make_for_holders(team, op.as.family.file, 1, &ids, true, &op, &boxes);
    ledger_ids_wipe(&ids);
    return team_submit(team, author, &op, &boxes);
}

enum rc
team_assign(struct team *team, size_t author, struct id family, size_t member, uint8_t function)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct id person = team->members[member].person;

    op.kind = LEDGER_ASSIGN;
    op.as.assign = (struct ledger_assign){
        family, person, (uint8_t)ledger_function(team->ledger, family, person), function};
    return team_submit(team, author, &op, NULL);
}

enum rc
team_role(struct team *team, size_t author, size_t member, uint32_t roles)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct id person = team->members[member].person;

    op.kind = LEDGER_ROLE;
    op.as.role =
        (struct ledger_role_change){person, ledger_person(team->ledger, person)->roles, roles};
    return team_submit(team, author, &op, NULL);
}

enum rc
team_cover(struct team *team, size_t author, struct id family, size_t member, unsigned days,
           struct id *cover)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    *cover = id_random();
    op.kind = LEDGER_COVER_GIVE;
    op.as.cover_give =
        (struct ledger_cover_give){*cover, team->members[member].person, team->now_ms,
                                   team->now_ms + (uint64_t)days * TEAM_DAY_MS, LEDGER_SCOPE_WRITE};
    NEED(ledger_op_add_family(&op, family));
    return team_submit(team, author, &op, NULL);
}

enum rc
team_accept(struct team *team, size_t author, struct id cover)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    op.kind = LEDGER_COVER_ACCEPT;
    op.as.cover_accept = cover;
    return team_submit(team, author, &op, NULL);
}

enum rc
team_end_cover(struct team *team, size_t author, struct id cover, uint8_t why,
               const struct ledger_head *head)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    op.kind = LEDGER_COVER_END;
    op.as.cover_end = (struct ledger_cover_end){cover, why};
    if (head != NULL)
        NEED(ledger_op_add_head(&op, head));
    return team_submit(team, author, &op, NULL);
}

enum rc
team_revoke(struct team *team, size_t author, size_t member, const struct ledger_head *head)
{
    struct ledger_op op = LEDGER_OP_EMPTY;

    op.kind = LEDGER_REVOKE_DEVICE;
    op.as.revoke_device = team->members[member].identity.device;
    if (head != NULL)
        NEED(ledger_op_add_head(&op, head));
    return team_submit(team, author, &op, NULL);
}

enum rc
team_rotate(struct team *team, size_t author, struct id stream)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    struct ledger_ids ids = LEDGER_IDS_EMPTY;
    const struct ledger_stream *what = ledger_stream(team->ledger, stream);

    op.kind = LEDGER_ROTATE;
    NEED(ledger_holders(team->ledger, stream, team->now_ms, &ids));
    if (what->kind == STREAM_RESERVE) {
        struct keyring_recipient to[MOST_RECIPIENTS];
        struct keyring_epoch epoch = {stream, what->epoch + 1, to, recipients_of(team, &ids, to),
                                      NULL};
        op.as.rotate.has_reserve = true;
        NEED(keyring_make_reserve(&epoch, team->fresh, &op, &boxes, op.as.rotate.reserve_public));
    } else {
        make_for_holders(team, stream, what->epoch + 1, &ids, what->kind != STREAM_TEAM, &op,
                         &boxes);
    }
    ledger_ids_wipe(&ids);
    return team_submit(team, author, &op, &boxes);
}

enum rc
team_grant(struct team *team, size_t author)
{
    struct ledger_pairs due = LEDGER_PAIRS_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct wire_boxes boxes = WIRE_BOXES_EMPTY;
    enum rc rc = RC_ABSENT;

    op.kind = LEDGER_GRANT;
    NEED(ledger_grants_due(team->ledger, team->now_ms, &due));
    for (size_t i = 0; i < due.count;) {
        struct keyring_recipient to[MOST_RECIPIENTS];
        struct keyring_epoch epoch = {due.items[i].stream, due.items[i].epoch, to, 0, NULL};
        for (; i < due.count && id_equal(due.items[i].stream, epoch.stream); i++)
            to[epoch.recipient_count++] = (struct keyring_recipient){
                due.items[i].device, ledger_device(team->ledger, due.items[i].device)->box_public};
        NEED(keyring_share(team->keys, &epoch, &op, &boxes));
    }
    if (due.count > 0)
        rc = team_submit(team, author, &op, &boxes);
    ledger_pairs_wipe(&due);
    return rc;
}
