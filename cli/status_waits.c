/* What waits, family by family; and what was received and waits or is held, with what to do about it. */
#include "cli/status_waits.h"

#include "cli/words.h"
#include "core/array.h"
#include "core/i18n.h"
#include "sync/ledger.h"

#include <stdlib.h>
#include <string.h>

/* ---- changes as a person counts them ------------------------------------------------------------ */

/* More than anybody writes of one family too late. Who was shut out may hand in as much as the server takes. */
enum { READ_SAVES = 4096, READ_ENTRIES = 256 };

static bool
is_large(const struct parked_group *group)
{
    return group->saves > READ_SAVES || group->entries > READ_ENTRIES;
}

/* Of a large group nothing is read: each of its saves is taken for the twin of one in the family's file, as far as these reach. */
static enum rc
count_twins(struct replica *replica, const struct parked_group *group, uint64_t *twins)
{
    const struct ledger *ledger = replica_ledger(replica);
    const struct ledger_stream *known = ledger == NULL ? NULL : ledger_stream(ledger, group->stream);

    if (!is_large(group))
        return replica_received_twins(replica, group, twins);
    *twins = 0;
    if (known == NULL || known->kind != STREAM_INDEX)
        return RC_OK;
    const struct ledger_family *family = ledger_family(ledger, known->family);
    uint64_t alike;
    if (family == NULL)
        return RC_OK;
    enum rc rc = replica_parked_alike(replica, group, family->file, &alike);
    *twins = alike < group->saves ? alike : group->saves;
    return rc;
}

/* ---- family by family ------------------------------------------------------------------------- */

/* The streams of one family, or the team's, taken together. */
struct part {
    struct stream_waiting waiting;
    uint64_t changes; /* own ones that wait, as a person counts them */
    uint64_t parked_twins, held_twins;
    bool owes_rotation;
    uint64_t grants_due;
};

struct taking {
    struct replica *replica;
    struct id stream;
    struct part *part;
};

static enum rc
take_group(void *context, const struct parked_group *group)
{
    struct taking *taking = context;
    uint64_t twins = 0;

    if (!id_equal(group->stream, taking->stream))
        return RC_OK;
    enum rc rc = count_twins(taking->replica, group, &twins);
    if (group->is_held)
        taking->part->held_twins += twins;
    else
        taking->part->parked_twins += twins;
    return rc;
}

static enum rc
take_twins(struct replica *replica, struct id stream, struct part *part)
{
    struct taking taking = {replica, stream, part};

    return replica_parked_groups(replica, take_group, &taking);
}

static enum rc
add_stream(struct replica *replica, struct id stream, const struct owed *owed, struct part *part)
{
    struct stream_waiting waiting;
    uint64_t twins = 0;
    enum rc rc = replica_waiting_in(replica, stream, &waiting);

    if (rc == RC_OK && waiting.unsealed + waiting.unsent > 0)
        rc = replica_waiting_twins(replica, stream, &twins);
    if (rc == RC_OK && waiting.parked + waiting.held > 0)
        rc = take_twins(replica, stream, part);
    part->changes += waiting.unsealed + waiting.unsent - twins;
    part->waiting.unsealed += waiting.unsealed;
    part->waiting.unsent += waiting.unsent;
    part->waiting.parked += waiting.parked;
    part->waiting.held += waiting.held;
    for (size_t i = 0; i < owed->rotations.count; i++)
        part->owes_rotation = part->owes_rotation || id_equal(owed->rotations.items[i], stream);
    for (size_t i = 0; i < owed->grants.count; i++)
        part->grants_due += id_equal(owed->grants.items[i].stream, stream);
    return rc;
}

/* For people only where there is something to say. */
static enum rc
row_part(struct call *call, struct id family, const struct part *part)
{
    const struct stream_waiting *waiting = &part->waiting;
    uint64_t here = waiting->unsealed + waiting->unsent;
    uint64_t parked = waiting->parked - part->parked_twins, held = waiting->held - part->held_twins;
    struct out *out = &call->out;
    enum rc rc = RC_OK;

    if (!out->is_json && here + parked + held + part->grants_due == 0 && !part->owes_rotation)
        return RC_OK;
    out_row(out);
    if (id_is_zero(family)) {
        out_text(out, "family", NULL, NULL);
        out_text(out, NULL, _("Family"), _("(the team)"));
    } else {
        rc = call_out_family(call, "family", _("Family"), family);
    }
    out_int(out, "saves_unsealed", NULL, (int64_t)waiting->unsealed);
    out_int(out, "saves_unsent", NULL, (int64_t)waiting->unsent);
    out_int(out, "changes_here", _("Only here"), (int64_t)part->changes);
    out_int(out, "saves_parked", NULL, (int64_t)waiting->parked);
    out_int(out, "saves_held", NULL, (int64_t)waiting->held);
    out_int(out, NULL, _("Waiting"), (int64_t)parked);
    out_int(out, NULL, _("Too late, held"), (int64_t)held);
    out_bool(out, "is_rotation_owed", NULL, part->owes_rotation);
    out_int(out, NULL, _("Keys to renew"), part->owes_rotation);
    out_int(out, "grants_due", _("Keys to pass on"), (int64_t)part->grants_due);
    out_row_end(out);
    return rc;
}

