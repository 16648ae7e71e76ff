// Who is calling: signatures checked against the credentials file, or, without authentication,
// everybody is root.

#ifndef SERVER_AUTH_H
#define SERVER_AUTH_H

#include "base/timefmt.h"
#include "ops/op.h"
#include "server/server.h"
#include "wire/sigv4.h"

struct auth;
struct http_request;

struct auth_config {
    enum server_auth mode;
    const char *credentials_path; // copied; likewise the texts
    struct str partition;
    struct str account;
    struct str region; // of callers that name none
};

// AUTH_E_CREDENTIALS: the file is of no use; *out_detail says why, living in `arena`.
enum auth_outcome { AUTH_E_REJECTED = 1, AUTH_E_CREDENTIALS };
int auth_new(const struct auth_config *config, struct arena *arena, struct str *out_detail,
             struct auth **out) MUST_CHECK;
void auth_free(struct auth *auth);

// Reads the credentials file again; after AUTH_E_CREDENTIALS the old keys stay.
int auth_reload(struct auth *auth, struct arena *arena, struct str *out_detail) MUST_CHECK;

// The caller of a request, whose slices live in `arena`; AUTH_E_REJECTED: *out_error is what the
// client is to read.
int auth_check(struct auth *auth, const struct http_request *request, time_ms now,
               struct arena *arena, struct caller *out, struct sigv4_error *out_error) MUST_CHECK;
// The same of a call that the session plugin makes: signed for the service "ssm".
int auth_check_plugin(struct auth *auth, const struct http_request *request, time_ms now,
                      struct arena *arena, struct caller *out,
                      struct sigv4_error *out_error) MUST_CHECK;

#endif
