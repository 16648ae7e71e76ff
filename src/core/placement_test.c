#include "core/placement.h"

#include "base/arena.h"
#include "base/test.h"
#include "core/fleet_testing.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task_definition.h"

struct bench {
    struct fleet fleet;
    struct placement_request request;
    struct ecs_placement_strategy strategies[5];
    struct ecs_placement_strategy_list chain;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    fleet_init(&b->fleet);
    b->request.cluster = cluster_get(&b->fleet.state, 1);
    b->request.launch_type = ECS_LAUNCH_TYPE_EC2;
    b->request.group = STR("family:web");
    b->chain.at = b->strategies;
    b->request.strategies = &b->chain;
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    fleet_deinit(&b->fleet);
    free(b);
    return 0;
}

static void asks_for(struct bench *b, int cpu, int memory, const char *attributes)
{
    b->request.definition = fleet_add_definition(&b->fleet, cpu, memory, attributes);
    b->request.need = &b->request.definition->need;
}

static void add_strategy(struct bench *b, enum ecs_placement_strategy_type type, const char *field)
{
    SET(&b->strategies[b->chain.n], type, type);
    SET(&b->strategies[b->chain.n], field, str_of(field));
    b->chain.n++;
}
#define SPREAD  ECS_PLACEMENT_STRATEGY_TYPE_SPREAD
#define BINPACK ECS_PLACEMENT_STRATEGY_TYPE_BINPACK
#define RANDOM  ECS_PLACEMENT_STRATEGY_TYPE_RANDOM

// Places n tasks one after the other and says where: "A B A". Of one that finds no place the reason
// and the closest instance: "RESOURCE:CPU@A".
static struct str placed(struct bench *b, int n)
{
    struct arena *arena = &b->fleet.arena;
    struct str out = STR_NONE;

    for (int i = 0; i < n; i++) {
        struct placement p = place(&b->fleet.step, &b->request);
        struct str word;

        assert_int_equal(p.instance != NULL, p.reason == PLACE_FITS);
        if (p.instance == NULL)
            word = str_fmt(arena, "%.*s@%.*s", STR_ARGS(place_reason_text(p.reason)),
                           STR_ARGS(p.closest ? p.closest->uid : STR("-")));
        else
            word = p.instance->uid;
        out = str_fmt(arena, "%.*s%s%.*s", STR_ARGS(out), i > 0 ? " " : "", STR_ARGS(word));
        if (p.instance != NULL)
            fleet_add_task_of(&b->fleet, b->request.definition, str_cstr(arena, p.instance->uid),
                              str_cstr(arena, b->request.group));
    }
    return out;
}

static uint32_t tasks_on(struct bench *b, const char *uid)
{
    return fleet_instance(&b->fleet, uid)->wanted_n;
}

static void spread_puts_one_in_each_zone(void **state)
{
    struct bench *b = *state;

    asks_for(b, 10, 10, "");
    add_strategy(b, SPREAD, "attribute:ecs.availability-zone");
    for (const char *uid = "ABC"; *uid != '\0'; uid++) {
        char name[] = {*uid, '\0'};
        fleet_add_instance(&b->fleet, name, 1000, 1000,
                           arena_printf(&b->fleet.arena, "ecs.availability-zone=%c", *uid));
    }
    placed(b, 3);
    assert_int_equal(tasks_on(b, "A"), 1);
    assert_int_equal(tasks_on(b, "B"), 1);
    assert_int_equal(tasks_on(b, "C"), 1);
    placed(b, 7);
    assert_in_range(tasks_on(b, "A"), 3, 4);
    assert_in_range(tasks_on(b, "B"), 3, 4);
    assert_in_range(tasks_on(b, "C"), 3, 4);
}

static void zone_first_then_instances_inside_it(void **state)
{
    struct bench *b = *state;

    asks_for(b, 10, 10, "");
    add_strategy(b, SPREAD, "attribute:ecs.availability-zone");
    add_strategy(b, SPREAD, "instanceId");
    fleet_add_instance(&b->fleet, "A1", 1000, 1000, "ecs.availability-zone=a");
    fleet_add_instance(&b->fleet, "A2", 1000, 1000, "ecs.availability-zone=a");
    fleet_add_instance(&b->fleet, "B1", 1000, 1000, "ecs.availability-zone=b");
    placed(b, 4);
    assert_int_equal(tasks_on(b, "A1"), 1);
    assert_int_equal(tasks_on(b, "A2"), 1);
    assert_int_equal(tasks_on(b, "B1"), 2);
}

