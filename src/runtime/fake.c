// The fake runtime. One queue of things to come, ordered by time and then by arrival: a call to
// carry out, a container's end, a health check's verdict. Moving the clock lets them happen one by
// one.
//
// A call is carried out and answered in the same instant, except stop, which is answered when the
// container has ended. Faults are drawn when the call arrives.
//
// Refuses to be clever: it knows no networks, and ports only as far as they are reported.

#include "runtime/fake_internal.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "shape/walk.h"

enum { CALL_MS = 2, HUNG_LOOK_MS = 500 };
#define YEAR_ONE_MS (-INT64_C(62135596800000)) // how Docker writes "never"

struct fake *fake_new(uint64_t seed)
{
    struct fake *fake = mem_zalloc(sizeof(*fake));

    rng_init(&fake->rng, seed);
    fake->cpus = 4;
    fake->memory_mib = 8192;
    fake->host.arena = &fake->arena;
    return fake;
}

void fake_free(struct fake *fake)
{
    if (fake == NULL)
        return;
    while (fake->connections != NULL)
        runtime_fake.close(&fake->connections->runtime);
    mem_free(fake->containers);
    arena_deinit(&fake->arena);
    mem_free(fake);
}

// ---- the script

struct fake_image *fake_image(struct fake *fake, const char *name)
{
    struct node *node;
    uint64_t a;

    for (node = fake->images; node != NULL; node = node->next) {
        if (str_eq(node->image.name, str_of(name)))
            return &node->image;
    }
    node = arena_new(&fake->arena, struct node);
    a = rng_next(&fake->rng);
    node->image = (struct fake_image){
        .name = str_copy(&fake->arena, str_of(name)),
        .id = str_fmt(&fake->arena, "sha256:%016llx", (unsigned long long)a),
        .digest = str_fmt(&fake->arena, "sha256:%064llx",
                          (unsigned long long)hash_stable(name, strlen(name))), // on every host
        .remote = true,
        .run_ms = -1,
        .term_code = 143,
        .healthy_after_ms = -1,
        .unhealthy_after_ms = -1,
    };
    node->next = fake->images;
    fake->images = node;
    return &node->image;
}

void fake_fail(struct fake *fake, enum host_call_kind kind, int times, enum fake_fault fault,
               enum host_error_class class, const char *text)
{
    struct planned *planned = arena_new(&fake->arena, struct planned);

    *planned = (struct planned){
        .next = fake->planned,
        .kind = kind,
        .times = times,
        .fault = fault,
        .class = class,
        .text = str_copy(&fake->arena, str_of(text)),
    };
    fake->planned = planned;
}

void fake_set_chaos(struct fake *fake, uint32_t one_in)
{
    fake->one_in = one_in;
}

void fake_set_deaf(struct fake *fake, uint32_t one_in)
{
    fake->deaf_one_in = one_in;
}

void fake_forgive(struct fake *fake)
{
    fake->planned = NULL;
    fake->one_in = 0;
    fake->deaf_one_in = 0;
}

// ---- the queue

static struct thing *push(struct fake *fake, enum thing_kind kind, time_ms at)
{
    struct thing *thing = arena_new(&fake->arena, struct thing);
    struct thing **place = &fake->things;

    while (*place != NULL && (*place)->at <= at)
        place = &(*place)->next;
    thing->kind = kind;
    thing->at = at;
    thing->next = *place;
    *place = thing;
    return thing;
}

struct thing *fake_push(struct fake *fake, enum thing_kind kind, time_ms at)
{
    return push(fake, kind, at);
}

time_ms fake_next(const struct fake *fake)
{
    return fake->things ? fake->things->at : INT64_MAX;
}

void fake_set_now(struct fake *fake, time_ms now)
{
    ASSERT(now >= fake->now);
    fake->now = now;
}

void fake_set_wall(struct fake *fake, int64_t ahead_ms)
{
    fake->ahead_ms = ahead_ms;
}

static time_ms wall(const struct fake *fake)
{
    return fake->now + fake->ahead_ms;
}