static enum rc
count_changes(struct replica *replica, uint64_t *changes)
{
    static const struct owed nothing = {LEDGER_IDS_EMPTY, LEDGER_PAIRS_EMPTY};
    const struct ledger *ledger = replica_ledger(replica);
    const struct ledger_family *family;
    struct part part = {.owes_rotation = false};
    enum rc rc = add_stream(replica, ledger_team_stream(ledger), &nothing, &part);

    for (size_t i = 0; rc == RC_OK && (family = ledger_family_at(ledger, i)) != NULL; i++) {
        rc = add_stream(replica, family->index, &nothing, &part);
        if (rc == RC_OK)
            rc = add_stream(replica, family->file, &nothing, &part);
    }
    *changes = part.changes;
    return rc;
}

enum rc
status_changes(struct replica *replica, const struct waiting *waiting, uint64_t *changes)
{
    uint64_t parts = waiting->saves_unsealed + waiting->entries_unsent;
    enum rc rc = RC_OK;

    *changes = 0;
    if (parts > 0 && replica_in_team(replica))
        rc = count_changes(replica, changes);
    if (*changes == 0) /* half of a change was sent, or there is no team to tell by */
        *changes = parts;
    return rc;
}

enum rc
status_families(struct call *call, const struct owed *owed)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_family *family;
    struct id self = replica_self(call->replica).feed.device;
    uint64_t now_ms = (uint64_t)replica_now_ms(call->replica);
    struct part team = {.owes_rotation = false};
    enum rc rc = add_stream(call->replica, ledger_team_stream(ledger), owed, &team);

    out_title(&call->out, _("Family by family: what waits"));
    out_list(&call->out, "families", OUT_TABLE);
    if (rc == RC_OK)
        rc = row_part(call, (struct id){{0}}, &team);
    for (size_t i = 0; rc == RC_OK && (family = ledger_family_at(ledger, i)) != NULL; i++) {
        struct part part = {.owes_rotation = false};
        rc = add_stream(call->replica, family->index, owed, &part);
        if (rc == RC_OK)
            rc = add_stream(call->replica, family->file, owed, &part);
        /* What waits of a family that was lost is told too. */
        if (rc == RC_OK && (ledger_may_read(ledger, self, family->index, now_ms) ||
                            part.waiting.unsealed + part.waiting.unsent > 0))
            rc = row_part(call, family->id, &part);
    }
    out_list_end(&call->out, _("nothing"));
    return rc;
}

/* ---- received, and waiting -------------------------------------------------------------------- */

/* What waits for no person, though it came too late. */
static const char *
advise_fate(enum received_fate fate)
{
    switch (fate) {
    case RECEIVED_UNSENT:
        return _("the cover had ended: run `baken sync`, which hands it in");
    case RECEIVED_UNREAD:
        return _("nothing: the cover had ended, and it was handed in. It counts once a coach of the family runs `baken sync`; only "
                 "if part of it changed what stood there, that coach reads it with `baken late` and decides");
    default:
        return _("nothing: the cover had ended, and it counts once a coach of the family runs `baken sync`");
    }
}

