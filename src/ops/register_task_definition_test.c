// Registering, describing and deregistering: what a caller sees of one revision, and the numbers.

#include "model/task_definition.h"
#include "tests/support/patch.h"

static int setup(void **state)
{
    struct world *w = malloc(sizeof *w);

    world_init(w);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    world_deinit(*state);
    free(*state);
    return 0;
}

// Registers a small definition of the family; "family:revision" of it.
static const char *registered(struct world *w, const char *family)
{
    struct str reply = world_ok(
        w, "RegisterTaskDefinition",
        patched_definition(w, NULL, NULL, str_fmt(&w->arena, "{\"family\":\"%s\"}", family).ptr));
    struct str revision = world_get(w, reply, "taskDefinition.revision");

    return str_fmt(&w->arena, "%s:%.*s", family, STR_ARGS(revision)).ptr;
}

static struct str call_with(struct world *w, const char *operation, const char *reference)
{
    return world_callf(w, operation, "{\"taskDefinition\":\"%s\"}", reference);
}

// Inactive, then on its way out.
static void deleted(struct world *w, const char *reference)
{
    struct str reply;

    call_with(w, "DeregisterTaskDefinition", reference);
    reply = world_callf(w, "DeleteTaskDefinitions", "{\"taskDefinitions\":[\"%s\"]}", reference);
    EXPECT_STR(world_get(w, reply, "taskDefinitions.0.status"), "DELETE_IN_PROGRESS");
}

static void a_small_definition_is_completed(void **state)
{
    EXPECT_REPLY(
        *state, "RegisterTaskDefinition",
        "{\"containerDefinitions\":[{\"command\":[\"sleep\",\"360\"],\"image\":\"busybox\","
        "\"memory\":10,\"name\":\"sleep\"}],\"family\":\"sleep360\"}",
        "{\"taskDefinition\":{\"compatibilities\":[\"EXTERNAL\",\"EC2\"],"
        "\"containerDefinitions\":[{\"command\":[\"sleep\",\"360\"],\"cpu\":0,\"environment\":[],"
        "\"essential\":true,\"image\":\"busybox\",\"memory\":10,\"mountPoints\":[],"
        "\"name\":\"sleep\",\"portMappings\":[],\"systemControls\":[],\"volumesFrom\":[]}],"
        "\"family\":\"sleep360\",\"placementConstraints\":[],\"registeredAt\":1767225600.0,"
        "\"registeredBy\":\"arn:aws:iam::123456789012:root\",\"revision\":1,\"status\":\"ACTIVE\","
        "\"taskDefinitionArn\":\"arn:aws:ecs:us-east-1:123456789012:task-definition/sleep360:1\","
        "\"volumes\":[]}}");
}

static void what_was_said_comes_back(void **state)
{
    struct world *w = *state;
    const char *json = patched_definition(
        w, J({"entryPoint" : ["/x"], "stopTimeout" : 5}), NULL, J({
            "taskRoleArn" : "role",
            "executionRoleArn" : "other",
            "networkMode" : "awsvpc",
            "cpu" : ".25 vCPU",
            "memory" : "0.5 GB",
            "pidMode" : "task",
            "requiresCompatibilities" : ["FARGATE"],
            "runtimePlatform" : {"cpuArchitecture" : "ARM64", "operatingSystemFamily" : "LINUX"},
            "enableFaultInjection" : false,
            "volumes" : [ {"name" : "v"} ],
            "tags" : [ {"key" : "k", "value" : "v"} ]
        }));
    struct str reply = world_ok(w, "RegisterTaskDefinition", json);

    EXPECT_STR(world_get(w, reply, "taskDefinition.cpu"), "256");
    EXPECT_STR(world_get(w, reply, "taskDefinition.memory"), "512");
    EXPECT_STR(world_get(w, reply, "taskDefinition.taskRoleArn"), "role");
    EXPECT_STR(world_get(w, reply, "taskDefinition.executionRoleArn"), "other");
    EXPECT_STR(world_get(w, reply, "taskDefinition.networkMode"), "awsvpc");
    EXPECT_STR(world_get(w, reply, "taskDefinition.pidMode"), "task");
    EXPECT_STR(world_get(w, reply, "taskDefinition.requiresCompatibilities.0"), "FARGATE");
    EXPECT_STR(world_get(w, reply, "taskDefinition.runtimePlatform.cpuArchitecture"), "ARM64");
    EXPECT_STR(world_get(w, reply, "taskDefinition.enableFaultInjection"), "false");
    EXPECT_STR(world_get(w, reply, "taskDefinition.volumes.0.name"), "v");
    EXPECT_STR(world_get(w, reply, "taskDefinition.containerDefinitions.0.stopTimeout"), "5");
    EXPECT_STR(world_get(w, reply, "taskDefinition.tags.0.key"), "");
    EXPECT_STR(world_get(w, reply, "tags.0.key"), "k");
}

