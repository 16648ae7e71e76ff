// bench-services: what keeping many services costs, in one process, without sockets and containers.
//
// A cluster of so many instances gets so many services, and three things happen to it: all of them
// converge from nothing, one instance in ten is lost, every service gets a new deployment. Agents
// are puppets: what is started runs at once, what is told to stop has stopped; the virtual clock
// jumps to what the scheduler waits for next, such as the forty seconds that make a task count. On
// the clock is what the core thread does: calls, reports, looks at services. Printed is a line of
// JSON each, and one for an hour in which nothing happens. With --store each batch is committed to
// SQLite while the next is decided, and `seconds` is when all of it is durable.

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "base/assert.h"
#include "bench/flags.h"
#include "bench/histogram.h"
#include "bench/scene.h"
#include "core/timers.h"
#include "io/clock.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

enum { BATCH_CHANGES = 2000, ROUNDS_MAX = 1000, LOST_ONE_IN = 10 };

struct plan {
    int64_t instances;
    int64_t services;
    int64_t tasks;  // of each
    int64_t events; // kept in the log, with a store
    const char *store;
};

struct bench {
    struct scene scene;
    struct plan plan;
    int64_t cpu_us;
    int64_t decisions; // calls, reports, looks
    struct histogram latency;
};

// ---- the clock

static int64_t thread_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * INT64_C(1000000) + t.tv_nsec / 1000;
}

static void note(struct bench *bench, int64_t began_us)
{
    int64_t took_us = thread_cpu_us() - began_us;

    bench->cpu_us += took_us;
    bench->decisions++;
    histogram_add(&bench->latency, took_us);
}

static void commit_now_and_then(struct bench *bench)
{
    if (state_mark(&bench->scene.state) >= BATCH_CHANGES)
        scene_commit(&bench->scene);
}

static const void *call(struct bench *bench, enum ecs_operation operation, const void *request)
{
    int64_t began_us = thread_cpu_us();
    const void *reply = scene_run(&bench->scene, operation, request);

    note(bench, began_us);
    commit_now_and_then(bench);
    return reply;
}

// ---- agents

static void report(struct bench *bench, const struct task *task, const char *status)
{
    struct ecs_submit_task_state_change_request request = {0};
    struct ecs_container_state_change container = {0};

    SET(&container, container_name, STR("main"));
    SET(&container, status, str_of(status));
    SET(&request, cluster, STR(SCENE_CLUSTER));
    SET(&request, task, task->uid);
    SET(&request, status, str_of(status));
    SET(&request, containers, (struct ecs_container_state_change_list){.n = 1, .at = &container});
    call(bench, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, &request);
}

// Of a task that nothing is to be said of: NULL.
static const char *news_of(const struct task *task)
{
    if (task_is_stopped(task))
        return NULL;
    if (!task_is_wanted(task))
        return "STOPPED";
    return task_is_pending(task) ? "RUNNING" : NULL;
}

// How much was said.
static int64_t report_all(struct bench *bench)
{
    const struct state *state = &bench->scene.state;
    int64_t n = 0;

    for (uint64_t id = 0; (id = idtable_next(&state->entities[REC_KIND_TASK], id)) != 0;) {
        const struct task *task = task_get(state, id);
        const char *status = news_of(task);

        if (status == NULL)
            continue;
        report(bench, task, status);
        n++;
    }
    return n;
}

// ---- the scheduler

// Everything that is due by now.
static void decide(struct bench *bench)
{
    struct scene *scene = &bench->scene;
    time_ms next = timers_next(&scene->state);

    while (next != 0 && next <= scene->now) {
        int64_t began_us = thread_cpu_us();

        scene->open->step.now = scene->now;
        next = timers_run(&scene->open->step);
        note(bench, began_us);
        commit_now_and_then(bench);
    }
}

static bool is_steady(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_SERVICE];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct service *service = service_get(state, id);
        uint32_t wanted = (uint32_t)service->rec->desired_count;

        if (service->running_n != wanted || service->pending_n > 0 ||
            service_primary(service)->rec->rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED)
            return false;
    }
    return true;
}

static void settle(struct bench *bench)
{
    struct scene *scene = &bench->scene;

    for (int round = 0;; round++) {
        time_ms next;

        ASSERT_SAY(round < ROUNDS_MAX, "the services do not come to rest");
        decide(bench);
        if (report_all(bench) > 0)
            continue;
        if (is_steady(&scene->state))
            break;
        next = timers_next(&scene->state);
        ASSERT(next != 0);
        scene->now = next > scene->now ? next : scene->now;
        scene_commit(scene); // which begins a step at the new time
    }
    scene_commit(scene);
    scene_flush(scene);
}

