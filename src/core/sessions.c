// Agent sessions.

#include "core/sessions.h"

#include "base/arena.h"
#include "core/lifecycle.h"
#include "core/payload.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"

static void send_tasks(struct step *step, struct instance *instance, struct task **tasks, size_t n)
{
    struct acs_payload_message *message = arena_new(step->arena, struct acs_payload_message);
    struct effect *effect = step_effect(step, EFFECT_ACS_SEND, instance->session);
    int64_t sequence = instance_next_sequence(step, instance);

    SET(message, container_instance_arn, instance_arn(step->state, instance, step->arena));
    SET(message, cluster_arn,
        cluster_arn(step->state, cluster_get(step->state, instance->cluster_id), step->arena));
    SET(message, generated_at, step->now);
    SET(message, message_id,
        str_fmt(step->arena, "%.*s-%lld", STR_ARGS(instance->uid), (long long)sequence));
    SET(message, seq_num, sequence);
    message->has.tasks = true;
    message->tasks.n = n;
    message->tasks.at = arena_array(step->arena, struct acs_task, n);
    for (size_t i = 0; i < n; i++)
        payload_task(step, tasks[i], &message->tasks.at[i]);
    effect->acs_message = ACS_MESSAGE_PAYLOAD_MESSAGE;
    effect->value = message;
}

void session_send_task(struct step *step, struct task *task)
{
    struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);

    if (instance != NULL && instance_is_connected(instance))
        send_tasks(step, instance, &task, 1);
}
