// The local servers over real sockets: which answer each path gives, word for word.

#include "agent/meta_server.h"

#include "agent/meta_faults.h"
#include "agent/puppet_testing.h"
#include "agent/views_testing.h"
#include "wire/http_client.h"

#define ARN "arn:aws:ecs:us-east-1:123456789012:task/default/8f2c"

struct desk {
    struct puppet puppet;
    struct views views;
    struct meta_keys *keys;
    struct meta_faults *faults;
    struct meta_server *server;
    struct http_client *tasks;
    struct http_client *people;
    struct meter_sample sample;
    bool has_sample;

    // The newest answer.
    int answers;
    int status;
    struct str body;
    struct str location;
    struct str rate;

    // The newest script of a fault, and how it will end.
    struct str script;
    int32_t pid;
    int script_status;
    struct loop_job script_end;
    void (*script_done)(void *user, int status);
    void *script_user;
};

static struct desk *desk;
static double rate = 1000; // of the next server

static struct engine_view_list views(void *user, struct arena *arena)
{
    (void)arena;
    return views_list(&((struct desk *)user)->views);
}

static bool sample(void *user, struct str runtime_id, struct meter_sample *out)
{
    struct desk *d = user;

    *out = d->sample;
    return d->has_sample && str_eq(runtime_id, STR("app-id"));
}

static void end_script(void *user)
{
    struct desk *d = user;

    d->script_done(d->script_user, d->script_status);
}

static void *run_script(void *user, struct str script, int32_t pid, int64_t patience_ms,
                        void (*done)(void *user, int status), void *done_user)
{
    struct desk *d = user;

    assert_int_equal(patience_ms, 5000);
    d->script = str_copy(&d->puppet.arena, script);
    d->pid = pid;
    d->script_done = done;
    d->script_user = done_user;
    loop_defer(d->puppet.loop, &d->script_end);
    return d;
}

static void cancel_script(void *user, void *run)
{
    (void)run;
    loop_job_cancel(&((struct desk *)user)->script_end);
}

static struct http_client *client_to(struct desk *d, uint16_t port)
{
    struct http_client_config config = {0};
    const char *url = arena_printf(&d->puppet.arena, "http://127.0.0.1:%d", (int)port);

    assert_true(uri_parse(&d->puppet.arena, str_of(url), &config.target));
    return http_client_new(d->puppet.loop, &config);
}

static int setup(void **state)
{
    static struct desk room;
    struct meta_config config;

    room = (struct desk){0};
    *state = desk = &room;
    puppet_open(&desk->puppet);
    desk->puppet.config.metadata_rate = rate;
    desk->puppet.config.metadata_burst = rate;
    desk->puppet.config.engine.cluster = STR("default");
    views_add(&desk->views, "{\"arn\":\"" ARN "\",\"family\":\"f\",\"version\":\"1\","
                            "\"networkMode\":\"bridge\",\"associations\":[{\"name\":\"dev\","
                            "\"type\":\"elastic-inference\",\"containers\":[\"app\"],\"content\":{"
                            "\"encoding\":\"base64\",\"value\":\"eyJhIjoxfQ==\"}}],"
                            "\"containers\":[{\"name\":\"app\",\"image\":\"i\"}]}");
    loop_job_init(&desk->script_end, end_script, desk);
    desk->keys = meta_keys_new();
    desk->faults = meta_faults_new(
        &(struct meta_faults_runner){.run = run_script, .cancel = cancel_script, .user = desk});
    config = (struct meta_config){
        .loop = desk->puppet.loop,
        .api = desk->puppet.api,
        .config = &desk->puppet.config,
        .keys = desk->keys,
        .faults = desk->faults,
        .source = {.views = views, .sample = sample, .user = desk},
    };
    desk->server = meta_server_new(&config);
    assert_int_equal(meta_server_listen(desk->server, 0), 0);
    assert_int_equal(meta_server_introspect(desk->server, 0, false), 0);
    desk->tasks = client_to(desk, meta_server_port(desk->server, false));
    desk->people = client_to(desk, meta_server_port(desk->server, true));
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    http_client_free(desk->tasks);
    http_client_free(desk->people);
    meta_faults_free(desk->faults);
    meta_server_free(desk->server);
    meta_keys_free(desk->keys);
    arena_deinit(&desk->views.arena);
    puppet_close(&desk->puppet);
    return 0;
}