static void spread_counts_only_the_group(void **state)
{
    struct bench *b = *state;

    asks_for(b, 10, 10, "");
    add_strategy(b, SPREAD, "host");
    fleet_add_instance(&b->fleet, "A", 1000, 1000, "");
    fleet_add_instance(&b->fleet, "B", 1000, 1000, "");
    fleet_add_task(&b->fleet, "A", "family:web");
    fleet_add_task(&b->fleet, "B", "family:other");
    fleet_add_task(&b->fleet, "B", "family:other");
    EXPECT_STR(placed(b, 1), "B");
}

static void instances_without_the_attribute_are_one_bucket(void **state)
{
    struct bench *b = *state;

    asks_for(b, 10, 10, "");
    add_strategy(b, SPREAD, "attribute:rack");
    fleet_add_instance(&b->fleet, "A", 1000, 1000, "rack=1");
    fleet_add_instance(&b->fleet, "B", 1000, 1000, "");
    fleet_add_instance(&b->fleet, "C", 1000, 1000, "");
    placed(b, 4);
    assert_int_equal(tasks_on(b, "A"), 2);
    assert_int_equal(tasks_on(b, "B"), 1);
    assert_int_equal(tasks_on(b, "C"), 1);
}

static void binpack_fills_the_fullest_that_fits(void **state)
{
    struct bench *b = *state;

    asks_for(b, 1, 256, "");
    add_strategy(b, BINPACK, "MEMORY");
    fleet_add_instance(&b->fleet, "A", 1000, 512, "");
    fleet_add_instance(&b->fleet, "B", 1000, 300, "");
    EXPECT_STR(placed(b, 2), "B A");
}

static void zone_then_binpack_as_in_the_worked_example(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 256, "");
    add_strategy(b, SPREAD, "attribute:ecs.availability-zone");
    add_strategy(b, BINPACK, "memory");
    fleet_add_instance(&b->fleet, "A1", 0, 512, "ecs.availability-zone=a");
    fleet_add_instance(&b->fleet, "A2", 0, 1024, "ecs.availability-zone=a");
    fleet_add_instance(&b->fleet, "B1", 0, 300, "ecs.availability-zone=b");
    fleet_add_task(&b->fleet, "A2", "family:web");
    EXPECT_STR(placed(b, 3), "B1 A1 A1");
}

static void without_strategies_chance_decides(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 0, "");
    fleet_add_instance(&b->fleet, "A", 1, 1, "");
    fleet_add_instance(&b->fleet, "B", 1, 1, "");
    placed(b, 200);
    assert_in_range(tasks_on(b, "A"), 60, 140);
    add_strategy(b, RANDOM, "");
    placed(b, 200);
    assert_in_range(tasks_on(b, "A"), 150, 250);
}

static void equals_go_where_fewest_of_the_group_are(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 0, "");
    add_strategy(b, BINPACK, "cpu");
    fleet_add_instance(&b->fleet, "A", 10, 10, "");
    fleet_add_instance(&b->fleet, "B", 10, 10, "");
    fleet_add_task(&b->fleet, "A", "family:web");
    EXPECT_STR(placed(b, 1), "B");
}

static void a_rejected_task_names_who_came_closest(void **state)
{
    struct bench *b = *state;

    asks_for(b, 100, 100, "gpu-driver fast=1");
    EXPECT_STR(placed(b, 1), "NO ACTIVE INSTANCES@-");
    instance_set_session(&b->fleet.state, fleet_add_instance(&b->fleet, "A", 1000, 1000, ""), 0);
    EXPECT_STR(placed(b, 1), "AGENT@A");
    fleet_add_instance(&b->fleet, "B", 10, 1000, "");
    EXPECT_STR(placed(b, 1), "RESOURCE:CPU@B");
    fleet_add_instance(&b->fleet, "C", 100, 10, "");
    fleet_add_instance(&b->fleet, "D", 100, 10, "");
    EXPECT_STR(placed(b, 1), "RESOURCE:MEMORY@C");
    fleet_add_instance(&b->fleet, "E", 100, 100, "gpu-driver=9 fast=2");
    EXPECT_STR(placed(b, 2), "ATTRIBUTE@E ATTRIBUTE@E");
    fleet_add_instance(&b->fleet, "F", 100, 100, "gpu-driver fast=1");
    EXPECT_STR(placed(b, 2), "F ATTRIBUTE@E");
}

