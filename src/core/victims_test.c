#include "core/victims.h"

#include <stdlib.h>

#include "base/rng.h"
#include "base/test.h"

enum { TASKS_MAX = 16 };

static const enum victim_rule by_zone[] = {VICTIM_SPREAD};
static const enum victim_rule by_cpu[] = {VICTIM_BINPACK_CPU};
static const enum victim_rule by_memory[] = {VICTIM_BINPACK_MEMORY};
static const struct victims_wanted all_of_them = {.n = SIZE_MAX, .healthy_max = SIZE_MAX};

struct bench {
    struct arena arena;
    struct rng rng;
    struct victim_task tasks[TASKS_MAX];
    uint64_t keys[TASKS_MAX][VICTIM_RULES_MAX];
    size_t n;
};

static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof *b);

    rng_init(&b->rng, 1);
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;

    arena_deinit(&b->arena);
    free(b);
    return 0;
}

// A healthy task of the zone on the instance.
static struct victim_task *add(struct bench *b, char zone, int instance)
{
    struct victim_task *task = &b->tasks[b->n];

    *task = (struct victim_task){.state = VICTIM_HEALTHY,
                                 .zone = (uint64_t)zone,
                                 .instance_id = (uint64_t)instance,
                                 .keys = b->keys[b->n]};
    b->keys[b->n++][0] = task->zone;
    return task;
}

static void add_many(struct bench *b, int n, char zone, int instance)
{
    while (n-- > 0)
        add(b, zone, instance);
}

static struct victims choose(struct bench *b, const enum victim_rule *rules, size_t rules_n,
                             size_t n)
{
    return victims_choose(b->tasks, b->n, rules, rules_n,
                          (struct victims_wanted){.n = n, .healthy_max = SIZE_MAX}, &b->rng,
                          &b->arena);
}

// "aab": the zones of the victims; likewise their instances, from 0 to 9.
static struct str zones_of(struct bench *b, struct victims victims)
{
    struct str text = STR_NONE;

    for (size_t i = 0; i < victims.n; i++)
        text = str_fmt(&b->arena, "%.*s%c", STR_ARGS(text), (char)b->tasks[victims.at[i]].zone);
    return text;
}

static struct str instances_of(struct bench *b, struct victims victims)
{
    struct str text = STR_NONE;

    for (size_t i = 0; i < victims.n; i++)
        text =
            str_fmt(&b->arena, "%.*s%d", STR_ARGS(text), (int)b->tasks[victims.at[i]].instance_id);
    return text;
}

static void the_fullest_zone_gives_first(void **state)
{
    struct bench *b = *state;

    add_many(b, 3, 'a', 1);
    add_many(b, 2, 'b', 2);
    add_many(b, 2, 'c', 3);
    EXPECT_STR(zones_of(b, choose(b, by_zone, 1, 1)), "a");
}

static void equal_zones_give_one_each(void **state)
{
    struct bench *b = *state;
    struct victims victims;
    int seen[3] = {0};

    add_many(b, 2, 'a', 1);
    add_many(b, 2, 'b', 2);
    add_many(b, 2, 'c', 3);
    victims = choose(b, by_zone, 1, 3);
    assert_int_equal(victims.n, 3);
    for (size_t i = 0; i < 3; i++)
        seen[b->tasks[victims.at[i]].zone - 'a']++;
    assert_memory_equal(seen, ((int[]){1, 1, 1}), sizeof seen);
}

static void without_rules_the_zone_then_the_instance_with_most(void **state)
{
    struct bench *b = *state;

    add_many(b, 3, 'a', 1);
    add_many(b, 1, 'a', 2);
    add_many(b, 3, 'b', 3);
    EXPECT_STR(instances_of(b, choose(b, NULL, 0, 1)), "1");
    EXPECT_STR(instances_of(b, choose(b, NULL, 0, 2)), "13"); // 3 and 3: i3 has most
}

// a and b hold two each; the instance with most of both zones is in b.
static void equal_zones_are_looked_at_together(void **state)
{
    struct bench *b = *state;

    add(b, 'a', 1);
    add(b, 'a', 2);
    add_many(b, 2, 'b', 3);
    EXPECT_STR(instances_of(b, choose(b, NULL, 0, 1)), "3");
}

static void binpack_frees_the_emptiest(void **state)
{
    struct bench *b = *state;
    struct victim_task *one = add(b, 'a', 1);
    struct victim_task *other = add(b, 'a', 2);

    one->cpu = one->memory = other->cpu = other->memory = 200;
    one->memory_left = other->cpu_left = 100;
    other->memory_left = one->cpu_left = 900;
    EXPECT_STR(instances_of(b, choose(b, by_memory, 1, 1)), "2");
    EXPECT_STR(instances_of(b, choose(b, by_cpu, 1, 1)), "1");
}

