/* One request to the team's server. */
#include "sync/request.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/json.h"
#include "sync/httpsig.h"

#define MEDIA_TYPE "application/vnd.baken"

void
request_hex(const void *bytes, size_t len, char *text)
{
    static const char digits[] = "0123456789abcdef";
    const uint8_t *at = bytes;

    for (size_t i = 0; i < len; i++) {
        text[2 * i] = digits[at[i] >> 4];
        text[2 * i + 1] = digits[at[i] & 15];
    }
    text[2 * len] = '\0';
}

enum rc
request_target(const struct replica *replica, struct request_call *call, const char *format, ...)
{
    char team[2 * CRYPTO_HASH_BYTES + 1];
    va_list arguments;

    request_hex(replica->team, CRYPTO_HASH_BYTES, team);
    int front = snprintf(call->target, sizeof call->target, "/v1/teams/%s", team);
    if (front < 0 || (size_t)front >= sizeof call->target)
        return rc_fail(RC_TOO_LARGE, _("the address is too long"));
    va_start(arguments, format);
    int rest =
        vsnprintf(call->target + front, sizeof call->target - (size_t)front, format, arguments);
    va_end(arguments);
    if (rest < 0 || (size_t)front + (size_t)rest >= sizeof call->target)
        return rc_fail(RC_TOO_LARGE, _("the address is too long"));
    return RC_OK;
}

static enum rc
send_once(struct replica *replica, const struct transport *transport,
          const struct request_call *call, int64_t offset_ms, struct transport_reply *reply)
{
    char path[REQUEST_TARGET_CHARS];
    struct httpsig_headers headers;
    struct transport_request request = {
        .method = call->method,
        .target = call->target,
        .body = call->body != NULL ? call->body->data : NULL,
        .body_len = call->body != NULL ? call->body->len : 0,
        .wait_ms = call->wait_ms,
        .ceiling_bytes = WIRE_ANSWER_MAX_BYTES,
    };

    if (!call->is_unsigned) {
        snprintf(path, sizeof path, "%s", call->target);
        char *query = strchr(path, '?');
        if (query != NULL)
            *query++ = '\0';
        struct httpsig_request signing = {call->method, path, query, request.body,
                                          request.body_len};
        int64_t created_s = (clock_wall_ms(replica->clock) + offset_ms) / 1000;
        enum rc rc = httpsig_sign(&signing, replica->identity.device, &replica->identity.sign,
                                  created_s, &headers);
        if (rc != RC_OK)
            return rc;
        request.content_digest = headers.content_digest[0] != '\0' ? headers.content_digest : NULL;
        request.signature_input = headers.input;
        request.signature = headers.signature;
    }
    return transport->send(transport->context, &request, reply);
}

static bool
is_type(const struct transport_reply *reply, const char *type)
{
    size_t len = strlen(type);

    return strncmp(reply->content_type, type, len) == 0 &&
           (reply->content_type[len] == '\0' || reply->content_type[len] == ';' ||
            reply->content_type[len] == ' ');
}

static enum wire_error
read_error(const struct transport_reply *reply, bool *is_closed)
{
    struct json *root = NULL;
    const char *name;
    enum wire_error error = WIRE_ERROR_NONE;

    *is_closed = false;
    if (!is_type(reply, "application/json") ||
        json_parse(reply->body.data, reply->body.len, 4096, &root) != RC_OK)
        return WIRE_ERROR_NONE;
    if (json_need_text(root, "error", 64, &name) == RC_OK)
        error = wire_error_from_name(name);
    if (error == WIRE_ERROR_RULE && json_need_text(root, "why", 64, &name) == RC_OK)
        *is_closed = strcmp(name, "restored") == 0;
    json_free(root);
    return error;
}

