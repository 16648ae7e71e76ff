// See meta_server.h. A request is read (meta_path), counted (meta_limit), and answered from the
// engine's views as they are at this moment (meta_docs). Two kinds wait for the server: task
// protection (meta_protect) and tags (meta_tags).
//
// Refused: a path that is not there (404), a method that it does not have (405), more requests than
// the limit (429), and whatever the HTTP server itself refuses: slow, long and broken ones.

#include "agent/meta_server.h"

#include "agent/meta_faults.h"
#include "agent/meta_limit.h"
#include "agent/meta_path.h"
#include "agent/meta_people.h"
#include "agent/meta_protect.h"
#include "agent/meta_reply.h"
#include "agent/meta_tags.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "io/socket.h"
#include "wire/crypto.h"
#include "wire/http_server.h"
#include "wire/json_write.h"

enum {
    TIMEOUT_MS = 5 * 1000,
    IDLE_MS = 60 * 1000,
    BODY_MAX = 64 << 10,
    CONNECTIONS_MAX = 1000,
    INTROSPECTIONS_MAX = 100,
    BACKLOG = 128,
};

struct meta_server {
    struct meta_config config;
    struct arena arena; // of `host`
    struct meta_host host;
    struct http_server *tasks;
    struct http_server *people;
    struct meta_people people_asked;
    uint16_t tasks_port;
    uint16_t people_port;
    struct meta_limit *limit;
    struct meta_protect *protect;
    struct meta_tags *tags;
};

// One request of a container.
struct ask {
    struct meta_server *server;
    struct http_exchange *exchange;
    const struct http_request *request;
    struct arena *arena; // the exchange's
    struct meta_path path;
    struct engine_view_list views;
    struct str address; // of the caller, without the port
    struct str remote;  // with it
};

#define NOT_FOUND_TEXT STR("404 page not found\n")

// ---- who is meant

static const char *const version_names[] = {[META_V2] = "V2", [META_V3] = "V3", [META_V4] = "V4"};

// Unknown callers get another status in each version; `is_stats` matters to v3.
static void reply_unknown(struct ask *ask, const char *handler, const char *what, bool is_stats)
{
    int status = ask->path.version == META_V4 ? 404 : 400;
    struct str text;

    if (ask->path.version == META_V3 && !is_stats)
        status = 500;
    if (ask->path.version == META_V2)
        text = str_fmt(ask->arena,
                       "V2 %s handler: unable to get task arn from request: unable to associate "
                       "'%.*s' with task",
                       handler, STR_ARGS(ask->address));
    else
        text = str_fmt(ask->arena, "%s %s handler: unable to get %s from v3 endpoint ID: %.*s",
                       version_names[ask->path.version], handler, what, STR_ARGS(ask->path.id));
    meta_reply_string(ask->exchange, status, text);
}

#define OF_TASK      "task arn from request: unable to get task Arn"
#define OF_CONTAINER "container ID from request: unable to get docker ID"

// In v2 the caller's address says its task, and a runtime id in the path one of its containers.
static const struct engine_view *find_task(const struct ask *ask)
{
    if (ask->path.version == META_V2)
        return meta_find_address(&ask->views, ask->address);
    return meta_find_task(&ask->views, ask->path.id);
}

static const struct engine_view *find_container(const struct ask *ask)
{
    const struct engine_view *own;
    const struct engine_view *meant;

    if (ask->path.version != META_V2)
        return meta_find_endpoint(&ask->views, ask->path.id);
    own = meta_find_address(&ask->views, ask->address);
    meant = meta_find_runtime_id(&ask->views, ask->path.id);
    return own != NULL && meant != NULL && str_eq(own->task_arn, meant->task_arn) ? meant : NULL;
}

static enum meta_version version_of(const struct ask *ask)
{
    return (enum meta_version)ask->path.version;
}

// ---- metadata

static void answer_container(struct ask *ask)
{
    const struct engine_view *view = find_container(ask);
    struct meta_container container = {0};

    if (view == NULL) {
        reply_unknown(ask, "container metadata", OF_CONTAINER, false);
        return;
    }
    meta_fill_container(version_of(ask), view, ask->arena, &container);
    meta_reply(ask->exchange, 200, &meta_container_shape, &container);
}

