// Capacity providers of container instances: the entity, its registry by region and name, its view.
//
// A provider belongs to at most one cluster, the one that has associated it. A container instance
// is of the provider that its attribute `gantry.capacity-provider` names. FARGATE and FARGATE_SPOT
// are no entities.

#ifndef MODEL_PROVIDER_H
#define MODEL_PROVIDER_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/state.h"

#define PROVIDER_ATTRIBUTE "gantry.capacity-provider"
// The providers of hosts that serve FARGATE, as their attribute says.
#define PROVIDER_FARGATE           "FARGATE"
#define PROVIDER_FARGATE_SPOT      "FARGATE_SPOT"
#define PROVIDER_FARGATE_ATTRIBUTE "ecs.capability.fargate"

struct cluster;

struct provider {
    struct entity entity;
    const struct rec_capacity_provider *rec;
    struct str key; // "<region>/<name>", memory of the provider
    UT_hash_handle by_key;
    struct list unsettled; // in state->providers_unsettled while an update is in progress
    struct expiry expiry;  // waits while INACTIVE
    struct expiry minute;  // in state->minutes: when managed scaling looks at it next

    // Volatile, of managed scaling (core/scaling.h).
    int32_t low_n;       // data points in a row below the target
    time_ms measured_at; // 0: never
    time_ms called_at;   // the operator's action is under way since; 0: it is not
    double reservation;  // as measured
};

void provider_apply(struct state *state, uint64_t id, const void *record);
void provider_check_all(const struct state *state);

struct provider *provider_get(const struct state *state, uint64_t id);
// Of any status; NULL when there is none.
struct provider *provider_find(const struct state *state, struct str region, struct str name);

bool provider_is_active(const struct provider *provider);
bool provider_scales(const struct provider *provider); // ACTIVE, its managed scaling ENABLED
// The cluster that has associated it; NULL: none.
struct cluster *provider_cluster(const struct state *state, const struct provider *provider);

// Something that managed scaling computes with came or went: the provider of that name is looked at
// a minute after the last time, when it scales and does not wait for that already.
void provider_wake(struct state *state, struct str region, struct str name);

struct str provider_arn(const struct state *state, const struct provider *provider,
                        struct arena *arena);
void provider_view(const struct state *state, const struct provider *provider, bool with_tags,
                   struct arena *arena, struct ecs_capacity_provider *out);

#endif
