/* Hands bytes to the decoder of their kind, and to what follows it without a key. */
#include "tests/support/wires.h"

#include <stdio.h>
#include <stdlib.h>

#include "sync/ack.h"
#include "sync/bundle.h"
#include "sync/entry.h"
#include "sync/pack.h"
#include "sync/wire_run.h"

enum { CEILING = 16 * 1024 * 1024 };

static void
need(bool holds, const char *what)
{
    if (holds)
        return;
    (void)fprintf(stderr, "tests/support/wires_decode: %s: %s\n", what, rc_sentence());
    abort();
}

/* Verifies the runs of a list as a device does. */
static void
verify_runs(const struct wires *wires, const struct wire_run_list *list)
{
    for (size_t i = 0; i < list->run_count; i++) {
        size_t count;
        const struct entry *entries = wire_run_at(list, i, &count);
        size_t author = id_equal(entries->device, wires->team.members[0].identity.device) ? 0 : 1;
        size_t held =
            entry_verify_run(entries, count, wires->team.members[author].identity.sign_public);
        need(held <= count, "no more hold than there are");
        for (size_t k = 0; k < count; k++)
            need(entry_body_fits(&entries[k]), "a rebuilt header fits its body");
    }
}

static enum rc
decode_runs(const struct wires *wires, enum wires_kind kind, const void *bytes, size_t len)
{
    struct wire_run_page page = WIRE_RUN_PAGE_EMPTY;
    struct wire_run_bundle content = WIRE_RUN_BUNDLE_EMPTY;
    enum rc rc;

    bool is_bundle = kind == WIRES_BUNDLE_CONTENT || kind == WIRES_BUNDLE_FULL || kind == WIRES_BUNDLE_CARRIED;
    if (is_bundle)
        rc = wire_run_bundle_decode(bytes, len, &content);
    else if (kind == WIRES_PAGE)
        rc = wire_run_page_decode(bytes, len, &page);
    else
        rc = wire_run_push_decode(bytes, len, &page.runs);
    if (rc == RC_OK)
        verify_runs(wires, is_bundle ? &content.runs : &page.runs);
    wire_run_bundle_wipe(&content);
    wire_run_page_wipe(&page);
    return rc;
}

static enum rc
decode_ledger(const struct wires *wires, enum wires_kind kind, const void *bytes, size_t len)
{
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger *ledger = NULL;
    enum rc rc;

    switch (kind) {
    case WIRES_LINE:
        rc = ledger_new(&ledger);
        if (rc == RC_OK)
            rc = ledger_append(ledger, bytes, len);
        break;
    case WIRES_OPERATION:
        rc = ledger_op_decode(bytes, len, &op);
        break;
    case WIRES_SUBMISSION:
    case WIRES_CREATION:
        rc = wire_submission_decode(bytes, len, kind == WIRES_CREATION, &submission);
        break;
    case WIRES_BOX_LIST:
        rc = wire_box_list_decode(bytes, len, &list);
        break;
    default: /* an answer, and the ledger that a device builds from it */
        rc = wire_ledger_answer_decode(bytes, len, &answer);
        if (rc == RC_OK && !wire_statement_verify(&answer.statement, wires->team.server_public))
            rc = RC_UNTRUSTED;
        if (rc == RC_OK)
            rc = ledger_new(&ledger);
        for (size_t i = 0; rc == RC_OK && i < answer.lines.count; i++)
            rc = ledger_append(ledger, answer.lines.items[i].data, answer.lines.items[i].len);
    }
    ledger_free(ledger);
    ledger_op_wipe(&op);
    wire_submission_wipe(&submission);
    wire_ledger_answer_wipe(&answer);
    wire_box_list_wipe(&list);
    return rc;
}

static enum rc
decode_small(const struct wires *wires, enum wires_kind kind, const void *bytes, size_t len)
{
    struct wire_push_answer answer = WIRE_PUSH_ANSWER_EMPTY;
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    struct wire_hello hello;
    struct joining_request request;
    struct entry entry;
    uint8_t request_hash[CRYPTO_HASH_BYTES];
    enum rc rc;

    switch (kind) {
    case WIRES_HEADS:
        rc = ledger_heads_decode(bytes, len, &heads);
        break;
    case WIRES_PUSH_ANSWER:
        crypto_hash_plain(wires->bytes[WIRES_PUSH].data, wires->bytes[WIRES_PUSH].len,
                          request_hash);
        rc = wire_push_answer_decode(bytes, len, wires->team.server_public, request_hash, &answer);
        break;
    case WIRES_HELLO:
        rc = wire_hello_decode(bytes, len, &hello);
        break;
    case WIRES_JOIN_REQUEST:
        rc = joining_request_decode(bytes, len, &request);
        if (rc == RC_OK && !joining_request_verify(&request))
            rc = RC_UNTRUSTED;
        break;
    case WIRES_INVITATION:
        rc = joining_invitation_decode(bytes, len, &invitation);
        break;
    default:
        rc = entry_header_decode(bytes, len, &entry);
    }
    wire_push_answer_wipe(&answer);
    joining_invitation_wipe(&invitation);
    ledger_heads_wipe(&heads);
    return rc;
}

static enum rc
decode_rest(const struct wires *wires, enum wires_kind kind, const void *bytes, size_t len)
{
    struct wire_blocks joins = WIRE_BLOCKS_EMPTY;
    struct wire_ack_list list = WIRE_ACK_LIST_EMPTY;
    struct ack ack = ACK_EMPTY;
    struct buf out = BUF_EMPTY(CEILING);
    const struct identity *author = &wires->team.members[0].identity;
    enum rc rc;

    switch (kind) {
    case WIRES_JOINS:
        rc = wire_joins_decode(bytes, len, &joins);
        break;
    case WIRES_ACK:
        rc = ack_decode(bytes, len, &ack);
        if (rc == RC_OK && !ack_verify(bytes, len, author->sign_public))
            rc = RC_UNTRUSTED;
        break;
    case WIRES_ACK_LIST:
        rc = wire_ack_list_decode(bytes, len, &list);
        break;
    case WIRES_BUNDLE:
        rc = bundle_open(bytes, len, &wires->reader, author->sign_public, &out);
        break;
    default:
        rc = pack_get(bytes, len, CHANGE_BODY_BYTES, &out);
    }
    wire_blocks_wipe(&joins);
    wire_ack_list_wipe(&list);
    ack_wipe(&ack);
    buf_wipe(&out);
    return rc;
}

enum rc
wires_decode(const struct wires *wires, enum wires_kind kind, const void *bytes, size_t len)
{
    switch (kind) {
    case WIRES_PUSH:
    case WIRES_PAGE:
    case WIRES_BUNDLE_CONTENT:
    case WIRES_BUNDLE_FULL:
    case WIRES_BUNDLE_CARRIED:
        return decode_runs(wires, kind, bytes, len);
    case WIRES_LINE:
    case WIRES_OPERATION:
    case WIRES_SUBMISSION:
    case WIRES_CREATION:
    case WIRES_BOX_LIST:
    case WIRES_LEDGER_ANSWER:
    case WIRES_HISTORY:
        return decode_ledger(wires, kind, bytes, len);
    case WIRES_HEADS:
    case WIRES_PUSH_ANSWER:
    case WIRES_HELLO:
    case WIRES_JOIN_REQUEST:
    case WIRES_INVITATION:
    case WIRES_ENTRY_HEADER:
        return decode_small(wires, kind, bytes, len);
    default:
        return decode_rest(wires, kind, bytes, len);
    }
}
