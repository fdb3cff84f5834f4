/* "Can that device see it?": each answer against what the model knows. */
#include "tests/sim/sights.h"

#include <string.h>

#include "sync/replica_own.h"
#include "tests/sim/adapter.h"
#include "tests/sim/check.h"
#include "tests/sim/claims.h"
#include "tests/sim/copies.h"

struct question {
    struct device *asker;
    struct device *other; /* may be one whose store is never opened in this seed */
    int stream, writer;
    uint32_t save;
    uint64_t position; /* of the ledger, as far as the asker has read it */
    uint64_t judged;   /* and as far as it has drawn the consequences */
    bool is_self, is_logged, is_unsealed;
    enum sight sight;
};

/* Also those whom the seed leaves out: colleagues who are silent. */
static struct device *
anybody(struct world *world)
{
    return &world->devices[world_below(world, WORLD_MADE + (unsigned)world->copy_count)];
}

static bool
is_silent(const struct device *device)
{
    return device->replica == NULL;
}

static bool
is_same_device(const struct device *a, const struct device *b)
{
    return id_equal(a->world->names.devices[a->index], b->world->names.devices[b->index]);
}

/* Its journal is asked, not its word. */
static bool
has_applied(struct device *other, int stream, int writer, uint32_t save)
{
    struct world *world = other->world;
    uint32_t upto = 0;

    if (is_silent(other))
        return model_seen(world->model, other->index, stream, writer) >= save;
    enum rc rc = journal_frontier(replica_journal(other->replica), world->names.streams[stream],
                                  world->names.writers[writer], &upto);
    if (rc != RC_OK)
        world_fail(world, "device %d, frontier: %s", other->index, rc_sentence());
    return upto >= save;
}

static enum sight
ask(const struct question *question)
{
    struct device *asker = question->asker;
    struct world *world = asker->world;
    struct version version = {world->names.writers[question->writer], question->save, 0};
    struct sight_status status = {.sight = SIGHT_UNKNOWN};
    enum rc rc = replica_sees(asker->replica, world->names.devices[question->other->index],
                              world->names.streams[question->stream], &version, &status);

    if (rc != RC_OK)
        world_fail(world, "device %d, what device %d sees: %s", asker->index, question->other->index, rc_sentence());
    return status.sight;
}

/* ---- what the answer may be ---- */

/* A device whose clock hid or purged the stream by itself since it told, or whose store was put back: nobody else can know. */
static bool
can_be_known(struct device *other, int stream)
{
    if (is_silent(other))
        return true;
    return !other->is_busy && !other->was_returned && !copies_has_double(other) && !device_is_dead(other) &&
           adapter_has_stream(other, stream) && !adapter_is_filling(other, stream);
}

/* It had applied it, and by a line that the asker has not read it is late work there since. */
static bool
became_late(const struct question *question)
{
    struct device *other = question->other;

    if (is_silent(other) || !claims_is_logged(other, question->stream, question->writer, question->save))
        return false;
    uint64_t there = ledger_position(replica_ledger(other->replica));
    return there > question->position && model_save_counts_at(other->world->model, question->stream, question->writer,
                                                              question->save, there) != MODEL_COUNTS;
}

/* By the ledger as the asker has read it. NULL: right; else what is wrong. */
static const char *
judge_right(const struct question *question, bool *is_settled)
{
    const struct device *asker = question->asker;
    const struct model *model = asker->world->model;
    int other = question->other->index;
    int64_t now_ms = replica_now_ms(asker->replica);

    *is_settled = true;
    if (!model_is_active_at(model, other, question->position))
        return question->sight == SIGHT_REVOKED ? NULL : "it is in the team no more";
    if (question->is_self && question->sight == SIGHT_REVOKED) /* which the server tells without a line */
        return model_is_active(model, other) ? "it is in the team" : NULL;
    if (!model_may_read_at(model, other, question->stream, question->position, now_ms))
        return question->sight == SIGHT_NO_RIGHT ? NULL : "it may not read it";
    *is_settled = false;
    return question->sight == SIGHT_REVOKED || question->sight == SIGHT_NO_RIGHT ? "it may read it" : NULL;
}

