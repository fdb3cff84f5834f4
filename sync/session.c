/* One round of sync, as docs/PROTOCOL.md section 9 orders it. Interrupted anywhere, the next round goes on. */
#include "sync/session.h"

#include <string.h>

#include "core/i18n.h"
#include "sync/carried.h"
#include "sync/cover.h"
#include "sync/inbox.h"
#include "sync/news.h"
#include "sync/outbox.h"
#include "sync/recover.h"

enum { SESSION_LEDGER_ROUNDS = 4 };

void
session_progress(const struct session *session, const char *step, uint64_t done, uint64_t of)
{
    if (session->options != NULL && session->options->progress != NULL)
        session->options->progress(session->options->context, step, done, of);
}

/* Before anything else: what a server that was put back lost is perhaps nowhere else than here, and what is sealed with a key that nobody has
 * is lost too. */
static enum rc
exchange_boxes(struct session *session)
{
    enum rc rc = session_boxes(session);

    return rc == RC_OK ? session_return_boxes(session) : rc;
}

enum rc
session_begin(struct session *session)
{
    enum rc rc = replica_need_team(session->replica);

    if (rc == RC_OK)
        rc = session_hello(session);
    if (rc == RC_OK)
        rc = replica_store_time(session->replica);
    if (rc == RC_OK)
        rc = session_ledger_first(session);
    if (rc == RC_OK)
        rc = carried_settle(session);
    if (rc == RC_OK)
        rc = exchange_boxes(session);
    /* What an operation needs to know may stand in a line that only a newer program reads. */
    return rc == RC_OK && session->replica->has_newer_line ? session_tell_newer(session) : rc;
}

enum rc
session_tell_newer(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t is_full;
    uint64_t saves;
    enum rc rc = state_get_int(replica->db, STATE_NEWER_FULL, &is_full);

    if (rc == RC_OK)
        rc = outbox_count(replica->db, &saves);
    if (rc != RC_OK || (!replica->has_newer_line && is_full == 0))
        return rc;
    if (!replica->has_newer_line)
        return rc_fail(RC_UNSUPPORTED, _("colleagues use a newer program: upgrade this one; more of what they wrote waits than is kept here"));
    return rc_fail(RC_UNSUPPORTED,
                   _("the team uses a newer program: upgrade this one; until then it fetches what it can read and sends what was sealed, "
                     "and %llu saves wait here"),
                   (unsigned long long)saves);
}

/* Whatever the server spoke of and we have not read, and can. */
static bool
is_behind(const struct session *session)
{
    return session->server_position > ledger_position(session->replica->ledger) && !session->replica->has_newer_line;
}

static enum rc
membership(struct session *session)
{
    enum rc rc = session_ledger_first(session);

    if (rc == RC_OK)
        rc = carried_settle(session);
    if (rc == RC_OK)
        rc = exchange_boxes(session);
    if (session->replica->has_newer_line)
        return rc; /* who is owed what is not known */
    if (rc == RC_OK)
        rc = cover_settle(session);
    if (rc == RC_OK)
        rc = session_pay(session);
    return rc;
}

/* Pulls and applies; reads the ledger again as long as pages name lines that were not read. */
static enum rc
receive(struct session *session)
{
    struct replica *replica = session->replica;
    enum rc rc = RC_OK;

    for (int i = 0; rc == RC_OK && i < SESSION_LEDGER_ROUNDS; i++) {
        rc = db_set_synchronous(replica->db, false);
        if (rc == RC_OK)
            rc = session_pull(session);
        if (rc == RC_OK)
            rc = inbox_apply(replica, session->report, session->options);
        enum rc full = db_set_synchronous(replica->db, true);
        if (rc == RC_OK)
            rc = full;
        if (rc != RC_OK || !is_behind(session))
            break;
        rc = session_ledger(session);
        if (rc == RC_OK)
            rc = session_boxes(session);
    }
    return rc;
}

/* Of a session that had nothing to do the only thing that is written: one flush. */
static enum rc
note_time(struct replica *replica)
{
    enum rc rc = db_begin(replica->db);

    if (rc != RC_OK)
        return rc;
    rc = state_put_int(replica->db, STATE_LAST_SYNC_MS, replica_now_ms(replica));
    if (rc == RC_OK)
        rc = replica_store_time(replica);
    return db_end(replica->db, rc);
}

