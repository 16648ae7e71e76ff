#include "wire/conn.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/test.h"
#include "io/file.h"
#include "io/loop.h"

// One connection on one end of a socket pair, the test on the other.
struct test {
    struct loop *loop;
    struct conn *conn;
    struct conn_config config;
    int peer;
    struct buf taken; // what on_data consumed
    bool takes;
    int opens, datas, drains, deadlines, closes;
    enum conn_end why;
    bool aborts;
};

static void on_open(void *user)
{
    ((struct test *)user)->opens++;
}

static void on_data(void *user)
{
    struct test *test = user;

    test->datas++;
    if (test->takes) {
        buf_add_str(&test->taken, conn_in(test->conn));
        conn_consume(test->conn, conn_in(test->conn).len);
    }
    if (test->aborts) {
        conn_abort(test->conn);
        test->conn = NULL;
    }
}

static void on_drain(void *user)
{
    ((struct test *)user)->drains++;
}

static void on_deadline(void *user)
{
    ((struct test *)user)->deadlines++;
}

static void on_close(void *user, enum conn_end why)
{
    struct test *test = user;

    test->closes++;
    test->why = why;
    test->conn = NULL;
}

static const struct conn_handler handler = {.on_open = on_open,
                                            .on_data = on_data,
                                            .on_drain = on_drain,
                                            .on_deadline = on_deadline,
                                            .on_close = on_close};

static int setup(void **state)
{
    static struct test test;

    test = (struct test){.config = conn_defaults, .takes = true, .peer = -1};
    *state = &test;
    return loop_open(&test.loop);
}

static void begin(struct test *test)
{
    struct conn_options options = {.config = &test->config, .handler = &handler, .user = test};
    struct socket_address nobody = {0};
    int fds[2];

    assert_int_equal(socket_pair(fds), 0);
    test->peer = fds[1];
    test->conn = conn_accept(test->loop, fds[0], &nobody, &options);
}

static int teardown(void **state)
{
    struct test *test = *state;

    conn_abort(test->conn);
    fd_close(&test->peer);
    loop_close(test->loop);
    buf_deinit(&test->taken);
    return 0;
}

static void run(struct test *test, int rounds)
{
    for (int i = 0; i < rounds; i++)
        loop_run_once(test->loop, 0);
}

static void wait_for(struct test *test, const int *flag)
{
    for (int i = 0; i < 1000 && *flag == 0; i++)
        loop_run_once(test->loop, 5);
    assert_int_equal(*flag, 1);
}

static void peer_sends(struct test *test, struct str bytes)
{
    assert_int_equal(send(test->peer, bytes.ptr, bytes.len, MSG_NOSIGNAL), bytes.len);
}

static void bytes_come_in_and_go_out(void **state)
{
    struct test *test = *state;
    char got[16] = "";

    begin(test);
    peer_sends(test, STR("ping"));
    run(test, 2);
    EXPECT_STR(buf_str(&test->taken), "ping");
    conn_write(test->conn, STR("po"));
    conn_write(test->conn, STR("ng"));
    assert_int_equal(read(test->peer, got, sizeof got), -1); // nothing leaves before the round ends
    run(test, 1);
    assert_int_equal(read(test->peer, got, sizeof got), 4); // and all in one write
    assert_string_equal(got, "pong");
}

static void a_full_input_makes_the_peer_wait(void **state)
{
    struct test *test = *state;
    char bytes[1000] = "";
    size_t sent = 0;
    ssize_t n;

    test->config.in_max = 4096;
    test->takes = false;
    begin(test);
    do {
        n = send(test->peer, bytes, sizeof bytes, MSG_NOSIGNAL);
        sent += n > 0 ? (size_t)n : 0;
        run(test, 1);
    } while (n > 0);
    assert_int_equal(errno, EAGAIN);
    assert_true(conn_in(test->conn).len >= 4096);
    assert_true(conn_in(test->conn).len < 4096 + 64 * 1024);
    test->takes = true;
    conn_resume(test->conn);
    for (int i = 0; i < 1000 && buf_len(&test->taken) < sent; i++)
        run(test, 1);
    assert_int_equal(buf_len(&test->taken), sent);
}

static void a_pause_holds_announcements_back(void **state)
{
    struct test *test = *state;

    begin(test);
    conn_pause(test->conn);
    peer_sends(test, STR("x"));
    run(test, 3);
    assert_int_equal(test->datas, 0);
    conn_resume(test->conn);
    run(test, 1);
    EXPECT_STR(buf_str(&test->taken), "x");
}

static void the_peers_end_is_told_and_can_be_answered(void **state)
{
    struct test *test = *state;
    char got[16];

    begin(test);
    peer_sends(test, STR("x"));
    shutdown(test->peer, SHUT_WR);
    run(test, 3);
    assert_true(conn_is_eof(test->conn));
    assert_int_equal(test->closes, 0);
    conn_write(test->conn, STR("still"));
    conn_finish(test->conn);
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_DONE);
    assert_int_equal(read(test->peer, got, sizeof got), 5);
    assert_int_equal(read(test->peer, got, sizeof got), 0);
}

