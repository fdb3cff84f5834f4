/* Several devices with a journal each: the saves go round by hand. */
#include "tests/support/devices.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/secret.h"

void
devices_demand(enum rc rc, const char *what)
{
    if (rc == RC_OK)
        return;
    fprintf(stderr, "%s: %s: %s\n", what, rc_name(rc), rc_sentence());
    abort();
}

struct id
devices_id(unsigned kind, unsigned number)
{
    struct id id = {{0}};

    id.bytes[0] = (uint8_t)kind;
    id.bytes[14] = (uint8_t)(number >> 8);
    id.bytes[15] = (uint8_t)number;
    return id;
}

static int64_t
wall_ms(void *context)
{
    const struct device *device = context;

    return device->now_ms;
}

static void
open_device(struct devices *devices, size_t at)
{
    struct device *d = &devices->device[at];
    struct db_options options = {.busy_ms = 10};
    char name[32];
    bool needs_rebuild;

    snprintf(name, sizeof name, "%zu.db", at);
    d->clock = clock_system();
    d->clock.wall_ms = wall_ms;
    d->clock.context = d;
    d->now_ms = 1700000000000 + (int64_t)at;
    d->self.feed = (struct feed_ref){devices_id(1, (unsigned)at), 100 + at};
    d->self.person = devices_id(2, (unsigned)at);
    devices_demand(db_open(scratch_path(&devices->scratch, name), &options, &d->db), "db_open");
    devices_demand(db_run(d->db, "CREATE TABLE IF NOT EXISTS meta (key TEXT PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID, STRICT"), "meta");
    devices_demand(journal_open(d->db, &d->clock, &d->journal, &needs_rebuild), "journal_open");
    devices_demand(journal_add_stream(d->journal, devices->team, STREAM_TEAM, (struct id){{0}}),
                   "team");
    devices_demand(journal_add_stream(d->journal, devices->index, STREAM_INDEX, devices->family),
                   "index");
    devices_demand(journal_add_stream(d->journal, devices->file, STREAM_FILE, devices->family),
                   "file");
}

void
devices_make(struct devices *devices, size_t count)
{
    memset(devices, 0, sizeof *devices);
    devices_demand(secret_start(), "secret_start");
    scratch_make(&devices->scratch);
    devices->count = count;
    devices->family = devices_id(3, 1);
    devices->team = devices_id(4, 0);
    devices->index = devices_id(4, 1);
    devices->file = devices_id(4, 2);
    for (size_t i = 0; i < count; i++)
        open_device(devices, i);
}

void
devices_remove(struct devices *devices)
{
    for (size_t i = 0; i < devices->count; i++) {
        journal_close(devices->device[i].journal);
        db_close(devices->device[i].db);
    }
    for (size_t i = 0; i < devices->sent_count; i++)
        buf_wipe(&devices->sent[i].body);
    scratch_remove(&devices->scratch);
}

void
devices_save(struct devices *devices, size_t device, struct change *change)
{
    struct device *d = &devices->device[device];
    struct sent *sent = &devices->sent[devices->sent_count++];

    if (devices->sent_count > DEVICES_SAVES)
        abort();
    *sent = (struct sent){.author = d->self, .stream = change->stream, .body = BUF_EMPTY(CHANGE_BODY_BYTES)};
    devices_demand(db_begin(d->db), "begin");
    devices_demand(journal_save(d->journal, &d->self, change, &sent->body, &sent->save), "save");
    devices_demand(db_commit(d->db), "commit");
    sent->hlc = change->hlc;
    change_wipe(change);
}

void
devices_save_set(struct devices *devices, size_t device, struct change_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        devices_save(devices, device, &set->changes[i]);
    change_set_wipe(set);
}

enum rc
devices_apply(struct devices *devices, size_t device, size_t at)
{
    struct device *d = &devices->device[device];
    struct sent *sent = &devices->sent[at];
    struct change *change;

    devices_demand(body_read(sent->stream, sent->author.feed, sent->save, sent->save,
                             sent->body.data, sent->body.len, &change),
                   "body_read");
    devices_demand(db_begin(d->db), "begin");
    enum rc rc = journal_apply(d->journal, &sent->author, sent->save, change);
    if (rc == RC_OK)
        devices_demand(db_commit(d->db), "commit");
    else
        db_rollback(d->db);
    body_free(change, 1);
    return rc;
}

void
devices_pull(struct devices *devices, size_t device)
{
    struct device *d = &devices->device[device];

    for (size_t i = 0; i < devices->sent_count; i++) {
        devices_demand(devices_apply(devices, device, i), "apply");
        devices_demand(journal_observe_clock(d->journal, devices->sent[i].hlc, d->now_ms), "observe");
    }
}

void
devices_hold(struct devices *devices, size_t device, size_t at)
{
    struct device *d = &devices->device[device];
    struct sent *sent = &devices->sent[at];
    struct change *change;

    devices_demand(body_read(sent->stream, sent->author.feed, sent->save, sent->save,
                             sent->body.data, sent->body.len, &change),
                   "body_read");
    devices_demand(db_begin(d->db), "begin");
    devices_demand(journal_hold(d->journal, &sent->author, sent->save, change), "hold");
    devices_demand(db_commit(d->db), "commit");
    body_free(change, 1);
}

enum rc
devices_apply_gathered(struct devices *devices, size_t device, const size_t *at, size_t count,
                       bool *applied)
{
    struct device *d = &devices->device[device];
    enum rc rc = db_begin(d->db);

    devices_demand(rc, "begin");
    journal_gather(d->journal);
    for (size_t i = 0; rc == RC_OK && i < count; i++) {
        struct sent *sent = &devices->sent[at[i]];
        struct change *change;
        devices_demand(body_read(sent->stream, sent->author.feed, sent->save, sent->save,
                                 sent->body.data, sent->body.len, &change),
                       "body_read");
        rc = journal_apply(d->journal, &sent->author, sent->save, change);
        body_free(change, 1);
        applied[i] = rc == RC_OK;
        if (rc == RC_STALE) /* a gap: nothing was changed, the others go on */
            rc = RC_OK;
    }
    return db_end(d->db, journal_settle(d->journal, rc));
}

void
devices_sync(struct devices *devices)
{
    for (size_t d = 0; d < devices->count; d++)
        for (size_t i = 0; i < devices->sent_count; i++)
            devices_demand(devices_apply(devices, d, i), "apply");
}

char *
devices_dump(struct devices *devices, size_t device, struct id stream)
{
    struct buf out = BUF_EMPTY((size_t)64 * 1024 * 1024);

    devices_demand(journal_dump(devices->device[device].journal, stream, &out), "dump");
    char *text = strdup(buf_text(&out));
    buf_wipe(&out);
    return text;
}
