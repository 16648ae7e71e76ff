#include "tests/support/launch.h"

#define I1 "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/i1"

static int setup(void **state)
{
    launch_setup(state);
    launch_add_instance(*state, "i1", 1024, 1024,
                        "[{\"name\":\"ecs.os-type\",\"value\":\"linux\"}]");
    launch_add_instance(*state, "i2", 1024, 1024, "[]");
    return 0;
}

static struct str put(struct world *w, const char *attributes)
{
    return world_callf(w, "PutAttributes", "{\"cluster\":\"demo\",\"attributes\":[%s]}",
                       attributes);
}

static struct str delete_them(struct world *w, const char *attributes)
{
    return world_callf(w, "DeleteAttributes", "{\"cluster\":\"demo\",\"attributes\":[%s]}",
                       attributes);
}

static struct str described(struct world *w, const char *member)
{
    struct str reply = world_ok(w, "DescribeContainerInstances",
                                "{\"cluster\":\"demo\",\"containerInstances\":[\"i1\"]}");

    return world_get(w, reply, str_fmt(&w->arena, "containerInstances.0.%s", member).ptr);
}

#define EXPECT_BOTH(w, attribute, type, message)                                                   \
    do {                                                                                           \
        world_expect_error((w), put((w), (attribute)), (type), (message), __FILE__, __LINE__);     \
        world_expect_error((w), delete_them((w), (attribute)), (type), (message), __FILE__,        \
                           __LINE__);                                                              \
    } while (0)

static void an_attribute_is_put_and_overwritten(void **state)
{
    struct world *w = *state;

    EXPECT_JSON(w, put(w, "{\"name\":\"stack\",\"value\":\"blue\",\"targetId\":\"" I1 "\"}"),
                "{\"attributes\":[{\"name\":\"stack\",\"value\":\"blue\",\"targetId\":\"" I1
                "\"}]}");
    put(w, "{\"name\":\"stack\",\"value\":\"green\",\"targetId\":\"i1\","
           "\"targetType\":\"container-instance\"}");
    EXPECT_STR(described(w, "attributes"), "[{\"name\":\"ecs.os-type\",\"value\":\"linux\"},"
                                           "{\"name\":\"stack\",\"value\":\"green\"}]");
    put(w, "{\"name\":\"stack\",\"targetId\":\"" I1 "\"}");
    EXPECT_STR(described(w, "attributes.1"), "{\"name\":\"stack\"}");
}

static void one_call_is_one_change_of_an_instance(void **state)
{
    struct world *w = *state;

    put(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\"},{\"name\":\"b\",\"targetId\":\"" I1 "\"}");
    EXPECT_STR(described(w, "version"), "2");
    delete_them(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\"},{\"name\":\"b\",\"targetId\":\"" I1
                   "\"}");
    EXPECT_STR(described(w, "version"), "3");
    delete_them(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\"}");
    EXPECT_STR(described(w, "version"), "3");
}

static void deleting_answers_what_was_there(void **state)
{
    struct world *w = *state;

    put(w, "{\"name\":\"a\",\"value\":\"1\",\"targetId\":\"" I1 "\"}");
    EXPECT_JSON(w, delete_them(w, "{\"name\":\"nope\",\"targetId\":\"" I1 "\"}"),
                "{\"attributes\":[]}");
    EXPECT_JSON(w, delete_them(w, "{\"name\":\"a\",\"value\":\"2\",\"targetId\":\"" I1 "\"}"),
                "{\"attributes\":[]}");
    EXPECT_JSON(w, delete_them(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\"}"),
                "{\"attributes\":[{\"name\":\"a\",\"value\":\"1\",\"targetId\":\"" I1 "\"}]}");
    EXPECT_STR(described(w, "attributes.1"), "");
}

static void targets_must_be_there(void **state)
{
    struct world *w = *state;

    EXPECT_BOTH(w, "{\"name\":\"a\",\"targetId\":\"" I1 "0\"}", "TargetNotFoundException",
                "Could not find " I1 "0");
    EXPECT_BOTH(w, "{\"name\":\"a\",\"targetId\":\"i1\"}", "InvalidParameterException",
                "targetType must be container-instance");
    EXPECT_BOTH(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\",\"targetType\":\"task\"}",
                "InvalidParameterException", "targetType must be container-instance");
    EXPECT_BOTH(w, "{\"name\":\"a\"}", "InvalidParameterException", "targetId can not be blank.");
    world_ok(w, "DeregisterContainerInstance",
             "{\"cluster\":\"demo\",\"containerInstance\":\"i1\"}");
    EXPECT_BOTH(w, "{\"name\":\"a\",\"targetId\":\"" I1 "\"}", "TargetNotFoundException",
                "Could not find " I1);
}

static void names_and_values_have_rules(void **state)
{
    struct world *w = *state;

    EXPECT_BOTH(w, "{\"name\":\"ecs.os-type\",\"targetId\":\"" I1 "\"}",
                "InvalidParameterException",
                "Attribute names can not start with 'ecs.' or 'com.amazonaws.ecs.'.");
    EXPECT_BOTH(w, "{\"name\":\"a b\",\"targetId\":\"" I1 "\"}", "InvalidParameterException",
                "Attribute name must match ^[A-Za-z0-9_\\-./\\\\]{1,128}$");
    EXPECT_BOTH(w, "{\"name\":\"a\",\"value\":\" x\",\"targetId\":\"" I1 "\"}",
                "InvalidParameterException",
                "Attribute value must match ^[A-Za-z0-9_\\-.@/\\\\: ]{1,128}$ without spaces at "
                "its ends");
    EXPECT_BOTH(w, "", "InvalidParameterException", "attributes can not be empty");
}

static void ten_custom_attributes_are_the_limit(void **state)
{
    struct world *w = *state;

    for (int i = 0; i < 9; i++)
        put(w, arena_printf(&w->arena, "{\"name\":\"n%d\",\"targetId\":\"" I1 "\"}", i));
    world_expect_error(w,
                       put(w, "{\"name\":\"x\",\"targetId\":\"" I1 "\"},"
                              "{\"name\":\"y\",\"targetId\":\"" I1 "\"}"),
                       "AttributeLimitExceededException",
                       "A container instance can not have more than 10 custom attributes.",
                       __FILE__, __LINE__);
    EXPECT_STR(described(w, "attributes.10"), ""); // half of a call is none of it
    put(w, "{\"name\":\"x\",\"targetId\":\"" I1 "\"}");
    put(w, "{\"name\":\"x\",\"value\":\"2\",\"targetId\":\"" I1 "\"}");
    EXPECT_STR(described(w, "attributes.10.value"), "2");
}

#define ATTRIBUTES_TEST(name) cmocka_unit_test_setup_teardown(name, setup, launch_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ATTRIBUTES_TEST(an_attribute_is_put_and_overwritten),
        ATTRIBUTES_TEST(one_call_is_one_change_of_an_instance),
        ATTRIBUTES_TEST(deleting_answers_what_was_there),
        ATTRIBUTES_TEST(targets_must_be_there),
        ATTRIBUTES_TEST(names_and_values_have_rules),
        ATTRIBUTES_TEST(ten_custom_attributes_are_the_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
