// How threads hand things to each other: a list under a lock. The taker gets everything at once, so
// one wake-up serves many items.

#ifndef SERVER_QUEUE_H
#define SERVER_QUEUE_H

#include <pthread.h>
#include <stdint.h>

// First member of whatever is queued; in one queue at a time.
struct queue_item {
    struct queue_item *next;
};

// A chain of items in order; also what a thread gathers for itself before it hands it over.
struct queue_chain {
    struct queue_item *first;
    struct queue_item **last; // where the next one is linked
};

void queue_chain_init(struct queue_chain *chain);
void queue_chain_add(struct queue_chain *chain, struct queue_item *item);
void queue_chain_move(struct queue_chain *to, struct queue_chain *from); // from is empty afterwards
struct queue_item *queue_chain_pop(struct queue_chain *chain);           // NULL: empty

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t filled;
    struct queue_chain chain;
};

void queue_init(struct queue *queue);
void queue_deinit(struct queue *queue);

// Any thread.
void queue_push(struct queue *queue, struct queue_item *item);
void queue_push_chain(struct queue *queue, struct queue_chain *chain);

// Appends everything that is there to `out`. With nothing there it waits until `until_ms`
// (monotonic; INT64_MAX: for ever, 0: not at all), and may then come back empty.
void queue_take(struct queue *queue, int64_t until_ms, struct queue_chain *out);

#endif
