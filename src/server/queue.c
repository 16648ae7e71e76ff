// See queue.h. A plain mutex: what is done under it are a few pointer writes, so nobody waits long.

#include "server/queue.h"

#include <errno.h>
#include <time.h>

#include "base/assert.h"
#include "base/timefmt.h"

void queue_chain_init(struct queue_chain *chain)
{
    *chain = (struct queue_chain){.last = &chain->first};
}

void queue_chain_add(struct queue_chain *chain, struct queue_item *item)
{
    item->next = NULL;
    *chain->last = item;
    chain->last = &item->next;
}

void queue_chain_move(struct queue_chain *to, struct queue_chain *from)
{
    if (from->first == NULL)
        return;
    *to->last = from->first;
    to->last = from->last;
    queue_chain_init(from);
}

struct queue_item *queue_chain_pop(struct queue_chain *chain)
{
    struct queue_item *item = chain->first;

    if (item == NULL)
        return NULL;
    chain->first = item->next;
    if (chain->first == NULL)
        chain->last = &chain->first;
    return item;
}

void queue_init(struct queue *queue)
{
    pthread_condattr_t attributes;

    pthread_mutex_init(&queue->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&queue->filled, &attributes);
    pthread_condattr_destroy(&attributes);
    queue_chain_init(&queue->chain);
}

void queue_deinit(struct queue *queue)
{
    ASSERT(queue->chain.first == NULL);
    pthread_cond_destroy(&queue->filled);
    pthread_mutex_destroy(&queue->lock);
}

void queue_push(struct queue *queue, struct queue_item *item)
{
    struct queue_chain one;

    queue_chain_init(&one);
    queue_chain_add(&one, item);
    queue_push_chain(queue, &one);
}

void queue_push_chain(struct queue *queue, struct queue_chain *chain)
{
    if (chain->first == NULL)
        return;
    pthread_mutex_lock(&queue->lock);
    if (queue->chain.first == NULL)
        pthread_cond_signal(&queue->filled); // somebody who comes later need not wake again
    queue_chain_move(&queue->chain, chain);
    pthread_mutex_unlock(&queue->lock);
}

static void wait_until(struct queue *queue, int64_t until_ms)
{
    struct timespec until = {
        .tv_sec = (time_t)(until_ms / TIME_SECOND_MS),
        .tv_nsec = (long)(until_ms % TIME_SECOND_MS) * 1000000,
    };

    while (queue->chain.first == NULL) {
        if (until_ms == INT64_MAX)
            pthread_cond_wait(&queue->filled, &queue->lock);
        else if (pthread_cond_timedwait(&queue->filled, &queue->lock, &until) == ETIMEDOUT)
            return;
    }
}

void queue_take(struct queue *queue, int64_t until_ms, struct queue_chain *out)
{
    pthread_mutex_lock(&queue->lock);
    if (until_ms > 0)
        wait_until(queue, until_ms);
    queue_chain_move(out, &queue->chain);
    pthread_mutex_unlock(&queue->lock);
}
