#include "tests/support/launch.h"

#define PREFIX "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/"

static int setup(void **state)
{
    launch_setup(state);
    launch_add_instance(*state, "i1", 1024, 1024,
                        "[{\"name\":\"z\",\"value\":\"1\"},{\"name\":\"ecs.capability.a\"}]");
    launch_add_instance(*state, "i2", 1024, 1024, "[{\"name\":\"z\",\"value\":\"2\"}]");
    launch_add_instance(*state, "i3", 1024, 1024, "[{\"name\":\"z\"}]");
    return 0;
}

static struct str list(struct world *w, const char *more)
{
    return world_callf(w, "ListAttributes",
                       "{\"cluster\":\"demo\",\"targetType\":\"container-instance\"%s}", more);
}

static void every_attribute_is_listed_with_its_instance(void **state)
{
    EXPECT_JSON(*state, list(*state, ""),
                "{\"attributes\":["
                "{\"name\":\"ecs.capability.a\",\"targetId\":\"" PREFIX "i1\"},"
                "{\"name\":\"z\",\"value\":\"1\",\"targetId\":\"" PREFIX "i1\"},"
                "{\"name\":\"z\",\"value\":\"2\",\"targetId\":\"" PREFIX "i2\"},"
                "{\"name\":\"z\",\"targetId\":\"" PREFIX "i3\"}]}");
}

static void a_name_and_a_value_narrow_the_list(void **state)
{
    struct world *w = *state;

    assert_int_equal(launch_count(w, list(w, ",\"attributeName\":\"z\""), "attributes"), 3);
    EXPECT_JSON(w, list(w, ",\"attributeName\":\"z\",\"attributeValue\":\"2\""),
                "{\"attributes\":[{\"name\":\"z\",\"value\":\"2\",\"targetId\":\"" PREFIX
                "i2\"}]}");
    EXPECT_JSON(w, list(w, ",\"attributeName\":\"no\""), "{\"attributes\":[]}");
}

static void inactive_instances_have_none(void **state)
{
    struct world *w = *state;

    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    assert_int_equal(launch_count(w, list(w, ""), "attributes"), 2);
}

static void hosts_of_fargate_are_hidden(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "f1", 1024, 1024,
                        "[{\"name\":\"ecs.capability.fargate\",\"value\":\"FARGATE\"}]");
    assert_int_equal(launch_count(w, list(w, ""), "attributes"), 4);
    EXPECT_JSON(w, list(w, ",\"attributeName\":\"ecs.capability.fargate\""), "{\"attributes\":[]}");
}

// One by one, with whatever filter, every attribute comes once.
static int walked(struct world *w, const char *filter)
{
    struct str reply = list(w, arena_printf(&w->arena, "%s,\"maxResults\":1", filter));
    int n = launch_count(w, reply, "attributes");

    while (world_get(w, reply, "nextToken").len > 0) {
        reply = list(w, arena_printf(&w->arena, "%s,\"maxResults\":1,\"nextToken\":\"%.*s\"",
                                     filter, STR_ARGS(world_get(w, reply, "nextToken"))));
        n += launch_count(w, reply, "attributes");
    }
    return n;
}

static void pages_break_anywhere(void **state)
{
    assert_int_equal(walked(*state, ""), 4);
    assert_int_equal(walked(*state, ",\"attributeName\":\"z\""), 3);
}

static void a_page_goes_on_when_its_last_attribute_is_gone(void **state)
{
    struct world *w = *state;
    struct str token = world_get(w, list(w, ",\"maxResults\":2"), "nextToken");

    world_ok(w, "DeleteAttributes",
             "{\"cluster\":\"demo\",\"attributes\":[{\"name\":\"z\",\"targetId\":\"" PREFIX
             "i1\"}]}");
    EXPECT_STR(
        world_get(w, list(w, arena_printf(&w->arena, ",\"nextToken\":\"%.*s\"", STR_ARGS(token))),
                  "attributes.0.targetId"),
        PREFIX "i2");
}

static void bad_requests_are_refused(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "ListAttributes", "{\"cluster\":\"demo\",\"targetType\":\"task\"}",
                 "InvalidParameterException", "targetType must be container-instance");
    EXPECT_ERROR(w, "ListAttributes", "{\"cluster\":\"demo\"}", "InvalidParameterException",
                 "targetType must be container-instance");
    world_expect_error(w, list(w, ",\"attributeValue\":\"x\""), "InvalidParameterException",
                       "attributeName must be given when attributeValue is", __FILE__, __LINE__);
    world_expect_error(w, list(w, ",\"nextToken\":\"x\""), "InvalidParameterException",
                       "Invalid token.", __FILE__, __LINE__);
    EXPECT_ERROR(w, "ListAttributes", "{\"targetType\":\"container-instance\"}",
                 "ClusterNotFoundException", "Cluster not found.");
}

#define LIST_TEST(name) cmocka_unit_test_setup_teardown(name, setup, launch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LIST_TEST(every_attribute_is_listed_with_its_instance),
        LIST_TEST(a_name_and_a_value_narrow_the_list),
        LIST_TEST(inactive_instances_have_none),
        LIST_TEST(hosts_of_fargate_are_hidden),
        LIST_TEST(pages_break_anywhere),
        LIST_TEST(a_page_goes_on_when_its_last_attribute_is_gone),
        LIST_TEST(bad_requests_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