void fake_set_machine(struct fake *fake, int64_t cpus, int64_t memory_mib)
{
    fake->cpus = cpus;
    fake->memory_mib = memory_mib;
}

// ---- posting

static void tell_event(struct fake *fake, const struct host_event *event)
{
    for (struct connection *to = fake->connections, *next; to != NULL; to = next) {
        struct runtime_post post = {
            .kind = RUNTIME_POST_EVENT, .token = to->events, .event = event};

        next = to->next;
        if (to->events != 0)
            to->post(to->user, &post);
    }
}

// How often it is told: once, unless the stream is bad.
static int times_told(struct fake *fake)
{
    if (fake->deaf_one_in == 0 || rng_below(&fake->rng, fake->deaf_one_in) > 0)
        return 1;
    return rng_below(&fake->rng, 2) ? 0 : 2;
}

static void post_event(struct fake *fake, enum host_event_kind kind,
                       const struct fake_container *container, int32_t code, const char *health)
{
    struct host_event event = {0};

    SET(&event, kind, kind);
    SET(&event, container, container->id);
    SET(&event, at, wall(fake));
    if (kind == HOST_EVENT_KIND_DIE)
        SET(&event, exit_code, code);
    if (health != NULL)
        SET(&event, health, str_of(health));
    for (int n = times_told(fake); n > 0; n--)
        tell_event(fake, &event);
}

static void answer(const struct thing *thing, struct host_result *result)
{
    struct runtime_post post = {
        .kind = RUNTIME_POST_RESULT, .token = thing->call->token, .result = result};

    if (thing->from == NULL)
        return;
    SET(result, token, thing->call->token);
    SET(result, kind, thing->call->kind);
    thing->from->post(thing->from->user, &post);
}

static void answer_error(const struct thing *thing, enum host_error_class class, struct str text)
{
    struct host_call_error error = {0};
    struct host_result result = {0};

    SET(&error, class, class);
    SET(&error, text, text);
    SET(&result, error, &error);
    answer(thing, &result);
}

void fake_answer(const struct thing *thing, struct host_result *result)
{
    answer(thing, result);
}

void fake_answer_error(const struct thing *thing, enum host_error_class class, struct str text)
{
    answer_error(thing, class, text);
}

static void open_events(const struct thing *thing)
{
    struct runtime_post post = {.kind = RUNTIME_POST_OPEN, .token = thing->call->token};

    if (thing->from == NULL)
        return;
    thing->from->events = thing->call->token;
    thing->from->post(thing->from->user, &post);
}

static void end_events(struct connection *to)
{
    struct host_call_error error = {0};
    struct host_result result = {0};
    struct runtime_post post = {
        .kind = RUNTIME_POST_RESULT, .token = to->events, .result = &result};

    if (to->events == 0)
        return;
    SET(&error, class, HOST_ERROR_CLASS_UNREACHABLE);
    SET(&error, text, STR("the connection broke"));
    SET(&result, token, to->events);
    SET(&result, kind, HOST_CALL_KIND_EVENTS);
    SET(&result, error, &error);
    to->events = 0;
    to->post(to->user, &post);
}

// ---- containers

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

static struct str label(const struct docker_config *config, struct str key)
{
    for (size_t i = 0; i < config->labels.n; i++) {
        if (str_eq(config->labels.at[i].key, key))
            return config->labels.at[i].value;
    }
    return STR_NONE;
}

static struct fake_image *find_image(const struct fake *fake, struct str reference)
{
    struct str name;
    struct str digest;

    for (struct node *node = fake->images; node != NULL; node = node->next) {
        if (str_eq(node->image.name, reference))
            return &node->image;
        if (str_cut(reference, '@', &name, &digest) && str_eq(node->image.digest, digest))
            return &node->image;
    }
    return NULL;
}

static void end_container(struct fake *fake, struct fake_container *c, int32_t code)
{
    if (!c->running)
        return;
    c->running = false;
    c->exit_code = code;
    c->finished_at = wall(fake);
    post_event(fake, HOST_EVENT_KIND_DIE, c, code, NULL);
}

