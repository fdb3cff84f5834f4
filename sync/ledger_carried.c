/* Covers that travel without the server: what a device that carries their operations knows beside the lines (docs/decisions/016). */
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "sync/ledger_inside.h"

/* Does it still say more than the lines? Not once they know of its acceptance, or ended it; nor beside another gift under its id. */
static bool
is_live(const struct ledger *ledger, const struct inside_carried *carried)
{
    const struct inside_cover *cover = ledger_inside_cover(ledger, carried->facts.id);

    if (carried->is_refused || cover == NULL)
        return !carried->is_refused;
    return cover->facts.state == LEDGER_COVER_GIVEN &&
           (!carried->has_give || ledger_inside_line(ledger, carried->give_hash) != NULL);
}

static bool
names_family(const struct inside_carried *carried, struct id family)
{
    for (size_t i = 0; i < carried->facts.family_count; i++)
        if (id_equal(carried->families[i], family))
            return true;
    return false;
}

/* Is it about this device's person, and that stream's family? */
static bool
concerns(const struct ledger *ledger, const struct inside_carried *carried, const struct inside_device *device,
         const struct inside_stream *stream)
{
    return (stream->facts.kind == STREAM_INDEX || stream->facts.kind == STREAM_FILE) &&
           id_equal(carried->facts.person, device->facts.person) && ledger_inside_is_active(ledger, device) &&
           names_family(carried, stream->facts.family);
}

static bool
is_over(const struct inside_carried *carried, uint64_t at_ms)
{
    return at_ms >= carried->facts.until_ms || at_ms > carried->facts.not_after_ms;
}

const struct inside_carried *
ledger_inside_carried_opens(const struct ledger *ledger, const struct inside_device *device,
                            const struct inside_stream *stream, uint64_t at_ms, bool also_given)
{
    for (size_t i = 0; i < ledger->carried_count; i++) {
        const struct inside_carried *carried = &ledger->carried[i];
        if ((also_given || carried->facts.state == LEDGER_COVER_ACCEPTED) && !is_over(carried, at_ms) &&
            concerns(ledger, carried, device, stream) && is_live(ledger, carried))
            return carried;
    }
    return NULL;
}

bool
ledger_inside_carried_writes(const struct ledger *ledger, const struct inside_device *device,
                             const struct inside_stream *stream)
{
    for (size_t i = 0; i < ledger->carried_count; i++) {
        const struct inside_carried *carried = &ledger->carried[i];
        if (carried->facts.state == LEDGER_COVER_ACCEPTED && carried->facts.scope == LEDGER_SCOPE_WRITE &&
            concerns(ledger, carried, device, stream) && is_live(ledger, carried))
            return true;
    }
    return false;
}

enum ledger_counts
ledger_inside_carried_counts(const struct ledger *ledger, const struct ledger_entry_facts *entry)
{
    const struct inside_device *device = ledger_inside_device(ledger, entry->device);
    const struct inside_stream *stream = ledger_inside_stream(ledger, entry->stream);
    enum ledger_counts counts = LEDGER_NO_RIGHT;

    for (size_t i = 0; i < ledger->carried_count && device != NULL && stream != NULL; i++) {
        const struct inside_carried *carried = &ledger->carried[i];
        if (carried->facts.state != LEDGER_COVER_ACCEPTED || carried->facts.scope != LEDGER_SCOPE_WRITE ||
            entry->position < carried->seen || !id_equal(carried->facts.person, device->facts.person) ||
            !names_family(carried, stream->facts.family))
            continue;
        if (is_live(ledger, carried))
            return LEDGER_COUNTS;
        counts = LEDGER_LATE;
    }
    return counts;
}

