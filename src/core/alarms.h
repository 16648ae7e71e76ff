// Alarms that are watched while a deployment is under way: whoever knows their states is asked from
// time to time, and one that goes off fails the deployment. Source: ecs-behaviour-scheduler 3.10.

#ifndef CORE_ALARMS_H
#define CORE_ALARMS_H

#include "core/step.h"

struct deployment;
struct service;
struct service_deployment;

// --- what goes out: EFFECT_ALARMS_ASK

struct alarms_ask {
    uint64_t deployment_id; // of the service deployment
    struct str_list names;
};

// --- what comes in

struct alarms_answer {
    uint64_t deployment_id;
    struct str_list ringing; // those in state ALARM
};

// The first answer says which alarms are left out of account for the whole deployment.
void alarms_answered(struct step *step, const struct alarms_answer *answer);

// --- for whoever leads the deployment

enum { ALARMS_EVERY_MS = 10 * TIME_SECOND_MS };

// Asks when it is time to; moves *again_at forward to when it is the next time.
void alarms_run(struct step *step, struct service_deployment *deployment, time_ms *again_at);

bool alarms_are_watched(const struct service_deployment *deployment);
bool alarms_went_off(const struct service_deployment *deployment);

// How long a rolling deployment is watched after its last task.
time_ms alarms_bake_ms(const struct service_deployment *deployment);

#endif
