// What is due is the front of one heap; a call works through the front and stops after a number of
// entities, so that a million tasks that stopped together do not hold up the calls behind them.

#include "core/timers.h"

#include "base/proof.h"
#include "core/cluster_providers.h"
#include "core/deploy.h"
#include "core/reconcile.h"
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

time_ms timers_run(struct step *step)
{
    struct state *state = step->state;

    for (int n = 0; n < EXPIRED_MAX; n++) {
        const struct expiry *next = expiry_first(&state->expiries);

        if (next == NULL || next->at > step->now)
            break;
        forget(state, next->kind, next->id);
    }
    settle_run(step);
    waiting_run(step);
    reconcile_run(step);
    scaling_run(step);
    return timers_next(state);
}

time_ms timers_next(const struct state *state)
{
    const struct expiry *next = expiry_first(&state->expiries);

    time_ms at = earlier(next != NULL ? next->at : 0, reconcile_next(state));

    at = earlier(at, waiting_next(state));
    return earlier(earlier(at, settle_next(state)), scaling_next(state));
}
