/* A team as this process knows it. Several processes may share a depot, so whoever enters compares. */
#include "server/team.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "server/depot.h"
#include "server/lies.h"
#include "server/server.h"
#include "sync/ledger.h"

static enum rc
append_line(void *context, uint64_t position, const uint8_t *line, size_t len, bool *stop)
{
    struct ledger *ledger = context;

    (void)stop;
    (void)position;
    enum rc rc = lies_forgive(ledger_append(ledger, line, len));
    return rc == RC_OK || rc == RC_NOMEM ? rc : rc_while(RC_CORRUPT, _("a stored ledger line"));
}

enum rc
team_catch_up(struct team *team, struct depot *depot)
{
    enum rc rc = RC_OK;

    if (team->ledger == NULL)
        rc = ledger_new(&team->ledger);
    if (rc == RC_OK)
        rc = depot_list_lines(depot, team->key, ledger_position(team->ledger) + 1, append_line,
                              team->ledger);
    if (rc == RC_NOMEM) /* a ledger that memory failed is of no use */
        team_drop_ledger(team);
    return rc;
}

void
team_drop_ledger(struct team *team)
{
    ledger_free(team->ledger);
    team->ledger = NULL;
}

/* The one object of this team, made when it is the first time that it is asked for. */
static enum rc
find_or_add(struct server *server, const uint8_t *id, int64_t key, struct team **out)
{
    struct team *team;

    pthread_mutex_lock(&server->mutex);
    for (team = server->teams; team != NULL; team = team->next)
        if (memcmp(team->id, id, sizeof team->id) == 0)
            break;
    if (team == NULL && (team = calloc(1, sizeof *team)) != NULL) {
        memcpy(team->id, id, sizeof team->id);
        team->key = key;
        pthread_rwlock_init(&team->lock, NULL);
        team->next = server->teams;
        server->teams = team;
    }
    pthread_mutex_unlock(&server->mutex);
    *out = team;
    return team != NULL ? RC_OK : rc_nomem();
}

static bool
is_behind(const struct team *team, uint64_t position)
{
    return team->ledger == NULL || ledger_position(team->ledger) < position;
}

enum rc
team_enter(struct server *server, struct depot *depot, const uint8_t id[CRYPTO_HASH_BYTES],
           enum team_access access, struct team **out)
{
    struct depot_team row;
    struct team *team;
    enum rc rc;

    *out = NULL;
    rc = depot_find_team(depot, id, &row);
    if (rc == RC_OK)
        rc = find_or_add(server, id, row.key, &team);
    if (rc != RC_OK)
        return rc;
    if (access == TEAM_READ) {
        pthread_rwlock_rdlock(&team->lock);
        if (!is_behind(team, row.ledger)) {
            *out = team;
            return RC_OK;
        }
        pthread_rwlock_unlock(&team->lock);
    }
    pthread_rwlock_wrlock(&team->lock);
    if (is_behind(team, row.ledger))
        rc = team_catch_up(team, depot);
    if (rc != RC_OK) {
        pthread_rwlock_unlock(&team->lock);
        return rc;
    }
    /* A reader keeps the writing lock this once: between two locks the ledger could be lost again. */
    *out = team;
    return RC_OK;
}

void
team_leave(struct team *team)
{
    if (team != NULL)
        pthread_rwlock_unlock(&team->lock);
}

void
team_free_all(struct server *server)
{
    struct team *team = server->teams;

    while (team != NULL) {
        struct team *next = team->next;
        ledger_free(team->ledger);
        pthread_rwlock_destroy(&team->lock);
        free(team);
        team = next;
    }
    server->teams = NULL;
}
