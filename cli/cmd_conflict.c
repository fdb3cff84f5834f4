/* Two versions: shown side by side with their common base, and a proposal where nobody changed what another did. */
#include "cli/commands.h"
#include "cli/conflict.h"
#include "cli/value.h"
#include "cli/words.h"
#include "core/date.h"
#include "core/i18n.h"
#include "core/schema.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* One version that was seen, for people: whose it is, and of when. */
static enum rc
say_seen(struct call *call, const struct version_facts *seen)
{
    struct texts texts = TEXTS_EMPTY;
    char moment[TIME_TEXT_BYTES], text[256];
    const char *name = NULL;
    enum rc rc = call_person_name(call, &texts, seen->person, &name);

    time_to_text(hlc_ms(seen->hlc), moment);
    (void)snprintf(text, sizeof text, "%s, %.10s %.5s", name == NULL ? "?" : name, moment,
                   moment + 11);
    out_text(&call->out, NULL, _("Had seen"), text);
    texts_wipe(&texts);
    return rc;
}

/* What the author had before them: the versions that theirs replaced. */
static enum rc
out_seen(struct call *call, const struct conflict *conflict, const struct version_facts *facts)
{
    struct json_writer *writer = &call->out.writer;
    enum rc rc = RC_OK;

    json_key(writer, "seen");
    json_array_start(writer);
    for (size_t i = 0; rc == RC_OK && i < facts->seen_count; i++) {
        struct version_facts seen = {.hlc = 0};
        char mark[CONFLICT_MARK_CHARS + 1];
        rc = conflict_mark(&facts->seen[i], mark);
        if (rc != RC_OK)
            break;
        rc = replica_version_facts(call->replica, conflict->stream, &facts->seen[i], &seen);
        bool is_here = rc == RC_OK;
        if (rc == RC_ABSENT || rc == RC_LOCKED)
            rc = RC_OK; /* its author stands in its name: what it said is not here */
        json_object_start(writer);
        json_put_text(writer, "mark", mark);
        out_time(&call->out, "at", NULL, is_here ? hlc_ms(seen.hlc) : 0);
        if (rc == RC_OK)
            rc = call_out_person(call, "person", NULL, seen.person);
        json_object_end(writer);
        if (rc == RC_OK && is_here)
            rc = say_seen(call, &seen);
        free(seen.seen);
    }
    json_array_end(writer);
    if (facts->seen_count == 0)
        out_text(&call->out, NULL, _("Had seen"), _("no version before it"));
    return rc;
}

/* When the server took it: by then it could reach others. */
static void
out_arrival(struct call *call, const struct version_facts *facts)
{
    out_time(&call->out, "arrived_at", _("At the server"), facts->arrived_ms);
    if (facts->arrived_ms == 0)
        out_text(&call->out, NULL, _("At the server"),
                 facts->is_waiting ? _("not yet: it waits on this device")
                                   : _("not known: it came by a file, or is on its way"));
}

static enum rc
out_side(struct call *call, const struct conflict *conflict, const struct side *side,
         const struct schema_unit *unit, const struct buf *base)
{
    struct version_facts facts;
    enum rc rc = replica_version_facts(call->replica, conflict->stream, &side->version, &facts);

    out_text(&call->out, "mark", NULL, side->mark);
    if (rc == RC_OK)
        rc = call_out_written(call, side->person, side->version.feed.device, side->hlc);
    if (rc == RC_OK)
        out_arrival(call, &facts);
    if (rc == RC_OK)
        rc = out_seen(call, conflict, &facts);
    out_bool(&call->out, "is_shown", NULL, side->is_shown);
    if (rc == RC_OK)
        rc = value_out(call, unit, side->value.data, side->value.len);
    if (rc == RC_OK && base != NULL)
        rc = value_out_diff(call, "since_base", unit, base, &side->value);
    free(facts.seen);
    return rc;
}

