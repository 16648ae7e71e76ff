// The life of a task and of a container instance. Source: ecs-behaviour-scheduler 2,
// ecs-behaviour-api 17.
//
// Every change of a task or of an instance's state goes through task_change and instance_change:
// they alone raise versions, check the moves of the one table there is, and mark the instance as
// changed when what it holds changes. Handlers and sessions decide what should happen; nothing here
// decides placement, and nothing here talks: an agent is told by session_send_task.

#include "core/lifecycle.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/attachment.h"
#include "core/outcome.h"
#include "core/sessions.h"
#include "core/traffic.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/override.h"
#include "model/task.h"
#include "model/task_definition.h"

#define TO(status) (1u << REC_TASK_STATUS_##status)

// Legal successors. Stages without work are skipped, so most states may jump ahead; none goes back.
static const uint32_t successors[REC_TASK_STATUS_N] = {
    [REC_TASK_STATUS_PROVISIONING] = TO(PENDING) | TO(STOPPING) | TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_PENDING] =
        TO(ACTIVATING) | TO(RUNNING) | TO(STOPPING) | TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_ACTIVATING] =
        TO(RUNNING) | TO(DEACTIVATING) | TO(STOPPING) | TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_RUNNING] = TO(DEACTIVATING) | TO(STOPPING) | TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_DEACTIVATING] = TO(STOPPING) | TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_STOPPING] = TO(DEPROVISIONING) | TO(STOPPED),
    [REC_TASK_STATUS_DEPROVISIONING] = TO(STOPPED),
    [REC_TASK_STATUS_STOPPED] = TO(DELETED),
    [REC_TASK_STATUS_DELETED] = 0,
};

bool task_status_may_follow(enum rec_task_status from, enum rec_task_status to)
{
    ASSERT((int)from > 0 && (int)from < REC_TASK_STATUS_N);
    return (successors[from] >> to) & 1;
}

// --- instances

void instance_change(struct step *step, struct instance *instance, struct rec_instance_state *next)
{
    ASSERT_SAY(next->sequence >= instance->st->sequence, "instance %.*s", STR_ARGS(instance->uid));
    SET(next, version, instance->st->version + 1);
    state_put(step->state, REC_KIND_INSTANCE_STATE, instance->entity.id, next);
}

void instance_touch(struct step *step, struct instance *instance)
{
    struct rec_instance_state next = *instance->st;

    instance_change(step, instance, &next);
}

// Numbering a message is no change that anyone could see, so the version stays.
int64_t instance_next_sequence(struct step *step, struct instance *instance)
{
    struct rec_instance_state next = *instance->st;

    SET(&next, sequence, next.sequence + 1);
    state_put(step->state, REC_KIND_INSTANCE_STATE, instance->entity.id, &next);
    return next.sequence;
}

// --- tasks

struct rec_task *task_edit(struct step *step, const struct task *task)
{
    return arena_copy(step->arena, task->rec, sizeof *task->rec);
}

static void check_move(const struct task *task, const struct rec_task *next)
{
    const struct rec_task *now = task->rec;

    ASSERT_SAY(next->last_status == now->last_status ||
                   task_status_may_follow(now->last_status, next->last_status),
               "task %.*s from %d to %d", STR_ARGS(task->uid), (int)now->last_status,
               (int)next->last_status);
    ASSERT_SAY(next->desired_status >= now->desired_status, "task %.*s", STR_ARGS(task->uid));
    ASSERT_SAY(next->last_status < REC_TASK_STATUS_STOPPED ||
                   next->desired_status == REC_TASK_STATUS_STOPPED,
               "task %.*s", STR_ARGS(task->uid));
    ASSERT(next->containers.n == now->containers.n);
    ASSERT(next->cluster_id == now->cluster_id && next->definition_id == now->definition_id);
}

static struct instance *instance_of(const struct step *step, const struct task *task)
{
    return instance_get(step->state, (uint64_t)task->rec->instance_id);
}

void task_change(struct step *step, struct task *task, struct rec_task *next)
{
    struct instance *instance = instance_of(step, task);
    bool released = !task_is_stopped(task) && next->last_status >= REC_TASK_STATUS_STOPPED;
    const struct rec_task *before = task->rec;

    check_move(task, next);
    if (next->desired_status != task->rec->desired_status)
        task->delivered = false;
    SET(next, version, task->rec->version + 1);
    state_put(step->state, REC_KIND_TASK, task->entity.id, next);
    if (released && instance != NULL) {
        MARK("a task that stops changes its instance");
        instance_touch(step, instance);
    }
    if (next->service_id != 0)
        outcome_moved(step, task, before);
}

