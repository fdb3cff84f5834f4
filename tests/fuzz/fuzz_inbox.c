/* Fuzz entry of sync/inbox and core/journal behind it: entries of three colleagues, rightly signed and sealed, whose saves, places
 * in the chain and ledger lines the input chooses. Whatever order they come in, the journal shows the same, and so does a
 * rebuild. */
#include "sync/inbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/seeded.c"
#include "tests/support/office.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    SEED = 20260301,
    READER = 0,
    AUTHORS = 3, /* devices 1 to 3; the last is revoked */
    STREAMS = 2,
    INCARNATIONS = 2,
    FEEDS = AUTHORS * STREAMS * INCARNATIONS,
    PIECES = 8,
    SAVES = 4,
    OPERATIONS = 4,
    VERSIONS = PIECES * SAVES * OPERATIONS,
    REGISTER = 200, /* operations that fit into one register, whatever they say */
    RAW_BYTES = 4096,
    DUMP_BYTES = 1 << 24,
};

/* What may be wrong with an entry, bits of its first byte but one. */
enum {
    FLAW_PREVIOUS = 1, /* it follows another header */
    FLAW_GAP = 2,      /* a save before it is missing */
    FLAW_FORK = 4,     /* it begins where an entry of its feed began */
    FLAW_RAW = 8,      /* its body is the input's */
    FLAW_SEEN = 16,    /* it saw another header */
    FLAW_EPOCH = 32,
    FLAW_BARE = 64, /* its body is gone */
    FLAW_HASH = 128 /* of its ledger position */
};

struct input {
    const uint8_t *at;
    size_t left;
};

struct feed {
    struct id stream;
    struct feed_ref ref;
    const struct identity *author;
    uint32_t first, last; /* of its latest entry */
    uint8_t previous[CRYPTO_HASH_BYTES], head[CRYPTO_HASH_BYTES];
};

struct piece {
    struct entry entry;
    struct buf cipher;
};

struct given {
    struct version version;
    size_t piece;
};

struct plan {
    struct feed feeds[FEEDS];
    struct piece pieces[PIECES];
    size_t count;
    struct given given[VERSIONS];
    size_t given_count;
    size_t operations; /* at most so many */
    bool is_forked;
    bool from_server;
};

static struct office office;
static struct power_disk *disk; /* in memory: every batch is committed */
static struct replica *reader;
static struct id streams[STREAMS];
static struct plan plan;

static void
need(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    (void)fprintf(stderr, "%s: %s: %s\n", what, rc_name(rc), rc_sentence());
    abort();
}

static uint8_t
take(struct input *input)
{
    if (input->left == 0)
        return 0;
    input->left--;
    return *input->at++;
}

static void
stop(void)
{
    office_close(&office);
    power_disk_free(disk);
}

/* One team for the whole run. */
static void
start(void)
{
    static const char *const NAMES[] = {"Bram", "Carla", "Fatma"};
    struct office_device *first = &office.devices[READER];

    if (reader != NULL)
        return;
    seeded_start(SEED);
    stores_demand(secret_start(), "secret_start");
    office_open(&office);
    disk = power_disk_new();
    first->base_vfs = power_disk_vfs(disk);
    office_found(&office, LEDGER_ROLE_COACH);
    reader = first->replica;
    struct id family = office_family(&office, READER, "vos", READER);
    for (int i = 1; i <= AUTHORS; i++) {
        office_join(&office, i, NAMES[i - 1], LEDGER_ROLE_COACH);
        office_sync(&office, READER);
        stores_demand(replica_assign(reader, &first->transport, family, office.devices[i].person,
                                     LEDGER_COACH),
                      "replica_assign");
    }
    office_sync_all(&office, AUTHORS + 1, 2);
    stores_demand(replica_revoke_device(reader, &first->transport, office.devices[AUTHORS].id),
                  "replica_revoke_device");
    office_visit(&office, READER, family, "pays the rotation");
    office_sync(&office, READER);
    streams[0] = ledger_team_stream(reader->ledger);
    streams[1] = ledger_family(reader->ledger, family)->file;
    (void)atexit(stop);
}

static void
begin_plan(struct plan *p)
{
    size_t n = 0;

    p->count = p->given_count = p->operations = 0;
    p->is_forked = false;
    for (int author = 1; author <= AUTHORS; author++)
        for (size_t s = 0; s < STREAMS; s++)
            for (uint64_t incarnation = 7; incarnation < 7 + INCARNATIONS; incarnation++)
                p->feeds[n++] = (struct feed){
                    .stream = streams[s],
                    .ref = {office.devices[author].id, incarnation},
                    .author = &office.devices[author].replica->identity,
                };
}

