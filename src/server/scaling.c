// See scaling.h.

#include "server/scaling.h"

#include <signal.h>
#include <unistd.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/loop.h"
#include "io/process.h"
#include "server/input.h"
#include "server/intake.h"
#include "wire/http_client.h"
#include "wire/json_write.h"
#include "wire/tls.h"

enum { ACTION_MS = 5 * TIME_MINUTE_MS, CONNECT_MS = 10 * TIME_SECOND_MS, ANSWER_MAX = 65536 };

// What was last measured of a provider.
struct measured {
    struct list in_scaling;
    uint64_t provider_id;
    const char *labels; // of its metrics
    double reservation;
    int64_t desired;
    int64_t present;
    uint64_t failures;
};

// An action that is under way.
struct action {
    struct list in_scaling;
    struct scaling *scaling;
    struct scaled_input *input; // filled in as far as it is known
    struct process *process;
    struct http_client *client;
    struct tls_context *tls;
    struct loop_timer deadline;
    struct loop_job ended; // frees it, outside of whoever told of its end
    struct measured *measured;
};

struct scaling {
    struct arena arena; // what was measured, once a provider
    struct scaling_options options;
    struct list actions;
    struct list measured;
    bool muted;
};

struct scaling *scaling_new(const struct scaling_options *options)
{
    struct scaling *scaling = mem_zalloc(sizeof *scaling);

    scaling->options = *options;
    arena_init(&scaling->arena);
    list_init(&scaling->actions);
    list_init(&scaling->measured);
    return scaling;
}

static void action_free(struct action *action)
{
    list_remove(&action->in_scaling);
    loop_timer_stop(&action->deadline);
    loop_job_cancel(&action->ended);
    process_free(action->process);
    if (action->client != NULL)
        http_client_free(action->client);
    tls_context_free(action->tls);
    if (action->input != NULL)
        scaled_input_free(action->input);
    mem_free(action);
}

void scaling_free(struct scaling *scaling)
{
    if (scaling == NULL)
        return;
    LIST_EACH_SAFE (&scaling->actions, it)
        action_free(LIST_ENTRY(it, struct action, in_scaling));
    arena_deinit(&scaling->arena);
    mem_free(scaling);
}

void scaling_mute(struct scaling *scaling)
{
    scaling->muted = true;
}

// ---- the end of an action

static void tell(struct scaling *scaling, struct scaled_input *input)
{
    if (scaling->muted)
        scaled_input_free(input);
    else
        intake_add(scaling->options.intake, &input->input);
}

static void on_ended(void *user)
{
    action_free(user);
}

// `why` is empty for success.
static void end(struct action *action, struct str why)
{
    struct scaled_input *input = action->input;

    if (input == NULL)
        return;
    action->input = NULL;
    loop_timer_stop(&action->deadline);
    input->result.succeeded = why.len == 0;
    input->result.why = str_copy(&input->arena, why);
    if (why.len > 0) {
        action->measured->failures++;
        LOG_ERROR("scaling.failed", LOG_STR("provider", str_of(action->measured->labels)),
                  LOG_STR("reason", why), LOG_STR("effect", STR("it is tried again in a minute")));
    } else {
        LOG_INFO("scaling.done", LOG_STR("provider", str_of(action->measured->labels)));
    }
    tell(action->scaling, input);
    loop_defer(action->scaling->options.loop, &action->ended);
}

static void on_deadline(void *user)
{
    struct action *action = user;

    if (action->process != NULL && process_kill_group(action->process, SIGKILL) != 0)
        LOG_WARN("scaling.unkilled", LOG_INT("pid", process_pid(action->process)));
    end(action, STR("The scaling action took longer than five minutes."));
}

// ---- a command

static void on_exit_of(void *user, struct process_end how)
{
    struct action *action = user;
    struct arena scratch = ARENA_INIT;

    if (how.signal != 0)
        end(action, str_fmt(&scratch, "The scaling command was ended by signal %d.", how.signal));
    else if (how.exit_code != 0)
        end(action, str_fmt(&scratch, "The scaling command ended with status %d.", how.exit_code));
    else
        end(action, STR_NONE);
    arena_deinit(&scratch);
}

static const char *joined(struct arena *arena, const struct str_list *texts)
{
    BUF_AUTO struct buf out = BUF_INIT;

    for (size_t i = 0; i < texts->n; i++) {
        if (i > 0)
            buf_add_char(&out, ' ');
        buf_add_str(&out, texts->at[i].len > 0 ? texts->at[i] : STR("-"));
    }
    return str_cstr(arena, buf_str(&out));
}

static const char *variable(struct arena *arena, const char *name, struct str value)
{
    return arena_printf(arena, "%s=%.*s", name, STR_ARGS(value));
}

