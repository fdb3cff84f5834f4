/* The ledger's tables: their items, found by key. */
#include <stdlib.h>
#include <string.h>

#include "core/array.h"
#include "sync/ledger_inside.h"

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

enum rc
ledger_inside_enter(struct ledger_index *index, const void *items, size_t item_bytes,
                    size_t key_len)
{
    struct table table = {items, item_bytes, index};
    bool found;
    uint32_t *order = array_one_more(index->order, index->count, sizeof *order);

    if (order == NULL)
        return RC_NOMEM;
    index->order = order;
    size_t added = index->count;
    const uint8_t *key = (const uint8_t *)items + added * item_bytes;
    size_t rank = rank_of(table, (struct key){key, key_len}, &found);
    memmove(&order[rank + 1], &order[rank], (index->count - rank) * sizeof *order);
    order[rank] = (uint32_t)added;
    index->count++;
    return RC_OK;
}

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
    for (size_t i = 0; i < ledger->carried_count; i++)
        free(ledger->carried[i].families);
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
                     ledger->admits,
                     ledger->open_covers,
                     ledger->servers,
                     ledger->streams_by_key.order,
                     ledger->covers_by_key.order,
                     ledger->invites_by_key.order,
                     ledger->carried};
    for (size_t i = 0; i < sizeof owned / sizeof owned[0]; i++)
        free(owned[i]);
    *ledger = (struct ledger){.broken = false};
}
