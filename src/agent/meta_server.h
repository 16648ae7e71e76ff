// The agent's local HTTP servers: metadata, statistics, credentials, task protection and faults for
// containers, which reach it as http://169.254.170.2; and the introspection of the host.
// Source: ecs-behaviour-agent 4, 7.2.
//
// A container is known by the id in the path, which only it was told. Where its address is known
// too, credentials are given to its own task only.

#ifndef AGENT_META_SERVER_H
#define AGENT_META_SERVER_H

#include "agent/api.h"
#include "agent/meta_keys.h"
#include "agent/meta_people.h"

struct http_server;
struct loop;
struct meta_faults;
struct meta_server;

struct meta_config {
    struct loop *loop;
    struct api *api; // outlives it, like the next two
    const struct agent_config *config;
    const struct meta_keys *keys;
    struct meta_faults *faults; // NULL: faults cannot be injected here
    struct meta_source source;
};

// Neither listens yet.
struct meta_server *meta_server_new(const struct meta_config *config);
void meta_server_free(struct meta_server *server); // NULL is fine

// 127.0.0.1:`port` for containers. A fault when it cannot be had; then nothing has changed.
int meta_server_listen(struct meta_server *server, uint16_t port) MUST_CHECK;
// The introspection, on loopback or on all addresses.
int meta_server_introspect(struct meta_server *server, uint16_t port, bool off_host) MUST_CHECK;
// The port for containers, when it listens; for tests, which let the system choose.
uint16_t meta_server_port(const struct meta_server *server, bool of_introspection);

struct http_server *meta_server_http(struct meta_server *server, bool of_introspection); // likewise

// What is known from registration on. Copied.
void meta_server_registered(struct meta_server *server, struct str container_instance,
                            struct str zone);
const struct meta_host *meta_server_host(const struct meta_server *server);

#endif
