/* The parts that operations are made of: sealed texts, heads, key parts, and the boxes that these ask for. */
#include "sync/ledger_item.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/text.h"

enum {
    GRAIN_BYTES = 64,
    PLAIN_BYTES = LEDGER_SEALED_TEXT_BYTES - CRYPTO_TAG_BYTES,
    HEAD_BYTES = 16 + 16 + 8 + 4 + 32,
    PART_LEAST_BYTES = 16 + 4 + 1 + 1 + 16,
    BOX_BYTES = 53 + CRYPTO_BOX_EXTRA_BYTES, /* u8 1, id stream, u32 epoch, key */
    LINK_BYTES = CRYPTO_NONCE_BYTES + CRYPTO_KEY_BYTES + CRYPTO_TAG_BYTES,
};

/* ---- sealed texts ---- */

static void
associate(struct id subject, uint8_t ad[CRYPTO_CONTEXT_BYTES + ID_BYTES])
{
    static const char CONTEXT[CRYPTO_CONTEXT_BYTES] = "baken name 1";

    memcpy(ad, CONTEXT, CRYPTO_CONTEXT_BYTES);
    memcpy(ad + CRYPTO_CONTEXT_BYTES, subject.bytes, ID_BYTES);
}

enum rc
ledger_text_seal(const struct secret *team_key, uint32_t epoch, struct id subject, const char *text,
                 struct ledger_text *sealed)
{
    uint8_t ad[CRYPTO_CONTEXT_BYTES + ID_BYTES];
    uint8_t plain[PLAIN_BYTES] = {0};
    size_t len = strlen(text);

    *sealed = (struct ledger_text){.epoch = epoch};
    if (len > LEDGER_TEXT_BYTES)
        return rc_fail(RC_TOO_LARGE, _("a name has at most %d bytes"), LEDGER_TEXT_BYTES);
    if (team_key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_LOCKED, _("the key of the team is missing"));
    plain[1] = (uint8_t)len; /* u16, and at most 200 */
    memcpy(plain + 2, text, len);
    size_t padded = (2 + len + GRAIN_BYTES - 1) / GRAIN_BYTES * GRAIN_BYTES;
    random_fill(sealed->nonce, sizeof sealed->nonce);
    associate(subject, ad);
    crypto_seal(team_key->bytes, sealed->nonce, ad, sizeof ad, plain, padded, sealed->bytes);
    sealed->len = (uint16_t)(padded + CRYPTO_TAG_BYTES);
    wipe(plain, sizeof plain);
    return RC_OK;
}

enum rc
ledger_text_open(const struct ledger_text *sealed, const struct secret *team_key, struct id subject,
                 char *text)
{
    uint8_t ad[CRYPTO_CONTEXT_BYTES + ID_BYTES];
    uint8_t plain[PLAIN_BYTES] = {0};
    enum rc rc = rc_fail(RC_CORRUPT, _("the seal of a name does not hold"));

    text[0] = '\0';
    if (team_key->len != CRYPTO_KEY_BYTES)
        return rc_fail(RC_LOCKED, _("the key of the team is missing"));
    if (sealed->len < GRAIN_BYTES + CRYPTO_TAG_BYTES)
        return rc;
    associate(subject, ad);
    if (!crypto_open(team_key->bytes, sealed->nonce, ad, sizeof ad, sealed->bytes, sealed->len,
                     plain))
        return rc;
    size_t padded = sealed->len - (size_t)CRYPTO_TAG_BYTES;
    size_t len = (size_t)plain[0] << 8 | plain[1];
    if (len > LEDGER_TEXT_BYTES || 2 + len > padded)
        goto out;
    for (size_t i = 2 + len; i < padded; i++)
        if (plain[i] != 0)
            goto out;
    if (text_check(plain + 2, len, LEDGER_TEXT_BYTES, _("the name")) != RC_OK) {
        rc = rc_fail(RC_CORRUPT, _("a name on the ledger is no text"));
        goto out;
    }
    memcpy(text, plain + 2, len);
    text[len] = '\0';
    rc = RC_OK;
out:
    wipe(plain, sizeof plain);
    return rc;
}

void
ledger_item_put_text(struct writer *writer, const struct ledger_text *text)
{
    writer_u32(writer, text->epoch);
    writer_bytes(writer, text->nonce, sizeof text->nonce);
    writer_block(writer, text->bytes, text->len);
}

void
ledger_item_get_text(struct reader *reader, struct ledger_text *text)
{
    size_t len;

    *text = (struct ledger_text){.epoch = reader_u32(reader)};
    reader_copy(reader, text->nonce, sizeof text->nonce);
    const uint8_t *bytes = reader_block(reader, LEDGER_SEALED_TEXT_BYTES, &len);
    if (text->epoch == 0 || len < GRAIN_BYTES + CRYPTO_TAG_BYTES ||
        len % GRAIN_BYTES != CRYPTO_TAG_BYTES)
        reader->failed = true;
    if (reader->failed)
        return;
    text->len = (uint16_t)len;
    memcpy(text->bytes, bytes, len);
}

