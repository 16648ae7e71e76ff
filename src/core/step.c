// See step.h.

#include "core/step.h"

#include "base/arena.h"

void step_init(struct step *step, struct state *state, time_ms now, struct rng *rng,
               struct arena *arena)
{
    *step = (struct step){.state = state, .now = now, .rng = rng, .arena = arena};
    step->last = &step->first;
}

struct effect *step_effect(struct step *step, enum effect_kind kind, session_id session)
{
    struct effect *effect = arena_new(step->arena, struct effect);

    effect->kind = kind;
    effect->session = session;
    *step->last = effect;
    step->last = &effect->next;
    return effect;
}
