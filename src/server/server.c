// The control plane put together: what is made in which order, which path leads where, how a tick
// is carried out, and how everything ends.
//
// The loop's thread owns the sockets, the API's front, the agents' sessions and the metrics. Ticks
// come to it as jobs, in the order in which they were decided. A tick's effects go out before its
// replies: they may still point into a request, which is gone once it is answered.
//
// The end, in this order: no new connections and no new sessions; what was accepted is decided,
// committed and answered; the core thread ends; the loop ends; the store is closed. stop_ms bounds
// the patience with clients, never the commit.

#include "server/server.h"

#include <stdatomic.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/file.h"
#include "io/socket.h"
#include "server/agents.h"
#include "server/api.h"
#include "server/auth.h"
#include "server/event_feed.h"
#include "server/event_hook.h"
#include "server/exec.h"
#include "server/intake.h"
#include "server/metrics.h"
#include "server/outside.h"
#include "server/recover.h"
#include "server/scaling.h"
#include "server/setup.h"
#include "server/usage_feed.h"
#include "wire/http_server.h"
#include "wire/json_write.h"
#include "wire/tls.h"

enum {
    FEED_ASKS_MAX = 1000,
    EXEC_SESSIONS_MAX = 1000,
    EXEC_TOKEN_MS = 5 * TIME_MINUTE_MS,
};

const struct server_options server_options_default = {
    .listen = STR_INIT("127.0.0.1:7420"),
    .region = STR_INIT("us-east-1"),
    .account = STR_INIT("123456789012"),
    .partition = STR_INIT("aws"),
    .auth = SERVER_AUTH_SIGV4,
    .store = SERVER_STORE_SQLITE,
    .stopped_task_keep_ms = TIME_HOUR_MS,
    .stopped_tasks_max = 250000,
    .inactive_keep_ms = TIME_HOUR_MS,
    .usage_histories_max = 20000,
    .definition_delete_ms = TIME_HOUR_MS,
    .events_kept = 100000,
    .events_age_ms = TIME_DAY_MS,
    .connections_max = 10000,
    .agents_max = 20000,
    .body_max = 1 << 20,
    .calls_max = 8192,
    .calls_bytes_max = (size_t)256 << 20,
    .heartbeat_ms = 30 * TIME_SECOND_MS,
    .exec_idle_ms = 20 * TIME_MINUTE_MS,
    .probe_ms = TIME_SECOND_MS,
    .stop_ms = 5 * TIME_SECOND_MS,
};

struct server {
    struct arena arena; // texts of the options
    struct server_options options;
    struct setup setup;
    struct state state;
    struct loop *loop;
    struct http_server *http;
    struct intake intake;
    struct metrics metrics;
    struct api api;
    struct agents *agents;
    struct execs *execs;
    struct scaling_config scaling_config;
    struct scaling *scaling;
    struct outside *outside;
    struct event_log *events;
    struct event_feed *feed;
    struct event_hook *hook; // NULL: none
    struct usage *usage;
    struct tick_thread *ticks;
    struct str address;
    struct str url;
    pthread_t thread;
    bool state_is_up;

    struct loop_job stop_job;
    struct loop_job ended_job;
    struct loop_job reload_job;
    atomic_bool reload_is_posted;
    struct loop_timer patience;
    bool is_stopping;
    bool core_is_stopping;
};

// ---- requests

static void answer_text(struct http_exchange *exchange, int status, struct str type,
                        struct str body)
{
    const struct http_header headers[] = {
        {STR("Content-Type"), type},
        {STR("Cache-Control"), STR("no-store")},
    };

    http_reply(exchange, &(struct http_response){
                             .status = status, .headers = headers, .headers_n = 2, .body = body});
}

