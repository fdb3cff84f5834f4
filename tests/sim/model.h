/* What should be: an own, small account of who saved what, who may see it, and which versions stand.
 *
 * It shares no code with the engine. Devices, persons, families, covers, streams and writers are small
 * numbers; records, units and values are text. docs/PROTOCOL.md (sections 3 and 9) is its only source. */
#ifndef TESTS_SIM_MODEL_H
#define TESTS_SIM_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    MODEL_DEVICES = 8, /* machines: two may be one device of the ledger, where one is a copy */
    MODEL_PERSONS = 5,
    MODEL_FAMILIES = 6,
    MODEL_COVERS = 24,
    MODEL_STREAMS = 1 + 2 * MODEL_FAMILIES,
    MODEL_WRITERS = 64, /* a writer is a device in one of its lives (incarnations) */
    MODEL_LINES = 500,
    MODEL_TEXT = 40,
    MODEL_OPS = 6,
    MODEL_NONE = -1,
};

struct model;

/* Memory running out ends the process: nothing here fails otherwise. */
struct model *model_new(void);
void model_free(struct model *model);

/* ---- the ledger, as facts ---- */

enum model_role {
    MODEL_ADMIN = 1,
    MODEL_COORDINATOR = 2,
    MODEL_COACH = 4,
    MODEL_SCIENTIST = 8,
    MODEL_DUTY = 16,
    MODEL_INTAKE = 32
};
enum model_stream_kind { MODEL_TEAM, MODEL_INDEX, MODEL_FILE };
enum model_fact_kind {
    MODEL_OTHER,  /* a line that changes no right */
    MODEL_JOIN,   /* device, person, roles */
    MODEL_ROLES,  /* person, roles */
    MODEL_FAMILY, /* family, person (owner) */
    MODEL_ASSIGN, /* family, person, function: 1 owner, 2 coach, 0 none */
    MODEL_GIVE,   /* cover, person, may_write, until_ms, families */
    MODEL_ACCEPT, /* cover */
    MODEL_END,    /* cover */
    MODEL_REVOKE, /* device */
    MODEL_ADMIT,  /* heads */
};
struct model_head {
    int stream, writer;
    uint32_t last;
};
struct model_fact {
    enum model_fact_kind kind;
    int device, person, family, cover, function;
    unsigned roles;
    bool may_write;
    int64_t until_ms;
    int64_t time_ms;   /* of the line */
    unsigned families; /* a bit for each */
    const struct model_head *heads;
    size_t head_count;
};
/* The next line of the ledger; the first is 1. */
void model_line(struct model *model, const struct model_fact *fact);
uint64_t model_position(const struct model *model);

int model_team_stream(void);
int model_family_stream(int family, enum model_stream_kind kind);
/* Did its right to write there ever end by a line? */
bool model_write_ended(const struct model *model, int device, int stream);
/* By a line after that one. */
bool model_write_ended_after(const struct model *model, int device, int stream, uint64_t position);
/* Did its person ever cover? Such a right ends by time, too. */
bool model_has_covered(const struct model *model, int device);
bool model_may_read(const struct model *model, int device, int stream, int64_t now_ms);
/* A key may be there: also while a cover that was given is not yet accepted. */
bool model_may_hold(const struct model *model, int device, int stream, int64_t now_ms);
bool model_is_active(const struct model *model, int device);
/* As who has read the ledger up to that line has it. */
bool model_is_active_at(const struct model *model, int device, uint64_t position);
bool model_may_read_at(const struct model *model, int device, int stream, uint64_t position, int64_t now_ms);
bool model_may_hold_at(const struct model *model, int device, int stream, uint64_t position, int64_t now_ms);
/* A copy of a device: it sees and holds for itself, and has the other's rights. */
void model_is_copy_of(struct model *model, int device, int original);

/* Whoever may hold a stream at any line from this one on may open what was sealed on it: a later key opens the past. Who holds the
 * reserve may open each index. */
