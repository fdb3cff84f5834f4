/* GET /v1/hello, and what operators ask: /healthz, /readyz, /metrics. */
#include "server/ask.h"

#include <string.h>

#include "core/version.h"
#include "server/lies.h"
#include "sync/entry.h"
#include "sync/ledger.h"

static enum rc
fill_team(struct ask *ask, struct wire_hello *hello)
{
    enum rc rc = team_enter(ask->server, ask->depot, ask->team_id, TEAM_READ, &ask->team);

    if (rc != RC_OK)
        return rc;
    hello->has_team = true;
    memcpy(hello->team, ask->team_id, sizeof hello->team);
    hello->position = lies_last_line(ledger_position(ask->team->ledger));
    memcpy(hello->line_hash, ledger_hash_at(ask->team->ledger, hello->position),
           sizeof hello->line_hash);
    hello->position = lies_greeting(hello->position);
    return RC_OK;
}

void
route_hello(struct ask *ask)
{
    struct server *server = ask->server;
    struct wire_hello hello = {.time_ms = ask->now_ms,
                               .entry_bytes = ENTRY_CIPHERTEXT_MAX_BYTES,
                               .body_bytes = WIRE_REQUEST_BYTES,
                               .version = BAKEN_VERSION};
    bool has_team, has_nonce;
    enum rc rc = RC_OK;

    if (!ask_hex(ask, "team", ask->team_id, sizeof ask->team_id, &has_team) ||
        !ask_hex(ask, "nonce", hello.nonce, sizeof hello.nonce, &has_nonce))
        return;
    if (!limit_take(server->limit, &server->rates, LIMIT_HELLO, ask->request->peer,
                    strlen(ask->request->peer), clock_mono_ms(&server->clock))) {
        ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "Too many questions; ask again soon.");
        return;
    }
    memcpy(hello.server_public, server->public_key, sizeof hello.server_public);
    if (has_team)
        rc = fill_team(ask, &hello);
    if (rc == RC_ABSENT) {
        ask_refuse(ask, WIRE_ERROR_UNKNOWN_TEAM, "This server has no such team.");
        return;
    }
    if (rc == RC_OK)
        rc = wire_hello_encode(&hello, &server->secret_key, &ask->reply->body);
    ask_answer(ask, rc);
}

static void
answer_text(struct ask *ask, enum rc rc)
{
    ask_answer(ask, rc);
    if (rc == RC_OK)
        ask->reply->content_type = "text/plain; charset=utf-8";
}

void
route_healthz(struct ask *ask)
{
    answer_text(ask, buf_put(&ask->reply->body, "ok\n", 3));
}

/* Ready means: the depot can be read. A team that cannot exist is looked for. */
void
route_readyz(struct ask *ask)
{
    struct depot_team team;
    enum rc rc = depot_find_team(ask->depot, ask->team_id, &team);

    if (rc == RC_ABSENT)
        rc = RC_OK;
    if (rc == RC_OK)
        rc = buf_put(&ask->reply->body, "ready\n", 6);
    answer_text(ask, rc);
}

void
route_metrics(struct ask *ask)
{
    struct server_counts *counts = &ask->server->counts;
    const struct {
        const char *name;
        const char *help;
        atomic_ullong *count;
    } rows[] = {
        {"requests", "Requests answered.", &counts->requests},
        {"refused", "Answers with a status of 400 and above.", &counts->refused},
        {"slowed", "Answers with status 429.", &counts->slowed},
        {"entries_stored", "Entries stored.", &counts->entries_stored},
        {"entries_refused", "Entries refused.", &counts->entries_refused},
        {"entries_sent", "Entries sent to devices.", &counts->entries_sent},
        {"ledger_lines", "Ledger lines ordered.", &counts->lines},
    };
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof rows / sizeof rows[0]; i++)
        rc = buf_printf(&ask->reply->body,
                        "# HELP baken_%s_total %s\n# TYPE baken_%s_total counter\n"
                        "baken_%s_total %llu\n",
                        rows[i].name, rows[i].help, rows[i].name, rows[i].name,
                        atomic_load(rows[i].count));
    answer_text(ask, rc);
    if (rc == RC_OK)
        ask->reply->content_type = "text/plain; version=0.0.4; charset=utf-8";
}
