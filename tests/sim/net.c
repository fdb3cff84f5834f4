/* The network between devices and server: every request passes here, and some fare badly. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/route.h"
#include "tests/sim/adapter.h"
#include "tests/sim/claims.h"
#include "tests/sim/fork.h"
#include "tests/sim/opens.h"
#include "tests/sim/world.h"

static const char PORTAL[] =
    "<html><head><title>Welkom</title></head><body>Accepteer de voorwaarden"
    "</body></html>";

static char *
copy_text(const char *text)
{
    char *copy = text == NULL ? NULL : strdup(text);

    if (text != NULL && copy == NULL)
        abort();
    return copy;
}

static void
free_late(struct late_request *late)
{
    free(late->method);
    free(late->path);
    free(late->query);
    free(late->digest);
    free(late->input);
    free(late->signature);
    free(late->body);
    *late = (struct late_request){0};
}

static struct late_request
take_apart(const struct device *sender, const struct transport_request *request)
{
    struct late_request parts = {.is_there = true,
                                 .sender = sender->index,
                                 .method = copy_text(request->method),
                                 .path = copy_text(request->target),
                                 .digest = copy_text(request->content_digest),
                                 .input = copy_text(request->signature_input),
                                 .signature = copy_text(request->signature),
                                 .body_len = request->body_len};
    char *mark = strchr(parts.path, '?');

    parts.query = copy_text(mark == NULL ? "" : mark + 1);
    if (mark != NULL)
        *mark = '\0';
    if (request->body != NULL) {
        parts.body = malloc(request->body_len + 1);
        if (parts.body == NULL)
            abort();
        memcpy(parts.body, request->body, request->body_len);
    }
    return parts;
}

/* The server performs it; a long poll waits on virtual time. */
static void
perform(struct world *world, const struct late_request *parts, bool is_full,
        struct reply *reply)
{
    struct route_wait waited;
    struct request request = {.method = parts->method,
                              .path = parts->path,
                              .query = parts->query,
                              .signature = parts->signature,
                              .signature_input = parts->input,
                              .content_digest = parts->digest,
                              .content_type = parts->body == NULL ? NULL : "application/vnd.baken",
                              .peer = "simulator",
                              .body = parts->body,
                              .body_len = parts->body_len};

    *reply = REPLY_EMPTY;
    world->sender = &world->devices[parts->sender];
    struct server *forked = fork_server(world, world->sender, parts->path);
    struct server *server = forked == NULL ? world->server : forked;
    if (server == world->fork)
        power_disk_make_default(world->fork_disk);
    route_handle(server, &request, reply);
    while (reply->status == ROUTE_WAITS) {
        waited = reply->wait;
        world_pass(world, waited.until_mono_ms - world->now_ms + 1);
        request.waited = &waited;
        reply_wipe(reply);
        *reply = REPLY_EMPTY;
        route_handle(server, &request, reply);
    }
    if (server == world->fork)
        power_disk_make_default(world->server_disk);
    world->tally.requests++;
    world_trace(world, "  %s %s %s -> %d, %zu bytes", parts->method, strrchr(parts->path, '/'),
                parts->query, reply->status, reply->body.len);
    if (parts->body != NULL)
        world_trace_bytes(world, parts->body, parts->body_len);
    if (reply->body.len > 0)
        world_trace_bytes(world, reply->body.data, reply->body.len);
    if (power_disk_is_cut(world->server_disk)) {
        server_power_fails(world);
        reply->status = 0; /* nobody is left to say anything */
    } else if (reply->status >= 500 && !(is_full && reply->status == 507))
        world_fail(world, "the server answered %d: %.200s", reply->status,
                   buf_text(&reply->body) == NULL ? "" : buf_text(&reply->body));
    adapter_follow(world);
}

