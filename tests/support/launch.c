// See launch.h.

#include "tests/support/launch.h"

#include <stdlib.h>

#include "base/assert.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "wire/codec.h"

int launch_setup(void **state)
{
    struct world *w = calloc(1, sizeof *w);

    world_init(w);
    world_ok(w, "CreateCluster", "{\"clusterName\":\"demo\"}");
    *state = w;
    return 0;
}

int launch_teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static void *decoded(struct world *w, const struct shape *shape, const char *json)
{
    void *value = arena_alloc(&w->arena, shape->size);
    struct codec_report report = {0};

    if (codec_decode(&w->arena, shape, str_of(json), NULL, value, &report) != 0)
        fail_msg("%s does not decode: %.*s", json, STR_ARGS(report.message));
    return value;
}

struct instance *launch_add_instance(struct world *w, const char *uid, int cpu, int memory,
                                     const char *attributes)
{
    struct cluster *cluster = cluster_find(&w->state, w->region, STR("demo"));
    uint64_t id = state_new_id(&w->state, REC_KIND_INSTANCE);
    struct rec_instance_state st = {0};
    struct rec_instance *rec = decoded(
        w, &rec_instance_shape,
        arena_printf(&w->arena,
                     "{\"attributes\":%s,\"resources\":["
                     "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":%d},"
                     "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":%d},"
                     "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[\"22\"]},"
                     "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]},"
                     "{\"name\":\"GPU\",\"type\":\"STRINGSET\",\"stringSetValue\":[%s]}]}",
                     attributes, cpu, memory, strstr(attributes, "gpu") ? "\"g0\",\"g1\"" : ""));

    SET(rec, cluster_id, (int64_t)cluster->entity.id);
    SET(rec, uid, str_of(uid));
    SET(&st, status, REC_INSTANCE_STATUS_ACTIVE);
    SET(&st, version, 1);
    SET(&st, sequence, 0);
    SET(&st, connected_at, w->now);
    state_put(&w->state, REC_KIND_INSTANCE, id, rec);
    state_put(&w->state, REC_KIND_INSTANCE_STATE, id, &st);
    instance_set_session(&w->state, instance_get(&w->state, id), w->next_session++);
    return instance_get(&w->state, id);
}

static int64_t family_id(struct world *w, const char *name, int32_t *out_revision)
{
    struct family *family = family_find(&w->state, w->region, str_of(name));
    uint64_t id = family ? family->entity.id : state_new_id(&w->state, REC_KIND_FAMILY);
    struct rec_family rec = {0};

    *out_revision = family ? family->rec->last_revision + 1 : 1;
    SET(&rec, region, w->region);
    SET(&rec, name, str_of(name));
    SET(&rec, last_revision, *out_revision);
    state_put(&w->state, REC_KIND_FAMILY, id, &rec);
    return (int64_t)id;
}

void launch_add_definition(struct world *w, const char *family, const char *json)
{
    struct rec_task_definition rec = {0};
    int32_t revision;

    SET(&rec, family_id, family_id(w, family, &revision));
    SET(&rec, revision, revision);
    SET(&rec, status, ECS_TASK_DEFINITION_STATUS_ACTIVE);
    SET(&rec, registered_at, w->now);
    SET(&rec, definition, decoded(w, &ecs_task_definition_shape, json));
    SET(&rec, tags,
        *(struct ecs_tag_list *)&(
             (struct ecs_list_tags_for_resource_response *)decoded(
                 w, &ecs_list_tags_for_resource_response_shape,
                 "{\"tags\":[{\"key\":\"team\",\"value\":\"a\"},{\"key\":\"x\",\"value\":\"y\"}]}"))
             ->tags);
    state_put(&w->state, REC_KIND_TASK_DEFINITION,
              state_new_id(&w->state, REC_KIND_TASK_DEFINITION), &rec);
}

void launch_add_simple(struct world *w, const char *family, int cpu, int memory)
{
    launch_add_definition(
        w, family,
        arena_printf(&w->arena,
                     "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"busybox\","
                     "\"essential\":true,\"cpu\":%d,\"memory\":%d}],"
                     "\"compatibilities\":[\"EXTERNAL\",\"EC2\"]}",
                     cpu, memory));
}

struct str launch_task_arn(struct world *w, struct str reply, int i)
{
    struct str arn = world_get(w, reply, arena_printf(&w->arena, "tasks.%d.taskArn", i));

    if (arn.len == 0)
        fail_msg("no task %d in %.*s", i, STR_ARGS(reply));
    return arn;
}

int launch_count(struct world *w, struct str reply, const char *list)
{
    int n = 0;

    while (world_get(w, reply, arena_printf(&w->arena, "%s.%d", list, n)).len > 0)
        n++;
    return n;
}

void launch_report(struct world *w, struct str task_arn, const char *status)
{
    struct str head;
    struct str uid;
    struct step step;
    struct task *task;
    struct rec_task *next;

    str_cut_last(task_arn, '/', &head, &uid);
    task = task_find_uid(&w->state, uid);
    ASSERT(task != NULL);
    step_init(&step, &w->state, w->now, &w->rng, &w->arena);
    if (strcmp(status, "STOPPED") == 0) {
        task_finish(&step, task, ECS_TASK_STOP_CODE_ESSENTIALCONTAINEREXITED,
                    STR("Essential container in task exited"));
        return;
    }
    next = task_edit(&step, task);
    SET(next, last_status,
        (enum rec_task_status)shape_enum_value(&rec_task_status_enum, str_of(status)));
    task_change(&step, task, next);
}
