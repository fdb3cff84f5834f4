/* The ledger as it is kept: its lines, and how far this device has judged them. */
#include <string.h>

#include "core/i18n.h"
#include "sync/carried.h"
#include "sync/replica_own.h"

/*
 * The mark is written with the lines that were judged, sealed under a key of the store: what carries it was judged here. An
 * opening then has only to find the same chain, and need not verify the signatures of years.
 *
 *    0  8   position, big-endian
 *    8 32   hash of that line
 *   40 end
 */
enum { MARK_BYTES = 8 + CRYPTO_HASH_BYTES };

struct mark {
    uint64_t position; /* 0: none */
    uint8_t hash[CRYPTO_HASH_BYTES];
};

/* None, too, where it cannot be read: then every line is judged. */
static enum rc
read_mark(struct replica *replica, struct mark *mark)
{
    struct secret bytes = SECRET_EMPTY;

    *mark = (struct mark){.position = 0};
    enum rc rc = own_secret_get(replica->db, &replica->sealing, STATE_LEDGER_MARK, &bytes);
    if (rc == RC_OK && bytes.len == MARK_BYTES) {
        struct reader reader = reader_of(bytes.bytes, bytes.len);
        mark->position = reader_u64(&reader);
        reader_copy(&reader, mark->hash, sizeof mark->hash);
    }
    secret_wipe(&bytes);
    return rc == RC_ABSENT || rc == RC_CORRUPT ? RC_OK : rc;
}

enum rc
replica_mark_ledger(struct replica *replica)
{
    struct secret bytes = SECRET_EMPTY;
    uint64_t position = ledger_position(replica->ledger);

    if (replica->marked == position || position == 0)
        return RC_OK;
    enum rc rc = secret_make(&bytes, MARK_BYTES);
    if (rc != RC_OK)
        return rc;
    for (size_t i = 0; i < 8; i++)
        bytes.bytes[i] = (uint8_t)(position >> (56 - 8 * i));
    memcpy(bytes.bytes + 8, ledger_hash_at(replica->ledger, position), CRYPTO_HASH_BYTES);
    rc = own_secret_put(replica->db, &replica->sealing, STATE_LEDGER_MARK, &bytes);
    if (rc == RC_OK)
        replica->marked = position;
    secret_wipe(&bytes);
    return rc;
}

/* One of the lines that are kept; one that is no line at all ends the walk, by *goes_on. */
typedef enum rc (*line_fn)(void *context, const void *line, size_t len, bool *goes_on);

static enum rc
each_line(struct db *db, line_fn visit, void *context)
{
    struct stmt *stmt;
    bool found = true, goes_on = true;
    enum rc rc = db_stmt(db, "SELECT line FROM sync_line ORDER BY position", &stmt);

    if (rc != RC_OK)
        return rc;
    while (rc == RC_OK && goes_on && (rc = stmt_step(stmt, &found)) == RC_OK && found) {
        size_t len;
        const uint8_t *line = stmt_get_blob(stmt, 0, &len);
        rc = visit(context, line, len, &goes_on);
    }
    stmt_done(stmt);
    return rc;
}

/* Whether the chain of the kept lines leads to the mark. */
struct chain {
    struct mark mark;
    uint64_t position;
    uint8_t hash[CRYPTO_HASH_BYTES];
    bool leads;
};

static enum rc
follow_chain(void *context, const void *bytes, size_t len, bool *goes_on)
{
    struct chain *chain = context;
    struct ledger_line line;

    *goes_on = ledger_line_decode(bytes, len, &line) == RC_OK &&
               line.position == chain->position + 1 &&
               memcmp(line.previous, chain->hash, sizeof chain->hash) == 0;
    if (!*goes_on)
        return RC_OK; /* whoever judges the lines names it */
    ledger_line_hash(bytes, len, chain->hash);
    chain->position = line.position;
    if (chain->position == chain->mark.position) {
        chain->leads = memcmp(chain->hash, chain->mark.hash, sizeof chain->hash) == 0;
        *goes_on = false;
    }
    return RC_OK;
}

