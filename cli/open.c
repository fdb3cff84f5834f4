/* Opens what a command needs, in this order: directory, key, store, replica, team, server. */
#include "cli/commands.h"

#include "cli/unlock.h"
#include "core/home.h"
#include "core/i18n.h"
#include "core/keyslot.h"
#include "core/store.h"
#include "core/store_rights.h"
#include "sync/transport_http.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>

enum { PATH_CEILING_BYTES = 4096, MEMORY_LEAST_BYTES = 64 * 1024 };

enum rc
call_directory(const struct call *call, struct buf *path, const char **directory)
{
    enum rc rc = home_directory(options_get(&call->options, OPT_STORE), path);

    *directory = NULL;
    if (rc != RC_OK)
        return rc;
    while (path->len > 1 && path->data[path->len - 1] == '/')
        path->len--;
    *directory = buf_text(path);
    return *directory == NULL ? rc_nomem() : RC_OK;
}

bool
call_lies_in(const char *path, const char *directory)
{
    const char *slash = strrchr(path, '/');
    char parent[PATH_MAX], store[PATH_MAX], lies[PATH_MAX];
    int len = slash == NULL ? snprintf(parent, sizeof parent, ".")
                            : snprintf(parent, sizeof parent, "%.*s", (int)(slash - path) + 1, path);

    if (len <= 0 || (size_t)len >= sizeof parent || realpath(parent, lies) == NULL || realpath(directory, store) == NULL)
        return false;
    size_t prefix = strlen(store);
    return strncmp(lies, store, prefix) == 0 && (lies[prefix] == '\0' || lies[prefix] == '/');
}

enum rc
call_no_store(struct call *call, const char *directory)
{
    call->exit = EXIT_NO_STORE;
    call->ending.advice = _("`baken team join` or `baken team create` makes one; if it is elsewhere, "
                            "say where with --store");
    return rc_fail(RC_ABSENT, _("there is no store in %s"), directory);
}

/* What this user may not read or write is named before anything is touched. */
static enum rc
check_rights(struct call *call, const char *directory)
{
    enum rc rc = store_rights_check(directory);

    if (rc == RC_OK)
        return rc;
    call->ending.safe = _("nothing was changed");
    call->ending.advice = _("restore that right (`chmod u+rwX`), or ask who manages this computer, and do it again");
    return rc;
}

static enum rc
open_with(struct call *call, const char *directory, const struct secret *key)
{
    struct store_options options = {.directory = directory,
                                    .clock = call->clock,
                                    .key = key,
                                    .is_checkup = call->is_checkup};

    progress_step(&call->out.progress, _("getting the store ready"));
    return store_open(&options, &call->store);
}

static enum rc
open_store(struct call *call, const char *directory)
{
    struct secret key = SECRET_EMPTY;
    struct id id;
    enum rc rc = unlock_key(call, directory, &id, &key);

    if (rc == RC_OK)
        rc = open_with(call, directory, &key);
    secret_wipe(&key);
    return rc;
}

static enum rc
make_store(struct call *call, const char *directory)
{
    struct secret passphrase = SECRET_EMPTY;
    struct store_options options = {.directory = directory, .clock = call->clock};
    struct store_key_cost cost = unlock_cost();
    enum rc rc = unlock_passphrase(call, true, &passphrase);

    if (rc == RC_OK)
        progress_step(&call->out.progress, _("setting up the store"));
    if (rc == RC_OK)
        rc = store_create(&options, &passphrase, &cost, &call->store);
    secret_wipe(&passphrase);
    return rc;
}

/* A directory without slots has no store; `otherwise` says what happens then. */
static enum rc
open_or(struct call *call, enum rc (*otherwise)(struct call *call, const char *directory))
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct store_slots slots;
    const char *directory;
    enum rc rc = call_directory(call, &path, &directory);

    if (rc == RC_OK)
        rc = check_rights(call, directory);
    if (rc == RC_OK)
        rc = store_key_read(directory, &slots);
    if (rc == RC_CORRUPT)
        call->ending.advice = call_lost_slots_advice();
    if (rc == RC_OK)
        rc = open_store(call, directory);
    else if (rc == RC_ABSENT)
        rc = otherwise(call, directory);
    if (rc == RC_OK && !call->is_checkup)
        rc = replica_open(call->store, &call->replica);
    if (rc == RC_OK && !call->is_checkup)
        call->journal = replica_journal(call->replica);
    if (rc == RC_OK)
        progress_step(&call->out.progress,
                      call->http == NULL ? _("working") : _("asking the server"));
    buf_wipe(&path);
    return rc;
}

enum rc
call_open(struct call *call)
{
    return open_or(call, call_no_store);
}

enum rc
call_open_or_make(struct call *call)
{
    return open_or(call, make_store);
}

