// The rig's shell: it does what the agent's does, in the same order (commit, then effects), on a
// fake host.

#include "engine/rig.h"

#include "base/assert.h"
#include "base/buf.h"
#include "base/mem.h"
#include "engine/ports.h"
#include "shape/walk.h"

enum { ROOM = 8, SUBMIT_MS = 3 };

struct rig_input {
    struct rig_input *next;
    struct engine_input input;
};

struct rig_answer {
    struct rig_answer *next;
    time_ms at;
    int64_t task;
    enum engine_submitted outcome;
};

// ---- inputs

static void queue(struct rig *rig, struct engine_input input)
{
    struct rig_input *item = arena_new(&rig->arena, struct rig_input);

    item->input = input;
    *rig->inputs_end = item;
    rig->inputs_end = &item->next;
}

static void clear_inputs(struct rig *rig)
{
    rig->inputs = NULL;
    rig->inputs_end = &rig->inputs;
}

static void on_post(void *user, const struct runtime_post *post)
{
    struct rig *rig = user;

    if (post->kind == RUNTIME_POST_RESULT)
        queue(rig, (struct engine_input){
                       .kind = ENGINE_INPUT_RESULT,
                       .result = shape_copy(&rig->arena, &host_result_shape, post->result)});
    else if (post->kind == RUNTIME_POST_EVENT)
        queue(rig, (struct engine_input){
                       .kind = ENGINE_INPUT_EVENT,
                       .event = shape_copy(&rig->arena, &host_event_shape, post->event)});
}

// ---- effects

static struct rig_row *find_row(struct rig *rig, enum host_kind kind, int64_t id)
{
    for (size_t i = 0; i < rig->rows_n; i++) {
        if (rig->rows[i].kind == kind && rig->rows[i].id == id)
            return &rig->rows[i];
    }
    return NULL;
}

static void commit_one(struct rig *rig, const struct engine_record *record)
{
    struct rig_row *row = find_row(rig, record->kind, record->id);

    if (record->value == NULL) {
        ASSERT(row != NULL);
        mem_free(row->value);
        *row = rig->rows[--rig->rows_n];
        return;
    }
    if (row == NULL) {
        if (rig->rows_n == rig->rows_cap) {
            rig->rows_cap = rig->rows_cap ? rig->rows_cap * 2 : 32;
            rig->rows = mem_realloc(rig->rows, rig->rows_cap * sizeof(*rig->rows));
        }
        row = &rig->rows[rig->rows_n++];
        *row = (struct rig_row){.kind = record->kind, .id = record->id};
    }
    mem_free(row->value);
    row->value = shape_freeze(host_kinds[record->kind].shape, record->value);
}

static bool port_is_free(void *user, enum acs_transport_protocol protocol, int32_t port)
{
    (void)protocol;
    return port != ((struct rig *)user)->busy_port;
}

static void find_ports(struct rig *rig, const struct host_call *call)
{
    struct host_result result = {0};

    SET(&result, token, call->token);
    SET(&result, kind, call->kind);
    ports_find(call, port_is_free, rig, &rig->arena, &result);
    queue(rig,
          (struct engine_input){.kind = ENGINE_INPUT_RESULT,
                                .result = shape_copy(&rig->arena, &host_result_shape, &result)});
}

