// Streams of the engine: lines of JSON, and the frames of container output.

#include "runtime/docker_internal.h"

#include "base/assert.h"
#include "base/timefmt.h"
#include "wire/codec.h"

void docker_lines_feed(struct buf *pending, struct str piece, docker_line_fn *fn, void *user)
{
    buf_add_str(pending, piece);
    for (;;) {
        struct str all = buf_str(pending);
        const char *end = all.len > 0 ? memchr(all.ptr, '\n', all.len) : NULL;
        struct str line;

        if (end == NULL)
            return;
        line = str_trim(str_take(all, (size_t)(end - all.ptr)));
        if (line.len > 0)
            fn(user, line);
        buf_consume(pending, (size_t)(end - all.ptr) + 1);
    }
}

// "health_status: healthy" carries its value in the action's name.
static bool read_action(struct str action, struct host_event *out)
{
    static const struct {
        struct str action;
        enum host_event_kind kind;
    } known[] = {
        {STR_INIT("create"), HOST_EVENT_KIND_CREATE},   {STR_INIT("start"), HOST_EVENT_KIND_START},
        {STR_INIT("die"), HOST_EVENT_KIND_DIE},         {STR_INIT("oom"), HOST_EVENT_KIND_OOM},
        {STR_INIT("destroy"), HOST_EVENT_KIND_DESTROY},
    };
    struct str health = STR("health_status: ");

    if (str_starts(action, health)) {
        SET(out, kind, HOST_EVENT_KIND_HEALTH);
        SET(out, health, str_from(action, health.len));
        return true;
    }
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (str_eq(action, known[i].action)) {
            SET(out, kind, known[i].kind);
            return true;
        }
    }
    return false;
}

static void read_exit_code(const struct docker_event_actor *actor, struct host_event *out)
{
    int64_t code;

    for (size_t i = 0; i < actor->attributes.n; i++) {
        const struct str_pair *pair = &actor->attributes.at[i];
        if (str_eq(pair->key, STR("exitCode")) && str_to_i64(pair->value, &code))
            SET(out, exit_code, (int32_t)code);
    }
}

// An engine may say any number; a time that is none is left out.
static void read_time(const struct docker_event *event, struct host_event *out)
{
    int64_t at;

    if (event->has.time_nano)
        SET(out, at, event->time_nano / 1000000);
    else if (!__builtin_mul_overflow(event->time, TIME_SECOND_MS, &at))
        SET(out, at, at);
}

bool docker_event_read(struct arena *arena, struct str line, struct host_event *out)
{
    struct docker_event event = {0};
    struct codec_report report = {0};

    *out = (struct host_event){0};
    if (codec_decode(arena, &docker_event_shape, line, &codec_docker, &event, &report) != 0)
        return false;
    if (!str_eq(event.type, STR("container")) || event.actor == NULL)
        return false;
    if (!read_action(event.action, out))
        return false;
    SET(out, container, event.actor->id);
    read_time(&event, out);
    read_exit_code(event.actor, out);
    return true;
}

enum { FRAME_HEAD = 8, FRAME_MAX = 1 << 24 };

// A frame starts with the stream's number (0 to 2), three zero bytes and the length. A terminal's
// output comes bare, and does not start like that.
static bool looks_framed(const unsigned char *head)
{
    return head[0] <= 2 && head[1] == 0 && head[2] == 0 && head[3] == 0;
}

static size_t frame_length(const unsigned char *head)
{
    return (size_t)head[4] << 24 | (size_t)head[5] << 16 | (size_t)head[6] << 8 | (size_t)head[7];
}

static void feed_bare(struct docker_frames *frames, docker_log_fn *fn, void *user)
{
    struct str all = buf_str(&frames->pending);

    if (all.len > 0)
        fn(user, RUNTIME_STREAM_STDOUT, all);
    buf_clear(&frames->pending);
}

void docker_frames_feed(struct docker_frames *frames, struct str piece, docker_log_fn *fn,
                        void *user)
{
    buf_add_str(&frames->pending, piece);
    if (!frames->decided && buf_len(&frames->pending) >= FRAME_HEAD) {
        frames->framed = looks_framed((const unsigned char *)buf_str(&frames->pending).ptr);
        frames->decided = true;
    }
    if (!frames->decided)
        return;
    if (!frames->framed) {
        feed_bare(frames, fn, user);
        return;
    }
    while (buf_len(&frames->pending) >= FRAME_HEAD) {
        struct str all = buf_str(&frames->pending);
        const unsigned char *head = (const unsigned char *)all.ptr;
        size_t len = frame_length(head);

        if (len > FRAME_MAX) { // not the engine we know: pass the rest on as it is
            frames->framed = false;
            feed_bare(frames, fn, user);
            return;
        }
        if (all.len < FRAME_HEAD + len)
            return;
        fn(user, head[0] == 2 ? RUNTIME_STREAM_STDERR : RUNTIME_STREAM_STDOUT,
           str_span(all.ptr + FRAME_HEAD, len));
        buf_consume(&frames->pending, FRAME_HEAD + len);
    }
}
