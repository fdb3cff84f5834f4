/* What a power cut leaves of the writes that no sync made durable. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/chance.h"
#include "tests/support/power_inside.h"

/* --- bytes ------------------------------------------------------------------------------------ */

void
power_demand(const void *memory)
{
    if (memory == NULL)
        abort();
}

/* What is written once (what a pending write keeps) has the room that it needs; what grows, twice that. */
static void
make_room(struct power_bytes *bytes, size_t len)
{
    if (len <= bytes->room)
        return;
    bytes->room = bytes->at == NULL ? len : len * 2;
    bytes->at = realloc(bytes->at, bytes->room);
    power_demand(bytes->at);
}

void
power_resize(struct power_bytes *bytes, size_t len)
{
    make_room(bytes, len);
    if (len > bytes->len)
        memset(bytes->at + bytes->len, 0, len - bytes->len);
    bytes->len = len;
}

void
power_put(struct power_bytes *bytes, size_t offset, const uint8_t *from, size_t len)
{
    if (offset > bytes->len)
        power_resize(bytes, offset);
    make_room(bytes, offset + len);
    if (len > 0)
        memcpy(bytes->at + offset, from, len);
    if (offset + len > bytes->len)
        bytes->len = offset + len;
}

void
power_empty(struct power_bytes *bytes)
{
    free(bytes->at);
    *bytes = (struct power_bytes){NULL, 0, 0};
}

void
power_forget(struct power_file *file)
{
    while (file->first != NULL) {
        struct power_pending *next = file->first->next;
        power_empty(&file->first->bytes);
        free(file->first);
        file->first = next;
    }
    file->last = NULL;
}

static struct power_pending *
add(struct power_file *file, size_t offset, size_t len)
{
    struct power_pending *pending = calloc(1, sizeof *pending);

    power_demand(pending);
    pending->offset = offset;
    pending->len = len;
    pending->len_before = file->current.len;
    pending->previous = file->last;
    if (file->last == NULL)
        file->first = pending;
    else
        file->last->next = pending;
    file->last = pending;
    return pending;
}

/* What lies there of the range now. */
static void
keep(struct power_bytes *kept, const struct power_bytes *current, size_t offset, size_t len)
{
    if (offset >= current->len)
        return;
    power_put(kept, 0, current->at + offset, len < current->len - offset ? len : current->len - offset);
}

void
power_write(struct power_file *file, size_t offset, const uint8_t *from, size_t len)
{
    keep(&add(file, offset, len)->bytes, &file->current, offset, len);
    power_put(&file->current, offset, from, len);
}

void
power_shorten(struct power_file *file, size_t len)
{
    struct power_pending *pending = add(file, len, 0);

    pending->is_truncation = true;
    keep(&pending->bytes, &file->current, len, file->current.len);
    power_resize(&file->current, len);
}

void
power_make_durable(struct power_file *file)
{
    power_forget(file);
    file->exists_durably = true;
}

/* Makes the file what it was at its last sync. */
static void
take_back(struct power_file *file)
{
    for (struct power_pending *pending = file->last; pending != NULL; pending = pending->previous) {
        struct power_bytes wrote = {NULL, 0, 0};
        if (!pending->is_truncation)
            power_put(&wrote, 0, file->current.at + pending->offset, pending->len);
        power_resize(&file->current, pending->len_before);
        if (pending->bytes.len > 0)
            power_put(&file->current, pending->offset, pending->bytes.at, pending->bytes.len);
        power_empty(&pending->bytes);
        pending->bytes = wrote;
    }
}

/* --- manners ---------------------------------------------------------------------------------- */

const char *
power_manner_name(const struct power_manner *manner)
{
    static const char *const NAMES[POWER_FATES][2] = {
        [POWER_LOST] = {"lost/512", "lost/4096"},
        [POWER_TORN] = {"torn/512", "torn/4096"},
        [POWER_REORDERED] = {"reordered/512", "reordered/4096"},
        [POWER_GARBAGE] = {"garbage/512", "garbage/4096"},
        [POWER_MIXED] = {"mixed/512", "mixed/4096"},
    };

    return NAMES[manner->fate][manner->sector_bytes == 4096];
}

