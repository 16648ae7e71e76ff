// See fetch.h. A fetch is a list of values to be filled and the questions still open about them;
// the first that cannot be answered ends it. Values are kept in its memory, are never logged, and
// texts of errors name only what was asked for.

#include "agent/fetch.h"

#include "agent/secret_text.h"
#include "api/aws.h"
#include "api/client.h"
#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/mem.h"
#include "client/credentials.h"
#include "engine/secret_ref.h"
#include "io/clock.h"
#include "io/file.h"
#include "io/loop.h"
#include "shape/walk.h"
#include "wire/codec.h"
#include "wire/crypto.h"
#include "wire/http_client.h"
#include "wire/sigv4.h"
#include "wire/tls.h"

enum {
    BATCH_MAX = 10, // names in one GetParameters
    SECRET_MAX = 64 * 1024,
    FILE_MAX = 1024 * 1024,
    CONNECT_MS = 5 * 1000,
    TOTAL_MS = 30 * 1000,
    HEADERS_MAX = 4 + SIGV4_ADDED,
};

enum service { PARAMETERS, SECRETS, FILES, SERVICES };

struct place {
    const char *name; // of the service in a signature
    struct uri uri;
    struct http_client *client; // NULL: not configured
    struct tls_context *tls;
};

struct fetcher {
    struct fetcher_config config;
    struct arena arena;
    struct crypto *crypto;
    struct credentials own;
    struct place places[SERVICES];
};

struct question {
    struct list in_fetch;
    struct fetch *fetch;
    struct http_call *call;
    enum service service;
    size_t of[BATCH_MAX]; // indices of the values that it is about
    size_t of_n;
};

struct fetch {
    struct fetcher *fetcher;
    struct arena arena;
    const struct host_resource *what;
    struct host_resource_value_list values; // secrets, then files
    struct secret_ref *refs;                // of the secrets
    struct list questions;
    struct loop_job finish;
    struct host_call_error *error;
    fetch_fn *fn;
    void *user;
};

// ---- the services

static void open_place(struct fetcher *f, enum service service, const char *name, struct str url)
{
    struct place *place = &f->places[service];
    const struct agent_config *settings = f->config.settings;
    struct http_client_config client = {0};
    struct str why;

    place->name = name;
    if (url.len == 0 || !uri_parse(&f->arena, str_copy(&f->arena, url), &place->uri)) {
        if (url.len > 0)
            LOG_WARN("agent.bad_endpoint", LOG_CSTR("service", name), LOG_STR("url", url));
        return;
    }
    if (place->uri.scheme == URI_HTTPS && tls_context_client(settings->ca_file, !settings->insecure,
                                                             &f->arena, &why, &place->tls) != 0) {
        LOG_WARN("agent.bad_endpoint", LOG_CSTR("service", name), LOG_STR("reason", why));
        return;
    }
    client.target = place->uri;
    client.tls = place->tls;
    place->client = http_client_new(f->config.loop, &client);
}

struct fetcher *fetcher_new(const struct fetcher_config *config)
{
    struct fetcher *f = mem_zalloc(sizeof *f);
    const struct agent_config *settings = config->settings;

    f->config = *config;
    f->crypto = crypto_new();
    if ((settings->credentials_file == NULL ||
         !credentials_read(&f->arena, settings->credentials_file, STR("default"), &f->own)) &&
        credentials_find(&f->arena, NULL, &f->own) != 0)
        f->own = (struct credentials){0};
    open_place(f, PARAMETERS, "ssm", settings->parameters_endpoint);
    open_place(f, SECRETS, "secretsmanager", settings->secrets_endpoint);
    open_place(f, FILES, "s3", settings->files_endpoint);
    return f;
}

void fetcher_free(struct fetcher *f)
{
    if (f == NULL)
        return;
    for (size_t i = 0; i < SERVICES; i++) {
        if (f->places[i].client != NULL)
            http_client_free(f->places[i].client);
        tls_context_free(f->places[i].tls);
    }
    crypto_free(f->crypto);
    arena_deinit(&f->arena);
    mem_free(f);
}

// ---- the end

static void end_questions(struct fetch *fetch)
{
    LIST_EACH_SAFE (&fetch->questions, it) {
        struct question *question = LIST_ENTRY(it, struct question, in_fetch);

        if (question->call != NULL)
            http_call_cancel(question->call);
        list_remove(&question->in_fetch);
        mem_free(question);
    }
}

