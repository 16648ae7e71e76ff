// What a task takes from an instance, and the books that say what is left.
//
// A reservation is an object: books_take fills it, it is embedded in the task that holds it, and
// books_give returns exactly what was taken, exactly once. Source of the arithmetic:
// ecs-behaviour-scheduler 1.2 and 1.3.

#ifndef MODEL_RESERVATION_H
#define MODEL_RESERVATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "api/ecs.h"

// A static host port. Dynamic ones are chosen on the host and take nothing here.
struct need_port {
    uint16_t port;
    bool udp;
};

// What placing one task asks for.
struct need {
    int32_t cpu_units;
    int32_t memory_mib;
    int32_t gpus;
    size_t ports_n;
    struct need_port *ports; // memory of whoever holds the need
};

// From a definition and the overrides of one task (NULL: none). need_deinit frees the ports.
void need_init(struct need *need, const struct ecs_task_definition *definition,
               const struct ecs_task_override *overrides);
void need_deinit(struct need *need);

// Ports in use on an instance, sorted. One set for TCP and one for UDP.
struct port_set {
    uint16_t *at;
    size_t n;
    size_t cap;
};

bool port_set_has(const struct port_set *set, uint16_t port);

enum { BOOKS_PORTS_MAX = 100 }; // reserved ports of an instance, TCP and UDP

// The books of one instance.
struct books {
    int32_t cpu_units;  // registered
    int32_t memory_mib; // registered
    int32_t cpu_left;
    int32_t memory_left;
    struct port_set tcp; // reserved by the agent or taken by tasks
    struct port_set udp;
    struct str_list gpus;      // registered ids, memory of the instance's record
    struct str_list gpus_left; // ids not taken; memory of the books
};

struct reservation {
    bool held;
    int32_t cpu_units;
    int32_t memory_mib;
    uint32_t ports_n;
    struct need_port *ports;
    struct str_list gpu_ids; // memory of the reservation
};

// Opens books with what the agent registered (CPU, MEMORY, PORTS, PORTS_UDP, GPU).
void books_open(struct books *books, const struct ecs_resource_list *resources);
void books_close(struct books *books);

// What is missing for `need`, as the tail of a failure reason ("CPU", "MEMORY", "PORTS",
// "PORTS_UDP", "GPU"); NULL when it fits. Checked in that order.
const char *books_missing(const struct books *books, const struct need *need);

// Takes it. GPU ids that the task was given before (recovery) are named in `gpu_ids`; empty: any
// free ones. A forced take may overdraw (a re-registered instance with fewer resources); cpu_left
// and memory_left then go below zero and nothing fits until tasks leave.
void books_take(struct books *books, const struct need *need, const struct str_list *gpu_ids,
                struct reservation *out);
void books_give(struct books *books, struct reservation *reservation);

#endif
