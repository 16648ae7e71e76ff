// See upkeep.h. What comes next is asked anew whenever no call is under way: look for what is ours,
// remove orphans that are due, then the cycle: images of ours, and, if that is wanted, containers
// and images of others. So no chore needs to know what comes behind it.
//
// Orphans. Containers and task volumes carry a label that names this agent. One whose name and id
// no record has is an orphan: a former life's data folder was lost, or a create call was carried
// out after everybody had given it up. It is told in the log at once and removed after the cleanup
// wait, so that a folder that was not mounted by mistake can be put right. All containers of a task
// are stopped, then what it had of the host goes, then they do: nothing else tells whose it was,
// and which of them are still there nobody knows for certain.
//
// Refuses to touch: what has no label or another agent's, an image that a task of ours refers to,
// images of a runtime that pulling does without (prefer-cached), and anything by force.

#include "engine/upkeep.h"

#include "engine/state.h"

enum {
    LIST_MS = 10 * 60 * 1000,
    REMOVE_IMAGE_MS = 3 * 60 * 1000,
    ORPHAN_ATTEMPTS = 5,
    LOW_DISK_CYCLE_MS = 60 * 1000,
    LOOKS_LATER_MS = 30 * 1000,
};

enum orphan_kind { ORPHAN_CONTAINER, ORPHAN_VOLUME };

struct orphan {
    struct orphan *next;
    enum orphan_kind kind;
    struct str subject; // a container's id or a volume's name, behind the structure
    struct str task;    // short id of the container's, behind it; empty: it does not say
    bool runs;
    size_t removed; // of its task's resources
    time_ms due_at;
    int attempts;
};

struct stranger {
    struct stranger *next;
    struct str subject; // id of a container, or a name of an image, behind the structure
    bool is_image;
    bool has_ended_long; // a container that was inspected
};

// ---- lists

static struct str put_behind(char *place, struct str text)
{
    if (text.len > 0)
        memcpy(place, text.ptr, text.len);
    return str_span(place, text.len);
}

static struct orphan *find_orphan(const struct upkeep *u, struct str subject)
{
    for (struct orphan *o = u->orphans; o != NULL; o = o->next) {
        if (str_eq(o->subject, subject))
            return o;
    }
    return NULL;
}

// NULL when it is there already.
static struct orphan *add_orphan(struct engine *engine, enum orphan_kind kind, struct str subject,
                                 struct str task)
{
    struct upkeep *u = &engine->upkeep;
    struct orphan **place = &u->orphans;
    struct orphan *orphan;

    if (subject.len == 0 || find_orphan(u, subject) != NULL)
        return NULL;
    while (*place != NULL)
        place = &(*place)->next;
    orphan = mem_zalloc(sizeof(*orphan) + subject.len + task.len);
    orphan->kind = kind;
    orphan->subject = put_behind((char *)(orphan + 1), subject);
    orphan->task = put_behind((char *)(orphan + 1) + subject.len, task);
    orphan->due_at = engine->now + engine->settings.cleanup_wait_ms;
    *place = orphan;
    return orphan;
}

static void add_container(struct engine *engine, const struct docker_container_summary *found)
{
    struct str arn = STR_NONE;
    struct str head;
    struct str task = STR_NONE;
    struct orphan *orphan;

    for (size_t i = 0; i < found->labels.n; i++) {
        if (str_eq(found->labels.at[i].key, STR("com.amazonaws.ecs.task-arn")))
            arn = found->labels.at[i].value;
    }
    if (!str_cut_last(arn, '/', &head, &task))
        task = STR_NONE;
    orphan = add_orphan(engine, ORPHAN_CONTAINER, found->id, task);
    if (orphan == NULL)
        return;
    orphan->runs = str_eq(found->state, STR("running"));
    MARK("a container that no record knows is found");
    engine_log(engine, LOG_LEVEL_WARN, "orphan.container", NULL, NULL, orphan->subject);
}

