// Sizes of a task as callers write them: plain numbers, or "1 vCPU" and "2 GB".
// Source: ecs-behaviour-api 8.1.

#ifndef OPS_TASK_SIZE_H
#define OPS_TASK_SIZE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

enum { TASK_CPU_UNITS_MIN = 128, TASK_CPU_UNITS_MAX = 196608 };

#define TASK_SIZE_ADVICE                                                                           \
    "For more information, see the Troubleshooting section of the Amazon ECS Developer Guide."
#define TASK_CPU_INVALID    "Invalid 'cpu' setting for task. " TASK_SIZE_ADVICE
#define TASK_MEMORY_INVALID "Invalid 'memory' setting for task. " TASK_SIZE_ADVICE

// "256", ".25 vCPU" or "1vcpu" as CPU units; false when it is none of these or out of range.
bool task_cpu_read(struct str text, int32_t *out_units);

// "512", "1 GB" or ".5gb" as MiB; false when it is none of these or not above zero.
bool task_memory_read(struct str text, int32_t *out_mib);

// The memory sizes that Fargate has for these CPU units.
bool task_size_is_fargate(int32_t cpu_units, int32_t memory_mib);

#endif
