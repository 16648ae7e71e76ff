// See tcs.h. Every message is signed on its own: header lines, an empty line, then the JSON.

#include "agent/tcs.h"

#include "agent/channel.h"
#include "agent/meter.h"
#include "api/tcs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/uri.h"

enum {
    PAUSE_FIRST_MS = 1000,
    PAUSE_MAX_MS = 60 * 1000,
    PUBLISH_MS = 20 * 1000,
    TASKS_PER_MESSAGE = 10,
};

struct tcs {
    struct tcs_config config;
    struct arena arena;
    struct rng rng;
    struct channel *channel;
    struct meter *meter; // NULL: metrics are switched off
    struct loop_timer publish;
    bool was_well; // as it was last told
    time_ms runtime_since_ms;
};

static bool place(void *user, struct arena *arena, struct str *out_base, struct str *out_query)
{
    struct tcs *tcs = user;
    struct str cluster = uri_encoded(arena, tcs->config.config->engine.cluster, false);
    struct str instance = uri_encoded(arena, tcs->config.container_instance, false);

    *out_base = places_tcs(tcs->config.places);
    *out_query = str_fmt(arena,
                         "agentHash=00000000&agentVersion=%s&cluster=%.*s&containerInstance=%.*s"
                         "&dockerVersion=%.*s",
                         GANTRY_VERSION, STR_ARGS(cluster), STR_ARGS(instance),
                         STR_ARGS(uri_encoded(arena, tcs->config.docker_version, false)));
    return out_base->len > 0;
}

static void send_frame(struct tcs *tcs, enum tcs_message kind, const void *value)
{
    BUF_AUTO struct buf json = BUF_INIT;
    BUF_AUTO struct buf frame = BUF_INIT;

    codec_encode_frame(&json, &tcs_messages[kind], value);
    channel_sign_message(tcs->channel, buf_str(&json), &frame);
    buf_add_str(&frame, buf_str(&json));
    channel_send(tcs->channel, buf_str(&frame));
}

// ---- metrics: the tasks with enough samples, ten a message

static bool is_idle(struct tcs *tcs, struct arena *arena)
{
    struct engine_view_list views = engine_view_all(drive_engine(tcs->config.drive), arena);

    for (size_t i = 0; i < views.n; i++) {
        if (views.at[i].task_status != HOST_TASK_STATUS_STOPPED)
            return false;
    }
    return true;
}

static void send_metrics(struct tcs *tcs, struct str id, bool idle, bool fin,
                         const struct tcs_task_metric_list *tasks)
{
    struct tcs_publish_metrics_request request = {0};
    struct tcs_metrics_metadata metadata = {0};

    SET(&metadata, cluster, tcs->config.config->engine.cluster);
    SET(&metadata, container_instance, tcs->config.container_instance);
    SET(&metadata, message_id, id);
    SET(&metadata, idle, idle);
    SET(&metadata, fin, fin);
    SET(&request, metadata, &metadata);
    if (tasks != NULL)
        SET(&request, task_metrics, *tasks);
    SET(&request, timestamp, clock_wall_ms());
    send_frame(tcs, TCS_MESSAGE_PUBLISH_METRICS_REQUEST, &request);
}

// Busy, but without a sample worth telling: nothing is sent.
static void publish_metrics(struct tcs *tcs, struct arena *arena)
{
    struct str id = id_uuid(arena, &tcs->rng);
    struct tcs_task_metric_list tasks;

    if (tcs->meter == NULL)
        return;
    if (is_idle(tcs, arena)) {
        send_metrics(tcs, id, true, true, NULL);
        return;
    }
    tasks = meter_take(tcs->meter, arena);
    for (size_t at = 0; at < tasks.n; at += TASKS_PER_MESSAGE) {
        size_t left = tasks.n - at;
        struct tcs_task_metric_list part = {
            .n = left < TASKS_PER_MESSAGE ? left : TASKS_PER_MESSAGE, .at = tasks.at + at};
        send_metrics(tcs, id, false, left <= TASKS_PER_MESSAGE, &part);
    }
}

