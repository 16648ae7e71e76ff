// Whatever callers ask for and agents report, in whatever order, the server answers and its
// invariants hold.
//
// Half of the calls are random requests of any operation: members come from sample_value, and texts
// are then mostly replaced by ones that mean something (names that exist, ARNs of what is there,
// numbers on the edge), so that requests get past the first check. The others are good calls, most
// of them spoilt in one place or two. Between them agents come and go, say what they like, time
// passes and the server restarts. world_finish checks the whole state after each.

#include <stdarg.h>
#include <stdlib.h>

#include "api/acs.h"
#include "base/arena.h"
#include "base/map.h"
#include "core/sessions.h"
#include "model/instance.h"
#include "model/task.h"
#include "ops/op.h"
#include "shape/sample.h"
#include "shape/slot.h"
#include "tests/support/world.h"
#include "wire/codec.h"

enum { SEEDS = 20, STEPS = 500 };

struct player {
    struct world w;
    struct rng rng;
};

static uint64_t below(struct player *p, uint64_t bound)
{
    return rng_below(&p->rng, bound);
}

// --- texts that mean something

static struct str one_of(struct player *p, const char *const *texts, size_t n)
{
    return str_of(texts[below(p, n)]);
}
#define ONE_OF(p, ...)                                                                             \
    one_of((p), (const char *const[]){__VA_ARGS__},                                                \
           sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

// Some entity of that kind; NULL when there is none.
static struct entity *any(struct player *p, enum rec_kind kind)
{
    const struct idtable *table = &p->w.state.entities[kind];
    uint64_t id = idtable_next(table, below(p, p->w.state.next_id[kind]));

    return id != 0 ? state_get(&p->w.state, kind, id) : NULL;
}

static struct str any_instance(struct player *p)
{
    struct entity *found = any(p, REC_KIND_INSTANCE);

    return found != NULL ? instance_arn(&p->w.state, (struct instance *)found, &p->w.arena)
                         : STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/none");
}

static struct str any_task(struct player *p)
{
    struct entity *found = any(p, REC_KIND_TASK);

    return found != NULL ? task_arn(&p->w.state, (struct task *)found, &p->w.arena)
                         : STR("arn:aws:ecs:us-east-1:123456789012:task/demo/none");
}

static struct str uid_of(struct player *p, struct str arn)
{
    struct str head;
    struct str uid;

    return below(p, 3) == 0 && str_cut_last(arn, '/', &head, &uid) ? uid : arn;
}

static struct str any_cluster(struct player *p)
{
    if (below(p, 4) != 0)
        return STR("demo");
    return ONE_OF(p, "default", "", "arn:aws:ecs:us-east-1:123456789012:cluster/demo",
                  "arn:aws:ecs:eu-west-1:123456789012:cluster/demo");
}

static struct str any_definition(struct player *p)
{
    return ONE_OF(p, "web", "web", "job", "web:1", "job:2", "web:0", "web:-1", "web:99999999999",
                  "arn:aws:ecs:us-east-1:123456789012:task-definition/web:1", ":", "web:");
}

static struct str any_word(struct player *p)
{
    return ONE_OF(p, "app", "side", "web", "job", "RUNNING", "STOPPED", "PENDING", "NONE", "CPU",
                  "MEMORY", "PORTS", "PORTS_UDP", "GPU", "INTEGER", "STRINGSET", "g0", "g1", "zone",
                  "a", "b", "attribute:zone", "attribute:", "instanceId", "host", "cpu", "memory",
                  "task:group == web", "attribute:zone in [a, b]", "attribute:zone =~ .*",
                  "not(agentConnected==true)", "busybox", "ecs.os-type", "linux", "service:x",
                  "aws:x", "tag", "/data", "tcp", "", "*");
}

static struct str any_key(struct player *p)
{
    return ONE_OF(p, "zone", "stack", "rack", "");
}

static struct str any_number(struct player *p)
{
    return ONE_OF(p, "0", "1", "2", "-1", "22", "80", "65535", "65536", "256", "512", "2147483647",
                  "2147483648", "9223372036854775807", "9223372036854775808", "1 vcpu", "0.5 GB");
}

static struct str text_for(struct player *p, struct str member)
{
    if (str_eq(member, STR("cluster")) || str_eq(member, STR("clusterName")) ||
        str_eq(member, STR("clusters")))
        return any_cluster(p);
    if (str_starts(member, STR("containerInstance")) || str_eq(member, STR("targetId")))
        return uid_of(p, any_instance(p));
    if (str_eq(member, STR("task")) || str_eq(member, STR("tasks")))
        return uid_of(p, any_task(p));
    if (str_starts(member, STR("taskDefinition")))
        return any_definition(p);
    if (str_eq(member, STR("family")))
        return ONE_OF(p, "web", "job");
    if (str_eq(member, STR("name")) || str_eq(member, STR("containerName")))
        return ONE_OF(p, "app", "app", "side", "zone", "CPU", "GPU", "x");
    if (str_eq(member, STR("image")))
        return STR("busybox");
    if (str_eq(member, STR("key")) || str_eq(member, STR("tagKeys")))
        return any_key(p);
    if (str_eq(member, STR("resourceArn")))
        return below(p, 2) == 0 ? any_task(p) : any_instance(p);
    return below(p, 3) == 0 ? any_number(p) : any_word(p);
}

// --- requests

static int32_t any_int(struct player *p)
{
    static const int32_t edges[] = {0, 1, 2, 4, 10, 64, 80, 128, 256, 512, 65535, 65536};

    return below(p, 12) == 0 ? (int32_t)(below(p, 2) ? INT32_MAX : -1)
                             : edges[below(p, sizeof edges / sizeof *edges)];
}

static void improve(struct player *p, const struct shape *shape, void *value);

static void improve_slot(struct player *p, const struct shape_field *field, enum slot_level level,
                         void *at)
{
    struct shape_list *list = at;

    switch (slot_type(field, level)) {
    case SHAPE_STRING:
        if (below(p, 16) != 0)
            *(struct str *)at = text_for(p, field->name);
        return;
    case SHAPE_INT: *(int32_t *)at = any_int(p); return;
    case SHAPE_STRUCT:
    case SHAPE_TEXT: improve(p, field->shape, (void *)(uintptr_t)slot_struct(level, at)); return;
    case SHAPE_LIST:
        for (size_t i = 0; i < list->n; i++)
            improve_slot(p, field, level + 1, (char *)list->at + i * slot_stride(field, level));
        return;
    case SHAPE_ENUM:
    case SHAPE_BOOL:
    case SHAPE_LONG:
    case SHAPE_DOUBLE:
    case SHAPE_TIME:
    case SHAPE_DATE:
    case SHAPE_DOC:
    case SHAPE_MAP: return;
    }
}

static void *sampled_member(struct player *p, const struct shape *shape,
                            const struct shape_field *field)
{
    for (;;) {
        void *value = sample_value(&p->w.arena, &p->rng, shape);
        if (shape_has(value, field))
            return value;
    }
}

// Members that get a request somewhere, besides the required ones.
static bool is_useful(struct str member)
{
    static const char *const names[] = {
        "cluster",
        "containerDefinitions",
        "containerInstance",
        "containerInstances",
        "image",
        "key",
        "memory",
        "name",
        "tags",
        "targetId",
        "task",
        "taskDefinition",
        "value",
    };

    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (str_eq(member, str_of(names[i])))
            return true;
    }
    return false;
}

