// Which call comes next, and what replies teach.
//
// Most calls are about tasks, because that is where things go wrong. Every operation comes up now
// and then, those that are not yet available too. The first calls lay the ground.

#include "tests/sim/generate.h"

#include <stdarg.h>

#include "base/assert.h"
#include "base/mem.h"
#include "tests/sim/generate_internal.h"
#include "wire/json_read.h"

const struct str generate_clusters[GENERATE_CLUSTERS] = {
    STR_INIT("default"),
    STR_INIT("blue"),
    STR_INIT("green"),
};

const struct str generate_images[GENERATE_IMAGES] = {
    STR_INIT("serve:1"), STR_INIT("serve:2"),  STR_INIT("job:1"),   STR_INIT("fail:1"),
    STR_INIT("deaf:1"),  STR_INIT("absent:1"), STR_INIT("flaps:1"), STR_INIT("hungry:1"),
};

// --- dice

uint64_t below(struct generator *g, uint64_t bound)
{
    return rng_below(&g->rng, bound);
}

bool one_in(struct generator *g, uint64_t n)
{
    return below(g, n) == 0;
}

int64_t between(struct generator *g, int64_t low, int64_t high)
{
    return low + (int64_t)below(g, (uint64_t)(high - low) + 1);
}

struct str one_of(struct generator *g, const char *const *texts, size_t n)
{
    return str_of(texts[below(g, n)]);
}

// --- what is known

static struct str own_copy(struct str text)
{
    char *copy = mem_alloc(text.len + 1);

    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    copy[text.len] = '\0';
    return str_span(copy, text.len);
}

static void forget(struct str *text)
{
    mem_free((void *)(uintptr_t)text->ptr);
    *text = STR_NONE;
}

static bool pool_has(const struct pool *pool, struct str text)
{
    for (size_t i = 0; i < pool->n; i++) {
        if (str_eq(pool->at[i], text))
            return true;
    }
    return false;
}

void pool_add(struct pool *pool, struct str text)
{
    if (pool_has(pool, text))
        return;
    if (pool->n < POOL_MAX)
        pool->n++;
    else
        forget(&pool->at[pool->next]);
    pool->at[pool->next] = own_copy(text);
    pool->next = (pool->next + 1) % POOL_MAX;
}

static void pool_free(struct pool *pool)
{
    for (size_t i = 0; i < pool->n; i++)
        forget(&pool->at[i]);
}

struct str pool_pick(struct generator *g, enum known kind)
{
    const struct pool *pool = &g->known[kind];

    if (pool->n == 0)
        return STR_NONE;
    if (pool->n > FRESH_MAX && one_in(g, 2)) // what came last is most likely still there
        return pool->at[(pool->next + POOL_MAX - 1 - below(g, FRESH_MAX)) % POOL_MAX];
    return pool->at[below(g, pool->n)];
}

static bool names_cluster(struct str arn, struct str cluster)
{
    struct str head;
    struct str uid;
    struct str name;

    return str_cut_last(arn, '/', &head, &uid) && str_cut_last(head, '/', &head, &name) &&
           str_eq(name, cluster);
}

struct str known_here(struct generator *g, enum known kind)
{
    struct str arn = STR_NONE;

    for (int tries = 0; tries < 12; tries++) {
        arn = pool_pick(g, kind);
        if (names_cluster(arn, g->cluster))
            break;
    }
    return arn;
}

struct str refer(struct generator *g, enum known kind)
{
    struct str arn = known_here(g, kind);
    struct str head;
    struct str uid;

    if (arn.len == 0 || one_in(g, 40) || (g->pretends && kind == KNOWN_TASK))
        return ONE_OF(g, "0123456789abcdef0123456789abcdef", "none",
                      "arn:aws:ecs:us-east-1:123456789012:task/blue/"
                      "00000000000000000000000000000000",
                      "arn:aws:ecs:us-east-1:123456789012:container-instance/default/"
                      "00000000000000000000000000000000");
    if (one_in(g, 3) && str_cut_last(arn, '/', &head, &uid))
        return uid;
    return arn;
}