void fake_exit(struct fake *fake, struct str id, int32_t code)
{
    end_container(fake, fake_by_reference(fake, id), code);
}

void fake_vanish(struct fake *fake, struct str id)
{
    struct fake_container *c = fake_by_reference(fake, id);

    if (c == NULL)
        return;
    c->running = false;
    c->removed = true;
    post_event(fake, HOST_EVENT_KIND_DESTROY, c, 0, NULL);
}

static void schedule(struct fake *fake, enum thing_kind kind, struct fake_container *c,
                     int64_t after, int32_t code, const char *health)
{
    struct thing *thing = push(fake, kind, fake->now + after);

    thing->container = c;
    thing->run = c->starts;
    thing->code = code;
    thing->health = health;
}

static void start_container(struct fake *fake, struct fake_container *c)
{
    c->running = true;
    c->starts++;
    c->started_at = wall(fake);
    fake->starts++;
    c->finished_at = 0;
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
    post_event(fake, HOST_EVENT_KIND_START, c, 0, NULL);
}

void fake_start(struct fake *fake, struct str id)
{
    struct fake_container *c = fake_by_reference(fake, id);

    if (c != NULL && !c->running && c->starts > 0)
        start_container(fake, c);
}

// ---- carrying out calls

static void do_create(struct fake *fake, const struct thing *thing)
{
    const struct host_call *call = thing->call;
    struct fake_image *image = find_image(fake, call->config->image);
    struct fake_container *c;
    struct host_result result = {0};

    if (fake_by_reference(fake, call->name) != NULL) {
        answer_error(thing, HOST_ERROR_CLASS_CONFLICT,
                     STR("Error response from daemon: the name is in use"));
        return;
    }
    if (image == NULL || !image->local) {
        answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
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
        .created_at = wall(fake),
    };
    if (fake->containers_n == fake->containers_cap) {
        fake->containers_cap = fake->containers_cap ? fake->containers_cap * 2 : 16;
        fake->containers =
            mem_realloc(fake->containers, fake->containers_cap * sizeof(*fake->containers));
    }
    fake->containers[fake->containers_n++] = c;
    SET(&result, id, c->id);
    answer(thing, &result);
}

static void do_start(struct fake *fake, const struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};

    if (!c->running && c->image->start_error.len > 0) {
        answer_error(thing, HOST_ERROR_CLASS_OTHER, c->image->start_error);
        return;
    }
    if (!c->running)
        start_container(fake, c);
    answer(thing, &result);
}

static void do_stop(struct fake *fake, struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};
    struct thing *later;
    int64_t after = 1;

    if (!c->running) {
        answer(thing, &result);
        return;
    }
    if (c->term_at == 0)
        c->term_at = wall(fake);
    if (c->image->ignores_term)
        after = thing->call->stop_timeout * (int64_t)TIME_SECOND_MS;
    schedule(fake, THING_EXIT, c, after, c->image->ignores_term ? 137 : c->image->term_code, NULL);
    later = push(fake, THING_CALL, fake->now + after); // finds it ended, and answers
    later->from = thing->from;
    later->call = thing->call;
}

static struct docker_network_settings *network_of(const struct fake_container *c,
                                                  struct arena *arena)
{
    struct docker_network_settings *net = arena_new(arena, struct docker_network_settings);
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
    SET(net, ip_address, STR("172.17.0.2"));
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
    answer(thing, &result);
    arena_deinit(&arena);
}

static void do_remove(const struct thing *thing, struct fake_container *c)
{
    struct host_result result = {0};

    if (c->running) {
        answer_error(thing, HOST_ERROR_CLASS_CONFLICT,
                     STR("Error response from daemon: the container is running"));
        return;
    }
    c->removed = true;
    answer(thing, &result);
}