static void add_member(struct player *p, const struct shape *shape, const struct shape_field *field,
                       void *value)
{
    const void *from = sampled_member(p, shape, field);

    memcpy(shape_at(value, field), shape_at(from, field), shape_slot_size(field));
    *shape_mask(value) |= UINT64_C(1) << field->bit;
}

static void drop_member(const struct shape_field *field, void *value)
{
    memset(shape_at(value, field), 0, shape_slot_size(field));
    *shape_mask(value) &= ~(UINT64_C(1) << field->bit);
}

// Useful members are there nearly always, the others seldom.
static void improve(struct player *p, const struct shape *shape, void *value)
{
    for (uint32_t i = 0; i < shape->fields_n; i++) {
        const struct shape_field *field = &shape->fields[i];
        bool useful = (field->flags & SHAPE_REQUIRED) || is_useful(field->name);

        if (useful && !shape_has(value, field) && below(p, 8) != 0)
            add_member(p, shape, field, value);
        else if (!useful && shape_has(value, field) && below(p, 6) != 0)
            drop_member(field, value);
        if (shape_has(value, field))
            improve_slot(p, field, SLOT_MEMBER, shape_at(value, field));
    }
}

static void call(struct player *p, enum ecs_operation operation, const void *in)
{
    void *out = arena_alloc(&p->w.arena, ecs_operations[operation].reply->size);
    struct op_ctx ctx = {.state = &p->w.state, .arena = &p->w.arena};
    struct step step;

    world_begin(&p->w, &step);
    ctx.step = &step;
    ctx.caller.region = p->w.region;
    ctx.caller.principal_arn = STR("arn:aws:iam::123456789012:root");
    if (op_run(&ctx, operation, in, out) == OP_FAILED)
        assert_true(ctx.error.message.len > 0);
    world_finish(&p->w, &step);
}

