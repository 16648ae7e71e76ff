// See images.h. The digests stand in the record of the revision, one entry a container.

#include "core/images.h"

#include "base/arena.h"
#include "base/proof.h"
#include "model/deployment.h"
#include "model/task.h"
#include "model/task_definition.h"

static const struct revision *revision_of(const struct state *state, const struct task *task)
{
    const struct deployment *deployment =
        task->rec->deployment_id > 0 ? deployment_get(state, (uint64_t)task->rec->deployment_id)
                                     : NULL;

    return deployment != NULL ? revision_get(state, (uint64_t)deployment->rec->revision_id) : NULL;
}

static bool may_be_pinned(const struct ecs_container_definition *container)
{
    return container->version_consistency != ECS_VERSION_CONSISTENCY_DISABLED &&
           !str_has_char(container->image, '@');
}

// The repository: without the tag, which begins at a colon behind the last slash.
static struct str repository(struct str image)
{
    size_t end = image.len;

    for (size_t i = image.len; i > 0 && image.ptr[i - 1] != '/'; i--) {
        if (image.ptr[i - 1] == ':')
            end = i - 1;
    }
    return str_take(image, end);
}

static struct str known_digest(const struct rec_service_revision *rec, struct str container)
{
    for (size_t i = 0; i < rec->container_images.n; i++) {
        if (str_eq(rec->container_images.at[i].container_name, container))
            return rec->container_images.at[i].image_digest;
    }
    return STR_NONE;
}

static bool is_news(const struct rec_service_revision *rec,
                    const struct ecs_container_definition *container,
                    const struct rec_task_container *of_task)
{
    return of_task->has.image_digest && may_be_pinned(container) &&
           known_digest(rec, container->name).len == 0;
}

static bool has_news(const struct rec_service_revision *rec,
                     const struct ecs_container_definition_list *containers,
                     const struct rec_task *task)
{
    for (size_t i = 0; i < containers->n && i < task->containers.n; i++) {
        if (is_news(rec, &containers->at[i], &task->containers.at[i]))
            return true;
    }
    return false;
}

void images_note(struct step *step, const struct task *task, const struct rec_task *next)
{
    const struct ecs_container_definition_list *containers =
        &task_definition_get(step->state, task->definition_id)
             ->rec->definition->container_definitions;
    const struct revision *revision = revision_of(step->state, task);
    struct rec_service_revision *rec;

    if (revision == NULL || !has_news(revision->rec, containers, next))
        return;
    MARK("the first task of a revision that resolves its images pins them");
    rec = arena_copy(step->arena, revision->rec, sizeof *rec);
    rec->has.container_images = true;
    rec->container_images = (struct ecs_container_image_list){
        .n = containers->n,
        .at = arena_array(step->arena, struct ecs_container_image, containers->n)};
    for (size_t i = 0; i < containers->n; i++) {
        struct ecs_container_image *image = &rec->container_images.at[i];
        struct str digest = known_digest(revision->rec, containers->at[i].name);

        if (i < next->containers.n &&
            is_news(revision->rec, &containers->at[i], &next->containers.at[i]))
            digest = next->containers.at[i].image_digest;
        SET(image, container_name, containers->at[i].name);
        SET(image, image, containers->at[i].image);
        if (digest.len > 0)
            SET(image, image_digest, digest);
    }
    state_put(step->state, REC_KIND_REVISION, revision->part.entity.id, rec);
}

struct str images_of_task(struct step *step, const struct task *task, size_t index)
{
    const struct ecs_container_definition *container =
        &task_definition_get(step->state, task->definition_id)
             ->rec->definition->container_definitions.at[index];
    const struct revision *revision = revision_of(step->state, task);
    struct str name = repository(container->image);
    struct str digest;

    if (revision == NULL || !may_be_pinned(container))
        return container->image;
    digest = known_digest(revision->rec, container->name);
    if (digest.len == 0)
        return container->image;
    MARK("a task of a revision runs the images that its first one has resolved");
    return str_fmt(step->arena, "%.*s@%.*s", STR_ARGS(name), STR_ARGS(digest));
}
