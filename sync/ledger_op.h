/* The operations of the ledger: structs, bytes, signature, and the line that the server puts round one
 * (docs/PROTOCOL.md, section 3). */
#ifndef SYNC_LEDGER_OP_H
#define SYNC_LEDGER_OP_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/schema.h"
#include "core/secret.h"
#include "sync/identity.h"
#include "sync/joining.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LEDGER_MAX_PARTS = 4096,
    LEDGER_MAX_RECIPIENTS = 512,
    LEDGER_MAX_FAMILIES = 512, /* of one cover */
    LEDGER_MAX_HEADS = 4096,
    LEDGER_TEXT_BYTES = 200,                           /* of a name or a label */
    LEDGER_SEALED_TEXT_BYTES = 256 + CRYPTO_TAG_BYTES, /* the longest sealed text */
    LEDGER_INVITE_MAX_DAYS = 30,
    LEDGER_COVER_MAX_DAYS = 366,
};

enum ledger_kind {
    LEDGER_CREATE_TEAM = 1,
    LEDGER_INVITE,
    LEDGER_APPROVE,
    LEDGER_ROLE,
    LEDGER_FAMILY,
    LEDGER_ASSIGN,
    LEDGER_GRANT,
    LEDGER_COVER_GIVE,
    LEDGER_COVER_ACCEPT,
    LEDGER_COVER_END,
    LEDGER_ROTATE,
    LEDGER_REVOKE_DEVICE,
    LEDGER_SERVER,
    LEDGER_ADMIT,
    LEDGER_KIND_COUNT
};
const char *ledger_kind_name(enum ledger_kind kind); /* "cover_give" */

enum ledger_role {
    LEDGER_ROLE_ADMINISTRATOR = 1,
    LEDGER_ROLE_COORDINATOR = 2,
    LEDGER_ROLE_COACH = 4,
    LEDGER_ROLE_SCIENTIST = 8, /* behavioural scientist */
    LEDGER_ROLE_DUTY = 16,
    LEDGER_ROLE_INTAKE = 32,
    LEDGER_ROLES_ALL = 63,
};

enum ledger_function { LEDGER_RELEASED = 0, LEDGER_OWNER = 1, LEDGER_COACH = 2 };
enum ledger_scope { LEDGER_SCOPE_READ = 1, LEDGER_SCOPE_WRITE = 2 };
enum ledger_why { LEDGER_WHY_ENDED = 1, LEDGER_WHY_EXPIRED = 2, LEDGER_WHY_DECLINED = 3 };

/* The reserved ids: the reserve (all ff), and the recipient of a link (all 00). */
struct id ledger_reserve(void);
struct id ledger_link(void);

struct ledger_text {
    uint32_t epoch; /* of the team stream */
    uint8_t nonce[CRYPTO_NONCE_BYTES];
    uint16_t len;
    uint8_t bytes[LEDGER_SEALED_TEXT_BYTES];
};

/* Seals a name or a label under the team key. RC_TOO_LARGE over LEDGER_TEXT_BYTES. The text is checked by
 * whoever takes it from a person, and by whoever opens it. */
enum rc ledger_text_seal(const struct secret *team_key, uint32_t epoch, struct id subject,
                         const char *text, struct ledger_text *sealed) MUST_CHECK;
/* `text` has room for LEDGER_TEXT_BYTES + 1. RC_CORRUPT when the seal or the padding does not hold, or when it is not
 * UTF-8 without NUL. */
enum rc ledger_text_open(const struct ledger_text *sealed, const struct secret *team_key,
                         struct id subject, char *text) MUST_CHECK;

/* The last save of one feed that counts, where a right ends or late work is admitted. */
struct ledger_head {
    struct id stream;
    struct id device;
    uint64_t incarnation;
    uint32_t last;
    uint8_t hash[CRYPTO_HASH_BYTES]; /* header hash of the entry that ends there */
};

/* Heads in any order; embedded value ended by its wipe. Also the body of GET heads: `n x head`. */
struct ledger_heads {
    struct ledger_head *items;
    size_t count;
    size_t room;
};
#define LEDGER_HEADS_EMPTY ((struct ledger_heads){NULL, 0, 0})
void ledger_heads_wipe(struct ledger_heads *heads);
enum rc ledger_heads_add(struct ledger_heads *heads, const struct ledger_head *head) MUST_CHECK;
/* The encoder sorts nothing: the decoder takes strictly ascending (stream, device, incarnation) only. */
enum rc ledger_heads_encode(const struct ledger_heads *heads, struct buf *out) MUST_CHECK;
enum rc ledger_heads_decode(const void *bytes, size_t len, struct ledger_heads *heads) MUST_CHECK;

/* `recipients` is owned, strictly ascending. */
struct ledger_part {
    struct id stream;
    uint32_t epoch;
    bool makes;
    uint8_t commitment[CRYPTO_HASH_BYTES]; /* only when it makes the epoch */
    struct id *recipients;
    size_t recipient_count;
};

