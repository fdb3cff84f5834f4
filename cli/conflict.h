/* Two versions of one thing: which there are, what they are called, and the token that names them.
 *
 * A conflict is called RECORD.UNIT. Its token names the versions that were on the screen, five characters
 * each, in their order there: what arrived meanwhile is not in it, so it is never superseded unseen. */
#ifndef CLI_CONFLICT_H
#define CLI_CONFLICT_H

#include "cli/command.h"

enum {
    CONFLICT_VERSIONS = 16,
    CONFLICT_MARK_CHARS = 5,
    CONFLICT_TOKEN_BYTES = CONFLICT_VERSIONS * (CONFLICT_MARK_CHARS + 1) + 1
};

/* The current versions of one unit, in the order of their times. */
struct versions {
    size_t count;
    struct side {
        struct version version;
        char mark[CONFLICT_MARK_CHARS + 1];
        struct id person;
        uint64_t hlc;
        bool is_shown;
        struct buf value;
    } sides[CONFLICT_VERSIONS];
};

/* The current versions, at most CONFLICT_VERSIONS, into an empty value. The caller's to wipe. */
enum rc conflict_versions(struct call *call, const struct conflict *conflict,
                          struct versions *versions) MUST_CHECK;
void conflict_versions_wipe(struct versions *versions);

/* Every conflict, copied: the callbacks of the journal lend, and what shows one asks the journal again. */
struct conflicts {
    struct conflict *items; /* the caller's to free */
    size_t count;
};
enum rc conflict_list(struct call *call, struct conflicts *conflicts) MUST_CHECK;

/* A stable word; `number` is room for a unit that this program does not know. */
const char *conflict_unit_name(const struct conflict *conflict, char number[16]);
/* Whether `text` (RECORD or RECORD.UNIT) means this conflict. */
bool conflict_is_meant(const struct conflict *conflict, const char *text);
/* The one that `text` means. RC_ABSENT; RC_AMBIGUOUS, with the names of all. */
enum rc conflict_find(struct call *call, const char *text, struct conflict *found) MUST_CHECK;
/* RC_ABSENT with its sentence and ending: nothing of that name has two versions. */
enum rc conflict_fail_single(struct call *call, const char *text) MUST_CHECK;

#endif