static void add_volume(struct engine *engine, struct str name)
{
    if (add_orphan(engine, ORPHAN_VOLUME, name, STR_NONE) == NULL)
        return;
    MARK("a task's volume that no record knows is found");
    engine_log(engine, LOG_LEVEL_WARN, "orphan.volume", NULL, NULL, name);
}

static void drop_orphan(struct upkeep *u, struct orphan *orphan)
{
    struct orphan **place = &u->orphans;

    while (*place != orphan)
        place = &(*place)->next;
    *place = orphan->next;
    mem_free(orphan);
}

static void add_stranger(struct upkeep *u, struct str subject, bool is_image)
{
    struct stranger **place = &u->strangers;
    struct stranger *stranger = mem_zalloc(sizeof(*stranger) + subject.len);

    while (*place != NULL)
        place = &(*place)->next;
    stranger->subject = put_behind((char *)(stranger + 1), subject);
    stranger->is_image = is_image;
    *place = stranger;
}

static void drop_stranger(struct upkeep *u, struct stranger *stranger)
{
    struct stranger **place = &u->strangers;

    while (*place != stranger)
        place = &(*place)->next;
    *place = stranger->next;
    mem_free(stranger);
}

// ---- what is ours

static bool name_is(struct str listed, struct str name)
{
    if (str_starts(listed, STR("/")))
        listed = str_from(listed, 1);
    return name.len > 0 && str_eq(listed, name);
}

static bool is_container(const struct container *c, const struct docker_container_summary *found)
{
    if (c->runtime_id.len > 0 && str_eq(c->runtime_id, found->id))
        return true;
    for (size_t i = 0; i < found->names.n; i++) {
        if (name_is(found->names.at[i], c->runtime_name))
            return true;
    }
    return false;
}

static bool is_known(const struct engine *engine, const struct docker_container_summary *found)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++) {
            if (is_container(&t->containers[i], found))
                return true;
        }
    }
    return false;
}

static bool is_known_volume(const struct engine *engine, struct str name)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->volumes_n; i++) {
            if (str_eq(t->volumes[i].source, name))
                return true;
        }
    }
    return false;
}

static bool has_label(const struct docker_container_summary *found, struct str key)
{
    for (size_t i = 0; i < found->labels.n; i++) {
        if (str_eq(found->labels.at[i].key, key))
            return true;
    }
    return false;
}

static bool is_used(const struct engine *engine, struct str image)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        for (size_t i = 0; i < t->containers_n; i++) {
            if (image_is_of(&t->containers[i], image))
                return true;
        }
    }
    return false;
}

// Entries that the operator excludes name an image with or without its tag.
static bool is_excluded(const struct engine *engine, struct str image)
{
    const struct str_list *list = &engine->settings.images_kept;

    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i], image) || str_eq(list->at[i], image_repository(image)))
            return true;
    }
    return str_starts(image, STR("gantry/pause:")) ||
           str_eq(image_repository(image), STR("gantry/pause"));
}

// ---- calls

static void send(struct engine *engine, enum chore chore, struct host_call *call, time_ms timeout)
{
    struct upkeep *u = &engine->upkeep;

    ASSERT(u->chore == CHORE_NONE);
    u->chore = chore;
    u->token = engine_call(engine, (struct call_target){.is_chore = true}, call, timeout);
}

static void find_ours(struct engine *engine, enum chore chore, enum host_call_kind kind)
{
    struct host_call *call = engine_new_call(engine, kind);
    struct str_pair *label = arena_new(engine->out->arena, struct str_pair);

    *label = (struct str_pair){STR(ENGINE_OWNER_LABEL),
                               str_copy(engine->out->arena, engine->settings.owner)};
    SET(call, labels, (struct str_map){.n = 1, .at = label});
    send(engine, chore, call, LIST_MS);
}

// Whose container it was is not known any more, so neither is what its definition said.
static int32_t stop_seconds(const struct engine *engine)
{
    return (int32_t)(engine->settings.stop_timeout_ms / TIME_SECOND_MS);
}