static void do_on_container(struct fake *fake, struct thing *thing)
{
    struct fake_container *c = fake_by_reference(fake, thing->call->container);
    struct host_result result = {0};

    if (c == NULL) {
        answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
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
        end_container(fake, c, 137);
        answer(thing, &result);
    }
}

static void answer_image(const struct thing *thing, const struct fake_image *image)
{
    struct arena arena = ARENA_INIT;
    struct docker_image *found = arena_new(&arena, struct docker_image);
    struct docker_config *config = arena_new(&arena, struct docker_config);
    struct str env[] = {STR("PATH=/bin"), STR("AWS_REGION=from-image")};
    struct str digests[1];
    struct str repository;
    struct str tag;
    struct host_result result = {0};

    (void)str_cut_last(image->name, ':', &repository, &tag);
    digests[0] = str_fmt(&arena, "%.*s@%.*s", STR_ARGS(repository), STR_ARGS(image->digest));
    SET(config, env, (struct str_list){.n = image->sets_region ? 2 : 1, .at = env});
    SET(found, id, image->id);
    SET(found, config, config);
    if (image->remote)
        SET(found, repo_digests, (struct str_list){.n = 1, .at = digests});
    SET(&result, image, found);
    answer(thing, &result);
    arena_deinit(&arena);
}

static void do_on_image(const struct fake *fake, const struct thing *thing)
{
    struct fake_image *image = find_image(fake, thing->call->image);
    enum host_call_kind kind = thing->call->kind;
    bool needs_remote = kind == HOST_CALL_KIND_PULL || kind == HOST_CALL_KIND_MANIFEST;
    struct host_result result = {0};

    if (image == NULL || (needs_remote ? !image->remote : !image->local)) {
        answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                     STR("Error response from daemon: no such image in the fake"));
        return;
    }
    if (kind == HOST_CALL_KIND_INSPECT_IMAGE) {
        answer_image(thing, image);
        return;
    }
    if (kind == HOST_CALL_KIND_PULL)
        image->local = true;
    if (kind == HOST_CALL_KIND_MANIFEST)
        SET(&result, digest, image->digest);
    answer(thing, &result);
}

static struct volume *find_volume(const struct fake *fake, struct str name)
{
    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next) {
        if (!volume->removed && str_eq(volume->name, name))
            return volume;
    }
    return NULL;
}

bool fake_has_volume(const struct fake *fake, struct str name)
{
    return find_volume(fake, name) != NULL;
}

size_t fake_volumes(const struct fake *fake)
{
    size_t n = 0;

    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next)
        n += volume->removed ? 0 : 1;
    return n;
}

size_t fake_volumes_named(const struct fake *fake, struct str head)
{
    size_t n = 0;

    for (struct volume *volume = fake->volumes; volume != NULL; volume = volume->next)
        n += !volume->removed && str_starts(volume->name, head);
    return n;
}

static struct volume *add_volume(struct fake *fake, struct str name)
{
    struct volume *volume = arena_new(&fake->arena, struct volume);

    volume->name = str_copy(&fake->arena, name);
    volume->next = fake->volumes;
    fake->volumes = volume;
    return volume;
}

void fake_add_volume(struct fake *fake, const char *name)
{
    add_volume(fake, str_of(name));
}

static void do_on_volume(struct fake *fake, const struct thing *thing)
{
    const struct host_call *call = thing->call;
    bool creating = call->kind == HOST_CALL_KIND_CREATE_VOLUME;
    struct str name = creating ? call->volume->name : call->volume_name;
    struct volume *volume = find_volume(fake, name);
    struct docker_volume found = {0};
    struct host_result result = {0};

    if (volume == NULL && !creating) {
        answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
                     STR("Error response from daemon: no such volume"));
        return;
    }
    if (volume == NULL) {
        volume = add_volume(fake, name);
        volume->made = call->volume;
    }
    if (call->kind == HOST_CALL_KIND_REMOVE_VOLUME)
        volume->removed = true;
    SET(&found, name, volume->name);
    if (volume->made != NULL) {
        SET(&found, labels, volume->made->labels);
        SET(&found, options, volume->made->driver_opts);
    }
    SET(&result, volume, &found);
    answer(thing, &result);
}

