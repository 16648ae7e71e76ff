#include "base/test.h"

#include "wire/key_set.h"

static void a_key_counts_once_in_an_object(void **state)
{
    struct key_set set = {0};
    (void)state;

    assert_true(key_set_add(&set, 1, STR("a")));
    assert_true(key_set_add(&set, 1, STR("b")));
    assert_true(key_set_add(&set, 2, STR("a")));
    assert_true(key_set_add(&set, 1, STR("")));
    assert_false(key_set_add(&set, 1, STR("a")));
    assert_false(key_set_add(&set, 1, STR("")));
    key_set_deinit(&set);
    key_set_deinit(&set);
}

static void many_keys_are_all_remembered(void **state)
{
    struct key_set set = {0};
    char name[16];
    (void)state;

    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 5000; i++) {
            snprintf(name, sizeof name, "key%d", i);
            assert_int_equal(key_set_add(&set, 1, str_of(name)), round == 0);
        }
    }
    assert_int_equal(set.n, 5000);
    key_set_deinit(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_counts_once_in_an_object),
        cmocka_unit_test(many_keys_are_all_remembered),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
