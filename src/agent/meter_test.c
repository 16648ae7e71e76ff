#include "agent/meter.h"

#include "agent/host_testing.h"

struct test {
    struct host host;
    struct meter *meter;
    int64_t read_ms; // of the next sample
};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){.read_ms = 1000};
    *state = &test;
    host_open(&test.host);
    fake_image(test.host.fake, "app");
    host_start(&test.host);
    test.meter = meter_new(test.host.puppet.loop, test.host.drive, 2);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    meter_free(test->meter);
    host_close(&test->host);
    return 0;
}

static void run_a_task(struct test *test)
{
    host_run(&test->host, "t1", -1);
    HOST_AWAIT(&test->host, test->host.stats_token != 0);
}

// A second later, and so much more CPU time was used.
static void sample(struct test *test, int64_t cpu_ns)
{
    struct docker_stats stats = {0};
    struct docker_cpu_stats cpu = {0};
    struct docker_cpu_usage usage = {0};
    struct docker_memory_stats memory = {0};

    SET(&usage, total_usage, cpu_ns);
    SET(&cpu, cpu_usage, &usage);
    SET(&memory, usage, 5 << 20);
    SET(&stats, read, test->read_ms);
    SET(&stats, cpu_stats, &cpu);
    SET(&stats, memory_stats, &memory);
    test->read_ms += 1000;
    host_sample(&test->host, &stats);
}

static struct tcs_task_metric_list taken(struct test *test)
{
    return meter_take(test->meter, &test->host.puppet.arena);
}

static void samples_become_a_tasks_metrics(void **state)
{
    struct test *test = *state;
    struct tcs_task_metric_list tasks;
    const struct tcs_container_metric *metric;

    run_a_task(test);
    sample(test, 0);
    sample(test, INT64_C(1000000000)); // one of two cores
    sample(test, INT64_C(1000000000));
    tasks = taken(test);
    assert_int_equal(tasks.n, 1);
    EXPECT_STR(tasks.at[0].task_arn, "arn:aws:ecs:r:1:task/default/t1");
    EXPECT_STR(tasks.at[0].task_definition_family, "web");
    assert_int_equal(tasks.at[0].container_metrics.n, 1);
    metric = &tasks.at[0].container_metrics.at[0];
    EXPECT_STR(metric->container_name, "app");
    assert_int_equal((int)metric->cpu_stats_set->max, 50);
    assert_int_equal((int)metric->memory_stats_set->max, 5);
    assert_true(metric->has.network_stats_set);
}

static void what_was_taken_is_not_taken_again(void **state)
{
    struct test *test = *state;

    run_a_task(test);
    for (int i = 0; i < 4; i++)
        sample(test, i);
    assert_int_equal(taken(test).n, 1);
    assert_int_equal(taken(test).n, 0);
}

static void one_sample_is_too_few(void **state)
{
    struct test *test = *state;

    run_a_task(test);
    sample(test, 0);
    assert_int_equal(taken(test).n, 0);
}

static bool has_rates(struct test *test, int64_t rx_bytes)
{
    struct docker_network_stats_entry eth0 = {.key = STR("eth0")};
    struct docker_stats stats = {0};
    struct meter_sample last;

    SET(&eth0.value, rx_bytes, rx_bytes);
    SET(&stats, read, test->read_ms);
    SET(&stats, networks, (struct docker_network_stats_map){.n = 1, .at = &eth0});
    test->read_ms += 1000;
    host_sample(&test->host, &stats);
    assert_true(meter_last(test->meter, fake_container_at(test->host.fake, 0)->id, &last));
    return last.has_rates;
}

static void counters_that_begin_anew_give_no_rates(void **state)
{
    struct test *test = *state;

    run_a_task(test);
    assert_false(has_rates(test, 100));
    assert_true(has_rates(test, 200));
    assert_false(has_rates(test, 10));
    assert_true(has_rates(test, 20));
}

static void a_container_that_ended_is_not_listened_to(void **state)
{
    struct test *test = *state;

    run_a_task(test);
    for (int i = 0; i < 4; i++)
        sample(test, i);
    fake_exit(test->host.fake, fake_container_at(test->host.fake, 0)->id, 0);
    HOST_AWAIT(&test->host, test->host.stats_token == 0);
    assert_int_equal(taken(test).n, 0);
}

static void a_stream_that_broke_is_opened_again(void **state)
{
    struct test *test = *state;
    int64_t first;

    run_a_task(test);
    first = test->host.stats_token;
    host_sample(&test->host, NULL);
    assert_int_equal(test->host.stats_token, 0);
    HOST_AWAIT(&test->host, test->host.stats_token != 0);
    assert_int_not_equal(test->host.stats_token, first);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(samples_become_a_tasks_metrics),
        CASE(what_was_taken_is_not_taken_again),
        CASE(one_sample_is_too_few),
        CASE(counters_that_begin_anew_give_no_rates),
        CASE(a_container_that_ended_is_not_listened_to),
        CASE(a_stream_that_broke_is_opened_again),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
