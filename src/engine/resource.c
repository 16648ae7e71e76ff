// What a task needs of its host beside containers and volumes: its cgroup, secrets, registry
// logins, environment files, the files of a log router (ecs-behaviour-agent 1.6 to 1.8, 2.3, 7.4).
//
// Which resources a task has follows from its spec alone. Each gates one transition of the
// containers that need it, is made when the first of them waits for it, and ends the task when it
// cannot be made. So no row holds a resource: after a restart it is made again as long as a
// container is still to be created, and what stands on the host is removed at cleanup in any case.
// Making one twice is making it once.
//
// Values (secrets, logins, files) live in memory only, and only until every container is created.

#include "engine/state.h"

#include "engine/secret_ref.h"
#include "shape/walk.h"

enum {
    ATTEMPTS = 3,
    SHARES_MIN = 2,
    SHARES_MAX = 262144,
    MIB = 1024 * 1024,
};

static const struct kind {
    enum host_container_status gate; // no container that needs it gets there before it is ready
    bool has_values;
    bool needs_role;    // is fetched with the execution role's credentials
    bool leaves_traces; // on the host
    const char *failed; // what a task says whose resource failed; the detail follows
} kinds[HOST_RESOURCE_KIND_N] = {
    [HOST_RESOURCE_KIND_CGROUP] = {.gate = HOST_CONTAINER_STATUS_PULLED,
                                   .leaves_traces = true,
                                   .failed = "CgroupError: Agent could not create task's platform "
                                             "resources: "},
    [HOST_RESOURCE_KIND_SECRETS] = {.gate = HOST_CONTAINER_STATUS_CREATED,
                                    .has_values = true,
                                    .needs_role = true,
                                    .failed = ""},
    [HOST_RESOURCE_KIND_ASM_AUTH] = {.gate = HOST_CONTAINER_STATUS_MANIFEST_PULLED,
                                     .has_values = true,
                                     .needs_role = true,
                                     .failed = ""},
    [HOST_RESOURCE_KIND_ENV_FILES] = {.gate = HOST_CONTAINER_STATUS_CREATED,
                                      .has_values = true,
                                      .needs_role = true,
                                      .failed = ""},
    [HOST_RESOURCE_KIND_FIRELENS] = {.gate = HOST_CONTAINER_STATUS_CREATED,
                                     .needs_role = true,
                                     .leaves_traces = true,
                                     .failed = "Agent could not create task's FireLens "
                                               "resources: "},
};

// ---- which there are

static const struct acs_asm_auth_data *login_of(const struct container *c)
{
    const struct acs_registry_authentication_data *auth = c->spec->registry_authentication;

    return auth != NULL && auth->type == ACS_AUTHENTICATION_TYPE_ASM ? auth->asm_auth_data : NULL;
}

// A router carries the secrets of those that log through it.
static bool container_needs(const struct container *c, enum host_resource_kind kind)
{
    switch (kind) {
    case HOST_RESOURCE_KIND_CGROUP: return true;
    case HOST_RESOURCE_KIND_SECRETS: return c->spec->secrets.n > 0 || router_is(c);
    case HOST_RESOURCE_KIND_ASM_AUTH: return login_of(c) != NULL;
    case HOST_RESOURCE_KIND_ENV_FILES: return c->spec->environment_files.n > 0;
    case HOST_RESOURCE_KIND_FIRELENS: return router_is(c);
    case HOST_RESOURCE_KIND_UNSET: break;
    }
    UNREACHABLE();
}

static bool task_needs(const struct engine *engine, const struct task *task,
                       enum host_resource_kind kind)
{
    bool needs_it = false;

    if (kind == HOST_RESOURCE_KIND_CGROUP)
        return engine->settings.task_cgroups;
    for (size_t i = 0; i < task->containers_n && !needs_it; i++) {
        const struct container *c = &task->containers[i];

        needs_it =
            kind == HOST_RESOURCE_KIND_SECRETS ? c->spec->secrets.n > 0 : container_needs(c, kind);
    }
    return needs_it;
}

