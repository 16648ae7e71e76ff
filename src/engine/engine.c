// The step: take one input, let every task go as far as it can, say what is to be done.
//
// The inputs only change what is known (a result, an event, a wish). What follows from it is
// decided in one place, engine_settle: it lets tasks in from the queue and asks each task for
// progress until none changes any more. So no input needs to know what it may unblock. A task at
// rest answers in a few comparisons, which is why all of them can be asked each time.
//
// Refuses to: read a clock, keep anything of an input, or make an effect that is not data.

#include "engine/state.h"

#include "shape/walk.h"

enum { SETTLE_ROUNDS_MAX = 10000 }; // far beyond any real chain; a loop that does not end is a bug

struct engine_settings engine_settings_default(void)
{
    return (struct engine_settings){
        .stop_timeout_ms = 30 * TIME_SECOND_MS,
        .start_timeout_ms = 3 * TIME_MINUTE_MS,
        .create_timeout_ms = 4 * TIME_MINUTE_MS,
        .manifest_timeout_ms = TIME_MINUTE_MS,
        .pull_timeout_ms = 2 * TIME_HOUR_MS,
        .pull_idle_ms = TIME_MINUTE_MS,
        .cleanup_wait_ms = 3 * TIME_HOUR_MS,
        .port_first = 49153,
        .port_last = 65535,
        .metadata_endpoints = true,
        .image_interval_ms = 30 * TIME_MINUTE_MS,
        .image_min_age_ms = TIME_HOUR_MS,
        .images_per_cycle = 5,
        .strangers_per_cycle = 5,
        .strange_image_min_age_ms = TIME_HOUR_MS,
        .cgroup_period_us = 100000,
        .firelens_async = true,
    };
}

static struct int_list copy_ints(struct arena *arena, struct int_list list)
{
    return (struct int_list){
        .n = list.n,
        .at = arena_copy(arena, list.at, list.n * sizeof(*list.at)),
    };
}

static struct str_list copy_texts(struct arena *arena, struct str_list list)
{
    struct str_list own = {.n = list.n, .at = arena_array(arena, struct str, list.n)};

    for (size_t i = 0; i < list.n; i++)
        own.at[i] = str_copy(arena, list.at[i]);
    return own;
}

static struct str_map copy_map(struct arena *arena, struct str_map map)
{
    struct str_map own = {.n = map.n, .at = arena_array(arena, struct str_pair, map.n)};

    for (size_t i = 0; i < map.n; i++)
        own.at[i] = (struct str_pair){.key = str_copy(arena, map.at[i].key),
                                      .value = str_copy(arena, map.at[i].value)};
    return own;
}

static void copy_settings(struct engine *engine, const struct engine_settings *settings)
{
    struct arena *arena = &engine->arena;
    struct engine_settings *own = &engine->settings;

    *own = *settings;
    own->cluster = str_copy(arena, settings->cluster);
    own->container_instance = str_copy(arena, settings->container_instance);
    own->region = str_copy(arena, settings->region);
    own->data_dir = str_copy(arena, settings->data_dir);
    own->efs_server = str_copy(arena, settings->efs_server);
    own->awslogs_endpoint = str_copy(arena, settings->awslogs_endpoint);
    own->gpu_runtime = str_copy(arena, settings->gpu_runtime);
    own->metadata_dir = str_copy(arena, settings->metadata_dir);
    own->owner = str_copy(arena, settings->owner);
    own->images_kept = copy_texts(arena, settings->images_kept);
    own->network_dns = copy_texts(arena, settings->network_dns);
    own->network_search = copy_texts(arena, settings->network_search);
    own->pause_labels = copy_map(arena, settings->pause_labels);
    own->reserved_tcp = copy_ints(arena, settings->reserved_tcp);
    own->reserved_udp = copy_ints(arena, settings->reserved_udp);
    own->registries = arena_array(arena, struct engine_registry, settings->registries_n);
    for (size_t i = 0; i < settings->registries_n; i++) {
        own->registries[i].prefix = str_copy(arena, settings->registries[i].prefix);
        own->registries[i].auth = *(struct docker_registry_auth *)shape_copy(
            arena, &docker_registry_auth_shape, &settings->registries[i].auth);
    }
}