static enum rc
finish(struct session *session)
{
    struct replica *replica = session->replica;
    int64_t filling = 0;

    enum rc rc = journal_index(replica->journal);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_PARKED, &session->report->parked);
    if (rc == RC_OK)
        rc = elog_count(replica->db, ELOG_HELD, &session->report->held);
    if (rc == RC_OK)
        rc = news_begin(replica->db);
    if (rc == RC_OK)
        rc = note_time(replica);
    if (rc == RC_OK)
        rc = db_get_int(replica->db, "SELECT 1 FROM sync_stream WHERE is_filling LIMIT 1", &filling);
    session->report->is_complete = rc == RC_OK && filling == 0;
    return rc;
}

/* A revoked device is told nothing more, but what it wrote may still be handed in, named by the last ledger line that it
 * read: as late work it is lost to nobody. Where a rotation is owed it stays here: that this device was revoked is the
 * server's bare word, and whoever the rotation shuts out could read it. */
static enum rc
hand_in(struct session *session)
{
    int64_t waits = 0;
    enum rc rc = session_offer_unconfirmed(session);

    if (rc == RC_OK)
        rc = session_push(session);
    if (rc == RC_OK)
        rc = db_get_int(session->replica->db, "SELECT 1 FROM sync_outbox LIMIT 1", &waits);
    if (rc != RC_OK)
        return rc_while(rc, _("this device was revoked; handing in what waits"));
    if (waits != 0)
        return rc_fail(RC_DENIED, _("this device was revoked; what may not be handed in under an "
                                    "old key is still here, and only here"));
    return rc_fail(RC_DENIED, _("this device was revoked; what it wrote was handed in"));
}

/* A revoked device is not given the line that says so: the server's word is kept instead. */
static enum rc
note_revoked(struct session *session)
{
    struct replica *replica = session->replica;

    if (replica->is_revoked == session->is_revoked)
        return RC_OK;
    replica->is_revoked = session->is_revoked;
    return state_put_int(replica->db, STATE_REVOKED, session->is_revoked);
}

static enum rc
run(struct session *session)
{
    struct replica *replica = session->replica;

    enum rc rc = session_hello(session);
    if (rc == RC_OK)
        rc = membership(session);
    if (session->is_revoked || rc == RC_OK) {
        enum rc noted = note_revoked(session);
        rc = noted != RC_OK ? noted : rc;
    }
    if (session->is_revoked && replica->is_in_team && !replica->must_recover)
        return hand_in(session);
    if (rc == RC_OK && replica->must_recover) {
        rc = receive(
            session); /* own feeds are compared with the server's before anything is sealed */
        if (rc == RC_OK)
            rc = recover_feeds(session);
        if (rc == RC_OK) /* streams that were lost meanwhile could not be sealed before */
            rc = streams_refresh(replica);
    }
    if (rc == RC_OK)
        rc = session_offer_unconfirmed(session);
    if (rc == RC_OK)
        rc = session_push(session);
    if (rc == RC_OK)
        rc = receive(session);
    if (rc == RC_OK)
        rc = session_return_boxes(session);
    if (rc == RC_OK)
        rc = session_close_gaps(session);
    if (rc == RC_OK)
        rc = inbox_settle(replica);
    if (rc == RC_OK)
        rc = inbox_settle_names(replica, session->report, session->options);
    if (rc == RC_OK && !replica->has_newer_line)
        rc = cover_admit(session);
    if (rc == RC_OK)
        rc = session_acknowledge(session);
    if (rc == RC_OK)
        rc = session_fetch_acks(session);
    if (rc == RC_OK) /* whose numbers may have told of a restore */
        rc = session_return_boxes(session);
    if (rc == RC_OK)
        rc = finish(session);
    return rc == RC_OK ? session_tell_newer(session) : rc;
}

enum rc
replica_sync(struct replica *replica, const struct transport *transport,
             const struct sync_options *options, struct sync_report *report)
{
    struct session session = {
        .replica = replica, .transport = transport, .options = options, .report = report};

    *report = (struct sync_report){0};
    if (!replica->has_identity)
        return rc_fail(RC_ABSENT, _("this store belongs to no team yet"));
    struct news_conflicts before;
    enum rc rc = news_conflicts_know(replica->journal, true, &before);
    if (rc == RC_OK)
        rc = news_conflicts_end(replica->journal, &before, report, run(&session));
    if (rc != RC_OK && replica->has_loose_time) { /* what the server said of the time holds however the session ended */
        enum rc stored = replica_store_time(replica);
        rc = stored == RC_OK ? rc : stored;
    }
    return rc;
}
