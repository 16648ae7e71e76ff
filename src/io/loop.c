// The event loop over libevent's core, the only file that sees it.
//
// libevent waits and tells which descriptors and signals are ready. Timers and jobs are ours: one
// libevent timer stands for the earliest of the heap, and jobs run between two waits. Other threads
// reach the loop through a locked list and an eventfd that is written once a batch: only whoever
// finds the list empty wakes the loop. libevent itself is touched by one thread only, so its
// locking is off.

#include "io/loop.h"

#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/mem.h"
#include "io/clock.h"
#include "io/timers.h"

// Jobs that defer jobs are followed so many times before descriptors get their turn again.
enum { JOB_PASSES = 8 };

struct loop {
    struct event_base *base;
    struct event *timer_event; // fires no later than the first timer
    struct timers timers;
    struct list jobs;
    struct list at_close; // jobs for loop_close
    int64_t now_ms;
    bool now_is_known;
    atomic_bool stopping;
    int wake_fd;
    struct loop_fd wake;
    pthread_mutex_t lock; // guards posted
    struct list posted;
};

static void wake(struct loop *loop)
{
    uint64_t one = 1;
    ssize_t wrote = write(loop->wake_fd, &one, sizeof one);

    (void)wrote; // full counter: a wake is already on its way
}

static void take_posted(struct loop *loop)
{
    pthread_mutex_lock(&loop->lock);
    while (!list_is_empty(&loop->posted)) {
        struct list *link = loop->posted.next;
        list_remove(link);
        list_push_back(&loop->jobs, link);
    }
    pthread_mutex_unlock(&loop->lock);
}

static void on_wake(void *user, unsigned ready)
{
    struct loop *loop = user;
    uint64_t count;

    (void)ready;
    if (read(loop->wake_fd, &count, sizeof count) == (ssize_t)sizeof count)
        take_posted(loop);
}

// The wait is over; due timers are run by loop_run_once.
static void on_timer_event(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    (void)user;
}

static struct event_base *base_new(void)
{
    struct event_config *config = event_config_new();
    struct event_base *base;

    if (config == NULL)
        return NULL;
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    base = event_base_new_with_config(config);
    event_config_free(config);
    return base;
}

int loop_open(struct loop **out_loop)
{
    struct loop *loop = mem_zalloc(sizeof *loop);

    signal(SIGPIPE, SIG_IGN); // OpenSSL and pipes write(2) to peers that may have left
    list_init(&loop->jobs);
    list_init(&loop->at_close);
    list_init(&loop->posted);
    pthread_mutex_init(&loop->lock, NULL);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    loop->base = base_new();
    if (loop->wake_fd < 0 || loop->base == NULL) {
        loop_close(loop);
        return -EMFILE;
    }
    loop->timer_event = evtimer_new(loop->base, on_timer_event, loop);
    ASSERT(loop->timer_event != NULL);
    loop_fd_init(&loop->wake, loop, loop->wake_fd, on_wake, loop);
    loop_fd_want(&loop->wake, LOOP_READ);
    *out_loop = loop;
    return 0;
}

static void run_all(struct list *batch)
{
    while (!list_is_empty(batch)) {
        struct loop_job *job = LIST_ENTRY(batch->next, struct loop_job, link);
        list_remove(&job->link);
        job->fn(job->user);
    }
}

static void run_jobs(struct loop *loop)
{
    for (int pass = 0; pass < JOB_PASSES && !list_is_empty(&loop->jobs); pass++) {
        struct list batch;

        list_init(&batch);
        list_insert_before(&loop->jobs, &batch); // batch follows the last job ...
        list_remove(&loop->jobs);                // ... and now heads the ring in its stead
        run_all(&batch);
    }
}

void loop_close(struct loop *loop)
{
    if (loop == NULL)
        return;
    run_all(&loop->at_close);
    take_posted(loop);
    while (!list_is_empty(&loop->jobs))
        run_jobs(loop);
    loop_fd_deinit(&loop->wake);
    timers_deinit(&loop->timers);
    if (loop->timer_event != NULL)
        event_free(loop->timer_event);
    if (loop->base != NULL)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->lock);
    mem_free(loop);
}

int64_t loop_now_ms(struct loop *loop)
{
    if (!loop->now_is_known) {
        loop->now_ms = clock_monotonic_ms();
        loop->now_is_known = true;
    }
    return loop->now_ms;
}

// Only timers that ran out before the round began to look: one that restarts itself at once waits
// for the next round.
static void run_due_timers(struct loop *loop)
{
    int64_t now = loop_now_ms(loop);
    uint64_t newest = loop->timers.started;
    struct loop_timer *timer;

    while ((timer = timers_first(&loop->timers)) != NULL && timer->at_ms <= now &&
           timer->order <= newest) {
        timers_remove(&loop->timers, timer);
        timer->fn(timer->user);
    }
}

