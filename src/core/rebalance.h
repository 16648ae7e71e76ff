// Availability Zone rebalancing: a service that is steady and lies unevenly over zones gets tasks
// where it has fewest, and when they are healthy loses as many where it has most. Source:
// ecs-behaviour-scheduler 3.13.
//
// What is under way stands in the service's record: isRebalancing, and the ids of the tasks beyond
// the desired count. These extra tasks are kept out of the service's plan, and take places of the
// upper limit, until they are adopted: at the end, or as soon as the plan has other things to do.

#ifndef CORE_REBALANCE_H
#define CORE_REBALANCE_H

#include "core/reconcile_kinds.h"

// A task of the service and how it was found.
struct rebalance_task {
    struct task *task;
    struct replica_task state;
};

struct rebalance_view {
    struct step *step;
    struct service *service;
    const struct rebalance_task *tasks; // those that the plan is about
    size_t n;
    const struct rebalance_task *extras;
    size_t extras_n;
    int64_t room;      // tasks that may be started within the upper limit
    int64_t start_max; // and within the back-off
};

bool rebalance_is_extra(const struct service *service, const struct task *task);

// Ends what a new deployment, or the setting, has overtaken. Call before extras are told apart.
void rebalance_check(struct step *step, struct service *service);
// The extra tasks are tasks like others from here on.
void rebalance_adopt(struct step *step, struct service *service);

// A service that would be steady without its extra tasks. True: it is in balance, or nothing can be
// done about it; false: it is being rebalanced.
bool rebalance_run(const struct rebalance_view *view);

#endif
