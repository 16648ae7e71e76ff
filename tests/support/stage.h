// A world in which definitions, instances and tasks are put record by record, for the tests of
// sessions, payloads, reports and timers: they need no operation but CreateCluster and the Submits.

#ifndef TESTS_SUPPORT_STAGE_H
#define TESTS_SUPPORT_STAGE_H

#include "tests/support/world.h"

struct instance;
struct task;

int stage_setup(void **state); // a struct world with the ACTIVE cluster "demo"
int stage_teardown(void **state);
#define STAGE_TEST(f) cmocka_unit_test_setup_teardown(f, stage_setup, stage_teardown)

// An ACTIVE instance of "demo" with 4096 CPU units, 8192 MiB and two GPUs; nobody is connected.
struct str stage_instance(struct world *w);
// The next revision of `family`, from the JSON of a TaskDefinition; its id.
uint64_t stage_definition(struct world *w, const char *family, const char *json);
// Two containers: "main", essential, and "side", not.
uint64_t stage_plain_definition(struct world *w);

struct stage_plan {
    uint64_t definition;   // 0: stage_plain_definition
    const char *overrides; // JSON or NULL
    const char *group;
    enum ecs_launch_type launch_type; // UNSET: EC2
    bool exec;
};
// Starts a task on the instance in a tick of its own; its ARN.
struct str stage_task(struct world *w, struct str instance_arn, const struct stage_plan *plan);
void stage_stop(struct world *w, struct str task_arn, enum ecs_task_stop_code code,
                const char *reason);

struct instance *stage_find_instance(struct world *w, struct str arn);
struct task *stage_find_task(struct world *w, struct str arn); // NULL: forgotten
struct str stage_view(struct world *w, struct str task_arn);   // JSON as in DescribeTasks

// SubmitTaskStateChange with the members given, which must succeed.
void stage_submit(struct world *w, struct str task_arn, const char *members);

// What was sent since sent_n was `from`: how many of that name, and the last one's JSON.
size_t stage_sent(const struct world *w, size_t from, const char *name);
struct str stage_last(const struct world *w, const char *name);

// Telemetry, like world_connect and world_agent_says.
session_id stage_tcs_connect(struct world *w, const char *cluster, struct str instance_arn);
void stage_tcs_says(struct world *w, session_id session, struct str instance_arn, const char *kind,
                    const char *json);

// The record of a kind as JSON.
struct str stage_record(struct world *w, enum rec_kind kind, uint64_t id);
size_t stage_count(const struct world *w, enum rec_kind kind);

#endif