struct ledger_create_team {
    struct id person;
    uint32_t roles;
    uint8_t sign_public[CRYPTO_PUBLIC_BYTES];
    uint8_t box_public[CRYPTO_PUBLIC_BYTES];
    struct id team_stream;
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    char address[JOINING_ADDRESS_BYTES + 1];
    struct ledger_text name;
    struct ledger_text label;
};
struct ledger_invite {
    uint8_t invite_public[CRYPTO_PUBLIC_BYTES];
    struct id person;
    uint32_t roles;
    uint64_t expires_ms;
    struct ledger_text name;
};
struct ledger_approve {
    struct joining_request request;
    struct ledger_text label;
};
struct ledger_role_change {
    struct id person;
    uint32_t was;
    uint32_t roles;
};
struct ledger_family_new {
    struct id family;
    struct id index;
    struct id file;
    struct id shielded;
    struct id owner; /* person; zeros: a referral, no owner yet */
};
struct ledger_assign {
    struct id family;
    struct id person;
    uint8_t was;      /* enum ledger_function: what stands */
    uint8_t function; /* enum ledger_function */
};
struct ledger_cover_give {
    struct id cover;
    struct id person;
    uint64_t from_ms;
    uint64_t until_ms;
    uint8_t scope; /* enum ledger_scope */
};
struct ledger_cover_end {
    struct id cover;
    uint8_t why; /* enum ledger_why */
};
struct ledger_rotate {
    bool has_reserve;
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];
};
struct ledger_server {
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    char address[JOINING_ADDRESS_BYTES + 1];
};

/*
 * One operation. Embedded value: LEDGER_OP_EMPTY, then fill kind and payload (arrays by ledger_op_add_*),
 * boxes_hash from wire_boxes_hash, and ledger_op_sign; or ledger_op_decode. Ended by ledger_op_wipe.
 */
struct ledger_op {
    enum ledger_kind kind;
    uint8_t team[CRYPTO_HASH_BYTES]; /* zeros in create_team */
    struct id author;                /* device */
    uint64_t seen;
    uint8_t seen_hash[CRYPTO_HASH_BYTES];
    uint64_t created_ms;
    uint64_t not_after_ms;  /* the line's time must not be later; 0: no end */
    uint32_t reserve_epoch; /* current one when a part names the reserve as recipient, else 0 */
    struct id nonce;
    union {
        struct ledger_create_team create_team;
        struct ledger_invite invite;
        struct ledger_approve approve;
        struct ledger_role_change role;
        struct ledger_family_new family;
        struct ledger_assign assign;
        struct ledger_cover_give cover_give;
        struct id cover_accept; /* the cover */
        struct ledger_cover_end cover_end;
        struct ledger_rotate rotate;
        struct id revoke_device; /* the device */
        struct ledger_server server;
    } as;
    struct id *families; /* cover_give: owned, strictly ascending */
    size_t family_count;
    struct ledger_heads
        heads; /* role, assign, cover_end, revoke_device, admit: strictly ascending */
    struct ledger_part *parts; /* owned, strictly ascending by (stream, epoch) */
    size_t part_count;
    uint8_t boxes_hash[CRYPTO_HASH_BYTES];
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
};

#define LEDGER_OP_EMPTY ((struct ledger_op){.kind = LEDGER_GRANT})
void ledger_op_wipe(struct ledger_op *op);

/* Added in any order; each keeps its array sorted. RC_EXISTS for one that is there, RC_TOO_LARGE, RC_NOMEM. */
enum rc ledger_op_add_family(struct ledger_op *op, struct id family) MUST_CHECK;
enum rc ledger_op_add_head(struct ledger_op *op, const struct ledger_head *head) MUST_CHECK;
/* *part belongs to `op` and is valid until the next part is added. */
enum rc ledger_op_add_part(struct ledger_op *op, struct id stream, uint32_t epoch,
                           struct ledger_part **part) MUST_CHECK;
enum rc ledger_part_add_recipient(struct ledger_part *part, struct id recipient) MUST_CHECK;

/*
 * Gives the operation its nonce and author, takes the hash of its boxes, encodes and signs it. The caller has set
 * kind, payload, team, seen, seen_hash (ledger_address), created_ms, not_after_ms, reserve_epoch and parts.
 *
 * boxes  NULL when there are none; sorted by this call
 * out    replaced by the operation's bytes
 */
enum rc ledger_op_sign(struct ledger_op *op, const struct identity *author,
                       struct wire_boxes *boxes, struct buf *out) MUST_CHECK;
/* RC_CORRUPT for bytes that cannot be, RC_UNSUPPORTED for an unknown format, kind or role, RC_NOMEM. */
enum rc ledger_op_decode(const void *bytes, size_t len, struct ledger_op *op) MUST_CHECK;
/* The op hash: what counts once. The team id is that of the first operation. */
void ledger_op_hash(const void *bytes, size_t len, uint8_t hash[CRYPTO_HASH_BYTES]);
/* True when the signature over the encoded operation holds. */
bool ledger_op_verify(const void *bytes, size_t len, const uint8_t *sign_public) MUST_CHECK;
/* RC_OK when `boxes` are exactly those that the key parts name and their set hash is the operation's. Sorts them.
 * RC_INVALID otherwise. */
enum rc ledger_op_check_boxes(const struct ledger_op *op, struct wire_boxes *boxes) MUST_CHECK;

/* A line, taken apart; `op` is lent. */
struct ledger_line {
    uint64_t position;
    uint8_t previous[CRYPTO_HASH_BYTES];
    uint64_t time_ms;
    const uint8_t *op;
    size_t op_len;
};

enum rc ledger_line_encode(const struct ledger_line *line,
                           struct buf *out) MUST_CHECK; /* replaces out */
enum rc ledger_line_decode(const void *bytes, size_t len, struct ledger_line *line) MUST_CHECK;
void ledger_line_hash(const void *bytes, size_t len, uint8_t hash[CRYPTO_HASH_BYTES]);

#endif
