/* What is done while something fails: store and replica of one device, its server in the same process. */
#include "tests/crash/faults/acts.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/search.h"
#include "sync/replica.h"
#include "tests/support/office.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

enum { VISITS = 3 };

/* A file as each act finds it: of the machine's own disk, or of a disk in memory. */
struct kept {
    char path[256];
    uint8_t *bytes;
    size_t len;
};

static struct {
    struct office office;
    struct office_device *device;
    struct transport way; /* the office's own */
    struct power_disk *disk, *server_disk;
    struct id family;
    struct secret key;
    struct kept own[2], device_files[2], server_files[2]; /* slots and token; file and log */
    char path[256], server_path[256];
    int saved; /* visits that were acknowledged in the act */
    int hits;
    bool with_doctor;
    struct store *made;
    char new_directory[256], new_path[300];
} at;

/* --- keeping ------------------------------------------------------------------------------------ */

/* Where kept->path says. */
static void
keep_own(struct kept *kept)
{
    kept->bytes = scratch_read(kept->path, &kept->len);
    if (kept->bytes == NULL)
        abort();
}

static void
keep_disk(struct kept *kept, const struct power_disk *disk, const char *path)
{
    const uint8_t *bytes = power_disk_file(disk, path, &kept->len);

    if (bytes == NULL)
        return;
    snprintf(kept->path, sizeof kept->path, "%s", path);
    kept->bytes = malloc(kept->len + 1);
    if (kept->bytes == NULL)
        abort();
    memcpy(kept->bytes, bytes, kept->len);
}

static void
put_own(const struct kept *kept)
{
    FILE *file = fopen(kept->path, "wb");

    if (file == NULL || fwrite(kept->bytes, 1, kept->len, file) != kept->len || fclose(file) != 0)
        abort();
}

static struct power_disk *
disk_of(const struct kept *files, size_t count)
{
    struct power_disk *disk = power_disk_new();

    for (size_t i = 0; i < count; i++)
        if (files[i].bytes != NULL)
            power_disk_put(disk, files[i].path, files[i].bytes, files[i].len);
    return disk;
}

/* --- the team ----------------------------------------------------------------------------------- */

static int64_t
office_now(void *context)
{
    return ((struct office *)context)->now_ms;
}

static void
office_sleep(void *context, int64_t ms)
{
    ((struct office *)context)->now_ms += ms;
}

static enum rc
send_unfailing(void *context, const struct transport_request *in, struct transport_reply *out)
{
    (void)context;
    fault_suspend(true);
    enum rc rc = at.way.send(at.way.context, in, out);
    fault_suspend(false);
    return rc;
}

static void
keep_all(void)
{
    char path[300];
    static const char *const SUFFIXES[] = {"", "-wal"};

    snprintf(at.own[0].path, sizeof at.own[0].path, "%s/keyslots.json", at.device->directory);
    keep_own(&at.own[0]);
    office_token_path(&at.office, 0, at.own[1].path);
    keep_own(&at.own[1]);
    for (size_t i = 0; i < 2; i++) {
        snprintf(path, sizeof path, "%s%s", at.path, SUFFIXES[i]);
        keep_disk(&at.device_files[i], at.disk, path);
        snprintf(path, sizeof path, "%s%s", at.server_path, SUFFIXES[i]);
        keep_disk(&at.server_files[i], at.server_disk, path);
    }
}

