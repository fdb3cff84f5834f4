/* Hybrid logical clock: never runs back, and others move it only a little. */
#include "core/hlc.h"

#include "core/broken.h"

static const int64_t ms_most = ((int64_t)1 << 48) - 1;

uint64_t
hlc_pack(int64_t ms, uint16_t counter)
{
    if (ms < 0)
        ms = 0;
    if (ms > ms_most)
        ms = ms_most;
    return (uint64_t)ms << 16 | counter;
}

int64_t
hlc_ms(uint64_t stamp)
{
    return (int64_t)(stamp >> 16);
}

uint64_t
hlc_next(struct hlc *hlc, int64_t now_ms)
{
    uint64_t now = hlc_pack(now_ms, 0);

    /* A full counter runs over into the milliseconds: still above every earlier stamp. */
    if (now > hlc->last)
        hlc->last = now;
    else if (hlc->last < UINT64_MAX)
        hlc->last++;
    return hlc->last;
}

void
hlc_observe(struct hlc *hlc, uint64_t remote, int64_t trusted_ms)
{
    int64_t most = trusted_ms > ms_most - HLC_DRIFT_MS ? ms_most : trusted_ms + HLC_DRIFT_MS;
    uint64_t limit = hlc_pack(most, UINT16_MAX);

    if (remote > limit && !broken_is(BROKEN_CLOCK))
        remote = limit;
    if (remote > hlc->last)
        hlc->last = remote;
}
