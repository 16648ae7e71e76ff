// The beginning and the end of deployments, and of services: every record of a service that is not
// a task or a line of its events is written here. Source: ecs-behaviour-scheduler 3.1, 3.3, 3.9,
// 4.3.

#ifndef CORE_DEPLOY_H
#define CORE_DEPLOY_H

#include "core/service_texts.h"
#include "core/step.h"

struct deployment;
struct service;
struct service_deployment;

// Makes the revision and its deployment, which becomes PRIMARY; older ones go on as ACTIVE while
// they have tasks. The service deployment that was under way is asked to stop and the new one
// waits for that. Of `revision` the members are given that callers choose; the rest is filled in.
struct deployment *deploy_begin(struct step *step, struct service *service,
                                struct rec_service_revision *revision);

// The PRIMARY deployment is where it was to go: COMPLETED, and said so.
void deploy_complete(struct step *step, struct service *service);

// The PRIMARY deployment is given up: FAILED, and where that is asked for and there is one to go
// back to, the last COMPLETED one is PRIMARY again.
struct deploy_trouble {
    struct str cause;          // for the event: "tasks failed to start"
    struct str reason;         // of the rollback
    struct str rollout_reason; // empty: made of `cause`
    bool rolls_back;
    bool by_breaker;
};
void deploy_fail(struct step *step, struct service *service, const struct deploy_trouble *trouble);

// Its circuit breaker has tripped; one of its alarms has gone off.
void deploy_fail_by_breaker(struct step *step, struct service *service);
void deploy_fail_by_alarm(struct step *step, struct service *service);

// The way back is closed, too: ROLLBACK_FAILED. What there is stays.
void deploy_rollback_failed(struct step *step, struct service *service);

// Takes service deployments as far as they can go by themselves: STOP_REQUESTED to STOPPED, the
// next PENDING one to IN_PROGRESS; deployments without tasks leave the list.
void deploy_settle(struct step *step, struct service *service);

// The service is being deleted: the service deployment that is under way stops.
void deploy_end(struct step *step, struct service *service);

// For task sets (core/task_set.h): a number for "ecs-svc/<number>", and a revision of that number.
int64_t deploy_new_number(struct step *step);
uint64_t deploy_put_revision(struct step *step, struct service *service, int64_t number,
                             struct rec_service_revision *revision);

// Puts a changed record; `next` is a copy in the step's arena.
void deployment_change(struct step *step, struct deployment *deployment,
                       struct rec_deployment *next);
struct rec_deployment *deployment_edit(struct step *step, const struct deployment *deployment);
void service_deployment_change(struct step *step, struct service_deployment *deployment,
                               struct rec_service_deployment *next);
struct rec_service_deployment *service_deployment_edit(struct step *step,
                                                       const struct service_deployment *deployment);

// For the functions of core/service_texts.h.
struct speaker service_speaker(const struct step *step, const struct service *service);

// Adds a line to the events of the service; the oldest of a hundred goes. A line that repeats one
// of the last six hours is left out.
void service_say(struct step *step, struct service *service, struct str message);

// The same for a line that the event log tells as an action of the service.
struct service_action {
    enum rec_service_action name;
    struct str reason;         // empty: none; likewise the next two
    struct str instance_arn;   // that came closest
    struct str_list providers; // ARNs
};
void service_act(struct step *step, struct service *service, struct str message,
                 const struct service_action *action);

// Removes the service, which has no task that is not STOPPED, and everything that belongs to it.
void service_forget(struct state *state, struct service *service);

#endif
