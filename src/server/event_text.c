// See event_text.h. Source: ecs-behaviour-scheduler 7.1.

#include "server/event_text.h"

#include "base/arena.h"
#include "wire/codec.h"
#include "wire/json_write.h"

static void write_field(struct json_writer *w, struct str name, struct str value)
{
    json_write_name(w, name);
    json_write_str(w, value);
}

// "2024-01-31T19:55:38Z": whole seconds.
static struct str time_of(time_ms at, struct arena *scratch)
{
    struct str precise = time_iso8601(scratch, at);

    return str_fmt(scratch, "%.*sZ", STR_ARGS(str_take(precise, precise.len - 5)));
}

static void write_detail(struct json_writer *w, const struct shape *shape, const void *detail)
{
    json_write_name(w, STR("detail"));
    codec_encode(w->out, shape, detail);
    w->comma = true;
}

void event_text(const struct event_note *note, time_ms at, struct str id, struct str account,
                struct arena *scratch, struct buf *out)
{
    struct json_writer w = json_writer(out);
    const void *detail = note->detail;
    struct str resource = note->resource;

    if (detail == NULL) {
        struct evt_task_change *task = arena_new(scratch, struct evt_task_change);
        event_task_detail(&note->task, at, scratch, task);
        detail = task;
        resource = task->task_arn;
    }
    json_write_object(&w);
    write_field(&w, STR("version"), STR("0"));
    write_field(&w, STR("id"), id);
    write_field(&w, STR("detail-type"), event_detail_type(note->kind));
    write_field(&w, STR("source"), STR("aws.ecs"));
    write_field(&w, STR("account"), account);
    write_field(&w, STR("time"), time_of(at, scratch));
    write_field(&w, STR("region"), note->region);
    json_write_name(&w, STR("resources"));
    json_write_list(&w);
    json_write_str(&w, resource);
    json_write_list_end(&w);
    write_detail(&w, event_shape(note->kind), detail);
    json_write_object_end(&w);
}