struct loading {
    struct ledger *ledger;
    uint64_t known; /* lines up to here were judged before */
    uint64_t judged;
};

static enum rc
load_line(void *context, const void *line, size_t len, bool *goes_on)
{
    struct loading *loading = context;

    *goes_on = true;
    if (ledger_position(loading->ledger) < loading->known)
        return ledger_append_known(loading->ledger, line, len);
    loading->judged++;
    return ledger_append(loading->ledger, line, len);
}

enum rc
replica_load_ledger(struct replica *replica)
{
    struct chain chain = {.position = 0};
    struct loading loading = {.ledger = NULL};
    int64_t lines, newer = 0;

    enum rc rc = state_get_int(replica->db, STATE_LEDGER_LINES, &lines);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_NEWER_LINE, &newer);
    if (rc == RC_OK)
        rc = read_mark(replica, &chain.mark);
    if (rc == RC_OK && chain.mark.position > 0)
        rc = each_line(replica->db, follow_chain, &chain);
    if (rc == RC_OK)
        rc = ledger_new(&loading.ledger);
    if (rc != RC_OK)
        return rc;
    loading.known = chain.leads ? chain.mark.position : 0;
    rc = each_line(replica->db, load_line, &loading);
    if (rc != RC_OK) {
        ledger_free(loading.ledger);
        if (rc == RC_UNTRUSTED || rc == RC_INVALID) /* they were judged when they came: it is the disk */
            rc = RC_CORRUPT;
        return rc_while(rc, _("reading the ledger kept here"));
    }
    ledger_free(replica->ledger);
    replica->ledger = loading.ledger;
    replica->settled = (struct settled){.grants_due = 0};
    replica->marked = loading.known;
    replica->lines_judged = loading.judged;
    replica->is_ledger_short = (uint64_t)lines > ledger_position(loading.ledger);
    replica->has_newer_line = (uint64_t)newer > ledger_position(loading.ledger);
    if (ledger_position(loading.ledger) == 0) {
        ledger_free(loading.ledger);
        replica->ledger = NULL;
    }
    if (replica->ledger != NULL) {
        memcpy(replica->team, ledger_team(replica->ledger), sizeof replica->team);
        replica->has_team = true;
    }
    replica->is_in_team = replica->ledger != NULL && replica->has_identity &&
                          ledger_device(replica->ledger, replica->identity.device) != NULL;
    return replica->ledger != NULL ? carried_load(replica) : RC_OK;
}

enum rc
replica_take_line(struct replica *replica, const void *line, size_t len)
{
    struct stmt *stmt;
    enum rc rc = RC_OK;

    if (replica->ledger == NULL)
        rc = ledger_new(&replica->ledger);
    if (rc == RC_OK)
        rc = ledger_append(replica->ledger, line, len);
    if (rc != RC_OK)
        return rc;
    rc = db_stmt(replica->db, "INSERT INTO sync_line (position, line) VALUES (?1, ?2)", &stmt);
    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, (int64_t)ledger_position(replica->ledger));
    stmt_blob(stmt, 2, line, len);
    rc = stmt_finish(stmt);
    if (rc == RC_OK && replica->is_ledger_short) {
        int64_t lines;
        rc = state_get_int(replica->db, STATE_LEDGER_LINES, &lines);
        replica->is_ledger_short = rc != RC_OK || (uint64_t)lines > ledger_position(replica->ledger);
    }
    if (rc == RC_OK && replica->has_newer_line) { /* by an upgrade */
        int64_t newer;
        rc = state_get_int(replica->db, STATE_NEWER_LINE, &newer);
        replica->has_newer_line = rc != RC_OK || (uint64_t)newer > ledger_position(replica->ledger);
    }
    replica->is_in_team =
        replica->has_identity && ledger_device(replica->ledger, replica->identity.device) != NULL;
    return rc == RC_OK ? streams_pass_line(replica) : rc;
}