// ---- asking

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct desk *d = user;

    (void)call;
    (void)detail;
    assert_int_equal(outcome, 0);
    d->status = reply->status;
    d->body = str_copy(&d->puppet.arena, reply->body);
    d->location = d->rate = STR_NONE;
    http_header_get(reply->headers, reply->headers_n, STR("location"), &d->location);
    http_header_get(reply->headers, reply->headers_n, STR("x-rate-limit-limit"), &d->rate);
    d->location = str_copy(&d->puppet.arena, d->location);
    d->rate = str_copy(&d->puppet.arena, d->rate);
    d->answers++;
}

static void ask(struct http_client *client, const char *method, const char *target,
                const char *body)
{
    static const struct http_call_handler handler = {.on_done = on_done};
    struct http_call_options options = {
        .method = str_of(method),
        .target = str_of(target),
        .body = str_of(body),
        .total_ms = 9000,
        .handler = &handler,
        .user = desk,
    };

    http_client_send(client, &options);
    puppet_await(&desk->puppet, &desk->answers, desk->answers + 1);
}

static void expect_at(struct http_client *client, const char *method, const char *target,
                      const char *body, int status, const char *want, const char *file, int line)
{
    ask(client, method, target, body);
    if (desk->status != status)
        print_error("%s: %.*s\n", target, STR_ARGS(desk->body));
    _assert_int_equal(desk->status, status, file, line);
    expect_str_at(desk->body, want, file, line);
}
#define GET(target, status, want)                                                                  \
    expect_at(desk->tasks, "GET", target, "", status, want, __FILE__, __LINE__)
#define LOOK(target, status, want)                                                                 \
    expect_at(desk->people, "GET", target, "", status, want, __FILE__, __LINE__)
#define SEND(method, target, body, status, want)                                                   \
    expect_at(desk->tasks, method, target, body, status, want, __FILE__, __LINE__)

// ---- metadata

#define CONTAINER                                                                                  \
    "{\"CreatedAt\":\"2026-01-05T10:00:00.000Z\",\"DesiredStatus\":\"RUNNING\",\"DockerId\":"      \
    "\"app-id\",\"DockerName\":\"ecs-app\",\"Image\":\"i\",\"ImageID\":\"sha256:9b1d\","           \
    "\"KnownStatus\":\"RUNNING\",\"Limits\":{\"CPU\":2,\"Memory\":0},\"Name\":\"app\","            \
    "\"StartedAt\":\"2026-01-05T10:00:01.500Z\",\"Type\":\"NORMAL\"}"
#define TASK_TAIL "\"Containers\":[" CONTAINER "],\"DesiredStatus\":\"RUNNING\",\"Family\":\"f\","

static void containers_and_tasks_are_shown(void **state)
{
    (void)state;
    GET("/v4/app-eid", 200, CONTAINER);
    EXPECT_STR(desk->rate, "1000.00");
    GET("/v3/app-eid", 200, CONTAINER);
    GET("/v4/app-eid/task", 200,
        "{\"Cluster\":\"default\"," TASK_TAIL "\"FaultInjectionEnabled\":false,\"KnownStatus\":"
        "\"RUNNING\",\"Revision\":\"1\",\"TaskARN\":\"" ARN "\"}");
    GET("/v3/app-eid/task", 200,
        "{\"Cluster\":\"default\"," TASK_TAIL "\"KnownStatus\":\"RUNNING\",\"Revision\":\"1\","
        "\"TaskARN\":\"" ARN "\"}");
}

static void the_zone_is_shown_from_registration_on(void **state)
{
    (void)state;
    meta_server_registered(desk->server, STR("arn:i"), STR("us-east-1b"));
    ask(desk->tasks, "GET", "/v4/app-eid/task", "");
    assert_true(puppet_has(desk->body, "\"AvailabilityZone\":\"us-east-1b\""));
}

