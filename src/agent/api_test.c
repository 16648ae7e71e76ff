#include "agent/api.h"

#include <stdlib.h>
#include <unistd.h>

#include "agent/puppet_testing.h"
#include "io/file.h"

struct test {
    struct puppet puppet;
    int done;
    enum api_result_kind kind;
    bool may_pass;
    struct str type;
    struct str message;
    struct str reply;
};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){0};
    *state = &test;
    puppet_open(&test.puppet);
    return 0;
}

static int teardown(void **state)
{
    puppet_close(&((struct test *)*state)->puppet);
    return 0;
}

static void on_done(void *user, const struct api_result *result)
{
    struct test *test = user;
    const struct ecs_discover_poll_endpoint_response *reply = result->reply;

    test->done++;
    test->kind = result->kind;
    test->may_pass = api_may_pass(result);
    test->type = str_copy(&test->puppet.arena, result->type);
    test->message = str_copy(&test->puppet.arena, result->message);
    if (reply != NULL)
        test->reply = str_copy(&test->puppet.arena, reply->endpoint);
}

static struct api_call *ask(struct test *test, struct api *api, unsigned attempts)
{
    struct ecs_discover_poll_endpoint_request request = {0};

    SET(&request, cluster, STR("blue"));
    return api_send(api, ECS_OPERATION_DISCOVER_POLL_ENDPOINT, &request, attempts, on_done, test);
}

static void answered(struct test *test, int status, const char *body)
{
    test->done = 0;
    puppet_will_answer(&test->puppet, NULL, status, body);
    ask(test, test->puppet.api, 1);
    assert_int_equal(test->done, 0); // never from inside
    puppet_await(&test->puppet, &test->done, 1);
}

static void a_reply_is_the_operations_own(void **state)
{
    struct test *test = *state;

    answered(test, 200, "{\"endpoint\":\"http://here\",\"unheardOf\":[1]}");
    assert_int_equal(test->kind, API_OK);
    EXPECT_STR(test->reply, "http://here");
    EXPECT_STR(test->puppet.body, "{\"cluster\":\"blue\"}");
    EXPECT_STR(buf_str(&test->puppet.operations), "DiscoverPollEndpoint ");
}

static void an_error_of_the_api_is_a_refusal(void **state)
{
    static const struct {
        int status;
        const char *body;
        bool may_pass;
    } rows[] = {
        {400, "{\"__type\":\"ClientException\",\"message\":\"m\"}", false},
        {400, "{\"__type\":\"ThrottlingException\",\"message\":\"m\"}", true},
        {400, "{\"__type\":\"LimitExceededException\",\"message\":\"m\"}", true},
        {500, "{\"__type\":\"ServerException\",\"message\":\"m\"}", true},
    };
    struct test *test = *state;

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        answered(test, rows[i].status, rows[i].body);
        assert_int_equal(test->kind, API_REFUSED);
        assert_int_equal(test->may_pass, rows[i].may_pass);
        assert_true(str_ends(test->type, STR("Exception")));
        EXPECT_STR(test->message, "m");
    }
}

static void what_is_not_the_api_may_become_it(void **state)
{
    struct test *test = *state;

    answered(test, 404, "<html>nothing here</html>");
    assert_int_equal(test->kind, API_UNREACHABLE);
    EXPECT_STR(test->message, "<html>nothing here</html>");
    answered(test, 200, "<html>welcome</html>");
    assert_int_equal(test->kind, API_UNREACHABLE);
    assert_true(test->may_pass);
}

static void nobody_there_is_unreachable(void **state)
{
    struct test *test = *state;
    struct str why = STR_NONE;
    struct api *api;

    test->puppet.config.endpoint = STR("http://127.0.0.1:1");
    api = api_new(test->puppet.loop, &test->puppet.config, &test->puppet.arena, &why);
    ask(test, api, 1);
    puppet_await(&test->puppet, &test->done, 1);
    assert_int_equal(test->kind, API_UNREACHABLE);
    assert_true(puppet_has(test->message, "refused"));
    api_free(api);
}

static void attempts_are_made_until_one_goes_well(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, NULL, 503, "");
    puppet_will_answer(&test->puppet, NULL, 200, "{}");
    ask(test, test->puppet.api, 5);
    puppet_await(&test->puppet, &test->done, 1);
    assert_int_equal(test->kind, API_OK);
    assert_int_equal(test->puppet.calls, 2);
}

static void attempts_come_to_an_end(void **state)
{
    struct test *test = *state;

    ask(test, test->puppet.api, 2);
    puppet_await(&test->puppet, &test->done, 1);
    assert_int_equal(test->kind, API_REFUSED);
    assert_int_equal(test->puppet.calls, 2);
}

static void a_refusal_that_stays_is_not_repeated(void **state)
{
    struct test *test = *state;

    puppet_will_answer(&test->puppet, NULL, 400, "{\"__type\":\"ClientException\"}");
    ask(test, test->puppet.api, 5);
    puppet_await(&test->puppet, &test->done, 1);
    assert_int_equal(test->puppet.calls, 1);
}

static void a_cancelled_call_is_silent(void **state)
{
    struct test *test = *state;

    api_cancel(ask(test, test->puppet.api, 1));
    answered(test, 200, "{}");
    assert_int_equal(test->done, 1);
    api_cancel(NULL);
}

static void write_keys(const char *path, const char *key_id)
{
    BUF_AUTO struct buf text = BUF_INIT;

    buf_printf(&text, "[default]\naws_access_key_id=%s\naws_secret_access_key=s\n", key_id);
    assert_int_equal(file_write_atomic(path, buf_str(&text), 0600), 0);
}

static void keys_that_are_refused_are_read_again(void **state)
{
    struct test *test = *state;
    char folder[] = "/tmp/api_test.XXXXXX";
    struct str why = STR_NONE;
    const char *path;
    struct api *api;

    assert_non_null(mkdtemp(folder));
    path = arena_printf(&test->puppet.arena, "%s/keys", folder);
    test->puppet.config.credentials_file = path;
    write_keys(path, "AKIAOLD");
    api = api_new(test->puppet.loop, &test->puppet.config, &test->puppet.arena, &why);
    write_keys(path, "AKIANEW");
    puppet_will_answer(&test->puppet, NULL, 400, "{\"__type\":\"UnrecognizedClientException\"}");
    ask(test, api, 1);
    puppet_await(&test->puppet, &test->done, 1);
    assert_true(puppet_has(test->puppet.authorization, "=AKIAOLD/"));
    puppet_will_answer(&test->puppet, NULL, 200, "{}");
    ask(test, api, 1);
    puppet_await(&test->puppet, &test->done, 2);
    assert_true(puppet_has(test->puppet.authorization, "=AKIANEW/"));
    api_free(api);
    unlink(path);
    rmdir(folder);
}

static void an_endpoint_must_be_a_url(void **state)
{
    struct test *test = *state;
    struct str why = STR_NONE;

    test->puppet.config.endpoint = STR("http://");
    assert_null(api_new(test->puppet.loop, &test->puppet.config, &test->puppet.arena, &why));
    EXPECT_STR(why, "the endpoint 'http://' is not a URL");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_reply_is_the_operations_own),         CASE(an_error_of_the_api_is_a_refusal),
        CASE(what_is_not_the_api_may_become_it),     CASE(nobody_there_is_unreachable),
        CASE(attempts_are_made_until_one_goes_well), CASE(attempts_come_to_an_end),
        CASE(a_refusal_that_stays_is_not_repeated),  CASE(a_cancelled_call_is_silent),
        CASE(keys_that_are_refused_are_read_again),  CASE(an_endpoint_must_be_a_url),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
