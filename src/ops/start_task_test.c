#include "tests/support/launch.h"

#include "model/instance.h"

static void each_named_instance_gets_one_task(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_instance(w, "a2", 1000, 1000, "[{\"name\":\"ecs.capability.external\"}]");
    launch_add_simple(w, "web", 10, 10);
    reply = world_ok(w, "StartTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"startedBy\":\"me\","
                     "\"containerInstances\":[\"a2\","
                     "\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/a1\"]}");
    EXPECT_STR(world_get(w, reply, "failures"), "[]");
    EXPECT_STR(world_get(w, reply, "tasks.0.containerInstanceArn"),
               "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/a2");
    EXPECT_STR(world_get(w, reply, "tasks.0.launchType"), "EXTERNAL");
    EXPECT_STR(world_get(w, reply, "tasks.1.launchType"), "EC2");
    EXPECT_STR(world_get(w, reply, "tasks.1.startedBy"), "me");
    assert_int_equal(instance_find_uid(&w->state, STR("a1"))->wanted_n, 1);
}

static void set_status(struct world *w, struct instance *instance, enum rec_instance_status status)
{
    struct rec_instance_state st = *instance->st;

    st.status = status;
    state_put(&w->state, REC_KIND_INSTANCE_STATE, instance->entity.id, &st);
}

static void what_an_instance_cannot_hold_is_a_failure(void **state)
{
    struct world *w = *state;

    instance_set_session(&w->state, launch_add_instance(w, "off", 1000, 1000, "[]"), 0);
    launch_add_instance(w, "small", 1, 1000, "[]");
    set_status(w, launch_add_instance(w, "gone", 10, 10, "[]"), REC_INSTANCE_STATUS_INACTIVE);
    set_status(w, launch_add_instance(w, "leaving", 10, 10, "[]"), REC_INSTANCE_STATUS_DRAINING);
    launch_add_simple(w, "web", 10, 10);
    EXPECT_REPLY(w, "StartTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"containerInstances\":"
                 "[\"off\",\"small\",\"gone\",\"leaving\",\"nope\"]}",
                 "{\"tasks\":[],\"failures\":["
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/off\","
                 "\"reason\":\"AGENT\"},"
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/small\","
                 "\"reason\":\"RESOURCE:CPU\"},"
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/gone\","
                 "\"reason\":\"INACTIVE\"},"
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/leaving\","
                 "\"reason\":\"INACTIVE\"},"
                 "{\"arn\":\"arn:aws:ecs:us-east-1:123456789012:container-instance/demo/nope\","
                 "\"reason\":\"MISSING\"}]}");
}

static void required_attributes_and_ports_are_checked(void **state)
{
    struct world *w = *state;
    struct str reply;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_definition(w, "web",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1,\"portMappings\":[{\"containerPort\":80,"
                          "\"hostPort\":80}]}],\"compatibilities\":[\"EC2\"]}");
    reply = world_ok(w, "StartTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"web\","
                     "\"containerInstances\":[\"a1\",\"a1\"]}");
    assert_int_equal(launch_count(w, reply, "tasks"), 1);
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "RESOURCE:PORTS");
    launch_add_definition(w, "attr",
                          "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":\"b\","
                          "\"memory\":1}],\"compatibilities\":[\"EC2\"],"
                          "\"requiresAttributes\":[{\"name\":\"fast\"}]}");
    reply = world_ok(w, "StartTask",
                     "{\"cluster\":\"demo\",\"taskDefinition\":\"attr\","
                     "\"containerInstances\":[\"a1\"]}");
    EXPECT_STR(world_get(w, reply, "failures.0.reason"), "ATTRIBUTE");
}

static void bad_input_is_refused(void **state)
{
    struct world *w = *state;

    launch_add_instance(w, "a1", 1000, 1000, "[]");
    launch_add_simple(w, "web", 10, 10);
    EXPECT_ERROR(w, "StartTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"containerInstances\":[]}",
                 "ClientException", "Container Instances cannot be empty.");
    EXPECT_ERROR(w, "StartTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"containerInstances\":[\"1\","
                 "\"2\",\"3\",\"4\",\"5\",\"6\",\"7\",\"8\",\"9\",\"10\",\"11\"]}",
                 "InvalidParameterException",
                 "Container Instances can not have more than 10 elements.");
    EXPECT_ERROR(w, "StartTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"nope\",\"containerInstances\":[\"a1\"]"
                 "}",
                 "ClientException", "TaskDefinition not found.");
    EXPECT_ERROR(w, "StartTask",
                 "{\"cluster\":\"demo\",\"taskDefinition\":\"web\",\"containerInstances\":[\"a1\"],"
                 "\"startedBy\":\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}",
                 "InvalidParameterException", "startedBy must match ^[a-zA-Z0-9\\-_/]{0,36}$");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(each_named_instance_gets_one_task),
        LAUNCH_TEST(what_an_instance_cannot_hold_is_a_failure),
        LAUNCH_TEST(required_attributes_and_ports_are_checked),
        LAUNCH_TEST(bad_input_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
