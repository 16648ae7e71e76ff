// See traffic.h. What a task is to the traffic stands in its record; only whether somebody has been
// asked in this life of the server does not, so a restart asks again.

#include "core/traffic.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/deploy.h"
#include "core/lifecycle.h"
#include "core/reconcile.h"
#include "core/sessions.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"

enum {
    LEAVE_MAX_MS = 5 * TIME_MINUTE_MS
}; // deregistration_delay.timeout_seconds of a target group

bool traffic_is_moved(const struct state *state, const struct revision *revision)
{
    return state->config.has_traffic && revision->rec->load_balancers.n > 0;
}

bool traffic_takes_weights(const struct state *state, const struct revision *revision)
{
    return traffic_is_moved(state, revision) &&
           revision->rec->load_balancers.at[0].has.advanced_configuration;
}

bool traffic_takes_test(const struct revision *revision)
{
    const struct ecs_load_balancer_list *list = &revision->rec->load_balancers;

    for (size_t i = 0; i < list->n; i++) {
        if (list->at[i].has.advanced_configuration &&
            list->at[i].advanced_configuration->test_listener_rule.len > 0)
            return true;
    }
    return false;
}

// ---- target groups

static struct str group_of(const struct rec_service_revision *rec, size_t i)
{
    if (rec->has.resolved_configuration && i < rec->resolved_configuration->load_balancers.n)
        return rec->resolved_configuration->load_balancers.at[i].target_group_arn;
    return rec->load_balancers.at[i].target_group_arn;
}

static bool uses(const struct rec_service_revision *rec, struct str group)
{
    for (size_t i = 0; rec != NULL && i < rec->load_balancers.n; i++) {
        if (str_eq(group_of(rec, i), group))
            return true;
    }
    return false;
}

struct ecs_resolved_configuration *traffic_resolve(struct arena *arena,
                                                   const struct rec_service_revision *revision,
                                                   const struct rec_service_revision *older)
{
    const struct ecs_load_balancer_list *list = &revision->load_balancers;
    struct ecs_resolved_configuration *out = arena_new(arena, struct ecs_resolved_configuration);

    out->has.load_balancers = true;
    out->load_balancers.at = arena_array(arena, struct ecs_service_revision_load_balancer, list->n);
    for (; out->load_balancers.n < list->n; out->load_balancers.n++) {
        const struct ecs_load_balancer *balancer = &list->at[out->load_balancers.n];
        const struct ecs_advanced_configuration *advanced = balancer->advanced_configuration;
        struct ecs_service_revision_load_balancer *at =
            &out->load_balancers.at[out->load_balancers.n];
        bool is_other = advanced != NULL && uses(older, balancer->target_group_arn);

        SET(at, target_group_arn,
            is_other ? advanced->alternate_target_group_arn : balancer->target_group_arn);
        if (advanced != NULL)
            SET(at, production_listener_rule, advanced->production_listener_rule);
    }
    return out;
}

// ---- orders

static const struct revision *revision_of(const struct state *state, const struct task *task)
{
    const struct deployment *deployment = deployment_get(state, (uint64_t)task->rec->deployment_id);

    return deployment != NULL ? revision_get(state, (uint64_t)deployment->rec->revision_id) : NULL;
}

static struct traffic_order *order(struct step *step, const struct service *service,
                                   enum traffic_kind kind, uint64_t id)
{
    struct effect *effect = step_effect(step, EFFECT_TRAFFIC, 0);
    struct traffic_order *out = arena_new(step->arena, struct traffic_order);

    *out = (struct traffic_order){
        .kind = kind,
        .id = id,
        .service = service_arn(step->state, service, step->arena),
    };
    effect->value = out;
    return out;
}

static struct traffic_target *targets_of(struct step *step, const struct revision *revision)
{
    const struct ecs_load_balancer_list *list = &revision->rec->load_balancers;
    struct traffic_target *at = arena_array(step->arena, struct traffic_target, list->n);

    for (size_t i = 0; i < list->n; i++) {
        at[i] = (struct traffic_target){
            .group = str_copy(step->arena, group_of(revision->rec, i)),
            .container = str_copy(step->arena, list->at[i].container_name),
            .container_port = list->at[i].container_port,
        };
    }
    return at;
}

static void order_for(struct step *step, const struct task *task, enum traffic_kind kind)
{
    const struct service *service = service_get(step->state, (uint64_t)task->rec->service_id);
    const struct revision *revision = revision_of(step->state, task);
    const struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);
    struct traffic_order *out = order(step, service, kind, task->entity.id);

    out->task = task_arn(step->state, task, step->arena);
    if (instance != NULL)
        out->instance = str_copy(step->arena, instance->uid);
    if (revision != NULL) {
        out->targets = targets_of(step, revision);
        out->targets_n = revision->rec->load_balancers.n;
    }
}

