// See keeper.h. A call becomes a job with a deadline; its result leaves from the loop, never from
// inside the call. What needs only a few system calls (folders, small files) is done on the spot;
// what waits (services, systemd) is waited for.

#include "agent/keeper.h"

#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/life.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/cgroup.h"
#include "host/folder.h"
#include "host/gpu.h"
#include "host/quota.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/process.h"
#include "shape/walk.h"

struct keeper {
    struct runtime runtime;
    struct keeper_config config;
    struct fetcher *fetcher;
    struct list jobs;
};

struct job {
    struct list in_keeper;
    struct keeper *keeper;
    struct arena arena;
    const struct host_call *call;
    struct host_result result;
    struct loop_job answer;
    struct loop_timer deadline;
    struct fetch *fetch;
    struct process *process; // systemd's tool
    int step;                // of its commands
};

// ---- the end of a job

static void job_free(struct job *job)
{
    fetch_cancel(job->fetch);
    if (job->process != NULL) {
        if (process_kill(job->process, SIGKILL) != 0)
            LOG_WARN("agent.tool_left", LOG_CSTR("tool", "systemctl"));
        process_free(job->process);
    }
    loop_job_cancel(&job->answer);
    loop_timer_stop(&job->deadline);
    list_remove(&job->in_keeper);
    arena_deinit(&job->arena);
    mem_free(job);
}

static void answer(void *user)
{
    struct job *job = user;
    struct keeper *keeper = job->keeper;
    struct runtime_post post = {
        .kind = RUNTIME_POST_RESULT, .token = job->call->token, .result = &job->result};

    SET(&job->result, token, job->call->token);
    SET(&job->result, kind, job->call->kind);
    keeper->config.post(keeper->config.user, &post);
    job_free(job);
}

static void done(struct job *job)
{
    loop_timer_stop(&job->deadline);
    loop_defer(job->keeper->config.loop, &job->answer);
}

static void failed(struct job *job, enum host_error_class class, struct str text)
{
    struct host_call_error *error = arena_new(&job->arena, struct host_call_error);

    SET(error, class, class);
    SET(error, text, text);
    SET(&job->result, error, error);
    done(job);
}

static void failed_at(struct job *job, struct str what, int fault)
{
    failed(job, HOST_ERROR_CLASS_OTHER,
           str_fmt(&job->arena, "%.*s: %s", STR_ARGS(what), strerrordesc_np(-fault)));
}

static void on_deadline(void *user)
{
    struct job *job = user;

    fetch_cancel(job->fetch);
    job->fetch = NULL;
    failed(job, HOST_ERROR_CLASS_TIMEOUT, STR("the deadline passed"));
}

// ---- groups

static void next_command(struct job *job);

static const char *const *command(struct job *job)
{
    const struct host_resource *what = job->call->resource;
    static const struct host_cgroup_limits none = {0};

    if (job->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE)
        return cgroup_systemd_remove(&job->arena, job->step, what->task);
    return cgroup_systemd_make(&job->arena, job->step, what->task,
                               what->limits != NULL ? what->limits : &none);
}

// Stopping what is not there is no failure.
static void on_command_end(void *user, struct process_end end)
{
    struct job *job = user;
    bool removes = job->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE;

    process_free(job->process);
    job->process = NULL;
    if (job->result.has.error)
        return; // its deadline has passed
    if (!removes && (end.exit_code != 0 || end.signal != 0)) {
        failed(job, HOST_ERROR_CLASS_OTHER,
               str_fmt(&job->arena, "systemctl %s ended with %d",
                       job->step == 0 ? "set-property" : "start", end.exit_code));
        return;
    }
    job->step++;
    next_command(job);
}