static void unknown_ids_have_an_error_in_each_version(void **state)
{
    (void)state;
    GET("/v4/x", 404,
        "\"V4 container metadata handler: unable to get container ID from request: unable to get "
        "docker ID from v3 endpoint ID: x\"");
    GET("/v4/x/task", 404,
        "\"V4 task metadata handler: unable to get task arn from request: unable to get task Arn "
        "from v3 endpoint ID: x\"");
    GET("/v4/x/stats", 404,
        "\"V4 container stats handler: unable to get container ID from request: unable to get "
        "docker ID from v3 endpoint ID: x\"");
    GET("/v4/x/task/stats", 404,
        "\"V4 task stats handler: unable to get task arn from request: unable to get task Arn "
        "from v3 endpoint ID: x\"");
    GET("/v3/x", 500,
        "\"V3 container metadata handler: unable to get container ID from request: unable to get "
        "docker ID from v3 endpoint ID: x\"");
    GET("/v3/x/task/stats", 400,
        "\"V3 task stats handler: unable to get task arn from request: unable to get task Arn "
        "from v3 endpoint ID: x\"");
    GET("/v2/metadata", 400,
        "\"V2 task metadata handler: unable to get task arn from request: unable to associate "
        "'127.0.0.1' with task\"");
}

static void paths_that_are_not_there_are_not_found(void **state)
{
    (void)state;
    GET("/", 404, "404 page not found\n");
    GET("/v4/app-eid/nothing", 404, "404 page not found\n");
    SEND("POST", "/v4/app-eid", "", 405, "");
    SEND("DELETE", "/api/app-eid/task-protection/v1/state", "", 405, "");
    GET("/api/app-eid/fault/v1/network-latency/start", 405, "");
}

static void double_slashes_are_redirected(void **state)
{
    (void)state;
    GET("//v4//app-eid", 301, "");
    EXPECT_STR(desk->location, "/v4/app-eid");
}

static void who_asks_too_often_is_told_so(void **state)
{
    teardown(NULL);
    rate = 1;
    setup(state);
    rate = 1000;
    ask(desk->tasks, "GET", "/v4/app-eid/task", "");
    assert_int_equal(desk->status, 200);
    GET("/v4/app-eid/task", 429, "You have reached maximum request limit.");
    EXPECT_STR(desk->rate, "1.00");
    ask(desk->tasks, "GET", "/v4/app-eid", ""); // another path is counted apart
    assert_int_equal(desk->status, 200);
}

static void v2_serves_the_caller_with_that_address(void **state)
{
    (void)state;
    views_see(&desk->views, "app",
              "{\"NetworkSettings\":{\"Networks\":{\"awsvpc\":{\"IPAddress\":\"127.0.0.1\"}}}}");
    ask(desk->tasks, "GET", "/v2/metadata", "");
    assert_int_equal(desk->status, 200);
    ask(desk->tasks, "GET", "/v2/metadata/app-id", "");
    assert_int_equal(desk->status, 200);
    ask(desk->tasks, "GET", "/v2/metadata/other-id", "");
    assert_int_equal(desk->status, 400);
}

// ---- statistics

static void statistics_are_the_engines_own_and_rates_in_v4(void **state)
{
    (void)state;
    desk->has_sample = true;
    desk->sample = (struct meter_sample){.json = STR("{\"read\":\"x\"}\n"),
                                         .has_rates = true,
                                         .rx_bytes_per_second = 1.5,
                                         .tx_bytes_per_second = 2};
    GET("/v4/app-eid/stats", 200,
        "{\"read\":\"x\",\"network_rate_stats\":{\"rx_bytes_per_sec\":1.5,"
        "\"tx_bytes_per_sec\":2.0}}");
    GET("/v3/app-eid/stats", 200, "{\"read\":\"x\"}");
    GET("/v4/app-eid/task/stats", 200,
        "{\"app-id\":{\"read\":\"x\",\"network_rate_stats\":{\"rx_bytes_per_sec\":1.5,"
        "\"tx_bytes_per_sec\":2.0}}}");
}

