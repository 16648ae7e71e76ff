#include "io/resolve.h"

#include "base/test.h"
#include "io/loop.h"

struct asked {
    struct loop *loop;
    struct socket_address address;
    int answers;
    bool found;
};

static void on_answer(void *user, const struct socket_address *address)
{
    struct asked *asked = user;

    asked->answers++;
    asked->found = address != NULL;
    if (address != NULL)
        asked->address = *address;
    loop_stop(asked->loop);
}

static void numbers_are_answered_from_the_loop(void **state)
{
    struct asked asked = {0};
    (void)state;

    assert_int_equal(loop_open(&asked.loop), 0);
    resolve_start(asked.loop, STR("127.0.0.1"), 80, on_answer, &asked);
    assert_int_equal(asked.answers, 0);
    loop_run(asked.loop);
    assert_true(asked.found);
    assert_int_equal(socket_address_port(&asked.address), 80);
    loop_close(asked.loop);
}

static void a_name_without_address_is_answered_too(void **state)
{
    struct asked asked = {0};
    (void)state;

    assert_int_equal(loop_open(&asked.loop), 0);
    resolve_start(asked.loop, STR("no such name"), 80, on_answer, &asked);
    loop_run(asked.loop);
    assert_int_equal(asked.answers, 1);
    assert_false(asked.found);
    loop_close(asked.loop);
}

static void a_cancelled_lookup_is_silent(void **state)
{
    struct asked asked = {0};
    (void)state;

    assert_int_equal(loop_open(&asked.loop), 0);
    resolve_cancel(resolve_start(asked.loop, STR("127.0.0.1"), 80, on_answer, &asked));
    loop_run_once(asked.loop, 0);
    assert_int_equal(asked.answers, 0);
    loop_close(asked.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_are_answered_from_the_loop),
        cmocka_unit_test(a_name_without_address_is_answered_too),
        cmocka_unit_test(a_cancelled_lookup_is_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