static void next_command(struct job *job)
{
    struct process_spec spec = {.stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
    int rc;

    if (job->step == CGROUP_SYSTEMD_STEPS) {
        done(job);
        return;
    }
    spec.argv = command(job);
    rc = process_spawn(job->keeper->config.loop, &spec, on_command_end, job, &job->process);
    if (rc != 0)
        failed_at(job, STR("systemctl"), rc);
}

static void do_cgroup(struct job *job)
{
    static const struct host_cgroup_limits none = {0};
    const struct host_resource *what = job->call->resource;
    const char *root = job->keeper->config.settings->cgroup_root;
    struct str path = STR_NONE;
    int rc;

    if (job->keeper->config.settings->engine.cgroup_slices) {
        next_command(job);
        return;
    }
    if (job->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE)
        rc = cgroup_remove(root, what->task, &job->arena, &path);
    else
        rc = cgroup_make(root, what->task, what->limits != NULL ? what->limits : &none, &job->arena,
                         &path);
    if (rc != 0)
        failed_at(job, path, rc);
    else
        done(job);
}

// ---- files of log routers

static const char *router_folder(struct job *job, const char *below)
{
    const char *data = job->keeper->config.settings->data_dir;

    return arena_printf(&job->arena, "%s/firelens/%.*s%s", data,
                        STR_ARGS(job->call->resource->task), below);
}

// `external` is the file that was fetched, or NULL.
static int write_router(struct job *job, const struct str *external)
{
    const struct host_resource *what = job->call->resource;
    const char *socket = router_folder(job, "/socket");

    TRY(file_make_folders(router_folder(job, "/config")));
    TRY(file_make_folders(socket));
    // Whoever the router runs as makes its socket there, and the container engine opens it.
    if (chmod(socket, 0755) != 0 ||
        (geteuid() == 0 && chown(socket, (uid_t)what->socket_uid, (gid_t)-1) != 0))
        return -errno;
    TRY(file_write_atomic(router_folder(job, "/config/fluent.conf"), what->router_config, 0644));
    if (external != NULL)
        TRY(file_write_atomic(router_folder(job, "/config/external.conf"), *external, 0644));
    return 0;
}

static void make_router(struct job *job, const struct str *external)
{
    int rc = write_router(job, external);

    if (rc != 0)
        failed_at(job, str_of(router_folder(job, "")), rc);
    else
        done(job);
}

static void do_router(struct job *job)
{
    int rc;

    if (job->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE) {
        rc = folder_remove(router_folder(job, ""));
        if (rc != 0)
            failed_at(job, str_of(router_folder(job, "")), rc);
        else
            done(job);
        return;
    }
    make_router(job, NULL);
}

// ---- what is fetched

static void on_fetched(void *user, const struct host_resource_value_list *values,
                       const struct host_call_error *error)
{
    struct job *job = user;
    struct host_result copy = {0};

    if (error != NULL) {
        struct str text = str_copy(&job->arena, error->text);

        failed(job, error->class, text);
    } else if (job->call->resource->kind == HOST_RESOURCE_KIND_FIRELENS) {
        make_router(job, &values->at[0].value);
    } else {
        SET(&copy, values, *values);
        job->result = *(struct host_result *)shape_copy(&job->arena, &host_result_shape, &copy);
        done(job);
    }
}

static void fetch(struct job *job)
{
    struct keeper *keeper = job->keeper;

    if (job->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE) {
        done(job); // nothing of it is on the host
        return;
    }
    job->fetch = fetch_start(keeper->fetcher, job->call->resource, on_fetched, job);
}

// ---- the driver

static void begin(struct job *job)
{
    const struct host_resource *what = job->call->resource;
    bool makes = job->call->kind == HOST_CALL_KIND_MAKE_RESOURCE;

    switch (what != NULL ? what->kind : HOST_RESOURCE_KIND_UNSET) {
    case HOST_RESOURCE_KIND_CGROUP: do_cgroup(job); return;
    case HOST_RESOURCE_KIND_SECRETS:
    case HOST_RESOURCE_KIND_ASM_AUTH:
    case HOST_RESOURCE_KIND_ENV_FILES: fetch(job); return;
    case HOST_RESOURCE_KIND_FIRELENS:
        if (makes && what->files.n > 0)
            fetch(job);
        else
            do_router(job);
        return;
    case HOST_RESOURCE_KIND_UNSET:
        failed(job, HOST_ERROR_CLASS_OTHER, STR("no such resource"));
        return;
    }
    UNREACHABLE();
}

static void keeper_call(struct runtime *runtime, const struct host_call *call)
{
    struct keeper *keeper = (struct keeper *)runtime;
    struct job *job = mem_zalloc(sizeof *job);
    int64_t left = call->has.deadline_ms ? call->deadline_ms - clock_wall_ms() : 0;

    job->keeper = keeper;
    job->call = shape_copy(&job->arena, &host_call_shape, call);
    loop_job_init(&job->answer, answer, job);
    loop_timer_init(&job->deadline, keeper->config.loop, on_deadline, job);
    list_push_back(&keeper->jobs, &job->in_keeper);
    if (call->has.deadline_ms)
        loop_timer_start(&job->deadline, left > 0 ? left : 0);
    begin(job);
}

static void keeper_cancel(struct runtime *runtime, int64_t token)
{
    struct keeper *keeper = (struct keeper *)runtime;

    LIST_EACH_SAFE (&keeper->jobs, it) {
        struct job *job = LIST_ENTRY(it, struct job, in_keeper);

        if (job->call->token == token)
            job_free(job);
    }
}

static void keeper_close(struct runtime *runtime)
{
    struct keeper *keeper = (struct keeper *)runtime;

    if (runtime == NULL)
        return;
    LIST_EACH_SAFE (&keeper->jobs, it)
        job_free(LIST_ENTRY(it, struct job, in_keeper));
    fetcher_free(keeper->fetcher);
    mem_free(keeper);
}

static const struct runtime_driver driver = {
    .name = "host",
    .call = keeper_call,
    .cancel = keeper_cancel,
    .close = keeper_close,
};

int keeper_open(const struct keeper_config *config, struct runtime **out)
{
    struct keeper *keeper = mem_zalloc(sizeof *keeper);
    struct fetcher_config fetcher = {
        .loop = config->loop,
        .settings = config->settings,
        .role = config->role,
        .user = config->role_user,
    };

    keeper->runtime.driver = &driver;
    keeper->config = *config;
    keeper->fetcher = fetcher_new(&fetcher);
    list_init(&keeper->jobs);
    *out = &keeper->runtime;
    return 0;
}

// ---- what this host can do

static void find_gpus(struct agent_config *settings, struct arena *arena)
{
    struct gpu_list found = {0};
    struct str why = STR_NONE;

    if (!settings->gpus)
        return;
    if (gpu_find(NULL, arena, &found, &why) != 0) {
        LOG_WARN("agent.no_gpus", LOG_STR("reason", why));
        return;
    }
    settings->gpu_ids = found.ids;
    settings->gpu_driver = found.driver;
}

void keeper_settle(struct agent_config *settings, const struct host_facts *facts,
                   struct arena *arena)
{
    struct engine_settings *engine = &settings->engine;
    bool slices = str_eq(facts->cgroup_driver, STR("systemd"));
    int rc;

    find_gpus(settings, arena);
    engine->cgroup_v2 = cgroup_version(settings->cgroup_root) == CGROUP_V2;
    engine->cgroup_slices = slices;
    engine->storage_limits = quota_here(facts->storage_driver, facts->root_dir);
    if (settings->fargate.len > 0 && !engine->storage_limits)
        LOG_WARN("agent.no_storage_limits", LOG_STR("driver", facts->storage_driver));
    if (!engine->task_cgroups)
        return;
    if (slices)
        rc = geteuid() == 0 ? 0 : -EACCES; // systemd asks who is asking
    else
        rc = cgroup_probe(settings->cgroup_root);
    if (rc == 0)
        return;
    engine->task_cgroups = false;
    LOG_WARN("agent.no_task_limits", LOG_CSTR("reason", strerrordesc_np(-rc)));
}

// ---- in the agent's life

static int open_for_life(const struct agent_config *settings, const struct runtime_config *config,
                         fetch_role_fn *role, void *role_user, struct runtime **out)
{
    struct keeper_config keeper = {
        .loop = config->loop,
        .settings = settings,
        .post = config->post,
        .user = config->user,
        .role = role,
        .role_user = role_user,
    };

    return keeper_open(&keeper, out);
}

const struct life_host keeper_host = {.settle = keeper_settle, .open = open_for_life};