static void answer_health(const struct server *server, struct http_exchange *exchange)
{
    if (server->metrics.store_is_down)
        answer_text(exchange, 503, STR("application/json"),
                    STR("{\"status\":\"degraded\",\"reason\":\"the store takes no writes; reads "
                        "go on\"}"));
    else
        answer_text(exchange, 200, STR("application/json"), STR("{\"status\":\"ok\"}"));
}

static void answer_metrics(const struct server *server, struct http_exchange *exchange)
{
    BUF_AUTO struct buf text = BUF_INIT;
    struct http_server_stats stats = http_server_stats(server->http);

    metrics_write(&server->metrics, &stats, &text);
    scaling_write_metrics(server->scaling, &text);
    execs_write_metrics(server->execs, &text);
    usage_write_metrics(server->usage, clock_wall_ms(), &text);
    answer_text(exchange, 200, STR("text/plain; version=0.0.4"), buf_str(&text));
}

static bool is_get(const struct http_request *request)
{
    return str_eq(request->method, STR("GET")) || str_eq(request->method, STR("HEAD"));
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct server *server = user;
    enum channel_kind channel;

    if (is_get(request) && str_eq(request->path, STR("/healthz")))
        answer_health(server, exchange);
    else if (is_get(request) && str_eq(request->path, STR("/metrics")))
        answer_metrics(server, exchange);
    else if (is_get(request) && agents_channel_of(request->path, &channel))
        agents_request(server->agents, channel, exchange, request);
    else if (is_get(request) && str_eq(request->path, STR("/events")))
        event_feed_request(server->feed, exchange, request);
    else if (execs_takes(request))
        execs_request(server->execs, exchange, request);
    else if (is_get(request) && str_eq(request->path, STR("/usage")))
        usage_feed_request(server->usage, server->setup.auth, exchange, request);
    else
        api_request(&server->api, exchange, request);
}

static void on_refused(void *user, int status, struct str detail, struct arena *arena,
                       struct http_response *out)
{
    struct server *server = user;

    api_refusal(&server->api, status, detail, arena, out);
}

static const struct http_server_handler http_handler = {
    .on_request = on_request,
    .on_refused = on_refused,
};

// ---- ticks

static void carry_out_inputs(struct server *server, struct tick *tick)
{
    struct queue_item *item;

    while ((item = queue_chain_pop(&tick->inputs)) != NULL) {
        struct input *input = input_of(item);
        if (input->kind == INPUT_CALL) {
            struct call *call = (struct call *)input;
            if (tick->failed)
                call->verdict = VERDICT_UNAVAILABLE;
            api_answer(&server->api, call);
        } else if (input->kind == INPUT_SCALED) {
            scaled_input_free((struct scaled_input *)input);
        } else if (input->kind == INPUT_WORD) {
            outside_decided(server->outside, (struct word *)input, tick->failed);
        } else {
            agents_decided(server->agents, (struct agent_input *)input, tick->failed);
        }
    }
}

static void carry_out(void *user)
{
    struct tick *tick = user;
    struct server *server = tick->owner;

    metrics_tick(&server->metrics, tick);
    for (struct effect *effect = tick->step.first; effect != NULL; effect = effect->next) {
        if (tick->failed)
            effect_refuse(effect);
        if (effect->kind == EFFECT_SCALE)
            scaling_effect(server->scaling, effect);
        else if (effect->kind == EFFECT_EXEC)
            execs_effect(server->execs, effect);
        else if (effect->kind == EFFECT_USAGE)
            usage_take(server->usage, effect->value);
        else if (effect_goes_outside(effect))
            outside_effect(server->outside, effect);
        else
            agents_effect(server->agents, effect);
    }
    carry_out_inputs(server, tick);
    if (!tick->failed) {
        usage_forget(server->usage, &tick->batch.journal);
        event_feed_told(server->feed, tick->events_last);
        event_hook_told(server->hook, tick->events_last);
    }
    tick_release(server->ticks, tick);
}

