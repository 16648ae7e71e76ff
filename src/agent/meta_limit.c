// See meta_limit.h. A bucket that has filled up again says nothing more and is forgotten: when
// there are many, all of those go; should none have, the oldest callers start afresh.

#include "agent/meta_limit.h"

#include "base/map.h"
#include "base/mem.h"

enum { BUCKETS_MAX = 4096 };

struct bucket {
    struct str key; // behind the structure
    double left;    // requests
    int64_t at_ms;  // when `left` held
    UT_hash_handle hh;
};

struct meta_limit {
    double per_second;
    double burst;
    struct bucket *buckets;
};

struct meta_limit *meta_limit_new(double per_second, double burst)
{
    struct meta_limit *limit = mem_zalloc(sizeof *limit);

    limit->per_second = per_second;
    limit->burst = burst;
    return limit;
}

static void drop(struct meta_limit *limit, struct bucket *bucket)
{
    MAP_DEL(hh, limit->buckets, bucket);
    mem_free(bucket);
}

void meta_limit_free(struct meta_limit *limit)
{
    struct bucket *bucket;
    struct bucket *next;

    if (limit == NULL)
        return;
    HASH_ITER (hh, limit->buckets, bucket, next) {
        drop(limit, bucket);
    }
    mem_free(limit);
}

static void fill(const struct meta_limit *limit, struct bucket *bucket, int64_t now_ms)
{
    double gained = (double)(now_ms - bucket->at_ms) / 1000 * limit->per_second;

    bucket->left = bucket->left + gained < limit->burst ? bucket->left + gained : limit->burst;
    bucket->at_ms = now_ms;
}

static void make_room(struct meta_limit *limit, int64_t now_ms)
{
    struct bucket *bucket;
    struct bucket *next;

    HASH_ITER (hh, limit->buckets, bucket, next) {
        fill(limit, bucket, now_ms);
        if (bucket->left >= limit->burst)
            drop(limit, bucket);
    }
    if (MAP_COUNT(hh, limit->buckets) >= BUCKETS_MAX)
        drop(limit, limit->buckets);
}

static struct bucket *bucket_of(struct meta_limit *limit, struct str key, int64_t now_ms)
{
    struct bucket *bucket;

    MAP_FIND_STR(hh, limit->buckets, key, bucket);
    if (bucket != NULL)
        return bucket;
    if (MAP_COUNT(hh, limit->buckets) >= BUCKETS_MAX)
        make_room(limit, now_ms);
    bucket = mem_zalloc(sizeof *bucket + key.len);
    memcpy(bucket + 1, key.ptr, key.len);
    bucket->key = str_span((const char *)(bucket + 1), key.len);
    bucket->left = limit->burst;
    bucket->at_ms = now_ms;
    MAP_ADD_STR(hh, limit->buckets, key, bucket);
    return bucket;
}

bool meta_limit_take(struct meta_limit *limit, struct str key, int64_t now_ms)
{
    struct bucket *bucket = bucket_of(limit, key, now_ms);

    fill(limit, bucket, now_ms);
    if (bucket->left < 1)
        return false;
    bucket->left -= 1;
    return true;
}

double meta_limit_per_second(const struct meta_limit *limit)
{
    return limit->per_second;
}
