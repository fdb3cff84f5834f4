/* Whether an entry is part of the chain that ends in a head that a ledger line names. */
#include <string.h>

#include "sync/inbox.h"

void
inbox_chain_forget(struct replica *replica)
{
    for (size_t i = 0; i < REPLICA_CHAINS; i++)
        replica->chains[i].feed = 0;
}

enum rc
inbox_header_at(struct replica *replica, int64_t feed, uint32_t save, struct entry *entry, bool *is_unproven)
{
    enum rc rc = elog_header_at(replica->db, feed, save, entry, is_unproven);

    if (rc != RC_OK || !*is_unproven)
        return rc;
    const struct ledger_device *device = ledger_device(replica->ledger, entry->device);
    *is_unproven = device == NULL || !entry_verify(entry, device->sign_public);
    return RC_OK;
}

/* From the head down, as far as each header names the one before it. */
static enum rc
descend(struct replica *replica, const struct ledger_head *head, struct chain_found *chain)
{
    uint8_t expected[CRYPTO_HASH_BYTES];
    uint32_t save = head->last;

    chain->from = UINT32_MAX;
    memcpy(expected, head->hash, sizeof expected);
    while (save > 0) {
        struct entry entry;
        bool is_unproven;
        enum rc rc = inbox_header_at(replica, chain->feed, save, &entry, &is_unproven);
        if (rc == RC_ABSENT) {
            chain->stopped = ELOG_GAP;
            return RC_OK;
        }
        if (rc != RC_OK)
            return rc;
        if (entry.last != save || memcmp(entry.hash, expected, sizeof expected) != 0) {
            /* An unproven one may be anybody's, and gives way. */
            chain->stopped = is_unproven ? ELOG_GAP : ELOG_FORK;
            return RC_OK;
        }
        chain->from = entry.first;
        save = entry.first - 1;
        memcpy(expected, entry.previous, sizeof expected);
    }
    chain->stopped = ELOG_NO_REASON;
    return RC_OK;
}

enum rc
inbox_chain(struct replica *replica, const struct entry *entry, const struct ledger_head *head,
            enum elog_reason *reason)
{
    struct elog_feed feed;

    *reason = ELOG_GAP;
    enum rc rc = elog_feed_find(replica->db, entry->stream,
                                (struct feed_ref){entry->device, entry->incarnation}, &feed);
    if (rc != RC_OK)
        return rc == RC_ABSENT ? RC_OK : rc;
    struct chain_found *chain = &replica->chains[(uint64_t)feed.key % REPLICA_CHAINS];
    if (chain->feed != feed.key || chain->last != head->last ||
        memcmp(chain->hash, head->hash, sizeof chain->hash) != 0) {
        *chain = (struct chain_found){.feed = feed.key, .last = head->last};
        memcpy(chain->hash, head->hash, sizeof chain->hash);
        rc = descend(replica, head, chain);
    }
    if (rc != RC_OK)
        inbox_chain_forget(replica);
    else
        *reason = entry->first >= chain->from ? ELOG_NO_REASON : chain->stopped;
    return rc;
}
