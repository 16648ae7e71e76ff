// The agent as a whole: one container instance, one loop thread, until SIGTERM.
//
// Settings come from four places: these options (flags), the environment (ECS_*, AWS_*), an
// ecs.config file, defaults; the earlier wins. Source: agent-protocol 13.

#ifndef AGENT_AGENT_H
#define AGENT_AGENT_H

#include <stdbool.h>

// NULL: not given by flag.
struct agent_options {
    const char *endpoint;      // "http://127.0.0.1:7420"; ECS_BACKEND_HOST
    const char *cluster;       // ECS_CLUSTER
    const char *region;        // AWS_DEFAULT_REGION
    const char *data_dir;      // ECS_DATADIR; agent.db lies here
    const char *config_file;   // lines of KEY=VALUE; default /etc/ecs/ecs.config, if there is one
    const char *docker_socket; // DOCKER_HOST
    const char *credentials_file; // profile "default"; else AWS_* and ~/.aws/credentials
    const char *secrets_dir;      // the operator's own secrets, a file each
    const char *efs_server;       // NFS server that exports file systems by their ids
    const char *env_files_dir;    // environment files: bucket/key
    const char *ca_file;          // trusted for https; NULL: the system's
    bool insecure;
    int disk_reserve;        // percent of a disk that is to stay free; 0: nobody looks
    const char *awsvpc_pool; // a CIDR for the addresses of awsvpc tasks
    const char *awsvpc_bridge;
    const char *awsvpc_gateway;
    const char *awsvpc_direct; // CIDRs, commas between
    const char *awsvpc_dns;    // addresses, likewise
    bool awsvpc_no_masquerade;
    const char *cni_config;      // a network configuration list instead of our own bridge
    const char *cni_plugins;     // ECS_CNI_PLUGINS_PATH
    const char *security_groups; // file
    const char *fargate;         // "on-demand" or "spot"
};

// Exit statuses. A supervisor starts the agent again after 1, never after 5 or 2.
enum { AGENT_EXIT_DONE = 0, AGENT_EXIT_FAILED = 1, AGENT_EXIT_USAGE = 2, AGENT_EXIT_TERMINAL = 5 };

// Runs until SIGTERM or SIGINT (containers are left alone). Logs through base/log.
int agent_run(const struct agent_options *options);

#endif