static void do_load(struct fake *fake, const struct thing *thing)
{
    struct fake_image *image = fake_image(fake, str_cstr(&fake->arena, thing->call->image));
    struct host_result result = {0};

    image->local = true;
    image->remote = false;
    image->term_code = 0;
    answer(thing, &result);
}

static void answer_version(const struct thing *thing)
{
    struct docker_version version = {0};
    struct host_result result = {0};

    SET(&version, version, STR("20.10.24"));
    SET(&version, api_version, STR("1.41"));
    SET(&version, arch, STR("amd64"));
    SET(&result, version, &version);
    answer(thing, &result);
}

static void answer_info(const struct fake *fake, const struct thing *thing)
{
    struct docker_info info = {0};
    struct host_result result = {0};

    SET(&info, ncpu, (int32_t)fake->cpus);
    SET(&info, mem_total, fake->memory_mib << 20);
    SET(&result, info, &info);
    answer(thing, &result);
}

// Not the container engine's: its own troubles are no trouble to it.
static bool is_of_host(const struct thing *thing)
{
    return thing->kind == THING_CALL && (thing->call->kind == HOST_CALL_KIND_MAKE_RESOURCE ||
                                         thing->call->kind == HOST_CALL_KIND_REMOVE_RESOURCE);
}

static void do_on_host(struct fake *fake, const struct thing *thing)
{
    struct host_result result = {0};
    struct str why = fake_host_do(&fake->host, thing->call, &result);

    if (why.len > 0)
        fake_answer_error(thing, HOST_ERROR_CLASS_OTHER, why);
    else
        fake_answer(thing, &result);
}

static void do_call(struct fake *fake, struct thing *thing)
{
    struct host_result result = {0};

    switch (thing->call->kind) {
    case HOST_CALL_KIND_PING: answer(thing, &result); return;
    case HOST_CALL_KIND_CREATE: do_create(fake, thing); return;
    case HOST_CALL_KIND_START:
    case HOST_CALL_KIND_STOP:
    case HOST_CALL_KIND_KILL:
    case HOST_CALL_KIND_REMOVE:
    case HOST_CALL_KIND_INSPECT: do_on_container(fake, thing); return;
    case HOST_CALL_KIND_MANIFEST:
    case HOST_CALL_KIND_PULL:
    case HOST_CALL_KIND_TAG:
    case HOST_CALL_KIND_INSPECT_IMAGE: do_on_image(fake, thing); return;
    case HOST_CALL_KIND_CREATE_VOLUME:
    case HOST_CALL_KIND_INSPECT_VOLUME:
    case HOST_CALL_KIND_REMOVE_VOLUME: do_on_volume(fake, thing); return;
    case HOST_CALL_KIND_LOAD_IMAGE: do_load(fake, thing); return;
    case HOST_CALL_KIND_NETWORK_UP:
    case HOST_CALL_KIND_NETWORK_DOWN: fake_do_on_network(fake, thing); return;
    case HOST_CALL_KIND_EVENTS: open_events(thing); return;
    case HOST_CALL_KIND_VERSION: answer_version(thing); return;
    case HOST_CALL_KIND_INFO: answer_info(fake, thing); return;
    case HOST_CALL_KIND_LIST: fake_list_containers(fake, thing); return;
    case HOST_CALL_KIND_LIST_IMAGES: fake_list_images(fake, thing); return;
    case HOST_CALL_KIND_LIST_VOLUMES: fake_list_volumes(fake, thing); return;
    case HOST_CALL_KIND_REMOVE_IMAGE:
        fake_remove_image(fake, thing, find_image(fake, thing->call->image));
        return;
    case HOST_CALL_KIND_STATS: fake_begin_stats(fake, thing); return;
    case HOST_CALL_KIND_MAKE_RESOURCE:
    case HOST_CALL_KIND_REMOVE_RESOURCE: do_on_host(fake, thing); return;
    case HOST_CALL_KIND_UNSET:
    case HOST_CALL_KIND_INSPECT_NETWORK:
    case HOST_CALL_KIND_LOGS:
    case HOST_CALL_KIND_FIND_PORTS:
        answer_error(thing, HOST_ERROR_CLASS_OTHER, STR("the fake does not know this call"));
        return;
    }
    UNREACHABLE();
}

