/* What an exchange brought that a person should know: which units have two versions since, and which entries were not told yet. */
#ifndef SYNC_NEWS_H
#define SYNC_NEWS_H

#include "sync/replica_own.h"

/* What has two versions at one moment, and the versions themselves. Embedded value: {0} ... news_conflicts_wipe. */
struct news_version {
    struct id stream;
    struct version version;
    size_t of; /* whose: an index into the items */
};
struct news_conflicts {
    struct conflict *items; /* ascending: stream, record, entity, unit */
    size_t count, room;
    struct news_version *versions; /* item by item */
    size_t version_count, version_room;
};
/* `versions`: with the versions too, so that news_conflicts_new can be asked. */
enum rc news_conflicts_know(struct journal *journal, bool versions, struct news_conflicts *known) MUST_CHECK;
void news_conflicts_wipe(struct news_conflicts *known);
bool news_in_conflict(const struct news_conflicts *known, struct id stream, struct id record, uint32_t entity, uint32_t unit);
/* How many units of `now` have a version that was in no conflict of `before`: two versions since, or another one. Sorts the
 * versions of `before`. */
uint64_t news_conflicts_new(struct news_conflicts *before, const struct news_conflicts *now);
/* Ends an exchange that `before` was known of: counts into the report, however the exchange ended, and wipes `before`. `rc` is
 * given back, or what failed. */
enum rc news_conflicts_end(struct journal *journal, struct news_conflicts *before, struct sync_report *report,
                           enum rc rc) MUST_CHECK;

/* What a stream had when all of it was here for the first time is no news: at the end of a session, and when news are told. */
enum rc news_begin(struct db *db) MUST_CHECK;
/* After entries were deleted, in the same transaction: their keys are given to others, which were not told yet. */
enum rc news_keys_freed(struct db *db) MUST_CHECK;

#endif
