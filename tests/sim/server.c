// See server.h. The order of things is server.c's and tick.c's: a tick's effects go out before its
// replies, ticks are carried out in the order in which they were decided, the store thread delivers
// a tick before it reports the commit.

#include "tests/sim/server.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "server/agents.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/batch_json.h"
#include "server/event_log.h"
#include "server/intake.h"
#include "server/metrics.h"
#include "server/outside.h"
#include "server/pipeline.h"
#include "server/recover.h"
#include "server/usage.h"
#include "tests/sim/check.h"
#include "tests/sim/net.h"
#include "tests/sim/outside.h"
#include "tests/sim/sim.h"

enum { HAND_OVER_MS = 2, PROBE_MS = 1000 };

// What the intake pushes to; in the place of server/tick.c.
struct tick_thread {
    struct sim_server *server;
};

struct sim_server {
    struct node node;
    struct rng dice;
    struct sim_server_options options;
    struct memory_disk *disk;
    enum memory_fault disk_fault;
    int64_t commit_ms;
    uint64_t commits;
    uint64_t durable; // number of the batch that was committed last, in this life
    uint64_t told;    // events on the disk
    uint64_t read;    // of these, by a reader that comes back after each crash
    bool is_up;
    struct loop_timer again;

    // Of one process.
    struct arena arena;
    struct store *store;
    struct event_log *events;
    struct state state;
    struct auth *auth;
    struct metrics metrics;
    struct usage *usage;
    struct tick_thread ticks;
    struct intake intake;
    struct api api;
    struct agents *agents;
    struct outside *outside;
    struct pipeline pipeline;
    struct queue_chain pushed; // not yet taken by the core
    struct loop_timer core;
    struct tick *committing;
    struct batch_json json;
    struct loop_timer commit;
    struct loop_timer committed;
    int outcome; // of the commit
    struct loop_timer probe;
    struct tick *delivered; // in order, through next_free
    struct tick **delivered_end;
    struct loop_timer carry;
};

static int64_t draw(struct sim_server *s, int64_t most_ms)
{
    return (int64_t)rng_below(&s->dice, (uint64_t)most_ms + 1);
}

// ---- carrying out

static void carry_out_inputs(struct sim_server *s, struct tick *tick)
{
    struct queue_item *item;

    while ((item = queue_chain_pop(&tick->inputs)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_CALL) {
            struct call *call = (struct call *)input;
            if (tick->failed)
                call->verdict = VERDICT_UNAVAILABLE;
            api_answer(&s->api, call);
        } else if (input->kind == INPUT_SCALED) {
            scaled_input_free((struct scaled_input *)input);
        } else if (input->kind == INPUT_WORD) {
            outside_decided(s->outside, (struct word *)input, tick->failed);
        } else {
            agents_decided(s->agents, (struct agent_input *)input, tick->failed);
        }
    }
}

// The operator's action: half of them fail, and no machine comes or goes by the others.
static void scale(struct sim_server *s, const struct effect *effect)
{
    const struct scaling_call *call = effect->value;
    struct scaled_input *input;

    if (call != NULL && !call->is_wanted)
        return;
    input = scaled_input_new(effect->provider_id);
    input->is_lost = call == NULL;
    if (call != NULL) {
        input->result.succeeded = draw(s, 1) == 0;
        input->result.why = STR("The scaling command ended with status 1.");
        input->result.target = call->target;
        input->result.ids = (struct str_list){
            .n = call->ids.n, .at = arena_array(&input->arena, struct str, call->ids.n)};
        for (size_t i = 0; i < call->ids.n; i++)
            input->result.ids.at[i] = str_copy(&input->arena, call->ids.at[i]);
    }
    intake_add(&s->intake, &input->input);
}

