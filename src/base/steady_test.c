#include "base/steady.h"
#include "base/test.h"

static void follows_the_wall(void **state)
{
    struct steady steady = {0};

    (void)state;
    assert_int_equal(steady_read(&steady, 5000, 10), 5000);
    assert_int_equal(steady_read(&steady, 5100, 110), 5100);
    assert_int_equal(steady_read(&steady, 9000, 120), 9000); // it was set forward
}

static void goes_on_when_the_wall_is_set_back(void **state)
{
    struct steady steady = {0};

    (void)state;
    steady_read(&steady, 5000, 10);
    assert_int_equal(steady_read(&steady, 1000, 60), 5050);
    assert_int_equal(steady_read(&steady, 1100, 160), 5150);
    assert_int_equal(steady_read(&steady, 1100, 160), 5150);
}

static void follows_again_when_the_wall_has_caught_up(void **state)
{
    struct steady steady = {0};

    (void)state;
    steady_read(&steady, 5000, 10);
    steady_read(&steady, 4000, 510);
    assert_int_equal(steady.now, 5500);
    assert_int_equal(steady_read(&steady, 6000, 520), 6000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_wall),
        cmocka_unit_test(goes_on_when_the_wall_is_set_back),
        cmocka_unit_test(follows_again_when_the_wall_has_caught_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
