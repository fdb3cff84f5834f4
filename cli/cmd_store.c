/* The store on this device: unlocked, locked, checked, its passphrase changed. */
#include "cli/commands.h"
#include "cli/interrupt.h"
#include "cli/unlock.h"
#include "cli/words.h"
#include "core/i18n.h"
#include "core/keyslot.h"
#include "core/store.h"
#include "core/store_token.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

enum {
    PATH_CEILING_BYTES = 4096,
    TIMEOUT_MINUTES = 60, /* both stand in the help of --timeout */
    TIMEOUT_MOST = 12 * 60,
    FREE_LEAST_MIB = 100,
};

enum rc
cmd_unlock(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    const char *directory = NULL;
    uint32_t minutes = TIMEOUT_MINUTES;
    enum rc rc = call_number(call, OPT_TIMEOUT, 1, TIMEOUT_MOST, TIMEOUT_MINUTES, &minutes);

    if (rc == RC_OK)
        rc = unlock_read_slots(call, &path, &directory, &slots);
    if (rc == RC_OK)
        rc = unlock_slots(call, directory, &slots, &key);
    bool is_right = rc == RC_OK;
    if (is_right)
        rc = keyslot_park(slots.store, &key, minutes * 60);
    if (is_right && rc == RC_ABSENT) {
        call->ending.advice = _("every command can be used: each asks for the passphrase");
        rc = rc_fail(RC_LOCKED, _("the passphrase is right, but the kernel keeps no keys here"));
    }
    if (rc == RC_OK) {
        out_text(&call->out, "directory", NULL, directory);
        out_int(&call->out, "minutes", NULL, minutes);
        out_line(&call->out, P_("Open for %u minute; `baken lock` closes it.", "Open for %u minutes; `baken lock` closes it.", minutes),
                 (unsigned)minutes);
        if (call_has(call, OPT_RECOVERY) || call_has(call, OPT_RECOVERY_FILE))
            out_line(&call->out, "%s",
                     _("Choose a new passphrase while you have the sheet at hand: `baken passphrase change --recovery`."));
    }
    secret_wipe(&key);
    buf_wipe(&path);
    return rc;
}

enum rc
cmd_lock(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct store_slots slots;
    const char *directory = NULL;
    bool was_open = false;
    enum rc rc = unlock_read_slots(call, &path, &directory, &slots);

    if (rc == RC_OK) {
        rc = keyslot_remove(slots.store);
        was_open = rc == RC_OK;
        if (rc == RC_ABSENT)
            rc = RC_OK;
    }
    if (rc == RC_OK) {
        out_bool(&call->out, "was_open", NULL, was_open);
        out_line(&call->out, "%s", was_open ? _("Locked.") : _("It was locked already."));
    }
    buf_wipe(&path);
    return rc;
}

/* Where keyslots.json is lost, the key may still be parked: the instance token says under whose name. */
static enum rc
find_parked(const char *directory, struct id *store, struct secret *key)
{
    struct buf state = BUF_EMPTY(PATH_CEILING_BYTES);
    enum rc rc = store_token_directory(NULL, &state);

    if (rc == RC_OK && buf_text(&state) == NULL)
        rc = rc_nomem();
    if (rc == RC_OK)
        rc = store_token_find(buf_text(&state), directory, store);
    if (rc == RC_OK)
        rc = keyslot_fetch(*store, key);
    buf_wipe(&state);
    return rc;
}

/* The new one comes from the file named, or from the terminal: never from where the old one is. */
static enum rc
read_fresh(struct call *call, struct secret *fresh)
{
    if (call->word_count > 0)
        return unlock_file(call, call->words[0], fresh);
    return unlock_ask_new(call, fresh);
}

