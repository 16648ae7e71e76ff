// See resolve.h. The lookup is shared by the loop and one detached thread. Its lock decides who
// frees it: one cancelled before its answer belongs to the thread, one posted to the loop. Posting
// happens under the lock, so a caller who cancels before closing his loop is never posted to
// afterwards.

#include "io/resolve.h"

#include <netdb.h>
#include <pthread.h>
#include <signal.h>

#include "base/mem.h"
#include "io/loop.h"

struct resolve {
    struct loop *loop;
    resolve_fn *fn;
    void *user;
    struct loop_job job;
    struct socket_address address;
    bool found;
    bool cancelled; // guarded by lock
    uint16_t port;
    pthread_mutex_t lock;
    char host[256];
};

static void resolve_free(struct resolve *lookup)
{
    pthread_mutex_destroy(&lookup->lock);
    mem_free(lookup);
}

static void deliver(void *user)
{
    struct resolve *lookup = user;

    // The thread that posted may still be on its way out of the lock.
    pthread_mutex_lock(&lookup->lock);
    pthread_mutex_unlock(&lookup->lock);
    if (!lookup->cancelled)
        lookup->fn(lookup->user, lookup->found ? &lookup->address : NULL);
    resolve_free(lookup);
}

static void ask_libc(struct resolve *lookup)
{
    struct addrinfo hints = {.ai_family = AF_UNSPEC,
                             .ai_socktype = SOCK_STREAM,
                             .ai_flags = AI_ADDRCONFIG | AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char port[8];

    snprintf(port, sizeof port, "%u", lookup->port);
    if (getaddrinfo(lookup->host, port, &hints, &found) != 0 || found == NULL)
        return;
    if (found->ai_addrlen <= sizeof lookup->address.storage) {
        memcpy(&lookup->address.storage, found->ai_addr, found->ai_addrlen);
        lookup->address.len = found->ai_addrlen;
        lookup->found = true;
    }
    freeaddrinfo(found);
}

static void *lookup_thread(void *user)
{
    struct resolve *lookup = user;
    bool cancelled;

    ask_libc(lookup);
    pthread_mutex_lock(&lookup->lock);
    cancelled = lookup->cancelled;
    if (!cancelled)
        loop_post(lookup->loop, &lookup->job);
    pthread_mutex_unlock(&lookup->lock);
    if (cancelled)
        resolve_free(lookup);
    return NULL;
}

// Signals belong to the loop's thread; this one takes none.
static bool start_thread(struct resolve *lookup)
{
    pthread_attr_t attr;
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    bool started;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_attr_init(&attr);
    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
    started = pthread_create(&thread, &attr, lookup_thread, lookup) == 0;
    pthread_attr_destroy(&attr);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return started;
}

struct resolve *resolve_start(struct loop *loop, struct str host, uint16_t port, resolve_fn *fn,
                              void *user)
{
    struct resolve *lookup = mem_zalloc(sizeof *lookup);
    bool has_room = host.len > 0 && host.len < sizeof lookup->host;

    *lookup = (struct resolve){.loop = loop, .fn = fn, .user = user, .port = port};
    pthread_mutex_init(&lookup->lock, NULL);
    loop_job_init(&lookup->job, deliver, lookup);
    if (has_room)
        memcpy(lookup->host, host.ptr, host.len);
    lookup->found = socket_address_ip(host, port, &lookup->address);
    if (lookup->found || !has_room || !start_thread(lookup))
        loop_defer(loop, &lookup->job);
    return lookup;
}

void resolve_cancel(struct resolve *lookup)
{
    if (lookup == NULL)
        return;
    pthread_mutex_lock(&lookup->lock);
    lookup->cancelled = true; // freed by deliver if posted, else by the thread
    pthread_mutex_unlock(&lookup->lock);
}