bool model_was_granted(const struct model *model, int device, int stream, uint64_t position);
/* At that line or before. */
bool model_was_granted_before(const struct model *model, int device, int stream, uint64_t position);
/* It may hold the reserve, and pass keys on. */
bool model_may_share(const struct model *model, int device);

/* ---- keys ---- */

/* Told after the line: it makes an epoch of a stream's key, and names the devices that get it; or shares the present one. Its author made that key, and
 * so has it, though it may hold no other: who holds the reserve pays rotations of files that it may not read. */
void model_epoch(struct model *model, int stream, uint32_t epoch, int author);
/* After that line it has the key without a break since it was given: none is due. */
bool model_was_given_at(const struct model *model, int device, int stream, uint64_t position);
bool model_made(const struct model *model, int device, int stream, uint32_t epoch);
void model_give(struct model *model, int stream, uint32_t epoch, int device);
/* Somebody was given the present key who may not hold it at that time. */
bool model_owes_rotation(const struct model *model, int stream, int64_t now_ms);

/* ---- saves ---- */

struct model_version {
    int writer;
    uint32_t save, index;
};
struct model_op {
    char record[MODEL_TEXT], unit[MODEL_TEXT], value[MODEL_TEXT];
    bool is_shown_in_conflict; /* the unit's policy shows two versions */
    bool supersedes_nothing;   /* as a deletion: else whatever the author sees */
    bool is_once;              /* stays its author's: others may write into it, and remove nothing */
    unsigned protects; /* of a strict unit: the place of its word, from open to protective; 0: the unit is not strict */
    bool needs_two;    /* to protect less, two persons of different functions, and not one coach of the family */
    bool moves;                /* a value hides the record, the empty one does not */
    bool deletes;              /* lists what the author sees of the record's other units */
    bool
        supersedes_one; /* only the first of what the author sees: the rest came after the screen */
    char over
        [MODEL_TEXT]; /* not empty: only what has this value, as when a unit in conflict is edited */
};
struct model_save {
    uint64_t position; /* of the ledger, as far as the author had read it */
    int device; /* the machine */
    int stream, writer;
    size_t count;
    struct model_op ops[MODEL_OPS];
};

void model_writer(struct model *model, int writer, int device);
int model_device(const struct model *model, int writer);
/* The author's copy had applied this much of a writer's saves in a stream. May go down when rights end. */
void model_sees(struct model *model, int device, int stream, int writer, uint32_t upto);
uint32_t model_seen(const struct model *model, int device, int stream, int writer);
/* Which saves the device says that it holds, not applied: told anew after each of its acts. */
void model_holds_none(struct model *model, int device);
void model_holds(struct model *model, int device, int stream, int writer, uint32_t first,
                 uint32_t last);
bool model_is_held_by(const struct model *model, int device, int stream, int writer, uint32_t save);
/* The first of a writer's saves up to `last` that the device neither applied nor holds; 0 when there is none. */
uint32_t model_lacks(const struct model *model, int device, int stream, int writer, uint32_t last);
/* Begins a save, whose fate is open until one of the two below. Gives its number. */
uint32_t model_begin(struct model *model, const struct model_save *save);
void model_acknowledge(struct model *model, int stream, int writer);
void model_forget(struct model *model, int device, int stream, int writer); /* it never happened */
/* The author goes on in another life: its saves there beyond `kept` are the new writer's from now on. */
void model_renumber(struct model *model, int device, int stream, int old, uint32_t kept, int new);
/* Is one open? */
bool model_is_open(const struct model *model, int stream, int writer);
uint32_t model_last(const struct model *model, int stream, int writer); /* open one included */

/* Clocks decide nothing but what is shown. The number is the save's clock, given to the model when it is known; `order` are bytes
 * by which equal clocks are told apart, one writer's against another's. */
enum { MODEL_ORDER_BYTES = 24 };
void model_stamp(struct model *model, int stream, int writer, uint32_t save, uint64_t clock);
void model_order(struct model *model, int writer, const uint8_t order[MODEL_ORDER_BYTES]);

