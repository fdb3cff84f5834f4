/* What an inbox takes from whoever brings it: nothing counts under another's name, and nobody stops the others' work. */
#include "tests/unit/unit.h"

#include <string.h>

#include "sync/inbox.h"
#include "sync/outbox.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { FORGER = 0, VICTIM = 1, NEWCOMER = 2, SAVES_MOST = 300 };

static struct office office;
static struct id record; /* that the newcomer's save is about */
static uint64_t incarnation = 7; /* under which the newcomer writes */

static int
setup(void **state)
{
    (void)state;
    office_open(&office);
    record = id_random();
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, VICTIM, "Bram", LEDGER_ROLE_COACH);
    office_sync_all(&office, 2, 2);
    office_join(&office, NEWCOMER, "Fatma", LEDGER_ROLE_COACH);
    office_sync(&office, FORGER);
    return 0;
}

/* The first saves of the newcomer's feed of the team stream, none of which replaces another, signed by the device
 * `signer`. */
static struct entry
seal_behind(const struct entry *before, int signer, int64_t number, uint32_t saves, struct buf *cipher)
{
    struct replica *author = office.devices[signer].replica,
                   *forger = office.devices[FORGER].replica;
    struct identity identity = author->identity;
    struct id stream = ledger_team_stream(forger->ledger);
    struct change changes[SAVES_MOST];
    struct buf value = BUF_EMPTY(64), body = BUF_EMPTY(65536);
    struct secret key = SECRET_EMPTY;
    uint32_t last = before == NULL ? 0 : before->last;
    struct entry entry = {.stream = stream, .incarnation = incarnation, .epoch = 1, .first = last + 1, .last = last + saves};

    if (before != NULL)
        memcpy(entry.previous, before->hash, sizeof entry.previous);

    identity.device = office.devices[NEWCOMER].id; /* lent keys, another's name */
    for (uint32_t i = 0; i < saves; i++) {
        changes[i] = (struct change)CHANGE_EMPTY(stream);
        buf_clear(&value);
        assert_ok(value_put_int(&value, 1, number + i));
        assert_ok(change_put(&changes[i], 9999, record, 1, &value));
    }
    assert_ok(body_write((struct feed_ref){identity.device, incarnation}, entry.first, changes, saves, NULL, 0, &body));
    assert_ok(keyring_get(forger->keys, stream, 1, &key));
    entry.position = ledger_position(forger->ledger);
    memcpy(entry.position_hash, ledger_hash_at(forger->ledger, entry.position),
           sizeof entry.position_hash);
    assert_ok(entry_seal(&entry, &identity, &key, &body, cipher));
    secret_wipe(&key);
    for (uint32_t i = 0; i < saves; i++)
        change_wipe(&changes[i]);
    buf_wipe(&value);
    buf_wipe(&body);
    return entry;
}

static struct entry
seal_saves_as_newcomer(int signer, int64_t number, uint32_t saves, struct buf *cipher)
{
    return seal_behind(NULL, signer, number, saves, cipher);
}

static struct entry
seal_as_newcomer(int signer, int64_t number, struct buf *cipher)
{
    return seal_saves_as_newcomer(signer, number, 1, cipher);
}

static enum rc
bring(const struct entry *entry, bool from_server)
{
    struct replica *victim = office.devices[VICTIM].replica;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    uint64_t stored = 0;

    assert_ok(wire_run_add(&runs, entry));
    assert_ok(db_begin(victim->db));
    enum rc rc = inbox_store(victim, &runs, from_server, &stored);
    if (rc == RC_OK)
        assert_ok(db_commit(victim->db));
    else
        db_rollback(victim->db);
    wire_run_list_wipe(&runs);
    return rc;
}

/* Of a save of the newcomer's at the victim. */
static enum rc
find_save(uint32_t save, struct elog_row *row)
{
    struct replica *victim = office.devices[VICTIM].replica;
    struct feed_ref ref = {office.devices[NEWCOMER].id, 7};
    struct elog_feed feed;

    assert_ok(elog_feed_find(victim->db, ledger_team_stream(victim->ledger), ref, &feed));
    return elog_find(victim->db, feed.key, save, row);
}

