// The host's NVIDIA GPUs, asked of the driver's own library (NVML), which is loaded when the
// machine has it. Source: ecs-behaviour-agent 1.15.

#ifndef HOST_GPU_H
#define HOST_GPU_H

#include "base/error.h"
#include "shape/shape.h"

struct arena;

struct gpu_list {
    struct str_list ids; // "GPU-<uuid>", in the driver's order
    struct str driver;   // "535.129.03"
};

enum gpu_outcome { GPU_E_NONE = 1 }; // *out_why says what is missing

// `library` NULL: the driver's usual name. Texts live in the arena.
int gpu_find(const char *library, struct arena *arena, struct gpu_list *out,
             struct str *out_why) MUST_CHECK;

#endif