struct str any_definition(struct generator *g)
{
    struct str arn = pool_pick(g, KNOWN_DEFINITION);
    struct str head;
    struct str name;

    if (arn.len == 0 || one_in(g, 2))
        return generate_family(g);
    if (one_in(g, 2) && str_cut(arn, '/', &head, &name))
        return name;
    return arn;
}

// --- writing

struct str text_fmt(struct generator *g, const char *fmt, ...)
{
    va_list ap;
    char line[256];
    int len;

    va_start(ap, fmt);
    len = vsnprintf(line, sizeof line, fmt, ap);
    va_end(ap);
    ASSERT(len >= 0 && (size_t)len < sizeof line);
    buf_clear(&g->text);
    buf_add(&g->text, line, (size_t)len);
    return buf_str(&g->text);
}

static void put_key(struct generator *g, const char *name)
{
    if (name != NULL)
        json_write_key(&g->out, str_of(name));
}

void put_str(struct generator *g, const char *name, struct str value)
{
    put_key(g, name);
    json_write_str(&g->out, value);
}

void put_int(struct generator *g, const char *name, int64_t value)
{
    put_key(g, name);
    json_write_i64(&g->out, value);
}

void put_double(struct generator *g, const char *name, double value)
{
    put_key(g, name);
    json_write_double(&g->out, value);
}

void put_bool(struct generator *g, const char *name, bool value)
{
    put_key(g, name);
    json_write_bool(&g->out, value);
}

void open_object(struct generator *g, const char *name)
{
    put_key(g, name);
    json_write_object(&g->out);
}

void close_object(struct generator *g)
{
    json_write_object_end(&g->out);
}

void open_list(struct generator *g, const char *name)
{
    put_key(g, name);
    json_write_list(&g->out);
}

void close_list(struct generator *g)
{
    json_write_list_end(&g->out);
}

void put_words(struct generator *g, const char *name, const char *const *words, size_t n)
{
    open_list(g, name);
    for (size_t i = 0; i < n; i++)
        put_str(g, NULL, str_of(words[i]));
    close_list(g);
}

void put_tags(struct generator *g, const char *name)
{
    static const char *const keys[] = {"stack", "team", "stage", "\xc3\xa9tage"};
    size_t n = 1 + below(g, sizeof keys / sizeof *keys);

    open_list(g, name);
    for (size_t i = 0; i < n; i++) {
        open_object(g, NULL);
        put_str(g, "key", str_of(keys[i]));
        put_str(g, "value", ONE_OF(g, "", "a", "b", "prod", "+-=._:/@"));
        close_object(g);
    }
    close_list(g);
}

void put_many_tags(struct generator *g, const char *name)
{
    int first = (int)below(g, 90);

    open_list(g, name);
    for (int i = 0; i < 45; i++) {
        open_object(g, NULL);
        put_str(g, "key", text_fmt(g, "key%d", first + i));
        put_str(g, "value", STR("x"));
        close_object(g);
    }
    close_list(g);
}

void put_secret_variables(struct generator *g)
{
    open_list(g, "environment");
    open_object(g, NULL);
    put_str(g, "name", ONE_OF(g, "TOKEN", "PASSWORD"));
    put_str(g, "value", text_fmt(g, GENERATE_SENTINEL "-%llu", (unsigned long long)g->serial++));
    close_object(g);
    close_list(g);
}

void put_cluster(struct generator *g)
{
    if (str_eq(g->cluster, STR("default")) && one_in(g, 2))
        return;
    if (one_in(g, 6))
        put_str(
            g, "cluster",
            text_fmt(g, "arn:aws:ecs:us-east-1:123456789012:cluster/%.*s", STR_ARGS(g->cluster)));
    else
        put_str(g, "cluster", g->cluster);
}

// --- which call

