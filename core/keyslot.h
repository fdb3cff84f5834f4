/* The store key parked in the kernel's user keyring, for as long as it was unlocked. */
#ifndef CORE_KEYSLOT_H
#define CORE_KEYSLOT_H

#include "core/id.h"
#include "core/rc.h"
#include "core/secret.h"

#include <stdint.h>

/* The key is `baken:STOREID` in @u (keyrings(7)); only the user may view, read and find it. All three
 * give RC_ABSENT where the kernel has no keyring for us (no such call, refused, quota used up): the
 * caller then asks for the passphrase each time. */

/* Parks `key`, replacing what was parked, until `timeout_s` (at least 1) seconds from now. */
enum rc keyslot_park(struct id store, const struct secret *key, uint32_t timeout_s) MUST_CHECK;
/* RC_ABSENT when none is parked or its time is over. */
enum rc keyslot_fetch(struct id store, struct secret *key) MUST_CHECK;
/* RC_ABSENT when none was parked. */
enum rc keyslot_remove(struct id store) MUST_CHECK;

#endif
