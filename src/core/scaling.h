// Managed scaling: once a minute, for each capacity provider that scales and has machines or tasks
// that wait, how many machines there shall be (core/capacity.h), which ones are given up, and what
// the operator's action is told. Nobody's machines are made or ended here: the action is an effect,
// carried out by the shell when its reason is durable, and what came of it is told to scaling_done.
// Until it succeeded it is asked for again every minute. Source: ecs-behaviour-scheduler 5.7, 5.8.

#ifndef CORE_SCALING_H
#define CORE_SCALING_H

#include "core/step.h"

// What the action is told. Lives with the effect that carries it.
struct scaling_call {
    uint64_t provider_id;
    struct str region;
    struct str cluster;
    struct str provider;
    struct str group;    // autoScalingGroupArn, as the caller gave it
    double reservation;  // CapacityProviderReservation of this minute, in percent
    bool is_wanted;      // false: the reservation is all there is to tell
    int64_t target;      // desiredSize of the record that this comes from
    int64_t desired;     // machines there shall be, those included that are still being emptied
    int64_t present;     // machines that are registered
    struct str_list ids; // container instances to give up now, as ids
    struct str_list machines; // the same as ec2InstanceId; empty where an agent named none
};

// What came of a call.
struct scaling_result {
    uint64_t provider_id;
    bool succeeded;
    struct str why; // of a failure
    int64_t target;
    struct str_list ids;
};

void scaling_run(struct step *step); // bounded a call
time_ms scaling_next(const struct state *state);

// Instances that were given up are deregistered; a failure is shown as the provider's update
// status.
void scaling_done(struct step *step, const struct scaling_result *result);
// The call was never made, or nobody can write down what came of it: it is made again. Changes no
// record.
void scaling_lost(struct state *state, uint64_t provider_id);

#endif
