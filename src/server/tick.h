// The thread that decides. Everything that changes state passes through here, one input after the
// other, and leaves as ticks: replies and effects that may be sent, because what they rest on is
// durable.

#ifndef SERVER_TICK_H
#define SERVER_TICK_H

#include "server/pipeline.h"

struct event_log;
struct store;
struct store_job;
struct tick_thread;

struct tick_config {
    struct state *state;   // the thread's own from tick_thread_start to tick_thread_join
    struct store *store;   // likewise, for committing
    struct event_log *log; // likewise
    uint64_t seed;         // of the dice
    int64_t probe_ms;      // between attempts while the store is down

    // Takes a tick over; gives it back with tick_release. Called in the order in which the ticks
    // were decided, but from different threads.
    void (*deliver)(void *user, struct tick *tick);
    void (*done)(void *user); // after INPUT_STOP, when the last tick has been delivered
    void *user;
};

struct tick_thread *tick_thread_start(const struct tick_config *config);

// Any thread. Takes the inputs over; they come back inside a tick.
void tick_thread_push(struct tick_thread *thread, struct queue_chain *inputs);
// Any thread; see commit_thread_run.
void tick_thread_store(struct tick_thread *thread, struct store_job *job);
void tick_release(struct tick_thread *thread, struct tick *tick); // inputs taken out before

// Decides and commits what was pushed before, then ends the thread. Nothing may be pushed
// afterwards.
void tick_thread_stop(struct tick_thread *thread);
void tick_thread_join(struct tick_thread *thread); // after `done`; frees it. NULL is fine.

#endif
