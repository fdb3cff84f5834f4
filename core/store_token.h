/* The instance token: shows that this store is the one last used here, neither restored nor copied. */
#ifndef CORE_STORE_TOKEN_H
#define CORE_STORE_TOKEN_H

#include "core/buf.h"
#include "core/id.h"
#include "core/rc.h"

#include <stdint.h>

enum { STORE_TOKEN_BYTES = 1024 };

/* The same text lies in $XDG_STATE_HOME/baken/STOREID and in the store's table `meta`. */
struct store_token {
    struct id store;
    uint64_t device;   /* of the store's directory, st_dev */
    uint64_t inode;    /* of the store's directory, st_ino */
    uint64_t openings; /* rises at each opening, each clean close, each sealing */
};

/* `state`, or $XDG_STATE_HOME/baken, or ~/.local/state/baken. RC_INVALID when there is no home. */
enum rc store_token_directory(const char *state, struct buf *path) MUST_CHECK;
/* The token as it should be for `directory` now. */
enum rc store_token_of(struct id store, const char *directory, uint64_t openings,
                       struct store_token *token) MUST_CHECK;
enum rc store_token_encode(const struct store_token *token, struct buf *text) MUST_CHECK;
enum rc store_token_decode(const void *text, size_t len, struct store_token *token) MUST_CHECK;
/* RC_ABSENT, RC_CORRUPT. */
enum rc store_token_read(const char *state_directory, struct id store,
                         struct store_token *token) MUST_CHECK;
/* The store whose token names `directory`: what tells its id when keyslots.json is gone. RC_ABSENT. */
enum rc store_token_find(const char *state_directory, const char *directory, struct id *store) MUST_CHECK;
enum rc store_token_write(const char *state_directory, const struct store_token *token) MUST_CHECK;

#endif
