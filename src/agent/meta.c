// See meta.h. The start has two questions for the host, asked one after the other: are the packet
// rules in force, and are the tools of faults there. The servers listen from the first moment.

#include "agent/meta.h"

#include <unistd.h>

#include "agent/meta_docs.h"
#include "agent/meta_faults.h"
#include "agent/meta_file.h"
#include "agent/meta_server.h"
#include "agent/meter.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/fault.h"
#include "host/rules.h"
#include "io/command.h"
#include "io/file.h"
#include "io/loop.h"

enum { PROBE_MS = 5000, OUTPUT_MAX = 4096 };

// A script that is being run for a fault.
struct fault_run {
    struct list in_meta;
    struct meta *meta;
    struct command *command; // NULL: it could not be started
    int fault;
    struct loop_job refuse;
    void (*done)(void *user, int status);
    void *user;
};

struct meta {
    struct meta_settings settings;
    struct arena arena;
    struct meta_server *server;
    struct meta_faults *faults;
    struct meta_files *files; // NULL: none are made
    struct drive *drive;      // NULL: not yet
    const struct meter *meter;
    struct list fault_runs; // struct fault_run.in_meta
    struct str links[1];    // of the rules' plan
    struct rules_wish *wish;
    struct command *probe;
    struct loop_job answer;
    struct meta_found found;
    bool link_was_opened; // by us
    void (*left)(void *user);
    void *left_user;
    meta_ready_fn *ready;
    void *user;
};

// ---- what the server asks of us

static struct engine_view_list views(void *user, struct arena *arena)
{
    struct meta *meta = user;

    if (meta->drive == NULL)
        return (struct engine_view_list){0};
    return engine_view_all(drive_engine(meta->drive), arena);
}

static bool sample(void *user, struct str runtime_id, struct meter_sample *out)
{
    struct meta *meta = user;
    struct arena scratch = ARENA_INIT;
    struct engine_view_list all;
    const struct engine_view *view;
    bool runs;

    if (meta->meter == NULL || meter_last(meta->meter, runtime_id, out))
        return meta->meter != NULL;
    all = views(meta, &scratch);
    view = meta_find_runtime_id(&all, runtime_id);
    runs = view != NULL && view->status == HOST_CONTAINER_STATUS_RUNNING; // it will be, soon
    arena_deinit(&scratch);
    *out = (struct meter_sample){0};
    return runs;
}

// ---- scripts of faults

static void run_free(struct fault_run *run)
{
    command_cancel(run->command);
    loop_job_cancel(&run->refuse);
    list_remove(&run->in_meta);
    mem_free(run);
}

static void run_ended(void *user, const struct command_result *result)
{
    struct fault_run *run = user;
    int status = result->end.signal != 0 ? -EINTR : result->end.exit_code;

    run->command = NULL;
    if (!command_did_well(result) && result->err.len > 0)
        LOG_DEBUG("fault.script", LOG_STR("said", str_take(result->err, 400)));
    run->done(run->user, result->timed_out ? -ETIMEDOUT : status);
    run_free(run);
}

static void run_refused(void *user)
{
    struct fault_run *run = user;

    run->done(run->user, run->fault);
    run_free(run);
}

static void *run_script(void *user, struct str script, int32_t pid, int64_t patience_ms,
                        void (*done)(void *user, int status), void *done_user)
{
    struct meta *meta = user;
    struct fault_run *run = mem_zalloc(sizeof *run);
    struct arena scratch = ARENA_INIT;
    const char *place = arena_printf(&scratch, "--net=/proc/%d/ns/net", (int)pid);
    const char *const inside[] = {"nsenter", place, "sh", "-s", NULL};
    const char *const here[] = {"sh", "-s", NULL};
    struct command_spec spec = {
        .argv = pid != 0 ? inside : here,
        .input = script,
        .output_max = OUTPUT_MAX,
        .patience_ms = patience_ms,
    };

    run->meta = meta;
    run->done = done;
    run->user = done_user;
    loop_job_init(&run->refuse, run_refused, run);
    list_push_back(&meta->fault_runs, &run->in_meta);
    run->fault = command_start(meta->settings.loop, &spec, run_ended, run, &run->command);
    if (run->fault != 0) {
        run->command = NULL;
        loop_defer(meta->settings.loop, &run->refuse);
    }
    arena_deinit(&scratch);
    return run;
}

