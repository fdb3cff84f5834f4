/* Who was given which epoch of a stream, and what is owed for it: docs/PROTOCOL.md, section 3, told once more. */
#include "tests/sim/model_inside.h"

void
model_epoch(struct model *model, int stream, uint32_t epoch, int author)
{
    if (epoch <= MODEL_LINES && author != MODEL_NONE)
        model->made_by[stream][epoch] = (unsigned char)(author + 1);
    if (epoch > model->epochs[stream]) {
        model->epochs[stream] = epoch;
        model->given[stream] = 0;
    }
}

void
model_give(struct model *model, int stream, uint32_t epoch, int device)
{
    if (epoch == model->epochs[stream])
        model->given[stream] |= 1u << device;
}

bool
model_made(const struct model *model, int device, int stream, uint32_t epoch)
{
    return stream < MODEL_STREAMS && epoch <= MODEL_LINES &&
           model->made_by[stream][epoch] == model->rights.identity_of[device] + 1;
}

bool
model_was_granted(const struct model *model, int device, int stream, uint64_t position)
{
    for (uint64_t p = position; p <= model->position; p++)
        if (model->lines[p].may_hold[model->rights.identity_of[device]][stream])
            return true;
    return false;
}

bool
model_may_share(const struct model *model, int device)
{
    int identity = model->rights.identity_of[device], person = model->rights.person_of[identity];

    return model_is_active(model, device) &&
           (model->rights.roles[person] & (MODEL_COORDINATOR | MODEL_DUTY)) != 0;
}

bool
model_owes_rotation(const struct model *model, int stream, int64_t now_ms)
{
    for (int device = 0; device < MODEL_DEVICES; device++) /* copies are given nothing */
        if ((model->given[stream] >> device & 1) != 0 &&
            !model_may_hold(model, device, stream, now_ms))
            return true;
    return false;
}
