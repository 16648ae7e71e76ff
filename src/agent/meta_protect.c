// See meta_protect.h. A request has one call of the API under way; whichever comes first, its
// answer or the end of our patience, is what the container is told.

#include "agent/meta_protect.h"

#include "agent/meta_reply.h"
#include "api/metadata.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/credentials.h"
#include "engine/engine.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/http_server.h"

enum { PATIENCE_MS = 4000, UNDER_WAY_MAX = 100 };

struct meta_protect {
    struct loop *loop;
    struct api *api;
    const struct meta_keys *keys;
    struct arena arena;
    struct str cluster;
    struct list asks; // struct ask.link
    size_t asks_n;
};

struct ask {
    struct list link;
    struct meta_protect *protect;
    struct arena arena;
    struct http_exchange *exchange;
    struct str task_arn;
    bool is_update;
    struct api_call *call;
    struct loop_timer patience;
};

struct meta_protect *meta_protect_new(struct loop *loop, struct api *api,
                                      const struct meta_keys *keys, struct str cluster)
{
    struct meta_protect *protect = mem_zalloc(sizeof *protect);

    protect->loop = loop;
    protect->api = api;
    protect->keys = keys;
    protect->cluster = str_copy(&protect->arena, cluster);
    list_init(&protect->asks);
    return protect;
}

// ---- answers

static void reply_error(struct http_exchange *exchange, int status, struct str request_id,
                        struct str task_arn, struct str code, struct str message)
{
    struct meta_protection_error error = {0};
    struct meta_protection_answer answer = {0};

    if (task_arn.len > 0)
        SET(&error, arn, task_arn);
    SET(&error, code, code);
    SET(&error, message, message);
    SET(&answer, error, &error);
    if (request_id.len > 0)
        SET(&answer, request_id, request_id);
    meta_reply(exchange, status, &meta_protection_answer_shape, &answer);
}

static void ask_free(struct ask *ask)
{
    api_cancel(ask->call);
    loop_timer_stop(&ask->patience);
    list_remove(&ask->link);
    ask->protect->asks_n--;
    arena_deinit(&ask->arena);
    mem_free(ask);
}

void meta_protect_free(struct meta_protect *protect)
{
    if (protect == NULL)
        return;
    LIST_EACH_SAFE (&protect->asks, it) {
        struct ask *ask = LIST_ENTRY(it, struct ask, link);

        reply_error(ask->exchange, 500, STR_NONE, ask->task_arn, STR("ServerException"),
                    STR("The agent is stopping."));
        ask_free(ask);
    }
    arena_deinit(&protect->arena);
    mem_free(protect);
}

static void reply_protected(struct http_exchange *exchange, const struct ecs_protected_task *task)
{
    struct meta_protection protection = {0};
    struct meta_protection_answer answer = {0};

    SET(&protection, protection_enabled, task->protection_enabled);
    SET(&protection, task_arn, task->task_arn);
    if (task->has.expiration_date)
        SET(&protection, expiration_date, task->expiration_date);
    SET(&answer, protection, &protection);
    meta_reply(exchange, 200, &meta_protection_answer_shape, &answer);
}

static void reply_failure(struct http_exchange *exchange, const struct ecs_failure *failure)
{
    struct meta_protection_failure told = {0};
    struct meta_protection_answer answer = {0};

    SET(&told, arn, failure->arn);
    SET(&told, reason, failure->reason);
    if (failure->has.detail)
        SET(&told, detail, failure->detail);
    SET(&answer, failure, &told);
    meta_reply(exchange, 200, &meta_protection_answer_shape, &answer);
}

// Both replies have the same two lists.
static void reply_result(struct http_exchange *exchange, struct str task_arn,
                         const struct ecs_protected_task_list *tasks,
                         const struct ecs_failure_list *failures)
{
    if (failures->n > 0)
        reply_failure(exchange, &failures->at[0]);
    else if (tasks->n > 0)
        reply_protected(exchange, &tasks->at[0]);
    else
        reply_error(exchange, 500, STR_NONE, task_arn, STR("ServerException"),
                    STR("Unexpected error when getting task protection"));
}

static void on_answer(void *user, const struct api_result *result)
{
    struct ask *ask = user;
    const struct ecs_update_task_protection_response *updated = result->reply;
    const struct ecs_get_task_protection_response *got = result->reply;

    ask->call = NULL;
    if (result->kind == API_OK && ask->is_update)
        reply_result(ask->exchange, ask->task_arn, &updated->protected_tasks, &updated->failures);
    else if (result->kind == API_OK)
        reply_result(ask->exchange, ask->task_arn, &got->protected_tasks, &got->failures);
    else if (result->kind == API_REFUSED && result->type.len > 0)
        reply_error(ask->exchange, result->status, result->request_id, ask->task_arn, result->type,
                    result->message);
    else
        reply_error(ask->exchange, 500, STR_NONE, ask->task_arn, STR("ServerException"),
                    result->message);
    ask_free(ask);
}

