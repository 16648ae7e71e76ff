// Command lines of the benchmark's programs: "--name VALUE" pairs after the words.

#ifndef BENCH_FLAGS_H
#define BENCH_FLAGS_H

#include <stdint.h>

struct flag {
    const char *name;  // "--instances"
    int64_t *number;   // one of the two
    const char **text; //
    const char *help;
};

// Takes the flags out of argv; what remains are the words, argv[0] first, and their number is
// returned. Ends the program (status 2) when a flag is unknown or not a number.
int flags_parse(int argc, char **argv, const struct flag *flags, const char *usage);

// Prints the usage and ends the program with status 2.
_Noreturn void flags_fail(const struct flag *flags, const char *usage, const char *program);

#endif
