// Getting an image, in the two stages of ecs-behaviour-agent 1.7: the manifest (tag to digest),
// then the layers.
//
// A failure of either does not end the container by itself: under the pull behaviours "default" and
// "prefer-cached" it goes on with whatever the host has, and the error is kept aside (pull_error)
// until the create call shows whether it mattered. Under "always" and "once" it ends the task.
//
// Retried is what may pass. "Not found", "denied" and a timeout are answers, and asking nine times
// more only makes the user wait.

#include "engine/state.h"

enum { MANIFEST_ATTEMPTS = 9, PULL_ATTEMPTS = 5, TAG_ATTEMPTS = 5 };

// ---- references

struct str image_digest(struct str reference)
{
    struct str name;
    struct str digest;

    return str_cut(reference, '@', &name, &digest) ? digest : STR_NONE;
}

struct str image_repository(struct str reference)
{
    struct str name;
    struct str rest;
    struct str path;
    struct str tag;

    (void)str_cut(reference, '@', &name, &rest);
    // A colon in the last path element is a tag's; before it, a port's.
    if (str_cut_last(name, ':', &path, &tag) && !str_has_char(tag, '/'))
        return path;
    return name;
}

// "nginx" is docker.io/library/nginx; a first element with a dot, a colon or "localhost" is a host.
static struct str full_name(struct arena *arena, struct str reference)
{
    struct str repository = image_repository(reference);
    struct str host;
    struct str path;

    if (!str_cut(repository, '/', &host, &path))
        return str_fmt(arena, "docker.io/library/%.*s", STR_ARGS(repository));
    if (str_has_char(host, '.') || str_has_char(host, ':') || str_eq(host, STR("localhost")))
        return repository;
    return str_fmt(arena, "docker.io/%.*s", STR_ARGS(repository));
}

static struct str registry_prefix(struct str prefix)
{
    if (str_starts(prefix, STR("https://")))
        prefix = str_from(prefix, 8);
    if (str_starts(prefix, STR("http://")))
        prefix = str_from(prefix, 7);
    while (str_ends(prefix, STR("/")))
        prefix = str_take(prefix, prefix.len - 1);
    if (str_eq(prefix, STR("index.docker.io/v1")) || str_eq(prefix, STR("index.docker.io")))
        return STR("docker.io");
    return prefix;
}

const struct docker_registry_auth *image_auth(const struct engine *engine, struct arena *scratch,
                                              struct str reference)
{
    const struct docker_registry_auth *best = NULL;
    struct str name = full_name(scratch, reference);
    size_t best_len = 0;

    for (size_t i = 0; i < engine->settings.registries_n; i++) {
        const struct engine_registry *registry = &engine->settings.registries[i];
        struct str prefix = registry_prefix(registry->prefix);
        bool whole =
            name.len == prefix.len || (name.len > prefix.len && name.ptr[prefix.len] == '/');

        if (whole && str_starts(name, prefix) && prefix.len >= best_len) {
            best = &registry->auth;
            best_len = prefix.len;
        }
    }
    return best;
}

// ---- images pulled before

struct image *image_find(const struct engine *engine, struct str name)
{
    struct image *image;

    MAP_FIND_STR(by_name, engine->images, name, image);
    return image;
}

struct image *image_add(struct engine *engine, struct str name, time_ms pulled_at, int64_t id)
{
    struct image *image = image_find(engine, name);

    if (image == NULL) {
        char *copy = mem_alloc(name.len + 1);

        memcpy(copy, name.ptr, name.len);
        image = mem_zalloc(sizeof(*image));
        image->name = str_span(copy, name.len);
        image->id = id;
        MAP_ADD_STR(by_name, engine->images, name, image);
    }
    image->pulled_at = pulled_at;
    return image;
}

void image_set_digest(struct image *image, struct str digest)
{
    char *copy = mem_alloc(digest.len + 1);

    memcpy(copy, digest.ptr, digest.len);
    mem_free((char *)(uintptr_t)image->digest.ptr);
    image->digest = str_span(copy, digest.len);
}

