/* The typed tables: one row per record, made of the shown versions; the statements come from the schema. */
#include "core/journal_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { SQL_BYTES = 8192, SYSTEM_COLUMNS = 9, SETS_MOST = 4 };

static const enum stream_kind kinds[] = {STREAM_TEAM, STREAM_INDEX, STREAM_FILE, STREAM_SHIELDED};

/* ---- statements ----------------------------------------------------------------------------- */

/* The text, as heap memory of its own. */
static enum rc
take(struct buf *sql, char **text)
{
    const char *made = buf_text(sql);

    *text = made == NULL ? NULL : strdup(made);
    buf_clear(sql);
    return *text == NULL ? rc_nomem() : RC_OK;
}

static bool
is_plain(const struct schema_unit *unit)
{
    return unit->policy != POLICY_SET;
}

static enum rc
put_marks(struct buf *sql, size_t count)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = buf_printf(sql, i == 0 ? "?" : ", ?");
    return rc == RC_OK ? buf_printf(sql, ")") : rc;
}

static size_t
count_columns(const struct table *t, const struct schema_unit *unit)
{
    size_t count = 0;

    for (size_t f = 0; f < unit->field_count; f++)
        count += schema_is_column(t->entity, t->kind, &unit->fields[f]);
    return count;
}

static enum rc
prepare_change(struct table *t, struct buf *sql)
{
    unsigned at = SYSTEM_COLUMNS;
    enum rc rc = buf_printf(sql,
                            "UPDATE %s_%s SET s = ?2, id = ?3, hidden = ?4, conflicts = ?5, "
                            "changed = ?6, changed_by = ?7, written = ?8, author = ?9",
                            schema_kind_name(t->kind), t->entity->name);

    for (size_t u = 0; u < t->entity->unit_count; u++) {
        const struct schema_unit *unit = &t->entity->units[u];
        for (size_t f = 0; rc == RC_OK && is_plain(unit) && f < unit->field_count; f++)
            if (schema_is_column(t->entity, t->kind, &unit->fields[f]))
                rc = buf_printf(sql, ", %s = ?%u", unit->fields[f].name, ++at);
    }
    if (rc == RC_OK)
        rc = buf_printf(sql, " WHERE rid = ?1");
    return rc == RC_OK ? take(sql, &t->change) : rc;
}

/* Not INSERT OR REPLACE: SQLite copies every page that it touches first, so that it can take one such statement back. */
static enum rc
prepare_row(struct table *t, struct buf *sql)
{
    const char *kind = schema_kind_name(t->kind);
    size_t columns = SYSTEM_COLUMNS;

    for (size_t u = 0; u < t->entity->unit_count; u++)
        if (is_plain(&t->entity->units[u]))
            columns += count_columns(t, &t->entity->units[u]);
    enum rc rc = buf_printf(sql, "INSERT INTO %s_%s VALUES (", kind, t->entity->name);
    if (rc == RC_OK)
        rc = put_marks(sql, columns);
    if (rc == RC_OK)
        rc = take(sql, &t->put);
    if (rc == RC_OK)
        rc = prepare_change(t, sql);
    if (rc == RC_OK)
        rc = buf_printf(sql, "DELETE FROM %s_%s WHERE s = ?1", kind, t->entity->name);
    if (rc == RC_OK)
        rc = take(sql, &t->remove);
    if (rc == RC_OK)
        rc = buf_printf(sql, "SELECT * FROM %s_%s WHERE s = ?1 ORDER BY id", kind, t->entity->name);
    return rc == RC_OK ? take(sql, &t->dump) : rc;
}

static enum rc
prepare_search(struct table *t, struct buf *sql)
{
    bool any = false;
    enum rc rc = RC_OK;

    for (size_t u = 0; u < t->entity->unit_count; u++) {
        const struct schema_unit *unit = &t->entity->units[u];
        for (size_t f = 0; rc == RC_OK && is_plain(unit) && f < unit->field_count; f++) {
            if ((unit->fields[f].flags & SCHEMA_SEARCH) == 0)
                continue;
            rc = buf_printf(sql, "%scoalesce(%s || char(10), '')", any ? " || " : "SELECT ",
                            unit->fields[f].name);
            any = true;
        }
    }
    if (rc == RC_OK)
        rc = buf_printf(sql, " FROM %s_%s WHERE rid = ?1 AND NOT hidden", schema_kind_name(t->kind),
                        t->entity->name);
    return rc == RC_OK ? take(sql, &t->search) : rc;
}

