// What the service scheduler may do, judged act by act: each batch is gone through once more in the
// order in which it was decided, with the records as they stood before each change.
//
// The arithmetic of limits and of health is written down here a second time
// (ecs-behaviour-scheduler 3.4, 3.5, 3.12, 3.14). Limits are kept by what the scheduler does: a
// start never goes above the upper one, a stop of a healthy task never goes below the lower one.
// What comes by itself (a task dies, a caller wants fewer or stops one) may leave a service outside
// of them.

#include "base/arena.h"
#include "base/map.h"
#include "base/mem.h"
#include "core/service_start.h"
#include "core/service_texts.h"
#include "model/deployment.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"
#include "tests/sim/check.h"
#include "tests/sim/kernel.h"
#include "tests/sim/sim.h"

enum { EVENTS_MAX = 100 };

// ---- records as they stand at one point of the batch

struct held {
    uint64_t key[2]; // kind, id
    const void *rec; // NULL: there is none
    UT_hash_handle hh;
};

struct replay {
    const struct state *state; // after the batch
    struct held *held;         // what the batch changes
};

static struct held *held_of(const struct replay *r, enum rec_kind kind, uint64_t id)
{
    uint64_t key[2] = {kind, id};
    struct held *held;

    HASH_FIND(hh, r->held, key, sizeof key, held);
    return held;
}

static void hold(struct replay *r, enum rec_kind kind, uint64_t id, const void *rec)
{
    struct held *held = held_of(r, kind, id);

    if (held == NULL) {
        held = mem_zalloc(sizeof *held);
        held->key[0] = kind;
        held->key[1] = id;
        HASH_ADD(hh, r->held, key, sizeof held->key, held);
    }
    held->rec = rec;
}

static const void *record_of(const struct replay *r, enum rec_kind kind, int64_t id)
{
    const struct held *held = held_of(r, kind, (uint64_t)id);
    const struct entity *entity = state_get(r->state, kind, (uint64_t)id);

    if (held != NULL)
        return held->rec;
    return entity != NULL ? entity->record : NULL;
}

static void release(struct replay *r)
{
    struct held *held;
    struct held *next;

    HASH_ITER (hh, r->held, held, next) {
        HASH_DEL(r->held, held);
        mem_free(held);
    }
}

// ---- health, and who counts

bool check_is_healthy(const struct state *state, const struct rec_task *rec, time_ms now)
{
    const struct task_definition *definition =
        task_definition_get(state, (uint64_t)rec->definition_id);
    const struct ecs_container_definition_list *list =
        &definition->rec->definition->container_definitions;
    bool is_probed = false;

    if (rec->last_status != REC_TASK_STATUS_RUNNING ||
        rec->desired_status != REC_TASK_STATUS_RUNNING)
        return false;
    for (size_t i = 0; i < rec->containers.n; i++) {
        if (!list->at[i].essential || !list->at[i].has.health_check)
            continue;
        is_probed = true;
        if (rec->containers.at[i].health_status != ECS_HEALTH_STATUS_HEALTHY)
            return false;
    }
    return is_probed || now >= rec->started_at + 40 * TIME_SECOND_MS;
}

bool check_is_sick(const struct state *state, const struct rec_task *rec)
{
    const struct task_definition *definition =
        task_definition_get(state, (uint64_t)rec->definition_id);
    const struct ecs_container_definition_list *list =
        &definition->rec->definition->container_definitions;

    for (size_t i = 0; i < rec->containers.n; i++) {
        if (list->at[i].essential && list->at[i].has.health_check &&
            rec->containers.at[i].health_status == ECS_HEALTH_STATUS_UNHEALTHY)
            return true;
    }
    return false;
}

struct tally {
    int64_t all; // not STOPPED
    int64_t healthy;
    int64_t here;  // on the instance in question
    int64_t peers; // healthy ones of its deployment
};

