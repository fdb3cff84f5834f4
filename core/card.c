/* The hand-over card: gathered with the lists of the domain, nothing of its own. */
#include "core/card.h"

#include "core/db.h"
#include "core/record_inside.h"

static enum rc
keep(struct card *card, const char **text)
{
    return texts_copy(&card->texts, *text, text);
}

static enum rc
add_member(void *context, const struct member *member)
{
    struct card *card = context;

    if (card->member_count == CARD_MEMBERS) {
        card->members_left_out++;
        return RC_OK;
    }
    struct member *kept = &card->members[card->member_count++];
    const char **const texts[] = {&kept->given_name, &kept->surname, &kept->relation,
                                  &kept->lives_where, &kept->phone};
    enum rc rc = RC_OK;
    *kept = *member;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = keep(card, texts[i]);
    return rc;
}

static enum rc
add_goal(void *context, const struct goal *goal)
{
    struct card *card = context;

    if (card->goal_count == CARD_GOALS) {
        card->goals_left_out++;
        return RC_OK;
    }
    struct goal *kept = &card->goals[card->goal_count++];
    const char **const texts[] = {&kept->text, &kept->measure, &kept->holder, &kept->status,
                                  &kept->level};
    enum rc rc = RC_OK;
    *kept = *goal;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = keep(card, texts[i]);
    return rc;
}

static enum rc
add_agreement(void *context, const struct agreement *agreement)
{
    struct card *card = context;

    if (card->agreement_count == CARD_AGREEMENTS) {
        card->agreements_left_out++;
        return RC_OK;
    }
    struct agreement *kept = &card->agreements[card->agreement_count++];
    const char **const texts[] = {&kept->text, &kept->kind, &kept->who, &kept->done_how};
    enum rc rc = RC_OK;
    *kept = *agreement;
    for (size_t i = 0; rc == RC_OK && i < sizeof texts / sizeof *texts; i++)
        rc = keep(card, texts[i]);
    return rc;
}

static enum rc
add_contact(void *context, const struct contact *contact)
{
    struct card *card = context;
    struct contact *kept = &card->contacts[card->contact_count++];
    enum rc rc;

    *kept = *contact;
    rc = keep(card, &kept->kind);
    if (rc == RC_OK)
        rc = keep(card, &kept->note);
    return rc == RC_OK ? keep(card, &kept->reason) : rc;
}

static enum rc
add_safety(void *context, const struct safety *safety)
{
    struct card *card = context;
    struct safety *kept = &card->safety;
    enum rc rc;

    *kept = *safety;
    rc = keep(card, &kept->level);
    if (rc == RC_OK)
        rc = keep(card, &kept->ground);
    if (rc == RC_OK)
        rc = keep(card, &kept->shared_with);
    return rc == RC_OK ? keep(card, &kept->reason) : rc;
}

static enum rc
read_number(struct journal *journal, const char *sql, struct id family, uint32_t today,
            uint32_t *number)
{
    struct stmt *stmt;
    bool row;
    enum rc rc = db_stmt(journal_db(journal), sql, &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, family);
    stmt_int(stmt, 2, today);
    rc = stmt_step(stmt, &row);
    if (rc == RC_OK && row)
        *number = get_u32(stmt, 0);
    stmt_done(stmt);
    return rc;
}

static enum rc
read_numbers(struct journal *journal, struct id family, uint32_t today, struct card *card)
{
    enum rc rc = read_number(journal,
                             "SELECT min(c.next) FROM file_contact AS c "
                             "JOIN journal_stream AS t ON t.s = c.s WHERE t.family = ?1 "
                             "AND c.next >= ?2 AND NOT c.hidden AND c.withdrawn IS NOT 1",
                             family, today, &card->next_appointment);

    if (rc != RC_OK)
        return rc;
    return read_number(journal,
                       "SELECT count(*) FROM journal_conflict AS x "
                       "JOIN journal_record AS r ON r.rid = x.rid "
                       "JOIN journal_stream AS t ON t.s = r.s "
                       "WHERE t.family = ?1 AND NOT r.hidden AND ?2 IS NOT NULL",
                       family, today, &card->conflicts);
}

/* A family whose index or profile is not here, or not written yet, still has a card. */
static enum rc
or_absent(enum rc rc)
{
    return rc == RC_ABSENT ? RC_OK : rc;
}

enum rc
card_get(struct journal *journal, struct id family, uint32_t today, struct card *card)
{
    struct record_filter all = {.family = family};
    struct record_filter open = {.family = family, .is_open_only = true};
    struct record_filter latest = {.family = family, .is_open_only = true, .newest_first = true};
    struct id stream;

    *card = (struct card){.texts = TEXTS_EMPTY};
    enum rc rc = journal_find_stream(journal, family, STREAM_FILE, &stream);
    if (rc == RC_OK)
        rc = or_absent(family_get(journal, family, &card->family, &card->texts));
    if (rc == RC_OK)
        rc = or_absent(profile_get(journal, family, &card->profile, &card->texts));
    if (rc == RC_OK)
        rc = member_list(journal, &all, add_member, card);
    if (rc == RC_OK)
        rc = goal_list(journal, &open, add_goal, card);
    if (rc == RC_OK)
        rc = agreement_list(journal, &open, add_agreement, card);
    latest.limit = CARD_CONTACTS;
    if (rc == RC_OK)
        rc = contact_list(journal, &latest, add_contact, card);
    latest.limit = 1;
    if (rc == RC_OK)
        rc = safety_list(journal, &latest, add_safety, card);
    return rc == RC_OK ? read_numbers(journal, family, today, card) : rc;
}

void
card_wipe(struct card *card)
{
    texts_wipe(&card->texts);
    *card = (struct card){.texts = TEXTS_EMPTY};
}
