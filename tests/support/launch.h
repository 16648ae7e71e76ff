// What tests of launches need in a world: instances and definitions, put there directly, so that
// these tests hold whatever registration does.

#ifndef TESTS_SUPPORT_LAUNCH_H
#define TESTS_SUPPORT_LAUNCH_H

#include "tests/support/world.h"

struct instance;

int launch_setup(void **state); // *state is a struct world with the cluster "demo"
int launch_teardown(void **state);

// An ACTIVE, connected instance of "demo" with this uid. `attributes` is a JSON list.
struct instance *launch_add_instance(struct world *w, const char *uid, int cpu, int memory,
                                     const char *attributes);
// The next ACTIVE revision of a family; `json` is a task definition.
void launch_add_definition(struct world *w, const char *family, const char *json);
// The usual one: container "main" with these sizes, compatible with EC2 and EXTERNAL.
void launch_add_simple(struct world *w, const char *family, int cpu, int memory);

// ARN of task i of a RunTask or StartTask reply.
struct str launch_task_arn(struct world *w, struct str reply, int i);
// How many entries a list in the reply has.
int launch_count(struct world *w, struct str reply, const char *list);
// What the agent does: the task of that ARN is now in this state. Stopped ones return what they
// held.
void launch_report(struct world *w, struct str task_arn, const char *status);

#define LAUNCH_TEST(name) cmocka_unit_test_setup_teardown(name, launch_setup, launch_teardown)

#endif
