/* What goes back: saves that are lost with a disk, entries that a restored server no longer has. */
#include "tests/sim/model_inside.h"

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
