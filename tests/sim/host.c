// See host.h.

#include "tests/sim/host.h"

#include "agent/drive.h"
#include "agent/life.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "runtime/exec.h"
#include "runtime/fake_host.h"
#include "tests/sim/check.h"
#include "tests/sim/sim.h"

enum { AGAIN_MS = 3 * TIME_SECOND_MS };

struct sim_host {
    struct node node;
    char name[16];
    struct sim_host_options options;
    struct arena arena; // of the settings
    struct fake *fake;
    struct loop_timer runtime_due;
    struct memory_disk *disk;
    enum memory_fault disk_fault;
    struct loop_timer again;
    size_t old_resources;

    // Of one process.
    bool is_up;
    struct agent_config config;
    struct store *store;
    struct life *life;
    int status; // it has ended with this one; < 0: it runs
};

// ---- the runtime's driver: the fake one, as far as the process lives

static const struct runtime_driver driver;

struct tap {
    struct runtime runtime;
    struct sim_host *host;
    struct runtime *inner;
    runtime_post_fn *post;
    void *user;
};

static void look_at_runtime(struct sim_host *host)
{
    time_ms next = fake_next(host->fake);

    if (next == INT64_MAX)
        loop_timer_stop(&host->runtime_due);
    else
        loop_timer_start(&host->runtime_due, next - kernel_now_ms());
}

static void on_runtime_due(void *user)
{
    struct sim_host *host = user;

    fake_run(host->fake, kernel_now_ms());
    look_at_runtime(host);
}

static void on_post(void *user, const struct runtime_post *post)
{
    struct tap *tap = user;

    if (!tap->host->node.dead)
        tap->post(tap->user, post);
}

static int tap_open(const struct runtime_config *config, struct runtime **out_runtime)
{
    struct tap *tap = mem_zalloc(sizeof *tap);

    tap->runtime.driver = &driver;
    tap->host = LIST_ENTRY(config->loop->node, struct sim_host, node);
    tap->post = config->post;
    tap->user = config->user;
    tap->inner = fake_connect(tap->host->fake, on_post, tap);
    *out_runtime = &tap->runtime;
    return 0;
}

static void tap_call(struct runtime *runtime, const struct host_call *call)
{
    struct tap *tap = (struct tap *)runtime;

    if (!node_acts(&tap->host->node))
        return;
    fake_set_now(tap->host->fake, kernel_now_ms());
    tap->inner->driver->call(tap->inner, call);
    look_at_runtime(tap->host);
}

static void tap_cancel(struct runtime *runtime, int64_t token)
{
    struct tap *tap = (struct tap *)runtime;

    tap->inner->driver->cancel(tap->inner, token);
}

static void tap_close(struct runtime *runtime)
{
    struct tap *tap = (struct tap *)runtime;

    if (runtime == NULL)
        return;
    tap->inner->driver->close(tap->inner);
    mem_free(tap);
}

// The server of this world opens no session, so no command ever comes.
static const struct runtime_execs execs = {0};

static const struct runtime_driver driver = {
    .execs = &execs,
    .name = "simulated",
    .open = tap_open,
    .call = tap_call,
    .cancel = tap_cancel,
    .close = tap_close,
};

// ---- the disk

static enum memory_fault on_disk(void *user, const struct store_write *writes, size_t n)
{
    struct sim_host *host = user;

    if (!node_acts(&host->node))
        return MEMORY_FAULT_CUT_BEFORE;
    if (host->disk_fault != MEMORY_FAULT_NONE)
        return host->disk_fault;
    check_host_written(host, writes, n);
    return node_acts(&host->node) ? MEMORY_FAULT_NONE : MEMORY_FAULT_CUT_AFTER;
}

// ---- settings

static struct ecs_attribute_list attributes(struct sim_host *host)
{
    struct ecs_attribute *list = arena_array(&host->arena, struct ecs_attribute, 3);

    SET(&list[0], name, STR("zone"));
    SET(&list[0], value, host->options.zone);
    SET(&list[1], name, STR("gantry.capacity-provider"));
    SET(&list[1], value, str_eq(host->options.zone, STR("a")) ? STR("ours") : STR("mine"));
    SET(&list[2], name, STR("ecs.availability-zone"));
    SET(&list[2], value, host->options.zone);
    return (struct ecs_attribute_list){.n = 3, .at = list};
}

