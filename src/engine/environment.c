// A container's environment (ecs-behaviour-agent 1.8 and 4.9): the task definition's map, over it
// secrets, over them what the agent injects; environment files give what is in none of these, the
// first file that has a name winning; under all of it the image's own, which the runtime adds.
// Values go through byte for byte.

#include "engine/state.h"

#include "engine/env_file.h"

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
    if (layers->n == layers->cap) {
        size_t cap = layers->cap ? layers->cap * 2 : 16;
        struct str_pair *grown = arena_array(layers->arena, struct str_pair, cap);

        if (layers->n > 0)
            memcpy(grown, layers->at, layers->n * sizeof *grown);
        layers->at = grown;
        layers->cap = cap;
    }
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

static void put_secrets(struct layers *layers, const struct container *c)
{
    const struct acs_secret_list *secrets = &c->spec->secrets;

    for (size_t i = 0; i < secrets->n; i++) {
        const struct acs_secret *secret = &secrets->at[i];
        struct str value;

        if (secret->target != ACS_SECRET_TARGET_LOG_DRIVER &&
            resource_value(c->task, HOST_RESOURCE_KIND_SECRETS, secret->value_from, secret->region,
                           &value))
            put(layers, secret->name, value);
    }
}

static void put_map(struct layers *layers, struct str_map map)
{
    for (size_t i = 0; i < map.n; i++)
        put(layers, map.at[i].key, map.at[i].value);
}

static void add_files(struct layers *layers, const struct container *c)
{
    const struct acs_environment_file_list *files = &c->spec->environment_files;

    for (size_t i = 0; i < files->n; i++) {
        struct str rest;
        struct str_pair line;
        size_t before = layers->n;

        if (!resource_value(c->task, HOST_RESOURCE_KIND_ENV_FILES, files->at[i].value, STR_NONE,
                            &rest))
            continue;
        while (env_file_next(&rest, &line)) {
            struct str_pair *known = find(layers, line.key);

            if (known == NULL)
                put(layers, line.key, line.value);
            else if ((size_t)(known - layers->at) >= before)
                known->value = line.value; // twice in one file: the last line wins
        }
    }
}

struct str_list environment_build(struct engine *engine, const struct container *c)
{
    struct arena *arena = engine->out->arena;
    struct layers layers = {.arena = arena};
    struct str_list list;

    put_map(&layers, c->spec->environment);
    if (engine->settings.metadata_endpoints)
        put_endpoints(&layers, c);
    put_secrets(&layers, c);
    if (router_is(c))
        put_map(&layers, router_secrets(c, arena));
    put_map(&layers, router_environment(c, arena));
    put_gpus(&layers, c);
    add_files(&layers, c);
    put_region(engine, &layers, c);

    list = (struct str_list){.n = layers.n, .at = arena_array(arena, struct str, layers.n)};
    for (size_t i = 0; i < layers.n; i++)
        list.at[i] =
            str_fmt(arena, "%.*s=%.*s", STR_ARGS(layers.at[i].key), STR_ARGS(layers.at[i].value));
    return list;
}
