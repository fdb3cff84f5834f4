/* Makes our VFS, or the control, the default one of SQLite's testfixture: BAKEN_SUITE_VFS says which. */
#include "core/vfs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sqlite-suite/geometry_vfs.h"

/* SQLite calls it at the end of each sqlite3_initialize(), before which it has made "unix" the default. */
int baken_suite_init(const char *unused);

enum side { PLAIN, GEOMETRY, OURS };

static enum side
side_of_run(void)
{
    const char *wish = getenv("BAKEN_SUITE_VFS");

    if (wish == NULL || strcmp(wish, "plain") == 0)
        return PLAIN;
    return strcmp(wish, "geometry") == 0 ? GEOMETRY : OURS;
}

/* --- what the comparison allows itself ---------------------------------------------------------- */

static sqlite3_io_methods main_methods, patient_methods;
static int (*open_ours)(sqlite3_vfs *, const char *, sqlite3_file *, int, int *);

/* Our VFS answers PRAGMA page_size with an error, at which whole scripts would end; here it is passed over. */
static int
patient_control(sqlite3_file *file, int operation, void *argument)
{
    char **words = argument;

    if (operation == SQLITE_FCNTL_PRAGMA && words[2] != NULL &&
        sqlite3_stricmp(words[1], "page_size") == 0)
        return SQLITE_OK;
    return main_methods.xFileControl(file, operation, argument);
}

static int
patient_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out_flags)
{
    int code = open_ours(vfs, name, file, flags, out_flags);

    if (name != NULL && (flags & SQLITE_OPEN_MAIN_DB) != 0 && file->pMethods != NULL) {
        main_methods = patient_methods = *file->pMethods; /* the same for each */
        patient_methods.xFileControl = patient_control;
        file->pMethods = &patient_methods;
    }
    return code;
}

/* What SQLite itself draws (row numbers, names) is the same on all sides then: the tests' "unix" gives no
 * random bytes. Our nonces do not come from here. */
static int
below_randomness(sqlite3_vfs *vfs, int len, char *out)
{
    sqlite3_vfs *below = sqlite3_vfs_find("unix");

    (void)vfs;
    return below->xRandomness(below, len, out);
}

/* The tests make system calls of "unix" fail, which lies beneath. */
static int
set_call_below(sqlite3_vfs *vfs, const char *name, sqlite3_syscall_ptr call)
{
    sqlite3_vfs *below = sqlite3_vfs_find("unix");

    (void)vfs;
    return below->xSetSystemCall(below, name, call);
}

static sqlite3_syscall_ptr
call_below(sqlite3_vfs *vfs, const char *name)
{
    sqlite3_vfs *below = sqlite3_vfs_find("unix");

    (void)vfs;
    return below->xGetSystemCall(below, name);
}

static const char *
next_call_below(sqlite3_vfs *vfs, const char *name)
{
    sqlite3_vfs *below = sqlite3_vfs_find("unix");

    (void)vfs;
    return below->xNextSystemCall(below, name);
}

/* --- which VFS is the default ------------------------------------------------------------------- */

/* On top of `base`, under a name of its own. */
static sqlite3_vfs *
make_ours(const char *base)
{
    static const uint8_t KEY[32] = "a key of the test suite, no more";
    struct secret key = SECRET_EMPTY;
    struct vfs *vfs = NULL;
    enum rc rc = secret_start();

    if (rc == RC_OK)
        rc = secret_copy(&key, KEY, sizeof KEY);
    if (rc == RC_OK)
        rc = vfs_register(base, &key, NULL, &vfs);
    secret_wipe(&key);
    if (rc != RC_OK) {
        fprintf(stderr, "registering the VFS: %s\n", rc_sentence());
        return NULL;
    }
    sqlite3_vfs *api = sqlite3_vfs_find(vfs_name(vfs));
    open_ours = api->xOpen;
    api->xRandomness = below_randomness;
    api->xOpen = patient_open;
    api->iVersion = 3;
    api->xSetSystemCall = set_call_below;
    api->xGetSystemCall = call_below;
    api->xNextSystemCall = next_call_below;
    return api;
}

static sqlite3_vfs *
make_for(enum side side, const char *base)
{
    return side == GEOMETRY ? geometry_vfs(base) : make_ours(base);
}

/* The crash tests' VFS, once it is there and above "unix", goes beneath one of ours that is found by its name. */
static int
put_above(enum side side, const char *beneath)
{
    static sqlite3_vfs *vfs;

    if (vfs == NULL)
        vfs = make_for(side, beneath);
    if (vfs == NULL)
        return SQLITE_NOMEM;
    (void)sqlite3_vfs_unregister(vfs);
    vfs->zName = beneath;
    return sqlite3_vfs_register(vfs, 1);
}

int
baken_suite_init(const char *unused)
{
    static sqlite3_vfs *vfs;
    enum side side = side_of_run();
    const char *beneath = getenv("BAKEN_SUITE_BENEATH");

    (void)unused;
    if (side == PLAIN || (beneath != NULL && sqlite3_vfs_find(beneath) == NULL))
        return SQLITE_OK;
    if (vfs == NULL)
        vfs = make_for(side, "unix");
    if (vfs == NULL)
        return SQLITE_NOMEM;
    int code = beneath == NULL ? SQLITE_OK : put_above(side, beneath);
    return code == SQLITE_OK ? sqlite3_vfs_register(vfs, 1) : code;
}