#define APPEND(rig, list, value)                                                                   \
    do {                                                                                           \
        if ((rig)->list##_n == (rig)->list##_cap) {                                                \
            (rig)->list##_cap = (rig)->list##_cap ? (rig)->list##_cap * 2 : 32;                    \
            (rig)->list = mem_realloc((rig)->list, (rig)->list##_cap * sizeof(*(rig)->list));      \
        }                                                                                          \
        (rig)->list[(rig)->list##_n++] = (value);                                                  \
    } while (0)

static void take_submit(struct rig *rig, int64_t task,
                        const struct ecs_submit_task_state_change_request *request)
{
    struct rig_answer *answer = arena_new(&rig->arena, struct rig_answer);
    struct rig_answer **at = &rig->answers;

    *answer = (struct rig_answer){.at = rig->now + SUBMIT_MS, .task = task};
    if (rig->retries > 0) {
        rig->retries--;
        answer->outcome = ENGINE_SUBMITTED_RETRY;
    } else {
        APPEND(rig, submits,
               shape_copy(&rig->arena, &ecs_submit_task_state_change_request_shape, request));
    }
    while (*at != NULL)
        at = &(*at)->next;
    *at = answer;
    if (++rig->submits_open > rig->submits_open_max)
        rig->submits_open_max = rig->submits_open;
}

static void take_message(struct rig *rig, const struct engine_message *message)
{
    struct engine_message *copy = arena_new(&rig->arena, struct engine_message);

    copy->kind = message->kind;
    copy->value = shape_copy(&rig->arena, acs_messages[message->kind].shape, message->value);
    APPEND(rig, messages, copy);
}

static void do_effect(struct rig *rig, const struct engine_effect *effect)
{
    struct host_call timed;

    switch (effect->kind) {
    case ENGINE_EFFECT_CALL:
        timed = *effect->call;
        timed.deadline_ms -= rig->ahead_ms;
        if (effect->call->kind == HOST_CALL_KIND_FIND_PORTS)
            find_ports(rig, &timed);
        else
            rig->runtime->driver->call(rig->runtime, &timed);
        return;
    case ENGINE_EFFECT_CANCEL: rig->runtime->driver->cancel(rig->runtime, effect->cancel); return;
    case ENGINE_EFFECT_SUBMIT:
        take_submit(rig, effect->submit.task, effect->submit.request);
        return;
    case ENGINE_EFFECT_MESSAGE: take_message(rig, &effect->message); return;
    case ENGINE_EFFECT_CREDENTIALS: rig->credentials++; return;
    case ENGINE_EFFECT_CREDENTIALS_DROP: rig->credentials--; return;
    case ENGINE_EFFECT_LOG: return;
    }
}

// One step as the shell makes it. True when the agent has crashed in it.
static bool step(struct rig *rig, struct engine_input input)
{
    struct arena arena = ARENA_INIT;
    struct engine_out out = {.arena = &arena};
    enum rig_crash crash = RIG_CRASH_NEVER;

    input.now_ms = rig->now + rig->ahead_ms;
    input.skipped_ms = rig->skipped_ms;
    rig->skipped_ms = 0;
    engine_step(rig->engine, &input, &out);
    engine_check(rig->engine);
    for (size_t i = 0; i < out.records_n; i++)
        commit_one(rig, &out.records[i]);
    if (out.records_n > 0 && ++rig->commits == rig->crash_at)
        crash = rig->crash;
    for (size_t i = 0; i < out.effects_n && crash != RIG_CRASH_BEFORE_EFFECTS; i++)
        do_effect(rig, &out.effects[i]);
    rig->timer = out.next_timer_ms == INT64_MAX ? INT64_MAX : out.next_timer_ms - rig->ahead_ms;
    ASSERT(input.kind != ENGINE_INPUT_TIMER || rig->timer > rig->now); // else it would spin
    arena_deinit(&arena);
    if (crash == RIG_CRASH_NEVER)
        return false;
    rig->crash = RIG_CRASH_NEVER;
    rig_restart(rig);
    return true;
}

// ---- life

void rig_init(struct rig *rig, uint64_t seed)
{
    *rig = (struct rig){.seed = (int64_t)seed, .now = RIG_EPOCH, .timer = INT64_MAX};
    clear_inputs(rig);
    rig->fake = fake_new(seed);
    fake_set_now(rig->fake, RIG_EPOCH);
    rig->settings = engine_settings_default();
    rig->settings.cluster = STR("default");
    rig->settings.container_instance = STR("arn:aws:ecs:r:1:container-instance/default/i1");
    rig->settings.cpu_units = 4096;
    rig->settings.memory_mib = 8192;
    rig->settings.task_networks = true;
}

static void open_events(struct rig *rig)
{
    struct host_call call = {0};

    SET(&call, kind, HOST_CALL_KIND_EVENTS);
    SET(&call, token, INT64_MAX);
    rig->runtime->driver->call(rig->runtime, &call);
    fake_run(rig->fake, rig->now); // not due yet; the engine is told when it is
}

void rig_boot(struct rig *rig)
{
    struct engine_record *records = arena_array(&rig->arena, struct engine_record, rig->rows_n);

    for (size_t i = 0; i < rig->rows_n; i++)
        records[i] = (struct engine_record){rig->rows[i].kind, rig->rows[i].id, rig->rows[i].value};
    rig->engine = engine_new(&rig->settings, (uint64_t)rig->seed++);
    rig->runtime = fake_connect(rig->fake, on_post, rig);
    open_events(rig);
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_START,
                                     .records = {.at = records, .n = rig->rows_n}});
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_RUNTIME_UP});
}

