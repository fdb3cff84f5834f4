/* A text as the squares of a QR code (ISO/IEC 18004). The home of qrencode.h. */
#ifndef CLI_QR_H
#define CLI_QR_H

#include "core/buf.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Embedded value: QR_EMPTY, then qr_make, ended by qr_wipe. */
struct qr {
    size_t width;  /* squares on a side, without the quiet zone */
    uint8_t *dark; /* width * width, row by row: 1 dark, 0 light */
};

#define QR_EMPTY ((struct qr){0, NULL})

/* Level Q: a quarter of it may be unreadable. `text` ends in NUL. RC_TOO_LARGE, RC_NOMEM. */
enum rc qr_make(const char *text, struct qr *qr) MUST_CHECK;
void qr_wipe(struct qr *qr);
/* An <svg> with its quiet zone of four squares, one unit a square. */
enum rc qr_to_svg(const struct qr *qr, struct buf *svg) MUST_CHECK;
/* Lines of half blocks, each ended by a line feed, with a quiet zone of two; `has_colour`: black on white by
 * escape sequences, else for light letters on a dark screen. */
enum rc qr_to_blocks(const struct qr *qr, bool has_colour, struct buf *lines) MUST_CHECK;

#endif
