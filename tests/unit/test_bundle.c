/* Tests of bundles: what a colleague without a server can be given, and what it is told that it lacks. */
#include "sync/bundle.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/unit/unit.h"

#include "sync/inbox.h"
#include "sync/status.h"
#include "tests/support/office.h"
#include "tests/support/stores.h"

enum { ANNA = 0, BRAM, CAAS };

static struct office office;
static struct id family, file;

static int
setup(void **state)
{
    (void)state;
    family = office_pair_and_one(&office, BRAM);
    file = ledger_family(office.devices[BRAM].replica->ledger, family)->file;
    return 0;
}

static struct bundle_report
bring(int from, int to, bool is_whole)
{
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_report packed;

    assert_ok(replica_bundle_pack(office.devices[from].replica, office.devices[to].id, is_whole, &packed, &bundle));
    assert_ok(replica_bundle_import(office.devices[to].replica, bundle.data, bundle.len, &office.devices[to].report));
    buf_wipe(&bundle);
    return packed;
}

/* Caas covers, and has asked the server for nothing since: neither keys nor entries are there. */
static void
cover_by_lines_alone(void)
{
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct cover_new cover = {&family, 1, caas->person, office.now_ms, office.now_ms + 30 * DAY_MS, true};
    struct id id;

    assert_ok(replica_cover_give(bram->replica, &bram->transport, &cover, &id));
    office_sync(&office, CAAS);
    assert_ok(replica_cover_accept(caas->replica, &caas->transport, id));
    office_sync(&office, BRAM);
}

static bool
shows(int at, const char *word)
{
    return office_shows(&office, at, file, word);
}

static void
a_bundle_brings_the_keys_of_what_it_carries(void **state)
{
    (void)state;
    struct bundle_report packed;

    office_visit(&office, BRAM, family, "WAARNEMER");
    cover_by_lines_alone();
    assert_false(shows(CAAS, "WAARNEMER"));
    packed = bring(BRAM, CAAS, false);
    assert_true(packed.boxes >= 2); /* of index and file */
    assert_int_equal(office.devices[CAAS].report.parked, 0);
    assert_true(shows(CAAS, "WAARNEMER"));
    assert_true(office_agree(&office, CAAS, BRAM, file));
    (void)bring(BRAM, CAAS, false); /* twice is once */
    assert_true(office_agree(&office, CAAS, BRAM, file));
    office_sync_all(&office, 3, 2);
    assert_true(office_agree(&office, CAAS, BRAM, file));
}

/* Run under AddressSanitizer it also shows that nothing of that entry stays in memory. */
static void
an_entry_that_is_cut_short_in_the_store_is_in_no_bundle(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_report packed;

    office_visit(&office, BRAM, family, "AFGEKAPT");
    cover_by_lines_alone();
    assert_ok(db_run(bram->replica->db, "UPDATE sync_entry SET ciphertext = substr(ciphertext, 1, 20)"));
    assert_int_equal(replica_bundle_pack(bram->replica, office.devices[CAAS].id, false, &packed, &bundle), RC_CORRUPT);
    assert_int_equal(bundle.len, 0);
    buf_wipe(&bundle);
}

static void
who_may_not_read_is_given_no_key(void **state)
{
    (void)state;
    struct bundle_report packed;

    office_visit(&office, BRAM, family, "WAARNEMER");
    packed = bring(BRAM, CAAS, false);
    assert_int_equal(packed.boxes, 0); /* nothing of the family; the team's key it had, and nothing was packed of it */
    assert_false(shows(CAAS, "WAARNEMER"));
}

/* Caas may read by a line that Bram has from a bundle, and no line gave him the key. Were it in Bram's, and his device lost now, nobody would
 * owe a new one. */
