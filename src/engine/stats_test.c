// The formulas of ecs-behaviour-agent 6.2 on hand-made samples.

#include "base/test.h"

#include "engine/stats.h"

struct sample {
    struct docker_stats stats;
    struct docker_cpu_stats cpu;
    struct docker_cpu_usage usage;
    struct docker_memory_stats memory;
    struct docker_memory_detail detail;
    struct docker_blkio_stats io;
    struct docker_blkio_entry entries[2];
    struct docker_network_stats_entry network;
};

// What no sample lacks; it points into itself.
static void fill(struct sample *s, int64_t at_ms, int64_t cpu_ns, int64_t memory,
                 int64_t inactive_file)
{
    *s = (struct sample){0};
    SET(&s->stats, read, at_ms);
    SET(&s->usage, total_usage, cpu_ns);
    SET(&s->cpu, cpu_usage, &s->usage);
    SET(&s->stats, cpu_stats, &s->cpu);
    SET(&s->memory, usage, memory);
    SET(&s->detail, inactive_file, inactive_file);
    SET(&s->memory, stats, &s->detail);
    SET(&s->stats, memory_stats, &s->memory);
}

static void add(struct stats *stats, int64_t at_ms, int64_t cpu_ms, int64_t rx_bytes)
{
    struct sample s;

    fill(&s, at_ms, cpu_ms * 1000000, 10 << 20, 3 << 20);
    SET(&s.entries[0], op, STR("Read"));
    SET(&s.entries[0], value, 100);
    SET(&s.entries[1], op, STR("write"));
    SET(&s.entries[1], value, 7);
    SET(&s.io, io_service_bytes_recursive,
        (struct docker_blkio_entry_list){.n = 2, .at = s.entries});
    SET(&s.stats, blkio_stats, &s.io);
    s.network.key = STR("eth0");
    SET(&s.network.value, rx_bytes, rx_bytes);
    SET(&s.stats, networks, (struct docker_network_stats_map){.n = 1, .at = &s.network});
    stats_add(stats, &s.stats, 2);
}

static void cpu_is_a_share_of_the_whole_host(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 0);
    add(&stats, 2000, 1000, 0); // one of two cores busy
    add(&stats, 3000, 3000, 0); // both
    assert_true(stats_take(&stats, &arena, true, 0, &out));
    assert_int_equal((int)out.cpu_stats_set->min, 50);
    assert_int_equal((int)out.cpu_stats_set->max, 100);
    assert_int_equal(out.cpu_stats_set->sample_count, 2);
    assert_int_equal((int)out.memory_stats_set->max, 7);
    assert_int_equal(out.memory_stats_set->sample_count, 3);
    arena_deinit(&arena);
}

static void too_few_samples_give_nothing(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 0);
    add(&stats, 2000, 10, 0);
    assert_false(stats_take(&stats, &arena, true, 0, &out));
    add(&stats, 3000, 20, 0);
    assert_true(stats_take(&stats, &arena, true, 0, &out));
    assert_false(stats_take(&stats, &arena, true, 0, &out)); // taken
    arena_deinit(&arena);
}

static void the_same_instant_repeats_the_last_share(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 0);
    add(&stats, 2000, 1000, 0);
    add(&stats, 2000, 1000, 0);
    assert_true(stats_take(&stats, &arena, true, 0, &out));
    assert_int_equal((int)out.cpu_stats_set->sum, 100);
    arena_deinit(&arena);
}

static void network_and_storage_are_summed(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 1000);
    add(&stats, 2000, 1, 3000);
    add(&stats, 4000, 2, 4000);
    assert_true(stats_take(&stats, &arena, true, 0, &out));
    assert_int_equal(out.network_stats_set->rx_bytes->max, 4000);
    assert_int_equal(out.network_stats_set->rx_bytes->sum, 8000);
    assert_int_equal((int)out.network_stats_set->rx_bytes_per_second->max, 2000);
    assert_int_equal((int)out.network_stats_set->rx_bytes_per_second->min, 500);
    assert_int_equal(out.storage_stats_set->read_size_bytes->max, 100);
    assert_int_equal(out.storage_stats_set->write_size_bytes->max, 7);
    arena_deinit(&arena);
}

static void a_host_mode_container_has_no_network(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 0);
    add(&stats, 2000, 1, 0);
    add(&stats, 3000, 2, 0);
    assert_true(stats_take(&stats, &arena, false, 0, &out));
    assert_false(out.has.network_stats_set);
    arena_deinit(&arena);
}

static void counters_go_on_after_a_restart(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 0, 5000);
    add(&stats, 2000, 1, 6000);
    add(&stats, 3000, 2, 7000);
    stats_restarted(&stats);
    add(&stats, 4000, 0, 100);
    assert_true(stats_take(&stats, &arena, true, 1, &out));
    assert_int_equal(out.network_stats_set->rx_bytes->max, 7100);
    assert_int_equal(out.restart_stats_set->restart_count, 1);
    assert_int_equal(out.cpu_stats_set->sample_count, 2); // none across the restart
    arena_deinit(&arena);
}

