/* One encrypted store: make, open, migrate, close. */
#include "core/store.h"

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
#include "core/store_token.h"

enum { REASON_BYTES = 160, OPENINGS_AHEAD = 16 };

struct store {
    char *directory;
    char path[PATH_MAX]; /* of store.db */
    struct buf state;    /* the directory of tokens */
    struct clock clock;
    struct secret key;
    struct store_slots slots;
    struct vfs *vfs;
    struct db *db;
    int lock;
    uint64_t openings;
    char doubt[REASON_BYTES]; /* empty: continuity is proven */
    bool may_lack_saves;
    bool is_readonly;
    struct vfs_kept kept; /* the log as it was at this opening */
    enum store_slots_state slots_state;
};

/* --- the table meta ---------------------------------------------------------------------------- */

static enum rc
meta_put(struct db *db, const char *key, const void *value, size_t len)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                         " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, key);
    stmt_blob(stmt, 2, value, len);
    return stmt_finish(stmt);
}

/* Appends the value; nothing when there is none. */
static enum rc
meta_get(struct db *db, const char *key, struct buf *value)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(db, "SELECT value FROM meta WHERE key = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, key);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        rc = stmt_get_buf(stmt, 0, value);
    stmt_done(stmt);
    return rc;
}

/* --- continuity --------------------------------------------------------------------------------- */

static void
doubt(struct store *store, const char *reason)
{
    snprintf(store->doubt, sizeof store->doubt, "%s", reason);
}

/* Compares the token beside the store with the one in it, and takes the higher count. */
static enum rc
compare_tokens(struct store *store)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    struct store_token inside, outside, now;
    enum rc rc = meta_get(store->db, "token", &text);

    if (rc == RC_OK)
        rc = store_token_decode(text.data, text.len, &inside);
    buf_wipe(&text);
    if (rc == RC_OK)
        rc = store_token_of(store->slots.store, store->directory, 0, &now);
    if (rc != RC_OK)
        return rc;
    store->openings = inside.openings;
    rc = store_token_read((const char *)store->state.data, store->slots.store, &outside);
    if (rc == RC_ABSENT || rc == RC_CORRUPT) {
        doubt(store, _("its instance token is missing or unreadable"));
        return RC_OK;
    }
    if (rc != RC_OK)
        return rc;
    if (outside.openings > store->openings) {
        store->openings = outside.openings;
        store->may_lack_saves = true;
    }
    if (!id_equal(outside.store, store->slots.store) || outside.device != now.device ||
        outside.inode != now.inode)
        doubt(store, _("its directory was copied, moved or restored"));
    else if (outside.openings > inside.openings)
        doubt(store, _("it is older than when it was last used here"));
    else if (inside.openings >
             outside.openings +
                 OPENINGS_AHEAD) /* the store is written first; kills in between add up */
        doubt(store, _("its instance token is older than the store"));
    return RC_OK;
}

/* The token with the next count, in the store. */
static enum rc
count_inside(struct store *store, struct store_token *token)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    enum rc rc = store_token_of(store->slots.store, store->directory, store->openings + 1, token);

    if (rc == RC_OK)
        rc = store_token_encode(token, &text);
    if (rc == RC_OK)
        rc = meta_put(store->db, "token", text.data, text.len);
    buf_wipe(&text);
    return rc;
}

/* Counts on, in the store and then beside it. */
static enum rc
count_on(struct store *store, bool is_clean)
{
    const uint8_t clean = is_clean, lack = store->may_lack_saves;
    struct store_token token;
    enum rc rc = db_begin(store->db);

    if (rc != RC_OK)
        return rc;
    rc = count_inside(store, &token);
    if (rc == RC_OK)
        rc = meta_put(store->db, "clean", &clean, sizeof clean);
    if (rc == RC_OK)
        rc = meta_put(store->db, "doubt", store->doubt, strlen(store->doubt));
    if (rc == RC_OK)
        rc = meta_put(store->db, "lack", &lack, sizeof lack);
    rc = db_end(store->db, rc);
    if (rc != RC_OK)
        return rc;
    store->openings++;
    return store_token_write((const char *)store->state.data, &token);
}