static void
a_key_that_no_line_gave_is_in_no_bundle(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *caas = &office.devices[CAAS];

    office_visit(&office, BRAM, family, "NOG DICHT");
    anna->requests = 0;
    anna->fault.lose_request = 5; /* what would have paid the grant */
    assert_ok(replica_set_roles(anna->replica, &anna->transport, caas->person, LEDGER_ROLE_SCIENTIST));
    anna->fault.lose_request = 0;
    (void)bring(ANNA, BRAM, false);
    assert_true(ledger_grant_is_due(office.devices[BRAM].replica->ledger, file, caas->id, (uint64_t)office.now_ms));
    assert_int_equal(bring(BRAM, CAAS, false).boxes, 0);
    assert_true(caas->report.parked > 0);
    assert_false(keyring_has(caas->replica->keys, file, 1));
    office_sync(&office, BRAM); /* pays */
    assert_true(bring(BRAM, CAAS, true).boxes >= 2);
    assert_int_equal(caas->report.parked, 0);
    assert_true(shows(CAAS, "NOG DICHT"));
}

static void
acknowledgements_travel_and_status_tells_by_them(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct ack_status status;
    struct elog_feed feed;
    uint32_t stored, applied;

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    office_visit(&office, BRAM, family, "one");
    struct feed_ref own = {bram->id, bram->replica->incarnation};
    (void)bring(BRAM, CAAS, false);
    assert_ok(elog_feed_find(bram->replica->db, file, own, &feed));
    assert_ok(elog_last(bram->replica->db, feed.key, &stored, &applied));
    assert_ok(replica_applied_at(bram->replica, caas->id, file, own, &status));
    assert_true(status.last < stored);
    struct bundle_report back = bring(CAAS, BRAM, false);
    assert_true(back.acks >= 1);
    assert_ok(replica_applied_at(bram->replica, caas->id, file, own, &status));
    assert_int_equal(status.last, stored);
    /* What it has is not packed again. */
    assert_int_equal(bring(BRAM, CAAS, false).entries, 0);
    /* And the server's later word is newer than the bundle's. */
    office_visit(&office, BRAM, family, "two");
    office_sync_all(&office, 3, 2);
    assert_ok(replica_applied_at(bram->replica, caas->id, file, own, &status));
    assert_true(status.last > stored);
}

static void
lines_begin_where_the_receiver_has_read_and_a_gap_is_told(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    assert_int_equal(bring(BRAM, CAAS, false).lines, 0);
    uint64_t all = ledger_position(replica_ledger(bram->replica));
    assert_int_equal(bring(BRAM, CAAS, true).lines, all);

    /* An acknowledgement of a device whose store was put back since claims too much: the bundle goes on beyond its ledger. */
    assert_ok(db_run(caas->replica->db,
                     "DELETE FROM sync_line WHERE position = (SELECT max(position) FROM sync_line)"));
    office_join(&office, 3, "Daan", LEDGER_ROLE_COACH);
    office_sync(&office, BRAM);
    office_reopen(&office, CAAS);
    assert_int_equal(ledger_position(replica_ledger(caas->replica)), all - 1);
    (void)bring(BRAM, CAAS, false);
    assert_true(caas->report.has_ledger_gap);
    assert_int_equal(ledger_position(replica_ledger(caas->replica)), all - 1);
    (void)bring(BRAM, CAAS, true);
    assert_false(caas->report.has_ledger_gap);
    assert_int_equal(ledger_position(replica_ledger(caas->replica)), ledger_position(replica_ledger(bram->replica)));
}

static void
what_waits_for_a_rotation_stays_and_is_counted(void **state)
{
    (void)state;
    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    office_visit(&office, BRAM, family, "goes");
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 0);
    office_pass(&office, 31 * DAY_MS); /* the cover is over: who seals next owes a new key, and that needs the server */
    office_visit(&office, BRAM, family, "waits");
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 2); /* of file and index */
    office_sync(&office, BRAM);
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 0);
}

