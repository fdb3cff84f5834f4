/* Runs: how entries travel in a push, a page and a bundle. */
#include "sync/wire_run.h"

#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "core/i18n.h"
#include "core/version.h"
#include "sync/ack.h"
#include "sync/writer.h"

enum {
    SAME_LEDGER = 1, /* flags of an item */
    BODY_GONE = 2,
    RUN_HEAD_BYTES = 5, /* format, length of the rest */
};

void
wire_run_list_wipe(struct wire_run_list *list)
{
    free(list->items);
    free(list->starts);
    wire_blocks_wipe(&list->unknown);
    *list = WIRE_RUN_LIST_EMPTY;
}

static bool
continues(const struct entry *before, const struct entry *entry)
{
    return id_equal(before->stream, entry->stream) && id_equal(before->device, entry->device) &&
           before->incarnation == entry->incarnation && before->epoch == entry->epoch &&
           before->last != UINT32_MAX && before->last + 1 == entry->first &&
           memcmp(before->hash, entry->previous, sizeof before->hash) == 0;
}

static enum rc
add_item(struct wire_run_list *list, const struct entry *entry, bool begins)
{
    struct entry *items = array_grow(list->items, &list->room, list->count + 1, sizeof *items);
    if (items == NULL)
        return RC_NOMEM;
    list->items = items;
    if (begins) {
        uint32_t *starts =
            array_grow(list->starts, &list->run_room, list->run_count + 1, sizeof *starts);
        if (starts == NULL)
            return RC_NOMEM;
        list->starts = starts;
        starts[list->run_count++] = (uint32_t)list->count;
    }
    items[list->count++] = *entry;
    return RC_OK;
}

enum rc
wire_run_add(struct wire_run_list *list, const struct entry *entry)
{
    bool begins = list->run_count == 0 ||
                  list->count - list->starts[list->run_count - 1] >= WIRE_RUN_ITEMS ||
                  !continues(&list->items[list->count - 1], entry);

    return add_item(list, entry, begins);
}

const struct entry *
wire_run_at(const struct wire_run_list *list, size_t run, size_t *count)
{
    size_t end = run + 1 < list->run_count ? list->starts[run + 1] : list->count;

    *count = end - list->starts[run];
    return &list->items[list->starts[run]];
}

static void
put_item(struct writer *writer, const struct entry *entry, const struct entry *before)
{
    bool same = before != NULL && before->position == entry->position &&
                memcmp(before->position_hash, entry->position_hash, CRYPTO_HASH_BYTES) == 0;
    bool gone = entry->ciphertext == NULL;

    writer_u8(writer, (uint8_t)((same ? SAME_LEDGER : 0) | (gone ? BODY_GONE : 0)));
    writer_varint(writer, entry->last - entry->first);
    if (!same) {
        writer_u64(writer, entry->position);
        writer_bytes(writer, entry->position_hash, sizeof entry->position_hash);
    }
    writer_bytes(writer, entry->nonce, sizeof entry->nonce);
    if (gone) {
        writer_u32(writer, entry->ciphertext_len);
        writer_bytes(writer, entry->ciphertext_hash, sizeof entry->ciphertext_hash);
    } else {
        writer_block(writer, entry->ciphertext, entry->ciphertext_len);
    }
    writer_bytes(writer, entry->signature, sizeof entry->signature);
    writer_varint(writer, entry->arrived_ms);
}

static void
put_run(struct writer *writer, const struct entry *entries, size_t count)
{
    writer_u8(writer, ENTRY_FORMAT);
    size_t length_at = writer->buf->len;
    writer_u32(writer, 0); /* written over below */
    writer_id(writer, entries->stream);
    writer_id(writer, entries->device);
    writer_u64(writer, entries->incarnation);
    writer_u32(writer, entries->epoch);
    writer_u32(writer, entries->first);
    writer_bytes(writer, entries->previous, sizeof entries->previous);
    writer_varint(writer, count);
    for (size_t i = 0; i < count; i++)
        put_item(writer, &entries[i], i == 0 ? NULL : &entries[i - 1]);
    if (writer->rc != RC_OK)
        return;
    size_t rest = writer->buf->len - length_at - 4;
    if (rest > UINT32_MAX)
        writer->rc = rc_fail(RC_TOO_LARGE, _("a run of %zu bytes"), rest);
    for (unsigned i = 0; i < 4; i++)
        writer->buf->data[length_at + i] = (uint8_t)(rest >> (24 - 8 * i));
}

