// Reading sizes, and the table of what Fargate offers. Decimals are read in whole numbers, so that
// ".1 vCPU" is the same on every machine; what is left behind the last whole unit is dropped.

#include "ops/task_size.h"

#include <stddef.h>

enum { UNITS_OF_ONE = 1024, DECIMALS_MAX = 6, WHOLE_DIGITS_MAX = 7 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str take_digits(struct str *text)
{
    struct str digits;
    size_t n = 0;

    while (n < text->len && is_digit(text->ptr[n]))
        n++;
    digits = str_take(*text, n);
    *text = str_from(*text, n);
    return digits;
}

// "<n>[.<n>]" of something that is worth 1024, followed by its name.
static bool read_decimal(struct str text, struct str unit, int64_t *out)
{
    struct str rest = text;
    struct str whole = take_digits(&rest);
    struct str decimals = STR_NONE;
    int64_t value = 0;
    int64_t scale = 1;

    if (str_starts(rest, STR("."))) {
        rest = str_from(rest, 1);
        decimals = take_digits(&rest);
        if (decimals.len == 0)
            return false;
    }
    if (!str_eq_nocase(str_trim(rest), unit) || whole.len + decimals.len == 0)
        return false;
    if (whole.len > WHOLE_DIGITS_MAX || decimals.len > DECIMALS_MAX)
        return false;
    for (size_t i = 0; i < whole.len; i++)
        value = value * 10 + (whole.ptr[i] - '0');
    for (size_t i = 0; i < decimals.len; i++, scale *= 10)
        value = value * 10 + (decimals.ptr[i] - '0');
    *out = value * UNITS_OF_ONE / scale;
    return true;
}

static bool read_size(struct str text, struct str unit, int64_t low, int64_t high, int32_t *out)
{
    struct str trimmed = str_trim(text);
    int64_t value;

    if (!str_to_i64(trimmed, &value) && !read_decimal(trimmed, unit, &value))
        return false;
    if (value < low || value > high)
        return false;
    *out = (int32_t)value;
    return true;
}

bool task_cpu_read(struct str text, int32_t *out_units)
{
    return read_size(text, STR("vcpu"), TASK_CPU_UNITS_MIN, TASK_CPU_UNITS_MAX, out_units);
}

bool task_memory_read(struct str text, int32_t *out_mib)
{
    return read_size(text, STR("gb"), 1, INT32_MAX, out_mib);
}

// Source: ecs-behaviour-api 8.8. From `low` to `high` in steps.
static const struct {
    int32_t cpu_units;
    int32_t low;
    int32_t high;
    int32_t step;
} fargate_sizes[] = {
    {256, 1024, 2048, 1024},      {512, 1024, 4096, 1024},   {1024, 2048, 8192, 1024},
    {2048, 4096, 16384, 1024},    {4096, 8192, 30720, 1024}, {8192, 16384, 61440, 4096},
    {16384, 32768, 122880, 8192},
};

bool task_size_is_fargate(int32_t cpu_units, int32_t memory_mib)
{
    if (cpu_units == 256 && memory_mib == 512) // the one size outside the steps
        return true;
    for (size_t i = 0; i < sizeof fargate_sizes / sizeof *fargate_sizes; i++) {
        if (fargate_sizes[i].cpu_units == cpu_units)
            return memory_mib >= fargate_sizes[i].low && memory_mib <= fargate_sizes[i].high &&
                   (memory_mib - fargate_sizes[i].low) % fargate_sizes[i].step == 0;
    }
    return false;
}
