/* Is a text JSON as RFC 8259 has it, and with one reading only? For core/json.c alone. */
#ifndef CORE_JSON_LOOK_H
#define CORE_JSON_LOOK_H

#include "core/rc.h"

#include <stddef.h>

/* One value and nothing after it. RC_INVALID with the offset of the trouble. What is UTF-8, and whether an object has a
 * key twice, is not looked at. */
enum rc json_look(const char *text, size_t len) MUST_CHECK;

#endif
