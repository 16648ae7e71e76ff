// The channel against a session plugin made of its published rules: it expects numbers in order,
// acknowledges what it takes, and drops what comes before its terminal is set up.

#include "wire/exec_channel.h"

#include <string.h>

#include "api/exec.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/test.h"
#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/exec_frame.h"

enum { FRAMES_MAX = 400, START = 1000000 };

struct world {
    struct crypto *crypto;
    struct rng rng;
    struct arena arena;
    struct exec_channel *channel;
    time_ms now;
    // What the server sent and nobody looked at yet.
    struct buf sent[FRAMES_MAX];
    int sent_n;
    int seen_n;
    // What the terminal got.
    struct buf typed;
    int begun;
    int hung_up;
    int over;
    int input_ends;
    int32_t columns;
    int32_t rows;
    // The plugin.
    int64_t next_in; // number that it expects
    int64_t next_out;
    struct buf screen;
    struct buf farewell;
    int acks_n; // acknowledgements it got
};

// ---- the host

static void on_send(void *user, struct str frame)
{
    struct world *w = user;

    assert_true(w->sent_n < FRAMES_MAX);
    buf_add_str(&w->sent[w->sent_n++], frame);
}

static void on_begin(void *user)
{
    ((struct world *)user)->begun++;
}

static void on_input(void *user, struct str bytes)
{
    buf_add_str(&((struct world *)user)->typed, bytes);
}

static void on_resize(void *user, int32_t columns, int32_t rows)
{
    ((struct world *)user)->columns = columns;
    ((struct world *)user)->rows = rows;
}

static void on_input_end(void *user)
{
    ((struct world *)user)->input_ends++;
}

static void on_hang_up(void *user)
{
    ((struct world *)user)->hung_up++;
}

static void on_over(void *user)
{
    ((struct world *)user)->over++;
}

static struct exec_host host = {
    .send = on_send,
    .begin = on_begin,
    .input = on_input,
    .resize = on_resize,
    .input_end = on_input_end,
    .hang_up = on_hang_up,
    .over = on_over,
};

static int setup(void **state)
{
    struct world *w = mem_zalloc(sizeof *w);

    w->crypto = crypto_new();
    rng_init(&w->rng, 1);
    w->now = START;
    host.user = w;
    w->channel =
        exec_channel_new(&host, w->crypto, &w->rng, STR("ecs-execute-command-0123456789abcdef0"));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;

    exec_channel_free(w->channel);
    for (int i = 0; i < FRAMES_MAX; i++)
        buf_deinit(&w->sent[i]);
    buf_deinit(&w->typed);
    buf_deinit(&w->screen);
    buf_deinit(&w->farewell);
    crypto_free(w->crypto);
    arena_deinit(&w->arena);
    mem_free(w);
    return 0;
}

// ---- the plugin

static void say(struct world *w, const char *type, int64_t sequence, uint32_t payload_type,
                struct str payload)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame = {
        .type = str_of(type),
        .created_at = w->now,
        .sequence = sequence,
        .payload_type = payload_type,
        .payload = payload,
    };

    exec_id_read(STR("00010203-0405-0607-0809-0a0b0c0d0e0f"), frame.id);
    exec_frame_write(w->crypto, &frame, &bytes);
    exec_channel_take(w->channel, buf_str(&bytes), w->now);
}

static void say_input(struct world *w, uint32_t payload_type, const char *payload)
{
    say(w, "input_stream_data", w->next_out++, payload_type, str_of(payload));
}

static void say_ack(struct world *w, int64_t sequence)
{
    say(w, "acknowledge", 0, 0,
        str_fmt(
            &w->arena,
            "{\"AcknowledgedMessageType\":\"output_stream_data\",\"AcknowledgedMessageId\":\"\","
            "\"AcknowledgedMessageSequenceNumber\":%lld,\"IsSequentialMessage\":true}",
            (long long)sequence));
}

// The next frame that the server sent; false: there is none.
static bool next_frame(struct world *w, struct exec_frame *out)
{
    if (w->seen_n == w->sent_n)
        return false;
    assert_true(exec_frame_read(w->crypto, buf_str(&w->sent[w->seen_n++]), out));
    return true;
}

