// The agent's life: settings, store, the engine's facts, registration, then everything at once.
//
// Start-up is a chain of callbacks on the loop, so that SIGTERM is heard at any point of it. What
// is durable is the store's; this file keeps nothing that a restart would miss.

#include "agent/agent.h"

#include <signal.h>

#include "agent/acs.h"
#include "agent/config.h"
#include "agent/drive.h"
#include "agent/probe.h"
#include "agent/tcs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/entropy.h"
#include "io/file.h"
#include "io/loop.h"
#include "store/sqlite.h"
#include "wire/codec.h"

enum { APPLICATION_ID = 0x47414754, SCHEMA_VERSION = 1, METADATA_ID = 1 };

static const struct store_schema schema = {
    .kinds = host_kinds,
    .kinds_n = HOST_KIND_N,
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
};

struct agent {
    struct arena arena; // as long as the agent
    struct agent_config config;
    struct loop *loop;
    struct loop_signal terminate;
    struct loop_signal interrupt;
    struct store *store;
    struct host_metadata metadata;
    struct engine_record *records;
    size_t records_n;
    size_t records_cap;
    struct api *api;
    struct probe *probe;
    struct str docker_version;
    struct registration *registration;
    struct drive *drive;
    struct places *places;
    struct acs *acs;
    struct tcs *tcs;
    int status;
};

static void stop(struct agent *agent, int status)
{
    agent->status = status;
    loop_stop(agent->loop);
}

// ---- the store

static bool save_metadata(struct agent *agent)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct store_write write = {.kind = HOST_KIND_METADATA, .id = METADATA_ID};
    int rc;

    codec_encode(&json, &host_metadata_shape, &agent->metadata);
    write.json = buf_str(&json);
    rc = store_commit(agent->store, &write, 1);
    if (rc == 0)
        return true;
    LOG_ERROR("agent.commit_failed", LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", store_detail(agent->store)));
    return false;
}

static int load_record(void *user, size_t kind, uint64_t id, struct str json)
{
    struct agent *agent = user;
    struct codec_report report = {0};
    void *value = arena_alloc(&agent->arena, host_kinds[kind].shape->size);

    if (codec_decode(&agent->arena, host_kinds[kind].shape, json, &codec_peer, value, &report) != 0)
        return STORE_E_CORRUPT;
    if (kind == HOST_KIND_METADATA) {
        agent->metadata = *(struct host_metadata *)value;
        return 0;
    }
    if (agent->records_n == agent->records_cap) {
        agent->records_cap = agent->records_cap ? agent->records_cap * 2 : 64;
        agent->records = mem_realloc(agent->records, agent->records_cap * sizeof *agent->records);
    }
    agent->records[agent->records_n++] =
        (struct engine_record){.kind = (enum host_kind)kind, .id = (int64_t)id, .value = value};
    return 0;
}

