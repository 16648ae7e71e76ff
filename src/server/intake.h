// From the loop to the thread that decides: what a round of the loop brings in is gathered here and
// handed over once, so that a busy round costs one wake-up.

#ifndef SERVER_INTAKE_H
#define SERVER_INTAKE_H

#include "io/loop.h"
#include "server/tick.h"

struct intake {
    struct loop *loop;
    struct tick_thread *ticks;
    struct queue_chain chain;
    struct loop_job flush;
};

void intake_init(struct intake *intake, struct loop *loop, struct tick_thread *ticks);
void intake_add(struct intake *intake, struct input *input); // loop thread
void intake_flush(struct intake *intake);                    // at once, before the round's end

#endif
