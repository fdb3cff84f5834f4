/* What core/store_key.c shares with core/store_key_change.c alone: one slot, sealed and found. */
#ifndef CORE_STORE_KEY_INSIDE_H
#define CORE_STORE_KEY_INSIDE_H

#include "core/store_key.h"

#define STORE_KEY_FILE "keyslots.json"

/* Makes the slot of a passphrase. RC_INVALID as store_key_add. */
enum rc store_key_seal_slot(struct store_slot *slot, struct id store, const struct secret *key,
                            const struct secret *passphrase,
                            const struct store_key_cost *cost) MUST_CHECK;
/* Adds the slot of a sheet. RC_TOO_LARGE: no slot free. */
enum rc store_key_add_sheet(struct store_slots *slots, const struct secret *key,
                            const struct secret *sheet) MUST_CHECK;
/* As store_key_open; *at is the slot that opened. */
enum rc store_key_find_slot(const struct store_slots *slots, const struct secret *passphrase,
                            struct secret *key, size_t *at) MUST_CHECK;

#endif
