/* Fuzz entry of sync/httpsig: three header values, one on each line. */
#include "sync/httpsig.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const uint8_t key[32] = {1};
    const struct httpsig_request request = {"POST", "/v1/teams", "", "body", 4};
    struct httpsig_input input;
    char *text = malloc(len + 3);

    if (text == NULL || secret_start() != RC_OK)
        abort();
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
        (void)(httpsig_parse_input(text, &input) == RC_OK);
        if (httpsig_verify(&request, digest, text, signature, key) == RC_OK)
            abort();
    }
    free(text);
    return 0;
}
