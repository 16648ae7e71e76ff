// See meta_tags.h.

#include "agent/meta_tags.h"

#include "agent/meta_reply.h"
#include "base/arena.h"
#include "base/list.h"
#include "base/mem.h"
#include "shape/walk.h"
#include "wire/http_server.h"

enum { UNDER_WAY_MAX = 100, ERRORS_MAX = 2 };

struct meta_tags {
    struct api *api;
    struct list asks; // struct ask.link
    size_t asks_n;
};

struct ask {
    struct list link;
    struct meta_tags *tags;
    struct arena *arena; // the exchange's
    struct http_exchange *exchange;
    struct meta_task *task;
    struct str instance_arn;
    struct str resource_arn; // of the call under way
    bool of_task;            // it is the second one
    bool with_errors;
    struct meta_tag_error *errors;
    size_t errors_n;
    struct api_call *call;
};

struct meta_tags *meta_tags_new(struct api *api)
{
    struct meta_tags *tags = mem_zalloc(sizeof *tags);

    tags->api = api;
    list_init(&tags->asks);
    return tags;
}

static void finish(struct ask *ask)
{
    api_cancel(ask->call);
    if (ask->with_errors && ask->errors_n > 0)
        SET(ask->task, errors, (struct meta_tag_error_list){.n = ask->errors_n, .at = ask->errors});
    list_remove(&ask->link);
    ask->tags->asks_n--;
    meta_reply(ask->exchange, 200, &meta_task_shape, ask->task);
    mem_free(ask);
}

void meta_tags_free(struct meta_tags *tags)
{
    if (tags == NULL)
        return;
    LIST_EACH_SAFE (&tags->asks, it)
        finish(LIST_ENTRY(it, struct ask, link));
    mem_free(tags);
}

static void note_error(struct ask *ask, const struct api_result *result)
{
    struct meta_tag_error *error = &ask->errors[ask->errors_n++];

    SET(error, error_field, ask->of_task ? STR("TaskTags") : STR("ContainerInstanceTags"));
    SET(error, error_code,
        result->type.len > 0 ? str_copy(ask->arena, result->type) : STR("RequestError"));
    SET(error, error_message, str_copy(ask->arena, result->message));
    SET(error, status_code, result->status);
    if (result->request_id.len > 0)
        SET(error, request_id, str_copy(ask->arena, result->request_id));
    SET(error, resource_arn, ask->resource_arn);
}

static void take_tags(struct ask *ask, const struct ecs_tag_list *tags)
{
    struct str_map map = {.n = tags->n, .at = arena_array(ask->arena, struct str_pair, tags->n)};

    for (size_t i = 0; i < tags->n; i++)
        map.at[i] = (struct str_pair){.key = str_copy(ask->arena, tags->at[i].key),
                                      .value = str_copy(ask->arena, tags->at[i].value)};
    if (map.n > 0 && ask->of_task)
        SET(ask->task, task_tags, map);
    else if (map.n > 0)
        SET(ask->task, container_instance_tags, map);
}

static void on_answer(void *user, const struct api_result *result);

static void ask_for(struct ask *ask, struct str arn)
{
    struct ecs_list_tags_for_resource_request request = {0};

    ask->resource_arn = arn;
    SET(&request, resource_arn, arn);
    ask->call =
        api_send(ask->tags->api, ECS_OPERATION_LIST_TAGS_FOR_RESOURCE, &request, 1, on_answer, ask);
}

static void on_answer(void *user, const struct api_result *result)
{
    struct ask *ask = user;
    const struct ecs_list_tags_for_resource_response *reply = result->reply;

    ask->call = NULL;
    if (result->kind == API_OK)
        take_tags(ask, &reply->tags);
    else
        note_error(ask, result);
    if (ask->of_task) {
        finish(ask);
        return;
    }
    ask->of_task = true;
    ask_for(ask, ask->task->task_arn);
}

void meta_tags_request(struct meta_tags *tags, struct http_exchange *exchange,
                       struct str container_instance, const struct meta_task *task,
                       bool with_errors)
{
    struct ask *ask;

    if (tags->asks_n >= UNDER_WAY_MAX) {
        meta_reply_string(exchange, 503, STR("Too many requests are under way"));
        return;
    }
    ask = mem_zalloc(sizeof *ask);
    ask->tags = tags;
    ask->exchange = exchange;
    ask->arena = http_exchange_arena(exchange);
    ask->task = shape_copy(ask->arena, &meta_task_shape, task);
    ask->instance_arn = str_copy(ask->arena, container_instance);
    ask->with_errors = with_errors;
    ask->errors = arena_array(ask->arena, struct meta_tag_error, ERRORS_MAX);
    list_push_back(&tags->asks, &ask->link);
    tags->asks_n++;
    ask_for(ask, ask->instance_arn);
}