void fetch_cancel(struct fetch *fetch)
{
    if (fetch == NULL)
        return;
    end_questions(fetch);
    loop_job_cancel(&fetch->finish);
    arena_deinit(&fetch->arena);
    mem_free(fetch);
}

static void finish(void *user)
{
    struct fetch *fetch = user;

    end_questions(fetch);
    fetch->fn(fetch->user, &fetch->values, fetch->error); // may free it
}

static void fail(struct fetch *fetch, enum host_error_class class, struct str text)
{
    if (fetch->error != NULL)
        return;
    fetch->error = arena_new(&fetch->arena, struct host_call_error);
    SET(fetch->error, class, class);
    SET(fetch->error, text, text);
    loop_defer(fetch->fetcher->config.loop, &fetch->finish);
}

static void finish_when_done(struct fetch *fetch)
{
    if (list_is_empty(&fetch->questions))
        loop_defer(fetch->fetcher->config.loop, &fetch->finish);
}

// ---- what was wrong, in ECS's words

static struct host_resource_value *value_at(struct fetch *fetch, size_t i)
{
    return &fetch->values.at[i];
}

static void fail_about(struct fetch *fetch, enum service service, size_t i,
                       enum host_error_class class, struct str why)
{
    struct arena *arena = &fetch->arena;
    const struct host_resource_value *value = value_at(fetch, i);
    struct str text;

    if (service == PARAMETERS)
        text = str_fmt(arena, "Fetching secret data from SSM Parameter Store in %.*s: %.*s",
                       STR_ARGS(value->region), STR_ARGS(why));
    else if (service == SECRETS)
        text = str_fmt(arena, "Trying to retrieve secret with value %.*s resulted in error: %.*s",
                       STR_ARGS(value->name), STR_ARGS(why));
    else
        text = str_fmt(arena, "Environment file resource: unable to fetch %.*s: %.*s",
                       STR_ARGS(value->name), STR_ARGS(why));
    fail(fetch, class, text);
}

// Of the place of value `i`; `names` with commas between.
static void fail_invalid(struct fetch *fetch, size_t i, struct str names)
{
    fail_about(fetch, PARAMETERS, i, HOST_ERROR_CLASS_NOT_FOUND,
               str_fmt(&fetch->arena, "invalid parameters: %.*s", STR_ARGS(names)));
}

static void fail_missing(struct fetch *fetch, enum service service, size_t i)
{
    struct arena *arena = &fetch->arena;
    struct str why = STR("the file does not exist");

    if (service == PARAMETERS) {
        fail_invalid(fetch, i, value_at(fetch, i)->name);
        return;
    }
    if (service == SECRETS)
        why = str_fmt(arena,
                      "ResourceNotFoundException: The task can't retrieve the secret with ARN "
                      "'%.*s' from AWS Secrets Manager. Check whether the secret exists in the "
                      "specified Region",
                      STR_ARGS(fetch->refs[i].id));
    fail_about(fetch, service, i, HOST_ERROR_CLASS_NOT_FOUND, why);
}

// ---- a value is there

static void set_value(struct fetch *fetch, size_t i, struct str text)
{
    struct host_resource_value *value = value_at(fetch, i);
    struct arena *arena = &fetch->arena;
    bool is_secret = i < fetch->what->secrets.n;

    if (is_secret && fetch->refs[i].json_key.len > 0 &&
        !secret_text_member(arena, text, fetch->refs[i].json_key, &text)) {
        fail(fetch, HOST_ERROR_CLASS_OTHER,
             str_fmt(arena, "Retrieved secret from Secrets Manager did not contain json key %.*s",
                     STR_ARGS(fetch->refs[i].json_key)));
        return;
    }
    if (fetch->what->kind == HOST_RESOURCE_KIND_ASM_AUTH &&
        !secret_text_login(arena, text, &text)) {
        fail_about(fetch, SECRETS, i, HOST_ERROR_CLASS_OTHER,
                   STR("it is not a JSON object with username and password"));
        return;
    }
    SET(value, value, str_copy(arena, text));
}

// ---- the operator's folders

enum found { FOUND, NOT_THERE, CANNOT };

static enum found read_local(struct fetch *fetch, const char *path, size_t limit, struct str *out)
{
    BUF_AUTO struct buf text = BUF_INIT;
    int rc = file_read(path, limit, &text);

