/* Gathers what a command says and writes it at the end, so that a failure leaves no half answer. */
#include "cli/out_inside.h"

#include "core/date.h"
#include "core/i18n.h"
#include "core/text.h"
#include "core/version.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum {
    SHORT_ID_CHARS = 6, /* what lists show of an id: five are enough to type */
    FORMATTED_BYTES = 4096,
};

void
out_note(struct out *out, enum rc rc)
{
    if (out->rc == RC_OK)
        out->rc = rc;
}

void
out_start(struct out *out, bool is_json, bool is_quiet, const char *command)
{
    struct winsize size;
    const char *no_colour = getenv("NO_COLOR");
    const char *terminal = getenv("TERM");
    bool is_terminal = isatty(STDOUT_FILENO) == 1;

    memset(out, 0, sizeof *out);
    out->is_json = is_json;
    out->is_quiet = is_quiet;
    out->has_colour = is_terminal && (no_colour == NULL || no_colour[0] == '\0') &&
                      (terminal == NULL || strcmp(terminal, "dumb") != 0);
    progress_start(&out->progress, !is_json && !is_quiet && isatty(STDERR_FILENO) == 1);
    if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col >= 40)
        out->width = size.ws_col;
    out->text = BUF_EMPTY(OUT_CEILING_BYTES);
    out->json = BUF_EMPTY(OUT_CEILING_BYTES);
    out->notices = BUF_EMPTY(OUT_CEILING_BYTES);
    out->fields = BUF_EMPTY(OUT_CEILING_BYTES);
    out->cells = BUF_EMPTY(OUT_CEILING_BYTES);
    out->writer = json_writer_of(&out->json, isatty(STDOUT_FILENO) == 1);
    json_object_start(&out->writer);
    json_put_int(&out->writer, "schema_version", OUTPUT_FORMAT);
    json_put_text(&out->writer, "command", command);
}

void
out_wipe(struct out *out)
{
    progress_end(&out->progress);
    buf_wipe(&out->text);
    buf_wipe(&out->json);
    buf_wipe(&out->notices);
    buf_wipe(&out->fields);
    buf_wipe(&out->cells);
}

/* A value for people: a cell of the table, or a field. */
static void
put_value(struct out *out, const char *heading, const char *text)
{
    if (heading == NULL || out->is_json)
        return;
    if (out->in_table) {
        assert(out->in_row && out->at < OUT_COLUMNS);
        if (out->rows == 0)
            out->headings[out->columns++] = heading;
        assert(out->at < out->columns);
        out->at++;
        out_note(out, buf_put(&out->cells, text, out_len(text)));
        return;
    }
    if (text[0] == '\0')
        return;
    out_note(out, buf_put(&out->fields, heading, out_len(heading)));
    out_note(out, buf_put(&out->fields, text, out_len(text)));
}

void
out_list(struct out *out, const char *key, enum out_style style)
{
    assert(!out->in_table);
    out_flush_fields(out);
    json_key(&out->writer, key);
    json_array_start(&out->writer);
    if (style == OUT_TABLE) {
        out->in_table = true;
        buf_clear(&out->cells);
        out->columns = 0;
    } else {
        out->blocks++;
    }
    out->rows = 0;
}

void
out_row(struct out *out)
{
    json_object_start(&out->writer);
    out->in_row = true;
    out->at = 0;
}

void
out_row_end(struct out *out)
{
    json_object_end(&out->writer);
    if (out->in_table) {
        assert(out->is_json || out->at == out->columns);
        out->in_row = false;
    } else if (!out->is_json) {
        out_flush_fields(out);
        out_note(out, buf_put(&out->text, "\n", 1));
    }
    out->rows++;
}

void
out_list_end(struct out *out, const char *none)
{
    json_array_end(&out->writer);
    if (!out->is_json && out->rows == 0 && none != NULL)
        out_line(out, "%s", none);
    if (out->in_table) {
        if (!out->is_json)
            out_flush_table(out);
        out->in_table = false;
    } else {
        out->blocks--;
    }
    out->rows = 1; /* a list within a block: the block is not empty */
}