// Each end leaves more free where it was, so the next one is there, too.
static void binpack_empties_one_instance_after_the_other(void **state)
{
    struct bench *b = *state;

    add_many(b, 3, 'a', 1);
    add_many(b, 3, 'a', 2);
    for (size_t i = 0; i < b->n; i++)
        b->tasks[i].memory = 100;
    for (size_t i = 3; i < b->n; i++)
        b->tasks[i].memory_left = 50;
    EXPECT_STR(instances_of(b, choose(b, by_memory, 1, 5)), "22211");
}

static void protected_tasks_stay_and_are_counted(void **state)
{
    struct bench *b = *state;
    struct victims victims;

    add(b, 'a', 1)->is_protected = true;
    add(b, 'a', 2)->is_protected = true;
    add(b, 'a', 3);
    victims = choose(b, NULL, 0, 2);
    EXPECT_STR(instances_of(b, victims), "3");
    assert_int_equal(victims.spared_n, 1);
    victims = choose(b, NULL, 0, 1);
    assert_int_equal(victims.spared_n, 0);
    victims = choose(b, NULL, 0, 9);
    assert_int_equal(victims.spared_n, 2);
}

static void protected_tasks_make_their_zone_full(void **state)
{
    struct bench *b = *state;

    add(b, 'a', 1)->is_protected = true;
    add(b, 'a', 1)->is_protected = true;
    add(b, 'a', 1);
    add_many(b, 2, 'b', 2);
    EXPECT_STR(zones_of(b, choose(b, by_zone, 1, 3)), "abb");
}

static void pending_then_unhealthy_then_old_deployments(void **state)
{
    struct bench *b = *state;

    add_many(b, 2, 'a', 1);
    b->tasks[0].deployment_age = b->tasks[1].deployment_age = 2;
    add(b, 'b', 2)->deployment_age = 1;
    add(b, 'b', 3)->deployment_age = 0;
    add(b, 'b', 4)->state = VICTIM_UNHEALTHY;
    add(b, 'b', 5)->state = VICTIM_NOT_RUNNING;
    b->tasks[4].deployment_age = 9;
    b->tasks[5].deployment_age = 9;
    EXPECT_STR(instances_of(b, choose(b, NULL, 0, SIZE_MAX)), "543211");
}

static void the_youngest_pending_task_goes_first(void **state)
{
    struct bench *b = *state;

    for (int i = 1; i <= 3; i++) {
        struct victim_task *task = add(b, 'a', i);
        task->state = VICTIM_NOT_RUNNING;
        task->created_at = 10 * i;
    }
    EXPECT_STR(instances_of(b, choose(b, by_zone, 1, 3)), "321");
}

static void no_more_healthy_tasks_go_than_allowed(void **state)
{
    struct bench *b = *state;
    struct victims_wanted wanted = {.n = 5, .healthy_max = 2};
    struct victims victims;
    size_t healthy_n = 0;

    add_many(b, 4, 'a', 1);
    add_many(b, 2, 'b', 2);
    b->tasks[4].state = b->tasks[5].state = VICTIM_RUNNING;
    victims = victims_choose(b->tasks, b->n, NULL, 0, wanted, &b->rng, &b->arena);
    assert_int_equal(victims.n, 4);
    for (size_t i = 0; i < victims.n; i++)
        healthy_n += b->tasks[victims.at[i]].state == VICTIM_HEALTHY;
    assert_int_equal(healthy_n, 2);
    assert_int_equal(victims.spared_n, 0);
}

static void nothing_wanted_is_nothing(void **state)
{
    struct bench *b = *state;

    assert_int_equal(choose(b, NULL, 0, 0).n, 0);
    assert_int_equal(choose(b, NULL, 0, 3).n, 0);
    add(b, 'a', 1);
    assert_int_equal(choose(b, NULL, 0, 0).n, 0);
}

static void chance_decides_between_equals(void **state)
{
    static const enum victim_rule rules[] = {VICTIM_RANDOM, VICTIM_BINPACK_CPU};
    struct bench *b = *state;
    int hits[4] = {0};

    for (int i = 0; i < 4; i++)
        add(b, 'a', i)->cpu_left = i; // what comes after random decides nothing
    for (int i = 0; i < 400; i++)
        hits[choose(b, rules, 2, 1).at[0]]++;
    for (int i = 0; i < 4; i++)
        assert_in_range(hits[i], 60, 140);
}

// --- against the rules as they are written, one victim after the other

