// See services.h.

#include "tests/support/services.h"

void service_create(struct world *w, const char *definition, const char *more)
{
    struct str reply = world_callf(w, "CreateService",
                                   "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                   "\"taskDefinition\":\"%s\"%s}",
                                   definition, more);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

void service_update(struct world *w, const char *more)
{
    struct str reply =
        world_callf(w, "UpdateService", "{\"cluster\":\"demo\",\"service\":\"web\"%s}", more);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

struct str service_get_member(struct world *w, const char *path)
{
    struct str reply =
        world_ok(w, "DescribeServices", "{\"cluster\":\"demo\",\"services\":[\"web\"]}");

    return world_get(w, reply, arena_printf(&w->arena, "services.0.%s", path));
}

int service_tasks(struct world *w, const char *desired, struct str *arns)
{
    struct str list = world_callf(w, "ListTasks",
                                  "{\"cluster\":\"demo\",\"serviceName\":\"web\","
                                  "\"desiredStatus\":\"%s\"}",
                                  desired);
    int n = 0;

    for (; n < SERVICE_TASKS_MAX; n++) {
        arns[n] = world_get(w, list, arena_printf(&w->arena, "taskArns.%d", n));
        if (arns[n].len == 0)
            break;
    }
    return n;
}

struct str service_task_member(struct world *w, struct str arn, const char *path)
{
    struct str reply = world_callf(w, "DescribeTasks",
                                   "{\"cluster\":\"demo\",\"tasks\":[\"%.*s\"]}", STR_ARGS(arn));

    return world_get(w, reply, arena_printf(&w->arena, "tasks.0.%s", path));
}

int service_count(struct world *w, const char *definition)
{
    struct str arns[SERVICE_TASKS_MAX];
    int n = service_tasks(w, "RUNNING", arns);
    int found = 0;

    for (int i = 0; i < n; i++) {
        struct str made_of = service_task_member(w, arns[i], "taskDefinitionArn");
        struct str head;
        struct str name;

        found += str_cut_last(made_of, '/', &head, &name) && str_eq(name, str_of(definition));
    }
    return found;
}

void service_report(struct world *w, struct str arn, const char *status)
{
    struct str reply = world_callf(w, "SubmitTaskStateChange",
                                   "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"%s\"}",
                                   STR_ARGS(arn), status);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

void service_report_all(struct world *w, const char *desired, const char *status)
{
    struct str arns[SERVICE_TASKS_MAX];
    int n = service_tasks(w, desired, arns);

    for (int i = 0; i < n; i++)
        service_report(w, arns[i], status);
}

void service_settle(struct world *w)
{
    for (int round = 0; round < 8; round++) {
        service_report_all(w, "STOPPED", "STOPPED");
        service_report_all(w, "RUNNING", "RUNNING");
        world_advance(w, SERVICE_SETTLED_MS);
    }
}

void service_fail_pending(struct world *w)
{
    struct str arns[SERVICE_TASKS_MAX];
    int n = service_tasks(w, "RUNNING", arns);

    for (int i = 0; i < n; i++) {
        if (str_eq(service_task_member(w, arns[i], "lastStatus"), STR("PENDING")))
            service_report(w, arns[i], "STOPPED");
    }
}