static void on_container(struct engine *engine, enum chore chore, enum host_call_kind kind,
                         struct str subject, time_ms timeout)
{
    struct host_call *call = engine_new_call(engine, kind);

    SET(call, container, str_copy(engine->out->arena, subject));
    if (kind == HOST_CALL_KIND_STOP)
        SET(call, stop_timeout, stop_seconds(engine));
    send(engine, chore, call, timeout);
}

static void remove_image(struct engine *engine, enum chore chore, struct str name)
{
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_REMOVE_IMAGE);

    SET(call, image, str_copy(engine->out->arena, name));
    send(engine, chore, call, REMOVE_IMAGE_MS);
}

// ---- orphans: what to do next about them

// What a task may have left on its host beside containers and volumes.
static const enum host_resource_kind left_behind[] = {
    HOST_RESOURCE_KIND_FIRELENS,
    HOST_RESOURCE_KIND_CGROUP, // last: hosts without groups of tasks skip it
};

static size_t left_behind_n(const struct engine *engine)
{
    return sizeof left_behind / sizeof *left_behind - (engine->settings.task_cgroups ? 0 : 1);
}

static bool is_task_known(const struct engine *engine, const struct orphan *orphan)
{
    for (struct task *t = NULL; (t = task_next(engine, t)) != NULL;) {
        if (str_eq(task_short_id(t), orphan->task))
            return true;
    }
    return false;
}

static bool is_sibling(const struct orphan *one, const struct orphan *other)
{
    return one != other && one->task.len > 0 && str_eq(one->task, other->task);
}

static struct orphan *running_sibling(const struct upkeep *u, const struct orphan *orphan)
{
    for (struct orphan *o = u->orphans; o != NULL; o = o->next) {
        if (o->runs && is_sibling(o, orphan))
            return o;
    }
    return NULL;
}

static bool has_resources(const struct engine *engine, const struct orphan *orphan)
{
    return orphan->task.len > 0 && orphan->removed < left_behind_n(engine) &&
           !is_task_known(engine, orphan);
}

static void remove_resource(struct engine *engine, const struct orphan *orphan)
{
    struct arena *arena = engine->out->arena;
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_REMOVE_RESOURCE);
    struct host_resource *what = arena_new(arena, struct host_resource);

    SET(what, kind, left_behind[orphan->removed]);
    SET(what, task, str_copy(arena, orphan->task));
    SET(call, resource, what);
    send(engine, CHORE_REMOVE_RESOURCE, call, ENGINE_RESOURCE_MS);
}

static bool tend_orphan(struct engine *engine, struct orphan *orphan)
{
    struct upkeep *u = &engine->upkeep;

    u->orphan = orphan;
    if (orphan->kind == ORPHAN_VOLUME) {
        struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_REMOVE_VOLUME);

        SET(call, volume_name, str_copy(engine->out->arena, orphan->subject));
        send(engine, CHORE_REMOVE_VOLUME, call, ENGINE_VOLUME_MS);
    } else if (orphan->runs) {
        on_container(engine, CHORE_STOP_ORPHAN, HOST_CALL_KIND_STOP, orphan->subject,
                     engine->settings.stop_timeout_ms + ENGINE_STOP_EXTRA_MS);
    } else if (has_resources(engine, orphan)) {
        remove_resource(engine, orphan);
    } else {
        on_container(engine, CHORE_REMOVE_ORPHAN, HOST_CALL_KIND_REMOVE, orphan->subject,
                     ENGINE_REMOVE_MS);
    }
    return true;
}

static bool tend_orphans(struct engine *engine)
{
    for (struct orphan *o = engine->upkeep.orphans; o != NULL; o = o->next) {
        struct orphan *first;

        if (o->due_at > engine->now)
            continue;
        first = o->runs ? NULL : running_sibling(&engine->upkeep, o);
        if (first == NULL || first->due_at <= engine->now)
            return tend_orphan(engine, first != NULL ? first : o);
        o->due_at = first->due_at;
    }
    return false;
}

