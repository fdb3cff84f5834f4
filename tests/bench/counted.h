/* What a device asks of its server, counted on the way. */
#ifndef TESTS_BENCH_COUNTED_H
#define TESTS_BENCH_COUNTED_H

#include "sync/transport.h"

#include <stdint.h>

struct counted {
    struct transport under;
    unsigned requests;
    uint64_t entries_out; /* bytes of pushed runs of entries */
    double under_cpu_s;   /* of this process while a request was on its way: where the server runs in it too, the server's */
};

/* Puts itself before *transport, which it keeps; taken off again by counted_off. */
void counted_on(struct counted *counted, struct transport *transport);
void counted_off(struct counted *counted, struct transport *transport);

#endif