/* Of what is here: known, and where it has got to. */
static const char *
judge_here(const struct question *question)
{
    const struct device *asker = question->asker;
    const struct model *model = asker->world->model;

    switch (question->sight) {
    case SIGHT_UNKNOWN: /* of itself also what came and was not looked at yet: a session was cut */
        if (question->is_unsealed && adapter_is_unproven(asker))
            return NULL;
        if (question->is_self && question->is_logged &&
            model_seen(model, asker->index, question->stream, question->writer) < question->save)
            return NULL;
        return question->is_logged || question->is_unsealed ? "it is known here" : NULL;
    case SIGHT_HERE_ONLY:
        if (!question->is_unsealed)
            return "it does not wait here";
        return model_stored(model, question->stream, question->writer) >= question->save ? "the server has it" : NULL;
    case SIGHT_HELD: /* by the lines that it has judged by: a session may be cut between a line and its consequences */
        if (model_save_counts_at(model, question->stream, question->writer, question->save, question->judged) ==
            MODEL_COUNTS)
            return "it counts";
        break;
    case SIGHT_PARKED_HERE:
        if (model_seen(model, asker->index, question->stream, question->writer) >= question->save)
            return "it is applied here";
        break;
    default:
        break;
    }
    return question->is_logged ? NULL : "it is not known here";
}

/* Of what is at the server, as far as is told: a server that was put back is believed until it says so. */
static const char *
judge_away(const struct question *question)
{
    const struct world *world = question->asker->world;
    const struct model *model = world->model;
    bool is_given = model_was_given_at(model, question->other->index, question->stream, question->position);

    if (question->sight != SIGHT_KEY_DUE && question->sight != SIGHT_ON_SERVER)
        return NULL;
    if (!world->was_server_restored && model_stored(model, question->stream, question->writer) < question->save)
        return "the server does not have it";
    if (question->sight == SIGHT_KEY_DUE)
        return is_given ? "it was given the key" : NULL;
    /* By the server's time a right may be over that the asker's own clock has not ended yet: then no key is due. */
    int64_t server_ms = (int64_t)replica_server_ms(question->asker->replica);
    bool may_hold = model_may_hold_at(model, question->other->index, question->stream, question->position, server_ms);
    return !is_given && may_hold ? "it was not given the key" : NULL;
}

/* In doubt whether another goes on under its numbers a store says "unknown" of what it did not send. */
static bool
is_in_doubt(const struct device *device)
{
    return device->is_returned || device->life != MODEL_NONE || copies_has_double(device) || device->world->was_server_restored;
}

static const char *
judge(const struct question *question)
{
    bool is_settled;
    const char *wrong = judge_right(question, &is_settled);

    if (wrong != NULL || is_settled)
        return wrong;
    if (question->sight == SIGHT_APPLIED)
        return can_be_known(question->other, question->stream) &&
                       !has_applied(question->other, question->stream, question->writer, question->save) && !became_late(question)
                   ? "it has not applied it"
                   : NULL;
    if (is_in_doubt(question->asker) || !adapter_has_stream(question->asker, question->stream))
        return NULL;
    /* Numbers that two gave, or one store twice, have two chains. */
    if (question->sight == SIGHT_UNKNOWN &&
        (question->other->was_returned || copies_has_double(question->other) || copies_share(question->asker->world, question->writer)))
        return NULL;
    wrong = judge_here(question);
    return wrong == NULL && !question->is_self ? judge_away(question) : wrong;
}

/* What the asker has of the save, whoever is asked about. */
static struct question
about(struct device *asker, int stream, int writer, uint32_t save)
{
    struct question question = {.asker = asker, .stream = stream, .writer = writer, .save = save};
    bool is_own = asker->writer == writer && asker->life == MODEL_NONE;

    question.position = ledger_position(replica_ledger(asker->replica));
    question.judged = (uint64_t)adapter_ask(
        asker, "SELECT coalesce(max(value), 0) FROM sync_state WHERE name = 'judged'", NULL);
    question.is_logged = claims_is_logged(asker, stream, writer, save);
    /* What the server has of a stream that was purged and came back is not here until that is filled. */
    question.is_unsealed =
        !question.is_logged && is_own && adapter_saved(asker, stream, writer) >= (int64_t)save &&
        !(adapter_is_filling(asker, stream) && model_stored(asker->world->model, stream, writer) >= save);
    return question;
}

