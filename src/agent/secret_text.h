// What is inside a secret that is JSON: one member of it, or a login. Texts in, texts out.
// Source: ecs-behaviour-agent 1.7.4, 1.8.2.

#ifndef AGENT_SECRET_TEXT_H
#define AGENT_SECRET_TEXT_H

#include <stdbool.h>

#include "base/str.h"

struct arena;

// The member of a JSON object: a string's text, a number or a word as it is written. False: it is
// no object, or has no such member, or that is an object or a list. *out lives in the arena.
bool secret_text_member(struct arena *arena, struct str json, struct str name, struct str *out);

// "user:password" of {"username": ..., "password": ...}. False: it is not that.
bool secret_text_login(struct arena *arena, struct str json, struct str *out);

#endif
