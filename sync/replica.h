/* The facade of libbaken: an open store with its identity, ledger, keys and journal.
 * Everything here works with no network, except what takes a `struct transport`. */
#ifndef SYNC_REPLICA_H
#define SYNC_REPLICA_H

#include "core/change.h"
#include "core/family.h"
#include "core/journal.h"
#include "core/store.h"
#include "sync/joining.h"
#include "sync/ledger.h"
#include "sync/transport.h"

struct replica;

/* Opens what the store holds; brings own covers to their end whose time is over (seals what waits, deletes boxes, keys,
 * rows, free pages) before anything can be read, and hides those of which only a jump of the clock says so. A store without
 * a team opens too. `store` is lent. */
enum rc replica_open(struct store *store, struct replica **replica) MUST_CHECK;
void replica_close(struct replica *replica);

struct journal *replica_journal(struct replica *replica);
const struct ledger *
replica_ledger(const struct replica *replica);       /* NULL before a team is known */
bool replica_in_team(const struct replica *replica); /* joined and approved */
/* The server said so, or a ledger line: this device, or its person, is in the team no more. What it writes
 * does not count. */
bool replica_is_revoked(const struct replica *replica);
/* Without functions: those differ by family. */
struct author replica_self(const struct replica *replica);
/* As author of a stream: with the functions that the ledger gives now. */
struct author replica_self_in(const struct replica *replica, struct id stream);
const struct save_source *replica_saves(struct replica *replica); /* for history and bases */
/* Device time: the highest of wall clock, last server time, and stored time plus time running. The server's word takes back
 * what only a jump of the clock said. */
int64_t replica_now_ms(struct replica *replica);

/* ---- writing, offline ------------------------------------------------------------------------- */
/* Saves changes of one or more streams as one transaction: journal and outbox. RC_OK means it is on disk.
 * RC_DENIED without the right to write there. hlc and supersedes are filled in. */
enum rc replica_save(struct replica *replica, struct change *changes, size_t count) MUST_CHECK;
/* Many saves in one commit, as an import makes them: what replica_save is given between these two is kept in memory and written
 * at the end, and RC_OK of each means "with the commit". A save that fails before it began (RC_DENIED, RC_LOCKED) may be left
 * out; after any other failure all is rolled back. In between the replica is asked for nothing else; the journal may be read.
 * `_end` takes the failure that ends it, and returns the first; it is due after RC_OK of `_begin` alone. */
enum rc replica_saves_begin(struct replica *replica) MUST_CHECK;
enum rc replica_saves_end(struct replica *replica, enum rc rc) MUST_CHECK;

/* ---- names: sealed on the ledger under the team key ------------------------------------------------ */
/* The person's name or the device's label into `out`; "?" plus a short id while the key is missing. */
enum rc replica_person_name(struct replica *replica, struct id person, struct buf *out) MUST_CHECK;
enum rc replica_device_label(struct replica *replica, struct id device, struct buf *out) MUST_CHECK;

/* ---- membership: needs the server ------------------------------------------------------------------ */
struct team_new {
    const char *code;           /* the server administrator's one-time code */
    const char *server_address; /* as devices will reach it */
    const char *person_name;
    const char *device_label;
    uint32_t roles; /* LEDGER_ROLE_*; administrator is added */
};
enum rc replica_create_team(struct replica *replica, const struct transport *transport,
                            const struct team_new *team) MUST_CHECK;
/* An invitation's text into `out`. A known `person` (not zero) gets a further device; else a new person. */
enum rc replica_invite(struct replica *replica, const struct transport *transport, struct id person,
                       const char *person_name, uint32_t roles, int64_t valid_ms,
                       struct buf *out) MUST_CHECK;
/* Reads an invitation, makes the identity, delivers the request; digits ("1234 5678 ...", 24 characters and NUL). Repeatable:
 * the same invitation on the same store gives the same digits. Done once a session fetched the approving line. */
enum rc replica_join(struct replica *replica, const struct transport *transport,
                     const char *invitation, char digits[JOINING_DIGITS_CHARS + 1]) MUST_CHECK;
/* The server address an invitation names, before a transport exists. */
enum rc replica_invitation_address(const char *invitation, struct buf *address) MUST_CHECK;
/* Appends the address of the team's server: the ledger's, or while joining the invitation's. RC_ABSENT when
 * this store knows neither. */
enum rc replica_server_address(struct replica *replica, struct buf *address) MUST_CHECK;
/* Fetches waiting requests and approves the one whose digits were typed; RC_ABSENT when none has them. The
 * device is called after its person when device_label is NULL. */
