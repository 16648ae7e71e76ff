// Delta debugging over the list of actions: pieces are left out, large ones first, as long as the
// plan goes on failing. Then the time behind the last action that is left is cut.

#include "tests/sim/shrink.h"

#include "base/mem.h"
#include "tests/sim/plan.h"

// Actions first..first+n of those that are still in; what was taken out is noted in `taken`.
static size_t take_out(struct plan *plan, size_t first, size_t n, size_t *taken)
{
    size_t seen = 0;
    size_t taken_n = 0;

    for (size_t i = 0; i < plan->n; i++) {
        if (plan->actions[i].left_out)
            continue;
        if (seen >= first && seen < first + n) {
            plan->actions[i].left_out = true;
            taken[taken_n++] = i;
        }
        seen++;
    }
    return taken_n;
}

static size_t count(const struct plan *plan)
{
    size_t n = 0;

    for (size_t i = 0; i < plan->n; i++)
        n += !plan->actions[i].left_out;
    return n;
}

// True when something could be left out.
static bool pass_over(struct plan *plan, size_t piece, size_t *taken, shrink_fails_fn *fails,
                      void *user)
{
    bool any = false;

    for (size_t first = 0; first < count(plan);) {
        size_t n = take_out(plan, first, piece, taken);
        if (fails(user, plan)) {
            any = true;
            continue;
        }
        for (size_t i = 0; i < n; i++)
            plan->actions[taken[i]].left_out = false;
        first += piece;
    }
    return any;
}

static void cut_time(struct plan *plan, shrink_fails_fn *fails, void *user)
{
    int64_t length_ms = plan->length_ms;

    for (size_t i = 0; i < plan->n; i++) {
        if (!plan->actions[i].left_out)
            plan->length_ms = plan->actions[i].at_ms;
    }
    if (!fails(user, plan))
        plan->length_ms = length_ms;
}

void shrink(struct plan *plan, shrink_fails_fn *fails, void *user)
{
    size_t *taken = mem_alloc((plan->n + 1) * sizeof *taken);
    size_t piece = count(plan) / 2;

    while (piece > 0) {
        bool any = pass_over(plan, piece, taken, fails, user);
        if (!any || piece > 1)
            piece /= 2;
    }
    mem_free(taken);
    cut_time(plan, fails, user);
}
