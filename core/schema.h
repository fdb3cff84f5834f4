/* The one table of entities, units and fields: it makes the SQL tables, the twins, exports and documentation.
 * Numbers, types and policies are for ever. A field may join a unit if it makes sense beside the others whatever they are edited
 * to, for older programs carry it over (docs/decisions/007-fields-may-join-groups.md). */
#ifndef CORE_SCHEMA_H
#define CORE_SCHEMA_H

#include "core/buf.h"
#include "core/change.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum stream_kind {
    STREAM_TEAM = 1,
    STREAM_LOG,
    STREAM_INDEX,
    STREAM_FILE,
    STREAM_SHIELDED,
    STREAM_RESERVE
};

enum entity {
    ENTITY_FAMILY = 1, /* index stream; the record's id is the family's */
    ENTITY_PROFILE,    /* file; the record's id is the family's */
    ENTITY_MEMBER,
    ENTITY_CONTACT,
    ENTITY_GOAL,
    ENTITY_AGREEMENT,
    ENTITY_SAFETY,
    ENTITY_ABSENCE, /* team stream */
    ENTITY_ASSENT,
    ENTITY_STANDING, /* file; the record's id is the family's */
    ENTITY_DISMISSAL, /* file; the record's id derives from a rule and the records that it names (core/rules.h) */
};

/* What is shown of a unit and who resolves it (docs/MERGE.md). Every unit is stored as a register. */
enum policy { POLICY_KEEP = 1, POLICY_LAST, POLICY_ONCE, POLICY_SET, POLICY_STRICT, POLICY_HUMAN };

enum {
    SCHEMA_TWIN = 1,   /* the field also stands in the twin, in the index stream */
    SCHEMA_SLUG = 2,   /* a text of a-z, 0-9 and '-', at most 40 characters */
    SCHEMA_SEARCH = 4, /* the text is in the search index */
};

struct schema_field {
    uint32_t number;
    const char *name; /* the column */
    enum field_type type;
    unsigned flags;
};

struct schema_unit {
    uint32_t number; /* from 1; 0 is `deleted`, which every record has */
    const char *name;
    enum policy policy;
    const struct schema_field *fields;
    size_t field_count;
    /* Of a strict unit: the words of its first field from open to protective, then NULL. One that is not here protects more than
     * all of them, an empty value less. */
    const char *const *protection;
    bool needs_two; /* relaxed by two persons of different functions, not by a coach alone */
};

struct schema_entity {
    uint32_t number;
    const char *name;
    enum stream_kind home;
    bool has_twin;
    bool is_lasting;     /* `deleted` does not hide it: withdrawn or erased instead */
    const char *sort_by; /* the column that lists of one family are sorted by; NULL for none */
    const struct schema_unit *units;
    size_t unit_count;
};

extern const struct schema_entity schema_entities[];
extern const size_t schema_entity_count;

/* NULL when this program does not know it. */
const struct schema_entity *schema_entity(uint32_t number);
const struct schema_unit *schema_unit(const struct schema_entity *entity, uint32_t number);
const struct schema_field *schema_field(const struct schema_unit *unit, uint32_t number);
/* The policy of a unit; 0 for `deleted` and for what this program does not know. `moved` is strict in every entity. */
enum policy schema_policy(uint32_t entity, uint32_t unit);
const char *schema_policy_name(enum policy policy);

/* Whether the entity has a typed table in streams of this kind, and which fields are its columns. */
bool schema_has_table(const struct schema_entity *entity, enum stream_kind kind);
bool schema_is_column(const struct schema_entity *entity, enum stream_kind kind,
                      const struct schema_field *field);
bool schema_has_search(const struct schema_entity *entity, enum stream_kind kind);
/* "file" for STREAM_FILE, and so on. A typed table is called KIND_ENTITY ("file_contact"), a set's
 * KIND_ENTITY_UNIT ("file_contact_participants"). */
const char *schema_kind_name(enum stream_kind kind);

/* Appends the SQL that makes every typed table. */
enum rc schema_write_tables(struct buf *sql) MUST_CHECK;

/* RC_INVALID, with a sentence for the user, unless `text` is a slug. */
enum rc schema_check_slug(const char *text) MUST_CHECK;

#endif
