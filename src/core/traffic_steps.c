// The steps of a traffic shift. Source: ecs-behaviour-scheduler 4.2.
//
// A linear shift adds the same share each time and cuts the last one to what is left; a canary has
// one small share before everything; a blue/green shift is everything at once. Percentages arrive
// as doubles and are rounded to tenths, in which all sums are exact. What is at its whole weight at
// once has one step, whatever the strategy is called.

#include "core/traffic_steps.h"

#include <math.h>

#include "base/arena.h"
#include "base/assert.h"

enum {
    LINEAR_STEP_DEFAULT = 100, // tenths of a percent
    LINEAR_BAKE_DEFAULT_MS = 6 * TIME_MINUTE_MS,
    CANARY_DEFAULT = 50,
    CANARY_BAKE_DEFAULT_MS = 10 * TIME_MINUTE_MS,
};

static int32_t tenths(double percent)
{
    return (int32_t)(percent * 10 + 0.5);
}

// A double that is nearest to a decimal is far nearer than this.
bool traffic_percent_is_valid(double percent, double least)
{
    const double slack = 1e-6;
    double off;

    if (!isfinite(percent) || percent < least - slack || percent > 100 + slack)
        return false;
    off = percent * 10 - tenths(percent);
    return off < slack && off > -slack;
}

static time_ms minutes(int32_t n)
{
    return n * (time_ms)TIME_MINUTE_MS;
}

static struct traffic_steps even_steps(int32_t first, int32_t each, time_ms wait,
                                       struct arena *arena)
{
    size_t n = 1 + (size_t)((TRAFFIC_ALL - first + each - 1) / each);
    struct traffic_step *at = arena_array(arena, struct traffic_step, n);

    ASSERT(first > 0 && first <= TRAFFIC_ALL);
    for (size_t i = 0; i < n - 1; i++)
        at[i] = (struct traffic_step){.weight = first + (int32_t)i * each, .wait = wait};
    at[n - 1].weight = TRAFFIC_ALL;
    return (struct traffic_steps){.n = n, .at = at};
}

static struct traffic_steps linear_steps(const struct ecs_linear_configuration *config,
                                         struct arena *arena)
{
    int32_t each = LINEAR_STEP_DEFAULT;
    time_ms wait = LINEAR_BAKE_DEFAULT_MS;

    if (config != NULL && config->has.step_percent)
        each = tenths(config->step_percent);
    if (config != NULL && config->has.step_bake_time_in_minutes)
        wait = minutes(config->step_bake_time_in_minutes);
    return even_steps(each, each, wait, arena);
}

static struct traffic_steps canary_steps(const struct ecs_canary_configuration *config,
                                         struct arena *arena)
{
    int32_t first = CANARY_DEFAULT;
    time_ms wait = CANARY_BAKE_DEFAULT_MS;

    if (config != NULL && config->has.canary_percent)
        first = tenths(config->canary_percent);
    if (config != NULL && config->has.canary_bake_time_in_minutes)
        wait = minutes(config->canary_bake_time_in_minutes);
    return even_steps(first, TRAFFIC_ALL, wait, arena);
}

static struct traffic_steps steps_of(const struct ecs_deployment_configuration *config,
                                     struct arena *arena)
{
    switch (config->strategy) {
    case ECS_DEPLOYMENT_STRATEGY_LINEAR: return linear_steps(config->linear_configuration, arena);
    case ECS_DEPLOYMENT_STRATEGY_CANARY: return canary_steps(config->canary_configuration, arena);
    case ECS_DEPLOYMENT_STRATEGY_BLUE_GREEN: return even_steps(TRAFFIC_ALL, TRAFFIC_ALL, 0, arena);
    case ECS_DEPLOYMENT_STRATEGY_ROLLING:
    case ECS_DEPLOYMENT_STRATEGY_UNSET: break;
    }
    UNREACHABLE();
}

struct traffic_steps traffic_steps_of(const struct ecs_deployment_configuration *config,
                                      struct arena *arena)
{
    struct traffic_steps steps = steps_of(config, arena);

    steps.bake = minutes(config->has.bake_time_in_minutes ? config->bake_time_in_minutes : 0);
    return steps;
}
