/* The table of entities, units and fields, and look-ups in it. */
#include "core/schema.h"

#include <string.h>

#include "core/i18n.h"

enum { SLUG_CHARS = 40 };

#define FIELDS(...)                                                                                \
    (const struct schema_field[])                                                                  \
    {                                                                                              \
        __VA_ARGS__                                                                                \
    }
#define COUNT_OF(type, ...) (sizeof((const type[]){__VA_ARGS__}) / sizeof(type))
/* UNIT(number, name, policy, fields...) */
#define UNIT(number, name, policy, ...)                                                            \
    {                                                                                              \
        number, name, policy, FIELDS(__VA_ARGS__), COUNT_OF(struct schema_field, __VA_ARGS__),     \
            NULL, false                                                                            \
    }
/* A strict unit: how many relax it, then its words as WORDS(...) from open to protective, then its fields. */
#define WORDS(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define STRICT(number, name, needs_two, words, ...)                                                \
    {                                                                                              \
        number, name, POLICY_STRICT, FIELDS(__VA_ARGS__),                                          \
            COUNT_OF(struct schema_field, __VA_ARGS__), words, needs_two                           \
    }
#define UNITS(...)                                                                                 \
    (const struct schema_unit[]){__VA_ARGS__}, COUNT_OF(struct schema_unit, __VA_ARGS__)
#define TEXT(number, name)                                                                         \
    {                                                                                              \
        number, name, FIELD_TEXT, SCHEMA_SEARCH                                                    \
    }
#define PLAIN(number, name)                                                                        \
    {                                                                                              \
        number, name, FIELD_TEXT, 0                                                                \
    } /* a text that is not searched */
#define SLUG(number, name, twin)                                                                   \
    {                                                                                              \
        number, name, FIELD_TEXT, SCHEMA_SLUG | (twin)                                             \
    }
#define DATE(number, name, twin)                                                                   \
    {                                                                                              \
        number, name, FIELD_DATE, twin                                                             \
    }
#define INT(number, name, twin)                                                                    \
    {                                                                                              \
        number, name, FIELD_INT, twin                                                              \
    }
#define ID(number, name)                                                                           \
    {                                                                                              \
        number, name, FIELD_ID, 0                                                                  \
    }
#define TWIN SCHEMA_TWIN

/* Numbers are for ever. `deleted` is unit 0 of every entity. */
const struct schema_entity schema_entities[] = {
    {ENTITY_FAMILY, "family", STREAM_INDEX, false, true, NULL,
     UNITS(UNIT(1, "name", POLICY_KEEP, TEXT(1, "code_name")),
           UNIT(2, "phase", POLICY_HUMAN, SLUG(1, "phase", 0), DATE(2, "since", 0)),
           UNIT(3, "dates", POLICY_KEEP, DATE(1, "opened", 0), DATE(2, "closed", 0)))},
    {ENTITY_PROFILE, "profile", STREAM_FILE, false, true, NULL,
     UNITS(UNIT(1, "names", POLICY_KEEP, TEXT(1, "surname")),
           UNIT(2, "address", POLICY_KEEP, TEXT(1, "address")),
           UNIT(3, "reach", POLICY_KEEP, TEXT(1, "reach")),
           UNIT(4, "unsafe", POLICY_KEEP, TEXT(1, "unsafe")))},
    {ENTITY_MEMBER, "member", STREAM_FILE, false, false, "birth_date",
     UNITS(UNIT(1, "name", POLICY_KEEP, TEXT(1, "given_name"), TEXT(2, "surname")),
           UNIT(2, "birth", POLICY_KEEP, DATE(1, "birth_date", 0)),
           UNIT(3, "relation", POLICY_LAST, SLUG(1, "relation", 0)),
           UNIT(4, "lives", POLICY_KEEP, TEXT(1, "lives_where")),
           UNIT(5, "phone", POLICY_LAST, PLAIN(1, "phone")))},
    {ENTITY_CONTACT, "contact", STREAM_FILE, true, true, "date",
     UNITS(UNIT(1, "report", POLICY_ONCE, SLUG(1, "kind", TWIN), DATE(2, "date", TWIN),
                INT(3, "time", 0), TEXT(4, "note"), INT(5, "minutes", TWIN), DATE(6, "next", 0),
                TEXT(7, "reason"), INT(8, "withdrawn", TWIN)), /* 9 is reserved: it was "incomplete" */
           UNIT(2, "participants", POLICY_SET, ID(1, "person"), PLAIN(2, "text")))},
    {ENTITY_GOAL, "goal", STREAM_FILE, true, false, "deadline",
     UNITS(UNIT(1, "goal", POLICY_KEEP, TEXT(1, "text"), TEXT(2, "measure"),
                DATE(3, "deadline", TWIN), TEXT(4, "holder"), SLUG(5, "status", TWIN)),
           UNIT(2, "level", POLICY_LAST, SLUG(1, "level", 0)))},
    {ENTITY_AGREEMENT, "agreement", STREAM_FILE, true, false, "due",
     UNITS(UNIT(1, "agreement", POLICY_KEEP, TEXT(1, "text"), SLUG(2, "kind", 0), TEXT(3, "who"),
                DATE(4, "due", TWIN)),
           UNIT(2, "done", POLICY_KEEP, INT(1, "done", TWIN), DATE(2, "done_on", 0),
                TEXT(3, "done_how")))},
    {ENTITY_SAFETY, "safety", STREAM_FILE, true, true, "date",
     UNITS(UNIT(1, "judgement", POLICY_ONCE, DATE(1, "date", TWIN), SLUG(2, "level", 0),
                TEXT(3, "ground"), TEXT(4, "shared_with"), TEXT(5, "reason"),
                INT(6, "withdrawn", TWIN)))},
    {ENTITY_ABSENCE, "absence", STREAM_TEAM, false, false, "from_date",
     UNITS(UNIT(1, "period", POLICY_KEEP, ID(1, "person"), DATE(2, "from_date", 0),
                DATE(3, "until_date", 0), SLUG(4, "kind", 0), PLAIN(5, "note")))},
    {ENTITY_ASSENT, "assent", STREAM_FILE, false, true, "date",
     UNITS(UNIT(1, "answer", POLICY_KEEP, ID(1, "cover"), ID(2, "person"), SLUG(3, "answer", 0),
                DATE(4, "date", 0)))},
    {ENTITY_STANDING, "standing", STREAM_FILE, false, true, NULL,
     UNITS(STRICT(1, "consent", false, WORDS("given", "limited", "refused"), SLUG(1, "consent", 0),
                  DATE(2, "consent_date", 0), TEXT(3, "consent_note")),
           STRICT(2, "veto", false, WORDS("lifted", "stands"), SLUG(1, "veto", 0),
                  DATE(2, "veto_date", 0), TEXT(3, "veto_note")),
           STRICT(3, "visibility", false, WORDS("open", "coaches", "named"), SLUG(1, "visibility", 0),
                  DATE(2, "visibility_date", 0), TEXT(3, "visibility_note")),
           STRICT(4, "safety", true, WORDS("safe", "worry", "unsafe"), SLUG(1, "safety", 0),
                  DATE(2, "safety_date", 0), TEXT(3, "safety_note")))},
    {ENTITY_DISMISSAL, "dismissal", STREAM_FILE, false, true, NULL,
     UNITS(UNIT(1, "dismissal", POLICY_LAST, SLUG(1, "rule", 0), INT(2, "dismissed", 0), TEXT(3, "dismissal_reason")))},
};
const size_t schema_entity_count = sizeof schema_entities / sizeof *schema_entities;