static const char *const *environment(struct arena *arena, const struct scaling_call *call)
{
    size_t n = 0;
    size_t own = 0;
    const char **out;

    while (environ[n] != NULL)
        n++;
    out = arena_array(arena, const char *, n + 9);
    out[own++] = variable(arena, "GANTRY_REGION", call->region);
    out[own++] = variable(arena, "GANTRY_CLUSTER", call->cluster);
    out[own++] = variable(arena, "GANTRY_PROVIDER", call->provider);
    out[own++] = variable(arena, "GANTRY_GROUP", call->group);
    out[own++] = arena_printf(arena, "GANTRY_DESIRED_SIZE=%lld", (long long)call->desired);
    out[own++] = arena_printf(arena, "GANTRY_PRESENT_SIZE=%lld", (long long)call->present);
    out[own++] = arena_printf(arena, "GANTRY_REMOVE=%s", joined(arena, &call->ids));
    out[own++] = arena_printf(arena, "GANTRY_REMOVE_MACHINES=%s", joined(arena, &call->machines));
    for (size_t i = 0; i < n; i++)
        out[own++] = environ[i];
    return out;
}

static void run_command(struct action *action, const char *command, const struct scaling_call *call)
{
    struct arena scratch = ARENA_INIT;
    const char *argv[] = {"/bin/sh", "-c", command, NULL};
    struct process_spec spec = {
        .argv = argv,
        .env = environment(&scratch, call),
        .stdin_fd = -1,
        .stdout_fd = -1,
        .stderr_fd = STDERR_FILENO,
        .own_session = true,
    };
    int fault =
        process_spawn(action->scaling->options.loop, &spec, on_exit_of, action, &action->process);

    if (fault != 0)
        end(action, str_fmt(&scratch, "The scaling command could not be started: %s.",
                            strerrordesc_np(-fault)));
    arena_deinit(&scratch);
}

// ---- a URL

static void on_answer(void *user, struct http_call *http, int outcome,
                      const struct http_answer *reply, struct str detail)
{
    struct action *action = user;
    struct arena scratch = ARENA_INIT;

    (void)http;
    if (outcome != 0)
        end(action, str_fmt(&scratch, "The scaling URL did not answer: %s%s%.*s.",
                            http_client_outcome_text(outcome), detail.len > 0 ? ", " : "",
                            STR_ARGS(detail)));
    else if (reply->status < 200 || reply->status > 299)
        end(action, str_fmt(&scratch, "The scaling URL answered %d.", reply->status));
    else
        end(action, STR_NONE);
    arena_deinit(&scratch);
}

static void write_texts(struct json_writer *w, const char *name, const struct str_list *texts)
{
    json_write_key(w, str_of(name));
    json_write_list(w);
    for (size_t i = 0; i < texts->n; i++)
        json_write_str(w, texts->at[i]);
    json_write_list_end(w);
}

static void write_text(struct json_writer *w, const char *name, struct str text)
{
    json_write_key(w, str_of(name));
    json_write_str(w, text);
}

static void write_call(struct buf *out, const struct scaling_call *call)
{
    struct json_writer w = json_writer(out);

    json_write_object(&w);
    write_text(&w, "region", call->region);
    write_text(&w, "cluster", call->cluster);
    write_text(&w, "capacityProvider", call->provider);
    write_text(&w, "autoScalingGroupArn", call->group);
    json_write_key(&w, STR("desiredSize"));
    json_write_i64(&w, call->desired);
    json_write_key(&w, STR("presentSize"));
    json_write_i64(&w, call->present);
    write_texts(&w, "remove", &call->ids);
    write_texts(&w, "removeMachines", &call->machines);
    json_write_object_end(&w);
}

static struct str target_of(struct arena *arena, const struct uri *uri)
{
    if (uri->query.len == 0)
        return uri->path;
    return str_fmt(arena, "%.*s?%.*s", STR_ARGS(uri->path), STR_ARGS(uri->query));
}

static void post(struct action *action, struct str url, const struct scaling_call *call)
{
    static const struct http_call_handler handler = {.on_done = on_answer};
    static const struct http_header headers[] = {
        {STR_INIT("Content-Type"), STR_INIT("application/json")},
    };
    struct arena scratch = ARENA_INIT;
    BUF_AUTO struct buf body = BUF_INIT;
    struct http_client_config config = {.user_agent = STR("gantry/" GANTRY_VERSION)};
    struct str why = STR_NONE;
    bool parsed = uri_parse(&scratch, url, &config.target);

    ASSERT(parsed);
    write_call(&body, call);
    if (config.target.scheme == URI_HTTPS &&
        tls_context_client(NULL, true, &scratch, &why, &action->tls) != 0) {
        end(action, str_fmt(&scratch, "TLS cannot be used: %.*s.", STR_ARGS(why)));
    } else {
        config.tls = action->tls;
        action->client = http_client_new(action->scaling->options.loop, &config);
        http_client_send(action->client, &(struct http_call_options){
                                             .method = STR("POST"),
                                             .target = target_of(&scratch, &config.target),
                                             .headers = headers,
                                             .headers_n = 1,
                                             .body = buf_str(&body),
                                             .connect_ms = CONNECT_MS,
                                             .total_ms = ACTION_MS,
                                             .body_max = ANSWER_MAX,
                                             .handler = &handler,
                                             .user = action,
                                         });
    }
    arena_deinit(&scratch);
}