// Which devices the container gets: the next ones that are free on the instance.
static struct str_list take_gpu_ids(struct step *step, const struct books *books, size_t *taken,
                                    size_t n)
{
    struct str_list ids = {.n = n, .at = arena_array(step->arena, struct str, n)};

    ASSERT(*taken + n <= books->gpus_left.n);
    for (size_t i = 0; i < n; i++)
        ids.at[i] = books->gpus_left.at[(*taken)++];
    return ids;
}

// The containers of `rec` are the caller's to change.
static void give_gpus(struct step *step, const struct task_definition *definition,
                      const struct instance *instance, struct rec_task *rec)
{
    const struct ecs_container_definition_list *list =
        &definition->rec->definition->container_definitions;
    size_t taken = 0;

    for (size_t i = 0; i < list->n; i++) {
        const struct ecs_container_override *over = override_of(rec->overrides, list->at[i].name);
        size_t n = (size_t)override_gpus(&list->at[i], over);

        if (n == 0)
            continue;
        SET(&rec->containers.at[i], gpu_ids, take_gpu_ids(step, &instance->books, &taken, n));
    }
}

static struct ecs_managed_agent_list exec_agent(struct step *step)
{
    struct ecs_managed_agent_list agents = {.n = 1};

    agents.at = arena_new(step->arena, struct ecs_managed_agent);
    SET(agents.at, name, ECS_MANAGED_AGENT_NAME_EXECUTECOMMANDAGENT);
    SET(agents.at, last_status, STR("PENDING"));
    return agents;
}

static void plan_containers(struct step *step, const struct task_plan *plan, struct rec_task *rec)
{
    const struct ecs_container_definition_list *list =
        &plan->definition->rec->definition->container_definitions;

    rec->has.containers = true;
    rec->containers.n = list->n;
    rec->containers.at = arena_array(step->arena, struct rec_task_container, list->n);
    for (size_t i = 0; i < list->n; i++) {
        struct rec_task_container *c = &rec->containers.at[i];

        SET(c, uid, id_uuid(step->arena, step->rng));
        SET(c, last_status, REC_TASK_STATUS_PENDING);
        if (plan->enable_execute_command)
            SET(c, managed_agents, exec_agent(step));
    }
    if (plan->instance != NULL)
        give_gpus(step, plan->definition, plan->instance, rec);
}

static struct str group_of(struct step *step, const struct task_plan *plan)
{
    const struct family *family;

    if (plan->group.len > 0)
        return plan->group;
    family = family_get(step->state, plan->definition->family_id);
    return str_fmt(step->arena, "family:%.*s", STR_ARGS(family->rec->name));
}

static struct rec_task *plan_record(struct step *step, const struct task_plan *plan)
{
    struct rec_task *rec = arena_new(step->arena, struct rec_task);

    SET(rec, cluster_id, (int64_t)plan->cluster->entity.id);
    SET(rec, uid, id_hex32(step->arena, step->rng));
    SET(rec, definition_id, (int64_t)plan->definition->entity.id);
    if (plan->instance != NULL)
        SET(rec, instance_id, (int64_t)plan->instance->entity.id);
    SET(rec, last_status,
        plan->instance != NULL ? REC_TASK_STATUS_PENDING : REC_TASK_STATUS_PROVISIONING);
    SET(rec, desired_status, REC_TASK_STATUS_RUNNING);
    SET(rec, version, 1);
    SET(rec, group, group_of(step, plan));
    SET(rec, launch_type, plan->launch_type);
    if (plan->provider.len > 0)
        SET(rec, capacity_provider_name, plan->provider);
    if (plan->instance == NULL && plan->constraints != NULL && plan->constraints->n > 0)
        SET(rec, placement_constraints, *plan->constraints);
    if (plan->instance == NULL && plan->strategies != NULL && plan->strategies->n > 0)
        SET(rec, placement_strategy, *plan->strategies);
    SET(rec, enable_execute_command, plan->enable_execute_command);
    SET(rec, created_at, step->now);
    if (plan->started_by.len > 0)
        SET(rec, started_by, plan->started_by);
    if (plan->overrides != NULL)
        rec->overrides = (struct ecs_task_override *)(uintptr_t)plan->overrides;
    rec->has.overrides = plan->overrides != NULL;
    if (plan->tags.n > 0)
        SET(rec, tags, plan->tags);
    if (plan->service_id != 0) {
        SET(rec, service_id, (int64_t)plan->service_id);
        SET(rec, deployment_id, (int64_t)plan->deployment_id);
    }
    if (plan->vpc != NULL)
        attachment_new(step, plan->vpc, rec);
    plan_containers(step, plan, rec);
    return rec;
}

struct task *task_start(struct step *step, const struct task_plan *plan)
{
    uint64_t id = state_new_id(step->state, REC_KIND_TASK);
    struct task *task;

    state_put(step->state, REC_KIND_TASK, id, plan_record(step, plan));
    task = task_get(step->state, id);
    if (plan->instance == NULL) {
        MARK("a task waits for an instance");
        ASSERT(task_is_waiting(task));
        return task;
    }
    ASSERT(plan->instance->cluster_id == plan->cluster->entity.id);
    ASSERT(instance_is_registered(plan->instance));
    instance_touch(step, plan->instance);
    session_send_task(step, task);
    return task;
}

