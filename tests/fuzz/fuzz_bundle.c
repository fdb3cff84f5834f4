/* Fuzz entry of sync/bundle: a container that a colleague signed, and content that one sealed. The last bytes of the
 * input are replaced by a right signature, so that what is altered before them is looked at. */
#include "sync/bundle.h"

#include <stdlib.h>
#include <string.h>

#include "sync/wire_run.h"
#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CEILING = 1 << 20 };

static struct identity author, reader;

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static void
open_signed(const uint8_t *data, size_t len)
{
    struct buf content = BUF_EMPTY(CEILING);
    struct wire_run_bundle inside = WIRE_RUN_BUNDLE_EMPTY;
    size_t signed_len = len - CRYPTO_SIGNATURE_BYTES;
    uint8_t *bytes = malloc(len);

    need(bytes != NULL);
    memcpy(bytes, data, len);
    need(identity_sign(&author, "baken bundle 1", bytes, signed_len, bytes + signed_len) == RC_OK);
    if (bundle_open(bytes, len, &reader, author.sign_public, &content) == RC_OK)
        (void)(wire_run_bundle_decode(content.data, content.len, &inside) == RC_OK);
    wire_run_bundle_wipe(&inside);
    buf_wipe(&content);
    free(bytes);
}

/* Whatever is sealed for the reader comes out again. */
static void
seal_and_open(const uint8_t *data, size_t len)
{
    const struct bundle_head head = {.from = author.device, .to = reader.device};
    struct buf content = BUF_EMPTY(CEILING), sealed = BUF_EMPTY(CEILING),
               again = BUF_EMPTY(CEILING);

    need(buf_put(&content, data, len) == RC_OK);
    need(bundle_seal(&head, &author, reader.box_public, &content, &sealed) == RC_OK);
    need(bundle_open(sealed.data, sealed.len, &reader, author.sign_public, &again) == RC_OK);
    need(again.len == len && (len == 0 || memcmp(again.data, data, len) == 0));
    buf_wipe(&content);
    buf_wipe(&sealed);
    buf_wipe(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct bundle_head head;

    if (author.sign.bytes == NULL) {
        need(secret_start() == RC_OK);
        golden_identity(0, &author);
        golden_identity(GOLDEN_READER, &reader);
    }
    if (len > CEILING / 2)
        return 0;
    (void)(bundle_peek(data, len, &head) == RC_OK);
    if (len >= CRYPTO_SIGNATURE_BYTES)
        open_signed(data, len);
    seal_and_open(data, len);
    return 0;
}
