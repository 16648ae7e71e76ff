// Input: lines, each something that reaches the core of a small cluster:
//
//     RunTask {"cluster":...}    a call of the API
//     acs NackRequest {...}      what the agent of the instance says, likewise tcs
//     open NAME                  its agent comes back and says it belongs to that cluster
//     gone                       its agent's connection breaks
//     time SECONDS               time passes
//
// @i and @t stand for the ids of an instance and a task that are there. Nothing aborts, whatever is
// said; replies and messages to agents decode again; and when everything is undone as if no commit
// had succeeded, the records are those from before.

#include "api/acs.h"
#include "api/tcs.h"
#include "base/assert.h"
#include "base/buf.h"
#include "core/timers.h"
#include "fuzz.h"
#include "model/instance.h"
#include "model/task.h"
#include "ops/op.h"
#include "shape/walk.h"
#include "tests/support/world.h"
#include "wire/codec.h"

enum { LINES_MAX = 6 };

struct stage {
    struct world w;
    struct arena arena; // of one input
    struct str instance_uid;
    struct str task_uid;
    uint64_t instance_id;
    uint64_t task_id;
    uint64_t next_id[REC_KIND_N];
    uint64_t fingerprint;
    time_ms now;
    struct batch batches[LINES_MAX];
    size_t batches_n;
    bool is_changed; // a record was
};

// ---- the small cluster, made once

static uint64_t fingerprint(const struct state *state)
{
    uint64_t sum = 0;

    for (int kind = 1; kind < REC_KIND_N; kind++) {
        const struct idtable *table = &state->entities[kind];
        for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
            const struct entity *entity = state_get(state, (enum rec_kind)kind, id);
            sum = sum * 31 + shape_fingerprint(rec_kinds[kind].shape, entity->record) + id;
        }
    }
    return sum;
}

static struct str last_part(struct str arn)
{
    struct str head;
    struct str tail;

    str_cut_last(arn, '/', &head, &tail);
    return tail;
}

static struct stage *set_up(void)
{
    static struct stage stage;
    struct world *w = &stage.w;
    struct str instance;
    struct str task;

    world_init(w);
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    instance =
        world_add_instance(w, "demo", 2048, 4096, "[{\"name\":\"stack\",\"value\":\"prod\"}]");
    world_ok(
        w, "RegisterTaskDefinition",
        "{\"family\":\"web\",\"containerDefinitions\":[{\"name\":\"app\",\"image\":\"busybox\","
        "\"memory\":64,\"portMappings\":[{\"containerPort\":80,\"hostPort\":80}]},"
        "{\"name\":\"side\",\"image\":\"busybox\",\"memory\":32,\"essential\":false}]}");
    world_ok(w, "RegisterTaskDefinition",
             "{\"family\":\"job\",\"networkMode\":\"host\",\"containerDefinitions\":[{\"name\":"
             "\"app\",\"image\":\"busybox\",\"memory\":16}]}");
    task = world_get(w, world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"}"),
                     "tasks.0.taskArn");
    stage.instance_uid = last_part(instance);
    stage.task_uid = last_part(task);
    stage.instance_id = instance_find_uid(&w->state, stage.instance_uid)->entity.id;
    stage.task_id = task_find_uid(&w->state, stage.task_uid)->entity.id;
    stage.fingerprint = fingerprint(&w->state);
    stage.now = w->now;
    memcpy(stage.next_id, w->state.next_id, sizeof stage.next_id);
    return &stage;
}

// What no record holds: sessions and what was sent in them.
static void connect_agent(struct stage *stage)
{
    struct instance *instance = instance_get(&stage->w.state, stage->instance_id);
    struct task *task = task_get(&stage->w.state, stage->task_id);

    instance_set_session(&stage->w.state, instance, 1);
    instance->telemetry_session = 2;
    task->sent_sequence = 1;
    task->delivered = false;
    if (!list_is_linked(&task->unacknowledged))
        list_push_back(&instance->unacknowledged, &task->unacknowledged);
    stage->w.next_session = 3;
    rng_init(&stage->w.rng, 7);
    stage->w.now = stage->now;
}

