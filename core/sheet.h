/* The recovery sheet's secret, and the groups in which it stands on paper (docs/STORE.md, section 4). */
#ifndef CORE_SHEET_H
#define CORE_SHEET_H

#include "core/rc.h"
#include "core/secret.h"

#include <stddef.h>
#include <stdint.h>

enum {
    SHEET_GROUPS = 8,
    SHEET_GROUP_CHARS = 5,   /* four of the secret, one check */
    SHEET_SECRET_BYTES = 20, /* random: 160 bits need no slow derivation */
    SHEET_TEXT_CHARS = SHEET_GROUPS * SHEET_GROUP_CHARS + SHEET_GROUPS - 1,
};

enum rc sheet_make(struct secret *sheet) MUST_CHECK;
/* The groups with a hyphen between them, upper case, SHEET_TEXT_CHARS long, no NUL. */
enum rc sheet_to_text(const struct secret *sheet, struct secret *text) MUST_CHECK;
/*
 * Reads groups as a person typed them: case, hyphens, blanks and line ends do not matter, and O is 0, I and L are 1.
 *
 * fails  RC_INVALID, and the sentence names the group in which a character is wrong, missing or too many
 */
enum rc sheet_from_text(const void *text, size_t len, struct secret *sheet) MUST_CHECK;
/* Checks one group, counted from 1, on its own. RC_INVALID as sheet_from_text. */
enum rc sheet_check_group(unsigned number, const void *text, size_t len) MUST_CHECK;

#endif
