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

struct thing *fake_push(struct fake *fake, enum thing_kind kind, time_ms at)
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

time_ms fake_wall(const struct fake *fake)
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

void fake_post_event(struct fake *fake, enum host_event_kind kind,
                     const struct fake_container *container, int32_t code, const char *health)
{
    struct host_event event = {0};

    SET(&event, kind, kind);
    SET(&event, container, container->id);
    SET(&event, at, fake_wall(fake));
    if (kind == HOST_EVENT_KIND_DIE)
        SET(&event, exit_code, code);
    if (health != NULL)
        SET(&event, health, str_of(health));
    for (int n = times_told(fake); n > 0; n--)
        tell_event(fake, &event);
}

void fake_answer(const struct thing *thing, struct host_result *result)
{
    struct runtime_post post = {
        .kind = RUNTIME_POST_RESULT, .token = thing->call->token, .result = result};

    if (thing->from == NULL)
        return;
    SET(result, token, thing->call->token);
    SET(result, kind, thing->call->kind);
    thing->from->post(thing->from->user, &post);
}

void fake_answer_error(const struct thing *thing, enum host_error_class class, struct str text)
{
    struct host_call_error error = {0};
    struct host_result result = {0};

    SET(&error, class, class);
    SET(&error, text, text);
    SET(&result, error, &error);
    fake_answer(thing, &result);
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

// ---- carrying out calls

struct fake_image *fake_find_image(const struct fake *fake, struct str reference)
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
    fake_answer(thing, &result);
    arena_deinit(&arena);
}

static void do_on_image(const struct fake *fake, const struct thing *thing)
{
    struct fake_image *image = fake_find_image(fake, thing->call->image);
    enum host_call_kind kind = thing->call->kind;
    bool needs_remote = kind == HOST_CALL_KIND_PULL || kind == HOST_CALL_KIND_MANIFEST;
    struct host_result result = {0};

    if (image == NULL || (needs_remote ? !image->remote : !image->local)) {
        fake_answer_error(thing, HOST_ERROR_CLASS_NOT_FOUND,
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
    fake_answer(thing, &result);
}

static void do_load(struct fake *fake, const struct thing *thing)
{
    struct fake_image *image = fake_image(fake, str_cstr(&fake->arena, thing->call->image));
    struct host_result result = {0};

    image->local = true;
    image->remote = false;
    image->term_code = 0;
    fake_answer(thing, &result);
}

static void answer_version(const struct thing *thing)
{
    struct docker_version version = {0};
    struct host_result result = {0};

    SET(&version, version, STR("20.10.24"));
    SET(&version, api_version, STR("1.41"));
    SET(&version, arch, STR("amd64"));
    SET(&result, version, &version);
    fake_answer(thing, &result);
}

static void answer_info(const struct fake *fake, const struct thing *thing)
{
    struct docker_info info = {0};
    struct host_result result = {0};

    SET(&info, ncpu, (int32_t)fake->cpus);
    SET(&info, mem_total, fake->memory_mib << 20);
    SET(&result, info, &info);
    fake_answer(thing, &result);
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
    case HOST_CALL_KIND_PING: fake_answer(thing, &result); return;
    case HOST_CALL_KIND_CREATE: fake_create_container(fake, thing); return;
    case HOST_CALL_KIND_START:
    case HOST_CALL_KIND_STOP:
    case HOST_CALL_KIND_KILL:
    case HOST_CALL_KIND_REMOVE:
    case HOST_CALL_KIND_INSPECT: fake_do_on_container(fake, thing); return;
    case HOST_CALL_KIND_MANIFEST:
    case HOST_CALL_KIND_PULL:
    case HOST_CALL_KIND_TAG:
    case HOST_CALL_KIND_INSPECT_IMAGE: do_on_image(fake, thing); return;
    case HOST_CALL_KIND_CREATE_VOLUME:
    case HOST_CALL_KIND_INSPECT_VOLUME:
    case HOST_CALL_KIND_REMOVE_VOLUME: fake_do_on_volume(fake, thing); return;
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
        fake_remove_image(fake, thing, fake_find_image(fake, thing->call->image));
        return;
    case HOST_CALL_KIND_STATS: fake_begin_stats(fake, thing); return;
    case HOST_CALL_KIND_MAKE_RESOURCE:
    case HOST_CALL_KIND_REMOVE_RESOURCE: do_on_host(fake, thing); return;
    case HOST_CALL_KIND_UNSET:
    case HOST_CALL_KIND_INSPECT_NETWORK:
    case HOST_CALL_KIND_LOGS:
    case HOST_CALL_KIND_FIND_PORTS:
        fake_answer_error(thing, HOST_ERROR_CLASS_OTHER, STR("the fake does not know this call"));
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
    late = fake_push(fake, THING_CALL, deadline_of(fake, thing->call));
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
        fake_answer(thing, &result);
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
        fake_answer_error(thing, HOST_ERROR_CLASS_TIMEOUT, STR("deadline passed"));
    else
        fake_answer_error(thing, thing->fault_class, thing->fault_text);
}

// Looks again later; a caller whose deadline passes hears so, and the call is still to be done.
static void put_off(struct fake *fake, const struct thing *thing)
{
    struct thing *later = fake_push(fake, thing->kind, fake->now + HUNG_LOOK_MS);
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
        fake_answer_error(thing, HOST_ERROR_CLASS_TIMEOUT, STR("deadline passed"));
    }
}

static void happen(struct fake *fake, struct thing *thing)
{
    if (thing->kind == THING_NOTHING)
        return;
    if (fake->is_hung && !is_of_host(thing)) {
        put_off(fake, thing);
        return;
    }
    if (thing->kind == THING_CALL) {
        if (fake->is_down && !is_of_host(thing))
            fake_answer_error(thing, HOST_ERROR_CLASS_UNREACHABLE, STR("nobody listens"));
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
    fake_container_lives(fake, thing);
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
    if (call->kind == HOST_CALL_KIND_PULL && fake_find_image(fake, call->image) != NULL)
        after = fake_find_image(fake, call->image)->pull_ms + CALL_MS;
    if (call->kind == HOST_CALL_KIND_CREATE && fake_find_image(fake, call->config->image) != NULL)
        after = fake_find_image(fake, call->config->image)->create_ms + CALL_MS;
    if (!probe.faulty && call->has.deadline_ms && call->kind != HOST_CALL_KIND_STOP &&
        fake_wall(fake) + after > call->deadline_ms)
        probe.faulty = true, probe.fault = FAKE_FAULT_HANG;
    thing = fake_push(fake, THING_CALL,
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
    struct thing *now = fake_push(fake, thing->kind, fake->now);
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
        fake_end_container(fake, fake->containers[i], 137);
    for (struct thing *thing = things, *next; thing != NULL; thing = next) {
        next = thing->next;
        if (is_of_host(thing))
            keep(fake, thing);
        else if (thing->kind == THING_CALL || thing->kind == THING_STATS)
            fake_answer_error(thing, HOST_ERROR_CLASS_UNREACHABLE, STR("the connection broke"));
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
