// See meta_faults.h. Whatever gets into a script is a number or an address that was read and
// written anew here, so a script holds nothing that a container has spelled.

#include "agent/meta_faults.h"

#include <errno.h>

#include "agent/meta_limit.h"
#include "agent/meta_reply.h"
#include "api/metadata.h"
#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "host/fault.h"
#include "io/clock.h"
#include "io/socket.h"
#include "wire/codec.h"
#include "wire/http_server.h"

enum { PATIENCE_MS = 5000, UNDER_WAY_MAX = 20, ADDRESSES_MAX = 100 };

struct meta_faults {
    struct meta_faults_runner runner;
    struct meta_limit *limit;
    struct list runs; // struct run.link
    size_t runs_n;
};

struct run {
    struct list link;
    struct meta_faults *faults;
    struct http_exchange *exchange;
    struct str kind; // "network-latency"
    enum meta_fault_act act;
    void *running;
};

struct meta_faults *meta_faults_new(const struct meta_faults_runner *runner)
{
    struct meta_faults *faults = mem_zalloc(sizeof *faults);

    faults->runner = *runner;
    faults->limit = meta_limit_new(0.2, 1);
    list_init(&faults->runs);
    return faults;
}

static void reply_error(struct http_exchange *exchange, int status, struct str text)
{
    struct meta_fault_answer answer = {0};

    SET(&answer, error, text);
    meta_reply(exchange, status, &meta_fault_answer_shape, &answer);
}

static void reply_status(struct http_exchange *exchange, const char *status)
{
    struct meta_fault_answer answer = {0};

    SET(&answer, status, str_of(status));
    meta_reply(exchange, 200, &meta_fault_answer_shape, &answer);
}

static void run_free(struct run *run)
{
    list_remove(&run->link);
    run->faults->runs_n--;
    mem_free(run);
}

void meta_faults_free(struct meta_faults *faults)
{
    if (faults == NULL)
        return;
    LIST_EACH_SAFE (&faults->runs, it) {
        struct run *run = LIST_ENTRY(it, struct run, link);

        faults->runner.cancel(faults->runner.user, run->running);
        reply_error(run->exchange, 500, STR("internal error"));
        run_free(run);
    }
    meta_limit_free(faults->limit);
    mem_free(faults);
}

// ---- reading

struct reader {
    struct arena *arena;
    enum meta_fault kind;
    const struct meta_fault_request *in;
    struct str why; // what is wrong; empty: nothing yet
};

static bool missing(struct reader *r, const char *parameter)
{
    r->why = str_fmt(r->arena, "required parameter %s is missing", parameter);
    return false;
}

static bool invalid(struct reader *r, struct str value, const char *parameter)
{
    r->why = str_fmt(r->arena, "invalid value %.*s for parameter %s",
                     STR_ARGS(str_take(value, 100)), parameter);
    return false;
}

static bool invalid_number(struct reader *r, int64_t value, const char *parameter)
{
    return invalid(r, str_i64(r->arena, value), parameter);
}

// "10.0.0.0/8" as it will be written. The port is of no meaning.
static bool read_address(struct reader *r, struct str text, struct fault_address *out)
{
    struct str host = text;
    struct str length = STR_NONE;
    struct socket_address address;
    bool has_length = str_cut(text, '/', &host, &length);
    int64_t bits = 0;
    struct str shown;
    struct str port;

    if (str_eq(host, STR("localhost")) || !socket_address_ip(host, 0, &address))
        return false;
    out->is_v6 = address.storage.ss_family == AF_INET6;
    if (has_length && (!str_to_i64(length, &bits) || bits < 0 || bits > (out->is_v6 ? 128 : 32)))
        return false;
    str_cut_last(socket_address_text(r->arena, &address), ':', &shown, &port);
    if (out->is_v6)
        shown = str_take(str_from(shown, 1), shown.len - 2);
    out->text =
        has_length ? str_fmt(r->arena, "%.*s/%lld", STR_ARGS(shown), (long long)bits) : shown;
    return true;
}

static bool read_addresses(struct reader *r, const struct str_list *list, const char *parameter,
                           struct fault_addresses *out)
{
    out->at = arena_array(r->arena, struct fault_address, list->n);
    out->n = 0;
    if (list->n > ADDRESSES_MAX)
        return invalid_number(r, (int64_t)list->n, parameter);
    for (size_t i = 0; i < list->n; i++) {
        if (!read_address(r, list->at[i], &out->at[out->n++]))
            return invalid(r, list->at[i], parameter);
    }
    return true;
}

