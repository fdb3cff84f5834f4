/* Contacts with a family. */
#include "core/contact.h"

#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "core/record_inside.h"

#define CONTACT_COLUMNS                                                                            \
    "r.kind, r.date, r.time, r.note, r.minutes, r.next, r.reason, r.withdrawn"
static const struct query contacts = {
    ENTITY_CONTACT,
    LIST_SQL(CONTACT_COLUMNS, "file_contact",
             "(NOT ?6 OR coalesce(r.withdrawn, 0) = 0 OR " IN_DOUBT("r", "1") ") AND (?4 = 0 OR r.date >= ?4) "
             "AND (?5 = 0 OR r.date <= ?5)",
             "r.date * ?7, coalesce(r.time, 0) * ?7, r.written * ?7, r.id"),
    ONE_SQL(CONTACT_COLUMNS, "file_contact"),
};

enum rc
contact_put(struct journal *journal, struct change_set *set, struct id self,
            struct contact *contact)
{
    struct draft d = draft_start(journal, set, ENTITY_CONTACT, &contact->facts);

    draft_demand(&d, contact->date != 0, _("a contact needs a date"));
    draft_demand(&d, contact->time >= -1 && contact->time < 24 * 60,
                 _("there is no such time of day"));
    draft_demand(&d, contact->minutes <= 24 * 60, _("a contact lasts at most a day"));
    draft_by_author(&d, &contacts, self, contact->reason);
    draft_slug(&d, 1, contact->kind);
    draft_date(&d, 2, contact->date);
    if (d.rc == RC_OK && contact->time >= 0)
        d.rc = value_put_int(&d.value, 3, contact->time);
    draft_text(&d, 4, contact->note);
    draft_int(&d, 5, contact->minutes);
    draft_date(&d, 6, contact->next);
    draft_text(&d, 7, contact->reason);
    draft_int(&d, 8, contact->is_withdrawn);
    draft_unit(&d, 1);
    return draft_finish(&d);
}

static struct contact
read_contact(struct rows *row)
{
    struct contact contact = {.facts = row->facts};

    contact.kind = row_text(row);
    contact.date = row_u32(row);
    contact.time = stmt_is_null(row->stmt, row->at) ? -1 : (int32_t)get_u32(row->stmt, row->at);
    row->at++;
    contact.note = row_text(row);
    contact.minutes = row_u32(row);
    contact.next = row_u32(row);
    contact.reason = row_text(row);
    contact.is_withdrawn = row_is_true(row);
    return contact;
}

enum rc
contact_list(struct journal *journal, const struct record_filter *filter, contact_fn visit,
             void *context)
{
    struct rows rows = rows_list(journal, &contacts, filter);

    while (rows_next(&rows)) {
        struct contact contact = read_contact(&rows);
        if (rows.rc == RC_OK)
            rows.rc = visit(context, &contact);
    }
    return rows_finish(&rows);
}

enum rc
contact_get(struct journal *journal, struct id id, struct contact *out, struct texts *texts)
{
    struct rows rows = rows_one(journal, &contacts, id, texts);

    *out = (struct contact){.facts = {.is_hidden = false}};
    if (rows_only(&rows, _("there is no such contact here")))
        *out = read_contact(&rows);
    return rows_finish(&rows);
}

enum rc
contact_withdraw(struct journal *journal, struct change_set *set, struct id self, struct id id,
                 const char *reason)
{
    struct texts texts = TEXTS_EMPTY;
    struct contact contact;
    enum rc rc = contact_get(journal, id, &contact, &texts);

    if (rc == RC_OK) {
        contact.is_withdrawn = true;
        contact.reason = reason;
        rc = contact_put(journal, set, self, &contact);
    }
    texts_wipe(&texts);
    return rc;
}

/* ---- participants --------------------------------------------------------------------------- */

enum { PARTICIPANTS = 64 };

