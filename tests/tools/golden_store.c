/* Makes a golden store: a coach's, after some weeks in which a bit of everything happened that a store can hold. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/absence.h"
#include "core/agreement.h"
#include "core/change_set.h"
#include "core/contact.h"
#include "core/goal.h"
#include "core/member.h"
#include "core/migration.h"
#include "core/safety.h"
#include "sync/inbox.h"
#include "sync/replica_own.h"
#include "tests/support/golden_store.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

static const char USAGE[] = "usage: golden_store DIR   makes DIR/store-NNN: store.db, keyslots.json, expected.txt\n";

/* Anna coordinates, Carla covers; BRAM's store is the golden one, SECOND is his other laptop. */
enum { ANNA, BRAM, CARLA, SECOND, COUNT };
static struct office office;

#define DEMAND(call) stores_demand(call, #call)

static struct office_device *
of(int at)
{
    return &office.devices[at];
}

static void
save(int at, struct change_set *set)
{
    DEMAND(replica_save(of(at)->replica, set->changes, set->count));
    change_set_wipe(set);
}

/* ---- records --------------------------------------------------------------------------------------- */

static struct id
put_goal(int at, struct goal goal)
{
    struct change_set set = CHANGE_SET_EMPTY;

    DEMAND(goal_put(replica_journal(of(at)->replica), &set, &goal));
    save(at, &set);
    return goal.facts.id;
}

static struct id
new_goal(int at, struct id family, const char *text)
{
    return put_goal(at, (struct goal){.facts.family = family, .text = text, .deadline = 20261224});
}

static void
change_goal(int at, struct id family, struct id id, const char *text)
{
    (void)put_goal(at, (struct goal){.facts = {.id = id, .family = family}, .text = text, .status = "open"});
}

static void
set_phase(int at, struct id family, const char *phase)
{
    struct journal *journal = replica_journal(of(at)->replica);
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct family now;

    DEMAND(family_get(journal, family, &now, &texts));
    now.phase = phase;
    now.since = 20260922;
    DEMAND(family_put(journal, &set, &now));
    save(at, &set);
    texts_wipe(&texts);
}

static void
delete_goal(int at, struct id family, struct id id)
{
    struct change_set set = CHANGE_SET_EMPTY;

    DEMAND(change_set_delete(replica_journal(of(at)->replica), &set, family, ENTITY_GOAL, id));
    save(at, &set);
}

static void
restore_goal(int at, struct id family, struct id id)
{
    struct change_set set = CHANGE_SET_EMPTY;

    DEMAND(change_set_restore(replica_journal(of(at)->replica), &set, family, ENTITY_GOAL, id));
    save(at, &set);
}

/* As to another stream: what moved is never shown again. */
static void
move_goal(int at, struct id family, struct id id)
{
    struct change_set set = CHANGE_SET_EMPTY;

    DEMAND(change_set_move(replica_journal(of(at)->replica), &set, family, ENTITY_GOAL, id, family));
    save(at, &set);
}

/* A strict unit: what protects more is shown, also when it is held. */
static void
put_consent(int at, struct id family, const char *consent)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct buf value = BUF_EMPTY(64);

    DEMAND(value_put_text(&value, 1, consent));
    DEMAND(value_put_date(&value, 2, 20260922));
    DEMAND(change_set_put_new(replica_journal(of(at)->replica), &set, family, ENTITY_STANDING, family, 1, &value));
    save(at, &set);
    buf_wipe(&value);
}

static void
meet(int at, struct id family, struct id contact, const char *who)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct participant participants[] = {{of(at)->person, NULL}, {{{0}}, who}};

    DEMAND(contact_put_participants(replica_journal(of(at)->replica), &set, family, contact, participants, 2));
    save(at, &set);
}

