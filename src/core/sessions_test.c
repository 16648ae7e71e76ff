#include "core/usage.h"
#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

static const char cluster_arn_text[] = "arn:aws:ecs:us-east-1:123456789012:cluster/demo";

static const struct world_sent *last(const struct world *w)
{
    return &w->sent[w->sent_n - 1];
}

static void expect_refusal(struct world *w, const char *cluster, struct str instance,
                           const char *error)
{
    size_t before = w->sent_n;

    world_connect(w, cluster, instance);
    assert_int_equal(w->sent_n, before + 1);
    assert_int_equal(last(w)->kind, EFFECT_ACS_REFUSE);
    assert_true(str_eq(last(w)->name, str_of(error)));
    assert_true(last(w)->json.len > 0);
}

static void set_status(struct world *w, struct str arn, enum rec_instance_status status)
{
    struct instance *instance = stage_find_instance(w, arn);
    struct rec_instance_state next = *instance->st;
    struct step step;

    world_begin(w, &step);
    SET(&next, status, status);
    state_put(&w->state, REC_KIND_INSTANCE_STATE, instance->entity.id, &next);
    world_finish(w, &step);
}

// --- who is let in

static void an_agent_is_let_in_by_name_or_arn(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);

    world_connect(w, "demo", arn);
    assert_int_equal(w->sent[0].kind, EFFECT_ACS_ACCEPT);
    world_connect(w, cluster_arn_text, arn);
    assert_true(instance_is_connected(stage_find_instance(w, arn)));
    assert_int_equal(stage_find_instance(w, arn)->session, w->next_session - 1);
}

static void strangers_are_refused(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);

    world_ok(w, "CreateCluster", "{\"clusterName\":\"other\"}");
    expect_refusal(w, "nope", arn, "InvalidClusterException");
    expect_refusal(w, "", arn, "InvalidClusterException"); // there is no "default"
    expect_refusal(w, "other", arn, "InvalidInstanceException");
    expect_refusal(w, "demo", STR("arn:aws:ecs:us-east-1:123456789012:container-instance/demo/x"),
                   "InvalidInstanceException");
    expect_refusal(w, "demo", STR_NONE, "InvalidInstanceException");
    w->region = STR("eu-west-1");
    expect_refusal(w, "demo", arn, "InvalidClusterException");
}

static void a_deregistered_instance_is_told_so(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);

    set_status(w, arn, REC_INSTANCE_STATUS_INACTIVE);
    expect_refusal(w, "demo", arn, "InactiveInstanceException");
}

static void a_draining_instance_stays_connected(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);

    set_status(w, arn, REC_INSTANCE_STATUS_DRAINING);
    world_connect(w, "demo", arn);
    assert_true(instance_is_connected(stage_find_instance(w, arn)));
}

// --- what a connection changes

static void versions_come_from_the_connection_and_are_kept(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    uint64_t id = stage_find_instance(w, arn)->entity.id;
    const void *record;

    world_connect(w, "demo", arn);
    EXPECT_JSON(w, world_get(w, stage_record(w, REC_KIND_INSTANCE, id), "versionInfo"),
                "{\"agentVersion\":\"1.103.0\",\"agentHash\":\"4f5a079e\","
                "\"dockerVersion\":\"DockerVersion: 20.10.24\"}");
    record = stage_find_instance(w, arn)->rec;
    world_connect(w, "demo", arn);
    assert_ptr_equal(stage_find_instance(w, arn)->rec, record); // nothing was new
}

static void coming_and_going_raise_the_version(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    session_id session = world_connect(w, "demo", arn);

    assert_int_equal(stage_find_instance(w, arn)->st->version, 2);
    world_disconnect(w, session, arn);
    assert_int_equal(stage_find_instance(w, arn)->st->version, 3);
    assert_false(instance_is_connected(stage_find_instance(w, arn)));
}

