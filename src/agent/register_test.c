#include "agent/register.h"

#include "agent/puppet_testing.h"

struct test {
    struct puppet puppet;
    struct registration *registration;
    int ends;
    enum registration_end end;
    struct str instance;
    struct str zone;
    struct str why;
};

static struct str plugins[] = {STR_INIT("local"), STR_INIT("nfs:latest")};

static const struct host_facts facts = {
    .api_version = STR_INIT("1.41"),
    .volume_plugins = {.n = 2, .at = plugins},
    .architecture = STR_INIT("x86_64"),
    .cpus = 2,
    .memory_mib = 1000,
};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){0};
    *state = &test;
    puppet_open(&test.puppet);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    registration_cancel(test->registration);
    puppet_close(&test->puppet);
    return 0;
}

// ---- the request

static const struct ecs_attribute *
attribute(const struct ecs_register_container_instance_request *request, const char *name)
{
    for (size_t i = 0; i < request->attributes.n; i++) {
        if (str_eq(request->attributes.at[i].name, str_of(name)))
            return &request->attributes.at[i];
    }
    return NULL;
}

static struct ecs_register_container_instance_request *request_of(struct test *test,
                                                                  struct str container_instance)
{
    return register_request(&test->puppet.arena, &test->puppet.config, &facts, container_instance,
                            STR("token"));
}

static void resources_are_what_the_host_has_less_what_is_reserved(void **state)
{
    struct test *test = *state;
    struct str ports[] = {STR("22")};
    struct ecs_register_container_instance_request *request;

    test->puppet.config.reserved_memory_mib = 100;
    test->puppet.config.reserved_tcp = (struct str_list){.n = 1, .at = ports};
    request = request_of(test, STR_NONE);
    assert_int_equal(request->total_resources.n, 4);
    EXPECT_STR(request->total_resources.at[0].name, "CPU");
    assert_int_equal(request->total_resources.at[0].integer_value, 2048);
    EXPECT_STR(request->total_resources.at[1].name, "MEMORY");
    assert_int_equal(request->total_resources.at[1].integer_value, 900);
    EXPECT_STR(request->total_resources.at[2].name, "PORTS");
    EXPECT_STR(request->total_resources.at[2].string_set_value.at[0], "22");
    EXPECT_STR(request->total_resources.at[3].name, "PORTS_UDP");
    assert_true(request->total_resources.at[3].has.string_set_value);
    EXPECT_STR(request->cluster, "default");
    EXPECT_STR(request->client_token, "token");
}

static void more_memory_cannot_be_reserved_than_there_is(void **state)
{
    struct test *test = *state;
    int32_t cpu = 0;
    int32_t memory = 0;

    test->puppet.config.reserved_memory_mib = 1000;
    assert_true(host_capacity(&test->puppet.config, &facts, &cpu, &memory));
    assert_int_equal(memory, 0);
    test->puppet.config.reserved_memory_mib = 1001;
    assert_false(host_capacity(&test->puppet.config, &facts, &cpu, &memory));
}

static void what_the_host_is_and_can_do_are_attributes(void **state)
{
    struct test *test = *state;
    const struct ecs_register_container_instance_request *request = request_of(test, STR_NONE);

    EXPECT_STR(attribute(request, "ecs.os-type")->value, "linux");
    EXPECT_STR(attribute(request, "ecs.cpu-architecture")->value, "x86_64");
    assert_non_null(attribute(request, "ecs.capability.container-ordering"));
    assert_non_null(attribute(request, "ecs.capability.container-health-check"));
    assert_non_null(attribute(request, "ecs.capability.docker-plugin.nfs"));
    assert_non_null(attribute(request, "com.amazonaws.ecs.capability.docker-remote-api.1.32"));
    assert_non_null(attribute(request, "com.amazonaws.ecs.capability.privileged-container"));
    assert_null(attribute(request, "ecs.capability.external"));
    assert_false(attribute(request, "ecs.capability.container-ordering")->has.value);
}

static void what_is_switched_off_is_not_advertised(void **state)
{
    struct test *test = *state;
    const struct ecs_register_container_instance_request *request;

    test->puppet.config.privileged_disabled = true;
    test->puppet.config.health_disabled = true;
    test->puppet.config.external = true;
    request = request_of(test, STR_NONE);
    assert_null(attribute(request, "com.amazonaws.ecs.capability.privileged-container"));
    assert_null(attribute(request, "ecs.capability.container-health-check"));
    assert_non_null(attribute(request, "ecs.capability.external"));
}

static void custom_attributes_are_sent_the_first_time_only(void **state)
{
    struct test *test = *state;
    struct ecs_attribute own = {0};

    SET(&own, name, STR("stack"));
    SET(&own, value, STR("prod"));
    test->puppet.config.attributes = (struct ecs_attribute_list){.n = 1, .at = &own};
    EXPECT_STR(attribute(request_of(test, STR_NONE), "stack")->value, "prod");
    assert_false(request_of(test, STR_NONE)->has.container_instance_arn);
    assert_null(attribute(request_of(test, STR("arn:1")), "stack"));
    EXPECT_STR(request_of(test, STR("arn:1"))->container_instance_arn, "arn:1");
}

// ---- the call