static void count(struct tally *n, const struct replay *r, const struct rec_task *rec,
                  const struct rec_task *asked, time_ms now)
{
    bool is_healthy;

    if (rec == NULL || rec->service_id != asked->service_id ||
        rec->last_status >= REC_TASK_STATUS_STOPPED)
        return;
    is_healthy = check_is_healthy(r->state, rec, now);
    n->all++;
    n->healthy += is_healthy;
    n->here += asked->instance_id != 0 && rec->instance_id == asked->instance_id;
    n->peers += is_healthy && rec->deployment_id == asked->deployment_id;
}

// The tasks of the service that `asked` is of.
static struct tally tally_of(const struct replay *r, const struct rec_task *asked, time_ms now)
{
    const struct service *service = service_get(r->state, (uint64_t)asked->service_id);
    struct tally n = {0};
    struct held *held;
    struct held *next;

    HASH_ITER (hh, r->held, held, next) {
        if (held->key[0] == REC_KIND_TASK)
            count(&n, r, held->rec, asked, now);
    }
    if (service == NULL)
        return n;
    LIST_EACH (&service->tasks, it) {
        const struct task *task = LIST_ENTRY(it, struct task, in_service);

        if (held_of(r, REC_KIND_TASK, task->entity.id) == NULL)
            count(&n, r, task->rec, asked, now);
    }
    return n;
}

// ---- tasks that ended by themselves

// When a task of the service last did; virtual time.
struct loss {
    uint64_t service_id;
    int64_t at_ms;
    bool was_misfit;
    UT_hash_handle hh;
};

static struct loss *losses;

static struct loss *loss_of(uint64_t service_id)
{
    struct loss *loss;

    HASH_FIND(hh, losses, &service_id, sizeof service_id, loss);
    return loss;
}

static bool is_misfit(struct str reason)
{
    return str_starts(reason, STR("resource cannot be initialized for task")) ||
           str_starts(reason, STR("HostConfigError: error retrieving docker port map"));
}

// The container that does not fit need not be the one that the task ends for.
static bool has_misfit(const struct rec_task *task)
{
    for (size_t i = 0; i < task->containers.n; i++) {
        if (is_misfit(task->containers.at[i].reason))
            return true;
    }
    return is_misfit(task->stopped_reason);
}

static void note_loss(const struct rec_task *task)
{
    uint64_t service_id = (uint64_t)task->service_id;
    struct loss *loss = loss_of(service_id);

    if (loss == NULL) {
        loss = mem_zalloc(sizeof *loss);
        loss->service_id = service_id;
        HASH_ADD(hh, losses, service_id, sizeof loss->service_id, loss);
    }
    loss->at_ms = kernel_now_ms();
    loss->was_misfit = has_misfit(task);
}

bool check_lost_task_since(uint64_t service_id, int64_t since_ms)
{
    const struct loss *loss = loss_of(service_id);

    return loss != NULL && loss->at_ms >= since_ms;
}

bool check_lost_misfit(uint64_t service_id)
{
    const struct loss *loss = loss_of(service_id);

    return loss != NULL && loss->was_misfit;
}

void check_services_stop(void)
{
    struct loss *loss;
    struct loss *next;

    HASH_ITER (hh, losses, loss, next) {
        HASH_DEL(losses, loss);
        mem_free(loss);
    }
}

// ---- the scheduler's acts

static bool is_daemon(const struct rec_service *service)
{
    return service->scheduling_strategy == ECS_SCHEDULING_STRATEGY_DAEMON;
}

// Others have their own arithmetic. Neither now nor lately has it shifted traffic, when source and
// target have limits of their own.
static bool is_rolling(const struct replay *r, int64_t service_id,
                       const struct rec_service *service)
{
    const struct service *now = service_get(r->state, (uint64_t)service_id);

    if (now == NULL)
        return false;
    LIST_EACH (&now->service_deployments, it) {
        if (service_deployment_shifts(PART(it, struct service_deployment)))
            return false;
    }
    return service->controller == ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS &&
           service->deployment_configuration->strategy == ECS_DEPLOYMENT_STRATEGY_ROLLING;
}

static int64_t upper_of(const struct rec_service *service)
{
    return (int64_t)service->desired_count * service->deployment_configuration->maximum_percent /
           100;
}

