// See alarm_source.h. The core asks every few seconds while a deployment with alarms is under way,
// so nothing is kept and nothing is repeated here.

#include "server/alarm_source.h"

#include "base/buf.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/file.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/http_client.h"
#include "wire/tls.h"

enum { ANSWER_MAX = 1 << 20, PATIENCE_MS = 8 * 1000, ASKING_MAX = 256 };

struct alarm_source {
    struct loop *loop;
    const char *where; // in the arena; NULL: there is none
    word_fn *say;
    void *user;
    struct arena arena;
    struct uri uri;
    bool is_url;
    struct http_client *client; // made when it is first needed
    struct tls_context *tls;
    struct list asking; // struct asking
    unsigned asking_n;
    bool is_failing;
};

struct asking {
    struct alarm_source *source;
    struct list link;
    struct http_call *call;
    uint64_t deployment_id;
};

static void note(struct alarm_source *source, bool is_failing, struct str detail)
{
    if (is_failing && !source->is_failing)
        LOG_WARN("alarms.unknown", LOG_CSTR("source", source->where), LOG_STR("detail", detail),
                 LOG_STR("effect", STR("deployments go on as if no alarm were ringing")));
    if (!is_failing && source->is_failing)
        LOG_INFO("alarms.known", LOG_CSTR("source", source->where));
    source->is_failing = is_failing;
}

// ---- what it says

static void add_ringing(const struct hook_alarm_list *alarms, struct word *word)
{
    struct str_list *ringing = &word->alarms.ringing;

    for (size_t i = 0; i < alarms->n; i++) {
        if (str_eq(alarms->at[i].state_value, STR("ALARM")))
            ringing->at[ringing->n++] = str_copy(&word->arena, alarms->at[i].alarm_name);
    }
}

static void take(struct alarm_source *source, uint64_t deployment_id, struct str json)
{
    struct word *word = word_new(WORD_ALARMS);
    struct codec_report report = {0};
    struct hook_alarms alarms;

    if (codec_decode(&word->arena, &hook_alarms_shape, json, &codec_peer, &alarms, &report) != 0) {
        note(source, true, report.message);
        word_free(word);
        return;
    }
    note(source, false, STR_NONE);
    word->alarms.deployment_id = deployment_id;
    word->alarms.ringing.at =
        arena_array(&word->arena, struct str, alarms.metric_alarms.n + alarms.composite_alarms.n);
    add_ringing(&alarms.metric_alarms, word);
    add_ringing(&alarms.composite_alarms, word);
    source->say(source->user, word);
}

// ---- a file

static void ask_file(struct alarm_source *source, const struct alarms_ask *ask)
{
    BUF_AUTO struct buf text = BUF_INIT;
    int fault = file_read(source->where, ANSWER_MAX, &text);

    if (fault != 0)
        note(source, true, str_of(strerrordesc_np(-fault)));
    else
        take(source, ask->deployment_id, buf_str(&text));
}

// ---- a URL

static void asking_free(struct asking *asking)
{
    asking->source->asking_n--;
    list_remove(&asking->link);
    mem_free(asking);
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct asking *asking = user;

    (void)call;
    if (outcome != 0)
        note(asking->source, true, detail);
    else if (answer->status != 200)
        note(asking->source, true, STR("the status of its answer is not 200"));
    else
        take(asking->source, asking->deployment_id, answer->body);
    asking_free(asking);
}

static const struct http_call_handler handler = {.on_done = on_done};

static struct str target_of(struct arena *arena, const struct uri *uri,
                            const struct str_list *names)
{
    BUF_AUTO struct buf text = BUF_INIT;

    buf_add_str(&text, uri->path);
    buf_add_str(&text, STR("?"));
    buf_add_str(&text, uri->query);
    for (size_t i = 0; i < names->n; i++) {
        if (i > 0 || uri->query.len > 0)
            buf_add_str(&text, STR("&"));
        buf_add_str(&text, STR("alarmName="));
        uri_encode(&text, names->at[i], false);
    }
    return str_copy(arena, buf_str(&text));
}

static bool open_client(struct alarm_source *source)
{
    struct http_client_config config = {
        .target = source->uri,
        .user_agent = STR("gantry/" GANTRY_VERSION),
    };
    struct str why = STR_NONE;

    if (source->client != NULL)
        return true;
    if (source->uri.scheme == URI_HTTPS && source->tls == NULL &&
        tls_context_client(NULL, true, &source->arena, &why, &source->tls) != 0) {
        note(source, true, why);
        return false;
    }
    config.tls = source->tls;
    source->client = http_client_new(source->loop, &config);
    return true;
}

static void ask_url(struct alarm_source *source, const struct alarms_ask *ask)
{
    struct arena scratch = ARENA_INIT;
    struct asking *asking;
    struct http_call_options options = {
        .method = STR("GET"),
        .connect_ms = PATIENCE_MS,
        .total_ms = PATIENCE_MS,
        .body_max = ANSWER_MAX,
        .handler = &handler,
    };

    if (source->asking_n == ASKING_MAX || !open_client(source))
        return;
    asking = mem_zalloc(sizeof *asking);
    asking->source = source;
    asking->deployment_id = ask->deployment_id;
    list_push_back(&source->asking, &asking->link);
    source->asking_n++;
    options.target = target_of(&scratch, &source->uri, &ask->names);
    options.user = asking;
    asking->call = http_client_send(source->client, &options);
    arena_deinit(&scratch);
}

void alarm_source_ask(struct alarm_source *source, const struct alarms_ask *ask)
{
    if (source->is_url)
        ask_url(source, ask);
    else if (source->where != NULL)
        ask_file(source, ask);
}

// ---- life

struct alarm_source *alarm_source_new(struct loop *loop, const char *where, word_fn *say,
                                      void *user)
{
    struct alarm_source *source = mem_zalloc(sizeof *source);

    source->loop = loop;
    source->say = say;
    source->user = user;
    list_init(&source->asking);
    if (where == NULL)
        return source;
    source->where = str_cstr(&source->arena, str_of(where));
    source->is_url = uri_parse(&source->arena, str_of(source->where), &source->uri);
    return source;
}

void alarm_source_free(struct alarm_source *source)
{
    if (source->client != NULL)
        http_client_free(source->client); // and with it every call
    while (!list_is_empty(&source->asking))
        asking_free(LIST_ENTRY(source->asking.next, struct asking, link));
    tls_context_free(source->tls);
    arena_deinit(&source->arena);
    mem_free(source);
}