void
out_object(struct out *out, const char *key)
{
    json_key(&out->writer, key);
    json_object_start(&out->writer);
}

void
out_object_end(struct out *out)
{
    json_object_end(&out->writer);
    out_flush_fields(out);
}

void
out_word(struct out *out, const char *key, const char *heading, const char *word, const char *said)
{
    if (key != NULL)
        json_put_text(&out->writer, key, word);
    put_value(out, heading, said == NULL ? "" : said);
}

void
out_text(struct out *out, const char *key, const char *heading, const char *text)
{
    out_word(out, key, heading, text, text);
}

void
out_short_id(struct id id, char *text)
{
    id_to_text(id, text);
    memmove(text, text + ID_TEXT_CHARS - SHORT_ID_CHARS, SHORT_ID_CHARS + 1);
}

void
out_id(struct out *out, const char *key, const char *heading, struct id id)
{
    char full[ID_TEXT_CHARS + 1], brief[ID_TEXT_CHARS + 1];

    if (id_is_zero(id)) {
        out_word(out, key, heading, NULL, "");
        return;
    }
    id_to_text(id, full);
    out_short_id(id, brief);
    out_word(out, key, heading, full, brief);
}

void
out_date(struct out *out, const char *key, const char *heading, uint32_t date)
{
    char text[16];

    if (date == 0) {
        out_word(out, key, heading, NULL, "");
        return;
    }
    (void)snprintf(text, sizeof text, "%04u-%02u-%02u", (unsigned)(date / 10000),
                   (unsigned)(date / 100 % 100), (unsigned)(date % 100));
    out_word(out, key, heading, text, text);
}

void
out_time(struct out *out, const char *key, const char *heading, int64_t ms)
{
    char text[TIME_TEXT_BYTES], said[TIME_TEXT_BYTES];

    if (ms == 0) {
        out_word(out, key, heading, NULL, "");
        return;
    }
    time_to_text(ms, text);
    /* People read "2026-11-22 14:05"; programs get the zone too. */
    (void)snprintf(said, sizeof said, "%.10s %.5s", text, text + 11);
    out_word(out, key, heading, text, said);
}

void
out_int(struct out *out, const char *key, const char *heading, int64_t value)
{
    char text[32];

    if (key != NULL)
        json_put_int(&out->writer, key, value);
    (void)snprintf(text, sizeof text, "%" PRId64, value);
    put_value(out, heading, text);
}

void
out_bool(struct out *out, const char *key, const char *heading, bool value)
{
    if (key != NULL)
        json_put_bool(&out->writer, key, value);
    put_value(out, heading, value ? _("yes") : _("no"));
}

void
out_line(struct out *out, const char *format, ...)
{
    char text[FORMATTED_BYTES];
    va_list arguments;

    if (out->is_json)
        return;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    out_flush_fields(out);
    out_note(out, text_put_printable(&out->text, text));
    out_note(out, buf_put(&out->text, "\n", 1));
}

void
out_drawing(struct out *out, const char *lines)
{
    if (out->is_json)
        return;
    out_flush_fields(out);
    out_note(out, buf_put(&out->text, lines, strlen(lines)));
}

void
out_title(struct out *out, const char *text)
{
    if (out->is_json)
        return;
    out_flush_fields(out);
    if (out->text.len > 0)
        out_note(out, buf_put(&out->text, "\n", 1));
    if (out->has_colour)
        out_note(out, buf_put(&out->text, "\033[1m", 4));
    out_note(out, text_put_printable(&out->text, text));
    if (out->has_colour)
        out_note(out, buf_put(&out->text, "\033[0m", 4));
    out_note(out, buf_put(&out->text, "\n", 1));
}

