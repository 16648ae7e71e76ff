// The agent's part of ECS Exec: for each session that the server asks for, a command in a container
// and a websocket to the server, with bytes relayed between the two. Source: api/exec.idl; the
// published protocol has nothing for it.

#ifndef AGENT_RELAY_H
#define AGENT_RELAY_H

#include "agent/api.h"
#include "api/acs.h"
#include "runtime/runtime.h"

struct places;
struct relays;

struct relays_config {
    struct loop *loop;
    struct api *api;
    const struct agent_config *config;
    struct places *places; // the server is where ACS is
    const struct runtime_driver *driver;
    // The runtime's id of a container that runs, in the arena. False: there is none.
    bool (*find)(void *user, struct str task_arn, struct str container, struct arena *arena,
                 struct str *out_id);
    void *user;
};

// NULL: the driver cannot run commands.
struct relays *relays_new(const struct relays_config *config);
void relays_free(struct relays *relays); // hangs up what runs; NULL is fine

void relays_start(struct relays *relays, const struct acs_gantry_exec_message *message);

#endif