static void constraints_bind(void **state)
{
    struct bench *b = *state;
    size_t at;
    struct query *query = query_parse(
        &b->fleet.arena, STR("attribute:rack in [1, 2] and runningTasksCount < 3"), &at);

    asks_for(b, 0, 0, "");
    b->request.member_of = &query;
    b->request.member_of_n = 1;
    fleet_add_instance(&b->fleet, "A", 1, 1, "rack=3");
    EXPECT_STR(placed(b, 1), "MemberOf placement constraint unsatisfied.@A");
    fleet_add_instance(&b->fleet, "B", 1, 1, "rack=2");
    EXPECT_STR(placed(b, 4), "B B B MemberOf placement constraint unsatisfied.@A");
    query_free(query);
}

static void distinct_means_one_of_the_group_an_instance(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 0, "");
    b->request.distinct_instance = true;
    fleet_add_instance(&b->fleet, "A", 1, 1, "");
    fleet_add_task(&b->fleet, "A", "family:other");
    EXPECT_STR(placed(b, 2), "A DistinctInstance placement constraint unsatisfied.@A");
    b->request.group = STR("mine");
    EXPECT_STR(placed(b, 1), "A");
}

static void external_instances_serve_external_tasks_only(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 0, "");
    fleet_add_instance(&b->fleet, "A", 1, 1, "ecs.capability.external");
    EXPECT_STR(placed(b, 1), "NO ACTIVE INSTANCES@-");
    fleet_add_instance(&b->fleet, "B", 1, 1, "");
    EXPECT_STR(placed(b, 2), "B B");
    b->request.launch_type = ECS_LAUNCH_TYPE_EXTERNAL;
    EXPECT_STR(placed(b, 2), "A A");
}

static void draining_instances_get_nothing_but_count(void **state)
{
    struct bench *b = *state;
    struct instance *a;
    struct rec_instance_state draining;

    asks_for(b, 0, 0, "");
    add_strategy(b, SPREAD, "attribute:zone");
    a = fleet_add_instance(&b->fleet, "A", 1, 1, "zone=a");
    fleet_add_instance(&b->fleet, "B", 1, 1, "zone=a");
    fleet_add_instance(&b->fleet, "C", 1, 1, "zone=c");
    fleet_add_task(&b->fleet, "A", "family:web");
    draining = *a->st;
    draining.status = REC_INSTANCE_STATUS_DRAINING;
    state_put(&b->fleet.state, REC_KIND_INSTANCE_STATE, a->entity.id, &draining);
    EXPECT_STR(placed(b, 1), "C");
}

static void exec_needs_its_capability(void **state)
{
    struct bench *b = *state;

    asks_for(b, 0, 0, "");
    b->request.needs_execute_command = true;
    fleet_add_instance(&b->fleet, "A", 1, 1, "");
    EXPECT_STR(placed(b, 1), "ATTRIBUTE@A");
    fleet_add_instance(&b->fleet, "B", 1, 1, "ecs.capability.execute-command");
    EXPECT_STR(placed(b, 1), "B");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(spread_puts_one_in_each_zone, setup, teardown),
        cmocka_unit_test_setup_teardown(zone_first_then_instances_inside_it, setup, teardown),
        cmocka_unit_test_setup_teardown(spread_counts_only_the_group, setup, teardown),
        cmocka_unit_test_setup_teardown(instances_without_the_attribute_are_one_bucket, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(binpack_fills_the_fullest_that_fits, setup, teardown),
        cmocka_unit_test_setup_teardown(zone_then_binpack_as_in_the_worked_example, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(without_strategies_chance_decides, setup, teardown),
        cmocka_unit_test_setup_teardown(equals_go_where_fewest_of_the_group_are, setup, teardown),
        cmocka_unit_test_setup_teardown(a_rejected_task_names_who_came_closest, setup, teardown),
        cmocka_unit_test_setup_teardown(constraints_bind, setup, teardown),
        cmocka_unit_test_setup_teardown(distinct_means_one_of_the_group_an_instance, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(external_instances_serve_external_tasks_only, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(draining_instances_get_nothing_but_count, setup, teardown),
        cmocka_unit_test_setup_teardown(exec_needs_its_capability, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
