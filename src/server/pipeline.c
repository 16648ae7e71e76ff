// See pipeline.h.
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

#include "server/pipeline.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/proof.h"
#include "core/timers.h"
#include "server/word.h"
#include "store/store.h"

enum {
    TICK_INPUTS_MAX = 1024,               // inputs decided into one tick
    TICK_CHANGES_MAX = 20000,             // entries of its journal
    TIMERS_LOOK_MS = 30 * TIME_SECOND_MS, // the wall clock may have been set
};

// ---- ticks

struct tick *tick_new(void)
{
    struct tick *tick = mem_zalloc(sizeof *tick);

    arena_init(&tick->arena);
    queue_chain_init(&tick->inputs);
    return tick;
}

void tick_clear(struct tick *tick)
{
    struct arena arena = tick->arena;

    ASSERT(tick->inputs.first == NULL);
    batch_free(&tick->batch);
    arena_reset(&arena);
    *tick = (struct tick){.arena = arena};
    queue_chain_init(&tick->inputs);
}

void tick_free(struct tick *tick)
{
    arena_deinit(&tick->arena);
    mem_free(tick);
}

static void open_tick(struct pipeline *p)
{
    p->open = p->config.unused(p->config.user);
    step_init(&p->open->step, p->config.state, p->clock.now, &p->rng, &p->open->arena);
}

static void deliver(struct pipeline *p, struct tick *tick)
{
    tick->store_is_down = p->store_is_down;
    p->config.deliver(p->config.user, tick);
}

static bool tick_is_empty(const struct pipeline *p)
{
    return p->open->inputs.first == NULL && p->open->step.first == NULL &&
           state_mark(p->config.state) == 0;
}

static bool tick_has_room(const struct pipeline *p)
{
    return p->open->inputs_n < TICK_INPUTS_MAX && state_mark(p->config.state) < TICK_CHANGES_MAX;
}

// ---- deciding

void pipeline_clock(struct pipeline *p, time_ms wall, int64_t monotonic_ms)
{
    steady_read(&p->clock, wall, monotonic_ms);
}

void pipeline_add(struct pipeline *p, struct queue_chain *inputs)
{
    queue_chain_move(&p->backlog, inputs);
}

static void decide_call(struct pipeline *p, struct call *call)
{
    const struct operation *operation = &ecs_operations[call->operation];
    struct step *step = &p->open->step;
    struct op_ctx ctx = {
        .step = step,
        .state = p->config.state,
        .arena = call->arena,
        .unknowns = call->unknowns,
        .caller = call->caller,
        .request_bytes = call->body_len,
    };

    if (p->store_is_down && (operation->flags & OPERATION_WRITES)) {
        MARK("a call that writes is refused while the store is down");
        call->verdict = VERDICT_UNAVAILABLE;
        return;
    }
    MARK_IF(p->store_is_down, "a call that reads is answered while the store is down");
    MARK_IF(p->in_flight != NULL, "a call is decided while a commit is under way");
    step->acs_endpoint = call->acs_endpoint;
    step->tcs_endpoint = call->tcs_endpoint;
    step->exec = call->exec;
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
    case INPUT_SCALED:
    case INPUT_WORD:
    case INPUT_COMMITTED:
    case INPUT_STORE_BACK:
    case INPUT_STOP: break;
    }
    UNREACHABLE();
}

// What an agent does is known to write only when it has. While the store is down it is taken back,
// and every session that would have heard something is closed instead, so that it comes again.
static void decide_agent(struct pipeline *p, struct agent_input *in)
{
    struct step *step = &p->open->step;
    size_t mark = state_mark(p->config.state);
    struct effect **last = step->last;

    step_agent(step, in);
    in->verdict = VERDICT_DONE;
    if (!p->store_is_down || state_mark(p->config.state) == mark)
        return;
    MARK("what an agent does is taken back while the store is down");
    state_undo_to(p->config.state, mark);
    in->verdict = VERDICT_UNAVAILABLE;
    for (struct effect *effect = *last; effect != NULL; effect = effect->next)
        effect_refuse(effect);
}

// While the store is down the result cannot be kept: the action is asked for once more.
static void decide_scaled(struct pipeline *p, const struct scaled_input *in)
{
    if (in->is_lost || p->store_is_down)
        scaling_lost(p->config.state, in->result.provider_id);
    else
        scaling_done(&p->open->step, &in->result);
}

// Likewise; whoever said it says it again.
static void decide_word(struct pipeline *p, struct word *word)
{
    struct step *step = &p->open->step;
    size_t mark = state_mark(p->config.state);
    struct effect **last = step->last;

    word_decide(step, word);
    word->verdict = VERDICT_DONE;
    if (!p->store_is_down || state_mark(p->config.state) == mark)
        return;
    state_undo_to(p->config.state, mark);
    word->verdict = VERDICT_UNAVAILABLE;
    for (struct effect *effect = *last; effect != NULL; effect = effect->next)
        effect_refuse(effect);
}