/* The clock is put back before the server was heard again: the cover is over all the same, and its colleague has the key of this time. */
static void
what_waits_for_a_rotation_stays_whatever_the_clock_says(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    office_pass(&office, 31 * DAY_MS);
    bram->clock_off_ms = -120 * DAY_MS;
    office_reopen(&office, BRAM);
    office_visit(&office, BRAM, family, "waits");
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 2); /* of file and index */
    uint32_t epoch = ledger_stream(replica_ledger(bram->replica), file)->epoch;
    office_sync(&office, BRAM);
    assert_int_equal(ledger_stream(replica_ledger(bram->replica), file)->epoch, epoch + 1);
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 0);
}

/* Set ahead, it puts a cover's end too early: what waits goes with the server, which knows better. */
static void
what_a_clock_set_ahead_keeps_from_a_bundle_goes_by_the_server(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    bram->clock_off_ms = 365 * DAY_MS;
    office_reopen(&office, BRAM);
    bram->clock_off_ms = 0;
    office_visit(&office, BRAM, family, "waits");
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 2);
    uint32_t epoch = ledger_stream(replica_ledger(bram->replica), file)->epoch;
    office_sync(&office, BRAM);
    assert_int_equal(ledger_stream(replica_ledger(bram->replica), file)->epoch, epoch);
    assert_int_equal(bring(BRAM, ANNA, false).saves_left, 0);
}

