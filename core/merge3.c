/* Values merged field by field and texts line by line, against their common base. */
#include "core/merge3.h"

#include <stdlib.h>
#include <string.h>

#include "core/diff.h"
#include "core/i18n.h"

/* ---- lines ------------------------------------------------------------------------------------------ */

/* The lines of one version, and where they differ from those of the base. */
struct side {
    struct diff_tokens lines;
    uint8_t *deleted; /* of the base */
    uint8_t *inserted;
    size_t base, at; /* how far it was read */
};

/* Lines [base, base_end) of the base became [at, at_end) of the version. */
struct hunk {
    size_t base, base_end, at, at_end;
};

static void
side_free(struct side *side)
{
    diff_tokens_free(&side->lines);
    free(side->deleted);
    free(side->inserted);
}

static enum rc
side_read(struct diff_table *table, const struct diff_tokens *base, const struct buf *text,
          struct side *side)
{
    enum rc rc = diff_lines(table, text->data, text->len, &side->lines);

    if (rc == RC_OK && base->count + side->lines.count > DIFF_TOKENS)
        rc = rc_fail(RC_TOO_LARGE, _("the texts are too long to be compared"));
    if (rc != RC_OK)
        return rc;
    side->deleted = calloc(base->count + 1, 1);
    side->inserted = calloc(side->lines.count + 1, 1);
    if (side->deleted == NULL || side->inserted == NULL)
        return rc_nomem();
    return diff_numbers(base->numbers, base->count, side->deleted, side->lines.numbers,
                        side->lines.count, side->inserted);
}

/* Passes over what is as in the base; the hunk that comes then. False at the end. */
static bool
next_hunk(const struct side *side, const struct diff_tokens *base, struct hunk *hunk)
{
    size_t i = side->base, k = side->at;

    while (i < base->count && !side->deleted[i] && !side->inserted[k])
        i++, k++;
    *hunk = (struct hunk){i, i, k, k};
    while (hunk->base_end < base->count && side->deleted[hunk->base_end])
        hunk->base_end++;
    while (hunk->at_end < side->lines.count && side->inserted[hunk->at_end])
        hunk->at_end++;
    return hunk->base_end > i || hunk->at_end > k;
}

/* Lines put where the other changed or put some: in which order they belong, nobody knows. */
static bool
do_overlap(const struct hunk *a, const struct hunk *b)
{
    if (a->base == a->base_end || b->base == b->base_end)
        return a->base <= b->base_end && b->base <= a->base_end;
    return a->base < b->base_end && b->base < a->base_end;
}

static bool
are_alike(const struct side *first, const struct hunk *a, const struct side *second,
          const struct hunk *b)
{
    size_t count = a->at_end - a->at;

    return a->base == b->base && a->base_end == b->base_end && count == b->at_end - b->at &&
           memcmp(first->lines.numbers + a->at, second->lines.numbers + b->at,
                  count * sizeof *first->lines.numbers) == 0;
}

static enum rc
put_lines(const struct diff_tokens *lines, size_t from, size_t until, struct buf *out)
{
    return buf_put(out, lines->text + lines->from[from], lines->from[until] - lines->from[from]);
}

/* Lines [*done, hunk->base) of the base, then what the hunk made of its own. */
static enum rc
put_hunk(const struct diff_tokens *base, size_t *done, struct side *side, const struct hunk *hunk,
         struct buf *out)
{
    enum rc rc = put_lines(base, *done, hunk->base, out);

    if (rc == RC_OK)
        rc = put_lines(&side->lines, hunk->at, hunk->at_end, out);
    *done = side->base = hunk->base_end;
    side->at = hunk->at_end;
    return rc;
}

static enum rc
weave(const struct diff_tokens *base, struct side sides[2], struct buf *out, bool *overlaps)
{
    size_t done = 0;
    enum rc rc = RC_OK;

    while (rc == RC_OK) {
        struct hunk a, b;
        bool has_a = next_hunk(&sides[0], base, &a);
        bool has_b = next_hunk(&sides[1], base, &b);
        if (!has_a && !has_b)
            break;
        if (has_a && has_b && are_alike(&sides[0], &a, &sides[1], &b)) {
            sides[1].base = b.base_end;
            sides[1].at = b.at_end;
            rc = put_hunk(base, &done, &sides[0], &a, out);
            continue;
        }
        *overlaps = has_a && has_b && do_overlap(&a, &b);
        if (*overlaps)
            return RC_OK;
        if (has_a && (!has_b || a.base < b.base))
            rc = put_hunk(base, &done, &sides[0], &a, out);
        else
            rc = put_hunk(base, &done, &sides[1], &b, out);
    }
    return rc == RC_OK ? put_lines(base, done, base->count, out) : rc;
}

