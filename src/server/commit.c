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
#include "server/event_log.h"
#include "server/pipeline.h"

struct commit_job {
    struct store_job job;
    struct commit_thread *thread;
    struct tick *tick;
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
    bool is_stopping;
    bool is_down;
    int64_t probe_at_ms; // monotonic; while it is down
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

static int commit_tick(struct commit_thread *t, struct tick *tick)
{
    const struct store_write *writes;
    int outcome;

    batch_json_encode(&t->json, &tick->batch);
    writes = t->json.writes;
    if (t->config.log == NULL)
        return store_commit(t->config.store, writes, tick->batch.writes_n);
    outcome = event_log_commit(t->config.log, writes, tick->batch.writes_n, &tick->notes);
    tick->events_last = event_log_last(t->config.log);
    return outcome;
}

static void probe_later(struct commit_thread *t)
{
    t->is_down = true;
    t->probe_at_ms = clock_monotonic_ms() + t->config.probe_ms;
}

static void run_commit(struct store_job *job)
{
    struct commit_job *submit = (struct commit_job *)job;
    struct commit_thread *t = submit->thread;
    struct tick *tick = submit->tick;
    int64_t started_us = clock_monotonic_us();
    int outcome = commit_tick(t, tick);

    tick->commit_us = clock_monotonic_us() - started_us;
    if (outcome == 0)
        t->config.deliver(t->config.user, tick); // not ours any more
    else
        probe_later(t);
    tell(t, &t->committed, INPUT_COMMITTED, outcome);
}

static void run_stop(struct store_job *job)
{
    ((struct commit_job *)job)->thread->is_stopping = true;
}

static void probe(struct commit_thread *t)
{
    if (store_probe(t->config.store) != 0) {
        probe_later(t);
        return;
    }
    t->is_down = false;
    tell(t, &t->back, INPUT_STORE_BACK, 0);
}

static void *work(void *user)
{
    struct commit_thread *t = user;
    struct queue_chain jobs;
    struct queue_item *item;

    queue_chain_init(&jobs);
    while (!t->is_stopping) {
        queue_take(&t->jobs, t->is_down ? t->probe_at_ms : INT64_MAX, &jobs);
        while ((item = queue_chain_pop(&jobs)) != NULL) {
            struct store_job *job = (struct store_job *)item;
            job->run(job);
        }
        if (t->is_down && !t->is_stopping && clock_monotonic_ms() >= t->probe_at_ms)
            probe(t);
    }
    return NULL;
}

struct commit_thread *commit_thread_start(const struct commit_config *config)
{
    struct commit_thread *t = mem_zalloc(sizeof *t);
    int rc;

    t->config = *config;
    t->submit = (struct commit_job){.job.run = run_commit, .thread = t};
    t->stop = (struct commit_job){.job.run = run_stop, .thread = t};
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
    queue_push(&t->jobs, &t->submit.job.item);
}

void commit_thread_run(struct commit_thread *t, struct store_job *job)
{
    queue_push(&t->jobs, &job->item);
}

void commit_thread_stop(struct commit_thread *t)
{
    queue_push(&t->jobs, &t->stop.job.item);
    pthread_join(t->thread, NULL);
    queue_deinit(&t->jobs);
    batch_json_deinit(&t->json);
    mem_free(t);
}