/* ---- heads ---- */

static int
compare_heads(const void *left, const void *right)
{
    const struct ledger_head *a = left;
    const struct ledger_head *b = right;
    int order = id_compare(a->stream, b->stream);

    if (order == 0)
        order = id_compare(a->device, b->device);
    return order != 0 ? order
                      : (a->incarnation > b->incarnation) - (a->incarnation < b->incarnation);
}

void
ledger_heads_wipe(struct ledger_heads *heads)
{
    free(heads->items);
    *heads = LEDGER_HEADS_EMPTY;
}

enum rc
ledger_heads_add(struct ledger_heads *heads, const struct ledger_head *head)
{
    struct ledger_head *items =
        array_grow(heads->items, &heads->room, heads->count + 1, sizeof *items);
    if (items == NULL)
        return RC_NOMEM;
    heads->items = items;
    items[heads->count++] = *head;
    return RC_OK;
}

static void
sort_heads(struct ledger_heads *heads)
{
    if (heads->count > 1)
        qsort(heads->items, heads->count, sizeof *heads->items, compare_heads);
}

void
ledger_item_put_heads(struct writer *writer, const struct ledger_heads *heads)
{
    writer_varint(writer, heads->count);
    for (size_t i = 0; i < heads->count; i++) {
        const struct ledger_head *head = &heads->items[i];
        writer_id(writer, head->stream);
        writer_id(writer, head->device);
        writer_u64(writer, head->incarnation);
        writer_u32(writer, head->last);
        writer_bytes(writer, head->hash, sizeof head->hash);
    }
}