static struct exec_frame expect_frame(struct world *w, const char *type, uint32_t payload_type)
{
    struct exec_frame frame;

    assert_true(next_frame(w, &frame));
    EXPECT_STR(frame.type, type);
    assert_int_equal(frame.payload_type, payload_type);
    return frame;
}

static void expect_silence(struct world *w)
{
    assert_int_equal(w->seen_n, w->sent_n);
}

// Looks at all that came, as the plugin does once its terminal is there.
static void look(struct world *w)
{
    struct exec_frame frame;

    while (next_frame(w, &frame)) {
        if (str_eq(frame.type, STR("acknowledge"))) {
            w->acks_n++;
        } else if (str_eq(frame.type, STR("channel_closed"))) {
            buf_add_str(&w->farewell, frame.payload);
        } else if (frame.sequence == w->next_in) {
            say_ack(w, w->next_in++);
            if (frame.payload_type == EXEC_PAYLOAD_OUTPUT)
                buf_add_str(&w->screen, frame.payload);
        }
    }
}

static time_ms tick(struct world *w, time_ms later)
{
    w->now += later;
    return exec_channel_tick(w->channel, w->now);
}

static void answer_handshake(struct world *w)
{
    say_input(w, EXEC_PAYLOAD_HANDSHAKE_RESPONSE,
              "{\"ClientVersion\":\"1.2.0.0\",\"ProcessedClientActions\":[{\"ActionType\":"
              "\"SessionType\",\"ActionStatus\":1,\"ActionResult\":null,\"Error\":\"\"}],"
              "\"Errors\":null}");
}

static void open_session(struct world *w)
{
    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w);
    answer_handshake(w);
    look(w);
    assert_int_equal(w->begun, 1);
}

// ---- the handshake

static void the_first_client_is_greeted(void **state)
{
    struct world *w = *state;
    struct exec_frame frame;

    exec_channel_attach(w->channel, STR("client"), w->now);
    frame = expect_frame(w, "output_stream_data", EXEC_PAYLOAD_HANDSHAKE_REQUEST);
    assert_int_equal(frame.sequence, 0);
    assert_int_equal(frame.flags, EXEC_FRAME_SYN);
    EXPECT_STR(frame.payload,
               "{\"AgentVersion\":\"3.1.1260.0\",\"RequestedClientActions\":[{\"ActionParameters\":"
               "{\"Properties\":{},\"SessionType\":\"InteractiveCommands\"},\"ActionType\":"
               "\"SessionType\"}]}");
    assert_int_equal(w->begun, 0);
}

static void the_command_starts_when_the_client_is_ready(void **state)
{
    struct world *w = *state;
    struct exec_frame frame;

    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w);
    w->now += 3;
    answer_handshake(w);
    frame = expect_frame(w, "acknowledge", 0);
    EXPECT_STR(frame.payload, "{\"AcknowledgedMessageId\":\"00010203-0405-0607-0809-0a0b0c0d0e0f\","
                              "\"AcknowledgedMessageSequenceNumber\":0,\"AcknowledgedMessageType\":"
                              "\"input_stream_data\",\"IsSequentialMessage\":true}");
    frame = expect_frame(w, "output_stream_data", EXEC_PAYLOAD_HANDSHAKE_COMPLETE);
    assert_int_equal(frame.sequence, 1);
    EXPECT_STR(frame.payload, "{\"CustomerMessage\":\"\",\"HandshakeTimeToComplete\":3000000}");
    assert_int_equal(w->begun, 1);
}

static void a_client_that_refuses_the_handshake_is_told_goodbye(void **state)
{
    struct world *w = *state;

    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w);
    say_input(w, EXEC_PAYLOAD_HANDSHAKE_RESPONSE, "{\"Errors\":[\"no such thing\"]}");
    tick(w, 0);
    look(w);
    assert_int_equal(w->begun, 0);
    assert_int_equal(w->hung_up, 1);
    assert_int_equal(w->over, 1);
    assert_non_null(strstr(str_cstr(&w->arena, buf_str(&w->farewell)), "no such thing"));
}

