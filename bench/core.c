// bench-core: what deciding costs, in one process, without sockets.
//
// A scene of the asked size is built, then each case is repeated on it for a second: batches of
// calls through op_run, as the server's core thread makes them. In memory every batch is undone
// afterwards, off the clock, so the state keeps its size however long it is measured. With --store
// every batch is committed to SQLite while the next one is decided, and the state grows.
//
// Printed is one line of JSON. `per_s` counts by the wall clock, `cpu_us` is the processor time of
// the deciding thread for one unit, which other programs on the machine disturb less. To count
// instructions:
//
//     valgrind --tool=callgrind --toggle-collect=measured build/bench/bench-core place-binpack
//     --units 2000

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "bench/flags.h"
#include "bench/scene.h"
#include "io/clock.h"

enum { VARIANTS = 128, TASKS_A_CALL = 10 };

struct plan {
    int64_t instances;
    int64_t tasks;
    int64_t batch; // units
    int64_t units; // in all; 0: as many as a second holds
    const char *store;
    int64_t events;
};

struct bench_case;

struct bench {
    struct scene scene;
    struct plan plan;
    const struct bench_case *which;
    void *requests[VARIANTS];
    struct str task_arns[VARIANTS];
};

struct bench_case {
    const char *name;
    enum ecs_operation operation;
    size_t unit;
    const char *unit_name;
    void *(*request)(struct bench *bench, int variant);
    bool needs_tasks; // PENDING ones, VARIANTS of them; each stands a report once a batch
};

// ---- RunTask; the variant keeps calls apart where a rule would get in their way

static void *run_task(struct bench *bench, const char *family, int variant, const char *rules)
{
    return scene_request(&bench->scene, ECS_OPERATION_RUN_TASK,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"taskDefinition\":\"%s-%d\","
                         "\"count\":%d,\"startedBy\":\"bench\"%s%s}",
                         family, variant, TASKS_A_CALL, rules[0] != '\0' ? "," : "", rules);
}

static void *place_random(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES, "");
}

static void *place_binpack(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES,
                    "\"placementStrategy\":[{\"type\":\"binpack\",\"field\":\"memory\"}]");
}

static void *place_spread_zone(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES,
                    "\"placementStrategy\":[{\"type\":\"spread\","
                    "\"field\":\"attribute:ecs.availability-zone\"}]");
}

static void *place_spread_instance(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES,
                    "\"placementStrategy\":[{\"type\":\"spread\",\"field\":\"instanceId\"}]");
}

static void *place_spread_binpack(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES,
                    "\"placementStrategy\":[{\"type\":\"spread\","
                    "\"field\":\"attribute:ecs.availability-zone\"},"
                    "{\"type\":\"binpack\",\"field\":\"cpu\"}]");
}

static void *place_member_of(struct bench *bench, int variant)
{
    return run_task(bench, "family", variant % SCENE_FAMILIES,
                    "\"placementConstraints\":[{\"type\":\"memberOf\",\"expression\":"
                    "\"attribute:ecs.instance-type =~ m5.* and "
                    "attribute:rack not_in [rack-1, rack-2]\"}],"
                    "\"placementStrategy\":[{\"type\":\"binpack\",\"field\":\"cpu\"}]");
}

// A group of its own, so that a hundred instances are enough for any number of batches.
static void *place_distinct(struct bench *bench, int variant)
{
    char rules[128];

    snprintf(rules, sizeof rules,
             "\"group\":\"distinct-%d\",\"placementConstraints\":[{\"type\":\"distinctInstance\"}]",
             variant);
    return run_task(bench, "family", variant % SCENE_FAMILIES, rules);
}

static void *place_ports(struct bench *bench, int variant)
{
    return run_task(bench, "port", variant % SCENE_PORT_FAMILIES, "");
}

// ---- the others

