/* Who may what, and which entries count: docs/PROTOCOL.md, sections 3 and 9, told once more. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/model_inside.h"

int
model_team_stream(void)
{
    return 0;
}

int
model_family_stream(int family, enum model_stream_kind kind)
{
    return kind == MODEL_TEAM ? 0 : 1 + 2 * family + (kind == MODEL_FILE ? 1 : 0);
}

static int
family_of(int stream)
{
    return (stream - 1) / 2;
}

static bool
is_file(int stream)
{
    return stream > 0 && (stream - 1) % 2 == 1;
}

static bool
is_active(const struct rights *rights, int device)
{
    int identity = rights->identity_of[device], person = rights->person_of[identity];

    return person != MODEL_NONE && !rights->is_revoked[identity] && rights->roles[person] != 0;
}

static bool
is_coach(const struct rights *rights, int family, int person)
{
    return (rights->coaches[family] >> person & 1) != 0 &&
           (rights->roles[person] & MODEL_COACH) != 0;
}

/* By assignment or role, with the file; intake as long as nobody owns the family. */
static bool
is_of_family(const struct rights *rights, int family, int person)
{
    return is_coach(rights, family, person) || (rights->roles[person] & MODEL_SCIENTIST) != 0 ||
           (rights->owner[family] == MODEL_NONE && (rights->roles[person] & MODEL_INTAKE) != 0);
}

static bool
may_write(const struct rights *rights, int device, int stream)
{
    if (!is_active(rights, device))
        return false;
    if (stream == model_team_stream())
        return true;
    int family = family_of(stream), person = rights->person_of[rights->identity_of[device]];
    if (!rights->family_is_there[family])
        return false;
    if (is_of_family(rights, family, person))
        return true;
    if (!is_file(stream) && (rights->roles[person] & MODEL_COORDINATOR) != 0)
        return true;
    for (int i = 0; i < MODEL_COVERS; i++) {
        const struct cover *cover = &rights->covers[i];
        if (cover->is_accepted && !cover->has_ended && cover->may_write &&
            cover->person == person && (cover->families >> family & 1) != 0)
            return true;
    }
    return false;
}

static bool
covers(const struct rights *rights, int person, int family, int64_t now_ms, bool is_accepted)
{
    for (int i = 0; i < MODEL_COVERS; i++) {
        const struct cover *cover = &rights->covers[i];
        if (cover->is_given && (cover->is_accepted || !is_accepted) && !cover->has_ended &&
            now_ms < cover->until_ms && cover->person == person &&
            (cover->families >> family & 1) != 0)
            return true;
    }
    return false;
}

bool
model_may_open(const struct rights *rights, int device, int stream, int64_t now_ms, bool is_accepted)
{
    if (!is_active(rights, device))
        return false;
    if (stream == model_team_stream())
        return true;
    int family = family_of(stream), person = rights->person_of[rights->identity_of[device]];
    if (!rights->family_is_there[family])
        return false;
    if (is_of_family(rights, family, person))
        return true;
    if (!is_file(stream) && (rights->roles[person] & MODEL_COORDINATOR) != 0)
        return true;
    return covers(rights, person, family, now_ms, is_accepted);
}

bool
model_may_read(const struct model *model, int device, int stream, int64_t now_ms)
{
    return model_may_open(&model->rights, device, stream, now_ms, true);
}

bool
model_may_hold(const struct model *model, int device, int stream, int64_t now_ms)
{
    return model_may_open(&model->rights, device, stream, now_ms, false);
}

static void
apply(struct rights *rights, const struct model_fact *fact)
{
    switch (fact->kind) {
    case MODEL_JOIN:
        rights->person_of[fact->device] = fact->person;
        rights->roles[fact->person] = fact->roles;
        break;
    case MODEL_ROLES:
        rights->roles[fact->person] = fact->roles;
        break;
    case MODEL_FAMILY:
        rights->family_is_there[fact->family] = true;
        rights->owner[fact->family] = fact->person;
        if (fact->person != MODEL_NONE)
            rights->coaches[fact->family] = 1u << fact->person;
        break;
    case MODEL_ASSIGN:
        if (fact->function == 0)
            rights->coaches[fact->family] &= ~(1u << fact->person);
        else
            rights->coaches[fact->family] |= 1u << fact->person;
        if (fact->function == 1)
            rights->owner[fact->family] = fact->person;
        break;
    case MODEL_GIVE:
        rights->covers[fact->cover] = (struct cover){.is_given = true,
                                                     .may_write = fact->may_write,
                                                     .person = fact->person,
                                                     .until_ms = fact->until_ms,
                                                     .families = fact->families};
        break;
    case MODEL_ACCEPT:
        rights->covers[fact->cover].is_accepted = true;
        break;
    case MODEL_END:
        rights->covers[fact->cover].has_ended = true;
        break;
    case MODEL_REVOKE:
        rights->is_revoked[fact->device] = true;
        break;
    case MODEL_OTHER:
    case MODEL_ADMIT:
        break;
    }
}

/* A cover makes nobody a coach of the family. */
static unsigned char
functions_of(const struct rights *rights, int person, int family)
{
    unsigned functions = rights->roles[person] & (MODEL_SCIENTIST | MODEL_COORDINATOR);

    if (is_coach(rights, family, person))
        functions |= MODEL_COACH;
    return (unsigned char)functions;
}

