/* Result codes, and the sentence behind the latest failure of this thread. */
#ifndef CORE_RC_H
#define CORE_RC_H

/* Each code means an action of the caller or the user; docs/CLI.md maps them to exit codes. */
enum rc {
    RC_OK = 0,
    RC_NOMEM,       /* memory ran out: stop, nothing was changed */
    RC_IO,          /* the disk or a file failed: stop, look at the disk */
    RC_FULL,        /* the disk is full: make room, do it again */
    RC_CORRUPT,     /* stored bytes are damaged, foreign or cut: run doctor */
    RC_INVALID,     /* input that cannot be: correct it */
    RC_TOO_LARGE,   /* input over its ceiling: shorten it */
    RC_ABSENT,      /* no such thing */
    RC_AMBIGUOUS,   /* more than one such thing: say which */
    RC_EXISTS,      /* there already */
    RC_LOCKED,      /* a passphrase or a key is missing or wrong: unlock, or wait for the key */
    RC_BUSY,        /* another process holds it: wait */
    RC_DENIED,      /* no right to it: ask the coordinator */
    RC_STALE,       /* the ledger moved on, or a precondition no longer holds: sync, do it again */
    RC_OFFLINE,     /* the server was not reached, or did not answer in full: try later */
    RC_UNTRUSTED,   /* a peer or the server broke the protocol or showed a forgery: tell somebody */
    RC_UNSUPPORTED, /* made by a newer program: upgrade */
    RC_COUNT
};

#define MUST_CHECK __attribute__((warn_unused_result))

/* Record the sentence of a failure and return `code`. The sentence is a fragment in the user's
 * language without a full stop ("the tag differs"); it never carries a secret or a family's text. */
enum rc rc_fail(enum rc code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Memory ran out: its one sentence, and RC_NOMEM. */
enum rc rc_nomem(void);

/* Put what was being done before the sentence ("opening the store: the tag differs"); return `code`. */
enum rc rc_while(enum rc code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The sentence of this thread's latest failure; empty when there was none. Valid until the next. */
const char *rc_sentence(void);

/* A stable machine-readable name ("too_large"), for JSON and logs. */
const char *rc_name(enum rc code);

#endif
