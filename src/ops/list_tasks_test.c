#include "tests/support/launch.h"

#include "model/cluster.h"
#include "model/task.h"

static struct str run(struct world *w, const char *more)
{
    struct str reply = world_ok(
        w, "RunTask",
        arena_printf(&w->arena, "{\"cluster\":\"demo\",\"taskDefinition\":\"web\"%s}", more));

    return launch_task_arn(w, reply, 0);
}

static void populate(struct world *w)
{
    launch_add_instance(w, "a1", 100000, 100000, "[]");
    launch_add_simple(w, "web", 10, 10);
}

static struct str list(struct world *w, const char *more)
{
    return world_ok(w, "ListTasks", arena_printf(&w->arena, "{\"cluster\":\"demo\"%s}", more));
}

static int listed(struct world *w, const char *more)
{
    return launch_count(w, list(w, more), "taskArns");
}

static void running_tasks_are_listed_by_default(void **state)
{
    struct world *w = *state;
    struct str first;

    EXPECT_REPLY(w, "ListTasks", "{\"cluster\":\"demo\"}", "{\"taskArns\":[]}");
    populate(w);
    first = run(w, "");
    run(w, "");
    EXPECT_STR(world_get(w, list(w, ""), "taskArns.0"), str_cstr(&w->arena, first));
    assert_int_equal(listed(w, ""), 2);
    world_ok(w, "StopTask",
             arena_printf(&w->arena, "{\"cluster\":\"demo\",\"task\":\"%.*s\"}", STR_ARGS(first)));
    assert_int_equal(listed(w, ",\"desiredStatus\":\"RUNNING\""), 1);
    assert_int_equal(listed(w, ",\"desiredStatus\":\"PENDING\""), 0);
    EXPECT_STR(world_get(w, list(w, ",\"desiredStatus\":\"STOPPED\""), "taskArns.0"),
               str_cstr(&w->arena, first));
}

static void filters_narrow_together(void **state)
{
    struct world *w = *state;

    populate(w);
    launch_add_instance(w, "e1", 1000, 1000, "[{\"name\":\"ecs.capability.external\"}]");
    launch_add_simple(w, "db", 1, 1);
    run(w, ",\"startedBy\":\"me\"");
    run(w, ",\"launchType\":\"EXTERNAL\"");
    world_ok(w, "RunTask", "{\"cluster\":\"demo\",\"taskDefinition\":\"db\"}");
    assert_int_equal(listed(w, ",\"family\":\"web\""), 2);
    assert_int_equal(listed(w, ",\"family\":\"we\""), 0);
    assert_int_equal(listed(w, ",\"launchType\":\"EXTERNAL\""), 1);
    assert_int_equal(listed(w, ",\"containerInstance\":\"a1\""), 2);
    assert_int_equal(listed(w, ",\"containerInstance\":\"a1\",\"family\":\"db\""), 1);
    assert_int_equal(listed(w, ",\"containerInstance\":\"a1\",\"desiredStatus\":\"STOPPED\""), 0);
    assert_int_equal(listed(w, ",\"startedBy\":\"me\",\"desiredStatus\":\"RUNNING\""), 1);
    assert_int_equal(listed(w, ",\"startedBy\":\"you\""), 0);
}

static void bad_filters_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"startedBy\":\"me\",\"family\":\"web\"}",
                 "InvalidParameterException", "startedBy must be the only filter.");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"serviceName\":\"s\"}",
                 "ServiceNotFoundException", "Service not found.");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"containerInstance\":\"i\"}",
                 "InvalidParameterException", "Referenced container instance i not found.");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"desiredStatus\":\"DEAD\"}",
                 "InvalidParameterException",
                 "desiredStatus should be one of [RUNNING,PENDING,STOPPED]");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"maxResults\":101}",
                 "InvalidParameterException", "maxResults must be between 1 and 100");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"demo\",\"nextToken\":\"x\"}",
                 "InvalidParameterException", "Invalid token.");
    EXPECT_ERROR(w, "ListTasks", "{\"cluster\":\"nope\"}", "ClusterNotFoundException",
                 "Cluster not found.");
}

