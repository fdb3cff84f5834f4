/* The rules of every kind, and the table of all: what must hold for an operation to be the next line of the ledger.
 * docs/PROTOCOL.md, section 3, says the same in words. */
#include <string.h>

#include "core/i18n.h"
#include "sync/ledger_inside.h"
#include "sync/ledger_judge.h"

static const uint8_t ZEROS[CRYPTO_HASH_BYTES];

static bool
is_first(const struct judged *judged)
{
    return (judged->op->kind == LEDGER_CREATE_TEAM) == (judged->ledger->lines_count == 0);
}

static bool
is_of_this_team(const struct judged *judged)
{
    const uint8_t *team = judged->op->kind == LEDGER_CREATE_TEAM ? ZEROS : judged->ledger->team;

    return memcmp(judged->op->team, team, CRYPTO_HASH_BYTES) == 0;
}

static bool
author_is_active(const struct judged *judged)
{
    return judged->op->kind == LEDGER_CREATE_TEAM ||
           (judged->author != NULL && ledger_inside_is_active(judged->ledger, judged->author));
}

static bool
is_signed(const struct judged *judged)
{
    const uint8_t *key = judged->op->kind == LEDGER_CREATE_TEAM
                             ? judged->op->as.create_team.sign_public
                             : judged->author->facts.sign_public;

    return ledger_op_verify(judged->bytes, judged->len, key);
}

static bool
saw_this_past(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;

    if (op->kind == LEDGER_CREATE_TEAM)
        return op->seen == 0 && memcmp(op->seen_hash, ZEROS, sizeof ZEROS) == 0;
    return op->seen >= 1 && op->seen <= judged->ledger->lines_count &&
           memcmp(op->seen_hash, judged->ledger->lines[op->seen - 1].hash, CRYPTO_HASH_BYTES) == 0;
}

static bool
is_in_time(const struct judged *judged)
{
    return judged->op->not_after_ms == 0 || judged->time_ms <= judged->op->not_after_ms;
}

static bool
names_the_reserve_epoch(const struct judged *judged)
{
    const struct inside_stream *reserve = ledger_inside_stream(judged->ledger, ledger_reserve());
    bool names = false;

    for (size_t i = 0; i < judged->op->part_count; i++)
        for (size_t k = 0; k < judged->op->parts[i].recipient_count; k++)
            names = names || id_equal(judged->op->parts[i].recipients[k], ledger_reserve());
    return judged->op->reserve_epoch == (names && reserve != NULL ? reserve->facts.epoch : 0);
}

static bool
has_parts_by_kind(const struct judged *judged)
{
    switch (judged->op->kind) {
    case LEDGER_CREATE_TEAM:
    case LEDGER_APPROVE:
    case LEDGER_FAMILY:
    case LEDGER_GRANT:
    case LEDGER_ROTATE:
        return judged->op->part_count > 0;
    case LEDGER_ASSIGN:
    case LEDGER_COVER_GIVE:
        return true;
    default:
        return judged->op->part_count == 0;
    }
}

static bool
names_boxes(const struct judged *judged)
{
    bool none = memcmp(judged->op->boxes_hash, ZEROS, sizeof ZEROS) == 0;

    return none == (judged->op->part_count == 0);
}

static bool
keys_are_sound(const struct judged *judged)
{
    const struct ledger_op *op = judged->op;

    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        return crypto_sign_public_is_sound(op->as.create_team.sign_public) &&
               crypto_box_public_is_sound(op->as.create_team.box_public) &&
               crypto_box_public_is_sound(op->as.create_team.reserve_public) &&
               crypto_sign_public_is_sound(op->as.create_team.server_public);
    case LEDGER_APPROVE:
        return crypto_sign_public_is_sound(op->as.approve.request.sign_public) &&
               crypto_box_public_is_sound(op->as.approve.request.box_public);
    case LEDGER_ROTATE:
        return !op->as.rotate.has_reserve ||
               crypto_box_public_is_sound(op->as.rotate.reserve_public);
    case LEDGER_SERVER:
        return crypto_sign_public_is_sound(op->as.server.server_public);
    default:
        return true;
    }
}

