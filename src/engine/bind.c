// Mount points to binds (ecs-behaviour-agent 1.12): "<source>:<containerPath>[:ro]". The source is
// a path of the host or the name of a volume; the runtime tells them apart.

#include "engine/state.h"

static const struct volume *find_volume(const struct task *task, struct str name)
{
    for (size_t i = 0; i < task->volumes_n; i++) {
        if (str_eq(task->volumes[i].spec->name, name))
            return &task->volumes[i];
    }
    return NULL;
}

static bool refuse(struct container *c, struct str text)
{
    container_note(c, "HostConfigError", text);
    return false;
}

bool bind_fill(struct engine *engine, struct container *c, struct docker_host_config *host)
{
    const struct acs_mount_point_list *points = &c->spec->mount_points;
    struct arena *arena = engine->out->arena;
    struct str_list binds = {.at = arena_array(arena, struct str, points->n)};

    for (size_t i = 0; i < points->n; i++) {
        const struct acs_mount_point *point = &points->at[i];
        const struct volume *volume = find_volume(c->task, point->source_volume);

        if (volume == NULL)
            return refuse(c, str_fmt(arena, "Invalid volume referenced: %.*s",
                                     STR_ARGS(point->source_volume)));
        if (volume->source.len == 0 || point->container_path.len == 0)
            return refuse(c, str_fmt(arena,
                                     "Unable to resolve volume mounts; invalid path: %.*s %.*s; "
                                     "%.*s -> %.*s",
                                     STR_ARGS(c->spec->name), STR_ARGS(point->source_volume),
                                     STR_ARGS(volume->source), STR_ARGS(point->container_path)));
        binds.at[binds.n++] =
            str_fmt(arena, "%.*s:%.*s%s", STR_ARGS(volume->source), STR_ARGS(point->container_path),
                    point->read_only ? ":ro" : "");
    }
    if (binds.n > 0)
        SET(host, binds, binds);
    return true;
}