static void a_client_that_says_nothing_is_given_up(void **state)
{
    struct world *w = *state;

    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w);
    assert_int_equal(tick(w, 0), w->now + 15000);
    tick(w, 15000);
    assert_int_equal(w->hung_up, 1);
    assert_int_equal(w->over, 1);
}

// ---- both ways

static void keys_reach_the_terminal_and_output_the_screen(void **state)
{
    struct world *w = *state;

    open_session(w);
    say_input(w, EXEC_PAYLOAD_OUTPUT, "ls\r");
    exec_channel_output(w->channel, STR("file\r\n"), w->now);
    look(w);
    EXPECT_STR(buf_str(&w->typed), "ls\r");
    EXPECT_STR(buf_str(&w->screen), "file\r\n");
}

static void the_size_of_the_terminal_follows(void **state)
{
    struct world *w = *state;

    open_session(w);
    say_input(w, EXEC_PAYLOAD_SIZE, "{\"cols\":120,\"rows\":40}");
    assert_int_equal(w->columns, 120);
    assert_int_equal(w->rows, 40);
    say_input(w, EXEC_PAYLOAD_SIZE, "{\"cols\":0,\"rows\":-1}");
    say_input(w, EXEC_PAYLOAD_SIZE, "wide");
    assert_int_equal(w->columns, 120);
}

static void repeated_input_is_acknowledged_each_time_and_typed_once(void **state)
{
    struct world *w = *state;
    int before;

    open_session(w);
    before = w->acks_n;
    for (int i = 0; i < 3; i++)
        say(w, "input_stream_data", 1, EXEC_PAYLOAD_OUTPUT, STR("x"));
    look(w);
    assert_int_equal(w->acks_n, before + 3);
    EXPECT_STR(buf_str(&w->typed), "x");
}

static void input_out_of_order_is_put_in_order(void **state)
{
    struct world *w = *state;

    open_session(w);
    say(w, "input_stream_data", 3, EXEC_PAYLOAD_OUTPUT, STR("c"));
    say(w, "input_stream_data", 2, EXEC_PAYLOAD_OUTPUT, STR("b"));
    say(w, "input_stream_data", 3, EXEC_PAYLOAD_OUTPUT, STR("c"));
    EXPECT_STR(buf_str(&w->typed), "");
    say(w, "input_stream_data", 1, EXEC_PAYLOAD_OUTPUT, STR("a"));
    EXPECT_STR(buf_str(&w->typed), "abc");
}

static void input_from_far_ahead_is_not_taken(void **state)
{
    struct world *w = *state;
    int before;

    open_session(w);
    before = w->acks_n;
    say(w, "input_stream_data", 1001, EXEC_PAYLOAD_OUTPUT, STR("x"));
    say(w, "input_stream_data", -1, EXEC_PAYLOAD_OUTPUT, STR("x"));
    look(w);
    assert_int_equal(w->acks_n, before);
}

static void long_output_is_cut_into_messages(void **state)
{
    struct world *w = *state;
    char page[2500];

    open_session(w);
    memset(page, 'p', sizeof page);
    exec_channel_output(w->channel, str_span(page, sizeof page), w->now);
    assert_int_equal(expect_frame(w, "output_stream_data", 1).payload.len, 1024);
    assert_int_equal(expect_frame(w, "output_stream_data", 1).payload.len, 1024);
    assert_int_equal(expect_frame(w, "output_stream_data", 1).payload.len, 452);
    expect_silence(w);
}

static void what_is_on_its_way_is_counted(void **state)
{
    struct world *w = *state;

    open_session(w);
    assert_int_equal(exec_channel_pending(w->channel), 0);
    exec_channel_output(w->channel, STR("1234"), w->now);
    exec_channel_output(w->channel, STR("567"), w->now);
    assert_int_equal(exec_channel_pending(w->channel), 7);
    look(w);
    assert_int_equal(exec_channel_pending(w->channel), 0);
    EXPECT_STR(buf_str(&w->screen), "1234567");
}