// When its deadline passes, if the host's clock goes on as it does.
static time_ms deadline_of(const struct fake *fake, const struct host_call *call)
{
    time_ms at = call->deadline_ms - fake->ahead_ms;

    return at > fake->now ? at : fake->now;
}

static void answer_late(struct fake *fake, const struct thing *thing)
{
    struct thing *late;

    if (!thing->call->has.deadline_ms)
        return;
    late = push(fake, THING_CALL, deadline_of(fake, thing->call));
    late->from = thing->from;
    late->call = thing->call;
    late->faulty = true;
    late->fault = FAKE_FAULT_HANG;
}

static bool can_lie(enum host_call_kind kind)
{
    return kind == HOST_CALL_KIND_START || kind == HOST_CALL_KIND_STOP ||
           kind == HOST_CALL_KIND_KILL;
}

static void do_faulty_call(struct fake *fake, struct thing *thing)
{
    struct connection *from = thing->from;
    struct host_result result = {0};

    if (thing->fault == FAKE_FAULT_LIE && can_lie(thing->call->kind)) {
        answer(thing, &result);
        return;
    }

    if (thing->fault == FAKE_FAULT_LOST || thing->fault == FAKE_FAULT_SILENT) {
        thing->from = NULL;
        do_call(fake, thing);
        thing->from = from;
    }
    if (thing->fault == FAKE_FAULT_SILENT) {
        answer_late(fake, thing);
        return;
    }
    if (thing->fault == FAKE_FAULT_HANG)
        answer_error(thing, HOST_ERROR_CLASS_TIMEOUT, STR("deadline passed"));
    else
        answer_error(thing, thing->fault_class, thing->fault_text);
}

// Looks again later; a caller whose deadline passes hears so, and the call is still to be done.
static void put_off(struct fake *fake, const struct thing *thing)
{
    struct thing *later = push(fake, thing->kind, fake->now + HUNG_LOOK_MS);
    struct thing *next = later->next;
    time_ms at = later->at;

    *later = *thing;
    later->next = next;
    later->at = at;
    later->is_put_off = true;
    if (!thing->is_put_off)
        later->number = ++fake->put_off_n;
    if (thing->kind == THING_CALL && thing->from != NULL && thing->call->has.deadline_ms &&
        deadline_of(fake, thing->call) <= fake->now) {
        later->from = NULL;
        answer_error(thing, HOST_ERROR_CLASS_TIMEOUT, STR("deadline passed"));
    }
}

static void tell_health(struct fake *fake, struct fake_container *c, const char *health)
{
    bool is_well = str_eq(str_of(health), STR("healthy"));

    c->health = str_of(health);
    if (c->image->flap_ms > 0)
        schedule(fake, THING_HEALTH, c, c->image->flap_ms, 0, is_well ? "unhealthy" : "healthy");
    post_event(fake, HOST_EVENT_KIND_HEALTH, c, 0, health);
}

void fake_heal(struct fake *fake)
{
    for (size_t i = 0; i < fake->containers_n; i++) {
        if (fake->containers[i]->running)
            tell_health(fake, fake->containers[i], "healthy");
    }
}

