/* Runs: how entries travel in a push, a page and a bundle (docs/PROTOCOL.md, section 6). */
#ifndef SYNC_WIRE_RUN_H
#define SYNC_WIRE_RUN_H

#include "core/buf.h"
#include "core/rc.h"
#include "sync/entry.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { WIRE_RUN_ITEMS = 256 };

/*
 * Entries in the order of the wire, whole headers rebuilt and hashed; ciphertexts are lent. The items of one run
 * stand together: run i is items[starts[i]] up to items[starts[i + 1]] (or the end). Embedded value.
 */
struct wire_run_list {
    struct entry *items;
    size_t count;
    size_t room;
    uint32_t *starts;
    size_t run_count;
    size_t run_room;
    struct wire_blocks
        unknown; /* runs of a newer format, whole (format, length, rest), lent: keep, park */
};

#define WIRE_RUN_LIST_EMPTY ((struct wire_run_list){.items = NULL})
void wire_run_list_wipe(struct wire_run_list *list);
/* Adds one entry at the end; it joins the run before it when it continues that, else it begins a new one. */
enum rc wire_run_add(struct wire_run_list *list, const struct entry *entry) MUST_CHECK;
/* The items of run i. */
const struct entry *wire_run_at(const struct wire_run_list *list, size_t run, size_t *count);
/* `n x run`, the unknown ones last. The getter replaces the list; RC_CORRUPT for bytes that cannot be, RC_NOMEM. */
enum rc wire_run_put(struct buf *buf, const struct wire_run_list *list) MUST_CHECK;
enum rc wire_run_get(struct reader *reader, struct wire_run_list *list) MUST_CHECK;

/* POST entries: u8 1, n x run. The decoder gives RC_UNSUPPORTED for a run of another format; an item without body is
 * the server's to refuse. */
enum rc wire_run_push_encode(const struct wire_run_list *list, struct buf *out) MUST_CHECK;
enum rc wire_run_push_decode(const void *bytes, size_t len, struct wire_run_list *list) MUST_CHECK;

/* GET entries. */
struct wire_run_page {
    uint64_t after;
    uint64_t next;
    bool more;
    uint64_t time_ms;
    uint64_t position; /* the server's ledger head */
    struct wire_run_list runs;
};

#define WIRE_RUN_PAGE_EMPTY ((struct wire_run_page){.runs = WIRE_RUN_LIST_EMPTY})
void wire_run_page_wipe(struct wire_run_page *page);
enum rc wire_run_page_encode(const struct wire_run_page *page, struct buf *out) MUST_CHECK;
enum rc wire_run_page_decode(const void *bytes, size_t len, struct wire_run_page *page) MUST_CHECK;

/* What a bundle carries. */
struct wire_run_bundle {
    uint64_t first_position;
    struct wire_blocks lines; /* lent */
    bool has_statement;
    struct wire_statement statement;
    struct wire_run_list runs;
    struct wire_boxes boxes;
    struct wire_blocks carried; /* operations, lent */
    struct wire_blocks acks;    /* lent */
};

#define WIRE_RUN_BUNDLE_EMPTY ((struct wire_run_bundle){.first_position = 0})
void wire_run_bundle_wipe(struct wire_run_bundle *bundle);
enum rc wire_run_bundle_encode(const struct wire_run_bundle *bundle, struct buf *out) MUST_CHECK;
enum rc wire_run_bundle_decode(const void *bytes, size_t len,
                               struct wire_run_bundle *bundle) MUST_CHECK;

#endif
