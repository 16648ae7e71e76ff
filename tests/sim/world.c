// See world.h.

#include "tests/sim/world.h"

#include "base/arena.h"
#include "base/mem.h"
#include "model/cluster.h"
#include "model/instance.h"
#include "model/service.h"
#include "model/task.h"
#include "tests/sim/generate.h"
#include "tests/sim/net.h"
#include "tests/sim/sim.h"

// A fault that ends by itself.
enum wane_kind {
    WANE_STORM,
    WANE_PARTED,
    WANE_DISK,
    WANE_SLOW,
    WANE_CHAOS,
    WANE_AWAY,
    WANE_HUNG,
    WANE_DEAF,
    WANE_SPACE
};

struct wane {
    struct list in_world;
    struct world *world;
    enum wane_kind kind;
    struct sim_host *host; // NULL: the server's
    struct loop_timer timer;
};

enum { FARGATE_HOST = 3 };

enum { COMMIT_MS = 8 };

static uint64_t below(struct world *w, uint64_t bound)
{
    return rng_below(&w->dice, bound);
}

// ---- faults that end

static void set_weather(struct world *w)
{
    struct net_weather weather = {.delay_ms = 1 + (int64_t)below(w, 20), .late_ms = 1};

    if (w->storms_n > 0 && !w->is_mended) {
        weather.lose_one_in = 3 + (uint32_t)below(w, 20);
        weather.double_one_in = 3 + (uint32_t)below(w, 20);
        weather.late_one_in = 3 + (uint32_t)below(w, 20);
        weather.late_ms = 1 + (int64_t)below(w, 10000);
    }
    net_set_weather(&weather);
}

static void end_wane(struct wane *wane)
{
    struct world *w = wane->world;

    switch (wane->kind) {
    case WANE_STORM:
        w->storms_n--;
        set_weather(w);
        break;
    case WANE_PARTED: net_join(sim_host_node(wane->host)); break;
    case WANE_DISK:
        if (wane->host != NULL)
            sim_host_fail_disk(wane->host, MEMORY_FAULT_NONE);
        else
            sim_server_fail_disk(w->server, MEMORY_FAULT_NONE);
        break;
    case WANE_SLOW: sim_server_slow_disk(w->server, COMMIT_MS); break;
    case WANE_CHAOS: fake_set_chaos(sim_host_fake(wane->host), 0); break;
    case WANE_AWAY: fake_set_down(sim_host_fake(wane->host), false); break;
    case WANE_HUNG:
        fake_set_hung(sim_host_fake(wane->host), false);
        sim_host_touched(wane->host);
        break;
    case WANE_SPACE: sim_host_node(wane->host)->is_nearly_full = false; break;
    case WANE_DEAF: fake_set_deaf(sim_host_fake(wane->host), 0); break;
    }
    loop_timer_stop(&wane->timer);
    list_remove(&wane->in_world);
    mem_free(wane);
}

static void on_wane(void *user)
{
    end_wane(user);
}

static void wane_after(struct world *w, enum wane_kind kind, struct sim_host *host, int64_t ms)
{
    struct wane *wane = mem_zalloc(sizeof *wane);

    wane->world = w;
    wane->kind = kind;
    wane->host = host;
    list_push_back(&w->wanes, &wane->in_world);
    loop_timer_init(&wane->timer, &w->node.loop, on_wane, wane);
    loop_timer_start(&wane->timer, ms);
}

// Mostly short, now and then long.
static int64_t a_while(struct world *w)
{
    return (int64_t)below(w, below(w, 4) ? 10 * TIME_SECOND_MS : 3 * TIME_MINUTE_MS);
}

// ---- containers and images

static struct fake_image *any_image(struct world *w, struct fake *fake)
{
    const struct str *name = &generate_images[below(w, GENERATE_IMAGES)];

    return fake_image(fake, name->ptr);
}

static bool is_named(const struct fake_image *image, struct str head)
{
    return str_starts(image->name, head);
}

