/* Making a family: planned, ordered by the server, then its record saved. The plan outlives a lost answer. */
#include <stdlib.h>
#include <string.h>

#include "core/change_set.h"
#include "core/i18n.h"
#include "sync/submit.h"
#include "sync/writer.h"

/* One save takes the record and the profile. */
enum { PLAN_BYTES = CHANGE_SAVE_BYTES - 4096 };

/* A family that is being made: kept until its record is saved, so that a lost answer makes no second one. */
struct family_plan {
    struct ledger_family_new ids;
    struct family record;
    struct profile profile; /* nothing filled in: none */
    struct texts texts;     /* of a plan that was read from the store */
};

/* ---- the plan in the store -------------------------------------------------------------------- */

static void
put_text(struct writer *writer, const char *text)
{
    writer_block(writer, text == NULL ? "" : text, text == NULL ? 0 : strlen(text));
}

static enum rc
store_plan(struct replica *replica, const struct family_plan *plan)
{
    struct buf bytes = BUF_EMPTY(PLAN_BYTES);
    struct writer writer = writer_of(&bytes);

    writer_id(&writer, plan->ids.family);
    writer_id(&writer, plan->ids.index);
    writer_id(&writer, plan->ids.file);
    writer_id(&writer, plan->ids.shielded);
    writer_id(&writer, plan->ids.owner);
    put_text(&writer, plan->record.code_name);
    put_text(&writer, plan->record.phase);
    writer_u32(&writer, plan->record.since);
    writer_u32(&writer, plan->record.opened);
    writer_u32(&writer, plan->record.closed);
    put_text(&writer, plan->profile.surname);
    put_text(&writer, plan->profile.address);
    put_text(&writer, plan->profile.reach);
    put_text(&writer, plan->profile.unsafe);
    enum rc rc = writer_finish(&writer);
    if (rc == RC_OK)
        rc = state_put_bytes(replica->db, STATE_FAMILY, bytes.data, bytes.len);
    buf_wipe(&bytes);
    return rc;
}

/* NULL for the empty text; after the first failure nothing is read. */
static const char *
read_text(struct reader *reader, struct texts *texts, enum rc *rc)
{
    struct buf bytes = BUF_EMPTY(PLAN_BYTES);
    const char *copy = NULL;
    size_t len;
    const uint8_t *block = reader_block(reader, PLAN_BYTES, &len);

    if (*rc == RC_OK && !reader->failed && len > 0)
        *rc = buf_put(&bytes, block, len);
    if (*rc == RC_OK && bytes.len > 0) {
        const char *text = buf_text(&bytes);
        *rc = text == NULL ? rc_nomem() : texts_copy(texts, text, &copy);
    }
    buf_wipe(&bytes);
    return copy;
}

/* RC_ABSENT without a plan, RC_CORRUPT for bytes that are none. */
static enum rc
load_plan(struct replica *replica, struct family_plan *plan)
{
    struct buf bytes = BUF_EMPTY(PLAN_BYTES);

    enum rc rc = state_get_bytes(replica->db, STATE_FAMILY, &bytes);
    if (rc == RC_OK) {
        struct reader reader = reader_of(bytes.data, bytes.len);
        plan->ids.family = reader_id(&reader);
        plan->ids.index = reader_id(&reader);
        plan->ids.file = reader_id(&reader);
        plan->ids.shielded = reader_id(&reader);
        plan->ids.owner = reader_id(&reader);
        plan->record.code_name = read_text(&reader, &plan->texts, &rc);
        plan->record.phase = read_text(&reader, &plan->texts, &rc);
        plan->record.since = reader_u32(&reader);
        plan->record.opened = reader_u32(&reader);
        plan->record.closed = reader_u32(&reader);
        plan->profile.surname = read_text(&reader, &plan->texts, &rc);
        plan->profile.address = read_text(&reader, &plan->texts, &rc);
        plan->profile.reach = read_text(&reader, &plan->texts, &rc);
        plan->profile.unsafe = read_text(&reader, &plan->texts, &rc);
        enum rc finished = reader_finish(&reader, "family");
        rc = rc == RC_OK ? finished : rc;
    }
    buf_wipe(&bytes);
    return rc;
}

/* ---- the line --------------------------------------------------------------------------------- */

static enum rc
make_epoch(struct session *session, struct id stream, const struct ledger_ids *holders,
           const uint8_t *reserve_public, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct keyring_recipient *recipients = NULL;

    enum rc rc = submit_recipients(replica, holders->items, holders->count, &recipients);
    struct keyring_epoch epoch = {stream, 1, recipients, holders->count, reserve_public};
    if (rc == RC_OK)
        rc = keyring_make_epoch(replica->keys, &epoch, draft->fresh, &draft->op, &draft->boxes);
    free(recipients);
    return rc;
}

/* Who registers a family writes its record, and its profile when there is one: a line without them would stay
 * nameless. In a new family they write who hold. */
static enum rc
check_may_save(const struct replica *replica, const struct family_plan *plan,
               const struct ledger_ids *index, const struct ledger_ids *file)
{
    if (!ledger_ids_have(index, replica->identity.device))
        return rc_fail(RC_DENIED,
                       _("you could not write the name of a family with that owner: a coordinator "
                         "can, or the owner"));
    if (!profile_is_empty(&plan->profile) && !ledger_ids_have(file, replica->identity.device))
        return rc_fail(RC_DENIED,
                       _("surname, address and the like stand in the file, which opens for the "
                         "owner and not for you: register the family without them"));
    return RC_OK;
}