static void on_tick(void *user, struct tick *tick)
{
    struct server *server = user;

    tick->owner = server;
    loop_job_init(&tick->job, carry_out, tick);
    loop_post(server->loop, &tick->job);
}

// ---- the end

static void on_core_ended(void *user)
{
    struct server *server = user;

    loop_post(server->loop, &server->ended_job);
}

static void on_ended(void *user)
{
    struct server *server = user;

    loop_stop(server->loop);
}

// Clients are served, or have had their time: whatever is queued is the last.
static void stop_core(void *user)
{
    struct server *server = user;

    if (server->core_is_stopping)
        return;
    server->core_is_stopping = true;
    loop_timer_stop(&server->patience);
    server->api.closed = true;
    agents_mute(server->agents);
    scaling_mute(server->scaling);
    outside_mute(server->outside);
    intake_flush(&server->intake);
    tick_thread_stop(server->ticks);
}

static void on_stop(void *user)
{
    struct server *server = user;

    server->is_stopping = true;
    event_feed_close(server->feed);
    event_hook_close(server->hook);
    execs_close(server->execs);
    agents_close(server->agents);
    loop_timer_start(&server->patience, server->options.stop_ms);
    http_server_drain(server->http, stop_core, server);
}

static void *serve(void *user)
{
    struct server *server = user;

    loop_run(server->loop);
    return NULL;
}

static void free_server(struct server *server)
{
    http_server_free(server->http);
    execs_free(server->execs);
    agents_free(server->agents);
    scaling_free(server->scaling);
    outside_free(server->outside);
    api_deinit(&server->api);
    event_hook_close(server->hook);
    if (server->loop != NULL)
        loop_close(server->loop);
    event_feed_free(server->feed); // the loop's last jobs may have been theirs
    event_hook_free(server->hook);
    usage_free(server->usage);
    event_log_close(server->events);
    setup_deinit(&server->setup); // the store first: the rest is memory, and may be much of it
    if (server->state_is_up)
        state_deinit(&server->state);
    arena_deinit(&server->arena);
    mem_free(server);
}

void server_stop(struct server *server)
{
    if (server == NULL)
        return;
    loop_post(server->loop, &server->stop_job);
    pthread_join(server->thread, NULL);
    loop_timer_stop(&server->patience);
    tick_thread_join(server->ticks);
    LOG_INFO("server.stopped", LOG_STR("address", server->address));
    free_server(server);
}

// ---- reloading

static void on_reload(void *user)
{
    struct server *server = user;
    struct arena scratch = ARENA_INIT;
    struct str detail = STR_NONE;

    atomic_store(&server->reload_is_posted, false);
    if (auth_reload(server->setup.auth, &scratch, &detail) != 0)
        LOG_ERROR("credentials.unusable", LOG_STR("detail", detail),
                  LOG_STR("effect", STR("the keys known before stay in force")));
    else
        LOG_INFO("credentials.loaded", LOG_STR("reason", STR("reload")));
    if (!outside_load(server->outside, &scratch, &detail))
        LOG_ERROR("hooks.unusable", LOG_STR("detail", detail),
                  LOG_STR("effect", STR("the lifecycle hooks known before stay in force")));
    arena_deinit(&scratch);
}

void server_reload(struct server *server)
{
    if (!atomic_exchange(&server->reload_is_posted, true))
        loop_post(server->loop, &server->reload_job);
}

// ---- the start

static struct server *server_new(const struct server_options *options)
{
    struct server *server = mem_zalloc(sizeof *server);
    struct arena *arena = &server->arena;

    server->options = *options;
    server->options.region = str_copy(arena, options->region);
    server->options.account = str_copy(arena, options->account);
    server->options.partition = str_copy(arena, options->partition);
    server->options.events_webhook = str_copy(arena, options->events_webhook);
    return server;
}

