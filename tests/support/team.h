/* A team in memory: identities, one ledger, all keys in one ring. For tests of the ledger and the wire.
 * What must not fail ends the program; what may be refused comes back as a code. */
#ifndef TESTS_SUPPORT_TEAM_H
#define TESTS_SUPPORT_TEAM_H

#include "sync/identity.h"
#include "sync/keyring.h"
#include "sync/ledger.h"

enum { TEAM_MEMBERS = 40, TEAM_NOBODY = -1, TEAM_DAY_MS = 86400000 };

struct team {
    struct ledger *ledger;
    struct keyring *keys;  /* of everybody */
    struct keyring *fresh; /* made for the next line, forgotten when that is refused */
    struct secret server_secret;
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    struct {
        struct identity identity;
        struct id person;
    } members[TEAM_MEMBERS];
    size_t count;
    uint64_t now_ms;      /* of the next line; the test moves it */
    const char *rule;     /* what the last refused operation broke, or NULL */
    struct buf last_line; /* taken in last */
    struct buf last_op;
    struct buf lines;        /* every line taken in, each a block */
    struct wire_boxes boxes; /* of every line taken in, line by line */
};

/* Line 1: member 0 is administrator and coordinator. */
void team_start(struct team *team);
void team_end(struct team *team);

/* Sends an operation of a member as the next line and wipes it. Whatever ledger_check refuses, ledger_append is
 * shown as a line too, and must call untrusted. */
enum rc team_submit(struct team *team, size_t author, struct ledger_op *op,
                    struct wire_boxes *boxes);

/* Invited and approved by member 0; for a further device of a person give a member, else TEAM_NOBODY. */
size_t team_join(struct team *team, uint32_t roles, int same_person);
/* A new family with that owner (a member, or TEAM_NOBODY). */
enum rc team_family(struct team *team, size_t author, int owner, struct id *family);
enum rc team_assign(struct team *team, size_t author, struct id family, size_t member,
                    uint8_t function);
enum rc team_role(struct team *team, size_t author, size_t member, uint32_t roles);
/* A cover of one family from now for `days`. */
enum rc team_cover(struct team *team, size_t author, struct id family, size_t member, unsigned days,
                   struct id *cover);
enum rc team_accept(struct team *team, size_t author, struct id cover);
/* Heads may be NULL. */
enum rc team_end_cover(struct team *team, size_t author, struct id cover, uint8_t why,
                       const struct ledger_head *head);
enum rc team_revoke(struct team *team, size_t author, size_t member,
                    const struct ledger_head *head);
enum rc team_rotate(struct team *team, size_t author, struct id stream);
/* Grants all that is due, one line; RC_ABSENT when nothing is. */
enum rc team_grant(struct team *team, size_t author);

#endif
