#include "core/capacity.h"

#include "base/test.h"
#include "model/reservation.h"

// --- packing

static struct need_port ports_80[] = {{.port = 8080}, {.port = 80}};
static struct need_port ports_443[] = {{.port = 8443}, {.port = 443}, {.port = 80}};
static struct need_port ports_80_udp[] = {{.port = 80, .udp = true}};

static const struct need half = {.cpu_units = 512, .memory_mib = 100};
static const struct need third = {.cpu_units = 300, .memory_mib = 300};
static const struct need much_memory = {.memory_mib = 700};
static const struct need too_great = {.cpu_units = 1025};
static const struct need one_gpu = {.gpus = 1};
static const struct need nothing = {0};
static const struct need web = {.cpu_units = 512, .ports_n = 2, .ports = ports_80};
static const struct need dns = {.cpu_units = 1, .ports_n = 1, .ports = ports_80_udp};
static const struct need other_web = {.memory_mib = 1, .ports_n = 3, .ports = ports_443};
static const struct need front = {.cpu_units = 1, .ports_n = 1, .ports = &ports_80[0]};
static const struct need tls = {.cpu_units = 1, .ports_n = 1, .ports = &ports_443[1]};
static const struct need much_cpu = {.cpu_units = 700, .memory_mib = 1};
static const struct need some_cpu = {.cpu_units = 324};

static int64_t machines_for(const struct capacity_group *groups, size_t n)
{
    static const struct capacity_size size = {
        .cpu_units = 1024, .memory_mib = 1000, .gpus = 2, .enis = 3};
    struct arena arena = ARENA_INIT;
    int64_t machines = capacity_machines(groups, n, &size, &arena);

    arena_deinit(&arena);
    return machines;
}
#define MACHINES(...)                                                                              \
    machines_for((struct capacity_group[]){__VA_ARGS__},                                           \
                 sizeof((struct capacity_group[]){__VA_ARGS__}) / sizeof(struct capacity_group))

static void waiting_tasks_are_packed(void **state)
{
    (void)state;
    assert_int_equal(machines_for(NULL, 0), 0);
    assert_int_equal(MACHINES({&half, 0, 0}), 0);
    assert_int_equal(MACHINES({&half, 0, 1}), 1);
    assert_int_equal(MACHINES({&half, 0, 5}), 3); // two a machine
    assert_int_equal(MACHINES({&third, 0, 9}), 3);
    assert_int_equal(MACHINES({&third, 0, 10}), 4);
    assert_int_equal(MACHINES({&one_gpu, 0, 5}), 3);
    assert_int_equal(MACHINES({&nothing, 3, 4}), 4); // network interfaces
    assert_int_equal(MACHINES({&nothing, 0, 99}), 1);
}

static void groups_share_machines(void **state)
{
    (void)state;
    assert_int_equal(MACHINES({&half, 0, 2}, {&much_memory, 0, 1}), 1);
    assert_int_equal(MACHINES({&third, 0, 2}, {&much_memory, 0, 2}), 2);
    assert_int_equal(MACHINES({&some_cpu, 0, 2}, {&much_cpu, 0, 2}), 2);
    assert_int_equal(MACHINES({&some_cpu, 0, 3}, {&much_cpu, 0, 2}), 3);
    // By share the tasks with much memory go first, and what is left takes one third each.
    assert_int_equal(MACHINES({&third, 0, 5}, {&much_memory, 0, 2}), 3);
}

static void what_no_machine_takes_is_left_out(void **state)
{
    (void)state;
    assert_int_equal(MACHINES({&too_great, 0, 7}), 0);
    assert_int_equal(MACHINES({&too_great, 0, 7}, {&half, 0, 1}), 1);
    assert_int_equal(MACHINES({&nothing, 4, 1}), 0);
}

static void a_static_port_is_held_once_a_machine(void **state)
{
    (void)state;
    assert_int_equal(MACHINES({&web, 0, 3}), 3);
    assert_int_equal(MACHINES({&web, 0, 3}, {&dns, 0, 2}), 3);
    assert_int_equal(MACHINES({&web, 0, 3}, {&other_web, 0, 2}), 5);
    assert_int_equal(MACHINES({&front, 0, 3}), 3);
    assert_int_equal(MACHINES({&front, 0, 1}, {&web, 0, 1}), 2);
    assert_int_equal(MACHINES({&tls, 0, 1}, {&web, 0, 1}), 1);
    assert_int_equal(MACHINES({&tls, 0, 1}, {&other_web, 0, 1}), 2);
}

// --- one minute

static struct capacity_answer minute_of(const struct capacity_rule *rule, int32_t low_n,
                                        struct capacity_view view)
{
    return capacity_minute(rule, (struct capacity_memory){.low_n = low_n}, &view);
}

