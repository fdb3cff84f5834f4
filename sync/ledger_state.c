/* The ledger's state: its tables, and what each kind of line changes in them. */
#include <stdlib.h>
#include <string.h>

#include "core/i18n.h"
#include "sync/ledger_inside.h"
#include "sync/writer.h"

/* ---- tables ---- */

struct key {
    const void *bytes;
    size_t len;
};

/* A table seen without its type. */
struct table {
    const void *items;
    size_t item_bytes;
    const struct ledger_index *by_key;
};

#define TABLE(ledger, name)                                                                        \
    ((struct table){(ledger)->name, sizeof *(ledger)->name, &(ledger)->name##_by_key})

static const void *
item_at(struct table table, size_t rank)
{
    return (const uint8_t *)table.items + table.by_key->order[rank] * table.item_bytes;
}

/* The rank of the first item whose key is not below `key`. */
static size_t
rank_of(struct table table, struct key key, bool *found)
{
    size_t low = 0;
    size_t high = table.by_key->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (memcmp(item_at(table, middle), key.bytes, key.len) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *found = low < table.by_key->count && memcmp(item_at(table, low), key.bytes, key.len) == 0;
    return low;
}

/* The index of the item with this key; -1 for none. */
static ptrdiff_t
find(struct table table, const void *key, size_t key_len)
{
    bool found;
    size_t rank = rank_of(table, (struct key){key, key_len}, &found);

    return found ? (ptrdiff_t)table.by_key->order[rank] : -1;
}

/* Puts the item that was added last into the order. */
static enum rc
enter(struct ledger_index *index, struct table table, size_t key_len)
{
    bool found;
    uint32_t *order = array_one_more(index->order, index->count, sizeof *order);

    if (order == NULL)
        return RC_NOMEM;
    index->order = order;
    size_t added = index->count;
    const uint8_t *key = (const uint8_t *)table.items + added * table.item_bytes;
    size_t rank = rank_of(table, (struct key){key, key_len}, &found);
    memmove(&order[rank + 1], &order[rank], (index->count - rank) * sizeof *order);
    order[rank] = (uint32_t)added;
    index->count++;
    return RC_OK;
}

/* Appends `*item` to a table and enters it under its first `key_len` bytes. */
#define ADD(ledger, name, item, key_len, rc)                                                       \
    do {                                                                                           \
        void *grown = array_grow((ledger)->name, &(ledger)->name##_room,                           \
                                 (ledger)->name##_count + 1, sizeof *(ledger)->name);              \
        (rc) = grown == NULL ? RC_NOMEM : RC_OK;                                                   \
        if ((rc) == RC_OK) {                                                                       \
            (ledger)->name = grown;                                                                \
            (ledger)->name[(ledger)->name##_count] = *(item);                                      \
            (rc) = enter(&(ledger)->name##_by_key, TABLE(ledger, name), (key_len));                \
        }                                                                                          \
        if ((rc) == RC_OK)                                                                         \
            (ledger)->name##_count++;                                                              \
    } while (0)

#define FIND(ledger, name, key, key_len)                                                           \
    ptrdiff_t at = find(TABLE(ledger, name), (key), (key_len));                                    \
    return at < 0 ? NULL : &(ledger)->name[at]

struct inside_person *
ledger_inside_person(const struct ledger *ledger, struct id id)
{
    FIND(ledger, persons, id.bytes, ID_BYTES);
}

struct inside_device *
ledger_inside_device(const struct ledger *ledger, struct id id)
{
    FIND(ledger, devices, id.bytes, ID_BYTES);
}

struct inside_family *
ledger_inside_family(const struct ledger *ledger, struct id id)
{
    FIND(ledger, families, id.bytes, ID_BYTES);
}

struct inside_stream *
ledger_inside_stream(const struct ledger *ledger, struct id id)
{
    FIND(ledger, streams, id.bytes, ID_BYTES);
}

struct inside_cover *
ledger_inside_cover(const struct ledger *ledger, struct id id)
{
    FIND(ledger, covers, id.bytes, ID_BYTES);
}

struct inside_invite *
ledger_inside_invite(const struct ledger *ledger, const uint8_t *invite_public)
{
    FIND(ledger, invites, invite_public, CRYPTO_PUBLIC_BYTES);
}

struct inside_line *
ledger_inside_line(const struct ledger *ledger, const uint8_t *op_hash)
{
    FIND(ledger, lines, op_hash, CRYPTO_HASH_BYTES);
}

void
ledger_inside_wipe(struct ledger *ledger)
{
    for (size_t i = 0; i < ledger->persons_count; i++)
        free(ledger->persons[i].roles);
    for (size_t i = 0; i < ledger->families_count; i++) {
        free(ledger->families[i].assigned);
        free(ledger->families[i].covers);
    }
    for (size_t i = 0; i < ledger->streams_count; i++) {
        struct inside_stream *stream = &ledger->streams[i];
        for (uint32_t k = 0; k < stream->facts.epoch; k++) {
            free(stream->epochs[k].given);
            free(stream->epochs[k].lapsed);
        }
        free(stream->epochs);
    }
    for (size_t i = 0; i < ledger->covers_count; i++)
        free(ledger->covers[i].families);
    for (size_t i = 0; i < ledger->heads_count; i++)
        free(ledger->heads[i].items);
    void *owned[] = {ledger->lines,
                     ledger->lines_by_key.order,
                     ledger->persons,
                     ledger->devices,
                     ledger->persons_by_key.order,
                     ledger->families,
                     ledger->streams,
                     ledger->devices_by_key.order,
                     ledger->covers,
                     ledger->invites,
                     ledger->families_by_key.order,
                     ledger->heads,
                     ledger->servers,
                     ledger->streams_by_key.order,
                     ledger->covers_by_key.order,
                     ledger->invites_by_key.order};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
    *ledger = (struct ledger){.broken = false};
}

/* ---- what a line changes ---- */

/* The position of the line that is being taken in. */
static uint64_t
now(const struct ledger *ledger)
{
    return ledger->lines_count + 1;
}

static enum rc
set_roles(const struct ledger *ledger, struct inside_person *person, uint32_t roles)
{
    struct inside_role *history =
        array_one_more(person->roles, person->role_count, sizeof *history);

    if (history == NULL)
        return RC_NOMEM;
    person->roles = history;
    history[person->role_count++] = (struct inside_role){now(ledger), roles};
    person->facts.roles = roles;
    return RC_OK;
}

static enum rc
add_person(struct ledger *ledger, struct id id, uint32_t roles, const struct ledger_text *name)
{
    struct inside_person person = {.facts = {.id = id, .name = *name, .since = now(ledger)}};
    enum rc rc;

    ADD(ledger, persons, &person, ID_BYTES, rc);
    return rc == RC_OK ? set_roles(ledger, &ledger->persons[ledger->persons_count - 1], roles) : rc;
}

static enum rc
add_device(struct ledger *ledger, struct id person, const uint8_t *sign_public,
           const uint8_t *box_public, const struct ledger_text *label)
{
    struct inside_device device = {
        .facts = {.person = person, .label = *label, .since = now(ledger)}};
    enum rc rc;

    device.facts.id = identity_device_id(sign_public, box_public);
    memcpy(device.facts.sign_public, sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(device.facts.box_public, box_public, CRYPTO_PUBLIC_BYTES);
    device.person = (uint32_t)(ledger_inside_person(ledger, person) - ledger->persons);
    ADD(ledger, devices, &device, ID_BYTES, rc);
    return rc;
}

static enum rc
add_stream(struct ledger *ledger, struct id id, enum ledger_stream_kind kind, uint32_t family)
{
    struct inside_stream stream = {.facts = {.id = id, .kind = kind}, .family = family};
    enum rc rc;

    if (family != INSIDE_NO_FAMILY)
        stream.facts.family = ledger->families[family].facts.id;
    ADD(ledger, streams, &stream, ID_BYTES, rc);
    return rc;
}

static enum rc
set_server(struct ledger *ledger, const uint8_t *server_public, const char *address)
{
    struct inside_server *servers =
        array_one_more(ledger->servers, ledger->servers_count, sizeof *servers);

    if (servers == NULL)
        return RC_NOMEM;
    ledger->servers = servers;
    struct inside_server *server = &servers[ledger->servers_count++];
    *server = (struct inside_server){.position = now(ledger)};
    memcpy(server->server_public, server_public, CRYPTO_PUBLIC_BYTES);
    memcpy(server->address, address, sizeof server->address);
    return RC_OK;
}

static enum rc
create_team(struct ledger *ledger, const struct ledger_create_team *create, const uint8_t *op_hash)
{
    enum rc rc;

    memcpy(ledger->team, op_hash, sizeof ledger->team);
    ledger->team_stream = create->team_stream;
    rc = add_person(ledger, create->person, create->roles, &create->name);
    if (rc == RC_OK)
        rc = add_device(ledger, create->person, create->sign_public, create->box_public,
                        &create->label);
    if (rc == RC_OK)
        rc = add_stream(ledger, create->team_stream, LEDGER_STREAM_TEAM, INSIDE_NO_FAMILY);
    if (rc == RC_OK)
        rc = add_stream(ledger, ledger_reserve(), LEDGER_STREAM_RESERVE, INSIDE_NO_FAMILY);
    if (rc == RC_OK)
        rc = set_server(ledger, create->server_public, create->address);
    return rc;
}

static enum rc
invite(struct ledger *ledger, const struct ledger_op *op)
{
    const struct ledger_invite *asked = &op->as.invite;
    struct inside_invite added = {.facts = {.person = asked->person,
                                            .roles = asked->roles,
                                            .expires_ms = asked->expires_ms,
                                            .name = asked->name,
                                            .device = op->author,
                                            .position = now(ledger)}};
    enum rc rc;

    memcpy(added.facts.invite_public, asked->invite_public, CRYPTO_PUBLIC_BYTES);
    ADD(ledger, invites, &added, CRYPTO_PUBLIC_BYTES, rc);
    return rc;
}

static enum rc
approve(struct ledger *ledger, const struct ledger_approve *approve)
{
    const struct joining_request *request = &approve->request;
    struct ledger_invitation *used = &ledger_inside_invite(ledger, request->invite_public)->facts;
    enum rc rc = RC_OK;

    used->used = now(ledger);
    if (ledger_inside_person(ledger, used->person) == NULL)
        rc = add_person(ledger, used->person, used->roles, &used->name);
    if (rc == RC_OK)
        rc = add_device(ledger, used->person, request->sign_public, request->box_public,
                        &approve->label);
    return rc;
}

static enum rc
set_function(const struct ledger *ledger, struct inside_family *family, struct id person,
             uint8_t function)
{
    struct inside_assigned *history =
        array_one_more(family->assigned, family->assigned_count, sizeof *history);

    if (history == NULL)
        return RC_NOMEM;
    family->assigned = history;
    history[family->assigned_count++] = (struct inside_assigned){now(ledger), person, function};
    return RC_OK;
}

static enum rc
set_owner(const struct ledger *ledger, struct inside_family *family, struct id owner)
{
    enum rc rc = RC_OK;

    if (family->owned != 0)
        rc = set_function(ledger, family, family->facts.owner, LEDGER_COACH);
    else
        family->owned = now(ledger);
    family->facts.owner = owner;
    return rc == RC_OK ? set_function(ledger, family, owner, LEDGER_OWNER) : rc;
}

static enum rc
add_family(struct ledger *ledger, const struct ledger_family_new *asked)
{
    struct inside_family family = {.facts = {.id = asked->family,
                                             .index = asked->index,
                                             .file = asked->file,
                                             .shielded = asked->shielded,
                                             .since = now(ledger)}};
    uint32_t at = (uint32_t)ledger->families_count;
    enum rc rc;

    ADD(ledger, families, &family, ID_BYTES, rc);
    if (rc == RC_OK && !id_is_zero(asked->owner))
        rc = set_owner(ledger, &ledger->families[at], asked->owner);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->index, LEDGER_STREAM_INDEX, at);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->file, LEDGER_STREAM_FILE, at);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->shielded, LEDGER_STREAM_SHIELDED, at);
    return rc;
}

static enum rc
give_cover(struct ledger *ledger, const struct ledger_op *op)
{
    const struct ledger_cover_give *give = &op->as.cover_give;
    struct inside_cover cover = {
        .facts = {.id = give->cover,
                  .person = give->person,
                  .given_by = ledger_inside_device(ledger, op->author)->facts.person,
                  .from_ms = give->from_ms,
                  .until_ms = give->until_ms,
                  .scope = give->scope,
                  .state = LEDGER_COVER_GIVEN,
                  .given = now(ledger),
                  .family_count = op->family_count}};
    uint32_t at = (uint32_t)ledger->covers_count;
    enum rc rc;

    cover.families = calloc(op->family_count, sizeof *cover.families);
    if (cover.families == NULL)
        return rc_fail(RC_NOMEM, _("out of memory"));
    memcpy(cover.families, op->families, op->family_count * sizeof *cover.families);
    cover.facts.families = cover.families;
    ADD(ledger, covers, &cover, ID_BYTES, rc);
    if (rc != RC_OK) {
        free(cover.families);
        return rc;
    }
    for (size_t i = 0; i < op->family_count; i++) {
        struct inside_family *family = ledger_inside_family(ledger, op->families[i]);
        uint32_t *covers = array_one_more(family->covers, family->cover_count, sizeof *covers);
        if (covers == NULL)
            return RC_NOMEM;
        family->covers = covers;
        covers[family->cover_count++] = at;
    }
    return RC_OK;
}

static enum rc
keep_heads(struct ledger *ledger, const struct ledger_heads *heads)
{
    if (heads->count == 0)
        return RC_OK;
    struct inside_heads *all = array_one_more(ledger->heads, ledger->heads_count, sizeof *all);
    if (all == NULL)
        return RC_NOMEM;
    ledger->heads = all;
    struct inside_heads kept = {now(ledger), calloc(heads->count, sizeof *kept.items),
                                heads->count};
    if (kept.items == NULL)
        return rc_fail(RC_NOMEM, _("out of memory"));
    memcpy(kept.items, heads->items, heads->count * sizeof *kept.items);
    all[ledger->heads_count++] = kept;
    return RC_OK;
}

static void
end_cover(const struct ledger *ledger, const struct ledger_cover_end *end)
{
    struct ledger_cover *cover = &ledger_inside_cover(ledger, end->cover)->facts;

    cover->state = LEDGER_COVER_ENDED;
    cover->why = end->why;
    cover->ended = now(ledger);
}

static enum rc
assign(const struct ledger *ledger, const struct ledger_assign *asked)
{
    struct inside_family *family = ledger_inside_family(ledger, asked->family);

    if (asked->function == LEDGER_OWNER)
        return set_owner(ledger, family, asked->person);
    return set_function(ledger, family, asked->person, asked->function);
}

static enum rc
apply_payload(struct ledger *ledger, const struct ledger_op *op, const struct inside_line *line)
{
    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        return create_team(ledger, &op->as.create_team, line->op_hash);
    case LEDGER_INVITE:
        return invite(ledger, op);
    case LEDGER_APPROVE:
        return approve(ledger, &op->as.approve);
    case LEDGER_ROLE:
        return set_roles(ledger, ledger_inside_person(ledger, op->as.role.person),
                         op->as.role.roles);
    case LEDGER_FAMILY:
        return add_family(ledger, &op->as.family);
    case LEDGER_ASSIGN:
        return assign(ledger, &op->as.assign);
    case LEDGER_COVER_GIVE:
        return give_cover(ledger, op);
    case LEDGER_COVER_ACCEPT:
        ledger_inside_cover(ledger, op->as.cover_accept)->facts.state = LEDGER_COVER_ACCEPTED;
        ledger_inside_cover(ledger, op->as.cover_accept)->facts.accepted = now(ledger);
        return RC_OK;
    case LEDGER_COVER_END:
        end_cover(ledger, &op->as.cover_end);
        return RC_OK;
    case LEDGER_REVOKE_DEVICE:
        ledger_inside_device(ledger, op->as.revoke_device)->facts.revoked = now(ledger);
        ledger_inside_device(ledger, op->as.revoke_device)->facts.revoked_ms = line->time_ms;
        return RC_OK;
    case LEDGER_SERVER:
        return set_server(ledger, op->as.server.server_public, op->as.server.address);
    case LEDGER_ROTATE:
    case LEDGER_GRANT:
    case LEDGER_ADMIT:
    case LEDGER_KIND_COUNT:
        break;
    }
    return RC_OK;
}

/* ---- who was given which key ---- */

/* Marks the boxes of the current epoch whose devices may not hold the stream at this line. */
static void
mark_lapsed(const struct ledger *ledger, const struct inside_stream *stream, uint64_t time_ms)
{
    struct inside_epoch *epoch = ledger_inside_current(stream);

    for (size_t i = 0; epoch != NULL && i < epoch->given_count; i++) {
        const struct inside_device *device = ledger_inside_device(ledger, epoch->given[i]);
        if (device != NULL && !ledger_inside_may_hold(ledger, device, stream, time_ms))
            epoch->lapsed[i] = 1;
    }
}

static void
mark_families(const struct ledger *ledger, const struct id *families, size_t count,
              uint64_t time_ms)
{
    for (size_t i = 0; i < count; i++) {
        const struct ledger_family *family = &ledger_inside_family(ledger, families[i])->facts;
        mark_lapsed(ledger, ledger_inside_stream(ledger, family->index), time_ms);
        mark_lapsed(ledger, ledger_inside_stream(ledger, family->file), time_ms);
    }
}

static void
mark_after(const struct ledger *ledger, const struct ledger_op *op, uint64_t time_ms)
{
    if (op->kind == LEDGER_ROLE || op->kind == LEDGER_REVOKE_DEVICE)
        for (size_t i = 0; i < ledger->streams_count; i++)
            mark_lapsed(ledger, &ledger->streams[i], time_ms);
    if (op->kind == LEDGER_ASSIGN)
        mark_families(ledger, &op->as.assign.family, 1, time_ms);
    for (size_t i = 0; i < ledger->covers_count; i++) {
        struct inside_cover *cover = &ledger->covers[i];
        bool ends_here = cover->facts.ended == now(ledger);
        if (cover->lapsed || (!ends_here && time_ms < cover->facts.until_ms))
            continue;
        mark_families(ledger, cover->families, cover->facts.family_count, time_ms);
        cover->lapsed = true;
    }
}

/* A box given anew may lapse anew. */
static void
wake_covers(const struct ledger *ledger, const struct inside_stream *stream)
{
    if (stream->family == INSIDE_NO_FAMILY)
        return;
    const struct inside_family *family = &ledger->families[stream->family];
    for (size_t i = 0; i < family->cover_count; i++)
        if (ledger->covers[family->covers[i]].facts.state != LEDGER_COVER_ENDED)
            ledger->covers[family->covers[i]].lapsed = false;
}

static enum rc
give(struct inside_epoch *epoch, struct id recipient)
{
    size_t low = 0;
    size_t high = epoch->given_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (id_compare(epoch->given[middle], recipient) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < epoch->given_count && id_equal(epoch->given[low], recipient)) {
        epoch->lapsed[low] = 0;
        return RC_OK;
    }
    struct id *given = array_one_more(epoch->given, epoch->given_count, sizeof *given);
    if (given == NULL)
        return RC_NOMEM;
    epoch->given = given;
    uint8_t *lapsed = array_one_more(epoch->lapsed, epoch->given_count, sizeof *lapsed);
    if (lapsed == NULL)
        return RC_NOMEM;
    epoch->lapsed = lapsed;
    memmove(&given[low + 1], &given[low], (epoch->given_count - low) * sizeof *given);
    memmove(&lapsed[low + 1], &lapsed[low], epoch->given_count - low);
    given[low] = recipient;
    lapsed[low] = 0;
    epoch->given_count++;
    return RC_OK;
}

static enum rc
make_epoch(const struct ledger *ledger, struct inside_stream *stream, const struct ledger_op *op,
           const struct ledger_part *part)
{
    struct inside_epoch *epochs =
        array_one_more(stream->epochs, stream->facts.epoch, sizeof *epochs);

    if (epochs == NULL)
        return RC_NOMEM;
    stream->epochs = epochs;
    struct inside_epoch *epoch = &epochs[stream->facts.epoch++];
    *epoch = (struct inside_epoch){.position = now(ledger)};
    memcpy(epoch->commitment, part->commitment, CRYPTO_HASH_BYTES);
    if (stream->facts.kind == LEDGER_STREAM_RESERVE)
        memcpy(epoch->reserve_public,
               op->kind == LEDGER_CREATE_TEAM ? op->as.create_team.reserve_public
                                              : op->as.rotate.reserve_public,
               CRYPTO_PUBLIC_BYTES);
    for (size_t i = 0; i < part->recipient_count; i++)
        if (id_equal(part->recipients[i], ledger_reserve()))
            epoch->reserve_epoch = op->reserve_epoch;
    return RC_OK;
}

static enum rc
give_keys(const struct ledger *ledger, const struct ledger_op *op)
{
    for (size_t i = 0; i < op->part_count; i++) {
        const struct ledger_part *part = &op->parts[i];
        struct inside_stream *stream = ledger_inside_stream(ledger, part->stream);
        enum rc rc = part->makes ? make_epoch(ledger, stream, op, part) : RC_OK;
        for (size_t k = 0; k < part->recipient_count && rc == RC_OK; k++)
            rc = give(ledger_inside_current(stream), part->recipients[k]);
        if (rc != RC_OK)
            return rc;
        wake_covers(ledger, stream);
    }
    return RC_OK;
}

enum rc
ledger_inside_apply(struct ledger *ledger, const struct ledger_op *op,
                    const struct inside_line *line)
{
    enum rc rc = apply_payload(ledger, op, line);

    if (rc == RC_OK)
        rc = keep_heads(ledger, &op->heads);
    if (rc == RC_OK) {
        mark_after(ledger, op, line->time_ms);
        rc = give_keys(ledger, op);
    }
    if (rc == RC_OK)
        ADD(ledger, lines, line, CRYPTO_HASH_BYTES, rc);
    if (rc != RC_OK)
        ledger->broken = true;
    return rc;
}