static void ended(void *user, enum registration_end end, struct str instance, struct str zone,
                  struct str why)
{
    struct test *test = user;

    test->ends++;
    test->end = end;
    test->instance = str_copy(&test->puppet.arena, instance);
    test->zone = str_copy(&test->puppet.arena, zone);
    test->why = str_copy(&test->puppet.arena, why);
    test->registration = NULL;
}

static void start(struct test *test)
{
    test->registration =
        registration_start(test->puppet.loop, test->puppet.api, &test->puppet.config, &facts,
                           STR_NONE, STR("token"), ended, test);
}

// An answer that gives every attribute back, as the real service does.
static const char *welcome(struct test *test)
{
    struct ecs_register_container_instance_request *request = request_of(test, STR_NONE);
    BUF_AUTO struct buf out = BUF_INIT;

    buf_add_str(&out, STR("{\"containerInstance\":{\"containerInstanceArn\":\"arn:i\","
                          "\"attributes\":[{\"name\":\"ecs.availability-zone\","
                          "\"value\":\"z1\"}"));
    for (size_t i = 0; i < request->attributes.n; i++)
        buf_printf(&out, ",{\"name\":\"%.*s\",\"value\":\"%.*s\"}",
                   STR_ARGS(request->attributes.at[i].name),
                   STR_ARGS(request->attributes.at[i].value));
    buf_add_str(&out, STR("]}}"));
    return str_cstr(&test->puppet.arena, buf_str(&out));
}

static void an_answer_gives_a_name_and_a_zone(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, "RegisterContainerInstance", 200, welcome(test));
    start(test);
    puppet_await(&test->puppet, &test->ends, 1);
    assert_int_equal(test->end, REGISTRATION_DONE);
    EXPECT_STR(test->instance, "arn:i");
    EXPECT_STR(test->zone, "z1");
}

static void attributes_that_do_not_come_back_are_final(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, NULL, 200,
                       "{\"containerInstance\":{\"containerInstanceArn\":\"arn:i\"}}");
    start(test);
    puppet_await(&test->puppet, &test->ends, 1);
    assert_int_equal(test->end, REGISTRATION_TERMINAL);
    EXPECT_STR(test->why, "Attribute validation failed");
}

static void the_default_cluster_is_made_when_it_is_missing(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, NULL, 400,
                       "{\"__type\":\"ClusterNotFoundException\",\"message\":\"no\"}");
    puppet_will_answer(&test->puppet, "CreateCluster", 200, "{}");
    puppet_will_answer(&test->puppet, "RegisterContainerInstance", 200, welcome(test));
    start(test);
    puppet_await(&test->puppet, &test->ends, 1);
    assert_int_equal(test->end, REGISTRATION_DONE);
    EXPECT_STR(buf_str(&test->puppet.operations),
               "RegisterContainerInstance CreateCluster RegisterContainerInstance ");
}

static void another_cluster_is_not_made(void **state)
{
    struct test *test = *state;

    test->puppet.config.cluster = STR("blue");
    puppet_will_answer(&test->puppet, NULL, 400,
                       "{\"__type\":\"ClusterNotFoundException\",\"message\":\"Cluster not "
                       "found.\"}");
    start(test);
    puppet_await(&test->puppet, &test->ends, 1);
    assert_int_equal(test->end, REGISTRATION_FAILED);
    EXPECT_STR(test->why, "Cluster not found.");
    assert_int_equal(test->puppet.calls, 1);
}

static void refusals_are_final_or_failures(void **state)
{
    static const struct {
        const char *body;
        enum registration_end end;
    } rows[] = {
        {"{\"__type\":\"InvalidParameterException\",\"message\":\"m\"}", REGISTRATION_TERMINAL},
        {"{\"__type\":\"ClientException\",\"message\":\"m\"}", REGISTRATION_TERMINAL},
        {"{\"__type\":\"AccessDeniedException\",\"message\":\"m\"}", REGISTRATION_FAILED},
    };
    struct test *test = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        puppet_will_answer(&test->puppet, NULL, 400, rows[i].body);
        start(test);
        puppet_await(&test->puppet, &test->ends, (int)i + 1);
        assert_int_equal(test->end, rows[i].end);
        EXPECT_STR(test->why, "m");
    }
}

static void what_may_pass_is_tried_again(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, NULL, 400, "{\"__type\":\"ThrottlingException\"}");
    puppet_will_answer(&test->puppet, NULL, 200, welcome(test));
    start(test);
    puppet_await(&test->puppet, &test->ends, 1);
    assert_int_equal(test->end, REGISTRATION_DONE);
    assert_int_equal(test->puppet.calls, 2);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(resources_are_what_the_host_has_less_what_is_reserved),
        CASE(more_memory_cannot_be_reserved_than_there_is),
        CASE(what_the_host_is_and_can_do_are_attributes),
        CASE(what_is_switched_off_is_not_advertised),
        CASE(custom_attributes_are_sent_the_first_time_only),
        CASE(an_answer_gives_a_name_and_a_zone),
        CASE(attributes_that_do_not_come_back_are_final),
        CASE(the_default_cluster_is_made_when_it_is_missing),
        CASE(another_cluster_is_not_made),
        CASE(refusals_are_final_or_failures),
        CASE(what_may_pass_is_tried_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
