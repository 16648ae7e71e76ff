// TLS end to end: our server, our client, certificates made on the spot.

#include "wire/tls.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/mem.h"
#include "wire/wire_world.h"
#include "wire/ws.h"

struct test {
    struct wire_world world;
    struct tls_context *server_tls;
    struct tls_context *client_tls;
    char folder[64];
    const char *cert_path;
    const char *key_path;
    int dones;
    int outcome;
    int failures;
    int messages;
    int closes;
    struct buf body;
    struct buf detail;
    struct ws *server_ws;
    struct ws *client_ws;
};

static void write_pem(const char *path, EVP_PKEY *key, X509 *cert)
{
    FILE *file = fopen(path, "w");

    assert_non_null(file);
    if (cert != NULL)
        assert_int_equal(PEM_write_X509(file, cert), 1);
    else
        assert_int_equal(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL), 1);
    fclose(file);
}

// A certificate that signs itself, for the one alternative name.
static void make_certificate(const char *cert_path, const char *key_path, const char *alt_name)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    X509_NAME *name = X509_get_subject_name(cert);
    X509_EXTENSION *alt = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, alt_name);

    X509_set_version(cert, X509_VERSION_3);
    ASN1_INTEGER_set(X509_get_serialNumber(cert), 1);
    X509_gmtime_adj(X509_getm_notBefore(cert), -3600);
    X509_gmtime_adj(X509_getm_notAfter(cert), 3600);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(cert, name);
    X509_set_pubkey(cert, key);
    X509_add_ext(cert, alt, -1);
    assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
    write_pem(cert_path, key, cert);
    write_pem(key_path, key, NULL);
    X509_EXTENSION_free(alt);
    X509_free(cert);
    EVP_PKEY_free(key);
}

static void on_message(void *user, struct str bytes, bool is_text)
{
    struct test *test = user;

    (void)is_text;
    test->messages++;
    buf_add_str(&test->body, bytes);
}

static void on_ws_close(void *user, int code, struct str reason)
{
    struct test *test = user;

    (void)code;
    (void)reason;
    test->closes++;
}

static const struct ws_handler ws_handler = {.on_message = on_message, .on_close = on_ws_close};

static void on_request(void *user, struct http_exchange *exchange,
                       const struct http_request *request)
{
    struct test *test = user;
    struct http_response response = {.status = 200, .body = request->body};
    struct ws_options options = {.handler = &ws_handler, .user = test};

    if (!request->wants_websocket) {
        http_reply(exchange, &response);
        return;
    }
    assert_int_equal(ws_accept(exchange, &options, &test->server_ws), 0);
    assert_int_equal(ws_send_text(test->server_ws, STR("over tls")), 0);
}

static const struct http_server_handler http_handler = {.on_request = on_request};

static int setup(void **state)
{
    static struct test test;
    struct str detail;

    test = (struct test){.folder = "/tmp/tls_test.XXXXXX"};
    *state = &test;
    if (mkdtemp(test.folder) == NULL || loop_open(&test.world.loop) != 0)
        return -1;
    test.cert_path = arena_printf(&test.world.arena, "%s/cert.pem", test.folder);
    test.key_path = arena_printf(&test.world.arena, "%s/key.pem", test.folder);
    make_certificate(test.cert_path, test.key_path, "IP:127.0.0.1");
    assert_int_equal(tls_context_server(test.cert_path, test.key_path, &test.world.arena, &detail,
                                        &test.server_tls),
                     0);
    world_listen(&test.world, &http_handler, &test, test.server_tls);
    return 0;
}

static int teardown(void **state)
{
    struct test *test = *state;

    ws_abort(test->client_ws);
    if (test->closes == 0)
        ws_abort(test->server_ws);
    unlink(test->cert_path);
    unlink(test->key_path);
    rmdir(test->folder);
    world_close(&test->world);
    tls_context_free(test->server_tls);
    tls_context_free(test->client_tls);
    buf_deinit(&test->body);
    buf_deinit(&test->detail);
    return 0;
}

static void trust(struct test *test, const char *ca_path, bool verify, const char *scheme)
{
    struct str detail;

    assert_int_equal(
        tls_context_client(ca_path, verify, &test->world.arena, &detail, &test->client_tls), 0);
    world_dial(&test->world, scheme, test->client_tls);
}

static void on_done(void *user, struct http_call *call, int outcome,
                    const struct http_answer *answer, struct str detail)
{
    struct test *test = user;

    (void)call;
    test->dones++;
    test->outcome = outcome;
    if (answer != NULL)
        buf_add_str(&test->body, answer->body);
    buf_add_str(&test->detail, detail);
}

