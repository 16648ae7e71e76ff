#include "api/store.h"
#include "base/id.h"
#include "server/server_testing.h"

static int start(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig->options.body_max = 4096;
    rig_start(rig);
    return 0;
}

static int start_without_auth(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig->options.auth = SERVER_AUTH_NONE;
    rig->options.region = STR("eu-west-1");
    rig_start(rig);
    return 0;
}

static void a_signed_call_is_answered_with_the_headers_of_the_protocol(void **state)
{
    struct rig *rig = *state;
    struct answer answer = rig_call(rig, "CreateCluster", "{\"clusterName\":\"demo\"}");

    assert_int_equal(answer.status, 200);
    assert_true(str_starts(answer.body, STR("{\"cluster\":{\"activeServicesCount\":0,")));
    EXPECT_STR(answer_header(&answer, "content-type"), "application/x-amz-json-1.1");
    assert_true(id_is_uuid(answer_header(&answer, "x-amzn-RequestId")));
    assert_true(str_ends(answer_header(&answer, "date"), STR(" GMT")));
}

static void an_empty_body_is_an_empty_request(void **state)
{
    struct answer answer = rig_call(*state, "CreateCluster", "");

    assert_int_equal(answer.status, 200);
    assert_non_null(memmem(answer.body.ptr, answer.body.len, "cluster/default\"", 16));
}

static void operations_stand_in_the_order_of_their_names(void **state)
{
    (void)state;
    for (int op = 2; op < ECS_OPERATION_N; op++)
        assert_true(str_cmp(ecs_operations[op - 1].name, ecs_operations[op].name) < 0);
}

static void an_operation_may_refuse(void **state)
{
    EXPECT_ANSWER(rig_call(*state, "CreateCluster", "{\"clusterName\":\"a b\"}"), 400,
                  "{\"__type\":\"InvalidParameterException\","
                  "\"message\":\"ClusterName must match ^[a-zA-Z0-9\\\\-_]{1,255}$\"}");
}

static void an_operation_still_to_come_says_so(void **state)
{
    EXPECT_ANSWER(rig_call(*state, "CreateDaemon", "{}"), 500,
                  "{\"__type\":\"ServerException\","
                  "\"message\":\"CreateDaemon is not yet available in Gantry.\"}");
}

static void a_target_that_is_none_is_an_unknown_operation(void **state)
{
    struct rig *rig = *state;
    struct answer answer = rig_call(rig, "MakeCoffee", "{}");

    EXPECT_ANSWER(answer, 400, "{\"__type\":\"UnknownOperationException\",\"message\":\"\"}");
    assert_true(id_is_uuid(answer_header(&answer, "x-amzn-RequestId")));
    EXPECT_STR(answer_header(&answer, "content-type"), "application/x-amz-json-1.1");
    EXPECT_ANSWER(rig_call(rig, "", "{}"), 400,
                  "{\"__type\":\"UnknownOperationException\",\"message\":\"\"}");
}

static void a_body_that_is_not_json_is_refused(void **state)
{
    struct answer answer = rig_call(*state, "CreateCluster", "{\"clusterName\":");

    assert_int_equal(answer.status, 400);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"SerializationException\"")));
}

static void a_member_of_the_wrong_kind_is_refused(void **state)
{
    EXPECT_ANSWER(rig_call(*state, "CreateCluster", "{\"clusterName\":7}"), 400,
                  "{\"__type\":\"SerializationException\","
                  "\"message\":\"NUMBER_VALUE can not be converted to a String\"}");
}

static void a_call_without_a_signature_is_refused_first(void **state)
{
    EXPECT_ANSWER(rig_send(*state, "POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: nonsense\r\n"
                                   "Content-Length: 3\r\n\r\n{{{"),
                  400,
                  "{\"__type\":\"MissingAuthenticationTokenException\","
                  "\"message\":\"Missing Authentication Token\"}");
}

static void a_wrong_secret_is_refused(void **state)
{
    struct rig *rig = *state;
    struct answer answer;

    rig->secret = STR("wrong");
    answer = rig_call(rig, "CreateCluster", "{}");
    assert_int_equal(answer.status, 400);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"InvalidSignatureException\"")));
    rig->key_id = STR("AKIDNOBODY");
    EXPECT_ANSWER(rig_call(rig, "CreateCluster", "{}"), 400,
                  "{\"__type\":\"UnrecognizedClientException\",\"message\":"
                  "\"The security token included in the request is invalid.\"}");
}

