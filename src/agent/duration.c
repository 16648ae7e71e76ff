// See duration.h.

#include "agent/duration.h"

static const struct {
    struct str unit;
    double ms;
} units[] = {
    {STR_INIT("ns"), 1e-6}, {STR_INIT("us"), 1e-3}, {STR_INIT("ms"), 1.0},
    {STR_INIT("s"), 1e3},   {STR_INIT("m"), 60e3},  {STR_INIT("h"), 3600e3},
};

static bool take_number(struct str *rest, double *out)
{
    double value = 0;
    double scale = 1; // of the newest digit behind the point
    bool is_fraction = false;
    size_t digits = 0;
    size_t i;

    for (i = 0; i < rest->len; i++) {
        char c = rest->ptr[i];
        if (c == '.' && !is_fraction) {
            is_fraction = true;
            continue;
        }
        if (c < '0' || c > '9')
            break;
        digits++;
        if (is_fraction)
            scale /= 10;
        value = is_fraction ? value + (c - '0') * scale : value * 10 + (c - '0');
    }
    *rest = str_from(*rest, i);
    *out = value;
    return digits > 0;
}

// The longest unit wins: "ms" before "m".
static bool take_unit(struct str *rest, double *out_ms)
{
    size_t best = 0;

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (str_starts(*rest, units[i].unit) && units[i].unit.len > best) {
            best = units[i].unit.len;
            *out_ms = units[i].ms;
        }
    }
    *rest = str_from(*rest, best);
    return best > 0;
}

bool duration_parse(struct str text, int64_t *out_ms)
{
    struct str rest = str_trim(text);
    double total = 0;

    if (str_eq(rest, STR("0"))) {
        *out_ms = 0;
        return true;
    }
    if (rest.len == 0)
        return false;
    while (rest.len > 0) {
        double number;
        double unit_ms;

        if (!take_number(&rest, &number) || !take_unit(&rest, &unit_ms))
            return false;
        total += number * unit_ms;
    }
    if (total > 1e15)
        return false;
    *out_ms = (int64_t)(total + 1e-6);
    return true;
}