enum rc replica_approve(struct replica *replica, const struct transport *transport,
                        const char *digits, const char *device_label, struct id *device) MUST_CHECK;
enum rc replica_revoke_device(struct replica *replica, const struct transport *transport,
                              struct id device) MUST_CHECK;
enum rc replica_set_roles(struct replica *replica, const struct transport *transport,
                          struct id person, uint32_t roles) MUST_CHECK;
/* What a family begins with; the texts are lent. */
struct family_new {
    struct id owner;
    struct family record;   /* code_name is compulsory; the id is given */
    struct profile profile; /* nothing filled in: none is saved */
};
/* Checks all of it (RC_INVALID, RC_TOO_LARGE; RC_DENIED where this device could not save it); then ledger line, keys, and
 * record and profile as one save. Called again after a lost answer, it makes no second family. */
enum rc replica_create_family(struct replica *replica, const struct transport *transport,
                              const struct family_new *wanted, struct id *family) MUST_CHECK;
enum rc replica_assign(struct replica *replica, const struct transport *transport, struct id family,
                       struct id person, enum ledger_function function) MUST_CHECK;
struct cover_new {
    const struct id *families;
    size_t count;
    struct id person;
    int64_t from_ms, until_ms;
    bool may_write;
};
enum rc replica_cover_give(struct replica *replica, const struct transport *transport,
                           const struct cover_new *cover, struct id *id) MUST_CHECK;
enum rc replica_cover_accept(struct replica *replica, const struct transport *transport,
                             struct id cover) MUST_CHECK;
enum rc replica_cover_end(struct replica *replica, const struct transport *transport,
                          struct id cover) MUST_CHECK;
/* The same without the server: bundles between the two take what is signed along, with keys and entries, and it counts for their
 * devices at once; the first of them that meets the server has it ordered. Needs the keys of the families (RC_LOCKED), and a ledger
 * that was the server's within 30 days (RC_STALE); a rule that fails is told as by ledger_check. */
enum rc replica_cover_carry(struct replica *replica, const struct cover_new *cover,
                            struct id *id) MUST_CHECK;
/* Of a cover that is carried, or on the ledger. What came in a bundle before it was accepted is to be imported once more. */
enum rc replica_cover_carry_acceptance(struct replica *replica, struct id cover) MUST_CHECK;

/* ---- sync ------------------------------------------------------------------------------------------ */
struct sync_report {
    uint64_t lines, pushed, pulled, applied, parked, held, new_conflicts;
    uint64_t refused;           /* own entries the server refused: kept here */
    uint64_t rotations, grants; /* paid in this session */
    uint64_t rotations_owed, grants_due;
    uint64_t forged_boxes;
    int64_t clock_off_ms; /* own wall clock minus server time */
    bool is_complete;     /* false while a stream is still being filled */
    bool has_ledger_gap;  /* of a bundle: lines before its own are missing here */
    uint64_t carried_taken;   /* of a bundle: operations of covers that were given or accepted without the server */
    uint64_t carried_ordered; /* of a session: those that stand on the ledger now */
    uint64_t carried_refused; /* those that no rule of the team allows */
    uint64_t lines_returned, boxes_returned; /* of a session: what a server that was put back from a backup was given of the ledger */
    bool was_handed_back; /* the server held fewer entries than it gave, and was offered what is here */
};
typedef void (*sync_progress_fn)(void *context, const char *step, uint64_t done, uint64_t of);
struct sync_options {
    sync_progress_fn progress; /* may be NULL */
    void *context;
    int64_t wait_ms; /* long poll: wait for something new before giving up; 0 usually */
};
/* One session (PROTOCOL section 9). Interrupted anywhere, the next goes on; `report` tells how far it came. */
enum rc replica_sync(struct replica *replica, const struct transport *transport,
                     const struct sync_options *options, struct sync_report *report) MUST_CHECK;

/* ---- what has synced, and at whom ------------------------------------------------------------------- */
/* The feeds of a stream. Of one that this device may not read (a coordinator asks about a file): the feeds that their
 * writers' own acknowledgements name, as far as these say that they wrote. */
struct feed_status {
    struct id stream;
    struct feed_ref feed;
    uint32_t written;   /* last save that this device knows of: own saves included */
    uint32_t sealed;    /* own feeds: last save sealed */
    uint32_t on_server; /* last save the server has acknowledged holding */
};
typedef enum rc (*replica_feed_fn)(void *context, const struct feed_status *feed);
enum rc replica_feeds(struct replica *replica, struct id stream, replica_feed_fn visit,
                      void *context) MUST_CHECK;
