#include "model/uid_index.h"

#include "base/arena.h"
#include "base/rng.h"
#include "base/test.h"
#include "model/task.h"

enum { MANY = 700 };

static void it_finds_what_is_in_it_and_nothing_else(void **state)
{
    static struct task tasks[MANY];
    static bool is_in[MANY];
    struct arena arena = ARENA_INIT;
    struct uid_index index = {0};
    struct rng rng;

    (void)state;
    rng_init(&rng, 3);
    for (int i = 0; i < MANY; i++)
        tasks[i].uid = str_fmt(&arena, "t%d", i);
    assert_null(uid_index_find(&index, STR("t1")));
    for (int step = 0; step < 30000; step++) {
        size_t i = rng_below(&rng, MANY);

        if (is_in[i])
            uid_index_remove(&index, &tasks[i]);
        else
            uid_index_add(&index, &tasks[i]);
        is_in[i] = !is_in[i];
        i = rng_below(&rng, MANY);
        assert_ptr_equal(uid_index_find(&index, tasks[i].uid), is_in[i] ? &tasks[i] : NULL);
    }
    for (size_t i = 0; i < MANY; i++) {
        assert_ptr_equal(uid_index_find(&index, tasks[i].uid), is_in[i] ? &tasks[i] : NULL);
        if (is_in[i])
            uid_index_remove(&index, &tasks[i]);
    }
    uid_index_deinit(&index);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_finds_what_is_in_it_and_nothing_else),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
