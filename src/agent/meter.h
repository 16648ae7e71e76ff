// What the containers use: a stats stream for each one that runs, gathered for telemetry.
// Source: ecs-behaviour-agent 6.1, 6.3.

#ifndef AGENT_METER_H
#define AGENT_METER_H

#include "agent/drive.h"
#include "api/tcs.h"

struct arena;
struct loop;
struct meter;

// The newest sample of a container, as the engine wrote it.
struct meter_sample {
    struct str json; // empty: none has come yet
    bool has_rates;
    double rx_bytes_per_second;
    double tx_bytes_per_second;
};

// `cores` of the host, > 0. The drive outlives the meter.
struct meter *meter_new(struct loop *loop, struct drive *drive, int32_t cores);
void meter_free(struct meter *meter); // NULL is fine

// What has gathered since the last call, task by task, in `arena`; texts are the engine's, good
// until its next step. A container with too few samples is left out and keeps gathering; a task
// whose containers are all left out does not appear.
struct tcs_task_metric_list meter_take(struct meter *meter, struct arena *arena);

// False: the container is not followed. The text is good until the next return to the loop.
bool meter_last(const struct meter *meter, struct str runtime_id, struct meter_sample *out);

#endif
