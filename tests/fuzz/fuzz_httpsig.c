/* Fuzz entry of sync/httpsig: three header values, one on each line; an empty last one is no digest. Whatever is
 * verified is what signing writes. */
#include "sync/httpsig.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static struct identity identity;

static void
try_request(const struct httpsig_request *request, const char *input, const char *signature,
            const char *digest)
{
    struct httpsig_input parsed;
    struct httpsig_headers again;

    if (httpsig_verify(request, digest[0] == '\0' ? NULL : digest, input, signature,
                       identity.sign_public) != RC_OK)
        return;
    if (httpsig_parse_input(input, &parsed) != RC_OK ||
        httpsig_sign(request, parsed.device, &identity.sign, parsed.created_s, &again) != RC_OK ||
        strcmp(again.input, input) != 0 || strcmp(again.content_digest, digest) != 0)
        abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const struct httpsig_request post = {"POST", "/v1/teams", "", "body", 4};
    static const struct httpsig_request get = {"GET", "/v1/teams/0/entries", "after=3&wait=60",
                                               NULL, 0};
    char *text = malloc(len + 3);

    if (text == NULL || secret_start() != RC_OK)
        abort();
    if (identity.sign.bytes == NULL)
        golden_identity(0, &identity);
    memcpy(text, data, len);
    for (size_t i = 0; i < len; i++)
        if (text[i] == '\0') /* a header has none */
            text[i] = ' ';
    memcpy(text + len, "\n\n", 3); /* there are always three lines */
    char *signature = strchr(text, '\n') + 1;
    signature[-1] = '\0';
    char *digest = strchr(signature, '\n');
    if (digest != NULL) {
        *digest++ = '\0';
        digest[strcspn(digest, "\n")] = '\0';
        try_request(&post, text, signature, digest);
        try_request(&get, text, signature, digest);
    }
    free(text);
    return 0;
}
