// See scene.h. Setting up goes through the same operations that callers use:
// RegisterTaskDefinition, RegisterContainerInstance, StartTask (which names its instances, so
// filling costs no placement) and SubmitTaskStateChange.

#include "bench/scene.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "core/sessions.h"
#include "model/instance.h"
#include "model/task.h"
#include "ops/op.h"
#include "server/commit.h"
#include "server/event_log.h"
#include "server/recover.h"
#include "store/sqlite.h"
#include "wire/codec.h"

enum {
    TASKS_A_CALL = 10,
    BATCH_CALLS = 100,
    ROOM_TASKS = 20000, // of an instance, beyond those of scene_grow
};

static void on_durable(void *user, struct tick *tick)
{
    (void)user;
    (void)tick;
}

static void open_tick(struct scene *scene, struct tick *tick)
{
    arena_reset(&tick->arena);
    step_init(&tick->step, &scene->state, scene->now, &scene->rng, &tick->arena);
    scene->open = tick;
}

static void open_events(struct scene *scene, uint64_t kept)
{
    struct event_log_config config = {
        .store = scene->store,
        .account = STR("123456789012"),
        .kept = kept,
        .age_ms = TIME_DAY_MS,
        .seed = 1,
    };
    int outcome = event_log_open(&config, &scene->log);

    ASSERT(outcome == 0);
}

static void open_store(struct scene *scene, const char *path, uint64_t events_kept)
{
    struct commit_config commits = {
        .results = &scene->results, .probe_ms = TIME_SECOND_MS, .deliver = on_durable};
    struct str detail;
    int rc = store_open_sqlite(path, &recover_schema, &scene->kept, &detail, &scene->store);

    ASSERT_SAY(rc == 0, "%s: %.*s", path, STR_ARGS(detail));
    if (events_kept > 0)
        open_events(scene, events_kept);
    commits.store = scene->store;
    commits.log = scene->log;
    scene->commits = commit_thread_start(&commits);
}

void scene_init(struct scene *scene, const char *store_path, uint64_t events_kept)
{
    *scene = (struct scene){.now = INT64_C(1767225600000)};
    hash_seed(1);
    state_init(&scene->state, &state_config_default);
    rng_init(&scene->rng, 1);
    queue_init(&scene->results);
    open_tick(scene, &scene->ticks[0]);
    if (store_path != NULL)
        open_store(scene, store_path, events_kept);
}

void scene_deinit(struct scene *scene)
{
    scene_commit(scene);
    scene_flush(scene);
    if (scene->commits != NULL)
        commit_thread_stop(scene->commits);
    event_log_close(scene->log);
    store_close(scene->store);
    queue_deinit(&scene->results);
    state_deinit(&scene->state);
    for (size_t i = 0; i < 2; i++)
        arena_deinit(&scene->ticks[i].arena);
    arena_deinit(&scene->call);
    arena_deinit(&scene->kept);
}

// ---- batches

void scene_flush(struct scene *scene)
{
    struct tick *tick = &scene->ticks[scene->open == &scene->ticks[0] ? 1 : 0];
    struct queue_chain results;
    struct commit_result *result;

    if (!scene->in_flight)
        return;
    queue_chain_init(&results);
    queue_take(&scene->results, INT64_MAX, &results);
    result = (struct commit_result *)input_of(queue_chain_pop(&results));
    ASSERT_SAY(result->outcome == 0, "%s", result->detail);
    batch_free(&tick->batch);
    scene->in_flight = false;
}

void scene_commit(struct scene *scene)
{
    struct tick *tick = scene->open;

    scene_flush(scene);
    tick->notes = (struct event_notes){0};
    if (scene->log != NULL)
        tick->notes = events_of(&scene->state, scene->now, &tick->arena);
    tick->batch = state_take_batch(&scene->state);
    if (scene->commits != NULL && tick->batch.writes_n > 0) {
        commit_thread_submit(scene->commits, tick);
        scene->in_flight = true;
        open_tick(scene, &scene->ticks[tick == &scene->ticks[0] ? 1 : 0]);
    } else {
        batch_free(&tick->batch);
        open_tick(scene, tick);
    }
}

void scene_take(struct scene *scene)
{
    ASSERT(scene->store == NULL);
    scene->open->batch = state_take_batch(&scene->state);
}

void scene_undo(struct scene *scene)
{
    batch_undo(&scene->state, &scene->open->batch);
    open_tick(scene, scene->open);
}

