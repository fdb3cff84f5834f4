/* What a request's head must be before any route sees it; the library lets more pass. */
#ifndef SERVER_GUARD_H
#define SERVER_GUARD_H

#include "sync/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { GUARD_ONCE = 4 };

/* What the headers seen so far amount to; starts as zeros. */
struct guard {
    unsigned hosts;
    unsigned lengths;
    unsigned transfer_encodings;
    unsigned once[GUARD_ONCE]; /* headers that the routes read: each at most once */
    bool is_malformed;
    uint64_t length; /* of the body */
};

/* One header as the library gives it. */
void guard_header(struct guard *guard, const char *name, size_t name_len, const char *value,
                  size_t value_len);
/* After the last: WIRE_ERROR_NONE, or _TRANSFER_ENCODING (our client never chunks), _MALFORMED (exactly
 * one Host, at most one Content-Length of digits alone, no stray byte), _LENGTH_REQUIRED. */
enum wire_error guard_verdict(const struct guard *guard, const char *method) MUST_CHECK;

#endif
