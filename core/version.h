/* The one place of the program's version and of every format's number. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#define BAKEN_VERSION "0.1.0"

enum {
    STORE_FORMAT = 1,
    ENTRY_FORMAT = 1,
    LEDGER_FORMAT = 1,
    ACK_FORMAT = 1,
    BUNDLE_FORMAT = 1,
    KEYSLOT_FORMAT = 1,
    PAGE_FORMAT = 1,
    JSON_SCHEMA_VERSION = 1,
};

#endif
