// One life of the agent inside a process: from an open store and settings to sessions with the
// server. The process around it (signals, files, exit) is agent.c's; a simulator has another one.

#ifndef AGENT_LIFE_H
#define AGENT_LIFE_H

#include "agent/fetch.h"
#include "runtime/runtime.h"
#include "store/store.h"

struct arena;
struct drive;
struct host_facts;
struct life;
struct loop;

extern const struct store_schema life_schema; // of the agent's store

struct life_host {
    // What it can do of what the settings ask for; before the agent registers.
    void (*settle)(struct agent_config *settings, const struct host_facts *facts,
                   struct arena *arena);
    // `role` knows the keys that the server has sent.
    int (*open)(const struct agent_config *settings, const struct runtime_config *config,
                fetch_role_fn *role, void *role_user, struct runtime **out);
};

struct life_config {
    struct loop *loop;
    struct store *store;                 // open, of life_schema
    struct agent_config *config;         // capacity and the instance's ARN are filled in
    const struct runtime_driver *driver; // opened with config->docker_socket
    // What the host itself does for tasks (keeper.h). NULL: `driver` answers for it, as a
    // simulator's does.
    const struct life_host *host;
    // The agent must end with this status. Called at most once, from the loop.
    void (*ended)(void *user, int status);
    void *user;
};

// Everything in `config` lives as long as the life. AGENT_EXIT_DONE: it has begun. Anything else is
// the status to end with; there is nothing to free then.
int life_start(const struct life_config *config, struct life **out) MUST_CHECK;
void life_free(struct life *life); // containers are left alone; NULL is fine

// Settings that are files of their own are read again.
void life_reload(struct life *life);

// The agent ends in good order: what should not stay on the host is taken back, then `done` is
// called, from the loop. False: there is nothing of the kind.
bool life_leave(struct life *life, void (*done)(void *user), void *user);

struct drive *life_drive(struct life *life); // NULL until it is registered

#endif