// Shorter than the defaults, so that a run need not be long to see them pass.
static void set_engine(struct sim_host *host, struct engine_settings *engine)
{
    struct rng dice;

    rng_init(&dice, host->options.seed);
    *engine = engine_settings_default();
    engine->cluster = host->options.cluster;
    engine->region = rng_below(&dice, 2) ? STR("us-east-1") : STR_NONE;
    engine->pull = (enum engine_pull)rng_below(&dice, ENGINE_PULL_PREFER_CACHED + 1);
    engine->pull_dependents_upfront = rng_below(&dice, 2) == 0;
    engine->stop_timeout_ms = (2 + (int64_t)rng_below(&dice, 20)) * TIME_SECOND_MS;
    engine->start_timeout_ms = 20 * TIME_SECOND_MS;
    engine->create_timeout_ms = 30 * TIME_SECOND_MS;
    engine->manifest_timeout_ms = 10 * TIME_SECOND_MS;
    engine->pull_timeout_ms = TIME_MINUTE_MS;
    engine->cleanup_wait_ms = (20 + (int64_t)rng_below(&dice, 60)) * TIME_SECOND_MS;
    engine->cleanup_jitter_ms = 5 * TIME_SECOND_MS;
    engine->owner = STR("simulated");
    engine->image_interval_ms = (1 + (int64_t)rng_below(&dice, 5)) * TIME_MINUTE_MS;
    engine->image_min_age_ms = (int64_t)rng_below(&dice, 3) * TIME_MINUTE_MS;
    engine->images_per_cycle = 1 + (int32_t)rng_below(&dice, 3);
    engine->cleans_strangers = rng_below(&dice, 3) == 0;
    engine->strange_image_min_age_ms = TIME_MINUTE_MS;
    engine->task_cgroups = rng_below(&dice, 2) == 0;
    engine->data_dir = STR("/data");
    engine->task_networks = true;
    engine->port_first = 40000;
    engine->port_last = 40000 + 8 + (int32_t)rng_below(&dice, 100);
    engine->efs_server = STR("nas");
    engine->efs_plugin = rng_below(&dice, 2) == 0;
    engine->storage_limits = rng_below(&dice, 2) == 0;
}

static void set_config(struct sim_host *host)
{
    static struct str log_drivers[] = {STR_INIT("json-file"), STR_INIT("none")};
    static struct str reserved[] = {STR_INIT("22"), STR_INIT("2375")};

    host->config = (struct agent_config){
        .endpoint = STR("http://server:7420"),
        .cluster = host->options.cluster,
        .region = STR("us-east-1"),
        .docker_socket = "docker.sock",
        .attributes = attributes(host),
        .log_drivers = {.n = 2, .at = log_drivers},
        .reserved_tcp = {.n = 2, .at = reserved},
        .reserved_memory_mib = 32,
        .secrets_dir = "secrets", // the fake runtime holds them
        .env_files_dir = "files",
        .metrics_disabled = !host->options.metrics,
        .task_roles = true,
        .task_roles_of_host = true,
        .log_roles = true,
        .os_family_detail = STR("linux"),
        .data_dir = "data",
        .disk_reserve = 5,
        .fargate = host->options.fargate ? STR("FARGATE") : STR_NONE,
    };
    set_engine(host, &host->config.engine);
}

// ---- life

static void on_ended(void *user, int status)
{
    struct sim_host *host = user;

    host->status = status;
}

static void begin(struct sim_host *host)
{
    struct life_config life = {
        .loop = &host->node.loop,
        .config = &host->config,
        .driver = &driver,
        .ended = on_ended,
        .user = host,
    };
    int outcome;

    ASSERT(!host->is_up);
    host->is_up = true;
    host->status = -1;
    host->node.dead = false;
    host->node.silent = false;
    arena_reset(&host->arena);
    set_config(host);
    outcome = store_open_memory(host->disk, &life_schema, &host->store);
    ASSERT(outcome == 0);
    life.store = host->store;
    sim_say(&host->node, "starts");
    outcome = life_start(&life, &host->life);
    if (outcome != 0)
        host->status = outcome;
}

void sim_host_start(struct sim_host *host)
{
    kernel_enter(&host->node);
    begin(host);
    kernel_leave(&host->node);
    sim_host_settle(host);
}

static void on_again(void *user)
{
    struct sim_host *host = user;

    begin(host);
}

// What the process still does on its way out has no effect when the node is dead.
static void take_down(struct sim_host *host)
{
    host->is_up = false;
    kernel_enter(&host->node);
    life_free(host->life);
    host->life = NULL;
    store_close(host->store);
    host->store = NULL;
    kernel_leave(&host->node);
    host->node.dead = true;
    host->node.acts_left = 0;
}

void sim_host_stop(struct sim_host *host, int64_t down_ms)
{
    if (!host->is_up)
        return;
    sim_say(&host->node, "is stopped");
    take_down(host);
    loop_timer_start(&host->again, down_ms);
}

void sim_host_kill(struct sim_host *host, int64_t down_ms)
{
    if (down_ms >= 0)
        loop_timer_start(&host->again, down_ms);
    else
        loop_timer_stop(&host->again);
    if (!host->is_up)
        return;
    sim_say(&host->node, "is killed%s", host->node.silent ? ", and nobody is told" : "");
    host->node.dead = true;
    take_down(host);
}

