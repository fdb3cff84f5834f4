/* Copies of byte strings in a chain of blocks: none of them moves when another is added. */
#include "server/pile.h"

#include <stdlib.h>
#include <string.h>

struct pile_item {
    struct pile_item *next;
    uint8_t bytes[];
};

enum rc
pile_keep(struct pile *pile, const void *bytes, size_t len, const uint8_t **kept)
{
    struct pile_item *item = malloc(sizeof *item + len);

    *kept = NULL;
    if (item == NULL)
        return rc_nomem();
    if (len > 0)
        memcpy(item->bytes, bytes, len);
    item->next = pile->items;
    pile->items = item;
    pile->bytes += len;
    *kept = item->bytes;
    return RC_OK;
}

void
pile_wipe(struct pile *pile)
{
    while (pile->items != NULL) {
        struct pile_item *next = pile->items->next;
        free(pile->items);
        pile->items = next;
    }
    *pile = PILE_EMPTY;
}
