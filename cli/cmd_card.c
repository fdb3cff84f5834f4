/* What who covers and who comes back reads: the hand-over card, the summary on return. */
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/words.h"
#include "core/card.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "core/summary.h"
#include "sync/ledger.h"

#include <stdio.h>

enum { SUMMARY_DAYS = 14 };

static void
card_left_out(struct call *call, const char *key, size_t count)
{
    out_int(&call->out, key, NULL, (int64_t)count);
    if (count > 0)
        out_line(&call->out, _("... and %zu more"), count);
}

static void
card_members(struct call *call, const struct card *card)
{
    out_title(&call->out, _("Members of the family"));
    out_list(&call->out, "members", OUT_TABLE);
    for (size_t i = 0; i < card->member_count; i++) {
        const struct member *member = &card->members[i];
        out_row(&call->out);
        out_text(&call->out, "given_name", _("Name"), member->given_name);
        out_text(&call->out, "surname", _("Surname"), member->surname);
        out_date(&call->out, "birth_date", _("Born"), member->birth_date);
        out_word(&call->out, "relation", _("Relation"), member->relation,
                 words_say(member->relation));
        out_text(&call->out, "lives_where", _("Lives"), member->lives_where);
        out_text(&call->out, "phone", _("Phone"), member->phone);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("none"));
    card_left_out(call, "members_left_out", card->members_left_out);
}

static void
card_plan(struct call *call, const struct card *card)
{
    out_title(&call->out, _("Goals"));
    out_list(&call->out, "goals", OUT_TABLE);
    for (size_t i = 0; i < card->goal_count; i++) {
        out_row(&call->out);
        out_text(&call->out, "text", _("Goal"), card->goals[i].text);
        out_text(&call->out, "holder", _("Who"), card->goals[i].holder);
        out_date(&call->out, "deadline", _("Deadline"), card->goals[i].deadline);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("none"));
    card_left_out(call, "goals_left_out", card->goals_left_out);
    out_title(&call->out, _("Agreements"));
    out_list(&call->out, "agreements", OUT_TABLE);
    for (size_t i = 0; i < card->agreement_count; i++) {
        out_row(&call->out);
        out_text(&call->out, "text", _("Agreement"), card->agreements[i].text);
        out_text(&call->out, "who", _("Who"), card->agreements[i].who);
        out_date(&call->out, "due", _("Due"), card->agreements[i].due);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("none"));
    card_left_out(call, "agreements_left_out", card->agreements_left_out);
}

static enum rc
card_contacts(struct call *call, const struct card *card)
{
    enum rc rc = RC_OK;

    out_title(&call->out, _("Latest visits"));
    out_list(&call->out, "visits", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < card->contact_count; i++) {
        out_row(&call->out);
        out_date(&call->out, "date", _("Date"), card->contacts[i].date);
        out_word(&call->out, "kind", _("Kind"), card->contacts[i].kind,
                 words_say(card->contacts[i].kind));
        rc = call_out_person(call, "author", _("By"), card->contacts[i].facts.author);
        out_text(&call->out, "note", _("Note"), card->contacts[i].note);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, _("none"));
    return rc;
}

static enum rc
card_show(struct call *call, struct id family, const struct card *card)
{
    const struct ledger_family *facts = ledger_family(replica_ledger(call->replica), family);

    out_title(&call->out, _("HAND-OVER CARD"));
    out_object(&call->out, "card");
    out_id(&call->out, "family_id", NULL, family);
    out_text(&call->out, "code_name", _("Family"), card->family.code_name);
    enum rc rc =
        call_out_person(call, "owner", _("Owner"), facts == NULL ? (struct id){{0}} : facts->owner);
    out_word(&call->out, "phase", _("Phase"), card->family.phase, words_say(card->family.phase));
    show_profile_fields(call, &card->profile);
    out_word(&call->out, "safety_level", _("Safety"),
             card->safety.date == 0 ? NULL : card->safety.level,
             card->safety.date == 0 ? _("no judgement yet") : words_say(card->safety.level));
    out_date(&call->out, "safety_date", _("Judged on"), card->safety.date);
    out_text(&call->out, "safety_ground", _("Ground"), card->safety.ground);
    out_date(&call->out, "next_appointment", _("Next appointment"), card->next_appointment);
    out_int(&call->out, "conflicts", card->conflicts > 0 ? _("Two versions") : NULL,
            card->conflicts);
    card_members(call, card);
    card_plan(call, card);
    if (rc == RC_OK)
        rc = card_contacts(call, card);
    out_object_end(&call->out);
    return rc;
}

enum rc
cmd_cover_card(struct call *call)
{
    struct card card = {.texts = TEXTS_EMPTY};
    struct id family;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_family(call, call->words[0], &family);
    if (rc == RC_OK)
        rc = card_get(call->journal, family, call_today(call), &card);
    if (rc == RC_OK)
        rc = card_show(call, family, &card);
    card_wipe(&card);
    return rc;
}

