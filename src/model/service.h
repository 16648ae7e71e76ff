// Services: the entity, its registry by cluster and name, what belongs to it, its counts.
//
// One name of a cluster has at most one record: creating an INACTIVE name again removes what was
// there. Tasks hold the ids of their service and deployment, and may outlive both once STOPPED.

#ifndef MODEL_SERVICE_H
#define MODEL_SERVICE_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/state.h"

struct cluster;
struct instance;
struct task;

struct service {
    struct entity entity;
    const struct rec_service *rec;
    uint64_t cluster_id;
    struct str key; // "<cluster id>/<name>", memory of the service
    UT_hash_handle by_key;
    struct list in_cluster; // creation order, INACTIVE ones too
    // What belongs to it (deployment.h), each in creation order.
    struct list revisions;
    struct list deployments;
    struct list service_deployments;
    struct list events;
    struct list tasks; // struct task.in_service: those that are not STOPPED
    uint32_t events_n;
    uint32_t running_n;   // of `tasks`: RUNNING and what comes after
    uint32_t pending_n;   // of `tasks`: before RUNNING
    struct expiry expiry; // waits while INACTIVE

    // Volatile: what core/reconcile.h has to look at, and when. Everything is looked at after a
    // restart.
    struct list as_daemon; // in its cluster's daemons, while ACTIVE
    struct list dirty;     // in state->services_dirty: something of it has changed
    struct list waiting;   // in its cluster's services_waiting: a task of it found no place
    struct expiry wake;    // in state->wakes: time alone will change something
};

void service_apply(struct state *state, uint64_t id, const void *record);
void service_check_all(const struct state *state);

struct service *service_get(const struct state *state, uint64_t id);
// Of any status; NULL when there is none.
struct service *service_find(const struct state *state, const struct cluster *cluster,
                             struct str name);
// The service of the cluster that was created next after the one with that id; NULL at the end.
struct service *service_next(const struct state *state, const struct cluster *cluster,
                             uint64_t after);

// For task.c: the task's counts and lists are taken out before its record changes and put back
// behind it.
void service_drop_task(struct state *state, struct task *task, bool stays);
void service_take_task(struct state *state, struct task *task);

// Notes that something the service depends on has changed.
void service_mark(struct state *state, struct service *service);
// There is more room in the cluster: marks the services that found no place.
void services_mark_room(struct state *state, struct cluster *cluster);
// An instance came, went or became another: marks the services with tasks on it, the DAEMON ones,
// and those that found no place.
void services_mark_instance(struct state *state, struct instance *instance);
// Another task left an instance: its daemons may be the last ones there.
void services_mark_daemons(struct state *state, struct cluster *cluster);
// A zone came or went: marks the services that keep a balance over zones.
void services_mark_zones(struct state *state, struct cluster *cluster);

struct str service_arn(const struct state *state, const struct service *service,
                       struct arena *arena);

enum service_include { SERVICE_INCLUDE_TAGS = 1 << 0 };
void service_view(const struct state *state, const struct service *service, unsigned include,
                  struct arena *arena, struct ecs_service *out);

#endif