/* A doubt of an earlier opening stays until it is ended, and what may lack until it is accepted. */
static enum rc
load_doubt(struct store *store)
{
    struct buf earlier = BUF_EMPTY(REASON_BYTES);
    enum rc rc = meta_get(store->db, "lack", &earlier);

    store->may_lack_saves = earlier.len == 1 && earlier.data[0] == 1;
    buf_clear(&earlier);
    if (rc == RC_OK)
        rc = meta_get(store->db, "doubt", &earlier);

    if (rc == RC_OK && earlier.len > 0 && earlier.len < sizeof store->doubt) {
        memcpy(store->doubt, earlier.data, earlier.len);
        store->doubt[earlier.len] = '\0';
    }
    buf_wipe(&earlier);
    return rc;
}

/* --- key slots ------------------------------------------------------------------------------------- */

static enum rc
note_slots(struct store *store)
{
    uint8_t changed[8];

    for (unsigned i = 0; i < 8; i++)
        changed[i] = (uint8_t)((uint64_t)store->slots.changed_ms >> (56 - 8 * i));
    return meta_put(store->db, "slots", changed, sizeof changed);
}

/* The newest slots that this store was opened by are noted in it: older ones are told of. */
static enum rc
judge_slots(struct store *store)
{
    struct buf noted = BUF_EMPTY(8);
    int64_t newest_ms = 0;
    enum rc rc = meta_get(store->db, "slots", &noted);

    for (size_t i = 0; i < noted.len; i++)
        newest_ms = newest_ms << 8 | noted.data[i];
    buf_wipe(&noted);
    if (rc != RC_OK)
        return rc;
    if (!store_key_is_whole(&store->slots, &store->key))
        store->slots_state = STORE_SLOTS_ALTERED;
    else if (store->slots.changed_ms < newest_ms)
        store->slots_state = STORE_SLOTS_OLD;
    else if (store->slots.changed_ms > newest_ms)
        rc = note_slots(store);
    return rc;
}

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
open_db(struct store *store, const char *base_vfs, const uint8_t *file_id)
{
    struct db_options options = {
        .must_exist = file_id != NULL,
        .exclusive = true,
        .share = true,
        .busy_ms = STORE_LOCK_WAIT_MS,
        .synchronous_full = true,
        .readonly = store->is_readonly,
    };
    enum rc rc = vfs_register(base_vfs, &store->key, file_id, &store->vfs);

    if (rc != RC_OK)
        return rc;
    options.vfs = vfs_name(store->vfs);
    return db_open(store->path, &options, &store->db);
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
    enum rc rc = meta_get(store->db, "clean", &clean);

    bool is_needed = has_migrated || clean.len != 1 || clean.data[0] != 1;
    buf_wipe(&clean);
    if (rc == RC_OK && is_needed)
        rc = check_structure(store);
    return rc;
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
        rc = open_db(store, options->base_vfs, store->slots.file_id);
        if (rc == RC_ABSENT) /* the slots are there, the file is not */
            rc = rc_fail(RC_CORRUPT, _("store.db is missing"));
    }
    if (rc == RC_OK)
        rc = migration_run(store->db, &has_migrated);
    if (rc == RC_OK && !options->is_checkup)
        rc = check_where_needed(store, has_migrated);
    if (rc == RC_OK)
        rc = load_doubt(store);
    if (rc == RC_OK)
        rc = compare_tokens(store);
    if (rc == RC_OK)
        rc = judge_slots(store);
    return rc == RC_OK ? count_on(store, false) : rc;
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
        rc = open_db(store, options->base_vfs, store->slots.file_id);
    if (rc == RC_OK)
        rc = migration_check(store->db);
    return rc == RC_OK ? load_doubt(store) : rc;
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

/* The slots are there: from here on a store.db without them has lost them. */
static enum rc
end_making(const char *directory)
{
    char path[PATH_MAX];
    int len = snprintf(path, sizeof path, "%s/%s", directory, STORE_KEY_MAKING);

    if (len <= 0 || (size_t)len >= sizeof path || (unlink(path) != 0 && errno != ENOENT))
        return rc_fail(RC_IO, "%s: %s", path, strerror(errno));
    return durable_sync_directory(directory);
}

