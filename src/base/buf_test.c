#include "base/buf.h"

#include "base/test.h"

static void bytes_come_out_in_order(void **state)
{
    BUF_AUTO struct buf buf = BUF_INIT;
    (void)state;

    buf_add_str(&buf, STR("hello "));
    buf_add_i64(&buf, -42);
    buf_printf(&buf, " %s", "world");
    EXPECT_STR(buf_str(&buf), "hello -42 world");
    buf_consume(&buf, 6);
    EXPECT_STR(buf_str(&buf), "-42 world");
}

static void the_end_can_be_taken_back(void **state)
{
    BUF_AUTO struct buf buf = BUF_INIT;
    (void)state;

    buf_add_str(&buf, STR("hello world"));
    buf_consume(&buf, 6);
    buf_truncate(&buf, 2);
    EXPECT_STR(buf_str(&buf), "wo");
    buf_truncate(&buf, 0);
    buf_add_str(&buf, STR("new"));
    EXPECT_STR(buf_str(&buf), "new");
}

static void a_steady_stream_does_not_grow(void **state)
{
    BUF_AUTO struct buf buf = BUF_INIT;
    size_t cap;
    (void)state;

    buf_add(&buf, "0123456789", 10);
    cap = buf.cap;
    for (int i = 0; i < 10000; i++) {
        buf_add(&buf, "0123456789", 10);
        buf_consume(&buf, 10);
    }
    assert_int_equal(buf.cap, cap);
    EXPECT_STR(buf_str(&buf), "0123456789");
}

static void numbers_at_the_edges(void **state)
{
    BUF_AUTO struct buf buf = BUF_INIT;
    (void)state;

    buf_add_i64(&buf, INT64_MIN);
    buf_add_char(&buf, ' ');
    buf_add_i64(&buf, INT64_MAX);
    buf_add_char(&buf, ' ');
    buf_add_i64(&buf, 0);
    EXPECT_STR(buf_str(&buf), "-9223372036854775808 9223372036854775807 0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_out_in_order),
        cmocka_unit_test(the_end_can_be_taken_back),
        cmocka_unit_test(a_steady_stream_does_not_grow),
        cmocka_unit_test(numbers_at_the_edges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