static void a_container_without_a_sample_is_empty_or_null(void **state)
{
    (void)state;
    desk->has_sample = true;
    GET("/v4/app-eid/stats", 200, "{}");
    GET("/v3/app-eid/stats", 200, "null");
    GET("/v4/app-eid/task/stats", 200, "{\"app-id\":{}}");
    GET("/v3/app-eid/task/stats", 200, "{\"app-id\":null}");
}

static void a_container_that_is_not_followed_has_none(void **state)
{
    (void)state;
    GET("/v4/app-eid/stats", 500,
        "\"V4 container stats handler: Unable to get container stats for: app-id\"");
    GET("/v4/app-eid/task/stats", 200, "{\"app-id\":{}}");
}

// ---- associations

static void associations_are_listed_and_given(void **state)
{
    (void)state;
    GET("/v4/app-eid/associations/elastic-inference", 200, "{\"Associations\":[\"dev\"]}");
    GET("/v4/app-eid/associations/gpu", 200, "{\"Associations\":[]}");
    GET("/v4/app-eid/associations/elastic-inference/dev", 200, "{\"a\":1}");
    GET("/v3/app-eid/associations/elastic-inference/none", 400,
        "\"V3 container association handler: unable to get the association none\"");
}

// ---- credentials

static void give_keys(const char *id, enum acs_role_type type, const char *key)
{
    struct acs_iam_role_credentials keys = {0};

    SET(&keys, credentials_id, str_of(id));
    SET(&keys, role_arn, STR("arn:aws:iam::1:role/app"));
    SET(&keys, access_key_id, str_of(key));
    SET(&keys, secret_access_key, STR("hush"));
    SET(&keys, session_token, STR("token"));
    SET(&keys, expiration, STR("2026-01-05T16:00:00Z"));
    meta_keys_put(desk->keys, STR(ARN), type, &keys);
}

#define KEYS                                                                                       \
    "{\"AccessKeyId\":\"ASIA1\",\"Expiration\":\"2026-01-05T16:00:00Z\",\"RoleArn\":"              \
    "\"arn:aws:iam::1:role/app\",\"SecretAccessKey\":\"hush\",\"Token\":\"token\"}"
#define NO_KEYS                                                                                    \
    "{\"HTTPErrorCode\":400,\"code\":\"InvalidIdInRequest\",\"message\":\"CredentialsV2Request: "  \
    "Credentials not found\"}"

static void credentials_are_given_by_their_id(void **state)
{
    (void)state;
    give_keys("cid", ACS_ROLE_TYPE_TASKAPPLICATION, "ASIA1");
    GET("/v2/credentials/cid", 200, KEYS);
    GET("/v1/credentials?id=cid", 200, KEYS);
    meta_keys_drop(desk->keys, STR("cid"));
    GET("/v2/credentials/cid", 400, NO_KEYS);
}

static void credentials_that_cannot_be_given_say_why(void **state)
{
    (void)state;
    GET("/v2/credentials/", 400,
        "{\"HTTPErrorCode\":400,\"code\":\"NoIdInRequest\",\"message\":\"CredentialsV2Request: No "
        "Credential ID in the request\"}");
    GET("/v2/credentials/nope", 400, NO_KEYS);
    views_of(&desk->views, "app")->role_credentials = STR("late");
    GET("/v2/credentials/late", 503,
        "{\"HTTPErrorCode\":503,\"code\":\"CredentialsUninitialized\",\"message\":"
        "\"CredentialsV2Request: Credentials uninitialized for ID\"}");
    views_of(&desk->views, "app")->task_status = HOST_TASK_STATUS_STOPPED;
    GET("/v2/credentials/late", 400, NO_KEYS);
}

static void keys_that_the_server_could_not_give_yet_are_uninitialized(void **state)
{
    (void)state;
    views_of(&desk->views, "app")->role_credentials = STR("cid");
    give_keys("cid", ACS_ROLE_TYPE_TASKAPPLICATION, "");
    ask(desk->tasks, "GET", "/v2/credentials/cid", "");
    assert_int_equal(desk->status, 503);
}