void image_free(struct engine *engine, struct image *image)
{
    MAP_DEL(by_name, engine->images, image);
    mem_free((char *)(uintptr_t)image->name.ptr);
    mem_free((char *)(uintptr_t)image->digest.ptr);
    mem_free(image);
}

void image_forget(struct engine *engine, struct image *image)
{
    record_remove_image(engine, image);
    image_free(engine, image);
}

bool image_is_of(const struct container *c, struct str name)
{
    struct str digest = image_digest(name);

    return str_eq(c->spec->image, name) ||
           (digest.len > 0 && str_eq(c->image_digest, digest) &&
            str_eq(image_repository(c->spec->image), image_repository(name)));
}

// A name that has moved on leaves an image behind that nobody asks for by it any more.
static void leave_behind(struct engine *engine, const struct image *moved)
{
    struct str repository = image_repository(moved->name);
    struct str name =
        str_fmt(engine->out->arena, "%.*s@%.*s", STR_ARGS(repository), STR_ARGS(moved->digest));
    struct image *left;

    if (image_find(engine, name) != NULL)
        return;
    left = image_add(engine, name, moved->pulled_at, ++engine->last_id);
    left->last_used_at = moved->last_used_at;
    image_set_digest(left, moved->digest);
    record_put_image(engine, left);
}

static void note_pull(struct engine *engine, const struct container *c)
{
    struct str name = c->spec->image;
    struct image *known = image_find(engine, name);
    bool is_new =
        known == NULL || (c->image_digest.len > 0 && !str_eq(known->digest, c->image_digest));

    if (!is_new && engine->settings.pull != ENGINE_PULL_ONCE)
        return; // one row is enough to know that it was pulled
    if (known != NULL && is_new && known->digest.len > 0)
        leave_behind(engine, known);
    known = image_add(engine, name, engine->now, known ? known->id : ++engine->last_id);
    if (c->image_digest.len > 0)
        image_set_digest(known, c->image_digest);
    engine->dirty = true;
    record_put_image(engine, known);
}

// ---- sending

static struct str pull_reference(const struct container *c, struct arena *arena)
{
    struct str repository = image_repository(c->spec->image);

    if (c->image_digest.len == 0 || image_digest(c->spec->image).len > 0)
        return c->spec->image;
    return str_fmt(arena, "%.*s@%.*s", STR_ARGS(repository), STR_ARGS(c->image_digest));
}

// The container's own login, fetched as a resource of the task, goes before the host's.
static bool set_login(const struct container *c, struct arena *arena,
                      struct docker_registry_auth *out)
{
    const struct acs_registry_authentication_data *data = c->spec->registry_authentication;
    struct str value;
    struct str user;
    struct str password;

    if (data == NULL || data->asm_auth_data == NULL ||
        !resource_value(c->task, HOST_RESOURCE_KIND_ASM_AUTH,
                        data->asm_auth_data->credentials_parameter, data->asm_auth_data->region,
                        &value) ||
        !str_cut(value, ':', &user, &password))
        return false;
    SET(out, username, str_copy(arena, user));
    SET(out, password, str_copy(arena, password));
    return true;
}

static void set_auth(const struct engine *engine, const struct container *c, struct host_call *call)
{
    struct arena *arena = engine->out->arena;
    const struct docker_registry_auth *auth = image_auth(engine, arena, c->spec->image);
    struct docker_registry_auth *own = arena_new(arena, struct docker_registry_auth);

    if (set_login(c, arena, own)) {
        SET(call, auth, own);
    } else if (auth != NULL) {
        *own = *auth; // settings outlive the step
        SET(call, auth, own);
    }
}

static void send_pull(struct engine *engine, struct container *c, struct host_call *call)
{
    struct str reference = pull_reference(c, engine->out->arena);

    SET(call, image, str_copy(engine->out->arena, reference));
    SET(call, begin_ms, ENGINE_PULL_BEGIN_MS);
    SET(call, idle_ms, engine->settings.pull_idle_ms);
    set_auth(engine, c, call);
    c->pull_begun = true;
}

