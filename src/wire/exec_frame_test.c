#include "wire/exec_frame.h"

#include <string.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/test.h"
#include "wire/crypto.h"

static struct crypto *crypto;
static struct arena arena;

static int setup(void **state)
{
    (void)state;
    crypto = crypto_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    crypto_free(crypto);
    arena_deinit(&arena);
    return 0;
}

static struct exec_frame sample(const char *payload)
{
    struct exec_frame frame = {
        .type = STR("input_stream_data"),
        .created_at = 1700000000123,
        .sequence = 7,
        .flags = EXEC_FRAME_SYN,
        .payload_type = EXEC_PAYLOAD_OUTPUT,
        .payload = str_of(payload),
    };

    exec_id_read(STR("00010203-0405-0607-0809-0a0b0c0d0e0f"), frame.id);
    return frame;
}

static void write_sample(struct buf *out, const char *payload)
{
    struct exec_frame frame = sample(payload);

    exec_frame_write(crypto, &frame, out);
}

// Whether what is left after a change of one byte still reads.
static bool reads_with(struct buf *bytes, size_t at, char value)
{
    struct exec_frame frame;
    char before = bytes->ptr[bytes->start + at];
    bool is_read;

    bytes->ptr[bytes->start + at] = value;
    is_read = exec_frame_read(crypto, buf_str(bytes), &frame);
    bytes->ptr[bytes->start + at] = before;
    return is_read;
}

static void a_frame_has_the_published_layout(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    BUF_AUTO struct buf hex = BUF_INIT;
    (void)state;

    write_sample(&bytes, "abc");
    assert_int_equal(buf_len(&bytes), EXEC_HEAD_SIZE + 3);
    hex_encode(&hex, buf_str(&bytes).ptr, buf_len(&bytes));
    EXPECT_STR(buf_str(&hex),
               "00000074"
               "696e7075745f73747265616d5f64617461202020202020202020202020202020" // blanks
               "00000001"
               "0000018bcfe5687b"
               "0000000000000007"
               "0000000000000001"
               "08090a0b0c0d0e0f0001020304050607" // the second half first
               "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
               "00000001"
               "00000003"
               "616263");
}

static void what_is_written_reads_back(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame;
    (void)state;

    write_sample(&bytes, "ls -l\r");
    assert_true(exec_frame_read(crypto, buf_str(&bytes), &frame));
    EXPECT_STR(frame.type, "input_stream_data");
    assert_int_equal(frame.created_at, 1700000000123);
    assert_int_equal(frame.sequence, 7);
    assert_int_equal(frame.flags, EXEC_FRAME_SYN);
    assert_int_equal(frame.payload_type, EXEC_PAYLOAD_OUTPUT);
    EXPECT_STR(frame.payload, "ls -l\r");
    EXPECT_STR(exec_id_text(frame.id, &arena), "00010203-0405-0607-0809-0a0b0c0d0e0f");
}

static void a_type_may_be_padded_with_nul(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame;
    (void)state;

    write_sample(&bytes, "");
    memset(bytes.ptr + bytes.start + 4 + strlen("input_stream_data"), 0, 15);
    assert_true(exec_frame_read(crypto, buf_str(&bytes), &frame));
    EXPECT_STR(frame.type, "input_stream_data");
    assert_int_equal(frame.payload.len, 0);
}

static void what_is_cut_short_is_dropped(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame;
    (void)state;

    write_sample(&bytes, "abc");
    for (size_t n = 0; n < buf_len(&bytes); n++)
        assert_false(exec_frame_read(crypto, str_span(buf_str(&bytes).ptr, n), &frame));
}

static void what_is_damaged_is_dropped(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    (void)state;

    write_sample(&bytes, "abc");
    assert_false(reads_with(&bytes, 122, 'x')); // the payload
    assert_false(reads_with(&bytes, 80, 0));    // its digest
    assert_false(reads_with(&bytes, 3, 0));     // the length of the head
    assert_false(reads_with(&bytes, 0, 1));     // far behind the end
    assert_true(reads_with(&bytes, 55, 9));     // another sequence number is only another message
}

static void a_frame_without_type_or_date_is_dropped(void **state)
{
    BUF_AUTO struct buf bytes = BUF_INIT;
    struct exec_frame frame;
    (void)state;

    write_sample(&bytes, "");
    memset(bytes.ptr + bytes.start + 40, 0, 8);
    assert_false(exec_frame_read(crypto, buf_str(&bytes), &frame));
    buf_clear(&bytes);
    write_sample(&bytes, "");
    memset(bytes.ptr + bytes.start + 4, ' ', 32);
    assert_false(exec_frame_read(crypto, buf_str(&bytes), &frame));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_has_the_published_layout),
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(a_type_may_be_padded_with_nul),
        cmocka_unit_test(what_is_cut_short_is_dropped),
        cmocka_unit_test(what_is_damaged_is_dropped),
        cmocka_unit_test(a_frame_without_type_or_date_is_dropped),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
