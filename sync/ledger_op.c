/* The operations of the ledger as bytes, their signature, and the line round one. */
#include "sync/ledger_op.h"

#include <string.h>

#include "core/i18n.h"
#include "core/version.h"
#include "sync/ledger_item.h"
#include "sync/writer.h"

const char *
ledger_kind_name(enum ledger_kind kind)
{
    static const char *const NAMES[LEDGER_KIND_COUNT] = {
        [LEDGER_CREATE_TEAM] = "create_team",
        [LEDGER_INVITE] = "invite",
        [LEDGER_APPROVE] = "approve",
        [LEDGER_ROLE] = "role",
        [LEDGER_FAMILY] = "family",
        [LEDGER_ASSIGN] = "assign",
        [LEDGER_GRANT] = "grant",
        [LEDGER_COVER_GIVE] = "cover_give",
        [LEDGER_COVER_ACCEPT] = "cover_accept",
        [LEDGER_COVER_END] = "cover_end",
        [LEDGER_ROTATE] = "rotate",
        [LEDGER_REVOKE_DEVICE] = "revoke_device",
        [LEDGER_SERVER] = "server",
        [LEDGER_ADMIT] = "admit",
    };

    return (unsigned)kind < LEDGER_KIND_COUNT && NAMES[kind] != NULL ? NAMES[kind] : "unknown";
}

struct id
ledger_reserve(void)
{
    struct id id;

    memset(id.bytes, 0xff, sizeof id.bytes);
    return id;
}

struct id
ledger_link(void)
{
    return (struct id){{0}};
}

/* ---- payloads, written ---- */

static void
put_key(struct writer *writer, const uint8_t *key)
{
    writer_bytes(writer, key, CRYPTO_PUBLIC_BYTES);
}

static void
put_create_team(struct writer *writer, const struct ledger_create_team *create)
{
    writer_id(writer, create->person);
    writer_u32(writer, create->roles);
    put_key(writer, create->sign_public);
    put_key(writer, create->box_public);
    writer_id(writer, create->team_stream);
    put_key(writer, create->reserve_public);
    put_key(writer, create->server_public);
    writer_text(writer, create->address);
    ledger_item_put_text(writer, &create->name);
    ledger_item_put_text(writer, &create->label);
}

static void
put_invite(struct writer *writer, const struct ledger_invite *invite)
{
    put_key(writer, invite->invite_public);
    writer_id(writer, invite->person);
    writer_u32(writer, invite->roles);
    writer_u64(writer, invite->expires_ms);
    ledger_item_put_text(writer, &invite->name);
}

static void
put_approve(struct writer *writer, const struct ledger_approve *approve)
{
    uint8_t request[JOINING_REQUEST_BYTES];

    joining_request_encode(&approve->request, request);
    writer_block(writer, request, sizeof request);
    ledger_item_put_text(writer, &approve->label);
}

static void
put_family(struct writer *writer, const struct ledger_family_new *family)
{
    writer_id(writer, family->family);
    writer_id(writer, family->index);
    writer_id(writer, family->file);
    writer_id(writer, family->shielded);
    writer_id(writer, family->owner);
}

static void
put_cover_give(struct writer *writer, const struct ledger_op *op)
{
    writer_id(writer, op->as.cover_give.cover);
    writer_id(writer, op->as.cover_give.person);
    writer_u64(writer, op->as.cover_give.from_ms);
    writer_u64(writer, op->as.cover_give.until_ms);
    writer_u8(writer, op->as.cover_give.scope);
    writer_varint(writer, op->family_count);
    for (size_t i = 0; i < op->family_count; i++)
        writer_id(writer, op->families[i]);
}

