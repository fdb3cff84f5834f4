/* History, read back from the log: one version's operation, and the common base of a conflict. */
#include "core/journal_inside.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/secret.h"

enum { ANCESTORS = 4096 }; /* a base further back than this helps nobody */

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

/* A version found on the way back, and which of the current versions descend from it (bit by bit). */
struct ancestor {
    struct version version;
    uint64_t hlc;
    uint64_t heads;
    bool is_passed; /* another version that is common too superseded it */
};

/* One version superseded another: by their places in `found`, and the version. */
struct step {
    size_t child;
    struct version parent;
};

struct search {
    const struct save_source *source;
    struct id stream;
    struct operation unit_of;
    struct ancestor *found;
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
    s->steps[s->step_count++] = (struct step){child, *parent};
    return RC_OK;
}

static enum rc
add(struct search *s, const struct past *past, uint64_t heads)
{
    enum rc rc = RC_OK;

    for (size_t i = 0; i < s->count; i++) {
        if (version_compare(&s->found[i].version, &past->version) != 0)
            continue;
        s->found[i].heads |= heads;
        return RC_OK;
    }
    if (s->count == ANCESTORS)
        return rc_fail(RC_ABSENT, _("the common version lies too far back"));
    for (size_t i = 0; rc == RC_OK && i < past->supersedes_count; i++)
        rc = add_step(s, s->count, &past->supersedes[i]);
    s->found[s->count++] = (struct ancestor){past->version, past->hlc, heads, false};
    return rc;
}

/* Follows one current version back through all that it superseded. What the log no longer holds ends a line. */
static enum rc
follow(struct search *s, const struct version *start, uint64_t head)
{
    struct version *queue = malloc((ANCESTORS + CHANGE_SUPERSEDES) * sizeof *queue);
    size_t count = 1;
    enum rc rc = RC_OK;

    if (queue == NULL)
        return rc_nomem();
    queue[0] = *start;
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
            bool is_known = false;
            for (size_t k = 0; k < count && !is_known; k++)
                is_known = version_compare(&queue[k], &past.supersedes[i]) == 0;
            if (!is_known && count == ANCESTORS)
                rc = rc_fail(RC_ABSENT, _("the common version lies too far back"));
            else if (!is_known)
                queue[count++] = past.supersedes[i];
        }
        journal_past_wipe(&past);
    }
    free(queue);
    return rc;
}

struct tips {
    struct version versions[64];
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

/* What a common version supersedes is common too, so one step down from a common version is enough to pass an ancestor by. */
static void
pass_by(struct search *s, uint64_t all)
{
    for (size_t i = 0; i < s->step_count; i++) {
        if (s->found[s->steps[i].child].heads != all)
            continue;
        for (size_t k = 0; k < s->count; k++)
            if (version_compare(&s->found[k].version, &s->steps[i].parent) == 0)
                s->found[k].is_passed = true;
    }
}

/* Of the common versions that no other one descends from, the latest: clocks only choose between those. */
static enum rc
latest_common(struct search *s, uint64_t all, struct past *base)
{
    const struct ancestor *best = NULL;

    pass_by(s, all);
    for (size_t i = 0; i < s->count; i++) {
        const struct ancestor *a = &s->found[i];
        if (a->heads == all && !a->is_passed &&
            (best == NULL || a->hlc > best->hlc ||
             (a->hlc == best->hlc && version_compare(&a->version, &best->version) > 0)))
            best = a;
    }
    if (best == NULL)
        return rc_fail(RC_ABSENT, _("the versions have nothing in common"));
    return read_past(s->source, s->stream, &best->version, &s->unit_of, base);
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
    if (s.found == NULL)
        return rc_nomem();
    for (size_t i = 0; rc == RC_OK && i < tips.count; i++)
        rc = follow(&s, &tips.versions[i], UINT64_C(1) << i);
    if (rc == RC_OK)
        rc = latest_common(&s, UINT64_MAX >> (64 - tips.count), base);
    free(s.found);
    free(s.steps);
    return rc;
}
