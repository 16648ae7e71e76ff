// See stage.h.

#include "tests/support/stage.h"

#include "base/buf.h"
#include "base/id.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "wire/codec.h"

int stage_setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    *state = w;
    return 0;
}

int stage_teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static void *decoded(struct world *w, const struct shape *shape, const char *json)
{
    void *value = arena_alloc(&w->arena, shape->size);
    struct codec_report report = {0};

    if (codec_decode(&w->arena, shape, str_of(json), &codec_peer, value, &report) != 0)
        fail_msg("%s: %.*s", json, STR_ARGS(report.message));
    return value;
}

static struct str encoded(struct world *w, const struct shape *shape, const void *value)
{
    BUF_AUTO struct buf out = BUF_INIT;

    codec_encode(&out, shape, value);
    return str_copy(&w->arena, buf_str(&out));
}

static const struct cluster *demo(const struct world *w)
{
    return cluster_find(&w->state, STR("us-east-1"), STR("demo"));
}

struct str stage_instance(struct world *w)
{
    struct rec_instance *rec =
        decoded(w, &rec_instance_shape,
                "{\"resources\":[{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":4096},"
                "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":8192},"
                "{\"name\":\"GPU\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"g1\",\"g2\"]}],"
                "\"attributes\":[{\"name\":\"ecs.availability-zone\",\"value\":\"us-east-1a\"}]}");
    struct rec_instance_state *st = decoded(w, &rec_instance_state_shape,
                                            "{\"version\":1,\"sequence\":0,\"status\":\"ACTIVE\"}");
    uint64_t id;
    struct step step;

    world_begin(w, &step);
    id = state_new_id(&w->state, REC_KIND_INSTANCE);
    SET(rec, cluster_id, (int64_t)demo(w)->entity.id);
    SET(rec, uid, id_hex32(&w->arena, &w->rng));
    SET(rec, registered_at, w->now);
    state_put(&w->state, REC_KIND_INSTANCE, id, rec);
    w->state.next_id[REC_KIND_INSTANCE_STATE] = id + 1;
    state_put(&w->state, REC_KIND_INSTANCE_STATE, id, st);
    world_finish(w, &step);
    return instance_arn(&w->state, instance_get(&w->state, id), &w->arena);
}

static struct family *family_named(struct world *w, const char *name)
{
    struct rec_family rec = {0};

    if (family_find(&w->state, w->region, str_of(name)) == NULL) {
        SET(&rec, region, w->region);
        SET(&rec, name, str_of(name));
        SET(&rec, last_revision, 1000);
        state_put(&w->state, REC_KIND_FAMILY, state_new_id(&w->state, REC_KIND_FAMILY), &rec);
    }
    return family_find(&w->state, w->region, str_of(name));
}

uint64_t stage_definition(struct world *w, const char *family, const char *json)
{
    struct rec_task_definition rec = {0};
    struct family *of;
    struct step step;
    uint64_t id;

    world_begin(w, &step);
    of = family_named(w, family);
    id = state_new_id(&w->state, REC_KIND_TASK_DEFINITION);
    SET(&rec, family_id, (int64_t)of->entity.id);
    SET(&rec, revision, (int32_t)of->revisions_n + 1);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, registered_at, w->now);
    SET(&rec, definition, decoded(w, &ecs_task_definition_shape, json));
    state_put(&w->state, REC_KIND_TASK_DEFINITION, id, &rec);
    world_finish(w, &step);
    return id;
}

uint64_t stage_plain_definition(struct world *w)
{
    return stage_definition(
        w, "plain",
        "{\"containerDefinitions\":["
        "{\"name\":\"main\",\"image\":\"busybox\",\"essential\":true,\"memory\":64},"
        "{\"name\":\"side\",\"image\":\"busybox\",\"essential\":false,\"memory\":32}]}");
}

