// Input: lines, each something that reaches the task engine of an agent:
//
//     KIND {...}      a message of the server ("PayloadMessage {...}")
//     run SECONDS     time passes; pulls, starts and exits of the fake runtime with it
//     restart         the agent is killed and comes back
//     reconnect       the runtime's event stream breaks and is open again
//
// The engine's invariants hold after each of its steps (the rig checks them), and what it says to
// the server decodes again.

#include "api/acs.h"
#include "base/assert.h"
#include "base/buf.h"
#include "engine/rig.h"
#include "fuzz.h"
#include "wire/codec.h"

enum { LINES_MAX = 8, SECONDS_MAX = 4 * 3600 };

static size_t message_of(struct str name)
{
    for (size_t i = 1; i < ACS_MESSAGE_N; i++) {
        if (str_eq(acs_messages[i].name, name))
            return i;
    }
    return 1 + fuzz_pick(name, ACS_MESSAGE_N - 1);
}

static void send(struct rig *rig, struct str name, struct str json)
{
    size_t kind = message_of(name);
    void *message = arena_alloc(&rig->arena, acs_messages[kind].shape->size);
    struct codec_report report;

    if (codec_decode(&rig->arena, acs_messages[kind].shape, json, &codec_peer, message, &report) ==
        0)
        rig_send(rig, (enum acs_message)kind, message);
}

static void take_line(struct rig *rig, struct str line)
{
    struct str word;
    struct str rest;
    int64_t seconds;

    str_cut(line, ' ', &word, &rest);
    if (str_eq(word, STR("run"))) {
        if (str_to_i64(rest, &seconds) && seconds >= 0 && seconds <= SECONDS_MAX)
            rig_run(rig, seconds * TIME_SECOND_MS);
    } else if (str_eq(word, STR("restart"))) {
        rig_restart(rig);
    } else if (str_eq(word, STR("reconnect"))) {
        rig_reconnect(rig);
    } else {
        send(rig, word, rest);
    }
}

static void check(struct rig *rig, const struct shape *shape, const void *value)
{
    static struct buf text;
    struct codec_report report;
    void *back = arena_alloc(&rig->arena, shape->size);

    buf_clear(&text);
    codec_encode(&text, shape, value);
    ASSERT(codec_decode(&rig->arena, shape, buf_str(&text), NULL, back, &report) == 0);
    ASSERT(shape_equal(shape, value, back));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str text = fuzz_text(data, size);
    struct rig rig;

    rig_init(&rig, 1);
    rig_boot(&rig);
    for (int i = 0; i < LINES_MAX && text.len > 0; i++)
        take_line(&rig, fuzz_line(&text));
    rig_run(&rig, TIME_MINUTE_MS);
    for (size_t i = 0; i < rig.submits_n; i++)
        check(&rig, &ecs_submit_task_state_change_request_shape, rig.submits[i]);
    for (size_t i = 0; i < rig.messages_n; i++)
        check(&rig, acs_messages[rig.messages[i]->kind].shape, rig.messages[i]->value);
    rig_deinit(&rig);
    return 0;
}
