// See world.h. JSON is looked into with jansson, which also serves as a second opinion on what our
// own writer produced.

#include "tests/support/world.h"

#include <jansson.h>

#include "api/ecs.h"
#include "base/assert.h"
#include "base/buf.h"
#include "core/cluster_providers.h"
#include "core/reconcile.h"
#include "core/scaling.h"
#include "core/timers.h"
#include "core/waiting.h"
#include "model/instance.h"
#include "ops/op.h"
#include "wire/codec.h"

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    state_init(&w->state, &state_config_default);
    rng_init(&w->rng, 1);
    w->now = INT64_C(1767225600000);
    w->region = STR("us-east-1");
    w->next_session = 1;
}

void world_deinit(struct world *w)
{
    state_deinit(&w->state);
    arena_deinit(&w->arena);
}

void world_begin(struct world *w, struct step *step)
{
    step_init(step, &w->state, w->now, &w->rng, &w->arena);
    step->acs_endpoint = STR("http://acs.test/");
    step->tcs_endpoint = STR("http://tcs.test/");
}

static struct str encoded(struct world *w, const struct shape *shape, const void *value)
{
    BUF_AUTO struct buf out = BUF_INIT;

    codec_encode(&out, shape, value);
    return str_copy(&w->arena, buf_str(&out));
}

// "metal of demo: 3 of 2, without i1 i2", or only the reservation when nothing is to be done.
static struct str scaling_text(struct world *w, const struct scaling_call *call)
{
    struct str text = str_fmt(&w->arena, "reservation %.0f", call->reservation);

    if (!call->is_wanted)
        return text;
    text = str_fmt(&w->arena, "%.*s of %.*s: %lld of %lld", STR_ARGS(call->provider),
                   STR_ARGS(call->cluster), (long long)call->desired, (long long)call->present);
    for (size_t i = 0; i < call->ids.n; i++)
        text = str_fmt(&w->arena, "%.*s%s %.*s", STR_ARGS(text), i == 0 ? ", without" : "",
                       STR_ARGS(call->ids.at[i]));
    return text;
}

static void note(struct world *w, const struct effect *effect)
{
    struct world_sent *sent = &w->sent[w->sent_n++ % WORLD_SENT_MAX];

    *sent = (struct world_sent){.kind = effect->kind, .session = effect->session};
    sent->name = effect->error;
    sent->json = effect->text;
    sent->value = effect->value;
    if (effect->kind == EFFECT_ACS_SEND) {
        sent->name = acs_messages[effect->acs_message].name;
        sent->json = encoded(w, acs_messages[effect->acs_message].shape, effect->value);
    } else if (effect->kind == EFFECT_SCALE) {
        sent->name = STR("scale");
        sent->json = scaling_text(w, effect->value);
    } else if (effect->kind == EFFECT_TCS_SEND) {
        sent->name = tcs_messages[effect->tcs_message].name;
        sent->json = encoded(w, tcs_messages[effect->tcs_message].shape, effect->value);
    }
}

// When something follows from what was done, as timers_next.
static time_ms consequences_next(const struct state *state)
{
    time_ms next = earlier(settle_next(state), waiting_next(state));

    return earlier(next, reconcile_next(state));
}

// As the pipeline does it: services and tasks that something was done to are looked at in the same
// tick. What only time makes due waits for world_advance.
static void reconcile_all(struct world *w, struct step *step)
{
    time_ms next = consequences_next(&w->state);

    for (int rounds = 0; next != 0 && next <= w->now; rounds++) {
        assert_true(rounds < 1000);
        settle_run(step);
        waiting_run(step);
        reconcile_run(step);
        next = consequences_next(&w->state);
    }
}

void world_finish(struct world *w, struct step *step)
{
    struct batch batch;

    reconcile_all(w, step);
    batch = state_take_batch(&w->state);
    for (const struct effect *effect = step->first; effect != NULL; effect = effect->next)
        note(w, effect);
    batch_free(&batch);
    state_check(&w->state);
}

static enum ecs_operation operation_named(const char *name)
{
    for (int op = 1; op < ECS_OPERATION_N; op++) {
        if (str_eq(ecs_operations[op].name, str_of(name)))
            return (enum ecs_operation)op;
    }
    fail_msg("no operation %s", name);
    return ECS_OPERATION_NONE;
}

static struct str error_json(struct world *w, const struct op_error *error)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct ecs_conflict_exception conflict = {0};
    const struct error_kind *kind = &ecs_errors[error->kind];

    if (error->kind == ECS_ERROR_CONFLICT_EXCEPTION)
        SET(&conflict, resource_ids, error->resource_ids);
    codec_encode_error(&out, kind, error->message,
                       error->kind == ECS_ERROR_CONFLICT_EXCEPTION ? &conflict : NULL);
    return str_copy(&w->arena, buf_str(&out));
}

struct str world_call(struct world *w, const char *operation, const char *json)
{
    enum ecs_operation op = operation_named(operation);
    const struct operation *row = &ecs_operations[op];
    void *in = arena_alloc(&w->arena, row->request->size);
    void *out = arena_alloc(&w->arena, row->reply->size);
    struct codec_report report = {0};
    struct op_ctx ctx = {.state = &w->state, .arena = &w->arena};
    struct step step;
    struct str reply;

