// How inputs become ticks: decided one after the other, committed together, delivered when durable.
//
// This is the order of things and nothing else: no thread, no clock, no socket. Who drives it (the
// core thread in tick.c, the simulator) tells the time, starts the commits it asks for and says how
// they ended.
//
//     pipeline_clock(p, wall, monotonic); pipeline_add(p, &inputs);
//     pipeline_decide(p); pipeline_hand_over(p);       ... later: pipeline_committed(p, 0, "")

#ifndef SERVER_PIPELINE_H
#define SERVER_PIPELINE_H

#include "base/rng.h"
#include "base/steady.h"
#include "core/events.h"
#include "io/loop.h"
#include "server/input.h"
#include "server/queue.h"

// What was decided together and is committed together. Delivered when it may be carried out.
struct tick {
    struct loop_job job; // for whoever it is delivered to
    void *owner;         // likewise
    struct tick *next_free;
    struct arena arena;        // effects
    struct step step;          // step.first: the effects in order
    struct queue_chain inputs; // calls with their replies, agents' inputs, in order
    size_t inputs_n;
    struct batch batch;
    struct event_notes notes; // what the batch has to tell
    uint64_t events_last;     // number of the newest event, when it is durable
    bool failed;        // undone: every call in it is to be refused, every session in it closed
    bool store_is_down; // while this was decided, or from here on
    int64_t decide_us;  // spent deciding; whoever drives the pipeline may note it, likewise below
    int64_t commit_us;  // spent committing; 0: there was nothing to commit
};

struct tick *tick_new(void);
void tick_clear(struct tick *tick); // inputs taken out before; ready to be used again
void tick_free(struct tick *tick);  // cleared or never used

struct pipeline_config {
    struct state *state;
    uint64_t seed; // of the dice
    bool tells;    // there is an event log

    // An unused tick, new or cleared.
    struct tick *(*unused)(void *user);
    // Starts to commit the tick's batch. When that went well, it is delivered; then, or when it
    // failed, pipeline_committed is called. One is under way at a time. Never answers from inside.
    void (*commit)(void *user, struct tick *tick);
    // Takes over a tick that has nothing to commit, or failed.
    void (*deliver)(void *user, struct tick *tick);
    void *user;
};

struct pipeline {
    struct pipeline_config config;
    struct rng rng;
    struct queue_chain backlog; // not yet decided
    struct tick *open;
    struct tick *in_flight; // NULL: the store is free. Not looked at after the commit went well.
    bool store_is_down;
    bool stopping;
    struct steady clock;
    int64_t down_since_ms; // monotonic
};

void pipeline_init(struct pipeline *pipeline, const struct pipeline_config *config, time_ms wall,
                   int64_t monotonic_ms);
void pipeline_deinit(struct pipeline *pipeline); // the open tick is freed, it has no inputs

void pipeline_clock(struct pipeline *pipeline, time_ms wall, int64_t monotonic_ms);
void pipeline_add(struct pipeline *pipeline, struct queue_chain *inputs); // takes them over

// Decides what waits, as far as the open tick has room, and what is due.
void pipeline_decide(struct pipeline *pipeline);
// Hands the open tick over if it holds anything and the store is free, and opens the next one.
void pipeline_hand_over(struct pipeline *pipeline);

// How the commit ended: 0, or a store_outcome and why; then everything undurable is undone and
// delivered as failed, and nothing is committed until pipeline_store_back.
void pipeline_committed(struct pipeline *pipeline, int outcome, struct str detail);
void pipeline_store_back(struct pipeline *pipeline);

// For how long there is nothing to do unless something comes in; INT64_MAX: for ever.
int64_t pipeline_idle_ms(const struct pipeline *pipeline);
// INPUT_STOP was decided, and everything before it committed.
bool pipeline_is_finished(const struct pipeline *pipeline);

#endif
