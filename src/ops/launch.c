// The common part of RunTask and StartTask. Source: ecs-behaviour-api 7.4, 10, 11.1 and 16,
// ecs-behaviour-scheduler 1.11 and 1.12; where no text is known it follows the patterns of 3.3.

#include "ops/launch.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/overrides.h"
#include "ops/tag_rules.h"

enum { GROUP_MAX = 255, SUBNETS_MAX = 16, SECURITY_GROUPS_MAX = 5 };

static int check_group(struct op_ctx *ctx, struct str group)
{
    if (str_utf8_count(group) > GROUP_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "group length must be at most %d", GROUP_MAX);
    if (str_starts(group, STR("service:")))
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "group must not start with 'service:'");
    return OP_OK;
}

static int check_started_by(struct op_ctx *ctx, struct str text, size_t max)
{
    bool good = text.len <= max;

    for (size_t i = 0; i < text.len && good; i++) {
        char c = text.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               str_has_char(STR("-_/"), c);
    }
    if (!good)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "startedBy must match ^[a-zA-Z0-9\\-_/]{0,%zu}$", max);
    return OP_OK;
}

static int check_vpc(struct op_ctx *ctx, const struct ecs_aws_vpc_configuration *vpc,
                     enum ecs_launch_type launch_type)
{
    if (vpc->subnets.n == 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "subnets can not be empty.");
    if (op_check_count(ctx, vpc->subnets.n, SUBNETS_MAX, "subnets") != OP_OK)
        return OP_FAILED;
    if (op_check_count(ctx, vpc->security_groups.n, SECURITY_GROUPS_MAX, "securityGroups") != OP_OK)
        return OP_FAILED;
    if (vpc->assign_public_ip == ECS_ASSIGN_PUBLIC_IP_ENABLED &&
        launch_type != ECS_LAUNCH_TYPE_FARGATE)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Assign public IP is not supported for this launch type.");
    return OP_OK;
}

int op_check_network(struct op_ctx *ctx, const struct ecs_network_configuration *network,
                     const struct ecs_task_definition *definition, enum ecs_launch_type launch_type)
{
    const struct ecs_aws_vpc_configuration *vpc =
        network != NULL ? network->awsvpc_configuration : NULL;
    bool wanted = definition->network_mode == ECS_NETWORK_MODE_AWSVPC;

    if (vpc == NULL && wanted)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Network Configuration must be provided when networkMode 'awsvpc' is "
                       "specified.");
    if (vpc != NULL && !wanted) {
        MARK("a task outside a VPC takes no network configuration");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "Network Configuration is not valid for the given networkMode of this task "
                       "definition.");
    }
    return vpc != NULL ? check_vpc(ctx, vpc, launch_type) : OP_OK;
}

struct ecs_network_configuration *
op_complete_network(struct op_ctx *ctx, const struct ecs_network_configuration *network)
{
    struct ecs_network_configuration *complete;
    struct ecs_aws_vpc_configuration *vpc;

    if (network == NULL || network->awsvpc_configuration == NULL)
        return NULL;
    complete = arena_new(ctx->arena, struct ecs_network_configuration);
    vpc = arena_copy(ctx->arena, network->awsvpc_configuration, sizeof *vpc);
    if (vpc->assign_public_ip == ECS_ASSIGN_PUBLIC_IP_UNSET)
        SET(vpc, assign_public_ip, ECS_ASSIGN_PUBLIC_IP_DISABLED);
    vpc->has.security_groups = true;
    SET(complete, awsvpc_configuration, vpc);
    return complete;
}

// A shell in the container acts with the task's role, so there must be one.
static int check_execute_command(struct op_ctx *ctx, const struct launch_input *input,
                                 const struct ecs_task_definition *definition)
{
    bool has_role = definition->task_role_arn.len > 0 ||
                    (input->overrides != NULL && input->overrides->task_role_arn.len > 0);

    if (input->enable_execute_command && !has_role) {
        MARK("a task without a role takes no exec sessions");
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The task couldn't be started because a valid taskRoleArn is not being "
                       "used. Specify a valid task role in your task definition and try again.");
    }
    return OP_OK;
}

// A task that asked for a volume must not run without it, so there is no ignoring this.
static int check_volumes(struct op_ctx *ctx,
                         const struct ecs_task_volume_configuration_list *volumes)
{
    if (op_check_count(ctx, volumes->n, 1, "volumeConfigurations") != OP_OK)
        return OP_FAILED;
    if (volumes->n > 0) {
        MARK("a task that asks for an EBS volume is refused");
        return op_fail(ctx, ECS_ERROR_UNSUPPORTED_FEATURE_EXCEPTION,
                       "Amazon EBS volumes are not available in Gantry.");
    }
    return OP_OK;
}

// --- tags

static int check_propagation(struct op_ctx *ctx, const enum ecs_propagate_tags *from)
{
    if (op_unknown_enum(ctx, from).len > 0 || *from == ECS_PROPAGATE_TAGS_SERVICE)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "propagateTags should be one of [TASK_DEFINITION,NONE]");
    return OP_OK;
}

