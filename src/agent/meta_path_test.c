#include "agent/meta_path.h"

#include "base/arena.h"
#include "base/test.h"

static struct arena arena;

static int forget(void **state)
{
    (void)state;
    arena_deinit(&arena);
    return 0;
}

static struct meta_path read(const char *path)
{
    struct str text;
    struct str query;

    str_cut(str_of(path), '?', &text, &query);
    return meta_path_read(text, query, &arena);
}

static void expect(const char *path, enum meta_what what, int version, const char *id)
{
    struct meta_path got = read(path);

    assert_int_equal(got.what, what);
    assert_int_equal(got.version, version);
    EXPECT_STR(got.id, id);
}

static void credentials_are_asked_for_in_two_ways(void **state)
{
    (void)state;
    expect("/v2/credentials/abc", META_CREDENTIALS, 2, "abc");
    expect("/v2/credentials/", META_CREDENTIALS, 2, "");
    expect("/v2/credentials", META_CREDENTIALS, 2, "");
    expect("/v1/credentials?id=abc", META_CREDENTIALS, 1, "abc");
    expect("/v1/credentials?x=1", META_CREDENTIALS, 1, "");
}

static void v2_knows_the_caller_by_its_address(void **state)
{
    (void)state;
    expect("/v2/metadata", META_TASK, 2, "");
    expect("/v2/metadata/", META_TASK, 2, "");
    expect("/v2/metadata/be57", META_CONTAINER, 2, "be57");
    expect("/v2/metadataWithTags/", META_TASK_WITH_TAGS, 2, "");
    expect("/v2/stats", META_TASK_STATS, 2, "");
    expect("/v2/stats/be57", META_STATS, 2, "be57");
}

static void v3_and_v4_have_the_same_paths(void **state)
{
    static const char *const versions[] = {"/v3", "/v4"};

    (void)state;
    for (int i = 0; i < 2; i++) {
        const char *v = versions[i];

        expect(arena_printf(&arena, "%s/e", v), META_CONTAINER, 3 + i, "e");
        expect(arena_printf(&arena, "%s/", v), META_CONTAINER, 3 + i, "");
        expect(arena_printf(&arena, "%s/e/task", v), META_TASK, 3 + i, "e");
        expect(arena_printf(&arena, "%s/e/taskWithTags", v), META_TASK_WITH_TAGS, 3 + i, "e");
        expect(arena_printf(&arena, "%s/e/stats", v), META_STATS, 3 + i, "e");
        expect(arena_printf(&arena, "%s/e/task/stats", v), META_TASK_STATS, 3 + i, "e");
        expect(arena_printf(&arena, "%s/e/associations/gpu", v), META_ASSOCIATIONS, 3 + i, "e");
        expect(arena_printf(&arena, "%s/e/associations/gpu/x", v), META_ASSOCIATION, 3 + i, "e");
    }
    EXPECT_STR(read("/v4/e/associations/gpu/x").type, "gpu");
    EXPECT_STR(read("/v4/e/associations/gpu/x").name, "x");
}

static void the_task_api_has_protection_and_faults(void **state)
{
    struct meta_path fault = read("/api/e/fault/v1/network-packet-loss/status");

    (void)state;
    expect("/api/e/task-protection/v1/state", META_PROTECTION, 4, "e");
    assert_int_equal(fault.what, META_FAULT);
    assert_int_equal(fault.fault, META_FAULT_LOSS);
    assert_int_equal(fault.act, META_FAULT_STATUS);
    assert_int_equal(read("/api/e/fault/v1/network-latency/begin").what, META_NOTHING);
    assert_int_equal(read("/api/e/fault/v1/disk-full/start").what, META_NOTHING);
}

static void anything_else_is_nothing(void **state)
{
    static const char *const paths[] = {
        "",
        "/",
        "/v4",
        "v4/e",
        "/v5/e",
        "/v4/e/x",
        "/v4/e/task/x",
        "/v4/e/stats/x",
        "/v2/metadata/a/b",
        "/api/e",
        "/v1/credentials/x",
        "/v4/e/task/",
        "/a/b/c/d/e/f/g/h/i/j/k",
    };

    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_int_equal(read(paths[i]).what, META_NOTHING);
}

static void expect_clean(const char *path, const char *want)
{
    struct str clean;

    assert_int_equal(meta_path_clean(str_of(path), &arena, &clean), strcmp(path, want) != 0);
    EXPECT_STR(clean, want);
}

static void double_slashes_are_cleaned(void **state)
{
    (void)state;
    expect_clean("/v4/e/task", "/v4/e/task");
    expect_clean("/v4/e/", "/v4/e/");
    expect_clean("//v4//e///task", "/v4/e/task");
    expect_clean("/v4//", "/v4/");
    expect_clean("/v4/./e", "/v4/e");
    expect_clean("/a/../v4/e", "/v4/e");
    expect_clean("/../..", "/");
    expect_clean("/", "/");
}

#define CASE(f) cmocka_unit_test_teardown(f, forget)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(credentials_are_asked_for_in_two_ways),
        CASE(v2_knows_the_caller_by_its_address),
        CASE(v3_and_v4_have_the_same_paths),
        CASE(the_task_api_has_protection_and_faults),
        CASE(anything_else_is_nothing),
        CASE(double_slashes_are_cleaned),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
