// See alarms.h. Nothing is remembered of a question: one that got lost is followed by the next. A
// source that does not answer holds nothing up, for it would stop the way back as well as the way
// there.

#include "core/alarms.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/deployment_status.h"
#include "core/reconcile.h"
#include "model/deployment.h"
#include "model/service.h"

enum { BAKE_DEFAULT_MS = 2 * TIME_MINUTE_MS };

static const struct ecs_deployment_alarms *config_of(const struct service_deployment *deployment)
{
    const struct ecs_deployment_configuration *config = deployment->rec->deployment_configuration;

    return config != NULL && config->has.alarms ? config->alarms : NULL;
}

bool alarms_are_watched(const struct service_deployment *deployment)
{
    const struct ecs_deployment_alarms *alarms = config_of(deployment);

    return alarms != NULL && alarms->enable && alarms->alarm_names.n > 0 &&
           deployment->rec->status == ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS;
}

bool alarms_went_off(const struct service_deployment *deployment)
{
    return alarms_are_watched(deployment) && deployment->rec->triggered_alarms.n > 0;
}

time_ms alarms_bake_ms(const struct service_deployment *deployment)
{
    int32_t minutes = deployment->rec->deployment_configuration->bake_time_in_minutes;

    if (!alarms_are_watched(deployment))
        return 0;
    return minutes > 0 ? minutes * (time_ms)TIME_MINUTE_MS : BAKE_DEFAULT_MS;
}

void alarms_run(struct step *step, struct service_deployment *deployment, time_ms *again_at)
{
    struct effect *effect;
    struct alarms_ask *ask;

    if (!alarms_are_watched(deployment))
        return;
    if (deployment->alarms_asked_at == 0 ||
        deployment->alarms_asked_at + ALARMS_EVERY_MS <= step->now) {
        MARK("a source of alarms is asked");
        ask = arena_new(step->arena, struct alarms_ask);
        ask->deployment_id = deployment->part.entity.id;
        ask->names = config_of(deployment)->alarm_names;
        effect = step_effect(step, EFFECT_ALARMS_ASK, 0);
        effect->value = ask;
        deployment->alarms_asked_at = step->now;
    }
    *again_at = earlier(*again_at, deployment->alarms_asked_at + ALARMS_EVERY_MS);
}

static bool holds(const struct str_list *list, struct str name)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i], name))
            return true;
    }
    return false;
}

// Of the deployment's alarms those that ring, and that are not left out.
static struct str_list news(struct step *step, const struct service_deployment *deployment,
                            const struct str_list *ringing)
{
    const struct str_list *names = &config_of(deployment)->alarm_names;
    struct str_list out = {.at = arena_array(step->arena, struct str, names->n)};

    for (size_t i = 0; i < names->n; i++) {
        if (holds(ringing, names->at[i]) && !holds(&deployment->rec->ignored_alarms, names->at[i]))
            out.at[out.n++] = names->at[i];
    }
    return out;
}

void alarms_answered(struct step *step, const struct alarms_answer *answer)
{
    struct service_deployment *deployment =
        service_deployment_get(step->state, answer->deployment_id);
    struct rec_service_deployment *next;
    struct str_list ringing;

    if (deployment == NULL || !alarms_are_watched(deployment) || alarms_went_off(deployment))
        return;
    ringing = news(step, deployment, &answer->ringing);
    if (deployment->rec->alarms_are_known && ringing.n == 0)
        return;
    next = service_deployment_edit(step, deployment);
    if (deployment->rec->alarms_are_known) {
        MARK("an alarm goes off");
        SET(next, triggered_alarms, ringing);
    } else {
        MARK_IF(ringing.n > 0, "an alarm that rings already is left out");
        SET(next, ignored_alarms, ringing);
        SET(next, alarms_are_known, true);
    }
    service_deployment_change(step, deployment, next);
}
