#include "model/roster.h"

#include "base/test.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/state_testing.h"
#include "model/task.h"

enum { DEMO = 1, MANY = 200 };

static struct records r;

static int setup(void **state)
{
    (void)state;
    records_init_demo(&r);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    records_deinit(&r);
    return 0;
}

static struct roster *roster(void)
{
    return &cluster_get(&r.state, DEMO)->roster;
}

static const struct roster_slot *slot_of(uint64_t id)
{
    return &roster()->slots[instance_get(&r.state, id)->slot];
}

static void remove_instance(uint64_t id)
{
    state_remove(&r.state, REC_KIND_INSTANCE_STATE, id);
    state_remove(&r.state, REC_KIND_INSTANCE, id);
}

static uint64_t add_task(uint64_t instance)
{
    struct task_facts facts = {.cluster = DEMO,
                               .instance = instance,
                               .last = REC_TASK_STATUS_PENDING,
                               .desired = REC_TASK_STATUS_RUNNING};

    return records_task(&r, &facts);
}

static void a_slot_says_what_the_instance_is_like(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 2000);
    (void)state;

    assert_int_equal(slot_of(id)->cpu_left, 1000);
    assert_true(slot_of(id)->is_active);
    assert_false(slot_of(id)->is_connected);
    instance_set_session(&r.state, instance_get(&r.state, id), 7);
    add_task(id); // takes 100 CPU units, 200 MiB and the port 80
    assert_true(slot_of(id)->is_connected);
    assert_int_equal(slot_of(id)->cpu_left, 900);
    assert_int_equal(slot_of(id)->memory_left, 1800);
    assert_int_equal(slot_of(id)->ports_n, 1);
    assert_true(slot_of(id)->ports & roster_port_bit(80));
    records_set_instance_state(&r, id, REC_INSTANCE_STATUS_DRAINING);
    assert_false(slot_of(id)->is_active);
}

static void what_nobody_has_read_is_written_once(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 2000);
    struct instance *instance = instance_get(&r.state, id);
    uint64_t seen;
    (void)state;

    roster_was_read(roster());
    seen = roster()->changes_n;
    instance_set_session(&r.state, instance, 1);
    instance_set_session(&r.state, instance, 2);
    assert_int_equal(roster()->changes_n, seen + 1);
    assert_int_equal(roster_changed(roster(), seen).slot, instance->slot);
    roster_was_read(roster());
    instance_set_session(&r.state, instance, 3);
    assert_int_equal(roster()->changes_n, seen + 2);
}

static void a_change_names_the_group_whose_tasks_changed_in_number(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 2000);
    uint64_t seen;
    (void)state;

    roster_was_read(roster());
    seen = roster()->changes_n;
    add_task(id);
    assert_int_equal(roster_changed(roster(), seen).group, task_group_tag(STR("group1")));
    instance_set_session(&r.state, instance_get(&r.state, id), 1);
    assert_int_equal(roster()->changes_n, seen + 1); // the instance stands in the log
    add_task(id);
    assert_int_equal(roster()->changes_n, seen + 2); // but not with this group
    assert_int_equal(roster_changed(roster(), seen + 1).group, task_group_tag(STR("group2")));
}

static void the_log_reaches_back_as_far_as_it_has_room(void **state)
{
    uint64_t id = records_instance(&r, DEMO, 1000, 2000);
    uint64_t seen;
    (void)state;

    seen = roster()->changes_n;
    for (uint32_t i = 0; i < roster()->changes_cap; i++) {
        roster_was_read(roster());
        assert_true(roster_reaches(roster(), seen));
        instance_set_session(&r.state, instance_get(&r.state, id), i + 1);
    }
    assert_true(roster_reaches(roster(), seen));
    roster_was_read(roster());
    instance_set_session(&r.state, instance_get(&r.state, id), 1);
    assert_false(roster_reaches(roster(), seen));
}

static void a_removal_that_is_undone_finds_its_gap(void **state)
{
    uint64_t first = records_instance(&r, DEMO, 1, 1);
    uint64_t second = records_instance(&r, DEMO, 2, 2);
    uint32_t slot = instance_get(&r.state, first)->slot;
    uint64_t layout = roster()->layout;
    size_t mark = state_mark(&r.state);
    (void)state;

    remove_instance(first);
    assert_int_equal(roster()->gaps_n, 1);
    assert_int_not_equal(roster()->layout, layout);
    state_undo_to(&r.state, mark);
    assert_int_equal(roster()->gaps_n, 0);
    assert_int_equal(instance_get(&r.state, first)->slot, slot);
    assert_int_equal(slot_of(second)->cpu_left, 2);
}

static void gaps_are_closed_when_they_are_many(void **state)
{
    size_t mark;
    (void)state;

    for (int i = 0; i < MANY; i++)
        records_instance(&r, DEMO, i, i);
    mark = state_mark(&r.state);
    for (uint64_t id = 1; id < MANY; id++) {
        remove_instance(id);
        roster_check(cluster_get(&r.state, DEMO));
    }
    assert_true(roster()->slots_n < MANY / 2);
    assert_int_equal(slot_of(MANY)->cpu_left, MANY - 1);
    state_undo_to(&r.state, mark);
    roster_check(cluster_get(&r.state, DEMO));
    assert_int_equal(roster()->slots_n - roster()->gaps_n, MANY);
    for (uint64_t id = 1; id <= MANY; id++)
        assert_int_equal(slot_of(id)->cpu_left, id - 1);
}

static void put_with_attribute(uint64_t id, const char *value)
{
    struct rec_instance rec = *instance_get(&r.state, id)->rec;
    struct ecs_attribute attribute = {0};

    SET(&attribute, name, STR("rack"));
    SET(&attribute, value, str_of(value));
    SET(&rec, attributes, (struct ecs_attribute_list){.n = 1, .at = &attribute});
    state_put(&r.state, REC_KIND_INSTANCE, id, &rec);
}

static void instances_with_the_same_attributes_are_one_class(void **state)
{
    uint64_t a = records_instance(&r, DEMO, 1, 1);
    uint64_t b = records_instance(&r, DEMO, 2, 2);
    uint64_t layout;
    (void)state;

    assert_int_equal(slot_of(a)->class_id, slot_of(b)->class_id);
    put_with_attribute(a, "1");
    assert_int_not_equal(slot_of(a)->class_id, slot_of(b)->class_id);
    put_with_attribute(b, "1");
    assert_int_equal(slot_of(a)->class_id, slot_of(b)->class_id);
    layout = roster()->layout;
    put_with_attribute(b, "1");
    assert_int_equal(roster()->layout, layout);
}

#define ROSTER_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROSTER_TEST(a_slot_says_what_the_instance_is_like),
        ROSTER_TEST(what_nobody_has_read_is_written_once),
        ROSTER_TEST(a_change_names_the_group_whose_tasks_changed_in_number),
        ROSTER_TEST(the_log_reaches_back_as_far_as_it_has_room),
        ROSTER_TEST(a_removal_that_is_undone_finds_its_gap),
        ROSTER_TEST(gaps_are_closed_when_they_are_many),
        ROSTER_TEST(instances_with_the_same_attributes_are_one_class),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