/* A store that was put back gets its own work again from whoever has it; it goes on when the server was heard. */
static void
a_whole_bundle_brings_own_work_back(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "EERSTE");
    office_sync_all(&office, 3, 2);
    assert_int_equal(bring(CAAS, BRAM, false).entries, 0);
    assert_ok(db_run(bram->replica->db, "DELETE FROM sync_entry WHERE feed IN (SELECT feed FROM sync_feed WHERE is_own)"));
    assert_ok(replica_rebuild(bram->replica, file));
    assert_false(shows(BRAM, "EERSTE"));
    assert_true(bring(CAAS, BRAM, true).entries > 0);
    assert_true(shows(BRAM, "EERSTE"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
}

/* ---- a store that was put back, and no server ---------------------------------------------------------- */

static void
keep_aside(int at, bool is_put_back)
{
    char command[512];
    const char *live = office.devices[at].directory, *aside = office.scratch.directory;

    office_shut(&office, at);
    if (is_put_back)
        snprintf(command, sizeof command, "rm -rf '%s' && cp -a '%s/aside' '%s'", live, aside, live);
    else
        snprintf(command, sizeof command, "cp -a '%s' '%s/aside'", live, aside);
    assert_int_equal(system(command), 0);
    assert_ok(office_start(&office, at));
}

static int
times_shown(int at, const char *word)
{
    char *dump = office_dump(&office, at, file), hex[256] = "";
    int count = 0;

    for (const char *c = word; *c != '\0'; c++)
        snprintf(hex + strlen(hex), 3, "%02x", (unsigned char)*c);
    for (const char *c = dump; (c = strstr(c, hex)) != NULL; c++)
        count++;
    free(dump);
    return count;
}

static void
a_store_that_was_put_back_seals_again_after_a_bundle_that_has_all_of_it(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "EERSTE");
    office_sync_all(&office, 3, 2);
    keep_aside(BRAM, false);
    office_visit(&office, BRAM, family, "NA DE KOPIE");
    office_sync_all(&office, 3, 2);
    keep_aside(BRAM, true);
    assert_true(bram->replica->must_recover);
    uint64_t before = bram->replica->incarnation;
    /* Not by one that is not whole: its own work is not in it, though acknowledgements of it are. */
    (void)bring(CAAS, BRAM, false);
    assert_true(bram->replica->must_recover);
    (void)bring(CAAS, BRAM, true);
    assert_false(bram->replica->must_recover);
    assert_true(bram->replica->incarnation != before);
    office_reopen(&office, BRAM);
    assert_false(bram->replica->must_recover);
    assert_int_equal(times_shown(BRAM, "NA DE KOPIE"), times_shown(CAAS, "NA DE KOPIE"));
    office_visit(&office, BRAM, family, "EN VERDER");
    assert_int_equal(bring(BRAM, CAAS, false).saves_left, 0);
    assert_true(shows(CAAS, "EN VERDER"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    office_sync_all(&office, 3, 2);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    assert_false(bram->replica->must_recover);
}

/* What was not sealed when the store was copied, the lost life may have given away: only the server, or a bundle with it, tells. */
static void
what_waits_and_nobody_was_seen_to_have_keeps_the_doubt(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    office_visit(&office, BRAM, family, "WACHT");
    keep_aside(BRAM, false);
    office_sync(&office, BRAM); /* given away, and Caas does not know */
    keep_aside(BRAM, true);
    (void)bring(CAAS, BRAM, true);
    assert_true(bram->replica->must_recover);
    office_sync(&office, CAAS);
    int once = times_shown(CAAS, "WACHT");
    (void)bring(CAAS, BRAM, true);
    assert_false(bram->replica->must_recover);
    office_sync_all(&office, 3, 2);
    assert_int_equal(times_shown(BRAM, "WACHT"), once);
    assert_int_equal(times_shown(CAAS, "WACHT"), once);
    assert_true(office_agree(&office, BRAM, CAAS, file));
}

/* What the lost life gave to the server alone comes with the next session, once, beside what was written since. */
static void
what_only_the_server_had_comes_later_and_once(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM];

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "EERSTE");
    office_sync_all(&office, 3, 2);
    keep_aside(BRAM, false);
    office_visit(&office, BRAM, family, "ALLEEN DAAR");
    office_sync(&office, BRAM);
    keep_aside(BRAM, true);
    (void)bring(CAAS, BRAM, true);
    assert_false(bram->replica->must_recover);
    office_visit(&office, BRAM, family, "EN VERDER");
    (void)bring(BRAM, CAAS, false);
    assert_true(shows(CAAS, "EN VERDER"));
    office_sync_all(&office, 3, 3);
    assert_true(shows(BRAM, "ALLEEN DAAR"));
    assert_int_equal(times_shown(BRAM, "ALLEEN DAAR"), times_shown(BRAM, "EERSTE"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
}

/* ---- brought again, brought late, and by who was shut out ------------------------------------------------ */

static void
pack_from(int from, struct buf *bundle)
{
    struct bundle_report packed;

    assert_ok(replica_bundle_pack(office.devices[from].replica, office.devices[CAAS].id, false, &packed, bundle));
}

static enum rc
import_at(int at, const struct buf *bundle)
{
    return replica_bundle_import(office.devices[at].replica, bundle->data, bundle->len, &office.devices[at].report);
}

static void
an_old_bundle_after_a_newer_one_takes_nothing_back(void **state)
{
    (void)state;
    struct office_device *bram = &office.devices[BRAM], *caas = &office.devices[CAAS];
    struct buf older = BUF_EMPTY(BUNDLE_MAX_BYTES), newer = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct ack_status before, after;

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "EERSTE");
    pack_from(BRAM, &older);
    office_join(&office, 3, "Daan", LEDGER_ROLE_COACH); /* a line more, and the server's word on it */
    office_sync(&office, BRAM);
    office_visit(&office, BRAM, family, "TWEEDE");
    pack_from(BRAM, &newer);
    assert_ok(import_at(CAAS, &newer));
    char *dump = office_dump(&office, CAAS, file);
    uint64_t lines = ledger_position(caas->replica->ledger);
    struct feed_ref feed = {bram->id, bram->replica->incarnation};
    assert_ok(replica_applied_at(caas->replica, bram->id, file, feed, &before));
    for (int i = 0; i < 2; i++) {
        assert_ok(import_at(CAAS, &older));
        assert_int_equal(caas->report.pulled + caas->report.applied + caas->report.lines, 0);
    }
    char *again = office_dump(&office, CAAS, file);
    assert_string_equal(again, dump);
    assert_int_equal(ledger_position(caas->replica->ledger), lines);
    assert_ok(replica_applied_at(caas->replica, bram->id, file, feed, &after));
    assert_int_equal(after.last, before.last);
    /* What Caas passes on carries the newest word of the server, not the older one. */
    (void)bring(CAAS, BRAM, true);
    office_sync_all(&office, 3, 2);
    assert_true(office_agree(&office, CAAS, BRAM, file));
    free(dump);
    free(again);
    buf_wipe(&older);
    buf_wipe(&newer);
}

/* What was packed for one device, another refuses before it looks at the seal; and nobody is taken for another sender. */
static void
a_bundle_is_for_one_device_and_from_one(void **state)
{
    (void)state;
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_head head;

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "VOOR CAAS");
    pack_from(BRAM, &bundle);
    assert_int_equal(import_at(ANNA, &bundle), RC_DENIED);
    assert_int_equal(import_at(BRAM, &bundle), RC_DENIED);
    assert_ok(bundle_peek(bundle.data, bundle.len, &head));
    uint8_t *from = bundle.data + 9 + CRYPTO_HASH_BYTES;
    assert_memory_equal(from, head.from.bytes, ID_BYTES);
    memcpy(from, office.devices[ANNA].id.bytes, ID_BYTES);
    assert_int_equal(import_at(CAAS, &bundle), RC_UNTRUSTED);
    memcpy(from, head.from.bytes, ID_BYTES);
    memcpy(from + ID_BYTES, office.devices[ANNA].id.bytes, ID_BYTES); /* to Anna, says who found it */
    assert_int_equal(import_at(ANNA, &bundle), RC_UNTRUSTED);
    memcpy(from + ID_BYTES, head.to.bytes, ID_BYTES);
    bundle.data[9] ^= 1; /* of another team */
    assert_int_equal(import_at(CAAS, &bundle), RC_DENIED);
    bundle.data[9] ^= 1;
    assert_false(shows(CAAS, "VOOR CAAS"));
    assert_ok(import_at(CAAS, &bundle));
    assert_true(shows(CAAS, "VOOR CAAS"));
    buf_wipe(&bundle);
}