static void answer_task(struct ask *ask)
{
    const struct engine_view *view = find_task(ask);
    struct meta_task *task = arena_new(ask->arena, struct meta_task);

    if (view == NULL) {
        reply_unknown(ask, "task metadata", OF_TASK, false);
        return;
    }
    meta_fill_task(version_of(ask), &ask->server->host, &ask->views, view->task_arn, ask->arena,
                   task);
    if (ask->path.what == META_TASK_WITH_TAGS)
        meta_tags_request(ask->server->tags, ask->exchange, ask->server->host.container_instance,
                          task, ask->path.version == META_V4);
    else
        meta_reply(ask->exchange, 200, &meta_task_shape, task);
}

// ---- statistics

static void write_rates(struct json_writer *w, const struct meter_sample *sample)
{
    json_write_name(w, STR("network_rate_stats"));
    json_write_object(w);
    json_write_name(w, STR("rx_bytes_per_sec"));
    json_write_double(w, sample->rx_bytes_per_second);
    json_write_name(w, STR("tx_bytes_per_sec"));
    json_write_double(w, sample->tx_bytes_per_second);
    json_write_object_end(w);
}

// v4 adds the rates to the engine's object, and has an empty one where the others have none.
static void write_sample(struct json_writer *w, enum meta_version version,
                         const struct meter_sample *sample)
{
    struct str json = str_trim(sample->json);

    if (json.len < 2 && version == META_V4) {
        json_write_raw(w, STR("{}"));
    } else if (json.len < 2) {
        json_write_null(w);
    } else if (version == META_V4 && sample->has_rates && json.len > 2) {
        buf_add_str(w->out, str_take(json, json.len - 1));
        w->comma = true;
        write_rates(w, sample);
        buf_add_char(w->out, '}');
    } else {
        json_write_raw(w, json);
    }
}

static bool get_sample(const struct ask *ask, const struct engine_view *view,
                       struct meter_sample *out)
{
    const struct meta_source *source = &ask->server->config.source;

    *out = (struct meter_sample){0};
    return view->runtime_id.len > 0 && source->sample(source->user, view->runtime_id, out);
}

static void answer_stats(struct ask *ask)
{
    const struct engine_view *view = find_container(ask);
    BUF_AUTO struct buf body = BUF_INIT;
    struct json_writer w = json_writer(&body);
    struct meter_sample sample;

    if (view == NULL) {
        reply_unknown(ask, "container stats", OF_CONTAINER, true);
        return;
    }
    if (!get_sample(ask, view, &sample)) {
        meta_reply_string(
            ask->exchange, 500,
            str_fmt(ask->arena,
                    "%s container stats handler: Unable to get container stats for: %.*s",
                    version_names[ask->path.version], STR_ARGS(view->runtime_id)));
        return;
    }
    write_sample(&w, version_of(ask), &sample);
    meta_reply_json(ask->exchange, 200, buf_str(&body));
}

static void answer_task_stats(struct ask *ask)
{
    const struct engine_view *view = find_task(ask);
    BUF_AUTO struct buf body = BUF_INIT;
    struct json_writer w = json_writer(&body);
    struct meter_sample sample;

    if (view == NULL) {
        reply_unknown(ask, "task stats", OF_TASK, true);
        return;
    }
    json_write_object(&w);
    for (size_t i = 0; i < ask->views.n; i++) {
        const struct engine_view *one = &ask->views.at[i];

        if (!str_eq(one->task_arn, view->task_arn) || one->runtime_id.len == 0)
            continue;
        (void)get_sample(ask, one, &sample);
        json_write_key(&w, one->runtime_id);
        write_sample(&w, version_of(ask), &sample);
        w.comma = true;
    }
    json_write_object_end(&w);
    meta_reply_json(ask->exchange, 200, buf_str(&body));
}

// ---- associations

static bool is_of(const struct acs_association *association, struct str type, struct str container)
{
    if (!str_eq(shape_enum_name(&acs_association_type_enum, (int)association->type), type))
        return false;
    for (size_t i = 0; i < association->containers.n; i++) {
        if (str_eq(association->containers.at[i], container))
            return true;
    }
    return false;
}

static void answer_associations(struct ask *ask)
{
    const struct engine_view *view = find_container(ask);
    struct meta_associations answer = {0};
    struct str_list names;

    if (view == NULL) {
        reply_unknown(ask, "container associations", OF_CONTAINER, true);
        return;
    }
    names =
        (struct str_list){.at = arena_array(ask->arena, struct str, view->task->associations.n)};
    for (size_t i = 0; i < view->task->associations.n; i++) {
        if (is_of(&view->task->associations.at[i], ask->path.type, view->container))
            names.at[names.n++] = view->task->associations.at[i].name;
    }
    SET(&answer, associations, names);
    meta_reply(ask->exchange, 200, &meta_associations_shape, &answer);
}