static struct traffic_shift *shifts_of(struct step *step, const struct rec_service_revision *target,
                                       const struct rec_service_revision *source)
{
    const struct ecs_load_balancer_list *list = &target->load_balancers;
    struct traffic_shift *at = arena_array(step->arena, struct traffic_shift, list->n);

    for (size_t i = 0; i < list->n; i++) {
        const struct ecs_advanced_configuration *advanced = list->at[i].advanced_configuration;
        bool has_source = source != NULL && i < source->load_balancers.n;

        at[i].target_group = str_copy(step->arena, group_of(target, i));
        if (has_source)
            at[i].source_group = str_copy(step->arena, group_of(source, i));
        if (advanced != NULL) {
            at[i].production_rule = str_copy(step->arena, advanced->production_listener_rule);
            at[i].test_rule = str_copy(step->arena, advanced->test_listener_rule);
        }
    }
    return at;
}

void traffic_order_weights(struct step *step, const struct service_deployment *deployment,
                           const struct rec_service_deployment *next)
{
    const struct service *service = service_get(step->state, deployment->part.service_id);
    const struct revision *target = revision_get(step->state, (uint64_t)next->target_revision_id);
    const struct deployment *from =
        deployment_get(step->state, (uint64_t)next->source_deployment_id);
    const struct revision *source =
        from != NULL ? revision_get(step->state, (uint64_t)from->rec->revision_id) : NULL;
    struct traffic_order *out = order(step, service, TRAFFIC_WEIGHTS, deployment->part.entity.id);

    MARK("weights are asked for");
    out->serial = next->weights_serial;
    out->shifts = shifts_of(step, target->rec, source != NULL ? source->rec : NULL);
    out->shifts_n = target->rec->load_balancers.n;
    out->production = next->production_weight;
    out->test = next->test_weight;
}

// ---- a task's way

static void set(struct step *step, struct task *task, enum rec_task_traffic traffic, time_ms at)
{
    struct rec_task *next = task_edit(step, task);

    SET(next, traffic, traffic);
    SET(next, traffic_at, at);
    task_change(step, task, next);
}

// Nothing holds it any more: its agent is told.
static void let_go(struct step *step, struct task *task)
{
    struct rec_task *next = task_edit(step, task);

    SET(next, traffic, REC_TASK_TRAFFIC_OUT);
    SET(next, last_status, REC_TASK_STATUS_STOPPING);
    task_change(step, task, next);
    task->delivered = false; // it was told to run until now
    session_send_task(step, task);
}

// Asks unless somebody has been asked and not answered yet.
static void ask(struct step *step, struct task *task, enum traffic_kind kind)
{
    int64_t life = state_life(step->state, step->rng);

    if (task->traffic_asked_in == life)
        return;
    task->traffic_asked_in = life;
    order_for(step, task, kind);
}

static void join(struct step *step, struct task *task, time_ms *again_at)
{
    if (task->rec->traffic_at > step->now)
        *again_at = earlier(*again_at, task->rec->traffic_at);
    else
        ask(step, task, TRAFFIC_JOIN);
}

static void look_at_leaving(struct step *step, struct task *task, time_ms *again_at)
{
    if (task->rec->traffic_at <= step->now || !step->state->config.has_traffic) {
        MARK("a task that does not get out of traffic is stopped all the same");
        let_go(step, task);
        return;
    }
    *again_at = earlier(*again_at, task->rec->traffic_at);
    ask(step, task, TRAFFIC_LEAVE);
}

void traffic_look(struct step *step, struct task *task, time_ms *again_at)
{
    const struct revision *revision;

    if (task->rec->traffic == REC_TASK_TRAFFIC_LEAVING) {
        look_at_leaving(step, task, again_at);
        return;
    }
    if (!step->state->config.has_traffic)
        return;
    revision = revision_of(step->state, task);
    if (!task_is_wanted(task) || task->rec->last_status != REC_TASK_STATUS_RUNNING ||
        revision == NULL || !traffic_is_moved(step->state, revision))
        return;
    if (task->rec->traffic == REC_TASK_TRAFFIC_UNSET)
        set(step, task, REC_TASK_TRAFFIC_JOINING, step->now);
    if (task->rec->traffic == REC_TASK_TRAFFIC_JOINING)
        join(step, task, again_at);
}

static bool is_in_traffic(const struct task *task)
{
    return task->rec->traffic == REC_TASK_TRAFFIC_JOINING ||
           task->rec->traffic == REC_TASK_TRAFFIC_IN;
}

bool traffic_leaves_first(struct step *step, const struct task *task, struct rec_task *next)
{
    if (!is_in_traffic(task) || task->rec->last_status != REC_TASK_STATUS_RUNNING ||
        !step->state->config.has_traffic)
        return false;
    MARK("a task leaves traffic before it stops");
    SET(next, last_status, REC_TASK_STATUS_DEACTIVATING);
    SET(next, traffic, REC_TASK_TRAFFIC_LEAVING);
    SET(next, traffic_at, step->now + LEAVE_MAX_MS);
    return true;
}