static int read_scaling(struct server *server, struct arena *arena, struct str *out_detail)
{
    const char *path = server->options.scaling_path;
    struct str why;

    if (path == NULL ||
        scaling_config_read(path, &server->arena, &server->scaling_config, &why) == 0)
        return 0;
    *out_detail =
        str_fmt(arena, "cannot use the scaling settings in %s: %.*s", path, STR_ARGS(why));
    return SERVER_E_OPTIONS;
}

static int recover(struct server *server, struct arena *arena, struct str *out_detail)
{
    const struct server_options *options = &server->options;
    struct state_config config = {
        .partition = options->partition,
        .account = options->account,
        .stopped_task_keep_ms = options->stopped_task_keep_ms,
        .stopped_tasks_max = options->stopped_tasks_max,
        .inactive_keep_ms = options->inactive_keep_ms,
        .definition_delete_ms = options->definition_delete_ms,
        .limits = server->scaling_config.limits,
        .limits_n = server->scaling_config.n,
        .has_alarms = options->alarms != NULL,
    };

    state_init(&server->state, &config);
    server->state_is_up = true;
    return setup_recover(&server->setup, &server->state, options, arena, out_detail);
}

static int open_events(struct server *server, struct arena *arena, struct str *out_detail)
{
    struct event_log_config config = {
        .store = server->setup.store,
        .account = server->options.account,
        .kept = server->options.events_kept,
        .age_ms = server->options.events_age_ms,
        .seed = entropy_u64(),
    };
    int outcome = event_log_open(&config, &server->events);

    if (outcome == 0)
        return 0;
    *out_detail = str_fmt(arena, "cannot read the event log: %s", store_outcome_text(outcome));
    return SERVER_E_START;
}

static int make_hook(struct server *server, struct arena *arena, struct str *out_detail)
{
    struct event_hook_config config = {
        .source = {.loop = server->loop, .ticks = &server->ticks, .log = server->events},
        .store = server->setup.store,
        .url = server->options.events_webhook,
        .seed = entropy_u64(),
    };

    if (config.url.len == 0 || !event_log_is_on(server->events))
        return 0;
    return event_hook_new(&config, arena, out_detail, &server->hook) != 0 ? SERVER_E_OPTIONS : 0;
}

static const char *log_folder(struct server *server)
{
    const char *data_dir = server->options.data_dir;

    return data_dir != NULL ? arena_printf(&server->arena, "%s/exec-logs", data_dir) : NULL;
}

static void make_front(struct server *server)
{
    const struct server_options *options = &server->options;
    struct http_server_config http_config = http_server_defaults;
    struct api_config api_config = {
        .auth = server->setup.auth,
        .intake = &server->intake,
        .metrics = &server->metrics,
        .calls_max = options->calls_max,
        .calls_bytes_max = options->calls_bytes_max,
        .scheme = server->setup.tls != NULL ? STR("https") : STR("http"),
        .address = server->address,
        .seed = entropy_u64(),
    };
    struct agents_config agents_config = {
        .loop = server->loop,
        .auth = server->setup.auth,
        .intake = &server->intake,
        .metrics = &server->metrics,
        .sessions_max = options->agents_max,
        .heartbeat_ms = options->heartbeat_ms,
        .seed = entropy_u64(),
    };
    struct execs_config execs_config = {
        .loop = server->loop,
        .auth = server->setup.auth,
        .log_folder = log_folder(server),
        .is_tls = server->setup.tls != NULL,
        .idle_ms = options->exec_idle_ms,
        .token_ms = EXEC_TOKEN_MS,
        .sessions_max = EXEC_SESSIONS_MAX,
        .seed = entropy_u64(),
    };
    struct outside_config outside_config = {
        .loop = server->loop,
        .intake = &server->intake,
        .hooks_path = options->lifecycle_hooks,
        .alarms = options->alarms,
    };
    struct event_feed_config feed_config = {
        .source = {.loop = server->loop, .ticks = &server->ticks, .log = server->events},
        .auth = server->setup.auth,
        .asks_max = FEED_ASKS_MAX,
    };

    struct usage_config usage_config = {
        .histories_max = options->usage_histories_max,
        .tells_tasks = options->metrics_tasks,
    };
    struct scaling_options scaling_options = {
        .loop = server->loop,
        .intake = &server->intake,
        .config = server->scaling_config,
    };

    http_config.connections_max = options->connections_max;
    http_config.body_max = options->body_max;
    server->http = http_server_new(server->loop, &http_config, &http_handler, server);
    api_init(&server->api, &api_config);
    server->agents = agents_new(&agents_config);
    execs_config.agents = server->agents;
    server->execs = execs_new(&execs_config);
    server->scaling = scaling_new(&scaling_options);
    server->outside = outside_new(&outside_config);
    server->feed = event_feed_new(&feed_config);
    server->usage = usage_new(&usage_config);
    metrics_init(&server->metrics, &server->state);
    loop_job_init(&server->stop_job, on_stop, server);
    loop_job_init(&server->ended_job, on_ended, server);
    loop_job_init(&server->reload_job, on_reload, server);
    loop_timer_init(&server->patience, server->loop, stop_core, server);
}

