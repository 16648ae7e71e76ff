// The two clocks. The pure rooms never come here: they are told the time.

#ifndef IO_CLOCK_H
#define IO_CLOCK_H

#include <stdint.h>

int64_t clock_wall_ms(void);      // since the epoch, UTC; may jump
int64_t clock_monotonic_ms(void); // for deadlines
int64_t clock_monotonic_us(void); // for measuring

void clock_sleep_ms(int64_t ms); // command line only: nothing on a loop waits

#endif
