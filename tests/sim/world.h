/* Two to six devices and a server in one process, on virtual time, with what goes wrong between them. */
#ifndef TESTS_SIM_WORLD_H
#define TESTS_SIM_WORLD_H

#include "core/secret.h"
#include "core/store.h"
#include "server/server.h"
#include "sync/replica.h"
#include "tests/sim/model.h"
#include "tests/sim/tally.h"
#include "tests/support/chance.h"
#include "tests/support/power_vfs.h"
#include "tests/support/scratch.h"

#include <stdbool.h>
#include <stdint.h>

enum {
    WORLD_MADE = 6,    /* devices that set-up makes; a seed uses the first few */
    WORLD_DEVICES = 8, /* and copies of them */
    WORLD_RECORDS = 200,
    WORLD_LATE = 16,
    WORLD_KEYS = 256,
    WORLD_PAST = 16,
    WORLD_SENTENCE = 400,
    WORLD_PATH = 192, /* as scratch_path gives them */
    WORLD_MINUTE_MS = 60 * 1000,
    WORLD_HOUR_MS = 60 * WORLD_MINUTE_MS,
};
#define WORLD_DAY_MS ((int64_t)86400 * 1000)

/* What the self-test breaks on purpose; each must be found. */
enum sabotage {
    SABOTAGE_NONE,
    SABOTAGE_CURSOR,    /* the cursor moves before the entries are stored */
    SABOTAGE_SEND,      /* an entry is taken for sent that never was */
    SABOTAGE_SAVE,      /* an acknowledged save is not in the outbox */
    SABOTAGE_CONFLICT,  /* a conflict is not shown */
    SABOTAGE_PURGE,     /* rows stay after the right ended */
    SABOTAGE_HELD,      /* late work is applied */
    SABOTAGE_QUEUE,     /* the outbox never drains */
    SABOTAGE_PLAIN,     /* something readable lies at the server */
    SABOTAGE_COUNT
};

/* In 1,000 requests, or steps. */
struct rates {
    unsigned lost_before, lost_after, repeated, late, cut, portal, busy, interleaved;
    unsigned lie; /* 0: an honest server */
    unsigned crash, server_crash, jump, drift, link, ledger, bundle, tie, full, restore, server_restore, copy, carry;
};

struct device {
    struct world *world;
    int index;
    char directory[WORLD_PATH];
    struct power_disk *disk;
    struct secret key;
    struct clock clock;
    struct store *store;
    struct replica *replica;
    struct transport transport;
    int64_t started_ms; /* the world's time when it was switched on */
    int64_t offset_ms;  /* its wall clock minus the world's time */
    int64_t
        refreshed_ms; /* device time when it last looked what it may have: at opening and in sessions */
    int64_t clock_most_ms; /* the furthest that its own clocks, or the server's word, ever were */
    int64_t drift_ppm;
    int64_t drift_from_ms;
    bool link_is_down;
    const char *cut_route; /* does not get through, and all others do; NULL: none */
    bool is_busy; /* inside an act: no other may begin */
    bool is_full; /* its disk takes little more, until the act is done */
    bool was_full; /* in its last act: what it owes itself, as a purge, the next one does */
    uint64_t requests; /* of its own */
    uint64_t sessions; /* that it began */
    uint64_t restores_heard; /* sessions that asked what boxes a server that was put back lacks */
    uint64_t ring_seen, ring_count;   /* of its keyring, when its keys were noted */
    uint32_t lent[MODEL_STREAMS + 1]; /* the last epoch whose box for the reserve it was handed */
    bool is_forked;    /* asks the server that is the fork */
    const char *swaps; /* but for this route, where it is the other way round */
    bool is_copy;
    struct id token_id; /* its store's, which names the instance token */
    int original; /* of a copy: whose; else itself */
    uint64_t hidden_after; /* what it is shown of the ledger ends there; 0: it does not */
    struct power_disk *backup;
    bool has_backup;
    bool is_returned;  /* from its backup, and goes on under its old numbers: until it has begun another life */
    bool was_returned; /* in this seed */
    bool lacks_acks;  /* a liar answered with others than it asked for: nothing names those again */
    int writer;   /* of this life, or its shadow: see copies.h */
    int life;     /* MODEL_NONE, or the writer whose numbers it shares with another machine */
    uint32_t base[MODEL_STREAMS]; /* the last save of it that is certain */
    bool has_won[MODEL_STREAMS];
};

struct late_request {
    bool is_there;
    int sender;
    char *method, *path, *query, *digest, *input, *signature;
    uint8_t *body;
    size_t body_len;
};

