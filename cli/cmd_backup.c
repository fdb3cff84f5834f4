/* Backup and restore: the store in one sealed file, and back. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/status_waits.h"
#include "cli/unlock.h"
#include "core/backup.h"
#include "core/i18n.h"
#include "core/keyslot.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- backup --------------------------------------------------------------------------------------- */

static void
out_backup(struct call *call, const char *path, const struct backup *backup)
{
    out_text(&call->out, "file", _("File"), path);
    out_time(&call->out, "made_at", _("Made"), (int64_t)backup->trailer.made_ms);
    out_int(&call->out, "pages", _("Pages, each proven"), (int64_t)backup->trailer.pages);
    out_int(&call->out, "bytes", _("Bytes"), (int64_t)backup->bytes);
}

/* A backup in the store's own directory is lost with it, and moved aside by a restore. What cannot be resolved is told when
 * the file is made. */
static enum rc
check_place(struct call *call, const char *directory)
{
    const char *path = call->words[0];

    if (!call_lies_in(path, directory))
        return RC_OK;
    call->ending.advice = _("name a file elsewhere, such as on a stick that you keep away from the laptop");
    return rc_fail(RC_INVALID, _("%s lies in the store's own directory: a backup there is lost with the store"), path);
}

static enum rc
write_backup(struct call *call, const char *directory, struct backup *backup)
{
    struct secret key = SECRET_EMPTY;
    struct store_options options = {.directory = directory, .clock = call->clock, .key = &key};
    sigset_t before;
    struct id id;
    enum rc rc = unlock_key(call, directory, &id, &key);

    if (rc == RC_ABSENT)
        rc = call_no_store(call, directory);
    if (rc == RC_OK)
        rc = store_open_to_read(&options, &call->store);
    secret_wipe(&key);
    if (rc != RC_OK)
        return rc;
    progress_step(&call->out.progress, _("writing and proving the backup"));
    interrupt_hold(&before);
    rc = backup_write(call->store, call->words[0], backup);
    interrupt_release(&before);
    if (rc == RC_EXISTS)
        call->ending.advice = _("name a file that does not exist yet, such as one in that directory");
    if (rc == RC_ABSENT)
        call->ending.advice = _("look whether the directory is there, and the stick is plugged in");
    return rc;
}

enum rc
cmd_backup(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_MAX);
    const char *directory;
    struct backup backup;
    enum rc rc = call_directory(call, &path, &directory);

    if (rc == RC_OK)
        rc = check_place(call, directory);
    if (rc == RC_OK)
        rc = write_backup(call, directory, &backup);
    buf_wipe(&path);
    if (rc != RC_OK)
        return rc;
    out_object(&call->out, "backup");
    out_backup(call, call->words[0], &backup);
    out_object_end(&call->out);
    out_notice(&call->out, "not_logged", "%s",
               _("Keep the backup away from the laptop. It opens with the passphrase and the recovery sheet of now, also when they "
                 "are changed later. That it was made is written down nowhere."));
    return RC_OK;
}

/* --- restore -------------------------------------------------------------------------------------- */

/* What stands in the way, and what it holds. */
struct present {
    bool is_store;
    bool is_known;    /* it could be opened, so that what follows is known */
    uint64_t unsent;  /* own saves and entries that the server does not have */
    uint64_t changes; /* the same as a person counts them */
};

/* RC_EXISTS when there is something that is no store: that is nobody's to move. */
static enum rc
look_for_store(struct call *call, const char *directory, struct present *present)
{
    struct store_slots slots;
    DIR *open = opendir(directory);
    bool is_empty = true;

    if (open == NULL)
        return errno == ENOENT ? RC_OK : rc_fail(RC_IO, "%s: %s", directory, strerror(errno));
    for (struct dirent *entry = readdir(open); entry != NULL; entry = readdir(open))
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
            is_empty = false;
    (void)closedir(open);
    if (is_empty)
        return RC_OK;
    present->is_store = store_key_read(directory, &slots) != RC_ABSENT;
    if (present->is_store)
        return RC_OK;
    call->ending.advice = _("name a directory that does not exist yet, or is empty");
    return rc_fail(RC_EXISTS, _("%s holds other files and no store"), directory);
}

/* Opens the store that is there, if the backup's key fits or it is unlocked, and counts what it has not sent. RC_BUSY; all
 * else that fails leaves it unknown: a store that cannot be opened is why people restore one. */
static enum rc
look_inside(struct call *call, const char *directory, const struct backup *backup, const struct secret *key,
            struct present *present)
{
    struct secret own = SECRET_EMPTY;
    struct store_options options = {.directory = directory, .clock = call->clock, .key = &own};
    struct replica *replica = NULL;
    struct store *store = NULL;
    struct store_slots slots;
    struct waiting waiting;
    enum rc rc = store_key_read(directory, &slots);

    if (rc == RC_OK)
        rc = id_equal(slots.store, backup->slots.store) ? secret_copy(&own, key->bytes, key->len)
                                                        : keyslot_fetch(slots.store, &own);
    if (rc == RC_OK)
        rc = store_open(&options, &store);
    if (rc == RC_OK)
        rc = replica_open(store, &replica);
    if (rc == RC_OK)
        rc = replica_waiting(replica, &waiting);
    if (rc == RC_OK) {
        present->is_known = true;
        present->unsent = waiting.saves_unsealed + waiting.entries_unsent;
        if (status_changes(replica, &waiting, &present->changes) != RC_OK)
            present->changes = present->unsent; /* better too many */
    }
    if (replica != NULL)
        replica_close(replica);
    store_close(store);
    secret_wipe(&own);
    return rc == RC_BUSY ? rc : RC_OK;
}