static void carry_out(struct sim_server *s, struct tick *tick)
{
    metrics_tick(&s->metrics, tick);
    for (struct effect *effect = tick->step.first; effect != NULL; effect = effect->next) {
        if (tick->failed)
            effect_refuse(effect);
        if (effect->kind == EFFECT_SCALE)
            scale(s, effect);
        else if (effect->kind == EFFECT_EXEC)
            continue; // nobody comes to the session
        else if (effect->kind == EFFECT_USAGE)
            usage_take(s->usage, effect->value);
        else if (effect_goes_outside(effect))
            outside_effect(s->outside, effect);
        else
            agents_effect(s->agents, effect);
    }
    carry_out_inputs(s, tick);
    if (!tick->failed)
        usage_forget(s->usage, &tick->batch.journal);
    tick_clear(tick);
    tick_free(tick);
}

static void on_carry(void *user)
{
    struct sim_server *s = user;
    struct tick *tick = s->delivered;

    s->delivered = tick->next_free;
    if (s->delivered == NULL)
        s->delivered_end = &s->delivered;
    else
        loop_timer_start(&s->carry, draw(s, HAND_OVER_MS));
    carry_out(s, tick);
}

static void deliver(void *user, struct tick *tick)
{
    struct sim_server *s = user;
    bool rests =
        s->committing == NULL && (tick->batch.writes_n == 0 || tick->batch.number == s->durable);

    SIM_CHECK(tick->failed || rests, "a tick is carried out before what it rests on is durable");
    tick->next_free = NULL;
    *s->delivered_end = tick;
    s->delivered_end = &tick->next_free;
    if (!loop_timer_is_running(&s->carry))
        loop_timer_start(&s->carry, draw(s, HAND_OVER_MS));
}

// ---- the core

static void wake_core(struct sim_server *s, int64_t after_ms)
{
    int64_t at_ms = kernel_now_ms() + after_ms;

    if (!loop_timer_is_running(&s->core) || s->core.at_ms > at_ms)
        loop_timer_start(&s->core, after_ms);
}

static void work(struct sim_server *s)
{
    int64_t idle_ms;

    pipeline_decide(&s->pipeline);
    pipeline_hand_over(&s->pipeline);
    check_state(&s->state);
    idle_ms = pipeline_idle_ms(&s->pipeline);
    if (idle_ms != INT64_MAX)
        wake_core(s, idle_ms);
}

static void on_core(void *user)
{
    struct sim_server *s = user;

    pipeline_clock(&s->pipeline, kernel_wall_ms(&s->node), kernel_now_ms());
    pipeline_add(&s->pipeline, &s->pushed);
    work(s);
}

void tick_thread_push(struct tick_thread *ticks, struct queue_chain *inputs)
{
    queue_chain_move(&ticks->server->pushed, inputs);
    wake_core(ticks->server, draw(ticks->server, HAND_OVER_MS));
}

static struct tick *unused_tick(void *user)
{
    (void)user;
    return tick_new();
}

// ---- the store

static enum memory_fault on_disk(void *user, const struct store_write *writes, size_t n)
{
    struct sim_server *s = user;

    if (!node_acts(&s->node))
        return MEMORY_FAULT_CUT_BEFORE;
    if (s->disk_fault != MEMORY_FAULT_NONE)
        return s->disk_fault;
    if (n == 0)
        return MEMORY_FAULT_NONE;
    check_written(writes, n);
    check_committed(&s->committing->batch);
    s->durable = s->committing->batch.number;
    s->told += s->committing->notes.n;
    s->commits++;
    return node_acts(&s->node) ? MEMORY_FAULT_NONE : MEMORY_FAULT_CUT_AFTER;
}

static void start_commit(void *user, struct tick *tick)
{
    struct sim_server *s = user;

    ASSERT(s->committing == NULL);
    s->committing = tick;
    check_batch(&s->state, &tick->batch);
    loop_timer_start(&s->commit, draw(s, s->commit_ms));
}

