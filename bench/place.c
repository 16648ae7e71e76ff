// Placements: how many a second one core decides, in memory, by kind of placement.
//
//     bench-place [--instances N] [--tasks N] [--placements N] [SCENARIO...]
//
// The real placement, lifecycle and payload code on a state of its own: N connected instances in
// three zones, with the attributes an agent registers, and N tasks spread over them. Then every
// scenario places tasks in batches of ten, as a RunTask of ten does, and stops as many as it
// placed, so that the fleet stays as full as it was. No socket, no store: what is measured is the
// decision and the change of state. One line a scenario: name, placements/s, microseconds each.
// `memory` prints the bytes a task takes in the state.

#include <inttypes.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/id.h"
#include "core/lifecycle.h"
#include "core/placement.h"
#include "io/clock.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"

enum { BATCH = 10, ZONES = 3, FAMILIES = 100, INSTANCE_CPU = 65536, INSTANCE_MEMORY = 262144 };

struct bench {
    struct state state;
    struct rng rng;
    struct arena arena; // of the step
    struct arena kept;
    struct step step;
    uint64_t cluster;
    uint64_t definitions[FAMILIES];
    uint64_t definition_with_port;
    size_t instances_n;
    size_t tasks_n;
    size_t placements_n;
};

// --- records

static const char *const capabilities[] = {
    "com.amazonaws.ecs.capability.docker-remote-api.1.17",
    "com.amazonaws.ecs.capability.docker-remote-api.1.18",
    "com.amazonaws.ecs.capability.docker-remote-api.1.19",
    "com.amazonaws.ecs.capability.docker-remote-api.1.20",
    "com.amazonaws.ecs.capability.docker-remote-api.1.21",
    "com.amazonaws.ecs.capability.docker-remote-api.1.22",
    "com.amazonaws.ecs.capability.docker-remote-api.1.23",
    "com.amazonaws.ecs.capability.docker-remote-api.1.24",
    "com.amazonaws.ecs.capability.docker-remote-api.1.25",
    "com.amazonaws.ecs.capability.docker-remote-api.1.29",
    "com.amazonaws.ecs.capability.docker-remote-api.1.30",
    "com.amazonaws.ecs.capability.logging-driver.awslogs",
    "com.amazonaws.ecs.capability.logging-driver.json-file",
    "com.amazonaws.ecs.capability.logging-driver.syslog",
    "com.amazonaws.ecs.capability.privileged-container",
    "com.amazonaws.ecs.capability.task-iam-role",
    "com.amazonaws.ecs.capability.task-iam-role-network-host",
    "ecs.capability.container-health-check",
    "ecs.capability.container-ordering",
    "ecs.capability.execution-role-awslogs",
    "ecs.capability.execution-role-ecr-pull",
    "ecs.capability.private-registry-authentication.secretsmanager",
    "ecs.capability.secrets.asm.environment-variables",
    "ecs.capability.secrets.ssm.environment-variables",
    "ecs.capability.task-cpu-mem-limit",
};

static void add_attribute(struct bench *b, struct ecs_attribute_list *list, const char *name,
                          struct str value)
{
    struct ecs_attribute *attribute = &list->at[list->n++];

    (void)b;
    SET(attribute, name, str_of(name));
    if (value.len > 0)
        SET(attribute, value, value);
}

static struct ecs_attribute_list attributes_of(struct bench *b, size_t i)
{
    size_t n = sizeof capabilities / sizeof *capabilities;
    struct ecs_attribute_list list = {.at = arena_array(&b->arena, struct ecs_attribute, n + 8)};

    for (size_t k = 0; k < n; k++)
        add_attribute(b, &list, capabilities[k], STR_NONE);
    add_attribute(b, &list, "ecs.availability-zone",
                  str_fmt(&b->arena, "us-east-1%c", (int)('a' + i % ZONES)));
    add_attribute(b, &list, "ecs.instance-type", i % 2 ? STR("m5.16xlarge") : STR("c5.large"));
    add_attribute(b, &list, "ecs.os-type", STR("linux"));
    add_attribute(b, &list, "ecs.cpu-architecture", STR("x86_64"));
    add_attribute(b, &list, "ecs.ami-id", STR("ami-0123456789abcdef0"));
    return list;
}

static struct ecs_resource number(const char *name, int32_t value)
{
    struct ecs_resource resource = {0};

    SET(&resource, name, str_of(name));
    SET(&resource, type, STR("INTEGER"));
    SET(&resource, integer_value, value);
    return resource;
}