enum rc
wire_run_put(struct buf *buf, const struct wire_run_list *list)
{
    struct writer writer = writer_of(buf);

    writer_varint(&writer, list->run_count + list->unknown.count);
    for (size_t i = 0; i < list->run_count && writer.rc == RC_OK; i++) {
        size_t count;
        const struct entry *entries = wire_run_at(list, i, &count);
        put_run(&writer, entries, count);
    }
    for (size_t i = 0; i < list->unknown.count; i++)
        writer_bytes(&writer, list->unknown.items[i].data, list->unknown.items[i].len);
    return writer_finish(&writer);
}

/* Fills what an item adds to the fields that it shares with its run. */
static void
get_item(struct reader *reader, struct entry *entry, bool is_first)
{
    uint8_t flags = reader_u8(reader);
    uint64_t more = reader_count(reader, CHANGE_SAVES - 1);

    if (flags > (SAME_LEDGER | BODY_GONE) || (is_first && (flags & SAME_LEDGER) != 0) ||
        more > UINT32_MAX - entry->first)
        reader->failed = true;
    entry->last = entry->first + (uint32_t)more;
    if ((flags & SAME_LEDGER) == 0) {
        entry->position = reader_u64(reader);
        reader_copy(reader, entry->position_hash, sizeof entry->position_hash);
    }
    if (entry->position == 0)
        reader->failed = true;
    reader_copy(reader, entry->nonce, sizeof entry->nonce);
    if ((flags & BODY_GONE) != 0) {
        entry->ciphertext = NULL;
        entry->ciphertext_len = reader_u32(reader);
        reader_copy(reader, entry->ciphertext_hash, sizeof entry->ciphertext_hash);
    } else {
        size_t len;
        entry->ciphertext = reader_block(reader, ENTRY_CIPHERTEXT_MAX_BYTES, &len);
        entry->ciphertext_len = (uint32_t)len;
        if (!reader->failed)
            crypto_hash_plain(entry->ciphertext, len, entry->ciphertext_hash);
    }
    if (entry->ciphertext_len < CRYPTO_TAG_BYTES ||
        entry->ciphertext_len > ENTRY_CIPHERTEXT_MAX_BYTES)
        reader->failed = true;
    reader_copy(reader, entry->signature, sizeof entry->signature);
    entry->arrived_ms = reader_varint(reader);
}

static enum rc
get_known_run(struct reader *reader, struct wire_run_list *list)
{
    struct entry entry = {.stream = reader_id(reader)};
    static const uint8_t zeros[CRYPTO_HASH_BYTES];

    entry.device = reader_id(reader);
    entry.incarnation = reader_u64(reader);
    entry.epoch = reader_u32(reader);
    entry.first = reader_u32(reader);
    reader_copy(reader, entry.previous, sizeof entry.previous);
    uint64_t count = reader_count(reader, WIRE_RUN_ITEMS);
    if (count == 0 || entry.first == 0 || entry.epoch == 0 || entry.incarnation == 0 ||
        (entry.first == 1) != (memcmp(entry.previous, zeros, sizeof zeros) == 0))
        reader->failed = true;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        get_item(reader, &entry, i == 0);
        if (reader->failed)
            break;
        entry_rehash(&entry);
        enum rc rc = add_item(list, &entry, i == 0);
        if (rc != RC_OK)
            return rc;
        if (entry.last == UINT32_MAX && i + 1 < count)
            reader->failed = true;
        entry.first = entry.last + 1;
        memcpy(entry.previous, entry.hash, sizeof entry.previous);
    }
    return RC_OK;
}

static enum rc
get_run(struct reader *reader, struct wire_run_list *list)
{
    const uint8_t *start = reader->at;
    uint8_t format = reader_u8(reader);
    size_t len = reader_u32(reader);
    const uint8_t *rest = reader_bytes(reader, len);

    if (reader->failed)
        return RC_OK; /* wire_run_get says so */
    if (format != ENTRY_FORMAT)
        return wire_blocks_add(&list->unknown, start, RUN_HEAD_BYTES + len);
    struct reader inside = reader_of(rest, len);
    enum rc rc = get_known_run(&inside, list);
    if (inside.failed || reader_left(&inside) > 0)
        reader->failed = true;
    return rc;
}

enum rc
wire_run_get(struct reader *reader, struct wire_run_list *list)
{
    uint64_t count = reader_count(reader, reader_left(reader) / RUN_HEAD_BYTES);

    list->count = 0;
    list->run_count = 0;
    list->unknown.count = 0;
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        enum rc rc = get_run(reader, list);
        if (rc != RC_OK)
            return rc;
    }
    return reader->failed ? rc_fail(RC_CORRUPT, _("a run of entries is malformed")) : RC_OK;
}

