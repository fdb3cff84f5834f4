/* Two versions of one thing: which there are, what they are called, and the token that names them.
 *
 * A conflict is called RECORD.UNIT. Its token names the versions that were on the screen, eight characters
 * each, in their order there: what arrived meanwhile is not in it, so it is never superseded unseen. */
#ifndef CLI_CONFLICT_H
#define CLI_CONFLICT_H

#include "cli/command.h"
#include "core/merge3.h"

enum {
    CONFLICT_VERSIONS = 16,
    CONFLICT_MARK_CHARS = 8, /* who writes a version chooses its incarnation, and five were found alike in seconds */
    CONFLICT_TOKEN_BYTES = CONFLICT_VERSIONS * (CONFLICT_MARK_CHARS + 1) + 1
};

/* A version that was not on the screen stays beside the result: so of more than CONFLICT_VERSIONS the rest comes once these are
 * resolved; `left_out` tells how many. */
struct versions {
    size_t count;
    size_t left_out;
    struct side { /* in the order of their times */
        struct version version;
        char mark[CONFLICT_MARK_CHARS + 1];
        struct id person;
        uint64_t hlc;
        bool is_shown;
        struct buf value;
    } sides[CONFLICT_VERSIONS];
};

/* The current versions of the unit that `conflict` names, also where they do not conflict, into an empty value. The caller's to
 * wipe. */
enum rc conflict_versions(struct call *call, const struct conflict *conflict,
                          struct versions *versions) MUST_CHECK;
/* The marks of the versions with hyphens: what `--token` takes. */
void conflict_token(const struct versions *versions, char token[CONFLICT_TOKEN_BYTES]);
/* The versions that the token names, in its order, into an empty value, the caller's to wipe; `left_out` counts the others.
 * RC_STALE when one is not current any more; RC_AMBIGUOUS when another bears the same mark. */
enum rc conflict_named(struct call *call, const struct conflict *conflict, const char *token,
                       struct versions *versions) MUST_CHECK;
/* --token, or where to find one. */
enum rc conflict_need_token(struct call *call, const char *advice, const char **token) MUST_CHECK;
/* For merge3_values: the versions as its sides. */
struct merge3 conflict_merge(const struct versions *versions, const struct schema_unit *unit,
                             const struct buf *base);
/* Whether this person may let the version that is shown replace the others: RC_DENIED with who may. */
enum rc conflict_may_choose(struct call *call, const struct conflict *conflict,
                            const struct versions *versions) MUST_CHECK;
/* Saves `value` over exactly these versions. RC_DENIED with who may. */
enum rc conflict_save(struct call *call, const struct conflict *conflict,
                      const struct versions *versions, const struct buf *value) MUST_CHECK;
/* What all versions changed since the base, together; *has_proposal false where two changed the same line or field, each
 * otherwise, or there is no base (NULL). `value` is empty before. */
enum rc conflict_proposal(const struct versions *versions, const struct schema_unit *unit,
                          const struct buf *base, struct buf *value, bool *has_proposal) MUST_CHECK;
/* Which words `resolve --take` understands of these versions; of a unit that this program does not know, a version alone. */
struct conflict_ways {
    bool has_proposal;
    bool has_text;      /* both and new: a free text is among the fields */
    bool needs_version; /* with the version whose other fields hold, both:2 */
};
enum rc conflict_texts(const struct versions *versions, const struct schema_unit *unit, const struct buf *base,
                       struct conflict_ways *ways) MUST_CHECK;
/* Eight characters of a hash over the version's identity. */
enum rc conflict_mark(const struct version *version, char mark[CONFLICT_MARK_CHARS + 1]) MUST_CHECK;
/* "7k2m9q.goal" */
void conflict_name(const struct conflict *conflict, char name[64]);
/* The value that all descend from, into an empty buf; *has_base false when there is none here. */
enum rc conflict_base(struct call *call, const struct conflict *conflict, struct buf *base,
                      uint64_t *hlc, bool *has_base) MUST_CHECK;
void conflict_versions_wipe(struct versions *versions);

/* Every conflict, copied: the callbacks of the journal lend, and what shows one asks the journal again. */
struct conflicts {
    struct conflict *items; /* the caller's to free */
    size_t count, room;
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
