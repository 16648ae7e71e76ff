#include "tests/support/launch.h"

#define PREFIX "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/"

static void add_three(struct world *w)
{
    launch_add_instance(w, "i1", 1024, 1024, "[{\"name\":\"stack\",\"value\":\"blue\"}]");
    launch_add_instance(w, "i2", 1024, 1024, "[{\"name\":\"stack\",\"value\":\"green\"}]");
    launch_add_instance(w, "i3", 1024, 1024, "[]");
}

static struct str list(struct world *w, const char *more)
{
    return world_callf(w, "ListContainerInstances", "{\"cluster\":\"demo\"%s}", more);
}

static void all_but_inactive_ones_are_listed(void **state)
{
    struct world *w = *state;

    add_three(w);
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i2\"}");
    EXPECT_JSON(w, list(w, ""), "{\"containerInstanceArns\":[\"" PREFIX "i1\",\"" PREFIX "i3\"]}");
}

static void a_status_narrows_the_list(void **state)
{
    struct world *w = *state;

    add_three(w);
    world_ok(w, "UpdateContainerInstancesState",
             "{\"cluster\":\"demo\",\"containerInstances\":[\"i2\"],\"status\":\"DRAINING\"}");
    EXPECT_JSON(w, list(w, ",\"status\":\"DRAINING\""),
                "{\"containerInstanceArns\":[\"" PREFIX "i2\"]}");
    EXPECT_JSON(w, list(w, ",\"status\":\"ACTIVE\""),
                "{\"containerInstanceArns\":[\"" PREFIX "i1\",\"" PREFIX "i3\"]}");
    EXPECT_JSON(w, list(w, ",\"status\":\"REGISTERING\""), "{\"containerInstanceArns\":[]}");
}

static void a_query_narrows_the_list(void **state)
{
    struct world *w = *state;

    add_three(w);
    EXPECT_JSON(w, list(w, ",\"filter\":\"attribute:stack == blue\""),
                "{\"containerInstanceArns\":[\"" PREFIX "i1\"]}");
    EXPECT_JSON(w, list(w, ",\"filter\":\"attribute:stack exists\",\"maxResults\":2"),
                "{\"containerInstanceArns\":[\"" PREFIX "i1\",\"" PREFIX "i2\"]}");
}

static void pages_go_on_where_an_instance_was_forgotten(void **state)
{
    struct world *w = *state;
    struct str reply;

    add_three(w);
    reply = list(w, ",\"maxResults\":2");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i2\"}");
    world_advance(w, w->state.config.inactive_keep_ms);
    reply = world_callf(w, "ListContainerInstances",
                        "{\"cluster\":\"demo\",\"maxResults\":2,\"nextToken\":\"%.*s\"}",
                        STR_ARGS(world_get(w, reply, "nextToken")));
    EXPECT_JSON(w, reply, "{\"containerInstanceArns\":[\"" PREFIX "i3\"]}");
}

static void bad_filters_are_refused(void **state)
{
    struct world *w = *state;

    world_expect_error(w, list(w, ",\"filter\":\"attribute:\""), "InvalidParameterException",
                       "filter expression 'attribute:' is invalid", __FILE__, __LINE__);
    world_expect_error(w, list(w, ",\"status\":\"INACTIVE\""), "InvalidParameterException",
                       "Container instance status should be one of [ACTIVE, DRAINING, REGISTERING, "
                       "DEREGISTERING, REGISTRATION_FAILED]",
                       __FILE__, __LINE__);
    EXPECT_ERROR(w, "ListContainerInstances", "{\"cluster\":\"x\"}", "ClusterNotFoundException",
                 "Cluster not found.");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(all_but_inactive_ones_are_listed),
        LAUNCH_TEST(a_status_narrows_the_list),
        LAUNCH_TEST(a_query_narrows_the_list),
        LAUNCH_TEST(pages_go_on_where_an_instance_was_forgotten),
        LAUNCH_TEST(bad_filters_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
