// Latencies: counted in buckets that are one sixteenth of their value wide, so a quantile is off by
// six per cent at most and recording one costs a few instructions.

#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

enum { HISTOGRAM_PARTS = 16, HISTOGRAM_BUCKETS = 60 * HISTOGRAM_PARTS };

struct histogram {
    uint64_t counts[HISTOGRAM_BUCKETS];
    uint64_t n;
    int64_t max;
};

void histogram_add(struct histogram *histogram, int64_t value); // >= 0

// The least value that `part` (0 to 1) of all values do not exceed; 0 when there are none.
int64_t histogram_quantile(const struct histogram *histogram, double part);

#endif
