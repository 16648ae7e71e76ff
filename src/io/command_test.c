#include "base/test.h"

#include "base/mem.h"
#include "io/command.h"
#include "io/loop.h"

struct heard {
    struct arena arena;
    struct loop *loop;
    int times;
    bool did_well;
    bool timed_out;
    int exit_code;
    struct str out, err;
};

static void hear(void *user, const struct command_result *result)
{
    struct heard *heard = user;

    heard->times++;
    heard->did_well = command_did_well(result);
    heard->timed_out = result->timed_out;
    heard->exit_code = result->end.exit_code;
    heard->out = str_copy(&heard->arena, result->out);
    heard->err = str_copy(&heard->arena, result->err);
    loop_stop(heard->loop);
}

static struct heard run(const char *script, const char *input, int64_t patience_ms)
{
    const char *argv[] = {"sh", "-c", script, NULL};
    struct command_spec spec = {
        .argv = argv, .input = str_of(input), .output_max = 100, .patience_ms = patience_ms};
    struct heard heard = {0};
    struct command *command;

    assert_int_equal(loop_open(&heard.loop), 0);
    assert_int_equal(command_start(heard.loop, &spec, hear, &heard, &command), 0);
    loop_run(heard.loop);
    loop_close(heard.loop);
    return heard;
}

static void what_it_is_given_comes_back_on_both_streams(void **state)
{
    struct heard heard = run("cat; echo problem >&2", "hello", 30000);
    (void)state;

    assert_true(heard.did_well);
    EXPECT_STR(heard.out, "hello");
    EXPECT_STR(heard.err, "problem\n");
    arena_deinit(&heard.arena);
}

static void an_exit_code_is_told(void **state)
{
    struct heard heard = run("exit 7", "", 30000);
    (void)state;

    assert_false(heard.did_well);
    assert_int_equal(heard.exit_code, 7);
    arena_deinit(&heard.arena);
}

static void input_that_nobody_reads_does_no_harm(void **state)
{
    struct heard heard = run("exec <&-; echo done", "hello", 30000);
    (void)state;

    EXPECT_STR(heard.out, "done\n");
    arena_deinit(&heard.arena);
}

static void of_too_much_output_the_beginning_is_given(void **state)
{
    struct heard heard = run("seq 1 1000", "", 30000);
    (void)state;

    assert_int_equal(heard.out.len, 100);
    arena_deinit(&heard.arena);
}

static void one_that_takes_too_long_is_killed_with_its_children(void **state)
{
    struct heard heard = run("sleep 600 & wait", "", 50);
    (void)state;

    assert_true(heard.timed_out);
    assert_false(heard.did_well);
    arena_deinit(&heard.arena);
}

static void a_cancelled_one_is_not_heard_of(void **state)
{
    const char *argv[] = {"sleep", "600", NULL};
    struct command_spec spec = {.argv = argv, .patience_ms = 60000};
    struct heard heard = {0};
    struct command *command;
    (void)state;

    assert_int_equal(loop_open(&heard.loop), 0);
    assert_int_equal(command_start(heard.loop, &spec, hear, &heard, &command), 0);
    command_cancel(command);
    loop_run_once(heard.loop, 0);
    assert_int_equal(heard.times, 0);
    loop_close(heard.loop);
}

static void a_program_that_is_not_there_is_a_fault(void **state)
{
    const char *argv[] = {"/nonexistent/program", NULL};
    struct command_spec spec = {.argv = argv, .patience_ms = 60000};
    struct heard heard = {0};
    struct command *command;
    (void)state;

    assert_int_equal(loop_open(&heard.loop), 0);
    assert_int_equal(command_start(heard.loop, &spec, hear, &heard, &command), -ENOENT);
    loop_close(heard.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_it_is_given_comes_back_on_both_streams),
        cmocka_unit_test(an_exit_code_is_told),
        cmocka_unit_test(input_that_nobody_reads_does_no_harm),
        cmocka_unit_test(of_too_much_output_the_beginning_is_given),
        cmocka_unit_test(one_that_takes_too_long_is_killed_with_its_children),
        cmocka_unit_test(a_cancelled_one_is_not_heard_of),
        cmocka_unit_test(a_program_that_is_not_there_is_a_fault),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
