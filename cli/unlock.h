/* Where the passphrase comes from, and how it (or the kernel's keyring) gives the store's key. */
#ifndef CLI_UNLOCK_H
#define CLI_UNLOCK_H

#include "cli/command.h"
#include "core/store_key.h"

/* The passphrase from --passphrase-file, --passphrase-command, BAKEN_PASSPHRASE_FILE, or else asked for on the terminal
 * without echo; twice and compared when it `is_new`, and up to three times when they differ or it is empty. One line end at
 * its end is cut off. Never from argv. RC_INVALID when it is empty or the two differ; RC_LOCKED when there is nothing to
 * read it from (no such file, --no-input, no terminal) or the user gave up; RC_IO. */
enum rc unlock_passphrase(struct call *call, bool is_new, struct secret *passphrase) MUST_CHECK;

/* From this file alone. RC_ABSENT when there is none; RC_IO. */
enum rc unlock_file(struct call *call, const char *path, struct secret *passphrase) MUST_CHECK;

/* Asks for a new passphrase on the terminal, twice; as unlock_passphrase. */
enum rc unlock_ask_new(struct call *call, struct secret *passphrase) MUST_CHECK;

/* The key of the store in `directory`: parked in the kernel's keyring, or else by the passphrase. RC_LOCKED
 * when the passphrase is wrong; as store_key_read and unlock_passphrase. */
enum rc unlock_key(struct call *call, const char *directory, struct id *store,
                   struct secret *key) MUST_CHECK;

/* The key by one of the slots: by the recovery sheet when --recovery or --recovery-file says so, else by the passphrase,
 * which takes a second on purpose, with progress. A slot whose cost is lower than today's is wrapped anew,
 * unless `directory` is NULL: the slots are a backup's. */
enum rc unlock_slots(struct call *call, const char *directory, const struct store_slots *slots,
                     struct secret *key) MUST_CHECK;

/* The slots of the store that the call is about, and its directory (lent from `path`). RC_ABSENT as call_no_store; as
 * store_key_read. */
enum rc unlock_read_slots(struct call *call, struct buf *path, const char **directory,
                          struct store_slots *slots) MUST_CHECK;

/* What deriving a key costs: the product's, or next to nothing in a build for tests when
 * BAKEN_TEST_CHEAP_KDF is set. */
struct store_key_cost unlock_cost(void);

#endif
