/* One lawful example of everything that travels, made by a team. For tests of the wire, golden files and corpora. */
#ifndef TESTS_SUPPORT_WIRES_H
#define TESTS_SUPPORT_WIRES_H

#include "core/buf.h"
#include "tests/support/team.h"

enum wires_kind {
    WIRES_LINE,
    WIRES_OPERATION,
    WIRES_SUBMISSION,
    WIRES_CREATION,
    WIRES_LEDGER_ANSWER,
    WIRES_BOX_LIST,
    WIRES_HEADS,
    WIRES_PUSH,
    WIRES_PUSH_ANSWER,
    WIRES_PAGE,
    WIRES_HELLO,
    WIRES_JOINS,
    WIRES_JOIN_REQUEST,
    WIRES_INVITATION,
    WIRES_ACK,
    WIRES_ACK_LIST,
    WIRES_BUNDLE,
    WIRES_BUNDLE_CONTENT,
    WIRES_ENTRY_HEADER,
    WIRES_PACKED,
    WIRES_HISTORY,
    WIRES_BUNDLE_FULL,
    WIRES_BUNDLE_CARRIED,
    WIRES_COUNT
};
const char *wires_name(enum wires_kind kind); /* "ledger_answer" */

struct wires {
    struct team team;
    struct identity reader; /* of the bundle */
    struct buf bytes[WIRES_COUNT];
    struct buf body;  /* what the last entry of push and page opens to */
    struct buf lines; /* the ledger of `history`: n blocks */
};

void wires_start(struct wires *wires);
void wires_end(struct wires *wires);
/* Hands bytes to the decoder of that kind, and to what follows it without a key. The decoder's code. */
enum rc wires_decode(const struct wires *wires, enum wires_kind kind, const void *bytes,
                     size_t len);

#endif