void
ledger_inside_carried_span(const struct ledger *ledger, uint64_t at_ms, struct ledger_span *span)
{
    span->carried = ledger->carried_changes;
    for (size_t i = 0; i < ledger->carried_count; i++) {
        const struct inside_carried *carried = &ledger->carried[i];
        const struct ledger_cover *facts = &carried->facts;
        uint64_t end_ms = facts->until_ms <= facts->not_after_ms ? facts->until_ms : facts->not_after_ms + 1;
        if (end_ms <= at_ms && end_ms > span->from_ms)
            span->from_ms = end_ms;
        if (end_ms > at_ms && end_ms < span->until_ms)
            span->until_ms = end_ms;
    }
}

/* ---- taking one in ------------------------------------------------------------------------------- */

static struct inside_carried *
find(const struct ledger *ledger, struct id cover)
{
    for (size_t i = 0; i < ledger->carried_count; i++)
        if (id_equal(ledger->carried[i].facts.id, cover))
            return &ledger->carried[i];
    return NULL;
}

static enum rc
add(struct ledger *ledger, const struct ledger_cover *facts, const struct id *families, size_t family_count,
    struct inside_carried **carried)
{
    struct inside_carried *grown = array_grow(ledger->carried, &ledger->carried_room, ledger->carried_count + 1,
                                              sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    ledger->carried = grown;
    *carried = &grown[ledger->carried_count];
    **carried = (struct inside_carried){.facts = *facts, .families = calloc(family_count, sizeof *families)};
    if ((*carried)->families == NULL)
        return rc_nomem();
    memcpy((*carried)->families, families, family_count * sizeof *families);
    (*carried)->facts.families = (*carried)->families;
    (*carried)->facts.family_count = family_count;
    (*carried)->facts.is_carried = true;
    ledger->carried_count++;
    return RC_OK;
}

static enum rc
take_give(struct ledger *ledger, const struct ledger_op *op, const uint8_t *hash)
{
    const struct ledger_cover_give *give = &op->as.cover_give;
    const struct ledger_cover facts = {
        .id = give->cover,
        .person = give->person,
        .given_by = ledger_device(ledger, op->author) == NULL ? (struct id){{0}}
                                                              : ledger_device(ledger, op->author)->person,
        .from_ms = give->from_ms,
        .until_ms = give->until_ms,
        .scope = give->scope,
        .state = LEDGER_COVER_GIVEN,
    };
    struct inside_carried *carried;

    enum rc rc = add(ledger, &facts, op->families, op->family_count, &carried);
    if (rc != RC_OK)
        return rc;
    carried->has_give = true;
    memcpy(carried->give_hash, hash, sizeof carried->give_hash);
    carried->seen = op->seen;
    carried->facts.not_after_ms = op->not_after_ms;
    return RC_OK;
}

static enum rc
take_accept(struct ledger *ledger, const struct ledger_op *op)
{
    struct inside_carried *carried = find(ledger, op->as.cover_accept);
    const struct inside_cover *cover = ledger_inside_cover(ledger, op->as.cover_accept);
    enum rc rc = RC_OK;

    if (carried == NULL && cover == NULL)
        return rc_fail(RC_ABSENT, _("no such cover"));
    if (carried == NULL)
        rc = add(ledger, &cover->facts, cover->families, cover->facts.family_count, &carried);
    if (rc != RC_OK)
        return rc;
    if (!carried->has_give) {
        carried->seen = op->seen;
        carried->facts.not_after_ms = op->not_after_ms;
    }
    if (op->not_after_ms < carried->facts.not_after_ms)
        carried->facts.not_after_ms = op->not_after_ms;
    carried->facts.state = LEDGER_COVER_ACCEPTED;
    return RC_OK;
}

/* What travels is bound to a time, and makes no keys: it cannot grow stale by a rotation. */
static enum rc
check_kind(const struct ledger_op *op, uint64_t time_ms)
{
    if ((op->kind != LEDGER_COVER_GIVE && op->kind != LEDGER_COVER_ACCEPT) || op->part_count > 0 ||
        op->not_after_ms == 0 || op->not_after_ms > time_ms + LEDGER_CARRIED_MS + DAY_MS)
        return rc_fail(RC_INVALID, _("no operation that may travel without the server"));
    return RC_OK;
}

enum rc
ledger_carry(struct ledger *ledger, const void *bytes, size_t len, uint64_t time_ms)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    uint8_t hash[CRYPTO_HASH_BYTES];
    const char *rule;

