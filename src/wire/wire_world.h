// For the tests of wire/ only: a loop, a server on loopback and a client of ours, and a way to wait
// for something without sleeping.

#ifndef WIRE_WIRE_WORLD_H
#define WIRE_WIRE_WORLD_H

#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"
#include "wire/http_client.h"
#include "wire/http_server.h"
#include "wire/tls.h"

struct wire_world {
    struct loop *loop;
    struct http_server *server;
    struct http_client *client;
    struct socket_address address;
    struct arena arena;
};

static inline void world_listen(struct wire_world *world, const struct http_server_handler *handler,
                                void *user, struct tls_context *tls)
{
    int fd = -1;

    assert_true(socket_address_ip(STR("127.0.0.1"), 0, &world->address));
    assert_int_equal(socket_listen(&world->address, 64, &fd), 0);
    assert_int_equal(socket_local(fd, &world->address), 0);
    world->server = http_server_new(world->loop, NULL, handler, user);
    assert_int_equal(http_server_listen(world->server, fd, tls), 0);
}

static inline void world_dial(struct wire_world *world, const char *scheme, struct tls_context *tls)
{
    struct http_client_config config = {.tls = tls};
    struct str url =
        str_fmt(&world->arena, "%s://127.0.0.1:%u", scheme, socket_address_port(&world->address));

    assert_true(uri_parse(&world->arena, url, &config.target));
    world->client = http_client_new(world->loop, &config);
}

// Until *flag is at least `want`; fails after ten seconds.
static inline void world_wait_at(struct wire_world *world, const int *flag, int want,
                                 const char *file, int line)
{
    for (int i = 0; i < 2000 && *flag < want; i++)
        loop_run_once(world->loop, 5);
    _assert_true(*flag >= want, "what was awaited came", file, line);
}
#define WAIT_FOR(world, flag, want) world_wait_at((world), &(flag), (want), __FILE__, __LINE__)

static inline void world_close(struct wire_world *world)
{
    http_client_free(world->client);
    http_server_free(world->server);
    loop_close(world->loop);
    arena_deinit(&world->arena);
}

#endif