static void on_commit(void *user)
{
    struct sim_server *s = user;
    struct tick *tick = s->committing;

    batch_json_encode(&s->json, &tick->batch);
    s->outcome = event_log_commit(s->events, s->json.writes, tick->batch.writes_n, &tick->notes);
    if (s->node.dead)
        return;
    s->committing = NULL;
    if (s->outcome == 0)
        deliver(s, tick);
    loop_timer_start(&s->committed, draw(s, HAND_OVER_MS));
}

static void on_committed(void *user)
{
    struct sim_server *s = user;

    pipeline_clock(&s->pipeline, kernel_wall_ms(&s->node), kernel_now_ms());
    pipeline_committed(&s->pipeline, s->outcome, STR("simulated"));
    if (s->outcome != 0)
        loop_timer_start(&s->probe, PROBE_MS);
    work(s);
}

static void on_probe(void *user)
{
    struct sim_server *s = user;

    if (store_probe(s->store) != 0) {
        loop_timer_start(&s->probe, PROBE_MS);
        return;
    }
    pipeline_clock(&s->pipeline, kernel_wall_ms(&s->node), kernel_now_ms());
    pipeline_store_back(&s->pipeline);
    work(s);
}

// ---- requests

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct sim_server *s = user;
    enum channel_kind channel;

    if (agents_channel_of(request->path, &channel))
        agents_request(s->agents, channel, exchange, request);
    else
        api_request(&s->api, exchange, request);
}

// ---- life

static void recover(struct sim_server *s)
{
    struct state_config config = {
        .partition = STR("aws"),
        .account = STR("123456789012"),
        .stopped_task_keep_ms = s->options.stopped_task_keep_ms,
        .inactive_keep_ms = s->options.inactive_keep_ms,
        .definition_delete_ms = s->options.definition_delete_ms,
        .has_alarms = true,
        .has_traffic = s->options.seed % 2 == 0,
    };
    struct str detail = STR_NONE;
    int outcome = store_open_memory(s->disk, &recover_schema, &s->store);

    ASSERT(outcome == 0);
    state_init(&s->state, &config);
    outcome = recover_state(s->store, &s->state, &s->arena, &detail);
    SIM_CHECK(outcome == 0, "the server cannot load its store: %.*s", STR_ARGS(detail));
    check_recovered(&s->state);
}

// What was committed was told, once and in order, whatever came in between; of what has been
// dropped by then it is told how much it was.
static void read_events(struct sim_server *s)
{
    struct event_page page = {.text = BUF_INIT};

    do {
        int outcome = event_log_read(s->events, s->read, 100, 1 << 20, &page);
        SIM_CHECK(outcome == 0 && !page.is_of_future &&
                      (page.lost == 0 || s->read + s->options.events_kept < s->told ||
                       s->options.events_age_ms < TIME_DAY_MS),
                  "the event log does not go on behind event %llu", (unsigned long long)s->read);
        SIM_CHECK(page.last == s->read + page.lost + page.n, "the event log leaves numbers out");
        s->read = page.last;
    } while (page.n > 0);
    SIM_CHECK(s->read == s->told, "%llu events are told where %llu happened",
              (unsigned long long)s->read, (unsigned long long)s->told);
    buf_deinit(&page.text);
}

static void open_events(struct sim_server *s)
{
    struct event_log_config config = {
        .store = s->store,
        .account = STR("123456789012"),
        .kept = s->options.events_kept,
        .age_ms = s->options.events_age_ms,
        .seed = rng_next(&s->node.dice),
    };
    int outcome = event_log_open(&config, &s->events);

    ASSERT(outcome == 0);
    read_events(s);
}