static void add_instance(struct bench *b, size_t i)
{
    uint64_t id = state_new_id(&b->state, REC_KIND_INSTANCE);
    struct rec_instance rec = {0};
    struct rec_instance_state st = {0};
    struct ecs_resource resources[] = {number("CPU", INSTANCE_CPU),
                                       number("MEMORY", INSTANCE_MEMORY)};

    SET(&rec, cluster_id, (int64_t)b->cluster);
    SET(&rec, uid, id_hex32(&b->arena, &b->rng));
    SET(&rec, registered_at, b->step.now);
    SET(&rec, attributes, attributes_of(b, i));
    SET(&rec, resources, (struct ecs_resource_list){.n = 2, .at = resources});
    SET(&st, status, REC_INSTANCE_STATUS_ACTIVE);
    SET(&st, version, 1);
    state_put(&b->state, REC_KIND_INSTANCE, id, &rec);
    state_put(&b->state, REC_KIND_INSTANCE_STATE, id, &st);
    instance_set_session(&b->state, instance_get(&b->state, id), id);
}

static void fill_container(struct bench *b, struct ecs_container_definition *container, int port)
{
    struct ecs_port_mapping *mapping = arena_new(&b->arena, struct ecs_port_mapping);

    SET(mapping, container_port, 8080);
    SET(mapping, host_port, port);
    SET(mapping, protocol, ECS_TRANSPORT_PROTOCOL_TCP);
    SET(container, name, STR("main"));
    SET(container, image, STR("registry.example.com/team/service:1.42.0"));
    SET(container, cpu, 256);
    SET(container, memory, 512);
    SET(container, essential, true);
    SET(container, port_mappings, (struct ecs_port_mapping_list){.n = 1, .at = mapping});
}

static uint64_t add_definition(struct bench *b, size_t i, int port)
{
    uint64_t family_id = state_new_id(&b->state, REC_KIND_FAMILY);
    uint64_t id = state_new_id(&b->state, REC_KIND_TASK_DEFINITION);
    struct rec_family family = {0};
    struct rec_task_definition rec = {0};
    struct ecs_task_definition spec = {0};
    struct ecs_container_definition container = {0};
    struct ecs_attribute required[2] = {0};

    SET(&family, region, STR("us-east-1"));
    SET(&family, name, str_fmt(&b->arena, "family-%zu-%d", i, port));
    SET(&family, last_revision, 1);
    state_put(&b->state, REC_KIND_FAMILY, family_id, &family);
    fill_container(b, &container, port);
    SET(&required[0], name, STR("com.amazonaws.ecs.capability.docker-remote-api.1.18"));
    SET(&required[1], name, STR("com.amazonaws.ecs.capability.logging-driver.json-file"));
    SET(&spec, container_definitions,
        (struct ecs_container_definition_list){.n = 1, .at = &container});
    SET(&spec, network_mode, ECS_NETWORK_MODE_BRIDGE);
    SET(&spec, requires_attributes, (struct ecs_attribute_list){.n = 2, .at = required});
    SET(&rec, family_id, (int64_t)family_id);
    SET(&rec, revision, 1);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, definition, &spec);
    state_put(&b->state, REC_KIND_TASK_DEFINITION, id, &rec);
    return id;
}

static void add_cluster(struct bench *b)
{
    struct rec_cluster rec = {0};

    b->cluster = state_new_id(&b->state, REC_KIND_CLUSTER);
    SET(&rec, region, STR("us-east-1"));
    SET(&rec, name, STR("big"));
    SET(&rec, status, REC_CLUSTER_STATUS_ACTIVE);
    state_put(&b->state, REC_KIND_CLUSTER, b->cluster, &rec);
}

static void begin(struct bench *b)
{
    arena_reset(&b->arena);
    step_init(&b->step, &b->state, INT64_C(1767225600000), &b->rng, &b->arena);
}

static size_t commit(struct bench *b)
{
    struct batch batch = state_take_batch(&b->state);
    size_t writes_n = batch.writes_n;

    batch_free(&batch);
    return writes_n;
}

// --- tasks

static struct task_plan plan_for(const struct bench *b, uint64_t definition, uint64_t instance)
{
    return (struct task_plan){
        .cluster = cluster_get(&b->state, b->cluster),
        .definition = task_definition_get(&b->state, definition),
        .instance = instance_get(&b->state, instance),
        .launch_type = ECS_LAUNCH_TYPE_EC2,
    };
}