/* ---- what the input says ------------------------------------------------------------------------ */

static struct id
record_of(uint8_t number)
{
    struct id id = {{0}};

    id.bytes[0] = 1;
    id.bytes[ID_BYTES - 1] = number;
    return id;
}

static void
put_listed(struct input *in, struct buf *value)
{
    struct version listed = {{office.devices[1].id, 7}, 1u + take(in) % 4u, take(in) % 3u};

    need(value_put_versions(value, 1, &listed, 1), "value_put_versions");
}

/* Fields 1 and 2 at most: what the units of the schema have, and a few that they have not. */
static void
put_value(struct input *in, struct buf *value)
{
    static const char *const TEXTS[] = {"a", "safe", "unsafe", "visit", "Vos", "done", "open", "x y"};
    static const uint32_t DATES[] = {20260101, 20260229 + 72, 19000101, 99991231};
    uint8_t kind = take(in);

    for (uint32_t number = 1; number <= (kind & 1u) + 1u && kind % 16 != 0; number++) {
        uint8_t what = take(in);
        switch (kind / 2 % 5) {
        case 0:
            need(value_put_text(value, number, TEXTS[what % 8]), "value_put_text");
            break;
        case 1:
            need(value_put_int(value, number, (int8_t)what), "value_put_int");
            break;
        case 2:
            need(value_put_id(value, number, record_of(what % 4)), "value_put_id");
            break;
        case 3:
            need(value_put_date(value, number, DATES[what % 4]), "value_put_date");
            break;
        default:
            put_listed(in, value);
            return;
        }
    }
}

/* Of the versions given so far in the stream, what the input's bytes pick; ascending. */
static size_t
pick_superseded(struct input *in, const struct feed *feed, struct version *out)
{
    uint8_t wanted = take(in);
    size_t count = 0;

    for (size_t k = 0; k < wanted % 4u && plan.given_count > 0; k++) {
        const struct given *given = &plan.given[take(in) % plan.given_count];
        bool is_fit = id_equal(plan.pieces[given->piece].entry.stream, feed->stream);
        for (size_t i = 0; i < count; i++)
            is_fit = is_fit && version_compare(&out[i], &given->version) != 0;
        if (!is_fit)
            continue;
        size_t at = count++;
        for (; at > 0 && version_compare(&out[at - 1], &given->version) > 0; at--)
            out[at] = out[at - 1];
        out[at] = given->version;
    }
    return count;
}

static void
put_operation(struct input *in, const struct feed *feed, struct change *change)
{
    struct version superseded[4];
    struct buf value = BUF_EMPTY(4096);
    uint8_t what = take(in);
    uint32_t entity = what % 11u; /* one beyond what this program knows */
    uint32_t unit = what / 11u % 6u;
    struct id record = record_of(take(in) % 4);

    size_t count = pick_superseded(in, feed, superseded);
    put_value(in, &value);
    enum rc rc = change_put_over(change, entity, record, unit, &value, superseded, count);
    if (rc != RC_OK && rc != RC_INVALID && rc != RC_EXISTS)
        need(rc, "change_put_over");
    buf_wipe(&value);
}

/* What its author had seen of every feed, as far as entries were made. */
static size_t
list_seen(const struct feed *own, bool is_wrong, struct feed_seen *seen)
{
    size_t count = 0;

    for (size_t i = 0; i < FEEDS; i++) {
        const struct feed *feed = &plan.feeds[i];
        if (feed->last == 0 || !id_equal(feed->stream, own->stream))
            continue;
        struct feed_seen one = {.feed = feed->ref, .last = feed->last};
        memcpy(one.header, feed->head, sizeof one.header);
        one.header[0] ^= is_wrong;
        size_t at = count++;
        for (; at > 0 && version_compare(&(struct version){seen[at - 1].feed, 1, 0},
                                         &(struct version){one.feed, 1, 0}) > 0;
             at--)
            seen[at] = seen[at - 1];
        seen[at] = one;
    }
    return count;
}

static enum rc
write_body(struct input *in, const struct feed *feed, uint8_t flaws, struct entry *entry,
           struct buf *body)
{
    struct change changes[SAVES];
    struct feed_seen seen[FEEDS];
    size_t saves = entry->last - entry->first + 1;
    size_t seen_count = list_seen(feed, (flaws & FLAW_SEEN) != 0, seen);

