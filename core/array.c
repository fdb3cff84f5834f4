/* Arrays on the heap that grow. */
#include "core/array.h"

#include <stdint.h>
#include <stdlib.h>

#include "core/rc.h"

void *
array_grow(void *items, size_t *room, size_t needed, size_t item_bytes)
{
    if (needed <= *room)
        return items;

    size_t more = *room > SIZE_MAX / 2 ? SIZE_MAX : *room * 2;
    if (more < needed)
        more = needed;
    void *grown = more > SIZE_MAX / item_bytes ? NULL : realloc(items, more * item_bytes);
    if (grown == NULL) {
        (void)rc_nomem();
        return NULL;
    }
    *room = more;
    return grown;
}

void *
array_one_more(void *items, size_t count, size_t item_bytes)
{
    size_t room = 0;

    if (count > 0 && (count & (count - 1)) != 0)
        return items;
    return array_grow(items, &room, count == 0 ? 1 : 2 * count, item_bytes);
}