    if (rc == -ENOENT || rc == -ENOTDIR)
        return NOT_THERE;
    *out = rc == 0 ? str_copy(&fetch->arena, buf_str(&text))
                   : str_fmt(&fetch->arena, "%s: %s", path, strerrordesc_np(-rc));
    return rc == 0 ? FOUND : CANNOT;
}

// "name", or "name@VERSION" for one that is not the current one.
static const char *secret_path(struct fetch *fetch, struct str name, const struct secret_ref *ref)
{
    struct str stage =
        str_eq(ref->version_stage, STR("AWSCURRENT")) ? STR_NONE : ref->version_stage;
    struct str version = ref->version_id.len > 0 ? ref->version_id : stage;

    return arena_printf(&fetch->arena, "%s/%.*s%s%.*s",
                        fetch->fetcher->config.settings->secrets_dir, STR_ARGS(name),
                        version.len > 0 ? "@" : "", STR_ARGS(version));
}

// The last part of an ARN, with the random ending that the name has been freed of.
static struct str whole_name(const struct secret_ref *ref)
{
    struct str head;
    struct str name;

    return ref->store == SECRET_MANAGER && str_cut_last(ref->id, ':', &head, &name) ? name
                                                                                    : ref->name;
}

static bool is_safe(struct str text)
{
    return text.len == 0 || (secret_name_is_path(text) && !str_has_char(text, '/'));
}

static enum found local_secret(struct fetch *fetch, const struct secret_ref *ref, struct str *out)
{
    enum found found;

    if (fetch->fetcher->config.settings->secrets_dir == NULL ||
        !secret_name_is_path(whole_name(ref)) || !is_safe(ref->version_stage) ||
        !is_safe(ref->version_id))
        return NOT_THERE;
    found = read_local(fetch, secret_path(fetch, ref->name, ref), SECRET_MAX, out);
    if (found == NOT_THERE && !str_eq(ref->name, whole_name(ref)))
        found = read_local(fetch, secret_path(fetch, whole_name(ref), ref), SECRET_MAX, out);
    if (found == FOUND && str_ends(*out, STR("\n")))
        *out = str_take(*out, out->len - 1); // as an editor leaves it
    return found;
}

// "bucket/key" of an ARN. False: none, or one that would leave a folder.
static bool object_of(struct str arn, struct str *out)
{
    static const struct str head = STR_INIT("s3:::");
    struct str partition;
    struct str rest;
    struct str part;

    if (!str_starts(arn, STR("arn:")) || !str_cut(str_from(arn, 4), ':', &partition, &rest) ||
        !str_starts(rest, head))
        return false;
    *out = str_from(rest, head.len);
    rest = *out;
    for (bool more = true; more;) {
        more = str_cut(rest, '/', &part, &rest);
        if (part.len == 0 || str_eq(part, STR(".")) || str_eq(part, STR("..")) ||
            memchr(part.ptr, 0, part.len) != NULL)
            return false;
    }
    return str_has_char(*out, '/');
}

static enum found local_file(struct fetch *fetch, struct str object, struct str *out)
{
    const char *dir = fetch->fetcher->config.settings->env_files_dir;

    if (dir == NULL)
        return NOT_THERE;
    return read_local(fetch, arena_printf(&fetch->arena, "%s/%.*s", dir, STR_ARGS(object)),
                      FILE_MAX, out);
}

// ---- answers of services

static const struct aws_parameter *parameter_of(const struct aws_get_parameters_reply *reply,
                                                struct str id)
{
    for (size_t i = 0; i < reply->parameters.n; i++) {
        const struct aws_parameter *one = &reply->parameters.at[i];

        if (str_eq(one->name, id) || str_eq(one->arn, id))
            return one;
    }
    return NULL;
}

static void take_parameters(struct question *q, struct str body)
{
    struct fetch *fetch = q->fetch;
    struct aws_get_parameters_reply reply = {0};
    struct codec_report report = {0};
    struct str missing = STR_NONE;

    if (codec_decode(&fetch->arena, &aws_get_parameters_reply_shape, body, &codec_peer, &reply,
                     &report) != 0) {
        fail_about(fetch, PARAMETERS, q->of[0], HOST_ERROR_CLASS_OTHER, STR("not an answer"));
        return;
    }
    for (size_t k = 0; k < q->of_n; k++) {
        const struct aws_parameter *found = parameter_of(&reply, fetch->refs[q->of[k]].id);
        struct str name = value_at(fetch, q->of[k])->name;

        if (found != NULL)
            set_value(fetch, q->of[k], found->value);
        else
            missing = missing.len == 0
                          ? name
                          : str_fmt(&fetch->arena, "%.*s,%.*s", STR_ARGS(missing), STR_ARGS(name));
    }
    if (missing.len > 0)
        fail_invalid(fetch, q->of[0], missing);
}

