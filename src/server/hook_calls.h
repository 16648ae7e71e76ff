// Lifecycle hooks called over HTTP. An operator's file says which URL stands for a hook's target:
// one line each, "TARGET URL"; empty lines and lines that begin with '#' are skipped. Only targets
// in the file are called. Loop thread.
//
// A call is a POST of what a Lambda function would get, and its answer is what that would return.
// While nobody is reached (no connection, or status 429, 502, 503, 504) it is tried again, up to 15
// minutes after its first attempt. Source: ecs-behaviour-scheduler 4.5.

#ifndef SERVER_HOOK_CALLS_H
#define SERVER_HOOK_CALLS_H

#include "server/word.h"

struct hook_calls;
struct loop;

// Takes a word over.
typedef void word_fn(void *user, struct word *word);

struct hook_calls *hook_calls_new(struct loop *loop, const char *path, word_fn *say, void *user);
void hook_calls_free(struct hook_calls *calls); // cancels what is under way

// False: the file cannot be used; nothing has changed.
bool hook_calls_load(struct hook_calls *calls, struct arena *arena, struct str *out_detail);

// Says what came of it exactly once, unless the calls are freed before.
void hook_calls_call(struct hook_calls *calls, const struct hook_call *call);

#endif