// Whoever reports is believed to be the agent it speaks for.
static bool is_an_agents(enum ecs_operation operation)
{
    return operation == ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE ||
           operation == ECS_OPERATION_SUBMIT_CONTAINER_STATE_CHANGE ||
           operation == ECS_OPERATION_SUBMIT_ATTACHMENT_STATE_CHANGES;
}

struct weight {
    enum ecs_operation operation;
    uint32_t weight;
};

// What is not listed comes up once in a while.
static const struct weight weights[] = {
    {ECS_OPERATION_RUN_TASK, 300},
    {ECS_OPERATION_STOP_TASK, 110},
    {ECS_OPERATION_REGISTER_TASK_DEFINITION, 60},
    {ECS_OPERATION_START_TASK, 50},
    {ECS_OPERATION_EXECUTE_COMMAND, 12},
    {ECS_OPERATION_LIST_CONTAINER_INSTANCES, 50},
    {ECS_OPERATION_LIST_TASKS, 40},
    {ECS_OPERATION_DESCRIBE_TASKS, 40},
    {ECS_OPERATION_UPDATE_CONTAINER_INSTANCES_STATE, 25},
    {ECS_OPERATION_DESCRIBE_CONTAINER_INSTANCES, 20},
    {ECS_OPERATION_TAG_RESOURCE, 20},
    {ECS_OPERATION_PUT_ATTRIBUTES, 20},
    {ECS_OPERATION_DEREGISTER_TASK_DEFINITION, 15},
    {ECS_OPERATION_DELETE_TASK_DEFINITIONS, 10},
    {ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE, 14},
    {ECS_OPERATION_DELETE_ATTRIBUTES, 10},
    {ECS_OPERATION_REGISTER_CONTAINER_INSTANCE, 16},
    {ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE, 10},
    {ECS_OPERATION_SUBMIT_CONTAINER_STATE_CHANGE, 5},
    {ECS_OPERATION_CREATE_CLUSTER, 10},
    {ECS_OPERATION_DELETE_CLUSTER, 5},
    {ECS_OPERATION_UPDATE_CLUSTER, 5},
    {ECS_OPERATION_UPDATE_CLUSTER_SETTINGS, 5},
    {ECS_OPERATION_PUT_CLUSTER_CAPACITY_PROVIDERS, 25},
    {ECS_OPERATION_CREATE_CAPACITY_PROVIDER, 20},
    {ECS_OPERATION_UPDATE_CAPACITY_PROVIDER, 4},
    {ECS_OPERATION_DELETE_CAPACITY_PROVIDER, 3},
    {ECS_OPERATION_DESCRIBE_CAPACITY_PROVIDERS, 4},
    {ECS_OPERATION_UNTAG_RESOURCE, 8},
    {ECS_OPERATION_LIST_TAGS_FOR_RESOURCE, 8},
    {ECS_OPERATION_LIST_ATTRIBUTES, 8},
    {ECS_OPERATION_DESCRIBE_CLUSTERS, 8},
    {ECS_OPERATION_LIST_CLUSTERS, 8},
    {ECS_OPERATION_DESCRIBE_TASK_DEFINITION, 8},
    {ECS_OPERATION_LIST_TASK_DEFINITIONS, 8},
    {ECS_OPERATION_LIST_TASK_DEFINITION_FAMILIES, 5},
    {ECS_OPERATION_UPDATE_CONTAINER_AGENT, 25},
    {ECS_OPERATION_DISCOVER_POLL_ENDPOINT, 3},
};

