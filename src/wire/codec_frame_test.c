#include "base/test.h"

#include "api/acs.h"
#include "base/buf.h"
#include "wire/codec.h"

static int decode(struct arena *arena, const char *json, struct codec_frame *out)
{
    struct codec_report report;

    return codec_decode_frame(arena, acs_messages, ACS_MESSAGE_N, str_of(json), &codec_peer, out,
                              &report);
}

static void a_frame_comes_back(void **state)
{
    struct arena arena = ARENA_INIT;
    BUF_AUTO struct buf text = BUF_INIT;
    struct acs_heartbeat_message beat = {0};
    struct codec_frame frame;
    (void)state;

    SET(&beat, message_id, STR("m1"));
    codec_encode_frame(&text, &acs_messages[ACS_MESSAGE_HEARTBEAT_MESSAGE], &beat);
    EXPECT_STR(buf_str(&text),
               "{\"type\":\"HeartbeatMessage\",\"message\":{\"messageId\":\"m1\"}}");
    assert_int_equal(decode(&arena, str_cstr(&arena, buf_str(&text)), &frame), 0);
    assert_int_equal(frame.kind, ACS_MESSAGE_HEARTBEAT_MESSAGE);
    assert_true(shape_equal(&acs_heartbeat_message_shape, frame.message, &beat));
    arena_deinit(&arena);
}

static void the_type_may_come_last(void **state)
{
    struct arena arena = ARENA_INIT;
    struct codec_frame frame;
    (void)state;

    assert_int_equal(
        decode(&arena, "{\"message\":{\"messageId\":\"a\"},\"type\":\"HeartbeatMessage\"}", &frame),
        0);
    EXPECT_STR(((struct acs_heartbeat_message *)frame.message)->message_id, "a");
    arena_deinit(&arena);
}

static void a_message_may_be_missing(void **state)
{
    struct arena arena = ARENA_INIT;
    struct codec_frame frame;
    (void)state;

    assert_int_equal(decode(&arena, "{\"type\":\"HeartbeatMessage\"}", &frame), 0);
    assert_true(((struct acs_heartbeat_message *)frame.message)->mask == 0);
    arena_deinit(&arena);
}

static void an_unknown_type_is_named_and_has_no_message(void **state)
{
    struct arena arena = ARENA_INIT;
    struct codec_frame frame;
    (void)state;

    assert_int_equal(decode(&arena, "{\"type\":\"Poke\",\"message\":{}}", &frame), 0);
    assert_int_equal(frame.kind, 0);
    assert_null(frame.message);
    EXPECT_STR(frame.name, "Poke");
    assert_int_equal(decode(&arena, "{}", &frame), 0);
    assert_int_equal(frame.kind, 0);
    EXPECT_STR(frame.name, "");
    arena_deinit(&arena);
}

static void bad_frames_are_refused(void **state)
{
    struct arena arena = ARENA_INIT;
    struct codec_frame frame = {.kind = 1};
    (void)state;

    assert_int_equal(decode(&arena, "[]", &frame), CODEC_E_VALUE);
    assert_int_equal(decode(&arena, "{\"type\":1}", &frame), CODEC_E_VALUE);
    assert_int_equal(decode(&arena, "{\"type\":\"HeartbeatMessage\",\"message\":[]}", &frame),
                     CODEC_E_VALUE);
    assert_int_equal(
        decode(&arena, "{\"type\":\"HeartbeatMessage\",\"message\":{\"messageId\":1}}", &frame),
        CODEC_E_VALUE);
    assert_int_equal(frame.kind, 0);
    assert_null(frame.message);
    arena_deinit(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_frame_comes_back),
        cmocka_unit_test(the_type_may_come_last),
        cmocka_unit_test(a_message_may_be_missing),
        cmocka_unit_test(an_unknown_type_is_named_and_has_no_message),
        cmocka_unit_test(bad_frames_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