void rig_reconnect(struct rig *rig)
{
    if (rig->engine == NULL)
        return;
    open_events(rig);
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_RUNTIME_DOWN});
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_RUNTIME_UP});
}

void rig_skip(struct rig *rig, int64_t ms)
{
    rig->ahead_ms += ms;
    rig->skipped_ms += ms > 0 ? ms : 0;
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_TIMER});
}

void rig_restart(struct rig *rig)
{
    rig->runtime->driver->close(rig->runtime);
    engine_free(rig->engine);
    clear_inputs(rig);
    rig->answers = NULL;
    rig->submits_open = 0;
    rig->timer = INT64_MAX;
    rig_boot(rig);
}

void rig_lose(struct rig *rig)
{
    while (rig->rows_n > 0)
        mem_free(rig->rows[--rig->rows_n].value);
    rig_restart(rig);
}

void rig_disk(struct rig *rig, bool is_low)
{
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_DISK, .disk_is_low = is_low});
}

void rig_deinit(struct rig *rig)
{
    engine_free(rig->engine);
    fake_free(rig->fake);
    for (size_t i = 0; i < rig->rows_n; i++)
        mem_free(rig->rows[i].value);
    mem_free(rig->rows);
    mem_free(rig->submits);
    mem_free(rig->messages);
    arena_deinit(&rig->arena);
}

static void drain(struct rig *rig)
{
    while (rig->inputs != NULL) {
        struct engine_input input = rig->inputs->input;

        rig->inputs = rig->inputs->next;
        if (rig->inputs == NULL)
            rig->inputs_end = &rig->inputs;
        if (step(rig, input))
            continue; // a new engine, a new queue
    }
}

void rig_disconnect(struct rig *rig)
{
    fake_set_down(rig->fake, true);
    queue(rig, (struct engine_input){.kind = ENGINE_INPUT_RUNTIME_DOWN});
    drain(rig);
}

static void take_answer(struct rig *rig)
{
    struct rig_answer *answer = rig->answers;

    rig->answers = answer->next;
    rig->submits_open--;
    queue(rig,
          (struct engine_input){.kind = ENGINE_INPUT_SUBMITTED,
                                .submitted = {.task = answer->task, .outcome = answer->outcome}});
}

static time_ms next_event(const struct rig *rig)
{
    time_ms next = fake_next(rig->fake);

    if (rig->timer < next)
        next = rig->timer;
    if (rig->answers != NULL && rig->answers->at < next)
        next = rig->answers->at;
    return next;
}

void rig_run(struct rig *rig, int64_t ms)
{
    time_ms end = rig->now + ms;

    if (rig->engine == NULL)
        rig_boot(rig);
    drain(rig);
    for (time_ms next; (next = next_event(rig)) <= end;) {
        if (next > rig->now)
            rig->now = next;
        fake_set_now(rig->fake, rig->now); // what is called for by a timer is late from then on
        if (fake_next(rig->fake) <= rig->now)
            fake_run(rig->fake, rig->now);
        else if (rig->answers != NULL && rig->answers->at <= rig->now)
            take_answer(rig);
        else
            queue(rig, (struct engine_input){.kind = ENGINE_INPUT_TIMER});
        drain(rig);
    }
    rig->now = end;
    fake_set_now(rig->fake, end);
}

void rig_send(struct rig *rig, enum acs_message kind, const void *value)
{
    if (rig->engine == NULL)
        rig_run(rig, 10);
    queue(rig, (struct engine_input){
                   .kind = ENGINE_INPUT_MESSAGE,
                   .message = {.kind = kind,
                               .value = shape_copy(&rig->arena, acs_messages[kind].shape, value)}});
    drain(rig);
}