/* One record of each other kind. */
static void
write_the_rest(struct id family)
{
    struct journal *journal = replica_journal(of(BRAM)->replica);
    struct change_set set = CHANGE_SET_EMPTY;
    struct member member = {.facts.family = family, .given_name = "Noor", .birth_date = 20180317, .relation = "child"};
    struct agreement agreement = {.facts.family = family, .text = "ring the school", .due = 20261001};
    struct safety safety = {.facts.family = family, .date = 20260921, .level = "worry", .ground = "heard a quarrel"};
    struct absence absence = {.person = of(BRAM)->person, .from = 20261001, .until = 20261014, .kind = "leave"};
    struct profile profile = {.facts = {.id = family, .family = family}, .surname = "Vos", .address = "Dijk 1"};

    DEMAND(member_put(journal, &set, &member));
    save(BRAM, &set);
    DEMAND(agreement_put(journal, &set, &agreement));
    save(BRAM, &set);
    DEMAND(safety_put(journal, &set, of(BRAM)->person, &safety));
    save(BRAM, &set);
    DEMAND(absence_put(journal, &set, &absence));
    save(BRAM, &set);
    DEMAND(profile_put(journal, &set, &profile));
    save(BRAM, &set);
}

/* ---- what happens ----------------------------------------------------------------------------------- */

static struct id
cover(int by, struct id family, int to, int64_t days)
{
    struct id id;
    struct cover_new wanted = {&family, 1, of(to)->person, office.now_ms,
                               office.now_ms + days * INT64_C(86400000), true};

    DEMAND(replica_cover_give(of(by)->replica, &of(by)->transport, &wanted, &id));
    office_sync(&office, to);
    DEMAND(replica_cover_accept(of(to)->replica, &of(to)->transport, id));
    office_sync(&office, to);
    return id;
}

/* The store is found in another directory: its own feeds go on under another incarnation. */
static void
move_store(int at)
{
    char command[800];

    office_visit(&office, at, ledger_family_at(replica_ledger(of(at)->replica), 0)->id, "before it moved");
    office_sync(&office, at);
    office_shut(&office, at);
    snprintf(command, sizeof command, "cp -r '%s' '%s.moved' && rm -r '%s' && mv '%s.moved' '%s'", of(at)->directory,
             of(at)->directory, of(at)->directory, of(at)->directory, of(at)->directory);
    if (system(command) != 0)
        exit(1);
    DEMAND(office_start(&office, at));
    office_sync(&office, at);
}

/* Two versions of a goal, of a phase, of participants; a deletion beside an edit. */
static void
differ(struct id family)
{
    struct id goal = new_goal(BRAM, family, "sleep through the night");
    struct id removed = new_goal(BRAM, family, "to be removed");
    struct id kept = new_goal(BRAM, family, "removed by one, changed by the other");
    struct id visit = office_visit(&office, BRAM, family, "a visit with the grandmother");

    struct id moved = new_goal(BRAM, family, "to be moved");
    struct id restored = new_goal(BRAM, family, "removed and restored");

    write_the_rest(family);
    put_consent(BRAM, family, "given");
    delete_goal(BRAM, family, restored);
    office_sync_all(&office, COUNT, 2);
    restore_goal(SECOND, family, restored);
    move_goal(SECOND, family, moved);
    put_consent(SECOND, family, "limited");
    change_goal(BRAM, family, goal, "sleep until six");
    change_goal(SECOND, family, goal, "sleep until seven");
    set_phase(BRAM, family, "start");
    set_phase(SECOND, family, "plan");
    meet(BRAM, family, visit, "grandmother");
    meet(SECOND, family, visit, "the neighbour");
    delete_goal(BRAM, family, removed);
    delete_goal(BRAM, family, kept);
    change_goal(SECOND, family, kept, "changed by the other");
    office_sync_all(&office, COUNT, 2);
}

/* Carla writes offline; Bram has it by a bundle and builds on it; her cover ends before her device is heard. */
static void
hold_late_work(struct id family)
{
    struct id goal = new_goal(BRAM, family, "a goal that is changed late");

    office_sync(&office, BRAM);
    struct id id = cover(BRAM, family, CARLA, 20);
    change_goal(CARLA, family, goal, "changed by Carla, late");
    put_consent(CARLA, family, "refused");
    office_carry(&office, CARLA, BRAM);
    change_goal(BRAM, family, goal, "built on what Carla wrote");
    office_pass(&office, 3600 * 1000);
    DEMAND(replica_cover_end(of(ANNA)->replica, &of(ANNA)->transport, id));
    office_sync(&office, BRAM);
}

