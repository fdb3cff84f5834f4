/* A device's store opened for tests beneath the program: nothing is purged, settled or migrated by opening it. */
#ifndef TESTS_SUPPORT_OPENED_H
#define TESTS_SUPPORT_OPENED_H

#include "core/clock.h"
#include "core/db.h"
#include "core/vfs_seal.h"
#include "sync/replica_own.h"
#include "sync/transport_http.h"

/* `replica` holds what a signed request needs: clock, identity and team; and the ledger as it is stored. */
struct opened {
    struct secret key, sealing;
    struct store_slots slots;
    char path[4096]; /* of store.db */
    struct vfs *vfs;
    struct db *db;
    struct clock clock;
    struct replica replica;
    struct transport_http *http;
    struct transport transport;
};

/* Each aborts with the sentence unless RC_OK. The store key, by the first line of the passphrase file. */
void opened_key(struct opened *opened, const char *directory, const char *passphrase_file);
/* The database too: work on a copy, for this recovers and writes the log. */
void opened_db(struct opened *opened);
/* Identity, team and ledger, and a connection to `address`. */
void opened_server(struct opened *opened, const char *address);
void opened_close(struct opened *opened);
void opened_demand(enum rc rc, const char *what);

#endif