static int post(struct test *test, struct str body)
{
    static const struct http_call_handler handler = {.on_done = on_done};
    struct http_call_options options = {
        .method = STR("POST"), .target = STR("/"), .body = body, .handler = &handler, .user = test};
    int before = test->dones;

    http_client_send(test->world.client, &options);
    WAIT_FOR(&test->world, test->dones, before + 1);
    return test->outcome;
}

static void a_trusted_certificate_carries_calls(void **state)
{
    struct test *test = *state;

    trust(test, test->cert_path, true, "https");
    assert_int_equal(post(test, STR("hello")), 0);
    assert_int_equal(post(test, STR(" again")), 0);
    EXPECT_STR(buf_str(&test->body), "hello again");
    assert_int_equal(http_server_stats(test->world.server).accepted, 1);
}

static void large_bodies_pass_both_ways(void **state)
{
    struct test *test = *state;
    char *large = arena_alloc(&test->world.arena, 1000000);

    memset(large, 'x', 1000000);
    trust(test, test->cert_path, true, "https");
    assert_int_equal(post(test, str_span(large, 1000000)), 0);
    assert_int_equal(buf_len(&test->body), 1000000);
}

static void an_unknown_certificate_is_refused(void **state)
{
    struct test *test = *state;

    trust(test, NULL, true, "https");
    assert_int_equal(post(test, STR("secret")), HTTP_CLIENT_E_TLS);
    assert_true(buf_len(&test->detail) > 0);
    assert_int_equal(http_server_stats(test->world.server).requests, 0);
}

static void a_certificate_for_another_name_is_refused(void **state)
{
    struct test *test = *state;
    struct tls_context *other = NULL;
    struct str detail;

    http_server_free(test->world.server);
    make_certificate(test->cert_path, test->key_path, "IP:127.0.0.2,DNS:other.test");
    assert_int_equal(
        tls_context_server(test->cert_path, test->key_path, &test->world.arena, &detail, &other),
        0);
    tls_context_free(test->server_tls);
    test->server_tls = other;
    world_listen(&test->world, &http_handler, test, other);
    trust(test, test->cert_path, true, "https");
    assert_int_equal(post(test, STR("secret")), HTTP_CLIENT_E_TLS);
    assert_int_equal(http_server_stats(test->world.server).requests, 0);
}

static void not_verifying_accepts_anything(void **state)
{
    struct test *test = *state;

    trust(test, NULL, false, "https");
    assert_int_equal(post(test, STR("x")), 0);
}

static void plain_bytes_on_a_tls_port_end_at_once(void **state)
{
    struct test *test = *state;

    world_dial(&test->world, "http", NULL);
    assert_int_equal(post(test, STR("x")) != 0, 1);
    assert_int_equal(http_server_stats(test->world.server).requests, 0);
}

static void on_open(void *user, struct ws *ws)
{
    ((struct test *)user)->client_ws = ws;
}

static void on_failed(void *user, int outcome, const struct http_answer *answer, struct str detail)
{
    (void)outcome;
    (void)answer;
    (void)detail;
    ((struct test *)user)->failures++;
}

static void websockets_run_over_it(void **state)
{
    static const struct ws_dial_handler handler = {.on_open = on_open, .on_failed = on_failed};
    struct test *test = *state;
    struct ws_dial_options options = {.target = STR("/ws"),
                                      .ws = {.handler = &ws_handler, .user = test},
                                      .handler = &handler,
                                      .user = test};

    trust(test, test->cert_path, true, "wss");
    ws_dial(test->world.client, &options);
    WAIT_FOR(&test->world, test->messages, 1);
    EXPECT_STR(buf_str(&test->body), "over tls");
    assert_int_equal(test->failures, 0);
}

static void bad_files_are_told_apart(void **state)
{
    struct test *test = *state;
    struct arena *arena = &test->world.arena;
    struct tls_context *context;
    struct str detail;

    assert_int_equal(tls_context_server("/nonexistent", test->key_path, arena, &detail, &context),
                     TLS_E_CERTIFICATE);
    assert_true(detail.len > 0);
    assert_int_equal(tls_context_server(test->cert_path, "/nonexistent", arena, &detail, &context),
                     TLS_E_KEY);
    assert_int_equal(tls_context_server(test->cert_path, test->cert_path, arena, &detail, &context),
                     TLS_E_KEY);
    assert_int_equal(tls_context_client("/nonexistent", true, arena, &detail, &context), TLS_E_CA);
    assert_int_equal(tls_context_client(test->key_path, true, arena, &detail, &context), TLS_E_CA);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_trusted_certificate_carries_calls),
        CASE(large_bodies_pass_both_ways),
        CASE(an_unknown_certificate_is_refused),
        CASE(a_certificate_for_another_name_is_refused),
        CASE(not_verifying_accepts_anything),
        CASE(plain_bytes_on_a_tls_port_end_at_once),
        CASE(websockets_run_over_it),
        CASE(bad_files_are_told_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