static void orphan_removed(struct engine *engine, struct orphan *orphan)
{
    MARK_IF(orphan->kind == ORPHAN_CONTAINER, "a container that no record knows is removed");
    MARK_IF(orphan->kind == ORPHAN_VOLUME, "a task's volume that no record knows is removed");
    engine_log(engine, LOG_LEVEL_INFO, "orphan.removed", NULL, NULL, orphan->subject);
    drop_orphan(&engine->upkeep, orphan);
}

static void orphan_tended(struct engine *engine, const struct host_result *result, enum chore chore)
{
    struct upkeep *u = &engine->upkeep;
    struct orphan *orphan = u->orphan;
    bool is_gone = !result->has.error || result->error->class == HOST_ERROR_CLASS_NOT_FOUND;

    u->orphan = NULL;
    if (is_gone && chore == CHORE_STOP_ORPHAN) {
        MARK("an orphan that runs is stopped before it is removed");
        orphan->runs = false;
        return;
    }
    if (is_gone && chore == CHORE_REMOVE_RESOURCE) {
        MARK("what a task that no record knows had of its host is removed");
        orphan->removed++;
        for (struct orphan *o = u->orphans; o != NULL; o = o->next)
            o->removed = is_sibling(o, orphan) ? orphan->removed : o->removed;
        return;
    }
    if (is_gone) {
        orphan_removed(engine, orphan);
        return;
    }
    orphan->due_at = engine->now + LOOKS_LATER_MS;
    orphan->runs = orphan->runs || (orphan->kind == ORPHAN_CONTAINER &&
                                    result->error->class == HOST_ERROR_CLASS_CONFLICT);
    if (result->error->class != HOST_ERROR_CLASS_UNREACHABLE &&
        ++orphan->attempts >= ORPHAN_ATTEMPTS) {
        engine_log(engine, LOG_LEVEL_WARN, "orphan.not_removed", NULL, NULL, result->error->text);
        if (chore != CHORE_REMOVE_RESOURCE) {
            drop_orphan(u, orphan);
            return;
        }
        orphan->removed++; // its container need not stay for that
        orphan->attempts = 0;
    }
}

static void containers_found(struct engine *engine, const struct host_result *result)
{
    for (size_t i = 0; !result->has.error && i < result->containers.n; i++) {
        const struct docker_container_summary *found = &result->containers.at[i];

        if (!is_known(engine, found) && !PLANTED(PLANT_CONTAINER_LOST))
            add_container(engine, found);
    }
}

static void volumes_found(struct engine *engine, const struct host_result *result)
{
    for (size_t i = 0; !result->has.error && i < result->volumes.n; i++) {
        struct str name = result->volumes.at[i].name;

        if (!is_known_volume(engine, name))
            add_volume(engine, name);
    }
}

// ---- images of ours

static bool may_go(const struct engine *engine, const struct image *image)
{
    const struct engine_settings *settings = &engine->settings;
    time_ms age = engine->upkeep.disk_is_low ? 0 : settings->image_min_age_ms;

    if (image->tried == engine->upkeep.cycle || engine->now < image->pulled_at + age)
        return false;
    if (is_excluded(engine, image->name))
        return false;
    if (is_used(engine, image->name)) {
        MARK("an image is kept while a task refers to it");
        return false;
    }
    return true;
}

static time_ms last_use(const struct image *image)
{
    return image->last_used_at ? image->last_used_at : image->pulled_at;
}

static struct image *least_recently_used(const struct engine *engine)
{
    struct image *best = NULL;
    struct image *image;
    struct image *next;

    HASH_ITER (by_name, engine->images, image, next) {
        if (!may_go(engine, image))
            continue;
        if (best == NULL || last_use(image) < last_use(best) ||
            (last_use(image) == last_use(best) && image->id < best->id))
            best = image;
    }
    return best;
}