// ---- calls

void *scene_request(struct scene *scene, enum ecs_operation operation, const char *fmt, ...)
{
    const struct shape *shape = ecs_operations[operation].request;
    void *request = arena_alloc(&scene->kept, shape->size);
    struct codec_report report = {0};
    char *json;
    size_t len;
    va_list ap;
    int rc;

    va_start(ap, fmt);
    json = arena_vprintf(&scene->kept, &len, fmt, ap);
    va_end(ap);
    rc = codec_decode(&scene->kept, shape, str_span(json, len), NULL, request, &report);
    ASSERT_SAY(rc == 0, "%s: %.*s", json, STR_ARGS(report.message));
    return request;
}

const void *scene_run(struct scene *scene, enum ecs_operation operation, const void *request)
{
    struct op_ctx ctx = {
        .step = &scene->open->step,
        .state = &scene->state,
        .arena = &scene->call,
        .request_bytes = 1000,
        .caller = {.region = STR("us-east-1"),
                   .principal_arn = STR("arn:aws:iam::123456789012:root")},
    };
    void *reply;
    int rc;

    arena_reset(&scene->call);
    reply = arena_alloc(&scene->call, ecs_operations[operation].reply->size);
    rc = op_run(&ctx, operation, request, reply);
    ASSERT_SAY(rc == OP_OK, "%.*s: %.*s", STR_ARGS(ecs_operations[operation].name),
               STR_ARGS(ctx.error.message));
    return reply;
}

// ---- growing

static void add_cluster(struct scene *scene)
{
    scene_run(scene, ECS_OPERATION_CREATE_CLUSTER,
              scene_request(scene, ECS_OPERATION_CREATE_CLUSTER,
                            "{\"clusterName\":\"" SCENE_CLUSTER "\"}"));
}

static void add_definitions(struct scene *scene)
{
    for (int i = 0; i < SCENE_FAMILIES; i++)
        scene_run(scene, ECS_OPERATION_REGISTER_TASK_DEFINITION,
                  scene_request(scene, ECS_OPERATION_REGISTER_TASK_DEFINITION,
                                "{\"family\":\"family-%d\",\"containerDefinitions\":[{"
                                "\"name\":\"main\",\"image\":\"app:%d\",\"cpu\":%d,\"memory\":%d,"
                                "\"environment\":[{\"name\":\"MODE\",\"value\":\"production\"}]}]}",
                                i, i, SCENE_TASK_CPU, SCENE_TASK_MEMORY));
    for (int i = 0; i < SCENE_PORT_FAMILIES; i++)
        scene_run(scene, ECS_OPERATION_REGISTER_TASK_DEFINITION,
                  scene_request(scene, ECS_OPERATION_REGISTER_TASK_DEFINITION,
                                "{\"family\":\"port-%d\",\"containerDefinitions\":[{"
                                "\"name\":\"main\",\"image\":\"app:1\",\"cpu\":%d,\"memory\":%d,"
                                "\"portMappings\":[{\"containerPort\":80,\"hostPort\":%d}]}]}",
                                i, SCENE_TASK_CPU, SCENE_TASK_MEMORY, 30000 + i));
}

// Attributes of an instance as an agent on Docker registers them, with a zone and a rack.
static const char attributes[] =
    "[{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.17\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.19\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.20\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.21\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.24\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.25\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.logging-driver.json-file\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.logging-driver.none\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.privileged-container\"},"
    "{\"name\":\"ecs.capability.container-health-check\"},"
    "{\"name\":\"ecs.capability.container-ordering\"},"
    "{\"name\":\"ecs.capability.docker-plugin.local\"},"
    "{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"
    "{\"name\":\"ecs.os-family\",\"value\":\"LINUX\"},"
    "{\"name\":\"ecs.cpu-architecture\",\"value\":\"x86_64\"},"
    "{\"name\":\"ecs.instance-type\",\"value\":\"%s\"},"
    "{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1%c\"},"
    "{\"name\":\"rack\",\"value\":\"rack-%zu\"}]";

static void connect_agent(struct scene *scene, session_id session, struct str arn)
{
    struct agent_hello hello = {
        .region = STR("us-east-1"),
        .cluster = STR(SCENE_CLUSTER),
        .container_instance = arn,
        .agent_version = STR("1.103.0"),
        .agent_hash = STR("4f5a079e"),
        .docker_version = STR("DockerVersion: 20.10.24"),
    };

    session_acs_open(&scene->open->step, session, &hello);
}

