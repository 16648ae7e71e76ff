#include "server/queue.h"

#include "base/test.h"
#include "io/clock.h"

struct number {
    struct queue_item item;
    int value;
};

enum { NUMBERS = 2000, THREADS = 4 };

struct sender {
    struct queue *queue;
    struct number numbers[NUMBERS];
    pthread_t thread;
};

static void *send_all(void *user)
{
    struct sender *sender = user;
    struct queue_chain chain;

    queue_chain_init(&chain);
    for (int i = 0; i < NUMBERS; i++) {
        queue_chain_add(&chain, &sender->numbers[i].item);
        if (i % 3 == 0)
            queue_push_chain(sender->queue, &chain);
    }
    queue_push_chain(sender->queue, &chain);
    return NULL;
}

static void nothing_is_lost_and_each_senders_order_is_kept(void **state)
{
    struct sender *senders = calloc(THREADS, sizeof *senders);
    struct queue queue;
    struct queue_chain taken;
    struct queue_item *item;
    int next[THREADS] = {0};
    int left = THREADS * NUMBERS;
    (void)state;

    queue_init(&queue);
    queue_chain_init(&taken);
    for (int t = 0; t < THREADS; t++) {
        senders[t].queue = &queue;
        for (int i = 0; i < NUMBERS; i++)
            senders[t].numbers[i].value = t * NUMBERS + i;
        pthread_create(&senders[t].thread, NULL, send_all, &senders[t]);
    }
    while (left > 0) {
        queue_take(&queue, INT64_MAX, &taken);
        while ((item = queue_chain_pop(&taken)) != NULL) {
            int value = ((struct number *)item)->value;
            assert_int_equal(next[value / NUMBERS]++, value % NUMBERS);
            left--;
        }
    }
    for (int t = 0; t < THREADS; t++)
        pthread_join(senders[t].thread, NULL);
    queue_deinit(&queue);
    free(senders);
}

static void waiting_ends_when_its_time_is_up(void **state)
{
    struct queue queue;
    struct queue_chain taken;
    int64_t until_ms = clock_monotonic_ms() + 5;
    (void)state;

    queue_init(&queue);
    queue_chain_init(&taken);
    queue_take(&queue, 0, &taken);
    assert_null(taken.first);
    queue_take(&queue, until_ms, &taken);
    assert_null(taken.first);
    assert_true(clock_monotonic_ms() >= until_ms);
    queue_deinit(&queue);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_lost_and_each_senders_order_is_kept),
        cmocka_unit_test(waiting_ends_when_its_time_is_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