/* Of a family that is no longer here nothing can be read, nor written again. */
static const char *
advise(const char *reason, bool is_gone)
{
    static const struct {
        const char *reason, *advice;
    } advices[] = {
        {"key", N_("run `baken sync`: a colleague's device has to pass the key on first")},
        {"ledger", N_("run `baken sync`: the team's rules were not read so far yet")},
        {"gap", N_("run `baken sync`; if it stays, its writer has to run it")},
        {"newer", N_("install the newest version of this program")},
        {"unknown", N_("install the newest version of this program")},
        {"full", N_("choose between the versions: see `baken conflicts`")},
        {"damaged", N_("run `baken doctor`, then `baken sync`")},
        {"fork", N_("tell who manages the team: two stores write under one name")},
        {"past", N_("tell who manages the server: it, or the device that wrote this, shows another past")},
        {"gone", N_("nothing: its text was erased")},
        {"late", N_("read it with `baken late`, and write again what should count")},
        {"no_right", N_("tell the coordinator: its writer had no right to write there")},
    };

    if (is_gone && strcmp(reason, "late") == 0)
        return _("run `baken sync`, and tell a coach of the family, who reads it with `baken late` and writes again what should "
                 "count");
    for (size_t i = 0; i < sizeof advices / sizeof advices[0]; i++)
        if (strcmp(advices[i].reason, reason) == 0)
            return _(advices[i].advice);
    return _("run `baken doctor`");
}

const char *
status_say_reason(const char *reason, enum received_fate fate)
{
    return fate == RECEIVED_WAITS ? words_say_reason(reason) : _("an exchange: it came after its cover");
}

/* A group as a person meets it. */
struct met {
    uint64_t changes; /* 0: a save in the family's file tells it */
    enum received_fate fate;
    struct id family;
    bool is_gone; /* of a family that this device shows no longer */
};

static enum rc
meet(struct call *call, const struct parked_group *group, struct met *met)
{
    const struct ledger *ledger = replica_ledger(call->replica);
    const struct ledger_stream *known = ledger_stream(ledger, group->stream);
    struct id self = replica_self(call->replica).feed.device;
    uint64_t twins = 0;
    enum rc rc = count_twins(call->replica, group, &twins);

    *met = (struct met){.changes = group->saves - twins};
    if (known != NULL)
        met->family = known->family;
    met->is_gone = !ledger_may_read(ledger, self, group->stream, (uint64_t)replica_now_ms(call->replica));
    return rc == RC_OK ? replica_received_fate(call->replica, group, &met->fate) : rc;
}

static enum rc
row_group(void *context, const struct parked_group *group)
{
    struct call *call = context;
    struct out *out = &call->out;
    struct texts texts = TEXTS_EMPTY;
    const char *label = NULL;
    struct met met;
    enum rc rc = meet(call, group, &met);

    if (rc != RC_OK || (!out->is_json && met.changes == 0))
        return rc;
    rc = call_device_label(call, &texts, group->feed.device, &label);
    out_row(out);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", met.is_gone ? NULL : _("Family"), met.family);
    if (met.is_gone)
        out_text(out, NULL, _("Family"), _("(no longer on this device)"));
    out_text(out, "device", _("From device"), label);
    out_int(out, "first", NULL, group->first);
    out_int(out, "last", NULL, group->last);
    out_int(out, "entries", NULL, (int64_t)group->entries);
    out_int(out, "saves", NULL, (int64_t)group->saves);
    out_int(out, NULL, _("Changes"), (int64_t)met.changes);
    out_bool(out, "is_held", NULL, group->is_held);
    out_word(out, "reason", _("Waits for"), group->reason, status_say_reason(group->reason, met.fate));
    out_text(out, "advice", _("What to do"),
             met.fate == RECEIVED_WAITS ? advise(group->reason, met.is_gone) : advise_fate(met.fate));
    out_row_end(out);
    texts_wipe(&texts);
    return rc;
}

/* What is told of held work, and as what it is summed. */
enum told { TOLD_HELD, TOLD_ELSE, TOLD_OWN };

static enum told
told_as(const struct call *call, const struct parked_group *group, enum received_fate fate)
{
    bool is_own = id_equal(group->feed.device, replica_self(call->replica).feed.device);

    if (is_own && fate > RECEIVED_UNSENT)
        return TOLD_OWN;
    return fate == RECEIVED_WAITS ? TOLD_HELD : TOLD_ELSE;
}

/* A group that was held before. */
struct received_mark {
    struct parked_group group;
    bool is_known; /* as what it was told */
    enum told told;
};

struct marking {
    struct call *call;
    struct received_marks *marks;
};