static void reply_content(struct ask *ask, const struct acs_association *association)
{
    BUF_AUTO struct buf decoded = BUF_INIT;
    struct str content = association->content != NULL ? association->content->value : STR_NONE;

    if (association->content != NULL && association->content->encoding == ACS_ENCODING_BASE64 &&
        base64_decode(content, &decoded))
        content = buf_str(&decoded);
    meta_reply_json(ask->exchange, 200, content);
}

static void answer_association(struct ask *ask)
{
    const struct engine_view *view = find_container(ask);

    if (view == NULL) {
        reply_unknown(ask, "container association", OF_CONTAINER, true);
        return;
    }
    for (size_t i = 0; i < view->task->associations.n; i++) {
        const struct acs_association *association = &view->task->associations.at[i];

        if (is_of(association, ask->path.type, view->container) &&
            str_eq(association->name, ask->path.name)) {
            reply_content(ask, association);
            return;
        }
    }
    meta_reply_string(ask->exchange, ask->path.version == META_V4 ? 404 : 400,
                      str_fmt(ask->arena,
                              "%s container association handler: unable to get the "
                              "association %.*s",
                              version_names[ask->path.version], STR_ARGS(ask->path.name)));
}

// ---- credentials

// The container that asks is known and belongs to another task. The execution role's keys are for
// the host alone: no container was told their id.
static bool is_foreign(const struct ask *ask, const struct meta_key *key)
{
    const struct engine_view *caller = meta_find_address(&ask->views, ask->address);

    if (caller == NULL)
        return false;
    return key->type != ACS_ROLE_TYPE_TASKAPPLICATION ||
           !meta_task_has_address(&ask->views, key->task_arn, ask->address);
}

static bool is_expected(const struct ask *ask, struct str id)
{
    for (size_t i = 0; i < ask->views.n; i++) {
        const struct engine_view *view = &ask->views.at[i];
        bool ends = view->task_status == HOST_TASK_STATUS_STOPPED;

        if ((!ends && str_eq(view->role_credentials, id)) ||
            str_eq(view->execution_credentials, id))
            return true;
    }
    return false;
}

static struct str one_word(struct arena *arena, struct str text)
{
    char *clean = arena_copy(arena, text.ptr, text.len);

    for (size_t i = 0; i < text.len; i++) {
        if (clean[i] <= ' ' || clean[i] == '"' || clean[i] > '~')
            clean[i] = '_';
    }
    return str_span(clean, text.len < 256 ? text.len : 256);
}

// The id is a secret among containers, so it is in no line.
static void audit(const struct ask *ask, int status, const struct meta_key *key)
{
    const struct agent_config *config = ask->server->config.config;
    bool is_execution = key != NULL && key->type == ACS_ROLE_TYPE_TASKEXECUTION;
    struct str event = is_execution ? STR("GetCredentialsExecutionRole") : STR("GetCredentials");
    struct str role = key != NULL ? key->value->role_arn : STR("-");
    struct str task = key != NULL ? key->task_arn : STR("-");
    struct str agent = STR("-");
    struct str line;

    if (config->audit_disabled)
        return;
    http_header_get(ask->request->headers, ask->request->headers_n, STR("user-agent"), &agent);
    agent = one_word(ask->arena, agent);
    if (config->audit_path == NULL) {
        LOG_INFO("audit", LOG_INT("status", status), LOG_STR("from", ask->remote),
                 LOG_STR("role", role), LOG_STR("user_agent", agent), LOG_STR("task", task),
                 LOG_STR("call", event));
        return;
    }
    line = str_fmt(ask->arena, "%.*s %d %.*s %.*s \"%.*s\" %.*s %.*s 1 %.*s %.*s\n",
                   STR_ARGS(time_iso8601(ask->arena, clock_wall_ms())), status, STR_ARGS(role),
                   STR_ARGS(ask->remote), STR_ARGS(agent), STR_ARGS(task), STR_ARGS(event),
                   STR_ARGS(ask->server->host.cluster),
                   STR_ARGS(ask->server->host.container_instance));
    if (file_append(config->audit_path, line, 0600) != 0)
        LOG_WARN("audit.lost", LOG_CSTR("file", config->audit_path));
}

static void refuse_credentials(struct ask *ask, int status, const char *code, struct str message)
{
    struct meta_credentials_error error = {0};

    audit(ask, status, NULL);
    SET(&error, code, str_of(code));
    SET(&error, message, message);
    SET(&error, http_error_code, status);
    meta_reply(ask->exchange, status, &meta_credentials_error_shape, &error);
}