struct engine *engine_new(const struct engine_settings *settings, uint64_t seed)
{
    struct engine *engine = mem_zalloc(sizeof(*engine));

    ASSERT(settings->port_first <= settings->port_last);
    copy_settings(engine, settings);
    rng_init(&engine->rng, seed);
    idtable_init(&engine->tasks);
    idtable_init(&engine->pendings);
    list_init(&engine->gone_by_age);
    engine->port_cursor = settings->port_first;
    engine->upkeep.cycle_at = TIME_NEVER; // until upkeep_start
    return engine;
}

void engine_free(struct engine *engine)
{
    struct image *image;
    struct image *next_image;

    if (engine == NULL)
        return;
    for (uint64_t id = 0; (id = idtable_next(&engine->tasks, id)) != 0;)
        task_free(engine, idtable_get(&engine->tasks, id));
    for (uint64_t id = 0; (id = idtable_next(&engine->pendings, id)) != 0;)
        mem_free(idtable_get(&engine->pendings, id));
    HASH_ITER (by_name, engine->images, image, next_image) {
        image_free(engine, image);
    }
    upkeep_free(engine);
    idtable_deinit(&engine->tasks);
    idtable_deinit(&engine->pendings);
    acs_forget_stop_checks(engine);
    gone_free(engine);
    mem_free(engine->tcp.at);
    mem_free(engine->udp.at);
    arena_deinit(&engine->arena);
    mem_free(engine);
}

void engine_set_container_instance(struct engine *engine, struct str arn)
{
    if (!str_eq(engine->settings.container_instance, arn))
        engine->settings.container_instance = str_copy(&engine->arena, arn);
}

// ---- outputs

struct engine_effect *engine_effect(struct engine *engine, enum engine_effect_kind kind)
{
    struct engine_out *out = engine->out;
    struct engine_effect *effect;

    if (out->effects_n == out->effects_cap) {
        size_t cap = out->effects_cap ? out->effects_cap * 2 : 16;
        struct engine_effect *grown = arena_array(out->arena, struct engine_effect, cap);

        if (out->effects_n > 0)
            memcpy(grown, out->effects, out->effects_n * sizeof(*grown));
        out->effects = grown;
        out->effects_cap = cap;
    }
    effect = &out->effects[out->effects_n++];
    *effect = (struct engine_effect){.kind = kind};
    return effect;
}

struct host_call *engine_new_call(struct engine *engine, enum host_call_kind kind)
{
    struct host_call *call = arena_new(engine->out->arena, struct host_call);

    SET(call, kind, kind);
    return call;
}

int64_t engine_call(struct engine *engine, struct call_target target, struct host_call *call,
                    time_ms timeout_ms)
{
    struct pending *pending = mem_zalloc(sizeof(*pending));
    const struct task *task = target.container ? target.container->task : target.task;

    ASSERT(timeout_ms > 0);
    SET(call, token, ++engine->last_token);
    SET(call, deadline_ms, engine->now + timeout_ms);
    *pending = (struct pending){
        .token = call->token,
        .task = target.is_chore ? 0 : task->id,
        .container = target.container ? (int32_t)target.container->index : -1,
        .volume = target.volume ? (int32_t)(target.volume - task->volumes) : -1,
        .resource = target.resource ? (int32_t)(target.resource - task->resources) : -1,
        .look = target.look,
        .is_chore = target.is_chore,
        .network = target.network,
        .kind = call->kind,
        .deadline_ms = call->deadline_ms,
    };
    idtable_put(&engine->pendings, (uint64_t)call->token, pending);
    engine_effect(engine, ENGINE_EFFECT_CALL)->call = call;
    return call->token;
}

