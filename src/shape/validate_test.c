#include "base/test.h"

#include "api/ecs.h"
#include "shape/walk.h"

static void a_copy_equals_its_source(void **state)
{
    struct arena arena = ARENA_INIT;
    struct ecs_tag tag = {0};
    (void)state;

    SET(&tag, key, STR("a"));
    assert_true(shape_equal(&ecs_tag_shape, &tag, shape_copy(&arena, &ecs_tag_shape, &tag)));
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_copy_equals_its_source)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