static void answer_credentials(struct ask *ask)
{
    struct meta_credentials answer = {0};
    const char *name = ask->path.version == 1 ? "V1" : "V2";
    struct meta_key key;
    bool has_key = meta_keys_get(ask->server->config.keys, ask->path.id, &key);

    if (ask->path.id.len == 0) {
        refuse_credentials(
            ask, 400, "NoIdInRequest",
            str_fmt(ask->arena, "Credentials%sRequest: No Credential ID in the request", name));
    } else if (!has_key && is_expected(ask, ask->path.id)) {
        refuse_credentials(
            ask, 503, "CredentialsUninitialized",
            str_fmt(ask->arena, "Credentials%sRequest: Credentials uninitialized for ID", name));
    } else if (!has_key || is_foreign(ask, &key)) {
        refuse_credentials(
            ask, 400, "InvalidIdInRequest",
            str_fmt(ask->arena, "Credentials%sRequest: Credentials not found", name));
    } else {
        audit(ask, 200, &key);
        SET(&answer, role_arn, key.value->role_arn);
        SET(&answer, access_key_id, key.value->access_key_id);
        SET(&answer, secret_access_key, key.value->secret_access_key);
        SET(&answer, token, key.value->session_token);
        SET(&answer, expiration, key.value->expiration);
        meta_reply(ask->exchange, 200, &meta_credentials_shape, &answer);
    }
}

// ---- the task API

static void answer_protection(struct ask *ask)
{
    meta_protect_request(ask->server->protect, ask->exchange, ask->request, find_task(ask));
}

// A process in the network that the task has of its own; 0: there is none.
static int32_t network_pid(const struct ask *ask, const struct engine_view *view)
{
    for (size_t i = 0; view != NULL && i < ask->views.n; i++) {
        const struct engine_view *one = &ask->views.at[i];

        if (one->type == ENGINE_CONTAINER_CNI_PAUSE && str_eq(one->task_arn, view->task_arn) &&
            one->seen != NULL && one->seen->state != NULL)
            return one->seen->state->pid;
    }
    return 0;
}

static void answer_fault(struct ask *ask)
{
    struct meta_fault_ask fault = {
        .exchange = ask->exchange,
        .request = ask->request,
        .path = &ask->path,
        .view = find_task(ask),
        .address = ask->address,
    };

    fault.pid = network_pid(ask, fault.view);
    meta_faults_request(ask->server->config.faults, &fault);
}

// ---- dispatch

typedef void answer_fn(struct ask *ask);

static answer_fn *const answers[] = {
    [META_CREDENTIALS] = answer_credentials,
    [META_CONTAINER] = answer_container,
    [META_TASK] = answer_task,
    [META_TASK_WITH_TAGS] = answer_task,
    [META_STATS] = answer_stats,
    [META_TASK_STATS] = answer_task_stats,
    [META_ASSOCIATIONS] = answer_associations,
    [META_ASSOCIATION] = answer_association,
    [META_PROTECTION] = answer_protection,
    [META_FAULT] = answer_fault,
};

static bool has_method(enum meta_what what, struct str method)
{
    if (what == META_FAULT)
        return str_eq(method, STR("POST"));
    if (str_eq(method, STR("PUT")))
        return what == META_PROTECTION;
    return str_eq(method, STR("GET")) || (str_eq(method, STR("HEAD")) && what != META_PROTECTION);
}

static void note_caller(struct ask *ask)
{
    const struct socket_address *peer = http_exchange_peer(ask->exchange);
    struct str port;
    struct meta_rate rate = {
        .limit = str_fmt(ask->arena, "%.2f", meta_limit_per_second(ask->server->limit)),
    };

    ask->remote = peer != NULL ? socket_address_text(ask->arena, peer) : STR("-");
    str_cut_last(ask->remote, ':', &ask->address, &port);
    rate.remote = ask->remote;
    http_header_get(ask->request->headers, ask->request->headers_n, STR("x-forwarded-for"),
                    &rate.forwarded_for);
    meta_reply_note_rate(ask->exchange, &rate);
}

// Faults have limits of their own, the strictest of all.
static bool is_too_much(struct ask *ask)
{
    struct str key =
        str_fmt(ask->arena, "%.*s %.*s", STR_ARGS(ask->address), STR_ARGS(ask->request->path));

    return !meta_limit_take(ask->server->limit, key, clock_monotonic_ms());
}

