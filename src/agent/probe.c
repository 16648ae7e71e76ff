// See probe.h. Three calls, version, info and the default bridge, on a driver of its own; a failure
// of the first two starts over after a pause that grows (ecs-behaviour-agent 3.3). An engine may
// have no bridge.

#include "agent/probe.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/loop.h"
#include "shape/walk.h"

enum { PAUSE_FIRST_MS = 2000, PAUSE_MAX_MS = 200 * 1000, CALL_MS = 10 * 1000, MIB = 1 << 20 };

struct probe {
    struct loop *loop;
    const struct runtime_driver *driver;
    struct runtime *runtime;
    struct arena arena;
    struct docker_version *version;
    struct loop_timer again;
    struct loop_job finish;
    struct host_facts facts;
    int64_t token;
    int64_t pause_ms;
    probe_fn *done;
    void *user;
};

static void ask(struct probe *probe, enum host_call_kind kind)
{
    struct host_call call = {0};

    SET(&call, kind, kind);
    if (kind == HOST_CALL_KIND_INSPECT_NETWORK)
        SET(&call, name, STR("bridge"));
    probe->token++;
    SET(&call, token, probe->token);
    SET(&call, deadline_ms, clock_wall_ms() + CALL_MS);
    probe->driver->call(probe->runtime, &call);
}

static void begin(void *user)
{
    struct probe *probe = user;

    arena_reset(&probe->arena);
    ask(probe, HOST_CALL_KIND_VERSION);
}

static void fail(struct probe *probe, struct str why)
{
    LOG_WARN("agent.no_runtime", LOG_STR("reason", why), LOG_INT("again_ms", probe->pause_ms));
    loop_timer_start(&probe->again, probe->pause_ms);
    probe->pause_ms =
        probe->pause_ms * 3 / 2 < PAUSE_MAX_MS ? probe->pause_ms * 3 / 2 : PAUSE_MAX_MS;
}

static struct str architecture(const struct docker_version *version)
{
    return str_eq(version->arch, STR("amd64")) ? STR("x86_64") : version->arch;
}

static void finish(void *user)
{
    struct probe *probe = user;
    probe_fn *done = probe->done;

    done(probe->user, &probe->facts, probe->version->version);
    probe_cancel(probe);
}

static struct str_list copy_names(struct probe *probe, const struct str_list *names)
{
    struct str_list copy = {.at = arena_array(&probe->arena, struct str, names->n)};

    for (size_t i = 0; i < names->n; i++)
        copy.at[copy.n++] = str_copy(&probe->arena, names->at[i]);
    return copy;
}

static void learned(struct probe *probe, const struct docker_info *info)
{
    const struct docker_info_plugins *plugins = info->plugins;

    probe->facts = (struct host_facts){
        .api_version = probe->version->api_version,
        .architecture = architecture(probe->version),
        .cpus = info->ncpu,
        .memory_mib = info->mem_total / MIB,
        .root_dir = str_copy(&probe->arena, info->docker_root_dir),
    };
    probe->facts.storage_driver = str_copy(&probe->arena, info->driver);
    probe->facts.cgroup_driver = str_copy(&probe->arena, info->cgroup_driver);
    if (plugins != NULL) {
        probe->facts.volume_plugins = copy_names(probe, &plugins->volume);
        probe->facts.log_drivers = copy_names(probe, &plugins->log);
    }
    ask(probe, HOST_CALL_KIND_INSPECT_NETWORK);
}

static void looked_at_bridge(struct probe *probe, const struct docker_network *network)
{
    const struct str_map *options = network != NULL ? &network->options : NULL;

    for (size_t i = 0; options != NULL && i < options->n; i++) {
        if (str_eq(options->at[i].key, STR("com.docker.network.bridge.name")))
            probe->facts.bridge = str_copy(&probe->arena, options->at[i].value);
    }
    loop_defer(probe->loop, &probe->finish); // the driver is still calling us
}

static void on_post(void *user, const struct runtime_post *post)
{
    struct probe *probe = user;
    const struct host_result *result = post->result;

    if (post->kind != RUNTIME_POST_RESULT)
        return;
    if (result->kind == HOST_CALL_KIND_INSPECT_NETWORK) {
        looked_at_bridge(probe, result->docker_network);
    } else if (result->error != NULL) {
        fail(probe, result->error->text);
    } else if (result->version != NULL) {
        probe->version = shape_copy(&probe->arena, &docker_version_shape, result->version);
        ask(probe, HOST_CALL_KIND_INFO);
    } else if (result->info != NULL) {
        learned(probe, result->info);
    } else {
        fail(probe, STR("an answer without content"));
    }
}

struct probe *probe_start(struct loop *loop, const struct runtime_driver *driver, struct str socket,
                          probe_fn *done, void *user)
{
    struct probe *probe = mem_zalloc(sizeof *probe);
    struct runtime_config config = {
        .loop = loop,
        .socket = socket,
        .post = on_post,
        .user = probe,
    };

    probe->loop = loop;
    probe->driver = driver;
    probe->pause_ms = PAUSE_FIRST_MS;
    probe->done = done;
    probe->user = user;
    loop_timer_init(&probe->again, loop, begin, probe);
    loop_job_init(&probe->finish, finish, probe);
    if (driver->open(&config, &probe->runtime) != 0) {
        mem_free(probe);
        return NULL;
    }
    begin(probe);
    return probe;
}

void probe_cancel(struct probe *probe)
{
    if (probe == NULL)
        return;
    probe->driver->close(probe->runtime);
    loop_timer_stop(&probe->again);
    loop_job_cancel(&probe->finish);
    arena_deinit(&probe->arena);
    mem_free(probe);
}
