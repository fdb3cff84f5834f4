/* bakend: the team server. Words of the command line in, exit code out. */
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/i18n.h"
#include "core/log.h"
#include "core/secret.h"
#include "core/version.h"
#include "server/check.h"
#include "server/http.h"
#include "server/server.h"

/* The same numbers as those of `baken` (docs/CLI.md). */
enum exit_code {
    EXIT_FINE = 0,
    EXIT_FAILED = 1,
    EXIT_USAGE = 2,
    EXIT_BUSY = 6,    /* the address is taken, or another process holds the depot */
    EXIT_DENIED = 8,  /* a file may not be read or made, or is open to others */
    EXIT_ABSENT = 10, /* nothing was set up in that directory */
    EXIT_DAMAGED = 11,
    EXIT_NEWER = 16, /* the depot was made by a newer program */
    EXIT_DISK_FULL = 17,
    EXIT_DISK = 18,
};

enum { GRACE_S = 20 };

struct options {
    const char *dir;
    const char *port_file;
    unsigned hours; /* of `restored` */
    struct http_options http;
};

struct command {
    const char *name;
    enum exit_code (*run)(const struct options *options);
};

static enum exit_code
fail(enum rc rc)
{
    fprintf(stderr, "bakend: %s\n", rc_sentence());
    switch (rc) {
    case RC_INVALID:
        return EXIT_USAGE;
    case RC_BUSY:
        return EXIT_BUSY;
    case RC_DENIED:
        return EXIT_DENIED;
    case RC_ABSENT:
        return EXIT_ABSENT;
    case RC_CORRUPT:
        return EXIT_DAMAGED;
    case RC_UNSUPPORTED:
        return EXIT_NEWER;
    case RC_FULL:
        return EXIT_DISK_FULL;
    case RC_IO:
        return EXIT_DISK;
    default:
        return EXIT_FAILED;
    }
}

static void
print_help(FILE *out)
{
    fputs(_("usage: bakend setup --dir DIR\n"
            "       bakend code  --dir DIR\n"
            "       bakend run   --dir DIR [--listen WHERE] [--port-file FILE]\n"
            "       bakend check --dir DIR\n"
            "       bakend restored --dir DIR [--hours N]\n"
            "\n"
            "setup  makes DIR with the server's key and an empty depot, and prints a one-time code\n"
            "code   prints another one-time code: each makes one team, within 24 hours\n"
            "run    serves until SIGTERM or SIGINT\n"
            "check  reads the whole depot and reports what does not hold\n"
            "restored  after a backup was put back and before `run`: for a day, or N hours, teams cannot be changed\n"
            "       but by what devices hand back; 0 ends it\n"
            "\n"
            "--dir DIR         where everything is kept\n"
            "--listen WHERE    127.0.0.1:PORT, [::1]:PORT or unix:PATH (127.0.0.1:7380); port 0 takes a\n"
            "                  free one\n"
            "--port-file FILE  the bound port is written there\n"
            "--connections N   how many are served at a time (4096)\n"
            "--idle S          seconds until a silent connection is closed (15)\n"
            "--deadline S      seconds that a request may take in all (30)\n"
            "--version, --help\n"
            "\n"
            "Exit codes: 0 done, 1 failed, 2 wrong usage, 6 address or depot in use, 8 not permitted,\n"
            "10 nothing set up there, 11 depot or key damaged, 16 made by a newer program, 17 disk full,\n"
            "18 disk failed.\n"),
          out);
}

/* ---- commands ---- */

static enum exit_code
print_code(struct server *server)
{
    char code[SERVER_CODE_CHARS + 1];
    enum rc rc = server_new_code(server, code);

    if (rc != RC_OK)
        return fail(rc);
    printf(_("One-time code: %s\n"
             "It makes one team, within %d hours, and is not shown again.\n"),
           code, SERVER_CODE_HOURS);
    wipe(code, sizeof code);
    return EXIT_FINE;
}

static enum exit_code
run_code(const struct options *options)
{
    struct server *server = NULL;
    enum rc rc = server_open(options->dir, NULL, &server);
    enum exit_code code = rc == RC_OK ? print_code(server) : fail(rc);

    server_close(server);
    return code;
}

static enum exit_code
run_setup(const struct options *options)
{
    bool made;
    enum rc rc = server_setup(options->dir, &made);

    if (rc != RC_OK)
        return fail(rc);
    if (!made) {
        fputs(_("This server was set up before; its key and depot are as they were.\n"), stdout);
        return EXIT_FINE;
    }
    return run_code(options);
}

static enum exit_code
run_check(const struct options *options)
{
    struct check_counts counts;
    struct server *server = NULL;
    enum rc rc = server_open(options->dir, NULL, &server);

    if (rc == RC_OK)
        rc = check_depot(server, &counts);
    if (rc == RC_OK)
        printf(_("The depot is whole. Teams: %llu; ledger lines: %llu; entries: %llu.\n"),
               (unsigned long long)counts.teams, (unsigned long long)counts.lines,
               (unsigned long long)counts.entries);
    enum exit_code code = rc == RC_OK ? EXIT_FINE : fail(rc);
    server_close(server);
    return code;
}

static enum exit_code
run_restored(const struct options *options)
{
    enum rc rc = server_close_ledgers(options->dir, options->hours);

    if (rc != RC_OK)
        return fail(rc);
    if (options->hours == 0)
        fputs(_("Teams can be changed again, once the server is started anew.\n"), stdout);
    else
        printf(_("Once the server is started, devices hand back what it lost; for %u hours nothing new of a team is taken.\n"),
               options->hours);
    return EXIT_FINE;
}

