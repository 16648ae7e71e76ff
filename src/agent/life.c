// See life.h. Start-up is a chain of callbacks on the loop: the engine's facts, registration, then
// everything at once. What is durable is the store's; this file keeps nothing that a restart would
// miss.

#include "agent/life.h"

#include "agent/acs.h"
#include "agent/disk.h"
#include "agent/drive.h"
#include "agent/hostnet.h"
#include "agent/meta.h"
#include "agent/meta_keys.h"
#include "agent/probe.h"
#include "agent/relay.h"
#include "agent/tcs.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/rules.h"
#include "io/entropy.h"
#include "wire/codec.h"

enum { APPLICATION_ID = 0x47414754, SCHEMA_VERSION = 1, METADATA_ID = 1 };

const struct store_schema life_schema = {
    .kinds = host_kinds,
    .kinds_n = HOST_KIND_N,
    .application_id = APPLICATION_ID,
    .version = SCHEMA_VERSION,
};

struct life {
    struct arena arena;
    struct life_config config;
    struct agent_config *settings;
    struct host_metadata metadata;
    struct engine_record *records;
    size_t records_n;
    size_t records_cap;
    struct api *api;
    struct probe *probe;
    struct str docker_version;
    struct host_facts facts;
    struct meta_keys *keys;  // of tasks' roles
    struct meta *meta;       // NULL: containers are offered nothing
    struct rules *rules;     // NULL: nobody needs any
    struct hostnet *hostnet; // NULL: tasks have no networks of their own
    struct registration *registration;
    struct drive *drive;
    struct disk *disk; // NULL: nobody looks
    const char *engine_dir;
    struct places *places;
    struct relays *relays; // NULL: no commands in containers
    struct acs *acs;
    struct tcs *tcs;
    bool has_ended;
};

static void stop(struct life *life, int status)
{
    if (life->has_ended)
        return;
    life->has_ended = true;
    life->config.ended(life->config.user, status);
}

// ---- the store