static void happen(struct fake *fake, struct thing *thing)
{
    struct fake_container *c = thing->container;

    if (thing->kind == THING_NOTHING)
        return;
    if (fake->is_hung && !is_of_host(thing)) {
        put_off(fake, thing);
        return;
    }
    if (thing->kind == THING_CALL) {
        if (fake->is_down && !is_of_host(thing))
            answer_error(thing, HOST_ERROR_CLASS_UNREACHABLE, STR("nobody listens"));
        else if (thing->faulty)
            do_faulty_call(fake, thing);
        else
            do_call(fake, thing);
        return;
    }
    if (thing->kind == THING_STATS) {
        fake_post_stats(fake, thing);
        return;
    }
    if (!c->running || c->starts != thing->run)
        return;
    if (thing->kind == THING_EXIT) {
        c->oom_killed = c->image->oom && thing->code == 137;
        end_container(fake, c, thing->code);
    } else {
        tell_health(fake, c, thing->health);
    }
}

void fake_run(struct fake *fake, time_ms now)
{
    while (fake->things != NULL && fake->things->at <= now) {
        struct thing *thing = fake->things;

        fake->things = thing->next;
        if (thing->at > fake->now)
            fake->now = thing->at;
        happen(fake, thing);
    }
    if (now > fake->now)
        fake->now = now;
}

// ---- the driver

struct runtime *fake_connect(struct fake *fake, runtime_post_fn *post, void *user)
{
    struct connection *connection = mem_zalloc(sizeof(*connection));

    *connection = (struct connection){
        .runtime.driver = &runtime_fake,
        .fake = fake,
        .next = fake->connections,
        .post = post,
        .user = user,
    };
    fake->connections = connection;
    return &connection->runtime;
}

static struct planned *find_planned(struct fake *fake, enum host_call_kind kind)
{
    for (struct planned *planned = fake->planned; planned != NULL; planned = planned->next) {
        if (planned->kind == kind && planned->times > 0)
            return planned;
    }
    return NULL;
}

static void draw_fault(struct fake *fake, struct thing *thing)
{
    struct planned *planned = find_planned(fake, thing->call->kind);
    bool by_chance = fake->one_in > 0 && thing->call->kind != HOST_CALL_KIND_EVENTS &&
                     rng_below(&fake->rng, fake->one_in) == 0;

    if (planned == NULL && !by_chance)
        return;
    thing->faulty = true;
    thing->fault =
        planned ? planned->fault : (enum fake_fault)rng_below(&fake->rng, FAKE_FAULT_SILENT + 1);
    thing->fault_class = planned                           ? planned->class
                         : thing->fault == FAKE_FAULT_LOST ? HOST_ERROR_CLASS_UNREACHABLE
                                                           : HOST_ERROR_CLASS_OTHER;
    thing->fault_text = planned ? planned->text : STR("Error response from daemon: by chance");
    if (planned != NULL)
        planned->times--;
}

static void driver_call(struct runtime *runtime, const struct host_call *call)
{
    struct connection *connection = (struct connection *)runtime;
    struct fake *fake = connection->fake;
    const struct host_call *copy = shape_copy(&fake->arena, &host_call_shape, call);
    struct thing probe = {.call = copy};
    time_ms after = CALL_MS;
    struct thing *thing;

    fake->calls[call->kind]++;
    if (call->kind == HOST_CALL_KIND_PULL)
        fake->last_user = copy->auth ? copy->auth->username : STR_NONE;
    draw_fault(fake, &probe);
    if (call->kind == HOST_CALL_KIND_PULL && find_image(fake, call->image) != NULL)
        after = find_image(fake, call->image)->pull_ms + CALL_MS;
    if (call->kind == HOST_CALL_KIND_CREATE && find_image(fake, call->config->image) != NULL)
        after = find_image(fake, call->config->image)->create_ms + CALL_MS;
    if (!probe.faulty && call->has.deadline_ms && call->kind != HOST_CALL_KIND_STOP &&
        wall(fake) + after > call->deadline_ms)
        probe.faulty = true, probe.fault = FAKE_FAULT_HANG;
    thing = push(fake, THING_CALL,
                 probe.faulty && probe.fault == FAKE_FAULT_HANG && call->has.deadline_ms
                     ? deadline_of(fake, call)
                     : fake->now + after);
    thing->from = connection;
    thing->call = copy;
    thing->faulty = probe.faulty;
    thing->fault = probe.fault;
    thing->fault_class = probe.fault_class;
    thing->fault_text = probe.fault_text;
}

