// See client.h.

#include "tests/sim/client.h"

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "tests/sim/check.h"
#include "tests/sim/generate.h"
#include "tests/sim/sim.h"

enum {
    CALL_MS = 20 * TIME_SECOND_MS,
    AGAIN_MS = 3 * TIME_SECOND_MS,
    SAY_MAX = 300,
    PATIENT_ATTEMPTS = 40
};

struct client {
    struct node node;
    char name[16];
    struct http_client *http;
    struct generator *generator;
    struct list asked; // struct asked
    uint64_t answered;
};

struct asked {
    struct list in_client;
    struct client *client;
    struct arena arena;
    struct generate_call call;
    unsigned attempts_left;
    unsigned under_way;
    bool is_settled;
    struct loop_timer again;
};

// ---- a call

struct request {
    struct arena arena;
    enum ecs_operation operation;
    struct node *node;
    client_done_fn *done;
    void *user;
};

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *reply, struct str detail)
{
    struct request *request = user;

    (void)call;
    (void)detail;
    if (outcome == 0)
        sim_say(request->node, "hears %d of %.*s: %.*s", reply->status,
                STR_ARGS(ecs_operations[request->operation].name),
                STR_ARGS(str_take(reply->body, SAY_MAX)));
    else
        sim_say(request->node, "hears nothing of %.*s: %s",
                STR_ARGS(ecs_operations[request->operation].name),
                http_client_outcome_text(outcome));
    request->done(request->user, outcome == 0 ? reply->status : 0,
                  outcome == 0 ? reply->body : STR_NONE);
    arena_deinit(&request->arena);
    mem_free(request);
}

void client_call(struct node *node, struct http_client *http, enum ecs_operation operation,
                 struct str json, client_done_fn *done, void *user)
{
    static const struct http_call_handler handler = {.on_done = on_done};
    struct request *request = mem_zalloc(sizeof *request);
    struct http_header headers[] = {
        {STR("Host"), STR("server:7420")},
        {STR("Content-Type"), STR("application/x-amz-json-1.1")},
        {STR("X-Amz-Target"), str_fmt(&request->arena, "AmazonEC2ContainerServiceV20141113.%.*s",
                                      STR_ARGS(ecs_operations[operation].name))},
    };
    struct http_call_options options = {
        .method = STR("POST"),
        .target = STR("/"),
        .headers = headers,
        .headers_n = 3,
        .body = json,
        .total_ms = CALL_MS,
        .handler = &handler,
        .user = request,
    };

    sim_say(node, "calls %.*s %.*s", STR_ARGS(ecs_operations[operation].name),
            STR_ARGS(str_take(json, SAY_MAX)));
    request->operation = operation;
    request->node = node;
    request->done = done;
    request->user = user;
    http_client_send(http, &options);
}

// ---- one thing asked for, however often

static void asked_free(struct asked *asked)
{
    loop_timer_stop(&asked->again);
    list_remove(&asked->in_client);
    arena_deinit(&asked->arena);
    mem_free(asked);
}

static void learn(struct asked *asked, bool ok, struct str body)
{
    if (!asked->is_settled)
        generator_learn(asked->client->generator, &asked->call, ok, body);
    asked->is_settled = true;
    asked->client->answered++;
}

// Every task that a reply names was committed before the reply left.
static void check_reply(const struct asked *asked, struct str body)
{
    static const char key[] = "\"taskArn\":\"";
    struct str rest = body;
    const char *found;

    if (asked->call.operation != ECS_OPERATION_RUN_TASK &&
        asked->call.operation != ECS_OPERATION_START_TASK)
        return;
    while (rest.len > 0 && (found = memmem(rest.ptr, rest.len, key, sizeof key - 1)) != NULL) {
        struct str arn;
        rest = str_from(rest, (size_t)(found - rest.ptr) + sizeof key - 1);
        str_cut(rest, '"', &arn, &rest);
        SIM_CHECK(check_knows_task(arn), "task %.*s was told of before it was committed",
                  STR_ARGS(arn));
    }
}

static bool says(struct str body, const char *words)
{
    return memmem(body.ptr, body.len, words, strlen(words)) != NULL;
}

// A server fails when it cannot commit, or when it is asked for what nobody has written yet.
static void check_failure(struct str body)
{
    SIM_CHECK(says(body, "Service Unavailable") || says(body, "is not yet available in Gantry"),
              "the server fails: %.*s", STR_ARGS(body));
}

static void on_answer(void *user, int status, struct str body)
{
    struct asked *asked = user;

    if (status == 200)
        check_reply(asked, body);
    else if (status >= 500)
        check_failure(body);
    asked->under_way--;
    if (status == 200 || (status >= 400 && status < 500))
        learn(asked, status == 200, body);
    if (asked->under_way > 0)
        return;
    if (!asked->is_settled && asked->attempts_left > 0)
        loop_timer_start(&asked->again, AGAIN_MS);
    else
        asked_free(asked);
}

static void send(void *user)
{
    struct asked *asked = user;

    asked->attempts_left--;
    asked->under_way++;
    client_call(&asked->client->node, asked->client->http, asked->call.operation, asked->call.json,
                on_answer, asked);
}

static struct asked *asked_new(struct client *client, unsigned attempts)
{
    struct asked *asked = mem_zalloc(sizeof *asked);

    asked->client = client;
    asked->attempts_left = attempts;
    list_push_back(&client->asked, &asked->in_client);
    loop_timer_init(&asked->again, &client->node.loop, send, asked);
    return asked;
}

void client_ask(struct client *client, enum ecs_operation operation, struct str json)
{
    struct asked *asked = asked_new(client, PATIENT_ATTEMPTS);

    asked->call.operation = operation;
    asked->call.json = str_copy(&asked->arena, json);
    kernel_enter(&client->node);
    send(asked);
    kernel_leave(&client->node);
}

void client_act(struct client *client, uint64_t seed)
{
    struct asked *asked;
    struct rng dice;

    rng_init(&dice, seed);
    asked = asked_new(client, 1 + (unsigned)rng_below(&dice, 3));
    generator_reseed(client->generator, seed);
    generator_next(client->generator, &asked->arena, &asked->call);
    kernel_enter(&client->node);
    if (asked->attempts_left > 1 && rng_below(&dice, 16) == 0)
        send(asked); // an impatient one asks twice at once
    send(asked);
    kernel_leave(&client->node);
}

// ---- life

struct client *client_new(unsigned number, uint64_t seed, struct generator *generator)
{
    struct client *client = mem_zalloc(sizeof *client);

    snprintf(client->name, sizeof client->name, "client%u", number);
    node_init(&client->node, client->name, seed);
    client->http = http_client_new(&client->node.loop, &(struct http_client_config){0});
    client->generator = generator;
    list_init(&client->asked);
    return client;
}

// It is idle by then, so no request is under way that could still answer.
void client_free(struct client *client)
{
    ASSERT(list_is_empty(&client->asked));
    http_client_free(client->http);
    mem_free(client);
}

bool client_is_idle(const struct client *client)
{
    return list_is_empty(&client->asked);
}

uint64_t client_answered(const struct client *client)
{
    return client->answered;
}