// ---- what happens

static void create_all(struct bench *bench)
{
    for (int64_t i = 0; i < bench->plan.services; i++)
        call(bench, ECS_OPERATION_CREATE_SERVICE,
             scene_request(&bench->scene, ECS_OPERATION_CREATE_SERVICE,
                           "{\"cluster\":\"" SCENE_CLUSTER "\",\"serviceName\":\"s%" PRId64
                           "\",\"taskDefinition\":\"family-%d\",\"desiredCount\":%" PRId64 "}",
                           i, (int)(i % SCENE_FAMILIES), bench->plan.tasks));
}

static void lose_some(struct bench *bench)
{
    for (size_t i = 0; i < bench->scene.instances_n; i += LOST_ONE_IN) {
        struct ecs_deregister_container_instance_request request = {0};

        SET(&request, cluster, STR(SCENE_CLUSTER));
        SET(&request, container_instance, bench->scene.instance_arns[i]);
        SET(&request, force, true);
        call(bench, ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE, &request);
    }
}

static void deploy_all(struct bench *bench)
{
    for (int64_t i = 0; i < bench->plan.services; i++)
        call(bench, ECS_OPERATION_UPDATE_SERVICE,
             scene_request(&bench->scene, ECS_OPERATION_UPDATE_SERVICE,
                           "{\"cluster\":\"" SCENE_CLUSTER "\",\"service\":\"s%" PRId64
                           "\",\"forceNewDeployment\":true}",
                           i));
}

static void pass_an_hour(struct bench *bench)
{
    struct scene *scene = &bench->scene;
    time_ms end = scene->now + TIME_HOUR_MS;

    for (time_ms next; (next = timers_next(&scene->state)) != 0 && next <= end;) {
        scene->now = next > scene->now ? next : scene->now;
        scene_commit(scene);
        decide(bench);
    }
    scene->now = end;
}

static uint64_t tasks_ever(const struct state *state)
{
    return state->next_id[REC_KIND_TASK];
}

static void measure(struct bench *bench, const char *name, void (*happen)(struct bench *bench),
                    bool settles)
{
    uint64_t tasks = tasks_ever(&bench->scene.state);
    time_ms virtual = bench->scene.now;
    int64_t began_us = clock_monotonic_us();

    bench->cpu_us = 0;
    bench->decisions = 0;
    bench->latency = (struct histogram){0};
    happen(bench);
    if (settles)
        settle(bench);
    tasks = tasks_ever(&bench->scene.state) - tasks;
    printf("{\"case\":\"%s\",\"services\":%" PRId64 ",\"instances\":%" PRId64 ",\"starts\":%" PRIu64
           ",\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"virtual_s\":%.0f,\"decisions\":%" PRId64
           ",\"p50_us\":%" PRId64 ",\"p99_us\":%" PRId64 ",\"max_us\":%" PRId64 "}\n",
           name, bench->plan.services, bench->plan.instances, tasks,
           (double)(clock_monotonic_us() - began_us) / 1e6, (double)bench->cpu_us / 1e6,
           (double)(bench->scene.now - virtual) / TIME_SECOND_MS, bench->decisions,
           histogram_quantile(&bench->latency, 0.5), histogram_quantile(&bench->latency, 0.99),
           bench->latency.max);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    struct bench bench = {.plan = {.instances = 10000, .services = 5000, .tasks = 10}};
    struct plan *plan = &bench.plan;
    const struct flag flags[] = {
        {.name = "--instances", .number = &plan->instances, .help = "in the cluster (10000)"},
        {.name = "--services", .number = &plan->services, .help = "(5000)"},
        {.name = "--tasks", .number = &plan->tasks, .help = "of each service (10)"},
        {.name = "--events", .number = &plan->events, .help = "kept in the event log (0: none)"},
        {.name = "--store", .text = &plan->store, .help = "SQLite file to commit to (none)"},
        {0},
    };
    struct scene_size size = {.tasks_n = 0};

    if (flags_parse(argc, argv, flags, "[FLAGS]") != 1)
        flags_fail(flags, "[FLAGS]", argv[0]);
    size.instances_n = (size_t)plan->instances;
    scene_init(&bench.scene, plan->store, (uint64_t)plan->events);
    scene_grow(&bench.scene, &size);
    measure(&bench, "converge", create_all, true);
    measure(&bench, "lose", lose_some, true);
    measure(&bench, "deploy", deploy_all, true);
    measure(&bench, "idle-hour", pass_an_hour, false);
    scene_deinit(&bench.scene);
    return 0;
}
