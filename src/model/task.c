// Tasks. One function unlinks a task from every index and one links it, so that a record can change
// in any way and the indices, counts and reservations still agree with it.

#include "model/task.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/proof.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/provider.h"
#include "model/run_token.h"
#include "model/service.h"
#include "model/task_definition.h"

struct task *task_get(const struct state *state, uint64_t id)
{
    return (struct task *)state_get(state, REC_KIND_TASK, id);
}

struct task *task_find_uid(const struct state *state, struct str uid)
{
    return uid_index_find(&state->tasks_by_uid, uid);
}

static bool rec_is_stopped(const struct rec_task *rec)
{
    return rec->last_status >= REC_TASK_STATUS_STOPPED;
}

bool task_is_stopped(const struct task *task)
{
    return rec_is_stopped(task->rec);
}

bool task_is_wanted(const struct task *task)
{
    return task->rec->desired_status == REC_TASK_STATUS_RUNNING;
}

bool task_should_run(const struct task *task)
{
    return task_is_wanted(task) || task->rec->last_status == REC_TASK_STATUS_DEACTIVATING;
}

bool task_is_pending(const struct task *task)
{
    return task->rec->last_status < REC_TASK_STATUS_RUNNING;
}

bool task_is_waiting(const struct task *task)
{
    return task->wait != NULL;
}

time_ms task_connectivity_at(const struct rec_task *rec, const struct instance *instance)
{
    time_ms connected_at = instance->st->connected_at;

    if (rec_is_stopped(rec))
        return rec->connectivity_at;
    if (!instance->st->has.connected_at)
        return 0;
    return connected_at > rec->created_at ? connected_at : rec->created_at;
}

const struct need *task_need(const struct state *state, const struct task *task)
{
    if (task->own_need != NULL)
        return task->own_need;
    return &task_definition_get(state, task->definition_id)->need;
}

static struct str_list gpu_ids_of(const struct rec_task *rec, struct arena *arena)
{
    struct str_list ids = {0};
    size_t n = 0;

    for (size_t i = 0; i < rec->containers.n; i++)
        n += rec->containers.at[i].gpu_ids.n;
    ids.at = arena_array(arena, struct str, n);
    for (size_t i = 0; i < rec->containers.n; i++) {
        for (size_t k = 0; k < rec->containers.at[i].gpu_ids.n; k++)
            ids.at[ids.n++] = rec->containers.at[i].gpu_ids.at[k];
    }
    return ids;
}

void task_reserve(struct state *state, struct task *task, struct instance *instance)
{
    struct arena scratch = ARENA_INIT;
    struct str_list gpus = gpu_ids_of(task->rec, &scratch);

    books_take(&instance->books, task_need(state, task), &gpus, &task->reservation);
    arena_deinit(&scratch);
}

static void place_on_instance(struct state *state, struct task *task, const struct rec_task *rec)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);
    struct instance *instance;

    if (rec->instance_id == 0 || rec_is_stopped(rec))
        return;
    instance = instance_get(state, (uint64_t)rec->instance_id);
    if (!task->reservation.held) {
        task_reserve(state, task, instance);
        list_push_back(&instance->tasks, &task->on_instance);
    }
    instance->wanted_n += task_is_wanted(task);
    if (task_is_wanted(task))
        group_counts_add(&cluster->groups, &instance->groups, rec->group);
    instance->pending_n += task_is_pending(task);
    roster_note_group(&cluster->roster, instance, task_group_tag(rec->group));
}

// Keeps the reservation when the new record stays on the same instance: a task must not lose its
// place for the moment between two records.
static void leave_instance(struct state *state, struct task *task, const struct rec_task *next)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);
    struct instance *instance;

    if (!task->reservation.held)
        return;
    instance = instance_get(state, (uint64_t)task->rec->instance_id);
    instance->wanted_n -= task_is_wanted(task);
    if (task_is_wanted(task) && !(PLANTED(PLANT_UNDO_LEAVES_INDEX) && next == NULL))
        group_counts_subtract(&cluster->groups, &instance->groups, task->rec->group);
    instance->pending_n -= task_is_pending(task);
    roster_note_group(&cluster->roster, instance, task_group_tag(task->rec->group));
    if (next != NULL && next->instance_id == task->rec->instance_id && !rec_is_stopped(next))
        return;
    MARK_IF(next == NULL, "a task whose start is undone gives back what it took");
    MARK_IF(next != NULL, "a task that stops gives back what it took");
    books_give(&instance->books, &task->reservation);
    services_mark_room(state, cluster);
    if (instance->st->status == REC_INSTANCE_STATUS_DRAINING)
        services_mark_daemons(state, cluster);
    list_remove(&task->on_instance);
    list_remove(&task->unacknowledged);
    roster_note(&cluster->roster, instance);
}

