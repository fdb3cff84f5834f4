/* Machines that start, stop and lose power: devices with their stores, one server with its depot. */
#include <assert.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/store_token.h"
#include "tests/sim/adapter.h"
#include "tests/sim/world.h"
#include "tests/support/stores.h"

enum { OPEN_TRIES = 6 };

/* ---- time ---- */

static int64_t
device_wall(void *context)
{
    struct device *device = context;
    int64_t now = device->world->now_ms;
    int64_t wall =
        now + device->offset_ms + (now - device->drift_from_ms) / 1000 * device->drift_ppm / 1000;

    if (wall > device->clock_most_ms)
        device->clock_most_ms = wall;
    return wall;
}

/* Counts from the machine's start, as CLOCK_BOOTTIME does. */
static int64_t
device_mono(void *context)
{
    const struct device *device = context;

    return device->world->now_ms - device->started_ms;
}

static void
device_sleep(void *context, int64_t ms)
{
    world_pass(((struct device *)context)->world, ms);
}

static int64_t
server_time(void *context)
{
    return ((struct world *)context)->now_ms;
}

static void
server_sleep(void *context, int64_t ms)
{
    world_pass(context, ms);
}

/* ---- devices ---- */

void
device_prepare(struct world *world, int index)
{
    struct device *device = &world->devices[index];

    *device =
        (struct device){.world = world,
                               .index = index,
                               .original = index,
                               .key = SECRET_EMPTY,
                               .writer = MODEL_NONE,
                               .life = MODEL_NONE};
    const char name[] = {'d', 'e', 'v', 'i', 'c', 'e', (char)('0' + index), '\0'};
    memcpy(device->directory, scratch_path(&world->scratch, name), sizeof world->scratch.path[0]);
    device->disk = power_disk_new();
    device->clock = (struct clock){device_wall, device_mono, device_sleep, device};
    device->started_ms = world->now_ms - 60000;
    net_connect(device);
}

/* Copies are other machines: each has its own. */
static void
state_directory(struct device *device, char *path, size_t room)
{
    char name[] = "state?";

    name[5] = device->is_copy ? (char)('0' + device->index) : '\0';
    snprintf(path, room, "%s", scratch_path(&device->world->scratch, name));
}

static struct store_options
options_of(struct device *device, char *state, size_t room)
{
    uint8_t key[CRYPTO_KEY_BYTES];

    state_directory(device, state, room);
    memset(key, 0x40 + device->original, sizeof key);
    stores_demand(secret_copy(&device->key, key, sizeof key), "a store key");
    return (struct store_options){.directory = device->directory,
                                  .state_directory = state,
                                  .base_vfs = power_disk_vfs(device->disk),
                                  .clock = device->clock,
                                  .key = &device->key};
}

bool
device_is_dead(const struct device *device)
{
    return power_disk_is_cut(device->disk);
}

void
device_make_store(struct device *device)
{
    char state[WORLD_PATH];
    struct store_options options = options_of(device, state, sizeof state);

    stores_demand(store_create(&options, NULL, NULL, &device->store), "making a store");
    stores_demand(replica_open(device->store, &device->replica), "opening a replica");
}

void
device_close(struct device *device)
{
    replica_close(device->replica);
    store_close(device->store);
    secret_wipe(&device->key);
    device->replica = NULL;
    device->store = NULL;
}

/* Each cut finds a disk of its own manner. */
static void
restore_power(struct world *world, struct power_disk *disk)
{
    const struct power_manner manner = power_manner_number(world_below(world, POWER_MANNERS));

    power_disk_set_manner(disk, &manner);
    power_disk_restore(disk, chance_u64(&world->chance));
}

static enum rc
open_once(struct device *device)
{
    char state[WORLD_PATH];
    struct store_options options = options_of(device, state, sizeof state);
    enum rc rc = store_open(&options, &device->store);

    return rc == RC_OK ? replica_open(device->store, &device->replica) : rc;
}

void
device_open(struct device *device)
{
    struct world *world = device->world;
    enum rc rc = RC_OK;

    for (int tries = 0; tries < OPEN_TRIES; tries++) {
        rc = open_once(device);
        if (rc == RC_OK)
            break;
        world_trace(world, "device %d does not open: %s", device->index, rc_name(rc));
        if (!device_is_dead(device)) {
            world_fail(world, "device %d does not open: %s: %s", device->index, rc_name(rc),
                       rc_sentence());
            return;
        }
        device_close(device);
        restore_power(world, device->disk);
    }
    if (rc != RC_OK)
        world_fail(world, "device %d never opens", device->index);
    else
        device->refreshed_ms = replica_now_ms(device->replica);
    if (rc == RC_OK && replica_in_team(device->replica) && world->names.device_count > 0)
        adapter_follow_life(device);
}