static void
answer(struct question *question, struct device *other)
{
    struct world *world = question->asker->world;

    question->other = other;
    question->is_self = is_same_device(question->asker, other);
    question->sight = ask(question);
    world->tally.sights[question->sight]++;
    if (question->position > model_position(world->model))
        return; /* of a fork */
    const char *wrong = judge(question);
    if (wrong != NULL)
        world_fail(world, "device %d says \"%s\" of device %d and save %u of writer %d in stream %d, but %s",
                   question->asker->index, sight_name(question->sight), question->other->index, question->save,
                   question->writer, question->stream, wrong);
}

/* ---- when it is asked ---- */

void
sights_check(struct device *device)
{
    struct world *world = device->world;
    struct device *other = anybody(world);
    int stream = (int)world_below(world, MODEL_STREAMS);

    if (other->is_busy || !check_is_there(world, stream) || check_is_carried(device, stream))
        return;
    for (int writer = 0; writer < world->names.writer_count && !world->has_failed; writer++) {
        uint32_t last = model_last(world->model, stream, writer);
        if (last == 0)
            continue;
        struct question question = about(device, stream, writer, 1 + world_below(world, last));
        answer(&question, other);
    }
}

/* Nothing is on its way any more. */
static void
judge_end(struct question *question, bool reads)
{
    struct world *world = question->asker->world;
    enum model_counts counts = model_save_counts(world->model, question->stream, question->writer, question->save);
    enum sight wanted = counts == MODEL_LATE ? SIGHT_HELD : SIGHT_APPLIED;

    /* Late work that a liar withheld, and that nothing follows, is nowhere. */
    if (counts == MODEL_NOT_STORED || (counts == MODEL_LATE && !question->is_logged) || (wanted == SIGHT_APPLIED && !reads) || question->sight == SIGHT_REVOKED ||
        question->sight == SIGHT_NO_RIGHT)
        return;
    if (counts == MODEL_COUNTS && question->sight == wanted &&
        !has_applied(question->other, question->stream, question->writer, question->save))
        world_fail(world, "device %d has not applied save %u of writer %d in stream %d after all is well",
                   question->other->index, question->save, question->writer, question->stream);
    /* It says no more than it was told, and of two that number alike a higher number of the one hides what the other tells. */
    if (question->sight == SIGHT_ON_SERVER && (question->asker->lacks_acks || copies_has_double(question->other)))
        return;
    if (question->sight != wanted && counts != MODEL_NO_RIGHT)
        world_fail(world, "device %d says \"%s\" of device %d and save %u of writer %d in stream %d after all is well",
                   question->asker->index, sight_name(question->sight), question->other->index, question->save,
                   question->writer, question->stream);
}

static void
ask_of_all(struct device *device, int stream, int writer, uint32_t save, const bool *reads)
{
    struct world *world = device->world;
    struct question question = about(device, stream, writer, save);

    for (int i = 0; i < WORLD_MADE + world->copy_count && !world->has_failed; i++) {
        answer(&question, &world->devices[i]);
        if (!world->has_failed)
            judge_end(&question, reads[i]);
    }
}

void
sights_check_end(struct device *device, int stream, const bool *reads)
{
    struct world *world = device->world;

    for (int writer = 0; writer < world->names.writer_count && !world->has_failed; writer++) {
        uint32_t last = model_last(world->model, stream, writer);
        uint32_t first = world->is_thorough || last == 0 ? 1 : 1 + world_below(world, last);
        for (uint32_t save = first; save <= last; save = world->is_thorough || save == last ? save + 1 : last)
            ask_of_all(device, stream, writer, save, reads);
    }
}
