// See http.h.

#include "wire/http.h"

#include "base/buf.h"

const char *http_reason(int status)
{
    switch (status) {
    case 100: return "Continue";
    case 101: return "Switching Protocols";
    case 200: return "OK";
    case 201: return "Created";
    case 202: return "Accepted";
    case 204: return "No Content";
    case 301: return "Moved Permanently";
    case 302: return "Found";
    case 304: return "Not Modified";
    case 400: return "Bad Request";
    case 401: return "Unauthorized";
    case 403: return "Forbidden";
    case 404: return "Not Found";
    case 405: return "Method Not Allowed";
    case 408: return "Request Timeout";
    case 409: return "Conflict";
    case 413: return "Content Too Large";
    case 414: return "URI Too Long";
    case 415: return "Unsupported Media Type";
    case 417: return "Expectation Failed";
    case 426: return "Upgrade Required";
    case 429: return "Too Many Requests";
    case 431: return "Request Header Fields Too Large";
    case 500: return "Internal Server Error";
    case 501: return "Not Implemented";
    case 502: return "Bad Gateway";
    case 503: return "Service Unavailable";
    case 504: return "Gateway Timeout";
    case 505: return "HTTP Version Not Supported";
    default: return "Status";
    }
}

bool http_header_get(const struct http_header *headers, size_t n, struct str name, struct str *out)
{
    for (size_t i = 0; i < n; i++) {
        if (str_eq_nocase(headers[i].name, name)) {
            *out = headers[i].value;
            return true;
        }
    }
    return false;
}

bool http_header_has_token(const struct http_header *headers, size_t n, struct str name,
                           struct str token)
{
    for (size_t i = 0; i < n; i++) {
        struct str rest = headers[i].value;
        struct str item;

        if (!str_eq_nocase(headers[i].name, name))
            continue;
        while (rest.len > 0) {
            str_cut(rest, ',', &item, &rest);
            if (str_eq_nocase(str_trim(item), token))
                return true;
        }
    }
    return false;
}

void http_write_header(struct buf *out, struct str name, struct str value)
{
    buf_add_str(out, name);
    buf_add_str(out, STR(": "));
    buf_add_str(out, value);
    buf_add_str(out, STR("\r\n"));
}

// RFC 9110, 5.6.2
static const bool token_char[256] = {
    ['!'] = true,         ['#' ... '\''] = true, ['*' ... '+'] = true, ['-' ... '.'] = true,
    ['0' ... '9'] = true, ['A' ... 'Z'] = true,  ['^' ... '`'] = true, ['a' ... 'z'] = true,
    ['|'] = true,         ['~'] = true,
};

bool http_is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!token_char[(unsigned char)s.ptr[i]])
            return false;
    }
    return s.len > 0;
}

// Without a way out of the loop, so that the compiler looks at many bytes in one step.
static bool has_control(struct str s)
{
    unsigned found = 0;

    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        found |= (unsigned)(c < 0x20) & (unsigned)(c != '\t');
        found |= (unsigned)(c == 0x7f);
    }
    return found != 0;
}

bool http_header_is_valid(const struct http_header *header)
{
    return !has_control(header->value) && http_is_token(header->name);
}