static void a_body_changed_after_signing_is_refused(void **state)
{
    struct rig *rig = *state;
    const char *request =
        str_cstr(&rig->arena, rig_request(rig, "CreateCluster", "{\"clusterName\":\"demo\"}"));
    struct answer answer;

    memcpy(strstr(request, "demo"), "evil", 4);
    answer = rig_send(rig, request);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"InvalidSignatureException\"")));
}

static void a_region_that_cannot_be_one_is_refused(void **state)
{
    struct rig *rig = *state;

    rig->region = STR("us:east");
    EXPECT_ANSWER(rig_call(rig, "CreateCluster", "{}"), 400,
                  "{\"__type\":\"InvalidSignatureException\",\"message\":\"Credential should be "
                  "scoped to a valid region, not 'us:east'. \"}");
}

static void a_body_too_large_is_refused(void **state)
{
    struct answer answer = rig_send(*state, "POST / HTTP/1.1\r\nHost: x\r\n"
                                            "Content-Length: 5000\r\n\r\n");

    assert_int_equal(answer.status, 413);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"RequestEntityTooLargeException\"")));
    assert_true(id_is_uuid(answer_header(&answer, "x-amzn-RequestId")));
}

static void what_is_not_http_is_refused(void **state)
{
    struct answer answer = rig_send(*state, "BREW /pot\r\n\r\n");

    assert_int_equal(answer.status, 400);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"MalformedHttpRequestException\"")));
}

static void a_coded_body_is_refused(void **state)
{
    struct rig *rig = *state;
    struct str request = rig_request(rig, "CreateCluster", "{}");
    struct str head;
    struct str rest;
    struct answer answer;

    str_cut(request, '\n', &head, &rest);
    answer = rig_send(
        rig, str_cstr(&rig->arena, str_fmt(&rig->arena, "%.*s\nContent-Encoding: gzip\r\n%.*s",
                                           STR_ARGS(head), STR_ARGS(rest))));
    assert_int_equal(answer.status, 400);
    assert_true(str_starts(answer.body, STR("{\"__type\":\"MalformedHttpRequestException\"")));
}

static void calls_beyond_the_limit_are_turned_away(void **state)
{
    struct rig *rig = *state;
    struct line *first;
    struct answer answer;

    rig_stop(rig);
    rig->options.calls_max = 1;
    rig_start(rig);
    memory_disk_hold(rig->disk, true);
    first = rig_dial(rig);
    line_send(first, rig_request(rig, "CreateCluster", "{}"));
    memory_disk_await_held(rig->disk);
    EXPECT_ANSWER(rig_call(rig, "CreateCluster", "{}"), 503,
                  "{\"__type\":\"ServiceUnavailable\",\"message\":\"Too many calls are waiting. "
                  "Please try again later.\"}");
    memory_disk_hold(rig->disk, false);
    answer = line_answer(rig, first);
    assert_int_equal(answer.status, 200);
    line_close(first);
}

static void requests_in_one_packet_are_answered_in_order(void **state)
{
    struct rig *rig = *state;
    struct line *line = rig_dial(rig);
    struct str requests = STR_NONE;

    for (int i = 0; i < 10; i++) {
        const char *body = str_cstr(
            &rig->arena, str_fmt(&rig->arena, "{\"clusterName\":\"%s%d\"}", i % 3 ? "c" : "!", i));
        requests = str_fmt(&rig->arena, "%.*s%.*s", STR_ARGS(requests),
                           STR_ARGS(rig_request(rig, "CreateCluster", body)));
    }
    line_send(line, requests);
    for (int i = 0; i < 10; i++) {
        struct answer answer = line_answer(rig, line);
        struct str name = str_fmt(&rig->arena, "cluster/c%d\"", i);
        assert_int_equal(answer.status, i % 3 ? 200 : 400);
        if (i % 3)
            assert_non_null(memmem(answer.body.ptr, answer.body.len, name.ptr, name.len));
    }
    line_close(line);
}

static void many_connections_are_served_at_once(void **state)
{
    enum { LINES = 64, ROUNDS = 5 };
    struct rig *rig = *state;
    struct line *lines[LINES];

    for (int i = 0; i < LINES; i++)
        lines[i] = rig_dial(rig);
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < LINES; i++) {
            const char *body = str_cstr(
                &rig->arena, str_fmt(&rig->arena, "{\"clusterName\":\"c-%d-%d\"}", i, round));
            line_send(lines[i], rig_request(rig, "CreateCluster", body));
        }
        for (int i = 0; i < LINES; i++) {
            struct answer answer = line_answer(rig, lines[i]);
            struct str name = str_fmt(&rig->arena, "cluster/c-%d-%d\"", i, round);
            assert_int_equal(answer.status, 200);
            assert_non_null(memmem(answer.body.ptr, answer.body.len, name.ptr, name.len));
        }
    }
    for (int i = 0; i < LINES; i++)
        line_close(lines[i]);
    assert_int_equal(memory_disk_records(rig->disk, REC_KIND_CLUSTER), LINES * ROUNDS);
    assert_true(memory_disk_commits(rig->disk) < LINES * ROUNDS); // they share commits
}

