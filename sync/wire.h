/* Bodies of requests and answers to structs and back; every ceiling of the wire is a constant here or in the
 * header of the thing itself (docs/PROTOCOL.md, sections 3, 8 and 12). */
#ifndef SYNC_WIRE_H
#define SYNC_WIRE_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    WIRE_REQUEST_BYTES = 8 * 1024 * 1024,
    WIRE_PAGE_BYTES = 4 * 1024 * 1024,        /* a page ends when it is over this */
    WIRE_ANSWER_MAX_BYTES = 16 * 1024 * 1024, /* what a client reads at most */
    WIRE_OPERATION_BYTES = 1024 * 1024,
    WIRE_LINE_BYTES = WIRE_OPERATION_BYTES + 52,
    WIRE_BOX_BYTES = 256, /* one box */
    WIRE_CODE_CHARS = 64, /* the one-time code, as typed */
    WIRE_VERSION_CHARS = 32,
    WIRE_WAIT_MAX_S = 60,
    WIRE_LACKING_BOXES = 4096, /* in one answer to GET lacking, and in one POST boxes */
};

/* Arrivals, boxes and acknowledgements of one life of a server are numbered on from its first, which is its start in milliseconds, shifted so
 * far, or more (PROTOCOL section 8): a number that lies 2 to that power above all that were seen is of a later life. */
enum { WIRE_LIFE_SHIFT = 16 };

/* Where an answer says to ask next: what a store can keep. A failure stays in the reader. */
uint64_t wire_get_cursor(struct reader *reader);

/* ---- boxes beside the ledger ---- */

/* One box record; the bytes are inside, so that it can be copied and kept. */
struct wire_box {
    struct id stream;
    uint32_t epoch;
    struct id recipient; /* a device; all ff = the reserve; all 00 = the link */
    uint16_t len;
    uint8_t bytes[WIRE_BOX_BYTES];
};

/* Embedded value: WIRE_BOXES_EMPTY, ended by wire_boxes_wipe. */
struct wire_boxes {
    struct wire_box *items;
    size_t count;
    size_t room;
};

#define WIRE_BOXES_EMPTY ((struct wire_boxes){NULL, 0, 0})
void wire_boxes_wipe(struct wire_boxes *boxes);
enum rc wire_boxes_add(struct wire_boxes *boxes, const struct wire_box *box) MUST_CHECK;
/* Ascending by (stream, epoch, recipient). */
void wire_boxes_sort(struct wire_boxes *boxes);
/* The set hash; the boxes are sorted. Zeros when there are none. */
void wire_boxes_hash(const struct wire_boxes *boxes, uint8_t hash[CRYPTO_HASH_BYTES]);
/* `n x box_record`. The getter replaces the content of `boxes`. */
enum rc wire_boxes_put(struct buf *buf, const struct wire_boxes *boxes) MUST_CHECK;
enum rc wire_boxes_get(struct reader *reader, struct wire_boxes *boxes) MUST_CHECK;

/* GET lacking: `n x (id stream, u32 epoch, id recipient)`, boxes by their names alone. The getter replaces the content of `boxes`, whose
 * bytes are empty. */
enum rc wire_box_names_encode(const struct wire_boxes *boxes, struct buf *out) MUST_CHECK;
enum rc wire_box_names_decode(const void *bytes, size_t len, struct wire_boxes *boxes) MUST_CHECK;
/* POST boxes: `n x box_record`. */
enum rc wire_boxes_decode(const void *bytes, size_t len, struct wire_boxes *boxes) MUST_CHECK;

/* GET boxes: boxes[i] stands under numbers[i]. */
struct wire_box_list {
    uint64_t next; /* what to ask after, next */
    bool more;
    uint64_t *numbers;
    struct wire_boxes boxes;
};

#define WIRE_BOX_LIST_EMPTY ((struct wire_box_list){.boxes = WIRE_BOXES_EMPTY})
void wire_box_list_wipe(struct wire_box_list *list);
enum rc wire_box_list_encode(const struct wire_box_list *list, struct buf *out) MUST_CHECK;
enum rc wire_box_list_decode(const void *bytes, size_t len, struct wire_box_list *list) MUST_CHECK;

