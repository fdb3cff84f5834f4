/* Values of units shown: field by field, and what differs between two, word by word. */
#include "cli/value.h"

#include "cli/show.h"
#include "cli/words.h"
#include "core/diff.h"
#include "core/i18n.h"
#include "core/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    WIDE_COLUMNS = 100, /* from here on two texts stand side by side */
    TEXT_BYTES = 4 * CHANGE_VALUE_BYTES,
};

/* A field's name for programs and for people. */
static void
name_field(const struct schema_field *known, uint32_t number, char room[24], const char **key,
           const char **heading)
{
    (void)snprintf(room, 24, "field_%u", (unsigned)number);
    *key = known == NULL ? room : known->name;
    *heading = known == NULL ? room : words_say(known->name);
}

/* A time of day is kept in minutes since midnight, and read as hours and minutes. */
static bool
is_time(const struct schema_field *known, const struct field *field)
{
    return known != NULL && field->type == FIELD_INT && strcmp(known->name, "time") == 0 && field->integer >= 0 &&
           field->integer < 24 * 60;
}

/* What is kept as 1 or 0 and read as yes or no. */
static bool
is_yes_or_no(const struct schema_field *known, const struct field *field)
{
    return known != NULL && field->type == FIELD_INT && (field->integer == 0 || field->integer == 1) &&
           (strcmp(known->name, "withdrawn") == 0 || strcmp(known->name, "done") == 0 || strcmp(known->name, "dismissed") == 0);
}

/* One field of a value, by its type. */
static enum rc
out_field(struct out *out, const struct schema_field *known, const struct field *field)
{
    char room[24];
    const char *key, *heading, *word;
    struct buf text = BUF_EMPTY(CHANGE_VALUE_BYTES);
    enum rc rc = RC_OK;

    name_field(known, field->number, room, &key, &heading);
    switch (field->type) {
    case FIELD_INT:
        out_int(out, key, is_time(known, field) || is_yes_or_no(known, field) ? NULL : heading, field->integer);
        if (is_yes_or_no(known, field))
            out_text(out, NULL, heading, words_say(field->integer == 1 ? "yes" : "no"));
        if (is_time(known, field))
            show_minutes(out, NULL, heading, (int32_t)field->integer);
        break;
    case FIELD_DATE:
        out_date(out, key, heading, (uint32_t)field->integer);
        break;
    case FIELD_ID:
        out_id(out, key, heading, field->id);
        break;
    case FIELD_TEXT:
        rc = buf_put(&text, field->bytes, field->len);
        word = rc == RC_OK ? buf_text(&text) : NULL;
        if (word != NULL)
            out_word(out, key, heading, word, known != NULL && (known->flags & SCHEMA_SLUG) != 0 ? words_say(word) : word);
        else
            rc = rc_nomem();
        break;
    case FIELD_BYTES:
    case FIELD_VERSIONS:
    default: /* of a newer program */
        out_int(out, key, heading, (int64_t)field->len);
        break;
    }
    buf_wipe(&text);
    return rc;
}

enum rc
value_out(struct call *call, const struct schema_unit *unit, const uint8_t *value, size_t len)
{
    struct field fields[CHANGE_FIELDS];
    size_t count = 0;
    enum rc rc = len == 0 ? RC_OK : value_read(value, len, fields, &count);

    if (rc != RC_OK)
        return rc;
    json_key(&call->out.writer, "value");
    json_object_start(&call->out.writer);
    for (size_t i = 0; rc == RC_OK && i < count; i++)
        rc = out_field(&call->out, schema_field(unit, fields[i].number), &fields[i]);
    json_object_end(&call->out.writer);
    if (count == 0)
        out_text(&call->out, NULL, _("Text"), _("(empty)"));
    return rc;
}

