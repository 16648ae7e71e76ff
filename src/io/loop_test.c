#include "io/loop.h"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/test.h"
#include "io/clock.h"
#include "io/socket.h"

// What happened, as text: every handler adds its letter.
struct diary {
    struct loop *loop;
    struct buf text;
    struct loop_job job;
    struct loop_timer timer;
    struct loop_fd watch;
    int n;
};

static int setup(void **state)
{
    static struct diary diary;

    diary = (struct diary){0};
    *state = &diary;
    return loop_open(&diary.loop);
}

static int teardown(void **state)
{
    struct diary *diary = *state;

    loop_close(diary->loop);
    buf_deinit(&diary->text);
    return 0;
}

static void write_a(void *user)
{
    buf_add_char(&((struct diary *)user)->text, 'a');
}

static void write_b(void *user)
{
    buf_add_char(&((struct diary *)user)->text, 'b');
}

static void write_c_and_stop(void *user)
{
    struct diary *diary = user;

    buf_add_char(&diary->text, 'c');
    loop_stop(diary->loop);
}

static void timers_fire_in_order_and_never_early(void **state)
{
    struct diary *diary = *state;
    struct loop_timer a, b, c;
    int64_t begin = clock_monotonic_ms();

    loop_timer_init(&a, diary->loop, write_a, diary);
    loop_timer_init(&b, diary->loop, write_b, diary);
    loop_timer_init(&c, diary->loop, write_c_and_stop, diary);
    loop_timer_start(&c, 20);
    loop_timer_start(&b, 10);
    loop_timer_start(&a, 0);
    loop_run(diary->loop);
    assert_true(clock_monotonic_ms() - begin >= 20);
    EXPECT_STR(buf_str(&diary->text), "abc");
    assert_false(loop_timer_is_running(&a));
}

static void a_stopped_timer_is_silent(void **state)
{
    struct diary *diary = *state;
    struct loop_timer a, c;

    loop_timer_init(&a, diary->loop, write_a, diary);
    loop_timer_init(&c, diary->loop, write_c_and_stop, diary);
    loop_timer_start(&a, 1);
    loop_timer_start(&c, 2);
    loop_timer_stop(&a);
    loop_timer_stop(&a);
    loop_run(diary->loop);
    EXPECT_STR(buf_str(&diary->text), "c");
}

static void restart_ten_times(void *user)
{
    struct diary *diary = user;

    if (++diary->n == 10)
        loop_stop(diary->loop);
    else
        loop_timer_start(&diary->timer, 0);
}

static void a_timer_restarts_itself(void **state)
{
    struct diary *diary = *state;

    loop_timer_init(&diary->timer, diary->loop, restart_ten_times, diary);
    loop_timer_start(&diary->timer, 0);
    loop_run(diary->loop);
    assert_int_equal(diary->n, 10);
}

static void defer_a(void *user)
{
    struct diary *diary = user;

    buf_add_char(&diary->text, 'd');
    loop_defer(diary->loop, &diary->job);
    loop_defer(diary->loop, &diary->job); // once is enough
}

static void deferred_jobs_run_in_the_same_round(void **state)
{
    struct diary *diary = *state;
    struct loop_job first, dropped;

    loop_job_init(&diary->job, write_a, diary);
    loop_job_init(&first, defer_a, diary);
    loop_job_init(&dropped, write_b, diary);
    loop_defer(diary->loop, &first);
    loop_defer(diary->loop, &dropped);
    loop_job_cancel(&dropped);
    loop_run_once(diary->loop, 0);
    EXPECT_STR(buf_str(&diary->text), "da");
}

enum { POSTS = 1000 };
struct poster {
    struct diary *diary;
    struct loop_job jobs[POSTS];
};

static void count_post(void *user)
{
    struct diary *diary = user;

    if (++diary->n == POSTS)
        loop_stop(diary->loop);
}

static void *post_many(void *user)
{
    struct poster *poster = user;

    for (int i = 0; i < POSTS; i++) {
        loop_job_init(&poster->jobs[i], count_post, poster->diary);
        loop_post(poster->diary->loop, &poster->jobs[i]);
    }
    return NULL;
}

static void posts_of_another_thread_all_arrive(void **state)
{
    static struct poster poster;
    pthread_t thread;

    poster.diary = *state;
    assert_int_equal(pthread_create(&thread, NULL, post_many, &poster), 0);
    loop_run(poster.diary->loop);
    pthread_join(thread, NULL);
    assert_int_equal(poster.diary->n, POSTS);
}

static void closing_runs_the_jobs_left(void **state)
{
    struct diary diary = {0};
    struct loop_job posted;
    (void)state;

    assert_int_equal(loop_open(&diary.loop), 0);
    loop_job_init(&posted, write_a, &diary);
    loop_post(diary.loop, &posted);
    loop_close(diary.loop);
    EXPECT_STR(buf_str(&diary.text), "a");
    buf_deinit(&diary.text);
}

static void on_ready(void *user, unsigned ready)
{
    struct diary *diary = user;

    buf_add_char(&diary->text, ready == LOOP_READ ? 'r' : 'w');
    loop_fd_want(&diary->watch, ready == LOOP_WRITE ? LOOP_READ : 0);
    if (ready == LOOP_READ)
        loop_stop(diary->loop);
}

static void descriptors_tell_what_was_asked(void **state)
{
    struct diary *diary = *state;
    int fds[2];

    assert_int_equal(socket_pair(fds), 0);
    loop_fd_init(&diary->watch, diary->loop, fds[0], on_ready, diary);
    loop_fd_want(&diary->watch, LOOP_WRITE);
    loop_run_once(diary->loop, -1);
    assert_int_equal(write(fds[1], "x", 1), 1);
    loop_run(diary->loop);
    EXPECT_STR(buf_str(&diary->text), "wr");
    loop_fd_deinit(&diary->watch);
    close(fds[0]);
    close(fds[1]);
}

static void writing_to_nobody_is_an_error_not_a_death(void **state)
{
    int fds[2];
    (void)state;

    assert_int_equal(pipe(fds), 0);
    close(fds[0]);
    assert_int_equal(write(fds[1], "x", 1), -1);
    close(fds[1]);
}

static void on_signo(void *user, int signo)
{
    struct diary *diary = user;

    diary->n = signo;
    loop_stop(diary->loop);
}

static void signals_arrive_on_the_loop(void **state)
{
    struct diary *diary = *state;
    struct loop_signal watch;

    assert_int_equal(loop_signal_init(&watch, diary->loop, SIGUSR1, on_signo, diary), 0);
    raise(SIGUSR1);
    assert_int_equal(diary->n, 0);
    loop_run(diary->loop);
    assert_int_equal(diary->n, SIGUSR1);
    loop_signal_deinit(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(timers_fire_in_order_and_never_early, setup, teardown),
        cmocka_unit_test_setup_teardown(a_stopped_timer_is_silent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_timer_restarts_itself, setup, teardown),
        cmocka_unit_test_setup_teardown(deferred_jobs_run_in_the_same_round, setup, teardown),
        cmocka_unit_test_setup_teardown(posts_of_another_thread_all_arrive, setup, teardown),
        cmocka_unit_test(closing_runs_the_jobs_left),
        cmocka_unit_test_setup_teardown(descriptors_tell_what_was_asked, setup, teardown),
        cmocka_unit_test_setup_teardown(writing_to_nobody_is_an_error_not_a_death, setup, teardown),
        cmocka_unit_test_setup_teardown(signals_arrive_on_the_loop, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
