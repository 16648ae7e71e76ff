// How the query language orders values that are not plain text. Source: ecs-behaviour-scheduler
// 1.7.

#ifndef CORE_QUERY_COMPARE_H
#define CORE_QUERY_COMPARE_H

#include <stdbool.h>

#include "base/str.h"

// Digits separated by dots, then perhaps '-' or '+' and a suffix: "1.14.5", "1.70.1-rc1".
bool query_is_version(struct str text);

// Both are versions. By number, part for part; a missing part is 0, and what has a suffix comes
// before what has none. Below, at or above zero.
int query_version_order(struct str a, struct str b);

// By number when both texts are decimal numbers of any length, bytewise otherwise.
int query_value_order(struct str a, struct str b);

#endif