/* Bram's device is lost, and whoever has it packs on: what it wrote is held where the line is known, and is once it is. */
static void
what_a_revoked_device_brings_counts_nowhere(void **state)
{
    (void)state;
    struct office_device *anna = &office.devices[ANNA], *caas = &office.devices[CAAS];
    struct buf bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct bundle_report packed;

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "DAARVOOR");
    office_sync_all(&office, 3, 2);
    assert_ok(replica_revoke_device(anna->replica, &anna->transport, office.devices[BRAM].id));
    office_visit(&office, BRAM, family, "VAN DE VINDER");
    pack_from(BRAM, &bundle);
    assert_ok(import_at(CAAS, &bundle)); /* who does not know it yet */
    assert_true(shows(CAAS, "VAN DE VINDER"));
    office_sync(&office, CAAS);
    assert_false(shows(CAAS, "VAN DE VINDER"));
    assert_true(shows(CAAS, "DAARVOOR"));
    office_visit(&office, BRAM, family, "EN NOG EEN");
    buf_clear(&bundle);
    pack_from(BRAM, &bundle);
    assert_ok(import_at(CAAS, &bundle)); /* who does */
    assert_int_equal(caas->report.applied, 0);
    assert_true(caas->report.held > 0);
    assert_false(shows(CAAS, "EN NOG EEN"));
    buf_clear(&bundle);
    assert_int_equal(replica_bundle_pack(caas->replica, office.devices[BRAM].id, true, &packed, &bundle), RC_ABSENT);
    assert_int_equal(bundle.len, 0);
    buf_wipe(&bundle);
}

/* ---- runs of a newer format ---------------------------------------------------------------------------- */

