/* Things by name or by the end of their id, and the names of things. */
#include "cli/command.h"

#include "core/family.h"
#include "core/i18n.h"
#include "core/schema.h"
#include "core/text.h"
#include "sync/ledger.h"

#include <stdio.h>
#include <string.h>

enum {
    NAME_BYTES = 1024,
    CANDIDATES_BYTES = 300,
    LONGER_ID_CHARS = 8 /* of six, which lists show, all may have the same */
};

/* One of many: remembers the first that matches, and the names and short ids of all. */
struct choice {
    size_t count;
    struct id first;
    char candidates[CANDIDATES_BYTES];
};

/* `name` is NULL for what has none. */
static void
choice_add(struct choice *choice, struct id id, const char *name)
{
    char full[ID_TEXT_CHARS + 1];
    size_t len = strlen(choice->candidates), room = sizeof choice->candidates - len;
    size_t nameless = strlen(", ") + strlen(" ") + LONGER_ID_CHARS + 1;

    id_to_text(id, full);
    if (choice->count == 0)
        choice->first = id;
    if (name == NULL || nameless + strlen(name) > room)
        name = ""; /* a long one is left out: no half of it */
    if (nameless <= room)
        (void)snprintf(choice->candidates + len, room, "%s%s%s%s", len == 0 ? "" : ", ", name, name[0] == '\0' ? "" : " ",
                       full + ID_TEXT_CHARS - LONGER_ID_CHARS);
    choice->count++;
}

static enum rc
choice_end(const struct choice *choice, const char *what, const char *text, struct id *id)
{
    if (choice->count == 0)
        return rc_fail(RC_ABSENT, _("there is no %s `%s` on this device"), what, text);
    if (choice->count > 1)
        return rc_fail(RC_AMBIGUOUS, _("more than one %s answers to `%s`: %s"), what, text,
                       choice->candidates);
    *id = choice->first;
    return RC_OK;
}

/* Copies a name that was written there into `texts`. It stands within sentences: with a line end in it, it could begin another. */
static enum rc
keep(struct texts *texts, enum rc rc, struct buf *written, const char **text)
{
    for (size_t i = 0; i < written->len; i++)
        if (written->data[i] < ' ')
            written->data[i] = ' ';
    const char *copy = rc == RC_OK ? buf_text(written) : NULL;

    if (rc == RC_OK)
        rc = copy == NULL ? rc_nomem() : texts_copy(texts, copy, text);
    buf_wipe(written);
    return rc;
}

/* As it stands on the ledger. */
static enum rc
label_written(struct call *call, struct texts *texts, struct id device, const char **label)
{
    struct buf written = BUF_EMPTY(NAME_BYTES);
    enum rc rc = replica_device_label(call->replica, device, &written);

    return keep(texts, rc, &written, label);
}

struct family_search {
    const char *text;
    struct choice choice;
};

static enum rc
match_family(void *context, const struct family *family)
{
    struct family_search *search = context;

    if (id_matches(family->facts.id, search->text) ||
        (family->code_name != NULL && text_equal_folded(family->code_name, search->text)))
        choice_add(&search->choice, family->facts.id, family->code_name);
    return RC_OK;
}

enum rc
call_family(struct call *call, const char *text, struct id *family)
{
    struct family_search search = {.text = text};
    struct record_filter all = {.with_hidden = true};
    enum rc rc = family_list(call->journal, &all, match_family, &search);

    return rc == RC_OK ? choice_end(&search.choice, _("family"), text, family) : rc;
}

enum rc
call_person(struct call *call, const char *text, struct id *person)
{
    if (strcmp(text, "me") == 0) {
        *person = replica_self(call->replica).person;
        return RC_OK;
    }

    struct choice whole = {0}, begun = {0};
    struct texts texts = TEXTS_EMPTY;
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_person *at = NULL;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (at = ledger_person_at(ledger, i)) != NULL; i++) {
        const char *name = NULL;
        rc = call_person_name(call, &texts, at->id, &name);
        if (rc == RC_OK && (id_matches(at->id, text) || text_equal_folded(name, text)))
            choice_add(&whole, at->id, name);
        else if (rc == RC_OK && text[0] != '\0' && text_begins_folded(name, text))
            choice_add(&begun, at->id, name);
    }
    texts_wipe(&texts);
    if (rc == RC_OK && whole.count + begun.count == 0) {
        call->ending.advice = _("`baken person list` shows the names; `baken sync` fetches what is new");
        return rc_fail(RC_ABSENT, _("there is no colleague `%s` in the team"), text);
    }
    return rc == RC_OK ? choice_end(whole.count > 0 ? &whole : &begun, _("colleague"), text, person)
                       : rc;
}

void
call_advise_role(struct call *call, enum rc rc, struct id person, uint32_t roles)
{
    const struct ledger_person *found = rc == RC_STALE ? ledger_person(replica_ledger(call->replica), person) : NULL;

    if (found != NULL && (found->roles & roles) == 0)
        call->ending.advice = _("name another colleague: `baken person list` shows their roles, `baken person roles` gives one; if that was "
                                "done a moment ago, run `baken sync` and repeat it");
}