static bool open_store(struct agent *agent)
{
    const char *path = arena_printf(&agent->arena, "%s/agent.db", agent->config.data_dir);
    struct str detail = STR_NONE;
    int rc = store_open_sqlite(path, &schema, &agent->arena, &detail, &agent->store);

    if (rc == 0)
        rc = store_load(agent->store, load_record, agent);
    if (rc == 0)
        return true;
    LOG_ERROR("agent.store", LOG_CSTR("path", path), LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", detail));
    return false;
}

// ---- connected

static void to_server(void *user, enum acs_message kind, const void *value)
{
    struct agent *agent = user;

    if (agent->acs != NULL)
        acs_send(agent->acs, kind, value);
}

static void from_server(void *user, enum acs_message kind, const void *value)
{
    struct agent *agent = user;

    drive_message(agent->drive, kind, value);
}

static void store_broke(void *user, struct str why)
{
    LOG_ERROR("agent.stopping", LOG_STR("reason", why));
    stop(user, AGENT_EXIT_FAILED);
}

static void places_known(void *user)
{
    struct agent *agent = user;

    if (agent->acs == NULL || agent->tcs == NULL)
        return;
    acs_dial(agent->acs);
    tcs_dial(agent->tcs);
}

// After a refusal the telemetry was hung up; it comes back with the sessions.
static void session_began(void *user)
{
    struct agent *agent = user;

    tcs_dial(agent->tcs);
}

// The instance is gone for the server. Its tasks are orphans there; here they go on, and the agent
// keeps asking once an hour, as the ECS agent does.
static void deregistered(void *user)
{
    struct agent *agent = user;

    LOG_WARN("agent.inactive", LOG_STR("instance", agent->metadata.container_instance_arn));
    tcs_hang_up(agent->tcs);
}

static void start_drive(struct agent *agent)
{
    struct drive_config config = {
        .loop = agent->loop,
        .api = agent->api,
        .store = agent->store,
        .records = agent->records,
        .records_n = agent->records_n,
        .settings = &agent->config.engine,
        .driver = &runtime_docker,
        .socket = str_of(agent->config.docker_socket),
        .message = to_server,
        .broken = store_broke,
        .user = agent,
    };

    agent->drive = drive_new(&config);
    mem_free(agent->records);
    agent->records = NULL;
}

static void connect_channels(struct agent *agent)
{
    struct str arn = agent->metadata.container_instance_arn;
    struct acs_config acs = {
        .loop = agent->loop,
        .api = agent->api,
        .config = &agent->config,
        .container_instance = arn,
        .docker_version = agent->docker_version,
        .message = from_server,
        .opened = session_began,
        .inactive = deregistered,
        .user = agent,
    };
    struct tcs_config tcs = {
        .loop = agent->loop,
        .api = agent->api,
        .config = &agent->config,
        .drive = agent->drive,
        .container_instance = arn,
        .docker_version = agent->docker_version,
    };

    agent->places =
        places_new(agent->loop, agent->api, agent->config.engine.cluster, arn, places_known, agent);
    acs.places = agent->places;
    tcs.places = agent->places;
    agent->acs = acs_new(&acs);
    agent->tcs = tcs_new(&tcs);
}

// ---- registration

static void registered(void *user, enum registration_end end, struct str arn, struct str zone,
                       struct str why)
{
    struct agent *agent = user;

    agent->registration = NULL;
    if (end != REGISTRATION_DONE) {
        LOG_ERROR("agent.not_registered", LOG_STR("reason", why));
        stop(agent, end == REGISTRATION_TERMINAL ? AGENT_EXIT_TERMINAL : AGENT_EXIT_FAILED);
        return;
    }
    SET(&agent->metadata, container_instance_arn, str_copy(&agent->arena, arn));
    SET(&agent->metadata, availability_zone, str_copy(&agent->arena, zone));
    SET(&agent->metadata, cluster, agent->config.engine.cluster);
    if (!save_metadata(agent)) {
        stop(agent, AGENT_EXIT_FAILED);
        return;
    }
    LOG_INFO("agent.registered", LOG_STR("instance", agent->metadata.container_instance_arn));
    agent->config.engine.container_instance = agent->metadata.container_instance_arn;
    start_drive(agent);
    connect_channels(agent);
}

// The token is stored before it is used: a registration whose answer was lost is found again by it.
static bool ready_token(struct agent *agent)
{
    struct rng rng;

    if (agent->metadata.has.registration_token)
        return true;
    rng_init(&rng, entropy_u64());
    SET(&agent->metadata, registration_token, id_uuid(&agent->arena, &rng));
    SET(&agent->metadata, cluster, agent->config.engine.cluster);
    return save_metadata(agent);
}

static void probed(void *user, const struct host_facts *facts, struct str docker_version)
{
    struct agent *agent = user;
    struct engine_settings *engine = &agent->config.engine;

    agent->probe = NULL; // frees itself after this
    agent->docker_version = str_copy(&agent->arena, docker_version);
    if (!host_capacity(&agent->config, facts, &engine->cpu_units, &engine->memory_mib)) {
        LOG_ERROR("agent.capacity", LOG_INT("memory_mib", facts->memory_mib),
                  LOG_INT("reserved_mib", agent->config.reserved_memory_mib));
        stop(agent, AGENT_EXIT_TERMINAL);
        return;
    }
    if (!ready_token(agent)) {
        stop(agent, AGENT_EXIT_FAILED);
        return;
    }
    agent->registration = registration_start(agent->loop, agent->api, &agent->config, facts,
                                             agent->metadata.container_instance_arn,
                                             agent->metadata.registration_token, registered, agent);
}

// ---- life

static void on_signal(void *user, int signo)
{
    LOG_INFO("agent.stopping", LOG_INT("signal", signo));
    stop(user, AGENT_EXIT_DONE);
}

static bool same_cluster(const struct agent *agent)
{
    const struct host_metadata *stored = &agent->metadata;

    return !stored->has.cluster || str_eq(stored->cluster, agent->config.engine.cluster);
}

static int start(struct agent *agent)
{
    struct str why = STR_NONE;
    int rc = file_make_folders(agent->config.data_dir);

    if (rc != 0) {
        LOG_ERROR("agent.data", LOG_CSTR("path", agent->config.data_dir),
                  LOG_CSTR("reason", strerrordesc_np(-rc)));
        return AGENT_EXIT_FAILED;
    }
    if (!open_store(agent))
        return AGENT_EXIT_FAILED;
    if (!same_cluster(agent)) {
        LOG_ERROR("agent.cluster_changed", LOG_STR("stored", agent->metadata.cluster),
                  LOG_STR("configured", agent->config.engine.cluster));
        return AGENT_EXIT_TERMINAL;
    }
    agent->api = api_new(agent->loop, &agent->config, &agent->arena, &why);
    if (agent->api == NULL) {
        LOG_ERROR("agent.endpoint", LOG_STR("reason", why));
        return AGENT_EXIT_TERMINAL;
    }
    agent->probe = probe_start(agent->loop, &runtime_docker, str_of(agent->config.docker_socket),
                               probed, agent);
    if (agent->probe == NULL) {
        LOG_ERROR("agent.no_driver", LOG_CSTR("driver", runtime_docker.name));
        return AGENT_EXIT_FAILED;
    }
    return AGENT_EXIT_DONE;
}

static void finish(struct agent *agent)
{
    acs_free(agent->acs);
    tcs_free(agent->tcs);
    agent->acs = NULL;
    places_free(agent->places);
    registration_cancel(agent->registration);
    probe_cancel(agent->probe);
    drive_free(agent->drive);
    api_free(agent->api);
    store_close(agent->store);
    mem_free(agent->records);
    loop_signal_deinit(&agent->terminate);
    loop_signal_deinit(&agent->interrupt);
}

static const char *environment_value(const char *name)
{
    return getenv(name);
}

int agent_run(const struct agent_options *options)
{
    struct agent agent = {0};
    struct str why = STR_NONE;

    if (config_load(&agent.arena, options, environment_value, &agent.config, &why) != 0) {
        fprintf(stderr, "gantry agent: %.*s\n", STR_ARGS(why));
        arena_deinit(&agent.arena);
        return AGENT_EXIT_USAGE;
    }
    if (loop_open(&agent.loop) != 0 ||
        loop_signal_init(&agent.terminate, agent.loop, SIGTERM, on_signal, &agent) != 0 ||
        loop_signal_init(&agent.interrupt, agent.loop, SIGINT, on_signal, &agent) != 0) {
        fprintf(stderr, "gantry agent: no event loop\n");
        return AGENT_EXIT_FAILED;
    }
    agent.status = start(&agent);
    if (agent.status == AGENT_EXIT_DONE)
        loop_run(agent.loop);
    finish(&agent);
    loop_close(agent.loop);
    arena_deinit(&agent.arena);
    return agent.status;
}