    if (codec_decode(&w->arena, row->request, str_of(json), NULL, in, &report) != 0)
        fail_msg("%s: %.*s does not decode: %.*s", operation, (int)strlen(json), json,
                 STR_ARGS(report.message));
    world_begin(w, &step);
    ctx.step = &step;
    ctx.unknowns = report.unknowns;
    ctx.request_bytes = strlen(json);
    ctx.caller.region = w->region;
    ctx.caller.principal_arn =
        w->principal.len > 0 ? w->principal : STR("arn:aws:iam::123456789012:root");
    ctx.caller.role = w->role;
    if (op_run(&ctx, op, in, out) == OP_OK)
        reply = encoded(w, row->reply, out);
    else
        reply = error_json(w, &ctx.error);
    world_finish(w, &step);
    return reply;
}

struct str world_callf(struct world *w, const char *operation, const char *fmt, ...)
{
    va_list ap;
    size_t len;
    char *json;

    va_start(ap, fmt);
    json = arena_vprintf(&w->arena, &len, fmt, ap);
    va_end(ap);
    return world_call(w, operation, json);
}

struct str world_ok(struct world *w, const char *operation, const char *json)
{
    struct str reply = world_call(w, operation, json);

    if (world_get(w, reply, "__type").len > 0)
        fail_msg("%s failed: %.*s", operation, STR_ARGS(reply));
    return reply;
}

void world_advance(struct world *w, time_ms by)
{
    struct step step;

    w->now += by;
    world_begin(w, &step);
    timers_run(&step);
    world_finish(w, &step);
}

static json_t *parsed(struct str json)
{
    json_error_t error;
    json_t *root = json_loadb(json.ptr, json.len, JSON_DECODE_ANY | JSON_REJECT_DUPLICATES, &error);

    if (root == NULL)
        fail_msg("not JSON (%s): %.*s", error.text, STR_ARGS(json));
    return root;
}

static struct str scalar_text(struct world *w, const json_t *value)
{
    char *text;
    struct str copy;

    if (json_is_string(value))
        return str_copy(&w->arena, str_span(json_string_value(value), json_string_length(value)));
    text = json_dumps(value,
                      JSON_ENCODE_ANY | JSON_COMPACT | JSON_SORT_KEYS | JSON_REAL_PRECISION(16));
    copy = str_copy(&w->arena, str_of(text));
    free(text);
    return copy;
}

struct str world_get(struct world *w, struct str json, const char *path)
{
    json_t *root = parsed(json);
    const json_t *at = root;
    struct str rest = str_of(path);
    struct str text;

    while (at != NULL && rest.len > 0) {
        struct str word;
        int64_t index;
        str_cut(rest, '.', &word, &rest);
        if (json_is_array(at))
            at = str_to_i64(word, &index) ? json_array_get(at, (size_t)index) : NULL;
        else
            at = json_object_get(at, str_cstr(&w->arena, word));
    }
    text = at != NULL ? scalar_text(w, at) : STR_NONE;
    json_decref(root);
    return text;
}

static bool matches(const json_t *got, const json_t *want);

static bool object_matches(json_t *got, json_t *want)
{
    const char *key;
    json_t *value;

    if (json_object_size(got) != json_object_size(want))
        return false;
    json_object_foreach(want, key, value)
    {
        if (!matches(json_object_get(got, key), value))
            return false;
    }
    return true;
}

static bool matches(const json_t *got, const json_t *want)
{
    if (json_is_string(want) && strcmp(json_string_value(want), "*") == 0)
        return got != NULL;
    if (json_is_object(got) && json_is_object(want))
        return object_matches((json_t *)(uintptr_t)got, (json_t *)(uintptr_t)want);
    if (json_is_array(got) && json_is_array(want)) {
        if (json_array_size(got) != json_array_size(want))
            return false;
        for (size_t i = 0; i < json_array_size(want); i++) {
            if (!matches(json_array_get(got, i), json_array_get(want, i)))
                return false;
        }
        return true;
    }
    if (json_is_number(got) && json_is_number(want))
        return json_number_value(got) == json_number_value(want);
    return json_equal(got, want) == 1;
}

void world_expect(struct world *w, struct str got, const char *want, const char *file, int line)
{
    json_t *got_json = parsed(got);
    json_t *want_json = parsed(str_of(want));
    bool same = matches(got_json, want_json);

    (void)w;
    json_decref(got_json);
    json_decref(want_json);
    if (!same) {
        print_error("%s:%d:\n got  %.*s\n want %s\n", file, line, STR_ARGS(got), want);
        _fail(file, line);
    }
}

void world_expect_error(struct world *w, struct str got, const char *type, const char *message,
                        const char *file, int line)
{
    if (!str_eq(world_get(w, got, "__type"), str_of(type)) ||
        !str_eq(world_get(w, got, "message"), str_of(message))) {
        print_error("%s:%d:\n got  %.*s\n want %s: %s\n", file, line, STR_ARGS(got), type, message);
        _fail(file, line);
    }
}

