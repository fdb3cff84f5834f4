/* The ledger's state: what each kind of line changes in its tables. */
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "sync/ledger_inside.h"

/* Appends `*item` to a table and enters it under its first `key_len` bytes. */
#define ADD(ledger, name, item, key_len, rc)                                                       \
    do {                                                                                           \
        void *grown = array_grow((ledger)->name, &(ledger)->name##_room,                           \
                                 (ledger)->name##_count + 1, sizeof *(ledger)->name);              \
        (rc) = grown == NULL ? RC_NOMEM : RC_OK;                                                   \
        if ((rc) == RC_OK) {                                                                       \
            (ledger)->name = grown;                                                                \
            (ledger)->name[(ledger)->name##_count] = *(item);                                      \
            (rc) = ledger_inside_enter(&(ledger)->name##_by_key, (ledger)->name,                   \
                                       sizeof *(ledger)->name, (key_len));                         \
        }                                                                                          \
        if ((rc) == RC_OK)                                                                         \
            (ledger)->name##_count++;                                                              \
    } while (0)

static enum rc
set_roles(const struct ledger *ledger, struct inside_person *person, uint32_t roles)
{
    struct inside_role *history =
        array_one_more(person->roles, person->role_count, sizeof *history);

    if (history == NULL)
        return RC_NOMEM;
    person->roles = history;
    history[person->role_count++] = (struct inside_role){ledger_inside_now(ledger), roles};
    person->facts.roles = roles;
    return RC_OK;
}

static enum rc
add_person(struct ledger *ledger, struct id id, uint32_t roles, const struct ledger_text *name)
{
    struct inside_person person = {
        .facts = {.id = id, .name = *name, .since = ledger_inside_now(ledger)}};
    enum rc rc;

    ADD(ledger, persons, &person, ID_BYTES, rc);
    return rc == RC_OK ? set_roles(ledger, &ledger->persons[ledger->persons_count - 1], roles) : rc;
}

static enum rc
add_device(struct ledger *ledger, struct id person, const uint8_t *sign_public,
           const uint8_t *box_public, const struct ledger_text *label)
{
    struct inside_device device = {
        .facts = {.person = person, .label = *label, .since = ledger_inside_now(ledger)}};
    enum rc rc;

    device.facts.id = identity_device_id(sign_public, box_public);
    memcpy(device.facts.sign_public, sign_public, CRYPTO_PUBLIC_BYTES);
    memcpy(device.facts.box_public, box_public, CRYPTO_PUBLIC_BYTES);
    device.person = (uint32_t)(ledger_inside_person(ledger, person) - ledger->persons);
    ADD(ledger, devices, &device, ID_BYTES, rc);
    return rc;
}

static enum rc
add_stream(struct ledger *ledger, struct id id, enum stream_kind kind, uint32_t family)
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
    *server = (struct inside_server){.position = ledger_inside_now(ledger)};
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
        rc = add_stream(ledger, create->team_stream, STREAM_TEAM, INSIDE_NO_FAMILY);
    if (rc == RC_OK)
        rc = add_stream(ledger, ledger_reserve(), STREAM_RESERVE, INSIDE_NO_FAMILY);
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
                                            .position = ledger_inside_now(ledger)}};
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

    used->used = ledger_inside_now(ledger);
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
    history[family->assigned_count++] =
        (struct inside_assigned){ledger_inside_now(ledger), person, function};
    return RC_OK;
}

static enum rc
set_owner(const struct ledger *ledger, struct inside_family *family, struct id owner)
{
    enum rc rc = RC_OK;

    if (family->owned != 0)
        rc = set_function(ledger, family, family->facts.owner, LEDGER_COACH);
    else
        family->owned = ledger_inside_now(ledger);
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
                                             .since = ledger_inside_now(ledger)}};
    uint32_t at = (uint32_t)ledger->families_count;
    enum rc rc;

    ADD(ledger, families, &family, ID_BYTES, rc);
    if (rc == RC_OK && !id_is_zero(asked->owner))
        rc = set_owner(ledger, &ledger->families[at], asked->owner);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->index, STREAM_INDEX, at);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->file, STREAM_FILE, at);
    if (rc == RC_OK)
        rc = add_stream(ledger, asked->shielded, STREAM_SHIELDED, at);
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
                  .given = ledger_inside_now(ledger),
                  .family_count = op->family_count}};
    uint32_t at = (uint32_t)ledger->covers_count;
    enum rc rc;

    cover.families = calloc(op->family_count, sizeof *cover.families);
    if (cover.families == NULL)
        return rc_nomem();
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
    return ledger_inside_open_cover(ledger, at);
}

static enum rc
keep_heads(struct ledger *ledger, const struct ledger_heads *heads, bool are_admitted)
{
    if (heads->count == 0)
        return RC_OK;
    struct inside_heads *all = array_one_more(ledger->heads, ledger->heads_count, sizeof *all);
    if (all == NULL)
        return RC_NOMEM;
    ledger->heads = all;
    if (are_admitted) {
        uint32_t *admits = array_one_more(ledger->admits, ledger->admits_count, sizeof *admits);
        if (admits == NULL)
            return RC_NOMEM;
        ledger->admits = admits;
        admits[ledger->admits_count++] = (uint32_t)ledger->heads_count;
    }
    struct inside_heads kept = {ledger_inside_now(ledger), calloc(heads->count, sizeof *kept.items),
                                heads->count};
    if (kept.items == NULL)
        return rc_nomem();
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
    cover->ended = ledger_inside_now(ledger);
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
        ledger_inside_cover(ledger, op->as.cover_accept)->facts.accepted =
            ledger_inside_now(ledger);
        return RC_OK;
    case LEDGER_COVER_END:
        end_cover(ledger, &op->as.cover_end);
        return RC_OK;
    case LEDGER_REVOKE_DEVICE:
        ledger_inside_device(ledger, op->as.revoke_device)->facts.revoked =
            ledger_inside_now(ledger);
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

enum rc
ledger_inside_apply(struct ledger *ledger, const struct ledger_op *op,
                    const struct inside_line *line)
{
    enum rc rc = apply_payload(ledger, op, line);

    if (rc == RC_OK)
        rc = keep_heads(ledger, &op->heads, op->kind == LEDGER_ADMIT);
    if (rc == RC_OK)
        rc = ledger_inside_give_keys(ledger, op);
    if (rc == RC_OK)
        ADD(ledger, lines, line, CRYPTO_HASH_BYTES, rc);
    if (rc == RC_OK) /* with the line among the others: rights are asked at the head */
        ledger_inside_mark_lapsed(ledger, op, line->time_ms);
    else
        ledger->broken = true;
    return rc;
}
