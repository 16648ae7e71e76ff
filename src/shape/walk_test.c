#include "base/test.h"

#include "api/acs.h"
#include "api/docker.h"
#include "api/ecs.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "shape/sample.h"
#include "shape/walk.h"

static struct str_pair pairs[] = {
    {.key = {.ptr = "a", .len = 1}, .value = {.ptr = "1", .len = 1}},
    {.key = {.ptr = "b", .len = 1}, .value = {.ptr = "2", .len = 1}},
    {.key = {.ptr = "a", .len = 1}, .value = {.ptr = "1", .len = 1}},
};

static struct docker_host_config with_sysctls(size_t first, size_t n)
{
    struct docker_host_config host = {0};

    SET(&host, sysctls, (struct str_map){.n = n, .at = pairs + first});
    return host;
}

static bool equal(const struct docker_host_config *a, const struct docker_host_config *b)
{
    bool same = shape_equal(&docker_host_config_shape, a, b);
    bool same_print = shape_fingerprint(&docker_host_config_shape, a) ==
                      shape_fingerprint(&docker_host_config_shape, b);

    assert_int_equal(same, same_print);
    return same;
}

static void maps_are_equal_in_any_order(void **state)
{
    struct docker_host_config ab = with_sysctls(0, 2);
    struct docker_host_config ba = with_sysctls(1, 2);
    struct docker_host_config a = with_sysctls(0, 1);
    (void)state;

    assert_true(equal(&ab, &ba));
    assert_false(equal(&ab, &a));
}

static void lists_are_not(void **state)
{
    struct str ab[] = {STR("a"), STR("b"), STR("a")};
    struct docker_host_config one = {0};
    struct docker_host_config other = {0};
    (void)state;

    SET(&one, binds, (struct str_list){.n = 2, .at = ab});
    SET(&other, binds, (struct str_list){.n = 2, .at = ab + 1});
    assert_false(equal(&one, &other));
    other.binds.at = ab;
    assert_true(equal(&one, &other));
    other.binds.n = 1;
    assert_false(equal(&one, &other));
}

static void absent_differs_from_zero(void **state)
{
    struct docker_host_config absent = {0};
    struct docker_host_config zero = {0};
    (void)state;

    SET(&zero, memory, 0);
    assert_false(equal(&absent, &zero));
    SET(&absent, memory, 0);
    assert_true(equal(&absent, &zero));
}

// The number is stored beside client tokens, so it may not change from one release to the next.
static void the_fingerprint_is_the_same_for_ever(void **state)
{
    struct ecs_tag tag = {0};
    (void)state;

    SET(&tag, key, STR("a"));
    SET(&tag, value, STR("b"));
    assert_int_equal(shape_fingerprint(&ecs_tag_shape, &tag), UINT64_C(0x5c6e07d04ada9dd3));
}

// Whoever changes the source afterwards does not reach the copy.
static void a_frozen_value_stands_alone(void **state)
{
    struct arena arena = ARENA_INIT;
    struct rng rng;
    (void)state;

    for (uint64_t seed = 0; seed < 50; seed++) {
        void *value;
        void *frozen;
        uint64_t print;
        rng_init(&rng, seed);
        value = sample_value(&arena, &rng, &ecs_task_definition_shape);
        print = shape_fingerprint(&ecs_task_definition_shape, value);
        frozen = shape_freeze(&ecs_task_definition_shape, value);
        arena_reset(&arena); // poisons what the value pointed at
        assert_true(shape_fingerprint(&ecs_task_definition_shape, frozen) == print);
        mem_free(frozen);
    }
    arena_deinit(&arena);
}

static void a_merge_takes_what_is_present_over_what_was(void **state)
{
    struct arena arena = ARENA_INIT;
    struct str binds[] = {STR("x")};
    struct docker_log_config log_under = {0};
    struct docker_log_config log_over = {0};
    struct docker_host_config under = with_sysctls(0, 1);
    struct docker_host_config over = with_sysctls(1, 1);
    (void)state;

    SET(&log_under, type, STR("json-file"));
    SET(&log_over, config, (struct str_map){.n = 1, .at = pairs});
    SET(&under, log_config, &log_under);
    SET(&over, log_config, &log_over);
    SET(&under, memory, 5);
    SET(&over, binds, (struct str_list){.n = 1, .at = binds});
    shape_merge(&arena, &docker_host_config_shape, &under, &over);

    assert_int_equal(under.sysctls.n, 2);
    EXPECT_STR(under.log_config->type, "json-file");
    EXPECT_STR(under.log_config->config.at[0].key, "a");
    assert_true(under.has.memory && under.memory == 5);
    EXPECT_STR(under.binds.at[0], "x");
    assert_ptr_not_equal(under.binds.at, binds);
    assert_false(log_under.has.config); // shared structures stay as they were
    arena_deinit(&arena);
}

