/* The first steps of a session: hello and ledger. */
#include <stdio.h>
#include <string.h>

#include "core/broken.h"
#include "core/i18n.h"
#include "sync/inbox.h"
#include "sync/recover.h"
#include "sync/sent.h"
#include "sync/session.h"

/* ---- hello ------------------------------------------------------------------------------------ */

/* The key that the server must have: the ledger's, or the invitation's before that is read. */
static enum rc
expected_key(struct replica *replica, const uint8_t **key, struct joining_invitation *invitation)
{
    if (replica->ledger != NULL) {
        *key = ledger_server_public(replica->ledger);
        return RC_OK;
    }
    enum rc rc = replica_load_invitation(replica, invitation);
    *key = rc == RC_OK ? invitation->server_public : NULL;
    return rc == RC_ABSENT ? rc_fail(RC_ABSENT, _("this store belongs to no team yet")) : rc;
}

/* *lost: the server stands where we once stood, and no further. */
static enum rc
check_head(const struct replica *replica, const struct wire_hello *hello, uint64_t *lost)
{
    if (replica->ledger == NULL)
        return RC_OK;
    uint64_t known = ledger_position(replica->ledger);
    const uint8_t *hash = ledger_hash_at(replica->ledger, hello->position);
    if (hello->position <= known && !broken_is(BROKEN_PAST) &&
        (hash == NULL || memcmp(hello->line_hash, hash, CRYPTO_HASH_BYTES) != 0))
        return rc_fail(RC_UNTRUSTED, _("the server shows different pasts to different devices"));
    if (hello->position < known)
        *lost = known - hello->position;
    return RC_OK;
}

static enum rc
greet(struct session *session, uint64_t *lost)
{
    struct replica *replica = session->replica;
    struct request_call call = {.method = "GET", .is_unsigned = true};
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    struct wire_hello hello;
    char team[2 * CRYPTO_HASH_BYTES + 1], nonce_text[2 * ID_BYTES + 1];
    struct id nonce = id_random();
    const uint8_t *key;

    *lost = 0;
    enum rc rc = expected_key(replica, &key, &invitation);
    if (rc != RC_OK)
        goto out;
    request_hex(replica->team, sizeof replica->team, team);
    request_hex(nonce.bytes, sizeof nonce.bytes, nonce_text);
    snprintf(call.target, sizeof call.target, "/v1/hello?team=%s&nonce=%s", team, nonce_text);
    int64_t before = clock_mono_ms(replica->clock);
    rc = request_send(replica, session->transport, &call, &answer, NULL);
    if (rc == RC_OK)
        rc = wire_hello_decode(answer.data, answer.len, &hello);
    if (rc == RC_CORRUPT)
        rc = rc_while(RC_UNTRUSTED, _("the server's greeting"));
    if (rc != RC_OK)
        goto out;
    if (memcmp(hello.server_public, key, CRYPTO_PUBLIC_BYTES) != 0)
        rc = rc_fail(RC_UNTRUSTED, _("this is not the server of the team"));
    else if (memcmp(hello.nonce, nonce.bytes, sizeof hello.nonce) != 0)
        rc = rc_fail(RC_UNTRUSTED, _("the server's greeting is an old one"));
    else if (!hello.has_team)
        rc = rc_fail(RC_ABSENT, _("the server does not know this team"));
    else if (memcmp(hello.team, replica->team, sizeof hello.team) != 0)
        rc = rc_fail(RC_UNTRUSTED, _("the server answers for another team"));
    else
        rc = check_head(replica, &hello, lost);
    if (rc != RC_OK || *lost > 0)
        goto out;
    int64_t half_ms = (clock_mono_ms(replica->clock) - before) / 2;
    session->server_position = hello.position;
    /* Where it knows one of us, and signs the very head that is here, no line is asked for. */
    session->is_current =
        replica->is_in_team && hello.position == ledger_position(replica->ledger);
    if (session->is_current)
        replica->has_newer_line = false; /* it signs that there is none */
    rc = replica_hear_time(replica, (int64_t)(hello.time_ms + (uint64_t)half_ms));
    session->report->clock_off_ms = -replica->clock_offset_ms;
    if (rc == RC_OK)
        rc = streams_show(replica);
out:
    joining_invitation_wipe(&invitation);
    buf_wipe(&answer);
    return rc;
}

