/* Visits and other contacts: written once, amended and withdrawn by their author with a reason. */
#include "cli/commands.h"
#include "cli/show.h"
#include "cli/words.h"
#include "core/contact.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdlib.h>
#include <string.h>

enum { PARTICIPANTS = 32, MINUTES_MOST = 24 * 60 };

/* H:MM or HH:MM as minutes since midnight. */
static enum rc
time_option(const struct call *call, int32_t *minutes)
{
    static const char digits[] = "0123456789";
    const char *text = call_option(call, OPT_TIME);

    if (text == NULL)
        return RC_OK;
    size_t hours = strspn(text, digits);
    bool is_time = (hours == 1 || hours == 2) && text[hours] == ':' && strlen(text) == hours + 3 &&
                   strspn(text + hours + 1, digits) == 2;
    long hour = is_time ? strtol(text, NULL, 10) : 0, minute = is_time ? strtol(text + hours + 1, NULL, 10) : 0;
    if (!is_time || hour > 23 || minute > 59)
        return rc_fail(RC_INVALID, _("--%s is not a time such as 14:30"), option_name(OPT_TIME));
    *minutes = (int32_t)(hour * 60 + minute);
    return RC_OK;
}

/* What the options say replaces what the contact had. */
static enum rc
contact_options(struct call *call, struct texts *texts, struct contact *contact)
{
    static const char *const kinds[] = {"visit", "call", "message", "meeting", NULL};
    enum rc rc = call_date(call, OPT_DATE, contact->date, &contact->date);

    if (rc == RC_OK)
        rc = call_date(call, OPT_NEXT, contact->next, &contact->next);
    if (rc == RC_OK)
        rc = call_number(call, OPT_MINUTES, 1, MINUTES_MOST, contact->minutes, &contact->minutes);
    if (rc == RC_OK)
        rc = time_option(call, &contact->time);
    return rc == RC_OK ? call_word_or_own(call, OPT_KIND, kinds, texts, &contact->kind) : rc;
}

static enum rc
put_participants(struct call *call, struct change_set *set, struct texts *texts,
                 const struct contact *contact)
{
    struct participant participants[PARTICIPANTS] = {0};
    size_t count = 0;
    const char *typed = NULL;
    enum rc rc = RC_OK;

    while (rc == RC_OK && (typed = options_nth(&call->options, OPT_WITH, count)) != NULL) {
        if (count == PARTICIPANTS)
            return rc_fail(RC_TOO_LARGE, _("there are more than %d people in this visit"),
                           PARTICIPANTS);
        rc = input_text(typed, "--with", texts, &participants[count++].text);
    }
    if (rc != RC_OK || count == 0)
        return rc;
    return contact_put_participants(call->journal, set, contact->facts.family, contact->facts.id,
                                    participants, count);
}

