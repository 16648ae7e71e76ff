// Reasons: the sentences that people read in DescribeTasks and that tools look for
// (ecs-behaviour-agent 2.10 and 1.7.4). "<ErrorName>: <text>"; a timeout has one name whatever call
// it was.

#include "engine/state.h"

struct str reason_duration(struct arena *arena, time_ms duration)
{
    int64_t hours = duration / TIME_HOUR_MS;
    int64_t minutes = duration / TIME_MINUTE_MS % 60;
    int64_t seconds = duration / TIME_SECOND_MS % 60;

    if (duration < TIME_SECOND_MS)
        return str_fmt(arena, "%lldms", (long long)duration);
    if (hours > 0)
        return str_fmt(arena, "%lldh%lldm%llds", (long long)hours, (long long)minutes,
                       (long long)seconds);
    if (minutes > 0)
        return str_fmt(arena, "%lldm%llds", (long long)minutes, (long long)seconds);
    return str_fmt(arena, "%llds", (long long)seconds);
}

struct str reason_of_call(struct arena *arena, const char *name, const char *transition,
                          time_ms timeout_ms, const struct host_result *result)
{
    struct str waited;
    struct str hint;

    if (!result->has.error)
        return str_fmt(arena, "%s: the runtime sent an empty answer", name);
    if (result->error->class != HOST_ERROR_CLASS_TIMEOUT) {
        hint = result->kind == HOST_CALL_KIND_PULL ? reason_pull_hint(arena, result) : STR_NONE;
        return str_fmt(arena, "%s: %.*s%.*s", name, STR_ARGS(hint), STR_ARGS(result->error->text));
    }
    waited = reason_duration(arena, timeout_ms);
    return str_fmt(arena,
                   "DockerTimeoutError: Could not transition to %s; timed out after waiting %.*s",
                   transition, STR_ARGS(waited));
}

static bool has_text(struct str text, struct str part)
{
    return part.len > 0 && text.len >= part.len &&
           memmem(text.ptr, text.len, part.ptr, part.len) != NULL;
}

static bool is_network_text(struct str text)
{
    static const struct str signs[] = {
        {.ptr = "dial tcp", .len = 8},
        {.ptr = "i/o timeout", .len = 11},
        {.ptr = "connection refused", .len = 18},
        {.ptr = "no such host", .len = 12},
        {.ptr = "Client.Timeout exceeded", .len = 23},
        {.ptr = "TLS handshake timeout", .len = 21},
    };

    for (size_t i = 0; i < sizeof(signs) / sizeof(*signs); i++) {
        if (has_text(text, signs[i]))
            return true;
    }
    return false;
}

// A sentence in front of the engine's own, for the common cases; empty for the others. U+2019 as
// documented.
struct str reason_pull_hint(struct arena *arena, const struct host_result *result)
{
    const char *advice = NULL;

    if (result->error->class == HOST_ERROR_CLASS_DENIED)
        advice = "Check that the role has the permissions to pull images from the registry.";
    else if (result->error->class == HOST_ERROR_CLASS_NOT_FOUND)
        advice = "Check whether the image exists.";
    else if (is_network_text(result->error->text))
        advice = "Check your network configuration.";
    if (advice == NULL)
        return STR_NONE;
    return str_fmt(arena, "The task can\xe2\x80\x99t pull the image. %s ", advice);
}
