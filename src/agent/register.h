// Registration: what this host is and can do, told to the server; who we are, told back.
// Source: agent-protocol 3.

#ifndef AGENT_REGISTER_H
#define AGENT_REGISTER_H

#include "agent/api.h"
#include "agent/config.h"

struct registration;

// What was learned of the container engine before registering.
struct host_facts {
    struct str api_version;
    struct str_list volume_plugins;
    struct str_list log_drivers; // that the engine has; none: it does not say
    struct str cgroup_driver;    // "systemd", "cgroupfs"
    struct str architecture;     // "x86_64", "arm64"
    struct str bridge;           // the host's interface of the default bridge network; empty: none
    int64_t cpus;
    int64_t memory_mib;
    struct str root_dir; // where the engine keeps images and containers; empty: it does not say
    struct str storage_driver; // of these: "overlay2", "btrfs"
};

// CPU units and MiB to register; the engine's books use the same. False: more memory is reserved
// than there is.
bool host_capacity(const struct agent_config *config, const struct host_facts *facts,
                   int32_t *out_cpu_units, int32_t *out_memory_mib);

// The whole request. `container_instance`: the stored ARN, empty at first.
struct ecs_register_container_instance_request *
register_request(struct arena *arena, const struct agent_config *config,
                 const struct host_facts *facts, struct str container_instance, struct str token);

enum registration_end {
    REGISTRATION_DONE,
    REGISTRATION_TERMINAL, // trying again is pointless: exit 5
    REGISTRATION_FAILED,   // gave up after an hour, or an unexpected refusal: exit 1
};

typedef void registration_fn(void *user, enum registration_end end, struct str container_instance,
                             struct str zone, struct str why);

// Registers, retrying what may pass for up to an hour (3 s to 192 s, doubling); makes the cluster
// `default` when none was configured and it is missing.
struct registration *registration_start(struct loop *loop, struct api *api,
                                        const struct agent_config *config,
                                        const struct host_facts *facts,
                                        struct str container_instance, struct str token,
                                        registration_fn *done, void *user);
void registration_cancel(struct registration *registration); // NULL is fine

#endif
