/* A team in one process. */
#include "tests/support/office.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/change_set.h"
#include "core/contact.h"
#include "server/route.h"
#include "sync/bundle.h"
#include "sync/joining.h"
#include "tests/support/stores.h"

static int64_t
server_wall(void *context)
{
    return ((struct office *)context)->now_ms;
}

static int64_t
server_mono(void *context)
{
    return ((struct office *)context)->now_ms - OFFICE_START_MS + 1000;
}

static void
no_sleep(void *context, int64_t ms)
{
    ((struct office *)context)->now_ms += ms;
}

static int64_t
device_wall(void *context)
{
    struct office_device *device = context;

    return device->office->now_ms + device->clock_off_ms;
}

static int64_t
device_mono(void *context)
{
    struct office_device *device = context;

    return device->booted_ms == 0 ? server_mono(device->office)
                                  : device->office->now_ms - device->booted_ms;
}

static void
device_sleep(void *context, int64_t ms)
{
    ((struct office_device *)context)->office->now_ms += ms;
}

/* ---- the network ------------------------------------------------------------------------------ */

static enum rc
answer(struct office_device *device, const struct transport_request *in,
       struct transport_reply *out)
{
    struct reply reply = REPLY_EMPTY;
    char path[512];

    snprintf(path, sizeof path, "%s", in->target);
    char *query = strchr(path, '?');
    if (query != NULL)
        *query++ = '\0';
    struct request request = {
        .method = in->method,
        .path = path,
        .query = query != NULL ? query : "",
        .signature = in->signature,
        .signature_input = in->signature_input,
        .content_digest = in->content_digest,
        .content_type = in->body != NULL ? "application/vnd.baken" : NULL,
        .peer = "test",
        .body = in->body,
        .body_len = in->body_len,
    };
    route_handle(device->office->server, &request, &reply);
    out->status = reply.status;
    out->server_time_ms = reply.baken_time_ms == ROUTE_NO_TIME ? 0 : reply.baken_time_ms;
    snprintf(out->content_type, sizeof out->content_type, "%s",
             reply.content_type != NULL ? reply.content_type : "");
    enum rc rc = reply.body.len > in->ceiling_bytes
                     ? RC_TOO_LARGE
                     : buf_put(&out->body, reply.body.data, reply.body.len);
    if (strstr(path, "/entries") != NULL && strcmp(in->method, "GET") == 0) {
        device->entry_bytes += reply.body.len;
        if (device->entry_bytes_most < reply.body.len)
            device->entry_bytes_most = reply.body.len;
    }
    reply_wipe(&reply);
    return rc;
}

/* Nothing that the server said. */
static enum rc
answer_page(int status, const char *page, struct transport_reply *out)
{
    out->status = status;
    snprintf(out->content_type, sizeof out->content_type, "text/html");
    return buf_put(&out->body, page, strlen(page));
}

static enum rc
send_request(void *context, const struct transport_request *in, struct transport_reply *out)
{
    struct office_device *device = context;
    unsigned number = ++device->requests;

    if (device->fault.is_page)
        return answer_page(200, "<html>Welcome to the guest network</html>", out);
    if (device->fault.is_away)
        return answer_page(503, "<html>Service unavailable</html>", out);
    if (number == device->fault.lose_request)
        return rc_fail(RC_OFFLINE, "the test's network lost the request");
    enum rc rc = answer(device, in, out);
    if (rc == RC_OK && number == device->fault.lose_answer) {
        buf_clear(&out->body);
        return rc_fail(RC_OFFLINE, "the test's network lost the answer");
    }
    if (rc == RC_OK && device->fault.flips_boxes && strstr(in->target, "/boxes") != NULL &&
        out->body.len > 64)
        out->body.data[out->body.len - 1] ^= 1;
    if (rc == RC_OK && number == device->fault.cut_answer) {
        device->fault.cut_answer += out->body.len == 0; /* nothing to cut: the next one then */
        out->body.len /= 2;
    }
    return rc;
}

/* ---- server and devices ------------------------------------------------------------------------ */

void
office_open(struct office *office)
{
    bool made;
    char directory[128];
    struct clock clock = {server_wall, server_mono, no_sleep, office};

    memset(office, 0, sizeof *office);
    office->now_ms = OFFICE_START_MS;
    scratch_make(&office->scratch);
    snprintf(directory, sizeof directory, "%s/server", office->scratch.directory);
    stores_demand(server_setup(directory, &made), "server_setup");
    stores_demand(server_open(directory, &clock, &office->server), "server_open");
}

