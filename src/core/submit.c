// One report becomes at most one change of the task.
//
// Statuses only move forward. A container's details follow the most advanced report: one that is
// behind what is recorded only fills in what is missing. So repeats change nothing, and a late
// RUNNING cannot take back a STOPPED. When the agent says that the whole task stopped, the stop
// code tells whether it ever ran; a task that was told to stop keeps the code and reason it was
// given then.

#include "core/submit.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/attachment.h"
#include "core/images.h"
#include "core/lifecycle.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "shape/walk.h"

enum { REASON_MAX = 1024, ID_MAX = 255 };

// An agent's own names of what comes before RUNNING count as PENDING. Unset: a name nobody knows.
static enum rec_task_status status_named(struct str name)
{
    static const struct {
        struct str name;
        enum rec_task_status status;
    } rows[] = {
        {STR_INIT("NONE"), REC_TASK_STATUS_PENDING},
        {STR_INIT("CREATED"), REC_TASK_STATUS_PENDING},
        {STR_INIT("MANIFEST_PULLED"), REC_TASK_STATUS_PENDING},
        {STR_INIT("PENDING"), REC_TASK_STATUS_PENDING},
        {STR_INIT("RUNNING"), REC_TASK_STATUS_RUNNING},
        {STR_INIT("STOPPED"), REC_TASK_STATUS_STOPPED},
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (str_eq(rows[i].name, name))
            return rows[i].status;
    }
    return REC_TASK_STATUS_UNSET;
}

// The first `max` bytes, without cutting a character in two.
static struct str clipped(struct str text, size_t max)
{
    if (text.len <= max)
        return text;
    while (max > 0 && ((unsigned char)text.ptr[max] & 0xc0) == 0x80)
        max--;
    return str_take(text, max);
}

// Whether a reported text should be recorded: there is one, and none yet or an older one.
static bool is_news(bool has, struct str text, bool replace)
{
    return text.len > 0 && (replace || !has);
}

static void take_container(struct rec_task_container *container,
                           const struct ecs_container_state_change *report)
{
    enum rec_task_status status = status_named(report->status);
    bool is_newer = status >= container->last_status;

    MARK_IF(!is_newer, "a report behind what is recorded only fills in what is missing");
    if (status > container->last_status)
        container->last_status = status;
    if (is_news(container->has.runtime_id, report->runtime_id, is_newer))
        SET(container, runtime_id, clipped(report->runtime_id, ID_MAX));
    if (is_news(container->has.image_digest, report->image_digest, is_newer))
        SET(container, image_digest, clipped(report->image_digest, ID_MAX));
    if (is_news(container->has.reason, report->reason, is_newer))
        SET(container, reason, clipped(report->reason, REASON_MAX));
    if (report->has.exit_code && (is_newer || !container->has.exit_code))
        SET(container, exit_code, report->exit_code);
    if (report->network_bindings.n > 0 && (is_newer || !container->has.network_bindings))
        SET(container, network_bindings, report->network_bindings);
}

static void take_managed_agent(struct step *step, struct rec_task_container *container,
                               const struct ecs_managed_agent_state_change *report)
{
    struct ecs_managed_agent_list *list = &container->managed_agents;

    list->at = arena_copy(step->arena, list->at, list->n * sizeof *list->at);
    for (size_t i = 0; i < list->n; i++) {
        struct ecs_managed_agent *agent = &list->at[i];

        if (agent->name != report->managed_agent_name)
            continue;
        if (str_eq(report->status, STR("RUNNING")) && !str_eq(agent->last_status, report->status))
            SET(agent, last_started_at, step->now);
        if (report->status.len > 0)
            SET(agent, last_status, clipped(report->status, ID_MAX));
        if (report->reason.len > 0)
            SET(agent, reason, clipped(report->reason, REASON_MAX));
    }
}

static struct rec_task_container *
container_named(struct rec_task *rec, const struct ecs_task_definition *definition, struct str name)
{
    for (size_t i = 0; i < rec->containers.n; i++) {
        if (str_eq(definition->container_definitions.at[i].name, name))
            return &rec->containers.at[i];
    }
    return NULL;
}

