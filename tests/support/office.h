/* A team in one process: the real route layer over a real depot, and devices with real stores. No HTTP, no real time. */
#ifndef TESTS_SUPPORT_OFFICE_H
#define TESTS_SUPPORT_OFFICE_H

#include "core/store.h"
#include "server/server.h"
#include "sync/replica.h"
#include "tests/support/scratch.h"

enum { OFFICE_DEVICES = 6 };
#define OFFICE_START_MS INT64_C(1790000000000)

struct office;

/* What goes wrong on the way of one device, counted in requests from 1; 0: nothing. */
struct office_fault {
    unsigned lose_request; /* it never arrives */
    unsigned lose_answer;  /* it is performed, its answer lost */
    unsigned cut_answer;   /* its answer arrives by half */
    bool flips_boxes;      /* the last byte of what tells boxes is another */
    bool is_page;          /* a network's page to sign in answers everything: 200, HTML */
    bool is_away;          /* what stands before the server answers everything: 503, HTML */
};

struct office_device {
    struct office *office;
    char directory[128];
    char state[128];
    const char *base_vfs; /* below its store; NULL: the machine's own disk */
    const struct store_token_disk *token_disk; /* the same of its instance token */
    struct secret key;
    struct store *store;
    struct replica *replica;
    struct transport transport;
    struct office_fault fault;
    unsigned requests;
    size_t entry_bytes;      /* of the server's answers to what asked for entries, whether they arrived or not */
    size_t entry_bytes_most; /* of one of them */
    int64_t clock_off_ms; /* of the device's wall clock */
    int64_t booted_ms;    /* when the machine was started last, after it was switched off; 0: before all */
    bool is_off;
    struct sync_report report;
    struct id id;
    struct id person;
};

struct office {
    struct scratch scratch;
    struct server *server;
    int64_t now_ms;
    struct office_device devices[OFFICE_DEVICES];
};

/* A server alone. */
void office_open(struct office *office);
void office_close(struct office *office);
/* The same for cmocka, whose state is the office before the test begins. */
int office_tear_down(void **state);
void office_pass(struct office *office, int64_t ms);

/* Stops the server, and copies its directory away or puts that copy back; its start is another life. */
void office_keep_server(struct office *office);
void office_restore_server(struct office *office);

/* Device `at` gets a store, and belongs to no team yet. */
void office_make(struct office *office, int at);
/* Device `at` gets a store. 0 makes the team (administrator, coordinator and `roles`); another joins by invitation of 0. */
void office_found(struct office *office, uint32_t roles);
void office_join(struct office *office, int at, const char *name, uint32_t roles);
/* The same without its first session. */
void office_join_only(struct office *office, int at, const char *name, uint32_t roles);
/* A new office of two coaches: device 0 makes the team, 1 is Bram's; the family "vos" is of `owner`, and both have synced. */
struct id office_pair(struct office *office, int owner);
/* The same with a third coach, Caas, at 2, who works with no family yet. */
struct id office_pair_and_one(struct office *office, int owner);
/* A pair whose family the other works with as well, and both have all of it. */
struct id office_shared(struct office *office, int owner);
/* Device `by` gives the person of device `to` that function for the family, or releases him; both only read it at their next sync. */
void office_assign(struct office *office, int by, struct id family, int to, enum ledger_function function);
/* A further device of a person who is in the team, invited by device 0. */
void office_join_again(struct office *office, int at, struct id person);
/* Ends and opens the replica, the store with it. */
void office_reopen(struct office *office, int at);
void office_shut(struct office *office, int at);
/* Shuts the replica and switches the machine off: office_start, which starts it again, has it count its running time
 * from zero. */
void office_switch_off(struct office *office, int at);
/* By which its store is opened; the key stays the device's. */
struct store_options office_options(struct office *office, int at);
/* Opens only; the code of replica_open is given back. */
enum rc office_start(struct office *office, int at);

/* Demands success. */
void office_sync(struct office *office, int at);
enum rc office_try_sync(struct office *office, int at);
void office_sync_all(struct office *office, int count, int rounds);
struct id office_family(struct office *office, int by, const char *code_name, int owner);
/* A visit with that note in the family's file (and its twin in the index). */
struct id office_visit(struct office *office, int at, struct id family, const char *note);
enum rc office_try_visit(struct office *office, int at, struct id family, const char *note);
/* A bundle of device `from` for `to`, not whole, into `bundle`, the caller's to wipe; and the same taken in there. */
void office_pack(struct office *office, int from, int to, struct buf *bundle);
void office_carry(struct office *office, int from, int to);
/* What waits at a device. */
struct waiting office_waiting(struct office *office, int at);
/* A number that a statement gives of the device's store. */
int64_t office_ask(struct office *office, int at, const char *sql);
/* The journal's dump of a stream as text, the caller's to free; empty where the stream is not here. */
char *office_dump(struct office *office, int at, struct id stream);
/* Whether such a dump shows the word (of at most 120 bytes): as it is, or in hexadecimal digits, as values stand there. */
bool office_dump_shows(const char *dump, const char *word);
/* The same of what a device shows of a stream. */
bool office_shows(struct office *office, int at, struct id stream, const char *word);
/* Whether the stream is at both devices and its dumps are the same to the byte; both are printed where they differ. */
bool office_agree(struct office *office, int a, int b, struct id stream);
/* The path of the instance token of the device's store, which is open. */
void office_token_path(const struct office *office, int at, char path[256]);
/* True when any page of the device's store or frame of its WAL holds the word, free pages included: opened with the key. */
bool office_store_holds(struct office *office, int at, const char *word);

#endif