/* Who may not hold it after the line, at its time, needs it again. A right that a cover's end took and the same line gave anew did not
 * lapse: the server keeps the box. */
static void
lapse(struct model *model, struct line *line, int64_t time_ms)
{
    for (int stream = 0; stream < MODEL_STREAMS; stream++)
        for (int device = 0; device < MODEL_DEVICES; device++)
            if (!model_may_open(&model->rights, device, stream, time_ms, false))
                line->keys[stream].fresh &= ~(1u << device);
}

void
model_line(struct model *model, const struct model_fact *fact)
{
    assert(model->position < MODEL_LINES);
    struct line *line = &model->lines[++model->position];

    memcpy(line->keys, line[-1].keys, sizeof line->keys);
    apply(&model->rights, fact);
    lapse(model, line, fact->time_ms);
    line->rights = model->rights;
    for (int device = 0; device < MODEL_DEVICES; device++)
        for (int stream = 0; stream < MODEL_STREAMS; stream++)
            line->may_write[device][stream] = may_write(&model->rights, device, stream);
    for (int device = 0; device < MODEL_DEVICES; device++)
        for (int stream = 0; stream < MODEL_STREAMS; stream++)
            line->may_hold[device][stream] = model_may_open(&model->rights, device, stream, fact->time_ms, false);
    for (int person = 0; person < MODEL_PERSONS; person++)
        for (int family = 0; family < MODEL_FAMILIES; family++)
            line->functions[person][family] = functions_of(&model->rights, person, family);
    line->is_admit = fact->kind == MODEL_ADMIT;
    line->head_count = fact->head_count;
    if (fact->head_count == 0)
        return;
    line->heads = malloc(fact->head_count * sizeof *line->heads);
    if (line->heads == NULL)
        abort();
    memcpy(line->heads, fact->heads, fact->head_count * sizeof *line->heads);
}

uint64_t
model_position(const struct model *model)
{
    return model->position;
}

void
model_is_copy_of(struct model *model, int device, int original)
{
    model->rights.identity_of[device] = model->rights.identity_of[original];
}

bool
model_is_active(const struct model *model, int device)
{
    return is_active(&model->rights, device);
}

bool
model_is_active_at(const struct model *model, int device, uint64_t position)
{
    return is_active(&model->lines[position].rights, model->rights.identity_of[device]);
}

bool
model_may_read_at(const struct model *model, int device, int stream, uint64_t position, int64_t now_ms)
{
    return model_may_open(&model->lines[position].rights, model->rights.identity_of[device], stream, now_ms, true);
}

bool
model_may_hold_at(const struct model *model, int device, int stream, uint64_t position, int64_t now_ms)
{
    return model_may_open(&model->lines[position].rights, model->rights.identity_of[device], stream, now_ms, false);
}

bool
model_write_ended_after(const struct model *model, int device, int stream, uint64_t position)
{
    device = model->rights.identity_of[device];
    for (uint64_t p = position; p < model->position; p++)
        if (model->lines[p].may_write[device][stream] &&
            !model->lines[p + 1].may_write[device][stream])
            return true;
    return false;
}

bool
model_write_ended(const struct model *model, int device, int stream)
{
    return model_write_ended_after(model, device, stream, 1);
}

bool
model_has_covered(const struct model *model, int device)
{
    for (int i = 0; i < MODEL_COVERS; i++)
        if (model->rights.covers[i].is_accepted && model->rights.covers[i].person == model->rights.person_of[model->rights.identity_of[device]])
            return true;
    return false;
}

static bool
names(const struct line *line, int stream, int writer, uint32_t last)
{
    for (size_t i = 0; i < line->head_count; i++)
        if (line->heads[i].stream == stream && line->heads[i].writer == writer &&
            line->heads[i].last >= last)
            return true;
    return false;
}

static enum model_counts
entry_counts(const struct model *model, int stream, int writer, const struct save *save, uint64_t read)
{
    int device = model->rights.identity_of[model->device_of[writer]];
    uint32_t last = save->entry_last;
    uint64_t p = save->position;

    for (uint64_t later = p + 1; later <= read; later++)
        if (model->lines[later].is_admit && names(&model->lines[later], stream, writer, last))
            return MODEL_COUNTS;
    if (!model->lines[p].may_write[device][stream]) {
        for (uint64_t before = 1; before < p; before++)
            if (model->lines[before].may_write[device][stream])
                return MODEL_LATE;
        while (p <= read && !model->lines[p].may_write[device][stream])
            p++;
        if (p > read)
            return MODEL_NO_RIGHT;
    }
    while (p <= read && model->lines[p].may_write[device][stream])
        p++;
    if (p > read)
        return MODEL_COUNTS;
    return names(&model->lines[p], stream, writer, last) ? MODEL_COUNTS : MODEL_LATE;
}

enum model_counts
model_save_counts_at(const struct model *model, int stream, int writer, uint32_t save, uint64_t position)
{
    const struct feed *feed = &model->feeds[stream][writer];

    if (save > feed->count || feed->saves[save - 1].position == 0 || feed->saves[save - 1].position > position)
        return MODEL_NOT_STORED;
    return entry_counts(model, stream, writer, &feed->saves[save - 1], position);
}

enum model_counts
model_save_counts(const struct model *model, int stream, int writer, uint32_t save)
{
    return model_save_counts_at(model, stream, writer, save, model->position);
}
