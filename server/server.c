/* Opening and closing what one server process holds; its directory, its key, its one-time codes. */
#include "server/server.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/i18n.h"
#include "server/depot.h"
#include "server/team.h"

enum { CODE_SYMBOLS = 20, CODE_GROUP = 5, HOUR_MS = 3600 * 1000 };

static const char crockford[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* ---- the directory ---- */

static enum rc
join_path(const char *dir, const char *name, char **path)
{
    size_t size = strlen(dir) + strlen(name) + 2;

    *path = malloc(size);
    if (*path == NULL)
        return rc_nomem();
    (void)snprintf(*path, size, "%s/%s", dir, name);
    return RC_OK;
}

static enum rc
fail_errno(const char *path)
{
    int error = errno;
    enum rc rc = error == ENOENT ? RC_ABSENT : error == ENOSPC ? RC_FULL : RC_IO;

    return rc_fail(rc, "%s: %s", path, strerror(error));
}

static enum rc
write_all(int fd, const uint8_t *bytes, size_t len, const char *path)
{
    while (len > 0) {
        ssize_t done = write(fd, bytes, len);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail_errno(path);
        bytes += done;
        len -= (size_t)done;
    }
    return fsync(fd) == 0 ? RC_OK : fail_errno(path);
}

static enum rc
flush_dir(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return fail_errno(dir);
    enum rc rc = fsync(fd) == 0 ? RC_OK : fail_errno(dir);
    (void)close(fd);
    return rc;
}

/* The key is made before the depot: a depot without it has lost it, and with another the devices would refuse this server. */
static enum rc
check_lost_key(const char *key, const char *depot)
{
    if (access(key, F_OK) == 0 || access(depot, F_OK) != 0)
        return RC_OK;
    return rc_fail(RC_CORRUPT, _("%s is lost and the depot is there: put your copy of the key back; with a new key every device would refuse "
                                 "this server"), key);
}

/* Written beside and linked into place: a key file is whole, and never replaces another. */
static enum rc
make_key(const char *dir, const char *path, bool *made)
{
    struct secret seed = SECRET_EMPTY;
    char *beside = NULL;
    int fd = -1;
    enum rc rc;

    *made = false;
    if (access(path, F_OK) == 0)
        return RC_OK;
    rc = join_path(dir, "server.key.new", &beside);
    if (rc == RC_OK)
        rc = secret_random(&seed, CRYPTO_SEED_BYTES);
    if (rc != RC_OK)
        goto out;
    (void)unlink(beside);
    fd = open(beside, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    rc = fd < 0 ? fail_errno(beside) : write_all(fd, seed.bytes, seed.len, beside);
    if (rc == RC_OK && link(beside, path) != 0 && errno != EEXIST)
        rc = fail_errno(path);
    else if (rc == RC_OK)
        *made = true;
    (void)unlink(beside);
    if (rc == RC_OK)
        rc = flush_dir(dir);
out:
    if (fd >= 0)
        (void)close(fd);
    secret_wipe(&seed);
    free(beside);
    return rc;
}

static enum rc
read_key(const char *path, struct server *server)
{
    struct secret seed = SECRET_EMPTY;
    struct stat info;
    uint8_t extra;
    enum rc rc;
    int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0 && errno == ENOENT)
        return rc_fail(RC_ABSENT, _("there is no %s: `bakend setup --dir DIR` makes it"), path);
    if (fd < 0)
        return fail_errno(path);
    if (fstat(fd, &info) != 0) {
        rc = fail_errno(path);
        goto out;
    }
    if ((info.st_mode & 077) != 0) {
        rc = rc_fail(RC_DENIED, _("%s may be read by others: chmod 600"), path);
        goto out;
    }
    rc = secret_make(&seed, CRYPTO_SEED_BYTES);
    if (rc != RC_OK)
        goto out;
    if (read(fd, seed.bytes, seed.len) != (ssize_t)seed.len || read(fd, &extra, 1) != 0)
        rc = rc_fail(RC_CORRUPT, _("%s is not a server key"), path);
    else
        rc = crypto_sign_pair_from_seed(&seed, server->public_key, &server->secret_key);
out:
    secret_wipe(&seed);
    (void)close(fd);
    return rc;
}

enum rc
server_setup(const char *dir, bool *made)
{
    struct depot *depot = NULL;
    char *key = NULL, *path = NULL;
    enum rc rc;

    *made = false;
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return fail_errno(dir);
    if (chmod(dir, 0700) != 0)
        return fail_errno(dir);
    rc = join_path(dir, "server.key", &key);
    if (rc == RC_OK)
        rc = join_path(dir, "depot.db", &path);
    if (rc == RC_OK)
        rc = check_lost_key(key, path);
    if (rc == RC_OK)
        rc = make_key(dir, key, made);
    if (rc == RC_OK)
        rc = depot_open(path, true, &depot);
    depot_close(depot);
    if (rc == RC_OK)
        rc = flush_dir(dir);
    free(key);
    free(path);
    return rc;
}

/* ---- a depot that was put back ---- */

/* The directory itself is locked: nothing is left in it, whatever ends the program. Where locks are not to be had nothing is
 * known, and the operator's word holds. */
int
server_hold(const char *dir)
{
    int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd >= 0)
        (void)flock(fd, LOCK_SH);
    return fd;
}