static void take_secret(struct question *q, struct str body)
{
    struct fetch *fetch = q->fetch;
    struct aws_get_secret_value_reply reply = {0};
    struct codec_report report = {0};

    if (codec_decode(&fetch->arena, &aws_get_secret_value_reply_shape, body, &codec_peer, &reply,
                     &report) != 0 ||
        !reply.has.secret_string)
        fail_about(fetch, SECRETS, q->of[0], HOST_ERROR_CLASS_OTHER,
                   STR("the answer has no SecretString"));
    else
        set_value(fetch, q->of[0], reply.secret_string);
}

static void take_refusal(struct question *q, const struct http_answer *answer)
{
    struct fetch *fetch = q->fetch;
    struct client_error_reply error = {0};
    struct codec_report report = {0};
    struct str type;
    struct str head;
    struct str why = str_fmt(&fetch->arena, "status %d", answer->status);
    bool may_pass = answer->status >= 500 || answer->status == 429;

    if (q->service != FILES &&
        codec_decode(&fetch->arena, &client_error_reply_shape, answer->body, &codec_peer, &error,
                     &report) == 0 &&
        error.has.__type) {
        type = str_cut_last(error.__type, '#', &head, &type) ? type : error.__type;
        why = str_fmt(&fetch->arena, "%.*s: %.*s", STR_ARGS(type), STR_ARGS(error.message));
        may_pass |= str_eq(type, STR("ThrottlingException"));
        if (str_eq(type, STR("ResourceNotFoundException"))) {
            fail_missing(fetch, q->service, q->of[0]);
            return;
        }
    }
    if (q->service == FILES && answer->status == 404)
        fail_missing(fetch, FILES, q->of[0]);
    else
        fail_about(fetch, q->service, q->of[0],
                   may_pass ? HOST_ERROR_CLASS_UNREACHABLE : HOST_ERROR_CLASS_DENIED, why);
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct question *q = user;
    struct fetch *fetch = q->fetch;

    (void)call;
    q->call = NULL;
    if (outcome != 0)
        fail_about(fetch, q->service, q->of[0],
                   outcome == HTTP_CLIENT_E_TIMEOUT ? HOST_ERROR_CLASS_TIMEOUT
                                                    : HOST_ERROR_CLASS_UNREACHABLE,
                   str_fmt(&fetch->arena, "%s%s%.*s", http_client_outcome_text(outcome),
                           detail.len > 0 ? ": " : "", STR_ARGS(detail)));
    else if (answer->status != 200)
        take_refusal(q, answer);
    else if (q->service == PARAMETERS)
        take_parameters(q, answer->body);
    else if (q->service == SECRETS)
        take_secret(q, answer->body);
    else
        set_value(fetch, q->of[0], answer->body);
    list_remove(&q->in_fetch);
    mem_free(q);
    finish_when_done(fetch);
}

static const struct http_call_handler handler = {.on_done = on_done};

// ---- questions

// False when the task has an execution role whose credentials nobody knows.
static bool keys_of(struct fetch *fetch, struct sigv4_credentials *out)
{
    const struct fetcher_config *config = &fetch->fetcher->config;
    const struct credentials *own = &fetch->fetcher->own;
    const struct acs_iam_role_credentials *role = NULL;

    *out = (struct sigv4_credentials){own->key_id, own->secret, own->token};
    if (fetch->what->credentials_id.len == 0 || config->role == NULL)
        return true;
    role = config->role(config->user, fetch->what->credentials_id);
    if (role == NULL)
        return false;
    *out = (struct sigv4_credentials){role->access_key_id, role->secret_access_key,
                                      role->session_token};
    return true;
}

static size_t sign(struct fetch *fetch, const struct place *place, struct str region,
                   const struct sigv4_credentials *keys, struct sigv4_request *request,
                   struct http_header *headers)
{
    struct sigv4_scope scope = {
        .region = region, .service = str_of(place->name), .now = clock_wall_ms()};

