/* The instance token: shows that this store is the one last used here, neither restored nor copied. */
#ifndef CORE_STORE_TOKEN_H
#define CORE_STORE_TOKEN_H

#include "core/buf.h"
#include "core/id.h"
#include "core/rc.h"

#include <stdbool.h>
#include <stdint.h>

/* The file has two slots, each of which holds a whole token; a write goes to the one that is not the newest, so that one is
 * whole whatever becomes of it (docs/STORE.md, section 5). They lie in different sectors and pages. */
enum {
    STORE_TOKEN_BYTES = 1024, /* of a text at most */
    STORE_TOKEN_SLOTS = 2,
    STORE_TOKEN_SLOT_BYTES = 512,
    STORE_TOKEN_SLOT_STRIDE = 4096,
    STORE_TOKEN_FILE_BYTES = STORE_TOKEN_SLOT_STRIDE + STORE_TOKEN_SLOT_BYTES,
};

/* Its text lies in both slots of $XDG_STATE_HOME/baken/STOREID and in the store's table `meta`. */
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
/* Also a text of format 1, which has no check. RC_CORRUPT. */
enum rc store_token_decode(const void *text, size_t len, struct store_token *token) MUST_CHECK;
/* The token as a slot holds it. */
enum rc store_token_encode_slot(const struct store_token *token,
                                uint8_t slot[STORE_TOKEN_SLOT_BYTES]) MUST_CHECK;
/* The newest token of a file's bytes, and the slot that it lies in; a file of format 1 counts as one whose second slot was never
 * written. RC_CORRUPT when neither is whole. */
enum rc store_token_decode_file(const void *bytes, size_t len, struct store_token *token,
                                unsigned *slot) MUST_CHECK;
/* RC_ABSENT, RC_CORRUPT. */
enum rc store_token_read(const char *state_directory, struct id store,
                         struct store_token *token) MUST_CHECK;
/* The store whose token names `directory`: what tells its id when keyslots.json is gone. RC_ABSENT. */
enum rc store_token_find(const char *state_directory, const char *directory, struct id *store) MUST_CHECK;

/* Where the file lies instead of on the machine's own disk: tests put faults there. What is written is on the disk. */
struct store_token_disk {
    /* RC_ABSENT when it is not there. */
    enum rc (*read)(void *context, const char *path, struct buf *out);
    enum rc (*write)(void *context, const char *path, uint64_t at, const void *bytes, size_t len);
    void *context;
};

/* The file of one store, kept open from the first write on. Embedded value: STORE_TOKEN_FILE_EMPTY, ended by
 * store_token_file_close. */
struct store_token_file {
    const struct store_token_disk *disk; /* NULL: the machine's own */
    int fd;                              /* -1: not open */
    bool is_known;                       /* `next` is: what lies in the file was read */
    unsigned next;                       /* the slot that does not hold the newest token */
};
#define STORE_TOKEN_FILE_EMPTY ((struct store_token_file){.fd = -1})
void store_token_file_close(struct store_token_file *file);
enum rc store_token_file_read(const struct store_token_file *file, const char *state_directory,
                              struct id store, struct store_token *token) MUST_CHECK;
/* Has the token on the disk when it returns: one slot is written in its place. A file that is not there, is another one by now,
 * has a second name, or holds no token is made anew, with its directory. RC_FULL, RC_IO; what the file held then stands. */
enum rc store_token_file_write(struct store_token_file *file, const char *state_directory,
                               const struct store_token *token) MUST_CHECK;

#endif
