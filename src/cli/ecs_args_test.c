#include "cli/ecs_args.h"

#include "api/ecs.h"
#include "base/test.h"

static struct arena arena;

#define ARGS(...)                                                                                  \
    ((const char *const[]){__VA_ARGS__}),                                                          \
        (int)(sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))

static struct str json_of(const struct shape *shape, const char *const *arguments, int n)
{
    struct str json;
    struct str why;

    if (ecs_args_to_json(&arena, shape, arguments, n, &json, &why) != 0)
        return str_fmt(&arena, "error: %.*s", STR_ARGS(why));
    return json;
}

static void scalars_lists_and_switches(void **state)
{
    const struct shape *shape = &ecs_run_task_request_shape;
    (void)state;

    EXPECT_STR(
        json_of(shape, ARGS("--cluster", "demo", "--count", "2", "--enable-execute-command")),
        "{\"cluster\":\"demo\",\"count\":2,\"enableExecuteCommand\":true}");
    EXPECT_STR(json_of(shape, ARGS("--no-enable-execute-command")),
               "{\"enableExecuteCommand\":false}");
    EXPECT_STR(json_of(&ecs_describe_tasks_request_shape, ARGS("--tasks", "a", "b")),
               "{\"tasks\":[\"a\",\"b\"]}");
    EXPECT_STR(json_of(&ecs_describe_tasks_request_shape, ARGS("--tasks", "[\"a\"]")),
               "{\"tasks\":[\"a\"]}");
}

static void short_forms(void **state)
{
    (void)state;
    EXPECT_STR(
        json_of(&ecs_run_task_request_shape, ARGS("--tags", "key=a,value=b", "key=c,value=d e")),
        "{\"tags\":[{\"key\":\"a\",\"value\":\"b\"},{\"key\":\"c\",\"value\":\"d e\"}]}");
    EXPECT_STR(
        json_of(&ecs_run_task_request_shape,
                ARGS("--network-configuration", "awsvpcConfiguration={\"subnets\":[\"s\"]}")),
        "{\"networkConfiguration\":{\"awsvpcConfiguration\":{\"subnets\":[\"s\"]}}}");
    EXPECT_STR(
        json_of(&ecs_register_task_definition_request_shape,
                ARGS("--container-definitions", "name=a,image=b,memory=8,command=sh,-c,true")),
        "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\",\"memory\":8,"
        "\"command\":[\"sh\",\"-c\",\"true\"]}]}");
    arena_reset(&arena);
}

static void whole_requests(void **state)
{
    (void)state;
    EXPECT_STR(json_of(&ecs_run_task_request_shape,
                       ARGS("--cli-input-json", "{\"cluster\":\"x\"}", "--count", "1")),
               "{\"cluster\":\"x\",\"count\":1}");
    EXPECT_STR(json_of(&ecs_run_task_request_shape, ARGS("--cli-input-json", "{}")), "{}");
}

static void nonsense_is_refused(void **state)
{
    const struct shape *shape = &ecs_run_task_request_shape;
    (void)state;

    EXPECT_STR(json_of(shape, ARGS("--clutser", "x")), "error: no such flag: -- 'clutser'");
    EXPECT_STR(json_of(shape, ARGS("--count", "two")), "error: not a number: 'two'");
    EXPECT_STR(json_of(shape, ARGS("--count", "1-2")), "error: not a number: '1-2'");
    EXPECT_STR(json_of(shape, ARGS("--count", "1.")), "error: not a number: '1.'");
    EXPECT_STR(json_of(shape, ARGS("--count", "-1.5e+3")), "{\"count\":-1.5e+3}");
    EXPECT_STR(json_of(shape, ARGS("demo")), "error: unexpected 'demo'");
    EXPECT_STR(json_of(shape, ARGS("--tags", "colour=red")), "error: no such member: 'colour'");
    EXPECT_STR(json_of(shape, ARGS("--cluster")), "error: one value for 'cluster'");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars_lists_and_switches),
        cmocka_unit_test(short_forms),
        cmocka_unit_test(whole_requests),
        cmocka_unit_test(nonsense_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
