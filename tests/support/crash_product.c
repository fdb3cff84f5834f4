/* The product on a disk in memory that is cut: a store is opened, visits are saved, power fails. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/support/chance.h"
#include "tests/support/crash_work.h"
#include "tests/support/office.h"
#include "tests/support/power_token.h"
#include "tests/support/stores.h"

enum { VISITS = 12, OPERATIONS = 190, DOCTOR_EACH = 16 };

/* A team of one device as it was left, closed; each point starts from its bytes. */
static struct {
    bool is_made;
    struct office office;
    struct power_disk *disk;
    struct store_token_disk token_disk; /* of the disk in use */
    struct id family;
    char path[192]; /* of store.db */
    uint8_t *file;
    size_t len;
    char token[256]; /* its path */
    uint8_t *token_bytes;
    size_t token_len;
} base;

static void
make_base(void)
{
    struct office_device *device = &base.office.devices[0];
    size_t len;

    base.disk = power_disk_new();
    office_open(&base.office);
    device->base_vfs = power_disk_vfs(base.disk);
    base.token_disk = power_token_disk(base.disk);
    device->token_disk = &base.token_disk;
    office_found(&base.office, LEDGER_ROLE_COACH);
    base.family = office_family(&base.office, 0, "Duin", 0);
    (void)office_visit(&base.office, 0, base.family, "before all");
    snprintf(base.path, sizeof base.path, "%s/store.db", device->directory);
    office_token_path(&base.office, 0, base.token);
    office_shut(&base.office, 0);
    const uint8_t *file = power_disk_file(base.disk, base.path, &len);
    base.file = malloc(len);
    if (file == NULL || base.file == NULL)
        abort();
    memcpy(base.file, file, len);
    base.len = len;
    const uint8_t *token = power_disk_file(base.disk, base.token, &base.token_len);
    base.token_bytes = malloc(base.token_len);
    if (token == NULL || base.token_bytes == NULL)
        abort();
    memcpy(base.token_bytes, token, base.token_len);
    base.is_made = true;
}

void
crash_product_end(void)
{
    if (!base.is_made)
        return;
    office_close(&base.office);
    power_disk_free(base.disk);
    free(base.file);
    free(base.token_bytes);
    base.is_made = false;
}

/* The disk as it was when the store was closed. Where a file of this machine bears the name too, the wal-index is shared. */
static struct power_disk *
lay_base(bool is_shared)
{
    FILE *name = is_shared ? fopen(base.path, "wb") : NULL;

    if (name != NULL)
        fclose(name);
    else
        (void)unlink(base.path);
    struct power_disk *disk = power_disk_new();
    power_disk_put(disk, base.path, base.file, base.len);
    power_disk_put(disk, base.token, base.token_bytes, base.token_len);
    base.token_disk = power_token_disk(disk);
    base.office.devices[0].base_vfs = power_disk_vfs(disk);
    return disk;
}

static int
save_visits(uint64_t seed)
{
    char note[64];
    int saved = 0;

    if (office_start(&base.office, 0) != RC_OK)
        return 0;
    for (int i = 1; i <= VISITS; i++) {
        snprintf(note, sizeof note, "visit %d of %llu;", i, (unsigned long long)seed);
        if (office_try_visit(&base.office, 0, base.family, note) != RC_OK)
            return saved;
        saved = i;
    }
    return saved;
}

static struct id
file_stream(void)
{
    const struct ledger *ledger = replica_ledger(base.office.devices[0].replica);
    const struct ledger_family *family = ledger_family(ledger, base.family);

    if (family == NULL)
        abort();
    return family->file;
}

static enum rc
no_finding(void *context, const struct doctor_finding *finding)
{
    struct crash_outcome *outcome = context;

    outcome->what = "doctor finds something";
    snprintf(outcome->sentence, sizeof outcome->sentence, "%s", finding->sentence);
    return RC_OK;
}

static void
look_at_visits(uint64_t seed, int saved, struct crash_outcome *outcome)
{
    char note[64];
    char *dump = office_dump(&base.office, 0, file_stream());

    for (int i = 1; i <= VISITS; i++) {
        snprintf(note, sizeof note, "visit %d of %llu;", i, (unsigned long long)seed);
        bool is_there = office_dump_shows(dump, note);
        if (i <= saved && !is_there)
            outcome->what = "an acknowledged visit is lost";
        if (i > saved + 1 && is_there)
            outcome->what = "a visit is there that was never saved";
    }
    free(dump);
}

static void
look(uint64_t seed, int saved, struct crash_outcome *outcome)
{
    struct office_device *device = &base.office.devices[0];
    const char *reason;

    rc_fail(RC_OK, "%s", ""); /* what the cut ended said something */
    enum rc rc = office_start(&base.office, 0);

    if (rc != RC_OK)
        outcome->what = "the store does not open";
    else if (!store_is_continuous(device->store, &reason))
        outcome->what = "the store doubts itself";
    else if (store_may_lack_saves(device->store))
        outcome->what = "the store says that saves may be missing";
    else if (db_check_structure(store_db(device->store)) != RC_OK)
        outcome->what = "the structure is damaged";
    else
        look_at_visits(seed, saved, outcome);
    if (outcome->what != NULL) {
        snprintf(outcome->sentence, sizeof outcome->sentence, "%s", rc_sentence());
        return;
    }
    if (seed % DOCTOR_EACH == 0 && replica_doctor(device->replica, no_finding, outcome) != RC_OK)
        outcome->what = "doctor fails";
    if (outcome->what == NULL &&
        office_try_visit(&base.office, 0, base.family, "afterwards") != RC_OK)
        outcome->what = "it takes no further visit";
}

void
crash_product_point(const struct crash_workload *workload, uint64_t seed,
                    struct crash_outcome *outcome)
{
    struct chance chance = {seed * 31 + 7};

    (void)workload;
    if (!base.is_made)
        make_base();
    *outcome = (struct crash_outcome){
        .operation = 1 + chance_below(&chance, OPERATIONS),
        .manner = power_manner_number((unsigned)chance_below(&chance, POWER_MANNERS))};
    struct power_disk *disk = lay_base(seed / 2 % 2 == 0);
    power_disk_set_manner(disk, &outcome->manner);
    power_disk_cut_at(disk, outcome->operation);
    int saved = save_visits(seed);
    power_disk_cut_now(disk);
    office_shut(&base.office, 0);
    power_disk_restore(disk, chance_u64(&chance));
    if (chance_below(&chance, 4) == 0) {
        power_disk_cut_at(disk, 1 + chance_below(&chance, 12));
        enum rc rc = office_start(&base.office, 0);
        (void)rc; /* cut somewhere */
        power_disk_cut_now(disk);
        office_shut(&base.office, 0);
        power_disk_restore(disk, chance_u64(&chance));
    }
    look(seed, saved, outcome);
    office_shut(&base.office, 0);
    power_disk_free(disk);
}