static bool
is_stored(uint32_t save)
{
    struct elog_row row = ELOG_ROW_EMPTY;
    enum rc rc = find_save(save, &row);

    elog_row_wipe(&row);
    return rc == RC_OK;
}

static enum elog_state
state_of(uint32_t save, uint8_t *hash)
{
    struct elog_row row = ELOG_ROW_EMPTY;

    assert_ok(find_save(save, &row));
    enum elog_state state = row.state;
    memcpy(hash, row.entry.hash, CRYPTO_HASH_BYTES);
    elog_row_wipe(&row);
    return state;
}

static enum elog_state
state_there(uint8_t *hash)
{
    return state_of(1, hash);
}

/* Brought before the victim knows the newcomer: first without its body, then whole. */
static void
an_entry_counts_only_under_its_authors_signature(void **state)
{
    (void)state;
    struct buf forged_cipher = BUF_EMPTY(8192), cipher = BUF_EMPTY(8192);
    struct entry forged = seal_as_newcomer(FORGER, 666, &forged_cipher);
    struct entry own = seal_as_newcomer(NEWCOMER, 1, &cipher);
    struct entry bare = forged;
    uint8_t hash[CRYPTO_HASH_BYTES];

    bare.ciphertext = NULL;
    assert_ok(bring(&bare, true));
    assert_ok(bring(&forged, true));
    assert_true(is_stored(1));
    office_sync(&office, VICTIM); /* now the ledger tells who the newcomer is */
    assert_false(is_stored(1));
    assert_ok(bring(&own, true));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    assert_memory_equal(hash, own.hash, sizeof hash);
    assert_int_equal(bring(&forged, true), RC_UNTRUSTED);
    buf_wipe(&forged_cipher);
    buf_wipe(&cipher);
}

static void
the_right_header_under_a_wrong_signature_is_mended(void **state)
{
    (void)state;
    struct buf cipher = BUF_EMPTY(8192);
    struct entry own = seal_as_newcomer(NEWCOMER, 1, &cipher);
    struct entry broken = own;
    uint8_t hash[CRYPTO_HASH_BYTES];

    broken.signature[0] ^= 1;
    for (int is_known = 0; is_known < 2; is_known++) { /* before the ledger tells whose it is, and after */
        if (!is_known)
            assert_ok(bring(&broken, true));
        else
            assert_int_equal(bring(&broken, true), RC_UNTRUSTED);
        office_sync(&office, VICTIM);
        assert_false(is_stored(1));
    }
    assert_ok(bring(&own, true));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    buf_wipe(&cipher);
}

/* One by a bundle, the other by the server, as an author can who signs twice. */
static void
a_colleague_who_signs_two_saves_as_one_stops_nobody(void **state)
{
    (void)state;
    struct buf ciphers[2] = {BUF_EMPTY(8192), BUF_EMPTY(8192)};
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
    struct entry other = seal_as_newcomer(NEWCOMER, 2, &ciphers[1]);
    uint8_t hash[CRYPTO_HASH_BYTES];

    office_sync(&office, VICTIM);
    assert_ok(bring(&one, false));
    assert_ok(bring(&other, true));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    assert_memory_equal(hash, one.hash, sizeof hash);
    for (int i = 0; i < 2; i++)
        buf_wipe(&ciphers[i]);
}

/* It would take the place of two: of one that waits for a ledger line, and of one that stands. */
static void
an_entry_that_is_refused_drops_none_that_waits(void **state)
{
    (void)state;
    struct buf ciphers[3] = {BUF_EMPTY(8192), BUF_EMPTY(8192), BUF_EMPTY(8192)};
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
    struct entry both = seal_saves_as_newcomer(NEWCOMER, 5, 2, &ciphers[1]);
    uint8_t hash[CRYPTO_HASH_BYTES];

    office_sync(&office, VICTIM);
    office_family(&office, FORGER, "vos", FORGER);
    struct entry next = seal_behind(&one, NEWCOMER, 2, 1, &ciphers[2]); /* on that line */
    assert_ok(bring(&next, true));
    assert_ok(inbox_apply(office.devices[VICTIM].replica, NULL, NULL));
    assert_ok(bring(&one, true));
    assert_ok(bring(&both, false));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    assert_int_equal(state_of(2, hash), ELOG_APPLIED);
    assert_memory_equal(hash, next.hash, sizeof hash);
    for (int i = 0; i < 3; i++)
        buf_wipe(&ciphers[i]);
}

