// The generator's calls, played to a world: every operation comes up, most good calls are accepted,
// the same seed makes the same calls, and secrets stand where the IDL has them only.

#include "tests/sim/generate.h"

#include "base/buf.h"
#include "tests/support/world.h"
#include "wire/codec.h"

enum { CALLS = 6000 };

struct tally {
    uint64_t made[ECS_OPERATION_N];
    uint64_t accepted[ECS_OPERATION_N];
    uint64_t undecodable; // of the good ones
};

static bool succeeded(struct str reply)
{
    return !str_starts(reply, STR("{\"__type\""));
}

// A name that its enum does not have is not an error of the decoder's, but one of the checks'.
static bool decodes(struct world *w, const struct generate_call *call)
{
    const struct shape *shape = ecs_operations[call->operation].request;
    void *value = arena_alloc(&w->arena, shape->size);
    struct codec_report report = {0};

    return codec_decode(&w->arena, shape, call->json, NULL, value, &report) == 0;
}

static void play(struct world *w, struct generator *g, struct tally *tally)
{
    struct generate_call call;
    const struct operation *row;
    struct str reply;

    generator_next(g, &w->arena, &call);
    row = &ecs_operations[call.operation];
    tally->made[call.operation]++;
    if (!decodes(w, &call)) {
        tally->undecodable += !call.hostile;
        return;
    }
    if (row->flags & OPERATION_LATER)
        return;
    reply = world_call(w, str_cstr(&w->arena, row->name), str_cstr(&w->arena, call.json));
    tally->accepted[call.operation] += succeeded(reply);
    generator_learn(g, &call, succeeded(reply), reply);
}

static void agents(struct world *w)
{
    for (size_t i = 0; i < GENERATE_CLUSTERS; i++) {
        const char *cluster = str_cstr(&w->arena, generate_clusters[i]);

        world_callf(w, "CreateCluster", "{\"clusterName\":\"%s\"}", cluster);
        world_add_instance(w, cluster, 4096, 8192, "[{\"name\":\"zone\",\"value\":\"a\"}]");
    }
}

static void play_all(uint32_t hostile_percent, bool lies, struct tally *tally)
{
    struct generator_options options = {
        .seed = 8, .hostile_percent = hostile_percent, .service_percent = 40, .lies = lies};
    struct world *w = calloc(1, sizeof *w);
    struct generator *g = generator_new(&options);

    world_init(w);
    agents(w);
    for (int i = 0; i < CALLS; i++) {
        play(w, g, tally);
        if (i % 50 == 0)
            world_advance(w, TIME_MINUTE_MS);
    }
    generator_free(g);
    world_deinit(w);
    free(w);
}

static void every_operation_comes_up(void **state)
{
    struct tally tally = {0};

    (void)state;
    play_all(30, true, &tally);
    for (int i = 1; i < ECS_OPERATION_N; i++) {
        if (tally.made[i] == 0)
            fail_msg("%s was never called", ecs_operations[i].name.ptr);
    }
}

static void good_calls_are_mostly_accepted(void **state)
{
    struct tally tally = {0};

    (void)state;
    play_all(0, false, &tally);
    assert_int_equal(tally.undecodable, 0);
    for (int i = 1; i < ECS_OPERATION_N; i++) {
        if ((ecs_operations[i].flags & OPERATION_LATER) ||
            i == ECS_OPERATION_EXECUTE_COMMAND || // nor has any of their containers an exec agent
            i == ECS_OPERATION_UPDATE_CONTAINER_AGENT ||    // these agents are as new as the server
            i == ECS_OPERATION_CONTINUE_SERVICE_DEPLOYMENT) // and hardly anything pauses
            continue;
        if (tally.made[i] > 20 && tally.accepted[i] * 10 < tally.made[i])
            fail_msg("%s: %d of %d", ecs_operations[i].name.ptr, (int)tally.accepted[i],
                     (int)tally.made[i]);
    }
}

static void the_same_seed_makes_the_same_calls(void **state)
{
    struct generator *one = generator_new(
        &(struct generator_options){.seed = 8, .hostile_percent = 50, .service_percent = 40});
    struct generator *two = generator_new(
        &(struct generator_options){.seed = 8, .hostile_percent = 50, .service_percent = 40});
    struct arena arena = ARENA_INIT;
    struct generate_call a;
    struct generate_call b;

    (void)state;
    for (int i = 0; i < 500; i++) {
        generator_next(one, &arena, &a);
        generator_next(two, &arena, &b);
        assert_int_equal(a.operation, b.operation);
        assert_true(str_eq(a.json, b.json));
    }
    generator_free(one);
    generator_free(two);
    arena_deinit(&arena);
}

// Decoded and printed with secrets masked, no sentinel is left.
static void sentinels_are_in_secret_members_only(void **state)
{
    struct generator *g =
        generator_new(&(struct generator_options){.seed = 9, .service_percent = 20});
    struct world *w = calloc(1, sizeof *w);
    size_t carried = 0;

    (void)state;
    world_init(w);
    for (int i = 0; i < CALLS; i++) {
        struct buf text = BUF_INIT;
        struct generate_call call;
        const struct shape *shape;
        struct codec_report report = {0};
        void *value;

        generator_next(g, &w->arena, &call);
        shape = ecs_operations[call.operation].request;
        value = arena_alloc(&w->arena, shape->size);
        assert_int_equal(codec_decode(&w->arena, shape, call.json, NULL, value, &report), 0);
        shape_print(shape, value, &text);
        assert_null(memmem(text.ptr + text.start, buf_len(&text), GENERATE_SENTINEL,
                           strlen(GENERATE_SENTINEL)));
        carried += memmem(call.json.ptr, call.json.len, GENERATE_SENTINEL,
                          strlen(GENERATE_SENTINEL)) != NULL;
        buf_deinit(&text);
    }
    assert_true(carried > 50);
    world_deinit(w);
    free(w);
    generator_free(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation_comes_up),
        cmocka_unit_test(good_calls_are_mostly_accepted),
        cmocka_unit_test(the_same_seed_makes_the_same_calls),
        cmocka_unit_test(sentinels_are_in_secret_members_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
