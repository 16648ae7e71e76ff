// See places.h.

#include "agent/places.h"

#include "base/arena.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/timefmt.h"
#include "io/loop.h"

enum { KEPT_MS = 12 * 3600 * 1000, AGAIN_MS = 3000, ATTEMPTS = 3 };

struct places {
    struct api *api;
    struct arena arena;   // of the request
    struct arena answers; // of the present answer
    struct str cluster;
    struct str container_instance;
    struct str acs;
    struct str tcs;
    struct api_call *call;
    struct loop_timer again;
    void (*known)(void *user);
    void *user;
};

static void answered(void *user, const struct api_result *result)
{
    struct places *places = user;
    const struct ecs_discover_poll_endpoint_response *reply = result->reply;

    places->call = NULL;
    if (result->kind != API_OK || reply->endpoint.len == 0) {
        LOG_WARN("agent.no_endpoint", LOG_STR("type", result->type),
                 LOG_STR("message", result->message));
        loop_timer_start(&places->again, AGAIN_MS);
        return;
    }
    arena_reset(&places->answers);
    places->acs = str_copy(&places->answers, reply->endpoint);
    places->tcs = str_copy(&places->answers, reply->telemetry_endpoint);
    loop_timer_start(&places->again, KEPT_MS);
    places->known(places->user);
}

static void ask(void *user)
{
    struct places *places = user;
    struct ecs_discover_poll_endpoint_request request = {0};

    SET(&request, cluster, places->cluster);
    SET(&request, container_instance, places->container_instance);
    places->call = api_send(places->api, ECS_OPERATION_DISCOVER_POLL_ENDPOINT, &request, ATTEMPTS,
                            answered, places);
}

struct places *places_new(struct loop *loop, struct api *api, struct str cluster,
                          struct str container_instance, void (*known)(void *user), void *user)
{
    struct places *places = mem_zalloc(sizeof *places);

    places->api = api;
    places->cluster = str_copy(&places->arena, cluster);
    places->container_instance = str_copy(&places->arena, container_instance);
    places->known = known;
    places->user = user;
    loop_timer_init(&places->again, loop, ask, places);
    ask(places);
    return places;
}

void places_free(struct places *places)
{
    if (places == NULL)
        return;
    api_cancel(places->call);
    loop_timer_stop(&places->again);
    arena_deinit(&places->arena);
    arena_deinit(&places->answers);
    mem_free(places);
}

struct str places_acs(const struct places *places)
{
    return places->acs;
}

struct str places_tcs(const struct places *places)
{
    return places->tcs;
}
