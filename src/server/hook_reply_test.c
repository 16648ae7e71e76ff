#include "server/hook_reply.h"

#include "base/arena.h"
#include "base/test.h"

static struct arena arena;

static struct hook_answer read(const char *body, const char *sent)
{
    return hook_reply_read(&arena, str_of(body), str_of(sent));
}

static void expect_unparsed(const char *body, const char *cause)
{
    struct hook_answer answer = read(body, "");

    assert_int_equal(answer.result, HOOK_RESULT_FAILED);
    assert_int_equal(answer.failure, HOOK_NOT_PARSED);
    EXPECT_STR(answer.cause, cause);
}

static void the_three_statuses_are_known(void **state)
{
    (void)state;
    assert_int_equal(read("{\"hookStatus\":\"SUCCEEDED\",\"x\":1}", "").result,
                     HOOK_RESULT_SUCCEEDED);
    assert_int_equal(read("{\"hookStatus\":\"FAILED\"}", "").failure, HOOK_RETURNED_FAILED);
    assert_int_equal(read("{\"hookStatus\":\"IN_PROGRESS\"}", "").result, HOOK_RESULT_IN_PROGRESS);
}

static void anything_else_is_no_answer(void **state)
{
    (void)state;
    expect_unparsed("{}", "HookStatus must not be null");
    expect_unparsed("{\"hookStatus\":null}", "HookStatus must not be null");
    expect_unparsed("{\"hookStatus\":\"DONE\"}",
                    "HookStatus must be one of [SUCCEEDED,FAILED,IN_PROGRESS]");
    assert_int_equal(read("", "").failure, HOOK_NOT_PARSED);
    assert_int_equal(read("[]", "").failure, HOOK_NOT_PARSED);
    assert_int_equal(read("{\"hookStatus\":", "").failure, HOOK_NOT_PARSED);
}

static void a_delay_is_in_seconds(void **state)
{
    (void)state;
    assert_int_equal(read("{\"hookStatus\":\"IN_PROGRESS\"}", "").delay, 0);
    assert_int_equal(read("{\"hookStatus\":\"IN_PROGRESS\",\"callBackDelay\":5}", "").delay, 5000);
    expect_unparsed("{\"hookStatus\":\"IN_PROGRESS\",\"callBackDelay\":-1}",
                    "CallBackDelay must be between 1 and 86400");
}

static struct str merged(const char *sent, const char *back)
{
    struct str body = str_fmt(&arena, "{\"hookStatus\":\"IN_PROGRESS\",\"hookDetails\":%s}", back);

    return hook_reply_read(&arena, body, str_of(sent)).details;
}

static void details_are_laid_over_what_was_sent(void **state)
{
    (void)state;
    EXPECT_STR(merged("", "{\"a\":1}"), "{\"a\":1}");
    EXPECT_STR(merged("{\"a\":1,\"b\":[1,{\"c\":\"}\"}]}", "{\"a\":2.50}"),
               "{\"b\":[1,{\"c\":\"}\"}],\"a\":2.50}");
    EXPECT_STR(merged("{ \"a\" : { \"x\" : [ ] } , \"q\\\"\":\"\\u00e4\" }", "{}"),
               "{\"a\":{ \"x\" : [ ] },\"q\\\"\":\"\\u00e4\"}");
    EXPECT_STR(merged("{\"a\":null,\"b\":true}", "{\"b\":false}"), "{\"a\":null,\"b\":false}");
}

static void details_that_are_no_object_are_refused(void **state)
{
    (void)state;
    expect_unparsed("{\"hookStatus\":\"IN_PROGRESS\",\"hookDetails\":[1]}",
                    "HookDetails must be an object of at most 64 KiB");
    expect_unparsed("{\"hookStatus\":\"IN_PROGRESS\",\"hookDetails\":3}",
                    "HookDetails must be an object of at most 64 KiB");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_three_statuses_are_known),
        cmocka_unit_test(anything_else_is_no_answer),
        cmocka_unit_test(a_delay_is_in_seconds),
        cmocka_unit_test(details_are_laid_over_what_was_sent),
        cmocka_unit_test(details_that_are_no_object_are_refused),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_deinit(&arena);
    return failed;
}
