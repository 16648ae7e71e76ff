// A task has a link for every kind of list. Lists of families and of startedBy are drawers of the
// cluster, made for their first task and thrown away with their last.

#include "model/task_lists.h"

#include "base/assert.h"
#include "base/mem.h"
#include "model/cluster.h"
#include "model/task.h"
#include "model/task_definition.h"

void task_list_init(struct task_list *list)
{
    list_init(&list->wanted);
    list_init(&list->unwanted);
}

bool task_list_is_empty(const struct task_list *list)
{
    return list_is_empty(&list->wanted) && list_is_empty(&list->unwanted);
}

static struct task *task_of(const struct list *link, enum task_list_kind kind)
{
    return (struct task *)((char *)(uintptr_t)(link - kind) - offsetof(struct task, listed));
}

// --- drawers

static uint64_t family_of(const struct state *state, const struct task *task)
{
    return task_definition_get(state, task->definition_id)->family_id;
}

static struct str family_key(const uint64_t *family_id)
{
    return str_span((const char *)family_id, sizeof *family_id);
}

static struct task_drawer *drawer_find(struct task_drawer *const *drawers, struct str key)
{
    struct task_drawer *found;

    MAP_FIND_STR(by_key, *drawers, key, found);
    return found;
}

static struct task_list *drawer_open(struct task_drawer **drawers, struct str key)
{
    struct task_drawer *drawer = drawer_find(drawers, key);
    char *own;

    if (drawer != NULL)
        return &drawer->list;
    drawer = mem_zalloc(sizeof *drawer);
    own = mem_alloc(key.len);
    memcpy(own, key.ptr, key.len);
    drawer->key = str_span(own, key.len);
    task_list_init(&drawer->list);
    MAP_ADD_STR(by_key, *drawers, key, drawer);
    return &drawer->list;
}

static void drawer_tidy(struct task_drawer **drawers, struct str key)
{
    struct task_drawer *drawer = drawer_find(drawers, key);

    if (drawer == NULL || !task_list_is_empty(&drawer->list))
        return;
    MAP_DEL(by_key, *drawers, drawer);
    mem_free((void *)(uintptr_t)drawer->key.ptr);
    mem_free(drawer);
}

// --- a task

// By id, wherever a stop that is undone puts a task back. It is looked for from both sides, from
// the newest task of the list and from the next newer task there is: whichever is nearer.
static void link_as_wanted(const struct state *state, struct list *head, struct task *task,
                           enum task_list_kind kind)
{
    const struct idtable *table = &state->entities[REC_KIND_TASK];
    uint64_t newer = task->entity.id;
    struct list *at = head;

    while (at->prev != head && task_of(at->prev, kind)->entity.id > task->entity.id) {
        struct task *other;

        at = at->prev;
        newer = idtable_next(table, newer);
        other = task_get(state, newer); // there is one: at least the one at `at` is newer
        if (kind == TASK_LIST_CLUSTER && other->cluster_id == task->cluster_id &&
            other->listed_as_wanted && list_is_linked(&other->listed[kind])) {
            at = &other->listed[kind];
            break;
        }
    }
    list_insert_before(at, &task->listed[kind]);
}

static void link_in(const struct state *state, struct task_list *list, struct task *task,
                    enum task_list_kind kind)
{
    if (task->listed_as_wanted)
        link_as_wanted(state, &list->wanted, task, kind);
    else
        list_push_back(&list->unwanted, &task->listed[kind]);
}

void task_lists_enter(struct state *state, struct task *task)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);
    bool wanted = task_is_wanted(task);
    uint64_t family_id;

    if (list_is_linked(&task->listed[TASK_LIST_CLUSTER]) && task->listed_as_wanted == wanted)
        return;
    family_id = family_of(state, task);
    for (int kind = 0; kind < TASK_LIST_N; kind++)
        list_remove(&task->listed[kind]);
    task->listed_as_wanted = wanted;
    link_in(state, &cluster->tasks, task, TASK_LIST_CLUSTER);
    link_in(state, drawer_open(&cluster->tasks_by_family, family_key(&family_id)), task,
            TASK_LIST_FAMILY);
    if (task->rec->started_by.len > 0)
        link_in(state, drawer_open(&cluster->tasks_by_starter, task->rec->started_by), task,
                TASK_LIST_STARTED_BY);
}

void task_lists_leave(struct state *state, struct task *task)
{
    struct cluster *cluster = cluster_get(state, task->cluster_id);
    uint64_t family_id = family_of(state, task);

    for (int kind = 0; kind < TASK_LIST_N; kind++)
        list_remove(&task->listed[kind]);
    drawer_tidy(&cluster->tasks_by_family, family_key(&family_id));
    if (task->rec->started_by.len > 0)
        drawer_tidy(&cluster->tasks_by_starter, task->rec->started_by);
}

