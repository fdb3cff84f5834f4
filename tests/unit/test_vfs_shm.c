/* Tests of core/vfs_shm and core/vfs_lock: several connections and processes on one store file on a real disk. */
#define _GNU_SOURCE /* unshare */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/db.h"
#include "core/vfs.h"
#include "core/vfs_lock.h"
#include "tests/support/scratch.h"
#include "tests/unit/unit.h"

static struct scratch scratch;
static char path[192], memory[64];
static bool is_apart; /* this program has a /dev/shm of its own, which it may spoil */

static bool
put_text(const char *name, const char *text)
{
    int fd = open(name, O_WRONLY | O_CLOEXEC);
    bool is_put = fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text);

    if (fd >= 0)
        close(fd);
    return is_put;
}

static bool
put_map(const char *name, unsigned long id)
{
    char text[64];

    snprintf(text, sizeof text, "%lu %lu 1", id, id);
    return put_text(name, text);
}

/* A mount namespace with another /dev/shm; an ordinary user needs a user namespace around it. */
static bool
take_memory_of_own(void)
{
    unsigned long user = geteuid(), group = getegid();

    if (unshare(CLONE_NEWNS) != 0) {
        if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
            return false;
        if (!put_text("/proc/self/setgroups", "deny") || !put_map("/proc/self/uid_map", user) ||
            !put_map("/proc/self/gid_map", group))
            return false;
    }
    return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount("tmpfs", "/dev/shm", "tmpfs", 0, "mode=1777") == 0;
}

/* One connection, as a process of its own would have it. */
struct side {
    struct vfs *vfs;
    struct db *db;
};

static enum rc
try_side(struct side *side, bool readonly)
{
    struct secret key = SECRET_EMPTY;
    struct db_options options = {
        .exclusive = true, .share = true, .synchronous_full = true, .readonly = readonly, .busy_ms = 50};

    *side = (struct side){NULL, NULL};
    enum rc rc = secret_make(&key, 32);
    if (rc == RC_OK)
        memset(key.bytes, 7, key.len);
    if (rc == RC_OK)
        rc = vfs_register(NULL, &key, NULL, &side->vfs);
    secret_wipe(&key);
    if (rc != RC_OK)
        return rc;
    options.vfs = vfs_name(side->vfs);
    rc = db_open(path, &options, &side->db);
    if (rc == RC_OK)
        return RC_OK;
    vfs_unregister(side->vfs);
    side->vfs = NULL;
    return rc;
}

static struct side
open_side(void)
{
    struct side side;

    if (try_side(&side, false) != RC_OK)
        fail_msg("%s", rc_sentence());
    return side;
}

static void
close_side(struct side *side)
{
    db_close(side->db);
    vfs_unregister(side->vfs);
    *side = (struct side){NULL, NULL};
}

static void
run(struct side *side, const char *sql)
{
    if (db_run(side->db, sql) != RC_OK)
        fail_msg("%s: %s", sql, rc_sentence());
}

static int64_t
count(struct side *side)
{
    int64_t value;

    if (db_get_int(side->db, "SELECT count(*) FROM t", &value) != RC_OK)
        fail_msg("%s", rc_sentence());
    return value;
}

static unsigned
entries_in(const char *directory)
{
    DIR *open = opendir(directory);
    unsigned found = 0;

    assert_non_null(open);
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        found += entry->d_name[0] != '.';
    closedir(open);
    return found;
}

static int
set_up(void **state)
{
    (void)state;
    setenv("TMPDIR", "/tmp", 1); /* each side has a /dev/shm of its own: no store lies there */
    scratch_make(&scratch);
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "store.db"));
    snprintf(memory, sizeof memory, "/dev/shm/baken-%lu", (unsigned long)geteuid());
    struct side side = open_side();
    run(&side, "CREATE TABLE t(a INTEGER PRIMARY KEY, b)");
    close_side(&side);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    scratch_remove(&scratch);
    return 0;
}

/* --- two at once ---------------------------------------------------------------------------------- */