// --- waiting for an instance

// By id: an end that is undone puts a task back among newer ones.
static void link_wait(struct cluster *cluster, struct task *task)
{
    struct list *at = &cluster->tasks_waiting;

    while (at->prev != &cluster->tasks_waiting &&
           LIST_ENTRY(at->prev, struct task_wait, in_cluster)->task->entity.id > task->entity.id)
        at = at->prev;
    list_insert_before(at, &task->wait->in_cluster);
}

static void begin_wait(struct state *state, struct task *task, const struct rec_task *rec)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);

    task->wait = mem_zalloc(sizeof *task->wait);
    task->wait->task = task;
    link_wait(cluster, task);
    cluster->tasks_waiting_n++;
    if (rec->service_id == 0)
        expiry_set(&state->waits, &task->wait->expiry, REC_KIND_TASK, task->entity.id,
                   rec->created_at + TASK_WAIT_MS);
    provider_wake(state, cluster->rec->region, rec->capacity_provider_name);
}

static void end_wait(struct state *state, struct task *task)
{
    list_remove(&task->wait->in_cluster);
    expiry_clear(&state->waits, &task->wait->expiry);
    cluster_get(state, task->cluster_id)->tasks_waiting_n--;
    mem_free(task->wait);
    task->wait = NULL;
}

// `rec`: the record from here on; NULL: none.
static void set_wait(struct state *state, struct task *task, const struct rec_task *rec)
{
    bool waits =
        rec != NULL && rec->last_status == REC_TASK_STATUS_PROVISIONING && rec->instance_id == 0;

    if (waits && task->wait == NULL)
        begin_wait(state, task, rec);
    else if (!waits && task->wait != NULL)
        end_wait(state, task);
}

static void count_in_cluster(struct state *state, const struct task *task, uint32_t by)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);

    if (task_is_stopped(task))
        return;
    cluster->tasks_n += by;
    if (task_is_pending(task))
        cluster->pending_n[task->rec->launch_type] += by;
    else
        cluster->running_n[task->rec->launch_type] += by;
}

static void drop_expiry(struct state *state, struct task *task)
{
    if (task->expiry == NULL)
        return;
    expiry_clear(&state->stopped, task->expiry);
    mem_free(task->expiry);
    task->expiry = NULL;
}

static void set_expiry(struct state *state, struct task *task)
{
    time_ms keep = state->config.stopped_task_keep_ms;

    if (!task_is_stopped(task)) {
        drop_expiry(state, task);
    } else {
        if (task->expiry == NULL)
            task->expiry = mem_zalloc(sizeof *task->expiry);
        expiry_set(&state->stopped, task->expiry, REC_KIND_TASK, task->entity.id,
                   task->rec->stopped_at + keep);
    }
    if (task->token_id != 0)
        run_token_follow(state, task->token_id);
}

// How many records name the instance, STOPPED ones too.
static void count_on_instance(struct state *state, const struct rec_task *rec, uint32_t by)
{
    struct instance *instance;

    if (rec->instance_id == 0)
        return;
    instance = instance_get(state, (uint64_t)rec->instance_id);
    instance->records_n += by;
    instance_set_expiry(state, instance);
}

static bool overrides_change_need(const struct ecs_task_override *overrides)
{
    return overrides != NULL &&
           (overrides->has.cpu || overrides->has.memory || overrides->container_overrides.n > 0);
}

static struct task *task_new(struct state *state, uint64_t id, const struct rec_task *rec)
{
    struct task *task = mem_zalloc(sizeof *task);
    struct task_definition *definition;

