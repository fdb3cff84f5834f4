/* Tests of core/store_rights: what lies under the name of a store's file and is no file is refused, and never waited for. */
#include "core/store_rights.h"

#include "tests/unit/unit.h"

#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "core/db.h"
#include "core/durable.h"
#include "core/vfs.h"
#include "tests/support/stores.h"

enum { PATIENCE_S = 60 }; /* an opening that waits ends the test */

static struct stores fixture;

static int
set_up(void **state)
{
    struct store *store;

    (void)state;
    stores_make(&fixture);
    stores_demand(store_create(&fixture.options, NULL, NULL, &store), "store_create");
    store_close(store);
    (void)alarm(PATIENCE_S);
    return 0;
}

static int
tear_down(void **state)
{
    (void)state;
    (void)alarm(0);
    stores_remove(&fixture);
    return 0;
}

enum kind { A_PIPE, A_DIRECTORY, A_SOCKET, A_LINK, KINDS }; /* the link leads to the right file, laid aside */

static void
lay(enum kind kind, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    char aside[192];

    if (kind == A_PIPE) {
        assert_ok(mkfifo(path, 0600));
    } else if (kind == A_DIRECTORY) {
        assert_ok(mkdir(path, 0700));
    } else if (kind == A_LINK) {
        assert_true(snprintf(aside, sizeof aside, "%s.aside", path) < (int)sizeof aside);
        assert_ok(symlink(aside, path));
    } else {
        int fd = socket(AF_UNIX, SOCK_STREAM, 0);
        assert_true(snprintf(address.sun_path, sizeof address.sun_path, "%s", path) < (int)sizeof address.sun_path);
        assert_ok(bind(fd, (struct sockaddr *)&address, sizeof address));
        assert_ok(close(fd));
    }
}

static void
refused(enum rc rc, const char *name)
{
    if (rc != RC_IO || strstr(rc_sentence(), name) == NULL)
        fail_msg("%s: %s: %s", name, rc_name(rc), rc_sentence());
}

static void
store_opens(void)
{
    struct store *store;

    stores_demand(store_open(&fixture.options, &store), "store_open");
    store_close(store);
}

static void
what_is_no_file_is_refused_by_name(void **state)
{
    static const char *const NAMES[] = {"store.db", "store.db-wal", "store.db-journal", "keyslots.json", "lock"};
    char path[128], aside[136];
    struct store *store;

    (void)state;
    for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", fixture.directory, NAMES[i]);
        snprintf(aside, sizeof aside, "%s.aside", path);
        bool was_there = rename(path, aside) == 0;
        for (enum kind kind = 0; kind < KINDS; kind++) {
            lay(kind, path);
            refused(store_rights_check_kinds(fixture.directory), NAMES[i]);
            refused(store_open(&fixture.options, &store), NAMES[i]);
            refused(store_open_to_read(&fixture.options, &store), NAMES[i]);
            refused(store_create(&fixture.options, NULL, NULL, &store), NAMES[i]);
            assert_ok(remove(path));
        }
        if (was_there)
            assert_ok(rename(aside, path));
        store_opens();
    }
}

static void
a_token_that_is_no_file_is_refused_by_name(void **state)
{
    struct store *store;
    struct id id;
    char name[ID_TEXT_CHARS + 1], path[160];

    (void)state;
    stores_demand(store_open(&fixture.options, &store), "store_open");
    id = store_id(store);
    store_close(store);
    id_to_text(id, name);
    snprintf(path, sizeof path, "%s/%s", fixture.state, name);
    for (enum kind kind = 0; kind < KINDS; kind++) {
        assert_ok(unlink(path));
        lay(kind, path);
        refused(store_open(&fixture.options, &store), name);
        assert_ok(remove(path));
        stores_demand(durable_write(fixture.state, name, "", 0), "a token");
    }
    store_opens();
}

static enum rc
write_beside(const char *path, const char *sql)
{
    struct vfs *vfs;
    struct db *db;

    stores_demand(vfs_register(NULL, &fixture.key, NULL, &vfs), "vfs_register");
    struct db_options options = {.vfs = vfs_name(vfs), .exclusive = true, .synchronous_full = true};
    enum rc rc = db_open(path, &options, &db);
    if (rc == RC_OK)
        rc = db_run(db, sql);
    db_close_as_is(db);
    vfs_unregister(vfs);
    return rc;
}

/* As the expert's shell comes: nobody looked at the directory before. */
static void
the_vfs_waits_for_no_pipe(void **state)
{
    static const char *const SUFFIXES[] = {"-wal", "-journal", ""};
    char path[128], piped[136];

    (void)state;
    snprintf(path, sizeof path, "%s/other.db", fixture.directory);
    for (size_t i = 0; i < sizeof SUFFIXES / sizeof SUFFIXES[0]; i++) {
        assert_ok(write_beside(path, "CREATE TABLE t(a); DROP TABLE t"));
        snprintf(piped, sizeof piped, "%s%s", path, SUFFIXES[i]);
        (void)unlink(piped);
        lay(A_PIPE, piped);
        assert_int_not_equal(write_beside(path, "CREATE TABLE t(a)"), RC_OK);
        assert_ok(unlink(piped));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_no_file_is_refused_by_name),
        TEST(a_token_that_is_no_file_is_refused_by_name),
        TEST(the_vfs_waits_for_no_pipe),
    };

    if (secret_start() != RC_OK)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
