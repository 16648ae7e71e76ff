// See histogram.h. Values below sixteen have a bucket each; above, a bucket is named by the
// position of the highest bit and the four bits behind it.

#include "bench/histogram.h"

#include "base/assert.h"

static unsigned bucket_of(uint64_t value)
{
    unsigned high;

    if (value < HISTOGRAM_PARTS)
        return (unsigned)value;
    high = 63 - (unsigned)__builtin_clzll(value);
    return (high - 3) * HISTOGRAM_PARTS + (unsigned)(value >> (high - 4)) % HISTOGRAM_PARTS;
}

// The greatest value of a bucket.
static int64_t top_of(unsigned bucket)
{
    unsigned high = bucket / HISTOGRAM_PARTS + 3;
    uint64_t part = bucket % HISTOGRAM_PARTS + 1;

    if (bucket < HISTOGRAM_PARTS)
        return bucket;
    return (int64_t)((1ULL << high) + (part << (high - 4)) - 1);
}

void histogram_add(struct histogram *histogram, int64_t value)
{
    unsigned bucket = bucket_of((uint64_t)value);

    ASSERT(value >= 0 && bucket < HISTOGRAM_BUCKETS);
    histogram->counts[bucket]++;
    histogram->n++;
    if (value > histogram->max)
        histogram->max = value;
}

int64_t histogram_quantile(const struct histogram *histogram, double part)
{
    uint64_t wanted = (uint64_t)(part * (double)histogram->n);
    uint64_t seen = 0;

    for (unsigned i = 0; i < HISTOGRAM_BUCKETS; i++) {
        seen += histogram->counts[i];
        if (seen > wanted)
            return top_of(i) < histogram->max ? top_of(i) : histogram->max;
    }
    return histogram->max;
}