enum rc
session_hello(struct session *session)
{
    uint64_t lost, known, still = 0;
    enum rc rc = greet(session, &lost);

    if (rc != RC_OK || lost == 0)
        return rc;
    known = ledger_position(session->replica->ledger);
    rc = session_return_lines(session, known - lost);
    if (rc == RC_OK)
        rc = greet(session, &still);
    if (rc == RC_OK && still > 0)
        rc = rc_fail(RC_UNTRUSTED, _("the server shows fewer ledger lines than before: %llu of %llu"),
                     (unsigned long long)(known - still), (unsigned long long)known);
    if (rc == RC_OK)
        session->report->lines_returned = lost;
    return rc;
}

/* ---- lines ------------------------------------------------------------------------------------ */

static enum rc
take_line(struct session *session, const struct wire_bytes *bytes, bool *is_gap)
{
    struct replica *replica = session->replica;
    struct ledger_line line;
    uint8_t hash[CRYPTO_HASH_BYTES];
    uint64_t known = replica->ledger != NULL ? ledger_position(replica->ledger) : 0;

    enum rc rc = ledger_line_decode(bytes->data, bytes->len, &line);
    if (rc != RC_OK)
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("a ledger line")) : rc;
    if (line.position > known + 1) {
        *is_gap = true;
        return RC_OK;
    }
    if (line.position == known + 1) {
        rc = replica_take_line(replica, bytes->data, bytes->len);
        ledger_op_hash(line.op, line.op_len, hash);
        return rc == RC_OK ? sent_take_line(replica, &line, memcmp(hash, session->made_by, sizeof hash) == 0) : rc;
    }
    ledger_line_hash(bytes->data, bytes->len, hash);
    if (line.position == 0 ||
        memcmp(hash, ledger_hash_at(replica->ledger, line.position), sizeof hash) != 0)
        return rc_fail(RC_UNTRUSTED, _("the server shows different pasts to different devices"));
    return RC_OK;
}

/* A line that only a newer program reads: this device stops before it. What follows is held to be its chain, and nothing else. */
struct beyond {
    uint64_t position; /* 0: none */
    uint8_t hash[CRYPTO_HASH_BYTES];
};

/* The statement is on the last line that is shown, or on the head when there is none: an older one would leave the order
 * and times of the newest lines unsigned. */
static enum rc
check_statement(const struct replica *replica, const struct wire_ledger_answer *answer, const struct beyond *beyond)
{
    const struct wire_statement *statement = &answer->statement;
    struct ledger_line last = {.position = ledger_position(replica->ledger)};
    const uint8_t *hash = ledger_hash_at(replica->ledger, statement->position);
    const uint8_t *key = ledger_server_public_at(replica->ledger, statement->position);

    if (beyond->position > 0 && statement->position == beyond->position) {
        hash = beyond->hash;
        key = ledger_server_public(replica->ledger);
    }

    if (memcmp(statement->team, replica->team, sizeof statement->team) != 0)
        return rc_fail(RC_UNTRUSTED, _("the server answers for another team"));
    if (answer->lines.count > 0) {
        const struct wire_bytes *bytes = &answer->lines.items[answer->lines.count - 1];
        enum rc rc = ledger_line_decode(bytes->data, bytes->len, &last);
        if (rc != RC_OK)
            return rc;
    }
    if (hash == NULL || key == NULL)
        return rc_fail(RC_UNTRUSTED, _("the server speaks of a ledger line that it does not show"));
    if (statement->position != last.position)
        return rc_fail(RC_UNTRUSTED,
                       _("the server did not sign the last ledger line that it shows"));
    if (!wire_statement_verify(statement, key))
        return rc_fail(RC_UNTRUSTED, _("the server's signature on the ledger does not hold"));
    if (memcmp(hash, statement->line_hash, CRYPTO_HASH_BYTES) != 0)
        return rc_fail(RC_UNTRUSTED, _("the server shows different pasts to different devices"));
    return RC_OK;
}

