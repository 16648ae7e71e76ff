// Networks of awsvpc tasks on this host: answers the engine's calls network-up and network-down.
// Interfaces come from CNI plugins, what may pass from security groups, both on this host alone.
//
// A bridge's ports are isolated from each other and the host answers for every address on it, so
// that all traffic of tasks is routed and the packet rules see it.

#ifndef AGENT_HOSTNET_H
#define AGENT_HOSTNET_H

#include "agent/config.h"
#include "engine/engine.h"
#include "host/rules.h"

struct hostnet;

struct hostnet_config {
    struct loop *loop;
    const struct agent_config *config; // its texts live as long as the hostnet
    struct rules *rules;
};

// `why` is empty when networks can be made. Called once, later.
typedef void hostnet_ready_fn(void *user, struct str why);

// Whether the host can do it shows in `ready`; a hostnet that cannot is of no use but to be closed.
struct hostnet *hostnet_open(const struct hostnet_config *config, hostnet_ready_fn *ready,
                             void *user);
void hostnet_close(struct hostnet *hostnet); // networks are left alone; NULL is fine

// What the engine knows of at its start: anything else that an earlier agent has left is removed.
void hostnet_begin(struct hostnet *hostnet, const struct engine_network_list *known);

// Exactly one answer for each call that is not cancelled, never from inside it.
typedef void hostnet_answer_fn(void *user, const struct host_result *result);
void hostnet_call(struct hostnet *hostnet, const struct host_call *call, hostnet_answer_fn *fn,
                  void *user);
void hostnet_cancel(struct hostnet *hostnet, int64_t token);

// Reads the file of groups again. One with a mistake in it is reported and changes nothing.
void hostnet_reload(struct hostnet *hostnet);
// The container engine is (again) there, and may have closed the host to what it has not made.
void hostnet_admit(struct hostnet *hostnet);

#endif
