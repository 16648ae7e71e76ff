// The reader against an oracle: jansson builds a tree, the reader's tokens are written out again
// and read by jansson too, and the two trees must be equal. Where they differ on purpose, the case
// says so.

#include "base/test.h"

#include <jansson.h>

#include "base/buf.h"
#include "wire/json_echo_testing.h"

static int read_into(struct buf *out, struct str text)
{
    buf_clear(out);
    return json_echo(text, out);
}

static int outcome_of(struct str text)
{
    BUF_AUTO struct buf out = BUF_INIT;

    return read_into(&out, text);
}

static json_t *oracle(struct str text)
{
    return json_loadb(text.ptr ? text.ptr : "", text.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL,
                      NULL);
}

static void expect_same_tree(const char *text)
{
    BUF_AUTO struct buf out = BUF_INIT;
    json_t *want = oracle(str_of(text));
    json_t *got;

    if (want == NULL)
        fail_msg("the oracle refuses %s", text);
    if (read_into(&out, str_of(text)) != 0)
        fail_msg("the reader refuses %s", text);
    got = oracle(buf_str(&out));
    assert_true(json_equal(want, got));
    json_decref(want);
    json_decref(got);
}

static void good_texts_mean_what_the_oracle_says(void **state)
{
    static const char *const texts[] = {
        "{}",
        "[]",
        "null",
        "true",
        "false",
        "0",
        "-0",
        "1",
        "-1.5e-3",
        "1E+2",
        "0.125",
        "\"\"",
        " \t\r\n{ \"a\" : [ 1 , 2 ] } \n",
        "{\"\":1}",
        "[[[[]]],{}]",
        "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
        "\"\\u00e9\\u20ac\\ud83d\\ude00\"",
        "\"\\uD834\\uDD1E x\"",
        "\"\xf0\x9f\x98\x80\"",
        "\"\\\\u0000\"",
        "\"\\\\ud800\"",
        "{\"a\":{\"a\":{\"a\":[{},{\"b\":null}]}}}",
        "[1.7976931348623157e308,5e-324]",
        "\"\x7f\"",
        "123456789012345678901234567890",
    };
    (void)state;

    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        expect_same_tree(texts[i]);
}

static const char *const bad_texts[] = {
    "",
    "{}\"",
    "{} \"never ends",
    "\"\"\"&",
    "1 \"",
    "[1]\"\\",
    " ",
    "{",
    "}",
    "[",
    "]",
    "{]",
    "[}",
    "[1,]",
    "[,1]",
    "{\"a\":1,}",
    "{,}",
    "{\"a\"}",
    "{\"a\":}",
    "{\"a\" 1}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "[1 2]",
    "nul",
    "nulll",
    "True",
    "tru",
    "NaN",
    "Infinity",
    "-Infinity",
    "-",
    "+1",
    "01",
    "-01",
    "1.",
    ".5",
    "1e",
    "1e+",
    "0x10",
    "1.e1",
    "\"",
    "\"a",
    "\"\\\"",
    "\"\\x\"",
    "\"\\u12\"",
    "\"\\u12g4\"",
    "\"\n\"",
    "\"\t\"",
    "\"\x01\"",
    "\"\\ud800\"",
    "\"\\udc00\"",
    "\"\\ud800x\"",
    "\"\\ud800\\ud800\"",
    "\"\\ud800\\u0041\"",
    "\"\\ud800\\\\udc00\"",
    "\"\\u0000\"",
    "[\"a\\u0000b\"]",
    "// c\n1",
    "/* c */ 1",
    "1 // c",
    "# c\n1",
    "{} {}",
    "[] 1",
    "1 1",
    "{}x",
    "null null",
    "\"\xff\"",
    "\"\xc0\x80\"",
    "\"\xed\xa0\x80\"",
    "\"\xf4\x90\x80\x80\"",
    "\"\xc3\"",
    "\xef\xbb\xbf{}",
    "{\"a\":1]",
    "[1}",
    "\xc2\xa0{}",
    "{}\x0b",
    "\f{}",
    "[\v]",
    "[\"a\":1]",
    "{\"a\",\"b\"}",
    "\\u007b}",
    "[1,,2]",
    "--1",
    "1-",
    "\"\\",
    "{\"\\ud800\":1}",
};

static void bad_texts_are_refused_by_both(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof bad_texts / sizeof *bad_texts; i++) {
        json_t *tree = oracle(str_of(bad_texts[i]));
        int result = outcome_of(str_of(bad_texts[i]));
        if (tree != NULL || result == 0)
            fail_msg("accepted: %s (oracle %d, reader %d)", bad_texts[i], tree != NULL,
                     result == 0);
    }
}