    enum rc rc = ledger_op_decode(bytes, len, &op);
    if (rc == RC_OK)
        rc = check_kind(&op, time_ms);
    if (rc != RC_OK)
        goto out;
    ledger_op_hash(bytes, len, hash);
    const struct inside_carried *known =
        find(ledger, op.kind == LEDGER_COVER_GIVE ? op.as.cover_give.cover : op.as.cover_accept);
    bool is_here = known != NULL && (op.kind == LEDGER_COVER_GIVE || known->facts.state == LEDGER_COVER_ACCEPTED);
    if (is_here || ledger_inside_line(ledger, hash) != NULL)
        rc = RC_EXISTS;
    else if (known != NULL && !is_live(ledger, known))
        rc = rc_fail(RC_STALE, _("that cover came to nothing"));
    if (rc == RC_OK)
        rc = ledger_inside_judge(ledger, &op, bytes, len, time_ms, known != NULL ? &known->facts : NULL, &rule);
    if (rc == RC_OK)
        rc = op.kind == LEDGER_COVER_GIVE ? take_give(ledger, &op, hash) : take_accept(ledger, &op);
    if (rc == RC_OK)
        ledger->carried_changes++;
out:
    ledger_op_wipe(&op);
    return rc;
}

enum rc
ledger_carry_known(struct ledger *ledger, const void *bytes, size_t len, bool is_refused)
{
    struct ledger_op op = LEDGER_OP_EMPTY;
    uint8_t hash[CRYPTO_HASH_BYTES];

    enum rc rc = ledger_op_decode(bytes, len, &op);
    if (rc == RC_OK)
        rc = check_kind(&op, op.not_after_ms);
    ledger_op_hash(bytes, len, hash);
    struct id cover = op.kind == LEDGER_COVER_GIVE ? op.as.cover_give.cover : op.as.cover_accept;
    struct inside_carried *carried = rc == RC_OK ? find(ledger, cover) : NULL;
    if (rc == RC_OK && op.kind == LEDGER_COVER_ACCEPT)
        rc = take_accept(ledger, &op);
    else if (rc == RC_OK && carried == NULL)
        rc = take_give(ledger, &op, hash);
    carried = rc == RC_OK ? find(ledger, cover) : NULL;
    if (carried != NULL)
        carried->is_refused = carried->is_refused || is_refused;
    if (rc == RC_OK)
        ledger->carried_changes++;
    ledger_op_wipe(&op);
    return rc;
}

void
ledger_carry_nothing(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->carried_count; i++)
        free(ledger->carried[i].families);
    ledger->carried_count = 0;
    ledger->carried_changes++;
}

/* ---- facts ----------------------------------------------------------------------------------------- */

const struct ledger_cover *
ledger_inside_cover_shown(const struct ledger *ledger, struct id id)
{
    const struct inside_cover *cover = ledger_inside_cover(ledger, id);
    const struct inside_carried *carried = find(ledger, id);

    if (carried != NULL && is_live(ledger, carried) &&
        (cover == NULL || carried->facts.state == LEDGER_COVER_ACCEPTED))
        return &carried->facts;
    return cover == NULL ? NULL : &cover->facts;
}

const struct ledger_cover *
ledger_inside_carried_at(const struct ledger *ledger, size_t index)
{
    for (size_t i = 0; i < ledger->carried_count; i++) {
        const struct inside_carried *carried = &ledger->carried[i];
        bool is_listed = is_live(ledger, carried) && ledger_inside_cover(ledger, carried->facts.id) == NULL;
        if (is_listed && index-- == 0)
            return &carried->facts;
    }
    return NULL;
}