static void merged_maps_replace_by_key(void **state)
{
    struct arena arena = ARENA_INIT;
    struct str_pair changed = {.key = STR("a"), .value = STR("9")};
    struct docker_host_config under = with_sysctls(0, 2);
    struct docker_host_config over = {0};
    (void)state;

    SET(&over, sysctls, (struct str_map){.n = 1, .at = &changed});
    shape_merge(&arena, &docker_host_config_shape, &under, &over);
    assert_int_equal(under.sysctls.n, 2);
    EXPECT_STR(under.sysctls.at[0].value, "9");
    EXPECT_STR(pairs[0].value, "1");
    arena_deinit(&arena);
}

// No member of the models has a default today, so this one is made here.
struct knob {
    union {
        uint64_t mask;
        struct {
            bool count : 1;
            bool inner : 1;
            bool list : 1;
            bool on : 1;
            bool ratio : 1;
            bool size : 1;
            bool text : 1;
        } has;
    };
    int32_t count;
    struct knob *inner;
    struct {
        size_t n;
        struct knob *at;
    } list;
    bool on;
    double ratio;
    int64_t size;
    struct str text;
};

static const struct shape knob_shape;
static const struct shape_limits count_limits = {.fallback = {.ptr = "-3", .len = 2}};
static const struct shape_limits on_limits = {.fallback = {.ptr = "true", .len = 4}};
static const struct shape_limits ratio_limits = {.fallback = {.ptr = "0.5", .len = 3}};
static const struct shape_limits size_limits = {.fallback = {.ptr = "5000000000", .len = 10}};
static const struct shape_limits text_limits = {.fallback = {.ptr = "t", .len = 1}};

#define FIELD(member, bit_, type_)                                                                 \
    .name = {.ptr = #member, .len = sizeof #member - 1}, .offset = offsetof(struct knob, member),  \
    .bit = (bit_), .type = (type_)

static const struct shape_field knob_fields[] = {
    {FIELD(count, 0, SHAPE_INT), .limits = &count_limits},
    {FIELD(inner, 1, SHAPE_STRUCT), .shape = &knob_shape},
    {FIELD(list, 2, SHAPE_LIST), .element = SHAPE_STRUCT, .shape = &knob_shape},
    {FIELD(on, 3, SHAPE_BOOL), .limits = &on_limits},
    {FIELD(ratio, 4, SHAPE_DOUBLE), .limits = &ratio_limits},
    {FIELD(size, 5, SHAPE_LONG), .limits = &size_limits},
    {FIELD(text, 6, SHAPE_STRING), .limits = &text_limits},
};
static const struct shape knob_shape = {
    .name = {.ptr = "Knob", .len = 4},
    .size = sizeof(struct knob),
    .fields_n = sizeof knob_fields / sizeof *knob_fields,
    .fields = knob_fields,
};

static void defaults_fill_what_is_absent_at_every_depth(void **state)
{
    struct arena arena = ARENA_INIT;
    struct knob entries[2] = {0};
    struct knob inner = {0};
    struct knob knob = {0};
    (void)state;

    SET(&knob, inner, &inner);
    SET(&knob, count, 0);
    knob.has.list = true;
    knob.list.n = 2;
    knob.list.at = entries;
    shape_fill_defaults(&arena, &knob_shape, &knob);

    assert_int_equal(knob.count, 0);
    assert_true(knob.has.on && knob.on);
    assert_true(knob.ratio == 0.5);
    assert_true(knob.size == INT64_C(5000000000));
    EXPECT_STR(knob.text, "t");
    assert_true(inner.has.count && inner.count == -3);
    assert_false(inner.has.inner);
    assert_int_equal(entries[1].count, -3);
    arena_deinit(&arena);
}

static void secrets_are_not_printed(void **state)
{
    struct acs_container container = {0};
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    SET(&container, environment, (struct str_map){.n = 1, .at = pairs});
    SET(&container, name, STR("say \"hi\"\n"));
    shape_print(&acs_container_shape, &container, &out);
    EXPECT_STR(buf_str(&out), "{environment=*** name=\"say \\\"hi\\\"\\x0a\"}");
}

static void a_value_prints_on_one_line(void **state)
{
    struct ecs_tag tag = {0};
    struct ecs_run_task_request in = {0};
    BUF_AUTO struct buf out = BUF_INIT;
    (void)state;

    SET(&tag, key, STR("k"));
    SET(&in, tags, (struct ecs_tag_list){.n = 1, .at = &tag});
    SET(&in, count, 2);
    SET(&in, launch_type, ECS_LAUNCH_TYPE_EC2);
    SET(&in, enable_execute_command, false);
    shape_print(&ecs_run_task_request_shape, &in, &out);
    EXPECT_STR(buf_str(&out),
               "{count=2 enableExecuteCommand=false launchType=EC2 tags=[{key=\"k\"}]}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(maps_are_equal_in_any_order),
        cmocka_unit_test(lists_are_not),
        cmocka_unit_test(absent_differs_from_zero),
        cmocka_unit_test(the_fingerprint_is_the_same_for_ever),
        cmocka_unit_test(a_frozen_value_stands_alone),
        cmocka_unit_test(a_merge_takes_what_is_present_over_what_was),
        cmocka_unit_test(merged_maps_replace_by_key),
        cmocka_unit_test(defaults_fill_what_is_absent_at_every_depth),
        cmocka_unit_test(secrets_are_not_printed),
        cmocka_unit_test(a_value_prints_on_one_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
