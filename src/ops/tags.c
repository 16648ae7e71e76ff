// TagResource, UntagResource and ListTagsForResource: one ARN, one list of tags.
//
// What an ARN names is found once, with where its tags stand and how to store them; the three
// operations differ only in what they make of the list. Source: ecs-behaviour-api 7.12 and 11.

#include "base/arena.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/arn.h"
#include "model/cluster.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/find_definition.h"
#include "ops/tag_rules.h"
#include "ops/task_sets.h"

struct tagged {
    enum rec_kind kind;
    uint64_t id;
    const struct ecs_tag_list *tags; // of the frozen record
};

static int refuse(struct op_ctx *ctx, const char *sentence)
{
    return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION, "%s", sentence);
}

// ListTagsForResource does not declare the exception that the other two have for it.
static int unknown(struct op_ctx *ctx, const char *kind)
{
    enum ecs_error error = ctx->operation == &ecs_operations[ECS_OPERATION_LIST_TAGS_FOR_RESOURCE]
                               ? ECS_ERROR_INVALID_PARAMETER_EXCEPTION
                               : ECS_ERROR_RESOURCE_NOT_FOUND_EXCEPTION;

    return op_fail(ctx, error, "The specified %s does not exist. Specify a valid %s and try again.",
                   kind, kind);
}

static int find_cluster(struct op_ctx *ctx, struct str name, struct cluster **out)
{
    if (op_find_cluster_any(ctx, name, out) != OP_OK)
        return OP_FAILED;
    if (!cluster_is_active(*out))
        return refuse(ctx, "The specified cluster is inactive. Specify an active cluster and try "
                           "again.");
    return OP_OK;
}

static int find_tagged_cluster(struct op_ctx *ctx, const struct arn *arn, struct str text,
                               struct tagged *out)
{
    struct cluster *cluster;

    (void)text;
    if (find_cluster(ctx, arn->tail, &cluster) != OP_OK)
        return OP_FAILED;
    *out = (struct tagged){REC_KIND_CLUSTER, cluster->entity.id, &cluster->rec->tags};
    return OP_OK;
}

// The cluster in an ARN of one of its members.
static int find_home(struct op_ctx *ctx, const struct arn *arn, struct cluster **out)
{
    struct str name;
    struct str uid;

    if (!str_cut(arn->tail, '/', &name, &uid))
        return refuse(ctx, "Long arn format must be used for tagging operations");
    return op_find_cluster_any(ctx, name, out);
}

static int find_tagged_instance(struct op_ctx *ctx, const struct arn *arn, struct str text,
                                struct tagged *out)
{
    const struct instance *instance;
    struct cluster *cluster;

    if (find_home(ctx, arn, &cluster) != OP_OK)
        return OP_FAILED;
    instance = op_find_instance(ctx, cluster, text);
    if (instance == NULL)
        return unknown(ctx, "container instance");
    MARK_IF(!instance_is_registered(instance), "a deregistered instance is not tagged");
    if (!instance_is_registered(instance))
        return refuse(ctx, "The specified container instance is inactive. Specify an active "
                           "container instance and try again.");
    *out = (struct tagged){REC_KIND_INSTANCE, instance->entity.id, &instance->rec->tags};
    return OP_OK;
}

static int find_tagged_task(struct op_ctx *ctx, const struct arn *arn, struct str text,
                            struct tagged *out)
{
    const struct task *task;
    struct cluster *cluster;

    if (find_home(ctx, arn, &cluster) != OP_OK)
        return OP_FAILED;
    task = op_find_task(ctx, cluster, text);
    if (task == NULL)
        return unknown(ctx, "task");
    MARK_IF(task_is_stopped(task), "a stopped task is not tagged");
    if (task_is_stopped(task))
        return refuse(ctx, "The specified task is stopped. Specify a running task and try again.");
    *out = (struct tagged){REC_KIND_TASK, task->entity.id, &task->rec->tags};
    return OP_OK;
}