static enum rc
out_sides(struct call *call, const struct conflict *conflict, const struct versions *versions,
          const struct schema_unit *unit, const struct buf *base)
{
    enum rc rc = RC_OK;

    out_list(&call->out, "versions", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < versions->count; i++) {
        out_row(&call->out);
        out_int(&call->out, "number", _("Version"), (int64_t)i + 1);
        rc = out_side(call, conflict, &versions->sides[i], unit, base);
        out_row_end(&call->out);
    }
    out_list_end(&call->out, NULL);
    out_int(&call->out, "versions_left_out", NULL, (int64_t)versions->left_out);
    if (versions->left_out > 0)
        out_line(&call->out,
                 P_("And %zu more version, which comes once these are resolved.",
                    "And %zu more versions, which come once these are resolved.", versions->left_out),
                 versions->left_out);
    return rc;
}

/* Every other version against the first, with what differs in brackets. */
static enum rc
out_differences(struct call *call, const struct versions *versions, const struct schema_unit *unit)
{
    struct json_writer *writer = &call->out.writer;
    enum rc rc = RC_OK;

    json_key(writer, "differences");
    json_array_start(writer);
    for (size_t i = 1; rc == RC_OK && i < versions->count; i++) {
        char first[40], other[40];
        (void)snprintf(first, sizeof first, _("version %u"), 1U);
        (void)snprintf(other, sizeof other, _("version %u"), (unsigned)i + 1);
        json_object_start(writer);
        json_put_int(writer, "first", 1);
        json_put_int(writer, "second", (int64_t)i + 1);
        rc = value_out_diff(call, "fields", unit, &versions->sides[0].value,
                            &versions->sides[i].value);
        json_object_end(writer);
        if (rc == RC_OK)
            rc = value_show_diff(call, unit, &versions->sides[0].value, &versions->sides[i].value,
                                 first, other);
    }
    json_array_end(writer);
    return rc;
}

static void
out_null(struct call *call, const char *key)
{
    json_key(&call->out.writer, key);
    json_null(&call->out.writer);
}

static enum rc
out_base(struct call *call, const struct schema_unit *unit, const struct buf *base, uint64_t hlc)
{
    if (base == NULL) {
        out_null(call, "base");
        return RC_OK;
    }
    out_object(&call->out, "base");
    out_line(&call->out, "%s", _("Before, all had:"));
    out_time(&call->out, "at", _("When"), hlc_ms(hlc));
    enum rc rc = value_out(call, unit, base->data, base->len);
    out_object_end(&call->out);
    return rc;
}

/* What all changed, together, where nobody changed what another did. */
static enum rc
out_proposal(struct call *call, const struct versions *versions, const struct schema_unit *unit,
             const struct buf *base, bool *has_proposal)
{
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    enum rc rc = conflict_proposal(versions, unit, base, &value, has_proposal);

    if (rc == RC_OK && !*has_proposal)
        out_null(call, "proposal");
    if (rc == RC_OK && *has_proposal) {
        out_object(&call->out, "proposal");
        out_line(&call->out, "%s", _("Proposal, with what each changed:"));
        rc = value_out(call, unit, value.data, value.len);
        out_object_end(&call->out);
    }
    buf_wipe(&value);
    return rc;
}

/* What --take understands here. */
static void
out_takes(struct call *call, size_t count, const struct conflict_ways *ways)
{
    const char *proposal = ways->has_proposal ? _("; proposal: what stands there") : "";

    if (!ways->has_text)
        out_line(&call->out, _("To choose, WHAT is 1 to %zu: that version%s:"), count, proposal);
    else if (!ways->needs_version)
        out_line(&call->out, _("To choose, WHAT is 1 to %zu: that version; both: the texts below each other; new: a text of your own "
                               "(--text TEXT)%s:"),
                 count, proposal);
    else
        out_line(&call->out, _("To choose, WHAT is 1 to %zu: that version; both:2: the texts below each other, and all else as in "
                               "version 2; new:2: the same with a text of your own (--text TEXT)%s:"),
                 count, proposal);
}

