/* Fuzz entry of sync/ledger: a line, an operation, a submission and an answer. */
#include "sync/ledger.h"

#include <stdlib.h>

#include "core/secret.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    struct wire_submission submission = WIRE_SUBMISSION_EMPTY;
    struct ledger_heads heads = LEDGER_HEADS_EMPTY;
    struct ledger_op op = LEDGER_OP_EMPTY;
    struct ledger *ledger;

    if (secret_start() != RC_OK || ledger_new(&ledger) != RC_OK)
        abort();
    if ((ledger_append(ledger, data, len) == RC_OK) != (ledger_position(ledger) == 1))
        abort();
    (void)(ledger_op_decode(data, len, &op) == RC_OK);
    (void)(wire_ledger_answer_decode(data, len, &answer) == RC_OK);
    (void)(wire_submission_decode(data, len, false, &submission) == RC_OK);
    (void)(wire_submission_decode(data, len, true, &submission) == RC_OK);
    (void)(ledger_heads_decode(data, len, &heads) == RC_OK);
    ledger_free(ledger);
    ledger_op_wipe(&op);
    ledger_heads_wipe(&heads);
    wire_ledger_answer_wipe(&answer);
    wire_submission_wipe(&submission);
    return 0;
}
