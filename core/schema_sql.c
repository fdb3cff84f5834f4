/* The typed tables as SQL, made from the schema. */
#include "core/schema.h"

static const enum stream_kind kinds[] = {STREAM_TEAM, STREAM_INDEX, STREAM_FILE, STREAM_SHIELDED};
enum { KINDS = sizeof kinds / sizeof *kinds };

static const char *
sql_type(enum field_type type)
{
    switch (type) {
    case FIELD_INT:
    case FIELD_DATE:
        return "INTEGER";
    case FIELD_TEXT:
        return "TEXT";
    case FIELD_BYTES:
    case FIELD_ID:
    case FIELD_VERSIONS:
        return "BLOB";
    }
    return "BLOB";
}

/* What else decides the rows: another policy, or another order of protection, asks for a rebuild by another text. */
static enum rc
write_policies(const struct schema_entity *entity, struct buf *sql)
{
    enum rc rc = RC_OK;

    for (size_t u = 0; rc == RC_OK && u < entity->unit_count; u++) {
        const struct schema_unit *unit = &entity->units[u];
        rc = buf_printf(sql, "-- %s.%u %s%s", entity->name, (unsigned)unit->number,
                        schema_policy_name(unit->policy), unit->needs_two ? " of two" : "");
        for (size_t w = 0; rc == RC_OK && unit->protection != NULL && unit->protection[w] != NULL; w++)
            rc = buf_printf(sql, " %s", unit->protection[w]);
        if (rc == RC_OK)
            rc = buf_printf(sql, "\n");
    }
    return rc;
}

/* Nothing here is unique, required or a reference: no constraint may make a row vanish. */
static enum rc
write_columns(const struct schema_entity *entity, const struct schema_unit *unit,
              enum stream_kind kind, struct buf *sql)
{
    enum rc rc = RC_OK;

    for (size_t f = 0; rc == RC_OK && f < unit->field_count; f++)
        if (schema_is_column(entity, kind, &unit->fields[f]))
            rc = buf_printf(sql, ", %s %s", unit->fields[f].name, sql_type(unit->fields[f].type));
    return rc;
}

static enum rc
write_set(const struct schema_entity *entity, const struct schema_unit *unit, enum stream_kind kind,
          struct buf *sql)
{
    const char *name = schema_kind_name(kind);
    enum rc rc = buf_printf(sql, "CREATE TABLE %s_%s_%s (rid INTEGER NOT NULL", name, entity->name,
                            unit->name);

    if (rc == RC_OK)
        rc = write_columns(entity, unit, kind, sql);
    if (rc == RC_OK)
        rc = buf_printf(sql, ");\nCREATE INDEX %s_%s_%s_by_record ON %s_%s_%s (rid);\n", name,
                        entity->name, unit->name, name, entity->name, unit->name);
    return rc;
}

static enum rc
write_table(const struct schema_entity *entity, enum stream_kind kind, struct buf *sql)
{
    const char *name = schema_kind_name(kind);
    enum rc rc =
        buf_printf(sql,
                   "CREATE TABLE %s_%s (rid INTEGER PRIMARY KEY, s INTEGER NOT NULL, "
                   "id BLOB NOT NULL, hidden INTEGER NOT NULL, conflicts INTEGER NOT NULL, "
                   "changed INTEGER NOT NULL, changed_by BLOB, written INTEGER, author BLOB",
                   name, entity->name);

    for (size_t u = 0; rc == RC_OK && u < entity->unit_count; u++)
        if (entity->units[u].policy != POLICY_SET)
            rc = write_columns(entity, &entity->units[u], kind, sql);
    if (rc == RC_OK)
        rc = buf_printf(sql, ");\nCREATE INDEX %s_%s_by_stream ON %s_%s (s%s%s);\n", name,
                        entity->name, name, entity->name, entity->sort_by == NULL ? "" : ", ",
                        entity->sort_by == NULL ? "" : entity->sort_by);
    for (size_t u = 0; rc == RC_OK && kind == entity->home && u < entity->unit_count; u++)
        if (entity->units[u].policy == POLICY_SET)
            rc = write_set(entity, &entity->units[u], kind, sql);
    return rc;
}

enum rc
schema_write_tables(struct buf *sql)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < schema_entity_count; i++) {
        rc = write_policies(&schema_entities[i], sql);
        for (size_t k = 0; rc == RC_OK && k < KINDS; k++)
            if (schema_has_table(&schema_entities[i], kinds[k]))
                rc = write_table(&schema_entities[i], kinds[k], sql);
    }
    return rc;
}