static void finishing_waits_for_the_peer_but_not_for_ever(void **state)
{
    struct test *test = *state;
    char got[16];

    test->config.linger_ms = 10;
    begin(test);
    conn_write(test->conn, STR("bye"));
    conn_finish(test->conn);
    conn_write(test->conn, STR("ignored"));
    run(test, 2);
    peer_sends(test, STR("late bytes do not disturb"));
    assert_int_equal(read(test->peer, got, sizeof got), 3);
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_DONE);
    assert_int_equal(test->datas, 0);
}

static void a_peer_that_stops_reading_is_cut(void **state)
{
    struct test *test = *state;
    static char large[1024 * 1024];

    test->config.write_stall_ms = 10;
    begin(test);
    conn_write(test->conn, str_span(large, sizeof large));
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_STALLED);
}

static void draining_is_told(void **state)
{
    struct test *test = *state;
    static char large[1024 * 1024];

    begin(test);
    conn_write(test->conn, str_span(large, sizeof large));
    run(test, 2);
    assert_int_equal(test->drains, 0);
    while (conn_out_pending(test->conn) > 0) {
        assert_true(read(test->peer, large, sizeof large) > 0);
        run(test, 1);
    }
    assert_int_equal(test->drains, 1);
}

static void a_deadline_fires_once(void **state)
{
    struct test *test = *state;

    begin(test);
    conn_set_deadline(test->conn, 1);
    wait_for(test, &test->deadlines);
    run(test, 3);
    assert_int_equal(test->deadlines, 1);
    conn_set_deadline(test->conn, 1);
    conn_set_deadline(test->conn, 0);
    for (int i = 0; i < 3; i++)
        loop_run_once(test->loop, 1);
    assert_int_equal(test->deadlines, 1);
}

static void a_reset_is_told(void **state)
{
    struct test *test = *state;

    begin(test);
    conn_write(test->conn, STR("never read"));
    run(test, 1);
    fd_close(&test->peer);
    conn_write(test->conn, STR("more"));
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_RESET);
}

static void a_handler_may_abort(void **state)
{
    struct test *test = *state;

    test->aborts = true;
    begin(test);
    peer_sends(test, STR("x"));
    run(test, 3);
    assert_int_equal(test->datas, 1);
    assert_int_equal(test->closes, 0);
}

static void one_that_was_left_goes_with_the_loop(void **state)
{
    struct test *test = *state;

    begin(test);
    conn_leave(test->conn);
    test->conn = NULL;
    run(test, 2);
    assert_int_equal(test->closes, 0); // the sanitizer would tell of a leak at the end
}

static void connecting_to_nobody_is_refused(void **state)
{
    struct test *test = *state;
    struct conn_options options = {.handler = &handler, .user = test};
    struct socket_address address;
    int fd = -1;

    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, 1, &fd), 0);
    assert_int_equal(socket_local(fd, &address), 0);
    fd_close(&fd); // now nobody listens there
    test->conn = conn_connect(test->loop, &address, &options);
    assert_int_equal(test->closes, 0);
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_REFUSED);
    assert_true(socket_address_unix(STR("/nonexistent/socket"), &address));
    test->closes = 0;
    test->conn = conn_connect(test->loop, &address, &options);
    wait_for(test, &test->closes);
    assert_int_equal(test->why, CONN_END_REFUSED);
    assert_int_equal(test->opens, 0);
}

// The other direction goes on: what a program without more input still has to say.
static void our_end_may_come_before_the_peers(void **state)
{
    struct test *test = *state;
    char got[8] = "";

    begin(test);
    conn_write(test->conn, STR("last"));
    conn_end_output(test->conn);
    run(test, 3);
    assert_int_equal(recv(test->peer, got, sizeof got, 0), 4);
    assert_int_equal(recv(test->peer, got, sizeof got, 0), 0);
    peer_sends(test, STR("answer"));
    run(test, 3);
    EXPECT_STR(buf_str(&test->taken), "answer");
    assert_int_equal(test->closes, 0);
}

static void patience_with_a_peer_may_be_changed(void **state)
{
    struct test *test = *state;
    struct conn_config patient = conn_defaults;
    static char page[4 << 20];

    test->config.write_stall_ms = 20;
    begin(test);
    patient.write_stall_ms = 0;
    conn_set_config(test->conn, &patient);
    conn_write(test->conn, str_span(page, sizeof page));
    for (int i = 0; i < 10; i++)
        loop_run_once(test->loop, 5);
    assert_int_equal(test->closes, 0);
    assert_true(conn_out_pending(test->conn) > 0);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(bytes_come_in_and_go_out),
        CASE(a_full_input_makes_the_peer_wait),
        CASE(a_pause_holds_announcements_back),
        CASE(the_peers_end_is_told_and_can_be_answered),
        CASE(finishing_waits_for_the_peer_but_not_for_ever),
        CASE(a_peer_that_stops_reading_is_cut),
        CASE(draining_is_told),
        CASE(a_deadline_fires_once),
        CASE(a_reset_is_told),
        CASE(a_handler_may_abort),
        CASE(one_that_was_left_goes_with_the_loop),
        CASE(connecting_to_nobody_is_refused),
        CASE(our_end_may_come_before_the_peers),
        CASE(patience_with_a_peer_may_be_changed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
