/* Invitation, request to join, and the digits that two people compare (docs/PROTOCOL.md, section 4). */
#ifndef SYNC_JOINING_H
#define SYNC_JOINING_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"
#include "sync/identity.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    JOINING_ADDRESS_BYTES = 255, /* of a server's address: printable ASCII */
    JOINING_REQUEST_BYTES = 265,
    JOINING_INVITATION_MAX_BYTES = 4096,
    JOINING_DIGITS_CHARS = 24, /* "1234 5678 ..." without the NUL */
};

/* A secret as a whole: `seed` lets anybody ask to join. */
struct joining_invitation {
    char address[JOINING_ADDRESS_BYTES + 1];
    uint8_t server_public[CRYPTO_PUBLIC_BYTES];
    uint8_t team[CRYPTO_HASH_BYTES];
    uint64_t position; /* of the invite line */
    uint8_t line_hash[CRYPTO_HASH_BYTES];
    struct secret seed;
    uint8_t inviter_sign[CRYPTO_PUBLIC_BYTES];
};

#define JOINING_INVITATION_EMPTY ((struct joining_invitation){.seed = SECRET_EMPTY})
void joining_invitation_wipe(struct joining_invitation *invitation);

/* A new invite key: the seed for the invitation, the public half for the invite line. */
enum rc joining_invite_key(struct secret *seed,
                           uint8_t invite_public[CRYPTO_PUBLIC_BYTES]) MUST_CHECK;
/* Replaces `text` by "baken1-..." (NUL not counted). */
enum rc joining_invitation_to_text(const struct joining_invitation *invitation,
                                   struct buf *text) MUST_CHECK;
/* White space around the text is forgiven. RC_INVALID with a sentence for the newcomer (a letter lost, another
 * form); RC_UNSUPPORTED. */
enum rc joining_invitation_from_text(const char *text, size_t len,
                                     struct joining_invitation *invitation) MUST_CHECK;
/* The bytes beneath the text form. */
enum rc joining_invitation_encode(const struct joining_invitation *invitation,
                                  struct buf *out) MUST_CHECK;
enum rc joining_invitation_decode(const void *bytes, size_t len,
                                  struct joining_invitation *invitation) MUST_CHECK;

struct joining_request {
    uint8_t team[CRYPTO_HASH_BYTES];
    uint8_t invite_public[CRYPTO_PUBLIC_BYTES];
    uint8_t sign_public[CRYPTO_PUBLIC_BYTES];
    uint8_t box_public[CRYPTO_PUBLIC_BYTES];
    uint64_t created_ms;
    uint8_t invite_signature[CRYPTO_SIGNATURE_BYTES];
    uint8_t device_signature[CRYPTO_SIGNATURE_BYTES];
};

/* Builds and signs the newcomer's request. */
enum rc joining_request_make(const struct joining_invitation *invitation,
                             const struct identity *newcomer, uint64_t created_ms,
                             struct joining_request *request) MUST_CHECK;
void joining_request_encode(const struct joining_request *request,
                            uint8_t out[JOINING_REQUEST_BYTES]);
/* RC_CORRUPT; RC_UNSUPPORTED. Signatures are not looked at. */
enum rc joining_request_decode(const void *bytes, size_t len,
                               struct joining_request *request) MUST_CHECK;
/* True when both signatures hold. */
bool joining_request_verify(const struct joining_request *request) MUST_CHECK;

/* The twenty digits, five groups of four with spaces between, NUL-terminated. */
void joining_digits(const uint8_t *team, const uint8_t *invite_line_hash,
                    const uint8_t *sign_public, const uint8_t *box_public,
                    const uint8_t *inviter_sign, char digits[JOINING_DIGITS_CHARS + 1]);
/* Compares what a person typed, blanks and hyphens forgiven. */
bool joining_digits_match(const char *digits, const char *typed) MUST_CHECK;

#endif
