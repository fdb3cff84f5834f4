/* Hooks by which the test flavour "lies" breaks the server's promises; in every other flavour they are
 * nothing. The end-to-end tests of the devices' refusals run against build/lies/bakend alone.
 *
 * BAKEN_LIE is a list of words with commas between:
 *   forge            an operation that breaks a rule gets its line all the same
 *   lines=N          lines beyond position N are withheld, and the statement speaks of N
 *   boxes            the bytes of the first and the last box of an answer change places
 *   alter            one bit of the last ciphertext of each page is flipped
 *   replay           each page carries its first entry again, as the last
 *   withhold         the first entry of each page is left out
 *   hide=N           entries that begin at save N are never shown
 *   reorder          the entries of a page come in the opposite order */
#ifndef SERVER_LIES_H
#define SERVER_LIES_H

#include "core/rc.h"
#include "sync/wire.h"
#include "sync/wire_run.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef BAKEN_TEST_SERVER_LIES
enum rc lies_forgive(enum rc rc);             /* RC_OK for a broken rule, when forging */
uint64_t lies_last_line(uint64_t position);   /* the last position that is shown */
uint64_t lies_show_beyond(uint64_t position); /* forged lines too stand beyond the ledger's head */
uint64_t lies_greeting(uint64_t position);    /* the greeting counts one of them */
void lies_boxes(struct wire_box_list *list);
/* `count` entries that are about to be sent; `altered` is theirs to lend from. */
void lies_entries(struct entry *entries, size_t *count, struct buf *altered);
#else
static inline enum rc
lies_forgive(enum rc rc)
{
    return rc;
}
static inline uint64_t
lies_last_line(uint64_t position)
{
    return position;
}
static inline uint64_t
lies_show_beyond(uint64_t position)
{
    return position;
}
static inline uint64_t
lies_greeting(uint64_t position)
{
    return position;
}
static inline void
lies_boxes(struct wire_box_list *list)
{
    (void)list;
}
static inline void
lies_entries(struct entry *entries, size_t *count, struct buf *altered)
{
    (void)entries;
    (void)count;
    (void)altered;
}
#endif

#endif