// The descriptor is the HTTP server's from here on.
static int open_loop(struct server *server)
{
    int fd = server->setup.listen_fd;
    struct socket_address address;

    TRY(socket_local(fd, &address));
    server->address = socket_address_text(&server->arena, &address);
    server->url = str_fmt(&server->arena, "%s://%.*s", server->setup.tls != NULL ? "https" : "http",
                          STR_ARGS(server->address));
    TRY(loop_open(&server->loop));
    make_front(server);
    server->setup.listen_fd = -1;
    TRY(http_server_listen(server->http, fd, server->setup.tls));
    return 0;
}

static void start_threads(struct server *server)
{
    struct tick_config config = {
        .state = &server->state,
        .store = server->setup.store,
        .log = server->events,
        .seed = entropy_u64(),
        .probe_ms = server->options.probe_ms,
        .deliver = on_tick,
        .done = on_core_ended,
        .user = server,
    };
    int rc;

    server->ticks = tick_thread_start(&config);
    intake_init(&server->intake, server->loop, server->ticks);
    event_hook_told(server->hook, event_log_last(server->events));
    rc = pthread_create(&server->thread, NULL, serve, server);
    ASSERT(rc == 0);
    pthread_setname_np(server->thread, "gantry-wire");
}

int server_start(const struct server_options *options, struct arena *arena, struct str *out_detail,
                 struct server **out)
{
    struct server *server = server_new(options);
    int outcome = setup_init(&server->setup, options, arena, out_detail);
    int fault;

    if (outcome == 0)
        outcome = read_scaling(server, arena, out_detail);
    if (outcome == 0)
        outcome = recover(server, arena, out_detail);
    if (outcome == 0)
        outcome = open_events(server, arena, out_detail);
    if (outcome == 0 && (fault = open_loop(server)) != 0) {
        *out_detail = str_fmt(arena, "cannot serve: %s", strerrordesc_np(-fault));
        outcome = SERVER_E_START;
    }
    if (outcome == 0 && !outside_load(server->outside, arena, out_detail))
        outcome = SERVER_E_OPTIONS;
    if (outcome == 0)
        outcome = make_hook(server, arena, out_detail);
    if (outcome != 0) {
        free_server(server);
        return outcome;
    }
    start_threads(server);
    LOG_INFO("server.listening", LOG_STR("url", server->url),
             LOG_STR("version", STR(GANTRY_VERSION)),
             LOG_STR("auth", options->auth == SERVER_AUTH_NONE ? STR("none") : STR("sigv4")));
    *out = server;
    return 0;
}

struct str server_address(const struct server *server)
{
    return server->address;
}

struct str server_url(const struct server *server)
{
    return server->url;
}
