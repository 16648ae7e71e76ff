// Entities as rows of the agent's store, and back. What a row does not hold is found out again
// after a restart (step and look, health) or told again by the server (credentials).

#include "engine/state.h"

#include "shape/walk.h"

static void emit(struct engine *engine, enum host_kind kind, int64_t id, const void *value)
{
    struct engine_out *out = engine->out;

    ASSERT(id > 0);
    if (out->records_n == out->records_cap) {
        size_t cap = out->records_cap ? out->records_cap * 2 : 16;
        struct engine_record *grown = arena_array(out->arena, struct engine_record, cap);

        if (out->records_n > 0)
            memcpy(grown, out->records, out->records_n * sizeof(*grown));
        out->records = grown;
        out->records_cap = cap;
    }
    out->records[out->records_n++] = (struct engine_record){kind, id, value};
}

// ---- writing

static struct host_task_volume_list volumes_of(const struct task *task, struct arena *arena)
{
    struct host_task_volume_list list = {
        .n = task->volumes_n,
        .at = arena_array(arena, struct host_task_volume, task->volumes_n),
    };

    for (size_t i = 0; i < task->volumes_n; i++) {
        SET(&list.at[i], name, task->volumes[i].spec->name);
        SET(&list.at[i], source, task->volumes[i].source);
        SET(&list.at[i], created, task->volumes[i].status == VOLUME_READY);
    }
    return list;
}

static struct host_task_network *network_of(const struct task *task, struct arena *arena)
{
    struct host_task_network *row = arena_new(arena, struct host_task_network);

    SET(row, state, task->network.state);
    if (task->network.found != NULL)
        SET(row, found, (struct host_network *)task->network.found);
    SET(row, is_told, task->network.told);
    return row;
}

#define SET_TIME(row, member, value)                                                               \
    do {                                                                                           \
        if ((value) != 0)                                                                          \
            SET(row, member, value);                                                               \
    } while (0)

static void emit_task(struct engine *engine, const struct task *task)
{
    struct host_task *row = arena_new(engine->out->arena, struct host_task);

    SET(row, spec, (struct acs_task *)task->spec);
    SET(row, known_status, task->known);
    SET(row, desired_status, task->desired);
    SET(row, sent_status, task->sent);
    SET(row, admitted, task->admitted);
    if (task->reason.len > 0)
        SET(row, reason, task->reason);
    if (task->role_credentials.len > 0)
        SET(row, role_credentials_id, task->role_credentials);
    if (task->execution_credentials.len > 0)
        SET(row, exec_credentials_id, task->execution_credentials);
    SET_TIME(row, pull_started_at, task->pull_started_at);
    SET_TIME(row, pull_stopped_at, task->pull_stopped_at);
    SET_TIME(row, execution_stopped_at, task->execution_stopped_at);
    SET_TIME(row, stopped_at, task->stopped_at);
    if (task->cleanup_at != TIME_NEVER)
        SET(row, cleanup_at, task->cleanup_at);
    SET(row, volumes, volumes_of(task, engine->out->arena));
    if (task->network.state != HOST_NETWORK_STATE_UNSET)
        SET(row, network, network_of(task, engine->out->arena));
    emit(engine, HOST_KIND_TASK, task->id, row);
}

static void emit_container(struct engine *engine, const struct container *c)
{
    struct host_container *row = arena_new(engine->out->arena, struct host_container);

    SET(row, task, c->task->id);
    SET(row, index, (int32_t)c->index);
    SET(row, runtime_name, PLANTED(PLANT_CONTAINER_LOST) ? c->runtime_id : c->runtime_name);
    SET(row, runtime_id, c->runtime_id);
    SET(row, endpoint_id, c->endpoint_id);
    SET(row, known_status, c->known);
    SET(row, desired_status, c->desired);
    SET(row, sent_status, c->sent);
    if (c->has_exit_code)
        SET(row, exit_code, c->exit_code);
    if (c->reason.len > 0)
        SET(row, reason, c->reason);
    SET(row, image_digest, c->image_digest);
    SET(row, image_id, c->image_id);
    SET(row, image_sets_region, c->image_sets_region);
    if (c->host_ports.n > 0)
        SET(row, host_ports, c->host_ports);
    if (c->bindings.n > 0)
        SET(row, bindings, c->bindings);
    SET_TIME(row, created_at, c->created_at);
    SET_TIME(row, started_at, c->started_at);
    SET_TIME(row, finished_at, c->finished_at);
    SET(row, restart_count, c->restart_count);
    SET_TIME(row, last_restart_at, c->last_restart_at);
    emit(engine, HOST_KIND_CONTAINER, c->id, row);
}

