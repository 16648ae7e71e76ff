#include "model/arn.h"

#include "base/test.h"

static const struct scope here = {STR_INIT("aws"), STR_INIT("us-east-1"), STR_INIT("123456789012")};

static void parts_of_an_arn_are_slices_of_it(void **state)
{
    struct arn arn;
    (void)state;

    assert_true(arn_parse(STR("arn:aws-cn:ecs:cn-north-1:123456789012:task/demo/0a1b"), &arn));
    EXPECT_STR(arn.scope.partition, "aws-cn");
    EXPECT_STR(arn.scope.region, "cn-north-1");
    EXPECT_STR(arn.scope.account, "123456789012");
    EXPECT_STR(arn.service, "ecs");
    EXPECT_STR(arn.kind, "task");
    EXPECT_STR(arn.tail, "demo/0a1b");
}

static void a_revision_stays_in_the_tail(void **state)
{
    struct arn arn;
    (void)state;

    assert_true(arn_parse(STR("arn:aws:ecs:us-east-1:123456789012:task-definition/web:7"), &arn));
    EXPECT_STR(arn.kind, "task-definition");
    EXPECT_STR(arn.tail, "web:7");
}

static void roles_parse_although_they_have_no_region(void **state)
{
    struct arn arn;
    (void)state;

    assert_true(arn_parse(STR("arn:aws:iam::123456789012:role/a/b"), &arn));
    EXPECT_STR(arn.service, "iam");
    EXPECT_STR(arn.scope.region, "");
    EXPECT_STR(arn.tail, "a/b");
}

static void what_is_no_arn_is_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "demo",
        "arn",
        "arn:",
        "arn:aws:ecs:us-east-1:123456789012",
        "arn:aws:ecs:us-east-1:123456789012:",
        "arn:aws:ecs:us-east-1:123456789012:cluster",
        "arn:aws:ecs:us-east-1:123456789012:cluster/",
        "arn:aws:ecs:us-east-1:123456789012:/demo",
        "ARN:aws:ecs:us-east-1:123456789012:cluster/demo",
        "arn:aws:ecs:us-east-1/cluster/demo",
    };
    struct arn arn;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (arn_parse(str_of(bad[i]), &arn))
            fail_msg("'%s' was taken for an ARN", bad[i]);
    }
}

static void what_is_made_parses_back(void **state)
{
    struct arena arena = ARENA_INIT;
    struct str text = arn_make2(&arena, &here, "container-instance", STR("demo"), STR("0a1b"));
    struct arn arn;
    (void)state;

    EXPECT_STR(text, "arn:aws:ecs:us-east-1:123456789012:container-instance/demo/0a1b");
    assert_true(arn_parse(text, &arn));
    assert_true(scope_eq(&arn.scope, &here));
    EXPECT_STR(arn_make(&arena, &here, "cluster", STR("demo")),
               "arn:aws:ecs:us-east-1:123456789012:cluster/demo");
    arena_deinit(&arena);
}

static void scopes_differ_by_any_of_their_parts(void **state)
{
    struct scope other = here;
    (void)state;

    assert_true(scope_eq(&other, &here));
    other.partition = STR("aws-cn");
    assert_false(scope_eq(&other, &here));
    other = here;
    other.region = STR("us-east-2");
    assert_false(scope_eq(&other, &here));
    other = here;
    other.account = STR("210987654321");
    assert_false(scope_eq(&other, &here));
}

static void looking_like_an_arn_is_less_than_being_one(void **state)
{
    (void)state;

    assert_true(arn_looks_like_one(STR("arn:nonsense")));
    assert_false(arn_looks_like_one(STR("arnold")));
    assert_false(arn_looks_like_one(STR_NONE));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts_of_an_arn_are_slices_of_it),
        cmocka_unit_test(a_revision_stays_in_the_tail),
        cmocka_unit_test(roles_parse_although_they_have_no_region),
        cmocka_unit_test(what_is_no_arn_is_refused),
        cmocka_unit_test(what_is_made_parses_back),
        cmocka_unit_test(scopes_differ_by_any_of_their_parts),
        cmocka_unit_test(looking_like_an_arn_is_less_than_being_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
