/* Figures of the journal in an encrypted store: opening, recording a visit, merging, the caseload, a search.
 * One JSON line each; no peer runs here. FAMILIES and VISITS (of each family) in the environment make it smaller. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/agreement.h"
#include "core/caseload.h"
#include "core/contact.h"
#include "core/family.h"
#include "core/goal.h"
#include "core/search.h"
#include "core/secret.h"
#include "core/store.h"
#include "tests/bench/figure.h"
#include "tests/bench/median.h"
#include "tests/support/scratch.h"

enum {
    ONE_BY_ONE = 500,
    FIELD_VERSIONS_PER_VISIT = 6,
    PER_COMMIT = 1000,
    OPENINGS = 11
};

static void
demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, rc_name(rc), rc_sentence());
    exit(1);
}

static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static double
cpu_ms(void)
{
    struct timespec used;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return (double)used.tv_sec * 1e3 + (double)used.tv_nsec / 1e6;
}

static void
figure(const char *name, double value, const char *unit, int runs)
{
    printf("{\"figure\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"peer\":null,\"ratio\":null,"
           "\"runs\":%d}\n",
           name, value, unit, runs);
    fflush(stdout);
}

struct size {
    unsigned families;
    unsigned visits; /* of each family */
};

static unsigned
number(const char *name, unsigned otherwise)
{
    const char *text = getenv(name);

    return text != NULL ? (unsigned)strtoul(text, NULL, 10) : otherwise;
}

static struct size
size_wanted(void)
{
    return (struct size){number("FAMILIES", 300), number("VISITS", 167)};
}

struct side {
    struct size size;
    struct secret key;
    struct store *store;
    struct db *db;
    struct journal *journal;
};

static double
all_visits(const struct side *side)
{
    return (double)side->size.families * side->size.visits;
}

static struct id
id_at(unsigned kind, unsigned number)
{
    struct id id = {{0}};

    id.bytes[0] = (uint8_t)kind;
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

/* The options of the store `name`: a fixed key, no passphrase. */
static struct store_options
options_of(struct scratch *scratch, const char *name, char directory[200], char state[200])
{
    snprintf(directory, 200, "%s", scratch_path(scratch, name));
    snprintf(state, 200, "%s", scratch_path(scratch, "state"));
    return (struct store_options){
        .directory = directory, .state_directory = state, .clock = clock_system()};
}

static void
open_side(struct scratch *scratch, const char *name, bool full, struct side *side)
{
    char directory[200], state[200];
    struct store_options options = options_of(scratch, name, directory, state);
    struct clock clock = clock_system();
    bool needs_rebuild;

    side->size = size_wanted();
    side->key = SECRET_EMPTY;
    demand(secret_random(&side->key, CRYPTO_KEY_BYTES), "key");
    options.key = &side->key;
    demand(store_create(&options, NULL, NULL, &side->store), "store_create");
    side->db = store_db(side->store);
    demand(db_set_synchronous(side->db, full), "synchronous");
    demand(journal_open(side->db, &clock, &side->journal, &needs_rebuild), "journal_open");
    demand(db_begin(side->db), "begin");
    for (unsigned i = 0; i < side->size.families; i++) {
        demand(journal_add_stream(side->journal, id_at(1, i), STREAM_INDEX, id_at(3, i)), "index");
        demand(journal_add_stream(side->journal, id_at(2, i), STREAM_FILE, id_at(3, i)), "file");
    }
    demand(db_commit(side->db), "commit");
}

static void
close_side(struct side *side)
{
    journal_close(side->journal);
    store_close(side->store);
}

struct log {
    struct buf *bodies;
    struct id *streams;
    uint32_t *saves;
    size_t count;
};

static void
save_set(struct side *side, const struct author *self, struct change_set *set, struct log *log)
{
    for (size_t i = 0; i < set->count; i++) {
        struct buf body = BUF_EMPTY(CHANGE_BODY_BYTES);
        uint32_t save;
        demand(journal_save(side->journal, self, &set->changes[i], &body, &save), "save");
        if (log == NULL) {
            buf_wipe(&body);
            continue;
        }
        log->bodies[log->count] = body;
        log->streams[log->count] = set->changes[i].stream;
        log->saves[log->count++] = save;
    }
    change_set_wipe(set);
}

static const char *const words[] = {"moeder", "vader",   "school", "rustig", "vandaag",
                                    "samen",  "huis",    "eten",   "slapen", "boos",
                                    "fiets",  "vrijdag", "bellen", "oma",    "praten",
                                    "kind",   "werk",    "buiten", "goed",   "moeilijk"};

static void
write_note(char *note, size_t room, unsigned *seed)
{
    size_t len = 0;

    for (int i = 0; i < 28; i++) {
        *seed = *seed * 1103515245u + 12345u;
        const char *word = words[(*seed >> 16) % (sizeof words / sizeof *words)];
        len += (size_t)snprintf(note + len, room - len, "%s ", word);
    }
}

static void
put_visit(struct side *side, const struct author *self, unsigned family, unsigned number,
          unsigned *seed, struct log *log)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;
    char note[400];

    write_note(note, sizeof note, seed);
    contact.facts.family = id_at(3, family);
    contact.kind = "visit";
    contact.date = 20240000 + (1 + number / 28 % 12) * 100 + 1 + number % 28;
    contact.time = 600;
    contact.minutes = 45;
    contact.note = note;
    contact.next = 20250101;
    demand(contact_put(side->journal, &set, self->person, &contact), "contact_put");
    save_set(side, self, &set, log);
}