// The clients of this test come from 127.0.0.1.
static void another_tasks_container_gets_no_credentials(void **state)
{
    (void)state;
    give_keys("cid", ACS_ROLE_TYPE_TASKAPPLICATION, "ASIA1");
    give_keys("xid", ACS_ROLE_TYPE_TASKEXECUTION, "ASIA2");
    views_add(&desk->views, "{\"arn\":\"arn:other\",\"containers\":[{\"name\":\"thief\",\"image\":"
                            "\"i\"}]}");
    views_see(&desk->views, "thief",
              "{\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"IPAddress\":\"127.0.0.1\"}}}}");
    GET("/v2/credentials/cid", 400, NO_KEYS);
    views_see(&desk->views, "app",
              "{\"NetworkSettings\":{\"Networks\":{\"bridge\":{\"IPAddress\":\"127.0.0.1\"}}}}");
    GET("/v2/credentials/cid", 200, KEYS); // two are known by it: one of them is the task's
    GET("/v2/credentials/xid", 400, NO_KEYS);
}

// ---- task protection

#define PROTECTION "/api/app-eid/task-protection/v1/state"

static void with_a_role(void)
{
    give_keys("cid", ACS_ROLE_TYPE_TASKAPPLICATION, "ASIA1");
    views_of(&desk->views, "app")->role_credentials = STR("cid");
}

static void protection_is_asked_for_with_the_tasks_keys(void **state)
{
    (void)state;
    with_a_role();
    puppet_will_answer(&desk->puppet, "UpdateTaskProtection", 200,
                       "{\"protectedTasks\":[{\"taskArn\":\"" ARN
                       "\",\"protectionEnabled\":true,\"expirationDate\":1767607200}],"
                       "\"failures\":[]}");
    SEND("PUT", PROTECTION, "{\"ProtectionEnabled\":true,\"ExpiresInMinutes\":60}", 200,
         "{\"protection\":{\"ExpirationDate\":\"2026-01-05T10:00:00.000Z\","
         "\"ProtectionEnabled\":true,\"TaskArn\":\"" ARN "\"}}");
    EXPECT_STR(desk->puppet.body, "{\"cluster\":\"default\",\"expiresInMinutes\":60,"
                                  "\"protectionEnabled\":true,\"tasks\":[\"" ARN "\"]}");
    puppet_will_answer(&desk->puppet, "GetTaskProtection", 200,
                       "{\"protectedTasks\":[{\"taskArn\":\"" ARN
                       "\",\"protectionEnabled\":false}],\"failures\":[]}");
    GET(PROTECTION, 200, "{\"protection\":{\"ProtectionEnabled\":false,\"TaskArn\":\"" ARN "\"}}");
}

static void a_refusal_of_the_service_is_passed_on(void **state)
{
    (void)state;
    with_a_role();
    puppet_will_answer(&desk->puppet, "GetTaskProtection", 200,
                       "{\"protectedTasks\":[],\"failures\":[{\"arn\":\"" ARN
                       "\",\"reason\":\"TASK_NOT_VALID\"}]}");
    GET(PROTECTION, 200, "{\"failure\":{\"Arn\":\"" ARN "\",\"Reason\":\"TASK_NOT_VALID\"}}");
    puppet_will_answer(&desk->puppet, "GetTaskProtection", 400,
                       "{\"__type\":\"AccessDeniedException\",\"message\":\"no\"}");
    GET(PROTECTION, 400,
        "{\"error\":{\"Arn\":\"" ARN "\",\"Code\":\"AccessDeniedException\",\"Message\":\"no\"}}");
}

static void bad_wishes_are_refused_before_any_call(void **state)
{
    (void)state;
    SEND("PUT", PROTECTION, "{\"ProtectionEnabled\":true}", 403,
         "{\"error\":{\"Arn\":\"" ARN "\",\"Code\":\"AccessDeniedException\",\"Message\":\"Invalid "
         "Request: no task IAM role credentials available for task\"}}");
    with_a_role();
    SEND(
        "PUT", PROTECTION, "{}", 400,
        "{\"error\":{\"Arn\":\"" ARN
        "\",\"Code\":\"InvalidParameterException\",\"Message\":\"Invalid request: does not contain "
        "'ProtectionEnabled' field\"}}");
    SEND("PUT", PROTECTION, "{\"ProtectionEnabled\":true,\"Extra\":1}", 400,
         "{\"error\":{\"Arn\":\"" ARN
         "\",\"Code\":\"InvalidParameterException\",\"Message\":\"UpdateTaskProtection: failed to "
         "decode request\"}}");
    GET("/api/x/task-protection/v1/state", 404,
        "{\"error\":{\"Code\":\"ResourceNotFoundException\",\"Message\":\"Failed to find a task "
        "for the request\"}}");
    assert_int_equal(desk->puppet.calls, 0);
}

