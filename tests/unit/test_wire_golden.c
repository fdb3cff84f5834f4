/* The golden files of the wire: from one seed the same bytes come out, for ever. WRITE_GOLDEN=1 writes them
 * anew: for a further example; a format that changes asks for a decision record, and after the first tag for a new
 * number. tests/decoders/wire.py reads them too. */
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

/* The members' identities as a store keeps them, the reader's last: what opens their boxes. */
static void
put_identities(const struct wires *wires, struct buf *out)
{
    struct secret saved = SECRET_EMPTY;

    for (size_t i = 0; i <= wires->team.count; i++) {
        const struct identity *identity =
            i < wires->team.count ? &wires->team.members[i].identity : &wires->reader;
        assert_ok(identity_save(identity, &saved));
        assert_ok(buf_put(out, saved.bytes, saved.len));
        secret_wipe(&saved);
    }
}

/* Writes the file when asked to; then it holds exactly these bytes. */
static void
be_golden(const char *name, const struct buf *bytes)
{
    if (getenv("WRITE_GOLDEN") != NULL)
        write_file(name, bytes->data, bytes->len);
    assert_file_holds(name, bytes->data, bytes->len);
}

static void
one_seed_gives_the_golden_bytes(void **state)
{
    (void)state;
    static struct wires wires;
    struct buf keys = BUF_EMPTY(CEILING);
    struct buf identities = BUF_EMPTY(CEILING);

    seeded_start(SEED);
    wires_start(&wires);
    put_keys(&wires, &keys);
    put_identities(&wires, &identities);
    for (unsigned kind = 0; kind < WIRES_COUNT; kind++)
        be_golden(wires_name(kind), &wires.bytes[kind]);
    be_golden("keys", &keys);
    be_golden("identities", &identities);
    buf_wipe(&keys);
    buf_wipe(&identities);
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