static void
put_family(struct side *side, const struct author *self, unsigned family, struct log *log)
{
    struct change_set set = CHANGE_SET_EMPTY;
    char name[20];
    struct family line = {.facts.id = id_at(3, family), .phase = "start", .since = 20240101};

    snprintf(name, sizeof name, "Gezin %u", family);
    line.code_name = name;
    demand(family_put(side->journal, &set, &line), "family_put");
    for (unsigned i = 0; i < 4; i++) {
        struct goal goal = {
            .facts.family = id_at(3, family), .text = "samen eten", .deadline = 20250601};
        struct agreement agreement = {
            .facts.family = id_at(3, family), .text = "bellen", .due = 20240601};
        demand(goal_put(side->journal, &set, &goal), "goal_put");
        demand(agreement_put(side->journal, &set, &agreement), "agreement_put");
    }
    save_set(side, self, &set, log);
}

static void
record_one_by_one(struct side *side, const struct author *self)
{
    double took[ONE_BY_ONE], cpu_start = cpu_ms();
    unsigned seed = 1;

    for (unsigned i = 0; i < ONE_BY_ONE; i++) {
        double start = now_ms();
        demand(db_begin(side->db), "begin");
        put_visit(side, self, i % side->size.families, i, &seed, NULL);
        demand(db_commit(side->db), "commit");
        took[i] = now_ms() - start;
    }
    figure("record_visit_durable_cpu", (cpu_ms() - cpu_start) / ONE_BY_ONE, "ms", ONE_BY_ONE); /* in the mean */
    qsort(took, ONE_BY_ONE, sizeof *took, median_compare);
    figure("record_visit_durable_p50", took[ONE_BY_ONE / 2], "ms", ONE_BY_ONE);
    figure("record_visit_durable_p99", took[ONE_BY_ONE * 99 / 100], "ms", ONE_BY_ONE);
    figure("record_visit_durable_most", took[ONE_BY_ONE - 1], "ms", ONE_BY_ONE); /* meets a checkpoint */
}

static void
author_all(struct side *side, const struct author *self, struct log *log)
{
    unsigned seed = 2;
    double start = now_ms();

    demand(db_begin(side->db), "begin");
    for (unsigned f = 0; f < side->size.families; f++) {
        put_family(side, self, f, log);
        for (unsigned v = 0; v < side->size.visits; v++)
            put_visit(side, self, f, v, &seed, log);
    }
    demand(db_commit(side->db), "commit");
    figure("record_visits_one_commit", all_visits(side) / (now_ms() - start) * 1e3, "visits/s", 1);
}

static void
merge_all(struct side *side, const struct author *author, const struct log *log)
{
    double start = now_ms(), cpu_start = cpu_ms();

    for (size_t i = 0; i < log->count; i++) {
        struct change *change;
        if (i % PER_COMMIT == 0) {
            demand(db_begin(side->db), "begin");
            journal_gather(side->journal);
        }
        demand(body_read(log->streams[i], author->feed, log->saves[i], log->saves[i],
                         log->bodies[i].data, log->bodies[i].len, &change),
               "body_read");
        demand(journal_apply(side->journal, author, log->saves[i], change), "apply");
        body_free(change, 1);
        if (i % PER_COMMIT == PER_COMMIT - 1 || i + 1 == log->count)
            demand(db_end(side->db, journal_settle(side->journal, RC_OK)), "commit");
    }
    double took = now_ms() - start;
    double fields = all_visits(side) * FIELD_VERSIONS_PER_VISIT +
                    (double)side->size.families * (3 + 4 * 2 + 4 * 2);
    figure("merge_cpu_per_save", (cpu_ms() - cpu_start) / (double)log->count * 1e3, "us", 1);
    figure("merge_saves", (double)log->count / took * 1e3, "saves/s", 1);
    figure("merge_field_versions_without_twins", fields / took * 1e3, "field versions/s", 1);
    start = now_ms();
    demand(journal_index(side->journal), "index");
    figure("index_merged_notes", all_visits(side) / (now_ms() - start) * 1e3, "notes/s", 1);
}