static enum rc
error_code(enum wire_error error, int status)
{
    switch (error) {
    case WIRE_ERROR_STALE:
        return rc_fail(RC_STALE, _("the ledger moved on"));
    case WIRE_ERROR_DENIED:
        return rc_fail(RC_DENIED, _("the server refuses: no right to it"));
    case WIRE_ERROR_REVOKED:
        return rc_fail(RC_DENIED, _("this device was revoked"));
    case WIRE_ERROR_UNKNOWN_DEVICE:
        return rc_fail(RC_DENIED,
                       _("the server does not know this device: it is not approved yet"));
    case WIRE_ERROR_UNKNOWN_TEAM:
        return rc_fail(RC_ABSENT, _("the server does not know this team"));
    case WIRE_ERROR_EXISTS:
        return rc_fail(RC_EXISTS, _("the server has it already"));
    case WIRE_ERROR_RULE:
        return rc_fail(RC_INVALID, _("the server refuses it: a rule of the ledger does not hold"));
    case WIRE_ERROR_USED:
        return rc_fail(RC_INVALID, _("the code or invitation was used before"));
    case WIRE_ERROR_EXPIRED:
        return rc_fail(RC_INVALID, _("the code or invitation has expired"));
    case WIRE_ERROR_CLOCK:
        return rc_fail(RC_UNTRUSTED, _("the server keeps refusing this device's time"));
    case WIRE_ERROR_SLOW_DOWN:
    case WIRE_ERROR_STOPPING:
        return rc_fail(RC_OFFLINE, _("the server asks to come back later"));
    case WIRE_ERROR_FULL:
        return rc_fail(RC_OFFLINE, _("the server's disk is full: nothing more was sent"));
    case WIRE_ERROR_TOO_LARGE:
        return rc_fail(RC_TOO_LARGE, _("the server takes no request of that size"));
    case WIRE_ERROR_NONE: /* not bakend's own words: a proxy's, or a stranger's */
        if (status == 408 || status == 429)
            return rc_fail(RC_OFFLINE, _("the server asks to come back later"));
        if (status >= 500)
            return rc_fail(RC_OFFLINE, _("the server failed (status %d)"), status);
        return rc_fail(RC_UNTRUSTED, _("what answers there is not a Baken server (status %d)"),
                       status);
    default:
        return rc_fail(RC_UNTRUSTED, _("the server does not understand this program (%s)"),
                       wire_error_name(error));
    }
}

static enum rc
take(struct transport_reply *reply, struct buf *answer)
{
    if (reply->status == 204)
        return RC_OK;
    if (!is_type(reply, MEDIA_TYPE))
        return rc_fail(RC_UNTRUSTED, _("what answers there is not a Baken server, perhaps a page "
                                       "to sign in to the network"));
    return buf_put(answer, reply->body.data, reply->body.len);
}

enum rc
request_send(struct replica *replica, const struct transport *transport,
             const struct request_call *call, struct buf *answer, enum wire_error *error)
{
    struct transport_reply reply = {.body = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES)};
    enum wire_error found = WIRE_ERROR_NONE;
    int64_t offset_ms = replica->clock_offset_ms;
    bool is_closed;

    buf_clear(answer);
    enum rc rc = send_once(replica, transport, call, offset_ms, &reply);
    if (rc == RC_OK && reply.status == 401 && reply.server_time_ms > 0 &&
        read_error(&reply, &is_closed) == WIRE_ERROR_CLOCK) {
        /* For signing only: an error is not signed, so it does not move device time. */
        offset_ms = reply.server_time_ms - clock_wall_ms(replica->clock);
        buf_wipe(&reply.body);
        reply = (struct transport_reply){.body = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES)};
        rc = send_once(replica, transport, call, offset_ms, &reply);
    }
    if (rc == RC_OK && (reply.status == 200 || reply.status == 204)) {
        rc = take(&reply, answer);
    } else if (rc == RC_OK) {
        found = read_error(&reply, &is_closed);
        rc = is_closed ? rc_fail(RC_DENIED, _("the server was put back from a backup, and for a while nothing of the team can be changed; try it again tomorrow"))
                       : error_code(found, reply.status);
    }
    if (error != NULL)
        *error = found;
    buf_wipe(&reply.body);
    return rc;
}