static int find_tagged_service(struct op_ctx *ctx, const struct arn *arn, struct str text,
                               struct tagged *out)
{
    const struct service *service;
    struct cluster *cluster;
    struct str head;
    struct str name;

    (void)text;
    if (find_home(ctx, arn, &cluster) != OP_OK)
        return OP_FAILED;
    service =
        str_cut(arn->tail, '/', &head, &name) ? service_find(ctx->state, cluster, name) : NULL;
    if (service == NULL)
        return unknown(ctx, "service");
    MARK_IF(service->rec->status != REC_SERVICE_STATUS_ACTIVE, "a deleted service is not tagged");
    if (service->rec->status != REC_SERVICE_STATUS_ACTIVE)
        return refuse(ctx, "The specified service is inactive. Specify an active service and try "
                           "again.");
    *out = (struct tagged){REC_KIND_SERVICE, service->entity.id, &service->rec->tags};
    return OP_OK;
}

static int find_tagged_task_set(struct op_ctx *ctx, const struct arn *arn, struct str text,
                                struct tagged *out)
{
    const struct service *service = NULL;
    const struct deployment *set = NULL;
    struct cluster *cluster;
    struct str head;
    struct str name;
    struct str rest;

    if (find_home(ctx, arn, &cluster) != OP_OK)
        return OP_FAILED;
    if (str_cut(arn->tail, '/', &head, &rest) && str_cut(rest, '/', &name, &rest))
        service = service_find(ctx->state, cluster, name);
    if (service != NULL && service->rec->status == REC_SERVICE_STATUS_ACTIVE &&
        service->rec->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_EXTERNAL)
        set = op_task_set(ctx, service, text);
    if (set == NULL)
        return unknown(ctx, "task set");
    *out = (struct tagged){REC_KIND_DEPLOYMENT, set->part.entity.id, &set->rec->tags};
    return OP_OK;
}

static int find_tagged_definition(struct op_ctx *ctx, const struct arn *arn, struct str text,
                                  struct tagged *out)
{
    struct definition_reference reference = op_parse_definition(ctx, text);
    const struct task_definition *definition = op_definition_revision(ctx, &reference);

    (void)arn;
    if (definition == NULL)
        return unknown(ctx, "task definition");
    *out = (struct tagged){REC_KIND_TASK_DEFINITION, definition->entity.id, &definition->rec->tags};
    return OP_OK;
}

static int find_tagged_provider(struct op_ctx *ctx, const struct arn *arn, struct str text,
                                struct tagged *out)
{
    const struct provider *provider = provider_find(ctx->state, ctx->caller.region, arn->tail);

    (void)text;
    if (provider == NULL || !provider_is_active(provider))
        return unknown(ctx, "capacity provider");
    *out = (struct tagged){REC_KIND_CAPACITY_PROVIDER, provider->entity.id, &provider->rec->tags};
    return OP_OK;
}

static int find(struct op_ctx *ctx, struct str text, struct tagged *out)
{
    static const struct {
        const char *kind;
        int (*find)(struct op_ctx *ctx, const struct arn *arn, struct str text, struct tagged *out);
    } rows[] = {
        {"capacity-provider", find_tagged_provider},
        {"cluster", find_tagged_cluster},
        {"container-instance", find_tagged_instance},
        {"service", find_tagged_service},
        {"task", find_tagged_task},
        {"task-definition", find_tagged_definition},
        {"task-set", find_tagged_task_set},
    };
    struct scope here = op_scope(ctx);
    struct arn arn;

    if (op_need_text(ctx, text, "resourceArn") != OP_OK)
        return OP_FAILED;
    if (!arn_parse(text, &arn) || !str_eq(arn.service, STR("ecs")))
        return refuse(ctx, "Invalid parameter at 'resourceArn': it is not an ARN of Amazon ECS");
    if (!scope_eq(&arn.scope, &here))
        return refuse(ctx,
                      "Invalid parameter at 'resourceArn': it is of another region or account");
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (str_eq(arn.kind, str_of(rows[i].kind)))
            return rows[i].find(ctx, &arn, text, out);
    }
    return unknown(ctx, "resource");
}

