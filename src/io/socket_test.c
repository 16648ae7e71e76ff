#include "io/socket.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/test.h"
#include "io/file.h"

static void hosts_and_ports_are_split(void **state)
{
    struct str host;
    uint16_t port;
    (void)state;

    assert_true(socket_split(STR("127.0.0.1:7420"), &host, &port));
    EXPECT_STR(host, "127.0.0.1");
    assert_int_equal(port, 7420);
    assert_true(socket_split(STR("[::1]:65535"), &host, &port));
    EXPECT_STR(host, "::1");
    assert_int_equal(port, 65535);
}

static void other_spellings_are_refused(void **state)
{
    static const char *const bad[] = {"",     "host",   "host:", ":1",      "h:65536", "h:-1",
                                      "h:1x", "::1:80", "[]:80", "[::1:80", "h:-0",    "h: 1"};
    struct str host;
    uint16_t port;
    (void)state;

    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(socket_split(str_of(bad[i]), &host, &port));
}

static void loopback_is_known(void **state)
{
    static const struct {
        const char *host;
        bool is_loopback;
    } cases[] = {
        {"127.0.0.1", true},        {"127.9.9.9", true}, {"localhost", true}, {"::1", true},
        {"::ffff:127.0.0.1", true}, {"0.0.0.0", false},  {"10.0.0.1", false}, {"::", false},
        {"::ffff:10.0.0.1", false}};
    struct socket_address address;
    (void)state;

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_true(socket_address_ip(str_of(cases[i].host), 1, &address));
        assert_int_equal(socket_address_is_loopback(&address), cases[i].is_loopback);
    }
    assert_false(socket_address_ip(STR("example.test"), 1, &address));
    assert_false(socket_address_ip(STR(""), 1, &address));
}

static void addresses_are_written_as_they_are_read(void **state)
{
    struct arena arena = ARENA_INIT;
    struct socket_address address;
    (void)state;

    assert_true(socket_address_ip(STR("::1"), 80, &address));
    EXPECT_STR(socket_address_text(&arena, &address), "[::1]:80");
    assert_true(socket_address_ip(STR("10.1.2.3"), 80, &address));
    EXPECT_STR(socket_address_text(&arena, &address), "10.1.2.3:80");
    assert_true(socket_address_unix(STR("/run/x.sock"), &address));
    EXPECT_STR(socket_address_text(&arena, &address), "unix:/run/x.sock");
    arena_deinit(&arena);
}

static bool wait_for(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};

    return poll(&p, 1, 5000) == 1;
}

static void a_connection_reaches_its_listener(void **state)
{
    struct socket_address address, peer;
    FD_AUTO int listener = -1, client = -1, server = -1;
    (void)state;

    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, 8, &listener), 0);
    assert_int_equal(socket_accept(listener, &server, &peer), -EAGAIN);
    assert_int_equal(socket_local(listener, &address), 0);
    assert_int_equal(socket_connect(&address, &client), 0);
    assert_true(wait_for(client, POLLOUT));
    assert_int_equal(socket_error(client), 0);
    assert_true(wait_for(listener, POLLIN));
    assert_int_equal(socket_accept(listener, &server, &peer), 0);
    assert_true(socket_address_is_loopback(&peer));
}

static void a_stale_unix_socket_is_replaced_and_a_living_one_is_not(void **state)
{
    char folder[] = "/tmp/socket_test.XXXXXX";
    char path[64];
    struct socket_address address;
    struct stat info;
    FD_AUTO int first = -1, second = -1;
    (void)state;

    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/s", folder);
    assert_true(socket_address_unix(str_of(path), &address));
    assert_int_equal(socket_listen(&address, 8, &first), 0);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(socket_listen(&address, 8, &second), -EADDRINUSE);
    fd_close(&first);
    assert_int_equal(socket_listen(&address, 8, &second), 0);
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hosts_and_ports_are_split),
        cmocka_unit_test(other_spellings_are_refused),
        cmocka_unit_test(loopback_is_known),
        cmocka_unit_test(addresses_are_written_as_they_are_read),
        cmocka_unit_test(a_connection_reaches_its_listener),
        cmocka_unit_test(a_stale_unix_socket_is_replaced_and_a_living_one_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