void record_emit_dirty(struct engine *engine)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (t->dirty)
            emit_task(engine, t);
        t->dirty = false;
        for (size_t i = 0; i < t->containers_n; i++) {
            if (t->containers[i].dirty)
                emit_container(engine, &t->containers[i]);
            t->containers[i].dirty = false;
        }
    }
    if (engine->dirty) {
        struct host_engine *row = arena_new(engine->out->arena, struct host_engine);

        SET(row, last_sequence, engine->last_sequence);
        SET(row, last_id, engine->last_id);
        emit(engine, HOST_KIND_ENGINE, 1, row);
        engine->dirty = false;
    }
}

void record_remove_task(struct engine *engine, const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++)
        emit(engine, HOST_KIND_CONTAINER, task->containers[i].id, NULL);
    emit(engine, HOST_KIND_TASK, task->id, NULL);
}

void record_put_image(struct engine *engine, struct image *image)
{
    struct host_image *row = arena_new(engine->out->arena, struct host_image);

    SET(row, name, image->name);
    if (image->digest.len > 0)
        SET(row, digest, image->digest);
    SET(row, pulled_at, image->pulled_at);
    SET_TIME(row, last_used_at, image->last_used_at);
    emit(engine, HOST_KIND_IMAGE, image->id, row);
}

void record_remove_image(struct engine *engine, const struct image *image)
{
    emit(engine, HOST_KIND_IMAGE, image->id, NULL);
}

// ---- reading

static void load_volumes(struct task *task, const struct host_task_volume_list *rows)
{
    for (size_t i = 0; i < task->volumes_n && i < rows->n; i++) {
        struct volume *volume = &task->volumes[i];

        volume->source = str_copy(&task->arena, rows->at[i].source);
        if (rows->at[i].created)
            volume->status = VOLUME_READY;
    }
}

static void load_network(struct task *task, const struct host_task_network *row)
{
    if (row == NULL || task->network.state == HOST_NETWORK_STATE_UNSET ||
        row->state == HOST_NETWORK_STATE_UNSET)
        return;
    task->network.state = row->state;
    task->network.told = row->is_told;
    if (row->found != NULL)
        task->network.found = shape_copy(&task->arena, &host_network_shape, row->found);
}

// What a clock that ran ahead has written.
static time_ms not_after(time_ms written, time_ms latest)
{
    MARK_IF(written > latest, "a time that a clock ran ahead to is not waited for");
    return written < latest ? written : latest;
}

static time_ms load_cleanup(const struct engine *engine, const struct host_task *row)
{
    const struct engine_settings *settings = &engine->settings;
    time_ms longest = settings->cleanup_wait_ms + settings->cleanup_jitter_ms;

    if (longest < ENGINE_REPORT_WAIT_MS)
        longest = ENGINE_REPORT_WAIT_MS;
    return row->has.cleanup_at ? not_after(row->cleanup_at, engine->now + longest) : TIME_NEVER;
}

static void load_image(struct engine *engine, int64_t id, const struct host_image *row)
{
    time_ms pulled_at = not_after(row->pulled_at, engine->now);
    struct image *image = image_add(engine, row->name, pulled_at, id);

    image->last_used_at = not_after(row->last_used_at, engine->now);
    if (row->digest.len > 0)
        image_set_digest(image, row->digest);
}

static void load_task(struct engine *engine, int64_t id, const struct host_task *row)
{
    struct task *task;

    if (row->spec == NULL || row->spec->arn.len == 0 || task_find(engine, row->spec->arn) != NULL)
        return; // not a row that this engine wrote
    task = task_new(engine, row->spec, id);
    if (row->known_status != HOST_TASK_STATUS_UNSET)
        task->known = row->known_status;
    if (row->desired_status != HOST_TASK_STATUS_UNSET)
        task->desired = row->desired_status;
    if (row->sent_status != HOST_TASK_STATUS_UNSET)
        task->sent = row->sent_status;
    task->admitted = row->admitted;
    task->reason = str_copy(&task->arena, row->reason);
    task->role_credentials = str_copy(&task->arena, row->role_credentials_id);
    task->execution_credentials = str_copy(&task->arena, row->exec_credentials_id);
    task->pull_started_at = row->pull_started_at;
    task->pull_stopped_at = row->pull_stopped_at;
    task->execution_stopped_at = row->execution_stopped_at;
    if (row->has.stopped_at)
        task->stopped_at = engine->now; // an end that nobody took is reported for as long again
    task->cleanup_at = load_cleanup(engine, row);
    load_volumes(task, &row->volumes);
    load_network(task, row->network);
}