void engine_cancel(struct engine *engine, int64_t token)
{
    struct pending *pending = token ? idtable_get(&engine->pendings, (uint64_t)token) : NULL;

    if (pending == NULL)
        return;
    idtable_remove(&engine->pendings, (uint64_t)token);
    mem_free(pending);
    engine_effect(engine, ENGINE_EFFECT_CANCEL)->cancel = token;
}

void engine_log(struct engine *engine, enum log_level level, const char *event,
                const struct task *task, const struct container *container, struct str text)
{
    struct log_field *fields = arena_array(engine->out->arena, struct log_field, 3);
    struct engine_log *log = &engine_effect(engine, ENGINE_EFFECT_LOG)->log;
    size_t n = 0;

    if (task == NULL && container != NULL)
        task = container->task;
    if (task != NULL)
        fields[n++] = LOG_STR("task", str_copy(engine->out->arena, task->arn));
    if (container != NULL)
        fields[n++] = LOG_STR("container", str_copy(engine->out->arena, container->spec->name));
    if (text.len > 0)
        fields[n++] = LOG_STR("reason", str_copy(engine->out->arena, text));
    *log = (struct engine_log){.level = level, .event = event, .fields = fields, .fields_n = n};
}

time_ms engine_between(struct engine *engine, time_ms min, time_ms max)
{
    return max > min ? min + (time_ms)rng_below(&engine->rng, (uint64_t)(max - min)) : min;
}

time_ms engine_backoff(struct engine *engine, time_ms base, double factor, time_ms max,
                       int32_t attempt)
{
    double wait = (double)base;

    for (int32_t i = 0; i < attempt && wait < (double)max; i++)
        wait *= factor;
    if (wait > (double)max)
        wait = (double)max;
    return engine_between(engine, (time_ms)(wait * 0.8), (time_ms)(wait * 1.2) + 1);
}

// ---- inputs

static void deliver(struct engine *engine, const struct pending *pending,
                    const struct host_result *result)
{
    struct task *task;
    struct container *c;

    if (pending->is_chore) {
        upkeep_result(engine, pending->token, result);
        return;
    }
    task = idtable_get(&engine->tasks, (uint64_t)pending->task);
    if (task == NULL)
        return;
    if (pending->network) {
        network_result(engine, task, result);
        return;
    }
    if (pending->volume >= 0) {
        volume_result(engine, task, &task->volumes[pending->volume], result);
        return;
    }
    if (pending->resource >= 0) {
        resource_result(engine, task, &task->resources[pending->resource], result);
        return;
    }
    ASSERT(pending->container >= 0 && (size_t)pending->container < task->containers_n);
    c = &task->containers[pending->container];
    if (pending->look)
        step_look_result(engine, c, result);
    else if (pending->token == c->token)
        step_result(engine, c, result);
}

static void take_result(struct engine *engine, const struct host_result *result)
{
    struct pending *pending = NULL;
    struct pending done;

    if (result->token > 0)
        pending = idtable_get(&engine->pendings, (uint64_t)result->token);
    if (pending == NULL)
        return; // to a call that was cancelled or given up
    done = *pending;
    idtable_remove(&engine->pendings, (uint64_t)result->token);
    mem_free(pending);
    deliver(engine, &done, result);
}

// The runtime promises an answer by the deadline. A shell or driver that loses one must not hang a
// task.
static void expire_calls(struct engine *engine)
{
    for (uint64_t id = 0; (id = idtable_next(&engine->pendings, id)) != 0;) {
        struct pending done = *(struct pending *)idtable_get(&engine->pendings, id);
        struct host_call_error error = {0};
        struct host_result result = {0};

        if (engine->now < done.deadline_ms + ENGINE_CALL_GRACE_MS)
            continue;
        MARK("a call that the runtime never answers has an end");
        SET(&error, class, HOST_ERROR_CLASS_TIMEOUT);
        SET(&error, text, STR("no answer"));
        SET(&result, token, done.token);
        SET(&result, kind, done.kind);
        SET(&result, error, &error);
        engine_cancel(engine, done.token);
        deliver(engine, &done, &result);
    }
}