/* How to choose, or who does. */
static enum rc
out_way(struct call *call, const struct conflict *conflict, const struct versions *versions,
        const char *token, const struct conflict_ways *ways)
{
    char name[64];
    enum rc rc = conflict_may_choose(call, conflict, versions);

    conflict_name(conflict, name);
    out_bool(&call->out, "may_choose", NULL, rc == RC_OK);
    if (rc == RC_DENIED)
        out_line(&call->out, _("Not for you to choose: %s."), rc_sentence());
    if (rc != RC_OK)
        return rc == RC_DENIED ? RC_OK : rc;
    out_takes(call, versions->count, ways);
    out_line(&call->out, "baken resolve %s --token %s --take %s", name, token, _("WHAT"));
    return RC_OK;
}

static enum rc
out_choice(struct call *call, const struct conflict *conflict, const struct versions *versions,
           const char *token)
{
    const struct schema_unit *unit = schema_unit(schema_entity(conflict->entity), conflict->unit);
    struct conflict_ways ways = {.has_proposal = false};
    struct buf value = BUF_EMPTY(CHANGE_VALUE_BYTES);
    bool has_base = false;
    uint64_t hlc = 0;
    enum rc rc = conflict_base(call, conflict, &value, &hlc, &has_base);
    const struct buf *base = has_base ? &value : NULL;

    if (rc == RC_OK)
        rc = out_base(call, unit, base, hlc);
    if (rc == RC_OK)
        rc = out_sides(call, conflict, versions, unit, base);
    if (rc == RC_OK)
        rc = out_differences(call, versions, unit);
    if (rc == RC_OK)
        rc = out_proposal(call, versions, unit, base, &ways.has_proposal);
    if (rc == RC_OK)
        rc = conflict_texts(versions, unit, base, &ways);
    buf_wipe(&value);
    return rc == RC_OK ? out_way(call, conflict, versions, token, &ways) : rc;
}

static enum rc
show_conflict(struct call *call, const struct conflict *conflict)
{
    const struct schema_entity *entity = schema_entity(conflict->entity);
    const char *policy = schema_policy_name(schema_policy(conflict->entity, conflict->unit));
    struct versions versions = {.count = 0};
    char number[16], name[64], token[CONFLICT_TOKEN_BYTES] = "";
    enum rc rc = conflict_versions(call, conflict, &versions);

    conflict_token(&versions, token);
    conflict_name(conflict, name);
    out_row(&call->out);
    out_text(&call->out, "id", _("Two versions"), name);
    out_id(&call->out, "record", NULL, conflict->record);
    if (rc == RC_OK)
        rc = call_out_family(call, "family", _("Family"), conflict->family);
    out_word(&call->out, "entity", _("What"), entity == NULL ? NULL : entity->name,
             words_entity(entity == NULL ? NULL : entity->name));
    out_word(&call->out, "unit", _("Part"), conflict_unit_name(conflict, number),
             words_say(conflict_unit_name(conflict, number)));
    out_text(&call->out, "policy", NULL, policy);
    out_text(&call->out, "token", _("Token"), token);
    if (rc == RC_OK)
        rc = out_choice(call, conflict, &versions, token);
    out_row_end(&call->out);
    conflict_versions_wipe(&versions);
    return rc;
}

enum rc
cmd_conflicts(struct call *call)
{
    struct conflicts all = {.items = NULL};
    size_t shown = 0;
    enum rc rc = call_open_team(call);

    if (rc == RC_OK)
        rc = conflict_list(call, &all);
    if (rc == RC_OK)
        out_list(&call->out, "conflicts", OUT_BLOCKS);
    for (size_t i = 0; rc == RC_OK && i < all.count; i++) {
        if (call->word_count > 0 && !conflict_is_meant(&all.items[i], call->words[0]))
            continue;
        rc = show_conflict(call, &all.items[i]);
        shown++;
    }
    free(all.items);
    if (rc != RC_OK)
        return rc;
    if (call->word_count > 0 && shown == 0)
        return conflict_fail_single(call, call->words[0]);
    out_list_end(&call->out, _("Nothing has two versions."));
    return RC_OK;
}