// ---- tags

static void tags_are_added_to_the_task(void **state)
{
    (void)state;
    meta_server_registered(desk->server, STR("arn:i"), STR_NONE);
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 200,
                       "{\"tags\":[{\"key\":\"rack\",\"value\":\"7\"}]}");
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 200,
                       "{\"tags\":[{\"key\":\"team\",\"value\":\"x\"}]}");
    ask(desk->tasks, "GET", "/v4/app-eid/taskWithTags", "");
    assert_true(puppet_has(desk->body, "\"ContainerInstanceTags\":{\"rack\":\"7\"}"));
    assert_true(puppet_has(desk->body, "\"TaskTags\":{\"team\":\"x\"}"));
}

static void tags_that_cannot_be_had_are_an_error_in_v4(void **state)
{
    static const char refusal[] = "{\"__type\":\"ClientException\",\"message\":\"no\"}";

    (void)state;
    meta_server_registered(desk->server, STR("arn:i"), STR_NONE);
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 400, refusal);
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 200, "{\"tags\":[]}");
    ask(desk->tasks, "GET", "/v4/app-eid/taskWithTags", "");
    assert_true(puppet_has(
        desk->body, "\"Errors\":[{\"ErrorCode\":\"ClientException\",\"ErrorField\":"
                    "\"ContainerInstanceTags\",\"ErrorMessage\":\"no\",\"ResourceARN\":\"arn:i\","
                    "\"StatusCode\":400}]"));
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 400, refusal);
    puppet_will_answer(&desk->puppet, "ListTagsForResource", 400, refusal);
    ask(desk->tasks, "GET", "/v3/app-eid/taskWithTags", "");
    assert_false(puppet_has(desk->body, "Errors"));
}

// ---- faults

#define FAULT(type, act) "/api/app-eid/fault/v1/network-" type "/" act

static void in_mode(const char *mode, bool enabled)
{
    desk->views.n = 0;
    views_add(&desk->views,
              arena_printf(&desk->views.arena,
                           "{\"arn\":\"" ARN "\",\"family\":\"f\",\"version\":\"1\","
                           "\"networkMode\":\"%s\",\"enableFaultInjection\":%s,\"containers\":[{"
                           "\"name\":\"app\",\"image\":\"i\"}]}",
                           mode, enabled ? "true" : "false"));
}

#define HOLE "{\"Port\":8080,\"Protocol\":\"tcp\",\"TrafficType\":\"ingress\"}"

static void a_fault_is_made_asked_after_and_ended(void **state)
{
    (void)state;
    in_mode("host", true);
    SEND("POST", FAULT("blackhole-port", "start"), HOLE, 200, "{\"Status\":\"running\"}");
    assert_true(puppet_has(desk->script, "ingress-tcp-8080"));
    assert_int_equal(desk->pid, 0);
    SEND("POST", FAULT("blackhole-port", "status"), HOLE, 200, "{\"Status\":\"running\"}");
    SEND("POST", FAULT("blackhole-port", "stop"), HOLE, 200, "{\"Status\":\"stopped\"}");
    desk->script_status = 12;
    SEND("POST", FAULT("latency", "status"), "", 200, "{\"Status\":\"not-running\"}");
}

static void a_second_fault_of_its_kind_is_refused(void **state)
{
    (void)state;
    in_mode("host", true);
    desk->script_status = 10;
    SEND("POST", FAULT("packet-loss", "start"), "{\"LossPercent\":5,\"Sources\":[\"10.0.0.1\"]}",
         409, "{\"Error\":\"There is already one network latency fault running\"}");
    desk->script_status = 11;
    SEND("POST", FAULT("latency", "start"),
         "{\"DelayMilliseconds\":5,\"JitterMilliseconds\":0,\"Sources\":[\"::1\"]}", 409,
         "{\"Error\":\"There is already one network packet loss fault running\"}");
}

