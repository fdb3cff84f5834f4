/* The table of routes, and the way of a request to its row: limits, team, signature, handler. */
#include "server/route.h"

#include <string.h>

#include "server/ask.h"
#include "server/auth.h"
#include "sync/joining.h"
#include "sync/ledger.h"

enum access {
    ANYONE,      /* no team, no signature */
    ANYONE_TEAM, /* a team, no signature */
    MEMBER,      /* a team, and the signature of an active device of it */
    ONCE_MEMBER  /* the device may have been revoked since */
};

struct route {
    const char *method;
    const char *path; /* T stands for a team */
    size_t ceiling_bytes;
    enum access access;
    void (*handle)(struct ask *ask);
};

static const struct route routes[] = {
    {"GET", "/v1/hello", 0, ANYONE, route_hello},
    {"POST", "/v1/teams", WIRE_REQUEST_BYTES, ANYONE, route_make_team},
    {"POST", "/v1/teams/T/joins", JOINING_REQUEST_BYTES, ANYONE_TEAM, route_post_join},
    {"GET", "/v1/teams/T/joins", 0, MEMBER, route_get_joins},
    {"GET", "/v1/teams/T/ledger", 0, MEMBER, route_get_ledger},
    {"POST", "/v1/teams/T/ledger", WIRE_REQUEST_BYTES, MEMBER, route_post_ledger},
    {"POST", "/v1/teams/T/handback", WIRE_REQUEST_BYTES, ANYONE_TEAM, route_post_handback},
    {"GET", "/v1/teams/T/boxes", 0, MEMBER, route_get_boxes},
    {"POST", "/v1/teams/T/boxes", WIRE_REQUEST_BYTES, MEMBER, route_post_boxes},
    {"GET", "/v1/teams/T/lacking", 0, MEMBER, route_get_lacking},
    {"POST", "/v1/teams/T/entries", WIRE_REQUEST_BYTES, ONCE_MEMBER, route_post_entries},
    {"GET", "/v1/teams/T/entries", 0, MEMBER, route_get_entries},
    {"POST", "/v1/teams/T/acks", WIRE_REQUEST_BYTES, MEMBER, route_post_ack},
    {"GET", "/v1/teams/T/acks", 0, MEMBER, route_get_acks},
    {"GET", "/v1/teams/T/heads", 0, MEMBER, route_get_heads},
    {"GET", "/healthz", 0, ANYONE, route_healthz},
    {"GET", "/readyz", 0, ANYONE, route_readyz},
    {"GET", "/metrics", 0, ANYONE, route_metrics},
};
enum { ROUTE_COUNT = sizeof routes / sizeof routes[0] };

/* Compares a path with a pattern; the segment under the pattern's T is lent in *team. */
static bool
fits(const char *pattern, const char *path, const char **team, size_t *team_len)
{
    for (;;) {
        size_t want = strcspn(pattern + 1, "/"), have;
        if (*path != '/')
            return false;
        have = strcspn(path + 1, "/");
        if (want == 1 && pattern[1] == 'T') {
            *team = path + 1;
            *team_len = have;
        } else if (want != have || memcmp(pattern, path, want + 1) != 0) {
            return false;
        }
        pattern += want + 1;
        path += have + 1;
        if (*pattern == '\0' || *path == '\0')
            return *pattern == *path;
    }
}

/* The row of a request; otherwise NULL, and *allow names what the path does take, if it exists. */
static const struct route *
find_route(const char *method, const char *path, const char **allow, const char **team,
           size_t *team_len)
{
    bool get = false, post = false;

    *allow = NULL;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!fits(routes[i].path, path, team, team_len))
            continue;
        if (strcmp(routes[i].method, method) == 0)
            return &routes[i];
        get = get || routes[i].method[0] == 'G';
        post = post || routes[i].method[0] == 'P';
    }
    if (get || post)
        *allow = get && post ? "GET, POST" : get ? "GET" : "POST";
    return NULL;
}

size_t
route_body_ceiling(const char *method, const char *path)
{
    const char *allow, *team;
    size_t team_len;
    const struct route *route = find_route(method, path, &allow, &team, &team_len);

    return route != NULL ? route->ceiling_bytes : 0;
}

static const char *
sentence_of(enum wire_error error)
{
    switch (error) {
    case WIRE_ERROR_UNSIGNED:
        return "This request must be signed by a device of the team.";
    case WIRE_ERROR_CLOCK:
        return "The clock of the device differs from the server's by more than five minutes.";
    case WIRE_ERROR_UNKNOWN_DEVICE:
        return "The team's ledger does not know this device.";
    case WIRE_ERROR_REVOKED:
        return "This device, or the membership of its owner, has been ended.";
    default:
        return "The signature does not hold.";
    }
}