struct ack_status {
    struct id device;
    int64_t acked_at_ms; /* the device's claim; 0: never */
    uint64_t position;   /* of the ledger, as far as it had read then */
    uint32_t last;       /* last applied save of the feed asked about */
};
/* What `device` has applied of `feed` in `stream`, by its newest acknowledgement that we hold; never, where it may not read
 * the stream, or came to read it only after that: a right that ended meanwhile had it purge all. */
enum rc replica_applied_at(struct replica *replica, struct id device, struct id stream,
                           struct feed_ref feed, struct ack_status *status) MUST_CHECK;
/* When `device` last told of anything: its newest acknowledgement, of whatever stream, that we hold; 0: never. A device
 * acknowledges at the end of a session, when it has all that the server holds for it, and names only the streams that
 * changed: its picture of the others is as old as this too. The device's claim. */
enum rc replica_heard_at(struct replica *replica, struct id device, int64_t *at_ms) MUST_CHECK;
struct waiting {
    uint64_t saves_unsealed, entries_unsent; /* own ones */
    uint64_t entries_carried; /* of others, brought by a bundle: the next session passes on what the server lacks */
    uint64_t parked, held;
    uint64_t hidden;      /* families of a cover that is over only by a jump of this device's clock */
    uint64_t filling;     /* streams that are being fetched from their beginning */
    uint64_t filling_covered; /* of these, streams of families that this person covers */
    bool needs_upgrade;   /* the team, or a colleague, uses a newer program, and something waits for that one here */
    bool is_cover_carried;    /* such a cover travels without the server: nobody here can say whether what a bundle brought is all */
    bool is_pull_open;        /* the server had more in the latest session */
    bool is_incomplete;   /* a session was cut off while the server had more: not all that this device may read is here */
    int64_t last_sync_ms; /* last complete session; 0: never */
    int64_t clock_off_ms;
};
enum rc replica_waiting(struct replica *replica, struct waiting *waiting) MUST_CHECK;
/* Parked and held entries with their reason, a stable word ("key", "ledger", "gap", "late", ...). */
typedef enum rc (*replica_parked_fn)(void *context, struct id stream, struct feed_ref feed,
                                     uint32_t first, uint32_t last, const char *reason);
enum rc replica_parked(struct replica *replica, replica_parked_fn visit, void *context) MUST_CHECK;
/* Of one stream, in saves: own ones not sealed, own ones sealed and not known to be at the server; received ones that wait, and
 * that are held. */
struct stream_waiting {
    uint64_t unsealed, unsent, parked, held;
};
enum rc replica_waiting_in(struct replica *replica, struct id stream,
                           struct stream_waiting *waiting) MUST_CHECK;
/* The received ones, one feed and reason at a time: entries of one feed that wait for one reason, a stable word ("key", "ledger", "gap", "late", ...). */
struct parked_group {
    struct id stream;
    struct feed_ref feed;
    bool is_held;
    const char *reason;
    uint32_t first, last; /* the lowest and highest save; others may lie between */
    uint64_t entries, saves;
};
/* Of one feed, state and reason, whatever the stream. */
bool replica_group_is_like(const struct parked_group *one, const struct parked_group *other);
/* The same as replica_waiting_twins of what was received. */
enum rc replica_received_twins(struct replica *replica, const struct parked_group *group,
                               uint64_t *twins) MUST_CHECK;
/* What becomes of late work by itself (PROTOCOL section 9), from the least. */
enum received_fate {
    RECEIVED_WAITS,  /* nothing: a person must look at it */
    RECEIVED_UNSENT, /* written under a cover that has ended in order, and not known to be at the server: that comes first */
    RECEIVED_UNREAD, /* under such a cover, and at the server: a coach's session admits it if all of it only adds, which cannot be read here */
    RECEIVED_COUNTS, /* a coach's session admits it */
};
/* Of a group the least of its entries: what stands behind one that waits, waits too. */
enum rc replica_received_fate(struct replica *replica, const struct parked_group *group,
                              enum received_fate *fate) MUST_CHECK;
typedef enum rc (*replica_parked_groups_fn)(void *context, const struct parked_group *group);
enum rc replica_parked_groups(struct replica *replica, replica_parked_groups_fn visit,
                              void *context) MUST_CHECK;
