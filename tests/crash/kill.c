/* Kills writing processes, three at once on one store file, and looks whether every acknowledged save is there. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/db.h"
#include "core/vfs.h"
#include "tests/support/chance.h"
#include "tests/support/scratch.h"

enum { WRITERS = 3, ROW_BYTES_MOST = 9000, ROUNDS_PER_FILE = 25 };

static const char USAGE[] = "usage: kill [--rounds N] [--seed N]\n";
static const char KEY[] = "thirty-two bytes of a known key.";

struct writer {
    pid_t pid;
    int pipe;
    int64_t acknowledged; /* the highest save that it told of */
};

struct run {
    struct scratch scratch;
    const char *path;
    struct writer writers[WRITERS];
    uint64_t kills, saves, together; /* rounds in which more than one writer saved */
};

static void
demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, rc_name(rc), rc_sentence());
    exit(1);
}

static void
open_store(const char *path, bool full, struct vfs **vfs, struct db **db)
{
    struct secret key = SECRET_EMPTY;
    struct db_options options = {.exclusive = true, .share = true, .busy_ms = 60000, .synchronous_full = full};

    demand(secret_start(), "guarded memory");
    demand(secret_copy(&key, KEY, sizeof KEY - 1), "the key");
    demand(vfs_register(NULL, &key, NULL, vfs), "the VFS");
    secret_wipe(&key);
    options.vfs = vfs_name(*vfs);
    demand(db_open(path, &options, db), "opening");
}

/* --- a writing process ---------------------------------------------------------------------------- */

static void
insert(struct db *db, int64_t writer, int64_t save, int64_t row, int64_t len)
{
    struct stmt *stmt;

    demand(db_stmt(db,
                   "INSERT INTO saved(writer, save, row, filler) VALUES(?1, ?2, ?3,"
                   " replace(hex(zeroblob(?4)), '0', char(97 + (?1 * 7 + ?2 + ?3) % 26)))",
                   &stmt),
           "a statement");
    stmt_int(stmt, 1, writer);
    stmt_int(stmt, 2, save);
    stmt_int(stmt, 3, row);
    stmt_int(stmt, 4, len / 2);
    demand(stmt_finish(stmt), "a row");
}

/* One save is one transaction: some rows, and the count of them last. */
static void
save_once(struct db *db, struct chance *chance, int64_t writer, int64_t save)
{
    int64_t rows = 1 + (int64_t)chance_below(chance, 6);
    struct stmt *stmt;

    for (int64_t row = 0; row < rows; row++)
        insert(db, writer, save, row, (int64_t)chance_below(chance, ROW_BYTES_MOST));
    demand(db_stmt(db, "INSERT INTO counted(writer, save, rows) VALUES(?1, ?2, ?3)", &stmt), "a statement");
    stmt_int(stmt, 1, writer);
    stmt_int(stmt, 2, save);
    stmt_int(stmt, 3, rows);
    demand(stmt_finish(stmt), "the count");
}

/* Empties what this writer saved long ago, so that pages become free, and the file shorter. */
static void
trim_old(struct db *db, struct chance *chance, int64_t writer, int64_t save)
{
    struct stmt *stmt;

    if (chance_below(chance, 10) != 0)
        return;
    demand(db_stmt(db, "UPDATE saved SET filler = '' WHERE writer = ?1 AND save < ?2", &stmt), "a statement");
    stmt_int(stmt, 1, writer);
    stmt_int(stmt, 2, save - 20);
    demand(stmt_finish(stmt), "a change");
}