// As an agent reports a started task.
static void make_steady(struct bench *b, struct task *task)
{
    struct rec_task *next = task_edit(&b->step, task);
    struct rec_task_container *container =
        arena_copy(&b->arena, next->containers.at, sizeof *next->containers.at);
    struct ecs_network_binding *binding = arena_new(&b->arena, struct ecs_network_binding);

    SET(binding, bind_ip, STR("0.0.0.0"));
    SET(binding, container_port, 8080);
    SET(binding, host_port, 32768);
    SET(binding, protocol, ECS_TRANSPORT_PROTOCOL_TCP);
    SET(container, runtime_id,
        str_fmt(&b->arena, "%.*s%.*s", STR_ARGS(id_hex32(&b->arena, &b->rng)),
                STR_ARGS(id_hex32(&b->arena, &b->rng))));
    SET(container, image_digest,
        STR("sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef"));
    SET(container, network_bindings, (struct ecs_network_binding_list){.n = 1, .at = binding});
    SET(container, last_status, REC_TASK_STATUS_RUNNING);
    next->containers.at = container;
    SET(next, pull_started_at, b->step.now);
    SET(next, pull_stopped_at, b->step.now);
    SET(next, started_at, b->step.now);
    SET(next, last_status, REC_TASK_STATUS_RUNNING);
    task_change(&b->step, task, next);
    task->delivered = true;
}

static void fill(struct bench *b)
{
    for (size_t i = 0; i < b->tasks_n; i++) {
        struct task_plan plan =
            plan_for(b, b->definitions[i % FAMILIES], 1 + (uint64_t)(i % b->instances_n));
        struct task *task;

        begin(b);
        task = task_start(&b->step, &plan);
        make_steady(b, task);
        commit(b);
    }
}

static void bench_init(struct bench *b)
{
    state_init(&b->state, &state_config_default);
    rng_init(&b->rng, 1);
    begin(b);
    add_cluster(b);
    for (size_t i = 0; i < FAMILIES; i++)
        b->definitions[i] = add_definition(b, i, 0);
    b->definition_with_port = add_definition(b, 0, 8080);
    commit(b);
    for (size_t i = 0; i < b->instances_n; i++) {
        begin(b);
        add_instance(b, i);
        commit(b);
    }
}

static void bench_deinit(struct bench *b)
{
    state_deinit(&b->state);
    arena_deinit(&b->arena);
    arena_deinit(&b->kept);
}

// --- scenarios

enum mode { MODE_STEADY, MODE_FAILING };

struct scenario {
    const char *name;
    struct ecs_placement_strategy chain[2];
    size_t chain_n;
    const char *member_of;
    bool distinct;
    bool port;
    bool group_each; // every call has a group of its own
    enum mode mode;
};

#define STRATEGY(kind, text)                                                                       \
    {                                                                                              \
        .has = {.type = true, .field = true}, .type = ECS_PLACEMENT_STRATEGY_TYPE_##kind,          \
        .field = STR_INIT(text),                                                                   \
    }

static const struct scenario scenarios[] = {
    {.name = "random"},
    {.name = "binpack-cpu", .chain = {STRATEGY(BINPACK, "cpu")}, .chain_n = 1},
    {.name = "binpack-memory", .chain = {STRATEGY(BINPACK, "memory")}, .chain_n = 1},
    {.name = "spread-zone",
     .chain = {STRATEGY(SPREAD, "attribute:ecs.availability-zone")},
     .chain_n = 1},
    {.name = "spread-instance", .chain = {STRATEGY(SPREAD, "instanceId")}, .chain_n = 1},
    {.name = "spread-zone-binpack",
     .chain = {STRATEGY(SPREAD, "attribute:ecs.availability-zone"), STRATEGY(BINPACK, "memory")},
     .chain_n = 2},
    {.name = "member-of",
     .member_of = "attribute:ecs.instance-type =~ m5.* and "
                  "attribute:ecs.availability-zone in [us-east-1a]"},
    {.name = "member-of-load",
     .member_of = "runningTasksCount < 100000 and "
                  "attribute:ecs.instance-type == m5.16xlarge"},
    {.name = "distinct-instance", .distinct = true, .group_each = true},
    {.name = "ports", .port = true},
    {.name = "new-group-each-call",
     .chain = {STRATEGY(SPREAD, "instanceId")},
     .chain_n = 1,
     .group_each = true},
    {.name = "nothing-fits", .member_of = "attribute:nope exists", .mode = MODE_FAILING},
};

// Ten tasks, and as many stopped that an earlier call placed.
struct ring {
    uint64_t *ids;
    size_t n;
    size_t at;
};

