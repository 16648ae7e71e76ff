// The Docker driver's reading and writing; what needs an engine is tested end to end.

#include "base/test.h"
#include "runtime/docker_internal.h"

static struct arena arena;

static struct docker_request written(const struct host_call *call)
{
    struct docker_request request;

    assert_true(docker_request_write(&arena, call, &request));
    return request;
}

static void image_references_are_split(void **state)
{
    static const struct {
        const char *image, *repository, *tag;
    } rows[] = {
        {"busybox", "busybox", "latest"},
        {"busybox:1.36", "busybox", "1.36"},
        {"localhost:5000/a/b", "localhost:5000/a/b", "latest"},
        {"localhost:5000/a/b:c", "localhost:5000/a/b", "c"},
        {"a@sha256:00ff", "a", "sha256:00ff"},
        {"host:1/a:tag@sha256:00ff", "host:1/a", "sha256:00ff"},
        {"busybox:", "busybox:", "latest"},
        {"busybox@", "busybox@", "latest"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        struct docker_reference ref = docker_reference_split(str_of(rows[i].image));
        EXPECT_STR(ref.repository, rows[i].repository);
        EXPECT_STR(ref.tag, rows[i].tag);
    }
}

static void calls_become_requests(void **state)
{
    struct host_call call = {0};
    struct docker_request request;
    (void)state;

    SET(&call, kind, HOST_CALL_KIND_STOP);
    SET(&call, container, STR("abc"));
    SET(&call, stop_timeout, 5);
    request = written(&call);
    EXPECT_STR(request.method, "POST");
    EXPECT_STR(request.target, "/containers/abc/stop?t=5");

    call.kind = HOST_CALL_KIND_REMOVE;
    request = written(&call);
    EXPECT_STR(request.method, "DELETE");
    EXPECT_STR(request.target, "/containers/abc?v=1");

    call.kind = HOST_CALL_KIND_PULL;
    SET(&call, image, STR("localhost:5000/a b:1"));
    request = written(&call);
    EXPECT_STR(request.target, "/images/create?fromImage=localhost%3A5000%2Fa%20b&tag=1");

    call.kind = HOST_CALL_KIND_REMOVE_IMAGE;
    request = written(&call);
    EXPECT_STR(request.method, "DELETE");
    EXPECT_STR(request.target, "/images/localhost%3A5000/a%20b%3A1");

    call.kind = HOST_CALL_KIND_LIST_VOLUMES;
    SET(&call, labels,
        (struct str_map){.n = 1, .at = &(struct str_pair){STR("gantry.agent"), STR("/d")}});
    request = written(&call);
    EXPECT_STR(request.target,
               "/volumes?filters=%7B%22label%22%3A%5B%22gantry.agent%3D%2Fd%22%5D%7D");

    call.kind = HOST_CALL_KIND_FIND_PORTS;
    assert_false(docker_request_write(&arena, &call, &request));
    arena_reset(&arena);
}

static void create_puts_both_configurations_into_one_object(void **state)
{
    struct host_call call = {0};
    struct docker_config config = {0};
    struct docker_host_config host = {0};
    struct docker_request request;
    (void)state;

    SET(&call, kind, HOST_CALL_KIND_CREATE);
    SET(&call, name, STR("ecs-web-1-x"));
    request = written(&call);
    EXPECT_STR(request.body, "{\"HostConfig\":{},\"NetworkingConfig\":{}}");
    SET(&config, image, STR("busybox"));
    SET(&host, cpu_shares, 2);
    SET(&call, config, &config);
    SET(&call, host_config, &host);
    request = written(&call);
    EXPECT_STR(request.target, "/containers/create?name=ecs-web-1-x");
    EXPECT_STR(request.body,
               "{\"Image\":\"busybox\",\"HostConfig\":{\"CpuShares\":2},\"NetworkingConfig\":{}}");
    arena_reset(&arena);
}

static void registry_credentials_travel_as_base64url(void **state)
{
    struct host_call call = {0};
    struct docker_registry_auth auth = {0};
    struct docker_request request;
    (void)state;

    SET(&auth, username, STR("u"));
    SET(&auth, password, STR("\xc3\xbf?>"));
    SET(&call, kind, HOST_CALL_KIND_MANIFEST);
    SET(&call, image, STR("a/b:c"));
    SET(&call, auth, &auth);
    request = written(&call);
    EXPECT_STR(request.target, "/distribution/a/b%3Ac/json");
    assert_int_equal(request.headers_n, 1);
    EXPECT_STR(request.headers[0].name, "X-Registry-Auth");
    assert_false(str_has_char(request.headers[0].value, '+'));
    assert_false(str_has_char(request.headers[0].value, '/'));
    arena_reset(&arena);
}

static struct host_result answered(enum host_call_kind kind, int status, const char *body)
{
    struct host_call call = {0};
    struct host_result result = {0};
    struct http_answer answer = {.status = status, .body = str_of(body)};

    SET(&call, kind, kind);
    docker_reply_read(&arena, &call, &answer, &result);
    return result;
}

static void errors_carry_their_class_and_the_engines_words(void **state)
{
    struct host_result result;
    (void)state;

    result = answered(HOST_CALL_KIND_CREATE, 409, "{\"message\":\"Conflict. In use.\"}");
    assert_int_equal(result.error->class, HOST_ERROR_CLASS_CONFLICT);
    EXPECT_STR(result.error->text, "Error response from daemon: Conflict. In use.");
    result = answered(HOST_CALL_KIND_INSPECT, 404, "not json");
    assert_int_equal(result.error->class, HOST_ERROR_CLASS_NOT_FOUND);
    EXPECT_STR(result.error->text, "Error response from daemon: not json");
    result = answered(HOST_CALL_KIND_START, 304, "");
    assert_false(result.has.error);
    result = answered(HOST_CALL_KIND_VERSION, 200, "[]");
    assert_int_equal(result.error->class, HOST_ERROR_CLASS_OTHER);
    arena_reset(&arena);
}

static void replies_are_read(void **state)
{
    struct host_result result;
    (void)state;

    result = answered(HOST_CALL_KIND_CREATE, 201, "{\"Id\":\"c0ffee\",\"Warnings\":null}");
    EXPECT_STR(result.id, "c0ffee");
    result =
        answered(HOST_CALL_KIND_LIST, 200, "[{\"Id\":\"a\",\"Names\":[\"/n\"]},{\"Id\":\"b\"}]");
    assert_int_equal(result.containers.n, 2);
    EXPECT_STR(result.containers.at[0].names.at[0], "/n");
    result =
        answered(HOST_CALL_KIND_LIST_IMAGES, 200,
                 "[{\"Id\":\"sha256:1\",\"RepoTags\":null,\"Size\":7,\"Created\":1700000000}]");
    assert_int_equal(result.images.n, 1);
    assert_int_equal(result.images.at[0].size, 7);
    result = answered(HOST_CALL_KIND_LIST_VOLUMES, 200,
                      "{\"Volumes\":[{\"Name\":\"v\"}],\"Warnings\":null}");
    EXPECT_STR(result.volumes.at[0].name, "v");
    result = answered(HOST_CALL_KIND_LIST_VOLUMES, 200, "{\"Volumes\":null}");
    assert_false(result.has.error);
    result = answered(HOST_CALL_KIND_REMOVE_IMAGE, 409, "{\"message\":\"in use\"}");
    assert_int_equal(result.error->class, HOST_ERROR_CLASS_CONFLICT);
    result = answered(
        HOST_CALL_KIND_INSPECT, 200,
        "{\"Id\":\"a\",\"State\":{\"Running\":true,\"ExitCode\":0,"
        "\"FinishedAt\":\"0001-01-01T00:00:00Z\"},\"NetworkSettings\":{\"Ports\":"
        "{\"80/tcp\":[{\"HostIp\":\"0.0.0.0\",\"HostPort\":\"32768\"}],\"81/tcp\":null}}}");
    assert_false(result.has.error);
    assert_true(result.container->state->running);
    result = answered(HOST_CALL_KIND_MANIFEST, 200, "{\"Descriptor\":{\"digest\":\"sha256:1\"}}");
    EXPECT_STR(result.digest, "sha256:1");
    arena_reset(&arena);
}

static void events_are_read(void **state)
{
    struct host_event event;
    (void)state;

    assert_true(docker_event_read(
        &arena,
        STR("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"a\",\"Attributes\":"
            "{\"exitCode\":\"7\"}},\"time\":5,\"timeNano\":5123000000}"),
        &event));
    assert_int_equal(event.kind, HOST_EVENT_KIND_DIE);
    assert_int_equal(event.exit_code, 7);
    assert_int_equal(event.at, 5123);
    assert_true(docker_event_read(
        &arena,
        STR("{\"Type\":\"container\",\"Action\":\"start\",\"Actor\":{\"ID\":\"a\"},"
            "\"time\":100000000000000000}"),
        &event));
    assert_false(event.has.at);
    assert_true(
        docker_event_read(&arena,
                          STR("{\"Type\":\"container\",\"Action\":\"health_status: unhealthy\","
                              "\"Actor\":{\"ID\":\"a\",\"Attributes\":{}},\"time\":5}"),
                          &event));
    EXPECT_STR(event.health, "unhealthy");
    assert_false(docker_event_read(
        &arena, STR("{\"Type\":\"network\",\"Action\":\"create\",\"Actor\":{\"ID\":\"a\"}}"),
        &event));
    assert_false(docker_event_read(&arena, STR("garbage"), &event));
    arena_reset(&arena);
}

static void collect(void *user, enum runtime_stream stream, struct str bytes)
{
    buf_printf(user, "%d:%.*s;", stream, STR_ARGS(bytes));
}

// Whatever the pieces in which the bytes arrive.
static void frames_are_cut_however_they_arrive(void **state)
{
    static const char wire[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\4oops\1\0\0\0\0\0\0\1x";
    size_t len = sizeof wire - 1;
    (void)state;

    for (size_t step = 1; step <= len; step++) {
        struct docker_frames frames = {0};
        BUF_AUTO struct buf got = BUF_INIT;
        for (size_t at = 0; at < len; at += step)
            docker_frames_feed(&frames, str_take(str_span(wire + at, len - at), step), collect,
                               &got);
        EXPECT_STR(buf_str(&got), "1:out;2:oops;1:x;");
        buf_deinit(&frames.pending);
    }
}

static void a_terminals_output_is_passed_on_bare(void **state)
{
    struct docker_frames frames = {0};
    BUF_AUTO struct buf got = BUF_INIT;
    (void)state;

    docker_frames_feed(&frames, STR("hello "), collect, &got);
    docker_frames_feed(&frames, STR("terminal"), collect, &got);
    EXPECT_STR(buf_str(&got), "1:hello terminal;");
    buf_deinit(&frames.pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(image_references_are_split),
        cmocka_unit_test(calls_become_requests),
        cmocka_unit_test(create_puts_both_configurations_into_one_object),
        cmocka_unit_test(registry_credentials_travel_as_base64url),
        cmocka_unit_test(errors_carry_their_class_and_the_engines_words),
        cmocka_unit_test(replies_are_read),
        cmocka_unit_test(events_are_read),
        cmocka_unit_test(frames_are_cut_however_they_arrive),
        cmocka_unit_test(a_terminals_output_is_passed_on_bare),
    };
    int failed = cmocka_run_group_tests(tests, NULL, NULL);

    arena_deinit(&arena);
    return failed;
}