static enum host_call_kind call_of(enum step step)
{
    if (step == STEP_MANIFEST)
        return HOST_CALL_KIND_MANIFEST;
    if (step == STEP_PULL)
        return HOST_CALL_KIND_PULL;
    return step == STEP_TAG ? HOST_CALL_KIND_TAG : HOST_CALL_KIND_INSPECT_IMAGE;
}

void image_send(struct engine *engine, struct container *c)
{
    struct host_call *call = engine_new_call(engine, call_of(c->step));
    struct arena *arena = engine->out->arena;
    time_ms timeout = ENGINE_INSPECT_MS;

    SET(call, image, str_copy(arena, c->spec->image));
    if (c->step == STEP_MANIFEST) {
        set_auth(engine, c, call);
        timeout = engine->settings.manifest_timeout_ms;
    } else if (c->step == STEP_PULL) {
        send_pull(engine, c, call);
        timeout = engine->settings.pull_timeout_ms;
    } else if (c->step == STEP_TAG) {
        SET(call, target, call->image);
        SET(call, image, str_copy(arena, pull_reference(c, arena)));
        timeout = ENGINE_TAG_MS;
    }
    c->token = engine_call(engine, (struct call_target){.container = c}, call, timeout);
}

// ---- stages

static void manifest_done(struct engine *engine, struct container *c, struct str digest)
{
    container_idle(c);
    c->image_digest = str_copy(&c->task->arena, digest);
    container_set_known(engine, c, HOST_CONTAINER_STATUS_MANIFEST_PULLED);
}

void image_begin_manifest(struct engine *engine, struct container *c)
{
    struct str pinned = image_digest(c->spec->image);
    enum engine_pull pull = engine->settings.pull;
    bool local_will_do = pull == ENGINE_PULL_PREFER_CACHED ||
                         (pull == ENGINE_PULL_ONCE && image_find(engine, c->spec->image) != NULL);

    if (pinned.len > 0)
        manifest_done(engine, c, pinned);
    else
        container_begin(engine, c, local_will_do ? STEP_MANIFEST_LOCAL : STEP_MANIFEST);
}

void image_begin_pull(struct engine *engine, struct container *c)
{
    enum engine_pull pull = engine->settings.pull;
    bool may_skip = pull == ENGINE_PULL_PREFER_CACHED ||
                    (pull == ENGINE_PULL_ONCE && image_find(engine, c->spec->image) != NULL);

    if (c->task->pull_started_at == 0) {
        c->task->pull_started_at = engine->now;
        c->task->dirty = true;
    }
    container_begin(engine, c, may_skip ? STEP_PULL_CHECK : STEP_PULL);
}

static struct str local_digest(const struct docker_image *image, struct str reference)
{
    struct str repository = image_repository(reference);

    for (size_t i = 0; i < image->repo_digests.n; i++) {
        struct str name;
        struct str digest;

        if (str_cut(image->repo_digests.at[i], '@', &name, &digest) && str_eq(name, repository))
            return digest;
    }
    return image->repo_digests.n == 1 ? image_digest(image->repo_digests.at[0]) : STR_NONE;
}

static bool sets_region(const struct docker_image *image)
{
    const struct docker_config *config = image->config;

    for (size_t i = 0; config != NULL && i < config->env.n; i++) {
        if (str_starts(config->env.at[i], STR("AWS_REGION=")) ||
            str_starts(config->env.at[i], STR("AWS_DEFAULT_REGION=")))
            return true;
    }
    return false;
}

static void pull_done(struct engine *engine, struct container *c, const struct docker_image *image)
{
    container_idle(c);
    if (image != NULL) {
        c->image_id = str_copy(&c->task->arena, image->id);
        c->image_sets_region = sets_region(image);
    }
    container_set_known(engine, c, HOST_CONTAINER_STATUS_PULLED);
}

// ---- failures

// True when the call is to be made again; the retry time is set.
static bool try_again(struct engine *engine, struct container *c, const struct host_result *result,
                      int32_t attempts, time_ms base, double factor)
{
    enum host_error_class class = result->error->class;

    if (class != HOST_ERROR_CLASS_OTHER && class != HOST_ERROR_CLASS_UNREACHABLE) {
        MARK("an answer about an image is not asked for twice");
        return false;
    }
    if (c->attempt + 1 >= attempts) {
        MARK("a call on an image is given up after its attempts");
        return false;
    }
    MARK("a call on an image that may pass is made again");
    c->retry_at =
        engine->now + engine_backoff(engine, base, factor, 5 * TIME_SECOND_MS, c->attempt);
    c->attempt++;
    return true;
}

