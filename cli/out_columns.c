/* Fields and tables for people: lined up, and cut to the width of the terminal. */
#include "cli/out_inside.h"

#include <string.h>

#include "core/text.h"

enum { NARROWEST = 8 }; /* a column is cut to this before a line runs over */

/* What is shown is families' data: no copy of it is left in memory that is given back. NULL when memory ran out, which is noted. */
static char *
copy_text(struct out *out, struct buf *copy, const char *text, size_t len)
{
    enum rc rc = buf_put(copy, text, len);

    if (rc == RC_OK && buf_text(copy) == NULL)
        rc = rc_nomem();
    out_note(out, rc);
    return rc == RC_OK ? (char *)copy->data : NULL;
}

void
out_flush_fields(struct out *out)
{
    const char *at = (const char *)out->fields.data;
    const char *end = at + out->fields.len;
    int widest = 0;

    if (out->fields.len == 0)
        return;
    for (const char *heading = at; heading < end;) {
        int columns = text_columns(heading);
        if (columns > widest)
            widest = columns;
        heading += out_len(heading);
        heading += out_len(heading);
    }
    while (at < end) {
        out_note(out, text_put_column(&out->text, at, widest));
        at += out_len(at);
        out_note(out, buf_put(&out->text, "  ", 2));
        for (const char *line = at;;) {
            size_t len = strcspn(line, "\n");
            struct buf copy = BUF_EMPTY(OUT_CEILING_BYTES);
            const char *text = copy_text(out, &copy, line, len);
            if (text != NULL)
                out_note(out, text_put_printable(&out->text, text));
            buf_wipe(&copy);
            out_note(out, buf_put(&out->text, "\n", 1));
            line += len;
            if (line[0] == '\0' || line[1] == '\0')
                break;
            line++;
            out_note(out, buf_printf(&out->text, "%*s", widest + 2, ""));
        }
        at += out_len(at);
    }
    buf_clear(&out->fields);
}

/* Widths that fit the terminal: the widest columns give way first. */
static void
choose_widths(const struct out *out, int *widths)
{
    const char *cell = (const char *)out->cells.data;
    int total = 0;

    for (size_t i = 0; i < out->columns; i++)
        widths[i] = text_columns(out->headings[i]);
    for (size_t row = 0; row < out->rows; row++)
        for (size_t i = 0; i < out->columns; i++) {
            int columns = text_columns(cell);
            if (columns > widths[i])
                widths[i] = columns;
            cell += out_len(cell);
        }
    for (size_t i = 0; i < out->columns; i++)
        total += widths[i] + 2;
    while (out->width > 0 && total - 2 > out->width) {
        size_t widest = 0;
        for (size_t i = 1; i < out->columns; i++)
            if (widths[i] > widths[widest])
                widest = i;
        if (widths[widest] <= NARROWEST)
            break;
        widths[widest]--;
        total--;
    }
}

/* A cell stands on one line: line ends within it become blanks. */
static void
put_cell(struct out *out, const char *cell, int width, bool is_last)
{
    struct buf copy = BUF_EMPTY(OUT_CEILING_BYTES);
    char *text = copy_text(out, &copy, cell, strlen(cell));

    if (text != NULL) {
        for (char *c = text; *c != '\0'; c++)
            if (*c == '\n' || *c == '\t')
                *c = ' ';
        int own = text_columns(text);
        out_note(out, text_put_column(&out->text, text, is_last && own < width ? own : width));
    }
    if (!is_last)
        out_note(out, buf_put(&out->text, "  ", 2));
    buf_wipe(&copy);
}

/* Empty cells at the end of a line leave nothing behind. */
static void
end_line(struct out *out)
{
    while (out->text.len > 0 && out->text.data[out->text.len - 1] == ' ')
        out->text.len--;
    out_note(out, buf_put(&out->text, "\n", 1));
}

void
out_flush_table(struct out *out)
{
    int widths[OUT_COLUMNS] = {0};
    const char *cell = (const char *)out->cells.data;

    if (out->rows == 0)
        return;
    choose_widths(out, widths);
    if (out->has_colour)
        out_note(out, buf_printf(&out->text, "\033[1m"));
    for (size_t i = 0; i < out->columns; i++)
        put_cell(out, out->headings[i], widths[i], i + 1 == out->columns);
    if (out->has_colour)
        out_note(out, buf_printf(&out->text, "\033[0m"));
    end_line(out);
    for (size_t row = 0; row < out->rows; row++) {
        for (size_t i = 0; i < out->columns; i++) {
            put_cell(out, cell, widths[i], i + 1 == out->columns);
            cell += out_len(cell);
        }
        end_line(out);
    }
}
