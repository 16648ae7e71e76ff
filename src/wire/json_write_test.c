#include "base/test.h"

#include "wire/json_write.h"

static void expect_str(struct str text, const char *want)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct json_writer w = json_writer(&out);

    json_write_str(&w, text);
    EXPECT_STR(buf_str(&out), want);
}

static void expect_double(double value, const char *want)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct json_writer w = json_writer(&out);

    json_write_double(&w, value);
    EXPECT_STR(buf_str(&out), want);
}

static void expect_time(int64_t ms, const char *want)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct json_writer w = json_writer(&out);

    json_write_time(&w, ms);
    EXPECT_STR(buf_str(&out), want);
}

static void commas_stand_between_values_only(void **state)
{
    BUF_AUTO struct buf out = BUF_INIT;
    struct json_writer w = json_writer(&out);
    (void)state;

    json_write_object(&w);
    json_write_name(&w, STR("a"));
    json_write_list(&w);
    json_write_list_end(&w);
    json_write_key(&w, STR("b\""));
    json_write_list(&w);
    json_write_i64(&w, -7);
    json_write_null(&w);
    json_write_object(&w);
    json_write_object_end(&w);
    json_write_bool(&w, true);
    json_write_raw(&w, STR("[0]"));
    json_write_list_end(&w);
    json_write_object_end(&w);
    EXPECT_STR(buf_str(&out), "{\"a\":[],\"b\\\"\":[-7,null,{},true,[0]]}");
}

static void text_is_escaped(void **state)
{
    (void)state;
    expect_str(STR(""), "\"\"");
    expect_str(STR_NONE, "\"\"");
    expect_str(STR("a/b"), "\"a/b\"");
    expect_str(STR("\"\\"), "\"\\\"\\\\\"");
    expect_str(STR("\b\f\n\r\t"), "\"\\b\\f\\n\\r\\t\"");
    expect_str(STR("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\"");
    expect_str(STR("\xc3\xa9\xf0\x9f\x98\x80"), "\"\xc3\xa9\xf0\x9f\x98\x80\"");
}

static void what_is_no_text_is_replaced(void **state)
{
    (void)state;
    expect_str(STR("a\xff\x62"), "\"a\xef\xbf\xbd\x62\"");
    expect_str(STR("\xc0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_str(STR("x\xe2\x82"), "\"x\xef\xbf\xbd\xef\xbf\xbd\"");
    expect_str(str_span("a\0b", 3), "\"a\xef\xbf\xbd\x62\"");
}

static void doubles_are_short_and_exact(void **state)
{
    (void)state;
    expect_double(0, "0.0");
    expect_double(-0.0, "-0.0");
    expect_double(2048, "2048.0");
    expect_double(0.1, "0.1");
    expect_double(1.0 / 3, "0.3333333333333333");
    expect_double(1e22, "1e+22");
    expect_double(5e-324, "4.94065645841247e-324");
    expect_double(1.7976931348623157e308, "1.7976931348623157e+308");
    expect_double(9007199254740991, "9007199254740991.0");
}

static void times_are_seconds(void **state)
{
    (void)state;
    expect_time(INT64_C(1789573440626), "1789573440.626");
    expect_time(INT64_C(1789573440600), "1789573440.6");
    expect_time(INT64_C(1789573440000), "1789573440");
    expect_time(7, "0.007");
    expect_time(0, "0");
    expect_time(-1500, "-1.5");
    expect_time(INT64_MIN, "-9223372036854775.808");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(commas_stand_between_values_only),
        cmocka_unit_test(text_is_escaped),
        cmocka_unit_test(what_is_no_text_is_replaced),
        cmocka_unit_test(doubles_are_short_and_exact),
        cmocka_unit_test(times_are_seconds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
