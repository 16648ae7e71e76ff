// The state of the control plane: every entity, its indices, and the journal of what changed.
//
// The idea. An entity is a frozen record (a generated structure of api/store.idl, in one heap block
// that is never written again) plus index links. State changes in one way only: state_put replaces
// an entity's record, state_remove takes it away. Both go through that kind's apply function, which
// unlinks the old record from every index and links the new one. Recovery loads the stored records
// through the same functions, so what a restart sees is what was decided.
//
// The journal. Every put and remove notes the record that was there before. From that follow:
//   - a batch: state_take_batch gives the records to commit (each entity once, its newest value);
//   - a savepoint: an operation that fails half-way is undone by state_undo_to;
//   - a failed commit is undone the same way, newest batch first;
//   - replies may point into records: a replaced record is only freed with batch_free, after
//     everything of its batch has been sent.
//
// Only the core thread touches a state. Entities hold ids of each other, not pointers: look them
// up.

#ifndef MODEL_STATE_H
#define MODEL_STATE_H

#include "api/store.h"
#include "base/idtable.h"
#include "base/list.h"
#include "base/timefmt.h"
#include "model/arn.h"
#include "model/expiry.h"
#include "model/uid_index.h"

struct arena;
struct cluster;
struct family_order;
struct rng;
struct run_token;
struct account_setting;
struct service;
struct instance;
struct provider;
struct task;
struct task_definition;

// What an operator says of the machines behind a capacity provider: how many there may be, and what
// one offers, for when none is registered; 0: not known.
struct provider_limits {
    struct str provider; // name
    int64_t size_min;
    int64_t size_max;
    int64_t cpu_units;
    int64_t memory_mib;
    int64_t gpus;
};

// What an operator sets; constant while the server runs.
struct state_config {
    struct str partition;         // "aws"
    struct str account;           // twelve digits
    struct str zone;              // availability zone of instances; empty: "<region>a"
    time_ms stopped_task_keep_ms; // how long STOPPED tasks stay readable
    size_t stopped_tasks_max;     // and how many of them, so that memory is bounded; 0: any number
    time_ms inactive_keep_ms;     // likewise INACTIVE clusters and instances
    time_ms definition_delete_ms; // least time a definition stays DELETE_IN_PROGRESS
    const struct provider_limits *limits; // outlive the state
    size_t limits_n;
    bool has_alarms;  // there is a source of alarms
    bool has_traffic; // somebody moves the traffic of load balancers
};

extern const struct state_config state_config_default;

struct journal_entry {
    enum rec_kind kind;
    bool first; // first change of this entity in its batch
    uint64_t id;
    const void *before; // NULL: there was none
    const void *after;  // NULL: removed
};

struct journal {
    struct journal_entry *at;
    size_t n;
    size_t cap;
};

struct state {
    struct state_config config;

    struct idtable entities[REC_KIND_N]; // of struct entity, by kind and id
    uint64_t next_id[REC_KIND_N];        // never handed out twice while this process lives

    // Indices, each kept by the registry that owns the entity.
    struct cluster *clusters_by_name;        // cluster.h
    struct family_order *families_in_order;  // task_definition.h
    struct instance *instances_by_uid;       // instance.h
    struct instance *instances_by_token;     // instance.h, registered ones with a client token
    struct uid_index tasks_by_uid;           // task.h
    struct run_token *tokens_by_key;         // run_token.h
    struct account_setting *settings_by_key; // account_setting.h
    struct service *services_by_key;         // service.h
    struct provider *providers_by_key;       // provider.h
    struct list clusters;                    // in creation order
    struct expiry_heap expiries;             // what is forgotten when; core/timers.h
    struct expiry_heap stopped;              // likewise STOPPED tasks, in a heap of their own
    struct expiry_heap wakes;                // which service time alone will change, and when
    struct list services_dirty;              // struct service.dirty, in the order of marking
    struct expiry_heap minutes;              // when managed scaling looks at which provider
    struct expiry_heap waits;                // when which task stops waiting for an instance
    struct expiry_heap role_keys;            // when which agent is sent fresh keys of roles
    struct list clusters_roomy;              // struct cluster.roomy: tasks wait, and room has come
    struct list clusters_unsettled;          // struct cluster.unsettled
    struct list providers_unsettled;         // struct provider.unsettled
    int64_t life;                            // drawn when first asked for; state_life

    struct journal journal; // of the batch being decided
    uint64_t batch;         // its number
};

// What every entity starts with.
struct entity {
    uint64_t id;
    enum rec_kind kind;
    uint64_t touched_batch; // batch of its newest change
    const void *record;     // frozen; points at struct rec_<kind>
};

void state_init(struct state *state, const struct state_config *config);
void state_deinit(struct state *state); // frees everything, the journal included

// A number of this life of the server, never 0, which no earlier one had. What was asked of others
// in an earlier life is asked again.
int64_t state_life(struct state *state, struct rng *rng);
// Ticks were undone, and with them what they would have asked, whether they wrote or not: another
// life begins, and every service is looked at.
void state_begin_life(struct state *state);

// A fresh id for a new entity of this kind: one more than any before it.
uint64_t state_new_id(struct state *state, enum rec_kind kind);

// Freezes a copy of *record and makes it the entity's value (creating the entity when new).
void state_put(struct state *state, enum rec_kind kind, uint64_t id, const void *record);
void state_remove(struct state *state, enum rec_kind kind, uint64_t id);

// Recovery only: the record takes part in no batch.
void state_load(struct state *state, enum rec_kind kind, uint64_t id, const void *record);

struct entity *state_get(const struct state *state, enum rec_kind kind, uint64_t id); // NULL: none

// Savepoints inside the batch being decided.
size_t state_mark(const struct state *state);
void state_undo_to(struct state *state, size_t mark);

// One record to commit. `value` stays valid until the batch is freed; NULL says delete.
struct batch_write {
    enum rec_kind kind;
    uint64_t id;
    const void *value;
};

// The finished batch: its writes, and its journal for undoing it. Owned by the caller until
// batch_free or batch_undo. Taking it starts the next one.
struct batch {
    uint64_t number;
    struct batch_write *writes;
    size_t writes_n;
    struct journal journal;
};

struct batch state_take_batch(struct state *state);

// After the commit and after everything that may point into old records has been sent. Safe on any
// thread: it touches no state.
void batch_free(struct batch *batch);

// The commit failed: restores what was before. Newest batch first; `open` (the batch being decided)
// must have been undone to 0 before. The batch is freed.
void batch_undo(struct state *state, struct batch *batch);

// Checks every invariant that spans entities (books equal the sum of reservations, counts equal the
// tasks there are). Costs O(everything): after recovery, in tests, in the simulator.
void state_check(const struct state *state);

#endif
