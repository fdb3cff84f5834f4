/* What the test flavour does to lie; see lies.h. Empty in every other flavour. */
#include "server/lies.h"

#ifdef BAKEN_TEST_SERVER_LIES

#include <stdlib.h>
#include <string.h>

/* What stands after the word in BAKEN_LIE; NULL when the word is not there. */
static const char *
told_to(const char *word)
{
    const char *at = getenv("BAKEN_LIE");
    size_t len = strlen(word);

    while (at != NULL && *at != '\0') {
        size_t item = strcspn(at, ",");
        if (item >= len && memcmp(at, word, len) == 0)
            return at + len;
        at += item;
        at += *at == ',';
    }
    return NULL;
}

enum rc
lies_forgive(enum rc rc)
{
    bool is_rule = rc != RC_OK && rc != RC_NOMEM && rc != RC_IO && rc != RC_FULL && rc != RC_EXISTS;

    return is_rule && told_to("forge") != NULL ? RC_OK : rc;
}

uint64_t
lies_last_line(uint64_t position)
{
    const char *value = told_to("lines=");

    if (value == NULL)
        return position;
    uint64_t last = strtoull(value, NULL, 10);
    return last < position ? last : position;
}

uint64_t
lies_show_beyond(uint64_t position)
{
    return told_to("forge") != NULL ? UINT64_MAX : position;
}

uint64_t
lies_greeting(uint64_t position)
{
    return told_to("forge") != NULL ? position + 1 : position;
}

void
lies_boxes(struct wire_box_list *list)
{
    if (told_to("boxes") == NULL || list->boxes.count < 2)
        return;
    struct wire_box *first = &list->boxes.items[0];
    struct wire_box *last = &list->boxes.items[list->boxes.count - 1];
    struct wire_box kept = *first;
    first->len = last->len;
    memcpy(first->bytes, last->bytes, sizeof first->bytes);
    last->len = kept.len;
    memcpy(last->bytes, kept.bytes, sizeof last->bytes);
}

static void
alter(struct entry *entry, struct buf *altered)
{
    if (entry->ciphertext == NULL)
        return;
    if (buf_put(altered, entry->ciphertext, entry->ciphertext_len) != RC_OK)
        return;
    altered->data[0] ^= 1;
    entry->ciphertext = altered->data;
    crypto_hash_plain(altered->data, altered->len, entry->ciphertext_hash);
    entry_rehash(entry);
}

static void
hide(struct entry *entries, size_t *count, uint64_t first)
{
    size_t kept = 0;

    for (size_t i = 0; i < *count; i++)
        if (entries[i].first != first)
            entries[kept++] = entries[i];
    *count = kept;
}

void
lies_entries(struct entry *entries, size_t *count, struct buf *altered)
{
    if (*count == 0)
        return;
    if (told_to("alter") != NULL)
        alter(&entries[*count - 1], altered);
    if (told_to("withhold") != NULL) {
        memmove(entries, entries + 1, (*count - 1) * sizeof *entries);
        (*count)--;
    }
    if (told_to("hide=") != NULL)
        hide(entries, count, strtoull(told_to("hide="), NULL, 10));
    if (told_to("reorder") != NULL)
        for (size_t i = 0, j = *count; i + 1 < j; i++) {
            struct entry kept = entries[i];
            entries[i] = entries[--j];
            entries[j] = kept;
        }
    if (*count > 1 && told_to("replay") != NULL)
        entries[*count - 1] = entries[0];
}

#endif