static void put_back(struct stage *stage)
{
    struct state *state = &stage->w.state;

    if (stage->is_changed)
        state_check(state);
    while (stage->batches_n > 0)
        batch_undo(state, &stage->batches[--stage->batches_n]);
    if (stage->is_changed) {
        ASSERT(fingerprint(state) == stage->fingerprint);
        state_check(state);
    }
    stage->is_changed = false;
    memcpy(state->next_id, stage->next_id, sizeof stage->next_id);
    connect_agent(stage);
    arena_reset(&stage->arena);
}

// ---- one line

static void begin(struct stage *stage, struct step *step)
{
    step_init(step, &stage->w.state, stage->w.now, &stage->w.rng, &stage->arena);
    step->acs_endpoint = STR("http://acs.test/");
    step->tcs_endpoint = STR("http://tcs.test/");
}

static void check_value(struct stage *stage, const struct shape *shape, const void *value)
{
    static struct buf text;
    struct codec_report report;
    void *back = arena_alloc(&stage->arena, shape->size);

    buf_clear(&text);
    codec_encode(&text, shape, value);
    ASSERT(codec_decode(&stage->arena, shape, buf_str(&text), NULL, back, &report) == 0);
    ASSERT(shape_equal(shape, value, back));
}

static void end(struct stage *stage, const struct step *step)
{
    for (const struct effect *effect = step->first; effect != NULL; effect = effect->next) {
        if (effect->kind == EFFECT_ACS_SEND)
            check_value(stage, acs_messages[effect->acs_message].shape, effect->value);
        else if (effect->kind == EFFECT_TCS_SEND)
            check_value(stage, tcs_messages[effect->tcs_message].shape, effect->value);
    }
    stage->batches[stage->batches_n] = state_take_batch(&stage->w.state);
    stage->is_changed = stage->is_changed || stage->batches[stage->batches_n].writes_n > 0;
    stage->batches_n++;
}

static bool declares(const struct operation *operation, enum ecs_error kind)
{
    const uint8_t *error = operation->errors;

    while (*error != 0 && *error != (uint8_t)kind)
        error++;
    return *error != 0;
}

static void call(struct stage *stage, enum ecs_operation operation, struct str json)
{
    const struct operation *row = &ecs_operations[operation];
    void *in = arena_alloc(&stage->arena, row->request->size);
    void *out = arena_alloc(&stage->arena, row->reply->size);
    struct codec_report report;
    struct step step;
    struct op_ctx ctx = {.state = &stage->w.state, .step = &step, .arena = &stage->arena};
    uint64_t before;

    if (codec_decode(&stage->arena, row->request, json, NULL, in, &report) != 0)
        return;
    begin(stage, &step);
    ctx.unknowns = report.unknowns;
    ctx.request_bytes = json.len;
    ctx.caller.region = stage->w.region;
    ctx.caller.principal_arn = STR("arn:aws:iam::123456789012:root");
    before = step.state->journal.n;
    if (op_run(&ctx, operation, in, out) == OP_OK) {
        check_value(stage, row->reply, out);
    } else {
        ASSERT(ctx.error.message.len > 0);
        ASSERT_SAY(declares(row, ctx.error.kind), "%s does not declare error %d", row->name.ptr,
                   (int)ctx.error.kind);
        ASSERT(step.state->journal.n == before);
    }
    end(stage, &step);
}

static size_t message_of(const struct message_kind *kinds, size_t n, struct str name)
{
    for (size_t i = 1; i < n; i++) {
        if (str_eq(kinds[i].name, name))
            return i;
    }
    return 1 + fuzz_pick(name, n - 1);
}

