// The simulated server: the real pipeline, front, sessions and recovery, with the threads and the
// sockets taken away. What would be hand-overs between threads are events with a delay of their
// own.

#ifndef TESTS_SIM_SERVER_H
#define TESTS_SIM_SERVER_H

#include "model/state.h"
#include "store/memory.h"
#include "tests/sim/kernel.h"

struct sim_server;

struct sim_server_options {
    uint64_t seed;
    int64_t heartbeat_ms;
    time_ms stopped_task_keep_ms;
    time_ms inactive_keep_ms;
    time_ms definition_delete_ms;
    uint64_t events_kept;
    time_ms events_age_ms;
    int64_t commit_ms; // longest, while the disk is well
};

struct sim_server *sim_server_new(const struct sim_server_options *options);
void sim_server_free(struct sim_server *server); // it is down

void sim_server_start(struct sim_server *server);
// Takes down what the kernel calls dead, or what is to be stopped at once. It starts again after
// `down_ms`; < 0: not by itself.
void sim_server_kill(struct sim_server *server, int64_t down_ms);
bool sim_server_is_up(const struct sim_server *server);

struct node *sim_server_node(struct sim_server *server);
const struct state *sim_server_state(const struct sim_server *server); // up only

// The disk: every commit fails so, from now on. MEMORY_FAULT_NONE: it is well again.
void sim_server_fail_disk(struct sim_server *server, enum memory_fault fault);
void sim_server_slow_disk(struct sim_server *server, int64_t commit_ms);

uint64_t sim_server_commits(const struct sim_server *server);
bool sim_server_is_idle(const struct sim_server *server);   // nothing undecided, undurable, unsent
unsigned sim_server_calls(const struct sim_server *server); // unanswered

#endif
