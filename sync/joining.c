/* Invitation, request to join, and the digits that two people compare. */
#include "sync/joining.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/version.h"
#include "sync/base64.h"
#include "sync/writer.h"

enum { CHECK_BYTES = 4, GROUPS = 5 };

static const char TEXT_START[] = "baken1-";

void
joining_invitation_wipe(struct joining_invitation *invitation)
{
    secret_wipe(&invitation->seed);
    *invitation = JOINING_INVITATION_EMPTY;
}

enum rc
joining_invite_key(struct secret *seed, uint8_t invite_public[CRYPTO_PUBLIC_BYTES])
{
    struct secret key = SECRET_EMPTY;
    enum rc rc = secret_random(seed, CRYPTO_SEED_BYTES);

    if (rc == RC_OK)
        rc = crypto_sign_pair_from_seed(seed, invite_public, &key);
    secret_wipe(&key);
    return rc;
}

enum rc
joining_invitation_encode(const struct joining_invitation *invitation, struct buf *out)
{
    struct writer writer = writer_of(out);
    uint8_t check[CRYPTO_HASH_BYTES];

    if (invitation->seed.len != CRYPTO_SEED_BYTES)
        return rc_fail(RC_INVALID, _("the invitation has no key"));
    writer_u8(&writer, INVITATION_FORMAT);
    writer_text(&writer, invitation->address);
    writer_bytes(&writer, invitation->server_public, CRYPTO_PUBLIC_BYTES);
    writer_bytes(&writer, invitation->team, CRYPTO_HASH_BYTES);
    writer_u64(&writer, invitation->position);
    writer_bytes(&writer, invitation->line_hash, CRYPTO_HASH_BYTES);
    writer_bytes(&writer, invitation->seed.bytes, CRYPTO_SEED_BYTES);
    writer_bytes(&writer, invitation->inviter_sign, CRYPTO_PUBLIC_BYTES);
    if (writer.rc == RC_OK) {
        crypto_hash_once("baken invite 1", writer_begin(&writer), writer_len(&writer), check);
        writer_bytes(&writer, check, CHECK_BYTES);
    }
    return writer_finish(&writer);
}

enum rc
joining_invitation_decode(const void *bytes, size_t len, struct joining_invitation *invitation)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t check[CRYPTO_HASH_BYTES];
    uint8_t seed[CRYPTO_SEED_BYTES];
    uint8_t claimed[CHECK_BYTES];

    joining_invitation_wipe(invitation);
    uint8_t format = reader_u8(&reader);
    if (!reader.failed && format != INVITATION_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("the invitation is of a newer kind: upgrade first"));
    reader_ascii(&reader, JOINING_ADDRESS_BYTES, invitation->address);
    reader_copy(&reader, invitation->server_public, CRYPTO_PUBLIC_BYTES);
    reader_copy(&reader, invitation->team, CRYPTO_HASH_BYTES);
    invitation->position = reader_u64(&reader);
    if (invitation->position == 0)
        reader.failed = true;
    reader_copy(&reader, invitation->line_hash, CRYPTO_HASH_BYTES);
    reader_copy(&reader, seed, sizeof seed);
    reader_copy(&reader, invitation->inviter_sign, CRYPTO_PUBLIC_BYTES);
    reader_copy(&reader, claimed, sizeof claimed);
    enum rc rc = reader_finish(&reader, _("the invitation"));
    if (rc == RC_OK) {
        crypto_hash_once("baken invite 1", bytes, len - CHECK_BYTES, check);
        if (memcmp(check, claimed, CHECK_BYTES) != 0)
            rc = rc_fail(RC_CORRUPT, _("the check of the invitation differs"));
    }
    if (rc == RC_OK)
        rc = secret_copy(&invitation->seed, seed, sizeof seed);
    wipe(seed, sizeof seed);
    if (rc != RC_OK)
        joining_invitation_wipe(invitation);
    return rc;
}

enum rc
joining_invitation_to_text(const struct joining_invitation *invitation, struct buf *text)
{
    struct buf bytes = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES);
    enum rc rc;

    buf_clear(text);
    rc = joining_invitation_encode(invitation, &bytes);
    if (rc == RC_OK)
        rc = buf_put(text, TEXT_START, sizeof TEXT_START - 1);
    if (rc == RC_OK)
        rc = base64_encode(bytes.data, bytes.len, BASE64_URL, text);
    buf_wipe(&bytes); /* the seed is in it */
    return rc;
}

enum rc
joining_invitation_from_text(const char *text, size_t len, struct joining_invitation *invitation)
{
    struct buf bytes = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES);
    const size_t start = sizeof TEXT_START - 1;
    enum rc rc;

    joining_invitation_wipe(invitation);
    while (len > 0 && isspace((unsigned char)text[0])) {
        text++;
        len--;
    }
    while (len > 0 && isspace((unsigned char)text[len - 1]))
        len--;
    if (len < start || len > 2 * (size_t)JOINING_INVITATION_MAX_BYTES ||
        memcmp(text, TEXT_START, start) != 0)
        return rc_fail(RC_INVALID, _("an invitation begins with %s"), TEXT_START);
    rc = base64_decode(text + start, len - start, BASE64_URL, &bytes);
    if (rc == RC_OK)
        rc = joining_invitation_decode(bytes.data, bytes.len, invitation);
    if (rc == RC_CORRUPT || rc == RC_INVALID || rc == RC_TOO_LARGE)
        rc = rc_fail(
            RC_INVALID,
            _("the invitation is not whole: copy it again, from the first letter to the last"));
    buf_wipe(&bytes);
    return rc;
}

