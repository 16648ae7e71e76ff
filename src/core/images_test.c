// One revision of a service, one digest an image, whoever resolved it first.

#include "core/payload.h"
#include "model/task.h"
#include "tests/support/services.h"
#include "tests/support/stage.h"

#define DIGEST_1 "sha256:1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST_2 "sha256:2222222222222222222222222222222222222222222222222222222222222222"

static struct str image_for(struct world *w, struct str task_arn)
{
    struct acs_task *view = arena_new(&w->arena, struct acs_task);
    struct step step;

    step_init(&step, &w->state, w->now, &w->rng, &w->arena);
    payload_task(&step, stage_find_task(w, task_arn), view);
    return view->containers.at[0].image;
}

static void resolve(struct world *w, struct str task_arn, const char *digest)
{
    struct str reply =
        world_callf(w, "SubmitTaskStateChange",
                    "{\"cluster\":\"demo\",\"task\":\"%.*s\",\"status\":\"PENDING\",\"containers\":"
                    "[{\"containerName\":\"main\",\"status\":\"PENDING\",\"imageDigest\":\"%s\"}]}",
                    STR_ARGS(task_arn), digest);

    EXPECT_STR(world_get(w, reply, "__type"), "");
}

static struct str revision_image(struct world *w, const char *member)
{
    struct str list =
        world_ok(w, "ListServiceDeployments", "{\"cluster\":\"demo\",\"service\":\"web\"}");
    struct str arn = world_get(w, list, "serviceDeployments.0.targetServiceRevisionArn");
    struct str reply = world_callf(w, "DescribeServiceRevisions",
                                   "{\"serviceRevisionArns\":[\"%.*s\"]}", STR_ARGS(arn));

    return world_get(w, reply,
                     arena_printf(&w->arena, "serviceRevisions.0.containerImages.0.%s", member));
}

static void begin(struct world *w, const char *more)
{
    launch_add_instance(w, "i1", 8192, 16384, "[]");
    launch_add_definition(
        w, "app",
        arena_printf(&w->arena,
                     "{\"containerDefinitions\":[{\"name\":\"main\",\"image\":"
                     "\"registry.example:5000/app:1\",\"memory\":64,\"essential\":true%s}],"
                     "\"compatibilities\":[\"EC2\"]}",
                     more));
    service_create(w, "app", ",\"desiredCount\":2");
}

static void the_first_task_that_resolves_an_image_pins_it_for_the_rest(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];

    begin(w, "");
    assert_int_equal(service_tasks(w, "RUNNING", arns), 2);
    EXPECT_STR(image_for(w, arns[0]), "registry.example:5000/app:1");
    EXPECT_STR(revision_image(w, "imageDigest"), "");
    resolve(w, arns[0], DIGEST_1);
    EXPECT_STR(revision_image(w, "imageDigest"), DIGEST_1);
    EXPECT_STR(revision_image(w, "image"), "registry.example:5000/app:1");
    EXPECT_STR(image_for(w, arns[1]), "registry.example:5000/app@" DIGEST_1);
    resolve(w, arns[1], DIGEST_2); // it had been told before: the first one holds
    EXPECT_STR(revision_image(w, "imageDigest"), DIGEST_1);
}

static void a_forced_deployment_resolves_anew(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];

    begin(w, "");
    service_tasks(w, "RUNNING", arns);
    resolve(w, arns[0], DIGEST_1);
    service_settle(w);
    service_update(w, ",\"forceNewDeployment\":true");
    EXPECT_STR(revision_image(w, "imageDigest"), "");
}

static void who_opts_out_is_not_pinned(void **state)
{
    struct world *w = *state;
    struct str arns[SERVICE_TASKS_MAX];

    begin(w, ",\"versionConsistency\":\"disabled\"");
    service_tasks(w, "RUNNING", arns);
    resolve(w, arns[0], DIGEST_1);
    EXPECT_STR(revision_image(w, "imageDigest"), "");
    EXPECT_STR(image_for(w, arns[1]), "registry.example:5000/app:1");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        LAUNCH_TEST(the_first_task_that_resolves_an_image_pins_it_for_the_rest),
        LAUNCH_TEST(a_forced_deployment_resolves_anew),
        LAUNCH_TEST(who_opts_out_is_not_pinned),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