/* A bundle with one more run in it, as a newer program would write it, or with one more ledger line; as the import ends. */
static enum rc
bring_altered(int from, int to, const void *run, size_t run_len, const void *line, size_t line_len)
{
    const struct replica *sender = office.devices[from].replica, *reader = office.devices[to].replica;
    struct buf bundle, plain = BUF_EMPTY(BUNDLE_MAX_BYTES), again = BUF_EMPTY(BUNDLE_MAX_BYTES),
               sealed = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct bundle_head head;

    office_pack(&office, from, to, &bundle);
    assert_ok(bundle_peek(bundle.data, bundle.len, &head));
    assert_ok(bundle_open(bundle.data, bundle.len, &reader->identity, sender->identity.sign_public, &plain));
    assert_ok(wire_run_bundle_decode(plain.data, plain.len, &content));
    if (run != NULL)
        assert_ok(wire_blocks_add(&content.runs.unknown, run, run_len));
    if (line != NULL)
        assert_ok(wire_blocks_add(&content.lines, line, line_len));
    assert_ok(wire_run_bundle_encode(&content, &again));
    assert_ok(bundle_seal(&head, &sender->identity, reader->identity.box_public, &again, &sealed));
    enum rc rc = replica_bundle_import(office.devices[to].replica, sealed.data, sealed.len, &office.devices[to].report);
    wire_run_bundle_wipe(&content);
    buf_wipe(&bundle);
    buf_wipe(&plain);
    buf_wipe(&again);
    buf_wipe(&sealed);
    return rc;
}

static void
bring_with(int from, int to, const void *run, size_t run_len)
{
    assert_ok(bring_altered(from, to, run, run_len, NULL, 0));
}

/* What a colleague's file holds is not the damage of this store, which has its owner run the doctor and stop working. */
static void
a_ledger_line_that_is_none_is_a_bad_file(void **state)
{
    (void)state;
    static const uint8_t none[] = {0, 0, 0, 0, 0, 0, 0, 200, 1, 2, 3};

    cover_by_lines_alone();
    assert_int_equal(bring_altered(BRAM, CAAS, NULL, 0, none, sizeof none), RC_INVALID);
    office_visit(&office, BRAM, family, "EN VERDER");
    (void)bring(BRAM, CAAS, false);
    assert_true(shows(CAAS, "EN VERDER"));
}

static int64_t
newer_runs(int at)
{
    int64_t count;

    assert_ok(db_get_int(office.devices[at].replica->db, "SELECT count(*) FROM sync_newer_run", &count));
    return count;
}

static void
a_newer_run_spoils_nothing_of_the_rest_and_goes_on(void **state)
{
    (void)state;
    static const uint8_t newer[] = {2, 0, 0, 0, 3, 'n', 'e', 'w'};

    cover_by_lines_alone();
    office_visit(&office, BRAM, family, "DE REST");
    bring_with(BRAM, CAAS, newer, sizeof newer);
    assert_true(shows(CAAS, "DE REST"));
    assert_int_equal(newer_runs(CAAS), 1);
    bring_with(BRAM, CAAS, newer, sizeof newer);
    assert_int_equal(newer_runs(CAAS), 1);
    (void)bring(CAAS, BRAM, false); /* Bram holds all that Caas does */
    assert_int_equal(newer_runs(BRAM), 1);
    (void)bring(BRAM, ANNA, false); /* Anna does not: of which stream the run is, nobody here can say */
    assert_int_equal(newer_runs(ANNA), 0);
    office_sync_all(&office, 3, 2);
    assert_int_equal(newer_runs(CAAS), 1);
}

