// See host_testing.h.

#include "agent/host_testing.h"

#include "io/clock.h"
#include "wire/codec.h"

static const struct store_schema schema = {
    .kinds = host_kinds,
    .kinds_n = HOST_KIND_N,
    .application_id = 1,
    .version = 1,
};

// A driver's open has no argument for a world that is there already: one test runs at a time.
static struct host *the_host;

static int driver_open(const struct runtime_config *config, struct runtime **out_runtime)
{
    the_host->post = config->post;
    the_host->post_user = config->user;
    *out_runtime = fake_connect(the_host->fake, config->post, config->user);
    return 0;
}

static void driver_call(struct runtime *runtime, const struct host_call *call)
{
    struct host *host = the_host;

    if (call->kind == HOST_CALL_KIND_CREATE && host->creates++ == 0)
        host->creates_seen = memory_disk_records(host->disk, HOST_KIND_CONTAINER);
    if (call->kind == HOST_CALL_KIND_STATS)
        host->stats_token = call->token; // the fake has none to give: see host_sample
    else
        runtime_fake.call(runtime, call);
}

static void driver_cancel(struct runtime *runtime, int64_t token)
{
    if (the_host->stats_token == token)
        the_host->stats_token = 0;
    runtime_fake.cancel(runtime, token);
}

static void driver_close(struct runtime *runtime)
{
    runtime_fake.close(runtime);
}

static const struct runtime_driver driver = {
    .name = "fake",
    .open = driver_open,
    .call = driver_call,
    .cancel = driver_cancel,
    .close = driver_close,
};

const struct runtime_driver *host_driver(void)
{
    return &driver;
}

static void on_message(void *user, enum acs_message kind, const void *value)
{
    struct host *host = user;

    (void)value;
    if (kind == ACS_MESSAGE_ACK_REQUEST && host->acks++ == 0)
        host->acks_seen = memory_disk_records(host->disk, HOST_KIND_TASK);
}

static void on_broken(void *user, struct str why)
{
    struct host *host = user;

    assert_true(why.len > 0);
    host->broken++;
}

static int load(void *user, size_t kind, uint64_t id, struct str json)
{
    struct host *host = user;
    struct codec_report report = {0};
    void *value = arena_alloc(&host->puppet.arena, host_kinds[kind].shape->size);

    assert_int_equal(codec_decode(&host->puppet.arena, host_kinds[kind].shape, json, &codec_peer,
                                  value, &report),
                     0);
    assert_true(host->records_n < sizeof host->records / sizeof *host->records);
    host->records[host->records_n++] =
        (struct engine_record){.kind = (enum host_kind)kind, .id = (int64_t)id, .value = value};
    return 0;
}

void host_open(struct host *host)
{
    *host = (struct host){0};
    the_host = host;
    puppet_open(&host->puppet);
    host->puppet.otherwise = (struct puppet_answer){.status = 200, .body = "{}"};
    host->puppet.config.engine.container_instance = STR("arn:i");
    host->puppet.config.engine.cpu_units = 2048;
    host->puppet.config.engine.memory_mib = 1024;
    host->fake = fake_new(1);
    fake_set_now(host->fake, clock_wall_ms());
    host->disk = memory_disk_new();
}

void host_start(struct host *host)
{
    struct drive_config config = {
        .loop = host->puppet.loop,
        .api = host->puppet.api,
        .records = host->records,
        .settings = &host->puppet.config.engine,
        .driver = &driver,
        .message = on_message,
        .broken = on_broken,
        .user = host,
    };

    host->records_n = 0;
    assert_int_equal(store_open_memory(host->disk, &schema, &host->store), 0);
    assert_int_equal(store_load(host->store, load, host), 0);
    config.store = host->store;
    config.records_n = host->records_n;
    host->drive = drive_new(&config);
    HOST_AWAIT(host, drive_runtime_is_up(host->drive));
}

void host_kill(struct host *host)
{
    drive_free(host->drive);
    host->drive = NULL;
    store_close(host->store);
    host->store = NULL;
}

void host_close(struct host *host)
{
    host_kill(host);
    fake_free(host->fake);
    memory_disk_free(host->disk);
    puppet_close(&host->puppet);
}

void host_turn(struct host *host)
{
    fake_run(host->fake, clock_wall_ms());
    loop_run_once(host->puppet.loop, 5);
}

void host_run(struct host *host, const char *name, int host_port)
{
    struct arena arena = ARENA_INIT;
    struct acs_container container = {0};
    struct acs_port_mapping mapping = {0};
    struct acs_task task = {0};
    struct acs_payload_message payload = {0};

    SET(&container, name, STR("app"));
    SET(&container, image, STR("app"));
    SET(&container, essential, true);
    SET(&container, memory, 16);
    if (host_port >= 0) {
        SET(&mapping, container_port, 80);
        SET(&mapping, host_port, host_port);
        SET(&container, port_mappings, (struct acs_port_mapping_list){.n = 1, .at = &mapping});
    }
    SET(&task, arn, str_fmt(&arena, "arn:aws:ecs:r:1:task/default/%s", name));
    SET(&task, family, STR("web"));
    SET(&task, version, STR("1"));
    SET(&task, desired_status, STR("RUNNING"));
    SET(&task, containers, (struct acs_container_list){.n = 1, .at = &container});
    SET(&payload, cluster_arn, STR("default"));
    SET(&payload, container_instance_arn, STR("arn:i"));
    SET(&payload, message_id, STR("m"));
    SET(&payload, seq_num, 1);
    SET(&payload, tasks, (struct acs_task_list){.n = 1, .at = &task});
    drive_message(host->drive, ACS_MESSAGE_PAYLOAD_MESSAGE, &payload);
    arena_deinit(&arena);
}

void host_sample(struct host *host, const struct docker_stats *stats)
{
    struct runtime_post post = {
        .kind = RUNTIME_POST_STATS, .token = host->stats_token, .stats = stats};
    struct host_call_error error = {.class = HOST_ERROR_CLASS_UNREACHABLE};
    struct host_result result = {.error = &error, .token = host->stats_token};

    assert_true(host->stats_token != 0);
    if (stats == NULL) {
        host->stats_token = 0;
        post.kind = RUNTIME_POST_RESULT;
        post.result = &result;
    }
    host->post(host->post_user, &post);
}

struct str host_submits(struct host *host)
{
    return buf_str(&host->puppet.bodies);
}
