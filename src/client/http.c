// libcurl's easy interface, one handle a request: a command makes a handful of calls and ends.

#include "client/http.h"

#include <curl/curl.h>

#include "base/arena.h"
#include "base/assert.h"
#include "base/buf.h"

enum { REPLY_MAX = 64 << 20 };

static size_t collect(char *bytes, size_t size, size_t n, void *user)
{
    struct buf *body = user;

    if (buf_len(body) + size * n > REPLY_MAX)
        return 0;
    buf_add(body, bytes, size * n);
    return size * n;
}

static struct curl_slist *header_list(struct arena *arena,
                                      const struct client_http_request *request)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); // no 100-continue round trip

    for (size_t i = 0; i < request->headers_n; i++)
        list = curl_slist_append(list, arena_printf(arena, "%.*s: %.*s",
                                                    STR_ARGS(request->headers[i].name),
                                                    STR_ARGS(request->headers[i].value)));
    ASSERT(list != NULL);
    return list;
}

static void set_up(CURL *curl, const struct client_http_request *request,
                   struct curl_slist *headers, struct buf *body)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, request->timeout_ms);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, collect);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, body);
    curl_easy_setopt(curl, CURLOPT_PROXY, ""); // the control plane is never behind a web proxy
    if (strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.ptr ? request->body.ptr : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.len);
    }
    if (request->ca_file != NULL)
        curl_easy_setopt(curl, CURLOPT_CAINFO, request->ca_file);
    if (request->insecure) {
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
        curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
    }
}

int client_http(struct arena *arena, const struct client_http_request *request,
                struct client_http_reply *out, struct str *out_why)
{
    BUF_AUTO struct buf body = BUF_INIT;
    CURL *curl = curl_easy_init();
    struct curl_slist *headers = header_list(arena, request);
    CURLcode rc;
    long status = 0;

    ASSERT(curl != NULL);
    set_up(curl, request, headers, &body);
    rc = curl_easy_perform(curl);
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    if (rc != CURLE_OK) {
        *out_why = str_of(curl_easy_strerror(rc)); // static text
        return CLIENT_HTTP_E_FAILED;
    }
    out->status = (int)status;
    out->body = str_copy(arena, buf_str(&body));
    return 0;
}