void
device_crash(struct device *device)
{
    struct world *world = device->world;

    bool is_kill = world_falls(world, 400); /* of the program alone */

    world_happened(world, is_kill ? HAPPENED_KILL : HAPPENED_CRASH);
    world_trace(world, "device %d %s", device->index, is_kill ? "is killed" : "loses power");
    power_disk_cut_now(device->disk);
    device_close(device);
    if (is_kill)
        power_disk_survive(device->disk);
    else
        restore_power(world, device->disk);
    if (!world->is_healing && world_falls(world, 100)) /* and once more, while it recovers */
        power_disk_cut_at_sync(device->disk, 1 + world_below(world, 4));
    if (!is_kill)
        device->started_ms = world->now_ms;
    device_open(device);
    if (world->has_failed)
        return;
    power_disk_cut_at_sync(device->disk, 0);
    power_disk_cut_at(device->disk, 0);
    if (!world->has_failed && device->writer != MODEL_NONE)
        check_after_crash(device);
}

/* ---- a copy ---- */

static void
copy_file(const char *from, const char *to)
{
    size_t len = 0;
    uint8_t *bytes = scratch_read(from, &len);
    FILE *file = bytes == NULL ? NULL : fopen(to, "wb");

    if (file == NULL || fwrite(bytes, 1, len, file) != len || fclose(file) != 0) {
        perror(to);
        exit(2);
    }
    free(bytes);
}

/* The files on the machine's own disk are small: the key slots. */
static void
copy_directory(const char *from, const char *to)
{
    char source[2 * WORLD_PATH], target[2 * WORLD_PATH];
    DIR *directory = opendir(from);
    struct dirent *entry;

    (void)mkdir(to, 0700);
    assert(directory != NULL);
    while ((entry = readdir(directory)) != NULL) {
        snprintf(source, sizeof source, "%.180s/%.180s", from, entry->d_name);
        snprintf(target, sizeof target, "%.180s/%.180s", to, entry->d_name);
        if (entry->d_name[0] != '.' && strcmp(entry->d_name, "lock") != 0)
            copy_file(source, target);
    }
    closedir(directory);
}

/* As in an image of the whole machine: the directory has its number there too. */
static void
put_token(const char *directory, const char *from, const char *to, struct id store)
{
    struct store_token_file file = STORE_TOKEN_FILE_EMPTY;
    struct store_token token, here;

    stores_demand(store_token_read(from, store, &token), "a token");
    stores_demand(store_token_of(store, directory, token.openings, &here), "a directory");
    stores_demand(store_token_file_write(&file, to, &here), "a copy's token");
    store_token_file_close(&file);
}

void
device_copy_files(struct device *copy, struct device *original, bool has_token)
{
    char state[WORLD_PATH], from[WORLD_PATH];

    state_directory(copy, state, sizeof state);
    state_directory(original, from, sizeof from);
    scratch_remove_tree(state); /* another seed's */
    (void)mkdir(state, 0700);
    copy_directory(original->directory, copy->directory);
    if (has_token)
        put_token(copy->directory, from, state, original->token_id);
    power_disk_copy_to(copy->disk, original->disk, original->directory, copy->directory);
}

/* ---- the small files beside the stores ---- */

static void
each_token(struct world *world, void (*visit)(struct world *world, const char *name))
{
    DIR *directory = opendir(scratch_path(&world->scratch, "state"));
    struct dirent *entry;
    char name[256];

    assert(directory != NULL);
    while ((entry = readdir(directory)) != NULL)
        if (entry->d_name[0] != '.') {
            snprintf(name, sizeof name, "state/%.200s", entry->d_name);
            visit(world, name);
        }
    closedir(directory);
}

static void
keep(struct world *world, const char *name)
{
    struct token *token = &world->tokens[world->token_count++];

    assert(world->token_count <= WORLD_MADE && strlen(name) < sizeof token->name);
    snprintf(token->name, sizeof token->name, "%s", name);
    token->bytes = scratch_read(scratch_path(&world->scratch, name), &token->len);
}

void
device_keep_tokens(struct world *world)
{
    each_token(world, keep);
}

void
device_restore_tokens(struct world *world)
{
    for (int i = 0; i < world->token_count; i++)
        scratch_write(&world->scratch, world->tokens[i].name, world->tokens[i].bytes,
                      world->tokens[i].len);
}

/* ---- the server ---- */

void
server_prepare(struct world *world)
{
    bool made;

    memcpy(world->server_directory, scratch_path(&world->scratch, "server"),
           sizeof world->scratch.path[0]);
    world->server_disk = power_disk_new();
    power_disk_make_default(world->server_disk);
    stores_demand(server_setup(world->server_directory, &made), "setting the server up");
    power_disk_sync_directory(world->server_disk); /* server_setup has flushed the machine's own */
}

void
server_start(struct world *world)
{
    const struct clock clock = {server_time, server_time, server_sleep, world};
    enum rc rc = server_open(world->server_directory, &clock, &world->server);

    if (rc != RC_OK)
        world_fail(world, "the server does not start: %s: %s", rc_name(rc), rc_sentence());
    else if (world->is_short)
        world->server->closed_until_ms = UINT64_MAX; /* its operator said so */
}

void
server_stop(struct world *world)
{
    server_close(world->server);
    world->server = NULL;
}

void
server_power_fails(struct world *world)
{
    world_happened(world, HAPPENED_SERVER_CRASH);
    world_trace(world, "the server loses power");
    power_disk_cut_now(world->server_disk);
    server_stop(world);
    restore_power(world, world->server_disk);
    server_start(world);
}
