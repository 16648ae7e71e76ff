// The fault injection endpoints: what a container asks is checked, turned into a script of the
// host's tools (host/fault.h), and run in the network namespace of the task or of the host.
// Source: ecs-behaviour-agent 7.2.

#ifndef AGENT_META_FAULTS_H
#define AGENT_META_FAULTS_H

#include "agent/meta_path.h"
#include "engine/engine.h"

struct http_exchange;
struct http_request;
struct meta_faults;

// What runs a script: in the namespace of the process `pid`, or of the host when it is 0. `done` is
// told its exit status, or a negative fault: it could not be run, -ETIMEDOUT when it took too long.
// Never from inside.
struct meta_faults_runner {
    void *(*run)(void *user, struct str script, int32_t pid, int64_t patience_ms,
                 void (*done)(void *user, int status), void *done_user);
    void (*cancel)(void *user, void *run);
    void *user;
};

struct meta_faults *meta_faults_new(const struct meta_faults_runner *runner);
void meta_faults_free(struct meta_faults *faults); // answers what is under way; NULL is fine

struct meta_fault_ask {
    struct http_exchange *exchange;
    const struct http_request *request; // the exchange's
    const struct meta_path *path;
    const struct engine_view *view; // a container of the task; NULL: there is none
    struct str address;             // of the caller
    int32_t pid;                    // of a process in the task's own network; 0: it has none
};

// `faults` NULL: this host has not the tools.
void meta_faults_request(struct meta_faults *faults, const struct meta_fault_ask *ask);

#endif
