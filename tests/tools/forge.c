/* Hands the server a well-signed operation that breaks a rule: a coach's device makes its person administrator. */
#include <stdio.h>

#include "sync/request.h"
#include "tests/support/opened.h"

static void
sign(struct opened *opened, struct buf *op)
{
    struct replica *replica = &opened->replica;
    struct ledger_op forged = LEDGER_OP_EMPTY;
    struct wire_boxes none = WIRE_BOXES_EMPTY;
    const struct ledger_device *self = ledger_device(replica->ledger, replica->identity.device);
    const struct ledger_person *person = ledger_person(replica->ledger, self->person);

    forged.kind = LEDGER_ROLE;
    forged.created_ms = (uint64_t)clock_wall_ms(&opened->clock);
    forged.as.role = (struct ledger_role_change){person->id, person->roles, LEDGER_ROLES_ALL};
    ledger_address(replica->ledger, &forged);
    opened_demand(ledger_op_sign(&forged, &replica->identity, &none, op), "signing");
    wire_boxes_wipe(&none);
    ledger_op_wipe(&forged);
}

int
main(int argc, char **argv)
{
    struct opened opened;
    struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES), body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct request_call call = {.method = "POST", .body = &body};

    if (argc != 4) {
        fputs("usage: forge DIR PASSPHRASE-FILE ADDRESS    DIR is a copy of a store\n", stderr);
        return 2;
    }
    opened_demand(secret_start(), "guarded memory");
    opened_key(&opened, argv[1], argv[2]);
    opened_db(&opened);
    opened_server(&opened, argv[3]);
    sign(&opened, &op);
    submission.operation = (struct wire_bytes){op.data, op.len};
    opened_demand(wire_submission_encode(&submission, false, &body), "the request");
    opened_demand(request_target(&opened.replica, &call, "/ledger"), "the address");
    enum rc rc = request_send(&opened.replica, &opened.transport, &call, &answer, NULL);
    if (rc != RC_OK)
        fprintf(stderr, "refused: %s\n", rc_sentence());
    buf_wipe(&op);
    buf_wipe(&body);
    buf_wipe(&answer);
    opened_close(&opened);
    return rc == RC_OK ? 0 : 1;
}