static void *register_definition(struct bench *bench, int variant)
{
    return scene_request(
        &bench->scene, ECS_OPERATION_REGISTER_TASK_DEFINITION,
        "{\"family\":\"family-%d\",\"containerDefinitions\":["
        "{\"name\":\"main\",\"image\":\"registry.example/app:%d\",\"cpu\":256,\"memory\":512,"
        "\"portMappings\":[{\"containerPort\":80,\"hostPort\":0}],"
        "\"environment\":[{\"name\":\"MODE\",\"value\":\"production\"},"
        "{\"name\":\"ZONE\",\"value\":\"a\"}],\"dependsOn\":[{\"containerName\":\"side\","
        "\"condition\":\"START\"}]},"
        "{\"name\":\"side\",\"image\":\"registry.example/side:1\",\"cpu\":64,\"memory\":128,"
        "\"essential\":false}]}",
        variant % SCENE_FAMILIES, variant);
}

static void *put_attributes(struct bench *bench, int variant)
{
    const struct scene *scene = &bench->scene;

    return scene_request(&bench->scene, ECS_OPERATION_PUT_ATTRIBUTES,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"attributes\":[{\"name\":\"slot\","
                         "\"value\":\"%d\",\"targetId\":\"%.*s\"}]}",
                         variant,
                         STR_ARGS(scene->instance_arns[(size_t)variant % scene->instances_n]));
}

static void *submit_running(struct bench *bench, int variant)
{
    return scene_request(&bench->scene, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"task\":\"%.*s\","
                         "\"status\":\"RUNNING\",\"containers\":[{\"containerName\":\"main\","
                         "\"status\":\"RUNNING\",\"runtimeId\":\"b8ae6e6b7b8b4a5d9c0d7cbb63a1\"}]}",
                         STR_ARGS(bench->task_arns[variant]));
}

static void *submit_stopped(struct bench *bench, int variant)
{
    return scene_request(&bench->scene, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"task\":\"%.*s\","
                         "\"status\":\"STOPPED\",\"containers\":[{\"containerName\":\"main\","
                         "\"status\":\"STOPPED\",\"exitCode\":0}]}",
                         STR_ARGS(bench->task_arns[variant]));
}

static void *list_tasks(struct bench *bench, const char *filter)
{
    return scene_request(&bench->scene, ECS_OPERATION_LIST_TASKS,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"maxResults\":100%s%s}",
                         filter[0] != '\0' ? "," : "", filter);
}

static void *list_all(struct bench *bench, int variant)
{
    (void)variant;
    return list_tasks(bench, "");
}

static void *list_by_family(struct bench *bench, int variant)
{
    char filter[64];

    snprintf(filter, sizeof filter, "\"family\":\"family-%d\"", variant % SCENE_FAMILIES);
    return list_tasks(bench, filter);
}

// Nothing matches, which is the dearest question.
static void *list_by_unknown_family(struct bench *bench, int variant)
{
    (void)variant;
    return list_tasks(bench, "\"family\":\"port-1\"");
}

static void *list_by_started_by(struct bench *bench, int variant)
{
    (void)variant;
    return list_tasks(bench, "\"startedBy\":\"nobody\"");
}

static void *list_by_instance(struct bench *bench, int variant)
{
    const struct scene *scene = &bench->scene;
    char filter[200];

    snprintf(filter, sizeof filter, "\"containerInstance\":\"%.*s\"",
             STR_ARGS(scene->instance_arns[(size_t)variant * 7 % scene->instances_n]));
    return list_tasks(bench, filter);
}

static void *list_stopped(struct bench *bench, int variant)
{
    (void)variant;
    return list_tasks(bench, "\"desiredStatus\":\"STOPPED\"");
}

static void *describe_one(struct bench *bench, int variant)
{
    return scene_request(&bench->scene, ECS_OPERATION_DESCRIBE_TASKS,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"tasks\":[\"%.*s\"]}",
                         STR_ARGS(bench->task_arns[variant]));
}

static void *describe_cluster(struct bench *bench, int variant)
{
    (void)variant;
    return scene_request(&bench->scene, ECS_OPERATION_DESCRIBE_CLUSTERS,
                         "{\"clusters\":[\"" SCENE_CLUSTER "\"]}");
}

static void *stop_task(struct bench *bench, int variant)
{
    return scene_request(&bench->scene, ECS_OPERATION_STOP_TASK,
                         "{\"cluster\":\"" SCENE_CLUSTER "\",\"task\":\"%.*s\"}",
                         STR_ARGS(bench->task_arns[variant]));
}

