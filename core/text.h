/* Text of people: UTF-8 checked, NFC, folded for matching, measured for tables. Home of libunistring.
 * Source: Unicode 14 as in libunistring 1.0. */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/buf.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* RC_TOO_LARGE beyond `ceiling_bytes`; RC_INVALID for bad UTF-8 or a NUL. `what` names the text in
 * the sentence. For bytes from outside that must stay as they are. */
enum rc text_check(const void *bytes, size_t len, size_t ceiling_bytes, const char *what) MUST_CHECK;
/* As text_check, then appends the NFC form without the CRs before a LF: for what a person typed. The ceiling
 * holds for the result too. */
enum rc text_normalise(const void *bytes, size_t len, size_t ceiling_bytes, const char *what,
                       struct buf *out) MUST_CHECK;

/* Case folded and normalised comparing of labels; false also for bad UTF-8 or when memory runs out. */
bool text_equal_folded(const char *a, const char *b);
bool text_begins_folded(const char *label, const char *typed);
/* The order in which labels that are equal so stand together; of bad UTF-8, or when memory runs out, that of the bytes. Lengths in bytes. */
int text_compare_folded(const char *a, size_t a_len, const char *b, size_t b_len);

/* Where words begin, by the rules of UAX #29: breaks[i] is 1 where the text may be cut before byte i, also between words and
 * what stands between them; never before the first. RC_INVALID for bad UTF-8. */
enum rc text_word_breaks(const void *bytes, size_t len, uint8_t *breaks) MUST_CHECK;

/* Columns on a terminal; bad UTF-8 counts its bytes. */
int text_columns(const char *text);
/* How many bytes of `text` make one line of at most `columns`: up to where a line may be broken (UAX #14), or else as many
 * characters as fit, one at least. A line feed ends it and is counted. 0 at the end of the text. */
size_t text_line(const char *text, int columns);
/* How many bytes of `text`, which is UTF-8 ended by a NUL, are a character that steers a terminal or is not seen there: a control, a mark
 * of direction, one without width but what emoji and other scripts need. 0: it is none. *number is the character's. */
size_t text_unseen(const char *text, uint32_t *number);
/* Appends `text` in exactly `columns`: filled with spaces, or cut with an ellipsis. Characters of text_unseen
 * become a middle dot. */
enum rc text_put_column(struct buf *out, const char *text, int columns) MUST_CHECK;
/* Appends `text` whole, with the same replacement; line feeds and tabs stay. */
enum rc text_put_printable(struct buf *out, const char *text) MUST_CHECK;

#endif