// The other side of the terminal takes no more: input waits here, and beyond that at the client.
static void held_input_waits_and_is_lost_nowhere(void **state)
{
    struct world *w = *state;
    int acks;

    open_session(w);
    exec_channel_hold(w->channel, true, w->now);
    say_input(w, EXEC_PAYLOAD_OUTPUT, "a");
    say_input(w, EXEC_PAYLOAD_OUTPUT, "b");
    look(w);
    EXPECT_STR(buf_str(&w->typed), "");
    acks = w->acks_n;
    say(w, "input_stream_data", w->next_out + 600, EXEC_PAYLOAD_OUTPUT, STR("too much"));
    look(w);
    assert_int_equal(w->acks_n, acks);
    exec_channel_hold(w->channel, false, w->now);
    EXPECT_STR(buf_str(&w->typed), "ab");
    say_input(w, EXEC_PAYLOAD_OUTPUT, "c");
    EXPECT_STR(buf_str(&w->typed), "abc");
}

static void a_client_of_ours_hears_errors_apart_and_the_exit_code(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_error_output(w->channel, STR("oops"), w->now);
    EXPECT_STR(expect_frame(w, "output_stream_data", EXEC_PAYLOAD_STDERR).payload, "oops");
    exec_channel_exit_code(w->channel, 137, w->now);
    EXPECT_STR(expect_frame(w, "output_stream_data", EXEC_PAYLOAD_EXIT_CODE).payload, "137");
}

static void the_end_of_input_is_a_flag(void **state)
{
    struct world *w = *state;

    open_session(w);
    say(w, "input_stream_data", 1, EXEC_PAYLOAD_FLAG, str_span("\0\0\3\351", 4));
    assert_int_equal(w->input_ends, 1);
    assert_int_equal(w->hung_up, 0);
}

static void the_client_may_hang_up(void **state)
{
    struct world *w = *state;

    open_session(w);
    say(w, "input_stream_data", 1, EXEC_PAYLOAD_FLAG, str_span("\0\0\0\2", 4));
    assert_int_equal(w->hung_up, 1);
}

// ---- losses

// As the plugin does right after the handshake: the message is neither taken nor acknowledged.
static void what_the_client_drops_is_sent_again(void **state)
{
    struct world *w = *state;
    struct exec_frame frame;
    time_ms due;

    open_session(w);
    exec_channel_output(w->channel, STR("one"), w->now);
    frame = expect_frame(w, "output_stream_data", EXEC_PAYLOAD_OUTPUT);
    assert_int_equal(frame.sequence, 2);
    exec_channel_output(w->channel, STR("two"), w->now);
    frame = expect_frame(w, "output_stream_data", EXEC_PAYLOAD_OUTPUT);
    say_ack(w, frame.sequence); // kept for later
    due = tick(w, 0);
    assert_true(due > w->now && due <= w->now + 1000);
    expect_silence(w);
    tick(w, due - w->now);
    assert_int_equal(expect_frame(w, "output_stream_data", EXEC_PAYLOAD_OUTPUT).sequence, 2);
    say_ack(w, 2);
    assert_int_equal(tick(w, 1000), 0);
    expect_silence(w);
}

static void a_client_that_never_acknowledges_is_given_up(void **state)
{
    struct world *w = *state;
    time_ms due;

    open_session(w);
    exec_channel_output(w->channel, STR("x"), w->now);
    for (int i = 0; i < 4000 && w->hung_up == 0; i++) {
        w->sent_n = w->seen_n = 0;
        due = tick(w, 0);
        for (int k = 0; k < FRAMES_MAX; k++)
            buf_clear(&w->sent[k]);
        w->now = due != 0 ? due : w->now;
    }
    assert_int_equal(w->hung_up, 1);
}

static void a_new_socket_goes_on_where_the_old_one_broke(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_detach(w->channel);
    exec_channel_output(w->channel, STR("while away"), w->now);
    assert_int_equal(tick(w, 60000), 0);
    expect_silence(w);
    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w);
    EXPECT_STR(buf_str(&w->screen), "while away");
    say_input(w, EXEC_PAYLOAD_OUTPUT, "back\r");
    EXPECT_STR(buf_str(&w->typed), "back\r");
    assert_int_equal(w->begun, 1);
}

