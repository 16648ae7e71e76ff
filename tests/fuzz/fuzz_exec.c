// Input: messages of a session plugin, each behind two bytes of length (and one of what happens
// before it: time passes, the socket is lost or found), to the server's end of a session and to the
// client's. Whatever comes, both stay what they are: nothing is typed twice, nothing grows without
// bound.

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/rng.h"
#include "fuzz.h"
#include "wire/crypto.h"
#include "wire/exec_channel.h"
#include "wire/exec_client.h"
#include "wire/exec_frame.h"

struct world {
    struct crypto *crypto;
    struct rng rng;
    struct exec_channel *channel;
    struct exec_client *client;
    time_ms now;
    int begun;
    int over;
    int closed;
    size_t sent;
};

static void on_send(void *user, struct str frame)
{
    struct world *w = user;
    struct exec_frame back;

    w->sent += frame.len;
    ASSERT(exec_frame_read(w->crypto, frame, &back));
}

static void on_begin(void *user)
{
    struct world *w = user;

    ASSERT(++w->begun == 1);
    exec_channel_output(w->channel, STR("hello"), w->now);
}

static void on_input(void *user, struct str bytes)
{
    struct world *w = user;

    ASSERT(bytes.len > 0 && w->begun == 1 && w->over == 0);
    exec_channel_output(w->channel, bytes, w->now);
}

static void on_resize(void *user, int32_t columns, int32_t rows)
{
    (void)user;
    ASSERT(columns > 0 && columns <= 65535 && rows > 0 && rows <= 65535);
}

static void on_word(void *user)
{
    (void)user;
}

static void on_over(void *user)
{
    struct world *w = user;

    ASSERT(++w->over == 1);
}

static void on_output(void *user, struct str bytes, bool is_error)
{
    (void)bytes;
    (void)is_error;
    ASSERT(((struct world *)user)->closed == 0);
}

static void on_exit_code(void *user, int32_t code)
{
    (void)user;
    ASSERT(code >= 0);
}

static void on_closed(void *user, struct str message)
{
    struct world *w = user;

    (void)message;
    ASSERT(++w->closed == 1);
}

static void happen(struct world *w, unsigned what)
{
    w->now += what % 16 * 100;
    if (what & 16)
        exec_channel_detach(w->channel);
    if (what & 32)
        exec_channel_attach(w->channel, STR("client"), w->now);
    if (what & 64)
        exec_channel_hold(w->channel, what & 1, w->now);
    if (what & 128)
        exec_channel_close(w->channel, STR("bye"), w->now);
    (void)exec_channel_tick(w->channel, w->now);
    (void)exec_client_tick(w->client, w->now);
}

static void take(struct world *w, struct str message)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame;

    exec_channel_take(w->channel, message, w->now);
    exec_client_take(w->client, message, w->now);
    if (message.len < EXEC_HEAD_SIZE)
        return;
    // The digest keeps most inputs out, so the same comes again with the right one.
    frame = (struct exec_frame){
        .type = message.ptr[4] & 1 ? STR("input_stream_data") : STR("output_stream_data"),
        .created_at = 1,
        .sequence = (unsigned char)message.ptr[55] % 8,
        .payload_type = (unsigned char)message.ptr[115] % 16,
        .payload = str_from(message, EXEC_HEAD_SIZE),
    };
    if (message.ptr[4] & 2)
        frame.type = message.ptr[4] & 4 ? STR("acknowledge") : STR("channel_closed");
    exec_frame_write(w->crypto, &frame, &bytes);
    exec_channel_take(w->channel, buf_str(&bytes), w->now);
    exec_client_take(w->client, buf_str(&bytes), w->now);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct crypto *crypto;
    struct world w = {.now = 1000};
    struct exec_host host = {.user = &w,
                             .send = on_send,
                             .begin = on_begin,
                             .input = on_input,
                             .resize = on_resize,
                             .input_end = on_word,
                             .hang_up = on_word,
                             .over = on_over};
    struct exec_client_host client_host = {.user = &w,
                                           .send = on_send,
                                           .ready = on_word,
                                           .output = on_output,
                                           .exit_code = on_exit_code,
                                           .closed = on_closed};
    struct str rest = fuzz_text(data, size);

    if (crypto == NULL)
        crypto = crypto_new();
    w.crypto = crypto;
    rng_init(&w.rng, 1);
    w.channel = exec_channel_new(&host, crypto, &w.rng, STR("session"));
    w.client = exec_client_new(&client_host, crypto, &w.rng);
    exec_channel_attach(w.channel, STR("client"), w.now);
    exec_client_attach(w.client, w.now);
    while (rest.len >= 3) {
        size_t len = (size_t)((unsigned char)rest.ptr[1] << 8 | (unsigned char)rest.ptr[2]);

        happen(&w, (unsigned char)rest.ptr[0]);
        rest = str_from(rest, 3);
        take(&w, str_take(rest, len));
        rest = str_from(rest, len);
    }
    ASSERT(exec_channel_pending(w.channel) <= size * 4 + 4096);
    exec_channel_free(w.channel);
    exec_client_free(w.client);
    return 0;
}
