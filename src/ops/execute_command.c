// ExecuteCommand: a session with a command in a container. The reply names the place and the secret
// by which the client's plugin opens it; what happens there is the shell's. Source:
// ecs-behaviour-api 7.11, exec-protocol 2.
//
// Nothing is recorded: a session is as volatile as a connection. The secret and the session's id
// come with the call from the shell, since what the core draws by lot can be guessed.

#include "base/arena.h"
#include "base/proof.h"
#include "base/words.h"
#include "core/exec.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/op.h"

// The apostrophe is the service's own.
#define NOT_ENABLED                                                                                \
    "The execute command failed because execute command was not enabled when the task was run or " \
    "the execute command agent isn\u2019t running. Wait and try again or run a new task with "     \
    "execute command enabled and try again."

struct target {
    struct cluster *cluster;
    struct task *task;
    const struct ecs_task_definition *definition;
    size_t index; // of the container
};

static int find_task(struct op_ctx *ctx, const struct ecs_execute_command_request *in,
                     struct target *out)
{
    if (op_find_cluster(ctx, in->cluster, &out->cluster) != OP_OK ||
        op_need_text(ctx, in->task, "Task") != OP_OK ||
        op_need_text(ctx, in->command, "Command") != OP_OK)
        return OP_FAILED;
    if (!in->interactive)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Interactive is the only mode supported currently.");
    out->task = op_find_task(ctx, out->cluster, in->task);
    if (out->task == NULL) {
        MARK("a command for a task that does not exist is refused");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The referenced task was not found.");
    }
    out->definition = task_definition_get(ctx->state, out->task->definition_id)->rec->definition;
    return op_validate(ctx);
}

static int find_container(struct op_ctx *ctx, struct str name, struct target *target)
{
    const struct ecs_container_definition_list *list = &target->definition->container_definitions;

    if (name.len == 0 && list->n > 1)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Container name is required when the task has more than one container.");
    for (size_t i = 0; i < list->n; i++) {
        if (name.len == 0 || str_eq(list->at[i].name, name)) {
            target->index = i;
            return OP_OK;
        }
    }
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                   "The container name '%.*s' does not exist in the task.", STR_ARGS(name));
}

static bool has_running_agent(const struct rec_task_container *container)
{
    for (size_t i = 0; i < container->managed_agents.n; i++) {
        const struct ecs_managed_agent *agent = &container->managed_agents.at[i];

        if (agent->name == ECS_MANAGED_AGENT_NAME_EXECUTECOMMANDAGENT)
            return str_eq(agent->last_status, STR("RUNNING"));
    }
    return false;
}

static int check_state(struct op_ctx *ctx, const struct target *target)
{
    const struct rec_task *rec = target->task->rec;
    const struct rec_task_container *container = &rec->containers.at[target->index];
    const struct instance *instance = instance_get(ctx->state, (uint64_t)rec->instance_id);

    if (rec->last_status != REC_TASK_STATUS_RUNNING) {
        MARK("a command for a task that does not run is refused");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The execute command failed because the task isn\u2019t RUNNING.");
    }
    if (!rec->enable_execute_command || container->last_status != REC_TASK_STATUS_RUNNING ||
        !has_running_agent(container)) {
        MARK("a command for a container without an exec agent is refused");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, NOT_ENABLED);
    }
    if (instance == NULL || !instance_is_connected(instance) || !instance->relays_exec) {
        MARK("a command for a host that cannot be reached is refused");
        return op_fail(ctx, ECS_ERROR_TARGET_NOT_CONNECTED_EXCEPTION,
                       "The execute command failed due to an internal error. Try again later.");
    }
    return OP_OK;
}

static int split(struct op_ctx *ctx, struct str command, struct str_list *out)
{
    struct words words;

    if (!words_split(ctx->step->arena, command, &words))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Command can not be split into words: a quote is not closed.");
    if (words.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "Command can not be blank.");
    *out = (struct str_list){.n = words.n, .at = words.at};
    return OP_OK;
}

static bool is_logged(const struct cluster *cluster)
{
    const struct ecs_cluster_configuration *configuration = cluster->rec->configuration;
    const struct ecs_execute_command_configuration *exec =
        configuration != NULL ? configuration->execute_command_configuration : NULL;

    return exec == NULL || exec->logging != ECS_EXECUTE_COMMAND_LOGGING_NONE;
}

static void order(struct op_ctx *ctx, const struct target *target, struct str command,
                  struct str_list words)
{
    struct arena *arena = ctx->step->arena;
    const struct rec_task *rec = target->task->rec;
    struct exec_order *order = arena_new(arena, struct exec_order);

    *order = (struct exec_order){
        .session = str_copy(arena, ctx->step->exec.session),
        .token = str_copy(arena, ctx->step->exec.token),
        .principal = str_copy(arena, ctx->caller.principal_arn),
        .cluster_arn = cluster_arn(ctx->state, target->cluster, arena),
        .task_arn = task_arn(ctx->state, target->task, arena),
        .container =
            str_copy(arena, target->definition->container_definitions.at[target->index].name),
        .container_id = str_copy(arena, rec->containers.at[target->index].uid),
        .command = str_copy(arena, command),
        .words = words,
        .instance_id = (uint64_t)rec->instance_id,
        .is_logged = is_logged(target->cluster),
    };
    step_effect(ctx->step, EFFECT_EXEC, 0)->value = order;
}

static struct ecs_session *session_of(struct op_ctx *ctx)
{
    const struct exec_ticket *ticket = &ctx->step->exec;
    struct ecs_session *session = arena_new(ctx->arena, struct ecs_session);

    SET(session, session_id, ticket->session);
    SET(session, stream_url,
        str_fmt(ctx->arena, "%.*s/v1/data-channel/%.*s?role=publish_subscribe",
                STR_ARGS(ticket->endpoint), STR_ARGS(ticket->session)));
    SET(session, token_value, ticket->token);
    return session;
}

int op_execute_command(struct op_ctx *ctx, const struct ecs_execute_command_request *in,
                       struct ecs_execute_command_response *out)
{
    struct target target = {0};
    struct str_list words;

    if (find_task(ctx, in, &target) != OP_OK ||
        find_container(ctx, in->container, &target) != OP_OK ||
        check_state(ctx, &target) != OP_OK || split(ctx, in->command, &words) != OP_OK)
        return OP_FAILED;
    MARK("a command is let into a container");
    order(ctx, &target, in->command, words);
    SET(out, cluster_arn, cluster_arn(ctx->state, target.cluster, ctx->arena));
    SET(out, task_arn, task_arn(ctx->state, target.task, ctx->arena));
    SET(out, container_arn, container_arn(ctx->state, target.task, target.index, ctx->arena));
    SET(out, container_name, target.definition->container_definitions.at[target.index].name);
    SET(out, interactive, true);
    SET(out, session, session_of(ctx));
    return OP_OK;
}