struct power_manner
power_manner_number(unsigned number)
{
    return (struct power_manner){number % 2 == 0 ? 512 : 4096, number / 2 % POWER_FATES};
}

/* --- the cut ---------------------------------------------------------------------------------- */

enum sector_fate { SECTOR_NEW, SECTOR_OLD, SECTOR_GARBAGE };

static enum sector_fate
fate_of_sector(enum power_fate fate, struct chance *chance)
{
    uint64_t thrown = chance_below(chance, 8);

    if (fate == POWER_TORN)
        return thrown < 4 ? SECTOR_NEW : SECTOR_OLD;
    if (fate == POWER_GARBAGE)
        return thrown < 3 ? SECTOR_NEW : thrown < 5 ? SECTOR_OLD : SECTOR_GARBAGE;
    return thrown < 4 ? SECTOR_NEW : thrown < 7 ? SECTOR_OLD : SECTOR_GARBAGE;
}

/* Sector by sector; only bytes that were written ever change. */
static void
settle_sectors(struct power_bytes *left, const struct power_pending *pending,
               const struct power_manner *manner, struct chance *chance)
{
    size_t done = 0;

    while (done < pending->bytes.len) {
        size_t at = pending->offset + done;
        size_t len = manner->sector_bytes - at % manner->sector_bytes;
        if (len > pending->bytes.len - done)
            len = pending->bytes.len - done;
        enum sector_fate fate = fate_of_sector(manner->fate, chance);
        if (fate == SECTOR_NEW)
            power_put(left, at, pending->bytes.at + done, len);
        else if (fate == SECTOR_GARBAGE) {
            power_resize(left, at + len > left->len ? at + len : left->len);
            for (size_t i = 0; i < len; i++)
                left->at[at + i] = (uint8_t)chance_u64(chance);
        }
        done += len;
    }
}

/* In order: all up to one write, that one by half, none after it. */
static void
settle_in_order(struct power_file *file, const struct power_manner *manner, struct chance *chance)
{
    uint64_t count = 0, at = 0;

    for (struct power_pending *pending = file->first; pending != NULL; pending = pending->next)
        count++;
    if (count == 0)
        return;
    uint64_t torn = chance_below(chance, count);
    for (struct power_pending *pending = file->first; at <= torn; pending = pending->next, at++)
        if (at == torn)
            settle_sectors(&file->current, pending, manner, chance);
        else
            power_put(&file->current, pending->offset, pending->bytes.at, pending->bytes.len);
}

static void
settle_writes(struct power_file *file, const struct power_manner *manner, struct chance *chance)
{
    if (manner->fate == POWER_LOST)
        return;
    if (manner->fate == POWER_TORN || manner->fate == POWER_GARBAGE) {
        settle_in_order(file, manner, chance);
        return;
    }
    for (struct power_pending *pending = file->first; pending != NULL; pending = pending->next)
        if (manner->fate == POWER_MIXED)
            settle_sectors(&file->current, pending, manner, chance);
        else if (chance_below(chance, 2) == 0)
            power_put(&file->current, pending->offset, pending->bytes.at, pending->bytes.len);
}

static size_t
settle_length(size_t before, size_t after, const struct power_manner *manner, struct chance *chance)
{
    uint64_t fate = chance_below(chance, 3);

    if (fate == 0 || manner->fate == POWER_LOST)
        return before;
    /* A file system shortens a file at once: a part of the end, gone, is no state of it. */
    if (fate == 2 && after > before)
        return before + chance_below(chance, after - before + 1);
    return after;
}

void
power_settle(struct power_file *file, const struct power_manner *manner, struct chance *chance)
{
    size_t after = file->current.len;

    take_back(file);
    size_t before = file->current.len;
    settle_writes(file, manner, chance);
    if (file->first != NULL)
        power_resize(&file->current, settle_length(before, after, manner, chance));
    if (file->exists != file->exists_durably && manner->fate != POWER_LOST)
        file->exists_durably = chance_below(chance, 2) == 0;
    power_forget(file);
    file->exists = file->exists_durably;
    if (!file->exists)
        power_empty(&file->current);
}
