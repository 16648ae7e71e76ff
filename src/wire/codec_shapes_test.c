// Every structure of every model, with random values: what goes through a walker or over the wire
// comes back equal.

#include "base/test.h"

#include "api/acs.h"
#include "api/docker.h"
#include "api/ecs.h"
#include "api/host.h"
#include "api/store.h"
#include "api/tcs.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "shape/sample.h"
#include "wire/codec.h"

enum { ROUNDS = 12 };

struct trial {
    struct arena arena;
    struct rng rng;
    const struct shape *shape;
    void *value;
};

typedef void check_fn(struct trial *t);

static void each_of(check_fn *check, const struct shape *const *shapes, size_t n)
{
    for (size_t i = 0; i < n * ROUNDS; i++) {
        struct trial t = {.shape = shapes[i / ROUNDS]};
        rng_init(&t.rng, i);
        t.value = sample_value(&t.arena, &t.rng, t.shape);
        check(&t);
        arena_deinit(&t.arena);
    }
}

static void each(check_fn *check)
{
    each_of(check, ecs_shapes, ECS_SHAPES_N);
    each_of(check, acs_shapes, ACS_SHAPES_N);
    each_of(check, tcs_shapes, TCS_SHAPES_N);
    each_of(check, docker_shapes, DOCKER_SHAPES_N);
    each_of(check, rec_shapes, REC_SHAPES_N);
    each_of(check, host_shapes, HOST_SHAPES_N);
}

static void expect_equal(struct trial *t, const void *other)
{
    if (!shape_equal(t->shape, t->value, other))
        fail_msg("%.*s differs", STR_ARGS(t->shape->name));
    assert_true(shape_fingerprint(t->shape, t->value) == shape_fingerprint(t->shape, other));
}

static void check_wire(struct trial *t)
{
    BUF_AUTO struct buf first = BUF_INIT;
    BUF_AUTO struct buf second = BUF_INIT;
    struct codec_report report;
    void *back = arena_alloc(&t->arena, t->shape->size);

    codec_encode(&first, t->shape, t->value);
    if (codec_decode(&t->arena, t->shape, buf_str(&first), NULL, back, &report) != 0)
        fail_msg("%.*s: %.*s in %.*s", STR_ARGS(t->shape->name), STR_ARGS(report.message),
                 STR_ARGS(buf_str(&first)));
    assert_null(report.unknowns);
    expect_equal(t, back);
    codec_encode(&second, t->shape, back);
    assert_true(str_eq(buf_str(&first), buf_str(&second)));
}

static void check_copies(struct trial *t)
{
    void *frozen = shape_freeze(t->shape, t->value);

    expect_equal(t, shape_copy(&t->arena, t->shape, t->value));
    expect_equal(t, frozen);
    mem_free(frozen);
}

// Onto nothing a merge is a copy, and with itself it changes nothing.
static void check_merge(struct trial *t)
{
    void *merged = arena_alloc(&t->arena, t->shape->size);

    shape_merge(&t->arena, t->shape, merged, t->value);
    expect_equal(t, merged);
    shape_merge(&t->arena, t->shape, merged, t->value);
    expect_equal(t, merged);
}

static void check_print(struct trial *t)
{
    BUF_AUTO struct buf out = BUF_INIT;

    shape_print(t->shape, t->value, &out);
    shape_validate(t->shape, t->value, NULL, &out);
    assert_true(buf_len(&out) > 1);
}

static void every_structure_survives_the_wire(void **state)
{
    (void)state;
    each(check_wire);
}

static void every_structure_survives_copy_and_freeze(void **state)
{
    (void)state;
    each(check_copies);
}

static void every_structure_merges(void **state)
{
    (void)state;
    each(check_merge);
}

static void every_structure_prints_and_validates(void **state)
{
    (void)state;
    each(check_print);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_structure_survives_the_wire),
        cmocka_unit_test(every_structure_survives_copy_and_freeze),
        cmocka_unit_test(every_structure_merges),
        cmocka_unit_test(every_structure_prints_and_validates),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
