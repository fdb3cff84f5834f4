/* Fuzz entry of sync/wire_run: a page that is taken is whole, and is written as it was read. */
#include "sync/wire_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "tests/support/golden.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct buf again = BUF_EMPTY((size_t)64 << 20);
    static struct identity author;

    if (secret_start() != RC_OK)
        abort();
    if (author.sign.bytes == NULL)
        golden_identity(0, &author);
    if (wire_run_page_decode(data, len, &page) == RC_OK) {
        for (size_t i = 0; i < page.runs.run_count; i++) {
            size_t count;
            const struct entry *entries = wire_run_at(&page.runs, i, &count);
            if (count == 0 || entry_verify_run(entries, count, author.sign_public) > count ||
                !entry_body_fits(entries))
                abort();
        }
        /* What was taken is written in a form that is taken. */
        if (wire_run_page_encode(&page, &again) == RC_OK && page.runs.unknown.count == 0 &&
            wire_run_page_decode(again.data, again.len, &page) != RC_OK)
            abort();
    }
    buf_wipe(&again);
    wire_run_page_wipe(&page);
    return 0;
}
