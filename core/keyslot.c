/* The store key parked in the kernel's user keyring. */
#include "core/keyslot.h"

#include <errno.h>
#include <keyutils.h>
#include <stdio.h>
#include <string.h>

#include "core/crypto.h"
#include "core/i18n.h"

enum { NAME_BYTES = 8 + ID_TEXT_CHARS };

static void
put_name(struct id store, char name[NAME_BYTES])
{
    char text[ID_TEXT_CHARS + 1];

    id_to_text(store, text);
    snprintf(name, NAME_BYTES, "baken:%s", text);
}

static enum rc
fail_absent(void)
{
    return rc_fail(RC_ABSENT, _("the kernel's keyring holds no key for this store: %s"),
                   strerror(errno));
}

static key_serial_t
find(struct id store)
{
    char name[NAME_BYTES];

    put_name(store, name);
    return (key_serial_t)keyctl_search(KEY_SPEC_USER_KEYRING, "user", name, 0);
}

static void
discard(key_serial_t key)
{
    /* Unlinking takes it out of reach; invalidating frees its bytes at once where that is allowed. */
    (void)keyctl_invalidate(key);
    (void)keyctl_unlink(key, KEY_SPEC_USER_KEYRING);
}

enum rc
keyslot_park(struct id store, const struct secret *key, uint32_t timeout_s)
{
    char name[NAME_BYTES];
    key_serial_t old = find(store);

    if (old > 0) /* a parked key may not be changed, only replaced */
        discard(old);
    put_name(store, name);
    /* It gets its time limit where only this process reaches it: a death half-way leaves no key without one. */
    key_serial_t parked = add_key("user", name, key->bytes, key->len, KEY_SPEC_PROCESS_KEYRING);
    if (parked < 0)
        return fail_absent();
    enum rc rc = RC_OK;
    if (keyctl_set_timeout(parked, timeout_s) != 0 ||
        keyctl_link(parked, KEY_SPEC_USER_KEYRING) != 0 ||
        keyctl_setperm(parked, KEY_USR_VIEW | KEY_USR_READ | KEY_USR_SEARCH) != 0) {
        rc = fail_absent();
        discard(parked);
    }
    (void)keyctl_unlink(parked, KEY_SPEC_PROCESS_KEYRING);
    return rc;
}

enum rc
keyslot_fetch(struct id store, struct secret *key)
{
    key_serial_t parked = find(store);
    enum rc rc;

    if (parked < 0)
        return fail_absent();
    rc = secret_make(key, CRYPTO_KEY_BYTES);
    if (rc != RC_OK)
        return rc;
    /* The answer is the key's full length, however much fitted. */
    if (keyctl_read(parked, (char *)key->bytes, key->len) != (long)key->len) {
        secret_wipe(key);
        return fail_absent();
    }
    return RC_OK;
}

enum rc
keyslot_remove(struct id store)
{
    key_serial_t parked = find(store);

    if (parked < 0)
        return fail_absent();
    discard(parked);
    return RC_OK;
}
