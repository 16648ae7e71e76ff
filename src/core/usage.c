// See usage.h. An agent says how much of the whole host a container kept busy; in CPU units that is
// a share of what the host has registered.
//
// Refuses to believe: numbers that are none, or below zero, and tasks of another host.

#include "core/usage.h"

#include <math.h>

#include "base/arena.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "model/task_definition.h"

static double sane(double value)
{
    return isfinite(value) && value > 0 ? value : 0;
}

static double average(const struct tcs_cw_stats_set *set)
{
    return set != NULL && set->sample_count > 0 ? sane(set->sum / set->sample_count) : 0;
}

static double rate(const struct tcs_u_double_cw_stats_set *set)
{
    return set != NULL && set->sample_count > 0 ? sane(set->sum / set->sample_count) : 0;
}

// A counter's newest value: they only grow.
static int64_t counter(const struct tcs_u_long_stats_set *set)
{
    return set != NULL && set->max > 0 ? set->max : 0;
}

static int64_t add(int64_t a, int64_t b)
{
    int64_t sum;

    return __builtin_add_overflow(a, b, &sum) ? INT64_MAX : sum;
}

static void add_network(const struct tcs_network_stats_set *set, struct usage_report *out)
{
    if (set == NULL)
        return;
    out->rx_rate += rate(set->rx_bytes_per_second);
    out->tx_rate += rate(set->tx_bytes_per_second);
    out->rx_bytes = add(out->rx_bytes, counter(set->rx_bytes));
    out->tx_bytes = add(out->tx_bytes, counter(set->tx_bytes));
}

// Containers that share their task's network all tell its numbers.
static bool shares_network(const struct state *state, const struct task *task)
{
    const struct ecs_task_definition *definition =
        task_definition_get(state, task->definition_id)->rec->definition;

    return definition->network_mode == ECS_NETWORK_MODE_AWSVPC;
}

static void add_up(const struct tcs_task_metric *metric, double host_units, bool shares,
                   struct usage_report *out)
{
    bool has_network = false;

    for (size_t i = 0; i < metric->container_metrics.n; i++) {
        const struct tcs_container_metric *c = &metric->container_metrics.at[i];

        out->cpu_units += average(c->cpu_stats_set) / 100 * host_units;
        out->memory_mib += average(c->memory_stats_set);
        if (!shares || !has_network)
            add_network(c->network_stats_set, out);
        has_network = has_network || c->network_stats_set != NULL;
        if (c->storage_stats_set != NULL) {
            out->read_bytes = add(out->read_bytes, counter(c->storage_stats_set->read_size_bytes));
            out->write_bytes =
                add(out->write_bytes, counter(c->storage_stats_set->write_size_bytes));
        }
        if (c->restart_stats_set != NULL && c->restart_stats_set->restart_count > 0)
            out->restarts += c->restart_stats_set->restart_count;
    }
}

static void report(struct step *step, const struct task *task, const struct instance *instance,
                   const struct tcs_task_metric *metric, struct usage_report *out)
{
    const struct state *state = step->state;
    const struct cluster *cluster = cluster_get(state, task->cluster_id);
    const struct task_definition *definition = task_definition_get(state, task->definition_id);
    const struct service *service =
        task->rec->has.service_id ? service_get(state, (uint64_t)task->rec->service_id) : NULL;

    *out = (struct usage_report){
        .region = str_copy(step->arena, cluster->rec->region),
        .cluster = str_copy(step->arena, cluster->rec->name),
        .service = service != NULL ? str_copy(step->arena, service->rec->name) : STR_NONE,
        .family = str_copy(step->arena, family_get(state, definition->family_id)->rec->name),
        .revision = definition->rec->revision,
        .uid = str_copy(step->arena, task->uid),
        .instance = str_copy(step->arena, instance->uid),
        .health = task_health_status(state, task),
        .cpu_reserved = task->reservation.cpu_units,
        .memory_reserved_mib = task->reservation.memory_mib,
    };
    add_up(metric, instance->books.cpu_units, shares_network(state, task), out);
}

static const struct task *task_of(const struct step *step, const struct instance *instance,
                                  struct str arn)
{
    struct str head;
    struct str uid;
    const struct task *task = NULL;

    if (str_cut_last(arn, '/', &head, &uid))
        task = task_find_uid(step->state, uid);
    if (task == NULL || task->rec->last_status != REC_TASK_STATUS_RUNNING ||
        (uint64_t)task->rec->instance_id != instance->entity.id)
        return NULL;
    return task;
}

void usage_published(struct step *step, const struct instance *instance,
                     const struct tcs_publish_metrics_request *request)
{
    struct usage_reports *reports = arena_new(step->arena, struct usage_reports);

    reports->at = step->now;
    reports->at_task = arena_array(step->arena, struct usage_report, request->task_metrics.n);
    for (size_t i = 0; i < request->task_metrics.n; i++) {
        const struct tcs_task_metric *metric = &request->task_metrics.at[i];
        const struct task *task = task_of(step, instance, metric->task_arn);

        if (task == NULL)
            continue; // it ended since, or is another host's
        report(step, task, instance, metric, &reports->at_task[reports->n++]);
    }
    if (reports->n == 0)
        return;
    MARK("what tasks use is told by their agent");
    step_effect(step, EFFECT_USAGE, 0)->value = reports;
}
