/* The insides of the model, shared by its files alone. */
#ifndef TESTS_SIM_MODEL_INSIDE_H
#define TESTS_SIM_MODEL_INSIDE_H

#include "tests/sim/model.h"

struct cover {
    bool is_given, is_accepted, has_ended, may_write;
    int person;
    int64_t until_ms;
    unsigned families;
};
/* The ledger's state after a line. */
struct rights {
    int identity_of[MODEL_DEVICES]; /* itself, but for a copy */
    int person_of[MODEL_DEVICES]; /* MODEL_NONE: not joined */
    bool is_revoked[MODEL_DEVICES];
    unsigned roles[MODEL_PERSONS];
    bool family_is_there[MODEL_FAMILIES];
    int owner[MODEL_FAMILIES];
    unsigned coaches[MODEL_FAMILIES]; /* a bit for each assigned person, the owner too */
    struct cover covers[MODEL_COVERS];
};
struct keys {
    uint32_t epoch;
    unsigned given; /* a bit for each device that got the present epoch */
    unsigned fresh; /* of these: who may hold it without a break since */
};
struct line {
    struct rights rights; /* after it */
    struct keys keys[MODEL_STREAMS];
    bool may_write[MODEL_DEVICES][MODEL_STREAMS]; /* after it; copies have no places of their own */
    bool may_hold[MODEL_DEVICES][MODEL_STREAMS];  /* at its time */
    unsigned char functions[MODEL_PERSONS][MODEL_FAMILIES]; /* MODEL_COACH, _SCIENTIST, _COORDINATOR, of that family */
    bool is_admit;
    struct model_head *heads;
    size_t head_count;
};

struct op {
    struct model_op what;
    struct model_version *supersedes;
    size_t supersedes_count;
    struct model_version *lists; /* of a deletion */
    size_t lists_count;
};
struct save {
    bool is_acknowledged;
    unsigned held_at; /* a bit for each device */
    size_t count;
    struct op ops[MODEL_OPS];
    uint64_t position; /* of the entry that carried it; 0: not stored */
    uint32_t entry_last;
    uint64_t read; /* of the ledger, when it was made */
    uint64_t clock; /* 0: not told */
    int tag;
};
struct feed {
    struct save *saves;
    uint32_t count, room, stored;
};
struct unit {
    char record[MODEL_TEXT], unit[MODEL_TEXT];
    bool is_shown, deletes, moves, is_once;
};

struct model {
    struct rights rights;
    struct line lines[MODEL_LINES + 1]; /* from 1 */
    uint64_t position;
    unsigned char made_by[MODEL_STREAMS][MODEL_LINES + 1]; /* of each epoch: the device and one; 0: no line did */
    int device_of[MODEL_WRITERS];
    struct feed feeds[MODEL_STREAMS][MODEL_WRITERS];
    uint8_t order[MODEL_WRITERS][MODEL_ORDER_BYTES];
    uint32_t acked[MODEL_DEVICES][MODEL_STREAMS][MODEL_WRITERS];
    uint32_t seen[MODEL_DEVICES][MODEL_STREAMS][MODEL_WRITERS];
    struct unit *units[MODEL_STREAMS];
    size_t unit_count[MODEL_STREAMS];
};

/* After the last line. */
static inline struct keys *
model_keys(struct model *model, int stream)
{
    return &model->lines[model->position].keys[stream];
}
bool model_may_open(const struct rights *rights, int device, int stream, int64_t now_ms, bool is_accepted);

/* References to a writer's saves beyond `kept` go over to those of another, beyond `before`. */
void model_follow(struct model_version *versions, size_t count, int old, uint32_t kept, int new, uint32_t before);

#endif