static void cancel_script(void *user, void *run)
{
    (void)user;
    run_free(run);
}

// ---- the start

static void answer(void *user)
{
    struct meta *meta = user;

    meta->ready(meta->user, meta->found);
}

static void probed(void *user, const struct command_result *result)
{
    struct meta *meta = user;

    meta->probe = NULL;
    meta->found.faults = command_did_well(result);
    if (!meta->found.faults)
        LOG_INFO("agent.no_faults", LOG_STR("reason", str_trim(str_take(result->err, 200))));
    answer(meta);
}

static void probe_faults(struct meta *meta)
{
    const char *const argv[] = {"unshare", "-n", "sh", "-c", fault_probe, NULL};
    struct command_spec spec = {.argv = argv, .output_max = OUTPUT_MAX, .patience_ms = PROBE_MS};

    if (command_start(meta->settings.loop, &spec, probed, meta, &meta->probe) != 0) {
        meta->probe = NULL;
        loop_defer(meta->settings.loop, &meta->answer);
    }
}

static void no_endpoints(struct str why)
{
    LOG_WARN("agent.no_metadata", LOG_STR("reason", why),
             LOG_CSTR("effect", "containers are not told of 169.254.170.2, and tasks with roles "
                                "are not placed here"));
}

static void rules_in_force(void *user, struct str why)
{
    struct meta *meta = user;

    meta->wish = NULL;
    meta->found.endpoints = why.len == 0;
    if (why.len > 0) {
        no_endpoints(why);
        answer(meta);
        return;
    }
    probe_faults(meta);
}

static const char *link_path(struct meta *meta, struct str link)
{
    return arena_printf(&meta->arena, "/proc/sys/net/ipv4/conf/%.*s/route_localnet",
                        STR_ARGS(link));
}

