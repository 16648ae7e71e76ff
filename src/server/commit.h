// The thread that commits: one batch at a time, and while the store is down, a probe now and then.

#ifndef SERVER_COMMIT_H
#define SERVER_COMMIT_H

#include "server/input.h"

struct commit_thread;
struct event_log;
struct store;
struct tick;

// Work for this thread, done between two commits, also while the store is down.
struct store_job {
    struct queue_item item;
    void (*run)(struct store_job *job);
};

// Word from this thread to the one that decides, through its queue; one of a kind is on its way at
// a time.
struct commit_result {
    struct input input; // INPUT_COMMITTED or INPUT_STORE_BACK
    int outcome;        // of store_commit
    char detail[200];
};

struct commit_config {
    struct store *store;
    struct event_log *log; // NULL: nothing is told
    struct queue *results;
    int64_t probe_ms;
    // Carries on a tick whose batch is durable. Called on this thread, before the result is told.
    void (*deliver)(void *user, struct tick *tick);
    void *user;
};

struct commit_thread *commit_thread_start(const struct commit_config *config);

// One tick at a time: not before the result of the last. On success it is delivered, on failure it
// stays the caller's. After a failure this thread probes the store until it answers, and says so
// with INPUT_STORE_BACK; until then nothing may be submitted.
void commit_thread_submit(struct commit_thread *thread, struct tick *tick);

// Any thread. Jobs run in the order in which they come; one that comes while the thread is being
// stopped may never run.
void commit_thread_run(struct commit_thread *thread, struct store_job *job);

void commit_thread_stop(struct commit_thread *thread); // joins and frees it; nothing under way

#endif
