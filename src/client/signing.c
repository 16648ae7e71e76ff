// See signing.h. A signature has its time inside, so a head is good for one attempt.

#include "client/signing.h"

#include "base/arena.h"
#include "io/clock.h"

size_t client_sign(struct crypto *crypto, const struct client_identity *identity,
                   const struct sigv4_request *request, struct arena *arena,
                   struct http_header out[SIGV4_ADDED])
{
    struct sigv4_credentials credentials = {
        .key_id = identity->credentials.key_id,
        .secret = identity->credentials.secret,
        .token = identity->credentials.token,
    };
    struct sigv4_scope scope = {
        .region = identity->region,
        .service = identity->service.len > 0 ? identity->service : STR("ecs"),
        .now = clock_wall_ms(),
    };

    if (credentials.key_id.len == 0)
        return 0;
    return sigv4_sign(crypto, request, &credentials, &scope, arena, out);
}

struct str client_target(struct arena *arena, const struct operation *operation)
{
    return str_fmt(arena, "AmazonEC2ContainerServiceV20141113.%.*s", STR_ARGS(operation->name));
}

size_t client_head(struct crypto *crypto, const struct client_identity *identity,
                   const struct uri *endpoint, struct str target, struct str body,
                   struct arena *arena, struct http_header out[CLIENT_HEAD_MAX])
{
    struct sigv4_request request = {
        .method = STR("POST"),
        .path = endpoint->path,
        .query = endpoint->query,
        .headers = out,
        .headers_n = 3,
        .body = body,
    };

    out[0] = (struct http_header){STR("Host"), uri_host_header(arena, endpoint)};
    out[1] = (struct http_header){STR("Content-Type"), STR("application/x-amz-json-1.1")};
    out[2] = (struct http_header){STR("X-Amz-Target"), target};
    return 3 + client_sign(crypto, identity, &request, arena, out + 3);
}
