/* The parts that operations are made of, as bytes: sealed texts, heads, key parts. For sync/ledger_op.c alone. */
#ifndef SYNC_LEDGER_ITEM_H
#define SYNC_LEDGER_ITEM_H

#include "core/buf.h"
#include "core/rc.h"
#include "sync/ledger_op.h"
#include "sync/writer.h"

void ledger_item_put_text(struct writer *writer, const struct ledger_text *text);
void ledger_item_get_text(struct reader *reader,
                          struct ledger_text *text); /* failure stays in the reader */
void ledger_item_put_heads(struct writer *writer, const struct ledger_heads *heads);
/* `n x head`, strictly ascending. RC_NOMEM; all other failure stays in the reader. */
enum rc ledger_item_get_heads(struct reader *reader, struct ledger_heads *heads) MUST_CHECK;
void ledger_item_put_part(struct writer *writer, const struct ledger_part *part);
enum rc ledger_item_get_parts(struct reader *reader, struct ledger_op *op) MUST_CHECK;

#endif
