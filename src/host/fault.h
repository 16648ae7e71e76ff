// Network faults as scripts for /bin/sh: ports that swallow what is sent to them (nft), packets
// that come late or not at all (tc). A script is run in the network namespace it is meant for. The
// agent's own endpoint is always spared. Source: ecs-behaviour-agent 7.2.
//
// What a script has done stays until it is undone or the namespace goes; the kernel knows it, so an
// agent that was started anew does too.

#ifndef HOST_FAULT_H
#define HOST_FAULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct buf;

enum fault_kind { FAULT_BLACKHOLE, FAULT_LATENCY, FAULT_LOSS };
enum fault_act { FAULT_START, FAULT_STOP, FAULT_STATUS };

// "10.0.0.0/8", "::1"; spelled by whoever read it, never by whoever sent it.
struct fault_address {
    struct str text;
    bool is_v6;
};

struct fault_addresses {
    struct fault_address *at;
    size_t n;
};

struct fault_spec {
    enum fault_kind kind;
    enum fault_act act;
    bool is_host; // the interface of the default route; otherwise all but loopback

    uint16_t port; // blackhole
    bool is_udp;
    bool is_egress;

    int32_t delay_ms; // latency
    int32_t jitter_ms;
    int32_t loss_percent;  // loss
    int32_t flows_percent; // of the flows; rounded up to tens
    struct fault_addresses hit;
    struct fault_addresses spared;
};

// How a script ends; anything else is a failure, and nothing has been changed.
enum fault_exit {
    FAULT_EXIT_DONE = 0,
    FAULT_EXIT_LATENCY_RUNS = 10, // of a start: there is one already
    FAULT_EXIT_LOSS_RUNS = 11,
    FAULT_EXIT_NOT_RUNNING = 12, // of a question
};

void fault_write(struct buf *out, const struct fault_spec *spec);

// Whether this host has the tools and its kernel what they need: 0. To be run in a namespace of its
// own ("unshare -n").
extern const char fault_probe[];

#endif