    if (keys->key_id.len == 0)
        return request->headers_n;
    return request->headers_n + sigv4_sign(fetch->fetcher->crypto, request, keys, &scope,
                                           &fetch->arena, headers + request->headers_n);
}

static void ask(struct question *q, struct str method, struct str path, const char *target,
                struct str region, struct str body)
{
    struct fetch *fetch = q->fetch;
    struct place *place = &fetch->fetcher->places[q->service];
    struct arena *arena = &fetch->arena;
    struct http_header headers[HEADERS_MAX];
    struct sigv4_credentials keys;
    struct sigv4_request request = {.method = method, .path = path, .body = body};
    struct http_call_options options = {
        .method = method,
        .target = uri_encoded(arena, path, true),
        .headers = headers + 1, // the client adds Host itself
        .body = body,
        .connect_ms = CONNECT_MS,
        .total_ms = TOTAL_MS,
        .body_max = FILE_MAX,
        .resend = true,
        .handler = &handler,
        .user = q,
    };

    if (!keys_of(fetch, &keys)) {
        static const char *const heads[] = {"Ssm secret", "ASM secret", "Environment file"};

        fail(fetch, HOST_ERROR_CLASS_DENIED,
             str_fmt(arena, "%s resource: unable to find execution role credentials",
                     heads[q->service]));
        return;
    }
    headers[0] = (struct http_header){STR("Host"), uri_host_header(arena, &place->uri)};
    request.headers_n = 1;
    if (target != NULL) {
        headers[request.headers_n++] =
            (struct http_header){STR("Content-Type"), STR("application/x-amz-json-1.1")};
        headers[request.headers_n++] = (struct http_header){STR("X-Amz-Target"), str_of(target)};
    } else {
        headers[request.headers_n++] =
            (struct http_header){STR("X-Amz-Content-Sha256"),
                                 STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852"
                                     "b855")}; // of no bytes
    }
    request.headers = headers;
    options.headers_n = sign(fetch, place, region, &keys, &request, headers) - 1;
    q->call = http_client_send(place->client, &options);
}

static struct question *new_question(struct fetch *fetch, enum service service)
{
    struct question *q = mem_zalloc(sizeof *q);

    q->fetch = fetch;
    q->service = service;
    list_push_back(&fetch->questions, &q->in_fetch);
    return q;
}

// One with room that asks in the same region.
static struct question *question_for(struct fetch *fetch, struct str region)
{
    LIST_EACH (&fetch->questions, it) {
        struct question *q = LIST_ENTRY(it, struct question, in_fetch);

        if (q->service == PARAMETERS && q->of_n < BATCH_MAX &&
            str_eq(value_at(fetch, q->of[0])->region, region))
            return q;
    }
    return new_question(fetch, PARAMETERS);
}

static void ask_parameters(struct question *q)
{
    struct fetch *fetch = q->fetch;
    struct aws_get_parameters_request request = {0};
    BUF_AUTO struct buf body = BUF_INIT;

    request.names.at = arena_array(&fetch->arena, struct str, q->of_n);
    request.has.names = true;
    for (size_t k = 0; k < q->of_n; k++)
        request.names.at[request.names.n++] = fetch->refs[q->of[k]].id;
    SET(&request, with_decryption, true);
    codec_encode(&body, &aws_get_parameters_request_shape, &request);
    ask(q, STR("POST"), STR("/"), "AmazonSSM.GetParameters", value_at(fetch, q->of[0])->region,
        str_copy(&fetch->arena, buf_str(&body)));
}

static void ask_secret(struct question *q)
{
    struct fetch *fetch = q->fetch;
    const struct secret_ref *ref = &fetch->refs[q->of[0]];
    struct aws_get_secret_value_request request = {0};
    BUF_AUTO struct buf body = BUF_INIT;

    SET(&request, secret_id, ref->id);
    if (ref->version_id.len > 0)
        SET(&request, version_id, ref->version_id);
    if (ref->version_stage.len > 0)
        SET(&request, version_stage, ref->version_stage);
    codec_encode(&body, &aws_get_secret_value_request_shape, &request);
    ask(q, STR("POST"), STR("/"), "secretsmanager.GetSecretValue",
        value_at(fetch, q->of[0])->region, str_copy(&fetch->arena, buf_str(&body)));
}