// Where the calls are about services.
static const struct weight service_weights[] = {
    {ECS_OPERATION_CREATE_SERVICE, 70},
    {ECS_OPERATION_UPDATE_SERVICE, 130},
    {ECS_OPERATION_DELETE_SERVICE, 14},
    {ECS_OPERATION_DESCRIBE_SERVICES, 25},
    {ECS_OPERATION_LIST_SERVICES, 15},
    {ECS_OPERATION_LIST_SERVICE_DEPLOYMENTS, 20},
    {ECS_OPERATION_DESCRIBE_SERVICE_DEPLOYMENTS, 8},
    {ECS_OPERATION_STOP_SERVICE_DEPLOYMENT, 16},
    {ECS_OPERATION_CONTINUE_SERVICE_DEPLOYMENT, 10},
    {ECS_OPERATION_DESCRIBE_SERVICE_REVISIONS, 6},
    {ECS_OPERATION_UPDATE_TASK_PROTECTION, 50},
    {ECS_OPERATION_GET_TASK_PROTECTION, 6},
    {ECS_OPERATION_CREATE_TASK_SET, 25},
    {ECS_OPERATION_UPDATE_TASK_SET, 20},
    {ECS_OPERATION_UPDATE_SERVICE_PRIMARY_TASK_SET, 10},
    {ECS_OPERATION_DELETE_TASK_SET, 12},
    {ECS_OPERATION_DESCRIBE_TASK_SETS, 6},
    {ECS_OPERATION_LIST_TASKS, 70},
    {ECS_OPERATION_LIST_CONTAINER_INSTANCES, 15},
    {ECS_OPERATION_UPDATE_CONTAINER_INSTANCES_STATE, 30},
    {ECS_OPERATION_DEREGISTER_CONTAINER_INSTANCE, 4},
    {ECS_OPERATION_STOP_TASK, 20},
    {ECS_OPERATION_RUN_TASK, 15},
    {ECS_OPERATION_REGISTER_TASK_DEFINITION, 30},
    {ECS_OPERATION_PUT_ATTRIBUTES, 8},
};

static enum ecs_operation weighted(struct generator *g, const struct weight *rows, size_t n)
{
    uint64_t total = 0;
    uint64_t pick;

    for (size_t i = 0; i < n; i++)
        total += rows[i].weight;
    pick = below(g, total);
    for (size_t i = 0;; i++) {
        if (pick < rows[i].weight)
            return rows[i].operation;
        pick -= rows[i].weight;
    }
}

// The clusters first, then something to run, then who is there.
static enum ecs_operation choose(struct generator *g)
{
    uint64_t number = g->calls - 1;

    if (number < GENERATE_CLUSTERS)
        return ECS_OPERATION_CREATE_CLUSTER;
    if (number < GENERATE_CLUSTERS + 3)
        return ECS_OPERATION_REGISTER_TASK_DEFINITION;
    if (number < 2 * GENERATE_CLUSTERS + 3)
        return ECS_OPERATION_LIST_CONTAINER_INSTANCES;
    if (g->cluster_lost && one_in(g, 3)) {
        g->cluster_lost = false;
        return ECS_OPERATION_CREATE_CLUSTER;
    }
    if (g->options.lies && one_in(g, 6))
        return ECS_OPERATION_SUBMIT_TASK_STATE_CHANGE;
    if (one_in(g, 8))
        return (enum ecs_operation)between(g, 1, ECS_OPERATION_N - 1);
    if (below(g, 100) < g->options.service_percent)
        return weighted(g, service_weights, sizeof service_weights / sizeof *service_weights);
    return weighted(g, weights, sizeof weights / sizeof *weights);
}

static struct str finish(struct arena *arena, struct buf *body)
{
    return str_copy(arena, buf_str(body));
}

static void write_body(struct generator *g, enum ecs_operation operation, struct buf *body)
{
    g->out = json_writer(body);
    json_write_object(&g->out);
    write_plausible(g, operation);
    json_write_object_end(&g->out);
}

// Seven in ten are good requests that were spoilt; the others never were good.
static struct str hostile_body(struct generator *g, struct arena *arena,
                               enum ecs_operation operation)
{
    BUF_AUTO struct buf good = BUF_INIT;
    BUF_AUTO struct buf body = BUF_INIT;
    uint64_t kind = below(g, 10);