static int64_t lower_of(const struct rec_service *service)
{
    int64_t hundredfold = (int64_t)service->desired_count *
                          service->deployment_configuration->minimum_healthy_percent;

    return (hundredfold + 99) / 100;
}

// How many tasks a DAEMON wants follows from its revision, and may change with the batch that stops
// one of them.
static int64_t lower_after(const struct replay *r, int64_t service_id,
                           const struct rec_service *service)
{
    const struct service *now = service_get(r->state, (uint64_t)service_id);
    int64_t before = lower_of(service);
    int64_t after = now != NULL && is_daemon(service) ? lower_of(now->rec) : before;

    return after < before ? after : before;
}

static void judge_start(const struct replay *r, const struct rec_task *task)
{
    const struct rec_service *service = record_of(r, REC_KIND_SERVICE, task->service_id);
    const struct rec_deployment *deployment =
        record_of(r, REC_KIND_DEPLOYMENT, task->deployment_id);
    const struct rec_instance_state *instance =
        record_of(r, REC_KIND_INSTANCE_STATE, task->instance_id);
    struct tally n = tally_of(r, task, task->created_at);

    SIM_CHECK(service != NULL && service->status == REC_SERVICE_STATUS_ACTIVE,
              "task %.*s is started for a service that is not ACTIVE", STR_ARGS(task->uid));
    SIM_CHECK(deployment != NULL && deployment->status != REC_DEPLOYMENT_STATUS_INACTIVE &&
                  deployment->status != REC_DEPLOYMENT_STATUS_DRAINING,
              "task %.*s is started for no deployment", STR_ARGS(task->uid));
    SIM_CHECK(deployment->rollout_state != ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED,
              "service %.*s: a FAILED deployment starts a task", STR_ARGS(service->name));
    SIM_CHECK(instance == NULL || instance->status == REC_INSTANCE_STATUS_ACTIVE,
              "service %.*s: a task is started where nothing may be", STR_ARGS(service->name));
    if (is_daemon(service))
        SIM_CHECK(n.here == 0, "service %.*s: a second task on an instance",
                  STR_ARGS(service->name));
    else if (is_rolling(r, task->service_id, service))
        SIM_CHECK(n.all + 1 <= upper_of(service),
                  "service %.*s: a start makes %lld tasks, the limit is %lld",
                  STR_ARGS(service->name), (long long)n.all + 1, (long long)upper_of(service));
}

// The newest deployment may have no task there: attributes, launch type or capacity provider are
// not what its revision asks for.
static bool is_no_host(const struct replay *r, const struct rec_task *task)
{
    struct service *service = service_get(r->state, (uint64_t)task->service_id);
    const struct instance *instance = instance_get(r->state, (uint64_t)task->instance_id);
    struct arena arena = ARENA_INIT;
    struct service_mould *mould;
    struct step step;
    bool may_stay;

    step_init(&step, (struct state *)(uintptr_t)r->state, kernel_now_ms(), NULL, &arena);
    mould = service_mould_open(&step, service, service_primary(service));
    may_stay = service_may_stay(mould, instance);
    service_mould_close(&mould);
    arena_deinit(&arena);
    return !may_stay;
}

// Of a DAEMON service tasks may go from where they have no business, whatever the limit.
static bool has_no_business(const struct replay *r, const struct rec_service *service,
                            const struct rec_task *task)
{
    const struct rec_instance_state *instance =
        record_of(r, REC_KIND_INSTANCE_STATE, task->instance_id);
    const struct task_definition *definition =
        task_definition_get(r->state, (uint64_t)task->definition_id);

    return instance == NULL || instance->status != REC_INSTANCE_STATUS_ACTIVE ||
           held_of(r, REC_KIND_INSTANCE, (uint64_t)task->instance_id) != NULL || // another by now
           service->placement_constraints.n > 0 ||
           definition->rec->definition->placement_constraints.n > 0 || is_no_host(r, task);
}

