// Those outside, simulated: in the place of src/server/outside.c. Hooks, alarms and traffic answer
// after a while, say no, say it twice, or say nothing at all. What is lost with a killed server is
// asked again by the next one.

#include "server/outside.h"

#include "base/arena.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/loop.h"
#include "server/intake.h"
#include "tests/sim/kernel.h"
#include "tests/sim/outside.h"

enum { SLOW_MS = 90 * 1000, SAY_AGAIN_MS = 1000 };

struct outside {
    struct outside_config config;
    struct rng dice;
    struct list answering; // struct answering
    bool muted;
};

// An answer on its way.
struct answering {
    struct outside *outside;
    struct list link;
    struct loop_timer timer;
    struct word *word;
};

static bool chance(struct outside *outside, uint64_t one_in)
{
    return rng_below(&outside->dice, one_in) == 0;
}

static void answering_free(struct answering *answering)
{
    loop_timer_stop(&answering->timer);
    list_remove(&answering->link);
    if (answering->word != NULL)
        word_free(answering->word);
    mem_free(answering);
}

static void on_said(void *user)
{
    struct answering *answering = user;
    struct outside *outside = answering->outside;
    struct word *word = answering->word;

    answering->word = NULL;
    answering_free(answering);
    if (outside->muted)
        word_free(word);
    else
        intake_add(outside->config.intake, &word->input);
}

static void say_after(struct outside *outside, struct word *word, int64_t ms)
{
    struct answering *answering = mem_zalloc(sizeof *answering);

    answering->outside = outside;
    answering->word = word;
    list_push_back(&outside->answering, &answering->link);
    loop_timer_init(&answering->timer, outside->config.loop, on_said, answering);
    loop_timer_start(&answering->timer, ms);
}

static void say(struct outside *outside, struct word *word)
{
    say_after(outside, word, (int64_t)rng_below(&outside->dice, chance(outside, 4) ? SLOW_MS : 50));
}

// ---- what is said

static struct word *hook_word(struct outside *outside, const struct hook_call *call)
{
    struct word *word = word_new(WORD_HOOK);
    struct hook_answer *answer = &word->hook;

    answer->deployment_id = call->deployment_id;
    answer->hook_id = str_copy(&word->arena, call->hook_id);
    answer->result = HOOK_RESULT_SUCCEEDED;
    if (chance(outside, 4)) {
        answer->result = HOOK_RESULT_IN_PROGRESS;
        answer->delay = (int64_t)rng_below(&outside->dice, SLOW_MS);
        answer->details = STR("{\"again\":true}");
    } else if (chance(outside, 6)) {
        answer->result = HOOK_RESULT_FAILED;
        answer->failure = HOOK_NOT_INVOKED;
        answer->cause = STR("the simulator");
    }
    return word;
}

static void answer_hook(struct outside *outside, const struct hook_call *call)
{
    if (chance(outside, 20))
        return; // until the hook's time is up
    say(outside, hook_word(outside, call));
    if (chance(outside, 10))
        say(outside, hook_word(outside, call));
}

static void answer_alarms(struct outside *outside, const struct alarms_ask *ask)
{
    struct word *word;

    if (chance(outside, 5))
        return;
    word = word_new(WORD_ALARMS);
    word->alarms.deployment_id = ask->deployment_id;
    word->alarms.ringing.at = arena_array(&word->arena, struct str, ask->names.n);
    for (size_t i = 0; i < ask->names.n; i++) {
        if (chance(outside, 30))
            word->alarms.ringing.at[word->alarms.ringing.n++] =
                str_copy(&word->arena, ask->names.at[i]);
    }
    say(outside, word);
}

static struct word *truth(const struct traffic_order *order)
{
    struct word *word = word_new(WORD_TRAFFIC);

    word->traffic =
        (struct traffic_answer){.kind = order->kind, .id = order->id, .serial = order->serial};
    return word;
}

static void answer_traffic(struct outside *outside, const struct traffic_order *order)
{
    struct word *word;

    if (chance(outside, 30) && order->kind == TRAFFIC_LEAVE)
        return; // the task's time runs out
    word = word_new(WORD_TRAFFIC);
    word->traffic = (struct traffic_answer){
        .kind = order->kind,
        .id = order->id,
        .serial = order->serial - chance(outside, 30), // a lie
        .failed = chance(outside, 8),
        .why = STR("the simulator"),
    };
    if (word->traffic.serial != order->serial)
        say(outside, truth(order));
    say(outside, word);
}

void outside_effect(struct outside *outside, const struct effect *effect)
{
    if (outside->muted)
        return;
    if (effect->kind == EFFECT_HOOK_CALL)
        answer_hook(outside, effect->value);
    else if (effect->kind == EFFECT_ALARMS_ASK)
        answer_alarms(outside, effect->value);
    else
        answer_traffic(outside, effect->value);
}

void outside_decided(struct outside *outside, struct word *word, bool failed)
{
    if (!failed && word->verdict != VERDICT_UNAVAILABLE) {
        word_free(word);
        return;
    }
    word->verdict = VERDICT_NONE;
    say_after(outside, word, SAY_AGAIN_MS);
}

// ---- life

struct outside *outside_new(const struct outside_config *config)
{
    struct outside *outside = mem_zalloc(sizeof *outside);

    outside->config = *config;
    list_init(&outside->answering);
    return outside;
}

void outside_seed(struct outside *outside, uint64_t seed)
{
    rng_init(&outside->dice, seed);
}

void outside_free(struct outside *outside)
{
    if (outside == NULL)
        return;
    while (!list_is_empty(&outside->answering))
        answering_free(LIST_ENTRY(outside->answering.next, struct answering, link));
    mem_free(outside);
}

void outside_mute(struct outside *outside)
{
    outside->muted = true;
}
