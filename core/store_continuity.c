/* Whether a store is the one last used here: its instance token, its count, the slots that opened it (STORE.md section 5). */
#include "core/store_inside.h"

#include <stdio.h>
#include <string.h>

#include "core/i18n.h"
#include "core/store_token.h"

enum { OPENINGS_AHEAD = 16 }; /* the store is written first; kills in between add up */

/* --- the table meta ---------------------------------------------------------------------------- */

static enum rc
meta_put(struct db *db, const char *key, const void *value, size_t len)
{
    struct stmt *stmt;
    enum rc rc = db_stmt(db,
                         "INSERT INTO meta(key, value) VALUES(?1, ?2)"
                         " ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, key);
    stmt_blob(stmt, 2, value, len);
    return stmt_finish(stmt);
}

enum rc
store_meta_get(struct db *db, const char *key, struct buf *value)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(db, "SELECT value FROM meta WHERE key = ?1", &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_text(stmt, 1, key);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        rc = stmt_get_buf(stmt, 0, value);
    stmt_done(stmt);
    return rc;
}

/* --- continuity --------------------------------------------------------------------------------- */

static void
doubt(struct store *store, const char *reason)
{
    snprintf(store->doubt, sizeof store->doubt, "%s", reason);
}

/* A copy in memory says nothing beside the store. */
static enum rc
put_beside(struct store *store, const struct store_token *token)
{
    if (store->is_readonly || store->is_apart)
        return RC_OK;
    return store_token_file_write(&store->token, (const char *)store->state.data, token);
}

enum rc
store_token_beside(const struct store *store, struct store_token *outside)
{
    *outside = (struct store_token){.openings = 0};
    return store_token_file_read(&store->token, (const char *)store->state.data, store->slots.store, outside);
}

static enum rc
compare_with(struct store *store, enum rc found, const struct store_token *outside)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    struct store_token inside, now;
    enum rc rc = store_meta_get(store->db, "token", &text);

    if (rc == RC_OK)
        rc = store_token_decode(text.data, text.len, &inside);
    buf_wipe(&text);
    if (rc == RC_OK)
        rc = store_token_of(store->slots.store, store->directory, 0, &now);
    if (rc != RC_OK)
        return rc;
    store->openings = inside.openings;
    if (found == RC_ABSENT || found == RC_CORRUPT) {
        doubt(store, _("its instance token is missing or unreadable"));
        return RC_OK;
    }
    if (found != RC_OK)
        return found;
    if (outside->openings > store->openings) {
        store->openings = outside->openings;
        store->may_lack_saves = true;
    }
    if (!id_equal(outside->store, store->slots.store) || outside->device != now.device ||
        outside->inode != now.inode)
        doubt(store, _("its directory was copied, moved or restored"));
    else if (outside->openings > inside.openings)
        doubt(store, _("it is older than when it was last used here"));
    else if (inside.openings > outside->openings + OPENINGS_AHEAD)
        doubt(store, _("its instance token is older than the store"));
    return RC_OK;
}

/* The store counts before its token does: so the token is read first, or one who writes meanwhile would make it look older. */
enum rc
store_compare_tokens(struct store *store)
{
    struct store_token outside;
    enum rc found = store_token_beside(store, &outside);

    /* Who only looks and has none here to read (another user, another machine) is told nothing by that. */
    if (store->is_readonly && found != RC_OK && found != RC_CORRUPT)
        return RC_OK;
    return compare_with(store, found, &outside);
}

/* The token with the next count, in the store. */
static enum rc
count_inside(struct store *store, struct store_token *token)
{
    struct buf text = BUF_EMPTY(STORE_TOKEN_BYTES);
    enum rc rc = store_token_of(store->slots.store, store->directory, store->openings + 1, token);

    if (rc == RC_OK)
        rc = store_token_encode(token, &text);
    if (rc == RC_OK)
        rc = meta_put(store->db, "token", text.data, text.len);
    buf_wipe(&text);
    return rc;
}