// What the names promise, more or less.
static void script_image(struct world *w, struct fake_image *image)
{
    image->remote = !is_named(image, STR("absent"));
    image->pull_ms = (int64_t)below(w, below(w, 8) ? 3000 : 100000);
    image->create_ms = (int64_t)below(w, below(w, 8) ? 100 : 20000);
    image->run_ms = -1;
    if (is_named(image, STR("job")) || is_named(image, STR("fail")) ||
        is_named(image, STR("hungry")))
        image->run_ms = (int64_t)below(w, below(w, 3) ? (below(w, 2) ? 1000 : 60000) : 200000);
    if (image->run_ms >= 0 && w->plan->service_percent > 0)
        image->run_ms += 3000; // a service makes up for it at once
    image->exit_code = is_named(image, STR("fail")) ? 1 + (int32_t)below(w, 200) : 0;
    image->oom = is_named(image, STR("hungry"));
    image->ignores_term = is_named(image, STR("deaf"));
    image->healthy_after_ms = below(w, 4) ? (int64_t)below(w, 10000) : -1;
    image->unhealthy_after_ms = below(w, 8) ? -1 : (int64_t)below(w, 60000);
    image->flap_ms = is_named(image, STR("flaps")) ? 1 + (int64_t)below(w, 20000) : 0;
    image->start_error = STR_NONE;
    image->sets_region = below(w, 2);
    if (below(w, 7) == 0)
        image->start_error = STR("Error response from daemon: cannot start");
}

static struct sim_host *any_host(struct world *w)
{
    return w->hosts_n > 0 ? w->hosts[below(w, w->hosts_n)] : NULL;
}

static const struct fake_container *any_container(struct world *w, const struct fake *fake)
{
    size_t n = fake_containers(fake);
    const struct fake_container *c = n > 0 ? fake_container_at(fake, below(w, n)) : NULL;

    return c != NULL && !c->removed ? c : NULL;
}

// ---- actions on hosts

// A fleet that is large enough has a host that serves FARGATE, with room for two of its tasks.
static void start_host(struct world *w)
{
    struct sim_host_options options = {
        .number = (unsigned)w->hosts_n,
        .seed = rng_next(&w->dice),
        .cluster = below(w, 4) ? generate_clusters[0] : generate_clusters[below(w, 3)],
        .cpus = 1 + (int64_t)below(w, 4),
        .memory_mib = 256 + (int64_t)below(w, 4096),
        .zone = below(w, 2) ? STR("a") : STR("b"),
        .metrics = below(w, 8) == 0,
        .busy_port = below(w, 4) ? 0 : 40000 + (int32_t)below(w, 8),
    };
    struct sim_host *host;

    if (options.number == FARGATE_HOST) {
        options.fargate = true;
        options.cpus = 8;
        options.memory_mib = 17000;
    }
    host = sim_host_new(&options);
    for (size_t i = 0; i < GENERATE_IMAGES; i++)
        script_image(w, fake_image(sim_host_fake(host), generate_images[i].ptr));
    w->hosts[w->hosts_n++] = host;
    sim_host_start(host);
}

static void fail_runtime(struct world *w, struct sim_host *host)
{
    static const enum host_call_kind grave[] = {
        HOST_CALL_KIND_PULL, HOST_CALL_KIND_CREATE,  HOST_CALL_KIND_START,
        HOST_CALL_KIND_STOP, HOST_CALL_KIND_INSPECT, HOST_CALL_KIND_REMOVE,
    };
    enum host_call_kind kind =
        below(w, 3) ? grave[below(w, sizeof grave / sizeof *grave)]
                    : (enum host_call_kind)(1 + below(w, HOST_CALL_KIND_LIST_VOLUMES));
    enum fake_fault fault = (enum fake_fault)below(w, FAKE_FAULT_LIE + 1);
    int times = 1 + (int)below(w, below(w, 2) ? 3 : 12);
    enum host_error_class class =
        fault == FAKE_FAULT_LOST ? HOST_ERROR_CLASS_UNREACHABLE : HOST_ERROR_CLASS_OTHER;

    sim_say(sim_host_node(host), "runtime fails %.*s as %d",
            STR_ARGS(host_call_kind_enum.values[kind]), (int)fault);
    fake_fail(sim_host_fake(host), kind, times, fault, class,
              "Error response from daemon: simulated");
}

static void act_on_container(struct world *w, struct sim_host *host, enum action_kind kind)
{
    struct fake *fake = sim_host_fake(host);
    const struct fake_container *c = any_container(w, fake);

    if (c == NULL)
        return;
    sim_say(sim_host_node(host), "container %.*s: %.*s", STR_ARGS(c->name),
            STR_ARGS(action_name(kind)));
    if (kind == ACTION_CONTAINER_VANISHES)
        sim_host_vanish(host, c->id);
    else if (kind == ACTION_CONTAINER_STARTS)
        fake_start(fake, c->id);
    else
        fake_exit(fake, c->id, (int32_t)below(w, 3));
}

