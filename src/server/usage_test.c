#include "server/usage.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"

#define START INT64_C(1800000000000)

struct rig {
    struct arena arena;
    struct usage *usage;
};

static int setup(void **state)
{
    struct rig *rig = test_malloc(sizeof *rig);

    arena_init(&rig->arena);
    rig->usage = usage_new(&(struct usage_config){.histories_max = 2, .tells_tasks = true});
    *state = rig;
    return 0;
}

static int teardown(void **state)
{
    struct rig *rig = *state;

    usage_free(rig->usage);
    arena_deinit(&rig->arena);
    test_free(rig);
    return 0;
}

static struct usage_report of(const char *uid, const char *service, double cpu)
{
    return (struct usage_report){
        .region = STR("us-east-1"),
        .cluster = STR("demo"),
        .service = str_of(service),
        .family = STR("web"),
        .revision = 3,
        .uid = str_of(uid),
        .instance = STR("i1"),
        .health = ECS_HEALTH_STATUS_HEALTHY,
        .cpu_reserved = 512,
        .memory_reserved_mib = 256,
        .cpu_units = cpu,
        .memory_mib = 64,
    };
}

static void take(struct rig *rig, time_ms at, struct usage_report report)
{
    struct usage_reports reports = {.at = at, .n = 1, .at_task = &report};

    usage_take(rig->usage, &reports);
}

static struct client_usage ask(struct rig *rig, const char *service, const char *task, time_ms now)
{
    struct usage_query query = {
        .region = STR("us-east-1"),
        .cluster = STR("demo"),
        .service = str_of(service),
        .task = str_of(task),
        .history = true,
        .limit = 100,
    };
    struct client_usage usage;

    usage_ask(rig->usage, &query, now, &rig->arena, &usage);
    return usage;
}

static void expect_line(struct rig *rig, time_ms now, const char *line)
{
    BUF_AUTO struct buf text = BUF_INIT;

    usage_write_metrics(rig->usage, now, &text);
    if (memmem(buf_str(&text).ptr, buf_len(&text), line, strlen(line)) == NULL)
        fail_msg("no line %s in\n%.*s", line, STR_ARGS(buf_str(&text)));
}

static void stop(struct rig *rig, const char *uid)
{
    struct rec_task before = {.last_status = REC_TASK_STATUS_RUNNING, .uid = str_of(uid)};
    struct rec_task after = {.last_status = REC_TASK_STATUS_STOPPED, .uid = str_of(uid)};
    struct journal_entry entry = {.kind = REC_KIND_TASK, .before = &before, .after = &after};

    usage_forget(rig->usage, &(struct journal){.at = &entry, .n = 1});
}

static void small_numbers_keep_three_digits(void **state)
{
    (void)state;
    assert_int_equal(usage_pack(0), 0);
    assert_int_equal(usage_pack(-3), 0);
    assert_true(usage_unpack(usage_pack(1e30)) > 1e14);
    for (double value = 0.001; value < 1e13; value *= 1.37) {
        double back = usage_unpack(usage_pack(value));

        assert_true(back > value * 0.999 && back < value * 1.001);
    }
}

static void a_services_numbers_are_the_sums_of_its_tasks(void **state)
{
    struct rig *rig = *state;
    struct client_usage usage;

    take(rig, START, of("a", "web", 100));
    take(rig, START, of("b", "web", 156));
    take(rig, START, of("c", "", 500));
    usage = ask(rig, "", "", START);
    assert_int_equal(usage.services.n, 1);
    assert_int_equal(usage.services.at[0].tasks, 2);
    assert_int_equal(usage.services.at[0].healthy, 2);
    assert_true(usage.services.at[0].cpu_units == 256);
    assert_true(usage.services.at[0].cpu_percent == 25);
    assert_true(usage.services.at[0].memory_percent == 25);
    assert_int_equal(usage.tasks.n, 3);
    EXPECT_STR(usage.tasks.at[0].task, "c"); // most CPU first
    assert_false(usage.tasks.at[0].has.service);
    assert_int_equal(ask(rig, "web", "", START).tasks.n, 2);
    assert_int_equal(ask(rig, "", "b", START).tasks.n, 1);
    assert_int_equal(ask(rig, "other", "", START).tasks.n, 0);
}