enum rc
store_count(struct store *store, bool is_clean)
{
    const uint8_t clean = is_clean, lack = store->may_lack_saves;
    struct store_token token;
    enum rc rc = db_begin(store->db);

    if (rc != RC_OK)
        return rc;
    rc = count_inside(store, &token);
    if (rc == RC_OK)
        rc = meta_put(store->db, "clean", &clean, sizeof clean);
    if (rc == RC_OK)
        rc = meta_put(store->db, "doubt", store->doubt, strlen(store->doubt));
    if (rc == RC_OK)
        rc = meta_put(store->db, "lack", &lack, sizeof lack);
    rc = db_end(store->db, rc);
    if (rc != RC_OK)
        return rc;
    store->openings++;
    return put_beside(store, &token);
}

enum rc
store_load_doubt(struct store *store)
{
    struct buf earlier = BUF_EMPTY(STORE_REASON_BYTES);
    enum rc rc = store_meta_get(store->db, "lack", &earlier);

    store->may_lack_saves = earlier.len == 1 && earlier.data[0] == 1;
    buf_clear(&earlier);
    if (rc == RC_OK)
        rc = store_meta_get(store->db, "doubt", &earlier);

    if (rc == RC_OK && earlier.len > 0 && earlier.len < sizeof store->doubt) {
        memcpy(store->doubt, earlier.data, earlier.len);
        store->doubt[earlier.len] = '\0';
    }
    buf_wipe(&earlier);
    return rc;
}

/* --- key slots ------------------------------------------------------------------------------------- */

static enum rc
note_slots(struct store *store)
{
    uint8_t changed[8];

    for (unsigned i = 0; i < 8; i++)
        changed[i] = (uint8_t)((uint64_t)store->slots.changed_ms >> (56 - 8 * i));
    return meta_put(store->db, "slots", changed, sizeof changed);
}

enum rc
store_judge_slots(struct store *store)
{
    struct buf noted = BUF_EMPTY(8);
    int64_t newest_ms = 0;
    enum rc rc = store_meta_get(store->db, "slots", &noted);

    for (size_t i = 0; i < noted.len; i++)
        newest_ms = newest_ms << 8 | noted.data[i];
    buf_wipe(&noted);
    if (rc != RC_OK)
        return rc;
    if (!store_key_is_whole(&store->slots, &store->key))
        store->slots_state = STORE_SLOTS_ALTERED;
    else if (store->slots.changed_ms < newest_ms)
        store->slots_state = STORE_SLOTS_OLD;
    else if (store->slots.changed_ms > newest_ms && !store->is_readonly)
        rc = note_slots(store);
    return rc;
}

/* --- what others ask -------------------------------------------------------------------------------- */

bool
store_is_continuous(const struct store *store, const char **reason)
{
    *reason = store->doubt;
    return store->doubt[0] == '\0';
}

enum rc
store_prove_continuity(struct store *store)
{
    char old[STORE_REASON_BYTES];
    enum rc rc;

    memcpy(old, store->doubt, sizeof old);
    store->doubt[0] = '\0';
    rc = store_count(store, false);
    if (rc != RC_OK)
        memcpy(store->doubt, old, sizeof old);
    return rc;
}

bool
store_may_lack_saves(const struct store *store)
{
    return store->may_lack_saves;
}

enum rc
store_accept_lack(struct store *store)
{
    bool old = store->may_lack_saves;

    store->may_lack_saves = false;
    enum rc rc = store_count(store, false);
    if (rc != RC_OK)
        store->may_lack_saves = old;
    return rc;
}

enum store_slots_state
store_slots_state(const struct store *store)
{
    return store->slots_state;
}

enum rc
store_accept_slots(struct store *store)
{
    if (store->slots_state != STORE_SLOTS_OLD)
        return RC_OK;
    enum rc rc = note_slots(store);
    if (rc == RC_OK)
        store->slots_state = STORE_SLOTS_FINE;
    return rc;
}

enum rc
store_end_saves(struct store *store, enum rc rc)
{
    struct store_token token;

    if (rc == RC_OK)
        rc = count_inside(store, &token);
    rc = db_end(store->db, rc);
    if (rc != RC_OK || db_in_transaction(store->db))
        return rc;
    store->openings++;
    enum rc told = put_beside(store, &token);
    (void)told;
    return RC_OK;
}

enum rc
store_count_on(struct store *store)
{
    return store_count(store, false);
}