/* Until *fd is closed nobody begins to serve. */
static enum rc
keep_out(const char *dir, int *fd)
{
    *fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (*fd >= 0 && flock(*fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
        return rc_fail(RC_BUSY, _("the server runs, and would not heed it: stop it, do this again, and start it"));
    return RC_OK;
}

/* One line in the file `closed`: until when, in UTC milliseconds. */
enum rc
server_close_ledgers(const char *dir, unsigned hours)
{
    const struct clock clock = clock_system();
    char *key = NULL, *path = NULL, *beside = NULL;
    char line[32];
    int fd = -1, held = -1;
    enum rc rc = join_path(dir, "server.key", &key);

    if (rc == RC_OK)
        rc = join_path(dir, "closed", &path);
    if (rc == RC_OK)
        rc = join_path(dir, "closed.new", &beside);
    if (rc == RC_OK && access(key, F_OK) != 0)
        rc = rc_fail(RC_ABSENT, _("there is no %s: `bakend setup --dir DIR` makes it"), key);
    if (rc == RC_OK && hours > 0)
        rc = keep_out(dir, &held);
    if (rc == RC_OK && hours == 0) {
        rc = unlink(path) == 0 || errno == ENOENT ? flush_dir(dir) : fail_errno(path);
    } else if (rc == RC_OK) {
        int len = snprintf(line, sizeof line, "%lld\n", (long long)clock_wall_ms(&clock) + (long long)hours * HOUR_MS);
        fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        rc = fd < 0 ? fail_errno(beside) : write_all(fd, (const uint8_t *)line, (size_t)len, beside);
        if (rc == RC_OK && rename(beside, path) != 0)
            rc = fail_errno(path);
        if (rc == RC_OK)
            rc = flush_dir(dir);
    }
    if (fd >= 0)
        (void)close(fd);
    if (held >= 0)
        (void)close(held);
    free(key);
    free(path);
    free(beside);
    return rc;
}

static enum rc
read_closed(const char *dir, struct server *server)
{
    char *path = NULL;
    unsigned long long until;
    enum rc rc = join_path(dir, "closed", &path);
    FILE *file = rc == RC_OK ? fopen(path, "re") : NULL;

    if (rc == RC_OK && file == NULL && errno != ENOENT)
        rc = fail_errno(path);
    if (file != NULL && fscanf(file, "%18llu\n", &until) == 1 && fgetc(file) == EOF)
        server->closed_until_ms = until;
    else if (file != NULL)
        rc = rc_fail(RC_CORRUPT, _("%s is damaged: `bakend restored --dir DIR` writes it anew"), path);
    if (file != NULL)
        (void)fclose(file);
    free(path);
    return rc;
}

/* ---- opening and closing ---- */

enum rc
server_open(const char *dir, const struct clock *clock, struct server **out)
{
    char *key = NULL;
    enum rc rc;

    *out = NULL;
    struct server *server = calloc(1, sizeof *server);
    if (server == NULL)
        return rc_nomem();
    server->clock = clock != NULL ? *clock : clock_system();
    server->secret_key = SECRET_EMPTY;
    server->rates = limit_rates_usual();
    pthread_mutex_init(&server->writing, NULL);
    pthread_mutex_init(&server->mutex, NULL);
    rc = limit_new(&server->limit);
    if (rc == RC_OK)
        rc = join_path(dir, "server.key", &key);
    if (rc == RC_OK)
        rc = join_path(dir, "depot.db", &server->depot_path);
    if (rc == RC_OK)
        rc = check_lost_key(key, server->depot_path);
    if (rc == RC_OK)
        rc = read_key(key, server);
    if (rc == RC_OK)
        rc = read_closed(dir, server);
    if (rc == RC_OK)
        rc = depot_open(server->depot_path, false, &server->idle[0]);
    if (rc == RC_OK)
        rc = depot_new_life(server->idle[0], (int64_t)server_now_ms(server), &server->first_number);
    free(key);
    if (rc != RC_OK) {
        server_close(server);
        return rc;
    }
    *out = server;
    return RC_OK;
}

void
server_close(struct server *server)
{
    if (server == NULL)
        return;
    for (int i = 0; i < SERVER_HANDLES; i++)
        depot_close(server->idle[i]);
    team_free_all(server);
    limit_free(server->limit);
    secret_wipe(&server->secret_key);
    pthread_mutex_destroy(&server->writing);
    pthread_mutex_destroy(&server->mutex);
    free(server->depot_path);
    free(server);
}

/* ---- one-time codes ---- */

enum rc
server_code_hash(const char *typed, uint8_t hash[CRYPTO_HASH_BYTES])
{
    char symbols[CODE_SYMBOLS];
    size_t count = 0;

    for (const char *at = typed; *at != '\0'; at++) {
        char c = *at;
        if (c == '-' || c == ' ' || c == '\n')
            continue;
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        c = c == 'O' ? '0' : c == 'I' || c == 'L' ? '1' : c;
        if (strchr(crockford, c) == NULL || count == sizeof symbols)
            return rc_fail(RC_INVALID, _("this cannot be a one-time code"));
        symbols[count++] = c;
    }
    if (count != sizeof symbols)
        return rc_fail(RC_INVALID, _("this cannot be a one-time code"));
    crypto_hash_once("baken code 1", symbols, sizeof symbols, hash);
    wipe(symbols, sizeof symbols);
    return RC_OK;
}

enum rc
server_new_code(struct server *server, char *text)
{
    uint8_t random[CODE_SYMBOLS], hash[CRYPTO_HASH_BYTES];
    struct depot *depot = NULL;
    size_t at = 0;
    enum rc rc;

    random_fill(random, sizeof random);
    for (size_t i = 0; i < sizeof random; i++) {
        if (i > 0 && i % CODE_GROUP == 0)
            text[at++] = '-';
        text[at++] = crockford[random[i] & 31];
    }
    text[at] = '\0';
    wipe(random, sizeof random);
    rc = server_code_hash(text, hash);
    if (rc == RC_OK)
        rc = server_take_depot(server, &depot);
    if (rc == RC_OK)
        rc = depot_put_code(depot, hash,
                            (int64_t)server_now_ms(server) + SERVER_CODE_HOURS * (int64_t)HOUR_MS);
    server_give_depot(server, depot);
    return rc;
}

/* ---- handles and transactions ---- */

enum rc
server_take_depot(struct server *server, struct depot **depot)
{
    *depot = NULL;
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < SERVER_HANDLES && *depot == NULL; i++) {
        *depot = server->idle[i];
        server->idle[i] = NULL;
    }
    pthread_mutex_unlock(&server->mutex);
    if (*depot != NULL)
        return RC_OK;
    enum rc rc = depot_open(server->depot_path, false, depot);
    if (rc == RC_OK)
        depot_go_on_from(*depot, server->first_number);
    return rc;
}

void
server_give_depot(struct server *server, struct depot *depot)
{
    if (depot == NULL)
        return;
    pthread_mutex_lock(&server->mutex);
    for (int i = 0; i < SERVER_HANDLES && depot != NULL; i++)
        if (server->idle[i] == NULL) {
            server->idle[i] = depot;
            depot = NULL;
        }
    pthread_mutex_unlock(&server->mutex);
    depot_close(depot);
}

enum rc
server_begin(struct server *server, struct depot *depot)
{
    pthread_mutex_lock(&server->writing);
    enum rc rc = depot_begin(depot);
    if (rc != RC_OK)
        pthread_mutex_unlock(&server->writing);
    return rc;
}

enum rc
server_commit(struct server *server, struct depot *depot)
{
    enum rc rc = depot_commit(depot);

    pthread_mutex_unlock(&server->writing);
    return rc;
}

void
server_rollback(struct server *server, struct depot *depot)
{
    depot_rollback(depot);
    pthread_mutex_unlock(&server->writing);
}

uint64_t
server_now_ms(const struct server *server)
{
    int64_t now_ms = clock_wall_ms(&server->clock);

    return now_ms > 0 ? (uint64_t)now_ms : 0;
}

void
server_moved(struct server *server, const uint8_t team[CRYPTO_HASH_BYTES])
{
    if (server->moved != NULL)
        server->moved(server->moved_context, team);
}
