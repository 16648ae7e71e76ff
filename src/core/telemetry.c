// Agent sessions on TCS. Health of containers is state, so it is recorded when it changes; what
// tasks use goes to whoever keeps it (core/usage.h); the host's own status is kept with its
// instance for as long as the process lives. Source: agent-protocol 9.

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "core/hello.h"
#include "core/lifecycle.h"
#include "core/sessions.h"
#include "core/usage.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"

void session_tcs_open(struct step *step, session_id session, const struct agent_hello *hello)
{
    struct instance *instance;
    enum hello_outcome outcome = hello_find(step, hello, &instance);
    struct effect *effect;

    ASSERT(session != 0);
    if (outcome != HELLO_OK) {
        MARK("a telemetry session of an instance that is not registered is refused");
        effect = step_effect(step, EFFECT_TCS_REFUSE, session);
        effect->error = STR("ResourceValidationException");
        effect->text = hello_text(outcome);
        return;
    }
    step_effect(step, EFFECT_TCS_ACCEPT, session)->instance_id = instance->entity.id;
    if (instance->telemetry_session != 0) {
        MARK("a newer telemetry session takes over from an older one");
        step_effect(step, EFFECT_CLOSE, instance->telemetry_session)->text =
            STR("A newer connection of this instance took over.");
    }
    instance->telemetry_session = session;
}

void session_tcs_gone(struct step *step, session_id session, uint64_t instance_id)
{
    struct instance *instance = instance_get(step->state, instance_id);

    if (instance != NULL && instance->telemetry_session == session)
        instance->telemetry_session = 0;
}

static enum ecs_health_status health_of(enum tcs_health_status status)
{
    static const enum ecs_health_status known[] = {
        [TCS_HEALTH_STATUS_UNSET] = ECS_HEALTH_STATUS_UNKNOWN,
        [TCS_HEALTH_STATUS_HEALTHY] = ECS_HEALTH_STATUS_HEALTHY,
        [TCS_HEALTH_STATUS_UNHEALTHY] = ECS_HEALTH_STATUS_UNHEALTHY,
        [TCS_HEALTH_STATUS_UNKNOWN] = ECS_HEALTH_STATUS_UNKNOWN,
    };

    return known[status];
}

static const struct tcs_container_health *report_on(const struct tcs_task_health *health,
                                                    struct str name)
{
    for (size_t i = 0; i < health->containers.n; i++) {
        if (str_eq(health->containers.at[i].container_name, name))
            return &health->containers.at[i];
    }
    return NULL;
}

static enum ecs_health_status recorded(const struct rec_task_container *container)
{
    return container->has.health_status ? container->health_status : ECS_HEALTH_STATUS_UNKNOWN;
}

static void note_health(struct step *step, struct task *task, const struct tcs_task_health *health)
{
    const struct ecs_container_definition_list *definitions =
        &task_definition_get(step->state, task->definition_id)
             ->rec->definition->container_definitions;
    struct rec_task *next = task_edit(step, task);
    size_t n = next->containers.n;
    bool is_news = false;

    next->containers.at =
        arena_copy(step->arena, next->containers.at, n * sizeof *next->containers.at);
    for (size_t i = 0; i < n; i++) {
        struct rec_task_container *container = &next->containers.at[i];
        const struct tcs_container_health *report = report_on(health, definitions->at[i].name);

        if (report == NULL || health_of(report->health_status) == recorded(container))
            continue;
        MARK("the health of a container changes");
        SET(container, health_status, health_of(report->health_status));
        is_news = true;
    }
    if (is_news)
        task_change(step, task, next);
}

static void on_health(struct step *step, struct instance *instance, const void *message)
{
    const struct tcs_publish_health_request *request = message;

    for (size_t i = 0; i < request->tasks.n; i++) {
        struct str head;
        struct str uid;
        struct task *task = NULL;

        if (str_cut_last(request->tasks.at[i].task_arn, '/', &head, &uid))
            task = task_find_uid(step->state, uid);
        if (task != NULL && !task_is_stopped(task) &&
            (uint64_t)task->rec->instance_id == instance->entity.id)
            note_health(step, task, &request->tasks.at[i]);
    }
}