static void a_newer_session_replaces_the_older(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    session_id old = world_connect(w, "demo", arn);
    int64_t version = stage_find_instance(w, arn)->st->version;
    session_id new = world_connect(w, "demo", arn);

    assert_int_equal(w->sent[2].kind, EFFECT_ACS_ACCEPT);
    assert_int_equal(w->sent[3].kind, EFFECT_CLOSE);
    assert_int_equal(w->sent[3].session, old);
    world_disconnect(w, old, arn); // the end of the old one is no news
    assert_int_equal(stage_find_instance(w, arn)->session, new);
    assert_int_equal(stage_find_instance(w, arn)->st->version, version);
}

static void connectivity_of_a_task_is_its_agents(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = world_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    assert_true(str_eq(world_get(w, stage_view(w, arn), "connectivity"), STR("CONNECTED")));
    world_disconnect(w, session, instance);
    assert_true(str_eq(world_get(w, stage_view(w, arn), "connectivity"), STR("DISCONNECTED")));
    world_advance(w, 5000);
    world_connect(w, "demo", instance);
    assert_true(str_eq(world_get(w, stage_view(w, arn), "connectivity"), STR("CONNECTED")));
    assert_true(str_eq(world_get(w, stage_view(w, arn), "connectivityAt"), STR("1767225605")));
}

// --- manifest and payloads

static void the_manifest_comes_first_and_names_everything(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str a = stage_task(w, instance, &(struct stage_plan){0});
    struct str b = stage_task(w, instance, &(struct stage_plan){0});

    stage_stop(w, b, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    assert_int_equal(w->sent_n, 0);
    world_connect(w, "demo", instance);
    assert_int_equal(w->sent_n, 3);
    assert_true(str_eq(w->sent[1].name, STR("TaskManifestMessage")));
    EXPECT_JSON(w, w->sent[1].json,
                "{\"clusterArn\":\"*\",\"containerInstanceArn\":\"*\",\"generatedAt\":\"*\","
                "\"messageId\":\"*\",\"timeline\":1,\"tasks\":["
                "{\"taskArn\":\"*\",\"taskClusterArn\":\"*\",\"desiredStatus\":\"RUNNING\"},"
                "{\"taskArn\":\"*\",\"taskClusterArn\":\"*\",\"desiredStatus\":\"STOPPED\"}]}");
    assert_true(str_eq(world_get(w, w->sent[2].json, "seqNum"), STR("2")));
    assert_true(str_eq(world_get(w, w->sent[2].json, "tasks.0.arn"), a));
    assert_true(str_eq(world_get(w, w->sent[2].json, "tasks.1.arn"), b));
    assert_true(str_eq(world_get(w, w->sent[2].json, "tasks.1.desiredStatus"), STR("STOPPED")));
}

static void many_tasks_come_in_parcels_of_ten(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct stage_plan plan = {.definition = stage_plain_definition(w)};

    for (int i = 0; i < 23; i++)
        stage_task(w, instance, &plan);
    world_connect(w, "demo", instance);
    assert_int_equal(stage_sent(w, 0, "PayloadMessage"), 3);
    assert_true(world_get(w, w->sent[2].json, "tasks.9.arn").len > 0);
    assert_true(world_get(w, w->sent[2].json, "tasks.10.arn").len == 0);
    assert_true(world_get(w, w->sent[4].json, "tasks.2.arn").len > 0);
    assert_true(world_get(w, w->sent[4].json, "tasks.3.arn").len == 0);
}

static void acknowledge(struct world *w, session_id session, struct str instance, struct str id)
{
    world_agent_says(
        w, session, instance, "AckRequest",
        str_cstr(&w->arena, str_fmt(&w->arena, "{\"messageId\":\"%.*s\"}", STR_ARGS(id))));
}

static struct str last_payload_id(struct world *w)
{
    return world_get(w, stage_last(w, "PayloadMessage"), "messageId");
}

static void what_was_not_acknowledged_is_sent_again(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = world_connect(w, "demo", instance);
    struct str known;
    struct str unknown;

    known = stage_task(w, instance, &(struct stage_plan){0});
    acknowledge(w, session, instance, last_payload_id(w));
    unknown = stage_task(w, instance, &(struct stage_plan){0});
    world_disconnect(w, session, instance);
    world_connect(w, "demo", instance);
    assert_true(stage_find_task(w, known)->delivered);
    assert_true(str_eq(world_get(w, stage_last(w, "PayloadMessage"), "tasks.0.arn"), unknown));
    assert_true(world_get(w, stage_last(w, "PayloadMessage"), "tasks.1.arn").len == 0);
}

// The start was acknowledged after the stop had been sent: the stop still counts as unknown.
static void a_late_acknowledgement_is_of_its_own_message(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = world_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});
    struct str start = last_payload_id(w);

    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    acknowledge(w, session, instance, start);
    assert_false(stage_find_task(w, arn)->delivered);
    acknowledge(w, session, instance, last_payload_id(w));
    assert_true(stage_find_task(w, arn)->delivered);
}