/* Written beside and renamed: who waits for the file finds it whole. */
static enum rc
write_port(const char *path, unsigned port)
{
    char beside[4096];

    if (path == NULL)
        return RC_OK;
    if (snprintf(beside, sizeof beside, "%s.new", path) >= (int)sizeof beside)
        return rc_fail(RC_INVALID, _("%s: this path is too long"), path);
    FILE *file = fopen(beside, "w");
    bool written = file != NULL && fprintf(file, "%u\n", port) > 0;
    if (file != NULL && fclose(file) != 0)
        written = false;
    if (!written || rename(beside, path) != 0)
        return rc_fail(RC_IO, "%s: %s", path, strerror(errno));
    return RC_OK;
}

static void
serve(struct http *http, const sigset_t *signals)
{
    int signal_number = 0;

    log_info("server.started", "port=%u pid=%ld version=%s", (unsigned)http_port(http),
             (long)getpid(), BAKEN_VERSION);
    while (sigwait(signals, &signal_number) != 0)
        continue;
    log_info("server.stopping", "signal=%d", signal_number);
}

static enum exit_code
run_server(const struct options *options)
{
    struct server *server = NULL;
    struct http *http = NULL;
    sigset_t signals;
    enum rc rc;

    /* Before any thread, so that all of them leave these two to sigwait. */
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, &signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!secret_is_locked())
        log_warn("server.memory_not_locked", "pid=%ld", (long)getpid());
    int hold = server_hold(options->dir);
    rc = server_open(options->dir, NULL, &server);
    if (rc == RC_OK)
        rc = http_start(server, &options->http, &http);
    if (rc == RC_OK)
        rc = write_port(options->port_file, http_port(http));
    if (rc == RC_OK)
        serve(http, &signals);
    enum exit_code code = rc == RC_OK ? EXIT_FINE : fail(rc);
    http_stop(http, GRACE_S);
    server_close(server);
    if (hold >= 0)
        (void)close(hold);
    if (rc == RC_OK)
        log_info("server.stopped", "status=%d", (int)code);
    return code;
}

/* ---- words ---- */

static bool
read_number(const char *text, unsigned ceiling, unsigned *number)
{
    char *end;

    if (text[0] < '0' || text[0] > '9') /* strtoul takes blanks and signs, and turns "-1" round */
        return false;
    errno = 0;
    unsigned long value = strtoul(text, &end, 10);
    if (errno != 0 || *end != '\0' || value == 0 || value > ceiling)
        return false;
    *number = (unsigned)value;
    return true;
}

/* EXIT_FINE to go on; *is_done when there is nothing left to do. */
static enum exit_code
read_options(int argc, char **argv, struct options *options, bool *is_done)
{
    static const struct option words[] = {
        {"dir", required_argument, NULL, 'd'},      {"listen", required_argument, NULL, 'l'},
        {"port-file", required_argument, NULL, 'p'}, {"connections", required_argument, NULL, 'c'},
        {"idle", required_argument, NULL, 'i'},     {"deadline", required_argument, NULL, 't'},
        {"hours", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},           {"version", no_argument, NULL, 'v'},
        {NULL, 0, NULL, 0}};
    unsigned number = 0;
    int word;

    *is_done = false;
    while ((word = getopt_long(argc, argv, "hv", words, NULL)) != -1) {
        bool is_number = word == 'c' || word == 'i' || word == 't' || word == 'o';
        if (word == 'o' && strcmp(optarg, "0") == 0) {
            options->hours = 0;
            continue;
        }
        if (is_number && !read_number(optarg, word == 'c' ? 100000 : word == 'o' ? SERVER_CLOSED_MOST_HOURS : 3600, &number)) {
            fprintf(stderr, _("bakend: %s is not a number that fits\n"), optarg);
            return EXIT_USAGE;
        }
        switch (word) {
        case 'd':
            options->dir = optarg;
            break;
        case 'l':
            options->http.listen = optarg;
            break;
        case 'p':
            options->port_file = optarg;
            break;
        case 'c':
            options->http.connections = number;
            break;
        case 'i':
            options->http.idle_s = (int)number;
            break;
        case 'o':
            options->hours = number;
            break;
        case 't':
            options->http.deadline_s = (int)number;
            break;
        case 'v':
            printf("bakend %s\n", BAKEN_VERSION);
            *is_done = true;
            return EXIT_FINE;
        case 'h':
            print_help(stdout);
            *is_done = true;
            return EXIT_FINE;
        default: /* getopt has said what is wrong */
            return EXIT_USAGE;
        }
    }
    return EXIT_FINE;
}

int
main(int argc, char **argv)
{
    static const struct command commands[] = {
        {"setup", run_setup}, {"code", run_code}, {"run", run_server}, {"check", run_check},
        {"restored", run_restored}};
    struct options options = {.hours = SERVER_CLOSED_HOURS, .http = {.listen = "127.0.0.1:7380"}};
    bool is_done;

    (void)umask(077);
    i18n_start();
    secret_harden_process();
    enum rc rc = secret_start();
    if (rc != RC_OK)
        return (int)fail(rc);
    enum exit_code code = read_options(argc, argv, &options, &is_done);
    if (code != EXIT_FINE || is_done)
        return (int)code;
    if (optind + 1 == argc && options.dir != NULL)
        for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++)
            if (strcmp(argv[optind], commands[i].name) == 0)
                return (int)commands[i].run(&options);
    print_help(stderr);
    return EXIT_USAGE;
}