enum rc
cmd_passphrase_change(struct call *call)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct secret key = SECRET_EMPTY, fresh = SECRET_EMPTY;
    struct store_key_cost cost = unlock_cost();
    struct store_slots slots;
    struct id store = {{0}};
    const char *directory = NULL;
    enum rc rc = unlock_read_slots(call, &path, &directory, &slots);
    bool is_lost = rc == RC_CORRUPT && find_parked(directory, &store, &key) == RC_OK;

    if (is_lost) {
        call->ending.advice = NULL; /* it said to do this */
        rc = RC_OK;
    } else if (rc == RC_CORRUPT) {
        rc = store_key_read(directory, &slots); /* its sentence again */
    } else if (rc == RC_OK) {
        rc = unlock_slots(call, directory, &slots, &key);
    }
    if (rc == RC_OK)
        rc = read_fresh(call, &fresh);
    if (rc == RC_OK) {
        struct interrupt_later later;
        progress_step(&call->out.progress, _("changing the passphrase"));
        interrupt_hold_later(&later, &call->clock);
        rc = is_lost ? store_key_renew(directory, &later.clock, store, &key, &fresh, &cost)
                     : store_key_set_passphrase(directory, &later.clock, &key, &fresh, &cost);
        if (rc != RC_OK)
            interrupt_release_later(&later);
    }
    if (rc == RC_OK) {
        out_text(&call->out, "directory", NULL, directory);
        out_line(
            &call->out, "%s",
            _("The passphrase is changed. Backups and other copies of before open with the old one still, and only with it or "
              "the recovery sheet of then: make a new backup."));
    }
    if (rc == RC_OK && is_lost)
        out_notice(&call->out, "new_key_slots", "%s",
                   _("keyslots.json was lost or damaged and is written anew; recovery sheets of before are void: "
                     "`baken recovery print` makes a new one."));
    secret_wipe(&key);
    secret_wipe(&fresh);
    buf_wipe(&path);
    return rc;
}

/* One line of the doctor: how bad, a stable word, and a sentence; and, in JSON alone, an expert's words. */
static void
finding_with(struct call *call, const char *level, const char *check, const char *message, const char *details)
{
    out_row(&call->out);
    out_word(&call->out, "level", _("State"), level,
             strcmp(level, "ok") == 0        ? _("ok")
             : strcmp(level, "warning") == 0 ? _("look out")
                                             : _("WRONG"));
    out_word(&call->out, "check", _("What"), check, words_say(check));
    out_text(&call->out, "message", _("Found"), message);
    out_text(&call->out, "details", NULL, details);
    out_row_end(&call->out);
    if (strcmp(level, "error") == 0)
        call->exit = EXIT_PARTLY;
}

static void
finding(struct call *call, const char *level, const char *check, const char *message)
{
    finding_with(call, level, check, message, NULL);
}

struct checkup {
    struct call *call;
    bool has_found;
    char *why_look; /* NULL unless the doctor only looks: a sentence, without its full stop */
    bool is_uncopied; /* and had to do without a copy in memory: a page in use is damaged, or it is too large */
};

static enum rc
replica_finding(void *context, const struct doctor_finding *found)
{
    struct checkup *checkup = context;

    checkup->has_found = true;
    finding_with(checkup->call, "error", found->what, found->sentence, found->details[0] == '\0' ? NULL : found->details);
    return RC_OK;
}

/* The directory's rights, and room on its disk. */
static void
check_disk(struct call *call)
{
    const char *directory = store_directory(call->store);
    struct stat status;
    struct statvfs disk;

    if (stat(directory, &status) != 0)
        finding(call, "error", "directory", strerror(errno));
    else if ((status.st_mode & 077) != 0)
        finding(call, "warning", "directory",
                _("others on this computer may look into the directory: chmod 700"));
    else
        finding(call, "ok", "directory", _("only you may look into the directory"));
    if (statvfs(directory, &disk) != 0)
        finding(call, "warning", "disk", strerror(errno));
    else if ((uint64_t)disk.f_bavail * disk.f_frsize < (uint64_t)FREE_LEAST_MIB << 20)
        finding(call, "warning", "disk", _("less than 100 MiB is free on the disk"));
    else
        finding(call, "ok", "disk", _("there is room on the disk"));
}

/* Where its keys are: in memory, in the key slots, in the kernel's keyring. */
static void
check_keys(struct call *call, bool knows_slots)
{
    struct secret key = SECRET_EMPTY;
    bool is_parked = keyslot_fetch(store_id(call->store), &key) == RC_OK;

    secret_wipe(&key);
    finding(call, secret_is_locked() ? "ok" : "warning", "memory",
            secret_is_locked()
                ? _("keys in memory are never swapped to disk")
                : _("the kernel refuses to lock memory: keys may be swapped to disk"));
    if (!knows_slots)
        finding(call, "warning", "key_slots", _("whether the key slots are the newest was not looked at"));
    else if (store_slots_state(call->store) == STORE_SLOTS_FINE)
        finding(call, "ok", "key_slots", _("the key slots are the newest that opened this store"));
    else
        finding(call, "error", "key_slots", call_slots_sentence(store_slots_state(call->store)));
    finding(call, "ok", "keyring",
            is_parked ? _("the store is open until its time is over")
                      : _("the passphrase is asked each time"));
}