static void odd_acknowledgements_are_ignored(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = world_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    acknowledge(w, session, instance, STR("x"));
    acknowledge(w, session, instance, STR("x-2"));
    acknowledge(w, session, instance, STR_NONE);
    world_agent_says(w, session, instance, "AckRequest", "{}");
    world_agent_says(w, session, instance, "HeartbeatAckRequest", "{\"messageId\":\"1\"}");
    world_agent_says(w, session + 9, instance, "AckRequest", "{}");
    assert_false(stage_find_task(w, arn)->delivered);
}

static void a_stop_while_away_is_delivered_on_return(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = world_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});

    acknowledge(w, session, instance, last_payload_id(w));
    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    world_disconnect(w, session, instance);
    stage_stop(w, arn, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    world_connect(w, "demo", instance);
    EXPECT_JSON(w, world_get(w, stage_last(w, "PayloadMessage"), "tasks"),
                "[{\"arn\":\"*\",\"taskClusterArn\":\"*\",\"desiredStatus\":\"STOPPED\"}]");
}

static void numbers_only_grow_through_a_restart(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn;

    world_connect(w, "demo", instance);
    arn = stage_task(w, instance, &(struct stage_plan){0});
    world_restart(w);
    assert_false(instance_is_connected(stage_find_instance(w, instance)));
    world_connect(w, "demo", instance);
    assert_true(str_eq(world_get(w, stage_last(w, "TaskManifestMessage"), "timeline"), STR("3")));
    assert_true(str_eq(world_get(w, stage_last(w, "PayloadMessage"), "seqNum"), STR("4")));
    assert_true(str_eq(world_get(w, stage_last(w, "PayloadMessage"), "tasks.0.arn"), arn));
}

static void after_a_restart_a_running_task_is_not_sent_again(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    struct str arn;
    size_t before;

    world_connect(w, "demo", instance);
    arn = stage_task(w, instance, &(struct stage_plan){0});
    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    world_restart(w);
    before = w->sent_n;
    world_connect(w, "demo", instance);
    assert_int_equal(stage_sent(w, before, "TaskManifestMessage"), 1);
    assert_int_equal(stage_sent(w, before, "PayloadMessage"), 0);
}

// --- verification

static void only_what_should_not_run_is_confirmed(void **state)
{
    struct world *w = *state;
    struct str here = stage_instance(w);
    struct str there = stage_instance(w);
    session_id session = world_connect(w, "demo", here);
    struct str wanted = stage_task(w, here, &(struct stage_plan){0});
    struct str elsewhere = stage_task(w, there, &(struct stage_plan){0});
    struct str stopping = stage_task(w, here, &(struct stage_plan){0});

    stage_stop(w, stopping, ECS_TASK_STOP_CODE_USERINITIATED, "enough");
    world_agent_says(
        w, session, here, "TaskStopVerificationMessage",
        str_cstr(&w->arena,
                 str_fmt(&w->arena,
                         "{\"messageId\":\"m1\",\"stopCandidates\":[{\"taskArn\":\"%.*s\"},"
                         "{\"taskArn\":\"%.*s\"},{\"taskArn\":\"%.*s\"},{\"taskArn\":\"a/b\"},{}]}",
                         STR_ARGS(wanted), STR_ARGS(elsewhere), STR_ARGS(stopping))));
    EXPECT_JSON(w, stage_last(w, "TaskStopVerificationAck"),
                "{\"generatedAt\":\"*\",\"messageId\":\"m1\",\"stopTasks\":["
                "{\"taskArn\":\"*\",\"taskClusterArn\":\"\",\"desiredStatus\":\"STOPPED\"},"
                "{\"taskArn\":\"*\",\"taskClusterArn\":\"\",\"desiredStatus\":\"STOPPED\"},"
                "{\"taskArn\":\"a/b\",\"taskClusterArn\":\"\",\"desiredStatus\":\"STOPPED\"},"
                "{\"taskArn\":\"\",\"taskClusterArn\":\"\",\"desiredStatus\":\"STOPPED\"}]}");
    assert_true(str_eq(
        world_get(w, stage_last(w, "TaskStopVerificationAck"), "stopTasks.0.taskArn"), elsewhere));
}