static void
write_for_ever(const char *path, uint64_t seed, int64_t writer, int out)
{
    struct chance chance = {seed};
    struct vfs *vfs;
    struct db *db;
    int64_t save;
    struct stmt *stmt;

    open_store(path, chance_below(&chance, 2) == 0, &vfs, &db);
    if (chance_below(&chance, 2) == 0) /* spilled frames, of which some are rolled back */
        demand(db_run(db, "PRAGMA cache_spill=ON; PRAGMA cache_size=4"), "spilling");
    demand(db_stmt(db, "SELECT coalesce(max(save), 0) FROM counted WHERE writer = ?1", &stmt), "a statement");
    stmt_int(stmt, 1, writer);
    demand(stmt_finish_int(stmt, &save), "the last save");
    for (;;) {
        uint64_t what = chance_below(&chance, 10);
        if (what == 0) {
            enum rc rc = db_checkpoint(db, chance_below(&chance, 2) == 0);
            demand(rc == RC_BUSY ? RC_OK : rc, "a checkpoint"); /* another's may be under way */
            continue;
        }
        demand(db_begin(db), "beginning");
        save_once(db, &chance, writer, save + 1);
        trim_old(db, &chance, writer, save);
        if (what == 1) {
            db_rollback(db);
            continue;
        }
        demand(db_commit(db), "committing");
        save++;
        if (write(out, &save, sizeof save) != (ssize_t)sizeof save)
            exit(1);
    }
}

static void
start_writer(struct run *run, struct chance *chance, int64_t number)
{
    struct writer *writer = &run->writers[number];
    uint64_t seed = chance_u64(chance);
    int ends[2];

    if (pipe(ends) != 0 || (writer->pid = fork()) < 0) {
        perror("a writer");
        exit(1);
    }
    if (writer->pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        close(ends[0]);
        write_for_ever(run->path, seed, number, ends[1]);
    }
    close(ends[1]);
    writer->pipe = ends[0];
}

/* --- the killing process -------------------------------------------------------------------------- */

/* Kills writer by writer, each at its own moment, while the others go on. */
static bool
kill_all(struct run *run, struct chance *chance)
{
    bool fine = true;

    for (int i = 0; i < WRITERS; i++) {
        int status;
        usleep((useconds_t)(3000 + chance_below(chance, 40000)));
        kill(run->writers[i].pid, SIGKILL);
        waitpid(run->writers[i].pid, &status, 0);
        run->kills++;
        if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
            fine = false; /* it ended by itself; its own words were printed */
    }
    return fine;
}

/* What stands in the pipes was acknowledged before the kill: a pipe takes 8 bytes whole. */
static void
hear(struct run *run)
{
    int busy = 0;

    for (int i = 0; i < WRITERS; i++) {
        struct writer *writer = &run->writers[i];
        int64_t before = writer->acknowledged, save;
        while (read(writer->pipe, &save, sizeof save) == (ssize_t)sizeof save) {
            writer->acknowledged = save;
            run->saves++;
        }
        busy += writer->acknowledged > before;
        close(writer->pipe);
    }
    run->together += busy > 1;
}

static int64_t
ask(struct db *db, const char *sql, int64_t writer)
{
    struct stmt *stmt;
    int64_t value = -1;

    demand(db_stmt(db, sql, &stmt), "a question");
    stmt_int(stmt, 1, writer);
    demand(stmt_finish_int(stmt, &value), "an answer");
    return value;
}

static bool
check_writer(struct db *db, const struct writer *writer, int64_t number)
{
    int64_t last = ask(db, "SELECT coalesce(max(save), 0) FROM counted WHERE writer = ?1", number);
    int64_t saves = ask(db, "SELECT count(*) FROM counted WHERE writer = ?1", number);
    int64_t torn = ask(db,
                       "SELECT count(*) FROM counted WHERE writer = ?1 AND rows IS NOT (SELECT count(*) FROM saved"
                       " WHERE saved.writer = counted.writer AND saved.save = counted.save)",
                       number);
    int64_t wrong = ask(db,
                        "SELECT count(*) FROM saved WHERE writer = ?1 AND (trim(filler, char(97 +"
                        " (writer * 7 + save + row) % 26)) <> ''"
                        " OR save NOT IN (SELECT save FROM counted WHERE counted.writer = ?1))",
                        number);

    if (last >= writer->acknowledged && saves == last && torn == 0 && wrong == 0)
        return true;
    fprintf(stderr, "writer %d: acknowledged %lld, last %lld, saves %lld, torn %lld, wrong %lld\n", (int)number,
            (long long)writer->acknowledged, (long long)last, (long long)saves, (long long)torn,
            (long long)wrong);
    return false;
}