static void act_on_runtime(struct world *w, struct sim_host *host, enum action_kind kind)
{
    struct fake *fake = sim_host_fake(host);

    kernel_enter(sim_host_node(host));
    switch ((int)kind) {
    case ACTION_RUNTIME_FAILS: fail_runtime(w, host); break;
    case ACTION_RUNTIME_CHAOS:
        fake_set_chaos(fake, 2 + (uint32_t)below(w, 10));
        wane_after(w, WANE_CHAOS, host, a_while(w));
        break;
    case ACTION_RUNTIME_RESTARTS: fake_restart(fake); break;
    case ACTION_RUNTIME_AWAY:
        fake_set_down(fake, true);
        wane_after(w, WANE_AWAY, host, a_while(w));
        break;
    case ACTION_RUNTIME_HANGS:
        fake_set_hung(fake, true);
        wane_after(w, WANE_HUNG, host, a_while(w));
        break;
    case ACTION_RUNTIME_DEAF:
        fake_set_deaf(fake, 1 + (uint32_t)below(w, 5));
        wane_after(w, WANE_DEAF, host, a_while(w));
        break;
    case ACTION_IMAGE_CHANGES: script_image(w, any_image(w, fake)); break;
    case ACTION_CONTAINER_ENDS:
    case ACTION_CONTAINER_STARTS:
    case ACTION_CONTAINER_VANISHES: act_on_container(w, host, kind); break;
    }
    kernel_leave(sim_host_node(host));
    sim_host_touched(host);
    sim_host_settle(host);
}

// At once, or at one of its next acts.
static void doom(struct world *w, struct node *node)
{
    node->silent = below(w, 4) == 0;
    node->acts_left = 1 + (unsigned)below(w, below(w, 2) ? 6 : 60);
}

// An hour at most. Not forward twice in two minutes: a runtime that is late by one wait of the
// agent is meant, not one that is late by all of them.
static int64_t host_jump(struct world *w, struct node *node)
{
    int64_t jump_ms = (int64_t)below(w, 2 * TIME_HOUR_MS) - TIME_HOUR_MS;

    if (jump_ms > 0 && kernel_now_ms() < node->no_jump_before_ms)
        return -jump_ms;
    if (jump_ms > 0)
        node->no_jump_before_ms = kernel_now_ms() + 2 * TIME_MINUTE_MS;
    return jump_ms;
}

static void act_on_host(struct world *w, struct sim_host *host, enum action_kind kind)
{
    struct node *node = sim_host_node(host);

    switch ((int)kind) {
    case ACTION_HOST_DIES:
        doom(w, node);
        if (below(w, 3) == 0)
            sim_host_kill(host, a_while(w));
        return;
    case ACTION_HOST_STOPS: sim_host_stop(host, a_while(w)); return;
    case ACTION_HOST_WIPED:
        sim_host_kill(host, -1);
        sim_host_wipe(host);
        return;
    case ACTION_HOST_DISK:
        sim_host_fail_disk(host, below(w, 2) ? MEMORY_FAULT_FULL : MEMORY_FAULT_IO);
        wane_after(w, WANE_DISK, host, a_while(w));
        return;
    case ACTION_HOST_SPACE:
        node->is_nearly_full = true;
        wane_after(w, WANE_SPACE, host, a_while(w));
        return;
    case ACTION_HOST_CLOCK: sim_host_jump(host, host_jump(w, node)); return;
    case ACTION_NET_CUT: net_cut(node); return;
    case ACTION_NET_HALF_OPEN: net_half_open(node, below(w, 2)); return;
    case ACTION_NET_STALL: net_stall(node, a_while(w)); return;
    case ACTION_NET_ECHO:
        if (kernel_now_ms() >= node->no_jump_before_ms) // or it might come to what was cleaned up
            net_echo(node);
        return;
    case ACTION_NET_PARTS:
        net_part(node);
        wane_after(w, WANE_PARTED, host, a_while(w));
        return;
    default: act_on_runtime(w, host, kind); return;
    }
}

// ---- actions on the server

static void act_on_server(struct world *w, enum action_kind kind)
{
    struct node *node = sim_server_node(w->server);

    switch ((int)kind) {
    case ACTION_SERVER_DIES:
        w->server_down_ms = (int64_t)below(w, below(w, 3) ? 1000 : 60000);
        doom(w, node);
        if (below(w, 3) == 0)
            sim_server_kill(w->server, w->server_down_ms);
        return;
    case ACTION_SERVER_DISK:
        sim_server_fail_disk(w->server, below(w, 2) ? MEMORY_FAULT_FULL : MEMORY_FAULT_IO);
        wane_after(w, WANE_DISK, NULL, a_while(w));
        return;
    case ACTION_SERVER_DISK_SLOW:
        sim_server_slow_disk(w->server, 1 + (int64_t)below(w, 5000));
        wane_after(w, WANE_SLOW, NULL, a_while(w));
        return;
    case ACTION_SERVER_CLOCK:
        // Never so far ahead that a clientToken is forgotten while a call is repeated.
        node->wall_ahead_ms = (int64_t)below(w, 50 * TIME_MINUTE_MS) - 30 * TIME_MINUTE_MS;
        return;
    case ACTION_NET_STORM:
        w->storms_n++;
        set_weather(w);
        wane_after(w, WANE_STORM, NULL, a_while(w));
        return;
    }
}

