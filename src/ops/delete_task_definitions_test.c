// DeleteTaskDefinitions: one answer per reference, and when a revision is really gone.

#include "model/task.h"
#include "model/task_definition.h"
#include "tests/support/patch.h"

#define ARN "arn:aws:ecs:us-east-1:123456789012:task-definition/"
#define INVALID                                                                                    \
    "The specified task definition identifier is invalid. Specify a valid name or ARN and try "    \
    "again."
#define UNKNOWN                                                                                    \
    "The specified task definition does not exist. Specify a valid account, family, revision and " \
    "try again."
#define ACTIVE                                                                                     \
    "The specified task definition is still in ACTIVE status. Please deregister the target and "   \
    "try again."

static int setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    *state = w;
    world_ok(w, "RegisterTaskDefinition", patched_definition(w, NULL, NULL, NULL));
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

static void deregister(struct world *w)
{
    world_ok(w, "DeregisterTaskDefinition", J({"taskDefinition" : "f:1"}));
}

static struct str start_delete(struct world *w)
{
    deregister(w);
    return world_ok(w, "DeleteTaskDefinitions", J({"taskDefinitions" : ["f:1"]}));
}

static size_t definitions_n(const struct world *w)
{
    return w->state.entities[REC_KIND_TASK_DEFINITION].count;
}

static void what_cannot_be_deleted_is_listed_with_a_reason(void **state)
{
    static const struct {
        const char *reference;
        const char *reason;
    } rows[] = {
        {"f", INVALID},
        {"", INVALID},
        {":1", INVALID},
        {"f:x", INVALID},
        {"arn:aws:ecs:us-east-1:123456789012:cluster/f", INVALID},
        {"f:2", UNKNOWN},
        {"nope:1", UNKNOWN},
        {ARN "nope:1", UNKNOWN},
        {"arn:aws:ecs:us-east-1:210987654321:task-definition/f:1", UNKNOWN},
        {"f:1", ACTIVE},
        {ARN "f:1", ACTIVE},
    };
    struct world *w = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct str reply = world_callf(w, "DeleteTaskDefinitions", "{\"taskDefinitions\":[\"%s\"]}",
                                       rows[i].reference);
        EXPECT_JSON(w, reply,
                    str_fmt(&w->arena,
                            "{\"taskDefinitions\":[],\"failures\":[{\"arn\":\"%s\","
                            "\"reason\":\"%s\"}]}",
                            rows[i].reference, rows[i].reason)
                        .ptr);
    }
}

static void a_list_has_one_to_ten_references(void **state)
{
    EXPECT_ERROR(*state, "DeleteTaskDefinitions", "{\"taskDefinitions\":[]}",
                 "InvalidParameterException",
                 "size of TaskDefinition references list must be greater than 0");
    EXPECT_ERROR(*state, "DeleteTaskDefinitions",
                 J({"taskDefinitions" : [ "", "", "", "", "", "", "", "", "", "", "" ]}),
                 "InvalidParameterException",
                 "Size of TaskDefinition references list cannot exceed 10");
}

static void deleting_starts_and_can_be_repeated(void **state)
{
    struct world *w = *state;
    struct str first = start_delete(w);

    EXPECT_STR(world_get(w, first, "taskDefinitions.0.status"), "DELETE_IN_PROGRESS");
    assert_true(world_get(w, first, "taskDefinitions.0.deregisteredAt").len > 0);
    assert_true(world_get(w, first, "taskDefinitions.0.deleteRequestedAt").len > 0);
    world_advance(w, 1000);
    EXPECT_STR(world_ok(w, "DeleteTaskDefinitions", J({"taskDefinitions" : ["f:1"]})),
               str_cstr(&w->arena, first));
}

static void one_call_can_succeed_and_fail(void **state)
{
    struct world *w = *state;
    struct str reply;

    deregister(w);
    reply = world_ok(w, "DeleteTaskDefinitions", J({"taskDefinitions" : [ "x:1", "f:1" ]}));
    EXPECT_STR(world_get(w, reply, "failures.0.arn"), "x:1");
    EXPECT_STR(world_get(w, reply, "taskDefinitions.0.family"), "f");
}

static void it_is_gone_after_the_least_time(void **state)
{
    struct world *w = *state;

    start_delete(w);
    world_advance(w, w->state.config.definition_delete_ms - 1);
    assert_int_equal(definitions_n(w), 1);
    world_restart(w);
    world_advance(w, 1);
    assert_int_equal(definitions_n(w), 0);
    EXPECT_ERROR(w, "DescribeTaskDefinition", J({"taskDefinition" : "f:1"}), "ClientException",
                 "Unable to describe task definition.");
}

// The record of a task is put by hand: what counts is only that it names the definition.
static void it_stays_while_a_task_names_it(void **state)
{
    struct world *w = *state;
    struct rec_cluster cluster = {0};
    struct rec_task task = {0};
    struct step step;
    uint64_t cluster_id;
    uint64_t task_id;

    SET(&cluster, region, w->region);
    SET(&cluster, name, STR("c"));
    SET(&cluster, status, REC_CLUSTER_STATUS_ACTIVE);
    SET(&task, uid, STR("0123456789abcdef0123456789abcdef"));
    SET(&task, definition_id,
        (int64_t)family_find(&w->state, w->region, STR("f"))->revisions[0]->entity.id);
    SET(&task, last_status, REC_TASK_STATUS_PENDING);
    SET(&task, desired_status, REC_TASK_STATUS_RUNNING);
    SET(&task, launch_type, ECS_LAUNCH_TYPE_EC2);
    world_begin(w, &step);
    cluster_id = state_new_id(&w->state, REC_KIND_CLUSTER);
    state_put(&w->state, REC_KIND_CLUSTER, cluster_id, &cluster);
    SET(&task, cluster_id, (int64_t)cluster_id);
    task_id = state_new_id(&w->state, REC_KIND_TASK);
    state_put(&w->state, REC_KIND_TASK, task_id, &task);
    world_finish(w, &step);

    start_delete(w);
    world_advance(w, w->state.config.definition_delete_ms * 10);
    assert_int_equal(definitions_n(w), 1);
    world_begin(w, &step);
    state_remove(&w->state, REC_KIND_TASK, task_id);
    world_finish(w, &step);
    world_advance(w, 0);
    assert_int_equal(definitions_n(w), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(what_cannot_be_deleted_is_listed_with_a_reason),
        TEST(a_list_has_one_to_ten_references),
        TEST(deleting_starts_and_can_be_repeated),
        TEST(one_call_can_succeed_and_fail),
        TEST(it_is_gone_after_the_least_time),
        TEST(it_stays_while_a_task_names_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