/* The newcomer accepts no ledger without the line of the invitation. */
static enum rc
check_invitation(struct replica *replica)
{
    struct joining_invitation invitation = JOINING_INVITATION_EMPTY;
    const uint8_t *hash;

    if (memcmp(ledger_team(replica->ledger), replica->team, sizeof replica->team) != 0)
        return rc_fail(RC_UNTRUSTED, _("the server answers for another team"));
    enum rc rc = replica_load_invitation(replica, &invitation);
    if (rc == RC_ABSENT)
        return RC_OK;
    bool is_short = ledger_position(replica->ledger) < invitation.position;
    if (rc == RC_OK && is_short && replica->is_in_team)
        rc = rc_fail(RC_UNTRUSTED, _("the server's ledger is not the one of the invitation"));
    if (rc == RC_OK && !is_short) {
        hash = ledger_hash_at(replica->ledger, invitation.position);
        if (hash == NULL || memcmp(hash, invitation.line_hash, CRYPTO_HASH_BYTES) != 0)
            rc = rc_fail(RC_UNTRUSTED, _("the server's ledger is not the one of the invitation"));
    }
    joining_invitation_wipe(&invitation);
    return rc;
}

static enum rc
pass_line(const struct wire_bytes *bytes, struct beyond *beyond)
{
    struct ledger_line line;

    enum rc rc = ledger_line_decode(bytes->data, bytes->len, &line);
    if (rc == RC_OK && beyond->position > 0 &&
        (line.position != beyond->position + 1 || memcmp(line.previous, beyond->hash, sizeof beyond->hash) != 0))
        rc = rc_fail(RC_UNTRUSTED, _("the server shows different pasts to different devices"));
    if (rc != RC_OK)
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("a ledger line")) : rc;
    beyond->position = line.position;
    ledger_line_hash(bytes->data, bytes->len, beyond->hash);
    return RC_OK;
}

/* Every line of an answer, as far as this program can read them. */
static enum rc
take_all(struct session *session, const struct wire_blocks *lines, bool *is_gap, struct beyond *beyond)
{
    struct replica *replica = session->replica;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && !*is_gap && i < lines->count; i++) {
        if (beyond->position == 0)
            rc = take_line(session, &lines->items[i], is_gap);
        /* Of a ledger without its first line nothing is known. */
        if (beyond->position > 0 || (rc == RC_UNSUPPORTED && ledger_position(replica->ledger) > 0))
            rc = pass_line(&lines->items[i], beyond);
    }
    if (rc != RC_OK || beyond->position == 0)
        return rc;
    replica->has_newer_line = true;
    return state_put_int(replica->db, STATE_NEWER_LINE, (int64_t)beyond->position);
}