/* A small file beside the stores, as set-up left it. */
struct token {
    char name[80];
    uint8_t *bytes;
    size_t len;
};

/* An entry at the server. */
struct stored {
    uint64_t arrival;
    int stream, writer;
    uint32_t first, last;
    uint64_t position; /* of the ledger, that it was sealed on */
    unsigned withheld; /* a bit for each device that it was withheld from */
};

/* An entry that was shown to others, by a push or a bundle. */
struct note {
    int stream, writer;
    uint32_t first, last;
    uint8_t hash[32];
};

/* How far the server said to a feed's author that it has it: in which session first, and in a later one when the stream was purged. */
struct told {
    uint32_t once, purged;
    uint64_t session;
};

/* An epoch's key, and which devices of the ledger ever had it. */
struct known_key {
    int stream; /* MODEL_STREAMS: of the reserve */
    uint32_t epoch;
    unsigned holders;
    uint8_t bytes[32];
};

/* An answer that the server gave before. */
struct past_answer {
    int device; /* whom */
    char route[16];
    uint8_t *bytes;
    size_t len;
};

/* Saved as a front end does, with a twin. */
struct visit {
    struct id record;
    int stream;
};

/* What is known of ids: each position is the model's number. */
struct names {
    struct id persons[MODEL_PERSONS], families[MODEL_FAMILIES], covers[MODEL_COVERS];
    struct id devices[MODEL_DEVICES], streams[MODEL_STREAMS];
    struct feed_ref writers[MODEL_WRITERS];
    int person_count, family_count, cover_count, device_count, writer_count;
    struct {
        char name[MODEL_TEXT];
        struct id id;
    } records[WORLD_RECORDS];
    int record_count;
};

/* The machine loses power in place of that operation of its disk, counted from the seed's start; step 0: never. */
struct cut {
    int machine; /* WORLD_MADE: the server */
    uint64_t step;
};

struct world {
    struct scratch scratch;
    struct chance chance;
    int64_t now_ms;
    struct device devices[WORLD_DEVICES];
    int device_count; /* in this seed; copies stand from WORLD_MADE on */
    int copy_count;
    char server_directory[WORLD_PATH];
    struct power_disk *server_disk;
    struct server *server;
    struct server *fork; /* shows some devices another ledger; NULL: there is none */
    struct power_disk *fork_disk;
    uint8_t team[32];
    struct rates rates;
    bool is_thorough; /* one seed in eight: each answer, every byte of the server's disk, all is closed at the end */
    bool is_healing;
    bool is_ending; /* the last checks: what was withheld must have come */
    int depth; /* of acts within acts */
    struct device *sender; /* of the request that is being performed */
    struct late_request late[WORLD_LATE];
    struct token tokens[WORLD_MADE];
    int token_count;
    struct names names;
    struct model *model;
    struct ledger *ledger; /* the server's lines, as read from its depot: who is who */
    struct stored *stored; /* the server's entries, in the order of arrival */
    size_t stored_count, stored_room;
    struct past_answer past[WORLD_PAST];
    unsigned past_at;
    uint64_t shared; /* a bit for each writer whose numbers two machines ever gave */
    struct known_key keys[WORLD_KEYS];
    size_t key_count;
    struct told told[MODEL_STREAMS][MODEL_WRITERS];
    struct note *notes;
    size_t note_count, note_room;
    uint64_t acked; /* the last acknowledgement at the server that the model was told */
    struct visit visits[64];
    int visit_count;
    int next_value;
    int family_tries;
    struct power_disk *server_backup;
    uint64_t kept_lines, kept_acked;
    size_t kept_stored;
    bool was_server_restored;
    bool was_short;
    bool is_short; /* the server lacks ledger lines that devices have, and takes no new ones until they are handed back */
    bool is_revoked_once;
    bool has_forged; /* boxes: devices may say so */
    bool is_returning; /* devices are restored all the time, whatever the seed says */
    bool is_carrying;  /* covers travel by bundle, whatever the seed says */
    bool is_calm;      /* for an act, which no fault disturbs */
    bool is_copying;   /* machines are copied, whatever the seed says */
    bool is_putting_back; /* the server is, all the time, whatever the seed says, and devices are not */
    bool is_lying;   /* the server lies, whatever the seed says */
    enum sabotage sabotage;
    bool is_sabotaged; /* it was done */
    bool is_crashy;    /* devices are cut off all the time, whatever the seed says */
    bool is_stepping; /* the one cut is all that befalls machines */
    struct cut cut;
    uint64_t operations[WORLD_MADE + 1]; /* of each disk, the server's last, in this seed */
    bool is_verbose;
    uint64_t trace; /* FNV-1a over everything that happened */
    struct tally tally;
    bool has_given_up; /* the model cannot follow: the seed ends, and says nothing */
    bool has_failed;
    char failure[WORLD_SENTENCE];
};

