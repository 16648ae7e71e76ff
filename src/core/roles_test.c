#include "core/roles.h"
#include "model/instance.h"
#include "model/task.h"
#include "tests/support/stage.h"

#define MESSAGE "IAMRoleCredentialsMessage"

static const char both[] =
    "{\"taskRoleArn\":\"arn:aws:iam::123456789012:role/app\",\"executionRoleArn\":\"pull\","
    "\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\"}]}";

static struct str start(struct world *w, struct str instance, const char *definition,
                        const char *overrides)
{
    struct stage_plan plan = {.definition = stage_definition(w, "web", definition),
                              .overrides = overrides};

    return stage_task(w, instance, &plan);
}

static struct str connected(struct world *w)
{
    struct str arn = stage_instance(w);

    world_connect(w, "demo", arn);
    return arn;
}

static struct str of_payload(struct world *w, const char *member)
{
    return world_get(w, stage_last(w, "PayloadMessage"),
                     arena_printf(&w->arena, "tasks.0.%s", member));
}

static size_t messages_since(struct world *w, size_t from)
{
    return stage_sent(w, from, MESSAGE);
}

static void a_payload_announces_both_roles_and_no_secret(void **state)
{
    struct world *w = *state;

    start(w, connected(w), both, NULL);
    EXPECT_JSON(w, of_payload(w, "roleCredentials"),
                "{\"roleArn\":\"arn:aws:iam::123456789012:role/app\","
                "\"expiration\":\"2026-01-01T06:00:00Z\"}");
    EXPECT_JSON(w, of_payload(w, "executionRoleCredentials"),
                "{\"roleArn\":\"arn:aws:iam::123456789012:role/pull\","
                "\"expiration\":\"2026-01-01T06:00:00Z\"}");
}

static void an_override_names_another_role(void **state)
{
    struct world *w = *state;

    start(w, connected(w), both, "{\"taskRoleArn\":\"other\"}");
    EXPECT_STR(of_payload(w, "roleCredentials.roleArn"), "arn:aws:iam::123456789012:role/other");
}

static void a_task_without_roles_has_no_keys(void **state)
{
    struct world *w = *state;
    struct str instance = connected(w);

    start(w, instance, "{\"containerDefinitions\":[{\"name\":\"a\",\"image\":\"b\"}]}", NULL);
    EXPECT_STR(of_payload(w, "roleCredentials"), "");
    assert_int_equal(roles_next(&w->state), 0);
}

static void keys_are_renewed_before_they_end(void **state)
{
    struct world *w = *state;
    struct str arn = start(w, connected(w), both, NULL);
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    from = w->sent_n;
    world_advance(w, ROLE_KEYS_RENEW_MS - 1);
    assert_int_equal(messages_since(w, from), 0);
    world_advance(w, 1);
    assert_int_equal(messages_since(w, from), 2);
    EXPECT_JSON(w, stage_last(w, MESSAGE),
                "{\"messageId\":\"*\",\"taskArn\":\"*\",\"taskClusterArn\":"
                "\"arn:aws:ecs:us-east-1:123456789012:cluster/demo\","
                "\"roleType\":\"TaskExecution\",\"roleCredentials\":{\"roleArn\":"
                "\"arn:aws:iam::123456789012:role/pull\","
                "\"expiration\":\"2026-01-01T07:00:00Z\"}}");
    world_advance(w, ROLE_KEYS_RENEW_MS);
    assert_int_equal(messages_since(w, from), 4);
}

static void an_agent_that_starts_is_sent_the_keys_again(void **state)
{
    struct world *w = *state;
    struct str instance = connected(w);
    struct str arn = start(w, instance, both, NULL);
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    from = w->sent_n;
    world_connect(w, "demo", instance); // the same process: it has them
    assert_int_equal(messages_since(w, from), 0);
    w->sends_credentials = true;
    world_connect(w, "demo", instance);
    assert_int_equal(messages_since(w, from), 2);
}

static void an_agent_that_was_away_is_sent_what_it_missed(void **state)
{
    struct world *w = *state;
    struct str instance = connected(w);
    struct str arn = start(w, instance, both, NULL);
    session_id session = w->next_session - 1;
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    world_disconnect(w, session, instance);
    world_advance(w, 2 * ROLE_KEYS_RENEW_MS);
    from = w->sent_n;
    world_connect(w, "demo", instance);
    assert_int_equal(messages_since(w, from), 2);
}

static void after_a_restart_of_the_server_keys_are_sent_again(void **state)
{
    struct world *w = *state;
    struct str instance = connected(w);
    struct str arn = start(w, instance, both, NULL);
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    world_restart(w);
    from = w->sent_n;
    world_connect(w, "demo", instance);
    assert_int_equal(messages_since(w, from), 2);
}

static void a_stopped_task_gets_no_more_keys(void **state)
{
    struct world *w = *state;
    struct str arn = start(w, connected(w), both, NULL);
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    stage_submit(w, arn, "\"status\":\"STOPPED\"");
    from = w->sent_n;
    world_advance(w, ROLE_KEYS_RENEW_MS);
    assert_int_equal(messages_since(w, from), 0);
}

static void changed_keys_of_an_operator_go_to_every_agent(void **state)
{
    struct world *w = *state;
    struct str arn = start(w, connected(w), both, NULL);
    struct step step;
    size_t from;

    stage_submit(w, arn, "\"status\":\"RUNNING\"");
    from = w->sent_n;
    world_begin(w, &step);
    roles_changed(&step);
    world_finish(w, &step);
    world_advance(w, 0);
    assert_int_equal(messages_since(w, from), 2);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        STAGE_TEST(a_payload_announces_both_roles_and_no_secret),
        STAGE_TEST(an_override_names_another_role),
        STAGE_TEST(a_task_without_roles_has_no_keys),
        STAGE_TEST(keys_are_renewed_before_they_end),
        STAGE_TEST(an_agent_that_starts_is_sent_the_keys_again),
        STAGE_TEST(an_agent_that_was_away_is_sent_what_it_missed),
        STAGE_TEST(after_a_restart_of_the_server_keys_are_sent_again),
        STAGE_TEST(a_stopped_task_gets_no_more_keys),
        STAGE_TEST(changed_keys_of_an_operator_go_to_every_agent),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