/* The other chain ends its entries elsewhere: what follows in it has no predecessor here, which nobody withholds. */
static void
a_colleagues_fork_stops_no_session(void **state)
{
    (void)state;
    struct buf ciphers[3] = {BUF_EMPTY(8192), BUF_EMPTY(8192), BUF_EMPTY(8192)};
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
    struct entry other = seal_saves_as_newcomer(NEWCOMER, 2, 2, &ciphers[1]);
    struct entry next = seal_behind(&other, NEWCOMER, 3, 1, &ciphers[2]);
    uint8_t hash[CRYPTO_HASH_BYTES];

    office_sync(&office, VICTIM);
    one.arrived_ms = other.arrived_ms = next.arrived_ms = 1;
    assert_ok(bring(&one, false));
    assert_ok(bring(&other, true));
    assert_ok(bring(&next, true));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    struct elog_place place = {0, 0};
    struct elog_row row = ELOG_ROW_EMPTY;
    bool found;
    assert_ok(elog_next(office.devices[VICTIM].replica->db, (struct id){{0}}, ELOG_PARKED, &place, &row, &found));
    assert_true(found);
    assert_int_equal(row.reason, ELOG_FORK);
    elog_row_wipe(&row);
    office_reopen(&office, VICTIM);
    office_sync(&office, VICTIM); /* and it is not asked for again */
    for (int i = 0; i < 3; i++)
        buf_wipe(&ciphers[i]);
}

/* As one lie, or one damaged page, can make it: nobody knows whose it is, so nothing is known to be missing before it. */
static void
a_second_save_of_nobodys_stops_no_session(void **state)
{
    (void)state;
    struct buf ciphers[2] = {BUF_EMPTY(8192), BUF_EMPTY(8192)};
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
    struct entry next = seal_behind(&one, NEWCOMER, 2, 1, &ciphers[1]);

    next.device = id_random();
    next.arrived_ms = 1;
    assert_ok(bring(&next, true));
    for (int i = 0; i < 2; i++) {
        office_sync(&office, VICTIM);
        assert_int_equal(office.devices[VICTIM].report.parked, 1);
        buf_wipe(&ciphers[i]);
    }
}

/* One for each of the lives that a device may have in a stream. */
static void
many_forks_stop_no_session(void **state)
{
    enum { FORKS = 40 };
    static struct buf ciphers[3 * FORKS];
    (void)state;

    office_sync(&office, VICTIM);
    for (int i = 0; i < FORKS; i++) {
        incarnation = 100 + (uint64_t)i;
        for (int k = 0; k < 3; k++)
            ciphers[3 * i + k] = BUF_EMPTY(8192);
        struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[3 * i]);
        struct entry other = seal_saves_as_newcomer(NEWCOMER, 2, 2, &ciphers[3 * i + 1]);
        struct entry next = seal_behind(&other, NEWCOMER, 3, 1, &ciphers[3 * i + 2]);
        one.arrived_ms = other.arrived_ms = next.arrived_ms = 1;
        assert_ok(bring(&one, false));
        assert_ok(bring(&other, true));
        assert_ok(bring(&next, true));
    }
    incarnation = 7;
    office_sync(&office, VICTIM);
    office_reopen(&office, VICTIM);
    office_sync(&office, VICTIM);
    for (int i = 0; i < 3 * FORKS; i++)
        buf_wipe(&ciphers[i]);
}