enum rc
wire_run_push_encode(const struct wire_run_list *list, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u8(&writer, WIRE_FORMAT);
    if (writer.rc == RC_OK)
        writer.rc = wire_run_put(out, list);
    return writer_finish(&writer);
}

enum rc
wire_run_push_decode(const void *bytes, size_t len, struct wire_run_list *list)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);

    if (!reader.failed && format != WIRE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("a push of format %u"), format);
    enum rc rc = wire_run_get(&reader, list);
    if (rc == RC_OK && list->unknown.count > 0)
        return rc_fail(RC_UNSUPPORTED, _("entries of a newer format"));
    return rc == RC_OK ? reader_finish(&reader, _("the push")) : rc;
}

void
wire_run_page_wipe(struct wire_run_page *page)
{
    wire_run_list_wipe(&page->runs);
    *page = WIRE_RUN_PAGE_EMPTY;
}

enum rc
wire_run_page_encode(const struct wire_run_page *page, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u8(&writer, WIRE_FORMAT);
    writer_u64(&writer, page->after);
    writer_u64(&writer, page->next);
    writer_u8(&writer, page->more);
    writer_u64(&writer, page->time_ms);
    writer_u64(&writer, page->position);
    if (writer.rc == RC_OK)
        writer.rc = wire_run_put(out, &page->runs);
    return writer_finish(&writer);
}

enum rc
wire_run_page_decode(const void *bytes, size_t len, struct wire_run_page *page)
{
    struct reader reader = reader_of(bytes, len);
    uint8_t format = reader_u8(&reader);

    if (!reader.failed && format != WIRE_FORMAT)
        return rc_fail(RC_UNSUPPORTED, _("a page of format %u, made by a newer program"), format);
    page->after = reader_u64(&reader);
    page->next = wire_get_cursor(&reader);
    uint8_t more = reader_u8(&reader);
    page->more = more == 1;
    if (more > 1 || page->next < page->after)
        reader.failed = true;
    page->time_ms = reader_u64(&reader);
    page->position = reader_u64(&reader);
    enum rc rc = wire_run_get(&reader, &page->runs);
    return rc == RC_OK ? reader_finish(&reader, _("the page")) : rc;
}

void
wire_run_bundle_wipe(struct wire_run_bundle *bundle)
{
    wire_blocks_wipe(&bundle->lines);
    wire_run_list_wipe(&bundle->runs);
    wire_boxes_wipe(&bundle->boxes);
    wire_blocks_wipe(&bundle->carried);
    wire_blocks_wipe(&bundle->acks);
    *bundle = WIRE_RUN_BUNDLE_EMPTY;
}

enum rc
wire_run_bundle_encode(const struct wire_run_bundle *bundle, struct buf *out)
{
    struct writer writer = writer_of(out);

    writer_u64(&writer, bundle->first_position);
    if (writer.rc == RC_OK)
        writer.rc = wire_blocks_put(out, &bundle->lines);
    writer_u8(&writer, bundle->has_statement);
    if (bundle->has_statement && writer.rc == RC_OK)
        writer.rc = wire_statement_put(out, &bundle->statement);
    if (writer.rc == RC_OK)
        writer.rc = wire_run_put(out, &bundle->runs);
    if (writer.rc == RC_OK)
        writer.rc = wire_boxes_put(out, &bundle->boxes);
    if (writer.rc == RC_OK)
        writer.rc = wire_blocks_put(out, &bundle->carried);
    if (writer.rc == RC_OK)
        writer.rc = wire_blocks_put(out, &bundle->acks);
    return writer_finish(&writer);
}

enum rc
wire_run_bundle_decode(const void *bytes, size_t len, struct wire_run_bundle *bundle)
{
    struct reader reader = reader_of(bytes, len);

    bundle->first_position = reader_u64(&reader);
    enum rc rc = wire_blocks_get(&reader, WIRE_LINE_BYTES, &bundle->lines);
    if (rc != RC_OK)
        return rc;
    uint8_t has_statement = reader_u8(&reader);
    if (has_statement > 1)
        reader.failed = true;
    bundle->has_statement = has_statement == 1;
    if (bundle->has_statement)
        wire_statement_get(&reader, &bundle->statement);
    rc = wire_run_get(&reader, &bundle->runs);
    if (rc == RC_OK)
        rc = wire_boxes_get(&reader, &bundle->boxes);
    if (rc == RC_OK)
        rc = wire_blocks_get(&reader, WIRE_OPERATION_BYTES, &bundle->carried);
    if (rc == RC_OK)
        rc = wire_blocks_get(&reader, ACK_MAX_BYTES, &bundle->acks);
    return rc == RC_OK ? reader_finish(&reader, _("the bundle's content")) : rc;
}
