// Which definition a launch is made from. RunTask is the one that asks here; with no instance in
// its cluster it fails after it has found one.

#include "tests/support/patch.h"

#define FOUND "No Container Instances were found in your cluster."

static int setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    *state = w;
    world_ok(w, "CreateCluster", "{}");
    world_ok(w, "RegisterTaskDefinition", patched_definition(w, NULL, NULL, NULL));
    world_ok(w, "RegisterTaskDefinition", patched_definition(w, NULL, NULL, NULL));
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static struct str said(struct world *w, const char *reference)
{
    return world_get(w, world_callf(w, "RunTask", "{\"taskDefinition\":\"%s\"}", reference),
                     "message");
}

static void deregister(struct world *w, const char *reference)
{
    world_ok(w, "DeregisterTaskDefinition",
             str_fmt(&w->arena, "{\"taskDefinition\":\"%s\"}", reference).ptr);
}

static void active_revisions_are_found(void **state)
{
    EXPECT_STR(said(*state, "f"), FOUND);
    EXPECT_STR(said(*state, "f:1"), FOUND);
    EXPECT_STR(said(*state, "arn:aws:ecs:us-east-1:123456789012:task-definition/f"), FOUND);
    EXPECT_STR(said(*state, "arn:aws:ecs:us-east-1:123456789012:task-definition/f:2"), FOUND);
}

static void what_is_not_there_is_not_found(void **state)
{
    EXPECT_STR(said(*state, "g"), "TaskDefinition not found.");
    EXPECT_STR(said(*state, "f:3"), "TaskDefinition not found.");
    EXPECT_STR(said(*state, "arn:aws:ecs:eu-west-1:123456789012:task-definition/f"),
               "TaskDefinition not found.");
    EXPECT_STR(said(*state, "f:two"), "Invalid revision number. Number: two");
}

static void a_family_means_its_newest_active_revision(void **state)
{
    deregister(*state, "f:2");
    EXPECT_STR(said(*state, "f"), FOUND);
    deregister(*state, "f:1");
    EXPECT_STR(said(*state, "f"), "TaskDefinition not found.");
}

static void what_is_on_its_way_out_is_not_launched(void **state)
{
    deregister(*state, "f:1");
    EXPECT_STR(said(*state, "f:1"), "TaskDefinition is inactive");
    world_ok(*state, "DeleteTaskDefinitions", J({"taskDefinitions" : ["f:1"]}));
    EXPECT_STR(said(*state, "f:1"), "TaskDefinition is inactive");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(active_revisions_are_found),
        TEST(what_is_not_there_is_not_found),
        TEST(a_family_means_its_newest_active_revision),
        TEST(what_is_on_its_way_out_is_not_launched),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
