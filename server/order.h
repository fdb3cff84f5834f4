/* Giving an operation its line: rules, boxes and heads checked, everything in one transaction. */
#ifndef SERVER_ORDER_H
#define SERVER_ORDER_H

#include "core/rc.h"
#include "sync/ledger_op.h"
#include "sync/wire.h"

#include <stdint.h>

struct ask;
struct ledger;

/* A submission, taken apart. Embedded value: ORDER_EMPTY, ended by order_wipe. */
struct order {
    struct wire_submission submission;
    struct ledger_op op;
    uint8_t hash[CRYPTO_HASH_BYTES]; /* of the operation */
};

#define ORDER_EMPTY ((struct order){.submission = WIRE_SUBMISSION_EMPTY, .op = LEDGER_OP_EMPTY})
void order_wipe(struct order *order);

/* Decodes the body of a request. False when it was refused. */
bool order_read(struct ask *ask, bool with_code, struct order *order) MUST_CHECK;

/*
 * Would the operation be the next line? False when it was refused. *position is 0, or where the same
 * operation stands already.
 */
bool order_judge(struct ask *ask, const struct ledger *ledger, struct order *order,
                 uint64_t *position) MUST_CHECK;

/* Within a transaction, after order_judge: stores line and boxes and takes the line into `ledger`. When it
 * fails, or the commit does, the ledger may be ahead of the depot: free it. */
enum rc order_store(struct ask *ask, int64_t team, struct ledger *ledger,
                    struct order *order) MUST_CHECK;

/* One box of a request goes into the depot, in the place of one of the same name. Within a transaction. */
enum rc order_store_box(struct ask *ask, int64_t team, const struct wire_box *box) MUST_CHECK;

/* Boxes of devices that may no longer hold their stream: gone. at_ms: the time of the ledger's last line, by which grants are due again; by
 * a later one a box could go whose grant stands. Within a transaction. */
enum rc order_end_boxes(struct ask *ask, int64_t team, const struct ledger *ledger, uint64_t at_ms) MUST_CHECK;

/* Answers with that one line. The team has been entered. */
void order_answer(struct ask *ask, uint64_t position);
/* Answers with the lines from a position on, as many as fit. */
void order_answer_from(struct ask *ask, uint64_t from, bool one_only);

#endif
