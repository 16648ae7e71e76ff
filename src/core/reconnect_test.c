// A puppet agent and a server that loses connections, messages and its own memory at random. Once
// the faults stop, the agent must run what is wanted there, and nothing else, and the server must
// know it; whatever was decided before.

#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

enum { TASKS_MAX = 12, STEPS = 200, SEEDS = 30 };

struct known {
    struct str arn;
    bool stop;
};

struct play {
    struct world *w;
    struct str instance;
    struct stage_plan plan;
    struct str tasks[TASKS_MAX]; // ever started
    size_t tasks_n;
    // The agent: what survives its connections.
    struct known known[TASKS_MAX];
    size_t known_n;
    int64_t newest; // largest sequence number seen
    // The connection.
    session_id session; // 0: none
    size_t heard;       // of w->sent
};

static struct known *find(struct play *play, struct str arn)
{
    for (size_t i = 0; i < play->known_n; i++) {
        if (str_eq(play->known[i].arn, arn))
            return &play->known[i];
    }
    return NULL;
}

static void learn(struct play *play, struct str arn, bool stop)
{
    struct known *task = find(play, arn);

    if (task == NULL) {
        assert_true(play->known_n < TASKS_MAX);
        task = &play->known[play->known_n++];
        task->arn = arn;
    }
    task->stop |= stop;
}

static struct str field(struct play *play, struct str json, const char *list, int i,
                        const char *name)
{
    return world_get(
        play->w, json,
        str_cstr(&play->w->arena, str_fmt(&play->w->arena, "%s.%d.%s", list, i, name)));
}

static void numbers_grow(struct play *play, struct str text)
{
    int64_t number;

    assert_true(str_to_i64(text, &number));
    assert_true(number > play->newest);
    play->newest = number;
}

static void say(struct play *play, const char *kind, struct str json)
{
    world_agent_says(play->w, play->session, play->instance, kind, str_cstr(&play->w->arena, json));
}

static void on_payload(struct play *play, struct str json, bool lose_ack)
{
    struct arena *arena = &play->w->arena;
    struct str arn;

    numbers_grow(play, world_get(play->w, json, "seqNum"));
    for (int i = 0; (arn = field(play, json, "tasks", i, "arn")).len > 0; i++)
        learn(play, arn, str_eq(field(play, json, "tasks", i, "desiredStatus"), STR("STOPPED")));
    if (!lose_ack)
        say(play, "AckRequest",
            str_fmt(arena, "{\"messageId\":\"%.*s\"}",
                    STR_ARGS(world_get(play->w, json, "messageId"))));
}

static bool is_listed_as_running(struct play *play, struct str manifest, struct str arn)
{
    struct str listed;

    for (int i = 0; (listed = field(play, manifest, "tasks", i, "taskArn")).len > 0; i++) {
        if (str_eq(listed, arn))
            return str_eq(field(play, manifest, "tasks", i, "desiredStatus"), STR("RUNNING"));
    }
    return false;
}

static void on_manifest(struct play *play, struct str json)
{
    struct arena *arena = &play->w->arena;
    struct str candidates = STR_NONE;

    numbers_grow(play, world_get(play->w, json, "timeline"));
    for (size_t i = 0; i < play->known_n; i++) {
        if (!play->known[i].stop && !is_listed_as_running(play, json, play->known[i].arn))
            candidates = str_fmt(arena, "%.*s%s{\"taskArn\":\"%.*s\"}", STR_ARGS(candidates),
                                 candidates.len > 0 ? "," : "", STR_ARGS(play->known[i].arn));
    }
    if (candidates.len > 0)
        say(play, "TaskStopVerificationMessage",
            str_fmt(arena, "{\"messageId\":\"m\",\"stopCandidates\":[%.*s]}",
                    STR_ARGS(candidates)));
}

static void on_verified(struct play *play, struct str json)
{
    struct str arn;

    for (int i = 0; (arn = field(play, json, "stopTasks", i, "taskArn")).len > 0; i++)
        learn(play, arn, true);
}

// The next thing that was sent on this connection; false when there is none.
static bool hear(struct play *play, bool lose_ack)
{
    const struct world_sent *sent;

    if (play->session == 0 || play->heard == play->w->sent_n)
        return false;
    sent = &play->w->sent[play->heard++ % WORLD_SENT_MAX];
    if (sent->session != play->session)
        return true;
    if (str_eq(sent->name, STR("PayloadMessage")))
        on_payload(play, sent->json, lose_ack);
    else if (str_eq(sent->name, STR("TaskManifestMessage")))
        on_manifest(play, sent->json);
    else if (str_eq(sent->name, STR("TaskStopVerificationAck")))
        on_verified(play, sent->json);
    return true;
}

static void drop(struct play *play)
{
    if (play->session != 0)
        world_disconnect(play->w, play->session, play->instance);
    play->session = 0;
    play->heard = play->w->sent_n;
}

static void connect(struct play *play)
{
    play->heard = play->w->sent_n;
    play->session = world_connect(play->w, "demo", play->instance);
}

static void report(struct play *play, const struct known *task)
{
    stage_submit(play->w, task->arn,
                 task->stop ? "\"status\":\"STOPPED\"" : "\"status\":\"RUNNING\"");
}

static void step_once(struct play *play, struct rng *dice)
{
    switch (rng_below(dice, 10)) {
    case 0:
        if (play->tasks_n < TASKS_MAX)
            play->tasks[play->tasks_n++] = stage_task(play->w, play->instance, &play->plan);
        break;
    case 1:
        if (play->tasks_n > 0)
            stage_stop(play->w, play->tasks[rng_below(dice, play->tasks_n)],
                       ECS_TASK_STOP_CODE_USERINITIATED, "enough");
        break;
    case 2: drop(play); break;
    case 3: connect(play); break;
    case 4:
        if (rng_below(dice, 4) == 0) {
            world_restart(play->w);
            play->session = 0;
        }
        break;
    case 5:
        if (play->known_n > 0)
            report(play, &play->known[rng_below(dice, play->known_n)]);
        break;
    default: hear(play, rng_below(dice, 3) == 0); break;
    }
}

static void settle(struct play *play)
{
    connect(play);
    while (hear(play, false))
        continue;
    for (size_t i = 0; i < play->known_n; i++)
        report(play, &play->known[i]);
}

static void expect_agreement(struct play *play)
{
    for (size_t i = 0; i < play->tasks_n; i++) {
        const struct task *task = stage_find_task(play->w, play->tasks[i]);
        const struct known *known = find(play, play->tasks[i]);

        assert_int_equal(task->rec->last_status,
                         task_is_wanted(task) ? REC_TASK_STATUS_RUNNING : REC_TASK_STATUS_STOPPED);
        assert_true(known != NULL);
        assert_int_equal(known->stop, !task_is_wanted(task));
    }
}

static void agent_and_server_agree_once_faults_stop(void **state)
{
    (void)state;
    for (uint64_t seed = 1; seed <= SEEDS; seed++) {
        struct play play = {0};
        struct rng dice;
        void *w;

        stage_setup(&w);
        play.w = w;
        play.instance = stage_instance(w);
        play.plan.definition = stage_plain_definition(w);
        rng_init(&dice, seed);
        for (int i = 0; i < STEPS; i++)
            step_once(&play, &dice);
        settle(&play);
        expect_agreement(&play);
        stage_teardown(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(agent_and_server_agree_once_faults_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
