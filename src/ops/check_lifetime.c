// How containers start, are watched, come back and stop. Source: ecs-behaviour-api 8.3 and 8.4.

#include "ops/task_definition_check.h"

enum {
    TIMEOUT_MIN_S = 2,
    RESTART_PERIOD_MIN_S = 60,
    RESTART_PERIOD_MAX_S = 1800,
    IGNORED_EXIT_CODES_MAX = 50,
};

static bool check_timeouts(struct definition_check *check, const struct ecs_container_definition *c)
{
    if (c->has.start_timeout && c->start_timeout < TIMEOUT_MIN_S)
        return check_refuse(
            check, "Granular start timeout on container '%.*s' must be at least %d seconds.",
            STR_ARGS(c->name), TIMEOUT_MIN_S);
    if (c->has.stop_timeout && c->stop_timeout < TIMEOUT_MIN_S)
        return check_refuse(
            check, "Granular stop timeout on container '%.*s' must be at least %d seconds.",
            STR_ARGS(c->name), TIMEOUT_MIN_S);
    return true;
}

static bool check_probe(struct definition_check *check, const struct ecs_container_definition *c,
                        const char *what, bool given, int32_t value, int32_t low, int32_t high)
{
    if (given && value > high)
        return check_refuse(
            check,
            "Health check %s must be less than or equal to the maximum allowed value %d "
            "for container '%.*s'",
            what, high, STR_ARGS(c->name));
    if (given && value < low)
        return check_refuse(
            check,
            "Health check %s must be greater than or equal to the minimum allowed value "
            "%d for container '%.*s'",
            what, low, STR_ARGS(c->name));
    return true;
}

static bool check_health(struct definition_check *check, const struct ecs_container_definition *c)
{
    static const char *const kinds[] = {"CMD", "CMD-SHELL", "NONE", NULL};
    const struct ecs_health_check *health = c->health_check;

    if (!c->has.health_check)
        return true;
    if (health->command.n == 0)
        return check_refuse(check,
                            "Health check command should not be null or empty for container "
                            "'%.*s'",
                            STR_ARGS(c->name));
    if (!check_is_in(health->command.at[0], kinds))
        return check_refuse(
            check,
            "Health check command should start with one of [CMD,CMD-SHELL,NONE] for "
            "container '%.*s'",
            STR_ARGS(c->name));
    return check_probe(check, c, "interval", health->has.interval, health->interval, 5, 300) &&
           check_probe(check, c, "timeout", health->has.timeout, health->timeout, 2, 60) &&
           check_probe(check, c, "retries", health->has.retries, health->retries, 1, 10) &&
           check_probe(check, c, "startPeriod", health->has.start_period, health->start_period, 0,
                       300);
}

static bool check_restarts(struct definition_check *check, const struct ecs_container_definition *c)
{
    const struct ecs_container_restart_policy *policy = c->restart_policy;

    if (!c->has.restart_policy)
        return true;
    if (policy->has.restart_attempt_period &&
        (policy->restart_attempt_period < RESTART_PERIOD_MIN_S ||
         policy->restart_attempt_period > RESTART_PERIOD_MAX_S))
        return check_refuse(
            check,
            "The 'restartAttemptPeriod' setting for container '%.*s' must be between %d "
            "and %d.",
            STR_ARGS(c->name), RESTART_PERIOD_MIN_S, RESTART_PERIOD_MAX_S);
    if (policy->ignored_exit_codes.n > IGNORED_EXIT_CODES_MAX)
        return check_refuse(
            check,
            "The 'ignoredExitCodes' setting for container '%.*s' can have at most %d "
            "entries.",
            STR_ARGS(c->name), IGNORED_EXIT_CODES_MAX);
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_timeouts(check, c) && check_health(check, c) && check_restarts(check, c);
}

bool check_lifetime(struct definition_check *check)
{
    return check_each_container(check, check_container);
}
