// What belongs to a service: revisions (what tasks are made of), deployments (the roll-out of a
// revision, which tasks are started by), service deployments (what was asked for, and what became
// of it) and the lines of its events.

#ifndef MODEL_DEPLOYMENT_H
#define MODEL_DEPLOYMENT_H

#include "api/ecs.h"
#include "model/state.h"

struct service;
struct task_definition;

// How each of them begins; `in_service` links it in the order of ids.
struct service_part {
    struct entity entity;
    uint64_t service_id;
    struct list in_service;
};

struct revision {
    struct service_part part;
    const struct rec_service_revision *rec;
};

struct deployment {
    struct service_part part;
    const struct rec_deployment *rec;
    uint32_t running_n; // tasks of it that are not STOPPED: RUNNING and after
    uint32_t pending_n; // before RUNNING
};

struct service_deployment {
    struct service_part part;
    const struct rec_service_deployment *rec;
    time_ms alarms_asked_at; // volatile; 0: not yet
};

// A line of `events`.
struct service_event {
    struct service_part part;
    const struct rec_service_event *rec;
};

void revision_apply(struct state *state, uint64_t id, const void *record);
void deployment_apply(struct state *state, uint64_t id, const void *record);
void service_deployment_apply(struct state *state, uint64_t id, const void *record);
void service_event_apply(struct state *state, uint64_t id, const void *record);

// The part that a list node belongs to, as its type: PART(it, struct deployment).
#define PART(node, type) ((type *)LIST_ENTRY((node), struct service_part, in_service))

struct revision *revision_get(const struct state *state, uint64_t id);
struct deployment *deployment_get(const struct state *state, uint64_t id);
struct service_deployment *service_deployment_get(const struct state *state, uint64_t id);

// The PRIMARY one, NULL when the service has none (EXTERNAL, or deleted).
struct deployment *service_primary(const struct service *service);
// The newest service deployment; NULL: none.
struct service_deployment *service_newest_deployment(const struct service *service);
// It moves traffic from one revision to another (BLUE_GREEN, LINEAR, CANARY).
bool service_deployment_shifts(const struct service_deployment *deployment);
// Its tasks that are to go on.
int32_t deployment_wanted(const struct state *state, const struct deployment *deployment);
struct task_definition *revision_definition(const struct state *state,
                                            const struct revision *revision);

struct str deployment_name(const struct deployment *deployment, struct arena *arena); // ecs-svc/1
struct str revision_arn(const struct state *state, const struct revision *revision,
                        struct arena *arena);
struct str service_deployment_arn(const struct state *state,
                                  const struct service_deployment *deployment, struct arena *arena);

// Of a task set; ..._of: of the one that has this number.
struct str task_set_arn(const struct state *state, const struct deployment *set,
                        struct arena *arena);
struct str task_set_arn_of(const struct state *state, const struct service *service, int64_t number,
                           struct arena *arena);
void task_set_view(const struct state *state, const struct deployment *set, bool with_tags,
                   struct arena *arena, struct ecs_task_set *out);

void deployment_view(const struct state *state, const struct deployment *deployment,
                     struct arena *arena, struct ecs_deployment *out);
void revision_view(const struct state *state, const struct revision *revision, struct arena *arena,
                   struct ecs_service_revision *out);
void service_deployment_view(const struct state *state, const struct service_deployment *deployment,
                             struct arena *arena, struct ecs_service_deployment *out);

#endif
