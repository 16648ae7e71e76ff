// Input: a line that chooses, then what the engine sends.
//
//     object NAME        an object, by the shape of that name (a name that is none chooses one)
//     reply KIND STATUS  a whole reply to a call of that kind
//     logs PLAN          the stream of a container's output
//     events PLAN        the stream of events
//
// Streams say the same however they are cut (PLAN: fuzz.h).

#include "api/docker.h"
#include "base/assert.h"
#include "fuzz.h"
#include "runtime/docker_internal.h"
#include "wire/codec.h"

const struct shape *fuzz_shape_of(struct str line)
{
    struct str word;
    struct str name;

    str_cut(line, ' ', &word, &name);
    if (str_eq(word, STR("reply")) || str_eq(word, STR("logs")) || str_eq(word, STR("events")))
        return NULL;
    for (size_t i = 0; i < DOCKER_SHAPES_N; i++) {
        if (str_eq(docker_shapes[i]->name, name))
            return docker_shapes[i];
    }
    return docker_shapes[fuzz_pick(name, DOCKER_SHAPES_N)];
}

static void try_reply(struct arena *arena, struct str words, struct str body)
{
    struct host_call call = {0};
    struct http_answer answer = {.body = body};
    struct host_result result = {0};
    struct str kind;
    struct str status;
    int64_t number;

    str_cut(words, ' ', &kind, &status);
    call.kind = (enum host_call_kind)shape_enum_value(&host_call_kind_enum, kind);
    answer.status = str_to_i64(status, &number) && number > 99 && number < 600 ? (int)number : 200;
    docker_reply_read(arena, &call, &answer, &result);
    ASSERT(answer.status < 300 || answer.status == 304 || result.has.error);
    ASSERT(!result.has.error || result.error->text.len > 0);
}

// ---- streams

struct told {
    struct buf text;
    struct arena *arena;
    int stream;
};

static void hear_log(void *user, enum runtime_stream stream, struct str bytes)
{
    struct told *told = user;

    if (told->stream != (int)stream)
        buf_printf(&told->text, "<%d>", (int)stream);
    told->stream = (int)stream;
    buf_add_str(&told->text, bytes);
}

static void hear_event(void *user, struct str line)
{
    struct told *told = user;
    struct host_event event;

    buf_add_char(&told->text, '\n');
    if (docker_event_read(told->arena, line, &event))
        codec_encode(&told->text, &host_event_shape, &event);
}

static void begin(struct told *told, struct arena *arena)
{
    buf_clear(&told->text);
    told->arena = arena;
    told->stream = -1;
}

// What is undecided at the end is told by the driver itself.
static void try_stream(struct arena *arena, bool is_log, struct fuzz_cutter cutter)
{
    static struct told whole;
    static struct told pieces;
    struct docker_frames frames[2] = {0};
    struct str piece;

    begin(&whole, arena);
    begin(&pieces, arena);
    if (is_log)
        docker_frames_feed(&frames[0], cutter.rest, hear_log, &whole);
    else
        docker_lines_feed(&frames[0].pending, cutter.rest, hear_event, &whole);
    while (fuzz_cut(&cutter, &piece)) {
        if (is_log)
            docker_frames_feed(&frames[1], piece, hear_log, &pieces);
        else
            docker_lines_feed(&frames[1].pending, piece, hear_event, &pieces);
    }
    ASSERT(str_eq(buf_str(&whole.text), buf_str(&pieces.text)));
    ASSERT(str_eq(buf_str(&frames[0].pending), buf_str(&frames[1].pending)));
    buf_deinit(&frames[0].pending);
    buf_deinit(&frames[1].pending);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct arena arena;
    struct str rest = fuzz_text(data, size);
    struct str line = fuzz_line(&rest);
    struct str word;
    struct str words;

    str_cut(line, ' ', &word, &words);
    if (str_eq(word, STR("reply")))
        try_reply(&arena, words, rest);
    else if (str_eq(word, STR("logs")) || str_eq(word, STR("events")))
        try_stream(&arena, str_eq(word, STR("logs")),
                   (struct fuzz_cutter){.plan = words, .rest = rest});
    else
        fuzz_shape(&arena, fuzz_shape_of(line), rest, &codec_docker);
    arena_reset(&arena);
    return 0;
}
