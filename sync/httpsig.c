/* Signed requests: one fixed profile of RFC 9421 with RFC 9530 digests. */
#include "sync/httpsig.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/base64.h"

enum { BASE_BYTES = 64 * 1024, DEVICE_CHARS = 2 * ID_BYTES, SECONDS_DIGITS = 10 };

static const char COVERED[] = "(\"@method\" \"@path\" \"@query\")";
static const char COVERED_BODY[] = "(\"@method\" \"@path\" \"@query\" \"content-digest\")";
static const char LABEL[] = "baken=";

/* Writes "START" base64 ":" into `out`, which has room for `chars` and the NUL. */
static enum rc
wrap(const char *start, const void *bytes, size_t len, char *out, size_t chars)
{
    struct buf text = BUF_EMPTY(chars);
    enum rc rc = buf_put(&text, start, strlen(start));

    if (rc == RC_OK)
        rc = base64_encode(bytes, len, BASE64_PADDED, &text);
    if (rc == RC_OK)
        rc = buf_put(&text, ":", 1);
    if (rc == RC_OK) {
        memcpy(out, text.data, text.len);
        out[text.len] = '\0';
    }
    buf_wipe(&text);
    return rc;
}

enum rc
httpsig_content_digest(const void *body, size_t len, char out[HTTPSIG_DIGEST_CHARS + 1])
{
    uint8_t hash[32];

    crypto_sha256(body, len, hash);
    return wrap("sha-256=:", hash, sizeof hash, out, HTTPSIG_DIGEST_CHARS);
}

enum rc
httpsig_base(const struct httpsig_component *components, size_t count, const char *params,
             struct buf *base)
{
    enum rc rc = RC_OK;

    buf_clear(base);
    for (size_t i = 0; i < count && rc == RC_OK; i++)
        rc = buf_printf(base, "\"%s\": %s\n", components[i].name, components[i].value);
    if (rc == RC_OK)
        rc = buf_printf(base, "\"@signature-params\": %s", params);
    return rc;
}

static bool
is_writable(const char *text)
{
    for (; *text != '\0'; text++)
        if (*text < '!' || *text > '~')
            return false;
    return true;
}

/* The base of our profile. `params` is what stands behind the label in Signature-Input. */
static enum rc
profile_base(const struct httpsig_request *request, const char *digest, const char *params,
             struct buf *base)
{
    struct buf query = BUF_EMPTY(BASE_BYTES);
    const char *asked = request->query == NULL ? "" : request->query;
    enum rc rc;

    if (!is_writable(request->method) || request->path[0] != '/' || !is_writable(request->path) ||
        !is_writable(asked))
        return rc_fail(RC_INVALID, _("the request has a line that cannot be signed"));
    rc = buf_printf(&query, "?%s", asked);
    const char *query_text = rc == RC_OK ? buf_text(&query) : NULL;
    if (rc == RC_OK && query_text == NULL)
        rc = rc_nomem();
    if (rc == RC_OK) {
        const struct httpsig_component components[] = {
            {"@method", request->method},
            {"@path", request->path},
            {"@query", query_text},
            {"content-digest", digest},
        };
        rc = httpsig_base(components, request->body_len > 0 ? 4 : 3, params, base);
    }
    buf_wipe(&query);
    return rc;
}

static void
device_to_hex(struct id device, char hex[DEVICE_CHARS + 1])
{
    for (size_t i = 0; i < ID_BYTES; i++)
        (void)snprintf(hex + 2 * i, 3, "%02x", device.bytes[i]);
}

/* The one form of Signature-Input. */
static void
write_input(const struct httpsig_input *input, char out[HTTPSIG_INPUT_MAX_CHARS + 1])
{
    char hex[DEVICE_CHARS + 1];

    device_to_hex(input->device, hex);
    (void)snprintf(out, HTTPSIG_INPUT_MAX_CHARS + 1,
                   "%s%s;created=%" PRId64 ";keyid=\"%s\";alg=\"ed25519\";tag=\"baken-1\"", LABEL,
                   input->has_digest ? COVERED_BODY : COVERED, input->created_s, hex);
}

