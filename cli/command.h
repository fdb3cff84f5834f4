/* A command of the table, and one call of it with all that it opened. */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include "cli/exit.h"
#include "cli/options.h"
#include "cli/out.h"
#include "core/clock.h"
#include "core/date.h"
#include "core/record.h"
#include "core/secret.h"
#include "core/store.h"
#include "core/vfs_kept.h"
#include "sync/replica.h"

enum {
    CALL_DOUBT_BYTES = 512,
    CALL_CLOCK_OFF_MS = 5 * 60 * 1000, /* a clock further off than this is told of */
    CALL_STALE_DAYS = 3,               /* so long without an exchange is told of */
    CALL_SILENT_DAYS = 7,              /* a colleague's device that told nothing for so long is called silent */
};

struct call;
struct transport_http;

/* The two or more words that name a command, the words after it, its options, and what it does. */
struct command {
    const char *noun;
    const char *verb;   /* NULL when the noun stands alone */
    const char *words;  /* as in the help: "FAMILY [PERSON]" */
    size_t least, most; /* how many words */
    enum rc (*run)(struct call *call);
    uint64_t options; /* OPT_BIT, beside the global ones */
    const char *help; /* one sentence without a full stop */
};

struct call {
    const struct command *command;
    struct options options;
    const char *words[OPTIONS_WORDS]; /* without the command's own */
    size_t word_count;
    struct out out;
    struct clock clock;
    enum exit_code
        exit; /* what a success ends with; or, with a failure, instead of the code's own */
    struct ending ending; /* of the sentence of a failure, where the code alone tells it wrong */
    struct secret passphrase; /* as it was given in this call; empty when the keyring had the key */
    struct store *store;
    struct replica *replica;
    bool is_checkup; /* the doctor's: call_open opens the store even where it is damaged, and no replica */
    struct journal *journal; /* the replica's */
    struct transport_http *http;
    struct transport transport, wire; /* what is sent goes through `transport`, which notes it, to `wire` */
    bool was_written;                 /* the server was asked to change something */
    bool tells_news;                  /* the answer holds news: once it is written they are told */
};

/* ---- open.c: the store, the team, the server ---- */
/* The directory of the store: --store, BAKEN_HOME, or the place that the XDG rules give; without a slash at its
 * end. Lent from `path`, which is empty before. */
enum rc call_directory(const struct call *call, struct buf *path, const char **directory) MUST_CHECK;
/* Whether what gets this name lies in that directory or below it. False for what cannot be resolved. */
bool call_lies_in(const char *path, const char *directory);
/* RC_ABSENT with its sentence, its ending and its exit code. */
enum rc call_no_store(struct call *call, const char *directory) MUST_CHECK;
/* Opens the store and its replica. A store that is absent is RC_ABSENT with exit EXIT_NO_STORE. */
enum rc call_open(struct call *call) MUST_CHECK;
/* As call_open, and RC_DENIED unless this device is a member of a team. */
enum rc call_open_team(struct call *call) MUST_CHECK;
/* Makes a new store, with a new passphrase, unless there is one; then opens it. */
enum rc call_open_or_make(struct call *call) MUST_CHECK;
/* A transport to `address`, or to the team's server when NULL. */
enum rc call_connect(struct call *call, const char *address) MUST_CHECK;
/* What is safe and what to do where the server was not reached, unless the command has said it. */
void call_offline_ending(struct call *call);
/* The same of a full disk: of /dev/shm, which anybody can fill, people know nothing. */
void call_full_ending(struct call *call);
/* What to do on the way into a team. */
const char *call_digits_advice(void);
/* Notice: in no team, or on the way into one, and what to do. */
void call_tell_teamless(struct call *call);
void call_close(struct call *call);
/* What opens the store again that call_pause closed. */
struct pause {
    struct id store;
    struct secret key; /* empty: it is in the kernel's keyring, and fetched from there again */
};
#define PAUSE_EMPTY ((struct pause){.key = SECRET_EMPTY})
/* Closes store and replica, so that other commands may use them. `pause` is the caller's to wipe. A key that is parked in the
 * keyring is not kept: `baken lock`, or the end of its time, holds for who waits too. */