static void
each_sees_what_the_other_committed(void **state)
{
    (void)state;
    struct side a = open_side(), b = open_side();

    for (int i = 0; i < 40; i++) {
        run(i % 2 == 0 ? &a : &b, "INSERT INTO t(b) VALUES(hex(randomblob(3000)))");
        assert_int_equal(count(&a), i + 1);
        assert_int_equal(count(&b), i + 1);
        if (i % 7 == 6) /* the log begins anew: another generation */
            assert_ok(db_checkpoint((i % 3 == 0 ? &a : &b)->db, i % 2 == 0));
    }
    run(&a, "DELETE FROM t; VACUUM");
    assert_ok(db_checkpoint(a.db, true));
    assert_int_equal(count(&b), 0);
    run(&b, "INSERT INTO t(b) VALUES(hex(randomblob(30000)))");
    assert_ok(db_checkpoint(b.db, true));
    run(&a, "INSERT INTO t(b) VALUES(hex(randomblob(90000)))");
    assert_ok(db_check_structure(b.db));
    close_side(&a);
    assert_int_equal(count(&b), 2);
    close_side(&b);
    assert_int_equal(access(scratch_path(&scratch, "store.db-wal"), F_OK), -1);
}

static void
frames_that_were_rolled_back_are_not_written_over_anothers_commit(void **state)
{
    (void)state;
    struct side a = open_side(), b = open_side();

    run(&a, "PRAGMA cache_spill=ON; PRAGMA cache_size=4");
    run(&a, "BEGIN IMMEDIATE");
    for (int i = 0; i < 50; i++) /* more than one batch of frames, and the last of them not full */
        run(&a, "INSERT INTO t(b) VALUES(hex(randomblob(3000)))");
    run(&a, "ROLLBACK");
    run(&b, "INSERT INTO t(b) VALUES('of b')");
    assert_int_equal(count(&a), 1);
    /* b goes first and without a checkpoint, so that the log on disk is all there is of its commit. */
    struct side c = open_side();
    close_side(&a);
    assert_int_equal(count(&c), 1);
    assert_ok(db_check_structure(c.db));
    close_side(&b);
    close_side(&c);
    c = open_side();
    assert_int_equal(count(&c), 1);
    close_side(&c);
}

static void
a_rewritten_checksum_is_on_disk_when_the_commit_returns(void **state)
{
    (void)state;
    struct side a = open_side();

    /* A page that was spilled and changed again has its frame replaced; without a sync after the commit nothing else
     * makes the checksums of the frames after it whole. */
    assert_ok(db_set_synchronous(a.db, false));
    run(&a, "PRAGMA cache_spill=ON; PRAGMA cache_size=4");
    run(&a, "BEGIN IMMEDIATE; INSERT INTO t(a, b) VALUES(1, 'first')");
    for (int i = 0; i < 60; i++)
        run(&a, "INSERT INTO t(b) VALUES(hex(randomblob(3000)));"
                "UPDATE t SET b = b || '.' WHERE a = 1");
    run(&a, "COMMIT");
    size_t file_len, log_len;
    uint8_t *file = scratch_read(path, &file_len), *log = scratch_read(scratch_path(&scratch, "store.db-wal"), &log_len);
    assert_non_null(file);
    assert_non_null(log);
    close_side(&a);
    scratch_write(&scratch, "store.db", file, file_len); /* as a kill would have left them */
    scratch_write(&scratch, "store.db-wal", log, log_len);
    struct side b = open_side();
    assert_int_equal(count(&b), 61);
    assert_ok(db_check_structure(b.db));
    close_side(&b);
    free(file);
    free(log);
}

static void
nothing_is_left_in_memory_or_beside_the_store(void **state)
{
    (void)state;
    if (!is_apart)
        skip();
    unsigned before = entries_in(memory);
    struct side a = open_side(), b = open_side();

    run(&a, "INSERT INTO t(b) VALUES(1)");
    assert_int_equal(entries_in(memory), before + 2);
    close_side(&a);
    assert_int_equal(entries_in(memory), before + 2);
    close_side(&b);
    assert_int_equal(entries_in(memory), before);
    assert_int_equal(access(scratch_path(&scratch, "store.db-shm"), F_OK), -1);
    assert_int_equal(entries_in(scratch.directory), 2); /* store.db, lock */
}