static void make_front(struct sim_server *s)
{
    struct auth_config auth = {
        .mode = SERVER_AUTH_NONE,
        .partition = STR("aws"),
        .account = STR("123456789012"),
        .region = STR("us-east-1"),
    };
    struct api_config api = {
        .intake = &s->intake,
        .metrics = &s->metrics,
        .calls_max = 8192,
        .calls_bytes_max = (size_t)256 << 20,
        .scheme = STR("http"),
        .address = STR("server:7420"),
        .seed = rng_next(&s->node.dice),
    };
    struct agents_config agents = {
        .loop = &s->node.loop,
        .intake = &s->intake,
        .metrics = &s->metrics,
        .sessions_max = 1000,
        .heartbeat_ms = s->options.heartbeat_ms,
        .seed = rng_next(&s->node.dice),
    };
    struct str detail;
    int outcome = auth_new(&auth, &s->arena, &detail, &s->auth);

    ASSERT(outcome == 0);
    api.auth = s->auth;
    agents.auth = s->auth;
    intake_init(&s->intake, &s->node.loop, &s->ticks);
    metrics_init(&s->metrics, &s->state);
    s->usage = usage_new(&(struct usage_config){.histories_max = 4});
    api_init(&s->api, &api);
    s->agents = agents_new(&agents);
    s->outside = outside_new(&(struct outside_config){.loop = &s->node.loop, .intake = &s->intake});
    outside_seed(s->outside, rng_next(&s->node.dice));
}

static void make_core(struct sim_server *s)
{
    struct pipeline_config config = {
        .state = &s->state,
        .seed = rng_next(&s->node.dice),
        .tells = true,
        .unused = unused_tick,
        .commit = start_commit,
        .deliver = deliver,
        .user = s,
    };

    s->ticks.server = s;
    queue_chain_init(&s->pushed);
    s->delivered = NULL;
    s->delivered_end = &s->delivered;
    s->committing = NULL;
    s->durable = 0;
    pipeline_init(&s->pipeline, &config, kernel_wall_ms(&s->node), kernel_now_ms());
    loop_timer_init(&s->core, &s->node.loop, on_core, s);
    loop_timer_init(&s->commit, &s->node.loop, on_commit, s);
    loop_timer_init(&s->committed, &s->node.loop, on_committed, s);
    loop_timer_init(&s->probe, &s->node.loop, on_probe, s);
    loop_timer_init(&s->carry, &s->node.loop, on_carry, s);
}

static void begin(struct sim_server *s)
{
    ASSERT(!s->is_up);
    s->is_up = true;
    s->node.dead = false;
    s->node.silent = false;
    arena_init(&s->arena);
    recover(s);
    open_events(s);
    make_core(s);
    make_front(s);
    net_serve(&s->node, on_request, s);
    wake_core(s, 0);
    sim_say(&s->node, "serves");
}

void sim_server_start(struct sim_server *s)
{
    kernel_enter(&s->node);
    begin(s);
    kernel_leave(&s->node);
}

static void on_again(void *user)
{
    begin(user);
}

// Calls live in their exchanges, which go with the network's end. A handshake that nobody will
// decide is refused, to a client that hears nothing of it.
static void drop_inputs(struct sim_server *s, struct queue_chain *inputs)
{
    struct queue_item *item;

    while ((item = queue_chain_pop(inputs)) != NULL) {
        struct input *input = input_of(item);
        struct agent_input *of_agent = (struct agent_input *)input;

        if (input->kind == INPUT_CALL)
            continue;
        if (input->kind == INPUT_SCALED) {
            scaled_input_free((struct scaled_input *)input);
            continue;
        }
        if (input->kind == INPUT_WORD) {
            word_free((struct word *)input);
            continue;
        }
        if (input->kind == INPUT_OPEN)
            agents_effect(s->agents, &(struct effect){.kind = EFFECT_ACS_REFUSE,
                                                      .session = of_agent->session,
                                                      .error = STR("ServerException")});
        agent_input_free(of_agent);
    }
}

static void drop_tick(struct sim_server *s, struct tick *tick)
{
    drop_inputs(s, &tick->inputs);
    tick_clear(tick);
    tick_free(tick);
}