enum rc call_pause(struct call *call, struct pause *pause) MUST_CHECK;
/* Opens them again; what was lent of them is gone. RC_BUSY: another command holds the store, and both stay closed; RC_LOCKED: the store
 * was locked meanwhile; else as call_open. */
enum rc call_go_on(struct call *call, const struct pause *pause) MUST_CHECK;
void pause_wipe(struct pause *pause);
/* For people: that the last saves may be missing, what is safe, what to do. */
const char *call_lack_sentence(bool has_copy); /* of a log that ended early */
/* That recovery ended early in the log of this opening. */
const char *call_cut_sentence(const struct vfs_kept *kept);
/* For people: what to do when keyslots.json is gone or damaged. */
const char *call_lost_slots_advice(void);
/* For people: what is the matter with keyslots.json, and what to do. */
const char *call_slots_sentence(enum store_slots_state state);
/* For people: what waits for the server's word, by the reason of store_is_continuous. */
void call_doubt_sentence(const char *reason, char *text, size_t room);
/* Tells, where it is too much, by how much this device's clock is ahead of the server's, or behind where `off_ms` is negative. */
void call_tell_clock(struct call *call, int64_t off_ms);

/* ---- input.c: what a person typed, checked ---- */
const char *call_option(const struct call *call, enum option option);
bool call_has(const struct call *call, enum option option);
/* RC_INVALID naming the option when it was not given. */
enum rc call_need(const struct call *call, enum option option, const char **value) MUST_CHECK;
/* yyyymmdd; `otherwise` when the option was not given. */
enum rc call_date(const struct call *call, enum option option, uint32_t otherwise,
                  uint32_t *date) MUST_CHECK;
uint32_t call_today(const struct call *call);
/* A number between the bounds; `otherwise` when not given. */
enum rc call_number(const struct call *call, enum option option, uint32_t least, uint32_t most,
                    uint32_t otherwise, uint32_t *number) MUST_CHECK;
/* A day or a moment as milliseconds: of a day its beginning, or its end when `is_end`. */
enum rc call_moment(const char *text, bool is_end, int64_t *ms) MUST_CHECK;
/* One short text of an option, NFC; NULL when the option was not given. Belongs to `texts`. */
enum rc call_text(const struct call *call, enum option option, struct texts *texts,
                  const char **text) MUST_CHECK;
/* The same of an option that has to be given: RC_INVALID naming it when it was not. */
enum rc call_need_text(const struct call *call, enum option option, struct texts *texts,
                       const char **text) MUST_CHECK;
/* The same of a word that was typed; `what` names it in the sentence of a failure. */
enum rc input_text(const char *typed, const char *what, struct texts *texts,
                   const char **text) MUST_CHECK;
/* One of the words in `known` (ended by NULL), as words_meant takes it; `otherwise` when the option was not given. */
enum rc call_word(const struct call *call, enum option option, const char *const *known,
                  const char *otherwise, const char **word) MUST_CHECK;
/* A word of people's own, a slug, typed in capitals or not; NULL when the option was not given. Belongs to `texts`. */
enum rc call_own_word(const struct call *call, enum option option, struct texts *texts, const char **word) MUST_CHECK;
/* The same where people may have words of their own, slugs; *word is left alone when the option was not given. Belongs to `texts`. */
enum rc call_word_or_own(const struct call *call, enum option option, const char *const *known, struct texts *texts,
                         const char **word) MUST_CHECK;
/* Whether a long text also comes from standard input, when no option says where it is. */
enum note_wish {
    NOTE_IF_NAMED, /* it does not */
    NOTE_IF_ANY,   /* it does; an empty standard input is no text */
    NOTE_NEEDED,   /* it does; RC_INVALID when that is empty */
};
/* The long text of a command: --text, --note-file, or else standard input as wished. Normalised; belongs to `texts`; *text is left
 * alone when there is none. RC_INVALID where an option names a text that is empty; RC_TOO_LARGE over 256 KiB; as input_read. */
enum rc call_note(struct call *call, enum note_wish wish, struct texts *texts, const char **text) MUST_CHECK;
/* Reads a whole small file ("-": standard input), at most `ceiling_bytes`. */
enum rc input_read(struct call *call, const char *path, size_t ceiling_bytes, const char *what,
                   struct buf *out) MUST_CHECK;