/* As an older program kept them: a run of Bram's work, and one that the newer program finds to be none. */
static void
a_kept_run_counts_after_an_upgrade_by_bundle_alone(void **state)
{
    (void)state;
    static const uint8_t none[] = {1, 0, 0, 0, 3, 'n', 'e', 'w'};
    struct office_device *bram = &office.devices[BRAM];
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    struct buf bundle, plain = BUF_EMPTY(BUNDLE_MAX_BYTES), runs = BUF_EMPTY(BUNDLE_MAX_BYTES);
    struct wire_blocks kept = WIRE_BLOCKS_EMPTY;

    cover_by_lines_alone();
    office_sync_all(&office, 3, 2);
    office_visit(&office, BRAM, family, "UIT DE TOEKOMST");
    office_pack(&office, BRAM, CAAS, &bundle);
    assert_ok(bundle_open(bundle.data, bundle.len, &office.devices[CAAS].replica->identity, bram->replica->identity.sign_public, &plain));
    assert_ok(wire_run_bundle_decode(plain.data, plain.len, &content));
    for (size_t i = 0; i < content.runs.run_count; i++) {
        struct wire_run_list one = WIRE_RUN_LIST_EMPTY;
        size_t count;
        const struct entry *items = wire_run_at(&content.runs, i, &count);
        for (size_t k = 0; k < count; k++)
            assert_ok(wire_run_add(&one, &items[k]));
        buf_clear(&runs);
        assert_ok(wire_run_put(&runs, &one));
        kept.count = 0;
        assert_ok(wire_blocks_add(&kept, runs.data + 1, runs.len - 1)); /* without the count */
        assert_ok(inbox_keep_newer(office.devices[CAAS].replica, &kept, false));
        wire_run_list_wipe(&one);
    }
    kept.count = 0;
    assert_ok(wire_blocks_add(&kept, none, sizeof none));
    assert_ok(inbox_keep_newer(office.devices[CAAS].replica, &kept, false));
    assert_false(shows(CAAS, "UIT DE TOEKOMST"));
    (void)bring(ANNA, CAAS, false);
    assert_int_equal(newer_runs(CAAS), 0);
    assert_true(shows(CAAS, "UIT DE TOEKOMST"));
    assert_true(office_agree(&office, BRAM, CAAS, file));
    office_sync(&office, CAAS); /* and is passed on to the server like all that came without it */
    office_sync_all(&office, 3, 2);
    assert_true(office_agree(&office, BRAM, CAAS, file));
    wire_blocks_wipe(&kept);
    wire_run_bundle_wipe(&content);
    buf_wipe(&bundle);
    buf_wipe(&plain);
    buf_wipe(&runs);
}

#define TEST(name) cmocka_unit_test_prestate_setup_teardown(name, setup, office_tear_down, &office)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_bundle_brings_the_keys_of_what_it_carries),
        TEST(an_entry_that_is_cut_short_in_the_store_is_in_no_bundle),
        TEST(who_may_not_read_is_given_no_key),
        TEST(a_key_that_no_line_gave_is_in_no_bundle),
        TEST(acknowledgements_travel_and_status_tells_by_them),
        TEST(lines_begin_where_the_receiver_has_read_and_a_gap_is_told),
        TEST(what_waits_for_a_rotation_stays_and_is_counted),
        TEST(what_waits_for_a_rotation_stays_whatever_the_clock_says),
        TEST(what_a_clock_set_ahead_keeps_from_a_bundle_goes_by_the_server),
        TEST(a_whole_bundle_brings_own_work_back),
        TEST(a_store_that_was_put_back_seals_again_after_a_bundle_that_has_all_of_it),
        TEST(what_waits_and_nobody_was_seen_to_have_keeps_the_doubt),
        TEST(what_only_the_server_had_comes_later_and_once),
        TEST(a_ledger_line_that_is_none_is_a_bad_file),
        TEST(an_old_bundle_after_a_newer_one_takes_nothing_back),
        TEST(a_bundle_is_for_one_device_and_from_one),
        TEST(what_a_revoked_device_brings_counts_nowhere),
        TEST(a_newer_run_spoils_nothing_of_the_rest_and_goes_on),
        TEST(a_kept_run_counts_after_an_upgrade_by_bundle_alone),
    };

    stores_demand(secret_start(), "secret_start");
    return cmocka_run_group_tests(tests, NULL, NULL);
}
