// Capacity providers. A deleted one is remembered for a while; creating its name again forgets it.

#include "model/provider.h"

#include "base/arena.h"
#include "model/cluster.h"

struct provider *provider_get(const struct state *state, uint64_t id)
{
    return (struct provider *)state_get(state, REC_KIND_CAPACITY_PROVIDER, id);
}

static struct str key_of(struct arena *arena, struct str region, struct str name)
{
    return str_fmt(arena, "%.*s/%.*s", STR_ARGS(region), STR_ARGS(name));
}

struct provider *provider_find(const struct state *state, struct str region, struct str name)
{
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, region, name);
    struct provider *found;

    MAP_FIND_STR(by_key, state->providers_by_key, key, found);
    arena_deinit(&scratch);
    return found;
}

bool provider_is_active(const struct provider *provider)
{
    return provider->rec->status == ECS_CAPACITY_PROVIDER_STATUS_ACTIVE;
}

bool provider_scales(const struct provider *provider)
{
    const struct ecs_managed_scaling *scaling =
        provider->rec->auto_scaling_group_provider->managed_scaling;

    return provider_is_active(provider) && scaling->status == ECS_MANAGED_SCALING_STATUS_ENABLED;
}

static bool has_associated(const struct cluster *cluster, struct str name)
{
    for (size_t i = 0; i < cluster->rec->capacity_providers.n; i++) {
        if (str_eq(cluster->rec->capacity_providers.at[i], name))
            return true;
    }
    return false;
}

struct cluster *provider_cluster(const struct state *state, const struct provider *provider)
{
    if (!provider_is_active(provider))
        return NULL;
    LIST_EACH (&state->clusters, it) {
        struct cluster *cluster = LIST_ENTRY(it, struct cluster, in_state);

        if (cluster->rec->status != REC_CLUSTER_STATUS_INACTIVE &&
            str_eq(cluster->rec->region, provider->rec->region) &&
            has_associated(cluster, provider->rec->name))
            return cluster;
    }
    return NULL;
}

static struct provider *provider_new(struct state *state, uint64_t id,
                                     const struct rec_capacity_provider *rec)
{
    struct provider *provider = mem_zalloc(sizeof *provider);
    struct arena scratch = ARENA_INIT;
    struct str key = key_of(&scratch, rec->region, rec->name);
    char *own = mem_alloc(key.len);

    memcpy(own, key.ptr, key.len);
    provider->entity = (struct entity){.id = id, .kind = REC_KIND_CAPACITY_PROVIDER};
    provider->key = str_span(own, key.len);
    MAP_ADD_STR(by_key, state->providers_by_key, key, provider);
    idtable_put(&state->entities[REC_KIND_CAPACITY_PROVIDER], id, provider);
    arena_deinit(&scratch);
    return provider;
}

static void provider_delete(struct state *state, struct provider *provider)
{
    expiry_clear(&state->expiries, &provider->expiry);
    expiry_clear(&state->minutes, &provider->minute);
    list_remove(&provider->unsettled);
    MAP_DEL(by_key, state->providers_by_key, provider);
    idtable_remove(&state->entities[REC_KIND_CAPACITY_PROVIDER], provider->entity.id);
    mem_free((void *)(uintptr_t)provider->key.ptr);
    mem_free(provider);
}

static bool is_in_progress(enum ecs_capacity_provider_update_status status)
{
    return status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_CREATE_IN_PROGRESS ||
           status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_UPDATE_IN_PROGRESS ||
           status == ECS_CAPACITY_PROVIDER_UPDATE_STATUS_DELETE_IN_PROGRESS;
}

static void link_unsettled(struct state *state, struct provider *provider)
{
    if (!is_in_progress(provider->rec->update_status))
        list_remove(&provider->unsettled);
    else if (!list_is_linked(&provider->unsettled))
        list_push_back(&state->providers_unsettled, &provider->unsettled);
}

static void wake(struct state *state, struct provider *provider)
{
    if (!provider_scales(provider))
        expiry_clear(&state->minutes, &provider->minute);
    else if (provider->minute.slot == 0)
        expiry_set(&state->minutes, &provider->minute, REC_KIND_CAPACITY_PROVIDER,
                   provider->entity.id, provider->measured_at + TIME_MINUTE_MS);
}

void provider_wake(struct state *state, struct str region, struct str name)
{
    struct provider *provider = name.len > 0 ? provider_find(state, region, name) : NULL;

    if (provider != NULL)
        wake(state, provider);
}

void provider_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_capacity_provider *rec = record;
    struct provider *provider = provider_get(state, id);

    if (rec == NULL) {
        provider_delete(state, provider);
        return;
    }
    if (provider == NULL)
        provider = provider_new(state, id, rec);
    provider->entity.record = rec;
    provider->rec = rec;
    link_unsettled(state, provider);
    wake(state, provider);
    if (rec->status == ECS_CAPACITY_PROVIDER_STATUS_INACTIVE)
        expiry_set(&state->expiries, &provider->expiry, REC_KIND_CAPACITY_PROVIDER, id,
                   rec->inactive_at + state->config.inactive_keep_ms);
    else
        expiry_clear(&state->expiries, &provider->expiry);
}

struct str provider_arn(const struct state *state, const struct provider *provider,
                        struct arena *arena)
{
    struct scope scope = {
        .partition = state->config.partition,
        .region = provider->rec->region,
        .account = state->config.account,
    };

    return arn_make(arena, &scope, "capacity-provider", provider->rec->name);
}

void provider_view(const struct state *state, const struct provider *provider, bool with_tags,
                   struct arena *arena, struct ecs_capacity_provider *out)
{
    const struct rec_capacity_provider *rec = provider->rec;

    SET(out, capacity_provider_arn, provider_arn(state, provider, arena));
    SET(out, name, rec->name);
    SET(out, status, rec->status);
    SET(out, type, ECS_CAPACITY_PROVIDER_TYPE_EC2_AUTOSCALING);
    SET(out, auto_scaling_group_provider, rec->auto_scaling_group_provider);
    if (rec->has.update_status)
        SET(out, update_status, rec->update_status);
    if (rec->has.update_status_reason)
        SET(out, update_status_reason, rec->update_status_reason);
    out->has.tags = true;
    if (with_tags)
        out->tags = rec->tags;
}

void provider_check_all(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_CAPACITY_PROVIDER];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct provider *provider = provider_get(state, id);

        ASSERT(provider->rec->auto_scaling_group_provider->managed_scaling != NULL);
        ASSERT(list_is_linked(&provider->unsettled) ==
               is_in_progress(provider->rec->update_status));
        ASSERT((provider->expiry.slot != 0) ==
               (provider->rec->status == ECS_CAPACITY_PROVIDER_STATUS_INACTIVE));
        ASSERT(provider->minute.slot == 0 || provider_scales(provider));
        ASSERT(provider_find(state, provider->rec->region, provider->rec->name) == provider);
    }
}
