// What makes a container: its name, its image, and that a task has one worth running for.
// Source: ecs-behaviour-api 8.1 and 8.3.

#include "ops/task_definition_check.h"

enum { CONTAINERS_MAX = 10, IMAGE_LENGTH_MAX = 255, SHA256_HEX = 64 };

static bool check_name(struct definition_check *check, const struct ecs_container_definition *c)
{
    if (c->name.len == 0)
        return check_refuse(check, "Container.name should not be null or empty.");
    if (!check_is_name(c->name))
        return check_refuse(check, "Container.name contains invalid characters.");
    if (c->name.len > NAME_LENGTH_MAX)
        return check_refuse(check, "Container.name can not be longer than %d characters.",
                            NAME_LENGTH_MAX);
    if (check_container_named(check, c->name) != c)
        return check_refuse(check, "Container names must be unique within a task definition");
    return true;
}

static bool is_digest(struct str text)
{
    struct str hex = str_from(text, strlen("sha256:"));

    if (!str_starts(text, STR("sha256:")) || hex.len != SHA256_HEX)
        return false;
    for (size_t i = 0; i < hex.len; i++) {
        if (!str_has_char(STR("0123456789abcdefABCDEF"), hex.ptr[i]))
            return false;
    }
    return true;
}

static bool is_repository(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!check_is_name(str_span(text.ptr + i, 1)) && !str_has_char(STR(":./#"), text.ptr[i]))
            return false;
    }
    return text.len > 0;
}

static bool check_image(struct definition_check *check, const struct ecs_container_definition *c)
{
    struct str repository;
    struct str digest;
    bool pinned = str_cut(c->image, '@', &repository, &digest);

    if (c->image.len == 0)
        return check_refuse(check, "Container.image should not be null or empty.");
    if (!is_repository(repository) || (pinned && !is_digest(digest)))
        return check_refuse(check, "Container.image contains invalid characters.");
    if (repository.len > IMAGE_LENGTH_MAX)
        return check_refuse(check, "Container.image can not be longer than %d characters.",
                            IMAGE_LENGTH_MAX);
    return true;
}

static bool check_container(struct definition_check *check,
                            const struct ecs_container_definition *c)
{
    return check_name(check, c) && check_image(check, c);
}

static bool has_essential(const struct definition_check *check)
{
    for (size_t i = 0; i < check->in->container_definitions.n; i++) {
        if (check_is_essential(&check->in->container_definitions.at[i]))
            return true;
    }
    return false;
}

bool check_containers(struct definition_check *check)
{
    if (check->in->container_definitions.n == 0)
        return check_refuse(check, "Container list cannot be empty.");
    if (check->in->container_definitions.n > CONTAINERS_MAX)
        return check_refuse(check, "Too many containers. The maximum is %d.", CONTAINERS_MAX);
    if (!check_each_container(check, check_container))
        return false;
    if (!has_essential(check))
        return check_refuse(check, "Task definition doesn't have any essential container");
    return true;
}
