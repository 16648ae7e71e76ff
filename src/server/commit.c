// The store thread: records to JSON, JSON to the store.
//
// Values of a batch are frozen until the batch is freed or undone, and both happen only after this
// thread is through with it; so it reads them without a lock while the next batch is decided.
//
// A commit that fails is not repeated here. The batch is undone and refused, because the callers
// are waiting; then this thread finds out when the store works again, with writes that are
// nobody's.

#include "server/commit.h"

#include <stdio.h>

#include "base/assert.h"
#include "base/mem.h"
#include "io/clock.h"
#include "server/batch_json.h"
#include "server/pipeline.h"

struct commit_job {
    struct queue_item item;
    struct tick *tick; // NULL: stop
};

struct commit_thread {
    pthread_t thread;
    struct commit_config config;
    struct queue jobs;
    struct commit_job submit;
    struct commit_job stop;
    struct commit_result committed;
    struct commit_result back;
    struct batch_json json;
};

static void tell(struct commit_thread *t, struct commit_result *result, enum input_kind kind,
                 int outcome)
{
    result->input.kind = kind;
    result->outcome = outcome;
    snprintf(result->detail, sizeof result->detail, "%.*s",
             STR_ARGS(store_detail(t->config.store)));
    queue_push(t->config.results, &result->input.item);
}

// True when the store took it.
static bool commit(struct commit_thread *t, struct tick *tick)
{
    int64_t started_us = clock_monotonic_us();
    int outcome;

    batch_json_encode(&t->json, &tick->batch);
    outcome = store_commit(t->config.store, t->json.writes, tick->batch.writes_n);
    tick->commit_us = clock_monotonic_us() - started_us;
    if (outcome == 0)
        t->config.deliver(t->config.user, tick); // not ours any more
    tell(t, &t->committed, INPUT_COMMITTED, outcome);
    return outcome == 0;
}

// True when the store answers, false when it is time to stop.
static bool probe_until_it_answers(struct commit_thread *t)
{
    for (;;) {
        struct queue_chain jobs;
        queue_chain_init(&jobs);
        queue_take(&t->jobs, clock_monotonic_ms() + t->config.probe_ms, &jobs);
        if (jobs.first != NULL) {
            ASSERT(jobs.first == &t->stop.item);
            return false;
        }
        if (store_probe(t->config.store) != 0)
            continue;
        tell(t, &t->back, INPUT_STORE_BACK, 0);
        return true;
    }
}

static void *work(void *user)
{
    struct commit_thread *t = user;
    struct queue_chain jobs;
    struct queue_item *item;

    queue_chain_init(&jobs);
    for (;;) {
        queue_take(&t->jobs, INT64_MAX, &jobs);
        while ((item = queue_chain_pop(&jobs)) != NULL) {
            struct tick *tick = ((struct commit_job *)item)->tick;
            if (tick == NULL)
                return NULL;
            if (!commit(t, tick) && !probe_until_it_answers(t))
                return NULL;
        }
    }
}

struct commit_thread *commit_thread_start(const struct commit_config *config)
{
    struct commit_thread *t = mem_zalloc(sizeof *t);
    int rc;

    t->config = *config;
    queue_init(&t->jobs);
    rc = pthread_create(&t->thread, NULL, work, t);
    ASSERT(rc == 0);
    pthread_setname_np(t->thread, "gantry-store");
    return t;
}

void commit_thread_submit(struct commit_thread *t, struct tick *tick)
{
    ASSERT(tick != NULL && tick->batch.writes_n > 0);
    t->submit.tick = tick;
    queue_push(&t->jobs, &t->submit.item);
}

void commit_thread_stop(struct commit_thread *t)
{
    queue_push(&t->jobs, &t->stop.item);
    pthread_join(t->thread, NULL);
    queue_deinit(&t->jobs);
    batch_json_deinit(&t->json);
    mem_free(t);
}
