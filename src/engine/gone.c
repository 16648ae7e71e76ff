// Tasks that have left this host a short while ago.
//
// A payload and the answer to a report travel on connections of their own. An agent that was away
// for longer than the clean-up wait reports the ends of its tasks when it is back and drops them at
// once, while the message that brings the same tasks, sent before those reports came, may still be
// under way to it. It must not run them again. What is under way is lost with its connection, and
// what the server sends on a new one it sends after the reports: so a name need not outlive the
// process, nor the longest time that a message can take.

#include "engine/state.h"

enum { GONE_MS = 10 * TIME_MINUTE_MS };

struct gone_task {
    struct list by_age;
    UT_hash_handle by_arn;
    struct str arn; // behind this
    time_ms until;
};

static void forget(struct engine *engine, struct gone_task *gone)
{
    list_remove(&gone->by_age);
    MAP_DEL(by_arn, engine->gone_by_arn, gone);
    mem_free(gone);
}

static void forget_old(struct engine *engine, time_ms now)
{
    LIST_EACH_SAFE (&engine->gone_by_age, it) {
        struct gone_task *gone = LIST_ENTRY(it, struct gone_task, by_age);

        if (gone->until > now)
            return;
        forget(engine, gone);
    }
}

void gone_note(struct engine *engine, struct str arn)
{
    struct gone_task *gone = mem_zalloc(sizeof *gone + arn.len);
    char *copy = (char *)(gone + 1);

    forget_old(engine, engine->now);
    memcpy(copy, arn.ptr, arn.len);
    gone->arn = str_span(copy, arn.len);
    gone->until = engine->now + GONE_MS;
    list_push_back(&engine->gone_by_age, &gone->by_age);
    MAP_ADD_STR(by_arn, engine->gone_by_arn, arn, gone);
}

bool gone_has(struct engine *engine, struct str arn)
{
    struct gone_task *gone;

    forget_old(engine, engine->now);
    MAP_FIND_STR(by_arn, engine->gone_by_arn, arn, gone);
    return gone != NULL;
}

void gone_free(struct engine *engine)
{
    forget_old(engine, TIME_NEVER);
}
