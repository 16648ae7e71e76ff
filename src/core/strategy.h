// Placement strategies as an order among the instances that a task fits on. Source:
// ecs-behaviour-scheduler 1.8 and 1.9.

#ifndef CORE_STRATEGY_H
#define CORE_STRATEGY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct placement_request;

enum { STRATEGIES_MAX = 5 }; // of a request

// What is measured on an instance itself; the smaller the better.
enum measure {
    MEASURE_CPU,    // CPU units left
    MEASURE_MEMORY, // memory left
    MEASURE_TASKS,  // tasks of the group here
    MEASURE_N,
};

// One step compares instances by one number; later steps decide among equals.
struct chain_step {
    bool by_value;  // tasks of the group on all instances with the same value of an attribute
    uint32_t index; // in `values`, or else in `measures`
};

struct chain {
    struct chain_step steps[STRATEGIES_MAX + 1];
    uint32_t steps_n;
    enum measure measures[MEASURE_N]; // the ones that are used, in the order of their steps
    uint32_t measures_n;
    uint32_t values[STRATEGIES_MAX]; // which strategies of the request spread by attribute
    uint32_t values_n;
};

// Without strategies every instance is as good as another; with them, equals are told apart by the
// fewest tasks of the group. Among those that are still equal chance decides.
void chain_read(const struct placement_request *request, struct chain *out);

bool chain_counts_tasks(const struct chain *chain); // so the group matters
bool chain_weighs_books(const struct chain *chain); // CPU or memory left

// Name of the attribute behind values[i].
struct str chain_attribute(const struct placement_request *request, const struct chain *chain,
                           uint32_t i);

#endif