static void on_task_request(void *user, struct http_exchange *exchange,
                            const struct http_request *request)
{
    struct meta_server *server = user;
    struct ask ask = {
        .server = server,
        .exchange = exchange,
        .request = request,
        .arena = http_exchange_arena(exchange),
    };
    struct str clean;

    note_caller(&ask);
    if (meta_path_clean(request->path, ask.arena, &clean)) {
        meta_reply_moved(exchange, clean);
        return;
    }
    if (is_too_much(&ask)) {
        meta_reply_plain(exchange, 429, STR("You have reached maximum request limit."));
        return;
    }
    ask.path = meta_path_read(request->path, request->query, ask.arena);
    if (ask.path.what == META_NOTHING) {
        meta_reply_plain(exchange, 404, NOT_FOUND_TEXT);
        return;
    }
    if (!has_method(ask.path.what, request->method)) {
        meta_reply_plain(exchange, 405, STR_NONE);
        return;
    }
    ask.views = server->config.source.views(server->config.source.user, ask.arena);
    answers[ask.path.what](&ask);
}

// ---- life

static const struct http_server_handler task_handler = {.on_request = on_task_request};

static struct http_server *make_http(struct meta_server *server, unsigned connections_max,
                                     const struct http_server_handler *handler, void *user)
{
    struct http_server_config config = {
        .head_ms = TIMEOUT_MS,
        .body_ms = TIMEOUT_MS,
        .idle_ms = IDLE_MS,
        .write_stall_ms = TIMEOUT_MS,
        .tls_handshake_ms = TIMEOUT_MS,
        .body_max = BODY_MAX,
        .pipeline_max = 4,
        .connections_max = connections_max,
    };

    return http_server_new(server->config.loop, &config, handler, user);
}

struct meta_server *meta_server_new(const struct meta_config *config)
{
    struct meta_server *server = mem_zalloc(sizeof *server);
    const struct agent_config *agent = config->config;

    server->config = *config;
    server->host.cluster = str_copy(&server->arena, agent->engine.cluster);
    server->host.version =
        str_fmt(&server->arena, "Amazon ECS Agent - v%s (gantry)", GANTRY_VERSION);
    server->limit = meta_limit_new(agent->metadata_rate, agent->metadata_burst);
    server->protect =
        meta_protect_new(config->loop, config->api, config->keys, server->host.cluster);
    server->tags = meta_tags_new(config->api);
    server->tasks = make_http(server, CONNECTIONS_MAX, &task_handler, server);
    server->people_asked = (struct meta_people){.source = config->source, .host = &server->host};
    server->people =
        make_http(server, INTROSPECTIONS_MAX, &meta_people_handler, &server->people_asked);
    return server;
}

void meta_server_free(struct meta_server *server)
{
    if (server == NULL)
        return;
    meta_protect_free(server->protect);
    meta_tags_free(server->tags);
    http_server_free(server->tasks);
    http_server_free(server->people);
    meta_limit_free(server->limit);
    arena_deinit(&server->arena);
    mem_free(server);
}

static int listen_on(struct http_server *http, const char *host, uint16_t port, uint16_t *out_port)
{
    struct socket_address address;
    bool is_address = socket_address_ip(str_of(host), port, &address);
    int fd;

    if (!is_address)
        return -EINVAL;
    TRY(socket_listen(&address, BACKLOG, &fd));
    TRY(socket_local(fd, &address));
    *out_port = socket_address_port(&address);
    return http_server_listen(http, fd, NULL);
}

int meta_server_listen(struct meta_server *server, uint16_t port)
{
    return listen_on(server->tasks, "127.0.0.1", port, &server->tasks_port);
}

int meta_server_introspect(struct meta_server *server, uint16_t port, bool off_host)
{
    return listen_on(server->people, off_host ? "0.0.0.0" : "127.0.0.1", port,
                     &server->people_port);
}

uint16_t meta_server_port(const struct meta_server *server, bool of_introspection)
{
    return of_introspection ? server->people_port : server->tasks_port;
}

struct http_server *meta_server_http(struct meta_server *server, bool of_introspection)
{
    return of_introspection ? server->people : server->tasks;
}

void meta_server_registered(struct meta_server *server, struct str container_instance,
                            struct str zone)
{
    server->host.container_instance = str_copy(&server->arena, container_instance);
    if (!server->config.config->zone_hidden)
        server->host.zone = str_copy(&server->arena, zone);
}

const struct meta_host *meta_server_host(const struct meta_server *server)
{
    return &server->host;
}