static void call_anything(struct player *p)
{
    enum ecs_operation operation = (enum ecs_operation)(1 + below(p, ECS_OPERATION_N - 1));
    const struct operation *row = &ecs_operations[operation];
    void *in;

    if (row->flags & OPERATION_LATER)
        return;
    in = sample_value(&p->w.arena, &p->rng, row->request);
    if (below(p, 10) != 0)
        improve(p, row->request, in);
    call(p, operation, in);
}

// --- good calls, most of them spoilt in one place

// Replaces one member, here or further inside.
static void spoil(struct player *p, const struct shape *shape, void *value)
{
    const struct shape_field *field = &shape->fields[below(p, shape->fields_n)];
    void *at = shape_at(value, field);
    struct shape_list *list = at;

    if (shape_has(value, field) && field->type == SHAPE_STRUCT && below(p, 4) != 0) {
        spoil(p, field->shape, *(void **)at);
    } else if (shape_has(value, field) && field->type == SHAPE_LIST && field->shape != NULL &&
               list->n > 0 && below(p, 4) != 0) {
        spoil(p, field->shape, (char *)list->at + below(p, list->n) * field->shape->size);
    } else if (below(p, 6) == 0) {
        drop_member(field, value);
    } else {
        add_member(p, shape, field, value);
        improve_slot(p, field, SLOT_MEMBER, at);
    }
}

__attribute__((format(printf, 3, 4))) static void
call_good(struct player *p, enum ecs_operation operation, const char *fmt, ...)
{
    const struct shape *shape = ecs_operations[operation].request;
    void *in = arena_alloc(&p->w.arena, shape->size);
    struct codec_report report = {0};
    va_list ap;
    size_t len;
    char *json;

    va_start(ap, fmt);
    json = arena_vprintf(&p->w.arena, &len, fmt, ap);
    va_end(ap);
    assert_int_equal(codec_decode(&p->w.arena, shape, str_span(json, len), NULL, in, &report), 0);
    for (uint64_t n = below(p, 3); n > 0; n--)
        spoil(p, shape, in);
    call(p, operation, in);
}

static void register_definition(struct player *p)
{
    call_good(p, ECS_OPERATION_REGISTER_TASK_DEFINITION,
              "{\"family\":\"%s\",\"networkMode\":\"%s\",\"containerDefinitions\":["
              "{\"name\":\"app\",\"image\":\"busybox\",\"cpu\":%d,\"memory\":%d,"
              "\"portMappings\":[{\"containerPort\":80,\"hostPort\":%d,\"protocol\":\"%s\"}],"
              "\"resourceRequirements\":[%s]},"
              "{\"name\":\"side\",\"image\":\"busybox\",\"essential\":false,\"memory\":4}]}",
              below(p, 2) ? "web" : "job", below(p, 3) ? "bridge" : "host", (int)below(p, 512),
              4 + (int)below(p, 512), below(p, 3) ? 0 : 80, below(p, 2) ? "tcp" : "udp",
              below(p, 3) ? "" : "{\"type\":\"GPU\",\"value\":\"1\"}");
}

