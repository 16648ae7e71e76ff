#include "base/test.h"

static void memory_is_zeroed_and_aligned(void **state)
{
    struct arena arena = ARENA_INIT;
    (void)state;

    for (size_t size = 1; size < 100; size++) {
        char *ptr = arena_alloc(&arena, size);
        assert_int_equal((uintptr_t)ptr % 8, 0);
        for (size_t i = 0; i < size; i++)
            assert_int_equal(ptr[i], 0);
        memset(ptr, 0xff, size);
    }
    arena_deinit(&arena);
}

static void a_large_request_gets_its_own_block(void **state)
{
    struct arena arena = ARENA_INIT;
    char *big;
    (void)state;

    arena_alloc(&arena, 16);
    big = arena_alloc(&arena, 5 << 20);
    big[(5 << 20) - 1] = 1;
    assert_true(arena_used(&arena) >= (5 << 20));
    arena_deinit(&arena);
}

static void reset_keeps_one_block_and_serves_again(void **state)
{
    struct arena arena = ARENA_INIT;
    (void)state;

    for (int i = 0; i < 1000; i++)
        arena_alloc(&arena, 100);
    arena_reset(&arena);
    assert_int_equal(arena_used(&arena), 0);
    EXPECT_STR(str_of(arena_printf(&arena, "%d-%s", 7, "x")), "7-x");
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_is_zeroed_and_aligned),
        cmocka_unit_test(a_large_request_gets_its_own_block),
        cmocka_unit_test(reset_keeps_one_block_and_serves_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
