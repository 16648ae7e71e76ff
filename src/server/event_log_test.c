#include "server/event_log.h"

#include "base/test.h"
#include "server/recover.h"
#include "store/memory.h"

// Notes of services' actions, and the log over a disk that outlives it.
struct fixture {
    struct arena arena;
    struct memory_disk *disk;
    struct store *store;
    struct event_log *log;
    struct event_log_config config;
    time_ms now;
    struct event_page page;
};

static void open_log(struct fixture *f)
{
    assert_int_equal(store_open_memory(f->disk, &recover_schema, &f->store), 0);
    f->config.store = f->store;
    assert_int_equal(event_log_open(&f->config, &f->log), 0);
}

static void close_log(struct fixture *f)
{
    event_log_close(f->log);
    store_close(f->store);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);

    f->disk = memory_disk_new();
    f->now = 1700000000000;
    f->config = (struct event_log_config){
        .account = STR("123456789012"), .kept = 1000, .age_ms = TIME_DAY_MS, .seed = 1};
    open_log(f);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    close_log(f);
    memory_disk_free(f->disk);
    buf_deinit(&f->page.text);
    arena_deinit(&f->arena);
    free(f);
    return 0;
}

static int tell(struct fixture *f, size_t n)
{
    struct event_notes notes = {.n = n, .at = f->now};
    struct event_note **last = &notes.first;
    struct store_write write = {.kind = REC_KIND_CLUSTER, .id = 1, .json = STR("{}")};

    for (size_t i = 0; i < n; i++) {
        struct evt_service_action *action = arena_new(&f->arena, struct evt_service_action);
        struct event_note *note = arena_new(&f->arena, struct event_note);

        SET(action, event_name, str_fmt(&f->arena, "N%zu", i));
        *note = (struct event_note){.kind = EVENT_SERVICE_ACTION,
                                    .region = STR("us-east-1"),
                                    .resource = STR("arn"),
                                    .detail = action};
        *last = note;
        last = &note->next;
    }
    return event_log_commit(f->log, &write, 1, &notes);
}

static void read_page(struct fixture *f, uint64_t after, size_t max)
{
    assert_int_equal(event_log_read(f->log, after, max, 1 << 20, &f->page), 0);
}

// Reads everything, in pages; returns how many there are, after as many lost ones.
static size_t read_all(struct fixture *f, size_t want_lost)
{
    size_t n = 0;

    read_page(f, 0, 7);
    assert_int_equal(f->page.lost, want_lost);
    while (f->page.n > 0) {
        n += f->page.n;
        assert_int_equal(f->page.last, want_lost + n);
        read_page(f, f->page.last, 7);
        assert_int_equal(f->page.lost, 0);
    }
    return n;
}

static void an_event_has_its_envelope(void **state)
{
    struct fixture *f = *state;
    struct str text;

    assert_int_equal(tell(f, 1), 0);
    read_page(f, 0, 10);
    text = buf_str(&f->page.text);
    EXPECT_STR(str_take(text, 21), "{\"version\":\"0\",\"id\":\"");
    EXPECT_STR(str_from(text, 21 + 36),
               "\",\"detail-type\":\"ECS Service Action\",\"source\":\"aws.ecs\",\"account\":"
               "\"123456789012\",\"time\":\"2023-11-14T22:13:20Z\",\"region\":\"us-east-1\","
               "\"resources\":[\"arn\"],\"detail\":{\"eventName\":\"N0\"}}");
}

static void pages_go_on_where_the_last_one_ended(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 3), 0);
    assert_int_equal(tell(f, 2), 0);
    read_page(f, 0, 4);
    assert_int_equal(f->page.n, 4);
    assert_int_equal(f->page.last, 4);
    read_page(f, 4, 4);
    assert_int_equal(f->page.n, 1);
    assert_int_equal(f->page.last, 5);
    read_page(f, 5, 4);
    assert_int_equal(f->page.n, 0);
    assert_int_equal(f->page.last, 5);
    assert_false(f->page.is_of_future);
}

