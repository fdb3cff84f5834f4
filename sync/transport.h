/* One request, one reply, as a struct of functions: curl, or the simulator's network. */
#ifndef SYNC_TRANSPORT_H
#define SYNC_TRANSPORT_H

#include "core/buf.h"
#include "core/rc.h"

#include <stddef.h>
#include <stdint.h>

/* Everything lent for the call. Header fields that are NULL are not sent. */
struct transport_request {
    const char *method; /* "GET", "POST" */
    const char *target; /* path and query, "/v1/hello?team=..." */
    const void *body;   /* NULL: no body */
    size_t body_len;
    const char *content_digest; /* header values in full, or NULL */
    const char *signature_input;
    const char *signature;
    int64_t wait_ms;      /* how long the answer may take beyond the usual: long poll */
    size_t ceiling_bytes; /* of the reply's body: more is refused, not read */
};

struct transport_reply {
    int status;
    char content_type[64];
    int64_t server_time_ms; /* header Baken-Time; 0 when absent */
    struct buf body;        /* the caller's to wipe */
};

struct transport {
    /* RC_OK when a whole reply arrived, whatever its status. RC_OFFLINE: not reached, cut off, timed out
     * (the request may or may not have had its effect). RC_UNTRUSTED: TLS refused. RC_TOO_LARGE. */
    enum rc (*send)(void *context, const struct transport_request *request,
                    struct transport_reply *reply);
    void *context;
};

#endif
