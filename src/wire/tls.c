// See tls.h. The session reads and writes its descriptor itself (SSL_set_fd): one copy fewer than
// memory BIOs, and the loop's readiness is all it needs.

#include "wire/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/mem.h"
#include "io/socket.h"

struct tls_context {
    SSL_CTX *ctx;
    bool is_server;
    bool verify;
};

struct tls {
    SSL *ssl;
    unsigned long error; // of the last BROKEN
};

static struct str library_text(struct arena *arena, unsigned long error)
{
    const char *reason = ERR_SYSTEM_ERROR(error) ? strerrordesc_np(ERR_GET_REASON(error))
                                                 : ERR_reason_error_string(error);

    return reason != NULL ? str_copy(arena, str_of(reason)) : STR_NONE;
}

// Takes the first error queued and forgets the rest, which only tell the way it took.
static struct str take_error(struct arena *arena)
{
    unsigned long error = ERR_peek_error();

    ERR_clear_error();
    return library_text(arena, error);
}

static struct tls_context *context_new(const SSL_METHOD *method, bool is_server)
{
    struct tls_context *context = mem_zalloc(sizeof *context);

    context->ctx = SSL_CTX_new(method);
    ASSERT(context->ctx != NULL);
    context->is_server = is_server;
    SSL_CTX_set_min_proto_version(context->ctx, TLS1_2_VERSION);
    SSL_CTX_set_options(context->ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION);
    // One read(2) takes a record with its head, and all that is behind it.
    SSL_CTX_set_read_ahead(context->ctx, 1);
    // Our output buffer may move and grow between two tries; idle sessions give their 32 KiB back.
    SSL_CTX_set_mode(context->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE |
                                       SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                       SSL_MODE_RELEASE_BUFFERS);
    return context;
}

void tls_context_free(struct tls_context *context)
{
    if (context == NULL)
        return;
    SSL_CTX_free(context->ctx);
    mem_free(context);
}

int tls_context_server(const char *cert_path, const char *key_path, struct arena *arena,
                       struct str *out_detail, struct tls_context **out)
{
    struct tls_context *context = context_new(TLS_server_method(), true);
    int outcome = 0;

    // Clients that leave without a close notice are common; HTTP's lengths tell a cut from an end.
    SSL_CTX_set_options(context->ctx, SSL_OP_IGNORE_UNEXPECTED_EOF);
    ERR_clear_error();
    if (SSL_CTX_use_certificate_chain_file(context->ctx, cert_path) != 1)
        outcome = TLS_E_CERTIFICATE;
    else if (SSL_CTX_use_PrivateKey_file(context->ctx, key_path, SSL_FILETYPE_PEM) != 1 ||
             SSL_CTX_check_private_key(context->ctx) != 1)
        outcome = TLS_E_KEY;
    if (outcome != 0) {
        *out_detail = take_error(arena);
        tls_context_free(context);
        return outcome;
    }
    *out = context;
    return 0;
}

int tls_context_client(const char *ca_path, bool verify, struct arena *arena,
                       struct str *out_detail, struct tls_context **out)
{
    struct tls_context *context = context_new(TLS_client_method(), false);
    int loaded = 1;

    ERR_clear_error();
    context->verify = verify;
    SSL_CTX_set_verify(context->ctx, verify ? SSL_VERIFY_PEER : SSL_VERIFY_NONE, NULL);
    if (ca_path != NULL)
        loaded = SSL_CTX_load_verify_file(context->ctx, ca_path);
    else if (verify)
        loaded = SSL_CTX_set_default_verify_paths(context->ctx);
    if (loaded != 1) {
        *out_detail = take_error(arena);
        tls_context_free(context);
        return TLS_E_CA;
    }
    *out = context;
    return 0;
}

// Whom the certificate must name; an address is compared with its address entries.
static void set_host(struct tls_context *context, SSL *ssl, struct str host)
{
    struct arena scratch = ARENA_INIT;
    const char *name = str_cstr(&scratch, host);
    struct socket_address ignored;
    bool is_address =
        socket_address_ip(host, 0, &ignored) && !str_eq_nocase(host, STR("localhost"));

    if (!is_address)
        SSL_set_tlsext_host_name(ssl, name);
    if (context->verify && is_address)
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), name);
    else if (context->verify)
        SSL_set1_host(ssl, name);
    arena_deinit(&scratch);
}

struct tls *tls_new(struct tls_context *context, int fd, struct str host)
{
    struct tls *tls = mem_zalloc(sizeof *tls);

    tls->ssl = SSL_new(context->ctx);
    ASSERT(tls->ssl != NULL);
    ASSERT(SSL_set_fd(tls->ssl, fd) == 1);
    if (context->is_server) {
        SSL_set_accept_state(tls->ssl);
    } else {
        SSL_set_connect_state(tls->ssl);
        if (host.len > 0)
            set_host(context, tls->ssl, host);
    }
    return tls;
}

void tls_free(struct tls *tls)
{
    if (tls == NULL)
        return;
    SSL_free(tls->ssl);
    mem_free(tls);
}

// OpenSSL's error queue is a thread's, so each call starts by emptying it: an old entry would be
// taken for a failure of this session.
static enum tls_result result_of(struct tls *tls, int returned)
{
    if (returned == 1)
        return TLS_OK;
    switch (SSL_get_error(tls->ssl, returned)) {
    case SSL_ERROR_WANT_READ: return TLS_WANT_READ;
    case SSL_ERROR_WANT_WRITE: return TLS_WANT_WRITE;
    case SSL_ERROR_ZERO_RETURN: return TLS_EOF;
    default:
        tls->error = ERR_peek_error();
        ERR_clear_error();
        return TLS_BROKEN;
    }
}

enum tls_result tls_handshake(struct tls *tls)
{
    ERR_clear_error();
    return result_of(tls, SSL_do_handshake(tls->ssl));
}

enum tls_result tls_read(struct tls *tls, void *out, size_t cap, size_t *out_n)
{
    ERR_clear_error();
    return result_of(tls, SSL_read_ex(tls->ssl, out, cap, out_n));
}

enum tls_result tls_write(struct tls *tls, const void *bytes, size_t len, size_t *out_n)
{
    ERR_clear_error();
    return result_of(tls, SSL_write_ex(tls->ssl, bytes, len, out_n));
}

enum tls_result tls_shutdown(struct tls *tls)
{
    int returned;

    ERR_clear_error();
    returned = SSL_shutdown(tls->ssl);
    return returned >= 0 ? TLS_OK : result_of(tls, returned);
}

bool tls_has_pending(const struct tls *tls)
{
    return SSL_has_pending(tls->ssl) == 1;
}

struct str tls_error_text(struct arena *arena, const struct tls *tls)
{
    long verdict = SSL_get_verify_result(tls->ssl);

    if (verdict != X509_V_OK && ERR_GET_REASON(tls->error) == SSL_R_CERTIFICATE_VERIFY_FAILED)
        return str_copy(arena, str_of(X509_verify_cert_error_string(verdict)));
    return library_text(arena, tls->error);
}