static struct capacity_rule rule_of(int64_t target, int64_t step_max)
{
    struct ecs_managed_scaling config = {0};
    struct capacity_rule rule;

    SET(&config, target_capacity, (int32_t)target);
    SET(&config, maximum_scaling_step_size, (int32_t)step_max);
    rule = capacity_rule_of(&config);
    return rule;
}

static void the_documented_examples_hold(void **state)
{
    static const struct {
        struct capacity_view view;
        int64_t target, step_max;
        int32_t low_n;
        int64_t reservation, desired;
    } rows[] = {
        {{.wanted = 1}, 100, 10000, 0, 200, 2},
        {{0}, 100, 10000, 0, 100, 0},
        {{.instances = 4, .busy = 4}, 100, 10000, 0, 100, 4},
        {{.instances = 4, .busy = 3}, 100, 10000, 0, 75, 4},
        {{.instances = 4, .busy = 3}, 100, 10000, 13, 75, 4},
        {{.instances = 4, .busy = 3}, 100, 10000, 14, 75, 3},
        {{.instances = 4, .busy = 4, .wanted = 3}, 100, 10000, 0, 175, 7},
        {{.instances = 4, .busy = 4, .wanted = 3}, 100, 2, 0, 150, 6},
        {{.instances = 8, .busy = 8, .wanted = 2}, 100, 2, 0, 125, 10},
        {{.instances = 8, .busy = 8}, 80, 10000, 0, 100, 10},
        {{.instances = 10, .busy = 9}, 90, 10000, 15, 90, 10},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct capacity_rule rule = rule_of(rows[i].target, rows[i].step_max);
        struct capacity_answer answer = minute_of(&rule, rows[i].low_n, rows[i].view);

        assert_true(answer.reservation - (double)rows[i].reservation < 0.01);
        assert_true((double)rows[i].reservation - answer.reservation < 0.01);
        assert_int_equal(answer.desired, rows[i].desired);
    }
}

static void a_step_is_never_less_than_the_least(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    (void)state;

    rule.step_min = 5;
    assert_int_equal(
        minute_of(&rule, 0, (struct capacity_view){.instances = 4, .busy = 4, .wanted = 1}).desired,
        9);
    assert_int_equal(minute_of(&rule, 0, (struct capacity_view){.instances = 4, .busy = 4}).desired,
                     4);
}

// Four full machines and five tasks, two to a machine: six machines, then seven.
static void a_step_is_never_more_than_the_most(void **state)
{
    struct capacity_rule rule = rule_of(100, 2);
    struct capacity_view view = {.instances = 4, .busy = 4};
    (void)state;

    view.wanted = MACHINES({&half, 0, 5});
    assert_int_equal(minute_of(&rule, 0, view).desired, 6);
    view = (struct capacity_view){.instances = 6, .busy = 6, .wanted = MACHINES({&half, 0, 1})};
    assert_int_equal(minute_of(&rule, 0, view).desired, 7);
}

// Three tasks wait for three machines that have been asked for: nothing is asked for again.
static void machines_on_their_way_count(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    struct capacity_view view = {.instances = 4, .busy = 4, .warming = 3, .wanted = 3};
    (void)state;

    assert_int_equal(minute_of(&rule, 0, view).desired, 7);
    assert_int_equal(minute_of(&rule, 0, view).needed, 7);
    view.wanted = 2;
    assert_int_equal(minute_of(&rule, 0, view).desired, 7);
    assert_int_equal(minute_of(&rule, 0, view).needed, 6);
    view.wanted = 5;
    assert_int_equal(minute_of(&rule, 0, view).desired, 9);
    rule.target = 50;
    view.wanted = 3;
    view.warming = 10;
    assert_int_equal(minute_of(&rule, 0, view).desired, 14);
}

static void nothing_goes_while_tasks_wait(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    struct capacity_view view = {.instances = 4, .busy = 1, .warming = 5, .wanted = 1};
    struct capacity_answer answer = minute_of(&rule, 15, view);
    (void)state;

    assert_int_equal(answer.desired, 9);
    assert_int_equal(answer.memory.low_n, 0);
}

static void the_bounds_of_the_group_hold(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    (void)state;

    rule.size_min = 2;
    rule.size_max = 5;
    assert_int_equal(minute_of(&rule, 0, (struct capacity_view){0}).desired, 2);
    assert_int_equal(minute_of(&rule, 15, (struct capacity_view){.instances = 3}).desired, 2);
    assert_int_equal(
        minute_of(&rule, 0, (struct capacity_view){.instances = 4, .busy = 4, .wanted = 9}).desired,
        5);
}

// --- many minutes: machines come and go at once, and this many are in use

