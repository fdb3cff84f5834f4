/* bakenvfs.so: gives SQLite's own shell a VFS "baken" that reads this user's store. See docs/STORE.md. */
#include <stdio.h>
#include <stdlib.h>

#include "cli/passphrase.h"
#include "core/home.h"
#include "core/i18n.h"
#include "core/keyslot.h"
#include "core/store_key.h"
#include "core/store_rights.h"
#include "core/vfs.h"

enum { PATH_CEILING_BYTES = 4096 };

struct sqlite3;
struct sqlite3_api_routines;

/* What SQLite looks for in a file of this name. */
int sqlite3_bakenvfs_init(struct sqlite3 *db, char **message, const struct sqlite3_api_routines *api);

/* Parked by `baken unlock`, or else by the passphrase in a file; never asked for, never an argument. */
static enum rc
find_key(const struct store_slots *slots, struct secret *key)
{
    struct secret passphrase = SECRET_EMPTY;
    const char *file = getenv("BAKEN_PASSPHRASE_FILE");
    enum rc rc = keyslot_fetch(slots->store, key);

    if (rc != RC_ABSENT)
        return rc;
    if (file == NULL || file[0] == '\0')
        return rc_fail(RC_LOCKED, _("the store is locked: run `baken unlock` first, or name the file with the "
                                    "passphrase in BAKEN_PASSPHRASE_FILE"));
    rc = passphrase_read_file(file, &passphrase);
    if (rc == RC_OK)
        rc = store_key_open(slots, &passphrase, key);
    secret_wipe(&passphrase);
    return rc;
}

static enum rc
load(void)
{
    struct buf directory = BUF_EMPTY(PATH_CEILING_BYTES), path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    enum rc rc = secret_start();

    secret_harden_process();
    if (rc == RC_OK)
        rc = home_directory(NULL, &directory);
    const char *at = rc == RC_OK ? buf_text(&directory) : NULL;
    if (rc == RC_OK)
        rc = at == NULL ? rc_nomem() : buf_printf(&path, "%s/store.db", at);
    if (rc == RC_OK && buf_text(&path) == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = store_rights_check_kinds(at);
    if (rc == RC_OK)
        rc = store_key_read(at, &slots);
    if (rc == RC_ABSENT)
        rc = rc_fail(RC_ABSENT, _("there is no store in %s"), at);
    if (rc == RC_OK)
        rc = find_key(&slots, &key);
    if (rc == RC_OK)
        rc = vfs_register_for_good("baken", &key, buf_text(&path), slots.file_id);
    if (rc == RC_OK)
        (void)fprintf(stderr, _("baken: %s: read-only unless mode=rw; what is read here does not stand in the access log\n"),
                buf_text(&path));
    secret_wipe(&key);
    buf_wipe(&path);
    buf_wipe(&directory);
    return rc;
}

int
sqlite3_bakenvfs_init(struct sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
    (void)db;
    (void)api;
    return vfs_answer_loader(load(), message);
}
