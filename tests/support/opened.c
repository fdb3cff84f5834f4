/* A device's store opened for tests beneath the program. */
#include "tests/support/opened.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
opened_demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s (%s)\n", what, rc_name(rc), rc_sentence());
    exit(1);
}

void
opened_key(struct opened *opened, const char *directory, const char *passphrase_file)
{
    char line[256];
    struct secret passphrase = SECRET_EMPTY;
    FILE *file = fopen(passphrase_file, "r");

    *opened = (struct opened){.key = SECRET_EMPTY};
    if (file == NULL || fgets(line, sizeof line, file) == NULL) {
        perror(passphrase_file);
        exit(1);
    }
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    snprintf(opened->path, sizeof opened->path, "%s/store.db", directory);
    opened_demand(secret_copy(&passphrase, line, strlen(line)), "the passphrase");
    opened_demand(store_key_read(directory, &opened->slots), "the key slots");
    opened_demand(store_key_open(&opened->slots, &passphrase, &opened->key), "the store key");
    secret_wipe(&passphrase);
}

void
opened_db(struct opened *opened)
{
    struct db_options options = {.must_exist = true, .exclusive = true, .synchronous_full = true};

    opened_demand(vfs_register(NULL, &opened->key, opened->slots.file_id, &opened->vfs), "the VFS");
    options.vfs = vfs_name(opened->vfs);
    opened_demand(db_open(opened->path, &options, &opened->db), "the database");
    opened_demand(crypto_derive(&opened->key, "baken sealing", opened->slots.store.bytes, ID_BYTES,
                                &opened->sealing, CRYPTO_KEY_BYTES),
                  "the key of own secrets");
}

static void
load_identity(struct opened *opened)
{
    struct secret saved = SECRET_EMPTY;

    opened_demand(own_secret_get(opened->db, &opened->sealing, STATE_IDENTITY, &saved), "the identity");
    opened_demand(identity_load(&saved, &opened->replica.identity), "the identity");
    opened->replica.has_identity = true;
    secret_wipe(&saved);
}

void
opened_server(struct opened *opened, const char *address)
{
    opened->clock = clock_system();
    opened->replica.db = opened->db;
    opened->replica.clock = &opened->clock;
    opened->replica.sealing = opened->sealing; /* lent */
    load_identity(opened);
    opened_demand(replica_load_ledger(&opened->replica), "the ledger");
    opened_demand(transport_http_open(address, &opened->http), "the server");
    opened->transport = transport_http_transport(opened->http);
}

void
opened_close(struct opened *opened)
{
    transport_http_close(opened->http);
    ledger_free(opened->replica.ledger);
    identity_wipe(&opened->replica.identity);
    db_close(opened->db);
    vfs_unregister(opened->vfs);
    secret_wipe(&opened->sealing);
    secret_wipe(&opened->key);
}
