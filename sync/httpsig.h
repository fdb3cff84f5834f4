/* Signed requests: one fixed profile of RFC 9421 with RFC 9530 digests (docs/PROTOCOL.md, section 8). */
#ifndef SYNC_HTTPSIG_H
#define SYNC_HTTPSIG_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    HTTPSIG_DIGEST_CHARS = 54,    /* sha-256=:44 characters: */
    HTTPSIG_SIGNATURE_CHARS = 96, /* baken=:88 characters: */
    HTTPSIG_INPUT_MAX_CHARS = 200,
    HTTPSIG_WINDOW_S = 300, /* how far `created` may lie from the server's time */
};

struct httpsig_request {
    const char *method; /* "GET", "POST" */
    const char *path;   /* as on the wire, from "/" */
    const char *query;  /* without "?"; NULL or empty when there is none */
    const void *body;
    size_t body_len; /* 0: no body, no digest */
};

/* The values of the three headers; content_digest is empty when there is no body. */
struct httpsig_headers {
    char content_digest[HTTPSIG_DIGEST_CHARS + 1];
    char input[HTTPSIG_INPUT_MAX_CHARS + 1];
    char signature[HTTPSIG_SIGNATURE_CHARS + 1];
};

/* What a Signature-Input of the profile says. */
struct httpsig_input {
    bool has_digest;
    int64_t created_s;
    struct id device;
};

/* RC_NOMEM */
enum rc httpsig_content_digest(const void *body, size_t len,
                               char out[HTTPSIG_DIGEST_CHARS + 1]) MUST_CHECK;
/* Signs with a device's Ed25519 key. RC_INVALID for a request that cannot be written down. */
enum rc httpsig_sign(const struct httpsig_request *request, struct id device,
                     const struct secret *sign_key, int64_t created_s,
                     struct httpsig_headers *headers) MUST_CHECK;
/* Reads the one form of Signature-Input; RC_INVALID for every other. */
enum rc httpsig_parse_input(const char *text, struct httpsig_input *input) MUST_CHECK;
/*
 * Rebuilds the base from what was received and verifies. The clock is the caller's to compare.
 *
 * content_digest, input, signature  header values as received; content_digest NULL when absent
 * fails  RC_INVALID a header of another form; RC_UNTRUSTED digest or signature does not hold
 */
enum rc httpsig_verify(const struct httpsig_request *request, const char *content_digest,
                       const char *input, const char *signature,
                       const uint8_t *sign_public) MUST_CHECK;

/* One covered component, in order: its name as RFC 9421 writes it (without quotes), and its value. */
struct httpsig_component {
    const char *name;
    const char *value;
};
/* The signature base of RFC 9421, section 2.5: one line each, then "@signature-params". */
enum rc httpsig_base(const struct httpsig_component *components, size_t count, const char *params,
                     struct buf *base) MUST_CHECK;

#endif
