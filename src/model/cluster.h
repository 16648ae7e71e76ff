// Clusters: the entity, its registry by region and name, its counts, its view.

#ifndef MODEL_CLUSTER_H
#define MODEL_CLUSTER_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/group_counts.h"
#include "model/roster.h"
#include "model/state.h"
#include "model/task_lists.h"

// A zone with instances of the cluster that are ACTIVE.
struct zone_tally {
    struct str zone; // memory of the cluster
    uint32_t instances_n;
};

// One name has at most one record: re-creating an INACTIVE name is a new cluster with the same ARN,
// and the old record (with what still belongs to it) stays reachable by id until it expires.
struct cluster {
    struct entity entity;
    const struct rec_cluster *rec; // == entity.record
    struct str key;                // "<region>/<name>", memory of the cluster
    struct cluster *older;         // of the same name; NULL: none
    UT_hash_handle by_name;        // only the newest cluster of a name
    struct list in_state;
    struct list instances; // struct instance.in_cluster, creation order, INACTIVE ones too
    struct task_list tasks;
    struct task_drawer *tasks_by_family;  // keys: the eight bytes of a family's id
    struct task_drawer *tasks_by_starter; // keys: startedBy
    struct roster roster;                 // the same instances, for placement
    struct task_group *groups;            // of its wanted tasks that are placed
    uint32_t instances_n;                 // ACTIVE and DRAINING
    uint32_t tasks_n;                     // not STOPPED
    struct list services;         // struct service.in_cluster, creation order, INACTIVE ones too
    struct list daemons;          // struct service.as_daemon
    struct list services_waiting; // struct service.waiting: a task of them found no place
    struct list tasks_waiting;    // struct task_wait.in_cluster, in creation order
    uint32_t tasks_waiting_n;
    struct list roomy;        // in state->clusters_roomy
    struct list unsettled;    // in state->clusters_unsettled: an update of it is in progress
    struct zone_tally *zones; // by name
    size_t zones_n;
    // By launch type.
    uint32_t services_active_n[ECS_LAUNCH_TYPE_N];
    uint32_t services_draining_n[ECS_LAUNCH_TYPE_N];
    struct expiry expiry; // waits while INACTIVE and empty
    // Not STOPPED, by lastStatus RUNNING or before it, and launch type.
    uint32_t running_n[ECS_LAUNCH_TYPE_N];
    uint32_t pending_n[ECS_LAUNCH_TYPE_N];
};

void cluster_apply(struct state *state, uint64_t id, const void *record);
void cluster_set_expiry(struct state *state, struct cluster *cluster); // for its members
void cluster_check_all(const struct state *state);

// The newest cluster of that name in that region, INACTIVE ones included; NULL when there is none.
struct cluster *cluster_find(const struct state *state, struct str region, struct str name);
struct cluster *cluster_get(const struct state *state, uint64_t id);

struct scope cluster_scope(const struct state *state, const struct cluster *cluster);
struct str cluster_arn(const struct state *state, const struct cluster *cluster,
                       struct arena *arena);
bool cluster_is_active(const struct cluster *cluster); // or about to be: PROVISIONING

// For instance.c: one more (by 1) or one less (by -1) ACTIVE instance in that zone. True when the
// zone came or went by that.
bool cluster_count_zone(struct cluster *cluster, struct str zone, int by);
// There is more room in the cluster: tasks that wait are to be tried again.
void cluster_mark_room(struct state *state, struct cluster *cluster);

// What DescribeClusters shows; `include` decides which optional parts are filled in.
enum cluster_include {
    CLUSTER_INCLUDE_ATTACHMENTS = 1 << 0,
    CLUSTER_INCLUDE_CONFIGURATIONS = 1 << 1,
    CLUSTER_INCLUDE_SETTINGS = 1 << 2,
    CLUSTER_INCLUDE_STATISTICS = 1 << 3,
    CLUSTER_INCLUDE_TAGS = 1 << 4,
};
void cluster_view(const struct state *state, const struct cluster *cluster, unsigned include,
                  struct arena *arena, struct ecs_cluster *out);

#endif
