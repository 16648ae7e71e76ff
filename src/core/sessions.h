// Agent sessions: who is connected, what an agent is told, what it tells. Inputs of the server's
// core. Source: agent-protocol 6 and 9.

#ifndef CORE_SESSIONS_H
#define CORE_SESSIONS_H

#include "core/step.h"

struct task;
struct instance;

// What the websocket URL's query says.
struct agent_hello {
    struct str region;  // of the request's credential scope
    struct str cluster; // as the agent was configured: a name or an ARN; empty means "default"
    struct str container_instance; // ARN
    struct str agent_version;
    struct str agent_hash;
    struct str docker_version;
    struct str abilities; // beyond the published protocol, "exec,..."; empty of other agents
};

// A websocket handshake asks to be let in. Exactly one EFFECT_ACS_ACCEPT or EFFECT_ACS_REFUSE
// follows; after an accept, what the agent must know (manifest, payloads). An older session of the
// same instance is closed.
void session_acs_open(struct step *step, session_id session, const struct agent_hello *hello);
void session_acs_message(struct step *step, session_id session, uint64_t instance_id,
                         enum acs_message kind, const void *message);
// The connection is gone, for whatever reason.
void session_acs_gone(struct step *step, session_id session, uint64_t instance_id);

void session_tcs_open(struct step *step, session_id session, const struct agent_hello *hello);
void session_tcs_message(struct step *step, session_id session, uint64_t instance_id,
                         enum tcs_message kind, const void *message);
void session_tcs_gone(struct step *step, session_id session, uint64_t instance_id);

// Called by whoever changed what should run on the instance: sends the task's payload when its
// agent is connected; otherwise the next session gets it.
void session_send_task(struct step *step, struct task *task);

// Asks the agent, which is connected, to come back as the version its host has for it. When it
// comes back, agentUpdateStatus becomes UPDATED or, with the same version as before, FAILED.
void session_send_update(struct step *step, struct instance *instance);

// The instance was deregistered: closes both of its connections.
void sessions_end(struct step *step, struct instance *instance, struct str text);

#endif