static enum rc
build_family(struct session *session, void *context, struct draft *draft)
{
    const struct family_plan *plan = context;
    const struct ledger *ledger = session->replica->ledger;
    struct ledger_ids index = LEDGER_IDS_EMPTY, file = LEDGER_IDS_EMPTY;
    uint8_t reserve_public[CRYPTO_PUBLIC_BYTES];

    if (ledger_family(ledger, plan->ids.family) != NULL)
        return RC_EXISTS;
    draft->op.kind = LEDGER_FAMILY;
    draft->op.as.family = plan->ids;
    enum rc rc = submit_reserve_public(session->replica, reserve_public);
    if (rc == RC_OK)
        rc = ledger_holders_new(ledger, STREAM_INDEX, plan->ids.owner, &index);
    if (rc == RC_OK)
        rc = ledger_holders_new(ledger, STREAM_FILE, plan->ids.owner, &file);
    if (rc == RC_OK)
        rc = check_may_save(session->replica, plan, &index, &file);
    if (rc == RC_OK)
        rc = make_epoch(session, plan->ids.index, &index, reserve_public, draft);
    if (rc == RC_OK)
        rc = make_epoch(session, plan->ids.file, &file, reserve_public, draft);
    ledger_ids_wipe(&index);
    ledger_ids_wipe(&file);
    return rc;
}

/* ---- the record ------------------------------------------------------------------------------- */

static enum rc
check_plan(const struct family_plan *plan)
{
    enum rc rc = family_check(&plan->record);

    return rc == RC_OK ? profile_check(&plan->profile) : rc;
}

/* The family's record in the index and its profile in the file, as one save; then the plan has served. */
static enum rc
save_record(struct replica *replica, struct family_plan *plan)
{
    struct change_set set = CHANGE_SET_EMPTY;

    plan->record.facts = (struct facts){.id = plan->ids.family, .family = plan->ids.family};
    plan->profile.facts = plan->record.facts;
    enum rc rc = family_put(replica->journal, &set, &plan->record);
    if (rc == RC_OK && !profile_is_empty(&plan->profile))
        rc = profile_put(replica->journal, &set, &plan->profile);
    if (rc == RC_OK)
        rc = db_begin(replica->db);
    if (rc == RC_OK) {
        rc = replica_save(replica, set.changes, set.count);
        if (rc == RC_OK)
            rc = state_drop(replica->db, STATE_FAMILY);
        rc = store_end_saves(replica->store, rc);
    }
    change_set_wipe(&set);
    return rc;
}

/* Whether a failure to save is for good: of the values, or of a right that is gone. */
static bool
is_for_good(enum rc rc)
{
    return rc == RC_INVALID || rc == RC_TOO_LARGE || rc == RC_DENIED || rc == RC_ABSENT ||
           rc == RC_CORRUPT;
}

/* The plan whose answer was lost gets its record first, unless it is for the family that is wanted now: then its
 * ids serve again. One that can never be saved is dropped: it would stand in the way of every family after it. */
static enum rc
settle_old_plan(struct replica *replica, const struct family_new *wanted,
                struct ledger_family_new *ids, bool *is_same)
{
    struct family_plan old = {.texts = TEXTS_EMPTY};

    *is_same = false;
    enum rc rc = load_plan(replica, &old);
    if (rc == RC_ABSENT) {
        rc = RC_OK;
        goto out;
    }
    if (rc == RC_OK)
        rc = check_plan(&old);
    if (rc == RC_OK && id_equal(old.ids.owner, wanted->owner) &&
        strcmp(old.record.code_name, wanted->record.code_name) == 0) {
        *ids = old.ids;
        *is_same = true;
        goto out;
    }
    if (rc == RC_OK && ledger_family(replica->ledger, old.ids.family) != NULL)
        rc = save_record(replica, &old);
    if (is_for_good(rc))
        rc = state_drop(replica->db, STATE_FAMILY);
out:
    texts_wipe(&old.texts);
    return rc;
}

/* Nothing can have been written there before this device read of it: the shared cursor passes all of it. */
static enum rc
need_no_filling(struct replica *replica, const struct ledger_family_new *ids)
{
    static const char sql[] =
        "UPDATE sync_stream SET is_filling = 0, news_floor = 0 WHERE stream = ?1 AND fill_after = 0";
    enum rc rc = db_run_id(replica->db, sql, ids->index);

    return rc == RC_OK ? db_run_id(replica->db, sql, ids->file) : rc;
}

enum rc
replica_create_family(struct replica *replica, const struct transport *transport,
                      const struct family_new *wanted, struct id *family)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct family_plan plan = {.record = wanted->record, .profile = wanted->profile};
    bool is_same = false;

    enum rc rc = check_plan(&plan);
    if (rc == RC_OK)
        rc = session_begin(&session);
    if (rc == RC_OK)
        rc = settle_old_plan(replica, wanted, &plan.ids, &is_same);
    if (rc == RC_OK && !is_same) {
        plan.ids = (struct ledger_family_new){.owner = wanted->owner};
        plan.ids.family = id_random(); /* one a statement: the order within one is the compiler's */
        plan.ids.index = id_random();
        plan.ids.file = id_random();
        plan.ids.shielded = id_random();
    }
    if (rc == RC_OK)
        rc = store_plan(replica, &plan);
    if (rc == RC_OK)
        rc = submit(&session, build_family, &plan);
    if (rc == RC_OK)
        rc = need_no_filling(replica, &plan.ids);
    if (rc == RC_OK)
        rc = save_record(replica, &plan);
    if (rc == RC_OK)
        *family = plan.ids.family;
    return rc;
}