static bool tend_images(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;
    struct image *image = u->images_left > 0 ? least_recently_used(engine) : NULL;

    if (image == NULL)
        return false;
    image->tried = u->cycle;
    u->images_left--;
    u->image = image;
    remove_image(engine, CHORE_REMOVE_IMAGE, image->name);
    return true;
}

static void image_removed(struct engine *engine, const struct host_result *result)
{
    struct image *image = engine->upkeep.image;

    engine->upkeep.image = NULL;
    if (result->has.error && result->error->class != HOST_ERROR_CLASS_NOT_FOUND) {
        MARK("an image that cannot be removed is tried again in a later cycle");
        engine_log(engine, LOG_LEVEL_INFO, "image.kept", NULL, NULL, result->error->text);
        return;
    }
    MARK("an image that no task refers to any more is removed");
    engine_log(engine, LOG_LEVEL_INFO, "image.removed", NULL, NULL, image->name);
    image_forget(engine, image);
}

// ---- what others have left

static void find_strangers(struct engine *engine)
{
    engine->upkeep.strangers_found = true;
    send(engine, CHORE_FIND_STRANGERS, engine_new_call(engine, HOST_CALL_KIND_LIST), LIST_MS);
}

static bool has_ended(struct str state)
{
    return str_eq(state, STR("created")) || str_eq(state, STR("exited")) ||
           str_eq(state, STR("dead"));
}

static void strangers_found(struct engine *engine, const struct host_result *result)
{
    for (size_t i = 0; !result->has.error && i < result->containers.n; i++) {
        const struct docker_container_summary *found = &result->containers.at[i];

        if (has_ended(found->state) && !has_label(found, STR("com.amazonaws.ecs.task-arn")) &&
            !is_known(engine, found))
            add_stranger(&engine->upkeep, found->id, false);
    }
}

// Since when it has not run: its end, or its making when it never ran.
static time_ms idle_since(const struct docker_container *found)
{
    const struct docker_container_state *state = found->state;

    return state != NULL && state->finished_at > 0 ? state->finished_at : found->created;
}

static void stranger_inspected(struct engine *engine, const struct host_result *result)
{
    struct upkeep *u = &engine->upkeep;
    struct stranger *stranger = u->stranger;

    u->stranger = NULL;
    stranger->has_ended_long =
        !result->has.error && result->container != NULL &&
        (result->container->state == NULL || !result->container->state->running) &&
        engine->now - idle_since(result->container) >= engine->settings.cleanup_wait_ms;
    if (!stranger->has_ended_long)
        drop_stranger(u, stranger);
}

static void stranger_removed(struct engine *engine, const struct host_result *result)
{
    struct upkeep *u = &engine->upkeep;

    if (!result->has.error) {
        MARK_IF(u->stranger->is_image, "an image of others that nobody uses is removed");
        engine_log(engine, LOG_LEVEL_INFO,
                   u->stranger->is_image ? "image.removed" : "container.removed", NULL, NULL,
                   u->stranger->subject);
    }
    drop_stranger(u, u->stranger);
    u->stranger = NULL;
}

static bool is_strange(const struct engine *engine, const struct docker_image_summary *image)
{
    time_ms created;
    int64_t age;

    if (__builtin_mul_overflow(image->created, TIME_SECOND_MS, &created) ||
        __builtin_sub_overflow(engine->now, created, &age) || // no time of this world
        age < engine->settings.strange_image_min_age_ms)
        return false;
    for (size_t i = 0; i < image->repo_digests.n; i++) {
        struct str name = image->repo_digests.at[i];

        if (image_find(engine, name) != NULL || is_used(engine, name))
            return false; // it may have no tag
    }
    for (size_t i = 0; i < image->repo_tags.n; i++) {
        struct str name = image->repo_tags.at[i];

        if (image_find(engine, name) != NULL || is_used(engine, name) || is_excluded(engine, name))
            return false;
        if (str_ends(name, STR(":latest")) && (image_find(engine, image_repository(name)) != NULL ||
                                               is_used(engine, image_repository(name))))
            return false;
    }
    return true;
}