/* The same of all rows from ?1 to ?2, in two steps: what was indexed goes, what has words comes. */
static enum rc
prepare_index(struct table *t, struct buf *sql)
{
    const char *kind = schema_kind_name(t->kind), *name = t->entity->name;
    const char *columns = t->search + strlen("SELECT ");
    int len = (int)(strstr(columns, " FROM ") - columns);
    enum rc rc = buf_printf(sql,
                            "DELETE FROM journal_search WHERE rowid IN (SELECT r.rid FROM %s_%s AS r "
                            "JOIN journal_search_content AS z ON z.id = r.rid WHERE r.rid BETWEEN ?1 AND ?2)",
                            kind, name);

    if (rc == RC_OK)
        rc = take(sql, &t->unindex);
    if (rc == RC_OK)
        rc = buf_printf(sql,
                        "INSERT INTO journal_search (rowid, text) SELECT rid, %.*s AS words FROM %s_%s "
                        "WHERE rid BETWEEN ?1 AND ?2 AND NOT hidden AND words <> '' ORDER BY rid",
                        len, columns, kind, name);
    return rc == RC_OK ? take(sql, &t->index) : rc;
}

static enum rc
prepare_set(struct table *t, const struct schema_unit *unit, struct buf *sql)
{
    const char *kind = schema_kind_name(t->kind);
    const char *name = t->entity->name;
    size_t at = t->sets++;

    assert(t->sets <= SETS_MOST);
    enum rc rc = buf_printf(sql, "INSERT INTO %s_%s_%s VALUES (", kind, name, unit->name);
    if (rc == RC_OK)
        rc = put_marks(sql, 1 + count_columns(t, unit));
    if (rc == RC_OK)
        rc = take(sql, &t->set_put[at]);
    if (rc == RC_OK)
        rc = buf_printf(sql, "DELETE FROM %s_%s_%s WHERE rid = ?1", kind, name, unit->name);
    if (rc == RC_OK)
        rc = take(sql, &t->set_remove[at]);
    if (rc == RC_OK)
        rc = buf_printf(sql,
                        "DELETE FROM %s_%s_%s WHERE rid IN "
                        "(SELECT rid FROM temp.journal_emptied)",
                        kind, name, unit->name);
    return rc == RC_OK ? take(sql, &t->set_purge[at]) : rc;
}

static enum rc
prepare(struct table *t)
{
    struct buf sql = BUF_EMPTY(SQL_BYTES);
    enum rc rc = prepare_row(t, &sql);

    if (rc == RC_OK && schema_has_search(t->entity, t->kind))
        rc = prepare_search(t, &sql);
    if (rc == RC_OK && t->search != NULL)
        rc = prepare_index(t, &sql);
    for (size_t u = 0; rc == RC_OK && t->kind == t->entity->home && u < t->entity->unit_count; u++)
        if (!is_plain(&t->entity->units[u]))
            rc = prepare_set(t, &t->entity->units[u], &sql);
    buf_wipe(&sql);
    return rc;
}

enum rc
table_prepare(struct journal *journal)
{
    size_t room = schema_entity_count * (sizeof kinds / sizeof *kinds);
    enum rc rc = RC_OK;

    journal->tables = calloc(room, sizeof *journal->tables);
    if (journal->tables == NULL)
        return rc_nomem();
    for (size_t e = 0; e < schema_entity_count; e++) {
        for (size_t k = 0; rc == RC_OK && k < sizeof kinds / sizeof *kinds; k++) {
            if (!schema_has_table(&schema_entities[e], kinds[k]))
                continue;
            struct table *t = &journal->tables[journal->table_count++];
            t->entity = &schema_entities[e];
            t->kind = kinds[k];
            rc = prepare(t);
        }
    }
    return rc;
}

void
table_free(struct journal *journal)
{
    for (size_t i = 0; i < journal->table_count; i++) {
        struct table *t = &journal->tables[i];
        free(t->put);
        free(t->change);
        free(t->remove);
        free(t->dump);
        free(t->search);
        free(t->unindex);
        free(t->index);
        for (size_t k = 0; k < t->sets; k++) {
            free(t->set_put[k]);
            free(t->set_remove[k]);
            free(t->set_purge[k]);
        }
    }
    free(journal->tables);
}

