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

static void tells_what_was_skipped(void **state)
{
    struct steady steady = {0};

    (void)state;
    steady_read(&steady, 5000, 10);
    assert_int_equal(steady.skipped_ms, 0); // the first reading is no jump
    steady_read(&steady, 65000, 60010);
    assert_int_equal(steady.skipped_ms, 0);
    steady_read(&steady, 3665500, 60510);
    assert_int_equal(steady.skipped_ms, 3600000);
    steady_read(&steady, 3665600, 60610);
    assert_int_equal(steady.skipped_ms, 0);
    steady_read(&steady, 5000, 60710);
    assert_int_equal(steady.skipped_ms, 0); // back is not ahead
    steady_read(&steady, 3665800, 60810);
    assert_int_equal(steady.skipped_ms, 0); // and neither is the way to where it was
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_the_wall),
        cmocka_unit_test(goes_on_when_the_wall_is_set_back),
        cmocka_unit_test(follows_again_when_the_wall_has_caught_up),
        cmocka_unit_test(tells_what_was_skipped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
