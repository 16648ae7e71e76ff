// Shrinking: which actions of a failing plan are needed for it to fail the same way.

#ifndef TESTS_SIM_SHRINK_H
#define TESTS_SIM_SHRINK_H

#include <stdbool.h>

struct plan;

// Whether the plan still fails as it should; each answer costs a run.
typedef bool shrink_fails_fn(void *user, const struct plan *plan);

// Leaves out what is not needed. The plan fails before and after.
void shrink(struct plan *plan, shrink_fails_fn *fails, void *user);

#endif