// Time that passed for the clock alone: the runtime measures by one that does not jump, and nobody
// was there to take a report.
static void skip(struct engine *engine, int64_t by_ms)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (t->known == HOST_TASK_STATUS_STOPPED)
            t->stopped_at += by_ms; // reports are given up so long after it
    }
    for (uint64_t id = 0; (id = idtable_next(&engine->pendings, id)) != 0;) {
        struct pending *pending = idtable_get(&engine->pendings, id);

        MARK("a clock that is set ahead ends no call");
        pending->deadline_ms += by_ms;
    }
}

static void take(struct engine *engine, const struct engine_input *input)
{
    switch (input->kind) {
    case ENGINE_INPUT_START:
        recover_start(engine, input->records.at, input->records.n);
        upkeep_start(engine);
        return;
    case ENGINE_INPUT_MESSAGE: acs_take(engine, &input->message); return;
    case ENGINE_INPUT_RESULT: take_result(engine, input->result); return;
    case ENGINE_INPUT_EVENT: container_event(engine, input->event); return;
    case ENGINE_INPUT_RUNTIME_UP:
        engine->runtime_up = true;
        recover_resync(engine);
        upkeep_runtime_up(engine);
        return;
    case ENGINE_INPUT_DISK: upkeep_disk(engine, input->disk_is_low); return;
    case ENGINE_INPUT_RUNTIME_DOWN: engine->runtime_up = false; return;
    case ENGINE_INPUT_SUBMITTED:
        submit_done(engine, input->submitted.task, input->submitted.outcome);
        return;
    case ENGINE_INPUT_TIMER: return;
    case ENGINE_INPUT_SHUTDOWN: engine->shut_down = true; return;
    }
    UNREACHABLE();
}

// ---- the step

static bool settle_once(struct engine *engine)
{
    bool changed = admission_run(engine);

    for (uint64_t id = 0; (id = idtable_next(&engine->tasks, id)) != 0;) {
        struct task *task = idtable_get(&engine->tasks, id);

        changed |= task_progress(engine, task);
        changed |= cleanup_progress(engine, task); // the task may be gone after this
    }
    changed |= upkeep_progress(engine);
    return changed;
}

static void engine_settle(struct engine *engine)
{
    for (int round = 0; settle_once(engine); round++)
        ASSERT(round < SETTLE_ROUNDS_MAX);
}

static time_ms earlier(time_ms a, time_ms b)
{
    return a < b ? a : b;
}

static time_ms next_timer(const struct engine *engine)
{
    time_ms next = upkeep_next_timer(engine);

    for (uint64_t id = 0; (id = idtable_next(&engine->tasks, id)) != 0;) {
        const struct task *task = idtable_get(&engine->tasks, id);

        next = earlier(next, task_next_timer(engine, task));
        next = earlier(next, submit_next_timer(engine, task));
        next = earlier(next, cleanup_next_timer(engine, task));
    }
    for (uint64_t id = 0; (id = idtable_next(&engine->pendings, id)) != 0;) {
        const struct pending *pending = idtable_get(&engine->pendings, id);

        next = earlier(next, pending->deadline_ms + ENGINE_CALL_GRACE_MS);
    }
    return next;
}

void engine_step(struct engine *engine, const struct engine_input *input, struct engine_out *out)
{
    ASSERT(engine->out == NULL);
    ASSERT(out->records_n == 0 && out->effects_n == 0);
    out->next_timer_ms = TIME_NEVER;
    engine->out = out;
    if (input->now_ms > engine->now)
        engine->now = input->now_ms; // whatever the shell says, nothing timed is undone
    if (input->skipped_ms > 0)
        skip(engine, input->skipped_ms);
    if (!engine->shut_down)
        take(engine, input);
    if (!engine->shut_down) {
        expire_calls(engine);
        engine_settle(engine);
        submit_run(engine);
        record_emit_dirty(engine);
        out->next_timer_ms = next_timer(engine);
    }
    engine->out = NULL;
}