// Notes the failure. True when the container may go on with what the host has.
static bool may_go_on(struct engine *engine, struct container *c, struct str reason)
{
    enum engine_pull pull = engine->settings.pull;

    engine_log(engine, LOG_LEVEL_WARN, "image.pull_failed", NULL, c, reason);
    if (pull == ENGINE_PULL_DEFAULT || pull == ENGINE_PULL_PREFER_CACHED) {
        MARK("a failed pull goes on with what the host has");
        if (c->pull_error.len == 0)
            c->pull_error = reason;
        return true;
    }
    MARK("a failed pull ends the task where pulling is a must");
    container_idle(c);
    container_set_reason(c, reason);
    task_want_stopped(c->task);
    return false;
}

static void manifest_result(struct engine *engine, struct container *c,
                            const struct host_result *result)
{
    struct str reason;

    if (!result->has.error) {
        manifest_done(engine, c, result->digest);
        return;
    }
    if (try_again(engine, c, result, MANIFEST_ATTEMPTS, 10, 3))
        return;
    reason = reason_of_call(&c->task->arena, "CannotPullImageManifestError", "MANIFEST_PULLED",
                            engine->settings.manifest_timeout_ms, result);
    if (may_go_on(engine, c, reason))
        manifest_done(engine, c, STR_NONE);
}

static void pull_failed(struct engine *engine, struct container *c,
                        const struct host_result *result)
{
    bool begun = !str_eq(result->error->text, STR("pullBegin"));
    struct str reason;

    reason =
        reason_of_call(&c->task->arena, "CannotPullContainerError", begun ? "pulled" : "pullBegin",
                       begun ? engine->settings.pull_timeout_ms : ENGINE_PULL_BEGIN_MS, result);
    if (!may_go_on(engine, c, reason))
        return;
    container_begin(engine, c, STEP_PULL_INSPECT);
}

static void pull_result(struct engine *engine, struct container *c,
                        const struct host_result *result)
{
    if (!result->has.error) {
        bool by_digest = c->image_digest.len > 0 && image_digest(c->spec->image).len == 0;

        note_pull(engine, c);
        container_begin(engine, c, by_digest ? STEP_TAG : STEP_PULL_INSPECT);
    } else if (!try_again(engine, c, result, PULL_ATTEMPTS, 1100, 2)) {
        pull_failed(engine, c, result);
    }
}

static void tag_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    if (!result->has.error)
        container_begin(engine, c, STEP_PULL_INSPECT);
    else if (!try_again(engine, c, result, TAG_ATTEMPTS, 100, 1))
        pull_failed(engine, c, result);
}

static void local_result(struct engine *engine, struct container *c,
                         const struct docker_image *image)
{
    if (image != NULL)
        manifest_done(engine, c, local_digest(image, c->spec->image));
    else
        container_begin(engine, c, STEP_MANIFEST);
}

static void check_result(struct engine *engine, struct container *c,
                         const struct docker_image *image)
{
    if (image != NULL)
        pull_done(engine, c, image);
    else
        container_begin(engine, c, STEP_PULL);
}

void image_result(struct engine *engine, struct container *c, const struct host_result *result)
{
    const struct docker_image *image = result->has.error ? NULL : result->image;

    ASSERT(c->step >= STEP_MANIFEST_LOCAL && c->step <= STEP_PULL_INSPECT);
    if (c->step == STEP_MANIFEST_LOCAL)
        local_result(engine, c, image);
    else if (c->step == STEP_MANIFEST)
        manifest_result(engine, c, result);
    else if (c->step == STEP_PULL_CHECK)
        check_result(engine, c, image);
    else if (c->step == STEP_PULL)
        pull_result(engine, c, result);
    else if (c->step == STEP_TAG)
        tag_result(engine, c, result);
    else
        pull_done(engine, c, image); // without the image the create call says so
}