/* True when the request may go on as a member's. */
static bool
admit_member(struct ask *ask, enum access access)
{
    const struct route_wait *waited = ask->request->waited;
    enum wire_error error = WIRE_ERROR_NONE;

    if (waited != NULL) {
        ask->device = waited->device;
        if (!ledger_device_is_active(ask->team->ledger, ask->device))
            error = WIRE_ERROR_REVOKED;
    } else {
        enum rc rc =
            auth_check(ask->team->ledger, ask->request, ask->now_ms, &error, &ask->device);
        if (rc != RC_OK) {
            ask_fail(ask, rc);
            return false;
        }
    }
    ask->is_revoked = error == WIRE_ERROR_REVOKED;
    if (error != WIRE_ERROR_NONE && !(ask->is_revoked && access == ONCE_MEMBER)) {
        ask_refuse(ask, error, sentence_of(error));
        return false;
    }
    if (waited != NULL || limit_take(ask->server->limit, &ask->server->rates, LIMIT_DEVICE,
                                     ask->device.bytes, ID_BYTES, clock_mono_ms(&ask->server->clock)))
        return true;
    ask_refuse(ask, WIRE_ERROR_SLOW_DOWN, "This device asks too often.");
    return false;
}

static void
run_route(struct ask *ask, const struct route *route)
{
    enum rc rc = server_take_depot(ask->server, &ask->depot);

    if (rc == RC_OK && route->access != ANYONE)
        rc = team_enter(ask->server, ask->depot, ask->team_id, TEAM_READ, &ask->team);
    if (rc == RC_ABSENT)
        ask_refuse(ask, WIRE_ERROR_UNKNOWN_TEAM, "This server has no such team.");
    else if (rc != RC_OK)
        ask_fail(ask, rc);
    else if (route->access == ANYONE || route->access == ANYONE_TEAM ||
             admit_member(ask, route->access))
        route->handle(ask);
    team_leave(ask->team);
    server_give_depot(ask->server, ask->depot);
}

/* What can be said without looking at the depot. */
static bool
is_well_formed(struct ask *ask, const struct route *route, const char *team, size_t team_len)
{
    const struct request *request = ask->request;

    if (route->access != ANYONE &&
        !ask_parse_hex(team, team_len, ask->team_id, sizeof ask->team_id)) {
        ask_refuse(ask, WIRE_ERROR_UNKNOWN_TEAM, "This is not the name of a team.");
    } else if (request->body_len > route->ceiling_bytes) {
        ask_refuse(ask, WIRE_ERROR_TOO_LARGE, "The body is larger than this route takes.");
    } else if (route->ceiling_bytes > 0 &&
               (request->content_type == NULL ||
                strcmp(request->content_type, "application/vnd.baken") != 0)) {
        ask_refuse(ask, WIRE_ERROR_MEDIA_TYPE, "The body must be application/vnd.baken.");
    } else if (atomic_load(&ask->server->stopping) && request->waited == NULL) {
        ask_refuse(ask, WIRE_ERROR_STOPPING, "The server is stopping; ask again soon.");
    } else {
        return true;
    }
    return false;
}

void
route_handle(struct server *server, const struct request *request, struct reply *reply)
{
    struct ask ask = {.server = server, .request = request, .reply = reply};
    const char *team = NULL, *allow;
    size_t team_len = 0;

    ask.now_ms = server_now_ms(server);
    const struct route *route = find_route(request->method, request->path, &allow, &team, &team_len);
    if (route == NULL && allow != NULL) {
        reply->allow = allow;
        ask_refuse(&ask, WIRE_ERROR_METHOD, "This route does not take that method.");
    } else if (route == NULL) {
        ask_refuse(&ask, WIRE_ERROR_UNKNOWN_ROUTE, "There is no such route.");
    } else {
        reply->route = route->path;
        if (is_well_formed(&ask, route, team, team_len))
            run_route(&ask, route);
    }
    if (request->waited == NULL)
        atomic_fetch_add(&server->counts.requests, 1);
    if (reply->status >= 400)
        atomic_fetch_add(&server->counts.refused, 1);
    if (reply->status == 429)
        atomic_fetch_add(&server->counts.slowed, 1);
}

void
reply_wipe(struct reply *reply)
{
    buf_wipe(&reply->body);
    *reply = REPLY_EMPTY;
}
