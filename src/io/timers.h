// The loop's timers: a binary heap of the timers embedded in their owners, earliest first, equal
// times in the order they were started. No allocation but the heap's array.

#ifndef IO_TIMERS_H
#define IO_TIMERS_H

#include <stddef.h>
#include <stdint.h>

struct loop_timer;

struct timers {
    struct loop_timer **heap;
    size_t n;
    size_t cap;
    uint64_t started; // ever; gives loop_timer.order
};

void timers_deinit(struct timers *timers); // the timers themselves are their owners'
void timers_put(struct timers *timers, struct loop_timer *timer, int64_t at_ms); // moves it if in
void timers_remove(struct timers *timers, struct loop_timer *timer);             // fine if not in
struct loop_timer *timers_first(const struct timers *timers);                    // NULL: none

#endif