/* Writes a file that only the user may read, durably: it and its name are on the disk by then. RC_EXISTS when it is there already,
 * RC_ABSENT when its directory is not, RC_FULL, RC_IO; no half of it stays. */
enum rc output_new_file(struct call *call, const char *path, const struct buf *content) MUST_CHECK;
/* Makes that file and removes it again: says at once, as output_new_file, what would be said too late after something that
 * cannot be taken back. No interruption leaves it there. */
enum rc output_try(struct call *call, const char *path) MUST_CHECK;
/* Cuts blanks and line ends off both ends, in place. */
void input_trim(struct buf *text);
/* LEDGER_ROLE_* of a list with commas. */
enum rc input_roles(const char *list, uint32_t *roles) MUST_CHECK;

/* ---- find.c: things by name or short id, and names of things ---- */
enum rc call_family(struct call *call, const char *text, struct id *family) MUST_CHECK;
/* The same, and RC_DENIED where this device may not write in the family's file. */
enum rc call_family_to_write(struct call *call, const char *text, struct id *family) MUST_CHECK;
enum rc call_person(struct call *call, const char *text, struct id *person) MUST_CHECK;
/* Where the team's rules refuse a colleague who has none of these roles: what helps. */
void call_advise_role(struct call *call, enum rc rc, struct id person, uint32_t roles);
enum rc call_device(struct call *call, const char *text, struct id *device) MUST_CHECK;
enum rc call_cover(struct call *call, const char *text, struct id *cover) MUST_CHECK;
/* `what` names the kind of record in the sentence of a failure. */
enum rc call_record(struct call *call, uint32_t entity, const char *what, const char *text,
                    struct facts *facts) MUST_CHECK;
/* What has one id, by the end of it: mostly one record, and for a family's id its records of one. */
enum { SUBJECT_PARTS = 8 };
struct subject {
    struct id record, family;
    struct subject_part {
        const struct schema_entity *entity;
        struct id stream;
        bool is_received; /* something of it came too late, or waits; told by call_received and call_received_of */
    } parts[SUBJECT_PARTS];
    size_t count;
};
/* Of whatever kind; count 0 where nothing that counts answers to it. RC_AMBIGUOUS; RC_INVALID when the text is too short. */
enum rc call_subject(struct call *call, const char *text, struct subject *subject) MUST_CHECK;
/* The same of what came too late, or waits, where call_subject left count 0; RC_ABSENT where nothing of that answers either. */
enum rc call_received(struct call *call, const char *text, struct subject *subject) MUST_CHECK;
/* To a subject that was found: the parts of it that came too late, or wait. */
enum rc call_received_of(struct call *call, struct subject *subject) MUST_CHECK;
/* Names into `texts`; a short id where the name is not known here. */
enum rc call_person_name(struct call *call, struct texts *texts, struct id person,
                         const char **name) MUST_CHECK;
/* Of devices of one person with one label each with its number behind it: "Anna (2)". */
enum rc call_device_label(struct call *call, struct texts *texts, struct id device,
                          const char **label) MUST_CHECK;
enum rc call_family_name(struct call *call, struct texts *texts, struct id family,
                         const char **name) MUST_CHECK;
/* key (an object with id and name) for programs, the name for people. */
enum rc call_out_person(struct call *call, const char *key, const char *heading,
                        struct id person) MUST_CHECK;
enum rc call_out_family(struct call *call, const char *key, const char *heading,
                        struct id family) MUST_CHECK;
/* device_id and device for programs, the label for people. */
enum rc call_out_device(struct call *call, const char *heading, struct id device) MUST_CHECK;
/* The label alone, for people: beside an id that stands for programs. */
enum rc call_tell_device(struct call *call, const char *heading, struct id device) MUST_CHECK;
/* Who wrote a version, on which device, when by its clock. */
enum rc call_out_written(struct call *call, struct id person, struct id device, uint64_t hlc) MUST_CHECK;

/* ---- save.c: saving, and where it is then ---- */
/* Saves the set and says that it waits here; of an empty set, that nothing was saved. Under `key` the id of the record. */
enum rc call_save(struct call *call, struct change_set *set, const char *key,
                  struct id id) MUST_CHECK;
/* The remark where a save is, and who will see it: the truth also of a device that was shut out. */
void call_where_saved(struct call *call);

#endif