// Until all traffic has gone to the target, the source of a shift is as strong as ever.
static void judge_source(const struct replay *r, const struct rec_service *service,
                         const struct rec_task *task, const struct tally *n)
{
    const struct service *now = service_get(r->state, (uint64_t)task->service_id);
    const struct service_deployment *newest = now != NULL ? service_newest_deployment(now) : NULL;
    const struct rec_service_deployment *rec;

    if (newest == NULL || !service_deployment_shifts(newest))
        return;
    rec = record_of(r, REC_KIND_SERVICE_DEPLOYMENT, (int64_t)newest->part.entity.id);
    if (rec == NULL || rec->status != ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS ||
        rec->source_deployment_id != task->deployment_id || rec->stage == REC_DEPLOY_STAGE_CLEAN_UP)
        return;
    SIM_CHECK(n->peers - 1 >= lower_of(service),
              "service %.*s: a stop leaves %lld healthy tasks to the source of a shift",
              STR_ARGS(service->name), (long long)n->peers - 1);
}

// Then the traffic decides who is healthy, which is not known here.
static bool has_traffic(const struct replay *r, int64_t service_id)
{
    const struct service *service = service_get(r->state, (uint64_t)service_id);

    if (service == NULL)
        return false;
    LIST_EACH (&service->revisions, it) {
        if (PART(it, struct revision)->rec->load_balancers.n > 0)
            return true;
    }
    return false;
}

static void judge_stop(const struct replay *r, const struct rec_task *task,
                       const struct rec_task *after)
{
    const struct rec_service *service = record_of(r, REC_KIND_SERVICE, task->service_id);
    time_ms now = after->stopping_at;
    struct tally n = tally_of(r, task, now);
    int64_t lower;

    SIM_CHECK(service != NULL && service->status != REC_SERVICE_STATUS_INACTIVE,
              "task %.*s is stopped for a service that is not there", STR_ARGS(task->uid));
    if (service->status == REC_SERVICE_STATUS_DRAINING)
        return;
    SIM_CHECK(task->protected_until <= now || check_is_sick(r->state, task),
              "service %.*s: a protected task is stopped: %.*s", STR_ARGS(service->name),
              STR_ARGS(after->stopped_reason));
    if (check_is_healthy(r->state, task, now))
        judge_source(r, service, task, &n);
    if (!is_rolling(r, task->service_id, service) || !check_is_healthy(r->state, task, now) ||
        (is_daemon(service) && has_no_business(r, service, task)) ||
        has_traffic(r, task->service_id))
        return;
    lower = lower_after(r, task->service_id, service);
    SIM_CHECK(n.healthy - 1 >= lower,
              "service %.*s: a stop leaves %lld healthy tasks, the limit is %lld: task %.*s, %.*s",
              STR_ARGS(service->name), (long long)n.healthy - 1, (long long)lower,
              STR_ARGS(task->uid), STR_ARGS(after->stopped_reason));
}

static void check_task(const struct replay *r, const struct rec_task *before,
                       const struct rec_task *after)
{
    if (after == NULL || after->service_id == 0)
        return;
    if (before == NULL) {
        judge_start(r, after);
        return;
    }
    SIM_CHECK(before->service_id == after->service_id &&
                  before->deployment_id == after->deployment_id,
              "task %.*s goes to another service", STR_ARGS(after->uid));
    if (before->last_status < REC_TASK_STATUS_STOPPED &&
        after->last_status == REC_TASK_STATUS_STOPPED &&
        after->stop_code != ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED)
        note_loss(after);
    if (before->last_status < REC_TASK_STATUS_STOPPED &&
        after->last_status == REC_TASK_STATUS_STOPPED)
        sim_say(NULL, "  task %.*s has stopped: %.*s", STR_ARGS(after->uid),
                STR_ARGS(after->stopped_reason));
    if (before->desired_status == REC_TASK_STATUS_RUNNING &&
        after->desired_status == REC_TASK_STATUS_STOPPED &&
        after->last_status < REC_TASK_STATUS_STOPPED &&
        after->stop_code == ECS_TASK_STOP_CODE_SERVICESCHEDULERINITIATED)
        judge_stop(r, before, after);
}

// ---- moves of records