static enum rc
bring_to(int at, const struct entry *entry, bool from_server)
{
    struct replica *replica = office.devices[at].replica;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    uint64_t stored = 0;

    assert_ok(wire_run_add(&runs, entry));
    assert_ok(db_begin(replica->db));
    enum rc rc = db_end(replica->db, inbox_store(replica, &runs, from_server, &stored));
    wire_run_list_wipe(&runs);
    return rc;
}

static void
write_int(int at, struct id what, int64_t number)
{
    struct replica *replica = office.devices[at].replica;
    struct change change = CHANGE_EMPTY(ledger_team_stream(replica->ledger));
    struct buf value = BUF_EMPTY(64);

    assert_ok(value_put_int(&value, 1, number));
    assert_ok(change_put(&change, 9999, what, 1, &value));
    assert_ok(replica_save(replica, &change, 1));
    change_wipe(&change);
    buf_wipe(&value);
}

static uint64_t
parked_at(int at)
{
    uint64_t parked;

    assert_ok(elog_count(office.devices[at].replica->db, ELOG_PARKED, &parked));
    return parked;
}

/* Whether the device shows that number as the one version of the record. */
static bool
shows(int at, struct id what, int64_t number)
{
    struct replica *replica = office.devices[at].replica;
    char *dump = office_dump(&office, at, ledger_team_stream(replica->ledger));
    char text[ID_TEXT_CHARS + 1], value[16];

    id_to_text(what, text);
    (void)snprintf(value, sizeof value, "010101%02llx\n", (unsigned long long)(2 * number));
    const char *line = strstr(dump, text);
    line = line == NULL ? NULL : strstr(line, " shown ");
    const char *end = line == NULL ? NULL : strchr(line, '\n');
    bool is_there = end != NULL && strncmp(end + 1 - strlen(value), value, strlen(value)) == 0;
    free(dump);
    return is_there;
}

/* The newcomer gives the victim one past by a file, and the server another, which may end sooner: the victim builds on the first. */
static void
work_that_builds_on_a_colleagues_fork_still_reaches_all(void **state)
{
    (void)state;
    for (int longer = 0; longer < 2; longer++) {
        struct buf ciphers[3] = {BUF_EMPTY(8192), BUF_EMPTY(8192), BUF_EMPTY(8192)};
        incarnation = 7 + (uint64_t)longer;
        record = id_random();
        struct id later = id_random();
        struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
        struct entry more = seal_behind(&one, NEWCOMER, 1, 5, &ciphers[1]);
        struct entry other = seal_saves_as_newcomer(NEWCOMER, 2, 2, &ciphers[2]);

        office_sync(&office, VICTIM);
        office_sync(&office, NEWCOMER);
        assert_ok(bring_to(NEWCOMER, &other, false)); /* which hands it to the server */
        office_sync(&office, NEWCOMER);
        assert_ok(bring(&one, false));
        if (longer)
            assert_ok(bring(&more, false));
        assert_ok(inbox_apply(office.devices[VICTIM].replica, NULL, NULL));
        write_int(VICTIM, record, 30);
        office_sync(&office, VICTIM);
        write_int(VICTIM, later, 40);
        office_sync_all(&office, 3, 3);
        for (int at = 0; at < 3; at++) {
            assert_true(shows(at, later, 40));
            assert_true(shows(at, record, 30));
        }
        assert_int_equal(parked_at(FORGER), 0);
        office_reopen(&office, FORGER);
        assert_ok(replica_rebuild(office.devices[FORGER].replica,
                                  ledger_team_stream(office.devices[FORGER].replica->ledger)));
        assert_true(shows(FORGER, later, 40)); /* and when the tables are made anew */
        assert_int_equal(parked_at(FORGER), 0);
        for (int i = 0; i < 3; i++)
            buf_wipe(&ciphers[i]);
    }
    incarnation = 7;
}

