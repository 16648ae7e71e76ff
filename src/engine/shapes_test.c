// Every task of three containers whose dependencies have any shape: b may wait for a, and c for a
// and for b, by any condition or none; a and b end well, end badly, run and are healthy, or run and
// never are. Each shape without a crash, and with the agent dying at each of its commits. The
// oracle says by the documents alone who can start; that, the order of starts and stops, and that
// nothing happens twice must come out, however often the agent died (ecs-behaviour-agent 2.3, 3.2).

#include "base/test.h"
#include "engine/rig.h"

enum { N = 3, CONDITIONS = 5, ENDS = 4, CRASHES_MAX = 60, START_TIMEOUT_S = 20 };

static const char *const names[N] = {"a", "b", "c"};

enum ending { ENDS_WELL, ENDS_BADLY, GETS_HEALTHY, STAYS_ILL };

// Conditions count from 0: none. c runs for ever and is the essential one.
struct form {
    int on[N][N]; // on[who][for whom]
    enum ending ending[N];
};

static struct form form_of(int number)
{
    struct form form = {.ending = {[2] = STAYS_ILL}};

    form.on[1][0] = number % CONDITIONS;
    number /= CONDITIONS;
    form.on[2][0] = number % CONDITIONS;
    number /= CONDITIONS;
    form.on[2][1] = number % CONDITIONS;
    number /= CONDITIONS;
    form.ending[0] = (enum ending)(number % ENDS);
    number /= ENDS;
    form.ending[1] = (enum ending)(number % ENDS);
    return form;
}

enum { SHAPES = CONDITIONS * CONDITIONS * CONDITIONS * ENDS * ENDS };

// ---- the oracle

static bool can_start(const struct form *form, size_t who);

static bool comes_true(const struct form *form, size_t dependency, int condition)
{
    enum ending ending = form->ending[dependency];

    if (condition == 0)
        return true;
    if (!can_start(form, dependency))
        return false;
    switch ((enum acs_container_condition)condition) {
    case ACS_CONTAINER_CONDITION_START: return true;
    case ACS_CONTAINER_CONDITION_COMPLETE: return ending == ENDS_WELL || ending == ENDS_BADLY;
    case ACS_CONTAINER_CONDITION_SUCCESS: return ending == ENDS_WELL;
    case ACS_CONTAINER_CONDITION_HEALTHY: return ending == GETS_HEALTHY;
    case ACS_CONTAINER_CONDITION_UNSET: break;
    }
    fail();
    return false;
}

static bool can_start(const struct form *form, size_t who)
{
    for (size_t i = 0; i < who; i++) {
        if (!comes_true(form, i, form->on[who][i]))
            return false;
    }
    return true;
}

// ---- a run

static void script(struct rig *rig, const struct form *form, size_t i)
{
    struct fake_image *image = fake_image(rig->fake, names[i]);
    enum ending ending = form->ending[i];

    image->run_ms = ending <= ENDS_BADLY ? 3000 : -1;
    image->exit_code = ending == ENDS_BADLY;
    image->healthy_after_ms = ending == GETS_HEALTHY ? 5000 : -1;
    image->term_code = 0;
}

static void begin(struct rig *rig, const struct form *form)
{
    struct acs_task *task = rig_task(rig, "t1");

    for (size_t i = 0; i < N; i++) {
        struct acs_container *c = rig_container(rig, task, names[i], names[i]);

        script(rig, form, i);
        SET(c, essential, i == 2);
        SET(c, start_timeout, START_TIMEOUT_S);
        SET(c, health_check_type, ACS_HEALTH_CHECK_TYPE_DOCKER);
        SET(rig_config(rig, c), healthcheck, arena_new(&rig->arena, struct docker_health_config));
        for (size_t k = 0; k < i; k++) {
            if (form->on[i][k] != 0)
                rig_depends(rig, c, names[k], (enum acs_container_condition)form->on[i][k]);
        }
    }
    rig_start(rig, task);
}