static enum rc
mark_group(void *context, const struct parked_group *group)
{
    struct marking *marking = context;
    struct received_marks *marks = marking->marks;
    bool is_own = id_equal(group->feed.device, replica_self(marking->call->replica).feed.device);
    struct received_mark mark = {.group = *group, .is_known = is_own || !is_large(group)};
    enum received_fate fate = RECEIVED_WAITS;
    enum rc rc = RC_OK;

    if (!group->is_held)
        return RC_OK;
    if (mark.is_known)
        rc = replica_received_fate(marking->call->replica, group, &fate);
    mark.told = told_as(marking->call, group, fate);
    struct received_mark *items =
        rc == RC_OK ? array_grow(marks->items, &marks->room, marks->count + 1, sizeof *items) : NULL;
    if (items == NULL)
        return rc == RC_OK ? rc_nomem() : rc;
    marks->items = items;
    marks->items[marks->count++] = mark;
    return RC_OK;
}

enum rc
status_mark_received(struct call *call, struct received_marks *marks)
{
    struct marking marking = {call, marks};
    enum rc rc = RC_OK;

    status_marks_wipe(marks);
    if (replica_in_team(call->replica))
        rc = replica_parked_groups(call->replica, mark_group, &marking);
    marks->is_taken = rc == RC_OK;
    return rc;
}

void
status_marks_wipe(struct received_marks *marks)
{
    free(marks->items);
    *marks = RECEIVED_MARKS_EMPTY;
}

/* By what lies at its ends too: while some of it was admitted, as much may have come. */
static bool
has_come(const struct received_marks *marks, const struct parked_group *group, enum told told)
{
    for (size_t i = 0; i < marks->count; i++) {
        const struct received_mark *mark = &marks->items[i];
        const struct parked_group *before = &mark->group;
        if (id_equal(before->stream, group->stream) && replica_group_is_like(before, group))
            return group->last > before->last || group->first < before->first || group->entries > before->entries ||
                   (mark->is_known && mark->told != told);
    }
    return marks->is_taken;
}

struct summing {
    struct call *call;
    const struct id *family;
    const struct received_marks *marks;
    struct received_sum *sum;
};

static void
add_held(const struct summing *summing, const struct parked_group *group, const struct met *met)
{
    struct received_sum *sum = summing->sum;
    enum told told = told_as(summing->call, group, met->fate);
    bool came = summing->marks != NULL && met->changes > 0 && has_come(summing->marks, group, told);

    sum->held += met->changes;
    sum->own_counts += told == TOLD_OWN ? met->changes : 0;
    sum->else_counts += told == TOLD_ELSE ? met->changes : 0;
    sum->own_came = sum->own_came || (came && told == TOLD_OWN);
    sum->else_came = sum->else_came || (came && told == TOLD_ELSE);
    sum->held_came = sum->held_came || (came && told == TOLD_HELD && !met->is_gone);
    sum->gone_came = sum->gone_came || (came && told == TOLD_HELD && met->is_gone);
}

static enum rc
sum_group(void *context, const struct parked_group *group)
{
    struct summing *summing = context;
    struct received_sum *sum = summing->sum;
    struct met met;
    enum rc rc = meet(summing->call, group, &met);

    if (rc != RC_OK || (summing->family != NULL && !id_equal(met.family, *summing->family)))
        return rc;
    if (met.is_gone)
        sum->gone += met.changes;
    if (group->is_held)
        add_held(summing, group, &met);
    else
        sum->parked += met.changes;
    return RC_OK;
}

static enum rc
sum_groups(struct summing *summing)
{
    struct replica *replica = summing->call->replica;

    *summing->sum = (struct received_sum){.held = 0};
    return replica_in_team(replica) ? replica_parked_groups(replica, sum_group, summing) : RC_OK;
}

enum rc
status_sum_received(struct call *call, const struct id *family, struct received_sum *sum)
{
    struct summing summing = {call, family, NULL, sum};

    return sum_groups(&summing);
}

enum rc
status_sum_since(struct call *call, const struct received_marks *marks, struct received_sum *sum)
{
    struct summing summing = {call, NULL, marks, sum};

    return sum_groups(&summing);
}

enum rc
status_received(struct call *call)
{
    struct received_sum sum;
    enum rc rc = status_sum_received(call, NULL, &sum);

    if (rc == RC_OK && sum.parked + sum.held > 0)
        out_title(&call->out, _("Received, and waiting"));
    out_list(&call->out, "parked", OUT_TABLE);
    if (rc == RC_OK)
        rc = replica_parked_groups(call->replica, row_group, call);
    out_list_end(&call->out, NULL);
    if (rc == RC_OK && sum.parked + sum.held > sum.gone)
        out_line(&call->out, "%s", _("`baken late` shows what of it can be read: whose it is, of when, and its words."));
    return rc;
}
