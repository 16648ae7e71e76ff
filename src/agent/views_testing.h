// For the tests of agent/ only: views of a host's tasks, made of JSON.

#ifndef AGENT_VIEWS_TESTING_H
#define AGENT_VIEWS_TESTING_H

#include "base/arena.h"
#include "base/test.h"
#include "engine/engine.h"

enum { VIEWS_MAX = 8 };

struct views {
    struct arena arena;
    struct engine_view at[VIEWS_MAX];
    size_t n;
};

// Adds the containers of a task: `task` is the JSON of an acs.Task. Each is RUNNING, has been made
// and started, and has the runtime id "<name>-id" and the endpoint id "<name>-eid".
void views_add(struct views *views, const char *task);
struct engine_view *views_of(struct views *views, const char *container);
// What an inspection of the container told: the JSON of a docker.Container.
void views_see(struct views *views, const char *container, const char *json);
struct engine_view_list views_list(struct views *views);

#define VIEWS_TIME INT64_C(1767607200000) // 2026-01-05T10:00:00Z

#endif
