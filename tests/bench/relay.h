/* Stands between a client and a server on loopback and counts the bytes that pass. */
#ifndef TESTS_BENCH_RELAY_H
#define TESTS_BENCH_RELAY_H

#include <stdint.h>

struct relay;

/* Passes on to 127.0.0.1:`port`, one connection at a time, by a thread of its own. Ends the program where it cannot. */
struct relay *relay_start(uint16_t port);
uint16_t relay_port(const struct relay *relay);
/* Bytes from the client and to it, headers of HTTP included, since it was started. */
uint64_t relay_sent(const struct relay *relay);
uint64_t relay_received(const struct relay *relay);
/* The client's connection is closed by then. */
void relay_stop(struct relay *relay);

#endif
