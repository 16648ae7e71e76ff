#include "base/test.h"

#include "api/docker.h"
#include "api/ecs.h"

static void finds_every_member_by_its_wire_name(void **state)
{
    const struct shape *shape = &ecs_container_definition_shape;
    (void)state;

    for (uint32_t i = 0; i < shape->fields_n; i++)
        assert_ptr_equal(shape_find(shape, shape->fields[i].name), &shape->fields[i]);
    assert_null(shape_find(shape, STR("Image")));
    assert_null(shape_find(shape, STR("")));
    assert_null(shape_find(shape, STR("zzz")));
    assert_null(shape_find(&docker_empty_shape, STR("a")));
}

static void ignores_case_only_when_asked(void **state)
{
    const struct shape_field *field = shape_find_nocase(&docker_config_shape, STR("workingdir"));
    (void)state;

    assert_non_null(field);
    EXPECT_STR(field->name, "WorkingDir");
    assert_null(shape_find(&docker_config_shape, STR("workingdir")));
}

static void members_stand_in_the_order_of_the_wire(void **state)
{
    const struct shape *shape = &ecs_task_definition_shape;
    (void)state;

    for (uint32_t i = 1; i < shape->fields_n; i++)
        assert_true(str_cmp(shape->fields[i - 1].name, shape->fields[i].name) < 0);
}

static void set_marks_a_member_present(void **state)
{
    struct ecs_cluster cluster = {0};
    const struct shape_field *field = shape_find(&ecs_cluster_shape, STR("runningTasksCount"));
    (void)state;

    assert_false(shape_has(&cluster, field));
    SET(&cluster, running_tasks_count, 3);
    assert_true(shape_has(&cluster, field));
    assert_int_equal(*(int32_t *)shape_at(&cluster, field), 3);
    assert_int_equal(*shape_mask(&cluster), UINT64_C(1) << field->bit);
}

static void entry_sizes_are_those_of_the_compiler(void **state)
{
    const struct shape *config = &docker_config_shape;
    const struct shape *host = &docker_host_config_shape;
    (void)state;

    assert_int_equal(shape_element_size(shape_find(config, STR("Cmd"))), sizeof(struct str));
    assert_int_equal(shape_element_size(shape_find(config, STR("Labels"))),
                     sizeof(struct str_pair));
    assert_int_equal(shape_element_size(shape_find(config, STR("Volumes"))),
                     sizeof(struct docker_empty_entry));
    assert_int_equal(shape_element_size(shape_find(host, STR("Ulimits"))),
                     sizeof(struct docker_ulimit));
    assert_int_equal(shape_element_size(shape_find(host, STR("PortBindings"))),
                     sizeof(struct docker_port_binding_list_entry));
    assert_int_equal(shape_slot_size(shape_find(host, STR("Ulimits"))),
                     sizeof(struct docker_ulimit_list));
}

static void enum_names_map_both_ways(void **state)
{
    (void)state;

    EXPECT_STR(shape_enum_name(&ecs_launch_type_enum, ECS_LAUNCH_TYPE_EC2), "EC2");
    assert_int_equal(shape_enum_value(&ecs_launch_type_enum, STR("EC2")), ECS_LAUNCH_TYPE_EC2);
    assert_int_equal(shape_enum_value(&ecs_launch_type_enum, STR("ec2")), 0);
    assert_int_equal(shape_enum_value(&ecs_launch_type_enum, STR("")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_every_member_by_its_wire_name),
        cmocka_unit_test(ignores_case_only_when_asked),
        cmocka_unit_test(members_stand_in_the_order_of_the_wire),
        cmocka_unit_test(set_marks_a_member_present),
        cmocka_unit_test(entry_sizes_are_those_of_the_compiler),
        cmocka_unit_test(enum_names_map_both_ways),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
