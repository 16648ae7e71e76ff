// TLS over a connected descriptor, by OpenSSL: contexts (made once from files) and sessions (one a
// connection). TLS 1.2 is the oldest version spoken; renegotiation is off. Only wire/conn.c drives
// sessions.

#ifndef WIRE_TLS_H
#define WIRE_TLS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/str.h"

struct arena;
struct tls_context; // shared by its sessions, so it must outlive them
struct tls;

enum tls_setup_outcome {
    TLS_E_CERTIFICATE = 1, // unreadable, not PEM, or empty
    TLS_E_KEY,             // unreadable, or not the certificate's
    TLS_E_CA,              // unreadable, or no certificate inside
};

// `cert_path` holds the chain, leaf first. On an outcome, *out_detail says why in one line
// (library text), living in `arena`.
int tls_context_server(const char *cert_path, const char *key_path, struct arena *arena,
                       struct str *out_detail, struct tls_context **out) MUST_CHECK;

// ca_path NULL: the system's store. `verify` false accepts any certificate (the user asked for it).
int tls_context_client(const char *ca_path, bool verify, struct arena *arena,
                       struct str *out_detail, struct tls_context **out) MUST_CHECK;
void tls_context_free(struct tls_context *context);

// A session on `fd`, which stays the caller's. `host` (client only) is what the certificate must
// name, and the SNI unless it is an address.
struct tls *tls_new(struct tls_context *context, int fd, struct str host);
void tls_free(struct tls *tls);

// What a step came to. OK: *out_n bytes moved (always > 0 but for the handshake and the shutdown).
// WANT_*: call again when the descriptor is ready for that. EOF: the peer closed properly. BROKEN:
// anything else; the connection is of no further use.
enum tls_result { TLS_OK, TLS_WANT_READ, TLS_WANT_WRITE, TLS_EOF, TLS_BROKEN };

enum tls_result tls_handshake(struct tls *tls);
enum tls_result tls_read(struct tls *tls, void *out, size_t cap, size_t *out_n);
enum tls_result tls_write(struct tls *tls, const void *bytes, size_t len, size_t *out_n);
enum tls_result tls_shutdown(struct tls *tls); // sends our close notice; does not wait for theirs

// Bytes taken from the descriptor that tls_read has not given out, so that no poll will announce
// them. They need not make a whole record yet: after WANT_READ only the descriptor can help.
bool tls_has_pending(const struct tls *tls);

// One line on the last failure of this session, for logs; "" when unknown. Lives in `arena`.
struct str tls_error_text(struct arena *arena, const struct tls *tls);

#endif
