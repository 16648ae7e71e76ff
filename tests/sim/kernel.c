// See kernel.h.

#include "tests/sim/kernel.h"

#include "base/assert.h"
#include "io/clock.h"
#include "io/entropy.h"
#include "io/socket.h"
#include "io/space.h"
#include "io/timers.h"

enum { MONOTONIC_START_MS = 1000000 };
#define WALL_START_MS INT64_C(1800000000000)

static struct {
    struct timers timers;
    struct node *running;
    int64_t now_ms;
    uint64_t events;
} kernel;

void kernel_start(void)
{
    kernel.now_ms = 0;
    kernel.events = 0;
    kernel.running = NULL;
}

void kernel_stop(void)
{
    ASSERT(timers_first(&kernel.timers) == NULL);
    timers_deinit(&kernel.timers);
    kernel.timers = (struct timers){0};
}

void node_init(struct node *node, const char *name, uint64_t seed)
{
    *node = (struct node){.name = name};
    list_init(&node->loop.jobs);
    node->loop.node = node;
    rng_init(&node->dice, seed);
}

// ---- time

int64_t kernel_now_ms(void)
{
    return kernel.now_ms;
}

void kernel_advance(int64_t to_ms)
{
    ASSERT(kernel_next_ms() >= to_ms);
    if (to_ms > kernel.now_ms)
        kernel.now_ms = to_ms;
}

struct node *kernel_running(void)
{
    return kernel.running;
}

int64_t kernel_next_ms(void)
{
    const struct loop_timer *first = timers_first(&kernel.timers);

    return first != NULL ? first->at_ms : INT64_MAX;
}

uint64_t kernel_events(void)
{
    return kernel.events;
}

time_ms kernel_wall_ms(const struct node *node)
{
    return WALL_START_MS + kernel.now_ms + node->wall_ahead_ms;
}

static void run_jobs(struct loop *loop)
{
    while (!list_is_empty(&loop->jobs)) {
        struct loop_job *job = LIST_ENTRY(loop->jobs.next, struct loop_job, link);
        list_remove(&job->link);
        job->fn(job->user);
    }
}

void kernel_enter(struct node *node)
{
    ASSERT(kernel.running == NULL);
    kernel.running = node;
}

void kernel_leave(struct node *node)
{
    ASSERT(kernel.running == node);
    run_jobs(&node->loop);
    kernel.running = NULL;
}

bool kernel_step(struct node **out_node)
{
    struct loop_timer *timer = timers_first(&kernel.timers);
    struct node *node;

    if (timer == NULL)
        return false;
    ASSERT(timer->at_ms >= kernel.now_ms);
    kernel.now_ms = timer->at_ms;
    kernel.events++;
    node = timer->loop->node;
    timers_remove(&kernel.timers, timer);
    kernel_enter(node);
    timer->fn(timer->user);
    kernel_leave(node);
    *out_node = node;
    return true;
}

bool node_acts(struct node *node)
{
    if (node->dead)
        return false;
    node->acts++;
    if (node->acts_left > 0 && --node->acts_left == 0)
        node->dead = true;
    return !node->dead;
}

// ---- in the place of io/loop

// Nobody runs programs in a simulation, so nobody watches their descriptors.
void loop_fd_init(struct loop_fd *watch, struct loop *loop, int fd, loop_fd_fn *fn, void *user)
{
    (void)watch, (void)loop, (void)fd, (void)fn, (void)user;
    UNREACHABLE();
}

void loop_fd_want(struct loop_fd *watch, unsigned interest)
{
    (void)watch, (void)interest;
    UNREACHABLE();
}

void loop_fd_deinit(struct loop_fd *watch)
{
    (void)watch;
}

int64_t loop_now_ms(struct loop *loop)
{
    (void)loop;
    return clock_monotonic_ms();
}

void loop_timer_init(struct loop_timer *timer, struct loop *loop, loop_timer_fn *fn, void *user)
{
    *timer = (struct loop_timer){.loop = loop, .fn = fn, .user = user};
}

void loop_timer_start(struct loop_timer *timer, int64_t after_ms)
{
    timers_put(&kernel.timers, timer, kernel.now_ms + (after_ms > 0 ? after_ms : 0));
}

void loop_timer_stop(struct loop_timer *timer)
{
    timers_remove(&kernel.timers, timer);
}

void loop_job_init(struct loop_job *job, void (*fn)(void *user), void *user)
{
    *job = (struct loop_job){.fn = fn, .user = user};
    list_init(&job->link);
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

// Nor is any of them forgotten.
void loop_at_close(struct loop *loop, struct loop_job *job)
{
    (void)loop, (void)job;
    UNREACHABLE();
}

// ---- in the place of io/clock, io/entropy and io/socket

static struct node *running(void)
{
    ASSERT(kernel.running != NULL);
    return kernel.running;
}

int64_t clock_wall_ms(void)
{
    return kernel_wall_ms(running());
}

int64_t clock_monotonic_ms(void)
{
    return MONOTONIC_START_MS + kernel.now_ms;
}

int64_t clock_monotonic_us(void)
{
    return clock_monotonic_ms() * 1000;
}

uint64_t entropy_u64(void)
{
    return rng_next(&running()->dice);
}

void entropy_fill(void *out, size_t len)
{
    unsigned char *at = out;

    for (size_t i = 0; i < len; i++)
        at[i] = (unsigned char)rng_next(&running()->dice);
}

// Of every file system alike.
int space_free(const char *path, int64_t *out_free, int64_t *out_total)
{
    (void)path;
    *out_free = running()->is_nearly_full ? 2 : 50;
    *out_total = 100;
    return 0;
}

bool socket_port_is_free(bool udp, uint16_t port)
{
    (void)udp;
    return port != running()->busy_port;
}