void resource_build(const struct engine *engine, struct task *task)
{
    task->resources = arena_array(&task->arena, struct resource, HOST_RESOURCE_KIND_N);
    for (int i = 1; i < HOST_RESOURCE_KIND_N; i++) {
        enum host_resource_kind kind = (enum host_resource_kind)i;

        if (task_needs(engine, task, kind))
            task->resources[task->resources_n++] =
                (struct resource){.kind = kind, .status = RESOURCE_WANTED};
    }
}

static bool secrets_can_be_read(const struct container *c, struct str *out_bad)
{
    for (size_t i = 0; i < c->spec->secrets.n; i++) {
        const struct acs_secret *secret = &c->spec->secrets.at[i];
        struct secret_ref ref;
        enum secret_store store =
            secret->provider == ACS_SECRET_PROVIDER_ASM ? SECRET_MANAGER : SECRET_PARAMETER;

        if (secret_ref_read(store, secret->value_from, &ref) != 0) {
            *out_bad = secret->value_from;
            return false;
        }
    }
    return true;
}

static bool has_sender(const struct task *task)
{
    for (size_t i = 0; i < task->containers_n; i++) {
        if (router_sends_to_it(&task->containers[i]))
            return true;
    }
    return false;
}

bool resource_check(const struct engine *engine, const struct task *task, struct str *out_error)
{
    struct arena *arena = (struct arena *)&task->arena;
    struct str text;

    for (size_t i = 0; i < task->containers_n; i++) {
        struct str bad;

        if (!secrets_can_be_read(&task->containers[i], &bad)) {
            *out_error = str_fmt(arena, "invalid secret reference %.*s", STR_ARGS(bad));
            return false;
        }
    }
    if (router_of(task) == NULL && has_sender(task)) {
        *out_error = STR("a container logs by awsfirelens, and no container has a "
                         "firelensConfiguration");
        return false;
    }
    return router_of(task) == NULL || router_config(engine, task, arena, &text, out_error);
}

// ---- gates

static bool is_gate_of(const struct resource *r, const struct container *c,
                       enum host_container_status next)
{
    return kinds[r->kind].gate == next && container_needs(c, r->kind);
}

bool resource_allows(const struct container *c, enum host_container_status next)
{
    for (size_t i = 0; i < c->task->resources_n; i++) {
        const struct resource *r = &c->task->resources[i];

        if (r->status != RESOURCE_READY && is_gate_of(r, c, next))
            return false;
    }
    return true;
}

// A container that is still to pass the gate.
static bool is_needed(const struct task *task, const struct resource *r)
{
    if (task->desired == HOST_TASK_STATUS_STOPPED)
        return false;
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct container *c = &task->containers[i];

        if (c->known < kinds[r->kind].gate && container_needs(c, r->kind))
            return true;
    }
    return false;
}

static void drop_values(struct resource *r)
{
    r->values = (struct host_resource_value_list){0};
    arena_deinit(&r->arena);
}

// Values are needed as long as a container may yet be pulled or created with them.
static void forget_values(const struct task *task, struct resource *r)
{
    if (!kinds[r->kind].has_values || r->status != RESOURCE_READY || r->values.n == 0)
        return;
    for (size_t i = 0; i < task->containers_n; i++) {
        if (task->containers[i].known < HOST_CONTAINER_STATUS_CREATED)
            return;
    }
    MARK("what a secret holds is forgotten when all containers are created");
    drop_values(r);
}

void resource_forget(struct task *task)
{
    for (size_t i = 0; i < task->resources_n; i++)
        drop_values(&task->resources[i]);
}

// ---- the call

static void fill_limits(const struct engine *engine, const struct task *task,
                        struct host_cgroup_limits *limits)
{
    const struct acs_task *spec = task->spec;
    int64_t shares = 0;

