/* Calendar dates and moments as text; zones are libc's (TZ).
 * Source: ISO 8601-1:2019 dates, RFC 3339 moments. */
#ifndef CORE_DATE_H
#define CORE_DATE_H

#include "core/clock.h"
#include "core/rc.h"

#include <stdint.h>

enum {
    DATE_TEXT_BYTES = 11, /* YYYY-MM-DD and NUL */
    TIME_TEXT_BYTES = 26, /* YYYY-MM-DDTHH:MM:SS+hh:mm and NUL */
    TIME_STAMP_BYTES = 32, /* also of a clock that is off by millions of years */
    DATE_YEAR_LEAST = 1900,
    DATE_YEAR_MOST = 2199,
};

struct date {
    int year;
    int month; /* 1 to 12; a date of all zeros is none */
    int day;
};

/* YYYY-MM-DD and nothing else; RC_INVALID says what is wrong (a day that the month does not have). */
enum rc date_parse(const char *text, struct date *date) MUST_CHECK;
void date_to_text(struct date date, char text[DATE_TEXT_BYTES]);
int date_compare(struct date a, struct date b);
struct date date_today(const struct clock *clock); /* in the local zone */
struct date date_of_ms(int64_t ms);                /* the local date of a moment */
int64_t date_between(struct date from, struct date to); /* days; negative when `to` is earlier */
struct date date_add_days(struct date date, int64_t days);
/* The same day of a later month, or that month's last: 31 January + 1 is 28 or 29 February. */
struct date date_add_months(struct date date, int months);

/* RFC 3339 in the local zone; whole seconds, rounded down. What a colleague's or the server's number puts before the year 1000 or behind
 * 9999 is shown as the first or last moment of these. */
void time_to_text(int64_t ms, char text[TIME_TEXT_BYTES]);
/* In UTC, as a part of a file's name: YYYYMMDDTHHMMSSZ. */
void time_to_stamp(int64_t ms, char text[TIME_STAMP_BYTES]);
/* `YYYY-MM-DDTHH:MM[:SS](Z|+hh:mm|-hh:mm)`, or `YYYY-MM-DD HH:MM` in the local zone. An hour that
 * the clock skips in spring is RC_INVALID; of the hour that comes twice in autumn the first is meant. */
enum rc time_parse(const char *text, int64_t *ms) MUST_CHECK;

#endif
