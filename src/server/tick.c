// The core thread: the only one that touches state. It drives the pipeline: takes what was pushed,
// tells it the time, has its commits done by the store thread and hears from there how they ended.

#include "server/tick.h"

#include "base/assert.h"
#include "base/mem.h"
#include "base/regex.h"
#include "io/clock.h"
#include "server/commit.h"
#include "server/event_log.h"

enum { TICKS_KEPT = 4 };

struct tick_thread {
    pthread_t thread;
    struct tick_config config;
    struct queue queue;
    struct commit_thread *commits;
    struct pipeline pipeline;
    struct input stop;

    pthread_mutex_t pool_lock;
    struct tick *pool;
    unsigned pool_n;
};

// ---- ticks

static struct tick *unused_tick(void *user)
{
    struct tick_thread *t = user;
    struct tick *tick;

    pthread_mutex_lock(&t->pool_lock);
    tick = t->pool;
    if (tick != NULL) {
        t->pool = tick->next_free;
        t->pool_n--;
    }
    pthread_mutex_unlock(&t->pool_lock);
    return tick != NULL ? tick : tick_new();
}

void tick_release(struct tick_thread *t, struct tick *tick)
{
    tick_clear(tick);
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

static void deliver(void *user, struct tick *tick)
{
    struct tick_thread *t = user;

    t->config.deliver(t->config.user, tick);
}

static void commit(void *user, struct tick *tick)
{
    struct tick_thread *t = user;

    commit_thread_submit(t->commits, tick);
}

// ---- the thread

static void read_clocks(struct tick_thread *t)
{
    pipeline_clock(&t->pipeline, clock_wall_ms(), clock_monotonic_ms());
}

static void hear_of_store(struct pipeline *pipeline, const struct commit_result *result)
{
    if (result->input.kind == INPUT_STORE_BACK)
        pipeline_store_back(pipeline);
    else
        pipeline_committed(pipeline, result->outcome, str_of(result->detail));
}

// Results of the store do not wait behind the inputs: they make room for them.
static void take_inputs(struct tick_thread *t, int64_t until_ms)
{
    struct queue_chain taken;
    struct queue_chain inputs;
    struct queue_item *item;

    queue_chain_init(&taken);
    queue_chain_init(&inputs);
    queue_take(&t->queue, until_ms, &taken);
    read_clocks(t);
    while ((item = queue_chain_pop(&taken)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_COMMITTED || input->kind == INPUT_STORE_BACK)
            hear_of_store(&t->pipeline, (struct commit_result *)input);
        else
            queue_chain_add(&inputs, item);
    }
    pipeline_add(&t->pipeline, &inputs);
}

static int64_t idle_until(const struct tick_thread *t)
{
    int64_t idle_ms = pipeline_idle_ms(&t->pipeline);

    if (idle_ms == 0 || idle_ms == INT64_MAX)
        return idle_ms;
    return t->pipeline.clock.monotonic_ms + idle_ms;
}

static void decide(struct tick_thread *t)
{
    int64_t started_us = clock_monotonic_us();

    pipeline_decide(&t->pipeline);
    t->pipeline.open->decide_us += clock_monotonic_us() - started_us;
}

static void *work(void *user)
{
    struct tick_thread *t = user;

    while (!pipeline_is_finished(&t->pipeline)) {
        take_inputs(t, idle_until(t));
        decide(t);
        pipeline_hand_over(&t->pipeline);
    }
    regex_literals_forget();
    t->config.done(t->config.user);
    return NULL;
}

// ---- life

static void init_pipeline(struct tick_thread *t)
{
    struct pipeline_config config = {
        .state = t->config.state,
        .seed = t->config.seed,
        .tells = t->config.log != NULL && event_log_is_on(t->config.log),
        .unused = unused_tick,
        .commit = commit,
        .deliver = deliver,
        .user = t,
    };

    pipeline_init(&t->pipeline, &config, clock_wall_ms(), clock_monotonic_ms());
}

struct tick_thread *tick_thread_start(const struct tick_config *config)
{
    struct tick_thread *t = mem_zalloc(sizeof *t);
    struct commit_config commit_config = {
        .store = config->store,
        .log = config->log,
        .results = &t->queue,
        .probe_ms = config->probe_ms,
        .deliver = config->deliver,
        .user = config->user,
    };
    int rc;

    t->config = *config;
    t->stop.kind = INPUT_STOP;
    queue_init(&t->queue);
    pthread_mutex_init(&t->pool_lock, NULL);
    init_pipeline(t);
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

void tick_thread_store(struct tick_thread *t, struct store_job *job)
{
    commit_thread_run(t->commits, job);
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
    pipeline_deinit(&t->pipeline);
    while (t->pool != NULL) {
        struct tick *tick = t->pool;
        t->pool = tick->next_free;
        tick_free(tick);
    }
    pthread_mutex_destroy(&t->pool_lock);
    mem_free(t);
}