// ---- health: the tasks with a tracked container, ten a message

static void add_container(struct arena *arena, struct tcs_task_health *task,
                          const struct engine_view *view, time_ms now)
{
    static const enum tcs_health_status statuses[] = {
        [ENGINE_HEALTH_UNKNOWN] = TCS_HEALTH_STATUS_UNKNOWN,
        [ENGINE_HEALTH_HEALTHY] = TCS_HEALTH_STATUS_HEALTHY,
        [ENGINE_HEALTH_UNHEALTHY] = TCS_HEALTH_STATUS_UNHEALTHY,
    };
    struct tcs_container_health_list grown = {.n = task->containers.n + 1};
    struct tcs_container_health *health;

    grown.at = arena_array(arena, struct tcs_container_health, grown.n);
    for (size_t i = 0; i < task->containers.n; i++)
        grown.at[i] = task->containers.at[i];
    health = &grown.at[grown.n - 1];
    SET(health, container_name, view->container);
    SET(health, health_status, statuses[view->health]);
    SET(health, status_since, view->health_since != 0 ? view->health_since : now);
    SET(task, containers, grown);
}

// Views come task by task, so a task's containers stand together.
static struct tcs_task_health_list tracked_tasks(struct tcs *tcs, struct arena *arena)
{
    struct engine_view_list views = engine_view_all(drive_engine(tcs->config.drive), arena);
    struct tcs_task_health_list tasks = {.at = arena_array(arena, struct tcs_task_health, views.n)};

    for (size_t i = 0; i < views.n; i++) {
        const struct engine_view *view = &views.at[i];
        struct tcs_task_health *task = tasks.n > 0 ? &tasks.at[tasks.n - 1] : NULL;

        if (!view->health_tracked)
            continue;
        if (task == NULL || !str_eq(task->task_arn, view->task_arn)) {
            task = &tasks.at[tasks.n++];
            SET(task, task_arn, view->task_arn);
            SET(task, task_definition_family, view->family);
            SET(task, task_definition_version, view->version);
        }
        add_container(arena, task, view, clock_wall_ms());
    }
    return tasks;
}

static void publish_health(struct tcs *tcs, struct arena *arena)
{
    struct tcs_task_health_list tasks = tracked_tasks(tcs, arena);
    struct str id = id_uuid(arena, &tcs->rng);

    for (size_t at = 0; at < tasks.n; at += TASKS_PER_MESSAGE) {
        struct tcs_publish_health_request request = {0};
        struct tcs_health_metadata metadata = {0};
        size_t left = tasks.n - at;
        struct tcs_task_health_list part = {
            .n = left < TASKS_PER_MESSAGE ? left : TASKS_PER_MESSAGE, .at = tasks.at + at};

        SET(&metadata, cluster, tcs->config.config->engine.cluster);
        SET(&metadata, container_instance, tcs->config.container_instance);
        SET(&metadata, message_id, id);
        SET(&metadata, fin, left <= TASKS_PER_MESSAGE);
        SET(&request, metadata, &metadata);
        SET(&request, tasks, part);
        SET(&request, timestamp, clock_wall_ms());
        send_frame(tcs, TCS_MESSAGE_PUBLISH_HEALTH_REQUEST, &request);
    }
}

// ---- the instance itself

