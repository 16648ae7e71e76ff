// Variables of a container: the definition's, then the override's, the last of a name winning. What
// kind of host it runs on comes first, so that a definition may say otherwise.
// Source: ecs-behaviour-agent 1.8.

#include "base/arena.h"
#include "core/payload_parts.h"
#include "model/task.h"

// A variable and its place in the order of precedence.
struct ranked {
    struct str_pair pair;
    size_t rank;
};

static int by_name_then_rank(const void *left, const void *right)
{
    const struct ranked *a = left;
    const struct ranked *b = right;
    int order = str_cmp(a->pair.key, b->pair.key);

    if (order != 0)
        return order;
    return a->rank < b->rank ? -1 : a->rank > b->rank;
}

static size_t add(struct ranked *all, size_t n, struct str name, struct str value)
{
    all[n] = (struct ranked){.pair = {.key = name, .value = value}, .rank = n};
    return n + 1;
}

static size_t add_list(struct ranked *all, size_t n, const struct ecs_key_value_pair_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        n = add(all, n, list->at[i].name, list->at[i].value);
    return n;
}

static struct str host_kind(const struct container_part *part)
{
    enum ecs_launch_type type = part->task->rec->launch_type;

    if (type == ECS_LAUNCH_TYPE_FARGATE)
        return STR("AWS_ECS_FARGATE");
    return type == ECS_LAUNCH_TYPE_EXTERNAL ? STR("AWS_ECS_ANYWHERE") : STR("AWS_ECS_EC2");
}

struct str_map payload_environment(const struct container_part *part)
{
    static const struct ecs_key_value_pair_list none = {0};
    const struct ecs_key_value_pair_list *own = &part->container->environment;
    const struct ecs_key_value_pair_list *over =
        part->over != NULL ? &part->over->environment : &none;
    size_t max = 1 + own->n + over->n;
    struct ranked *all = arena_array(part->step->arena, struct ranked, max);
    struct str_map out = {.at = arena_array(part->step->arena, struct str_pair, max)};
    size_t n = add(all, 0, STR("AWS_EXECUTION_ENV"), host_kind(part));

    n = add_list(all, n, own);
    n = add_list(all, n, over);
    qsort(all, n, sizeof *all, by_name_then_rank);
    for (size_t i = 0; i < n; i++) {
        bool is_last = i + 1 == n || !str_eq(all[i].pair.key, all[i + 1].pair.key);
        if (is_last)
            out.at[out.n++] = all[i].pair;
    }
    return out;
}