static enum rc
hand_over(struct transport_reply *out, int status, const char *type, const void *bytes, size_t len,
          size_t ceiling)
{
    buf_wipe(&out->body);
    out->body = BUF_EMPTY(ceiling);
    out->status = status;
    snprintf(out->content_type, sizeof out->content_type, "%s", type == NULL ? "" : type);
    out->server_time_ms = 0;
    return len == 0 ? RC_OK : buf_put(&out->body, bytes, len);
}

/* What becomes of a request on its way, as seen from the device. */
enum fate {
    FATE_WELL,
    FATE_LOST_BEFORE,
    FATE_LOST_AFTER,
    FATE_REPEATED,
    FATE_LATE,
    FATE_CUT,
    FATE_PORTAL,
    FATE_BUSY,
    FATE_SERVER_FULL,
    FATE_SERVER_DIES,
};

static const enum happened what_happened[FATE_SERVER_DIES] = {
    [FATE_LOST_BEFORE] = HAPPENED_LOST_BEFORE,
    [FATE_LOST_AFTER] = HAPPENED_LOST_AFTER,
    [FATE_REPEATED] = HAPPENED_REPEATED,
    [FATE_LATE] = HAPPENED_LATE,
    [FATE_CUT] = HAPPENED_CUT,
    [FATE_PORTAL] = HAPPENED_PORTAL,
    [FATE_BUSY] = HAPPENED_BUSY,
    [FATE_SERVER_FULL] = HAPPENED_SERVER_FULL,
};

static enum fate
throw_fate(struct world *world)
{
    const struct rates *rates = &world->rates;

    if (world->is_healing || world->is_calm)
        return FATE_WELL;
    if (world_falls(world, rates->lost_before))
        return FATE_LOST_BEFORE;
    if (world_falls(world, rates->lost_after))
        return FATE_LOST_AFTER;
    if (world_falls(world, rates->repeated))
        return FATE_REPEATED;
    if (world_falls(world, rates->late))
        return FATE_LATE;
    if (world_falls(world, rates->cut))
        return FATE_CUT;
    if (world_falls(world, rates->portal))
        return FATE_PORTAL;
    if (world_falls(world, rates->busy))
        return FATE_BUSY;
    if (world_falls(world, rates->full))
        return FATE_SERVER_FULL;
    if (world_falls(world, rates->server_crash))
        return FATE_SERVER_DIES;
    return FATE_WELL;
}

static void
put_off(struct world *world, struct late_request *parts)
{
    for (int i = 0; i < WORLD_LATE; i++)
        if (!world->late[i].is_there) {
            world->late[i] = *parts;
            *parts = (struct late_request){0};
            return;
        }
}

static enum rc
offline(void)
{
    return rc_fail(RC_OFFLINE, "the simulated network lost it");
}

static enum rc
carry(struct device *device, const struct transport_request *request, struct late_request *parts,
      struct transport_reply *out)
{
    struct world *world = device->world;
    struct reply reply;
    enum fate fate = throw_fate(world);