/* ---- what a device said to the others ---- */

/* It acknowledged a writer's saves up to this one. */
void model_acks(struct model *model, int device, int stream, int writer, uint32_t last);
/* The first of those that it has neither applied nor held; 0 when it has them all. */
uint32_t model_ack_lacks(const struct model *model, int device, int stream, int writer);

/* ---- what goes back ---- */

/* A disk was lost, and with it the writer's saves beyond `kept`: nobody else has them. */
void model_truncate(struct model *model, int stream, int writer, uint32_t kept);
/* A store that was put back when its right was over is shown nothing of what its lost life handed in: it hands in `count` saves
 * beyond `kept` again, as another writer's. Those that are repeated or renumbered with them name them by their new numbers. */
void model_repeat(struct model *model, int stream, int old, uint32_t kept, uint32_t count, int new);
void model_follow_repeated(struct model *model, int stream, int old, uint32_t kept, int new, uint32_t before);
/* What the device acknowledged before it was restored says nothing any more. */
void model_acks_none(struct model *model, int device);
/* The server was restored: of this feed it has saves up to `last`. */
void model_unstore(struct model *model, int stream, int writer, uint32_t last);

/* ---- what the server stored ---- */

/* An entry (saves first..last) with the ledger position in its header. Contiguous per writer and stream. */
void model_entry(struct model *model, int stream, int writer, uint32_t last, uint64_t position);
uint32_t model_stored(const struct model *model, int stream, int writer);

enum model_counts { MODEL_COUNTS, MODEL_LATE, MODEL_NO_RIGHT, MODEL_NOT_STORED };
/* Does this save count, by the ledger as it stands? */
enum model_counts model_save_counts(const struct model *model, int stream, int writer,
                                    uint32_t save);
/* As who has read the ledger up to that line has it; MODEL_NOT_STORED too when the save was sealed on a later one. */
enum model_counts model_save_counts_at(const struct model *model, int stream, int writer, uint32_t save, uint64_t position);

/* ---- what stands ---- */

struct model_standing {
    struct model_version version;
    const char *value; /* lent */
};
/* Whose picture: a device's own (what it has seen), or of everything that counts. */
struct model_view {
    const struct model *model;
    int device; /* MODEL_NONE: everything that counts */
};
/* Current versions of one unit, ascending by (writer, save, index); gives their number, at most `room`. */
size_t model_current(const struct model_view *view, int stream, const char *record,
                     const char *unit, struct model_standing *out, size_t room);
/* The greatest by (clock, writer's order, save, index) of the current versions, of the author's if there are any where the unit
 * stays theirs; false when there is none, or when one's clock
 * was never told. */
bool model_shown(const struct model_view *view, int stream, const char *record, const char *unit,
                 struct model_version *shown);
/* A mark on the writer's last save there, which goes with it to another number. */
void model_tag(struct model *model, int stream, int writer, int tag);
/* Does a save with that mark count there? */
bool model_tag_stands(const struct model_view *view, int stream, int tag);
/* Every (record, unit) ever written in a stream. */
typedef void (*model_unit_fn)(void *context, const char *record, const char *unit, bool is_shown);
void model_units(const struct model *model, int stream, model_unit_fn visit, void *context);
/* Is there one current deletion that lists every current version of the record's other units, or a current mark of moving? What is held hides
 * too, which is not asked here. */
bool model_is_hidden(const struct model_view *view, int stream, const char *record);
/* Every version of the unit that counts here was sealed: who protects less by which functions is certain. */
bool model_is_settled(const struct model_view *view, int stream, const char *record, const char *unit);
/* Something that is held on this device, or anywhere (MODEL_NONE), writes into the unit. */
bool model_is_held(const struct model_view *view, int stream, const char *record, const char *unit);
/* Two or more current versions of different values; where a unit stays its author's, of theirs alone. */
bool model_in_conflict(const struct model_view *view, int stream, const char *record,
                       const char *unit);

#endif