static void a_fault_that_fails_says_so(void **state)
{
    (void)state;
    in_mode("host", true);
    desk->script_status = -ETIMEDOUT;
    SEND("POST", FAULT("latency", "stop"), "", 500,
         "{\"Error\":\"network-latency: request timed out\"}");
    desk->script_status = 20;
    SEND("POST", FAULT("packet-loss", "stop"), "", 500, "{\"Error\":\"internal error\"}");
}

static void faults_are_for_tasks_that_allow_them(void **state)
{
    (void)state;
    in_mode("host", false);
    SEND("POST", FAULT("latency", "stop"), "", 400,
         "{\"Error\":\"enableFaultInjection is not enabled for task: " ARN "\"}");
    in_mode("bridge", true);
    SEND("POST", FAULT("latency", "status"), "", 400,
         "{\"Error\":\"bridge mode is not supported. Please use either host or awsvpc mode.\"}");
    SEND("POST", "/api/x/fault/v1/network-latency/stop", "", 404,
         "{\"Error\":\"unable to lookup container: x\"}");
}

static void faults_are_asked_for_seldom(void **state)
{
    (void)state;
    in_mode("host", true);
    SEND("POST", FAULT("latency", "stop"), "", 200, "{\"Status\":\"stopped\"}");
    SEND("POST", FAULT("latency", "stop"), "", 429, "You have reached maximum request limit");
}

// Each from a fresh server, because of the limit.
static void expect_bad(const char *type, const char *body, const char *why)
{
    void *state;

    teardown(NULL);
    setup(&state);
    in_mode("host", true);
    SEND("POST", arena_printf(&desk->puppet.arena, "/api/app-eid/fault/v1/%s/start", type), body,
         400, arena_printf(&desk->puppet.arena, "{\"Error\":\"%s\"}", why));
}

static void wrong_parameters_are_named(void **state)
{
    (void)state;
    expect_bad("network-latency", "", "required request body is missing");
    expect_bad("network-blackhole-port", "{}", "required parameter Port is missing");
    expect_bad("network-blackhole-port", "{\"Port\":1}", "required parameter Protocol is missing");
    expect_bad("network-blackhole-port", "{\"Port\":1,\"Protocol\":\"tcp\"}",
               "required parameter TrafficType is missing");
    expect_bad("network-blackhole-port",
               "{\"Port\":70000,\"Protocol\":\"tcp\",\"TrafficType\":\"egress\"}",
               "invalid value 70000 for parameter Port");
    expect_bad("network-blackhole-port",
               "{\"Port\":1,\"Protocol\":\"icmp\",\"TrafficType\":\"egress\"}",
               "invalid value icmp for parameter Protocol");
    expect_bad("network-blackhole-port",
               "{\"Port\":1,\"Protocol\":\"udp\",\"TrafficType\":\"both\"}",
               "invalid value both for parameter TrafficType");
    expect_bad("network-blackhole-port",
               "{\"Port\":1,\"Protocol\":\"udp\",\"TrafficType\":\"egress\",\"SourcesToFilter\":["
               "\"1.2.3.4/33\"]}",
               "invalid value 1.2.3.4/33 for parameter SourcesToFilter");
    expect_bad("network-latency", "{\"DelayMilliseconds\":1}",
               "required parameter JitterMilliseconds is missing");
    expect_bad("network-latency", "{\"DelayMilliseconds\":0,\"JitterMilliseconds\":0}",
               "required either DelayMilliseconds or JitterMilliseconds to be non-zero");
    expect_bad("network-latency", "{\"DelayMilliseconds\":1,\"JitterMilliseconds\":0}",
               "required parameter Sources is missing");
    expect_bad("network-packet-loss", "{\"LossPercent\":101,\"Sources\":[\"10.0.0.1\"]}",
               "invalid value 101 for parameter LossPercent");
    expect_bad("network-packet-loss", "{\"LossPercent\":1,\"Sources\":[\"$(reboot)\"]}",
               "invalid value $(reboot) for parameter Sources");
    expect_bad("network-packet-loss",
               "{\"LossPercent\":1,\"Sources\":[\"10.0.0.1\"],\"FlowsPercent\":0}",
               "invalid value 0 for parameter FlowsPercent");
}