/* A last line without an end cannot get another behind it; all three get one, and the result loses it again. */
static enum rc
with_end(const struct buf *text, struct buf *ended)
{
    enum rc rc = buf_put(ended, text->data, text->len);

    return rc == RC_OK && text->len > 0 ? buf_put(ended, "\n", 1) : rc;
}

enum rc
merge3_lines(const struct buf *base, const struct buf *first, const struct buf *second,
             struct buf *out, bool *overlaps)
{
    struct buf ended[3] = {BUF_EMPTY(CHANGE_VALUE_BYTES + 1), BUF_EMPTY(CHANGE_VALUE_BYTES + 1),
                           BUF_EMPTY(CHANGE_VALUE_BYTES + 1)};
    struct diff_table *table = NULL;
    struct diff_tokens lines = {.count = 0};
    struct side sides[2] = {{.base = 0}, {.base = 0}};
    size_t start = out->len;

    *overlaps = false;
    enum rc rc = diff_table_new(&table);
    if (rc == RC_OK)
        rc = with_end(base, &ended[0]);
    if (rc == RC_OK)
        rc = with_end(first, &ended[1]);
    if (rc == RC_OK)
        rc = with_end(second, &ended[2]);
    if (rc == RC_OK)
        rc = diff_lines(table, ended[0].data, ended[0].len, &lines);
    for (int i = 0; rc == RC_OK && i < 2; i++)
        rc = side_read(table, &lines, &ended[i + 1], &sides[i]);
    if (rc == RC_OK)
        rc = weave(&lines, sides, out, overlaps);
    if (rc == RC_TOO_LARGE) { /* so many lines nobody looks through: no proposal */
        *overlaps = true;
        rc = RC_OK;
    }
    if (rc == RC_OK && *overlaps)
        out->len = start;
    else if (rc == RC_OK && out->len > start && out->data[out->len - 1] == '\n')
        out->len--;
    diff_tokens_free(&lines);
    for (int i = 0; i < 2; i++)
        side_free(&sides[i]);
    diff_table_free(table);
    for (int i = 0; i < 3; i++)
        buf_wipe(&ended[i]);
    return rc;
}

/* ---- values ----------------------------------------------------------------------------------------- */

struct value {
    struct field fields[CHANGE_FIELDS];
    size_t count;
};

/* The versions of one field: NULL where a version does not have it. */
struct fields {
    const struct field *base;
    const struct field *sides[MERGE3_SIDES]; /* those that changed it, each value once, in order */
    size_t count;
    const struct field *other;
};

static bool
is_equal(const struct field *a, const struct field *b)
{
    if (a == NULL || b == NULL)
        return a == b;
    return a->type == b->type && a->integer == b->integer && a->len == b->len &&
           id_equal(a->id, b->id) && (a->len == 0 || memcmp(a->bytes, b->bytes, a->len) == 0);
}

static bool
is_free_text(const struct schema_unit *unit, uint32_t number)
{
    const struct schema_field *known = schema_field(unit, number);

    return known != NULL && known->type == FIELD_TEXT && (known->flags & SCHEMA_SLUG) == 0;
}

static enum rc
put_field(const struct field *field, struct buf *out)
{
    return field == NULL ? RC_OK : value_put_field(out, field);
}

static enum rc
text_of(const struct field *field, struct buf *text)
{
    return field == NULL || field->type != FIELD_TEXT ? RC_OK
                                                      : buf_put(text, field->bytes, field->len);
}

/* Below each other, with an empty line between. */
static enum rc
put_below(const struct fields *fields, uint32_t number, struct buf *out)
{
    struct buf all = BUF_EMPTY(CHANGE_NOTE_BYTES);
    enum rc rc = RC_OK;

    for (size_t i = 0; rc == RC_OK && i < fields->count; i++) {
        if (fields->sides[i] == NULL || fields->sides[i]->len == 0)
            continue;
        if (all.len > 0)
            rc = buf_put(&all, "\n\n", 2);
        if (rc == RC_OK)
            rc = text_of(fields->sides[i], &all);
    }
    const char *text = rc == RC_OK ? buf_text(&all) : NULL;
    if (rc == RC_OK)
        rc = text == NULL ? rc_nomem() : value_put_text(out, number, text);
    buf_wipe(&all);
    return rc;
}

static void
swap(struct buf *a, struct buf *b)
{
    struct buf held = *a;

    *a = *b;
    *b = held;
}

