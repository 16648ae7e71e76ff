// Container instances: the entity (two records: what was registered, and the small state that
// changes with every placement), its books, its tasks, its view.

#ifndef MODEL_INSTANCE_H
#define MODEL_INSTANCE_H

#include "api/ecs.h"
#include "base/map.h"
#include "model/group_counts.h"
#include "model/reservation.h"
#include "model/state.h"

struct cluster;
struct roster_class;

// What an instance's agent last said of its container runtime.
struct instance_runtime {
    enum ecs_instance_health_check_state state; // UNSET: nothing yet
    struct str reason;                          // memory of the instance; empty: none
    time_ms changed_at, told_at;
};

struct instance {
    struct entity entity;       // of the Instance record
    struct entity state_entity; // of the InstanceState record, same id
    const struct rec_instance *rec;
    const struct rec_instance_state *st; // NULL only between the two puts of a registration
    uint64_t cluster_id;
    struct str uid; // memory of the instance
    UT_hash_handle by_uid;
    struct str token_key; // "<cluster id>/<client token>", memory of the instance; empty: unlisted
    UT_hash_handle by_token;
    struct list in_cluster;
    struct str provider;        // of rec: the capacity provider it says it belongs to; empty: none
    struct str zone;            // of rec: its Availability Zone; empty: it names none
    bool is_fargate;            // of rec: it serves FARGATE, and callers do not see it
    bool is_in_tally;           // counted among the ACTIVE ones of `zone`
    struct roster_class *class; // of its attributes
    uint32_t slot;              // in the cluster's roster
    struct list tasks; // struct task.on_instance: every task placed here that is not STOPPED
    struct books books;
    const struct ecs_attribute **attributes; // of rec, by name
    struct group_counts groups;              // of the tasks here with desiredStatus RUNNING
    uint32_t wanted_n;    // tasks here with desiredStatus RUNNING: runningTasksCount
    uint32_t pending_n;   // tasks here with lastStatus before RUNNING: pendingTasksCount
    uint32_t records_n;   // task records that name it, STOPPED ones included
    struct expiry expiry; // waits while INACTIVE and named by no task
    const struct rec_instance_state *untold; // only while core/events.h looks at a batch

    // Volatile: gone with the process, true again when the agent is back.
    uint64_t session;           // its ACS session; 0: not connected. Set by instance_set_session
    uint64_t telemetry_session; // its TCS session; 0: none
    struct list unacknowledged; // struct task.unacknowledged, by sequence
    bool relays_exec;           // the agent of its ACS session can (core/exec.h)
    struct instance_runtime runtime;
};

void instance_apply(struct state *state, uint64_t id, const void *record);
void instance_state_apply(struct state *state, uint64_t id, const void *record);
void instance_set_expiry(struct state *state, struct instance *instance); // for task.c
// Which ACS session it has; 0: none.
void instance_set_session(struct state *state, struct instance *instance, uint64_t session);
// Its agent's word on the container runtime; the first KiB of `reason` is copied.
void instance_note_runtime(struct instance *instance, enum ecs_instance_health_check_state state,
                           struct str reason, time_ms changed_at, time_ms now);
void instance_check_all(const struct state *state);

struct instance *instance_get(const struct state *state, uint64_t id);
struct instance *instance_find_uid(const struct state *state, struct str uid);

// The registered instance of that cluster that was last registered with this client token. NULL:
// none.
struct instance *instance_find_token(const struct state *state, uint64_t cluster_id,
                                     struct str token);

// The first instance of the cluster with an id greater than `after`, INACTIVE ones included; NULL
// at the end. One step when `after` is an instance of the cluster.
struct instance *instance_next(const struct state *state, const struct cluster *cluster,
                               uint64_t after);

bool instance_is_registered(const struct instance *instance); // ACTIVE or DRAINING
bool instance_is_connected(const struct instance *instance);
bool instance_is_fargate(const struct instance *instance);

// The attribute of that name, NULL when the instance has none.
const struct ecs_attribute *instance_attribute(const struct instance *instance, struct str name);

struct str instance_arn(const struct state *state, const struct instance *instance,
                        struct arena *arena);

enum instance_include { INSTANCE_INCLUDE_TAGS = 1 << 0, INSTANCE_INCLUDE_HEALTH = 1 << 1 };
void instance_view(const struct state *state, const struct instance *instance, unsigned include,
                   struct arena *arena, struct ecs_container_instance *out);

#endif