void task_place(struct step *step, struct task *task, struct instance *instance)
{
    struct rec_task *next = task_edit(step, task);

    ASSERT_SAY(task_is_waiting(task), "task %.*s", STR_ARGS(task->uid));
    ASSERT(instance->cluster_id == task->cluster_id && instance_is_registered(instance));
    SET(next, instance_id, (int64_t)instance->entity.id);
    if (!next->has.awsvpc)
        SET(next, last_status, REC_TASK_STATUS_PENDING);
    next->has.placement_constraints = next->has.placement_strategy = false;
    next->placement_constraints = (struct ecs_placement_constraint_list){0};
    next->placement_strategy = (struct ecs_placement_strategy_list){0};
    next->containers.at = arena_copy(step->arena, next->containers.at,
                                     next->containers.n * sizeof *next->containers.at);
    give_gpus(step, task_definition_get(step->state, task->definition_id), instance, next);
    task_change(step, task, next);
    instance_touch(step, instance);
    session_send_task(step, task);
}

static void drop_tags(struct rec_task *next)
{
    MARK("a task that its user stops loses its tags");
    next->tags = (struct ecs_tag_list){0};
    next->has.tags = false;
}

void task_stop(struct step *step, struct task *task, enum ecs_task_stop_code code,
               struct str reason)
{
    struct rec_task *next;
    bool leaves_first;

    if (!task_is_wanted(task)) {
        MARK("a task is told to stop once");
        return;
    }
    next = task_edit(step, task);
    if (instance_of(step, task) == NULL) {
        MARK("a task that waits stops without an agent");
        if (code == ECS_TASK_STOP_CODE_USERINITIATED)
            drop_tags(next);
        task_finish_with(step, task, next, code, reason);
        return;
    }
    SET(next, desired_status, REC_TASK_STATUS_STOPPED);
    SET(next, stopping_at, step->now);
    SET(next, stop_code, code);
    SET(next, stopped_reason, reason);
    if (code == ECS_TASK_STOP_CODE_USERINITIATED)
        drop_tags(next);
    leaves_first = next->service_id != 0 && traffic_leaves_first(step, task, next);
    task_change(step, task, next);
    if (leaves_first)
        traffic_leave(step, task);
    else
        session_send_task(step, task);
}

static void finish_containers(struct step *step, struct rec_task *next)
{
    size_t size = next->containers.n * sizeof *next->containers.at;

    next->containers.at = arena_copy(step->arena, next->containers.at, size);
    for (size_t i = 0; i < next->containers.n; i++)
        SET(&next->containers.at[i], last_status, REC_TASK_STATUS_STOPPED);
}

void task_finish(struct step *step, struct task *task, enum ecs_task_stop_code code,
                 struct str reason)
{
    if (task_is_stopped(task))
        return;
    MARK("a task ends without a word of its agent");
    task_finish_with(step, task, task_edit(step, task), code, reason);
}

void task_finish_with(struct step *step, struct task *task, struct rec_task *next,
                      enum ecs_task_stop_code code, struct str reason)
{
    const struct instance *instance = instance_of(step, task);

    SET(next, last_status, REC_TASK_STATUS_STOPPED);
    SET(next, desired_status, REC_TASK_STATUS_STOPPED);
    SET(next, stopped_at, step->now);
    if (!next->has.stopping_at)
        SET(next, stopping_at, step->now);
    if (instance != NULL && task_connectivity_at(task->rec, instance) != 0)
        SET(next, connectivity_at, task_connectivity_at(task->rec, instance));
    MARK_IF(next->has.stop_code, "a task that was told to stop keeps the reason it was given");
    if (!next->has.stop_code)
        SET(next, stop_code, code);
    if (!next->has.stopped_reason)
        SET(next, stopped_reason, reason);
    finish_containers(step, next);
    attachment_gone(step, next);
    if (next->service_id != 0)
        traffic_drop(step, task, next);
    task_change(step, task, next);
}

// --- the end of an instance

void instance_deregister(struct step *step, struct instance *instance, enum ecs_task_stop_code code,
                         struct str reason)
{
    struct rec_instance_state next;

    MARK_IF(!list_is_empty(&instance->tasks), "a deregistered instance orphans its tasks");
    LIST_EACH_SAFE (&instance->tasks, it)
        task_finish(step, LIST_ENTRY(it, struct task, on_instance), code, reason);
    sessions_end(step, instance, STR("The container instance was deregistered."));
    next = *instance->st;
    SET(&next, status, REC_INSTANCE_STATUS_INACTIVE);
    SET(&next, deregistered_at, step->now);
    instance_change(step, instance, &next);
}