enum rc
value_out_of(struct call *call, uint32_t entity, uint32_t unit, const uint8_t *value, size_t len)
{
    const struct schema_entity *known = schema_entity(entity);

    if (unit != UNIT_DELETED)
        return value_out(call, known == NULL ? NULL : schema_unit(known, unit), value, len);
    json_key(&call->out.writer, "value");
    json_null(&call->out.writer);
    out_text(&call->out, NULL, _("Text"), value_is_empty(value, len) ? _("(restored)") : _("(deleted)"));
    return RC_OK;
}

/* ---- differences ------------------------------------------------------------------------------------ */

/* A field as a text to compare, appended. A slug is compared as people or as programs read it. */
static enum rc
field_text(const struct schema_field *known, const struct field *field, bool is_json,
           struct buf *text)
{
    char id[ID_TEXT_CHARS + 1];
    unsigned date;

    if (field == NULL)
        return RC_OK;
    switch (field->type) {
    case FIELD_INT:
        if (is_time(known, field) && !is_json)
            return buf_printf(text, "%02d:%02d", (int)field->integer / 60, (int)field->integer % 60);
        if (is_yes_or_no(known, field) && !is_json)
            return buf_printf(text, "%s", words_say(field->integer == 1 ? "yes" : "no"));
        return buf_printf(text, "%" PRId64, field->integer);
    case FIELD_DATE:
        date = (unsigned)field->integer;
        return buf_printf(text, "%04u-%02u-%02u", date / 10000, date / 100 % 100, date % 100);
    case FIELD_ID:
        id_to_text(field->id, id);
        return buf_put(text, id, strlen(id));
    case FIELD_TEXT:
        if (known == NULL || (known->flags & SCHEMA_SLUG) == 0 || is_json)
            return buf_put(text, field->bytes, field->len);
        struct buf slug = BUF_EMPTY(CHANGE_VALUE_BYTES);
        enum rc rc = buf_put(&slug, field->bytes, field->len);
        const char *word = rc == RC_OK ? buf_text(&slug) : NULL;
        rc = word == NULL ? rc_nomem() : buf_printf(text, "%s", words_say(word));
        buf_wipe(&slug);
        return rc;
    case FIELD_BYTES:
    case FIELD_VERSIONS:
    default:
        return buf_printf(text, "%zu", field->len);
    }
}

static bool
is_free_text(const struct schema_field *known, const struct field *field)
{
    return field == NULL ||
           (field->type == FIELD_TEXT && (known == NULL || (known->flags & SCHEMA_SLUG) == 0));
}

/* Two values, field by field in the order of their numbers. */
struct pair {
    const struct schema_unit *unit;
    struct field fields[2][CHANGE_FIELDS];
    size_t counts[2];
    uint32_t number; /* of the field that differs */
    const struct schema_field *known;
    struct buf texts[2];
    struct diff diff;
};

static void
pair_wipe(struct pair *pair)
{
    diff_free(&pair->diff);
    buf_wipe(&pair->texts[0]);
    buf_wipe(&pair->texts[1]);
}

static enum rc
pair_start(struct pair *pair, const struct schema_unit *unit, const struct buf *first,
           const struct buf *second)
{
    const struct buf *values[2] = {first, second};
    enum rc rc = RC_OK;

    *pair = (struct pair){.unit = unit, .texts = {BUF_EMPTY(TEXT_BYTES), BUF_EMPTY(TEXT_BYTES)}};
    for (int i = 0; rc == RC_OK && i < 2; i++)
        if (values[i]->len > 0)
            rc = value_read(values[i]->data, values[i]->len, pair->fields[i], &pair->counts[i]);
    return rc;
}

static uint32_t
next_number(const struct pair *pair)
{
    uint32_t next = 0;

    for (int i = 0; i < 2; i++)
        for (size_t f = 0; f < pair->counts[i]; f++) {
            uint32_t number = pair->fields[i][f].number;
            if (number > pair->number && (next == 0 || number < next))
                next = number;
        }
    return next;
}

