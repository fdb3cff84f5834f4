/* The golden files of the wire, for whoever wants to begin from them. */
#include "tests/support/golden.h"

#include <stdio.h>
#include <stdlib.h>

enum { SAVED_BYTES = 161, PIECE_BYTES = 4096 };

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/support/golden: %s: %s\n", what, rc_sentence());
    abort();
}

#define NEED(expression) need((expression) == RC_OK, #expression)

void
golden_read(const char *name, struct buf *out)
{
    char path[200];
    uint8_t piece[PIECE_BYTES];
    size_t got;

    (void)snprintf(path, sizeof path, "tests/golden/wire/%s.bin", name);
    FILE *file = fopen(path, "rb");
    need(file != NULL, path);
    while ((got = fread(piece, 1, sizeof piece, file)) > 0)
        NEED(buf_put(out, piece, got));
    need(!ferror(file), path);
    (void)fclose(file);
}

void
golden_identity(size_t index, struct identity *identity)
{
    struct buf all = BUF_EMPTY((size_t)GOLDEN_IDENTITIES * SAVED_BYTES);
    struct secret saved = SECRET_EMPTY;

    golden_read("identities", &all);
    need(all.len == all.ceiling_bytes && index < GOLDEN_IDENTITIES, "as many identities");
    NEED(secret_copy(&saved, all.data + index * SAVED_BYTES, SAVED_BYTES));
    NEED(identity_load(&saved, identity));
    secret_wipe(&saved);
    buf_wipe(&all);
}
