/* Between engine and model: ids to numbers and back, lines to facts, saves to changes. */
#ifndef TESTS_SIM_ADAPTER_H
#define TESTS_SIM_ADAPTER_H

#include "tests/sim/world.h"

/* A kind of unit that the simulator writes. */
struct unit_kind {
    const char *name; /* the model's word: "goal.goal" */
    uint32_t entity, unit, field;
    enum model_stream_kind home;
    bool is_shown; /* two versions are a conflict that is shown */
    bool is_set;   /* each version is a member */
    bool is_once;  /* stays its author's */
    bool is_strict; /* shown is what protects most; to protect less takes a coach */
    bool moves;     /* strict, with one word: a value */
    bool needs_two; /* or two persons of different functions */
    bool is_last;  /* a plain edit goes over all that is current, also in conflict */
};
enum { UNIT_KINDS = 14, STRICT_WORDS = 3 };
extern const struct unit_kind unit_kinds[UNIT_KINDS];
const struct unit_kind *unit_kind(const char *name);
/* The words of a strict unit, from open to protective. */
const char *strict_word(const struct unit_kind *kind, unsigned place);

/* Reads what is new at the server, lines and entries, and tells the model. */
void adapter_follow(struct world *world);
/* Asks the device what it has applied and holds, and tells the model; decides open saves. */
void adapter_look(struct device *device);
/* The last save that the device's store says it gave there, in that life. */
int64_t adapter_saved(struct device *device, int stream, int writer);
/* The number of this feed's writer; MODEL_NONE when it is unknown. */
int adapter_writer(const struct world *world, struct feed_ref feed);
/* Makes or finds the writer of this device's present life. */
int adapter_own_writer(struct device *device);
/* When it has begun another life: what waited has new numbers. Only one whose right once ended, or ends by time, has cause to. */
void adapter_follow_life(struct device *device);
/* A record's id by the model's name; made when new. */
struct id adapter_record(struct world *world, const char *name);
struct version adapter_version(const struct device *device, int stream, struct model_version version);
/* A writer whose name is not known yet; and the name by which what it wrote is ordered. */
int adapter_shadow(struct device *device);
void adapter_order(struct world *world, int writer, struct feed_ref feed);

/* Saves 1 or 2 changes at once, in model and engine. */
enum rc adapter_save(struct device *device, struct model_save *saves, size_t count);
/* Saves that the engine made by itself (a new family's record) enter the model without content. */
void adapter_take_own_saves(struct device *device);

/* Compares one unit on the device with a view of the model. */
void adapter_compare(struct device *device, const struct model_view *view, int stream,
                     const char *record, const char *unit);
/* Whether the device's own lists leave the record out; false too where it has nothing of it. */
bool adapter_hides(struct device *device, int stream, const char *record, const struct unit_kind *kind);
/* An entry is applied there without what it names of a header that has not come (PROTOCOL section 5). Never in the end. */
bool adapter_lacks_names(struct device *device, int stream);
/* The conflicts of a stream that the engine lists: their number, the first `room` of them in `listed`. */
struct listed {
    char record[MODEL_TEXT], unit[MODEL_TEXT];
};
size_t adapter_conflicts(struct device *device, int stream, struct listed *listed, size_t room);

/* One integer of an SQL statement (a literal) with an id bound to ?1; 0 without a row. */
int64_t adapter_ask(struct device *device, const char *sql, const struct id *id);
bool adapter_has_stream(struct device *device, int stream); /* and shows it */
/* A restored store that began another life, and was cut before it had proven its continuity (docs/STORE.md, section 5): it is in
 * doubt again, compares once more, and says "unknown" of what it has not sealed. */
bool adapter_is_unproven(const struct device *device);
bool adapter_is_filling(struct device *device, int stream);
void adapter_tell(struct device *device, const char *sql);

#endif