static void stop_one(struct bench *b, struct ring *ring, uint64_t id)
{
    uint64_t old = ring->ids[ring->at];
    struct task *task = old != 0 ? task_get(&b->state, old) : NULL;

    if (task != NULL) {
        task_finish(&b->step, task, ECS_TASK_STOP_CODE_USERINITIATED, STR_NONE);
        state_remove(&b->state, REC_KIND_TASK, old);
    }
    ring->ids[ring->at] = id;
    ring->at = (ring->at + 1) % ring->n;
}

static struct query *parse(struct bench *b, const char *text)
{
    struct query *query;
    size_t at;

    if (text == NULL)
        return NULL;
    query = query_parse(&b->kept, str_of(text), &at);
    ASSERT(query != NULL);
    return query;
}

static size_t call(struct bench *b, const struct scenario *scenario, struct query *query,
                   struct ring *ring, size_t number_of_call, int64_t *deciding_us)
{
    uint64_t definition_id = scenario->port ? b->definition_with_port : b->definitions[0];
    struct task_plan plan = plan_for(b, definition_id, 0);
    struct ecs_placement_strategy_list chain = {
        .n = scenario->chain_n, .at = (struct ecs_placement_strategy *)(uintptr_t)scenario->chain};
    struct placement_request request = {
        .cluster = plan.cluster,
        .definition = plan.definition,
        .need = &plan.definition->need,
        .launch_type = ECS_LAUNCH_TYPE_EC2,
        .group = STR("family:bench"),
        .distinct_instance = scenario->distinct,
        .member_of = &query,
        .member_of_n = query != NULL,
        .strategies = &chain,
    };

    begin(b);
    if (scenario->group_each)
        request.group = str_fmt(&b->arena, "group-%zu", number_of_call);
    plan.group = request.group;
    for (size_t i = 0; i < BATCH; i++) {
        int64_t before = clock_monotonic_us();
        struct placement placement = place(&b->step, &request);

        *deciding_us += clock_monotonic_us() - before;
        ASSERT((placement.instance == NULL) == (scenario->mode == MODE_FAILING));
        if (placement.instance == NULL)
            continue;
        plan.instance = placement.instance;
        stop_one(b, ring, task_start(&b->step, &plan)->entity.id);
    }
    commit(b);
    return BATCH;
}

static void run(struct bench *b, const struct scenario *scenario)
{
    struct ring ring = {.n = b->instances_n / 2 + 1};
    struct query *query = parse(b, scenario->member_of);
    int64_t deciding_us = 0;
    int64_t started_us;
    double each_us;
    size_t done = 0;

    ring.ids = mem_zalloc(ring.n * sizeof *ring.ids);
    started_us = clock_monotonic_us();
    for (size_t i = 0; done < b->placements_n; i++)
        done += call(b, scenario, query, &ring, i, &deciding_us);
    each_us = (double)(clock_monotonic_us() - started_us) / (double)done;
    printf("%-22s %10.0f /s  %8.2f us each, of which deciding %8.2f us\n", scenario->name,
           1e6 / each_us, each_us, (double)deciding_us / (double)done);
    fflush(stdout);
    mem_free(ring.ids);
    query_free(query);
}

static void print_memory(const struct bench *b, const struct mallinfo2 *before)
{
    struct mallinfo2 after = mallinfo2();
    size_t bytes = after.uordblks + after.hblkhd - before->uordblks - before->hblkhd;

    if (b->tasks_n > 0)
        printf("%-22s %10zu bytes a task (%zu tasks)\n", "memory", bytes / b->tasks_n, b->tasks_n);
}

static bool is_wanted(const char *name, char **names)
{
    if (*names == NULL)
        return true;
    for (; *names != NULL; names++) {
        if (strcmp(*names, name) == 0)
            return true;
    }
    return false;
}

static size_t take_number(char ***args, const char *name, size_t otherwise)
{
    if ((*args)[0] == NULL || strcmp((*args)[0], name) != 0 || (*args)[1] == NULL)
        return otherwise;
    *args += 2;
    return (size_t)strtoull((*args)[-1], NULL, 10);
}

int main(int argc, char **argv)
{
    static struct bench b;
    struct mallinfo2 before;
    char **args = argv + 1;

    (void)argc;
    b.instances_n = take_number(&args, "--instances", 10000);
    b.tasks_n = take_number(&args, "--tasks", 100000);
    b.placements_n = take_number(&args, "--placements", 100000);
    bench_init(&b);
    before = mallinfo2();
    fill(&b);
    if (is_wanted("memory", args))
        print_memory(&b, &before);
    for (size_t i = 0; i < sizeof scenarios / sizeof *scenarios; i++) {
        if (is_wanted(scenarios[i].name, args))
            run(&b, &scenarios[i]);
    }
    bench_deinit(&b);
    return 0;
}