/* One version after the other into the result so far. */
static enum rc
put_woven(const struct fields *fields, uint32_t number, struct buf *out, bool *overlaps)
{
    struct buf base = BUF_EMPTY(CHANGE_NOTE_BYTES), so_far = BUF_EMPTY(CHANGE_NOTE_BYTES),
               next = BUF_EMPTY(CHANGE_NOTE_BYTES), both = BUF_EMPTY(CHANGE_NOTE_BYTES);
    enum rc rc = text_of(fields->base, &base);

    if (rc == RC_OK)
        rc = text_of(fields->sides[0], &so_far);
    for (size_t i = 1; rc == RC_OK && !*overlaps && i < fields->count; i++) {
        buf_clear(&next);
        buf_clear(&both);
        rc = text_of(fields->sides[i], &next);
        if (rc == RC_OK)
            rc = merge3_lines(&base, &so_far, &next, &both, overlaps);
        swap(&so_far, &both);
    }
    const char *text = rc == RC_OK && !*overlaps ? buf_text(&so_far) : NULL;
    if (rc == RC_OK && !*overlaps)
        rc = text == NULL ? rc_nomem() : value_put_text(out, number, text);
    buf_wipe(&base);
    buf_wipe(&so_far);
    buf_wipe(&next);
    buf_wipe(&both);
    return rc;
}

static enum rc
merge_field(const struct merge3 *merge, const struct fields *fields, uint32_t number,
            struct buf *out, uint32_t *field)
{
    bool is_text = is_free_text(merge->unit, number);
    bool overlaps = true;
    enum rc rc = RC_OK;

    if (fields->count <= 1)
        return put_field(fields->count == 0 ? fields->base : fields->sides[0], out);
    if (is_text && merge->texts == MERGE3_BELOW)
        return put_below(fields, number, out);
    if (is_text && merge->base != NULL) {
        overlaps = false;
        rc = put_woven(fields, number, out, &overlaps);
    }
    if (rc != RC_OK || !overlaps)
        return rc;
    if (merge->other != NULL)
        return put_field(fields->other, out);
    if (*field == 0)
        *field = number;
    return RC_OK;
}

/* Which versions changed the field, each value once. Without a base all have. */
static void
gather(const struct merge3 *merge, const struct value *values, uint32_t number,
       struct fields *fields)
{
    const struct value *base = &values[merge->count];

    *fields = (struct fields){.base = value_find(base->fields, base->count, number)};
    for (size_t i = 0; i < merge->count; i++) {
        const struct field *side = value_find(values[i].fields, values[i].count, number);
        bool is_known = merge->base != NULL && is_equal(side, fields->base);
        for (size_t k = 0; k < fields->count && !is_known; k++)
            is_known = is_equal(side, fields->sides[k]);
        if (!is_known)
            fields->sides[fields->count++] = side;
        if (merge->sides[i] == merge->other)
            fields->other = side;
    }
}

/* The lowest field number above `after` in any version, and at least that of the new text; 0 when there is none. */
static uint32_t
next_number(const struct merge3 *merge, const struct value *values, uint32_t after, uint32_t text)
{
    uint32_t next = text > after ? text : 0;

    for (size_t v = 0; v <= merge->count; v++)
        for (size_t i = 0; i < values[v].count; i++) {
            uint32_t number = values[v].fields[i].number;
            if (number > after && (next == 0 || number < next))
                next = number;
        }
    return next;
}

/* The unit's first free text; 0 when it has none. */
static uint32_t
first_text(const struct schema_unit *unit)
{
    for (size_t i = 0; unit != NULL && i < unit->field_count; i++)
        if (is_free_text(unit, unit->fields[i].number))
            return unit->fields[i].number;
    return 0;
}

static enum rc
merge_all(const struct merge3 *merge, const struct value *values, struct buf *out, uint32_t *field)
{
    uint32_t text = merge->text == NULL ? 0 : first_text(merge->unit);
    uint32_t number = 0;
    enum rc rc = RC_OK;

    if (merge->text != NULL && text == 0)
        return rc_fail(RC_INVALID, _("this has no text to replace; take one of the versions"));
    while (rc == RC_OK && (number = next_number(merge, values, number, text)) != 0) {
        struct fields fields;
        if (number == text) {
            rc = value_put_text(out, number, merge->text);
            continue;
        }
        gather(merge, values, number, &fields);
        rc = merge_field(merge, &fields, number, out, field);
    }
    return rc;
}

enum rc
merge3_values(const struct merge3 *merge, struct buf *out, uint32_t *field)
{
    struct value *values = calloc(merge->count + 1, sizeof *values);
    enum rc rc = RC_OK;

    *field = 0;
    if (values == NULL)
        return rc_nomem();
    for (size_t i = 0; rc == RC_OK && i < merge->count; i++)
        rc = value_read(merge->sides[i]->data, merge->sides[i]->len, values[i].fields,
                        &values[i].count);
    if (rc == RC_OK && merge->base != NULL)
        rc = value_read(merge->base->data, merge->base->len, values[merge->count].fields,
                        &values[merge->count].count);
    if (rc == RC_OK)
        rc = merge_all(merge, values, out, field);
    free(values);
    return rc;
}
