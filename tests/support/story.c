/* What may happen to a team's ledger, one line of every kind. */
#include "tests/support/story.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/support/story: %s: %s\n", what, rc_sentence());
    abort();
}

#define NEED(expression) need((expression) == RC_OK, #expression)

struct id
story_file(const struct team *team)
{
    return ledger_family_at(team->ledger, 0)->file;
}

/* A head that a line may name: no entry need be there, the ledger compares no hashes. */
static struct ledger_head
head_of(const struct team *team, size_t member, uint32_t last)
{
    struct ledger_head head = {.stream = story_file(team),
                               .device = team->members[member].identity.device,
                               .incarnation = UINT64_C(0x8000000000000001),
                               .last = last};

    memset(head.hash, (int)last, sizeof head.hash);
    return head;
}

static void
release(struct team *team, struct id family, size_t member)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger_head head = head_of(team, member, 7);

    op.kind = LEDGER_ASSIGN;
    op.as.assign =
        (struct ledger_assign){family, team->members[member].person, LEDGER_COACH, LEDGER_RELEASED};
    NEED(ledger_op_add_head(&op, &head));
    NEED(team_submit(team, STORY_OWNER, &op, NULL));
}

static void
admit(struct team *team, size_t member)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger_head first = head_of(team, member, 9);
    struct ledger_head second = head_of(team, member, 300);

    second.incarnation++;
    op.kind = LEDGER_ADMIT;
    NEED(ledger_op_add_head(&op, &second));
    NEED(ledger_op_add_head(&op, &first));
    NEED(team_submit(team, STORY_OWNER, &op, NULL));
}

static void
move_the_server(struct team *team)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct secret next = SECRET_EMPTY;

    op.kind = LEDGER_SERVER;
    op.not_after_ms = team->now_ms + TEAM_DAY_MS;
    NEED(crypto_sign_pair(op.as.server.server_public, &next));
    (void)snprintf(op.as.server.address, sizeof op.as.server.address, "https://baken.example.net");
    NEED(team_submit(team, 0, &op, NULL));
    secret_wipe(&next);
}

void
story_play(struct team *team)
{
    struct id family, cover;
    struct ledger_head head;

    for (size_t i = 1; i < STORY_MEMBERS; i++)
        need(team_join(team, LEDGER_ROLE_COACH, TEAM_NOBODY) == i, "a coach joins");
    NEED(team_family(team, 0, STORY_OWNER, &family));
    NEED(team_assign(team, STORY_OWNER, family, STORY_COACH, LEDGER_COACH));
    NEED(team_grant(team, 0));
    team->now_ms += TEAM_DAY_MS;
    NEED(team_cover(team, STORY_OWNER, family, STORY_COVER, 14, &cover));
    NEED(team_accept(team, STORY_COVER, cover));
    NEED(team_grant(team, STORY_OWNER));
    head = head_of(team, STORY_COVER, 4);
    NEED(team_end_cover(team, STORY_COVER, cover, LEDGER_WHY_ENDED, &head));
    release(team, family, STORY_COACH);
    NEED(team_rotate(team, STORY_OWNER, story_file(team)));
    NEED(team_rotate(team, 0, ledger_reserve()));
    NEED(team_rotate(team, 0, ledger_family(team->ledger, family)->index));
    NEED(team_role(team, 0, STORY_COACH, LEDGER_ROLE_COACH | LEDGER_ROLE_INTAKE));
    head = head_of(team, STORY_COVER, 5);
    NEED(team_revoke(team, 0, STORY_COVER, &head));
    NEED(team_rotate(team, 0, ledger_team_stream(team->ledger)));
    admit(team, STORY_COVER);
    move_the_server(team);
}
