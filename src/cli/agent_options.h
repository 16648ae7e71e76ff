// Flags of the agent that `gantry up` passes on to its own.

#ifndef CLI_AGENT_OPTIONS_H
#define CLI_AGENT_OPTIONS_H

#include "cli/options.h"

#define CLI_OPTIONS_TASK_NETWORKS                                                                  \
    {.name = "awsvpc-pool",                                                                        \
     .value = "CIDR",                                                                              \
     .help = "addresses for tasks in network mode awsvpc (default: no such tasks)"},               \
        {.name = "awsvpc-bridge", .value = "NAME", .help = "their bridge (default gantry0)"},      \
        {.name = "awsvpc-gateway",                                                                 \
         .value = "IP",                                                                            \
         .help = "its address (default: the pool's first)"},                                       \
        {.name = "awsvpc-direct",                                                                  \
         .value = "CIDR,...",                                                                      \
         .help = "reached with the task's own address: pools of other hosts"},                     \
        {.name = "awsvpc-dns",                                                                     \
         .value = "IP,...",                                                                        \
         .help = "their name servers (default: the host's)"},                                      \
        {.name = "awsvpc-no-masquerade",                                                           \
         .help = "tasks keep their address wherever they send to"},                                \
        {.name = "cni-config",                                                                     \
         .value = "FILE",                                                                          \
         .help = "a CNI network configuration list instead of a bridge"},                          \
        {.name = "cni-plugins",                                                                    \
         .value = "DIR:...",                                                                       \
         .help = "CNI plugins (ECS_CNI_PLUGINS_PATH; default /usr/lib/cni:/opt/cni/bin)"},         \
        {.name = "security-groups", .value = "FILE", .help = "groups of rules for awsvpc tasks"},  \
    {                                                                                              \
        .name = "fargate", .value = "KIND",                                                        \
        .help = "serve FARGATE (on-demand) or FARGATE_SPOT (spot) and nothing else"                \
    }

#endif