    task->entity = (struct entity){.id = id, .kind = REC_KIND_TASK};
    task->uid = rec->uid;
    task->cluster_id = (uint64_t)rec->cluster_id;
    task->definition_id = (uint64_t)rec->definition_id;
    definition = task_definition_get(state, task->definition_id);
    definition->tasks_n++;
    task_definition_set_expiry(state, definition);
    if (overrides_change_need(rec->overrides)) {
        task->own_need = mem_alloc(sizeof *task->own_need);
        need_init(task->own_need, definition->rec->definition, rec->overrides);
    }
    uid_index_add(&state->tasks_by_uid, task);
    idtable_put(&state->entities[REC_KIND_TASK], id, task);
    return task;
}

static void task_delete(struct state *state, struct task *task)
{
    struct task_definition *definition = task_definition_get(state, task->definition_id);

    ASSERT(!task->reservation.held);
    list_remove(&task->unacknowledged);
    definition->tasks_n--;
    task_definition_set_expiry(state, definition);
    task_lists_leave(state, task);
    cluster_set_expiry(state, cluster_get(state, task->cluster_id));
    drop_expiry(state, task);
    uid_index_remove(&state->tasks_by_uid, task);
    idtable_remove(&state->entities[REC_KIND_TASK], task->entity.id);
    if (task->own_need != NULL)
        need_deinit(task->own_need);
    mem_free(task->own_need);
    mem_free(task);
}

void task_apply(struct state *state, uint64_t id, const void *record)
{
    const struct rec_task *rec = record;
    struct task *task = task_get(state, id);

    if (task != NULL) {
        count_in_cluster(state, task, UINT32_MAX); // minus one
        service_drop_task(state, task, rec != NULL && !rec_is_stopped(rec));
        leave_instance(state, task, rec);
        count_on_instance(state, task->rec, UINT32_MAX);
    } else {
        task = task_new(state, id, rec);
    }
    set_wait(state, task, rec);
    if (rec == NULL) {
        task_delete(state, task);
        return;
    }
    task->entity.record = rec;
    task->rec = rec;
    task->uid = rec->uid; // the same text, but the memory of the old record will go
    count_on_instance(state, rec, 1);
    place_on_instance(state, task, rec);
    service_take_task(state, task);
    count_in_cluster(state, task, 1);
    task_lists_enter(state, task);
    cluster_set_expiry(state, cluster_get(state, task->cluster_id));
    set_expiry(state, task);
}

struct str task_arn(const struct state *state, const struct task *task, struct arena *arena)
{
    const struct cluster *cluster = cluster_get(state, task->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make2(arena, &scope, "task", cluster->rec->name, task->uid);
}

struct str container_arn(const struct state *state, const struct task *task, size_t index,
                         struct arena *arena)
{
    const struct cluster *cluster = cluster_get(state, task->cluster_id);
    struct scope scope = cluster_scope(state, cluster);

    return arn_make3(arena, &scope, "container", cluster->rec->name, task->uid,
                     task->rec->containers.at[index].uid);
}

static void check_task(const struct state *state, const struct task *task)
{
    bool placed = task->rec->instance_id != 0 && !task_is_stopped(task);

    ASSERT_SAY(task->reservation.held == placed, "task %.*s", STR_ARGS(task->uid));
    ASSERT_SAY((task->expiry != NULL) == task_is_stopped(task), "task %.*s", STR_ARGS(task->uid));
    ASSERT_SAY(!task_is_stopped(task) || !task_is_wanted(task), "task %.*s", STR_ARGS(task->uid));
    ASSERT_SAY(task_is_waiting(task) == (task->rec->instance_id == 0 &&
                                         task->rec->last_status == REC_TASK_STATUS_PROVISIONING),
               "task %.*s", STR_ARGS(task->uid));
    ASSERT(task_definition_get(state, task->definition_id) != NULL);
    ASSERT(cluster_get(state, task->cluster_id) != NULL);
}

void task_check_all(const struct state *state)
{
    const struct idtable *table = &state->entities[REC_KIND_TASK];

    for (uint64_t id = 0; (id = idtable_next(table, id)) != 0;)
        check_task(state, task_get(state, id));
}