/* Neither in a team nor on the way into one. */
static enum rc
fail_teamless(struct call *call, enum rc code)
{
    call->ending.advice = _("go on with `baken team join` or `baken team create`");
    return rc_fail(code, _("the store on this device belongs to no team yet"));
}

const char *
call_digits_advice(void)
{
    return _("the digits wait for who invited you (`baken team join` with the same invitation shows them once more), and then `baken sync`");
}

void
call_tell_teamless(struct call *call)
{
    struct buf server = BUF_EMPTY(PATH_CEILING_BYTES);

    if (replica_server_address(call->replica, &server) == RC_OK)
        out_notice(&call->out, "not_let_in", _("This device is not let in yet: %s."), call_digits_advice());
    else
        out_notice(&call->out, "no_team", "%s",
                   _("The store on this device belongs to no team yet: go on with `baken team join` or `baken team create`."));
    buf_wipe(&server);
}

enum rc
call_open_team(struct call *call)
{
    struct buf server = BUF_EMPTY(PATH_CEILING_BYTES);
    enum rc rc = call_open(call);

    if (rc != RC_OK || replica_in_team(call->replica))
        return rc;
    rc = replica_server_address(call->replica, &server);
    buf_wipe(&server);
    if (rc == RC_ABSENT)
        return fail_teamless(call, RC_DENIED);
    if (rc != RC_OK)
        return rc;
    call->ending.advice = call_digits_advice();
    return rc_fail(RC_DENIED, _("this device is not let in by its team yet; `baken sync` looks again"));
}

static void
close_store(struct call *call)
{
    if (call->replica != NULL)
        replica_close(call->replica);
    call->replica = NULL;
    call->journal = NULL;
    store_close(call->store);
    call->store = NULL;
}

enum rc
call_pause(struct call *call, struct pause *pause)
{
    struct secret parked = SECRET_EMPTY;
    const struct secret *key = store_secret(call->store);

    pause_wipe(pause);
    pause->store = store_id(call->store);
    enum rc rc = keyslot_fetch(pause->store, &parked);
    if (rc == RC_ABSENT)
        rc = secret_copy(&pause->key, key->bytes, key->len);
    secret_wipe(&parked);
    if (rc == RC_OK)
        close_store(call);
    return rc;
}

enum rc
call_go_on(struct call *call, const struct pause *pause)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct secret parked = SECRET_EMPTY;
    const struct secret *key = &pause->key;
    const char *directory;
    enum rc rc = call_directory(call, &path, &directory);

    if (rc == RC_OK && key->len == 0) {
        key = &parked;
        rc = keyslot_fetch(pause->store, &parked);
        if (rc == RC_ABSENT)
            rc = rc_fail(RC_LOCKED, _("the store was locked while the server was waited for"));
    }
    if (rc == RC_OK)
        rc = open_with(call, directory, key);
    if (rc == RC_OK)
        rc = replica_open(call->store, &call->replica);
    if (rc == RC_OK)
        call->journal = replica_journal(call->replica);
    if (rc == RC_BUSY)
        close_store(call);
    secret_wipe(&parked);
    buf_wipe(&path);
    return rc;
}

void
pause_wipe(struct pause *pause)
{
    secret_wipe(&pause->key);
}

static enum rc
send_noted(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    struct call *call = context;

    call->was_written = call->was_written || strcmp(request->method, "GET") != 0;
    return call->wire.send(call->wire.context, request, reply);
}

enum rc
call_connect(struct call *call, const char *address)
{
    const char *ca_file = getenv("BAKEN_CA_FILE");
    struct buf known = BUF_EMPTY(PATH_CEILING_BYTES);
    enum rc rc = RC_OK;

    if (address == NULL) {
        rc = replica_server_address(call->replica, &known);
        if (rc == RC_ABSENT)
            rc = fail_teamless(call, RC_ABSENT);
        address = rc == RC_OK ? buf_text(&known) : NULL;
        if (rc == RC_OK && address == NULL)
            rc = rc_nomem();
    }
    if (rc == RC_OK)
        rc = transport_http_open(address, &call->http);
    if (rc == RC_OK && ca_file != NULL && ca_file[0] != '\0')
        rc = transport_http_trust(call->http, ca_file);
    if (rc == RC_OK) {
        call->wire = transport_http_transport(call->http);
        call->transport = (struct transport){send_noted, call};
        progress_step(&call->out.progress, _("asking the server"));
    }
    buf_wipe(&known);
    return rc;
}

void
call_full_ending(struct call *call)
{
    struct statvfs memory;

    if (call->ending.advice == NULL && statvfs("/dev/shm", &memory) == 0 && memory.f_blocks > 0 &&
        ((uint64_t)memory.f_bavail * memory.f_frsize < MEMORY_LEAST_BYTES || (memory.f_files > 0 && memory.f_favail == 0)))
        call->ending.advice = _("/dev/shm is full, where programs share memory: have what fills it deleted, and do it again");
}

