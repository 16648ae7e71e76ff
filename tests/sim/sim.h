// The simulator: one server, its agents and its clients, from one seed.
//
// What is real: the pipeline of decisions with all of core, ops and model, recovery, the API's
// front, the agents' sessions, and the whole agent: registration, sessions, telemetry, retries, the
// task engine. What stands in for the world: time and machines (kernel.h), the network (net.h), the
// disk (store/memory.h), the container runtime (runtime/fake.h), and what people and programs do
// (plan.h, generate.h).
//
// A run is a plan carried out: actions at their times while every event is checked, then the faults
// end, and everything has to come to rest in time.

#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"
#include "tests/sim/kernel.h"

// Says what went wrong and aborts, like an assertion in the code that is simulated.
_Noreturn void sim_broken(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
#define SIM_CHECK(cond, ...)                                                                       \
    do {                                                                                           \
        if (__builtin_expect(!(cond), 0))                                                          \
            sim_broken(__VA_ARGS__);                                                               \
    } while (0)

// A line of the trace: when, who, what. Nothing when there is no trace.
void sim_say(const struct node *node, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

struct plan;

struct sim_report {
    uint64_t events;
    uint64_t commits; // of the server
    uint64_t calls;   // of clients that were answered
    uint64_t tasks;   // that were started
    uint64_t starts;  // of containers
    int64_t virtual_ms;
    uint64_t digest; // of everything that was committed: equal runs have equal ones
};

// Aborts when anything is wrong. `trace` may be NULL.
void sim_run(const struct plan *plan, FILE *trace, struct sim_report *out);

#endif