/* What it names comes after all. */
static void
what_was_applied_without_a_name_names_it_once_it_comes(void **state)
{
    (void)state;
    struct replica *victim = office.devices[VICTIM].replica, *anna = office.devices[FORGER].replica;
    struct id stream = ledger_team_stream(anna->ledger);
    struct buf cipher = BUF_EMPTY(8192);
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_feed feed;

    office_sync(&office, VICTIM);
    assert_ok(bring(&one, false));
    assert_ok(inbox_apply(victim, NULL, NULL));
    write_int(VICTIM, record, 30);
    assert_ok(outbox_seal(victim, stream));
    assert_ok(elog_feed_find(victim->db, stream, replica_feed(victim), &feed));
    assert_ok(elog_find(victim->db, feed.key, 1, &row));
    assert_ok(bring_to(FORGER, &row.entry, false));
    assert_ok(inbox_apply(anna, NULL, NULL));
    assert_int_equal(parked_at(FORGER), 1); /* without the server it waits */
    office_sync(&office, FORGER);
    assert_int_equal(parked_at(FORGER), 0);
    assert_true(shows(FORGER, record, 30));
    assert_ok(bring_to(FORGER, &one, false));
    office_sync(&office, FORGER);
    office_sync_all(&office, 2, 2);
    char *dumps[2] = {office_dump(&office, FORGER, stream), office_dump(&office, VICTIM, stream)};
    assert_string_equal(dumps[0], dumps[1]);
    assert_null(strstr(dumps[0], " other "));
    for (int i = 0; i < 2; i++)
        free(dumps[i]);
    elog_row_wipe(&row);
    buf_wipe(&cipher);
}

/* A page that lied, or was damaged, before the ledger told whose the first save is; the true one is before the cursor since. */
static void
what_is_nobodys_hides_no_gap(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        bool is_forged = variant % 2 == 0, has_next = variant < 2;
        struct buf ciphers[3] = {BUF_EMPTY(8192), BUF_EMPTY(8192), BUF_EMPTY(8192)};
        if (variant > 0) {
            office_tear_down(state);
            setup(state);
        }
        struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
        struct entry next = seal_behind(&one, NEWCOMER, 2, 1, &ciphers[1]);
        struct entry false_one = is_forged ? seal_as_newcomer(FORGER, 666, &ciphers[2]) : one;
        uint8_t hash[CRYPTO_HASH_BYTES];
        int64_t cursor;

        false_one.signature[0] ^= !is_forged;
        false_one.arrived_ms = 1;
        assert_ok(bring(&false_one, true));
        assert_ok(bring_to(NEWCOMER, &one, false));
        office_sync(&office, NEWCOMER);
        office_sync(&office, FORGER);
        assert_ok(state_get_int(office.devices[FORGER].replica->db, STATE_CURSOR, &cursor));
        assert_ok(state_put_int(office.devices[VICTIM].replica->db, STATE_CURSOR, cursor));
        office_sync(&office, VICTIM);
        if (has_next) {
            assert_ok(bring_to(NEWCOMER, &next, false));
            office_sync(&office, NEWCOMER);
        }
        office_sync(&office, VICTIM);
        office_sync(&office, VICTIM);
        assert_int_equal(state_there(hash), ELOG_APPLIED);
        assert_memory_equal(hash, one.hash, sizeof hash);
        if (has_next)
            assert_int_equal(state_of(2, hash), ELOG_APPLIED);
        assert_int_equal(parked_at(VICTIM), 0);
        for (int i = 0; i < 3; i++)
            buf_wipe(&ciphers[i]);
    }
}

/* The signature of the last vouches for the first, which a server altered. */
static void
an_altered_signature_within_a_run_stops_no_bundle(void **state)
{
    (void)state;
    struct buf ciphers[2] = {BUF_EMPTY(8192), BUF_EMPTY(8192)};
    struct replica *victim = office.devices[VICTIM].replica;
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &ciphers[0]);
    struct entry next = seal_behind(&one, NEWCOMER, 2, 1, &ciphers[1]);
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint64_t stored = 0;

    office_sync(&office, VICTIM);
    one.signature[0] ^= 1;
    assert_ok(wire_run_add(&runs, &one));
    assert_ok(wire_run_add(&runs, &next));
    assert_ok(db_begin(victim->db));
    assert_ok(db_end(victim->db, inbox_store(victim, &runs, true, &stored)));
    wire_run_list_wipe(&runs);
    assert_ok(inbox_apply(victim, NULL, NULL));
    assert_int_equal(state_of(2, hash), ELOG_APPLIED);
    office_visit(&office, VICTIM, office_family(&office, VICTIM, "vos", VICTIM), "x");
    office_carry(&office, VICTIM, FORGER);
    for (int i = 0; i < 2; i++)
        buf_wipe(&ciphers[i]);
}

