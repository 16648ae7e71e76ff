// What tasks use, as their agents measure it: a PublishMetrics message, checked against the state
// and added up by task. It is no state: nothing decides by it and a restart forgets it, so it
// leaves as an effect (EFFECT_USAGE) and is kept by the shell (server/usage.h).
// Source: agent-protocol 9, ecs-behaviour-agent 6.

#ifndef CORE_USAGE_H
#define CORE_USAGE_H

#include "api/tcs.h"
#include "core/step.h"

struct instance;

// Of one task, over the window that the message is about. Texts live as long as the effect.
struct usage_report {
    struct str region;
    struct str cluster;
    struct str service; // empty: of no service
    struct str family;
    int32_t revision;
    struct str uid;
    struct str instance; // its id
    enum ecs_health_status health;
    int32_t cpu_reserved;        // units; 0: none
    int32_t memory_reserved_mib; // 0: none
    double cpu_units;            // used on average
    double memory_mib;           // likewise
    double rx_rate, tx_rate;     // bytes a second
    int64_t rx_bytes, tx_bytes;  // since its containers began
    int64_t read_bytes, write_bytes;
    int32_t restarts; // of its containers, in the window
};

struct usage_reports {
    time_ms at;
    size_t n;
    struct usage_report *at_task;
};

// Of the tasks in the message that run on this instance. No effect when there is none.
void usage_published(struct step *step, const struct instance *instance,
                     const struct tcs_publish_metrics_request *request);

#endif