static void an_hour_of_points_is_kept_of_so_many_tasks(void **state)
{
    struct rig *rig = *state;
    struct client_usage usage;

    for (int i = 0; i < 400; i++) {
        take(rig, START + i * 20000, of("a", "web", i));
        take(rig, START + i * 20000, of("b", "web", i));
        take(rig, START + i * 20000, of("c", "web", i));
    }
    usage = ask(rig, "", "a", START + 400 * 20000);
    assert_int_equal(usage.tasks.at[0].history.n, 180);
    assert_int_equal(usage.tasks.at[0].history.at[0].at, START + 220 * 20000);
    assert_true(usage.tasks.at[0].history.at[179].cpu_units > 398);
    usage = ask(rig, "", "c", START + 400 * 20000);
    assert_int_equal(usage.tasks.at[0].history.n, 0);
    stop(rig, "a");
    take(rig, START + 401 * 20000, of("c", "web", 1));
    usage = ask(rig, "", "c", START + 401 * 20000);
    assert_int_equal(usage.tasks.at[0].history.n, 1);
}

static void what_comes_too_soon_is_no_point_of_its_own(void **state)
{
    struct rig *rig = *state;

    for (int i = 0; i < 100; i++)
        take(rig, START + i * 1000, of("a", "web", i));
    assert_in_range(ask(rig, "", "a", START + 100000).tasks.at[0].history.n, 1, 10);
    assert_true(ask(rig, "", "a", START + 100000).tasks.at[0].cpu_units == 99);
}

static void counters_of_a_service_go_on_when_a_task_ends(void **state)
{
    struct rig *rig = *state;
    struct usage_report a = of("a", "web", 1);
    struct usage_report b = of("b", "web", 1);

    a.rx_bytes = 1000;
    b.rx_bytes = 50;
    a.read_bytes = 2000;
    take(rig, START, a);
    take(rig, START, b);
    a.read_bytes = 6000;
    a.restarts = 2;
    take(rig, START + 20000, a);
    assert_true(ask(rig, "", "a", START + 20000).tasks.at[0].read_rate == 200);
    stop(rig, "a");
    b.rx_bytes = 10; // it began anew
    take(rig, START + 20000, b);
    expect_line(rig, START + 20000,
                "\ngantry_service_network_received_bytes_total{region=\"us-east-1\",cluster="
                "\"demo\",service=\"web\"} 1060\n");
    expect_line(rig, START + 20000,
                "\ngantry_service_container_restarts_total{region=\"us-east-1\",cluster=\"demo\","
                "service=\"web\"} 2\n");
    expect_line(rig, START + 20000,
                "\ngantry_task_network_received_bytes_total{region=\"us-east-1\",cluster=\"demo\","
                "service=\"web\",family=\"web\",task=\"b\"} 10\n");
    expect_line(rig, START + 20000, "\ngantry_usage_tasks 1\n");
}

static void a_task_that_nobody_tells_of_is_left_out(void **state)
{
    struct rig *rig = *state;

    take(rig, START, of("a", "web", 1));
    assert_int_equal(ask(rig, "", "", START + 60000).tasks.n, 1);
    assert_int_equal(ask(rig, "", "", START + 60001).tasks.n, 0);
    expect_line(rig, START + 60001,
                "\ngantry_service_tasks_measured{region=\"us-east-1\",cluster=\"demo\",service="
                "\"web\"} 0\n");
}

static void nothing_is_kept_of_a_task_that_stopped(void **state)
{
    struct rig *rig = *state;

    take(rig, START, of("a", "web", 1));
    stop(rig, "nobody");
    stop(rig, "a");
    assert_int_equal(ask(rig, "", "", START).services.n, 0);
    expect_line(rig, START, "\ngantry_usage_tasks 0\n");
}

static void a_limit_leaves_out_those_that_use_least(void **state)
{
    struct rig *rig = *state;
    struct usage_query query = {.region = STR("us-east-1"), .cluster = STR("demo"), .limit = 1};
    struct client_usage usage;

    take(rig, START, of("a", "web", 1));
    take(rig, START, of("b", "web", 2));
    usage_ask(rig->usage, &query, START, &rig->arena, &usage);
    assert_int_equal(usage.tasks.n, 1);
    EXPECT_STR(usage.tasks.at[0].task, "b");
    assert_int_equal(usage.omitted, 1);
    assert_true(usage.services.at[0].cpu_units == 3);
}

#define USAGE_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        USAGE_TEST(small_numbers_keep_three_digits),
        USAGE_TEST(a_services_numbers_are_the_sums_of_its_tasks),
        USAGE_TEST(an_hour_of_points_is_kept_of_so_many_tasks),
        USAGE_TEST(what_comes_too_soon_is_no_point_of_its_own),
        USAGE_TEST(counters_of_a_service_go_on_when_a_task_ends),
        USAGE_TEST(a_task_that_nobody_tells_of_is_left_out),
        USAGE_TEST(nothing_is_kept_of_a_task_that_stopped),
        USAGE_TEST(a_limit_leaves_out_those_that_use_least),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