static void drop_ticks(struct sim_server *s)
{
    while (s->delivered != NULL) {
        struct tick *tick = s->delivered;
        s->delivered = tick->next_free;
        drop_tick(s, tick);
    }
    // One whose commit went well may still stand as in flight, but has been dealt with above.
    if (s->committing != NULL)
        drop_tick(s, s->committing);
    else if (s->pipeline.in_flight != NULL && s->outcome != 0)
        drop_tick(s, s->pipeline.in_flight);
    s->committing = NULL;
    drop_inputs(s, &s->pushed);
    drop_inputs(s, &s->pipeline.backlog);
    drop_inputs(s, &s->pipeline.open->inputs);
}

static void stop_timers(struct sim_server *s)
{
    loop_timer_stop(&s->core);
    loop_timer_stop(&s->commit);
    loop_timer_stop(&s->committed);
    loop_timer_stop(&s->probe);
    loop_timer_stop(&s->carry);
}

void sim_server_kill(struct sim_server *s, int64_t down_ms)
{
    if (down_ms >= 0)
        loop_timer_start(&s->again, down_ms);
    else
        loop_timer_stop(&s->again);
    if (!s->is_up)
        return;
    sim_say(&s->node, "is killed%s", s->node.silent ? ", and the machine falls" : "");
    s->node.dead = true;
    s->node.acts_left = 0;
    s->is_up = false;
    kernel_enter(&s->node);
    stop_timers(s);
    intake_flush(&s->intake);
    stop_timers(s);
    agents_mute(s->agents);
    outside_mute(s->outside);
    drop_ticks(s);
    agents_free(s->agents);
    outside_free(s->outside);
    usage_free(s->usage);
    net_unserve();
    api_deinit(&s->api);
    auth_free(s->auth);
    pipeline_deinit(&s->pipeline);
    state_deinit(&s->state);
    event_log_close(s->events);
    store_close(s->store);
    arena_deinit(&s->arena);
    kernel_leave(&s->node);
}

struct sim_server *sim_server_new(const struct sim_server_options *options)
{
    struct sim_server *s = mem_zalloc(sizeof *s);

    s->options = *options;
    s->commit_ms = options->commit_ms;
    node_init(&s->node, "server", options->seed);
    rng_init(&s->dice, options->seed + 1);
    s->disk = memory_disk_new();
    memory_disk_watch(s->disk, on_disk, s);
    loop_timer_init(&s->again, &s->node.loop, on_again, s);
    return s;
}

void sim_server_free(struct sim_server *s)
{
    ASSERT(!s->is_up);
    loop_timer_stop(&s->again);
    batch_json_deinit(&s->json);
    memory_disk_free(s->disk);
    mem_free(s);
}

// ---- looking, meddling

bool sim_server_is_up(const struct sim_server *s)
{
    return s->is_up;
}

struct node *sim_server_node(struct sim_server *s)
{
    return &s->node;
}

const struct state *sim_server_state(const struct sim_server *s)
{
    ASSERT(s->is_up);
    return &s->state;
}

void sim_server_fail_disk(struct sim_server *s, enum memory_fault fault)
{
    s->disk_fault = fault;
}

void sim_server_slow_disk(struct sim_server *s, int64_t commit_ms)
{
    s->commit_ms = commit_ms;
}

uint64_t sim_server_commits(const struct sim_server *s)
{
    return s->commits;
}

bool sim_server_is_idle(const struct sim_server *s)
{
    return s->is_up && s->pushed.first == NULL && s->pipeline.backlog.first == NULL &&
           s->pipeline.in_flight == NULL && s->delivered == NULL && !s->pipeline.store_is_down &&
           s->pipeline.open->inputs.first == NULL && state_mark(&s->state) == 0;
}

unsigned sim_server_calls(const struct sim_server *s)
{
    return s->api.calls;
}
