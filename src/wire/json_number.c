// See json_number.h. Plain digits, which is nearly every number, never become a double.

#include "wire/json_number.h"

#include <math.h>

#include "base/mem.h"

static const double seconds_max = 253402300800; // the end of the year 9999

bool json_number_double(struct str text, double *out)
{
    char small[64];
    char *copy = text.len < sizeof small ? small : mem_alloc(text.len + 1);
    double value;

    memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    value = strtod(copy, NULL);
    if (copy != small)
        mem_free(copy);
    if (!isfinite(value))
        return false;
    *out = value;
    return true;
}

bool json_number_i64(struct str text, int64_t low, int64_t high, int64_t *out)
{
    const double exact_max = 9007199254740992; // 2^53
    int64_t value;
    double real;

    if (!str_to_i64(text, &value)) {
        if (!json_number_double(text, &real) || trunc(real) != real || fabs(real) > exact_max)
            return false;
        value = (int64_t)real;
    }
    if (value < low || value > high)
        return false;
    *out = value;
    return true;
}

bool json_number_ms(struct str text, int64_t *out)
{
    double seconds;

    if (!json_number_double(text, &seconds) || fabs(seconds) > seconds_max)
        return false;
    *out = llround(seconds * 1000);
    return true;
}