// --- updates

static void set_update(struct world *w, struct str arn, enum ecs_agent_update_status status)
{
    struct instance *instance = stage_find_instance(w, arn);
    struct rec_instance_state next = *instance->st;
    struct step step;

    world_begin(w, &step);
    SET(&next, agent_update_status, status);
    state_put(&w->state, REC_KIND_INSTANCE_STATE, instance->entity.id, &next);
    world_finish(w, &step);
}

static void a_refused_update_has_failed(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    session_id session = world_connect(w, "demo", arn);

    world_agent_says(w, session, arn, "NackRequest", "{\"messageId\":\"1\"}");
    assert_false(stage_find_instance(w, arn)->st->has.agent_update_status);
    set_update(w, arn, ECS_AGENT_UPDATE_STATUS_PENDING);
    world_agent_says(w, session, arn, "NackRequest",
                     "{\"messageId\":\"1\",\"reason\":\"Updates are disabled\"}");
    assert_int_equal(stage_find_instance(w, arn)->st->agent_update_status,
                     ECS_AGENT_UPDATE_STATUS_FAILED);
}

// --- telemetry

static void health_is_recorded_when_it_changes(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});
    const char *report = str_cstr(
        &w->arena,
        str_fmt(&w->arena,
                "{\"tasks\":[{\"taskArn\":\"%.*s\",\"containers\":[{\"containerName\":\"main\","
                "\"healthStatus\":\"HEALTHY\"},{\"containerName\":\"who\"}]},"
                "{\"taskArn\":\"x/y\"}]}",
                STR_ARGS(arn)));

    stage_tcs_says(w, session, instance, "PublishHealthRequest", report);
    assert_true(str_eq(world_get(w, stage_view(w, arn), "healthStatus"), STR("HEALTHY")));
    assert_int_equal(stage_find_task(w, arn)->rec->version, 2);
    stage_tcs_says(w, session, instance, "PublishHealthRequest", report);
    assert_int_equal(stage_find_task(w, arn)->rec->version, 2);
    assert_int_equal(stage_sent(w, 0, "AckPublishHealth"), 2);
}

static void health_of_another_hosts_task_is_not_believed(void **state)
{
    struct world *w = *state;
    struct str here = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", here);
    struct str arn = stage_task(w, stage_instance(w), &(struct stage_plan){0});

    stage_tcs_says(w, session, here, "PublishHealthRequest",
                   str_cstr(&w->arena, str_fmt(&w->arena,
                                               "{\"tasks\":[{\"taskArn\":\"%.*s\",\"containers\":"
                                               "[{\"containerName\":\"main\",\"healthStatus\":"
                                               "\"UNHEALTHY\"}]}]}",
                                               STR_ARGS(arn))));
    assert_true(str_eq(world_get(w, stage_view(w, arn), "healthStatus"), STR("UNKNOWN")));
}

