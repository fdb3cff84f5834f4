/* Shows what a device still has, to whoever holds its passphrase: every page, every key, every box. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/crypto.h"
#include "sync/request.h"
#include "tests/support/opened.h"

static const char USAGE[] =
    "usage: dump_store pages DIR PASSPHRASE-FILE           plain pages and log frames, free ones "
    "too\n"
    "       dump_store keys DIR PASSPHRASE-FILE            KIND STREAM EPOCH KEY, a line each\n"
    "       dump_store boxes DIR PASSPHRASE-FILE ADDRESS   STREAM EPOCH KEY of what the server "
    "gives\n"
    "       dump_store secrets DIR PASSPHRASE-FILE         NAME HEX, then as `keys`\n"
    "`keys`, `secrets` and `boxes` write to the store: give them a copy.\n";

/* Reads exactly `len` bytes; false at the end of the file. */
static bool
take(FILE *file, uint8_t *bytes, size_t len)
{
    return fread(bytes, 1, len, file) == len;
}

static size_t
dump_main(const struct vfs_keys *keys, const char *path)
{
    uint8_t page[VFS_PAGE_BYTES];
    size_t count = 0;
    FILE *file = fopen(path, "rb");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    while (take(file, page, sizeof page)) {
        if (!vfs_page_open(keys, ++count, page)) {
            fprintf(stderr, "page %zu does not open\n", count);
            exit(1);
        }
        fwrite(page, 1, sizeof page, stdout);
    }
    fclose(file);
    return count;
}

/* Frames of an earlier generation do not open: the nonce that they are bound to is overwritten. */
static size_t
dump_log(const struct vfs_keys *keys, const char *path)
{
    uint8_t start[VFS_START_BYTES], header[VFS_WAL_HEADER_BYTES], unit[VFS_FRAME_UNIT_BYTES];
    size_t number = 0, count = 0;
    FILE *file = fopen(path, "rb");

    if (file == NULL)
        return 0;
    if (take(file, start, sizeof start) && vfs_start_open(keys, start, header))
        while (take(file, unit, sizeof unit))
            if (vfs_frame_open(keys, start, ++number, unit)) {
                fwrite(unit + CRYPTO_NONCE_BYTES, 1, VFS_FRAME_BYTES, stdout);
                count++;
            }
    fclose(file);
    return count;
}

static void
dump_pages(struct opened *opened)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    char log[sizeof opened->path + 8];

    opened_demand(vfs_keys_derive(&keys, &opened->key, opened->slots.file_id),
                  "the keys of the file");
    snprintf(log, sizeof log, "%s-wal", opened->path);
    size_t pages = dump_main(&keys, opened->path);
    size_t frames = dump_log(&keys, log);
    fprintf(stderr, "%zu pages, %zu frames\n", pages, frames);
    vfs_keys_wipe(&keys);
}

static void
print_key(const char *kind, struct id stream, uint32_t epoch, const uint8_t *key)
{
    char stream_text[2 * ID_BYTES + 1], key_text[2 * CRYPTO_KEY_BYTES + 1];

    request_hex(stream.bytes, ID_BYTES, stream_text);
    request_hex(key, CRYPTO_KEY_BYTES, key_text);
    printf("%s %s %u %s\n", kind, stream_text, (unsigned)epoch, key_text);
}

static void
dump_keys(struct opened *opened)
{
    struct secret key = SECRET_EMPTY;
    struct keyring *keys;
    struct stmt *stmt;
    bool found;

    opened_demand(keyring_new_under(&opened->sealing, &keys), "the keys");
    opened_demand(
        db_stmt(opened->db,
                "SELECT k.stream, k.epoch, k.sealed, coalesce(s.kind, 0) FROM sync_key AS k LEFT"
                " JOIN sync_stream AS s ON s.stream = k.stream",
                &stmt),
        "the keys");
    for (;;) {
        struct id stream;
        uint8_t sealed[KEYRING_SEALED_BYTES];
        uint32_t epoch;
        char kind[8];
        opened_demand(stmt_step(stmt, &found), "the keys");
        if (!found)
            break;
        opened_demand(stmt_get_id(stmt, 0, &stream), "a stream");
        epoch = (uint32_t)stmt_get_int(stmt, 1);
        opened_demand(stmt_get_fixed(stmt, 2, sealed, sizeof sealed), "a key");
        opened_demand(keyring_put_sealed(keys, stream, epoch, sealed), "a key");
        opened_demand(keyring_get(keys, stream, epoch, &key), "a key");
        snprintf(kind, sizeof kind, "%d", (int)stmt_get_int(stmt, 3));
        print_key(kind, stream, epoch, key.bytes);
    }
    stmt_done(stmt);
    keyring_free(keys);
    secret_wipe(&key);
}