static bool save_metadata(struct life *life)
{
    BUF_AUTO struct buf json = BUF_INIT;
    struct store_write write = {.kind = HOST_KIND_METADATA, .id = METADATA_ID};
    int rc;

    codec_encode(&json, &host_metadata_shape, &life->metadata);
    write.json = buf_str(&json);
    rc = store_commit(life->config.store, &write, 1);
    if (rc == 0)
        return true;
    LOG_ERROR("agent.commit_failed", LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", store_detail(life->config.store)));
    return false;
}

static int load_record(void *user, size_t kind, uint64_t id, struct str json)
{
    struct life *life = user;
    struct codec_report report = {0};
    void *value = arena_alloc(&life->arena, host_kinds[kind].shape->size);

    if (codec_decode(&life->arena, host_kinds[kind].shape, json, &codec_peer, value, &report) != 0)
        return STORE_E_CORRUPT;
    if (kind == HOST_KIND_METADATA) {
        life->metadata = *(struct host_metadata *)value;
        return 0;
    }
    if (life->records_n == life->records_cap) {
        life->records_cap = life->records_cap ? life->records_cap * 2 : 64;
        life->records = mem_realloc(life->records, life->records_cap * sizeof *life->records);
    }
    life->records[life->records_n++] =
        (struct engine_record){.kind = (enum host_kind)kind, .id = (int64_t)id, .value = value};
    return 0;
}

static bool load(struct life *life)
{
    int rc = store_load(life->config.store, load_record, life);

    if (rc == 0)
        return true;
    LOG_ERROR("agent.store", LOG_CSTR("reason", store_outcome_text(rc)),
              LOG_STR("detail", store_detail(life->config.store)));
    return false;
}

// ---- connected

static void to_server(void *user, enum acs_message kind, const void *value)
{
    struct life *life = user;

    if (life->acs != NULL)
        acs_send(life->acs, kind, value);
}

static void from_server(void *user, enum acs_message kind, const void *value)
{
    struct life *life = user;

    if (kind == ACS_MESSAGE_GANTRY_EXEC_MESSAGE)
        relays_start(life->relays, value);
    else
        drive_message(life->drive, kind, value);
}

static bool find_container(void *user, struct str task_arn, struct str container,
                           struct arena *arena, struct str *out_id)
{
    struct life *life = user;
    struct engine_view_list list = engine_view_all(drive_engine(life->drive), arena);

    for (size_t i = 0; i < list.n; i++) {
        const struct engine_view *view = &list.at[i];

        if (!str_eq(view->task_arn, task_arn) || !str_eq(view->container, container) ||
            view->runtime_id.len == 0 || view->status == HOST_CONTAINER_STATUS_STOPPED)
            continue;
        *out_id = str_copy(arena, view->runtime_id);
        return true;
    }
    return false;
}

static void store_broke(void *user, struct str why)
{
    LOG_ERROR("agent.stopping", LOG_STR("reason", why));
    stop(user, AGENT_EXIT_FAILED);
}

static void places_known(void *user)
{
    struct life *life = user;

    if (life->acs == NULL || life->tcs == NULL)
        return;
    acs_dial(life->acs);
    tcs_dial(life->tcs);
}

// After a refusal the telemetry was hung up; it comes back with the sessions.
static void session_began(void *user)
{
    struct life *life = user;

    tcs_dial(life->tcs);
}

// The instance is gone for the server. Its tasks are orphans there; here they go on, and the agent
// keeps asking once an hour, as the ECS agent does.
static void deregistered(void *user)
{
    struct life *life = user;

    LOG_WARN("agent.inactive", LOG_STR("instance", life->metadata.container_instance_arn));
    tcs_hang_up(life->tcs);
}

static void keys_came(void *user, struct str task_arn, enum acs_role_type role,
                      const struct acs_iam_role_credentials *value)
{
    struct life *life = user;

    meta_keys_put(life->keys, task_arn, role, value);
}

static void keys_went(void *user, struct str id)
{
    struct life *life = user;

    meta_keys_drop(life->keys, id);
}

// What is fetched for a task is signed as its execution role, never as the role of its containers.
static const struct acs_iam_role_credentials *execution_role(void *user, struct str id)
{
    struct life *life = user;
    struct meta_key key;

    if (!meta_keys_get(life->keys, id, &key) || key.type != ACS_ROLE_TYPE_TASKEXECUTION)
        return NULL;
    return key.value;
}

static void creating(void *user, const struct host_call *call)
{
    struct life *life = user;

    if (life->meta != NULL)
        meta_creating(life->meta, call);
}

static void stepped(void *user)
{
    struct life *life = user;

    if (life->meta != NULL)
        meta_stepped(life->meta);
}

static void runtime_up(void *user)
{
    struct life *life = user;

    if (life->meta != NULL)
        meta_runtime_up(life->meta);
}

static int open_host(void *user, const struct runtime_config *config, struct runtime **out)
{
    struct life *life = user;

    return life->config.host->open(life->settings, config, execution_role, life, out);
}

static void start_drive(struct life *life)
{
    struct drive_config config = {
        .loop = life->config.loop,
        .api = life->api,
        .store = life->config.store,
        .records = life->records,
        .records_n = life->records_n,
        .settings = &life->settings->engine,
        .driver = life->config.driver,
        .socket = str_of(life->settings->docker_socket),
        .hostnet = life->hostnet,
        .message = to_server,
        .broken = store_broke,
        .keys = keys_came,
        .keys_gone = keys_went,
        .creating = creating,
        .stepped = stepped,
        .runtime_up = runtime_up,
        .user = life,
    };

    if (life->config.host != NULL)
        config.open_host = open_host;
    life->drive = drive_new(&config);
    mem_free(life->records);
    life->records = NULL;
    if (life->meta != NULL)
        meta_begin(life->meta, life->drive, life->metadata.container_instance_arn,
                   life->metadata.availability_zone);
}

static void disk_changed(void *user, bool is_low)
{
    struct life *life = user;

    drive_disk(life->drive, is_low);
}

static void watch_disk(struct life *life)
{
    struct disk_config config = {
        .loop = life->config.loop,
        .engine_dir = life->engine_dir,
        .data_dir = life->settings->data_dir,
        .reserve = life->settings->disk_reserve,
        .changed = disk_changed,
        .user = life,
    };

    if (config.reserve > 0)
        life->disk = disk_new(&config);
}

static void connect_channels(struct life *life)
{
    struct str arn = life->metadata.container_instance_arn;
    struct acs_config acs = {
        .loop = life->config.loop,
        .api = life->api,
        .config = life->settings,
        .container_instance = arn,
        .docker_version = life->docker_version,
        .message = from_server,
        .opened = session_began,
        .inactive = deregistered,
        .user = life,
    };
    struct relays_config relays = {
        .loop = life->config.loop,
        .api = life->api,
        .config = life->settings,
        .driver = life->config.driver,
        .find = find_container,
        .user = life,
    };
    struct tcs_config tcs = {
        .loop = life->config.loop,
        .api = life->api,
        .config = life->settings,
        .drive = life->drive,
        .disk = life->disk,
        .container_instance = arn,
        .docker_version = life->docker_version,
    };

    life->places = places_new(life->config.loop, life->api, life->settings->engine.cluster, arn,
                              places_known, life);
    acs.places = life->places;
    relays.places = life->places;
    life->relays = relays_new(&relays);
    tcs.places = life->places;
    life->acs = acs_new(&acs);
    life->tcs = tcs_new(&tcs);
    if (life->meta != NULL)
        meta_set_meter(life->meta, tcs_meter(life->tcs));
}

// ---- registration

static void registered(void *user, enum registration_end end, struct str arn, struct str zone,
                       struct str why)
{
    struct life *life = user;

    life->registration = NULL;
    if (end != REGISTRATION_DONE) {
        LOG_ERROR("agent.not_registered", LOG_STR("reason", why));
        stop(life, end == REGISTRATION_TERMINAL ? AGENT_EXIT_TERMINAL : AGENT_EXIT_FAILED);
        return;
    }
    SET(&life->metadata, container_instance_arn, str_copy(&life->arena, arn));
    SET(&life->metadata, availability_zone, str_copy(&life->arena, zone));
    SET(&life->metadata, cluster, life->settings->engine.cluster);
    if (!save_metadata(life)) {
        stop(life, AGENT_EXIT_FAILED);
        return;
    }
    LOG_INFO("agent.registered", LOG_STR("instance", life->metadata.container_instance_arn));
    life->settings->engine.container_instance = life->metadata.container_instance_arn;
    start_drive(life);
    watch_disk(life);
    connect_channels(life);
}

// The token is stored before it is used: a registration whose answer was lost is found again by it.
static bool ready_token(struct life *life)
{
    struct rng rng;

    if (life->metadata.has.registration_token)
        return true;
    rng_init(&rng, entropy_u64());
    SET(&life->metadata, registration_token, id_uuid(&life->arena, &rng));
    SET(&life->metadata, cluster, life->settings->engine.cluster);
    return save_metadata(life);
}

static void begin_registration(struct life *life)
{
    if (!ready_token(life)) {
        stop(life, AGENT_EXIT_FAILED);
        return;
    }
    life->registration = registration_start(life->config.loop, life->api, life->settings,
                                            &life->facts, life->metadata.container_instance_arn,
                                            life->metadata.registration_token, registered, life);
}

static void endpoints_tried(void *user, struct meta_found found)
{
    struct life *life = user;

    life->settings->engine.metadata_endpoints = found.endpoints;
    life->settings->faults = found.faults;
    begin_registration(life);
}

static struct rules *ready_rules(struct life *life)
{
    if (life->rules == NULL)
        life->rules = rules_open(life->config.loop);
    return life->rules;
}

// What the host can do must be known before it is advertised.
static void try_endpoints(struct life *life)
{
    const struct agent_config *config = life->settings;
    struct meta_settings settings = {
        .loop = life->config.loop,
        .api = life->api,
        .config = config,
        .keys = life->keys,
        .bridge = life->facts.bridge,
    };

    if (config->metadata_port == 0 && config->introspection_port == 0 && !config->metadata_files) {
        begin_registration(life);
        return;
    }
    settings.rules = ready_rules(life);
    life->meta = meta_open(&settings, endpoints_tried, life);
}

static void networks_tried(void *user, struct str why)
{
    struct life *life = user;

    life->settings->engine.task_networks = why.len == 0;
    if (why.len > 0) {
        LOG_WARN("agent.no_task_networks", LOG_STR("reason", why));
        hostnet_close(life->hostnet);
        life->hostnet = NULL;
        *rules_plan(life->rules) = (struct nft_plan){0};
    }
    try_endpoints(life);
}

static void try_networks(struct life *life)
{
    struct hostnet_config config = {.loop = life->config.loop, .config = life->settings};

    if (life->settings->network_pool.len == 0 && life->settings->cni_file == NULL) {
        try_endpoints(life);
        return;
    }
    config.rules = ready_rules(life);
    life->hostnet = hostnet_open(&config, networks_tried, life);
}

static struct str_list keep_texts(struct life *life, const struct str_list *from)
{
    struct str_list list = {.at = arena_array(&life->arena, struct str, from->n)};

    for (; list.n < from->n; list.n++)
        list.at[list.n] = str_copy(&life->arena, from->at[list.n]);
    return list;
}

// The probe's own memory goes when it has told.
static void keep_facts(struct life *life, const struct host_facts *facts)
{
    life->facts = *facts;
    life->facts.api_version = str_copy(&life->arena, facts->api_version);
    life->facts.architecture = str_copy(&life->arena, facts->architecture);
    life->facts.bridge = str_copy(&life->arena, facts->bridge);
    life->facts.cgroup_driver = str_copy(&life->arena, facts->cgroup_driver);
    life->facts.storage_driver = str_copy(&life->arena, facts->storage_driver);
    life->facts.root_dir = str_copy(&life->arena, facts->root_dir);
    life->facts.volume_plugins = keep_texts(life, &facts->volume_plugins);
    life->facts.log_drivers = keep_texts(life, &facts->log_drivers);
}

static void probed(void *user, const struct host_facts *facts, struct str docker_version)
{
    struct life *life = user;
    struct engine_settings *engine = &life->settings->engine;

    life->probe = NULL; // frees itself after this
    life->docker_version = str_copy(&life->arena, docker_version);
    if (life->config.host != NULL)
        life->config.host->settle(life->settings, facts, &life->arena);
    if (facts->root_dir.len > 0)
        life->engine_dir = str_cstr(&life->arena, facts->root_dir);
    if (!host_capacity(life->settings, facts, &engine->cpu_units, &engine->memory_mib)) {
        LOG_ERROR("agent.capacity", LOG_INT("memory_mib", facts->memory_mib),
                  LOG_INT("reserved_mib", life->settings->reserved_memory_mib));
        stop(life, AGENT_EXIT_TERMINAL);
        return;
    }
    keep_facts(life, facts);
    try_networks(life);
}

// ---- life

static bool same_cluster(const struct life *life)
{
    const struct host_metadata *stored = &life->metadata;

    return !stored->has.cluster || str_eq(stored->cluster, life->settings->engine.cluster);
}

static int begin(struct life *life)
{
    struct str why = STR_NONE;

    if (!load(life))
        return AGENT_EXIT_FAILED;
    if (!same_cluster(life)) {
        LOG_ERROR("agent.cluster_changed", LOG_STR("stored", life->metadata.cluster),
                  LOG_STR("configured", life->settings->engine.cluster));
        return AGENT_EXIT_TERMINAL;
    }
    life->api = api_new(life->config.loop, life->settings, &life->arena, &why);
    if (life->api == NULL) {
        LOG_ERROR("agent.endpoint", LOG_STR("reason", why));
        return AGENT_EXIT_TERMINAL;
    }
    life->probe = probe_start(life->config.loop, life->config.driver,
                              str_of(life->settings->docker_socket), probed, life);
    if (life->probe == NULL) {
        LOG_ERROR("agent.no_driver", LOG_CSTR("driver", life->config.driver->name));
        return AGENT_EXIT_FAILED;
    }
    return AGENT_EXIT_DONE;
}

int life_start(const struct life_config *config, struct life **out)
{
    struct life *life = mem_zalloc(sizeof *life);
    int status;

    life->config = *config;
    life->settings = config->config;
    life->settings->engine.exec = config->driver->execs != NULL;
    life->keys = meta_keys_new();
    status = begin(life);
    if (status == AGENT_EXIT_DONE)
        *out = life;
    else
        life_free(life);
    return status;
}

void life_free(struct life *life)
{
    if (life == NULL)
        return;
    life->has_ended = true;
    acs_free(life->acs);
    if (life->meta != NULL)
        meta_set_meter(life->meta, NULL);
    tcs_free(life->tcs);
    life->acs = NULL;
    relays_free(life->relays);
    places_free(life->places);
    registration_cancel(life->registration);
    probe_cancel(life->probe);
    disk_free(life->disk);
    drive_free(life->drive);
    meta_close(life->meta);
    meta_keys_free(life->keys);
    hostnet_close(life->hostnet);
    rules_close(life->rules);
    api_free(life->api);
    mem_free(life->records);
    arena_deinit(&life->arena);
    mem_free(life);
}

bool life_leave(struct life *life, void (*done)(void *user), void *user)
{
    return life->meta != NULL && meta_leave(life->meta, done, user);
}

void life_reload(struct life *life)
{
    if (life->hostnet != NULL && life->drive != NULL)
        hostnet_reload(life->hostnet);
}

struct drive *life_drive(struct life *life)
{
    return life->drive;
}