#define PLACEMENT(title, make)                                                                     \
    {                                                                                              \
        .name = (title), .operation = ECS_OPERATION_RUN_TASK, .unit = TASKS_A_CALL,                \
        .unit_name = "placement", .request = (make)                                                \
    }
#define CALL_WITH(title, op, make, tasks)                                                          \
    {                                                                                              \
        .name = (title), .operation = ECS_OPERATION_##op, .unit = 1, .unit_name = "call",          \
        .request = (make), .needs_tasks = (tasks)                                                  \
    }
#define CALL(title, op, make)         CALL_WITH(title, op, make, false)
#define CALL_ON_TASK(title, op, make) CALL_WITH(title, op, make, true)

static const struct bench_case cases[] = {
    PLACEMENT("place-random", place_random),
    PLACEMENT("place-binpack", place_binpack),
    PLACEMENT("place-spread-zone", place_spread_zone),
    PLACEMENT("place-spread-instance", place_spread_instance),
    PLACEMENT("place-spread-binpack", place_spread_binpack),
    PLACEMENT("place-member-of", place_member_of),
    PLACEMENT("place-distinct", place_distinct),
    PLACEMENT("place-ports", place_ports),
    CALL("register-definition", REGISTER_TASK_DEFINITION, register_definition),
    CALL("put-attributes", PUT_ATTRIBUTES, put_attributes),
    CALL_ON_TASK("submit-running", SUBMIT_TASK_STATE_CHANGE, submit_running),
    CALL_ON_TASK("submit-stopped", SUBMIT_TASK_STATE_CHANGE, submit_stopped),
    CALL_ON_TASK("stop-task", STOP_TASK, stop_task),
    CALL_ON_TASK("describe-task", DESCRIBE_TASKS, describe_one),
    CALL("describe-cluster", DESCRIBE_CLUSTERS, describe_cluster),
    CALL("list-tasks", LIST_TASKS, list_all),
    CALL("list-by-family", LIST_TASKS, list_by_family),
    CALL("list-by-unknown-family", LIST_TASKS, list_by_unknown_family),
    CALL("list-by-started-by", LIST_TASKS, list_by_started_by),
    CALL("list-by-instance", LIST_TASKS, list_by_instance),
    CALL("list-stopped", LIST_TASKS, list_stopped),
};

// ---- measuring

struct spent {
    int64_t wall_us;
    int64_t cpu_us;
    int64_t units;
};

static int64_t thread_cpu_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void check_launched(const struct bench *bench, const void *reply)
{
    const struct ecs_run_task_response *launched = reply;

    if (bench->which->operation != ECS_OPERATION_RUN_TASK)
        return;
    ASSERT_SAY(launched->tasks.n == bench->which->unit, "placed only %zu: %.*s", launched->tasks.n,
               STR_ARGS(launched->failures.at[0].reason));
}

// What is on the clock. Not inlined, so that callgrind can be told to collect here alone.
__attribute__((noinline)) static void measured(struct bench *bench, int64_t calls, size_t *next)
{
    bool writes = (ecs_operations[bench->which->operation].flags & OPERATION_WRITES) != 0;

    for (int64_t i = 0; i < calls; i++) {
        const void *request = bench->requests[(*next)++ % VARIANTS];
        check_launched(bench, scene_run(&bench->scene, bench->which->operation, request));
    }
    ASSERT(!writes || state_mark(&bench->scene.state) >= (size_t)calls); // nothing was measured
    if (bench->plan.store != NULL)
        scene_commit(&bench->scene);
    else
        scene_take(&bench->scene);
}

static void measure_batch(struct bench *bench, size_t *next, struct spent *spent)
{
    int64_t calls = bench->plan.batch / (int64_t)bench->which->unit;
    int64_t wall = clock_monotonic_us();
    int64_t cpu = thread_cpu_us();

    calls = calls > 0 ? calls : 1;
    if (bench->which->needs_tasks && calls > VARIANTS)
        calls = VARIANTS; // a second report on a task would change nothing
    measured(bench, calls, next);
    spent->cpu_us += thread_cpu_us() - cpu;
    spent->wall_us += clock_monotonic_us() - wall;
    spent->units += calls * (int64_t)bench->which->unit;
    if (bench->plan.store == NULL)
        scene_undo(&bench->scene);
}