struct naive {
    const struct victim_task *tasks;
    size_t n;
    const enum victim_rule *rules;
    size_t rules_n;
    bool gone[TASKS_MAX];
    bool is_in[TASKS_MAX]; // still among the candidates
};

static bool is_same_value(const struct naive *w, size_t rule, size_t a, size_t b)
{
    if (w->rules[rule] == VICTIM_SPREAD)
        return w->tasks[a].keys[rule] == w->tasks[b].keys[rule];
    return w->tasks[a].instance_id == w->tasks[b].instance_id;
}

static int64_t naive_measure(const struct naive *w, size_t rule, size_t task)
{
    const struct victim_task *t = &w->tasks[task];
    bool memory = w->rules[rule] == VICTIM_BINPACK_MEMORY;
    int64_t count = 0;
    int64_t left = memory ? t->memory_left + t->memory : t->cpu_left + t->cpu;

    for (size_t i = 0; i < w->n; i++) {
        count += !w->gone[i] && is_same_value(w, rule, i, task);
        if (w->gone[i] && w->tasks[i].instance_id == t->instance_id)
            left += memory ? w->tasks[i].memory : w->tasks[i].cpu;
    }
    return w->rules[rule] == VICTIM_BINPACK_CPU || memory ? left : count;
}

static void keep_greatest(struct naive *w, const int64_t *measures)
{
    int64_t greatest = INT64_MIN;

    for (size_t i = 0; i < w->n; i++) {
        if (w->is_in[i] && measures[i] > greatest)
            greatest = measures[i];
    }
    for (size_t i = 0; i < w->n; i++)
        w->is_in[i] = w->is_in[i] && measures[i] == greatest;
}

static void narrow_to_class(struct naive *w)
{
    int64_t state[TASKS_MAX];
    int64_t age[TASKS_MAX];

    for (size_t i = 0; i < w->n; i++) {
        const struct victim_task *t = &w->tasks[i];
        state[i] = t->state == VICTIM_NOT_RUNNING ? 2 : t->state == VICTIM_UNHEALTHY;
        age[i] = -(int64_t)t->deployment_age;
    }
    keep_greatest(w, state);
    keep_greatest(w, age);
}

static void narrow_by_creation(struct naive *w)
{
    int64_t created[TASKS_MAX];

    for (size_t i = 0; i < w->n; i++)
        created[i] = w->tasks[i].state == VICTIM_NOT_RUNNING ? w->tasks[i].created_at : 0;
    keep_greatest(w, created);
}

// Leaves in is_in those of which any may be the next victim.
static void narrow(struct naive *w, size_t healthy_max)
{
    for (size_t i = 0; i < w->n; i++)
        w->is_in[i] = !w->gone[i] && !w->tasks[i].is_protected &&
                      (w->tasks[i].state != VICTIM_HEALTHY || healthy_max > 0);
    narrow_to_class(w);
    for (size_t rule = 0; rule < w->rules_n; rule++) {
        int64_t measures[TASKS_MAX];

        if (w->rules[rule] == VICTIM_RANDOM)
            return;
        for (size_t i = 0; i < w->n; i++)
            measures[i] = naive_measure(w, rule, i);
        keep_greatest(w, measures);
    }
    narrow_by_creation(w);
}

static bool any_is_in(const struct naive *w)
{
    for (size_t i = 0; i < w->n; i++) {
        if (w->is_in[i])
            return true;
    }
    return false;
}

static void expect_rightful(struct naive *w, struct victims victims, struct victims_wanted wanted)
{
    for (size_t i = 0; i < victims.n; i++) {
        size_t victim = victims.at[i];

        assert_true(i < wanted.n);
        narrow(w, wanted.healthy_max);
        assert_true(w->is_in[victim]);
        w->gone[victim] = true;
        if (w->tasks[victim].state == VICTIM_HEALTHY)
            wanted.healthy_max--;
    }
    narrow(w, wanted.healthy_max);
    assert_true(victims.n == wanted.n || !any_is_in(w));
}

enum { INSTANCES_N = 4, VALUES_N = 3 };

