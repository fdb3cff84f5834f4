/* One line per event on standard error, for those who run the program; never about families.
 *
 *     2026-11-22T08:15:30.123Z info http.refused status=429 code=slow_down
 *
 * Keys come from the closed list in log.c (another one is our own mistake: assert); values hold no
 * names, answers, words of searches, ids or secrets. */
#ifndef CORE_LOG_H
#define CORE_LOG_H

enum log_level { LOG_LEVEL_INFO, LOG_LEVEL_WARN };

#define log_info(event, ...) log_event(LOG_LEVEL_INFO, event, __VA_ARGS__)
#define log_warn(event, ...) log_event(LOG_LEVEL_WARN, event, __VA_ARGS__)

/* `event` is a dotted word; `format` is "key=%.. key=%..". A failed write is not reported. */
void log_event(enum log_level level, const char *event, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