static void without_authentication_the_scope_still_names_the_region(void **state)
{
    struct rig *rig = *state;
    struct answer answer;

    rig->secret = STR("any");
    rig->region = STR("ap-south-1");
    answer = rig_call(rig, "CreateCluster", "{}");
    assert_non_null(memmem(answer.body.ptr, answer.body.len, "arn:aws:ecs:ap-south-1:", 23));
    answer = rig_send(rig, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nX-Amz-Target: "
                           "AmazonEC2ContainerServiceV20141113.CreateCluster\r\n\r\n{}");
    assert_non_null(memmem(answer.body.ptr, answer.body.len, "arn:aws:ecs:eu-west-1:", 22));
}

static void agents_are_sent_to_the_host_that_was_asked(void **state)
{
    struct rig *rig = *state;
    static const char request[] = "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 2\r\n"
                                  "X-Amz-Target: AmazonEC2ContainerServiceV20141113."
                                  "DiscoverPollEndpoint\r\n\r\n{}";
    const char *named = str_cstr(&rig->arena, str_fmt(&rig->arena, request, "ecs.example:81"));
    const char *odd = str_cstr(&rig->arena, str_fmt(&rig->arena, request, "a/b?c"));

    EXPECT_ANSWER(rig_send(rig, named), 200,
                  "{\"endpoint\":\"http://ecs.example:81/acs\","
                  "\"telemetryEndpoint\":\"http://ecs.example:81/tcs\"}");
    EXPECT_ANSWER(
        rig_send(rig, odd), 200,
        str_cstr(&rig->arena,
                 str_fmt(&rig->arena,
                         "{\"endpoint\":\"%.*s/acs\",\"telemetryEndpoint\":\"%.*s/tcs\"}",
                         STR_ARGS(server_url(rig->server)), STR_ARGS(server_url(rig->server)))));
}

static void health_and_metrics_are_open_to_all(void **state)
{
    struct rig *rig = *state;
    struct answer answer;

    EXPECT_ANSWER(rig_get(rig, "/healthz"), 200, "{\"status\":\"ok\"}");
    rig_call(rig, "CreateCluster", "{}");
    rig_call(rig, "CreateCluster", "{\"clusterName\":\"a b\"}");
    answer = rig_get(rig, "/metrics");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.body.ptr, "\ngantry_calls_total{operation=\"CreateCluster\","
                                            "outcome=\"ok\"} 1\n"));
    assert_non_null(strstr(answer.body.ptr, "outcome=\"InvalidParameterException\"} 1\n"));
    assert_non_null(strstr(answer.body.ptr, "\ngantry_call_duration_seconds_count{operation="
                                            "\"CreateCluster\"} 2\n"));
    assert_non_null(strstr(answer.body.ptr, "\ngantry_commit_duration_seconds_count{} 1\n"));
    assert_non_null(strstr(answer.body.ptr, "\ngantry_store_up 1\n"));
    assert_non_null(strstr(answer.body.ptr, "\ngantry_tasks{status=\"RUNNING\"} 0\n"));
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, rig_teardown)
#define OPEN(test) cmocka_unit_test_setup_teardown(test, start_without_auth, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_signed_call_is_answered_with_the_headers_of_the_protocol),
        CASE(an_empty_body_is_an_empty_request),
        CASE(operations_stand_in_the_order_of_their_names),
        CASE(an_operation_may_refuse),
        CASE(an_operation_still_to_come_says_so),
        CASE(a_target_that_is_none_is_an_unknown_operation),
        CASE(a_body_that_is_not_json_is_refused),
        CASE(a_member_of_the_wrong_kind_is_refused),
        CASE(a_call_without_a_signature_is_refused_first),
        CASE(a_wrong_secret_is_refused),
        CASE(a_body_changed_after_signing_is_refused),
        CASE(a_region_that_cannot_be_one_is_refused),
        CASE(a_body_too_large_is_refused),
        CASE(what_is_not_http_is_refused),
        CASE(a_coded_body_is_refused),
        CASE(calls_beyond_the_limit_are_turned_away),
        CASE(requests_in_one_packet_are_answered_in_order),
        CASE(many_connections_are_served_at_once),
        OPEN(without_authentication_the_scope_still_names_the_region),
        OPEN(agents_are_sent_to_the_host_that_was_asked),
        CASE(health_and_metrics_are_open_to_all),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
