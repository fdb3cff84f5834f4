/* What a command says: a table or lines for people, one JSON object for programs.
 *
 * The same calls make both. A command opens lists and rows and puts values, each with its JSON key and its
 * heading for people; a NULL key or heading leaves the value out of that form. The first failure sticks
 * and out_finish tells. Standard output carries data; standard error talk. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include "cli/exit.h"
#include "cli/progress.h"
#include "core/buf.h"
#include "core/id.h"
#include "core/json.h"

enum {
    OUT_COLUMNS = 24, /* of a table */
    OUT_CEILING_BYTES = 256 * 1024 * 1024,
};

/* How a list looks to people: a table, or its rows below each other. */
enum out_style { OUT_TABLE, OUT_BLOCKS };

struct out {
    bool is_json;
    bool is_quiet;
    bool has_colour; /* standard output is a terminal and NO_COLOR is not set */
    int width;       /* columns of the terminal; 0: as wide as it takes */
    struct progress progress;
    enum rc rc;
    struct buf text;
    struct buf json;
    struct json_writer writer;
    struct buf notices; /* code and sentence, each with its NUL */
    struct buf fields;  /* heading and value, each with its NUL, that wait to be lined up */
    struct buf cells;   /* of the table, row by row, each with its NUL */
    const char *headings[OUT_COLUMNS];
    size_t columns, rows, at;
    bool in_table, in_row;
    unsigned blocks; /* depth of lists in the style of blocks */
};

void out_start(struct out *out, bool is_json, bool is_quiet, const char *command);
void out_wipe(struct out *out);
/* Writes everything to standard output, remarks to standard error. RC_IO when that fails. */
enum rc out_finish(struct out *out) MUST_CHECK;
/* Throws away the remarks that were gathered. */
void out_forget_notices(struct out *out);
/* Throws away what was gathered but remarks, and writes the failure to standard error instead, with those. */
void out_failure(struct out *out, enum rc rc, int exit_code, const struct ending *ending);

/* A list under a plural key; `none` is said to people when it has no rows (NULL: nothing). Tables hold no
 * lists. */
void out_list(struct out *out, const char *key, enum out_style style);
void out_row(struct out *out);
void out_row_end(struct out *out);
void out_list_end(struct out *out, const char *none);
/* An object under a key, its values in lines for people. */
void out_object(struct out *out, const char *key);
void out_object_end(struct out *out);

void out_text(struct out *out, const char *key, const char *heading,
              const char *text);                                                  /* NULL: null */
void out_id(struct out *out, const char *key, const char *heading, struct id id); /* zero: null */
void out_date(struct out *out, const char *key, const char *heading, uint32_t date); /* 0: null */
void out_time(struct out *out, const char *key, const char *heading, int64_t ms);    /* 0: null */
void out_int(struct out *out, const char *key, const char *heading, int64_t value);
void out_bool(struct out *out, const char *key, const char *heading, bool value);
/* A word for programs and its translation for people. */
void out_word(struct out *out, const char *key, const char *heading, const char *word,
              const char *said);

/* A line for people only, on standard output. An empty format is an empty line. */
void out_line(struct out *out, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Lines of our own, each with its end, as they are: escape sequences too. For people only. */
void out_drawing(struct out *out, const char *lines);
void out_title(struct out *out, const char *text); /* a heading line, bold in colour */
/* A remark: a line on standard error, a member of `notices` in JSON. `code` is a stable word. */
void out_notice(struct out *out, const char *code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The last characters of an id, as people type it; `text` has ID_TEXT_CHARS + 1. */
void out_short_id(struct id id, char *text);

#endif
