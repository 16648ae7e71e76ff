// What reaches the thread that decides: calls of the API, agents coming, speaking and going, word
// from outside and word from the store. An input belongs to whoever has it at the moment; there is
// never a second one who looks.

#ifndef SERVER_INPUT_H
#define SERVER_INPUT_H

#include "base/arena.h"
#include "core/scaling.h"
#include "core/sessions.h"
#include "ops/op.h"
#include "server/queue.h"

struct http_exchange;

enum input_kind {
    INPUT_CALL,      // struct call
    INPUT_OPEN,      // struct agent_input; likewise the next two
    INPUT_MESSAGE,   //
    INPUT_GONE,      //
    INPUT_SCALED,    // struct scaled_input
    INPUT_WORD,      // struct word, word.h
    INPUT_COMMITTED, // struct commit_result
    INPUT_STORE_BACK,
    INPUT_STOP,
};

struct input {
    struct queue_item item;
    enum input_kind kind;
};

static inline struct input *input_of(struct queue_item *item)
{
    return (struct input *)item; // `item` is its first member
}

// What became of an input.
enum verdict {
    VERDICT_NONE,
    VERDICT_DONE,
    VERDICT_FAILED,      // the operation said no; see `error`
    VERDICT_UNAVAILABLE, // not decided, or undone: the store cannot commit
};

// One call of the API. Made, and with everything it points at kept, in the arena of its exchange.
struct call {
    struct input input;
    struct http_exchange *exchange;
    struct arena *arena; // the exchange's
    enum ecs_operation operation;
    struct caller caller;
    struct str request_id;
    struct str acs_endpoint; // what DiscoverPollEndpoint answers
    struct str tcs_endpoint;
    struct exec_ticket exec; // what ExecuteCommand answers
    const void *request;
    const struct shape_unknown *unknowns;
    size_t body_len;
    int64_t started_us; // monotonic
    enum verdict verdict;
    void *reply; // of the operation's shape; may point into frozen records
    struct op_error error;
};

enum channel_kind { CHANNEL_ACS, CHANNEL_TCS, CHANNEL_N };

// Something an agent did. A heap block of its own, with an arena for what it points at.
struct agent_input {
    struct input input;
    struct arena arena;
    enum channel_kind channel;
    session_id session;
    uint64_t instance_id;     // whose session it is; 0 in INPUT_OPEN
    struct agent_hello hello; // INPUT_OPEN only
    size_t message_kind;      // INPUT_MESSAGE: enum acs_message or tcs_message
    const void *message;
    enum verdict verdict;
};

struct agent_input *agent_input_new(enum input_kind kind, enum channel_kind channel,
                                    session_id session, uint64_t instance_id);
void agent_input_free(struct agent_input *input);

// What came of a scaling action. A heap block of its own, with an arena for what it points at.
struct scaled_input {
    struct input input;
    struct arena arena;
    bool is_lost; // the call was not made; only provider_id is set
    struct scaling_result result;
};

struct scaled_input *scaled_input_new(uint64_t provider_id);
void scaled_input_free(struct scaled_input *input);

// An effect that rests on something undone: what goes outside is dropped; what it would have told
// an agent must not be sent, and the session must not go on as if it had been. A handshake is
// refused, a session closed; the agent comes again and is told what holds then.
void effect_refuse(struct effect *effect);

// What callers read while the store cannot commit.
#define INPUT_UNAVAILABLE_TEXT STR("Service Unavailable. Please try again later.")

#endif
