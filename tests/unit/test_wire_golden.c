/* The golden files of the wire: from one seed the same bytes come out, for ever. WRITE_GOLDEN=1 writes them
 * anew, which before the first tag asks for a decision record. tests/decoders/wire.py reads them too. */
#include "tests/unit/unit.h"

#include <string.h>

/* libsodium's randomness from a seed, as the simulator has it; the simulator's objects are not linked here. */
#include "tests/sim/seeded.c"
#include "tests/support/wires.h"

enum { SEED = 20260101, CEILING = 1 << 20 };

static const char FOLDER[] = "tests/golden/wire";

static void
path_of(const char *name, char *path, size_t room)
{
    (void)snprintf(path, room, "%s/%s.bin", FOLDER, name);
}

static void
write_file(const char *name, const void *bytes, size_t len)
{
    char path[200];

    path_of(name, path, sizeof path);
    FILE *file = fopen(path, "wb");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    assert_int_equal(fclose(file), 0);
}

static void
assert_file_holds(const char *name, const void *bytes, size_t len)
{
    static uint8_t read[CEILING];
    char path[200];

    path_of(name, path, sizeof path);
    FILE *file = fopen(path, "rb");
    if (file == NULL)
        fail_msg("%s is missing", path);
    size_t got = fread(read, 1, sizeof read, file);
    assert_int_equal(fclose(file), 0);
    if (got != len || memcmp(read, bytes, len) != 0)
        fail_msg("%s differs", path);
}

/* What a reader needs: server's and author's public keys, the team stream's key, the reader's X25519 pair. */
static void
put_keys(const struct wires *wires, struct buf *keys)
{
    struct secret key = SECRET_EMPTY;

    assert_ok(buf_put(keys, wires->team.server_public, 32));
    assert_ok(buf_put(keys, wires->team.members[0].identity.sign_public, 32));
    assert_ok(keyring_get(wires->team.keys, ledger_team_stream(wires->team.ledger), 1, &key));
    assert_ok(buf_put(keys, key.bytes, key.len));
    assert_ok(buf_put(keys, wires->reader.box.bytes, 32));
    secret_wipe(&key);
}

static void
one_seed_gives_the_golden_bytes(void **state)
{
    (void)state;
    static struct wires wires;
    struct buf keys = BUF_EMPTY(CEILING);
    bool writes = getenv("WRITE_GOLDEN") != NULL;

    seeded_start(SEED);
    wires_start(&wires);
    put_keys(&wires, &keys);
    for (unsigned kind = 0; kind < WIRES_COUNT; kind++) {
        const struct buf *bytes = &wires.bytes[kind];
        if (writes)
            write_file(wires_name(kind), bytes->data, bytes->len);
        assert_file_holds(wires_name(kind), bytes->data, bytes->len);
    }
    if (writes)
        write_file("keys", keys.data, keys.len);
    assert_file_holds("keys", keys.data, keys.len);
    buf_wipe(&keys);
    wires_end(&wires);
}

int
main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_seed_gives_the_golden_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