static void
print_secret(const char *name, const struct secret *secret)
{
    char text[2 * SECRET_MAX_BYTES + 1];

    request_hex(secret->bytes, secret->len, text);
    printf("%s %s\n", name, text);
}

/* Each of a different kind, for who searches memory and files. */
static void
dump_secrets(struct opened *opened)
{
    struct vfs_keys keys = VFS_KEYS_EMPTY;
    struct secret identity = SECRET_EMPTY;

    opened_demand(vfs_keys_derive(&keys, &opened->key, opened->slots.file_id), "the keys of the file");
    print_secret("store-key", &opened->key);
    print_secret("page-key", &keys.page);
    print_secret("log-key", &keys.wal);
    print_secret("sealing-key", &opened->sealing);
    opened_demand(own_secret_get(opened->db, &opened->sealing, STATE_IDENTITY, &identity), "the identity");
    opened_demand(identity_load(&identity, &opened->replica.identity), "the identity");
    print_secret("signing-key", &opened->replica.identity.sign);
    print_secret("box-key", &opened->replica.identity.box);
    secret_wipe(&identity);
    vfs_keys_wipe(&keys);
    dump_keys(opened);
}

static void
open_boxes(struct opened *opened, const struct buf *answer)
{
    struct wire_box_list list = WIRE_BOX_LIST_EMPTY;
    struct secret plain = SECRET_EMPTY;

    opened_demand(wire_box_list_decode(answer->data, answer->len, &list), "the boxes");
    for (size_t i = 0; i < list.boxes.count; i++) {
        const struct wire_box *box = &list.boxes.items[i];
        enum { PAYLOAD_BYTES = 1 + ID_BYTES + 4 };
        if (identity_open_box(&opened->replica.identity, box->bytes, box->len, &plain) == RC_OK &&
            plain.len == PAYLOAD_BYTES + CRYPTO_KEY_BYTES)
            print_key("box", box->stream, box->epoch, plain.bytes + PAYLOAD_BYTES);
        else
            fprintf(stderr, "a box that does not open here\n");
    }
    secret_wipe(&plain);
    wire_box_list_wipe(&list);
}

/* All boxes at once, and those of each stream by its name: what is refused is counted. */
static void
dump_boxes(struct opened *opened, const char *address)
{
    struct buf answer = BUF_EMPTY(WIRE_ANSWER_MAX_BYTES);
    struct request_call call = {.method = "GET"};
    const struct ledger_stream *stream;
    char text[2 * ID_BYTES + 1];

    opened_db(opened);
    opened_server(opened, address);
    opened_demand(request_target(&opened->replica, &call, "/boxes?after=0"), "the address");
    opened_demand(request_send(&opened->replica, &opened->transport, &call, &answer, NULL),
                  "the boxes");
    open_boxes(opened, &answer);
    for (size_t i = 0; (stream = ledger_stream_at(opened->replica.ledger, i)) != NULL; i++) {
        request_hex(stream->id.bytes, ID_BYTES, text);
        opened_demand(request_target(&opened->replica, &call, "/boxes?stream=%s", text),
                      "the address");
        if (request_send(&opened->replica, &opened->transport, &call, &answer, NULL) == RC_OK)
            open_boxes(opened, &answer);
    }
    buf_wipe(&answer);
}

int
main(int argc, char **argv)
{
    struct opened opened;

    if (argc < 4 || argc != (strcmp(argv[1], "boxes") == 0 ? 5 : 4)) {
        fputs(USAGE, stderr);
        return 2;
    }
    opened_demand(secret_start(), "guarded memory");
    opened_key(&opened, argv[2], argv[3]);
    if (strcmp(argv[1], "pages") == 0)
        dump_pages(&opened);
    else if (strcmp(argv[1], "keys") == 0)
        opened_db(&opened), dump_keys(&opened);
    else if (strcmp(argv[1], "secrets") == 0)
        opened_db(&opened), dump_secrets(&opened);
    else
        dump_boxes(&opened, argv[4]);
    opened_close(&opened);
    return 0;
}
