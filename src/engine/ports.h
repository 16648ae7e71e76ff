// The search for free host ports: the shell's half of the find-ports call (runtime/runtime.h).
//
// The engine says what it needs and which ports it has already promised; whether a port is really
// free only the kernel knows. The shell passes a test that binds and closes a socket on all
// addresses.

#ifndef ENGINE_PORTS_H
#define ENGINE_PORTS_H

#include "api/host.h"

struct arena;

typedef bool ports_test_fn(void *user, enum acs_transport_protocol protocol, int32_t port);

// Fills `out` (ports, or class other with the documented text) for the call. Ports found earlier in
// the same search count as taken.
void ports_find(const struct host_call *call, ports_test_fn *is_free, void *user,
                struct arena *arena, struct host_result *out);

#endif