const struct table *
table_of(const struct journal *journal, uint32_t entity, enum stream_kind kind)
{
    for (size_t i = 0; i < journal->table_count; i++)
        if (journal->tables[i].entity->number == entity && journal->tables[i].kind == kind)
            return &journal->tables[i];
    return NULL;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* A field of another type than the table's, which only a faulty program writes, counts as not filled in. */
static void
bind_field(struct stmt *stmt, int at, const struct schema_field *known, const struct field *field)
{
    if (field == NULL || field->type != known->type) {
        stmt_null(stmt, at);
        return;
    }
    switch (field->type) {
    case FIELD_INT:
    case FIELD_DATE:
        stmt_int(stmt, at, field->integer);
        return;
    case FIELD_TEXT:
        stmt_text_lent(stmt, at, field->bytes, field->len);
        return;
    case FIELD_ID:
        stmt_id(stmt, at, field->id);
        return;
    case FIELD_BYTES:
    case FIELD_VERSIONS:
        stmt_blob_lent(stmt, at, field->bytes, field->len);
        return;
    }
    stmt_null(stmt, at);
}

static enum rc
bind_unit(struct stmt *stmt, int *at, const struct table *t, const struct schema_unit *unit,
          const struct head *shown)
{
    struct field fields[CHANGE_FIELDS];
    size_t count = 0;
    enum rc rc = RC_OK;

    if (shown != NULL)
        rc = value_read(shown->value, shown->value_len, fields, &count);
    for (size_t f = 0; rc == RC_OK && f < unit->field_count; f++)
        if (schema_is_column(t->entity, t->kind, &unit->fields[f]))
            bind_field(stmt, (*at)++, &unit->fields[f],
                       value_find(fields, count, unit->fields[f].number));
    return rc;
}

static void
bind_system(struct stmt *stmt, const struct record *r, enum register_degree hidden, uint32_t conflicts)
{
    const struct head *latest = NULL;

    for (size_t i = 0; i < r->head_count; i++)
        if (latest == NULL || head_compare_stamp(latest, &r->heads[i]) < 0)
            latest = &r->heads[i];
    stmt_int(stmt, 1, r->rid);
    stmt_int(stmt, 2, r->s);
    stmt_blob_lent(stmt, 3, r->id.bytes, ID_BYTES);
    stmt_int(stmt, 4, hidden);
    stmt_int(stmt, 5, conflicts);
    stmt_int(stmt, 6, latest == NULL ? 0 : hlc_ms(latest->hlc));
    if (latest == NULL)
        stmt_null(stmt, 7);
    else
        stmt_blob_lent(stmt, 7, latest->person.bytes, ID_BYTES);
    if (r->first_count == 0) {
        stmt_null(stmt, 8);
        stmt_null(stmt, 9);
        return;
    }
    stmt_int(stmt, 8, hlc_ms(r->firsts[0].hlc));
    stmt_blob_lent(stmt, 9, r->firsts[0].person.bytes, ID_BYTES);
}

/* The elements of a set: what is current, equal bytes once. */
static enum rc
write_set(struct journal *journal, const struct table *t, size_t set,
          const struct schema_unit *unit, const struct record *r)
{
    struct stmt *stmt;
    size_t from, until;
    enum rc rc = db_stmt(journal->db, t->set_remove[set], &stmt);

    if (rc != RC_OK)
        return rc;
    stmt_int(stmt, 1, r->rid);
    rc = stmt_finish(stmt);
    register_range(r, unit->number, &from, &until);
    for (size_t i = from; rc == RC_OK && i < until; i++) {
        bool is_double = false;
        for (size_t k = from; k < i && !is_double; k++)
            is_double = head_equal_value(&r->heads[k], &r->heads[i]);
        if (is_double)
            continue;
        rc = db_stmt(journal->db, t->set_put[set], &stmt);
        if (rc != RC_OK)
            return rc;
        int at = 2;
        stmt_int(stmt, 1, r->rid);
        rc = bind_unit(stmt, &at, t, unit, &r->heads[i]);
        if (rc == RC_OK)
            rc = stmt_finish(stmt);
        else
            stmt_done(stmt);
    }
    return rc;
}

static enum rc
write_row(struct journal *journal, const struct table *t, const char *sql, const struct record *r,
          enum register_degree hidden, uint32_t conflicts)
{
    struct stmt *stmt;
    int at = SYSTEM_COLUMNS + 1;
    enum rc rc = db_stmt(journal->db, sql, &stmt);

    if (rc != RC_OK)
        return rc;
    bind_system(stmt, r, hidden, conflicts);
    for (size_t u = 0; rc == RC_OK && u < t->entity->unit_count; u++)
        if (is_plain(&t->entity->units[u]))
            rc = bind_unit(stmt, &at, t, &t->entity->units[u],
                           register_protective(r, t->entity->units[u].number));
    if (rc == RC_OK)
        rc = stmt_finish(stmt);
    else
        stmt_done(stmt);
    return rc;
}

enum rc
table_write(struct journal *journal, const struct record *r, bool is_new, enum register_degree hidden,
            uint32_t conflicts)
{
    const struct table *t = table_of(journal, r->entity, r->kind);
    size_t set = 0;

    if (t == NULL)
        return RC_OK;
    enum rc rc = write_row(journal, t, is_new ? t->put : t->change, r, hidden, conflicts);
    if (rc == RC_OK && !is_new && db_changes(journal->db) == 0) /* somebody else took the row out */
        rc = write_row(journal, t, t->put, r, hidden, conflicts);
    for (size_t u = 0; rc == RC_OK && t->sets > 0 && r->set_touched && u < t->entity->unit_count;
         u++)
        if (!is_plain(&t->entity->units[u]))
            rc = write_set(journal, t, set++, &t->entity->units[u], r);
    return rc;
}

enum rc
table_purge(struct journal *journal, int64_t s)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < journal->table_count; i++) {
        const struct table *t = &journal->tables[i];
        for (size_t k = 0; rc == RC_OK && k < t->sets; k++)
            rc = db_run(journal->db, t->set_purge[k]);
        if (rc == RC_OK)
            rc = db_run_int(journal->db, t->remove, s);
    }
    return rc;
}