    for (size_t i = 0; i < task->containers_n; i++) {
        int32_t cpu = task->containers[i].spec->cpu;

        if (pause_is(&task->containers[i]))
            continue; // it is the agent's own
        shares += cpu < SHARES_MIN ? SHARES_MIN : cpu;
    }
    if (spec->cpu > 0) {
        int64_t period = engine->settings.cgroup_period_us;

        SET(limits, cpu_period_us, (int32_t)period);
        SET(limits, cpu_quota_us, (int64_t)(spec->cpu * (double)period));
    } else {
        SET(limits, cpu_shares, (int32_t)(shares > SHARES_MAX ? SHARES_MAX : shares));
    }
    if (spec->memory > 0)
        SET(limits, memory, (int64_t)spec->memory * MIB);
    if (engine->settings.task_pids_limit > 0)
        SET(limits, pids, engine->settings.task_pids_limit);
}

static bool has_secret(const struct host_secret_name_list *list,
                       const struct host_secret_name *secret)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i].value_from, secret->value_from) &&
            str_eq(list->at[i].region, secret->region))
            return true;
    }
    return false;
}

// Each name once: two containers that share a secret have it fetched once.
static void add_secret(struct host_secret_name_list *list, enum acs_secret_provider provider,
                       struct str region, struct str value_from)
{
    struct host_secret_name *secret = &list->at[list->n];

    *secret = (struct host_secret_name){0};
    SET(secret, provider, provider);
    SET(secret, region, region);
    SET(secret, value_from, value_from);
    if (!has_secret(list, secret))
        list->n++;
}

static void fill_secrets(const struct task *task, struct arena *arena, struct host_resource *out)
{
    size_t most = 0;

    for (size_t i = 0; i < task->containers_n; i++)
        most += task->containers[i].spec->secrets.n;
    out->secrets.at = arena_array(arena, struct host_secret_name, most);
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct acs_secret_list *own = &task->containers[i].spec->secrets;

        for (size_t k = 0; k < own->n; k++)
            add_secret(&out->secrets, own->at[k].provider, own->at[k].region,
                       own->at[k].value_from);
    }
    out->has.secrets = true;
}

static void fill_logins(const struct task *task, struct arena *arena, struct host_resource *out)
{
    out->secrets.at = arena_array(arena, struct host_secret_name, task->containers_n);
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct acs_asm_auth_data *login = login_of(&task->containers[i]);

        if (login != NULL)
            add_secret(&out->secrets, ACS_SECRET_PROVIDER_ASM, login->region,
                       login->credentials_parameter);
    }
    out->has.secrets = true;
}

static bool has_text(const struct str_list *list, struct str text)
{
    for (size_t i = 0; i < list->n; i++) {
        if (str_eq(list->at[i], text))
            return true;
    }
    return false;
}

static void fill_files(const struct task *task, struct arena *arena, struct host_resource *out)
{
    size_t most = 0;

    for (size_t i = 0; i < task->containers_n; i++)
        most += task->containers[i].spec->environment_files.n;
    out->files.at = arena_array(arena, struct str, most);
    for (size_t i = 0; i < task->containers_n; i++) {
        const struct acs_environment_file_list *own = &task->containers[i].spec->environment_files;

        for (size_t k = 0; k < own->n; k++) {
            if (!has_text(&out->files, own->at[k].value))
                out->files.at[out->files.n++] = own->at[k].value;
        }
    }
    out->has.files = true;
}

static void fill_router(const struct engine *engine, const struct task *task, struct arena *arena,
                        struct host_resource *out)
{
    const struct container *router = router_of(task);
    struct str external = router_external(router);
    struct str text;
    struct str error;
    bool is_good = router_config(engine, task, arena, &text, &error);

    ASSERT(is_good); // resource_check has seen it
    SET(out, router_config, text);
    SET(out, socket_uid, router_socket_uid(router));
    if (external.len > 0)
        SET(out, files,
            ((struct str_list){.n = 1, .at = arena_copy(arena, &external, sizeof external)}));
}