/* A save of another incarnation of Bram's second laptop, of a kind that nobody knows, sealed under a key that is its epoch's or
 * not; `previous`: the hash of the header before it, then of its own. */
static void
bring(struct id stream, uint64_t incarnation, uint32_t save, bool is_damaged, uint8_t previous[CRYPTO_HASH_BYTES])
{
    struct replica *author = of(SECOND)->replica, *reader = of(BRAM)->replica;
    struct change change = CHANGE_EMPTY(stream);
    struct buf value = BUF_EMPTY(64), body = BUF_EMPTY(65536), cipher = BUF_EMPTY(65536);
    struct secret key = SECRET_EMPTY;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    struct entry entry = {.stream = stream, .incarnation = incarnation, .first = save, .last = save};
    uint64_t stored;

    memcpy(entry.previous, previous, sizeof entry.previous);
    entry.epoch = ledger_stream(reader->ledger, stream)->epoch;
    entry.position = ledger_position(reader->ledger);
    memcpy(entry.position_hash, ledger_hash_at(reader->ledger, entry.position), sizeof entry.position_hash);
    DEMAND(value_put_int(&value, 1, 7));
    DEMAND(value_put_text(&value, 2, "of a newer program"));
    DEMAND(change_put(&change, 9000, id_random(), 1, &value));
    DEMAND(body_write((struct feed_ref){of(SECOND)->id, incarnation}, save, &change, 1, NULL, 0, &body));
    DEMAND(keyring_get(reader->keys, stream, entry.epoch, &key));
    if (is_damaged)
        key.bytes[0] ^= 1;
    DEMAND(entry_seal(&entry, &author->identity, &key, &body, &cipher));
    memcpy(previous, entry.hash, sizeof entry.hash);
    DEMAND(wire_run_add(&runs, &entry));
    DEMAND(db_begin(reader->db));
    DEMAND(inbox_store(reader, &runs, true, &stored));
    DEMAND(db_commit(reader->db));
    DEMAND(inbox_apply(reader, NULL, NULL));
    wire_run_list_wipe(&runs);
    secret_wipe(&key);
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&body);
    buf_wipe(&cipher);
}

static void
keep_a_newer_run(void)
{
    static const uint8_t bytes[] = {1, 2, 0, 0, 0, 5, 'n', 'e', 'w', 'e', 'r'};
    struct wire_run_list list = WIRE_RUN_LIST_EMPTY;
    struct reader reader = reader_of(bytes, sizeof bytes);
    struct replica *replica = of(BRAM)->replica;
    uint64_t stored;

    DEMAND(wire_run_get(&reader, &list));
    DEMAND(db_begin(replica->db));
    DEMAND(inbox_store(replica, &list, true, &stored));
    DEMAND(db_commit(replica->db));
    wire_run_list_wipe(&list);
}

/* A family whose key comes damaged: what is written there stays closed. */
static void
lack_a_key(void)
{
    struct id family = office_family(&office, ANNA, "egel", ANNA);

    office_visit(&office, ANNA, family, "behind a key that did not arrive");
    office_sync(&office, ANNA);
    DEMAND(replica_assign(of(ANNA)->replica, &of(ANNA)->transport, family, of(BRAM)->person, LEDGER_COACH));
    of(BRAM)->fault.flips_boxes = true;
    office_sync(&office, BRAM);
}

/* The last session breaks off at its push; then more is written, and the clock jumps. */
static void
leave_work_waiting(struct id family)
{
    office_visit(&office, BRAM, family, "sealed and not sent");
    for (unsigned n = 1; n < 40; n++) {
        struct waiting waiting;
        of(BRAM)->fault.lose_request = n;
        (void)office_try_sync(&office, BRAM);
        DEMAND(replica_waiting(of(BRAM)->replica, &waiting));
        if (waiting.entries_unsent > 0)
            break;
        office_visit(&office, BRAM, family, "sealed and not sent");
    }
    office_carry(&office, BRAM, SECOND);
    office_visit(&office, BRAM, family, "not sealed");
    of(BRAM)->clock_off_ms = INT64_C(365) * 86400000;
    office_reopen(&office, BRAM);
}