    if (fate != FATE_WELL) {
        if (fate != FATE_SERVER_DIES) /* counted when it does */
            world_happened(world, what_happened[fate]);
        world_trace(world, "  fate %d", (int)fate);
    }
    if (fate == FATE_LOST_BEFORE)
        return offline();
    if (fate == FATE_PORTAL)
        return hand_over(out, 200, "text/html", PORTAL, sizeof PORTAL - 1, request->ceiling_bytes);
    if (fate == FATE_BUSY)
        return hand_over(out, 503, "text/html", "busy", 4, request->ceiling_bytes);
    if (fate == FATE_LATE) {
        put_off(world, parts);
        return offline();
    }
    if (fate == FATE_SERVER_FULL)
        power_disk_limit(world->server_disk,
                         power_disk_longest(world->server_disk) + world_below(world, 20000));
    if (fate == FATE_SERVER_DIES)
        power_disk_cut_at_sync(world->server_disk, 1 + world_below(world, 2));
    perform(world, parts, fate == FATE_SERVER_FULL, &reply);
    power_disk_limit(world->server_disk, 0);
    if (fate == FATE_REPEATED && reply.status != 0) {
        reply_wipe(&reply);
        perform(world, parts, false, &reply);
    }
    if (fate == FATE_LOST_AFTER && strcmp(parts->method, "POST") == 0 &&
        strcmp(strrchr(parts->path, '/'), "/entries") == 0)
        world_happened(world, HAPPENED_LOST_PUSH);
    if (fate == FATE_LOST_AFTER || reply.status == 0) {
        reply_wipe(&reply);
        return offline();
    }
    if (world->fork == NULL && reply.status == 200 &&
        strcmp(strrchr(parts->path, '/'), "/boxes") == 0)
        opens_note_boxes(device, &reply.body);
    if (reply.status == 200)
        liar_change(device, parts->method, parts->path, &reply.body);
    size_t len = reply.body.len;
    if (fate == FATE_CUT && len > 0)
        len = world_below(world, (unsigned)len);
    enum rc rc = hand_over(out, reply.status, reply.content_type, reply.body.data, len,
                           request->ceiling_bytes);
    out->server_time_ms = reply.baken_time_ms == ROUTE_NO_TIME ? 0 : reply.baken_time_ms;
    reply_wipe(&reply);
    return rc;
}

/* Both ways of that route; a query may follow its name. */
static bool
is_cut_off(const struct device *device, const char *target)
{
    const char *at = device->cut_route == NULL || device->world->is_calm ? NULL : strstr(target, device->cut_route);

    return at != NULL && strchr("?", at[strlen(device->cut_route)]) != NULL;
}

static enum rc
send_request(void *context, const struct transport_request *request, struct transport_reply *out)
{
    struct device *device = context;
    struct world *world = device->world;

    if (device->writer != MODEL_NONE && !device_is_dead(device))
        adapter_follow_life(device); /* before the server shows what it stores */
    world_pass(world, 20 + world_below(world, 200));
    if (device->link_is_down || world->server == NULL || is_cut_off(device, request->target))
        return offline();
    /* Another device acts between two requests of this one. */
    if (!world->is_healing && !world->is_calm && world->depth < 2 && world_falls(world, world->rates.interleaved)) {
        struct device *other = world_any(world);
        if (!other->is_busy) {
            world_happened(world, HAPPENED_INTERLEAVED);
            act_sync(other);
        }
    }
    if (!world->is_healing && !world->is_calm && world_falls(world, 300))
        net_deliver_late(world, false);
    struct late_request parts = take_apart(device, request);
    bool is_push = world->fork == NULL && parts.body != NULL && strcmp(parts.method, "POST") == 0 &&
                   strcmp(strrchr(parts.path, '/'), "/entries") == 0;
    device->requests++;
    device->restores_heard += strcmp(strrchr(parts.path, '/'), "/lacking") == 0;
    if (is_push)
        claims_note_push(device, parts.body, parts.body_len);
    if (sabotage_request(device, parts.method, parts.path)) {
        free_late(&parts);
        return offline();
    }
    enum rc rc = carry(device, request, &parts, out);
    if (rc == RC_OK && is_push && out->status == 200)
        claims_note_answer(device, &parts, out);
    free_late(&parts);
    return rc;
}

void
net_connect(struct device *device)
{
    device->transport = (struct transport){send_request, device};
}

void
net_deliver_late(struct world *world, bool all)
{
    for (int i = 0; i < WORLD_LATE; i++) {
        struct late_request parts = world->late[i];
        struct reply reply;
        if (!parts.is_there || (!all && !world_falls(world, 500)))
            continue;
        world->late[i] = (struct late_request){0};
        world_trace(world, "  late:");
        perform(world, &parts, false, &reply);
        reply_wipe(&reply);
        free_late(&parts);
    }
}

void
net_forget_late(struct world *world)
{
    for (int i = 0; i < WORLD_LATE; i++)
        free_late(&world->late[i]);
}