enum rc
call_family_to_write(struct call *call, const char *text, struct id *family)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    enum rc rc = call_family(call, text, family);
    const struct ledger_family *facts = rc == RC_OK ? ledger_family(ledger, *family) : NULL;

    if (facts == NULL ||
        ledger_may_write(ledger, replica_self(call->replica).feed.device, facts->file))
        return rc;
    if (replica_is_revoked(call->replica))
        return rc_fail(RC_DENIED, _("this device was shut out of the team"));
    return rc_fail(RC_DENIED,
                   _("you may not write in the file of `%s`: you are not its coach and do not cover "
                     "for it"),
                   text);
}

enum rc
call_device(struct call *call, const char *text, struct id *device)
{
    struct choice whole = {0}, begun = {0};
    struct texts texts = TEXTS_EMPTY;
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *at = NULL;
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && (at = ledger_device_at(ledger, i)) != NULL; i++) {
        const char *label = NULL, *written = NULL;
        rc = call_device_label(call, &texts, at->id, &label);
        if (rc == RC_OK) /* a label without its number means each that has it */
            rc = label_written(call, &texts, at->id, &written);
        if (rc == RC_OK && (id_matches(at->id, text) || text_equal_folded(label, text) || text_equal_folded(written, text)))
            choice_add(&whole, at->id, label);
        else if (rc == RC_OK && text[0] != '\0' && text_begins_folded(label, text))
            choice_add(&begun, at->id, label);
    }
    texts_wipe(&texts);
    if (rc == RC_OK && whole.count + begun.count == 0) {
        call->ending.advice = _("`baken device list` shows the names; `baken sync` fetches what is new");
        return rc_fail(RC_ABSENT, _("there is no device `%s` in the team"), text);
    }
    return rc == RC_OK ? choice_end(whole.count > 0 ? &whole : &begun, _("device"), text, device) : rc;
}

enum rc
call_cover(struct call *call, const char *text, struct id *cover)
{
    struct choice choice = {0};
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_cover *at = NULL;

    for (size_t i = 0; (at = ledger_cover_at(ledger, i)) != NULL; i++)
        if (id_matches(at->id, text))
            choice_add(&choice, at->id, NULL);
    return choice_end(&choice, _("cover"), text, cover);
}

enum rc
call_record(struct call *call, uint32_t entity, const char *what, const char *text,
            struct facts *facts)
{
    enum rc rc = record_find(call->journal, entity, text, facts);

    if (rc == RC_ABSENT)
        return rc_fail(RC_ABSENT, _("there is no %s `%s` on this device"), what, text);
    return rc;
}

enum rc
call_subject(struct call *call, const char *text, struct subject *subject)
{
    enum rc rc = RC_OK;

    *subject = (struct subject){.count = 0};
    for (size_t i = 0; rc == RC_OK && i < schema_entity_count; i++) {
        const struct schema_entity *entity = &schema_entities[i];
        struct facts facts;
        rc = record_find(call->journal, entity->number, text, &facts);
        if (rc == RC_ABSENT) {
            rc = RC_OK;
            continue;
        }
        if (rc == RC_OK && subject->count > 0 && !id_equal(subject->record, facts.id))
            rc = rc_fail(RC_AMBIGUOUS, _("more than one thing answers to `%s`"), text);
        if (rc != RC_OK || subject->count == SUBJECT_PARTS)
            continue;
        subject->record = facts.id;
        subject->family = facts.family;
        struct subject_part *part = &subject->parts[subject->count++];
        part->entity = entity;
        rc = journal_find_stream(call->journal, facts.family, entity->home, &part->stream);
    }
    return rc;
}

struct seeking {
    struct subject *subject;
    const char *text;
    bool is_ambiguous;
};

static enum rc
match_received(void *context, const struct received_item *item)
{
    struct seeking *seeking = context;
    struct subject *subject = seeking->subject;
    const struct schema_entity *entity = schema_entity(item->entity);

    if (entity == NULL || !id_matches(item->record, seeking->text))
        return RC_OK;
    for (size_t i = 0; i < subject->count; i++) {
        seeking->is_ambiguous = seeking->is_ambiguous || !id_equal(subject->record, item->record);
        struct subject_part *part = &subject->parts[i];
        if (part->entity == entity && id_equal(part->stream, item->stream)) {
            part->is_received = true;
            return RC_OK;
        }
    }
    if (subject->count == SUBJECT_PARTS)
        return RC_OK;
    if (subject->count == 0) {
        subject->record = item->record;
        subject->family = item->family;
    }
    subject->parts[subject->count++] = (struct subject_part){entity, item->stream, true};
    return RC_OK;
}

