/* Opens what a command needs, in this order: directory, key, store, replica, team, server. */
#include "cli/command.h"

#include "cli/unlock.h"
#include "core/i18n.h"
#include "core/store.h"
#include "sync/transport_http.h"

#include <stdlib.h>
#include <string.h>

enum { PATH_CEILING_BYTES = 4096 };

enum rc
call_directory(const struct call *call, struct buf *path)
{
    const char *chosen = options_get(&call->options, OPT_STORE);
    const char *data = getenv("XDG_DATA_HOME");
    const char *home = getenv("HOME");

    if (chosen == NULL)
        chosen = getenv("BAKEN_HOME");
    if (chosen != NULL && chosen[0] != '\0')
        return buf_put(path, chosen, strlen(chosen));
    /* The XDG rules: a relative path is as good as none. */
    if (data != NULL && data[0] == '/')
        return buf_printf(path, "%s/baken", data);
    if (home == NULL || home[0] == '\0')
        return rc_fail(RC_INVALID, _("there is no home directory: give --store"));
    return buf_printf(path, "%s/.local/share/baken", home);
}

static enum rc
open_replica(struct call *call)
{
    enum rc rc = replica_open(call->store, &call->replica);

    if (rc == RC_OK)
        call->journal = replica_journal(call->replica);
    return rc;
}

static enum rc
open_store(struct call *call, const char *directory)
{
    struct secret key = SECRET_EMPTY;
    struct store_options options = {.directory = directory, .clock = call->clock, .key = &key};
    struct id id;
    enum rc rc = unlock_key(&call->options, directory, &id, &key);

    if (rc == RC_OK)
        rc = store_open(&options, &call->store);
    secret_wipe(&key);
    return rc;
}

/* Whether there is a store in the directory at all. */
static enum rc
find_store(const char *directory, bool *is_there)
{
    struct store_slots slots;
    enum rc rc = store_key_read(directory, &slots);

    *is_there = rc == RC_OK;
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
call_open(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    bool is_there = false;
    enum rc rc = call_directory(call, &path);
    const char *directory = rc == RC_OK ? buf_text(&path) : NULL;

    if (rc == RC_OK && directory == NULL)
        rc = rc_fail(RC_NOMEM, _("memory ran out"));
    if (rc == RC_OK)
        rc = find_store(directory, &is_there);
    if (rc == RC_OK && !is_there) {
        call->exit = EXIT_NO_STORE;
        rc = rc_fail(RC_ABSENT, _("there is no store in %s"), directory);
    }
    if (rc == RC_OK)
        rc = open_store(call, directory);
    if (rc == RC_OK)
        rc = open_replica(call);
    buf_wipe(&path);
    return rc;
}

enum rc
call_open_team(struct call *call)
{
    enum rc rc = call_open(call);

    if (rc == RC_OK && !replica_in_team(call->replica))
        return rc_fail(RC_DENIED,
                       _("this device is not let in by its team yet; `baken sync` looks again"));
    return rc;
}

static enum rc
make_store(struct call *call, const char *directory)
{
    struct secret passphrase = SECRET_EMPTY;
    struct store_options options = {.directory = directory, .clock = call->clock};
    struct store_key_cost cost = unlock_cost();
    enum rc rc = unlock_passphrase(&call->options, true, &passphrase);

    if (rc == RC_OK)
        rc = store_create(&options, &passphrase, &cost, &call->store);
    secret_wipe(&passphrase);
    return rc;
}

enum rc
call_open_or_make(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    bool is_there = false;
    enum rc rc = call_directory(call, &path);
    const char *directory = rc == RC_OK ? buf_text(&path) : NULL;

    if (rc == RC_OK && directory == NULL)
        rc = rc_fail(RC_NOMEM, _("memory ran out"));
    if (rc == RC_OK)
        rc = find_store(directory, &is_there);
    if (rc == RC_OK)
        rc = is_there ? open_store(call, directory) : make_store(call, directory);
    if (rc == RC_OK)
        rc = open_replica(call);
    buf_wipe(&path);
    return rc;
}

enum rc
call_connect(struct call *call, const char *address)
{
    const char *ca_file = getenv("BAKEN_CA_FILE");
    struct buf known = BUF_EMPTY(PATH_CEILING_BYTES);
    enum rc rc = RC_OK;

    if (address == NULL) {
        rc = replica_server_address(call->replica, &known);
        address = rc == RC_OK ? buf_text(&known) : NULL;
        if (rc == RC_OK && address == NULL)
            rc = rc_fail(RC_NOMEM, _("memory ran out"));
    }
    if (rc == RC_OK)
        rc = transport_http_open(address, &call->http);
    if (rc == RC_OK && ca_file != NULL && ca_file[0] != '\0')
        rc = transport_http_trust(call->http, ca_file);
    if (rc == RC_OK)
        call->transport = transport_http_transport(call->http);
    buf_wipe(&known);
    return rc;
}

void
call_close(struct call *call)
{
    transport_http_close(call->http);
    if (call->replica != NULL)
        replica_close(call->replica);
    store_close(call->store);
    secret_wipe(&call->passphrase);
}
