// The event loop: descriptors, timers, signals and jobs, all answered on the one thread that runs
// it.
//
// A round is: wait for events, call their handlers, then run the jobs (deferred or posted) until
// none is left. So a job runs after the handler that deferred it has returned, and before the loop
// sleeps again; output queued by many handlers leaves in one write a connection.
//
// Everything but loop_post and loop_stop belongs to the loop's thread. Time here is monotonic.

#ifndef IO_LOOP_H
#define IO_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "base/list.h"

struct event; // libevent's; only loop.c looks inside
struct loop;

// Also has the process ignore SIGPIPE: a peer that left is a failed write, not a death.
int loop_open(struct loop **out_loop) MUST_CHECK;

// Runs the jobs still queued (they may own memory), then frees the loop. Every watch must have been
// deinitialised, or be deinitialised by those jobs.
void loop_close(struct loop *loop);

// Until loop_stop. loop_run_once does one round; it waits at most `wait_ms` (< 0: until something
// happens) and tells whether loop_stop was called.
void loop_run(struct loop *loop);
bool loop_run_once(struct loop *loop, int64_t wait_ms);
void loop_stop(struct loop *loop); // any thread

// Monotonic milliseconds, read once a round.
int64_t loop_now_ms(struct loop *loop);

// ---- descriptors

enum { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(void *user, unsigned ready); // ready: LOOP_READ | LOOP_WRITE

// Embedded in its owner; does not own the descriptor.
struct loop_fd {
    struct loop *loop;
    loop_fd_fn *fn;
    void *user;
    struct event *read_event; // made on first use
    struct event *write_event;
    int fd;
    unsigned interest;
};

void loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *user);
void loop_fd_want(struct loop_fd *watch, unsigned interest); // 0: none
void loop_fd_deinit(struct loop_fd *watch); // before the descriptor is closed; fine on zeroes

// ---- timers

typedef void loop_timer_fn(void *user);

// One shot, embedded in its owner. Starting a running timer moves it. Fires once, never early;
// inside its handler it is stopped already and may be started again.
struct loop_timer {
    struct loop *loop;
    loop_timer_fn *fn;
    void *user;
    int64_t at_ms;  // monotonic
    uint64_t order; // equal times fire in the order they were started
    uint32_t index; // place in the heap plus one; 0: not running
};

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *user);
void loop_timer_start(struct loop_timer *timer, int64_t after_ms); // <= 0: next round
void loop_timer_stop(struct loop_timer *timer);                    // fine when stopped or zeroed

static inline bool loop_timer_is_running(const struct loop_timer *timer)
{
    return timer->index != 0;
}

// ---- jobs

// Embedded in its owner, who keeps it alive until fn is called. Queued once at a time.
struct loop_job {
    struct list link;
    void (*fn)(void *user);
    void *user;
};

void loop_job_init(struct loop_job *job, void (*fn)(void *user), void *user);
void loop_defer(struct loop *loop, struct loop_job *job); // loop thread; queued already: no-op
void loop_job_cancel(struct loop_job *job);               // loop thread, deferred jobs only
void loop_post(struct loop *loop, struct loop_job *job);  // any thread; not queued at present

// Runs `job` when the loop is closed, before the jobs still queued: for things that nobody owns any
// more, such as a connection saying goodbye. loop_job_cancel takes it back.
void loop_at_close(struct loop *loop, struct loop_job *job);

// ---- signals

// The handler runs on the loop, so it may do anything. One loop of a process can watch signals.
struct loop_signal {
    struct event *event;
    void (*fn)(void *user, int signo);
    void *user;
};

int loop_signal_init(struct loop_signal *watch, struct loop *loop, int signo,
                     void (*fn)(void *user, int signo), void *user) MUST_CHECK;
void loop_signal_deinit(struct loop_signal *watch); // the signal gets its former action back

#endif
