/* The golden stores, one for each last migration: what a store shows, as text that every later program must give again. */
#ifndef TESTS_SUPPORT_GOLDEN_STORE_H
#define TESTS_SUPPORT_GOLDEN_STORE_H

#include "core/buf.h"
#include "sync/replica.h"

#define GOLDEN_STORE_PASSPHRASE "golden passphrase"

/* Appends, of every stream that is here, the canonical dump; the conflicts; per feed how far it came; what waits, is held and is
 * parked, and why. Ends the program when it fails. */
void golden_store_describe(struct store *store, struct replica *replica, struct buf *out);

#endif
