// What is due is the front of one heap, or of the one that STOPPED tasks have to themselves; a call
// works through the front and stops after a number of entities, so that a million tasks that
// stopped together do not hold up the calls behind them.

#include "core/timers.h"

#include "base/proof.h"
#include "core/cluster_providers.h"
#include "core/deploy.h"
#include "core/reconcile.h"
#include "core/roles.h"
#include "core/scaling.h"
#include "core/waiting.h"
#include "model/expiry.h"
#include "model/service.h"

enum { EXPIRED_MAX = 1000 };

// What belongs to an entity goes first.
static void forget(struct state *state, enum rec_kind kind, uint64_t id)
{
    MARK_IF(kind == REC_KIND_TASK, "a stopped task is forgotten after its time");
    MARK_IF(kind == REC_KIND_CLUSTER, "a deleted cluster is forgotten after its time");
    MARK_IF(kind == REC_KIND_INSTANCE, "a deregistered instance is forgotten after its time");
    MARK_IF(kind == REC_KIND_TASK_DEFINITION, "a deleted definition is forgotten after its time");
    MARK_IF(kind == REC_KIND_RUN_TOKEN, "a clientToken is forgotten after its time");
    if (kind == REC_KIND_SERVICE) {
        service_forget(state, service_get(state, id));
        return;
    }
    if (kind == REC_KIND_INSTANCE)
        state_remove(state, REC_KIND_INSTANCE_STATE, id);
    state_remove(state, kind, id);
}

// The oldest stopped tasks go early when there are too many.
static bool too_many_stopped(const struct state *state)
{
    return state->config.stopped_tasks_max > 0 &&
           state->stopped.n > state->config.stopped_tasks_max;
}

// When the heap's first is due; 0: nothing waits.
static time_ms due_at(const struct expiry_heap *heap)
{
    const struct expiry *first = expiry_first(heap);

    return first != NULL ? first->at : 0;
}

// What is due now; NULL: nothing is.
static const struct expiry *next_due(const struct state *state, time_ms now)
{
    const struct expiry *next = expiry_first(&state->stopped);

    if (next != NULL && (next->at <= now || too_many_stopped(state)))
        return next;
    next = expiry_first(&state->expiries);
    return next != NULL && next->at <= now ? next : NULL;
}

time_ms timers_run(struct step *step)
{
    struct state *state = step->state;

    for (int n = 0; n < EXPIRED_MAX; n++) {
        const struct expiry *next = next_due(state, step->now);

        if (next == NULL)
            break;
        forget(state, next->kind, next->id);
    }
    settle_run(step);
    waiting_run(step);
    reconcile_run(step);
    scaling_run(step);
    roles_run(step);
    return timers_next(state);
}

time_ms timers_next(const struct state *state)
{
    time_ms at = earlier(due_at(&state->expiries), due_at(&state->stopped));

    if (too_many_stopped(state))
        return 1;
    at = earlier(earlier(at, reconcile_next(state)), waiting_next(state));
    at = earlier(earlier(at, settle_next(state)), scaling_next(state));
    return earlier(at, roles_next(state));
}