/* Before the first answer nothing was asked for that changes; of what was, the answer may have been lost alone. */
void
call_offline_ending(struct call *call)
{
    if (call->replica == NULL || call->ending.safe != NULL)
        return;
    if (!replica_in_team(call->replica)) {
        call->ending.safe = _("this device is in no team yet");
        call->ending.advice = _("do it again when there is a connection");
    } else if (call->command->run == cmd_sync) {
        return;
    } else if (call->was_written) {
        call->ending.safe = _("whether the server still did it is not known here");
        call->ending.advice = _("when there is a connection run `baken sync`, look, and do it again if it is not done");
    } else {
        call->ending.safe = _("nothing was changed by this command, and what you saved before waits on this device");
        call->ending.advice = (call->command->options & OPT_BIT(OPT_CARRY)) != 0
                                  ? _("do it again when there is a connection, or with --carry: then it goes by `baken bundle export`")
                                  : _("do it again when there is a connection; notes, goals and what else needs no server can be "
                                      "written meanwhile");
    }
}

const char *
call_lack_sentence(bool has_copy)
{
    return has_copy
               ? _("The last saves on this device may be missing, for its store is older than when it was last used here, and "
                   "a copy of its damaged log is kept beside it; what the server and your colleagues have is safe; run `baken "
                   "sync`, look whether your last visits are there, write again what is not, and then confirm with `baken "
                   "doctor --accept`.")
               : _("The last saves on this device may be missing, for its store is older than when it was last used here; "
                   "what the server and your colleagues have is safe; run `baken sync`, look whether your last visits are "
                   "there, write again what is not, and then confirm with `baken doctor --accept`.");
}

const char *
call_cut_sentence(const struct vfs_kept *kept)
{
    return kept->is_kept
               ? _("A part of what was written here last could not be read back, though what followed it is whole, as a "
                   "power failure or a failing disk leaves it; what was saved before it is safe, and a copy of the log "
                   "lies in the store's directory; run `baken sync` and then `baken doctor`, which says what to do.")
               : _("A part of what was written here last could not be read back, though what followed it is whole, as a "
                   "power failure or a failing disk leaves it; what was saved before it is safe, but no copy of the log "
                   "could be kept; make room on the disk, and run `baken sync` and then `baken doctor`.");
}

const char *
call_lost_slots_advice(void)
{
    return _("while the store is unlocked, `baken passphrase change` writes keyslots.json anew; else put a backup back with "
             "`baken restore FILE --replace`");
}

const char *
call_slots_sentence(enum store_slots_state state)
{
    if (state == STORE_SLOTS_ALTERED)
        return _("keyslots.json was altered by somebody who has no key; your passphrase opens the store all the same: "
                 "write it anew with `baken passphrase change` and print a new recovery sheet with `baken recovery print`.");
    if (state == STORE_SLOTS_UNKNOWN)
        return _("Damage hides whether an older keyslots.json was put back: if you ever changed the passphrase, do it again in the new "
                 "store with `baken passphrase change`, and print a new recovery sheet with `baken recovery print`.");
    return _("An older keyslots.json was put back: an earlier passphrase or recovery sheet opens this store again; "
             "end that with `baken passphrase change` and `baken recovery print`.");
}

void
call_doubt_sentence(const char *reason, char *text, size_t room)
{
    (void)snprintf(text, room,
                   _("What is written on this device is sent only after `baken sync` has compared its store with the "
                     "server, because %s."),
                   reason);
}

void
call_tell_clock(struct call *call, int64_t off_ms)
{
    enum { MINUTE_MS = 60 * 1000, HOUR_MS = 60 * MINUTE_MS };
    int64_t ms = off_ms < 0 ? -off_ms : off_ms;
    char span[64];

    if (ms <= CALL_CLOCK_OFF_MS)
        return;
    if (ms < 2 * HOUR_MS)
        (void)snprintf(span, sizeof span, _("%" PRId64 " minutes"), ms / MINUTE_MS);
    else if (ms < 2 * DAY_MS)
        (void)snprintf(span, sizeof span, _("%" PRId64 " hours"), ms / HOUR_MS);
    else
        (void)snprintf(span, sizeof span, _("%" PRId64 " days"), ms / DAY_MS);
    out_notice(&call->out, "clock",
               off_ms < 0 ? _("The clock of this device is %s behind: please set it.")
                          : _("The clock of this device is %s ahead: please set it."),
               span);
}

void
call_close(struct call *call)
{
    transport_http_close(call->http);
    close_store(call);
    secret_wipe(&call->passphrase);
}
