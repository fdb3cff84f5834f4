/* What out.c and out_columns.c share; nobody else includes it. */
#ifndef CLI_OUT_INSIDE_H
#define CLI_OUT_INSIDE_H

#include "cli/out.h"

#include <string.h>

/* The first failure sticks. */
void out_note(struct out *out, enum rc rc);

/* Of a text in `fields`, `cells` or `notices`, in bytes. */
static inline size_t
out_len(const char *text)
{
    return strlen(text) + 1;
}

/* The waiting headings and values go to `text`, lined up. */
void out_flush_fields(struct out *out);
/* So does the table. */
void out_flush_table(struct out *out);

#endif