    for (size_t i = 0; i < saves; i++) {
        changes[i] = (struct change)CHANGE_EMPTY(feed->stream);
        changes[i].hlc = ((uint64_t)office.now_ms << 16) - 2 + take(in) % 4u;
        for (size_t k = take(in) % OPERATIONS + 1u; k > 0; k--)
            put_operation(in, feed, &changes[i]);
        for (uint32_t k = 0; k < changes[i].count && plan.given_count < VERSIONS; k++)
            plan.given[plan.given_count++] = (struct given){
                {feed->ref, entry->first + (uint32_t)i, k}, plan.count};
        plan.operations += changes[i].count;
    }
    enum rc rc = body_write(feed->ref, entry->first, changes, saves, seen, seen_count, body);
    for (size_t i = 0; i < saves; i++)
        change_wipe(&changes[i]);
    return rc;
}

static void
take_raw(struct input *in, struct buf *body)
{
    size_t len = take(in) * 4u;

    plan.operations += len / 4;
    if (len > in->left)
        len = in->left;
    need(buf_put(body, in->at, len), "buf_put");
    in->at += len;
    in->left -= len;
}

/* The next entry of a feed, or one that begins where its latest does; on some line of the ledger. */
static void
place(struct input *in, const struct feed *feed, uint8_t flaws, struct entry *entry)
{
    static const uint8_t none[CRYPTO_HASH_BYTES];
    uint64_t head = ledger_position(reader->ledger);
    bool forks = (flaws & FLAW_FORK) != 0 && feed->last > 0;

    *entry = (struct entry){.stream = feed->stream, .incarnation = feed->ref.incarnation};
    entry->first = forks ? feed->first : feed->last + 1 + ((flaws & FLAW_GAP) != 0);
    entry->last = entry->first + take(in) % SAVES;
    memcpy(entry->previous, forks ? feed->previous : feed->head, sizeof entry->previous);
    if (entry->first == 1)
        memset(entry->previous, 0, sizeof entry->previous);
    else if ((flaws & (FLAW_PREVIOUS | FLAW_GAP)) != 0)
        entry->previous[3] ^= 1;
    if (entry->first > 1 && memcmp(entry->previous, none, sizeof none) == 0)
        entry->previous[4] = 1; /* zeros stand before a first save alone: nobody can seal it otherwise */
    entry->position = head + 1 - take(in) % (head + 1);
    if (take(in) % 4 != 0)
        entry->position = head; /* mostly */
    if (entry->position <= head)
        memcpy(entry->position_hash, ledger_hash_at(reader->ledger, entry->position),
               sizeof entry->position_hash);
    entry->position_hash[0] ^= (flaws & FLAW_HASH) != 0;
    entry->epoch = ledger_epoch_at(reader->ledger, feed->stream, entry->position);
    if (entry->epoch == 0 || (flaws & FLAW_EPOCH) != 0)
        entry->epoch = 1;
    plan.is_forked = plan.is_forked || forks;
}

static void
make_piece(struct input *in)
{
    struct feed *feed = &plan.feeds[take(in) % FEEDS];
    uint8_t flaws = take(in);
    struct piece *piece = &plan.pieces[plan.count];
    struct entry *entry = &piece->entry;
    struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
    struct secret key = SECRET_EMPTY;
    size_t given_before = plan.given_count;
    enum rc rc = RC_OK;

    if (take(in) % 4 != 0)
        flaws = 0; /* mostly */
    place(in, feed, flaws, entry);
    if ((flaws & FLAW_RAW) != 0)
        take_raw(in, &body);
    else
        rc = write_body(in, feed, flaws, entry, &body);
    piece->cipher = BUF_EMPTY(ENTRY_CIPHERTEXT_MAX_BYTES);
    if (rc == RC_OK)
        rc = keyring_get(reader->keys, feed->stream, entry->epoch, &key);
    if (rc == RC_OK)
        need(entry_seal(entry, feed->author, &key, &body, &piece->cipher), "entry_seal");
    if (rc == RC_OK) {
        plan.count++;
        feed->first = entry->first;
        feed->last = entry->last;
        memcpy(feed->previous, entry->previous, sizeof feed->previous);
        memcpy(feed->head, entry->hash, sizeof feed->head);
        if ((flaws & FLAW_BARE) != 0)
            entry->ciphertext = NULL;
    } else {
        plan.given_count = given_before;
    }
    secret_wipe(&key);
    buf_wipe(&body);
}

/* ---- taking in ------------------------------------------------------------------------------------ */