/* --- who shares no memory ------------------------------------------------------------------------- */

/* What a logout does where the machine removes a user's shared memory (RemoveIPC of logind). */
static void
memory_that_was_emptied_is_noticed(void **state)
{
    (void)state;
    if (!is_apart)
        skip();
    struct side a = open_side(), b;
    char command[128];

    run(&a, "INSERT INTO t(b) VALUES(1)");
    snprintf(command, sizeof command, "rm -f '%s'/*", memory);
    assert_int_equal(system(command), 0);
    assert_int_equal(try_side(&b, false), RC_BUSY);
    assert_non_null(strstr(rc_sentence(), "shares no memory"));
    run(&a, "INSERT INTO t(b) VALUES(2)");
    close_side(&a);
    b = open_side();
    assert_int_equal(count(&b), 2);
    close_side(&b);
}

/* Runs in a child with another /dev/shm. 2: the machine does not let it. */
static int
open_elsewhere(int told, int tell)
{
    struct side side;
    char byte = 'x';

    if (!take_memory_of_own())
        return 2;
    if (write(tell, &byte, 1) != 1 || read(told, &byte, 1) != 1)
        return 3;
    if (try_side(&side, false) != RC_BUSY || strstr(rc_sentence(), "shares no memory") == NULL)
        return 4;
    if (try_side(&side, true) != RC_BUSY) /* nor to read */
        return 5;
    if (write(tell, &byte, 1) != 1 || read(told, &byte, 1) != 1)
        return 6;
    if (try_side(&side, false) != RC_OK ||
        db_run(side.db, "INSERT INTO t(b) VALUES('from elsewhere')") != RC_OK)
        return 7;
    close_side(&side);
    return 0;
}

static int
start_elsewhere(pid_t *child, int *tell, int *told)
{
    int to[2], from[2];

    assert_ok(pipe(to));
    assert_ok(pipe(from));
    *child = fork();
    if (*child == 0) {
        close(to[1]);
        close(from[0]);
        int code = open_elsewhere(to[0], from[1]);
        if (code > 2)
            fprintf(stderr, "elsewhere: %d: %s\n", code, rc_sentence());
        _exit(code);
    }
    close(to[0]);
    close(from[1]);
    *tell = to[1];
    *told = from[0];
    char byte;
    return read(*told, &byte, 1) == 1;
}