static void say(struct stage *stage, bool is_tcs, struct str name, struct str json)
{
    const struct message_kind *kinds = is_tcs ? tcs_messages : acs_messages;
    size_t kind = message_of(kinds, is_tcs ? TCS_MESSAGE_N : ACS_MESSAGE_N, name);
    void *message = arena_alloc(&stage->arena, kinds[kind].shape->size);
    struct instance *instance = instance_get(&stage->w.state, stage->instance_id);
    struct codec_report report;
    struct step step;

    if (instance == NULL ||
        codec_decode(&stage->arena, kinds[kind].shape, json, &codec_peer, message, &report) != 0)
        return;
    begin(stage, &step);
    if (is_tcs)
        session_tcs_message(&step, instance->telemetry_session, stage->instance_id,
                            (enum tcs_message)kind, message);
    else
        session_acs_message(&step, instance->session, stage->instance_id, (enum acs_message)kind,
                            message);
    end(stage, &step);
}

static void come_back(struct stage *stage, struct str cluster)
{
    struct agent_hello hello = {
        .region = stage->w.region,
        .cluster = cluster,
        .container_instance = str_fmt(
            &stage->arena, "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/%.*s",
            STR_ARGS(stage->instance_uid)),
        .agent_version = STR("1.103.0"),
    };
    struct step step;

    begin(stage, &step);
    session_acs_open(&step, stage->w.next_session++, &hello);
    end(stage, &step);
}

static void go(struct stage *stage)
{
    struct instance *instance = instance_get(&stage->w.state, stage->instance_id);
    struct step step;

    if (instance == NULL)
        return;
    begin(stage, &step);
    session_acs_gone(&step, instance->session, stage->instance_id);
    end(stage, &step);
}

static void pass_time(struct stage *stage, struct str seconds)
{
    int64_t n;
    struct step step;

    if (!str_to_i64(seconds, &n) || n < 0 || n > 10 * 365 * 86400)
        return;
    stage->w.now += n * TIME_SECOND_MS;
    begin(stage, &step);
    timers_run(&step);
    end(stage, &step);
}

static enum ecs_operation operation_of(struct str name)
{
    for (int i = 1; i < ECS_OPERATION_N; i++) {
        if (str_eq(name, ecs_operations[i].name))
            return (enum ecs_operation)i;
    }
    return (enum ecs_operation)(1 + fuzz_pick(name, ECS_OPERATION_N - 1));
}

static void take_line(struct stage *stage, struct str line)
{
    struct str word;
    struct str rest;
    struct str name;
    struct str json;

    str_cut(line, ' ', &word, &rest);
    str_cut(rest, ' ', &name, &json);
    if (str_eq(word, STR("acs")) || str_eq(word, STR("tcs")))
        say(stage, str_eq(word, STR("tcs")), name, json);
    else if (str_eq(word, STR("open")))
        come_back(stage, rest);
    else if (str_eq(word, STR("gone")))
        go(stage);
    else if (str_eq(word, STR("time")))
        pass_time(stage, rest);
    else if (!(ecs_operations[operation_of(word)].flags & OPERATION_LATER))
        call(stage, operation_of(word), rest);
}

// "@i" and "@t" become the ids they stand for.
static struct str filled_in(struct stage *stage, struct str text)
{
    static struct buf out;

    buf_clear(&out);
    for (size_t i = 0; i < text.len; i++) {
        char next = i + 1 < text.len ? text.ptr[i + 1] : '\0';
        if (text.ptr[i] != '@' || (next != 'i' && next != 't')) {
            buf_add_char(&out, text.ptr[i]);
            continue;
        }
        buf_add_str(&out, next == 'i' ? stage->instance_uid : stage->task_uid);
        i++;
    }
    return str_copy(&stage->arena, buf_str(&out));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct stage *stage;
    struct str text;

    if (stage == NULL) {
        stage = set_up();
        connect_agent(stage);
    }
    text = filled_in(stage, fuzz_text(data, size));
    for (int i = 0; i < LINES_MAX && text.len > 0; i++)
        take_line(stage, fuzz_line(&text));
    put_back(stage);
    return 0;
}
