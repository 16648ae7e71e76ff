#include "tests/support/launch.h"

static void make(struct world *w, const char *names)
{
    for (; *names != '\0'; names++)
        world_callf(w, "CreateCluster", "{\"clusterName\":\"%c\"}", *names);
}

static struct str page(struct world *w, int max, struct str token)
{
    if (token.len == 0)
        return world_callf(w, "ListClusters", "{\"maxResults\":%d}", max);
    return world_callf(w, "ListClusters", "{\"maxResults\":%d,\"nextToken\":\"%.*s\"}", max,
                       STR_ARGS(token));
}

static void active_clusters_of_the_region_are_listed(void **state)
{
    struct world *w = *state;

    make(w, "ab");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"a\"}");
    w->region = STR("eu-west-1");
    make(w, "c");
    EXPECT_REPLY(w, "ListClusters", "{}",
                 "{\"clusterArns\":[\"arn:aws:ecs:eu-west-1:123456789012:cluster/c\"]}");
    w->region = STR("us-east-1");
    EXPECT_REPLY(w, "ListClusters", "{}",
                 "{\"clusterArns\":[\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
                 "\"arn:aws:ecs:us-east-1:123456789012:cluster/b\"]}");
}

static void pages_follow_each_other_whatever_comes_and_goes(void **state)
{
    struct world *w = *state;
    struct str reply;

    make(w, "abc");
    reply = page(w, 2, STR_NONE); // demo, a
    assert_int_equal(launch_count(w, reply, "clusterArns"), 2);
    world_ok(w, "DeleteCluster", "{\"cluster\":\"a\"}");
    world_ok(w, "DeleteCluster", "{\"cluster\":\"b\"}");
    make(w, "d");
    reply = page(w, 2, world_get(w, reply, "nextToken"));
    EXPECT_JSON(w, reply,
                "{\"clusterArns\":[\"arn:aws:ecs:us-east-1:123456789012:cluster/c\","
                "\"arn:aws:ecs:us-east-1:123456789012:cluster/d\"]}");
}

static void the_last_page_has_no_token(void **state)
{
    struct world *w = *state;
    struct str reply;

    make(w, "abc");
    reply = page(w, 3, STR_NONE);
    reply = page(w, 1, world_get(w, reply, "nextToken"));
    assert_int_equal(launch_count(w, reply, "clusterArns"), 1);
    assert_int_equal(world_get(w, reply, "nextToken").len, 0);
}

static void bad_limits_and_tokens_are_refused(void **state)
{
    struct world *w = *state;
    struct str token;

    make(w, "abc");
    token = world_get(w, page(w, 1, STR_NONE), "nextToken");
    EXPECT_ERROR(w, "ListClusters", "{\"maxResults\":0}", "InvalidParameterException",
                 "maxResults must be between 1 and 100");
    EXPECT_ERROR(w, "ListClusters", "{\"maxResults\":101}", "InvalidParameterException",
                 "maxResults must be between 1 and 100");
    EXPECT_ERROR(w, "ListClusters", "{\"nextToken\":\"\"}", "InvalidParameterException",
                 "Invalid token.");
    EXPECT_ERROR(w, "ListClusters", "{\"nextToken\":\"MQ==\"}", "InvalidParameterException",
                 "Invalid token.");
    world_expect_error(w, page(w, 1, str_take(token, token.len - 1)), "InvalidParameterException",
                       "Invalid token.", __FILE__, __LINE__);
    w->region = STR("eu-west-1");
    world_expect_error(w, page(w, 1, token), "InvalidParameterException", "Invalid token.",
                       __FILE__, __LINE__);
}

static void a_token_belongs_to_its_operation_and_filters(void **state)
{
    struct world *w = *state;
    struct str reply;
    struct str token;

    launch_add_instance(w, "i1", 1024, 1024, "[]");
    launch_add_instance(w, "i2", 1024, 1024, "[]");
    reply = world_ok(w, "ListContainerInstances", "{\"cluster\":\"demo\",\"maxResults\":1}");
    token = world_get(w, reply, "nextToken");
    world_expect_error(w, page(w, 1, token), "InvalidParameterException", "Invalid token.",
                       __FILE__, __LINE__);
    world_expect_error(w,
                       world_callf(w, "ListContainerInstances",
                                   "{\"cluster\":\"demo\",\"status\":\"ACTIVE\",\"nextToken\":"
                                   "\"%.*s\"}",
                                   STR_ARGS(token)),
                       "InvalidParameterException", "Invalid token.", __FILE__, __LINE__);
    reply = world_callf(w, "ListContainerInstances",
                        "{\"cluster\":\"demo\",\"maxResults\":7,\"nextToken\":\"%.*s\"}",
                        STR_ARGS(token));
    assert_int_equal(launch_count(w, reply, "containerInstanceArns"), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(active_clusters_of_the_region_are_listed),
        LAUNCH_TEST(pages_follow_each_other_whatever_comes_and_goes),
        LAUNCH_TEST(the_last_page_has_no_token),
        LAUNCH_TEST(bad_limits_and_tokens_are_refused),
        LAUNCH_TEST(a_token_belongs_to_its_operation_and_filters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