void
out_notice(struct out *out, const char *code, const char *format, ...)
{
    char text[FORMATTED_BYTES];
    va_list arguments;

    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    out_note(out, buf_put(&out->notices, code, out_len(code)));
    out_note(out, buf_put(&out->notices, text, out_len(text)));
}

void
out_forget_notices(struct out *out)
{
    buf_clear(&out->notices);
}

/* What was formatted, perhaps with words in it that a colleague chose or a person typed, and cut in the middle of a
 * character: as valid text that steers nothing. Lent from `said`. */
static const char *
as_sentence(struct buf *said, const char *text)
{
    enum rc rc = text_put_printable(said, text);
    const char *sentence = rc == RC_OK ? buf_text(said) : NULL;

    return sentence == NULL ? rc_name(RC_NOMEM) : sentence;
}

/* Each is told once: a failure to write the answer does not tell them again. */
static void
finish_notices(struct out *out, struct json_writer *writer)
{
    const char *at = (const char *)out->notices.data;
    const char *end = at + out->notices.len;

    json_key(writer, "notices");
    json_array_start(writer);
    while (out->notices.len > 0 && at < end) {
        const char *code = at;
        const char *text = at + out_len(at);
        struct buf said = BUF_EMPTY(4 * FORMATTED_BYTES);
        const char *sentence = as_sentence(&said, text);
        json_object_start(writer);
        json_put_text(writer, "code", code);
        json_put_text(writer, "message", sentence);
        json_object_end(writer);
        if (!out->is_json && !out->is_quiet)
            (void)fprintf(stderr, "%s\n", sentence);
        buf_wipe(&said);
        at = text + out_len(text);
    }
    json_array_end(writer);
    out_forget_notices(out);
}

enum rc
out_finish(struct out *out)
{
    progress_end(&out->progress);
    out_flush_fields(out);
    finish_notices(out, &out->writer);
    json_object_end(&out->writer);
    out_note(out, json_finish(&out->writer));
    out_note(out, buf_put(&out->json, "\n", 1));
    if (out->rc != RC_OK)
        return rc_while(out->rc, _("writing the answer"));

    const struct buf *chosen = out->is_json ? &out->json : &out->text;
    if (chosen->len > 0 && fwrite(chosen->data, 1, chosen->len, stdout) != chosen->len)
        return rc_fail(RC_IO, _("the answer could not be written"));
    if (fflush(stdout) != 0)
        return rc_fail(RC_IO, _("the answer could not be written"));
    return RC_OK;
}

void
out_failure(struct out *out, enum rc rc, int exit_code, const struct ending *ending)
{
    struct buf message = BUF_EMPTY(FORMATTED_BYTES);
    struct buf said = BUF_EMPTY(4 * FORMATTED_BYTES);
    struct buf json = BUF_EMPTY(OUT_CEILING_BYTES); /* with all notices */
    struct json_writer writer = json_writer_of(&json, false);
    const char *text = exit_message(rc, ending, &message) == RC_OK ? buf_text(&message) : NULL;

    if (text == NULL)
        text = rc_name(rc);
    text = as_sentence(&said, text);
    progress_end(&out->progress);
    if (!out->is_json)
        (void)fprintf(stderr, "baken: %s\n", text);
    json_object_start(&writer);
    json_put_int(&writer, "schema_version", OUTPUT_FORMAT);
    json_key(&writer, "error");
    json_object_start(&writer);
    json_put_text(&writer, "code", rc_name(rc));
    json_put_int(&writer, "exit", exit_code);
    json_put_text(&writer, "message", text);
    json_object_end(&writer);
    if (out->notices.len > 0)
        finish_notices(out, &writer);
    json_object_end(&writer);
    if (json_finish(&writer) == RC_OK && out->is_json)
        (void)fprintf(stderr, "%.*s\n", (int)json.len, (const char *)json.data);
    buf_wipe(&message);
    buf_wipe(&said);
    buf_wipe(&json);
}