void traffic_leave(struct step *step, struct task *task)
{
    struct service *service = service_get(step->state, (uint64_t)task->rec->service_id);
    const struct deployment *deployment =
        deployment_get(step->state, (uint64_t)task->rec->deployment_id);
    struct speaker speaker = service_speaker(step, service);

    task->traffic_asked_in = 0;
    ask(step, task, TRAFFIC_LEAVE);
    service_say(step, service,
                event_draining(&speaker, deployment_name(deployment, step->arena), 1));
}

void traffic_drop(struct step *step, const struct task *task, struct rec_task *next)
{
    if (!is_in_traffic(task) && task->rec->traffic != REC_TASK_TRAFFIC_LEAVING)
        return;
    SET(next, traffic, REC_TASK_TRAFFIC_OUT);
    if (step->state->config.has_traffic)
        order_for(step, task, TRAFFIC_LEAVE);
}

// ---- answers

static void say(struct step *step, const struct task *task, enum traffic_kind kind,
                const struct traffic_answer *answer)
{
    struct service *service = service_get(step->state, (uint64_t)task->rec->service_id);
    const struct revision *revision = revision_of(step->state, task);
    struct speaker s = service_speaker(step, service);

    for (size_t i = 0; revision != NULL && i < revision->rec->load_balancers.n; i++) {
        struct str group = group_of(revision->rec, i);
        bool is_join = kind == TRAFFIC_JOIN;

        if (answer->failed)
            service_say(step, service,
                        is_join ? event_register_failed(&s, group, answer->why)
                                : event_deregister_failed(&s, group, answer->why));
        else
            service_say(step, service,
                        is_join ? event_registered(&s, 1, group)
                                : event_deregistered(&s, 1, group));
    }
}

static void joined(struct step *step, struct task *task, const struct traffic_answer *answer)
{
    if (task->rec->traffic != REC_TASK_TRAFFIC_JOINING)
        return;
    task->traffic_asked_in = 0;
    say(step, task, TRAFFIC_JOIN, answer);
    if (answer->failed)
        set(step, task, REC_TASK_TRAFFIC_JOINING, step->now + TRAFFIC_AGAIN_MS);
    else
        set(step, task, REC_TASK_TRAFFIC_IN, step->now);
}

// One that could not be taken out runs on until its time is up: connections may still be open.
static void left(struct step *step, struct task *task, const struct traffic_answer *answer)
{
    if (task->rec->traffic != REC_TASK_TRAFFIC_LEAVING)
        return;
    say(step, task, TRAFFIC_LEAVE, answer);
    if (!answer->failed)
        let_go(step, task);
}

static void weights_answered(struct step *step, const struct traffic_answer *answer)
{
    struct service_deployment *deployment = service_deployment_get(step->state, answer->id);
    struct rec_service_deployment *next;

    if (deployment == NULL || deployment->rec->weights_serial != answer->serial ||
        deployment->rec->weights_are_set)
        return;
    next = service_deployment_edit(step, deployment);
    if (answer->failed) {
        SET(next, weights_asked_in, 0);
        SET(next, weights_failed_at, step->now);
    } else {
        SET(next, weights_are_set, true);
    }
    service_deployment_change(step, deployment, next);
}

void traffic_answered(struct step *step, const struct traffic_answer *answer)
{
    struct task *task;

    if (answer->kind == TRAFFIC_WEIGHTS) {
        weights_answered(step, answer);
        return;
    }
    task = task_get(step->state, answer->id);
    if (task == NULL || task_is_stopped(task))
        return;
    if (answer->kind == TRAFFIC_JOIN)
        joined(step, task, answer);
    else
        left(step, task, answer);
}

void traffic_health(struct step *step, uint64_t task_id, bool is_healthy, struct str reason)
{
    struct task *task = task_get(step->state, task_id);
    struct service *service;
    const struct deployment *deployment;
    const struct revision *revision;
    struct speaker speaker;

    if (task == NULL || task_is_stopped(task) || task->target_is_ill == !is_healthy)
        return;
    task->target_is_ill = !is_healthy;
    service = service_get(step->state, (uint64_t)task->rec->service_id);
    service_mark(step->state, service);
    deployment = deployment_get(step->state, (uint64_t)task->rec->deployment_id);
    revision = revision_of(step->state, task);
    if (is_healthy || revision == NULL || revision->rec->load_balancers.n == 0)
        return;
    speaker = service_speaker(step, service);
    service_say(step, service,
                event_unhealthy_target(
                    &speaker, &(struct event_target){
                                  .task_set = deployment_name(deployment, step->arena),
                                  .task = task->uid,
                                  .port = revision->rec->load_balancers.at[0].container_port,
                                  .group = group_of(revision->rec, 0),
                                  .reason = reason,
                              }));
}
