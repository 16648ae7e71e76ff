// A state to which records are put one by one, for the tests of this room. Ids are handed out in
// order, so the first cluster, instance, task, ... has id 1.

#ifndef MODEL_STATE_TESTING_H
#define MODEL_STATE_TESTING_H

#include "base/arena.h"
#include "model/state.h"

struct records {
    struct state state;
    struct arena arena;
};

enum { RECORDS_NOW = 1000 }; // the time in records that need one

// With an empty state, or with cluster 1 "demo" and family 1 "web" with definition 1, which needs
// 100 CPU units, 200 MiB and the TCP port 80.
void records_init(struct records *r);
void records_init_demo(struct records *r);
void records_deinit(struct records *r); // checks the state before

uint64_t records_cluster(struct records *r, const char *name);
void records_set_cluster(struct records *r, uint64_t id, const char *name,
                         enum rec_cluster_status status);
uint64_t records_family(struct records *r, const char *name);
uint64_t records_definition(struct records *r, uint64_t family, int revision, int cpu, int memory,
                            int port);
void records_set_definition(struct records *r, uint64_t id, uint64_t family, int revision,
                            enum ecs_task_definition_status status);

uint64_t records_instance(struct records *r, uint64_t cluster, int cpu, int memory);
void records_set_instance(struct records *r, uint64_t id, uint64_t cluster, int cpu, int memory);
void records_set_instance_state(struct records *r, uint64_t id, enum rec_instance_status status);

// What a test says about a task; the rest follows from the id: its group is "group<id % 3>", and
// one with an odd id was started by "starter<id % 3>". definition 0 stands for 1.
struct task_facts {
    uint64_t cluster;
    uint64_t instance; // 0: not placed
    uint64_t definition;
    enum rec_task_status last;
    enum rec_task_status desired;
};
uint64_t records_task(struct records *r, const struct task_facts *facts);
void records_set_task(struct records *r, uint64_t id, const struct task_facts *facts);

// Commits what is in the open batch, successfully.
void records_commit(struct records *r);

#endif