// Those of the definition if asked for, then those of the request, which win, then the managed one.
static int read_tags(struct op_ctx *ctx, const struct launch_input *input,
                     const struct cluster *cluster, const struct task_definition *definition,
                     struct ecs_tag_list *out)
{
    struct ecs_tag_list tags;
    struct ecs_tag managed = {0};

    if (op_take_tags(ctx, input->tags, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, &tags) != OP_OK)
        return OP_FAILED;
    if (*input->propagate_tags == ECS_PROPAGATE_TAGS_TASK_DEFINITION)
        tags = tags_merge(ctx->arena, &definition->rec->tags, &tags);
    if (tags_counted(&tags) > TAGS_MAX)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The number of tags of a task can be at most %d.", TAGS_MAX);
    if (input->enable_managed_tags) {
        SET(&managed, key, STR("aws:ecs:clusterName"));
        SET(&managed, value, cluster->rec->name);
        tags = tags_merge(ctx->arena, &tags, &(struct ecs_tag_list){.n = 1, .at = &managed});
    }
    *out = tags;
    return OP_OK;
}

// --- the launch

static struct str group_of(struct op_ctx *ctx, struct str given,
                           const struct task_definition *definition)
{
    if (given.len > 0)
        return given;
    return str_fmt(ctx->arena, "family:%.*s",
                   STR_ARGS(family_get(ctx->state, definition->family_id)->rec->name));
}

static int check(struct op_ctx *ctx, const struct ecs_task_definition *definition,
                 enum ecs_launch_type launch_type, const struct launch_input *input)
{
    if (check_group(ctx, input->group) != OP_OK)
        return OP_FAILED;
    if (check_started_by(ctx, input->started_by, input->started_by_max) != OP_OK)
        return OP_FAILED;
    if (check_propagation(ctx, input->propagate_tags) != OP_OK)
        return OP_FAILED;
    if (op_check_network(ctx, input->network, definition, launch_type) != OP_OK)
        return OP_FAILED;
    if (check_execute_command(ctx, input, definition) != OP_OK)
        return OP_FAILED;
    return check_volumes(ctx, input->volumes);
}

int launch_read(struct op_ctx *ctx, const struct cluster *cluster,
                const struct task_definition *definition, enum ecs_launch_type launch_type,
                const struct launch_input *input, struct launch *out)
{
    const struct ecs_task_definition *spec = definition->rec->definition;
    const struct ecs_task_override *overrides;
    struct ecs_tag_list tags;

    *out = (struct launch){0};
    if (check(ctx, spec, launch_type, input) != OP_OK)
        return OP_FAILED;
    if (read_tags(ctx, input, cluster, definition, &tags) != OP_OK)
        return OP_FAILED;
    if (op_read_overrides(ctx, input->overrides, spec, launch_type, &overrides) != OP_OK)
        return OP_FAILED;
    need_init(&out->need, spec, overrides);
    out->plan = (struct task_plan){
        .cluster = cluster,
        .definition = definition,
        .launch_type = launch_type,
        .group = group_of(ctx, input->group, definition),
        .started_by = input->started_by,
        .overrides = overrides,
        .tags = tags,
        .vpc = input->network != NULL ? input->network->awsvpc_configuration : NULL,
        .enable_execute_command = input->enable_execute_command,
    };
    return OP_OK;
}

void launch_deinit(struct launch *launch)
{
    need_deinit(&launch->need);
}

struct placement_request launch_placement(const struct launch *launch)
{
    return (struct placement_request){
        .cluster = launch->plan.cluster,
        .definition = launch->plan.definition,
        .need = &launch->need,
        .launch_type = launch->plan.launch_type,
        .group = launch->plan.group,
        .needs_execute_command = launch->plan.enable_execute_command,
    };
}

void launch_on(struct op_ctx *ctx, struct launch *launch, struct instance *instance,
               struct launched *launched)
{
    ASSERT(launched->tasks_n < LAUNCH_TASKS_MAX);
    launch->plan.instance = instance;
    launched->tasks[launched->tasks_n++] = task_start(ctx->step, &launch->plan);
}

void launch_failed(struct launched *launched, struct str arn, struct str reason, struct str detail)
{
    struct ecs_failure *failure = &launched->failures[launched->failures_n];

    ASSERT(launched->failures_n < LAUNCH_TASKS_MAX);
    launched->failures_n++;
    if (arn.len > 0)
        SET(failure, arn, arn);
    SET(failure, reason, reason);
    if (detail.len > 0)
        SET(failure, detail, detail);
}

struct ecs_task_list launched_tasks(struct op_ctx *ctx, const struct launched *launched)
{
    struct ecs_task_list list = {
        .n = launched->tasks_n,
        .at = arena_array(ctx->arena, struct ecs_task, launched->tasks_n),
    };

    for (size_t i = 0; i < list.n; i++)
        task_view(ctx->state, launched->tasks[i], true, ctx->arena, &list.at[i]);
    return list;
}

struct ecs_failure_list launched_failures(struct op_ctx *ctx, const struct launched *launched)
{
    size_t n = launched->failures_n;

    return (struct ecs_failure_list){
        .n = n,
        .at = arena_copy(ctx->arena, launched->failures, n * sizeof *launched->failures),
    };
}