static void on_metrics(struct step *step, struct instance *instance, const void *message)
{
    usage_published(step, instance, message);
}

static enum ecs_instance_health_check_state state_of(enum tcs_instance_healthcheck_status status)
{
    static const enum ecs_instance_health_check_state known[] = {
        [TCS_INSTANCE_HEALTHCHECK_STATUS_UNSET] = ECS_INSTANCE_HEALTH_CHECK_STATE_UNSET,
        [TCS_INSTANCE_HEALTHCHECK_STATUS_OK] = ECS_INSTANCE_HEALTH_CHECK_STATE_OK,
        [TCS_INSTANCE_HEALTHCHECK_STATUS_IMPAIRED] = ECS_INSTANCE_HEALTH_CHECK_STATE_IMPAIRED,
        [TCS_INSTANCE_HEALTHCHECK_STATUS_INSUFFICIENT_DATA] =
            ECS_INSTANCE_HEALTH_CHECK_STATE_INSUFFICIENT_DATA,
        [TCS_INSTANCE_HEALTHCHECK_STATUS_INITIALIZING] =
            ECS_INSTANCE_HEALTH_CHECK_STATE_INITIALIZING,
    };

    return known[status];
}

// Only the container runtime is a check that agents make; other kinds are passed over.
static void on_status(struct step *step, struct instance *instance, const void *message)
{
    const struct tcs_publish_instance_status_request *request = message;

    for (size_t i = 0; i < request->statuses.n; i++) {
        const struct tcs_instance_status *status = &request->statuses.at[i];

        if (!str_eq(status->type, STR("ContainerRuntime")) || !status->has.status)
            continue;
        MARK("an agent says how its container runtime is");
        instance_note_runtime(
            instance, state_of(status->status), status->status_reason,
            status->has.last_status_change ? status->last_status_change : step->now, step->now);
    }
}

typedef void on_message(struct step *step, struct instance *instance, const void *message);

struct publish {
    on_message *handle;
    enum tcs_message ack;
};

// An agent hangs up when it hears nothing for a minute, so each publication has its answer.
static const struct publish publishes[TCS_MESSAGE_N] = {
    [TCS_MESSAGE_PUBLISH_METRICS_REQUEST] = {.handle = on_metrics,
                                             .ack = TCS_MESSAGE_ACK_PUBLISH_METRIC},
    [TCS_MESSAGE_PUBLISH_HEALTH_REQUEST] = {.handle = on_health,
                                            .ack = TCS_MESSAGE_ACK_PUBLISH_HEALTH},
    [TCS_MESSAGE_PUBLISH_INSTANCE_STATUS_REQUEST] = {.handle = on_status,
                                                     .ack =
                                                         TCS_MESSAGE_ACK_PUBLISH_INSTANCE_STATUS},
};

// The three acknowledgements have one shape: a message.
static const void *ack_value(struct step *step)
{
    struct tcs_ack_publish_metric *ack = arena_new(step->arena, struct tcs_ack_publish_metric);

    _Static_assert(sizeof *ack == sizeof(struct tcs_ack_publish_health), "one shape");
    _Static_assert(sizeof *ack == sizeof(struct tcs_ack_publish_instance_status), "one shape");
    SET(ack, message, STR("OK"));
    return ack;
}

void session_tcs_message(struct step *step, session_id session, uint64_t instance_id,
                         enum tcs_message kind, const void *message)
{
    struct instance *instance = instance_get(step->state, instance_id);
    struct effect *effect;

    ASSERT((int)kind > 0 && (int)kind < (int)TCS_MESSAGE_N);
    if (instance == NULL || instance->telemetry_session != session)
        return;
    if (publishes[kind].ack == TCS_MESSAGE_NONE)
        return;
    publishes[kind].handle(step, instance, message);
    effect = step_effect(step, EFFECT_TCS_SEND, session);
    effect->instance_id = instance_id;
    effect->tcs_message = publishes[kind].ack;
    effect->value = ack_value(step);
}
