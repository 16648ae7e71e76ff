#include "ops/task_size.h"

#include "base/test.h"

static int32_t cpu(const char *text)
{
    int32_t units;

    return task_cpu_read(str_of(text), &units) ? units : -1;
}

static int32_t memory(const char *text)
{
    int32_t mib;

    return task_memory_read(str_of(text), &mib) ? mib : -1;
}

static void cpu_is_units_or_vcpus(void **state)
{
    (void)state;
    assert_int_equal(cpu("256"), 256);
    assert_int_equal(cpu(".25 vcpu"), 256);
    assert_int_equal(cpu("0.5vCPU"), 512);
    assert_int_equal(cpu("1 vCPU"), 1024);
    assert_int_equal(cpu("16VCPU"), 16384);
    assert_int_equal(cpu(" 256 "), 256);
}

static void cpu_has_a_range(void **state)
{
    (void)state;
    assert_int_equal(cpu("128"), 128);
    assert_int_equal(cpu("127"), -1);
    assert_int_equal(cpu("196608"), 196608);
    assert_int_equal(cpu("192 vcpu"), 196608);
    assert_int_equal(cpu("196609"), -1);
}

static void what_is_no_size_is_refused(void **state)
{
    static const char *const texts[] = {"",
                                        "x",
                                        "vcpu",
                                        ". vcpu",
                                        "1. vcpu",
                                        "1.5",
                                        "1 gb",
                                        "-1 vcpu",
                                        "1 vcpu x",
                                        "1,5 vcpu",
                                        "1.5.5 vcpu",
                                        "0x100",
                                        "1e3",
                                        "+256",
                                        "99999999999999999999",
                                        "99999999999999999999 vcpu",
                                        "1.0000000000000000001 vcpu"};

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_int_equal(cpu(texts[i]), -1);
}

static void memory_is_mib_or_gb(void **state)
{
    (void)state;
    assert_int_equal(memory("512"), 512);
    assert_int_equal(memory("1 GB"), 1024);
    assert_int_equal(memory("2GB"), 2048);
    assert_int_equal(memory(".5 gb"), 512);
    assert_int_equal(memory("0"), -1);
    assert_int_equal(memory("1 vcpu"), -1);
    assert_int_equal(memory("9999999 GB"), -1);
}

static void fargate_has_seven_cpu_sizes(void **state)
{
    static const struct {
        int32_t cpu;
        int32_t low;
        int32_t high;
        int32_t step;
        int n;
    } rows[] = {
        {256, 512, 2048, 512, 3},         {512, 1024, 4096, 1024, 4},
        {1024, 2048, 8192, 1024, 7},      {2048, 4096, 16384, 1024, 13},
        {4096, 8192, 30720, 1024, 23},    {8192, 16384, 61440, 4096, 12},
        {16384, 32768, 122880, 8192, 12},
    };

    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        int n = 0;
        for (int32_t mib = 0; mib <= 200000; mib++)
            n += task_size_is_fargate(rows[i].cpu, mib);
        assert_int_equal(n, rows[i].n);
        assert_true(task_size_is_fargate(rows[i].cpu, rows[i].low));
        assert_true(task_size_is_fargate(rows[i].cpu, rows[i].high));
        assert_false(task_size_is_fargate(rows[i].cpu, rows[i].high + rows[i].step));
    }
    assert_false(task_size_is_fargate(256, 1536));
    assert_false(task_size_is_fargate(300, 1024));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(cpu_is_units_or_vcpus),       cmocka_unit_test(cpu_has_a_range),
        cmocka_unit_test(what_is_no_size_is_refused),  cmocka_unit_test(memory_is_mib_or_gb),
        cmocka_unit_test(fargate_has_seven_cpu_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