// ---- introspection

static void introspection_says_what_it_has(void **state)
{
    (void)state;
    LOOK("/", 200, "{\"AvailableCommands\":[\"/v1/metadata\",\"/v1/tasks\",\"/license\"]}");
    LOOK("/nothing", 200, "{\"AvailableCommands\":[\"/v1/metadata\",\"/v1/tasks\",\"/license\"]}");
    ask(desk->people, "GET", "/license", "");
    assert_int_equal(desk->status, 200);
    LOOK("/v1/metadata", 200,
         "{\"Cluster\":\"default\",\"ContainerInstanceArn\":null,\"Version\":\"Amazon ECS Agent - "
         "v" GANTRY_VERSION " (gantry)\"}");
    meta_server_registered(desk->server, STR("arn:i"), STR_NONE);
    LOOK("/v1/metadata", 200,
         "{\"Cluster\":\"default\",\"ContainerInstanceArn\":\"arn:i\",\"Version\":\"Amazon ECS "
         "Agent - v" GANTRY_VERSION " (gantry)\"}");
}

static void introspection_finds_tasks(void **state)
{
    (void)state;
    ask(desk->people, "GET", "/v1/tasks", "");
    assert_true(str_starts(desk->body, STR("{\"Tasks\":[{\"Arn\":\"" ARN "\"")));
    ask(desk->people, "GET", "/v1/tasks?taskarn=" ARN, "");
    assert_true(str_starts(desk->body, STR("{\"Arn\":\"" ARN "\"")));
    ask(desk->people, "GET", "/v1/tasks?dockerid=app", "");
    assert_int_equal(desk->status, 200);
    LOOK("/v1/tasks?dockerid=zzz", 404, "{}");
    LOOK("/v1/tasks?dockerid=app-id&taskarn=" ARN, 400, "{}");
    views_add(&desk->views, "{\"arn\":\"arn:2\",\"containers\":[{\"name\":\"apple\",\"image\":"
                            "\"i\"}]}");
    LOOK("/v1/tasks?dockerid=app", 400, "{}"); // two begin so
    ask(desk->people, "GET", "/v1/tasks?dockerid=app-id", "");
    assert_int_equal(desk->status, 200);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    static const struct CMUnitTest tests[] = {
        CASE(containers_and_tasks_are_shown),
        CASE(the_zone_is_shown_from_registration_on),
        CASE(unknown_ids_have_an_error_in_each_version),
        CASE(paths_that_are_not_there_are_not_found),
        CASE(double_slashes_are_redirected),
        CASE(who_asks_too_often_is_told_so),
        CASE(v2_serves_the_caller_with_that_address),
        CASE(statistics_are_the_engines_own_and_rates_in_v4),
        CASE(a_container_without_a_sample_is_empty_or_null),
        CASE(a_container_that_is_not_followed_has_none),
        CASE(associations_are_listed_and_given),
        CASE(credentials_are_given_by_their_id),
        CASE(credentials_that_cannot_be_given_say_why),
        CASE(keys_that_the_server_could_not_give_yet_are_uninitialized),
        CASE(another_tasks_container_gets_no_credentials),
        CASE(protection_is_asked_for_with_the_tasks_keys),
        CASE(a_refusal_of_the_service_is_passed_on),
        CASE(bad_wishes_are_refused_before_any_call),
        CASE(tags_are_added_to_the_task),
        CASE(tags_that_cannot_be_had_are_an_error_in_v4),
        CASE(a_fault_is_made_asked_after_and_ended),
        CASE(a_second_fault_of_its_kind_is_refused),
        CASE(a_fault_that_fails_says_so),
        CASE(faults_are_for_tasks_that_allow_them),
        CASE(faults_are_asked_for_seldom),
        CASE(wrong_parameters_are_named),
        CASE(introspection_says_what_it_has),
        CASE(introspection_finds_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