const struct schema_entity *
schema_entity(uint32_t number)
{
    for (size_t i = 0; i < schema_entity_count; i++)
        if (schema_entities[i].number == number)
            return &schema_entities[i];
    return NULL;
}

const struct schema_unit *
schema_unit(const struct schema_entity *entity, uint32_t number)
{
    for (size_t i = 0; entity != NULL && i < entity->unit_count; i++)
        if (entity->units[i].number == number)
            return &entity->units[i];
    return NULL;
}

const struct schema_field *
schema_field(const struct schema_unit *unit, uint32_t number)
{
    for (size_t i = 0; unit != NULL && i < unit->field_count; i++)
        if (unit->fields[i].number == number)
            return &unit->fields[i];
    return NULL;
}

enum policy
schema_policy(uint32_t entity, uint32_t unit)
{
    const struct schema_unit *found = schema_unit(schema_entity(entity), unit);

    if (unit == UNIT_MOVED)
        return POLICY_STRICT;
    return found == NULL ? (enum policy)0 : found->policy;
}

const char *
schema_policy_name(enum policy policy)
{
    switch (policy) {
    case POLICY_KEEP:
        return "keep";
    case POLICY_LAST:
        return "last";
    case POLICY_ONCE:
        return "once";
    case POLICY_SET:
        return "set";
    case POLICY_STRICT:
        return "strict";
    case POLICY_HUMAN:
        return "human";
    }
    return "unknown";
}

const char *
schema_kind_name(enum stream_kind kind)
{
    switch (kind) {
    case STREAM_TEAM:
        return "team";
    case STREAM_LOG:
        return "log";
    case STREAM_INDEX:
        return "index";
    case STREAM_FILE:
        return "file";
    case STREAM_SHIELDED:
        return "shielded";
    case STREAM_RESERVE:
        return "reserve";
    }
    return "unknown";
}

bool
schema_has_table(const struct schema_entity *entity, enum stream_kind kind)
{
    return kind == entity->home || (entity->has_twin && kind == STREAM_INDEX);
}

bool
schema_is_column(const struct schema_entity *entity, enum stream_kind kind,
                 const struct schema_field *field)
{
    if (kind == entity->home)
        return true;
    return entity->has_twin && kind == STREAM_INDEX && (field->flags & SCHEMA_TWIN) != 0;
}

bool
schema_has_search(const struct schema_entity *entity, enum stream_kind kind)
{
    if (kind != entity->home)
        return false;
    for (size_t u = 0; u < entity->unit_count; u++)
        for (size_t f = 0; f < entity->units[u].field_count; f++)
            if ((entity->units[u].fields[f].flags & SCHEMA_SEARCH) != 0)
                return true;
    return false;
}

enum rc
schema_check_slug(const char *text)
{
    size_t len = strlen(text);

    if (len == 0 || len > SLUG_CHARS ||
        strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789-") != len)
        return rc_fail(RC_INVALID, _("\"%.60s\" is not a short word of a-z, 0-9 and hyphens"),
                       text);
    return RC_OK;
}