// ---- tasks

struct str rig_arn(struct rig *rig, const char *name)
{
    return str_fmt(&rig->arena, "arn:aws:ecs:r:1:task/default/%s", name);
}

struct acs_task *rig_task(struct rig *rig, const char *name)
{
    struct acs_task *task = arena_new(&rig->arena, struct acs_task);

    SET(task, arn, rig_arn(rig, name));
    SET(task, family, STR("web"));
    SET(task, version, STR("7"));
    SET(task, desired_status, STR("RUNNING"));
    SET(task, containers,
        (struct acs_container_list){.at = arena_array(&rig->arena, struct acs_container, ROOM)});
    SET(task, volumes,
        (struct acs_volume_list){.at = arena_array(&rig->arena, struct acs_volume, ROOM)});
    return task;
}

struct acs_container *rig_container(struct rig *rig, struct acs_task *task, const char *name,
                                    const char *image)
{
    struct acs_container *c = &task->containers.at[task->containers.n++];

    ASSERT(task->containers.n <= ROOM);
    SET(c, name, str_of(name));
    SET(c, image, str_of(image));
    SET(c, essential, true);
    SET(c, memory, 128);
    SET(c, depends_on,
        (struct acs_container_dependency_list){
            .at = arena_array(&rig->arena, struct acs_container_dependency, ROOM)});
    SET(c, port_mappings,
        (struct acs_port_mapping_list){
            .at = arena_array(&rig->arena, struct acs_port_mapping, ROOM)});
    SET(c, mount_points,
        (struct acs_mount_point_list){.at =
                                          arena_array(&rig->arena, struct acs_mount_point, ROOM)});
    return c;
}

void rig_depends(struct rig *rig, struct acs_container *c, const char *on,
                 enum acs_container_condition condition)
{
    struct acs_container_dependency *edge = &c->depends_on.at[c->depends_on.n++];

    (void)rig;
    SET(edge, container_name, str_of(on));
    SET(edge, condition, condition);
}

static struct acs_docker_config *rendered(struct rig *rig, struct acs_container *c)
{
    if (c->docker_config == NULL) {
        SET(c, docker_config, arena_new(&rig->arena, struct acs_docker_config));
        SET(c->docker_config, config, arena_new(&rig->arena, struct docker_config));
        SET(c->docker_config, host_config, arena_new(&rig->arena, struct docker_host_config));
    }
    return c->docker_config;
}

struct docker_host_config *rig_host_config(struct rig *rig, struct acs_container *c)
{
    return rendered(rig, c)->host_config;
}

struct docker_config *rig_config(struct rig *rig, struct acs_container *c)
{
    return rendered(rig, c)->config;
}

void rig_port(struct rig *rig, struct acs_container *c, int32_t container_port, int32_t host_port)
{
    struct acs_port_mapping *mapping = &c->port_mappings.at[c->port_mappings.n++];

    (void)rig;
    SET(mapping, container_port, container_port);
    SET(mapping, host_port, host_port);
    SET(mapping, protocol, ACS_TRANSPORT_PROTOCOL_TCP);
}

void rig_network(struct rig *rig, struct acs_task *task, const char *groups)
{
    struct acs_elastic_network_interface *eni =
        arena_new(&rig->arena, struct acs_elastic_network_interface);
    struct acs_attachment *attachment = arena_new(&rig->arena, struct acs_attachment);
    struct acs_attachment_property *property =
        arena_new(&rig->arena, struct acs_attachment_property);

    SET(task, network_mode, STR("awsvpc"));
    SET(eni, attachment_arn, STR("arn:aws:ecs:r:1:attachment/a1"));
    SET(task, elastic_network_interfaces,
        (struct acs_elastic_network_interface_list){.n = 1, .at = eni});
    if (groups == NULL)
        return;
    SET(property, name, STR("securityGroups"));
    SET(property, value, str_of(groups));
    SET(attachment, attachment_type, STR("gantry-task-network"));
    SET(attachment, attachment_properties,
        (struct acs_attachment_property_list){.n = 1, .at = property});
    SET(task, attachments, (struct acs_attachment_list){.n = 1, .at = attachment});
}