static void register_instance(struct player *p)
{
    struct str known = any_instance(p);
    struct str again = str_fmt(&p->w.arena, "\"containerInstanceArn\":\"%.*s\",", STR_ARGS(known));
    struct str arn = below(p, 2) ? STR("") : again;

    call_good(p, ECS_OPERATION_REGISTER_CONTAINER_INSTANCE,
              "{\"cluster\":\"demo\",%.*s\"totalResources\":["
              "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":%d},"
              "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":%d},"
              "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\",\"22\"]},"
              "{\"name\":\"GPU\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"g0\",\"%s\"]}],"
              "\"attributes\":[{\"name\":\"zone\",\"value\":\"%s\"},{\"name\":\"%s\"},"
              "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"}]}",
              STR_ARGS(arn), below(p, 8) ? 2048 : INT32_MAX, below(p, 8) ? 4096 : INT32_MAX,
              below(p, 4) ? "g1" : "g0", below(p, 2) ? "a" : "b",
              below(p, 6) ? "x" : "ecs.capability.external");
    world_connect(&p->w, "demo", any_instance(p));
}

static void run_tasks(struct player *p)
{
    call_good(p, ECS_OPERATION_RUN_TASK,
              "{\"cluster\":\"demo\",\"taskDefinition\":\"%s\",\"count\":%d%s%s,\"overrides\":"
              "{\"containerOverrides\":[{\"name\":\"app\",\"memory\":%d},{\"name\":\"app\"}]},"
              "\"placementStrategy\":[{\"type\":\"spread\",\"field\":\"attribute:zone\"},"
              "{\"type\":\"binpack\",\"field\":\"memory\"}],\"placementConstraints\":[%s]}",
              below(p, 2) ? "web" : "job", 1 + (int)below(p, 10),
              below(p, 2) ? "" : ",\"group\":\"g\"", below(p, 3) ? "" : ",\"clientToken\":\"t\"",
              (int)(4 + below(p, 1000)), below(p, 3) ? "" : "{\"type\":\"distinctInstance\"}");
}

static void start_task(struct player *p)
{
    struct str first = any_instance(p);
    struct str second = any_instance(p);

    call_good(p, ECS_OPERATION_START_TASK,
              "{\"cluster\":\"demo\",\"taskDefinition\":\"%s\",\"containerInstances\":"
              "[\"%.*s\",\"%.*s\"],\"overrides\":{\"cpu\":\"%d\",\"memory\":\"1024\"}}",
              below(p, 2) ? "web" : "job", STR_ARGS(first), STR_ARGS(second),
              128 + (int)below(p, 512));
}

static void report(struct player *p)
{
    struct str task = any_task(p);

    call_good(p, ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE,
              "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\",\"containers\":["
              "{\"containerName\":\"%s\",\"status\":\"%s\",\"exitCode\":%d},"
              "{\"containerName\":\"app\",\"status\":\"%s\"}]}",
              STR_ARGS(task), below(p, 2) ? "RUNNING" : "STOPPED", below(p, 2) ? "app" : "ghost",
              below(p, 2) ? "STOPPED" : "ODD", below(p, 2) ? -1 : 137,
              below(p, 2) ? "RUNNING" : "STOPPED");
}

static void put_attribute(struct player *p)
{
    struct str target = any_instance(p);

    call_good(p, below(p, 3) ? ECS_OPERATION_PUT_ATTRIBUTES : ECS_OPERATION_DELETE_ATTRIBUTES,
              "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"zone\",\"targetId\":\"%.*s\"},"
              "{\"name\":\"zone\",\"value\":\"b\",\"targetId\":\"%.*s\"}]}",
              STR_ARGS(target), STR_ARGS(target));
}

static void update_instance(struct player *p)
{
    struct str arn = any_instance(p);

    if (below(p, 2) == 0)
        call_good(p, ECS_OPERATION_UPDATE_CONTAINER_INSTANCES_STATE,
                  "{\"cluster\":\"demo\",\"containerInstances\":[\"%.*s\"],\"status\":\"%s\"}",
                  STR_ARGS(arn), below(p, 2) ? "ACTIVE" : "DRAINING");
    else if (below(p, 4) == 0)
        call_good(p, ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE,
                  "{\"cluster\":\"demo\",\"containerInstance\":\"%.*s\",\"force\":%s}",
                  STR_ARGS(arn), below(p, 2) ? "true" : "false");
    else
        call_good(p, ECS_OPERATION_UPDATE_CONTAINER_AGENT,
                  "{\"cluster\":\"demo\",\"containerInstance\":\"%.*s\"}", STR_ARGS(arn));
}

