/* Fuzz entry of server/route: bodies and queries against a real server with one team. The first byte picks
 * the route, the second how long the query is; the rest is the body. Requests of members are rightly
 * signed, so that the bytes reach the decoders behind the signature. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"
#include "sync/httpsig.h"
#include "tests/support/hosted.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { QUERY_CHARS = 96 };

static const struct target {
    const char *method;
    const char *route; /* below the team, or whole when it begins with /v1 */
    bool is_signed;
} targets[] = {
    {"POST", "/v1/teams", false}, {"GET", "/v1/hello", false}, {"POST", "/joins", false},
    {"POST", "/ledger", true},    {"POST", "/entries", true},  {"POST", "/acks", true},
    {"GET", "/entries", true},    {"GET", "/boxes", true},     {"GET", "/ledger", true},
    {"GET", "/acks", true},       {"GET", "/heads", true},   {"POST", "/handback", false},
    {"GET", "/lacking", true},    {"POST", "/boxes", true},  {"GET", "/joins", true},
};
enum { TARGETS = sizeof targets / sizeof targets[0] };

static struct hosted hosted;

static void
stop(void)
{
    hosted_stop(&hosted);
}

/* One server for the whole run: a request that stores something is part of what is tried. */
static void
start(void)
{
    if (hosted.server != NULL)
        return;
    if (secret_start() != RC_OK)
        abort();
    hosted_start(&hosted);
    hosted_make_team(&hosted);
    (void)hosted_family(&hosted, &hosted.first);
    (void)atexit(stop);
}

/* The query of a request is ASCII without blanks: what a signature base can hold. */
static size_t
read_query(const uint8_t *data, size_t len, char query[QUERY_CHARS + 1])
{
    size_t chars = len > 1 ? data[1] % QUERY_CHARS : 0;

    if (chars + 2 > len)
        chars = 0;
    for (size_t i = 0; i < chars; i++)
        query[i] = (char)(data[2 + i] % 94 + 33);
    query[chars] = '\0';
    return chars;
}

/* The server's own word on whatever lines stand there, so that they are looked at too. */
static void
sign_word(struct buf *body)
{
    struct wire_ledger_answer page = WIRE_LEDGER_ANSWER_EMPTY;
    struct buf again = BUF_EMPTY((size_t)9 << 20);

    if (wire_ledger_answer_decode(body->data, body->len, &page) == RC_OK && page.lines.count > 0) {
        const struct wire_bytes *last = &page.lines.items[page.lines.count - 1];
        memcpy(page.statement.team, hosted.team, sizeof page.statement.team);
        ledger_line_hash(last->data, last->len, page.statement.line_hash);
        if (wire_statement_sign(&page.statement, &hosted.server->secret_key) != RC_OK ||
            wire_ledger_answer_encode(&page, &again) != RC_OK)
            abort();
        buf_clear(body);
        if (buf_put(body, again.data, again.len) != RC_OK)
            abort();
    }
    wire_ledger_answer_wipe(&page);
    buf_wipe(&again);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct buf body = BUF_EMPTY((size_t)9 << 20);
    char path[128], query[QUERY_CHARS + 1];
    struct reply reply;

    start();
    if (len < 2)
        return 0;
    const struct target *target = &targets[data[0] % TARGETS];
    size_t used = 2 + read_query(data, len, query);
    if (strcmp(target->method, "POST") == 0 && buf_put(&body, data + used, len - used) != RC_OK)
        abort();
    if (strcmp(target->route, "/handback") == 0)
        sign_word(&body);
    (void)snprintf(path, sizeof path, "%s%s",
                   strncmp(target->route, "/v1", 3) == 0 ? "" : hosted.path, target->route);
    hosted.now_ms += 1000; /* the limits let it pass */
    hosted_ask(&hosted, target->is_signed ? &hosted.first : NULL, target->method, path, query,
               body.len > 0 ? &body : NULL, &reply);
    if (reply.status != ROUTE_WAITS && (reply.status < 200 || reply.status > 599))
        abort();
    reply_wipe(&reply);
    buf_wipe(&body);
    return 0;
}
