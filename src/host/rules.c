// See rules.h.

#include "host/rules.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/command.h"
#include "io/loop.h"

enum { PATIENCE_MS = 20 * 1000, OUTPUT_MAX = 4096 };

struct rules_wish {
    struct list in_rules; // among those that wait for the run under way, or for the next one
    rules_fn *fn;         // NULL: forgotten
    void *user;
};

struct rules {
    struct loop *loop;
    struct nft_plan plan;
    struct command *command; // the run under way
    struct list running;     // struct rules_wish
    struct list waiting;     // likewise
    struct loop_job begin;
};

static void move_all(struct list *from, struct list *to)
{
    LIST_EACH_SAFE (from, it) {
        list_remove(it);
        list_push_back(to, it);
    }
}

static void answer_all(struct rules *rules, struct str why)
{
    struct list answered;

    list_init(&answered);
    move_all(&rules->running, &answered);
    if (why.len > 0)
        LOG_ERROR("agent.rules_failed", LOG_STR("reason", why));
    LIST_EACH_SAFE (&answered, it) {
        struct rules_wish *wish = LIST_ENTRY(it, struct rules_wish, in_rules);

        list_remove(&wish->in_rules);
        if (wish->fn != NULL)
            wish->fn(wish->user, why);
        mem_free(wish);
    }
}

static void ended(void *user, const struct command_result *result)
{
    struct rules *rules = user;
    struct arena scratch = ARENA_INIT;
    struct str why = STR_NONE;

    rules->command = NULL;
    if (result->timed_out)
        why = STR("nft took too long");
    else if (!command_did_well(result))
        why = str_fmt(&scratch, "nft: %.*s", STR_ARGS(str_trim(str_take(result->err, 400))));
    answer_all(rules, why);
    arena_deinit(&scratch);
    if (!list_is_empty(&rules->waiting))
        loop_defer(rules->loop, &rules->begin);
}

static void begin(void *user)
{
    struct rules *rules = user;
    BUF_AUTO struct buf text = BUF_INIT;
    const char *argv[] = {"nft", "-f", "-", NULL};
    struct command_spec spec = {.argv = argv, .output_max = OUTPUT_MAX, .patience_ms = PATIENCE_MS};
    int rc;

    if (rules->command != NULL)
        return; // its end begins the next one
    nft_write(&text, &rules->plan);
    spec.input = buf_str(&text);
    move_all(&rules->waiting, &rules->running);
    rc = command_start(rules->loop, &spec, ended, rules, &rules->command);
    if (rc == 0)
        return;
    rules->command = NULL;
    answer_all(rules, rc == -ENOENT ? STR("nft is not installed") : STR("nft cannot be run"));
}

struct nft_plan *rules_plan(struct rules *rules)
{
    return &rules->plan;
}

struct rules_wish *rules_apply(struct rules *rules, rules_fn *fn, void *user)
{
    struct rules_wish *wish = mem_zalloc(sizeof *wish);

    wish->fn = fn;
    wish->user = user;
    list_push_back(&rules->waiting, &wish->in_rules);
    loop_defer(rules->loop, &rules->begin);
    return wish;
}

void rules_forget(struct rules_wish *wish)
{
    if (wish != NULL)
        wish->fn = NULL;
}

struct rules *rules_open(struct loop *loop)
{
    struct rules *rules = mem_zalloc(sizeof *rules);

    rules->loop = loop;
    list_init(&rules->running);
    list_init(&rules->waiting);
    loop_job_init(&rules->begin, begin, rules);
    return rules;
}

void rules_close(struct rules *rules)
{
    if (rules == NULL)
        return;
    loop_job_cancel(&rules->begin);
    command_cancel(rules->command);
    move_all(&rules->waiting, &rules->running);
    LIST_EACH_SAFE (&rules->running, it)
        mem_free(LIST_ENTRY(it, struct rules_wish, in_rules));
    mem_free(rules);
}
