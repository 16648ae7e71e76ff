// What the container engine says of itself before the agent registers: asked until it answers.

#ifndef AGENT_PROBE_H
#define AGENT_PROBE_H

#include "agent/register.h"
#include "runtime/runtime.h"

struct probe;

// `facts` and `docker_version` live until it returns.
typedef void probe_fn(void *user, const struct host_facts *facts, struct str docker_version);

struct probe *probe_start(struct loop *loop, const struct runtime_driver *driver, struct str socket,
                          probe_fn *done, void *user);
void probe_cancel(struct probe *probe); // NULL is fine

#endif