static enum rc
count_line(void *context, const struct caseload_line *line)
{
    size_t *count = context;

    *count += line->contacts_30_days < 1000;
    return RC_OK;
}

static enum rc
count_hit(void *context, const struct search_hit *hit)
{
    size_t *count = context;

    *count += hit->entity > 0;
    return RC_OK;
}

static void
read_all(struct side *side)
{
    struct id any = {{0}};
    struct spans first = {.count = 0}, again = {.count = 0}, searched = {.count = 0};
    size_t count = 0;
    char name[64];
    struct span start = figure_now();

    demand(caseload_list(side->journal, 20240310, false, count_line, &count), "caseload");
    figure_add(&first, figure_since(start));
    demand(count == side->size.families ? RC_OK : RC_CORRUPT, "caseload of all families");
    for (int i = 0; i < 20; i++) {
        start = figure_now();
        demand(caseload_list(side->journal, 20240310, false, count_line, &count), "caseload");
        figure_add(&again, figure_since(start));
    }
    for (int i = 0; i < 20; i++) {
        start = figure_now();
        demand(search(side->journal, "fiets vrijdag oma", any, 0, count_hit, &count), "search");
        figure_add(&searched, figure_since(start));
    }
    snprintf(name, sizeof name, "caseload_%u_families", side->size.families);
    figure_print(name, &first, 1000, "ms");
    snprintf(name, sizeof name, "caseload_%u_families_again", side->size.families);
    figure_print(name, &again, 1000, "ms");
    snprintf(name, sizeof name, "search_%.0f_notes", all_visits(side));
    figure_print(name, &searched, 1000, "ms");
}

/* Opening an unlocked store with all visits: lock, key proof, journal. */
static void
open_again(struct scratch *scratch, const char *name, struct side *side)
{
    char directory[200], state[200];
    struct store_options options = options_of(scratch, name, directory, state);
    struct clock clock = clock_system();
    struct spans took = {.count = 0};
    bool needs_rebuild;

    options.key = &side->key;
    for (int i = 0; i < OPENINGS; i++) {
        close_side(side);
        struct span start = figure_now();
        demand(store_open(&options, &side->store), "store_open");
        demand(journal_open(store_db(side->store), &clock, &side->journal, &needs_rebuild), "journal_open");
        figure_add(&took, figure_since(start));
    }
    figure_print("open_unlocked_store", &took, 1000, "ms");
}

int
main(void)
{
    struct scratch scratch;
    struct side one, all, other;
    struct author self = {.feed = {id_at(9, 1), 7}, .person = id_at(8, 1)};
    struct size size = size_wanted();
    size_t room = (size_t)size.families * (size.visits + 1) * 2;
    struct log log = {calloc(room, sizeof *log.bodies), calloc(room, sizeof *log.streams),
                      calloc(room, sizeof *log.saves), 0};

    demand(secret_start(), "secret_start");
    if (log.bodies == NULL || log.streams == NULL || log.saves == NULL)
        return 1;
    scratch_make(&scratch);
    open_side(&scratch, "one", true, &one);
    record_one_by_one(&one, &self);
    open_side(&scratch, "all", true, &all);
    author_all(&all, &self, &log);
    open_side(&scratch, "other", false, &other);
    merge_all(&other, &self, &log);
    read_all(&other);
    open_again(&scratch, "other", &other);
    for (size_t i = 0; i < log.count; i++)
        buf_wipe(&log.bodies[i]);
    free(log.bodies);
    free(log.streams);
    free(log.saves);
    struct side *sides[] = {&one, &all, &other};
    for (size_t i = 0; i < 3; i++) {
        close_side(sides[i]);
        secret_wipe(&sides[i]->key);
    }
    scratch_remove(&scratch);
    return 0;
}