static void
bring(const size_t *pieces, size_t count)
{
    struct wire_run_list runs = WIRE_RUN_LIST_EMPTY;
    uint64_t stored = 0;

    for (size_t i = 0; i < count; i++)
        need(wire_run_add(&runs, &plan.pieces[pieces[i]].entry), "wire_run_add");
    need(db_begin(reader->db), "db_begin");
    need(inbox_store(reader, &runs, plan.from_server, &stored), "inbox_store");
    need(db_commit(reader->db), "db_commit");
    if (stored > count)
        abort();
    wire_run_list_wipe(&runs);
}

/* What is shown, what is derived from it, and what became of each entry. */
static void
describe(struct buf *out)
{
    for (size_t i = 0; i < STREAMS; i++) {
        need(journal_dump(reader->journal, streams[i], out), "journal_dump");
        need(journal_dump_derived(reader->journal, streams[i], out), "journal_dump_derived");
    }
    for (size_t i = 0; i < plan.count; i++) {
        const struct entry *entry = &plan.pieces[i].entry;
        struct elog_row row = ELOG_ROW_EMPTY;
        struct elog_feed feed;
        need(elog_feed_find(reader->db, entry->stream,
                            (struct feed_ref){entry->device, entry->incarnation}, &feed),
             "elog_feed_find");
        need(elog_find(reader->db, feed.key, entry->first, &row), "elog_find");
        need(buf_printf(out, "entry %zu: %d %s\n", i, row.state, elog_reason_name(row.reason)),
             "buf_printf");
        elog_row_wipe(&row);
    }
}

static void
apply(void)
{
    need(inbox_apply(reader, NULL, NULL), "inbox_apply");
}

static void
rebuild(void)
{
    for (size_t i = 0; i < plan.count; i++)
        need(inbox_mark_rebuild(reader, plan.pieces[i].entry.stream), "inbox_mark_rebuild");
    need(inbox_rebuild_marked(reader), "inbox_rebuild_marked");
}

/* As it was before. */
static void
take_back(void)
{
    need(db_begin(reader->db), "db_begin");
    need(db_run(reader->db, "DELETE FROM sync_entry"
                            " WHERE feed IN (SELECT feed FROM sync_feed WHERE is_own = 0)"),
         "DELETE");
    need(db_run(reader->db, "DELETE FROM sync_feed WHERE is_own = 0"), "DELETE");
    need(db_commit(reader->db), "db_commit");
    inbox_chain_forget(reader);
    source_forget(reader);
    rebuild();
}

enum way { FORWARD, BACKWARD, REBUILT };

static void
take_in(enum way way, struct buf *shown)
{
    size_t order[PIECES];
    size_t alone = way == REBUILT ? plan.count / 2 : plan.count;

    for (size_t i = 0; i < plan.count; i++)
        order[i] = way == BACKWARD ? plan.count - 1 - i : i;
    for (size_t i = 0; i < alone; i++) {
        bring(&order[i], 1);
        apply();
    }
    bring(order + alone, plan.count - alone); /* the store is rebuilt before these were looked at */
    if (way == REBUILT)
        rebuild();
    apply();
    describe(shown);
    take_back();
}

static void
must_equal(const struct buf *one, const struct buf *other, const char *what)
{
    if (one->len == other->len && memcmp(one->data, other->data, one->len) == 0)
        return;
    (void)fprintf(stderr, "%s\n---- in order\n%.*s\n---- so\n%.*s\n", what, (int)one->len,
                  (const char *)one->data, (int)other->len, (const char *)other->data);
    abort();
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    static const char *const WAYS[] = {"in order", "backward", "rebuilt"};
    struct buf shown[REBUILT + 1];
    struct input in = {data, len};

    start();
    seeded_start(SEED);
    begin_plan(&plan);
    plan.from_server = take(&in) % 2 == 0;
    while (in.left > 0 && plan.count < PIECES)
        make_piece(&in);
    for (enum way way = FORWARD; way <= REBUILT; way++) {
        shown[way] = BUF_EMPTY(DUMP_BYTES);
        take_in(way, &shown[way]);
        /* Of two entries for one place the first that came stands; a full register refuses by order too. */
        if (!plan.is_forked && plan.operations <= REGISTER)
            must_equal(&shown[FORWARD], &shown[way], WAYS[way]);
    }
    for (enum way way = FORWARD; way <= REBUILT; way++)
        buf_wipe(&shown[way]);
    for (size_t i = 0; i < plan.count; i++)
        buf_wipe(&plan.pieces[i].cipher);
    return 0;
}
