// Input: a line that is a plan of pieces (fuzz.h), then what a container sends to the agent's local
// server. The container is one of two of a task on the host's network that allows faults; it knows
// its ids ("eid", "cid").
//
// However the bytes are cut, the same answers come back. Every answer is JSON, one of the plain
// sentences, or empty. A fault's script holds no character that the host's tools would read as more
// than a word. In the end nothing is left.

#include <jansson.h>

#include "agent/meta_faults.h"
#include "agent/meta_server.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "fake_net.h"
#include "fuzz.h"
#include "io/loop.h"
#include "wire/codec.h"
#include "wire/http_session.h"

struct host {
    struct arena arena;
    struct loop *loop;
    struct engine_view views[2];
    struct loop_job script_end;
    void (*script_done)(void *user, int status);
    void *script_user;
};

static struct engine_view_list views(void *user, struct arena *arena)
{
    struct host *host = user;

    (void)arena;
    return (struct engine_view_list){.n = 2, .at = host->views};
}

static bool sample(void *user, struct str runtime_id, struct meter_sample *out)
{
    (void)user;
    *out = (struct meter_sample){.json = STR("{\"read\":1}"), .has_rates = true};
    return str_eq(runtime_id, STR("rid"));
}

// ---- faults

static void end_script(void *user)
{
    struct host *host = user;
    void (*done)(void *, int) = host->script_done;

    host->script_done = NULL;
    done(host->script_user, 0);
}

// What a container sends becomes numbers and addresses, which stand behind these words.
static void check_words(struct str script)
{
    static const char *const before[] = {"saddr ", "daddr ", " ip dst ", " ip6 dst ",
                                         "dport ", "delay ", "loss "};

    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct str rest = script;
        const char *at;

        while ((at = memmem(rest.ptr, rest.len, before[i], strlen(before[i]))) != NULL) {
            rest = str_from(rest, (size_t)(at - rest.ptr) + strlen(before[i]));
            ASSERT(rest.len > 0 && strspn(rest.ptr, "0123456789abcdef.:/") > 0);
            ASSERT_SAY(str_has_char(STR(" m%"), rest.ptr[strspn(rest.ptr, "0123456789abcdef.:/")]),
                       "%.*s", STR_ARGS(script));
        }
    }
}

static void *run_script(void *user, struct str script, int32_t pid, int64_t patience_ms,
                        void (*done)(void *user, int status), void *done_user)
{
    struct host *host = user;
    struct arena scratch = ARENA_INIT;

    (void)patience_ms;
    ASSERT(pid == 0);
    check_words(str_copy(&scratch, script));
    arena_deinit(&scratch);
    if (host->script_done != NULL) { // one at a time is enough here
        loop_job_cancel(&host->script_end);
        end_script(host);
    }
    host->script_done = done;
    host->script_user = done_user;
    loop_defer(host->loop, &host->script_end);
    return host;
}

static void cancel_script(void *user, void *run)
{
    (void)run;
    loop_job_cancel(&((struct host *)user)->script_end);
}

// ---- the host

static void make_views(struct host *host)
{
    static const char task_json[] =
        "{\"arn\":\"arn:t/1\",\"networkMode\":\"host\",\"enableFaultInjection\":true,"
        "\"containers\":[{\"name\":\"a\",\"image\":\"i\"},{\"name\":\"b\",\"image\":\"i\"}]}";
    struct acs_task *task = arena_new(&host->arena, struct acs_task);
    struct codec_report report = {0};
    int outcome =
        codec_decode(&host->arena, &acs_task_shape, str_of(task_json), &codec_peer, task, &report);

    ASSERT(outcome == 0);
    for (int i = 0; i < 2; i++)
        host->views[i] = (struct engine_view){
            .task_arn = task->arn,
            .container = task->containers.at[i].name,
            .runtime_id = i == 0 ? STR("rid") : STR_NONE,
            .network_mode = task->network_mode,
            .task_status = HOST_TASK_STATUS_RUNNING,
            .task_desired = HOST_TASK_STATUS_RUNNING,
            .status = HOST_CONTAINER_STATUS_RUNNING,
            .desired = HOST_CONTAINER_STATUS_RUNNING,
            .endpoint_id = i == 0 ? STR("eid") : STR("eid2"),
            .role_credentials = STR("cid"),
            .execution_credentials = STR("late"),
            .task = task,
            .spec = &task->containers.at[i],
        };
}