// --- walking

static enum task_list_kind kind_of(const struct task_walk *walk)
{
    if (walk->started_by.len > 0)
        return TASK_LIST_STARTED_BY;
    return walk->family_id != 0 ? TASK_LIST_FAMILY : TASK_LIST_CLUSTER;
}

// NULL: there are no such tasks.
static const struct list *head_of(const struct task_walk *walk, enum task_list_kind kind)
{
    const struct task_list *list = &walk->cluster->tasks;

    if (kind != TASK_LIST_CLUSTER) {
        const struct task_drawer *drawer =
            kind == TASK_LIST_FAMILY
                ? drawer_find(&walk->cluster->tasks_by_family, family_key(&walk->family_id))
                : drawer_find(&walk->cluster->tasks_by_starter, walk->started_by);
        if (drawer == NULL)
            return NULL;
        list = &drawer->list;
    }
    return walk->wanted ? &list->wanted : &list->unwanted;
}

static bool stands_in(const struct state *state, const struct task_walk *walk,
                      const struct task *task)
{
    if (task == NULL || task->cluster_id != walk->cluster->entity.id ||
        task->listed_as_wanted != walk->wanted)
        return false;
    if (walk->started_by.len > 0)
        return str_eq(task->rec->started_by, walk->started_by);
    return walk->family_id == 0 || family_of(state, task) == walk->family_id;
}

// The first in the list with a greater id. In the list of a cluster it is found by id.
static struct task *first_behind(const struct state *state, const struct task_walk *walk,
                                 const struct list *head, enum task_list_kind kind, uint64_t after)
{
    const struct idtable *table = &state->entities[REC_KIND_TASK];

    if (kind != TASK_LIST_CLUSTER) {
        LIST_EACH (head, it) {
            if (task_of(it, kind)->entity.id > after)
                return task_of(it, kind);
        }
        return NULL;
    }
    for (uint64_t id = after; (id = idtable_next(table, id)) != 0;) {
        if (stands_in(state, walk, task_get(state, id)))
            return task_get(state, id);
    }
    return NULL;
}

struct task *task_after(const struct state *state, const struct task_walk *walk, uint64_t after)
{
    enum task_list_kind kind = kind_of(walk);
    const struct list *head = head_of(walk, kind);
    const struct task *anchor = after != 0 ? task_get(state, after) : NULL;
    const struct list *next;

    if (head == NULL)
        return NULL;
    next = head->next;
    if (stands_in(state, walk, anchor))
        next = anchor->listed[kind].next;
    else if (walk->wanted && after != 0)
        return first_behind(state, walk, head, kind, after);
    return next != head ? task_of(next, kind) : NULL;
}

// --- what must hold

static size_t check_half(const struct list *head, enum task_list_kind kind, bool wanted)
{
    uint64_t last = 0;
    size_t n = 0;

    LIST_EACH (head, it) {
        const struct task *task = task_of(it, kind);

        ASSERT_SAY(task->listed_as_wanted == wanted && task_is_wanted(task) == wanted, "task %.*s",
                   STR_ARGS(task->uid));
        ASSERT_SAY(!wanted || task->entity.id > last, "task %.*s", STR_ARGS(task->uid));
        last = task->entity.id;
        n++;
    }
    return n;
}

static size_t check_list(const struct task_list *list, enum task_list_kind kind)
{
    return check_half(&list->wanted, kind, true) + check_half(&list->unwanted, kind, false);
}

static size_t check_drawers(struct task_drawer *const *drawers, enum task_list_kind kind)
{
    size_t n = 0;

    for (const struct task_drawer *drawer = *drawers; drawer != NULL;
         drawer = drawer->by_key.next) {
        ASSERT(!task_list_is_empty(&drawer->list));
        n += check_list(&drawer->list, kind);
    }
    return n;
}

static size_t count_started(const struct list *head)
{
    size_t n = 0;

    LIST_EACH (head, it)
        n += task_of(it, TASK_LIST_CLUSTER)->rec->started_by.len > 0;
    return n;
}

void task_lists_check(const struct cluster *cluster)
{
    size_t all = check_list(&cluster->tasks, TASK_LIST_CLUSTER);
    size_t started =
        count_started(&cluster->tasks.wanted) + count_started(&cluster->tasks.unwanted);

    ASSERT_SAY(check_drawers(&cluster->tasks_by_family, TASK_LIST_FAMILY) == all, "cluster %.*s",
               STR_ARGS(cluster->key));
    ASSERT_SAY(check_drawers(&cluster->tasks_by_starter, TASK_LIST_STARTED_BY) == started,
               "cluster %.*s", STR_ARGS(cluster->key));
}
