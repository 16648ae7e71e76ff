// GPUs as a driver's library tells of them.

#include "base/test.h"

#include <stdlib.h>

#include "base/arena.h"
#include "host/gpu.h"

static const char *library; // the fake one

static void devices_and_version_are_the_drivers(void **state)
{
    struct arena arena = ARENA_INIT;
    struct gpu_list found;
    struct str why;
    (void)state;

    assert_int_equal(gpu_find(library, &arena, &found, &why), 0);
    assert_int_equal(found.ids.n, 2);
    EXPECT_STR(found.ids.at[0], "GPU-aaaa");
    EXPECT_STR(found.ids.at[1], "GPU-bbbb");
    EXPECT_STR(found.driver, "535.129.03");
    arena_deinit(&arena);
}

static void a_driver_that_does_not_answer_has_none(void **state)
{
    struct arena arena = ARENA_INIT;
    struct gpu_list found;
    struct str why;
    (void)state;

    setenv("FAKE_NVML_BROKEN", "1", 1);
    assert_int_equal(gpu_find(library, &arena, &found, &why), GPU_E_NONE);
    EXPECT_STR(why, "the driver does not answer");
    unsetenv("FAKE_NVML_BROKEN");
    arena_deinit(&arena);
}

static void without_a_library_there_are_none(void **state)
{
    struct arena arena = ARENA_INIT;
    struct gpu_list found;
    struct str why;
    (void)state;

    assert_int_equal(gpu_find("/nowhere/libnvidia-ml.so.1", &arena, &found, &why), GPU_E_NONE);
    assert_true(why.len > 0);
    arena_deinit(&arena);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_and_version_are_the_drivers),
        cmocka_unit_test(a_driver_that_does_not_answer_has_none),
        cmocka_unit_test(without_a_library_there_are_none),
    };

    if (argc < 2)
        return 2;
    library = argv[1];
    return cmocka_run_group_tests(tests, NULL, NULL);
}