enum rc
cmd_visit_add(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct contact contact = CONTACT_EMPTY;
    enum rc rc = RC_OK;

    contact.kind = "visit";
    contact.date = call_today(call);
    rc = contact_options(call, &texts, &contact);
    if (rc == RC_OK)
        rc = call_note(call, NOTE_IF_ANY, &texts, &contact.note);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_family_to_write(call, call->words[0], &contact.facts.family);
    if (rc == RC_OK)
        rc = contact_put(call->journal, &set, replica_self(call->replica).person, &contact);
    if (rc == RC_OK)
        rc = put_participants(call, &set, &texts, &contact);
    if (rc == RC_OK)
        rc = call_save(call, &set, "visit", contact.facts.id);
    if (rc == RC_OK && contact.note == NULL)
        out_notice(&call->out, "no_note", "%s",
                   _("There was no text: it was written down without a note."));
    if (rc == RC_OK && contact.date > call_today(call))
        out_notice(&call->out, "future_date", "%s", _("The date lies in the future."));
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_visit_list(struct call *call)
{
    struct record_filter filter = {.newest_first = true};
    enum rc rc = show_filter(call, call->word_count > 0 ? call->words[0] : NULL, &filter);

    return rc == RC_OK ? show_contacts(call, &filter) : rc;
}

static enum rc
show_participant(void *context, const struct participant *participant)
{
    struct call *call = context;

    out_row(&call->out);
    out_text(&call->out, "text", _("Present"), participant->text);
    enum rc rc = call_out_person(call, "person", _("Colleague"), participant->person);
    out_row_end(&call->out);
    return rc;
}

enum rc
cmd_visit_show(struct call *call)
{
    struct texts texts = TEXTS_EMPTY;
    struct contact contact = CONTACT_EMPTY;
    struct facts facts;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = call_record(call, ENTITY_CONTACT, _("visit"), call->words[0], &facts);
    if (rc == RC_OK)
        rc = contact_get(call->journal, facts.id, &contact, &texts);
    if (rc != RC_OK)
        goto out;
    out_object(&call->out, "visit");
    out_id(&call->out, "id", _("Id"), contact.facts.id);
    rc = call_out_family(call, "family", _("Family"), contact.facts.family);
    out_word(&call->out, "kind", _("Kind"), contact.kind, words_say(contact.kind));
    out_date(&call->out, "date", _("Date"), contact.date);
    show_minutes(&call->out, "time", _("Time"), contact.time);
    if (contact.minutes > 0)
        out_int(&call->out, "minutes", _("Minutes"), contact.minutes);
    if (rc == RC_OK)
        rc = call_out_person(call, "author", _("By"), contact.facts.author);
    out_time(&call->out, "written_at", _("Written"), contact.facts.written_ms);
    out_time(&call->out, "changed_at", NULL, contact.facts.changed_ms);
    out_date(&call->out, "next", _("Next appointment"), contact.next);
    out_text(&call->out, "reason", _("Reason of the correction"), contact.reason);
    out_bool(&call->out, "is_withdrawn", contact.is_withdrawn ? _("Withdrawn") : NULL,
             contact.is_withdrawn);
    out_int(&call->out, "conflicts", NULL, contact.facts.conflicts);
    out_text(&call->out, "note", _("Note"), contact.note);
    out_object_end(&call->out);
    if (rc != RC_OK)
        goto out;
    out_list(&call->out, "participants", OUT_TABLE);
    rc = contact_list_participants(call->journal, contact.facts.id, show_participant, call);
    out_list_end(&call->out, NULL);
out:
    texts_wipe(&texts);
    return rc;
}

/* A report is its author's, whatever the coordinator says. Gives `rc` back. */
static enum rc
advise_author(struct call *call, enum rc rc)
{
    if (rc == RC_DENIED)
        call->ending.advice = _("ask its author, or write what you see otherwise in a note of your own");
    return rc;
}

enum rc
cmd_visit_amend(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct contact contact = CONTACT_EMPTY;
    struct facts facts;
    const char *reason = NULL, *note = NULL;
    enum rc rc = call_need_text(call, OPT_REASON, &texts, &reason);

    if (rc == RC_OK)
        rc = call_note(call, NOTE_IF_NAMED, &texts, &note);
    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_record(call, ENTITY_CONTACT, _("visit"), call->words[0], &facts);
    if (rc == RC_OK)
        rc = contact_get(call->journal, facts.id, &contact, &texts);
    if (rc == RC_OK)
        rc = contact_options(call, &texts, &contact);
    contact.reason = reason;
    if (note != NULL)
        contact.note = note;
    if (rc == RC_OK)
        rc = advise_author(call, contact_put(call->journal, &set, replica_self(call->replica).person, &contact));
    if (rc == RC_OK)
        rc = call_save(call, &set, "visit", contact.facts.id);
    if (rc == RC_OK && contact.is_withdrawn)
        out_notice(&call->out, "withdrawn", "%s",
                   _("This visit was withdrawn, and stays so: `baken history` shows its versions, `baken undo` takes one of before "
                     "again."));
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}

enum rc
cmd_visit_withdraw(struct call *call)
{
    struct change_set set = CHANGE_SET_EMPTY;
    struct texts texts = TEXTS_EMPTY;
    struct facts facts;
    const char *reason = NULL;
    enum rc rc = call_need_text(call, OPT_REASON, &texts, &reason);

    if (rc == RC_OK)
        rc = call_open_team(call);
    if (rc == RC_OK)
        rc = call_record(call, ENTITY_CONTACT, _("visit"), call->words[0], &facts);
    if (rc == RC_OK)
        rc = advise_author(call, contact_withdraw(call->journal, &set, replica_self(call->replica).person, facts.id, reason));
    if (rc == RC_OK)
        rc = call_save(call, &set, "visit", facts.id);
    change_set_wipe(&set);
    texts_wipe(&texts);
    return rc;
}