static uint64_t instance_id_of(struct world *w, struct str arn)
{
    struct str head;
    struct str uid;
    struct instance *instance;

    str_cut_last(arn, '/', &head, &uid);
    instance = instance_find_uid(&w->state, uid);
    return instance != NULL ? instance->entity.id : 0;
}

session_id world_connect(struct world *w, const char *cluster, struct str instance_arn)
{
    struct agent_hello hello = {
        .abilities = STR("exec"),
        .region = w->region,
        .cluster = str_of(cluster),
        .container_instance = instance_arn,
        .agent_version = STR("1.103.0"),
        .agent_hash = STR("4f5a079e"),
        .docker_version = STR("DockerVersion: 20.10.24"),
        .send_credentials = w->sends_credentials,
    };
    struct step step;
    session_id session = w->next_session++;

    world_begin(w, &step);
    session_acs_open(&step, session, &hello);
    world_finish(w, &step);
    return session;
}

void world_disconnect(struct world *w, session_id session, struct str instance_arn)
{
    struct step step;

    world_begin(w, &step);
    session_acs_gone(&step, session, instance_id_of(w, instance_arn));
    world_finish(w, &step);
}

void world_agent_says(struct world *w, session_id session, struct str instance_arn,
                      const char *kind, const char *json)
{
    struct step step;
    struct codec_report report = {0};

    for (int i = 1; i < ACS_MESSAGE_N; i++) {
        void *message;
        if (!str_eq(acs_messages[i].name, str_of(kind)))
            continue;
        message = arena_alloc(&w->arena, acs_messages[i].shape->size);
        if (codec_decode(&w->arena, acs_messages[i].shape, str_of(json), &codec_peer, message,
                         &report) != 0)
            fail_msg("%s does not decode: %.*s", kind, STR_ARGS(report.message));
        world_begin(w, &step);
        session_acs_message(&step, session, instance_id_of(w, instance_arn), (enum acs_message)i,
                            message);
        world_finish(w, &step);
        return;
    }
    fail_msg("no message %s", kind);
}

// What a current agent on Docker 20.10 registers, as far as tests need it.
static const char usual_attributes[] =
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.17\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.18\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.19\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.21\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.24\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.docker-remote-api.1.25\"},"
    "{\"name\":\"com.amazonaws.ecs.capability.logging-driver.json-file\"},"
    "{\"name\":\"ecs.capability.container-health-check\"},"
    "{\"name\":\"ecs.capability.container-ordering\"},"
    "{\"name\":\"ecs.os-type\",\"value\":\"linux\"}";

struct str world_add_instance(struct world *w, const char *cluster, int cpu, int memory,
                              const char *attributes)
{
    const char *extra = attributes != NULL ? attributes : "[]";
    struct str inner = str_of(extra);
    struct str reply;
    struct str arn;

    inner = str_take(str_from(inner, 1), inner.len - 2);
    reply = world_callf(
        w, "RegisterContainerInstance",
        "{\"cluster\":\"%s\",\"totalResources\":["
        "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":%d},"
        "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":%d},"
        "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\",\"2375\"]},"
        "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]}],"
        "\"attributes\":[%s%s%.*s]}",
        cluster, cpu, memory, usual_attributes, inner.len > 0 ? "," : "", STR_ARGS(inner));
    arn = world_get(w, reply, "containerInstance.containerInstanceArn");
    if (arn.len == 0)
        fail_msg("RegisterContainerInstance failed: %.*s", STR_ARGS(reply));
    world_connect(w, cluster, arn);
    return arn;
}

struct saved {
    enum rec_kind kind;
    uint64_t id;
    void *record;
};

static void *through_the_codec(struct world *w, enum rec_kind kind, const void *record)
{
    const struct shape *shape = rec_kinds[kind].shape;
    void *copy = arena_alloc(&w->arena, shape->size);
    struct codec_report report = {0};

    if (codec_decode(&w->arena, shape, encoded(w, shape, record), &codec_peer, copy, &report) != 0)
        fail_msg("a %s record does not load", rec_kinds[kind].name.ptr);
    return copy;
}

static size_t save_all(struct world *w, struct saved *out)
{
    size_t n = 0;

    for (int kind = 1; kind < REC_KIND_N; kind++) {
        const struct idtable *table = &w->state.entities[kind];
        for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
            const struct entity *entity = state_get(&w->state, (enum rec_kind)kind, id);
            if (out != NULL)
                out[n] = (struct saved){(enum rec_kind)kind, id,
                                        through_the_codec(w, (enum rec_kind)kind, entity->record)};
            n++;
        }
    }
    return n;
}

// Loads kind by kind, in the order of the store.
void world_restart(struct world *w)
{
    struct state_config config = w->state.config;
    size_t n = save_all(w, NULL);
    struct saved *saved = arena_array(&w->arena, struct saved, n);

    save_all(w, saved);
    state_deinit(&w->state);
    state_init(&w->state, &config);
    for (size_t i = 0; i < n; i++)
        state_load(&w->state, saved[i].kind, saved[i].id, saved[i].record);
    state_check(&w->state);
}