static void take_containers(struct step *step, struct rec_task *next,
                            const struct ecs_task_definition *definition,
                            const struct task_report *report)
{
    struct rec_task_container *container;

    next->containers.at = arena_copy(step->arena, next->containers.at,
                                     next->containers.n * sizeof *next->containers.at);
    for (size_t i = 0; i < report->containers_n; i++) {
        container = container_named(next, definition, report->containers[i].container_name);
        if (container != NULL)
            take_container(container, &report->containers[i]);
    }
    for (size_t i = 0; i < report->managed_agents_n; i++) {
        container = container_named(next, definition, report->managed_agents[i].container_name);
        if (container != NULL)
            take_managed_agent(step, container, &report->managed_agents[i]);
    }
}

// The first word of the agent counts.
static void take_times(struct rec_task *next, const struct task_report *report)
{
    if (report->pull_started_at != 0 && !next->has.pull_started_at)
        SET(next, pull_started_at, report->pull_started_at);
    if (report->pull_stopped_at != 0 && !next->has.pull_stopped_at)
        SET(next, pull_stopped_at, report->pull_stopped_at);
    if (report->execution_stopped_at != 0 && !next->has.execution_stopped_at)
        SET(next, execution_stopped_at, report->execution_stopped_at);
}

// Why a task did not start: the agent's own reason, else that of a container, essential ones first.
static struct str reason_not_started(const struct rec_task *rec,
                                     const struct ecs_task_definition *definition,
                                     struct str reported)
{
    struct str found = STR_NONE;

    if (reported.len > 0)
        return reported;
    for (size_t i = 0; i < rec->containers.n; i++) {
        const struct rec_task_container *container = &rec->containers.at[i];

        if (!container->has.reason)
            continue;
        if (definition->container_definitions.at[i].essential)
            return container->reason;
        if (found.len == 0)
            found = container->reason;
    }
    return found.len > 0 ? found : STR("Task failed to start");
}

static void finish(struct step *step, struct task *task, struct rec_task *next,
                   const struct ecs_task_definition *definition, struct str reported)
{
    struct str reason = clipped(reported, REASON_MAX);

    if (!next->has.started_at) {
        MARK("a task that never ran has failed to start");
        task_finish_with(step, task, next, ECS_TASK_STOP_CODE_TASKFAILEDTOSTART,
                         reason_not_started(next, definition, reason));
    } else {
        MARK("a task that ran ends with its essential container");
        task_finish_with(step, task, next, ECS_TASK_STOP_CODE_ESSENTIALCONTAINEREXITED,
                         reason.len > 0 ? reason : STR("Essential container in task exited"));
    }
}

void submit_report(struct step *step, struct task *task, const struct task_report *report)
{
    const struct ecs_task_definition *definition =
        task_definition_get(step->state, task->definition_id)->rec->definition;
    enum rec_task_status status = status_named(report->status);
    struct rec_task *next;

    if (task_is_stopped(task) && !PLANTED(PLANT_STOPPED_REVIVES)) {
        MARK("a report on a STOPPED task changes nothing");
        return;
    }
    if (task_is_waiting(task))
        return; // no agent has it
    if (task_is_wanted(task))
        task->delivered = true; // who reports on it knows it
    if (task_is_wanted(task) || status == REC_TASK_STATUS_RUNNING)
        attachment_begin(step, task);
    next = task_edit(step, task);
    take_containers(step, next, definition, report);
    take_times(next, report);
    attachment_report(step, task, next, report->attachments, report->attachments_n);
    images_note(step, task, next);
    if (status == REC_TASK_STATUS_RUNNING &&
        (next->last_status < REC_TASK_STATUS_RUNNING || PLANTED(PLANT_STOPPED_REVIVES))) {
        MARK("a task runs when its agent says so");
        SET(next, last_status, REC_TASK_STATUS_RUNNING);
        SET(next, started_at, step->now);
    }
    if (status != REC_TASK_STATUS_STOPPED && attachment_may_go(next))
        attachment_end(step, next);
    if (status == REC_TASK_STATUS_STOPPED)
        finish(step, task, next, definition, report->reason);
    else if (!shape_equal(&rec_task_shape, next, task->rec))
        task_change(step, task, next);
}