static void
put_payload(struct writer *writer, const struct ledger_op *op)
{
    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        put_create_team(writer, &op->as.create_team);
        break;
    case LEDGER_INVITE:
        put_invite(writer, &op->as.invite);
        break;
    case LEDGER_APPROVE:
        put_approve(writer, &op->as.approve);
        break;
    case LEDGER_ROLE:
        writer_id(writer, op->as.role.person);
        writer_u32(writer, op->as.role.was);
        writer_u32(writer, op->as.role.roles);
        ledger_item_put_heads(writer, &op->heads);
        break;
    case LEDGER_FAMILY:
        put_family(writer, &op->as.family);
        break;
    case LEDGER_ASSIGN:
        writer_id(writer, op->as.assign.family);
        writer_id(writer, op->as.assign.person);
        writer_u8(writer, op->as.assign.was);
        writer_u8(writer, op->as.assign.function);
        ledger_item_put_heads(writer, &op->heads);
        break;
    case LEDGER_COVER_GIVE:
        put_cover_give(writer, op);
        break;
    case LEDGER_COVER_ACCEPT:
        writer_id(writer, op->as.cover_accept);
        break;
    case LEDGER_COVER_END:
        writer_id(writer, op->as.cover_end.cover);
        writer_u8(writer, op->as.cover_end.why);
        ledger_item_put_heads(writer, &op->heads);
        break;
    case LEDGER_ROTATE:
        writer_u8(writer, op->as.rotate.has_reserve);
        if (op->as.rotate.has_reserve)
            put_key(writer, op->as.rotate.reserve_public);
        break;
    case LEDGER_REVOKE_DEVICE:
        writer_id(writer, op->as.revoke_device);
        ledger_item_put_heads(writer, &op->heads);
        break;
    case LEDGER_SERVER:
        put_key(writer, op->as.server.server_public);
        writer_text(writer, op->as.server.address);
        break;
    case LEDGER_ADMIT:
        ledger_item_put_heads(writer, &op->heads);
        break;
    case LEDGER_GRANT:
    case LEDGER_KIND_COUNT:
        break;
    }
}

enum rc
ledger_op_sign(struct ledger_op *op, const struct identity *author, struct wire_boxes *boxes,
               struct buf *out)
{
    buf_clear(out);
    struct writer writer = writer_of(out);

    op->author = author->device;
    random_fill(op->nonce.bytes, sizeof op->nonce.bytes);
    memset(op->boxes_hash, 0, sizeof op->boxes_hash);
    if (boxes != NULL) {
        wire_boxes_sort(boxes);
        wire_boxes_hash(boxes, op->boxes_hash);
    }
    writer_u8(&writer, LEDGER_FORMAT);
    writer_u8(&writer, (uint8_t)op->kind);
    writer_bytes(&writer, op->team, sizeof op->team);
    writer_id(&writer, op->author);
    writer_u64(&writer, op->seen);
    writer_bytes(&writer, op->seen_hash, sizeof op->seen_hash);
    writer_u64(&writer, op->created_ms);
    writer_u64(&writer, op->not_after_ms);
    writer_u32(&writer, op->reserve_epoch);
    writer_id(&writer, op->nonce);
    size_t length_at = out->len;
    writer_u32(&writer, 0); /* written over below */
    put_payload(&writer, op);
    size_t payload_end = out->len;
    writer_varint(&writer, op->part_count);
    for (size_t i = 0; i < op->part_count; i++)
        ledger_item_put_part(&writer, &op->parts[i]);
    writer_bytes(&writer, op->boxes_hash, sizeof op->boxes_hash);
    if (writer.rc == RC_OK && out->len > WIRE_OPERATION_BYTES - CRYPTO_SIGNATURE_BYTES)
        writer.rc = rc_fail(RC_TOO_LARGE, _("an operation of %zu bytes"), out->len);
    if (writer.rc == RC_OK) {
        size_t payload = payload_end - length_at - 4;
        for (unsigned i = 0; i < 4; i++)
            out->data[length_at + i] = (uint8_t)(payload >> (24 - 8 * i));
        writer.rc = identity_sign(author, "baken ledger 1", writer_begin(&writer),
                                  writer_len(&writer), op->signature);
    }
    writer_bytes(&writer, op->signature, sizeof op->signature);
    return writer_finish(&writer);
}

/* ---- payloads, read ---- */

static void
get_key(struct reader *reader, uint8_t key[CRYPTO_PUBLIC_BYTES])
{
    reader_copy(reader, key, CRYPTO_PUBLIC_BYTES);
}

static bool
get_bool(struct reader *reader)
{
    uint8_t value = reader_u8(reader);

    if (value > 1)
        reader->failed = true;
    return value == 1;
}

