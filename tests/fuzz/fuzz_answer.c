/* Fuzz entry of sync/session: a device with work to send and to fetch syncs with a real server, whose answers are altered on the
 * way as the input says and signed anew with the server's key. Whatever it is told, it ends, blames no disk, and keeps what
 * was saved; and the next sessions, in which nobody lies, bring all in order. */
#include "sync/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/seeded.c"
#include "tests/support/office.h"
#include "tests/support/power_vfs.h"
#include "tests/support/stores.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
    SEED = 20260303,
    SUBJECT = 1,
    ACTIONS_MOST = 8,
    REQUESTS_MOST = 200, /* of one session */
    STATEMENT_BYTES = 2 * CRYPTO_HASH_BYTES + 16,
    CEILING = 1 << 20,
};
#define OWN_NOTE "what only this device has"
#define OTHER_NOTE "what a colleague wrote"

/* What is done to one answer. */
enum act { ACT_STATUS, ACT_BYTE, ACT_NUMBER, ACT_DELETE, ACT_INSERT, ACT_CUT, ACT_ALL, ACTS };
struct action {
    uint8_t request; /* from 1 */
    enum act act;
    bool signs;
    uint16_t at;
    uint8_t count;
    const uint8_t *bytes; /* as many */
};

/* A file as it was when the session began. */
struct kept {
    char name[192];
    uint8_t *bytes;
    size_t len;
};

static struct office office;
static struct power_disk *disk;
static struct clock server_clock;
static struct transport honest;
static struct kept kept[4];
static uint8_t *token;
static size_t token_len;
static char token_path[256];
static int64_t began_ms;
static struct id file;
static char *expected;
static struct action actions[ACTIONS_MOST];
static size_t action_count;
static unsigned requests;

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "%s: %s\n", what, rc_sentence());
    abort();
}

/* ---- the server's answers, altered ---------------------------------------------------------------- */

static void
sign_tail(struct buf *body, const char *context, size_t signed_len)
{
    size_t end = body->len - CRYPTO_SIGNATURE_BYTES;

    if (body->len < signed_len + CRYPTO_SIGNATURE_BYTES)
        return;
    need(crypto_sign_message(&office.server->secret_key, context, body->data + end - signed_len,
                             signed_len, body->data + end) == RC_OK,
         "crypto_sign_message");
}

static void
sign_anew(const struct transport_request *request, struct buf *body)
{
    if (body->len <= CRYPTO_SIGNATURE_BYTES)
        return;
    if (strstr(request->target, "/hello") != NULL)
        sign_tail(body, "baken hello 1", body->len - CRYPTO_SIGNATURE_BYTES);
    else if (strstr(request->target, "/ledger") != NULL)
        sign_tail(body, "baken statement", STATEMENT_BYTES);
    else if (strstr(request->target, "/entries") != NULL && strcmp(request->method, "POST") == 0)
        sign_tail(body, "baken pushed 1", body->len - CRYPTO_SIGNATURE_BYTES);
}

static void
splice(struct buf *body, size_t at, size_t gone, const uint8_t *bytes, size_t count)
{
    struct buf made = BUF_EMPTY(body->ceiling_bytes);

    if (body->len > 0)
        need(buf_put(&made, body->data, at) == RC_OK, "buf_put");
    need(buf_put(&made, bytes, count) == RC_OK, "buf_put");
    if (body->len > at + gone)
        need(buf_put(&made, body->data + at + gone, body->len - at - gone) == RC_OK, "buf_put");
    buf_wipe(body);
    *body = made;
}

