#include "api/store.h"
#include "server/server_testing.h"

#define UID "0123456789abcdef0123456789abcdef"

static const char acs[] =
    "/acs/ws?agentHash=4f5a079e&agentVersion=1.103.0&clusterArn=default&containerInstanceArn="
    "arn%3Aaws%3Aecs%3Aus-east-1%3A123456789012%3Acontainer-instance%2Fdefault%2F" UID
    "&dockerVersion=DockerVersion%3A%2020.10.24&protocolVersion=2&sendCredentials=true&seqNum=1";
static const char tcs[] =
    "/tcs/ws?agentHash=4f5a079e&agentVersion=1.103.0&cluster=default&containerInstance="
    "arn%3Aaws%3Aecs%3Aus-east-1%3A123456789012%3Acontainer-instance%2Fdefault%2F" UID
    "&dockerVersion=20.10.24";

// One cluster, one registered instance.
static int prepare(void **state)
{
    struct rig *rig;

    if (rig_setup(state) != 0)
        return -1;
    rig = *state;
    rig_put_record(rig, REC_KIND_CLUSTER, 1,
                   "{\"region\":\"us-east-1\",\"name\":\"default\",\"status\":\"ACTIVE\","
                   "\"createdAt\":1}");
    rig_put_record(rig, REC_KIND_INSTANCE, 1,
                   "{\"clusterId\":1,\"uid\":\"" UID "\",\"registeredAt\":1,\"resources\":["
                   "{\"name\":\"CPU\",\"type\":\"INTEGER\",\"integerValue\":1024},"
                   "{\"name\":\"MEMORY\",\"type\":\"INTEGER\",\"integerValue\":1024},"
                   "{\"name\":\"PORTS\",\"type\":\"STRINGSET\",\"stringSetValue\":[]},"
                   "{\"name\":\"PORTS_UDP\",\"type\":\"STRINGSET\",\"stringSetValue\":[]}]}");
    rig_put_record(rig, REC_KIND_INSTANCE_STATE, 1,
                   "{\"version\":1,\"sequence\":0,\"status\":\"ACTIVE\"}");
    return 0;
}

static int start(void **state)
{
    if (prepare(state) != 0)
        return -1;
    rig_start(*state);
    return 0;
}

static struct line *knock(struct rig *rig, const char *target)
{
    struct line *line = rig_dial(rig);

    line_send(line, rig_handshake(rig, target));
    return line;
}

static struct line *enter(struct rig *rig, const char *target)
{
    struct line *line = knock(rig, target);

    assert_int_equal(line_answer(rig, line).status, 101);
    return line;
}

static void expect_type(struct str frame, const char *type)
{
    if (memmem(frame.ptr, frame.len, type, strlen(type)) == NULL)
        fail_msg("got %.*s, want %s", STR_ARGS(frame), type);
}

static void an_agent_is_let_in_and_told_what_it_runs(void **state)
{
    struct rig *rig = *state;
    struct line *line = knock(rig, acs);
    struct answer answer = line_answer(rig, line);
    struct str frame;

    assert_int_equal(answer.status, 101);
    EXPECT_STR(answer_header(&answer, "sec-websocket-accept"), "Bz3qJYTGdOe8gUSpLosEdiLKDrk=");
    frame = line_frame(rig, line);
    expect_type(frame, "{\"type\":\"TaskManifestMessage\",\"message\":{");
    expect_type(frame, "\"containerInstanceArn\":\"arn:aws:ecs:us-east-1:123456789012:"
                       "container-instance/default/" UID "\"");
    assert_non_null(strstr(rig_get(rig, "/metrics").body.ptr,
                           "\ngantry_agents_connected{channel=\"acs\"} 1\n"));
    line_close(line);
}

static void the_handshake_waits_for_the_commit(void **state)
{
    struct rig *rig = *state;
    struct line *line;

    memory_disk_hold(rig->disk, true);
    line = knock(rig, acs);
    memory_disk_await_held(rig->disk);
    assert_true(line_is_silent(line));
    memory_disk_hold(rig->disk, false);
    assert_int_equal(line_answer(rig, line).status, 101);
    expect_type(line_frame(rig, line), "TaskManifestMessage");
    line_close(line);
}

static void an_instance_that_does_not_exist_is_refused_by_name(void **state)
{
    struct rig *rig = *state;
    struct line *line = knock(rig, "/acs/ws?clusterArn=default&containerInstanceArn=nobody");

    EXPECT_ANSWER(line_answer(rig, line), 400,
                  "{\"InvalidInstanceException\":\"The container instance is not registered in "
                  "this cluster.\"}");
    line_close(line);
    line = knock(rig, "/acs/ws?clusterArn=other&containerInstanceArn=nobody");
    EXPECT_ANSWER(line_answer(rig, line), 400,
                  "{\"InvalidClusterException\":\"Cluster not found.\"}");
    line_close(line);
}

static void an_agent_must_sign(void **state)
{
    struct rig *rig = *state;
    struct line *line;

    rig->secret = STR("wrong");
    line = knock(rig, acs);
    assert_int_equal(line_answer(rig, line).status, 403);
    line_close(line);
    EXPECT_ANSWER(rig_get(rig, "/acs/ws"), 400,
                  "{\"BadRequestException\":\"This is a websocket; ask for an upgrade.\"}");
}

static void a_newer_connection_replaces_the_older(void **state)
{
    struct rig *rig = *state;
    struct line *first = enter(rig, acs);
    struct line *second;

    expect_type(line_frame(rig, first), "TaskManifestMessage");
    second = enter(rig, acs);
    expect_type(line_frame(rig, second), "TaskManifestMessage");
    EXPECT_STR(line_frame(rig, first), "close 1000");
    line_close(first);
    line_close(second);
}

