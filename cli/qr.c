/* A text as the squares of a QR code. */
#include "cli/qr.h"

#include <errno.h>
#include <qrencode.h>
#include <stdlib.h>

#include "core/i18n.h"
#include "core/secret.h"

enum { QUIET_SVG = 4, QUIET_BLOCKS = 2 };

enum rc
qr_make(const char *text, struct qr *qr)
{
    QRcode *code = QRcode_encodeString(text, 0, QR_ECLEVEL_Q, QR_MODE_8, 1);

    qr_wipe(qr);
    if (code == NULL)
        return errno == ENOMEM ? rc_nomem()
                               : rc_fail(RC_TOO_LARGE, _("the text does not fit into a QR code"));
    size_t width = (size_t)code->width;
    qr->dark = malloc(width * width);
    if (qr->dark != NULL) {
        qr->width = width;
        for (size_t i = 0; i < width * width; i++)
            qr->dark[i] = code->data[i] & 1;
    }
    wipe(code->data, width * width);
    QRcode_free(code);
    return qr->dark == NULL ? rc_nomem() : RC_OK;
}

void
qr_wipe(struct qr *qr)
{
    if (qr->dark != NULL)
        wipe(qr->dark, qr->width * qr->width);
    free(qr->dark);
    *qr = QR_EMPTY;
}

/* False beyond the edge. */
static bool
is_dark(const struct qr *qr, size_t x, size_t y)
{
    return x < qr->width && y < qr->width && qr->dark[y * qr->width + x] == 1;
}

enum rc
qr_to_svg(const struct qr *qr, struct buf *svg)
{
    size_t side = qr->width + 2 * QUIET_SVG;
    enum rc rc = buf_printf(svg,
                            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %zu %zu\" "
                            "shape-rendering=\"crispEdges\" role=\"img\" aria-label=\"QR\">"
                            "<rect width=\"%zu\" height=\"%zu\" fill=\"#fff\"/><path d=\"",
                            side, side, side, side);

    for (size_t y = 0; y < qr->width; y++)
        for (size_t x = 0; x < qr->width && rc == RC_OK; x++) {
            size_t run = 0;
            while (is_dark(qr, x + run, y))
                run++;
            if (run > 0)
                rc = buf_printf(svg, "M%zu %zuh%zuv1h-%zuz", x + QUIET_SVG, y + QUIET_SVG, run, run);
            x += run;
        }
    return rc == RC_OK ? buf_printf(svg, "\" fill=\"#000\"/></svg>") : rc;
}

enum rc
qr_to_blocks(const struct qr *qr, bool has_colour, struct buf *lines)
{
    static const char *const BLOCKS[] = {" ", "▀", "▄", "█"}; /* upper half 1, lower half 2 */
    size_t side = qr->width + 2 * QUIET_BLOCKS;
    enum rc rc = RC_OK;

    for (size_t y = 0; y < side && rc == RC_OK; y += 2) {
        if (has_colour)
            rc = buf_printf(lines, "\033[30;47m");
        for (size_t x = 0; x < side && rc == RC_OK; x++) {
            /* Beyond the edge, also before it (a size_t that wrapped), all is light. */
            bool upper = is_dark(qr, x - QUIET_BLOCKS, y - QUIET_BLOCKS);
            bool lower = is_dark(qr, x - QUIET_BLOCKS, y + 1 - QUIET_BLOCKS);
            bool is_last = y + 1 == side;
            if (!has_colour) { /* the screen is dark: what lights up are the light squares */
                upper = !upper;
                lower = !lower && !is_last;
            }
            rc = buf_printf(lines, "%s", BLOCKS[(upper ? 1 : 0) + (lower ? 2 : 0)]);
        }
        if (rc == RC_OK)
            rc = buf_printf(lines, "%s\n", has_colour ? "\033[0m" : "");
    }
    return rc;
}
