#include "engine/firelens.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"

static struct arena arena;

static int teardown(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct str_pair cloudwatch[] = {
    {.key = STR_INIT("Name"), .value = STR_INIT("cloudwatch")},
    {.key = STR_INIT("region"), .value = STR_INIT("local-1")},
    {.key = STR_INIT("exclude-pattern"), .value = STR_INIT("^DEBUG")},
    {.key = STR_INIT("log-driver-buffer-limit"), .value = STR_INIT("1m")},
};

static struct firelens_router router_of(enum firelens_kind kind)
{
    return (struct firelens_router){
        .kind = kind,
        .network = FIRELENS_BRIDGE,
        .adds_metadata = true,
        .cluster = STR("default"),
        .task_arn = STR("arn:aws:ecs:r:1:task/default/t"),
        .definition = STR("web:7"),
    };
}

static struct str config(const struct firelens_router *router, const struct firelens_sender *sender)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct str reason = STR_NONE;

    assert_int_equal(firelens_config(router, sender, 1, &arena, &out, &reason), 0);
    return str_copy(&arena, buf_str(&out));
}

static bool has(struct str text, const char *part)
{
    return strstr(str_cstr(&arena, text), part) != NULL;
}

static void fluent_bit_gets_the_published_sections(void **state)
{
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {.container = STR("web"), .options = cloudwatch, .options_n = 4};
    (void)state;

    router.instance_id = STR("i-1");
    EXPECT_STR(config(&router, &web), "[INPUT]\n"
                                      "    Name forward\n"
                                      "    unix_path /var/run/fluent.sock\n"
                                      "    Mem_Buf_Limit 25MB\n"
                                      "[INPUT]\n"
                                      "    Name forward\n"
                                      "    Listen 0.0.0.0\n"
                                      "    Port 24224\n"
                                      "[INPUT]\n"
                                      "    Name tcp\n"
                                      "    Tag firelens-healthcheck\n"
                                      "    Listen 127.0.0.1\n"
                                      "    Port 8877\n"
                                      "[FILTER]\n"
                                      "    Name grep\n"
                                      "    Match web-firelens*\n"
                                      "    Exclude log ^DEBUG\n"
                                      "[FILTER]\n"
                                      "    Name record_modifier\n"
                                      "    Match *\n"
                                      "    Record ecs_cluster default\n"
                                      "    Record ecs_task_arn arn:aws:ecs:r:1:task/default/t\n"
                                      "    Record ecs_task_definition web:7\n"
                                      "    Record ec2_instance_id i-1\n"
                                      "[OUTPUT]\n"
                                      "    Name null\n"
                                      "    Match firelens-healthcheck\n"
                                      "[OUTPUT]\n"
                                      "    Name cloudwatch\n"
                                      "    Match web-firelens*\n"
                                      "    region local-1\n");
}

static void fluentd_gets_its_own_syntax(void **state)
{
    static struct str_pair options[] = {
        {.key = STR_INIT("@type"), .value = STR_INIT("kinesis")},
        {.key = STR_INIT("include-pattern"), .value = STR_INIT("^ERROR")},
    };
    struct firelens_router router = router_of(FIRELENS_FLUENTD);
    struct firelens_sender web = {.container = STR("web"), .options = options, .options_n = 2};
    (void)state;

    router.adds_metadata = false;
    router.external = firelens_external_path(FIRELENS_FLUENTD);
    EXPECT_STR(config(&router, &web), "<source>\n"
                                      "    @type unix\n"
                                      "    path /var/run/fluent.sock\n"
                                      "</source>\n"
                                      "<source>\n"
                                      "    @type forward\n"
                                      "    bind 0.0.0.0\n"
                                      "    port 24224\n"
                                      "</source>\n"
                                      "<filter web-firelens**>\n"
                                      "    @type grep\n"
                                      "    <regexp>\n"
                                      "        key log\n"
                                      "        pattern ^ERROR\n"
                                      "    </regexp>\n"
                                      "</filter>\n"
                                      "@include /fluentd/etc/external.conf\n"
                                      "<match web-firelens**>\n"
                                      "    @type kinesis\n"
                                      "</match>\n");
}

static void the_network_decides_who_may_connect(void **state)
{
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {.container = STR("web"), .options = cloudwatch, .options_n = 4};
    (void)state;

    router.network = FIRELENS_AWSVPC;
    assert_true(has(config(&router, &web), "Listen 127.0.0.1\n    Port 24224"));
    router.network = FIRELENS_HOST;
    assert_false(has(config(&router, &web), "Port"));
    assert_false(has(config(&router, &web), "healthcheck"));
}

static void the_buffer_is_half_of_the_routers_memory(void **state)
{
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {.container = STR("web"), .options = cloudwatch, .options_n = 4};
    (void)state;

    router.memory_mib = 101;
    assert_true(has(config(&router, &web), "Mem_Buf_Limit 50MB"));
}

static void secrets_are_only_named(void **state)
{
    static const struct str secrets[] = {STR_INIT("apikey")};
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {
        .container = STR("web"),
        .options = cloudwatch,
        .options_n = 4,
        .secrets = secrets,
        .secrets_n = 1,
        .index = 2,
    };
    (void)state;

    assert_true(has(config(&router, &web), "    apikey ${apikey_2}\n"));
    router.kind = FIRELENS_FLUENTD;
    cloudwatch[0].key = STR("@type");
    web.options_n = 1;
    assert_true(has(config(&router, &web), "    apikey \"#{ENV['apikey_2']}\"\n"));
    cloudwatch[0].key = STR("Name");
}

static void an_output_must_be_named(void **state)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {
        .container = STR("web"), .options = cloudwatch + 1, .options_n = 1};
    struct str reason = STR_NONE;
    (void)state;

    assert_int_equal(firelens_config(&router, &web, 1, &arena, &out, &reason),
                     FIRELENS_E_NO_OUTPUT);
    EXPECT_STR(reason, "missing output key Name which is required for firelens configuration of "
                       "type fluentbit");
}

static void without_options_the_operators_file_has_the_outputs(void **state)
{
    struct firelens_router router = router_of(FIRELENS_FLUENT_BIT);
    struct firelens_sender web = {
        .container = STR("web"), .options = cloudwatch + 2, .options_n = 2};
    (void)state;

    router.external = STR("/extra.conf");
    assert_false(has(config(&router, &web), "Match web-firelens*\n    region"));
    assert_true(has(config(&router, &web), "@INCLUDE /extra.conf\n"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fluent_bit_gets_the_published_sections),
        cmocka_unit_test(fluentd_gets_its_own_syntax),
        cmocka_unit_test(the_network_decides_who_may_connect),
        cmocka_unit_test(the_buffer_is_half_of_the_routers_memory),
        cmocka_unit_test(secrets_are_only_named),
        cmocka_unit_test(an_output_must_be_named),
        cmocka_unit_test(without_options_the_operators_file_has_the_outputs),
    };

    return cmocka_run_group_tests(tests, NULL, teardown);
}
