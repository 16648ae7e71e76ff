// Order of versions and of decimal numbers, on their text: no length is too long and no fraction is
// rounded.

#include "core/query_compare.h"

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static struct str take_digits(struct str *rest)
{
    size_t n = 0;
    struct str digits;

    while (n < rest->len && is_digit(rest->ptr[n]))
        n++;
    digits = str_take(*rest, n);
    *rest = str_from(*rest, n);
    return digits;
}

static bool take_char(struct str *rest, char c)
{
    if (rest->len == 0 || rest->ptr[0] != c)
        return false;
    *rest = str_from(*rest, 1);
    return true;
}

static int digits_order(struct str a, struct str b)
{
    while (a.len > 0 && a.ptr[0] == '0')
        a = str_from(a, 1);
    while (b.len > 0 && b.ptr[0] == '0')
        b = str_from(b, 1);
    if (a.len != b.len)
        return a.len < b.len ? -1 : 1;
    return str_cmp(a, b);
}

bool query_is_version(struct str text)
{
    do {
        if (take_digits(&text).len == 0)
            return false;
    } while (take_char(&text, '.'));
    return text.len == 0 || text.ptr[0] == '-' || text.ptr[0] == '+';
}

int query_version_order(struct str a, struct str b)
{
    for (;;) {
        bool more_a;
        bool more_b;
        int order = digits_order(take_digits(&a), take_digits(&b));

        if (order != 0)
            return order;
        more_a = take_char(&a, '.');
        more_b = take_char(&b, '.');
        if (!more_a && !more_b)
            break;
    }
    if ((a.len == 0) != (b.len == 0))
        return a.len == 0 ? 1 : -1;
    return str_cmp(a, b);
}

struct number {
    bool negative;
    struct str whole;
    struct str fraction; // without zeros at its end
};

static bool read_number(struct str text, struct number *out)
{
    out->negative = take_char(&text, '-');
    out->whole = take_digits(&text);
    out->fraction = STR_NONE;
    if (out->whole.len == 0)
        return false;
    if (take_char(&text, '.')) {
        out->fraction = take_digits(&text);
        if (out->fraction.len == 0)
            return false;
    }
    while (str_ends(out->fraction, STR("0")))
        out->fraction = str_take(out->fraction, out->fraction.len - 1);
    return text.len == 0;
}

static bool is_zero(const struct number *n)
{
    return n->fraction.len == 0 && digits_order(n->whole, STR_NONE) == 0;
}

static int number_order(const struct number *a, const struct number *b)
{
    bool a_below = a->negative && !is_zero(a);
    bool b_below = b->negative && !is_zero(b);
    int order = digits_order(a->whole, b->whole);

    if (a_below != b_below)
        return a_below ? -1 : 1;
    if (order == 0)
        order = str_cmp(a->fraction, b->fraction);
    return a_below ? -order : order;
}

int query_value_order(struct str a, struct str b)
{
    struct number x;
    struct number y;

    if (read_number(a, &x) && read_number(b, &y))
        return number_order(&x, &y);
    return str_cmp(a, b);
}
