/* Calendar dates, moments and zones: all arithmetic is libc's timegm and gmtime_r. */
#include "core/date.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/i18n.h"

enum { DAY_SECONDS = 86400 };

/* Noon, UTC, of a day that may lie outside its month: timegm carries over. */
static time_t
noon(int year, int month, int day)
{
    struct tm tm = {.tm_year = year - 1900, .tm_mon = month - 1, .tm_mday = day, .tm_hour = 12};

    return timegm(&tm);
}

static struct tm
broken_down(time_t seconds)
{
    struct tm tm = {0};

    (void)gmtime_r(&seconds, &tm); /* years fit: dates are of 1900 to 2199 and what days add */
    return tm;
}

/* The day before the first of the next month is the last of this one. */
static int
days_in_month(int month, int year)
{
    return broken_down(noon(year, month + 1, 0)).tm_mday;
}

/* Reads exactly `count` digits; false when there is anything else. */
static bool
take_digits(const char **at, int count, int *value)
{
    *value = 0;
    for (int i = 0; i < count; i++) {
        char c = **at;
        if (c < '0' || c > '9')
            return false;
        *value = *value * 10 + (c - '0');
        (*at)++;
    }
    return true;
}

static bool
take(const char **at, char wanted)
{
    if (**at != wanted)
        return false;
    (*at)++;
    return true;
}

static enum rc
check_year(int year)
{
    if (year < DATE_YEAR_LEAST || year > DATE_YEAR_MOST)
        return rc_fail(RC_INVALID, _("the year %d is not between %d and %d"), year, DATE_YEAR_LEAST,
                       DATE_YEAR_MOST);
    return RC_OK;
}

/* Reads YYYY-MM-DD and moves on; whether such a day exists is judged too. */
static enum rc
take_date(const char **at, struct date *date)
{
    struct date read = {0, 0, 0};

    *date = read;
    if (!take_digits(at, 4, &read.year) || !take(at, '-') || !take_digits(at, 2, &read.month) ||
        !take(at, '-') || !take_digits(at, 2, &read.day))
        return rc_fail(RC_INVALID, _("a date is written as 2026-02-28"));
    enum rc rc = check_year(read.year);
    if (rc != RC_OK)
        return rc;
    if (read.month < 1 || read.month > 12)
        return rc_fail(RC_INVALID, _("there is no month %d"), read.month);
    int days = days_in_month(read.month, read.year);
    if (read.day < 1 || read.day > days)
        return rc_fail(RC_INVALID, _("there is no day %d in month %d of %d: it has %d days"), read.day,
                       read.month, read.year, days);
    *date = read;
    return RC_OK;
}

enum rc
date_parse(const char *text, struct date *date)
{
    enum rc rc = take_date(&text, date);

    if (rc == RC_OK && *text != '\0') {
        *date = (struct date){0, 0, 0};
        rc = rc_fail(RC_INVALID, _("a date is written as 2026-02-28"));
    }
    return rc;
}

void
date_to_text(struct date date, char text[DATE_TEXT_BYTES])
{
    (void)snprintf(text, DATE_TEXT_BYTES, "%04u-%02u-%02u", (unsigned)date.year % 10000,
                   (unsigned)date.month % 100, (unsigned)date.day % 100);
}

int
date_compare(struct date a, struct date b)
{
    if (a.year != b.year)
        return a.year < b.year ? -1 : 1;
    if (a.month != b.month)
        return a.month < b.month ? -1 : 1;
    return (a.day > b.day) - (a.day < b.day);
}

/* Rounded down, also before 1970. */
static time_t
whole_seconds(int64_t ms)
{
    return (time_t)(ms >= 0 ? ms / 1000 : -((999 - ms) / 1000));
}

struct date
date_of_ms(int64_t ms)
{
    time_t seconds = whole_seconds(ms);
    struct tm local;

    if (localtime_r(&seconds, &local) == NULL)
        return (struct date){0, 0, 0};
    return (struct date){local.tm_year + 1900, local.tm_mon + 1, local.tm_mday};
}

struct date
date_today(const struct clock *clock)
{
    return date_of_ms(clock_wall_ms(clock));
}

int64_t
date_between(struct date from, struct date to)
{
    return (noon(to.year, to.month, to.day) - noon(from.year, from.month, from.day)) / DAY_SECONDS;
}

struct date
date_add_days(struct date date, int64_t days)
{
    struct tm tm = broken_down(noon(date.year, date.month, date.day) + (time_t)days * DAY_SECONDS);

    return (struct date){tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday};
}

struct date
date_add_months(struct date date, int months)
{
    int64_t all = (int64_t)date.year * 12 + date.month - 1 + months;
    struct date out = {(int)(all / 12), (int)(all % 12) + 1, date.day};
    int days = days_in_month(out.month, out.year);

    if (out.day > days)
        out.day = days;
    return out;
}