static void driver_cancel(struct runtime *runtime, int64_t token)
{
    struct connection *connection = (struct connection *)runtime;

    if (connection->events == token)
        connection->events = 0;
    for (struct thing *thing = connection->fake->things; thing != NULL; thing = thing->next) {
        if (thing->from == connection && thing->call->token == token)
            thing->from = NULL;
    }
}

static void driver_close(struct runtime *runtime)
{
    struct connection *connection = (struct connection *)runtime;
    struct connection **at;

    if (runtime == NULL)
        return;
    for (at = &connection->fake->connections; *at != connection;)
        at = &(*at)->next;
    *at = connection->next;
    for (struct thing *thing = connection->fake->things; thing != NULL; thing = thing->next) {
        if (thing->from == connection)
            thing->from = NULL;
    }
    mem_free(connection);
}

static int driver_open(const struct runtime_config *config, struct runtime **out_runtime)
{
    (void)config;
    (void)out_runtime;
    return -ENOTSUP; // a fake is made first, then connected to
}

const struct runtime_driver runtime_fake = {
    .name = "fake",
    .open = driver_open,
    .call = driver_call,
    .cancel = driver_cancel,
    .close = driver_close,
};

// A copy of it is due at once; it itself is not any more.
static void hasten(struct fake *fake, struct thing *thing)
{
    struct thing *now = push(fake, thing->kind, fake->now);
    struct thing *next = now->next;

    *now = *thing;
    now->next = next;
    now->at = fake->now;
    now->is_put_off = false;
    thing->kind = THING_NOTHING;
    thing->is_put_off = false;
}

static struct thing *first_put_off(struct fake *fake)
{
    struct thing *first = NULL;

    for (struct thing *thing = fake->things; thing != NULL; thing = thing->next) {
        if (thing->is_put_off && (first == NULL || thing->number < first->number))
            first = thing;
    }
    return first;
}

// What was put off comes before whatever it is asked from now on.
void fake_set_hung(struct fake *fake, bool is_hung)
{
    fake->is_hung = is_hung;
    for (struct thing *thing; !is_hung && (thing = first_put_off(fake)) != NULL;)
        hasten(fake, thing);
}

void fake_set_down(struct fake *fake, bool is_down)
{
    if (is_down)
        fake_restart(fake);
    fake->is_down = is_down;
}

static void keep(struct fake *fake, const struct thing *thing)
{
    struct thing *kept = fake_push(fake, thing->kind, thing->at);
    struct thing *next = kept->next;

    *kept = *thing;
    kept->next = next;
}

// Every call under way breaks off, undone; every container dies with it.
void fake_restart(struct fake *fake)
{
    struct thing *things = fake->things;

    fake->things = NULL;
    for (struct connection *to = fake->connections, *next; to != NULL; to = next) {
        next = to->next;
        end_events(to);
    }
    for (size_t i = 0; i < fake->containers_n; i++)
        end_container(fake, fake->containers[i], 137);
    for (struct thing *thing = things, *next; thing != NULL; thing = next) {
        next = thing->next;
        if (is_of_host(thing))
            keep(fake, thing);
        else if (thing->kind == THING_CALL || thing->kind == THING_STATS)
            answer_error(thing, HOST_ERROR_CLASS_UNREACHABLE, STR("the connection broke"));
    }
}

void fake_end_agent(struct fake *fake)
{
    for (struct thing *thing = fake->things; thing != NULL; thing = thing->next) {
        if (is_of_host(thing))
            thing->kind = THING_NOTHING;
    }
}

struct fake_host *fake_host(struct fake *fake)
{
    return &fake->host;
}

uint64_t fake_starts(const struct fake *fake)
{
    return fake->starts;
}

struct str fake_last_user(const struct fake *fake)
{
    return fake->last_user;
}

int fake_calls(const struct fake *fake, enum host_call_kind kind)
{
    return fake->calls[kind];
}
