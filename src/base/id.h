// Identifiers that ECS mints: 32 lower-case hex digits for tasks and instances, UUID v4 for
// containers and messages. Drawn from the caller's generator, so a replayed seed gives the same
// names. Source: ecs-behaviour-scheduler 0.

#ifndef BASE_ID_H
#define BASE_ID_H

#include "base/rng.h"
#include "base/str.h"

struct arena;

struct str id_hex32(struct arena *arena, struct rng *rng);
struct str id_uuid(struct arena *arena, struct rng *rng);

bool id_is_hex32(struct str s);
bool id_is_uuid(struct str s); // 8-4-4-4-12 hex digits, either case

#endif
