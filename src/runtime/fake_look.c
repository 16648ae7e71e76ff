// What is seldom asked for: lists, the removal of images, and the stream of samples of a container
// that runs.

#include "runtime/fake_internal.h"

enum { SAMPLE_MS = 10 * 1000 };

static bool has_label(const struct str_map *labels, const struct str_pair *wanted)
{
    for (size_t i = 0; i < labels->n; i++) {
        if (str_eq(labels->at[i].key, wanted->key))
            return wanted->value.len == 0 || str_eq(labels->at[i].value, wanted->value);
    }
    return false;
}

static bool has_labels(const struct str_map *labels, const struct host_call *call)
{
    for (size_t i = 0; i < call->labels.n; i++) {
        if (!has_label(labels, &call->labels.at[i]))
            return false;
    }
    return true;
}

static struct str state_of(const struct fake_container *c)
{
    if (c->running)
        return STR("running");
    return c->starts > 0 ? STR("exited") : STR("created");
}

void fake_list_containers(const struct fake *fake, const struct thing *thing)
{
    struct arena arena = ARENA_INIT;
    struct host_result result = {0};
    struct docker_container_summary_list list = {
        .at = arena_array(&arena, struct docker_container_summary, fake->containers_n)};

    for (size_t i = 0; i < fake->containers_n; i++) {
        const struct fake_container *c = fake->containers[i];
        struct docker_container_summary *out = &list.at[list.n];
        struct str *name = arena_new(&arena, struct str);

        if (c->removed || !has_labels(&c->config->labels, thing->call))
            continue;
        *name = str_fmt(&arena, "/%.*s", STR_ARGS(c->name));
        SET(out, id, c->id);
        SET(out, names, (struct str_list){.n = 1, .at = name});
        SET(out, image, c->image->name);
        SET(out, labels, c->config->labels);
        SET(out, state, state_of(c));
        list.n++;
    }
    SET(&result, containers, list);
    fake_answer(thing, &result);
    arena_deinit(&arena);
}

// ---- images and volumes

void fake_list_images(const struct fake *fake, const struct thing *thing)
{
    struct arena arena = ARENA_INIT;
    struct host_result result = {0};
    struct docker_image_summary_list list = {0};
    size_t n = 0;

    for (const struct node *node = fake->images; node != NULL; node = node->next)
        n++;
    list.at = arena_array(&arena, struct docker_image_summary, n);
    for (const struct node *node = fake->images; node != NULL; node = node->next) {
        struct docker_image_summary *out = &list.at[list.n];
        struct str *name = arena_new(&arena, struct str);
        struct str *pinned = arena_new(&arena, struct str);
        struct str repository;
        struct str tag;

        if (!node->image.local)
            continue;
        *name = node->image.name;
        (void)str_cut_last(*name, ':', &repository, &tag);
        *pinned = str_fmt(&arena, "%.*s@%.*s", STR_ARGS(repository), STR_ARGS(node->image.digest));
        SET(out, id, node->image.id);
        SET(out, repo_tags, (struct str_list){.n = 1, .at = name});
        SET(out, repo_digests, (struct str_list){.n = 1, .at = pinned});
        SET(out, size, 1000 + (int64_t)list.n);
        SET(out, created, 0);
        list.n++;
    }
    SET(&result, images, list);
    fake_answer(thing, &result);
    arena_deinit(&arena);
}

// As the engine does without force: an image that any container uses stays.
void fake_remove_image(const struct fake *fake, const struct thing *thing, struct fake_image *image)
{
    struct host_result result = {0};

    if (image == NULL || !image->local) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                          STR("Error response from daemon: No such image"));
        return;
    }
    for (size_t i = 0; i < fake->containers_n; i++) {
        if (!fake->containers[i]->removed && fake->containers[i]->image == image) {
            fake_answer_error(thing, HOST_ERROR_CLASS_CONFLICT,
                              STR("Error response from daemon: a container is using the image"));
            return;
        }
    }
    image->local = false;
    fake_answer(thing, &result);
}

void fake_list_volumes(const struct fake *fake, const struct thing *thing)
{
    struct arena arena = ARENA_INIT;
    struct host_result result = {0};
    struct docker_volume_list list = {
        .at = arena_array(&arena, struct docker_volume, fake_volumes(fake))};

    for (const struct volume *volume = fake->volumes; volume != NULL; volume = volume->next) {
        static const struct docker_volume_create unlabelled;
        const struct docker_volume_create *made = volume->made ? volume->made : &unlabelled;

        if (volume->removed || !has_labels(&made->labels, thing->call))
            continue;
        SET(&list.at[list.n], name, volume->name);
        list.n++;
    }
    SET(&result, volumes, list);
    fake_answer(thing, &result);
    arena_deinit(&arena);
}

// ---- samples

static void schedule(struct fake *fake, const struct thing *thing, struct fake_container *c)
{
    struct thing *next = fake_push(fake, THING_STATS, fake->now + SAMPLE_MS);

    next->from = thing->from;
    next->call = thing->call;
    next->container = c;
}

const struct docker_volume_create *fake_volume_made(const struct fake *fake, struct str head)
{
    for (const struct volume *volume = fake->volumes; volume != NULL; volume = volume->next) {
        if (str_starts(volume->name, head))
            return volume->made;
    }
    return NULL;
}

void fake_begin_stats(struct fake *fake, const struct thing *thing)
{
    for (size_t i = 0; i < fake->containers_n; i++) {
        struct fake_container *c = fake->containers[i];

        if (!c->removed && str_eq(c->id, thing->call->container)) {
            schedule(fake, thing, c);
            return;
        }
    }
    fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                      STR("Error response from daemon: No such container"));
}

// A tenth of one core, and a memory that everybody has.
void fake_post_stats(struct fake *fake, const struct thing *thing)
{
    const struct fake_container *c = thing->container;
    struct docker_stats stats = {0};
    struct docker_cpu_stats cpu = {0};
    struct docker_cpu_usage usage = {0};
    struct docker_memory_stats memory = {0};
    struct runtime_post post = {
        .kind = RUNTIME_POST_STATS, .token = thing->call->token, .stats = &stats};
    struct host_result result = {0};

    if (thing->from == NULL)
        return;
    if (!c->running) {
        fake_answer(thing, &result); // the stream ends with its container
        return;
    }
    SET(&usage, total_usage, (fake->now + fake->ahead_ms - c->started_at) * 100000);
    SET(&cpu, cpu_usage, &usage);
    SET(&memory, usage, 5 << 20);
    SET(&stats, read, fake->now + fake->ahead_ms);
    SET(&stats, cpu_stats, &cpu);
    SET(&stats, memory_stats, &memory);
    schedule(fake, thing, thing->container); // before the post: its taker may cancel the call
    thing->from->post(thing->from->user, &post);
}
