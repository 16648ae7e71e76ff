// See meta_people.h. Whatever is asked for and is not there gets the list of what is.

#include "agent/meta_people.h"

#include "agent/meta_reply.h"
#include "base/arena.h"
#include "base/buf.h"
#include "wire/codec.h"
#include "wire/json_write.h"
#include "wire/uri.h"

static void answer_agent(const struct meta_people *people, struct http_exchange *exchange)
{
    struct meta_agent_metadata answer = {0};
    BUF_AUTO struct buf body = BUF_INIT;

    SET(&answer, cluster, people->host->cluster);
    SET(&answer, container_instance_arn, people->host->container_instance);
    SET(&answer, version, people->host->version);
    codec_encode(&body, &meta_agent_metadata_shape, &answer);
    if (people->host->container_instance.len == 0) { // absent would be another thing to a reader
        struct json_writer w = json_writer(&body);

        buf_clear(&body);
        json_write_object(&w);
        json_write_key(&w, STR("Cluster"));
        json_write_str(&w, people->host->cluster);
        json_write_key(&w, STR("ContainerInstanceArn"));
        json_write_null(&w);
        json_write_key(&w, STR("Version"));
        json_write_str(&w, people->host->version);
        json_write_object_end(&w);
    }
    meta_reply_json(exchange, 200, buf_str(&body));
}

// The task of a container by its runtime id; a short one is the beginning of it. *out_many: several
// begin so.
static const struct engine_view *find_runtime_prefix(const struct engine_view_list *views,
                                                     struct str id, bool *out_many)
{
    enum { SHORT_MAX = 12 };
    const struct engine_view *found = NULL;

    *out_many = false;
    for (size_t i = 0; id.len > 0 && i < views->n; i++) {
        const struct engine_view *view = &views->at[i];
        bool is_it = str_eq(view->runtime_id, id) ||
                     (id.len <= SHORT_MAX && str_starts(view->runtime_id, id));

        if (is_it && found != NULL)
            *out_many = true;
        if (is_it)
            found = view;
    }
    return found;
}

static const struct engine_view *find_arn(const struct engine_view_list *views, struct str arn)
{
    for (size_t i = 0; arn.len > 0 && i < views->n; i++) {
        if (str_eq(views->at[i].task_arn, arn))
            return &views->at[i];
    }
    return NULL;
}

static void answer_one_task(struct http_exchange *exchange, const struct engine_view_list *views,
                            struct str arn, struct str docker_id)
{
    struct meta_introspected_task answer = {0};
    const struct engine_view *view = find_arn(views, arn);
    bool is_many = false;
    int status = 200;

    if (arn.len == 0)
        view = find_runtime_prefix(views, docker_id, &is_many);
    if ((arn.len > 0 && docker_id.len > 0) || is_many)
        status = 400;
    else if (view == NULL)
        status = 404;
    else
        meta_fill_introspected(views, view->task_arn, http_exchange_arena(exchange), &answer);
    meta_reply(exchange, status, &meta_introspected_task_shape, &answer);
}

static void answer_tasks(const struct meta_people *people, struct http_exchange *exchange,
                         const struct http_request *request)
{
    struct arena *arena = http_exchange_arena(exchange);
    const struct meta_source *source = &people->source;
    struct engine_view_list views = source->views(source->user, arena);
    struct meta_introspected_tasks answer = {0};
    struct str arn = STR_NONE;
    struct str docker_id = STR_NONE;
    bool has_arn = uri_query_get(arena, request->query, STR("taskarn"), &arn);
    bool has_id = uri_query_get(arena, request->query, STR("dockerid"), &docker_id);

    if (has_arn || has_id) {
        answer_one_task(exchange, &views, arn, docker_id);
        return;
    }
    meta_fill_introspected_all(&views, arena, &answer);
    meta_reply(exchange, 200, &meta_introspected_tasks_shape, &answer);
}

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    const struct meta_people *people = user;

    if (!str_eq(request->method, STR("GET")) && !str_eq(request->method, STR("HEAD")))
        meta_reply_plain(exchange, 405, STR_NONE);
    else if (str_eq(request->path, STR("/v1/metadata")))
        answer_agent(people, exchange);
    else if (str_eq(request->path, STR("/v1/tasks")))
        answer_tasks(people, exchange, request);
    else if (str_eq(request->path, STR("/license")))
        meta_reply_plain(exchange, 200,
                         STR("Gantry is free software under the Apache License, Version 2.0:\n"
                             "http://www.apache.org/licenses/LICENSE-2.0\n"));
    else
        meta_reply_json(exchange, 200,
                        STR("{\"AvailableCommands\":[\"/v1/metadata\",\"/v1/tasks\","
                            "\"/license\"]}"));
}

const struct http_server_handler meta_people_handler = {.on_request = on_request};
