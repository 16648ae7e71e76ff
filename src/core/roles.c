// See roles.h. An instance waits in the heap `role_keys` from the first role that its agent is told
// of; when its time has come the agent gets the keys of all its tasks. One that is away then leaves
// the heap, so that it is sent everything when it comes back; so does, by nature, every instance
// when the server starts.

#include "core/roles.h"

#include "base/arena.h"
#include "base/proof.h"
#include "core/sessions.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"

enum { INSTANCES_MAX = 50 }; // of one call

static const enum acs_role_type types[] = {
    ACS_ROLE_TYPE_TASKAPPLICATION,
    ACS_ROLE_TYPE_TASKEXECUTION,
};

static struct str named(const struct state *state, const struct task *task, enum acs_role_type type)
{
    const struct ecs_task_definition *definition =
        task_definition_get(state, task->definition_id)->rec->definition;
    const struct ecs_task_override *over = task->rec->overrides;

    if (type == ACS_ROLE_TYPE_TASKAPPLICATION)
        return over != NULL && over->task_role_arn.len > 0 ? over->task_role_arn
                                                           : definition->task_role_arn;
    return over != NULL && over->execution_role_arn.len > 0 ? over->execution_role_arn
                                                            : definition->execution_role_arn;
}

struct str role_of_task(const struct state *state, const struct task *task, enum acs_role_type type,
                        struct arena *arena)
{
    struct str name = named(state, task, type);

    if (name.len == 0 || str_starts(name, STR("arn:")))
        return name;
    return str_fmt(arena, "arn:%.*s:iam::%.*s:role/%.*s", STR_ARGS(state->config.partition),
                   STR_ARGS(state->config.account), STR_ARGS(name));
}

static void wait_for_renewal(struct state *state, struct instance *instance, time_ms at)
{
    expiry_set(&state->role_keys, &instance->role_keys, REC_KIND_INSTANCE, instance->entity.id, at);
}

struct acs_iam_role_credentials *role_announce(struct step *step, const struct task *task,
                                               enum acs_role_type type)
{
    struct instance *instance = instance_get(step->state, (uint64_t)task->rec->instance_id);
    struct str role = role_of_task(step->state, task, type, step->arena);
    time_ms expires = (step->now + ROLE_KEYS_MS) / TIME_SECOND_MS * TIME_SECOND_MS;
    struct acs_iam_role_credentials *out;

    if (role.len == 0)
        return NULL;
    out = arena_new(step->arena, struct acs_iam_role_credentials);
    SET(out, role_arn, role);
    SET(out, expiration, str_fmt(step->arena, "%.19sZ", time_iso8601(step->arena, expires).ptr));
    if (instance != NULL && instance->role_keys.slot == 0)
        wait_for_renewal(step->state, instance, step->now + ROLE_KEYS_RENEW_MS);
    return out;
}

static void send_one(struct step *step, struct instance *instance, const struct task *task,
                     enum acs_role_type type)
{
    struct acs_iam_role_credentials *credentials = role_announce(step, task, type);
    struct acs_iam_role_credentials_message *message;

    if (credentials == NULL)
        return;
    message = arena_new(step->arena, struct acs_iam_role_credentials_message);
    SET(message, task_arn, task_arn(step->state, task, step->arena));
    SET(message, task_cluster_arn,
        cluster_arn(step->state, cluster_get(step->state, task->cluster_id), step->arena));
    SET(message, role_type, type);
    SET(message, role_credentials, credentials);
    session_send_keys(step, instance, message);
}

static bool agent_knows(const struct task *task)
{
    return task->delivered || (task_should_run(task) && !task_is_pending(task));
}

// A payload that is still on its way to the agent carries fresh keys itself.
static void send_all(struct step *step, struct instance *instance)
{
    expiry_clear(&step->state->role_keys, &instance->role_keys);
    LIST_EACH (&instance->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, on_instance);

        if (!agent_knows(task))
            continue;
        for (size_t i = 0; i < sizeof types / sizeof *types; i++)
            send_one(step, instance, task, types[i]);
    }
}

void roles_resend(struct step *step, struct instance *instance, bool asked)
{
    bool is_due = instance->role_keys.slot == 0;

    if (!asked && !is_due)
        return;
    MARK_IF(asked, "an agent that starts is sent the keys of its tasks");
    send_all(step, instance);
}

void roles_changed(struct step *step)
{
    LIST_EACH (&step->state->clusters, it) {
        const struct cluster *cluster = LIST_ENTRY(it, struct cluster, in_state);
        struct instance *instance = NULL;
        uint64_t after = 0;

        while ((instance = instance_next(step->state, cluster, after)) != NULL) {
            after = instance->entity.id;
            if (instance_is_connected(instance))
                wait_for_renewal(step->state, instance, step->now);
        }
    }
}

void roles_run(struct step *step)
{
    for (int n = 0; n < INSTANCES_MAX; n++) {
        const struct expiry *next = expiry_first(&step->state->role_keys);
        struct instance *instance;

        if (next == NULL || next->at > step->now)
            return;
        instance = instance_get(step->state, next->id);
        expiry_clear(&step->state->role_keys, &instance->role_keys);
        if (!instance_is_connected(instance))
            continue;
        MARK("the keys of tasks are renewed before they end");
        send_all(step, instance);
    }
}

time_ms roles_next(const struct state *state)
{
    const struct expiry *first = expiry_first(&state->role_keys);

    return first != NULL ? first->at : 0;
}