struct str stage_task(struct world *w, struct str instance_arn, const struct stage_plan *plan)
{
    uint64_t definition = plan->definition ? plan->definition : stage_plain_definition(w);
    struct instance *instance = stage_find_instance(w, instance_arn);
    struct task_plan full = {
        .cluster = demo(w),
        .definition = task_definition_get(&w->state, definition),
        .instance = instance,
        .launch_type = plan->launch_type ? plan->launch_type : ECS_LAUNCH_TYPE_EC2,
        .group = str_of(plan->group),
        .enable_execute_command = plan->exec,
    };
    struct step step;
    struct task *task;

    if (plan->overrides != NULL)
        full.overrides = decoded(w, &ecs_task_override_shape, plan->overrides);
    world_begin(w, &step);
    task = task_start(&step, &full);
    world_finish(w, &step);
    return task_arn(&w->state, task, &w->arena);
}

void stage_stop(struct world *w, struct str task_arn, enum ecs_task_stop_code code,
                const char *reason)
{
    struct step step;

    world_begin(w, &step);
    task_stop(&step, stage_find_task(w, task_arn), code, str_of(reason));
    world_finish(w, &step);
}

static struct str uid_in(struct str arn)
{
    struct str head;
    struct str uid;

    return str_cut_last(arn, '/', &head, &uid) ? uid : arn;
}

struct instance *stage_find_instance(struct world *w, struct str arn)
{
    return instance_find_uid(&w->state, uid_in(arn));
}

struct task *stage_find_task(struct world *w, struct str arn)
{
    return task_find_uid(&w->state, uid_in(arn));
}

struct str stage_view(struct world *w, struct str task_arn)
{
    struct ecs_task view = {0};

    task_view(&w->state, stage_find_task(w, task_arn), true, &w->arena, &view);
    return encoded(w, &ecs_task_shape, &view);
}

void stage_submit(struct world *w, struct str task_arn, const char *members)
{
    struct str reply =
        world_callf(w, "SubmitTaskStateChange", "{\"cluster\":\"demo\",\"task\":\"%.*s\"%s%s}",
                    STR_ARGS(task_arn), *members ? "," : "", members);

    EXPECT_JSON(w, reply, "{\"acknowledgment\":\"ACCEPT\"}");
}

static const struct world_sent *sent_at(const struct world *w, size_t i)
{
    return &w->sent[i % WORLD_SENT_MAX];
}

size_t stage_sent(const struct world *w, size_t from, const char *name)
{
    size_t n = 0;

    for (size_t i = from; i < w->sent_n; i++)
        n += str_eq(sent_at(w, i)->name, str_of(name));
    return n;
}

struct str stage_last(const struct world *w, const char *name)
{
    for (size_t i = w->sent_n; i > 0; i--) {
        if (str_eq(sent_at(w, i - 1)->name, str_of(name)))
            return sent_at(w, i - 1)->json;
    }
    fail_msg("no %s was sent", name);
    return STR_NONE;
}

session_id stage_tcs_connect(struct world *w, const char *cluster, struct str instance_arn)
{
    struct agent_hello hello = {
        .region = w->region, .cluster = str_of(cluster), .container_instance = instance_arn};
    session_id session = w->next_session++;
    struct step step;

    world_begin(w, &step);
    session_tcs_open(&step, session, &hello);
    world_finish(w, &step);
    return session;
}

void stage_tcs_says(struct world *w, session_id session, struct str instance_arn, const char *kind,
                    const char *json)
{
    struct step step;

    for (int i = 1; i < TCS_MESSAGE_N; i++) {
        if (!str_eq(tcs_messages[i].name, str_of(kind)))
            continue;
        world_begin(w, &step);
        session_tcs_message(&step, session, stage_find_instance(w, instance_arn)->entity.id,
                            (enum tcs_message)i, decoded(w, tcs_messages[i].shape, json));
        world_finish(w, &step);
        return;
    }
    fail_msg("no message %s", kind);
}

struct str stage_record(struct world *w, enum rec_kind kind, uint64_t id)
{
    return encoded(w, rec_kinds[kind].shape, state_get(&w->state, kind, id)->record);
}

size_t stage_count(const struct world *w, enum rec_kind kind)
{
    return w->state.entities[kind].count;
}