static bool read_blackhole(struct reader *r, struct fault_spec *out)
{
    const struct meta_fault_request *in = r->in;

    if (!in->has.port)
        return missing(r, "Port");
    if (!in->has.protocol)
        return missing(r, "Protocol");
    if (!in->has.traffic_type)
        return missing(r, "TrafficType");
    if (in->port < 1 || in->port > UINT16_MAX)
        return invalid_number(r, in->port, "Port");
    out->port = (uint16_t)in->port;
    out->is_udp = str_eq(in->protocol, STR("udp"));
    if (!out->is_udp && !str_eq(in->protocol, STR("tcp")))
        return invalid(r, in->protocol, "Protocol");
    out->is_egress = str_eq(in->traffic_type, STR("egress"));
    if (!out->is_egress && !str_eq(in->traffic_type, STR("ingress")))
        return invalid(r, in->traffic_type, "TrafficType");
    return read_addresses(r, &in->sources_to_filter, "SourcesToFilter", &out->spared);
}

static bool read_flows(struct reader *r, struct fault_spec *out)
{
    const struct meta_fault_request *in = r->in;

    if (in->sources.n == 0)
        return missing(r, "Sources");
    if (in->has.flows_percent && (in->flows_percent < 1 || in->flows_percent > 100))
        return invalid_number(r, in->flows_percent, "FlowsPercent");
    out->flows_percent = in->has.flows_percent ? in->flows_percent : 100;
    return read_addresses(r, &in->sources, "Sources", &out->hit) &&
           read_addresses(r, &in->sources_to_filter, "SourcesToFilter", &out->spared);
}

static bool read_latency(struct reader *r, struct fault_spec *out)
{
    const struct meta_fault_request *in = r->in;

    if (!in->has.delay_milliseconds)
        return missing(r, "DelayMilliseconds");
    if (!in->has.jitter_milliseconds)
        return missing(r, "JitterMilliseconds");
    if (in->delay_milliseconds < 0)
        return invalid_number(r, in->delay_milliseconds, "DelayMilliseconds");
    if (in->jitter_milliseconds < 0)
        return invalid_number(r, in->jitter_milliseconds, "JitterMilliseconds");
    if (in->delay_milliseconds == 0 && in->jitter_milliseconds == 0) {
        r->why = STR("required either DelayMilliseconds or JitterMilliseconds to be non-zero");
        return false;
    }
    out->delay_ms = in->delay_milliseconds;
    out->jitter_ms = in->jitter_milliseconds;
    return read_flows(r, out);
}

static bool read_loss(struct reader *r, struct fault_spec *out)
{
    const struct meta_fault_request *in = r->in;

    if (!in->has.loss_percent)
        return missing(r, "LossPercent");
    if (in->loss_percent < 1 || in->loss_percent > 100)
        return invalid_number(r, in->loss_percent, "LossPercent");
    out->loss_percent = in->loss_percent;
    return read_flows(r, out);
}

// Ending or asking after a latency or a loss needs no body: there is one of each at most.
static bool read_spec(struct reader *r, enum meta_fault_act act, struct fault_spec *out)
{
    if (r->kind == META_FAULT_BLACKHOLE)
        return read_blackhole(r, out);
    if (act != META_FAULT_START)
        return true;
    return r->kind == META_FAULT_LATENCY ? read_latency(r, out) : read_loss(r, out);
}

static bool read_body(struct arena *arena, const struct meta_fault_ask *ask,
                      struct meta_fault_request *out, struct str *out_why)
{
    struct str body = str_trim(ask->request->body);
    struct codec_report report = {0};
    bool needs_body =
        ask->path->act == META_FAULT_START || ask->path->fault == META_FAULT_BLACKHOLE;

    if (!needs_body)
        return true;
    if (body.len == 0) {
        *out_why = STR("required request body is missing");
        return false;
    }
    if (codec_decode(arena, &meta_fault_request_shape, body, NULL, out, &report) == 0)
        return true;
    *out_why = report.message;
    return false;
}

// ---- running

static const enum fault_kind kinds[META_FAULT_N] = {
    [META_FAULT_BLACKHOLE] = FAULT_BLACKHOLE,
    [META_FAULT_LATENCY] = FAULT_LATENCY,
    [META_FAULT_LOSS] = FAULT_LOSS,
};

static const enum fault_act acts[META_FAULT_ACT_N] = {
    [META_FAULT_START] = FAULT_START,
    [META_FAULT_STOP] = FAULT_STOP,
    [META_FAULT_STATUS] = FAULT_STATUS,
};