static void on_impatience(void *user)
{
    struct ask *ask = user;

    reply_error(ask->exchange, 504, STR_NONE, ask->task_arn, STR("RequestCanceled"),
                STR("Timed out calling ECS Task Protection API"));
    ask_free(ask);
}

// ---- requests

static struct ask *begin(struct meta_protect *protect, struct http_exchange *exchange,
                         const struct engine_view *view)
{
    struct ask *ask = mem_zalloc(sizeof *ask);

    ask->protect = protect;
    ask->exchange = exchange;
    ask->task_arn = str_copy(&ask->arena, view->task_arn);
    loop_timer_init(&ask->patience, protect->loop, on_impatience, ask);
    loop_timer_start(&ask->patience, PATIENCE_MS);
    list_push_back(&protect->asks, &ask->link);
    protect->asks_n++;
    return ask;
}

static void call_api(struct ask *ask, enum ecs_operation operation, const void *request,
                     const struct acs_iam_role_credentials *keys)
{
    struct credentials credentials = {
        .key_id = keys->access_key_id,
        .secret = keys->secret_access_key,
        .token = keys->session_token,
    };

    ask->call = api_send_as(ask->protect->api, &credentials, operation, request, 1, on_answer, ask);
}

static void get(struct ask *ask, const struct acs_iam_role_credentials *keys)
{
    struct ecs_get_task_protection_request request = {0};

    SET(&request, cluster, ask->protect->cluster);
    SET(&request, tasks, (struct str_list){.n = 1, .at = &ask->task_arn});
    call_api(ask, ECS_OPERATION_GET_TASK_PROTECTION, &request, keys);
}

static void update(struct ask *ask, const struct meta_protection_request *wish,
                   const struct acs_iam_role_credentials *keys)
{
    struct ecs_update_task_protection_request request = {0};

    ask->is_update = true;
    SET(&request, cluster, ask->protect->cluster);
    SET(&request, tasks, (struct str_list){.n = 1, .at = &ask->task_arn});
    SET(&request, protection_enabled, wish->protection_enabled);
    if (wish->has.expires_in_minutes)
        SET(&request, expires_in_minutes, wish->expires_in_minutes);
    call_api(ask, ECS_OPERATION_UPDATE_TASK_PROTECTION, &request, keys);
}

// The codec passes over members that it does not know; here they are a mistake.
static bool read_wish(struct arena *arena, struct str body, struct meta_protection_request *out)
{
    struct codec_report report = {0};

    return codec_decode(arena, &meta_protection_request_shape, body, &codec_strict, out, &report) ==
           0;
}

static bool find_keys(const struct meta_protect *protect, const struct engine_view *view,
                      struct meta_key *out)
{
    return view->role_credentials.len > 0 &&
           meta_keys_get(protect->keys, view->role_credentials, out) &&
           out->type == ACS_ROLE_TYPE_TASKAPPLICATION;
}

void meta_protect_request(struct meta_protect *protect, struct http_exchange *exchange,
                          const struct http_request *request, const struct engine_view *view)
{
    bool is_update = str_eq(request->method, STR("PUT"));
    struct meta_protection_request wish = {0};
    struct str bad = STR("InvalidParameterException");
    struct meta_key key;

    if (view == NULL)
        reply_error(exchange, 404, STR_NONE, STR_NONE, STR("ResourceNotFoundException"),
                    STR("Failed to find a task for the request"));
    else if (is_update && !read_wish(http_exchange_arena(exchange), request->body, &wish))
        reply_error(exchange, 400, STR_NONE, view->task_arn, bad,
                    STR("UpdateTaskProtection: failed to decode request"));
    else if (is_update && !wish.has.protection_enabled)
        reply_error(exchange, 400, STR_NONE, view->task_arn, bad,
                    STR("Invalid request: does not contain 'ProtectionEnabled' field"));
    else if (!find_keys(protect, view, &key))
        reply_error(exchange, 403, STR_NONE, view->task_arn, STR("AccessDeniedException"),
                    STR("Invalid Request: no task IAM role credentials available for task"));
    else if (protect->asks_n >= UNDER_WAY_MAX)
        reply_error(exchange, 503, STR_NONE, view->task_arn, STR("ServerException"),
                    STR("Too many requests are under way"));
    else if (is_update)
        update(begin(protect, exchange, view), &wish, key.value);
    else
        get(begin(protect, exchange, view), key.value);
}