static enum rc
write_participant(const struct participant *participant, struct buf *value)
{
    if (!id_is_zero(participant->person))
        return value_put_id(value, 1, participant->person);
    if (is_blank(participant->text))
        return rc_fail(RC_INVALID, _("a participant is a person or a text"));
    return value_put_text(value, 2, participant->text);
}

/* The elements that should be there, as values; those found current are ticked off, the others removed. */
struct wanted {
    struct journal *journal;
    struct change_set *set;
    struct id family, record;
    struct buf values[PARTICIPANTS];
    bool is_there[PARTICIPANTS];
    size_t count;
    struct version *surplus;
    size_t surplus_count;
};

static enum rc
tick(void *context, const struct current *current)
{
    struct wanted *w = context;

    for (size_t i = 0; i < w->count; i++) {
        if (w->values[i].len != current->value_len ||
            memcmp(w->values[i].data, current->value, current->value_len) != 0)
            continue;
        w->is_there[i] = true;
        return RC_OK;
    }
    struct version *grown = realloc(w->surplus, (w->surplus_count + 1) * sizeof *grown);
    if (grown == NULL)
        return rc_nomem();
    w->surplus = grown;
    w->surplus[w->surplus_count++] = current->version;
    return RC_OK;
}

static enum rc
put_difference(struct wanted *w)
{
    struct buf removal = BUF_EMPTY(1);
    struct id stream;
    enum rc rc = journal_find_stream(w->journal, w->family, STREAM_FILE, &stream);

    if (rc == RC_OK)
        rc = journal_current(w->journal, stream, ENTITY_CONTACT, w->record, 2, tick, w);
    for (size_t i = 0; rc == RC_OK && i < w->count; i++)
        if (!w->is_there[i])
            rc = change_set_put(w->journal, w->set, w->family, ENTITY_CONTACT, w->record, 2,
                                &w->values[i], NULL, 0);
    if (rc == RC_OK && w->surplus_count > 0)
        rc = change_set_put(w->journal, w->set, w->family, ENTITY_CONTACT, w->record, 2, &removal,
                            w->surplus, w->surplus_count);
    return rc;
}

enum rc
contact_put_participants(struct journal *journal, struct change_set *set, struct id family,
                         struct id id, const struct participant *participants, size_t count)
{
    struct wanted *w = calloc(1, sizeof *w);
    enum rc rc = RC_OK;

    if (w == NULL)
        return rc_nomem();
    w->journal = journal;
    w->set = set;
    w->family = family;
    w->record = id;
    if (count > PARTICIPANTS)
        rc = rc_fail(RC_TOO_LARGE, _("more than %d participants"), PARTICIPANTS);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        w->values[i] = BUF_EMPTY(CHANGE_VALUE_BYTES);
        w->count = i + 1;
        rc = write_participant(&participants[i], &w->values[i]);
    }
    if (rc == RC_OK)
        rc = put_difference(w);
    for (size_t i = 0; i < w->count; i++)
        buf_wipe(&w->values[i]);
    free(w->surplus);
    free(w);
    return rc;
}

enum rc
contact_list_participants(struct journal *journal, struct id id, participant_fn visit,
                          void *context)
{
    struct stmt *stmt;
    bool row = true;
    enum rc rc = db_stmt(journal_db(journal),
                         "SELECT p.person, p.text FROM journal_record AS r "
                         "JOIN file_contact_participants AS p ON p.rid = r.rid "
                         "WHERE r.id = ?1 AND r.entity = ?2 AND r.hidden < 2 ORDER BY p.text, p.person",
                         &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_id(stmt, 1, id);
    stmt_int(stmt, 2, ENTITY_CONTACT);
    while (rc == RC_OK && row) {
        struct participant participant = {.text = NULL};
        rc = stmt_step(stmt, &row);
        if (rc != RC_OK || !row)
            break;
        if (!stmt_is_null(stmt, 0))
            rc = stmt_get_id(stmt, 0, &participant.person);
        participant.text = stmt_get_text(stmt, 1);
        if (rc == RC_OK)
            rc = visit(context, &participant);
    }
    stmt_done(stmt);
    return rc;
}