static void a_page_has_an_end_in_bytes_too(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 3), 0);
    assert_int_equal(event_log_read(f->log, 0, 100, 1, &f->page), 0);
    assert_int_equal(f->page.n, 1);
}

static void a_commit_that_fails_gives_out_no_number(void **state)
{
    struct fixture *f = *state;

    memory_disk_fail(f->disk, MEMORY_FAULT_FULL, 0, 1);
    assert_int_equal(tell(f, 3), STORE_E_FULL);
    assert_int_equal(event_log_last(f->log), 0);
    assert_int_equal(tell(f, 2), 0);
    assert_int_equal(read_all(f, 0), 2);
}

static void numbers_go_on_after_a_restart(void **state)
{
    struct fixture *f = *state;
    struct str id = str_copy(&f->arena, event_log_id(f->log));

    assert_int_equal(tell(f, 5), 0);
    close_log(f);
    open_log(f);
    assert_true(str_eq(event_log_id(f->log), id));
    assert_int_equal(event_log_last(f->log), 5);
    assert_int_equal(tell(f, 1), 0);
    assert_int_equal(read_all(f, 0), 6);
}

static void many_events_of_one_commit_stay_in_order(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 600), 0);
    assert_int_equal(read_all(f, 0), 600);
    close_log(f);
    open_log(f);
    assert_int_equal(event_log_last(f->log), 600);
}

static void of_too_many_the_oldest_go_and_a_reader_is_told(void **state)
{
    struct fixture *f = *state;

    f->config.kept = 10;
    close_log(f);
    open_log(f);
    for (int i = 0; i < 30; i++)
        assert_int_equal(tell(f, 1), 0);
    assert_int_equal(read_all(f, 20), 10);
    read_page(f, 15, 3);
    assert_int_equal(f->page.lost, 5);
    assert_int_equal(f->page.last, 23);
}

static void of_too_old_ones_none_stays_but_the_newest(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 2), 0);
    f->now += TIME_HOUR_MS;
    assert_int_equal(tell(f, 3), 0);
    f->now += TIME_DAY_MS - TIME_MINUTE_MS;
    assert_int_equal(tell(f, 4), 0);
    assert_int_equal(read_all(f, 2), 7);
    f->now += 30 * TIME_DAY_MS;
    assert_int_equal(tell(f, 1), 0);
    assert_int_equal(read_all(f, 9), 1);
}

static void a_cursor_that_has_not_been_is_known_as_such(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 2), 0);
    read_page(f, 3, 10);
    assert_true(f->page.is_of_future);
    assert_int_equal(f->page.last, 0);
}

static void what_happens_while_it_is_off_is_missed_by_a_reader(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(tell(f, 5), 0);
    close_log(f);
    f->config.kept = 0;
    open_log(f);
    assert_false(event_log_is_on(f->log));
    assert_int_equal(tell(f, 5), 0);
    close_log(f);
    open_log(f); // off again, and nothing happened in between
    close_log(f);
    f->config.kept = 100;
    open_log(f);
    read_page(f, 5, 10);
    assert_int_equal(f->page.lost, 1);
    assert_int_equal(tell(f, 2), 0);
    read_page(f, 5, 10);
    assert_int_equal(f->page.lost, 1);
    assert_int_equal(f->page.n, 2);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(an_event_has_its_envelope),
        LOG_TEST(pages_go_on_where_the_last_one_ended),
        LOG_TEST(a_page_has_an_end_in_bytes_too),
        LOG_TEST(a_commit_that_fails_gives_out_no_number),
        LOG_TEST(numbers_go_on_after_a_restart),
        LOG_TEST(many_events_of_one_commit_stay_in_order),
        LOG_TEST(of_too_many_the_oldest_go_and_a_reader_is_told),
        LOG_TEST(of_too_old_ones_none_stays_but_the_newest),
        LOG_TEST(a_cursor_that_has_not_been_is_known_as_such),
        LOG_TEST(what_happens_while_it_is_off_is_missed_by_a_reader),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