static void answer_done(const struct run *run)
{
    reply_status(run->exchange, run->act == META_FAULT_STOP ? "stopped" : "running");
}

static void on_done(void *user, int status)
{
    struct run *run = user;

    if (status == FAULT_EXIT_DONE)
        answer_done(run);
    else if (status == FAULT_EXIT_NOT_RUNNING)
        reply_status(run->exchange, "not-running");
    else if (status == FAULT_EXIT_LATENCY_RUNS)
        reply_error(run->exchange, 409, STR("There is already one network latency fault running"));
    else if (status == FAULT_EXIT_LOSS_RUNS)
        reply_error(run->exchange, 409,
                    STR("There is already one network packet loss fault running"));
    else if (status == -ETIMEDOUT)
        reply_error(run->exchange, 500,
                    str_fmt(http_exchange_arena(run->exchange), "%.*s: request timed out",
                            STR_ARGS(run->kind)));
    else
        reply_error(run->exchange, 500, STR("internal error"));
    LOG_INFO("fault", LOG_STR("kind", run->kind), LOG_INT("act", run->act),
             LOG_INT("status", status));
    run_free(run);
}

static void run_script(struct meta_faults *faults, const struct meta_fault_ask *ask,
                       const struct fault_spec *spec)
{
    struct run *run = mem_zalloc(sizeof *run);
    BUF_AUTO struct buf script = BUF_INIT;

    run->faults = faults;
    run->exchange = ask->exchange;
    run->kind = meta_fault_name(ask->path->fault);
    run->act = ask->path->act;
    list_push_back(&faults->runs, &run->link);
    faults->runs_n++;
    fault_write(&script, spec);
    run->running = faults->runner.run(faults->runner.user, buf_str(&script),
                                      spec->is_host ? 0 : ask->pid, PATIENCE_MS, on_done, run);
}

// ---- requests

static bool check_task(struct arena *arena, const struct meta_fault_ask *ask, int *out_status,
                       struct str *out_why)
{
    const struct engine_view *view = ask->view;

    *out_status = 400;
    if (view == NULL) {
        *out_status = 404;
        *out_why = str_fmt(arena, "unable to lookup container: %.*s", STR_ARGS(ask->path->id));
        return false;
    }
    if (!view->task->enable_fault_injection) {
        *out_why = str_fmt(arena, "enableFaultInjection is not enabled for task: %.*s",
                           STR_ARGS(view->task_arn));
        return false;
    }
    if (str_eq(view->network_mode, STR("host")) || str_eq(view->network_mode, STR("awsvpc")))
        return true;
    *out_why = str_fmt(arena, "%.*s mode is not supported. Please use either host or awsvpc mode.",
                       STR_ARGS(view->network_mode.len > 0 ? view->network_mode : STR("bridge")));
    return false;
}

static bool is_too_much(struct meta_faults *faults, const struct meta_fault_ask *ask)
{
    struct str key = str_fmt(http_exchange_arena(ask->exchange), "%.*s %.*s",
                             STR_ARGS(ask->address), STR_ARGS(ask->request->path));

    return !meta_limit_take(faults->limit, key, clock_monotonic_ms());
}

void meta_faults_request(struct meta_faults *faults, const struct meta_fault_ask *ask)
{
    struct arena *arena = http_exchange_arena(ask->exchange);
    struct meta_fault_request in = {0};
    struct reader reader = {.arena = arena, .kind = ask->path->fault, .in = &in};
    struct fault_spec spec = {.kind = kinds[ask->path->fault], .act = acts[ask->path->act]};
    struct str why = STR_NONE;
    int status;

    if (faults != NULL && is_too_much(faults, ask)) {
        meta_reply_plain(ask->exchange, 429, STR("You have reached maximum request limit"));
        return;
    }
    if (!read_body(arena, ask, &in, &why)) {
        reply_error(ask->exchange, 400, why);
    } else if (!read_spec(&reader, ask->path->act, &spec)) {
        reply_error(ask->exchange, 400, reader.why);
    } else if (!check_task(arena, ask, &status, &why)) {
        reply_error(ask->exchange, status, why);
    } else if (faults == NULL || faults->runs_n >= UNDER_WAY_MAX) {
        reply_error(ask->exchange, 500, STR("internal error"));
    } else {
        spec.is_host = str_eq(ask->view->network_mode, STR("host"));
        if (spec.is_host || ask->pid > 0)
            run_script(faults, ask, &spec);
        else
            reply_error(ask->exchange, 500, STR("internal error"));
    }
}
