// Task sets from CreateTaskSet to their end: what callers see while tasks come and go. The numbers
// are those of ecs-behaviour-scheduler 4.10 and 9.8.

#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/support/launch.h"

enum { SETTLED_MS = 40 * 1000 };

static struct str described(struct world *w)
{
    return world_call(w, "DescribeTaskSets", "{\"cluster\":\"demo\",\"service\":\"web\"}");
}

static struct str service(struct world *w)
{
    return world_call(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");
}

#define EXPECT_SET(w, path, want)     EXPECT_STR(world_get((w), described(w), (path)), (want))
#define EXPECT_SERVICE(w, path, want) EXPECT_STR(world_get((w), service(w), (path)), (want))

static void expect_done(struct world *w, struct str reply)
{
    EXPECT_STR(world_get(w, reply, "__type"), "");
}

static void create_service(struct world *w, int desired)
{
    launch_add_instance(w, "i1", 4096, 8192, "[]");
    launch_add_simple(w, "app", 10, 10);
    launch_add_simple(w, "next", 10, 10);
    expect_done(w, world_callf(w, "CreateService",
                               "{\"cluster\":\"demo\",\"serviceName\":\"web\",\"desiredCount\":%d,"
                               "\"deploymentController\":{\"type\":\"EXTERNAL\"}}",
                               desired));
}

// Returns its id.
static struct str create_set(struct world *w, const char *family, const char *scale)
{
    struct str reply =
        world_callf(w, "CreateTaskSet",
                    "{\"cluster\":\"demo\",\"service\":\"web\",\"taskDefinition\":\"%s\","
                    "\"scale\":{\"value\":%s,\"unit\":\"PERCENT\"}}",
                    family, scale);

