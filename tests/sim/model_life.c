/* What goes back: saves that are lost with a disk, or given once more under other numbers; entries that a restored server no longer has. */
#include "tests/sim/model_inside.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

void
model_truncate(struct model *model, int stream, int writer, uint32_t kept)
{
    struct feed *feed = &model->feeds[stream][writer];
    int device = model->device_of[writer];

    while (feed->count > kept) {
        struct save *save = &feed->saves[--feed->count];
        for (size_t i = 0; i < save->count; i++) {
            free(save->ops[i].supersedes);
            free(save->ops[i].lists);
        }
    }
    if (model->seen[device][stream][writer] > feed->count)
        model->seen[device][stream][writer] = feed->count;
}

void
model_acks_none(struct model *model, int device)
{
    memset(model->acked[device], 0, sizeof model->acked[device]);
}

void
model_unstore(struct model *model, int stream, int writer, uint32_t last)
{
    struct feed *feed = &model->feeds[stream][writer];

    for (uint32_t save = last + 1; save <= feed->count; save++)
        feed->saves[save - 1].position = 0;
    if (feed->stored > last)
        feed->stored = last;
}

static struct model_version *
copy_versions(const struct model_version *versions, size_t count)
{
    if (count == 0)
        return NULL;
    struct model_version *copy = calloc(count, sizeof *copy);
    if (copy == NULL)
        abort();
    memcpy(copy, versions, count * sizeof *copy);
    return copy;
}

void
model_repeat(struct model *model, int stream, int old, uint32_t kept, uint32_t count, int new)
{
    struct feed *from = &model->feeds[stream][old], *to = &model->feeds[stream][new];
    uint32_t before = to->count;

    assert(kept + count <= from->count);
    to->saves = realloc(to->saves, (before + count) * sizeof *to->saves);
    if (to->saves == NULL)
        abort();
    for (uint32_t i = 0; i < count; i++) {
        struct save *save = &to->saves[before + i];
        *save = from->saves[kept + i];
        save->position = save->entry_last = save->held_at = 0;
        for (size_t k = 0; k < save->count; k++) {
            struct op *op = &save->ops[k];
            op->supersedes = copy_versions(op->supersedes, op->supersedes_count);
            op->lists = copy_versions(op->lists, op->lists_count);
        }
    }
    to->count = to->room = before + count;
}

void
model_follow_repeated(struct model *model, int stream, int old, uint32_t kept, int new, uint32_t before)
{
    struct feed *feed = &model->feeds[stream][new];

    for (uint32_t save = before; save < feed->count; save++)
        for (size_t i = 0; i < feed->saves[save].count; i++) {
            struct op *op = &feed->saves[save].ops[i];
            model_follow(op->supersedes, op->supersedes_count, old, kept, new, before);
            model_follow(op->lists, op->lists_count, old, kept, new, before);
        }
}