static void add_instance(struct scene *scene, size_t i, size_t tasks_each)
{
    size_t room = tasks_each * 2 + ROOM_TASKS;
    char text[sizeof attributes + 64];
    const struct ecs_register_container_instance_response *reply;

    snprintf(text, sizeof text, attributes, i % 4 == 0 ? "m5.large" : "c5.xlarge",
             (char)('a' + i % SCENE_ZONES), i % SCENE_RACKS);
    reply = scene_run(
        scene, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE,
        scene_request(scene, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE,
                      "{\"cluster\":\"" SCENE_CLUSTER "\",\"totalResources\":["
                      "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":%zu},"
                      "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":%zu},"
                      "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\"]},"
                      "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]}],"
                      "\"attributes\":%s}",
                      room * SCENE_TASK_CPU, room * SCENE_TASK_MEMORY, text));
    scene->instance_arns[i] =
        str_copy(&scene->kept, reply->container_instance->container_instance_arn);
    connect_agent(scene, i + 1, scene->instance_arns[i]);
}

static void add_instances(struct scene *scene, const struct scene_size *size)
{
    scene->instance_arns = arena_array(&scene->kept, struct str, size->instances_n);
    scene->instances_n = size->instances_n;
    for (size_t i = 0; i < size->instances_n; i++) {
        add_instance(scene, i, size->tasks_n / size->instances_n);
        if (i % BATCH_CALLS == 0)
            scene_commit(scene);
    }
}

static void run_task(struct scene *scene, struct str task_arn)
{
    struct ecs_submit_task_state_change_request request = {0};
    struct ecs_container_state_change container = {0};

    SET(&container, container_name, STR("main"));
    SET(&container, status, STR("RUNNING"));
    SET(&container, runtime_id,
        STR("b8ae6e6b7b8b4a5d9c0d7cbb63a1b1c4d1e0b8ae6e6b7b8b4a5d9c0d7cbb63a1"));
    SET(&request, cluster, STR(SCENE_CLUSTER));
    SET(&request, task, task_arn);
    SET(&request, status, STR("RUNNING"));
    SET(&request, pull_started_at, scene->now);
    SET(&request, pull_stopped_at, scene->now);
    SET(&request, containers, (struct ecs_container_state_change_list){.n = 1, .at = &container});
    scene_run(scene, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, &request);
}

// Up to ten tasks of one family on neighbouring instances.
static size_t add_tasks(struct scene *scene, size_t n)
{
    struct ecs_start_task_request request = {0};
    const struct ecs_start_task_response *reply;
    struct str arns[TASKS_A_CALL];
    struct str names[TASKS_A_CALL];
    char family[32];
    size_t first = rng_below(&scene->rng, scene->instances_n);
    size_t started;

    n = n < TASKS_A_CALL ? n : TASKS_A_CALL;
    n = n < scene->instances_n ? n : scene->instances_n;
    for (size_t i = 0; i < n; i++)
        names[i] = scene->instance_arns[(first + i) % scene->instances_n];
    snprintf(family, sizeof family, "family-%d", (int)rng_below(&scene->rng, SCENE_FAMILIES));
    SET(&request, cluster, STR(SCENE_CLUSTER));
    SET(&request, task_definition, str_of(family));
    SET(&request, started_by, STR("bench"));
    SET(&request, container_instances, (struct str_list){.n = n, .at = names});
    reply = scene_run(scene, ECS_OPERATION_START_TASK, &request);
    ASSERT(reply->tasks.n == n);
    started = reply->tasks.n;
    for (size_t i = 0; i < started; i++)
        arns[i] = str_copy(&scene->open->arena, reply->tasks.at[i].task_arn);
    for (size_t i = 0; i < started; i++)
        run_task(scene, arns[i]);
    return started;
}

void scene_grow(struct scene *scene, const struct scene_size *size)
{
    size_t calls_n = 0;

    add_cluster(scene);
    add_definitions(scene);
    add_instances(scene, size);
    for (size_t done = 0; done < size->tasks_n; calls_n++) {
        done += add_tasks(scene, size->tasks_n - done);
        if (calls_n % BATCH_CALLS == 0)
            scene_commit(scene);
    }
    scene_commit(scene);
    scene_flush(scene);
}
