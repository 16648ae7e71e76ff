// A whole reply of the engine as the result of a call.

#include "runtime/docker_internal.h"

#include "wire/codec.h"

void docker_reply_error(struct arena *arena, enum host_error_class class, struct str text,
                        struct host_result *out)
{
    struct host_call_error *error = arena_new(arena, struct host_call_error);

    SET(error, class, class);
    SET(error, text, str_copy(arena, text));
    SET(out, error, error);
}

struct str docker_error_text(struct arena *arena, struct str body)
{
    struct docker_error_reply reply = {0};
    struct codec_report report = {0};
    struct str text = str_trim(body);

    if (codec_decode(arena, &docker_error_reply_shape, body, &codec_docker, &reply, &report) == 0 &&
        reply.has.message)
        text = reply.message;
    return str_fmt(arena, "Error response from daemon: %.*s", STR_ARGS(text));
}

static enum host_error_class class_of(int status)
{
    switch (status) {
    case 401:
    case 403: return HOST_ERROR_CLASS_DENIED;
    case 404: return HOST_ERROR_CLASS_NOT_FOUND;
    case 409: return HOST_ERROR_CLASS_CONFLICT;
    default: return HOST_ERROR_CLASS_OTHER;
    }
}

// Decodes the body; a body that is not what the engine's documents promise is an error of class
// other.
static void *body_of(struct arena *arena, const struct shape *shape, struct str body,
                     struct host_result *out)
{
    void *value = arena_alloc(arena, shape->size);
    struct codec_report report = {0};

    if (codec_decode(arena, shape, body, &codec_docker, value, &report) == 0)
        return value;
    docker_reply_error(arena, HOST_ERROR_CLASS_OTHER,
                       str_fmt(arena, "unreadable reply of the engine: %.*s at byte %zu",
                               STR_ARGS(report.message), report.offset),
                       out);
    return NULL;
}

// The reply is a bare list; the codec reads objects, so it is wrapped in one.
static void read_list(struct arena *arena, const char *member, struct str body,
                      struct host_result *out)
{
    struct str wrapped = str_fmt(arena, "{\"%s\":%.*s}", member, STR_ARGS(body));
    struct host_result *list = body_of(arena, &host_result_shape, wrapped, out);

    if (list != NULL && list->has.containers)
        SET(out, containers, list->containers);
    if (list != NULL && list->has.images)
        SET(out, images, list->images);
}

static void read_volumes(struct arena *arena, struct str body, struct host_result *out)
{
    struct docker_volumes_reply *list = body_of(arena, &docker_volumes_reply_shape, body, out);

    if (list != NULL)
        SET(out, volumes, list->volumes);
}

static void read_digest(struct arena *arena, struct str body, struct host_result *out)
{
    struct docker_distribution *value = body_of(arena, &docker_distribution_shape, body, out);

    if (value != NULL && value->descriptor != NULL)
        SET(out, digest, value->descriptor->digest);
}

static void read_id(struct arena *arena, struct str body, struct host_result *out)
{
    struct docker_create_reply *value = body_of(arena, &docker_create_reply_shape, body, out);

    if (value != NULL)
        SET(out, id, value->id);
}

// Assigns a decoded object to its member when it could be read.
#define READ_INTO(member, shape)                                                                   \
    do {                                                                                           \
        out->member = body_of(arena, &(shape), body, out);                                         \
        out->has.member = out->member != NULL;                                                     \
    } while (0)

static void read_success(struct arena *arena, const struct host_call *call, struct str body,
                         struct host_result *out)
{
    switch (call->kind) {
    case HOST_CALL_KIND_VERSION: READ_INTO(version, docker_version_shape); break;
    case HOST_CALL_KIND_INFO: READ_INTO(info, docker_info_shape); break;
    case HOST_CALL_KIND_MANIFEST: read_digest(arena, body, out); break;
    case HOST_CALL_KIND_INSPECT_IMAGE: READ_INTO(image, docker_image_shape); break;
    case HOST_CALL_KIND_CREATE: read_id(arena, body, out); break;
    case HOST_CALL_KIND_INSPECT: READ_INTO(container, docker_container_shape); break;
    case HOST_CALL_KIND_LIST: read_list(arena, "containers", body, out); break;
    case HOST_CALL_KIND_LIST_IMAGES: read_list(arena, "images", body, out); break;
    case HOST_CALL_KIND_LIST_VOLUMES: read_volumes(arena, body, out); break;
    case HOST_CALL_KIND_CREATE_VOLUME:
    case HOST_CALL_KIND_INSPECT_VOLUME: READ_INTO(volume, docker_volume_shape); break;
    case HOST_CALL_KIND_PING:
    case HOST_CALL_KIND_PULL:
    case HOST_CALL_KIND_TAG:
    case HOST_CALL_KIND_START:
    case HOST_CALL_KIND_STOP:
    case HOST_CALL_KIND_KILL:
    case HOST_CALL_KIND_REMOVE:
    case HOST_CALL_KIND_REMOVE_VOLUME:
    case HOST_CALL_KIND_REMOVE_IMAGE:
    case HOST_CALL_KIND_EVENTS:
    case HOST_CALL_KIND_STATS:
    case HOST_CALL_KIND_LOGS:
    case HOST_CALL_KIND_FIND_PORTS:
    case HOST_CALL_KIND_LOAD_IMAGE:
    case HOST_CALL_KIND_NETWORK_UP:
    case HOST_CALL_KIND_NETWORK_DOWN:
    case HOST_CALL_KIND_MAKE_RESOURCE:
    case HOST_CALL_KIND_REMOVE_RESOURCE:
    case HOST_CALL_KIND_UNSET: break; // success is all there is to say
    }
}

void docker_reply_read(struct arena *arena, const struct host_call *call,
                       const struct http_answer *answer, struct host_result *out)
{
    bool unchanged = answer->status == 304; // started or stopped already

    if (answer->status < 300 || unchanged)
        read_success(arena, call, answer->body, out);
    else
        docker_reply_error(arena, class_of(answer->status), docker_error_text(arena, answer->body),
                           out);
}