static struct str course(struct arena *arena, const struct capacity_rule *rule, int64_t machines,
                         int64_t busy, int minutes)
{
    struct capacity_memory memory = {0};
    struct str text = STR_NONE;

    for (int minute = 1; minute <= minutes; minute++) {
        struct capacity_view view = {.instances = machines, .busy = busy};
        struct capacity_answer answer = capacity_minute(rule, memory, &view);

        assert_true(answer.desired >= busy);
        if (answer.desired != machines)
            text = str_fmt(arena, "%.*s%d:%d ", STR_ARGS(text), minute, (int)answer.desired);
        machines = answer.desired;
        memory = answer.memory;
    }
    return text;
}

static void machines_go_by_half_after_fifteen_minutes(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    struct arena arena = ARENA_INIT;
    (void)state;

    EXPECT_STR(course(&arena, &rule, 17, 1, 30), "15:9 16:5 17:3 18:2 19:1 ");
    EXPECT_STR(course(&arena, &rule, 3, 0, 30), "15:2 16:1 17:0 ");
    EXPECT_STR(course(&arena, &rule, 10, 8, 30), "15:8 ");
    rule.target = 50;
    EXPECT_STR(course(&arena, &rule, 10, 3, 30), "15:6 ");
    arena_deinit(&arena);
}

static void one_point_that_is_not_low_begins_the_count_anew(void **state)
{
    struct capacity_rule rule = rule_of(100, 10000);
    struct capacity_memory memory = {0};
    struct capacity_view low = {.instances = 4, .busy = 3};
    struct capacity_view full = {.instances = 4, .busy = 4};
    (void)state;

    for (int i = 0; i < 14; i++)
        memory = capacity_minute(&rule, memory, &low).memory;
    memory = capacity_minute(&rule, memory, &full).memory;
    for (int i = 0; i < 14; i++) {
        struct capacity_answer answer = capacity_minute(&rule, memory, &low);
        assert_int_equal(answer.desired, 4);
        memory = answer.memory;
    }
    assert_int_equal(capacity_minute(&rule, memory, &low).desired, 3);
}

// For every small fleet: at the target nothing changes, and from anywhere the fleet comes to rest
// with enough machines for the target and not one too many.
static void every_small_fleet_comes_to_rest(void **state)
{
    (void)state;
    for (int64_t target = 10; target <= 100; target++) {
        for (int64_t busy = 0; busy <= 8; busy++) {
            for (int64_t machines = busy; machines <= 20; machines++) {
                struct capacity_rule rule = rule_of(target, 10000);
                int64_t now = machines;
                struct capacity_memory memory = {0};

                for (int minute = 0; minute < 30; minute++) {
                    struct capacity_view view = {.instances = now, .busy = busy};
                    struct capacity_answer answer = capacity_minute(&rule, memory, &view);
                    assert_true(answer.desired >= now - (now + 1) / 2);
                    now = answer.desired;
                    memory = answer.memory;
                }
                assert_int_equal(now, (100 * busy + target - 1) / target);
            }
        }
    }
}

// --- the rule

static void what_is_left_out_has_its_default(void **state)
{
    struct ecs_managed_scaling config = {0};
    struct capacity_rule rule = capacity_rule_of(&config);
    (void)state;

    assert_int_equal(rule.target, 100);
    assert_int_equal(rule.step_min, 1);
    assert_int_equal(rule.step_max, 10000);
    assert_int_equal(rule.warmup, 300000);
    SET(&config, minimum_scaling_step_size, 2);
    SET(&config, instance_warmup_period, 0);
    rule = capacity_rule_of(&config);
    assert_int_equal(rule.step_min, 2);
    assert_int_equal(rule.warmup, 0);
}

static void an_instance_warms_until_it_is_used_or_old(void **state)
{
    struct capacity_rule rule = rule_of(100, 1);
    (void)state;

    assert_true(capacity_is_warming(&rule, 1000, false, 300999));
    assert_false(capacity_is_warming(&rule, 1000, false, 301000));
    assert_false(capacity_is_warming(&rule, 1000, true, 1000));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waiting_tasks_are_packed),
        cmocka_unit_test(groups_share_machines),
        cmocka_unit_test(what_no_machine_takes_is_left_out),
        cmocka_unit_test(a_static_port_is_held_once_a_machine),
        cmocka_unit_test(the_documented_examples_hold),
        cmocka_unit_test(a_step_is_never_less_than_the_least),
        cmocka_unit_test(a_step_is_never_more_than_the_most),
        cmocka_unit_test(machines_on_their_way_count),
        cmocka_unit_test(nothing_goes_while_tasks_wait),
        cmocka_unit_test(the_bounds_of_the_group_hold),
        cmocka_unit_test(machines_go_by_half_after_fifteen_minutes),
        cmocka_unit_test(one_point_that_is_not_low_begins_the_count_anew),
        cmocka_unit_test(every_small_fleet_comes_to_rest),
        cmocka_unit_test(what_is_left_out_has_its_default),
        cmocka_unit_test(an_instance_warms_until_it_is_used_or_old),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
