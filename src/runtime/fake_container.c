// The fake runtime's containers: their calls, and how they live.

#include "runtime/fake_internal.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "base/rng.h"

#define YEAR_ONE_MS (-INT64_C(62135596800000)) // how Docker writes "never"

// ---- looking

size_t fake_containers(const struct fake *fake)
{
    return fake->containers_n;
}

const struct fake_container *fake_container_at(const struct fake *fake, size_t index)
{
    ASSERT(index < fake->containers_n);
    return fake->containers[index];
}

struct fake_container *fake_by_reference(const struct fake *fake, struct str reference)
{
    for (size_t i = fake->containers_n; i-- > 0;) { // most are asked for while they are young
        struct fake_container *c = fake->containers[i];

        if (!c->removed && (str_eq(c->id, reference) || str_eq(c->name, reference)))
            return c;
    }
    return NULL;
}

const struct fake_container *fake_find(const struct fake *fake, struct str container)
{
    for (size_t i = fake->containers_n; i > 0; i--) {
        if (str_eq(fake->containers[i - 1]->container, container))
            return fake->containers[i - 1];
    }
    return NULL;
}

// ---- living

void fake_end_container(struct fake *fake, struct fake_container *c, int32_t code)
{
    if (!c->running)
        return;
    c->running = false;
    c->exit_code = code;
    c->finished_at = fake_wall(fake);
    fake_post_event(fake, HOST_EVENT_KIND_DIE, c, code, NULL);
}

void fake_exit(struct fake *fake, struct str id, int32_t code)
{
    fake_end_container(fake, fake_by_reference(fake, id), code);
}

void fake_vanish(struct fake *fake, struct str id)
{
    struct fake_container *c = fake_by_reference(fake, id);

    if (c == NULL)
        return;
    c->running = false;
    c->removed = true;
    fake_post_event(fake, HOST_EVENT_KIND_DESTROY, c, 0, NULL);
}

static void schedule(struct fake *fake, enum thing_kind kind, struct fake_container *c,
                     int64_t after, int32_t code, const char *health)
{
    struct thing *thing = fake_push(fake, kind, fake->now + after);

    thing->container = c;
    thing->run = c->starts;
    thing->code = code;
    thing->health = health;
}

static void start_container(struct fake *fake, struct fake_container *c)
{
    c->running = true;
    c->starts++;
    c->started_at = fake_wall(fake);
    fake->starts++;
    c->finished_at = 0;
    c->oom_killed = false;
    c->health = STR("starting");
    if (c->image->run_ms >= 0)
        schedule(fake, THING_EXIT, c, c->image->run_ms, c->image->oom ? 137 : c->image->exit_code,
                 NULL);
    if (c->image->healthy_after_ms >= 0)
        schedule(fake, THING_HEALTH, c, c->image->healthy_after_ms, 0, "healthy");
    if (c->image->unhealthy_after_ms >= 0)
        schedule(fake, THING_HEALTH, c, c->image->unhealthy_after_ms, 0, "unhealthy");
    if (c->image->flap_ms > 0)
        schedule(fake, THING_HEALTH, c, c->image->flap_ms, 0, "healthy");
    fake_post_event(fake, HOST_EVENT_KIND_START, c, 0, NULL);
}

void fake_start(struct fake *fake, struct str id)
{
    struct fake_container *c = fake_by_reference(fake, id);

    if (c != NULL && !c->running && c->starts > 0)
        start_container(fake, c);
}

static void tell_health(struct fake *fake, struct fake_container *c, const char *health)
{
    bool is_well = str_eq(str_of(health), STR("healthy"));

    c->health = str_of(health);
    if (c->image->flap_ms > 0)
        schedule(fake, THING_HEALTH, c, c->image->flap_ms, 0, is_well ? "unhealthy" : "healthy");
    fake_post_event(fake, HOST_EVENT_KIND_HEALTH, c, 0, health);
}