static void
happen(void)
{
    office_open(&office);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, BRAM, "Bram", LEDGER_ROLE_COACH);
    office_join(&office, CARLA, "Carla", LEDGER_ROLE_COACH);
    struct id vos = office_family(&office, ANNA, "vos", BRAM);
    struct id wezel = office_family(&office, ANNA, "wezel", CARLA);
    office_sync_all(&office, 3, 2);
    office_join_again(&office, SECOND, of(BRAM)->person);
    office_sync_all(&office, COUNT, 2);
    move_store(BRAM);
    differ(vos);
    office_visit(&office, CARLA, wezel, "of a family that is covered");
    office_sync(&office, CARLA);
    (void)cover(CARLA, wezel, BRAM, 10);
    office_visit(&office, BRAM, wezel, "seen by Bram, who covers");
    office_sync_all(&office, COUNT, 2);
    hold_late_work(vos);
    office_sync_all(&office, COUNT, 2);
    lack_a_key();
    struct id file = ledger_family(replica_ledger(of(BRAM)->replica), vos)->file;
    uint8_t previous[CRYPTO_HASH_BYTES] = {0};
    bring(file, 7, 1, true, previous);
    bring(file, 7, 2, false, previous); /* what is before it is damaged */
    memset(previous, 0, sizeof previous);
    bring(file, 9, 1, false, previous);
    keep_a_newer_run();
    office_carry(&office, SECOND, BRAM);
    leave_work_waiting(vos);
}

/* ---- as files ---------------------------------------------------------------------------------------- */

static void
write_expected(const char *directory)
{
    struct buf text = BUF_EMPTY((size_t)16 << 20);
    char path[4096];

    DEMAND(buf_printf(&text, "now %" PRId64 "\n", office.now_ms + of(BRAM)->clock_off_ms));
    golden_store_describe(of(BRAM)->store, of(BRAM)->replica, &text);
    snprintf(path, sizeof path, "%s/expected.txt", directory);
    FILE *file = fopen(path, "w");
    if (file == NULL || fwrite(text.data, 1, text.len, file) != text.len || fclose(file) != 0) {
        perror(path);
        exit(1);
    }
    buf_wipe(&text);
}

static void
add_passphrase(void)
{
    struct secret passphrase = SECRET_EMPTY;
    struct store_slots slots = *store_slots(of(BRAM)->store);
    struct clock clock = office_options(&office, BRAM).clock;

    DEMAND(secret_copy(&passphrase, GOLDEN_STORE_PASSPHRASE, strlen(GOLDEN_STORE_PASSPHRASE)));
    DEMAND(store_key_add(&slots, &of(BRAM)->key, &passphrase, &STORES_CHEAP));
    office_shut(&office, BRAM);
    DEMAND(store_key_write(of(BRAM)->directory, &clock, &of(BRAM)->key, &slots));
    secret_wipe(&passphrase);
}

int
main(int argc, char **argv)
{
    char directory[3000], command[8000];

    if (argc != 2) {
        fputs(USAGE, stderr);
        return 2;
    }
    DEMAND(secret_start());
    happen();
    snprintf(directory, sizeof directory, "%s/store-%03d", argv[1], MIGRATIONS[MIGRATION_COUNT - 1].number);
    snprintf(command, sizeof command, "mkdir '%s'", directory);
    if (system(command) != 0)
        return 1;
    write_expected(directory);
    add_passphrase();
    snprintf(command, sizeof command, "cp '%s/store.db' '%s/keyslots.json' '%s'", of(BRAM)->directory,
             of(BRAM)->directory, directory);
    int status = system(command);
    office_close(&office);
    return status == 0 ? 0 : 1;
}
