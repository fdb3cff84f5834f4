/* Hybrid logical clock: 48 bits of milliseconds, 16 bits of counter; never runs back.
 * Source: Kulkarni et al., "Logical Physical Clocks", 2014; its limit on remote drift is ours. */
#ifndef CORE_HLC_H
#define CORE_HLC_H

#include <stdint.h>

#define HLC_DRIFT_MS (10 * 60 * 1000) /* how far others may move our own clock past trusted time */

/* Stored by the owner, in the same transaction as what it stamped. */
struct hlc {
    uint64_t last;
};

uint64_t hlc_pack(int64_t ms, uint16_t counter); /* ms below 0 counts as 0, beyond 2^48 - 1 as that */
int64_t hlc_ms(uint64_t stamp);
/* The next stamp of a local save: never refused, always above every earlier one. */
uint64_t hlc_next(struct hlc *hlc, int64_t now_ms);
/* A stamp of another device moves ours, but never beyond trusted_ms + HLC_DRIFT_MS. */
void hlc_observe(struct hlc *hlc, uint64_t remote, int64_t trusted_ms);

#endif