static struct host_resource *describe(struct engine *engine, const struct task *task,
                                      const struct resource *r)
{
    struct arena *arena = engine->out->arena;
    struct host_resource *out = arena_new(arena, struct host_resource);

    SET(out, kind, r->kind);
    SET(out, task, str_copy(arena, task_short_id(task)));
    if (task->execution_credentials.len > 0)
        SET(out, credentials_id, task->execution_credentials);
    return out;
}

static void send_make(struct engine *engine, struct task *task, struct resource *r)
{
    struct arena *arena = engine->out->arena;
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_MAKE_RESOURCE);
    struct host_resource *body = describe(engine, task, r);

    if (r->kind == HOST_RESOURCE_KIND_CGROUP) {
        SET(body, limits, arena_new(arena, struct host_cgroup_limits));
        fill_limits(engine, task, body->limits);
    } else if (r->kind == HOST_RESOURCE_KIND_SECRETS) {
        fill_secrets(task, arena, body);
    } else if (r->kind == HOST_RESOURCE_KIND_ASM_AUTH) {
        fill_logins(task, arena, body);
    } else if (r->kind == HOST_RESOURCE_KIND_ENV_FILES) {
        fill_files(task, arena, body);
    } else {
        fill_router(engine, task, arena, body);
    }
    SET(call, resource, shape_copy(arena, &host_resource_shape, body)); // a step's output only
    r->token = engine_call(engine, (struct call_target){.task = task, .resource = r}, call,
                           ENGINE_RESOURCE_MS);
}

// ---- progress

static bool waits_for_role(struct engine *engine, const struct task *task, struct resource *r)
{
    if (!kinds[r->kind].needs_role || task->execution_credentials.len == 0 ||
        task->has_execution_credentials)
        return false;
    if (r->wait_end == 0)
        r->wait_end = engine->now + ENGINE_CREDENTIALS_MS;
    MARK("what is fetched with the execution role waits for its credentials");
    return engine->now < r->wait_end;
}

bool resource_progress(struct engine *engine, struct task *task)
{
    bool changed = false;

    for (size_t i = 0; i < task->resources_n; i++) {
        struct resource *r = &task->resources[i];

        forget_values(task, r);
        if (r->status != RESOURCE_WANTED || r->token != 0 || r->retry_at > engine->now ||
            !is_needed(task, r) || waits_for_role(engine, task, r))
            continue;
        send_make(engine, task, r);
        changed = true;
    }
    return changed;
}

bool resource_is_busy(const struct task *task)
{
    for (size_t i = 0; i < task->resources_n; i++) {
        const struct resource *r = &task->resources[i];

        if (r->token != 0 || (r->status == RESOURCE_WANTED && is_needed(task, r)))
            return true;
    }
    return false;
}

time_ms resource_next_timer(const struct engine *engine, const struct task *task)
{
    time_ms next = TIME_NEVER;

    for (size_t i = 0; i < task->resources_n; i++) {
        const struct resource *r = &task->resources[i];
        time_ms at = r->retry_at > engine->now ? r->retry_at : r->wait_end;

        if (r->token == 0 && r->status != RESOURCE_REMOVED && at > engine->now && at < next)
            next = at;
    }
    return next;
}

// ---- results

// As ECS writes such reasons: a capital first, single spaces (ecs-behaviour-agent 2.10).
static struct str tidy_reason(struct arena *arena, const char *head, struct str detail)
{
    struct str text = str_fmt(arena, "%s%.*s", head, STR_ARGS(str_trim(detail)));
    char *at = (char *)text.ptr;
    size_t n = 0;

    for (size_t i = 0; i < text.len; i++) {
        bool is_space = at[i] == ' ' || at[i] == '\t' || at[i] == '\n' || at[i] == '\r';

        if (!is_space)
            at[n++] = at[i];
        else if (n == 0 || at[n - 1] != ' ')
            at[n++] = ' ';
    }
    if (n > 0 && at[0] >= 'a' && at[0] <= 'z')
        at[0] = (char)(at[0] - 'a' + 'A');
    return str_span(at, n);
}