/* Copies one directory of the office over another while no server runs. */
static void
swap_server(struct office *office, const char *from, const char *to)
{
    char command[512], directory[128];
    struct clock clock = {server_wall, server_mono, no_sleep, office};

    snprintf(directory, sizeof directory, "%s/server", office->scratch.directory);
    snprintf(command, sizeof command, "rm -rf '%s/%s' && cp -a '%s/%s' '%s/%s'", office->scratch.directory, to,
             office->scratch.directory, from, office->scratch.directory, to);
    server_close(office->server);
    stores_demand(system(command) == 0 ? RC_OK : RC_IO, command);
    office->now_ms += 60 * 1000;
    stores_demand(server_open(directory, &clock, &office->server), "server_open");
}

void
office_keep_server(struct office *office)
{
    swap_server(office, "server", "server.kept");
}

void
office_restore_server(struct office *office)
{
    swap_server(office, "server.kept", "server");
}

void
office_shut(struct office *office, int at)
{
    struct office_device *device = &office->devices[at];

    replica_close(device->replica);
    store_close(device->store);
    device->replica = NULL;
    device->store = NULL;
}

void
office_switch_off(struct office *office, int at)
{
    office_shut(office, at);
    office->devices[at].is_off = true;
}

void
office_close(struct office *office)
{
    for (int i = 0; i < OFFICE_DEVICES; i++) {
        office_shut(office, i);
        secret_wipe(&office->devices[i].key);
    }
    server_close(office->server);
    scratch_remove(&office->scratch);
}

int
office_tear_down(void **state)
{
    office_close(*state);
    return 0;
}

void
office_pass(struct office *office, int64_t ms)
{
    office->now_ms += ms;
}

static struct store_options
options_of(struct office_device *device)
{
    return (struct store_options){
        .directory = device->directory,
        .state_directory = device->state,
        .base_vfs = device->base_vfs,
        .token_disk = device->token_disk,
        .clock = {device_wall, device_mono, device_sleep, device},
        .key = &device->key,
    };
}

struct store_options
office_options(struct office *office, int at)
{
    return options_of(&office->devices[at]);
}

enum rc
office_start(struct office *office, int at)
{
    struct office_device *device = &office->devices[at];
    struct store_options options = options_of(device);

    if (device->is_off)
        device->booted_ms = office->now_ms;
    device->is_off = false;
    enum rc rc = store_open(&options, &device->store);
    return rc == RC_OK ? replica_open(device->store, &device->replica) : rc;
}

void
office_reopen(struct office *office, int at)
{
    office_shut(office, at);
    stores_demand(office_start(office, at), "office_reopen");
}

static struct office_device *
make_device(struct office *office, int at)
{
    struct office_device *device = &office->devices[at];

    device->office = office;
    device->transport = (struct transport){send_request, device};
    const char *base =
        scratch_path(&office->scratch, ""); /* a copy: the scratch lies in the same struct */
    snprintf(device->directory, sizeof device->directory, "%sdevice%d", base, at);
    snprintf(device->state, sizeof device->state, "%sstate%d", base, at);
    stores_demand(secret_random(&device->key, CRYPTO_KEY_BYTES), "key");
    struct store_options options = options_of(device);
    stores_demand(store_create(&options, NULL, &STORES_CHEAP, &device->store), "store_create");
    stores_demand(replica_open(device->store, &device->replica), "replica_open");
    return device;
}

void
office_make(struct office *office, int at)
{
    (void)make_device(office, at);
}

static void
know_self(struct office_device *device)
{
    struct author self = replica_self(device->replica);

    device->id = self.feed.device;
    device->person = self.person;
}

void
office_found(struct office *office, uint32_t roles)
{
    char code[SERVER_CODE_CHARS + 1];
    struct office_device *device = make_device(office, 0);

    stores_demand(server_new_code(office->server, code), "server_new_code");
    struct team_new team = {code, "http://127.0.0.1:1", "Anna", "laptop", roles};
    stores_demand(replica_create_team(device->replica, &device->transport, &team),
                  "replica_create_team");
    know_self(device);
}

static void
join(struct office *office, int at, struct id person, const char *name, uint32_t roles)
{
    struct office_device *first = &office->devices[0];
    struct office_device *device = make_device(office, at);
    struct buf invitation = BUF_EMPTY(JOINING_INVITATION_MAX_BYTES * 2);
    char digits[JOINING_DIGITS_CHARS + 1];
    struct id approved;

    stores_demand(replica_invite(first->replica, &first->transport, person, name, roles,
                                 3600 * 1000, &invitation),
                  "replica_invite");
    stores_demand(replica_join(device->replica, &device->transport, buf_text(&invitation), digits),
                  "replica_join");
    stores_demand(replica_approve(first->replica, &first->transport, digits, "laptop", &approved),
                  "replica_approve");
    buf_wipe(&invitation);
}

