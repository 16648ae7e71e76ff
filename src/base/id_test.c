#include "base/id.h"

#include "base/test.h"

static void ids_have_their_form_and_repeat_from_a_seed(void **state)
{
    struct arena arena = ARENA_INIT;
    struct rng one;
    struct rng two;
    (void)state;

    rng_init(&one, 1);
    rng_init(&two, 1);
    for (int i = 0; i < 100; i++) {
        struct str hex = id_hex32(&arena, &one);
        struct str uuid = id_uuid(&arena, &one);
        assert_true(id_is_hex32(hex));
        assert_true(id_is_uuid(uuid));
        assert_true(str_eq(hex, id_hex32(&arena, &two)));
        assert_true(str_eq(uuid, id_uuid(&arena, &two)));
    }
    arena_deinit(&arena);
}

static void wrong_forms_are_refused(void **state)
{
    (void)state;
    assert_false(id_is_hex32(STR("")));
    assert_false(id_is_hex32(STR("g123456789abcdef0123456789abcdef")));
    assert_false(id_is_uuid(STR("0123456789abcdef0123456789abcdef0123")));
    assert_true(id_is_uuid(STR("01234567-89AB-cdef-0123-456789abcdef")));
}

static void rng_below_stays_below_and_reaches_all(void **state)
{
    struct rng rng;
    int seen[7] = {0};
    (void)state;

    rng_init(&rng, 42);
    for (int i = 0; i < 7000; i++)
        seen[rng_below(&rng, 7)]++;
    for (int i = 0; i < 7; i++)
        assert_in_range(seen[i], 800, 1200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_have_their_form_and_repeat_from_a_seed),
        cmocka_unit_test(wrong_forms_are_refused),
        cmocka_unit_test(rng_below_stays_below_and_reaches_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