/* ---- the ledger's bodies ---- */

/* The server's signed word on its head. */
struct wire_statement {
    uint8_t team[CRYPTO_HASH_BYTES];
    uint64_t position;
    uint8_t line_hash[CRYPTO_HASH_BYTES];
    uint64_t time_ms;
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
};

enum rc wire_statement_sign(struct wire_statement *statement,
                            const struct secret *server_key) MUST_CHECK;
bool wire_statement_verify(const struct wire_statement *statement,
                           const uint8_t *server_public) MUST_CHECK;
enum rc wire_statement_put(struct buf *buf, const struct wire_statement *statement) MUST_CHECK;
void wire_statement_get(struct reader *reader, struct wire_statement *statement);

/* Lent bytes: a line, an operation, a request to join, an acknowledgement. */
struct wire_bytes {
    const uint8_t *data;
    size_t len;
};

/* A list of lent blocks. Embedded value, ended by wire_blocks_wipe (the array alone is owned). */
struct wire_blocks {
    struct wire_bytes *items;
    size_t count;
    size_t room;
};

#define WIRE_BLOCKS_EMPTY ((struct wire_blocks){NULL, 0, 0})
void wire_blocks_wipe(struct wire_blocks *blocks);
enum rc wire_blocks_add(struct wire_blocks *blocks, const void *data, size_t len) MUST_CHECK;
/* `n x block`; each block at most `ceiling` bytes. */
enum rc wire_blocks_put(struct buf *buf, const struct wire_blocks *blocks) MUST_CHECK;
enum rc wire_blocks_get(struct reader *reader, size_t ceiling,
                        struct wire_blocks *blocks) MUST_CHECK;

struct wire_ledger_answer {
    struct wire_blocks lines; /* lent from the decoded bytes */
    bool more;
    struct wire_statement statement;
};

#define WIRE_LEDGER_ANSWER_EMPTY ((struct wire_ledger_answer){.lines = WIRE_BLOCKS_EMPTY})
void wire_ledger_answer_wipe(struct wire_ledger_answer *answer);
enum rc wire_ledger_answer_encode(const struct wire_ledger_answer *answer,
                                  struct buf *out) MUST_CHECK;
/* The statement's signature is the caller's to verify (the key may stand in the lines). */
enum rc wire_ledger_answer_decode(const void *bytes, size_t len,
                                  struct wire_ledger_answer *answer) MUST_CHECK;

/* POST ledger, and POST teams where `code` is not empty. */
struct wire_submission {
    char code[WIRE_CODE_CHARS + 1];
    struct wire_bytes operation; /* lent */
    struct wire_boxes boxes;     /* owned */
};

#define WIRE_SUBMISSION_EMPTY ((struct wire_submission){.boxes = WIRE_BOXES_EMPTY})
void wire_submission_wipe(struct wire_submission *submission);
enum rc wire_submission_encode(const struct wire_submission *submission, bool with_code,
                               struct buf *out) MUST_CHECK;
enum rc wire_submission_decode(const void *bytes, size_t len, bool with_code,
                               struct wire_submission *submission) MUST_CHECK;

/* GET joins: n x block join_request. */
enum rc wire_joins_encode(const struct wire_blocks *joins, struct buf *out) MUST_CHECK;
enum rc wire_joins_decode(const void *bytes, size_t len, struct wire_blocks *joins) MUST_CHECK;

/* GET acks: u64 next, u8 more, n x block ack. */
struct wire_ack_list {
    uint64_t next;
    bool more;
    struct wire_blocks acks; /* lent */
};

#define WIRE_ACK_LIST_EMPTY ((struct wire_ack_list){.acks = WIRE_BLOCKS_EMPTY})
void wire_ack_list_wipe(struct wire_ack_list *list);
enum rc wire_ack_list_encode(const struct wire_ack_list *list, struct buf *out) MUST_CHECK;
enum rc wire_ack_list_decode(const void *bytes, size_t len, struct wire_ack_list *list) MUST_CHECK;

/* ---- hello and push answer ---- */