// ---- views and checks

static void view_one(const struct container *c, struct engine_view *view)
{
    const struct task *task = c->task;

    *view = (struct engine_view){
        .task_arn = task->arn,
        .family = task->spec->family,
        .version = task->spec->version,
        .container = c->spec->name,
        .container_arn = c->spec->container_arn,
        .runtime_id = c->runtime_id,
        .runtime_name = c->runtime_name,
        .network_mode = task->spec->network_mode,
        .type = (enum engine_container_type)c->role,
        .network = task->network.found,
        .network_pid = network_process(task),
        .task_status = task->known,
        .task_desired = task->desired,
        .status = c->known,
        .essential = c->spec->essential,
        .has_exit_code = c->has_exit_code,
        .exit_code = c->exit_code,
        .reason = c->reason,
        .health_tracked = container_is_tracked(c),
        .health = c->health,
        .health_since = c->health_since,
        .started_at = c->started_at,
        .restart_count = c->restart_count,
        .task = task->spec,
        .spec = c->spec,
        .seen = c->seen,
        .desired = c->desired,
        .endpoint_id = c->endpoint_id,
        .image_id = c->image_id,
        .role_credentials = task->role_credentials,
        .execution_credentials = task->execution_credentials,
        .created_at = c->created_at,
        .finished_at = c->finished_at,
        .pull_started_at = task->pull_started_at,
        .pull_stopped_at = task->pull_stopped_at,
        .execution_stopped_at = task->execution_stopped_at,
    };
}

struct engine_view_list engine_view_all(const struct engine *engine, struct arena *arena)
{
    struct engine_view_list list = {0};
    size_t n = 0;

    for (const struct task *t = NULL; (t = task_next(engine, t)) != NULL;)
        n += t->containers_n;
    list.at = arena_array(arena, struct engine_view, n);
    for (const struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++)
            view_one(&t->containers[i], &list.at[list.n++]);
    }
    return list;
}

struct engine_network_list engine_networks(const struct engine *engine, struct arena *arena)
{
    struct engine_network_list list = {
        .at = arena_array(arena, struct engine_network_view, engine->tasks.count)};

    for (const struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (!network_is_gone(t))
            list.at[list.n++] = (struct engine_network_view){
                .task = task_short_id(t),
                .network = t->network.found,
                .groups = network_groups(t, arena),
            };
    }
    return list;
}

static void check_container(const struct container *c)
{
    ASSERT_SAY(c->sent <= c->known, "container %.*s", STR_ARGS(c->spec->name));
    ASSERT(c->known != HOST_CONTAINER_STATUS_UNSET);
    ASSERT(c->role != CONTAINER_OF_TASK || c->known != HOST_CONTAINER_STATUS_RESOURCES_PROVISIONED);
    ASSERT((c->step == STEP_IDLE) ==
           (c->token == 0 && c->retry_at == TIME_NEVER && !c->recovering));
    if (c->runtime_id.len > 0)
        ASSERT(c->runtime_name.len > 0);
    if (c->task->desired == HOST_TASK_STATUS_STOPPED)
        ASSERT(c->desired == HOST_CONTAINER_STATUS_STOPPED);
}

void engine_check(const struct engine *engine)
{
    int64_t cpu = 0;
    int64_t memory = 0;

    for (const struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        ASSERT_SAY(t->sent <= t->known, "task %.*s", STR_ARGS(t->arn));
        if (t->known == HOST_TASK_STATUS_STOPPED)
            ASSERT(!t->booked);
        if (t->booked) {
            cpu += admission_needs(t).cpu_units;
            memory += admission_needs(t).memory_mib;
        }
        for (size_t i = 0; i < t->containers_n; i++)
            check_container(&t->containers[i]);
    }
    ASSERT(cpu == engine->cpu_used);
    ASSERT(memory == engine->memory_used);
}
