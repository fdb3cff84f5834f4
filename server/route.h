/* Requests in, replies out, without HTTP: the table of docs/PROTOCOL.md, section 8. */
#ifndef SERVER_ROUTE_H
#define SERVER_ROUTE_H

#include "core/buf.h"
#include "core/crypto.h"
#include "core/id.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct server;

/* What a long poll saw when it was told to wait; given back when the request is asked again, which is
 * then not authenticated once more. */
struct route_wait {
    uint8_t team[CRYPTO_HASH_BYTES];
    struct id device;      /* who asks */
    uint64_t position;     /* the ledger's at the first asking */
    int64_t until_mono_ms; /* by the server's clock; after it, the answer comes in any case */
};

/* One request as received; everything is lent. A header that was not sent is NULL. */
struct request {
    const char *method; /* "GET", "POST" */
    const char *path;   /* as received, without the query */
    const char *query;  /* as received, without the question mark; "" when there is none */
    const char *signature;
    const char *signature_input;
    const char *content_digest;
    const char *content_type;
    const char *peer; /* who asks, for limits on unsigned routes; "" when unknown */
    const uint8_t *body;
    size_t body_len;
    const struct route_wait *waited; /* NULL at the first asking */
};

enum {
    ROUTE_WAITS = 0, /* reply.status: nothing yet; ask again when something moved or `wait` is over */
    ROUTE_NO_TIME = -1,
};

struct reply {
    int status; /* of HTTP, or ROUTE_WAITS */
    const char *route;        /* its name, for the log; a literal */
    const char *error;        /* the code of an error, for the log; a literal, or NULL */
    const char *content_type; /* NULL with an empty body; a literal */
    const char *allow;        /* Allow of a 405, or NULL; a literal */
    int64_t baken_time_ms;    /* Baken-Time, or ROUTE_NO_TIME */
    int retry_after_s;        /* Retry-After, or 0 */
    struct route_wait wait;
    struct buf body;
};

#define REPLY_EMPTY ((struct reply){.baken_time_ms = ROUTE_NO_TIME, .body = BUF_EMPTY((size_t)16 << 20)})

/* Answers one request wholly: what it stored is flushed to disk when this returns. Never fails: what
 * goes wrong becomes an error reply. The reply is the caller's to wipe. With server->stopping set a
 * poll does not wait. */
void route_handle(struct server *server, const struct request *request, struct reply *reply);
void reply_wipe(struct reply *reply);

/* The most that a body of this request may have, judged before it is read; 0 when the route takes
 * none or does not exist. */
size_t route_body_ceiling(const char *method, const char *path);

#endif
