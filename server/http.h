/* HTTP for the routes: plain, on loopback or a Unix socket, behind a proxy that ends TLS. The only home
 * of microhttpd.h; what it lacks (guard, deadline) was measured and stands here. */
#ifndef SERVER_HTTP_H
#define SERVER_HTTP_H

#include "core/rc.h"

#include <stdint.h>

struct http;
struct server;

/* Zeros take the usual value. */
struct http_options {
    const char *listen;   /* "127.0.0.1:PORT", "[::1]:PORT" (port 0: any free one) or "unix:PATH" */
    unsigned connections; /* at a time; usually 4096 */
    int idle_s;           /* a connection that says nothing; usually 15 */
    int deadline_s;       /* a request in all, its answer included, waiting not counted; usually 30 */
};

/* Starts listening; answers come from threads of its own. RC_INVALID `listen` cannot be, or is not a
 * loopback address; RC_BUSY the address is taken; RC_IO. The server outlives it. */
enum rc http_start(struct server *server, const struct http_options *options,
                   struct http **http) MUST_CHECK;
uint16_t http_port(const struct http *http); /* as bound; 0 for a Unix socket */
/* Takes no more connections, answers who waits, lets requests that run finish (`grace_s` at most), and
 * frees it. Accepts NULL. */
void http_stop(struct http *http, int grace_s);

#endif