static bool is_of_server(enum action_kind kind)
{
    return kind == ACTION_SERVER_DIES || kind == ACTION_SERVER_DISK ||
           kind == ACTION_SERVER_DISK_SLOW || kind == ACTION_SERVER_CLOCK ||
           kind == ACTION_NET_STORM;
}

void world_act(struct world *w, size_t index, const struct action *action)
{
    struct sim_host *host;

    rng_init(&w->dice, action->seed);
    sim_say(NULL, "%zu: %.*s", index, STR_ARGS(action_name(action->kind)));
    if (action->kind == ACTION_HOST_STARTS) {
        start_host(w);
    } else if (action->kind == ACTION_CALL) {
        client_act(w->clients[below(w, w->clients_n)], action->seed);
    } else if (action->kind == ACTION_BOOK) {
        book_act(w->book, action->seed);
    } else if (is_of_server(action->kind)) {
        act_on_server(w, action->kind);
    } else {
        host = any_host(w);
        if (host != NULL)
            act_on_host(w, host, action->kind);
    }
}

// ---- the end of the faults

static void mend_host(struct world *w, struct sim_host *host)
{
    struct node *node = sim_host_node(host);

    (void)w;
    node->acts_left = 0;
    fake_forgive(sim_host_fake(host));
    if (sim_host_is_refused(host))
        sim_host_wipe(host);
    else if (!sim_host_is_up(host) && !sim_host_is_coming(host))
        sim_host_kill(host, 0);
}

void world_mend(struct world *w)
{
    w->is_mended = true;
    while (!list_is_empty(&w->wanes))
        end_wane(LIST_ENTRY(w->wanes.next, struct wane, in_world));
    set_weather(w);
    sim_server_node(w->server)->acts_left = 0;
    for (size_t i = 0; i < w->hosts_n; i++)
        mend_host(w, w->hosts[i]);
    for (size_t i = 0; i < w->hosts_n && w->has_liars; i++)
        net_cut(sim_host_node(w->hosts[i])); // a new session tells what was a lie
}

static bool has_host(const struct world *w, const struct instance *instance)
{
    for (size_t i = 0; i < w->hosts_n; i++) {
        struct str head;
        struct str uid;

        if (str_cut_last(sim_host_instance(w->hosts[i]), '/', &head, &uid) &&
            str_eq(uid, instance->uid))
            return true;
    }
    return false;
}

// Instances without a host: its data was wiped, or there never was one.
static void remove_ghosts(struct world *w, struct arena *arena)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *instances = &state->entities[REC_KIND_INSTANCE];

    for (uint64_t id = 0; (id = idtable_next(instances, id)) != 0;) {
        const struct instance *instance = instance_get(state, id);

        if (instance_is_registered(instance) && instance->session == 0 && !has_host(w, instance))
            client_ask(
                w->clients[0], ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE,
                str_fmt(
                    arena, "{\"cluster\":\"%.*s\",\"containerInstance\":\"%.*s\",\"force\":true}",
                    STR_ARGS(cluster_arn(state, cluster_get(state, instance->cluster_id), arena)),
                    STR_ARGS(instance_arn(state, instance, arena))));
    }
}

void world_make_clusters(struct world *w)
{
    struct arena arena = ARENA_INIT;

    for (size_t i = 0; i < GENERATE_CLUSTERS; i++)
        client_ask(w->clients[0], ECS_OPERATION_CREATE_CLUSTER,
                   str_fmt(&arena, "{\"clusterName\":\"%.*s\"}", STR_ARGS(generate_clusters[i])));
    if (w->plan->seed % 2 == 0)
        remove_ghosts(w, &arena);
    arena_deinit(&arena);
}

static void mend_image(struct fake_image *image)
{
    image->remote = true;
    image->pull_ms = 100;
    image->create_ms = 50;
    image->run_ms = -1;
    image->oom = false;
    image->healthy_after_ms = 1000;
    image->unhealthy_after_ms = -1;
    image->flap_ms = 0;
    image->start_error = STR_NONE;
}