    expect_done(w, reply);
    return world_get(w, reply, "taskSet.id");
}

static struct str on_set(struct world *w, const char *operation, const char *member, struct str id,
                         const char *more)
{
    return world_callf(w, operation, "{\"cluster\":\"demo\",\"service\":\"web\",\"%s\":\"%.*s\"%s}",
                       member, STR_ARGS(id), more);
}

// Every task there is runs or has stopped, as it should, for long enough.
static void settle(struct world *w)
{
    static const char *const statuses[] = {"RUNNING", "STOPPED"};

    for (int s = 0; s < 2; s++) {
        struct str list = world_callf(w, "ListTasks",
                                      "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                      "\"desiredStatus\":\"%s\"}",
                                      statuses[s]);
        int n = launch_count(w, list, "taskArns");

        for (int i = 0; i < n; i++) {
            const char *path = str_cstr(&w->arena, str_fmt(&w->arena, "taskArns.%d", i));
            launch_report(w, world_get(w, list, path), statuses[s]);
        }
    }
    world_advance(w, SETTLED_MS);
}

static void each_set_has_its_share(void **state)
{
    struct world *w = *state;

    create_service(w, 10);
    on_set(w, "UpdateServicePrimaryTaskSet", "primaryTaskSet", create_set(w, "app", "100"), "");
    create_set(w, "next", "25");
    settle(w);
    EXPECT_SET(w, "taskSets.0.computedDesiredCount", "10");
    EXPECT_SET(w, "taskSets.0.runningCount", "10");
    EXPECT_SET(w, "taskSets.1.computedDesiredCount", "3");
    EXPECT_SET(w, "taskSets.1.runningCount", "3");
    EXPECT_SERVICE(w, "services.0.desiredCount", "10");
    EXPECT_SERVICE(w, "services.0.runningCount", "13");
    expect_done(w, world_call(w, "UpdateService",
                              "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":4}"));
    settle(w);
    settle(w);
    EXPECT_SET(w, "taskSets.0.runningCount", "4");
    EXPECT_SET(w, "taskSets.1.runningCount", "1");
    EXPECT_SERVICE(w, "services.0.runningCount", "5");
    EXPECT_SERVICE(w, "services.0.events.0.message", "(service web) has reached a steady state.");
}

static void shares_are_rounded_up_in_decimal(void **state)
{
    static const struct {
        int desired;
        const char *scale;
        const char *computed;
    } rows[] = {
        {1, "50", "1"},    {3, "33.3", "1"}, {5, "24", "2"}, {6, "20", "2"},
        {10, "12.5", "2"}, {4, "100", "4"},  {9, "0", "0"},
    };
    struct world *w = *state;

    create_service(w, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str id;

        world_callf(w, "UpdateService",
                    "{\"cluster\":\"demo\",\"service\":\"web\",\"desiredCount\":%d}",
                    rows[i].desired);
        id = create_set(w, "app", rows[i].scale);
        EXPECT_SET(w, "taskSets.0.computedDesiredCount", rows[i].computed);
        expect_done(w, on_set(w, "DeleteTaskSet", "taskSet", id, ",\"force\":true"));
        settle(w);
        EXPECT_SET(w, "taskSets.0.id", "");
    }
}

static void the_primary_set_stands_for_the_service(void **state)
{
    struct world *w = *state;
    struct str first;
    struct str second;

    create_service(w, 1);
    EXPECT_SERVICE(w, "services.0.taskDefinition", "");
    first = create_set(w, "app", "100");
    second = create_set(w, "next", "100");
    EXPECT_SERVICE(w, "services.0.launchType", "");
    expect_done(w, on_set(w, "UpdateServicePrimaryTaskSet", "primaryTaskSet", first, ""));
    EXPECT_SERVICE(w, "services.0.launchType", "EC2");
    EXPECT_SET(w, "taskSets.0.status", "PRIMARY");
    expect_done(w, on_set(w, "UpdateServicePrimaryTaskSet", "primaryTaskSet", second, ""));
    EXPECT_SET(w, "taskSets.0.status", "ACTIVE");
    EXPECT_SET(w, "taskSets.1.status", "PRIMARY");
    EXPECT_SERVICE(w, "services.0.taskDefinition",
                   "arn:aws:ecs:us-east-1:123456789012:task-definition/next:1");
}

static void a_set_is_steady_when_its_tasks_run(void **state)
{
    struct world *w = *state;
    struct str id;

    create_service(w, 2);
    id = create_set(w, "app", "50");
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STABILIZING");
    settle(w);
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STEADY_STATE");
    on_set(w, "UpdateTaskSet", "taskSet", id, ",\"scale\":{\"value\":100,\"unit\":\"PERCENT\"}");
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STABILIZING");
    EXPECT_SET(w, "taskSets.0.pendingCount", "1");
    settle(w);
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STEADY_STATE");
    launch_report(
        w,
        world_get(w, world_call(w, "ListTasks", "{\"cluster\":\"demo\",\"serviceName\":\"web\"}"),
                  "taskArns.0"),
        "STOPPED");
    world_advance(w, 0);
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STABILIZING");
    EXPECT_SET(w, "taskSets.0.pendingCount", "1");
    settle(w);
    EXPECT_SET(w, "taskSets.0.stabilityStatus", "STEADY_STATE");
}

static void a_deleted_set_is_gone_with_its_last_task(void **state)
{
    struct world *w = *state;
    struct str id;

    create_service(w, 2);
    id = create_set(w, "app", "100");
    create_set(w, "next", "50");
    settle(w);
    EXPECT_STR(world_get(w, on_set(w, "DeleteTaskSet", "taskSet", id, ""), "__type"),
               "InvalidParameterException");
    expect_done(w, on_set(w, "DeleteTaskSet", "taskSet", id, ",\"force\":true"));
    EXPECT_SET(w, "taskSets.0.status", "DRAINING");
    EXPECT_SET(w, "taskSets.0.runningCount", "2");
    settle(w);
    EXPECT_SET(w, "taskSets.0.taskDefinition",
               "arn:aws:ecs:us-east-1:123456789012:task-definition/next:1");
    EXPECT_SET(w, "taskSets.1.id", "");
    EXPECT_SET(w, "taskSets.0.runningCount", "1");
}

static void a_deleted_service_takes_its_sets_along(void **state)
{
    struct world *w = *state;

    create_service(w, 2);
    create_set(w, "app", "100");
    settle(w);
    expect_done(w, world_call(w, "DeleteService",
                              "{\"cluster\":\"demo\",\"service\":\"web\",\"force\":true}"));
    settle(w);
    EXPECT_SERVICE(w, "services.0.status", "INACTIVE");
    EXPECT_SERVICE(w, "services.0.taskSets.0.id", "");
    world_advance(w, TIME_HOUR_MS + 1);
    EXPECT_SERVICE(w, "failures.0.reason", "MISSING");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(each_set_has_its_share),
        LAUNCH_TEST(shares_are_rounded_up_in_decimal),
        LAUNCH_TEST(the_primary_set_stands_for_the_service),
        LAUNCH_TEST(a_set_is_steady_when_its_tasks_run),
        LAUNCH_TEST(a_deleted_set_is_gone_with_its_last_task),
        LAUNCH_TEST(a_deleted_service_takes_its_sets_along),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
