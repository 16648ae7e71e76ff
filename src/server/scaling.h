// The actions of managed scaling, carried out: a command is run or a URL is posted to, one at a
// time a capacity provider, and what came of it goes back to the thread that decides. Never waited
// for. Loop thread.
//
// A command is run by /bin/sh with GANTRY_REGION, GANTRY_CLUSTER, GANTRY_PROVIDER, GANTRY_GROUP,
// GANTRY_DESIRED_SIZE, GANTRY_PRESENT_SIZE, GANTRY_REMOVE (ids of container instances, parted by
// spaces) and GANTRY_REMOVE_MACHINES (their ec2InstanceId, "-" where there is none) in its
// environment. Exit status 0 is success. A URL gets a POST with the same in JSON; any 2xx is
// success.

#ifndef SERVER_SCALING_H
#define SERVER_SCALING_H

#include "server/scaling_config.h"

struct buf;
struct effect;
struct intake;
struct loop;
struct scaling;

struct scaling_options {
    struct loop *loop;
    struct intake *intake;
    struct scaling_config config; // outlives it
};

struct scaling *scaling_new(const struct scaling_options *options);
// Commands that run are left to themselves.
void scaling_free(struct scaling *scaling); // NULL is fine

// EFFECT_SCALE. Without a value its decision was undone.
void scaling_effect(struct scaling *scaling, const struct effect *effect);

// Nothing is sent to the thread that decides from here on.
void scaling_mute(struct scaling *scaling);

// gantry_capacity_provider_reservation and its kin, in Prometheus' text format.
void scaling_write_metrics(const struct scaling *scaling, struct buf *out);

#endif
