#include "model/account_setting.h"
#include "ops/authorize.h"
#include "tests/support/stage.h"

#define INVALID "InvalidParameterException"
#define ROOT    "arn:aws:iam::123456789012:root"
#define DEV     "arn:aws:iam::123456789012:user/dev"

static void a_setting_is_set_shown_and_taken_back(void **state)
{
    struct world *w = *state;

    EXPECT_REPLY(w, "ListAccountSettings", "{}", "{\"settings\":[]}");
    EXPECT_REPLY(w, "PutAccountSetting",
                 "{\"name\":\"containerInsights\",\"value\":\"enhanced\",\"principalArn\":\"" DEV
                 "\"}",
                 "{\"setting\":{\"name\":\"containerInsights\",\"principalArn\":\"" DEV
                 "\",\"type\":\"user\",\"value\":\"enhanced\"}}");
    EXPECT_REPLY(w, "ListAccountSettings", "{\"principalArn\":\"" DEV "\"}",
                 "{\"settings\":[{\"name\":\"containerInsights\",\"principalArn\":\"" DEV
                 "\",\"type\":\"user\",\"value\":\"enhanced\"}]}");
    world_restart(w);
    EXPECT_REPLY(w, "DeleteAccountSetting",
                 "{\"name\":\"containerInsights\",\"principalArn\":\"" DEV "\"}",
                 "{\"setting\":{\"name\":\"containerInsights\",\"principalArn\":\"" DEV
                 "\",\"type\":\"user\",\"value\":\"enhanced\"}}");
    EXPECT_REPLY(w, "ListAccountSettings", "{\"principalArn\":\"" DEV "\"}", "{\"settings\":[]}");
    EXPECT_REPLY(w, "DeleteAccountSetting", "{\"name\":\"containerInsights\"}",
                 "{\"setting\":{\"name\":\"containerInsights\",\"principalArn\":\"*\",\"type\":"
                 "\"user\",\"value\":\"disabled\"}}");
}

static void the_accounts_value_holds_for_all_that_say_nothing(void **state)
{
    struct world *w = *state;
    const char *effective = "{\"name\":\"awsvpcTrunking\",\"effectiveSettings\":true,"
                            "\"principalArn\":\"" DEV "\"}";

    EXPECT_STR(world_get(w, world_call(w, "ListAccountSettings", effective), "settings.0.value"),
               "disabled");
    EXPECT_REPLY(w, "PutAccountSettingDefault",
                 "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\"}",
                 "{\"setting\":{\"name\":\"awsvpcTrunking\",\"principalArn\":\"" ROOT
                 "\",\"type\":\"user\",\"value\":\"enabled\"}}");
    EXPECT_STR(world_get(w, world_call(w, "ListAccountSettings", effective), "settings.0.value"),
               "enabled");
    world_ok(w, "PutAccountSetting",
             "{\"name\":\"awsvpcTrunking\",\"value\":\"disabled\",\"principalArn\":\"" DEV "\"}");
    EXPECT_STR(world_get(w, world_call(w, "ListAccountSettings", effective), "settings.0.value"),
               "disabled");
}

static void all_settings_come_in_pages(void **state)
{
    struct world *w = *state;
    struct str page = world_call(w, "ListAccountSettings", "{\"effectiveSettings\":true}");
    struct str next;

    EXPECT_STR(world_get(w, page, "settings.0.name"), "serviceLongArnFormat");
    EXPECT_STR(world_get(w, page, "settings.0.value"), "enabled");
    EXPECT_STR(world_get(w, page, "settings.8.name"), "guardDutyActivate");
    EXPECT_STR(world_get(w, page, "settings.8.type"), "aws_managed");
    EXPECT_STR(world_get(w, page, "settings.9.value"), "non-blocking");
    next = world_get(w, page, "nextToken");
    page = world_callf(w, "ListAccountSettings",
                       "{\"effectiveSettings\":true,\"nextToken\":\"%.*s\"}", STR_ARGS(next));
    EXPECT_STR(world_get(w, page, "settings.0.name"), "fargateEventWindows");
    EXPECT_STR(world_get(w, page, "nextToken"), "");
    page = world_call(w, "ListAccountSettings",
                      "{\"effectiveSettings\":true,\"name\":\"containerInsights\","
                      "\"value\":\"enabled\"}");
    EXPECT_JSON(w, page, "{\"settings\":[]}");
}

