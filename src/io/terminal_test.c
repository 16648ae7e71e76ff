#include "io/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/test.h"

enum { MUCH = 512 * 1024 }; // more than a pipe holds

static void copy_slowly(int fd, size_t len)
{
    char bytes[4096];
    size_t got = 0;

    usleep(20 * 1000);
    while (got < len) {
        ssize_t n = read(fd, bytes, sizeof bytes);

        if (n <= 0)
            break;
        got += (size_t)n;
    }
    _exit(got == len ? 0 : 1);
}

static void what_does_not_wait_is_waited_for(void **state)
{
    MEM_AUTO char *bytes = mem_zalloc(MUCH);
    int fds[2];
    int status;
    pid_t reader;
    (void)state;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
    reader = fork();
    assert_true(reader >= 0);
    if (reader == 0)
        copy_slowly(fds[0], MUCH);
    close(fds[0]);
    assert_int_equal(terminal_write(fds[1], bytes, MUCH), 0);
    close(fds[1]);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    assert_int_equal(status, 0);
}

static void a_reader_that_is_gone_is_told(void **state)
{
    int fds[2];
    (void)state;

    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(terminal_write(fds[1], "x", 1), -EPIPE);
    close(fds[1]);
}

static void the_end_is_no_byte(void **state)
{
    char byte;
    int fds[2];
    (void)state;

    assert_int_equal(pipe(fds), 0);
    assert_int_equal(write(fds[1], "x", 1), 1);
    close(fds[1]);
    assert_int_equal(terminal_read(fds[0], &byte, 1), 1);
    assert_int_equal(terminal_read(fds[0], &byte, 1), 0);
    close(fds[0]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_does_not_wait_is_waited_for),
        cmocka_unit_test(a_reader_that_is_gone_is_told),
        cmocka_unit_test(the_end_is_no_byte),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