/* ---- world.c ---- */
/* Makes the team, its families and what their devices hold: the start of every seed. */
void world_make(struct world *world);
void world_remove(struct world *world);
/* Runs one seed from there to its checks. The result is in has_failed, failure and trace. A world runs one
 * seed in its life. */
void world_run(struct world *world, uint64_t seed);
void world_close(struct world *world); /* the stores, and the server */
/* Records the first failure of the seed; later ones are its consequences. */
void world_give_up(struct world *world, const char *why);
void world_fail(struct world *world, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Adds to the trace, and prints it when verbose. */
void world_trace(struct world *world, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void world_trace_bytes(struct world *world, const void *bytes, size_t len);
void world_happened(struct world *world, enum happened kind);
bool world_falls(struct world *world, unsigned in_thousand);
unsigned world_below(struct world *world, unsigned below);
struct device *world_any(struct world *world);
struct device *world_other(const struct device *device); /* another one */
/* The next machine of this seed, from 0; WORLD_DEVICES when there is none. */
int world_next(const struct world *world, int index);
struct id world_person(const struct device *device); /* who has it, by the server's ledger */
void world_pass(struct world *world, int64_t ms); /* time goes by */
/* Judges what an act of the engine returned: codes that no fault explains are failures. */
bool world_judge(struct device *device, enum rc rc, const char *what);

/* ---- machines.c ---- */
void device_prepare(struct world *world, int index);
void device_make_store(struct device *device);
/* Its files, in a directory of the copy's own, with or without the instance token. */
void device_copy_files(struct device *copy, struct device *original, bool has_token);
/* Opens store and replica; a crash on the way is another crash. */
void device_open(struct device *device);
void device_close(struct device *device);
/* Power goes now, or has gone: process state is dropped, the disk settles, all is opened again. */
void device_crash(struct device *device);
bool device_is_dead(const struct device *device);
void
device_keep_tokens(struct world *world); /* small files beside the stores, as set-up left them */
void device_restore_tokens(struct world *world); /* before a seed */
void server_prepare(struct world *world);
void server_start(struct world *world);
void server_stop(struct world *world);
void server_power_fails(struct world *world);

/* ---- net.c ---- */
void net_connect(struct device *device);
void net_deliver_late(struct world *world, bool all); /* requests whose senders have given up */
void net_forget_late(struct world *world);

/* ---- life.c: both make a backup, or put one back ---- */
void life_act(struct device *device);
void life_act_server(struct world *world);
/* The last save of a feed in the device's log. */
int64_t life_logged(struct device *device, int stream, int writer);
/* The server has the lines again that a restore took from it; from a device that knows them, if need be. */
void life_follow_lines(struct world *world, uint64_t position);
void life_return_lines(struct world *world);
/* After healing: it has every key box again that its lines gave and that is of use, where it ever lacked lines. */
void life_check_boxes(struct world *world);
/* False while the device would give a number again that its lost life gave: nobody knows whose it is. */
bool life_may_save(struct device *device, int stream);

/* ---- liar.c ---- */
/* Makes another answer of a true one, now and then. */
void liar_change(struct device *device, const char *method, const char *path, struct buf *body);

/* ---- act.c ---- */
void act_step(struct world *world);
void act_sync(struct device *device);
/* After anything that a device did: a dead one starts again, and all that can be checked is. */
void act_done(struct device *device);
bool act_session(struct device *device, struct sync_report *report); /* true: complete */
void act_save_in(struct device *device, struct id family); /* its file, or both its streams */
void act_begin(struct device *device, const char *what);

/* ---- act_visit.c ---- */
void act_visit(struct device *device);
/* What the index shows of a visit is what the file does; at the end on every device. */
void visit_check_twins(struct device *device);

/* ---- act_carry.c ---- */
void act_carry(struct world *world);

/* ---- act_ledger.c ---- */
void act_ledger(struct device *device);

/* ---- sabotage.c: each does its harm once, when there is an occasion ---- */
void sabotage_session(struct device *device); /* before one */
void sabotage_after(struct device *device);   /* any act, before what follows is checked */
bool sabotage_request(struct device *device, const char *method,
                      const char *path); /* true: it is lost */

/* ---- check.c ---- */
void check_clock(struct device *device); /* nobody's clock moved its own beyond the limit */
void check_device(struct device *device); /* at every step */
void check_after_crash(struct device *device);

/* ---- check_end.c ---- */
void check_end(struct world *world);

#endif