static void publish_status(struct tcs *tcs, struct arena *arena)
{
    struct tcs_publish_instance_status_request request = {0};
    struct tcs_instance_status_metadata metadata = {0};
    struct tcs_instance_status status = {0};
    struct str reason = disk_reason(tcs->config.disk, arena);
    bool is_well;
    time_ms now = clock_wall_ms();

    if (!drive_runtime_is_up(tcs->config.drive))
        reason = STR("The container engine does not answer.");
    is_well = reason.len == 0;
    if (is_well != tcs->was_well || tcs->runtime_since_ms == 0) {
        tcs->was_well = is_well;
        tcs->runtime_since_ms = now;
    }
    SET(&metadata, cluster, tcs->config.config->engine.cluster);
    SET(&metadata, container_instance, tcs->config.container_instance);
    SET(&metadata, request_id, id_uuid(arena, &tcs->rng));
    SET(&status, type, STR("ContainerRuntime"));
    SET(&status, status,
        is_well ? TCS_INSTANCE_HEALTHCHECK_STATUS_OK : TCS_INSTANCE_HEALTHCHECK_STATUS_IMPAIRED);
    if (!is_well)
        SET(&status, status_reason, reason);
    SET(&status, last_updated, now);
    SET(&status, last_status_change, tcs->runtime_since_ms);
    SET(&request, metadata, &metadata);
    SET(&request, statuses, (struct tcs_instance_status_list){.n = 1, .at = &status});
    SET(&request, timestamp, now);
    send_frame(tcs, TCS_MESSAGE_PUBLISH_INSTANCE_STATUS_REQUEST, &request);
}

static void publish(void *user)
{
    struct tcs *tcs = user;
    struct arena arena = ARENA_INIT;

    loop_timer_start(&tcs->publish, PUBLISH_MS);
    publish_metrics(tcs, &arena);
    publish_health(tcs, &arena);
    publish_status(tcs, &arena);
    arena_deinit(&arena);
}

static void opened(void *user)
{
    struct tcs *tcs = user;

    loop_timer_start(&tcs->publish, 0);
}

static void message(void *user, struct str text)
{
    struct tcs *tcs = user;
    struct arena arena = ARENA_INIT;
    struct codec_frame frame = {0};
    struct codec_report report = {0};

    if (codec_decode_frame(&arena, tcs_messages, TCS_MESSAGE_N, text, &codec_peer, &frame,
                           &report) == 0 &&
        frame.kind != TCS_MESSAGE_NONE)
        channel_active(tcs->channel);
    arena_deinit(&arena);
}

static int64_t closed(void *user, struct str exception)
{
    struct tcs *tcs = user;

    (void)exception;
    loop_timer_stop(&tcs->publish);
    return 0;
}

static int32_t cores(const struct agent_config *config)
{
    int32_t n = config->engine.cpu_units / 1024;

    return n > 0 ? n : 1;
}

struct tcs *tcs_new(const struct tcs_config *config)
{
    struct tcs *tcs = mem_zalloc(sizeof *tcs);
    struct channel_config channel = {
        .loop = config->loop,
        .api = config->api,
        .config = config->config,
        .name = "tcs",
        .pause_first_ms = PAUSE_FIRST_MS,
        .pause_max_ms = PAUSE_MAX_MS,
        .pause_factor = 2,
        .place = place,
        .opened = opened,
        .message = message,
        .closed = closed,
        .user = tcs,
    };

    tcs->config = *config;
    tcs->config.container_instance = str_copy(&tcs->arena, config->container_instance);
    tcs->config.docker_version = str_copy(&tcs->arena, config->docker_version);
    rng_init(&tcs->rng, entropy_u64());
    loop_timer_init(&tcs->publish, config->loop, publish, tcs);
    tcs->channel = channel_new(&channel);
    if (!config->config->metrics_disabled)
        tcs->meter = meter_new(config->loop, config->drive, cores(config->config));
    return tcs;
}

void tcs_free(struct tcs *tcs)
{
    if (tcs == NULL)
        return;
    loop_timer_stop(&tcs->publish);
    meter_free(tcs->meter);
    channel_free(tcs->channel);
    arena_deinit(&tcs->arena);
    mem_free(tcs);
}

void tcs_dial(struct tcs *tcs)
{
    if (!channel_is_open(tcs->channel))
        channel_dial_now(tcs->channel);
}

void tcs_hang_up(struct tcs *tcs)
{
    channel_hang_up(tcs->channel);
}
