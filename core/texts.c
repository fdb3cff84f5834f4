/* An owner of texts: a list of blocks, freed together. */
#include "core/texts.h"

#include <stdlib.h>
#include <string.h>

#include "core/secret.h"

struct texts_block {
    struct texts_block *next;
    size_t len;
    char text[];
};

enum rc
texts_copy(struct texts *texts, const char *text, const char **copy)
{
    *copy = NULL;
    if (text == NULL)
        return RC_OK;
    size_t len = strlen(text) + 1;
    struct texts_block *block = malloc(sizeof *block + len);
    if (block == NULL)
        return rc_nomem();
    block->len = len;
    memcpy(block->text, text, len);
    block->next = texts->blocks;
    texts->blocks = block;
    *copy = block->text;
    return RC_OK;
}

void
texts_wipe(struct texts *texts)
{
    while (texts->blocks != NULL) {
        struct texts_block *block = texts->blocks;
        texts->blocks = block->next;
        wipe(block->text, block->len);
        free(block);
    }
}