enum rc
httpsig_sign(const struct httpsig_request *request, struct id device, const struct secret *sign_key,
             int64_t created_s, struct httpsig_headers *headers)
{
    struct httpsig_input input = {request->body_len > 0, created_s, device};
    struct buf base = BUF_EMPTY(BASE_BYTES);
    uint8_t signature[CRYPTO_SIGNATURE_BYTES];
    enum rc rc = RC_OK;

    *headers = (struct httpsig_headers){.input = ""};
    if (created_s < 0 || created_s > 9999999999)
        return rc_fail(RC_INVALID, _("a time that cannot be signed"));
    if (input.has_digest)
        rc = httpsig_content_digest(request->body, request->body_len, headers->content_digest);
    write_input(&input, headers->input);
    if (rc == RC_OK)
        rc = profile_base(request, headers->content_digest, headers->input + sizeof LABEL - 1, &base);
    if (rc == RC_OK)
        rc = crypto_sign_plain(sign_key, base.data, base.len, signature);
    if (rc == RC_OK)
        rc = wrap("baken=:", signature, sizeof signature, headers->signature,
                  HTTPSIG_SIGNATURE_CHARS);
    buf_wipe(&base);
    return rc;
}

static bool
skip(const char **at, const char *word)
{
    size_t len = strlen(word);

    if (strncmp(*at, word, len) != 0)
        return false;
    *at += len;
    return true;
}

static int
hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

enum rc
httpsig_parse_input(const char *text, struct httpsig_input *input)
{
    char again[HTTPSIG_INPUT_MAX_CHARS + 1];
    const char *at = text;

    *input = (struct httpsig_input){.has_digest = false};
    if (!skip(&at, LABEL))
        goto refuse;
    input->has_digest = skip(&at, COVERED_BODY);
    if ((!input->has_digest && !skip(&at, COVERED)) || !skip(&at, ";created="))
        goto refuse;
    for (unsigned i = 0; i < SECONDS_DIGITS && *at >= '0' && *at <= '9'; i++, at++)
        input->created_s = input->created_s * 10 + (*at - '0');
    if (!skip(&at, ";keyid=\""))
        goto refuse;
    for (size_t i = 0; i < DEVICE_CHARS; i++, at++) {
        int value = hex_value(*at);
        if (value < 0)
            goto refuse;
        input->device.bytes[i / 2] = (uint8_t)(input->device.bytes[i / 2] << 4 | value);
    }
    /* Whatever is left is compared by writing the one form anew: leading zeros and tails differ. */
    write_input(input, again);
    if (strcmp(again, text) == 0)
        return RC_OK;
refuse:
    return rc_fail(RC_INVALID, _("the Signature-Input is not of the form that we speak"));
}

static enum rc
read_signature(const char *text, uint8_t signature[CRYPTO_SIGNATURE_BYTES])
{
    struct buf bytes = BUF_EMPTY(CRYPTO_SIGNATURE_BYTES + 3);
    const size_t start = sizeof "baken=:" - 1;
    enum rc rc;

    if (strlen(text) != HTTPSIG_SIGNATURE_CHARS || strncmp(text, "baken=:", start) != 0 ||
        text[HTTPSIG_SIGNATURE_CHARS - 1] != ':')
        return rc_fail(RC_INVALID, _("the Signature is not of the form that we speak"));
    rc = base64_decode(text + start, HTTPSIG_SIGNATURE_CHARS - start - 1, BASE64_PADDED, &bytes);
    if (rc == RC_OK && bytes.len != CRYPTO_SIGNATURE_BYTES)
        rc = rc_fail(RC_INVALID, _("the Signature has a wrong length"));
    if (rc == RC_OK)
        memcpy(signature, bytes.data, CRYPTO_SIGNATURE_BYTES);
    buf_wipe(&bytes);
    return rc;
}

enum rc
httpsig_verify(const struct httpsig_request *request, const char *content_digest, const char *input,
               const char *signature, const uint8_t *sign_public)
{
    struct buf base = BUF_EMPTY(BASE_BYTES);
    uint8_t claimed[CRYPTO_SIGNATURE_BYTES];
    struct httpsig_input parsed;
    enum rc rc;

    rc = httpsig_parse_input(input, &parsed);
    if (rc == RC_OK)
        rc = read_signature(signature, claimed);
    if (rc != RC_OK)
        return rc;
    if (parsed.has_digest != (request->body_len > 0) ||
        (content_digest != NULL) != parsed.has_digest)
        return rc_fail(RC_INVALID, _("a digest is signed exactly when there is a body"));
    if (parsed.has_digest) {
        char digest[HTTPSIG_DIGEST_CHARS + 1];
        rc = httpsig_content_digest(request->body, request->body_len, digest);
        if (rc != RC_OK)
            return rc;
        if (strcmp(digest, content_digest) != 0)
            return rc_fail(RC_UNTRUSTED, _("the digest is not that of the body"));
    }
    rc = profile_base(request, content_digest, input + sizeof LABEL - 1, &base);
    if (rc == RC_OK && !crypto_verify_plain(sign_public, base.data, base.len, claimed))
        rc = rc_fail(RC_UNTRUSTED, _("the signature of the request does not hold"));
    buf_wipe(&base);
    return rc;
}