#define SERVICE(status)    (1u << REC_SERVICE_STATUS_##status)
#define DEPLOYMENT(status) (1u << REC_DEPLOYMENT_STATUS_##status)
#define ROLLOUT(state)     (1u << ECS_DEPLOYMENT_ROLLOUT_STATE_##state)
#define ASKED(status)      (1u << ECS_SERVICE_DEPLOYMENT_STATUS_##status)

static void check_service(const struct rec_service *before, const struct rec_service *after)
{
    static const uint32_t onward[] = {
        [REC_SERVICE_STATUS_ACTIVE] = SERVICE(ACTIVE) | SERVICE(DRAINING),
        [REC_SERVICE_STATUS_DRAINING] = SERVICE(DRAINING) | SERVICE(INACTIVE),
        [REC_SERVICE_STATUS_INACTIVE] = SERVICE(INACTIVE),
    };

    if (before == NULL) {
        SIM_CHECK(after->status == REC_SERVICE_STATUS_ACTIVE, "service %.*s begins as %d",
                  STR_ARGS(after->name), (int)after->status);
        return;
    }
    SIM_CHECK(after != NULL || before->status == REC_SERVICE_STATUS_INACTIVE,
              "service %.*s is forgotten before it is INACTIVE", STR_ARGS(before->name));
    if (after == NULL)
        return;
    SIM_CHECK(onward[before->status] & (1u << after->status), "service %.*s moves from %d to %d",
              STR_ARGS(after->name), (int)before->status, (int)after->status);
    SIM_CHECK(str_eq(before->name, after->name) && before->cluster_id == after->cluster_id &&
                  before->scheduling_strategy == after->scheduling_strategy,
              "service %.*s becomes another", STR_ARGS(after->name));
    SIM_CHECK(after->status == REC_SERVICE_STATUS_ACTIVE || after->desired_count == 0,
              "service %.*s is deleted and wants %d tasks", STR_ARGS(after->name),
              after->desired_count);
}

static bool is_task_set(const struct rec_deployment *rec)
{
    return rec != NULL && rec->has.stability;
}

static void check_task_set(const struct rec_deployment *before, const struct rec_deployment *after)
{
    static const uint32_t onward[] = {
        [REC_DEPLOYMENT_STATUS_PRIMARY] =
            DEPLOYMENT(PRIMARY) | DEPLOYMENT(ACTIVE) | DEPLOYMENT(DRAINING),
        [REC_DEPLOYMENT_STATUS_ACTIVE] =
            DEPLOYMENT(ACTIVE) | DEPLOYMENT(PRIMARY) | DEPLOYMENT(DRAINING),
        [REC_DEPLOYMENT_STATUS_DRAINING] = DEPLOYMENT(DRAINING),
    };

    if (before == NULL)
        SIM_CHECK(after->status == REC_DEPLOYMENT_STATUS_ACTIVE, "task set %lld begins as %d",
                  (long long)after->number, (int)after->status);
    if (before == NULL || after == NULL)
        return;
    SIM_CHECK(onward[before->status] & (1u << after->status), "task set %lld moves from %d to %d",
              (long long)after->number, (int)before->status, (int)after->status);
    SIM_CHECK(after->number == before->number && after->revision_id == before->revision_id &&
                  after->rollout_state == ECS_DEPLOYMENT_ROLLOUT_STATE_UNSET,
              "task set %lld becomes another", (long long)after->number);
}