/* Copies of logs that ended early, until a person accepts; and this opening's log, of which there may be none. */
static enum rc
check_log(struct call *call)
{
    unsigned count;
    char sentence[400];
    enum rc rc = vfs_kept_count(store_directory(call->store), &count);

    if (rc != RC_OK || (count == 0 && !store_kept_log(call->store)->is_cut))
        return rc;
    (void)snprintf(sentence, sizeof sentence,
             _("the store's log ended early although later parts of it were whole. Copies of such logs beside the store: %u. "
               "Look whether your last visits are there and write again what is not; then `baken doctor --accept` "
               "deletes the copies"),
             count);
    finding(call, "error", "log", sentence);
    return RC_OK;
}

static enum rc
check_sync(struct call *call)
{
    struct waiting waiting;
    const char *reason = NULL;
    char doubt[CALL_DOUBT_BYTES];
    enum rc rc = replica_waiting(call->replica, &waiting);

    if (rc != RC_OK)
        return rc;
    if (store_may_lack_saves(call->store))
        finding(call, "error", "saves", call_lack_sentence(false));
    if (!store_is_continuous(call->store, &reason)) {
        call_doubt_sentence(reason, doubt, sizeof doubt);
        finding(call, "warning", "continuity", doubt);
    } else {
        finding(call, "ok", "continuity", _("this is the store that was last used here"));
    }
    if (waiting.clock_off_ms > CALL_CLOCK_OFF_MS || waiting.clock_off_ms < -CALL_CLOCK_OFF_MS)
        finding(call, "warning", "clock",
                _("the clock of this device is more than five minutes off"));
    if (waiting.last_sync_ms == 0)
        finding(call, "warning", "sync", _("nothing was ever exchanged with the server"));
    else if (replica_now_ms(call->replica) - waiting.last_sync_ms > CALL_STALE_DAYS * DAY_MS)
        finding(call, "warning", "sync",
                _("the last exchange was more than three days ago: `baken sync`"));
    else
        finding(call, "ok", "sync", _("the last exchange is recent"));
    if (waiting.parked > 0)
        finding(call, "warning", "parked", _("something received waits: see `baken status`"));
    return RC_OK;
}

/* What opens without the store being whole, then what the replica can tell. A replica that does not open is a finding. */
static enum rc
check_replica(struct call *call, struct checkup *checkup)
{
    enum rc rc = replica_mend(call->store, replica_finding, checkup);

    if (rc == RC_OK)
        rc = replica_open(call->store, &call->replica);
    if (rc == RC_CORRUPT) {
        finding(call, "error", "replica", rc_sentence());
        checkup->has_found = true;
        return replica_doctor_store(call->store, replica_finding, checkup);
    }
    if (rc == RC_OK)
        call->journal = replica_journal(call->replica);
    if (rc == RC_OK)
        rc = check_sync(call);
    return rc == RC_OK ? replica_doctor(call->replica, replica_finding, checkup) : rc;
}

/* ---- only looking ------------------------------------------------------------------------------ */

/* Opens the store without a turn and without a write; what is checked by rebuilding is so in a copy in memory. */
static enum rc
open_to_look(struct call *call, struct checkup *checkup)
{
    struct buf path = BUF_EMPTY(PATH_CEILING_BYTES);
    struct secret key = SECRET_EMPTY;
    struct store_slots slots;
    const char *directory = NULL;
    struct store_options options = {.clock = call->clock, .key = &key, .is_checkup = true};
    enum rc rc = unlock_read_slots(call, &path, &directory, &slots);

    if (rc == RC_OK && keyslot_fetch(slots.store, &key) != RC_OK)
        rc = unlock_slots(call, NULL, &slots, &key);
    options.directory = directory;
    if (rc == RC_OK)
        rc = store_open_to_read(&options, &call->store);
    if (rc == RC_OK)
        rc = store_go_on_in_memory(call->store);
    checkup->is_uncopied = call->store != NULL && (rc == RC_CORRUPT || rc == RC_TOO_LARGE || rc == RC_NOMEM);
    secret_wipe(&key);
    buf_wipe(&path);
    return checkup->is_uncopied ? RC_OK : rc;
}