// Samples and the news of the restart come on two ways.
static void also_when_a_sample_is_there_before_the_news_of_it(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    add(&stats, 1000, 10, 5000);
    add(&stats, 2000, 20, 6000);
    add(&stats, 3000, 30, 7000);
    add(&stats, 4000, 5, 100);
    stats_restarted(&stats);
    add(&stats, 5000, 6, 300);
    stats_restarted(&stats); // another one, told in time
    add(&stats, 6000, 1, 40);
    assert_true(stats_take(&stats, &arena, true, 2, &out));
    assert_int_equal(out.network_stats_set->rx_bytes->max, 7340);
    assert_int_equal(out.network_stats_set->rx_bytes->min, 5000);
    assert_int_equal(out.cpu_stats_set->sample_count, 3);
    arena_deinit(&arena);
}

static void a_tasks_network_goes_on_by_itself(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {.network_goes_on = true};
    (void)state;

    add(&stats, 1000, 1, 5000);
    add(&stats, 2000, 2, 6000);
    add(&stats, 3000, 3, 7000);
    stats_restarted(&stats);
    add(&stats, 4000, 1, 7100);
    assert_true(stats_take(&stats, &arena, true, 1, &out));
    assert_int_equal(out.network_stats_set->rx_bytes->max, 7100);
    assert_int_equal(out.storage_stats_set->write_size_bytes->max, 14); // that is its own
    arena_deinit(&arena);
}

static void a_sum_beyond_63_bits_overflows_into_its_own_member(void **state)
{
    struct arena arena = ARENA_INIT;
    struct tcs_container_metric out = {0};
    struct stats stats = {0};
    (void)state;

    for (int i = 0; i < 3; i++)
        add(&stats, 1000 * (i + 1), i, i == 2 ? 5 : INT64_MAX / 2 + 1);
    assert_true(stats_take(&stats, &arena, true, 0, &out));
    assert_true(out.network_stats_set->rx_bytes->sum == INT64_MAX);
    assert_int_equal(out.network_stats_set->rx_bytes->overflow_sum, 6);
    arena_deinit(&arena);
}

static void a_sample_without_a_time_is_dropped(void **state)
{
    struct stats stats = {0};
    (void)state;

    add(&stats, 0, 1, 1);
    assert_int_equal(stats.memory.n, 0);
}

static int64_t used_mib(int64_t usage, int64_t cache, int64_t inactive_file)
{
    struct sample s;
    struct stats stats = {0};

    fill(&s, 1000, 0, usage << 20, inactive_file << 20);
    if (cache >= 0)
        SET(&s.detail, cache, cache << 20);
    stats_add(&stats, &s.stats, 1);
    return (int64_t)stats.memory.max;
}

static void the_page_cache_is_not_used_memory(void **state)
{
    (void)state;
    assert_int_equal(used_mib(100, -1, 30), 70); // cgroup v2
    assert_int_equal(used_mib(100, 40, 30), 60); // v1 counts both
    assert_int_equal(used_mib(100, 0, 30), 100);
    assert_int_equal(used_mib(100, 100, 30), 100);
    assert_int_equal(used_mib(100, -1, 200), 100);
}

static void an_engine_may_say_any_number(void **state)
{
    enum { N = 5 };
    static const int64_t numbers[N] = {INT64_MAX, INT64_MIN, INT64_MAX, 0, INT64_MIN};
    struct stats stats = {0};
    (void)state;

    for (size_t i = 0; i < N; i++) {
        struct docker_network_stats_entry cards[2] = {{.key = STR("a")}, {.key = STR("b")}};
        struct sample s;

        fill(&s, 1000 + (int64_t)i, numbers[i], numbers[i], numbers[(i + 1) % N]);
        SET(&cards[0].value, rx_bytes, numbers[i]);
        SET(&cards[1].value, rx_bytes, numbers[i]);
        SET(&s.stats, networks, ((struct docker_network_stats_map){.n = 2, .at = cards}));
        stats_add(&stats, &s.stats, 1);
    }
    assert_true(stats.counters[STATS_RX_BYTES].n > 0);
    assert_true(stats.counters[STATS_RX_BYTES].max > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_is_a_share_of_the_whole_host),
        cmocka_unit_test(too_few_samples_give_nothing),
        cmocka_unit_test(the_same_instant_repeats_the_last_share),
        cmocka_unit_test(network_and_storage_are_summed),
        cmocka_unit_test(a_host_mode_container_has_no_network),
        cmocka_unit_test(counters_go_on_after_a_restart),
        cmocka_unit_test(also_when_a_sample_is_there_before_the_news_of_it),
        cmocka_unit_test(a_tasks_network_goes_on_by_itself),
        cmocka_unit_test(a_sum_beyond_63_bits_overflows_into_its_own_member),
        cmocka_unit_test(a_sample_without_a_time_is_dropped),
        cmocka_unit_test(the_page_cache_is_not_used_memory),
        cmocka_unit_test(an_engine_may_say_any_number),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