/* By a bundle; the victim builds on it, and reads the line that makes it late work before sealing. */
static void
what_builds_on_work_that_became_late_is_still_sealed(void **state)
{
    (void)state;
    struct office_device *victim = &office.devices[VICTIM], *admin = &office.devices[FORGER];
    struct change change = CHANGE_EMPTY(ledger_team_stream(admin->replica->ledger));
    struct buf cipher = BUF_EMPTY(8192), value = BUF_EMPTY(64);
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
    struct waiting waiting = {0};
    uint8_t hash[CRYPTO_HASH_BYTES];

    office_sync(&office, VICTIM);
    assert_ok(bring(&one, false));
    assert_ok(inbox_apply(victim->replica, NULL, NULL));
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    assert_ok(value_put_int(&value, 1, 2));
    assert_ok(change_put(&change, 9999, record, 1, &value));
    assert_ok(replica_save(victim->replica, &change, 1));
    assert_ok(
        replica_revoke_device(admin->replica, &admin->transport, office.devices[NEWCOMER].id));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_HELD);
    waiting = office_waiting(&office, VICTIM);
    assert_int_equal(waiting.saves_unsealed + waiting.entries_unsent, 0);
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&cipher);
}

/* More versions of one thing at once than a register holds of one feed: the oldest go (docs/decisions/008). */
static void
an_entry_that_is_over_a_ceiling_is_applied_and_stops_nobody(void **state)
{
    (void)state;
    struct buf cipher = BUF_EMPTY(65536);
    struct entry many = seal_saves_as_newcomer(NEWCOMER, 1, SAVES_MOST, &cipher);
    uint8_t hash[CRYPTO_HASH_BYTES];

    assert_ok(bring(&many, true));
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    buf_wipe(&cipher);
}

static void
tell(const char *sql)
{
    assert_ok(db_run(office.devices[VICTIM].replica->db, sql));
}

/* As a program did that did not know how it was packed; or a store whose fault it was. */
static void
park_what_came(int reason)
{
    char sql[100];

    (void)snprintf(sql, sizeof sql, "UPDATE sync_entry SET state = 2, reason = %d WHERE state = 0", reason);
    tell(sql);
}

static void
failure_14_what_an_older_program_could_not_read_is_tried_again_by_another(void **state)
{
    (void)state;
    const int reasons[] = {ELOG_UNKNOWN, ELOG_DAMAGED};
    uint8_t hash[CRYPTO_HASH_BYTES];

    for (size_t i = 0; i < 2; i++) {
        struct buf cipher = BUF_EMPTY(8192);
        struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
        office_sync(&office, VICTIM);
        office_reopen(&office, VICTIM);
        if (i == 0)
            assert_ok(bring(&one, false));
        else
            tell("UPDATE sync_entry SET state = 0 WHERE feed = (SELECT feed FROM sync_feed WHERE incarnation = 7)");
        park_what_came(reasons[i]);
        office_reopen(&office, VICTIM);
        office_sync(&office, VICTIM);
        assert_int_equal(state_there(hash), ELOG_PARKED); /* by the same program once is enough */
        tell("UPDATE sync_state SET value = x'00' WHERE name = 'made_by'");
        office_reopen(&office, VICTIM);
        assert_int_equal(state_there(hash), ELOG_APPLIED);
        buf_wipe(&cipher);
    }
}

static enum rc
count_finding(void *context, const struct doctor_finding *finding)
{
    (void)finding;
    ++*(unsigned *)context;
    return RC_OK;
}

