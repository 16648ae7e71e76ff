// A call as a request of the Docker Engine API. Paths carry no API version: the engine then uses
// its newest, and every member we send is understood by all versions the agent accepts.

#include "runtime/docker_internal.h"

#include "runtime/pause_image.h"

#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/json_write.h"
#include "wire/uri.h"

struct docker_reference docker_reference_split(struct str image)
{
    struct docker_reference ref;
    struct str head;
    struct str tail;

    if (str_cut(image, '@', &head, &tail) && tail.len > 0) {
        struct str name;
        struct str tag;
        ref.tag = tail;
        ref.repository = head; // a tag beside a digest says nothing
        if (str_cut_last(head, ':', &name, &tag) && !str_has_char(tag, '/'))
            ref.repository = name;
        return ref;
    }
    // With an empty tag the engine would pull every tag; the name as it is, it refuses.
    if (str_cut_last(image, ':', &head, &tail) && tail.len > 0 && !str_has_char(tail, '/'))
        return (struct docker_reference){.repository = head, .tag = tail};
    return (struct docker_reference){.repository = image, .tag = STR("latest")};
}

static struct str encoded(struct arena *arena, struct str text)
{
    return uri_encoded(arena, text, false);
}

// Image names keep their slashes: the engine's router wants them as path segments.
static struct str image_path(struct arena *arena, struct str image)
{
    return uri_encoded(arena, image, true);
}

static struct str text_of(struct arena *arena, const struct shape *shape, const void *value)
{
    BUF_AUTO struct buf out = BUF_INIT;

    codec_encode(&out, shape, value);
    return str_copy(arena, buf_str(&out));
}

static void json_body(struct docker_request *out, struct str body)
{
    out->body = body;
    out->headers[out->headers_n++] =
        (struct http_header){.name = STR("Content-Type"), .value = STR("application/json")};
}

// The engine reads base64url; the padded form of both alphabets is accepted.
static void add_auth(struct arena *arena, const struct host_call *call, struct docker_request *out)
{
    BUF_AUTO struct buf encoded_auth = BUF_INIT;
    struct str text;

    if (!call->has.auth)
        return;
    base64_encode(&encoded_auth, text_of(arena, &docker_registry_auth_shape, call->auth));
    text = str_copy(arena, buf_str(&encoded_auth));
    for (size_t i = 0; i < text.len; i++) {
        char *c = (char *)(uintptr_t)text.ptr + i;
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    }
    out->headers[out->headers_n++] =
        (struct http_header){.name = STR("X-Registry-Auth"), .value = text};
}

static void write_pull(struct arena *arena, const struct host_call *call,
                       struct docker_request *out)
{
    struct docker_reference ref = docker_reference_split(call->image);

    out->method = STR("POST");
    out->target =
        str_fmt(arena, "/images/create?fromImage=%.*s&tag=%.*s",
                STR_ARGS(encoded(arena, ref.repository)), STR_ARGS(encoded(arena, ref.tag)));
    add_auth(arena, call, out);
}

static void write_tag(struct arena *arena, const struct host_call *call, struct docker_request *out)
{
    struct docker_reference ref = docker_reference_split(call->target);

    out->method = STR("POST");
    out->target = str_fmt(
        arena, "/images/%.*s/tag?repo=%.*s&tag=%.*s", STR_ARGS(image_path(arena, call->image)),
        STR_ARGS(encoded(arena, ref.repository)), STR_ARGS(encoded(arena, ref.tag)));
}

// Config's own members, then HostConfig and NetworkingConfig beside them in the same object.
static void write_create(struct arena *arena, const struct host_call *call,
                         struct docker_request *out)
{
    static const struct docker_config no_config;
    static const struct docker_host_config no_host_config;
    struct str config =
        text_of(arena, &docker_config_shape, call->config != NULL ? call->config : &no_config);
    struct str host = text_of(arena, &docker_host_config_shape,
                              call->host_config != NULL ? call->host_config : &no_host_config);
    struct str open = str_take(config, config.len - 1);

    out->method = STR("POST");
    out->target =
        str_fmt(arena, "/containers/create?name=%.*s", STR_ARGS(encoded(arena, call->name)));
    json_body(out, str_fmt(arena, "%.*s%s\"HostConfig\":%.*s,\"NetworkingConfig\":{}}",
                           STR_ARGS(open), open.len > 1 ? "," : "", STR_ARGS(host)));
}

static void write_container(struct arena *arena, const struct host_call *call, const char *method,
                            const char *tail, struct docker_request *out)
{
    out->method = str_of(method);
    out->target =
        str_fmt(arena, "/containers/%.*s%s", STR_ARGS(encoded(arena, call->container)), tail);
}

static void write_volume(struct arena *arena, const struct host_call *call, const char *method,
                         struct docker_request *out)
{
    out->method = str_of(method);
    out->target = str_fmt(arena, "/volumes/%.*s", STR_ARGS(encoded(arena, call->volume_name)));
}

// filters={"label":["a=b","c"]}
static struct str label_filter(struct arena *arena, const struct host_call *call)
{
    BUF_AUTO struct buf filter = BUF_INIT;
    struct json_writer w = json_writer(&filter);

    json_write_object(&w);
    json_write_name(&w, STR("label"));
    json_write_list(&w);
    for (size_t i = 0; i < call->labels.n; i++)
        json_write_str(&w, str_fmt(arena, "%.*s=%.*s", STR_ARGS(call->labels.at[i].key),
                                   STR_ARGS(call->labels.at[i].value)));
    json_write_list_end(&w);
    json_write_object_end(&w);
    return encoded(arena, buf_str(&filter));
}