static void outcomes_say_what_is_wrong(void **state)
{
    (void)state;
    assert_int_equal(outcome_of(STR("[1")), JSON_E_SYNTAX);
    assert_int_equal(outcome_of(STR("{}{}")), JSON_E_SYNTAX);
    assert_int_equal(outcome_of(STR_NONE), JSON_E_SYNTAX);
    assert_int_equal(outcome_of(STR("\"\xff\"")), JSON_E_TEXT);
    assert_int_equal(outcome_of(STR("\"\\u0000\"")), JSON_E_TEXT);
    assert_int_equal(outcome_of(STR("\"\\udfff\"")), JSON_E_TEXT);
    assert_int_equal(outcome_of(str_span("[1]\0", 4)), JSON_E_TEXT);
    assert_int_equal(outcome_of(str_span("\"a\0b\"", 5)), JSON_E_TEXT);
}

static void numbers_out_of_every_range_pass_as_text(void **state)
{
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    assert_int_equal(read_into(&out, STR("[1e400,-9223372036854775809]")), 0);
    EXPECT_STR(buf_str(&out), "[1e400,-9223372036854775809]");
}

static void depth_is_limited(void **state)
{
    char deep[200001];
    (void)state;

    memset(deep, '[', 100000);
    memset(deep + 100000, ']', 100000);
    assert_int_equal(outcome_of(str_span(deep + 100000 - 64, 128)), 0);
    assert_int_equal(outcome_of(str_span(deep + 100000 - 65, 130)), JSON_E_DEPTH);
    assert_int_equal(outcome_of(str_span(deep, 200000)), JSON_E_DEPTH);
}

struct offsets {
    struct json_reader reader;
    size_t at[8];
    size_t n;
};

static bool note_offset(void *user)
{
    struct offsets *o = user;

    o->at[o->n++] = json_read_offset(&o->reader);
    return true;
}

static bool note_bool(void *user, bool value)
{
    (void)value;
    return note_offset(user);
}

static bool note_text(void *user, struct str text)
{
    (void)text;
    return note_offset(user);
}

static bool stop(void *user)
{
    note_offset(user);
    return false;
}

static const struct json_events note = {
    .on_null = stop,
    .on_bool = note_bool,
    .on_number = note_text,
    .on_string = note_text,
    .on_object = note_offset,
    .on_key = note_text,
    .on_object_end = note_offset,
    .on_list = note_offset,
    .on_list_end = note_offset,
};

static void offsets_are_behind_the_token(void **state)
{
    static const size_t want[] = {1, 7, 10, 13, 19, 20, 22};
    struct offsets o = {.reader = {.events = &note, .depth_max = 4}};
    (void)state;

    o.reader.user = &o;
    assert_int_equal(json_read(&o.reader, STR("{ \"a\\\"\": [ 12,\"x\\n\"] }")), 0);
    for (size_t i = 0; i < o.n; i++)
        assert_int_equal(o.at[i], want[i]);
    assert_int_equal(o.n, sizeof want / sizeof *want);
}

static void a_number_at_the_very_end_has_its_offset(void **state)
{
    struct offsets o = {.reader = {.events = &note, .depth_max = 4}};
    (void)state;

    o.reader.user = &o;
    assert_int_equal(json_read(&o.reader, STR("[1,27")), JSON_E_SYNTAX);
    assert_int_equal(o.n, 3);
    assert_int_equal(o.at[2], 5);
    assert_int_equal(json_read_offset(&o.reader), 5);
}

static void a_handler_can_stop(void **state)
{
    struct offsets o = {.reader = {.events = &note, .depth_max = 4}};
    (void)state;

    o.reader.user = &o;
    assert_int_equal(json_read(&o.reader, STR("[true,null,true]")), JSON_E_STOPPED);
    assert_int_equal(o.n, 3);
    assert_int_equal(json_read_offset(&o.reader), 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_texts_mean_what_the_oracle_says),
        cmocka_unit_test(bad_texts_are_refused_by_both),
        cmocka_unit_test(outcomes_say_what_is_wrong),
        cmocka_unit_test(numbers_out_of_every_range_pass_as_text),
        cmocka_unit_test(depth_is_limited),
        cmocka_unit_test(offsets_are_behind_the_token),
        cmocka_unit_test(a_number_at_the_very_end_has_its_offset),
        cmocka_unit_test(a_handler_can_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