// Smallest first, as many as the cycle may still remove; every name of each.
static void images_found(struct engine *engine, const struct host_result *result)
{
    struct upkeep *u = &engine->upkeep;
    int64_t above = -1;

    while (!result->has.error && u->images_left > 0) {
        const struct docker_image_summary *least = NULL;

        for (size_t i = 0; i < result->images.n; i++) {
            const struct docker_image_summary *image = &result->images.at[i];

            if (image->size > above && (least == NULL || image->size < least->size) &&
                is_strange(engine, image))
                least = image;
        }
        if (least == NULL)
            return;
        above = least->size;
        u->images_left--;
        for (size_t i = 0; i < least->repo_tags.n; i++)
            add_stranger(u, least->repo_tags.at[i], true);
        if (least->repo_tags.n == 0 || str_eq(least->repo_tags.at[0], STR("<none>:<none>")))
            add_stranger(u, least->id, true);
    }
}

static bool tend_stranger(struct engine *engine, struct stranger *stranger)
{
    struct upkeep *u = &engine->upkeep;

    if (!stranger->is_image && stranger->has_ended_long && u->containers_left == 0) {
        drop_stranger(u, stranger);
        return true;
    }
    u->stranger = stranger;
    if (stranger->is_image) {
        remove_image(engine, CHORE_REMOVE_STRANGE_IMAGE, stranger->subject);
    } else if (!stranger->has_ended_long) {
        on_container(engine, CHORE_INSPECT_STRANGER, HOST_CALL_KIND_INSPECT, stranger->subject,
                     ENGINE_INSPECT_MS);
    } else {
        u->containers_left--;
        on_container(engine, CHORE_REMOVE_STRANGER, HOST_CALL_KIND_REMOVE, stranger->subject,
                     ENGINE_REMOVE_MS);
    }
    return true;
}

static bool tend_strangers(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;

    if (!engine->settings.cleans_strangers)
        return false;
    if (!u->strangers_found) {
        find_strangers(engine);
        return true;
    }
    if (u->strangers != NULL)
        return tend_stranger(engine, u->strangers);
    if (u->images_found || u->images_left == 0)
        return false;
    u->images_found = true;
    send(engine, CHORE_FIND_IMAGES, engine_new_call(engine, HOST_CALL_KIND_LIST_IMAGES), LIST_MS);
    return true;
}

// ---- the cycle

static bool cleans_images(const struct engine *engine)
{
    return !engine->settings.keeps_images && engine->settings.pull != ENGINE_PULL_PREFER_CACHED;
}

static time_ms interval(const struct engine *engine)
{
    if (engine->upkeep.disk_is_low)
        return LOW_DISK_CYCLE_MS;
    return engine->settings.image_interval_ms;
}

static void begin_cycle(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;

    u->cycle++;
    u->is_cycling = true;
    u->cycle_at = engine->now + interval(engine);
    u->images_left = u->disk_is_low ? INT32_MAX : engine->settings.images_per_cycle;
    u->containers_left = engine->settings.strangers_per_cycle;
    u->strangers_found = u->images_found = false;
    u->looks_for_containers = u->looks_for_volumes = true;
}

// One step of the cycle; false: it is over.
static bool go_on(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;

    if (cleans_images(engine) && (tend_images(engine) || tend_strangers(engine)))
        return true;
    while (u->strangers != NULL)
        drop_stranger(u, u->strangers);
    u->is_cycling = false;
    return false;
}

static bool look_for_ours(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;

    if (engine->settings.owner.len == 0)
        return false;
    if (u->looks_for_containers) {
        u->looks_for_containers = false;
        find_ours(engine, CHORE_FIND_CONTAINERS, HOST_CALL_KIND_LIST);
        return true;
    }
    if (u->looks_for_volumes) {
        u->looks_for_volumes = false;
        find_ours(engine, CHORE_FIND_VOLUMES, HOST_CALL_KIND_LIST_VOLUMES);
        return true;
    }
    return false;
}

