// A test rig: the engine with a fake runtime, a store that survives crashes, and a server that
// takes what is submitted. Tests and nothing else.
//
//     struct rig rig;
//     rig_init(&rig, seed);
//     fake_image(rig.fake, "app")->run_ms = 500;
//     struct acs_task *task = rig_task(&rig, "t1");
//     rig_container(task, "app", "app");
//     rig_start(&rig, task);
//     rig_run(&rig, 60000);
//     EXPECT_STR(rig_trace(&rig, "t1"), "PENDING app=PENDING; RUNNING app=RUNNING; STOPPED
//     app=STOPPED(0)"); rig_deinit(&rig);
//
// Time is the fake's; it starts at RIG_EPOCH. Each step is followed by engine_check.

#ifndef ENGINE_RIG_H
#define ENGINE_RIG_H

#include "engine/engine.h"
#include "runtime/fake.h"

#define RIG_EPOCH INT64_C(1800000000000)

enum rig_crash { RIG_CRASH_NEVER, RIG_CRASH_BEFORE_EFFECTS, RIG_CRASH_AFTER_EFFECTS };

struct rig_row {
    enum host_kind kind;
    int64_t id;
    void *value; // shape_freeze
};

struct rig_input;
struct rig_answer;

struct rig {
    struct arena arena;
    struct engine_settings settings;
    struct fake *fake;
    struct runtime *runtime;
    struct engine *engine;
    time_ms now;
    int64_t ahead_ms;   // of the engine's clock, against the fake's
    int64_t skipped_ms; // what the next step is told
    time_ms timer;

    struct rig_input *inputs, **inputs_end;
    struct rig_answer *answers; // of the server, to submits under way

    struct rig_row *rows;
    size_t rows_n, rows_cap;
    int commits;          // steps that had records
    int crash_at;         // after that many commits
    enum rig_crash crash; // how; RIG_CRASH_NEVER again once it happened

    const struct ecs_submit_task_state_change_request **submits;
    size_t submits_n, submits_cap;
    int submits_open, submits_open_max; // under way
    const struct engine_message **messages;
    size_t messages_n, messages_cap;
    int retries;     // how many submits the server turns away first
    int credentials; // effects seen
    int64_t seed;
    int32_t busy_port; // one that the host's kernel refuses; 0: none
    int64_t message_number;
};

void rig_init(struct rig *rig, uint64_t seed); // settings: defaults, 4 CPUs, 8 GiB
void rig_boot(struct rig *rig);                // makes the engine; rig_start does it when needed
void rig_deinit(struct rig *rig);

// ---- the world moves

void rig_run(struct rig *rig, int64_t ms);  // lets so much time pass
void rig_skip(struct rig *rig, int64_t ms); // the agent's clock is set ahead, or back (< 0)
void rig_restart(struct rig *rig);          // kill -9 of the agent, and back
void rig_disconnect(struct rig *rig);       // the runtime goes away (fake_set_down brings it back)
void rig_reconnect(struct rig *rig);        // the runtime's event stream is open again
void rig_lose(struct rig *rig);             // kill -9, and its store is gone
void rig_disk(struct rig *rig, bool is_low);
void rig_send(struct rig *rig, enum acs_message kind, const void *value);

// ---- tasks: spec lists have room for 8 entries

struct acs_task *rig_task(struct rig *rig, const char *name);
struct acs_container *rig_container(struct rig *rig, struct acs_task *task, const char *name,
                                    const char *image); // essential
void rig_depends(struct rig *rig, struct acs_container *c, const char *on,
                 enum acs_container_condition condition);
struct docker_host_config *rig_host_config(struct rig *rig, struct acs_container *c);
struct docker_config *rig_config(struct rig *rig, struct acs_container *c);
void rig_port(struct rig *rig, struct acs_container *c, int32_t container_port, int32_t host_port);
// A network of its own, with these security groups (NULL: none).
void rig_network(struct rig *rig, struct acs_task *task, const char *groups);
void rig_start(struct rig *rig, const struct acs_task *task); // a payload
void rig_stop(struct rig *rig, const char *name);             // a payload with desired STOPPED

// ---- what came of it

struct str rig_arn(struct rig *rig, const char *name);
// Every submit about the task: "STATUS container=STATUS(exit code)!ErrorName ...", joined by "; ".
struct str rig_trace(struct rig *rig, const char *name);
// The last entry about a container with that status, or NULL.
const struct ecs_container_state_change *rig_change(struct rig *rig, const char *task,
                                                    const char *container, const char *status);
const struct ecs_submit_task_state_change_request *rig_submit(struct rig *rig, const char *task,
                                                              const char *status);
// NULL when the engine does not keep it.
const struct engine_view *rig_view(struct rig *rig, const char *task, const char *container);
const void *rig_message(struct rig *rig, enum acs_message kind); // the last one sent, or NULL

#endif