static void every_publication_is_answered(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", instance);

    assert_int_equal(last(w)->kind, EFFECT_TCS_ACCEPT);
    stage_tcs_says(w, session, instance, "PublishMetricsRequest", "{}");
    assert_true(str_eq(last(w)->name, STR("AckPublishMetric")));
    EXPECT_JSON(w, last(w)->json, "{\"message\":\"OK\"}");
    stage_tcs_says(w, session, instance, "PublishInstanceStatusRequest", "{}");
    assert_true(str_eq(last(w)->name, STR("AckPublishInstanceStatus")));
}

static const struct usage_reports *reports_in(const struct world *w)
{
    for (size_t i = 0; i < w->sent_n; i++) {
        if (w->sent[i].kind == EFFECT_USAGE)
            return w->sent[i].value;
    }
    return NULL;
}

static const char *metrics_of(struct world *w, struct str arn)
{
    return str_cstr(
        &w->arena,
        str_fmt(
            &w->arena,
            "{\"taskMetrics\":[{\"taskArn\":\"%.*s\",\"containerMetrics\":["
            "{\"containerName\":\"main\",\"cpuStatsSet\":{\"min\":0,\"max\":50,\"sampleCount\":2,"
            "\"sum\":50},\"memoryStatsSet\":{\"min\":8,\"max\":8,\"sampleCount\":2,\"sum\":16},"
            "\"networkStatsSet\":{\"rxBytes\":{\"min\":1,\"max\":700,\"sampleCount\":2,"
            "\"sum\":701},\"rxBytesPerSecond\":{\"min\":0,\"max\":4,\"sampleCount\":2,\"sum\":6}},"
            "\"restartStatsSet\":{\"restartCount\":1}},"
            "{\"containerName\":\"side\",\"cpuStatsSet\":{\"min\":0,\"max\":0,\"sampleCount\":0,"
            "\"sum\":0}}]},{\"taskArn\":\"x/y\"}]}",
            STR_ARGS(arn)));
}

static void what_a_running_task_uses_is_told_to_the_shell(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", instance);
    struct str arn = stage_task(w, instance, &(struct stage_plan){0});
    const struct usage_reports *reports;

    stage_tcs_says(w, session, instance, "PublishMetricsRequest", metrics_of(w, arn));
    assert_null(reports_in(w)); // it does not run yet
    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    stage_tcs_says(w, session, instance, "PublishMetricsRequest", metrics_of(w, arn));
    reports = reports_in(w);
    assert_non_null(reports);
    assert_int_equal(reports->n, 1);
    EXPECT_STR(reports->at_task[0].cluster, "demo");
    assert_true(reports->at_task[0].cpu_units == 1024); // a quarter of the host's 4096
    assert_true(reports->at_task[0].memory_mib == 8);
    assert_true(reports->at_task[0].rx_rate == 3);
    assert_int_equal(reports->at_task[0].rx_bytes, 700);
    assert_int_equal(reports->at_task[0].restarts, 1);
    assert_int_equal(stage_sent(w, 0, "AckPublishMetric"), 2);
}

static void use_of_another_hosts_task_is_not_believed(void **state)
{
    struct world *w = *state;
    struct str here = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", here);
    struct str arn = stage_task(w, stage_instance(w), &(struct stage_plan){0});

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    stage_tcs_says(w, session, here, "PublishMetricsRequest", metrics_of(w, arn));
    assert_null(reports_in(w));
}

static void the_state_of_a_container_runtime_is_shown_with_its_instance(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id session = stage_tcs_connect(w, "demo", instance);
    struct str reply;
    const char *call = str_cstr(
        &w->arena, str_fmt(&w->arena,
                           "{\"cluster\":\"demo\",\"containerInstances\":[\"%.*s\"],\"include\":"
                           "[\"CONTAINER_INSTANCE_HEALTH\"]}",
                           STR_ARGS(instance)));

    world_connect(w, "demo", instance);
    stage_tcs_says(w, session, instance, "PublishInstanceStatusRequest",
                   "{\"statuses\":[{\"type\":\"ContainerRuntime\",\"status\":\"IMPAIRED\","
                   "\"statusReason\":\"no room\",\"lastStatusChange\":1767225600},"
                   "{\"type\":\"Other\",\"status\":\"OK\"}]}");
    reply = world_ok(w, "DescribeContainerInstances", call);
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.overallStatus"), "IMPAIRED");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.details.0.type"),
               "CONTAINER_RUNTIME");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.details.0.statusReason"),
               "no room");
    stage_tcs_says(w, session, instance, "PublishInstanceStatusRequest",
                   "{\"statuses\":[{\"type\":\"ContainerRuntime\",\"status\":\"OK\"}]}");
    reply = world_ok(w, "DescribeContainerInstances", call);
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.overallStatus"), "OK");
    EXPECT_STR(world_get(w, reply, "containerInstances.0.healthStatus.details.0.statusReason"), "");
}

