// What tests of services need beside launches (launch.h): a service "web" of the cluster "demo",
// its tasks, and what becomes of them.

#ifndef TESTS_SUPPORT_SERVICES_H
#define TESTS_SUPPORT_SERVICES_H

#include "tests/support/launch.h"

enum { SERVICE_SETTLED_MS = 40 * 1000, SERVICE_TASKS_MAX = 32 };

// `more` are further members of the request, each with a comma before it. Both calls must succeed.
void service_create(struct world *w, const char *definition, const char *more);
void service_update(struct world *w, const char *more);

// A member of the service as DescribeServices shows it, "deployments.0.rolloutState".
struct str service_get_member(struct world *w, const char *path);
#define EXPECT_WEB(w, path, want) EXPECT_STR(service_get_member((w), (path)), (want))

// ARNs of its tasks with that desired status: how many there are.
int service_tasks(struct world *w, const char *desired, struct str *arns);
// A member of a task as DescribeTasks shows it.
struct str service_task_member(struct world *w, struct str arn, const char *path);
// How many of its tasks that are to go on were made of that definition ("app:1").
int service_count(struct world *w, const char *definition);

// What agents say.
void service_report(struct world *w, struct str arn, const char *status);
void service_report_all(struct world *w, const char *desired, const char *status);
// What is to stop has, what is to run does, long enough to count.
void service_settle(struct world *w);
// Every task that has not started fails to.
void service_fail_pending(struct world *w);

#endif
