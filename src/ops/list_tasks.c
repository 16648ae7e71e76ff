// ListTasks: ARNs of tasks by what they belong to. Source: ecs-behaviour-api 5 and 7.4.
//
// The walk goes over the tasks of the cluster that have the desired status, or of one instance or
// service, and is anchored at a task, so tasks that come and go between two pages shift nothing.

#include "base/arena.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "ops/find.h"
#include "ops/op.h"
#include "ops/page.h"

enum { PAGE_MAX = 100 };

// What a task must be like. All that is not set does not matter.
struct filter {
    const struct cluster *cluster;
    bool wanted;  // desiredStatus RUNNING, or else STOPPED
    bool nothing; // no task can match
    struct instance *instance;
    struct service *service;
    const struct family *family;
    struct str started_by;
    enum ecs_launch_type launch_type;
};

// startedBy goes with no other filter but desiredStatus.
static int check(struct op_ctx *ctx, const struct ecs_list_tasks_request *in)
{
    bool others = in->container_instance.len > 0 || in->family.len > 0 ||
                  in->service_name.len > 0 || in->daemon_name.len > 0 || in->has.launch_type;

    if (in->started_by.len > 0 && others)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "startedBy must be the only filter.");
    if (op_unknown_enum(ctx, &in->desired_status).len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "desiredStatus should be one of [RUNNING,PENDING,STOPPED]");
    if (op_unknown_enum(ctx, &in->launch_type).len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "launch type should be one of [EC2,FARGATE,EXTERNAL]");
    return op_validate(ctx);
}

static int read_owners(struct op_ctx *ctx, const struct ecs_list_tasks_request *in,
                       struct filter *filter)
{
    if (in->service_name.len > 0 &&
        op_find_named_service(ctx, filter->cluster, in->service_name, &filter->service) != OP_OK)
        return OP_FAILED;
    if (in->daemon_name.len > 0)
        return op_fail(ctx, ECS_ERROR_INVALID_PARAMETER_EXCEPTION,
                       "The referenced daemon was not found.");
    if (in->container_instance.len > 0 &&
        op_find_named_instance(ctx, filter->cluster, in->container_instance, &filter->instance) !=
            OP_OK)
        return OP_FAILED;
    if (in->family.len > 0) {
        filter->family = family_find(ctx->state, ctx->caller.region, in->family);
        filter->nothing = filter->family == NULL;
    }
    return OP_OK;
}

static int read_filter(struct op_ctx *ctx, const struct ecs_list_tasks_request *in,
                       struct filter *out)
{
    struct cluster *cluster;

    if (op_find_cluster(ctx, in->cluster, &cluster) != OP_OK)
        return OP_FAILED;
    *out = (struct filter){
        .cluster = cluster,
        .wanted = in->desired_status != ECS_DESIRED_STATUS_STOPPED,
        .started_by = in->started_by,
        .launch_type = in->launch_type,
    };
    if (read_owners(ctx, in, out) != OP_OK)
        return OP_FAILED;
    // No task is ever meant to be PENDING.
    out->nothing = out->nothing || in->desired_status == ECS_DESIRED_STATUS_PENDING;
    return OP_OK;
}

static bool matches(const struct op_ctx *ctx, const struct filter *filter, const struct task *task)
{
    if (task_is_wanted(task) != filter->wanted)
        return false;
    if (filter->instance != NULL && (uint64_t)task->rec->instance_id != filter->instance->entity.id)
        return false;
    if (filter->family != NULL && task_definition_get(ctx->state, task->definition_id)->family_id !=
                                      filter->family->entity.id)
        return false;
    if (filter->service != NULL && (uint64_t)task->rec->service_id != filter->service->entity.id)
        return false;
    if (filter->started_by.len > 0 && !str_eq(task->rec->started_by, filter->started_by))
        return false;
    return filter->launch_type == ECS_LAUNCH_TYPE_UNSET ||
           task->rec->launch_type == filter->launch_type;
}

