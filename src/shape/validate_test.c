#include "base/test.h"

#include "api/ecs.h"
#include "base/buf.h"
#include "shape/walk.h"

static void expect_clauses(const struct shape *shape, const void *value,
                           const struct shape_unknown *unknowns, size_t n, const char *want)
{
    BUF_AUTO struct buf out = BUF_INIT;

    assert_int_equal(shape_validate(shape, value, unknowns, &out), n);
    EXPECT_STR(buf_str(&out), want);
}

static void a_good_request_says_nothing(void **state)
{
    struct ecs_tag tag = {0};
    struct ecs_create_cluster_request in = {0};
    (void)state;

    SET(&tag, key, STR("team"));
    SET(&tag, value, STR(""));
    SET(&in, tags, (struct ecs_tag_list){.n = 1, .at = &tag});
    expect_clauses(&ecs_create_cluster_request_shape, &in, NULL, 0, "");
}

static void a_required_member_is_missed(void **state)
{
    struct ecs_run_task_request in = {0};
    (void)state;
    expect_clauses(&ecs_run_task_request_shape, &in, NULL, 1,
                   "Value null at 'taskDefinition' failed to satisfy constraint: Member must not "
                   "be null");
}

static void entries_are_named_from_one(void **state)
{
    struct ecs_capacity_provider_strategy_item items[2] = {0};
    struct ecs_run_task_request in = {0};
    (void)state;

    SET(&in, task_definition, STR("a"));
    SET(&in, capacity_provider_strategy,
        (struct ecs_capacity_provider_strategy_item_list){.n = 2, .at = items});
    SET(&items[0], capacity_provider, STR("p"));
    SET(&items[1], capacity_provider, STR("q"));
    SET(&items[0], weight, -1);
    SET(&items[1], weight, 1001);
    expect_clauses(
        &ecs_run_task_request_shape, &in, NULL, 2,
        "Value '-1' at 'capacityProviderStrategy.1.member.weight' failed to satisfy "
        "constraint: Member must have value greater than or equal to 0; Value '1001' at "
        "'capacityProviderStrategy.2.member.weight' failed to satisfy constraint: Member "
        "must have value less than or equal to 1000");
}

static void lengths_count_characters_not_bytes(void **state)
{
    struct ecs_tag tag = {0};
    char key[2 * 129];
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    for (size_t i = 0; i < sizeof key; i += 2)
        memcpy(key + i, "\xc3\xa9", 2);
    SET(&tag, key, str_span(key, 2 * 128));
    expect_clauses(&ecs_tag_shape, &tag, NULL, 0, "");
    tag.key.len = sizeof key;
    assert_int_equal(shape_validate(&ecs_tag_shape, &tag, NULL, &out), 1);
    assert_true(str_ends(buf_str(&out), STR("' at 'key' failed to satisfy constraint: Member must "
                                            "have length less than or equal to 128")));
}

static void patterns_are_quoted_as_the_model_has_them(void **state)
{
    struct ecs_tag tag = {0};
    (void)state;

    SET(&tag, key, STR("a!"));
    expect_clauses(&ecs_tag_shape, &tag, NULL, 1,
                   "Value 'a!' at 'key' failed to satisfy constraint: Member must satisfy regular "
                   "expression pattern: ([\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*)");
}

static void limits_of_entries_hold_for_each(void **state)
{
    struct str keys[] = {STR("ok"), STR("")};
    struct ecs_untag_resource_request in = {0};
    (void)state;

    SET(&in, resource_arn, STR("arn"));
    SET(&in, tag_keys, (struct str_list){.n = 2, .at = keys});
    expect_clauses(&ecs_untag_resource_request_shape, &in, NULL, 1,
                   "Value '' at 'tagKeys.2.member' failed to satisfy constraint: Member must have "
                   "length greater than or equal to 1");
}

static void an_unknown_name_is_quoted_with_the_ones_there_are(void **state)
{
    struct ecs_run_task_request in = {0};
    struct shape_unknown other = {.field = &other, .text = STR("no")};
    struct shape_unknown note = {.field = &in.launch_type, .text = STR("MOON"), .next = &other};
    (void)state;

    SET(&in, task_definition, STR("a"));
    SET(&in, launch_type, 0);
    expect_clauses(&ecs_run_task_request_shape, &in, &note, 1,
                   "Value 'MOON' at 'launchType' failed to satisfy constraint: Member must satisfy "
                   "enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]");
}

static void many_violations_are_counted_but_not_all_written(void **state)
{
    struct ecs_tag tags[1000] = {0};
    struct ecs_create_cluster_request in = {0};
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    for (size_t i = 0; i < 1000; i++)
        SET(&tags[i], key, STR(""));
    SET(&in, tags, (struct ecs_tag_list){.n = 1000, .at = tags});
    assert_true(shape_validate(&ecs_create_cluster_request_shape, &in, NULL, &out) >= 1000);
    assert_in_range(buf_len(&out), 1000, 100000);
}

static void long_values_are_cut_between_characters(void **state)
{
    struct ecs_tag tag = {0};
    char key[3001];
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    for (size_t i = 0; i + 3 <= sizeof key; i += 3)
        memcpy(key + i, "\xe2\x82\xac", 3);
    SET(&tag, key, str_span(key, 3000));
    assert_true(shape_validate(&ecs_tag_shape, &tag, NULL, &out) >= 1);
    EXPECT_STR(str_take(str_from(buf_str(&out), 7 + 1023), 6), "' at '");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_good_request_says_nothing),
        cmocka_unit_test(a_required_member_is_missed),
        cmocka_unit_test(entries_are_named_from_one),
        cmocka_unit_test(lengths_count_characters_not_bytes),
        cmocka_unit_test(patterns_are_quoted_as_the_model_has_them),
        cmocka_unit_test(limits_of_entries_hold_for_each),
        cmocka_unit_test(an_unknown_name_is_quoted_with_the_ones_there_are),
        cmocka_unit_test(many_violations_are_counted_but_not_all_written),
        cmocka_unit_test(long_values_are_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
