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

// The folder with the container's metadata file, which the shell makes before the container.
static struct str metadata_bind(struct engine *engine, const struct container *c)
{
    return str_fmt(engine->out->arena, "%.*s/%.*s/%.*s:" ENGINE_METADATA_MOUNT "%.*s%s",
                   STR_ARGS(engine->settings.metadata_dir), STR_ARGS(task_short_id(c->task)),
                   STR_ARGS(c->spec->name), STR_ARGS(c->endpoint_id),
                   engine->settings.selinux ? ":Z" : "");
}

bool bind_fill(struct engine *engine, struct container *c, struct docker_host_config *host)
{
    const struct acs_mount_point_list *points = &c->spec->mount_points;
    struct arena *arena = engine->out->arena;
    struct str_list binds = {.at = arena_array(arena, struct str, points->n + 1)};

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
    if (engine->settings.metadata_dir.len > 0)
        binds.at[binds.n++] = metadata_bind(engine, c);
    if (binds.n > 0)
        SET(host, binds, binds);
    return true;
}
