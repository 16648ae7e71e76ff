// See attachment.h.

#include "core/attachment.h"

#include "base/arena.h"
#include "base/id.h"
#include "base/proof.h"
#include "core/lifecycle.h"
#include "model/cluster.h"
#include "model/task.h"

enum { DETAILS_MAX = 5, VALUE_MAX = 255 };

#define TYPE "ElasticNetworkInterface"

static void put_detail(struct ecs_key_value_pair_list *details, const char *name, struct str value)
{
    for (size_t i = 0; i < details->n; i++) {
        if (str_eq(details->at[i].name, str_of(name))) {
            SET(&details->at[i], value, value);
            return;
        }
    }
    if (details->n == DETAILS_MAX)
        return;
    SET(&details->at[details->n], name, str_of(name));
    SET(&details->at[details->n], value, value);
    details->n++;
}

// "eni-" and 17 digits, as the interfaces of AWS are called.
static struct str new_interface_id(struct step *step)
{
    return str_fmt(step->arena, "eni-%.*s",
                   STR_ARGS(str_take(id_hex32(step->arena, step->rng), 17)));
}

void attachment_new(struct step *step, const struct ecs_aws_vpc_configuration *vpc,
                    struct rec_task *rec)
{
    struct ecs_attachment *one = arena_new(step->arena, struct ecs_attachment);
    struct ecs_key_value_pair_list details = {
        .at = arena_array(step->arena, struct ecs_key_value_pair, DETAILS_MAX)};

    MARK("a task with a network of its own has an interface");
    if (vpc->subnets.n > 0)
        put_detail(&details, "subnetId", vpc->subnets.at[0]);
    SET(one, id, id_uuid(step->arena, step->rng));
    SET(one, type, STR(TYPE));
    SET(one, status, STR("PRECREATED"));
    SET(one, details, details);
    SET(rec, awsvpc, (struct ecs_aws_vpc_configuration *)(uintptr_t)vpc);
    SET(rec, attachments, (struct ecs_attachment_list){.n = 1, .at = one});
    SET(rec, last_status, REC_TASK_STATUS_PROVISIONING);
}

// The interface of `next`, to be changed; NULL: it has none.
static struct ecs_attachment *interface_of(struct step *step, struct rec_task *next)
{
    struct ecs_attachment_list *list = &next->attachments;

    if (!next->has.awsvpc || list->n == 0)
        return NULL;
    list->at = arena_copy(step->arena, list->at, list->n * sizeof *list->at);
    return &list->at[0];
}

static void set_status(struct step *step, struct rec_task *next, struct str status)
{
    struct ecs_attachment *one = interface_of(step, next);

    if (one != NULL)
        SET(one, status, status);
}

void attachment_begin(struct step *step, struct task *task)
{
    struct rec_task *next;

    if (task->rec->last_status != REC_TASK_STATUS_PROVISIONING || task_is_waiting(task))
        return;
    MARK("a task whose interface is being made is PENDING");
    next = task_edit(step, task);
    SET(next, last_status, REC_TASK_STATUS_PENDING);
    set_status(step, next, STR("ATTACHING"));
    task_change(step, task, next);
}

// "ip-10-1-0-5.eu-west-1.compute.internal".
static struct str dns_name(struct step *step, const struct task *task, struct str address)
{
    struct str region = cluster_get(step->state, task->cluster_id)->rec->region;
    char *host = arena_copy(step->arena, address.ptr, address.len);

    for (size_t i = 0; i < address.len; i++) {
        if (host[i] == '.')
            host[i] = '-';
    }
    if (str_eq(region, STR("us-east-1")))
        return str_fmt(step->arena, "ip-%.*s.ec2.internal", (int)address.len, host);
    return str_fmt(step->arena, "ip-%.*s.%.*s.compute.internal", (int)address.len, host,
                   STR_ARGS(region));
}

static void take_details(struct step *step, const struct task *task, struct ecs_attachment *one,
                         const struct ecs_key_value_pair_list *told)
{
    struct ecs_key_value_pair_list details = {
        .n = one->details.n,
        .at = arena_array(step->arena, struct ecs_key_value_pair, DETAILS_MAX)};

    if (one->details.n > 0)
        memcpy(details.at, one->details.at, one->details.n * sizeof *details.at);
    put_detail(&details, "networkInterfaceId", new_interface_id(step));
    for (size_t i = 0; i < told->n; i++) {
        struct str value = str_take(told->at[i].value, VALUE_MAX);

        if (str_eq(told->at[i].name, STR("macAddress"))) {
            put_detail(&details, "macAddress", value);
        } else if (str_eq(told->at[i].name, STR("privateIPv4Address"))) {
            put_detail(&details, "privateDnsName", dns_name(step, task, value));
            put_detail(&details, "privateIPv4Address", value);
        }
    }
    SET(one, details, details);
}

static bool names(const struct ecs_attachment_state_change *report, struct str id)
{
    struct str head;
    struct str tail;

    return str_eq(report->status, STR("ATTACHED")) &&
           str_cut_last(report->attachment_arn, '/', &head, &tail) && str_eq(tail, id);
}

void attachment_report(struct step *step, const struct task *task, struct rec_task *next,
                       const struct ecs_attachment_state_change *reports, size_t n)
{
    for (size_t i = 0; i < n && next->attachments.n > 0; i++) {
        struct ecs_attachment *one;

        if (!names(&reports[i], next->attachments.at[0].id) ||
            !str_eq(next->attachments.at[0].status, STR("ATTACHING")))
            continue; // another's, or said once more
        MARK("an interface is attached when the agent says so");
        one = interface_of(step, next);
        if (one == NULL)
            return;
        SET(one, status, STR("ATTACHED"));
        take_details(step, task, one, &reports[i].details);
    }
}

bool attachment_may_go(const struct rec_task *next)
{
    if (!next->has.awsvpc || next->last_status >= REC_TASK_STATUS_DEPROVISIONING ||
        next->last_status < REC_TASK_STATUS_PENDING)
        return false;
    for (size_t i = 0; i < next->containers.n; i++) {
        if (next->containers.at[i].last_status != REC_TASK_STATUS_STOPPED)
            return false;
    }
    return true;
}

void attachment_end(struct step *step, struct rec_task *next)
{
    MARK("a task of which only the interface is left is DEPROVISIONING");
    SET(next, last_status, REC_TASK_STATUS_DEPROVISIONING);
    SET(next, desired_status, REC_TASK_STATUS_STOPPED);
    if (!next->has.stopping_at)
        SET(next, stopping_at, step->now);
    set_status(step, next, STR("DETACHING"));
}

void attachment_gone(struct step *step, struct rec_task *next)
{
    set_status(step, next, STR("DELETED"));
}