// Attributes and room belong to instances; few values, so that there are many equals.
static void fill_world(struct bench *b, struct rng *rng)
{
    uint64_t keys[INSTANCES_N][VICTIM_RULES_MAX];
    int64_t left[INSTANCES_N][2];

    for (size_t i = 0; i < INSTANCES_N; i++) {
        for (size_t k = 0; k < VICTIM_RULES_MAX; k++)
            keys[i][k] = rng_below(rng, VALUES_N);
        left[i][0] = (int64_t)rng_below(rng, 3);
        left[i][1] = (int64_t)rng_below(rng, 3);
    }
    b->n = rng_below(rng, TASKS_MAX + 1);
    for (size_t i = 0; i < b->n; i++) {
        size_t instance = rng_below(rng, INSTANCES_N);

        memcpy(b->keys[i], keys[instance], sizeof keys[instance]);
        b->tasks[i] = (struct victim_task){
            .state = rng_below(rng, 2) ? VICTIM_HEALTHY : (enum victim_state)rng_below(rng, 4),
            .is_protected = rng_below(rng, 8) == 0,
            .deployment_age = (uint32_t)rng_below(rng, 2),
            .instance_id = instance,
            .zone = keys[instance][0],
            .keys = b->keys[i],
            .cpu = (int64_t)rng_below(rng, 3),
            .memory = (int64_t)rng_below(rng, 3),
            .cpu_left = left[instance][0],
            .memory_left = left[instance][1],
            .created_at = (int64_t)rng_below(rng, 3),
        };
    }
}

static void every_victim_is_one_the_rules_allow(void **state)
{
    static const enum victim_rule unwritten[] = {VICTIM_SPREAD, VICTIM_SPREAD_INSTANCE};
    struct bench *b = *state;

    for (uint64_t seed = 0; seed < 20000; seed++) {
        enum victim_rule rules[VICTIM_RULES_MAX];
        struct naive naive = {.tasks = b->tasks, .rules = rules};
        struct victims_wanted wanted;
        struct rng rng;

        rng_init(&rng, seed);
        fill_world(b, &rng);
        naive.n = b->n;
        naive.rules_n = rng_below(&rng, VICTIM_RULES_MAX + 1);
        for (size_t i = 0; i < naive.rules_n; i++)
            rules[i] = (enum victim_rule)rng_below(&rng, VICTIM_RANDOM + 1);
        wanted.n = rng_below(&rng, TASKS_MAX + 2);
        wanted.healthy_max = rng_below(&rng, TASKS_MAX);
        arena_reset(&b->arena);
        struct victims victims =
            victims_choose(b->tasks, b->n, rules, naive.rules_n, wanted, &b->rng, &b->arena);
        if (naive.rules_n == 0) {
            naive.rules = unwritten;
            naive.rules_n = 2;
        }
        expect_rightful(&naive, victims, wanted);
    }
}

// Half of 40,000 tasks, by rules whose values lie across each other: a choice that looked at every
// task for every victim would not come back.
static void great_services_are_no_trouble(void **state)
{
    enum { N = 40000 };
    static const enum victim_rule rules[] = {VICTIM_SPREAD, VICTIM_SPREAD, VICTIM_SPREAD_INSTANCE};
    struct bench *b = *state;
    struct victim_task *tasks = arena_array(&b->arena, struct victim_task, N);
    uint64_t *keys = arena_array(&b->arena, uint64_t, N * 2);
    int64_t zones[3] = {0};
    struct victims victims;

    for (size_t i = 0; i < N; i++) {
        size_t instance = i % 9973;
        keys[i * 2] = instance % 3;
        keys[i * 2 + 1] = instance % 100;
        tasks[i] = (struct victim_task){.state = VICTIM_HEALTHY,
                                        .instance_id = instance,
                                        .zone = instance % 3,
                                        .keys = &keys[i * 2]};
        zones[instance % 3]++;
    }
    victims =
        victims_choose(tasks, N, rules, 3, (struct victims_wanted){.n = N / 2, .healthy_max = N},
                       &b->rng, &b->arena);
    assert_int_equal(victims.n, N / 2);
    for (size_t i = 0; i < victims.n; i++)
        zones[tasks[victims.at[i]].zone]--;
    for (size_t i = 0; i < 3; i++)
        assert_in_range(zones[i], N / 6, N / 6 + 1);
    victims = victims_choose(tasks, N, NULL, 0, all_of_them, &b->rng, &b->arena);
    assert_int_equal(victims.n, N);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        CASE(the_fullest_zone_gives_first),
        CASE(equal_zones_give_one_each),
        CASE(without_rules_the_zone_then_the_instance_with_most),
        CASE(equal_zones_are_looked_at_together),
        CASE(binpack_frees_the_emptiest),
        CASE(binpack_empties_one_instance_after_the_other),
        CASE(protected_tasks_stay_and_are_counted),
        CASE(protected_tasks_make_their_zone_full),
        CASE(pending_then_unhealthy_then_old_deployments),
        CASE(the_youngest_pending_task_goes_first),
        CASE(no_more_healthy_tasks_go_than_allowed),
        CASE(nothing_wanted_is_nothing),
        CASE(chance_decides_between_equals),
        CASE(every_victim_is_one_the_rules_allow),
        CASE(great_services_are_no_trouble),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