static void store(struct op_ctx *ctx, const struct tagged *tagged, struct ecs_tag_list tags)
{
    const void *record = state_get(ctx->state, tagged->kind, tagged->id)->record;

    if (tagged->kind == REC_KIND_TASK) {
        struct task *task = task_get(ctx->state, tagged->id);
        struct rec_task *next = task_edit(ctx->step, task);
        MARK("the tags of a task change");
        SET(next, tags, tags);
        task_change(ctx->step, task, next);
    } else if (tagged->kind == REC_KIND_CAPACITY_PROVIDER) {
        struct rec_capacity_provider next = *(const struct rec_capacity_provider *)record;
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    } else if (tagged->kind == REC_KIND_CLUSTER) {
        struct rec_cluster next = *(const struct rec_cluster *)record;
        MARK("the tags of a cluster change");
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    } else if (tagged->kind == REC_KIND_INSTANCE) {
        struct rec_instance next = *(const struct rec_instance *)record;
        MARK("the tags of an instance change");
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    } else if (tagged->kind == REC_KIND_SERVICE) {
        struct rec_service next = *(const struct rec_service *)record;
        MARK("the tags of a service change");
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    } else if (tagged->kind == REC_KIND_DEPLOYMENT) {
        struct rec_deployment next = *(const struct rec_deployment *)record;
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    } else {
        struct rec_task_definition next = *(const struct rec_task_definition *)record;
        MARK("the tags of a definition change");
        SET(&next, tags, tags);
        state_put(ctx->state, tagged->kind, tagged->id, &next);
    }
}

// Tagging a task definition fails in the way that all of its operations do.
static enum ecs_error kind_of_refusal(const struct tagged *tagged)
{
    return tagged->kind == REC_KIND_TASK_DEFINITION ? ECS_ERROR_CLIENT_EXCEPTION
                                                    : ECS_ERROR_INVALID_PARAMETER_EXCEPTION;
}

int op_tag_resource(struct op_ctx *ctx, const struct ecs_tag_resource_request *in,
                    struct ecs_tag_resource_response *out)
{
    struct ecs_tag_list asked;
    struct ecs_tag_list merged;
    struct tagged tagged;

    (void)out; // it has no members
    if (find(ctx, in->resource_arn, &tagged) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    if (op_take_tags(ctx, &in->tags, kind_of_refusal(&tagged), &asked) != OP_OK)
        return OP_FAILED;
    merged = tags_merge(ctx->arena, tagged.tags, &asked);
    if (tags_counted(&merged) > TAGS_MAX) {
        MARK("a resource has a number of tags at most");
        return op_fail(ctx, ECS_ERROR_LIMIT_EXCEEDED_EXCEPTION,
                       "A resource can not have more than %d tags.", TAGS_MAX);
    }
    store(ctx, &tagged, merged);
    return OP_OK;
}

int op_untag_resource(struct op_ctx *ctx, const struct ecs_untag_resource_request *in,
                      struct ecs_untag_resource_response *out)
{
    struct tagged tagged;

    (void)out; // it has no members
    if (find(ctx, in->resource_arn, &tagged) != OP_OK || op_validate(ctx) != OP_OK ||
        op_check_tag_keys(ctx, &in->tag_keys, kind_of_refusal(&tagged)) != OP_OK)
        return OP_FAILED;
    store(ctx, &tagged, tags_without(ctx->arena, tagged.tags, &in->tag_keys));
    return OP_OK;
}

int op_list_tags_for_resource(struct op_ctx *ctx,
                              const struct ecs_list_tags_for_resource_request *in,
                              struct ecs_list_tags_for_resource_response *out)
{
    struct tagged tagged;

    if (find(ctx, in->resource_arn, &tagged) != OP_OK || op_validate(ctx) != OP_OK)
        return OP_FAILED;
    SET(out, tags, *tagged.tags);
    return OP_OK;
}
