// What a path of the agent's local server asks for. Pure. Source: ecs-behaviour-agent 4.2, 7.2.

#ifndef AGENT_META_PATH_H
#define AGENT_META_PATH_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

enum meta_what {
    META_NOTHING, // 404
    META_CREDENTIALS,
    META_CONTAINER,
    META_TASK,
    META_TASK_WITH_TAGS,
    META_STATS,
    META_TASK_STATS,
    META_ASSOCIATIONS,
    META_ASSOCIATION,
    META_PROTECTION,
    META_FAULT,
};

enum meta_fault { META_FAULT_BLACKHOLE, META_FAULT_LATENCY, META_FAULT_LOSS, META_FAULT_N };
enum meta_fault_act { META_FAULT_START, META_FAULT_STOP, META_FAULT_STATUS, META_FAULT_ACT_N };

struct meta_path {
    enum meta_what what;
    int version;     // 2, 3, 4; of credentials 1 or 2
    struct str id;   // endpoint id; v2: runtime id, empty when the caller's task is meant;
                     // credentials: their id
    struct str type; // of associations
    struct str name; // of one
    enum meta_fault fault;
    enum meta_fault_act act;
};

// `path` without the query, as sent. Slices of it; META_NOTHING: there is no such thing here.
struct meta_path meta_path_read(struct str path, struct str query, struct arena *arena);

// The path without double slashes, "." and ".."; *out is `path` itself when it has none, which is
// false.
bool meta_path_clean(struct str path, struct arena *arena, struct str *out);

struct str meta_fault_name(enum meta_fault fault); // "network-blackhole-port"

#endif
