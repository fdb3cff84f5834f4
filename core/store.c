/* One encrypted store: make, open, migrate, close. */
#include "core/store_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/durable.h"
#include "core/i18n.h"
#include "core/migration.h"
#include "core/store_lock.h"
#include "core/store_rights.h"
#include "core/store_token.h"

/* --- opening ------------------------------------------------------------------------------------ */

static enum rc
begin(const struct store_options *options, struct store **out)
{
    struct store *store = calloc(1, sizeof *store);
    int len;
    enum rc rc;

    *out = NULL;
    if (store == NULL)
        return rc_nomem();
    store->lock = -1;
    store->state = BUF_EMPTY(PATH_MAX);
    store->token = STORE_TOKEN_FILE_EMPTY;
    store->token.disk = options->token_disk;
    store->clock = options->clock;
    *out = store;
    store->directory = strdup(options->directory);
    if (store->directory == NULL)
        return rc_nomem();
    len = snprintf(store->path, sizeof store->path, "%s/store.db", options->directory);
    if (len <= 0 || (size_t)len >= sizeof store->path)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    rc = store_token_directory(options->state_directory, &store->state);
    if (rc == RC_OK && buf_text(&store->state) == NULL)
        rc = rc_nomem();
    return rc;
}

static enum rc
open_db(struct store *store, const struct store_options *asked, const uint8_t *file_id)
{
    struct db_options options = {
        .must_exist = file_id != NULL,
        .exclusive = true,
        .share = true,
        .busy_ms = STORE_LOCK_WAIT_MS,
        .synchronous_full = true,
        .readonly = store->is_readonly,
    };
    enum rc rc = vfs_register(asked->base_vfs, &store->key, file_id, &store->vfs);

    if (rc != RC_OK)
        return rc;
    options.vfs = vfs_name(store->vfs);
    rc = db_open(store->path, &options, &store->db);
    if (rc == RC_CORRUPT && store->is_readonly && asked->is_checkup) {
        options.takes_cut = true;
        rc = db_open(store->path, &options, &store->db);
    }
    return rc;
}

/* The database is closed by then. */
static void
end(struct store *store)
{
    if (store == NULL)
        return;
    vfs_unregister(store->vfs);
    secret_wipe(&store->key);
    buf_wipe(&store->state);
    store_token_file_close(&store->token);
    store_lock_release(store->lock);
    free(store->directory);
    free(store);
}

/* The check calls damage too what could not be read. A file that can be read whole is looked at once more. */
static enum rc
check_structure(struct store *store)
{
    struct vfs_verdict verdict;
    enum rc rc = db_check_structure(store->db);

    if (rc != RC_CORRUPT)
        return rc;
    rc = vfs_verify(store->vfs, store->path, &verdict);
    return rc == RC_OK || rc == RC_CORRUPT ? db_check_structure(store->db) : rc;
}

static enum rc
check_where_needed(struct store *store, bool has_migrated)
{
    struct buf clean = BUF_EMPTY(8);
    enum rc rc = store_meta_get(store->db, "clean", &clean);

    bool is_needed = has_migrated || clean.len != 1 || clean.data[0] != 1;
    buf_wipe(&clean);
    if (rc == RC_OK && is_needed)
        rc = check_structure(store);
    return rc;
}

/* The slots are there: from here on a store.db without them has lost them. */
static enum rc
end_making(const char *directory)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", directory, STORE_KEY_MAKING);

    if (len <= 0 || (size_t)len >= sizeof path)
        return rc_fail(RC_TOO_LARGE, _("the path is too long"));
    if (unlink(path) == 0)
        return durable_sync_directory(directory);
    return errno == ENOENT ? RC_OK : rc_fail(RC_IO, "%s: %s", path, strerror(errno));
}

