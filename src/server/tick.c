// The core thread: the only one that touches state.
//
// Inputs are decided one after the other into the open tick. As soon as the store is free, the tick
// is handed over and the next one is opened; so while one batch is being committed, the next
// gathers everything that comes in meanwhile, and a thousand calls share one sync. A tick that
// wrote nothing skips the store when nothing is under way, and otherwise waits its turn like the
// others: what is sent always rests on what is durable, in the order in which it was decided.
//
// At most two ticks hold undurable changes: one in flight (taken as a batch) and the open one
// (still in the journal). When the flight fails, both are undone, newest first, and delivered as
// failed. From then on the store is down: calls that write are refused before they are decided,
// agents' inputs that turn out to write are undone at once, timers wait; reads go on. The store
// thread probes and says when the store is back.
//
// Why undoing is safe while the speaking thread still reads records. It encodes replies and effects
// of ticks that are durable, so older than the one in flight. Those may point at
//   - records that are still current: undoing brings them back or leaves them alone;
//   - records that a younger tick replaced: they are `before` entries of that tick's journal, which
//     undoing puts back in place, never frees; and batch_free of that tick comes after it was
//     carried out itself, so after every older one.
// What undoing frees are the records that the undone ticks made, and only replies and effects of
// those same ticks point at them. Those are delivered as failed: their replies and the values of
// their effects are not looked at any more.
//
// Time is the wall clock, made to go forward only: when it is set back, it goes on from where it
// was at the pace of the monotonic clock until the wall has caught up.

#include "server/tick.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/regex.h"
#include "core/timers.h"
#include "io/clock.h"
#include "server/commit.h"
#include "store/store.h"
#include "wire/http_server.h"

enum {
    TICK_INPUTS_MAX = 1024,   // inputs decided into one tick
    TICK_CHANGES_MAX = 20000, // entries of its journal
    TICKS_KEPT = 4,
    TIMERS_LOOK_MS = 30 * TIME_SECOND_MS, // the wall clock may have been set
};

struct tick_thread {
    pthread_t thread;
    struct tick_config config;
    struct queue queue;
    struct commit_thread *commits;
    struct rng rng;
    struct queue_chain backlog; // taken from the queue, not yet decided
    struct tick *open;
    struct tick *in_flight; // NULL: the store is free. Not looked at after the commit went well.
    bool store_is_down;
    int64_t down_since_ms; // monotonic
    bool stopping;
    struct input stop;

    time_ms now;
    int64_t now_monotonic_ms;

    pthread_mutex_t pool_lock;
    struct tick *pool;
    unsigned pool_n;
};

// ---- ticks

static struct tick *tick_new(struct tick_thread *t)
{
    struct tick *tick;

    pthread_mutex_lock(&t->pool_lock);
    tick = t->pool;
    if (tick != NULL) {
        t->pool = tick->next_free;
        t->pool_n--;
    }
    pthread_mutex_unlock(&t->pool_lock);
    if (tick == NULL) {
        tick = mem_zalloc(sizeof *tick);
        arena_init(&tick->arena);
    }
    queue_chain_init(&tick->inputs);
    step_init(&tick->step, t->config.state, t->now, &t->rng, &tick->arena);
    return tick;
}

static void tick_free(struct tick *tick)
{
    arena_deinit(&tick->arena);
    mem_free(tick);
}

void tick_release(struct tick_thread *t, struct tick *tick)
{
    struct arena arena = tick->arena;

    ASSERT(tick->inputs.first == NULL);
    batch_free(&tick->batch);
    arena_reset(&arena);
    *tick = (struct tick){.arena = arena};
    pthread_mutex_lock(&t->pool_lock);
    if (t->pool_n < TICKS_KEPT) {
        tick->next_free = t->pool;
        t->pool = tick;
        t->pool_n++;
        tick = NULL;
    }
    pthread_mutex_unlock(&t->pool_lock);
    if (tick != NULL)
        tick_free(tick);
}

static void deliver(struct tick_thread *t, struct tick *tick)
{
    tick->store_is_down = t->store_is_down;
    t->config.deliver(t->config.user, tick);
}

static bool tick_is_empty(const struct tick_thread *t)
{
    return t->open->inputs.first == NULL && t->open->step.first == NULL &&
           state_mark(t->config.state) == 0;
}

static bool tick_has_room(const struct tick_thread *t)
{
    return t->open->inputs_n < TICK_INPUTS_MAX && state_mark(t->config.state) < TICK_CHANGES_MAX;
}

// ---- deciding

static void read_clocks(struct tick_thread *t)
{
    time_ms wall = clock_wall_ms();
    int64_t monotonic = clock_monotonic_ms();

    if (wall >= t->now)
        t->now = wall;
    else
        t->now += monotonic - t->now_monotonic_ms;
    t->now_monotonic_ms = monotonic;
}

