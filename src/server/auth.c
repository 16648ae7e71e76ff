// See auth.h. The loop's thread only.

#include "server/auth.h"

#include "base/mem.h"
#include "server/credentials.h"
#include "wire/http_server.h"

struct auth {
    struct arena arena; // of the config's texts
    struct auth_config config;
    struct credentials *credentials; // NULL without authentication
    struct sigv4 *sigv4;             // likewise
    struct sigv4 *plugin_sigv4;      // likewise
    struct str root_arn;
};

static enum sigv4_key_state look_up(void *user, struct str key_id, struct str token, bool has_token,
                                    struct str *out_secret)
{
    const struct auth *auth = user;
    const struct credential *credential = credentials_of_key(auth->credentials, key_id);

    if (credential == NULL || has_token != (credential->token.len > 0) ||
        !str_eq(token, credential->token))
        return SIGV4_KEY_UNKNOWN;
    *out_secret = credential->secret;
    return SIGV4_KEY_KNOWN;
}

static int load(struct auth *auth, struct arena *arena, struct str *out_detail,
                struct credentials **out)
{
    int outcome = credentials_load(auth->config.credentials_path, auth->config.partition,
                                   auth->config.account, arena, out_detail, out);

    if (outcome < 0)
        *out_detail = str_of(strerrordesc_np(-outcome));
    return outcome != 0 ? AUTH_E_CREDENTIALS : 0;
}

int auth_new(const struct auth_config *config, struct arena *arena, struct str *out_detail,
             struct auth **out)
{
    struct auth *auth = mem_zalloc(sizeof *auth);
    struct sigv4_config sigv4_config = {.service = STR("ecs"), .lookup = look_up, .user = auth};

    auth->config = *config;
    auth->config.credentials_path = str_cstr(&auth->arena, str_of(config->credentials_path));
    auth->config.partition = str_copy(&auth->arena, config->partition);
    auth->config.account = str_copy(&auth->arena, config->account);
    auth->config.region = str_copy(&auth->arena, config->region);
    auth->root_arn = str_fmt(&auth->arena, "arn:%.*s:iam::%.*s:root", STR_ARGS(config->partition),
                             STR_ARGS(config->account));
    if (config->mode == SERVER_AUTH_SIGV4) {
        int outcome = load(auth, arena, out_detail, &auth->credentials);
        if (outcome != 0) {
            auth_free(auth);
            return outcome;
        }
        auth->sigv4 = sigv4_new(&sigv4_config);
        sigv4_config.service = STR("ssm");
        auth->plugin_sigv4 = sigv4_new(&sigv4_config);
    }
    *out = auth;
    return 0;
}

void auth_free(struct auth *auth)
{
    if (auth == NULL)
        return;
    if (auth->sigv4 != NULL)
        sigv4_free(auth->sigv4);
    if (auth->plugin_sigv4 != NULL)
        sigv4_free(auth->plugin_sigv4);
    credentials_free(auth->credentials);
    arena_deinit(&auth->arena);
    mem_free(auth);
}

int auth_reload(struct auth *auth, struct arena *arena, struct str *out_detail)
{
    struct credentials *before = auth->credentials;
    int outcome;

    if (before == NULL)
        return 0;
    outcome = load(auth, arena, out_detail, &auth->credentials);
    if (outcome != 0)
        return outcome;
    for (const struct credential *c = before->first; c != NULL; c = c->next) {
        sigv4_forget(auth->sigv4, c->key_id);
        sigv4_forget(auth->plugin_sigv4, c->key_id);
    }
    credentials_free(before);
    return 0;
}

static struct sigv4_request signed_part(const struct http_request *request)
{
    return (struct sigv4_request){
        .method = request->method,
        .path = request->path,
        .query = request->query,
        .headers = request->headers,
        .headers_n = request->headers_n,
        .body = request->body,
    };
}

// Regions become parts of ARNs, so not everything that can be signed with is one.
static bool is_region(struct str region)
{
    for (size_t i = 0; i < region.len; i++) {
        char c = region.ptr[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-')
            return false;
    }
    return region.len > 0 && region.len <= 32;
}

static void claim(const struct auth *auth, const struct sigv4_request *request, struct arena *arena,
                  struct caller *out)
{
    struct sigv4_caller claimed = {0};

    if (!sigv4_claim(request, arena, &claimed) || !is_region(claimed.region))
        claimed.region = auth->config.region;
    *out = (struct caller){
        .region = claimed.region,
        .principal_arn = auth->root_arn,
        .access_key = claimed.key_id,
    };
}

static int check(struct auth *auth, struct sigv4 *sigv4, const struct http_request *request,
                 time_ms now, struct arena *arena, struct caller *out,
                 struct sigv4_error *out_error)
{
    struct sigv4_request checked = signed_part(request);
    struct sigv4_caller caller;

    if (sigv4 == NULL) {
        claim(auth, &checked, arena, out);
        return 0;
    }
    if (sigv4_verify(sigv4, &checked, now, arena, &caller, out_error) != 0)
        return AUTH_E_REJECTED;
    if (!is_region(caller.region)) {
        *out_error = (struct sigv4_error){
            .type = STR("InvalidSignatureException"),
            .message = str_fmt(arena, "Credential should be scoped to a valid region, not '%.*s'. ",
                               STR_ARGS(caller.region)),
        };
        return AUTH_E_REJECTED;
    }
    // The file may be read again before this call is decided, so nothing of it is pointed at.
    *out = (struct caller){
        .region = caller.region,
        .principal_arn =
            str_copy(arena, credentials_of_key(auth->credentials, caller.key_id)->principal_arn),
        .access_key = caller.key_id,
    };
    return 0;
}

int auth_check(struct auth *auth, const struct http_request *request, time_ms now,
               struct arena *arena, struct caller *out, struct sigv4_error *out_error)
{
    return check(auth, auth->sigv4, request, now, arena, out, out_error);
}

int auth_check_plugin(struct auth *auth, const struct http_request *request, time_ms now,
                      struct arena *arena, struct caller *out, struct sigv4_error *out_error)
{
    return check(auth, auth->plugin_sigv4, request, now, arena, out, out_error);
}