// The next task that may match. Those of a family or a startedBy stand in lists of the cluster.
static const struct task *next_task(const struct op_ctx *ctx, const struct filter *filter,
                                    uint64_t after)
{
    return task_after(ctx->state,
                      &(struct task_walk){
                          .cluster = filter->cluster,
                          .wanted = filter->wanted,
                          .family_id = filter->family != NULL ? filter->family->entity.id : 0,
                          .started_by = filter->started_by,
                      },
                      after);
}

static const struct task *next_match(const struct op_ctx *ctx, const struct filter *filter,
                                     uint64_t after)
{
    const struct task *task = next_task(ctx, filter, after);

    while (task != NULL && !matches(ctx, filter, task))
        task = next_task(ctx, filter, task->entity.id);
    return task;
}

// Tasks in the order of their making.
struct found {
    const struct task **at;
    size_t n;
};

static struct found found_in_cluster(const struct op_ctx *ctx, const struct filter *filter,
                                     uint64_t after, size_t max)
{
    struct found found = {.at = arena_array(ctx->arena, const struct task *, max)};
    const struct task *task = next_match(ctx, filter, after);

    for (; task != NULL && found.n < max; task = next_match(ctx, filter, task->entity.id))
        found.at[found.n++] = task;
    return found;
}

static int by_id(const void *a, const void *b)
{
    uint64_t x = (*(const struct task *const *)a)->entity.id;
    uint64_t y = (*(const struct task *const *)b)->entity.id;

    return x < y ? -1 : x > y;
}

// Tasks that should run stand in lists of their instance and of their service, in no order.
static struct found found_in_list(const struct op_ctx *ctx, const struct filter *filter,
                                  uint64_t after)
{
    bool of_instance = filter->instance != NULL;
    const struct list *list = of_instance ? &filter->instance->tasks : &filter->service->tasks;
    struct found found = {0};
    size_t n = 0;

    LIST_EACH (list, it)
        n++;
    found.at = arena_array(ctx->arena, const struct task *, n);
    LIST_EACH (list, it) {
        const struct task *task = of_instance ? LIST_ENTRY(it, struct task, on_instance)
                                              : LIST_ENTRY(it, struct task, in_service);

        if (task->entity.id > after && matches(ctx, filter, task))
            found.at[found.n++] = task;
    }
    if (found.n > 0)
        qsort(found.at, found.n, sizeof *found.at, by_id);
    return found;
}

// Everything behind `after`, or one more than the page takes.
static struct found find(const struct op_ctx *ctx, const struct filter *filter, uint64_t after,
                         const struct page *page)
{
    if (filter->nothing)
        return (struct found){0};
    if (filter->wanted && (filter->instance != NULL || filter->service != NULL))
        return found_in_list(ctx, filter, after);
    return found_in_cluster(ctx, filter, after, page->max + 1);
}

int op_list_tasks(struct op_ctx *ctx, const struct ecs_list_tasks_request *in,
                  struct ecs_list_tasks_response *out)
{
    struct filter filter;
    struct found found;
    struct page page;
    uint64_t after;

    if (op_page_begin_id(ctx, PAGE_MAX, PAGE_MAX, &page, &after) != OP_OK)
        return OP_FAILED;
    if (check(ctx, in) != OP_OK || read_filter(ctx, in, &filter) != OP_OK)
        return OP_FAILED;
    found = find(ctx, &filter, after, &page);
    out->has.task_arns = true;
    out->task_arns.at = arena_array(ctx->arena, struct str, page.max);
    for (; page.taken < found.n && page_wants(&page); page.taken++)
        out->task_arns.at[out->task_arns.n++] =
            task_arn(ctx->state, found.at[page.taken], ctx->arena);
    if (page.taken < found.n)
        SET(out, next_token, op_page_token_id(ctx, &page, found.at[page.taken - 1]->entity.id));
    return OP_OK;
}