static void
two_memories_are_refused_and_one_after_the_other_is_not(void **state)
{
    (void)state;
    int tell, told, status;
    char byte = 'x';
    pid_t child;
    /* Before anything is open: what is forked holds copies of all open files, and their locks. */
    bool is_there = start_elsewhere(&child, &tell, &told);

    if (is_there) {
        struct side a = open_side();
        run(&a, "INSERT INTO t(b) VALUES(1)");
        assert_int_equal(write(tell, &byte, 1), 1);
        assert_int_equal(read(told, &byte, 1), 1);
        run(&a, "INSERT INTO t(b) VALUES(2)");
        close_side(&a);
        assert_int_equal(write(tell, &byte, 1), 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(tell);
    close(told);
    assert_true(WIFEXITED(status));
    if (!is_there && WEXITSTATUS(status) == 2)
        skip();
    assert_int_equal(WEXITSTATUS(status), 0);
    struct side a = open_side();
    assert_int_equal(count(&a), 3);
    assert_ok(db_check_structure(a.db));
    close_side(&a);
}

static void
a_directory_in_memory_that_is_not_ours_alone_is_refused(void **state)
{
    (void)state;
    if (!is_apart)
        skip();
    char aside[80];
    struct side side;

    assert_ok(chmod(memory, 0755));
    assert_int_equal(try_side(&side, false), RC_IO);
    assert_non_null(strstr(rc_sentence(), memory));
    assert_ok(chmod(memory, 0700));
    snprintf(aside, sizeof aside, "%s.aside", memory);
    assert_ok(rename(memory, aside));
    unsigned before = entries_in(scratch.directory);
    assert_ok(symlink(scratch.directory, memory));
    assert_int_equal(try_side(&side, false), RC_IO);
    unsigned after = entries_in(scratch.directory);
    assert_ok(unlink(memory));
    assert_ok(rename(aside, memory));
    assert_int_equal(after, before);
    side = open_side();
    close_side(&side);
}

static void
a_copy_on_the_same_machine_shares_nothing(void **state)
{
    (void)state;
    if (!is_apart)
        skip();
    struct side a = open_side();
    unsigned before = entries_in(memory);
    size_t len;
    char original[192];

    run(&a, "INSERT INTO t(b) VALUES(1)");
    uint8_t *bytes = scratch_read(path, &len);
    snprintf(original, sizeof original, "%s", path);
    assert_ok(mkdir(scratch_path(&scratch, "copy"), 0700));
    scratch_write(&scratch, "copy/store.db", bytes, len);
    snprintf(path, sizeof path, "%s", scratch_path(&scratch, "copy/store.db"));
    struct side b = open_side();
    assert_int_equal(entries_in(memory), before + 2);
    run(&b, "INSERT INTO t(b) VALUES(2), (3)");
    assert_int_equal(count(&a), 1);
    close_side(&b);
    close_side(&a);
    snprintf(path, sizeof path, "%s", original);
    free(bytes);
}

/* --- reading -------------------------------------------------------------------------------------- */

static void
a_reader_changes_nothing_and_sees_what_a_writer_commits(void **state)
{
    (void)state;
    struct side writer = open_side(), reader;

    run(&writer, "INSERT INTO t(b) VALUES(1)");
    assert_ok(try_side(&reader, true));
    assert_int_equal(count(&reader), 1);
    run(&writer, "INSERT INTO t(b) VALUES(2)");
    assert_int_equal(count(&reader), 2);
    assert_int_equal(db_run(reader.db, "INSERT INTO t(b) VALUES(3)"), RC_IO);
    assert_non_null(strstr(rc_sentence(), "read only"));
    close_side(&writer);
    assert_int_equal(count(&reader), 2);
    close_side(&reader);
}

static void
a_reader_that_came_first_lets_a_writer_in(void **state)
{
    (void)state;
    struct side writer, reader;

    assert_ok(try_side(&reader, true));
    assert_int_equal(count(&reader), 0);
    assert_int_equal(access(scratch_path(&scratch, "store.db-wal"), F_OK), -1); /* it made no log */
    writer = open_side();
    run(&writer, "INSERT INTO t(b) VALUES(1)");
    assert_int_equal(count(&reader), 1);
    assert_ok(db_checkpoint(writer.db, true));
    run(&writer, "INSERT INTO t(b) VALUES(2)");
    assert_int_equal(count(&reader), 2);
    close_side(&reader);
    close_side(&writer);
}

/* As another user, who may look and not write. Only root can become one. */
static int
read_as_another(bool is_other_open)
{
    struct side side;

    if (setgid(65534) != 0 || setuid(65534) != 0)
        return 2;
    enum rc rc = try_side(&side, true);
    if (is_other_open)
        return rc == RC_BUSY ? 0 : 3;
    if (rc != RC_OK || count(&side) != 1)
        return 4;
    if (db_run(side.db, "INSERT INTO t(b) VALUES(3)") == RC_OK)
        return 5;
    close_side(&side);
    return 0;
}

static int
in_child(bool is_other_open)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        int code = read_as_another(is_other_open);
        if (code > 2)
            fprintf(stderr, "as another: %d: %s\n", code, rc_sentence());
        _exit(code);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void
who_may_only_read_reads_while_nobody_writes(void **state)
{
    (void)state;
    struct side side = open_side();

    if (geteuid() != 0) {
        close_side(&side);
        skip();
    }
    run(&side, "INSERT INTO t(b) VALUES(1)");
    assert_ok(chmod(scratch.directory, 0755));
    assert_ok(chmod(path, 0644));
    assert_ok(chmod(scratch_path(&scratch, "lock"), 0644));
    assert_int_equal(in_child(true), 0);
    close_side(&side);
    assert_int_equal(in_child(false), 0);
}

static void
a_writer_stays_away_from_one_who_reads_with_an_index_of_its_own(void **state)
{
    (void)state;
    struct side side;
    int lock = open(scratch_path(&scratch, "lock"), O_RDONLY | O_CLOEXEC);

    assert_true(lock >= 0);
    assert_ok(vfs_lock_set(lock, VFS_LOCK_ALONE, VFS_LOCK_SHARED));
    assert_int_equal(try_side(&side, false), RC_BUSY);
    close(lock);
    side = open_side();
    close_side(&side);
}

/* A machine on which this user may not write there. */
static void
hide_memory(void)
{
    assert_ok(mount("tmpfs", "/dev/shm", "tmpfs", MS_RDONLY, NULL));
}

static void
show_memory(void)
{
    assert_ok(umount2("/dev/shm", MNT_DETACH));
}

static void
who_has_no_memory_reads_while_nobody_writes(void **state)
{
    (void)state;
    if (!is_apart)
        skip();
    struct side a = open_side(), b, c;

    run(&a, "INSERT INTO t(b) VALUES(1)");
    hide_memory();
    assert_int_equal(try_side(&b, true), RC_BUSY);
    show_memory();
    close_side(&a);
    hide_memory();
    assert_ok(try_side(&b, true));
    assert_ok(try_side(&c, true));
    assert_int_equal(count(&b), 1);
    assert_int_equal(count(&c), 1);
    assert_int_equal(try_side(&a, false), RC_BUSY);
    show_memory();
    assert_int_equal(try_side(&a, false), RC_BUSY);
    close_side(&b);
    close_side(&c);
    a = open_side();
    close_side(&a);
}

/* Who deletes `lock` because a program "hangs on it" must not get a second wal-index over the same log. */
static void
a_lock_file_that_was_deleted_lets_no_second_index_in(void **state)
{
    (void)state;
    struct side a = open_side(), b;

    run(&a, "INSERT INTO t(b) VALUES(1)");
    assert_ok(unlink(scratch_path(&scratch, "lock")));
    assert_int_equal(try_side(&b, false), RC_BUSY);
    assert_int_equal(try_side(&b, true), RC_BUSY);
    run(&a, "INSERT INTO t(b) VALUES(2)");
    close_side(&a);
    b = open_side();
    assert_int_equal(count(&b), 2);
    close_side(&b);
}

/* An opening of a pipe waits for somebody who writes to it. */
static void
a_pipe_in_memory_under_the_anchors_name_is_not_waited_for(void **state)
{
    (void)state;
    char name[320] = "";

    if (!is_apart)
        skip();
    struct side a = open_side();
    run(&a, "INSERT INTO t(b) VALUES(1)");
    DIR *list = opendir(memory);
    assert_non_null(list);
    for (struct dirent *entry; (entry = readdir(list)) != NULL;)
        if (entry->d_name[0] != '.' && strchr(entry->d_name, '-') == NULL)
            snprintf(name, sizeof name, "%s/%s", memory, entry->d_name);
    closedir(list);
    assert_int_equal(access(name, F_OK), 0);
    close_side(&a);
    assert_ok(mkfifo(name, 0600));
    alarm(30);
    a = open_side();
    assert_int_equal(count(&a), 1);
    close_side(&a);
    alarm(0);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(each_sees_what_the_other_committed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(frames_that_were_rolled_back_are_not_written_over_anothers_commit, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_rewritten_checksum_is_on_disk_when_the_commit_returns, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(nothing_is_left_in_memory_or_beside_the_store, set_up, tear_down),
        cmocka_unit_test_setup_teardown(memory_that_was_emptied_is_noticed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(two_memories_are_refused_and_one_after_the_other_is_not, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_directory_in_memory_that_is_not_ours_alone_is_refused, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_copy_on_the_same_machine_shares_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_changes_nothing_and_sees_what_a_writer_commits, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_reader_that_came_first_lets_a_writer_in, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_may_only_read_reads_while_nobody_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_writer_stays_away_from_one_who_reads_with_an_index_of_its_own, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(who_has_no_memory_reads_while_nobody_writes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_in_memory_under_the_anchors_name_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_lock_file_that_was_deleted_lets_no_second_index_in, set_up, tear_down),
    };

    if (secret_start() != RC_OK)
        return 1;
    is_apart = take_memory_of_own();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