static enum rc
row_summary(void *context, const struct summary_item *item)
{
    struct call *call = context;
    const struct schema_entity *entity = schema_entity(item->entity);

    out_row(&call->out);
    out_id(&call->out, "record", _("Id"), item->record);
    out_time(&call->out, "at", _("When"), item->at_ms);
    enum rc rc = call_out_person(call, "person", _("Who"), item->person);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             words_entity(entity == NULL ? NULL : entity->name));
    out_word(&call->out, "unit", NULL, item->unit, words_say(item->unit));
    out_bool(&call->out, "is_new", _("New"), item->is_new);
    out_bool(&call->out, "is_conflict", _("Two versions"), item->is_conflict);
    out_text(&call->out, "text", _("Text"), item->text);
    out_row_end(&call->out);
    return rc;
}

/* Each count with its own word, for of each there may be one. */
static void
say_counts(struct call *call, const struct summary_counts *counts)
{
    char contacts[80], changes[80], persons[80], conflicts[80];

    (void)snprintf(contacts, sizeof contacts, P_("%u new contact", "%u new contacts", counts->contacts), (unsigned)counts->contacts);
    (void)snprintf(changes, sizeof changes, P_("%u other change", "%u other changes", counts->changes), (unsigned)counts->changes);
    (void)snprintf(persons, sizeof persons, P_("by %u colleague", "by %u colleagues", counts->persons), (unsigned)counts->persons);
    (void)snprintf(conflicts, sizeof conflicts, _("%u with two versions"), (unsigned)counts->conflicts);
    out_line(&call->out, "%s, %s, %s; %s", contacts, changes, persons, conflicts);
}

static enum rc
summary_of(struct call *call, struct id family, int64_t from_ms, int64_t until_ms)
{
    struct summary_counts counts = {0};

    out_row(&call->out);
    enum rc rc = call_out_family(call, "family", _("Family"), family);
    if (rc != RC_OK)
        return rc;
    out_list(&call->out, "items", OUT_TABLE);
    rc = summary_list(call->journal, family, replica_self(call->replica).person, from_ms, until_ms,
                      &counts, row_summary, call);
    out_list_end(&call->out, _("Nothing happened here."));
    out_int(&call->out, "contacts", NULL, counts.contacts);
    out_int(&call->out, "changes", NULL, counts.changes);
    out_int(&call->out, "conflicts", NULL, counts.conflicts);
    out_int(&call->out, "persons", NULL, counts.persons);
    if (counts.contacts + counts.changes > 0)
        say_counts(call, &counts);
    out_row_end(&call->out);
    return rc;
}

/* The beginning of the latest cover of families of this owner; else so many days ago. */
static int64_t
away_since(const struct call *call)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_cover *cover = NULL;
    int64_t now_ms = replica_now_ms(call->replica);
    int64_t since = 0;

    for (size_t i = 0; (cover = ledger_cover_at(ledger, i)) != NULL; i++) {
        if (cover->accepted == 0 || (int64_t)cover->from_ms > now_ms ||
            (int64_t)cover->from_ms < since)
            continue;
        for (size_t k = 0; k < cover->family_count; k++) {
            const struct ledger_family *family = ledger_family(ledger, cover->families[k]);
            if (family != NULL && id_equal(family->owner, replica_self(call->replica).person))
                since = (int64_t)cover->from_ms;
        }
    }
    return since != 0 ? since : now_ms - SUMMARY_DAYS * DAY_MS;
}

enum rc
cmd_cover_summary(struct call *call)
{
    const char *from = call_option(call, OPT_FROM), *until = call_option(call, OPT_UNTIL);
    const struct ledger_family *family = NULL;
    int64_t from_ms = 0, until_ms = INT64_MAX;
    struct id only = {{0}};
    enum rc rc = from == NULL ? RC_OK : call_moment(from, false, &from_ms);

    if (rc == RC_OK && until != NULL)
        rc = call_moment(until, true, &until_ms);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK && call->word_count > 0)
        rc = call_family(call, call->words[0], &only);
    if (rc != RC_OK)
        return rc;
    if (from == NULL)
        from_ms = away_since(call);
    out_time(&call->out, "from", _("Since"), from_ms);
    out_time(&call->out, "until", until == NULL ? NULL : _("Until"), until == NULL ? 0 : until_ms);
    out_list(&call->out, "families", OUT_BLOCKS);
    if (!id_is_zero(only))
        rc = summary_of(call, only, from_ms, until_ms);
    for (size_t i = 0; rc == RC_OK && id_is_zero(only) &&
                       (family = ledger_family_at(replica_ledger(call->replica), i)) != NULL;
         i++)
        if (id_equal(family->owner, replica_self(call->replica).person))
            rc = summary_of(call, family->id, from_ms, until_ms);
    out_list_end(&call->out, _("There are no families of yours here."));
    return rc;
}