static void every_registration_is_a_revision(void **state)
{
    struct world *w = *state;

    EXPECT_STR(str_of(registered(w, "app")), "app:1");
    EXPECT_STR(str_of(registered(w, "app")), "app:2");
    EXPECT_STR(str_of(registered(w, "other")), "other:1");
}

static void a_number_is_never_given_out_twice(void **state)
{
    struct world *w = *state;

    deleted(w, registered(w, "app"));
    deleted(w, registered(w, "app"));
    world_advance(w, w->state.config.definition_delete_ms);
    assert_int_equal(w->state.entities[REC_KIND_TASK_DEFINITION].count, 0);
    EXPECT_STR(world_ok(w, "ListTaskDefinitionFamilies", "{}"), "{\"families\":[]}");
    world_restart(w);
    EXPECT_STR(str_of(registered(w, "app")), "app:3");
}

static void a_family_has_a_million_revisions(void **state)
{
    struct world *w = *state;
    const struct family *family;
    struct rec_family rec;
    struct step step;

    registered(w, "app");
    family = family_find(&w->state, w->region, STR("app"));
    rec = *family->rec;
    rec.last_revision = 1000000;
    world_begin(w, &step);
    state_put(&w->state, REC_KIND_FAMILY, family->entity.id, &rec);
    world_finish(w, &step);
    EXPECT_ERROR(w, "RegisterTaskDefinition",
                 patched_definition(w, NULL, NULL, J({"family" : "app"})), "LimitExceededException",
                 "The family app has reached the maximum of 1000000 revisions.");
}

static void a_document_has_64_kib(void **state)
{
    struct world *w = *state;
    char label[65537];

    memset(label, 'x', sizeof label);
    for (size_t over = 0; over <= 1; over++) {
        size_t rest = strlen(patched_definition(w, J({"dockerLabels" : {"l" : ""}}), NULL, NULL));
        struct str patch = str_fmt(&w->arena, "{\"dockerLabels\":{\"l\":\"%.*s\"}}",
                                   (int)(65536 - rest + over), label);
        const char *json = patched_definition(w, patch.ptr, NULL, NULL);

        assert_int_equal(strlen(json), 65536 + over);
        if (over)
            EXPECT_ERROR(w, "RegisterTaskDefinition", json, "ClientException",
                         "Actual length: '65537'. Max allowed length is '65536' bytes.");
        else
            world_ok(w, "RegisterTaskDefinition", json);
    }
}

static void bad_tags_are_refused_and_nothing_is_left(void **state)
{
    struct world *w = *state;
    struct str reply = world_call(
        w, "RegisterTaskDefinition",
        patched_definition(w, NULL, NULL, J({"tags" : [ {"key" : "aws:x", "value" : "v"} ]})));

    EXPECT_STR(world_get(w, reply, "__type"), "ClientException");
    assert_int_equal(w->state.entities[REC_KIND_FAMILY].count, 0);
}

static void definitions_survive_a_restart(void **state)
{
    struct world *w = *state;
    struct str before;

    registered(w, "app");
    world_ok(w, "RegisterTaskDefinition",
             patched_definition(w, J({"portMappings" : [ {"containerPort" : 80} ]}), J({}),
                                J({"family" : "app", "tags" : [ {"key" : "k", "value" : "v"} ]})));
    before = world_ok(w, "DescribeTaskDefinition",
                      "{\"taskDefinition\":\"app\",\"include\":[\"TAGS\"]}");
    world_restart(w);
    EXPECT_STR(world_ok(w, "DescribeTaskDefinition",
                        "{\"taskDefinition\":\"app\",\"include\":[\"TAGS\"]}"),
               str_cstr(&w->arena, before));
}

static void a_definition_is_found_in_four_ways(void **state)
{
    static const char *const ways[] = {"app", "app:2",
                                       "arn:aws:ecs:us-east-1:123456789012:task-definition/app",
                                       "arn:aws:ecs:us-east-1:123456789012:task-definition/app:2"};
    struct world *w = *state;

    registered(w, "app");
    registered(w, "app");
    for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
        struct str reply = call_with(w, "DescribeTaskDefinition", ways[i]);
        EXPECT_STR(world_get(w, reply, "taskDefinition.revision"), "2");
        EXPECT_STR(world_get(w, reply, "tags"), "");
    }
}