static void page_through_tasks(struct player *p)
{
    struct str token = STR("");

    for (int page = 0; page < 50; page++) {
        struct str reply = world_callf(
            &p->w, "ListTasks", "{\"cluster\":\"demo\",\"maxResults\":%d%s%.*s%s}", 3,
            token.len ? ",\"nextToken\":\"" : "", STR_ARGS(token), token.len ? "\"" : "");
        token = world_get(&p->w, reply, "nextToken");
        if (token.len == 0)
            return;
        if (below(p, 3) == 0)
            report(p);
    }
}

// --- agents and time

static session_id session_of(struct player *p, struct str arn)
{
    struct str head;
    struct str uid;
    struct instance *instance;

    str_cut_last(arn, '/', &head, &uid);
    instance = instance_find_uid(&p->w.state, uid);
    return instance != NULL && below(p, 8) != 0 ? instance->session : below(p, 50);
}

// Not what agents send on the wire, but any message that decodes.
static void agent_says_anything(struct player *p)
{
    struct instance *instance = (struct instance *)any(p, REC_KIND_INSTANCE);
    struct step step;
    void *message;

    if (instance == NULL)
        return;
    world_begin(&p->w, &step);
    if (below(p, 2) == 0) {
        enum acs_message kind = (enum acs_message)(1 + below(p, ACS_MESSAGE_N - 1));
        message = sample_value(&p->w.arena, &p->rng, acs_messages[kind].shape);
        improve(p, acs_messages[kind].shape, message);
        session_acs_message(&step, instance->session, instance->entity.id, kind, message);
    } else {
        enum tcs_message kind = (enum tcs_message)(1 + below(p, TCS_MESSAGE_N - 1));
        message = sample_value(&p->w.arena, &p->rng, tcs_messages[kind].shape);
        improve(p, tcs_messages[kind].shape, message);
        session_tcs_message(&step, instance->telemetry_session, instance->entity.id, kind, message);
    }
    world_finish(&p->w, &step);
}

static void acknowledge(struct player *p)
{
    struct str arn = any_instance(p);
    struct str head;
    struct str uid;

    str_cut_last(arn, '/', &head, &uid);
    world_agent_says(&p->w, session_of(p, arn), arn, "AckRequest",
                     str_cstr(&p->w.arena, str_fmt(&p->w.arena, "{\"messageId\":\"%.*s-%d\"}",
                                                   STR_ARGS(uid), (int)below(p, 30))));
}

static void agent_comes_or_goes(struct player *p)
{
    struct str arn = any_instance(p);

    if (below(p, 2) == 0)
        world_connect(&p->w, below(p, 8) ? "demo" : "other", arn);
    else
        world_disconnect(&p->w, session_of(p, arn), arn);
}

static void do_something(struct player *p)
{
    switch (below(p, 40)) {
    case 0: world_callf(&p->w, "CreateCluster", "{\"clusterName\":\"demo\"}"); return;
    case 1:
    case 2: register_definition(p); return;
    case 3:
    case 4: register_instance(p); return;
    case 5:
    case 6: run_tasks(p); return;
    case 7: start_task(p); return;
    case 8:
    case 9:
    case 10: report(p); return;
    case 11: agent_comes_or_goes(p); return;
    case 12: agent_says_anything(p); return;
    case 13: acknowledge(p); return;
    case 14: world_advance(&p->w, (time_ms)below(p, TIME_HOUR_MS)); return;
    case 16: put_attribute(p); return;
    case 17: update_instance(p); return;
    case 18: page_through_tasks(p); return;
    case 15:
        if (below(p, 4) == 0)
            world_restart(&p->w);
        return;
    default: call_anything(p); return;
    }
}

static void play(uint64_t seed)
{
    struct player *p = calloc(1, sizeof *p);

    world_init(&p->w);
    rng_init(&p->rng, seed);
    world_ok(&p->w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    for (int step = 0; step < STEPS; step++)
        do_something(p);
    world_deinit(&p->w);
    free(p);
}

static void any_calls_in_any_order_leave_a_sound_state(void **state)
{
    (void)state;

    for (uint64_t seed = 1; seed <= SEEDS; seed++)
        play(seed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_calls_in_any_order_leave_a_sound_state),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
