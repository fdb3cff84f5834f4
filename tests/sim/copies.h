/* A store that was copied, and both are used: whose are the saves that both number alike?
 *
 * From the copy on, what such a machine writes has in the model a writer of its own (its *shadow*) from save 1, whatever the engine
 * calls it: the old life's feed, from save `base` + 1. The one of two whose entry the server stores first *wins* that stream: its
 * saves there become the old life's. The other finds out, begins another life, and its shadow gets that life's name. */
#ifndef TESTS_SIM_COPIES_H
#define TESTS_SIM_COPIES_H

#include "tests/sim/world.h"

/* The store of one machine goes on in two: without its instance token the second is in doubt, with it neither is. */
void copies_act(struct device *device);
/* In that stream the machine goes under a shadow. */
static inline bool
copies_is_shadowed(const struct device *device, int stream)
{
    return device->life != MODEL_NONE && !device->has_won[stream];
}
/* The model's number of the writer that the machine is there. */
static inline int
copies_writer(const struct device *device, int stream)
{
    return device->life != MODEL_NONE && device->has_won[stream] ? device->life : device->writer;
}
/* As the engine names it: of a writer the feed, and what is to be added to the model's save numbers. */
struct feed_ref copies_feed(const struct device *device, int stream, int writer);
uint32_t copies_base(const struct device *device, int stream, int writer);
/* A version of the engine's, as the model names it. */
struct model_version copies_version(const struct device *device, int stream, const struct version *version);
/* How far each of both has got, where the engine's feed of the old life has got as far as `upto`. */
uint32_t copies_seen(const struct device *device, int stream, int writer, uint32_t upto);
/* Another goes on under the same numbers, as the server or a bundle shows, and this one has not drawn the consequence yet. */
bool copies_is_torn(const struct device *device, int stream);
/* The server stored an entry of a writer, sent by that machine (NULL: nobody knows). */
void copies_stored(struct world *world, struct device *sender, int stream, int writer, uint32_t last);
/* The machine begins another life: its shadow has a name. */
void copies_end(struct device *device, struct feed_ref feed);
/* Another machine is the same device of the ledger: nobody can tell which of both is spoken of. */
bool copies_has_double(const struct device *device);
/* Some machine goes on under that life's numbers beside another. */
bool copies_share(const struct world *world, int writer);

#endif