static void measure(struct bench *bench, struct spent *out)
{
    const struct plan *plan = &bench->plan;
    struct spent warm_up = {0};
    struct spent spent = {0};
    size_t next = 0;
    int64_t wall;

    if (plan->units == 0)
        measure_batch(bench, &next, &warm_up);
    while (plan->units > 0 ? spent.units < plan->units : spent.wall_us < 1000000)
        measure_batch(bench, &next, &spent);
    wall = clock_monotonic_us();
    scene_flush(&bench->scene);
    spent.wall_us += clock_monotonic_us() - wall;
    *out = spent;
}

// Tasks that are PENDING, for the cases that report on some.
static void add_pending_tasks(struct bench *bench)
{
    int n = 0;

    while (n < VARIANTS) {
        const struct ecs_run_task_response *reply =
            scene_run(&bench->scene, ECS_OPERATION_RUN_TASK, place_random(bench, n));
        for (size_t i = 0; i < reply->tasks.n && n < VARIANTS; i++)
            bench->task_arns[n++] = str_copy(&bench->scene.kept, reply->tasks.at[i].task_arn);
    }
    scene_commit(&bench->scene);
    scene_flush(&bench->scene);
}

static void run_case(struct bench *bench, const struct bench_case *which)
{
    const struct plan *plan = &bench->plan;
    struct spent spent;

    ASSERT_SAY(plan->store == NULL || !which->needs_tasks, "%s is measured in memory only",
               which->name);
    bench->which = which;
    if (which->needs_tasks && bench->task_arns[0].len == 0)
        add_pending_tasks(bench);
    for (int i = 0; i < VARIANTS; i++)
        bench->requests[i] = which->request(bench, i);
    measure(bench, &spent);
    printf("{\"case\":\"%s\",\"unit\":\"%s\",\"store\":%s,\"instances\":%" PRId64
           ",\"tasks\":%" PRId64 ",\"units\":%" PRId64 ",\"per_s\":%.0f,\"cpu_us\":%.3f}\n",
           which->name, which->unit_name, plan->store != NULL ? "true" : "false", plan->instances,
           plan->tasks, spent.units, (double)spent.units * 1e6 / (double)spent.wall_us,
           (double)spent.cpu_us / (double)spent.units);
    fflush(stdout);
}

static const struct bench_case *case_named(const char *name)
{
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        if (strcmp(cases[i].name, name) == 0)
            return &cases[i];
    }
    fprintf(stderr, "bench-core: no case %s; there are\n", name);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        fprintf(stderr, "  %s\n", cases[i].name);
    exit(2);
}

int main(int argc, char **argv)
{
    struct bench bench = {.plan = {.instances = 1000, .tasks = 10000, .batch = 1000}};
    struct plan *plan = &bench.plan;
    const struct flag flags[] = {
        {.name = "--instances", .number = &plan->instances, .help = "in the cluster (1000)"},
        {.name = "--tasks", .number = &plan->tasks, .help = "running already (10000)"},
        {.name = "--batch", .number = &plan->batch, .help = "units decided together (1000)"},
        {.name = "--units", .number = &plan->units, .help = "in all (a second's worth)"},
        {.name = "--events", .number = &plan->events, .help = "kept by the store's event log (0)"},
        {.name = "--store", .text = &plan->store, .help = "SQLite file to commit to (none)"},
        {0},
    };
    int words = flags_parse(argc, argv, flags, "CASE... [FLAGS]");
    struct scene_size size = {(size_t)plan->instances, (size_t)plan->tasks};

    if (words < 2)
        flags_fail(flags, "CASE... [FLAGS]", argv[0]);
    for (int i = 1; i < words; i++)
        case_named(argv[i]);
    scene_init(&bench.scene, plan->store, (uint64_t)plan->events);
    scene_grow(&bench.scene, &size);
    for (int i = 1; i < words; i++)
        run_case(&bench, case_named(argv[i]));
    scene_deinit(&bench.scene);
    return 0;
}