enum rc
ledger_item_get_heads(struct reader *reader, struct ledger_heads *heads)
{
    uint64_t ceiling = reader_left(reader) / HEAD_BYTES;
    uint64_t count = reader_count(reader, ceiling < LEDGER_MAX_HEADS ? ceiling : LEDGER_MAX_HEADS);

    heads->count = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct ledger_head head = {.stream = reader_id(reader)};
        head.device = reader_id(reader);
        head.incarnation = reader_u64(reader);
        head.last = reader_u32(reader);
        reader_copy(reader, head.hash, sizeof head.hash);
        if (head.last == 0 || head.incarnation == 0 ||
            (i > 0 && compare_heads(&heads->items[i - 1], &head) >= 0))
            reader->failed = true;
        enum rc rc = ledger_heads_add(heads, &head);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc
ledger_heads_encode(const struct ledger_heads *heads, struct buf *out)
{
    struct writer writer = writer_of(out);

    ledger_item_put_heads(&writer, heads);
    return writer_finish(&writer);
}

enum rc
ledger_heads_decode(const void *bytes, size_t len, struct ledger_heads *heads)
{
    struct reader reader = reader_of(bytes, len);
    enum rc rc = ledger_item_get_heads(&reader, heads);

    return rc == RC_OK ? reader_finish(&reader, _("the list of heads")) : rc;
}

/* ---- key parts ---- */

static int
compare_parts(const struct ledger_part *part, struct id stream, uint32_t epoch)
{
    int order = id_compare(part->stream, stream);

    return order != 0 ? order : (part->epoch > epoch) - (part->epoch < epoch);
}

enum rc
ledger_op_add_part(struct ledger_op *op, struct id stream, uint32_t epoch,
                   struct ledger_part **part)
{
    size_t at = op->part_count;

    *part = NULL;
    if (op->part_count >= LEDGER_MAX_PARTS)
        return rc_fail(RC_TOO_LARGE, _("more than %d key parts"), LEDGER_MAX_PARTS);
    while (at > 0 && compare_parts(&op->parts[at - 1], stream, epoch) > 0)
        at--;
    if (at > 0 && compare_parts(&op->parts[at - 1], stream, epoch) == 0)
        return rc_fail(RC_EXISTS, _("a key part twice"));
    struct ledger_part *parts = array_one_more(op->parts, op->part_count, sizeof *parts);
    if (parts == NULL)
        return RC_NOMEM;
    op->parts = parts;
    memmove(&parts[at + 1], &parts[at], (op->part_count - at) * sizeof *parts);
    op->part_count++;
    parts[at] = (struct ledger_part){.stream = stream, .epoch = epoch};
    *part = &parts[at];
    return RC_OK;
}

/* Inserts into an ascending array that grows in powers of two. */
static enum rc
insert_id(struct id **ids, size_t *count, size_t ceiling, struct id id)
{
    size_t at = *count;

    if (*count >= ceiling)
        return rc_fail(RC_TOO_LARGE, _("more than %zu in one list"), ceiling);
    while (at > 0 && id_compare((*ids)[at - 1], id) > 0)
        at--;
    if (at > 0 && id_equal((*ids)[at - 1], id))
        return rc_fail(RC_EXISTS, _("one thing twice in a list"));
    struct id *grown = array_one_more(*ids, *count, sizeof *grown);
    if (grown == NULL)
        return RC_NOMEM;
    *ids = grown;
    memmove(&grown[at + 1], &grown[at], (*count - at) * sizeof *grown);
    grown[at] = id;
    (*count)++;
    return RC_OK;
}

enum rc
ledger_part_add_recipient(struct ledger_part *part, struct id recipient)
{
    return insert_id(&part->recipients, &part->recipient_count, LEDGER_MAX_RECIPIENTS, recipient);
}

enum rc
ledger_op_add_family(struct ledger_op *op, struct id family)
{
    return insert_id(&op->families, &op->family_count, LEDGER_MAX_FAMILIES, family);
}

enum rc
ledger_op_add_head(struct ledger_op *op, const struct ledger_head *head)
{
    if (op->heads.count >= LEDGER_MAX_HEADS)
        return rc_fail(RC_TOO_LARGE, _("more than %d heads"), LEDGER_MAX_HEADS);
    for (size_t i = 0; i < op->heads.count; i++)
        if (compare_heads(&op->heads.items[i], head) == 0)
            return rc_fail(RC_EXISTS, _("a head twice"));
    enum rc rc = ledger_heads_add(&op->heads, head);
    if (rc == RC_OK)
        sort_heads(&op->heads);
    return rc;
}

void
ledger_op_wipe(struct ledger_op *op)
{
    for (size_t i = 0; i < op->part_count; i++)
        free(op->parts[i].recipients);
    free(op->parts);
    free(op->families);
    ledger_heads_wipe(&op->heads);
    *op = LEDGER_OP_EMPTY;
}

void
ledger_item_put_part(struct writer *writer, const struct ledger_part *part)
{
    writer_id(writer, part->stream);
    writer_u32(writer, part->epoch);
    writer_u8(writer, part->makes);
    if (part->makes)
        writer_bytes(writer, part->commitment, sizeof part->commitment);
    writer_varint(writer, part->recipient_count);
    for (size_t i = 0; i < part->recipient_count; i++)
        writer_id(writer, part->recipients[i]);
}

static enum rc
get_part(struct reader *reader, struct ledger_op *op)
{
    struct id stream = reader_id(reader);
    uint32_t epoch = reader_u32(reader);
    uint8_t makes = reader_u8(reader);
    struct ledger_part *part;

    if (epoch == 0 || makes > 1 ||
        (op->part_count > 0 && compare_parts(&op->parts[op->part_count - 1], stream, epoch) >= 0))
        reader->failed = true;
    if (reader->failed)
        return RC_OK; /* reader_finish says so */
    enum rc rc = ledger_op_add_part(op, stream, epoch, &part);
    if (rc != RC_OK)
        return rc;
    part->makes = makes == 1;
    if (part->makes)
        reader_copy(reader, part->commitment, sizeof part->commitment);
    uint64_t count = reader_count(reader, LEDGER_MAX_RECIPIENTS);
    if (count == 0)
        reader->failed = true;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        struct id recipient = reader_id(reader);
        if (i > 0 && id_compare(part->recipients[i - 1], recipient) >= 0)
            reader->failed = true;
        rc = reader->failed ? RC_OK : ledger_part_add_recipient(part, recipient);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

enum rc
ledger_item_get_parts(struct reader *reader, struct ledger_op *op)
{
    uint64_t ceiling = reader_left(reader) / PART_LEAST_BYTES;
    uint64_t count = reader_count(reader, ceiling < LEDGER_MAX_PARTS ? ceiling : LEDGER_MAX_PARTS);

    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        enum rc rc = get_part(reader, op);
        if (rc != RC_OK)
            return rc;
    }
    return RC_OK;
}

/* ---- boxes ---- */

static bool
box_is_asked(const struct ledger_part *part, size_t recipient, const struct wire_box *box)
{
    size_t len = id_is_zero(box->recipient) ? LINK_BYTES : BOX_BYTES;

    return id_equal(box->stream, part->stream) && box->epoch == part->epoch &&
           id_equal(box->recipient, part->recipients[recipient]) && box->len == len;
}

enum rc
ledger_op_check_boxes(const struct ledger_op *op, struct wire_boxes *boxes)
{
    uint8_t hash[CRYPTO_HASH_BYTES];
    size_t at = 0;

    wire_boxes_sort(boxes);
    wire_boxes_hash(boxes, hash);
    if (memcmp(hash, op->boxes_hash, sizeof hash) != 0)
        return rc_fail(RC_INVALID, _("the boxes are not those that the operation was signed with"));
    for (size_t i = 0; i < op->part_count; i++)
        for (size_t k = 0; k < op->parts[i].recipient_count; k++, at++)
            if (at >= boxes->count || !box_is_asked(&op->parts[i], k, &boxes->items[at]))
                return rc_fail(RC_INVALID, _("a box is missing, or is there for nobody"));
    if (at != boxes->count)
        return rc_fail(RC_INVALID, _("there are more boxes than recipients"));
    return RC_OK;
}