static void what_cannot_be_is_refused(void **state)
{
    struct world *w = *state;

    EXPECT_ERROR(w, "PutAccountSetting", "{\"name\":\"unknown\",\"value\":\"enabled\"}", INVALID,
                 "unknown should be one of [serviceLongArnFormat,taskLongArnFormat,"
                 "containerInstanceLongArnFormat,awsvpcTrunking,containerInsights,"
                 "fargateFIPSMode,tagResourceAuthorization,fargateTaskRetirementWaitPeriod,"
                 "guardDutyActivate,defaultLogDriverMode,fargateEventWindows]");
    EXPECT_ERROR(w, "PutAccountSetting", "{\"name\":\"containerInsights\",\"value\":\"yes\"}",
                 INVALID, "value should be one of [enhanced,enabled,disabled]");
    EXPECT_ERROR(w, "PutAccountSettingDefault",
                 "{\"name\":\"taskLongArnFormat\",\"value\":\"disabled\"}", INVALID,
                 "Opting out of taskLongArnFormat is no longer possible.");
    EXPECT_ERROR(w, "PutAccountSetting", "{\"name\":\"guardDutyActivate\",\"value\":\"on\"}",
                 INVALID, "guardDutyActivate is managed by AWS and can not be changed.");
    EXPECT_ERROR(w, "PutAccountSetting",
                 "{\"name\":\"fargateTaskRetirementWaitPeriod\",\"value\":\"14\","
                 "\"principalArn\":\"" DEV "\"}",
                 INVALID, "fargateTaskRetirementWaitPeriod can only be set for the account.");
    EXPECT_ERROR(w, "PutAccountSetting",
                 "{\"name\":\"containerInsights\",\"value\":\"enabled\",\"principalArn\":\"me\"}",
                 INVALID, "Invalid principalArn: me");
    EXPECT_ERROR(w, "ListAccountSettings", "{\"value\":\"enabled\"}", INVALID,
                 "You must specify an account setting name to filter by value.");
}

// What a task that uses its role's keys gets to see.
static void the_session_of_a_role_has_the_accounts_settings(void **state)
{
    static struct str actions[] = {STR_INIT("ecs:*AccountSetting*")};
    static const struct role_grant grants[] = {
        {.actions = {.n = 1, .at = actions}, .cluster = STR_INIT("*")}};
    static const struct role_caller role = {.grants = grants, .grants_n = 1};
    struct world *w = *state;

    world_ok(w, "PutAccountSettingDefault", "{\"name\":\"awsvpcTrunking\",\"value\":\"enabled\"}");
    w->role = &role;
    w->principal = STR("arn:aws:sts::123456789012:assumed-role/app/0123");
    EXPECT_REPLY(w, "ListAccountSettings", "{}",
                 "{\"settings\":[{\"name\":\"awsvpcTrunking\",\"principalArn\":\"" ROOT
                 "\",\"type\":\"user\",\"value\":\"enabled\"}]}");
    EXPECT_ERROR(w, "PutAccountSetting", "{\"name\":\"awsvpcTrunking\",\"value\":\"disabled\"}",
                 INVALID, "Invalid principalArn: arn:aws:sts::123456789012:assumed-role/app/0123");
}

static void a_new_cluster_has_the_accounts_insights(void **state)
{
    struct world *w = *state;

    world_ok(w, "PutAccountSettingDefault",
             "{\"name\":\"containerInsights\",\"value\":\"enhanced\"}");
    EXPECT_STR(world_get(w, world_ok(w, "CreateCluster", "{\"clusterName\":\"new\"}"),
                         "cluster.settings.0.value"),
               "enhanced");
    EXPECT_STR(world_get(w,
                         world_ok(w, "CreateCluster",
                                  "{\"clusterName\":\"other\",\"settings\":[{\"name\":"
                                  "\"containerInsights\",\"value\":\"disabled\"}]}"),
                         "cluster.settings.0.value"),
               "disabled");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(a_setting_is_set_shown_and_taken_back),
        STAGE_TEST(the_accounts_value_holds_for_all_that_say_nothing),
        STAGE_TEST(all_settings_come_in_pages),
        STAGE_TEST(what_cannot_be_is_refused),
        STAGE_TEST(the_session_of_a_role_has_the_accounts_settings),
        STAGE_TEST(a_new_cluster_has_the_accounts_insights),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