static enum rc
create_steps(struct store *store, const struct store_options *options,
             const struct secret *passphrase, const struct store_key_cost *cost)
{
    bool has_migrated;
    enum rc rc = durable_mkdir(store->directory);

    if (rc == RC_OK && chmod(store->directory, 0700) != 0)
        rc = rc_fail(RC_IO, "%s: %s", store->directory, strerror(errno));
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
    store->slots.store = id_random();
    if (rc == RC_OK && passphrase != NULL)
        rc = store_key_add(&store->slots, &store->key, passphrase,
                           cost == NULL ? &STORE_KEY_COST : cost);
    if (rc == RC_OK)
        rc = open_db(store, options->base_vfs, NULL);
    if (rc == RC_OK)
        rc = vfs_file_id(store->vfs, store->slots.file_id);
    if (rc == RC_OK)
        rc = migration_run(store->db, &has_migrated);
    if (rc == RC_OK)
        rc = count_on(store, false);
    if (rc == RC_OK)
        rc = db_checkpoint(store->db, true);
    if (rc == RC_OK)
        rc = durable_sync_directory(store->directory);
    if (rc == RC_OK)
        rc = store_key_write(store->directory, &store->clock, &store->key, &store->slots);
    return rc == RC_OK ? end_making(store->directory) : rc;
}

enum rc
store_create(const struct store_options *options, const struct secret *passphrase,
             const struct store_key_cost *cost, struct store **out)
{
    struct store *store;
    enum rc rc;

    *out = NULL;
    rc = begin(options, &store);
    if (rc == RC_OK)
        rc = create_steps(store, options, passphrase, cost);
    if (rc != RC_OK) {
        db_close(store == NULL ? NULL : store->db);
        end(store);
        return rc_while(rc, _("making the store"));
    }
    *out = store;
    return RC_OK;
}

void
store_close(struct store *store)
{
    if (store == NULL)
        return;
    /* A failure here (a full disk, say) leaves the end unclean: the next opening checks. */
    enum rc rc = store->is_readonly || db_in_transaction(store->db) ? RC_STALE : count_on(store, true);
    (void)rc;
    db_close(store->db);
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

bool
store_is_continuous(const struct store *store, const char **reason)
{
    *reason = store->doubt;
    return store->doubt[0] == '\0';
}

enum rc
store_prove_continuity(struct store *store)
{
    char old[REASON_BYTES];
    enum rc rc;

    memcpy(old, store->doubt, sizeof old);
    store->doubt[0] = '\0';
    rc = count_on(store, false);
    if (rc != RC_OK)
        memcpy(store->doubt, old, sizeof old);
    return rc;
}

bool
store_may_lack_saves(const struct store *store)
{
    return store->may_lack_saves;
}

const struct vfs_kept *
store_kept_log(const struct store *store)
{
    return &store->kept;
}

enum rc
store_accept_lack(struct store *store)
{
    bool old = store->may_lack_saves;

    store->may_lack_saves = false;
    enum rc rc = count_on(store, false);
    if (rc != RC_OK)
        store->may_lack_saves = old;
    return rc;
}

enum store_slots_state
store_slots_state(const struct store *store)
{
    return store->slots_state;
}

enum rc
store_accept_slots(struct store *store)
{
    if (store->slots_state != STORE_SLOTS_OLD)
        return RC_OK;
    enum rc rc = note_slots(store);
    if (rc == RC_OK)
        store->slots_state = STORE_SLOTS_FINE;
    return rc;
}

enum rc
store_end_saves(struct store *store, enum rc rc)
{
    struct store_token token;

    if (rc == RC_OK)
        rc = count_inside(store, &token);
    rc = db_end(store->db, rc);
    if (rc != RC_OK || db_in_transaction(store->db))
        return rc;
    store->openings++;
    enum rc told = store_token_write((const char *)store->state.data, &token);
    (void)told;
    return RC_OK;
}

enum rc
store_count_on(struct store *store)
{
    return count_on(store, false);
}

enum rc
store_verify(struct store *store, struct vfs_verdict *verdict)
{
    *verdict = (struct vfs_verdict){0, 0, 0};
    enum rc rc = db_checkpoint(store->db, true);
    return rc == RC_OK ? vfs_verify(store->vfs, store->path, verdict) : rc;
}