/* How many saves of another stream wait as those of a group do (replica_group_is_like): 0 when none does. */
enum rc replica_parked_alike(struct replica *replica, const struct parked_group *group, struct id stream, uint64_t *saves) MUST_CHECK;
/* How many of the own saves that wait in an index stream, sealed or not, only carry what a save in the family's file says too:
 * a person made one change, not two. 0 in other streams. Reads each of them; of a family that is here no more, whose key is gone, as
 * many as can be are taken for such, so what is left is the least that was written. */
enum rc replica_waiting_twins(struct replica *replica, struct id stream, uint64_t *twins) MUST_CHECK;

/* Can a device see a save? From the least to the most; what holds first is told. */
enum sight {
    SIGHT_UNKNOWN,     /* the save is not known here, or what became of it cannot be (continuity not proven, another chain) */
    SIGHT_REVOKED,     /* the device, or its person, is in the team no more */
    SIGHT_NO_RIGHT,    /* it may not read the stream now */
    SIGHT_HELD,        /* late work by the ledger as it is read here: it counts nowhere until somebody admits it */
    SIGHT_PARKED_HERE, /* it came to this device and cannot be applied yet; of that device nothing is known */
    SIGHT_HERE_ONLY,   /* own, not sealed yet */
    SIGHT_SEALED,      /* sealed, not at the server as far as is known; perhaps it went out in a bundle */
    SIGHT_KEY_DUE,     /* at the server, but the device was not given the key of the stream's current epoch */
    SIGHT_ON_SERVER,   /* at the server; the device has not told that it applied it */
    SIGHT_APPLIED,     /* the device told so, or wrote it by a right of that time; and could read the stream without a break since */
    SIGHT_COUNT
};
const char *sight_name(enum sight sight); /* a stable word */
struct sight_status {
    enum sight sight;
    int64_t at_ms; /* SIGHT_APPLIED: the device's claim when it told so; 0: it is this device, or wrote it */
    uint32_t first; /* of the saves of one entry, from this one to the save that was asked, the same is told; 0: it is in no entry here */
};
/* Never SIGHT_APPLIED of a device that has not applied it, but for what nobody here can know: that since it told its store was put back,
 * hides what a jump of its clock ended, or holds it as late work by a line that was not read here. */
enum rc replica_sees(struct replica *replica, struct id device, struct id stream,
                     const struct version *version, struct sight_status *status) MUST_CHECK;

/* ---- what others changed ---------------------------------------------------------------------------- */
enum news_kind {
    NEWS_ALSO_CHANGED = 1, /* others changed what this person works on: information */
    NEWS_TWO_VERSIONS,     /* of the same part: a choice */
};
struct news_item {
    enum news_kind kind;
    struct id family; /* zero in the team stream */
    struct id record;
    uint32_t entity, unit;
    struct id person; /* who changed it last, by their clock */
    uint64_t hlc;
};
typedef enum rc (*replica_news_fn)(void *context, const struct news_item *item);
/* Units that others changed, by entries that reached the server, or came in a bundle, since news were last told: of families whose
 * coach this person is, and of records where this person's words stand. Nothing before they were told once. *more: entries beyond
 * the first 200 units, which are not looked at. */
enum rc replica_news(struct replica *replica, replica_news_fn visit, void *context,
                     uint64_t *more) MUST_CHECK;
/* All that is here has been told. */
enum rc replica_news_told(struct replica *replica) MUST_CHECK;

/* ---- history: offline, from log and outbox ---------------------------------------------------------- */
/* Where a version is, and what its author had seen of its unit. */
struct version_facts {
    struct id person; /* of the device that signed it; zero when the ledger does not know it */
    uint64_t hlc;
    int64_t arrived_ms; /* when the server took it, by its clock; 0: not known to have */
    bool is_waiting;    /* an own save that was not sealed yet */
    struct version *seen; /* the versions that it replaced; heap memory of the caller (free) */
    size_t seen_count;
};
/* RC_ABSENT when it is not here, or its body is gone. */
enum rc replica_version_facts(struct replica *replica, struct id stream,
                              const struct version *version, struct version_facts *facts) MUST_CHECK;