#define EVERY LEDGER_KIND_COUNT

/* ---- the rules ---- */

static const struct ledger_rule_row ROWS[] = {
    {{EVERY, "first", RC_INVALID, N_("The first line, and no other, creates the team.")}, is_first},
    {{EVERY, "team", RC_INVALID, N_("The operation names this team.")}, is_of_this_team},
    {{EVERY, "author", RC_DENIED, N_("Its author is an active device.")}, author_is_active},
    {{EVERY, "signature", RC_INVALID, N_("Its author's signature holds.")}, is_signed},
    {{EVERY, "seen", RC_STALE, N_("Its author had read this ledger: the line it names stands below.")},
     saw_this_past},
    {{EVERY, "in_time", RC_STALE, N_("The line's time is not after the one that its author set.")},
     is_in_time},
    {{EVERY, "parts", RC_INVALID, N_("Key parts stand where the kind has them, and nowhere else.")},
     has_parts_by_kind},
    {{EVERY, "boxes", RC_INVALID, N_("A set of boxes is named exactly when there are key parts.")},
     names_boxes},
    {{EVERY, "keys", RC_INVALID, N_("Public keys are canonical and of no small order.")},
     keys_are_sound},
    {{EVERY, "reserve_epoch", RC_STALE, N_("Boxes for the reserve are made for its current epoch.")},
     names_the_reserve_epoch},
};

/* ---- the table ---- */

static const struct ledger_rule_row *
row_at(size_t index)
{
    const struct ledger_rules parts[] = {{ROWS, sizeof ROWS / sizeof ROWS[0]},
                                         ledger_rules_team(),
                                         ledger_rules_family()};

    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++) {
        if (index < parts[i].count)
            return &parts[i].rows[index];
        index -= parts[i].count;
    }
    return NULL;
}

const struct ledger_rule *
ledger_rule_at(size_t index)
{
    const struct ledger_rule_row *row = row_at(index);

    return row == NULL ? NULL : &row->rule;
}

/* The demand for people, and the rule's name for whoever helps them. */
static enum rc
tell_rule(const struct ledger_rule *demand, enum ledger_kind kind)
{
    const char *text = _(demand->demand);
    size_t len = strlen(text);

    if (len > 0 && text[len - 1] == '.')
        len--;
    return rc_fail(demand->code, _("this rule of the team does not hold: %.*s (%s, %s)"), (int)len, text,
                   ledger_kind_name(kind), demand->name);
}

enum rc
ledger_inside_judge(const struct ledger *ledger, const struct ledger_op *op, const void *bytes,
                    size_t len, uint64_t time_ms, const struct ledger_cover *carried, const char **rule)
{
    struct ledger_ids scratch = LEDGER_IDS_EMPTY;
    enum rc trouble = RC_OK;
    struct judged judged = {ledger, op,       bytes,
                            len,    time_ms,  ledger_inside_device(ledger, op->author),
                            NULL,   &scratch, &trouble, carried};
    enum rc rc = RC_OK;

    if (judged.author != NULL)
        judged.person = &ledger->persons[judged.author->person];
    *rule = NULL;
    const struct ledger_rule_row *row;
    for (size_t i = 0; rc == RC_OK && (row = row_at(i)) != NULL; i++) {
        const struct ledger_rule *demand = &row->rule;
        if ((demand->kind != EVERY && demand->kind != op->kind) || row->holds(&judged))
            continue;
        rc = trouble;
        if (rc != RC_OK)
            break; /* memory ran out while judging: no verdict */
        *rule = demand->name;
        rc = tell_rule(demand, op->kind);
    }
    ledger_ids_wipe(&scratch);
    return rc;
}
