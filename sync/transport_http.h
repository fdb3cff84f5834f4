/* Requests over HTTP: the one home of curl. https; plain http only to this machine, or by a Unix socket. */
#ifndef SYNC_TRANSPORT_HTTP_H
#define SYNC_TRANSPORT_HTTP_H

#include "sync/transport.h"

struct transport_http;

/*
 * `address` is https://HOST[:PORT], http:// to 127.0.0.1, [::1] or localhost, or unix:PATH. No redirects, no cookies, no proxies, no
 * credentials in the address. A request that moves less than 1,000 bytes a second for 60 s is given up, and each after 10 minutes, beside what it
 * may wait. The connection is kept between requests; one thread at a time.
 *
 * fails  RC_INVALID for another address; RC_NOMEM
 */
enum rc transport_http_open(const char *address, struct transport_http **http) MUST_CHECK;
/* Trusts the certificates of this PEM file instead of the machine's list. RC_INVALID for a path that is too long. */
enum rc transport_http_trust(struct transport_http *http, const char *ca_file) MUST_CHECK;
void transport_http_close(struct transport_http *http); /* accepts NULL */
/* What sends over it; valid until it is closed. */
struct transport transport_http_transport(struct transport_http *http);

#endif