struct wire_hello {
    uint64_t time_ms;
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    uint8_t nonce[ID_BYTES]; /* as sent, else zeros */
    uint32_t entry_bytes;    /* the largest ciphertext that the server takes */
    uint32_t body_bytes;     /* the largest request body */
    char version[WIRE_VERSION_CHARS + 1];
    bool has_team;
    uint8_t team[CRYPTO_HASH_BYTES];
    uint64_t position;
    uint8_t line_hash[CRYPTO_HASH_BYTES];
};

enum rc wire_hello_encode(const struct wire_hello *hello, const struct secret *server_key,
                          struct buf *out) MUST_CHECK;
/* RC_UNTRUSTED when the signature does not hold under the key inside; that this is *the* server's key, and
 * that the nonce is the one sent, is the caller's to compare. */
enum rc wire_hello_decode(const void *bytes, size_t len, struct wire_hello *hello) MUST_CHECK;

enum wire_push_result { WIRE_PUSH_STORED = 0, WIRE_PUSH_HAD = 1, WIRE_PUSH_REFUSED = 2 };
enum wire_push_reason {
    WIRE_REASON_NONE = 0,
    WIRE_REASON_MALFORMED = 1,
    WIRE_REASON_SIGNATURE = 2,
    WIRE_REASON_UNKNOWN = 3, /* device or stream */
    WIRE_REASON_NO_RIGHT = 4,
    WIRE_REASON_GAP = 5,
    WIRE_REASON_FORK = 6,
    WIRE_REASON_POSITION = 7,
    WIRE_REASON_OTHER_HASH = 8,
    WIRE_REASON_TOO_LARGE = 9,
    WIRE_REASON_EPOCH = 10,
    WIRE_REASON_COUNT
};

struct wire_push_item {
    uint8_t result; /* enum wire_push_result */
    uint8_t reason; /* enum wire_push_reason */
};

struct wire_push_answer {
    uint8_t request[CRYPTO_HASH_BYTES]; /* BLAKE2b-256 of the request's body */
    uint64_t time_ms;
    uint64_t position;
    struct wire_push_item *items; /* owned */
    size_t count;
};

#define WIRE_PUSH_ANSWER_EMPTY ((struct wire_push_answer){.items = NULL})
void wire_push_answer_wipe(struct wire_push_answer *answer);
enum rc wire_push_answer_encode(const struct wire_push_answer *answer,
                                const struct secret *server_key, struct buf *out) MUST_CHECK;
/* RC_UNTRUSTED when the signature fails, or the answer is to another request than `request_hash`. */
enum rc wire_push_answer_decode(const void *bytes, size_t len, const uint8_t *server_public,
                                const uint8_t *request_hash,
                                struct wire_push_answer *answer) MUST_CHECK;

/* ---- errors ---- */

enum wire_error {
    WIRE_ERROR_NONE = 0,
    WIRE_ERROR_MALFORMED,
    WIRE_ERROR_UNSIGNED,
    WIRE_ERROR_SIGNATURE,
    WIRE_ERROR_CLOCK,
    WIRE_ERROR_UNKNOWN_DEVICE,
    WIRE_ERROR_DENIED,
    WIRE_ERROR_REVOKED,
    WIRE_ERROR_UNKNOWN_ROUTE,
    WIRE_ERROR_UNKNOWN_TEAM,
    WIRE_ERROR_METHOD,
    WIRE_ERROR_LENGTH_REQUIRED,
    WIRE_ERROR_TOO_LARGE,
    WIRE_ERROR_MEDIA_TYPE,
    WIRE_ERROR_HEADERS_TOO_LARGE,
    WIRE_ERROR_TRANSFER_ENCODING,
    WIRE_ERROR_STALE,
    WIRE_ERROR_EXISTS,
    WIRE_ERROR_RULE,
    WIRE_ERROR_USED,
    WIRE_ERROR_EXPIRED,
    WIRE_ERROR_SLOW_DOWN,
    WIRE_ERROR_STOPPING,
    WIRE_ERROR_FULL,
    WIRE_ERROR_COUNT
};
const char *wire_error_name(enum wire_error error); /* "unknown_team" */
int wire_error_status(enum wire_error error);       /* HTTP status */
/* WIRE_ERROR_NONE for a name that is none. */
enum wire_error wire_error_from_name(const char *name);

#endif