static enum rc
name_aside(struct call *call, const char *directory, char aside[PATH_MAX])
{
    char date[TIME_STAMP_BYTES];

    time_to_stamp(clock_wall_ms(&call->clock), date);
    int len = snprintf(aside, PATH_MAX, "%s.replaced-%s", directory, date);
    return len > 0 && len < PATH_MAX ? RC_OK : rc_fail(RC_TOO_LARGE, _("the path is too long"));
}

static void
tell_of_replaced(struct call *call, const char *aside, const struct present *present)
{
    out_text(&call->out, "replaced", _("The store that was there"), aside);
    out_bool(&call->out, "replaced_is_known", NULL, present->is_known);
    out_int(&call->out, "replaced_unsent", NULL, (int64_t)present->unsent);
    out_int(&call->out, NULL, present->is_known ? _("Not sent from it") : NULL, (int64_t)present->changes);
    if (!present->is_known)
        out_notice(&call->out, "replaced_unknown",
                   _("The store that was there could not be opened: whether something in it was never sent is not known. Keep "
                     "it: it lies in %s."),
                   aside);
    else if (present->unsent > 0)
        out_notice(&call->out, "replaced_unsent",
                   P_("%" PRIu64 " change in the store that was there was never sent, and is not in the backup "
                      "unless it is older than it. It lies in %s: `baken sync --store` with that directory sends it, "
                      "and `baken sync` after it fetches it here.",
                      "%" PRIu64 " changes in the store that was there were never sent, and are not in the backup "
                      "unless they are older than it. They lie in %s: `baken sync --store` with that directory sends them, "
                      "and `baken sync` after it fetches them here.",
                      present->changes),
                   present->changes, aside);
}

static enum rc
restore(struct call *call, const char *directory, const struct secret *key, const struct present *present,
        struct backup *backup)
{
    char aside[PATH_MAX];
    sigset_t before;
    enum rc rc = name_aside(call, directory, aside);

    if (rc != RC_OK)
        return rc;
    progress_step(&call->out.progress, _("proving the backup and putting it in its place"));
    interrupt_hold(&before);
    rc = backup_restore(call->words[0], key, directory, present->is_store ? aside : NULL, &call->clock, backup);
    if (rc != RC_OK) { /* else what was not sent from the store that was there must be named */
        interrupt_release(&before);
        return rc;
    }
    out_object(&call->out, "restored");
    out_backup(call, call->words[0], backup);
    out_text(&call->out, "directory", _("Store"), directory);
    if (present->is_store)
        tell_of_replaced(call, aside, present);
    out_object_end(&call->out);
    out_notice(&call->out, "restored", "%s",
               _("This store is as it was when the backup was made: it opens with the passphrase and the recovery sheet of then, and what "
                 "was written later and never sent is not in it. Run `baken sync` now: it brings back what the server has, and only "
                 "then is anything sent from here."));
    return RC_OK;
}

static enum rc
check_way(struct call *call, const char *directory, struct present *present)
{
    enum rc rc = look_for_store(call, directory, present);

    if (rc == RC_OK && present->is_store && !call_has(call, OPT_REPLACE)) {
        call->ending.advice = _("with --replace it makes way, and is kept beside it; or restore elsewhere with --store");
        rc = rc_fail(RC_EXISTS, _("there is a store in %s"), directory);
    }
    return rc;
}

/* What a link names takes part in the exchange, not the link: the store stays on its disk, whatever it is called. */
static enum rc
follow_links(const char **directory, char resolved[PATH_MAX])
{
    struct stat info;

    if (realpath(*directory, resolved) != NULL)
        *directory = resolved;
    else if (errno == ENOENT && lstat(*directory, &info) == 0)
        return rc_fail(RC_ABSENT, _("%s is a link to a directory that is not there"), *directory);
    return RC_OK;
}

enum rc
cmd_restore(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_MAX);
    char resolved[PATH_MAX];
    struct secret key = SECRET_EMPTY;
    const char *directory;
    struct present present = {.is_store = false};
    struct backup backup;
    enum rc rc = call_directory(call, &path, &directory);

    call->ending.safe = _("nothing was changed");
    if (rc == RC_OK)
        rc = backup_look(call->words[0], &backup);
    if (rc == RC_ABSENT)
        call->ending.advice = _("look at the name of the backup, and whether the stick is plugged in");
    if (rc == RC_OK) {
        rc = follow_links(&directory, resolved);
        if (rc != RC_OK)
            call->ending.advice = _("make that directory, or look whether its disk is there");
    }
    if (rc == RC_OK)
        rc = check_way(call, directory, &present);
    if (rc == RC_OK)
        rc = unlock_slots(call, NULL, &backup.slots, &key);
    if (rc == RC_OK && present.is_store)
        rc = look_inside(call, directory, &backup, &key, &present);
    if (rc == RC_OK)
        rc = restore(call, directory, &key, &present, &backup);
    if (rc == RC_CORRUPT)
        call->ending.advice = _("use another backup, and fetch the file again if it was copied");
    buf_wipe(&path);
    secret_wipe(&key);
    return rc;
}