static void a_newer_telemetry_session_replaces_the_older(void **state)
{
    struct world *w = *state;
    struct str instance = stage_instance(w);
    session_id old = stage_tcs_connect(w, "demo", instance);
    size_t before;

    stage_tcs_connect(w, cluster_arn_text, instance);
    assert_int_equal(last(w)->kind, EFFECT_CLOSE);
    assert_int_equal(last(w)->session, old);
    before = w->sent_n;
    stage_tcs_says(w, old, instance, "PublishMetricsRequest", "{}");
    assert_int_equal(w->sent_n, before);
}

static void strangers_get_no_telemetry_session(void **state)
{
    struct world *w = *state;

    stage_tcs_connect(w, "nope", stage_instance(w));
    assert_int_equal(last(w)->kind, EFFECT_TCS_REFUSE);
    assert_true(str_eq(last(w)->name, STR("ResourceValidationException")));
}

static void a_deregistration_ends_both_sessions(void **state)
{
    struct world *w = *state;
    struct str arn = stage_instance(w);
    struct step step;

    world_connect(w, "demo", arn);
    stage_tcs_connect(w, "demo", arn);
    world_begin(w, &step);
    sessions_end(&step, stage_find_instance(w, arn), STR("deregistered"));
    world_finish(w, &step);
    assert_int_equal(w->sent[w->sent_n - 2].kind, EFFECT_CLOSE);
    assert_int_equal(last(w)->kind, EFFECT_CLOSE);
    assert_false(instance_is_connected(stage_find_instance(w, arn)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(an_agent_is_let_in_by_name_or_arn),
        STAGE_TEST(strangers_are_refused),
        STAGE_TEST(a_deregistered_instance_is_told_so),
        STAGE_TEST(a_draining_instance_stays_connected),
        STAGE_TEST(versions_come_from_the_connection_and_are_kept),
        STAGE_TEST(coming_and_going_raise_the_version),
        STAGE_TEST(a_newer_session_replaces_the_older),
        STAGE_TEST(connectivity_of_a_task_is_its_agents),
        STAGE_TEST(the_manifest_comes_first_and_names_everything),
        STAGE_TEST(many_tasks_come_in_parcels_of_ten),
        STAGE_TEST(what_was_not_acknowledged_is_sent_again),
        STAGE_TEST(a_late_acknowledgement_is_of_its_own_message),
        STAGE_TEST(odd_acknowledgements_are_ignored),
        STAGE_TEST(a_stop_while_away_is_delivered_on_return),
        STAGE_TEST(numbers_only_grow_through_a_restart),
        STAGE_TEST(after_a_restart_a_running_task_is_not_sent_again),
        STAGE_TEST(only_what_should_not_run_is_confirmed),
        STAGE_TEST(a_refused_update_has_failed),
        STAGE_TEST(health_is_recorded_when_it_changes),
        STAGE_TEST(health_of_another_hosts_task_is_not_believed),
        STAGE_TEST(every_publication_is_answered),
        STAGE_TEST(what_a_running_task_uses_is_told_to_the_shell),
        STAGE_TEST(use_of_another_hosts_task_is_not_believed),
        STAGE_TEST(the_state_of_a_container_runtime_is_shown_with_its_instance),
        STAGE_TEST(a_newer_telemetry_session_replaces_the_older),
        STAGE_TEST(strangers_get_no_telemetry_session),
        STAGE_TEST(a_deregistration_ends_both_sessions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