static enum rc
open_steps(struct store *store, const struct store_options *options)
{
    bool has_migrated;
    enum rc rc = store_lock_take(store->directory, &store->clock, &store->lock);

    if (rc == RC_OK)
        rc = store_key_read(store->directory, &store->slots);
    if (rc == RC_OK && options->key == NULL)
        rc = rc_fail(RC_LOCKED, _("the store is locked"));
    if (rc == RC_OK)
        rc = secret_copy(&store->key, options->key->bytes, options->key->len);
    if (rc == RC_OK && options->base_vfs == NULL) /* only "unix" surely is a directory of this machine */
        rc = vfs_kept_look(store->directory, &store->key, store->slots.file_id, &store->clock,
                           &store->kept);
    if (rc == RC_OK) {
        rc = open_db(store, options, store->slots.file_id);
        if (rc == RC_ABSENT) /* the slots are there, the file is not */
            rc = rc_fail(RC_CORRUPT, _("store.db is missing"));
    }
    if (rc == RC_OK)
        rc = migration_run(store->db, &has_migrated);
    if (rc == RC_OK && !options->is_checkup)
        rc = check_where_needed(store, has_migrated);
    if (rc == RC_OK)
        rc = store_load_doubt(store);
    if (rc == RC_OK)
        rc = store_compare_tokens(store);
    if (rc == RC_OK)
        rc = store_judge_slots(store);
    if (rc == RC_OK) /* a power cut may have left the mark of a creation that was as good as done */
        rc = end_making(store->directory);
    return rc == RC_OK ? store_count(store, false) : rc;
}

/* Nothing is counted, marked or brought up to date; what the writing program does meanwhile does not matter. */
static enum rc
open_to_read_steps(struct store *store, const struct store_options *options)
{
    enum rc rc = store_key_read(store->directory, &store->slots);

    if (rc == RC_OK && options->key == NULL)
        rc = rc_fail(RC_LOCKED, _("the store is locked"));
    if (rc == RC_OK)
        rc = secret_copy(&store->key, options->key->bytes, options->key->len);
    store->is_readonly = true;
    if (rc == RC_OK)
        rc = open_db(store, options, store->slots.file_id);
    if (rc == RC_OK)
        rc = migration_check(store->db);
    if (rc == RC_OK)
        rc = store_load_doubt(store);
    if (rc == RC_OK)
        rc = store_compare_tokens(store);
    if (rc == RC_OK)
        rc = store_judge_slots(store);
    if (rc == RC_INVALID) /* no such table */
        return rc_fail(RC_CORRUPT, _("so much of the file is lost that its tables are not known any more"));
    if (rc != RC_CORRUPT || !options->is_checkup || store->db == NULL)
        return rc;
    if (store->slots_state == STORE_SLOTS_FINE)
        store->slots_state = store_key_is_whole(&store->slots, &store->key) ? STORE_SLOTS_UNKNOWN : STORE_SLOTS_ALTERED;
    return RC_OK;
}

static enum rc
open_by(enum rc (*steps)(struct store *store, const struct store_options *options),
        const struct store_options *options, struct store **out)
{
    struct store *store;
    struct stat info;
    enum rc rc;

    *out = NULL;
    if (stat(options->directory, &info) != 0 || !S_ISDIR(info.st_mode))
        return rc_fail(RC_ABSENT, _("there is no store at %s"), options->directory);
    rc = begin(options, &store);
    if (rc == RC_OK)
        rc = store_rights_check_kinds(store->directory);
    if (rc == RC_OK)
        rc = steps(store, options);
    if (rc != RC_OK) {
        db_close_as_is(store == NULL ? NULL : store->db);
        end(store);
        return rc_while(rc, _("opening the store"));
    }
    *out = store;
    return RC_OK;
}

enum rc
store_open(const struct store_options *options, struct store **out)
{
    return open_by(open_steps, options, out);
}

enum rc
store_open_to_read(const struct store_options *options, struct store **out)
{
    return open_by(open_to_read_steps, options, out);
}

/* --- making ------------------------------------------------------------------------------------- */

/* Removes what a creation that was cut left behind (without slots nobody ever had its key), and
 * makes the empty file, whose mode the log takes over. */
