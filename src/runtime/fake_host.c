// See fake_host.h. It checks what a real host would: that what is made is asked for in full.

#include "runtime/fake_host.h"

#include "base/assert.h"
#include "shape/walk.h"

struct fake_content {
    struct fake_content *next;
    struct str name;
    struct str text;
    bool is_missing;
};

// ---- what there is to be fetched

static struct fake_content *content(struct fake_host *host, const char *name)
{
    struct fake_content *made = arena_new(host->arena, struct fake_content);

    made->name = str_copy(host->arena, str_of(name));
    made->next = host->contents;
    host->contents = made;
    return made;
}

void fake_host_set(struct fake_host *host, const char *name, const char *text)
{
    content(host, name)->text = str_copy(host->arena, str_of(text));
}

void fake_host_lack(struct fake_host *host, const char *name)
{
    content(host, name)->is_missing = true;
}

static bool fetch(struct fake_host *host, const char *head, struct str name, struct str *out)
{
    for (const struct fake_content *one = host->contents; one != NULL; one = one->next) {
        if (!str_eq(one->name, name))
            continue;
        *out = one->text;
        return !one->is_missing;
    }
    *out = str_fmt(host->arena, "%s%.*s", head, STR_ARGS(name));
    return true;
}

static struct str add_value(struct fake_host *host, struct host_result *result, const char *head,
                            struct str name, struct str region)
{
    struct host_resource_value *value = &result->values.at[result->values.n++];
    struct str text;

    result->has.values = true;
    if (!fetch(host, head, name, &text))
        return str_fmt(host->arena, "%.*s does not exist", STR_ARGS(name));
    SET(value, name, name);
    if (region.len > 0)
        SET(value, region, region);
    SET(value, value, text);
    return STR_NONE;
}

static struct str fetch_all(struct fake_host *host, const struct host_resource *what,
                            struct host_result *result)
{
    struct str why = STR_NONE;
    bool is_login = what->kind == HOST_RESOURCE_KIND_ASM_AUTH;

    result->values.at =
        arena_array(host->arena, struct host_resource_value, what->secrets.n + what->files.n);
    for (size_t i = 0; i < what->secrets.n && why.len == 0; i++)
        why = add_value(host, result, is_login ? "user:" FAKE_HOST_HELD : FAKE_HOST_HELD,
                        what->secrets.at[i].value_from, what->secrets.at[i].region);
    for (size_t i = 0; i < what->files.n && why.len == 0; i++)
        why = add_value(host, result, "FILE=" FAKE_HOST_HELD, what->files.at[i], STR_NONE);
    return why;
}

// ---- what stands on the host

// Where it hangs, or the end of the list.
static struct fake_resource **find(struct fake_host *host, enum host_resource_kind kind,
                                   struct str task)
{
    struct fake_resource **at = &host->resources;

    while (*at != NULL && ((*at)->kind != kind || !str_eq((*at)->task, task)))
        at = &(*at)->next;
    return at;
}

const struct fake_resource *fake_host_find(struct fake_host *host, enum host_resource_kind kind,
                                           struct str task)
{
    return *find(host, kind, task);
}

size_t fake_host_left(const struct fake_host *host)
{
    size_t n = 0;

    for (const struct fake_resource *one = host->resources; one != NULL; one = one->next)
        n++;
    return n;
}

static void make(struct fake_host *host, const struct host_resource *what)
{
    struct fake_resource *one = *find(host, what->kind, what->task);

    if (one == NULL) {
        one = arena_new(host->arena, struct fake_resource);
        *one = (struct fake_resource){.next = host->resources, .kind = what->kind};
        one->task = str_copy(host->arena, what->task);
        host->resources = one;
    }
    one->made = shape_copy(host->arena, &host_resource_shape, what);
}

struct str fake_host_do(struct fake_host *host, const struct host_call *call,
                        struct host_result *result)
{
    const struct host_resource *what = call->resource;
    struct fake_resource **at;

    ASSERT(what != NULL && what->task.len > 0);
    ASSERT(what->kind != HOST_RESOURCE_KIND_UNSET);
    if (call->kind == HOST_CALL_KIND_REMOVE_RESOURCE) {
        at = find(host, what->kind, what->task);
        if (*at != NULL)
            *at = (*at)->next;
        return STR_NONE;
    }
    if (what->kind == HOST_RESOURCE_KIND_CGROUP || what->kind == HOST_RESOURCE_KIND_FIRELENS) {
        make(host, what);
        return STR_NONE;
    }
    return fetch_all(host, what, result);
}