/* A text by words; all else, where a part says nothing, as a whole. */
static enum rc
compare_field(struct pair *pair, bool by_words)
{
    const struct buf *a = &pair->texts[0], *b = &pair->texts[1];

    return by_words ? diff_texts(a->data, a->len, b->data, b->len, &pair->diff)
                    : diff_wholes(a->data, a->len, b->data, b->len, &pair->diff);
}

/* The next field that differs; number 0 when there is none. */
static enum rc
pair_next(struct pair *pair, bool is_json)
{
    while ((pair->number = next_number(pair)) != 0) {
        const struct field *a = value_find(pair->fields[0], pair->counts[0], pair->number);
        const struct field *b = value_find(pair->fields[1], pair->counts[1], pair->number);
        enum rc rc;
        diff_free(&pair->diff);
        buf_clear(&pair->texts[0]);
        buf_clear(&pair->texts[1]);
        pair->known = schema_field(pair->unit, pair->number);
        rc = field_text(pair->known, a, is_json, &pair->texts[0]);
        if (rc == RC_OK)
            rc = field_text(pair->known, b, is_json, &pair->texts[1]);
        if (rc != RC_OK)
            return rc;
        if (pair->texts[0].len == pair->texts[1].len &&
            (pair->texts[0].len == 0 ||
             memcmp(pair->texts[0].data, pair->texts[1].data, pair->texts[0].len) == 0))
            continue;
        return compare_field(pair, is_free_text(pair->known, a) && is_free_text(pair->known, b));
    }
    return RC_OK;
}

static const char *
op_name(enum diff_op op)
{
    return op == DIFF_EQUAL ? "equal" : op == DIFF_DELETE ? "delete" : "insert";
}

enum rc
value_out_diff(struct call *call, const char *key, const struct schema_unit *unit,
               const struct buf *first, const struct buf *second)
{
    struct json_writer *writer = &call->out.writer;
    struct pair pair;
    enum rc rc = pair_start(&pair, unit, first, second);

    json_key(writer, key);
    json_array_start(writer);
    while (rc == RC_OK && (rc = pair_next(&pair, true)) == RC_OK && pair.number != 0) {
        char room[24];
        const char *name, *heading;
        name_field(pair.known, pair.number, room, &name, &heading);
        json_object_start(writer);
        json_put_text(writer, "field", name);
        json_key(writer, "diff");
        json_array_start(writer);
        for (size_t i = 0; i < pair.diff.count; i++) {
            json_object_start(writer);
            json_put_text(writer, "op", op_name(pair.diff.parts[i].op));
            json_key(writer, "text");
            json_text_bytes(writer, pair.diff.parts[i].text, pair.diff.parts[i].len);
            json_object_end(writer);
        }
        json_array_end(writer);
        json_object_end(writer);
    }
    json_array_end(writer);
    pair_wipe(&pair);
    return rc;
}

/* ---- for people --------------------------------------------------------------------------------------- */

/* What stands in brackets is in one of them only. Not by colour: that is not seen by all, nor printed. */
static enum rc
put_marked(const struct diff *diff, enum diff_op without, struct buf *out)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < diff->count; i++) {
        const struct diff_part *part = &diff->parts[i];
        if (part->op == without)
            continue;
        if (part->op != DIFF_EQUAL)
            rc = buf_put(out, part->op == DIFF_DELETE ? "[-" : "{+", 2);
        if (rc == RC_OK)
            rc = buf_put(out, part->text, part->len);
        if (rc == RC_OK && part->op != DIFF_EQUAL)
            rc = buf_put(out, part->op == DIFF_DELETE ? "-]" : "+}", 2);
    }
    return rc;
}