/* What keeps from writing, and not from reading. */
static bool
may_look(enum rc rc)
{
    return rc == RC_IO || rc == RC_BUSY || rc == RC_FULL;
}

/* As usual; and where that is not wished or not possible, only to look. */
static enum rc
open_or_look(struct call *call, struct checkup *checkup)
{
    bool is_wish = call_has(call, OPT_LOOK);

    if (is_wish && call_has(call, OPT_ACCEPT))
        return rc_fail(RC_INVALID, _("--look writes nothing, and --accept is to be written down: give one of them"));
    enum rc rc = is_wish ? RC_OK : call_open(call);
    if (!is_wish && (!may_look(rc) || call_has(call, OPT_ACCEPT)))
        return rc;
    const char *why = is_wish ? _("you asked for that") : rc_sentence();
    checkup->why_look = strdup(why);
    if (checkup->why_look == NULL)
        return rc_nomem();
    call->ending = (struct ending){NULL, NULL};
    return open_to_look(call, checkup);
}

static void
tell_of_looking(struct call *call, const struct checkup *checkup)
{
    if (checkup->why_look != NULL)
        out_notice(&call->out, "only_looked",
                   _("This only looked, because: %s; that is written down nowhere, and nothing was repaired: where a finding tells "
                     "of a repair, it was made in a copy in memory, to go on looking, and the store is as it was."),
                   checkup->why_look);
}

/* Without a copy: what can be read is read. */
static enum rc
check_by_reading(struct call *call, struct checkup *checkup)
{
    enum rc rc = replica_doctor_store(call->store, replica_finding, checkup);

    if (rc == RC_OK)
        finding(call, "warning", "journal",
                checkup->has_found
                    ? _("signatures, chains and tables were not looked at: that needs a store whose pages can all be read")
                    : _("signatures, chains and tables were not looked at: that needs a copy, for which there is not enough "
                        "memory"));
    checkup->has_found = true; /* no word of a whole store */
    return rc;
}

/* A store that is too damaged for the doctor: the usual advice would send to him again. */
static enum rc
open_for_checkup(struct call *call, struct checkup *checkup)
{
    call->is_checkup = true;
    enum rc rc = open_or_look(call, checkup);
    if (rc == RC_CORRUPT) {
        call->ending.safe = _("nothing was changed, and what was sent is at the server");
        if (call->ending.advice != NULL) /* of lost key slots */
            return rc;
        call->ending.advice = _("keep a copy of the directory; `baken doctor --rescue DIR` brings what can be read, also what was not sent yet, "
                                "into a new store; where it cannot, put a backup back with `baken restore FILE --replace`, or join the "
                                "team again as a further device, which fetches all that was sent");
    }
    return rc;
}

static enum rc
check_all(struct call *call, struct checkup *checkup)
{
    enum rc rc = RC_OK;

    progress_step(&call->out.progress, _("checking the store"));
    out_list(&call->out, "findings", OUT_TABLE);
    check_disk(call);
    check_keys(call, !checkup->is_uncopied);
    if (!call_has(call, OPT_ACCEPT))
        rc = check_log(call);
    if (rc == RC_OK)
        rc = checkup->is_uncopied ? check_by_reading(call, checkup) : check_replica(call, checkup);
    if (rc == RC_OK && !checkup->has_found) {
        finding(call, "ok", "structure", _("the store is whole"));
        finding(call, "ok", "journal", _("signatures, chains and tables agree"));
    }
    out_list_end(&call->out, NULL);
    tell_of_looking(call, checkup);
    return rc;
}

enum rc
cmd_doctor(struct call *call)
{
    struct checkup checkup = {.call = call};

    if (call_has(call, OPT_RESCUE))
        return cmd_doctor_rescue(call);
    enum rc rc = open_for_checkup(call, &checkup);

    if (rc == RC_OK && call_has(call, OPT_ACCEPT))
        rc = store_accept_lack(call->store);
    if (rc == RC_OK && call_has(call, OPT_ACCEPT))
        rc = store_forget_kept(call->store);
    if (rc == RC_OK && call_has(call, OPT_ACCEPT))
        rc = store_accept_slots(call->store);
    if (rc == RC_OK)
        rc = check_all(call, &checkup);
    free(checkup.why_look);
    return rc;
}