static void
get_create_team(struct reader *reader, struct ledger_create_team *create)
{
    create->person = reader_id(reader);
    create->roles = reader_u32(reader);
    get_key(reader, create->sign_public);
    get_key(reader, create->box_public);
    create->team_stream = reader_id(reader);
    get_key(reader, create->reserve_public);
    get_key(reader, create->server_public);
    reader_ascii(reader, JOINING_ADDRESS_BYTES, create->address);
    ledger_item_get_text(reader, &create->name);
    ledger_item_get_text(reader, &create->label);
}

static enum rc
get_approve(struct reader *reader, struct ledger_approve *approve)
{
    size_t len;
    const uint8_t *request = reader_block(reader, JOINING_REQUEST_BYTES, &len);

    ledger_item_get_text(reader, &approve->label);
    if (reader->failed)
        return RC_OK; /* reader_finish says so */
    return joining_request_decode(request, len, &approve->request);
}

static enum rc
get_cover_give(struct reader *reader, struct ledger_op *op)
{
    struct ledger_cover_give *give = &op->as.cover_give;

    give->cover = reader_id(reader);
    give->person = reader_id(reader);
    give->from_ms = reader_u64(reader);
    give->until_ms = reader_u64(reader);
    give->scope = reader_u8(reader);
    uint64_t count = reader_count(reader, LEDGER_MAX_FAMILIES);
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct id family = reader_id(reader);
        if (i > 0 && id_compare(op->families[i - 1], family) >= 0)
            reader->failed = true;
        enum rc rc = reader->failed ? RC_OK : ledger_op_add_family(op, family);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

static enum rc
get_payload(struct reader *reader, struct ledger_op *op)
{
    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        get_create_team(reader, &op->as.create_team);
        break;
    case LEDGER_INVITE:
        get_key(reader, op->as.invite.invite_public);
        op->as.invite.person = reader_id(reader);
        op->as.invite.roles = reader_u32(reader);
        op->as.invite.expires_ms = reader_u64(reader);
        ledger_item_get_text(reader, &op->as.invite.name);
        break;
    case LEDGER_APPROVE:
        return get_approve(reader, &op->as.approve);
    case LEDGER_ROLE:
        op->as.role.person = reader_id(reader);
        op->as.role.was = reader_u32(reader);
        op->as.role.roles = reader_u32(reader);
        return ledger_item_get_heads(reader, &op->heads);
    case LEDGER_FAMILY:
        op->as.family.family = reader_id(reader);
        op->as.family.index = reader_id(reader);
        op->as.family.file = reader_id(reader);
        op->as.family.shielded = reader_id(reader);
        op->as.family.owner = reader_id(reader);
        break;
    case LEDGER_ASSIGN:
        op->as.assign.family = reader_id(reader);
        op->as.assign.person = reader_id(reader);
        op->as.assign.was = reader_u8(reader);
        op->as.assign.function = reader_u8(reader);
        return ledger_item_get_heads(reader, &op->heads);
    case LEDGER_COVER_GIVE:
        return get_cover_give(reader, op);
    case LEDGER_COVER_ACCEPT:
        op->as.cover_accept = reader_id(reader);
        break;
    case LEDGER_COVER_END:
        op->as.cover_end.cover = reader_id(reader);
        op->as.cover_end.why = reader_u8(reader);
        return ledger_item_get_heads(reader, &op->heads);
    case LEDGER_ROTATE:
        op->as.rotate.has_reserve = get_bool(reader);
        if (op->as.rotate.has_reserve)
            get_key(reader, op->as.rotate.reserve_public);
        break;
    case LEDGER_REVOKE_DEVICE:
        op->as.revoke_device = reader_id(reader);
        return ledger_item_get_heads(reader, &op->heads);
    case LEDGER_SERVER:
        get_key(reader, op->as.server.server_public);
        reader_ascii(reader, JOINING_ADDRESS_BYTES, op->as.server.address);
        break;
    case LEDGER_ADMIT:
        return ledger_item_get_heads(reader, &op->heads);
    case LEDGER_GRANT:
    case LEDGER_KIND_COUNT:
        break;
    }
    return RC_OK;
}

static uint32_t
roles_named(const struct ledger_op *op)
{
    switch (op->kind) {
    case LEDGER_CREATE_TEAM:
        return op->as.create_team.roles;
    case LEDGER_INVITE:
        return op->as.invite.roles;
    case LEDGER_ROLE:
        return op->as.role.roles | op->as.role.was;
    default:
        return 0;
    }
}

