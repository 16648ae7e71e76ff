// One HTTP request, waited for: what the command line needs.

#ifndef CLIENT_HTTP_H
#define CLIENT_HTTP_H

#include "base/error.h"
#include "wire/http.h"

struct arena;

struct client_http_request {
    const char *method;
    const char *url;
    const struct http_header *headers;
    size_t headers_n;
    struct str body;
    long timeout_ms;
    const char *ca_file; // NULL: the system's
    bool insecure;       // certificates are not checked
};

struct client_http_reply {
    int status;
    struct str body; // in the arena
};

enum client_http_outcome { CLIENT_HTTP_E_FAILED = 1 };

// *out_why is a few words for a person when nothing was answered.
int client_http(struct arena *arena, const struct client_http_request *request,
                struct client_http_reply *out, struct str *out_why) MUST_CHECK;

#endif
