// After a restart of the agent, and after one of the runtime (ecs-behaviour-agent 3.2, 3.3).
//
// Nothing is believed that the runtime has not confirmed: every container that may exist is
// inspected, by its id, or by the name that was reserved before its create call. Until that answer
// no step is taken, so nothing is created or started twice. The look-ups begin when the runtime's
// event stream is open; what happens after a look-up is an event, so nothing falls between.

#include "engine/state.h"

static bool may_exist(const struct container *c)
{
    return c->known < HOST_CONTAINER_STATUS_STOPPED &&
           (c->runtime_id.len > 0 || c->runtime_name.len > 0);
}

static void recover_task(struct engine *engine, struct task *task)
{
    if (task->admitted && task->known < HOST_TASK_STATUS_STOPPED) {
        MARK("a task that was let in holds its share again after a restart");
        admission_book(engine, task);
    }
    for (size_t i = 0; i < task->containers_n; i++) {
        struct container *c = &task->containers[i];

        if (task->desired == HOST_TASK_STATUS_STOPPED)
            c->desired = HOST_CONTAINER_STATUS_STOPPED;
        if (may_exist(c)) {
            MARK("every container that may exist is looked up after a restart");
            c->step = STEP_RECOVER; // sent by recover_resync
            c->recovering = true;
        }
    }
    submit_all_unsent(engine, task);
}

void recover_start(struct engine *engine, const struct engine_record *at, size_t n)
{
    ASSERT(engine->tasks.count == 0);
    record_load(engine, at, n);
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;)
        recover_task(engine, t);
}

static void resync(struct engine *engine, struct container *c)
{
    if (c->step == STEP_RECOVER && c->token == 0) {
        c->retry_at = TIME_NEVER;
        step_send(engine, c);
        return;
    }
    if (c->step == STEP_STOP && c->token == 0) {
        MARK("a stop that waited for the runtime is made when it is back");
        c->retry_at = engine->now;
    }
    if (c->known < HOST_CONTAINER_STATUS_STOPPED)
        container_look(engine, c);
}

void recover_resync(struct engine *engine)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++)
            resync(engine, &t->containers[i]);
    }
}