static void what_is_not_there_cannot_be_described(void **state)
{
    static const char *const nowhere[] = {
        "nope",
        "app:2",
        "",
        "arn:aws:ecs:eu-west-1:123456789012:task-definition/app:1",
        "arn:aws:ecs:us-east-1:210987654321:task-definition/app:1",
        "arn:aws:ecs:us-east-1:123456789012:cluster/app:1",
        "arn:aws:sqs:us-east-1:123456789012:task-definition/app:1",
        "arn:"};
    struct world *w = *state;

    registered(w, "app");
    for (size_t i = 0; i < sizeof nowhere / sizeof *nowhere; i++) {
        struct str reply = call_with(w, "DescribeTaskDefinition", nowhere[i]);
        EXPECT_JSON(w, reply,
                    "{\"__type\":\"ClientException\","
                    "\"message\":\"Unable to describe task definition.\"}");
    }
}

static void a_revision_is_a_number(void **state)
{
    static const char *const texts[] = {"x", "0", "-1", "+1", "1.5", "", "99999999999", "1:2"};
    struct world *w = *state;

    registered(w, "app");
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct str request = str_fmt(&w->arena, "{\"taskDefinition\":\"app:%s\"}", texts[i]);
        struct str text = str_fmt(&w->arena, "Invalid revision number. Number: %s", texts[i]);
        EXPECT_ERROR(w, "DescribeTaskDefinition", request.ptr, "InvalidParameterException",
                     text.ptr);
    }
}

static void tags_are_shown_when_asked_for(void **state)
{
    struct world *w = *state;
    struct str reply;

    registered(w, "app");
    reply = world_ok(w, "DescribeTaskDefinition",
                     "{\"taskDefinition\":\"app\",\"include\":[\"TAGS\"]}");
    assert_true(str_starts(reply, STR("{\"tags\":[],")));
}

static void deregistering_hides_the_newest(void **state)
{
    struct world *w = *state;
    struct str reply;

    registered(w, "app");
    registered(w, "app");
    reply = call_with(w, "DeregisterTaskDefinition", "app:2");
    EXPECT_STR(world_get(w, reply, "taskDefinition.status"), "INACTIVE");
    EXPECT_STR(world_get(w, reply, "taskDefinition.deregisteredAt"), "");
    reply = call_with(w, "DescribeTaskDefinition", "app");
    EXPECT_STR(world_get(w, reply, "taskDefinition.revision"), "1");
    reply = call_with(w, "DescribeTaskDefinition", "app:2");
    EXPECT_STR(world_get(w, reply, "taskDefinition.status"), "INACTIVE");
    assert_true(world_get(w, reply, "taskDefinition.deregisteredAt").len > 0);
}

static void deregistering_again_changes_nothing(void **state)
{
    struct world *w = *state;
    struct str first;

    registered(w, "app");
    call_with(w, "DeregisterTaskDefinition", "app:1");
    first = call_with(w, "DescribeTaskDefinition", "app:1");
    world_advance(w, 1000);
    EXPECT_STR(
        world_get(w, call_with(w, "DeregisterTaskDefinition", "app:1"), "taskDefinition.status"),
        "INACTIVE");
    EXPECT_STR(call_with(w, "DescribeTaskDefinition", "app:1"), str_cstr(&w->arena, first));
}

static void deregistering_names_a_revision(void **state)
{
    struct world *w = *state;

    registered(w, "app");
    EXPECT_ERROR(w, "DeregisterTaskDefinition", "{\"taskDefinition\":\"app\"}",
                 "InvalidParameterException", "Revision is missing");
    EXPECT_ERROR(w, "DeregisterTaskDefinition", "{\"taskDefinition\":\"app:7\"}", "ClientException",
                 "Unable to describe task definition.");
    deleted(w, "app:1");
    EXPECT_ERROR(w, "DeregisterTaskDefinition", "{\"taskDefinition\":\"app:1\"}", "ClientException",
                 "The task definition could not be deregistered because it is in the process of "
                 "being deleted.");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_small_definition_is_completed),
        TEST(what_was_said_comes_back),
        TEST(every_registration_is_a_revision),
        TEST(a_number_is_never_given_out_twice),
        TEST(a_family_has_a_million_revisions),
        TEST(a_document_has_64_kib),
        TEST(bad_tags_are_refused_and_nothing_is_left),
        TEST(definitions_survive_a_restart),
        TEST(a_definition_is_found_in_four_ways),
        TEST(what_is_not_there_cannot_be_described),
        TEST(a_revision_is_a_number),
        TEST(tags_are_shown_when_asked_for),
        TEST(deregistering_hides_the_newest),
        TEST(deregistering_again_changes_nothing),
        TEST(deregistering_names_a_revision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
