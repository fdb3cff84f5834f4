/* The machine's clock behind struct clock. */
#include "core/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

static int64_t
read_ms(clockid_t which)
{
    struct timespec now = {0, 0};

    (void)clock_gettime(which, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

#ifdef BAKEN_TEST_CLOCK
static int64_t
test_offset_ms(void)
{
    const char *text = getenv("BAKEN_TEST_CLOCK_OFFSET_MS");

    return text == NULL ? 0 : strtoll(text, NULL, 10);
}
#else
static int64_t
test_offset_ms(void)
{
    return 0;
}
#endif

static int64_t
system_wall_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_REALTIME) + test_offset_ms();
}

static int64_t
system_mono_ms(void *context)
{
    (void)context;
    return read_ms(CLOCK_BOOTTIME);
}

static void
system_sleep_ms(void *context, int64_t ms)
{
    (void)context;
    if (ms <= 0)
        return;
    struct timespec left = {(time_t)(ms / 1000), (long)(ms % 1000) * 1000000};
    while (nanosleep(&left, &left) != 0 && errno == EINTR)
        continue;
}

struct clock
clock_system(void)
{
    return (struct clock){system_wall_ms, system_mono_ms, system_sleep_ms, NULL};
}

int64_t
clock_wall_ms(const struct clock *clock)
{
    return clock->wall_ms(clock->context);
}

int64_t
clock_mono_ms(const struct clock *clock)
{
    return clock->mono_ms(clock->context);
}

void
clock_sleep_ms(const struct clock *clock, int64_t ms)
{
    clock->sleep_ms(clock->context, ms);
}