// The client processed it, but its acknowledgement went down with the old socket.
static void a_message_that_stays_silent_after_a_resume_is_given_up(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_output(w->channel, STR("lost ack"), w->now);
    w->seen_n = w->sent_n;
    w->next_in++; // processed
    exec_channel_detach(w->channel);
    exec_channel_attach(w->channel, STR("client"), w->now);
    look(w); // silent
    exec_channel_output(w->channel, STR("next"), w->now);
    look(w);
    EXPECT_STR(buf_str(&w->screen), "next");
    for (int i = 0; i < 20; i++) {
        tick(w, 1000);
        look(w);
    }
    assert_int_equal(tick(w, 1000), 0);
    assert_int_equal(w->hung_up, 0);
}

// ---- the end

static void the_end_waits_for_the_output(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_output(w->channel, STR("last words"), w->now);
    exec_channel_close(w->channel, STR_NONE, w->now);
    tick(w, 0);
    assert_int_equal(w->over, 0);
    look(w);
    tick(w, 0);
    assert_int_equal(w->over, 1);
    look(w);
    EXPECT_STR(buf_str(&w->screen), "last words");
    assert_non_null(
        strstr(str_cstr(&w->arena, buf_str(&w->farewell)), "\"DestinationId\":\"client\""));
}

static void the_end_does_not_wait_for_ever(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_output(w->channel, STR("last words"), w->now);
    exec_channel_close(w->channel, STR("It ended."), w->now);
    tick(w, 1999);
    assert_int_equal(w->over, 0);
    tick(w, 1);
    assert_int_equal(w->over, 1);
}

static void a_client_that_is_away_hears_of_the_end_when_it_is_back(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_detach(w->channel);
    exec_channel_close(w->channel, STR_NONE, w->now);
    tick(w, 5000);
    assert_int_equal(w->over, 0);
    exec_channel_attach(w->channel, STR("client"), w->now);
    tick(w, 0);
    look(w);
    assert_int_equal(w->over, 1);
    assert_true(buf_len(&w->farewell) > 0);
}

static void nonsense_is_dropped(void **state)
{
    struct world *w = *state;

    open_session(w);
    exec_channel_take(w->channel, STR("short"), w->now);
    say(w, "start_publication", 0, 0, STR_NONE);
    say(w, "acknowledge", 0, 0, STR("{"));
    say(w, "acknowledge", 0, 0, STR("{}"));
    say(w, "input_stream_data", 1, 99, STR("?"));
    look(w);
    EXPECT_STR(buf_str(&w->typed), "");
    assert_int_equal(w->hung_up, 0);
}

#define CHANNEL_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CHANNEL_TEST(the_first_client_is_greeted),
        CHANNEL_TEST(the_command_starts_when_the_client_is_ready),
        CHANNEL_TEST(a_client_that_refuses_the_handshake_is_told_goodbye),
        CHANNEL_TEST(a_client_that_says_nothing_is_given_up),
        CHANNEL_TEST(keys_reach_the_terminal_and_output_the_screen),
        CHANNEL_TEST(the_size_of_the_terminal_follows),
        CHANNEL_TEST(repeated_input_is_acknowledged_each_time_and_typed_once),
        CHANNEL_TEST(input_out_of_order_is_put_in_order),
        CHANNEL_TEST(input_from_far_ahead_is_not_taken),
        CHANNEL_TEST(long_output_is_cut_into_messages),
        CHANNEL_TEST(what_is_on_its_way_is_counted),
        CHANNEL_TEST(held_input_waits_and_is_lost_nowhere),
        CHANNEL_TEST(a_client_of_ours_hears_errors_apart_and_the_exit_code),
        CHANNEL_TEST(the_end_of_input_is_a_flag),
        CHANNEL_TEST(the_client_may_hang_up),
        CHANNEL_TEST(what_the_client_drops_is_sent_again),
        CHANNEL_TEST(a_client_that_never_acknowledges_is_given_up),
        CHANNEL_TEST(a_new_socket_goes_on_where_the_old_one_broke),
        CHANNEL_TEST(a_message_that_stays_silent_after_a_resume_is_given_up),
        CHANNEL_TEST(the_end_waits_for_the_output),
        CHANNEL_TEST(the_end_does_not_wait_for_ever),
        CHANNEL_TEST(a_client_that_is_away_hears_of_the_end_when_it_is_back),
        CHANNEL_TEST(nonsense_is_dropped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