static void
alter(const struct action *action, struct transport_reply *reply)
{
    static const int STATUSES[] = {200, 204, 400, 401, 403, 404, 409, 410,
                                   413, 429, 500, 501, 503, 507, 302, 0};
    struct buf *body = &reply->body;
    size_t at = body->len > 0 ? action->at % body->len : 0;
    size_t behind = body->len - at, count = action->count;

    switch (action->act) {
    case ACT_STATUS:
        reply->status = STATUSES[action->at % 16];
        if (action->at / 16 % 2 == 1)
            (void)snprintf(reply->content_type, sizeof reply->content_type, "application/json");
        break;
    case ACT_BYTE:
    case ACT_NUMBER:
        if (count > 0 && behind > 0)
            memcpy(body->data + at, action->bytes, count < behind ? count : behind);
        break;
    case ACT_DELETE:
        splice(body, at, count < behind ? count : behind, NULL, 0);
        break;
    case ACT_INSERT:
        splice(body, at, 0, action->bytes, count);
        break;
    case ACT_CUT:
        body->len = at;
        break;
    default:
        buf_clear(body);
        need(buf_put(body, action->bytes, count) == RC_OK, "buf_put");
    }
}

static enum rc
send_altered(void *context, const struct transport_request *request, struct transport_reply *reply)
{
    enum rc rc = honest.send(honest.context, request, reply);

    (void)context;
    need(++requests <= REQUESTS_MOST, "a session ends");
    for (size_t i = 0; rc == RC_OK && i < action_count; i++) {
        if (actions[i].request != requests)
            continue;
        alter(&actions[i], reply);
        if (actions[i].signs)
            sign_anew(request, &reply->body);
        if (reply->body.len > request->ceiling_bytes)
            rc = rc_fail(RC_TOO_LARGE, "an answer is too long");
    }
    return rc;
}

/* Six bytes and `count` more each. */
static void
read_actions(const uint8_t *data, size_t len)
{
    struct reader reader = reader_of(data, len);

    action_count = 0;
    while (action_count < ACTIONS_MOST && reader_left(&reader) >= 6) {
        struct action *action = &actions[action_count++];
        uint8_t what;
        action->request = reader_u8(&reader) % 32;
        what = reader_u8(&reader);
        action->act = what % ACTS;
        action->signs = what < 192; /* mostly */
        action->at = (uint16_t)(reader_u8(&reader) << 8);
        action->at |= reader_u8(&reader);
        action->count = reader_u8(&reader);
        if (action->act == ACT_BYTE)
            action->count = 1;
        if (action->act == ACT_NUMBER)
            action->count = 8;
        if (action->count > reader_left(&reader))
            action->count = (uint8_t)reader_left(&reader);
        action->bytes = action->act == ACT_DELETE ? NULL : reader_bytes(&reader, action->count);
    }
}

/* ---- before and after ----------------------------------------------------------------------------- */

static void
keep(size_t at, const char *directory, const char *name)
{
    struct kept *one = &kept[at];

    (void)snprintf(one->name, sizeof one->name, "%s/%s", directory, name);
    const uint8_t *bytes = power_disk_file(disk, one->name, &one->len);
    if (bytes == NULL)
        one->len = 0;
    one->bytes = malloc(one->len + 1);
    need(one->bytes != NULL, "memory");
    if (one->len > 0)
        memcpy(one->bytes, bytes, one->len);
}

static const char *
server_directory(void)
{
    return scratch_path(&office.scratch, "server");
}

static void
stop(void)
{
    office_close(&office);
    power_disk_free(disk);
    for (size_t i = 0; i < 4; i++)
        free(kept[i].bytes);
    free(token);
    free(expected);
}

/* Puts device and server back to where they were when the first session was to begin. */
static void
begin(void)
{
    FILE *out;

    office_shut(&office, SUBJECT);
    server_close(office.server);
    for (size_t i = 0; i < 4; i++)
        power_disk_put(disk, kept[i].name, kept[i].bytes, kept[i].len);
    out = fopen(token_path, "wb");
    need(out != NULL && fwrite(token, 1, token_len, out) == token_len && fclose(out) == 0, "token");
    seeded_start(SEED);
    office.now_ms = began_ms;
    stores_demand(server_open(server_directory(), &server_clock, &office.server), "server_open");
    stores_demand(office_start(&office, SUBJECT), "office_start");
    office.devices[SUBJECT].transport = honest;
}