void fake_heal(struct fake *fake)
{
    for (size_t i = 0; i < fake->containers_n; i++) {
        if (fake->containers[i]->running)
            tell_health(fake, fake->containers[i], "healthy");
    }
}

void fake_container_lives(struct fake *fake, const struct thing *thing)
{
    struct fake_container *c = thing->container;

    if (!c->running || c->starts != thing->run)
        return;
    if (thing->kind == THING_EXIT) {
        c->oom_killed = c->image->oom && thing->code == 137;
        fake_end_container(fake, c, thing->code);
    } else {
        tell_health(fake, c, thing->health);
    }
}

// ---- calls

static struct str label(const struct docker_config *config, struct str key)
{
    for (size_t i = 0; i < config->labels.n; i++) {
        if (str_eq(config->labels.at[i].key, key))
            return config->labels.at[i].value;
    }
    return STR_NONE;
}

void fake_create_container(struct fake *fake, const struct thing *thing)
{
    const struct host_call *call = thing->call;
    struct fake_image *image = fake_find_image(fake, call->config->image);
    struct fake_container *c;
    struct host_result result = {0};

    if (fake_by_reference(fake, call->name) != NULL) {
        fake_answer_error(thing, HOST_ERROR_CLASS_CONFLICT,
                          STR("Error response from daemon: the name is in use"));
        return;
    }
    if (image == NULL || !image->local) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                          STR("Error response from daemon: No such image"));
        return;
    }
    c = arena_new(&fake->arena, struct fake_container);
    *c = (struct fake_container){
        .id = str_fmt(&fake->arena, "%032llx%032llx", (unsigned long long)rng_next(&fake->rng),
                      (unsigned long long)fake->containers_n + 1),
        .name = call->name,
        .task_arn = label(call->config, STR("com.amazonaws.ecs.task-arn")),
        .container = label(call->config, STR("com.amazonaws.ecs.container-name")),
        .image = image,
        .config = call->config,
        .host = call->host_config,
        .created_at = fake_wall(fake),
    };
    if (fake->containers_n == fake->containers_cap) {
        fake->containers_cap = fake->containers_cap ? fake->containers_cap * 2 : 16;
        fake->containers =
            mem_realloc(fake->containers, fake->containers_cap * sizeof(*fake->containers));
    }
    fake->containers[fake->containers_n++] = c;
    SET(&result, id, c->id);
    fake_answer(thing, &result);
}

static void do_start(struct fake *fake, const struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};

    if (!c->running && c->image->start_error.len > 0) {
        fake_answer_error(thing, HOST_ERROR_CLASS_OTHER, c->image->start_error);
        return;
    }
    if (!c->running)
        start_container(fake, c);
    fake_answer(thing, &result);
}

static void do_stop(struct fake *fake, struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};
    struct thing *later;
    int64_t after = 1;

    if (!c->running) {
        fake_answer(thing, &result);
        return;
    }
    if (c->term_at == 0)
        c->term_at = fake_wall(fake);
    if (c->image->ignores_term)
        after = thing->call->stop_timeout * (int64_t)TIME_SECOND_MS;
    schedule(fake, THING_EXIT, c, after, c->image->ignores_term ? 137 : c->image->term_code, NULL);
    later = fake_push(fake, THING_CALL, fake->now + after); // finds it ended, and answers
    later->from = thing->from;
    later->call = thing->call;
}

static struct docker_network_settings *network_of(const struct fake_container *c,
                                                  struct arena *arena)
{
    struct docker_network_settings *net = arena_new(arena, struct docker_network_settings);
    struct docker_endpoint_settings_entry *bridge =
        arena_new(arena, struct docker_endpoint_settings_entry);
    const struct docker_port_binding_list_map *asked = &c->host->port_bindings;
    struct docker_port_binding_list_map ports = {
        .n = asked->n, .at = arena_array(arena, struct docker_port_binding_list_entry, asked->n)};