// Walks all pages of two; between pages the tasks named in `stops` (by their number) stop. Returns
// the numbers in the order they were listed.
static struct str walk(struct world *w, const struct str *arns, size_t n, const char *filter,
                       const size_t *stops, size_t stops_n)
{
    struct str out = STR_NONE;
    struct str token = STR_NONE;
    size_t stopped = 0;

    do {
        struct str page = list(w, arena_printf(&w->arena, ",\"maxResults\":2%s%s%.*s%s", filter,
                                               token.len > 0 ? ",\"nextToken\":\"" : "",
                                               STR_ARGS(token), token.len > 0 ? "\"" : ""));
        for (int i = 0; i < launch_count(w, page, "taskArns"); i++) {
            struct str arn = world_get(w, page, arena_printf(&w->arena, "taskArns.%d", i));
            for (size_t k = 0; k < n; k++) {
                if (str_eq(arns[k], arn))
                    out = str_fmt(&w->arena, "%.*s%zu", STR_ARGS(out), k);
            }
        }
        token = world_get(w, page, "nextToken");
        if (stopped < stops_n)
            launch_report(w, arns[stops[stopped++]], "STOPPED");
    } while (token.len > 0);
    return out;
}

static void pages_stay_in_step_while_tasks_go(void **state)
{
    struct world *w = *state;
    struct str arns[7];

    populate(w);
    for (size_t i = 0; i < 7; i++)
        arns[i] = run(w, "");
    EXPECT_STR(walk(w, arns, 7, "", NULL, 0), "0123456");
    EXPECT_STR(walk(w, arns, 7, ",\"containerInstance\":\"a1\"", NULL, 0), "0123456");
    EXPECT_STR(walk(w, arns, 7, "", (size_t[]){1, 4}, 2), "012356");
    EXPECT_STR(walk(w, arns, 7, ",\"desiredStatus\":\"STOPPED\"", NULL, 0), "14");
    EXPECT_STR(walk(w, arns, 7, ",\"desiredStatus\":\"STOPPED\"", (size_t[]){0}, 1), "14");
    EXPECT_STR(walk(w, arns, 7, ",\"desiredStatus\":\"STOPPED\"", NULL, 0), "140");
}

static void tasks_of_a_service_come_in_pages(void **state)
{
    struct world *w = *state;
    struct str arns[5];
    struct str all;

    populate(w);
    run(w, ""); // not of the service
    world_ok(w, "CreateService",
             "{\"cluster\":\"demo\",\"serviceName\":\"shop\",\"taskDefinition\":\"web\","
             "\"desiredCount\":5}");
    world_advance(w, 1000);
    all = list(w, ",\"serviceName\":\"shop\"");
    assert_int_equal(launch_count(w, all, "taskArns"), 5);
    for (size_t i = 0; i < 5; i++)
        arns[i] = world_get(w, all, arena_printf(&w->arena, "taskArns.%zu", i));
    EXPECT_STR(walk(w, arns, 5, ",\"serviceName\":\"shop\"", NULL, 0), "01234");
    EXPECT_STR(walk(w, arns, 5, ",\"serviceName\":\"shop\",\"containerInstance\":\"a1\"", NULL, 0),
               "01234");
}

static void the_last_page_has_no_token(void **state)
{
    struct world *w = *state;

    populate(w);
    run(w, "");
    run(w, "");
    EXPECT_STR(world_get(w, list(w, ",\"maxResults\":2"), "nextToken"), "");
    assert_true(world_get(w, list(w, ",\"maxResults\":1"), "nextToken").len > 0);
}

// A call that fails behind its changes leaves the lists in order.
static void an_undone_stop_keeps_the_order(void **state)
{
    struct world *w = *state;
    struct str arns[3];
    size_t mark;

    populate(w);
    for (size_t i = 0; i < 3; i++)
        arns[i] = run(w, "");
    mark = state_mark(&w->state);
    launch_report(w, arns[1], "STOPPED");
    state_undo_to(&w->state, mark);
    EXPECT_STR(walk(w, arns, 3, "", NULL, 0), "012");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(running_tasks_are_listed_by_default),
        LAUNCH_TEST(filters_narrow_together),
        LAUNCH_TEST(bad_filters_are_refused),
        LAUNCH_TEST(pages_stay_in_step_while_tasks_go),
        LAUNCH_TEST(tasks_of_a_service_come_in_pages),
        LAUNCH_TEST(the_last_page_has_no_token),
        LAUNCH_TEST(an_undone_stop_keeps_the_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
