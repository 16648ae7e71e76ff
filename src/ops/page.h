// Pages of the List operations: maxResults and nextToken, alike everywhere.
//
// A token carries the key of the last result that was looked at, so results that come and go
// between two pages move nothing. It is bound to the operation, the region and everything else the
// request says: the next page must be asked for with the same filters. Its text is nobody's
// business. Source: ecs-behaviour-api 5.
//
//     struct page page;
//     uint64_t id;
//     if (op_page_begin_id(ctx, 100, 100, &page, &id) != OP_OK)
//         return OP_FAILED;
//     while (page_wants(&page) && (id = next after id) != 0)
//         if (matches) { out->at[out->n++] = ...; page.taken++; }
//     if (there is one after id)
//         SET(out, next_token, op_page_token_id(ctx, &page, id));

#ifndef OPS_PAGE_H
#define OPS_PAGE_H

#include "ops/op.h"

struct page {
    size_t max;        // results on this page at most
    size_t taken;      // results so far; the caller counts
    struct str cursor; // key where the page before ended; empty on the first page
    uint64_t binding;
};

// Reads maxResults and nextToken of the request (its members are found by name) and takes
// `max_default` when maxResults is absent. InvalidParameterException "maxResults must be between 1
// and <max_limit>" or "Invalid token.". Keys are texts or ids; a key of an entity that is gone by
// now is a key all the same: go on with the first one behind it.
int op_page_begin(struct op_ctx *ctx, int32_t max_default, int32_t max_limit,
                  struct page *out) MUST_CHECK;
int op_page_begin_id(struct op_ctx *ctx, int32_t max_default, int32_t max_limit, struct page *out,
                     uint64_t *out_after) MUST_CHECK; // 0 on the first page

// Refuses a token whose key is not one of this list: "Invalid token.". For keys with a form of
// their own.
int op_page_bad_token(struct op_ctx *ctx);

static inline bool page_wants(const struct page *page)
{
    return page->taken < page->max;
}

// The token of the next page, which goes on behind this key. In the call's arena.
struct str op_page_token(struct op_ctx *ctx, const struct page *page, struct str key);
struct str op_page_token_id(struct op_ctx *ctx, const struct page *page, uint64_t id);

#endif