static void send_payload(struct rig *rig, const struct acs_task *task)
{
    struct acs_payload_message payload = {0};

    SET(&payload, cluster_arn, STR("arn:aws:ecs:r:1:cluster/default"));
    SET(&payload, container_instance_arn, rig->settings.container_instance);
    SET(&payload, message_id, str_fmt(&rig->arena, "m%d", (int)++rig->message_number));
    SET(&payload, tasks, (struct acs_task_list){.n = 1, .at = (struct acs_task *)task});
    rig_send(rig, ACS_MESSAGE_PAYLOAD_MESSAGE, &payload);
}

void rig_start(struct rig *rig, const struct acs_task *task)
{
    send_payload(rig, task);
}

void rig_stop(struct rig *rig, const char *name)
{
    struct acs_task task = {0};

    SET(&task, arn, rig_arn(rig, name));
    SET(&task, desired_status, STR("STOPPED"));
    send_payload(rig, &task);
}

// ---- what came of it

static void print_change(struct buf *out, const struct ecs_container_state_change *change)
{
    struct str name;
    struct str text;

    buf_printf(out, " %.*s=%.*s", STR_ARGS(change->container_name), STR_ARGS(change->status));
    if (change->has.exit_code)
        buf_printf(out, "(%d)", (int)change->exit_code);
    if (str_cut(change->reason, ':', &name, &text))
        buf_printf(out, "!%.*s", STR_ARGS(name));
}

struct str rig_trace(struct rig *rig, const char *name)
{
    struct str arn = rig_arn(rig, name);
    struct buf out = BUF_INIT;
    struct str text;

    for (size_t i = 0; i < rig->submits_n; i++) {
        const struct ecs_submit_task_state_change_request *submit = rig->submits[i];

        if (!str_eq(submit->task, arn))
            continue;
        buf_printf(&out, "%s%.*s", buf_len(&out) ? "; " : "", STR_ARGS(submit->status));
        for (size_t k = 0; k < submit->containers.n; k++)
            print_change(&out, &submit->containers.at[k]);
    }
    text = str_copy(&rig->arena, buf_str(&out));
    buf_deinit(&out);
    return text;
}

const struct ecs_container_state_change *rig_change(struct rig *rig, const char *task,
                                                    const char *container, const char *status)
{
    const struct ecs_container_state_change *last = NULL;
    struct str arn = rig_arn(rig, task);

    for (size_t i = 0; i < rig->submits_n; i++) {
        const struct ecs_submit_task_state_change_request *submit = rig->submits[i];

        for (size_t k = 0; k < submit->containers.n && str_eq(submit->task, arn); k++) {
            if (str_eq(submit->containers.at[k].container_name, str_of(container)) &&
                str_eq(submit->containers.at[k].status, str_of(status)))
                last = &submit->containers.at[k];
        }
    }
    return last;
}

const struct ecs_submit_task_state_change_request *rig_submit(struct rig *rig, const char *task,
                                                              const char *status)
{
    struct str arn = rig_arn(rig, task);

    for (size_t i = rig->submits_n; i > 0; i--) {
        if (str_eq(rig->submits[i - 1]->task, arn) &&
            str_eq(rig->submits[i - 1]->status, str_of(status)))
            return rig->submits[i - 1];
    }
    return NULL;
}

const struct engine_view *rig_view(struct rig *rig, const char *task, const char *container)
{
    struct engine_view_list views = engine_view_all(rig->engine, &rig->arena);
    struct str arn = rig_arn(rig, task);

    for (size_t i = 0; i < views.n; i++) {
        if (str_eq(views.at[i].task_arn, arn) && str_eq(views.at[i].container, str_of(container)))
            return &views.at[i];
    }
    return NULL;
}

const void *rig_message(struct rig *rig, enum acs_message kind)
{
    for (size_t i = rig->messages_n; i > 0; i--) {
        if (rig->messages[i - 1]->kind == kind)
            return rig->messages[i - 1]->value;
    }
    return NULL;
}
