/* Fuzz entry of core/date, core/id and core/text: words of a command line or a page. What is taken is written and read
 * the same. */
#include "core/text.h"

#include <stdlib.h>
#include <string.h>

#include "core/date.h"
#include "core/id.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum { CEILING = 1 << 20, COLUMNS = 20 };

static void
need(bool holds)
{
    if (!holds)
        abort();
}

static void
try_dates(const char *text)
{
    struct date date;
    char back[TIME_TEXT_BYTES];
    int64_t ms, again;

    if (date_parse(text, &date) == RC_OK) {
        date_to_text(date, back);
        need(strcmp(back, text) == 0);
        need(date_between(date, date_add_days(date, 400)) == 400);
        need(date_compare(date_add_months(date, 1), date) > 0);
    }
    if (time_parse(text, &ms) == RC_OK) {
        time_to_text(ms, back);
        /* Old zones lay by seconds beside UTC, which RFC 3339 cannot say. */
        need(time_parse(back, &again) == RC_OK && llabs(again - ms) < 60000);
    }
}

static void
try_id(const char *text)
{
    struct id id, again;
    char back[ID_TEXT_CHARS + 1];

    (void)id_matches((struct id){{0x7f}}, text);
    if (id_from_text(text, &id) != RC_OK)
        return;
    id_to_text(id, back);
    need(id_from_text(back, &again) == RC_OK && id_equal(id, again));
    need(id_matches(id, text));
}

static void
try_text(const char *text, size_t len)
{
    struct buf normal = BUF_EMPTY(CEILING), again = BUF_EMPTY(CEILING), cell = BUF_EMPTY(CEILING);

    need(text_put_column(&cell, text, COLUMNS) == RC_OK);
    const char *shown = buf_text(&cell);
    need(shown != NULL);
    if (text_normalise(text, len, CEILING / 4, "the text", &normal) == RC_OK) {
        need(text_columns(shown) == COLUMNS);
        need(text_normalise(normal.data, normal.len, CEILING, "the text", &again) == RC_OK);
        need(again.len == normal.len &&
             (again.len == 0 || memcmp(again.data, normal.data, again.len) == 0));
        need(len == 0 || text_equal_folded(text, text));
    }
    buf_wipe(&normal);
    buf_wipe(&again);
    buf_wipe(&cell);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
    char *text = malloc(len + 1);

    need(text != NULL && setenv("TZ", "Europe/Amsterdam", 1) == 0);
    if (len > 0)
        memcpy(text, data, len);
    text[len] = '\0'; /* what lies behind a NUL is nobody's word */
    try_dates(text);
    try_id(text);
    try_text(text, strlen(text));
    free(text);
    return 0;
}