/* The store is left with a log, as a kill leaves it: opening recovers. */
void
acts_start(void)
{
    /* The small files lie on a real disk: one in memory where the machine has one, for each run syncs them. */
    (void)setenv("TMPDIR", access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", 0);
    at.server_disk = power_disk_new();
    power_disk_make_default(at.server_disk);
    at.disk = power_disk_new();
    office_open(&at.office);
    at.device = &at.office.devices[0];
    at.device->base_vfs = fault_vfs_over(power_disk_vfs(at.disk));
    office_found(&at.office, LEDGER_ROLE_COACH);
    at.way = at.device->transport;
    at.device->transport = (struct transport){send_unfailing, NULL};
    at.family = office_family(&at.office, 0, "Duin", 0);
    snprintf(at.path, sizeof at.path, "%s/store.db", at.device->directory);
    snprintf(at.server_path, sizeof at.server_path, "%s/server/depot.db",
             at.office.scratch.directory);
    office_reopen(&at.office, 0);
    (void)office_visit(&at.office, 0, at.family, "kept one;");
    (void)office_visit(&at.office, 0, at.family, "kept two;");
    server_close(at.office.server);
    at.office.server = NULL;
    stores_demand(secret_copy(&at.key, at.device->key.bytes, at.device->key.len), "key");
    keep_all();
    office_shut(&at.office, 0);
    power_disk_free(at.disk);
    at.disk = NULL;
}

static void
close_all(void)
{
    office_shut(&at.office, 0);
    store_close(at.made);
    at.made = NULL;
    server_close(at.office.server);
    at.office.server = NULL;
    power_disk_free(at.disk);
    if (at.new_directory[0] != '\0')
        scratch_remove_tree(at.new_directory);
}

static void
open_server(void)
{
    struct clock clock = {office_now, office_now, office_sleep, &at.office};
    char directory[300];

    power_disk_free(at.server_disk);
    at.server_disk = disk_of(at.server_files, 2);
    power_disk_make_default(at.server_disk);
    snprintf(directory, sizeof directory, "%s/server", at.office.scratch.directory);
    stores_demand(server_open(directory, &clock, &at.office.server), "server_open");
}

void
acts_reset(bool with_doctor)
{
    close_all();
    at.with_doctor = with_doctor;
    (void)unlink(
        at.path); /* not of this machine: the wal-index is in the memory of one connection */
    at.disk = disk_of(at.device_files, 2);
    at.device->base_vfs = fault_vfs_over(power_disk_vfs(at.disk));
    stores_demand(secret_copy(&at.device->key, at.key.bytes, at.key.len), "key");
    put_own(&at.own[0]);
    put_own(&at.own[1]);
    at.saved = at.hits = 0;
    rc_fail(RC_OK, "%s", "");
}

void
acts_end(void)
{
    close_all();
    for (size_t i = 0; i < 2; i++) {
        free(at.own[i].bytes);
        free(at.device_files[i].bytes);
        free(at.server_files[i].bytes);
    }
    power_disk_free(at.server_disk);
    secret_wipe(&at.key);
    secret_wipe(&at.device->key);
    scratch_remove(&at.office.scratch);
}

/* --- what must be true -------------------------------------------------------------------------- */

static enum rc
found(void *context, const struct doctor_finding *finding)
{
    static char sentence[520];

    snprintf(sentence, sizeof sentence, "doctor: %s", finding->sentence);
    *(const char **)context = sentence;
    return RC_OK;
}

static const char *
look_at_visits(void)
{
    const struct ledger_family *family =
        ledger_family(replica_ledger(at.device->replica), at.family);
    const char *what = NULL;
    char note[32];

    if (family == NULL)
        return "the family is gone";
    char *dump = office_dump(&at.office, 0, family->file);
    if (!office_dump_shows(dump, "kept one;") || !office_dump_shows(dump, "kept two;"))
        what = "a visit that was saved before is lost";
    for (int i = 1; i <= VISITS; i++) {
        snprintf(note, sizeof note, "visit %d;", i);
        if (i <= at.saved && !office_dump_shows(dump, note))
            what = "an acknowledged visit is lost";
    }
    free(dump);
    return what;
}

/* Opened anew with a disk and a memory that work. */
static const char *
look_anew(enum rc rc)
{
    const char *what = NULL, *reason;

    if (rc != RC_OK && rc_sentence()[0] == '\0')
        return "a failure without a sentence";
    if (rc == RC_CORRUPT)
        return "a failure of the machine is called damage";
    office_shut(&at.office, 0);
    if (office_start(&at.office, 0) != RC_OK)
        return "the store does not open afterwards";
    if (!store_is_continuous(at.device->store, &reason))
        return "the store doubts itself";
    if (store_may_lack_saves(at.device->store))
        return "the store says that saves may be missing";
    what = look_at_visits();
    if (what == NULL && db_check_structure(store_db(at.device->store)) != RC_OK)
        what = "the structure is damaged";
    if (what == NULL && at.with_doctor && replica_doctor(at.device->replica, found, &what) != RC_OK)
        what = "doctor fails";
    if (what == NULL && office_try_visit(&at.office, 0, at.family, "afterwards") != RC_OK)
        what = "no visit can be saved afterwards";
    return what;
}

/* As before, but first the open store goes on. */
static const char *
look_on(enum rc rc)
{
    if (rc != RC_OK && rc_sentence()[0] == '\0')
        return "a failure without a sentence";
    if (rc == RC_CORRUPT)
        return "a failure of the machine is called damage";
    if (office_try_visit(&at.office, 0, at.family, "goes on") != RC_OK)
        return "the open store takes no visit afterwards";
    return look_anew(RC_OK);
}

/* --- acts ------------------------------------------------------------------------------------- */

static void
prepare_nothing(void)
{
}

/* Where a file of this machine bears the name too, the wal-index is shared: memory file, anchor and lock file can fail as well. */
static void
prepare_shared(void)
{
    FILE *name = fopen(at.path, "wb");

    if (name == NULL)
        abort();
    fclose(name);
}

static void
prepare_open(void)
{
    stores_demand(office_start(&at.office, 0), "opening");
}

static void
prepare_open_shared(void)
{
    prepare_shared();
    prepare_open();
}

static enum rc
act_open(void)
{
    return office_start(&at.office, 0);
}

static enum rc
act_save(void)
{
    char note[32];

    for (int i = 1; i <= VISITS; i++) {
        snprintf(note, sizeof note, "visit %d;", i);
        enum rc rc = office_try_visit(&at.office, 0, at.family, note);
        if (rc != RC_OK)
            return rc;
        at.saved = i;
    }
    return RC_OK;
}

static enum rc
act_checkpoint(void)
{
    enum rc rc = act_save();

    return rc == RC_OK ? db_checkpoint(store_db(at.device->store), true) : rc;
}

static enum rc
hit(void *context, const struct search_hit *search_hit)
{
    (void)search_hit;
    ++*(int *)context;
    return RC_OK;
}

static enum rc
act_search(void)
{
    struct journal *journal = replica_journal(at.device->replica);
    struct id anywhere = {{0}};

    return search(journal, "kept", anywhere, 0, hit, &at.hits);
}

static const char *
look_search(enum rc rc)
{
    return rc == RC_OK && at.hits != 2 ? "a search answers with less than there is" : look_on(rc);
}

static enum rc
act_close(void)
{
    office_shut(&at.office, 0);
    return RC_OK;
}

static enum rc
act_rebuild(void)
{
    const struct ledger_family *family =
        ledger_family(replica_ledger(at.device->replica), at.family);

    return replica_rebuild(at.device->replica, family->file);
}

static enum rc
act_doctor(void)
{
    const char *what = NULL;
    enum rc rc = replica_doctor(at.device->replica, found, &what);

    return rc == RC_OK && what != NULL ? rc_fail(RC_CORRUPT, "%s", what) : rc;
}

static void
prepare_sync(void)
{
    open_server();
    prepare_open();
}

static enum rc
act_sync(void)
{
    return office_try_sync(&at.office, 0);
}

static const char *
look_sync(enum rc rc)
{
    struct waiting waiting;

    if (rc != RC_OK && rc_sentence()[0] == '\0')
        return "a failure without a sentence";
    if (rc == RC_CORRUPT || rc == RC_UNTRUSTED)
        return "a failure of the machine is called damage, or the server's";
    if (office_try_sync(&at.office, 0) != RC_OK)
        return "no sync succeeds afterwards";
    if (replica_waiting(at.device->replica, &waiting) != RC_OK || waiting.saves_unsealed > 0 ||
        waiting.entries_unsent > 0 || waiting.parked > 0 || waiting.held > 0)
        return "something still waits after a sync";
    return look_anew(RC_OK);
}

/* A second store, beside the team's. */
static struct store_options
new_options(void)
{
    snprintf(at.new_directory, sizeof at.new_directory, "%s/new", at.office.scratch.directory);
    snprintf(at.new_path, sizeof at.new_path, "%s/state", at.new_directory);
    return (struct store_options){.directory = at.new_directory,
                                  .state_directory = at.new_path,
                                  .base_vfs = at.device->base_vfs,
                                  .clock = {office_now, office_now, office_sleep, &at.office},
                                  .key = &at.device->key};
}

static enum rc
with_passphrase(const char *words, struct secret *passphrase)
{
    return secret_copy(passphrase, words, strlen(words));
}

static enum rc
act_create(void)
{
    struct secret passphrase = SECRET_EMPTY;
    struct store_options options = new_options();

    enum rc rc = with_passphrase("first words", &passphrase);
    if (rc == RC_OK)
        rc = store_create(&options, &passphrase, &STORES_CHEAP, &at.made);
    secret_wipe(&passphrase);
    return rc;
}

/* Made, or not made: then it is begun anew. */
static const char *
look_create(enum rc rc)
{
    struct store_options options = new_options();

    if (rc != RC_OK && rc_sentence()[0] == '\0')
        return "a failure without a sentence";
    store_close(at.made);
    at.made = NULL;
    enum rc again = store_create(&options, NULL, NULL, &at.made);
    if (again == RC_EXISTS)
        again = store_open(&options, &at.made);
    else if (again == RC_OK && rc == RC_OK)
        return "a store that was made is made once more";
    if (again != RC_OK)
        return "it is neither made nor can it be made";
    store_close(at.made);
    at.made = NULL;
    return store_open(&options, &at.made) == RC_OK ? NULL : "it does not open again";
}

static void
prepare_words(void)
{
    struct secret old = SECRET_EMPTY;
    struct store_options options = new_options();

    stores_demand(with_passphrase("first words", &old), "the words");
    stores_demand(store_create(&options, &old, &STORES_CHEAP, &at.made), "a store");
    store_close(at.made);
    at.made = NULL;
    secret_wipe(&old);
}

/* Sets another passphrase. */
static enum rc
act_words(void)
{
    struct secret fresh = SECRET_EMPTY;
    struct clock clock = new_options().clock;

    enum rc rc = with_passphrase("other words", &fresh);
    if (rc == RC_OK)
        rc = store_key_set_passphrase(at.new_directory, &clock, &at.device->key, &fresh,
                                      &STORES_CHEAP);
    secret_wipe(&fresh);
    return rc;
}

static bool
opens_with(const char *words)
{
    struct secret passphrase = SECRET_EMPTY, key = SECRET_EMPTY;
    struct store_slots slots;

    enum rc rc = with_passphrase(words, &passphrase);
    if (rc == RC_OK)
        rc = store_key_read(at.new_directory, &slots);
    if (rc == RC_OK)
        rc = store_key_open(&slots, &passphrase, &key);
    bool is_ours = rc == RC_OK && secret_equal(&key, &at.device->key);
    secret_wipe(&passphrase);
    secret_wipe(&key);
    return is_ours;
}

static const char *
look_words(enum rc rc)
{
    if (rc != RC_OK && rc_sentence()[0] == '\0')
        return "a failure without a sentence";
    if (rc == RC_OK && !opens_with("other words"))
        return "the new passphrase does not open the store";
    if (rc != RC_OK && !opens_with("first words") && !opens_with("other words"))
        return "no passphrase opens the store";
    return NULL;
}

/* The floors, about two thirds of what was reached when they were set:
 * read, write, full, sync, truncate, open, delete, lock, look, memory. */
const struct act ACTS[] = {
    {"create", prepare_nothing, act_create, look_create, {12, 18, 18, 7, 1, 8, 1, 3, 20, 4800}},
    {"passphrase", prepare_words, act_words, look_words, {2, 2, 3, 1, 1, 3, 0, 0, 0, 30}},
    {"open", prepare_nothing, act_open, look_anew, {70, 2, 2, 1, 0, 4, 0, 1, 5, 1700}},
    {"open-shared", prepare_shared, act_open, look_anew, {70, 3, 3, 1, 0, 6, 0, 1, 7, 1700}},
    {"save-shared", prepare_open_shared, act_save, look_on, {0, 4, 4, 4, 0, 0, 0, 0, 2, 600}},
    {"close-shared",
     prepare_open_shared,
     act_close,
     look_anew,
     {12, 14, 14, 2, 0, 0, 1, 1, 14, 25}},
    {"save", prepare_open, act_save, look_on, {0, 4, 4, 4, 0, 0, 0, 0, 2, 600}},
    {"checkpoint", prepare_open, act_checkpoint, look_on, {12, 16, 16, 5, 1, 0, 0, 0, 15, 600}},
    {"search", prepare_open, act_search, look_search, {0, 0, 0, 0, 0, 0, 0, 0, 0, 300}},
    {"close", prepare_open, act_close, look_anew, {12, 14, 14, 2, 0, 0, 1, 1, 14, 25}},
    {"rebuild", prepare_open, act_rebuild, look_on, {0, 1, 1, 1, 0, 0, 0, 0, 0, 1300}},
    {"doctor", prepare_open, act_doctor, look_on, {60, 12, 12, 1, 1, 1, 0, 0, 14, 4000}},
    {"sync", prepare_sync, act_sync, look_sync, {0, 9, 9, 8, 0, 0, 0, 0, 1, 2000}},
};
const unsigned ACT_COUNT = sizeof ACTS / sizeof ACTS[0];
