/* History, read back from the log: one version's operation, and the common base of a conflict. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/crypto.h"
#include "core/i18n.h"
#include "core/secret.h"

enum {
    ANCESTORS = 4096, /* a base further back than this helps nobody */
    PLACES = 16384,   /* a power of two, at most a third full */
    TIPS = 8,         /* more versions than people write at once; each pair of them is gone through */
};

void
journal_past_wipe(struct past *past)
{
    if (past->value != NULL)
        wipe(past->value, past->value_len);
    free(past->value);
    free(past->supersedes);
    *past = (struct past){0};
}

static enum rc
copy_operation(const struct operation *operation, uint64_t hlc, struct past *past)
{
    past->hlc = hlc;
    past->value = malloc(operation->value_len);
    past->supersedes = malloc((operation->supersedes_count + 1) * sizeof *past->supersedes);
    if (past->value == NULL || past->supersedes == NULL) {
        journal_past_wipe(past);
        return rc_nomem();
    }
    memcpy(past->value, operation->value, operation->value_len);
    past->value_len = operation->value_len;
    past->supersedes_count = operation->supersedes_count;
    if (operation->supersedes_count > 0)
        memcpy(past->supersedes, operation->supersedes,
               operation->supersedes_count * sizeof *past->supersedes);
    return RC_OK;
}

/* RC_ABSENT unless the operation is there and of the record and unit of `unit_of`. */
static enum rc
read_past(const struct save_source *source, struct id stream, const struct version *version,
          const struct operation *unit_of, struct past *past)
{
    struct change *change;
    enum rc rc = source->get(source->context, stream, version->feed, version->save, &change);

    *past = (struct past){.version = *version};
    if (rc != RC_OK)
        return rc;
    const struct operation *found =
        version->index < change->count ? &change->operations[version->index] : NULL;
    if (found == NULL || found->entity != unit_of->entity || found->unit != unit_of->unit ||
        !id_equal(found->record, unit_of->record))
        rc = rc_fail(RC_ABSENT, _("no such version"));
    else
        rc = copy_operation(found, change->hlc, past);
    past->version = *version;
    body_free(change, 1);
    return rc;
}

/* Where a version stands in a list of at most ANCESTORS + CHANGE_SUPERSEDES: by its hash, then the next free place. */
struct places {
    uint16_t at[PLACES]; /* 0: free; else the place in the list, plus one */
};

