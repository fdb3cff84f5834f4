/* The socket that the server listens on: loopback or a Unix socket, nothing else. */
#ifndef SERVER_LISTEN_H
#define SERVER_LISTEN_H

#include "core/rc.h"

#include <stdint.h>

/*
 * Binds and listens, without blocking.
 *
 * where  "127.0.0.1:PORT", "[::1]:PORT" (port 0: any free one), or "unix:PATH" (made with mode 0660; a
 *        socket there that nobody listens on is replaced)
 * port   out: as bound; 0 for a Unix socket
 * fails  RC_INVALID no such form, or not loopback; RC_BUSY taken; RC_IO
 */
enum rc listen_open(const char *where, int *fd, uint16_t *port) MUST_CHECK;

#endif