/*
 *   0 u8 format = 1     1 team     33 invite_public     65 sign     97 box     129 u64 created_ms
 * 137 signature of the invite key over 0..137     201 signature of the device over 0..137     265 end
 */
enum { SIGNED_BYTES = 137 };

void
joining_request_encode(const struct joining_request *request, uint8_t out[JOINING_REQUEST_BYTES])
{
    out[0] = JOIN_REQUEST_FORMAT;
    memcpy(out + 1, request->team, CRYPTO_HASH_BYTES);
    memcpy(out + 33, request->invite_public, CRYPTO_PUBLIC_BYTES);
    memcpy(out + 65, request->sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(out + 97, request->box_public, CRYPTO_PUBLIC_BYTES);
    for (unsigned i = 0; i < 8; i++)
        out[129 + i] = (uint8_t)(request->created_ms >> (56 - 8 * i));
    memcpy(out + SIGNED_BYTES, request->invite_signature, CRYPTO_SIGNATURE_BYTES);
    memcpy(out + SIGNED_BYTES + CRYPTO_SIGNATURE_BYTES, request->device_signature,
           CRYPTO_SIGNATURE_BYTES);
}

enum rc
joining_request_decode(const void *bytes, size_t len, struct joining_request *request)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);

    if (!reader.failed && format != JOIN_REQUEST_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("the request to join is of a newer kind"));
    reader_copy(&reader, request->team, CRYPTO_HASH_BYTES);
    reader_copy(&reader, request->invite_public, CRYPTO_PUBLIC_BYTES);
    reader_copy(&reader, request->sign_public, CRYPTO_PUBLIC_BYTES);
    reader_copy(&reader, request->box_public, CRYPTO_PUBLIC_BYTES);
    request->created_ms = reader_u64(&reader);
    reader_copy(&reader, request->invite_signature, CRYPTO_SIGNATURE_BYTES);
    reader_copy(&reader, request->device_signature, CRYPTO_SIGNATURE_BYTES);
    return reader_finish(&reader, _("the request to join"));
}

enum rc
joining_request_make(const struct joining_invitation *invitation, const struct identity *newcomer,
                     uint64_t created_ms, struct joining_request *request)
{
    struct secret invite_key = SECRET_EMPTY;
    uint8_t bytes[JOINING_REQUEST_BYTES];
    enum rc rc;

    *request = (struct joining_request){.created_ms = created_ms};
    memcpy(request->team, invitation->team, CRYPTO_HASH_BYTES);
    memcpy(request->sign_public, newcomer->sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(request->box_public, newcomer->box_public, CRYPTO_PUBLIC_BYTES);
    rc = crypto_sign_pair_from_seed(&invitation->seed, request->invite_public, &invite_key);
    if (rc != RC_OK)
        goto out;
    joining_request_encode(request, bytes);
    rc = crypto_sign_message(&invite_key, "baken join 1", bytes, SIGNED_BYTES,
                             request->invite_signature);
    if (rc == RC_OK)
        rc =
            identity_sign(newcomer, "baken join 1", bytes, SIGNED_BYTES, request->device_signature);
out:
    secret_wipe(&invite_key);
    return rc;
}

bool
joining_request_verify(const struct joining_request *request)
{
    uint8_t bytes[JOINING_REQUEST_BYTES];

    joining_request_encode(request, bytes);
    return crypto_verify(request->invite_public, "baken join 1", bytes, SIGNED_BYTES,
                         request->invite_signature) &&
           crypto_verify(request->sign_public, "baken join 1", bytes, SIGNED_BYTES,
                         request->device_signature);
}

void
joining_digits(const uint8_t *team, const uint8_t *invite_line_hash, const uint8_t *sign_public,
               const uint8_t *box_public, const uint8_t *inviter_sign,
               char digits[JOINING_DIGITS_CHARS + 1])
{
    struct crypto_hash state;
    uint8_t hash[CRYPTO_HASH_BYTES];

    crypto_hash_start(&state, "baken digits 1");
    crypto_hash_add(&state, team, CRYPTO_HASH_BYTES);
    crypto_hash_add(&state, invite_line_hash, CRYPTO_HASH_BYTES);
    crypto_hash_add(&state, sign_public, CRYPTO_PUBLIC_BYTES);
    crypto_hash_add(&state, box_public, CRYPTO_PUBLIC_BYTES);
    crypto_hash_add(&state, inviter_sign, CRYPTO_PUBLIC_BYTES);
    crypto_hash_end(&state, hash);
    struct reader reader = reader_of(hash, sizeof hash);
    for (unsigned i = 0; i < GROUPS; i++) {
        unsigned group = (unsigned)(reader_u32(&reader) % 10000);
        (void)snprintf(digits + (size_t)5 * i, 6, i + 1 < GROUPS ? "%04u " : "%04u", group);
    }
}

bool
joining_digits_match(const char *digits, const char *typed)
{
    for (;;) {
        while (*digits == ' ')
            digits++;
        while (*typed == '-' || isspace((unsigned char)*typed))
            typed++;
        if (*digits != *typed)
            return false;
        if (*digits == '\0')
            return true;
        digits++;
        typed++;
    }
}