// ---- effects

static struct measured *measured_of(struct scaling *scaling, const struct scaling_call *call)
{
    struct measured *measured;

    LIST_EACH (&scaling->measured, it) {
        measured = LIST_ENTRY(it, struct measured, in_scaling);
        if (measured->provider_id == call->provider_id)
            return measured;
    }
    measured = arena_new(&scaling->arena, struct measured);
    measured->provider_id = call->provider_id;
    measured->labels =
        arena_printf(&scaling->arena, "region=\"%.*s\",cluster=\"%.*s\",capacity_provider=\"%.*s\"",
                     STR_ARGS(call->region), STR_ARGS(call->cluster), STR_ARGS(call->provider));
    list_push_back(&scaling->measured, &measured->in_scaling);
    return measured;
}

static const struct scaling_hook *hook_of(const struct scaling *scaling, struct str provider)
{
    const struct scaling_config *config = &scaling->options.config;

    for (size_t i = 0; i < config->n; i++) {
        if (str_eq(config->limits[i].provider, provider))
            return &config->hooks[i];
    }
    return NULL;
}

static struct scaled_input *result_of(const struct scaling_call *call)
{
    struct scaled_input *input = scaled_input_new(call->provider_id);
    struct str_list *ids = &input->result.ids;

    input->result.target = call->target;
    *ids = (struct str_list){.n = call->ids.n,
                             .at = arena_array(&input->arena, struct str, call->ids.n)};
    for (size_t i = 0; i < ids->n; i++)
        ids->at[i] = str_copy(&input->arena, call->ids.at[i]);
    return input;
}

static void act(struct scaling *scaling, const struct scaling_call *call, struct measured *measured)
{
    const struct scaling_hook *hook = hook_of(scaling, call->provider);
    struct action *action = mem_zalloc(sizeof *action);

    action->scaling = scaling;
    action->measured = measured;
    action->input = result_of(call);
    loop_timer_init(&action->deadline, scaling->options.loop, on_deadline, action);
    loop_job_init(&action->ended, on_ended, action);
    list_push_back(&scaling->actions, &action->in_scaling);
    LOG_INFO("scaling.begins", LOG_STR("provider", str_of(measured->labels)),
             LOG_INT("desired", call->desired), LOG_INT("present", call->present),
             LOG_INT("remove", call->ids.n));
    loop_timer_start(&action->deadline, ACTION_MS);
    if (hook == NULL)
        end(action, STR("No scaling action is configured for this capacity provider."));
    else if (hook->command != NULL)
        run_command(action, hook->command, call);
    else
        post(action, hook->url, call);
}

void scaling_effect(struct scaling *scaling, const struct effect *effect)
{
    const struct scaling_call *call = effect->value;
    struct measured *measured;

    if (call == NULL) {
        struct scaled_input *input = scaled_input_new(effect->provider_id);

        input->is_lost = true;
        tell(scaling, input);
        return;
    }
    measured = measured_of(scaling, call);
    measured->reservation = call->reservation;
    measured->desired = call->desired;
    measured->present = call->present;
    if (call->is_wanted && !scaling->muted)
        act(scaling, call, measured);
}

// ---- metrics

typedef double value_fn(const struct measured *measured);

static double reservation(const struct measured *measured)
{
    return measured->reservation;
}

static double desired(const struct measured *measured)
{
    return (double)measured->desired;
}

static double present(const struct measured *measured)
{
    return (double)measured->present;
}

static double failures(const struct measured *measured)
{
    return (double)measured->failures;
}

void scaling_write_metrics(const struct scaling *scaling, struct buf *out)
{
    static const struct {
        const char *name;
        const char *type;
        const char *help;
        value_fn *value;
    } rows[] = {
        {"reservation", "gauge", "CapacityProviderReservation, in percent", reservation},
        {"desired_size", "gauge", "Machines there shall be.", desired},
        {"present_size", "gauge", "Machines that are registered.", present},
        {"action_failures_total", "counter", "Scaling actions that failed.", failures},
    };

    if (list_is_empty(&scaling->measured))
        return;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        buf_printf(out,
                   "# HELP gantry_capacity_provider_%s %s\n"
                   "# TYPE gantry_capacity_provider_%s %s\n",
                   rows[i].name, rows[i].help, rows[i].name, rows[i].type);
        LIST_EACH (&scaling->measured, it) {
            const struct measured *measured = LIST_ENTRY(it, struct measured, in_scaling);

            buf_printf(out, "gantry_capacity_provider_%s{%s} %.10g\n", rows[i].name,
                       measured->labels, rows[i].value(measured));
        }
    }
}