void sim_host_settle(struct sim_host *host)
{
    if (!host->is_up)
        return;
    if (host->node.dead) {
        sim_host_kill(host, AGAIN_MS);
    } else if (host->status >= 0) {
        sim_say(&host->node, "ends with status %d", host->status);
        take_down(host);
        if (host->status == AGENT_EXIT_FAILED)
            loop_timer_start(&host->again, AGAIN_MS);
    }
}

struct sim_host *sim_host_new(const struct sim_host_options *options)
{
    struct sim_host *host = mem_zalloc(sizeof *host);

    snprintf(host->name, sizeof host->name, "host%u", options->number);
    host->options = *options;
    node_init(&host->node, host->name, options->seed);
    host->node.busy_port = options->busy_port;
    host->fake = fake_new(options->seed + 1);
    fake_set_machine(host->fake, options->cpus, options->memory_mib);
    fake_set_wall(host->fake, kernel_wall_ms(&host->node) - kernel_now_ms());
    host->disk = memory_disk_new();
    memory_disk_watch(host->disk, on_disk, host);
    loop_timer_init(&host->runtime_due, &host->node.loop, on_runtime_due, host);
    loop_timer_init(&host->again, &host->node.loop, on_again, host);
    return host;
}

void sim_host_free(struct sim_host *host)
{
    ASSERT(!host->is_up);
    loop_timer_stop(&host->again);
    loop_timer_stop(&host->runtime_due);
    fake_free(host->fake);
    memory_disk_free(host->disk);
    arena_deinit(&host->arena);
    mem_free(host);
}

// ---- looking, meddling

bool sim_host_is_up(const struct sim_host *host)
{
    return host->is_up;
}

bool sim_host_is_coming(const struct sim_host *host)
{
    return loop_timer_is_running(&host->again);
}

bool sim_host_is_refused(const struct sim_host *host)
{
    return !host->is_up && host->status == AGENT_EXIT_TERMINAL;
}

static bool has_container(const struct fake *fake, struct str task)
{
    for (size_t i = 0; i < fake_containers(fake); i++) {
        const struct fake_container *c = fake_container_at(fake, i);

        if (!c->removed && str_ends(c->task_arn, task))
            return true;
    }
    return false;
}

// Nothing tells of them that they were an agent's whose records are gone.
static size_t count_nameless_resources(const struct sim_host *host)
{
    size_t n = 0;

    for (const struct fake_resource *one = fake_host(host->fake)->resources; one != NULL;
         one = one->next)
        n += !has_container(host->fake, one->task);
    return n;
}

// What a wiped life had made may be without a name from now on, too.
void sim_host_vanish(struct sim_host *host, struct str id)
{
    size_t before = count_nameless_resources(host);

    fake_vanish(host->fake, id);
    host->old_resources += count_nameless_resources(host) - before;
}

void sim_host_wipe(struct sim_host *host)
{
    ASSERT(!host->is_up);
    sim_say(&host->node, "is wiped");
    memory_disk_free(host->disk);
    host->disk = memory_disk_new();
    memory_disk_watch(host->disk, on_disk, host);
    fake_restart(host->fake); // what it was told to do before is not done any more
    fake_end_agent(host->fake);
    look_at_runtime(host);
    host->old_resources = count_nameless_resources(host);
    host->status = -1;
    loop_timer_start(&host->again, 0);
}

struct node *sim_host_node(struct sim_host *host)
{
    return &host->node;
}

struct fake *sim_host_fake(struct sim_host *host)
{
    return host->fake;
}

void sim_host_touched(struct sim_host *host)
{
    look_at_runtime(host);
}

struct memory_disk *sim_host_disk(struct sim_host *host)
{
    return host->disk;
}

const struct engine *sim_host_engine(const struct sim_host *host)
{
    struct drive *drive = host->life != NULL ? life_drive(host->life) : NULL;

    return drive != NULL ? drive_engine(drive) : NULL;
}

struct str sim_host_instance(const struct sim_host *host)
{
    return host->is_up ? host->config.engine.container_instance : STR_NONE;
}

size_t sim_host_old_resources(const struct sim_host *host)
{
    return host->old_resources;
}

void sim_host_fail_disk(struct sim_host *host, enum memory_fault fault)
{
    host->disk_fault = fault;
}

void sim_host_jump(struct sim_host *host, int64_t ms)
{
    host->node.wall_ahead_ms += ms;
    fake_set_wall(host->fake, kernel_wall_ms(&host->node) - kernel_now_ms());
    sim_say(&host->node, "wall clock jumps by %lld ms", (long long)ms);
}