    if (kind < 7) {
        write_body(g, operation, &good);
        write_spoilt(g, buf_str(&good), &body);
    } else if (kind < 9) {
        g->out = json_writer(&body);
        json_write_object(&g->out);
        write_from_shape(g, ecs_operations[operation].request, (uint32_t)below(g, 8));
        json_write_object_end(&g->out);
    } else {
        g->out = json_writer(&body);
        write_nonsense(g);
    }
    return finish(arena, &body);
}

// The page after the last one that came.
static bool turn_page(struct generator *g, struct arena *arena, struct generate_call *out)
{
    enum ecs_operation operation = (enum ecs_operation)below(g, ECS_OPERATION_N);
    struct str token = g->page_token[operation];
    struct str asked = g->page_request[operation];

    if (token.len == 0 || asked.len < 3)
        return false;
    out->operation = operation;
    out->json = str_fmt(arena, "%.*s,\"nextToken\":\"%.*s\"}", (int)asked.len - 1, asked.ptr,
                        STR_ARGS(token));
    return true;
}

// The same call once more, or one that is nearly the same.
static bool repeat_run(struct generator *g, struct arena *arena, struct generate_call *out)
{
    BUF_AUTO struct buf changed = BUF_INIT;
    struct str json;

    if (g->runs.n == 0 || !one_in(g, 12))
        return false;
    json = g->runs.at[below(g, g->runs.n)];
    out->operation = ECS_OPERATION_RUN_TASK;
    if (g->options.hostile_percent > 0 && one_in(g, 4)) {
        out->hostile = true;
        write_spoilt(g, json, &changed);
        json = buf_str(&changed);
    }
    out->json = str_copy(arena, json);
    return true;
}

static bool has_text(struct str json, const char *text)
{
    return memmem(json.ptr, json.len, text, strlen(text)) != NULL;
}

void generator_reseed(struct generator *g, uint64_t seed)
{
    rng_init(&g->rng, seed);
}

void generator_next(struct generator *g, struct arena *arena, struct generate_call *out)
{
    BUF_AUTO struct buf body = BUF_INIT;

    *out = (struct generate_call){0};
    g->calls++;
    // Services stand where most hosts are.
    g->cluster = generate_clusters[below(g, 100) < g->options.service_percent && !one_in(g, 4)
                                       ? 0
                                       : below(g, GENERATE_CLUSTERS)];
    if (g->calls <= 2 * GENERATE_CLUSTERS + 3)
        g->cluster = generate_clusters[(g->calls - 1) % GENERATE_CLUSTERS];
    else if (repeat_run(g, arena, out) || turn_page(g, arena, out))
        return;
    out->operation = choose(g);
    g->pretends = is_an_agents(out->operation) && !g->options.lies;
    out->hostile =
        g->calls > 2 * GENERATE_CLUSTERS + 3 && below(g, 100) < g->options.hostile_percent;
    if (out->hostile) {
        out->json = hostile_body(g, arena, out->operation);
        return;
    }
    write_body(g, out->operation, &body);
    out->json = finish(arena, &body);
    if (out->operation == ECS_OPERATION_RUN_TASK && has_text(out->json, "\"clientToken\""))
        pool_add(&g->runs, out->json);
}

// --- learning

struct lesson {
    struct generator *g;
    const struct generate_call *call;
    bool in_page_token;
    bool in_failure; // its "arn" may name what does not exist
};

static bool is_about(struct str arn, const char *kind)
{
    struct str head;
    struct str tail;

    for (int i = 0; i < 5; i++) {
        if (!str_cut(arn, ':', &head, &tail))
            return false;
        arn = tail;
    }
    return str_cut(arn, '/', &head, &tail) && str_eq(head, str_of(kind));
}

static void learn_task(struct lesson *lesson, struct str arn)
{
    pool_add(&lesson->g->known[KNOWN_TASK], arn);
    if (lesson->call->operation == ECS_OPERATION_LIST_TASKS &&
        has_text(lesson->call->json, "\"serviceName\""))
        pool_add(&lesson->g->known[KNOWN_SERVICE_TASK], arn);
}