static void check_deployment(const struct rec_deployment *before,
                             const struct rec_deployment *after)
{
    static const uint32_t onward[] = {
        [REC_DEPLOYMENT_STATUS_PRIMARY] = DEPLOYMENT(PRIMARY) | DEPLOYMENT(ACTIVE),
        [REC_DEPLOYMENT_STATUS_ACTIVE] =
            DEPLOYMENT(ACTIVE) | DEPLOYMENT(INACTIVE) | DEPLOYMENT(PRIMARY),
        [REC_DEPLOYMENT_STATUS_INACTIVE] = DEPLOYMENT(INACTIVE) | DEPLOYMENT(PRIMARY),
    };
    static const uint32_t rolls[] = {
        [ECS_DEPLOYMENT_ROLLOUT_STATE_IN_PROGRESS] =
            ROLLOUT(IN_PROGRESS) | ROLLOUT(COMPLETED) | ROLLOUT(FAILED),
        [ECS_DEPLOYMENT_ROLLOUT_STATE_COMPLETED] = ROLLOUT(COMPLETED) | ROLLOUT(IN_PROGRESS),
        [ECS_DEPLOYMENT_ROLLOUT_STATE_FAILED] = ROLLOUT(FAILED),
    };
    long long number = before != NULL ? before->number : after->number;

    if (is_task_set(before) || is_task_set(after)) {
        check_task_set(before, after);
        return;
    }
    if (before == NULL)
        SIM_CHECK(after->status == REC_DEPLOYMENT_STATUS_PRIMARY && !after->completed,
                  "deployment %lld begins as %d", number, (int)after->status);
    if (before == NULL || after == NULL)
        return;
    SIM_CHECK(onward[before->status] & (1u << after->status), "deployment %lld moves from %d to %d",
              number, (int)before->status, (int)after->status);
    SIM_CHECK(rolls[before->rollout_state] & (1u << after->rollout_state),
              "deployment %lld rolls from %d to %d", number, (int)before->rollout_state,
              (int)after->rollout_state);
    SIM_CHECK(after->number == before->number && after->revision_id == before->revision_id &&
                  after->completed >= before->completed,
              "deployment %lld becomes another", number);
}

static void check_asked(const struct rec_service_deployment *before,
                        const struct rec_service_deployment *after)
{
    static const uint32_t onward[] = {
        [ECS_SERVICE_DEPLOYMENT_STATUS_PENDING] = ASKED(PENDING) | ASKED(IN_PROGRESS) |
                                                  ASKED(ROLLBACK_REQUESTED) |
                                                  ASKED(STOP_REQUESTED) | ASKED(STOPPED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS] =
            ASKED(IN_PROGRESS) | ASKED(SUCCESSFUL) | ASKED(STOP_REQUESTED) |
            ASKED(ROLLBACK_REQUESTED) | ASKED(ROLLBACK_IN_PROGRESS) | ASKED(STOPPED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_STOP_REQUESTED] = ASKED(STOP_REQUESTED) | ASKED(STOPPED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED] = ASKED(ROLLBACK_REQUESTED) |
                                                             ASKED(ROLLBACK_IN_PROGRESS) |
                                                             ASKED(SUCCESSFUL) | ASKED(STOPPED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS] =
            ASKED(ROLLBACK_IN_PROGRESS) | ASKED(ROLLBACK_SUCCESSFUL) | ASKED(ROLLBACK_FAILED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_SUCCESSFUL] = ASKED(SUCCESSFUL),
        [ECS_SERVICE_DEPLOYMENT_STATUS_STOPPED] = ASKED(STOPPED),
        [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_SUCCESSFUL] = ASKED(ROLLBACK_SUCCESSFUL),
        [ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_FAILED] = ASKED(ROLLBACK_FAILED),
    };

    if (before == NULL)
        SIM_CHECK(after->status == ECS_SERVICE_DEPLOYMENT_STATUS_PENDING,
                  "service deployment %.*s begins as %d", STR_ARGS(after->uid), (int)after->status);
    if (before == NULL || after == NULL)
        return;
    SIM_CHECK(onward[before->status] & (1u << after->status),
              "service deployment %.*s moves from %d to %d", STR_ARGS(after->uid),
              (int)before->status, (int)after->status);
    SIM_CHECK(str_eq(after->uid, before->uid) && after->deployment_id == before->deployment_id,
              "service deployment %.*s becomes another", STR_ARGS(after->uid));
}

static void check_event(const struct rec_service_event *before,
                        const struct rec_service_event *after)
{
    SIM_CHECK(before == NULL || after == NULL, "an event changes: %.*s", STR_ARGS(before->message));
    if (before == NULL)
        sim_say(NULL, "  %.*s", STR_ARGS(after->message));
}

