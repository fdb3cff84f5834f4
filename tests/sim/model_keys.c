/* Who was given which epoch of a stream, and what is owed for it: docs/PROTOCOL.md, section 3, told once more. */
#include "tests/sim/model_inside.h"

void
model_epoch(struct model *model, int stream, uint32_t epoch, int author)
{
    if (epoch <= MODEL_LINES && author != MODEL_NONE)
        model->made_by[stream][epoch] = (unsigned char)(author + 1);
    if (epoch > model_keys(model, stream)->epoch)
        *model_keys(model, stream) = (struct keys){.epoch = epoch};
}

void
model_give(struct model *model, int stream, uint32_t epoch, int device)
{
    struct keys *keys = model_keys(model, stream);

    if (epoch != keys->epoch)
        return;
    keys->given |= 1u << device;
    keys->fresh |= 1u << device;
}

bool
model_was_given_at(const struct model *model, int device, int stream, uint64_t position)
{
    return (model->lines[position].keys[stream].fresh >> model->rights.identity_of[device] & 1) != 0;
}

bool
model_made(const struct model *model, int device, int stream, uint32_t epoch)
{
    return stream < MODEL_STREAMS && epoch <= MODEL_LINES &&
           model->made_by[stream][epoch] == model->rights.identity_of[device] + 1;
}

static bool
may_share_at(const struct model *model, int device, uint64_t position)
{
    const struct rights *rights = &model->lines[position].rights;
    int person = rights->person_of[model->rights.identity_of[device]];

    return model_is_active_at(model, device, position) &&
           (rights->roles[person] & (MODEL_COORDINATOR | MODEL_DUTY)) != 0;
}

static bool
might_hold(const struct model *model, int device, int stream, uint64_t first, uint64_t last)
{
    bool is_index = stream % 2 == 1;

    for (uint64_t p = first; p <= last; p++)
        if (model->lines[p].may_hold[model->rights.identity_of[device]][stream] ||
            (is_index && may_share_at(model, device, p)))
            return true;
    return false;
}

bool
model_was_granted(const struct model *model, int device, int stream, uint64_t position)
{
    return might_hold(model, device, stream, position, model->position);
}

bool
model_was_granted_before(const struct model *model, int device, int stream, uint64_t position)
{
    return might_hold(model, device, stream, 1, position);
}

bool
model_may_share(const struct model *model, int device)
{
    return may_share_at(model, device, model->position);
}

bool
model_owes_rotation(const struct model *model, int stream, int64_t now_ms)
{
    for (int device = 0; device < MODEL_DEVICES; device++) /* copies are given nothing */
        if ((model->lines[model->position].keys[stream].given >> device & 1) != 0 &&
            !model_may_hold(model, device, stream, now_ms))
            return true;
    return false;
}
