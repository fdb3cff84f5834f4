/* Time as a struct, so that tests own it. */
#ifndef CORE_CLOCK_H
#define CORE_CLOCK_H

#include <stdint.h>

#define DAY_MS INT64_C(86400000)

struct clock {
    int64_t (*wall_ms)(void *context); /* UTC milliseconds since 1970; may jump */
    int64_t (*mono_ms)(void *context); /* milliseconds since boot, suspended time included */
    void (*sleep_ms)(void *context, int64_t ms);
    void *context;
};

/* The machine's clock (CLOCK_REALTIME, CLOCK_BOOTTIME). BAKEN_TEST_CLOCK_OFFSET_MS, honoured only in
 * a build with BAKEN_TEST_CLOCK defined, shifts the wall clock. */
struct clock clock_system(void);
int64_t clock_wall_ms(const struct clock *clock);
int64_t clock_mono_ms(const struct clock *clock);
void clock_sleep_ms(const struct clock *clock, int64_t ms);

#endif