enum rc
call_received(struct call *call, const char *text, struct subject *subject)
{
    struct seeking seeking = {subject, text, false};
    uint64_t unreadable;

    if (strlen(text) < ID_SHORT_CHARS)
        return rc_fail(RC_ABSENT, _("nothing has an id that ends in %s"), text);
    enum rc rc = replica_received(call->replica, match_received, &seeking, &unreadable);
    if (rc == RC_OK && seeking.is_ambiguous)
        rc = rc_fail(RC_AMBIGUOUS, _("more than one thing answers to `%s`"), text);
    if (rc == RC_OK && subject->count == 0)
        rc = rc_fail(RC_ABSENT, _("nothing has an id that ends in %s"), text);
    return rc;
}

enum rc
call_received_of(struct call *call, struct subject *subject)
{
    char text[ID_TEXT_CHARS + 1];
    struct seeking seeking = {subject, text, false};
    uint64_t unreadable;

    id_to_text(subject->record, text);
    return replica_received(call->replica, match_received, &seeking, &unreadable);
}

enum rc
call_person_name(struct call *call, struct texts *texts, struct id person, const char **name)
{
    struct buf written = BUF_EMPTY(NAME_BYTES);
    enum rc rc = replica_person_name(call->replica, person, &written);

    return keep(texts, rc, &written, name);
}

/* A device whose label nobody chose is called after its person, and so is the next: the ledger's order numbers them, those that were shut
 * out too, so that no number ever changes hands. */
enum rc
call_device_label(struct call *call, struct texts *texts, struct id device, const char **label)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_device *self = ledger == NULL ? NULL : ledger_device(ledger, device), *at = NULL;
    size_t number = 0, count = 0;
    enum rc rc = label_written(call, texts, device, label);

    for (size_t i = 0; rc == RC_OK && self != NULL && (at = ledger_device_at(ledger, i)) != NULL; i++) {
        const char *other = NULL;
        if (!id_equal(at->person, self->person))
            continue;
        rc = label_written(call, texts, at->id, &other);
        count += rc == RC_OK && text_equal_folded(*label, other);
        if (id_equal(at->id, device))
            number = count;
    }
    if (rc != RC_OK || count < 2)
        return rc;
    struct buf numbered = BUF_EMPTY(NAME_BYTES + 32);
    rc = buf_printf(&numbered, "%s (%zu)", *label, number);
    return keep(texts, rc, &numbered, label);
}

enum rc
call_family_name(struct call *call, struct texts *texts, struct id family, const char **name)
{
    char brief[ID_TEXT_CHARS + 1];
    struct buf written = BUF_EMPTY(CHANGE_NOTE_BYTES);
    struct family found;
    enum rc rc = family_get(call->journal, family, &found, texts);

    if (rc == RC_OK && found.code_name != NULL)
        return keep(texts, buf_put(&written, found.code_name, strlen(found.code_name)), &written, name);
    if (rc != RC_OK && rc != RC_ABSENT)
        return rc;
    out_short_id(family, brief);
    return texts_copy(texts, brief, name);
}

typedef enum rc (*name_fn)(struct call *call, struct texts *texts, struct id id, const char **name);

static enum rc
out_named(struct call *call, const char *key, const char *heading, struct id id, name_fn name_of)
{
    struct texts texts = TEXTS_EMPTY;
    const char *name = NULL;

    if (id_is_zero(id)) {
        out_text(&call->out, key, heading, NULL);
        return RC_OK;
    }
    enum rc rc = name_of(call, &texts, id, &name);
    if (rc == RC_OK && key != NULL) {
        out_object(&call->out, key);
        out_id(&call->out, "id", NULL, id);
        out_text(&call->out, "name", NULL, name);
        json_object_end(&call->out.writer);
    }
    if (rc == RC_OK)
        out_text(&call->out, NULL, heading, name);
    texts_wipe(&texts);
    return rc;
}

enum rc
call_out_person(struct call *call, const char *key, const char *heading, struct id person)
{
    return out_named(call, key, heading, person, call_person_name);
}

enum rc
call_out_family(struct call *call, const char *key, const char *heading, struct id family)
{
    return out_named(call, key, heading, family, call_family_name);
}

static enum rc
out_label(struct call *call, const char *key, const char *heading, struct id device)
{
    struct texts texts = TEXTS_EMPTY;
    const char *label = NULL;
    enum rc rc = call_device_label(call, &texts, device, &label);

    out_text(&call->out, key, heading, label);
    texts_wipe(&texts);
    return rc;
}

enum rc
call_out_device(struct call *call, const char *heading, struct id device)
{
    out_id(&call->out, "device_id", NULL, device);
    return out_label(call, "device", heading, device);
}

enum rc
call_tell_device(struct call *call, const char *heading, struct id device)
{
    return out_label(call, NULL, heading, device);
}

enum rc
call_out_written(struct call *call, struct id person, struct id device, uint64_t hlc)
{
    enum rc rc = call_out_person(call, "person", _("Who"), person);

    if (rc == RC_OK)
        rc = call_out_device(call, _("On device"), device);
    out_time(&call->out, "at", _("When"), hlc_ms(hlc));
    return rc;
}
