// The control plane's flags, shared by `gantry server` and `gantry up`.

#ifndef CLI_SERVER_OPTIONS_H
#define CLI_SERVER_OPTIONS_H

#include "cli/options.h"
#include "server/server.h"

#define CLI_OPTIONS_SERVER                                                                         \
    {.name = "listen",                                                                             \
     .value = "HOST:PORT",                                                                         \
     .fallback = "127.0.0.1:7420",                                                                 \
     .help = "address of the API and of the agents' websockets"},                                  \
        CLI_OPTION_DATA,                                                                           \
        {.name = "region",                                                                         \
         .value = "REGION",                                                                        \
         .fallback = "us-east-1",                                                                  \
         .help = "region of calls that name none"},                                                \
        {.name = "account",                                                                        \
         .value = "NUMBER",                                                                        \
         .fallback = "123456789012",                                                               \
         .help = "account number in ARNs, twelve digits"},                                         \
        {.name = "auth",                                                                           \
         .value = "MODE",                                                                          \
         .fallback = "sigv4",                                                                      \
         .help = "sigv4, or none on a loopback address"},                                          \
        {.name = "store", .value = "KIND", .fallback = "sqlite", .help = "where state is kept"},   \
        {.name = "tls-cert", .value = "FILE", .help = "serve https with this PEM certificate"},    \
        {.name = "tls-key", .value = "FILE", .help = "and this key"},                              \
        {.name = "stopped-task-retention",                                                         \
         .value = "TIME",                                                                          \
         .fallback = "1h",                                                                         \
         .help = "how long stopped tasks can be described, up to 30d"},                            \
        {.name = "scaling",                                                                        \
         .value = "FILE",                                                                          \
         .help = "what is done when capacity providers scale"},                                    \
        {.name = "lifecycle-hooks",                                                                \
         .value = "FILE",                                                                          \
         .help = "lines of a hook's target ARN and the URL to call for it"},                       \
        {.name = "alarms",                                                                         \
         .value = "FILE|URL",                                                                      \
         .help = "who knows the states of deployment alarms"},                                     \
        {.name = "stopped-tasks-kept",                                                             \
         .value = "N",                                                                             \
         .fallback = "250000",                                                                     \
         .help = "and how many; beyond it the oldest go early"},                                   \
        {.name = "exec-idle",                                                                      \
         .value = "TIME",                                                                          \
         .fallback = "20m",                                                                        \
         .help = "end an exec session in which nothing happens for so long"},                      \
        {.name = "events-kept",                                                                    \
         .value = "N",                                                                             \
         .fallback = "100000",                                                                     \
         .help = "events that the event log keeps; 0: there is none"},                             \
        {.name = "events-retention",                                                               \
         .value = "TIME",                                                                          \
         .fallback = "1d",                                                                         \
         .help = "older events are dropped, up to 365d"},                                          \
        {.name = "events-webhook",                                                                 \
         .value = "URL",                                                                           \
         .help = "post every event there, at least once, in order"},                               \
        {.name = "metrics-tasks", .help = "GET /metrics tells every running task, too"},           \
        {.name = "usage-tasks",                                                                    \
         .value = "N",                                                                             \
         .fallback = "20000",                                                                      \
         .help = "running tasks whose last hour of usage is kept"},                                \
        {.name = "max-connections",                                                                \
         .value = "N",                                                                             \
         .fallback = "10000",                                                                      \
         .help = "HTTP connections at once"},                                                      \
        CLI_OPTION_CONFIG, CLI_OPTIONS_LOG

// False: a usage error was printed.
bool cli_server_options(const struct cli_values *values, struct server_options *out);

#endif