static void give_keys(struct meta_keys *keys)
{
    struct acs_iam_role_credentials value = {0};

    SET(&value, credentials_id, STR("cid"));
    SET(&value, role_arn, STR("arn:r"));
    SET(&value, access_key_id, STR("ASIA"));
    SET(&value, secret_access_key, STR("s"));
    SET(&value, session_token, STR("t"));
    meta_keys_put(keys, STR("arn:t/1"), ACS_ROLE_TYPE_TASKAPPLICATION, &value);
}

// ---- a run

static void serve(struct buf *out, struct fuzz_cutter cutter, bool is_person)
{
    static const struct socket_address nobody;
    struct host host = {.loop = fake_net_begin()};
    struct agent_config agent = {
        .endpoint = STR("unix:///nowhere"),
        .region = STR("us-east-1"),
        .audit_disabled = true,
        .metadata_rate = 40,
        .metadata_burst = 60,
        .engine = {.cluster = STR("c")},
    };
    struct str why;
    struct meta_config config = {
        .loop = host.loop,
        .api = api_new(host.loop, &agent, &host.arena, &why),
        .config = &agent,
        .keys = meta_keys_new(),
        .faults = meta_faults_new(&(struct meta_faults_runner){
            .run = run_script, .cancel = cancel_script, .user = &host}),
        .source = {.views = views, .sample = sample, .user = &host},
    };
    struct meta_server *server = meta_server_new(&config);
    struct conn *client;
    struct str piece;

    buf_clear(out);
    loop_job_init(&host.script_end, end_script, &host);
    make_views(&host);
    give_keys((struct meta_keys *)(uintptr_t)config.keys);
    http_session_new(meta_server_http(server, is_person), -1, &nobody, NULL);
    client = fake_net_newest();
    while (fuzz_cut(&cutter, &piece)) {
        fake_peer_sends(client, piece);
        fake_net_run();
    }
    fake_peer_ends(client);
    fake_net_run();
    fake_net_advance(10 * 60 * 1000);
    buf_add_str(out, fake_peer_got(client));
    meta_server_free(server);
    meta_faults_free(config.faults);
    meta_keys_free((struct meta_keys *)(uintptr_t)config.keys);
    api_free(config.api);
    fake_net_run();
    ASSERT(fake_net_is_quiet());
    arena_deinit(&host.arena);
}

// ---- the answers

static bool is_json(struct str body)
{
    json_t *value = json_loadb(body.ptr, body.len, JSON_DECODE_ANY, NULL);

    json_decref(value);
    return value != NULL;
}

static struct str header_of(struct str head, const char *name)
{
    const char *at = memmem(head.ptr, head.len, name, strlen(name));
    struct str line;
    struct str rest;

    if (at == NULL)
        return STR_NONE;
    str_cut(str_from(head, (size_t)(at - head.ptr) + strlen(name)), '\r', &line, &rest);
    return line;
}

// Answers without a body are those to HEAD, moved ones and refused methods.
static void check_answers(struct str sent)
{
    while (sent.len > 0) {
        const char *end = memmem(sent.ptr, sent.len, "\r\n\r\n", 4);
        struct str head;
        struct str body;
        int64_t length = 0;

        ASSERT(end != NULL);
        head = str_take(sent, (size_t)(end - sent.ptr) + 2);
        sent = str_from(sent, head.len + 2);
        if (!str_to_i64(header_of(head, "Content-Length: "), &length))
            continue; // "100 Continue"
        if ((size_t)length > sent.len || str_starts(sent, STR("HTTP/1.1 ")))
            continue;
        body = str_take(sent, (size_t)length);
        sent = str_from(sent, body.len);
        if (str_eq(header_of(head, "Content-Type: "), STR("application/json")))
            ASSERT_SAY(is_json(body), "%.*s", STR_ARGS(body));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct buf whole;
    static struct buf pieces;
    struct str bytes = fuzz_text(data, size);
    struct str plan = fuzz_line(&bytes);
    bool is_person = str_starts(plan, STR("p"));

    serve(&pieces, (struct fuzz_cutter){.plan = plan, .rest = bytes}, is_person);
    serve(&whole, (struct fuzz_cutter){.plan = STR("*"), .rest = bytes}, is_person);
    check_answers(buf_str(&whole));
    ASSERT_SAY(str_eq(buf_str(&whole), buf_str(&pieces)), "whole:\n%.*s\npieces:\n%.*s",
               STR_ARGS(buf_str(&whole)), STR_ARGS(buf_str(&pieces)));
    return 0;
}