/* ---- dumping -------------------------------------------------------------------------------- */

static enum rc
dump_column(struct stmt *stmt, int at, const struct schema_field *field, struct buf *out)
{
    size_t len;

    if (stmt_is_null(stmt, at))
        return RC_OK;
    enum rc rc = buf_printf(out, " %s=", field->name);
    if (rc != RC_OK)
        return rc;
    if (field->type == FIELD_INT || field->type == FIELD_DATE)
        return buf_printf(out, "%lld", (long long)stmt_get_int(stmt, at));
    const uint8_t *bytes = stmt_get_blob(stmt, at, &len);
    for (size_t i = 0; rc == RC_OK && i < len; i++)
        rc = buf_printf(out, "%02x", bytes[i]);
    return rc;
}

static enum rc
dump_row(struct stmt *stmt, const struct table *t, struct buf *out)
{
    struct id id;
    char text[ID_TEXT_CHARS + 1];
    int at = SYSTEM_COLUMNS;
    enum rc rc = stmt_get_id(stmt, 2, &id);

    if (rc != RC_OK)
        return rc;
    id_to_text(id, text);
    rc = buf_printf(out, "row %s_%s %s %lld %lld %lld %lld", schema_kind_name(t->kind),
                    t->entity->name, text, (long long)stmt_get_int(stmt, 3),
                    (long long)stmt_get_int(stmt, 4), (long long)stmt_get_int(stmt, 5),
                    (long long)stmt_get_int(stmt, 7));
    for (size_t u = 0; rc == RC_OK && u < t->entity->unit_count; u++) {
        const struct schema_unit *unit = &t->entity->units[u];
        for (size_t f = 0; rc == RC_OK && is_plain(unit) && f < unit->field_count; f++)
            if (schema_is_column(t->entity, t->kind, &unit->fields[f]))
                rc = dump_column(stmt, at++, &unit->fields[f], out);
    }
    return rc == RC_OK ? buf_printf(out, "\n") : rc;
}

enum rc
table_dump(struct journal *journal, int64_t s, struct buf *out)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < journal->table_count; i++) {
        struct stmt *stmt;
        bool row = true;
        rc = db_stmt(journal->db, journal->tables[i].dump, &stmt);
        if (rc != RC_OK)
            return rc;
        stmt_int(stmt, 1, s);
        while (rc == RC_OK && row) {
            rc = stmt_step(stmt, &row);
            if (rc == RC_OK && row)
                rc = dump_row(stmt, &journal->tables[i], out);
        }
        stmt_done(stmt);
    }
    return rc;
}
