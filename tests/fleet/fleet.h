// Thousands of agents in one process, over real sockets to a server on loopback. Each registers (or
// takes the place of an instance that is registered already), asks where to connect, keeps its two
// websockets open, answers heartbeats, acknowledges what it is sent, and reports tasks RUNNING and
// STOPPED after the delays it was given, as the agent protocol has it. There are no containers.
//
// Agents obey and never fail by themselves: what goes wrong is counted.

#ifndef TESTS_FLEET_FLEET_H
#define TESTS_FLEET_FLEET_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/fleet/calls.h"

struct fleet;

struct fleet_config {
    struct loop *loop;
    struct calls *calls;
    struct str cluster;
    size_t agents_n;
    const struct str *instances; // ARNs, one an agent; NULL: they register
    int64_t cpu_units;           // of each that registers
    int64_t memory_mib;
    int64_t start_ms;   // from a payload to RUNNING
    int64_t life_ms;    // from RUNNING to a STOPPED of its own; 0: until told
    int64_t cut_ms;     // a connection is cut after so long and made again; 0: never
    size_t telemetry_n; // so many of them have the second websocket
    bool is_silent;     // nothing is ever reported
};

struct fleet_counts {
    size_t registered;
    size_t acs_open;
    size_t tcs_open;
    uint64_t reconnects;
    uint64_t refusals; // of a websocket
    uint64_t heartbeats;
    uint64_t payloads;
    uint64_t tasks;   // ever heard of
    uint64_t running; // reported, and the report accepted
    uint64_t stopped; // likewise
    uint64_t metrics; // telemetry messages sent
    uint64_t bad_messages;
};

struct fleet *fleet_new(const struct fleet_config *config);
void fleet_free(struct fleet *fleet); // after calls_free; NULL is fine

const struct fleet_counts *fleet_counts(const struct fleet *fleet);
bool fleet_is_connected(const struct fleet *fleet); // every websocket that should be open is

#endif
