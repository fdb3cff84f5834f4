/* What core/store.c shares with core/store_continuity.c and core/store_look.c alone: an open store, and what stands of it in its table meta. */
#ifndef CORE_STORE_INSIDE_H
#define CORE_STORE_INSIDE_H

#include "core/store.h"
#include "core/store_token.h"

#include <limits.h>
#include <stdint.h>

enum { STORE_REASON_BYTES = 160 };

struct store {
    char *directory;
    char path[PATH_MAX]; /* of store.db */
    struct buf state;    /* the directory of tokens */
    struct store_token_file token;
    struct clock clock;
    struct secret key;
    struct store_slots slots;
    struct vfs *vfs;
    struct db *db;
    struct db *disk; /* of a store that goes on in memory: what it was copied from */
    int lock;
    uint64_t openings;
    char doubt[STORE_REASON_BYTES]; /* empty: continuity is proven */
    bool may_lack_saves;
    bool is_readonly; /* also in memory: nothing of it reaches the disk */
    bool is_apart;    /* writes no token: it is made to go on for another, which has it */
    struct vfs_kept kept; /* the log as it was at this opening */
    enum store_slots_state slots_state;
};

/* Appends the value of a row of meta; nothing when there is none. */
enum rc store_meta_get(struct db *db, const char *key, struct buf *value) MUST_CHECK;
/* At an opening: a doubt of an earlier one stays until it is ended, and what may lack until it is accepted. */
enum rc store_load_doubt(struct store *store) MUST_CHECK;
/* At an opening: compares the token beside the store with the one in it, and takes the higher count. */
enum rc store_compare_tokens(struct store *store) MUST_CHECK;
/* What lies beside the store. */
enum rc store_token_beside(const struct store *store, struct store_token *outside) MUST_CHECK;
/* At an opening: the newest slots that this store was opened by are noted in it; older ones are told of. */
enum rc store_judge_slots(struct store *store) MUST_CHECK;
/* Counts on, in the store and then beside it; is_clean is what the next opening finds. */
enum rc store_count(struct store *store, bool is_clean) MUST_CHECK;

#endif