static void ask_file(struct question *q)
{
    struct fetch *fetch = q->fetch;
    struct str object = STR_NONE;
    bool is_good = object_of(value_at(fetch, q->of[0])->name, &object);

    ASSERT(is_good);
    ask(q, STR("GET"), str_fmt(&fetch->arena, "/%.*s", STR_ARGS(object)), NULL,
        fetch->fetcher->config.settings->region, STR_NONE);
}

static void ask_all(struct fetch *fetch)
{
    LIST_EACH (&fetch->questions, it) {
        struct question *q = LIST_ENTRY(it, struct question, in_fetch);

        if (fetch->error != NULL)
            return;
        if (q->service == PARAMETERS)
            ask_parameters(q);
        else if (q->service == SECRETS)
            ask_secret(q);
        else
            ask_file(q);
    }
}

// ---- the beginning

// What is not at hand becomes a question, if there is anybody to be asked.
static void settle(struct fetch *fetch, size_t i, enum service service, enum found found,
                   struct str text)
{
    struct question *q;

    if (found == FOUND) {
        set_value(fetch, i, text);
    } else if (found == CANNOT) {
        fail_about(fetch, service, i, HOST_ERROR_CLASS_OTHER, text);
    } else if (fetch->fetcher->places[service].client == NULL) {
        fail_missing(fetch, service, i);
    } else {
        q = service == PARAMETERS ? question_for(fetch, value_at(fetch, i)->region)
                                  : new_question(fetch, service);
        q->of[q->of_n++] = i;
    }
}

static void begin_secret(struct fetch *fetch, size_t i)
{
    const struct host_secret_name *secret = &fetch->what->secrets.at[i];
    bool is_parameter = secret->provider != ACS_SECRET_PROVIDER_ASM;
    enum service service = is_parameter ? PARAMETERS : SECRETS;
    struct host_resource_value *value = value_at(fetch, i);
    struct secret_ref *ref = &fetch->refs[i];
    struct str text = STR_NONE;

    SET(value, name, secret->value_from);
    SET(value, region, secret->region);
    if (secret_ref_read(is_parameter ? SECRET_PARAMETER : SECRET_MANAGER, secret->value_from,
                        ref) == 0) {
        settle(fetch, i, service, local_secret(fetch, ref, &text), text);
        return;
    }
    if (is_parameter || fetch->what->kind != HOST_RESOURCE_KIND_ASM_AUTH) {
        fail_about(fetch, service, i, HOST_ERROR_CLASS_OTHER, STR("it is not a reference"));
        return;
    }
    ref->id = secret->value_from; // a registry's login may be named without an ARN
    ref->name = secret->value_from;
    settle(fetch, i, service, local_secret(fetch, ref, &text), text);
}

static void begin_file(struct fetch *fetch, size_t i, struct str arn)
{
    struct host_resource_value *value = value_at(fetch, i);
    struct str text = STR_NONE;
    struct str object;

    SET(value, name, arn);
    if (!object_of(arn, &object))
        fail_about(fetch, FILES, i, HOST_ERROR_CLASS_OTHER, STR("it is not the ARN of an object"));
    else
        settle(fetch, i, FILES, local_file(fetch, object, &text), text);
}

struct fetch *fetch_start(struct fetcher *fetcher, const struct host_resource *what, fetch_fn *fn,
                          void *user)
{
    struct fetch *fetch = mem_zalloc(sizeof *fetch);
    size_t secrets_n = what->secrets.n;

    fetch->fetcher = fetcher;
    fetch->what = shape_copy(&fetch->arena, &host_resource_shape, what);
    fetch->fn = fn;
    fetch->user = user;
    list_init(&fetch->questions);
    loop_job_init(&fetch->finish, finish, fetch);
    fetch->values.n = secrets_n + what->files.n;
    fetch->values.at = arena_array(&fetch->arena, struct host_resource_value, fetch->values.n);
    fetch->refs = arena_array(&fetch->arena, struct secret_ref, secrets_n);
    for (size_t i = 0; i < secrets_n; i++)
        begin_secret(fetch, i);
    for (size_t i = 0; i < what->files.n; i++)
        begin_file(fetch, secrets_n + i, fetch->what->files.at[i]);
    ask_all(fetch);
    finish_when_done(fetch);
    return fetch;
}
