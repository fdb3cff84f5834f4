/* Cover: given, accepted, ended; and what a session does about covers by itself. */
#include "sync/cover.h"

#include <string.h>

#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/submit.h"

#define TAKE_OVER_MS (30 * DAY_MS)

/* ---- giving ----------------------------------------------------------------------------------- */

struct giving {
    const struct cover_new *cover;
    struct id id;
};

/* An answer that was lost gives no second one. */
const struct ledger_cover *
cover_find_same(const struct ledger *ledger, const struct cover_new *wanted)
{
    const struct ledger_cover *cover;

    for (size_t i = 0; (cover = ledger_cover_at(ledger, i)) != NULL; i++) {
        if (cover->state == LEDGER_COVER_ENDED || !id_equal(cover->person, wanted->person) ||
            cover->from_ms != (uint64_t)wanted->from_ms ||
            cover->until_ms != (uint64_t)wanted->until_ms || cover->family_count != wanted->count ||
            (cover->scope == LEDGER_SCOPE_WRITE) != wanted->may_write)
            continue;
        size_t same = 0;
        for (size_t j = 0; j < wanted->count; j++)
            for (size_t k = 0; k < cover->family_count; k++)
                same += id_equal(cover->families[k], wanted->families[j]);
        if (same == wanted->count)
            return cover;
    }
    return NULL;
}

struct ledger_cover_give
cover_payload(const struct cover_new *wanted, struct id id)
{
    return (struct ledger_cover_give){
        .cover = id,
        .person = wanted->person,
        .from_ms = (uint64_t)wanted->from_ms,
        .until_ms = (uint64_t)wanted->until_ms,
        .scope = wanted->may_write ? LEDGER_SCOPE_WRITE : LEDGER_SCOPE_READ,
    };
}

static enum rc
build_give(struct session *session, void *context, struct draft *draft)
{
    struct giving *giving = context;
    const struct cover_new *wanted = giving->cover;
    const struct ledger_cover *same = cover_find_same(session->replica->ledger, wanted);
    enum rc rc = RC_OK;

    if (same != NULL) {
        giving->id = same->id;
        return RC_EXISTS;
    }
    giving->id = id_random();
    draft->op.kind = LEDGER_COVER_GIVE;
    draft->op.as.cover_give = cover_payload(wanted, giving->id);
    for (size_t i = 0; rc == RC_OK && i < wanted->count; i++)
        rc = ledger_op_add_family(&draft->op, wanted->families[i]);
    return rc;
}

enum rc
replica_cover_give(struct replica *replica, const struct transport *transport,
                   const struct cover_new *cover, struct id *id)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct giving giving = {.cover = cover};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_give, &giving);
    if (rc == RC_OK)
        *id = giving.id;
    if (rc == RC_OK) /* boxes for the colleague's devices at once, by own keys or through the reserve */
        rc = session_pay_after(&session);
    return rc;
}

/* ---- accepting, ending -------------------------------------------------------------------------- */

static enum rc
build_accept(struct session *session, void *context, struct draft *draft)
{
    const struct id *id = context;
    const struct ledger_cover *cover = ledger_cover(session->replica->ledger, *id);

    if (cover == NULL)
        return rc_fail(RC_ABSENT, _("no such cover"));
    if (cover->state == LEDGER_COVER_ACCEPTED)
        return RC_EXISTS;
    draft->op.kind = LEDGER_COVER_ACCEPT;
    draft->op.as.cover_accept = *id;
    return RC_OK;
}

enum rc
replica_cover_accept(struct replica *replica, const struct transport *transport, struct id cover)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK)
        rc = submit(&session, build_accept, &cover);
    if (rc == RC_OK)
        rc = session_boxes(&session);
    return rc;
}

struct ending {
    struct id cover;
    uint8_t why;
};

static enum rc
build_end(struct session *session, void *context, struct draft *draft)
{
    const struct ending *ending = context;
    const struct ledger_cover *cover = ledger_cover(session->replica->ledger, ending->cover);

    if (cover == NULL)
        return rc_fail(RC_ABSENT, _("no such cover"));
    if (cover->state == LEDGER_COVER_ENDED)
        return RC_EXISTS;
    draft->op.kind = LEDGER_COVER_END;
    draft->op.as.cover_end = (struct ledger_cover_end){ending->cover, ending->why};
    return submit_heads(session, &draft->op);
}