static void
put_moment(const struct tm *tm, char text[TIME_TEXT_BYTES])
{
    size_t len = strftime(text, TIME_TEXT_BYTES, "%Y-%m-%dT%H:%M:%S", tm);
    long offset = tm->tm_gmtoff / 60;
    char sign = offset < 0 ? '-' : '+';
    unsigned minutes = (unsigned)(offset < 0 ? -offset : offset);

    if (len == 0)
        text[0] = '\0';
    else
        (void)snprintf(text + len, TIME_TEXT_BYTES - len, "%c%02u:%02u", sign, minutes / 60 % 100,
                       minutes % 60);
}

/* Years of four digits, in every zone: a day is left at either end. */
#define TEXT_LEAST_MS INT64_C(-30610137600000)
#define TEXT_MOST_MS INT64_C(253402214399999)

void
time_to_text(int64_t ms, char text[TIME_TEXT_BYTES])
{
    time_t seconds = whole_seconds(ms < TEXT_LEAST_MS ? TEXT_LEAST_MS : ms > TEXT_MOST_MS ? TEXT_MOST_MS : ms);
    struct tm local;

    text[0] = '\0';
    if (localtime_r(&seconds, &local) != NULL)
        put_moment(&local, text);
}

void
time_to_stamp(int64_t ms, char text[TIME_STAMP_BYTES])
{
    time_t seconds = whole_seconds(ms);
    struct tm utc;

    (void)gmtime_r(&seconds, &utc); /* the years of 64 bits of milliseconds fit */
    (void)strftime(text, TIME_STAMP_BYTES, "%Y%m%dT%H%M%SZ", &utc);
}

/* The moment of a local time. The daylight reading comes first: in autumn it is the earlier one. */
static enum rc
from_local(const struct tm *asked, int64_t *ms)
{
    for (int is_summer = 1; is_summer >= 0; is_summer--) {
        struct tm tm = *asked;
        tm.tm_isdst = is_summer;
        time_t seconds = mktime(&tm);
        if (tm.tm_isdst == is_summer && tm.tm_hour == asked->tm_hour && tm.tm_min == asked->tm_min &&
            tm.tm_mday == asked->tm_mday) {
            *ms = (int64_t)seconds * 1000;
            return RC_OK;
        }
    }
    return rc_fail(RC_INVALID, _("the clock skips that hour on that day"));
}

/* Z or an offset in seconds east of UTC. */
static bool
take_zone(const char **at, int *east)
{
    int hours = 0;
    int minutes = 0;

    *east = 0;
    if (take(at, 'Z'))
        return true;
    int sign = **at == '-' ? -1 : 1;
    if (!take(at, '+') && !take(at, '-'))
        return false;
    if (!take_digits(at, 2, &hours) || !take(at, ':') || !take_digits(at, 2, &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *east = sign * (hours * 3600 + minutes * 60);
    return true;
}

enum rc
time_parse(const char *text, int64_t *ms)
{
    struct date date;
    int hour = 0;
    int minute = 0;
    int second = 0;
    int east = 0;

    *ms = 0;
    enum rc rc = take_date(&text, &date);
    if (rc != RC_OK)
        return rc;
    bool is_local = *text == ' ';
    if (!take(&text, is_local ? ' ' : 'T') || !take_digits(&text, 2, &hour) || !take(&text, ':') ||
        !take_digits(&text, 2, &minute))
        goto malformed;
    if (!is_local && take(&text, ':') && !take_digits(&text, 2, &second))
        goto malformed;
    if (!is_local && !take_zone(&text, &east))
        goto malformed;
    if (*text != '\0')
        goto malformed;
    if (hour > 23 || minute > 59 || second > 59)
        return rc_fail(RC_INVALID, _("there is no time %02d:%02d:%02d"), hour, minute, second);
    if (is_local) {
        const struct tm local = {.tm_year = date.year - 1900, .tm_mon = date.month - 1,
                                 .tm_mday = date.day, .tm_hour = hour, .tm_min = minute};
        return from_local(&local, ms);
    }
    struct tm asked = {.tm_year = date.year - 1900, .tm_mon = date.month - 1, .tm_mday = date.day,
                       .tm_hour = hour, .tm_min = minute, .tm_sec = second - east};
    int64_t read = (int64_t)timegm(&asked) * 1000;
    rc = check_year(date_of_ms(read).year); /* the local one, which is what will be shown */
    if (rc == RC_OK)
        *ms = read;
    return rc;
malformed:
    return rc_fail(RC_INVALID, _("a moment is written as 2026-02-28T09:30+01:00 or 2026-02-28 09:30"));
}