static size_t
hash_version(const struct version *version)
{
    uint64_t hash = version->feed.incarnation ^ ((uint64_t)version->save << 20) ^ version->index;

    for (size_t i = 0; i < ID_BYTES; i++)
        hash = (hash ^ version->feed.device.bytes[i]) * UINT64_C(0x100000001b3);
    hash ^= hash >> 29;
    return (size_t)((hash * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % PLACES;
}

/* The place of the version in the list, whose members begin with one and are `size` bytes apart; or `count`, and with `is_new` that
 * is noted as its place. */
static size_t
find_place(struct places *places, const void *list, size_t size, size_t count, const struct version *version, bool is_new)
{
    size_t slot = hash_version(version);

    for (; places->at[slot] != 0; slot = (slot + 1) % PLACES) {
        struct version there;
        memcpy(&there, (const uint8_t *)list + (places->at[slot] - 1u) * size, sizeof there);
        if (version_compare(&there, version) == 0)
            return places->at[slot] - 1u;
    }
    if (is_new)
        places->at[slot] = (uint16_t)(count + 1);
    return count;
}

/* A version found on the way back, and which of the current versions descend from it (bit by bit). */
struct ancestor {
    struct version version;
    uint64_t hlc;
    uint64_t heads;
    uint8_t value[CRYPTO_HASH_BYTES]; /* its hash: versions of equal bytes count as one */
    bool is_passed; /* another version that is common too superseded it */
};

/* One version superseded another: by their places in `found`, and the version. */
struct step {
    size_t child;
    struct version parent;
    size_t parent_at; /* the count of all found: it is not among them */
};

struct search {
    const struct save_source *source;
    struct id stream;
    struct operation unit_of;
    struct ancestor *found;
    struct places *found_at;
    size_t count;
    struct step *steps;
    size_t step_count, step_room;
};

static enum rc
add_step(struct search *s, size_t child, const struct version *parent)
{
    struct step *grown = array_grow(s->steps, &s->step_room, s->step_count + 1, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    s->steps = grown;
    s->steps[s->step_count++] = (struct step){child, *parent, 0};
    return RC_OK;
}

static enum rc
add(struct search *s, const struct past *past, uint64_t heads)
{
    enum rc rc = RC_OK;

    size_t at = find_place(s->found_at, s->found, sizeof *s->found, s->count, &past->version, s->count < ANCESTORS);
    if (at < s->count) {
        s->found[at].heads |= heads;
        return RC_OK;
    }
    if (s->count == ANCESTORS)
        return rc_fail(RC_ABSENT, _("the common version lies too far back"));
    for (size_t i = 0; rc == RC_OK && i < past->supersedes_count; i++)
        rc = add_step(s, s->count, &past->supersedes[i]);
    struct ancestor *ancestor = &s->found[s->count++];
    *ancestor = (struct ancestor){.version = past->version, .hlc = past->hlc, .heads = heads};
    crypto_hash_once("baken base 1", past->value, past->value_len, ancestor->value);
    return rc;
}

/* Follows one current version back through all that it superseded. What the log no longer holds ends a line. */
static enum rc
follow(struct search *s, const struct version *start, uint64_t head)
{
    struct version *queue = malloc((ANCESTORS + CHANGE_SUPERSEDES) * sizeof *queue);
    struct places *places = calloc(1, sizeof *places);
    size_t count = 1;
    enum rc rc = RC_OK;

    if (queue == NULL || places == NULL) {
        free(queue);
        free(places);
        return rc_nomem();
    }
    queue[0] = *start;
    (void)find_place(places, queue, sizeof *queue, 0, start, true);
    for (size_t at = 0; rc == RC_OK && at < count; at++) {
        struct past past;
        rc = read_past(s->source, s->stream, &queue[at], &s->unit_of, &past);
        if (rc == RC_ABSENT) {
            rc = RC_OK;
            continue;
        }
        if (rc == RC_OK)
            rc = add(s, &past, head);
        for (size_t i = 0; rc == RC_OK && i < past.supersedes_count; i++) {
            const struct version *parent = &past.supersedes[i];
            bool is_known = find_place(places, queue, sizeof *queue, count, parent, count < ANCESTORS) < count;
            if (!is_known && count == ANCESTORS)
                rc = rc_fail(RC_ABSENT, _("the common version lies too far back"));
            else if (!is_known)
                queue[count++] = *parent;
        }
        journal_past_wipe(&past);
    }
    free(places);
    free(queue);
    return rc;
}

struct tips {
    struct version versions[TIPS];
    size_t count;
};

static enum rc
collect(void *context, const struct current *current)
{
    struct tips *tips = context;

    if (tips->count == sizeof tips->versions / sizeof *tips->versions)
        return rc_fail(RC_ABSENT, _("too many versions for a common one"));
    tips->versions[tips->count++] = current->version;
    return RC_OK;
}

static void
place_parents(struct search *s)
{
    for (size_t i = 0; i < s->step_count; i++)
        s->steps[i].parent_at = find_place(s->found_at, s->found, sizeof *s->found, s->count, &s->steps[i].parent, false);
}

static bool
is_common(const struct ancestor *ancestor, uint64_t heads)
{
    return (ancestor->heads & heads) == heads;
}

/* What a common version supersedes is common too, so one step down from a common version is enough to pass an ancestor by. */
static void
pass_by(struct search *s, uint64_t heads)
{
    for (size_t i = 0; i < s->count; i++)
        s->found[i].is_passed = false;
    for (size_t i = 0; i < s->step_count; i++)
        if (s->steps[i].parent_at < s->count && is_common(&s->found[s->steps[i].child], heads))
            s->found[s->steps[i].parent_at].is_passed = true;
}

/* The common version of these heads that no other one descends from; of several with equal bytes the latest. RC_ABSENT where
 * there is none, or several that differ: whoever made the heads chose between those, and each choice is a change. */
static enum rc
only_common(struct search *s, uint64_t heads, const struct ancestor **only)
{
    const struct ancestor *best = NULL;

    pass_by(s, heads);
    for (size_t i = 0; i < s->count; i++) {
        const struct ancestor *a = &s->found[i];
        if (!is_common(a, heads) || a->is_passed)
            continue;
        if (best != NULL && memcmp(a->value, best->value, sizeof a->value) != 0)
            return rc_fail(RC_ABSENT, _("the versions come of several that differed"));
        if (best == NULL || a->hlc > best->hlc ||
            (a->hlc == best->hlc && version_compare(&a->version, &best->version) > 0))
            best = a;
    }
    *only = best;
    return best == NULL ? rc_fail(RC_ABSENT, _("the versions have nothing in common")) : RC_OK;
}

/* That of all heads, if any two have one of their own as well: a third that saw less may not hide that two chose otherwise. */
static enum rc
find_base(struct search *s, size_t heads, struct past *base)
{
    const struct ancestor *only = NULL;
    enum rc rc = RC_OK;

    place_parents(s);
    for (size_t i = 0; i < heads; i++)
        for (size_t k = i + 1; rc == RC_OK && k < heads; k++)
            rc = only_common(s, UINT64_C(1) << i | UINT64_C(1) << k, &only);
    if (rc == RC_OK)
        rc = only_common(s, UINT64_MAX >> (64 - heads), &only);
    return rc == RC_OK ? read_past(s->source, s->stream, &only->version, &s->unit_of, base) : rc;
}

enum rc
journal_base(struct journal *journal, const struct save_source *source, struct id stream,
             uint32_t entity, struct id record, uint32_t unit, struct past *base)
{
    struct tips tips = {.count = 0};
    struct search s = {.source = source, .stream = stream};
    enum rc rc = journal_current(journal, stream, entity, record, unit, collect, &tips);

    *base = (struct past){0};
    if (rc != RC_OK)
        return rc;
    if (tips.count < 2)
        return rc_fail(RC_ABSENT, _("there is no choice to make"));
    s.unit_of = (struct operation){.entity = entity, .unit = unit, .record = record};
    s.found = malloc(ANCESTORS * sizeof *s.found);
    s.found_at = calloc(1, sizeof *s.found_at);
    if (s.found == NULL || s.found_at == NULL)
        rc = rc_nomem();
    for (size_t i = 0; rc == RC_OK && i < tips.count; i++)
        rc = follow(&s, &tips.versions[i], UINT64_C(1) << i);
    if (rc == RC_OK)
        rc = find_base(&s, tips.count, base);
    if (s.found != NULL)
        wipe(s.found, s.count * sizeof *s.found);
    free(s.found);
    free(s.found_at);
    free(s.steps);
    return rc;
}