static void expect_one_of_each(const struct rig *rig)
{
    for (size_t i = 0; i < fake_containers(rig->fake); i++) {
        const struct fake_container *c = fake_container_at(rig->fake, i);

        assert_true(c->starts <= 1);
        assert_ptr_equal(fake_find(rig->fake, c->container), c); // the newest of its name
    }
}

static void expect_order(const struct rig *rig, const struct form *form)
{
    for (size_t i = 0; i < N; i++) {
        const struct fake_container *who = fake_find(rig->fake, str_of(names[i]));

        for (size_t k = 0; k < i; k++) {
            const struct fake_container *on = fake_find(rig->fake, str_of(names[k]));

            if (form->on[i][k] == 0 || who == NULL || who->starts == 0)
                continue;
            assert_non_null(on);
            assert_true(on->started_at <= who->started_at);
            if (form->on[i][k] == ACS_CONTAINER_CONDITION_COMPLETE ||
                form->on[i][k] == ACS_CONTAINER_CONDITION_SUCCESS)
                assert_true(on->finished_at <= who->started_at);
            if (on->term_at != 0) // it was asked to stop, so whoever waited for it had ended
                assert_true(who->finished_at != 0 && who->finished_at <= on->term_at);
        }
    }
}

static bool was_told(struct rig *rig, const char *status)
{
    return rig_submit(rig, "t1", status) != NULL;
}

// How many commits it took.
static int play(int number, int crash_at, enum rig_crash crash)
{
    struct form form = form_of(number);
    const struct ecs_container_state_change *end;
    struct rig rig;
    int commits;

    rig_init(&rig, (uint64_t)number + 1);
    rig.crash_at = crash_at;
    rig.crash = crash;
    begin(&rig, &form);
    rig_run(&rig, 150 * TIME_SECOND_MS);
    assert_int_equal(was_told(&rig, "RUNNING"), can_start(&form, 2));
    assert_int_equal(was_told(&rig, "STOPPED"), !can_start(&form, 2));
    rig_stop(&rig, "t1");
    rig_run(&rig, 150 * TIME_SECOND_MS);
    assert_true(was_told(&rig, "STOPPED"));
    end = rig_change(&rig, "t1", "c", "STOPPED");
    assert_int_equal(end->exit_code, can_start(&form, 2) ? 0 : 143);
    for (size_t i = 0; i < N; i++) {
        const struct fake_container *c = fake_find(rig.fake, str_of(names[i]));

        // When c cannot start, its end may come before the others' turn.
        assert_true(can_start(&form, i) || c == NULL || c->starts == 0);
        assert_true(!can_start(&form, 2) || !can_start(&form, i) || (c != NULL && c->starts > 0));
        assert_false(c != NULL && c->running);
    }
    expect_one_of_each(&rig);
    expect_order(&rig, &form);
    commits = rig.commits;
    rig_deinit(&rig);
    return commits;
}

static void every_shape_comes_to_the_end_that_the_documents_say(void **state)
{
    (void)state;
    for (int number = 0; number < SHAPES; number++)
        play(number, 0, RIG_CRASH_NEVER);
}

// Endings by turns, so that each shape of dependencies dies at each of its commits.
static void every_shape_survives_a_death_at_each_commit(void **state)
{
    (void)state;
    for (int edges = 0; edges < CONDITIONS * CONDITIONS * CONDITIONS; edges++) {
        int number = edges + CONDITIONS * CONDITIONS * CONDITIONS * (edges * 7 % (ENDS * ENDS));
        int commits = play(number, 0, RIG_CRASH_NEVER);

        for (int at = 1; at <= commits && at <= CRASHES_MAX; at++)
            play(number, at, at % 2 ? RIG_CRASH_BEFORE_EFFECTS : RIG_CRASH_AFTER_EFFECTS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_shape_comes_to_the_end_that_the_documents_say),
        cmocka_unit_test(every_shape_survives_a_death_at_each_commit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