enum rc
replica_cover_end(struct replica *replica, const struct transport *transport, struct id cover)
{
    struct sync_report report = {0};
    struct session session = {.replica = replica, .transport = transport, .report = &report};
    struct ending ending = {cover, LEDGER_WHY_ENDED};

    enum rc rc = session_begin(&session);
    if (rc == RC_OK) {
        const struct ledger_cover *known = ledger_cover(replica->ledger, cover);
        if (known != NULL && known->state == LEDGER_COVER_GIVEN &&
            id_equal(known->person, replica_self(replica).person))
            ending.why = LEDGER_WHY_DECLINED;
        rc = submit(&session, build_end, &ending);
    }
    return rc;
}

/* ---- what a session does by itself --------------------------------------------------------------- */

/* Owner of a family in the cover, or coordinator. */
static bool
may_record(const struct replica *replica, const struct ledger_cover *cover)
{
    struct id self = ledger_device(replica->ledger, replica->identity.device)->person;
    const struct ledger_person *person = ledger_person(replica->ledger, self);

    if (person != NULL && (person->roles & LEDGER_ROLE_COORDINATOR) != 0)
        return true;
    for (size_t i = 0; i < cover->family_count; i++) {
        const struct ledger_family *family = ledger_family(replica->ledger, cover->families[i]);
        if (family != NULL && id_equal(family->owner, self))
            return true;
    }
    return false;
}

enum rc
cover_settle(struct session *session)
{
    struct replica *replica = session->replica;
    const struct ledger_cover *cover;
    uint64_t server_ms = replica_server_ms(replica);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (cover = ledger_cover_at(replica->ledger, i)) != NULL; i++) {
        struct ending ending = {cover->id, LEDGER_WHY_EXPIRED};
        if (cover->state == LEDGER_COVER_ENDED || server_ms < cover->until_ms ||
            !may_record(replica, cover))
            continue;
        rc = submit(session, build_end, &ending);
        if (rc == RC_INVALID || rc == RC_STALE || rc == RC_DENIED || rc == RC_TOO_LARGE)
            rc = RC_OK; /* another session may record it; of more feeds than a line can name one that follows a device's revocation */
    }
    return rc == RC_OK ? rc : rc_while(rc, _("ending a cover whose time is over"));
}

/* ---- late work that only adds --------------------------------------------------------------------- */

/* Held entries that may be admitted: the highest of each feed goes into the line. */
struct admitting {
    struct ledger_heads heads;
    struct ledger_heads closed; /* feeds with an entry that a person must look at */
};

static bool
has_feed(const struct ledger_heads *heads, const struct entry *entry, size_t *at)
{
    for (*at = 0; *at < heads->count; ++*at) {
        const struct ledger_head *head = &heads->items[*at];
        if (id_equal(head->stream, entry->stream) && id_equal(head->device, entry->device) &&
            head->incarnation == entry->incarnation)
            return true;
    }
    return false;
}

/* Its operations supersede nothing but versions of their own feed, and its clocks lie in the window. */
static bool
only_adds(const struct change *saves, size_t count, const struct entry *entry,
          const struct ledger_judgement *why)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t ms = saves[i].hlc >> 16;
        if (ms < why->from_ms || ms >= why->until_ms)
            return false;
        for (size_t j = 0; j < saves[i].count; j++) {
            const struct operation *operation = &saves[i].operations[j];
            for (size_t k = 0; k < operation->supersedes_count; k++)
                if (!id_equal(operation->supersedes[k].feed.device, entry->device) ||
                    operation->supersedes[k].feed.incarnation != entry->incarnation)
                    return false;
        }
    }
    return true;
}

enum rc
cover_fate(struct replica *replica, const struct elog_row *row, enum received_fate *fate)
{
    const struct entry *entry = &row->entry;
    struct ledger_entry_facts facts = ledger_facts_of(entry);
    bool has_arrived = entry->arrived_ms != 0;
    int64_t arrived_ms = has_arrived ? (int64_t)entry->arrived_ms : (int64_t)replica_server_ms(replica);
    struct ledger_judgement why;
    struct change *saves;
    size_t count;

    *fate = RECEIVED_WAITS;
    if (ledger_entry_counts(replica->ledger, &facts, &why) != LEDGER_LATE || !why.by_cover ||
        (why.why != LEDGER_WHY_ENDED && why.why != LEDGER_WHY_EXPIRED) ||
        arrived_ms > (int64_t)why.ended_ms + TAKE_OVER_MS)
        return RC_OK;
    enum rc rc = source_read(replica, entry, &saves, &count);
    bool is_unread = source_is_unreadable(rc);
    if (is_unread || (rc == RC_OK && only_adds(saves, count, entry, &why)))
        *fate = !has_arrived ? RECEIVED_UNSENT : is_unread ? RECEIVED_UNREAD : RECEIVED_COUNTS;
    if (saves != NULL)
        body_free(saves, count);
    return is_unread ? RC_OK : rc;
}