void
office_join_only(struct office *office, int at, const char *name, uint32_t roles)
{
    join(office, at, (struct id){{0}}, name, roles);
}

void
office_join(struct office *office, int at, const char *name, uint32_t roles)
{
    join(office, at, (struct id){{0}}, name, roles);
    office_sync(office, at);
    know_self(&office->devices[at]);
}

void
office_join_again(struct office *office, int at, struct id person)
{
    join(office, at, person, NULL, 0);
    office_sync(office, at);
    know_self(&office->devices[at]);
}

/* ---- work -------------------------------------------------------------------------------------- */

enum rc
office_try_sync(struct office *office, int at)
{
    struct office_device *device = &office->devices[at];

    device->requests = 0;
    return replica_sync(device->replica, &device->transport, NULL, &device->report);
}

void
office_sync(struct office *office, int at)
{
    stores_demand(office_try_sync(office, at), "replica_sync");
}

void
office_sync_all(struct office *office, int count, int rounds)
{
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < count; i++)
            office_sync(office, i);
}

struct id
office_family(struct office *office, int by, const char *code_name, int owner)
{
    struct office_device *device = &office->devices[by];
    struct id family;

    struct family_new wanted = {.owner = office->devices[owner].person,
                                .record.code_name = code_name};
    stores_demand(replica_create_family(device->replica, &device->transport, &wanted, &family),
                  "replica_create_family");
    return family;
}

struct id
office_pair(struct office *office, int owner)
{
    office_open(office);
    office_found(office, LEDGER_ROLE_COACH);
    office_join(office, 1, "Bram", LEDGER_ROLE_COACH);
    struct id family = office_family(office, 0, "vos", owner);
    office_sync_all(office, 2, 2);
    return family;
}

struct id
office_pair_and_one(struct office *office, int owner)
{
    struct id family = office_pair(office, owner);

    office_join(office, 2, "Caas", LEDGER_ROLE_COACH);
    office_sync(office, 1);
    return family;
}

struct id
office_shared(struct office *office, int owner)
{
    struct id family = office_pair(office, owner);

    office_assign(office, owner, family, 1 - owner, LEDGER_COACH);
    office_sync_all(office, 2, 2);
    return family;
}

void
office_assign(struct office *office, int by, struct id family, int to, enum ledger_function function)
{
    struct office_device *device = &office->devices[by];

    stores_demand(replica_assign(device->replica, &device->transport, family, office->devices[to].person, function),
                  "replica_assign");
}

void
office_pack(struct office *office, int from, int to, struct buf *bundle)
{
    struct bundle_report report;

    *bundle = BUF_EMPTY(BUNDLE_MAX_BYTES);
    stores_demand(replica_bundle_pack(office->devices[from].replica, office->devices[to].id, false, &report, bundle),
                  "replica_bundle_pack");
}

void
office_carry(struct office *office, int from, int to)
{
    struct buf bundle;
    struct office_device *device = &office->devices[to];

    office_pack(office, from, to, &bundle);
    stores_demand(replica_bundle_import(device->replica, bundle.data, bundle.len, &device->report), "replica_bundle_import");
    buf_wipe(&bundle);
}

static enum rc
save_visit(struct office *office, int at, struct id family, const char *note, struct id *id)
{
    struct office_device *device = &office->devices[at];
    struct change_set set = CHANGE_SET_EMPTY;
    struct contact contact = CONTACT_EMPTY;

    contact.facts.family = family;
    contact.date = 20260922;
    contact.kind = "visit";
    contact.note = note;
    enum rc rc = contact_put(replica_journal(device->replica), &set, device->person, &contact);
    *id = contact.facts.id;
    if (rc == RC_OK)
        rc = replica_save(device->replica, set.changes, set.count);
    change_set_wipe(&set);
    return rc;
}

enum rc
office_try_visit(struct office *office, int at, struct id family, const char *note)
{
    struct id id;

    return save_visit(office, at, family, note, &id);
}

struct id
office_visit(struct office *office, int at, struct id family, const char *note)
{
    struct id id;

    stores_demand(save_visit(office, at, family, note, &id), "office_visit");
    return id;
}
