// The agent's settings, gathered: flags, environment, ecs.config, defaults.
// Source: agent-protocol 13, ecs-behaviour-agent A.

#ifndef AGENT_CONFIG_H
#define AGENT_CONFIG_H

#include "agent/agent.h"
#include "api/ecs.h"
#include "base/error.h"
#include "engine/engine.h"

struct arena;
struct config_unused;

struct agent_config {
    struct str endpoint; // URL
    struct str cluster;  // as configured; empty: "default", made when missing
    struct str region;
    const char *data_dir;
    const char *docker_socket;
    const char *credentials_file; // NULL: none
    const char *ca_file;
    bool insecure;

    struct ecs_attribute_list attributes; // ECS_INSTANCE_ATTRIBUTES
    struct ecs_tag_list tags;             // ECS_CONTAINER_INSTANCE_TAGS
    struct str_list log_drivers;
    struct str_list reserved_tcp; // as texts
    struct str_list reserved_udp;
    int64_t reserved_memory_mib;
    const char *cgroup_root;
    const char *secrets_dir;        // the operator's own secrets; NULL: none
    const char *env_files_dir;      // and environment files
    struct str parameters_endpoint; // URLs; empty: none
    struct str secrets_endpoint;
    struct str files_endpoint;
    bool external;
    bool privileged_disabled;
    bool selinux;
    bool apparmor;
    bool gpus;
    int32_t disk_reserve; // percent of a disk; below it images are removed at once. 0: off
    bool metrics_disabled;
    bool health_disabled;
    struct str os_family_detail;

    // The servers for containers and for people of the host (meta.h). Ports: 0: none.
    uint16_t metadata_port;
    uint16_t introspection_port;
    bool introspection_off_host;
    double metadata_rate;  // requests a second
    double metadata_burst; // and at once
    bool task_roles;
    bool task_roles_of_host;
    bool log_roles;     // of the tasks' awslogs drivers
    bool loopback_open; // of the host, to the interfaces that lead to the local server
    bool faults;        // can be injected; filled in when the host has been asked
    bool metadata_files;
    bool zone_hidden;
    const char *audit_path; // NULL: the log
    bool audit_disabled;

    // Networks of awsvpc tasks; without a pool and without a CNI list there are none.
    struct str network_pool;        // a CIDR
    struct str network_bridge;      // empty: not known, with a list of the operator's own
    struct str network_gateway;     // empty: the pool's first address
    struct str_list network_direct; // CIDRs that are reached without masquerade
    bool network_plain;             // nothing is masqueraded
    bool network_blocks_imds;
    const char *cni_file; // NULL: a bridge of our own
    const char *cni_plugins;
    const char *groups_file; // NULL: none
    struct str fargate;      // "FARGATE" or "FARGATE_SPOT": the host serves those; empty: EC2

    // Set, and without effect here (config_unused.h).
    const struct config_unused **unused;
    size_t unused_n;

    struct str_list gpu_ids; // that the host has; found before it registers
    struct str gpu_driver;

    struct engine_settings engine; // capacity is filled in when the engine has been asked
};

// What the environment says of a name; NULL: nothing.
typedef const char *config_getenv_fn(const char *name);

enum config_outcome { CONFIG_E_BAD = 1 };

// *out_why names the setting and what is wrong with it. Texts live in the arena.
int config_load(struct arena *arena, const struct agent_options *options,
                config_getenv_fn *environment, struct agent_config *out,
                struct str *out_why) MUST_CHECK;

// One registry's login, from either form. False: neither a user with a password nor `auth`.
struct host_registry_login;
bool config_registry_auth(struct arena *arena, const struct host_registry_login *login,
                          struct docker_registry_auth *out);

#endif