static bool
check_opened(const struct run *run)
{
    struct vfs_verdict verdict;
    struct vfs *vfs;
    struct db *db;
    bool fine = true;

    open_store(run->path, true, &vfs, &db);
    demand(db_check_structure(db), "the structure");
    for (int i = 0; i < WRITERS; i++)
        fine = check_writer(db, &run->writers[i], i) && fine;
    demand(db_checkpoint(db, true), "the last checkpoint");
    demand(vfs_verify(vfs, run->path, &verdict), "verifying");
    db_close(db);
    vfs_unregister(vfs);
    return fine && verdict.bad == 0;
}

static void
make_tables(const struct run *run)
{
    struct vfs *vfs;
    struct db *db;

    demand(vfs_remove(NULL, run->path), "removing");
    open_store(run->path, true, &vfs, &db);
    demand(db_run(db, "CREATE TABLE saved(writer, save, row, filler);"
                      "CREATE INDEX saved_save ON saved(writer, save);"
                      "CREATE TABLE counted(writer, save, rows, PRIMARY KEY(writer, save))"),
           "the tables");
    db_close(db);
    vfs_unregister(vfs);
}

static bool
has_ended_well(pid_t pid)
{
    int status;

    return pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

/* Each opening is in a process of its own: a fork wipes the keys of the forked, and what is opened must begin from the
 * disk and from what the killed left in memory. */
static bool
play(struct run *run, struct chance *chance, uint64_t round)
{
    pid_t pid;

    if (round % ROUNDS_PER_FILE == 0) {
        pid = fork();
        if (pid == 0) {
            make_tables(run);
            exit(0);
        }
        if (!has_ended_well(pid))
            return false;
        for (int i = 0; i < WRITERS; i++)
            run->writers[i].acknowledged = 0;
    }
    for (int i = 0; i < WRITERS; i++)
        start_writer(run, chance, i);
    usleep((useconds_t)chance_below(chance, 30000));
    bool fine = kill_all(run, chance);
    hear(run);
    pid = fork();
    if (pid == 0)
        exit(check_opened(run) ? 0 : 1);
    return has_ended_well(pid) && fine;
}

static uint64_t
number_of(const char *word)
{
    char *end;
    unsigned long long value = strtoull(word, &end, 10);

    if (*word == '\0' || *end != '\0') {
        fputs(USAGE, stderr);
        exit(2);
    }
    return value;
}

static uint64_t
run_rounds(struct run *run, uint64_t rounds, uint64_t seed)
{
    struct chance chance = {seed};

    for (uint64_t round = 0; round < rounds; round++)
        if (!play(run, &chance, round)) {
            printf("seed %llu: round %llu failed; the store is left in %s\n", (unsigned long long)seed,
                   (unsigned long long)round, run->scratch.directory);
            return round;
        }
    return rounds;
}

int
main(int argc, char **argv)
{
    uint64_t rounds = 20, seed = 1;
    struct run run = {.path = NULL};

    for (int i = 1; i < argc; i += 2) {
        if (i + 1 < argc && strcmp(argv[i], "--rounds") == 0)
            rounds = number_of(argv[i + 1]);
        else if (i + 1 < argc && strcmp(argv[i], "--seed") == 0)
            seed = number_of(argv[i + 1]);
        else
            return fputs(USAGE, stderr), 2;
    }
    scratch_make(&run.scratch);
    run.path = scratch_path(&run.scratch, "store.db");
    uint64_t passed = run_rounds(&run, rounds, seed);
    printf("seed %llu: %llu kills, %llu acknowledged saves, several writers in %llu rounds\n",
           (unsigned long long)seed, (unsigned long long)run.kills, (unsigned long long)run.saves,
           (unsigned long long)run.together);
    bool is_shown = run.saves > 0 && (rounds < 10 || run.together > 0);
    bool is_fine = passed == rounds && is_shown;
    if (is_fine)
        scratch_remove(&run.scratch);
    printf("%llu passed, %d failed\n", (unsigned long long)passed, !is_fine);
    return is_fine ? 0 : 1;
}