// What comes from containers is for an address of the loopback once it is redirected, and the
// kernel takes such packets only where it is told to.
static bool open_link(struct meta *meta, struct str link)
{
    const char *path = link_path(meta, link);
    BUF_AUTO struct buf before = BUF_INIT;
    int rc = file_read(path, OUTPUT_MAX, &before);

    if (rc == 0 && str_eq(str_trim(buf_str(&before)), STR("1")))
        return true;
    meta->link_was_opened = true;
    rc = file_append(path, STR("1"), 0600);
    if (rc != 0)
        LOG_WARN("agent.kernel_setting", LOG_CSTR("path", path),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
    return rc == 0;
}

static bool redirect(struct meta *meta)
{
    struct nft_plan *plan = rules_plan(meta->settings.rules);

    plan->endpoint_port = meta_server_port(meta->server, false);
    plan->endpoint_of_host = true;
    plan->loopback_open = meta->settings.config->loopback_open;
    plan->endpoint_links = (struct str_list){0};
    meta->links[0] = meta->settings.bridge;
    if (meta->settings.bridge.len > 0) {
        plan->endpoint_links = (struct str_list){.n = 1, .at = meta->links};
        if (!open_link(meta, meta->settings.bridge))
            return false;
    }
    meta->wish = rules_apply(meta->settings.rules, rules_in_force, meta);
    return true;
}

static void taken_back(void *user, struct str why)
{
    struct meta *meta = user;

    (void)why; // it has been logged
    meta->wish = NULL;
    if (meta->link_was_opened)
        (void)!file_append(link_path(meta, meta->settings.bridge), STR("0"), 0600);
    meta->left(meta->left_user);
}

bool meta_leave(struct meta *meta, void (*done)(void *user), void *user)
{
    struct nft_plan *plan;

    if (!meta->found.endpoints || meta->wish != NULL)
        return false;
    plan = rules_plan(meta->settings.rules);
    plan->endpoint_port = 0;
    plan->endpoint_of_host = false;
    plan->endpoint_links = (struct str_list){0};
    meta->left = done;
    meta->left_user = user;
    meta->wish = rules_apply(meta->settings.rules, taken_back, meta);
    return true;
}

static bool listen(struct meta *meta)
{
    const struct agent_config *config = meta->settings.config;
    int rc = 0;

    if (config->introspection_port != 0)
        rc = meta_server_introspect(meta->server, config->introspection_port,
                                    config->introspection_off_host);
    if (rc != 0)
        LOG_WARN("agent.no_introspection", LOG_INT("port", config->introspection_port),
                 LOG_CSTR("reason", strerrordesc_np(-rc)));
    if (config->metadata_port == 0)
        return false;
    rc = meta_server_listen(meta->server, config->metadata_port);
    if (rc == 0)
        return true;
    no_endpoints(
        str_fmt(&meta->arena, "port %d: %s", (int)config->metadata_port, strerrordesc_np(-rc)));
    return false;
}

static void start(struct meta *meta)
{
    bool has_rules = meta->settings.rules != NULL && geteuid() == 0;

    if (!listen(meta)) {
        loop_defer(meta->settings.loop, &meta->answer);
    } else if (!has_rules || !redirect(meta)) {
        no_endpoints(has_rules ? STR("the interface of containers cannot be opened")
                               : STR("only root can redirect what containers send"));
        loop_defer(meta->settings.loop, &meta->answer);
    }
}

struct meta *meta_open(const struct meta_settings *settings, meta_ready_fn *ready, void *user)
{
    struct meta *meta = mem_zalloc(sizeof *meta);
    struct meta_faults_runner runner = {.run = run_script, .cancel = cancel_script, .user = meta};
    struct meta_config config = {
        .loop = settings->loop,
        .api = settings->api,
        .config = settings->config,
        .keys = settings->keys,
        .source = {.views = views, .sample = sample, .user = meta},
    };

    meta->settings = *settings;
    meta->settings.bridge = str_copy(&meta->arena, settings->bridge);
    meta->ready = ready;
    meta->user = user;
    list_init(&meta->fault_runs);
    loop_job_init(&meta->answer, answer, meta);
    meta->faults = meta_faults_new(&runner);
    config.faults = meta->faults;
    meta->server = meta_server_new(&config);
    if (settings->config->engine.metadata_dir.len > 0)
        meta->files = meta_files_new(str_cstr(&meta->arena, settings->config->engine.metadata_dir));
    start(meta);
    return meta;
}

void meta_close(struct meta *meta)
{
    if (meta == NULL)
        return;
    loop_job_cancel(&meta->answer);
    rules_forget(meta->wish);
    command_cancel(meta->probe);
    meta_faults_free(meta->faults);
    LIST_EACH_SAFE (&meta->fault_runs, it)
        run_free(LIST_ENTRY(it, struct fault_run, in_meta));
    meta_server_free(meta->server);
    meta_files_free(meta->files);
    arena_deinit(&meta->arena);
    mem_free(meta);
}

// ---- while tasks run

void meta_begin(struct meta *meta, struct drive *drive, struct str container_instance,
                struct str zone)
{
    meta->drive = drive;
    meta_server_registered(meta->server, container_instance, zone);
}

void meta_set_meter(struct meta *meta, const struct meter *meter)
{
    meta->meter = meter;
}

void meta_creating(struct meta *meta, const struct host_call *call)
{
    struct arena scratch = ARENA_INIT;
    struct engine_view_list all = views(meta, &scratch);

    for (size_t i = 0; meta->files != NULL && i < all.n; i++) {
        if (str_eq(all.at[i].runtime_name, call->name))
            meta_files_begin(meta->files, meta_server_host(meta->server), &all.at[i]);
    }
    arena_deinit(&scratch);
}

void meta_stepped(struct meta *meta)
{
    struct arena scratch = ARENA_INIT;
    struct engine_view_list all;

    if (meta->files == NULL || meta->drive == NULL)
        return;
    all = views(meta, &scratch);
    meta_files_follow(meta->files, meta_server_host(meta->server), &all);
    arena_deinit(&scratch);
}

// An engine that was started anew may have made its bridge anew.
void meta_runtime_up(struct meta *meta)
{
    if (meta->found.endpoints && meta->settings.bridge.len > 0)
        open_link(meta, meta->settings.bridge);
}