static void decide_call(struct tick_thread *t, struct call *call)
{
    const struct operation *operation = &ecs_operations[call->operation];
    struct step *step = &t->open->step;
    struct op_ctx ctx = {
        .step = step,
        .state = t->config.state,
        .arena = http_exchange_arena(call->exchange),
        .unknowns = call->unknowns,
        .caller = call->caller,
        .request_bytes = call->body_len,
    };

    if (t->store_is_down && (operation->flags & OPERATION_WRITES)) {
        call->verdict = VERDICT_UNAVAILABLE;
        return;
    }
    step->acs_endpoint = call->acs_endpoint;
    step->tcs_endpoint = call->tcs_endpoint;
    call->reply = arena_alloc(ctx.arena, operation->reply->size);
    if (op_run(&ctx, call->operation, call->request, call->reply) == OP_OK) {
        call->verdict = VERDICT_DONE;
    } else {
        call->verdict = VERDICT_FAILED;
        call->error = ctx.error;
    }
}

static void step_agent(struct step *step, const struct agent_input *in)
{
    bool is_acs = in->channel == CHANNEL_ACS;

    switch (in->input.kind) {
    case INPUT_OPEN:
        if (is_acs)
            session_acs_open(step, in->session, &in->hello);
        else
            session_tcs_open(step, in->session, &in->hello);
        return;
    case INPUT_MESSAGE:
        if (is_acs)
            session_acs_message(step, in->session, in->instance_id,
                                (enum acs_message)in->message_kind, in->message);
        else
            session_tcs_message(step, in->session, in->instance_id,
                                (enum tcs_message)in->message_kind, in->message);
        return;
    case INPUT_GONE:
        if (is_acs)
            session_acs_gone(step, in->session, in->instance_id);
        else
            session_tcs_gone(step, in->session, in->instance_id);
        return;
    case INPUT_CALL:
    case INPUT_COMMITTED:
    case INPUT_STORE_BACK:
    case INPUT_STOP: break;
    }
    UNREACHABLE();
}

// What an agent does is known to write only when it has. While the store is down it is taken back,
// and every session that would have heard something is closed instead, so that it comes again.
static void decide_agent(struct tick_thread *t, struct agent_input *in)
{
    struct step *step = &t->open->step;
    size_t mark = state_mark(t->config.state);
    struct effect **last = step->last;

    step_agent(step, in);
    in->verdict = VERDICT_DONE;
    if (!t->store_is_down || state_mark(t->config.state) == mark)
        return;
    state_undo_to(t->config.state, mark);
    in->verdict = VERDICT_UNAVAILABLE;
    for (struct effect *effect = *last; effect != NULL; effect = effect->next)
        effect_refuse(effect);
}

static void decide(struct tick_thread *t)
{
    int64_t started_us = clock_monotonic_us();
    struct queue_item *item;

    t->open->step.now = t->now;
    while (tick_has_room(t) && (item = queue_chain_pop(&t->backlog)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_STOP) {
            t->stopping = true;
            continue;
        }
        if (input->kind == INPUT_CALL)
            decide_call(t, (struct call *)input);
        else
            decide_agent(t, (struct agent_input *)input);
        queue_chain_add(&t->open->inputs, item);
        t->open->inputs_n++;
    }
    t->open->decide_us += clock_monotonic_us() - started_us;
}

static void run_timers(struct tick_thread *t)
{
    time_ms next = timers_next(t->config.state);
    int64_t started_us;

    if (t->store_is_down || !tick_has_room(t) || next == 0 || next > t->now)
        return;
    started_us = clock_monotonic_us();
    t->open->step.now = t->now;
    timers_run(&t->open->step);
    t->open->decide_us += clock_monotonic_us() - started_us;
}

// ---- handing over

static void hand_over(struct tick_thread *t)
{
    struct tick *tick = t->open;

    if (t->in_flight != NULL || tick_is_empty(t))
        return;
    tick->batch = state_take_batch(t->config.state);
    if (tick->batch.writes_n > 0) {
        ASSERT(!t->store_is_down);
        t->in_flight = tick;
        commit_thread_submit(t->commits, tick);
    } else {
        deliver(t, tick);
    }
    t->open = tick_new(t);
}

static void undo_all(struct tick_thread *t)
{
    struct tick *failed = t->in_flight;

    state_undo_to(t->config.state, 0);
    batch_undo(t->config.state, &failed->batch);
    t->in_flight = NULL;
    failed->failed = true;
    deliver(t, failed);
    if (t->open->inputs.first != NULL || t->open->step.first != NULL) {
        t->open->failed = true;
        deliver(t, t->open);
        t->open = tick_new(t);
    }
}