bool upkeep_progress(struct engine *engine)
{
    struct upkeep *u = &engine->upkeep;

    if (u->chore != CHORE_NONE || !engine->runtime_up)
        return false;
    if (u->cycle_at <= engine->now)
        begin_cycle(engine);
    if (look_for_ours(engine) || tend_orphans(engine))
        return true;
    return u->is_cycling && go_on(engine);
}

time_ms upkeep_next_timer(const struct engine *engine)
{
    const struct upkeep *u = &engine->upkeep;
    time_ms next = u->cycle_at;

    if (u->chore != CHORE_NONE || !engine->runtime_up)
        return TIME_NEVER; // an answer, or the runtime's return, comes first
    for (const struct orphan *o = u->orphans; o != NULL; o = o->next)
        next = o->due_at < next ? o->due_at : next;
    return next;
}

void upkeep_result(struct engine *engine, int64_t token, const struct host_result *result)
{
    struct upkeep *u = &engine->upkeep;
    enum chore chore = u->chore;

    ASSERT(token == u->token);
    u->chore = CHORE_NONE;
    u->token = 0;
    switch (chore) {
    case CHORE_FIND_CONTAINERS: containers_found(engine, result); return;
    case CHORE_FIND_VOLUMES: volumes_found(engine, result); return;
    case CHORE_STOP_ORPHAN:
    case CHORE_REMOVE_ORPHAN:
    case CHORE_REMOVE_RESOURCE:
    case CHORE_REMOVE_VOLUME: orphan_tended(engine, result, chore); return;
    case CHORE_REMOVE_IMAGE: image_removed(engine, result); return;
    case CHORE_FIND_STRANGERS: strangers_found(engine, result); return;
    case CHORE_INSPECT_STRANGER: stranger_inspected(engine, result); return;
    case CHORE_REMOVE_STRANGER:
    case CHORE_REMOVE_STRANGE_IMAGE: stranger_removed(engine, result); return;
    case CHORE_FIND_IMAGES: images_found(engine, result); return;
    case CHORE_NONE: break;
    }
    UNREACHABLE();
}

// ---- inputs

void upkeep_start(struct engine *engine)
{
    engine->upkeep.cycle_at = engine->now + engine->settings.image_interval_ms;
}

void upkeep_runtime_up(struct engine *engine)
{
    engine->upkeep.looks_for_containers = engine->upkeep.looks_for_volumes = true;
}

void upkeep_disk(struct engine *engine, bool is_low)
{
    struct upkeep *u = &engine->upkeep;

    if (is_low && !u->disk_is_low) {
        MARK("images are removed at once when the disk is nearly full");
        u->cycle_at = engine->now;
    }
    u->disk_is_low = is_low;
}

bool upkeep_holds_image(const struct engine *engine, const struct container *c)
{
    const struct upkeep *u = &engine->upkeep;

    return (u->chore == CHORE_REMOVE_IMAGE && image_is_of(c, u->image->name)) ||
           (u->chore == CHORE_REMOVE_STRANGE_IMAGE && image_is_of(c, u->stranger->subject));
}

static void note_use(struct engine *engine, struct str name)
{
    struct image *image = image_find(engine, name);

    if (image == NULL)
        return;
    image->last_used_at = engine->now;
    record_put_image(engine, image);
}

void upkeep_task_gone(struct engine *engine, const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];
        struct str repository = image_repository(c->spec->image);

        note_use(engine, c->spec->image);
        if (c->image_digest.len > 0 && image_digest(c->spec->image).len == 0)
            note_use(engine, str_fmt(engine->out->arena, "%.*s@%.*s", STR_ARGS(repository),
                                     STR_ARGS(c->image_digest)));
    }
}

void upkeep_free(struct engine *engine)
{
    while (engine->upkeep.orphans != NULL)
        drop_orphan(&engine->upkeep, engine->upkeep.orphans);
    while (engine->upkeep.strangers != NULL)
        drop_stranger(&engine->upkeep, engine->upkeep.strangers);
}