void world_mend_images(struct world *w)
{
    for (size_t i = 0; i < w->hosts_n; i++) {
        struct fake *fake = sim_host_fake(w->hosts[i]);

        for (size_t k = 0; k < GENERATE_IMAGES; k++)
            mend_image(fake_image(fake, generate_images[k].ptr));
        kernel_enter(sim_host_node(w->hosts[i]));
        fake_heal(fake);
        kernel_leave(sim_host_node(w->hosts[i]));
        sim_host_touched(w->hosts[i]);
    }
}

static void delete_services(struct world *w, struct arena *arena)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *services = &state->entities[REC_KIND_SERVICE];

    for (uint64_t id = 0; (id = idtable_next(services, id)) != 0;) {
        const struct service *service = service_get(state, id);

        if (service->rec->status == REC_SERVICE_STATUS_ACTIVE)
            client_ask(w->clients[0], ECS_OPERATION_DELETE_SERVICE,
                       str_fmt(arena, "{\"cluster\":\"%.*s\",\"service\":\"%.*s\",\"force\":true}",
                               STR_ARGS(cluster_arn(state, cluster_get(state, service->cluster_id),
                                                    arena)),
                               STR_ARGS(service->rec->name)));
    }
}

void world_stop_all(struct world *w)
{
    const struct state *state = sim_server_state(w->server);
    const struct idtable *tasks = &state->entities[REC_KIND_TASK];
    struct arena arena = ARENA_INIT;

    delete_services(w, &arena);
    for (uint64_t id = 0; (id = idtable_next(tasks, id)) != 0;) {
        const struct task *task = task_get(state, id);
        if (task_is_wanted(task) && task->rec->service_id == 0)
            client_ask(
                w->clients[0], ECS_OPERATION_STOP_TASK,
                str_fmt(&arena, "{\"cluster\":\"%.*s\",\"task\":\"%.*s\"}",
                        STR_ARGS(cluster_arn(state, cluster_get(state, task->cluster_id), &arena)),
                        STR_ARGS(task_arn(state, task, &arena))));
    }
    arena_deinit(&arena);
}

uint64_t world_answered(const struct world *w)
{
    uint64_t n = book_answered(w->book);

    for (size_t i = 0; i < w->clients_n; i++)
        n += client_answered(w->clients[i]);
    return n;
}

// ---- life

struct world *world_new(const struct plan *plan)
{
    struct world *w = mem_zalloc(sizeof *w);
    struct sim_server_options server = {.heartbeat_ms = 30 * TIME_SECOND_MS,
                                        .commit_ms = COMMIT_MS};
    struct generator_options calls = {.seed = plan->seed + 3,
                                      .service_percent = plan->service_percent};

    w->plan = plan;
    list_init(&w->wanes);
    rng_init(&w->dice, plan->seed + 1);
    node_init(&w->node, "world", plan->seed);
    server.seed = rng_next(&w->dice);
    server.stopped_task_keep_ms = below(w, 2) ? (5 + (int64_t)below(w, 60)) * TIME_SECOND_MS
                                              : (1 + (int64_t)below(w, 60)) * TIME_MINUTE_MS;
    server.inactive_keep_ms = (1 + (int64_t)below(w, 60)) * TIME_MINUTE_MS;
    server.definition_delete_ms = (1 + (int64_t)below(w, 600)) * TIME_SECOND_MS;
    server.events_kept = below(w, 2) ? 1000000 : 20 + below(w, 200);
    server.events_age_ms =
        below(w, 2) ? 365 * TIME_DAY_MS : (1 + (int64_t)below(w, 20)) * TIME_MINUTE_MS;
    calls.hostile_percent = below(w, 2) ? 5 : (uint32_t)below(w, 60);
    w->has_liars = below(w, 8) == 0;
    calls.lies = w->has_liars;
    set_weather(w);
    w->server = sim_server_new(&server);
    sim_server_start(w->server);
    w->generator = generator_new(&calls);
    for (unsigned i = 0; i < plan->clients_n; i++)
        w->clients[w->clients_n++] = client_new(i, rng_next(&w->dice), w->generator);
    w->book = book_new(rng_next(&w->dice));
    return w;
}

void world_free(struct world *w)
{
    for (size_t i = 0; i < w->hosts_n; i++)
        sim_host_kill(w->hosts[i], -1);
    sim_server_kill(w->server, -1);
    for (size_t i = 0; i < w->clients_n; i++)
        client_free(w->clients[i]);
    book_free(w->book);
    generator_free(w->generator);
    for (size_t i = 0; i < w->hosts_n; i++)
        sim_host_free(w->hosts[i]);
    sim_server_free(w->server);
    mem_free(w);
}