/* The next line of *text in so many columns; blanks and line feed at its end are left out. */
static enum rc
put_cell(const char **text, int columns, struct buf *out)
{
    struct buf line = BUF_EMPTY(TEXT_BYTES);
    size_t len = text_line(*text, columns), shown = len;

    while (shown > 0 && strchr(" \n", (*text)[shown - 1]) != NULL)
        shown--;
    enum rc rc = buf_put(&line, *text, shown);
    const char *cell = rc == RC_OK ? buf_text(&line) : NULL;
    rc = cell == NULL ? rc_nomem() : text_put_column(out, cell, columns);
    *text += len;
    buf_wipe(&line);
    return rc;
}

/* Two texts beside each other, each broken into lines of its own. */
static enum rc
put_columns(const char *left, const char *right, int width, struct buf *out)
{
    int columns = (width - 3) / 2;
    enum rc rc = RC_OK;

    while (rc == RC_OK && (*left != '\0' || *right != '\0')) {
        rc = put_cell(&left, columns, out);
        if (rc == RC_OK)
            rc = buf_put(out, " | ", 3);
        if (rc == RC_OK)
            rc = put_cell(&right, columns, out);
        while (rc == RC_OK && out->len > 0 && out->data[out->len - 1] == ' ')
            out->len--;
        if (rc == RC_OK)
            rc = buf_put(out, "\n", 1);
    }
    return rc;
}

static enum rc
draw_columns(struct call *call, const char *left, const char *right)
{
    struct buf lines = BUF_EMPTY(OUT_CEILING_BYTES);
    enum rc rc = put_columns(left, right, call->out.width, &lines);
    const char *drawing = rc == RC_OK ? buf_text(&lines) : NULL;

    if (rc == RC_OK && drawing == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        out_drawing(&call->out, drawing);
    buf_wipe(&lines);
    return rc;
}

static enum rc
show_columns(struct call *call, const struct pair *pair, const char *heading)
{
    struct buf left = BUF_EMPTY(TEXT_BYTES), right = BUF_EMPTY(TEXT_BYTES);
    enum rc rc = buf_printf(&left, "%s: ", heading);

    if (rc == RC_OK)
        rc = buf_printf(&right, "%s: ", heading);
    if (rc == RC_OK)
        rc = put_marked(&pair->diff, DIFF_INSERT, &left);
    if (rc == RC_OK)
        rc = put_marked(&pair->diff, DIFF_DELETE, &right);
    if (rc == RC_OK && (buf_text(&left) == NULL || buf_text(&right) == NULL))
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = draw_columns(call, buf_text(&left), buf_text(&right));
    buf_wipe(&left);
    buf_wipe(&right);
    return rc;
}

static enum rc
show_inline(struct call *call, const struct pair *pair, const char *heading)
{
    struct buf text = BUF_EMPTY(TEXT_BYTES);
    enum rc rc = put_marked(&pair->diff, 0, &text);
    const char *marked = rc == RC_OK ? buf_text(&text) : NULL;

    if (rc == RC_OK && marked == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        out_text(&call->out, NULL, heading, marked);
    buf_wipe(&text);
    return rc;
}

enum rc
value_show_diff(struct call *call, const struct schema_unit *unit, const struct buf *first,
                const struct buf *second, const char *first_heading, const char *second_heading)
{
    bool is_wide = call->out.width >= WIDE_COLUMNS;
    struct pair pair;

    if (call->out.is_json)
        return RC_OK;
    enum rc rc = pair_start(&pair, unit, first, second);
    if (rc == RC_OK && is_wide)
        rc = draw_columns(call, first_heading, second_heading);
    else if (rc == RC_OK)
        out_line(&call->out, _("[-%s-] {+%s+}:"), first_heading, second_heading);
    while (rc == RC_OK && (rc = pair_next(&pair, false)) == RC_OK && pair.number != 0) {
        char room[24];
        const char *name, *heading;
        name_field(pair.known, pair.number, room, &name, &heading);
        rc = is_wide ? show_columns(call, &pair, heading) : show_inline(call, &pair, heading);
    }
    pair_wipe(&pair);
    return rc;
}
