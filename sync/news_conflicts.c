/* What has two versions since an exchange began: counted by the versions themselves, for one settled and one new make no difference. */
#include "sync/news.h"

#include <stdlib.h>

#include "core/array.h"


static int
compare_conflicts(const void *a, const void *b)
{
    const struct conflict *x = a, *y = b;
    int by = id_compare(x->stream, y->stream);

    if (by == 0)
        by = id_compare(x->record, y->record);
    if (by == 0)
        by = x->entity < y->entity ? -1 : x->entity > y->entity;
    return by != 0 ? by : x->unit < y->unit ? -1 : x->unit > y->unit;
}

static int
compare_versions(const void *a, const void *b)
{
    const struct news_version *x = a, *y = b;
    int by = id_compare(x->stream, y->stream);

    return by != 0 ? by : version_compare(&x->version, &y->version);
}

static enum rc
note_conflict(void *context, const struct conflict *conflict)
{
    struct news_conflicts *known = context;
    struct conflict *grown = array_grow(known->items, &known->room, known->count + 1, sizeof *grown);

    if (grown == NULL)
        return RC_NOMEM;
    known->items = grown;
    known->items[known->count++] = *conflict;
    return RC_OK;
}

struct noting {
    struct news_conflicts *known;
    struct id stream;
    size_t of;
};

static enum rc
note_version(void *context, const struct current *current)
{
    const struct noting *noting = context;
    struct news_conflicts *known = noting->known;
    struct news_version *grown =
        array_grow(known->versions, &known->version_room, known->version_count + 1, sizeof *grown);

    if (grown == NULL)
        return RC_NOMEM;
    known->versions = grown;
    known->versions[known->version_count++] = (struct news_version){noting->stream, current->version, noting->of};
    return RC_OK;
}

enum rc
news_conflicts_know(struct journal *journal, bool versions, struct news_conflicts *known)
{
    *known = (struct news_conflicts){.items = NULL};
    enum rc rc = journal_conflicts(journal, note_conflict, known);

    if (known->count > 1)
        qsort(known->items, known->count, sizeof *known->items, compare_conflicts);
    for (size_t i = 0; rc == RC_OK && versions && i < known->count; i++) {
        const struct conflict *item = &known->items[i];
        struct noting noting = {known, item->stream, i};
        rc = journal_current(journal, item->stream, item->entity, item->record, item->unit, note_version, &noting);
    }
    if (rc != RC_OK)
        news_conflicts_wipe(known);
    return rc;
}

void
news_conflicts_wipe(struct news_conflicts *known)
{
    free(known->items);
    free(known->versions);
    *known = (struct news_conflicts){.items = NULL};
}

bool
news_in_conflict(const struct news_conflicts *known, struct id stream, struct id record, uint32_t entity, uint32_t unit)
{
    const struct conflict wanted = {.stream = stream, .record = record, .entity = entity, .unit = unit};

    return known->count > 0 &&
           bsearch(&wanted, known->items, known->count, sizeof wanted, compare_conflicts) != NULL;
}

uint64_t
news_conflicts_new(struct news_conflicts *before, const struct news_conflicts *now)
{
    uint64_t count = 0;
    size_t counted = SIZE_MAX;

    if (before->version_count > 1)
        qsort(before->versions, before->version_count, sizeof *before->versions, compare_versions);
    for (size_t i = 0; i < now->version_count; i++) {
        const struct news_version *version = &now->versions[i];
        if (version->of == counted ||
            (before->version_count > 0 && bsearch(version, before->versions, before->version_count, sizeof *version,
                                                  compare_versions) != NULL))
            continue;
        counted = version->of;
        count++;
    }
    return count;
}

enum rc
news_conflicts_end(struct journal *journal, struct news_conflicts *before, struct sync_report *report, enum rc rc)
{
    struct news_conflicts now;
    enum rc known = news_conflicts_know(journal, true, &now);

    if (known == RC_OK)
        report->new_conflicts = news_conflicts_new(before, &now);
    news_conflicts_wipe(&now);
    news_conflicts_wipe(before);
    return rc == RC_OK ? known : rc;
}