enum history_state {
    HISTORY_CURRENT = 1, /* nothing that counts replaced it */
    HISTORY_REPLACED,
    HISTORY_PAST, /* neither: a removal from a list, or replaced by what cannot be read any more */
    HISTORY_HELD, /* came too late */
    HISTORY_PARKED,
};
/* A stable word: "current", "replaced", ... */
const char *history_state_name(enum history_state state);
struct history_item {
    struct version version;
    uint32_t entity, unit;
    struct id person; /* as in version_facts */
    uint64_t hlc;
    int64_t arrived_ms;
    bool is_waiting;
    enum history_state state;
    bool is_shown;
    bool is_replaced; /* by a version that is readable: */
    struct version by;
    struct version *seen;
    size_t seen_count;
    uint8_t *value;
    size_t value_len;
};
/* Every version of a record that is here, by entity, unit, clock. Embedded value: {0} ... replica_history_wipe. */
struct history {
    struct history_item *items;
    size_t count;
    uint64_t unreadable; /* entries of the stream without key or body: what they hold of it, nobody here can say */
};
/* Entity 0: of every entity of that record. RC_ABSENT when the stream is not here. */
enum rc replica_history(struct replica *replica, struct id stream, uint32_t entity, struct id record,
                        struct history *history) MUST_CHECK;
void replica_history_wipe(struct history *history);

/* One thing that was written and does not count here: late work that is held, or what waits. The value is lent. */
struct received_item {
    struct id stream, family; /* family: zero in the team stream */
    struct version version;
    enum history_state state; /* HISTORY_HELD, HISTORY_PARKED */
    const char *reason;       /* a stable word, as in parked_group */
    struct id person;         /* as in version_facts */
    uint64_t hlc;
    int64_t arrived_ms;
    uint32_t entity, unit;
    struct id record;
    const uint8_t *value;
    size_t value_len;
};
typedef enum rc (*replica_received_fn)(void *context, const struct received_item *item);
/* All of it that can be read, also of records of which nothing that counts is here; twins, which say the same once more, apart.
 * *unreadable: entries without a key, or without what they stand on. */
enum rc replica_received(struct replica *replica, replica_received_fn visit, void *context,
                         uint64_t *unreadable) MUST_CHECK;

/* ---- bundles, doctor ---------------------------------------------------------------------------------- */
/* What `device` may have and, by its acknowledgements, is not known to have, sealed to it, appended to `out`: ledger lines,
 * entries, the keys of what is sent and it may read, acknowledgements of others and a fresh own one. `is_whole`: whatever it is
 * known to have, and what it wrote itself: for a store that was put back. */
struct bundle_report {
    uint64_t lines, entries, boxes, acks;
    uint64_t carried; /* operations of covers that wait for the server */
    uint64_t saves_left; /* own saves that stay here unsealed: a rotation is owed in their stream, or this store is in doubt */
};
enum rc replica_bundle_pack(struct replica *replica, struct id device, bool is_whole,
                            struct bundle_report *report, struct buf *out) MUST_CHECK;
/* Fails with RC_INVALID when the file is not whole, RC_UNTRUSTED when its signature does not hold, RC_DENIED when it is for
 * another device or team, RC_STALE when its sender is unknown here; nothing is changed then. */
enum rc replica_bundle_import(struct replica *replica, const void *bytes, size_t len,
                              struct sync_report *report) MUST_CHECK;
struct doctor_finding {
    const char *what; /* a stable word */
    struct id stream;
    char sentence[500];
    char details[300]; /* of SQLite, in its own words, for an expert; empty: none */
};
typedef enum rc (*replica_finding_fn)(void *context, const struct doctor_finding *finding);
/* Before replica_open: what would keep it from opening. Indexes are made anew that do not fit their tables. Ledger lines
 * from the first that does not hold, and keys of another size, are dropped and come again with the next session; until then
 * nothing is sealed, gained or lost by the shorter ledger. */
enum rc replica_mend(struct store *store, replica_finding_fn visit, void *context) MUST_CHECK;
/* Structure, every page with the tables concerned, keys, chains, signatures, digests, what waits, and that tables and search index
 * equal a rebuild. What can be is repaired: made anew from a whole log, saved anew, or marked to be fetched again by the next
 * session. Findings name the rest. After a finding of a key the replica is to be opened anew. */
enum rc replica_doctor(struct replica *replica, replica_finding_fn visit, void *context) MUST_CHECK;
/* For a store whose replica does not open, or that was opened to be read: structure, the tables that cannot be read, pages.
 * Changes nothing. */
enum rc replica_doctor_store(struct store *store, replica_finding_fn visit, void *context) MUST_CHECK;
/* Resets and applies a stream again from log and outbox. */
enum rc replica_rebuild(struct replica *replica, struct id stream) MUST_CHECK;

#endif