static enum rc
sync_once(void)
{
    requests = 0;
    return office_try_sync(&office, SUBJECT);
}

/* The reader has the file, a colleague wrote into it, another was revoked: so a rotation is owed too. */
static void
make_work(void)
{
    struct office_device *first = &office.devices[0];

    office_open(&office);
    office.devices[SUBJECT].base_vfs = power_disk_vfs(disk);
    office_found(&office, LEDGER_ROLE_COACH);
    office_join(&office, SUBJECT, "Bram", LEDGER_ROLE_COACH);
    struct id family = office_family(&office, 0, "vos", SUBJECT);
    for (int at = 2; at <= 3; at++) {
        office_join(&office, at, at == 2 ? "Carla" : "Fatma", LEDGER_ROLE_COACH);
        office_sync(&office, 0);
        stores_demand(replica_assign(first->replica, &first->transport, family,
                                     office.devices[at].person, LEDGER_COACH),
                      "replica_assign");
    }
    office_sync_all(&office, 4, 2);
    office_visit(&office, SUBJECT, family, "sent before");
    office_sync(&office, SUBJECT);
    office_visit(&office, 2, family, OTHER_NOTE);
    office_sync_all(&office, 4, 1);
    office_visit(&office, 2, family, "and more");
    office_sync(&office, 2);
    office_visit(&office, SUBJECT, family, OWN_NOTE);
    stores_demand(
        replica_revoke_device(first->replica, &first->transport, office.devices[3].id),
        "replica_revoke_device");
    file = ledger_family(replica_ledger(first->replica), family)->file;
}

static void
start(void)
{
    struct office_device *subject = &office.devices[SUBJECT];

    if (disk != NULL)
        return;
    seeded_start(SEED);
    stores_demand(secret_start(), "secret_start");
    disk = power_disk_new();
    power_disk_make_default(disk);
    make_work();
    (void)atexit(stop);
    office_token_path(&office, SUBJECT, token_path);
    honest = subject->transport;
    server_clock = office.server->clock;
    began_ms = office.now_ms;
    office_shut(&office, SUBJECT);
    server_close(office.server);
    keep(0, subject->directory, "store.db");
    keep(1, subject->directory, "store.db-wal");
    keep(2, server_directory(), "depot.db");
    keep(3, server_directory(), "depot.db-wal");
    token = scratch_read(token_path, &token_len);
    stores_demand(server_open(server_directory(), &server_clock, &office.server), "server_open");
    begin();
    stores_demand(sync_once(), "the honest session");
    expected = office_dump(&office, SUBJECT, file);
    need(office_dump_shows(expected, OWN_NOTE) && office_dump_shows(expected, OTHER_NOTE),
         "what is to be synced");
}

/* One honest session, or a second where the first learned only that something is missing. */
static void
must_mend(void)
{
    for (int i = 0; i < 3; i++) {
        enum rc rc = sync_once();
        need(rc == RC_OK, "an honest session");
        char *shown = office_dump(&office, SUBJECT, file);
        bool is_whole = strcmp(shown, expected) == 0;
        free(shown);
        if (is_whole)
            return;
    }
    need(false, "all is in order in the end");
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    start();
    begin();
    read_actions(data, len);
    office.devices[SUBJECT].transport = (struct transport){send_altered, NULL};
    enum rc rc = sync_once();
    need(rc != RC_CORRUPT && rc != RC_NOMEM && rc != RC_IO, "what the altered session blames");
    char *shown = office_dump(&office, SUBJECT, file);
    need(office_dump_shows(shown, OWN_NOTE), "what was saved is here");
    free(shown);
    office.devices[SUBJECT].transport = honest;
    must_mend();
    return 0;
}
