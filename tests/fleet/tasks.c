// The tasks of an agent: heard of in a payload, reported RUNNING after a while, and STOPPED when
// they are told to or their life is over.

#include "base/map.h"
#include "base/mem.h"
#include "io/clock.h"
#include "tests/fleet/member.h"

enum { CONTAINERS_MAX = 10 };

struct fleet_task {
    struct member *member;
    UT_hash_handle by_arn;
    struct arena arena;
    struct str arn;
    struct str containers[CONTAINERS_MAX];
    size_t containers_n;
    struct loop_timer timer; // to the next report
    bool is_running;
    bool must_stop;
    bool is_reporting; // a report is on its way; it must come back before the next one
};

static void task_free(struct fleet_task *task)
{
    loop_timer_stop(&task->timer);
    MAP_DEL(by_arn, task->member->tasks, task);
    arena_deinit(&task->arena);
    mem_free(task);
}

static void on_reported(void *user, const void *reply)
{
    struct fleet_task *task = user;
    struct fleet *fleet = task->member->fleet;
    bool was_stopped = task->is_running && task->must_stop;

    task->is_reporting = false;
    if (reply == NULL)
        return;
    if (was_stopped) {
        fleet->counts.stopped++;
        task_free(task);
        return;
    }
    task->is_running = true;
    fleet->counts.running++;
    if (task->must_stop)
        loop_timer_start(&task->timer, 0);
    else if (fleet->config.life_ms > 0)
        loop_timer_start(&task->timer, fleet_jittered(fleet, fleet->config.life_ms));
}

static void fill_containers(const struct fleet_task *task, struct str status,
                            struct ecs_container_state_change *out)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        out[i] = (struct ecs_container_state_change){0};
        SET(&out[i], container_name, task->containers[i]);
        SET(&out[i], status, status);
        SET(&out[i], runtime_id, str_take(task->arn, 64));
        if (str_eq(status, STR("STOPPED")))
            SET(&out[i], exit_code, 0);
    }
}

// The timer's: RUNNING the first time, then STOPPED, because it was told or its life is over.
static void report(void *user)
{
    struct fleet_task *task = user;
    struct member *member = task->member;
    struct fleet_config *config = &member->fleet->config;
    struct ecs_submit_task_state_change_request request = {0};
    struct ecs_container_state_change containers[CONTAINERS_MAX];
    struct str status = task->is_running ? STR("STOPPED") : STR("RUNNING");
    int64_t now = clock_wall_ms();

    if (config->is_silent || task->is_reporting)
        return;
    task->must_stop |= task->is_running;
    task->is_reporting = true;
    fill_containers(task, status, containers);
    SET(&request, cluster, config->cluster);
    SET(&request, task, task->arn);
    SET(&request, status, status);
    SET(&request, containers,
        (struct ecs_container_state_change_list){.n = task->containers_n, .at = containers});
    if (task->is_running) {
        SET(&request, execution_stopped_at, now);
    } else {
        SET(&request, pull_started_at, now);
        SET(&request, pull_stopped_at, now);
    }
    calls_send(config->calls, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, &request, on_reported, task);
}

static struct fleet_task *add_task(struct member *member, const struct acs_task *payload)
{
    struct fleet_task *task = mem_zalloc(sizeof *task);
    size_t n = payload->containers.n;

    task->member = member;
    task->arn = str_copy(&task->arena, payload->arn);
    task->containers_n = n < CONTAINERS_MAX ? n : CONTAINERS_MAX;
    for (size_t i = 0; i < task->containers_n; i++)
        task->containers[i] = str_copy(&task->arena, payload->containers.at[i].name);
    loop_timer_init(&task->timer, member->fleet->config.loop, report, task);
    MAP_ADD_STR(by_arn, member->tasks, arn, task);
    member->fleet->counts.tasks++;
    return task;
}

// A task that it is told to stop before it ran is reported RUNNING first, which is a legal way.
void member_take_task(struct member *member, const struct acs_task *payload)
{
    bool must_stop = str_eq(payload->desired_status, STR("STOPPED"));
    struct fleet_task *task;

    MAP_FIND_STR(by_arn, member->tasks, payload->arn, task);
    if (task == NULL && !must_stop) {
        task = add_task(member, payload);
        loop_timer_start(&task->timer,
                         fleet_jittered(member->fleet, member->fleet->config.start_ms));
    } else if (task != NULL && must_stop && !task->must_stop) {
        task->must_stop = true;
        loop_timer_start(&task->timer, 0);
    }
}

void member_drop_tasks(struct member *member)
{
    while (member->tasks != NULL)
        task_free(member->tasks);
}