static void write_list(struct arena *arena, const struct host_call *call, const char *path,
                       struct docker_request *out)
{
    out->method = STR("GET");
    out->target = str_fmt(arena, "%s%.*s", path, STR_ARGS(label_filter(arena, call)));
}

static void write_logs(struct arena *arena, const struct host_call *call,
                       struct docker_request *out)
{
    const struct host_log_streams *streams = call->streams;
    struct str tail = call->has.tail ? str_fmt(arena, "%d", call->tail) : STR("all");
    bool all = streams == NULL;

    out->method = STR("GET");
    out->target =
        str_fmt(arena,
                "/containers/%.*s/"
                "logs?stdout=%d&stderr=%d&follow=%d&timestamps=%d&tail=%.*s&since=%lld.%03lld",
                STR_ARGS(encoded(arena, call->container)), all || streams->stdout,
                all || streams->stderr, call->follow, call->timestamps, STR_ARGS(tail),
                (long long)(call->since / 1000), (long long)(call->since % 1000));
}

// As `docker import` does it: the files of the image, and how it begins.
static void write_import(struct arena *arena, const struct host_call *call,
                         struct docker_request *out)
{
    struct docker_reference ref = docker_reference_split(call->image);

    out->method = STR("POST");
    out->target =
        str_fmt(arena, "/images/create?fromSrc=-&repo=%.*s&tag=%.*s&changes=%.*s",
                STR_ARGS(encoded(arena, ref.repository)), STR_ARGS(encoded(arena, ref.tag)),
                STR_ARGS(encoded(arena, STR("ENTRYPOINT [\"/pause\"]"))));
    out->body = pause_image_files(arena);
    out->headers[out->headers_n++] =
        (struct http_header){.name = STR("Content-Type"), .value = STR("application/x-tar")};
}

static void get(struct docker_request *out, const char *target)
{
    out->method = STR("GET");
    out->target = str_of(target);
}

bool docker_request_write(struct arena *arena, const struct host_call *call,
                          struct docker_request *out)
{
    *out = (struct docker_request){0};
    switch (call->kind) {
    case HOST_CALL_KIND_PING: get(out, "/_ping"); return true;
    case HOST_CALL_KIND_VERSION: get(out, "/version"); return true;
    case HOST_CALL_KIND_INFO: get(out, "/info"); return true;
    case HOST_CALL_KIND_EVENTS:
        get(out, "/events?filters=%7B%22type%22%3A%5B%22container%22%5D%7D");
        return true;
    case HOST_CALL_KIND_MANIFEST:
        get(out, str_fmt(arena, "/distribution/%.*s/json", STR_ARGS(image_path(arena, call->image)))
                     .ptr);
        add_auth(arena, call, out);
        return true;
    case HOST_CALL_KIND_INSPECT_IMAGE:
        get(out, str_fmt(arena, "/images/%.*s/json", STR_ARGS(image_path(arena, call->image))).ptr);
        return true;
    case HOST_CALL_KIND_PULL: write_pull(arena, call, out); return true;
    case HOST_CALL_KIND_TAG: write_tag(arena, call, out); return true;
    case HOST_CALL_KIND_CREATE: write_create(arena, call, out); return true;
    case HOST_CALL_KIND_START: write_container(arena, call, "POST", "/start", out); return true;
    case HOST_CALL_KIND_STOP:
        write_container(arena, call, "POST", str_fmt(arena, "/stop?t=%d", call->stop_timeout).ptr,
                        out);
        return true;
    case HOST_CALL_KIND_KILL:
        write_container(
            arena, call, "POST",
            str_fmt(arena, "/kill?signal=%.*s", STR_ARGS(encoded(arena, call->signal))).ptr, out);
        return true;
    case HOST_CALL_KIND_REMOVE: write_container(arena, call, "DELETE", "?v=1", out); return true;
    case HOST_CALL_KIND_INSPECT: write_container(arena, call, "GET", "/json", out); return true;
    case HOST_CALL_KIND_STATS:
        write_container(arena, call, "GET", "/stats?stream=1", out);
        return true;
    case HOST_CALL_KIND_LIST:
        write_list(arena, call, "/containers/json?all=1&filters=", out);
        return true;
    case HOST_CALL_KIND_LIST_IMAGES: get(out, "/images/json"); return true;
    case HOST_CALL_KIND_LIST_VOLUMES:
        write_list(arena, call, "/volumes?filters=", out);
        return true;
    case HOST_CALL_KIND_REMOVE_IMAGE:
        out->method = STR("DELETE");
        out->target = str_fmt(arena, "/images/%.*s", STR_ARGS(image_path(arena, call->image)));
        return true;
    case HOST_CALL_KIND_LOGS: write_logs(arena, call, out); return true;
    case HOST_CALL_KIND_CREATE_VOLUME:
        out->method = STR("POST");
        out->target = STR("/volumes/create");
        json_body(out, text_of(arena, &docker_volume_create_shape, call->volume));
        return true;
    case HOST_CALL_KIND_INSPECT_VOLUME: write_volume(arena, call, "GET", out); return true;
    case HOST_CALL_KIND_REMOVE_VOLUME: write_volume(arena, call, "DELETE", out); return true;
    case HOST_CALL_KIND_LOAD_IMAGE: write_import(arena, call, out); return true;
    case HOST_CALL_KIND_FIND_PORTS:
    case HOST_CALL_KIND_NETWORK_UP:
    case HOST_CALL_KIND_NETWORK_DOWN:
    case HOST_CALL_KIND_MAKE_RESOURCE:
    case HOST_CALL_KIND_REMOVE_RESOURCE:
    case HOST_CALL_KIND_UNSET: break;
    }
    return false;
}