static void decide_inputs(struct pipeline *p)
{
    struct queue_item *item;

    while (tick_has_room(p) && (item = queue_chain_pop(&p->backlog)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_STOP) {
            p->stopping = true;
            continue;
        }
        if (input->kind == INPUT_CALL)
            decide_call(p, (struct call *)input);
        else if (input->kind == INPUT_SCALED)
            decide_scaled(p, (struct scaled_input *)input);
        else if (input->kind == INPUT_WORD)
            decide_word(p, (struct word *)input);
        else
            decide_agent(p, (struct agent_input *)input);
        queue_chain_add(&p->open->inputs, item);
        p->open->inputs_n++;
    }
}

static void run_timers(struct pipeline *p)
{
    time_ms next = timers_next(p->config.state);

    MARK_IF(p->store_is_down && next != 0 && next <= p->clock.now,
            "timers wait while the store is down");
    if (!p->store_is_down && tick_has_room(p) && next != 0 && next <= p->clock.now)
        timers_run(&p->open->step);
}

void pipeline_decide(struct pipeline *p)
{
    p->open->step.now = p->clock.now;
    decide_inputs(p);
    run_timers(p);
}

// ---- handing over

void pipeline_hand_over(struct pipeline *p)
{
    struct tick *tick = p->open;

    if (tick_is_empty(p))
        return;
    if (p->in_flight != NULL && !(PLANTED(PLANT_EARLY_REPLY) && state_mark(p->config.state) == 0)) {
        MARK_IF(state_mark(p->config.state) == 0,
                "what was only read waits for the commit of what was read");
        return;
    }
    if (p->config.tells)
        tick->notes = events_of(p->config.state, p->clock.now, &tick->arena);
    tick->batch = state_take_batch(p->config.state);
    if (tick->batch.writes_n > 0) {
        ASSERT(!p->store_is_down);
        MARK_IF(tick->inputs_n > 1, "several inputs share one commit");
        p->in_flight = tick;
        p->config.commit(p->config.user, tick);
    } else {
        deliver(p, tick);
    }
    open_tick(p);
}

static void undo_all(struct pipeline *p)
{
    struct tick *failed = p->in_flight;

    MARK_IF(state_mark(p->config.state) > 0, "two ticks are undone when a commit fails");
    state_undo_to(p->config.state, 0);
    batch_undo(p->config.state, &failed->batch);
    state_begin_life(p->config.state);
    p->in_flight = NULL;
    failed->failed = true;
    deliver(p, failed);
    if (p->open->inputs.first != NULL || p->open->step.first != NULL) {
        p->open->failed = true;
        deliver(p, p->open);
        open_tick(p);
    }
}

void pipeline_committed(struct pipeline *p, int outcome, struct str detail)
{
    ASSERT(p->in_flight != NULL);
    if (outcome == 0) {
        p->in_flight = NULL;
        return;
    }
    p->store_is_down = true;
    p->down_since_ms = p->clock.monotonic_ms;
    LOG_ERROR("store.down", LOG_CSTR("reason", store_outcome_text(outcome)),
              LOG_STR("detail", detail),
              LOG_STR("effect", STR("writes are refused until it works again, reads go on")));
    undo_all(p);
}

// Delivered even when it is empty: it tells that the store is back.
void pipeline_store_back(struct pipeline *p)
{
    ASSERT(p->store_is_down && p->in_flight == NULL && state_mark(p->config.state) == 0);
    MARK("the store is back");
    p->store_is_down = false;
    LOG_INFO("store.back", LOG_INT("down_ms", p->clock.monotonic_ms - p->down_since_ms));
    deliver(p, p->open);
    open_tick(p);
}

// ---- what is to come

int64_t pipeline_idle_ms(const struct pipeline *p)
{
    time_ms next;

    if (p->backlog.first != NULL && tick_has_room(p))
        return 0;
    if (p->in_flight != NULL || p->store_is_down)
        return INT64_MAX;
    next = timers_next(p->config.state);
    if (next == 0)
        return INT64_MAX;
    if (next <= p->clock.now)
        return 0;
    return next - p->clock.now < TIMERS_LOOK_MS ? next - p->clock.now : TIMERS_LOOK_MS;
}

bool pipeline_is_finished(const struct pipeline *p)
{
    return p->stopping && p->in_flight == NULL && p->backlog.first == NULL && tick_is_empty(p);
}

// ---- life

void pipeline_init(struct pipeline *p, const struct pipeline_config *config, time_ms wall,
                   int64_t monotonic_ms)
{
    *p = (struct pipeline){.config = *config};
    steady_read(&p->clock, wall, monotonic_ms);
    rng_init(&p->rng, config->seed);
    queue_chain_init(&p->backlog);
    open_tick(p);
}

void pipeline_deinit(struct pipeline *p)
{
    tick_free(p->open);
}
