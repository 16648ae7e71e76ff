// What containers are told of themselves and their tasks, and people of the host: documents made
// from the engine's views. Nothing is asked for, nothing is kept; the same views give the same
// document. Source: ecs-behaviour-agent 4.3, 4.4, 4.8, 4.10.
//
// Everything returned lives in the arena, or is the views'.

#ifndef AGENT_META_DOCS_H
#define AGENT_META_DOCS_H

#include "api/metadata.h"
#include "engine/engine.h"

struct arena;

// The paths that differ in what they show.
enum meta_version { META_V2 = 2, META_V3 = 3, META_V4 = 4 };

// What is the same for all tasks of the host.
struct meta_host {
    struct str cluster;            // as configured
    struct str container_instance; // empty before registration
    struct str zone;               // empty: unknown
    struct str version;            // of the agent
    struct str private_address;    // of the host; empty: unknown
};

// ---- finding

// The container that the endpoint id was given to; NULL: none that has been made.
const struct engine_view *meta_find_endpoint(const struct engine_view_list *views, struct str id);
// The first container of the task of that endpoint id, made or not; NULL: none.
const struct engine_view *meta_find_task(const struct engine_view_list *views, struct str id);
const struct engine_view *meta_find_runtime_id(const struct engine_view_list *views, struct str id);
// A container that runs and has this address of its own ("172.17.0.2"); NULL: none.
const struct engine_view *meta_find_address(const struct engine_view_list *views,
                                            struct str address);
// Whether a container with this address runs in the task.
bool meta_task_has_address(const struct engine_view_list *views, struct str task_arn,
                           struct str address);

// ---- containers and tasks

void meta_fill_container(enum meta_version version, const struct engine_view *view,
                         struct arena *arena, struct meta_container *out);
void meta_fill_task(enum meta_version version, const struct meta_host *host,
                    const struct engine_view_list *views, struct str task_arn, struct arena *arena,
                    struct meta_task *out);

// ---- introspection

void meta_fill_introspected(const struct engine_view_list *views, struct str task_arn,
                            struct arena *arena, struct meta_introspected_task *out);
void meta_fill_introspected_all(const struct engine_view_list *views, struct arena *arena,
                                struct meta_introspected_tasks *out);

// ---- the metadata file

// Complete once the container has started, partial before.
void meta_fill_file(const struct meta_host *host, const struct engine_view *view,
                    struct arena *arena, struct meta_file *out);

#endif
