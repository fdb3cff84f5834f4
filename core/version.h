/* The program's version, and the numbers of the formats that last: what is stored, or signed and kept. */
#ifndef CORE_VERSION_H
#define CORE_VERSION_H

#define BAKEN_VERSION "0.1.0"

enum {
    ENTRY_FORMAT = 1,
    LEDGER_FORMAT = 1,
    ACK_FORMAT = 1,
    BUNDLE_FORMAT = 1,
    KEYSLOT_FORMAT = 1,
};

#endif
