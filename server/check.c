/* Reads a whole depot: structure, ledgers, entries. */
#include "server/check.h"

#include <string.h>

#include "core/i18n.h"
#include "server/depot.h"
#include "server/server.h"
#include "server/team.h"
#include "sync/entry.h"
#include "sync/ledger.h"

struct check {
    struct server *server;
    struct depot *depot;
    struct team *team;
    struct check_counts *counts;
};

static enum rc
check_entry(void *context, struct depot_entry *row, struct depot_body *body, bool *stop)
{
    struct check *check = context;
    struct entry entry;
    enum rc rc;

    (void)stop;
    memset(&entry, 0, sizeof entry);
    rc = entry_header_decode(row->header, ENTRY_HEADER_BYTES, &entry);
    if (rc == RC_OK)
        rc = depot_body(body, row);
    if (rc != RC_OK)
        return rc;
    entry.ciphertext = row->ciphertext;
    memcpy(entry.signature, row->signature, sizeof entry.signature);
    const struct ledger_device *device = ledger_device(check->team->ledger, entry.device);
    if (memcmp(entry.hash, row->header_hash, sizeof entry.hash) != 0 ||
        (row->ciphertext != NULL && row->ciphertext_len != entry.ciphertext_len) ||
        !entry_body_fits(&entry) || device == NULL || !entry_verify(&entry, device->sign_public))
        return rc_fail(RC_CORRUPT, _("the entry with arrival number %llu does not hold"),
                       (unsigned long long)row->arrival);
    check->counts->entries++;
    return RC_OK;
}

static enum rc
check_team(void *context, const uint8_t id[CRYPTO_HASH_BYTES], const struct depot_team *row,
           bool *stop)
{
    struct check *check = context;
    const struct depot_window all = {.upto = row->arrival};
    enum rc rc = team_enter(check->server, check->depot, id, TEAM_READ, &check->team);

    (void)stop;
    if (rc != RC_OK)
        return rc;
    check->counts->teams++;
    check->counts->lines += ledger_position(check->team->ledger);
    if (ledger_position(check->team->ledger) != row->ledger)
        rc = rc_fail(RC_CORRUPT, _("a ledger lacks its last lines"));
    if (rc == RC_OK)
        rc = depot_list_entries(check->depot, row->key, &all, check_entry, check);
    team_leave(check->team);
    return rc;
}

enum rc
check_depot(struct server *server, struct check_counts *counts)
{
    struct check check = {.server = server, .counts = counts};
    enum rc rc = server_take_depot(server, &check.depot);

    *counts = (struct check_counts){0};
    if (rc == RC_OK)
        rc = depot_check(check.depot);
    if (rc == RC_OK)
        rc = depot_list_teams(check.depot, check_team, &check);
    server_give_depot(server, check.depot);
    return rc;
}