static void on_committed(struct tick_thread *t, const struct commit_result *result)
{
    ASSERT(t->in_flight != NULL);
    if (result->outcome == 0) {
        t->in_flight = NULL;
        return;
    }
    t->store_is_down = true;
    t->down_since_ms = t->now_monotonic_ms;
    LOG_ERROR("store.down", LOG_CSTR("reason", store_outcome_text(result->outcome)),
              LOG_CSTR("detail", result->detail),
              LOG_STR("effect", STR("writes are refused until it works again, reads go on")));
    undo_all(t);
}

// Delivered even when it is empty: it tells that the store is back.
static void on_store_back(struct tick_thread *t)
{
    ASSERT(t->store_is_down && t->in_flight == NULL && state_mark(t->config.state) == 0);
    t->store_is_down = false;
    LOG_INFO("store.back", LOG_INT("down_ms", t->now_monotonic_ms - t->down_since_ms));
    deliver(t, t->open);
    t->open = tick_new(t);
}

// Results of the store do not wait behind the inputs: they make room for them.
static void take_inputs(struct tick_thread *t, int64_t until_ms)
{
    struct queue_chain taken;
    struct queue_item *item;

    queue_chain_init(&taken);
    queue_take(&t->queue, until_ms, &taken);
    read_clocks(t);
    while ((item = queue_chain_pop(&taken)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_COMMITTED)
            on_committed(t, (struct commit_result *)input);
        else if (input->kind == INPUT_STORE_BACK)
            on_store_back(t);
        else
            queue_chain_add(&t->backlog, item);
    }
}

// Until when there is nothing to do but to wait for an input.
static int64_t idle_until(const struct tick_thread *t)
{
    time_ms next;

    if (t->backlog.first != NULL && tick_has_room(t))
        return 0;
    if (t->in_flight != NULL || t->store_is_down)
        return INT64_MAX;
    next = timers_next(t->config.state);
    if (next == 0)
        return INT64_MAX;
    if (next <= t->now)
        return 0;
    return t->now_monotonic_ms + (next - t->now < TIMERS_LOOK_MS ? next - t->now : TIMERS_LOOK_MS);
}

static bool is_finished(const struct tick_thread *t)
{
    return t->stopping && t->in_flight == NULL && t->backlog.first == NULL && tick_is_empty(t);
}

static void *work(void *user)
{
    struct tick_thread *t = user;

    read_clocks(t);
    t->open = tick_new(t);
    while (!is_finished(t)) {
        take_inputs(t, idle_until(t));
        decide(t);
        run_timers(t);
        hand_over(t);
    }
    regex_literals_forget();
    t->config.done(t->config.user);
    return NULL;
}

// ---- life

struct tick_thread *tick_thread_start(const struct tick_config *config)
{
    struct tick_thread *t = mem_zalloc(sizeof *t);
    struct commit_config commit_config = {
        .store = config->store,
        .results = &t->queue,
        .probe_ms = config->probe_ms,
        .deliver = config->deliver,
        .user = config->user,
    };
    int rc;

    t->config = *config;
    t->stop.kind = INPUT_STOP;
    rng_init(&t->rng, config->seed);
    queue_init(&t->queue);
    queue_chain_init(&t->backlog);
    pthread_mutex_init(&t->pool_lock, NULL);
    t->commits = commit_thread_start(&commit_config);
    rc = pthread_create(&t->thread, NULL, work, t);
    ASSERT(rc == 0);
    pthread_setname_np(t->thread, "gantry-core");
    return t;
}

void tick_thread_push(struct tick_thread *t, struct queue_chain *inputs)
{
    queue_push_chain(&t->queue, inputs);
}

void tick_thread_stop(struct tick_thread *t)
{
    queue_push(&t->queue, &t->stop.item);
}

// A probe may have answered after the last tick, so the queue need not be empty.
static void drop_results(struct tick_thread *t)
{
    struct queue_chain rest;

    queue_chain_init(&rest);
    queue_take(&t->queue, 0, &rest);
    ASSERT(rest.first == NULL || input_of(rest.first)->kind == INPUT_STORE_BACK);
}

void tick_thread_join(struct tick_thread *t)
{
    if (t == NULL)
        return;
    pthread_join(t->thread, NULL);
    commit_thread_stop(t->commits);
    drop_results(t);
    queue_deinit(&t->queue);
    tick_free(t->open);
    while (t->pool != NULL) {
        struct tick *tick = t->pool;
        t->pool = tick->next_free;
        tick_free(tick);
    }
    pthread_mutex_destroy(&t->pool_lock);
    mem_free(t);
}
