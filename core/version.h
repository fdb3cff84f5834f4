/* The program's version, and the number of every format: what is stored, signed and kept, sent, or printed. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#define BAKEN_VERSION "0.1.0"

/* docs/PROTOCOL.md, docs/STORE.md and docs/CLI.md draw them. The tables of store and depot count their own changes: the
 * numbers of core/schema and server/schema. */
enum {
    ENTRY_FORMAT = 1,   /* of an entry, and of the run that carries it */
    LEDGER_FORMAT = 1,  /* of an operation */
    KEY_BOX_FORMAT = 1, /* of what a key box holds */
    ACK_FORMAT = 1,
    BUNDLE_FORMAT = 1,
    INVITATION_FORMAT = 1,
    JOIN_REQUEST_FORMAT = 1,
    WIRE_FORMAT =
        1, /* of a request's or an answer's body: push, page, ledger answer, hello, push answer */
    KEYSLOT_FORMAT = 2,  /* of keyslots.json */
    TOKEN_FORMAT = 2,    /* of the instance token */
    IDENTITY_FORMAT = 1, /* of a device's own keys in the store */
    OUTPUT_FORMAT = 1,   /* schema_version of what --json prints */
};

#endif
