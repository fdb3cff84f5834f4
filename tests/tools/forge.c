/* Hands the server a well-signed operation that breaks one rule: a coach makes the own person administrator, or
 * grants a file's key to a device that has no right to it. */
#include <stdio.h>
#include <string.h>

#include "core/secret.h"
#include "sync/request.h"
#include "tests/support/opened.h"

static void
make_role(struct replica *replica, struct ledger_op *op, struct wire_boxes *boxes)
{
    const struct ledger_device *self = ledger_device(replica->ledger, replica->identity.device);
    const struct ledger_person *person = ledger_person(replica->ledger, self->person);

    (void)boxes;
    op->kind = LEDGER_ROLE;
    op->as.role = (struct ledger_role_change){person->id, person->roles, LEDGER_ROLES_ALL};
}

/* The first device, in the ledger's order, that may not hold the stream. */
static const struct ledger_device *
without_right(struct replica *replica, struct id stream, uint64_t now_ms)
{
    const struct ledger_device *device;

    for (size_t i = 0; (device = ledger_device_at(replica->ledger, i)) != NULL; i++)
        if (ledger_device_is_active(replica->ledger, device->id) &&
            !ledger_may_hold(replica->ledger, device->id, stream, now_ms))
            return device;
    return NULL;
}

/* The box holds noise: the ledger binds its hash and cannot look inside. */
static void
make_grant(struct replica *replica, struct ledger_op *op, struct wire_boxes *boxes)
{
    uint64_t now_ms = (uint64_t)clock_wall_ms(replica->clock);
    const struct ledger_device *device = NULL;
    const struct ledger_stream *stream;
    struct ledger_part *part;

    op->kind = LEDGER_GRANT;
    for (size_t i = 0; (stream = ledger_stream_at(replica->ledger, i)) != NULL; i++)
        if (stream->kind == STREAM_FILE &&
            ledger_may_hold(replica->ledger, replica->identity.device, stream->id, now_ms) &&
            (device = without_right(replica, stream->id, now_ms)) != NULL)
            break;
    opened_demand(device != NULL ? RC_OK : RC_ABSENT, "a device without the right");
    struct wire_box box = {.stream = stream->id,
                           .epoch = stream->epoch,
                           .recipient = device->id,
                           .len = WIRE_BOX_BYTES};
    random_fill(box.bytes, box.len);
    opened_demand(wire_boxes_add(boxes, &box), "the box");
    opened_demand(ledger_op_add_part(op, stream->id, stream->epoch, &part), "the part");
    opened_demand(ledger_part_add_recipient(part, device->id), "the recipient");
}

int
main(int argc, char **argv)
{
    struct opened opened;
    struct ledger_op forged = LEDGER_OP_EMPTY;
    struct buf op = BUF_EMPTY(WIRE_OPERATION_BYTES), body = BUF_EMPTY(WIRE_REQUEST_BYTES);
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct request_call call = {.method = "POST", .body = &body};

    if (argc != 5 || (strcmp(argv[1], "role") != 0 && strcmp(argv[1], "grant") != 0)) {
        fputs("usage: forge role|grant DIR PASSPHRASE-FILE ADDRESS    DIR is a copy of a store\n", stderr);
        return 2;
    }
    opened_demand(secret_start(), "guarded memory");
    opened_key(&opened, argv[2], argv[3]);
    opened_db(&opened);
    opened_server(&opened, argv[4]);
    struct replica *replica = &opened.replica;
    (strcmp(argv[1], "role") == 0 ? make_role : make_grant)(replica, &forged, &submission.boxes);
    forged.created_ms = (uint64_t)clock_wall_ms(&opened.clock);
    ledger_address(replica->ledger, &forged);
    opened_demand(ledger_op_sign(&forged, &replica->identity, &submission.boxes, &op), "signing");
    submission.operation = (struct wire_bytes){op.data, op.len};
    opened_demand(wire_submission_encode(&submission, false, &body), "the request");
    opened_demand(request_target(replica, &call, "/ledger"), "the address");
    enum rc rc = request_send(replica, &opened.transport, &call, &answer, NULL);
    if (rc != RC_OK)
        fprintf(stderr, "refused: %s\n", rc_sentence());
    wire_submission_wipe(&submission);
    ledger_op_wipe(&forged);
    buf_wipe(&op);
    buf_wipe(&body);
    buf_wipe(&answer);
    opened_close(&opened);
    return rc == RC_OK ? 0 : 1;
}
