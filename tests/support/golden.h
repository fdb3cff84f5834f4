/* The golden files of the wire, for whoever wants to begin from them. The tests' own: whatever fails ends the program. */
#ifndef TESTS_SUPPORT_GOLDEN_H
#define TESTS_SUPPORT_GOLDEN_H

#include "core/buf.h"
#include "sync/identity.h"

enum { GOLDEN_MEMBERS = 4, GOLDEN_READER = GOLDEN_MEMBERS, GOLDEN_IDENTITIES };

/* Appends tests/golden/wire/NAME.bin; the working directory is the root of the repository. */
void golden_read(const char *name, struct buf *out);
/* A member of the golden team, or the reader of its bundle. */
void golden_identity(size_t index, struct identity *identity);

#endif