static enum rc
decode(struct reader *reader, struct ledger_op *op)
{
    reader_copy(reader, op->team, sizeof op->team);
    op->author = reader_id(reader);
    op->seen = reader_u64(reader);
    reader_copy(reader, op->seen_hash, sizeof op->seen_hash);
    op->created_ms = reader_u64(reader);
    op->not_after_ms = reader_u64(reader);
    op->reserve_epoch = reader_u32(reader);
    op->nonce = reader_id(reader);
    size_t payload_len = reader_u32(reader);
    const uint8_t *payload = reader_bytes(reader, payload_len);
    struct reader inside = reader_of(payload, reader->failed ? 0 : payload_len);
    enum rc rc = get_payload(&inside, op);
    if (rc == RC_OK)
        rc = reader_finish(&inside, _("the operation's payload"));
    if (rc == RC_OK)
        rc = ledger_item_get_parts(reader, op);
    if (rc != RC_OK)
        return rc;
    reader_copy(reader, op->boxes_hash, sizeof op->boxes_hash);
    reader_copy(reader, op->signature, sizeof op->signature);
    rc = reader_finish(reader, _("the operation"));
    if (rc == RC_OK && (roles_named(op) & ~(uint32_t)LEDGER_ROLES_ALL) != 0)
        rc = rc_fail(RC_UNSUPPORTED, _("a role that a newer program knows"));
    return rc;
}

enum rc
ledger_op_decode(const void *bytes, size_t len, struct ledger_op *op)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);
    uint8_t kind = reader_u8(&reader);

    ledger_op_wipe(op);
    if (len > WIRE_OPERATION_BYTES)
        return rc_fail(RC_TOO_LARGE, _("an operation of %zu bytes"), len);
    if (!reader.failed && (format != LEDGER_FORMAT || kind == 0 || kind >= LEDGER_KIND_COUNT))
        return rc_fail(RC_UNSUPPORTED,
                       _("an operation of format %u, kind %u, made by a newer program"), format,
                       kind);
    op->kind = (enum ledger_kind)kind;
    if (reader.failed)
        return reader_finish(&reader, _("the operation"));
    enum rc rc = decode(&reader, op);
    if (rc != RC_OK)
        ledger_op_wipe(op);
    return rc == RC_INVALID ? rc_fail(RC_CORRUPT, _("the operation is out of order")) : rc;
}

void
ledger_op_hash(const void *bytes, size_t len, uint8_t hash[CRYPTO_HASH_BYTES])
{
    crypto_hash_once("baken op 1", bytes, len, hash);
}

bool
ledger_op_verify(const void *bytes, size_t len, const uint8_t *sign_public)
{
    if (len < CRYPTO_SIGNATURE_BYTES)
        return false;
    size_t signed_len = len - CRYPTO_SIGNATURE_BYTES;
    return crypto_verify(sign_public, "baken ledger 1", bytes, signed_len,
                         (const uint8_t *)bytes + signed_len);
}

enum rc
ledger_line_encode(const struct ledger_line *line, struct buf *out)
{
    buf_clear(out);
    struct writer writer = writer_of(out);

    writer_u64(&writer, line->position);
    writer_bytes(&writer, line->previous, sizeof line->previous);
    writer_u64(&writer, line->time_ms);
    writer_u32(&writer, (uint32_t)line->op_len);
    writer_bytes(&writer, line->op, line->op_len);
    return writer_finish(&writer);
}

enum rc
ledger_line_decode(const void *bytes, size_t len, struct ledger_line *line)
{
    struct reader reader = reader_of(bytes, len);

    line->position = reader_u64(&reader);
    reader_copy(&reader, line->previous, sizeof line->previous);
    line->time_ms = reader_u64(&reader);
    line->op_len = reader_u32(&reader);
    if (line->op_len > WIRE_OPERATION_BYTES || line->position == 0)
        reader.failed = true;
    line->op = reader_bytes(&reader, line->op_len);
    return reader_finish(&reader, _("the ledger line"));
}

void
ledger_line_hash(const void *bytes, size_t len, uint8_t hash[CRYPTO_HASH_BYTES])
{
    crypto_hash_once("baken line 1", bytes, len, hash);
}
