/* Copies of byte strings that stay where they are until all are freed at once. */
#ifndef SERVER_PILE_H
#define SERVER_PILE_H

#include "core/rc.h"

#include <stddef.h>
#include <stdint.h>

struct pile_item;

/* Embedded value: PILE_EMPTY, ended by pile_wipe. */
struct pile {
    struct pile_item *items;
    size_t bytes; /* of all copies */
};

#define PILE_EMPTY ((struct pile){NULL, 0})

/* *kept belongs to the pile. */
enum rc pile_keep(struct pile *pile, const void *bytes, size_t len, const uint8_t **kept) MUST_CHECK;
void pile_wipe(struct pile *pile);

#endif
