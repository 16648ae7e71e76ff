// Who answers what the engine asks of the host itself (make-resource, remove-resource): groups of
// tasks, secrets, environment files, files of log routers. To the engine's shell it is a driver
// like that of the containers (runtime/runtime.h).

#ifndef AGENT_KEEPER_H
#define AGENT_KEEPER_H

#include "agent/fetch.h"
#include "agent/register.h"
#include "runtime/runtime.h"

struct life_host;

struct keeper_config {
    struct loop *loop;
    const struct agent_config *settings; // outlives the keeper
    runtime_post_fn *post;
    fetch_role_fn *role; // credentials of execution roles; NULL: the agent's own keys do
    void *user;          // of post
    void *role_user;
};

extern const struct life_host keeper_host; // for the agent's life

int keeper_open(const struct keeper_config *config, struct runtime **out) MUST_CHECK;

// What this host can do of what the settings ask for: switches off what it cannot, and says so in
// the log. Called before the agent registers.
// Texts that it adds live in `arena`.
void keeper_settle(struct agent_config *settings, const struct host_facts *facts,
                   struct arena *arena);

#endif