static void made(struct task *task, struct resource *r, const struct host_result *result)
{
    struct host_result *copy;

    r->status = RESOURCE_READY;
    r->retry_at = 0;
    r->attempt = 0;
    if (!kinds[r->kind].has_values || task->desired == HOST_TASK_STATUS_STOPPED)
        return;
    copy = shape_copy(&r->arena, &host_result_shape, result);
    r->values = copy->values;
}

static bool may_pass(const struct host_result *result)
{
    return result->error->class == HOST_ERROR_CLASS_TIMEOUT ||
           result->error->class == HOST_ERROR_CLASS_UNREACHABLE;
}

static void not_made(struct engine *engine, struct task *task, struct resource *r,
                     const struct host_result *result)
{
    struct str reason = tidy_reason(&task->arena, kinds[r->kind].failed, result->error->text);

    if (may_pass(result) && r->attempt + 1 < ATTEMPTS) {
        MARK("a resource that may be had later is asked for again");
        r->retry_at =
            engine->now + engine_backoff(engine, TIME_SECOND_MS, 2, 5 * TIME_SECOND_MS, r->attempt);
        r->attempt++;
        return;
    }
    MARK("a task whose resource cannot be had ends");
    r->status = RESOURCE_FAILED;
    r->retry_at = 0;
    engine_log(engine, LOG_LEVEL_WARN, "resource.failed", task, NULL, reason);
    task_fail(task, reason);
}

static void removed(struct engine *engine, struct task *task, struct resource *r,
                    const struct host_result *result)
{
    if (cleanup_is_tried_again(result, &r->attempt)) {
        r->retry_at = engine->now + ENGINE_REPORT_WAIT_MS;
        return;
    }
    if (cleanup_is_left(result))
        engine_log(engine, LOG_LEVEL_WARN, "resource.not_removed", task, NULL, result->error->text);
    r->status = RESOURCE_REMOVED;
}

void resource_result(struct engine *engine, struct task *task, struct resource *r,
                     const struct host_result *result)
{
    r->token = 0;
    if (result->kind == HOST_CALL_KIND_REMOVE_RESOURCE)
        removed(engine, task, r, result);
    else if (result->has.error)
        not_made(engine, task, r, result);
    else
        made(task, r, result);
}

bool resource_value(const struct task *task, enum host_resource_kind kind, struct str name,
                    struct str region, struct str *out)
{
    for (size_t i = 0; i < task->resources_n; i++) {
        const struct resource *r = &task->resources[i];

        for (size_t k = 0; r->kind == kind && k < r->values.n; k++) {
            const struct host_resource_value *value = &r->values.at[k];

            if (str_eq(value->name, name) && str_eq(value->region, region)) {
                *out = value->value;
                return true;
            }
        }
    }
    return false;
}

// ---- the end

static void send_remove(struct engine *engine, struct task *task, struct resource *r)
{
    struct host_call *call = engine_new_call(engine, HOST_CALL_KIND_REMOVE_RESOURCE);

    MARK("what was made of a task on its host is removed with it");
    SET(call, resource,
        shape_copy(engine->out->arena, &host_resource_shape, describe(engine, task, r)));
    r->token = engine_call(engine, (struct call_target){.task = task, .resource = r}, call,
                           ENGINE_RESOURCE_MS);
}

bool resource_remove_all(struct engine *engine, struct task *task)
{
    bool gone = true;

    for (size_t i = 0; i < task->resources_n; i++) {
        struct resource *r = &task->resources[i];

        if (r->status == RESOURCE_REMOVED || (!kinds[r->kind].leaves_traces && r->token == 0))
            continue;
        gone = false;
        if (r->token == 0 && r->retry_at <= engine->now)
            send_remove(engine, task, r);
    }
    return gone;
}
