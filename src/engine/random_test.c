// Random hosts from seeds: tasks of random shape come and go, calls fail, hang and lose their
// answers, the runtime and the agent restart. What must hold after each step is engine_check's and
// the oracle's; once the faults stop, everything that was told to stop has stopped and the server
// knows.

#include "base/test.h"

#include "base/assert.h"
#include "base/rng.h"
#include "engine/rig.h"

enum { SEEDS = 300, TASKS = 6, ROUNDS = 30 };

static const char *const names[TASKS] = {"t0", "t1", "t2", "t3", "t4", "t5"};
static const char *const containers[] = {"a", "b", "c"};
static const char *const images[] = {"image-a", "image-b", "image-c"};

static void script_images(struct rig *rig, struct rng *rng)
{
    for (size_t i = 0; i < 3; i++) {
        struct fake_image *image = fake_image(rig->fake, images[i]);

        image->remote = rng_below(rng, 8) != 0;
        image->pull_ms = (int64_t)rng_below(rng, 3000);
        image->run_ms = rng_below(rng, 2) ? -1 : (int64_t)rng_below(rng, 200000);
        image->exit_code = (int32_t)rng_below(rng, 2);
        image->ignores_term = rng_below(rng, 3) == 0;
        image->healthy_after_ms = rng_below(rng, 2) ? 5000 : -1;
        if (rng_below(rng, 10) == 0)
            image->start_error = STR("Error response from daemon: cannot start");
    }
}

static void add_policy(struct rig *rig, struct acs_container *c)
{
    struct acs_restart_policy *policy = arena_new(&rig->arena, struct acs_restart_policy);

    SET(policy, enabled, true);
    SET(policy, restart_attempt_period, 60);
    SET(c, restart_policy, policy);
}

static void add_health(struct rig *rig, struct acs_container *c)
{
    struct docker_config *config = rig_config(rig, c);

    SET(config, healthcheck, arena_new(&rig->arena, struct docker_health_config));
    SET(c, health_check_type, ACS_HEALTH_CHECK_TYPE_DOCKER);
}

// A network of its own, namespaces that its containers share, or both.
static void add_namespaces(struct rig *rig, struct rng *rng, struct acs_task *task)
{
    if (rng_below(rng, 3) == 0)
        rig_network(rig, task, rng_below(rng, 2) ? "sg-1,sg-2" : NULL);
    if (rng_below(rng, 4) == 0)
        SET(task, pid_mode, STR("task"));
    if (rng_below(rng, 4) == 0)
        SET(task, ipc_mode, STR("task"));
}

static void add_secret(struct rig *rig, struct acs_container *c)
{
    struct acs_secret *secret = arena_new(&rig->arena, struct acs_secret);

    SET(secret, name, STR("KEY"));
    SET(secret, value_from, STR("/key"));
    SET(secret, provider, ACS_SECRET_PROVIDER_SSM);
    SET(c, secrets, ((struct acs_secret_list){.n = 1, .at = secret}));
}

static void start_random(struct rig *rig, struct rng *rng, const char *name)
{
    struct acs_task *task = rig_task(rig, name);
    size_t n = 1 + rng_below(rng, 3);

    for (size_t i = 0; i < n; i++) {
        struct acs_container *c =
            rig_container(rig, task, containers[i], images[rng_below(rng, 3)]);

        SET(c, essential, i == 0 || rng_below(rng, 2) == 0);
        if (rng_below(rng, 3) == 0)
            rig_port(rig, c, 80, 0);
        if (rng_below(rng, 4) == 0)
            add_policy(rig, c);
        if (rng_below(rng, 2) == 0)
            add_health(rig, c);
        if (rng_below(rng, 3) == 0)
            SET(c, start_timeout, 30);
        if (rng_below(rng, 4) == 0)
            add_secret(rig, c);
        if (i > 0 && rng_below(rng, 2) == 0)
            rig_depends(rig, c, containers[rng_below(rng, i)],
                        (enum acs_container_condition)(1 + rng_below(rng, 4)));
    }
    if (rng_below(rng, 3) == 0) {
        struct acs_volume *volume = &task->volumes.at[task->volumes.n++];

        SET(volume, name, STR("data"));
    }
    add_namespaces(rig, rng, task);
    rig_start(rig, task);
}

