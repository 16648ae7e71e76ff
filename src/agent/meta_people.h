// The introspection of the host, for people and tools on it. Source: ecs-behaviour-agent 4.8.

#ifndef AGENT_META_PEOPLE_H
#define AGENT_META_PEOPLE_H

#include "agent/meta_docs.h"
#include "agent/meter.h"
#include "wire/http_server.h"

// What the servers ask of the rest of the agent.
struct meta_source {
    struct engine_view_list (*views)(void *user, struct arena *arena);
    // False: this container's use is not followed. Texts are good until the next return to the
    // loop.
    bool (*sample)(void *user, struct str runtime_id, struct meter_sample *out);
    void *user;
};

// The handler's user; both outlive its server.
struct meta_people {
    struct meta_source source;
    const struct meta_host *host;
};
extern const struct http_server_handler meta_people_handler;

#endif
