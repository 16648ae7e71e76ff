// A container's environment (ecs-behaviour-agent 1.8 and 4.9): the task definition's map, over it
// what the agent injects, under all of it the image's own, which the runtime adds. Values go
// through byte for byte.
//
// Environment files and secrets are layers between; a task that has them is not accepted
// (accept.c).

#include "engine/state.h"

struct layers {
    struct arena *arena;
    struct str_pair *at;
    size_t n, cap;
};

static struct str_pair *find(const struct layers *layers, struct str name)
{
    for (size_t i = 0; i < layers->n; i++) {
        if (str_eq(layers->at[i].key, name))
            return &layers->at[i];
    }
    return NULL;
}

static void put(struct layers *layers, struct str name, struct str value)
{
    struct str_pair *known = find(layers, name);

    if (known != NULL) {
        known->value = value;
        return;
    }
    ASSERT(layers->n < layers->cap);
    layers->at[layers->n++] = (struct str_pair){.key = name, .value = value};
}

static void put_endpoints(struct layers *layers, const struct container *c)
{
    struct arena *arena = layers->arena;

    put(layers, STR("ECS_CONTAINER_METADATA_URI"),
        str_fmt(arena, "http://169.254.170.2/v3/%.*s", STR_ARGS(c->endpoint_id)));
    put(layers, STR("ECS_CONTAINER_METADATA_URI_V4"),
        str_fmt(arena, "http://169.254.170.2/v4/%.*s", STR_ARGS(c->endpoint_id)));
    put(layers, STR("ECS_AGENT_URI"),
        str_fmt(arena, "http://169.254.170.2/api/%.*s", STR_ARGS(c->endpoint_id)));
    if (c->task->role_credentials.len > 0)
        put(layers, STR("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"),
            str_fmt(arena, "/v2/credentials/%.*s", STR_ARGS(c->task->role_credentials)));
}

static void put_file(const struct engine *engine, struct layers *layers, const struct container *c)
{
    if (engine->settings.metadata_dir.len > 0)
        put(layers, STR("ECS_CONTAINER_METADATA_FILE"),
            str_fmt(layers->arena, ENGINE_METADATA_MOUNT "%.*s/" ENGINE_METADATA_FILE,
                    STR_ARGS(c->endpoint_id)));
}

static void put_region(const struct engine *engine, struct layers *layers,
                       const struct container *c)
{
    if (engine->settings.region.len == 0 || c->image_sets_region)
        return;
    if (find(layers, STR("AWS_REGION")) != NULL || find(layers, STR("AWS_DEFAULT_REGION")) != NULL)
        return;
    put(layers, STR("AWS_REGION"), engine->settings.region);
    put(layers, STR("AWS_DEFAULT_REGION"), engine->settings.region);
}

static void put_gpus(struct layers *layers, const struct container *c)
{
    const struct acs_association_list *all = &c->task->spec->associations;
    struct str ids = STR_NONE;

    for (size_t i = 0; i < all->n; i++) {
        const struct acs_association *one = &all->at[i];

        if (one->type != ACS_ASSOCIATION_TYPE_GPU || one->containers.n != 1 ||
            !str_eq(one->containers.at[0], c->spec->name))
            continue;
        ids = ids.len == 0
                  ? one->name
                  : str_fmt(layers->arena, "%.*s,%.*s", STR_ARGS(ids), STR_ARGS(one->name));
    }
    if (ids.len > 0)
        put(layers, STR("NVIDIA_VISIBLE_DEVICES"), ids);
}

struct str_list environment_build(struct engine *engine, const struct container *c)
{
    enum { INJECTED_MAX = 10 };
    struct arena *arena = engine->out->arena;
    struct layers layers = {.arena = arena, .cap = c->spec->environment.n + INJECTED_MAX};
    struct str_list list;

    layers.at = arena_array(arena, struct str_pair, layers.cap);
    for (size_t i = 0; i < c->spec->environment.n; i++)
        put(&layers, c->spec->environment.at[i].key, c->spec->environment.at[i].value);
    if (engine->settings.metadata_endpoints)
        put_endpoints(&layers, c);
    put_file(engine, &layers, c);
    put_gpus(&layers, c);
    put_region(engine, &layers, c);

    list = (struct str_list){.n = layers.n, .at = arena_array(arena, struct str, layers.n)};
    for (size_t i = 0; i < layers.n; i++)
        list.at[i] =
            str_fmt(arena, "%.*s=%.*s", STR_ARGS(layers.at[i].key), STR_ARGS(layers.at[i].value));
    return list;
}
