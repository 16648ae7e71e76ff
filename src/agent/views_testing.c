// See views_testing.h.

#include "agent/views_testing.h"

#include "wire/codec.h"

static void *decoded(struct views *views, const struct shape *shape, const char *json,
                     const struct codec_options *options)
{
    struct codec_report report = {0};
    void *value = arena_alloc(&views->arena, shape->size);

    if (codec_decode(&views->arena, shape, str_of(json), options, value, &report) != 0)
        fail_msg("%.*s", STR_ARGS(report.message));
    return value;
}

void views_add(struct views *views, const char *json)
{
    const struct acs_task *task = decoded(views, &acs_task_shape, json, &codec_peer);

    for (size_t i = 0; i < task->containers.n; i++) {
        const struct acs_container *spec = &task->containers.at[i];
        struct engine_view *view = &views->at[views->n++];

        assert_true(views->n <= VIEWS_MAX);
        *view = (struct engine_view){
            .task_arn = task->arn,
            .family = task->family,
            .version = task->version,
            .container = spec->name,
            .container_arn = spec->container_arn,
            .runtime_id = str_fmt(&views->arena, "%.*s-id", STR_ARGS(spec->name)),
            .runtime_name = str_fmt(&views->arena, "ecs-%.*s", STR_ARGS(spec->name)),
            .network_mode = task->network_mode,
            .task_status = HOST_TASK_STATUS_RUNNING,
            .task_desired = HOST_TASK_STATUS_RUNNING,
            .status = HOST_CONTAINER_STATUS_RUNNING,
            .desired = HOST_CONTAINER_STATUS_RUNNING,
            .endpoint_id = str_fmt(&views->arena, "%.*s-eid", STR_ARGS(spec->name)),
            .image_id = STR("sha256:9b1d"),
            .created_at = VIEWS_TIME,
            .started_at = VIEWS_TIME + 1500,
            .task = task,
            .spec = spec,
        };
    }
}

struct engine_view *views_of(struct views *views, const char *container)
{
    for (size_t i = 0; i < views->n; i++) {
        if (str_eq(views->at[i].container, str_of(container)))
            return &views->at[i];
    }
    fail_msg("no container %s", container);
    return NULL;
}

void views_see(struct views *views, const char *container, const char *json)
{
    views_of(views, container)->seen = decoded(views, &docker_container_shape, json, &codec_docker);
}

struct engine_view_list views_list(struct views *views)
{
    return (struct engine_view_list){.n = views->n, .at = views->at};
}