static void load_lists(struct container *c, const struct host_container *row)
{
    struct host_container lists = {0};

    SET(&lists, host_ports, row->host_ports);
    SET(&lists, bindings, row->bindings);
    lists = *(struct host_container *)shape_copy(&c->task->arena, &host_container_shape, &lists);
    c->host_ports = lists.host_ports;
    c->bindings = lists.bindings;
}

// The clock that a time was read from may have been set back since.
static time_ms no_later_than_now(const struct engine *engine, time_ms at)
{
    return at < engine->now ? at : engine->now;
}

static void load_container(struct engine *engine, int64_t id, const struct host_container *row)
{
    struct task *task = row->task > 0 ? idtable_get(&engine->tasks, (uint64_t)row->task) : NULL;
    struct container *c;

    if (task == NULL || row->index < 0 || (size_t)row->index >= task->containers_n)
        return;
    c = &task->containers[row->index];
    c->id = id;
    c->runtime_name = str_copy(&task->arena, row->runtime_name);
    c->runtime_id = str_copy(&task->arena, row->runtime_id);
    c->endpoint_id = str_copy(&task->arena, row->endpoint_id);
    if (row->known_status != HOST_CONTAINER_STATUS_UNSET)
        c->known = row->known_status;
    if (row->desired_status != HOST_CONTAINER_STATUS_UNSET)
        c->desired = row->desired_status;
    if (row->sent_status != HOST_CONTAINER_STATUS_UNSET)
        c->sent = row->sent_status;
    c->has_exit_code = row->has.exit_code;
    c->exit_code = row->exit_code;
    c->reason = str_copy(&task->arena, row->reason);
    c->image_digest = str_copy(&task->arena, row->image_digest);
    c->image_id = str_copy(&task->arena, row->image_id);
    c->image_sets_region = row->image_sets_region;
    c->created_at = row->created_at;
    c->started_at = row->started_at;
    c->finished_at = row->finished_at;
    c->restart_count = row->restart_count;
    c->last_restart_at = no_later_than_now(engine, row->last_restart_at);
    c->running_since = no_later_than_now(engine, row->started_at);
    load_lists(c, row);
}

static void load_one(struct engine *engine, const struct engine_record *record)
{
    const struct host_engine *own;

    if (record->id > engine->last_id && record->kind != HOST_KIND_METADATA)
        engine->last_id = record->id;
    switch (record->kind) {
    case HOST_KIND_ENGINE:
        own = record->value;
        engine->last_sequence = own->last_sequence;
        if (own->last_id > engine->last_id)
            engine->last_id = own->last_id;
        return;
    case HOST_KIND_TASK: load_task(engine, record->id, record->value); return;
    case HOST_KIND_IMAGE: load_image(engine, record->id, record->value); return;
    case HOST_KIND_CONTAINER: // when all tasks are there
    case HOST_KIND_METADATA:  // the shell's
    case HOST_KIND_NONE:
    case HOST_KIND_N: return;
    }
    UNREACHABLE();
}

// Pause containers of tasks that an agent without them has refused.
static void add_missing_rows(struct engine *engine, struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        struct container *c = &task->containers[i];

        if (c->id != 0)
            continue;
        c->id = ++engine->last_id;
        c->known = HOST_CONTAINER_STATUS_STOPPED;
        c->desired = HOST_CONTAINER_STATUS_STOPPED;
        c->dirty = true;
        engine->dirty = true;
    }
}

void record_load(struct engine *engine, const struct engine_record *at, size_t n)
{
    for (size_t i = 0; i < n; i++)
        load_one(engine, &at[i]);
    for (size_t i = 0; i < n; i++) {
        if (at[i].kind == HOST_KIND_CONTAINER)
            load_container(engine, at[i].id, at[i].value);
    }
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;)
        add_missing_rows(engine, t);
}
