// See intake.h.

#include "server/intake.h"

static void on_flush(void *user)
{
    intake_flush(user);
}

void intake_init(struct intake *intake, struct loop *loop, struct tick_thread *ticks)
{
    *intake = (struct intake){.loop = loop, .ticks = ticks};
    queue_chain_init(&intake->chain);
    loop_job_init(&intake->flush, on_flush, intake);
}

void intake_add(struct intake *intake, struct input *input)
{
    queue_chain_add(&intake->chain, &input->item);
    loop_defer(intake->loop, &intake->flush);
}

void intake_flush(struct intake *intake)
{
    loop_job_cancel(&intake->flush);
    tick_thread_push(intake->ticks, &intake->chain);
}
