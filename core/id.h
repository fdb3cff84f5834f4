/* 16-byte ids: 48 bits of milliseconds and 80 random bits, or opaque; and their text form. */
#ifndef CORE_ID_H
#define CORE_ID_H

#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    ID_BYTES = 16,
    ID_TEXT_CHARS = 26, /* Crockford base32, lower case, most significant bit first */
    ID_SHORT_CHARS = 5, /* the least that a person types: the last characters of the random part */
};

struct id {
    uint8_t bytes[ID_BYTES];
};

/* A new record id: time-ordered, so that indexes stay local. */
struct id id_new(int64_t now_ms);
/* A new opaque id of 128 random bits, for what the server sees (streams, persons, covers). */
struct id id_random(void);
bool id_equal(struct id a, struct id b);
bool id_is_zero(struct id id);
int id_compare(struct id a, struct id b); /* memcmp order */
/* Does one of `count` items of `size` bytes, each of which begins with an id, ascending by it, begin with this one? */
bool id_is_among(struct id id, const void *items, size_t count, size_t size);
/* `text` has room for ID_TEXT_CHARS + 1. */
void id_to_text(struct id id, char *text);
/* RC_INVALID unless `text` is a full text form. */
enum rc id_from_text(const char *text, struct id *id) MUST_CHECK;
/* True when `text`, ID_SHORT_CHARS to ID_TEXT_CHARS long, ends the text form of `id`. Case and
 * Crockford's look-alikes (O=0, I=L=1) are forgiven. */
bool id_matches(struct id id, const char *text);

#endif
