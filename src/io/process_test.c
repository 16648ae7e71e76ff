#include "io/process.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "io/file.h"
#include "io/loop.h"

struct child {
    struct loop *loop;
    struct process *process;
    struct process_end end;
};

static void on_end(void *user, struct process_end end)
{
    struct child *child = user;

    child->end = end;
    process_free(child->process);
    child->process = NULL;
    loop_stop(child->loop);
}

static struct process_spec shell(const char *const argv[])
{
    return (struct process_spec){.argv = argv, .stdin_fd = -1, .stdout_fd = -1, .stderr_fd = -1};
}

static void exit_codes_come_back(void **state)
{
    struct child child = {0};
    struct process_spec spec = shell((const char *const[]){"sh", "-c", "exit 7", NULL});
    (void)state;

    assert_int_equal(loop_open(&child.loop), 0);
    assert_int_equal(process_spawn(child.loop, &spec, on_end, &child, &child.process), 0);
    loop_run(child.loop);
    assert_int_equal(child.end.exit_code, 7);
    assert_int_equal(child.end.signal, 0);
    loop_close(child.loop);
}

static void output_environment_and_folder_are_as_given(void **state)
{
    struct child child = {0};
    struct process_spec spec = shell((const char *const[]){"sh", "-c", "echo $A $(pwd)", NULL});
    int fds[2];
    char got[64] = "";
    (void)state;

    assert_int_equal(loop_open(&child.loop), 0);
    assert_int_equal(pipe(fds), 0);
    spec.env = (const char *const[]){"A=hello", "PATH=/usr/bin:/bin", NULL};
    spec.cwd = "/";
    spec.stdout_fd = fds[1];
    assert_int_equal(process_spawn(child.loop, &spec, on_end, &child, &child.process), 0);
    loop_run(child.loop);
    assert_int_equal(child.end.exit_code, 0);
    assert_true(read(fds[0], got, sizeof got - 1) > 0);
    assert_string_equal(got, "hello /\n");
    close(fds[0]);
    close(fds[1]);
    loop_close(child.loop);
}

static void a_killed_group_tells_its_signal(void **state)
{
    struct child child = {0};
    struct process_spec spec = shell((const char *const[]){"sleep", "1000", NULL});
    (void)state;

    assert_int_equal(loop_open(&child.loop), 0);
    spec.own_session = true;
    assert_int_equal(process_spawn(child.loop, &spec, on_end, &child, &child.process), 0);
    assert_int_equal(getsid(process_pid(child.process)), process_pid(child.process));
    assert_int_equal(process_kill_group(child.process, SIGTERM), 0);
    loop_run(child.loop);
    assert_int_equal(child.end.signal, SIGTERM);
    loop_close(child.loop);
}

static void never(void *user, struct process_end end)
{
    (void)user;
    (void)end;
    fail();
}

static void one_that_is_forgotten_leaves_no_zombie(void **state)
{
    struct process_spec spec = shell((const char *const[]){"sleep", "1000", NULL});
    struct process *process = NULL;
    struct loop *loop = NULL;
    siginfo_t info = {0};
    pid_t pid;
    (void)state;

    assert_int_equal(loop_open(&loop), 0);
    assert_int_equal(process_spawn(loop, &spec, never, NULL, &process), 0);
    pid = process_pid(process);
    assert_int_equal(process_kill(process, SIGKILL), 0);
    process_free(process);
    assert_int_equal(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0); // it has ended
    loop_run_once(loop, 1000);
    assert_int_equal(waitpid(pid, NULL, WNOHANG), -1);
    loop_close(loop);
}

static void one_that_is_forgotten_may_outlive_the_loop(void **state)
{
    struct process_spec spec = shell((const char *const[]){"sleep", "1000", NULL});
    struct process *process = NULL;
    struct loop *loop = NULL;
    pid_t pid;
    (void)state;

    assert_int_equal(loop_open(&loop), 0);
    assert_int_equal(process_spawn(loop, &spec, never, NULL, &process), 0);
    pid = process_pid(process);
    process_free(process);
    loop_close(loop);
    assert_int_equal(kill(pid, SIGKILL), 0);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void a_process_is_reached_by_its_descriptor(void **state)
{
    struct child child = {0};
    struct process_spec spec = shell((const char *const[]){"sleep", "1000", NULL});
    int fd = -1;
    (void)state;

    assert_int_equal(loop_open(&child.loop), 0);
    assert_int_equal(process_spawn(child.loop, &spec, on_end, &child, &child.process), 0);
    assert_int_equal(process_open(process_pid(child.process), &fd), 0);
    assert_false(process_is_in_cgroup(process_pid(child.process), STR("no such group")));
    assert_true(process_is_in_cgroup(process_pid(child.process), STR("/")));
    assert_int_equal(process_signal(fd, SIGHUP), 0);
    loop_run(child.loop);
    assert_int_equal(child.end.signal, SIGHUP);
    assert_true(process_signal(fd, SIGHUP) < 0); // its number may be another's by now
    close(fd);
    loop_close(child.loop);
}

static void a_program_that_is_not_there_is_said(void **state)
{
    struct child child = {0};
    struct process_spec spec = shell((const char *const[]){"/no/such/program", NULL});
    (void)state;

    assert_int_equal(loop_open(&child.loop), 0);
    assert_int_equal(process_spawn(child.loop, &spec, on_end, &child, &child.process), -ENOENT);
    loop_close(child.loop);
}

static void descriptors_are_raised_to_what_the_system_allows(void **state)
{
    struct rlimit before;
    struct rlimit low;
    struct rlimit now;
    (void)state;

    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    low = before;
    low.rlim_cur = 64;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    assert_true(process_raise_descriptors() == (int64_t)before.rlim_max);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &now), 0);
    assert_true(now.rlim_cur == before.rlim_max);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_codes_come_back),
        cmocka_unit_test(output_environment_and_folder_are_as_given),
        cmocka_unit_test(a_killed_group_tells_its_signal),
        cmocka_unit_test(one_that_is_forgotten_leaves_no_zombie),
        cmocka_unit_test(one_that_is_forgotten_may_outlive_the_loop),
        cmocka_unit_test(a_process_is_reached_by_its_descriptor),
        cmocka_unit_test(a_program_that_is_not_there_is_said),
        cmocka_unit_test(descriptors_are_raised_to_what_the_system_allows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
