// A container's resource use, from the runtime's samples to the sets that telemetry publishes.
//
// One struct stats a container, fed with every sample from its start to its end. stats_take gives
// what has gathered since the last take and begins anew. Formulas: ecs-behaviour-agent 6.2. Pure.

#ifndef ENGINE_STATS_H
#define ENGINE_STATS_H

#include "api/docker.h"
#include "api/tcs.h"

struct arena;

enum stats_counter {
    STATS_READ_BYTES,
    STATS_WRITE_BYTES,
    STATS_RX_BYTES, // from here on of the network
    STATS_RX_DROPPED,
    STATS_RX_ERRORS,
    STATS_RX_PACKETS,
    STATS_TX_BYTES,
    STATS_TX_DROPPED,
    STATS_TX_ERRORS,
    STATS_TX_PACKETS,
    STATS_COUNTERS_N,
};

struct stats_span {
    double min, max, sum;
    int32_t n;
};

// Cumulative counters are integers; their sum may pass 2^63.
struct stats_sums {
    int64_t min, max;
    uint64_t sum; // saturates
    int64_t n;
};

struct stats {
    bool network_goes_on; // set by the caller: it is the task's, and a restart does not end it
    int64_t read_ms;      // of the last sample; 0: none yet
    int64_t cpu_ns;
    double cpu_percent; // of the last interval
    bool has_percent;
    int64_t raw[STATS_COUNTERS_N];  // the last sample's
    int64_t base[STATS_COUNTERS_N]; // what runs before a restart had counted

    struct stats_span cpu;
    struct stats_span memory;
    struct stats_span rx_rate, tx_rate;
    struct stats_sums counters[STATS_COUNTERS_N];
    int32_t restarts_before; // at the end of the last window
    bool is_ahead;           // samples have shown a restart that stats_restarted is still to tell
};

// Zeroed is ready. `cores` of the host > 0. A sample without a time is dropped.
void stats_add(struct stats *stats, const struct docker_stats *sample, int32_t cores);

// The container was started again by its restart policy: its counters go on from where they were.
// The first sample of the new run may be there already.
void stats_restarted(struct stats *stats);

// False, and nothing is reset, while CPU or memory have too few samples. `network`: the container
// has numbers of its own (bridge). The name is the caller's to set.
bool stats_take(struct stats *stats, struct arena *arena, bool network, int32_t restarts,
                struct tcs_container_metric *out);

#endif