static enum rc
clear_remains(const struct store *store, const char *base_vfs)
{
    enum rc rc = vfs_remove(base_vfs, store->path);

    if (rc != RC_OK || base_vfs != NULL) /* only "unix" surely is a directory of this machine */
        return rc;
    int fd = open(store->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return rc_fail(errno == ENOSPC ? RC_FULL : RC_IO, "%s: %s", store->path, strerror(errno));
    close(fd);
    return RC_OK;
}

/* The slots, but for the file's id: new ones, or those of the store that this one goes on for. */
static enum rc
begin_slots(struct store *store, const struct secret *passphrase, const struct store_key_cost *cost,
            const struct store *old)
{
    struct store_token outside;

    if (old == NULL) {
        store->slots.store = id_random();
        return passphrase == NULL ? RC_OK
                                  : store_key_add(&store->slots, &store->key, passphrase,
                                                  cost == NULL ? &STORE_KEY_COST : cost);
    }
    store->slots = old->slots;
    store->is_apart = true;
    store->may_lack_saves = old->may_lack_saves;
    if (store_token_beside(store, &outside) == RC_OK) {
        store->openings = outside.openings;
        /* What the old store had is not known to be all where it is older, or its own count cannot be read. */
        store->may_lack_saves = store->may_lack_saves || old->openings < outside.openings;
    }
    snprintf(store->doubt, sizeof store->doubt, "%s", _("its directory was copied, moved or restored"));
    return RC_OK;
}

static enum rc
create_steps(struct store *store, const struct store_options *options, const struct secret *passphrase,
             const struct store_key_cost *cost, const struct store *old)
{
    bool has_migrated;
    enum rc rc = durable_mkdir(store->directory);

    if (rc == RC_OK && chmod(store->directory, 0700) != 0)
        rc = rc_fail(RC_IO, "%s: %s", store->directory, strerror(errno));
    if (rc == RC_OK)
        rc = store_rights_check_kinds(store->directory);
    if (rc == RC_OK)
        rc = store_lock_take(store->directory, &store->clock, &store->lock);
    if (rc == RC_OK) {
        rc = store_key_read(store->directory, &store->slots);
        if (rc != RC_ABSENT)
            return rc == RC_OK ? rc_fail(RC_EXISTS, _("there is a store already")) : rc;
        rc = durable_write(store->directory, STORE_KEY_MAKING, "", 0);
    }
    if (rc == RC_OK)
        rc = clear_remains(store, options->base_vfs);
    if (rc == RC_OK)
        rc = options->key != NULL ? secret_copy(&store->key, options->key->bytes, options->key->len)
                                  : secret_random(&store->key, CRYPTO_KEY_BYTES);
    if (rc == RC_OK)
        rc = begin_slots(store, passphrase, cost, old);
    if (rc == RC_OK)
        rc = open_db(store, options, NULL);
    if (rc == RC_OK)
        rc = vfs_file_id(store->vfs, store->slots.file_id);
    if (rc == RC_OK)
        rc = migration_run(store->db, &has_migrated);
    if (rc == RC_OK)
        rc = store_count(store, false);
    if (rc == RC_OK)
        rc = db_checkpoint(store->db, true);
    if (rc == RC_OK)
        rc = durable_sync_directory(store->directory);
    if (rc == RC_OK)
        rc = store_key_write(store->directory, &store->clock, &store->key, &store->slots);
    return rc == RC_OK ? end_making(store->directory) : rc;
}

static enum rc
create(const struct store_options *options, const struct secret *passphrase, const struct store_key_cost *cost,
       const struct store *old, struct store **out)
{
    struct store *store;
    enum rc rc;

    *out = NULL;
    rc = begin(options, &store);
    if (rc == RC_OK)
        rc = create_steps(store, options, passphrase, cost, old);
    if (rc != RC_OK) {
        db_close(store == NULL ? NULL : store->db);
        end(store);
        return rc_while(rc, _("making the store"));
    }
    *out = store;
    return RC_OK;
}

enum rc
store_create(const struct store_options *options, const struct secret *passphrase,
             const struct store_key_cost *cost, struct store **store)
{
    return create(options, passphrase, cost, NULL, store);
}

enum rc
store_create_after(const struct store_options *options, const struct store *old, struct store **store)
{
    return create(options, NULL, NULL, old, store);
}

void
store_close(struct store *store)
{
    if (store == NULL)
        return;
    /* A failure here (a full disk, say) leaves the end unclean: the next opening checks. */
    enum rc rc = store->is_readonly || db_in_transaction(store->db) ? RC_STALE : store_count(store, true);
    (void)rc;
    db_close(store->db);
    db_close(store->disk);
    end(store);
}

/* --- asking --------------------------------------------------------------------------------------- */

struct db *
store_db(struct store *store)
{
    return store->db;
}

const struct clock *
store_clock(const struct store *store)
{
    return &store->clock;
}

struct id
store_id(const struct store *store)
{
    return store->slots.store;
}

enum rc
store_sealing_key(const struct store *store, struct secret *sealing)
{
    return crypto_derive(&store->key, "baken sealing", store->slots.store.bytes, ID_BYTES, sealing,
                         CRYPTO_KEY_BYTES);
}

const char *
store_directory(const struct store *store)
{
    return store->directory;
}

const struct secret *
store_secret(const struct store *store)
{
    return &store->key;
}

const struct store_slots *
store_slots(const struct store *store)
{
    return &store->slots;
}

const struct vfs_kept *
store_kept_log(const struct store *store)
{
    return &store->kept;
}