enum rc
session_take_lines(struct session *session, const struct buf *bytes, bool *more)
{
    struct replica *replica = session->replica;
    struct wire_ledger_answer answer = WIRE_LEDGER_ANSWER_EMPTY;
    uint64_t known = replica->ledger != NULL ? ledger_position(replica->ledger) : 0;
    uint64_t keys_before = keyring_changes(replica->keys);
    struct beyond beyond = {.position = 0};
    bool is_gap = false;

    *more = false;
    enum rc rc = wire_ledger_answer_decode(bytes->data, bytes->len, &answer);
    if (rc != RC_OK) {
        wire_ledger_answer_wipe(&answer);
        return rc == RC_CORRUPT ? rc_while(RC_UNTRUSTED, _("the server's answer about the ledger"))
                                : rc;
    }
    rc = db_begin(replica->db);
    if (rc != RC_OK) {
        wire_ledger_answer_wipe(&answer);
        return rc;
    }
    rc = take_all(session, &answer.lines, &is_gap, &beyond);
    if (rc == RC_OK && replica->ledger == NULL)
        rc = rc_fail(RC_UNTRUSTED, _("the server shows an empty ledger"));
    if (rc == RC_OK)
        rc = check_invitation(replica);
    if (rc == RC_OK && !is_gap)
        rc = check_statement(replica, &answer, &beyond);
    if (rc == RC_OK && !is_gap && beyond.position == 0 && answer.statement.position == ledger_position(replica->ledger)) /* bundles carry lines up to it */
        rc = replica_keep_statement(replica, &answer.statement);
    if (rc == RC_OK && ledger_position(replica->ledger) > known)
        rc = sent_forget_older(replica);
    if (rc == RC_OK)
        rc = replica_mark_ledger(replica);
    rc = db_end(replica->db, rc);
    if (rc == RC_OK) {
        uint64_t now = ledger_position(replica->ledger);
        session->report->lines += now - known;
        if (session->server_position < now)
            session->server_position = now;
        *more = beyond.position == 0 && (answer.more != 0 || is_gap);
    } else {
        enum rc again = replica_load_ledger(replica); /* memory as the store is */
        replica->has_loose_keys =
            replica->has_loose_keys || keyring_changes(replica->keys) != keys_before;
        rc = again == RC_OK ? rc : again;
    }
    wire_ledger_answer_wipe(&answer);
    return rc;
}

static enum rc
fetch_lines(struct session *session)
{
    struct replica *replica = session->replica;
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    enum wire_error error = WIRE_ERROR_NONE;
    bool more = true;
    enum rc rc = RC_OK;

    while (rc == RC_OK && more) {
        struct request_call call = {.method = "GET"};
        uint64_t known = replica->ledger != NULL ? ledger_position(replica->ledger) : 0;
        rc = request_target(replica, &call, "/ledger?from=%llu", (unsigned long long)known + 1);
        if (rc == RC_OK)
            rc = request_send(replica, session->transport, &call, &answer, &error);
        session->is_revoked = session->is_revoked || error == WIRE_ERROR_REVOKED;
        if (rc == RC_OK)
            rc = session_take_lines(session, &answer, &more);
        if (rc == RC_OK && more && ledger_position(replica->ledger) == known)
            rc = rc_fail(RC_UNTRUSTED, _("the server promises ledger lines and shows none"));
        if (rc == RC_OK)
            session_progress(session, "ledger", ledger_position(replica->ledger),
                             session->server_position);
    }
    buf_wipe(&answer);
    return rc;
}

/* What lines change here, be they new or not looked at since an earlier session was cut off. */
static enum rc
follow_lines(struct replica *replica)
{
    enum rc rc = inbox_judge(replica);

    if (rc == RC_OK)
        rc = streams_refresh(replica);
    if (rc == RC_OK) /* what became late work may stand in the way of what waits */
        rc = recover_blocked(replica);
    if (rc == RC_OK)
        rc = state_drop(replica->db, STATE_INVITATION);
    return rc == RC_OK ? replica_mark_ledger(replica) : rc;
}

enum rc
session_ledger(struct session *session)
{
    struct replica *replica = session->replica;

    uint64_t claimed = session->server_position;
    enum rc rc = fetch_lines(session);
    if (rc != RC_OK)
        return rc;
    if (ledger_position(replica->ledger) < claimed && !replica->has_newer_line)
        return rc_fail(
            RC_UNTRUSTED, _("the server withholds ledger lines: there are %llu, and it shows %llu"),
            (unsigned long long)claimed, (unsigned long long)ledger_position(replica->ledger));
    if (!replica->is_in_team && replica->has_newer_line)
        return session_tell_newer(session);
    if (!replica->is_in_team)
        return rc_fail(RC_DENIED, _("this device is not approved yet"));
    return follow_lines(replica);
}

enum rc
session_ledger_first(struct session *session)
{
    return session->is_current ? follow_lines(session->replica) : session_ledger(session);
}