    for (size_t i = 0; i < asked->n; i++) {
        const struct docker_port_binding_list *from = &asked->at[i].value;
        struct docker_port_binding_list *to = &ports.at[i].value;

        ports.at[i].key = asked->at[i].key;
        to->at = arena_array(arena, struct docker_port_binding, 2 * from->n);
        to->n = 2 * from->n;
        for (size_t k = 0; k < from->n; k++) {
            SET(&to->at[2 * k], host_ip, STR("0.0.0.0"));
            SET(&to->at[2 * k], host_port, from->at[k].host_port);
            SET(&to->at[2 * k + 1], host_ip, STR("::"));
            SET(&to->at[2 * k + 1], host_port, from->at[k].host_port);
        }
    }
    bridge->key = STR("bridge");
    SET(&bridge->value, ip_address, STR("172.17.0.2"));
    SET(net, networks, (struct docker_endpoint_settings_map){.n = 1, .at = bridge});
    SET(net, ports, ports);
    return net;
}

// A process of its own for every start, whatever else runs there.
int32_t fake_pid_of(const struct fake_container *c)
{
    return (int32_t)(c->started_at % 100000) * 10 + c->starts;
}

static struct docker_container_state *state_of(const struct fake_container *c, struct arena *arena)
{
    struct docker_container_state *state = arena_new(arena, struct docker_container_state);
    struct docker_health *health = arena_new(arena, struct docker_health);

    SET(state, running, c->running);
    if (c->running)
        SET(state, pid, fake_pid_of(c));
    SET(state, status,
        c->running ? STR("running") : (c->starts > 0 ? STR("exited") : STR("created")));
    SET(state, oom_killed, c->oom_killed);
    SET(state, exit_code, c->exit_code);
    SET(state, started_at, c->started_at ? c->started_at : YEAR_ONE_MS);
    SET(state, finished_at, c->finished_at ? c->finished_at : YEAR_ONE_MS);
    if (c->image->start_error.len > 0 && c->starts == 0)
        SET(state, error, STR_NONE);
    if (c->health.len > 0) {
        SET(health, status, c->health);
        SET(state, health, health);
    }
    return state;
}

static void do_inspect(const struct thing *thing, const struct fake_container *c)
{
    struct arena arena = ARENA_INIT;
    struct docker_container *found = arena_new(&arena, struct docker_container);
    struct host_result result = {0};

    SET(found, id, c->id);
    SET(found, name, str_fmt(&arena, "/%.*s", STR_ARGS(c->name)));
    SET(found, created, c->created_at);
    SET(found, image, c->image->id);
    SET(found, config, (struct docker_config *)c->config);
    SET(found, state, state_of(c, &arena));
    if (c->running)
        SET(found, network_settings, network_of(c, &arena));
    SET(&result, container, found);
    fake_answer(thing, &result);
    arena_deinit(&arena);
}

static void do_remove(const struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};

    if (c->running) {
        fake_answer_error(thing, HOST_ERROR_CLASS_CONFLICT,
                          STR("Error response from daemon: the container is running"));
        return;
    }
    c->removed = true;
    fake_answer(thing, &result);
}

void fake_do_on_container(struct fake *fake, struct thing *thing)
{
    struct fake_container *c = fake_by_reference(fake, thing->call->container);
    struct host_result result = {0};

    if (c == NULL) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                          STR("Error response from daemon: No such container"));
        return;
    }
    if (thing->call->kind == HOST_CALL_KIND_START)
        do_start(fake, thing, c);
    else if (thing->call->kind == HOST_CALL_KIND_STOP)
        do_stop(fake, thing, c);
    else if (thing->call->kind == HOST_CALL_KIND_INSPECT)
        do_inspect(thing, c);
    else if (thing->call->kind == HOST_CALL_KIND_REMOVE)
        do_remove(thing, c);
    else {
        fake_end_container(fake, c, 137);
        fake_answer(thing, &result);
    }
}
