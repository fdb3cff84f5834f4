/* Own secrets in the store's rows, sealed: SQLite's page cache is ordinary memory (docs/STORE.md, section 7). */
#ifndef SYNC_OWN_SECRET_H
#define SYNC_OWN_SECRET_H

#include "core/db.h"
#include "core/rc.h"
#include "core/secret.h"

/* `sealing` is store_sealing_key()'s. The value is `sync_state`'s of that name, bound to the name. */
enum rc own_secret_put(struct db *db, const struct secret *sealing, const char *name,
                       const struct secret *value) MUST_CHECK;
/* RC_ABSENT without a sentence to show; RC_CORRUPT. */
enum rc own_secret_get(struct db *db, const struct secret *sealing, const char *name,
                       struct secret *value) MUST_CHECK;
/* Seals what a program from before 005 left in the clear, in one transaction; nothing when that was done. */
enum rc own_secret_seal_earlier(struct db *db, const struct secret *sealing) MUST_CHECK;

#endif