/* The victim's own row of the record is damaged; the colleague's entry is not. */
static void
damage_of_this_store_is_not_charged_to_a_colleague(void **state)
{
    (void)state;
    struct replica *victim = office.devices[VICTIM].replica;
    struct change change = CHANGE_EMPTY(ledger_team_stream(victim->ledger));
    struct buf cipher = BUF_EMPTY(8192), value = BUF_EMPTY(64);
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
    uint8_t hash[CRYPTO_HASH_BYTES];
    unsigned findings = 0;

    office_sync(&office, VICTIM);
    assert_ok(value_put_int(&value, 1, 2));
    assert_ok(change_put(&change, 9999, record, 1, &value));
    assert_ok(replica_save(victim, &change, 1));
    office_sync(&office, VICTIM);
    tell("UPDATE journal_record SET heads = x'ff' WHERE entity = 9999");
    assert_ok(bring(&one, false));
    assert_int_equal(office_try_sync(&office, VICTIM), RC_CORRUPT);
    assert_int_equal(state_there(hash), ELOG_NEW);
    office_reopen(&office, VICTIM); /* opens all the same */
    assert_int_equal(state_there(hash), ELOG_NEW);
    assert_ok(replica_doctor(office.devices[VICTIM].replica, count_finding, &findings));
    assert_true(findings > 0);
    office_sync(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    change_wipe(&change);
    buf_wipe(&value);
    buf_wipe(&cipher);
}

static void
what_was_parked_as_damaged_is_tried_again_by_the_doctor(void **state)
{
    (void)state;
    struct buf cipher = BUF_EMPTY(8192);
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
    uint8_t hash[CRYPTO_HASH_BYTES];
    unsigned findings = 0;

    office_sync(&office, VICTIM);
    assert_ok(bring(&one, false));
    park_what_came(ELOG_DAMAGED);
    assert_ok(replica_doctor(office.devices[VICTIM].replica, count_finding, &findings));
    assert_int_equal(findings, 0);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    buf_wipe(&cipher);
}

/* A session was cut off between the last page and applying it, and there is no server. */
static void
what_was_pulled_is_seen_at_the_next_opening(void **state)
{
    (void)state;
    struct buf cipher = BUF_EMPTY(8192);
    struct entry one = seal_as_newcomer(NEWCOMER, 1, &cipher);
    uint8_t hash[CRYPTO_HASH_BYTES];

    office_sync(&office, VICTIM);
    assert_ok(bring(&one, true));
    assert_int_equal(state_there(hash), ELOG_NEW);
    office_reopen(&office, VICTIM);
    assert_int_equal(state_there(hash), ELOG_APPLIED);
    buf_wipe(&cipher);
}

#define CASE(name) \
    cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_entry_counts_only_under_its_authors_signature),
        CASE(the_right_header_under_a_wrong_signature_is_mended),
        CASE(a_colleague_who_signs_two_saves_as_one_stops_nobody),
        CASE(an_entry_that_is_refused_drops_none_that_waits),
        CASE(a_colleagues_fork_stops_no_session),
        CASE(a_second_save_of_nobodys_stops_no_session),
        CASE(many_forks_stop_no_session),
        CASE(what_is_nobodys_hides_no_gap),
        CASE(an_altered_signature_within_a_run_stops_no_bundle),
        CASE(work_that_builds_on_a_colleagues_fork_still_reaches_all),
        CASE(what_was_applied_without_a_name_names_it_once_it_comes),
        CASE(an_entry_that_is_over_a_ceiling_is_applied_and_stops_nobody),
        CASE(failure_14_what_an_older_program_could_not_read_is_tried_again_by_another),
        CASE(damage_of_this_store_is_not_charged_to_a_colleague),
        CASE(what_was_parked_as_damaged_is_tried_again_by_the_doctor),
        CASE(what_was_pulled_is_seen_at_the_next_opening),
        CASE(what_builds_on_work_that_became_late_is_still_sealed),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