/* Is this person a coach of the stream's family? */
static bool
may_admit(const struct replica *replica, struct id stream)
{
    const struct ledger_stream *known = ledger_stream(replica->ledger, stream);
    struct id self = ledger_device(replica->ledger, replica->identity.device)->person;

    return known != NULL && !id_is_zero(known->family) &&
           ledger_is_coach(replica->ledger, known->family, self);
}

static enum rc
look_at(struct replica *replica, const struct elog_row *row, struct admitting *admitting)
{
    const struct entry *entry = &row->entry;
    struct ledger_head head = {.stream = entry->stream,
                               .device = entry->device,
                               .incarnation = entry->incarnation,
                               .last = entry->last};
    enum received_fate fate;
    size_t at;

    memcpy(head.hash, entry->hash, sizeof head.hash);
    if (!may_admit(replica, entry->stream) || has_feed(&admitting->closed, entry, &at))
        return RC_OK;
    enum rc rc = cover_fate(replica, row, &fate);
    if (rc != RC_OK)
        return rc;
    if (fate != RECEIVED_COUNTS)
        return ledger_heads_add(&admitting->closed, &head);
    if (has_feed(&admitting->heads, entry, &at)) {
        admitting->heads.items[at] = head;
        return RC_OK;
    }
    return admitting->heads.count < LEDGER_MAX_HEADS ? ledger_heads_add(&admitting->heads, &head)
                                                     : RC_OK;
}

static enum rc
build_admit(struct session *session, void *context, struct draft *draft)
{
    struct replica *replica = session->replica;
    struct admitting admitting = {LEDGER_HEADS_EMPTY, LEDGER_HEADS_EMPTY};
    struct elog_row row = ELOG_ROW_EMPTY;
    struct elog_place place = {0, 0};
    bool found = true;
    enum rc rc = RC_OK;
    (void)context;

    draft->op.kind = LEDGER_ADMIT;
    while (rc == RC_OK && found) {
        rc = elog_next(replica->db, (struct id){{0}}, ELOG_HELD, &place, &row, &found);
        if (rc == RC_OK && found)
            rc = look_at(replica, &row, &admitting);
    }
    for (size_t i = 0; rc == RC_OK && i < admitting.heads.count; i++)
        rc = ledger_op_add_head(&draft->op, &admitting.heads.items[i]);
    if (rc == RC_OK && admitting.heads.count == 0)
        rc = RC_EXISTS;
    elog_row_wipe(&row);
    ledger_heads_wipe(&admitting.heads);
    ledger_heads_wipe(&admitting.closed);
    return rc;
}

/* What the answer hangs on, as one number: which entries are held, by which lines, and with which keys. */
static enum rc
sum_up(struct replica *replica, int64_t *sum)
{
    static const char *const parts[] = {
        "SELECT count(*) FROM sync_entry WHERE state = 3 AND state <> 1", /* ELOG_HELD */
        "SELECT coalesce(max(entry), 0) FROM sync_entry WHERE state = 3 AND state <> 1",
        "SELECT coalesce(sum(entry), 0) FROM sync_entry WHERE state = 3 AND state <> 1",
    };
    int64_t seen[sizeof parts / sizeof *parts + 2] = {(int64_t)ledger_position(replica->ledger),
                                                      (int64_t)keyring_count(replica->keys)};
    uint8_t hash[CRYPTO_HASH_BYTES];
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < sizeof parts / sizeof *parts; i++)
        rc = db_get_int(replica->db, parts[i], &seen[i + 2]);
    crypto_hash_plain(seen, sizeof seen, hash);
    memcpy(sum, hash, sizeof *sum);
    return rc;
}

enum rc
cover_admit(struct session *session)
{
    struct replica *replica = session->replica;
    uint64_t held, before = ledger_position(replica->ledger);
    int64_t sum, seen;

    enum rc rc = elog_count(replica->db, ELOG_HELD, &held);
    if (rc != RC_OK || held == 0)
        return rc;
    rc = sum_up(replica, &sum);
    if (rc == RC_OK)
        rc = state_get_int(replica->db, STATE_ADMIT_SEEN, &seen);
    if (rc != RC_OK || seen == sum)
        return rc;
    rc = submit(session, build_admit, NULL);
    if (rc == RC_OK && ledger_position(replica->ledger) == before)
        rc = state_put_int(replica->db, STATE_ADMIT_SEEN, sum);
    if (rc == RC_INVALID || rc == RC_DENIED || rc == RC_STALE)
        rc = RC_OK;
    if (rc == RC_OK && ledger_position(replica->ledger) > before)
        rc = inbox_apply(replica, session->report, NULL);
    return rc == RC_OK ? rc : rc_while(rc, _("taking late work over"));
}