static void learn_arn(struct lesson *lesson, struct str arn)
{
    struct generator *g = lesson->g;

    if (is_about(arn, "cluster"))
        pool_add(&g->known[KNOWN_CLUSTER], arn);
    else if (is_about(arn, "task-definition"))
        pool_add(&g->known[KNOWN_DEFINITION], arn);
    else if (is_about(arn, "task"))
        learn_task(lesson, arn);
    else if (is_about(arn, "container-instance"))
        pool_add(&g->known[lesson->call->operation == ECS_OPERATION_REGISTER_CONTAINER_INSTANCE
                               ? KNOWN_OWN_INSTANCE
                               : KNOWN_INSTANCE],
                 arn);
    else if (is_about(arn, "service"))
        pool_add(&g->known[KNOWN_SERVICE], arn);
    else if (is_about(arn, "service-deployment"))
        pool_add(&g->known[KNOWN_SERVICE_DEPLOYMENT], arn);
    else if (is_about(arn, "service-revision"))
        pool_add(&g->known[KNOWN_REVISION], arn);
    else if (is_about(arn, "task-set"))
        pool_add(&g->known[KNOWN_TASK_SET], arn);
}

static bool on_string(void *user, struct str text)
{
    struct lesson *lesson = user;
    struct str *token = &lesson->g->page_token[lesson->call->operation];

    if (lesson->in_page_token) {
        forget(token);
        *token = own_copy(text);
    } else if (!lesson->in_failure && str_starts(text, STR("arn:aws:ecs:"))) {
        learn_arn(lesson, text);
    } else if (str_starts(text, STR("ecs-pause-"))) {
        pool_add(&lesson->g->known[KNOWN_HOOK], text);
    }
    lesson->in_page_token = false;
    return true;
}

static bool on_key(void *user, struct str name)
{
    struct lesson *lesson = user;

    lesson->in_page_token = str_eq(name, STR("nextToken"));
    lesson->in_failure = str_eq(name, STR("arn"));
    return true;
}

static bool on_other(void *user)
{
    (void)user;
    return true;
}

static bool on_bool(void *user, bool value)
{
    (void)user;
    (void)value;
    return true;
}

static bool on_number(void *user, struct str text)
{
    (void)user;
    (void)text;
    return true;
}

static const struct json_events lesson_events = {
    .on_null = on_other,
    .on_bool = on_bool,
    .on_number = on_number,
    .on_string = on_string,
    .on_object = on_other,
    .on_key = on_key,
    .on_object_end = on_other,
    .on_list = on_other,
    .on_list_end = on_other,
};

void generator_learn(struct generator *g, const struct generate_call *call, bool ok,
                     struct str reply)
{
    struct lesson lesson = {.g = g, .call = call};
    struct json_reader reader = {
        .events = &lesson_events, .user = &lesson, .depth_max = JSON_DEPTH_MAX};

    if (!ok && has_text(reply, "ClusterNotFoundException"))
        g->cluster_lost = true;
    if (!ok || reply.len == 0)
        return;
    forget(&g->page_token[call->operation]);
    if (!has_text(call->json, "\"nextToken\"")) {
        forget(&g->page_request[call->operation]);
        g->page_request[call->operation] = own_copy(call->json);
    }
    ASSERT(json_read(&reader, reply) == 0);
}

// --- life

struct generator *generator_new(const struct generator_options *options)
{
    struct generator *g = mem_alloc(sizeof *g);

    *g = (struct generator){.options = *options};
    rng_init(&g->rng, options->seed);
    return g;
}

void generator_free(struct generator *g)
{
    if (g == NULL)
        return;
    for (int kind = 0; kind < KNOWN_N; kind++)
        pool_free(&g->known[kind]);
    pool_free(&g->runs);
    for (int operation = 0; operation < ECS_OPERATION_N; operation++)
        forget(&g->page_token[operation]);
    for (int operation = 0; operation < ECS_OPERATION_N; operation++)
        forget(&g->page_request[operation]);
    buf_deinit(&g->text);
    mem_free(g);
}
