#include "client/http.h"

#include <pthread.h>

#include "base/test.h"
#include "io/loop.h"
#include "io/socket.h"
#include "wire/http_server.h"

// A server in a thread of its own; it answers with what it was asked.
struct peer {
    struct loop *loop;
    struct http_server *server;
    struct arena arena;
    pthread_t thread;
    bool is_mute;
    struct http_exchange *kept; // by a mute one
    const char *url;
};

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct peer *peer = user;
    struct http_response response = {.status = 201};

    if (peer->is_mute) {
        peer->kept = exchange;
        return;
    }
    response.body =
        str_fmt(http_exchange_arena(exchange), "%.*s %.*s %.*s", STR_ARGS(request->method),
                STR_ARGS(request->target), STR_ARGS(request->body));
    http_reply(exchange, &response);
}

static const struct http_server_handler handler = {.on_request = on_request};

static void *serve(void *user)
{
    struct peer *peer = user;

    loop_run(peer->loop);
    return NULL;
}

static int setup(void **state)
{
    static struct peer peer;
    struct socket_address address;
    int fd = -1;

    peer = (struct peer){0};
    assert_int_equal(loop_open(&peer.loop), 0);
    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &address));
    assert_int_equal(socket_listen(&address, 4, &fd), 0);
    assert_int_equal(socket_local(fd, &address), 0);
    peer.server = http_server_new(peer.loop, NULL, &handler, &peer);
    assert_int_equal(http_server_listen(peer.server, fd, NULL), 0);
    peer.url = arena_printf(&peer.arena, "http://127.0.0.1:%u", socket_address_port(&address));
    assert_int_equal(pthread_create(&peer.thread, NULL, serve, &peer), 0);
    *state = &peer;
    return 0;
}

static int teardown(void **state)
{
    struct peer *peer = *state;

    loop_stop(peer->loop);
    pthread_join(peer->thread, NULL);
    http_server_free(peer->server);
    if (peer->kept != NULL)
        http_reply(peer->kept, &(struct http_response){.status = 200});
    loop_close(peer->loop);
    arena_deinit(&peer->arena);
    return 0;
}

static void a_request_is_sent_whole_and_its_answer_kept(void **state)
{
    struct peer *peer = *state;
    struct client_http_reply reply;
    struct str why;
    struct client_http_request request = {
        .method = "POST",
        .url = arena_printf(&peer->arena, "%s/a/b?c=d", peer->url),
        .body = STR("{}"),
        .timeout_ms = 10000,
    };

    assert_int_equal(client_http(&peer->arena, &request, &reply, &why), 0);
    assert_int_equal(reply.status, 201);
    EXPECT_STR(reply.body, "POST /a/b?c=d {}");
    request = (struct client_http_request){.method = "GET", .url = peer->url, .timeout_ms = 10000};
    assert_int_equal(client_http(&peer->arena, &request, &reply, &why), 0);
    EXPECT_STR(reply.body, "GET / ");
}

static void failures_are_told_in_words(void **state)
{
    struct peer *peer = *state;
    struct client_http_reply reply;
    struct client_http_request request = {.method = "GET", .timeout_ms = 10000};
    const struct {
        const char *url;
        const char *why;
    } cases[] = {
        {"127.0.0.1:1", "not a URL"},
        {"http://127.0.0.1:1/", "connection refused"},
        {"unix:///there/is/no/socket", "connection refused"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str why = STR_NONE;

        request.url = cases[i].url;
        assert_int_equal(client_http(&peer->arena, &request, &reply, &why), CLIENT_HTTP_E_FAILED);
        EXPECT_STR(why, cases[i].why);
    }
}

static void an_authority_that_cannot_be_read_fails_the_call(void **state)
{
    struct peer *peer = *state;
    struct client_http_reply reply;
    struct str why = STR_NONE;
    struct client_http_request request = {.method = "GET",
                                          .url = "https://127.0.0.1:1/",
                                          .ca_file = "/there/is/no/file",
                                          .timeout_ms = 10000};

    assert_int_equal(client_http(&peer->arena, &request, &reply, &why), CLIENT_HTTP_E_FAILED);
    EXPECT_STR(why, "No such file or directory");
}

static void a_mute_server_is_given_up(void **state)
{
    struct peer *peer = *state;
    struct client_http_reply reply;
    struct str why = STR_NONE;
    struct client_http_request request = {.method = "GET", .url = peer->url, .timeout_ms = 50};

    peer->is_mute = true;
    assert_int_equal(client_http(&peer->arena, &request, &reply, &why), CLIENT_HTTP_E_FAILED);
    EXPECT_STR(why, "no complete reply in time");
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_request_is_sent_whole_and_its_answer_kept),
        CASE(failures_are_told_in_words),
        CASE(an_authority_that_cannot_be_read_fails_the_call),
        CASE(a_mute_server_is_given_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