static void heartbeats_keep_an_agent_and_their_answers_keep_us(void **state)
{
    struct rig *rig = *state;
    struct line *line;

    rig_stop(rig);
    rig->options.heartbeat_ms = 20;
    rig_start(rig);
    line = enter(rig, acs);
    expect_type(line_frame(rig, line), "TaskManifestMessage");
    for (int i = 0; i < 8; i++) {
        expect_type(line_frame(rig, line), "{\"type\":\"HeartbeatMessage\",\"message\":"
                                           "{\"healthy\":true,\"messageId\":\"");
        line_say(line, "{\"type\":\"HeartbeatAckRequest\",\"message\":{\"messageId\":\"x\"}}");
    }
    while (str_starts(line_frame(rig, line), STR("{\"type\":\"HeartbeatMessage\"")))
        continue; // not answered any more
    line_close(line);
}

static void telemetry_is_taken_with_its_signed_head_and_acknowledged(void **state)
{
    struct rig *rig = *state;
    struct line *agent = enter(rig, acs);
    struct line *line = enter(rig, tcs);

    line_say(line, "Authorization: AWS4-HMAC-SHA256 Credential=x\r\nHost: x\r\n\r\n"
                   "{\"type\":\"PublishMetricsRequest\",\"message\":{\"metadata\":{\"cluster\":"
                   "\"default\",\"containerInstance\":\"x\",\"messageId\":\"m\",\"idle\":true,"
                   "\"fin\":true},\"timestamp\":1795245772.908}}");
    expect_type(line_frame(rig, line), "{\"type\":\"AckPublishMetric\"");
    line_close(line);
    line_close(agent);
}

static void unknown_messages_are_skipped_and_noise_ends_the_session(void **state)
{
    struct rig *rig = *state;
    struct line *line = enter(rig, acs);

    expect_type(line_frame(rig, line), "TaskManifestMessage");
    line_say(line, "{\"type\":\"SomethingNew\",\"message\":{}}");
    line_say(line, "{\"type\":\"AckRequest\",\"message\":{\"messageId\":7}}");
    line_say(line, "noise");
    EXPECT_STR(line_frame(rig, line), "close 1007");
    line_close(line);
}

static void an_agent_whose_arrival_is_undone_is_refused_and_may_come_again(void **state)
{
    struct rig *rig = *state;
    struct line *line;

    memory_disk_fail(rig->disk, MEMORY_FAULT_FULL, 0, 1000000);
    for (int i = 0; i < 3; i++) { // at first undone, then refused while the store is down
        line = knock(rig, acs);
        EXPECT_ANSWER(line_answer(rig, line), 500,
                      "{\"ServerException\":\"Service Unavailable. Please try again later.\"}");
        line_close(line);
    }
    memory_disk_fail(rig->disk, MEMORY_FAULT_NONE, 0, 0);
    rig_await_healthy(rig);
    line = enter(rig, acs);
    expect_type(line_frame(rig, line), "TaskManifestMessage");
    line_close(line);
}

static void an_agent_displaced_by_one_that_was_undone_is_told_to_come_again(void **state)
{
    struct rig *rig = *state;
    struct line *first = enter(rig, acs);
    struct line *second;

    expect_type(line_frame(rig, first), "TaskManifestMessage");
    memory_disk_fail(rig->disk, MEMORY_FAULT_IO, 0, 1);
    second = knock(rig, acs);
    assert_int_equal(line_answer(rig, second).status, 500);
    EXPECT_STR(line_frame(rig, first), "close 1000");
    line_close(first);
    line_close(second);
    rig_await_healthy(rig);
    first = enter(rig, acs);
    expect_type(line_frame(rig, first), "TaskManifestMessage");
    line_close(first);
}

static void a_server_that_stops_says_goodbye(void **state)
{
    struct rig *rig = *state;
    struct line *line = enter(rig, acs);

    expect_type(line_frame(rig, line), "TaskManifestMessage");
    rig_stop(rig);
    EXPECT_STR(line_frame(rig, line), "close 1001");
    line_close(line);
}

static void agents_beyond_the_limit_are_turned_away(void **state)
{
    struct rig *rig = *state;
    struct line *first;
    struct line *second;

    rig_stop(rig);
    rig->options.agents_max = 1;
    rig_start(rig);
    first = enter(rig, acs);
    second = knock(rig, tcs);
    EXPECT_ANSWER(line_answer(rig, second), 503,
                  "{\"ServerException\":\"Service Unavailable. Please try again later.\"}");
    line_close(first);
    line_close(second);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, start, rig_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(an_agent_is_let_in_and_told_what_it_runs),
        CASE(the_handshake_waits_for_the_commit),
        CASE(an_instance_that_does_not_exist_is_refused_by_name),
        CASE(an_agent_must_sign),
        CASE(a_newer_connection_replaces_the_older),
        CASE(heartbeats_keep_an_agent_and_their_answers_keep_us),
        CASE(telemetry_is_taken_with_its_signed_head_and_acknowledged),
        CASE(unknown_messages_are_skipped_and_noise_ends_the_session),
        CASE(an_agent_whose_arrival_is_undone_is_refused_and_may_come_again),
        CASE(an_agent_displaced_by_one_that_was_undone_is_told_to_come_again),
        CASE(a_server_that_stops_says_goodbye),
        CASE(agents_beyond_the_limit_are_turned_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