static void something_happens(struct rig *rig, struct rng *rng)
{
    const char *name = names[rng_below(rng, TASKS)];

    switch (rng_below(rng, 6)) {
    case 0:
    case 1: start_random(rig, rng, name); return;
    case 2: rig_stop(rig, name); return;
    case 3: rig_restart(rig); return;
    case 4: rig->retries = (int)rng_below(rng, 4); return;
    default:
        if (rng_below(rng, 4) == 0) {
            fake_restart(rig->fake);
            rig_reconnect(rig);
        }
        return;
    }
}

static int rank(struct str status)
{
    if (str_eq(status, STR("PENDING")))
        return 1;
    return str_eq(status, STR("RUNNING")) ? 2 : 3;
}

static void expect_rising(struct rig *rig, const char *name)
{
    struct str arn = rig_arn(rig, name);
    int last = 0;

    for (size_t i = 0; i < rig->submits_n; i++) {
        if (!str_eq(rig->submits[i]->task, arn) || !rig->submits[i]->has.status)
            continue; // another's, or about its interface alone
        assert_true(rank(rig->submits[i]->status) >= last);
        last = rank(rig->submits[i]->status);
    }
}

static void expect_one_of_each(struct rig *rig)
{
    for (size_t i = 0; i < fake_containers(rig->fake); i++) {
        const struct fake_container *a = fake_container_at(rig->fake, i);

        for (size_t k = 0; k < i; k++) {
            const struct fake_container *b = fake_container_at(rig->fake, k);

            assert_false(str_eq(a->task_arn, b->task_arn) && str_eq(a->container, b->container));
        }
    }
}

// No start but the first and those that the restart policy counted.
static void expect_counted_starts(const struct rig *rig, const struct engine_view *view)
{
    for (size_t i = 0; i < fake_containers(rig->fake); i++) {
        const struct fake_container *c = fake_container_at(rig->fake, i);

        if (str_eq(c->task_arn, view->task_arn) && str_eq(c->container, view->container))
            assert_true(c->starts <= view->restart_count + 1);
    }
}

static void expect_all_ended(struct rig *rig)
{
    struct engine_view_list views = engine_view_all(rig->engine, &rig->arena);

    for (size_t i = 0; i < views.n; i++) {
        assert_int_equal(views.at[i].task_status, HOST_TASK_STATUS_STOPPED);
        expect_counted_starts(rig, &views.at[i]);
    }
    for (size_t i = 0; i < TASKS; i++) {
        if (rig_trace(rig, names[i]).len > 0)
            assert_non_null(rig_submit(rig, names[i], "STOPPED"));
        expect_rising(rig, names[i]);
    }
    for (size_t i = 0; i < fake_containers(rig->fake); i++)
        assert_false(fake_container_at(rig->fake, i)->running);
    assert_int_equal(rig->credentials, 0);
}

static void one_life(uint64_t seed)
{
    struct rig rig;
    struct rng rng;
    uint32_t chaos;

    rng_init(&rng, seed);
    rig_init(&rig, seed);
    rig.settings.cleanup_wait_ms = 12 * (int64_t)TIME_HOUR_MS; // so that no ARN is used again
    rig.settings.pull = (enum engine_pull)rng_below(&rng, 4);
    rig.settings.pull_dependents_upfront = rng_below(&rng, 2) == 0;
    rig.settings.task_cgroups = rng_below(&rng, 2) == 0;
    rig.settings.memory_mib = rng_below(&rng, 2) ? 8192 : 600;
    script_images(&rig, &rng);
    chaos = (uint32_t)rng_below(&rng, 3) * 8;
    fake_set_chaos(rig.fake, chaos);
    rig_run(&rig, 10);
    for (int i = 0; i < ROUNDS; i++) {
        something_happens(&rig, &rng);
        rig_run(&rig, (int64_t)rng_below(&rng, 60000));
    }
    fake_set_chaos(rig.fake, 0);
    rig.crash = RIG_CRASH_NEVER;
    rig.retries = 0;
    for (size_t i = 0; i < TASKS; i++)
        rig_stop(&rig, names[i]);
    rig_run(&rig, 2 * TIME_HOUR_MS + 40 * (int64_t)TIME_MINUTE_MS);
    expect_all_ended(&rig);
    if (chaos == 0) // one that cannot be taken down, time and again, is left to the shell
        assert_int_equal(fake_networks(rig.fake), 0);
    expect_one_of_each(&rig);
    rig_deinit(&rig);
}

static void every_task_that_must_stop_stops(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        one_life(seed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_that_must_stop_stops),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
