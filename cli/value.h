/* The value of a unit as people and programs read it, and how two of them differ. */
#ifndef CLI_VALUE_H
#define CLI_VALUE_H

#include "cli/command.h"
#include "core/schema.h"

/* As an object `value`: its fields under their names, in lines for people. `unit` NULL: one that this program does not know. */
enum rc value_out(struct call *call, const struct schema_unit *unit, const uint8_t *value,
                  size_t len) MUST_CHECK;
/* The same by numbers, which may be unknown here; also of whether a record is deleted, which is no field. */
enum rc value_out_of(struct call *call, uint32_t entity, uint32_t unit, const uint8_t *value, size_t len) MUST_CHECK;

/* The fields that differ, for programs: a list `key` of {field, diff: list of {op, text}}. A text is compared by words, all else
 * as a whole. */
enum rc value_out_diff(struct call *call, const char *key, const struct schema_unit *unit,
                       const struct buf *first, const struct buf *second) MUST_CHECK;
/* The same for people: in two columns under the headings where the terminal has 100 and more, else in one. */
enum rc value_show_diff(struct call *call, const struct schema_unit *unit, const struct buf *first,
                        const struct buf *second, const char *first_heading,
                        const char *second_heading) MUST_CHECK;

#endif