static void arm_wait(struct loop *loop, int64_t wait_ms)
{
    const struct loop_timer *first = timers_first(&loop->timers);
    int64_t ms = wait_ms;
    struct timeval span;

    if (first != NULL) {
        int64_t until = first->at_ms - loop_now_ms(loop);
        if (until < 0)
            until = 0;
        if (ms < 0 || until < ms)
            ms = until;
    }
    if (ms < 0) {
        evtimer_del(loop->timer_event);
        return;
    }
    span = (struct timeval){.tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000};
    evtimer_add(loop->timer_event, &span);
}

bool loop_run_once(struct loop *loop, int64_t wait_ms)
{
    bool busy = !list_is_empty(&loop->jobs);

    loop->now_is_known = false;
    if (!atomic_load(&loop->stopping)) {
        arm_wait(loop, busy ? 0 : wait_ms);
        loop->now_is_known = false; // the wait takes time
        event_base_loop(loop->base, EVLOOP_ONCE | (busy ? EVLOOP_NONBLOCK : 0));
        run_due_timers(loop);
    }
    run_jobs(loop);
    return atomic_load(&loop->stopping);
}

void loop_run(struct loop *loop)
{
    while (!loop_run_once(loop, -1))
        ;
    atomic_store(&loop->stopping, false); // so that it can be run again, for an orderly end
}

void loop_stop(struct loop *loop)
{
    atomic_store(&loop->stopping, true);
    wake(loop);
}

// ---- descriptors

void loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *user)
{
    ASSERT(fd >= 0);
    *watch = (struct loop_fd){.loop = loop, .fn = fn, .user = user, .fd = fd};
}

static void on_fd_event(evutil_socket_t fd, short what, void *user)
{
    struct loop_fd *watch = user;

    (void)fd;
    watch->fn(watch->user, (what & EV_READ) ? LOOP_READ : LOOP_WRITE);
}

static void want_one(struct loop_fd *watch, struct event **event, short what, bool on)
{
    if (on && *event == NULL) {
        *event =
            event_new(watch->loop->base, watch->fd, (short)(what | EV_PERSIST), on_fd_event, watch);
        ASSERT(*event != NULL);
    }
    if (on)
        event_add(*event, NULL);
    else if (*event != NULL)
        event_del(*event);
}

void loop_fd_want(struct loop_fd *watch, unsigned interest)
{
    unsigned changed = interest ^ watch->interest;

    if (changed & LOOP_READ)
        want_one(watch, &watch->read_event, EV_READ, interest & LOOP_READ);
    if (changed & LOOP_WRITE)
        want_one(watch, &watch->write_event, EV_WRITE, interest & LOOP_WRITE);
    watch->interest = interest;
}

void loop_fd_deinit(struct loop_fd *watch)
{
    if (watch->read_event != NULL)
        event_free(watch->read_event);
    if (watch->write_event != NULL)
        event_free(watch->write_event);
    *watch = (struct loop_fd){.fd = -1};
}

// ---- timers

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *user)
{
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .user = user};
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    ASSERT(timer->fn != NULL);
    timers_put(&timer->loop->timers, timer,
               loop_now_ms(timer->loop) + (after_ms > 0 ? after_ms : 0));
}

void loop_timer_stop(struct loop_timer *timer)
{
    if (timer->index != 0)
        timers_remove(&timer->loop->timers, timer);
}

// ---- jobs

void loop_job_init(struct loop_job *job, void (*fn)(void *user), void *user)
{
    *job = (struct loop_job){.fn = fn, .user = user};
}

void loop_defer(struct loop *loop, struct loop_job *job)
{
    if (!list_is_linked(&job->link))
        list_push_back(&loop->jobs, &job->link);
}

void loop_job_cancel(struct loop_job *job)
{
    list_remove(&job->link);
}

void loop_at_close(struct loop *loop, struct loop_job *job)
{
    list_push_back(&loop->at_close, &job->link);
}

void loop_post(struct loop *loop, struct loop_job *job)
{
    bool was_empty;

    pthread_mutex_lock(&loop->lock);
    was_empty = list_is_empty(&loop->posted);
    list_push_back(&loop->posted, &job->link);
    if (was_empty)
        wake(loop); // inside the lock: once it is free, the loop may be gone
    pthread_mutex_unlock(&loop->lock);
}

// ---- signals

static void on_signal_event(evutil_socket_t signo, short what, void *user)
{
    struct loop_signal *watch = user;

    (void)what;
    watch->fn(watch->user, (int)signo);
}

int loop_signal_init(struct loop_signal *watch, struct loop *loop, int signo,
                     void (*fn)(void *user, int signo), void *user)
{
    *watch = (struct loop_signal){.fn = fn, .user = user};
    watch->event = evsignal_new(loop->base, signo, on_signal_event, watch);
    if (watch->event == NULL || event_add(watch->event, NULL) != 0) {
        loop_signal_deinit(watch);
        return -EINVAL;
    }
    return 0;
}

void loop_signal_deinit(struct loop_signal *watch)
{
    if (watch->event != NULL)
        event_free(watch->event);
    *watch = (struct loop_signal){0};
}