static void check_move(const struct replay *r, const struct journal_entry *entry)
{
    if (entry->kind == REC_KIND_TASK)
        check_task(r, entry->before, entry->after);
    else if (entry->kind == REC_KIND_SERVICE)
        check_service(entry->before, entry->after);
    else if (entry->kind == REC_KIND_DEPLOYMENT)
        check_deployment(entry->before, entry->after);
    else if (entry->kind == REC_KIND_SERVICE_DEPLOYMENT)
        check_asked(entry->before, entry->after);
    else if (entry->kind == REC_KIND_SERVICE_EVENT)
        check_event(entry->before, entry->after);
}

void check_services_batch(const struct state *state, const struct batch *batch)
{
    struct replay r = {.state = state};

    for (size_t i = 0; i < batch->journal.n; i++) {
        const struct journal_entry *entry = &batch->journal.at[i];

        if (held_of(&r, entry->kind, entry->id) == NULL)
            hold(&r, entry->kind, entry->id, entry->before);
    }
    for (size_t i = 0; i < batch->journal.n; i++) {
        const struct journal_entry *entry = &batch->journal.at[i];

        check_move(&r, entry);
        hold(&r, entry->kind, entry->id, entry->after);
    }
    release(&r);
}

// ---- what a service is at any time

static void check_parts(const struct service *service)
{
    int primaries = 0;
    int under_way = 0;

    LIST_EACH (&service->deployments, it)
        primaries += PART(it, struct deployment)->rec->status == REC_DEPLOYMENT_STATUS_PRIMARY;
    LIST_EACH (&service->service_deployments, it) {
        enum ecs_service_deployment_status status =
            PART(it, struct service_deployment)->rec->status;

        under_way += status == ECS_SERVICE_DEPLOYMENT_STATUS_PENDING ||
                     status == ECS_SERVICE_DEPLOYMENT_STATUS_IN_PROGRESS ||
                     status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_REQUESTED ||
                     status == ECS_SERVICE_DEPLOYMENT_STATUS_ROLLBACK_IN_PROGRESS;
    }
    SIM_CHECK(primaries <= 1, "service %.*s has %d PRIMARY deployments",
              STR_ARGS(service->rec->name), primaries);
    SIM_CHECK(under_way <= 1, "service %.*s has %d deployments under way",
              STR_ARGS(service->rec->name), under_way);
    if (service->rec->status != REC_SERVICE_STATUS_ACTIVE ||
        service->rec->controller != ECS_DEPLOYMENT_CONTROLLER_TYPE_ECS)
        return;
    SIM_CHECK(primaries == 1 && !list_is_empty(&service->service_deployments),
              "service %.*s is half there", STR_ARGS(service->rec->name));
}

static void check_events(const struct service *service)
{
    uint64_t last = 0;
    unsigned n = 0;

    LIST_EACH (&service->events, it) {
        const struct service_event *event = PART(it, struct service_event);

        SIM_CHECK(event->part.entity.id > last, "events of service %.*s are out of order",
                  STR_ARGS(service->rec->name));
        last = event->part.entity.id;
        n++;
    }
    SIM_CHECK(n <= EVENTS_MAX, "service %.*s has %u events", STR_ARGS(service->rec->name), n);
}

static void check_daemons(const struct service *service)
{
    LIST_EACH (&service->tasks, it) {
        const struct rec_task *a = LIST_ENTRY(it, struct task, in_service)->rec;

        for (const struct list *next = it->next; next != &service->tasks; next = next->next)
            SIM_CHECK(LIST_ENTRY(next, struct task, in_service)->rec->instance_id != a->instance_id,
                      "service %.*s has two tasks on one instance", STR_ARGS(service->rec->name));
    }
}

void check_services(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_SERVICE];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;) {
        const struct service *service = service_get(state, id);

        check_parts(service);
        check_events(service);
        if (is_daemon(service->rec))
            check_daemons(service);
        SIM_CHECK(service->rec->status != REC_SERVICE_STATUS_INACTIVE ||
                      list_is_empty(&service->tasks),
                  "service %.*s is INACTIVE and has tasks", STR_ARGS(service->rec->name));
    }
}
